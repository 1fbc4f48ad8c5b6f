"""Whether probabilities can be trusted: how often answers are right that were given with a certain confidence.

The *confidence* of a window is the largest of its probabilities, those of the answer. Shapes: N windows, L labels.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

BINS = 15  # of a reliability curve, as in Guo et al., On Calibration of Modern Neural Networks, ICML 2017
_LEAST_PROBABILITY = 1e-12  # of a logarithm: a truth held impossible costs 27.6 nats and not infinitely many


class ReliabilityCurve(NamedTuple):
    """Bins that hold a window, by rising confidence: mean ``confidence``, share right (``accuracy``), ``windows``."""

    confidence: np.ndarray
    accuracy: np.ndarray
    windows: np.ndarray


def reliability_curve(
    confidence: Sequence[float], right: Sequence[bool], bins: int = BINS, equal_mass: bool = False
) -> ReliabilityCurve:
    """What share of answers is right, by how sure they are.

    confidence: (N,) in [0, 1]. right: (N,). bins: of equal width over [0, 1], the upper bound in the bin; with
    ``equal_mass`` of as many windows each, which neither crowds nor empties a bin. Raises ``ValueError`` for no
    windows, unequal lengths, confidences outside [0, 1] and fewer than one bin.
    """
    confidence, right = _checked(confidence, right)
    if bins < 1:
        raise ValueError(f"{bins} bins; expected at least one")
    if equal_mass:
        parts = [part for part in np.array_split(np.argsort(confidence, kind="stable"), bins) if len(part)]
        means = [(confidence[part].mean(), right[part].mean(), len(part)) for part in parts]
        return ReliabilityCurve(*(np.array(column) for column in zip(*means, strict=True)))
    which = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    windows = np.bincount(which, minlength=bins)
    held = windows > 0
    sums = [np.bincount(which, column, minlength=bins)[held] for column in (confidence, right)]
    return ReliabilityCurve(sums[0] / windows[held], sums[1] / windows[held], windows[held])


def expected_calibration_error(
    confidence: Sequence[float], right: Sequence[bool], bins: int = BINS, equal_mass: bool = False
) -> float:
    """Mean over windows of the distance between confidence and accuracy of their bin (Naeini et al., AAAI 2015).

    Arguments and errors as of `reliability_curve`.
    """
    curve = reliability_curve(confidence, right, bins, equal_mass)
    return float(np.average(np.abs(curve.confidence - curve.accuracy), weights=curve.windows))


def negative_log_likelihood(probabilities: np.ndarray, truth: Sequence[int]) -> float:
    """Mean of -log of the probability (N, L) of the true column (N,), in nats. Raises as `brier_score`."""
    probabilities, truth = _checked_rows(probabilities, truth)
    own = probabilities[np.arange(len(truth)), truth]
    return float(-np.log(np.maximum(own, _LEAST_PROBABILITY)).mean())


def brier_score(probabilities: np.ndarray, truth: Sequence[int]) -> float:
    """Mean squared distance between probabilities (N, L) and the truth (N,) as a unit vector, 0 to 2 (Brier 1950).

    Raises ``ValueError`` for other shapes.
    """
    probabilities, truth = _checked_rows(probabilities, truth)
    own = probabilities[np.arange(len(truth)), truth]
    return float(((probabilities**2).sum(axis=1) - 2 * own + 1).mean())


class RiskCoverage(NamedTuple):
    """Share of windows answered, from the surest on (``coverage``), and the share wrong among these (``risk``)."""

    coverage: np.ndarray
    risk: np.ndarray


def risk_coverage(confidence: Sequence[float], right: Sequence[bool]) -> RiskCoverage:
    """What is wrong of the surest windows, for every number of them (El-Yaniv & Wiener, JMLR 2010): two (N,).

    Windows of equal confidence cannot be told apart: each counts as wrong as they are on average. Raises as
    `reliability_curve`.
    """
    confidence, right = _checked(confidence, right)
    _, level, count = np.unique(-confidence, return_inverse=True, return_counts=True)
    wrong = np.bincount(level, 1 - right) / count
    answered = np.arange(1, len(confidence) + 1)
    return RiskCoverage(answered / len(confidence), np.cumsum(np.repeat(wrong, count)) / answered)


def area_under_risk_coverage(confidence: Sequence[float], right: Sequence[bool]) -> float:
    """Mean risk over all coverages, lower is better (AURC; Geifman et al., ICLR 2019). Raises as `risk_coverage`."""
    return float(risk_coverage(confidence, right).risk.mean())


def calibration_scores(probabilities: np.ndarray, truth: Sequence[int], bins: int = BINS) -> dict:
    """All of it as plain values, from probabilities (N, L) and true columns (N,).

    ``confidence`` (mean), ``ece``, ``ece_equal_mass``, ``nll``, ``brier``, ``aurc``, and the curves ``reliability``
    ({confidence, accuracy, windows}) and ``risk_coverage`` ({coverage, risk} at every twentieth of the windows).
    """
    probabilities, truth = _checked_rows(probabilities, truth)
    confidence, right = probabilities.max(axis=1).clip(0, 1), probabilities.argmax(axis=1) == truth
    curve, risk = reliability_curve(confidence, right, bins), risk_coverage(confidence, right)
    at = np.ceil(np.arange(1, 21) / 20 * len(truth)).astype(int) - 1
    return {
        "confidence": float(confidence.mean()),
        "ece": expected_calibration_error(confidence, right, bins),
        "ece_equal_mass": expected_calibration_error(confidence, right, bins, equal_mass=True),
        "nll": negative_log_likelihood(probabilities, truth),
        "brier": brier_score(probabilities, truth),
        "aurc": float(risk.risk.mean()),
        "reliability": {name: column.tolist() for name, column in curve._asdict().items()},
        "risk_coverage": {name: column[at].tolist() for name, column in risk._asdict().items()},
    }


def _checked(confidence: Sequence[float], right: Sequence[bool]) -> tuple[np.ndarray, np.ndarray]:
    confidence, right = np.asarray(confidence, dtype=np.float64), np.asarray(right, dtype=np.float64)
    if confidence.ndim != 1 or confidence.shape != right.shape or not len(confidence):
        raise ValueError(
            f"confidence of shape {confidence.shape} and right of shape {right.shape}; expected one of each a window"
        )
    if not ((confidence >= 0) & (confidence <= 1)).all():
        raise ValueError(f"confidences from {confidence.min()} to {confidence.max()}; expected 0 to 1")
    return confidence, right


def _checked_rows(probabilities: np.ndarray, truth: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    probabilities, truth = np.asarray(probabilities, dtype=np.float64), np.asarray(truth)
    if probabilities.ndim != 2 or truth.shape != probabilities.shape[:1] or not len(truth):
        raise ValueError(
            f"probabilities of shape {probabilities.shape} for truths of shape {truth.shape}; expected (N, L) and (N,)"
        )
    if truth.min() < 0 or truth.max() >= probabilities.shape[1]:
        raise ValueError(f"truths from {truth.min()} to {truth.max()}; expected columns of {probabilities.shape}")
    return probabilities, truth
