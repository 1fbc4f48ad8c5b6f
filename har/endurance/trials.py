"""Trials that cannot disturb each other: each in a process of its own, with its time and memory, and a few at once."""

import json
import os
import resource
import select
import signal
import time
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import torch

from har.endurance.outcome import Outcome
from har.protocol.request import EvaluationError
from har.recordings.format import DatasetError
from har.run.checkpoint import CheckpointError
from har.run.constants import ConstantError
from har.run.folder import RecordError

LIMIT_S = 10.0
LIMIT_MB = 1024.0
AT_ONCE = 2

# What may end a trial: the project's own words. A bare OSError of the system is none of them.
REFUSALS = (DatasetError, CheckpointError, ConstantError, EvaluationError, RecordError)
REFUSED, RIGHT, NOTED = "refused", "right data", "with a note"

# Of address space beyond what the process has already: what would fill the machine fails instead, and is seen.
_ADDRESS_SPACE_BYTES = 8 << 30
_READ_BYTES = 1 << 16


class SilentChangeError(AssertionError):
    """What was read is not what had been written, and nobody was told."""


class Trial(NamedTuple):
    """One thing to try.

    kind, description: as in ``Outcome``. act: does it, and returns how it ended; raises ``SilentChangeError`` where
    something else came out. named: what the words of a refusal must hold, such as the name of the damaged file.
    """

    kind: str
    description: str
    act: Callable[[], str]
    named: str = ""


class _Running(NamedTuple):
    number: int
    trial: Trial
    process: int
    handle: int  # of the process: readable once it has ended
    output: int
    began: float


def outcomes(
    trials: Iterable[Trial], *, at_once: int = AT_ONCE, limit_s: float = LIMIT_S, limit_mb: float = LIMIT_MB
) -> Iterator[Outcome]:
    """Do the trials, ``at_once`` of them, and yield what they came to in their order.

    limit_s: a trial that takes longer is ended, which is a loss; its waiting for a processor that others use does not
    count. limit_mb: one that needs more resident memory beyond what this process has is a loss as well. Processes are
    forked: whatever a trial imports should be imported.
    """
    waiting, running, done = enumerate(trials), {}, {}
    yielded, more = 0, True
    try:
        while more or running:
            while more and len(running) < at_once:
                # Asked for one by one: a trial holds what it damages.
                number, trial = next(waiting, (0, None))
                more = trial is not None
                if more:
                    begun = _fork(number, trial)
                    running[begun.handle] = begun
            if not running:
                break
            for one in _ended(running, limit_s):
                del running[one.handle]
                done[one.number] = _outcome(one, limit_s, limit_mb)
            while yielded in done:
                yield done.pop(yielded)
                yielded += 1
    finally:  # also where nobody asks for the rest
        for one in running.values():
            os.kill(one.process, signal.SIGKILL)
            os.waitpid(one.process, 0)
            os.close(one.handle)
            os.close(one.output)


def _fork(number: int, trial: Trial) -> _Running:
    output, to_parent = os.pipe()
    began = time.monotonic()
    process = os.fork()
    if process == 0:
        os.close(output)
        try:
            _in_child(trial, to_parent)
        finally:  # neither what the parent would do at its end nor its buffered output
            os._exit(0)
    os.close(to_parent)
    return _Running(number, trial, process, os.pidfd_open(process), output, began)


def _in_child(trial: Trial, to_parent: int) -> None:
    """Two lines for the parent: memory before (KB), then how it ended."""
    os.write(to_parent, f"{_peak_kb()}\n".encode())
    limit = _address_space_bytes() + _ADDRESS_SPACE_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    torch.set_num_threads(1)  # the threads of the parent do not exist here
    warnings.simplefilter("ignore")
    loss, ended = "", ""
    try:
        ended = trial.act()
    except SilentChangeError as change:
        loss, ended = f"silent change: {change}", "silent change"
    except Exception as error:  # whatever it is, it is what the trial came to
        loss = _loss_of(error, trial)
        ended = "traceback" if loss else REFUSED
    report = json.dumps({"loss": loss, "ended": ended, "peak_kb": _peak_kb()})
    os.write(to_parent, report.encode()[:_READ_BYTES])


def _loss_of(error: Exception, trial: Trial) -> str:
    """ "" for a refusal in words that names what was damaged."""
    words = isinstance(error, REFUSALS) or (isinstance(error, FileNotFoundError) and error.errno is None)
    if not words:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        return f"traceback: {type(error).__name__}: {str(error)[:200]} ({Path(frame.filename).name}:{frame.lineno})"
    return "" if trial.named in str(error) else f"traceback: the words do not name {trial.named}: {str(error)[:200]}"


def _ended(running: dict[int, _Running], limit_s: float) -> list[_Running]:
    """Those that have, after waiting for one; those that take too long are ended."""
    left_s = min(limit_s - _seconds(one) for one in running.values())
    ready, _, _ = select.select(list(running), [], [], max(0.05, left_s))
    found = [running[handle] for handle in ready]
    for one in running.values():
        if one not in found and _seconds(one) >= limit_s:
            os.kill(one.process, signal.SIGKILL)
            found.append(one)
    return found


def _seconds(one: _Running) -> float:
    """Since it began, without those in which it could have run and had no processor."""
    wall_s = time.monotonic() - one.began
    try:
        waited_ns = int(Path(f"/proc/{one.process}/schedstat").read_text().split()[1])
    except FileNotFoundError:  # a system that does not count them
        return wall_s
    return max(0.0, wall_s - waited_ns / 1e9)


def _outcome(one: _Running, limit_s: float, limit_mb: float) -> Outcome:
    seconds = _seconds(one)
    _, status, usage = os.wait4(one.process, 0)
    before, _, report = os.read(one.output, _READ_BYTES + 100).decode().partition("\n")
    os.close(one.handle)
    os.close(one.output)
    found = json.loads(report) if report else {"loss": "", "ended": "killed", "peak_kb": usage.ru_maxrss}
    peak_mb = max(0, found["peak_kb"] - int(before or usage.ru_maxrss)) / 1024
    loss = found["loss"]
    if not report and seconds >= limit_s:
        loss = f"took more than {limit_s:g} s"
    elif not report:
        loss = f"the process ended with status {os.waitstatus_to_exitcode(status)}"
    elif peak_mb > limit_mb and not loss:
        loss = f"took {peak_mb:.0f} MB, more than {limit_mb:g}"
    kind, description = one.trial.kind, one.trial.description
    return Outcome(kind, description, loss, found["ended"], round(seconds, 3), round(peak_mb, 1))


def _peak_kb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _address_space_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * resource.getpagesize()
