"""The cells of a protocol: one model each, trained and scored by processes of their own, finished or not at all.

A cell is the folder ``cells/<dataset>/<what>_<number>/`` of the protocol's folder:

    log.txt            the commands and what they printed
    training/          the run folder of semantic_alignment_train.py (none for a forest)
    evaluation/        what evaluate_zero_shot.py wrote, predictions_<dataset>.csv above all
    cell.json          written last: a cell without it is not finished, and is done anew
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from har.evaluation.report import RESULTS_NAME
from har.protocol.plan import (
    CEILING,
    FOREST,
    FROZEN,
    PLAN_NAME,
    TRAINING_SCRIPT,
    Cell,
    Plan,
    fold_share,
    fold_start,
)
from har.protocol.request import EvaluationError
from har.protocol.scoring import predictions_name, read_predictions
from har.run.folder import RecordError, git_state, read_json, repository_root, write_json

RECORD_NAME, LOG_NAME = "cell.json", "log.txt"
LOG_LINES_SHOWN = 15  # of a cell that failed
PATIENCE_S = 5.0  # for a process that was asked to end, before it is made to

FOREST_PROTOCOL = "forest-cell"  # of the evaluation script: a cell of this protocol, not for people
EVALUATION_SCRIPT = "val_scripts/human_activity_recognition/evaluate_zero_shot.py"


class CellError(EvaluationError):
    """A cell's process failed; ``log_lines`` are the last ones of its log."""

    def __init__(self, message: str, log_lines: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.log_lines = list(log_lines)


class StoppedError(RuntimeError):
    """A cell was ended because the protocol stops."""


# --- What a cell runs ------------------------------------------------------------------------------------------------


def training_arguments(cell: Cell, plan: Plan, folder: Path) -> list[str]:
    """Command line of the training script: the overrides of the plan, and what the cell itself sets."""
    constants = dict(argument[2:].partition("=")[::2] for argument in plan.train)
    constants |= {
        "DATA_ROOT": plan.data,
        "OUTPUT_ROOT": str(folder / "training"),
        "HELD_OUT_DATASETS": f"{cell.dataset},",
        "SEED": str(cell.number),
        # One epoch: there is one checkpoint, the last, and nothing to choose.
        "EPOCHS": "1",
        "STEPS_PER_EPOCH": str(plan.steps_of(cell)),
    }
    if cell.what == FROZEN:
        constants["FREEZE_ENCODER"] = "True"
    if cell.what == CEILING:
        constants |= {
            "DATASETS": f"{cell.dataset},",
            "HELD_OUT_DATASETS": "",
            "SEED": "0",
            "VALIDATION_SHARE": repr(fold_share()),
            "VALIDATION_FROM": repr(fold_start(cell.number)),
        }
    return [f"--{name}={value}" for name, value in constants.items()]


def commands(cell: Cell, plan: Plan, folder: Path) -> list[tuple[str, Callable[[], list[str]]]]:
    """(script, its arguments) one after the other; arguments are known when the script before has ended."""
    evaluation = ["--datasets", cell.dataset, "--out", str(folder / "evaluation")]
    if cell.what == FOREST:
        # The plan's own record is three folders up: <out>/cells/<dataset>/<cell>.
        options = ["--plan", str(folder.parents[2] / PLAN_NAME), "--seed", str(cell.number)]
        return [(EVALUATION_SCRIPT, lambda: ["--protocol", FOREST_PROTOCOL, *evaluation, *options])]
    options = ["--data", plan.data, "--device", plan.constants["DEVICE"]]
    options += ["--held-out-people"] if cell.what == CEILING else []
    return [
        (TRAINING_SCRIPT, lambda: training_arguments(cell, plan, folder)),
        (EVALUATION_SCRIPT, lambda: ["--checkpoint", str(last_checkpoint(folder)), *evaluation, *options]),
    ]


def last_checkpoint(folder: Path) -> Path:
    """The one checkpoint of the run in a cell's folder. Raises ``CellError`` when the training left none."""
    found = sorted((folder / "training").glob("*/*/epoch_001.pt"))
    if len(found) != 1:
        raise CellError(f"{folder / 'training'} holds {len(found)} checkpoints epoch_001.pt; expected one")
    return found[0]


# --- Running ---------------------------------------------------------------------------------------------------------


class Children:
    """Processes of several threads, which `stop` ends together.

    environment: what they get beside the present one. kept_open: file descriptors that they inherit.
    """

    def __init__(self, environment: Mapping[str, str], kept_open: Sequence[int] = ()) -> None:
        self._environment, self._kept_open = {**os.environ, **environment}, tuple(kept_open)
        self._lock, self._running, self._stopping = threading.Lock(), set(), False

    def run(self, command: Sequence[str], log: Path) -> int:
        """Run to its end with all output appended to ``log``; the exit status. Raises ``StoppedError`` after `stop`."""
        with log.open("ab") as output:
            output.write(f"$ {shlex.join(command)}\n".encode())
            output.flush()
            with self._lock:
                if self._stopping:
                    raise StoppedError
                # A session of its own: Ctrl-C reaches the protocol alone, which ends its children itself.
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=self._environment,
                    start_new_session=True,
                    pass_fds=self._kept_open,
                )
                self._running.add(process)
            status = process.wait()
        with self._lock:
            self._running.discard(process)
            if self._stopping:
                raise StoppedError
        return status

    def stop(self) -> None:
        """End all that run, at once if they do not by themselves, and let none start."""
        with self._lock:
            self._stopping = True
            running = list(self._running)
        for process in running:
            process.terminate()
        deadline = time.monotonic() + PATIENCE_S
        for process in running:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()


def run_cells(
    cells: Sequence[Cell],
    out: Path,
    plan: Plan,
    jobs: int,
    kept_open: Sequence[int],
    finished: Callable[[Cell], object],
) -> None:
    """Do the cells, ``jobs`` at once, in their order; ``finished`` is called after each.

    kept_open: file descriptors that every process inherits. Raises ``CellError`` when a process fails, after the others
    have been ended; on ``KeyboardInterrupt`` they are ended as well.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    environment = {
        "OMP_NUM_THREADS": str(max(1, cores // jobs)),
        "TQDM_MININTERVAL": "10",  # seconds: a log is no terminal
    }
    children = Children(environment, kept_open)
    with ThreadPoolExecutor(jobs, "cell") as pool:
        futures = {}
        try:  # from the first one on: a signal while the others are submitted ends what has begun
            for cell in cells:
                futures[pool.submit(run_cell, cell, out, plan, children)] = cell
            for future in as_completed(futures):
                future.result()
                finished(futures[future])
        except BaseException:
            for future in futures:
                future.cancel()
            children.stop()
            raise


def run_cell(cell: Cell, out: Path, plan: Plan, children: Children) -> None:
    """Train and score one cell in an empty folder; its record is written last."""
    folder = cell_folder(out, cell)
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    log, seconds = folder / LOG_NAME, []
    for script, arguments in commands(cell, plan, folder):
        began = time.monotonic()
        status = children.run([sys.executable, str(repository_root() / script), *arguments()], log)
        if status != 0:
            raise CellError(
                f"cell {cell.name} failed: {Path(script).name} ended with status {status}; {log} holds all that it "
                "said. Finished cells stay: the same command goes on with the missing ones",
                last_lines(log),
            )
        seconds.append(round(time.monotonic() - began, 1))
    for copy in folder.glob("training/*/*/best.pt"):
        copy.unlink()  # the same as the only epoch's
    predictions = predictions_path(out, cell)
    if not predictions.is_file():
        raise CellError(f"cell {cell.name} left no {predictions}", last_lines(log))
    results = results_path(out, cell)
    record = {
        **cell._asdict(),
        "seconds": seconds,
        "git": git_state(repository_root()),
        "predictions_crc32": crc32_of(predictions),
        "results_crc32": crc32_of(results) if results.is_file() else None,
    }
    write_json(folder / RECORD_NAME, record, checked=True)


# --- Folders ---------------------------------------------------------------------------------------------------------


def cell_folder(out: Path, cell: Cell) -> Path:
    return out / "cells" / cell.dataset / f"{cell.what}_{cell.number}"


def is_finished(out: Path, cell: Cell) -> bool:
    return (cell_folder(out, cell) / RECORD_NAME).is_file()


def read_record(out: Path, cell: Cell) -> dict:
    """What ``cell.json`` holds: dataset, what, number, seconds (of each script), git (see ``git_state``),
    predictions_crc32 and results_crc32 (of a former version without). Raises ``EvaluationError`` for a damaged one.
    """
    path = cell_folder(out, cell) / RECORD_NAME
    try:
        record = read_json(path, do_again(out, cell))
    except RecordError as error:
        raise EvaluationError(str(error)) from None
    git = record.get("git", "")
    if not (git is None or (isinstance(git, dict) and {"commit", "dirty"} <= git.keys())):
        raise EvaluationError(f"{path} does not say by which commit the cell was done; {do_again(out, cell)}")
    return record


def read_cell_predictions(out: Path, cell: Cell) -> dict[str, list[str]]:
    """Column -> its texts (N,), see `read_predictions`. Raises ``EvaluationError`` for another file than was scored."""
    path, recorded = predictions_path(out, cell), read_record(out, cell).get("predictions_crc32")
    if not path.is_file():
        raise EvaluationError(f"{path} is missing; {do_again(out, cell)}")
    if recorded is not None and recorded != crc32_of(path):
        raise EvaluationError(f"{path} does not hold what was predicted (its checksum differs); {do_again(out, cell)}")
    return read_predictions(path)


def read_cell_results(out: Path, cell: Cell) -> dict:
    """What the evaluation of a cell wrote of its dataset for programs, empty where it wrote nothing.

    Raises ``EvaluationError`` for another file than was written.
    """
    path, recorded = results_path(out, cell), read_record(out, cell).get("results_crc32")
    if not path.is_file():
        return {}
    if recorded is not None and recorded != crc32_of(path):
        raise EvaluationError(f"{path} does not hold what was written (its checksum differs); {do_again(out, cell)}")
    try:
        return read_json(path, do_again(out, cell)).get("datasets", {}).get(cell.dataset, {})
    except RecordError as error:
        raise EvaluationError(str(error)) from None


def results_path(out: Path, cell: Cell) -> Path:
    return cell_folder(out, cell) / "evaluation" / RESULTS_NAME


def predictions_path(out: Path, cell: Cell) -> Path:
    return cell_folder(out, cell) / "evaluation" / predictions_name(cell.dataset)


def crc32_of(path: Path) -> str:
    return f"{zlib.crc32(path.read_bytes()):08x}"


def do_again(out: Path, cell: Cell) -> str:
    return f"remove {cell_folder(out, cell)} and run the protocol again"


def last_lines(log: Path, count: int = LOG_LINES_SHOWN) -> list[str]:
    """The end of a log; what a progress bar overwrote is left out."""
    text = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
    lines = [re.split(r"\r(?=[^\n])", line.rstrip("\r"))[-1].rstrip() for line in text.split("\n")]
    return [line for line in lines if line][-count:]
