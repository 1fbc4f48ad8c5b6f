"""How unknown labels lean on known ones, against a slow loop and in its limits."""

import math

import torch
import torch.nn.functional as F

from har.text.known_labels import KNOWN_SHARE, TEMPERATURE, lean_on_known


def directions(*shape: int, seed: int = 0) -> torch.Tensor:
    return F.normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64), dim=-1)


def test_it_is_the_slow_loop():
    own, pooled, known, known_pooled = (
        directions(*shape, seed=i) for i, shape in enumerate([(3, 2, 5), (3, 4), (6, 2, 5), (6, 4)])
    )
    found = lean_on_known(own, pooled, known, known_pooled)
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
    found = lean_on_known(own, pooled[2:3], known, pooled)
    torch.testing.assert_close(found[0, 0], F.normalize(own[0, 0] + known[2, 0], dim=0), atol=1e-8, rtol=0)


def test_neither_order_nor_company_matter():
    own, pooled, known, known_pooled = (
        directions(*shape, seed=i) for i, shape in enumerate([(4, 1, 5), (4, 3), (7, 1, 5), (7, 3)])
    )
    found = lean_on_known(own, pooled, known, known_pooled)
    order = torch.tensor([3, 6, 0, 1, 5, 2, 4])
    torch.testing.assert_close(lean_on_known(own, pooled, known[order], known_pooled[order]), found)
    torch.testing.assert_close(lean_on_known(own[2:3], pooled[2:3], known, known_pooled), found[2:3])
    torch.testing.assert_close(found.norm(dim=-1), torch.ones(4, 1, dtype=torch.float64))
