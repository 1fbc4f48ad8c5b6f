"""Rows that come one by one against all of them at once."""

import numpy as np
import pytest

from har.recognition.live_signal import LiveSignal
from har.signal.clocks import resample_uniform

CHANNELS = ("acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z")


def rows(seed: int, seconds: float = 40.0, rate_hz: float = 50.0) -> tuple[np.ndarray, np.ndarray]:
    """Jittered stamps with lost rows, losses of a sensor, and a gap."""
    random = np.random.default_rng(seed)
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    samples = np.cumsum(random.normal(0, 0.05, (len(time_s), 6)), axis=0)
    time_s = time_s + random.uniform(-0.004, 0.004, len(time_s))
    samples[random.random(len(time_s)) < 0.05, 3:] = np.nan
    samples[random.random(len(time_s)) < 0.02, :3] = np.nan
    samples[600:640, 3:] = np.nan  # of the gyroscope alone
    keep = random.random(len(time_s)) > 0.05
    keep[1000:1100] = keep[300:330] = False
    keep[0] = True
    samples[0] = 0.0
    return time_s[keep], samples[keep]


def added(time_s: np.ndarray, samples: np.ndarray, borders: np.ndarray) -> LiveSignal:
    signal = LiveSignal(CHANNELS, kept_s=1e4)
    for first, last in zip([0, *borders], [*borders, len(time_s)], strict=True):
        signal.add(time_s[first:last], samples[first:last])
    return signal


@pytest.mark.parametrize("seed", range(6))
def test_stretches_are_those_of_all_rows_at_once(seed):
    time_s, samples = rows(seed)
    random = np.random.default_rng(100 + seed)
    signal = added(time_s, samples, np.sort(random.integers(0, len(time_s), 300)))
    one = added(time_s, samples, np.zeros(0, dtype=int))
    assert len(signal.stretches) == 2
    for stretch, whole in zip(signal.stretches, one.stretches, strict=True):
        assert (stretch.start_s, stretch.rate_hz, stretch.complete) == (whole.start_s, whole.rate_hz, whole.complete)
        np.testing.assert_array_equal(stretch.read(0, stretch.complete), whole.read(0, whole.complete))


@pytest.mark.parametrize("seed", range(3))
def test_each_sensor_is_resampled_as_a_file_is(seed):
    time_s, samples = rows(seed)
    signal = added(time_s, samples, np.arange(7, len(time_s), 7))
    stretch = signal.stretches[0]
    found = stretch.read(0, stretch.complete)
    own = time_s - time_s[0]
    for columns in (slice(0, 3), slice(3, 6)):
        there = np.isfinite(samples[:, columns]).all(axis=1) & (own <= stretch.stop_s)
        expected = np.full((stretch.complete, 3), np.nan)
        for start_s, run in resample_uniform(own[there], samples[there, columns], stretch.rate_hz, 0.25):
            grid = np.arange(
                np.ceil(start_s * stretch.rate_hz), (start_s + len(run) / stretch.rate_hz) * stretch.rate_hz
            )
            grid = grid[grid < stretch.complete].astype(int)
            rows_s = own[there]
            inside = (rows_s >= start_s - 1e-9) & (rows_s <= start_s + len(run) / stretch.rate_hz)
            grid = grid[grid / stretch.rate_hz <= rows_s[inside][-1] + 1e-9]
            for column in range(3):
                expected[grid, column] = np.interp(
                    grid / stretch.rate_hz, rows_s[inside], samples[there, columns][inside, column]
                )
        both = np.isfinite(found[:, columns]) & np.isfinite(expected)
        assert both.mean() > 0.8
        np.testing.assert_allclose(found[:, columns][both], expected[both], atol=1e-5)


def test_a_moment_is_complete_once_no_sensor_can_add_to_it():
    """The gyroscope is waited for, as long as its silence is no gap yet."""
    time_s = np.arange(300) / 50.0
    samples = np.zeros((300, 6))
    samples[200:, 3:] = np.nan
    signal, complete = LiveSignal(CHANNELS, kept_s=60.0), []
    for row in range(300):
        signal.add(time_s[row : row + 1], samples[row : row + 1])
        complete.append(signal.stretches[-1].complete if signal.stretches else 0)
    behind = np.arange(1, 301) - np.array(complete)
    assert (behind[110:200] <= 1).all() and behind[210] == pytest.approx(11, abs=1)
    assert (behind[215:] <= 1).all() and np.isnan(signal.stretches[-1].read(215, 290)[:, 3:]).all()


def test_sensors_with_rows_of_their_own_meet_on_one_grid():
    time_s = np.arange(600) / 100.0
    samples = np.full((600, 6), np.nan)
    samples[::2, :3], samples[1::2, 3:] = np.sin(time_s[::2])[:, None], np.cos(time_s[1::2])[:, None]
    signal = added(time_s, samples, np.arange(9, 600, 9))
    (stretch,) = signal.stretches
    assert stretch.rate_hz == 50.0
    found, grid = stretch.read(1, 250), np.arange(1, 250) / 50.0
    np.testing.assert_allclose(found[:, 0], np.sin(grid), atol=1e-3)
    np.testing.assert_allclose(found[:, 3], np.cos(grid), atol=1e-3)
