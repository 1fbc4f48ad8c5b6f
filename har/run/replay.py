"""What a step costs a GPU alone: captured once, replayed without its host."""

from collections.abc import Callable
from typing import Any

import torch

_WARM_UP = 11  # steps before the capture: compilation, memory, and a memory bank that is full


class ReplayedStep:
    """A step of training that is captured as a CUDA graph with its first arguments, and replayed at every later call.

    Only to measure with: batch, learning rate and random numbers stay those of the first call, and the weights learn
    from one batch for ever. It returns the metrics of the step that was replayed.
    """

    def __init__(self, step: Callable[..., dict]) -> None:
        self._step, self._graph, self._metrics = step, None, {}

    def __call__(self, number: int, batch: Any, rate: float, with_metrics: bool, *others: Any) -> dict:
        if self._graph is None:
            aside = torch.cuda.Stream()
            aside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(aside):
                for _ in range(_WARM_UP):
                    self._step(number, batch, rate, True, *others)
            torch.cuda.current_stream().wait_stream(aside)
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph):
                self._metrics = self._step(number, batch, rate, True, *others)
        self._graph.replay()
        return self._metrics if with_metrics else {}
