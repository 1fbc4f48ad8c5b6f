"""Which columns of a table are the axes of which sensor, and whose."""

import re
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import pandas as pd

from har.readers.counts import Counts
from har.readers.names import ColumnName, is_core_motion, kind_of_text, parse_name, unit_of_text
from har.readers.options import Options
from har.readers.own_clocks import Block
from har.readers.recording import ReaderError
from har.readers.source import base_name
from har.readers.table import Table
from har.readers.units import Unit, parse_unit, unit_of_weight, weigh

BODY = {
    "wrist", "hand", "arm", "forearm", "upperarm", "elbow", "shoulder", "chest", "sternum", "torso", "back", "waist",
    "hip", "belt", "thigh", "leg", "knee", "shin", "shank", "calf", "ankle", "foot", "shoe", "head", "ear", "neck",
    "pocket", "trouser", "trousers", "bag", "backpack", "finger", "lumbar", "pelvis", "trunk", "handgelenk", "hufte",
    "oberschenkel", "brust", "poignet", "cheville", "cuisse", "watch",
}  # fmt: skip
_MOST_SENSORS = 64  # in a column that says which sensor a row is of
_SIDES = {"left", "right", "l", "r", "upper", "lower", "front", "dominant"}
_RATE = re.compile(
    r"(?:sampl\w*|update|output|measurement|data)[ _]*(?:rate|freq\w*)[^\d\n]{0,20}([\d.]+)|\bat\s+([\d.]+)\s*Hz",
    re.IGNORECASE,
)


@dataclass
class Sensor:
    """Three columns of a table. kind: acc (gravity included), linear, gravity, gyro or mag. whose: words, or "".

    choice: (column, value) of the rows that are this sensor's, in long tables. axes: (column, its values of x, y, z)
    where even the axes are below each other.
    """

    kind: str
    columns: tuple[int, ...]
    unit: Unit | None
    whose: str = ""
    choice: tuple[int, str] | None = None
    axes: tuple[int, tuple[str, str, str]] | None = None


@dataclass
class Layout:
    """time: candidates, the more likely first; two columns are a date and a time of day."""

    sensors: list[Sensor]
    time: list[tuple[tuple[int, ...], ColumnName]]
    notes: list[str]
    sign: float = 1.0


def find_columns(table: Table, options: Options, kind: str = "", block: Block | None = None) -> Layout:
    """kind: of a table whose columns name axes only, as its format knows. block: the columns on one of several clocks.

    Raises ``ReaderError``.
    """
    names = [_column_name(table, column) for column in range(table.width)]
    if block is None:
        layout = Layout([], _times(table, names, options), [])
    else:
        names = [name if column in block.columns else None for column, name in enumerate(names)]
        layout = Layout([], [((block.time,), block.name)], [])
    chosen = {key: _numbered(table, value) for key, value in options.columns.items() if key != "time"}
    if chosen:
        for sensor in dict.fromkeys(key.rpartition("_")[0] for key in chosen):
            columns = tuple(chosen[f"{sensor}_{axis}"] for axis in "xyz")
            unit = names[columns[0]].unit if names[columns[0]] else None
            layout.sensors.append(Sensor(sensor, columns, _of_kind(unit, sensor, table, columns)))
        layout.notes.append("columns as told: " + ", ".join(f"{k} = {table.label(v)}" for k, v in chosen.items()))
    elif not table.names:
        layout.sensors.append(_without_header(table, layout, kind))
    else:
        layout.sensors = _long(table, names, kind) or _wide(table, names, kind, layout)
    if is_core_motion(list(table.names)):
        layout.sign = -1.0
        layout.notes.append("acceleration turned round: the columns are Apple's, which count gravity downwards")
    for sensor in layout.sensors:
        if sensor.kind == "gyro" and sensor.unit is None:
            sensor.unit = _gyroscope_of_format(table)
    if options.columns and not layout.sensors:
        raise ReaderError(f"{table.where}: columns names no sensor; expected acc_x, acc_y and acc_z")
    return layout


def _of_kind(unit: Unit | None, sensor: str, table: Table, columns: tuple[int, ...]) -> Unit | None:
    kind = {"gravity": "acc", "linear": "acc"}.get(sensor, sensor)
    if unit is not None and unit.kind == kind:
        return unit
    return unit_of_text(table.units[columns[0]], kind) if table.units else None


def _column_name(table: Table, column: int) -> ColumnName | None:
    if not table.names:
        return None
    name = parse_name(table.names[column])
    if name is not None and table.units and table.units[column]:
        if name.kind == "time":
            return parse_name(f"time ({table.units[column].strip('()[]')})") if not name.time_unit_s else name
        return ColumnName(
            name.kind, name.axis, unit_of_text(table.units[column], name.kind) or name.unit, None, name.whose
        )
    return name


def _numbered(table: Table, value: str | int) -> int:
    """The column that an override means: its name, or its number from 1."""
    if isinstance(value, str):
        wanted = value.strip().lower()
        found = [k for k, name in enumerate(table.names) if name.strip().lower() == wanted]
        # Units are often part of a name, and seldom typed.
        found = found or [
            k for k, n in enumerate(table.names) if re.split(r"\s*[\(\[]", n)[0].strip().lower() == wanted
        ]
        if len(found) == 1:
            return found[0]
        if not found and value.strip().isdigit():
            value = int(value)
        else:
            there = ", ".join(repr(name) for name in table.names) or f"{table.width} without names"
            what = "twice" if found else "not there"
            raise ReaderError(
                f"{table.where}: column {value!r} is {what}; its columns are {there}. A number counts from 1"
            )
    if not 1 <= value <= table.width:
        raise ReaderError(f"{table.where}: there is no column {value}; it has {table.width}, counted from 1")
    return value - 1


def _gyroscope_of_format(table: Table) -> Unit | None:
    """Formats whose names tell no unit, and whose makers do."""
    if is_core_motion(list(table.names)) or any(re.fullmatch(r"\s*gF[xyz]\s*", name) for name in table.names):
        return parse_unit("rad/s", "gyro")
    if any(re.search(r"DeviceTag|(Xsens|Movella)\s*DOT", line, re.IGNORECASE) for line in table.preamble):
        return parse_unit("deg/s", "gyro")
    return None


# --- Time -------------------------------------------------------------------------------------------------------------


def _times(table: Table, names: list, options: Options) -> list[tuple[tuple[int, ...], ColumnName]]:
    if "time" in options.columns:
        column = _numbered(table, options.columns["time"])
        return [
            ((column,), names[column] if names[column] and names[column].kind == "time" else ColumnName("time", ""))
        ]
    found = [k for k, name in enumerate(names) if name is not None and name.kind == "time"]
    if not found and (not table.names or not table.names[0] or names[0] is None):
        # A table without names begins with its time, as does one whose first column is the index of a data frame.
        cells = [row[0] for row in table.example]
        if (table.is_text(0) and any(char.isdigit() for char in cells[0])) or (
            not table.names and table.is_number(0) and _increases(table, 0)
        ):
            found = [0]
    days = [k for k in found if _is_day(table.example[0][k])]
    hours = [k for k in found if re.match(r"^\d{1,2}:\d{2}", table.example[0][k])]
    pairs = [((day, hours[0]), ColumnName("time", "")) for day in days[:1] if hours]
    return pairs + [((k,), names[k] or ColumnName("time", "")) for k in found if k not in days]


def _is_day(cell: str) -> bool:
    return bool(re.fullmatch(r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}", cell.strip()))


def _increases(table: Table, column: int) -> bool:
    cells = [row[column].replace(",", ".") if table.decimal == "," else row[column] for row in table.example]
    values = pd.to_numeric(pd.Series(cells), errors="coerce").to_numpy()
    return len(values) > 2 and bool((np.diff(values) > 0).all())


def rate_of_preamble(table: Table) -> float | None:
    """Samples a second that the lines above a table tell."""
    for line in table.preamble:
        if match := _RATE.search(line):
            text = (match[1] or match[2]).strip(".")
            if text.count(".") < 2 and 1 <= float(text) <= 20_000:
                return float(text)
    return None


# --- Sensors ----------------------------------------------------------------------------------------------------------


def _wide(table: Table, names: list, kind: str, layout: Layout) -> list[Sensor]:
    """A column an axis."""
    bare = kind or _kind_of_table(table)
    found: dict[tuple[str, str], dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for column, name in enumerate(names):
        if name is None or name.kind == "time" or not table.is_number(column):
            continue
        of = name.kind or bare or (name.unit.kind if name.unit is not None else "")
        # "Acceleration x" in a file of linear acceleration is that: the file's name says more.
        of = bare if of == "acc" and bare in ("linear", "gravity") else of
        if of and of != "earth":
            found[of, name.whose][name.axis].append(column)
    if not found and not bare:
        found = _by_magnitude(table, names, layout)
    sensors = []
    for whose in [whose for of, whose in found if of == "gforce"]:
        # Physics Toolbox: ax beside gFx is linear acceleration.
        found["acc", whose] = found.pop(("gforce", whose))
        layout.notes.append("g-force of Physics Toolbox is the accelerometer; its gyroscope is in rad/s")
    for (of, whose), axes in found.items():
        if len(axes) < 3:
            continue
        if twice := [axis for axis in "xyz" if len(axes[axis]) > 1]:
            both = " and ".join(repr(table.label(column)) for column in axes[twice[0]])
            raise ReaderError(
                f"{table.where}: both {both} may be {of}_{twice[0]}. Say which in "
                'columns={"acc_x": …, "acc_y": …, "acc_z": …}, by number from 1 if the names are equal'
            )
        columns = tuple(axes[axis][0] for axis in "xyz")
        sensors.append(Sensor(of, columns, _of_kind(names[columns[0]].unit, of, table, columns), whose))
    return _one_accelerometer_each(sensors, layout)


def _kind_of_table(table: Table) -> str:
    """What the file's name, or a line above its header, says of columns that name axes only."""
    stem = base_name(table.name).rsplit(".", 1)[0]
    for text in (stem, *table.preamble[-3:]):
        kind, _ = kind_of_text(text)
        if kind:
            return kind
    return ""


def _one_accelerometer_each(sensors: list[Sensor], layout: Layout) -> list[Sensor]:
    """Of two accelerometers in one case (Shimmer: low noise, wide range) the finer one."""
    there = {(sensor.kind, sensor.whose) for sensor in sensors}
    kept = []
    for sensor in sensors:
        words = sensor.whose.split()
        if "wr" in words:
            other = " ".join(word for word in words if word != "wr")
            if (sensor.kind, other) in there:
                layout.notes.append("the wide-range accelerometer is left aside: there is one of low noise")
                continue
            sensor.whose = other
        kept.append(sensor)
    return kept


def _by_magnitude(table: Table, names: list, layout: Layout) -> dict:
    """x, y, z of a sensor that nothing names: an accelerometer if they read like gravity."""
    axes = {name.axis: k for k, name in enumerate(names) if name is not None and name.axis and not name.kind}
    if set(axes) != set("xyz") or not _reads_gravity(table, [axes[axis] for axis in "xyz"]):
        return {}
    layout.notes.append(
        "x, y, z are taken for the accelerometer: no name says so, but their magnitude is that of gravity"
    )
    found: dict = defaultdict(lambda: defaultdict(list))
    for axis, column in axes.items():
        found["acc", ""][axis].append(column)
    return found


def _reads_gravity(table: Table, columns: list[int]) -> bool:
    cells = pd.DataFrame([[row[c] for c in columns] for row in table.example])
    if table.decimal == ",":
        cells = cells.apply(lambda column: column.str.replace(",", ".", regex=False))
    values = cells.apply(pd.to_numeric, errors="coerce").to_numpy(np.float64)
    weight = weigh(values[: len(values) // 8 * 8], 8.0)
    return unit_of_weight(weight) is not None


def _without_header(table: Table, layout: Layout, kind: str) -> Sensor:
    """Rows of numbers alone: behind the time, three columns that read like gravity."""
    first = 1 if layout.time else 0
    columns = (first, first + 1, first + 2)
    if table.width >= first + 3 and (kind == "acc" or _reads_gravity(table, list(columns))):
        what = "; their magnitude is that of gravity" if kind != "acc" else ""
        layout.notes.append(f"no header: columns {first + 1} to {first + 3} are taken for acc_x, acc_y, acc_z{what}")
        return Sensor("acc", columns, None)
    raise ReaderError(
        f"{table.where} has {table.width} columns and no header ({','.join(table.example[0])[:60]!r}), and they do not "
        "read like gravity. Say which they are, by number from 1: "
        'columns={"time": 1, "acc_x": 2, "acc_y": 3, "acc_z": 4}'
    )


def _long(table: Table, names: list, kind: str) -> list[Sensor]:
    """A row a sensor, or a row an axis: a column of text says which."""
    for column in range(table.width):
        if not table.is_text(column) or (names[column] is not None and names[column].kind == "time"):
            continue
        values = _values(table, column)
        parsed = {value: parse_name(value) for value in values}
        numbers = [k for k in range(table.width) if table.is_number(k) and not (names[k] and names[k].kind == "time")]
        axes = {value: name for value, name in parsed.items() if name is not None and name.axis and name.kind != "time"}
        if axes and numbers:
            return _rows_of_axes(table, column, axes, numbers[-1], kind)
        kinds = {value: kind_of_text(value)[0] for value in values}
        if any(kinds.values()):
            axes_columns = {names[k].axis: k for k in numbers if names[k] is not None and names[k].axis}
            if set(axes_columns) == set("xyz"):
                three = tuple(axes_columns[axis] for axis in "xyz")
            elif len(numbers) >= 3:
                three = tuple(numbers[-3:])
            else:
                continue
            return [
                Sensor(of, three, None, choice=(column, value)) for value, of in kinds.items() if of and of != "earth"
            ]
    return []


def _values(table: Table, column: int) -> list[str]:
    """The different texts of a column, in their order; none where it is no choice between a few."""
    found: dict[str, None] = {}
    for chunk in table.chunks([], [column], Counts()):
        found |= dict.fromkeys(chunk[column].dropna().unique())
        if len(found) > _MOST_SENSORS:
            return []
    return list(found)


def _rows_of_axes(table: Table, column: int, axes: dict, value_column: int, kind: str) -> list[Sensor]:
    found: dict[str, dict[str, tuple[str, ColumnName]]] = defaultdict(dict)
    choices: dict[str, tuple[int, str]] = {}
    for value, name in axes.items():
        of = name.kind or kind
        if of:
            found[of][name.axis] = (value, name)
    if not found:  # x, y, z below each other, and the sensor in another column
        for other in range(table.width):
            if other == column or not table.is_text(other):
                continue
            for value in _values(table, other):
                of, _ = kind_of_text(value)
                if of and of != "earth":
                    found[of] = {name.axis: (text, name) for text, name in axes.items()}
                    choices[of] = (other, value)
    return [
        Sensor(of, (value_column,), by_axis["x"][1].unit, choice=choices.get(of),
               axes=(column, tuple(by_axis[axis][0] for axis in "xyz")))
        for of, by_axis in found.items() if set(by_axis) == set("xyz")
    ]  # fmt: skip


def placement_of(words: str) -> str | None:
    """Words that name a place on the body, in their order; None where none does."""
    told = words.replace("_", " ").lower().split()
    if not set(told) & BODY:
        return None
    return " ".join({"l": "left", "r": "right"}.get(w, w) for w in told if w in BODY | _SIDES)
