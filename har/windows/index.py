"""Every window of every dataset: which rows of which memory map, and what is known about them.

Windows are cut in seconds and never cross a segment border. A segment shorter than a window gives one window whose tail
is missing (NaN when read, masked in the network). Samples stay on disk until ``read``.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from har.recordings.format import Dataset, StreamInfo
from har.recordings.memory import DatasetMemory

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


class WindowIndex:
    """All windows of some datasets, as arrays with one entry a window.

    Attributes (n = number of windows): ``stream_id``, ``dataset_id``, ``subject_id``, ``recording_id``, ``label_id``
    (-1 = unlabelled), ``segment_start``, ``segment_stop`` and ``start`` (rows of the stream's array), ``start_time_s``
    (since the recording's earliest sample). Names behind the ids: ``streams``, ``datasets``, ``subjects`` and
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
        names = {f"{d.name}/{s.recording}" for d in datasets for stream in d.streams.values() for s in stream.segments}
        self.recordings = sorted(names)
        ids = {
            kind: {name: i for i, name in enumerate(values)}
            for kind, values in (("label", self.labels), ("subject", self.subjects), ("recording", self.recordings))
        }
        ids["label"][""] = UNLABELLED
        origin_s = np.full(
            len(self.recordings), np.inf
        )  # earliest moment of each recording, whatever clock it came with
        for dataset in datasets:
            for stream in dataset.streams.values():
                for s in stream.segments:
                    i = ids["recording"][f"{dataset.name}/{s.recording}"]
                    origin_s[i] = min(origin_s[i], s.start_time_s)
        self.streams: list[IndexedStream] = []
        columns: dict[str, list[np.ndarray]] = {}
        for dataset_id, dataset in enumerate(datasets):
            for stream in dataset.streams.values():
                segments = stream.segments
                table = {
                    "label_id": np.array([ids["label"][s.label] for s in segments], dtype=np.int64),
                    "subject_id": np.array(
                        [ids["subject"][f"{dataset.name}/{s.subject}"] for s in segments], dtype=np.int64
                    ),
                    "recording_id": np.array(
                        [ids["recording"][f"{dataset.name}/{s.recording}"] for s in segments], dtype=np.int64
                    ),
                    "segment_start": np.array([s.start for s in segments], dtype=np.int64),
                    "segment_stop": np.array([s.stop for s in segments], dtype=np.int64),
                }
                time_s = np.array([s.start_time_s for s in segments]) - origin_s[table["recording_id"]]
                rate = stream.info.sampling_rate_hz
                length = max(1, round(window_s * rate))
                which, start = _window_starts(
                    table["segment_start"], table["segment_stop"], length, stride_s * rate, min_window_s * rate
                )
                part = {key: values[which] for key, values in table.items()}
                part["start"] = start
                part["start_time_s"] = time_s[which] + (start - part["segment_start"]) / rate
                part["stream_id"] = np.full(len(start), len(self.streams))
                part["dataset_id"] = np.full(len(start), dataset_id)
                for key, values in part.items():
                    columns.setdefault(key, []).append(values)
                self.streams.append(
                    IndexedStream(
                        dataset.name, stream.info, stream.samples, length,
                        table["recording_id"], table["segment_start"], table["segment_stop"], time_s,
                        table["subject_id"], dataset.memory,
                    )
                )  # fmt: skip
        joined = {key: np.concatenate(parts) for key, parts in columns.items()}
        if not joined or not len(joined["start"]):
            raise ValueError(
                f"no segment of {self.datasets} lasts {min_window_s} s; prepare longer recordings or shorten the window"
            )
        self.label_id, self.subject_id, self.recording_id = (
            joined["label_id"],
            joined["subject_id"],
            joined["recording_id"],
        )
        self.stream_id, self.dataset_id = joined["stream_id"], joined["dataset_id"]
        self.segment_start, self.segment_stop = joined["segment_start"], joined["segment_stop"]
        self.start, self.start_time_s = joined["start"], joined["start_time_s"]
        self._partner_keys: dict[int, np.ndarray] = {}

    def __len__(self) -> int:
        return len(self.start)

    @property
    def wearer_id(self) -> np.ndarray:
        """(n,) who wears which device: one number for each subject and stream."""
        return self.subject_id * len(self.streams) + self.stream_id

    def split(self, salt: str, validation_share: float, start: float = 0.0) -> np.ndarray:
        """(n,) bool, True where the window's subject is held out for validation (see ``split_of``)."""
        held_out = np.array(
            [split_of(*name.split("/", 1), salt, validation_share, start) == "validation" for name in self.subjects],
            dtype=bool,
        )
        return held_out[self.subject_id]

    def labelled_rows(self, wanted: Callable[[str], bool] = lambda label: True) -> np.ndarray:
        """Rows (n,) of the labelled windows whose label is ``wanted``."""
        passes = np.array([wanted(label) for label in self.labels] + [False])  # the last is what UNLABELLED finds
        return np.flatnonzero(passes[self.label_id])

    def shifted_starts(self, rows: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """(n,) first rows moved by up to half a stride either way, within the segment: random crops."""
        rate = np.array([s.info.sampling_rate_hz for s in self.streams])[self.stream_id[rows]]
        length = np.array([s.window_length for s in self.streams])[self.stream_id[rows]]
        shift = np.rint((generator.random(len(rows)) - 0.5) * self.stride_s * rate).astype(np.int64)
        latest = np.maximum(self.segment_stop[rows] - length, self.segment_start[rows])
        return np.clip(self.start[rows] + shift, self.segment_start[rows], latest)

    def read(self, rows: np.ndarray, start: np.ndarray | None = None) -> np.ndarray:
        """Samples of windows of *one* stream at its own rate: (n, T, C) float32, NaN past the end of a segment.

        start: other first rows than the indexed ones, e.g. shifted ones; rows outside the segment read NaN.
        Raises ``ValueError`` when the windows belong to several streams.
        """
        stream_id = self._stream_of(rows)
        start = self.start[rows] if start is None else start
        length = self.streams[stream_id].window_length
        return self.gather(stream_id, start, length, self.segment_start[rows], self.segment_stop[rows])

    def _stream_of(self, rows: np.ndarray) -> int:
        streams = np.unique(self.stream_id[rows])
        if len(streams) != 1:
            raise ValueError(f"windows of {len(streams)} streams; read one stream at a time, their shapes differ")
        return int(streams[0])

    def gather(
        self, stream_id: int, start: np.ndarray, length: int, lowest: np.ndarray, stop: np.ndarray
    ) -> np.ndarray:
        """(n, length, C) of a stream from the rows ``start`` (n,) on; NaN before ``lowest`` and from ``stop`` on."""
        stream = self.streams[stream_id]
        rows = start[:, None] + np.arange(length)
        outside = (rows < lowest[:, None]) | (rows >= stop[:, None])
        windows = stream.samples[np.clip(rows, lowest[:, None], stop[:, None] - 1)]
        if outside.any():
            windows[outside] = np.nan
        return windows

    def read_partners(
        self, rows: np.ndarray, start: np.ndarray | None = None
    ) -> list[tuple[int, np.ndarray, np.ndarray]]:
        """What other streams of the same recording measured during windows of one stream.

        Returns [(stream id, positions into ``rows`` (m,), samples (m, T, C)), ...], each window from the sample nearest
        to its first moment. Only the segment that holds that sample is read; the rest is NaN.
        Raises ``ValueError`` when the windows belong to several streams.
        """
        own_id = self._stream_of(rows)
        own = self.streams[own_id]
        start = self.start[rows] if start is None else start
        time_s = self.start_time_s[rows] + (start - self.start[rows]) / own.info.sampling_rate_hz
        found = []
        for stream_id, stream in enumerate(self.streams):
            if stream_id == own_id or stream.dataset != own.dataset:
                continue
            order, keys = self._segment_order(stream_id)
            # The nearest sample is taken; it may lie half a sample later, in the segment that begins there. Clocks are
            # stored to the microsecond: a hair of slack at least.
            slack_s = max(0.5 / stream.info.sampling_rate_hz, 1e-4)
            position = np.searchsorted(keys, _clock_key(self.recording_id[rows], time_s + slack_s), side="right") - 1
            segment = order[np.clip(position, 0, None)]
            row = stream.start[segment] + np.rint(
                (time_s - stream.start_time_s[segment]) * stream.info.sampling_rate_hz
            ).astype(np.int64)
            same = (
                (position >= 0)
                & (stream.recording_id[segment] == self.recording_id[rows])
                & (row < stream.stop[segment])
            )
            if same.any():
                take = np.flatnonzero(same)
                segment = segment[take]
                found.append(
                    (
                        stream_id,
                        take,
                        self.gather(
                            stream_id, row[take], stream.window_length, stream.start[segment], stream.stop[segment]
                        ),
                    )
                )
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


def _clock_key(recording_id: np.ndarray, time_s: np.ndarray) -> np.ndarray:
    """Sorts by recording, then by time: no recording lasts 10^7 s, and below 10^5 of them float64 keeps 0.1 ms."""
    return recording_id * 1e7 + time_s


def _window_starts(
    start: np.ndarray, stop: np.ndarray, length: int, stride: float, shortest: float
) -> tuple[np.ndarray, np.ndarray]:
    """Segments (rows) -> (segment of each window, first row of each window)."""
    duration = stop - start
    whole = np.floor((duration - length) / stride + 1e-9) + 1
    count = np.where(duration >= length, whole, duration >= shortest - 1e-9).astype(np.int64)
    which = np.repeat(np.arange(len(start)), count)
    position = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
    return which, start[which] + np.rint(position * stride).astype(np.int64)
