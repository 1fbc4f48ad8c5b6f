"""Changes of recordings against closed forms: tones, rotations, counts."""

from dataclasses import replace

import numpy as np
import pytest

from har.protocol.perturbations import (
    Run,
    at_rate,
    biased,
    change_rate,
    clipped,
    gap,
    in_axes,
    lost,
    lost_in_bursts,
    mirrored,
    noisy,
    placed,
    quantised,
    random_rotation,
    turned,
    without,
    wrongly_placed,
)

SIX = ("acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z")


def draw(level: str) -> np.random.Generator:
    return np.random.default_rng([7, *level.encode()])


def run_of(samples: np.ndarray, rate_hz: float = 50.0, placement: str | None = "right wrist") -> Run:
    return Run(samples.astype(np.float32), rate_hz, SIX[: samples.shape[1]], placement)


def noise(count: int = 5000, channels: int = 6, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, channels)).astype(np.float32)


def tones(rate_hz: float, seconds: float, frequencies_hz: list[float]) -> np.ndarray:
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    phase = np.arange(3)[:, None]
    return np.array([0.0, 0.0, 1.0]) + sum(np.sin(2 * np.pi * f * time_s + phase + f) for f in frequencies_hz).T


@pytest.mark.parametrize(
    ("rate_in", "rate_out", "highest_hz", "tolerance"),
    [(20, 100, 9.4, 5e-3), (25, 50, 11.8, 5e-3), (51.2, 100, 24, 5e-3), (100, 20, 7, 1e-2), (200, 50, 17, 1e-2)],
)
def test_what_both_rates_can_hold_lands_on_its_analytic_values(rate_in, rate_out, highest_hz, tolerance):
    frequencies = [0.4, 1.9, highest_hz / 2, highest_hz]
    found = change_rate(tones(rate_in, 40, frequencies), rate_in, rate_out)
    expected = tones(rate_out, 40, frequencies)
    assert found.dtype == np.float32 and abs(len(found) - len(expected)) <= 1
    inner = slice(8 * round(rate_out), -8 * round(rate_out))
    np.testing.assert_allclose(found[inner], expected[: len(found)][inner], atol=tolerance)


@pytest.mark.parametrize("frequency_hz", [5.2, 8.0, 12.0, 19.0])
def test_what_the_lower_rate_cannot_hold_is_gone(frequency_hz):
    found = change_rate(tones(100, 40, [frequency_hz]), 100, 10)
    assert np.abs(found[40:-40] - [0, 0, 1]).max() < 2e-3


def test_a_rate_there_and_back_is_the_signal():
    samples = tones(25, 60, [0.7, 3.1, 8.0])
    back = change_rate(change_rate(samples, 25, 100), 100, 25)
    np.testing.assert_allclose(back[100:-100], samples[100:-100], atol=1e-2)
    assert back.shape == samples.shape


@pytest.mark.parametrize("count", [1, 2, 7, 40])
def test_short_runs_keep_their_length_and_level(count):
    level = np.tile([0.1, -0.2, 1.0], (count, 1)).astype(np.float32)
    for rate_in, rate_out in ((100, 10), (20, 100), (51.2, 50)):
        found = change_rate(level, rate_in, rate_out)
        assert abs(len(found) - count * rate_out / rate_in) <= 1 and len(found)
        np.testing.assert_allclose(found, np.tile([0.1, -0.2, 1.0], (len(found), 1)), atol=1e-3)


def test_rotations_are_uniform_and_keep_lengths_and_angles():
    matrices = np.stack([random_rotation(np.random.default_rng(i)) for i in range(4000)])
    np.testing.assert_allclose(matrices @ matrices.transpose(0, 2, 1), np.tile(np.eye(3), (4000, 1, 1)), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(matrices), 1.0)
    np.testing.assert_allclose(matrices.mean(0), 0, atol=0.04)
    # The angle of a uniform rotation has the density (1 - cos a) / pi: its cosine is -1/2 on average.
    assert ((np.trace(matrices, axis1=1, axis2=2) - 1) / 2).mean() == pytest.approx(-0.5, abs=0.03)
    run = run_of(noise())
    found = turned("recording")(run, draw)
    matrix = random_rotation(draw("recording"))
    for first in (0, 3):  # accelerometer and gyroscope alike
        expected = run.samples[:, first : first + 3] @ matrix.T
        np.testing.assert_allclose(found.samples[:, first : first + 3], expected, atol=1e-5)


def test_matrices_of_windows_turn_each_its_own():
    windows, matrices = noise(40).reshape(4, 10, 6), np.stack([random_rotation(draw(str(i))) for i in range(4)])
    found = in_axes(windows, [[0, 1, 2]], matrices)
    for n in range(4):
        np.testing.assert_allclose(found[n, :, :3], windows[n, :, :3] @ matrices[n].T, atol=1e-5)
    assert np.array_equal(found[..., 3:], windows[..., 3:])


def test_a_mirror_keeps_what_physics_keeps():
    """A device that turns: its acceleration's change in its own axes is -w x a, before and behind the mirror."""
    run = run_of(noise())
    found = mirrored(run, draw)
    assert found.placement == "left wrist"
    a, w = run.samples[:, :3], run.samples[:, 3:]
    mirror = np.diag([-1.0, 1.0, 1.0])
    np.testing.assert_allclose(
        np.cross(found.samples[:, 3:], found.samples[:, :3]), np.cross(w, a) @ mirror.T, atol=1e-5
    )
    np.testing.assert_allclose(np.linalg.norm(found.samples[:, :3], axis=1), np.linalg.norm(a, axis=1), rtol=1e-6)
    assert mirrored(replace(run, placement="thigh"), draw).samples is run.samples
    assert mirrored(replace(run, placement="wrist"), draw).placement == "wrist"


def test_placements():
    run = run_of(noise())
    assert placed(None)(run, draw).placement is None and placed("right wrist")(run, draw) is run
    told = {
        wrongly_placed(["wrist", "left wrist", "head", "chest"])(run, lambda level, i=i: np.random.default_rng(i))
        .placement
        for i in range(20)
    }  # fmt: skip
    assert told == {"head", "chest"}
    assert wrongly_placed(["wrist"])(run, draw) is run


def test_what_is_not_there_cannot_be_left_out():
    run = run_of(noise())
    found = without("gyro")(run, draw)
    assert found.channels == SIX[:3] and np.array_equal(found.samples, run.samples[:, :3])
    assert without("gyro")(found, draw) is found and without("acc")(found, draw) is found


def test_ranges_steps_bias_and_noise():
    run = run_of(3 * noise())
    acc, gyro = run.samples[:, :3], run.samples[:, 3:]
    for found in (clipped(2.0)(run, draw), quantised(1 / 64)(run, draw), biased(0.05, 0.05)(run, draw)):
        assert np.array_equal(found.samples[:, 3:], gyro) and not np.array_equal(found.samples[:, :3], acc)
    assert np.array_equal(clipped(2.0)(run, draw).samples[:, :3], np.clip(acc, -2, 2))
    assert clipped(100.0)(run, draw) is run
    steps = quantised(1 / 64)(run, draw).samples[:, :3]
    assert np.array_equal(steps * 64, np.rint(steps * 64)) and np.abs(steps - acc).max() <= 1 / 128 + 1e-6
    off = biased(0.05, 0.05)(run, draw).samples[:, :3]
    for axis in range(3):
        gain, offset = np.polyfit(acc[:, axis].astype(float), off[:, axis].astype(float), 1)
        assert abs(gain - 1) == pytest.approx(0.05, abs=1e-5) and abs(offset) == pytest.approx(0.05, abs=1e-5)
    added = noisy({"acc": 0.05, "gyro": 0.1})(run, draw).samples - run.samples
    np.testing.assert_allclose(added.std(axis=0), [0.05] * 3 + [0.1] * 3, rtol=0.05)


@pytest.mark.parametrize(("change", "run_s"), [(lost(0.3), 0.02 / 0.7), (lost_in_bursts(0.3, 0.5), 0.5)])
def test_lost_samples_are_lost_of_all_sensors(change, run_s):
    found = change(run_of(noise(200_000)), draw).samples
    missing = np.isnan(found)
    assert np.array_equal(missing.any(axis=1), missing.all(axis=1))
    gone = missing[:, 0]
    assert gone.mean() == pytest.approx(0.3, abs=0.02)
    lengths = gone.sum() / np.count_nonzero(np.diff(gone.astype(int)) == 1)
    assert lengths / 50 == pytest.approx(run_s, rel=0.12)


def test_a_gap_is_one_and_as_long_as_asked():
    run = run_of(noise(50 * 130))
    gone = np.isnan(gap(60.0)(run, draw).samples[:, 0])
    assert gone.sum() == 3000 and np.count_nonzero(np.diff(gone.astype(int))) <= 2
    short = run_of(noise(50 * 119))
    assert gap(60.0)(short, draw) is short


def test_the_same_names_draw_the_same():
    run = run_of(noise())
    for change in (turned("device"), lost(0.3), lost_in_bursts(0.3, 0.5), biased(0.05, 0.05)):
        assert np.array_equal(change(run, draw).samples, change(run, draw).samples, equal_nan=True)
    assert at_rate(50.0)(run, draw) is run
