"""Whether it is noticed that a window shows none of the activities that were asked for.

Nobody records what is unknown, so an activity of a dataset is made unknown: it is taken out of the list of labels, each
in turn, and the windows of it should be told from the others by a score of how well a window is known (leave one class
out; Hendrycks & Gimpel, ICLR 2017, measure such scores by the area under the ROC curve).
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from har.labels.groups import matches

LEAST_WINDOWS = 10  # of an activity, to say anything of it


def known_auroc(known: Sequence[bool], score: Sequence[float]) -> float:
    """Probability that a known window scores higher than an unknown one, equals by half: the area under the ROC curve.

    known, score: (N,). From rank sums (Mann & Whitney 1947). Raises ``ValueError`` for unequal lengths, scores that are
    NaN, and where all windows are known or none is.
    """
    known, score = np.asarray(known, dtype=bool), np.asarray(score, dtype=np.float64)
    if known.ndim != 1 or known.shape != score.shape or np.isnan(score).any():
        raise ValueError(
            f"known {known.shape} and scores {score.shape}; expected one of each a window, none of them NaN"
        )
    unknown = len(known) - known.sum()
    if unknown in (0, len(known)):
        raise ValueError(f"{known.sum()} of {len(known)} windows are known; expected some of either")
    _, level, count = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[level]
    pairs = rank[known].sum() - known.sum() * (known.sum() + 1) / 2
    return float(pairs / (known.sum() * unknown))


def activities_to_leave_out(true: Sequence[str], labels: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """(activity, the labels without it) for each of the labels that has windows and is unknown without itself.

    What means the same as another label, or is a coarser, finer or partial statement of it, stays known and is passed
    over; so is an activity of fewer than `LEAST_WINDOWS` windows, one that all windows show, and one without which no
    two labels are left.
    """
    true = list(true)
    for activity in labels:
        rest = [label for label in labels if label != activity]
        if len(rest) < 2 or not LEAST_WINDOWS <= true.count(activity) < len(true):
            continue
        if not any(matches(activity, label) or matches(label, activity) for label in rest):
            yield activity, rest


def leave_one_activity_out(
    true: Sequence[str], labels: Sequence[str], score_of: Callable[[list[str]], Sequence[float]]
) -> dict[str, float]:
    """Activity -> `known_auroc` where it alone is unknown.

    true: (N,) what windows show. score_of: a list of labels -> how well each window is known (N,), the higher the
    better. Empty where no activity can be left out.
    """
    true = np.asarray(list(true), dtype=object)
    return {
        activity: known_auroc(true != activity, score_of(rest))
        for activity, rest in activities_to_leave_out(true, labels)
    }
