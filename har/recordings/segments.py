"""The segments of a stream as columns, and the CSV file that holds them.

A corpus of a year has millions of segments: as columns of numbers they take 36 bytes each, as objects several hundred.
"""

import codecs
import csv
import json
import math
import numbers
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path

import numpy as np

from har.labels.wording import clean_label, is_no_value

CSV_COLUMNS = ("recording", "subject", "label", "start", "stop", "start_time_s")
_ROWS_READ = 1 << 11  # of the file at a time; their strings are all that is held as objects, and stay in the cache


class DatasetError(ValueError):
    """A dataset folder, or what was to be written into one, breaks the format."""


def label_text(label: object, where: str) -> str:
    """A label as it is kept: one spelling (`har.labels.wording.clean_label`), "" where there is none.

    None, NaN, pandas' missing values, masked values, and what `is_no_value` knows are none. Raises ``DatasetError`` for
    what is no string, or holds no letter.
    """
    if label is None or label is np.ma.masked or type(label).__name__ in ("NAType", "NaTType"):
        return ""
    if isinstance(label, float | np.floating) and np.isnan(label):
        return ""
    if isinstance(label, str) and is_no_value(label):
        return ""
    try:
        return clean_label(label)
    except (TypeError, ValueError) as error:
        raise DatasetError(f"{where}: {error}") from error


def name_text(name: object, what: str, where: str) -> str:
    """The name of a recording or person as it is kept: a string without blanks around it, a whole number as its digits.

    Raises ``DatasetError`` where it is missing (also as a table writes that it is), or no name.
    """
    if isinstance(name, numbers.Real) and not isinstance(name, bool) and float(name).is_integer():
        return str(int(name))  # a column of whole numbers with a gap becomes one of floats in pandas
    if not isinstance(name, str) or is_no_value(name):
        raise DatasetError(
            f"{where}: {what} is {name!r}; splits by subject need recording and subject, each by a name of its own"
        )
    return str(name.strip())


@dataclass(frozen=True)
class Segment:
    """Rows ``start`` to ``stop`` (excluded) of a stream: one subject, one recording, one label ("" = unlabelled)."""

    recording: str
    subject: str
    label: str
    start: int
    stop: int
    start_time_s: float = 0.0


@dataclass(frozen=True)
class Names:
    """A column of strings, each kept once: ``values[code]`` for every ``code`` (n,) int32, values as first met."""

    values: list[str]
    code: np.ndarray

    @classmethod
    def of(cls, strings: Iterable[str]) -> "Names":
        number: defaultdict[str, int] = defaultdict(count().__next__)
        code = np.fromiter(map(number.__getitem__, strings), dtype=np.int32)
        return cls(list(number), code)

    def numbered(self, number: dict[str, int], prefix: str = "") -> np.ndarray:
        """(n,) int32: what ``number`` says of each string with ``prefix`` before it."""
        return np.array([number[prefix + value] for value in self.values], dtype=np.int32)[self.code]


class Segments(Sequence[Segment]):
    """The segments of one stream in the order of its file: a sequence of ``Segment``, kept as columns.

    Columns (n,): ``recording``, ``subject``, ``label`` are ``Names``; ``start`` and ``stop`` int64 rows of the samples;
    ``start_time_s`` float64. An element, a slice or a loop makes objects; code for large corpora takes the columns.
    """

    def __init__(
        self,
        recording: Names,
        subject: Names,
        label: Names,
        start: np.ndarray,
        stop: np.ndarray,
        start_time_s: np.ndarray,
    ) -> None:
        self.recording, self.subject, self.label = recording, subject, label
        self.start, self.stop, self.start_time_s = start, stop, start_time_s

    @classmethod
    def of(cls, segments: Iterable[Segment]) -> "Segments":
        rows = list(segments)
        names = (Names.of(getattr(s, column) for s in rows) for column in CSV_COLUMNS[:3])
        rows_of = (np.array([getattr(s, column) for s in rows], dtype=np.int64) for column in ("start", "stop"))
        return cls(*names, *rows_of, np.array([s.start_time_s for s in rows], dtype=np.float64))

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray], prefix: str = "") -> "Segments":
        """What ``to_arrays`` made arrays of."""
        values = json.loads(arrays[f"{prefix}names"].tobytes())
        names = (Names(*column) for column in zip(values, arrays[f"{prefix}codes"], strict=True))
        return cls(*names, *arrays[f"{prefix}rows"], arrays[f"{prefix}start_time_s"])

    def to_arrays(self, prefix: str = "") -> dict[str, np.ndarray]:
        """As arrays without objects, their names after ``prefix``."""
        columns = self.recording, self.subject, self.label
        return {
            f"{prefix}names": np.frombuffer(json.dumps([column.values for column in columns]).encode(), dtype=np.uint8),
            f"{prefix}codes": np.stack([column.code for column in columns]),
            f"{prefix}rows": np.stack([self.start, self.stop]),
            f"{prefix}start_time_s": self.start_time_s,
        }

    def __len__(self) -> int:
        return len(self.start)

    def __getitem__(self, which: int | slice) -> Segment | list[Segment]:
        if isinstance(which, slice):
            return [self[i] for i in range(*which.indices(len(self)))]
        names = (column.values[column.code[which]] for column in (self.recording, self.subject, self.label))
        return Segment(*names, int(self.start[which]), int(self.stop[which]), float(self.start_time_s[which]))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({list(self)!r})"


def write_segments(path: Path, rows: Iterable[Sequence]) -> None:
    """Write the CSV file of a stream; a row holds the values of ``CSV_COLUMNS``, a missing label as ""."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(CSV_COLUMNS)
        table.writerows(rows)


def is_segments(path: Path) -> bool:
    """Whether a file begins as the CSV file of a stream does."""
    begin = ",".join(CSV_COLUMNS).encode()
    if path.suffix != ".csv" or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(begin)) == begin


def read_segments(path: Path, length: int) -> Segments:
    """The segments of a stream of ``length`` samples; raises ``DatasetError`` naming file, row and remedy."""
    if not path.is_file():
        raise DatasetError(f"{path} is missing; convert the dataset again")
    number = [defaultdict(count().__next__) for _ in range(3)]
    blocks: list[tuple[np.ndarray, ...]] = []
    encoding = _encoding(path)
    try:
        with path.open(newline="", encoding=encoding) as file:
            reader = csv.reader(file)
            columns = tuple(next(reader, ()))
            if columns != CSV_COLUMNS:
                raise DatasetError(f"{path}, row 1: columns {list(columns)}; expected {list(CSV_COLUMNS)}")
            first, position = 2, 0  # number of the block's first row, end of the segment before it
            while rows := list(islice(reader, _ROWS_READ)):
                block = _block(rows, number)
                if block is None or not _in_order(block, number, position, length):
                    _refuse_first_defect(path, rows, first, position, length)
                blocks.append(block)
                first, position = first + len(rows), int(block[4][-1])
    except UnicodeDecodeError as error:
        raise DatasetError(_undecodable(path, encoding)) from error
    except csv.Error as error:
        raise DatasetError(f"{path}, after row {reader.line_num}: {error}; correct the row or convert again") from error
    if not blocks:
        raise DatasetError(f"{path}: no segments; convert the dataset again")
    *codes, start, stop, time_s = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    names = (Names(list(known), code) for known, code in zip(number, codes, strict=True))
    recording, subject, label = (_one_spelling(path, *pair) for pair in zip(CSV_COLUMNS[:3], names, strict=True))
    return Segments(recording, subject, label, start, stop, time_s)


def _encoding(path: Path) -> str:
    """That of the file's byte order mark, if it has one."""
    with path.open("rb") as file:
        start = file.read(2)
    return "utf-16" if start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"


def _undecodable(path: Path, encoding: str) -> str:
    """Which row cannot be decoded. A file of another encoding cannot be told from a damaged one, nor which it is."""
    if encoding == "utf-16":
        return f"{path}: begins as UTF-16, and is not; save it as CSV in UTF-8"
    content = path.read_bytes()
    for number, line in enumerate(content.split(b"\n"), start=1):
        try:
            line.decode("utf-8")
        except UnicodeDecodeError:
            shown = line.decode("latin-1").strip()
            return (
                f"{path}, row {number}: {shown!r} is not in UTF-8 (shown as if in latin-1, which is what spreadsheets "
                "may have saved); save the file as CSV in UTF-8"
            )
    raise AssertionError(f"{path} is in UTF-8")


def _one_spelling(path: Path, column: str, names: Names) -> Names:
    """Labels as `label_text` has them, others as `name_text` does; those that differed in spelling alone are one."""
    number: defaultdict[str, int] = defaultdict(count().__next__)

    def spelled(code: int, text: str, where: str = "") -> str:
        try:
            return label_text(text, where) if column == "label" else name_text(text, column, where)
        except DatasetError:
            if where:
                raise
            return spelled(code, text, f"{path}, row {_row_of(names, code)}")  # which is looked for only then

    new = [number[text if text in number else spelled(code, text)] for code, text in enumerate(names.values)]
    return Names(list(number), np.array(new, dtype=np.int32)[names.code])


def _row_of(label: Names, code: int) -> int:
    return int(np.argmax(label.code == code)) + 2


def _block(rows: list[list[str]], number: Sequence[dict[str, int]]) -> tuple[np.ndarray, ...] | None:
    """Rows of the file as columns, strings as numbers; None when some row is not six cells with numbers in the last."""
    try:
        *strings, start, stop, time_s = zip(*rows, strict=True)
        codes = [
            np.fromiter(map(known.__getitem__, column), dtype=np.int32)
            for known, column in zip(number, strings, strict=True)
        ]
        return (
            *codes,
            np.fromiter(map(int, start), dtype=np.int64),
            np.fromiter(map(int, stop), dtype=np.int64),
            np.fromiter(map(float, time_s), dtype=np.float64),
        )
    except (ValueError, OverflowError):
        return None


def _in_order(block: tuple[np.ndarray, ...], number: Sequence[dict[str, int]], position: int, length: int) -> bool:
    recording, subject, _, start, stop, time_s = block
    named = all(
        not (code == known[""]).any()
        for code, known in ((recording, number[0]), (subject, number[1]))
        if "" in known
    )  # fmt: skip
    follows = start[0] >= position and (start[1:] >= stop[:-1]).all() and np.isfinite(time_s).all()
    return bool(named and follows and (start >= 0).all() and (start < stop).all() and stop[-1] <= length)


def _refuse_first_defect(path: Path, rows: list[list[str]], first: int, position: int, length: int) -> None:
    """Raise for the first row that breaks the format. ``rows`` holds one; what precedes it is in order."""
    for number, row in enumerate(rows, start=first):
        try:
            recording, subject, label, start, stop, time_s = row
            segment = Segment(recording, subject, label, int(start), int(stop), float(time_s))
        except ValueError as error:
            raise DatasetError(f"{path}, row {number}: {row}; expected {', '.join(CSV_COLUMNS)} ({error})") from error
        if not subject or not recording:
            raise DatasetError(f"{path}, row {number}: no subject or recording; splits by subject need both")
        if not math.isfinite(segment.start_time_s):
            raise DatasetError(
                f"{path}, row {number}: start_time_s is {time_s}; expected seconds on the clock of the recording"
            )
        if not 0 <= segment.start < segment.stop <= length:
            raise DatasetError(
                f"{path}, row {number}: segment {segment.start}:{segment.stop} is empty or outside the array of "
                f"{length} rows; correct the row or convert again"
            )
        if segment.start < position:
            raise DatasetError(
                f"{path}, row {number}: segment {segment.start}:{segment.stop} overlaps or precedes the one "
                f"before, which ends at {position}; rows must be in order and share no sample"
            )
        position = segment.stop
    raise AssertionError(f"{path}: rows {first} to {first + len(rows) - 1} are in order")
