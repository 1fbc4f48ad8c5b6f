"""Protocols of labelled windows against loops over all pairs, and a Gaussian process against scikit-learn's."""

from collections import Counter

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF

from har.evaluation.few_shot import FewShotProtocol, score_few_shot
from har.evaluation.few_shot_classifiers import faded_text, gaussian_process
from har.evaluation.few_shot_draws import (
    CannotDraw,
    Halves,
    by_placement,
    by_wearer,
    draw_placements,
    draw_windows,
    halves,
)

WINDOW_S, GAP_S = 5.0, 5.0


def people(placements=("wrist", "thigh"), names="abcd", classes=("run", "sit", "walk"), windows=6):
    rows = [
        (label, person, placement, f"{person}/{placement}/{label}/{i}")
        for person in names
        for placement in placements
        for label in classes
        for i in range(windows)
    ]
    return tuple(map(list, zip(*rows, strict=True)))


def recorded(*, people=3, seconds=120, seed=0):
    """Windows 2.5 s apart of recordings in which activities alternate, in no order."""
    rng = np.random.default_rng(seed)
    rows = [
        (str(rng.choice(["run", "sit", "walk"])), f"p{person}", f"p{person}/r{number}", 2.5 * i)
        for person in range(people)
        for number in range(2)
        for i in range(int(seconds / 2.5))
    ]
    rows = [rows[i] for i in rng.permutation(len(rows))]
    labels, wearers, recordings, start_s = map(list, zip(*rows, strict=True))
    return labels, wearers, recordings, np.array(start_s)


# --- Placements ------------------------------------------------------------------------------------------------------


def test_each_placement_learns_from_its_own_windows_by_the_draw_of_all():
    labels, subjects, placements, ids = people()
    for number in range(50):
        whole = draw_windows(labels, subjects, ids, number)
        parts = by_placement(whole, labels, placements)
        assert list(parts) == ["thigh", "wrist"]
        assert sorted(i for part in parts.values() for i in part.query) == sorted(whole.query)
        for placement, part in parts.items():
            for label, rows in part.support_order.items():
                assert rows.tolist() == [i for i in whole.support_order[label] if placements[i] == placement]
            rows, class_of = part.support(4)
            assert Counter(class_of) == {0: 4, 1: 4, 2: 4} and {placements[i] for i in rows} == {placement}


def test_a_division_that_parts_the_placements_is_drawn_anew():
    """Two people at each of two places: a division by place leaves neither with people on both sides."""
    labels, subjects, placements, ids = people(placements=("wrist",))
    placements = ["wrist" if subject in "ab" else "thigh" for subject in subjects]
    parted = 0
    for number in range(100):
        whole = draw_windows(labels, subjects, ids, number)
        parts = draw_placements(labels, subjects, placements, ids, number)
        assert parts and all(len(part.labels) == 3 for part in parts.values())
        try:
            same = by_placement(whole, labels, placements)
        except CannotDraw:
            parted += 1
            continue
        assert {place: part.query.tolist() for place, part in parts.items()} == {
            place: part.query.tolist() for place, part in same.items()
        }
    assert parted > 5
    with pytest.raises(CannotDraw, match="no placement has two classes"):
        draw_placements(labels, subjects, subjects, ids, 0)


def test_one_placement_is_the_whole_draw():
    labels, subjects, placements, ids = people(placements=("wrist",))
    whole = draw_windows(labels, subjects, ids, 3)
    (part,) = by_placement(whole, labels, placements).values()
    assert part.query.tolist() == whole.query.tolist() and part.labels == whole.labels


def test_a_class_belongs_to_a_placement_where_people_on_both_sides_show_it():
    labels, subjects, placements, ids = people()
    # Only one person runs at the thigh, nobody but one sits there.
    gone = [
        i
        for i, where in enumerate(zip(labels, subjects, placements, strict=True))
        if where[2] == "thigh" and where[0] != "walk" and where[1] != "a"
    ]
    kept = [i for i in range(len(ids)) if i not in gone]
    labels, subjects, placements, ids = ([column[i] for i in kept] for column in (labels, subjects, placements, ids))
    parts = by_placement(draw_windows(labels, subjects, ids, 0), labels, placements)
    assert list(parts) == ["wrist"] and parts["wrist"].labels == ["run", "sit", "walk"]
    thigh = [i for i, placement in enumerate(placements) if placement == "thigh"]
    with pytest.raises(CannotDraw, match="needs two that two or more people show"):
        draw_windows(*([column[i] for i in thigh] for column in (labels, subjects, ids)), 0)


# --- A wearer's own --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gap_s", [0.0, 5.0, 12.0])
def test_halves_share_no_sample_and_keep_the_gap(gap_s):
    labels, wearers, recordings, start_s = recorded()
    found = halves(labels, wearers, recordings, start_s, WINDOW_S, gap_s)
    assert found.named.any() and not (found.teaches & found.named).any()
    for q in np.flatnonzero(found.named):
        for s in np.flatnonzero(found.teaches):
            if recordings[q] == recordings[s]:
                apart_s = max(start_s[q] - start_s[s], start_s[s] - start_s[q]) - WINDOW_S
                assert apart_s >= gap_s
            if wearers[q] == wearers[s] and labels[q] == labels[s]:
                assert (recordings[q], start_s[q]) > (recordings[s], start_s[s])
    for wearer in set(wearers):
        for label in set(labels):
            own = [i for i in range(len(labels)) if (wearers[i], labels[i]) == (wearer, label)]
            assert found.teaches[own].sum() in (0, len(own) // 2)
            # Nothing but the gap keeps a window of a second half from being named.
            later = sorted(own, key=lambda i: (recordings[i], start_s[i]))[len(own) // 2 :]
            for i in later:
                near = [
                    s for s in np.flatnonzero(found.teaches)
                    if recordings[s] == recordings[i] and abs(start_s[s] - start_s[i]) < WINDOW_S + gap_s
                ]  # fmt: skip
                assert found.named[i] == (not near and bool(found.teaches[own].any()))


def test_who_has_not_enough_is_named():
    # Of b, walking lasts two windows of one recording, which the gap does not part; c does one thing alone.
    rows = [("a", label, f"a/{label}", 2.5 * i) for label in ("sit", "walk") for i in range(12)]
    rows += [("b", label, f"b/{label}", 2.5 * i) for label in ("sit", "run") for i in range(12)]
    rows += [("b", "walk", "b/walk", 0.0), ("b", "walk", "b/walk", 2.5)]
    rows += [("c", "sit", "c/sit", 2.5 * i) for i in range(12)]
    wearers, labels, recordings, start_s = map(list, zip(*rows, strict=True))
    found = halves(labels, wearers, recordings, np.array(start_s), WINDOW_S, GAP_S)
    assert found.without_half == ["b: walk"] and found.left_out == ["c"]
    assert found.teaches.sum() == 4 * 6 and found.named.sum() == 4 * 3  # three of six begin within 10 s
    ids = [str(i) for i in range(len(rows))]
    draws = by_wearer(labels, wearers, found, ids, 0)
    assert {wearer: draw.labels for wearer, draw in draws.items()} == {"a": ["sit", "walk"], "b": ["run", "sit"]}
    # Fewer than k: all are taken.
    assert len(draws["a"].support(16)[0]) == 12
    alone = [i for i, wearer in enumerate(wearers) if wearer == "c"]
    nobody = halves([labels[i] for i in alone], ["c"] * 12, ["r"] * 12, np.arange(12.0), WINDOW_S, GAP_S)
    with pytest.raises(CannotDraw, match="none of 1 wearers"):
        by_wearer(["sit"] * 12, ["c"] * 12, nobody, ids[:12], 0)
    with pytest.raises(ValueError, match="a gap of -1 s"):
        halves(labels, wearers, recordings, np.array(start_s), WINDOW_S, -1)
    with pytest.raises(ValueError, match="give one of each a window"):
        halves(labels[1:], wearers, recordings, np.array(start_s), WINDOW_S, GAP_S)


def test_a_wearers_draws_are_pure_and_even():
    labels, wearers, recordings, start_s = recorded()
    parts = halves(labels, wearers, recordings, start_s, WINDOW_S, GAP_S)
    ids = np.array([f"{recording}/{time}" for recording, time in zip(recordings, start_s, strict=True)])
    mixed = np.random.default_rng(1).permutation(len(ids))
    other = Halves(parts.teaches[mixed], parts.named[mixed], parts.without_half, parts.left_out)
    first = Counter()
    for number in range(300):
        one = by_wearer(labels, wearers, parts, ids, number)
        two = by_wearer(np.array(labels)[mixed], np.array(wearers)[mixed], other, ids[mixed], number)
        for wearer, draw in one.items():
            assert ids[draw.query].tolist() == ids[mixed][two[wearer].query].tolist()
            assert ids[draw.support(3)[0]].tolist() == ids[mixed][two[wearer].support(3)[0]].tolist()
            assert all(wearers[i] == wearer and parts.teaches[i] for i in draw.support(3)[0])
            assert [labels[i] for i in draw.support(3)[0]] == [draw.labels[c] for c in draw.support(3)[1]]
            first.update(draw.support(1)[0].tolist())
    assert set(first) == set(np.flatnonzero(parts.teaches).tolist())


# --- Scores of parts -------------------------------------------------------------------------------------------------


def test_parts_are_named_each_by_its_own_support_and_scored_together():
    """At the wrist a feature means the opposite of what it means at the thigh: only parts can tell classes apart."""
    labels, subjects, placements, ids = people(classes=("run", "walk"))
    sign = np.where(np.array(placements) == "wrist", 1.0, -1.0) * np.where(np.array(labels) == "run", 1.0, -1.0)
    features = np.column_stack([sign, np.full(len(sign), 0.2)])
    how = {"labels": ["run", "walk"], "protocol": FewShotProtocol((2, 6), 3, 2.0, 0.05)}
    arrays = ("tiny", features, np.zeros((len(ids), 2)), 7.0, labels, subjects, ids)
    parts = score_few_shot(
        *arrays, **how, name="placement",
        draws=lambda number: by_placement(draw_windows(labels, subjects, ids, number), labels, placements),
    )  # fmt: skip
    shared = score_few_shot(*arrays, **how)
    assert parts.protocol == "placement" and parts.windows == shared.windows == len(ids)
    assert parts.zero_shot == shared.zero_shot
    assert all(row["accuracy"]["mean"] == 1 for row in parts.rows)
    assert all(row["accuracy"]["mean"] < 0.9 for row in shared.rows)
    # Half of the people, so 2 * 6 windows a class and placement: none is short of 6.
    assert parts.fewer == []


def test_a_wearers_own_windows_are_trusted_more_than_those_of_others():
    labels, subjects, _, ids = people(classes=("run", "walk"))
    features = unit(len(ids), 3, 0)
    how = {"labels": ["run", "walk"], "protocol": FewShotProtocol((2,), 3, 2.0, 0.05)}
    arrays = ("tiny", features, 9 * unit(len(ids), 2, 1), 7.0, labels, subjects, ids)

    def rows(name, **changes):
        return score_few_shot(*arrays, **how | changes, name=name).rows[:1]

    alike = FewShotProtocol((2,), 3, 2.0, 0.05, noise=1.0)
    assert rows("wearer", protocol=alike) == rows("shared") == rows("placement") != rows("wearer")


# --- Gaussian process ------------------------------------------------------------------------------------------------


def unit(rows, width, seed):
    x = np.random.default_rng(seed).normal(size=(rows, width))
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def test_gaussian_process_is_that_of_scikit_learn_on_what_the_prior_leaves():
    support, query, classes = unit(7, 5, 0), unit(4, 5, 1), np.array([0, 1, 2, 0, 1, 2, 0])
    prior_SL, prior_QL = np.random.default_rng(2).dirichlet(np.ones(4), (7,)), np.full((4, 4), 0.25)
    found = gaussian_process(support, classes, prior_SL, query, prior_QL, width=0.3, noise=0.2)
    # Of unit norm 1 - cos is half the squared distance, so the kernel is a radial one.
    reference = GaussianProcessRegressor(RBF(np.sqrt(0.3), "fixed"), alpha=0.2, optimizer=None)
    reference.fit(support, np.eye(4)[classes] - prior_SL)
    np.testing.assert_allclose(found, prior_QL + reference.predict(query), atol=1e-10)
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_what_looks_like_nothing_labelled_is_left_to_the_text():
    support, far = np.array([[1.0, 0.0]]), np.array([[-1.0, 0.0]])
    text = np.array([[0.7, 0.3]])
    found = gaussian_process(support, np.array([1]), text, np.vstack([support, far]), np.repeat(text, 2, axis=0))
    np.testing.assert_allclose(found[0], text[0] + np.array([-0.7, 0.7]) / 1.1)
    np.testing.assert_allclose(found[1], text[0], atol=1e-6)
    # A window about which the text was right changes nothing.
    sure = np.array([[0.0, 1.0]])
    assert np.array_equal(gaussian_process(support, np.array([1]), sure, support, text), text)
    with pytest.raises(ValueError, match="expected both positive"):
        gaussian_process(support, np.array([1]), text, far, text, noise=0.0)


def test_the_text_fades_as_windows_come():
    text = np.array([[0.9, 0.1]])
    assert np.array_equal(faded_text(text, 3, np.inf), text)
    np.testing.assert_allclose(faded_text(text, 4, 4.0), [[0.7, 0.3]])
    np.testing.assert_allclose(faded_text(text, 0, 4.0), text)
