"""How fast training is: as users run it, in processes of its own, beside the same step without data and host."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from har.run.folder import repository_root
from har.run.log import read_metrics

SCRIPT = "training_scripts/human_activity_recognition/semantic_alignment_train.py"
# Windows of one device: every batch then has the shape of the one that is repeated, and the network the same work.
# A run that stops early draws no plots.
ALIKE = {"EPOCHS": 2, "STOP_AFTER_EPOCH": 1, "JOINT_SHARE": 0.0, "VALIDATION_WINDOWS": 200}
PARTS = {"data": "waiting", "forward": "forward", "backward": "backward", "optimiser": "optimiser"}
# Share of float32's loss by which bfloat16 may end elsewhere.
LOSS_TOLERANCE = 0.01


@dataclass
class Run:
    """One short training: what was logged every few steps after the first interval, which warms up.

    startup_s: from the command to the first step. repeated_s: of one step on a batch that is there, None if not asked
    for. losses: of all intervals. folder: of the run.
    """

    folder: Path
    batch: int
    startup_s: float
    intervals: list[dict]
    losses: list[float]
    repeated_s: float | None = None
    validation: dict = field(default_factory=dict)

    def median(self, name: str) -> float:
        """Of a logged figure over the intervals."""
        return statistics.median(record[name] for record in self.intervals)

    @property
    def windows_per_s(self) -> float:
        return self.median("windows_per_s")

    @property
    def step_s(self) -> float:
        """Seconds from step to step, everything included."""
        return self.batch / self.windows_per_s


def train(output_root: Path, overrides: dict, processes: int = 1, threads: int = 0, warm_up: int = 1) -> Run:
    """Run the training script with its constants overridden.

    processes: more than one are started by torchrun. threads: of each process, 0 leaves them as they are. warm_up:
    intervals at the start that do not count. Raises ``SystemExit`` with what the script said when it fails.
    """
    launcher = (
        [] if processes == 1 else ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    )
    constants = ALIKE | overrides | {"OUTPUT_ROOT": output_root}
    command = [sys.executable, *launcher, str(repository_root() / SCRIPT)]
    environment = os.environ | ({"OMP_NUM_THREADS": str(threads)} if threads else {})
    began = time.time()
    done = subprocess.run(
        [*command, *(f"--{name}={value}" for name, value in constants.items())],
        capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"training failed with status {done.returncode}:\n{done.stderr[-2000:]}")
    folder = next(output_root.rglob("metrics.jsonl")).parent
    records = read_metrics(folder / "metrics.jsonl")
    trained = [record for record in records if record["split"] == "train"]
    batch = json.loads((folder / "hyperparameters.json").read_text(encoding="utf-8"))["BATCH_SIZE"]
    first_s = trained[0]["step"] * batch / trained[0]["windows_per_s"]
    repeated = [record["step_s"] for record in records if record["split"] == "repeated"]
    return Run(
        folder, batch, trained[0]["time"] - first_s - began, trained[warm_up:], [r["loss"] for r in trained],
        repeated[0] if repeated else None,
    )  # fmt: skip


def training_figures(runs: Sequence[Run]) -> dict[str, float]:
    """Medians over runs that repeated their last step."""
    ratios = [run.repeated_s / run.step_s for run in runs]
    figures = {
        "training, windows/s": statistics.median(run.windows_per_s for run in runs),
        "the same step again and again on one batch, windows/s": statistics.median(
            run.batch / run.repeated_s for run in runs
        ),
        "ratio of the two, median": statistics.median(ratios),
        "ratio of the two, lowest": min(ratios),
        "ratio of the two, highest": max(ratios),
    }
    for told, name in PARTS.items():
        figures[f"share of a step, {told}"] = statistics.median(run.median(f"{name}_share") for run in runs)
    figures["start-up, s"] = statistics.median(run.startup_s for run in runs)
    own = [record["memory_mb"] for run in runs for record in run.intervals if record["memory_mb"] is not None]
    return figures | ({"own memory of a training process, MB": max(own)} if own else {})


def process_figures(
    scratch: Path, overrides: dict, processes: int, pairs: int, progress: Callable[[Iterable], Iterable]
) -> dict[str, float]:
    """Training in several processes of one thread each and in one process of as many threads, in turns."""
    speeds: dict[int, list[float]] = {1: [], processes: []}
    for number in progress(range(2 * pairs)):
        count = processes if number % 2 else 1
        run = train(scratch / str(number), overrides, count, processes // count)
        speeds[count].append(run.windows_per_s)
    ratios = [several / one for one, several in zip(speeds[1], speeds[processes], strict=True)]
    return {
        f"one process of {processes} threads, windows/s": statistics.median(speeds[1]),
        f"{processes} processes of one thread, windows/s": statistics.median(speeds[processes]),
        "ratio of the two, median": statistics.median(ratios),
        "ratio of the two, lowest": min(ratios),
        "ratio of the two, highest": max(ratios),
    }


def device_rows(
    scratch: Path,
    overrides: dict,
    batches: Sequence[int],
    steps: int,
    with_compiler: bool,
    progress: Callable[[Iterable], Iterable],
) -> list[dict]:
    """What a device reaches with batches of several sizes, a row each.

    steps: of each training. with_compiler: also by ``torch.compile``, which is what a GPU uses unless told otherwise.
    """
    kinds = ["eager", "float32", *(["compiled"] if with_compiler else [])]
    runs: dict[tuple[int, str], Run] = {}
    for batch, kind in progress([(batch, kind) for batch in batches for kind in kinds]):
        changes = {
            "BATCH_SIZE": batch, "STEPS_PER_EPOCH": steps, "COMPILE": "on" if kind == "compiled" else "off",
            "PRECISION": "float32" if kind == "float32" else "bfloat16",
            "REPEATED_STEPS": 0 if kind == "float32" else max(3, steps // 5),
        }  # fmt: skip
        runs[batch, kind] = train(scratch / f"{batch}_{kind}", overrides | changes, warm_up=2)
    return [_device_row(batch, {kind: runs[batch, kind] for kind in kinds}) for batch in batches]


def _device_row(batch: int, runs: dict[str, Run]) -> dict:
    best = runs.get("compiled", runs["eager"])
    half, single = (statistics.mean(runs[kind].losses[-3:]) for kind in ("eager", "float32"))
    row = {
        "batch": batch,
        **{f"windows/s, {kind}": run.windows_per_s for kind, run in runs.items()},
        "step / pure compute": best.step_s / best.repeated_s,
        "waiting for data": best.median("waiting_share"),
        "loss, bfloat16 against float32": half / single - 1,
        "within 1 %": abs(half / single - 1) <= LOSS_TOLERANCE,
    }
    memory = [record["gpu_memory_mb"] for record in best.intervals if "gpu_memory_mb" in record]
    return row | ({"peak GPU memory, MB": max(memory)} if memory else {})


def markdown_table(rows: Sequence[dict]) -> str:
    """Rows of one shape as a table, numbers with three digits or more."""

    def told(value: object) -> str:
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, float):
            return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
        return f"{value:,}" if isinstance(value, int) else str(value)

    lines = [[*rows[0]], ["---"] * len(rows[0]), *([told(value) for value in row.values()] for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
