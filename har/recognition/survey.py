"""One pass over all samples of a device: what of it can be drawn, and what tells whether it was worn.

Samples are gone through a few minutes at a time, so a week of them needs no more memory than an hour. Shapes: B bins.
"""

from dataclasses import dataclass

import numpy as np

from har.readers.recording import Device
from har.recognition.spans import chunks
from har.signal.channels import SENSOR_KINDS, UNITS, triads

_CHUNK_S = 600.0
_MOST_BINS = 6000  # in a picture, while no bin is longer than a second
_MINUTE_S = 60.0


@dataclass(frozen=True)
class Survey:
    """Statistics of one triad of a device in bins of ``bin_s`` seconds from ``start_s`` on.

    kind: the sensor, the accelerometer where there is one. lowest, highest, mean, square: (B, 3) in its unit, NaN in
    bins without a sample; ``square`` is the mean of the squares. share: (B,) of the samples that are there.
    """

    kind: str
    start_s: float
    bin_s: float
    lowest: np.ndarray
    highest: np.ndarray
    mean: np.ndarray
    square: np.ndarray
    share: np.ndarray

    @property
    def unit(self) -> str:
        return UNITS[self.kind]

    def coarser(self, factor: int) -> "Survey":
        """The same in bins ``factor`` times as long."""
        whole = np.arange(0, len(self.share), factor)
        if factor == 1 or not len(whole):
            return self
        weight = np.nan_to_num(self.share)[:, None]
        total = np.add.reduceat(weight, whole, axis=0)
        parts = [
            np.add.reduceat(np.nan_to_num(values) * weight, whole, axis=0) / np.where(total > 0, total, np.nan)
            for values in (self.mean, self.square)
        ]
        length = np.diff(np.append(whole, len(self.share)))
        return Survey(
            self.kind,
            self.start_s,
            self.bin_s * factor,
            np.fmin.reduceat(self.lowest, whole, axis=0),
            np.fmax.reduceat(self.highest, whole, axis=0),
            *parts,
            total[:, 0] / length,
        )

    def minutes(self) -> "Survey":
        """The same in bins of a minute, of which a bin is a whole part."""
        return self.coarser(round(_MINUTE_S / self.bin_s))


def survey(device: Device) -> Survey:
    """Go through a device's samples once.

    Bins are a second long, shorter in a recording that has fewer of them than can be drawn, and a whole part of a
    minute in any case.
    """
    sensors = dict(triads(device.channels))
    kind = next(name for name in SENSOR_KINDS if name in sensors)
    columns, rate_hz = sensors[kind], device.sampling_rate_hz
    seconds = device.stop_s - device.start_s
    finest = max(_MINUTE_S, np.floor(_MINUTE_S * rate_hz))  # bins of a minute that hold a sample each
    bins_a_minute = int(np.clip(np.ceil(_MINUTE_S * _MOST_BINS / seconds), _MINUTE_S, finest))
    bin_s = _MINUTE_S / bins_a_minute
    count = max(1, int(np.ceil(seconds / bin_s - 1e-6)))
    lowest, highest = np.full((count, 3), np.nan, np.float32), np.full((count, 3), np.nan, np.float32)
    total, squares, there = np.zeros((count, 3)), np.zeros((count, 3)), np.zeros(count)
    for start_s, samples in chunks(device, max(1, round(_CHUNK_S * rate_hz))):
        x = np.ascontiguousarray(samples[:, columns].T)  # (3, n): reductions along what lies side by side
        finite = np.isfinite(x).all(axis=0)
        if not finite.all():
            x = np.where(finite, x, np.nan)
        place = ((start_s - device.start_s) + np.arange(x.shape[1]) / rate_hz) / bin_s
        place = np.minimum((place + 1e-6).astype(np.int64), count - 1)
        first = np.flatnonzero(np.append(True, place[1:] != place[:-1]))
        into = place[first]
        lowest[into] = np.fmin(lowest[into], np.fmin.reduceat(x, first, axis=1).T)
        highest[into] = np.fmax(highest[into], np.fmax.reduceat(x, first, axis=1).T)
        known = x if finite.all() else np.nan_to_num(x)
        total[into] += np.add.reduceat(known, first, axis=1, dtype=np.float64).T
        squares[into] += np.add.reduceat(known * known, first, axis=1, dtype=np.float64).T
        there[into] += np.add.reduceat(finite, first, dtype=np.int64)
    divisor = np.where(there > 0, there, np.nan)[:, None]
    share = np.minimum(there / (bin_s * rate_hz), 1.0)
    return Survey(kind, device.start_s, bin_s, lowest, highest, total / divisor, squares / divisor, share)
