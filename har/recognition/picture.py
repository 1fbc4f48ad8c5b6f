"""A timeline as a picture: over the signal of each device, or day below day where it has several."""

import textwrap
from pathlib import Path

import numpy as np

from har.plots.timeline import Row, plot_timeline
from har.recognition import words
from har.recognition.colors import colors_of
from har.recognition.timeline import Timeline

_MOST_BINS = 3000
_MOST_DEVICES = 4
_TITLE_WIDTH = 120  # letters on a line
_QUANTITIES = {"acc": "acceleration", "gyro": "turn rate", "mag": "magnetic field"}


def save_picture(timeline: Timeline, path: str | Path) -> Path:
    """Write a PNG; it appears whole or not at all."""
    days = _days(timeline)
    colors = colors_of([*timeline.labels, *timeline.names()])
    # The key stands in the order of names, whatever order colours were given in.
    colors = {name: colors[name] for name in timeline.names()}
    title = textwrap.fill(f"{timeline.name}: {words.sentence(timeline)}", _TITLE_WIDTH)
    if len(days) > 1:
        ticks = {float(hour): f"{hour % 24:02d}:00" for hour in range(0, 25, 3)}
        if timeline.clock.start is None:
            ticks = {hour: str(int(hour)) for hour in ticks}
        x_label = "" if timeline.clock.start else "hours of the day of recording"
        rows = [Row(key, spans) for key, spans in days]
        return plot_timeline(rows, colors, (0.0, 24.0), path, title, x_label, ticks)
    return _over_signals(timeline, colors, title, path)


def _over_signals(timeline: Timeline, colors: dict[str, str], title: str, path: str | Path) -> Path:
    seconds = timeline.stop_s - timeline.start_s
    unit_s = next((size for size in (3600.0, 60.0) if seconds > 3 * size), 1.0)
    spans = [(bout.start_s / unit_s, bout.stop_s / unit_s, bout.label) for bout in timeline.bouts]
    rows = []
    for placement, survey in timeline.surveys[:_MOST_DEVICES]:
        drawn = survey.coarser(-(-len(survey.share) // _MOST_BINS))
        time = (drawn.start_s + (np.arange(len(drawn.share)) + 0.5) * drawn.bin_s) / unit_s
        y_label = f"{_QUANTITIES[survey.kind]} ({survey.unit})"
        rows.append(Row(placement or "", spans, (time, drawn.lowest, drawn.highest), y_label))
    extent = (timeline.start_s / unit_s, timeline.stop_s / unit_s)
    if timeline.clock.start is None:
        unit = {3600.0: "hours", 60.0: "minutes", 1.0: "seconds"}[unit_s]
        return plot_timeline(rows, colors, extent, path, title, f"{unit} since the start")
    return plot_timeline(rows, colors, extent, path, title, "", _clock_ticks(timeline, unit_s))


def _clock_ticks(timeline: Timeline, unit_s: float) -> dict[float, str]:
    """Round times of day, about eight of them, where they stand on an axis in ``unit_s``."""
    seconds = timeline.stop_s - timeline.start_s
    steps = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800)
    step = next((size for size in steps if seconds / size <= 9), 14400)
    start = timeline.clock.at(0.0)
    into_day = start.hour * 3600 + start.minute * 60 + start.second + start.microsecond / 1e6
    first = np.ceil((timeline.start_s + into_day) / step) * step - into_day
    text = "%H:%M:%S" if step < 60 else "%H:%M"
    at = np.arange(first, timeline.stop_s + 1e-6, step).tolist()
    return {time_s / unit_s: timeline.clock.at(time_s).strftime(text) for time_s in at}


def _days(timeline: Timeline) -> list[tuple[str, list[tuple[float, float, str]]]]:
    """Days that anything was recorded in, each with its bouts in hours of the day."""
    clock, borders = timeline.clock, timeline.clock.minutes(timeline.start_s, timeline.stop_s)
    keys = [clock.day(middle) for middle in (borders[:-1] + borders[1:]) / 2]
    first = [i for i, key in enumerate(keys) if i == 0 or key != keys[i - 1]]
    days = []
    for begin, end in zip(first, [*first[1:], len(keys)], strict=True):
        start_s, stop_s = borders[begin], borders[end]
        moment = clock.at(start_s)
        spans = [
            _in_hours(timeline, max(bout.start_s, start_s), min(bout.stop_s, stop_s), bout.label)
            for bout in timeline.bouts
            if bout.start_s < stop_s and bout.stop_s > start_s
        ]
        if spans:
            name = f"day {int(keys[begin]) + 1}" if moment is None else words.short_date(moment)
            days.append((name, spans))
    return days


def _in_hours(timeline: Timeline, start_s: float, stop_s: float, label: str) -> tuple[float, float, str]:
    """A span in hours of its day, by the clock that its wearer saw when it began."""
    moment = timeline.clock.at(start_s)
    into_s = start_s % 86400
    if moment is not None:
        into_s = moment.hour * 3600 + moment.minute * 60 + moment.second + moment.microsecond / 1e6
    return into_s / 3600, (into_s + stop_s - start_s) / 3600, label
