"""The windows of a corpus as a table of segments, and columns that are derived from it for the rows asked for.

A segment gives windows at a fixed stride, so what is known of a window follows from its segment and its place in it.
The table costs 42 bytes a segment, whatever the number of windows; a column costs nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from har.windows.search import GuideTable

_ROWS_AT_ONCE = 1 << 16  # of a column that is asked for as a whole: bounds what the derivation holds beside its result


@dataclass(frozen=True)
class SegmentTable:
    """Segments of all streams, those of a stream side by side, sorted as in its file (m segments, k streams).

    label_id, subject_id, recording_id: (m,) int32. start, stop: (m,) rows of the stream's samples, int32 where these
    reach. start_time_s: (m,) float64. stream_id: (m,) int16 or int32. last: ``GuideTable`` over the windows of all
    segments up to and with each. dataset_of, rate_of, stride_of: (k,) dataset, samples a second, samples a stride.
    """

    label_id: np.ndarray
    subject_id: np.ndarray
    recording_id: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    start_time_s: np.ndarray
    stream_id: np.ndarray
    last: GuideTable
    dataset_of: np.ndarray
    rate_of: np.ndarray
    stride_of: np.ndarray

    def __len__(self) -> int:
        return len(self.start)

    @property
    def nbytes(self) -> int:
        return sum(value.nbytes for value in vars(self).values())

    @property
    def windows(self) -> int:
        """How many windows all segments give."""
        return int(self.last.borders[-1])

    def segment_of(self, rows: np.ndarray) -> np.ndarray:
        """(n,) int64: which segment each window lies in."""
        return self.last.find(rows)

    def each_window(self, of_segment: np.ndarray) -> np.ndarray:
        """(m,) something of each segment -> (n,) the same of each window."""
        return np.repeat(of_segment, np.diff(self.last.borders, prepend=0))

    def value_of(self, name: str, rows: np.ndarray, segment: np.ndarray) -> np.ndarray:
        """(n,) what the column ``name`` of this table says of the segment of each window."""
        return getattr(self, name)[segment]

    def dataset_of_window(self, rows: np.ndarray, segment: np.ndarray) -> np.ndarray:
        """(n,) dataset of each window."""
        return self.dataset_of[self.stream_id[segment]]

    def wearer_of(self, rows: np.ndarray, segment: np.ndarray) -> np.ndarray:
        """(n,) int64: one number for each subject and stream."""
        return self.subject_id[segment] * np.int64(len(self.dataset_of)) + self.stream_id[segment]

    def start_of(self, rows: np.ndarray, segment: np.ndarray) -> np.ndarray:
        """(n,) int64: first sample of each window, the nearest to its place in the segment."""
        before = np.where(segment > 0, self.last.borders[segment - 1], 0)
        offset = np.rint((rows - before) * self.stride_of[self.stream_id[segment]])
        return self.start[segment] + offset.astype(np.int64)

    def start_time_of(self, rows: np.ndarray, segment: np.ndarray) -> np.ndarray:
        """(n,) seconds from the recording's earliest sample to each window's first."""
        rate = self.rate_of[self.stream_id[segment]]
        return self.start_time_s[segment] + (self.start_of(rows, segment) - self.start[segment]) / rate


class Column(NDArrayOperatorsMixin):
    """One value a window, derived when asked for: to its users a read-only array (n,).

    ``column[rows]`` takes what an array takes: a number, a slice, (n,) bool, integers of any shape. Operators, ufuncs
    and ``np.asarray`` make the whole array, as do its methods (``max``, ``astype`` ...).
    """

    def __init__(
        self, table: SegmentTable, dtype: type, derive: Callable[[np.ndarray, np.ndarray], np.ndarray]
    ) -> None:
        """derive: (rows (n,), segment of each (n,)) -> values (n,)."""
        self._table, self._derive, self.dtype = table, derive, np.dtype(dtype)

    def __len__(self) -> int:
        return self._table.windows

    @property
    def shape(self) -> tuple[int]:
        return (len(self),)

    def __getitem__(self, key: int | slice | np.ndarray) -> np.ndarray:
        if key is Ellipsis or (isinstance(key, tuple) and key == ()):
            return np.asarray(self)
        if isinstance(key, slice):
            key = np.arange(*key.indices(len(self)))
        rows = np.asarray(key)
        if rows.dtype == bool:
            if rows.shape != self.shape:
                raise IndexError(f"a mask of shape {rows.shape} for {len(self)} windows")
            rows = np.flatnonzero(rows)
        if not rows.size:
            return np.empty(rows.shape, dtype=self.dtype)
        if rows.dtype.kind not in "iu":
            raise IndexError(f"windows are asked for by whole numbers, not by {rows.dtype}")
        flat = rows.reshape(-1).astype(np.int64, copy=False)
        least, most = flat.min(), flat.max()
        if least < -len(self) or most >= len(self):
            raise IndexError(f"window {most if most >= len(self) else least} of {len(self)}")
        if least < 0:
            flat = np.where(flat < 0, flat + len(self), flat)
        # [()] makes a 0-dimensional array a number and leaves any other as it is.
        return self._values(flat).reshape(rows.shape)[()]

    def _values(self, rows: np.ndarray) -> np.ndarray:
        values = np.empty(len(rows), dtype=self.dtype)
        for first in range(0, len(rows), _ROWS_AT_ONCE):
            part = rows[first : first + _ROWS_AT_ONCE]
            values[first : first + len(part)] = self._derive(part, self._table.segment_of(part))
        return values

    def __iter__(self):
        return iter(np.asarray(self))

    def __getattr__(self, name: str) -> object:
        if name.startswith("_"):  # of the column itself, which may not have it yet (copy, pickle)
            raise AttributeError(name)
        return getattr(np.asarray(self), name)

    def __array__(self, dtype: type | None = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("a derived column has no array to share")
        values = np.empty(len(self), dtype=self.dtype)
        for first in range(0, len(self), _ROWS_AT_ONCE):
            rows = np.arange(first, min(first + _ROWS_AT_ONCE, len(self)))
            values[rows[0] : rows[-1] + 1] = self._derive(rows, self._table.segment_of(rows))
        return values if dtype is None else values.astype(dtype, copy=False)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: object, **options: object) -> object:
        arrays = [np.asarray(value) if isinstance(value, Column) else value for value in inputs]
        return getattr(ufunc, method)(*arrays, **options)
