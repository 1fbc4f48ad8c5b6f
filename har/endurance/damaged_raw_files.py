"""Raw files of every public dataset that were damaged: refused in words, told in a note, or converted right."""

import io
import json
import tarfile
import warnings
import zipfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from har.endurance.damage import (
    FOLDER,
    Change,
    Damage,
    Files,
    changed,
    emptied,
    generator,
    in_a_copy,
    noise,
    one_bit,
    pick,
    read_files,
    some_bits,
    truncated,
    zeros,
)
from har.endurance.damaged_tables import CHANGES
from har.endurance.outcome import Outcome
from har.endurance.published import WRITERS
from har.endurance.trials import NOTED, RIGHT, SilentChangeError, outcomes
from har.recordings.convert import NAMES, converter
from har.recordings.convert.common import convert_dataset
from har.signal.plausibility import SignalWarning

KIND = "damaged raw file"
_NUMBER = 0  # of this kind, for its generators
# What describes a dataset to people, and is not read.
_DESCRIPTIONS = ("readme", "datadescribe")
_BINARY = (truncated, emptied, noise)
_ARCHIVE = (one_bit, some_bits, truncated, emptied, noise, zeros)
_KINDS = {"mat": _BINARY, "zip": _ARCHIVE}  # of all others, tables


class _Source(NamedTuple):
    """Raw files of a dataset: its name, their folder, and what they become when they are whole."""

    name: str
    whole: Path
    files: Files
    right: dict[str, bytes]
    notes: list[str]


def damaged_raw_files(count: int, seed: int, work: Path, raw: Path | None) -> Iterator[Outcome]:
    """``count`` trials in ``work``, each with what it came to; the same for the same ``seed``.

    All converters take turns, on miniatures (`har.endurance.published`) and on the original files in those of the
    folders ``raw``/<dataset> that there are.
    """
    places = [(name, "miniature") for name in NAMES]
    places += [(name, "original") for name in NAMES if raw is not None and (raw / name).is_dir()]

    @cache
    def source(name: str, which: str) -> _Source:
        whole = work / which / name
        if which == "miniature":
            WRITERS[name](whole)
        else:
            for path, content in read_files(raw / name).items():
                (whole / path).parent.mkdir(parents=True, exist_ok=True)
                (whole / path).write_bytes(content)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SignalWarning)  # miniatures are sines and noise, rightly doubted
            right, notes = convert(name, whole, work / f"{which} converted" / name)
        return _Source(name, whole, read_files(whole), right, notes)

    def trials() -> Iterator:
        for number in range(count):
            rng = generator(seed, _NUMBER, number)
            of = source(*places[number % len(places)])
            damage, act = _drawn(of, rng)
            trial = in_a_copy(KIND, number, damage, of.whole, work, act)
            yield trial._replace(description=f"{trial.description} ({places[number % len(places)][1]} {of.name})")

    yield from outcomes(trials())


def convert(name: str, raw: Path, out: Path) -> tuple[dict[str, bytes], list[str]]:
    """(files of the dataset, with its streams in the place of its header, and its notes)."""
    convert_dataset(converter(name), raw, out)
    files = read_files(out)
    header = json.loads(files.pop("dataset.json"))
    return files | {"streams": json.dumps(header["streams"]).encode()}, header["notes"]


def compared(of: _Source, raw: Path) -> str:
    """How the conversion of ``raw`` ended, against that of the whole files."""
    found, notes = convert(of.name, raw, raw.parent / "out")
    if found == of.right:
        return RIGHT
    if notes == of.notes:
        differing = sorted(name for name in found.keys() | of.right.keys() if found.get(name) != of.right.get(name))
        raise SilentChangeError(f"{', '.join(differing)} of the dataset changed, the notes did not")
    return NOTED


# --- damages ----------------------------------------------------------------------------------------------------------


def _drawn(of: _Source, rng: np.random.Generator) -> tuple[Damage, Callable[[Path], str]]:
    """A damage that the files offer a place for, and what is done with the folder then."""
    draw = rng.random()
    if draw < 0.06:
        return _in_an_archive(of, rng)
    if draw < 0.12:
        damage = _copied(of, rng)
    else:
        name = pick([name for name in of.files if not name.rpartition("/")[2].lower().startswith(_DESCRIPTIONS)], rng)
        damage = _of_one_file(of.files, name, rng)
    return damage, lambda raw: compared(of, raw)


def _of_one_file(files: Files, name: str, rng: np.random.Generator) -> Damage:
    if rng.random() < 0.03:
        return Damage(f"{name}: a folder in its place", {name: FOLDER})
    while True:
        change = pick(_KINDS.get(name.rpartition(".")[2], CHANGES), rng)
        found = change(files[name], rng)
        if found is not None and found[0] != files[name]:
            content, words = found
            return Damage(f"{name}: {words}", {name: content})


def _copied(of: _Source, rng: np.random.Generator) -> Damage:
    """A file, or all of them, once more under a name that systems give to copies."""
    name = pick(sorted(of.files), rng)
    folder, _, own = name.rpartition("/")
    stem, _, ending = own.rpartition(".")
    how = pick(("{s} (1).{e}", "{s} - Copy.{e}", "Copy of {s}.{e}", "{s}.{e}.bak", "{s}.{e}~", "backup/"), rng)
    if how == "backup/":
        return Damage("all files once more, in backup/", {f"backup/{path}": of.files[path] for path in of.files})
    copy = how.format(s=stem, e=ending)
    return Damage(f"{name} copied to {copy}", {f"{folder}/{copy}".lstrip("/"): of.files[name]})


def _in_an_archive(of: _Source, rng: np.random.Generator) -> tuple[Damage, Callable[[Path], str]]:
    """All files in one archive, which is damaged."""
    kind = pick(("zip", "tar.gz"), rng)
    change: Change = pick(_ARCHIVE, rng)
    name = f"raw.{kind}"
    damage = changed({name: _packed(of.files, kind)}, name, change, rng)

    def act(raw: Path) -> str:
        try:
            return compared(of, raw / name)
        finally:
            (raw / name).unlink()

    return damage, act


def _packed(files: Files, kind: str) -> bytes:
    buffer = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for name, content in files.items():
                archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
        return buffer.getvalue()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
