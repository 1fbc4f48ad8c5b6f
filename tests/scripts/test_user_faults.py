"""What a user can do wrong ends with one line and status 2, and leaves nothing behind."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from har.recordings.format import DatasetWriter, StreamInfo
from har.run.folder import repository_root

ALIGNMENT = "training_scripts/human_activity_recognition/semantic_alignment_train.py"
PRETRAINING = "training_scripts/human_activity_recognition/pretrain.py"


def said(done: subprocess.CompletedProcess) -> str:
    """The one line on standard error of a script that ended with status 2; progress bars and warnings aside."""
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("error: "))
    return line


def write_dataset(folder: Path, labels: tuple[str, ...], people: int = 4) -> Path:
    """People who move alike, half a minute for each label; "" is none. Returns the data folder."""
    with DatasetWriter(folder / "mine", title="t", citation="c", licence="l", source_url="u") as writer:
        writer.add_stream(StreamInfo("watch", "test", "left wrist", ("acc_x", "acc_y", "acc_z"), 25.0))
        for person in range(people):
            samples = np.random.default_rng(person).normal(0, 0.005, (750 * len(labels), 3)) + np.array([0.0, 0.0, 1.0])
            segments = [(label, 750 * i, 750 * i + 750) for i, label in enumerate(labels)]
            writer.append("watch", recording=f"r{person}", subject=f"p{person}", samples=samples, labels=segments)
    return folder


@pytest.mark.parametrize("script", [ALIGNMENT, PRETRAINING])
def test_help_is_no_error(run_script, script):
    done = run_script(script, "--help")
    assert done.returncode == 0 and done.stderr == ""
    assert "--EPOCHS=" in done.stdout and done.stdout.startswith(("Align", "Stage 1"))


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("--DEVICE=gpu", "DEVICE is 'gpu'; expected auto, cpu, cuda or cuda:N"),
        pytest.param(
            "--DEVICE=cuda",
            "no CUDA GPU is available here",
            marks=pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA GPU"),
        ),
        ("--EPOCHS=two", "EPOCHS is of type int"),
        ("--EPOCHS=0", "EPOCHS is 0; expected 1 at least"),
        ("--LOADER_WORKERS=-1", "LOADER_WORKERS is -1; expected 1 at least"),
        ("--EPOCHS 2", "is not of the form --NAME=value"),
        ("--RESUME=nowhere.pt", "no run folder or checkpoint at"),
    ],
)
def test_arguments_that_cannot_be(run_script, arguments, tmp_path, argument, words):
    for script in (ALIGNMENT, PRETRAINING):
        assert words in said(run_script(script, argument, f"--OUTPUT_ROOT={tmp_path}"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("labels", "changes", "words"),
    [
        (("walking", "standing"), {"VALIDATION_SHARE": 1.0}, "Of 4 people mine/p0, mine/p1, mine/p2, mine/p3 are"),
        (("walking", "walking"), {}, "mine: 'walking' is the only activity to learn from"),
        (("", ""), {}, "mine: no window has a label"),
        (("walking", "standing"), {"DATASETS": "yours"}, "DATASETS asks for yours"),
        (("walking", "standing"), {"MIN_WINDOW_S": 200.0, "WINDOW_S": 200.0}, "lasts 200.0 s"),
    ],
)  # fmt: skip
def test_data_that_nothing_can_be_learned_from(run_script, arguments, tmp_path, labels, changes, words):
    places = {"DATA_ROOT": write_dataset(tmp_path / "data", labels), "OUTPUT_ROOT": tmp_path / "out"}
    changes = {"VALIDATION_SHARE": 0.0} | changes
    assert words in said(run_script(ALIGNMENT, *arguments(**places, HELD_OUT_DATASETS="", **changes)))
    assert not (tmp_path / "out").exists()


def test_stage_1_needs_people_but_no_labels(run_script, pretraining_arguments, tmp_path):
    places = {"DATA_ROOT": write_dataset(tmp_path / "data", ("", "")), "OUTPUT_ROOT": tmp_path / "out"}
    done = run_script(PRETRAINING, *pretraining_arguments(**places, VALIDATION_SHARE=1.0))
    assert "nobody is left to learn from" in said(done)
    assert not (tmp_path / "out").exists()


def test_a_run_does_not_go_on_with_other_recordings(run_script, arguments, tmp_path):
    """The dataset is converted again between two epochs, with half of its people."""
    places = {"DATA_ROOT": write_dataset(tmp_path / "data", ("walking", "standing")), "OUTPUT_ROOT": tmp_path / "out"}
    constants = arguments(**places, HELD_OUT_DATASETS="", VALIDATION_SHARE=0.0, EPOCHS=2)
    assert run_script(ALIGNMENT, *constants, "--STOP_AFTER_EPOCH=1").returncode == 0
    (folder,) = (tmp_path / "out" / "semantic_alignment").iterdir()
    before = sorted(path.name for path in folder.iterdir())
    shutil.rmtree(tmp_path / "data" / "mine")
    write_dataset(tmp_path / "data", ("walking", "standing"), people=2)
    done = run_script(ALIGNMENT, *constants, f"--RESUME={folder}")
    assert "the run learned from another mine than is prepared now: other people" in said(done)
    assert sorted(path.name for path in folder.iterdir()) == before
    shutil.rmtree(tmp_path / "data" / "mine")
    write_dataset(tmp_path / "data", ("walking", "standing"))
    assert run_script(ALIGNMENT, *constants, f"--RESUME={folder}").returncode == 0
    assert (folder / "epoch_002.pt").exists()


NOTEBOOK = """
import importlib.util, sys, threading
spec = importlib.util.spec_from_file_location("script", sys.argv[1])
script = importlib.util.module_from_spec(spec)
spec.loader.exec_module(script)
script.main([*sys.argv[2:], "--LOSS_VARIANT=hard", "--SEED=7"])
thread = threading.Thread(target=script.main, args=(sys.argv[2:],))
thread.start()
thread.join()
"""


def test_two_calls_in_one_process_begin_with_the_files_own_constants_and_one_may_be_in_a_thread(arguments, tmp_path):
    constants = arguments(OUTPUT_ROOT=tmp_path, EPOCHS=2, STOP_AFTER_EPOCH=1, STEPS_PER_EPOCH=1)
    command = [sys.executable, "-c", NOTEBOOK, str(repository_root() / ALIGNMENT), *constants]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
    first, second = sorted((tmp_path / "semantic_alignment").iterdir())
    recorded = [json.loads((folder / "hyperparameters.json").read_text()) for folder in (first, second)]
    assert [(r["LOSS_VARIANT"], r["SEED"]) for r in recorded] == [("hard", 7), ("soft", 0)]
