"""Synonym groups: the tables are consistent, cover every converter, and score as their rules say."""

import importlib
import itertools
import pkgutil

import pytest

import har.recordings.convert
from har.labels import groups
from har.labels.groups import (
    ACCEPTED,
    GROUPS,
    IS_A,
    MIXTURES,
    check_groups,
    group_of,
    matches,
    may_also_be_true,
    normalise,
    pace_of,
    undecided_pairs,
)


def converter_phrases() -> list[tuple[str, str]]:
    modules = [
        importlib.import_module(f"har.recordings.convert.{module.name}")
        for module in pkgutil.iter_modules(har.recordings.convert.__path__)
    ]
    return [
        (module.__name__.rpartition(".")[2], phrase)
        for module in modules
        for phrase in getattr(module, "PHRASES", {}).values()
        if phrase
    ]


def test_every_listed_phrase_is_found_in_its_own_group():
    for name, phrases in GROUPS.items():
        for phrase in (name, *phrases):
            assert group_of(phrase) == name, phrase


def test_a_phrase_in_two_groups_is_refused_with_both_names():
    with pytest.raises(ValueError, match=r"'The jog!'.*'running'.*'walking'"):
        check_groups({"running": ("jog",), "walking": ("The jog!",)})
    assert check_groups({"running": ("jog", "Jog")}) == {("running",): "running", ("jog",): "running"}


def test_relations_name_groups_only_and_hold_no_circle():
    for table in (IS_A, MIXTURES):
        for name, others in table.items():
            assert {name, *others} <= set(GROUPS), name
    for name in IS_A:
        assert name not in groups._closure(name, IS_A)


def test_case_space_articles_hyphens_and_pace_do_not_matter():
    assert group_of("  Sitting   DOWN on the chair ") == "sitting down"
    assert group_of("stand-to-sit") == group_of("standing to sitting") == "sitting down"
    assert group_of("quickly sitting down on a half-height chair and standing up") == "sitting down and getting up"
    assert group_of("walking slowly upstairs and downstairs") == "climbing stairs"
    assert group_of("standing up slowly") == "standing up"
    # Every word that states a pace is one to look past.
    assert group_of("walking upstairs briskly") == "walking upstairs" and group_of("normal running") == "running"


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [
        ("falling forward while walking caused by a slip", "falling forward"),
        ("slipping and falling backward", "falling backward"),
        ("Lateral fall when trying to sit down", "falling sideways"),
        ("fall while walking, with use of hands in a table to dampen fall, caused by fainting", "falling"),
        ("vertical fall while walking caused by fainting", "falling vertically"),
        ("fainting and falling down", "falling vertically"),
        ("walking while talking", "walking and talking"),
        ("jumping lightly without falling", "jumping lightly without falling"),
        ("nearly falling while walking", "nearly falling while walking"),
    ],
)
def test_circumstances_are_left_out_of_falls_only(phrase, expected):
    assert group_of(phrase) == expected


def test_unlisted_phrase_is_its_own_group():
    assert group_of(" Polishing the  silver ") == "polishing the silver"
    assert matches("polishing the silver", "Polishing  the silver")
    assert not matches("polishing the silver", "polishing the floor")


@pytest.mark.parametrize(
    ("predicted", "true", "expected", "strict"),
    [
        ("jogging", "running", True, True),
        ("walking slowly", "walking at a moderate pace", True, True),
        ("climbing stairs", "walking upstairs", True, False),  # coarser
        ("walking upstairs", "climbing stairs", True, False),  # finer
        ("walking upstairs", "walking downstairs", False, False),  # siblings
        ("walking", "walking upstairs", False, False),
        ("lying", "lying on the left side", True, False),
        ("lying on the back", "lying on the left side", False, False),
        ("sitting", "sitting down", False, False),
        ("sitting", "typing", True, False),
        ("falling", "slipping and falling forward", True, False),
        ("falling backward", "falling forward", False, False),
        ("sitting down", "sitting down and getting up", True, False),  # part of a mixture
        ("sitting down and getting up", "sitting down", False, False),  # mixture for its part
        ("walking upstairs", "standing up, walking and climbing stairs", True, False),  # finer than a part
        ("walking", "standing", False, False),
        ("falling to the left side", "falling to the right side", False, False),
        ("falling sideways", "falling to the left side", True, False),
        ("falling backward", "falling while turning around", True, False),  # the direction is not told
        ("swinging a tennis racket", "swinging a tennis racket backhand", True, False),
        ("swinging a tennis racket forehand", "swinging a tennis racket backhand", False, False),
        ("drawing a circle in the air", "drawing a circle clockwise in the air", True, False),
        ("drawing the letter s in the air", "drawing the letter z in the air", False, False),
        ("throwing a ball", "throwing a baseball", True, True),
        ("bowling a ball", "bowling a ball underhand", True, True),
        ("drinking from a cup", "drinking water", True, True),
        ("waving", "waving a hand", True, True),
        ("walking", "doing a timed up and go test", True, False),
        ("doing a timed up and go test", "walking", False, False),
        ("standing still", "holding still", False, False),  # a hand that is still says nothing about the posture
        ("walking upstairs", "stepping up", False, False),
        ("picking up an object", "picking up and throwing", True, False),
        ("walking", "walking in a circle to the left", True, False),
        ("walking in a circle to the right", "walking in a circle to the left", False, False),
        ("standing", "shuffling while standing", True, False),
        ("shuffling", "shuffling while standing", False, False),
        ("cycling", "sitting on a bicycle without pedalling", True, False),
        ("closing a door", "opening and closing a door", True, False),
        ("opening a fridge", "opening a door", False, False),
    ],
)
def test_what_counts_as_right(predicted, true, expected, strict):
    assert matches(predicted, true) is expected
    assert matches(predicted, true, strict=True) is strict


def test_accepted_is_symmetric_apart_from_mixtures():
    for true, accepted in ACCEPTED.items():
        assert true not in accepted
        for predicted in accepted:
            assert true in ACCEPTED.get(predicted, ()) or true in MIXTURES, (true, predicted)


def test_siblings_never_match_through_their_parent():
    for (a, a_parents), (b, b_parents) in itertools.combinations(IS_A.items(), 2):
        if set(a_parents) & set(b_parents) and a not in b_parents and b not in a_parents:
            assert not matches(a, b) and not matches(b, a), (a, b)


def test_every_converter_phrase_is_in_a_group():
    phrases = converter_phrases()
    assert len(phrases) > 50
    assert [(name, phrase) for name, phrase in phrases if group_of(phrase) not in GROUPS] == []


@pytest.mark.parametrize("bad", ["", " \t\n"])
def test_blank_label_is_an_error(bad):
    with pytest.raises(ValueError, match="at least one word"):
        normalise(bad)


def test_half_a_character_is_no_label():
    """As Python reads a command line of Latin-1 bytes, and JSON that was cut within a character."""
    for text in (b"caf\xe9".decode("utf-8", "surrogateescape"), "\ud83d walking"):
        with pytest.raises(ValueError, match="written in: write it in UTF-8"):
            group_of(text)
    assert group_of("🏃 zoom") == "🏃 zoom"


@pytest.mark.parametrize("bad", [None, 3, b"walking", float("nan")])
def test_label_that_is_no_string_is_an_error(bad):
    with pytest.raises(TypeError, match="label table"):
        group_of(bad)


@pytest.mark.parametrize(
    ("statement", "label", "expected"),
    [
        ("lying on the back", "lying", True),  # finer: the label does not say how
        ("lying", "lying on the back", True),  # coarser: true of every window
        ("lying on the back", "lying on the stomach", False),  # siblings exclude each other
        ("walking upstairs", "walking upstairs and downstairs", True),
        ("walking upstairs", "walking downstairs", False),
        ("getting into a car", "getting into and out of a car", True),  # a part of a mixture
        ("getting into and out of a car", "getting into a car", False),  # claims what did not happen
        ("walking slowly", "walking", True),  # one of the two says no pace
        ("walking", "walking fast", True),
        ("walking slowly", "walking fast", False),
        ("walking at a moderate pace", "strolling", False),
        ("jogging", "running", False),  # the same statement: true, not only possible
        ("strolling", "walking slowly", False),
        ("sitting", "jogging", False),
    ],
)
def test_what_may_also_be_true_of_a_window(statement, label, expected):
    assert may_also_be_true(statement, label) is expected


def test_undecided_pairs_by_a_double_loop():
    labels = [*GROUPS, "walking slowly", "brisk walking", "lying on the left side", "polishing the silver"]
    pairs = undecided_pairs(labels)
    assert pairs == [[may_also_be_true(statement, label) for statement in labels] for label in labels]
    for label, row in zip(labels, pairs, strict=True):
        for statement, found in zip(labels, row, strict=True):
            if group_of(statement) != group_of(label):
                assert found is matches(statement, label)


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [("walking", None), ("Strolling", "slow"), ("walking at a normal pace", "moderate"), ("brisk walking", "fast"),
     ("sitting down quickly on a chair", "fast"), ("sitting down on a half-height chair", None)],
)  # fmt: skip
def test_paces(phrase, expected):
    assert pace_of(phrase) == expected
