"""Signals of any length and layout as windows of one length and as triads."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


def cut(signal: Tensor, length: int) -> Tensor:
    """(N, T, C) -> (N x pieces, length, C): one after the other, the last filled up with missing samples (NaN)."""
    pieces = -(-signal.shape[1] // length)
    signal = F.pad(signal, (0, 0, 0, pieces * length - signal.shape[1]), value=float("nan"))
    return signal.reshape(len(signal) * pieces, length, signal.shape[2])


def overlapping(signal: Tensor, length: int, stride: float) -> tuple[Tensor, np.ndarray]:
    """A recording (T, C) -> (all windows that begin at any sample, (starts, length, C), a view), and the first samples.

    First samples (n,) are ``stride`` apart, which need not be whole, and the last window ends with the recording. A
    recording shorter than a window is filled up with missing samples (NaN).
    """
    last = max(0, len(signal) - length)
    start = np.arange(0, last + 1e-6, stride).round().astype(np.int64)
    padded = F.pad(signal, (0, 0, 0, max(0, length - len(signal))), value=float("nan"))
    return padded.unfold(0, length, 1).transpose(1, 2), np.unique(np.append(start, last))


def to_triads(samples: np.ndarray | Tensor, columns: Sequence[int]) -> tuple[Tensor, Tensor]:
    """(N, T, C), NaN = missing -> signal (N, 3, T) float32, valid (N, T); a sample without one axis is missing."""
    signal = torch.as_tensor(samples)[..., list(columns)].movedim(-1, -2).to(torch.float32).contiguous()
    valid = torch.isfinite(signal).all(dim=-2)
    return signal, valid
