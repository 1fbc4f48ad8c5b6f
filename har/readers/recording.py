"""What a reader makes of a file: devices with their samples, each on its own clock, and what was done to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np


class ReaderError(ValueError):
    """A file cannot be read as a recording; the message names it and says what was found, expected, and what to do."""


class Piece(NamedTuple):
    """Samples without a gap: (T, C) float32, NaN where one is missing; start_s is when the first one was taken.

    ``samples`` may be memory-mapped: a week of them does not fit into memory twice.
    """

    start_s: float
    samples: np.ndarray


@dataclass(frozen=True)
class Device:
    """One device at one place on the body: sampled evenly within each piece, with gaps between pieces.

    placement: in words, None where the file does not know. channels: ``acc_x`` ... ``mag_z``, the columns of every
    piece; accelerometer in g, gyroscope in rad/s, magnetometer in uT, in the frame of ``AlignmentModel.embed``.
    pieces: in the order of time, which is in seconds on the clock of the recording. gravity: "included", or "removed"
    where the file holds no more than what is left without it.
    """

    placement: str | None
    channels: tuple[str, ...]
    sampling_rate_hz: float
    pieces: tuple[Piece, ...]
    gravity: str = "included"

    @property
    def start_s(self) -> float:
        return self.pieces[0].start_s

    @property
    def stop_s(self) -> float:
        last = self.pieces[-1]
        return last.start_s + len(last.samples) / self.sampling_rate_hz


@dataclass(frozen=True)
class Recording:
    """What one person recorded at a time, with one device or several, which share a clock.

    start_time: when second 0 of that clock was, with its time zone where the file tells one, None where it tells no
    time of day. notes: sentences for people about what the reader took for granted, converted, repaired or left out.
    """

    name: str
    devices: tuple[Device, ...]
    start_time: datetime | None = None
    notes: Sequence[str] = ()
    source: Path | None = None

    @property
    def duration_s(self) -> float:
        """From the first sample of any device to the last one of any."""
        return max(device.stop_s for device in self.devices) - min(device.start_s for device in self.devices)
