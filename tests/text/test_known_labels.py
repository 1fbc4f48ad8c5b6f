"""How unread labels lean on known ones, against a slow loop and in its limits."""

import math

import numpy as np
import pytest
import scipy.special
import torch
import torch.nn.functional as F

from har.text.known_labels import KNOWN_SHARE, TEMPERATURE, lean_on_known, weight_of_known
from har.text.meanings import Meanings


def directions(*shape: int, seed: int = 0) -> torch.Tensor:
    return F.normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64), dim=-1)


def leaning(own, pooled, known, known_pooled, meanings=None, names=None):
    names = names or [f"label {i}" for i in range(len(known))]
    return lean_on_known(own, weight_of_known(pooled, known_pooled, names, meanings), known)


def test_by_likeness_it_is_the_slow_loop():
    own, pooled, known, known_pooled = (
        directions(*shape, seed=i) for i, shape in enumerate([(3, 2, 5), (3, 4), (6, 2, 5), (6, 4)])
    )
    found = leaning(own, pooled, known, known_pooled)
    for u in range(3):
        weight = [math.exp(float(pooled[u] @ known_pooled[m]) / TEMPERATURE) for m in range(6)]
        for k in range(2):
            near = sum(weight[m] * known[m, k] for m in range(6)) / sum(weight)
            lean = (1 - KNOWN_SHARE) * own[u, k] + KNOWN_SHARE * near / near.norm()
            torch.testing.assert_close(found[u, k], lean / lean.norm())


def test_a_text_of_the_same_meaning_leans_on_its_label_alone():
    """Cosines of 1 and 0: the others weigh exp(-1 / 0.03) each."""
    own, known = directions(1, 1, 8, seed=1), directions(4, 1, 8, seed=2)
    pooled = torch.eye(4, dtype=torch.float64)
    found = leaning(own, pooled[2:3], known, pooled)
    torch.testing.assert_close(
        found[0, 0], F.normalize(own[0, 0] * (1 - KNOWN_SHARE) + known[2, 0] * KNOWN_SHARE, dim=0), atol=1e-8, rtol=0
    )


def test_neither_order_nor_company_matter():
    own, pooled, known, known_pooled = (
        directions(*shape, seed=i) for i, shape in enumerate([(4, 1, 5), (4, 3), (7, 1, 5), (7, 3)])
    )
    found = leaning(own, pooled, known, known_pooled)
    order = torch.tensor([3, 6, 0, 1, 5, 2, 4])
    torch.testing.assert_close(leaning(own, pooled, known[order], known_pooled[order]), found)
    torch.testing.assert_close(leaning(own[2:3], pooled[2:3], known, known_pooled), found[2:3])
    torch.testing.assert_close(found.norm(dim=-1), torch.ones(4, 1, dtype=torch.float64))


def test_by_meaning_activities_share_what_likeness_gives_to_labels_of_them():
    random = np.random.default_rng(0)
    meanings = Meanings(
        ("walking", "sitting", "lying"), random.normal(size=4).astype(np.float32), 3 * random.normal(size=(3, 4)),
        random.normal(size=3), 0.0, "words", "tables",
    )  # fmt: skip
    names = ["walking", "my own exercise", "sitting", "sitting on a chair", "walking fast"]  # paces are activities
    activity = {"walking": 0, "sitting": 1, "sitting on a chair": 1}  # of those that the bank knows; none lies
    assert meanings.columns(names) == [activity.get(name) for name in names]
    pooled, known_pooled = directions(6, 4, seed=3), directions(5, 4, seed=4)
    found = weight_of_known(pooled, known_pooled, names, meanings)
    scores = meanings.scores(pooled.numpy())
    for u in range(6):
        near = scipy.special.softmax([float(pooled[u] @ one) / TEMPERATURE for one in known_pooled])
        of_learned = sum(near[names.index(name)] for name in activity)
        share = scipy.special.softmax(scores[u])
        for m, name in enumerate(names):
            alike = list(activity.values()).count(activity.get(name))
            expected = near[m]
            if name in activity:  # what is meant by lying, which the bank does not know, stays with likeness
                expected = of_learned * share[activity[name]] / alike + share[2] * near[m]
            assert found[u, m].item() == pytest.approx(expected, rel=1e-5)
    torch.testing.assert_close(found.sum(dim=1), torch.ones(6, dtype=torch.float64))
    strange = ["a", "b", "c", "d", "e"]  # a bank of which the regression knows nothing
    by_likeness = weight_of_known(pooled, known_pooled, strange, None)
    assert torch.equal(weight_of_known(pooled, known_pooled, strange, meanings), by_likeness)
    assert not torch.allclose(found, by_likeness)
