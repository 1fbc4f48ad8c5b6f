"""Trained models that a network learns from beside its labels.

Seeds of one recipe differ on datasets that none of them has seen, and their mean is better than most of them; a network
that learns the mean is as small as one of them (Hinton, Vinyals & Dean, arXiv:1503.02531).
Shapes: B windows, L texts, K prototypes a text and D embedding width of a model.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from har.network.alignment import AlignmentModel
from har.network.loading import checkpoint_at, load_label_bank, load_model
from har.run.checkpoint import CheckpointError
from har.run.constants import difference
from har.run.folder import resolve_under_root
from har.text.encoder import TextFeatures
from har.windows.batch import SensorWindows

_INPUT = ("sensors", "sampling_rate_hz", "window_s", "text_width")


class Teachers:
    """Models of earlier runs, frozen.

    checkpoints: of alignment, as ``load_model`` takes them, relative paths from the repository's root; their networks
    may be larger or smaller than ``student``.
    text_encoder: the student's, by name. Raises as ``load_model``, and ``CheckpointError`` for a model that takes other
    windows or reads other features of texts.
    """

    def __init__(self, checkpoints: Sequence[str | Path], student: AlignmentModel, text_encoder: str) -> None:
        self._members = []
        for name in checkpoints:
            path = resolve_under_root(checkpoint_at(name))
            model, checkpoint, record = load_model(path, student.device)
            bank = load_label_bank(checkpoint, student.device, record)
            own, theirs = ({name: one.config.to_dict()[name] for name in _INPUT} for one in (student, model))
            own, theirs = own | {"text_encoder": text_encoder}, theirs | {"text_encoder": checkpoint["text_encoder"]}
            if lines := difference(own, theirs):
                raise CheckpointError(f"{path} cannot teach a network whose input is another:\n  " + "\n  ".join(lines))
            # Batches count the student's placements; the features of a placement's text are the same for all.
            model.placement_table = student.placement_table
            self._members.append((model.requires_grad_(False), bank.requires_grad_(False)))

    @property
    def scales(self) -> list[Tensor]:
        """Of each, what cosines are multiplied by, ()."""
        return [bank.logit_scale for _, bank in self._members]

    @torch.no_grad()
    def embed(self, windows: SensorWindows, text: TextFeatures, text_row: Tensor) -> list[Tensor]:
        """Of each, one after the other, the windows (B, D) and the text of each window, (B, K, D), unit norm.

        windows, text: a batch and the features of L texts as the student sees them. text_row: (B,) among these.
        """
        return [part for model, bank in self._members for part in (model(windows).window, bank(*text)[text_row])]
