"""Windows beside the texts of labels and of other activities: which label fits, and whether any does.

Shapes: N windows, D embedding width, L labels, K prototypes a label, B other activities.
"""

import functools
import math
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from har.labels.groups import GROUPS, group_of, groups_match
from har.text.calibration import Calibration
from har.text.encoder import TextEncoder
from har.text.meanings import meanings_of

_NEIGHBOURS = 2  # on each side, over which a margin is averaged


class Bank(Protocol):
    """What naming needs of a label bank; `har.text.label_bank.LearnableLabelBank` is one."""

    num_prototypes: int
    width: int
    logit_scale: Tensor
    calibration: Calibration
    text_encoder: TextEncoder | None

    def encode(self, texts: Sequence[str], paraphrase: bool = True) -> Tensor: ...

    def known_labels(self) -> list[str]: ...


class Evidence(NamedTuple):
    """Of windows by themselves: logits (N, L) of the labels, and how much better one of them fits than others (N,)."""

    logits: Tensor
    margin: np.ndarray


class Naming:
    """Compares windows with the texts of labels.

    labels: different ones. unknown: compare with other activities as well. These are the labels that the bank remembers
    from training, one of each synonym group, or the names of all groups where it remembers none; what means the same as
    a label asked for, or is a coarser, finer or partial statement of it, is no other activity; neither is what a label
    may well mean that training has not read. (A background of classes that nobody asks about: Dhamija, Günther & Boult,
    NeurIPS 2018, call them known unknowns.)
    """

    def __init__(self, bank: Bank, labels: Sequence[str], paraphrase: bool = True, unknown: bool = True) -> None:
        self.labels = list(labels)
        self.others = self._other_activities(bank) if unknown else []
        self.calibration = bank.calibration
        self._scale = bank.logit_scale
        shape = (-1, bank.num_prototypes, bank.width)
        self._own = bank.encode(self.labels, paraphrase).reshape(shape)
        self._other = bank.encode(self.others, paraphrase).reshape(shape) if self.others else None

    def _other_activities(self, bank: Bank) -> list[str]:
        known = bank.known_labels()
        meanings = meanings_of(self.labels, bank.text_encoder, known).values()
        possible = [activity for meaning in meanings for activity in meaning.possible]
        return other_activities(known or list(GROUPS), [*self.labels, *possible])

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self._own.device

    @torch.no_grad()
    def __call__(self, embeddings: Tensor) -> Evidence:
        """Embeddings (N, D), unit norm -> `Evidence`; the margin is infinite where there is no other activity."""
        logits = self._scale * prototype_similarity(embeddings, self._own, self._scale)
        if self._other is None:
            return Evidence(logits, np.full(len(logits), np.inf))
        others = self._scale * prototype_similarity(embeddings, self._other, self._scale)
        return Evidence(logits, known_margin(logits.double().cpu().numpy(), others.double().cpu().numpy()))


def known_margin(logits: np.ndarray, others: np.ndarray) -> np.ndarray:
    """By how much (N,) the logit of the best label (N, L) exceeds that of the best other activity (N, B)."""
    return logits.max(axis=1) - others.max(axis=1)


def other_activities(known: Sequence[str], labels: Sequence[str]) -> list[str]:
    """Of each synonym group of the known activities the first, where it says something else than all of the labels."""
    own = {group_of(label) for label in labels}
    return [
        activity
        for group, activity in _first_of_groups(tuple(known)).items()
        if not any(groups_match(group, label) or groups_match(label, group) for label in own)
    ]


@functools.lru_cache(maxsize=4)  # of the few banks of a process: each new word asks again
def _first_of_groups(known: tuple[str, ...]) -> dict[str, str]:
    first: dict[str, str] = {}
    for activity in known:
        first.setdefault(group_of(activity), activity)
    return first


def among_neighbours(
    values: np.ndarray,
    time_s: np.ndarray,
    step_s: float,
    recording: np.ndarray | None = None,
    wearer: np.ndarray | None = None,
) -> np.ndarray:
    """Mean (N,) of what windows tell (N,) over each and the two before and after it, not across gaps.

    time_s, recording, wearer: (N,) as in ``har.text.recording_context``; of one recording where they are left out.
    step_s: seconds from window to window; what begins further away than two and a half of them is no neighbour.
    """
    one = np.zeros(len(values), dtype=np.int64)
    recording, wearer = (one if column is None else np.asarray(column) for column in (recording, wearer))
    order = np.lexsort((time_s, recording, wearer))
    value, time_s, recording, wearer = (np.asarray(c)[order] for c in (values, time_s, recording, wearer))
    total, count = value.astype(np.float64), np.ones(len(value))
    for shift in range(1, _NEIGHBOURS + 1):
        near = time_s[shift:] - time_s[:-shift] < (_NEIGHBOURS + 0.5) * step_s
        near &= (recording[shift:] == recording[:-shift]) & (wearer[shift:] == wearer[:-shift])
        total[shift:] += np.where(near, value[:-shift], 0)
        total[:-shift] += np.where(near, value[shift:], 0)
        count[shift:] += near
        count[:-shift] += near
    found = np.empty(len(value))
    found[order] = total / count
    return found


def prototype_similarity(windows_ND: Tensor, prototypes_LKD: Tensor, scale: float | Tensor) -> Tensor:
    """Similarity (N, L) of unit-norm windows to labels of K unit-norm prototypes.

    s_ij = 1/scale * (logsumexp_k(scale * cos(x_i, t_jk)) - log K): a soft maximum that lies between the mean and the
    largest cosine, and equals the cosine where all prototypes of a label agree (so for K = 1).
    """
    cosines_NLK = torch.einsum("nd,lkd->nlk", windows_ND, prototypes_LKD)
    if prototypes_LKD.shape[1] == 1:
        return cosines_NLK[..., 0]
    return ((scale * cosines_NLK).logsumexp(dim=-1) - math.log(prototypes_LKD.shape[1])) / scale
