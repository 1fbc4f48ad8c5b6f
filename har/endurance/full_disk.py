"""Disks that are full at any moment: one line says so, what was there stays, and with room the work is done."""

import contextlib
import math
import random
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from har.endurance.attempts import Account, last_line, outcomes
from har.endurance.losses import LossError, check_nothing_left, check_whole
from har.endurance.outcome import Outcome
from har.endurance.scripts import Ended, ForkedScripts, Watch
from har.endurance.tasks import Task, check_intact

KIND = "disk full"
DISK_MB = 64  # of a disk in memory
ROOM_BYTES = (1, 200_000)  # left, drawn evenly over its logarithm
NO_ROOM_LEFT = 0.3  # share of the trials in which nothing is left


class Full(NamedTuple):
    """A task whose disk is full from a change of files on: files are limited, or the disk holds so many bytes more."""

    task: Task
    act: str
    change: int
    room: int

    def __str__(self) -> str:
        how = "files limited to" if self.act == "limit" else "disk full up to"
        return f"{self.task.name}; {how} {self.room} bytes from change {self.change} on"


class FullDisk:
    """Does tasks, one after the other, on disks that are full from some moment on, and then once more with room.

    A disk is full in two ways: as a small one in memory, where mounting is permitted (``mounts`` says so), and by a
    limit on the size of files. work: folder for all files; those of losses stay. Raises ``LossError`` when a task that
    nothing happens to does not come to its end.
    """

    def __init__(self, tasks: Sequence[Task], scripts: ForkedScripts, work: Path) -> None:
        self.tasks, self.scripts, self.work = tasks, scripts, work
        self.mounts = can_mount(work)
        self.changes = {task.name: self._reference(task) for task in tasks}

    def outcomes(self, count: int, seed: int) -> Iterator[Outcome]:
        generator = random.Random(f"{seed}/{KIND}")
        trials = [self._drawn(generator, number) for number in range(count)]
        described = [(f"seed {seed}, number {number}: {trial}", trial) for number, trial in enumerate(trials)]
        kind = KIND if self.mounts else f"{KIND} (limits alone: no mounting here)"
        yield from outcomes(kind, described, self.attempt, self.scripts, self.work / "trials")

    def _drawn(self, generator: random.Random, number: int) -> Full:
        task = self.tasks[number % len(self.tasks)]
        act = "fill" if self.mounts and number // len(self.tasks) % 2 else "limit"
        room = round(math.exp(generator.uniform(*map(math.log, ROOM_BYTES))))
        room = 0 if generator.random() < NO_ROOM_LEFT else room
        return Full(task, act, generator.randint(1, self.changes[task.name]), room)

    def _reference(self, task: Task) -> int:
        """Do a task where nothing happens; returns how many changes of files it makes."""
        before, after = (self.work / task.name / name for name in ("before", "after"))
        for folder in (before, after):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            task.prepare(folder)
        counted = self.work / task.name / "count"
        watch = Watch(str(after), counted=str(counted))
        Account(self.scripts, after).succeed(task.script, *task.arguments(after), watch=watch)
        return int(counted.read_text())

    def attempt(self, account: Account, trial: Full) -> str:
        """Make a trial; returns how it ended. Raises ``LossError``."""
        task, before, after = trial.task, *(self.work / trial.task.name / name for name in ("before", "after"))
        with small_disk(account.folder) if trial.act == "fill" else contextlib.nullcontext(account.folder) as folder:
            task.prepare(folder)
            watch = Watch(str(folder), trial.change, trial.act, room=trial.room)
            ended = account.run(task.script, *task.arguments(folder), watch=watch, piped=trial.act == "limit")
            said = check_ending(ended)
            (folder / "filler").unlink(missing_ok=True)
            check_whole(folder)
            check_nothing_left(folder)
            check_intact(folder, before, after)
            if ended.status != 0:
                account.succeed(task.script, *task.arguments(folder))
            check_whole(folder)
            check_nothing_left(folder)
            task.check(folder, after)
        return said


def check_ending(ended: Ended) -> str:
    """How a script ended that may have found no room. Raises ``LossError`` unless it says what to do, in one line."""
    if ended.status == 0:
        return "did without" if "Warning" in ended.stderr else "had room"
    errors = [line for line in ended.stderr.splitlines() if "error: " in line]
    if ended.status != 2 or len(errors) != 1:
        raise LossError(f"status {ended.status} and {len(errors)} lines of errors: {last_line(ended.stderr)}")
    if "make room" not in errors[0] or not ("are free" in errors[0] or "ulimit" in errors[0]):
        raise LossError(f"does not say how much room is missing, or what to do: {errors[0]}")
    return "one line"


def can_mount(work: Path) -> bool:
    """Whether this process may mount a disk in memory below ``work``."""
    try:
        work.mkdir(parents=True, exist_ok=True)
        with small_disk(work):
            return True
    except (OSError, subprocess.CalledProcessError):
        return False


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A disk in memory, mounted on a new folder in ``folder`` as long as the block lasts."""
    disk = folder / "disk"
    disk.mkdir()
    try:
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "none", str(disk)], check=True, capture_output=True
        )
        try:
            yield disk
        finally:
            subprocess.run(["umount", "--lazy", str(disk)], check=True, capture_output=True)
    finally:
        disk.rmdir()
