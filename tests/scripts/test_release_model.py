"""A release holds what using a model takes and says what its checkpoint says; its card is measured."""

import hashlib
import json
import re
import runpy

import numpy as np
import pytest
import torch

from har.network.loading import load_label_bank, load_model
from har.recognition.vocabulary import EVERYDAY_LABELS
from har.run.checkpoint import load_checkpoint
from har.run.folder import repository_root
from har.weights.card import fill_card
from har.weights.released import CARD, CONSTANTS, FOLDER, WEIGHTS, released_checkpoint, released_names

SCRIPT = "val_scripts/human_activity_recognition/release_model.py"
SIX = [f"{kind}_{axis}" for kind in ("acc", "gyro") for axis in "xyz"]
MOST_BYTES = 6_000_000  # of all weights in the repository


@pytest.fixture(scope="module")
def released(run_script, whole_run, small_corpus, tmp_path_factory):
    """Folder of a release of the tiny run, and the results that its card shows."""
    root = tmp_path_factory.mktemp("weights")
    (root / "README.md").write_text(
        "before\n<!-- card: training -->\n<!-- end -->\n<!-- card: scores -->\nold\n<!-- end -->\nafter\n"
    )
    scores = {"macro_f1": 0.5, "accuracy": 0.25, "intervals": {"macro_f1": [0.4, 0.625]}}
    result = {"people": 3, "labels": ["a", "b"], "closed_set": scores, "context": {"closed_set": scores}}
    (root / "results.json").write_text(json.dumps({"datasets": {"elsewhere": result}}))
    asked = ("--checkpoint", whole_run[0] / "best.pt", "--data", small_corpus, "--scores", root / "results.json")
    done = run_script(SCRIPT, *asked, "--out", root / "tiny")
    assert done.returncode == 0, done.stderr
    assert str(root / "tiny") in done.stdout
    return root / "tiny"


def test_a_release_says_what_its_checkpoint_says_without_the_training(released, whole_run):
    signal = np.random.default_rng(0).normal(0, 0.2, (3, 250, 6)) + np.eye(6)[2]
    answers = []
    for path in (whole_run[0] / "best.pt", released / WEIGHTS):
        model, checkpoint, hyperparams_path = load_model(path, "cpu")
        bank = load_label_bank(checkpoint, "cpu", hyperparams_path)
        embeddings = model.embed(signal, 50, SIX, model.placements[0])
        answers.append(bank.classify(embeddings, EVERYDAY_LABELS)[1])
    assert torch.equal(*answers)
    kept = load_checkpoint(released / WEIGHTS)
    assert "training" not in kept and "constants" not in kept
    assert (released / WEIGHTS).stat().st_size < 0.5 * (whole_run[0] / "best.pt").stat().st_size
    bank.attach(None)  # no text encoder, as where its package is not installed
    assert bank.encode(EVERYDAY_LABELS).shape[0] == len(EVERYDAY_LABELS)


def test_the_constants_name_no_place_of_the_machine(released, small_corpus):
    text = (released / CONSTANTS).read_text()
    assert str(small_corpus) not in text and json.loads(text)["TEXT_CACHE"] == ".cache/text"


def test_the_card_is_what_was_measured(released, small_corpus):
    card = json.loads((released / CARD).read_text())
    assert card["weights_sha256"] == hashlib.sha256((released / WEIGHTS).read_bytes()).hexdigest()
    assert [facts["name"] for facts in card["trained_on"]] == ["sim_phone", "sim_watch"]
    assert all(facts["people"] == 4 and facts["hours"] > 0 for facts in card["trained_on"])
    text = (released.parent / "README.md").read_text()
    assert text.startswith("before\n") and text.endswith("after\n") and "old" not in text
    assert "| elsewhere | 3 | 2 | 50.0 [40.0, 62.5], 25.0 | 50.0 [40.0, 62.5], 25.0 |" in text


def test_scores_of_what_was_trained_on_are_refused(run_script, whole_run, small_corpus, tmp_path):
    result = {"people": 3, "labels": ["a", "b"], "closed_set": {"macro_f1": 0.5, "accuracy": 0.25, "intervals": None}}
    result["context"] = {"closed_set": result["closed_set"]}
    (tmp_path / "results.json").write_text(json.dumps({"datasets": {"sim_watch": result}}))
    asked = ("--checkpoint", whole_run[0] / "best.pt", "--data", small_corpus, "--scores", tmp_path / "results.json")
    done = run_script(SCRIPT, *asked, "--out", tmp_path / "tiny")
    assert done.returncode == 2 and "scores sim_watch, which the model was trained on" in done.stderr
    assert not (tmp_path / "tiny").exists()


@pytest.mark.parametrize("text", ["{}", "[1]", '{"datasets": {"a": {}}}', "no JSON"])
def test_scores_that_are_none_are_refused_in_a_sentence(tmp_path, text):
    (tmp_path / "other.json").write_text(text)
    scores_of = runpy.run_path(str(repository_root() / SCRIPT), run_name="release_model")["scores_of"]
    with pytest.raises(ValueError, match=r"other\.json is no results\.json"):
        scores_of(tmp_path / "other.json")


def test_a_table_without_a_place_is_refused():
    with pytest.raises(ValueError, match=re.escape("write <!-- card: scores --> and <!-- end -->")):
        fill_card("nothing", {"scores": "| a |"})


# --- what is shipped --------------------------------------------------------------------------------------------------


def test_what_is_shipped_is_small_whole_and_described():
    assert "default" in released_names()
    assert sum(path.stat().st_size for path in FOLDER.glob(f"*/{WEIGHTS}")) <= MOST_BYTES
    text = (FOLDER / "README.md").read_text()
    for name in released_names():
        folder = FOLDER / name
        card = json.loads((folder / CARD).read_text())
        assert card["weights_sha256"] == hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
        assert all(f"| {facts['name']} |" in text for facts in card["trained_on"])
        assert all(f"| {dataset} |" in text for dataset in card["scores"])
        allowed = {"CC BY 4.0", "CC0 1.0", "MIT"}
        assert {facts["licence"] for facts in card["trained_on"]} <= allowed
        assert not set(card["scores"]) & {facts["name"] for facts in card["trained_on"]}


def test_a_name_that_is_none_is_told_the_others():
    model, checkpoint, _ = load_model(device="cpu")
    assert set(EVERYDAY_LABELS) <= {*load_label_bank(checkpoint, "cpu").known_labels()}
    assert sum(parameter.numel() for parameter in model.parameters()) <= 2_000_000
    with pytest.raises(FileNotFoundError, match=r"no released model 'nowhere'; there are default"):
        released_checkpoint("nowhere")
