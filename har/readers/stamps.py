"""Time columns of text files -> seconds: numbers in any unit, dates, times of day; when they start, in which zone."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pandas as pd

from har.readers.recording import ReaderError

# A step of a worn sensor that is written in this unit; the ranges do not overlap.
_RELATIVE = (("s", 1.0), ("ms", 1e-3), ("us", 1e-6), ("ns", 1e-9))
_STEP_RANGE_S = (5e-4, 0.5)
# Seconds since 1970 of the years 1990 to 2100, by unit; and what counts from elsewhere.
_TOUCHING = 1e-6  # of a range: what is written with a few digits is at its border
_EPOCH_RANGE_S = (631_152_000.0, 4_102_444_800.0)
_EXCEL = (32_874.0, 73_051.0)  # days since 1899-12-30: the same years
_EXCEL_ZERO = datetime(1899, 12, 30)
# Units that count from elsewhere, or seldom: s of one, and their zero. A number is one of these only where its year is
# after 2010: nanoseconds since 1970 of 1990 have the digits of ticks.
_SELDOM = (
    ("ticks of .NET", 1e-7, datetime(1, 1, 1)),
    ("file time of Windows", 1e-7, datetime(1601, 1, 1)),
    ("100 us since 1970", 1e-4, datetime(1970, 1, 1)),
    ("100 ns since 1970", 1e-7, datetime(1970, 1, 1)),
)
_SELDOM_YEARS = (datetime(2010, 1, 1), datetime(2100, 1, 1))
_LONGEST_ON_S = 20 * 365 * 86_400.0  # since a start or since boot
_COMPACT = re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])([01]\d|2[0-3])[0-5]\d[0-5]\d(\d{3})?")
_STRAY_STEPS = 1e5  # between the first stamp and the second, in usual steps, that make the first one no stamp
_STRAY_S = 1.0  # from both neighbours, which are nearer to each other
_MOST_STRAY_SHARE, _MOST_BACK_SHARE = 0.01, 0.01  # of the rows: more are in no order
_DAY_S = 86_400.0
_COARSE_SHARE = 0.1  # of repeated stamps: more are no repeated rows, but a clock that is read too coarsely
_HOUR_S, _CHANGE_S = 3600.0, 5.0

_ISO = re.compile(
    r"^(?:\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.,]\d+)?)?)?|\d{8}T\d{4}(?:\d{2}(?:[.,]\d+)?)?)"
    r"\s*(Z|[+-]\d{2}:?\d{2})?$"
)
_DATE_TIME = re.compile(
    r"^(\d{1,4})([./-])(\d{1,2})\2(\d{1,4})[T ,]+(\d{1,2}):(\d{2})(?::(\d{2}))?(?:[.,:_](\d{1,9}))?\s*([AaPp][Mm])?$"
)
_CLOCK = re.compile(r"^(\d{1,3}):(\d{2})(?::(\d{2}))?(?:[.,:](\d{1,9}))?\s*([AaPp][Mm])?$")


@dataclass
class Clock:
    """How a column of time is read, told from its first values.

    start: when ``zero`` was, with its zone where the column tells one. zero: in the column's own numbers. kind: what it
    is, in words. unit_s: seconds of one.
    """

    kind: str
    unit_s: float = 1.0
    zero: float | int = 0
    start: datetime | None = None
    form: str = "number"
    first: str = ""  # of stamps that are text
    offset_s: float = 0.0  # added by what was seen before: midnights, ends of summer time
    hours: int = 0  # how often it was the latter
    half_days: int = 0  # how often 12 came before 1: a clock of 12 hours
    strays: int = 0  # stamps far from those around them, left out
    one_sensor: bool = True  # a row; where a sensor follows another one, the clock goes back anyway
    pauses: tuple[tuple[float, float], ...] = ()  # at which of its seconds a clock of numbers stood still, for how long
    _last_s: float | None = None

    @property
    def absolute(self) -> bool:
        return self.start is not None

    @property
    def zero_s(self) -> float:
        """``zero`` in seconds."""
        return float(self.zero) * (self.unit_s if self.form in ("number", "clock") else 1e-9)

    def restart(self) -> None:
        """Begin again with the first value: forget which midnights were passed."""
        self.offset_s, self._last_s, self.hours, self.half_days, self.strays = 0.0, None, 0, 0, 0

    def decide(self, order: str) -> None:
        """Day and month cannot be told apart by the stamps, and the format knows: ``dmy`` or ``mdy``."""
        if self.form.startswith("?"):
            first = dates(pd.Series([self.first]), order).iloc[0]
            self.form, self.zero = order, first.value
            self.kind = "dates without a time zone"
            self.start = datetime(1970, 1, 1) + timedelta(microseconds=first.value // 1000)

    def seconds(self, column: pd.Series) -> np.ndarray:
        """Values of the column -> float64 seconds since ``zero``, NaN where one cannot be read."""
        seconds = self._seconds(column)
        told = seconds + self.zero_s if self.pauses else seconds
        for at_s, length_s in self.pauses:
            seconds = seconds + length_s * (told >= at_s)
        return seconds

    def _seconds(self, column: pd.Series) -> np.ndarray:
        if self.form == "compact":
            return self._forwards(self._without_strays((_compact_ns(column) - float(self.zero)) / 1e9))
        if self.form == "number":
            return self._without_strays(self._numbers(column))
        if self.form == "clock":
            return self._forwards(self._without_strays(clock_seconds(column) - float(self.zero)))
        stamps = dates(column, self.form)
        zero = np.datetime64(int(self.zero), "ns")
        there = stamps.notna().to_numpy()
        values = (stamps.to_numpy().astype("datetime64[ns]") - zero).astype(np.int64) / 1e9
        return self._forwards(self._without_strays(np.where(there, values, np.nan)))

    def _numbers(self, column: pd.Series) -> np.ndarray:
        values = column if column.dtype.kind in "iuf" else pd.to_numeric(column, errors="coerce")
        # Nanoseconds since 1970 have more digits than a float: the difference is taken in integers.
        array = values.to_numpy()
        if array.dtype.kind in "iu":
            return (array.astype(np.int64) - np.int64(self.zero)).astype(np.float64) * self.unit_s
        return (array.astype(np.float64) - float(self.zero)) * self.unit_s

    def _without_strays(self, values: np.ndarray) -> np.ndarray:
        """NaN where a single stamp is far from both its neighbours, which are near to each other."""
        at = np.flatnonzero(np.isfinite(values))
        told = values[at]
        if len(told) < 4:
            return values
        steps = np.abs(np.diff(told))
        usual = float(np.median(steps))
        limit = max(_STRAY_S, 5 * usual)
        far = steps > limit
        stray = np.zeros(len(told), bool)
        stray[1:-1] = far[:-1] & far[1:] & (np.abs(told[2:] - told[:-2]) <= limit)
        stray[0] = self.form == "number" and steps[0] > max(limit, _STRAY_STEPS * usual)
        kept = np.diff(told[~stray])
        if not stray.any() or stray.mean() > _MOST_STRAY_SHARE or (kept < -limit).mean() > _MOST_BACK_SHARE:
            return values
        self.strays += int(stray.sum())
        values = values.copy()
        values[at[stray]] = np.nan
        return values

    def _forwards(self, values: np.ndarray) -> np.ndarray:
        """Clocks on the wall that pass midnight, or go back by an hour at the end of summer time."""
        there = np.isfinite(values)
        told = values[there]
        if not len(told):
            return values
        steps = np.diff(told, prepend=told[0] if self._last_s is None else self._last_s)
        back = np.zeros(len(told))
        if self.form == "clock":
            back[steps < -_DAY_S / 2] = _DAY_S
        if self.one_sensor:
            hours = np.abs(steps + _HOUR_S) < _CHANGE_S
            back[hours] = _HOUR_S
            self.hours += int(hours.sum())
            halves = np.abs(steps + _DAY_S / 2) < _CHANGE_S
            back[halves] = _DAY_S / 2
            self.half_days += int(halves.sum())
        back = np.cumsum(back)
        self._last_s = float(told[-1])
        values = values.copy()
        values[there] = told + self.offset_s + back
        self.offset_s += float(back[-1])
        return values


def read_clock(where: str, name: str, column: pd.Series, unit_s: float | None) -> Clock:
    """The clock of a column from its first values. Raises ``ReaderError`` where it cannot be told."""
    present = column.dropna()
    if present.dtype.kind not in "iuf":
        numbers = pd.to_numeric(present, errors="coerce")
        if numbers.notna().mean() > 0.9:
            present = numbers.dropna()
    if not len(present):
        raise ReaderError(
            f'{where}: the time column {name!r} holds no value. Name another one in columns={{"time": …}}'
        )
    if present.dtype.kind in "iuf":
        return _number_clock(where, name, present.to_numpy(), unit_s)
    return _text_clock(where, name, present.astype(str).str.strip())


def _number_clock(where: str, name: str, values: np.ndarray, unit_s: float | None) -> Clock:
    values = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    if not len(values):
        raise ReaderError(f"{where}: the time column {name!r} holds no finite value. Name another one in columns")
    zero = values[0].item()
    steps = np.diff(np.sort(values[: 1 << 16]).astype(np.float64))
    steps = steps[steps > 0]
    step = float(np.median(steps)) if len(steps) else 0.0
    if len(values) > 3 and step and abs(float(values[1]) - zero) > _STRAY_STEPS * step:
        zero = values[1].item()  # the first one is no stamp, and is left out
    if unit_s is None and (compact := _compact_clock(where, name, values, zero)) is not None:
        return compact
    low, high = _STEP_RANGE_S
    low, high = low * (1 - _TOUCHING), high * (1 + _TOUCHING)
    for unit, scale, since in _SELDOM if unit_s is None or zero * unit_s > _LONGEST_ON_S else ():
        seconds = float(zero) * scale
        if not low <= step * scale <= high or seconds > (_SELDOM_YEARS[1] - since).total_seconds():
            continue
        start = since + timedelta(seconds=seconds)
        if start > _SELDOM_YEARS[0]:
            # A float has not the digits of a tick; the start is exact to a microsecond by integers.
            start = since + timedelta(microseconds=int(zero) * round(scale * 1e7) // 10)
            # Ticks of .NET are local as often as not.
            return Clock(unit, scale, zero, start if ".NET" in unit else start.replace(tzinfo=UTC))
    for unit, scale in _RELATIVE:
        seconds = zero * scale
        if _EPOCH_RANGE_S[0] < seconds < _EPOCH_RANGE_S[1] and (not step or step * scale < 60 * high):
            start = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
            return Clock(f"{unit} since 1970", scale, zero, start)
    if _EXCEL[0] < zero < _EXCEL[1] and unit_s is None and step < 60 * high / _DAY_S:
        start = _EXCEL_ZERO + timedelta(days=float(zero))
        return Clock("days of a spreadsheet", _DAY_S, zero, start)
    if unit_s is not None:
        if step and not (low / 4 <= step * unit_s <= 4 * high):
            likely = next((u for u, s in _RELATIVE if low <= step * s <= high), None)
            hint = f"; in {likely} it would be {1 / (step * dict(_RELATIVE)[likely]):.4g} Hz" if likely else ""
            raise ReaderError(
                f"{where}: the steps of {name!r} are {step:g}, which in its unit is {1 / (step * unit_s):.4g} Hz{hint}"
                "; expected 2 to 2,000 Hz. Give rate_hz, and leave the stamps aside"
            )
        return Clock(_unit_name(unit_s), unit_s, zero)
    if step == 1.0 and np.all(values == np.round(values)):
        raise ReaderError(
            f'{where}: {name!r} counts rows by ones and is no time. Give rate_hz, or the time in columns={{"time": …}}'
        )
    found = [(unit, scale) for unit, scale in _RELATIVE if low <= step * scale <= high]
    if len(found) > 1:
        rates = " and ".join(f"{1 / (step * scale):,.4g} Hz in {unit}" for unit, scale in found)
        raise ReaderError(
            f"{where}: the steps of the time column {name!r} are {step:g}, which is {rates}; expected a unit that is "
            "told, as in 'time (ms)'. Give rate_hz, or another column in columns={\"time\": …}"
        )
    if not found:
        raise ReaderError(
            f"{where}: the steps of the time column {name!r} are {step:g}; expected those of 2 to 2,000 samples a "
            'second in s, ms, us or ns. Give rate_hz, or another column in columns={"time": …}'
        )
    unit, scale = found[0]
    if float(zero) * scale > _LONGEST_ON_S:
        raise ReaderError(
            f"{where}: the time column {name!r} begins with {zero:,}, and by its steps of {step:g} it is in {unit}: "
            f"{float(zero) * scale / (365 * _DAY_S):,.0f} years since a start; expected time since a start, "
            'since 1970 or dates. Give rate_hz, or another column in columns={"time": …}'
        )
    return Clock(f"{unit}, by its steps of {step:.6g}", scale, zero)


def _compact_clock(where: str, name: str, values: np.ndarray, zero: float | int) -> Clock | None:
    """Dates without signs between: 20240305100000 or, with milliseconds, 20240305100000020; None for other numbers."""
    some = values[:: max(1, len(values) // 1000)]
    some = some[np.abs(some.astype(np.float64)) > 1]
    if not len(some) or not all(_COMPACT.fullmatch(str(int(value))) for value in some.tolist()):
        return None
    if some.dtype.kind == "f" and (some != np.round(some)).any():
        raise ReaderError(
            f"{where}: the time column {name!r} holds dates with a fraction ({zero!r}), which a number cuts; "
            "expected whole milliseconds, or dates such as 2024-05-31 12:00:00.000. Give rate_hz to leave them aside"
        )
    first = int(_compact_ns(pd.Series([zero]))[0])
    start = datetime(1970, 1, 1) + timedelta(microseconds=first // 1000)
    return Clock("dates without signs between", 1.0, first, start, "compact")


def _compact_ns(column: pd.Series) -> np.ndarray:
    """Numbers of 14 digits, or of 17 with milliseconds -> ns since 1970, without a zone; float64, NaN where none is."""
    values = column.to_numpy()
    there = np.isfinite(values) & (np.abs(values) > 1e13) if values.dtype.kind == "f" else values > 10**13
    numbers = np.where(there, values, 0).astype(np.int64)
    with_millis = numbers > 10**16
    millis = np.where(with_millis, numbers % 1000, 0)
    day, time = np.divmod(np.where(with_millis, numbers // 1000, numbers), 10**6)
    days, place = np.unique(day, return_inverse=True)
    dates_ns = pd.to_datetime(pd.Series(days.astype(str)), format="%Y%m%d", errors="coerce").astype("datetime64[ns]")
    since_ns = np.where(dates_ns.isna(), np.nan, dates_ns.astype(np.int64).to_numpy(np.float64))[place.reshape(-1)]
    seconds = time // 10_000 * 3600 + time // 100 % 100 * 60 + time % 100
    return np.where(there, since_ns + seconds * 1e9 + millis * 1e6, np.nan)


def _unit_name(unit_s: float) -> str:
    return next((unit for unit, scale in _RELATIVE if scale == unit_s), "minutes")


def _text_clock(where: str, name: str, text: pd.Series) -> Clock:
    first = text.iloc[0]
    if _CLOCK.match(first):
        zero = clock_seconds(text.iloc[:1])[0]
        return Clock("times of day", 1.0, float(zero), form="clock")
    form = date_form(text)
    if form is None:
        raise ReaderError(
            f"{where}: the time column {name!r} begins with {first[:40]!r}; expected numbers, dates such as "
            '2024-05-31 12:00:00.000, or times of day. Give rate_hz, or another column in columns={"time": …}'
        )
    stamp = dates(text.iloc[:1], form).iloc[0]
    if pd.isna(stamp):
        raise ReaderError(f"{where}: the time column {name!r} begins with {first[:40]!r}, which is no date")
    start = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=stamp.value // 1000)
    kind = "dates with a time zone"
    if form == "iso":
        zone = _ISO.match(first)[4]
        start = start.astimezone(_zone(zone)) if zone else start.replace(tzinfo=None)
    else:
        start = start.replace(tzinfo=None)
    if start.tzinfo is None:
        kind = "dates without a time zone"
    if form.startswith("?"):
        return Clock(f"{kind}; day and month cannot be told apart", 1.0, stamp.value, None, form, first)
    return Clock(kind, 1.0, stamp.value, start, form)


def _zone(text: str) -> timezone:
    if text == "Z":
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


def date_form(text: pd.Series) -> str | None:
    """``iso``, or the order of a date: ``ymd``, ``dmy``, ``mdy``, ``?`` in front where day and month may be swapped."""
    first = text.iloc[0]
    if _ISO.match(first):
        return "iso"
    match = _DATE_TIME.match(first)
    if not match:
        return None
    if len(match[1]) == 4:
        return "ymd"
    parts = text.iloc[:: max(1, len(text) // 1000)].str.extract(_DATE_TIME)
    one, two = (pd.to_numeric(parts[k], errors="coerce").max() for k in (0, 2))
    if one > 12:
        return "dmy"
    if two > 12:
        return "mdy"
    if match[9]:  # AM and PM are written where the month comes first
        return "mdy"
    return "dmy" if match[2] == "." else "?dmy"


def dates(text: pd.Series, form: str) -> pd.Series:
    """Stamps without a zone (those with one in UTC), NaT where one cannot be read."""
    text = text.astype(str).str.strip()
    if form == "iso":
        parsed = pd.to_datetime(text.str.replace(",", ".", regex=False), format="ISO8601", errors="coerce", utc=True)
        return parsed.dt.tz_localize(None).astype("datetime64[ns]")
    parts = text.str.extract(_DATE_TIME)
    numbers = {k: pd.to_numeric(parts[k], errors="coerce") for k in (0, 2, 3, 4, 5)}
    order = {"ymd": (0, 2, 3), "dmy": (3, 2, 0), "mdy": (3, 0, 2)}[form.removeprefix("?")]
    year, month, day = (numbers[k] for k in order)
    frame = pd.DataFrame({"year": year.where(year > 99, year + 2000), "month": month, "day": day})
    seconds = numbers[4] * 3600 + numbers[5] * 60 + pd.to_numeric(parts[6], errors="coerce").fillna(0)
    seconds = _half_days(seconds, parts[8])
    whole = pd.to_datetime(frame, errors="coerce").astype("datetime64[ns]")
    nanos = (seconds * 1e9).round() + _fraction(parts[7])
    return whole + pd.to_timedelta(nanos, unit="ns")


def clock_seconds(text: pd.Series) -> np.ndarray:
    """Times of day -> float64 seconds since midnight; without hours, minutes and seconds since the start."""
    parts = text.astype(str).str.strip().str.extract(_CLOCK)
    one, two, three = (pd.to_numeric(parts[k], errors="coerce") for k in (0, 1, 2))
    seconds = np.where(three.isna(), one * 60 + two, one * 3600 + two * 60 + three)
    seconds = _half_days(pd.Series(seconds), parts[4].reset_index(drop=True))
    return (seconds + _fraction(parts[3]).reset_index(drop=True) / 1e9).to_numpy(np.float64)


def _half_days(seconds: pd.Series, half: pd.Series) -> pd.Series:
    half = half.str.lower()
    noon = 12 * _HOUR_S
    seconds = seconds.where(~((half == "am") & (seconds >= noon)), seconds - noon)
    return seconds.where(~((half == "pm") & (seconds < noon)), seconds + noon)


def _fraction(digits: pd.Series) -> pd.Series:
    """Digits behind the point -> nanoseconds."""
    return pd.to_numeric(digits.fillna("0").str.ljust(9, "0"), errors="coerce").fillna(0.0)


def spread_coarse(time_s: np.ndarray) -> tuple[np.ndarray, bool]:
    """Stamps that repeat because the clock was read coarsely, spread evenly between its changes; whether they were."""
    there = np.isfinite(time_s)
    told = time_s[there]
    if len(told) < 3:
        return time_s, False
    steps = np.diff(told)
    if (steps == 0).mean() < _COARSE_SHARE or (steps < 0).any():
        return time_s, False
    firsts = np.r_[0, np.flatnonzero(steps > 0) + 1]
    if len(firsts) < 3:
        return time_s, False
    # A stamp is when its first row was read; the rows of the last one go on as those before did.
    # The first one began before its first row, and tells less.
    per_change = np.median(np.diff(firsts)[1:])
    change = np.median(np.diff(told[firsts]))
    ends = np.r_[firsts, firsts[-1] + max(per_change, len(told) - firsts[-1])]
    times = np.r_[told[firsts], told[firsts[-1]] + change]
    # The first change comes when it comes: rows before it count backwards from it.
    period = change / per_change
    spread = np.interp(np.arange(len(told)), ends, times)
    spread[: firsts[1]] = times[1] - (firsts[1] - np.arange(firsts[1])) * period
    # A pause is one: rows before it keep their pace.
    for k in np.flatnonzero(np.diff(times) > 2.5 * change):
        spread[ends[k] : ends[k + 1]] = times[k] + np.arange(ends[k + 1] - ends[k]) * period
    result = time_s.copy()
    result[there] = spread
    return result, True
