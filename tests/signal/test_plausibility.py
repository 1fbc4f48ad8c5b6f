"""Whether findings name what was done to a signal that is right, and nothing is said of one that is."""

import math
import warnings

import numpy as np
import pytest

from har.recordings.format import read_dataset
from har.signal.channels import parse_devices
from har.signal.plausibility import SignalWarning, check_rate, check_samples, examine
from har.windows.index import WindowIndex

ACC, GYRO, MAG = (["acc_x", "acc_y", "acc_z"], ["gyro_x", "gyro_y", "gyro_z"], ["mag_x", "mag_y", "mag_z"])
DEVICES = parse_devices([*ACC, *GYRO], None)
RATE = 50.0


def swinging(windows: int = 6, seconds: float = 5.0, swing_rad: float = 0.6, hz: float = 0.5) -> np.ndarray:
    """(N, T, 6) of a pendulum that swings about its x axis: weight turns exactly as the gyroscope says."""
    t = np.arange(round(seconds * RATE)) / RATE
    phase = np.linspace(0, 2, windows)[:, None]
    angle = swing_rad * np.sin(2 * np.pi * hz * t + phase)
    turn = swing_rad * 2 * np.pi * hz * np.cos(2 * np.pi * hz * t + phase)
    zero = np.zeros_like(angle)
    return np.stack([zero, np.sin(angle), np.cos(angle), turn, zero, zero], -1).astype(np.float32)


def still(windows: int = 6, seconds: float = 5.0) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, 0.005, (windows, round(seconds * RATE), 6))
    return (noise + np.array([0.0, 0.0, 1.0, 0.01, 0.0, 0.0])).astype(np.float32)


def texts(signal: np.ndarray, devices=DEVICES, gravity: str = "included", certain: bool | None = None) -> list[str]:
    found = examine(signal, devices, RATE, gravity)
    return [finding.text for finding in found if certain in (None, finding.certain)]


@pytest.mark.parametrize("signal", [swinging(), still(), swinging(1, 0.4), still(1, 2.0)])
def test_nothing_is_said_of_what_is_right(signal):
    assert texts(signal) == []


def test_real_and_simulated_movement_is_right(small_corpus):
    """Every window of every stream, by itself and together."""
    for folder in sorted(small_corpus.glob("sim_*")):
        index = WindowIndex([read_dataset(folder)], 5.0, 5.0, 2.0)
        for stream_id, stream in enumerate(index.streams):
            devices = parse_devices(stream.info.channels, None)
            signal = index.read(np.flatnonzero(index.stream_id == stream_id))
            single = [examine(window[None], devices, stream.info.sampling_rate_hz) for window in signal]
            assert sum(map(bool, single)) <= 0.01 * len(single), (stream.info.name, [s for s in single if s][:3])
            assert examine(signal, devices, stream.info.sampling_rate_hz) == []


# --- units -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("signal", [swinging(), still(), swinging(1, 0.4)])
@pytest.mark.parametrize(
    ("factor", "remedy"),
    [
        (9.80665, r"Divide m/s^2 by 9.80665"),
        (1000.0, "Divide mg by 1000"),
        (4096.0, "Divide raw counts by those in one g, which the data sheet gives (about 4,096)"),
        (16384.0, "(about 16,384)"),
    ],
)
def test_another_unit_of_acceleration_is_certain_and_named(signal, factor, remedy):
    wrong = signal * np.array([factor] * 3 + [1] * 3, dtype=np.float32)
    (text,) = texts(wrong, certain=True)
    assert remedy in text and "the accelerometer has a median magnitude of" in text


def test_acceleration_that_never_rests_is_judged_by_its_weight():
    """Running in m/s^2: no second is still."""
    t = np.arange(500) / RATE
    running = still(1, 10.0)
    running[..., 2] += 1.5 * np.sin(2 * np.pi * 2.8 * t)
    assert texts(running) == []
    running[..., :3] *= 9.80665
    assert "Divide m/s^2 by 9.80665" in texts(running, certain=True)[0]


def test_a_wrist_that_is_thrown_about_is_no_unit():
    """Centripetal acceleration of a sprinter's wrist: 5 g on average over a second."""
    fast = still()
    fast[..., 2] = 5.0 + np.sin(np.arange(250) / 3)
    assert texts(fast) == []


@pytest.mark.parametrize("seconds", [0.5, 5.0])
def test_a_fast_wrist_with_lost_samples_or_seen_for_half_a_second_is_no_unit_either(seconds):
    """No second of it is whole."""
    fast = still(4, seconds)
    fast[..., 2] = 5.0 + np.sin(np.arange(fast.shape[1]) / 3)
    fast[np.random.default_rng(0).random(fast.shape[:2]) < 0.15] = np.nan
    assert texts(fast) == []
    fast[..., :3] *= 9.80665 / 5  # as if at rest in m/s^2
    assert "Divide m/s^2" in texts(fast, certain=True)[0]


@pytest.mark.parametrize(("factor", "said"), [(2.0, "2.00"), (0.5, "0.50")])
def test_a_range_that_is_another_than_assumed_shows_at_rest(factor, said):
    wrong = still() * np.array([factor] * 3 + [1] * 3, dtype=np.float32)
    (text,) = texts(wrong, certain=False)
    assert f"reads {said} in still seconds" in text and f"divide by {factor:.3g}" in text.lower()


def test_gravity_that_is_missing_is_said_with_what_to_do():
    t = np.arange(250) / RATE
    walking = still()
    walking[..., 2] = 0.3 * np.sin(2 * np.pi * 2 * t)
    (text,) = texts(walking)
    assert "Gravity has probably been removed" in text and "gravity='removed'" in text
    assert texts(walking, gravity="removed") == []
    (text,) = texts(walking * 9.80665)
    assert "ravity" in text
    assert "gravity='included'" in texts(still(), gravity="removed")[0]


def test_acceleration_that_was_divided_twice_is_told_from_gravity_that_is_missing():
    (text,) = texts(still() / np.float32(9.80665))
    assert "divided by 9.80665 twice: multiply by 9.80665" in text


@pytest.mark.parametrize("signal", [swinging(swing_rad=1.0, hz=1.0), swinging(1, swing_rad=1.0, hz=1.0)])
def test_a_gyroscope_in_degrees_that_turns_faster_than_anything_worn_is_certain(signal):
    wrong = signal * np.array([1] * 3 + [math.degrees(1)] * 3, dtype=np.float32)
    (text,) = texts(wrong, certain=True)
    assert "deg/s: multiply by pi / 180" in text


@pytest.mark.parametrize(
    ("signal", "factor", "said"),
    [
        (swinging(swing_rad=0.3), math.degrees(1), "in deg/s: multiply by pi / 180"),
        (swinging(), math.radians(1), "twice: multiply by 180 / pi"),
        (still(), math.degrees(1), "still. It is probably in deg/s: multiply by pi / 180"),
    ],
)
def test_a_slow_gyroscope_is_held_against_the_accelerometer(signal, factor, said):
    wrong = signal * np.array([1] * 3 + [factor] * 3, dtype=np.float32)
    (text,) = texts(wrong, certain=False)
    assert said in text


def test_slope_of_the_pendulum_is_that_of_the_units():
    from har.signal.plausibility import turn_slope

    signal = swinging()
    for factor in (1.0, 0.1, 30.0):
        slope, correlation = turn_slope(signal[..., :3], signal[..., 3:] * factor, RATE)
        # Differences over half a second see a little less than the whole turn.
        assert 0.85 < slope * factor < 1.0 and correlation > 0.95


@pytest.mark.parametrize(("factor", "said"), [(1000.0, "nT"), (0.01, "G (multiply by 100)"), (1.0, None)])
def test_the_field_of_a_magnetometer(factor, said):
    signal = np.broadcast_to(np.array([20.0, 5.0, -42.0]) * factor, (2, 250, 3))
    found = texts(signal, parse_devices(MAG, None))
    assert (found == []) if said is None else said in found[0]


# --- what is not there -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [-999.0, 9999.0, -32768.0, -99.0])
def test_a_code_for_missing_samples_is_refused(code):
    signal = swinging()
    signal[2, 100:120, :3] = code
    (text,) = texts(signal, certain=True)
    assert f"window 2 holds samples of {code:g} of the accelerometer (20 of 1,500 in all)" in text and "NaN" in text


@pytest.mark.parametrize("axes", [slice(3, 6), slice(4, 5)], ids=["all axes", "one axis"])
def test_a_code_in_a_gyroscope_is_no_unit(axes):
    signal = swinging()
    signal[:, ::20, axes] = -999
    (text,) = texts(signal, certain=True)
    assert "holds samples of -999 of the gyroscope (78 of 1,500 in all): a code" in text


def test_a_code_in_most_samples_is_no_unit_and_what_is_left_tells_the_unit():
    signal = still()
    signal[..., :3] *= 1000
    signal[:, 60:, :3] = -9999
    code, unit = texts(signal, certain=True)
    assert "samples of -9999 of the accelerometer (1,140 of 1,500 in all): a code" in code and "Divide mg" in unit


def test_one_impossible_sample_is_enough():
    signal = swinging()
    signal[4, 7, 5] = 1e6
    (text,) = texts(signal, certain=True)
    assert text.startswith("window 4 holds samples of 1e+06 of the gyroscope (1 of 1,500 in all); nothing worn")


def test_zeros_in_place_of_missing_samples():
    signal = swinging()
    signal[1, :200, :3] = 0
    (text,) = texts(signal)
    assert "exactly 0 on all axes in 13% of the samples" in text and "NaN" in text
    signal = swinging()
    signal[..., 3:] = 0
    (text,) = texts(signal)
    assert text.startswith("the gyroscope reads exactly 0 on all axes in 100% of the samples")


def test_no_rotation_at_rest_is_right():
    """Many gyroscopes report none below a threshold."""
    signal = still()
    signal[..., 3:] = 0
    assert texts(signal) == []


def test_a_turn_about_the_vertical_is_right():
    """A swivel chair at 1 rad/s: the weight stays where it is, as it does not about any other axis."""
    signal = still()
    signal[..., 5] += 1.0
    assert texts(signal) == []
    signal[..., 3] += 1.0
    assert "tilts at 1 rad/s (median) in seconds in which the accelerometer is still" in texts(signal)[0]


def test_a_blow_beyond_the_range_may_be_one():
    signal = swinging()
    signal[2, 100:102, :3] = 32.0
    (text,) = texts(signal, certain=False)
    assert "samples of 32 of the accelerometer (2 of 1,500 in all)" in text and "32 g is the range" in text
    signal[2, 100:120, :3] = 32.0
    assert "a code for missing samples" in texts(signal, certain=True)[0]


def test_acceleration_without_gravity_in_metres_is_told_its_factor():
    t = np.arange(250) / RATE
    for amplitude, certain in ((0.4, False), (1.0, True)):
        walking = still() - np.array([0, 0, 1, 0, 0, 0], dtype=np.float32)
        walking[..., 2] += amplitude * np.sin(2 * np.pi * 2 * t)
        assert texts(walking, gravity="removed") == []
        walking[..., :3] *= 9.80665
        for gravity in ("removed", "included"):
            (text,) = texts(walking, gravity=gravity, certain=certain)
            assert "It is probably in m/s^2: divide by 9.80665" in text


def test_clocks_joined_into_one_table_are_named():
    signal = np.tile(swinging(1, 15.0), (1, 1, 1))
    for sensor, first in ((slice(0, 3), 0), (slice(3, 6), 1)):
        others = np.arange(signal.shape[1]) % 3 != first
        signal[:, others, sensor] = np.nan
    for text, name in zip(texts(signal, certain=True), ("accelerometer", "gyroscope"), strict=True):
        assert f"the {name} has samples in 33% of the rows" in text and "on its own clock" in text


def test_long_gaps_are_no_clocks():
    signal = swinging(8)
    signal[:5] = np.nan
    assert texts(signal) == []


def test_an_axis_and_a_sensor_without_samples_are_named():
    signal = swinging()
    signal[..., 4] = np.nan
    assert "the gyroscope has no sample in gyro_y" in texts(signal, certain=False)[0]
    signal[..., 3:] = np.nan
    assert "the gyroscope has no sample at all" in texts(signal, certain=False)[0]


# --- how it is said ---------------------------------------------------------------------------------------------------


def test_devices_are_told_apart():
    signal = np.concatenate([still(), still()], axis=-1)
    signal[..., 6:9] *= 9.80665
    devices = parse_devices([f"{place}/{name}" for place in ("left wrist", "chest") for name in (*ACC, *GYRO)], None)
    (text,) = texts(signal, devices)
    assert "the accelerometer of chest has a median magnitude of 9.8" in text


def test_certain_findings_are_errors_all_at_once_and_likely_ones_are_warnings():
    signal = swinging(swing_rad=1.0, hz=1.0)
    signal[..., :3] *= 1000
    signal[..., 3:] *= math.degrees(1)
    with pytest.raises(ValueError, match=r"Divide mg by 1000.*besides, .*deg/s"):
        check_samples(signal, DEVICES, RATE)
    with pytest.warns(SignalWarning, match="still seconds") as caught:
        check_samples(still() * np.array([2] * 3 + [1] * 3), DEVICES, RATE)
    assert len(caught) == 1 and caught[0].filename == __file__


def test_an_empty_signal_has_no_findings_and_gravity_is_one_of_two():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_samples(np.zeros((0, 50, 6)), DEVICES, RATE)
    with pytest.raises(ValueError, match="gravity is 'none'; expected one of included, removed"):
        examine(still(), DEVICES, RATE, "none")


@pytest.mark.parametrize("rate", [0.02, 0.0, -50.0, 5e6, math.nan, math.inf])
def test_a_rate_that_is_none_is_refused(rate):
    with pytest.raises(ValueError, match="expected at least 1 Hz"):
        check_rate(rate)
    if rate == 0.02:
        with pytest.raises(ValueError, match=r"a period of 0\.02 s is 50 Hz"):
            check_rate(rate)


def test_a_device_that_is_swung_by_its_strap_is_in_the_right_unit():
    """A second of 13 g on the circle, a second in hand: heavy on the whole, but not all the time."""
    swung = np.concatenate([still(10), swinging(10)])
    time_s = np.arange(swung.shape[1]) / RATE
    swung[3:7, :, 2] += 12 * (np.floor(time_s) % 3 < 2)
    assert texts(swung, certain=True) == []


@pytest.mark.parametrize("long", [False, True])
def test_a_minority_of_windows_or_of_a_recording_is_found_too(long):
    """Some people's files in another unit, or without gravity, among others that are right."""
    right = np.concatenate([still(10), swinging(10)])
    scaled, light = right.copy(), right.copy()
    scaled[3:7, :, :3] *= 9.80665
    light[3:7, :, :3] -= light[3:7, :, :3].mean(1, keepdims=True)
    if long:
        right, scaled, light = (x.reshape(1, -1, 6) for x in (right, scaled, light))
    shaken = right.copy()
    shaken.reshape(-1, 6)[:800, 2] += 8 * np.sign(np.sin(np.arange(800)))
    assert texts(right) == [] and texts(shaken, certain=True) == []
    (text,) = texts(scaled, certain=True)
    assert "4 of 20 stretches of 5 s of the accelerometer weigh 9.8" in text and "divide by 9.80665" in text
    assert f"the first in window {0 if long else 3}" in text
    (text,) = texts(light, certain=False)
    assert "4 of 20 stretches of 5 s of the accelerometer weigh" in text and "gravity has probably been removed" in text
