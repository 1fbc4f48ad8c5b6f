"""Signal augmentations on whole batches, each with an explicit generator, each an identity at strength 0.

All take and return ``SensorWindows`` (signal (B, S, 3, T), zero where invalid). Missing samples stay missing. Where the
evidence comes from: Um et al., ICMI 2017 (rotation, scaling, jitter, time warping); random rotation as the condition
of transfer between placements: Zhang et al., UniMTS, NeurIPS 2024.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from har.windows.batch import SensorWindows
from har.windows.resample import output_length, resample

_PACKET_S = 0.4  # of radio links and loggers: some tens of samples at once


@dataclass(frozen=True)
class Augmentation:
    """How strong each augmentation is; the values live in the training script.

    rotation: share of windows turned by a random rotation. tilt_rad: standard deviation of a small rotation for the
    others. scale: standard deviation of a triad's logarithmic gain. jitter: largest white noise in g, rad/s, uT per
    kind. warp: largest relative change of tempo. shorten: share of windows that end early, after ``shortest_s``
    seconds or more. lost: largest share of samples lost, and share of windows that lose any. gyroscope_dropout /
    sensor_dropout: share of gyroscopes / of other triads left out. rates_hz and rate_share: lower rates that windows
    are passed through, and the share of windows.
    placement_dropout: share of windows without placement text. body_dropout: share of windows that know nothing of
    the body's axes, ahead_dropout: share of the others that know only up; body_error_rad: standard deviations of the
    errors of up, per axis, and of ahead, about up.
    """

    rotation: float = 0.0
    tilt_rad: float = 0.0
    scale: float = 0.0
    jitter: tuple[float, float, float] = (0.0, 0.0, 0.0)
    warp: float = 0.0
    shorten: float = 0.0
    shortest_s: float = 0.0
    gyroscope_dropout: float = 0.0
    sensor_dropout: float = 0.0
    rates_hz: tuple[float, ...] = ()
    rate_share: float = 0.0
    lost: tuple[float, float] = (0.0, 0.0)
    placement_dropout: float = 0.0
    body_dropout: float = 0.0
    ahead_dropout: float = 0.0
    body_error_rad: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class SharedRandom:
    """Random numbers for some windows of a batch, which are what they would be if all windows were here.

    generator: on the windows' device. windows: B, of the whole batch. share: which of them are here, n.
    """

    generator: torch.Generator
    windows: int
    share: slice

    def uniform(self, *shape: int) -> Tensor:
        """(n, *shape) in [0, 1)."""
        return torch.rand(self.windows, *shape, generator=self.generator, device=self.generator.device)[self.share]

    def normal(self, *shape: int) -> Tensor:
        """(n, *shape) of mean 0 and deviation 1."""
        return torch.randn(self.windows, *shape, generator=self.generator, device=self.generator.device)[self.share]

    def chosen(self, count: int, times: int) -> Tensor:
        """(times, count): disjoint random choices of windows of the batch, as positions among those that are here.

        n stands for every window that is elsewhere: how many are here is a number that a GPU's host does not know.
        """
        order = torch.randperm(self.windows, generator=self.generator, device=self.generator.device)
        first, last, _ = self.share.indices(self.windows)
        here = (order >= first) & (order < last)
        return torch.where(here, order - first, last - first)[: times * count].view(times, count)


Random = torch.Generator | SharedRandom


def shared_random(windows: SensorWindows, generator: Random) -> SharedRandom:
    """``generator`` as it is, or a plain one as that of windows that are a whole batch."""
    if isinstance(generator, SharedRandom):
        return generator
    return SharedRandom(generator, len(windows), slice(0, len(windows)))


def augment(windows: SensorWindows, strength: Augmentation, rate_hz: float, generator: Random) -> SensorWindows:
    """All augmentations in a fixed order.

    generator: on the windows' device, here and in every function below; a ``SharedRandom`` where the windows are a part
    of a batch.
    """
    windows = drop_sensors(windows, strength.gyroscope_dropout, strength.sensor_dropout, generator)
    windows = rotate(windows, strength.rotation, strength.tilt_rad, generator)
    windows = scale(windows, strength.scale, generator)
    windows = time_warp(windows, strength.warp, generator)
    windows = shorten(windows, strength.shorten, round(strength.shortest_s * rate_hz), generator)
    windows = lower_rate(windows, strength.rates_hz, strength.rate_share, rate_hz, generator)
    windows = lose_samples(windows, strength.lost, rate_hz, generator)
    windows = jitter(windows, strength.jitter, generator)
    windows = drop_placement(windows, strength.placement_dropout, generator)
    return blur_body(windows, strength.body_dropout, strength.ahead_dropout, strength.body_error_rad, generator)


def random_rotations(normal: Tensor) -> Tensor:
    """Rotations (..., 3, 3), uniform on SO(3), of normal numbers (..., 4): Gaussian quaternions (Shoemake, Graphics
    Gems III, 1992)."""
    return _rotation_of(normal)


def small_rotations(normal: Tensor, deviation_rad: float) -> Tensor:
    """Rotations (..., 3, 3) by Gaussian rotation vectors of ``deviation_rad`` per axis, of normal numbers (..., 3)
    (half-angle quaternion)."""
    vector = normal * deviation_rad
    angle = vector.norm(dim=-1, keepdim=True)
    axis = vector / angle.clamp_min(1e-9)
    return _rotation_of(torch.cat([torch.cos(angle / 2), torch.sin(angle / 2) * axis], dim=-1))


# Entries of a rotation matrix, row by row, as sums of products of two components of its unit quaternion (w, x, y, z).
_PRODUCTS = (
    {"ww": 1, "xx": 1, "yy": -1, "zz": -1}, {"xy": 2, "wz": -2}, {"xz": 2, "wy": 2},
    {"xy": 2, "wz": 2}, {"ww": 1, "xx": -1, "yy": 1, "zz": -1}, {"yz": 2, "wx": -2},
    {"xz": 2, "wy": -2}, {"yz": 2, "wx": 2}, {"ww": 1, "xx": -1, "yy": -1, "zz": 1},
)  # fmt: skip


@lru_cache(maxsize=8)
def _products_on(device: torch.device) -> Tensor:
    """(16, 9): from all products of two components to the entries of the matrix."""
    table = torch.zeros(4, 4, 9)
    for entry, terms in enumerate(_PRODUCTS):
        for (first, second), factor in terms.items():
            table["wxyz".index(first), "wxyz".index(second), entry] = factor
    with torch.inference_mode(False):  # the cache outlives the caller's mode
        return table.flatten(0, 1).to(device)


def _rotation_of(quaternion: Tensor) -> Tensor:
    """(..., 4) of any norm but 0 -> (..., 3, 3). One product: written out, it would be eighty operations."""
    unit = F.normalize(quaternion, dim=-1)
    products = (unit.unsqueeze(-1) * unit.unsqueeze(-2)).flatten(-2)
    return (products @ _products_on(quaternion.device)).unflatten(-1, (3, 3))


def rotate(windows: SensorWindows, share: float, tilt_rad: float, generator: Random) -> SensorWindows:
    """Turn each device of a window by one matrix, accelerometer and gyroscope alike.

    A ``share`` of the windows gets rotations uniform on SO(3), the others small ones of ``tilt_rad``; devices at
    different locations turn independently.
    """
    if share <= 0 and tilt_rad <= 0:
        return windows
    sensors, random = windows.kind.shape[1], shared_random(windows, generator)
    turned = small_rotations(random.normal(sensors, 3), tilt_rad)
    full = random_rotations(random.normal(sensors, 4))
    chosen = random.uniform(1) < share
    matrices = torch.where(chosen[..., None, None], full, turned)
    # Sensors of one location use the matrix that stands at the location's number: at most S locations a window.
    shared = matrices.gather(1, windows.location[..., None, None].expand(-1, -1, 3, 3))
    return windows.replace(signal=shared @ windows.signal, body=windows.body @ shared.mT)


def scale(windows: SensorWindows, deviation: float, generator: Random) -> SensorWindows:
    """Multiply each triad by one log-normal gain of median 1: what badly calibrated devices do."""
    if deviation <= 0:
        return windows
    gain = shared_random(windows, generator).normal(windows.kind.shape[1]).mul(deviation).exp()
    return windows.replace(signal=windows.signal * gain[..., None, None])


def jitter(windows: SensorWindows, deviation: Sequence[float], generator: Random) -> SensorWindows:
    """Add white noise, with a deviation of its own per sensor kind and a random share of it per triad."""
    if max(deviation) <= 0:
        return windows
    random = shared_random(windows, generator)
    # Compared, not looked up: a table of numbers would have to be copied to a GPU, for which the host would wait.
    largest = sum(torch.where(windows.kind == kind, float(level), 0.0) for kind, level in enumerate(deviation))
    level = largest * random.uniform(windows.kind.shape[1])
    noise = random.normal(*windows.signal.shape[1:]) * level[..., None, None]
    return windows.replace(signal=(windows.signal + noise).masked_fill(~windows.valid.unsqueeze(2), 0.0))


def time_warp(windows: SensorWindows, largest: float, generator: Random) -> SensorWindows:
    """Change the tempo of a window by one factor in [1 - largest, 1 + largest] around its centre.

    All sensors of a window keep a common clock. A rate of turn is an angle over a time: where the tempo rises by a
    factor, so does the gyroscope's reading. (Linear acceleration would rise with its square, but cannot be told from
    gravity here.) Samples that would come from outside the window are missing.
    """
    if largest <= 0:
        return windows
    length = windows.signal.shape[-1]
    factor = 1 + largest * (2 * shared_random(windows, generator).uniform() - 1)
    centre = (length - 1) / 2
    position = centre + (torch.arange(length, device=factor.device) - centre) * factor[:, None]
    below = position.floor()
    inside = (position >= 0) & (position <= length - 1)
    below = below.clamp(0, max(length - 2, 0)).long()
    fraction = (position - below)[:, None, None, :]
    above = (below + 1).clamp_max(length - 1)
    rows = (len(windows), *windows.valid.shape[1:])
    low, high = below[:, None, :].expand(rows), above[:, None, :].expand(rows)
    valid = windows.valid.gather(2, low) & windows.valid.gather(2, high) & inside[:, None, :]
    rows3 = windows.signal.shape
    first = windows.signal.gather(3, low.unsqueeze(2).expand(rows3))
    signal = first + (windows.signal.gather(3, high.unsqueeze(2).expand(rows3)) - first) * fraction
    gain = torch.where(windows.kind == 1, factor[:, None], torch.ones_like(factor)[:, None])
    return windows.replace(signal=(signal * gain[..., None, None]).masked_fill(~valid.unsqueeze(2), 0.0), valid=valid)


def shorten(windows: SensorWindows, share: float, shortest: int, generator: Random) -> SensorWindows:
    """Leave only the first samples of a share of the windows: ``shortest`` to all of them, uniformly.

    Some activities come in short segments only (sitting down takes two seconds). Without this the network would learn
    to tell them by the length of what is there.
    """
    if share <= 0:
        return windows
    length = windows.signal.shape[-1]
    random = shared_random(windows, generator)
    shortened, part = random.uniform() < share, random.uniform()
    kept = torch.where(shortened, shortest + part * (length - shortest), float(length))
    there = torch.arange(length, device=kept.device) < kept[:, None]
    valid = windows.valid & there[:, None, :]
    return windows.replace(signal=windows.signal.masked_fill(~valid.unsqueeze(2), 0.0), valid=valid)


def drop_sensors(
    windows: SensorWindows, gyroscope_share: float, sensor_share: float, generator: Random
) -> SensorWindows:
    """Leave triads out, as a test device may lack them; at least one that was there always stays."""
    if gyroscope_share <= 0 and sensor_share <= 0:
        return windows
    share = torch.where(windows.kind == 1, gyroscope_share, sensor_share)
    draw = shared_random(windows, generator).uniform(windows.kind.shape[1])
    present = windows.valid.any(dim=2)
    survivor = torch.zeros_like(present).scatter(1, torch.where(present, draw, -1.0).argmax(1, keepdim=True), True)
    kept = draw >= share
    kept |= survivor & ~(kept & present).any(1, keepdim=True)  # only where all would go: the shares stay right
    valid = windows.valid & kept.unsqueeze(2)
    return windows.replace(signal=windows.signal.masked_fill(~valid.unsqueeze(2), 0.0), valid=valid)


def lower_rate(
    windows: SensorWindows, rates_hz: Sequence[float], share: float, rate_hz: float, generator: Random
) -> SensorWindows:
    """Pass a share of the windows through a lower sampling rate and back, and tell the network that rate.

    The share is exact (rounded to a window for each rate): a number known beforehand needs no wait for a GPU.
    """
    random = shared_random(windows, generator)
    count = round(share * random.windows / max(len(rates_hz), 1))
    if not rates_hz or not count:
        return windows
    length = windows.signal.shape[-1]
    signal, valid, rate = _with_one_more(windows.signal, windows.valid, windows.rate_hz)
    for lower, chosen in zip(rates_hz, random.chosen(count, len(rates_hz)), strict=True):
        there = resample(signal[chosen], valid[chosen], rate_hz, lower, output_length(length, rate_hz, lower))
        back, back_valid = resample(*there, lower, rate_hz, length)
        back_valid &= valid[chosen]
        signal[chosen], valid[chosen] = back.masked_fill(~back_valid.unsqueeze(2), 0.0), back_valid
        rate[chosen] = rate[chosen].clamp_max(lower)
    return windows.replace(signal=signal[:-1], valid=valid[:-1], rate_hz=rate[:-1])


def lose_samples(windows: SensorWindows, lost: Sequence[float], rate_hz: float, generator: Random) -> SensorWindows:
    """Lose samples of the devices, as radio links do. lost: largest share of samples, and share of the windows.

    Half of these windows lose single samples, half packets of ``_PACKET_S``. What remains is filtered as the samples of
    a device are (har/windows/resample.py), to which its lost neighbours make a difference. The number of windows is
    exact, as that of ``lower_rate``.
    """
    random, (largest, share) = shared_random(windows, generator), lost
    count = round(share * random.windows)
    if largest <= 0 or not count:
        return windows
    sensors, length = windows.valid.shape[1:]
    packet = max(1, round(_PACKET_S * rate_hz))
    (chosen,) = random.chosen(count, 1)
    level, in_packets = largest * random.uniform(1, 1), random.uniform(1, 1) < 0.5
    single, packets = random.uniform(sensors, length), random.uniform(sensors, -(-length // packet))
    drawn = torch.where(in_packets, packets.repeat_interleave(packet, dim=2)[..., :length], single)
    # All sensors of a device lose the same samples.
    kept = (drawn >= level).gather(1, windows.location.unsqueeze(2).expand(-1, -1, length))
    signal, valid, kept = _with_one_more(windows.signal, windows.valid, kept)
    found, there = resample(signal[chosen], valid[chosen] & kept[chosen], rate_hz, rate_hz, length)
    there &= valid[chosen]
    signal[chosen], valid[chosen] = found.masked_fill(~there.unsqueeze(2), 0.0), there
    return windows.replace(signal=signal[:-1], valid=valid[:-1])


def _with_one_more(*values: Tensor) -> list[Tensor]:
    """Values (n, ...) with a row of zeros at the end, that nobody looks at, for what ``chosen`` finds elsewhere."""
    return [F.pad(value, (0, 0) * (value.ndim - 1) + (0, 1)) for value in values]


def drop_placement(windows: SensorWindows, share: float, generator: Random) -> SensorWindows:
    """Hide the placement text of a share of the windows: users may not know it."""
    if share <= 0:
        return windows
    hidden = shared_random(windows, generator).uniform(1) < share
    return windows.replace(placement=windows.placement.masked_fill(hidden, 0))


def blur_body(
    windows: SensorWindows, dropout: float, ahead_dropout: float, error_rad: Sequence[float], generator: Random
) -> SensorWindows:
    """Hide from a share of the windows how their devices lie against the body, and turn it a little for the others.

    It is known for all devices of a window or for none, as for a user with a single window; ``ahead_dropout`` of the
    others know up alone. error_rad: up and ahead of a device turn together by a small rotation of the first deviation
    per axis, and ahead about up by an angle of the second: people do not walk quite upright, devices slip, and ahead is
    the harder one to find.
    """
    if dropout <= 0 and ahead_dropout <= 0 and max(error_rad) <= 0:
        return windows
    sensors, random = windows.kind.shape[1], shared_random(windows, generator)
    turned = small_rotations(random.normal(sensors, 3), error_rad[0])
    shared = turned.gather(1, windows.location[..., None, None].expand(-1, -1, 3, 3))
    up, ahead = (windows.body @ shared.mT).unbind(2)
    angle = random.normal(sensors) * error_rad[1]
    angle = angle.gather(1, windows.location).unsqueeze(-1)
    ahead = angle.cos() * ahead + angle.sin() * torch.linalg.cross(up, ahead)
    knows_nothing, only_up = random.uniform(1, 1) < dropout, random.uniform(1, 1) < ahead_dropout
    body = torch.stack([up, ahead.masked_fill(only_up, 0.0)], dim=2)
    return windows.replace(body=body.masked_fill(knows_nothing.unsqueeze(-1), 0.0))
