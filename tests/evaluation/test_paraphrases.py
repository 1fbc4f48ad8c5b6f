"""Other words: five a label, none that training may have read, none for two labels."""

from collections import Counter

from har.evaluation.paraphrases import DETAILED, WORDINGS, as_compared, seen_in_training
from har.labels.groups import GROUPS, group_of, matches
from har.labels.wording import PARAPHRASES, phrasings
from har.network.loading import load_model


def test_training_has_read_none_of_them():
    _, checkpoint, _ = load_model("default", "cpu")
    told = {label: (wording,) for label, wording in DETAILED.items()}
    assert seen_in_training(WORDINGS, checkpoint["labels"]) == []
    assert seen_in_training(told, checkpoint["labels"]) == []


def test_what_training_has_read_is_found():
    some = {"a": ["jogging", "sat in an armchair", PARAPHRASES["walking"][0].upper()], "b": [phrasings("boxing")[2]]}
    assert seen_in_training(some, []) == ["jogging", PARAPHRASES["walking"][0].upper(), "the activity of boxing"]
    assert seen_in_training({"a": ["A quaint  Dance!"]}, ["quaint dance"]) == ["A quaint  Dance!"]


def test_there_are_five_of_each_label_and_no_two_alike():
    assert {len(wordings) for wordings in WORDINGS.values()} == {5}
    texts = [as_compared(wording) for wordings in WORDINGS.values() for wording in wordings]
    texts += [as_compared(wording) for wording in DETAILED.values()]
    assert [text for text, count in Counter(texts).items() if count > 1] == []
    assert set(DETAILED) == set(WORDINGS)


def test_no_wording_belongs_to_another_group():
    """A wording that `group_of` knows would be the phrase of a group, and so be scored as that."""
    for label, wordings in WORDINGS.items():
        for wording in (*wordings, *([DETAILED[label]] if label in DETAILED else [])):
            assert group_of(wording) not in GROUPS or matches(wording, label), (label, wording)


def test_phrases_are_compared_without_case_punctuation_and_articles():
    assert as_compared("Taking one's  Seat, a while!") == "taking ones seat while"
    assert as_compared("the") == "the"
