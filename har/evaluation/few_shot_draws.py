"""Which windows of a dataset get labels, and which are named: people, placements and halves of a person's recordings.

Three protocols part the windows of a dataset into draws, each a pure function of the windows, a seed and its number:

shared
    Half of the people give k windows a class, whatever their placement; all windows of the others are named.
placement
    The same people, but each placement has k windows a class of its own, and is named by these alone.
wearer
    One person and one device at a time: of each activity the first half of the time teaches with k windows, and the
    second half is named (`halves`). How much a person's own labels are worth.

Shapes: N windows, L classes, P people.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

SHARED, PLACEMENT, WEARER = "shared", "placement", "wearer"
PROTOCOLS = (PLACEMENT, SHARED, WEARER)

# Divisions of people tried in a draw before the one that serves most classes is taken. The first serves all where
# most people show most classes.
_TRIES = 50


class CannotDraw(ValueError):
    """The windows do not allow the draw: too few people, or no two classes with a support and a query."""


@dataclass(frozen=True)
class FewShotDraw:
    """Whose windows are learned from, in which order they get their labels, and which windows are named by them.

    ``support_order`` maps each class that is scored to the rows of all its windows that may be learned from, in the
    order of the draw. ``query`` holds the rows of the windows of these classes that are named.
    """

    support_order: dict[str, np.ndarray]
    query: np.ndarray

    @property
    def labels(self) -> list[str]:
        """The classes of this draw: those learned from, those scored and those chosen from."""
        return list(self.support_order)

    def support(self, shots: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows (S,) of the first ``shots`` windows a class (all where there are fewer), and their classes (S,).

        More shots include the windows of fewer shots, so that a curve over k follows one growing support. Classes are
        places in ``labels``. Raises ``ValueError`` for fewer than one shot.
        """
        if shots < 1:
            raise ValueError(f"a support of {shots} windows a class; expected at least 1 (0 is the zero-shot row)")
        parts = [rows[:shots] for rows in self.support_order.values()]
        return np.concatenate(parts), np.repeat(np.arange(len(parts)), [len(part) for part in parts])


# --- Other people ----------------------------------------------------------------------------------------------------


def divide_people(shows_LP: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """(P,) bool, True for the half of the people that becomes the support: ``P // 2`` of them, chosen at random.

    shows_LP: bool, whether class l has windows of person p. Stratified: class by class, from the one that the fewest
    people show (equals in random order), a random person of it goes to each side that has none yet; the others fill
    the halves. Rare classes may so make the support a little larger than a half. A class cannot be served when its
    people were all needed on one side for rarer classes, and never when a single person shows it.
    """
    order = generator.permutation(shows_LP.shape[1])
    support, query = np.zeros((2, shows_LP.shape[1]), dtype=bool)
    shuffled_LP = generator.permutation(shows_LP)
    for shown_P in shuffled_LP[np.argsort(shuffled_LP.sum(axis=1), kind="stable")]:
        shown = order[shown_P[order]]
        if len(shown) < 2:
            continue
        for side in (support, query):
            free = shown[~(support | query)[shown]]
            if not side[shown].any() and len(free):
                side[free[0]] = True
    free = order[~(support | query)[order]]
    support[free[: max(0, shows_LP.shape[1] // 2 - support.sum())]] = True
    return support


def draw_windows(
    labels: Sequence[str], subjects: Sequence[str], window_ids: Sequence[str], draw: int, seed: int = 0
) -> FewShotDraw:
    """Support and query number ``draw`` of the N windows: a pure function of the windows, ``seed`` and ``draw``.

    ``labels`` and ``subjects`` (N,) are names; ``window_ids`` (N,) tell windows apart, whatever their order: the same
    windows in another order give the same draw. Windows of a class are drawn uniformly out of those of all support
    people. Of some tens of divisions of the people (`divide_people`) the first is taken that gives every class which
    two or more people show a person on both sides, or else the one that serves most classes; only the classes served
    are in the draw.

    Raises ``ValueError`` for unequal lengths and repeated ids, ``CannotDraw`` for fewer than two people and when fewer
    than two classes are served.
    """
    return _drawn(labels, subjects, window_ids, (seed, draw))


def _drawn(
    labels: Sequence[str], subjects: Sequence[str], window_ids: Sequence[str], entropy: tuple[int, ...]
) -> FewShotDraw:
    """`draw_windows` with the generator that ``entropy`` seeds."""
    _check_columns(labels, window_ids, {"subjects": subjects})
    ids, canonical = np.unique(np.asarray(window_ids, dtype=str), return_index=True)
    people, person = np.unique(np.asarray(subjects, dtype=str), return_inverse=True)
    if len(people) < 2:
        raise CannotDraw(
            f"{len(labels)} windows of {len(people)} person(s); support and query need different people, at least two"
        )
    classes, class_of = np.unique(np.asarray(labels, dtype=str), return_inverse=True)
    shows_LP = np.zeros((len(classes), len(people)), dtype=bool)
    shows_LP[class_of, person] = True

    generator = np.random.default_rng(entropy)
    drawn_order = canonical[generator.permutation(len(ids))]
    support_P, served_L = _best_division(shows_LP, generator)
    if served_L.sum() < 2:
        raise CannotDraw(
            f"{served_L.sum()} of {len(classes)} classes ({', '.join(classes)}) are shown by people on both sides; "
            "telling classes apart needs two that two or more people show"
        )
    learned = drawn_order[support_P[person[drawn_order]]]
    named = canonical[~support_P[person[canonical]]]
    return FewShotDraw(
        {str(classes[i]): learned[class_of[learned] == i] for i in np.flatnonzero(served_L)},
        named[served_L[class_of[named]]],
    )


def _best_division(shows_LP: np.ndarray, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """People of the support (P,) and the classes served (L,), both bool."""
    possible = (shows_LP.sum(axis=1) > 1).sum()
    best = None
    for _ in range(_TRIES):
        support_P = divide_people(shows_LP, generator)
        served_L = shows_LP[:, support_P].any(axis=1) & shows_LP[:, ~support_P].any(axis=1)
        if best is None or served_L.sum() > best[1].sum():
            best = support_P, served_L
        if served_L.sum() == possible:
            break
    return best


def by_placement(draw: FewShotDraw, labels: Sequence[str], placements: Sequence[str]) -> dict[str, FewShotDraw]:
    """Placement -> its part of a draw of people, with a support of its own.

    ``labels`` and ``placements`` (N,) are those of the windows that were drawn from. A class belongs to a placement
    where people on both sides show it there, and a placement with fewer than two such classes is left out. Raises
    ``CannotDraw`` when none is left.
    """
    labels, placements = np.asarray(labels, dtype=str), np.asarray(placements, dtype=str)
    parts = {}
    for placement in np.unique(placements).tolist():
        query = draw.query[placements[draw.query] == placement]
        named = set(labels[query].tolist())
        own = {label: rows[placements[rows] == placement] for label, rows in draw.support_order.items()}
        served = {label: rows for label, rows in own.items() if len(rows) and label in named}
        if len(served) > 1:
            parts[placement] = FewShotDraw(served, query[np.isin(labels[query], list(served))])
    if not parts:
        raise CannotDraw("no placement has two classes that people on both sides show there")
    return parts


def draw_placements(
    labels: Sequence[str],
    subjects: Sequence[str],
    placements: Sequence[str],
    window_ids: Sequence[str],
    draw: int,
    seed: int = 0,
) -> dict[str, FewShotDraw]:
    """``by_placement`` of `draw_windows`, number ``draw``; a pure function as that.

    Where people wear a device at different places, a division of them may leave no placement with people on both sides.
    Then the first of some tens of further divisions that leaves one is taken. Raises as `draw_windows`, and
    ``CannotDraw`` where none does.
    """
    for further in range(_TRIES):
        entropy = (seed, draw, further) if further else (seed, draw)
        try:
            return by_placement(_drawn(labels, subjects, window_ids, entropy), labels, placements)
        except CannotDraw as error:
            refused = error
    raise refused


# --- The wearer's own ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Halves:
    """Windows (N,) bool that may teach and that are named, and what was left aside because a half was missing.

    without_half: "wearer: class" pairs that have too little time for both halves. left_out: wearers with fewer than
    two classes that have both, none of whose windows are used.
    """

    teaches: np.ndarray
    named: np.ndarray
    without_half: list[str]
    left_out: list[str]


def halves(
    labels: Sequence[str],
    wearers: Sequence[str],
    recordings: Sequence[str],
    start_s: np.ndarray,
    window_s: float,
    gap_s: float,
) -> Halves:
    """First and second half in time of each activity of each wearer.

    ``labels``, ``wearers`` (a person with one device) and ``recordings`` (N,) are names; start_s (N,) is when windows
    of ``window_s`` seconds begin in their recording. Recordings follow each other in the order of their names. Of the n
    windows of an activity the first n // 2 teach; those of the others are named that begin at least ``gap_s`` after the
    end of each window of the same recording that teaches, whatever it shows.

    Raises ``ValueError`` for columns of different lengths and a gap that is negative or not finite.
    """
    check_gap(gap_s)
    labels, wearers, recordings = (np.asarray(column, dtype=str) for column in (labels, wearers, recordings))
    start_s = np.asarray(start_s, dtype=np.float64)
    if not labels.shape == wearers.shape == recordings.shape == start_s.shape:
        raise ValueError(
            f"{len(labels)} labels, {len(wearers)} wearers, {len(recordings)} recordings and {start_s.shape} times; "
            "give one of each a window"
        )
    teaches, named = np.zeros((2, len(labels)), dtype=bool)
    without_half, left_out = [], []
    for wearer in np.unique(wearers).tolist():
        own = np.flatnonzero(wearers == wearer)
        own = own[np.lexsort((start_s[own], recordings[own]))]
        first, second = {}, {}
        for label in np.unique(labels[own]).tolist():
            rows = own[labels[own] == label]
            first[label], second[label] = np.split(rows, [len(rows) // 2])
        # A class whose second half the gap swallows teaches nothing, so that it leaves the others' gaps alone.
        served = _served(first, second, recordings, start_s, window_s + gap_s)
        without_half += [f"{wearer}: {label}" for label in first if label not in served]
        if len(served) < 2:
            left_out.append(wearer)
            continue
        for label, rows in served.items():
            teaches[first[label]] = True
            named[rows] = True
    return Halves(teaches, named, without_half, left_out)


def check_gap(gap_s: float) -> None:
    """Raises ``ValueError`` for seconds between halves that are negative or not finite."""
    if not 0 <= gap_s < np.inf:
        raise ValueError(f"a gap of {gap_s} s between the halves; expected 0 or more")


def _served(
    first: Mapping[str, np.ndarray],
    second: Mapping[str, np.ndarray],
    recordings: np.ndarray,
    start_s: np.ndarray,
    apart_s: float,
) -> dict[str, np.ndarray]:
    """Class -> rows of its second half that are far enough from all that teaches; classes without any are left out."""
    served = [label for label in first if len(first[label]) and len(second[label])]
    while True:
        teaching = np.concatenate([first[label] for label in served]) if served else np.zeros(0, dtype=int)
        clear = {}
        for label in served:
            rows = second[label]
            near = recordings[rows][:, None] == recordings[teaching]
            near &= np.abs(start_s[rows][:, None] - start_s[teaching]) < apart_s - 1e-6
            clear[label] = rows[~near.any(axis=1)]
        if all(len(rows) for rows in clear.values()):
            return clear
        served = [label for label in served if len(clear[label])]


def by_wearer(
    labels: Sequence[str], wearers: Sequence[str], parts: Halves, window_ids: Sequence[str], draw: int, seed: int = 0
) -> dict[str, FewShotDraw]:
    """Wearer -> support and query number ``draw`` of the wearer's own windows, from their ``halves``.

    A pure function as `draw_windows`; windows of a class are drawn uniformly out of its first half. Raises
    ``ValueError`` for unequal lengths and repeated ids, ``CannotDraw`` when no wearer has two classes with both halves.
    """
    _check_columns(labels, window_ids, {"wearers": wearers})
    if not parts.named.any():
        raise CannotDraw(
            f"none of {len(set(wearers))} wearers has two activities that last long enough for two halves and the gap "
            "between them"
        )
    labels, wearers = np.asarray(labels, dtype=str), np.asarray(wearers, dtype=str)
    ids, canonical = np.unique(np.asarray(window_ids, dtype=str), return_index=True)
    order = canonical[np.random.default_rng((seed, draw)).permutation(len(ids))]
    order = order[parts.teaches[order]]
    draws = {}
    for wearer in np.unique(wearers[parts.named]).tolist():
        own = order[wearers[order] == wearer]
        query = canonical[parts.named[canonical] & (wearers[canonical] == wearer)]
        draws[wearer] = FewShotDraw(
            {label: own[labels[own] == label] for label in np.unique(labels[query]).tolist()}, query
        )
    return draws


def _check_columns(labels: Sequence[str], window_ids: Sequence[str], others: Mapping[str, Sequence[str]]) -> None:
    for name, column in {**others, "window ids": window_ids}.items():
        if len(column) != len(labels):
            raise ValueError(f"{len(column)} {name} for {len(labels)} labels; give one a window")
    if len(set(map(str, window_ids))) != len(window_ids):
        (twice, times), *_ = Counter(map(str, window_ids)).most_common(1)
        raise ValueError(f"window id {twice!r} stands for {times} windows; give each window an id of its own")
