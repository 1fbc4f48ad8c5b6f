"""Classification scores and their uncertainty over people.

Three scores are used everywhere, under these names (`SCORES`):

`accuracy`
    Share of windows whose prediction is right.
`balanced_accuracy`
    Recall, averaged over the classes that occur in the truth.
`macro_f1`
    F1, averaged over the classes that occur in the truth.

Classes without a window in the truth are in no average: nothing about them was measured. Predicting such a class, or a
label outside the class list, costs the true class its recall and is a false positive of no averaged class. That is
scikit-learn's ``f1_score(..., labels=<classes in the truth>, average="macro")``.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

SCORES = ("accuracy", "balanced_accuracy", "macro_f1")

# Draws x classes held at once, of each of three counts: bounds the memory for label sets of any size.
_COUNTS_AT_ONCE = 4_000_000


class Interval(NamedTuple):
    """Bounds of a percentile interval."""

    low: float
    high: float


def classification_scores(true: Sequence[str], predicted: Sequence[str], labels: Sequence[str]) -> dict:
    """Scores of N predictions over the classes ``labels``, as plain Python values.

    ``true`` (N,) holds only members of ``labels``; ``predicted`` (N,) may hold other strings, which are wrong.

    Returns a dictionary with ``windows`` (N), the three `SCORES`, ``labels``, ``confusion`` (rows: truth, columns:
    prediction, both in the order of ``labels``), ``outside`` (for each true label, the predictions outside
    ``labels``) and ``per_class``: label -> precision, recall, f1, support, predicted. Without a window in the truth
    recall and f1 are None; without one in the prediction either, so is precision.

    Raises ``ValueError`` for empty or unequally long sequences, repeated labels, and a truth outside ``labels``.
    """
    # Takes a second to import, which no training should wait for before its first step.
    from sklearn.metrics import accuracy_score, confusion_matrix, precision_recall_fscore_support

    true, predicted, labels = list(true), list(predicted), list(labels)
    _check_pairs(true, predicted)
    if len(set(labels)) != len(labels):
        raise ValueError(f"labels {labels} name a class twice; give every class once")
    if strangers := sorted(set(true) - set(labels)):
        raise ValueError(
            f"true labels {strangers} are not among the classes {labels}; leave them out or add the classes"
        )
    outside = set(predicted) - set(labels)
    # One more column gathers every prediction outside; its name only has to differ from all labels.
    gathered = "\0outside"
    folded = [gathered if p in outside else p for p in predicted] if outside else predicted
    matrix = confusion_matrix(true, folded, labels=[*labels, gathered])[:-1]
    precision, recall, f1, support = precision_recall_fscore_support(true, predicted, labels=labels, zero_division=0.0)
    count = matrix.sum(axis=0)[:-1]
    present = support > 0
    per_class = {
        label: {
            "precision": float(precision[i]) if present[i] or count[i] else None,
            "recall": float(recall[i]) if present[i] else None,
            "f1": float(f1[i]) if present[i] else None,
            "support": int(support[i]),
            "predicted": int(count[i]),
        }
        for i, label in enumerate(labels)
    }
    return {
        "windows": len(true),
        "accuracy": float(accuracy_score(true, predicted)),
        "balanced_accuracy": float(recall[present].mean()),
        "macro_f1": float(f1[present].mean()),
        "labels": labels,
        "confusion": matrix[:, :-1].tolist(),
        "outside": matrix[:, -1].tolist(),
        "per_class": per_class,
    }


def bootstrap_interval(
    true: Sequence[str],
    predicted: Sequence[str],
    subjects: Sequence[str],
    score: str,
    draws: int = 1000,
    level: float = 0.95,
    rng: np.random.Generator | None = None,
) -> Interval | None:
    """Percentile interval of ``score`` (one of `SCORES`) from a bootstrap over people.

    Windows of one person resemble each other, so people are what is resampled (cluster bootstrap; Efron & Tibshirani,
    An Introduction to the Bootstrap, 1993, ch. 8 and 13): as many people as there are, with replacement, each with all
    of his or her windows. Classes that no drawn person shows are in no average of that draw. ``rng`` is drawn from
    once, ``rng.integers(people, size=(draws, people))`` over the sorted names; None means ``default_rng(0)``.

    The interval covers other people of the same dataset, not other datasets, and is too narrow for a handful of people.
    Returns None for a single person: nothing can be said about others then.

    Raises ``ValueError`` for an unknown score, a level outside (0, 1), fewer than two draws, or unequal lengths.
    """
    _check_pairs(list(true), list(predicted))
    if len(subjects) != len(true):
        raise ValueError(f"{len(subjects)} subjects for {len(true)} windows; give one subject a window")
    if score not in SCORES:
        raise ValueError(f"score {score!r} is unknown; expected one of {', '.join(SCORES)}")
    if not 0 < level < 1:
        raise ValueError(f"level {level} is no share; expected between 0 and 1, such as 0.95")
    if draws < 2:
        raise ValueError(f"{draws} draws make no interval; expected at least 2, usually 1000")
    people, person = number_people(subjects)
    if people < 2:
        return None
    times_DS = draw_people(people, draws, rng or np.random.default_rng(0))
    return percentile_interval(scores_of_draws(true, predicted, person, times_DS)[score], level)


def number_people(subjects: Sequence[str]) -> tuple[int, np.ndarray]:
    """How many people there are, and the number (N,) of each window's person among the sorted names."""
    names, person = np.unique(np.asarray(subjects, dtype=object).astype(str), return_inverse=True)
    return len(names), person


def draw_people(people: int, draws: int, rng: np.random.Generator) -> np.ndarray:
    """(draws, people): how often each person is in each draw of as many as there are, with replacement."""
    drawn = rng.integers(people, size=(draws, people))
    times_DS = np.zeros((draws, people))
    np.add.at(times_DS, (np.arange(draws)[:, None], drawn), 1.0)
    return times_DS


def scores_of_draws(
    true: Sequence[str], predicted: Sequence[str], person: np.ndarray, times_DS: np.ndarray
) -> dict[str, np.ndarray]:
    """The three `SCORES`, each (draws,), when all windows of person s (``person`` (N,)) count ``times_DS[:, s]`` times.

    ``times_DS`` (draws, people) leaves somebody in every draw; several predictions scored with the same one share its
    draws. Raises ``ValueError`` for empty or unequally long sequences.
    """
    _check_pairs(list(true), list(predicted))
    hits_SL, truth_SL, predicted_SL = _counts_by_person(true, predicted, person, times_DS.shape[1])
    step = max(1, _COUNTS_AT_ONCE // hits_SL.shape[1])
    parts = [
        _scores_from_counts(times @ hits_SL, times @ truth_SL, times @ predicted_SL)
        for times in (times_DS[i : i + step] for i in range(0, len(times_DS), step))
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in SCORES}


def percentile_interval(values_D: np.ndarray, level: float) -> Interval:
    """The middle ``level`` of the values of all draws."""
    low, high = np.quantile(values_D, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))


def _counts_by_person(
    true: Sequence[str], predicted: Sequence[str], person: np.ndarray, people: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Right windows, true windows and predictions by person and class in the truth: three (people, classes) arrays.

    They are the diagonal, row sums and column sums of each person's confusion matrix, all that the scores depend on.
    """
    column = {label: i for i, label in enumerate(sorted(set(true)))}
    rows = np.array([column[t] for t in true])
    columns = np.array([column.get(p, len(column)) for p in predicted])
    hits, truth, told = (np.zeros((people, len(column) + 1)) for _ in range(3))
    np.add.at(hits, (person, rows), rows == columns)
    np.add.at(truth, (person, rows), 1.0)
    np.add.at(told, (person, columns), 1.0)
    return hits[:, :-1], truth[:, :-1], told[:, :-1]


def _scores_from_counts(hits_DL: np.ndarray, truth_DL: np.ndarray, predicted_DL: np.ndarray) -> dict[str, np.ndarray]:
    """The three scores (draws,) from the counts of each draw D and class L, averaged over the classes in its truth."""
    present_DL = truth_DL > 0
    classes_D = present_DL.sum(axis=1)
    recall_DL = np.where(present_DL, hits_DL / np.where(present_DL, truth_DL, 1.0), 0.0)
    # 2 TP / (truth + predicted) is F1 without the detour over a precision that may be 0/0.
    f1_DL = np.where(present_DL, 2 * hits_DL / np.where(present_DL, truth_DL + predicted_DL, 1.0), 0.0)
    return {
        "accuracy": hits_DL.sum(axis=1) / truth_DL.sum(axis=1),
        "balanced_accuracy": recall_DL.sum(axis=1) / classes_D,
        "macro_f1": f1_DL.sum(axis=1) / classes_D,
    }


def _check_pairs(true: list, predicted: list) -> None:
    if not true:
        raise ValueError("no windows to score; was every window left out?")
    if len(true) != len(predicted):
        raise ValueError(f"{len(predicted)} predictions for {len(true)} true labels; give one prediction a window")
