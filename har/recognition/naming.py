"""Embeddings of windows -> probabilities of the labels asked for, and how likely it is that none of them is meant.

Shapes: N windows, D embedding width, L labels, B other activities.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from har.labels.groups import group_of, matches
from har.recognition.vocabulary import EVERYDAY_LABELS
from har.text.label_bank import LearnableLabelBank, prototype_similarity
from har.text.recording_context import CALIBRATION, in_context

# A window is "unknown" where less than this share of the probability falls on the labels asked for, and the rest on
# other activities. Chosen on sphere, mex, chest_mounted and simulated people (docs/recognition.md).
UNKNOWN_BELOW = 0.05
# Seconds of recording at which what labels attract in it is trusted by half: minutes hold few activities, and what they
# hold must not be taken for what a label attracts too much.
_HALF_CALIBRATED_S = 240.0
_NEIGHBOURS = 2  # on each side, over which the share of the labels is averaged


class Naming:
    """Names windows with the texts of labels.

    labels: different ones. What else may be done is taken from the labels that the bank remembers from training, one of
    each synonym group, and from everyday activities where it remembers none; what means the same as a label asked for,
    or is a coarser, finer or partial statement of it, is no other activity. (A background of classes that nobody asks
    about: Dhamija, Günther & Boult, NeurIPS 2018, call them known unknowns.)
    """

    def __init__(self, bank: LearnableLabelBank, labels: Sequence[str]) -> None:
        self.labels = list(labels)
        self._bank = bank
        self._scale = float(bank.logit_scale)
        self.others = other_activities(bank.known_labels() or EVERYDAY_LABELS, labels)
        prototypes = bank.encode([*self.labels, *self.others])
        self._prototypes = prototypes.reshape(len(prototypes), bank.num_prototypes, bank.width)

    @torch.no_grad()
    def __call__(self, embeddings: Tensor) -> tuple[np.ndarray, np.ndarray]:
        """(N, D) unit norm -> probabilities (N, L) of the labels, and their share (N,) beside the other activities."""
        logits = self._scale * prototype_similarity(embeddings, self._prototypes, self._scale).double()
        own, count = logits[:, : len(self.labels)], len(self.labels)
        share = (torch.logsumexp(own, dim=1) - torch.logsumexp(logits, dim=1)).exp()
        if len(self._prototypes) == count:
            share = torch.ones_like(share)
        return own.softmax(dim=1).cpu().numpy(), share.cpu().numpy()


def other_activities(known: Sequence[str], labels: Sequence[str]) -> list[str]:
    """Of each synonym group of the known activities the first, where it says something else than all of the labels."""
    first: dict[str, str] = {}
    for activity in known:
        first.setdefault(group_of(activity), activity)
    return [
        activity
        for activity in first.values()
        if not any(matches(activity, label) or matches(label, activity) for label in labels)
    ]


def named_in_context(probabilities: np.ndarray, start_s: np.ndarray, stride_s: float) -> np.ndarray:
    """Probabilities (N, L) in view of all windows of the recording, which begin at start_s (N,).

    As `LearnableLabelBank.classify_recording`, but a short recording is calibrated less: of n seconds by
    n / (n + 240) of the usual strength.
    """
    seconds = len(probabilities) * stride_s
    strength = CALIBRATION * seconds / (seconds + _HALF_CALIBRATED_S)
    one = np.zeros(len(probabilities), dtype=np.int64)
    return in_context(probabilities, start_s, one, one, strength)


def among_neighbours(share: np.ndarray, start_s: np.ndarray, stride_s: float) -> np.ndarray:
    """Mean (N,) of a share over a window and those around it, not across gaps."""
    reach_s = (_NEIGHBOURS + 0.5) * stride_s
    total, count = share.astype(np.float64), np.ones(len(share))
    for shift in range(1, _NEIGHBOURS + 1):
        near = start_s[shift:] - start_s[:-shift] < reach_s
        total[shift:] += np.where(near, share[:-shift], 0)
        total[:-shift] += np.where(near, share[shift:], 0)
        count[shift:] += near
        count[:-shift] += near
    return total / count
