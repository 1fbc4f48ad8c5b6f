"""Clocks of sensors: uneven or broken time stamps, lost samples, several clocks at once, the time of a fall."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from har.recordings.segments import DatasetError

if TYPE_CHECKING:
    from har.recordings.convert.common import Notes, Run

# The labelled part of a fall trial: this much around the impact.
FALL_BEFORE_S = FALL_AFTER_S = 2.5

# Slow sensors are brought to the rate of others; a median step that many times as long or short is in another unit.
MOST_STEP_RATIO = 4.0
_UNITS = {"minutes": 60.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}


def seconds_of(stamps: np.ndarray) -> np.ndarray:
    """Time stamps (n,) as float64 seconds, NaN where missing: numbers are seconds, datetime64 since 1970, timedelta64.

    Raises ``DatasetError`` for what is neither.
    """
    if getattr(getattr(stamps, "dtype", None), "tz", None) is not None:  # a column of pandas in a time zone
        stamps = np.asarray(stamps, dtype="datetime64[ns]")
    stamps = np.ma.filled(np.ma.asarray(stamps).astype(float), np.nan) if np.ma.isMaskedArray(stamps) else stamps
    stamps = np.asarray(stamps)
    if stamps.ndim != 1 or stamps.dtype.kind not in "iufmM":
        raise DatasetError(
            f"time stamps of shape {stamps.shape} and dtype {stamps.dtype}; expected (n,) numbers in seconds, "
            "datetime64 (pandas.to_datetime makes it of text) or timedelta64"
        )
    if stamps.dtype.kind in "iuf":
        return stamps.astype(np.float64)
    kind = "datetime64[ns]" if stamps.dtype.kind == "M" else "timedelta64[ns]"
    return np.where(np.isnat(stamps), np.nan, stamps.astype(kind).astype(np.int64) / 1e9)


def check_step(time_s: np.ndarray, rate_hz: float) -> None:
    """Refuse increasing time stamps (n,) whose median step is far from the period of ``rate_hz``, naming the unit."""
    if len(time_s) < 3:
        return
    step = float(np.median(np.diff(time_s)))
    ratio = step * rate_hz
    if 1 / MOST_STEP_RATIO <= ratio <= MOST_STEP_RATIO:
        return
    # Seconds that are read as if they were the unit: stamps in ms make steps 1000 times too long.
    unit = next((n for n, s in _UNITS.items() if 1 / MOST_STEP_RATIO <= ratio * s <= MOST_STEP_RATIO), None)
    if unit:
        factor, way = (_UNITS[unit], "multiply") if _UNITS[unit] > 1 else (1 / _UNITS[unit], "divide")
        likely = f"they are in {unit}: {way} by {factor:g}"
    else:
        likely = f"is the rate {1 / step:g} Hz, or are stamps rounded or lost?"
    raise DatasetError(
        f"the median step of the time stamps is {step:g}; expected about {1 / rate_hz:g} s at {rate_hz:g} Hz: {likely}"
    )


def resample_uniform(
    time_s: np.ndarray, samples: np.ndarray, rate_hz: float, max_gap_s: float, notes: "Notes | None" = None
) -> list[tuple[float, np.ndarray]]:
    """Jittered time stamps -> gap-free runs on a uniform grid: [(time of the first row, (n, C) float32), ...].

    Linear interpolation to a rate close to the device's own. Rows with NaN are treated as lost; where two
    neighbours are more than ``max_gap_s`` apart the run is split, so nothing is invented across a gap. Rows are sorted
    by time, of rows with the same stamp the first one stays. time_s: (n,) seconds, datetime64 or timedelta64. samples:
    (n, C), a masked sample is lost.

    Raises ``DatasetError`` when the stamps cannot be seconds at about this rate, naming the unit that they may be in.
    """
    time_s = seconds_of(time_s)
    if np.ma.isMaskedArray(samples):
        samples = np.ma.filled(samples.astype(np.float64), np.nan)
    samples = np.asarray(samples, dtype=np.float64)
    if samples.ndim != 2 or len(samples) != len(time_s):
        raise DatasetError(f"samples of shape {samples.shape}; expected ({len(time_s)}, channels), a row a time stamp")
    good = np.isfinite(time_s) & np.isfinite(samples).all(axis=1)
    if notes:
        notes.add("samples without a number treated as lost", int((~good).sum()))
    time_s, samples = time_s[good], samples[good]
    order = np.argsort(time_s, kind="stable")
    if notes and len(order):
        notes.add("samples whose time stamps run backwards, sorted", int((np.diff(time_s) < 0).sum()))
    time_s, samples = time_s[order], samples[order]
    fresh = np.ones(len(time_s), dtype=bool)
    fresh[1:] = np.diff(time_s) > 0
    if notes:
        notes.add("samples with a repeated time stamp left out", int((~fresh).sum()))
    time_s, samples = time_s[fresh], samples[fresh]
    check_step(time_s, rate_hz)
    runs, lone = [], 0
    borders = [0, *(np.flatnonzero(np.diff(time_s) > max_gap_s) + 1).tolist(), len(time_s)]
    if notes:
        notes.add(f"gaps longer than {max_gap_s:g} s at which a recording is split", len(borders) - 2)
    for first, last in pairwise(borders):
        if last - first < 2:
            lone += last - first
            continue
        t, x = time_s[first:last], samples[first:last]
        # A hair of slack keeps the last sample when the span is a whole number of periods up to rounding.
        grid = t[0] + np.arange(int((t[-1] - t[0]) * rate_hz + 1e-6) + 1) / rate_hz
        runs.append(
            (float(t[0]), np.stack([np.interp(grid, t, x[:, c]) for c in range(x.shape[1])], 1).astype(np.float32))
        )
    if notes:
        notes.add("single samples between two gaps left out", lone)
    return runs


def rows_at(time_s: np.ndarray, start_s: float, count: int, rate_hz: float) -> np.ndarray:
    """For each row of a run of ``resample_uniform``, the row of increasing ``time_s`` whose label it takes, (count,).

    It is the first one that comes at most half a period of ``rate_hz`` before.
    """
    grid = start_s + np.arange(count) / rate_hz
    return np.minimum(np.searchsorted(time_s, grid - 0.5 / rate_hz), len(time_s) - 1)


def align_streams(
    parts: Sequence[list[tuple[float, np.ndarray]]], rate_hz: float, notes: "Notes | None" = None
) -> list[tuple[float, np.ndarray]]:
    """Sensors with clocks of their own, already on uniform runs -> runs over which all of them were on.

    parts: per sensor the result of ``resample_uniform`` at ``rate_hz``. Each later sensor is interpolated onto the
    grid of the first over the overlap of their runs. Returns [(start time, (n, sum of C)), ...].
    """
    result = parts[0]
    for part in parts[1:]:
        joined = []
        for start_a, a in result:
            for start_b, b in part:
                first = max(0, int(np.ceil((start_b - start_a) * rate_hz - 1e-6)))
                last = min(len(a), int(np.floor((start_b - start_a) * rate_hz + len(b) - 1 + 1e-6)) + 1)
                if last - first < 2:
                    continue
                position = np.clip(np.arange(first, last) - (start_b - start_a) * rate_hz, 0, len(b) - 1)
                moved = np.stack([np.interp(position, np.arange(len(b)), b[:, c]) for c in range(b.shape[1])], 1)
                joined.append((start_a + first / rate_hz, np.hstack([a[first:last], moved.astype(np.float32)])))
        result = joined
    if notes:
        kept = sum(len(x) for _, x in result)
        alone = sum(len(x) for part in parts for _, x in part) - kept * len(parts)
        notes.add("samples of one sensor while another one was off, left out", alone)
    return result


def lose_spikes(acceleration_g: np.ndarray, range_g: float, notes: "Notes") -> np.ndarray:
    """A copy in which samples beyond what the device can report are NaN (lost), counted in ``notes``."""
    result = np.array(acceleration_g, dtype=np.float64)
    spikes = (np.abs(result) > range_g).any(axis=1)
    result[spikes] = np.nan
    notes.add(f"accelerometer samples beyond the device's range of {range_g:g} g treated as lost", int(spikes.sum()))
    return result


def around_peak(
    acceleration_g: np.ndarray, rate_hz: float, before_s: float = FALL_BEFORE_S, after_s: float = FALL_AFTER_S
) -> tuple[int, int]:
    """Rows from ``before_s`` before to ``after_s`` after the largest acceleration magnitude, within the array.

    Fall trials hold seconds of standing and lying around an impact of half a second; only this part is a fall
    (the peak of the magnitude marks the impact: Kangas et al., Gait & Posture 2008).
    """
    peak = int(np.argmax(np.linalg.norm(acceleration_g[:, :3], axis=1)))
    return max(0, peak - round(before_s * rate_hz)), min(len(acceleration_g), peak + round(after_s * rate_hz))


def repeated_rows(table: np.ndarray, told_apart: np.ndarray) -> np.ndarray:
    """(rows,) bool: which rows repeat the one before in all columns, as a row does that was written twice.

    table: (rows, columns) with a clock or a number of the row. told_apart: (rows,) bool, where these have a value of
    their own in each row; elsewhere equal rows may be samples of a device at rest.
    """
    repeated = np.zeros(len(table), dtype=bool)
    repeated[1:] = (table[1:] == table[:-1]).all(axis=1) & told_apart[1:]
    return repeated


def split_at_lost_rows(run: "Run", rows: np.ndarray, rate_hz: float) -> "Iterator[Run]":
    """A run of a file without a clock, of which rows were left out, as runs without gaps.

    rows: (n,) increasing numbers in the file of the run's samples. run.labels: in samples of the run. How long a
    damaged row took is not known, so nothing is interpolated over it.
    """
    rows = np.asarray(rows)
    borders = [0, *(np.flatnonzero(np.diff(rows) != 1) + 1).tolist(), len(rows)]
    for first, last in pairwise(borders):
        inside = [(text, max(start, first) - first, min(stop, last) - first) for text, start, stop in run.labels]
        labels = [(text, start, stop) for text, start, stop in inside if start < stop]
        time_s = run.start_time_s + int(rows[first]) / rate_hz
        yield replace(run, samples=run.samples[first:last], labels=labels, start_time_s=time_s)
