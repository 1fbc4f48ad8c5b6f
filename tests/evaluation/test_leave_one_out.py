"""Means, spreads and intervals of the protocol against plain loops and scikit-learn; the nested choice by hand."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score

from har.evaluation.leave_one_out import (
    CEILING,
    CEILING_CONTEXT,
    CONTEXT,
    FOREST,
    MAJORITY,
    ONE_WINDOW,
    Answers,
    Bootstrap,
    mean_over_datasets,
    nested_selection,
    score_protocol,
    score_row,
    summary,
)
from har.evaluation.leave_one_out_report import render_protocol_report
from har.evaluation.zero_shot import open_set_groups

LABELS = ["cycling", "running", "sitting", "standing", "walking"]
BOOTSTRAP = Bootstrap(draws=60, level=0.9, seed=3)


def windows(seed, count=150, people=5):
    """Truths, people and placements of a dataset."""
    rng = np.random.default_rng(seed)
    true = rng.choice(LABELS, size=count, p=rng.dirichlet(np.ones(len(LABELS)))).tolist()
    people = [f"p{i}" for i in rng.integers(people, size=count)]
    return true, people, rng.choice(["wrist", "chest"], size=count).tolist()


def guesses(true, seeds, skill=0.6, start=0):
    """seed -> predictions, a share of them right; wrong ones may lie outside the labels."""
    predictions = {}
    for seed in seeds:
        rng = np.random.default_rng([start, seed])
        predictions[seed] = [t if rng.random() < skill else str(rng.choice([*LABELS, "swimming"])) for t in true]
    return predictions


def sklearn_scores(true, predicted):
    labels = sorted(set(true))
    return {
        "macro_f1": f1_score(true, predicted, labels=labels, average="macro", zero_division=0.0),
        "accuracy": accuracy_score(true, predicted),
    }


def slow_draws(dataset, true, predictions, people, bootstrap):
    """(seeds, draws) of each score: windows are really repeated, and scored by scikit-learn."""
    names = sorted(set(people))
    rng = np.random.default_rng([bootstrap.seed, *dataset.encode()])
    drawn = rng.integers(len(names), size=(bootstrap.draws, len(names)))
    values = {"macro_f1": [], "accuracy": []}
    for seed in sorted(predictions):
        rows = {name: [] for name in values}
        for draw in drawn:
            taken = [i for who in draw for i, p in enumerate(people) if p == names[who]]
            scores = sklearn_scores([true[i] for i in taken], [predictions[seed][i] for i in taken])
            for name, value in scores.items():
                rows[name].append(value)
        for name, value in rows.items():
            values[name].append(value)
    return {name: np.array(value) for name, value in values.items()}


def test_a_row_equals_scikit_learn_and_a_loop_over_the_same_draws():
    true, people, _ = windows(0)
    predictions = guesses(true, (2, 0, 1))
    found = summary(score_row("somewhere", true, predictions, people, BOOTSTRAP), BOOTSTRAP.level)
    slow = slow_draws("somewhere", true, predictions, people, BOOTSTRAP)
    assert found["seeds"] == [0, 1, 2]
    for name in ("macro_f1", "accuracy"):
        values = [sklearn_scores(true, predictions[seed])[name] for seed in (0, 1, 2)]
        assert found[name]["values"] == pytest.approx(values)
        assert found[name]["mean"] == pytest.approx(np.mean(values))
        assert found[name]["sd"] == pytest.approx(np.std(values, ddof=1))
        # Seeds share the draw: averaged over them first, then the percentiles.
        assert found[name]["interval"] == pytest.approx(np.quantile(slow[name].mean(axis=0), [0.05, 0.95]).tolist())


def test_the_mean_over_datasets_equals_a_loop_over_independent_draws():
    parts = {}
    for number, dataset in enumerate(("first", "second", "third")):
        true, people, _ = windows(number, count=80 + 20 * number, people=3 + number)
        parts[dataset] = true, guesses(true, (0, 1), 0.3 + 0.2 * number, number), people
    rows = [score_row(d, t, g, p, BOOTSTRAP) for d, (t, g, p) in parts.items()]
    found = mean_over_datasets(rows, BOOTSTRAP.level)
    slow = [slow_draws(d, t, g, p, BOOTSTRAP) for d, (t, g, p) in parts.items()]
    for name in ("macro_f1", "accuracy"):
        by_seed = [np.mean([sklearn_scores(t, g[seed])[name] for t, g, _ in parts.values()]) for seed in (0, 1)]
        assert found[name]["values"] == pytest.approx(by_seed)
        assert found[name]["mean"] == pytest.approx(np.mean(by_seed))
        assert found[name]["sd"] == pytest.approx(np.std(by_seed, ddof=1))
        draws = np.mean([d[name] for d in slow], axis=(0, 1))
        assert found[name]["interval"] == pytest.approx(np.quantile(draws, [0.05, 0.95]).tolist())


def test_datasets_are_drawn_independently_and_whatever_others_there_are():
    first, second = (BOOTSTRAP.times(name, 6) for name in ("first", "second"))
    assert not np.array_equal(first, second)
    assert np.array_equal(first, BOOTSTRAP.times("first", 6))


def test_the_mean_is_over_the_seeds_that_all_datasets_have():
    true, people, _ = windows(1)
    one = score_row("one", true, guesses(true, (0, 1, 2)), people, BOOTSTRAP)
    two = score_row("two", true, guesses(true, (2, 1), start=5), people, BOOTSTRAP)
    found = mean_over_datasets([one, two], BOOTSTRAP.level)
    assert found["seeds"] == [1, 2]
    assert found["accuracy"]["mean"] == pytest.approx(
        np.mean([one.values["accuracy"][1:].mean(), two.values["accuracy"].mean()])
    )
    other = score_row("two", true, guesses(true, (7,)), people, BOOTSTRAP)
    assert mean_over_datasets([one, other], BOOTSTRAP.level) is None


def test_one_person_has_no_interval_but_takes_part_in_the_mean():
    true, people, _ = windows(2)
    alone = score_row("alone", true, guesses(true, (0,)), ["p"] * len(true), BOOTSTRAP)
    assert summary(alone, 0.9)["accuracy"]["interval"] is None
    assert mean_over_datasets([alone, alone], 0.9)["accuracy"]["interval"] is None
    others = score_row("others", true, guesses(true, (0,), start=1), people, BOOTSTRAP)
    low, high = mean_over_datasets([alone, others], 0.9)["accuracy"]["interval"]
    own_low, own_high = summary(others, 0.9)["accuracy"]["interval"]
    assert high - low == pytest.approx((own_high - own_low) / 2)
    assert summary(others, 0.9)["accuracy"]["sd"] is None


def answers(dataset, number=0, ceiling=True, seeds=(0, 1)):
    true, people, places = windows(number)
    closed = {ONE_WINDOW: guesses(true, seeds, 0.5), CONTEXT: guesses(true, seeds, 0.7), FOREST: guesses(true, (0,))}
    if ceiling:
        closed |= {CEILING: guesses(true, (0,), 0.8), CEILING_CONTEXT: guesses(true, (0,), 0.9)}
    return Answers(dataset, true, people, places, closed, {ONE_WINDOW: guesses(true, seeds, 0.4, 9)})


def test_a_record_of_the_protocol_holds_every_row():
    parts = [answers("first"), answers("second", 1)]
    record = score_protocol(parts, BOOTSTRAP)
    assert list(record["datasets"]) == ["first", "second"]
    entry = record["datasets"]["first"]
    assert set(entry["rows"]) == {ONE_WINDOW, CONTEXT, FOREST, MAJORITY, CEILING, CEILING_CONTEXT}
    closed = entry["rows"][ONE_WINDOW]["closed_set"]
    assert closed == summary(
        score_row("first", parts[0].true, parts[0].closed_set[ONE_WINDOW], parts[0].subjects, BOOTSTRAP), 0.9
    )
    commonest = max(sorted(set(parts[0].true)), key=parts[0].true.count)
    expected = sklearn_scores(parts[0].true, [commonest] * len(parts[0].true))
    assert entry["rows"][MAJORITY]["closed_set"]["macro_f1"]["mean"] == pytest.approx(expected["macro_f1"])
    truth, answered = open_set_groups(parts[0].true, parts[0].open_set[ONE_WINDOW][1])
    opened = entry["rows"][ONE_WINDOW]["open_set"]
    assert opened["macro_f1"]["values"][1] == pytest.approx(sklearn_scores(truth, answered)["macro_f1"])
    assert entry["rows"][CONTEXT]["open_set"] is None
    assert record["mean"][CONTEXT]["datasets"] == ["first", "second"]


def test_shares_are_of_the_ceiling_of_the_same_kind():
    record = score_protocol([answers("first"), answers("second", 1)], BOOTSTRAP)
    for entries in (record["datasets"]["first"]["rows"], record["mean"]):
        for row, ceiling in ((ONE_WINDOW, CEILING), (CONTEXT, CEILING_CONTEXT), (FOREST, CEILING), (MAJORITY, CEILING)):
            for name in ("macro_f1", "accuracy"):
                expected = entries[row]["closed_set"][name]["mean"] / entries[ceiling]["closed_set"][name]["mean"]
                assert entries[row]["share_of_ceiling"][name] == pytest.approx(expected)
        assert entries[CEILING]["share_of_ceiling"] is None


def test_no_share_of_a_ceiling_that_is_not_there_or_of_fewer_datasets():
    record = score_protocol([answers("first"), answers("second", 1, ceiling=False)], BOOTSTRAP)
    assert record["datasets"]["second"]["rows"][ONE_WINDOW]["share_of_ceiling"] is None
    assert record["mean"][CEILING]["datasets"] == ["first"]
    assert record["mean"][ONE_WINDOW]["share_of_ceiling"] is None


def test_the_mean_of_the_first_is_that_of_a_protocol_without_the_others():
    parts = [answers("first"), answers("second", 1), answers("third", 2)]
    alone = score_protocol(parts[:2], BOOTSTRAP)
    beside = score_protocol(parts, BOOTSTRAP, ("second", "first"))
    assert beside["mean_of_first"] == alone["mean"] != beside["mean"]
    assert alone["mean_of_first"] == score_protocol(parts, BOOTSTRAP)["mean_of_first"] == {}
    for first in (("first", "absent"), ("first", "second", "third")):
        assert score_protocol(parts, BOOTSTRAP, first)["mean_of_first"] == {}
    settings = {"draws": 20, "level": 0.9}
    text = render_protocol_report(beside, settings, (), {}, {})
    assert "## Mean over first, second alone" in text and "| *mean of first, second* |" in text
    assert "alone" not in render_protocol_report(alone, settings, (), {}, {}).partition("## Mean over")[2]


def test_placements_are_scored_on_their_own_windows():
    part = answers("first")
    placed = score_protocol([part], BOOTSTRAP)["datasets"]["first"]["per_placement"]
    assert set(placed) == {"wrist", "chest"}
    rows = [i for i, place in enumerate(part.placements) if place == "wrist"]
    expected = sklearn_scores([part.true[i] for i in rows], [part.closed_set[CONTEXT][1][i] for i in rows])
    assert placed["wrist"]["windows"] == len(rows)
    found = placed["wrist"]["rows"][CONTEXT]["closed_set"]
    assert found["macro_f1"]["values"][1] == pytest.approx(expected["macro_f1"])
    single = Answers("one", part.true, part.subjects, ["belt"] * len(part.true), part.closed_set, {})
    assert score_protocol([single], BOOTSTRAP)["datasets"]["one"]["per_placement"] == {}


def test_columns_of_other_lengths_are_refused():
    true, people, places = windows(0)
    with pytest.raises(ValueError, match="149 predictions of one_window, closed set, seed 4 for 150 windows"):
        Answers("somewhere", true, people, places, {ONE_WINDOW: {4: true[:-1]}}, {})


def test_the_nested_choice_may_differ_from_the_best_overall():
    # B wins overall by its score on c alone; without c, A is better, so A is what c gets.
    scores = {
        "A": {"a": [0.5, 0.7], "b": [0.6, 0.6], "c": [0.1, 0.1]},
        "B": {"a": [0.5, 0.5], "b": [0.5, 0.5], "c": [0.9, 0.7]},
    }
    found = nested_selection(scores)
    assert found["best"] == "B"
    assert found["chosen"] == {"a": "B", "b": "B", "c": "A"}
    # By seed: (a of B + b of B + c of A) / 3.
    assert found["nested"]["values"] == pytest.approx([(0.5 + 0.5 + 0.1) / 3, (0.5 + 0.5 + 0.1) / 3])
    assert found["nested"]["mean"] == pytest.approx(1.1 / 3) and found["nested"]["sd"] == pytest.approx(0.0)
    assert found["variants"]["A"]["values"] == pytest.approx([1.2 / 3, 1.4 / 3])
    assert found["variants"]["B"]["mean"] == pytest.approx((1.9 / 3 + 1.7 / 3) / 2)


@pytest.mark.parametrize("seed", range(4))
def test_the_score_of_a_dataset_has_no_part_in_its_own_choice(seed):
    rng = np.random.default_rng(seed)
    scores = {v: {d: rng.random(3).tolist() for d in "abcd"} for v in ("A", "B", "C")}
    chosen = nested_selection(scores)["chosen"]
    for dataset in "abcd":
        slow = {v: np.mean([np.mean(of[d]) for d in "abcd" if d != dataset]) for v, of in scores.items()}
        assert chosen[dataset] == max(slow, key=slow.get)
        changed = {v: {**of, dataset: rng.random(3).tolist()} for v, of in scores.items()}
        assert nested_selection(changed)["chosen"][dataset] == chosen[dataset]


def test_of_equal_variants_the_first_is_chosen():
    same = {"a": [0.5], "b": [0.5]}
    found = nested_selection({"later": same, "earlier": same})
    assert found["chosen"] == {"a": "later", "b": "later"} and found["best"] == "later"
    assert found["nested"]["sd"] is None


@pytest.mark.parametrize(
    "scores",
    [
        {"A": {"a": [0.1], "b": [0.1]}},
        {"A": {"a": [0.1]}, "B": {"a": [0.1]}},
        {"A": {"a": [0.1], "b": [0.1]}, "B": {"a": [0.1], "c": [0.1]}},
        {"A": {"a": [0.1], "b": [0.1]}, "B": {"a": [0.1], "b": [0.1, 0.2]}},
        {"A": {"a": [0.1], "b": [0.1, 0.2]}, "B": {"a": [0.1], "b": [0.1, 0.2]}},
    ],
)
def test_variants_that_do_not_compare_are_refused(scores):
    with pytest.raises(ValueError, match=r"expected at least two variants|finish all cells first"):
        nested_selection(scores)
