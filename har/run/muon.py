"""Muon: updates of matrices made orthogonal, on whole stacks of matrices, guarded against gradients not finite."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

# The type in which matrices are made orthogonal, by kind of device: what it multiplies fastest without emulation. The
# iteration tolerates bfloat16 (Jordan et al. 2024), but a CPU without instructions for it takes ten times as long.
ORTHOGONAL_DTYPE = {"cpu": torch.float32, "cuda": torch.bfloat16}

_MOMENTUM = 0.95
_ITERATIONS = 5
_COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the quintic polynomial: the steepest at 0 that stays near 1
_SMALLEST_NORM = 1e-7
_ADAMW_SIZE = 0.2  # root mean square of AdamW's updates


def orthogonal_dtype(device: torch.device) -> torch.dtype:
    """``ORTHOGONAL_DTYPE`` of a device; float32 on a GPU without bfloat16 of its own, and on any other device."""
    if device.type == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.float32
    return ORTHOGONAL_DTYPE.get(device.type, torch.float32)


def orthogonalised(stacks: Sequence[Tensor], dtype: torch.dtype) -> list[Tensor]:
    """Matrices (N, R, C), R <= C, several stacks of them, with singular values brought near 1, computed in ``dtype``.

    Five steps of the quintic Newton-Schulz iteration of Jordan et al. (2024), x <- (a + b xx' + c (xx')^2) x, all
    matrices of a stack in one product each. A matrix of zeros stays one.
    """
    scaled = [x / x.norm(dim=(1, 2), keepdim=True).clamp_min(_SMALLEST_NORM) for x in (x.to(dtype) for x in stacks)]
    if dtype in (torch.float32, torch.float64):
        return _by_gram_matrices(scaled)
    a, b, c = _COEFFICIENTS
    results = []
    for x in scaled:
        for _ in range(_ITERATIONS):
            gram = x @ x.mT
            x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
        results.append(x)
    return results


def _by_gram_matrices(stacks: list[Tensor]) -> list[Tensor]:
    """The same iteration with a third fewer operations: the factors of all steps depend on xx' alone.

    They are multiplied up to p(xx') on R x R matrices, of all stacks with R rows at once, and x is multiplied once. An
    error of xx' grows by a^2 a step, so that float32 ends within 1e-3 and bfloat16 would end anywhere.
    """
    results = list(stacks)
    for rows in {x.shape[1] for x in stacks}:
        members = [number for number, x in enumerate(stacks) if x.shape[1] == rows]
        factors = _factor(torch.cat([stacks[number] @ stacks[number].mT for number in members]))
        for number, own in zip(members, factors.split([len(stacks[number]) for number in members]), strict=True):
            results[number] = own @ stacks[number]
    return results


def _factor(gram: Tensor) -> Tensor:
    """p(G) of matrices G (N, R, R), which are used up: the product of a + b G + c G^2 over all steps."""
    a, b, c = _COEFFICIENTS
    step, product, scratch = (torch.empty_like(gram) for _ in range(3))
    for iteration in range(_ITERATIONS):
        torch.baddbmm(gram, gram, gram, beta=b, alpha=c, out=step)
        step.diagonal(dim1=1, dim2=2).add_(a)
        if iteration < _ITERATIONS - 1:
            torch.bmm(step, gram, out=scratch)
            torch.bmm(scratch, step, out=gram)
        if iteration == 0:
            product.copy_(step)
        else:
            torch.bmm(step, product, out=scratch)
            product, scratch = scratch, product
    return product


class GuardedMuon:
    """Muon (Jordan et al. 2024; scaled as in Liu et al., arXiv 2502.16982, equation 4) on stacks of matrices.

    weights: tensors (N, rows, columns) whose N matrices learn by themselves. momenta: likewise, zeros at first. Both
    are changed in place. weight_decay: decoupled. dtype: of the orthogonalisation.
    """

    def __init__(
        self, weights: Sequence[Tensor], momenta: Sequence[Tensor], weight_decay: float, dtype: torch.dtype
    ) -> None:
        self.weights, self.momenta = list(weights), list(momenta)
        self.weight_decay, self.dtype = weight_decay, dtype

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor], learning_rate: float, keep: Tensor) -> None:
        """One update. gradients: as ``weights``.

        keep: 0-dim, 1.0 to learn; where it is 0.0 weights and momenta come out as they went in, to the bit, whatever
        the gradients hold.
        """
        updates = []
        for gradient, momentum in zip(gradients, self.momenta, strict=True):
            gradient = gradient.masked_fill(keep == 0, 0.0)  # zero times NaN would be NaN
            momentum.lerp_(gradient, (1 - _MOMENTUM) * keep)
            update = gradient.lerp_(momentum, _MOMENTUM)  # Nesterov: the momentum of the step after
            updates.append(update.mT if update.shape[1] > update.shape[2] else update)
        decay = 1 - learning_rate * self.weight_decay * keep
        for weight, update in zip(self.weights, orthogonalised(updates, self.dtype), strict=True):
            change = (-learning_rate * _ADAMW_SIZE * math.sqrt(max(weight.shape[1:])) * keep) * update
            weight.mul_(decay).add_(change if change.shape == weight.shape else change.mT)
