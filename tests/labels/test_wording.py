"""Phrasings and cleaning of labels."""

import json
import re
from pathlib import Path

import pytest

from har.labels.groups import GROUPS, group_of, matches
from har.labels.wording import (
    CALLED,
    PARAPHRASES,
    SAID,
    clean_label,
    phrasings,
    placement_phrasings,
    placement_text,
    read_in_training,
    ways_to_say,
)

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("walkingUpstairs", "walking upstairs"),
        ("WALKING_UPSTAIRS", "walking upstairs"),
        ("walk-downstairs", "walk downstairs"),
        ("  Walking\t Upstairs ", "walking upstairs"),
        ("lyingOnTV2Sofa", "lying on tv2 sofa"),
        ("HTTPServer", "http server"),
        ("a.b/c", "a b c"),
        ("drawing a circle counter-clockwise", "drawing a circle counter-clockwise"),
        ("Füße heben", "füsse heben"),
        ("行走", "行走"),
    ],
)
def test_identifiers_become_phrases(label, expected):
    assert clean_label(label) == expected
    assert clean_label(expected) == expected


@pytest.mark.parametrize("bad", ["", "   ", "__", "- -", "7", "12 3"])
def test_label_without_words_is_an_error(bad):
    with pytest.raises(ValueError, match="label must hold"):
        phrasings(bad)


@pytest.mark.parametrize("bad", [None, 5, ["walking"]])
def test_label_that_is_no_string_is_an_error(bad):
    with pytest.raises(TypeError, match="must be a string"):
        phrasings(bad)


@pytest.mark.parametrize("label", ["walking", "WALKING_UPSTAIRS", " pelvic tilt ", "juggling {} torches", "%s {0}"])
def test_label_first_and_no_phrasing_twice(label):
    result = phrasings(label)
    assert result[0] == label.strip()
    assert len(set(result)) == len(result) >= 5
    assert result == phrasings(label)
    assert all(clean_label(label) in text for text in result[1:5])


def test_templates_follow_the_grammar_of_the_label():
    assert "a person is juggling" in phrasings("juggling")
    assert "a person doing pelvic tilt" in phrasings("pelvic tilt")


def test_synonyms_share_paraphrases_and_pace_keeps_its_own():
    assert set(PARAPHRASES["running"]) <= set(phrasings("jogging"))
    assert set(PARAPHRASES["walking fast"]) <= set(phrasings("walking quickly"))
    assert not set(PARAPHRASES["walking"]) & set(phrasings("walking slowly"))
    assert not set(PARAPHRASES["climbing stairs"]) & set(phrasings("walking upstairs"))


def test_training_reads_what_people_call_it_as_well():
    assert read_in_training("jogging") == (*phrasings("jogging"), *CALLED["jogging"])
    assert read_in_training("walking quickly") == (*phrasings("walking quickly"), *CALLED["walking fast"])
    assert read_in_training("juggling") == phrasings("juggling") == ways_to_say("juggling")
    assert ways_to_say("jogging") == (*read_in_training("jogging"), *SAID["jogging"])


def test_paraphrases_describe_their_own_activity_only():
    owners: dict[str, str] = {}
    datasets = set(json.loads((ROOT / "har" / "weights" / "default" / "card.json").read_text())["labels"])
    assert set(SAID) == set(CALLED)
    for label, others in (*PARAPHRASES.items(), *CALLED.items(), *SAID.items()):
        assert group_of(label) in GROUPS or label in datasets, label
        assert 5 <= len(others) <= 24 and len(set(others)) == len(others), label
        for text in others:
            assert text == re.sub(r"\s+", " ", text.strip())
            if group_of(text) in GROUPS:
                assert matches(text, label), (label, text)
            owner = owners.setdefault(text, label)
            assert matches(owner, label), (owner, label, text)


def test_placement_text():
    assert placement_text(None) == placement_text(" ") == "unknown placement"
    assert placement_text("Trouser  pocket") == placement_text("trouserPocket") == "trouser pocket"
    assert placement_phrasings(None) == ("unknown placement",)
    assert placement_phrasings("wrist")[0] == "wrist"
    assert all("wrist" in text for text in placement_phrasings("wrist"))
    with pytest.raises(TypeError, match="string"):
        placement_text(3)
