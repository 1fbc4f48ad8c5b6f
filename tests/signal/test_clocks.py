"""Uniform grids against whole-array interpolation, however the rows are parted; what converters do with clocks is
tested in tests/recordings/test_convert_common.py."""

from collections import Counter

import numpy as np
import pytest

from har.signal.clocks import ClockError, UniformGrid, resample_uniform


class Notes(Counter):
    def add(self, sentence: str, count: int = 1) -> None:
        self[sentence] += count


def in_one_go(time_s, samples, rate_hz, max_gap_s):
    """Runs by interpolation over whole arrays: good rows, sorted, first of equal stamps, split at gaps."""
    good = np.isfinite(time_s) & np.isfinite(samples).all(1)
    time_s, samples = time_s[good], samples[good]
    order = np.argsort(time_s, kind="stable")
    time_s, samples = time_s[order], samples[order]
    fresh = np.r_[True, np.diff(time_s) > 0]
    time_s, samples = time_s[fresh], samples[fresh]
    runs = []
    for t, x in (
        (t, x)
        for t, x in zip(
            np.split(time_s, np.flatnonzero(np.diff(time_s) > max_gap_s) + 1),
            np.split(samples, np.flatnonzero(np.diff(time_s) > max_gap_s) + 1),
            strict=True,
        )
        if len(t) > 1
    ):
        grid = t[0] + np.arange(int((t[-1] - t[0]) * rate_hz + 1e-6) + 1) / rate_hz
        runs.append((float(t[0]), np.stack([np.interp(grid, t, c) for c in x.T], 1).astype(np.float32)))
    return runs


def damaged_clock(generator, count=600, rate=50.0):
    """Jitter, gaps, lone rows, repeated stamps, rows without numbers; ever increasing."""
    steps = generator.uniform(0.6, 1.4, count) / rate
    steps[generator.random(count) < 0.02] += 0.5
    steps[generator.random(count) < 0.03] = 0.0
    time_s = 3.0 + np.cumsum(steps)
    samples = generator.normal(size=(count, 3))
    samples[generator.random(count) < 0.02, 1] = np.nan
    return time_s, samples


def runs_of(grid, parts):
    runs = []
    for start_s, part in (item for t, x in parts for item in grid.add(t, x)):
        runs.append([start_s, [part]]) if start_s is not None else runs[-1][1].append(part)
    for start_s, part in grid.close():
        runs.append([start_s, [part]]) if start_s is not None else runs[-1][1].append(part)
    return [(start_s, np.concatenate(parts)) for start_s, parts in runs]


@pytest.mark.parametrize("seed", range(8))
def test_resample_uniform_is_whole_array_interpolation_to_the_bit(seed):
    time_s, samples = damaged_clock(np.random.default_rng(seed))
    generator = np.random.default_rng(seed + 100)
    near = np.arange(len(time_s)) + generator.uniform(-3, 3, len(time_s))
    shuffled = np.argsort(near)  # rows that come a little late
    for order in (np.arange(len(time_s)), shuffled):
        expected = in_one_go(time_s[order], samples[order], 50.0, 0.25)
        found = resample_uniform(time_s[order], samples[order], 50.0, 0.25)
        assert [start for start, _ in found] == [start for start, _ in expected]
        assert all(np.array_equal(a, b) for (_, a), (_, b) in zip(found, expected, strict=True))


@pytest.mark.parametrize("seed", range(8))
def test_however_rows_are_parted_the_runs_and_counts_are_the_same(seed):
    generator = np.random.default_rng(seed)
    time_s, samples = damaged_clock(generator)
    whole = Notes()
    expected = resample_uniform(time_s, samples, 50.0, 0.25, whole)
    cuts = np.sort(generator.integers(0, len(time_s), 12))
    notes = Notes()
    parts = zip(np.split(time_s, cuts), np.split(samples, cuts), strict=True)
    found = runs_of(UniformGrid(50.0, 0.25, notes), parts)
    assert [start for start, _ in found] == [start for start, _ in expected]
    assert all(np.array_equal(a, b) for (_, a), (_, b) in zip(found, expected, strict=True))
    assert notes == whole


@pytest.mark.parametrize("seed", range(4))
def test_on_a_lattice_every_run_lies_at_whole_periods(seed):
    generator = np.random.default_rng(seed)
    time_s, samples = damaged_clock(generator)
    parts = zip(np.array_split(time_s, 7), np.array_split(samples, 7), strict=True)
    found = runs_of(UniformGrid(40.0, 0.25, on_lattice=True), parts)
    good = np.isfinite(samples).all(1)
    stamps, rows = np.unique(time_s[good], return_index=True)
    values = samples[good][rows]
    spans = np.split(stamps, np.flatnonzero(np.diff(stamps) > 0.25) + 1)
    for start_s, run in found:
        assert start_s * 40 == pytest.approx(round(start_s * 40), abs=1e-6)
        grid = (round(start_s * 40) + np.arange(len(run))) / 40
        # A point beside the first or the last row of a run is that row.
        (own,) = [span for span in spans if span[0] <= grid[len(grid) // 2] <= span[-1]]
        grid = np.clip(grid, own[0], own[-1])
        by_hand = np.stack([np.interp(grid, stamps, column) for column in values.T], 1)
        np.testing.assert_allclose(run, by_hand, atol=1e-6)
    assert sum(len(run) for _, run in found) > 300


def test_rows_that_are_older_than_an_earlier_part_are_left_out_and_counted():
    time_s = np.arange(100) / 50
    samples = np.arange(100.0)[:, None]
    notes = Notes()
    late = [
        (time_s[:60], samples[:60]),
        (np.r_[time_s[10:15] + 0.001, time_s[60:]], np.r_[samples[10:15], samples[60:]]),
    ]
    ((start_s, run),) = runs_of(UniformGrid(50.0, 0.25, notes), late)
    assert start_s == 0.0 and np.array_equal(run[:, 0], np.arange(100, dtype=np.float32))
    assert notes == {"samples that come much later than their time stamps, left out": 5}


def test_stamps_in_another_unit_are_named():
    with pytest.raises(ClockError, match=r"they are in ms: divide by 1000"):
        resample_uniform(np.arange(50) * 20.0, np.ones((50, 3)), 50.0, 0.25)


@pytest.mark.parametrize("shift_s", [0.0, 0.007])
def test_two_recordings_are_no_single_clock(shift_s):
    """The second would be lost, or lie between the rows of the first."""
    once = np.arange(1000) / 50
    twice, samples = np.concatenate([once, once + shift_s]), np.repeat([0.0, 1.0], 1000)[:, None]
    with pytest.raises(ClockError, match=r"go back by 19\.\d+ s around row 1000, over samples that are there already"):
        resample_uniform(twice, samples, 50.0, 0.1)
    wrapped = np.arange(3000) * 20 % 16384 / 1000
    with pytest.raises(ClockError, match="a clock that wraps around"):
        resample_uniform(wrapped, np.zeros((3000, 1)), 50.0, 0.1)
    late = once.copy()
    late[[100, 101]] = late[[101, 100]]  # a row that is late is sorted
    assert len(resample_uniform(late, samples[:1000], 50.0, 0.1)) == 1


@pytest.mark.parametrize("gap_s", [0.0, 0.01, 100.0, float("nan"), "0.1", None])
def test_a_gap_that_makes_no_sense_is_refused(gap_s):
    with pytest.raises(ClockError, match=r"max_gap_s is .*; expected seconds, at least a period"):
        resample_uniform(np.arange(1000) / 50, np.zeros((1000, 1)), 50.0, gap_s)


@pytest.mark.parametrize("begin_s", [1e6, 1.7e9])
def test_stamps_that_single_precision_rounded_are_refused(begin_s):
    """Seconds since 1970 in float32 are 128 s apart; a result of nothing, or of every third sample, says nothing."""
    time_s = begin_s + np.arange(1000) / 50
    samples = np.random.default_rng(0).normal(size=(1000, 3))
    ((start_s, run),) = resample_uniform(time_s, samples, 50.0, 0.1)
    assert (start_s, len(run)) == (begin_s, 1000)
    with pytest.raises(ClockError, match="time stamps repeat the one before: they are coarser than the samples"):
        resample_uniform(time_s.astype(np.float32), samples, 50.0, 0.1)
    # Rows that were all written twice are known, and counted.
    twice = np.repeat(np.arange(1000), 2)
    assert len(resample_uniform(time_s[twice], samples[twice], 50.0, 0.1)[0][1]) == 1000
