"""One table of a recording: its clock, its sensors, and their samples streamed onto a lattice."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from har.readers.counts import Counts
from har.readers.device_column import of_each_device
from har.readers.layout import Layout, Sensor, find_columns, rate_of_preamble
from har.readers.options import Options
from har.readers.own_clocks import Block, blocks_of
from har.readers.recording import ReaderError
from har.readers.stamps import Clock, read_clock, spread_coarse
from har.readers.store import Store
from har.readers.table import Table
from har.signal.clocks import ClockError, UniformGrid, jumps_back, repeated_time
from har.signal.plausibility import LARGEST

LEAST_GAP_S, LEAST_GAP_PERIODS = 0.25, 3.0  # without a row, at which a recording is split (as converters do)
_SNAP = 1e-3  # a rate that is so near to a whole number of Hz is that
_LONG_STEP, _BUNDLES_SHARE = 5.0, 0.02  # in usual steps; of the steps: more are no gaps, but how rows were handed over
_LARGEST_LATE_SHARE = 0.1
_RATE_ROWS = 1 << 16


class Reading:
    """A table that is opened: what its columns are is known, and its first rows are read.

    kind: of a table whose columns name axes only. rate_hz: of rows without a time, as the format knows. block: the
    columns on one of several clocks.
    """

    def __init__(
        self,
        table: Table,
        options: Options,
        kind: str = "",
        rate_hz: float | None = None,
        block: Block | None = None,
    ) -> None:
        self.table, self.damage, self.notes = table, Counts(), []
        self.layout: Layout = find_columns(table, options, kind, block)
        self.layout.sensors = of_each_device(table, self.layout.sensors, self.layout.notes)
        self.notes += self.layout.notes
        self.shift_s = 0.0  # from its own zero to that of the recording
        self.time: tuple[int, ...] = ()
        self.clock: Clock | None = None
        self.row_rate_hz: float | None = None
        self._start: datetime | None = None
        self._coarse = False
        self._row = 0
        self._latest: dict[int, float] = {}
        if self.layout.sensors:
            self._open(options, rate_hz)

    def _open(self, options: Options, rate_hz: float | None) -> None:
        sensors, times = self.layout.sensors, [column for columns, _ in self.layout.time for column in columns]
        texts = {column for column in times if self.table.is_text(column)}
        texts |= {part[0] for sensor in sensors for part in (sensor.choice, sensor.axes) if part is not None}
        numbers = {column for sensor in sensors for column in sensor.columns} | set(times)
        self._chunks = self.table.chunks(sorted(numbers - texts), sorted(texts), self.damage)
        first = next(self._chunks, None)
        if first is None or not len(first):
            raise ReaderError(f"{self.table.where} has no row below its header; expected samples")
        for column in sorted(numbers - texts):
            written = [row[column] for row in self.table.example if row[column]]
            if written and self.table.is_text(column) and not first[column].notna().any():
                raise ReaderError(
                    f"{self.table.where}: the column {self.table.label(column)!r} holds no numbers "
                    f"({written[0][:40]!r}); expected those of an axis. Name another one in columns"
                )
        self.first = first
        self._choose_clock(options, rate_hz)
        self._first_seconds = self._seconds(self.first)

    # --- The clock ----------------------------------------------------------------------------------------------------

    def _choose_clock(self, options: Options, rate_hz: float | None) -> None:
        told = "time" in options.columns
        clocks: list[tuple[tuple, tuple[int, ...], Clock]] = []
        refusals: list[ReaderError] = []
        for order, (columns, name) in enumerate(self.layout.time):
            label = " ".join(self.table.label(c) for c in columns)
            try:
                clock = read_clock(self.table.where, label, self._stamps(self.first, columns), name.time_unit_s)
            except ReaderError as error:
                refusals.append(error)
                continue
            clock.one_sensor = all(sensor.choice is None for sensor in self.layout.sensors)
            seconds = clock.seconds(self._stamps(self.first, columns))
            clock.restart()
            seconds = seconds[np.isfinite(seconds)][:_RATE_ROWS]
            clocks.append(((_is_rough(seconds), not clock.absolute, order), columns, clock))
        clocks.sort(key=lambda item: item[0])
        known = rate_hz if options.rate_hz is None else options.rate_hz
        if known is None and not clocks and not refusals:
            known = rate_of_preamble(self.table)
            if known is not None:
                self.notes.append(f"{known:g} Hz, as the lines above the table say; there is no time column")
        if clocks and (options.rate_hz is None or told):
            self.time, self.clock = clocks[0][1:]
            # A clock of seconds since the start is the finer one; when that was, another column may tell.
            dated = next((clock for _, _, clock in clocks if clock.absolute), None)
            if not self.clock.absolute and dated is not None:
                self._start = dated.start
                return
            self._start = self.clock.start
        elif known is not None:
            if any(sensor.choice is not None for sensor in self.layout.sensors):
                raise ReaderError(
                    f"{self.table.where}: its rows are of several sensors or devices, which {known:g} Hz do not "
                    'stamp; expected a column of time. Name it in columns={"time": …}, and leave rate_hz out'
                )
            self.row_rate_hz = known
            self._start = next((clock.start for _, _, clock in clocks if clock.absolute), None)
            if options.rate_hz is not None:
                self.notes.append(f"a row every 1/{known:g} s, as told" + (", stamps left aside" if clocks else ""))
        elif refusals:
            raise refusals[0]
        else:
            there = ", ".join(repr(name) for name in self.table.names) or f"{self.table.width} without names"
            raise ReaderError(
                f"{self.table.where} has no column of time (its columns are {there}) and tells no rate. Give "
                "rate_hz, or "
                'the column in columns={"time": …}'
            )

    @property
    def start(self) -> datetime | None:
        """When its own zero was."""
        return self._start

    def decide_dates(self, order: str) -> None:
        """Day and month, where stamps do not tell them apart: ``dmy`` or ``mdy``, as the format knows."""
        self.clock.decide(order)
        self._first_seconds = self._seconds(self.first)
        self._start = self.clock.start or self._start

    def resume_after(self, pauses: list[tuple[float, float]]) -> None:
        """The clock stood still: at which of its times, and for how many seconds."""
        if self.clock is not None and pauses:
            self.clock.pauses = tuple(pauses)
            self.clock.restart()
            self._first_seconds = self._seconds(self.first)

    def _stamps(self, chunk: pd.DataFrame, columns: tuple[int, ...]) -> pd.Series:
        if len(columns) == 1:
            return chunk[columns[0]]
        return chunk[columns[0]].str.strip() + " " + chunk[columns[1]].str.strip()

    def _seconds(self, chunk: pd.DataFrame) -> np.ndarray:
        """Of all rows, on the table's own clock; rows of long tables share stamps, so nothing is spread here."""
        if self.clock is None:
            rows = self._row + np.arange(len(chunk))
            self._row += len(chunk)
            return rows / self.row_rate_hz
        return self.clock.seconds(self._stamps(chunk, self.time))

    # --- Samples ------------------------------------------------------------------------------------------------------

    def _rows_of(self, chunk: pd.DataFrame, seconds: np.ndarray, sensor: Sensor) -> tuple[np.ndarray, np.ndarray]:
        """Times (n,) and samples (n, 3) of a sensor in its unit; rows without it are left away."""
        if sensor.choice is not None:
            mask = (chunk[sensor.choice[0]] == sensor.choice[1]).to_numpy()
            chunk, seconds = chunk[mask], seconds[mask]
        if sensor.axes is not None:
            return _side_by_side(chunk, seconds, sensor)
        samples = chunk[list(sensor.columns)].to_numpy(np.float64)
        there = np.isfinite(samples).any(axis=1)
        return (seconds, samples) if there.all() else (seconds[there], samples[there])

    def first_rows(self, sensor: Sensor) -> tuple[np.ndarray, np.ndarray]:
        """Times and samples of a sensor in the first rows, in the order of time."""
        seconds, samples = self._rows_of(self.first, self._first_seconds, sensor)
        if self.clock is not None:
            seconds = self._even(seconds, samples)[0]
        good = np.isfinite(seconds)
        seconds, samples = seconds[good], samples[good]
        order = np.argsort(seconds, kind="stable")
        return seconds[order], samples[order]

    def rate_of(self, sensor: Sensor) -> float:
        """Samples a second. Raises ``ReaderError`` where they are too few, or no rate of something worn."""
        if self.row_rate_hz is not None:
            return self.row_rate_hz
        seconds, _ = self.first_rows(sensor)
        steps = np.diff(seconds)
        steps = steps[steps > 0]
        label = " and ".join(repr(self.table.label(c)) for c in self.time)
        if not len(steps) and len(seconds) > 2:
            raise ReaderError(
                f"{self.table.where}: the stamps of {label} are all alike ({self.table.example[0][self.time[0]]!r}); "
                "expected one a sample. Were they rounded by a spreadsheet? Give rate_hz to leave them aside"
            )
        if len(steps) < 2:
            raise ReaderError(
                f"{self.table.where}: the {_NAMES[sensor.kind]} has {len(seconds)} samples with a time of their own; "
                "expected a recording of seconds at least"
            )
        rate = rate_of_steps(steps)
        pauses = steps > _LONG_STEP * np.median(steps)
        if pauses.mean() > _BUNDLES_SHARE and steps[pauses].sum() > 0.5 * steps.sum():
            raise ReaderError(
                f"{self.table.where}: by {label} samples come in bundles of about {1 / pauses.mean():.0f}, whose "
                "stamps are of when they arrived; expected one a sample. Give rate_hz (on average there are "
                f"{len(seconds) / (seconds[-1] - seconds[0]):.4g} a second)"
            )
        if not 1 <= rate <= 20_000:
            raise ReaderError(
                f"{self.table.where}: by {label} ({self.clock.kind}) there are {rate:.4g} samples a second; "
                "expected 1 to "
                '20,000. Give rate_hz, or another column in columns={"time": …}'
            )
        return rate

    def _even(self, seconds: np.ndarray, samples: np.ndarray) -> tuple[np.ndarray, bool]:
        """Stamps read too coarsely are spread; rows that are there twice are not (the grid leaves them out)."""
        same = np.flatnonzero(np.diff(seconds) == 0)
        if len(same) and np.mean((samples[same] == samples[same + 1]).all(axis=1)) > 0.9:
            return seconds, False
        return spread_coarse(seconds)

    def stream(self, stores: dict[int, tuple[Store, float]], scales: dict[int, float]) -> None:
        """Put the samples of all sensors on their lattices.

        stores: by sensor's place in the layout, where to, and at which rate; scales: what they are multiplied by.
        """
        grids = {}
        for k, (_, rate) in stores.items():
            counts = _Named(self.damage, _NAMES[self.layout.sensors[k].kind] if len(stores) > 1 else "")
            grids[k] = UniformGrid(rate, max(LEAST_GAP_S, LEAST_GAP_PERIODS / rate), counts, on_lattice=True)
        rows = 0
        try:
            for chunk, seconds in self._all():
                rows += len(chunk)
                for k, grid in grids.items():
                    times, samples = self._rows_of(chunk, seconds, self.layout.sensors[k])
                    times, spread = self._even(times, samples) if self.clock is not None else (times, False)
                    self._coarse |= spread
                    self._check_forwards(k, times)
                    parts = grid.add(times + self.shift_s, self._measured(samples * scales[k], self.layout.sensors[k]))
                    stores[k][0].take(parts, stores[k][1])
            for k, grid in grids.items():
                stores[k][0].take(grid.close(), stores[k][1])
        except ClockError as error:
            raise ReaderError(f"{self.table.where}: {error}. Give rate_hz to leave the stamps aside") from error
        late = sum(count for text, count in self.damage.items() if text.startswith("samples that come much later"))
        if late > _LARGEST_LATE_SHARE * rows:
            raise ReaderError(
                f"{self.table.where}: {late:,} of {rows:,} rows come long after later ones; expected rows in the "
                "order of time. Sort them, or give the recordings within one by one"
            )
        if self.clock is not None:
            label = " and ".join(repr(self.table.label(c)) for c in self.time)
            self.notes.append(f"time from {label}: {self.clock.kind}")
            if self.clock.hours:
                self.notes.append("the clock goes back by an hour, as at the end of summer time: made good")
            if self.clock.half_days:
                self.notes.append("the clock goes back by 12 hours, as one without AM and PM does at 1: made good")
            if self.clock.strays:
                self.notes.append(f"{self.clock.strays:,} rows left out: their stamps are far from those around them")
        if self._coarse:
            self.notes.append("stamps are coarser than the samples, which are spread evenly between their changes")

    def _measured(self, samples: np.ndarray, sensor: Sensor) -> np.ndarray:
        """Samples in the network's unit without those that no sensor can have measured: codes, damaged cells."""
        beyond = (np.abs(samples) > LARGEST.get(sensor.kind, LARGEST["acc"])).any(axis=1)
        if not beyond.any():
            return samples
        sentence = f"samples of the {_NAMES[sensor.kind]} beyond what anything worn measures, treated as lost"
        self.damage.add(sentence, int(beyond.sum()))
        return np.where(beyond[:, None], np.nan, samples)

    def _all(self) -> Iterator[tuple[pd.DataFrame, np.ndarray]]:
        yield self.first, self._first_seconds
        for chunk in self._chunks:
            yield chunk, self._seconds(chunk)

    def _check_forwards(self, sensor: int, seconds: np.ndarray) -> None:
        """Raises ``ReaderError`` where the clock goes back over samples that are there already."""
        told = seconds[np.isfinite(seconds)]
        if not len(told):
            return
        before = self._latest.get(sensor, told[0])
        jumps = jumps_back(told, before)
        found = repeated_time(told, jumps)
        if found is not None:
            raise ReaderError(
                f"{self.table.where}: the time runs back by {found[0]:.4g} s around row {found[1] + 1:,}, over "
                "samples that are there already: several recordings in one file? Give them one by one, or rate_hz"
            )
        self._latest[sensor] = max(before, float(told.max())) if not len(jumps) else float(told[-1])


def readings_of(table: Table, options: Options) -> list[Reading]:
    """A table as one reading for each clock in it. Raises ``ReaderError``."""
    blocks = blocks_of(table, options)
    readings = [Reading(table, options, block=block) for block in blocks] or [Reading(table, options)]
    if len(readings) > 1:
        times = ", ".join(repr(table.label(block.time)) for block in blocks)
        readings[0].notes.append(f"each sensor on its own clock: {times}")
    return readings


_NAMES = {"acc": "accelerometer", "linear": "accelerometer", "gravity": "gravity sensor", "gyro": "gyroscope",
          "mag": "magnetometer"}  # fmt: skip


def _is_rough(seconds: np.ndarray) -> bool:
    """Whether stamps repeat or jump: those of when rows were written, and not of when samples were taken."""
    steps = np.diff(seconds)
    if not len(steps) or (steps == 0).mean() > 0.5:
        return True
    median = abs(np.median(steps))
    # Rows that were written many at a time make short steps and a long one.
    return bool(np.quantile(np.abs(steps - median), 0.9) > 0.5 * median or np.abs(steps).mean() > 2 * median)


class _Named:
    """Counts of a sensor's grid among those of its table."""

    def __init__(self, counts: Counts, sensor: str) -> None:
        self._counts, self._suffix = counts, f" ({sensor})" if sensor else ""

    def add(self, sentence: str, count: int = 1) -> None:
        self._counts.add(sentence + self._suffix, count)


def rate_of_steps(steps: np.ndarray) -> float:
    """Positive steps (n,) in s -> Hz: their mean without lost samples and gaps, a whole number where it nearly is."""
    median = float(np.median(steps))
    usual = steps[(steps > 0.5 * median) & (steps < 1.5 * median)]
    # Android hands samples over when it has time: then late ones make up for early ones, and all count.
    mean = float(usual.mean()) if len(usual) > 0.8 * len(steps) else float(steps[steps < 5 * median].mean())
    rate = 1 / mean
    return float(round(rate)) if round(rate) and abs(rate / round(rate) - 1) < _SNAP else round(rate, 3)


def _side_by_side(chunk: pd.DataFrame, seconds: np.ndarray, sensor: Sensor) -> tuple[np.ndarray, np.ndarray]:
    """A row an axis -> a row a stamp."""
    column, values = sensor.axes
    parts = []
    for axis, value in zip("xyz", values, strict=True):
        mask = (chunk[column] == value).to_numpy()
        frame = pd.DataFrame({"t": seconds[mask], axis: chunk.loc[mask, sensor.columns[0]].to_numpy(np.float64)})
        frame["n"] = frame.groupby("t").cumcount()
        parts.append(frame.set_index(["t", "n"]))
    wide = pd.concat(parts, axis=1).sort_index()
    return wide.index.get_level_values("t").to_numpy(np.float64), wide[["x", "y", "z"]].to_numpy(np.float64)


def shift_of(start: datetime, base: datetime) -> float:
    """Seconds from one start to another, of which both or none have a zone."""
    return (start - base) / timedelta(seconds=1)
