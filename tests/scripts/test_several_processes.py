"""Training in two processes, as torchrun starts them, against training in one: numbers, resuming, interruption, death.

Every process computes on one thread, alone or not: what differs between one process and two is the order in which
float32 numbers are added up: a few units of 6e-8 in a loss. In the weights it grows: AdamW and Muon make steps of one
size of gradients of any size.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
import torch

from har.run.folder import repository_root
from har.run.log import read_metrics

FOLDER = "training_scripts/human_activity_recognition"
STEPS_PER_EPOCH, LAST_STEP = 4, 8
# An odd batch: the shares are uneven. Stopped before the end, so that no plots take their time.
CHANGES = {
    "EPOCHS": 3, "STOP_AFTER_EPOCH": 2, "STEPS_PER_EPOCH": STEPS_PER_EPOCH, "BATCH_SIZE": 15, "LOG_EVERY": 1,
    "DROPOUT": 0, "VALIDATION_WINDOWS": 60,
}  # fmt: skip
TORCHRUN = Path(sys.executable).with_name("torchrun")
TOLERANCE = 2e-6  # of a loss or a norm; measured: up to 8e-7
MEASURED = ("time", "windows_per_s", "memory_mb")  # by clocks and meters: never twice the same
COUNTED = ("patch_accuracy", "macro_f1", "accuracy", "datasets")  # of windows; one may fall to the other side of a tie
# Small differences of embeddings of the order of 1: their own size says nothing of their error.
OF_UNIT_SIZE = ("positive_similarity", "negative_similarity", "similarity_gap")


class Script(NamedTuple):
    """A training script with its arguments, and the names of what it writes."""

    start_script: Callable[..., subprocess.Popen]
    path: Path
    arguments: Callable[..., list[str]]
    kind: str
    first_epoch: str
    newest: str  # after two epochs

    def start(self, count: int, *options: str, **changes: object) -> subprocess.Popen:
        """Its process, or torchrun with ``count`` of them; 0 for one without torchrun."""
        command = [self.path, *self.arguments(**CHANGES | changes)]
        torchrun = [TORCHRUN, "--standalone", f"--nproc-per-node={count}", *options]
        return self.start_script(*(torchrun if count else []), *command)

    def run(self, count: int, output_root: Path, *options: str, **changes: object) -> Path:
        """The one run folder that it leaves in ``output_root``."""
        process = self.start(count, *options, OUTPUT_ROOT=output_root, **changes)
        _, errors = process.communicate(timeout=240)
        assert process.returncode == 0, errors
        return self.folder(output_root)

    def folder(self, output_root: Path) -> Path:
        """The run folder, which is the only one; nothing in it or beside it is half written."""
        (folder,) = (output_root / self.kind).iterdir()
        assert not [path for path in folder.rglob("*") if ".part" in path.name]
        return folder

    def state(self, folder: Path, name: str | None = None) -> dict:
        state = torch.load(folder / (name or self.newest), weights_only=True)
        del state["constants"], state["content_sha256"]  # RESUME differs, and with it the digest of it all
        return state


@pytest.fixture(scope="module", params=["semantic_alignment", "imu_pretraining"])
def script(request, start_script: Callable, arguments: Callable, pretraining_arguments: Callable) -> Script:
    root = repository_root() / FOLDER
    if request.param == "semantic_alignment":
        path, teacher = root / "semantic_alignment_train.py", request.getfixturevalue("whole_run")[0] / "best.pt"
        taught = partial(arguments, TEACHERS=teacher)
        return Script(start_script, path, taught, request.param, "epoch_001.pt", "epoch_002.pt")
    path, names = root / "pretrain.py", ("checkpoint_epoch_001.pt", "latest.pt")
    return Script(start_script, path, pretraining_arguments, request.param, *names)


@pytest.fixture(scope="module")
def runs(script: Script, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Run folders of two epochs in one process without torchrun, and in two; on a path as people have them."""
    out = tmp_path_factory.mktemp(script.kind) / "Läufe im März, 二つ"
    return {count: script.run(count, out / str(count)) for count in (0, 2)}


def logged(folder: Path) -> list[dict]:
    """Records without what is measured."""
    return [
        {name: value for name, value in record.items() if name not in MEASURED and not name.endswith("_share")}
        for record in read_metrics(folder / "metrics.jsonl")
    ]


def assert_logs_agree(folder: Path, expected: Path) -> None:
    found, wanted = logged(folder), logged(expected)
    assert [r["step"] for r in found if r["split"] == "train"] == list(range(1, LAST_STEP + 1))
    for record, whole in zip(found, wanted, strict=True):
        assert record.keys() == whole.keys()
        for name, value in whole.items():
            if isinstance(value, float) and name not in COUNTED:
                value = pytest.approx(value, rel=TOLERANCE, abs=TOLERANCE if name in OF_UNIT_SIZE else 0)
            assert record[name] == value or name in COUNTED, (whole["step"], name)


def tensors(state: object, name: str = "") -> Iterator[tuple[str, torch.Tensor]]:
    """All tensors of nested dicts and lists, by name."""
    if isinstance(state, torch.Tensor):
        yield name, state
    elif isinstance(state, dict | list | tuple):
        for key, value in state.items() if isinstance(state, dict) else enumerate(state):
            yield from tensors(value, f"{name}/{key}")


def determined(name: str, values: torch.Tensor) -> torch.Tensor:
    """Without the biases of keys: they change no attention, so their gradient is rounding, which AdamW blows up."""
    if name.endswith("query_key_value.bias"):
        query, _, value = values.chunk(3)
        return torch.cat([query, value])
    return values.chunk(2)[1] if name.endswith("key_value.bias") else values


def assert_states_agree(found: dict, expected: dict) -> None:
    """Weights, averages, moments and queue; of a tensor's largest value, a share of 3e-4."""
    pairs = list(zip(tensors(found), tensors(expected), strict=True))
    assert len(pairs) > 50
    for (name, a), (other, b) in pairs:
        assert (name, a.shape, a.dtype) == (other, b.shape, b.dtype)
        if b.is_floating_point() and b.numel():
            a, b = determined(name, a), determined(name, b)
            assert (a - b).norm(torch.inf) <= 3e-4 * b.norm(torch.inf), name
        else:
            assert torch.equal(a, b), name


# --- two processes against one ----------------------------------------------------------------------------------------


def test_losses_and_gradients_are_those_of_one_process(runs):
    assert_logs_agree(runs[2], runs[0])


def test_weights_moments_and_the_queue_end_where_one_process_ends(script, runs):
    assert_states_agree(script.state(runs[2]), script.state(runs[0]))


@pytest.mark.parametrize(
    ("script", "before", "after"), [("semantic_alignment", 0, 2), ("imu_pretraining", 2, 0)],
    indirect=["script"], scope="module",
)  # fmt: skip
def test_a_run_goes_on_in_another_number_of_processes(script, runs, tmp_path, before, after):
    folder = script.run(after, tmp_path, RESUME=copied(runs[before], tmp_path) / script.first_epoch)
    assert_logs_agree(folder, runs[before])
    assert_states_agree(script.state(folder), script.state(runs[before]))


def copied(folder: Path, output_root: Path) -> Path:
    """A copy of a run folder, in the same place under another root."""
    return Path(shutil.copytree(folder, output_root / folder.parent.name / folder.name))


# --- interruption and death -------------------------------------------------------------------------------------------


class Started(NamedTuple):
    """A running torchrun, and where it writes."""

    process: subprocess.Popen
    output_root: Path

    def wait_for(self, pattern: str) -> None:
        """Until a file is there."""
        deadline = time.monotonic() + 120
        # Not into a folder that is still hidden: it may get its name meanwhile.
        while not any(self.output_root.glob(f"*/[!.]*/{pattern}")):
            assert self.process.poll() is None, self.process.communicate(timeout=60)
            assert time.monotonic() < deadline, f"no {pattern} in two minutes"
            time.sleep(0.01)

    def workers(self) -> list[int]:
        """Process ids by rank."""
        ranks = {}
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for child in map(int, children):
            environment = Path(f"/proc/{child}/environ").read_bytes().split(b"\0")
            ranks |= {int(entry[5:]): child for entry in environment if entry.startswith(b"RANK=")}
        return [ranks[rank] for rank in sorted(ranks)]


@contextlib.contextmanager
def started(script: Script, output_root: Path, *options: str, **changes: object) -> Iterator[Started]:
    """Two processes, many steps from their end; whatever happens, none is left behind."""
    endless = {"EPOCHS": 50, "STOP_AFTER_EPOCH": 0}
    process = script.start(2, *options, OUTPUT_ROOT=output_root, **endless | changes)
    run = Started(process, output_root)
    try:
        yield run
    finally:
        if process.poll() is None:
            for pid in run.workers():
                os.kill(pid, signal.SIGKILL)
            process.kill()
            process.communicate(timeout=60)


on_linux = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds the processes of a rank in /proc")


@on_linux
@pytest.mark.parametrize(
    ("script", "reaches_all"), [("semantic_alignment", False), ("imu_pretraining", True)],
    indirect=["script"], scope="module",
)  # fmt: skip
def test_ctrl_c_ends_all_with_everything_saved(script, tmp_path, reaches_all):
    """torchrun, whom it reaches, passes it on; where it reaches everybody, they hear it twice."""
    with started(script, tmp_path, DROPOUT=0.1) as run:
        run.wait_for(script.first_epoch)
        workers = run.workers()
        for pid in (workers if reaches_all else []) + [run.process.pid]:
            os.kill(pid, signal.SIGINT)
        output, _ = run.process.communicate(timeout=60)
    folder = script.folder(tmp_path)
    (line,) = [line for line in output.splitlines() if "--nproc-per-node=2" in line]
    assert str(folder) in line and ("--RESUME=" in line or "--resume " in line)
    last = max(record["step"] for record in read_metrics(folder / "metrics.jsonl"))
    newest = max(folder.glob(script.newest.replace("002", "*")), key=lambda path: path.name)
    assert script.state(folder, newest.name)["step"] == last
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)


@pytest.mark.parametrize("script", ["semantic_alignment"], indirect=True, scope="module")
def test_a_step_that_is_not_finite_ends_all_and_is_explained_once(script, tmp_path):
    with started(script, tmp_path, LEARNING_RATE=1e30) as run:
        _, errors = run.process.communicate(timeout=60)
    assert run.process.returncode != 0
    assert errors.count("The loss or its gradient is not finite at step") == 1
    assert len(list(tmp_path.rglob("bad_step_*.json"))) == 1


@on_linux
@pytest.mark.parametrize("script", ["semantic_alignment"], indirect=True, scope="module")
def test_a_killed_process_ends_the_run_within_a_minute_and_says_what_to_do(script, tmp_path):
    with started(script, tmp_path) as run:
        run.wait_for(script.first_epoch)
        os.kill(run.workers()[1], signal.SIGKILL)
        _, errors = run.process.communicate(timeout=60)
    assert run.process.returncode != 0
    assert "error: another process of this run has ended" in errors
    assert "Go on with RESUME from the newest checkpoint" in errors
    assert "SIGKILL" in errors  # torchrun names the one that was killed
    script.folder(tmp_path)


@on_linux
@pytest.mark.parametrize("script", ["semantic_alignment"], indirect=True, scope="module")
def test_a_killed_process_is_replaced_and_the_run_goes_on_by_itself(script, tmp_path, same_state):
    """In the same folder, from the newest checkpoint, to the bits of a run that nothing happened to.

    With dropout, which every process draws for its own windows.
    """
    whole = script.run(2, tmp_path / "whole", DROPOUT=0.1)
    with started(script, tmp_path / "killed", "--max-restarts=1", EPOCHS=3, STOP_AFTER_EPOCH=2, DROPOUT=0.1) as run:
        run.wait_for(script.first_epoch)
        os.kill(run.workers()[0], signal.SIGKILL)
        output, errors = run.process.communicate(timeout=120)
    assert run.process.returncode == 0, errors
    assert f"Stopped after {LAST_STEP} of" in output
    folder = script.folder(tmp_path / "killed")
    assert same_state(script.state(folder), script.state(whole))
    assert logged(folder) == logged(whole)


@on_linux
@pytest.mark.parametrize("script", ["semantic_alignment"], indirect=True, scope="module")
def test_a_restarted_run_goes_on_from_its_newest_checkpoint_and_not_from_resume_again(script, runs, tmp_path):
    folder = copied(runs[2], tmp_path)
    (folder / script.newest).unlink()
    # To the end of the last epoch, which there is time to be killed in.
    with started(script, tmp_path, "--max-restarts=1", EPOCHS=3, RESUME=folder / script.first_epoch) as run:
        run.wait_for(script.newest)
        before = times_of_steps(folder)
        os.kill(run.workers()[0], signal.SIGKILL)
        _, errors = run.process.communicate(timeout=120)
    assert run.process.returncode == 0, errors
    assert times_of_steps(folder) == before  # none was made again
    assert script.folder(tmp_path) == folder
    assert [r["step"] for r in logged(folder) if r["split"] == "train"] == list(range(1, 3 * STEPS_PER_EPOCH + 1))


def times_of_steps(folder: Path) -> list[float]:
    """When the steps of the first two epochs were made."""
    records = read_metrics(folder / "metrics.jsonl")
    return [r["time"] for r in records if r["split"] == "train" and r["step"] <= LAST_STEP]
