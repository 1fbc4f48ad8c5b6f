"""A movement as arrays over time, and how movements are made of keyframes, waves and small random motions.

Frames are FRAME_HZ a second. Transitions follow the minimum-jerk profile 10 s^3 - 15 s^4 + 6 s^5 (Flash & Hogan, The
coordination of arm movements, Journal of Neuroscience 1985).
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from har.recordings.simulate.skeleton import CHANNEL, CHANNELS

FRAME_HZ = 100.0
# What the four nearest knots of a uniform cubic B-spline contribute has this mean square over all positions.
_SPLINE_POWER = 151 / 315
_IN_CACHE = 1 << 15  # numbers of which a few arrays stay in a core's cache


@dataclass
class Clip:
    """A movement of T frames.

    angles (T, channels): joint angles, rad; whatever makes a clip keeps a channel's frames side by side in memory,
    since nearly everything that is done to them is done to single channels. velocity (T, 3): prescribed movement of the
    pelvis, m/s, x along the heading. support (T, 2): share of the body's weight on the left and right foot where these
    do not move. impacts (T, 2): contacts of the left and right foot with the ground, the peak acceleration at the foot
    in g, 0 between them.
    """

    angles: np.ndarray
    velocity: np.ndarray
    support: np.ndarray
    impacts: np.ndarray

    def __len__(self) -> int:
        return len(self.angles)

    def part(self, start: int, stop: int) -> "Clip":
        rows = slice(start, stop)
        return Clip(self.angles[rows], self.velocity[rows], self.support[rows], self.impacts[rows])


@dataclass(frozen=True)
class Key:
    """Move within move_s seconds to the offsets ``pose`` (channels,) in rad, then hold them for hold_s seconds."""

    pose: np.ndarray
    move_s: float
    hold_s: float = 0.0


@dataclass(frozen=True)
class Wave:
    """A sine on one channel: amplitude in degrees, frequency in Hz, phase in cycles."""

    channel: str
    degrees: float
    hertz: float
    phase: float = 0.0


@dataclass(frozen=True)
class Join:
    """How one movement goes over into the next.

    seconds: duration. label: activity that the join is itself, "" for none. bump (channels,): what is added at half
    way, rad. falls: the body drops and hits the ground instead of being led. support: of the feet meanwhile.
    impact_g: of both feet, seat or body near the end. spread: share of the duration by which joints start late and stop
    early, each by its own part.
    """

    seconds: float
    label: str = ""
    bump: np.ndarray | None = None
    falls: bool = False
    support: tuple[float, float] = (0.5, 0.5)
    impact_g: float = 0.0
    spread: float = 0.0


def frames_of(seconds: float) -> int:
    return max(2, round(seconds * FRAME_HZ))


def minimum_jerk(progress: np.ndarray) -> np.ndarray:
    """0 to 1 with zero velocity and acceleration at both ends; clipped outside."""
    s = np.clip(progress, 0.0, 1.0)
    # A power costs more than all the rest, and most frames lie before or after the movement.
    cube = s.copy()
    np.power(s, 3, out=cube, where=(s > 0.0) & (s < 1.0))
    return cube * (10.0 - 15.0 * s + 6.0 * s**2)


def still_clip(pose: np.ndarray, frames: int, support: tuple[float, float] = (0.0, 0.0)) -> Clip:
    """A pose (channels,) held."""
    return Clip(
        np.repeat(pose[:, None], frames, axis=1).T,
        np.zeros((frames, 3)),
        np.tile(np.array(support), (frames, 1)),
        np.zeros((frames, 2)),
    )


def smooth_noise(
    rng: np.random.Generator, frames: int, cutoff_hz: float, columns: int = 1, chosen: np.ndarray | None = None
) -> np.ndarray:
    """Smooth random functions of unit variance, (frames, columns): cubic B-splines with Gaussian knots.

    Knots lie half a period of ``cutoff_hz`` apart: there is hardly any power above it, and two derivatives exist.
    chosen (n,): numbers of the columns that are worked out, (frames, n); all are drawn.
    """
    # Powers of two, so that clips of many lengths share few tables.
    first, weights = _spline(cutoff_hz, 1 << (frames - 1).bit_length())
    first, weights = first[:frames], weights[:, :frames]
    knots = rng.standard_normal((int(first[-1]) + 4, columns)).T / np.sqrt(_SPLINE_POWER)
    if chosen is not None:
        knots = knots[chosen]
    noise = np.empty((len(knots), frames))
    at_once = max(1, _IN_CACHE // frames)
    for begin in range(0, len(knots), at_once):
        some, own = noise[begin : begin + at_once], knots[begin : begin + at_once]
        np.multiply(own[:, first], weights[0], out=some)
        for k in range(1, 4):
            share = np.take(own[:, k:], first, axis=1)
            share *= weights[k]
            some += share
    return noise.T


@functools.cache
def _spline(cutoff_hz: float, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Of cubic B-splines: number of the first knot that reaches a frame (frames,), and the weights of this one and the
    next three (4, frames)."""
    spacing = FRAME_HZ / (2.0 * cutoff_hz)
    position = np.arange(frames) / spacing
    first = position.astype(np.int64)
    u = position - first
    weights = ((1 - u) ** 3, 3 * u**3 - 6 * u**2 + 4, -3 * u**3 + 3 * u**2 + 3 * u + 1, u**3)
    return first, np.stack(weights) / 6.0


def keyframes(begin: np.ndarray, keys: Sequence[Key], frames: int) -> np.ndarray:
    """Offsets (frames, columns) that start at ``begin`` and visit the keys; the last one is held."""
    durations = np.array([[key.move_s, key.hold_s] for key in keys])
    starts = np.concatenate([[0.0], np.cumsum(durations.sum(axis=1))])[:-1]
    poses = np.vstack([begin[None], np.stack([key.pose for key in keys])])
    time_s = np.arange(frames) / FRAME_HZ
    current = np.clip(np.searchsorted(starts, time_s, side="right") - 1, 0, len(keys) - 1)
    weight = minimum_jerk((time_s - starts[current]) / np.maximum(durations[current, 0], 1e-3))[:, None]
    # Most keys move few joints.
    moved = np.flatnonzero(poses.any(axis=0))
    before, after = (np.take(poses.T[moved], current + k, axis=1).T for k in (0, 1))
    offsets = np.zeros((poses.shape[1], frames)).T
    offsets[:, moved] = before + weight * (after - before)
    return offsets


def repeated(
    rng: np.random.Generator, keys: Sequence[Key], frames: int, tempo: float = 1.0, spread: float = 0.12
) -> np.ndarray:
    """The keys over and over, each time with other durations and sizes (relative deviation ``spread``)."""
    cycle_s = sum(key.move_s + key.hold_s for key in keys) / tempo
    drawn: list[Key] = []
    total = -rng.uniform(0, cycle_s)  # where in the cycle the clip begins is left to chance
    lead_s = -total
    while total < frames / FRAME_HZ:
        pace = tempo * np.exp(spread * rng.standard_normal())
        for key in keys:
            hold = key.hold_s * np.exp(3 * spread * rng.standard_normal()) / pace
            size = 1 + spread * rng.standard_normal()
            drawn.append(Key(key.pose * size, key.move_s / pace, hold))
            total += drawn[-1].move_s + hold
    skip = round(lead_s * FRAME_HZ)
    return keyframes(keys[-1].pose, drawn, frames + skip)[skip:]


def fidgets(rng: np.random.Generator, frames: int, per_minute: float, deviation: np.ndarray) -> np.ndarray:
    """Now and then a new offset (frames, channels), reached in about a second and kept: shifts of weight and hands."""
    seconds = frames / FRAME_HZ
    number = rng.poisson(per_minute * seconds / 60.0)
    if not number:
        return np.zeros((len(deviation), frames)).T
    starts = np.sort(rng.uniform(0, seconds, number))
    keys, pose = [Key(np.zeros(len(deviation)), 0.01, max(0.0, starts[0] - 0.01))], np.zeros(len(deviation))
    for start, end in zip(starts, [*starts[1:], seconds + 1], strict=True):
        touched = rng.random(len(deviation)) < 0.25
        pose = np.where(touched, deviation * np.clip(rng.standard_normal(len(deviation)), -2, 2), pose)
        move = min(rng.uniform(0.5, 1.4), max(0.2, end - start))
        keys.append(Key(pose, move, max(0.0, end - start - move)))
    return keyframes(np.zeros(len(deviation)), keys, frames)


def add_waves(angles: np.ndarray, waves: Sequence[Wave], rng: np.random.Generator, unsteadiness: float = 0.06) -> None:
    """Add sines in place; frequency and size of each wander a little, all of a common tempo together."""
    frames = len(angles)
    wander = 1 + unsteadiness * smooth_noise(rng, frames, 0.4)[:, 0]
    cycles = np.cumsum(wander) / FRAME_HZ
    for wave in waves:
        size = 1 + 2 * unsteadiness * smooth_noise(rng, frames, 0.5)[:, 0]
        turn = 2 * np.pi * (wave.hertz * cycles + wave.phase)
        angles[:, CHANNEL[wave.channel]] += np.deg2rad(wave.degrees) * size * np.sin(turn)


def gate(rng: np.random.Generator, frames: int, on_s: tuple[float, float], off_s: tuple[float, float]) -> np.ndarray:
    """(frames,) that goes between 1 (moving) and 0 (pausing) and stays for random times within the bounds."""
    keys, total, on = [], 0.0, bool(rng.random() < 0.6)
    while total < frames / FRAME_HZ:
        hold = rng.uniform(*(on_s if on else off_s))
        keys.append(Key(np.array([float(on)]), 0.7, hold))
        total, on = total + 0.7 + hold, not on
    return keyframes(keys[0].pose, keys, frames)[:, 0]


def blend(before: Clip, after: Clip, join: Join, rng: np.random.Generator) -> Clip:
    """The frames in which ``before`` goes over into ``after``; both have as many frames as the join lasts."""
    frames = len(before)
    progress = np.arange(frames) / (frames - 1)
    if join.falls:
        weight = _falling_weight(progress)
        joint_weight = weight[:, None]
    else:
        # Joints neither start nor stop together.
        early = join.spread * rng.uniform(0, 1, len(CHANNELS))
        late = join.spread * rng.uniform(0, 1, len(CHANNELS))
        weight = minimum_jerk(progress)
        joint_weight = minimum_jerk((progress - early[:, None]) / (1 - early - late)[:, None]).T
    angles = before.angles + joint_weight * (after.angles - before.angles)
    if join.bump is not None:
        angles = angles + (16 * progress**2 * (1 - progress) ** 2)[:, None] * join.bump
    plain = weight[:, None]
    velocity = before.velocity + plain * (after.velocity - before.velocity)
    hand_over = minimum_jerk(4 * np.minimum(progress, 1 - progress))[:, None]
    outside = before.support + plain * (after.support - before.support)
    support = outside + hand_over * (np.array(join.support) - outside)
    impacts = before.impacts * (1 - plain) + after.impacts * plain
    if join.impact_g:
        impacts[int(np.argmax(weight > 0.97))] = join.impact_g
    return Clip(angles, velocity, support, impacts)


def _falling_weight(progress: np.ndarray) -> np.ndarray:
    """0 to 1 as a body tips over: ever faster until it hits the ground at 85 % and comes to rest in a few frames.

    A rigid body that tips over turns as cosh(t) - 1, here over about three of its time constants.
    """
    free = np.clip(progress / 0.85, 0, 1)
    weight = (np.cosh(3.0 * free) - 1) / (np.cosh(3.0) - 1)
    width = max(2, round(0.14 * len(progress)))
    kernel = np.hanning(width + 2)[1:-1]
    padded = np.concatenate([np.zeros(width), weight, np.ones(width)])
    smooth = np.convolve(padded, kernel / kernel.sum(), mode="same")
    return smooth[width : width + len(progress)]
