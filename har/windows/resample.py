"""Anti-aliased resampling of windows with missing samples, as one matrix product.

Output sample j is a normalised, windowed-sinc average of the valid input samples around the same moment (normalised
convolution: Knutsson & Westin, CVPR 1993; kernel: Smith, "Digital Audio Resampling", 2002). Below the lower of the two
Nyquist rates (to about two thirds of it) the signal passes; a constant, such as gravity, is kept exactly, also beside
missing samples. Both grids start at the same moment, so human movement below 8 Hz sampled at 25, 50 or 100 Hz comes
out the same, but for the first and last few samples, where the kernel has one side only. Equal rates are no exception:
were their samples kept as they are, a device of 25 Hz would show what the filter takes from the same device at 50 Hz.
"""

import math
from functools import lru_cache

import torch
from torch import Tensor

ZERO_CROSSINGS = 6  # of the sinc, on each side: a transition band of about a sixth of the lower rate
KAISER_BETA = 5.0  # side lobes below -50 dB
PASS_SHARE = 0.9  # of the lower Nyquist rate
VALID_SHARE = 0.4  # of the kernel's mass that must lie on valid samples; just under the half that a border leaves


@lru_cache(maxsize=256)
def _resampling_matrix(length_in: int, rate_in: float, length_out: int, rate_out: float) -> Tensor:
    """(T_in, T_out) float32, kernel mass of an endless input = 1 in every column."""
    cutoff = 0.5 * PASS_SHARE * min(rate_in, rate_out)
    lag = torch.arange(length_out, dtype=torch.float64) / rate_out
    lag = lag[None, :] - torch.arange(length_in, dtype=torch.float64)[:, None] / rate_in
    reach = ZERO_CROSSINGS / (2 * cutoff)
    inside = (lag.abs() <= reach).double()
    taper = torch.special.i0(KAISER_BETA * (1 - (lag / reach).clamp(-1, 1) ** 2).sqrt()) / torch.special.i0(
        torch.tensor(KAISER_BETA, dtype=torch.float64)
    )
    kernel = torch.sinc(2 * cutoff * lag) * taper * inside
    return (kernel * 2 * cutoff / rate_in).float().contiguous()


@lru_cache(maxsize=64)
def _matrix_on(device: torch.device, *key: float) -> Tensor:
    with torch.inference_mode(False):  # the cache outlives the caller's mode
        return _resampling_matrix(*key).to(device)


def output_length(length_in: int, rate_in: float, rate_out: float) -> int:
    """Samples at ``rate_out`` that span ``length_in`` samples at ``rate_in``, at least one."""
    return max(1, round(length_in * rate_out / rate_in))


def resample(
    signal: Tensor, valid: Tensor | None, rate_in: float, rate_out: float, length_out: int | None = None
) -> tuple[Tensor, Tensor]:
    """Resample windows of triads.

    signal: (..., 3, T_in); valid: (..., T_in) bool, False where a sample is missing (its value is ignored); None where
    all are there, which saves the work of looking. rate_in, rate_out in Hz. Returns the signal (..., 3, T_out), zero
    where nothing valid is near, and its mask (..., T_out).

    Raises ``ValueError`` for rates that are not positive and finite.
    """
    for name, rate in (("input", rate_in), ("output", rate_out)):
        if not (math.isfinite(rate) and rate > 0):
            raise ValueError(f"{name} sampling rate is {rate}; expected a positive number of Hz")
    length_in = signal.shape[-1]
    if length_out is None:
        length_out = output_length(length_in, rate_in, rate_out)
    if valid is None:
        return _resample_whole(signal, rate_in, rate_out, length_out)
    matrix = _matrix_on(signal.device, length_in, float(rate_in), length_out, float(rate_out))
    mass = valid.to(matrix.dtype) @ matrix
    total = signal.masked_fill(~valid.unsqueeze(-2), 0.0) @ matrix
    valid_out = mass > VALID_SHARE
    resampled = total / mass.clamp_min(VALID_SHARE).unsqueeze(-2)
    return resampled.masked_fill(~valid_out.unsqueeze(-2), 0.0), valid_out


def _resample_whole(signal: Tensor, rate_in: float, rate_out: float, length_out: int) -> tuple[Tensor, Tensor]:
    """The same for windows without a missing sample: one product, one division."""
    length_in = signal.shape[-1]
    shape = (*signal.shape[:-2], length_out)
    matrix = _matrix_on(signal.device, length_in, float(rate_in), length_out, float(rate_out))
    mass = matrix.sum(0)
    there = mass > VALID_SHARE
    resampled = (signal @ matrix) * torch.where(there, 1 / mass.clamp_min(VALID_SHARE), 0.0)
    return resampled, there.expand(shape)
