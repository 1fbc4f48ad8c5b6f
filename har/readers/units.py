"""Units of sensors: from names, else from what physics fixes, with the evidence in words."""

import math
import re
from dataclasses import dataclass

import numpy as np

from har.readers.recording import ReaderError
from har.signal.plausibility import (
    LARGEST_TURN_RATE,
    LEAST_WEIGHT_G,
    STANDARD_GRAVITY,
    STILL_SHARE,
    second_means,
    turn_slope,
)


@dataclass(frozen=True)
class Unit:
    """kind: acc, gyro or mag. scale: from this unit to g, rad/s or uT; negative where gravity counts downwards."""

    kind: str
    text: str
    scale: float


_METRES = r"(?:m|meters?|metres?)"
_SECONDS = r"(?:s|sec|seconds?)"
_PATTERNS = (
    # kind, normalised text, scale, what it is written like once spaces and underscores are gone
    ("acc", "m/s^2", 1 / STANDARD_GRAVITY, rf"{_METRES}(?:/|p)\(?{_SECONDS}\^?2\)?|{_METRES}/{_SECONDS}/{_SECONDS}"),
    ("acc", "m/s^2", 1 / STANDARD_GRAVITY, rf"{_METRES}[*.]?{_SECONDS}\^?\(?-2\)?|m/s\*\*2|m/s\*s|mpss"),
    ("acc", "cm/s^2", 0.01 / STANDARD_GRAVITY, r"cm/s\^?2|gal"),
    ("acc", "mg", 1e-3, r"milli-?gs?|mgs?|mg0"),
    ("acc", "g", 1.0, r"g0?|gs|g-?force|g-?units?|standardgravity"),
    ("gyro", "rad/s", 1.0, rf"(?:rad|radians?)(?:/|p)?{_SECONDS}|rad\*?s\^?-1|radiansper{_SECONDS}|rps"),
    ("gyro", "mdeg/s", math.radians(1e-3), r"mdps|mdeg/s|mdegs|millideg/s"),
    ("gyro", "deg/s", math.radians(1.0), rf"(?:deg|degrees?|°|º)(?:/|per|p)?{_SECONDS}|dps|deg\*?s\^?-1|grad/s"),
    ("mag", "nT", 1e-3, r"nt|nanotesla"),
    ("mag", "mT", 1e3, r"millitesla"),
    ("mag", "uT", 1.0, r"ut|micro-?teslas?"),
    ("mag", "mG", 0.1, r"mgauss|milligauss|mg"),
    ("mag", "gauss", 100.0, r"gauss|gs?|localflux|flux"),
)
# By what a device at rest reads, in each unit; far apart, so that a coarse scale does not matter.
_AT_REST = (("g", 1.0), ("m/s^2", STANDARD_GRAVITY), ("mg", 1000.0), ("cm/s^2", 100 * STANDARD_GRAVITY))
_REST_RANGE = (0.8, 1.25)
_WEIGHT_RANGE = (0.6, 1.7)  # without a still second: means over a second of someone who moves
_LEAST_STILL_S = 3
_AGREE = 0.6
_EARTH_FIELD_UT = (15.0, 150.0)


def _plain(text: str) -> str:
    text = text.strip().replace("²", "^2").replace("⁻", "-").replace("−", "-").replace("·", "*").replace("∙", "*")
    text = text.replace("µ", "u").replace("μ", "u").replace("¹", "1").replace("â", "")
    return re.sub(r"[\s_\[\]{}]", "", text).lower()


def parse_unit(text: str, kind: str) -> Unit | None:
    """A unit of a sensor of this kind, or None. ``"64/g"`` are counts, a minus in front turns the sign."""
    plain = _plain(text)
    sign = -1.0 if plain.startswith("-") else 1.0
    plain = plain.removeprefix("-")
    minus = "-" if sign < 0 else ""
    if kind == "acc" and (counts := re.fullmatch(r"(\d+(?:\.\d+)?)(?:counts|lsb)?(?:/|per)g", plain)):
        per_g = float(counts[1])
        return Unit("acc", f"{minus}{per_g:g} counts a g", sign / per_g) if per_g > 0 else None
    for of, name, scale, pattern in _PATTERNS:
        if of == kind and re.fullmatch(pattern, plain):
            return Unit(kind, minus + name, sign * scale)
    return None


@dataclass(frozen=True)
class Weight:
    """What an accelerometer (n, 3) reads: at rest (None: no still seconds), and averaged over a second."""

    rest: float | None
    mean: float | None

    def __str__(self) -> str:
        if self.rest is not None:
            return f"it reads {self.rest:.4g} at rest"
        return "it has no second of samples" if self.mean is None else f"its mean over a second is {self.mean:.4g}"

    @property
    def known(self) -> float | None:
        return self.mean if self.rest is None else self.rest


def weigh(samples: np.ndarray, rate_hz: float) -> Weight:
    """samples: (n, 3) in any unit."""
    means, deviations = second_means(samples[None], rate_hz)
    there = np.isfinite(means).all(-1)
    weights, deviations = np.linalg.norm(means[there], axis=-1), deviations[there]
    if not len(weights):
        return Weight(None, None)
    mean = float(np.median(weights))
    still = weights[deviations.max(-1) < STILL_SHARE * weights]
    # Without gravity a still device reads noise about zero: what is still is then no weight.
    rest = float(np.median(still)) if len(still) >= _LEAST_STILL_S and np.median(still) > 0.5 * mean else None
    return Weight(rest, mean)


def unit_of_weight(weight: Weight) -> str | None:
    """The unit in which this is gravity, None where it is in none."""
    low, high = _WEIGHT_RANGE if weight.rest is None else _REST_RANGE
    found = [name for name, reading in _AT_REST if weight.known and low < weight.known / reading < high]
    # 1000 cm/s^2 and 1000 mg cannot be told apart, and nothing that people use writes the former without its name.
    return found[0] if found else None


def accelerometer_unit(where: str, samples: np.ndarray, rate_hz: float, named: Unit | None) -> tuple[Unit, str]:
    """(n, 3) raw samples -> unit, and the evidence for it.

    Raises ``ReaderError`` where neither name nor magnitude tells the unit, and where they contradict each other.
    """
    weight = weigh(samples, rate_hz)
    told = unit_of_weight(weight)
    if named is None:
        if told is None:
            raise ReaderError(
                f"{where}: the unit of the accelerometer is in no name, and {weight}; expected about 1 (g), 9.81 "
                "(m/s^2) or 1000 (mg) if gravity is included. Give unit='g', 'm/s^2', 'mg' or the counts in one g, "
                "such as unit='64/g'"
            )
        unit = parse_unit(told, "acc")
        return unit, f"accelerometer in {told}: no name tells the unit, but {weight}"
    reading = None if weight.rest is None else weight.rest * abs(named.scale)
    # Without gravity nothing is heavy: only a weight that another unit explains contradicts a name.
    if reading is not None and told not in (None, named.text.lstrip("-")) and not LEAST_WEIGHT_G < reading < 2:
        raise ReaderError(
            f"{where}: the accelerometer is said to be in {named.text}, but {weight}, as one in {told} does. Give "
            f"unit='{told}' if that is right"
        )
    return named, f"accelerometer in {named.text}"


def gyroscope_unit(
    where: str, gyro: np.ndarray, acc_g: np.ndarray | None, rate_hz: float, named: Unit | None
) -> tuple[Unit, str]:
    """(n, 3) raw samples, with gravity (n, 3) at the same time -> unit, and the evidence for it.

    Weight turns as the device does, da/dt = -w x a, which tells rad/s from deg/s. Raises ``ReaderError`` where neither
    name nor movement tells.
    """
    if named is not None:
        return named, f"gyroscope in {named.text}"
    magnitude = np.linalg.norm(gyro[np.isfinite(gyro).all(-1)], axis=-1)
    if not magnitude.any():  # samples that come later may be in either unit
        found = "reads exactly 0" if len(magnitude) else "has no sample"
        raise ReaderError(
            f"{where}: the gyroscope {found} in the first {len(gyro):,} rows, as one that is off, and no name tells "
            'its unit. Leave it out, by columns={"time": …, "acc_x": …, "acc_y": …, "acc_z": …}, or give '
            "unit='rad/s' or unit='deg/s'"
        )
    if np.quantile(magnitude, 0.99) > LARGEST_TURN_RATE:
        fast = float(np.quantile(magnitude, 0.99))
        if fast < 8000:
            text = f"gyroscope in deg/s: no name tells the unit, but it exceeds {fast:.3g} for a hundredth of the time"
            return parse_unit("deg/s", "gyro"), f"{text}, which nothing worn does in rad/s"
    elif acc_g is not None:
        length = max(8, round(5 * rate_hz))
        count = len(gyro) // length
        if count:
            acc_w, gyro_w = (x[: count * length].reshape(count, length, 3) for x in (acc_g, gyro))
            slope, correlation = turn_slope(acc_w, gyro_w, rate_hz)
            for name, factor in (("rad/s", 1.0), ("deg/s", math.radians(1.0))):
                if correlation > _AGREE and 0.3 < slope / factor < 3.3:
                    text = (
                        f"gyroscope in {name}: no name tells the unit, but gravity turns {slope:.2g} times as it says"
                    )
                    return parse_unit(name, "gyro"), f"{text} (correlation {correlation:.2f})"
    raise ReaderError(
        f"{where}: the unit of the gyroscope is in no name, and its samples do not tell rad/s from deg/s. Give "
        "unit='rad/s' or unit='deg/s'"
    )


def magnetometer_unit(mag: np.ndarray, named: Unit | None) -> Unit | None:
    """(n, 3) raw samples -> unit, None where neither name nor the Earth's field tells."""
    if named is not None:
        return named
    magnitude = np.linalg.norm(mag[np.isfinite(mag).all(-1)], axis=-1)
    median = float(np.median(magnitude)) if len(magnitude) else 0.0
    return Unit("mag", "uT", 1.0) if _EARTH_FIELD_UT[0] < median < _EARTH_FIELD_UT[1] else None
