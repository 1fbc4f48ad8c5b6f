"""A model and its label bank as training saves them, of a few thousand weights, for trials with its files."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from har.network.alignment import AlignmentModel
from har.network.config import NetworkConfig
from har.network.upgrade import CHECKPOINT_FORMAT
from har.run.checkpoint import plain_state_dict, save_checkpoint
from har.run.folder import write_json, write_yaml
from har.text.encoder import SentenceEncoder, TextFeatures
from har.text.label_bank import LearnableLabelBank

CHANNELS = ("acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z")
PLACEMENTS = ["left wrist", "trouser pocket"]
LABELS = ["walking", "climbing stairs", "sitting"]
CONFIG = NetworkConfig(
    sensors=("acc", "gyro"), sampling_rate_hz=20.0, window_s=2.0, patch_s=0.5, stem_widths=(4,), width=8, depth=1,
    heads=2, mlp_ratio=2.0, embedding_width=8, text_width=6, dropout=0.1,
)  # fmt: skip


class RandomWords:
    """Stands for the sentence encoder that the checkpoint names: each word has a fixed random vector."""

    fingerprint = SentenceEncoder().fingerprint

    def encode(self, texts: Sequence[str]) -> TextFeatures:
        rows = [torch.stack([self._vector(word) for word in text.split()]) for text in texts]
        tokens = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        mask = torch.arange(tokens.shape[1]) < torch.tensor([len(row) for row in rows])[:, None]
        return TextFeatures(tokens, mask, F.normalize(torch.stack([row.mean(0) for row in rows]), dim=-1))

    def _vector(self, word: str) -> Tensor:
        seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:7], "big")
        return torch.randn(CONFIG.text_width, generator=torch.Generator().manual_seed(seed))


def small_state() -> dict:
    """What ``semantic_alignment_train.py`` saves; the same every time."""
    generator = torch.Generator().manual_seed(0)
    words = RandomWords()
    model = AlignmentModel(CONFIG, PLACEMENTS, words.encode(PLACEMENTS).pooled)
    sizes = {
        "text_width": CONFIG.text_width,
        "pooled_width": CONFIG.text_width,
        "width": CONFIG.embedding_width,
        "num_prototypes": 2,
        "num_heads": 4,
    }
    bank = LearnableLabelBank(**sizes)
    bank.centre_on(words.encode(LABELS).pooled)
    with torch.no_grad():
        for parameter in (*model.parameters(), *bank.parameters()):
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator))
    bank.attach(words).eval().remember(LABELS)
    return {
        "format": CHECKPOINT_FORMAT,
        "model": plain_state_dict(model),
        "label_bank": plain_state_dict(bank),
        "network": CONFIG.to_dict(),
        "placements": PLACEMENTS,
        "labels": LABELS,
        "text_encoder": "all-MiniLM-L6-v2",
        "bank": sizes,
        "window_s": 2.0,
        "stride_s": 1.0,
        "min_window_s": 1.0,
        "training": {"averages": 7, "generators": {"default": generator.get_state()}},
        "step": 40,
        "best_score": 0.5,
        "constants": {"EPOCHS": 1, "LEARNING_RATE": 3e-4},
        "datasets": ["mex"],
    }


def small_pretrained_state() -> dict:
    """What ``pretrain.py`` saves, as far as it is looked at."""
    kept = ("format", "model", "network", "placements", "text_encoder", "step", "constants", "datasets")
    state = small_state()
    return {key: state[key] for key in kept} | {"decoder": {"weight": torch.ones(8, 8)}}


def write_run(folder: Path) -> None:
    """``best.pt`` and the records beside it; of stage 1 ``latest.pt`` and its own."""
    folder.mkdir(parents=True, exist_ok=True)
    save_checkpoint(folder / "best.pt", small_state())
    save_checkpoint(folder / "latest.pt", small_pretrained_state())
    constants = {"EPOCHS": 1, "LEARNING_RATE": 3e-4, "TEXT_CACHE": ".cache/text"}
    write_json(folder / "hyperparameters.json", constants)
    write_yaml(folder / "config.yaml", constants)
