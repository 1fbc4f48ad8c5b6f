"""Names that may be taken otherwise than they are meant: said once, and only of those."""

import pytest

from har.recognition import recognise
from har.recognition.live import LiveRecogniser
from har.recognition.names import doubts_about
from har.recognition.vocabulary import EVERYDAY_LABELS

from .conftest import CHANNELS, KNOWN


def test_everyday_names_are_clear(bank):
    assert doubts_about(EVERYDAY_LABELS, bank) == []


def test_a_name_in_another_language_or_of_no_activity_is_like_nothing(bank):
    (found,) = doubts_about(["walking", "gehen", "sitting"], bank)
    assert found.startswith("'gehen' is like no activity that the model has read of, and it reads English alone")
    assert len(doubts_about(["Invoice", "stock market", "walking"], bank)) == 2


def test_a_name_that_may_mean_several_tells_which(bank):
    (found,) = doubts_about(["legs up", "sitting"], bank)
    assert found.startswith("'legs up' is in words that the model has not read: it takes them for '")
    shares = [int(part.split("%")[0]) for part in found.split("(")[1:]]
    assert len(shares) == 3 and shares == sorted(shares, reverse=True) and shares[0] < 50 and sum(shares) <= 100


@pytest.mark.parametrize(
    "label",
    [
        "not walking",
        "Non-walking",
        "nonwalking",
        "anything but walking",
        "never walking",
        "no walking",
        "without walking",
        "isn't walking",
        "doesn\u2019t walk",
    ],
)
def test_a_name_of_what_is_not_done_is_taken_for_what_is(label, bank):
    (found,) = doubts_about(["walking", label], bank)
    said, taken_for = found.split("it takes it for ")
    assert said == f"{label!r} says what is not done, and the model reads past that: " and "walk" in taken_for
    assert doubts_about(["standing without moving", "no movement"], bank) == doubts_about(["not moving"], bank) == []


def test_names_that_mean_the_same_are_told_together(bank):
    (found,) = doubts_about(["Stairs up", "sitting", "walk upstairs", "walking upstairs"], bank)
    assert found.startswith("'Stairs up', 'walk upstairs' and 'walking upstairs' mean the same to the model")
    assert doubts_about(["walking slowly", "walking fast", "walking"], bank) == []


def test_what_was_taught_or_trained_on_may_be_called_anything(bank):
    assert doubts_about(["walking", "Gehen", "my exercise 3"], bank, ["gehen", "My exercise 3"]) == []
    bank.known_labels = lambda: [*KNOWN, "gehen"]
    assert doubts_about(["walking", "Gehen"], bank) == []


def test_without_a_text_encoder_nothing_is_known_of_names(bank):
    bank.text_encoder = None
    assert doubts_about(["gehen", "walking"], bank) == []


@pytest.mark.parametrize("labels, doubtful", [(["walking", "sitting"], 0), (["walking", "gehen"], 1)])
def test_a_timeline_tells_of_doubts_among_its_notes(labels, doubtful, model, bank, acted, recorded):
    timeline = recognise(recorded(acted(("walking", 30))), labels, model, bank)
    assert len(timeline.doubts) == doubtful and timeline.notes[:doubtful] == timeline.doubts
    assert timeline.summary()["doubts"] == timeline.doubts


def test_a_live_recogniser_tells_of_the_names_that_are_asked_for_now(model, bank):
    live = LiveRecogniser(["walking", "gehen"], model, bank, channels=CHANNELS)
    assert "'gehen'" in live.notes[0]
    live.set_labels(["walking", "sitting"])
    assert not any("'gehen'" in note for note in live.notes)
