"""Exports of phyphox, folder or zip: a table a sensor, and meta/time.csv with when the experiment was started.

phyphox counts gravity upwards in m/s^2 on Android and on iOS alike: on iOS it multiplies Core Motion's acceleration by
-9.81 itself (ExperimentSensorInput.swift). An experiment that was paused counts on where it stopped; what lies between
is then a gap in truth, which meta/time.csv tells.
"""

import re
from datetime import datetime, timedelta, timezone

from har.readers import any_csv
from har.readers.assembly import assemble, wearables_of
from har.readers.options import Options
from har.readers.reading import Reading
from har.readers.recording import ReaderError, Recording
from har.readers.source import Source, base_name
from har.readers.table import sniff, split

NAME = "phyphox"
_TIME = "meta/time.csv"
_CLOCK_SET_S = 1.0  # by which a phone's clock may be set back in a pause


def recognises(source: Source) -> bool:
    """A folder or archive with meta/time.csv, whose events phyphox writes."""
    return not source.single and _time_file(source) is not None


def _time_file(source: Source) -> str | None:
    for name in source.names:
        if name == _TIME or name.endswith(f"/{_TIME}"):
            head = source.head(name, 200).lower()
            if b"event" in head and b"experiment time" in head:
                return name
    return None


def read(source: Source, options: Options) -> Recording:
    """Raises ``ReaderError`` for an export without an accelerometer."""
    notes = ["phyphox: acceleration in m/s^2 that counts gravity upwards, on Android and iOS alike"]
    zero_time, pauses = _start(source, notes)
    readings = []
    for name in source.named(".csv", ".txt", ".tsv"):
        if "/meta/" in f"/{name}":
            continue
        reading = Reading(sniff(source, name), options)
        if reading.layout.sensors:
            reading.resume_after(pauses)
            readings.append(reading)
        else:
            notes.append(f"left aside, as no sensor of movement: {base_name(name)}")
    if not readings:
        raise ReaderError(
            f"{source.path}: phyphox recorded no accelerometer, gyroscope or magnetometer here; expected the "
            "experiment 'Acceleration (with g)'"
        )
    wearables = wearables_of(readings, notes)
    if not wearables:
        raise any_csv.without_accelerometer(readings)
    return assemble(source.name, wearables, options, notes, source.path, zero_time)


def _start(source: Source, notes: list[str]) -> tuple[datetime | None, list[tuple[float, float]]]:
    """When the experiment time was 0, by the first start; and the pauses: experiment time in s, and how long each was.

    Raises ``ReaderError`` for a pause whose length cannot be told: what follows would come too early.
    """
    name = _time_file(source)
    text = source.head(name).decode("utf-8", errors="replace")
    lines = [line for line in text.splitlines() if line.strip()]
    separator = max((",", ";", "\t"), key=lines[0].count)
    rows = [split(line, separator) for line in lines]
    names = [cell.lower() for cell in rows[0]]
    events = [dict(zip(names, row, strict=False)) for row in rows[1:]]
    starts = [event for event in events if event.get("event", "").upper() == "START"]
    clocks = [_times(event) for event in starts]
    if len(clocks) > 1 and None in clocks:
        raise ReaderError(
            f"{source.where(name)} tells {len(starts)} starts and not the times of all; expected experiment time and "
            "system time of each, for the pauses between them. Export the experiment again"
        )
    if not clocks or clocks[0] is None:
        notes.append("meta/time.csv does not tell when the experiment was started")
        return None, []
    # The clock of the experiment stands still in a pause, that of the system does not.
    lost_s = [system_s - at_s for at_s, system_s in clocks]
    pauses = [(at_s, after - before) for (at_s, _), before, after in zip(clocks[1:], lost_s, lost_s[1:], strict=False)]
    if back := [length for _, length in pauses if length < -_CLOCK_SET_S]:
        raise ReaderError(
            f"{source.where(name)}: the system's clock goes back by {-min(back):.4g} s in a pause; expected it to go "
            "on. Export the experiment again"
        )
    pauses = [(at_s, max(0.0, length)) for at_s, length in pauses]
    for at_s, length in pauses:
        notes.append(f"the experiment was paused at {at_s:g} s for {length:.4g} s: a gap")
    at_s, system_s = clocks[0]
    zone = re.search(r"(?:UTC|GMT)\s*([+-])(\d{1,2}):?(\d{2})", starts[0].get("system time text", ""))
    minutes = (int(zone[2]) * 60 + int(zone[3])) * (-1 if zone[1] == "-" else 1) if zone else 0
    return datetime.fromtimestamp(system_s - at_s, timezone(timedelta(minutes=minutes))), pauses


def _times(event: dict[str, str]) -> tuple[float, float] | None:
    """Experiment time and system time of an event in s, None where one is missing."""
    try:
        at_s, system_s = (float(event[key].replace(",", ".")) for key in ("experiment time", "system time"))
    except (KeyError, ValueError):
        return None
    return at_s, system_s
