"""Autocalibration of accelerometers to 1 g from still periods (van Hees et al., J Appl Physiol 117:738, 2014)."""

from typing import NamedTuple

import numpy as np

from har.readers.recording import Piece
from har.readers.store import blocks

_PERIOD_S = 10.0
_STILL_G = 0.013  # deviation on every axis within a still period
_LARGEST_G = 2.0  # of the mean of an axis: beyond, no scale error explains it
_SPREAD_G = 0.3  # that still periods must reach on both sides of every axis, to fix offset and scale apart
_LEAST_PERIODS = 30  # five minutes of stillness
_MOST_ITERATIONS, _LEAST_GAIN = 1000, 1e-10
_MOST_ERROR_G = 0.01  # mean distance from 1 g that a calibration leaves
_SCALE_RANGE, _MOST_OFFSET_G = (0.8, 1.25), 0.25  # beyond, it is another fault


class Calibration(NamedTuple):
    """calibrated = scale * measured + offset, per axis (3,); mean distance of still periods from 1 g, in g."""

    scale: np.ndarray
    offset: np.ndarray
    periods: int
    error_before_g: float
    error_after_g: float


def still_periods(pieces: tuple[Piece, ...], rate_hz: float) -> np.ndarray:
    """Means (n, 3) of the still periods of 10 s of an accelerometer, columns 0 to 2, in g."""
    length = round(_PERIOD_S * rate_hz)
    means = []
    for piece in pieces:
        for block in blocks(piece.samples, max(1, (1 << 20) // length) * length):
            count = len(block) // length
            periods = block[: count * length, :3].reshape(count, length, 3)
            still = periods[(periods.std(1) < _STILL_G).all(-1)]  # NaN is not still
            means.append(still.mean(1, dtype=np.float64))
    found = np.concatenate(means) if means else np.zeros((0, 3))
    return found[(np.abs(found) < _LARGEST_G).all(-1)]


def fit(means: np.ndarray) -> Calibration | str:
    """Scale and offset that bring still periods (n, 3) onto the unit sphere, or why they cannot be told.

    Iterated weighted least squares against the nearest points of the sphere, as in the paper.
    """
    if len(means) < _LEAST_PERIODS:
        return f"{len(means)} still periods of 10 s; {_LEAST_PERIODS} are needed"
    reach = np.minimum(means.max(0), -means.min(0))
    if (reach < _SPREAD_G).any():
        axes = ", ".join(axis for axis, value in zip("xyz", reach, strict=True) if value < _SPREAD_G)
        return f"still periods do not reach {_SPREAD_G:g} g on both sides of {axes}"
    scale, offset, weights = np.ones(3), np.zeros(3), np.ones(len(means))
    before = _distance(means)
    last = np.inf
    for _ in range(_MOST_ITERATIONS):
        current = means * scale + offset
        norms = np.linalg.norm(current, axis=1, keepdims=True)
        nearest = current / norms
        for axis in range(3):
            design = np.stack([np.ones(len(means)), current[:, axis]], 1)
            weighted = design * weights[:, None]
            shift, gain = np.linalg.solve(weighted.T @ design, weighted.T @ nearest[:, axis])
            scale[axis] *= gain
            offset[axis] = offset[axis] * gain + shift
        residual = float((weights[:, None] * (current - nearest) ** 2).sum() / weights.sum())
        weights = np.minimum(1 / np.maximum(np.linalg.norm(current - nearest, axis=1), 1e-9), 100.0)
        if abs(last - residual) < _LEAST_GAIN:
            break
        last = residual
    after = _distance(means * scale + offset)
    if not (_SCALE_RANGE[0] < scale.min() and scale.max() < _SCALE_RANGE[1] and np.abs(offset).max() < _MOST_OFFSET_G):
        return f"a fit would stretch the axes by {scale.round(2).tolist()}, as no sensor is wrong"
    if after >= before or after > _MOST_ERROR_G:
        return f"a fit leaves {after:.4f} g of {before:.4f} g mean distance from 1 g"
    return Calibration(scale, offset, len(means), before, after)


def _distance(means: np.ndarray) -> float:
    return float(np.abs(np.linalg.norm(means, axis=1) - 1).mean())


def apply(calibration: Calibration, pieces: tuple[Piece, ...]) -> None:
    """Calibrate the accelerometer of pieces, columns 0 to 2, where they lie."""
    scale, offset = calibration.scale.astype(np.float32), calibration.offset.astype(np.float32)
    for piece in pieces:
        for block in blocks(piece.samples):
            block[:, :3] *= scale
            block[:, :3] += offset
