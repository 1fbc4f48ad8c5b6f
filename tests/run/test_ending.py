"""What users can mend ends with one line and a status; a fault of the code does not."""

import errno
import subprocess
import sys

import pytest
import torch

from har.run.checkpoint import CheckpointError
from har.run.constants import ConstantError, HelpAsked
from har.run.distributed import ProcessLostError
from har.run.ending import InterruptedRunError, exit_status


@pytest.mark.parametrize(
    ("raised", "status", "said"),
    [
        (None, 0, []),
        (HelpAsked("usage\n  --EPOCHS"), 0, ["out: usage\n  --EPOCHS"]),
        (ConstantError("two\n  lines"), 2, ["err: error: two lines"]),
        (CheckpointError("no checkpoint"), 2, ["err: error: no checkpoint"]),
        (ProcessLostError("gone"), 2, ["err: error: gone"]),
        (ImportError("no module"), 2, ["err: error: no module"]),
        (FileNotFoundError("not there"), 2, ["err: error: not there"]),
        (PermissionError(errno.EACCES, "Permission denied", "/data/x"), 2, ["err: error: /data/x: Permission denied"]),
        (InterruptedRunError("Stopped.\n  again"), 130, ["err: Stopped.\n  again"]),
        (KeyboardInterrupt(), 130, ["err: interrupted"]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_status_says_how_it_ended(raised, status, said):
    def work() -> str:
        if raised:
            raise raised
        return "a value that nobody wants"

    heard = []
    found = exit_status(work, lambda text: heard.append(f"out: {text}"), lambda text: heard.append(f"err: {text}"))
    assert found == status
    assert heard == said


@pytest.mark.parametrize("error", [MemoryError("160 GiB"), torch.OutOfMemoryError("CUDA out of memory")])
def test_out_of_memory_says_what_to_make_smaller(error):
    def work() -> None:
        raise error

    heard = []
    assert exit_status(work, heard.append, heard.append) == 2
    assert "out of memory; give a smaller BATCH_SIZE" in heard[0]


def test_a_fault_of_the_code_is_not_softened():
    with pytest.raises(ZeroDivisionError):
        exit_status(lambda: 1 / 0, print, print)


def test_a_reader_that_has_seen_enough_is_no_error():
    """As `head` is, which closes what it read from."""
    code = (
        "import functools, sys\n"
        "from har.run.ending import exit_status\n"
        "def work():\n"
        "    for line in range(100_000):\n"
        "        print('a line of a table that nobody reads to its end', flush=True)\n"
        "sys.exit(exit_status(work, print, functools.partial(print, file=sys.stderr)))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(timeout=60) == 141
