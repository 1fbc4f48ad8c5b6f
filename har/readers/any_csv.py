"""Any text table with the samples of an accelerometer: one file, or one a sensor in a folder or archive."""

import re
from collections import defaultdict
from dataclasses import replace

from har.readers.assembly import assemble, wearables_of
from har.readers.layout import placement_of
from har.readers.names import kind_of_text, parse_name
from har.readers.options import Options
from har.readers.reading import Reading, readings_of
from har.readers.recording import ReaderError, Recording
from har.readers.source import Source, base_name
from har.readers.table import Table, sniff

NAME = "csv"
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:([., '])\d{3})+(?:(?!\1)[.,]\d+)")
_DATED = re.compile(r"\bstart\w*\b.*\d{1,4}[-./]\d{1,2}[-./]\d{1,4}", re.IGNORECASE)
_ENDINGS = (".csv", ".tsv", ".txt", ".dat", ".tab", ".asc")


def recognises(source: Source) -> bool:
    """Whatever is left: `read` says what it is not."""
    return True


def read(source: Source, options: Options) -> Recording:
    """Raises ``ReaderError`` for what is no table of an accelerometer, saying what was found."""
    notes: list[str] = []
    if source.single:
        readings = readings_of(sniff(source, source.names[0]), options)
    else:
        readings = _of_files(source, options, notes)
    wearables = wearables_of(readings, notes)
    if not wearables:
        raise without_accelerometer(readings)
    recording = assemble(source.name, wearables, options, notes, source.path)
    told = next((line.strip() for r in readings for line in r.table.preamble if _DATED.search(line)), None)
    if recording.start_time is not None or told is None:
        return recording
    note = f"the line {told[:80]!r} above the table is not read: when the recording began is not known"
    return replace(recording, notes=(*recording.notes, note))


def without_accelerometer(readings: list[Reading]) -> ReaderError:
    """What to say of tables in which there is none."""
    table = readings[0].table
    there = ", ".join(repr(name) for name in table.names) or f"{table.width} columns without names"
    for column, name in enumerate(table.names):
        parsed = parse_name(name)
        thousands = next((row[column] for row in table.example if _THOUSANDS.fullmatch(row[column])), None)
        if parsed is not None and parsed.axis and table.is_text(column) and thousands is not None:
            return ReaderError(
                f"{table.where}: the column {name!r} holds {thousands!r}, with a separator of thousands; expected "
                "numbers such as 1002.6. Export it without that separator: no option reads it"
            )
    more = f", and {len(readings) - 1} more files" if len(readings) > 1 else ""
    return ReaderError(
        f"{table.where}{more}: no accelerometer among the columns ({there}); expected three axes of one, such as "
        "acc_x, "
        'acc_y, acc_z. Say which they are: columns={"acc_x": …, "acc_y": …, "acc_z": …}'
    )


def _of_files(source: Source, options: Options, notes: list[str]) -> list[Reading]:
    """Files of a folder or archive that hold sensors; those of one case are told by their names."""
    names = source.named(*_ENDINGS)
    if not names:
        listed = ", ".join(source.names[:5])
        raise ReaderError(
            f"{source.path} holds no text table (but {listed}); expected files such as Accelerometer.csv. Export the "
            "recording as CSV"
        )
    readings: list[Reading] = []
    left: list[str] = []
    refusals: list[ReaderError] = []
    for name in names:
        try:
            table = sniff(source, name)
            if _is_sensor(table, options):
                readings += readings_of(table, options)
                continue
        except ReaderError as error:
            refusals.append(error)
        left.append(base_name(name))
    readings = [reading for reading in readings if reading.layout.sensors]
    if not readings:
        if refusals:
            raise refusals[0]
        raise ReaderError(
            f"{source.path}: none of its files ({', '.join(base_name(n) for n in names[:5])}) has three axes of a "
            "sensor; expected an accelerometer. Give the file and its columns"
        )
    if left:
        notes.append(f"left aside, as no sensor of movement: {', '.join(left)}")
    _say_whose(readings)
    return readings


def _is_sensor(table: Table, options: Options) -> bool:
    stem = base_name(table.name).rsplit(".", 1)[0]
    kind, _ = kind_of_text(stem)
    return bool(options.columns) or kind != "earth"


def _say_whose(readings: list[Reading]) -> None:
    """Where several files hold the same sensor, words of their names tell the devices apart, if they do."""
    kinds = defaultdict(list)
    for reading in readings:
        for sensor in reading.layout.sensors:
            kinds[sensor.kind, sensor.whose].append(reading)
    if all(len(of) == 1 for of in kinds.values()):
        return
    for reading in readings:
        _, words = kind_of_text(base_name(reading.table.name).rsplit(".", 1)[0])
        folder = reading.table.name.rpartition("/")[0].rpartition("/")[2]
        for sensor in reading.layout.sensors:
            sensor.whose = " ".join(filter(None, (sensor.whose, placement_of(folder) or folder, words)))
    # Two walks in one folder are no two devices: only places on the body tell those apart.
    places = {sensor.whose: placement_of(sensor.whose) for reading in readings for sensor in reading.layout.sensors}
    if len({place for place in places.values() if place}) < len(places):
        one, two = (reading.table.where for reading in readings[:2])
        raise ReaderError(
            f"{one} and {two} hold the same sensor, and their names do not say where on the body; expected one "
            "recording. Give one file, or name files by places such as left_wrist_acc.csv"
        )
