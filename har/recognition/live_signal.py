"""Samples as a device sends them, with stamps of its clock -> stretches on uniform grids.

The clock of a live recording counts from the first sample. It goes on where the sender's clock is set back. However the
rows are parted into calls, the stretches are the same. Shapes: n rows, C channels.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np

from har.readers.counts import Counts
from har.readers.reading import LEAST_GAP_PERIODS, LEAST_GAP_S, rate_of_steps
from har.recognition.spans import BRIDGED_S
from har.signal.channels import triads
from har.signal.clocks import MOST_BACKWARDS_S, ClockError, UniformGrid, check_step
from har.signal.plausibility import HIGHEST_RATE_HZ, LOWEST_RATE_HZ, check_rate

_RATE_S = 2.0  # of a stretch, from which its rate is estimated
_SAME_RATE = 0.02  # rates that differ by less are one
_LONE_ROWS = 8  # in a row, each without a neighbour: the stamps are no seconds
_USUAL_HZ = 50.0  # of a worn device, to tell the unit of stamps by
# By the sender's clock nothing is known of how long it was away when it was set back: long enough to be a gap.
_SET_BACK_S = 2 * BRIDGED_S
_FIRST_ROWS = 4096
_FARTHEST_S = 1e11  # from stamp to stamp, three thousand years: in any unit that stamps are in


class Stretch:
    """Samples without a gap of more than a second, on a grid of one rate.

    number: one more than that of the stretch before. start_s: of its point 0, on the clock of the recording; shift_s:
    from there to the clock of the sender. complete: points up to which all sensors that are still measuring have been
    heard of. closed: whether it has ended.
    """

    def __init__(
        self, number: int, start_s: float, shift_s: float, rate_hz: float, channels: int, kept_s: float
    ) -> None:
        self.number = number
        self.start_s, self.shift_s, self.rate_hz = start_s, shift_s, rate_hz
        self.complete, self.closed = 0, False
        self._kept = round(kept_s * rate_hz)
        self._first = 0  # point that the buffer begins with
        self._samples = np.full((_FIRST_ROWS, channels), np.nan, dtype=np.float32)

    @property
    def stop_s(self) -> float:
        return self.start_s + self.complete / self.rate_hz

    @property
    def kept_from(self) -> int:
        """The first point that can still be read."""
        return self._first

    def point(self, time_s: float) -> int:
        """The point nearest to a time on the clock of the recording."""
        return round((time_s - self.start_s) * self.rate_hz)

    def write(self, point: int, columns: Sequence[int], samples: np.ndarray) -> None:
        """Samples (n, k) of a sensor from a point on; what is older than is kept gives way."""
        stop = point + len(samples) - self._first
        if stop > len(self._samples):
            forgotten = max(0, self.complete - self._kept - self._first)
            needed, room = stop - forgotten, len(self._samples)
            held = self._samples[forgotten:]
            self._samples = np.full((room if needed < 0.75 * room else 2 * needed, held.shape[1]), np.nan, np.float32)
            self._samples[: len(held)] = held
            self._first += forgotten
        row = point - self._first
        self._samples[row : row + len(samples), columns] = samples

    def read(self, first: int, stop: int) -> np.ndarray:
        """(stop - first, C): points that are complete; NaN outside of what was measured or is kept."""
        out = np.full((stop - first, self._samples.shape[1]), np.nan, dtype=np.float32)
        a, b = max(first, self.kept_from), min(stop, self.complete)
        if a < b:
            out[a - first : b - first] = self._samples[a - self._first : b - self._first]
        return out


class LiveSignal:
    """What was measured by now. stretches: in order of time, those of the last ``kept_s`` seconds."""

    def __init__(self, channels: Sequence[str], kept_s: float) -> None:
        self.channels, self.counts = tuple(channels), Counts()
        self.stretches: list[Stretch] = []
        self._kept_s = kept_s
        self._sensors = triads(channels)  # the first one leads
        self._shift_s: float | None = None  # from the clock of the recording to that of the sender
        self._stamp: float | None = None  # the newest one
        self._latest = -np.inf  # stamp of any row, on the clock of the recording
        self._led = -np.inf  # the same of a row of the leading sensor
        self._waiting = _rows(len(self.channels))  # of a stretch whose rate is not known yet
        self._lone: list[float] = []  # stamps of the leading sensor, each a gap away from the others
        self._grids: list[UniformGrid] | None = None
        self._reached: list[int] = []  # points that each sensor has
        self._heard: list[float] = []  # when it was heard of

    def add(self, time_s: np.ndarray, samples: np.ndarray) -> None:
        """Rows (n,) s of the sender's clock and (n, C), in the order in which they were measured.

        Raises ``ClockError`` where the stamps cannot be seconds.
        """
        told = np.isfinite(time_s)
        self._count("samples without a time left out", int((~told).sum()))
        time_s, samples = time_s[told], samples[told]
        self._check_steps(time_s)
        while len(time_s):
            if self._shift_s is None:
                self._shift_s = float(time_s[0])
            own = time_s - self._shift_s
            highest = np.maximum.accumulate(np.append(self._latest, own))
            back = np.flatnonzero(own < highest[:-1] - MOST_BACKWARDS_S)
            stop = int(back[0]) if len(back) else len(own)
            late = own[:stop] < highest[:stop]
            self._count("samples that come later than their time stamps, left out", int(late.sum()))
            self._forwards(own[:stop][~late], samples[:stop][~late])
            time_s, samples = time_s[stop:], samples[stop:]
            if len(back):
                self._count("times that the clock was set back", 1)
                self._end()
                self._shift_s = float(time_s[0]) - (self._latest + _SET_BACK_S)

    def _check_steps(self, time_s: np.ndarray) -> None:
        if not len(time_s):
            return
        with np.errstate(over="ignore"):  # what is beyond all numbers is too far as well
            far = np.abs(np.diff(time_s, prepend=time_s[0] if self._stamp is None else self._stamp)) > _FARTHEST_S
        if far.any():
            raise ClockError(f"a time stamp is {time_s[far.argmax()]:g}, ages away from the one before; give seconds")
        self._stamp = float(time_s[-1])

    def _forwards(self, time_s: np.ndarray, samples: np.ndarray) -> None:
        """Rows in order of time, on the clock of the recording, from gap to gap of the leading sensor."""
        if not len(time_s):
            return
        self._latest = float(time_s[-1])
        leads = np.flatnonzero(np.isfinite(samples[:, self._sensors[0][1]]).all(axis=1))
        steps = np.diff(np.append(self._led, time_s[leads]))
        gaps = leads[(steps > BRIDGED_S) & np.isfinite(steps)]
        for first, last in pairwise([0, *gaps.tolist(), len(time_s)]):
            if first in gaps:
                self._end()
            self._go_on(time_s[first:last], samples[first:last])
        if len(leads):
            self._led = float(time_s[leads[-1]])

    def _go_on(self, time_s: np.ndarray, samples: np.ndarray) -> None:
        if self._grids is not None:
            self._feed(time_s, samples)
            return
        self._waiting = tuple(np.concatenate(parts) for parts in zip(self._waiting, (time_s, samples), strict=True))
        time_s, samples = self._waiting
        led = time_s[np.isfinite(samples[:, self._sensors[0][1]]).all(axis=1)]
        if not len(led) or led[-1] - led[0] < _RATE_S:
            return
        self._waiting, self._lone = _rows(len(self.channels)), []
        self._begin(led, led[: np.searchsorted(led, led[0] + _RATE_S) + 1])
        self._feed(time_s, samples)

    def _begin(self, led: np.ndarray, first: np.ndarray) -> None:
        """A stretch of rows of the leading sensor, whose rate is that of the first ones."""
        steps = np.diff(first)
        rate_hz = rate_of_steps(steps[steps > 0])
        before = self.stretches[-1].rate_hz if self.stretches else rate_hz
        if not LOWEST_RATE_HZ <= rate_hz <= HIGHEST_RATE_HZ:
            check_step(first, _USUAL_HZ)
            check_rate(rate_hz)
        if abs(rate_hz / before - 1) < _SAME_RATE:
            rate_hz = before
        else:
            self._count(f"times that the rate changed, lastly to {rate_hz:g} Hz", 1)
        gap_s = max(LEAST_GAP_S, LEAST_GAP_PERIODS / rate_hz)
        self._grids = [UniformGrid(rate_hz, gap_s, self.counts, True, steps_checked=False) for _ in self._sensors]
        self._reached, self._heard = [0] * len(self._sensors), [-np.inf] * len(self._sensors)
        self._gap_s = gap_s
        number = self.stretches[-1].number + 1 if self.stretches else 0
        self.stretches.append(Stretch(number, float(led[0]), self._shift_s, rate_hz, len(self.channels), self._kept_s))

    def _feed(self, time_s: np.ndarray, samples: np.ndarray) -> None:
        stretch = self.stretches[-1]
        time_s = time_s - stretch.start_s
        for number, (grid, (_, columns)) in enumerate(zip(self._grids, self._sensors, strict=True)):
            own = samples[:, columns]
            there = np.isfinite(own).all(axis=1) & (time_s >= 0)
            if there.any():
                self._take(number, grid.add(time_s[there], own[there]))
                self._heard[number] = float(time_s[there][-1])
        complete = self._reached[0]
        for reached, heard in zip(self._reached[1:], self._heard[1:], strict=True):
            # A sensor that is silent for longer has a gap there, whatever comes.
            if self._heard[0] - heard <= self._gap_s:
                complete = min(complete, reached)
        stretch.complete = max(stretch.complete, complete)
        self._forget()

    def _take(self, number: int, parts: Iterable[tuple[float | None, np.ndarray]]) -> None:
        stretch = self.stretches[-1]
        for start_s, part in parts:
            if start_s is not None:
                self._reached[number] = round(start_s * stretch.rate_hz)
            stretch.write(self._reached[number], self._sensors[number][1], part)
            self._reached[number] += len(part)

    def _end(self) -> None:
        """The leading sensor has a gap, or the clock was set back."""
        if self._grids is None:
            self._lonely(self._waiting[0])
            self._count("samples between two gaps, too few to tell their rate, left out", len(self._waiting[0]))
            self._waiting = _rows(len(self.channels))
            return
        for number, grid in enumerate(self._grids):
            self._take(number, grid.close())
        stretch = self.stretches[-1]
        stretch.complete, stretch.closed = self._reached[0], True
        self._grids = None

    def _lonely(self, time_s: np.ndarray) -> None:
        """Stamps each of which is a gap away from the next are in another unit than seconds."""
        self._lone += time_s.tolist()
        if len(self._lone) >= _LONE_ROWS:
            lone = np.array(self._lone)
            self._lone = []
            if np.median(np.diff(lone)) > BRIDGED_S:
                check_step(lone, _USUAL_HZ)

    def _forget(self) -> None:
        while self.stretches[0].closed and self.stretches[0].stop_s < self.stretches[-1].stop_s - self._kept_s:
            self.stretches.pop(0)

    def _count(self, sentence: str, count: int) -> None:
        if count:
            self.counts.add(sentence, count)


def _rows(channels: int) -> tuple[np.ndarray, np.ndarray]:
    return np.zeros(0), np.zeros((0, channels))
