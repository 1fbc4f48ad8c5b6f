"""Windows, samples, surveys and non-wear, each against loops."""

from itertools import pairwise

import numpy as np
import pytest

from har.readers.recording import Device, Piece
from har.recognition.non_wear import not_worn
from har.recognition.spans import inside, joined, samples_of, windows_of
from har.recognition.survey import survey

from .conftest import CHANNELS

UP = np.array([0, 0, 1])


def device_of(*pieces, rate_hz: float = 10.0) -> Device:
    return Device("wrist", CHANNELS, rate_hz, tuple(Piece(*piece) for piece in pieces))


@pytest.mark.parametrize("seed", range(3))
def test_spans_that_touch_become_one(seed):
    random = np.random.default_rng(seed)
    starts = random.integers(0, 60, 12) / 2
    spans = [(float(start), float(start + random.integers(1, 8) / 2)) for start in starts]
    moments = np.arange(0.25, 40, 0.5)
    expected = [any(start <= moment < stop for start, stop in spans) for moment in moments]
    np.testing.assert_array_equal(inside(moments, joined(spans)), expected)
    assert all(after[0] > before[1] for before, after in pairwise(joined(spans)))


@pytest.mark.parametrize("seconds", [0.3, 5.0, 7.6, 23.1])
def test_windows_part_a_stretch(seconds):
    start_s, borders = windows_of((2.0, 2.0 + seconds), 5.0, 2.5)
    assert borders[0] == 2.0 and borders[-1] == 2.0 + seconds and (np.diff(borders) > 0).all()
    assert len(borders) == len(start_s) + 1 and start_s[0] == 2.0
    assert start_s[-1] == pytest.approx(max(2.0, 2.0 + seconds - 5.0))
    for begin, a, b in zip(start_s, borders[:-1], borders[1:], strict=True):
        middle = begin + 2.5
        assert all(abs((a + b) / 2 - middle) <= abs((a + b) / 2 - other - 2.5) + 1e-9 for other in start_s)


def test_samples_of_windows_that_reach_over_pieces():
    random = np.random.default_rng(0)
    pieces = [(3.0, random.random((40, 3), np.float32)), (8.0, random.random((25, 3), np.float32))]
    device = device_of(*pieces)
    starts = np.array([0.0, 1.5, 3.0, 4.2, 6.9, 7.9, 10.0, 30.0])
    found = samples_of(device, starts, 20)
    for row, start in enumerate(starts):
        for i in range(20):
            time = start + i / 10
            expected = np.full(3, np.nan)
            for begin, samples in pieces:
                place = round((time - begin) * 10)
                if 0 <= place < len(samples):
                    expected = samples[place]
            np.testing.assert_array_equal(found[row, i], expected)


@pytest.mark.parametrize("rate_hz", [10.0, 12.5])
def test_a_survey_is_a_loop_over_bins(rate_hz):
    random = np.random.default_rng(1)
    pieces = [
        (5.0, random.normal(size=(900, 3)).astype(np.float32)),
        (200.0, random.normal(size=(333, 3)).astype("f4")),
    ]
    pieces[0][1][100:180] = np.nan
    found = survey(device_of(*pieces, rate_hz=rate_hz))
    assert (60 / found.bin_s) % 1 == pytest.approx(0)
    for coarse in (found, found.minutes()):
        bins: list[list[np.ndarray]] = [[] for _ in coarse.share]
        for start_s, samples in pieces:
            for i, sample in enumerate(samples):
                if np.isfinite(sample).all():
                    bins[int((start_s - 5.0 + i / rate_hz) / coarse.bin_s + 1e-6)].append(sample)
        for number, inside_bin in enumerate(bins):
            if not inside_bin:
                assert coarse.share[number] == 0 and np.isnan(coarse.lowest[number]).all()
                continue
            values = np.array(inside_bin, dtype=np.float64)
            np.testing.assert_allclose(coarse.lowest[number], values.min(axis=0), rtol=1e-6)
            np.testing.assert_allclose(coarse.highest[number], values.max(axis=0), rtol=1e-6)
            np.testing.assert_allclose(coarse.mean[number], values.mean(axis=0), atol=1e-6)
            np.testing.assert_allclose(coarse.square[number], (values**2).mean(axis=0), rtol=1e-6)


def worn_hours(rate_hz: float = 5.0) -> np.ndarray:
    """Six hours: moving, two hours on the table, sleeping with a turn every 40 minutes, moving."""
    random = np.random.default_rng(2)
    samples = random.normal(0, 0.004, (6 * 3600 * 5, 3)) + UP
    samples[: 3600 * 5] += random.normal(0, 0.2, (3600 * 5, 3))
    for turn in range(3 * 3600 * 5, 5 * 3600 * 5, 40 * 60 * 5):
        samples[turn : turn + 40 * 60 * 5, 0] += 0.1 * (turn // 12000 % 2)
    samples[5 * 3600 * 5 :] += random.normal(0, 0.2, (3600 * 5, 3))
    return samples.astype(np.float32)


def test_non_wear_is_the_rule_minute_by_minute():
    samples = worn_hours()
    found = not_worn(survey(device_of((100.0, samples), rate_hz=5.0)))
    minutes = samples.reshape(-1, 300, 3).astype(np.float64)
    expected = np.zeros(len(minutes), dtype=bool)
    for first in range(len(minutes) - 59):
        hour = minutes[first : first + 60].reshape(-1, 3)
        still = [hour[:, k].std() < 0.013 and np.ptp(hour[:, k]) < 0.05 for k in range(3)]
        if sum(still) >= 2:
            expected[first : first + 60] = True
    middles = 100.0 + 60 * (np.arange(len(minutes)) + 0.5)
    np.testing.assert_array_equal(inside(middles, found), expected)
    assert expected[65:175].all() and not expected[:60].any() and not expected[300:].any()


def test_who_sleeps_wears_it_and_lost_minutes_end_a_span():
    random = np.random.default_rng(0)
    asleep = random.normal(0, 0.004, (4 * 3600 * 5, 3)) + UP
    asleep[:, :2] += 0.04 * np.sin(2 * np.pi * 0.25 * np.arange(len(asleep)) / 5)[:, None]  # breathing at the chest
    assert not_worn(survey(device_of((0.0, asleep.astype(np.float32)), rate_hz=5.0))) == []
    still = (random.normal(0, 0.004, (3 * 3600 * 5, 3)) + UP).astype(np.float32)
    lost = still.copy()
    lost[85 * 300 : 95 * 300] = np.nan
    assert not_worn(survey(device_of((0.0, lost), rate_hz=5.0))) == [(0.0, 85 * 60.0), (95 * 60.0, 180 * 60.0)]
    assert not_worn(survey(device_of((0.0, still[: 59 * 300]), rate_hz=5.0))) == []
