"""The whole protocol on the tiny corpus, stopped once in the middle; what its report decides is in tests/protocol."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from sklearn.metrics import accuracy_score, f1_score

from har.protocol.plan import SET_BY_CELLS
from har.protocol.scoring import read_predictions
from har.run.folder import repository_root

SCRIPT = "val_scripts/human_activity_recognition/evaluate_zero_shot.py"
PROTOCOL = ("--protocol", "leave-one-dataset-out")
DATASETS = ("sim_watch", "sim_belt")


def times(out: Path) -> dict[str, int]:
    return {str(p.relative_to(out)): p.stat().st_mtime_ns for p in sorted(out.glob("cells/*/*/cell.json"))}


@pytest.fixture(scope="module")
def options(small_corpus: Path, arguments: Callable[..., list[str]]) -> list[str]:
    """Two datasets, one seed, two steps of the tiny network; tests of references are in tests/protocol."""
    tiny = [a for a in arguments() if a[2:].partition("=")[0] not in SET_BY_CELLS]
    sizes = ["--datasets", *DATASETS, "--seeds", "0", "--steps", "2", "--references", "none"]
    return [*sizes, "--data", str(small_corpus), f"--train={' '.join(tiny)}"]


class Stopped(NamedTuple):
    """A protocol that was stopped and went on: when its cells were written, up to each."""

    out: Path
    stopped: dict[str, int]
    finished: dict[str, int]


def on_one_core() -> None:
    """In the child, whose cells get a thread for each core: threads wait for each other longer than they compute.

    And it hears Ctrl-C, which pytest may ignore if a shell started it in its background.
    """
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, list(os.sched_getaffinity(0))[:1])
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture(scope="module")
def protocol(options: list[str], run_script: Callable, tmp_path_factory: pytest.TempPathFactory) -> Stopped:
    """Stopped by Ctrl-C after the first of its two models."""
    out = tmp_path_factory.mktemp("protocol") / "out"
    command = [sys.executable, str(repository_root() / SCRIPT), *PROTOCOL, "--out", str(out), *options, "--jobs", "1"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=on_one_core
    )
    try:
        deadline = time.monotonic() + 200
        while not times(out) and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()  # does nothing once it has ended
    assert process.returncode == 130, said
    assert "1 of 2 cells are finished. Go on with" in said and str(out) in said
    stopped = times(out)
    done = run_script(SCRIPT, *PROTOCOL, "--out", out, "--jobs", 2)  # all else as recorded
    assert done.returncode == 0, done.stderr
    assert str(out) in done.stdout.splitlines()[-1]
    return Stopped(out, stopped, times(out))


def test_what_is_finished_stays_and_the_rest_is_done(protocol):
    first, second = (f"cells/{dataset}/model_0/cell.json" for dataset in DATASETS)
    assert protocol.stopped.keys() == {first} and protocol.finished.keys() == {first, second}
    assert protocol.stopped[first] == protocol.finished[first]


@pytest.mark.parametrize("dataset", DATASETS)
def test_scores_agree_with_scikit_learn_on_the_written_predictions(protocol, dataset):
    out = protocol.out
    rows = json.loads((out / "results.json").read_text())["datasets"][dataset]["rows"]
    table = read_predictions(out / "cells" / dataset / "model_0" / "evaluation" / f"predictions_{dataset}.csv")
    for column, row in (("closed_set", "one_window"), ("closed_set_context", "recording_context")):
        truth, predicted = table["label"], table[column]
        macro_f1 = f1_score(truth, predicted, labels=sorted(set(truth)), average="macro", zero_division=0.0)
        found = rows[row]["closed_set"]
        assert found["macro_f1"]["mean"] == pytest.approx(macro_f1)
        assert found["accuracy"]["mean"] == pytest.approx(accuracy_score(truth, predicted))


def test_a_left_out_dataset_is_in_no_training_of_its_cells(protocol):
    out = protocol.out
    for dataset in DATASETS:
        (record,) = (out / "cells" / dataset / "model_0").glob("training/*/*/hyperparameters.json")
        constants = json.loads(record.read_text())
        assert constants["HELD_OUT_DATASETS"] == [dataset] and constants["STEPS_PER_EPOCH"] == 2
        names = {path.name for path in record.parent.iterdir()}
        assert "epoch_001.pt" in names and "best.pt" not in names


def test_other_settings_are_refused_by_name(protocol, run_script):
    out = protocol.out
    done = run_script(SCRIPT, *PROTOCOL, "--out", out, "--steps", 3)
    assert done.returncode == 2
    assert "STEPS: 3 here, 2 in protocol.json" in done.stderr and "Traceback" not in done.stderr


def test_protocols_are_compared_by_their_folders(protocol, run_script, tmp_path):
    out = protocol.out
    done = run_script(SCRIPT, *PROTOCOL, "--compare", f"a={out}", f"b={out}", "--out", tmp_path / "compared")
    assert done.returncode == 0, done.stderr
    compared = json.loads((tmp_path / "compared" / "results.json").read_text())
    mean = json.loads((out / "results.json").read_text())["mean"]["one_window"]["closed_set"]["macro_f1"]["mean"]
    assert compared["one_window"]["nested"]["mean"] == pytest.approx(mean)
    assert done.stdout.splitlines()[-1] == f"Report and results: {tmp_path / 'compared'} (start with report.md)"
