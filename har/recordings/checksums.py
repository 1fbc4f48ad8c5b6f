"""Whether the files of a dataset folder are those that were written.

``dataset.json`` may hold ``checksums``: file name -> CRC-32, eight hexadecimal digits, of each array and segment table,
and under its own name that of all its other fields. CRC-32 is for damage, not against forgery: one bit, and any burst
of up to 32, cannot escape it, anything else does once in four thousand million. A stronger digest would take longer
over many gigabytes (SHA-256 twice as long where the processor has instructions for it, several times where not).
"""

import json
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from har.recordings.segments import DatasetError

FIELD = "checksums"
HEADER = "dataset.json"
_BLOCK_BYTES = 1 << 20


class CheckedFile:
    """A binary file to write to that knows the checksum of what went into it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._crc32 = file, 0

    def write(self, content: bytes) -> int:
        self._crc32 = zlib.crc32(content, self._crc32)
        return self._file.write(content)

    @property
    def checksum(self) -> str:
        return f"{self._crc32:08x}"


def file_checksum(path: Path) -> str:
    crc32, block = 0, bytearray(_BLOCK_BYTES)
    with path.open("rb", buffering=0) as file:
        while size := file.readinto(block):
            crc32 = zlib.crc32(memoryview(block)[:size], crc32)
    return f"{crc32:08x}"


def header_checksum(header: Mapping) -> str:
    """Of the fields, not of the text: white space and the order of fields do not count."""
    fields = {key: value for key, value in header.items() if key != FIELD}
    return f"{zlib.crc32(json.dumps(fields, sort_keys=True).encode()):08x}"


class Checksums:
    """What a ``dataset.json`` records of the files in its folder, itself included; nothing where nobody wrote it."""

    def __init__(self, folder: Path, header: Mapping) -> None:
        self._folder, self._header, self._recorded = folder, header, header.get(FIELD)
        texts = isinstance(self._recorded, dict) and all(isinstance(text, str) for text in self._recorded.values())
        if self._recorded is not None and not texts:
            found = str(self._recorded)[:60]
            raise DatasetError(
                f"{folder / HEADER}: {FIELD} is {found!r}; expected {{file: checksum}}, or no such field"
            )

    @contextmanager
    def comparing(self, name: str) -> Iterator[None]:
        """A block that reads a file of the folder: ``DatasetError`` when it is not the one that was written.

        What the block finds wrong with the file itself is told first: it says where.
        """
        try:
            yield
        except DatasetError as error:
            if altered := self._altered(name):
                raise DatasetError(f"{error}. Besides, {altered}") from error
            raise
        if altered := self._altered(name):
            raise DatasetError(altered)

    def _altered(self, name: str) -> str:
        path = self._folder / name
        if self._recorded is None or not path.is_file():
            return ""
        found = header_checksum(self._header) if name == HEADER else file_checksum(path)
        recorded = self._recorded.get(name)
        if found == recorded:
            return ""
        return (
            f"{path} was altered since it was written (CRC-32 {found}, recorded is {recorded}): convert the dataset "
            f'again, or, if it was changed on purpose, remove "{FIELD}" from {self._folder / HEADER}'
        )
