"""Whether a device is off the body by now: ``har.recognition.non_wear`` on the hour that ends now.

A recording tells that a device was laid down an hour ago; who looks at it live learns it only then, and that it was
taken up again at once. Before the hour is over its time counts as worn.
"""

import numpy as np

from har.recognition.non_wear import HOUR_MIN, not_worn
from har.recognition.spans import Span
from har.recognition.survey import Survey

_MINUTE_S = 60.0


class LiveWear:
    """Minutes of the clock of a live recording, an hour of them and the present one: what its accelerometer read."""

    def __init__(self) -> None:
        self._minute, self._now_s = 0, 0.0  # the present one, which is the last row
        rows = HOUR_MIN + 1
        self._lowest, self._highest = np.full((rows, 3), np.nan), np.full((rows, 3), np.nan)
        self._total, self._squares = np.zeros((rows, 3)), np.zeros((rows, 3))
        self._there, self._heard = np.zeros(rows), np.zeros(rows)

    def add(self, time_s: float, samples: np.ndarray) -> None:
        """Samples (n, 3) in g, NaN = missing, of one step that ends at a time."""
        minute, self._now_s = int(np.ceil(time_s / _MINUTE_S - 1e-9)) - 1, time_s
        if passed := min(minute - self._minute, HOUR_MIN + 1):
            for values in (self._lowest, self._highest, self._total, self._squares, self._there, self._heard):
                values[:-passed] = values[passed:].copy()
                values[-passed:] = np.nan if values is self._lowest or values is self._highest else 0.0
            self._minute = minute
        self._heard[-1] += len(samples)
        there = samples[np.isfinite(samples).all(axis=1)].astype(np.float64)
        if len(there):
            self._lowest[-1] = np.fmin(self._lowest[-1], there.min(axis=0))
            self._highest[-1] = np.fmax(self._highest[-1], there.max(axis=0))
            self._total[-1] += there.sum(axis=0)
            self._squares[-1] += np.square(there).sum(axis=0)
            self._there[-1] += len(there)

    def off(self) -> Span | None:
        """When the device was not worn, up to now, as the last hour tells; the present minute counts as it is."""
        if not self._there.all():
            return None
        mean, square = self._total / self._there[:, None], self._squares / self._there[:, None]
        start_s, share = (self._minute - HOUR_MIN) * _MINUTE_S, self._there / self._heard
        spans = not_worn(Survey("acc", start_s, _MINUTE_S, self._lowest, self._highest, mean, square, share))
        # The hour has to be over without the present minute, of which a moment may have passed.
        return (start_s, min(spans[0][1], self._now_s)) if spans and spans[0][0] == start_s else None
