"""Hand-made features: closed forms, a slow oracle, and what they must not depend on (mounting, rate, channels)."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from har.recordings.format import DatasetWriter, StreamInfo, read_dataset
from har.windows.features import BANDS_HZ, CORRELATED, FEATURE_NAMES, RATE_HZ, SIGNALS, STATISTICS, window_features
from har.windows.index import WindowIndex
from har.windows.resample import resample

ACC, GYRO, MAG = (tuple(f"{kind}_{axis}" for axis in "xyz") for kind in ("acc", "gyro", "mag"))
CARD = {"title": "T", "citation": "C", "licence": "L", "source_url": "U"}
WINDOW_S = 5.0


def index_of(
    folder: Path, streams: dict[str, tuple], window_s: float = WINDOW_S, gravity: str = "present"
) -> WindowIndex:
    """streams: name -> (rate, channels, samples (n, C), [seconds of each segment]); segments follow each other."""
    with DatasetWriter(folder, **CARD) as writer:
        for name, (rate, channels, samples, *cuts) in streams.items():
            info = StreamInfo(name, "device", "pocket", channels, rate, gravity)
            writer.add_stream(info)
            ends = np.cumsum([0, *(round(s * rate) for s in cuts[0])]) if cuts else [0, len(samples)]
            labels = [(f"activity {i}", int(a), int(b)) for i, (a, b) in enumerate(pairwise(ends))]
            writer.append(name, recording=name, subject="s", samples=samples, labels=labels)
    return WindowIndex([read_dataset(folder)], window_s, window_s, 1.0)


def features_of(index: WindowIndex) -> dict[str, np.ndarray]:
    """Feature name -> (N,) of all windows."""
    return dict(zip(FEATURE_NAMES, window_features(index, np.arange(len(index))).T, strict=True))


def filtered(windows: np.ndarray) -> np.ndarray:
    """Windows (N, T, C) at the common rate without what lies above the filter of all rates."""
    shown, _ = resample(torch.from_numpy(windows).float().transpose(1, 2), None, RATE_HZ, RATE_HZ)
    return shown.transpose(1, 2).double().numpy()


def movement(rate_hz: float, seconds: float = 20.0) -> np.ndarray:
    """(n, 6) gravity and swings below 7 Hz in every direction, of accelerometer and gyroscope."""
    draw = np.random.default_rng(0)
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    frequency_hz = np.array([0.6, 1.7, 2.8, 5.1, 6.6])
    size = draw.uniform(0.5, 1.0, (6, 5)) * np.array([0.2, 0.3, 0.15, 0.08, 0.04])
    phase = draw.uniform(0, 2 * np.pi, (6, 5))
    swing = (size[:, :, None] * np.sin(2 * np.pi * frequency_hz[:, None] * time_s + phase[:, :, None])).sum(axis=1).T
    return swing + np.array([0.3, -0.4, 0.85, 0.1, -0.2, 0.3])


def swing(axis: int, frequency_hz: float, size: float, rate_hz: float = 50.0) -> np.ndarray:
    """(n, 6) five seconds of gravity along z, and one pure tone in one channel."""
    samples = np.tile([0.0, 0.0, 1.0, 0.0, 0.0, 0.0], (round(WINDOW_S * rate_hz), 1))
    samples[:, axis] += size * np.sin(2 * np.pi * frequency_hz * np.arange(len(samples)) / rate_hz)
    return samples


def test_there_is_one_name_for_each_feature(tmp_path):
    index = index_of(tmp_path / "d", {"a": (50.0, ACC + GYRO, movement(50.0))})
    features = window_features(index, np.arange(len(index)))
    assert features.shape == (4, len(FEATURE_NAMES)) and features.dtype == np.float32
    assert len(set(FEATURE_NAMES)) == len(FEATURE_NAMES) == len(SIGNALS) * len(STATISTICS) + len(CORRELATED)
    assert np.isfinite(features).all()


def test_features_in_time_are_those_of_a_slow_loop(tmp_path):
    """At the common rate samples are filtered only, so every number can be had from them."""
    samples = (movement(RATE_HZ) + np.random.default_rng(1).normal(0, 0.05, (400, 6))).astype(np.float32)
    found = features_of(index_of(tmp_path / "d", {"a": (RATE_HZ, ACC + GYRO, samples)}))
    for n, window in enumerate(filtered(samples.reshape(4, 100, 6))):
        acc, gyro = window[:, :3], window[:, 3:]
        up = acc.mean(axis=0) / np.linalg.norm(acc.mean(axis=0))
        signals = {}
        for kind, triad in (("acc", acc), ("gyro", gyro)):
            signals[f"{kind}_magnitude"] = np.linalg.norm(triad, axis=1)
            signals[f"{kind}_along"] = triad @ up
            signals[f"{kind}_across"] = np.linalg.norm(triad - np.outer(triad @ up, up), axis=1)
        for name, x in signals.items():
            expected = {
                "mean": x.mean(), "std": x.std(), "change": np.abs(np.diff(x)).mean() * RATE_HZ,
                "p10": np.percentile(x, 10), "p50": np.median(x), "p90": np.percentile(x, 90),
                "iqr": np.percentile(x, 75) - np.percentile(x, 25),
                "crossings": sum((a > x.mean()) != (b > x.mean()) for a, b in pairwise(x))
                / 99 * RATE_HZ,
            }  # fmt: skip
            for statistic, value in expected.items():
                assert found[f"{name}_{statistic}"][n] == pytest.approx(value, rel=1e-4, abs=1e-5), (name, statistic)
        for first, second in CORRELATED:
            expected = np.corrcoef(signals[first], signals[second])[0, 1]
            assert found[f"{first}_with_{second}"][n] == pytest.approx(expected, abs=1e-4)


def test_mounting_the_device_another_way_changes_nothing(tmp_path):
    samples = movement(50.0)
    found = []
    for i, turn in enumerate(Rotation.random(3, np.random.default_rng(0)).as_matrix()):
        turned = np.hstack([samples[:, :3] @ turn.T, samples[:, 3:] @ turn.T])
        index = index_of(tmp_path / str(i), {"a": (50.0, ACC + GYRO, turned)})
        found.append(window_features(index, np.arange(len(index))))
    np.testing.assert_allclose(found[1], found[0], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(found[2], found[0], rtol=1e-3, atol=1e-4)
    # Turning the gyroscope alone is another movement.
    index = index_of(tmp_path / "g", {"a": (50.0, ACC + GYRO, np.hstack([samples[:, :3], samples[:, [4, 5, 3]]]))})
    assert np.abs(window_features(index, np.arange(len(index))) - found[0]).max() > 0.05


def test_the_same_movement_at_other_rates_gives_nearly_the_same(tmp_path):
    found = []
    for rate in (25.0, 50.0, 100.0):
        index = index_of(tmp_path / f"{rate:g}", {"a": (rate, ACC + GYRO, movement(rate))})
        found.append(window_features(index, np.arange(len(index))))
    # Of each feature's size in this movement; a sample of 100 more or less is a fifth of a crossing a second.
    scale = np.maximum(np.abs(found[2]).max(axis=0), 0.05)
    for other in found[:2]:
        away = (np.abs(other - found[2]) / scale).max(axis=0)
        loose = np.array([name.endswith("crossings") for name in FEATURE_NAMES])
        assert away[~loose].max() < 0.08, FEATURE_NAMES[int(np.where(loose, 0, away).argmax())]
        assert np.abs(other - found[2])[:, loose].max() < 0.5
        assert np.median(away) < 0.01


@pytest.mark.parametrize("frequency_hz", [0.7, 1.9, 3.1, 6.3])
@pytest.mark.parametrize(
    ("axis", "signal"),
    [(2, "acc_magnitude"), (2, "acc_along"), (0, "acc_across"), (5, "gyro_along"), (4, "gyro_across")],
)
def test_a_pure_tone_has_its_frequency_and_energy(tmp_path, axis, signal, frequency_hz):
    samples = swing(axis, frequency_hz, 0.4)
    found = {
        name: values[0]
        for name, values in features_of(index_of(tmp_path / "d", {"a": (50.0, ACC + GYRO, samples)})).items()
    }
    assert found[f"{signal}_dominant_hz"] == pytest.approx(frequency_hz, abs=0.06)
    assert found[f"{signal}_dominant_share"] > 0.97
    for band, (low, high) in BANDS_HZ.items():
        # A sine of size a has the variance a²/2, all of it in its own band.
        expected = 0.4**2 / 2 if low <= frequency_hz < high else 0.0
        assert found[f"{signal}_{band}_energy"] == pytest.approx(expected, abs=0.008)
    if signal.endswith("along"):
        assert found[f"{signal}_std"] == pytest.approx(0.4 / np.sqrt(2), rel=0.05)
        assert found[f"{signal}_crossings"] == pytest.approx(2 * frequency_hz, abs=0.4)
    assert found[f"{signal}_periodicity"] > 0.9


def test_the_dominant_frequency_is_one_of_those_in_a_band(tmp_path):
    time_s = np.arange(100) / RATE_HZ
    samples = np.tile([0.0, 0.0, 1.0], (100, 1))
    samples[:, 2] += 0.2 * np.sin(2 * np.pi * 2.0 * time_s) + 0.4 * np.sin(2 * np.pi * 9.2 * time_s)
    found = features_of(index_of(tmp_path / "d", {"a": (RATE_HZ, ACC, samples)}))
    assert found["acc_along_dominant_hz"][0] == pytest.approx(2.0, abs=0.06)
    low, high = filtered(np.stack([0.2 * np.sin(2 * np.pi * f * time_s) for f in (2.0, 9.2)], axis=1)[None])[0].T
    expected = low.var() / (low.var() + 4 * high.var())  # at twice the size, less what the filter takes
    assert 0.2 < expected < 0.9 and found["acc_along_dominant_share"][0] == pytest.approx(expected, abs=0.03)


def slow_periodicity(x: np.ndarray, lags: range) -> float:
    """The highest peak of the autocorrelation at some lags, each averaged over its pairs of samples."""
    x = x - x.mean()
    at = [np.mean(x[lag:] * x[: len(x) - lag]) / x.var() for lag in range(len(x) - 1)]
    return max((at[i] for i in lags if at[i - 1] < at[i] >= at[i + 1]), default=0.0)


def test_periodicity_is_the_highest_peak_of_the_autocorrelation_at_lags_of_people(tmp_path):
    """Windows of eight seconds, which allow lags of four; looked at are 0.25 to 2.5 s."""
    draw = np.random.default_rng(0)
    hum, repeated = draw.normal(0, 0.05, (4, 160)), np.tile(draw.normal(0, 0.1, (4, 60)), 3)[:, :160]
    hum += 0.4 * np.roll(hum, 3, axis=1)  # its own echo after 0.15 s, and after 3 s
    signals = np.vstack([hum, repeated, draw.normal(0, 0.1, (4, 160))])
    measured = 1.0 + signals
    signals = filtered(np.repeat(measured[:, :, None], 3, axis=2))[:, :, 0]
    samples = np.stack([np.zeros(measured.size), np.zeros(measured.size), measured.ravel()], axis=1)
    found = features_of(index_of(tmp_path / "d", {"a": (RATE_HZ, ACC, samples)}, window_s=8.0))["acc_along_periodicity"]
    expected = [slow_periodicity(x, range(5, 51)) for x in signals]
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert any(slow_periodicity(x, range(1, 51)) > e + 0.1 for x, e in zip(signals, expected, strict=True))
    assert any(slow_periodicity(x, range(5, 81)) > e + 0.1 for x, e in zip(signals, expected, strict=True))


def test_periodicity_needs_most_of_a_window_and_is_at_most_one(tmp_path):
    # Two seconds of a swing of 1.67 s: it returns once, for a third of a second.
    swung = swing(2, 0.6, 0.3)[:100]
    # Three knocks: most of the energy is met again two seconds later, more than its share of the pairs.
    knocks = np.tile([0.0, 0.0, 1.0, 0.0, 0.0, 0.0], (250, 1))
    for second in (0.5, 2.5, 4.5):
        knocks[round(50 * second) : round(50 * second) + 5, 2] += 1.0
    samples = np.vstack([swung, knocks])
    found = features_of(index_of(tmp_path / "d", {"a": (50.0, ACC + GYRO, samples, [2.0, 5.0])}))
    assert found["acc_along_periodicity"].tolist() == [0.0, 1.0]


def test_noise_is_neither_periodic_nor_a_tone(tmp_path):
    noise = np.random.default_rng(0).normal((0, 0, 1), 0.1, (1000, 3))
    found = features_of(index_of(tmp_path / "d", {"a": (RATE_HZ, ACC, noise)}))
    assert found["acc_along_periodicity"].max() < 0.5
    assert found["acc_along_dominant_share"].max() < 0.5
    # Of white noise each band has its share of the frequencies up to half the rate.
    for band, (low, high) in BANDS_HZ.items():
        assert found[f"acc_along_{band}_energy"].mean() == pytest.approx(0.01 * (high - low) / 10, rel=0.3)


def test_a_still_window_has_its_level_and_nothing_else(tmp_path):
    still = np.tile([0.0, 0.6, 0.8, 0.0, 0.0, 0.0], (500, 1))
    found = features_of(index_of(tmp_path / "d", {"a": (100.0, ACC + GYRO, still)}))
    level = [f"{signal}_{s}" for signal in ("acc_magnitude", "acc_along") for s in ("mean", "p10", "p50", "p90")]
    for name, values in found.items():
        np.testing.assert_allclose(values, 1.0 if name in level else 0.0, atol=1e-4, err_msg=name)


def test_windows_of_several_streams_come_back_in_the_order_of_the_rows(tmp_path):
    streams = {
        "belt": (50.0, ACC + GYRO, movement(50.0)),
        "shoe": (100.0, ACC, 1.5 * movement(100.0)[:, :3]),
        "wrist": (25.0, GYRO + MAG, np.hstack([0.7 * movement(25.0)[:, 3:], np.ones((500, 3))])),
    }
    together = index_of(tmp_path / "all", streams)
    alone = {name: features_of(index_of(tmp_path / name, {name: stream})) for name, stream in streams.items()}
    rows = np.random.default_rng(0).permutation(np.repeat(np.arange(len(together)), 2))[:15]
    told = []
    found = window_features(together, rows, told.append)
    assert sum(told) == 15 and len(told) == 3
    for i, row in enumerate(rows):
        name = together.streams[together.stream_id[row]].info.name
        place = row - np.flatnonzero(together.stream_id == together.stream_id[row])[0]
        expected = np.array([values[place] for values in alone[name].values()])
        np.testing.assert_allclose(found[i], expected, rtol=1e-5, atol=1e-7)
    assert window_features(together, rows[:0]).shape == (0, len(FEATURE_NAMES))


def test_more_windows_than_are_read_at_once_are_all_there(tmp_path, monkeypatch):
    index = index_of(tmp_path / "d", {"a": (50.0, ACC + GYRO, movement(50.0, 60.0))})
    rows = np.arange(len(index))[::-1]
    expected = window_features(index, rows)
    monkeypatch.setattr("har.windows.features._ROWS_READ", 5)
    np.testing.assert_allclose(window_features(index, rows), expected, rtol=1e-6)


def test_a_missing_tail_is_in_no_feature(tmp_path):
    """Three seconds, then those of someone else: a window of five seconds gives what one of three seconds gives."""
    samples = movement(50.0, 9.0)
    samples[150:] *= 3.0
    index = index_of(tmp_path / "five", {"a": (50.0, ACC + GYRO, samples, [3.0, 6.0])})
    assert np.isnan(index.read(np.array([0]))[0, 150:]).all()
    found = {name: values[0] for name, values in features_of(index).items()}
    short = index_of(tmp_path / "three", {"a": (50.0, ACC + GYRO, samples[:150])}, window_s=3.0)
    for name, (expected,) in features_of(short).items():
        # The spectrum of a longer window is read off at more frequencies.
        spectral = name.endswith(("_hz", "_share", "_energy"))
        assert found[name] == pytest.approx(expected, rel=0.1 if spectral else 0.02, abs=1e-3), name


def test_what_was_not_measured_is_nan(tmp_path):
    samples = movement(50.0)
    whole = features_of(index_of(tmp_path / "whole", {"a": (50.0, ACC + GYRO, samples)}))
    acc = features_of(index_of(tmp_path / "acc", {"a": (50.0, ACC, samples[:, :3])}))
    gyro = features_of(index_of(tmp_path / "gyro", {"a": (50.0, GYRO, samples[:, 3:])}))
    linear = features_of(index_of(tmp_path / "linear", {"a": (50.0, ACC + GYRO, samples)}, gravity="removed"))
    for name in FEATURE_NAMES:
        of_gyro, needs_up = "gyro" in name, "along" in name or "across" in name
        for found, there in (
            (acc, not of_gyro), (gyro, name.startswith("gyro_magnitude")), (linear, not needs_up)
        ):  # fmt: skip
            np.testing.assert_allclose(found[name], whole[name] if there else np.nan, rtol=1e-4, atol=1e-6)


def test_gravity_without_a_direction_leaves_the_other_features(tmp_path):
    turn = 2 * np.pi * 0.4 * np.arange(250) / 50
    spinning = np.stack([np.cos(turn), np.sin(turn), np.zeros(250)], axis=1)
    found = features_of(index_of(tmp_path / "d", {"a": (50.0, ACC, spinning)}))
    assert found["acc_magnitude_mean"][0] == pytest.approx(1.0, abs=0.01)
    assert np.isnan(found["acc_along_mean"][0]) and np.isnan(found["acc_across_dominant_hz"][0])


def test_the_magnetometer_and_the_order_of_channels_do_not_count(tmp_path):
    samples = movement(50.0)
    whole = features_of(index_of(tmp_path / "a", {"a": (50.0, ACC + GYRO, samples)}))
    mixed = np.hstack([samples[:, 3:], np.random.default_rng(0).normal(0, 40, (1000, 3)), samples[:, [2, 0, 1]]])
    found = features_of(index_of(tmp_path / "b", {"a": (50.0, (*GYRO, *MAG, "acc_z", "acc_x", "acc_y"), mixed)}))
    for name in FEATURE_NAMES:
        np.testing.assert_allclose(found[name], whole[name], rtol=1e-5, atol=1e-6, err_msg=name)


def test_what_cannot_be_computed_is_refused(tmp_path):
    index = index_of(tmp_path / "d", {"compass": (50.0, MAG, np.ones((500, 3)))})
    with pytest.raises(ValueError, match=r"d/compass has channels \['mag_x'.*need an accelerometer or a gyroscope"):
        window_features(index, np.arange(len(index)))
    for rate in (12.0, np.nan):
        with pytest.raises(ValueError, match=r"rate_hz is .*at least 16.0 Hz"):
            window_features(index, np.arange(len(index)), rate_hz=rate)
