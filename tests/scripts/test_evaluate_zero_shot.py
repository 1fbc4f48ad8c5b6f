"""The evaluation script on a real, tiny run."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score

from har.evaluation.calibration import expected_calibration_error
from har.labels.groups import matches
from har.recordings.format import read_dataset
from har.windows.index import WindowIndex, split_of
from val_scripts.human_activity_recognition.model_loading import load_label_bank, load_model

SCRIPT = "val_scripts/human_activity_recognition/evaluate_zero_shot.py"


@pytest.fixture(scope="module")
def evaluation(
    whole_run: tuple[Path, str], small_corpus: Path, run_script: Callable, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    out = tmp_path_factory.mktemp("evaluation") / "report"
    best = whole_run[0] / "best.pt"
    done = run_script(SCRIPT, "--checkpoint", best, "--datasets", "sim_belt", "--data", small_corpus, "--out", out)
    assert done.returncode == 0, done.stderr
    assert str(out) in done.stdout.splitlines()[-1]
    return out


def test_scores_agree_with_scikit_learn_on_the_written_predictions(evaluation):
    result = json.loads((evaluation / "results.json").read_text())["datasets"]["sim_belt"]
    with (evaluation / "predictions_sim_belt.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    truth, predicted = [r["label"] for r in rows], [r["closed_set"] for r in rows]
    assert result["windows"] == len(rows) and result["people"] == 4
    assert result["closed_set"]["accuracy"] == pytest.approx(accuracy_score(truth, predicted))
    labels = sorted(set(truth))
    assert result["closed_set"]["macro_f1"] == pytest.approx(f1_score(truth, predicted, labels=labels, average="macro"))


def test_trust_agrees_with_the_written_probabilities(evaluation):
    """Errors of calibration from the columns of the table, which have four digits."""
    result = json.loads((evaluation / "results.json").read_text())["datasets"]["sim_belt"]
    with (evaluation / "predictions_sim_belt.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[10:] == ["confidence", "known", "confidence_context", "known_context"]
    for how, end in (("one window", ""), ("recording context", "_context")):
        confidence = np.array([float(row[f"confidence{end}"]) for row in rows])
        right = [row[f"closed_set{end}"] == row["label"] for row in rows]
        scores = result["trust"][how]
        assert scores["confidence"] == pytest.approx(confidence.mean(), abs=1e-4)
        # A window at the border of a bin may fall into the next one.
        assert scores["ece"] == pytest.approx(expected_calibration_error(confidence, right), abs=5e-3)
        told = scores["unknown"]["activities"]
        assert set(told) < set(result["labels"]) and all(0 <= value <= 1 for value in told.values())
        assert scores["unknown"]["auroc"] == pytest.approx(np.mean(list(told.values())))
        assert all(0 <= float(row[f"known{end}"]) <= 1 for row in rows)
    assert "## Probabilities" in (evaluation / "report.md").read_text()


def test_recording_context_has_columns_and_scores_of_its_own(evaluation):
    result = json.loads((evaluation / "results.json").read_text())["datasets"]["sim_belt"]
    with (evaluation / "predictions_sim_belt.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[6:10] == ["closed_set", "open_set", "closed_set_context", "open_set_context"]
    truth, predicted = [r["label"] for r in rows], [r["closed_set_context"] for r in rows]
    found = result["context"]["closed_set"]
    assert found["accuracy"] == pytest.approx(accuracy_score(truth, predicted))
    macro_f1 = f1_score(truth, predicted, labels=sorted(set(truth)), average="macro", zero_division=0.0)
    assert found["macro_f1"] == pytest.approx(macro_f1) and len(found["intervals"]["macro_f1"]) == 2
    answers, right = [r["open_set_context"] for r in rows], 0
    for answer, label in zip(answers, truth, strict=True):
        right += matches(answer, label)
    assert result["context"]["open_set"]["accuracy"] == pytest.approx(right / len(rows))
    assert set(result["context"]["per_placement"]) == set(result["per_placement"]) == {"waist"}
    for which, scores in {"one window": result["closed_set"], "recording context": found}.items():
        events = result["events"][which]
        assert events["true"] == sum(events["true_events"].values()) > 0
        # Time that is right is true, and neither deleted, underfilled nor fragmented.
        wrong_s = sum(events["seconds"][kind] for kind in ("deleted", "underfill", "fragmented"))
        assert 1 - wrong_s / events["true_s"] == pytest.approx(scores["accuracy"], abs=0.15)


def test_in_context_everybody_is_named_alone_with_all_own_windows(evaluation, whole_run, small_corpus):
    """Person by person, those without a label among their windows: nobody's recordings tell of another's."""
    model, checkpoint, hyperparams_path = load_model(whole_run[0] / "best.pt", "cpu")
    bank = load_label_bank(checkpoint, "cpu", hyperparams_path)
    lengths = (checkpoint[name] for name in ("window_s", "stride_s", "min_window_s"))
    dataset = read_dataset(small_corpus / "sim_belt")
    index = WindowIndex([dataset], *lengths)
    expected = {"closed_set_context": {}, "open_set_context": {}}
    for person in np.unique(index.subject_id):
        own = np.flatnonzero(index.subject_id == person)
        embeddings = model.embed_rows_in_context(index, own)
        for column, labels in zip(expected, (dataset.labels, checkpoint["labels"]), strict=True):
            names, _ = bank.classify_recording(embeddings, labels, index.start_time_s[own], index.recording_id[own])
            expected[column] |= dict(zip(own, names, strict=True))
    with (evaluation / "predictions_sim_belt.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert (index.label_id < 0).any() and len(index.streams) == 1
    for column, names in expected.items():
        assert [r[column] for r in rows] == [names[i] for i in index.labelled_rows()]


def test_only_the_people_that_training_held_out_are_scored_when_asked(whole_run, small_corpus, run_script, tmp_path):
    where = ("--checkpoint", whole_run[0] / "best.pt", "--data", small_corpus, "--out", tmp_path / "o")
    done = run_script(SCRIPT, *where, "--datasets", "sim_watch", "--held-out-people")
    assert done.returncode == 0, done.stderr
    with (tmp_path / "o" / "predictions_sim_watch.csv").open(newline="") as file:
        people = {row["subject"] for row in csv.DictReader(file)}
    everybody = read_dataset(small_corpus / "sim_watch").subjects
    held_out = {who for who in everybody if split_of("sim_watch", who, "har", 0.4) == "validation"}
    assert people == held_out and people != set(everybody)
    report = (tmp_path / "o" / "report.md").read_text()
    assert "Trained on this dataset" in report and "whom training held out" in report


def test_report_and_plots_are_there(evaluation):
    report = (evaluation / "report.md").read_text()
    assert "sim_belt" in report and "waist" in report
    assert "| sim_belt, recording context |" in report and "*One window*" in report
    drawn = {p.name for p in (evaluation / "plots").iterdir()}
    assert drawn == {f"{name}_sim_belt.png" for name in ("confusion", "answers", "trust")}


def test_agrees_with_what_training_measured(evaluation, whole_run):
    """Training scores the held-out dataset with the same weights, windows and labels."""
    result = json.loads((evaluation / "results.json").read_text())["datasets"]["sim_belt"]
    records = [json.loads(line) for line in (whole_run[0] / "metrics.jsonl").read_text().splitlines()]
    best = max((r for r in records if r["split"] == "validation"), key=lambda r: (r["macro_f1"], -r["step"]))
    (held_out,) = (r for r in records if r["split"] == "held_out" and r["step"] == best["step"])
    assert result["closed_set"]["macro_f1"] == pytest.approx(held_out["macro_f1"], abs=1e-9)


def test_a_training_dataset_is_refused(whole_run, small_corpus, run_script, tmp_path):
    where = ("--checkpoint", whole_run[0] / "best.pt", "--data", small_corpus, "--out", tmp_path / "o")
    done = run_script(SCRIPT, *where, "--datasets", "sim_phone")
    assert done.returncode == 2
    assert "sim_phone" in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "o").exists()
