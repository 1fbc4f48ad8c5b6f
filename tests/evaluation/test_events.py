"""Events against an independent implementation of the same definitions (ward-metrics) and by hand."""

import numpy as np
import pytest

from har.evaluation.events import (
    BOTH,
    CORRECT,
    DELETED,
    FRAGMENTED,
    INSERTED,
    MERGED,
    NAMED_KINDS,
    OVERFILL,
    TIME_KINDS,
    TRUE_KINDS,
    UNDERFILL,
    EventCounts,
    _compare,
    score_events,
)

WARD = {CORRECT: "C", FRAGMENTED: "F", MERGED: "M", BOTH: "FM", DELETED: "D"}
# With both sides exchanged, what is named in pieces becomes what joins, and what is missed becomes what is invented.
# The library's own names of named events depend on their order where a true one is merged on both sides.
WARD_EXCHANGED = {CORRECT: "C", MERGED: "F", FRAGMENTED: "M", BOTH: "FM", INSERTED: "D"}


def scored(true: str, named: str, step_s: float = 1.0):
    """One character a window; "-" is no activity of interest, counted as one all the same."""
    return score_events(list(true), list(named), step_s * np.arange(len(true)), np.zeros(len(true)), step_s, 2 * step_s)


def test_by_hand():
    """a is found late and in pieces, b runs on into c, d is not there."""
    counts = scored("aaaaaaaabbbbcccc", "-aaa-aaabbbbbbcc", 2.0)
    assert counts.true == {CORRECT: 2, FRAGMENTED: 1, MERGED: 0, BOTH: 0, DELETED: 0}
    assert counts.named == {CORRECT: 2, FRAGMENTED: 2, MERGED: 0, BOTH: 0, INSERTED: 2}  # of "-" twice
    assert counts.seconds == {
        DELETED: 0.0, FRAGMENTED: 2.0, UNDERFILL: 2.0 + 4.0, INSERTED: 4.0, MERGED: 0.0, OVERFILL: 4.0,
    }  # fmt: skip
    assert counts.true_s == 32.0
    figures = counts.to_dict()
    assert (figures["precision"], figures["recall"], figures["f1"]) == (2 / 6, 2 / 3, 4 / 9)


def test_two_events_named_as_one_are_merged():
    counts = scored("aa-aa", "aaaaa")
    assert counts.true == {CORRECT: 0, FRAGMENTED: 0, MERGED: 2, BOTH: 0, DELETED: 1}
    assert counts.named == {CORRECT: 0, FRAGMENTED: 0, MERGED: 1, BOTH: 0, INSERTED: 0}
    assert counts.seconds[MERGED] == 1.0 and counts.seconds[DELETED] == 1.0


def test_gaps_and_recordings_end_events():
    true, start_s = ["a"] * 6, np.array([0.0, 1.0, 2.0, 10.0, 11.0, 0.0])
    counts = score_events(true, true, start_s, np.array([0, 0, 0, 0, 0, 1]), 1.0, 2.0)
    assert counts.true[CORRECT] == counts.named[CORRECT] == 3 and counts.true_s == 6.0
    shuffled = np.random.default_rng(0).permutation(6)
    again = score_events(true, true, start_s[shuffled], np.array([0, 0, 0, 0, 0, 1])[shuffled], 1.0, 2.0)
    assert again == counts
    bridged = score_events(true, true, start_s, np.array([0, 0, 0, 0, 0, 1]), 1.0, 8.0)
    assert bridged.true[CORRECT] == 2 and bridged.true_s == 13.0


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
def test_against_an_independent_implementation(share):
    ward = pytest.importorskip("wardmetrics.core_methods", reason="ward-metrics is an oracle of the tests alone")
    rng = np.random.default_rng(7)
    for _ in range(300):
        length = int(rng.integers(2, 40))
        true, named = (np.cumsum(rng.random(length) < share) % 2 == 1 for _ in range(2))
        events = []
        for flags in (true, named):
            edges = np.flatnonzero(np.diff(np.concatenate([[0], flags, [0]]).astype(int)))
            events.append(list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)))
        if not events[0] or not events[1]:
            continue
        of_true, of_named = (ward.eval_events(*sides)[2] for sides in (events, events[::-1]))
        _, _, seconds, _ = ward.eval_segments(*events, -1, length + 1)
        counts = EventCounts(
            dict.fromkeys(TRUE_KINDS, 0), dict.fromkeys(NAMED_KINDS, 0), dict.fromkeys(TIME_KINDS, 0.0), 0.0
        )
        _compare(true, named, np.ones(length), counts)
        assert counts.true == {kind: of_true[name] for kind, name in WARD.items()}
        assert counts.named == {kind: of_named[name] for kind, name in WARD_EXCHANGED.items()}
        assert sum(counts.named.values()) == len(events[1]) and sum(counts.true.values()) == len(events[0])
        expected = {
            DELETED: seconds["D"], FRAGMENTED: seconds["F"], UNDERFILL: seconds["Us"] + seconds["Ue"],
            INSERTED: seconds["I"], MERGED: seconds["M"], OVERFILL: seconds["Os"] + seconds["Oe"],
        }  # fmt: skip
        assert counts.seconds == expected
