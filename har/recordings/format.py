"""One dataset folder: ``dataset.json`` + one ``<stream>.npy`` and ``<stream>.csv`` per stream.

A *stream* is one device at one placement at one sampling rate. ``<stream>.npy`` holds all its samples, float32,
(samples, channels), accelerometer in g with gravity, gyroscope in rad/s, magnetometer in microtesla. ``<stream>.csv``
holds one row a segment: ``recording,subject,label,start,stop,start_time_s``. ``start`` and ``stop`` are rows of the
array (stop excluded); an empty label marks an unlabelled segment; ``start_time_s`` is the time of the first sample on
the clock of its recording, which streams worn together share. Sampling is uniform inside a segment.

The format is described for users in docs/data_format.md.
"""

import contextlib
import json
import math
import shutil
import warnings
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import pairwise
from numbers import Real
from pathlib import Path
from tokenize import TokenError

import numpy as np

import har.labels
import har.recordings
import har.signal
from har.files.room import room_for
from har.files.whole import hidden_folder, replace_folder
from har.recordings.checksums import HEADER, CheckedFile, Checksums, file_checksum
from har.recordings.header import FORMAT_VERSION as FORMAT_VERSION  # parts of the format, to be imported from here
from har.recordings.header import StreamInfo, read_header, stream_info, write_header
from har.recordings.memory import DatasetMemory, source_digest, write_whole
from har.recordings.scan import LARGEST_RANGE_G as LARGEST_RANGE_G
from har.recordings.scan import RANGE_TOLERANCE as RANGE_TOLERANCE
from har.recordings.scan import REST_TOLERANCE_G as REST_TOLERANCE_G
from har.recordings.scan import STILL_DEVIATION_G as STILL_DEVIATION_G
from har.recordings.scan import STILL_WINDOW_S as STILL_WINDOW_S
from har.recordings.scan import rest_magnitude_g as rest_magnitude_g
from har.recordings.scan import scan_samples
from har.recordings.segments import CSV_COLUMNS as CSV_COLUMNS
from har.recordings.segments import (
    DatasetError,
    Segment,
    Segments,
    is_segments,
    label_text,
    name_text,
    read_segments,
    write_segments,
)
from har.signal.channels import SENSOR_KINDS as SENSOR_KINDS
from har.signal.channels import UNITS as UNITS
from har.signal.entry import as_array
from har.signal.plausibility import STANDARD_GRAVITY as STANDARD_GRAVITY

_COPIED_AT_ONCE = 1 << 24  # bytes
_SEGMENTS = "segments"


@dataclass
class Stream:
    """A stream as read: ``samples`` is a read-only memory map of shape (samples, channels)."""

    info: StreamInfo
    samples: np.ndarray
    segments: Segments


@dataclass
class Dataset:
    """A dataset folder as read."""

    name: str
    folder: Path
    title: str
    citation: str
    licence: str
    source_url: str
    streams: dict[str, Stream]
    memory: DatasetMemory
    notes: list[str] = field(default_factory=list)

    @property
    def labels(self) -> list[str]:
        """All activity phrases, sorted; the unlabelled segments' empty string is not one."""
        return sorted({label for stream in self.streams.values() for label in stream.segments.label.values} - {""})

    @property
    def subjects(self) -> list[str]:
        return sorted({name for stream in self.streams.values() for name in stream.segments.subject.values})


class DatasetWriter:
    """Write a dataset folder so that it appears whole or not at all.

    Use as a context manager; ``add_stream`` first, then ``append`` per recording. On a clean exit the folder is
    checked as a reader would check it and moved into place; on an error nothing is left behind and a previous
    folder of that name stays as it was. The same calls give identical bytes.

    Raises ``DatasetError`` where a folder of that name holds anything that is no part of a dataset: it would be lost.
    """

    def __init__(self, folder: Path, *, title: str, citation: str, licence: str, source_url: str) -> None:
        self.folder = Path(folder)
        self._header = {"title": title, "citation": citation, "licence": licence, "source_url": source_url}
        self._infos: dict[str, StreamInfo] = {}
        self._parts: dict[str, Path] = {}
        self._rows: dict[str, int] = {}
        self._segments: dict[str, list[Segment]] = {}
        self._notes: list[str] = []

    def __enter__(self) -> "DatasetWriter":
        # A link to a folder elsewhere stays one.
        self._target = self.folder.resolve() if self.folder.is_symlink() else self.folder
        _check_replaceable(self.folder)
        with contextlib.ExitStack() as stack:
            self._work = stack.enter_context(hidden_folder(self._target))
            self._closing = stack.pop_all()
        return self

    def add_stream(self, info: StreamInfo) -> None:
        info.check(str(self.folder))
        if info.name in self._infos:
            raise DatasetError(f"{self.folder}: stream {info.name!r} is added twice")
        self._infos[info.name] = info
        self._parts[info.name] = self._work / f"{info.name}.raw"
        self._parts[info.name].touch()
        self._rows[info.name] = 0
        self._segments[info.name] = []

    def append(
        self,
        stream: str,
        *,
        recording: str,
        subject: str,
        samples: np.ndarray,
        labels: Sequence[tuple[str, int, int]],
        start_time_s: float = 0.0,
    ) -> None:
        """Append one gap-free run of samples.

        samples: (n, channels) in the stream's units and rate. labels: (label, start, stop) with rows counted from
        this run's first sample, sorted, not overlapping; rows between them become unlabelled segments, and so do those
        whose label is missing (`label_text` says how a label is written). A table is taken by the names of its columns.
        start_time_s: time of the first sample on the recording's clock.

        Raises ``DatasetError`` for what is none of these, and for samples that are missing.
        """
        if stream not in self._infos:
            raise DatasetError(f"{self.folder}: no stream {stream!r} was added; those are {list(self._infos)}")
        info = self._infos[stream]
        where = f"{self.folder.name}/{stream}, recording {recording!r}"
        recording, subject = name_text(recording, "recording", where), name_text(subject, "subject", where)
        if isinstance(start_time_s, bool) or not (isinstance(start_time_s, Real) and math.isfinite(start_time_s)):
            raise DatasetError(
                f"{where}: start_time_s is {start_time_s!r}; expected seconds on the clock of the recording, a number"
            )
        start_time_s = float(start_time_s)  # of what a column in single precision holds too, before anything is added
        try:
            samples = np.ascontiguousarray(as_array(samples, list(info.channels)), dtype="<f4")
        except ValueError as error:
            raise DatasetError(f"{where}: {error}") from error
        if samples.ndim != 2 or samples.shape[1] != len(info.channels):
            raise DatasetError(f"{where}: samples of shape {samples.shape}; expected (n, {len(info.channels)})")
        if not np.isfinite(samples).all():
            row = int(np.argwhere(~np.isfinite(samples))[0, 0])
            raise DatasetError(f"{where}: sample {row} is not finite; split the recording where samples are missing")
        base, position, rate = self._rows[stream], 0, info.sampling_rate_hz
        segments = []
        for row in [*_listed(labels, where), ("", len(samples), len(samples))]:
            label, start, stop = _labelled_rows(row, where)
            if not position <= start <= stop <= len(samples):
                raise DatasetError(
                    f"{where}: label {label!r} covers rows {start}:{stop}; expected whole numbers within "
                    f"{position}:{len(samples)}"
                )
            for text, first, last in (("", position, start), (label_text(label, where), start, stop)):
                if last > first:
                    time_s = round(start_time_s + first / rate, 6)
                    segments.append(Segment(recording, subject, text, base + first, base + last, time_s))
            position = stop
        path = self._parts[stream]
        with room_for(self.folder / f"{stream}.npy", temporary=path), path.open("ab") as part:
            part.write(samples.data)  # by Python, which says why if it cannot
        self._rows[stream] += len(samples)
        self._segments[stream] += segments

    def note(self, text: str) -> None:
        """Say in dataset.json what the converter left out or repaired."""
        self._notes.append(text)

    def __exit__(self, kind: type | None, *_: object) -> None:
        with self._closing:
            if kind is None:
                self._finish()

    def _finish(self) -> None:
        infos = {name: info for name, info in self._infos.items() if self._rows[name]}
        if not infos:
            raise DatasetError(f"{self.folder}: no stream received samples; was the right raw folder given?")
        absent = [name for name in self._infos if name not in infos]
        for name in absent:
            self._parts[name].unlink()
        if absent:
            self.note(f"streams left out because these raw files hold no samples of them: {', '.join(absent)}")
        checksums = {}
        for name, info in infos.items():
            array, table = self._work / f"{name}.npy", self._work / f"{name}.csv"
            checksums[array.name] = self._write_samples(info, array)
            with room_for(self.folder / table.name):
                write_segments(
                    table,
                    ((s.recording, s.subject, s.label, s.start, s.stop, s.start_time_s) for s in self._segments[name]),
                )
            checksums[table.name] = file_checksum(table)
        with room_for(self.folder / HEADER):
            write_header(self._work, self.folder.name, infos.values(), self._notes, checksums=checksums, **self._header)
        dataset = read_dataset(self._work, scan=False)
        for name, stream in dataset.streams.items():
            scan_samples(stream, self.folder / f"{name}.npy")
        dataset.streams.clear()
        _check_replaceable(self.folder)
        replace_folder(self._work, self._target)

    def _write_samples(self, info: StreamInfo, path: Path) -> str:
        """Turn the samples that were appended into an array, as ``numpy.save`` writes it; returns its checksum."""
        part = self._parts[info.name]
        shape = (self._rows[info.name], len(info.channels))
        room = room_for(self.folder / path.name, part.stat().st_size, path)
        with room, part.open("rb") as samples, path.open("wb") as file:
            array = CheckedFile(file)
            np.lib.format.write_array_header_1_0(array, {"descr": "<f4", "fortran_order": False, "shape": shape})
            shutil.copyfileobj(samples, array, _COPIED_AT_ONCE)
        part.unlink()
        return array.checksum


def _check_replaceable(folder: Path) -> None:
    """Refuse a place where something else than a dataset folder, whole or damaged, would be replaced."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise DatasetError(f"{folder} is a file; a dataset is a folder. Give another name, or move it away")
    foreign = [path.name for path in sorted(folder.iterdir()) if not _is_own(path)]
    if foreign:
        more = " ..." if len(foreign) > 3 else ""
        raise DatasetError(
            f"{folder} holds {', '.join(foreign[:3])}{more}, which would be lost: a dataset takes the place of the "
            "whole folder. Give another folder, or move it away"
        )


def _is_own(path: Path) -> bool:
    """Whether a file is part of a dataset folder, or one that an operating system puts anywhere."""
    if path.name.startswith(".") or not path.is_file():
        return path.name.startswith(".")
    if path.suffix == ".npy":  # anybody may have arrays
        return (path.parent / HEADER).is_file() or is_segments(path.with_suffix(".csv"))
    return path.name == HEADER or is_segments(path)


def prepared_datasets(data_root: Path) -> list[str]:
    """Names of the dataset folders under ``data_root``, sorted; an absent root holds none."""
    root = Path(data_root)
    return sorted(p.parent.name for p in root.glob("*/dataset.json") if not p.parent.name.startswith("."))


def read_dataset(folder: Path, *, scan: bool | None = None) -> Dataset:
    """Open a dataset folder; samples are memory-mapped.

    The structure (files, shapes, units) is checked every time, and that ``dataset.json`` and the segments are those
    that were written, where the folder has checksums. The samples (see `scan_samples`) are compared and read through
    when ``scan`` is True, never when it is False, and when None only if these files were not scanned before by these
    checks: a stamp beside the folder, ``.checked/<name>.json``, remembers sizes and times of the files and the source
    of the checks. Segments are remembered there too, and parsed where they are not, or ``scan`` is True.

    Raises ``DatasetError`` naming file, row and remedy.
    """
    folder = Path(folder)
    while True:
        opened = _identity(folder)
        try:
            dataset, checksums, parsed = _open_dataset(folder, recall=not scan)
        except DatasetError:
            if _identity(folder) == opened:
                raise
            continue
        if _identity(folder) == opened:  # or else another process has put a new one here, and this is a mixture
            break
    memory = dataset.memory
    remembered = memory.folder / f"{dataset.name}.json"
    stamp = json.dumps({"files": json.loads(memory.stamp), "checks": source_digest(har.recordings, har.signal)})
    if scan or (scan is None and not _holds(remembered, stamp)):
        for stream in dataset.streams.values():
            with checksums.comparing(f"{stream.info.name}.npy"):
                scan_samples(stream, folder / f"{stream.info.name}.npy")
    if scan is None:
        unwritable = memory.remember(_SEGMENTS, _segments_code(), parsed) if parsed else None
        if not _holds(remembered, stamp):
            try:
                write_whole(remembered, stamp.encode())
            except OSError as error:
                unwritable = error
        if unwritable is not None:
            warnings.warn(
                f"that {folder} has been read through could not be remembered ({unwritable}); it is read through again "
                "at the next start, unless the folder is made writable",
                stacklevel=2,
            )
    return dataset


def _identity(folder: Path) -> tuple[int, int] | None:
    """What tells a folder from another that takes its name."""
    try:
        status = folder.stat()
    except OSError:  # told by who opens it
        return None
    return status.st_dev, status.st_ino


def _segments_code() -> str:
    """What segments depend on beside the files."""
    return source_digest(har.recordings, har.labels)


def _open_dataset(folder: Path, recall: bool) -> tuple[Dataset, Checksums, dict[str, np.ndarray]]:
    """The dataset with its structure checked, what it says of its files, and its segments if they were parsed."""
    header, checksums = read_header(folder)
    name = folder.name if not folder.name.startswith(".") else header["name"]
    # Before anything is read: what a file held is never taken for what it holds after a change.
    memory = DatasetMemory.of(folder, name)
    dataset = Dataset(
        name=name,
        folder=folder,
        streams={},
        memory=memory,
        notes=list(map(str, header.get("notes") or [])),
        **{key: header[key] for key in ("title", "citation", "licence", "source_url")},
    )
    with checksums.comparing(HEADER):
        infos = [stream_info(entry, folder) for entry in header["streams"]]
    known, parsed = memory.recall(_SEGMENTS, _segments_code()) if recall else None, {}
    for info in infos:
        if info.name in dataset.streams:
            raise DatasetError(f"{folder / HEADER}: stream {info.name!r} is listed twice")
        samples = _open_samples(folder / f"{info.name}.npy", info)
        with checksums.comparing(f"{info.name}.csv"):
            if known is None:
                segments = read_segments(folder / f"{info.name}.csv", len(samples))
                parsed |= segments.to_arrays(f"{info.name}.")
            else:
                segments = Segments.from_arrays(known, f"{info.name}.")
        dataset.streams[info.name] = Stream(info, samples, segments)
    return dataset, checksums, parsed


def _holds(path: Path, text: str) -> bool:
    try:
        return path.read_bytes() == text.encode()
    except OSError:  # not there, not readable: found out anew
        return False


def _open_samples(path: Path, info: StreamInfo) -> np.ndarray:
    if not path.is_file():
        raise DatasetError(f"{path} is missing; convert the dataset again")
    try:
        samples = np.load(path, mmap_mode="r", allow_pickle=False)
    # A header that is cut off or altered makes Python's own parser fail, in ways that depend on where.
    except (ValueError, EOFError, SyntaxError, TokenError, TypeError, MemoryError, RecursionError) as error:
        raise DatasetError(f"{path}: not a readable .npy array ({error}); convert the dataset again") from error
    if samples.ndim != 2 or samples.shape[1] != len(info.channels) or samples.dtype != np.float32:
        raise DatasetError(
            f"{path}: {samples.dtype} of shape {samples.shape}; expected float32 of shape "
            f"(samples, {len(info.channels)}) for channels {list(info.channels)}"
        )
    return samples


def _listed(labels: object, where: str) -> list:
    """What is iterated over in an order that means something; ``DatasetError`` for anything else."""
    unordered = isinstance(labels, str | bytes | Mapping | Set) or hasattr(labels, "columns")
    if unordered or not isinstance(labels, Iterable):
        raise DatasetError(
            f"{where}: labels are {str(labels)[:60]!r} of type {type(labels).__name__}; expected a list, a column of a "
            "table, or another sequence"
        )
    return list(labels)


def _labelled_rows(row: object, where: str) -> tuple[object, int, int]:
    """(label, start, stop) of what says which rows have a label."""
    try:
        label, *rows = row
        start, stop = (int(at) for at in rows)
        if (start, stop) == tuple(rows) and not isinstance(row, str):
            return label, start, stop
    except (TypeError, ValueError, OverflowError):
        pass  # said below, in the same words for all
    raise DatasetError(
        f"{where}: labels hold {row!r}; expected (label, start, stop) with whole numbers of rows (`segments_of` makes "
        "that of one label a sample)"
    )


def segments_of(labels: Iterable[object]) -> list[tuple[str, int, int]]:
    """One label a sample -> runs of equal labels (label, start, stop), for ``DatasetWriter.append``.

    Labels are written as `label_text` does; where it is missing (None, NaN, blank) there is no run. Raises
    ``DatasetError`` for what is no label.
    """
    known: dict[str, str] = {}
    values = np.array([_known_text(known, label) for label in _listed(labels, "labels")], dtype=object)
    if not len(values):
        return []
    borders = [0, *(np.flatnonzero(values[1:] != values[:-1]) + 1).tolist(), len(values)]
    return [(values[a], a, b) for a, b in pairwise(borders) if values[a]]


def _known_text(known: dict[str, str], label: object) -> str:
    if not isinstance(label, str):
        return label_text(label, "labels")
    if label not in known:
        known[label] = label_text(label, "labels")
    return known[label]
