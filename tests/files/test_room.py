"""Where there is no room, the file, what is missing and what to do are named in one line; the rest is as it was."""

import contextlib
import errno
import os
import resource
import signal
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from har.files.room import NoRoomError, room_for
from har.files.whole import write_atomically
from har.plots.style import save_figure
from har.recordings.format import DatasetWriter, StreamInfo, read_dataset
from har.run.checkpoint import load_checkpoint, save_checkpoint
from har.run.ending import exit_status
from har.run.log import MetricsLog, read_metrics

LIMIT = 3000  # bytes of a file


@contextlib.contextmanager
def little_room() -> Iterator[None]:
    """No file may grow beyond the limit: the same error paths as on a full disk, without one.

    A block, not a fixture: what pytest says goes to a file too.
    """
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.getsignal(signal.SIGXFSZ)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def write_dataset(folder, samples: int) -> None:
    with DatasetWriter(folder, title="t", citation="c", licence="l", source_url="u") as writer:
        writer.add_stream(StreamInfo("watch", "test", "left wrist", ("acc_x", "acc_y", "acc_z"), 25.0))
        still = np.random.default_rng(0).normal(0, 0.005, (samples, 3)) + np.array([0.0, 0.6, 0.8])
        writer.append("watch", recording="r", subject="p", samples=still, labels=[("standing", 0, samples)])


def write_log(path, records: int) -> None:
    with MetricsLog(path, resume_step=0) as log:
        for step in range(records):
            log.log({"step": step, "loss": 0.125})


def draw(path, size: int) -> None:
    figure = Figure(figsize=(size, size))
    figure.subplots().plot(np.random.default_rng(0).normal(size=50 * size))
    save_figure(figure, path)


WRITERS = {
    "text.json": (lambda path, size: write_atomically(path, "x" * size), 10, 10_000),
    "best.pt": (lambda path, size: save_checkpoint(path, {"weights": torch.ones(size)}), 10, 10_000),
    "curves.png": (draw, 1, 8),
    "mine": (write_dataset, 50, 5000),
}


@pytest.mark.parametrize("name", WRITERS)
def test_the_line_names_the_file_and_what_stood_there_stays(name, tmp_path):
    write, small, large = WRITERS[name]
    path = tmp_path / name
    if name == "curves.png":
        path.write_bytes(b"a small picture")
    else:
        write(path, small)
    before = {one: one.read_bytes() for one in tmp_path.rglob("*") if one.is_file()}
    heard: list[str] = []
    with little_room():
        status = exit_status(lambda: write(path, large), heard.append, heard.append)
    assert status == 2
    (line,) = heard
    assert line.startswith(f"error: {path}") and "\n" not in line
    assert "larger than files may be (3,000 bytes; ulimit -f" in line and "make room or name another place" in line
    assert {one: one.read_bytes() for one in tmp_path.rglob("*") if one.is_file()} == before
    if name == "best.pt":
        assert torch.equal(load_checkpoint(path)["weights"], torch.ones(small))
    if name == "mine":
        assert len(read_dataset(path, scan=True).streams["watch"].samples) == small


def test_a_log_without_room_keeps_its_whole_lines(tmp_path):
    path = tmp_path / "metrics.jsonl"
    with pytest.raises(NoRoomError, match="larger than files may be") as caught, little_room():
        write_log(path, 1000)
    assert caught.value.filename == str(path)
    steps = [record["step"] for record in read_metrics(path)]
    assert steps == list(range(len(steps))) and len(path.read_bytes()) == LIMIT


@pytest.mark.parametrize(
    ("number", "words"), [(errno.ENOSPC, "the disk is full"), (errno.EDQUOT, "the quota is used up")]
)
def test_what_is_free_and_what_it_takes(tmp_path, number, words):
    with pytest.raises(NoRoomError) as caught, room_for(tmp_path / "not made" / "best.pt", size=12_345_678):
        raise OSError(number, os.strerror(number))
    assert words in caught.value.strerror and "it takes 12.3 MB" in caught.value.strerror
    assert " are free" in caught.value.strerror


def test_other_errors_are_left_as_they_are(tmp_path):
    error = PermissionError(errno.EACCES, "Permission denied", "x")
    with pytest.raises(PermissionError) as caught, room_for(tmp_path):
        raise error
    assert caught.value is error


def test_a_folder_that_cannot_be_made_for_lack_of_space_is_explained_too():
    def work() -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/")

    heard: list[str] = []
    assert exit_status(work, heard.append, heard.append) == 2
    assert heard[0].startswith("error: /: the disk is full: 0 bytes of it were written, ")
