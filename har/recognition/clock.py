"""Seconds of a recording as times of day: hours and days as the wearer's clock showed them, also when it is changed."""

import contextlib
import math
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

import numpy as np

_MINUTE_S = 60.0


@dataclass(frozen=True)
class Clock:
    """start: when second 0 was, with its time zone where one is known; None where no time of day is known."""

    start: datetime | None

    def at(self, time_s: float) -> datetime | None:
        """The moment by the wearer's clock: in the zone of the start, after a change of clocks by the new one."""
        if self.start is None:
            return None
        if self.start.tzinfo is None:
            return self.start + timedelta(seconds=float(time_s))
        # Added to a time in a zone, seconds would be those of its wall clock, which jumps.
        moment = self.start.astimezone(UTC) + timedelta(seconds=float(time_s))
        return moment.astimezone(self.start.tzinfo)

    def text(self, time_s: float) -> str:
        """ISO 8601 to the millisecond; "" without a time of day."""
        moment = self.at(time_s)
        return "" if moment is None else moment.isoformat(timespec="milliseconds")

    def wall_ms(self, time_s: np.ndarray) -> np.ndarray:
        """(N,) milliseconds since 1970 of the wall clock, as if it were in UTC, for axes that draw local times.

        The clock of the start is kept throughout: an axis cannot show an hour twice.
        """
        if self.start is None:
            return np.asarray(time_s) * 1000.0
        zero = self.start.replace(tzinfo=UTC).timestamp()
        return (zero + np.asarray(time_s)) * 1000.0

    def seconds(self, text: str) -> float:
        """Seconds of the recording from a number, or from a time in ISO 8601 (in the zone of the start).

        A time without a date, such as 10:00:05, is the first one from the start on. Raises ``ValueError`` for another
        text, and for a time of day where the recording knows none.
        """
        try:
            number = float(text)
        except ValueError:
            pass
        else:
            if not math.isfinite(number):
                raise ValueError(f"{text!r} is no number of seconds")
            return number
        moment = self._moment(text)
        if self.start is None:
            raise ValueError(f"{text!r} is a time of day, and the recording tells none; give seconds from its start")
        if (moment.tzinfo is None) != (self.start.tzinfo is None):
            if moment.tzinfo is not None:
                raise ValueError(f"{text!r} has a time zone, and the recording tells none; leave the zone out")
            moment = moment.replace(tzinfo=self.start.tzinfo)
        if self.start.tzinfo is None:
            return (moment - self.start).total_seconds()
        return (moment.astimezone(UTC) - self.start.astimezone(UTC)).total_seconds()

    def _moment(self, text: str) -> datetime:
        with contextlib.suppress(ValueError):
            return datetime.fromisoformat(text)
        try:
            of_day = time.fromisoformat(text)
        except ValueError:
            raise ValueError(
                f"{text!r} is neither a number of seconds nor a time such as 10:00:05 or 2026-01-31T10:00:05"
            ) from None
        start = self.start or datetime.min
        moment = datetime.combine(start.date(), of_day, of_day.tzinfo or start.tzinfo)
        if (moment.tzinfo is None) == (start.tzinfo is None) and moment < start.replace(microsecond=0):
            moment += timedelta(days=1)
        return moment

    def minutes(self, start_s: float, stop_s: float) -> np.ndarray:
        """Borders (M + 1,) in seconds of the minutes of the clock from start to stop, the first and last cut."""
        offset_s = 0.0
        if self.start is not None:
            offset_s = self.start.second + self.start.microsecond / 1e6
        first = np.floor((start_s + offset_s) / _MINUTE_S) + 1
        inner = np.arange(first * _MINUTE_S - offset_s, stop_s, _MINUTE_S)
        return np.concatenate([[start_s], inner[inner > start_s], [stop_s]])

    def hour(self, time_s: float) -> str:
        """Which hour it is: ``2026-03-29T03:00+02:00`` by the clock, ``0``, ``1``, ... from the start without one."""
        moment = self.at(time_s)
        if moment is None:
            return str(int(time_s // 3600))
        return moment.replace(minute=0, second=0, microsecond=0).isoformat(timespec="minutes")

    def day(self, time_s: float) -> str:
        """Which day it is: ``2026-03-29`` by the clock, ``0``, ``1``, ... from the start without one."""
        moment = self.at(time_s)
        return str(int(time_s // 86400)) if moment is None else moment.date().isoformat()
