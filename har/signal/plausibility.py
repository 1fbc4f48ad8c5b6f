"""Whether a signal can be what it is said to be: units, gravity, codes for missing samples, clocks, sensors that agree.

What physics fixes is looked at: a worn accelerometer reads the weight of 1 g on average over a second whatever its
wearer does, and the direction of that weight turns as the gyroscope says.
"""

import math
import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from har.signal.channels import Devices, triads

STANDARD_GRAVITY = 9.80665  # m/s^2 in one g (CGPM 1901)
GRAVITY = ("included", "removed")

# Above these nobody samples a worn device, and below one sample a second nothing of a movement is left.
LOWEST_RATE_HZ, HIGHEST_RATE_HZ = 1.0, 20_000.0

# The largest that a sample of something worn can be: shock sensors end at 200 g, gyroscopes at 4,000 deg/s, and the
# strongest magnets that come near a magnetometer leave it saturated.
LARGEST = {"acc": 250.0, "gyro": 400.0, "mag": 1e5}
_NAMES = {"acc": "accelerometer", "gyro": "gyroscope", "mag": "magnetometer"}

_LARGEST_MEDIAN_G = 4.0  # of the magnitude; only the wrists and ankles of runners come above
_LARGEST_MEDIAN_REMOVED_G = 2.0  # the same without gravity, of 15 in 10,000 windows of worn devices
_IN_METRES = f"It is probably in m/s^2: divide by {STANDARD_GRAVITY}"
_LARGEST_MEAN_G = 7.0  # over a second, which nothing on a body keeps up
_SECOND = 1.0  # s over which movement cancels out and weight stays
LEAST_WEIGHT_G = 0.35  # mean over a second; only a device that spins keeps below
_LEAST_WEIGHT_SHARE = 0.35  # of the median magnitude: the same where the unit is another
STILL_SHARE = 0.03  # deviation within a still second, relative to what it reads
_STILL_RANGE_G = (0.75, 1.3)  # cheap devices are wrong by a tenth
LARGEST_TURN_RATE = 70.0  # rad/s, of the fastest hundredth: 4,000 deg/s
_STILL_TURN_RATE = 0.5  # rad/s, above the offsets of gyroscopes
_AGREEING = 0.6  # least correlation of two ways to see a rotation
_LEAST_AGREEING = 0.03  # of the windows: in most, movement hides how the weight turns
_LEAST_QUARTERS = 8  # of a second, in a window
_MOST_SLOPE = 20.0  # of one against the other; degrees in place of radians make it 57
_CODE_LEAST = {"acc": 20.0, "gyro": 50.0, "mag": 900.0}  # all three axes equal beyond: a code, no measurement
_RANGES_G = (24.0, 30.0, 32.0, 40.0, 50.0, 64.0, 100.0, 200.0)
_KNOWN_CODES = (99.0, 999.0, 9999.0, 99999.0, 999999.0, 32767.0, 32768.0, 65535.0, 2147483647.0, 2147483648.0)
_LARGEST_READ = 1e6  # raw counts of 20 bits; squares of more overflow
_MOST_ZERO_SHARE = 0.01
_LEAST_SHARE = 0.5  # of a second's samples that the network wants
_STRETCH_S, _LEAST_STRETCHES = 5.0, 4  # looked at by themselves, where there are so many
_LEAST_LIGHT, _LIGHT_SHARE = 3, 0.04  # of them without weight: a wrist may spin now and then
_SHORTEST_S = 0.25  # below, nothing is known of the weight
_MOST_WINDOWS, _MOST_SECONDS = 2048, 4096  # looked at for medians


class SignalWarning(UserWarning):
    """A signal is probably not what it is said to be; the message says what was measured, why, and what to do."""


class Finding(NamedTuple):
    """Something about a signal that cannot be (certain), or is hardly so."""

    certain: bool
    text: str


def check_rate(sampling_rate_hz: float) -> None:
    """Raises ``ValueError`` for a rate at which nothing worn is sampled, or that is not finite."""
    rate = sampling_rate_hz
    if math.isfinite(rate) and LOWEST_RATE_HZ <= rate <= HIGHEST_RATE_HZ:
        return
    period = f": a period of {rate:g} s is {1 / rate:g} Hz" if 0 < rate < LOWEST_RATE_HZ else ""
    raise ValueError(
        f"sampling_rate_hz is {rate}; expected at least {LOWEST_RATE_HZ:g} Hz (not a period in seconds) and at most "
        f"{HIGHEST_RATE_HZ:,.0f} Hz{period}"
    )


def check_samples(
    signal: np.ndarray, devices: Devices, sampling_rate_hz: float, gravity: str = "included", stacklevel: int = 1
) -> None:
    """Look at a signal (N, T, C), NaN where missing, and say what is wrong with it.

    gravity: "included" or "removed", what is said of the accelerometers. Raises ``ValueError`` for what cannot be, and
    warns of what is unlikely (``SignalWarning``), once for each finding. stacklevel: whose line the warning names, 1
    for the caller's.
    """
    findings = examine(signal, devices, sampling_rate_hz, gravity)
    if certain := [finding.text for finding in findings if finding.certain]:
        raise ValueError("; besides, ".join(certain))
    for finding in findings:
        warnings.warn(finding.text, SignalWarning, stacklevel=stacklevel + 1)


def examine(signal: np.ndarray, devices: Devices, sampling_rate_hz: float, gravity: str = "included") -> list[Finding]:
    """All findings about a signal (N, T, C) of these devices, NaN where missing; see ``check_samples``."""
    if gravity not in GRAVITY:
        raise ValueError(f"gravity is {gravity!r}; expected one of {', '.join(GRAVITY)}")
    if not signal.size:
        return []
    found: list[Finding] = []
    # Extremes are looked for everywhere, medians in windows evenly spread.
    some = signal[np.linspace(0, len(signal) - 1, min(len(signal), _MOST_WINDOWS)).astype(int)]
    some = np.where(np.abs(some) <= _LARGEST_READ, some, np.nan)  # what is beyond is found by itself
    for place, columns in devices:
        names, at = list(columns), list(columns.values())
        sensors = {kind: [at[i] for i in order] for kind, order in triads(names)}
        whose = f" of {place}" if place else ""
        scaled = set()
        for kind, axes in sensors.items():
            name = f"{_NAMES[kind]}{whose}"
            found += _missing(some, axes, kind, name)
            if kind == "acc":  # exact zeros are found by themselves
                some[..., axes] = np.where((some[..., axes] == 0).all(-1, keepdims=True), np.nan, some[..., axes])
            code, is_code = _code(signal, axes, kind, name)
            found += is_code
            if code is not None:  # its own sentence; what is left tells the unit
                some[..., axes] = np.where(_reads(some[..., axes], code), np.nan, some[..., axes])
            unit = _unit(some[..., axes], kind, name, sampling_rate_hz, gravity)
            if kind == "acc" and not unit:
                unit = _minority(some[..., axes], name, sampling_rate_hz, gravity)
            found += unit
            if unit:
                scaled.add(kind)
            if code is None and not any(finding.certain for finding in unit):
                found += beyond(signal, axes, kind, name)
                found += _zeros(signal, axes, kind, name, sensors.get("acc"), sampling_rate_hz)
        if {"acc", "gyro"} <= set(sensors) and not scaled:
            found += _turning(some[..., sensors["acc"]], some[..., sensors["gyro"]], sampling_rate_hz, whose)
    return found


# --- What is there ----------------------------------------------------------------------------------------------------


def _missing(signal: np.ndarray, axes: Sequence[int], kind: str, name: str) -> list[Finding]:
    """An axis or a sensor without samples; samples so scattered that several clocks must have been joined."""
    there = np.isfinite(signal[..., axes])
    shares = there.mean((0, 1))
    valid = there.all(-1)
    share = float(valid.mean())
    if not shares.any():
        return [Finding(False, f"the {name} has no sample at all and is left aside; leave its channels out")]
    if not shares.all():
        empty = ", ".join(f"{kind}_{axis}" for axis, part in zip("xyz", shares, strict=True) if not part)
        text = (
            f"the {name} has no sample in {empty}, so that none of it counts; give all axes, or leave its channels out"
        )
        return [Finding(False, text)]
    # How many samples follow each other before one is missing.
    begins = valid.copy()
    begins[:, 1:] &= ~valid[:, :-1]
    run = valid.sum() / max(1, begins.sum())
    if share < _LEAST_SHARE and run < 2 and valid.shape[1] > 8:
        return [
            Finding(
                True,
                f"the {name} has samples in {share:.0%} of the rows, scattered one by one: sensors with clocks of "
                "their own were joined into one table. Interpolate each sensor on its own clock to one rate "
                "(har.signal.clocks.resample_uniform does), then put them side by side",
            )
        ]
    return []


def _code(signal: np.ndarray, axes: Sequence[int], kind: str, name: str) -> tuple[float | None, list[Finding]]:
    """A number that stands for missing samples: most of what is too large is that number, on all axes or well known."""
    x = signal[..., axes]
    large = np.abs(x) >= _CODE_LEAST[kind]
    if not large.any():
        return None, []
    values, counts = np.unique(x[large & np.isfinite(x)], return_counts=True)
    if not len(values):
        return None, []
    value, times = float(values[counts.argmax()]), int(counts.max())
    everywhere = (x == value).all(-1)
    known = abs(value) in _KNOWN_CODES and times > 1
    if times < large.sum() / 2 or not (known or 3 * everywhere.sum() == times):
        return None, []
    rows = _reads(x, value)[..., 0]
    text = f"{_where(value, rows, name)}: a code for missing samples, no measurement. Replace it by NaN"
    # A blow that is more than the device can measure reads its range on all axes, for a few samples.
    if kind == "acc" and not known and value in _RANGES_G and rows.mean() < _MOST_ZERO_SHARE:
        return value, [Finding(False, f"{text}, unless {value:g} g is the range of the device, and a blow went beyond")]
    return value, [Finding(True, text)]


def _reads(x: np.ndarray, value: float) -> np.ndarray:
    """(N, T, 1): samples of which an axis reads this value."""
    return (x == value).any(-1, keepdims=True)


def _where(value: float, rows: np.ndarray, name: str) -> str:
    """rows: (N, T) bool, samples that read the value."""
    window = int(rows.any(1).argmax())
    return f"window {window} holds samples of {value:.6g} of the {name} ({int(rows.sum()):,} of {rows.size:,} in all)"


def beyond(signal: np.ndarray, axes: Sequence[int], kind: str, name: str = "") -> list[Finding]:
    """Single samples of a sensor of a signal (N, T, C) that nothing worn measures. name: of the sensor, its kind's."""
    name = name or _NAMES[kind]
    x = signal[..., axes]
    rows = (np.abs(x) > LARGEST[kind]).any(-1)
    if rows.any():
        readings = x[rows][~np.isnan(x[rows])]
        largest = float(readings[np.abs(readings).argmax()])
        largest = largest if math.isfinite(largest) else abs(largest)
        text = f"{_where(largest, rows, name)}; nothing worn measures that. Mark what was not measured with NaN"
        return [Finding(True, text)]
    return []


def _zeros(
    signal: np.ndarray, axes: Sequence[int], kind: str, name: str, acc: Sequence[int] | None, rate_hz: float
) -> list[Finding]:
    """Zeros in place of missing samples. acc: columns of the device's accelerometer."""
    share = float((signal[..., axes] == 0).all(-1).mean())
    if share <= _MOST_ZERO_SHARE or (kind != "acc" and share < 1):
        return []
    if kind == "gyro" and acc is not None:  # many report no rotation at all below a threshold
        deviation = second_means(signal[..., acc], rate_hz)[1]
        deviation = deviation[np.isfinite(deviation)]
        if deviation.size and deviation.max() < STILL_SHARE:
            return []
    text = (
        f"the {name} reads exactly 0 on all axes in {share:.0%} of the samples, which nothing worn does: a code for "
        "missing samples, or a sensor that is off. Replace them by NaN, or leave its channels out"
    )
    return [Finding(False, text)]


# --- Units ------------------------------------------------------------------------------------------------------------


def _unit(x: np.ndarray, kind: str, name: str, rate_hz: float, gravity: str) -> list[Finding]:
    """Findings about the scale of a sensor (N, T, 3)."""
    magnitude = np.sqrt(np.square(x, dtype=np.float64).sum(-1))
    magnitude = magnitude[np.isfinite(magnitude)]
    if not len(magnitude):
        return []
    median = float(np.median(magnitude))
    if kind == "acc":
        return _accelerometer_unit(x, median, name, rate_hz, gravity)
    if kind == "gyro":
        fast = float(np.quantile(magnitude, 0.99))
        if fast > LARGEST_TURN_RATE:
            likely = "deg/s: multiply by pi / 180" if fast < 8000 else "raw counts: multiply by the data sheet's scale"
            text = (
                f"the {name} turns at {median:.3g} rad/s (median) and above {fast:.3g} for a hundredth of the time, "
                f"and nothing worn turns faster than {LARGEST_TURN_RATE:g} rad/s. It is probably in {likely}"
            )
            return [Finding(True, text)]
        return []
    if 2.0 <= median <= 2000.0:
        return []
    likely = "nT (divide by 1000) or mG (divide by 10)" if median > 2000 else "G (multiply by 100) or T"
    text = f"the {name} reads {median:.3g} uT (median), and the Earth's field is 25 to 65; is it in {likely}?"
    return [Finding(False, text)]


def _accelerometer_unit(x: np.ndarray, median: float, name: str, rate_hz: float, gravity: str) -> list[Finding]:
    means, deviations = second_means(x, rate_hz)
    there = np.isfinite(means).all(-1)
    means, deviations = means[there], deviations[there]
    weights = np.linalg.norm(means, axis=-1)
    weight = float(np.median(weights)) if len(weights) else None
    reads = f"the {name} has a median magnitude of {median:.2f}; expected about 1 (g)"
    if weight is not None:
        reads += f". Averaged over a second it is {weight:.2g}"
    known = median if weight is None else weight
    if median > _LARGEST_MEDIAN_G and not _LEAST_WEIGHT_SHARE * median < known < _LARGEST_MEAN_G:
        if weight is not None and weight < _LEAST_WEIGHT_SHARE * median:
            text = f"{reads}: it is not in g, and gravity is missing. {_IN_METRES}"
            if gravity == "included":
                text += ", and give the acceleration with gravity, or say gravity='removed' and expect much less"
            return [Finding(True, text)]
        if median < 40:
            remedy = f"Divide m/s^2 by {STANDARD_GRAVITY}"
        elif 400 < median < 1700:
            remedy = "Divide mg by 1000 (or counts by 1024, if that is one g)"
        else:
            counts = 2 ** round(math.log2(median))
            remedy = f"Divide raw counts by those in one g, which the data sheet gives (about {counts:,})"
        return [Finding(True, f"{reads}. {remedy}")]
    if weight is None:
        return []
    if gravity == "removed":
        if weight > 2 * LEAST_WEIGHT_G:
            return [Finding(False, f"{reads}: that is gravity, although gravity='removed'; give gravity='included'")]
        if median > _LARGEST_MEDIAN_REMOVED_G:
            text = f"the {name} has a median magnitude of {median:.2f} without gravity, more than all but runs"
            return [Finding(False, f"{text}. {_IN_METRES}")]
        return []
    if weight < max(LEAST_WEIGHT_G, _LEAST_WEIGHT_SHARE * median):
        if 0.09 < weight < 0.115 and weight > 0.9 * median:
            likely = f"It was probably divided by {STANDARD_GRAVITY} twice: multiply by {STANDARD_GRAVITY}"
        else:
            likely = (
                "Gravity has probably been removed, and with it what tells postures apart. Give the raw acceleration "
                "(Android: accelerometer, not linear acceleration; iOS: userAcceleration + gravity), or say "
                "gravity='removed' and expect much less"
            )
            if median > _LARGEST_MEDIAN_REMOVED_G:
                likely = f"{_IN_METRES}. {likely}"
        return [Finding(False, f"{reads}, with gravity 1 g whatever the wearer does. {likely}")]
    still = weights[deviations.max(-1) < STILL_SHARE * weights]
    rest = float(np.median(still)) if len(still) >= 3 else 1.0
    if not _STILL_RANGE_G[0] < rest < _STILL_RANGE_G[1]:
        text = f"the {name} reads {rest:.2f} in still seconds; expected about 1 (g). Is its range or scale another?"
        return [Finding(False, f"{text} Then divide by {rest:.3g}")]
    return []


def _minority(x: np.ndarray, name: str, rate_hz: float, gravity: str) -> list[Finding]:
    """Windows (N, T, 3), or stretches of long ones, that are in another unit or without gravity among others that are
    right, such as those of one person of a dataset.
    """
    length = max(1, min(x.shape[1], round(_STRETCH_S * rate_hz)))
    count = x.shape[1] // length
    pieces = x[:, : count * length].reshape(-1, length, 3)
    if len(pieces) < _LEAST_STRETCHES or length < max(2, _SHORTEST_S * rate_hz):
        return []
    there = np.isfinite(pieces).all(-1)
    which = np.flatnonzero(there.mean(1) > _LEAST_SHARE)
    pieces = pieces[which]
    if len(pieces) < _LEAST_STRETCHES:
        return []
    second = min(length, round(_SECOND * rate_hz))
    seconds = pieces[:, : length // second * second].reshape(len(pieces), -1, second, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of seconds without a sample
        weights = np.linalg.norm(np.nanmean(seconds, axis=2, dtype=np.float64), axis=-1)
        lightest, weights = np.nanmin(weights, axis=1), np.nanmedian(weights, axis=1)
    # By weight alone: who shakes a device reads much for a while, and weighs as much as before. Who swings it by its
    # strap weighs more, but not in every second; in another unit every second weighs too much.
    scaled, light = lightest > _LARGEST_MEAN_G, weights < LEAST_WEIGHT_G
    shown = f"of {length / rate_hz:.3g} s of the {name}"
    if scaled.any():
        text = (
            f"{scaled.sum():,} of {len(pieces):,} stretches {shown} weigh {np.median(weights[scaled]):.3g} (averaged "
            f"over a second), the first in window {which[scaled.argmax()] // count}, and the others about 1 (g): some "
            f"are in another unit. Bring all to g first (m/s^2: divide by {STANDARD_GRAVITY})"
        )
        return [Finding(bool(scaled.sum() > 1), text)]
    if gravity == "included" and light.sum() >= _LEAST_LIGHT and light.mean() > _LIGHT_SHARE:
        text = (
            f"{light.sum():,} of {len(pieces):,} stretches {shown} weigh {np.median(weights[light]):.2g} (g, averaged "
            f"over a second), the first in window {which[light.argmax()] // count}, and the others about 1: of some, "
            "gravity has probably been removed, or columns of sensors are exchanged. Give all with gravity"
        )
        return [Finding(False, text)]
    return []


# --- Sensors that see the same rotation -------------------------------------------------------------------------------


def _turning(acc: np.ndarray, gyro: np.ndarray, rate_hz: float, whose: str) -> list[Finding]:
    """The gyroscope's scale against the accelerometer of the same device (N, T, 3 each).

    Weight stays where it is while the device turns: da/dt = -w x a in its axes. The slope of one against the other is
    1 for a gyroscope in rad/s (least squares over slow movement).
    """
    weight, deviation = second_means(acc, rate_hz)
    turn = second_means(gyro, rate_hz)[0]
    if len(deviation):
        # A turn about the vertical, as on a swivel chair, leaves the weight where it is; any other one moves it.
        tilting = np.linalg.norm(np.cross(turn, weight), axis=-1) / np.maximum(np.linalg.norm(weight, axis=-1), 1e-6)
        still = (deviation.max(-1) < STILL_SHARE) & np.isfinite(tilting)
        rate = float(np.median(tilting[still])) if still.sum() >= 3 else 0.0
        if rate > _STILL_TURN_RATE:
            return [
                Finding(
                    False,
                    f"the gyroscope{whose} tilts at {rate:.2g} rad/s (median) in seconds in which the accelerometer is "
                    "still. It is probably in deg/s: multiply by pi / 180",
                )
            ]
    slope, correlation = turn_slope(acc, gyro, rate_hz)
    if not correlation or 1 / _MOST_SLOPE < slope < _MOST_SLOPE:
        return []
    likely = "converted to rad/s twice: multiply by 180 / pi" if slope > 1 else "in deg/s: multiply by pi / 180"
    return [
        Finding(
            False,
            f"the accelerometer sees the device turn {slope:.2g} times as fast as the gyroscope{whose} says "
            f"(correlation {correlation:.2f}). The gyroscope is probably {likely}",
        )
    ]


def turn_slope(acc: np.ndarray, gyro: np.ndarray, rate_hz: float) -> tuple[float, float]:
    """Slope and correlation of the change of the mean acceleration against -w x a, over quarters of a second.

    Both are of each window; medians are returned over the windows in which the two agree (0 and 1 where none does).
    """
    length = max(1, round(rate_hz / 4))
    count = acc.shape[1] // length
    if count < 3:
        return 1.0, 0.0
    a, w = (x[:, : count * length].astype(np.float64).reshape(len(x), count, length, 3).mean(2) for x in (acc, gyro))
    seen = (a[:, 2:] - a[:, :-2]) * rate_hz / (2 * length)
    told = -np.cross(w, a)[:, 1:-1]
    there = np.isfinite(seen).all(-1, keepdims=True) & np.isfinite(told).all(-1, keepdims=True)
    seen, told = np.where(there, seen, 0), np.where(there, told, 0)
    both, power, other = ((p * q).sum((1, 2)) for p, q in ((seen, told), (told, told), (seen, seen)))
    enough = (there.sum((1, 2)) >= _LEAST_QUARTERS) & (power > 0) & (other > 0)
    correlation = both[enough] / np.sqrt(power[enough] * other[enough])
    agreeing = correlation > _AGREEING
    if agreeing.sum() <= _LEAST_AGREEING * len(agreeing):
        return 1.0, 0.0
    slope = both[enough] / power[enough]
    return float(np.median(slope[agreeing])), float(np.median(correlation[agreeing]))


def second_means(x: np.ndarray, rate_hz: float) -> tuple[np.ndarray, np.ndarray]:
    """Means and deviations (n, C) of the seconds of windows (N, T, C), NaN where half of the samples are missing.

    Windows shorter than a second are taken whole.
    """
    length = min(round(_SECOND * rate_hz), x.shape[1])
    if length < max(2, _SHORTEST_S * rate_hz):
        return np.zeros((0, x.shape[2])), np.zeros((0, x.shape[2]))
    count = x.shape[1] // length
    pieces = x[:, : count * length].reshape(-1, length, x.shape[2])
    pieces = pieces[np.linspace(0, len(pieces) - 1, min(len(pieces), _MOST_SECONDS)).astype(int)].astype(np.float64)
    there = np.isfinite(pieces).all(-1, keepdims=True)
    samples = there.sum(1)
    means = np.where(there, pieces, 0).sum(1) / np.maximum(samples, 1)
    squares = np.where(there, np.square(pieces - means[:, None]), 0).sum(1) / np.maximum(samples, 1)
    missing = samples < length / 2
    return np.where(missing, np.nan, means), np.where(missing, np.nan, np.sqrt(squares))
