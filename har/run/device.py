"""What a device is busy with: a step by itself, repeated on one batch, on a GPU without its host."""

import re
import statistics
import time
from collections.abc import Callable
from itertools import pairwise

import torch

from har.run.constants import ConstantError

_DEVICE_NAME = re.compile(r"cpu|cuda(:\d{1,2})?")
_WARM_UP = 11  # calls before the capture: memory, and a memory bank that is full


def compute_device(name: str, option: str = "DEVICE") -> torch.device:
    """The device of that name: auto, cpu, cuda or cuda:N; "auto" is a CUDA GPU where there is one, else the CPU.

    option: what the user gave it by, for the error. Raises ``ConstantError`` for another name, and for a GPU that is
    not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if not _DEVICE_NAME.fullmatch(name):
        raise ConstantError(f"{option} is {name!r}; expected auto, cpu, cuda or cuda:N")
    device = torch.device(name)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ConstantError(f"{option} is {name!r}, and no CUDA GPU is available here; 'auto' takes the CPU then")
    if device.index is not None and device.index >= torch.cuda.device_count():
        raise ConstantError(f"{option} is {name!r}; the GPUs here are cuda:0 to cuda:{torch.cuda.device_count() - 1}")
    return device


def usable_device(device: str | torch.device) -> torch.device:
    """A device as PyTorch has it. Raises ``ValueError`` for what is none, and for a GPU that is not there."""
    try:
        found = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ValueError(f"device is {device!r}; expected one of PyTorch's, such as cpu, cuda or cuda:1") from error
    return compute_device(str(found), "device") if found.type == "cuda" else found


def still_busy(device: torch.device) -> Callable[[], bool]:
    """A question to a device: has it still to come to the end of the work that it has by now? A CPU never has."""
    if device.type != "cuda":
        return lambda: False
    mark = torch.cuda.Event()
    mark.record()
    return lambda: not mark.query()


def repeated_s(step: Callable[[], object], times: int, device: torch.device) -> float:
    """Seconds that a step takes again and again, median of ``times``.

    On a GPU the step is captured as a CUDA graph and replayed, so that nothing but its arithmetic is left; host numbers
    such as the learning rate and the place in a memory bank are then those of the capture. The weights go on learning:
    whoever measures has no use for them.
    """
    if device.type != "cuda":
        seconds = []
        for _ in range(times):
            began = time.perf_counter()
            step()
            seconds.append(time.perf_counter() - began)
        return statistics.median(seconds)
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(_WARM_UP):
            step()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    marks = [torch.cuda.Event(enable_timing=True) for _ in range(times + 1)]
    marks[0].record()
    for mark in marks[1:]:
        graph.replay()
        mark.record()
    torch.cuda.synchronize()
    return statistics.median(a.elapsed_time(b) for a, b in pairwise(marks)) / 1000
