"""What the converters share: cards, runs, raw archives, number files, labels, clocks, and the driver."""

import gzip
import lzma
import re
import tarfile
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from types import ModuleType
from typing import TypeVar

import numpy as np
import pandas as pd

from har.recordings.format import DatasetError, DatasetWriter

ACC = ("acc_x", "acc_y", "acc_z")
GYRO = ("gyro_x", "gyro_y", "gyro_z")
MAG = ("mag_x", "mag_y", "mag_z")
WHITE_SPACE = r"\s+"

# The labelled part of a fall trial: this much around the impact.
FALL_BEFORE_S = FALL_AFTER_S = 2.5

# ``published_twice`` compares one row in four; which one depends on its bytes alone, so copies are found at any offset.
ROWS_PER_COMPARED_ROW = 4

Item = TypeVar("Item")

# What unpacking a cut off or altered archive raises.
DAMAGED = (tarfile.TarError, zipfile.BadZipFile, EOFError, lzma.LZMAError, zlib.error, gzip.BadGzipFile)


@dataclass(frozen=True)
class DatasetCard:
    """What a user wants to know before converting.

    people and activities are those that its files label. verified: "original files" or "published layout". note: a
    warning that belongs beside the dataset's name.
    """

    title: str
    citation: str
    licence: str
    source_url: str
    people: int
    placements: tuple[str, ...]
    rate: str
    activities: int
    verified: str
    note: str = ""


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


def name_parts(path: Path, pattern: str, example: str) -> tuple[str, ...]:
    """The groups of the regular expression ``pattern``, which the end of ``path`` must match, folders included.

    Raises ``DatasetError`` that shows the example.
    """
    match = re.search(f"(?:^|/){pattern}$", path.as_posix())
    if not match:
        raise DatasetError(f"{path}: expected a name like {example}; is this a published file?")
    return match.groups()


def published_twice(
    paths: Sequence[Path], label_of: Callable[[Path], object], samples_of: Callable[[bytes], bytes] = bytes.strip
) -> set[Path]:
    """Files to leave out because their samples are published a second time, under another label or subject.

    Two files are copies when at least half of the rows of the shorter one occur in the other. Of copies with equal
    labels the first stays; with different labels nobody can say which one is right, and both are left out.
    samples_of: a line of the file -> its part that holds the samples.
    """
    seen: dict[bytes, list[int]] = {}
    counts, shared = [], Counter()
    for number, path in enumerate(paths):
        rows = {samples_of(line) for line in path.read_bytes().splitlines()}
        rows = {row for row in rows if zlib.crc32(row) % ROWS_PER_COMPARED_ROW == 0}
        counts.append(len(rows))
        for row in rows:
            others = seen.setdefault(row, [])
            shared.update((other, number) for other in others)
            others.append(number)
    left_out = set()
    for (first, second), count in shared.items():
        if 2 * count >= min(counts[first], counts[second]):
            left_out.add(paths[second])
            if label_of(paths[first]) != label_of(paths[second]):
                left_out.add(paths[first])
    return left_out


# --- rows and labels --------------------------------------------------------------------------------------------------


def read_rows(
    path: Path,
    columns: Sequence[str],
    *,
    separator: str = ",",
    header: bool = False,
    text: Sequence[str] = (),
    times: Sequence[str] = (),
    missing: Mapping[str, str] | None = None,
    skiprows: int = 0,
    comment: str | None = None,
) -> pd.DataFrame:
    """Read a text file with the columns ``columns``: finite float64 numbers in every row.

    separator: one character, or ``WHITE_SPACE``. header: the first row holds the names, which may stand in any order
    and among others; otherwise there must be as many columns as names (but rows may end with a separator).
    text, times: columns of words (stripped) and of dates with the time of day (datetime64). missing: column -> the text
    which says there that a number is missing, read as NaN. skiprows: lines to skip at the start. comment: this
    character and what follows it in a line are skipped.

    Raises ``DatasetError`` that names the file, and the row of anything else, also of a row that is too short.
    """
    keys = dict(zip(columns, columns if header else range(len(columns)), strict=True))
    frame = _parse(
        path,
        columns,
        sep=separator,
        header=0 if header else None,
        skiprows=skiprows,
        comment=comment,
        dtype={keys[name]: str for name in (*text, *times)},
        na_values={keys[name]: [cell] for name, cell in (missing or {}).items()},
    )
    result = {}
    for name, key in keys.items():
        cells = frame[key]
        if name in text:
            result[name] = cells.str.strip()
            bad, kind = result[name] == "", "a text"
        elif name in times:
            result[name] = pd.to_datetime(cells, format="ISO8601", errors="coerce")
            bad, kind = result[name].isna(), "a date and time like 2016-04-13 10:31:57.494"
        else:
            result[name] = pd.to_numeric(cells, errors="coerce").astype(np.float64)
            bad, kind = ~np.isfinite(result[name]), "a number"
            if name in (missing or {}):
                bad &= cells.notna()
        if bad.any():
            row = int(np.argmax(bad))
            line = _line_number(path, row + header, skiprows, comment)
            raise DatasetError(
                f"{path}, row {line}: {name} is {str(cells.iloc[row])!r}; expected {kind}: fetch the file again or "
                "remove the row"
            )
    return pd.DataFrame(result)


def _parse(path: Path, columns: Sequence[str], *, header: int | None, **options: object) -> pd.DataFrame:
    """All columns of a file as pandas reads them, after a look at their number or names."""
    expected = ", ".join(columns) if len(columns) < 20 else f"{len(columns)} columns"
    try:
        # An empty cell is no NaN: a short row makes its last column text, so that it can be told from missing numbers.
        frame = pd.read_csv(
            path, header=header, skipinitialspace=True, low_memory=False, keep_default_na=False, **options
        )
    except FileNotFoundError as error:
        raise DatasetError(f"{path} is missing; fetch the dataset again") from error
    except ValueError as error:
        raise DatasetError(f"{path}: expected rows of {expected} ({error}); fetch the file again") from error
    if header is None:
        if frame.shape[1] == len(columns) + 1 and (frame.iloc[:, -1] == "").all():
            frame = frame.iloc[:, :-1]
        if frame.shape[1] != len(columns):
            raise DatasetError(f"{path}: {frame.shape[1]} columns; expected {expected}; is this a published file?")
    else:
        absent = [name for name in columns if name not in frame.columns]
        if absent:
            raise DatasetError(f"{path}, row 1: no column {absent} in {list(frame.columns)}; is this a published file?")
        if not isinstance(frame.index, pd.RangeIndex):
            raise DatasetError(f"{path}: rows are longer than row 1, which names the columns; fetch the file again")
    if frame.empty:
        raise DatasetError(f"{path}: no samples; fetch the file again or remove it")
    return frame


def _line_number(path: Path, row: int, skiprows: int, comment: str | None) -> int:
    """Line (from 1) of the row (from 0) of a file; lines that are blank or all comment are none."""
    with path.open(encoding="utf-8", errors="replace") as file:
        lines = islice(enumerate(file, start=1), skiprows, None)
        filled = (number for number, line in lines if (line.split(comment)[0] if comment else line).strip())
        return next(islice(filled, row, None))


def phrase_of(phrases: Mapping, code: object, where: Path | str) -> str:
    """Look a published label up; an unknown one is an error that names the place and the known ones."""
    if code not in phrases:
        shown = f"{code:g}" if isinstance(code, float) else repr(code)
        raise DatasetError(f"{where}: unknown label {shown}; known are {sorted(map(str, phrases))}")
    return phrases[code]


def phrases_of(phrases: Mapping, codes: np.ndarray, path: Path, first_row: int = 1) -> np.ndarray:
    """Look the label of every row up, (rows,) -> (rows,) object; an unknown one is an error that names file and row."""
    known, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
    found = [
        phrase_of(phrases, code, f"{path}, row {first_row + row}")
        for code, row in zip(known.tolist(), first.tolist(), strict=True)
    ]
    return np.array(found, dtype=object)[inverse]


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


def rows_at(time_s: np.ndarray, start_s: float, count: int, rate_hz: float) -> np.ndarray:
    """For each row of a run of ``resample_uniform``, the row of increasing ``time_s`` whose label it takes, (count,).

    It is the first one that comes at most half a period of ``rate_hz`` before.
    """
    grid = start_s + np.arange(count) / rate_hz
    return np.minimum(np.searchsorted(time_s, grid - 0.5 / rate_hz), len(time_s) - 1)


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


def around_peak(
    acceleration_g: np.ndarray, rate_hz: float, before_s: float = FALL_BEFORE_S, after_s: float = FALL_AFTER_S
) -> tuple[int, int]:
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
