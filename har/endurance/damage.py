"""What happens to files: bits that turn, ends that are cut off, blocks that are lost, names that are mixed up.

A change takes the bytes of a file and a generator, and returns other bytes and what was done in words.
"""

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from har.endurance.trials import Trial

FOLDER = "a folder"  # in place of a file
_BLOCK_BYTES = 512

Change = Callable[[bytes, np.random.Generator], tuple[bytes, str]]
Files = Mapping[str, bytes]  # path below a folder -> content


class Damage(NamedTuple):
    """words: what was done. files: path -> its new content, None where it is removed, `FOLDER` where one takes its
    place.
    """

    words: str
    files: dict[str, bytes | str | None]

    def inflict(self, folder: Path) -> None:
        """Change the files in ``folder``; links to others are replaced, not written through."""
        for name, content in self.files.items():
            path = folder / name
            path.unlink(missing_ok=True)
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is FOLDER:
                path.mkdir()
            elif content is not None:
                path.write_bytes(content)


def generator(seed: int, kind: int, number: int) -> np.random.Generator:
    """Of one trial: what it does depends on no other one."""
    return np.random.default_rng([seed, kind, number])


def changed(files: Files, name: str, change: Change, rng: np.random.Generator) -> Damage:
    """One file after a change."""
    content, words = change(files[name], rng)
    return Damage(f"{name}: {words}", {name: content})


def pick(items: Sequence, rng: np.random.Generator) -> object:
    return items[int(rng.integers(len(items)))]


def read_files(folder: Path) -> dict[str, bytes]:
    """All files below a folder by their paths, sorted."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def in_a_copy(kind: str, number: int, damage: Damage, whole: Path, work: Path, act: Callable[[Path], str]) -> Trial:
    """The trial that damages a copy of the folder ``whole``, of the same name, below ``work``, and acts on that.

    The copy is of links to the files of ``whole``: with their times, and quickly made.
    """
    place = work / f"{number:05d}"

    def tried() -> str:
        folder = place / whole.name
        try:
            shutil.copytree(whole, folder, copy_function=os.link)
            damage.inflict(folder)
            return act(folder)
        finally:
            shutil.rmtree(place, ignore_errors=True)

    return Trial(kind, f"{number}: {damage.words}", tried, str(place / whole.name))


# --- changes of bytes -------------------------------------------------------------------------------------------------


def one_bit(content: bytes, rng: np.random.Generator) -> tuple[bytes, str]:
    return _bits(content, [int(rng.integers(8 * len(content)))])


def some_bits(content: bytes, rng: np.random.Generator) -> tuple[bytes, str]:
    return _bits(content, rng.integers(8 * len(content), size=int(rng.integers(2, 20))).tolist())


def bit_of_the_first(count: int) -> Change:
    """A bit of one of the first bytes."""
    return lambda content, rng: _bits(content, [int(rng.integers(8 * min(count, len(content))))])


def bit_behind_the_first(count: int) -> Change:
    return lambda content, rng: _bits(content, [int(rng.integers(8 * count, 8 * len(content)))])


def _bits(content: bytes, places: Sequence[int]) -> tuple[bytes, str]:
    result = bytearray(content)
    for place in places:
        result[place // 8] ^= 1 << place % 8
    shown = ", ".join(f"{place % 8} of byte {place // 8}" for place in places)
    return bytes(result), f"bit {shown} flipped"


def truncated(content: bytes, rng: np.random.Generator) -> tuple[bytes, str]:
    length = int(rng.integers(1, len(content)))
    return content[:length], f"{length} of {len(content)} bytes left"


def appended(content: bytes, rng: np.random.Generator) -> tuple[bytes, str]:
    count = int(rng.integers(1, 1000))
    return content + rng.bytes(count), f"{count} bytes appended"


def emptied(content: bytes, rng: np.random.Generator) -> tuple[bytes, str]:
    return b"", "emptied"


def noise(content: bytes, rng: np.random.Generator) -> tuple[bytes, str]:
    return rng.bytes(3000), "3000 random bytes"


def zeros(content: bytes, rng: np.random.Generator) -> tuple[bytes, str]:
    """A block of the disk that was never written."""
    start, stop = _block(content, rng)
    return content[:start] + bytes(stop - start) + content[stop:], f"bytes {start} to {stop} are zero"


def block_lost(content: bytes, rng: np.random.Generator) -> tuple[bytes, str]:
    start, stop = _block(content, rng)
    return content[:start] + content[stop:], f"bytes {start} to {stop} lost"


def block_twice(content: bytes, rng: np.random.Generator) -> tuple[bytes, str]:
    start, stop = _block(content, rng)
    return content[:stop] + content[start:], f"bytes {start} to {stop} twice"


def _block(content: bytes, rng: np.random.Generator) -> tuple[int, int]:
    start = int(rng.integers(max(1, len(content) - 1)))
    return start, min(len(content), start + _BLOCK_BYTES)


ANY_BYTES: tuple[Change, ...] = (
    one_bit, some_bits, truncated, appended, emptied, noise, zeros, block_lost, block_twice,
)  # fmt: skip
