"""What the converters share: cards, runs, raw archives, number files, clocks, units, and the driver."""

import gzip
import lzma
import tarfile
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import TypeVar

import numpy as np
import pandas as pd

from har.recordings.format import DatasetError, DatasetWriter

ACC = ("acc_x", "acc_y", "acc_z")
GYRO = ("gyro_x", "gyro_y", "gyro_z")
MAG = ("mag_x", "mag_y", "mag_z")

Item = TypeVar("Item")

# What unpacking a cut off or altered archive raises.
DAMAGED = (tarfile.TarError, zipfile.BadZipFile, EOFError, lzma.LZMAError, zlib.error, gzip.BadGzipFile)


@dataclass(frozen=True)
class DatasetCard:
    """What a user wants to know before converting. ``verified`` is "original files" or "published layout"."""

    title: str
    citation: str
    licence: str
    source_url: str
    people: int
    placements: tuple[str, ...]
    rate: str
    activities: int
    verified: str


@dataclass
class Run:
    """A gap-free run of samples of one stream.

    samples: (n, channels) at the stream's rate, in g, rad/s, uT. labels: (phrase, start, stop) in rows of this run,
    sorted; rows without a label stay unlabelled. start_time_s: time of row 0 on the recording's clock.
    """

    stream: str
    recording: str
    subject: str
    samples: np.ndarray
    labels: Sequence[tuple[str, int, int]]
    start_time_s: float = 0.0


class Notes:
    """Counts of what a converter repaired or left out, by sentence; they end in dataset.json and on the console."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def add(self, sentence: str, count: int = 1) -> None:
        if count:
            self._counts[sentence] += int(count)

    def lines(self) -> list[str]:
        return [f"{sentence}: {count}" for sentence, count in sorted(self._counts.items())]


# --- raw folders and archives -----------------------------------------------------------------------------------------


@contextmanager
def raw_folder(raw: Path) -> Iterator[Path]:
    """A folder with the raw files: ``raw`` itself, or a temporary one into which the archive ``raw`` is unpacked.

    tar (any compression) and zip are unpacked, also a zip inside a zip, as the UCI repository wraps them; members that
    would leave the folder are refused. Raises ``DatasetError`` when ``raw`` is neither a folder nor a readable archive.
    """
    raw = Path(raw)
    if raw.is_dir():
        yield raw
        return
    if not raw.exists():
        raise DatasetError(f"{raw} does not exist; give the folder or the archive with the raw files")
    with tempfile.TemporaryDirectory(prefix="har-raw-") as folder:
        try:
            if zipfile.is_zipfile(raw):
                _unzip(raw, Path(folder))
                for inner in sorted(Path(folder).rglob("*.zip")):
                    _unzip(inner, inner.with_suffix(""))
            elif tarfile.is_tarfile(raw):
                with tarfile.open(raw) as archive:
                    archive.extractall(folder, filter="data")
            else:
                raise DatasetError(f"{raw} is neither a folder nor a tar or zip archive")
        except DAMAGED as error:
            raise DatasetError(f"{raw}: the archive is damaged ({error}); fetch it again") from error
        yield Path(folder)


def _unzip(path: Path, folder: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)


def find_files(raw: Path, pattern: str) -> list[Path]:
    """Files below ``raw`` (at any depth) that match the glob ``pattern``, in a fixed order.

    Raises ``DatasetError`` that says what was looked for when there is none.
    """
    files = sorted((p for p in Path(raw).rglob(pattern) if p.is_file()), key=lambda p: p.relative_to(raw).parts)
    if not files:
        raise DatasetError(f"{raw}: no file matches {pattern!r}; is this the raw folder of this dataset?")
    return files


def group_by(items: Iterable[Item], key: Callable[[Item], object]) -> list[list[Item]]:
    """Items with equal keys together, in the order in which the keys first appear."""
    groups: dict[object, list[Item]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return list(groups.values())


def read_table(
    path: Path, *, separator: str = ",", columns: Sequence[int] | None = None, **options: object
) -> np.ndarray:
    """Numbers of a text file without header (or with ``skiprows=``) -> float64 (rows, columns).

    Raises ``DatasetError`` naming the file when it is empty, ragged or holds anything but numbers.
    """
    try:
        table = pd.read_csv(path, sep=separator, header=None, usecols=columns, **options)
        return table.to_numpy(dtype=np.float64)
    except (ValueError, pd.errors.EmptyDataError) as error:
        raise DatasetError(f"{path}: expected rows of numbers separated by {separator!r} ({error})") from error


def phrase_of(phrases: dict, code: object, path: Path) -> str:
    """Look a published label up; an unknown one is an error that names file and table."""
    if code not in phrases:
        raise DatasetError(f"{path}: unknown label {code!r}; the table PHRASES knows {sorted(map(str, phrases))}")
    return phrases[code]


# --- clocks and repairs -----------------------------------------------------------------------------------------------


def resample_uniform(
    time_s: np.ndarray, samples: np.ndarray, rate_hz: float, max_gap_s: float, notes: Notes | None = None
) -> list[tuple[float, np.ndarray]]:
    """Jittered time stamps -> gap-free runs on a uniform grid: [(time of the first row, (n, C) float32), ...].

    Linear interpolation to a rate close to the device's own. Rows with NaN are treated as lost; where two
    neighbours are more than ``max_gap_s`` apart the run is split, so nothing is invented across a gap. Rows are sorted
    by time, of rows with the same stamp the first one stays.
    """
    time_s, samples = np.asarray(time_s, dtype=np.float64), np.asarray(samples, dtype=np.float64)
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
    runs = []
    borders = [0, *(np.flatnonzero(np.diff(time_s) > max_gap_s) + 1).tolist(), len(time_s)]
    if notes:
        notes.add(f"gaps longer than {max_gap_s:g} s at which a recording is split", len(borders) - 2)
    for first, last in pairwise(borders):
        if last - first < 2:
            continue
        t, x = time_s[first:last], samples[first:last]
        # A hair of slack keeps the last sample when the span is a whole number of periods up to rounding.
        grid = t[0] + np.arange(int((t[-1] - t[0]) * rate_hz + 1e-6) + 1) / rate_hz
        runs.append(
            (float(t[0]), np.stack([np.interp(grid, t, x[:, c]) for c in range(x.shape[1])], 1).astype(np.float32))
        )
    return runs


def align_streams(parts: Sequence[list[tuple[float, np.ndarray]]], rate_hz: float) -> list[tuple[float, np.ndarray]]:
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
    return result


def lose_spikes(acceleration_g: np.ndarray, range_g: float, notes: Notes) -> np.ndarray:
    """A copy in which samples beyond what the device can report are NaN (lost), counted in ``notes``."""
    result = np.array(acceleration_g, dtype=np.float64)
    spikes = (np.abs(result) > range_g).any(axis=1)
    result[spikes] = np.nan
    notes.add(f"accelerometer samples beyond the device's range of {range_g:g} g treated as lost", int(spikes.sum()))
    return result


def around_peak(acceleration_g: np.ndarray, rate_hz: float, before_s: float, after_s: float) -> tuple[int, int]:
    """Rows from ``before_s`` before to ``after_s`` after the largest acceleration magnitude, within the array.

    Fall trials hold seconds of standing and lying around an impact of half a second; only this part is a fall
    (the peak of the magnitude marks the impact: Kangas et al., Gait & Posture 2008).
    """
    peak = int(np.argmax(np.linalg.norm(acceleration_g[:, :3], axis=1)))
    return max(0, peak - round(before_s * rate_hz)), min(len(acceleration_g), peak + round(after_s * rate_hz))


# --- driver -----------------------------------------------------------------------------------------------------------


def convert_dataset(
    module: ModuleType, raw: Path, folder: Path, progress: Callable[[Sequence], Iterable] = iter
) -> list[str]:
    """Run one converter: raw folder or archive -> dataset folder, whole or not at all. Returns the notes.

    progress: wraps the list of sources, e.g. a progress bar. Raises ``DatasetError``.
    """
    card, notes = module.CARD, Notes()
    with raw_folder(raw) as files:
        sources = module.sources(files)
        with DatasetWriter(
            folder, title=card.title, citation=card.citation, licence=card.licence, source_url=card.source_url
        ) as writer:
            for info in module.STREAMS:
                writer.add_stream(info)
            for source in progress(sources):
                for run in module.read(source, notes):
                    writer.append(
                        run.stream,
                        recording=run.recording,
                        subject=run.subject,
                        samples=run.samples,
                        labels=run.labels,
                        start_time_s=run.start_time_s,
                    )
            for line in notes.lines():
                writer.note(line)
    return notes.lines()
