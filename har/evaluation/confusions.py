"""Which labels are mistaken for which, and windows that show it."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Confusion(NamedTuple):
    """``windows`` of the label ``true`` were taken for ``predicted``: the ``share`` of all its windows."""

    true: str
    predicted: str
    share: float
    windows: int


class ConfusionExamples(NamedTuple):
    """Places of three windows among those that were scored; None where there is none of the kind.

    ``recognised``: of the true label, and recognised. ``confused``: of the true label, taken for the other one.
    ``other``: of the other label, and recognised.
    """

    recognised: int | None
    confused: int | None
    other: int | None


def largest_confusions(
    true: Sequence[str], predicted: Sequence[str], count: int = 3, fewest: int = 5
) -> list[Confusion]:
    """At most ``count`` confusions of N windows, the largest share of the true label's windows first, equals by name.

    true, predicted: (N,) labels. fewest: a pair of labels with fewer confused windows than this is chance, not a habit,
    and left out. Raises ``ValueError`` for unequal lengths.
    """
    _check_pairs(true, predicted)
    support = Counter(map(str, true))
    pairs = Counter((str(t), str(p)) for t, p in zip(true, predicted, strict=True) if t != p)
    found = [Confusion(*pair, n / support[pair[0]], n) for pair, n in pairs.items() if n >= fewest]
    return sorted(found, key=lambda c: (-c.share, c.true, c.predicted))[:count]


def confusion_examples(
    true: Sequence[str], predicted: Sequence[str], confusion: Confusion, confidence: np.ndarray | None = None
) -> ConfusionExamples:
    """Three typical windows of a confusion: of each kind the one in the middle.

    true, predicted: (N,) labels. confidence: (N,) of each prediction. If given, the middle is its median, the lower one
    of two, with equals in the order of the windows; else it is the middle of that order.

    Raises ``ValueError`` for unequal lengths and a confidence that is not finite.
    """
    _check_pairs(true, predicted)
    if confidence is not None:
        confidence = np.asarray(confidence, dtype=np.float64)
        if confidence.shape != (len(true),) or not np.isfinite(confidence).all():
            raise ValueError(
                f"confidence of shape {confidence.shape} for {len(true)} windows; expected one finite number a window"
            )
    true, predicted = (np.asarray(column, dtype=str) for column in (true, predicted))

    def middle(truth: str, answer: str) -> int | None:
        rows = np.flatnonzero((true == truth) & (predicted == answer))
        if not len(rows):
            return None
        if confidence is not None:
            rows = rows[np.argsort(confidence[rows], kind="stable")]
        return int(rows[(len(rows) - 1) // 2])

    return ConfusionExamples(
        middle(confusion.true, confusion.true),
        middle(confusion.true, confusion.predicted),
        middle(confusion.predicted, confusion.predicted),
    )


def _check_pairs(true: Sequence[str], predicted: Sequence[str]) -> None:
    if len(true) != len(predicted):
        raise ValueError(f"{len(predicted)} predictions for {len(true)} true labels; give one prediction a window")
