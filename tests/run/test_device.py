"""What a device is asked, on the CPU; a GPU answers in tests/scripts/test_benchmark.py."""

import pytest
import torch

from har.run.constants import ConstantError
from har.run.device import compute_device, repeated_s, still_busy


def test_a_step_is_repeated_as_often_as_asked_for():
    calls = []
    assert repeated_s(lambda: calls.append(1), 7, torch.device("cpu")) >= 0
    assert len(calls) == 7


def test_a_cpu_has_done_all_that_it_was_given():
    assert still_busy(torch.device("cpu"))() is False


def test_a_gpu_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert compute_device("auto") == compute_device("cpu") == torch.device("cpu")
    with pytest.raises(ConstantError, match="no CUDA GPU is available here; 'auto' takes the CPU"):
        compute_device("cuda")
