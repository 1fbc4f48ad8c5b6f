"""What a label bank finds in a dataset that its network has not seen: what calibrations are fitted to and scored on.

Shapes: N scored windows, M windows of the same wearers (those without a label to score as well), L labels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from har.evaluation.rejection import activities_to_leave_out
from har.network.alignment import AlignmentModel
from har.protocol.request import Console
from har.protocol.scoring import ScoredWindows
from har.text.label_bank import LearnableLabelBank
from har.text.naming import Naming, among_neighbours
from har.text.recording_context import read_in_context

_LOG_SMALLEST = np.log(1e-30)  # of a probability in context, which may round to none


@dataclass(frozen=True)
class EmbeddedWindows:
    """Windows of a dataset as a network sees them.

    one_window: (N, D), each by itself. in_context: (M, D), with what the recording tells. needed: (M,) rows of the
    index, scored: (N,) which of these are scored.
    """

    windows: ScoredWindows
    one_window: Tensor
    in_context: Tensor
    needed: np.ndarray
    scored: np.ndarray

    @property
    def where(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """When each of the M windows begins, in which recording, on whom: three (M,)."""
        index = self.windows.index
        return index.start_time_s[self.needed], index.recording_id[self.needed], index.wearer_id[self.needed]


def embed_windows(windows: ScoredWindows, model: AlignmentModel, console: Console, context: str) -> EmbeddedWindows:
    """Embed the scored windows by themselves, and all of their wearers in context; context: what bars call that."""
    index, rows = windows.index, windows.rows
    with console.progress(total=len(rows), desc=windows.dataset, unit="windows", disable=None) as bar:
        one_window = model.embed_rows(index, rows, bar.update)
    # What is not scored is embedded too: it belongs to what its wearer did.
    wearer = index.wearer_id
    needed = np.flatnonzero(np.isin(wearer, wearer[rows]))
    title = f"{windows.dataset}, {context}"
    with console.progress(total=len(needed), desc=title, unit="windows", disable=None) as bar:
        in_context = model.embed_rows_in_context(index, needed, bar.update)
    return EmbeddedWindows(windows, one_window, in_context, needed, np.searchsorted(needed, rows))


class Answered(NamedTuple):
    """Windows that were named out of one list of labels, before any calibration.

    log_p: (n, L) logarithms of the probabilities; truth: (n,) columns. agreement, lasting: (n,) as in
    ``har.text.recording_context.Reading``, in context alone.
    """

    log_p: np.ndarray
    truth: np.ndarray
    agreement: np.ndarray | None = None
    lasting: np.ndarray | None = None


class LeftOut(NamedTuple):
    """Margins (N,) of all scored windows where one activity was not asked for, and which windows are known (N,)."""

    margin: np.ndarray
    known: np.ndarray
    largest: np.ndarray  # (N,) largest probability before any calibration, what a margin is compared with


class Evidence(NamedTuple):
    """Of one dataset, ``window`` by window and in ``context``: answers out of its labels, first, and out of some of
    them; and margins with each activity left out."""

    window: list[Answered]
    context: list[Answered]
    window_left_out: list[LeftOut]
    context_left_out: list[LeftOut]


def gather(embedded: EmbeddedWindows, bank: LearnableLabelBank, lists: int, rng: np.random.Generator) -> Evidence:
    """Everything that a dataset tells of a bank's probabilities.

    lists: shorter lists of its labels that are asked about besides, of two labels to all but one, drawn from ``rng``,
    over the windows that show one of them: users ask about few and about many.
    """
    true = np.asarray(embedded.windows.true, dtype=object)
    labels = embedded.windows.candidates
    done = [label for label in labels if (true == label).any()]
    asked = [list(labels)]
    for _ in range(lists if len(done) > 2 else 0):
        asked.append([done[i] for i in rng.permutation(len(done))[: rng.integers(2, len(done))]])
    pairs = [_answered(embedded, bank, some, whole=some == asked[0]) for some in asked]
    out = [_left_out(embedded, bank, true, *one) for one in activities_to_leave_out(true, labels)]
    return Evidence(*([pair[i] for pair in pairs] for i in (0, 1)), *([pair[i] for pair in out] for i in (0, 1)))


def _answered(
    embedded: EmbeddedWindows, bank: LearnableLabelBank, labels: Sequence[str], whole: bool
) -> tuple[Answered, Answered]:
    """Scored windows named out of these labels; unless ``whole``, of recordings that hold nothing else."""
    naming = Naming(bank, labels, unknown=False)
    true = np.asarray(embedded.windows.true, dtype=object)
    kept = np.isin(true, labels)
    truth = np.array([labels.index(label) for label in true[kept]])
    own = naming(embedded.one_window[torch.from_numpy(kept)]).logits.double().log_softmax(dim=1).cpu().numpy()
    rows = np.arange(len(embedded.needed)) if whole else embedded.scored[kept]
    p = naming(embedded.in_context[torch.from_numpy(rows)]).logits.softmax(dim=1).double().cpu().numpy()
    reading = read_in_context(p, *(column[rows] for column in embedded.where))
    at = embedded.scored if whole else np.arange(len(rows))
    found, agreement, lasting = (column[at] for column in reading)
    with np.errstate(divide="ignore"):
        log_p = np.maximum(np.log(found), _LOG_SMALLEST)
    return Answered(own, truth), Answered(log_p, truth, agreement, lasting)


def _left_out(
    embedded: EmbeddedWindows, bank: LearnableLabelBank, true: np.ndarray, activity: str, labels: list[str]
) -> tuple[LeftOut, LeftOut]:
    known, naming = true != activity, Naming(bank, labels, unknown=False)
    margins = known_margins(embedded, bank, labels)
    alone = naming(embedded.one_window).logits.softmax(dim=1).amax(dim=1).double().cpu().numpy()
    p = naming(embedded.in_context).logits.softmax(dim=1).double().cpu().numpy()
    in_context = read_in_context(p, *embedded.where).probabilities.max(axis=1)[embedded.scored]
    return LeftOut(margins[0], known, alone), LeftOut(margins[1], known, in_context)


def known_margins(
    embedded: EmbeddedWindows, bank: LearnableLabelBank, labels: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """By how much the best of the labels fits the scored windows (N,) better than the best other activity: each by
    itself, and in context, over neighbours."""
    naming = Naming(bank, labels)
    time_s, recording, wearer = embedded.where
    margin = naming(embedded.in_context).margin
    together = among_neighbours(margin, time_s, embedded.windows.index.stride_s, recording, wearer)
    return naming(embedded.one_window).margin, together[embedded.scored]
