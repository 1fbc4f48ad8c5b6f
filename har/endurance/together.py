"""Two processes that do the same in one folder at once: each ends right or with one clear line, never a mixture."""

import random
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from har.endurance.attempts import AT_ONCE, Account, last_line, outcomes
from har.endurance.losses import LossError, check_nothing_left, check_whole
from har.endurance.outcome import Outcome
from har.endurance.scripts import Ended, ForkedScripts
from har.endurance.tasks import Task

KIND = "two at once"
LATEST_S = 1.0  # after the first, the second starts


class Pair(NamedTuple):
    """Two tasks in one folder, prepared by the first. check: as of ``Task``, of the folders that either leaves alone.

    may_refuse: words with which one of them may end because the other is at work.
    """

    first: Task
    second: Task
    check: Callable[[Path, Path, Path], object]
    may_refuse: str = ""

    @property
    def name(self) -> str:
        return f"{self.first.name} and {self.second.name}"


class Started(NamedTuple):
    pair: Pair
    later_s: float

    def __str__(self) -> str:
        return f"{self.pair.name}, the second after {self.later_s:.2f} s"


class Together:
    """Does pairs of tasks at once in one folder. work: folder for all files; those of losses stay."""

    def __init__(self, pairs: Sequence[Pair], scripts: ForkedScripts, work: Path) -> None:
        self.pairs, self.scripts, self.work = pairs, scripts, work
        alone = {}
        for number, pair in enumerate(pairs):
            alone |= dict(zip(self._alone(number), (pair.first, pair.second), strict=True))

        def do(folder: Path) -> None:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            alone[folder].prepare(folder)
            Account(scripts, folder).succeed(alone[folder].script, *alone[folder].arguments(folder))

        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(do, alone))

    def _alone(self, number: int) -> tuple[Path, Path]:
        """Folders in which nothing happened to either task of that pair; one for a task that is both."""
        first, second = (self.work / f"pair_{number}" / name for name in ("first", "second"))
        return first, first if self.pairs[number].first is self.pairs[number].second else second

    def outcomes(self, count: int, seed: int) -> Iterator[Outcome]:
        generator = random.Random(f"{seed}/{KIND}")
        trials = [Started(self.pairs[n % len(self.pairs)], generator.uniform(0, LATEST_S)) for n in range(count)]
        described = [(f"seed {seed}, number {number}: {trial}", trial) for number, trial in enumerate(trials)]
        yield from outcomes(KIND, described, self._attempt, self.scripts, self.work / "trials")

    def _attempt(self, account: Account, trial: Started) -> str:
        pair = trial.pair
        pair.first.prepare(account.folder)

        def run(task: Task, arguments: list[str], later_s: float) -> Ended:
            time.sleep(later_s)
            return account.run(task.script, *arguments)

        # Before either begins: one that begins later does not go on with what the other has begun.
        tasks = [(task, task.arguments(account.folder)) for task in (pair.first, pair.second)]
        with ThreadPoolExecutor(2) as pool:
            both = list(pool.map(run, *zip(*tasks, strict=True), (0.0, trial.later_s)))
        refused = [ended for ended in both if ended.status != 0]
        for ended in refused:
            errors = [line for line in ended.stderr.splitlines() if line.startswith("error: ")]
            if ended.status != 2 or len(errors) != 1 or not (pair.may_refuse and pair.may_refuse in errors[0]):
                raise LossError(f"status {ended.status}: {last_line(ended.stderr)}")
        if len(refused) == 2:
            raise LossError(f"both were refused: {last_line(refused[0].stderr)}")
        check_whole(account.folder)
        check_nothing_left(account.folder)
        pair.check(account.folder, *self._alone(self.pairs.index(pair)))
        return "one refused" if refused else "both right"
