"""The few-shot script on a real, tiny run."""

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from har.evaluation.few_shot import CLASSIFIERS, FewShotProtocol, score_few_shot
from har.network.alignment import LAYERS
from har.recordings.format import read_dataset
from har.run.checkpoint import load_checkpoint, save_checkpoint
from har.text.calibration import UNCALIBRATED
from har.text.recording_context import CALIBRATION, in_context
from har.windows.index import WindowIndex
from val_scripts.human_activity_recognition.model_loading import load_label_bank, load_model

SCRIPT = "val_scripts/human_activity_recognition/evaluate_few_shot.py"
DRAWS, SHOTS = 3, [1, 4]


class Windows:
    """All labelled windows of sim_belt, embedded as a user would: the whole stream in one call."""

    def __init__(self, checkpoint_path: Path, root: Path) -> None:
        self.model, self.checkpoint, self.hyperparams_path = load_model(checkpoint_path, "cpu")
        dataset = read_dataset(root / "sim_belt")
        lengths = (self.checkpoint[name] for name in ("window_s", "stride_s", "min_window_s"))
        index = WindowIndex([dataset], *lengths)
        (stream,) = index.streams
        self.candidates = dataset.labels
        self.index, self.rows = index, index.labelled_rows()
        rows = self.rows
        self.in_context = partial(self.model.embed_rows_in_context, index, rows)
        self.unlabelled = len(index) - len(rows)
        self.labels = [index.labels[i] for i in index.label_id[rows]]
        self.subjects = [index.subjects[i].split("/")[1] for i in index.subject_id[rows]]
        self.ids = [f"{stream.info.name}/{start}" for start in index.start[rows]]
        signal = index.read(rows)
        info = stream.info
        how = (signal, info.sampling_rate_hz, info.channels, info.placement)
        self.embeddings, self.features = (self.model.embed(*how, layer=layer) for layer in LAYERS)


@pytest.fixture(scope="module")
def checkpoint_path(whole_run: tuple[Path, str], small_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run's checkpoint with texts that know sim_belt's activities: after seconds of training they know nothing.

    The stored texts of a label become the direction of its windows from the mean of all, so that the zero-shot answers
    differ from window to window.
    """
    windows = Windows(whole_run[0] / "best.pt", small_corpus)
    away = F.normalize(windows.embeddings - windows.embeddings.mean(dim=0), dim=1)
    means = [
        away[torch.tensor([label == other for other in windows.labels])].mean(dim=0) for label in windows.candidates
    ]
    # What all windows share must not favour one label over the others.
    shared = F.normalize(windows.embeddings.mean(dim=0), dim=0)
    texts = torch.stack(means)
    texts = F.normalize(texts - (texts @ shared)[:, None] * shared, dim=1)
    checkpoint = load_checkpoint(whole_run[0] / "best.pt")
    store = checkpoint["label_bank"]["_extra_state"]
    kept = [i for i, label in enumerate(store["labels"]) if label not in windows.candidates]
    kinds, prototypes = store["embeddings"].shape[1:3]
    store["embeddings"] = torch.cat(
        [store["embeddings"][kept], texts[:, None, None].expand(-1, kinds, prototypes, -1).clone()]
    )
    store["labels"] = [store["labels"][i] for i in kept] + windows.candidates
    folder = tmp_path_factory.mktemp("informed")
    shutil.copy(whole_run[0] / "hyperparameters.json", folder)
    save_checkpoint(folder / "best.pt", checkpoint)
    return folder / "best.pt"


@pytest.fixture(scope="module")
def evaluation(
    checkpoint_path: Path, small_corpus: Path, run_script: Callable, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    out = tmp_path_factory.mktemp("evaluation") / "report"
    what = ("--checkpoint", checkpoint_path, "--datasets", "sim_belt", "--data", small_corpus, "--out", out)
    done = run_script(SCRIPT, *what, "--draws", DRAWS, "--shots", *reversed(SHOTS), "--device", "cpu")
    assert done.returncode == 0, done.stderr
    assert str(out) in done.stdout.splitlines()[-1]
    return out


@pytest.fixture(scope="module")
def result(evaluation: Path) -> dict:
    return json.loads((evaluation / "few_shot.json").read_text())["datasets"]["sim_belt"]


def test_all_rows_and_files_are_there(evaluation, result, checkpoint_path, small_corpus):
    settings = json.loads((evaluation / "few_shot.json").read_text())["settings"]
    assert settings["shots"] == SHOTS and settings["draws"] == DRAWS and "sim_belt" not in settings["trained_on"]
    rows = [(row["classifier"], row["text"], row["shots"]) for row in result["rows"]]
    assert rows == [(name, text, k) for name in CLASSIFIERS for text in (True, False) for k in SHOTS]
    assert all(len(row["macro_f1"]["draws"]) == DRAWS for row in result["rows"])
    assert result["people"] == 4
    assert sum(result["left_out"].values()) == Windows(checkpoint_path, small_corpus).unlabelled
    report = (evaluation / "report.md").read_text()
    assert f"{100 * result['zero_shot']['macro_f1']['mean']:.1f} ±" in report
    plots = ["few_shot_protocols_sim_belt.png", "few_shot_sim_belt.png"]
    assert sorted(p.name for p in (evaluation / "plots").iterdir()) == sorted(plots)
    assert all(f"(<plots/{name}>)" in report for name in plots)
    record = json.loads((evaluation / "few_shot.json").read_text())
    placement, wearer = (record[f"datasets_by_{name}"]["sim_belt"] for name in ("placement", "wearer"))
    # One placement is that of all windows; a person alone is told apart from his or her own other half.
    assert placement == result | {"protocol": "placement"} and wearer["protocol"] == "wearer"
    assert "second halves are named" in wearer["notes"][0]
    assert all(f"### sim_belt: {title}" in report for title in ("each placement with its own", "the wearer's own"))


def test_scores_are_those_of_the_label_banks_probabilities(evaluation, result, checkpoint_path, small_corpus):
    """The library on the probabilities of `classify`, whose logarithms are the logits less a constant a window."""
    windows = Windows(checkpoint_path, small_corpus)
    bank = load_label_bank(windows.checkpoint, "cpu", windows.hyperparams_path)
    bank.calibrate(UNCALIBRATED)  # labelled windows are blended with what the words say by themselves
    predicted, probabilities = bank.classify(windows.embeddings, windows.candidates)
    settings = json.loads((evaluation / "few_shot.json").read_text())["settings"]
    names = ("draws", "text_windows", "ridge_penalty", "seed")
    expected = score_few_shot(
        "sim_belt", windows.features.numpy(), probabilities.double().log().numpy(), float(bank.logit_scale),
        windows.labels, windows.subjects, windows.ids, labels=windows.candidates,
        protocol=FewShotProtocol(tuple(SHOTS), *(settings[name] for name in names)),
    )  # fmt: skip
    # One window named otherwise, by rounding, changes a score by less than this; another draw by far more.
    assert result["zero_shot"]["accuracy"]["draws"] == pytest.approx(expected.zero_shot["accuracy"]["draws"], abs=0.01)
    for found, row in zip(result["rows"], expected.rows, strict=True):
        assert found["macro_f1"]["draws"] == pytest.approx(row["macro_f1"]["draws"], abs=0.01)
    assert result["windows"] == len(windows.labels)
    assert len(set(predicted)) > 1  # or else a wrong sign would not be seen


def test_with_context_windows_are_embedded_with_their_recordings(
    evaluation, checkpoint_path, small_corpus, run_script, tmp_path
):
    where = ("--checkpoint", checkpoint_path, "--datasets", "sim_belt", "--data", small_corpus, "--out", tmp_path / "o")
    done = run_script(SCRIPT, *where, "--context", "--draws", DRAWS, "--shots", 4, "--device", "cpu")
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "o" / "few_shot.json").read_text())
    alone = json.loads((evaluation / "few_shot.json").read_text())
    assert (record["settings"]["embedded"], alone["settings"]["embedded"]) == (
        "in the context of the recordings", "one window at a time",
    )  # fmt: skip
    windows = Windows(checkpoint_path, small_corpus)
    bank = load_label_bank(windows.checkpoint, "cpu", windows.hyperparams_path)
    bank.calibrate(UNCALIBRATED)  # labelled windows are blended with what the words say by themselves
    embeddings, features = (windows.in_context(layer=layer) for layer in LAYERS)

    def person_by_person(query: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
        found, rows = np.empty_like(probabilities), windows.rows[query]
        for person in np.unique(windows.index.subject_id[rows]):
            own = windows.index.subject_id[rows] == person
            which = (windows.index.start_time_s[rows[own]], windows.index.recording_id[rows[own]])
            found[own] = in_context(probabilities[own], *which, np.zeros(own.sum()))
        return found

    def without_habits(text: np.ndarray) -> np.ndarray:
        found = np.empty_like(text)
        for person in np.unique(windows.subjects):
            own = np.array(windows.subjects) == person
            found[own] = text[own] / text[own].mean(axis=0) ** CALIBRATION
        return found / found.sum(axis=1, keepdims=True)

    _, probabilities = bank.classify(embeddings, windows.candidates)
    names = ("draws", "text_windows", "ridge_penalty", "seed")
    expected = score_few_shot(
        "sim_belt", features.numpy(), probabilities.double().log().numpy(), float(bank.logit_scale),
        windows.labels, windows.subjects, windows.ids, labels=windows.candidates,
        protocol=FewShotProtocol((4,), *(record["settings"][name] for name in names)), in_context=person_by_person,
        calibrated=without_habits,
    )  # fmt: skip
    for row, want in zip(record["datasets"]["sim_belt"]["rows"], expected.rows, strict=True):
        assert row["macro_f1"]["draws"] == pytest.approx(want["macro_f1"]["draws"], abs=0.01)
    (found, before) = (r["datasets"]["sim_belt"]["zero_shot"]["accuracy"]["draws"] for r in (record, alone))
    assert found == pytest.approx(expected.zero_shot["accuracy"]["draws"], abs=0.01)
    assert max(abs(a - b) for a, b in zip(found, before, strict=True)) > 0.02


def test_a_training_dataset_is_refused_with_one_line(whole_run, small_corpus, run_script, tmp_path):
    where = ("--checkpoint", whole_run[0] / "best.pt", "--data", small_corpus, "--out", tmp_path / "o")
    done = run_script(SCRIPT, *where, "--datasets", "sim_phone")
    assert done.returncode == 2
    assert "trained on sim_phone" in done.stderr and "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "o").exists()
