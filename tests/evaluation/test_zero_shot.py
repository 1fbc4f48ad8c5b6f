"""Zero-shot scoring: synonym groups by hand, everything else against the plain definitions."""

import json

import numpy as np
import pytest
from sklearn.metrics import f1_score

from har.evaluation.metrics import SCORES, bootstrap_interval, classification_scores
from har.evaluation.zero_shot import open_set_groups, relation_to_training, score_zero_shot

LABELS = ["jogging", "playing chess", "sitting", "walking", "walking upstairs"]
TRAINING = ["climbing stairs", "running", "seated", "walking", "walking downstairs"]


def tiny_result(**changes):
    """Eight windows of two people at two placements, whose scores can be counted by hand."""
    columns = {
        "true": [*["walking"] * 2, *["jogging"] * 2, "sitting", "playing chess", *["walking upstairs"] * 2],
        "closed_set": ["walking", *["jogging"] * 3, "sitting", "sitting", "walking upstairs", "walking"],
        "open_set": ["walking", *["running"] * 2, "walking", *["seated"] * 2, "climbing stairs", "walking downstairs"],
        "subjects": ["p1", "p1", "p1", "p2", "p2", "p2", "p1", "p2"],
        "placements": ["wrist", "wrist", "pocket", "pocket", "wrist", "wrist", "pocket", "pocket"],
    } | changes  # fmt: skip
    return score_zero_shot("tiny", **columns, labels=LABELS, training_labels=TRAINING, draws=50)


def test_open_set_is_scored_through_groups():
    result = tiny_result()
    # Right: walking; running for jogging; seated for sitting; climbing stairs (coarser) for walking upstairs.
    # Wrong: running for walking, walking for jogging, seated for playing chess, downstairs for upstairs.
    assert result.open_set["accuracy"] == 4 / 8
    # Strict: the coarser "climbing stairs" does not count.
    assert result.open_set["strict"]["accuracy"] == 3 / 8
    # F1 by group: walking 1/(1+1), running 1/(1+1), sitting 2/(2+1), playing chess 0, upstairs 2/(2+1).
    assert result.open_set["macro_f1"] == pytest.approx((1 / 2 + 1 / 2 + 2 / 3 + 0 + 2 / 3) / 5)
    recalls = {entry["label"]: entry["open_set_recall"] for entry in result.per_activity}
    assert recalls == {"walking": 0.5, "jogging": 0.5, "sitting": 1.0, "playing chess": 0.0, "walking upstairs": 0.5}


def test_predictions_in_context_are_scored_beside_those_of_one_window():
    closed = ["walking", "walking", "jogging", "jogging", "sitting", "playing chess", *["walking upstairs"] * 2]
    answers = ["walking", "walking", "running", "running", "seated", "seated", *["climbing stairs"] * 2]
    result, plain = tiny_result(context=(closed, answers)), tiny_result()
    assert result.context["closed_set"]["accuracy"] == 1.0
    assert result.context["open_set"]["accuracy"] == 7 / 8
    assert set(result.context["per_placement"]) == {"wrist", "pocket"}
    assert result.context["per_placement"]["wrist"]["open_set"]["accuracy"] == 3 / 4
    # All else is of one window, as it would be alone.
    assert plain.context is None
    assert result.to_dict() | {"context": None} == plain.to_dict()
    with pytest.raises(ValueError, match="closed-set predictions in context"):
        tiny_result(context=(closed[1:], answers))
    with pytest.raises(ValueError, match=r"open-set predictions \['flying'\] are not among"):
        tiny_result(context=(closed, [*answers[1:], "flying"]))


def test_answers_are_mapped_to_groups():
    true = ["jogging", "jogging", "walking upstairs", "walking upstairs", "walking upstairs"]
    answers = ["running", "walking", "climbing stairs", "walking downstairs", "going upstairs"]
    truth, mapped = open_set_groups(true, answers)
    assert truth == ["running", "running", "walking upstairs", "walking upstairs", "walking upstairs"]
    assert mapped == ["running", "walking", "walking upstairs", "walking downstairs", "walking upstairs"]
    _, strictly = open_set_groups(true, answers, strict=True)
    assert strictly == ["running", "walking", "climbing stairs", "walking downstairs", "walking upstairs"]


def test_part_of_a_mixture_is_accepted_but_not_the_mixture_for_its_part():
    mixture = "sitting down and getting up"
    result = score_zero_shot(
        "mixed",
        [mixture, mixture, "sitting"],
        [mixture, mixture, "sitting"],
        ["sitting", "sitting", mixture],
        ["a", "a", "b"],
        ["wrist"] * 3,
        labels=["sitting", mixture],
        training_labels=["sitting", mixture],
        draws=10,
    )
    assert result.open_set["accuracy"] == pytest.approx(2 / 3)
    assert {entry["label"]: entry["open_set_recall"] for entry in result.per_activity} == {mixture: 1.0, "sitting": 0.0}


def test_open_set_macro_f1_equals_scikit_learn_on_groups():
    rng = np.random.default_rng(0)
    true, answers = rng.choice(LABELS, 300).tolist(), rng.choice(TRAINING, 300).tolist()
    closed = rng.choice(LABELS, 300).tolist()
    people = rng.choice(["a", "b", "c"], 300).tolist()
    result = score_zero_shot(
        "random", true, closed, answers, people, ["wrist"] * 300, labels=LABELS, training_labels=TRAINING, draws=20
    )
    truth, mapped = open_set_groups(true, answers)
    expected = f1_score(truth, mapped, labels=sorted(set(truth)), average="macro", zero_division=0.0)
    assert result.open_set["macro_f1"] == pytest.approx(expected)
    for name in SCORES:
        interval = bootstrap_interval(truth, mapped, people, name, 20, rng=np.random.default_rng(0))
        assert result.open_set["intervals"][name] == list(interval)
        interval = bootstrap_interval(true, closed, people, name, 20, rng=np.random.default_rng(0))
        assert result.closed_set["intervals"][name] == list(interval)


def test_relation_to_training_from_near_to_far():
    assert relation_to_training("Walking", TRAINING) == "same phrase"
    assert relation_to_training("jogging", TRAINING) == "synonym"
    assert relation_to_training("walking upstairs", TRAINING) == "coarser or finer"
    assert relation_to_training("playing chess", TRAINING) == "no"
    # A part may be answered for a mixture, not the mixture for its part.
    assert relation_to_training("sitting down and getting up", ["sitting"]) == "coarser or finer"
    assert relation_to_training("sitting", ["sitting down and getting up"]) == "no"


def test_label_that_training_cannot_mean_is_reported_and_counts_as_wrong():
    result = tiny_result()
    assert result.not_reachable == ["playing chess"]
    assert result.open_set["reachable_share"] == 7 / 8
    assert result.open_set["per_class"]["playing chess"]["f1"] == 0.0


def test_closed_set_overall_and_by_placement_equal_the_scores_of_these_windows():
    result = tiny_result()
    assert result.closed_set["accuracy"] == 5 / 8
    assert result.majority_share == 2 / 8
    assert list(result.per_placement) == ["pocket", "wrist"]
    wrist = result.per_placement["wrist"]
    expected = classification_scores(
        ["walking", "walking", "sitting", "playing chess"], ["walking", "jogging", "sitting", "sitting"], LABELS
    )
    assert {n: wrist["closed_set"][n] for n in SCORES} == {n: expected[n] for n in SCORES}
    assert wrist["open_set"]["accuracy"] == 2 / 4
    assert (wrist["closed_set"]["windows"], wrist["closed_set"]["people"]) == (4, 2)
    assert sum(p["closed_set"]["windows"] for p in result.per_placement.values()) == result.windows


def test_activities_are_sorted_by_f1_with_their_confusions():
    result = tiny_result()
    scores = [entry["f1"] for entry in result.per_activity]
    assert scores == sorted(scores, reverse=True)
    entries = {entry["label"]: entry for entry in result.per_activity}
    assert entries["walking upstairs"]["confused_with"] == [["walking", 0.5]]
    assert entries["jogging"]["confused_with"] == []
    assert entries["jogging"]["open_set_answers"] == [["running", 0.5], ["walking", 0.5]]
    assert (entries["jogging"]["windows"], entries["jogging"]["people"], entries["sitting"]["people"]) == (2, 2, 1)
    assert result.open_set["answers"]["jogging"] == {"running": 1, "walking": 1}


def test_candidate_without_windows_comes_last_and_is_in_no_average():
    true = ["walking"] * 4
    result = score_zero_shot(
        "tiny",
        true,
        ["walking", "walking", "sitting", "walking"],
        ["walking"] * 4,
        ["a", "a", "b", "b"],
        ["wrist"] * 4,
        labels=["sitting", "walking"],
        training_labels=TRAINING,
        draws=10,
    )
    assert result.per_activity[-1]["label"] == "sitting"
    assert result.per_activity[-1]["f1"] is None
    assert result.closed_set["macro_f1"] == pytest.approx(2 * 3 / (4 + 3))


def test_one_person_gives_no_interval_and_says_so():
    result = tiny_result(subjects=["p1"] * 8)
    assert result.closed_set["intervals"] == dict.fromkeys(SCORES)
    assert result.open_set["intervals"] == dict.fromkeys(SCORES)
    assert any("One person" in note for note in result.notes)
    assert not any("One person" in note for note in tiny_result().notes)


def test_result_is_json_and_repeatable():
    text = json.dumps(tiny_result().to_dict(), allow_nan=False)
    assert text == json.dumps(tiny_result().to_dict(), allow_nan=False)
    assert json.loads(text)["closed_set"]["accuracy"] == 5 / 8


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"placements": ["wrist"]}, "1 placements for 8"),
        ({"open_set": ["flying"] * 8}, "flying"),
        ({"closed_set": ["running"] * 8}, "closed-set predictions"),
    ],
)
def test_refuses_columns_that_do_not_fit(changes, message):
    with pytest.raises(ValueError, match=message):
        tiny_result(**changes)
