"""Scores of probabilities against slow loops, closed forms and scikit-learn."""

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import log_loss

from har.evaluation.calibration import (
    area_under_risk_coverage,
    brier_score,
    calibration_scores,
    expected_calibration_error,
    negative_log_likelihood,
    reliability_curve,
    risk_coverage,
)


def answers(count: int = 500, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    confidence = random.choice(np.linspace(0.03, 1.0, 60), count)
    return confidence, random.random(count) < confidence**2


def slow_error(confidence, right, bins) -> float:
    total = 0.0
    for number in range(bins):
        low, high = number / bins, (number + 1) / bins
        held = [i for i, c in enumerate(confidence) if (low < c <= high) or (number == 0 and c == 0)]
        if held:
            total += abs(sum(confidence[i] - right[i] for i in held))
    return total / len(confidence)


@pytest.mark.parametrize("bins", [1, 4, 15])
def test_error_is_that_of_a_loop_over_bins(bins):
    confidence, right = answers()
    # Off the borders, where 1 / 15 * 15 is no whole number.
    confidence = confidence * 0.999 + 1e-4
    assert expected_calibration_error(confidence, right, bins) == pytest.approx(slow_error(confidence, right, bins))


@pytest.mark.parametrize(("equal_mass", "strategy"), [(False, "uniform"), (True, "quantile")])
def test_curve_is_that_of_scikit_learn(equal_mass, strategy):
    random = np.random.default_rng(1)
    confidence = random.random(400)
    right = random.random(400) < confidence
    curve = reliability_curve(confidence, right, 10, equal_mass)
    accuracy, mean = calibration_curve(right, confidence, n_bins=10, strategy=strategy)
    np.testing.assert_allclose(curve.accuracy, accuracy)
    np.testing.assert_allclose(curve.confidence, mean)
    assert curve.windows.sum() == 400


def test_always_sure_and_half_right():
    right = np.arange(10) % 2 == 0
    assert expected_calibration_error(np.ones(10), right) == 0.5
    assert expected_calibration_error(np.ones(10), right, equal_mass=True, bins=5) == 0.5
    assert expected_calibration_error(np.full(10, 0.5), right) == 0.0
    assert expected_calibration_error(np.zeros(10), ~right) == 0.5
    # Equals share their risk, in whichever order they come.
    np.testing.assert_allclose(risk_coverage(np.ones(10), right).risk, 0.5)


def test_likelihood_and_brier_score():
    random = np.random.default_rng(2)
    probabilities, truth = random.dirichlet(np.ones(5), 200), random.integers(0, 5, 200)
    assert negative_log_likelihood(probabilities, truth) == pytest.approx(
        log_loss(truth, probabilities, labels=range(5))
    )
    slow = np.mean(
        [sum((p - (j == t)) ** 2 for j, p in enumerate(row)) for row, t in zip(probabilities, truth, strict=True)]
    )
    assert brier_score(probabilities, truth) == pytest.approx(slow)
    assert brier_score(np.eye(3), [0, 1, 2]) == 0 and brier_score(np.eye(3), [1, 2, 0]) == 2
    assert negative_log_likelihood(np.eye(2), [1, 1]) == pytest.approx(-0.5 * np.log(1e-12))


def test_risk_is_the_mean_over_orders_of_equals():
    """Against every order that puts surer windows first, and without equals against a loop."""
    random = np.random.default_rng(3)
    confidence, right = random.choice([0.2, 0.5, 0.9], 60), random.random(60) < 0.5
    found, total = risk_coverage(confidence, right), np.zeros(60)
    for _ in range(4000):
        order = np.lexsort((random.random(60), -confidence))
        total += np.cumsum(~right[order]) / np.arange(1, 61)
    np.testing.assert_allclose(found.risk, total / 4000, atol=0.02)
    confidence = random.permutation(60) / 60
    order = sorted(range(60), key=lambda i: -confidence[i])
    slow = [sum(not right[i] for i in order[:k]) / k for k in range(1, 61)]
    np.testing.assert_allclose(risk_coverage(confidence, right).risk, slow)
    assert area_under_risk_coverage(confidence, right) == pytest.approx(np.mean(slow))
    assert found.coverage[-1] == 1 and found.risk[-1] == pytest.approx(1 - right.mean())


def test_all_scores_together_are_the_single_ones():
    random = np.random.default_rng(4)
    probabilities, truth = random.dirichlet(np.full(4, 0.5), 333), random.integers(0, 4, 333)
    found = calibration_scores(probabilities, truth)
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
    assert found["ece"] == expected_calibration_error(confidence, right)
    assert found["ece_equal_mass"] == expected_calibration_error(confidence, right, equal_mass=True)
    assert found["aurc"] == area_under_risk_coverage(confidence, right)
    assert found["confidence"] == pytest.approx(confidence.mean())
    assert sum(found["reliability"]["windows"]) == 333
    assert len(found["risk_coverage"]["risk"]) == 20 and found["risk_coverage"]["coverage"][-1] == 1
    # Sharper or flatter probabilities change neither the answers nor who is surer where all have the same shape.
    flat = calibration_scores(0.5 * probabilities + 0.125, truth)
    assert flat["aurc"] == pytest.approx(found["aurc"]) and flat["ece"] != found["ece"]


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        (lambda: reliability_curve([], []), "one of each a window"),
        (lambda: reliability_curve([0.5], [True, False]), "one of each a window"),
        (lambda: reliability_curve([1.5], [True]), "expected 0 to 1"),
        (lambda: reliability_curve([np.nan], [True]), "expected 0 to 1"),
        (lambda: reliability_curve([0.5], [True], bins=0), "at least one"),
        (lambda: brier_score(np.ones((2, 2)), [0]), r"\(N, L\) and \(N,\)"),
        (lambda: negative_log_likelihood(np.ones((2, 2)), [0, 2]), "expected columns"),
    ],
)
def test_what_cannot_be_scored(call, problem):
    with pytest.raises(ValueError, match=problem):
        call()
