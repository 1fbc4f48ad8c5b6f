"""Reading the samples of a dataset folder through once: can they be what the folder says they are?"""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from har.recordings.segments import DatasetError
from har.signal.channels import SENSOR_KINDS, UNITS, parse_devices
from har.signal.plausibility import LARGEST, STANDARD_GRAVITY, SignalWarning, examine

if TYPE_CHECKING:
    from har.recordings.format import Stream, StreamInfo

# What counts as a still second and as "about 1 g": cheap devices have biases of up to 10 %.
STILL_WINDOW_S = 1.0
STILL_DEVIATION_G = 0.03
REST_TOLERANCE_G = 0.2
# What an axis may read beyond its nominal range, and the range of a device of which it is not known.
RANGE_TOLERANCE = 1.5
LARGEST_RANGE_G = 100.0
# What is examined as a signal is: that many pieces of a stream, evenly spread, besides those of the largest values.
PIECES, PIECE_S = 200, 5.0
RUNS = 800  # of which one piece is looked at besides


def largest_readings(info: "StreamInfo") -> Iterator[tuple[list[int], float, str]]:
    """(columns, the largest magnitude that an axis can read, unit) of each sensor of a stream."""
    for kind in SENSOR_KINDS:
        axes = [i for i, c in enumerate(info.channels) if c.startswith(kind)]
        if axes:
            largest = RANGE_TOLERANCE * (info.accelerometer_range_g or LARGEST_RANGE_G)
            yield axes, largest if kind == "acc" else LARGEST[kind], UNITS[kind]


def scan_samples(stream: "Stream", path: Path) -> None:
    """Read a stream through. Raises ``DatasetError`` that names ``path``, row and remedy for what cannot be; warns once
    (``SignalWarning``) of what is unlikely.
    """
    extremes, beyond = _check_each_sample(stream, path)
    info = stream.info
    gravity = "removed" if info.gravity == "removed" else "included"
    # Of an accelerometer without gravity, with a range that nothing worn has, physics of the body says nothing.
    if beyond is None and gravity == "removed" and (info.accelerometer_range_g or 0) > LARGEST["acc"]:
        return
    devices = parse_devices(info.channels, info.placement)
    findings = examine(_pieces(stream, extremes), devices, info.sampling_rate_hz, gravity)
    if certain := [finding.text for finding in findings if finding.certain]:
        rows = ", ".join(map(str, sorted(extremes)))
        certain.append(f"the largest values are in the rows {rows}; where samples are missing, split the recording")
    if wrong := certain + ([beyond] if beyond else []):
        raise DatasetError(f"{path}: {'; besides, '.join(wrong)}")
    rest = rest_magnitude_g(stream)
    if rest is not None and abs(rest - 1.0) > REST_TOLERANCE_G:
        raise DatasetError(
            f"{path}: still windows read {rest:.3f} g; expected about 1 g. Is the accelerometer in m/s^2 (divide "
            f"by {STANDARD_GRAVITY}), in counts, or without gravity (then say gravity: removed)?"
        )
    if findings:
        warnings.warn(f"{path}: {'; besides, '.join(f.text for f in findings)}", SignalWarning, stacklevel=3)


def _check_each_sample(stream: "Stream", path: Path) -> tuple[list[int], str | None]:
    """Refuse samples that are not finite; returns the row with the largest value of each sensor, and what is to be said
    when one is beyond the range of an accelerometer.
    """
    beyond = None
    everything = np.asarray(stream.samples)
    readings = list(largest_readings(stream.info))
    top, row_of_top = [-1.0] * len(readings), [0] * len(readings)
    for start, stop in zip(stream.segments.start.tolist(), stream.segments.stop.tolist(), strict=True):
        samples = everything[start:stop]
        if not np.isfinite(samples).all():
            row = start + int(np.argmin(np.isfinite(samples).all(axis=1)))
            raise DatasetError(f"{path}, row {row}: a sample is not finite; split the segment there or convert again")
        for sensor, (axes, largest_g, unit) in enumerate(readings):
            reach = np.abs(samples[:, axes])
            largest = float(reach.max(initial=0.0))
            if largest > top[sensor]:
                top[sensor], row_of_top[sensor] = largest, start + int(np.argmax(reach.max(axis=1)))
            if unit == UNITS["acc"] and largest > largest_g:
                known = stream.info.accelerometer_range_g or LARGEST_RANGE_G
                beyond = beyond or (
                    f"row {row_of_top[sensor]}: {largest:.4g} g is beyond the device's range of {known:g} g; "
                    "is it in m/s^2 or in counts? Treat single spikes as lost samples in the converter, or correct "
                    "accelerometer_range_g"
                )
    return row_of_top, beyond


def _pieces(stream: "Stream", rows: list[int]) -> np.ndarray:
    """Pieces of gap-free runs (N, T, C), NaN behind the end of one: evenly spread ones, and those with these rows."""
    start, stop = _runs(stream)
    # Where runs are shorter, so are the pieces: what is not there must not pass for samples that are missing.
    length = max(1, min(round(PIECE_S * stream.info.sampling_rate_hz), int(np.median(stop - start))))
    ends = np.cumsum(-(-(stop - start) // length))
    middles = ends - (-(-(stop - start) // length) + 1) // 2  # of each run, so that nobody is passed over
    middles = middles[np.linspace(0, len(middles) - 1, min(RUNS, len(middles))).astype(np.int64)]
    evenly = np.linspace(0, ends[-1] - 1, min(PIECES, int(ends[-1]))).astype(np.int64)
    chosen = np.union1d(evenly, middles)
    run = np.searchsorted(ends, chosen, side="right")
    first = np.maximum(stop[run] - (ends[run] - chosen) * length, start[run])
    within = np.searchsorted(start, rows, side="right") - 1
    run = np.concatenate([run, within])
    first = np.concatenate([first, np.maximum(np.array(rows) - length // 2, start[within])])
    pieces = np.full((len(first), length, len(stream.info.channels)), np.nan, dtype=np.float32)
    for piece, begin, end in zip(pieces, first.tolist(), stop[run].tolist(), strict=True):
        samples = stream.samples[begin : min(begin + length, end)]
        piece[: len(samples)] = samples
    return pieces


def _runs(stream: "Stream") -> tuple[np.ndarray, np.ndarray]:
    """First rows and rows after the last of stretches of one recording without a gap in the array, whatever their
    labels.
    """
    segments = stream.segments
    begins = np.ones(len(segments) + 1, dtype=bool)
    follows = segments.start[1:] == segments.stop[:-1]
    begins[1:-1] = ~(follows & (segments.recording.code[1:] == segments.recording.code[:-1]))
    return segments.start[begins[:-1]], segments.stop[begins[1:]]


def rest_magnitude_g(stream: "Stream") -> float | None:
    """Median magnitude in g of the accelerometer over the stillest windows of a stream.

    Returns None when the stream has no accelerometer with gravity or never lies still. Of all still seconds (largest
    deviation of an axis below ``STILL_DEVIATION_G``) the stillest tenth is taken, at least ten, so that a few odd ones
    do not decide.
    """
    axes = [i for i, c in enumerate(stream.info.channels) if c.startswith("acc")]
    if not axes or stream.info.gravity == "removed":
        return None
    length = max(2, round(STILL_WINDOW_S * stream.info.sampling_rate_hz))
    deviations, magnitudes = [], []
    for start, stop in zip(stream.segments.start.tolist(), stream.segments.stop.tolist(), strict=True):
        count = (stop - start) // length
        if count:
            block = np.asarray(stream.samples[start : start + count * length, axes], dtype=np.float64)
            windows = block.reshape(count, length, 3)
            deviations.append(windows.std(axis=1).max(axis=1))
            magnitudes.append(np.linalg.norm(windows.mean(axis=1), axis=1))
    if not deviations:
        return None
    deviation, magnitude = np.concatenate(deviations), np.concatenate(magnitudes)
    # A device that is switched off reads a constant zero: that is no rest.
    still = np.flatnonzero((deviation < STILL_DEVIATION_G * _unit_guess(magnitude)) & (magnitude > 0))
    if not len(still):
        return None
    stillest = still[np.argsort(deviation[still], kind="stable")][: max(10, len(still) // 10)]
    return float(np.median(magnitude[stillest]))


def _unit_guess(magnitude: np.ndarray) -> float:
    """About 1 for samples in g, about 9.8 for m/s^2: stillness is judged in the samples' own unit."""
    return max(1.0, float(np.median(magnitude)))
