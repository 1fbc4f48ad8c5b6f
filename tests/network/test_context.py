"""Smoothing over time, against the formula written as two loops."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from har.network import context
from har.network.context import smooth_over_time


def embeddings(count: int, seed: int = 0) -> torch.Tensor:
    drawn = torch.randn(count, 6, generator=torch.Generator().manual_seed(seed))
    return F.normalize(drawn + 1.0, dim=1)


def slow(x: np.ndarray, time_s: np.ndarray, width_s: float) -> np.ndarray:
    out = np.zeros_like(x)
    for i in range(len(x)):
        for j in range(len(x)):
            if abs(time_s[i] - time_s[j]) <= 3 * width_s:
                weight = np.exp(-(((time_s[i] - time_s[j]) / width_s) ** 2) / 2) * np.exp((x[i] @ x[j] - 1) / 0.1)
                out[i] += weight * x[j]
        out[i] /= np.linalg.norm(out[i])
    return out


@pytest.mark.parametrize("at_once", [7, 512])
@pytest.mark.parametrize("width_s", [1.0, 6.0, 500.0])
def test_is_the_formula_in_any_order_and_in_parts(width_s, at_once, monkeypatch):
    monkeypatch.setattr(context, "_WINDOWS_AT_ONCE", at_once)
    random = np.random.default_rng(0)
    time_s = random.permutation(np.cumsum(random.uniform(0.5, 8.0, 40)))
    x = embeddings(40).double()
    found = smooth_over_time(x, torch.from_numpy(time_s), width_s)
    np.testing.assert_allclose(found.numpy(), slow(x.numpy(), time_s, width_s), atol=1e-12)


def test_what_lasts_is_averaged_and_what_differs_keeps_its_own():
    walking, opposite = torch.eye(6)[0], -torch.eye(6)[0]
    noisy = F.normalize(walking + 0.07 * torch.randn(20, 6, generator=torch.Generator().manual_seed(1)), dim=1)
    time_s = torch.arange(21) * 2.5
    smoothed = smooth_over_time(torch.cat([noisy[:10], opposite[None], noisy[10:]]), time_s, 5.0)
    torch.testing.assert_close(smoothed[10], opposite, atol=1e-3, rtol=0)
    others = torch.cat([smoothed[:10], smoothed[11:]])
    assert (others @ walking).min() > (noisy @ walking).mean()


def test_no_width_and_a_single_window_change_nothing():
    x = embeddings(5)
    assert torch.equal(smooth_over_time(x, torch.arange(5), 0.0), x)
    torch.testing.assert_close(smooth_over_time(x[:1], torch.zeros(1), 4.0), x[:1])
    assert smooth_over_time(x[:0], torch.zeros(0), 4.0).shape == (0, 6)


def test_windows_far_apart_do_not_know_of_each_other():
    x = embeddings(4)
    torch.testing.assert_close(smooth_over_time(x, torch.arange(4) * 100.0, 5.0), x)
