"""Scripts are run as users run them: in a process of their own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

# Before torch reads it, for this process and those that it starts: threads wait for each other longer than they compute
# on networks this small, by a hundred times where a core is busy with something else.
os.environ["OMP_NUM_THREADS"] = "1"

import torch
from filelock import FileLock

from har.endurance.scripts import ForkedScript, ForkedScripts
from har.recordings.simulate import write_simulated_corpus
from har.run.folder import repository_root

# A network that learns something in seconds; every other constant is the script's own.
TINY = {
    "EPOCHS": 4, "STEPS_PER_EPOCH": 4, "BATCH_SIZE": 32, "WIDTH": 16, "DEPTH": 1, "HEADS": 2, "STEM_WIDTHS": "8,8",
    "EMBEDDING_WIDTH": 16, "QUEUE_SIZE": 48, "BANK_HEADS": 2, "LOG_EVERY": 2, "DROPOUT": 0.1, "DEVICE": "cpu",
    "HELD_OUT_DATASETS": "sim_belt", "VALIDATION_SHARE": 0.4, "JOINT_SHARE": 0.5, "SIMULATED_BESIDE": False,
}  # fmt: skip


# The same network, so that the second stage can start from the first.
NETWORK = ("WIDTH", "DEPTH", "HEADS", "STEM_WIDTHS", "EMBEDDING_WIDTH", "DROPOUT")
TINY_PRETRAINING = {name: TINY[name] for name in NETWORK} | {
    "EPOCHS": 3, "STEPS_PER_EPOCH": 20, "BATCH_SIZE": 24, "DECODER_WIDTH": 8, "LOG_EVERY": 2, "SAVE_EVERY": 1,
    "DEVICE": "cpu", "HELD_OUT_DATASETS": "sim_belt", "VALIDATION_SHARE": 0.4,
    "VALIDATION_WINDOWS": 100,
}  # fmt: skip
SMALL_CORPUS_HOURS = 0.08  # in each of its datasets
SMALL_CORPUS = ("sim_phone", "sim_watch", "sim_belt")  # the others would only take time


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Whatever a test draws without a generator of its own does not depend on the tests before it."""
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkedScripts]:
    """Starts copies of a process that has imported torch and the like."""
    with ForkedScripts(tmp_path_factory.mktemp("output")) as scripts:
        yield scripts


@pytest.fixture(scope="session")
def start_script(scripts: ForkedScripts, shared_folder: Path) -> Callable[..., subprocess.Popen | ForkedScript]:
    """start_script("training_scripts/…/x.py", *arguments, cwd=…) -> its process, with output as text.

    The first time a script is run, Python is started for it, as users do. From then on its process is a copy of one
    that has imported torch and the like already (Linux alone can be relied on to go on from such a copy).
    """
    started = shared_folder / "started"
    started.mkdir(exist_ok=True)

    def start(script: str, *arguments: object, cwd: Path | None = None) -> subprocess.Popen | ForkedScript:
        path = repository_root() / script
        try:
            (started / path.name).touch(exist_ok=False)
        except FileExistsError:
            if sys.platform == "linux":
                return scripts.start(script, *arguments, cwd=cwd)
        command = [sys.executable, str(path), *map(str, arguments)]
        return subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    return start


@pytest.fixture(scope="session")
def run_script(start_script: Callable) -> Callable[..., subprocess.CompletedProcess]:
    """run_script("training_scripts/…/x.py", *arguments, cwd=…) -> the finished process with its output as text."""

    def run(script: str, *arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess:
        process = start_script(script, *arguments, cwd=cwd)
        stdout, stderr = process.communicate(timeout=300)
        return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)

    return run


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of pytest share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def once(shared_folder: Path) -> Callable[[str, Callable[[Path], object]], Path]:
    """once(name, make) -> the folder that ``make(folder)`` has filled, a single time for all processes of pytest."""

    def folder(name: str, make: Callable[[Path], object]) -> Path:
        made, done = shared_folder / name, shared_folder / f"{name}.done"
        with FileLock(shared_folder / f"{name}.lock"):
            if not done.exists():
                shutil.rmtree(made, ignore_errors=True)  # another process has failed at it
                made.mkdir()
                make(made)
                done.touch()
        return made

    return folder


@pytest.fixture(scope="session")
def small_corpus(once: Callable) -> Path:
    """Three simulated datasets with four people and a few minutes each, prepared like any other."""

    def make(root: Path) -> None:
        write_simulated_corpus(root, people=4, hours=SMALL_CORPUS_HOURS, seed=0, names=SMALL_CORPUS)

    return once("small_corpus", make)


@pytest.fixture(scope="session")
def arguments(small_corpus: Path, once: Callable) -> Callable[..., list[str]]:
    """arguments(NAME=value, …): a training of seconds on the small corpus; texts are encoded once for all of them."""
    places = {"DATA_ROOT": small_corpus, "TEXT_CACHE": once("text", lambda folder: None)}
    return lambda **changes: [f"--{name}={value}" for name, value in (TINY | places | changes).items()]


@pytest.fixture(scope="session")
def pretraining_arguments(small_corpus: Path, once: Callable) -> Callable[..., list[str]]:
    """The same for stage 1."""
    places = {"DATA_ROOT": small_corpus, "TEXT_CACHE": once("text", lambda folder: None)}
    return lambda **changes: [f"--{name}={value}" for name, value in (TINY_PRETRAINING | places | changes).items()]


@pytest.fixture(scope="session")
def whole_pretraining(run_script: Callable, pretraining_arguments: Callable, once: Callable) -> tuple[Path, str]:
    """Folder and console output of stage 1 in one go."""
    script = "training_scripts/human_activity_recognition/pretrain.py"
    return trained(once, "whole_pretraining", run_script, script, pretraining_arguments)


@pytest.fixture(scope="session")
def whole_run(run_script: Callable, arguments: Callable, once: Callable) -> tuple[Path, str]:
    """Folder and console output of four epochs in one go."""
    script = "training_scripts/human_activity_recognition/semantic_alignment_train.py"
    return trained(once, "whole_run", run_script, script, arguments)


def trained(once: Callable, name: str, run_script: Callable, script: str, arguments: Callable) -> tuple[Path, str]:
    """Run folder and console output of a training, started from a folder that is not the repository."""

    def make(out: Path) -> None:
        done = run_script(script, *arguments(OUTPUT_ROOT=out), cwd=out)
        assert done.returncode == 0, done.stderr
        (out / "said.txt").write_text(done.stdout)

    out = once(name, make)
    (folder,) = out.glob("*/*/")
    return folder, (out / "said.txt").read_text()
