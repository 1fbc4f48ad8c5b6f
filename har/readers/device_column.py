"""Tables in which a column says whose a row is: the devices of one person, which are told apart, or several people."""

from dataclasses import replace

from har.readers.counts import Counts
from har.readers.layout import Sensor, placement_of
from har.readers.names import words_of
from har.readers.recording import ReaderError
from har.readers.table import Table

_PEOPLE = {"subject", "subjects", "person", "participant", "user", "patient", "proband", "volunteer", "sujet"}
_DEVICES = {
    "device", "sensor", "id", "imu", "node", "name", "serial", "mac", "address", "placement", "location", "position",
    "body", "part", "bodypart", "limb", "side", "gerat", "korperstelle", "korperteil",
}  # fmt: skip
_MOST, _SHOWN = 64, 6  # values of a column that is a choice between a few
_LEAST_ROWS = 8  # of each value; fewer belong to a column that counts


def of_each_device(table: Table, sensors: list[Sensor], notes: list[str]) -> list[Sensor]:
    """Sensors of a table, once for each device where a column names several by places on the body.

    Raises ``ReaderError`` where a column names several people, or several devices and not where they are worn.
    """
    taken = {part[0] for s in sensors for part in (s.choice, s.axes) if part is not None}
    taken |= {column for sensor in sensors for column in sensor.columns}
    for column, name in enumerate(table.names):
        words = set(words_of(name))
        people = bool(words & _PEOPLE)
        if column in taken or not words or not (people or words <= _DEVICES):
            continue
        values = _few_values(table, column)
        if len(values) < 2:
            continue
        places = {value: placement_of(value) for value in values}
        listed = ", ".join(repr(value) for value in values[:_SHOWN]) + ", …" * (len(values) > _SHOWN)
        found = f"{table.where}: the column {name!r} names {len(values)} {'people' if people else 'devices'} ({listed})"
        if people:
            raise ReaderError(f"{found}; expected a recording of one person. Give a file for each, with its rows alone")
        if len(set(places.values())) < len(places) or any(sensor.choice is not None for sensor in sensors):
            raise ReaderError(
                f"{found} and does not say where on the body each is; expected one device, or places such as left "
                "wrist. Give a file for each with its rows alone and placement, or leave the column away if it says "
                "something else"
            )
        notes.append(f"{len(values)} devices, told apart by the column {name!r}: {listed}")
        return [
            replace(sensor, choice=(column, value), whose=" ".join(filter(None, (sensor.whose, value))))
            for value in values
            for sensor in sensors
        ]
    return sensors


def _few_values(table: Table, column: int) -> list[str]:
    """The different texts of a column in their order; none where it counts, measures, or is no choice between a few."""
    rows: dict[str, int] = {}
    for chunk in table.chunks([], [column], Counts()):
        for value, count in chunk[column].dropna().value_counts(sort=False).items():
            rows[value] = rows.get(value, 0) + count
        if len(rows) > _MOST:
            return []
    measures = table.is_number(column) and any(not value.strip().lstrip("+-").isdigit() for value in rows)
    return [] if measures or any(count < _LEAST_ROWS for count in rows.values()) else list(rows)
