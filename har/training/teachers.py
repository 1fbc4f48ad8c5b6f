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
from har.run.checkpoint import CheckpointError, content_sha256
from har.run.constants import difference
from har.run.folder import resolve_under_root
from har.text.encoder import TextFeatures
from har.windows.batch import SensorWindows

_INPUT = ("sensors", "sampling_rate_hz", "window_s", "text_width")


class Teachers:
    """Models of earlier runs, frozen.

    checkpoints: of alignment, as ``load_model`` takes them, relative paths from the repository's root; their networks
    may be larger or smaller than ``student``.
    text_encoder: the student's, by name. weight: of what they teach beside the labels, 0 or more. Raises as
    ``load_model``, ``CheckpointError`` for a model that takes other windows or reads other features of texts, and
    ``ValueError`` for a weight below 0, which would teach the contrary.

    Attributes:
        weight: as given. learned_from: of each its name with a digest of its weights, which a resumed run must share:
        the file of a name may change. Empty without teachers.
    """

    def __init__(
        self, checkpoints: Sequence[str | Path], student: AlignmentModel, text_encoder: str, weight: float = 1.0
    ) -> None:
        if not weight >= 0:
            raise ValueError(f"the weight of what teachers say is {weight}; expected 0 or more")
        self.weight = weight
        identities: list[str] = []
        self._members = []
        for name in checkpoints:
            path = resolve_under_root(checkpoint_at(name))
            model, checkpoint, record = load_model(path, student.device)
            bank = load_label_bank(checkpoint, student.device, record)
            own, theirs = _input_of(student, text_encoder), _input_of(model, checkpoint["text_encoder"])
            if lines := difference(own, theirs):
                raise CheckpointError(f"{path} cannot teach a network whose input is another:\n  " + "\n  ".join(lines))
            weights = [part for one in (model.encoder, bank) for part in one.state_dict().values()]
            digest = content_sha256([part for part in weights if isinstance(part, Tensor)])
            identities.append(f"{name} ({digest[:16]})")
            # Batches count the student's placements; the features of a placement's text are the same for all.
            model.placement_table = student.placement_table
            self._members.append((model.requires_grad_(False), bank.requires_grad_(False)))
        self.learned_from = {"teachers": identities} if identities else {}

    @torch.no_grad()
    def embed(self, windows: SensorWindows, text: TextFeatures, text_row: Tensor) -> list[Tensor]:
        """Of each, one after the other, the windows (B, D) and the text of each window, (B, K, D), unit norm.

        windows, text: a batch and the features of L texts as the student sees them. text_row: (B,) among these.
        """
        return [part for model, bank in self._members for part in (model(windows).window, bank(*text)[text_row])]

    def paired(self, embedded: Sequence[Tensor]) -> list[tuple[Tensor, Tensor, Tensor]]:
        """What ``embed`` returned, perhaps of several processes, as (windows, texts, scale of its cosines) of each."""
        scales = [bank.logit_scale for _, bank in self._members]
        return list(zip(embedded[::2], embedded[1::2], scales, strict=True))


def _input_of(model: AlignmentModel, text_encoder: str) -> dict[str, object]:
    config = model.config.to_dict()
    return {name: config[name] for name in _INPUT} | {"text_encoder": text_encoder}
