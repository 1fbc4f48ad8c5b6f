"""Every converter on raw files as they are found: damaged, saved again by another program, carried over another system.

Whatever is in a file, a conversion ends in the right data, in a note, or in a DatasetError that names the file.
"""

import functools
import re
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from har.endurance.published import WRITERS
from har.recordings.convert import NAMES, converter
from har.recordings.convert.common import convert_dataset
from har.recordings.format import DatasetError, read_dataset
from har.signal.plausibility import SignalWarning


@pytest.fixture(autouse=True)
def of_no_body():
    """Signals of the fixtures are sines and noise, of which the examination rightly doubts."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SignalWarning)
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, dict[str, bytes], list[str]]]:
    """name -> (raw folder, files of the dataset without its header, notes); read only."""

    @functools.cache
    def of(name: str) -> tuple[Path, dict[str, bytes], list[str]]:
        folder = tmp_path_factory.mktemp(name)
        WRITERS[name](folder / "raw")
        notes = convert_dataset(converter(name), folder / "raw", folder / "out")
        return folder / "raw", content_of(folder / "out"), notes

    return of


def content_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "dataset.json"}


def raw_files(raw: Path) -> list[Path]:
    return sorted(path for path in raw.rglob("*") if path.is_file())


def outcome(name: str, raw: Path, out: Path) -> tuple[dict[str, bytes], list[str]] | str:
    """(files, notes) of a conversion that succeeds and can be read again, else the words of its error."""
    try:
        notes = convert_dataset(converter(name), raw, out)
    except DatasetError as error:
        assert not out.exists()
        return str(error)
    read_dataset(out)
    return content_of(out), notes


def test_every_converter_has_a_fixture():
    assert sorted(WRITERS) == sorted(NAMES)


# --- mutations --------------------------------------------------------------------------------------------------------


def truncated(content: bytes, rng: np.random.Generator) -> bytes:
    return content[: int(rng.integers(1, len(content)))]


def flipped(content: bytes, rng: np.random.Generator) -> bytes:
    """A byte with its highest bit turned: no digit becomes another one, which nobody could see."""
    changed = bytearray(content)
    changed[int(rng.integers(len(content)))] ^= 0x80
    return bytes(changed)


def a_number(content: bytes, rng: np.random.Generator) -> int:
    """Where one of the first begins that are neither below one nor negative; where there is none, the file."""
    places = [match.start() for match in re.finditer(rb"(?<![\w.+-])0*[1-9]", content)]
    return [*places[:100], 0][int(rng.integers(min(len(places), 100) or 1))]


def many_more_digits(content: bytes, rng: np.random.Generator) -> bytes:
    at = a_number(content, rng)
    return content[:at] + b"9" * 300 + content[at:]


def exponent(content: bytes, rng: np.random.Generator) -> bytes:
    at = a_number(content, rng)
    return content[:at] + b"9e30" + content[at:]


def joined(content: bytes, rng: np.random.Generator) -> bytes:
    """Two lines in one."""
    ends = [i for i, byte in enumerate(content) if byte == 10]
    at = ends[int(rng.integers(len(ends)))]
    return content[:at] + content[at + 1 :]


def empty(content: bytes, rng: np.random.Generator) -> bytes:
    return b""


def binary(content: bytes, rng: np.random.Generator) -> bytes:
    return rng.bytes(3000)


def only_the_first_line(content: bytes, rng: np.random.Generator) -> bytes:
    return content.partition(b"\n")[0] + b"\n"


def swapped(content: bytes, rng: np.random.Generator) -> bytes:
    """The first and third column of all rows changed for each other."""
    separator = max((b",", b";", b" "), key=content.count)
    lines = [line.split(separator) for line in content.split(b"\n")]
    for cells in lines:
        if len(cells) > 3:
            cells[0], cells[2] = cells[2], cells[0]
    return b"\n".join(separator.join(cells) for cells in lines)


MUTATIONS = (truncated, flipped, many_more_digits, exponent, joined, empty, binary, only_the_first_line, swapped)
BINARY = (".mat", ".zip")
# What cannot be known: a file that ends with a row, columns without names that are told apart by nothing, and a byte of
# a binary number.
MAY_BE_SILENT = (truncated, swapped, only_the_first_line)


@pytest.mark.parametrize("name", NAMES)
def test_a_mutated_file_gives_the_right_data_a_note_or_an_error_in_words(name, whole, tmp_path):
    raw, right, notes = whole(name)
    rng = np.random.default_rng(NAMES.index(name))
    for number, mutate in enumerate(MUTATIONS):
        mutated = tmp_path / f"raw{number}"
        shutil.copytree(raw, mutated)
        files = raw_files(mutated)
        path = files[int(rng.integers(len(files)))]
        if path.suffix in BINARY and mutate in (many_more_digits, exponent, swapped):
            continue
        path.write_bytes(mutate(path.read_bytes(), rng))
        found = outcome(name, mutated, tmp_path / f"out{number}")
        if isinstance(found, str):
            assert str(mutated) in found and "Traceback" not in found, (mutate.__name__, path, found)
        elif mutate not in MAY_BE_SILENT and not (path.suffix == ".mat" and mutate in (flipped, joined)):
            assert found[0] == right or found[1] != notes, (mutate.__name__, path)
        shutil.rmtree(mutated)


ENCODINGS = {
    "UTF-8 with a byte order mark": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "UTF-16": lambda text: text.encode("utf-16"),
    "UTF-16, most significant byte first": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "UTF-16 without a mark": lambda text: text.encode("utf-16-le"),
    "UTF-32": lambda text: text.encode("utf-32"),
    "lines of Windows": lambda text: text.replace("\n", "\r\n").encode(),
    "lines of old Macs": lambda text: text.replace("\n", "\r").encode(),
}


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("utd_mhad", "usc_had", "realworld")])
def test_other_encodings_and_line_ends_give_the_same_bytes(name, whole, tmp_path):
    raw, right, notes = whole(name)
    for number, encode in enumerate(ENCODINGS.values()):
        folder = tmp_path / f"raw{number}"
        shutil.copytree(raw, folder)
        for path in raw_files(folder):
            path.write_bytes(encode(path.read_text(encoding="utf-8")))
        assert outcome(name, folder, tmp_path / f"out{number}") == (right, notes), list(ENCODINGS)[number]
        shutil.rmtree(folder)


@pytest.mark.parametrize("name", NAMES)
def test_what_systems_put_beside_files_is_passed_over(name, whole, tmp_path):
    raw, right, notes = whole(name)
    folder = tmp_path / "raw"
    shutil.copytree(raw, folder)
    for path in raw_files(folder):
        path.with_name(f"._{path.name}").write_bytes(b"\0\5\26\7\0\2\0\0Mac OS X")
        beside = folder / "__MACOSX" / path.relative_to(folder)
        beside.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(b"\0\5\26\7")
        for litter in (".DS_Store", "Thumbs.db", "desktop.ini"):
            path.with_name(litter).write_bytes(b"\0\1")
    assert outcome(name, folder, tmp_path / "out") == (right, notes)
