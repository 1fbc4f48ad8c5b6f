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
    zero_time = _start(source, notes)
    readings = []
    for name in source.named(".csv", ".txt", ".tsv"):
        if "/meta/" in f"/{name}":
            continue
        reading = Reading(sniff(source, name), options)
        if reading.layout.sensors:
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


def _start(source: Source, notes: list[str]) -> datetime | None:
    """When the experiment time was 0: system time of the first start, less its experiment time."""
    text = source.head(_time_file(source)).decode("utf-8", errors="replace")
    lines = [line for line in text.splitlines() if line.strip()]
    separator = max((",", ";", "\t"), key=lines[0].count)
    rows = [split(line, separator) for line in lines]
    names = [cell.lower() for cell in rows[0]]
    events = [dict(zip(names, row, strict=False)) for row in rows[1:]]
    starts = [event for event in events if event.get("event", "").upper() == "START"]
    try:
        at_s, system_s = (float(starts[0][key].replace(",", ".")) for key in ("experiment time", "system time"))
    except (IndexError, KeyError, ValueError):
        notes.append("meta/time.csv does not tell when the experiment was started")
        return None
    if len(starts) > 1:
        notes.append(f"the experiment was paused {len(starts) - 1} times, and its clock with it")
    zone = re.search(r"(?:UTC|GMT)\s*([+-])(\d{1,2}):?(\d{2})", starts[0].get("system time text", ""))
    minutes = (int(zone[2]) * 60 + int(zone[3])) * (-1 if zone[1] == "-" else 1) if zone else 0
    return datetime.fromtimestamp(system_s - at_s, timezone(timedelta(minutes=minutes)))
