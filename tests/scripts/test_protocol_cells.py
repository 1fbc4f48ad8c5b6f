"""The protocol with stand-ins for training and scoring that take no time: what is run, kept, refused and reported."""

import argparse
import hashlib
import json
import shutil
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score

from har.recordings.format import read_dataset
from har.run.constants import override_constants, read_constants
from har.run.folder import repository_root
from val_scripts.human_activity_recognition import leave_one_out, protocol_cells, protocol_comparison, protocol_report
from val_scripts.human_activity_recognition.protocol_cells import CellError, Children, StoppedError, last_lines
from val_scripts.human_activity_recognition.protocol_plan import (
    CEILING_STEPS,
    STANDARD_STEPS,
    TRAINING_SCRIPT,
    Cell,
    make_plan,
    read_plan,
    split_overrides,
)
from val_scripts.human_activity_recognition.scored_data import EvaluationError
from val_scripts.human_activity_recognition.zero_shot_scoring import (
    choose_windows,
    predictions_table,
    read_predictions,
)

DATASETS = ("sim_watch", "sim_belt")

# Writes what it was asked for as its checkpoint; fails where a file says so.
STAND_IN_TRAINING = """
import json, os, pathlib, sys
constants = dict(a[2:].partition("=")[::2] for a in sys.argv[1:])
print("training", *sys.argv[1:])
root = pathlib.Path(constants["OUTPUT_ROOT"])
if (pathlib.Path(constants["DATA_ROOT"]) / "fail").is_file():
    fail = (pathlib.Path(constants["DATA_ROOT"]) / "fail").read_text()
    if fail in str(root):
        sys.exit("the stand-in fails as it was told")
run = root / "semantic_alignment" / "run"
run.mkdir(parents=True)
constants["threads"] = os.environ["OMP_NUM_THREADS"]
for name in ("epoch_001.pt", "best.pt"):
    (run / name).write_text(json.dumps(constants))
"""

# Names the windows that it finds in windows_<dataset>.csv; what it answers depends on the model alone.
STAND_IN_SCORING = """
import argparse, csv, hashlib, json, pathlib
parser = argparse.ArgumentParser()
for name in ("protocol", "plan", "seed", "checkpoint", "datasets", "data", "device", "out"):
    parser.add_argument(f"--{name}")
parser.add_argument("--held-out-people", action="store_true")
given = parser.parse_args()
plan = json.loads(pathlib.Path(given.plan).read_text()) if given.plan else {}
constants = json.loads(pathlib.Path(given.checkpoint).read_text()) if given.checkpoint else {"SEED": given.seed}
skill = float(constants.get("LEARNING_RATE", 0.5))
with open(f"{given.data or plan['data']}/windows_{given.datasets}.csv", newline="") as file:
    rows = list(csv.DictReader(file))
labels = sorted({row["label"] for row in rows})
if given.held_out_people:
    start, share = float(constants["VALIDATION_FROM"]), float(constants["VALIDATION_SHARE"])
    def place(row):
        digest = hashlib.sha256(f"har/{given.datasets}/{row['subject']}".encode()).digest()
        return int.from_bytes(digest[:8], "big") / 2**64
    rows = [row for row in rows if start <= place(row) < start + share]
columns = ["closed_set", "open_set"] + ([] if given.plan else ["closed_set_context", "open_set_context"])
for number, row in enumerate(rows):
    for column in columns:
        dice = hashlib.sha256(f"{constants['SEED']} {number} {column} {constants.get('DATASETS')}".encode()).digest()
        row[column] = row["label"] if dice[0] < 256 * skill else labels[dice[1] % len(labels)]
out = pathlib.Path(given.out)
out.mkdir(parents=True, exist_ok=True)
with open(out / f"predictions_{given.datasets}.csv", "w", newline="") as file:
    writer = csv.DictWriter(file, list(rows[0]), lineterminator="\\n")
    writer.writeheader()
    writer.writerows(rows)
"""


@pytest.fixture(scope="module")
def data(small_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small corpus with the windows of each dataset beside it, for the stand-ins."""
    root = tmp_path_factory.mktemp("corpus") / "data"
    shutil.copytree(small_corpus, root)
    for name in DATASETS:
        windows = choose_windows(read_dataset(root / name), 5.0, 2.5, 1.0)
        (root / f"windows_{name}.csv").write_text(predictions_table(windows, {}))
    return root


@pytest.fixture
def stand_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, source in (("TRAINING_SCRIPT", STAND_IN_TRAINING), ("EVALUATION_SCRIPT", STAND_IN_SCORING)):
        path = tmp_path / f"{name.lower()}.py"
        path.write_text(source)
        monkeypatch.setattr(protocol_cells, name, str(path))


def protocol(out: Path, *options: object) -> None:
    chosen = leave_one_out.asked_for(["--protocol", leave_one_out.PROTOCOL, "--out", str(out), *map(str, options)])
    call, arguments = chosen
    call(arguments)


@pytest.fixture
def begin(data: Path, stand_ins: None, tmp_path: Path) -> Callable[..., Path]:
    """begin(name, *options) -> the folder of a finished protocol of two datasets without references."""

    def run(name: str, *options: object) -> Path:
        given = {"--data": data, "--datasets": DATASETS, "--seeds": [0], "--references": ["none"]}
        flat = [word for key, value in given.items() if key not in options for word in (key, *np.atleast_1d(value))]
        protocol(tmp_path / name, *flat, *options)
        return tmp_path / name

    return run


def times(out: Path) -> dict[str, int]:
    return {str(p.relative_to(out)): p.stat().st_mtime_ns for p in sorted(out.glob("cells/*/*/cell.json"))}


def files(out: Path) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in ("report.md", "results.json")}


def scores(true, predicted):
    labels = sorted(set(true))
    return {
        "macro_f1": f1_score(true, predicted, labels=labels, average="macro", zero_division=0.0),
        "accuracy": accuracy_score(true, predicted),
    }


def test_every_cell_is_trained_scored_and_reported(begin):
    out = begin("whole", "--seeds", 0, 1, "--references", "forest", "frozen", "ceiling", "--jobs", 2)
    names = {path.parent.name for path in out.glob("cells/sim_watch/*/cell.json")}
    assert {"model_0", "model_1", "forest_0", "frozen_0"} <= names
    assert any(name.startswith("ceiling_") for name in names)
    assert not list(out.glob("cells/**/best.pt")) and list(out.glob("cells/sim_belt/model_1/training/*/*/epoch_001.pt"))
    record = json.loads((out / "results.json").read_text())
    assert record["missing"] == []
    for dataset in DATASETS:
        rows = record["datasets"][dataset]["rows"]
        for cell, column, row, place in (
            ("model_1", "closed_set", "one_window", 1),
            ("model_0", "closed_set_context", "recording_context", 0),
            ("forest_0", "closed_set", "forest", 0),
            ("frozen_0", "closed_set", "frozen_encoder", 0),
        ):
            table = read_predictions(out / "cells" / dataset / cell / "evaluation" / f"predictions_{dataset}.csv")
            for name, expected in scores(table["label"], table[column]).items():
                assert rows[row]["closed_set"][name]["values"][place] == pytest.approx(expected)
        tables = [read_predictions(p) for p in sorted(out.glob(f"cells/{dataset}/ceiling_*/evaluation/*.csv"))]
        merged = {name: [text for table in tables for text in table[name]] for name in ("label", "closed_set")}
        assert len(merged["label"]) == record["datasets"][dataset]["windows"]
        found = rows["ceiling"]["closed_set"]["accuracy"]["mean"]
        assert found == pytest.approx(accuracy_score(merged["label"], merged["closed_set"]))
    report = (out / "report.md").read_text()
    assert "| ceiling, recording context |" in report and "Not finished" not in report
    assert "![overview](<plots/overview.png>)" in report and (out / "plots" / "overview.png").is_file()
    for dataset, confusions in record["confusions"].items():
        assert (out / "plots" / f"confused_{dataset}.png").is_file() == bool(confusions)


def test_cells_share_the_cores(begin, monkeypatch):
    monkeypatch.setattr(protocol_cells.os, "sched_getaffinity", lambda process: set(range(6)), raising=False)
    out = begin("threads", "--jobs", 2)
    constants = json.loads(next(out.glob("cells/sim_belt/model_0/training/*/*/epoch_001.pt")).read_text())
    assert constants["threads"] == "3"
    assert (constants["HELD_OUT_DATASETS"], constants["SEED"], constants["EPOCHS"]) == ("sim_belt,", "0", "1")


def test_a_failing_cell_stops_the_protocol_which_goes_on_to_the_same_report(begin, data, capsys, tmp_path):
    undisturbed = begin("undisturbed", "--seeds", 0, 1)
    (data / "fail").write_text("sim_belt/model_1")
    try:
        with pytest.raises(CellError, match=r"cell sim_belt/model_1 failed: .*status 1; .*log.txt") as caught:
            begin("disturbed", "--seeds", 0, 1)
    finally:
        (data / "fail").unlink()
    out = tmp_path / "disturbed"
    assert caught.value.log_lines[-1] == "the stand-in fails as it was told"
    assert caught.value.log_lines[-1] in capsys.readouterr().err
    before = times(out)
    assert len(before) == 3 and (out / "cells/sim_belt/model_1/log.txt").is_file()
    (out / "cells/sim_belt/model_1/left_behind").touch()

    protocol(out, "--report-only")
    assert "Not finished yet, so the tables are partial: sim_belt/model_1." in (out / "report.md").read_text()
    protocol(out)  # all else as recorded
    assert before.items() < times(out).items()
    assert not (out / "cells/sim_belt/model_1/left_behind").exists()
    assert files(out) == files(undisturbed)


def test_seeds_datasets_and_references_may_be_added_but_nothing_else_changed(begin, data):
    out = begin("grows")
    before = times(out)
    protocol(out, "--seeds", 5, "--references", "forest")
    assert before.items() < times(out).items()
    assert read_plan(out).seeds == [0, 5] and set(read_plan(out).references) == {"forest"}
    assert len(times(out)) == 6
    for options, named in (
        (["--steps", 3], f"STEPS: 3 here, {STANDARD_STEPS} in protocol.json"),
        (["--train=--WIDTH=16"], "WIDTH: 16 here, 128 in protocol.json"),
    ):
        with pytest.raises(EvaluationError, match=named):
            protocol(out, *options)
    shutil.copytree(data / "sim_belt", data / "another")
    try:
        with pytest.raises(EvaluationError, match=r"PREPARED_DATASETS: .*another"):
            protocol(out)
    finally:
        shutil.rmtree(data / "another")
    assert len(times(out)) == 6


def test_what_changes_no_number_may_change(begin):
    out = begin("free")
    before = times(out)
    protocol(out, "--train=--LOG_EVERY=7 --TEXT_CACHE=elsewhere", "--jobs", 3)
    assert times(out) == before  # gone on with, and nothing was done again


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--datasets", "sim_belt"], "sim_belt alone to leave out .*needs two at least"),
        (["--datasets", "sim_belt", "nowhere"], "nowhere: not prepared under"),
        (["--references", "none", "forest"], "none alone"),
        (["--steps", "0"], "--steps 0"),
        (["--jobs", "0"], "--jobs 0"),
        (["--train=--SEED=3"], "--SEED=3: set by the protocol itself"),
        (["--train=--NO_SUCH=3"], "no constant NO_SUCH"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_runs(begin, tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        begin("refused", *options)
    assert not (tmp_path / "refused" / "cells").exists()


def test_by_default_the_standard_datasets_are_left_out_that_are_prepared(data, tmp_path, monkeypatch):
    monkeypatch.setattr("val_scripts.human_activity_recognition.protocol_plan.LEFT_OUT", ("sim_belt", "x", "sim_watch"))
    arguments = leave_one_out.parser().parse_args(["--protocol", "leave-one-dataset-out", "--out", "x"])
    arguments.data = data
    plan = make_plan(arguments, tmp_path)
    assert plan.datasets == ["sim_belt", "sim_watch"] and plan.seeds == [0, 1, 2]
    assert plan.references == ["forest", "frozen", "ceiling"]
    assert (plan.steps, plan.ceiling_steps) == (STANDARD_STEPS, CEILING_STEPS)


@pytest.mark.parametrize("what", ["model", "frozen", "ceiling"])
def test_every_cell_sets_constants_that_the_training_script_knows(data, tmp_path, what):
    arguments = leave_one_out.parser().parse_args(["--protocol", "leave-one-dataset-out", "--out", "x", "--steps", "7"])
    arguments.data, arguments.datasets, arguments.train = data, list(DATASETS), ["--WIDTH=16 --FREEZE_ENCODER=no"]
    plan = make_plan(arguments, tmp_path)
    script = repository_root() / TRAINING_SCRIPT
    constants, default = read_constants(script), read_constants(script)
    override_constants(constants, protocol_cells.training_arguments(Cell("sim_belt", what, 2), plan, tmp_path))
    changed = {name: value for name, value in constants.items() if value != default[name]}
    common = {"DATA_ROOT": str(data), "OUTPUT_ROOT": str(tmp_path / "training"), "EPOCHS": 1, "WIDTH": 16}
    held_out = {"HELD_OUT_DATASETS": ("sim_belt",), "SEED": 2, "STEPS_PER_EPOCH": 7}
    fold = {
        "DATASETS": ("sim_belt",), "HELD_OUT_DATASETS": (), "STEPS_PER_EPOCH": 400,
        "VALIDATION_SHARE": 1 / 3, "VALIDATION_FROM": 2 / 3,
    }  # fmt: skip
    own = {"model": held_out, "frozen": held_out | {"FREEZE_ENCODER": True}, "ceiling": fold}
    assert changed == common | own[what]


def test_folds_hold_every_person_out_once(data, begin):
    out = begin("folds", "--references", "ceiling")
    plan = read_plan(out)
    cells = [cell for cell in leave_one_out.expected_cells(plan) if cell.what == "ceiling"]
    for dataset in DATASETS:
        held_out = []
        for cell in cells:
            if cell.dataset == dataset:
                table = read_predictions(
                    protocol_cells.cell_folder(out, cell) / "evaluation" / f"predictions_{dataset}.csv"
                )
                for subject in sorted(set(table["subject"])):
                    digest = hashlib.sha256(f"har/{dataset}/{subject}".encode()).digest()
                    assert int(3 * int.from_bytes(digest[:8], "big") / 2**64) == cell.number
                    held_out.append(subject)
        assert sorted(held_out) == read_dataset(data / dataset).subjects


def test_cells_that_scored_other_windows_are_not_put_together(begin):
    out = begin("windows", "--seeds", 0, 1)
    path = out / "cells/sim_belt/model_1/evaluation/predictions_sim_belt.csv"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-1]))
    with pytest.raises(EvaluationError, match=r"sim_belt/model_1 scored \d+ windows, sim_belt/model_0 \d+"):
        protocol(out, "--report-only")
    path.write_text("stream,label\n")
    with pytest.raises(EvaluationError, match="no table of predictions"):
        protocol(out, "--report-only")


def test_one_protocol_at_a_time_in_a_folder(begin):
    out = begin("alone")
    with leave_one_out.alone_in(out), pytest.raises(EvaluationError, match="still at work there"):
        protocol(out)
    protocol(out)


def test_a_process_that_does_not_end_by_itself_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(protocol_cells, "PATIENCE_S", 0.3)
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); time.sleep(60)"
    )
    children, log, raised = Children({}), tmp_path / "log.txt", []

    def run() -> None:
        try:
            children.run([sys.executable, "-c", stubborn], log)
        except StoppedError as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    began = time.monotonic()
    while "\non" not in (log.read_text() if log.exists() else "") and time.monotonic() < began + 30:
        time.sleep(0.05)
    children.stop()
    thread.join(10)
    assert not thread.is_alive() and len(raised) == 1
    with pytest.raises(StoppedError):
        children.run([sys.executable, "-c", ""], log)


def test_the_end_of_a_log_leaves_out_what_a_progress_bar_overwrote(tmp_path):
    log = tmp_path / "log.txt"
    log.write_text("begin\n 10 %\r 20 %\r 30 %\n\nerror: no\n")
    assert last_lines(log, 2) == [" 30 %", "error: no"]
    assert last_lines(tmp_path / "none.txt") == []


def test_overrides_may_come_in_one_option_or_several():
    assert split_overrides(["--WIDTH=16 --depth 2", "--STEM_WIDTHS=8,8"]) == [
        "--WIDTH=16",
        "--DEPTH=2",
        "--STEM_WIDTHS=8,8",
    ]


def test_variants_are_compared_and_chosen_without_what_is_scored(begin, tmp_path):
    weak = begin("weak", "--seeds", 0, 1, "--train=--LEARNING_RATE=0.3")
    strong = begin("strong", "--seeds", 0, 1, "--train=--LEARNING_RATE=0.8")
    protocol(tmp_path / "compared", "--compare", f"weak={weak}", f"strong={strong}")
    record = json.loads((tmp_path / "compared" / "results.json").read_text())
    assert record["one_window"]["chosen"] == {"sim_belt": "strong", "sim_watch": "strong"}
    means = json.loads((strong / "results.json").read_text())["mean"]
    for row in ("one_window", "recording_context"):
        assert record[row]["nested"]["mean"] == pytest.approx(means[row]["closed_set"]["macro_f1"]["mean"])
        assert record[row]["variants"]["strong"]["sd"] == pytest.approx(means[row]["closed_set"]["macro_f1"]["sd"])
    report = (tmp_path / "compared" / "report.md").read_text()
    assert "**strong**: LEARNING_RATE: 0.8 here, 0.3 in weak" in report
    assert "| *chosen* | strong | strong | (best: strong) |" in report

    other = begin("other seeds", "--train=--LEARNING_RATE=0.8")
    with pytest.raises(EvaluationError, match=r"other has the seeds \[0\], weak \[0, 1\]"):
        protocol(tmp_path / "no", "--compare", f"weak={weak}", f"other={other}")
    (strong / "cells/sim_belt/model_1/cell.json").unlink()
    protocol_report.write(strong, read_plan(strong), leave_one_out.expected_cells(read_plan(strong)))
    with pytest.raises(EvaluationError, match="lacks sim_belt/model_1"):
        protocol(tmp_path / "no", "--compare", f"weak={weak}", f"strong={strong}")


@pytest.mark.parametrize("given", [["a=x"], ["a=x", "a=y"], ["a", "b=x"]])
def test_a_comparison_needs_two_names(given, tmp_path):
    with pytest.raises(EvaluationError, match="NAME=FOLDER at least twice"):
        protocol_comparison.compare(argparse.Namespace(compare=given, out=tmp_path))
