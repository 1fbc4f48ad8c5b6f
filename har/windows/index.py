"""Every window of every dataset: which rows of which memory map, and what is known about them.

Windows are cut in seconds and never cross a segment border. A segment shorter than a window gives one window whose tail
is missing (NaN when read, masked in the network). Samples stay on disk until ``read``.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from har.recordings.format import Dataset, Stream, StreamInfo
from har.recordings.memory import DatasetMemory
from har.windows.columns import Column, SegmentTable
from har.windows.search import GuideTable

UNLABELLED = -1


def split_of(dataset: str, subject: str, salt: str, validation_share: float, start: float = 0.0) -> str:
    """ "train" or "validation": a pure function of its arguments, so no order, cache or generator can move a person.

    A person's place in [0, 1) is a hash; those from ``start`` to ``start`` + share are held out, so that starts a share
    apart make the folds of a cross-validation.
    """
    digest = hashlib.sha256(f"{salt}/{dataset}/{subject}".encode()).digest()
    place = int.from_bytes(digest[:8], "big") / 2**64
    return "validation" if start <= place < start + validation_share else "train"


@dataclass
class IndexedStream:
    """A stream of the index with its segments as arrays, sorted as in the file; memory: of its dataset."""

    dataset: str
    info: StreamInfo
    samples: np.ndarray
    window_length: int
    recording_id: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    start_time_s: np.ndarray
    subject_id: np.ndarray
    memory: DatasetMemory


@dataclass
class Excerpts:
    """Where m windows of one stream lie: ``length`` rows of its array from ``start`` (m,) on, of which those before
    ``lowest`` and from ``stop`` on are missing. at: positions (m,) of the windows among those that were asked for.
    """

    stream_id: int
    at: np.ndarray
    start: np.ndarray
    lowest: np.ndarray
    stop: np.ndarray
    length: int

    def __getitem__(self, chosen: np.ndarray) -> "Excerpts":
        """The windows of a mask or of positions (k,)."""
        return Excerpts(
            self.stream_id, self.at[chosen], self.start[chosen], self.lowest[chosen], self.stop[chosen], self.length
        )


class WindowIndex:
    """All windows of some datasets, as columns with one entry a window.

    Attributes (n = number of windows): ``stream_id``, ``dataset_id``, ``subject_id``, ``recording_id``, ``label_id``
    (-1 = unlabelled), ``segment_start``, ``segment_stop`` and ``start`` (rows of the stream's array), ``start_time_s``
    (since the recording's earliest sample), ``wearer_id`` (who wears which device: one number for each subject and
    stream). They are ``Column``s: int64 or float64 arrays to their users, but derived from ``segments``, a
    ``SegmentTable``, for the rows asked for. Names behind the ids: ``streams``, ``datasets``, ``subjects`` and
    ``recordings`` ("dataset/…", unique over datasets), ``labels``.

    Raises ``ValueError`` when the lengths make no sense or no segment is long enough.
    """

    def __init__(self, datasets: Sequence[Dataset], window_s: float, stride_s: float, min_window_s: float) -> None:
        if not (stride_s > 0 and 0 < min_window_s <= window_s):
            raise ValueError(
                f"window {window_s} s, stride {stride_s} s, shortest window {min_window_s} s; "
                "expected a positive stride and 0 < shortest <= window"
            )
        self.window_s, self.stride_s = window_s, stride_s
        self.datasets = [d.name for d in datasets]
        self.labels = sorted({label for d in datasets for label in d.labels})
        self.subjects = sorted({f"{d.name}/{s}" for d in datasets for s in d.subjects})
        streams = [(number, d, stream) for number, d in enumerate(datasets) for stream in d.streams.values()]
        self.recordings = sorted(
            {f"{d.name}/{name}" for _, d, stream in streams for name in stream.segments.recording.values}
        )
        parts = self._numbered(streams)
        counts = [
            _window_counts(part["start"], part["stop"], self._length(stream), stride_s * rate, min_window_s * rate)
            for part, (_, _, stream) in zip(parts, streams, strict=True)
            for rate in (stream.info.sampling_rate_hz,)
        ]
        if not sum(int(count.sum()) for count in counts):
            raise ValueError(
                f"no segment of {self.datasets} lasts {min_window_s} s; prepare longer recordings or shorten the window"
            )
        self.segments = _table(parts, counts, streams, stride_s)
        self.streams = self._views(streams)
        self._add_columns()
        self._partner_keys: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def _length(self, stream: Stream) -> int:
        return max(1, round(self.window_s * stream.info.sampling_rate_hz))

    def _numbered(self, streams: Sequence[tuple[int, Dataset, Stream]]) -> list[dict[str, np.ndarray]]:
        """The segments of each stream with numbers for names, and times since their recording's earliest sample."""
        label = {name: i for i, name in enumerate(self.labels)} | {"": UNLABELLED}
        subject = {name: i for i, name in enumerate(self.subjects)}
        recording = {name: i for i, name in enumerate(self.recordings)}
        # Earliest moment of each recording, whatever clock it came with.
        origin_s = np.full(len(self.recordings), np.inf)
        parts = []
        for _, dataset, stream in streams:
            segments, prefix = stream.segments, f"{dataset.name}/"
            parts.append(
                {
                    "label_id": segments.label.numbered(label),
                    "subject_id": segments.subject.numbered(subject, prefix),
                    "recording_id": segments.recording.numbered(recording, prefix),
                    "start": segments.start,
                    "stop": segments.stop,
                    "start_time_s": segments.start_time_s,
                }
            )
            np.fmin.at(origin_s, parts[-1]["recording_id"], segments.start_time_s)
        for part in parts:
            part["start_time_s"] = part["start_time_s"] - origin_s[part["recording_id"]]
        return parts

    def _views(self, streams: Sequence[tuple[int, Dataset, Stream]]) -> list[IndexedStream]:
        """Each stream with its part of the table."""
        stop = np.cumsum([len(stream.segments) for _, _, stream in streams])
        found = []
        for (_, dataset, stream), last in zip(streams, stop.tolist(), strict=True):
            own, table = slice(last - len(stream.segments), last), self.segments
            found.append(
                IndexedStream(
                    dataset.name, stream.info, stream.samples, self._length(stream),
                    table.recording_id[own], table.start[own], table.stop[own], table.start_time_s[own],
                    table.subject_id[own], dataset.memory,
                )
            )  # fmt: skip
        return found

    def _add_columns(self) -> None:
        table = self.segments
        for name, of_segment in (
            ("label_id", "label_id"), ("subject_id", "subject_id"), ("recording_id", "recording_id"),
            ("stream_id", "stream_id"), ("segment_start", "start"), ("segment_stop", "stop"),
        ):  # fmt: skip
            setattr(self, name, Column(table, np.int64, partial(table.value_of, of_segment)))
        self.dataset_id = Column(table, np.int64, table.dataset_of_window)
        self.wearer_id = Column(table, np.int64, table.wearer_of)
        self.start = Column(table, np.int64, table.start_of)
        self.start_time_s = Column(table, np.float64, table.start_time_of)

    def __len__(self) -> int:
        return self.segments.windows

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays that are kept."""
        keys = (array for pair in self._partner_keys.values() for array in pair)
        return self.segments.nbytes + sum(array.nbytes for array in keys)

    def split(self, salt: str, validation_share: float, start: float = 0.0) -> np.ndarray:
        """(n,) bool, True where the window's subject is held out for validation (see ``split_of``)."""
        held_out = np.array(
            [split_of(*name.split("/", 1), salt, validation_share, start) == "validation" for name in self.subjects],
            dtype=bool,
        )
        return self.segments.each_window(held_out[self.segments.subject_id])

    def labelled_rows(self, wanted: Callable[[str], bool] = lambda label: True) -> np.ndarray:
        """Rows (n,) of the labelled windows whose label is ``wanted``."""
        passes = np.array([wanted(label) for label in self.labels] + [False])  # the last is what UNLABELLED finds
        return np.flatnonzero(self.segments.each_window(passes[self.segments.label_id]))

    def shifted_starts(self, rows: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """(n,) first rows moved by up to half a stride either way, within the segment: random crops."""
        table, segment = self.segments, self.segments.segment_of(rows)
        stream_id = table.stream_id[segment]
        length = np.array([s.window_length for s in self.streams])[stream_id]
        shift = np.rint((generator.random(len(rows)) - 0.5) * self.stride_s * table.rate_of[stream_id]).astype(np.int64)
        earliest = table.start[segment]
        latest = np.maximum(table.stop[segment] - length, earliest)
        return np.clip(table.start_of(rows, segment) + shift, earliest, latest)

    def read(self, rows: np.ndarray, start: np.ndarray | None = None) -> np.ndarray:
        """Samples of windows of *one* stream at its own rate: (n, T, C) float32, NaN past the end of a segment.

        start: other first rows than the indexed ones, e.g. shifted ones; rows outside the segment read NaN.
        Raises ``ValueError`` when the windows belong to several streams.
        """
        _one_stream(self.stream_id[rows])
        (own,) = self.own(rows, start)
        return self.gather(own)

    def own(self, rows: np.ndarray, start: np.ndarray | None = None) -> list[Excerpts]:
        """Where the samples of windows of any streams lie, stream by stream; nothing is read."""
        table, segment = self.segments, self.segments.segment_of(rows)
        start = table.start_of(rows, segment) if start is None else start
        stream_of, lowest, stop = table.stream_id[segment], table.start[segment], table.stop[segment]
        found = []
        for stream_id in np.unique(stream_of):
            at = np.flatnonzero(stream_of == stream_id)
            length = self.streams[stream_id].window_length
            found.append(Excerpts(int(stream_id), at, start[at], lowest[at], stop[at], length))
        return found

    def gather(self, excerpts: Excerpts) -> np.ndarray:
        """(m, length, C) samples of excerpts, NaN where they are missing."""
        lowest, stop = excerpts.lowest[:, None], excerpts.stop[:, None]
        rows = excerpts.start[:, None] + np.arange(excerpts.length)
        inside = np.clip(rows, lowest, stop - 1)
        windows = self.streams[excerpts.stream_id].samples[inside]
        if (outside := rows != inside).any():
            windows[outside] = np.nan
        return windows

    def read_partners(
        self, rows: np.ndarray, start: np.ndarray | None = None
    ) -> list[tuple[int, np.ndarray, np.ndarray]]:
        """What ``partners`` finds, read: [(stream id, positions into ``rows`` (m,), samples (m, T, C)), ...]."""
        return [(partner.stream_id, partner.at, self.gather(partner)) for partner in self.partners(rows, start)]

    def partners(self, rows: np.ndarray, start: np.ndarray | None = None) -> list[Excerpts]:
        """What other streams of the same recording measured during windows of one stream; nothing is read.

        Each window from the sample nearest to its first moment, as far as the segment goes that holds that sample.
        Raises ``ValueError`` when the windows belong to several streams.
        """
        table, within = self.segments, self.segments.segment_of(rows)
        own_id = _one_stream(table.stream_id[within])
        own = self.streams[own_id]
        recording_id, first = table.recording_id[within], table.start_of(rows, within)
        start = first if start is None else start
        time_s = table.start_time_of(rows, within) + (start - first) / own.info.sampling_rate_hz
        found = []
        for stream_id, stream in enumerate(self.streams):
            if stream_id == own_id or stream.dataset != own.dataset:
                continue
            order, keys = self._segment_order(stream_id)
            # The nearest sample is taken; it may lie half a sample later, in the segment that begins there. Clocks are
            # stored to the microsecond: a hair of slack at least.
            slack_s = max(0.5 / stream.info.sampling_rate_hz, 1e-4)
            position = np.searchsorted(keys, _clock_key(recording_id, time_s + slack_s), side="right") - 1
            segment = order[np.clip(position, 0, None)]
            row = stream.start[segment] + np.rint(
                (time_s - stream.start_time_s[segment]) * stream.info.sampling_rate_hz
            ).astype(np.int64)
            same = (position >= 0) & (stream.recording_id[segment] == recording_id) & (row < stream.stop[segment])
            if same.any():
                at = np.flatnonzero(same)
                lowest, stop = stream.start[segment[at]], stream.stop[segment[at]]
                found.append(Excerpts(stream_id, at, row[at], lowest, stop, stream.window_length))
        return found

    def runs(self, stream_id: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(recording id, first row, row after the last) of each gap-free run of a stream, whatever its labels."""
        stream = self.streams[stream_id]
        length_s = (stream.stop - stream.start) / stream.info.sampling_rate_hz
        gap_s = np.abs(stream.start_time_s[1:] - (stream.start_time_s + length_s)[:-1])
        follows = (
            (stream.start[1:] == stream.stop[:-1])
            & (stream.recording_id[1:] == stream.recording_id[:-1])
            & (gap_s < 1.0 / stream.info.sampling_rate_hz)
        )
        first, last = np.ones((2, len(stream.stop)), dtype=bool)
        first[1:], last[:-1] = ~follows, ~follows
        return stream.recording_id[first], stream.start[first], stream.stop[last]

    def _segment_order(self, stream_id: int) -> tuple[np.ndarray, np.ndarray]:
        if stream_id not in self._partner_keys:
            stream = self.streams[stream_id]
            keys = _clock_key(stream.recording_id, stream.start_time_s)
            order = np.argsort(keys, kind="stable")
            self._partner_keys[stream_id] = order, keys[order]
        return self._partner_keys[stream_id]

    def describe(self, row: int) -> str:
        """One line that finds a window again: dataset, stream, recording, subject, label, seconds."""
        stream = self.streams[self.stream_id[row]]
        label = self.labels[self.label_id[row]] if self.label_id[row] >= 0 else "unlabelled"
        return (
            f"{self.recordings[self.recording_id[row]]}, stream {stream.info.name}, subject "
            f"{self.subjects[self.subject_id[row]].split('/', 1)[1]}, {label}, at {self.start_time_s[row]:.2f} s "
            f"(row {self.start[row]} of {stream.info.name}.npy)"
        )


def _one_stream(stream_id: np.ndarray) -> int:
    """The stream that all windows belong to."""
    streams = np.unique(stream_id)
    if len(streams) != 1:
        raise ValueError(f"windows of {len(streams)} streams; read one stream at a time, their shapes differ")
    return int(streams[0])


def _clock_key(recording_id: np.ndarray, time_s: np.ndarray) -> np.ndarray:
    """Sorts by recording, then by time: no recording lasts 10^7 s, and below 10^5 of them float64 keeps 0.1 ms."""
    return recording_id * 1e7 + time_s


def _window_counts(start: np.ndarray, stop: np.ndarray, length: int, stride: float, shortest: float) -> np.ndarray:
    """Segments (rows) -> how many windows each gives, (m,) int64."""
    duration = stop - start
    whole = np.floor((duration - length) / stride + 1e-9) + 1
    return np.where(duration >= length, whole, duration >= shortest - 1e-9).astype(np.int64)


def _table(
    parts: Sequence[dict[str, np.ndarray]],
    counts: Sequence[np.ndarray],
    streams: Sequence[tuple[int, Dataset, Stream]],
    stride_s: float,
) -> SegmentTable:
    """The segments of all streams, in integers as small as their numbers allow."""

    def joined(column: str) -> np.ndarray:
        return np.concatenate([part[column] for part in parts])

    last = np.cumsum(np.concatenate(counts))
    samples = max(int(part["stop"][-1]) for part in parts)
    rates = np.array([stream.info.sampling_rate_hz for _, _, stream in streams], dtype=np.float64)
    return SegmentTable(
        **{column: joined(column) for column in ("label_id", "subject_id", "recording_id", "start_time_s")},
        start=joined("start").astype(_integers_to(samples)),
        stop=joined("stop").astype(_integers_to(samples)),
        stream_id=np.repeat(
            np.arange(len(parts), dtype=np.int16 if len(parts) < 2**15 else np.int32), [len(c) for c in counts]
        ),
        last=GuideTable(last.astype(_integers_to(last[-1]))),
        dataset_of=np.array([dataset_id for dataset_id, _, _ in streams]),
        rate_of=rates,
        stride_of=stride_s * rates,
    )


def _integers_to(most: int) -> type:
    # Not below 32 bits: NumPy makes float16 of int8 times a Python float.
    return np.int32 if most < 2**31 else np.int64
