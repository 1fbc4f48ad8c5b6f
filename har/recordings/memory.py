"""What was found out about a dataset's files, kept beside its folder so that the next start need not read them again.

Whatever a finding depends on is its key: the files, by name, size and time, and the code that found it. A finding whose
key differs, that is damaged, or that something else wrote, counts as not there: it is found out anew and replaced. So
does one that could not be written. Any number of processes may read and write at once.

``.checked/<dataset>.<finding>`` holds 32 bytes, the SHA-256 of key and payload, and the payload: arrays as
``numpy.savez`` writes them. No pickled objects, so that reading one cannot run code.
"""

import functools
import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np

from har.files.whole import write_atomically

FOLDER = ".checked"
_DIGEST_BYTES = hashlib.sha256().digest_size


@dataclass(frozen=True)
class DatasetMemory:
    """The findings about one dataset folder as it was when ``of`` looked at its files.

    folder: where findings are kept. name: of the dataset. stamp: JSON, file name -> [size, time in ns].
    """

    folder: Path
    name: str
    stamp: str

    @classmethod
    def of(cls, dataset_folder: Path, name: str) -> "DatasetMemory":
        files = sorted(path for path in dataset_folder.iterdir() if path.is_file())
        stamp = json.dumps({path.name: [path.stat().st_size, path.stat().st_mtime_ns] for path in files})
        return cls(dataset_folder.parent / FOLDER, name, stamp)

    def recall(self, finding: str, code: str) -> dict[str, np.ndarray] | None:
        """The arrays of a finding; None where nothing of these files and this code is remembered.

        code: what the finding depends on beside the files (`source_digest`).
        """
        try:
            content = (self.folder / f"{self.name}.{finding}").read_bytes()
        except OSError:  # not there, not readable: found out anew, which is always right
            return None
        digest, payload = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
        if digest != self._digest(code, payload):
            return None
        # What has this digest was written by `remember`, so the rest cannot be malformed.
        with np.load(io.BytesIO(payload), allow_pickle=False) as arrays:
            return dict(arrays)

    def remember(self, finding: str, code: str, arrays: Mapping[str, np.ndarray]) -> OSError | None:
        """Keep the arrays of a finding, whole or not at all; returns why they could not be kept, None if they were."""
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)
        payload = buffer.getvalue()
        try:
            write_whole(self.folder / f"{self.name}.{finding}", self._digest(code, payload) + payload)
        except OSError as error:
            return error
        return None

    def _digest(self, code: str, payload: bytes) -> bytes:
        return hashlib.sha256(json.dumps([self.stamp, code]).encode() + b"\0" + payload).digest()


@functools.cache  # a process goes by the source that it began with, whatever is edited meanwhile
def source_digest(*packages: ModuleType) -> str:
    """Hex digest of the source files of packages (not of packages in them) and of NumPy's version."""
    digest = hashlib.sha256(np.__version__.encode())
    for package in packages:
        for path in sorted(Path(package.__file__).parent.glob("*.py")):
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def write_whole(path: Path, content: bytes) -> None:
    """Write beside and replace, so that nobody reads a part; makes the folder. Raises ``OSError``."""
    path.parent.mkdir(exist_ok=True)
    write_atomically(path, content, durable=False)
