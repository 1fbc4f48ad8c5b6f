"""Samples that come part by part, kept in memory as long as they are few and in a temporary file beyond."""

import tempfile
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

_MOST_IN_MEMORY = 1 << 26  # bytes
_ROWS_AT_A_TIME = 1 << 20


class Run(NamedTuple):
    """Samples (n, C) without a gap; ``first`` is the place of the first one on the lattice, in periods since 0."""

    first: int
    samples: np.ndarray

    @property
    def stop(self) -> int:
        return self.first + len(self.samples)


class Store:
    """Runs of one sensor or device, (n, channels) float32 each."""

    def __init__(self, channels: int) -> None:
        self.channels = channels
        self._runs: list[list[int]] = []  # first, row, rows
        self._parts: list[np.ndarray] = []
        self._bytes = self._rows = 0
        self._file: tempfile._TemporaryFileWrapper | None = None

    def add(self, first: int | None, part: np.ndarray) -> None:
        """first: where a new run begins, None where the last one goes on."""
        if first is not None:
            self._runs.append([first, self._rows, 0])
        self._runs[-1][2] += len(part)
        self._rows += len(part)
        self._parts.append(np.ascontiguousarray(part, dtype=np.float32))
        self._bytes += part.nbytes
        if self._bytes > _MOST_IN_MEMORY:
            if self._file is None:
                self._file = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the map on it
            self._flush()

    def take(self, parts: Iterable[tuple[float | None, np.ndarray]], rate_hz: float) -> None:
        """What a `har.signal.clocks.UniformGrid` on a lattice gives: (start of a run in s or None, samples)."""
        for start_s, part in parts:
            self.add(None if start_s is None else round(start_s * rate_hz), part)

    def _flush(self) -> None:
        for part in self._parts:
            self._file.write(part)
        self._parts, self._bytes = [], 0

    def runs(self) -> list[Run]:
        """All of them, views of one array (memory-mapped where they are many), in the order of time."""
        if not self._rows:
            return []
        if self._file is not None:
            self._flush()
            self._file.flush()
            whole = np.memmap(self._file, np.float32, "r+", shape=(self._rows, self.channels))
        else:
            whole = self._parts[0] if len(self._parts) == 1 else np.concatenate(self._parts)
            self._parts = [whole]
        return sorted((Run(first, whole[row : row + rows]) for first, row, rows in self._runs), key=lambda r: r.first)


class Track:
    """The runs of one sensor on a lattice, by place."""

    def __init__(self, runs: list[Run]) -> None:
        self.runs = runs
        self._stops = np.array([run.stop for run in runs])

    def read(self, first: int, out: np.ndarray) -> None:
        """Fill ``out`` (n, C) from the place ``first`` on; what was not measured stays as it is."""
        stop = first + len(out)
        k = int(np.searchsorted(self._stops, first, side="right"))
        while k < len(self.runs) and self.runs[k].first < stop:
            run = self.runs[k]
            a, b = max(first, run.first), min(stop, run.stop)
            out[a - first : b - first] = run.samples[a - run.first : b - run.first]
            k += 1


def join(leader: list[Run], parts: list[tuple[list[Track], slice]], channels: int) -> list[Run]:
    """Sensors on one lattice side by side, over the runs of the leading one; NaN where another one was off.

    parts: tracks whose sum makes the columns ``slice`` of the result.
    """
    store = Store(channels)
    for run in leader:
        for row in range(0, len(run.samples), _ROWS_AT_A_TIME):
            rows = min(_ROWS_AT_A_TIME, len(run.samples) - row)
            block = np.zeros((rows, channels), np.float32)
            for tracks, columns in parts:
                for track in tracks:
                    read = np.full((rows, columns.stop - columns.start), np.nan, np.float32)
                    track.read(run.first + row, read)
                    block[:, columns] += read
            store.add(run.first if row == 0 else None, block)
    return store.runs()


def blocks(samples: np.ndarray, rows: int = _ROWS_AT_A_TIME) -> Iterator[np.ndarray]:
    """Views of so many rows, one after the other: a week is never copied whole."""
    for row in range(0, len(samples), rows):
        yield samples[row : row + rows]
