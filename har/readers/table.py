"""Text files with columns: encoding, separator, decimal sign, lines above the header, and their rows in chunks."""

import codecs
import csv
import io
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from har.readers.counts import Counts
from har.readers.recording import ReaderError
from har.readers.source import Source

ROWS_A_CHUNK = 1 << 18

_SEPARATORS = (",", ";", "\t", "|")
_MOST_HEAD_LINES = 200  # above the numbers: GENEActiv writes 100
_LEAST_ROWS = 3
_ROWS_SEEN = 200  # that tell the layout
_LARGEST = 1e30  # of a number that was measured; stamps in ns are of 19 digits
_MISSING = ("", "nan", "na", "n/a", "null", "none", "-", "--", "inf", "-inf", "#n/a", "nat", "undefined", "missing")
_NUMBER = re.compile(r"^[+-]?(\d+([.]\d*)?|[.]\d+)([eE][+-]?\d+)?$")
_COMMA_NUMBER = re.compile(r"^[+-]?\d*,\d+([eE][+-]?\d+)?$")
_STAMP = re.compile(r"^\d{1,4}[-./:]\d{1,2}[-./:]\d{1,4}\b.*|^\d{1,3}:\d{2}([.:,]\d+)?$")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")


@dataclass(frozen=True)
class Table:
    """A text file whose layout is known. names: of the columns, those of a file without a header are empty.

    units: of a line below the header, else empty. preamble: lines above the header. skip: lines before the numbers.
    example: of the first rows, as text.
    """

    source: Source
    name: str
    encoding: str
    separator: str
    decimal: str
    names: tuple[str, ...]
    units: tuple[str, ...]
    preamble: tuple[str, ...]
    skip: int
    example: tuple[tuple[str, ...], ...]

    @property
    def where(self) -> str:
        return self.source.where(self.name)

    @property
    def width(self) -> int:
        return len(self.example[0])

    def label(self, column: int) -> str:
        """How a column is called in messages."""
        return self.names[column] if self.names and self.names[column] else f"column {column + 1}"

    def is_number(self, column: int) -> bool:
        """Whether the first rows of a column hold numbers, or nothing."""
        return all(_is_number(row[column], self.decimal) or _is_missing(row[column]) for row in self.example)

    def is_text(self, column: int) -> bool:
        return not self.is_number(column)

    def chunks(self, columns: Sequence[int], text: Sequence[int], damage: Counts) -> Iterator[pd.DataFrame]:
        """Rows in order, by column number; ``text`` columns as strings. What cannot be read is NaN and counted.

        Raises ``ReaderError`` where the text stops being a table.
        """
        wanted = sorted({*columns, *text})
        # The rest of a line beyond the header's columns is read and left aside; rows may lack their last cells.
        with self.source.open(self.name) as stream, warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", pd.errors.ParserWarning)
            try:
                reader = pd.read_csv(
                    _Decoded(stream, self.encoding), sep=self.separator if self.separator != " " else r"\s+",
                    decimal=self.decimal, header=None, names=range(self.width), usecols=wanted, skiprows=self.skip,
                    skip_blank_lines=True, chunksize=ROWS_A_CHUNK, on_bad_lines="warn", index_col=False,
                    skipinitialspace=True, low_memory=False, dtype={column: str for column in text},
                    na_values=[*_MISSING, *(word.upper() for word in _MISSING), "NaN", "None", "Null", "Inf", "-Inf"],
                )  # fmt: skip
                for chunk in reader:
                    yield self._numbers(chunk, [c for c in columns if c not in text], damage)
            except pd.errors.EmptyDataError as error:
                raise ReaderError(f"{self.where} has no row below its header; expected samples") from error
            except (pd.errors.ParserError, UnicodeError, csv.Error, OverflowError, ValueError) as error:
                if isinstance(error, ReaderError):
                    raise
                reason = str(error).splitlines()[0] if str(error) else type(error).__name__
                raise ReaderError(
                    f"{self.where} is damaged: {reason}. Expected {self.width} columns a row; export or copy it again"
                ) from error
        skipped = sum(str(warning.message).count("Skipping line") for warning in caught)
        if skipped:
            damage.add(f"rows of {self.name} with too many columns left out", skipped)

    def _numbers(self, chunk: pd.DataFrame, columns: Sequence[int], damage: Counts) -> pd.DataFrame:
        for column in columns:
            values = chunk[column]
            if values.dtype.kind in "iu" or (values.dtype.kind == "f" and not (values.abs() > _LARGEST).any()):
                continue
            if values.dtype.kind == "b":
                values = values.astype(np.float64)
            elif values.dtype.kind != "f":
                values = values.astype("string").str.strip()
                if self.decimal == ",":
                    values = values.str.replace(",", ".", regex=False)
            numbers = pd.to_numeric(values, errors="coerce").astype(np.float64)
            numbers = numbers.where(numbers.abs() <= _LARGEST)
            unread = int((numbers.isna() & chunk[column].notna()).sum())
            damage.add(f"cells of {self.name} that are no number, treated as lost", unread)
            chunk[column] = numbers
        return chunk


class _Decoded(io.TextIOBase):
    """Text of a stream of bytes, in which single characters that are damaged do not end everything."""

    def __init__(self, stream: io.IOBase, encoding: str) -> None:
        self._text = io.TextIOWrapper(_Readable(stream), encoding=encoding, errors="replace", newline=None)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> str:
        # NUL would end a field for the parser, and with it the row.
        return self._text.read(size).replace("\x00", "")

    def __iter__(self) -> Iterator[str]:
        return iter(self._text)


class _Readable(io.RawIOBase):
    """A stream that stays open when its text wrapper goes."""

    def __init__(self, stream: io.IOBase) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def sniff(source: Source, name: str) -> Table:
    """Raises ``ReaderError`` for a file that is no table of numbers, saying what it is instead."""
    where = source.where(name)
    if source.size(name) == 0:
        raise ReaderError(f"{where} is empty (0 bytes); expected samples. Export or copy it again")
    if foreign := source.foreign(name):
        raise ReaderError(f"{where} is {foreign}")
    head = source.head(name)
    encoding = _encoding(head)
    text = head.decode(encoding, errors="replace")
    if len(_CONTROL.findall(text)) > 0.01 * len(text) + 2:
        raise ReaderError(f"{where} is no text and no format that is known; expected CSV, or one of docs/readers.md")
    lines = re.split(r"\r\n|\r|\n", text)  # as the parser does, which counts them
    if len(head) < source.size(name) and len(lines) > 1:
        lines = lines[:-1]  # it was cut by the reading
    lines = lines[: _MOST_HEAD_LINES + _ROWS_SEEN]
    layouts = [_layout(lines, separator, decimal) for separator in (*_SEPARATORS, " ") for decimal in ".,"]
    found = [layout for layout in layouts if layout is not None]
    if not found:
        raise ReaderError(f"{where} {_no_table(lines)}")
    separator, decimal, start, rows = max(found, key=lambda layout: layout.score)[:4]
    width = len(rows[0])
    header, units, above = _header(lines[:start], separator, width)
    return Table(source, name, encoding, separator, decimal, header, units, tuple(above), start, tuple(rows))


def _no_table(lines: list[str]) -> str:
    written = [line for line in lines if line.strip()]
    if not written:
        return "holds nothing but blanks; expected samples"
    if len(written) <= _LEAST_ROWS:
        return (
            f"holds {len(written)} line{'s' * (len(written) > 1)} of text ({written[0][:60]!r}) and no table; expected "
            "a header and rows of numbers. Was the export stopped?"
        )
    return (
        f"holds no table of numbers (it begins with {written[0][:60]!r}); expected a row a sample with at least two "
        "columns of numbers. Export the raw samples as CSV"
    )


def _encoding(head: bytes) -> str:
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    even, odd = head[0:2000:2].count(0), head[1:2000:2].count(0)
    if odd > 0.3 * min(len(head), 2000) / 2:
        return "utf-16-le"
    if even > 0.3 * min(len(head), 2000) / 2:
        return "utf-16-be"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"


class _Layout(tuple):
    """(separator, decimal, line of the first row, some rows), and how much speaks for it."""

    score: tuple[float, ...]


def split(line: str, separator: str) -> list[str]:
    if separator == " ":
        return line.split()
    try:
        cells = next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])
    except csv.Error:  # a field of 128 KiB: no row of numbers
        return [line]
    return [cell.strip() for cell in cells]


def _is_missing(cell: str) -> bool:
    return cell.strip().lower() in _MISSING


def _is_number(cell: str, decimal: str) -> bool:
    cell = cell.strip()
    if decimal == ",":
        return bool(_COMMA_NUMBER.match(cell)) or ("." not in cell and bool(_NUMBER.match(cell)))
    return bool(_NUMBER.match(cell))


def _layout(lines: list[str], separator: str, decimal: str) -> _Layout | None:
    """The longest beginning of rows that this separator and decimal sign make of the lines."""
    rows: list[list[str]] = []
    at: list[int] = []
    for number, line in enumerate(lines):
        if line.strip():
            rows.append(split(line, separator))
            at.append(number)
    if not rows:
        return None
    numeric = [sum(_is_number(cell, decimal) for cell in row) for row in rows]
    filled = [n + sum(_is_missing(cell) for cell in row) for n, row in zip(numeric, rows, strict=True)]
    for first in range(min(len(rows), _MOST_HEAD_LINES)):
        width = len(rows[first])
        body = rows[first : first + _ROWS_SEEN]
        if width < 2 or numeric[first] < 1 or not _looks_like_rows(rows, numeric, filled, first, width):
            continue
        same = [row for row in body if len(row) == width]
        commas = sum(bool(_COMMA_NUMBER.match(cell)) for row in same[:50] for cell in row)
        if decimal == "," and not commas:
            return None  # nothing speaks for the comma
        share = np.mean([sum(_is_number(c, decimal) for c in row) / width for row in same])
        layout = _Layout((separator, decimal, at[first], [tuple(row) for row in same]))
        # Consistent rows, then numeric ones; a blank as a separator only where nothing else does.
        layout.score = (round(len(same) / len(body) * share, 2), separator != " ", width)
        return layout
    return None


def _looks_like_rows(rows: list, numeric: list[int], filled: list[int], first: int, width: int) -> bool:
    """Whether rows from here on are alike: their width, and mostly numbers beside stamps and labels."""
    last = min(len(rows), first + _LEAST_ROWS + 2)
    if last - first < _LEAST_ROWS:
        return False
    good = 0
    for k in range(first, last):
        stamps = sum(bool(_STAMP.match(cell)) for cell in rows[k][:3])
        good += len(rows[k]) == width and numeric[k] >= 1 and filled[k] + stamps >= min(width, 2)
    stamps = sum(bool(_STAMP.match(cell)) for cell in rows[first][:3])
    return good >= last - first - 1 and filled[first] + stamps >= max(2, 0.3 * width)


def _header(above: list[str], separator: str, width: int) -> tuple[tuple[str, ...], tuple[str, ...], list[str]]:
    """Names and units from the lines above the numbers, and the lines that are neither."""
    written = [line for line in above if line.strip()]
    taken: list[tuple[str, ...]] = []
    while written and len(taken) < 4:
        cells = split(written[-1], separator)
        while len(cells) > width and not cells[-1]:
            cells.pop()
        if len(cells) == width - 1 or (len(cells) == width - 2 and width > 4):
            cells += [""] * (width - len(cells))  # a separator at the end of the rows only
        if len(cells) != width or sum(bool(cell) for cell in cells) < 2 or any(len(cell) > 80 for cell in cells):
            break
        taken.insert(0, tuple(cells))
        written.pop()
    if not taken:
        return (), (), written
    units: tuple[str, ...] = ()
    if len(taken) > 1 and _are_units(taken[-1]):
        units = taken.pop()
    names = tuple(
        " ".join(dict.fromkeys(part for part in parts if part and part.upper() not in ("CAL", "RAW")))
        for parts in zip(*taken[-3:], strict=True)
    )
    return names, units, written


_UNIT_CELL = re.compile(r"^[\(\[]?(no.?units|n/a|ms|s|us|µs|ns|[munµ]?[gtv]|deg(rees)?(/s(ec)?)?|dps|°/s|rad/s(ec)?|m/\(?s(ec)?\^?[2²]\)?|m/s\*\*2|m/s²|local[_ ]?flux|u?tesla|gauss|[mk]?hz|kpa|degrees celsius|°c|%|yyyy.*|unix.*)?[\)\]]?\*?$", re.IGNORECASE)  # fmt: skip  # noqa: E501


def _are_units(cells: Sequence[str]) -> bool:
    return all(_UNIT_CELL.match(cell.strip()) for cell in cells)
