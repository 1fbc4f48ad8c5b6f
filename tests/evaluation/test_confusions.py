"""Which labels are mistaken for which: counted by a plain loop, examples by hand."""

import numpy as np
import pytest

from har.evaluation.confusions import Confusion, ConfusionExamples, confusion_examples, largest_confusions


def windows(seed: int, count: int = 300) -> tuple[list[str], list[str]]:
    """Truths of unequal frequency, and predictions that prefer the neighbouring label."""
    draw = np.random.default_rng(seed)
    names = ["cycling", "lying", "running", "sitting", "walking"]
    true = draw.choice(5, count, p=[0.4, 0.3, 0.15, 0.1, 0.05])
    predicted = np.where(draw.random(count) < 0.5, true, (true + draw.choice([1, 1, 2, 3], count)) % 5)
    return [names[i] for i in true], [names[i] for i in predicted]


@pytest.mark.parametrize("fewest", [1, 5, 12])
@pytest.mark.parametrize("seed", range(3))
def test_confusions_are_those_that_a_loop_counts(seed, fewest):
    true, predicted = windows(seed)
    expected = []
    for t in sorted(set(true)):
        for p in sorted(set(predicted) - {t}):
            n = sum(a == t and b == p for a, b in zip(true, predicted, strict=True))
            if n >= fewest:
                expected.append((t, p, n / true.count(t), n))
    expected.sort(key=lambda e: -e[2])  # stable: equals stay in the order of their names
    assert largest_confusions(true, predicted, 100, fewest) == expected
    assert largest_confusions(true, predicted, fewest=fewest) == expected[:3]


def test_shares_are_of_the_true_label_and_equals_come_by_name():
    true = ["sitting"] * 100 + ["standing"] * 10 + ["lying"] * 10
    predicted = (
        ["standing"] * 20 + ["sitting"] * 80 + ["sitting"] * 5 + ["standing"] * 5 + ["sitting"] * 5 + ["lying"] * 5
    )
    expected = [("lying", "sitting", 0.5, 5), ("standing", "sitting", 0.5, 5), ("sitting", "standing", 0.2, 20)]
    assert largest_confusions(true, predicted) == expected
    assert largest_confusions(true, predicted, count=1) == expected[:1]
    assert largest_confusions(true, predicted, fewest=6) == expected[2:]
    order = np.random.default_rng(0).permutation(120)
    assert largest_confusions([true[i] for i in order], [predicted[i] for i in order]) == expected
    crossed = largest_confusions(["a"] * 5 + ["b"] * 10, ["z"] * 5 + ["d"] * 5 + ["c"] * 5, fewest=1)
    assert [c[:2] for c in crossed] == [("a", "z"), ("b", "c"), ("b", "d")]  # the second and third are equals
    assert [c[:2] for c in largest_confusions(["b", "a"], ["c", "z"], fewest=1)] == [("a", "z"), ("b", "c")]
    found = largest_confusions(true, predicted)[2]
    assert (found.true, found.predicted, found.share, found.windows) == ("sitting", "standing", 0.2, 20)


def test_right_answers_are_no_confusion():
    assert largest_confusions(["walking"] * 9, ["walking"] * 9) == []
    assert largest_confusions([], []) == []


TRUE = ["walking", "sitting", "walking", "walking", "walking", "walking", "sitting", "walking", "walking"]
TOLD = ["walking", "sitting", "sitting", "walking", "walking", "sitting", "walking", "walking", "sitting"]
CONFIDENCE = np.array([0.9, 0.5, 0.3, 0.2, 0.8, 0.7, 0.5, 0.6, 0.1])
CONFUSION = Confusion("walking", "sitting", 3 / 7, 3)


def test_examples_are_the_windows_in_the_middle():
    assert confusion_examples(TRUE, TOLD, CONFUSION) == (3, 5, 1)  # of 0 3 4 7, of 2 5 8, of 1
    # By confidence: 3 (0.2) 7 (0.6) 4 (0.8) 0 (0.9), and 8 (0.1) 2 (0.3) 5 (0.7).
    found = confusion_examples(TRUE, TOLD, CONFUSION, CONFIDENCE)
    assert found == (7, 2, 1)
    assert (found.recognised, found.confused, found.other) == (7, 2, 1)


def test_each_example_shows_what_it_says():
    true, predicted = windows(4)
    confidence = np.random.default_rng(0).random(len(true))
    for confusion in largest_confusions(true, predicted, 10, 1):
        for given in (None, confidence):
            rows = confusion_examples(true, predicted, confusion, given)
            t, p = confusion.true, confusion.predicted
            expected = [(t, t), (t, p), (p, p)]
            assert [(true[i], predicted[i]) for i in rows] == expected
        # As many windows of the kind are less sure as are surer, or one less.
        for row, (truth, answer) in zip(rows, expected, strict=True):
            own = [confidence[i] for i in range(len(true)) if (true[i], predicted[i]) == (truth, answer)]
            assert sum(c < confidence[row] for c in own) == (len(own) - 1) // 2


def test_what_has_no_window_has_no_example():
    assert confusion_examples(["a", "a"], ["b", "b"], Confusion("a", "b", 1.0, 2)) == ConfusionExamples(None, 0, None)
    assert confusion_examples(["a", "b"], ["a", "b"], Confusion("a", "b", 0.0, 0)) == ConfusionExamples(0, None, 1)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="1 predictions for 2 true labels"):
        largest_confusions(["a", "b"], ["a"])
    with pytest.raises(ValueError, match="9 true labels"):
        confusion_examples(TRUE, TOLD[1:], CONFUSION)
    for confidence in (CONFIDENCE[1:], np.full(9, np.nan)):
        with pytest.raises(ValueError, match="one finite number a window"):
            confusion_examples(TRUE, TOLD, CONFUSION, confidence)
