"""Gravity is called removed only where it can be, and is."""

from pathlib import Path

import numpy as np

from har.readers import read_recording

TIME_S = np.arange(1500) / 50


def spinning(turns_a_second: float) -> np.ndarray:
    """(n, 3) g of a device that turns about its z axis, held level."""
    angle = 2 * np.pi * turns_a_second * TIME_S
    return np.stack([np.cos(angle), np.sin(angle), 0 * angle], 1)


def write(path: Path, acc: np.ndarray) -> None:
    rows = [f"{t:.2f},{x:.5f},{y:.5f},{z:.5f}" for t, (x, y, z) in zip(TIME_S, acc, strict=True)]
    path.write_text("\n".join(["time,acc_x (g),acc_y (g),acc_z (g)", *rows, ""]))


def test_gravity_that_turns_within_a_second_is_there(tmp_path: Path):
    path = tmp_path / "spin.csv"
    write(path, spinning(1.1))
    assert read_recording(path).devices[0].gravity == "included"
    rng = np.random.default_rng(0)  # as heavy as gravity at times, and of no direction
    write(path, rng.normal(0, 0.5, (1500, 3)))
    assert read_recording(path).devices[0].gravity == "removed"


def test_a_device_that_measures_gravity_never_has_it_removed(tmp_path: Path):
    path = tmp_path / "ACC.csv"
    counts = np.random.default_rng(0).normal(0, 20, (1500, 3)).round().astype(int)
    rows = [[1709632800.0] * 3, [32.0] * 3, *counts.tolist()]
    path.write_text("\n".join(",".join(map(str, row)) for row in rows))
    recording = read_recording(path)
    assert recording.devices[0].gravity == "included"
    assert any(note.startswith("to be doubted") for note in recording.notes)
