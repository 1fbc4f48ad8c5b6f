"""Training scripts killed at any moment: what is gone on with ends as if nothing had happened."""

import random
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from har.endurance.attempts import Account, TrainingScript, outcomes
from har.endurance.losses import LossError, check_nothing_left, check_same_run, check_whole, run_folders
from har.endurance.outcome import Outcome
from har.endurance.scripts import ForkedScripts, Watch
from har.recordings.memory import FOLDER as MEMORY

TWICE = 0.2  # share of the trials that are killed a second time
LATEST_S = 0.02  # after a change of files has begun


class Start(NamedTuple):
    """What a training finds, and how far it goes.

    corpus: "known" with all caches filled, "unknown" without any, or "none", so that people are simulated first. whole:
    to its end, with plots; else to the end of the last epoch but one.
    """

    corpus: str
    whole: bool

    def __str__(self) -> str:
        return f"corpus {self.corpus}{'' if self.whole else ', stopped before the last epoch'}"

    @property
    def folder(self) -> str:
        return f"{self.corpus}_{'whole' if self.whole else 'stopped'}"


# Of ten trials. Plots take most of the time of a training of seconds.
STARTS = (
    *[Start("known", whole=False)] * 5, *[Start("known", whole=True)] * 2, *[Start("unknown", whole=True)] * 2,
    Start("none", whole=False),
)  # fmt: skip


class Reference(NamedTuple):
    """A run that nothing happened to: its folder, how long it took, and how many changes of files it made."""

    folder: Path
    seconds: float
    changes: int


class Moment(NamedTuple):
    """When a process is killed: after so many seconds, from the change of that number on where it is not 0."""

    change: int
    seconds: float

    def __str__(self) -> str:
        return f"{1000 * self.seconds:.0f} ms after change {self.change}" if self.change else f"at {self.seconds:.2f} s"


class Killed(NamedTuple):
    start: Start
    moments: list[Moment]

    def __str__(self) -> str:
        return f"{self.start}; killed {', then '.join(map(str, self.moments))}"


class KilledTraining:
    """Kills a training by SIGKILL, once or twice, goes on, and compares with the run that nothing happened to.

    Half of the moments are drawn over the time that it takes, half are changes that it makes to files. Where there is a
    checkpoint the run goes on from it, else it starts anew.

    corpus: folder of prepared datasets, which is copied. work: folder for all files; those of losses stay. starts: of
    as many trials, one with an unknown corpus among them. Raises ``LossError`` when a run that nothing happens to does
    not come to its end.

    Attributes:
        references: what comes about where nothing happens, of every start.
    """

    def __init__(
        self,
        training: TrainingScript,
        scripts: ForkedScripts,
        corpus: Path,
        work: Path,
        starts: Sequence[Start] = STARTS,
    ) -> None:
        self.training, self.scripts, self.corpus, self.work = training, scripts, corpus, work
        self._starts, self._first = starts, next(start for start in starts if start.corpus == "unknown")
        # What the first one finds out about its corpus is what others know.
        self.references = {start: self._reference(start) for start in (self._first, *sorted(set(starts)))}

    def outcomes(self, count: int, seed: int) -> Iterator[Outcome]:
        generator = random.Random(f"{seed}/{self.training.name}")
        trials = [self._drawn(generator, number) for number in range(count)]
        described = [(f"seed {seed}, number {number}: {trial}", trial) for number, trial in enumerate(trials)]
        kind = f"{self.training.name} killed"
        yield from outcomes(kind, described, self.attempt, self.scripts, self.work / "trials")

    def _drawn(self, generator: random.Random, number: int) -> Killed:
        """The trial of that number; of as many in a row as there are starts, each has its share."""
        start = self._starts[7 * number % len(self._starts)]
        reference, moments = self.references[start], []
        for _ in range(1 + (generator.random() < TWICE)):
            if generator.random() < 0.5:
                moments.append(Moment(0, generator.uniform(0, reference.seconds)))
            else:
                late = generator.random() < 0.5
                moments.append(Moment(generator.randint(1, reference.changes), late * generator.uniform(0, LATEST_S)))
        return Killed(start, moments)

    def _constants(self, start: Start, folder: Path) -> dict[str, object]:
        """Where a run in ``folder`` finds its corpus and caches, and writes; and how far it goes."""
        data, text = folder / "data", folder / "text"
        if start.corpus == "unknown":
            shutil.copytree(self.corpus, data, ignore=shutil.ignore_patterns(MEMORY))
        else:
            text = self.work / self._first.folder / "text"
        if start.corpus == "known":  # with the times of all files, which findings depend on
            shutil.copytree(self.work / self._first.folder / "data", data)
        if start.corpus == "none":
            data.mkdir()
        last = 0 if start.whole else self.training.constants["EPOCHS"] - 1
        return {"DATA_ROOT": data, "TEXT_CACHE": text, "OUTPUT_ROOT": folder / "out", "STOP_AFTER_EPOCH": last}

    def _reference(self, start: Start) -> Reference:
        folder = self.work / start.folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        constants, counted = self._constants(start, folder), folder.with_suffix(".count")
        watch, began = Watch(str(folder), counted=str(counted)), time.monotonic()
        account = Account(self.scripts, folder)
        account.succeed(self.training.script, *self.training.arguments(**constants), watch=watch)
        seconds = time.monotonic() - began
        (run,) = run_folders(folder / "out")
        check_whole(folder)
        check_nothing_left(folder)
        return Reference(run, seconds, int(counted.read_text()))

    def attempt(self, account: Account, trial: Killed) -> str:
        """Make a trial; returns how it ended. Raises ``LossError``."""
        script, constants = self.training.script, self._constants(trial.start, account.folder)
        kills = 0
        for moment in trial.moments:
            options: dict = {"killed_after_s": moment.seconds}
            if moment.change:
                options = {"watch": Watch(str(account.folder), moment.change, "kill", moment.seconds)}
            ended = account.run(script, *go_on(self.training, constants), **options)
            if ended.status not in (0, -9):
                raise LossError(f"ended with status {ended.status} before it was killed: {ended.stderr[-300:]}")
            kills += ended.status == -9
            check_whole(account.folder)
        arguments = go_on(self.training, constants)
        ended = account.succeed(script, *arguments)
        if damaged := [line for line in ended.stderr.splitlines() if "damaged" in line]:
            raise LossError(f"a cache was damaged: {damaged[0]}")
        check_whole(account.folder)
        check_nothing_left(account.folder)
        check_same_run(run_folders(account.folder / "out")[-1], self.references[trial.start].folder)
        if not kills:
            return "had ended before"
        return "went on" if any(argument.startswith("--RESUME") for argument in arguments) else "began anew"


def go_on(training: TrainingScript, constants: Mapping[str, object]) -> list[str]:
    """The arguments that a user gives: RESUME where there is something to go on from."""
    runs = run_folders(Path(constants["OUTPUT_ROOT"]))
    if runs and any(runs[-1].glob(training.checkpoints)):
        return training.arguments(**constants, RESUME=runs[-1])
    return training.arguments(**constants)
