"""All kinds of trials, each by its name, from what they start from."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from har.endurance.attempts import Account, TrainingScript
from har.endurance.damaged import damaged_checkpoints, damaged_datasets, damaged_raw_files, damaged_records
from har.endurance.full_disk import FullDisk
from har.endurance.killed import KilledTraining
from har.endurance.losses import LossError, check_same_run, run_folders
from har.endurance.outcome import Outcome
from har.endurance.scripts import ForkedScripts
from har.endurance.tasks import (
    Task,
    check_datasets,
    check_predictions,
    converting_task,
    evaluating_task,
    protocol_task,
    simulating_task,
    training_task,
)
from har.endurance.together import Pair, Together
from har.recordings.simulate import write_simulated_corpus


@dataclass(frozen=True)
class Bench:
    """Trials of training scripts on a small corpus, which is simulated.

    people, hours: in each of its ``datasets``; the last one is held out. simulated: people and hours of what is
    simulated in trials. protocol_steps: of a model's training. work: folder for all files. raw: folder of real raw
    files, None where there are none. seed: of all that is drawn.
    """

    main: TrainingScript
    pretrain: TrainingScript
    people: int
    hours: float
    datasets: Sequence[str]
    simulated: tuple[int, float]
    protocol_steps: int
    scripts: ForkedScripts
    work: Path
    raw: Path | None
    seed: int

    @property
    def kinds(self) -> Mapping[str, Callable[[int], Iterator[Outcome]]]:
        """Name -> outcomes of that many trials."""
        return {
            "raw-files": lambda count: damaged_raw_files(count, self.seed, self.work / "raw files", self.raw),
            "checkpoints": lambda count: damaged_checkpoints(count, self.seed, self.work / "checkpoints"),
            "datasets": lambda count: damaged_datasets(count, self.seed, self.work / "datasets"),
            "records": lambda count: damaged_records(count, self.seed, self.work / "records"),
            "killed-main": lambda count: self._killed(self.main).outcomes(count, self.seed),
            "killed-pretrain": lambda count: self._killed(self.pretrain).outcomes(count, self.seed),
            "disk": self.full_disks,
            "together": self.together,
        }

    @cached_property
    def corpus(self) -> Path:
        folder = self.work / "corpus"
        write_simulated_corpus(folder, people=self.people, hours=self.hours, seed=0, names=self.datasets)
        return folder

    @cached_property
    def empty(self) -> Path:
        """A folder without datasets."""
        folder = self.work / "empty"
        folder.mkdir()
        return folder

    @cached_property
    def checkpoint(self) -> Path:
        """Of a run of the main script that nothing happened to."""
        task, folder = training_task(self.main, self.corpus), self.work / "trained"
        self._do(task, folder)
        (run,) = run_folders(folder / "out")
        return run / "best.pt"

    def _do(self, task: Task, folder: Path) -> None:
        folder.mkdir()
        task.prepare(folder)
        Account(self.scripts, folder).succeed(task.script, *task.arguments(folder))

    def _killed(self, training: TrainingScript) -> KilledTraining:
        return KilledTraining(training, self.scripts, self.corpus, self.work / f"killed {training.name}")

    def full_disks(self, count: int) -> Iterator[Outcome]:
        """Both trainings, converting, simulating and evaluating on full disks."""
        for task in (simulating_task(*self.simulated, 0, self.empty), converting_task(0, self.empty)):
            self._do(task, self.work / f"former {task.name}")
        tasks = [
            training_task(self.main, self.corpus),
            converting_task(1, self.work / "former converting" / "data"),
            training_task(self.pretrain, self.corpus),
            simulating_task(*self.simulated, 1, self.work / "former simulating" / "data"),
            evaluating_task(self.checkpoint, self.datasets[-1], self.corpus),
        ]
        yield from FullDisk(tasks, self.scripts, self.work / "full disk").outcomes(count, self.seed)

    def together(self, count: int) -> Iterator[Outcome]:
        """Two processes at once in one folder."""
        train, simulate = training_task(self.main, None), simulating_task(*self.simulated, 0, self.empty)
        evaluate = evaluating_task(self.checkpoint, self.datasets[-1], self.corpus)
        protocol = protocol_task(self.main, self.datasets[:2], self.protocol_steps, self.corpus)
        stages = [training_task(script, self.corpus) for script in (self.main, self.pretrain)]
        pairs = [
            Pair(train, train, _both_runs),
            Pair(converting_task(0, self.empty), converting_task(1, self.empty), _one_or_the_other),
            Pair(*stages, _both_runs),
            Pair(simulate, simulate, _as_the_first(check_datasets)),
            Pair(evaluate, evaluate, _as_the_first(check_predictions)),
            Pair(protocol, protocol, _as_the_first(check_predictions), "is still at work there"),
        ]
        yield from Together(pairs, self.scripts, self.work / "together").outcomes(count, self.seed)


def _as_the_first(check: Callable[[Path, Path], object]) -> Callable[[Path, Path, Path], None]:
    def both(found: Path, first: Path, second: Path) -> None:
        check(found, first)

    return both


def _one_or_the_other(found: Path, first: Path, second: Path) -> None:
    try:
        check_datasets(found, first)
    except LossError:
        check_datasets(found, second)


def _both_runs(found: Path, first: Path, second: Path) -> None:
    """The runs of both, each as if it had been alone."""
    runs = {folder.parent.name: folder for alone in (first, second) for folder in run_folders(alone / "out")}
    made = run_folders(found / "out")
    if len(made) != 2:
        raise LossError(f"{found / 'out'} holds {len(made)} runs of 2")
    for run in made:
        check_same_run(run, runs[run.parent.name])
