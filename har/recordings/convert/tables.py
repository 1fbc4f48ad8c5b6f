"""Tables of numbers in text files: every row is read right, or is damaged and named."""

import csv
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from har.recordings.convert.raw_files import plain_text
from har.recordings.segments import DatasetError

if TYPE_CHECKING:
    from har.recordings.convert.common import Notes

WHITE_SPACE = r"\s+"
_TIME = r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d*)?)?)?"
_SHOWN = 60  # characters of a damaged row
_NO_UTF8 = " (it holds bytes that are no UTF-8: save the file in that encoding)"
_REPLACED = "\N{REPLACEMENT CHARACTER}"


class Rule(NamedTuple):
    """What right rows of a file have in common beside being numbers.

    expected: in words. holds: the rows of a file -> (rows,) bool.
    """

    expected: str
    holds: Callable[[pd.DataFrame], np.ndarray]


def within(columns: Sequence[str], largest: float, smallest: float | None = None) -> Rule:
    """All of these columns are between ``smallest`` (left out: minus the largest) and ``largest``, both included."""
    names, low = list(columns), -largest if smallest is None else smallest
    return Rule(
        f"{', '.join(names)} of {low:g} to {largest:g}",
        lambda table: ((table[names] >= low) & (table[names] <= largest)).all(axis=1).to_numpy(),
    )


@dataclass(frozen=True)
class _Form:
    """What the rows of a file look like; see ``read_rows``."""

    columns: Sequence[str]
    separator: str
    header: bool
    text: Sequence[str]
    times: Sequence[str]
    missing: Mapping[str, str]
    comment: str | None
    record_end: str | None
    rules: Sequence[Rule]

    @property
    def keys(self) -> dict[str, str | int]:
        return dict(zip(self.columns, self.columns if self.header else range(len(self.columns)), strict=True))

    @property
    def expected(self) -> str:
        return ", ".join(self.columns) if len(self.columns) < 20 else f"{len(self.columns)} columns"


class _Rows(NamedTuple):
    """Rows of a file one by one: the line (from 1) that each is in, and its text."""

    lines: list[int]
    texts: list[str]


def read_rows(
    path: Path,
    columns: Sequence[str],
    *,
    separator: str | Sequence[str] = ",",
    header: bool = False,
    text: Sequence[str] = (),
    times: Sequence[str] = (),
    missing: Mapping[str, str] | None = None,
    skiprows: int = 0,
    comment: str | None = None,
    record_end: str | None = None,
    rules: Sequence[Rule] = (),
    notes: "Notes | None" = None,
) -> pd.DataFrame:
    """Read a text file with the columns ``columns``: finite float64 numbers in every row.

    separator: one character, ``WHITE_SPACE``, or several characters of which the file has one. header: the first row
    holds the names, which may stand in any order and among others; otherwise there must be as many columns as names
    (but rows may end with empty cells). text, times: columns of words (stripped) and of dates with the time of day
    (datetime64). missing: column -> the text which says there that a number is missing, read as NaN. skiprows: lines to
    skip at the start. comment: this character and what follows it in a line are skipped. record_end: a character that
    ends a row, of which a line may hold several. rules: what right rows fulfil.

    The index of the result is the number of a row in the file (from 0), ``attrs["rows"]`` how many there are. With
    ``notes`` damaged rows are left out and counted there, which may refuse the file; so is a last row without a line
    end, which may have been cut off within a number. Without ``notes`` the first damaged row is refused.

    Raises ``DatasetError`` that names the file, and the row of anything else, also of a row that is too short.
    """
    content = plain_text(path)
    for _ in range(skiprows):
        content = content.partition(b"\n")[2]
    if not isinstance(separator, str):
        separator = _separator(content, separator, len(columns), comment)
    form = _Form(columns, separator, header, text, times, missing or {}, comment, record_end, rules)
    cut_off = notes is not None and _is_cut_off(content, record_end)
    frame = None if cut_off or _needs_care(content, form) else _read_at_once(content, form)
    if frame is not None:
        frame.attrs["rows"] = len(frame)
        if notes:
            notes.rows(path, len(frame), [])
        return frame
    return _read_carefully(path, content, form, skiprows, cut_off, notes)


def _separator(content: bytes, candidates: Sequence[str], cells: int, comment: str | None) -> str:
    """The candidate that stands often enough in the first lines, the first one where none does."""
    lines = content[:65536].decode("utf-8", errors="replace").split("\n")
    filled = [line for line in lines if line.strip() and not (comment and line.lstrip(' "').startswith(comment))]
    counts = [sum(line.count(candidate) >= cells - 1 for line in filled) for candidate in candidates]
    return candidates[int(np.argmax(counts))]


def _is_cut_off(content: bytes, record_end: str | None) -> bool:
    """Whether the file ends within a line."""
    end = content.rstrip(b" \t")
    return bool(end) and not end.endswith((b"\n", record_end.encode() if record_end else b"\n"))


def _needs_care(content: bytes, form: _Form) -> bool:
    """Whether rows must be told apart by more than line ends."""
    several = form.record_end and re.search(rb"%s[ \t]*[^\s]" % re.escape(form.record_end.encode()), content)
    return bool(several) or b"\0" in content or b'"' in content


def _read_at_once(content: bytes, form: _Form) -> pd.DataFrame | None:
    """All rows, None when one of them is damaged."""
    try:
        frame = _parse(content, form)
        if frame.empty or (form.header and not isinstance(frame.index, pd.RangeIndex)):
            return None
        if not form.header and frame.shape[1] == len(form.columns) + 1 and (frame.iloc[:, -1] == "").all():
            frame = frame.iloc[:, :-1]
        if any((frame.columns == key).sum() != 1 for key in form.keys.values()):
            return None
        if not form.header and frame.shape[1] != len(form.columns):
            return None
    except ValueError:  # told apart row by row
        return None
    values, bad = _values(frame, form)
    return None if bad.any() else values


def _parse(content: bytes, form: _Form, **options: object) -> pd.DataFrame:
    """All columns of a file as pandas reads them. Raises ``ValueError``."""
    keys = form.keys
    # An empty cell is no NaN: a short row makes its last column text, so that it can be told from missing numbers.
    frame = pd.read_csv(
        BytesIO(content),
        sep=form.separator,
        comment=form.comment or form.record_end,
        dtype={keys[name]: str for name in (*form.text, *form.times)},
        na_values={keys[name]: [cell] for name, cell in form.missing.items()},
        skipinitialspace=True,
        low_memory=False,
        keep_default_na=False,
        encoding_errors="replace",
        header=0 if form.header else None,
        **options,
    )
    if form.header:  # a column that the file gives no name has none here either
        frame.columns = ["" if str(name).startswith("Unnamed: ") else name for name in frame.columns]
    return frame


def _values(frame: pd.DataFrame, form: _Form) -> tuple[pd.DataFrame, np.ndarray]:
    """The columns as numbers, words and times, and which rows break what is expected (rows,)."""
    result, bad = {}, np.zeros(len(frame), dtype=bool)
    for name, key in form.keys.items():
        result[name], wrong, _ = _column(frame[key], name, form)
        bad |= wrong
    values = pd.DataFrame(result)
    for rule in form.rules:
        bad |= ~np.asarray(rule.holds(values), dtype=bool)
    return values, bad


def _column(cells: pd.Series, name: str, form: _Form) -> tuple[pd.Series, np.ndarray, str]:
    """(values, which of them are wrong (rows,), what is expected) of one column."""
    if name in form.text:
        values = cells.astype(str).str.strip()
        return values, (values == "").to_numpy(), "a text"
    if name in form.times:
        # Times with and without a zone do not go together; none of the files has zones.
        plain = cells.astype(str).str.fullmatch(_TIME)
        values = pd.to_datetime(cells.where(plain), format="ISO8601", errors="coerce")
        return values, values.isna().to_numpy(), "a date and time like 2016-04-13 10:31:57.494"
    try:
        values = pd.to_numeric(cells, errors="coerce").astype(np.float64)
    except OverflowError:  # whole numbers of hundreds of digits
        values = pd.to_numeric(cells.map(lambda cell: float("inf") if len(str(cell)) > 300 else cell), errors="coerce")
        values = values.astype(np.float64)
    wrong = ~np.isfinite(values.to_numpy())
    if name in form.missing:
        wrong &= cells.notna().to_numpy()
    return values, wrong, "a number"


# --- row by row -------------------------------------------------------------------------------------------------------


def _read_carefully(
    path: Path, content: bytes, form: _Form, skiprows: int, cut_off: bool, notes: "Notes | None"
) -> pd.DataFrame:
    lines = content.decode("utf-8", errors="replace").split("\n")
    rows = _told_apart(lines, form, skiprows)
    names = _heading(path, rows, form) if form.header else []
    if not rows.texts:
        what = "no samples" if names else f"expected rows of {form.expected}, found none"
        raise DatasetError(f"{path}: {what}; fetch the file again or remove it")
    texts, found = _trimmed(path, rows.texts, len(names) or len(form.columns), form)
    cut_off = cut_off and rows.lines[-1] == skiprows + len(lines)
    if cut_off:
        found[len(texts) - 1] = "the file ends within the row"
    number = np.array([i for i in range(len(texts)) if i not in found], dtype=np.int64)
    values = pd.DataFrame()
    while len(number):  # the second time without damaged rows, so that columns are parsed as those of a whole file
        values, wrong = _checked(names, [texts[i] for i in number], form)
        if not wrong:
            break
        found |= {int(number[i]): reason for i, reason in wrong.items()}
        number = np.delete(number, list(wrong))
    if not notes and found:
        first = min(found)
        raise DatasetError(f"{path}, row {rows.lines[first]}: {found[first]}: fetch the file again or remove the row")
    if notes:
        reasons = {i: f"{reason}{_NO_UTF8 if _REPLACED in texts[i] else ''}" for i, reason in found.items()}
        damaged = [(rows.lines[i], reasons[i]) for i in sorted(found) if not (cut_off and i == len(texts) - 1)]
        notes.rows(path, len(texts), damaged)
        notes.add("last rows of files that end within a line, which may be cut off, left out", cut_off)
        shared = len(rows.lines) - len(set(rows.lines))
        notes.add("rows that stand in one line with others, read one by one", shared)
    if not len(number):
        raise DatasetError(f"{path}: no samples; fetch the file again or remove it")
    values.index = number
    values.attrs["rows"] = len(texts)
    return values


def _told_apart(lines: list[str], form: _Form, skiprows: int) -> _Rows:
    """The rows of a file; lines that are blank or all comment are none."""
    found = _Rows([], [])
    for number, line in enumerate(lines, start=skiprows + 1):
        if form.comment and form.comment in line:
            line = line.split(form.comment)[0].rstrip('"')
        for part in line.split(form.record_end) if form.record_end else (line,):
            if part.strip():
                found.lines.append(number)
                found.texts.append(part)
    return found


def _heading(path: Path, rows: _Rows, form: _Form) -> list[str]:
    """The names of the columns, taken off the rows."""
    if not rows.texts:
        raise DatasetError(f"{path}: expected rows of {form.expected}, found none; fetch the file again or remove it")
    line, names = rows.lines.pop(0), _cells(rows.texts.pop(0), form)
    if absent := [name for name in form.columns if names.count(name) != 1]:
        shown = [name[:_SHOWN] for name in names[:_SHOWN]]
        raise DatasetError(f"{path}, row {line}: no column {absent} in {shown}; is this a published file?")
    return names


def _cells(text: str, form: _Form) -> list[str]:
    if form.separator == WHITE_SPACE:
        return text.split()
    if '"' in text and text.count('"') % 2 == 0:
        cells = next(csv.reader([text], delimiter=form.separator, skipinitialspace=True))
    else:
        cells = text.split(form.separator)
    return [cell.strip() for cell in cells]


def _trimmed(path: Path, texts: list[str], width: int, form: _Form) -> tuple[list[str], dict[int, str]]:
    """Rows without quotation marks and without the empty cells beyond ``width``, and row -> why it is damaged."""
    joint = " " if form.separator == WHITE_SPACE else form.separator
    result, found, counts = [], {}, Counter()
    for number, text in enumerate(texts):
        cells = _cells(text, form)
        while len(cells) > width and not cells[-1]:
            cells.pop()
        counts[len(cells)] += 1
        if len(cells) > width:
            found[number] = f"{text.strip()[:_SHOWN]!r} has {len(cells)} columns; expected {width}"
        elif any(joint in cell or '"' in cell or "\0" in cell for cell in cells):
            found[number] = f"{text.strip()[:_SHOWN]!r}; expected {width} plain numbers or words"
        result.append(joint.join(cells))
    typical = counts.most_common(1)[0][0]
    if typical > width and form.header:
        raise DatasetError(f"{path}: rows are longer than row 1, which names the columns; fetch the file again")
    if typical != width and not form.header:
        raise DatasetError(f"{path}: {typical} columns; expected {form.expected}; is this a published file?")
    return result, found


def _checked(names: list[str], texts: list[str], form: _Form) -> tuple[pd.DataFrame, dict[int, str]]:
    """Values of rows that are no longer than they may be, and row -> what is wrong with it."""
    joint = " " if form.separator == WHITE_SPACE else form.separator
    columns = {} if names else {"names": list(range(len(form.columns)))}
    content = "\n".join([*([joint.join(names)] if names else []), *texts]).encode()
    frame = _parse(content, form, index_col=False, quoting=csv.QUOTE_NONE, **columns)
    values, _ = _values(frame, form)
    wrong: dict[int, str] = {}
    for name, key in form.keys.items():
        _, mask, kind = _column(frame[key], name, form)
        for row in np.flatnonzero(mask).tolist():
            wrong.setdefault(row, f"{name} is {str(frame[key].iloc[row])[:_SHOWN]!r}; expected {kind}")
    for rule in form.rules:
        for row in np.flatnonzero(~np.asarray(rule.holds(values), dtype=bool)).tolist():
            wrong.setdefault(row, f"{texts[row][:_SHOWN]!r}; expected {rule.expected}")
    return values, wrong
