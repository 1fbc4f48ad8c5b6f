"""What the converters share: cards, runs, what is done about damage, labels, and the driver.

Raw files are seldom as they were published. A damaged row is left out, and so is a damaged file; a label that the table
of a dataset does not know leaves its samples unlabelled. Each is counted in the notes, with its place, and the
conversion goes on, up to the shares below. Beyond them it is refused with the list of what was found.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd

from har.recordings.convert.clocks import (
    FALL_AFTER_S,
    FALL_BEFORE_S,
    around_peak,
    lose_spikes,
    repeated_rows,
    resample_uniform,
    split_at_lost_rows,
    steady_clock,
)
from har.recordings.convert.raw_files import (
    DAMAGED,
    ROWS_PER_COMPARED_ROW,
    files_below,
    find_files,
    group_by,
    name_parts,
    plain_text,
    published_twice,
    raw_folder,
)
from har.recordings.convert.tables import WHITE_SPACE, Rule, read_rows, within
from har.recordings.format import DatasetError, DatasetWriter, StreamInfo
from har.recordings.scan import largest_readings
from har.signal.clocks import align_streams, rows_at

__all__ = (
    "ACC", "DAMAGED", "FALL_AFTER_S", "FALL_BEFORE_S", "GYRO", "MAG", "ROWS_PER_COMPARED_ROW", "WHITE_SPACE",
    "DatasetCard", "Notes", "Rule", "Run", "align_streams", "around_peak", "convert_dataset", "files_below",
    "find_files", "group_by", "lose_spikes", "name_parts", "phrase_of", "phrases_of", "plain_text", "published_twice",
    "raw_folder", "read_rows", "repeated_rows", "resample_uniform", "rows_at", "split_at_lost_rows", "steady_clock",
    "within",
)  # fmt: skip

ACC = ("acc_x", "acc_y", "acc_z")
GYRO = ("gyro_x", "gyro_y", "gyro_z")
MAG = ("mag_x", "mag_y", "mag_z")

# Of a dataset's rows and files. Loggers and copies lose a few rows in ten thousand and a file in a hundred; a dataset
# that is damaged in more places is another release, or was saved by a program that changed all of it.
LARGEST_DAMAGED_ROW_SHARE = 0.01
LARGEST_DAMAGED_FILE_SHARE = 0.05
# Of the rows of one file: beyond, it is another thing than it should be, and what looks right is so by chance.
LARGEST_DAMAGED_SHARE_OF_A_FILE = 0.1
# Of a dataset's files, and of its rows, that bear labels which its table does not know. A whole activity has more.
LARGEST_UNKNOWN_LABEL_SHARE = 0.05
# By which runs of a device may overlap: clocks that are fitted to stamps are not exact.
LONGEST_OVERLAP_S = 0.5
_LISTED = 20  # damages that are told with their places


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
    sorted; rows without a label, or with an empty phrase, stay unlabelled. start_time_s: time of row 0 on the
    recording's clock.
    """

    stream: str
    recording: str
    subject: str
    samples: np.ndarray
    labels: Sequence[tuple[str, int, int]]
    start_time_s: float = 0.0


class Notes:
    """Counts of what a converter repaired or left out, by sentence; they end in dataset.json and on the console.

    Damage and unknown labels are counted apart: `check` refuses a dataset that has too much of them.
    """

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._rows = 0
        # kind -> [how many, the first places]
        self._found: dict[str, list] = {kind: [0, []] for kind in _KINDS}

    def add(self, sentence: str, count: int = 1) -> None:
        if count:
            self._counts[sentence] += int(count)

    def rows(self, path: Path, rows: int, damaged: Sequence[tuple[int, str]]) -> None:
        """A file of so many rows was read; damaged: (line, what is wrong with it) of each row that is left out.

        Raises ``DatasetError`` when they are too many for one file.
        """
        if len(damaged) > LARGEST_DAMAGED_SHARE_OF_A_FILE * rows:
            line, reason = damaged[0]
            raise DatasetError(f"{path}, row {line}: {reason} ({len(damaged)} of {rows} rows are damaged)")
        self._rows += rows
        self._find("damaged rows", [f"{path}, row {line}: {reason}" for line, reason in damaged])

    def damaged_rows(self, place: str, count: int) -> None:
        """Rows that were read and turned out to be damaged; place: file and what is wrong."""
        self._find("damaged rows", [place] if count else [], int(count))

    def damaged_file(self, reason: str) -> None:
        """A file (or the files of one recording) that cannot be read; reason: names it."""
        self._find("damaged files", [reason])

    def unknown_label(self, place: str, rows: int | None = None) -> None:
        """A label that the table does not know, of a whole file or of so many rows; place: names file and label."""
        self._find("files of unknown label" if rows is None else "rows of unknown label", [place], rows or 1)

    def _find(self, kind: str, places: Sequence[str], count: int | None = None) -> None:
        found = self._found[kind]
        found[0] += len(places) if count is None else count
        found[1] += places[: _LISTED - len(found[1])]

    def take(self, other: "Notes") -> None:
        """Count what another one counted."""
        self._counts += other._counts
        self._rows += other._rows
        for kind, (count, places) in other._found.items():
            self._find(kind, places, count)

    def check(self, raw: Path, files: int) -> None:
        """Raise ``DatasetError`` that lists the damage of a dataset of so many files, if there is too much of it."""
        for kind, (share, of, remedy) in _KINDS.items():
            count, places = self._found[kind]
            whole = files if of == "files" else self._rows
            if count > share * whole:
                more = f"\n  and {count - len(places)} more" if count > len(places) and kind != _ROWS_OF_LABEL else ""
                raise DatasetError(
                    f"{raw}: {count} {kind} among {whole} {of}; at most {share:.0%} are left out. {remedy}\n  "
                    + "\n  ".join(places)
                    + more
                )

    def lines(self, root: Path | None = None) -> list[str]:
        """Sentences with their counts, then damage with its places; root: is taken off the paths."""
        lines = [f"{sentence}: {count}" for sentence, count in sorted(self._counts.items())]
        for kind, (count, places) in self._found.items():
            if count:
                lines.append(f"{kind}, left {'unlabelled' if 'label' in kind else 'out'}: {count}")
                lines += places
        return [line.replace(f"{root}/", "") for line in lines] if root else lines


_ROWS_OF_LABEL = "rows of unknown label"
_KINDS = {  # share that is allowed, of what, what to do beyond
    "damaged files": (
        LARGEST_DAMAGED_FILE_SHARE, "files", "Fetch the dataset again, or correct or remove these files:",
    ),
    "damaged rows": (LARGEST_DAMAGED_ROW_SHARE, "rows", "Fetch the dataset again, or correct or remove these rows:"),
    "files of unknown label": (
        LARGEST_UNKNOWN_LABEL_SHARE, "files", "Complete the table PHRASES of the converter, or remove these files:",
    ),
    _ROWS_OF_LABEL: (LARGEST_UNKNOWN_LABEL_SHARE, "rows", "Complete the table PHRASES of the converter:"),
}  # fmt: skip


# --- labels -----------------------------------------------------------------------------------------------------------


def phrase_of(phrases: Mapping, code: object, where: Path | str, notes: Notes | None = None) -> str:
    """Look the label of a file up. An unknown one is "" and told to ``notes``, without notes a ``DatasetError``; either
    names the place and the known ones.
    """
    if code not in phrases:
        place = f"{where}: {_unknown(phrases, code)}"
        if notes is None:
            raise DatasetError(place)
        notes.unknown_label(place)
        return ""
    return phrases[code]


def _unknown(phrases: Mapping, code: object) -> str:
    shown = f"{code:g}" if isinstance(code, float) else repr(code)
    return f"unknown label {shown}; known are {sorted(map(str, phrases))}"


def phrases_of(
    phrases: Mapping, codes: np.ndarray | pd.Series, path: Path, first_row: int = 1, notes: Notes | None = None
) -> np.ndarray:
    """Look the label of every row up, (rows,) -> (rows,) object; the index of a Series numbers the rows in the file.

    An unknown one is "" and told to ``notes``, without notes a ``DatasetError``; either names file and row.
    """
    number = codes.index if isinstance(codes, pd.Series) else np.arange(len(codes))
    known, first, inverse, count = np.unique(
        np.asarray(codes), return_index=True, return_inverse=True, return_counts=True
    )
    found = []
    for code, row, rows in zip(known.tolist(), number[first].tolist(), count.tolist(), strict=True):
        if code not in phrases and notes is not None:
            notes.unknown_label(f"{path}, row {first_row + row}: {_unknown(phrases, code)} ({rows} rows)", rows)
            found.append("")
        else:
            found.append(phrase_of(phrases, code, f"{path}, row {first_row + row}"))
    return np.array(found, dtype=object)[inverse]


# --- driver -----------------------------------------------------------------------------------------------------------


def convert_dataset(
    module: ModuleType, raw: Path, folder: Path, progress: Callable[[Sequence], Iterable] = iter
) -> list[str]:
    """Run one converter: raw folder or archive -> dataset folder, whole or not at all. Returns the notes.

    progress: wraps the list of sources, e.g. a progress bar. Raises ``DatasetError``, also when more is damaged than
    this module's shares.
    """
    card, notes = module.CARD, Notes()
    with raw_folder(raw) as files:
        sources = module.sources(files)
        with DatasetWriter(
            folder, title=card.title, citation=card.citation, licence=card.licence, source_url=card.source_url
        ) as writer:
            infos = {info.name: info for info in module.STREAMS}
            seen: dict[tuple[str, ...], Path] = {}
            for info in infos.values():
                writer.add_stream(info)
            for source in progress(sources):
                own = Notes()
                try:
                    # All of a file or nothing: what is wrong with it may turn up at its end.
                    runs = list(module.read(source, own))
                    for run in runs:
                        _check_run(run, infos[run.stream])
                        _check_recording(run, _first_path(source), seen)
                    _check_clocks(runs, {name: info.sampling_rate_hz for name, info in infos.items()})
                except DatasetError as error:
                    notes.damaged_file(_named(source, error))
                    continue
                notes.take(own)
                for run in runs:
                    seen[_identity(run, _first_path(source))] = _first_path(source)
                    writer.append(
                        run.stream,
                        recording=run.recording,
                        subject=run.subject,
                        samples=run.samples,
                        labels=run.labels,
                        start_time_s=run.start_time_s,
                    )
            notes.check(Path(raw), len(sources))
            lines = notes.lines(files)
            for line in lines:
                writer.note(line)
    return lines


def _named(source: object, error: DatasetError) -> str:
    """What went wrong with a source, with the name of its (first) file."""
    parts = source if isinstance(source, list | tuple) else [source]
    return str(error) if any(str(part) in str(error) for part in parts) else f"{_first_path(source)}: {error}"


def _first_path(source: object) -> Path:
    while isinstance(source, list | tuple):
        source = source[0]
    return Path(source)


def _check_recording(run: Run, path: Path, seen: Mapping[tuple[str, ...], Path]) -> None:
    """Refuse what was read before: files that were copied into the raw folder once more, to another place."""
    other = seen.get(_identity(run, path))
    if other is not None:
        raise DatasetError(
            f"{path}: recording {run.recording} of {run.subject} is in {other} as well: remove one of them"
        )


def _identity(run: Run, path: Path) -> tuple[str, ...]:
    """Parts of one recording may lie in several files, of which none bears the name of another."""
    return run.stream, run.recording, run.subject, path.name


def _check_clocks(runs: Sequence[Run], rates_hz: Mapping[str, float]) -> None:
    """Refuse runs of one source that one device can only have recorded at the same time."""
    ends: dict[tuple[str, ...], float] = {}
    for run in sorted(runs, key=lambda run: run.start_time_s):
        device = (run.stream, run.recording, run.subject)
        if run.start_time_s < ends.get(device, -np.inf) - LONGEST_OVERLAP_S:
            raise DatasetError(
                f"recording {run.recording} of {run.subject} has samples of {run.stream} at {run.start_time_s:g} s "
                "twice: is a file there twice? Remove one"
            )
        ends[device] = run.start_time_s + len(run.samples) / rates_hz[run.stream]


def _check_run(run: Run, info: StreamInfo) -> None:
    """Refuse samples that the stream's device cannot have reported."""
    for axes, largest, unit in largest_readings(info):
        reach = np.abs(np.asarray(run.samples)[:, axes]).max(axis=1, initial=0.0)
        if not (reach <= largest).all():
            row = int(np.argmin(reach <= largest))
            raise DatasetError(
                f"{run.recording} of {run.subject}, sample {row} of {run.stream}: {reach[row]:.4g} {unit}; expected at "
                f"most {largest:g}: correct or remove the file"
            )
