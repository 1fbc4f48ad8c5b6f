"""Files and folders are there whole or not at all; what the dead left goes, what the living are at stays."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from har.files import whole
from har.files.whole import (
    ABANDONED_S,
    atomic_writer,
    hidden_folder,
    move_folder,
    remove_abandoned,
    replace_folder,
    temporary_path,
    write_atomically,
)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def dead_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def left_by(process: int, path: Path, machine: str | None = None) -> Path:
    """The temporary name that another process would have used."""
    own = temporary_path(path, path.suffix)
    return own.with_name(
        own.name.replace(f"{whole._machine()}-{os.getpid()}", f"{machine or whole._machine()}-{process}")
    )


def test_what_dead_processes_left_goes_with_the_next_file_and_nothing_else(tmp_path):
    dead, parent = dead_process(), os.getppid()
    left_by(dead, tmp_path / "best.pt").write_text("half")
    (left_by(dead, tmp_path / "20260131_120000") / "plots").mkdir(parents=True)
    kept = [left_by(parent, tmp_path / "best.pt"), left_by(dead, tmp_path / "best.pt", machine="0" * 8)]
    kept += [tmp_path / ".best.part.pt", tmp_path / f".best.{whole._machine()}-{dead}.pt", tmp_path / "other"]
    for path in kept:
        path.write_text("not mine")
    write_atomically(tmp_path / "best.pt", b"whole")
    assert names(tmp_path) == sorted([*(path.name for path in kept), "best.pt"])


@pytest.mark.parametrize("inside", [False, True])
def test_where_nobody_can_be_asked_time_decides(tmp_path, inside):
    """Of a folder, the time of the newest file in it: a long recording is written without a new file."""
    folder = left_by(1, tmp_path / "sim_phone", machine="0" * 8)
    folder.mkdir()
    if inside:
        (folder / "phone.raw").touch()
    long_ago = folder.stat().st_mtime - ABANDONED_S - 1
    os.utime(folder, (long_ago, long_ago))
    remove_abandoned(tmp_path)
    assert folder.exists() == inside


def test_a_folder_that_cannot_be_looked_into_is_no_error(tmp_path):
    remove_abandoned(tmp_path / "not there")


def test_a_temporary_file_keeps_the_suffix_and_a_folder_has_none(tmp_path):
    with atomic_writer(tmp_path / "a.b.png") as temporary:
        temporary.write_text("x")
        assert temporary.name.startswith(".a.b.") and temporary.suffix == ".png" and ".part" in temporary.name
    with hidden_folder(tmp_path / "v1.2") as hidden:
        assert hidden.name.startswith(".v1.2.") and hidden.name.endswith(".part")
    assert names(tmp_path) == ["a.b.png"]


@pytest.mark.parametrize("can_exchange", [True, False])
def test_a_folder_takes_the_place_of_another_whole(tmp_path, can_exchange, monkeypatch):
    if not can_exchange:
        monkeypatch.setattr(whole, "_exchange", lambda first, second: False)
    for text in ("old", "new"):
        with hidden_folder(tmp_path / "mine") as hidden:
            (hidden / text).write_text(text)
            replace_folder(hidden, tmp_path / "mine")
        assert names(tmp_path / "mine") == [text]
    assert names(tmp_path) == ["mine"]


@pytest.mark.skipif(sys.platform != "linux", reason="names are exchanged in one step on Linux alone")
def test_folders_that_replace_each_other_at_once_are_never_away_or_mixed(tmp_path):
    place, seen, over = tmp_path / "mine", set(), threading.Event()

    def write(own: str) -> None:
        for _ in range(60):
            with hidden_folder(place) as hidden:
                for name in ("a", "b"):
                    (hidden / name).write_text(own)
                replace_folder(hidden, place)

    def look() -> None:
        while not over.is_set():
            descriptor = os.open(place, os.O_RDONLY)  # fails where the name is away for a moment
            try:
                seen.add(os.fstat(descriptor).st_ino)
            finally:
                os.close(descriptor)

    write("0")
    writers = [threading.Thread(target=write, args=(str(i),)) for i in range(4)]
    failed: list[object] = []
    watcher = threading.Thread(target=lambda: failed.extend(_failure(look)))
    for thread in (watcher, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    over.set()
    watcher.join()
    assert failed == [] and len(seen) > 1
    assert names(tmp_path) == ["mine"] and (place / "a").read_text() == (place / "b").read_text()


def _failure(work) -> list[object]:
    try:
        work()
    except OSError as error:
        return [error]
    return []


def test_a_name_that_is_taken_is_not_moved_to(tmp_path):
    for name in ("new", "taken", "empty"):
        (tmp_path / name).mkdir()
    (tmp_path / "taken" / "file").touch()
    assert not move_folder(tmp_path / "new", tmp_path / "taken")
    assert move_folder(tmp_path / "new", tmp_path / "free")
    with pytest.raises(FileNotFoundError):
        move_folder(tmp_path / "new", tmp_path / "other")
