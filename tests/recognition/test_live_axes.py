"""Body axes of the past against those of the whole session, and a device that is mounted anew."""

import numpy as np
import pytest

from har.recognition import live_axes
from har.recognition.live_axes import LiveAxes
from har.windows.body_axes import piece_length, session_axes

RATE_HZ = 40.0


def turned(axis: np.ndarray, angle: float) -> np.ndarray:
    """Rotation (3, 3) about an axis (Rodrigues)."""
    x, y, z = axis / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def walked(pieces: int, mounting: np.ndarray, seed: int = 0, moving: bool = True) -> np.ndarray:
    """Pieces (N, T, 3) of a walker who is pushed ahead a quarter of a step before the vertical peaks."""
    random = np.random.default_rng(seed)
    length = piece_length(RATE_HZ)
    time = np.arange(pieces * length) / RATE_HZ
    swing = 0.3 * moving
    body = np.zeros((len(time), 3))
    body[:, 2] = 1 + swing * np.cos(2 * np.pi * 1.8 * time)
    body[:, 0] = 0.5 * swing * np.cos(2 * np.pi * 1.8 * time + np.pi / 2)
    body += 0.02 * random.standard_normal(body.shape)
    body @= turned(random.standard_normal(3), 0.1).T
    return (body @ mounting.T).reshape(pieces, length, 3).astype(np.float32)


def angle_between(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.rad2deg(np.arccos(np.clip(one @ other, -1, 1))))


POCKET = turned(np.array([1.0, 2.0, 0.5]), 2.0)
HAND = turned(np.array([0.3, -1.0, 0.8]), -1.2)


def test_the_axes_are_those_of_all_pieces_so_far():
    random = np.random.default_rng(0)
    pieces = np.concatenate([walked(1, POCKET, seed, moving=bool(random.random() > 0.4)) for seed in range(40)])
    pieces[[3, 17], 20:90] = np.nan
    axes, known = LiveAxes(), set()
    for count, piece in enumerate(pieces, start=1):
        former = axes.used
        changed = axes.add(piece, RATE_HZ)
        np.testing.assert_allclose(axes.found, session_axes(pieces[:count], RATE_HZ), atol=1e-6)
        assert changed == (axes.used is not former)
        for used, found in zip(axes.used, axes.found, strict=True):
            assert used.any() == found.any()
            assert not used.any() or angle_between(used, found) <= 5.0 + 1e-3
        known.add(tuple(axes.used.any(axis=1)))
    assert known == {(False, False), (True, True)}


@pytest.mark.parametrize("walked_before", [6, 40, 200])
def test_a_device_that_is_mounted_anew_is_known_again_after_three_pieces(walked_before):
    """Offline, three of ten pieces have to disagree before the former direction is doubted."""
    axes = LiveAxes()
    for piece in walked(walked_before, HAND):
        axes.add(piece, RATE_HZ)
    assert angle_between(axes.used[0], HAND[:, 2]) < 8
    for number, piece in enumerate(walked(4, POCKET, seed=1), start=1):
        axes.add(piece, RATE_HZ)
        where = POCKET if number >= 3 else HAND
        assert angle_between(axes.used[0], where[:, 2]) < 12


def test_an_arm_that_is_raised_now_and_then_is_no_new_mounting():
    axes = LiveAxes()
    for seed in range(12):
        for piece in walked(6, HAND, seed):
            axes.add(piece, RATE_HZ)
        for piece in walked(2, POCKET, seed):
            axes.add(piece, RATE_HZ)
        assert angle_between(axes.used[0], HAND[:, 2]) < 12


def test_what_is_kept_is_bounded_and_other_rates_join(monkeypatch):
    monkeypatch.setattr(live_axes, "_MOST_PIECES", 10)
    axes = LiveAxes()
    for piece in walked(30, POCKET):
        axes.add(piece, RATE_HZ)
        axes.add(piece[::2], RATE_HZ / 2)
    assert len(axes._pieces) == 10
    assert angle_between(axes.found[0], POCKET[:, 2]) < 8 and angle_between(axes.found[1], POCKET[:, 0]) < 12
