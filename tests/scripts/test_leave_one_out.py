"""The whole protocol on the tiny corpus, stopped once in the middle; what its report decides is in tests/protocol."""

import json
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
JOBS = ("--jobs", "2")  # the two models go before the forests
MODELS = {f"cells/{dataset}/model_0/cell.json" for dataset in DATASETS}
REDONE = "cells/sim_belt/model_0"
PREDICTIONS = f"{REDONE}/evaluation/predictions_sim_belt.csv"


def times(out: Path) -> dict[str, int]:
    return {str(p.relative_to(out)): p.stat().st_mtime_ns for p in sorted(out.glob("cells/*/*/cell.json"))}


@pytest.fixture(scope="module")
def options(small_corpus: Path, arguments: Callable[..., list[str]]) -> list[str]:
    """Two datasets, one seed, two steps of the tiny network, a forest beside it, one core for each cell."""
    tiny = [a for a in arguments() if a[2:].partition("=")[0] not in SET_BY_CELLS]
    sizes = ["--datasets", *DATASETS, "--seeds", "0", "--steps", "2", "--references", "forest"]
    return [*sizes, "--data", str(small_corpus), f"--train={' '.join(tiny)}", *JOBS]


class Stopped(NamedTuple):
    """A protocol that was stopped, and went on: what it had written before."""

    out: Path
    before: dict[str, int]
    predictions: bytes  # of the finished model of sim_belt, whose record was then taken away


def hear_ctrl_c() -> None:
    """In the child: pytest itself may have been started by a shell that has what is in its background ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture(scope="module")
def protocol(options: list[str], run_script: Callable, tmp_path_factory: pytest.TempPathFactory) -> Stopped:
    """Stopped by Ctrl-C after its two models, one of which was then done again, with the forests."""
    out = tmp_path_factory.mktemp("protocol") / "out"
    command = [sys.executable, str(repository_root() / SCRIPT), *PROTOCOL, "--out", str(out), *options]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=hear_ctrl_c
    )
    try:
        deadline = time.monotonic() + 200
        while not times(out).keys() >= MODELS and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()  # does nothing once it has ended
    assert process.returncode == 130, said
    before = times(out)
    assert before.keys() >= MODELS and len(before) < 4
    assert "of 4 cells are finished. Go on with" in said and str(out) in said
    predictions = (out / PREDICTIONS).read_bytes()
    (out / REDONE / "cell.json").unlink()
    done = run_script(SCRIPT, *PROTOCOL, "--out", out, *JOBS)  # all else as recorded
    assert done.returncode == 0, done.stderr
    assert str(out) in done.stdout.splitlines()[-1]
    return Stopped(out, before, predictions)


def test_what_is_finished_stays_and_the_rest_is_done(protocol):
    after = times(protocol.out)
    assert len(after) == 4
    changed = {name for name, moment in protocol.before.items() if after[name] != moment}
    assert changed == {f"{REDONE}/cell.json"}


def test_a_cell_that_is_done_again_gives_the_same_predictions(protocol):
    assert (protocol.out / PREDICTIONS).read_bytes() == protocol.predictions


@pytest.mark.parametrize("dataset", DATASETS)
def test_scores_agree_with_scikit_learn_on_the_written_predictions(protocol, dataset):
    out = protocol.out
    rows = json.loads((out / "results.json").read_text())["datasets"][dataset]["rows"]
    for cell, column, row in (
        ("model_0", "closed_set", "one_window"),
        ("model_0", "closed_set_context", "recording_context"),
        ("forest_0", "closed_set", "forest"),
    ):
        table = read_predictions(out / "cells" / dataset / cell / "evaluation" / f"predictions_{dataset}.csv")
        truth, predicted = table["label"], table[column]
        macro_f1 = f1_score(truth, predicted, labels=sorted(set(truth)), average="macro", zero_division=0.0)
        found = rows[row]["closed_set"]
        assert found["macro_f1"]["mean"] == pytest.approx(macro_f1)
        assert found["accuracy"]["mean"] == pytest.approx(accuracy_score(truth, predicted))
    # A forest that learned from the other simulated people knows something.
    assert rows["forest"]["closed_set"]["macro_f1"]["mean"] > rows["majority"]["closed_set"]["macro_f1"]["mean"]


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
