"""What may be different about a device or about how it is worn, done to recordings that are there.

A `Perturbation` changes the gap-free runs of a stream, the samples as a device would have written them, before windows
are cut; what it cannot do to a stream, such as leave out a gyroscope that is not there, leaves the run as it is. Its
random numbers come from generators that depend on names alone, so that neither order nor other datasets change them.

Shapes: T samples, C channels.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from har.labels.sides import on_other_side
from har.signal.channels import triads

# Taps of the filters that change rates, per lower sampling period and side.
_ANTI_ALIASING_PERIODS, _LOSSLESS_PERIODS = 12, 64


@dataclass(frozen=True)
class Run:
    """A gap-free run of one device: samples (T, C) float32, NaN where one is missing."""

    samples: np.ndarray
    rate_hz: float
    channels: tuple[str, ...]
    placement: str | None

    @property
    def columns(self) -> dict[str, list[int]]:
        """Sensor kind -> its columns x, y, z."""
        return {kind: list(axes) for kind, axes in triads(list(self.channels))}


# Of what is drawn: "device" (one person's), "recording" or "run" -> its generator.
Draw = Callable[[str], np.random.Generator]


@dataclass(frozen=True)
class Perturbation:
    """One thing that is different.

    name: for programs. title: for people. change: of a run; the run itself where it cannot be done. windows_turned:
    each window is turned by itself, so that the recording tells nothing of how the device lies. shift_s: windows begin
    that much later, or earlier where their segment ends before. lossless: what the network can see is all still there.
    """

    name: str
    title: str
    change: Callable[[Run, Draw], Run] = lambda run, draw: run
    windows_turned: bool = False
    shift_s: float = 0.0
    lossless: bool = False


# --- Rates -----------------------------------------------------------------------------------------------------------


def at_rate(rate_hz: float) -> Callable[[Run, Draw], Run]:
    """As a device of another rate writes it: filtered below the new Nyquist frequency, or interpolated without loss."""
    return lambda run, draw: run if run.rate_hz == rate_hz else replace(
        run, samples=change_rate(run.samples, run.rate_hz, rate_hz), rate_hz=rate_hz
    )  # fmt: skip


def change_rate(samples: np.ndarray, rate_in: float, rate_out: float) -> np.ndarray:
    """(T, C) -> (T', C) at another rate, the first sample at the same moment, T' = ceil(T rate_out / rate_in).

    Polyphase windowed-sinc filter (Crochiere & Rabiner, Multirate Digital Signal Processing, 1983). Down: what a device
    does before it decimates, nothing above the new Nyquist frequency gets through by more than -60 dB. Up: passes 0.95
    of the old Nyquist rate unchanged. Beyond its ends a run is continued point-symmetrically.
    """
    from scipy.signal import firwin, resample_poly

    ratio = Fraction(rate_out / rate_in).limit_denominator(1000)
    up, down = ratio.numerator, ratio.denominator
    longest = max(up, down)
    periods = _LOSSLESS_PERIODS if rate_out > rate_in else _ANTI_ALIASING_PERIODS
    # The transition of a Kaiser window for 60 dB is 3.6 / periods of the lower Nyquist frequency wide; going down, it
    # ends there, going up, it lies around it.
    cutoff = 1.0 if rate_out > rate_in else 1 - 1.8 / periods
    taps = firwin(2 * periods * longest + 1, cutoff / longest, window=("kaiser", 5.65))
    margin = min(len(samples) - 1, 2 * periods * (-(-down // up)))
    margin -= margin % down  # whole steps of the output, so that both grids begin at the same moment
    before = 2 * samples[:1] - samples[margin:0:-1] if margin else samples[:0]
    after = 2 * samples[-1:] - samples[-2 : -margin - 2 : -1] if margin else samples[:0]
    extended = np.concatenate([before, samples, after]).astype(np.float64)
    level = samples.mean(axis=0)  # what lies beyond the margin counts as this
    resampled = resample_poly(extended - level, up, down, axis=0, window=taps) + level
    first = margin * up // down
    return resampled[first : first - (-len(samples) * up // down)].astype(np.float32)


# --- How it is worn --------------------------------------------------------------------------------------------------


def random_rotation(generator: np.random.Generator) -> np.ndarray:
    """(3, 3), uniform on SO(3): a Gaussian quaternion (Shoemake, Graphics Gems III, 1992)."""
    w, x, y, z = (q := generator.normal(size=4)) / np.linalg.norm(q)
    return np.array(
        [
            [w * w + x * x - y * y - z * z, 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), w * w - x * x + y * y - z * z, 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), w * w - x * x - y * y + z * z],
        ]
    )


def in_axes(samples: np.ndarray, columns: Sequence[Sequence[int]], matrix: np.ndarray) -> np.ndarray:
    """Samples (..., C) whose triads at ``columns`` are multiplied by a matrix (3, 3), or matrices (N, 3, 3) of (N, T,
    C)."""
    samples = samples.copy()
    for axes in columns:
        samples[..., axes] = samples[..., axes] @ np.swapaxes(matrix, -1, -2).astype(samples.dtype)
    return samples


def turned(level: str) -> Callable[[Run, Draw], Run]:
    """The device lies in another way, all its sensors alike; drawn for each device, recording or run."""
    return lambda run, draw: replace(
        run, samples=in_axes(run.samples, list(run.columns.values()), random_rotation(draw(level)))
    )


def mirrored(run: Run, draw: Draw) -> Run:
    """The other wrist: everything mirrored left to right, rates of turn as the pseudovectors that they are.

    A mirror across any plane is one across any other and a rotation, so the plane is the device's own y-z.
    """
    if "wrist" not in (run.placement or ""):
        return run
    samples = run.samples.copy()
    for kind, (x, y, z) in run.columns.items():
        samples[:, [x] if kind == "acc" else [y, z]] *= -1
    return replace(run, samples=samples, placement=on_other_side(run.placement))


def placed(placement: str | None) -> Callable[[Run, Draw], Run]:
    """Told of another placement, or of none."""
    return lambda run, draw: run if run.placement == placement else replace(run, placement=placement)


def wrongly_placed(placements: Sequence[str]) -> Callable[[Run, Draw], Run]:
    """Told of a placement, one of ``placements``, that shares no word with the true one."""

    def change(run: Run, draw: Draw) -> Run:
        own = set((run.placement or "").split())
        others = [placement for placement in placements if not own & set(placement.split())]
        return replace(run, placement=others[draw("device").integers(len(others))]) if others else run

    return change


# --- What the device measures ----------------------------------------------------------------------------------------


def without(kind: str) -> Callable[[Run, Draw], Run]:
    """One kind of sensor is not there; a run that has no other stays."""

    def change(run: Run, draw: Draw) -> Run:
        if kind not in run.columns or len(run.columns) == 1:
            return run
        kept = [i for i in range(len(run.channels)) if i not in run.columns[kind]]
        return replace(run, samples=run.samples[:, kept], channels=tuple(run.channels[i] for i in kept))

    return change


def of_accelerometer(change: Callable[[np.ndarray, Draw], np.ndarray]) -> Callable[[Run, Draw], Run]:
    """Changes the accelerometer's samples (T, 3) in g; the run itself where none differs."""

    def on_run(run: Run, draw: Draw) -> Run:
        if "acc" not in run.columns:
            return run
        columns, samples = run.columns["acc"], run.samples.copy()
        samples[:, columns] = change(samples[:, columns], draw)
        return run if np.array_equal(samples, run.samples, equal_nan=True) else replace(run, samples=samples)

    return on_run


def clipped(range_g: float) -> Callable[[Run, Draw], Run]:
    """Each axis ends at the accelerometer's range."""
    return of_accelerometer(lambda acceleration, draw: acceleration.clip(-range_g, range_g))


def quantised(step_g: float) -> Callable[[Run, Draw], Run]:
    """The accelerometer tells multiples of a step."""
    return of_accelerometer(lambda acceleration, draw: np.rint(acceleration / step_g) * step_g)


def biased(gain: float, offset_g: float) -> Callable[[Run, Draw], Run]:
    """Each axis reads too much or too little by that share, and is off by as much; signs are the device's own."""

    def change(acceleration: np.ndarray, draw: Draw) -> np.ndarray:
        sign = draw("device").choice([-1.0, 1.0], size=(2, 3))
        return acceleration * (1 + gain * sign[0]) + offset_g * sign[1]

    return of_accelerometer(change)


def noisy(deviations: dict[str, float]) -> Callable[[Run, Draw], Run]:
    """White noise; sensor kind -> its deviation, in g or rad/s."""

    def change(run: Run, draw: Draw) -> Run:
        generator, samples = draw("run"), run.samples.copy()
        for kind, columns in run.columns.items():
            samples[:, columns] += deviations.get(kind, 0.0) * generator.normal(size=(len(samples), 3))
        return replace(run, samples=samples)

    return change


# --- What is lost ----------------------------------------------------------------------------------------------------


def lost(share: float) -> Callable[[Run, Draw], Run]:
    """Each sample is lost by itself, of all sensors at once."""
    return lambda run, draw: _without_samples(run, draw("run").random(len(run.samples)) < share)


def lost_in_bursts(share: float, burst_s: float) -> Callable[[Run, Draw], Run]:
    """Bursts of exponential length, ``burst_s`` on average, that take ``share`` of the samples in the long run."""

    def change(run: Run, draw: Draw) -> Run:
        generator, count = draw("run"), len(run.samples)
        there_s = burst_s * (1 - share) / share
        # Twice what is expected, and some: what lies beyond the end is not used.
        cycles = 16 + round(2 * count / run.rate_hz / (burst_s + there_s))
        lengths = generator.exponential([[there_s, burst_s]], size=(cycles, 2)).ravel() * run.rate_hz
        borders = np.cumsum(lengths) - generator.random() * (there_s + burst_s) * run.rate_hz
        return _without_samples(run, np.searchsorted(borders, np.arange(count), side="right") % 2 == 1)

    return change


def gap(seconds: float) -> Callable[[Run, Draw], Run]:
    """A gap somewhere in each run that lasts at least twice as long."""

    def change(run: Run, draw: Draw) -> Run:
        length, count = round(seconds * run.rate_hz), len(run.samples)
        if count < 2 * length:
            return run
        first = draw("run").integers(count - length + 1)
        return _without_samples(run, (np.arange(count) >= first) & (np.arange(count) < first + length))

    return change


def _without_samples(run: Run, missing: np.ndarray) -> Run:
    samples = run.samples.copy()
    samples[missing] = np.nan
    return replace(run, samples=samples)
