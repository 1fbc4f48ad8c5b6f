"""A dataset folder that no longer holds what was written into it is refused, down to one bit."""

import io
import json
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from har.recordings.format import DatasetError, DatasetWriter, StreamInfo, read_dataset

ACC = ("acc_x", "acc_y", "acc_z")


def still(seed: int) -> np.ndarray:
    """Noise of 5 mg around 1 g along y."""
    return np.array([0.0, 1.0, 0.0]) + 0.005 * np.random.default_rng(seed).standard_normal((600, 3))


def write(folder: Path) -> Path:
    """Two streams of equal shape, each with two people."""
    with DatasetWriter(folder, title="Gänge", citation="-", licence="-", source_url="-") as writer:
        for seed, name in enumerate(("wrist", "thigh")):
            writer.add_stream(StreamInfo(name, "tag", f"right {name}", ACC, 50.0))
            labels = [("walking", 10, 100), ("sitting", 100, 250)]
            for person in ("s1", "s2"):
                writer.append(name, recording="r", subject=person, samples=still(seed), labels=labels)
        writer.note("rows left out: 3")
    return folder


def edit_json(change: Callable[[dict], object]) -> Callable[[Path], object]:
    def damage(folder: Path) -> None:
        header = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
        change(header)
        (folder / "dataset.json").write_text(json.dumps(header))

    return damage


def edit_text(before: str, after: str) -> Callable[[Path], object]:
    def damage(folder: Path) -> None:
        text = (folder / "wrist.csv").read_text()
        assert before in text
        (folder / "wrist.csv").write_text(text.replace(before, after, 1))

    return damage


by_hand = edit_json(lambda header: header.pop("checksums"))


def one_bit(name: str, place: int) -> Callable[[Path], object]:
    def damage(folder: Path) -> None:
        content = bytearray((folder / name).read_bytes())
        content[place] ^= 1
        (folder / name).write_bytes(content)

    return damage


def swap(first: str, second: str) -> Callable[[Path], object]:
    def damage(folder: Path) -> None:
        a, b = ((folder / name).read_bytes() for name in (first, second))
        (folder / first).write_bytes(b)
        (folder / second).write_bytes(a)

    return damage


ALTERED = {  # all of it plausible: what is checked of the data itself finds none
    "a bit of a sample": (one_bit("wrist.npy", 1000), "wrist.npy"),
    "a bit of a label": (edit_text("walking", "walkinf"), "wrist.csv"),
    "another person": (edit_text("r,s1", "r,s2"), "wrist.csv"),
    "a row less": (lambda f: edit_text((f / "wrist.csv").read_text().splitlines()[-1] + "\n", "")(f), "wrist.csv"),
    "another placement": (edit_json(lambda h: h["streams"][0].update(placement="left wrist")), "dataset.json"),
    "another rate": (edit_json(lambda h: h["streams"][0].update(sampling_rate_hz=51.0)), "dataset.json"),
    "a note less": (edit_json(lambda h: h["notes"].clear()), "dataset.json"),
    "the axes in another order": (edit_json(lambda h: h["streams"][0]["channels"].reverse()), "dataset.json"),
    "another file's checksum": (
        edit_json(lambda h: h["checksums"].update({"thigh.npy": h["checksums"]["wrist.npy"]})), "thigh.npy",
    ),
    "no checksum of a file": (edit_json(lambda h: h["checksums"].pop("thigh.csv")), "thigh.csv"),
    "bytes behind the array": (lambda f: (f / "thigh.npy").open("ab").write(b"\0"), "thigh.npy"),
}  # fmt: skip


@pytest.mark.parametrize("name", ALTERED)
def test_what_was_altered_since_it_was_written_is_refused(tmp_path, name):
    damage, altered = ALTERED[name]
    folder = write(tmp_path / "mine")
    read_dataset(folder)
    damage(folder)
    expected = rf"mine/{altered} was altered since it was written .* convert .* again, or, .*remove \"checksums\""
    with pytest.raises(DatasetError, match=expected):
        read_dataset(folder)
    by_hand(folder)
    read_dataset(folder)


def test_streams_that_changed_their_files_are_noticed(tmp_path):
    folder = write(tmp_path / "mine")
    swap("wrist.npy", "thigh.npy")(folder)
    with pytest.raises(DatasetError, match=r"wrist\.npy was altered"):
        read_dataset(folder)


def test_damage_that_shows_is_told_with_its_place(tmp_path):
    folder = write(tmp_path / "mine")
    samples = np.load(folder / "wrist.npy")
    samples[417, 2] = np.nan
    np.save(folder / "wrist.npy", samples)
    with pytest.raises(DatasetError, match=r"row 417: a sample is not finite.* Besides, .*wrist\.npy was altered"):
        read_dataset(folder)


def test_checksums_are_those_of_the_files(tmp_path):
    folder = write(tmp_path / "mine")
    header = json.loads((folder / "dataset.json").read_text())
    own = header["checksums"].pop("dataset.json")
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "dataset.json"}
    assert header.pop("checksums") == {name: f"{zlib.crc32(content):08x}" for name, content in files.items()}
    assert own == f"{zlib.crc32(json.dumps(header, sort_keys=True).encode()):08x}"
    buffer = io.BytesIO()
    np.save(buffer, np.load(folder / "wrist.npy"))
    assert files["wrist.npy"] == buffer.getvalue()


@pytest.mark.parametrize("value", [[], "none", {"wrist.csv": 7}])
def test_checksums_that_are_none_are_refused(tmp_path, value):
    folder = write(tmp_path / "mine")
    edit_json(lambda header: header.update(checksums=value))(folder)
    with pytest.raises(DatasetError, match=r"dataset\.json: checksums is .*expected \{file: checksum\}, or no such"):
        read_dataset(folder)


def test_what_is_formatted_or_saved_anew_is_the_same(tmp_path):
    folder = write(tmp_path / "mine")
    before = read_dataset(folder)
    text = (folder / "dataset.json").read_text(encoding="utf-8")
    for content in (text.replace("\n", "\r\n").encode(), b"\xef\xbb\xbf" + text.encode(), json.dumps(json.loads(text))):
        (folder / "dataset.json").write_bytes(content if isinstance(content, bytes) else content.encode())
        assert read_dataset(folder).title == before.title == "Gänge"
