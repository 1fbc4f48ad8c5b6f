import functools
import itertools
import math

import pytest
import torch

from har.run.schedule import warmup_cosine


def test_the_course_equals_torchs_own_schedulers():
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    warmup = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: (step + 1) / 4)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=16, eta_min=0.1)
    oracle = torch.optim.lr_scheduler.SequentialLR(optimizer, [warmup, cosine], milestones=[4])
    rates = []
    for _ in range(20):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        oracle.step()
    assert [warmup_cosine(step, 20, 4, 0.1) for step in range(20)] == pytest.approx(rates, abs=1e-12)


def test_it_drives_lambda_lr_to_the_last_step():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=2.0)
    factor = functools.partial(warmup_cosine, total_steps=10, warmup_steps=2, floor=0.5)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
    rates = []
    for _ in range(10):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    assert rates[:3] == [1.0, 2.0, 2.0]
    assert rates[6] == pytest.approx(1.5)  # half-way from 2 to 10: the mean of peak and floor
    assert optimizer.param_groups[0]["lr"] == 1.0


def test_it_rises_then_falls_between_floor_and_peak():
    factors = [warmup_cosine(step, 200, 30, 0.05) for step in range(201)]
    assert all(a < b for a, b in itertools.pairwise(factors[:30]))
    assert factors[29] == factors[30] == 1.0
    assert all(a > b for a, b in itertools.pairwise(factors[30:]))
    assert factors[200] == 0.05
    assert min(factors) > 0.0


@pytest.mark.parametrize(
    ("step", "total", "warmup", "floor", "factor"),
    [
        (0, 1, 0, 0.0, 1.0),
        (1, 1, 0, 0.0, 0.0),
        (0, 1, 1, 0.2, 1.0),
        (1, 1, 1, 0.2, 0.2),
        (4, 5, 5, 0.0, 1.0),
        (5, 5, 5, 0.0, 0.0),
        (3, 8, 0, 1.0, 1.0),
        (2, 8, 0, 0.0, (1 + math.sqrt(0.5)) / 2),
    ],
)
def test_the_edges(step, total, warmup, floor, factor):
    assert warmup_cosine(step, total, warmup, floor) == pytest.approx(factor, abs=1e-15)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ((0, 0, 0), "total_steps"),
        ((0, 5, 6), "warmup_steps"),
        ((0, 5, -1), "warmup_steps"),
        ((-1, 5, 0), "step"),
        ((6, 5, 0), "step"),
        ((0, 5, 0, -0.1), "floor"),
        ((0, 5, 0, 1.1), "floor"),
        ((0, 5, 0, math.nan), "floor"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, name):
    with pytest.raises(ValueError, match=f"^{name} must be between|^{name} must be at least"):
        warmup_cosine(*arguments)
