"""Events in place of windows: is an activity found once, whole, at its time?

An event is a stretch in which one activity is done, or named, without a break. For each activity, its true and its
named events are compared as Ward, Lukowicz & Gellersen ("Performance metrics for activity recognition", ACM TIST 2011,
sections 3 and 4) do. Time that is true and not named is

    a deletion where nothing of the event is named, else underfill at its start or end, or a fragmentation inside;

time that is named and not true is

    an insertion where nothing of it is true, else overfill at a start or end, or a merge between two true events.

True events are correct, fragmented, merged, both, or deleted; named ones are correct, fragmenting, merging, both, or
inserted. An event is correct when it belongs to just one of the other side, however well their ends agree.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

CORRECT, FRAGMENTED, MERGED, BOTH, DELETED, INSERTED = (
    "correct", "fragmented", "merged", "fragmented and merged", "deleted", "inserted",
)  # fmt: skip
TRUE_KINDS = (CORRECT, FRAGMENTED, MERGED, BOTH, DELETED)
NAMED_KINDS = (CORRECT, FRAGMENTED, MERGED, BOTH, INSERTED)
UNDERFILL, OVERFILL = "underfill", "overfill"
TIME_KINDS = (DELETED, FRAGMENTED, UNDERFILL, INSERTED, MERGED, OVERFILL)
_EVENT = {(False, False): CORRECT, (True, False): FRAGMENTED, (False, True): MERGED, (True, True): BOTH}


class EventCounts(NamedTuple):
    """Events of all activities together.

    true, named: kind -> events. seconds: kind of error -> time, the sum over activities; true_s: time of the true
    events.
    """

    true: dict[str, int]
    named: dict[str, int]
    seconds: dict[str, float]
    true_s: float

    def to_dict(self) -> dict:
        """All counts, and what they come to; precision and recall count events that are correct."""
        true, named = sum(self.true.values()), sum(self.named.values())
        correct = self.true[CORRECT]
        return {
            "true": true,
            "named": named,
            "true_events": self.true,
            "named_events": self.named,
            "seconds": self.seconds,
            "true_s": self.true_s,
            "precision": correct / named if named else 0.0,
            "recall": correct / true if true else 0.0,
            "f1": 2 * correct / (true + named) if true + named else 0.0,
        }


def score_events(
    true: Sequence[str],
    named: Sequence[str],
    start_s: np.ndarray,
    recording: np.ndarray,
    step_s: float,
    longest_step_s: float,
) -> EventCounts:
    """Compare the events of N windows.

    true, named: (N,) labels. start_s: (N,) when each window begins, on the clock of its recording. recording: (N,) what
    each belongs to; streams worn together are recordings of their own. Each window stands for the time until the next
    one begins, the last one for ``step_s``. Where the next one is more than ``longest_step_s`` away, something lies
    between that is not scored, and events end.
    """
    order = np.lexsort((start_s, recording))
    codes = {label: code for code, label in enumerate(sorted({*true, *named}))}
    truth, answer = (np.array([codes[label] for label in column])[order] for column in (true, named))
    start_s, recording = np.asarray(start_s, dtype=np.float64)[order], np.asarray(recording)[order]
    begins = np.ones(len(order), dtype=bool)
    begins[1:] = (recording[1:] != recording[:-1]) | (np.diff(start_s) > longest_step_s)
    lasts_s = np.full(len(order), float(step_s))
    lasts_s[:-1][~begins[1:]] = np.diff(start_s)[~begins[1:]]
    counts = EventCounts(
        dict.fromkeys(TRUE_KINDS, 0),
        dict.fromkeys(NAMED_KINDS, 0),
        dict.fromkeys(TIME_KINDS, 0.0),
        float(lasts_s.sum()),
    )
    for rows in np.split(np.arange(len(order)), np.flatnonzero(begins)[1:]):
        for code in np.union1d(truth[rows], answer[rows]):
            _compare(truth[rows] == code, answer[rows] == code, lasts_s[rows], counts)
    return counts


def _compare(truth: np.ndarray, named: np.ndarray, lasts_s: np.ndarray, counts: EventCounts) -> None:
    """Add the events of one activity in one gap-free run: truth, named (n,) bool, lasts_s (n,)."""
    changes = np.flatnonzero((truth[1:] != truth[:-1]) | (named[1:] != named[:-1])) + 1
    bounds = list(pairwise([0, *changes.tolist(), len(truth)]))
    segments = [(bool(truth[first]), bool(named[first]), float(lasts_s[first:last].sum())) for first, last in bounds]
    both = [is_true and is_named for is_true, is_named, _ in segments]
    kinds = [""]
    for i, (is_true, is_named, seconds) in enumerate(segments):
        before, after = i > 0 and both[i - 1], i + 1 < len(segments) and both[i + 1]
        kinds.append(_kind_of(is_true, is_named, before, after))
        if kinds[-1]:
            counts.seconds[kinds[-1]] += seconds
    kinds.append("")  # nothing lies before the first segment and after the last
    # Of a true event, time inside that is not named breaks it into pieces, and named time beside it joins it with
    # others; a named event is one of the pieces, or what joins them, the other way round.
    for events, side, absent in ((counts.true, 0, DELETED), (counts.named, 1, INSERTED)):
        for first, last in _stretches([segment[side] for segment in segments]):
            inside, beside = set(kinds[first + 1 : last + 1]), {kinds[first], kinds[last + 1]}
            fragmented = FRAGMENTED in (inside, beside)[side]
            merged = MERGED in (beside, inside)[side]
            found = _EVENT[fragmented, merged] if any(both[first:last]) else absent
            events[found] += 1


def _kind_of(is_true: bool, is_named: bool, before: bool, after: bool) -> str:
    """Of a segment; before, after: whether the activity is true and named in its neighbours. "" for no error."""
    if is_true == is_named:
        return ""
    if before and after:
        return FRAGMENTED if is_true else MERGED
    if before or after:
        return UNDERFILL if is_true else OVERFILL
    return DELETED if is_true else INSERTED


def _stretches(flags: Sequence[bool]) -> Iterable[tuple[int, int]]:
    """First and last (excluded) of each run of True."""
    padded = np.concatenate([[False], flags, [False]]).astype(np.int8)
    edges = np.flatnonzero(np.diff(padded))
    return zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
