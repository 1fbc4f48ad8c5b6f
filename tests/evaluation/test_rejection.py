"""Known against unknown windows, against all pairs and scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from har.evaluation.rejection import LEAST_WINDOWS, activities_to_leave_out, known_auroc, leave_one_activity_out


@pytest.mark.parametrize("levels", [3, 1000])
def test_area_is_that_of_all_pairs(levels):
    random = np.random.default_rng(levels)
    known, score = random.random(90) < 0.7, random.integers(0, levels, 90)
    pairs = [
        (score[i] > score[j]) + (score[i] == score[j]) / 2
        for i in range(90)
        if known[i]
        for j in range(90)
        if not known[j]
    ]
    assert known_auroc(known, score) == pytest.approx(np.mean(pairs))
    assert known_auroc(known, score) == pytest.approx(roc_auc_score(known, score))
    assert known_auroc(known, -score) == pytest.approx(1 - np.mean(pairs))


@pytest.mark.parametrize(
    ("known", "score"),
    [([True], [1.0]), ([False, False], [1, 2]), ([True, False], [1.0]), ([True, False], [1, np.nan])],
)
def test_what_cannot_be_told_apart(known, score):
    with pytest.raises(ValueError, match="expected"):
        known_auroc(known, score)


def test_what_another_label_means_is_not_unknown():
    many = LEAST_WINDOWS
    true = ["walking"] * many + ["sitting"] * many + ["walking upstairs"] * many + ["lying"] * (many - 1)
    labels = ["walking", "sitting", "climbing stairs", "walking upstairs", "lying", "strolling"]
    found = dict(activities_to_leave_out(true, labels))
    # "strolling" means walking, "climbing stairs" is true of what is left out upstairs, of lying there is too little.
    assert found == {"sitting": [label for label in labels if label != "sitting"]}
    assert list(activities_to_leave_out(true, ["sitting", "lying"])) == []


def test_nothing_is_known_without_the_only_activity_that_has_windows():
    labels = ["walking", "sitting", "cycling"]
    true = ["walking"] * 2 * LEAST_WINDOWS
    assert list(activities_to_leave_out(true, labels)) == []
    assert [left for left, _ in activities_to_leave_out([*true, "sitting"], labels)] == ["walking"]


def test_each_activity_is_left_out_in_turn():
    true = np.repeat(["walking", "sitting", "cycling"], 20)
    asked = []

    def score_of(rest):
        asked.append(rest)
        return [1.0 if label in rest else 0.0 for label in true]

    assert leave_one_activity_out(true, ["walking", "sitting", "cycling"], score_of) == dict.fromkeys(
        ["walking", "sitting", "cycling"], 1.0
    )
    assert asked == [["sitting", "cycling"], ["walking", "cycling"], ["walking", "sitting"]]
    assert set(leave_one_activity_out(true, ["walking", "sitting", "cycling"], lambda rest: np.zeros(60)).values()) == {
        0.5
    }
