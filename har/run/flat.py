"""Parameters of a module that lie side by side in one tensor: one operation reaches all of them."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

_ALIGNMENT = 16  # values; where a parameter begins, so that vector instructions and GPUs load it whole


class FlatParameters:
    """Moves parameters into one tensor, in the given order; each stays what it was, as a view of its part.

    values: (V,) all of them, a few zeros between two. Loading weights into the module writes into it; moving the module
    to another device or type tears the two apart.

    Raises ``ValueError`` for parameters of several types or devices.
    """

    def __init__(self, parameters: Sequence[nn.Parameter]) -> None:
        self.parameters = list(parameters)
        kinds = {(p.dtype, p.device) for p in self.parameters}
        if len(kinds) != 1:
            raise ValueError(f"parameters are {sorted(map(str, kinds))}; expected one type on one device")
        self._slots = [-(-p.numel() // _ALIGNMENT) * _ALIGNMENT for p in self.parameters]
        self._begin = [sum(self._slots[:number]) for number in range(len(self._slots) + 1)]
        self.values = self.parameters[0].new_zeros(self._begin[-1])
        for parameter, value in zip(self.parameters, self.split(self.values), strict=True):
            value.copy_(parameter.detach())
            parameter.data = value

    def collect_gradients(self) -> Tensor:
        """(V,) zeros that are the parameters' ``grad`` from now on: backward adds to them."""
        gradients = torch.zeros_like(self.values)
        for parameter, gradient in zip(self.parameters, self.split(gradients), strict=True):
            parameter.grad = gradient
        return gradients

    def split(self, flat: Tensor) -> list[Tensor]:
        """Each parameter's part, in its shape, of a tensor that is laid out as ``values``."""
        return [
            flat[begin : begin + p.numel()].view(p.shape)
            for p, begin in zip(self.parameters, self._begin, strict=False)
        ]

    def part(self, flat: Tensor, first: int, last: int) -> Tensor:
        """What parameters ``first`` to ``last`` - 1 have of a tensor that is laid out as ``values``."""
        return flat[self._begin[first] : self._begin[last]]

    def stack(self, flat: Tensor, first: int, last: int) -> Tensor:
        """The same for parameters of one shape: (N, *shape), a view."""
        parameter = self.parameters[first]
        rows = self.part(flat, first, last).view(last - first, self._slots[first])
        return rows[:, : parameter.numel()].unflatten(1, parameter.shape)
