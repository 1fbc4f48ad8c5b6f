"""What a whole recording adds to its windows once these are embedded: their neighbours in time.

Shapes: N windows, D embedding width.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

_WINDOWS_AT_ONCE = 512
_ALIKE = 0.1  # of the cosine; chosen on development datasets (docs/experiments.md)
_REACH = 3.0  # deviations beyond which a neighbour's weight (below 0.011) is left out


def smooth_over_time(embeddings: Tensor, time_s: Tensor, width_s: float) -> Tensor:
    """Unit-norm embeddings (N, D), each averaged with its neighbours in time; time_s (N,) in any order.

    The weight of a neighbour is exp(-(dt / width)^2 / 2) exp((cosine - 1) / _ALIKE): a bilateral filter (Tomasi &
    Manduchi, ICCV 1998) with the von Mises-Fisher kernel in place of the Gaussian of intensities. What lasts is
    averaged over some seconds; a transition between two postures, unlike both, keeps its own embedding. ``width_s`` is
    one deviation of the Gaussian in seconds; 0 changes nothing.
    """
    if width_s <= 0 or len(embeddings) < 2:
        return embeddings
    time_s, order = time_s.to(embeddings.device, torch.float64).sort()
    ordered = embeddings[order]
    smoothed = torch.empty_like(ordered)
    for first in range(0, len(ordered), _WINDOWS_AT_ONCE):
        own = slice(first, first + _WINDOWS_AT_ONCE)
        reach = torch.tensor([-_REACH * width_s, _REACH * width_s], dtype=torch.float64, device=time_s.device)
        ends = time_s[own][[0, -1]] + reach
        low, high = (int(i) for i in torch.searchsorted(time_s, ends))
        apart = (time_s[own, None] - time_s[None, low:high]) / width_s
        near = torch.where(apart.abs() <= _REACH, torch.exp(-apart.square() / 2), 0.0).to(ordered.dtype)
        alike = torch.exp((ordered[own] @ ordered[low:high].T - 1) / _ALIKE)
        smoothed[own] = (near * alike) @ ordered[low:high]
    result = torch.empty_like(smoothed)
    result[order] = F.normalize(smoothed, dim=-1)
    return result
