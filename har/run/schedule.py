"""The course of the learning rate, as a factor of its peak."""

import math


def warmup_cosine(step: int, total_steps: int, warmup_steps: int, floor: float = 0.0) -> float:
    """Linear warm-up, then half a cosine down to ``floor``; a pure function of ``step``.

    The factor is ``(step + 1) / warmup_steps`` during warm-up (Goyal et al. 2017, section 2.2), hence never 0, and
    ``floor + (1 - floor) (1 + cos(pi p)) / 2`` after it (Loshchilov & Hutter 2017, equation 5 without restarts), with p
    going from 0 at ``warmup_steps`` to 1 at ``total_steps``.

    Args:
        step: optimiser steps taken so far, 0 to ``total_steps``; the last one is what ``LambdaLR`` asks for after the
            last step.
        total_steps: optimiser steps of the whole run, at least 1.
        warmup_steps: 0 for none, at most ``total_steps``.
        floor: the factor at the end, 0 to 1.

    Raises:
        ValueError: an argument is out of its range.
    """
    if total_steps < 1:
        raise ValueError(f"total_steps must be at least 1, found {total_steps}")
    if not 0 <= warmup_steps <= total_steps:
        raise ValueError(f"warmup_steps must be between 0 and total_steps = {total_steps}, found {warmup_steps}")
    if not 0.0 <= floor <= 1.0:
        raise ValueError(f"floor must be between 0 and 1, found {floor}")
    if not 0 <= step <= total_steps:
        raise ValueError(f"step must be between 0 and total_steps = {total_steps}, found {step}")
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    if step == total_steps:
        return float(floor)
    progress = (step - warmup_steps) / (total_steps - warmup_steps)
    return floor + (1.0 - floor) * 0.5 * (1.0 + math.cos(math.pi * progress))
