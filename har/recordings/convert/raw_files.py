"""Raw files as they are found: folders and archives, names, and text in whatever encoding it was saved."""

import codecs
import filecmp
import functools
import gzip
import lzma
import re
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import TypeVar

from har.recordings.segments import DatasetError

# ``published_twice`` compares one row in four; which one depends on its bytes alone, so copies are found at any offset.
ROWS_PER_COMPARED_ROW = 4
LEAST_COMPARED_ROWS = 4
_DIGIT = re.compile(rb"\d")

Item = TypeVar("Item")

# What unpacking a cut off or altered archive raises; RuntimeError is an encrypted one.
DAMAGED = (
    tarfile.TarError,
    zipfile.BadZipFile,
    EOFError,
    lzma.LZMAError,
    zlib.error,
    gzip.BadGzipFile,
    RuntimeError,
)

# What systems add to the name of a file, without its ending, when they copy it into its own folder.
_COPY = re.compile(r"^Copy of | ?\(\d+\)$| - Copy( \(\d+\))?$| copy( \d+)?$", re.IGNORECASE)

# What file systems and browsers of files put beside the files of others; everything whose name begins with a dot too.
_LITTER = ("__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini")

_BYTE_ORDER_MARKS = (  # the marks of UTF-32 begin with those of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_PIECE_BYTES = 1 << 20
_LOOKED_AT = 4096  # bytes that tell UTF-16 without a mark


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
                for inner in files_below(Path(folder), "*.zip"):
                    _unzip(inner, inner.with_suffix(""))
            elif tarfile.is_tarfile(raw):
                with tarfile.open(raw) as archive:
                    archive.extractall(folder, filter="data")
                    # What follows the last member holds the checksum of a compressed archive.
                    while archive.fileobj.read(_PIECE_BYTES):
                        pass
            else:
                raise DatasetError(f"{raw} is neither a folder nor a tar or zip archive")
        except DAMAGED as error:
            raise DatasetError(f"{raw}: the archive is damaged ({error}); fetch it again") from error
        yield Path(folder)


def _unzip(path: Path, folder: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)


def archived_files(archive: Path) -> list[Path]:
    """The files of a zip archive, also those of archives in it, as paths below its own; ``plain_text`` reads them.

    Litter is passed over. Raises ``DatasetError`` for an archive that is damaged, and for names that lead out of it.
    """
    with _opened(archive, archive) as content:
        return sorted(path for path, _ in _members(archive, content))


def _archived(path: Path) -> bytes:
    """The content of a path below a zip archive."""
    archive = next(parent for parent in path.parents if parent.is_file())
    with _opened(archive, archive) as content:
        for member, read in _members(archive, content):
            if member == path:
                return read()
    raise DatasetError(f"{path} is missing; fetch {archive} again")


def _members(at: Path, archive: zipfile.ZipFile) -> Iterator[tuple[Path, Callable[[], bytes]]]:
    for name in archive.namelist():
        inside = PurePosixPath(name)
        if inside.is_absolute() or ".." in inside.parts:
            raise DatasetError(f"{at}: the archive holds {name!r}, which leads out of it; fetch it again")
        if name.endswith("/") or is_litter(Path(inside)):
            continue
        if inside.suffix.lower() == ".zip":
            with _opened(BytesIO(archive.read(name)), at / inside) as inner:
                yield from _members(at / inside, inner)
        else:
            yield at / inside, functools.partial(archive.read, name)


@contextmanager
def _opened(file: Path | BytesIO, path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(file) as archive:
            yield archive
    except DatasetError:
        raise
    except (*DAMAGED, ValueError, OSError, struct.error) as error:  # also what names and places of a member can be
        raise DatasetError(f"{path}: the archive is damaged ({error}); fetch it again") from error


def is_litter(path: Path) -> bool:
    """Whether a path below a raw folder was put there by an operating system: ``._a.txt``, ``__MACOSX/``, ..."""
    return any(part.startswith(".") or part.lower() in _LITTER for part in path.parts)


def files_below(raw: Path, pattern: str) -> list[Path]:
    """Files below ``raw`` (at any depth) that match the glob ``pattern``, in a fixed order.

    Litter is passed over, and what is a copy by its name ("1 (2).csv") and by its content of a file beside it. Raises
    ``DatasetError`` for a copy with another content than its original, and for a folder of such a name.
    """
    found = ((path.relative_to(raw), path) for path in Path(raw).rglob(pattern))
    paths = [path for below, path in sorted((pair for pair in found if not is_litter(pair[0])), key=_parts)]
    for path in paths:
        if path.is_dir() and Path(pattern).suffix:
            raise DatasetError(f"{path} is a folder; expected a file of that name: fetch the dataset again")
    return [path for path in paths if path.is_file() and not _is_copy(path)]


def _is_copy(path: Path) -> bool:
    original = path.with_name(_COPY.sub("", path.stem) + path.suffix)
    if original == path or not original.is_file():
        return False
    if not filecmp.cmp(path, original, shallow=False):
        raise DatasetError(
            f"{path} is a copy of {original} by its name, and differs from it: nobody can say which one is right; "
            "remove one of them"
        )
    return True


def _parts(pair: tuple[Path, Path]) -> tuple[str, ...]:
    return pair[0].parts


def find_files(raw: Path, pattern: str) -> list[Path]:
    """``files_below``; raises ``DatasetError`` that says what was looked for when there is none."""
    files = files_below(raw, pattern)
    if not files:
        raise DatasetError(f"{raw}: no file matches {pattern!r}; is this the raw folder of this dataset?")
    return files


def plain_text(path: Path) -> bytes:
    r"""A text file as UTF-8 without byte order mark and with the line ends "\n", however it was saved.

    UTF-16 and UTF-32 are known by their marks, UTF-16 also by the zeros of its digits. All other bytes stay as they
    are: the names and numbers that are read are ASCII, which every other encoding shares. A path below a zip archive
    (see ``archived_files``) is read out of it. Raises ``DatasetError`` for a file that is missing or a folder.
    """
    try:
        content = path.read_bytes()
    except NotADirectoryError:
        content = _archived(path)
    except FileNotFoundError as error:
        raise DatasetError(f"{path} is missing; fetch the dataset again") from error
    except IsADirectoryError as error:
        raise DatasetError(f"{path} is a folder; expected a file of that name: fetch the dataset again") from error
    encoding = next((name for mark, name in _BYTE_ORDER_MARKS if content.startswith(mark)), None)
    start = content[:_LOOKED_AT]
    if encoding is None and b"\0" in start and len(start) > 3:
        for zeros, name in ((start[1::2], "utf-16-le"), (start[::2], "utf-16-be")):
            encoding = name if not any(zeros) else encoding
    if encoding:
        content = content.decode(encoding, errors="replace").encode()
    content = content.removeprefix(codecs.BOM_UTF8)
    return content.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in content else content


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
    paths: Sequence[Path],
    label_of: Callable[[Path], object],
    samples_of: Callable[[bytes], bytes] = bytes.strip,
    text_of: Callable[[Path], bytes] = plain_text,
) -> set[Path]:
    """Files to leave out because their samples are published a second time, under another label or subject.

    Two files are copies when at least half of the rows of the shorter one occur in the other (of a cut off file, whose
    heading perhaps is left, nobody can tell). Of copies with equal labels the first stays; with different labels nobody
    can say which one is right, and both are left out.
    samples_of: a line of the file -> its part that holds the samples. text_of: a file -> its lines that are compared.
    """
    seen: dict[bytes, list[int]] = {}
    counts, shared = [], Counter()
    for number, path in enumerate(paths):
        rows = {samples_of(line) for line in text_of(path).splitlines()}
        rows = {row for row in rows if zlib.crc32(row) % ROWS_PER_COMPARED_ROW == 0 and _DIGIT.search(row)}
        counts.append(len(rows))
        for row in rows:
            others = seen.setdefault(row, [])
            shared.update((other, number) for other in others)
            others.append(number)
    left_out = set()
    for (first, second), count in shared.items():
        if 2 * count >= min(counts[first], counts[second]) >= LEAST_COMPARED_ROWS:
            left_out.add(paths[second])
            if label_of(paths[first]) != label_of(paths[second]):
                left_out.add(paths[first])
    return left_out
