"""Where the bytes of a recording come from: one file, a folder, or a zip archive, read without unpacking it."""

import contextlib
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from har.readers.recording import ReaderError

HEAD_BYTES = 1 << 18  # looked at to tell what a file is

# What zipfile lets through of archives that were cut off or changed; a ValueError where an entry lies before the file.
DAMAGED_ARCHIVE = (
    zipfile.BadZipFile, zlib.error, EOFError, struct.error, NotImplementedError, RuntimeError, ValueError,
    OverflowError,
)  # fmt: skip

_MOST_FILES = 2000  # of a folder or an archive: an export has a few dozen
_DEEPEST = 4  # folders below the one that is given
# Text of sensors shrinks to a third or a tenth, and constant columns to a hundredth; beyond it an archive is a trap.
_MOST_TIMES_LARGER, _LARGE_BYTES = 300, 1 << 28
_OWN_ZIP_FORMATS = {"info.txt": ("log.bin", "activity.bin")}  # zip archives that are one file of a device (.gt3x)

# What people hand over that holds no samples to be read here: first bytes, what it is, what to do.
_FOREIGN = (
    (b"\x1f\x8b", "a gzip archive", "Unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "Unpack it first"),
    (b"Rar!", "a rar archive", "Unpack it first"),
    (b"SQLite format 3\x00", "an SQLite database", "Export the recording as CSV"),
    (b"PAR1", "a Parquet table", "Save it as CSV"),
    (b"\x89HDF", "an HDF5 file", "Save the samples as CSV"),
    (b"MATLAB 5.0", "a MATLAB file", "Save the samples as CSV"),
    (b"Obj\x01", "an Avro file", "Convert it to CSV with the script of the device's maker"),
    (b"%PDF", "a PDF document", "Export the recording as CSV"),
    (b"\x89PNG", "a picture", "Export the recording as CSV"),
    (b"\xff\xd8\xff", "a picture", "Export the recording as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "Save the sheet with the samples as CSV"),
    (b"\x0e\x14FIT", "a FIT file", "It holds no raw acceleration as a rule; export the raw sensor data as CSV"),
)


class Source:
    """The files of a recording by name: one for a file, those within for a folder or a zip archive.

    Names are relative and written with "/". Hidden files and what macOS adds to archives are passed over.
    """

    def __init__(self, path: str | Path) -> None:
        """Raises ``ReaderError`` for a path where nothing lies, and for archives that are damaged, locked or traps."""
        self.path = Path(path)
        self._archive: zipfile.ZipFile | None = None
        try:
            self._sizes = self._list()
        except ReaderError:
            raise
        except DAMAGED_ARCHIVE as error:
            raise ReaderError(f"{self.path}: the archive is damaged ({error}). Export or copy it again") from error
        except OSError as error:
            raise ReaderError(f"{self.path} cannot be read ({error.strerror or error})") from error
        if not self._sizes:
            kind = "folder" if self.path.is_dir() else "archive"
            raise ReaderError(
                f"{self.path}: the {kind} holds no file; expected an export with samples, such as CSV files"
            )

    @property
    def name(self) -> str:
        """The recording's: that of the file without its ending, or of the folder."""
        return self.path.stem if self.path.is_file() else self.path.resolve().name

    @property
    def single(self) -> bool:
        """Whether it is one file, and neither a folder nor an archive of files."""
        return self._archive is None and self.path.is_file()

    @property
    def names(self) -> list[str]:
        return list(self._sizes)

    def size(self, name: str) -> int:
        return self._sizes[name]

    def where(self, name: str) -> str:
        """For messages: the path of a file."""
        return str(self.path) if self.single else f"{self.path}/{name}"

    def named(self, *endings: str) -> list[str]:
        """Files whose name without folders, in lower case, ends with one of ``endings``."""
        return [name for name in self._sizes if base_name(name).lower().endswith(endings)]

    @contextlib.contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """The bytes of a file from its beginning. Raises ``ReaderError`` where they cannot be had."""
        try:
            if self._archive is not None:
                with self._archive.open(name) as stream:
                    yield stream
            else:
                with (self.path if self.single else self.path / name).open("rb") as stream:
                    yield stream
        except (zipfile.BadZipFile, zlib.error, EOFError, struct.error) as error:
            raise ReaderError(
                f"{self.where(name)}: the archive is damaged ({error}). Export or copy it again"
            ) from error
        except NotImplementedError as error:
            raise ReaderError(f"{self.where(name)}: {error}. Unpack the archive and give the folder") from error
        except RuntimeError as error:  # zipfile's word for a password
            raise ReaderError(
                f"{self.where(name)} is locked ({error}). Unpack the archive and give the folder"
            ) from error
        except OSError as error:
            raise ReaderError(f"{self.where(name)} cannot be read ({error.strerror or error})") from error

    def head(self, name: str, count: int = HEAD_BYTES) -> bytes:
        with self.open(name) as stream:
            return stream.read(count)

    def foreign(self, name: str) -> str | None:
        """What a file is and what to do about it, where it is known and can be no recording."""
        head = self.head(name, 512)
        if head.startswith(b"PK\x03\x04"):
            return "an archive within an archive. Unpack it and give the folder"
        for magic, kind, remedy in _FOREIGN:
            if head.startswith(magic) or (magic == b"\x0e\x14FIT" and head[8:12] == b".FIT"):
                return f"{kind}. {remedy}"
        if head.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] in (b"{", b"[") and not head.lstrip()[1:2].isalpha():
            return "JSON. Export the recording as CSV"
        if head.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] == b"<":
            return "XML or HTML. Export the recording as CSV"
        return None

    def _list(self) -> dict[str, int]:
        if self.path.is_dir():
            return _list_folder(self.path)
        if not self.path.exists():
            raise ReaderError(f"{self.path}: there is no such file or folder")
        if not self.path.is_file():
            raise ReaderError(f"{self.path} is neither a file nor a folder")
        size = self.path.stat().st_size
        if size == 0:
            raise ReaderError(f"{self.path} is empty (0 bytes); expected samples. Export or copy it again")
        with self.path.open("rb") as stream:
            is_zip = stream.read(4) in (b"PK\x03\x04", b"PK\x05\x06")
        if not is_zip:
            return {self.path.name: size}
        archive = zipfile.ZipFile(self.path)
        entries = [entry for entry in archive.infolist() if not entry.is_dir() and not _hidden(entry.filename)]
        names = {base_name(entry.filename).lower() for entry in entries}
        if "[content_types].xml" in names:
            raise ReaderError(f"{self.path} is an Excel workbook. Save the sheet with the samples as CSV")
        if any(key in names and names & set(others) for key, others in _OWN_ZIP_FORMATS.items()):
            archive.close()
            return {self.path.name: size}
        self._check_traps(entries)
        self._archive = archive
        return {entry.filename: entry.file_size for entry in entries}

    def _check_traps(self, entries: list[zipfile.ZipInfo]) -> None:
        if len(entries) > _MOST_FILES:
            raise ReaderError(f"{self.path} holds {len(entries):,} files; expected one recording. Give one of them")
        for entry in entries:
            ratio = entry.file_size / max(1, entry.compress_size)
            if entry.file_size > _LARGE_BYTES and ratio > _MOST_TIMES_LARGER:
                raise ReaderError(
                    f"{self.path}: {entry.filename} would unpack to {entry.file_size / 1e9:.1f} GB from "
                    f"{entry.compress_size / 1e6:.1f} MB, as no samples do. Unpack it yourself if you trust it, and "
                    "give the file"
                )


def base_name(name: str) -> str:
    """The name of a file without its folders."""
    return PurePosixPath(name).name


def _hidden(name: str) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in PurePosixPath(name).parts)


def _list_folder(folder: Path) -> dict[str, int]:
    sizes: dict[str, int] = {}
    waiting = [(folder, 0)]
    while waiting:
        here, depth = waiting.pop()
        for path in sorted(here.iterdir()):
            name = path.relative_to(folder).as_posix()
            if _hidden(name):
                continue
            if path.is_dir() and depth < _DEEPEST and not path.is_symlink():
                waiting.append((path, depth + 1))
            elif path.is_file():
                sizes[name] = path.stat().st_size
        if len(sizes) > _MOST_FILES:
            raise ReaderError(
                f"{folder} holds more than {_MOST_FILES:,} files; expected one recording. Give its folder"
            )
    return dict(sorted(sizes.items()))
