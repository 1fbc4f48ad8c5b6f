"""Scale and offset of an accelerometer from its still periods."""

import numpy as np
import pytest

from har.readers import Piece
from har.readers.calibration import apply, fit, still_periods

RATE = 20.0


def wearer(scale, offset, hours=3.0, seed=0, directions=None) -> tuple[Piece, ...]:
    """Stillness in changing postures between minutes of movement, measured by a sensor that is wrong."""
    rng = np.random.default_rng(seed)
    parts = []
    for minute in range(int(60 * hours)):
        up = rng.normal(size=3) if directions is None else directions[minute % len(directions)]
        up = np.asarray(up) / np.linalg.norm(up)
        samples = np.tile(up, (int(60 * RATE), 1)) + rng.normal(0, 0.003, (int(60 * RATE), 3))
        if minute % 3 == 0:
            samples += rng.normal(0, 0.3, samples.shape)
        parts.append(samples)
    measured = (np.concatenate(parts) - offset) / scale
    measured[1000] = np.nan
    half = len(measured) // 2 + 7
    return tuple(
        Piece(start, part.astype(np.float32)) for start, part in ((0.0, measured[:half]), (9e4, measured[half:]))
    )


@pytest.mark.parametrize("seed", range(3))
def test_a_known_fault_is_found_and_mended(seed: int):
    rng = np.random.default_rng(seed)
    scale, offset = rng.uniform(0.95, 1.05, 3), rng.uniform(-0.06, 0.06, 3)
    pieces = wearer(scale, offset, seed=seed)
    found = fit(still_periods(pieces, RATE))
    np.testing.assert_allclose(found.scale, scale, atol=2e-3)
    np.testing.assert_allclose(found.offset, offset, atol=2e-3)
    assert found.error_before_g > 0.01 > 0.001 > found.error_after_g
    before = [piece.samples.copy() for piece in pieces]
    apply(found, pieces)
    for piece, raw in zip(pieces, before, strict=True):
        np.testing.assert_allclose(piece.samples, raw * found.scale + found.offset, atol=1e-5)


def test_still_periods_are_those_of_a_loop():
    pieces = wearer(np.ones(3), np.zeros(3), hours=0.5)
    expected = []
    for piece in pieces:
        for row in range(0, len(piece.samples) - 200 + 1, 200):
            part = piece.samples[row : row + 200].astype(np.float64)
            if (part.std(0) < 0.013).all():
                expected.append(part.mean(0))
    np.testing.assert_allclose(still_periods(pieces, RATE), expected, atol=1e-6)


def test_where_it_cannot_be_told_it_is_said_why():
    assert "still periods of 10 s; 30 are needed" in fit(still_periods(wearer(np.ones(3), np.zeros(3), 0.05), RATE))
    flat = wearer(np.ones(3), np.zeros(3), directions=[(0, 0, 1), (0.3, 0, 1), (0, 0.3, 1)])
    assert "do not reach 0.3 g on both sides of x, y, z" in fit(still_periods(flat, RATE))
    wrong = wearer(np.array([1.6, 1.0, 1.0]), np.zeros(3))
    assert isinstance(fit(still_periods(wrong, RATE)), str)


def test_a_whole_recording_is_calibrated_and_says_so(tmp_path):
    """A day of a wrist, as a file: read as it is, and calibrated."""
    from har.readers import read_recording

    pieces = wearer(np.array([1.03, 0.98, 1.0]), np.array([0.03, 0.0, -0.02]), hours=2)
    samples = np.concatenate([piece.samples for piece in pieces])
    path = tmp_path / "day.csv"
    rows = np.column_stack([np.arange(len(samples)) / RATE, samples])
    np.savetxt(path, rows, "%.2f,%.5f,%.5f,%.5f", header="time (s),acc_x (g),acc_y (g),acc_z (g)", comments="")
    raw = read_recording(path, calibrate=False)
    mended = read_recording(path)
    assert not any("calibrated" in note for note in raw.notes)
    (note,) = [note for note in mended.notes if "is calibrated to 1 g by" in note]
    assert "van Hees" in note
    still = still_periods(mended.devices[0].pieces, RATE)
    assert np.abs(np.linalg.norm(still, axis=1) - 1).mean() < 0.002
    assert np.abs(np.linalg.norm(still_periods(raw.devices[0].pieces, RATE), axis=1) - 1).mean() > 0.01
