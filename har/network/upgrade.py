"""Checkpoints of earlier formats as the present network reads them."""

import torch

CHECKPOINT_FORMAT = 2


# Recorded by former versions, and no constants of the scripts: what they had imported, and a batch that stayed the same
# to measure speed (never while they trained for use).
_NO_CONSTANTS = ("FIXED_BATCH", "SIMULATED_NAMES", "SENSOR_KINDS")


def upgraded_constants(recorded: dict) -> dict:
    """The constants of a run of ``semantic_alignment_train.py``, whichever version began it, as the present has them.

    Runs of before knew one precision, lost no samples, mirrored no one, had no teachers, and where a GPU's corpus lies
    was left to the script.
    """
    before = {"PRECISION": "auto", "LOST": [0.0, 0.0], "MIRROR": 0.0, "TEACHERS": [], "DISTILLATION_WEIGHT": 1.0}
    return before | upgraded_pretraining_constants(recorded)


def upgraded_pretraining_constants(recorded: dict) -> dict:
    """The same of ``pretrain.py``."""
    kept = {name: value for name, value in recorded.items() if name not in _NO_CONSTANTS}
    return {"CORPUS_ON_GPU": "auto"} | kept


def upgraded(checkpoint: dict) -> dict:
    """A checkpoint of format 1 as one of format 2, with the same embeddings; any other comes back as it is.

    Format 1 knew nothing of the body's axes: its first convolution has four inputs less (zero weights take their
    place), and there are no marks on devices that know the axes (zeros as well). Only the weights for use are brought
    up; a run of an earlier format cannot be gone on with.
    """
    if checkpoint.get("format") != 1:
        return checkpoint
    weights = dict(checkpoint["model"])
    tokens = "encoder.tokens."
    first = f"{tokens}stem.0.weight"
    if first in weights and f"{tokens}up_mark" not in weights:
        before = weights[first]
        weights[first] = torch.cat([before, before.new_zeros(len(before), 4, *before.shape[2:])], dim=1)
        for mark in ("up_mark", "ahead_mark"):
            weights[tokens + mark] = torch.zeros_like(weights[f"{tokens}spectrum_mark"])
    return checkpoint | {"format": 2, "model": weights}
