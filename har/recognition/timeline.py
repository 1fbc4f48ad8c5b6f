"""What a recording holds, moment by moment: named windows, bouts of the same name, and minutes of each.

Shapes: N windows, L labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from har.readers.recording import Recording
from har.recognition.clock import Clock
from har.recognition.spans import Span, joined
from har.recognition.survey import Survey
from har.recognition.vocabulary import NOT_WORN, UNKNOWN

_MINUTE_S = 60.0
_TOUCHING_S = 1e-6  # windows whose times are no further apart have no gap between them


class Bout(NamedTuple):
    """A time without a change of name.

    confidence: mean probability of the label over the bout's windows; None for what is no activity.
    """

    start_s: float
    stop_s: float
    label: str
    confidence: float | None

    @property
    def seconds(self) -> float:
        return self.stop_s - self.start_s


@dataclass(frozen=True)
class NamedWindows:
    """Windows in order of time.

    start_s, stop_s: (N,) of the samples that were looked at. from_s, to_s: (N,) of what the window stands for: they
    part the recorded time. probabilities: (N, L), NaN where the device was not worn. known: (N,) probability
    that one of the labels is meant, and none of the other activities that the model knows; NaN as above. name: (N,)
    place in the labels, L for "unknown", L + 1 for "not worn".
    """

    start_s: np.ndarray
    stop_s: np.ndarray
    from_s: np.ndarray
    to_s: np.ndarray
    probabilities: np.ndarray
    known: np.ndarray
    name: np.ndarray

    def __len__(self) -> int:
        return len(self.start_s)


def bouts_of(windows: NamedWindows, labels: Sequence[str]) -> list[Bout]:
    """Windows that follow each other under one name, as bouts; a gap ends one."""
    if not len(windows):
        return []
    names = [*labels, UNKNOWN, NOT_WORN]
    apart = windows.from_s[1:] > windows.to_s[:-1] + _TOUCHING_S
    first = np.flatnonzero(np.concatenate([[True], apart | (windows.name[1:] != windows.name[:-1])]))
    last = np.append(first[1:], len(windows)) - 1
    own = np.where(windows.name < len(labels), windows.name, 0)
    probability = windows.probabilities[np.arange(len(windows)), own].astype(np.float64)
    mean = np.add.reduceat(probability, first) / (last - first + 1)
    return [
        Bout(
            float(windows.from_s[a]),
            float(windows.to_s[b]),
            names[windows.name[a]],
            float(mean[i]) if windows.name[a] < len(labels) else None,
        )
        for i, (a, b) in enumerate(zip(first.tolist(), last.tolist(), strict=True))
    ]


@dataclass(frozen=True)
class Timeline:
    """A recording, named.

    bouts: in order of time; they cover what was recorded without overlap, and a hole between two is a gap. labels: the
    L names asked for; bouts may also be "unknown" and "not worn". clock: seconds as times of day. surveys: placement
    and ``Survey`` of each device, to draw it. notes: of the reader and of the recognition, sentences for people.
    doubts: those of them that are about the names asked for (har/recognition/names.py). settings: how it came about,
    plain values.
    """

    name: str
    labels: tuple[str, ...]
    windows: NamedWindows
    bouts: list[Bout]
    clock: Clock
    surveys: list[tuple[str | None, Survey]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    settings: dict = field(default_factory=dict)
    source: Path | None = None

    @property
    def start_s(self) -> float:
        return self.bouts[0].start_s

    @property
    def stop_s(self) -> float:
        return self.bouts[-1].stop_s

    @property
    def gaps(self) -> list[Span]:
        """Times between bouts in which nothing was recorded."""
        covered = joined([(bout.start_s, bout.stop_s) for bout in self.bouts], _TOUCHING_S)
        return [(before[1], after[0]) for before, after in pairwise(covered)]

    def names(self) -> list[str]:
        """Names that occur: labels in their order, then "unknown" and "not worn"."""
        occurring = {bout.label for bout in self.bouts}
        return [name for name in (*self.labels, UNKNOWN, NOT_WORN) if name in occurring]

    def minutes(self) -> dict[str, float]:
        """Minutes of each name that occurs, the longest first."""
        total = {name: 0.0 for name in self.names()}
        for bout in self.bouts:
            total[bout.label] += bout.seconds / _MINUTE_S
        return dict(sorted(total.items(), key=lambda item: -item[1]))

    def minutes_by(self, unit: str) -> dict[str, dict[str, float]]:
        """Minutes of each name in every "hour" or "day" of the clock in which anything was recorded, in order of time.

        Keys are those of ``Clock.hour`` and ``Clock.day``. Raises ``ValueError`` for another unit.
        """
        if unit not in ("hour", "day"):
            raise ValueError(f"minutes by {unit!r}; expected hour or day")
        borders = self.clock.minutes(self.start_s, self.stop_s)
        key = self.clock.hour if unit == "hour" else self.clock.day
        keys = [key(middle) for middle in (borders[:-1] + borders[1:]) / 2]
        table: dict[str, dict[str, float]] = {one: {} for one in keys}
        number = {one: place for place, one in enumerate(table)}
        group = np.array([number[one] for one in keys])
        for name in self.names():
            own = [bout for bout in self.bouts if bout.label == name]
            edges = np.array([(bout.start_s, bout.stop_s) for bout in own]).reshape(-1)
            spent = np.repeat(np.cumsum([0.0] + [bout.seconds for bout in own]), 2)[1:-1]
            in_minute = np.diff(np.interp(borders, edges, spent))
            for one, seconds in zip(table, np.bincount(group, in_minute, minlength=len(table)), strict=True):
                if seconds > 0:
                    table[one][name] = float(seconds) / _MINUTE_S
        return {one: minutes for one, minutes in table.items() if minutes}

    def longest(self) -> dict[str, Bout]:
        """The longest bout of each name that occurs."""
        return {
            name: max((bout for bout in self.bouts if bout.label == name), key=lambda bout: bout.seconds)
            for name in self.names()
        }

    def summary(self) -> dict:
        """What it comes to, as plain values: minutes an activity, an hour and a day, and what could not be named."""
        minutes = self.minutes()
        longest = {
            name: {"start_s": round(bout.start_s, 3), "minutes": round(bout.seconds / _MINUTE_S, 3)}
            | ({"start": self.clock.text(bout.start_s)} if self.clock.start else {})
            for name, bout in self.longest().items()
        }
        return {
            "recording": self.name,
            "start": self.clock.text(self.start_s) or None,
            "stop": self.clock.text(self.stop_s) or None,
            "recorded_minutes": sum(minutes.values()),
            "named_minutes": sum(value for name, value in minutes.items() if name in self.labels),
            "unknown_minutes": minutes.get(UNKNOWN, 0.0),
            "not_worn_minutes": minutes.get(NOT_WORN, 0.0),
            "gap_minutes": sum(stop - start for start, stop in self.gaps) / _MINUTE_S,
            "labels": list(self.labels),
            "minutes": minutes,
            "bouts": {name: sum(bout.label == name for bout in self.bouts) for name in minutes},
            "longest_bout": longest,
            "minutes_by_hour": self.minutes_by("hour"),
            "minutes_by_day": self.minutes_by("day"),
            "notes": list(self.notes),
            "doubts": list(self.doubts),
            "settings": dict(self.settings),
        }

    def save_page(self, path: str | Path) -> Path:
        """Write one self-contained HTML page (har/recognition/page.py); it appears whole or not at all."""
        from har.recognition.page import save_page

        return save_page(self, path)


def clock_of(recording: Recording) -> Clock:
    return Clock(recording.start_time)
