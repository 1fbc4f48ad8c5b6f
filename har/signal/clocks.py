"""Clocks of sensors: uneven or broken time stamps, lost samples, several clocks at once."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from numbers import Real
from typing import Protocol

import numpy as np

from har.signal.entry import as_rate

# Slow sensors are brought to the rate of others; a median step that many times as long or short is in another unit.
MOST_STEP_RATIO = 4.0
_UNITS = {"minutes": 60.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
# Of a period: a grid takes its last row in when that is a whole number of periods away, up to rounding; a row beside a
# point of a lattice belongs to it, because stamps are rounded (a spreadsheet's to microseconds).
_SLACK, _LATTICE_SLACK = 1e-6, 0.05
# That rows may be late; further back, a clock was set, or another recording begins, if it has so many rows.
MOST_BACKWARDS_S, _LONG_ROWS = 1.0, 50
_LONGEST_GAP_S = 60.0  # across which nobody interpolates
# More than rows that were all written twice.
_MOST_REPEATED, _ROWS_JUDGED = 0.6, 10


class ClockError(ValueError):
    """Time stamps cannot be what they are said to be; the message says what was found and what they may be."""


class Counts(Protocol):
    """Where it is counted what was repaired or left out, by sentence."""

    def add(self, sentence: str, count: int = 1) -> None: ...


def seconds_of(stamps: np.ndarray) -> np.ndarray:
    """Time stamps (n,) as float64 seconds, NaN where missing: numbers are seconds, datetime64 since 1970, timedelta64.

    Raises ``ClockError`` for what is neither.
    """
    if getattr(getattr(stamps, "dtype", None), "tz", None) is not None:  # a column of pandas in a time zone
        stamps = np.asarray(stamps, dtype="datetime64[ns]")
    stamps = np.ma.filled(np.ma.asarray(stamps).astype(float), np.nan) if np.ma.isMaskedArray(stamps) else stamps
    stamps = np.asarray(stamps)
    if stamps.ndim != 1 or stamps.dtype.kind not in "iufmM":
        raise ClockError(
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
    raise ClockError(
        f"the median step of the time stamps is {step:g}; expected about {1 / rate_hz:g} s at {rate_hz:g} Hz: {likely}"
    )


class UniformGrid:
    """Jittered time stamps, handed over part by part -> gap-free runs on a uniform grid.

    Linear interpolation to a rate close to the device's own. Rows with NaN are treated as lost; where two neighbours
    are more than ``max_gap_s`` apart the run is split, so nothing is invented across a gap. Rows are sorted by time
    within a part, of rows with the same stamp the first one stays, and a row that is older than the last one of an
    earlier part is left out. However the rows are parted, the runs are the same.

    on_lattice: all runs lie at whole multiples of the period since time 0, so that sensors with clocks of their own
    meet sample by sample; each run begins with its first row otherwise. steps_checked: False where the unit of the
    stamps is known, and a device may come to be slower or faster while it measures.
    """

    def __init__(
        self,
        rate_hz: float,
        max_gap_s: float,
        notes: Counts | None = None,
        on_lattice: bool = False,
        steps_checked: bool = True,
    ) -> None:
        self._rate_hz, self._max_gap_s, self._notes, self._on_lattice = rate_hz, max_gap_s, notes, on_lattice
        self._steps_checked = steps_checked
        self._time: np.ndarray | None = None  # the last row of the parts before, which the next part goes on from
        self._row: np.ndarray | None = None
        self._origin = 0.0  # of the run: where its grid counts from
        self._next = 0  # its next point, in periods
        self._rows = 0  # it had
        self._begun = False

    def add(self, time_s: np.ndarray, samples: np.ndarray) -> Iterator[tuple[float | None, np.ndarray]]:
        """Rows (n,) s, (n, C) -> parts of runs: (start of a new run in s, or None where one goes on; (m, C) float32).

        Raises ``ClockError`` when the stamps cannot be seconds at about this rate, naming the unit that they may be in.
        """
        time_s, samples = self._clean(time_s, samples)
        if self._steps_checked:
            check_step(time_s, self._rate_hz)
        if self._time is not None:
            time_s = np.concatenate([self._time, time_s])
            samples = np.concatenate([self._row, samples])
        borders = [0, *(np.flatnonzero(np.diff(time_s) > self._max_gap_s) + 1).tolist(), len(time_s)]
        self._count(f"gaps longer than {self._max_gap_s:g} s at which a recording is split", len(borders) - 2)
        for first, last in pairwise(borders):
            if first:
                yield from self.close()
            yield from self._go_on(time_s[first:last], samples[first:last])

    def close(self) -> Iterator[tuple[float | None, np.ndarray]]:
        """End the run, after the last part."""
        if self._rows == 1:
            self._count("single samples between two gaps left out", 1)
        elif self._time is not None:
            slack = _LATTICE_SLACK if self._on_lattice else _SLACK
            last = int((self._time[0] - self._origin) * self._rate_hz + slack)
            if last >= self._next:
                yield self._points(self._time, self._row, last)
        self._time = self._row = None
        self._rows, self._begun = 0, False

    def _go_on(self, time_s: np.ndarray, samples: np.ndarray) -> Iterator[tuple[float | None, np.ndarray]]:
        if not len(time_s):
            return
        if self._time is None:
            self._rows, self._origin, self._next = 0, 0.0 if self._on_lattice else float(time_s[0]), 0
            if self._on_lattice:
                self._next = int(np.ceil(time_s[0] * self._rate_hz - _LATTICE_SLACK))
        self._rows += len(time_s) - (self._time is not None)
        self._time, self._row = time_s[-1:], samples[-1:]
        # Points up to the last row; those a hair behind are of the next part or of the end.
        last = int(np.floor((time_s[-1] - self._origin) * self._rate_hz))
        if self._rows > 1 and last >= self._next:
            yield self._points(time_s, samples, last)

    def _points(self, time_s: np.ndarray, samples: np.ndarray, last: int) -> tuple[float | None, np.ndarray]:
        """The grid up to the point ``last``."""
        grid = self._origin + np.arange(self._next, last + 1) / self._rate_hz
        values = np.stack([np.interp(grid, time_s, samples[:, c]) for c in range(samples.shape[1])], 1)
        start = None if self._begun else float(grid[0])
        self._begun, self._next = True, last + 1
        return start, values.astype(np.float32)

    def _clean(self, time_s: np.ndarray, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows without a number or a place in time are left out, the others sorted."""
        good = np.isfinite(time_s) & np.isfinite(samples).all(axis=1)
        self._count("samples without a number treated as lost", int((~good).sum()))
        if not good.all():
            time_s, samples = time_s[good], samples[good]
        backwards = int((np.diff(time_s) < 0).sum())
        self._count("samples whose time stamps run backwards, sorted", backwards)
        if backwards:
            order = np.argsort(time_s, kind="stable")
            time_s, samples = time_s[order], samples[order]
        fresh = np.ones(len(time_s), dtype=bool)
        fresh[1:] = np.diff(time_s) > 0
        if self._time is not None:
            late = time_s < self._time[0]
            self._count("samples that come much later than their time stamps, left out", int(late.sum()))
            fresh &= time_s > self._time[0]
            repeated = int((~fresh).sum()) - int(late.sum())
        else:
            repeated = int((~fresh).sum())
        if self._steps_checked and len(time_s) >= _ROWS_JUDGED and repeated > _MOST_REPEATED * len(time_s):
            raise ClockError(
                f"{repeated:,} of {len(time_s):,} time stamps repeat the one before: they are coarser than the "
                "samples. Give them as they were logged, in float64 or counted from the start: in float32, seconds "
                "since 1970 are 128 s apart"
            )
        self._count("samples with a repeated time stamp left out", repeated)
        return (time_s, samples) if fresh.all() else (time_s[fresh], samples[fresh])

    def _count(self, sentence: str, count: int) -> None:
        if self._notes is not None and count:
            self._notes.add(sentence, count)


def resample_uniform(
    time_s: np.ndarray, samples: np.ndarray, rate_hz: float, max_gap_s: float, notes: Counts | None = None
) -> list[tuple[float, np.ndarray]]:
    """Jittered time stamps -> gap-free runs: [(time of the first row, (n, C) float32), ...]; see ``UniformGrid``.

    time_s: (n,) seconds, datetime64 or timedelta64. samples: (n, C), a masked sample is lost.

    Raises ``ClockError`` when the stamps cannot be seconds at about this rate, naming the unit that they may be in.
    """
    rate_hz, period_s = as_rate(rate_hz), 1 / max(as_rate(rate_hz), 1e-9)
    if isinstance(max_gap_s, bool) or not isinstance(max_gap_s, Real) or not period_s <= max_gap_s <= _LONGEST_GAP_S:
        raise ClockError(
            f"max_gap_s is {max_gap_s!r}; expected seconds, at least a period ({period_s:.3g} s) and at most "
            f"{_LONGEST_GAP_S:g}"
        )
    time_s = seconds_of(time_s)
    if notes is None:  # else what runs backwards is sorted, and counted
        _check_one_clock(time_s)
    if isinstance(samples, list | tuple) and any(isinstance(row, np.ma.MaskedArray) for row in samples):
        samples = np.ma.stack([np.ma.asarray(row) for row in samples])
    if np.ma.isMaskedArray(samples):
        samples = np.ma.filled(samples.astype(np.float64), np.nan)
    if np.asarray(samples).dtype.kind not in "iufO":
        raise ClockError(f"samples have dtype {np.asarray(samples).dtype}; expected numbers")
    samples = np.asarray(samples, dtype=np.float64)
    if samples.ndim != 2 or len(samples) != len(time_s):
        raise ClockError(f"samples of shape {samples.shape}; expected ({len(time_s)}, channels), a row a time stamp")
    grid = UniformGrid(rate_hz, max_gap_s, notes)
    runs: list[tuple[float, list[np.ndarray]]] = []
    for start_s, part in (*grid.add(time_s, samples), *grid.close()):
        if start_s is None:
            runs[-1][1].append(part)
        else:
            runs.append((start_s, [part]))
    return [(start_s, np.concatenate(parts)) for start_s, parts in runs]


def jumps_back(time_s: np.ndarray, before: float) -> np.ndarray:
    """Rows of time stamps (n,) s that lie more than a second before the one ahead of them, the first after ``before``.

    A clock was set there, or another recording begins; less is a row that is late.
    """
    return np.flatnonzero(np.diff(time_s, prepend=before) < -MOST_BACKWARDS_S)


def repeated_time(time_s: np.ndarray, jumps: np.ndarray) -> tuple[float, int] | None:
    """Seconds that a stretch between jumps shares with another one, and the row that it begins in; None where they
    share none. Stretches of a few rows do not count.
    """
    borders = pairwise([0, *jumps.tolist(), len(time_s)])
    spans = sorted((time_s[a:b].min(), time_s[a:b].max(), a) for a, b in borders if b - a >= _LONG_ROWS)
    for (_, stop, _), (start, _, row) in pairwise(spans):
        if start < stop - MOST_BACKWARDS_S:
            return stop - start, row
    return None


def _check_one_clock(time_s: np.ndarray) -> None:
    """Refuse time stamps (n,) that go back over what is there already: two recordings, or a clock that wraps around."""
    told = time_s[np.isfinite(time_s)]
    found = repeated_time(told, jumps_back(told, told[0])) if len(told) else None
    if found is not None:
        raise ClockError(
            f"the time stamps go back by {found[0]:.4g} s around row {found[1]}, over samples that are there already: "
            "two recordings, or a clock that wraps around? Give the recordings one by one, or unwrap the clock"
        )


def rows_at(time_s: np.ndarray, start_s: float, count: int, rate_hz: float) -> np.ndarray:
    """For each row of a run of ``resample_uniform``, the row of increasing ``time_s`` whose label it takes, (count,).

    It is the first one that comes at most half a period of ``rate_hz`` before.
    """
    grid = start_s + np.arange(count) / rate_hz
    return np.minimum(np.searchsorted(time_s, grid - 0.5 / rate_hz), len(time_s) - 1)


def align_streams(
    parts: Sequence[list[tuple[float, np.ndarray]]], rate_hz: float, notes: Counts | None = None
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
