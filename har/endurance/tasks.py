"""What is done while disks are full and others do the same: preparing, training and evaluating, of seconds each."""

import shlex
import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from har.endurance.attempts import TrainingScript
from har.endurance.killed import go_on
from har.endurance.losses import LossError, check_same_run, contents, run_folders
from har.protocol.plan import SET_BY_CELLS
from har.recordings.memory import FOLDER as MEMORY

PREPARE = "data_scripts/human_activity_recognition/prepare_data.py"
EVALUATE = "val_scripts/human_activity_recognition/evaluate_zero_shot.py"
RAW_DATASET = "wharf"  # whose raw files are the simplest: three whole numbers a line
_TRIALS, _ROWS = 4, 640


class Task(NamedTuple):
    """Something that a script does in a folder.

    prepare: puts into the folder what the script finds there. arguments: of the script, in that folder; where it has
    been interrupted, those with which it goes on. check: compares the folder (first) with one in which nothing happened
    to the task; raises ``LossError``.
    """

    name: str
    script: str
    prepare: Callable[[Path], object]
    arguments: Callable[[Path], list[str]]
    check: Callable[[Path, Path], object]


def training_task(training: TrainingScript, corpus: Path | None) -> Task:
    """Training on a copy of ``corpus`` of which nothing is known, or on simulated people; with an empty text cache."""

    def arguments(folder: Path) -> list[str]:
        places = {"DATA_ROOT": folder / "data", "TEXT_CACHE": folder / "text", "OUTPUT_ROOT": folder / "out"}
        return go_on(training, places)

    def check(found: Path, expected: Path) -> None:
        """The newest run of a folder, in which others may lie that were begun."""
        (whole,) = run_folders(expected / "out")
        check_same_run(run_folders(found / "out")[-1], whole)

    return Task(training.name, training.script, partial(_with_datasets, corpus), arguments, check)


def simulating_task(people: int, hours: float, seed: int, former: Path) -> Task:
    """Simulating into a folder that holds the datasets ``former``."""
    options = ["simulate", f"--people={people}", f"--hours={hours}", f"--seed={seed}"]

    def arguments(folder: Path) -> list[str]:
        return [*options, f"--out={folder / 'data'}"]

    return Task("simulating", PREPARE, partial(_with_datasets, former), arguments, check_datasets)


def converting_task(seed: int, former: Path) -> Task:
    """Converting raw files of a seed into a folder that holds the datasets ``former``."""

    def arguments(folder: Path) -> list[str]:
        raw = folder / f"raw_{seed}"
        if not raw.exists():
            write_raw_files(raw, seed)
        return ["convert", RAW_DATASET, f"--raw={raw}", f"--out={folder / 'data'}"]

    return Task("converting", PREPARE, partial(_with_datasets, former), arguments, check_datasets)


def evaluating_task(checkpoint: Path, dataset: str, corpus: Path) -> Task:
    """Scoring a checkpoint on a dataset of a copy of ``corpus``."""

    def arguments(folder: Path) -> list[str]:
        return [
            f"--checkpoint={checkpoint}", f"--datasets={dataset}", f"--data={folder / 'data'}",
            f"--out={folder / 'report'}", "--device=cpu",
        ]  # fmt: skip

    return Task("evaluating", EVALUATE, partial(_with_datasets, corpus), arguments, check_report)


def protocol_task(training: TrainingScript, datasets: Sequence[str], steps: int, corpus: Path) -> Task:
    """Leaving each of some datasets of a copy of ``corpus`` out in turn, with models of that many steps."""
    constants = {name: value for name, value in training.constants.items() if name not in SET_BY_CELLS}

    def arguments(folder: Path) -> list[str]:
        train = shlex.join(f"--{name}={value}" for name, value in {**constants, "TEXT_CACHE": folder / "text"}.items())
        return [
            "--protocol=leave-one-dataset-out", f"--data={folder / 'data'}", f"--out={folder / 'report'}",
            "--datasets", *datasets, "--seeds=0", "--references=none", f"--steps={steps}", f"--train={train}",
        ]  # fmt: skip

    return Task("protocol", EVALUATE, partial(_with_datasets, corpus), arguments, check_predictions)


def _with_datasets(former: Path | None, folder: Path) -> None:
    """Put copies of datasets into a task's folder, without what was found out about them."""
    if former is None:
        (folder / "data").mkdir()
    else:
        shutil.copytree(former, folder / "data", ignore=shutil.ignore_patterns(MEMORY))


def write_raw_files(folder: Path, seed: int) -> None:
    """Raw files as WHARF has them: trials of two people, walking and drinking."""
    generator = np.random.default_rng(seed)
    for trial in range(_TRIALS):
        activity = ("Walk", "Drink_glass")[trial % 2]
        name = f"Accelerometer-2011-04-11-13-28-{trial:02d}-{activity.lower()}-f{trial // 2 + 1}.txt"
        (folder / activity).mkdir(parents=True, exist_ok=True)
        # Still, one of the axes upward: 63 codes for 3 g.
        codes = np.rint(31.5 + np.array([0.0, 0.0, 21.0]) + generator.normal(0, 0.3, (_ROWS, 3))).astype(int)
        (folder / activity / name).write_text("".join(f"{x} {y} {z}\n" for x, y, z in codes))


# --- What must be right ----------------------------------------------------------------------------------------------


def datasets_in(folder: Path) -> dict[str, dict[str, bytes]]:
    """Name -> contents of every dataset folder under ``data`` of a task's folder."""
    headers = sorted((folder / "data").glob("[!.]*/dataset.json"))
    return {header.parent.name: contents(header.parent) for header in headers}


def check_datasets(found: Path, expected: Path) -> None:
    """Two folders hold the same datasets, to the byte. Raises ``LossError``."""
    if datasets_in(found) != datasets_in(expected):
        raise LossError(f"{found / 'data'} holds other datasets than come about where nothing happens")


def check_intact(found: Path, before: Path, after: Path) -> None:
    """Every dataset is as it was before or as it should become, and none is missing. Raises ``LossError``."""
    old, new, now = map(datasets_in, (before, after, found))
    for name in old | now:
        if name not in now or now[name] not in (old.get(name), new.get(name)):
            raise LossError(f"{found / 'data' / name} is neither what it was nor what it should become")


def check_report(found: Path, expected: Path) -> None:
    """Two reports have the same files, and the same predictions. Raises ``LossError``."""
    names = [set(contents(folder / "report")) for folder in (found, expected)]
    if names[0] != names[1]:
        raise LossError(f"{found / 'report'} holds {sorted(names[0] ^ names[1])} or lacks them")
    check_predictions(found, expected)


def check_predictions(found: Path, expected: Path) -> None:
    """Two reports have the same tables of predictions, to the byte. Raises ``LossError``."""
    one, other = (
        {name: table for name, table in contents(folder / "report").items() if name.endswith(".csv")}
        for folder in (found, expected)
    )
    if one != other or not one:
        raise LossError(f"the predictions in {found / 'report'} differ from those where nothing happens")
