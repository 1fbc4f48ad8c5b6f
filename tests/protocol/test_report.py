"""Predictions of cells put together: each person once, and only of the same windows."""

import hashlib
import json

import numpy as np
import pytest

from har.evaluation.calibration import calibration_scores
from har.protocol.cells import cell_folder
from har.protocol.plan import expected_cells, read_plan
from har.protocol.request import EvaluationError
from har.protocol.scoring import read_predictions
from har.recordings.format import read_dataset

DATASETS = ("sim_watch", "sim_belt")


def test_folds_hold_every_person_out_once(data, begin):
    out = begin("folds", references=["ceiling"])
    plan = read_plan(out)
    folds = [cell for cell in expected_cells(plan) if cell.what == "ceiling"]
    for dataset in DATASETS:
        held_out = []
        for cell in folds:
            if cell.dataset == dataset:
                table = read_predictions(cell_folder(out, cell) / "evaluation" / f"predictions_{dataset}.csv")
                for subject in sorted(set(table["subject"])):
                    digest = hashlib.sha256(f"har/{dataset}/{subject}".encode()).digest()
                    assert int(3 * int.from_bytes(digest[:8], "big") / 2**64) == cell.number
                    held_out.append(subject)
        assert sorted(held_out) == read_dataset(data / dataset).subjects


def as_of_a_former_version(path):
    """A cell's record without what tells whether its predictions are still those that were written."""
    record = json.loads(path.read_text())
    del record["checksum"], record["predictions_crc32"]
    path.write_text(json.dumps(record))


def test_cells_that_scored_other_windows_are_not_put_together(begin, protocol):
    out = begin("windows", seeds=[0, 1])
    cell = out / "cells/sim_belt/model_1"
    as_of_a_former_version(cell / "cell.json")
    protocol(out, report_only=True)
    path = cell / "evaluation/predictions_sim_belt.csv"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-1]))
    with pytest.raises(EvaluationError, match=r"sim_belt/model_1 scored \d+ windows, sim_belt/model_0 \d+"):
        protocol(out, report_only=True)
    path.write_text("".join([lines[0].replace("closed_set_context", "another"), *lines[1:]]))
    with pytest.raises(EvaluationError, match=r"sim_belt/model_1 has no predictions closed_set_context; remove"):
        protocol(out, report_only=True)
    for content in (b"stream,label\n", b"stream,label\n\xff\xfe,walking\n"):
        path.write_bytes(content)
        with pytest.raises(EvaluationError, match="no table of predictions"):
            protocol(out, report_only=True)


def test_one_answer_or_number_that_was_not_written_is_refused(begin, protocol):
    out = begin("flipped")
    cell = out / "cells/sim_belt/model_0"
    for path, before, after, message in (
        (cell / "evaluation/predictions_sim_belt.csv", b"walking", b"running", "does not hold what was predicted"),
        (cell / "cell.json", b'"number": 0', b'"number": 1', "does not hold what was written"),
        (out / "protocol.json", b'"steps": 2', b'"steps": 3', "does not hold what was written"),
    ):
        content = path.read_bytes()
        assert before in content
        path.write_bytes(content.replace(before, after, 1))
        with pytest.raises(EvaluationError, match=rf"{path.name} {message}"):
            protocol(out, report_only=True)
        path.write_bytes(content)
    (cell / "evaluation/predictions_sim_belt.csv").unlink()
    with pytest.raises(EvaluationError, match=r"predictions_sim_belt\.csv is missing; remove .*model_0"):
        protocol(out, report_only=True)


def test_probabilities_are_reported_where_models_scored_them(begin, protocol):
    """Means over seeds from what the evaluations wrote; models of a former version wrote nothing of it."""
    out = begin("trust", seeds=[0, 1])
    protocol(out, report_only=True)
    assert json.loads((out / "results.json").read_text())["trust"] == {}
    assert "## Probabilities" not in (out / "report.md").read_text()
    scored = []
    for seed in (0, 1):
        scores = calibration_scores(np.random.default_rng(seed).dirichlet(np.ones(3), 50), np.zeros(50, dtype=int))
        scores["unknown"] = {"auroc": 0.6 + 0.1 * seed, "activities": {"walking": 0.6 + 0.1 * seed}}
        record = {"datasets": {"sim_belt": {"trust": {"one window": scores}}, "elsewhere": {}}}
        (out / f"cells/sim_belt/model_{seed}/evaluation/results.json").write_text(json.dumps(record))
        scored.append(scores)
    protocol(out, report_only=True)
    assert json.loads((out / "results.json").read_text())["trust"] == {"sim_belt": {"one window": scored}}
    (row,) = [line for line in (out / "report.md").read_text().splitlines() if "| sim_belt, one window |" in line]
    cells = [cell.strip() for cell in row.split("|")[1:-1]]
    assert cells[2] == f"{50 * (scored[0]['ece'] + scored[1]['ece']):.1f}" and cells[7:] == ["0.650", "2"]


def test_a_plan_of_other_kinds_of_values_is_refused(begin, protocol):
    out = begin("kinds")
    plan = json.loads((out / "protocol.json").read_text())
    del plan["checksum"]
    (out / "protocol.json").write_text(json.dumps(plan))
    assert read_plan(out).steps == plan["steps"]
    (out / "protocol.json").write_text(json.dumps(plan | {"seeds": 0}))
    with pytest.raises(EvaluationError, match=r"protocol\.json: seeds is a int, expected a list; give another --out"):
        read_plan(out)
