"""Windows beside labels and other activities, and what neighbours tell of being known."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from har.labels.groups import GROUPS, group_of, matches
from har.text.calibration import UNCALIBRATED
from har.text.encoder import SentenceEncoder
from har.text.meanings import POSSIBLE_SHARE, meanings_of
from har.text.naming import Naming, among_neighbours, other_activities


class Axes:
    """Two prototypes a label, drawn by its name."""

    num_prototypes, width, calibration = 2, 12, UNCALIBRATED
    logit_scale = torch.tensor(9.0)

    def __init__(self, known: list[str], text_encoder: SentenceEncoder | None = None) -> None:
        self.known, self.text_encoder = known, text_encoder

    def known_labels(self) -> list[str]:
        return self.known

    def encode(self, texts, paraphrase: bool = True) -> torch.Tensor:
        drawn = [torch.randn(2, 12, generator=torch.Generator().manual_seed(sum(text.encode()))) for text in texts]
        return F.normalize(torch.stack(drawn), dim=-1)


def test_the_margin_is_that_of_a_loop():
    bank, labels = Axes(["walking", "strolling", "cycling", "sitting", "lying"]), ["walking", "juggling"]
    x = F.normalize(torch.randn(7, 12, generator=torch.Generator().manual_seed(0)), dim=-1)
    logits, margin = Naming(bank, labels)(x)

    def logit(i: int, text: str) -> float:
        cosines = bank.encode([text])[0] @ x[i]
        return float(torch.logsumexp(9.0 * cosines, 0) - np.log(2))

    for i in range(7):
        own, others = ([logit(i, text) for text in texts] for texts in (labels, ["cycling", "sitting", "lying"]))
        np.testing.assert_allclose(logits[i], own, atol=1e-5)
        assert margin[i] == pytest.approx(max(own) - max(others), abs=1e-5)


def test_without_other_activities_everything_is_known():
    x = torch.eye(12)[:3]
    assert np.isinf(Naming(Axes(["walking"]), ["strolling"])(x).margin).all()
    assert Naming(Axes(["cycling"]), ["walking"], unknown=False).others == []
    # A bank that remembers nothing is compared with what the house has words for.
    others = Naming(Axes([]), ["walking"]).others
    assert "cycling" in others and "walking" not in others and len(others) > 50


def test_other_activities_are_not_what_labels_mean():
    known = ["walking", "strolling", "walking upstairs", "jogging", "sitting", "sit", "cycling"]
    assert other_activities(known, ["climbing stairs", "running"]) == ["walking", "sitting", "cycling"]


def test_other_activities_are_not_what_unread_labels_may_well_mean():
    known, sentences = ["walking", "running", "working at a computer", "throwing", "cycling"], SentenceEncoder()
    labels = ["loping along", "at the desk", "stock market", "riding my bike to work"]
    bank = Axes(known, sentences)
    meanings = meanings_of(labels, sentences)
    possible = {
        activity
        for meaning in meanings.values()
        for i, (activity, share) in enumerate(zip(meaning.activities, meaning.shares, strict=True))
        if not meaning.strange and (i == 0 or share >= POSSIBLE_SHARE)
    }
    assert meanings["stock market"].strange and meanings["stock market"].possible == ()
    others = Naming(bank, labels).others
    assert others == [one for one in known if not any(matches(one, own) or matches(own, one) for own in possible)]
    assert "throwing" in others and not {"running", "cycling", "working at a computer"} & set(others)
    # One that the model was trained on is what it is called, whatever that sounds like.
    assert Naming(Axes([*known, "loping along"], sentences), ["loping along"]).others == known
    assert Naming(Axes(known), ["loping along"]).others == known  # nothing tells what it means


def test_other_activities_are_those_of_a_loop_over_all_pairs():
    random = np.random.default_rng(0)
    phrases = [phrase for name, some in GROUPS.items() for phrase in (name, *some)]
    for count in (1, 3, 8, 20):
        known = random.choice(phrases, 200, replace=False).tolist()
        labels = [*random.choice(phrases, count, replace=False).tolist(), "juggling with fire"]
        first = {}
        for activity in known:
            first.setdefault(group_of(activity), activity)
        apart = [one for one in first.values() if not any(matches(one, own) or matches(own, one) for own in labels)]
        assert other_activities(known, labels) == apart


def test_the_share_is_a_mean_over_neighbours_but_not_across_gaps():
    random = np.random.default_rng(0)
    share, start_s = random.random(12), np.arange(12) * 2.5
    start_s[7:] += 60
    for i, found in enumerate(among_neighbours(share, start_s, 2.5)):
        near = [j for j in range(12) if abs(j - i) <= 2 and (j < 7) == (i < 7)]
        assert found == pytest.approx(share[near].mean())


def test_neighbours_are_of_one_recording_and_wearer_in_any_order():
    random = np.random.default_rng(2)
    recording, wearer = np.repeat([0, 1, 0], 9), np.repeat([5, 5, 2], 9)
    time_s, value = np.tile(np.arange(9) * 3.0, 3), random.normal(size=27)
    order = random.permutation(27)
    columns = (time_s[order], 3.0, recording[order], wearer[order])
    found = among_neighbours(value[order], *columns)
    for part in range(3):
        own = slice(9 * part, 9 * part + 9)
        alone = among_neighbours(value[own], time_s[own], 3.0)
        np.testing.assert_allclose(found[np.argsort(order)][own], alone)
