"""What converters do about clocks beyond `har.signal.clocks`: ranges of devices, the time of a fall, lost rows."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from har.recordings.segments import DatasetError
from har.signal import clocks
from har.signal.clocks import ClockError

if TYPE_CHECKING:
    from har.recordings.convert.common import Notes, Run

# The labelled part of a fall trial: this much around the impact.
FALL_BEFORE_S = FALL_AFTER_S = 2.5


def resample_uniform(
    time_s: np.ndarray, samples: np.ndarray, rate_hz: float, max_gap_s: float, notes: "Notes | None" = None
) -> list[tuple[float, np.ndarray]]:
    """`har.signal.clocks.resample_uniform` of a dataset's file; raises ``DatasetError`` in its words."""
    try:
        return clocks.resample_uniform(time_s, samples, rate_hz, max_gap_s, notes)
    except ClockError as error:
        raise DatasetError(str(error)) from error


def lose_spikes(acceleration_g: np.ndarray, range_g: float, notes: "Notes") -> np.ndarray:
    """A copy in which samples beyond what the device can report are NaN (lost), counted in ``notes``."""
    result = np.array(acceleration_g, dtype=np.float64)
    spikes = (np.abs(result) > range_g).any(axis=1)
    result[spikes] = np.nan
    notes.add(f"accelerometer samples beyond the device's range of {range_g:g} g treated as lost", int(spikes.sum()))
    return result


def around_peak(
    acceleration_g: np.ndarray, rate_hz: float, before_s: float = FALL_BEFORE_S, after_s: float = FALL_AFTER_S
) -> tuple[int, int]:
    """Rows from ``before_s`` before to ``after_s`` after the largest acceleration magnitude, within the array.

    Fall trials hold seconds of standing and lying around an impact of half a second; only this part is a fall
    (the peak of the magnitude marks the impact: Kangas et al., Gait & Posture 2008).
    """
    peak = int(np.argmax(np.linalg.norm(acceleration_g[:, :3], axis=1)))
    return max(0, peak - round(before_s * rate_hz)), min(len(acceleration_g), peak + round(after_s * rate_hz))


def steady_clock(
    stamps_s: np.ndarray, number: np.ndarray, max_delay_s: float, path: Path, first_row: int
) -> tuple[float, float]:
    """The clock of a sensor with a constant rate whose stamps are those of arrival, in bursts after a pause.

    stamps_s: (n,) of the rows ``number`` (n,) of the file, which may lack some. A straight line through stamps over
    numbers restores the clock. Returns (time of row 0 in s since the first stamp, rate in Hz). first_row: the number in
    the file of its row 0.

    Raises ``DatasetError`` when there is no time between the rows, or a stamp lies further from the line than a delay.
    """
    if len(stamps_s) < 2 or np.ptp(stamps_s) == 0:
        raise DatasetError(f"{path}: {len(stamps_s)} samples, all at one time; expected about 10 s; remove the file")
    step, first = np.polyfit(number, stamps_s - stamps_s[0], 1)
    delay = np.abs(stamps_s - stamps_s[0] - first - step * number)
    if delay.max() > max_delay_s:
        raise DatasetError(
            f"{path}, row {int(np.argmax(delay)) + first_row}: time stamp {delay.max():.3f} s from a constant rate of "
            f"{1 / step:.2f} Hz; expected at most {max_delay_s:g} s: samples were lost, remove the file"
        )
    return float(first), float(1 / step)


def repeated_rows(table: np.ndarray, told_apart: np.ndarray) -> np.ndarray:
    """(rows,) bool: which rows repeat the one before in all columns, as a row does that was written twice.

    table: (rows, columns) with a clock or a number of the row. told_apart: (rows,) bool, where these have a value of
    their own in each row; elsewhere equal rows may be samples of a device at rest.
    """
    repeated = np.zeros(len(table), dtype=bool)
    repeated[1:] = (table[1:] == table[:-1]).all(axis=1) & told_apart[1:]
    return repeated


def split_at_lost_rows(run: "Run", rows: np.ndarray, rate_hz: float) -> "Iterator[Run]":
    """A run of a file without a clock, of which rows were left out, as runs without gaps.

    rows: (n,) increasing numbers in the file of the run's samples. run.labels: in samples of the run. How long a
    damaged row took is not known, so nothing is interpolated over it.
    """
    rows = np.asarray(rows)
    borders = [0, *(np.flatnonzero(np.diff(rows) != 1) + 1).tolist(), len(rows)]
    for first, last in pairwise(borders):
        inside = [(text, max(start, first) - first, min(stop, last) - first) for text, start, stop in run.labels]
        labels = [(text, start, stop) for text, start, stop in inside if start < stop]
        time_s = run.start_time_s + int(rows[first]) / rate_hz
        yield replace(run, samples=run.samples[first:last], labels=labels, start_time_s=time_s)
