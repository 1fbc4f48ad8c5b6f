"""Whether a device is off the body by now: ``har.recognition.non_wear`` on the hour that ends now.

A recording tells that a device was laid down an hour ago; who looks at it live learns it only then, and that it was
taken up again at once.
"""

import numpy as np

from har.recognition.non_wear import HOUR_MIN, not_worn
from har.recognition.spans import Span
from har.recognition.survey import Survey

_MINUTE_S = 60.0


class LiveWear:
    """Minutes of the clock of a recording that just began, of its accelerometer, an hour and the present one."""

    def __init__(self) -> None:
        self._first = 0
        self._lowest = np.full((0, 3), np.nan)
        self._highest, self._total, self._squares = (self._lowest.copy() for _ in range(3))
        self._count, self._of = np.zeros(0), np.zeros(0)

    def add(self, time_s: float, samples: np.ndarray) -> None:
        """Samples (n, 3) in g, NaN = missing, of one step that ends at a time."""
        minute = int(np.ceil(time_s / _MINUTE_S - 1e-9)) - 1
        self._reach(minute)
        row = minute - self._first
        self._of[row] += len(samples)
        there = samples[np.isfinite(samples).all(axis=1)].astype(np.float64)
        if len(there):
            self._lowest[row] = np.fmin(self._lowest[row], there.min(axis=0))
            self._highest[row] = np.fmax(self._highest[row], there.max(axis=0))
            self._total[row] += there.sum(axis=0)
            self._squares[row] += np.square(there).sum(axis=0)
            self._count[row] += len(there)

    def off(self) -> list[Span]:
        """Spans that the last hour tells of, in which the device was not worn; the present minute counts as it is."""
        if len(self._of) <= HOUR_MIN:
            return []
        divisor = np.where(self._count > 0, self._count, np.nan)[:, None]
        share = self._count / np.maximum(self._of, 1)
        start_s = self._first * _MINUTE_S
        mean, square = self._total / divisor, self._squares / divisor
        return not_worn(Survey("acc", start_s, _MINUTE_S, self._lowest, self._highest, mean, square, share))

    def _reach(self, minute: int) -> None:
        if not len(self._of):
            self._first = minute
        new = minute + 1 - self._first - len(self._of)
        if new <= 0:
            return
        if new > HOUR_MIN:
            self.__init__()
            return self._reach(minute)
        gone = max(0, len(self._of) + new - HOUR_MIN - 1)
        self._first += gone
        for name in ("_lowest", "_highest", "_total", "_squares", "_count", "_of"):
            held = getattr(self, name)[gone:]
            missing = np.full((new, *held.shape[1:]), np.nan if name in ("_lowest", "_highest") else 0.0)
            if name in ("_total", "_squares"):
                missing[:] = 0.0
            setattr(self, name, np.concatenate([held, missing]))
