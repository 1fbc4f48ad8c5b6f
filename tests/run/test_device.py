"""What a device is asked, on the CPU; a GPU answers in tests/scripts/test_benchmark.py."""

import pytest
import torch

from har.run.constants import ConstantError
from har.run.device import compute_device, repeated_s, still_busy, usable_device


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
    with pytest.raises(ConstantError, match="--device is 'cuda:1', and no CUDA GPU is available here"):
        compute_device("cuda:1", "--device")


@pytest.mark.parametrize("name", ["gpu", "abacus", "", "cuda:", "cuda:-1", "cuda:x", "CPU", "meta", "mps", "cpu:0"])
def test_what_is_no_device_is_refused(name):
    with pytest.raises(ConstantError, match=r"DEVICE is .*; expected auto, cpu, cuda or cuda:N"):
        compute_device(name)


def test_one_of_several_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert compute_device("cuda:1") == torch.device("cuda", 1)
    with pytest.raises(ConstantError, match="DEVICE is 'cuda:2'; the GPUs here are cuda:0 to cuda:1"):
        compute_device("cuda:2")


@pytest.mark.parametrize(
    ("device", "words"),
    [
        ("gpu", "expected one of PyTorch's"),
        (None, "expected one of PyTorch's"),
        ("cuda:9", "device is 'cuda:9', and no"),
    ],
)
def test_a_device_of_pytorch_that_cannot_be_used(device, words, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert usable_device("cpu") == usable_device(torch.device("cpu")) == torch.device("cpu")
    with pytest.raises(ValueError, match=words):
        usable_device(device)
