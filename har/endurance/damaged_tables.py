"""What happens to text files of numbers on their way: rows, cells, columns, encodings.

As in `har.endurance.damage`, a change takes the bytes of a file and a generator; it returns None where the file offers
no place for it. What nobody could notice is left out by construction: a digit that became another digit, a file that
ends with a whole row, columns that differ in nothing, a row that comes twice where nothing tells rows apart.
"""

import re
from collections.abc import Callable, Sequence

import numpy as np

from har.endurance.damage import emptied, noise, pick, zeros

TableChange = Callable[[bytes, np.random.Generator], tuple[bytes, str] | None]

_NUMBER = re.compile(rb"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_SEPARATORS = (b",", b";", b" ", b"\t")
# Columns that differ by less than this factor could be each other.
_UNLIKE = 1e4
_HUGE = (b"9" * 300, b"1e308", b"-1e400", b"99999999999999999999", b"9e30", b"18446744073709551616")
_NO_NUMBERS = (
    b"NaN",
    b"nan",
    b"null",
    b"inf",
    b"-inf",
    b"",
    b"-",
    b"N/A",
    b"1.5.2",
    b"--5",
    b"#REF!",
    b"0x1F",
    b"1 5",
    b"?",
)
_ENCODINGS = ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32")


def cut_off(content: bytes, rng: np.random.Generator) -> tuple[bytes, str] | None:
    """Within a row: some of it is left, and some is lost."""
    for _ in range(20):
        at = int(rng.integers(1, max(2, len(content))))
        left, lost = content[:at].rpartition(b"\n")[2], content[at:].partition(b"\n")[0]
        if re.search(rb"\w", left) and re.search(rb"\w", lost):
            return content[:at], f"{at} of {len(content)} bytes left"
    return None


def high_bits(content: bytes, rng: np.random.Generator) -> tuple[bytes, str] | None:
    """Bytes with their highest bit turned."""
    changed = bytearray(content)
    places = sorted(set(rng.integers(len(content), size=int(rng.integers(1, 5))).tolist()))
    for at in places:
        changed[at] ^= 0x80
    return bytes(changed), f"highest bit of byte {', '.join(map(str, places))} flipped"


def other_number(content: bytes, rng: np.random.Generator) -> tuple[bytes, str] | None:
    return _cell(content, rng, pick(_HUGE, rng))


def no_number(content: bytes, rng: np.random.Generator) -> tuple[bytes, str] | None:
    return _cell(content, rng, pick(_NO_NUMBERS, rng))


def _cell(content: bytes, rng: np.random.Generator, text: bytes) -> tuple[bytes, str] | None:
    lines, separator = content.split(b"\n"), _separator(content)
    row = _row(lines, rng)
    if row is None:
        return None
    cells = lines[row].split(separator)
    numbers = [i for i, cell in enumerate(cells) if _NUMBER.fullmatch(cell.strip(b" ;\r"))]
    if not numbers:
        return None
    column = int(pick(numbers, rng))
    cells[column] = _NUMBER.sub(lambda _: text, cells[column], count=1)
    lines[row] = separator.join(cells)
    return b"\n".join(lines), f"row {row + 1}, column {column + 1} is {text[:20].decode()!r}"


def more_digits(content: bytes, rng: np.random.Generator) -> tuple[bytes, str] | None:
    """Before a number that is neither below one nor negative: there they count."""
    places = [match.start() for match in re.finditer(rb"(?<![\w.+-])0*[1-9]", content)]
    if not places:
        return None
    at = int(pick(places[:1000], rng))
    return content[:at] + b"9" * 300 + content[at:], f"300 digits at byte {at}"


def joined(content: bytes, rng: np.random.Generator) -> tuple[bytes, str] | None:
    """Two rows in one line."""
    ends = [at for at, byte in enumerate(content[:-1]) if byte == 10]
    if not ends:
        return None
    at = int(pick(ends, rng))
    return content[:at] + content[at + 1 :], f"line end at byte {at} lost"


def row_twice(content: bytes, rng: np.random.Generator) -> tuple[bytes, str] | None:
    """Where a clock, or a number of the row, tells rows apart."""
    lines = content.split(b"\n")
    row = _row(lines, rng)
    separator = _separator(content)
    # Growing here and at the start of the file: not by chance, as a slow movement does, nor rounded by now.
    if row is None or not _clocks(lines, separator) & _clocks(lines[max(0, row - 20) : row + 20], separator):
        return None
    return b"\n".join([*lines[: row + 1], *lines[row:]]), f"row {row + 1} twice"


def quoted(content: bytes, rng: np.random.Generator) -> tuple[bytes, str] | None:
    at = int(rng.integers(len(content)))
    return content[:at] + b'"' + content[at:], f"a quotation mark at byte {at}"


def only_names(content: bytes, rng: np.random.Generator) -> tuple[bytes, str] | None:
    """Of a file whose first line names its columns, that line alone."""
    first = content.partition(b"\n")[0]
    names = first.split(_separator(content))
    if len(names) < 2 or _is_row(first):
        return None
    return first + b"\n", "only the first line left"


def columns_swapped(content: bytes, rng: np.random.Generator) -> tuple[bytes, str] | None:
    """In all rows but a line of names: two columns that cannot be taken for each other."""
    lines, separator = content.split(b"\n"), _separator(content)
    columns = _columns(lines, separator)
    kinds = [_kind(cells) for cells in columns]
    pairs = [
        (i, j)
        for i, first in enumerate(kinds)
        for j, second in enumerate(kinds[:i])
        if (first is None) != (second is None)
        or (first is not None and max(first, second) > _UNLIKE * (min(first, second) + 1))
    ]
    if not pairs:
        return None
    i, j = pick(pairs, rng)
    for number, line in enumerate(lines):
        cells = line.split(separator)
        if len(cells) == len(columns) and _is_row(line):
            cells[i], cells[j] = cells[j], cells[i]
            lines[number] = separator.join(cells)
    return b"\n".join(lines), f"columns {j + 1} and {i + 1} swapped"


def columns_reordered(content: bytes, rng: np.random.Generator) -> tuple[bytes, str] | None:
    """With their names: nothing is wrong with it."""
    lines, separator = content.split(b"\n"), _separator(content)
    names = lines[0].split(separator)
    if _is_row(lines[0]) or len(names) < 3 or separator == b" ":
        return None
    i, j = rng.choice(len(names), 2, replace=False).tolist()
    for number, line in enumerate(lines):
        cells = line.split(separator)
        if len(cells) == len(names):
            cells[i], cells[j] = cells[j], cells[i]
            lines[number] = separator.join(cells)
    return b"\n".join(lines), f"columns {i + 1} and {j + 1} swapped with their names"


def encoded(content: bytes, rng: np.random.Generator) -> tuple[bytes, str] | None:
    how = pick(_ENCODINGS, rng)
    mark = b"\xfe\xff" if how == "utf-16-be" else b""
    return mark + content.decode("utf-8", errors="replace").encode(how), f"saved as {how}"


def foreign_words(content: bytes, rng: np.random.Generator) -> tuple[bytes, str] | None:
    """A letter that latin-1 has beyond ASCII, in place of one of the file's own."""
    places = [match.start() for match in re.finditer(rb"[A-Za-df-z]", content)]
    if not places:
        return None
    at = int(pick(places[:1000], rng))
    return content[:at] + b"\xe9" + content[at + 1 :], f"a letter of latin-1 at byte {at}"


def line_ends(content: bytes, rng: np.random.Generator) -> tuple[bytes, str] | None:
    how = pick((b"\r\n", b"\r", b"\n\n", b" \n", b"\t\r\n"), rng)
    return content.replace(b"\r\n", b"\n").replace(b"\n", how), f"lines end with {how!r}"


CHANGES: tuple[TableChange, ...] = (
    cut_off, high_bits, high_bits, other_number, other_number, no_number, no_number, more_digits, joined, row_twice,
    quoted, only_names, columns_swapped, columns_reordered, encoded, foreign_words, line_ends, emptied, noise, zeros,
)  # fmt: skip


# --- what a file looks like -------------------------------------------------------------------------------------------


def _separator(content: bytes) -> bytes:
    return max(_SEPARATORS, key=content[:65536].count)


def _is_row(line: bytes) -> bool:
    """Whether most of what stands in it are numbers."""
    words = re.split(rb"[,;\s]+", line.strip(b" ;,\r\t"))
    return bool(words[0] or words[-1]) and sum(bool(_NUMBER.fullmatch(word)) for word in words) > len(words) / 2


def _row(lines: Sequence[bytes], rng: np.random.Generator) -> int | None:
    """One that holds numbers."""
    for _ in range(50):
        row = int(rng.integers(len(lines)))
        if _is_row(lines[row]):
            return row
    return None


def _columns(lines: Sequence[bytes], separator: bytes) -> list[list[bytes]]:
    """Cells of the first rows of the commonest length, by columns."""
    rows = [line.split(separator) for line in lines[:400] if _is_row(line)]
    if not rows:
        return []
    lengths = [len(row) for row in rows]
    common = max(set(lengths), key=lengths.count)
    return [list(cells) for cells in zip(*(row for row in rows if len(row) == common), strict=True)]


def _kind(cells: Sequence[bytes]) -> float | None:
    """The median magnitude of a column of numbers, None of another one."""
    texts = [cell.strip(b" ;\r") for cell in cells]
    numbers = [float(text) for text in texts if _NUMBER.fullmatch(text)]
    if not numbers or any(text.lower() != b"nan" for text in texts if not _NUMBER.fullmatch(text)):
        return None
    return float(np.median(np.abs(numbers)))


def _clocks(lines: Sequence[bytes], separator: bytes) -> set[int]:
    """The columns that grow from each row to the next."""
    found = set()
    for number, cells in enumerate(_columns(lines, separator)):
        texts = [cell.strip(b" ;\r") for cell in cells]
        if len(texts) > 3 and all(map(_NUMBER.fullmatch, texts)) and (np.diff(np.array(texts, float)) > 0).all():
            found.add(number)
    return found
