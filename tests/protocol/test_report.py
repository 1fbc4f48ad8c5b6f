"""Predictions of cells put together: each person once, and only of the same windows."""

import hashlib

import pytest

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


def test_cells_that_scored_other_windows_are_not_put_together(begin, protocol):
    out = begin("windows", seeds=[0, 1])
    path = out / "cells/sim_belt/model_1/evaluation/predictions_sim_belt.csv"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-1]))
    with pytest.raises(EvaluationError, match=r"sim_belt/model_1 scored \d+ windows, sim_belt/model_0 \d+"):
        protocol(out, report_only=True)
    path.write_text("stream,label\n")
    with pytest.raises(EvaluationError, match="no table of predictions"):
        protocol(out, report_only=True)
