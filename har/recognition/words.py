"""Times, durations and hints in words, for people."""

import shlex
from collections.abc import Sequence
from datetime import datetime

from har.recognition.adapter import Adapter
from har.recognition.timeline import Timeline
from har.recognition.vocabulary import NOT_WORN, UNKNOWN

_MENTIONED = 3  # activities in the one sentence
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


def duration(seconds: float) -> str:
    """``42 s``, ``5 min 10 s``, ``3 h 20 min``, ``2 d 4 h``; not longer than two units."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    units = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
    parts = [
        (seconds % whole // size, unit) for (unit, size), whole in zip(units, (1 << 62, 86400, 3600, 60), strict=True)
    ]
    first = next(i for i, (count, _) in enumerate(parts) if count)
    return " ".join(f"{count} {unit}" for count, unit in parts[first : first + 2] if count)


def date(moment: datetime) -> str:
    """``Sunday 29 March 2026``, in English whatever the locale."""
    return f"{_DAYS[moment.weekday()]} {moment.day} {_MONTHS[moment.month - 1]} {moment.year}"


def short_date(moment: datetime) -> str:
    """``Sun 29 Mar``."""
    return f"{_DAYS[moment.weekday()][:3]} {moment.day} {_MONTHS[moment.month - 1][:3]}"


def moment(timeline: Timeline, time_s: float) -> str:
    """Time of day with its day where the recording has several, or time since the start: ``h:mm:ss``."""
    at = timeline.clock.at(time_s)
    if at is None:
        whole = round(time_s)
        return f"{'-' if whole < 0 else ''}{abs(whole) // 3600}:{abs(whole) % 3600 // 60:02d}:{abs(whole) % 60:02d}"
    several = timeline.clock.day(timeline.start_s) != timeline.clock.day(timeline.stop_s)
    return f"{at:%Y-%m-%d %H:%M:%S}" if several else f"{at:%H:%M:%S}"


def sentence(timeline: Timeline) -> str:
    """What a recording holds, in one or two sentences."""
    minutes = timeline.minutes()
    total = duration(60 * sum(minutes.values()))
    start, stop = timeline.clock.at(timeline.start_s), timeline.clock.at(timeline.stop_s)
    when = ""
    if start is not None:
        when = f" on {date(start)}" if start.date() == stop.date() else f" from {date(start)} to {date(stop)}"
    named = [f"{name} ({duration(60 * minutes[name])})" for name in minutes if name in timeline.labels]
    text = f"{total} recorded{when}"
    if named:
        text += f": mostly {listed(named[:_MENTIONED])}" if len(named) > 1 else f": {named[0]}"
    extra = [f"{duration(60 * minutes[name])} {name}" for name in (UNKNOWN, NOT_WORN) if minutes.get(name)]
    return f"{text}." + (f" {listed(extra)}." if extra else "")


def listed(parts: Sequence[str]) -> str:
    """``a, b and c``."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def minutes_table(*summaries: dict) -> str:
    """Minutes and share of each name over one summary or several, as lines of text."""
    total: dict[str, float] = {}
    for summary in summaries:
        for name, minutes in summary["minutes"].items():
            total[name] = total.get(name, 0.0) + minutes
    order = sorted(total, key=lambda name: (name in (UNKNOWN, NOT_WORN), -total[name]))
    width = max(len(name) for name in order)
    whole = sum(total.values())
    return "\n".join(f"{name:<{width}}  {total[name]:>9.1f} min  {total[name] / whole:>4.0%}" for name in order)


def notes_on_names(*summaries: dict) -> list[str]:
    """Lines about names that may be taken otherwise than they are meant, each once over all summaries."""
    # Summaries of before there were doubts are still good.
    doubts = dict.fromkeys(text for summary in summaries for text in summary.get("doubts", ()))
    return [f"note: {text}\n" for text in doubts]


def hints(labels: Sequence[str] | None, adapter: Adapter | None) -> list[str]:
    """Lines about names on a command line that may not say what is meant, and about what was taught in vain by them."""
    if labels is None:
        return []
    lines = []
    for label in labels:
        parts = [part.strip() for part in label.split(",") if part.strip()]
        if len(parts) > 1:
            lines.append(f"note: {label!r} is one name; several are parted by blanks: --labels {shlex.join(parts)}\n")
    if adapter is not None and (left_out := adapter.left_out(labels)):
        lines.append(f"note: taught, but not among --labels, and so without effect: {shlex.join(left_out)}\n")
    return lines
