"""Checkpoints of earlier formats as the present network reads them."""

import torch

CHECKPOINT_FORMAT = 2


def upgraded(checkpoint: dict) -> dict:
    """A checkpoint of format 1 as one of format 2, with the same embeddings; any other comes back as it is.

    Format 1 knew nothing of the upright direction: its first convolution has two inputs less (zero weights take their
    place), and there is no mark on devices that know the direction (zeros as well). Only the weights for use are
    brought up; a run of an earlier format cannot be gone on with.
    """
    if checkpoint.get("format") != 1:
        return checkpoint
    weights = dict(checkpoint["model"])
    first, mark = "encoder.tokens.stem.0.weight", "encoder.tokens.upright_mark"
    if first in weights and mark not in weights:
        before = weights[first]
        weights[first] = torch.cat([before, before.new_zeros(len(before), 2, *before.shape[2:])], dim=1)
        weights[mark] = torch.zeros_like(weights["encoder.tokens.spectrum_mark"])
    return checkpoint | {"format": 2, "model": weights}
