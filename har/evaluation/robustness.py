"""Answers for the same windows before and after something changed: what it costs, and how many it moves.

A difference of two scores over the same windows and people is known far better than either score, since most of what
makes people differ is in both. So the bootstrap is paired: each draw of people scores both.

Shapes: N windows, D draws.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from har.evaluation.leave_one_out import Bootstrap
from har.evaluation.metrics import classification_scores, number_people, percentile_interval, scores_of_draws

SCORE = "macro_f1"


@dataclass(frozen=True)
class PairedScore:
    """``SCORE`` of the same windows before (``control``) and after a change.

    moved: share of the windows whose answer differs. interval: of ``score - control``, over people; None for a single
    person. answered: share of the windows that have an answer after the change; the others are in no score. draws:
    (D,) the difference in each draw, None where there is none.
    """

    windows: int
    people: int
    control: float
    score: float
    moved: float
    answered: float
    interval: tuple[float, float] | None
    draws: np.ndarray | None

    @property
    def difference(self) -> float:
        return self.score - self.control

    def to_dict(self) -> dict:
        """Plain values, without the draws."""
        names = ("windows", "people", "control", "score", "difference", "moved", "answered")
        interval = None if self.interval is None else list(self.interval)
        return {name: getattr(self, name) for name in names} | {"interval": interval}


def paired_score(
    dataset: str,
    true: Sequence[str],
    control: Sequence[str],
    changed: Sequence[str | None],
    subjects: Sequence[str],
    bootstrap: Bootstrap,
) -> PairedScore:
    """Compare two lists of answers for the N windows of a dataset; None is no answer, and leaves the window out.

    Raises ``ValueError`` for lists of other lengths, and when no window has an answer.
    """
    if not len(true) == len(control) == len(changed) == len(subjects):
        raise ValueError(
            f"{dataset}: {len(true)} windows, {len(control)} and {len(changed)} answers, {len(subjects)} subjects; one "
            "each"
        )
    kept = [i for i, answer in enumerate(changed) if answer is not None]
    if not kept:
        raise ValueError(f"{dataset}: none of {len(true)} windows has an answer; nothing can be compared")
    true, before, after, who = ([column[i] for i in kept] for column in (true, control, changed, subjects))
    people, person = number_people(who)
    labels = sorted(set(true))
    scores = [classification_scores(true, answers, labels)[SCORE] for answers in (before, after)]
    draws = None
    if people > 1:
        times_DS = bootstrap.times(dataset, people)
        drawn = [scores_of_draws(true, answers, person, times_DS)[SCORE] for answers in (before, after)]
        draws = drawn[1] - drawn[0]
    return PairedScore(
        len(kept),
        people,
        *scores,
        sum(a != b for a, b in zip(before, after, strict=True)) / len(kept),
        len(kept) / len(changed),
        None if draws is None else tuple(percentile_interval(draws, bootstrap.level)),
        draws,
    )


def mean_of_datasets(paired: Mapping[str, PairedScore], level: float) -> dict:
    """The means over datasets, each of which counts once, as ``PairedScore.to_dict`` gives them.

    The people of each dataset are drawn independently; a dataset of a single person takes part with its difference.
    """
    scores = list(paired.values())
    drawn = [score.draws for score in scores if score.draws is not None]
    known = sum(score.difference for score in scores if score.draws is None)
    interval = None
    if drawn:
        interval = list(percentile_interval((np.sum(drawn, axis=0) + known) / len(scores), level))
    means = ("control", "score", "difference", "moved", "answered")
    return {
        "datasets": list(paired),
        "windows": sum(score.windows for score in scores),
        "people": sum(score.people for score in scores),
        **{name: float(np.mean([getattr(score, name) for score in scores])) for name in means},
        "interval": interval,
    }


def mean_of_draws(scores: Sequence[PairedScore], level: float) -> dict:
    """The mean over several changes of the same windows of one dataset, such as draws of words, as in ``to_dict``.

    Besides: ``scores`` of all of them, their ``sd`` (n - 1; None for one), ``lowest`` and ``highest``. Each draw of
    people scores all changes.
    """
    values = [score.score for score in scores]
    interval = None
    if scores[0].draws is not None:
        interval = list(percentile_interval(np.mean([score.draws for score in scores], axis=0), level))
    means = ("control", "score", "difference", "moved", "answered")
    return {
        "windows": scores[0].windows,
        "people": scores[0].people,
        **{name: float(np.mean([getattr(score, name) for score in scores])) for name in means},
        "interval": interval,
        "scores": values,
        "sd": float(np.std(values, ddof=1)) if len(values) > 1 else None,
        "lowest": min(values),
        "highest": max(values),
    }
