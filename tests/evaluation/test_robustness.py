"""Paired scores against scikit-learn and a slow bootstrap."""

import numpy as np
import pytest
from sklearn.metrics import f1_score

from har.evaluation.leave_one_out import Bootstrap
from har.evaluation.robustness import mean_of_datasets, mean_of_draws, paired_score

BOOTSTRAP = Bootstrap(200, 0.9, 3)


def answers(seed: int, count: int = 300) -> tuple[list, list, list, list]:
    """Truth, answers before and after, and people."""
    random = np.random.default_rng(seed)
    true, wrong, other = (random.choice(list("abc"), count) for _ in range(3))
    before = np.where(random.random(count) < 0.7, true, wrong)
    after = np.where(random.random(count) < 0.2, other, before)
    return true.tolist(), before.tolist(), after.tolist(), random.choice(list("pqrst"), count).tolist()


def test_differences_and_their_interval_are_those_of_a_slow_bootstrap():
    true, before, after, people = answers(0)
    found = paired_score("d", true, before, after, people, BOOTSTRAP)
    assert found.control == pytest.approx(f1_score(true, before, average="macro"))
    assert found.score == pytest.approx(f1_score(true, after, average="macro"))
    assert found.moved == pytest.approx(np.mean(np.array(before) != np.array(after)))
    names = sorted(set(people))
    draws = []
    for times in BOOTSTRAP.times("d", len(names)):
        rows = [i for name, often in zip(names, times, strict=True) for _ in range(int(often)) for i in range(300)
                if people[i] == name]  # fmt: skip
        score = [f1_score([true[i] for i in rows], [a[i] for i in rows], average="macro") for a in (before, after)]
        draws.append(score[1] - score[0])
    np.testing.assert_allclose(found.draws, draws, atol=1e-12)
    np.testing.assert_allclose(found.interval, np.quantile(draws, [0.05, 0.95]), atol=1e-12)


def test_nothing_changed_is_nothing():
    true, before, _, people = answers(1)
    found = paired_score("d", true, before, before, people, BOOTSTRAP)
    assert (found.difference, found.moved, found.answered, found.interval) == (0.0, 0.0, 1.0, (0.0, 0.0))


def test_windows_without_an_answer_are_in_neither_score():
    true, before, after, people = answers(2)
    kept = [i for i in range(300) if i % 3]
    holes = [after[i] if i % 3 else None for i in range(300)]
    found = paired_score("d", true, before, holes, people, BOOTSTRAP)
    part = paired_score("d", *([column[i] for i in kept] for column in (true, before, after, people)), BOOTSTRAP)
    assert found.answered == pytest.approx(2 / 3) and found.windows == 200
    assert (found.score, found.control, found.interval) == (part.score, part.control, part.interval)
    with pytest.raises(ValueError, match="none of 300 windows has an answer"):
        paired_score("d", true, before, [None] * 300, people, BOOTSTRAP)
    with pytest.raises(ValueError, match="299 and 300 answers"):
        paired_score("d", true, before[1:], after, people, BOOTSTRAP)


def test_one_person_has_no_interval():
    true, before, after, _ = answers(3)
    alone = paired_score("one", true, before, after, ["p"] * 300, BOOTSTRAP)
    assert alone.interval is None and alone.to_dict()["interval"] is None
    many = paired_score("many", *answers(4), BOOTSTRAP)
    mean = mean_of_datasets({"one": alone, "many": many}, 0.9)
    assert mean["difference"] == pytest.approx((alone.difference + many.difference) / 2)
    np.testing.assert_allclose(mean["interval"], (np.array(many.interval) + alone.difference) / 2)
    assert mean["windows"] == 600 and mean["people"] == 6 and mean["datasets"] == ["one", "many"]
    assert mean_of_datasets({"one": alone}, 0.9)["interval"] is None


def test_draws_of_words_share_their_draws_of_people():
    true, before, after, people = answers(5)
    other = [a if i % 2 else b for i, (a, b) in enumerate(zip(after, before, strict=True))]
    scores = [paired_score("d", true, before, a, people, BOOTSTRAP) for a in (after, other)]
    found = mean_of_draws(scores, 0.9)
    assert found["scores"] == [s.score for s in scores]
    assert found["sd"] == pytest.approx(abs(scores[0].score - scores[1].score) / np.sqrt(2))
    assert (found["lowest"], found["highest"]) == tuple(sorted(found["scores"]))
    both = (scores[0].draws + scores[1].draws) / 2
    np.testing.assert_allclose(found["interval"], np.quantile(both, [0.05, 0.95]))
    assert mean_of_draws(scores[:1], 0.9)["sd"] is None
