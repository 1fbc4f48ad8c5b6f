"""What a device makes of the true signal: its errors, its range, its clock."""

from dataclasses import dataclass

import numpy as np

from har.recordings.format import STANDARD_GRAVITY
from har.recordings.simulate.clips import FRAME_HZ
from har.recordings.simulate.rotations import rotation_of

LONGEST_REPAIRED_S = 0.1  # lost samples are interpolated up to here, as converters do; longer gaps end a run


@dataclass(frozen=True)
class Device:
    """What a sensor makes of the true signal.

    rate_hz: nominal. range_g and range_rad_s: where it clips. bits: of the converter over that range. bias_g,
    bias_rad_s, scale, misalignment_rad: standard deviations over devices. noise_g, noise_rad_s: standard deviations at
    100 Hz, white. clock: relative error, standard deviation. jitter_s: of the moment of a sample. loss: share of lost
    samples. gaps_per_hour: longer interruptions. low_pass: whether the device filters before it samples.
    """

    rate_hz: float
    range_g: float = 8.0
    range_rad_s: float = 34.9
    bits: int = 16
    bias_g: float = 0.015
    bias_rad_s: float = 0.01
    scale: float = 0.01
    misalignment_rad: float = 0.01
    noise_g: float = 0.003
    noise_rad_s: float = 0.003
    clock: float = 1e-3
    jitter_s: float = 0.0
    loss: float = 0.0
    gaps_per_hour: float = 0.0
    low_pass: bool = True


@dataclass(frozen=True)
class Unit:
    """One piece of a device with its own errors. acc_matrix, gyro_matrix (3, 3): scale and misalignment; biases (3,) in
    m/s^2 and rad/s; clock: relative error of its rate. noise: factor on the device's."""

    device: Device
    acc_matrix: np.ndarray
    gyro_matrix: np.ndarray
    acc_bias: np.ndarray
    gyro_bias: np.ndarray
    clock: float
    noise: float


def draw_unit(device: Device, rng: np.random.Generator) -> Unit:
    """A piece of the device: errors drawn with the device's standard deviations."""

    def matrix() -> np.ndarray:
        scale = np.diag(1 + device.scale * rng.standard_normal(3))
        return scale @ rotation_of(device.misalignment_rad * rng.standard_normal(3))

    return Unit(
        device,
        matrix(),
        matrix(),
        device.bias_g * STANDARD_GRAVITY * rng.standard_normal(3),
        device.bias_rad_s * rng.standard_normal(3),
        device.clock * float(rng.standard_normal()),
        float(np.exp(0.5 * rng.standard_normal())),
    )


def measure(unit: Unit, force: np.ndarray, rate: np.ndarray | None, rng: np.random.Generator) -> np.ndarray:
    """What the unit reports, uniform at its nominal rate: (n, 3) in g, or (n, 6) with the gyroscope in rad/s.

    force (T, 3) in m/s^2 and rate (T, 3) in rad/s, or None, at FRAME_HZ. A clock that runs fast takes samples more
    often than it says; moments jitter; lost samples are interpolated.
    """
    device = unit.device
    # From here on channel by channel: most of what follows treats accelerometer and gyroscope differently.
    channels = [(force @ unit.acc_matrix.T).T + unit.acc_bias[:, None]]
    noise = [device.noise_g * STANDARD_GRAVITY]
    if rate is not None:
        channels.append((rate @ unit.gyro_matrix.T).T + unit.gyro_bias[:, None])
        noise.append(device.noise_rad_s)
    # White noise has a density: a device of another rate sees another deviation.
    bandwidth = np.sqrt(min(device.rate_hz, FRAME_HZ) / FRAME_HZ) if device.low_pass else 1.0
    signal = np.concatenate(channels)
    if device.low_pass and device.rate_hz < FRAME_HZ:
        from scipy.ndimage import uniform_filter1d

        # An odd length: an even one would delay the signal by half a frame.
        length = 2 * round(0.5 * FRAME_HZ / device.rate_hz) + 1
        signal = uniform_filter1d(signal, length, mode="nearest")
    count = int((len(force) - 1) / FRAME_HZ * device.rate_hz) + 1
    moment_s = np.arange(count) / device.rate_hz
    true_s = moment_s * (1 - unit.clock)
    if device.jitter_s:
        true_s = true_s + np.clip(
            device.jitter_s * rng.standard_normal(count), -0.45 / device.rate_hz, 0.45 / device.rate_hz
        )
    kept = np.ones(count, dtype=bool)
    if device.loss:
        kept = rng.random(count) >= device.loss
        kept[[0, -1]] = True
    samples = _interpolate(signal, true_s[kept] * FRAME_HZ)
    deviation = np.repeat(noise, 3) * bandwidth * unit.noise
    samples += deviation[:, None] * rng.standard_normal(samples.T.shape).T
    samples[:3] = _convert(samples[:3] / STANDARD_GRAVITY, device.range_g, device.bits)
    if rate is not None:
        samples[3:] = _convert(samples[3:], device.range_rad_s, device.bits)
    if not kept.all():
        samples = _interpolate(samples, np.interp(moment_s, moment_s[kept], np.arange(int(kept.sum()))))
    return samples.T


def draw_gaps(device: Device, seconds: float, rng: np.random.Generator) -> list[tuple[float, float]]:
    """Interruptions longer than LONGEST_REPAIRED_S as (begin, end) in s, in order and apart from each other."""
    number = rng.poisson(device.gaps_per_hour * seconds / 3600)
    begins = np.sort(rng.uniform(1.0, max(1.0, seconds - 3.0), number))
    gaps: list[tuple[float, float]] = []
    for begin in begins:
        if not gaps or begin > gaps[-1][1] + 1.0:
            gaps.append((float(begin), float(begin + rng.uniform(2 * LONGEST_REPAIRED_S, 2.0))))
    return gaps


def _interpolate(signal: np.ndarray, position: np.ndarray) -> np.ndarray:
    """A signal (C, T) at fractional positions (n,), linear between neighbours, ends held: (C, n)."""
    last = signal.shape[1] - 1
    position = np.clip(position, 0, last)
    first = np.minimum(position.astype(np.int64), last - 1)
    share = position - first
    between = np.take(signal, first, axis=1)
    between *= 1 - share
    following = np.take(signal, first + 1, axis=1)
    following *= share
    between += following
    return between


def _convert(values: np.ndarray, largest: float, bits: int) -> np.ndarray:
    """Clip to the range and round to the steps of the converter."""
    step = largest / 2 ** (bits - 1)
    return np.clip(np.rint(values / step) * step, -largest, largest)
