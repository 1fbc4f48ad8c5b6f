"""Scores against scikit-learn, intervals against a plain loop over the same draws."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix, f1_score

from har.evaluation.metrics import SCORES, bootstrap_interval, classification_scores

LABELS = ["cycling", "running", "sitting", "standing", "walking"]


def sklearn_scores(true, predicted):
    present = sorted(set(true))
    recalls = [np.mean([p == t for t, p in zip(true, predicted, strict=True) if t == label]) for label in present]
    return {
        "accuracy": accuracy_score(true, predicted),
        "balanced_accuracy": float(np.mean(recalls)),
        "macro_f1": f1_score(true, predicted, labels=present, average="macro", zero_division=0.0),
    }


def random_windows(seed, windows=240, people=6, labels=LABELS, guesses=(*LABELS, "swimming")):
    """Truths and guesses that depend on the person, so that people differ and windows of one person agree."""
    rng = np.random.default_rng(seed)
    subjects = [f"s{i}" for i in rng.integers(people, size=windows)]
    skill = {f"s{i}": rng.uniform(0.2, 0.95) for i in range(people)}
    true = rng.choice(labels, size=windows, p=rng.dirichlet(np.ones(len(labels)))).tolist()
    right = [rng.random() < skill[s] for s in subjects]
    predicted = [t if hit else str(rng.choice(guesses)) for t, hit in zip(true, right, strict=True)]
    return true, predicted, subjects


@pytest.mark.parametrize("seed", range(5))
def test_scores_equal_scikit_learn(seed):
    true, predicted, _ = random_windows(seed)
    scores = classification_scores(true, predicted, LABELS)
    assert {name: scores[name] for name in SCORES} == pytest.approx(sklearn_scores(true, predicted))
    assert scores["windows"] == len(true)
    everything = confusion_matrix(true, predicted, labels=[*LABELS, "swimming"])
    assert scores["confusion"] == everything[:5, :5].tolist()
    assert scores["outside"] == everything[:5, 5].tolist()


def test_balanced_accuracy_equals_scikit_learn_when_all_predictions_occur_in_the_truth():
    true, predicted, _ = random_windows(7, guesses=LABELS)
    assert set(predicted) <= set(true)
    expected = balanced_accuracy_score(true, predicted)
    assert classification_scores(true, predicted, LABELS)["balanced_accuracy"] == pytest.approx(expected)


def test_scores_by_hand_with_absent_class_and_prediction_outside():
    true = ["walking", "walking", "walking", "sitting"]
    predicted = ["walking", "running", "swimming", "sitting"]
    scores = classification_scores(true, predicted, ["running", "sitting", "standing", "walking"])
    # walking: precision 1, recall 1/3, F1 1/2; sitting: 1. running and standing are in no average.
    assert scores["accuracy"] == 0.5
    assert scores["balanced_accuracy"] == pytest.approx((1 / 3 + 1) / 2)
    assert scores["macro_f1"] == pytest.approx((1 / 2 + 1) / 2)
    assert scores["outside"] == [0, 0, 0, 1]
    rows = scores["per_class"]
    assert rows["running"] == {"precision": 0.0, "recall": None, "f1": None, "support": 0, "predicted": 1}
    assert rows["standing"] == {"precision": None, "recall": None, "f1": None, "support": 0, "predicted": 0}
    assert rows["walking"] == {
        "precision": 1.0,
        "recall": pytest.approx(1 / 3),
        "f1": pytest.approx(0.5),
        "support": 3,
        "predicted": 1,
    }


def test_score_does_not_depend_on_the_order_of_windows_or_labels():
    true, predicted, _ = random_windows(3)
    order = np.random.default_rng(0).permutation(len(true))
    shuffled = classification_scores([true[i] for i in order], [predicted[i] for i in order], LABELS[::-1])
    straight = classification_scores(true, predicted, LABELS)
    assert {n: shuffled[n] for n in SCORES} == pytest.approx({n: straight[n] for n in SCORES})
    assert shuffled["per_class"] == straight["per_class"]


@pytest.mark.parametrize(
    ("true", "predicted", "labels", "message"),
    [
        ([], [], LABELS, "no windows"),
        (["walking"], [], LABELS, "0 predictions for 1"),
        (["walking"], ["walking"], ["walking", "walking"], "twice"),
        (["flying"], ["walking"], LABELS, "flying"),
    ],
)
def test_scores_refuse_what_cannot_be_scored(true, predicted, labels, message):
    with pytest.raises(ValueError, match=message):
        classification_scores(true, predicted, labels)


def windows_of_specialists():
    """Every person shows two of five classes, so that most draws lack a class."""
    true, predicted, _ = random_windows(19)
    return true, predicted, [f"s{LABELS.index(t) // 2}{i % 2}" for i, t in enumerate(true)]


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize(
    "windows", [random_windows(11, people=2), random_windows(11), windows_of_specialists()], ids=["two", "six", "few"]
)
def test_interval_equals_a_loop_over_the_same_draws(score, windows):
    """Each draw is scored by scikit-learn on the windows of the people drawn, repeated as often as drawn."""
    true, predicted, subjects = windows
    draws = 60
    interval = bootstrap_interval(true, predicted, subjects, score, draws, 0.9, np.random.default_rng(5))

    names = sorted(set(subjects))
    values = []
    for drawn in np.random.default_rng(5).integers(len(names), size=(draws, len(names))):
        rows = [i for person in drawn for i, s in enumerate(subjects) if s == names[person]]
        values.append(sklearn_scores([true[i] for i in rows], [predicted[i] for i in rows])[score])
    assert interval == pytest.approx(tuple(np.quantile(values, [0.05, 0.95])), abs=1e-12)
    assert len(set(values)) > 1


def test_draws_in_chunks_equal_all_draws_at_once(monkeypatch):
    true, predicted, subjects = random_windows(13)
    whole = [bootstrap_interval(true, predicted, subjects, s, 200, rng=np.random.default_rng(1)) for s in SCORES]
    monkeypatch.setattr("har.evaluation.metrics._COUNTS_AT_ONCE", 17)
    parts = [bootstrap_interval(true, predicted, subjects, s, 200, rng=np.random.default_rng(1)) for s in SCORES]
    np.testing.assert_allclose(parts, whole, rtol=1e-12)


def test_interval_is_repeatable_and_widens_with_its_level():
    true, predicted, subjects = random_windows(17)
    narrow, wide, again = (
        bootstrap_interval(true, predicted, subjects, "macro_f1", 400, level, np.random.default_rng(3))
        for level in (0.5, 0.95, 0.95)
    )
    assert wide == again
    assert wide.low < narrow.low < narrow.high < wide.high


def test_people_are_resampled_not_windows():
    """Ten people, each always right or always wrong: the interval is that of ten coin flips, however many windows."""
    subjects = [f"s{i % 10}" for i in range(5000)]
    predicted = ["walking" if int(s[1]) < 5 else "sitting" for s in subjects]
    low, high = bootstrap_interval(["walking"] * 5000, predicted, subjects, "accuracy", 2000)
    # Binomial(10, 1/2): P(<= 1) = 0.011, P(<= 2) = 0.055, so the 2.5 % quantile is 2/10. 5,000 windows: 0.486.
    assert (low, high) == pytest.approx((0.2, 0.8))


def test_one_person_has_no_interval():
    assert bootstrap_interval(["a", "b"], ["a", "a"], ["s1", "s1"], "accuracy") is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"score": "f1"}, "macro_f1"),
        ({"level": 95}, "level 95"),
        ({"draws": 1}, "1 draws"),
        ({"subjects": ["s1"]}, "1 subjects for 2 windows"),
    ],
)
def test_interval_refuses_what_makes_no_sense(changes, message):
    arguments = {"subjects": ["s1", "s2"], "score": "accuracy"} | changes
    with pytest.raises(ValueError, match=message):
        bootstrap_interval(["a", "b"], ["a", "a"], **arguments)
