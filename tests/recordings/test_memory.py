"""What is remembered of a dataset's files, and when it no longer holds."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from har.recordings.memory import DatasetMemory, source_digest, write_whole

ARRAYS = {"axes": np.arange(12, dtype=np.float32).reshape(2, 2, 3), "none": np.zeros((0, 3)), "n": np.array([1, -1])}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.npy").write_bytes(b"12345")
    (tmp_path / "mine" / "a.csv").write_text("x")
    return tmp_path / "mine"


def test_arrays_come_back_to_the_bit(folder):
    memory = DatasetMemory.of(folder, "mine")
    assert memory.recall("axes", "code") is None
    assert memory.remember("axes", "code", ARRAYS) is None
    found = DatasetMemory.of(folder, "mine").recall("axes", "code")
    assert list(found) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


def test_another_key_finds_nothing(folder):
    memory = DatasetMemory.of(folder, "mine")
    memory.remember("axes", "code", ARRAYS)
    assert memory.recall("axes", "other code") is None
    assert memory.recall("other", "code") is None
    assert DatasetMemory.of(folder, "yours").recall("axes", "code") is None
    (folder / "a.npy").rename(folder / "b.npy")
    assert DatasetMemory.of(folder, "mine").recall("axes", "code") is None
    (folder / "b.npy").rename(folder / "a.npy")
    assert DatasetMemory.of(folder, "mine").recall("axes", "code") is not None
    status = (folder / "a.npy").stat()
    os.utime(folder / "a.npy", ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert DatasetMemory.of(folder, "mine").recall("axes", "code") is None
    # Not the other's either: a stamp belongs to the moment before the files were read.
    assert memory.recall("axes", "code") is not None


def test_the_stamp_says_size_and_time_of_every_file(folder):
    status = {path.name: path.stat() for path in folder.iterdir()}
    stamp = json.loads(DatasetMemory.of(folder, "mine").stamp)
    assert stamp == {name: [s.st_size, s.st_mtime_ns] for name, s in status.items()}


def test_any_changed_byte_counts_as_nothing(folder):
    memory = DatasetMemory.of(folder, "mine")
    memory.remember("axes", "code", {"axes": np.arange(3)})
    path = folder.parent / ".checked" / "mine.axes"
    content = path.read_bytes()
    for at in range(len(content)):
        path.write_bytes(content[:at] + bytes([content[at] ^ 0x10]) + content[at + 1 :])
        assert memory.recall("axes", "code") is None, at
        path.write_bytes(content[:at])
        assert memory.recall("axes", "code") is None, at
    path.write_bytes(content)
    assert memory.recall("axes", "code") is not None


def test_objects_are_refused(folder):
    memory = DatasetMemory.of(folder, "mine")
    memory.remember("axes", "code", {"axes": np.array([{}], dtype=object)})
    with pytest.raises(ValueError, match="allow_pickle=False"):
        memory.recall("axes", "code")


def test_where_nothing_can_be_written_the_reason_comes_back(folder):
    (folder.parent / ".checked").write_text("in the way")
    memory = DatasetMemory.of(folder, "mine")
    assert isinstance(memory.remember("axes", "code", ARRAYS), OSError)
    assert memory.recall("axes", "code") is None
    assert sorted(path.name for path in folder.parent.iterdir()) == [".checked", "mine"]


def test_many_write_at_once_and_every_reader_sees_a_whole_one(folder):
    memory = DatasetMemory.of(folder, "mine")
    memory.remember("axes", "code", {"axes": np.zeros(5000)})

    def write_and_read(number: int) -> bool:
        memory.remember("axes", "code", {"axes": np.full(5000, number)})
        found = memory.recall("axes", "code")["axes"]
        return bool((found == found[0]).all())

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(write_and_read, range(64)))
    assert [path.name for path in (folder.parent / ".checked").iterdir()] == ["mine.axes"]


def test_an_interrupted_write_leaves_the_old(folder, monkeypatch):
    write_whole(folder / "file", b"old")

    def fail(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("har.files.whole.os.replace", fail)
    with pytest.raises(OSError, match="no space"):
        write_whole(folder / "file", b"new")
    assert (folder / "file").read_bytes() == b"old"
    assert sorted(path.name for path in folder.iterdir()) == ["a.csv", "a.npy", "file"]


def test_the_source_digest_changes_with_any_file_of_a_package(tmp_path):
    (tmp_path / "inner").mkdir()
    for name, text in (("__init__.py", ""), ("one.py", "x = 1"), ("two.py", "y = 2"), ("inner/three.py", "z = 3")):
        (tmp_path / name).write_text(text)

    def digest() -> str:
        package = ModuleType("package")
        package.__file__ = str(tmp_path / "__init__.py")
        return source_digest(package)

    first = digest()
    assert digest() == first
    (tmp_path / "two.py").write_text("y = 3")
    second = digest()
    assert second != first
    (tmp_path / "inner" / "three.py").write_text("z = 4")
    assert digest() == second
