"""Scores of models that were each trained without one dataset and asked about that dataset: seeds, people, datasets.

A *row* is one way to name the windows of a left-out dataset (a model that sees one window, a random forest, ...), with
one list of predictions a training seed. For every dataset and row:

mean and sd
    over seeds (sd with n - 1; None for a single seed).
interval
    of that mean, over people: each draw takes as many people as the dataset has, with replacement, scores the
    predictions of every seed on all windows of the drawn people, and averages over seeds. All rows of a dataset share
    their draws. A dataset of a single person has no interval.
mean over datasets
    of the seeds that all of them have. Each dataset's people are drawn independently; a draw is the mean over datasets
    and seeds. A dataset of a single person takes part with its score.

`nested_selection` compares variants without letting a dataset take part in the choice that is scored on it.

Shapes: N windows of a dataset, S seeds, D draws.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from har.evaluation.metrics import (
    classification_scores,
    draw_people,
    number_people,
    percentile_interval,
    scores_of_draws,
)
from har.evaluation.references import majority_label
from har.evaluation.zero_shot import open_set_groups

SCORES = ("macro_f1", "accuracy")

ONE_WINDOW, CONTEXT, FOREST, FROZEN = "one_window", "recording_context", "forest", "frozen_encoder"
MAJORITY, CEILING, CEILING_CONTEXT = "majority", "ceiling", "ceiling_context"
ROWS = (ONE_WINDOW, CONTEXT, FOREST, FROZEN, MAJORITY, CEILING, CEILING_CONTEXT)
# The row of the same kind whose model was trained on other people of the very dataset.
CEILING_OF = {row: CEILING for row in (ONE_WINDOW, FOREST, FROZEN, MAJORITY)} | {CONTEXT: CEILING_CONTEXT}

Predictions = Mapping[int, Sequence[str]]  # training seed -> predicted labels (N,)


@dataclass(frozen=True)
class Bootstrap:
    """How intervals are drawn. ``seed`` and a dataset's name decide its draws, whatever other datasets there are."""

    draws: int = 1000
    level: float = 0.95
    seed: int = 0

    def times(self, dataset: str, people: int) -> np.ndarray:
        """(D, people) how often each person is drawn."""
        return draw_people(people, self.draws, np.random.default_rng([self.seed, *dataset.encode()]))


@dataclass(frozen=True)
class Answers:
    """What each row answered for the N windows of one dataset.

    ``true``, ``subjects`` and ``placements`` (N,) are names. ``closed_set`` and ``open_set`` map a row to its
    predictions: among the dataset's own labels, and among all training labels (rows without an open set are absent).
    Raises ``ValueError`` for columns of other lengths.
    """

    dataset: str
    true: Sequence[str]
    subjects: Sequence[str]
    placements: Sequence[str]
    closed_set: Mapping[str, Predictions]
    open_set: Mapping[str, Predictions]

    def __post_init__(self) -> None:
        columns = {"subjects": self.subjects, "placements": self.placements}
        for kind, rows in (("closed set", self.closed_set), ("open set", self.open_set)):
            for row, predictions in rows.items():
                columns |= {f"predictions of {row}, {kind}, seed {s}": p for s, p in predictions.items()}
        for name, column in columns.items():
            if len(column) != len(self.true):
                raise ValueError(f"{self.dataset}: {len(column)} {name} for {len(self.true)} windows; one each")

    def at(self, placement: str) -> "Answers":
        """The answers for the windows of one placement."""
        rows = [i for i, place in enumerate(self.placements) if place == placement]

        def part(column: Sequence[str]) -> list[str]:
            return [column[i] for i in rows]

        def parts(sets: Mapping[str, Predictions]) -> dict[str, Predictions]:
            return {row: {seed: part(p) for seed, p in predictions.items()} for row, predictions in sets.items()}

        true, subjects, placements = part(self.true), part(self.subjects), part(self.placements)
        return Answers(self.dataset, true, subjects, placements, parts(self.closed_set), parts(self.open_set))


class ScoredRow(NamedTuple):
    """Scores of one row in one dataset: score name -> (S,) in the order of ``seeds``, and (S, D) of all draws."""

    seeds: tuple[int, ...]
    people: int
    values: dict[str, np.ndarray]
    draws: dict[str, np.ndarray]

    def of(self, seeds: Sequence[int]) -> "ScoredRow":
        """The same of some of the seeds."""
        at = [self.seeds.index(seed) for seed in seeds]
        values, draws = ({n: v[at] for n, v in part.items()} for part in (self.values, self.draws))
        return ScoredRow(tuple(seeds), self.people, values, draws)


# --- One row of one dataset ------------------------------------------------------------------------------------------


def score_row(
    dataset: str, true: Sequence[str], predictions: Predictions, subjects: Sequence[str], bootstrap: Bootstrap
) -> ScoredRow:
    """Score every seed's predictions of the N windows, in all and in every draw of people."""
    people, person = number_people(subjects)
    times_DS = bootstrap.times(dataset, people)
    seeds = tuple(sorted(predictions))
    labels = sorted(set(true))
    scores = [classification_scores(true, predictions[seed], labels) for seed in seeds]
    drawn = [scores_of_draws(true, predictions[seed], person, times_DS) for seed in seeds]
    return ScoredRow(
        seeds,
        people,
        {name: np.array([s[name] for s in scores]) for name in SCORES},
        {name: np.stack([d[name] for d in drawn]) for name in SCORES},
    )


def summary(row: ScoredRow, level: float) -> dict:
    """``seeds`` and, of each score, ``mean``, ``sd``, ``values`` (one a seed), ``interval`` ([low, high] or None)."""
    return {"seeds": list(row.seeds)} | {
        name: _mean_sd(row.values[name]) | {"interval": _interval(row.draws[name].mean(0), row.people > 1, level)}
        for name in SCORES
    }


def mean_over_datasets(rows: Sequence[ScoredRow], level: float) -> dict | None:
    """`summary` of the mean of a row over several datasets; None when no seed is common to all of them."""
    seeds = sorted(set.intersection(*(set(row.seeds) for row in rows)))
    if not seeds:
        return None
    common = [row.of(seeds) for row in rows]
    return summary(
        ScoredRow(
            tuple(seeds),
            max(row.people for row in common),  # one dataset of several people is enough for an interval
            {name: np.mean([row.values[name] for row in common], axis=0) for name in SCORES},
            {name: np.mean([row.draws[name] for row in common], axis=0) for name in SCORES},
        ),
        level,
    )


def _mean_sd(values_S: np.ndarray) -> dict:
    sd = float(values_S.std(ddof=1)) if len(values_S) > 1 else None
    return {"mean": float(values_S.mean()), "sd": sd, "values": values_S.tolist()}


def _interval(values_D: np.ndarray, resampled: bool, level: float) -> list[float] | None:
    return list(percentile_interval(values_D, level)) if resampled else None


# --- The whole protocol ----------------------------------------------------------------------------------------------


def score_protocol(answers: Sequence[Answers], bootstrap: Bootstrap, first: Sequence[str] = ()) -> dict:
    """All scores of some left-out datasets as plain Python values.

    first: some of the datasets, whose mean is given beside that over all of them.

    ``datasets``: name -> ``windows``, ``people``, ``labels`` (those that occur), ``rows`` and ``per_placement``
    (placement -> windows, people, rows; empty for a single placement). ``mean``: row -> the same over datasets, with
    ``datasets``, their names. A row holds ``closed_set`` (see `summary`), ``open_set`` or None, and
    ``share_of_ceiling``: score name -> closed-set mean divided by that of the ceiling of the same kind, None where
    there is no such ceiling. ``mean_of_first``: as ``mean``, over ``first``; empty where one of them is absent or they
    are all that there is.
    """
    datasets, scored = {}, []
    for part in answers:
        rows, entry = _dataset(part, bootstrap)
        places = sorted(set(part.placements))
        placed = {place: _dataset(part.at(place), bootstrap)[1] for place in places} if len(places) > 1 else {}
        datasets[part.dataset] = entry | {"per_placement": placed}
        scored.append((part.dataset, rows))
    beside = set(first) < datasets.keys()
    chosen = [(dataset, rows) for dataset, rows in scored if beside and dataset in first]
    return {
        "datasets": datasets,
        "mean": _mean_rows(scored, bootstrap.level),
        "mean_of_first": _mean_rows(chosen, bootstrap.level),
    }


def _dataset(part: Answers, bootstrap: Bootstrap) -> tuple[dict[tuple[str, str], ScoredRow], dict]:
    """(row, set) -> scores of a dataset, and its entry of the record."""
    found = {}
    closed_set = {**part.closed_set, MAJORITY: {0: [majority_label(part.true)] * len(part.true)}}
    for row, predictions in closed_set.items():
        found[row, "closed_set"] = score_row(part.dataset, part.true, predictions, part.subjects, bootstrap)
    for row, predictions in part.open_set.items():
        # As in har/evaluation/zero_shot.py: a right answer becomes the truth's group, a wrong one its own.
        grouped = {seed: open_set_groups(part.true, answers) for seed, answers in predictions.items()}
        truth = next(iter(grouped.values()))[0]
        answers = {seed: answered for seed, (_, answered) in grouped.items()}
        found[row, "open_set"] = score_row(part.dataset, truth, answers, part.subjects, bootstrap)
    entry = {
        "windows": len(part.true),
        "people": len(set(part.subjects)),
        "labels": len(set(part.true)),
        "rows": _entries({key: summary(row, bootstrap.level) for key, row in found.items()}),
    }
    return found, entry


def _mean_rows(scored: Sequence[tuple[str, Mapping]], level: float) -> dict:
    """Row -> its mean over the datasets that have it."""
    means, names = {}, {}
    for row in ROWS:
        for kind in ("closed_set", "open_set"):
            having = [(dataset, found[row, kind]) for dataset, found in scored if (row, kind) in found]
            mean = mean_over_datasets([r for _, r in having], level) if having else None
            if mean is not None:
                means[row, kind] = mean
                names[row] = [dataset for dataset, _ in having]
    entries = _entries(means, names)
    return {row: {"datasets": names[row]} | entry for row, entry in entries.items()}


def _entries(found: Mapping[tuple[str, str], dict], datasets: Mapping[str, Sequence[str]] | None = None) -> dict:
    """Row -> closed_set, open_set, share_of_ceiling; of means (``datasets``) only where both are of the same ones."""
    entries = {}
    for row in ROWS:
        if (row, "closed_set") not in found:
            continue
        closed, ceiling = found[row, "closed_set"], found.get((CEILING_OF.get(row, ""), "closed_set"))
        if ceiling is not None and datasets is not None and datasets[row] != datasets[CEILING_OF[row]]:
            ceiling = None
        share = None
        if ceiling is not None:
            share = {name: _ratio(closed[name]["mean"], ceiling[name]["mean"]) for name in SCORES}
        entries[row] = {"closed_set": closed, "open_set": found.get((row, "open_set")), "share_of_ceiling": share}
    return entries


def _ratio(value: float, whole: float) -> float | None:
    return value / whole if whole else None


# --- Choosing between variants ---------------------------------------------------------------------------------------


def nested_selection(scores: Mapping[str, Mapping[str, Sequence[float]]]) -> dict:
    """Compare variants (variant -> dataset -> one score a seed) without choosing on what is scored.

    For every dataset the variant with the highest mean over the *other* datasets (and seeds) is chosen, the first one
    of equals, and its score on that dataset is taken. Returns ``variants``: name -> ``mean``, ``sd`` and ``values`` of
    the mean over datasets, one value a seed; ``chosen``: dataset -> variant; ``nested``: the same numbers for the
    chosen ones; ``best``: the variant with the highest overall mean, whose choice has seen every score.

    Raises ``ValueError`` for fewer than two variants or datasets, and for variants of other datasets or numbers of
    seeds.
    """
    shapes = {variant: {dataset: len(values) for dataset, values in of.items()} for variant, of in scores.items()}
    first = next(iter(shapes.values()), {})
    if len(scores) < 2 or len(first) < 2 or any(shape != first for shape in shapes.values()):
        raise ValueError(
            f"scores of {shapes}; expected at least two variants with the same datasets, at least two, and the same "
            "number of seeds"
        )
    if len(set(first.values())) != 1:
        raise ValueError(f"datasets with {first} seeds; finish all cells first")
    datasets = list(first)
    mean = {variant: {d: float(np.mean(of[d])) for d in datasets} for variant, of in scores.items()}
    chosen = {
        left_out: max(mean, key=lambda variant: np.mean([mean[variant][d] for d in datasets if d != left_out]))
        for left_out in datasets
    }

    def over_datasets(pick: Mapping[str, str]) -> dict:
        return _mean_sd(np.mean([np.asarray(scores[pick[d]][d], dtype=float) for d in datasets], axis=0))

    variants = {variant: over_datasets(dict.fromkeys(datasets, variant)) for variant in scores}
    return {
        "variants": variants,
        "best": max(variants, key=lambda variant: variants[variant]["mean"]),
        "chosen": chosen,
        "nested": over_datasets(chosen),
    }
