"""What tests of the training scripts share."""

from collections.abc import Callable

import pytest
import torch


@pytest.fixture
def same_state() -> Callable[[object, object], bool]:
    """same_state(a, b): whether two checkpoints agree to the bit."""

    def compare(a: object, b: object) -> bool:
        """Equal to the bit, through nested dicts and lists."""
        if isinstance(a, torch.Tensor):
            return isinstance(b, torch.Tensor) and torch.equal(a, b)
        if isinstance(a, dict):
            return a.keys() == b.keys() and all(compare(a[key], b[key]) for key in a)
        if isinstance(a, list | tuple):
            return len(a) == len(b) and all(map(compare, a, b))
        return a == b

    return compare
