"""Dataset folders that were damaged or mixed up: refused in words, or exactly the data that was written."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from har.endurance.damage import (
    ANY_BYTES,
    FOLDER,
    Damage,
    Files,
    bit_behind_the_first,
    bit_of_the_first,
    changed,
    generator,
    in_a_copy,
    one_bit,
    pick,
    read_files,
)
from har.endurance.outcome import Outcome
from har.endurance.trials import RIGHT, SilentChangeError, outcomes
from har.recordings.format import Dataset, DatasetWriter, StreamInfo, read_dataset

KIND = "damaged dataset folder"
NAME = "walks"
_NUMBER = 2  # of this kind, for its generators
_NPY_HEADER_BYTES = 128
_RATE_HZ = 50.0
_OTHER_VALUES = (None, 0, -1, 1e400, True, "", "wrist", [], {}, ["acc_x"], 10**30)


def damaged_datasets(count: int, seed: int, work: Path) -> Iterator[Outcome]:
    """``count`` trials in ``work``, each with what it came to; the same for the same ``seed``."""
    whole = work / "whole" / NAME
    write_walks(whole)
    files, right = read_files(whole), content_of(read_dataset(whole, scan=True))

    def read(folder: Path) -> str:
        found = content_of(read_dataset(folder))
        if differing := [key for key in right.keys() | found.keys() if right.get(key) != found.get(key)]:
            raise SilentChangeError(f"{', '.join(sorted(differing))} of the dataset changed")
        return RIGHT

    def trials() -> Iterator:
        for number in range(count):
            rng = generator(seed, _NUMBER, number)
            damage = DAMAGES[number % len(DAMAGES)](files, rng)
            yield in_a_copy(KIND, number, damage, whole, work, read)

    yield from outcomes(trials())


def write_walks(folder: Path) -> None:
    """Two devices of equal channels on two people who walk and stand."""
    time_s = np.arange(1000) / _RATE_HZ
    rng = np.random.default_rng(0)
    with DatasetWriter(folder, title="Gänge", citation="-", licence="-", source_url="-") as writer:
        for name, place in (("wrist", "left wrist"), ("pocket", "trouser pocket")):
            channels = ("acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z")
            writer.add_stream(StreamInfo(name, "watch", place, channels, _RATE_HZ, accelerometer_range_g=8.0))
            for person in ("anna", "jörg"):
                samples = 0.01 * rng.standard_normal((len(time_s), 6))
                samples[:500, 1] += 0.3 * np.sin(2 * np.pi * 2 * time_s[:500])
                samples[:, 1] += 1.0
                labels = [("walking", 0, 500), ("standing", 600, 1000)]
                writer.append(name, recording=f"{person}_1", subject=person, samples=samples, labels=labels)
        writer.note("samples lost: 3")


def content_of(dataset: Dataset) -> dict[str, object]:
    """Everything a dataset says, for comparing."""
    content = {key: getattr(dataset, key) for key in ("title", "citation", "licence", "source_url", "notes")}
    for name, stream in dataset.streams.items():
        content[name] = (stream.info, stream.samples.shape, stream.samples.tobytes(), list(stream.segments))
    return content


# --- damages ----------------------------------------------------------------------------------------------------------


def bit_of_a_sample(files: Files, rng: np.random.Generator) -> Damage:
    return changed(files, pick(_named(files, ".npy"), rng), bit_behind_the_first(_NPY_HEADER_BYTES), rng)


def bit_of_an_array_header(files: Files, rng: np.random.Generator) -> Damage:
    return changed(files, pick(_named(files, ".npy"), rng), bit_of_the_first(_NPY_HEADER_BYTES), rng)


def bit_of_the_segments(files: Files, rng: np.random.Generator) -> Damage:
    return changed(files, pick(_named(files, ".csv"), rng), one_bit, rng)


def bit_of_the_description(files: Files, rng: np.random.Generator) -> Damage:
    return changed(files, "dataset.json", one_bit, rng)


def any_bytes(files: Files, rng: np.random.Generator) -> Damage:
    return changed(files, pick(sorted(files), rng), pick(ANY_BYTES, rng), rng)


def missing(files: Files, rng: np.random.Generator) -> Damage:
    name = pick(sorted(files), rng)
    return Damage(f"{name}: removed", {name: None})


def folder_in_place(files: Files, rng: np.random.Generator) -> Damage:
    name = pick(sorted(files), rng)
    return Damage(f"{name}: a folder in its place", {name: FOLDER})


def exchanged(files: Files, rng: np.random.Generator) -> Damage:
    ending = pick((".npy", ".csv"), rng)
    first, second = _named(files, ending)
    return Damage(f"{first} and {second} exchanged", {first: files[second], second: files[first]})


def renamed(files: Files, rng: np.random.Generator) -> Damage:
    name = pick(sorted(files), rng)
    new = name.replace(".", "2.") if rng.random() < 0.5 else name.upper()
    return Damage(f"{name} renamed to {new}", {name: None, new: files[name]})


def lines(files: Files, rng: np.random.Generator) -> Damage:
    """A line of a table twice, lost, or before the one it follows."""
    name = pick(_named(files, ".csv"), rng)
    rows = files[name].splitlines(keepends=True)
    at = int(rng.integers(1, len(rows) - 1))
    what = pick(("twice", "lost", "behind the next"), rng)
    middle = {
        "twice": [rows[at]] * 2 + [rows[at + 1]],
        "lost": [rows[at + 1]],
        "behind the next": rows[at : at + 2][::-1],
    }
    return Damage(f"{name}: line {at + 1} {what}", {name: b"".join([*rows[:at], *middle[what], *rows[at + 2 :]])})


def cell(files: Files, rng: np.random.Generator) -> Damage:
    """A cell of a table that was typed over."""
    name = pick(_named(files, ".csv"), rng)
    rows = [line.split(",") for line in files[name].decode().splitlines()]
    row, column = int(rng.integers(1, len(rows))), int(rng.integers(6))
    rows[row][column] = str(pick(("", "nan", "1e400", "-1", "9" * 400, "sitting", "0.5", "99", "anna"), rng))
    text = "".join(",".join(line) + "\n" for line in rows)
    return Damage(f"{name}, row {row + 1}: column {column + 1} is {rows[row][column][:9]!r}", {name: text.encode()})


def encoding(files: Files, rng: np.random.Generator) -> Damage:
    name = pick([name for name in sorted(files) if not name.endswith(".npy")], rng)
    how = pick(("utf-16", "utf-8-sig", "latin-1", "utf-32", "lines of Windows", "cp500"), rng)
    text = files[name].decode()
    content = text.replace("\n", "\r\n").encode() if "lines" in how else text.encode(how)
    return Damage(f"{name}: saved as {how}", {name: content})


def described_otherwise(files: Files, rng: np.random.Generator) -> Damage:
    """A field of dataset.json with another value, renamed or removed."""
    header = json.loads(files["dataset.json"])
    place = pick([header, *header["streams"], header["checksums"]], rng)
    key = pick(sorted(place), rng)
    if place is header and key == "checksums":
        key = "streams"  # without the field, nothing is promised
    value = place.pop(key)
    what = "removed"
    if rng.random() < 0.2:
        place[f"{key} "], what = value, "renamed"
    elif rng.random() < 0.9:
        place[key] = pick(_OTHER_VALUES, rng)
        what = f"is {str(place[key])[:20]!r}"
    return Damage(f"dataset.json: {key} {what}", {"dataset.json": json.dumps(header).encode()})


def formatted_otherwise(files: Files, rng: np.random.Generator) -> Damage:
    """The same fields, written by another program; or unwritten checksums."""
    header = json.loads(files["dataset.json"])
    if rng.random() < 0.5:
        del header["checksums"]
    text = json.dumps(dict(reversed(header.items())), indent=int(rng.integers(9)))
    return Damage("dataset.json: written by another program", {"dataset.json": text.encode()})


def nested(files: Files, rng: np.random.Generator) -> Damage:
    content = pick((b"[" * 200_000, b'{"a":' * 200_000, b"null", b'"x"', b"NaN", b"1" * 5000), rng)
    return Damage(f"dataset.json: {len(content)} bytes of {content[:5]!r}", {"dataset.json": content})


class _RunsCode:
    def __reduce__(self) -> tuple:
        return exec, ("raise SystemExit('code in an array was run')",)


def another_array(files: Files, rng: np.random.Generator) -> Damage:
    """The samples in another form, or what claims to be some."""
    name = pick(_named(files, ".npy"), rng)
    samples = np.load(io.BytesIO(files[name]))
    forms = {
        "float64": samples.astype(np.float64),
        "big-endian": samples.astype(">f4"),
        "by columns": np.asfortranarray(samples),
        "whole numbers": samples.astype(np.int32),
        "transposed": samples.T,
        "a row less": samples[:-1],
        "objects": np.array([[_RunsCode()]], dtype=object),
        "named fields": np.zeros(5, dtype=[("acc_x", "f4")]),
    }
    form = pick([*forms, "a larger shape"], rng)
    if form == "a larger shape":
        return Damage(f"{name}: {form}", {name: files[name].replace(b"(2000, 6)", b"(2000000000000, 6)", 1)})
    buffer = io.BytesIO()
    np.save(buffer, forms[form], allow_pickle=True)
    return Damage(f"{name}: {form}", {name: buffer.getvalue()})


def _named(files: Files, ending: str) -> list[str]:
    return sorted(name for name in files if name.endswith(ending))


DAMAGES = (
    bit_of_a_sample, bit_of_an_array_header, bit_of_the_segments, bit_of_the_description, any_bytes, any_bytes, missing,
    folder_in_place, exchanged, renamed, lines, cell, encoding, described_otherwise, described_otherwise,
    formatted_otherwise, nested, another_array,
)  # fmt: skip
