"""Tables side by side in one file: sensors that each have a column of time of their own, to the left of their axes."""

import re
from itertools import pairwise
from typing import NamedTuple

from har.readers.names import ColumnName, parse_name, time_of_sensor
from har.readers.options import Options
from har.readers.recording import ReaderError
from har.readers.table import Table


class Block(NamedTuple):
    """A column of time, what its name says, and the columns up to the next one."""

    time: int
    name: ColumnName
    columns: range


def blocks_of(table: Table, options: Options) -> list[Block]:
    """One for each clock; none where all columns of sensors share one.

    Raises ``ReaderError`` where it cannot be told which sensor is on which clock.
    """
    if "time" in options.columns or not table.names:
        return []
    names = [parse_name(name) for name in table.names]
    shared = [k for k, name in enumerate(names) if name is not None and name.kind == "time"]
    own = {k: name for k, text in enumerate(table.names) if (name := time_of_sensor(text)) is not None}
    axes = [k for k, name in enumerate(names) if name is not None and name.axis and table.is_number(k)]
    alike = [k for k in shared if sum(_stem(table, k) == _stem(table, other) for other in shared) > 1]
    if own:
        # A time of all comes first, and another column follows it; a time of one sensor stands before its axes.
        leading = [k for k in shared if any(k < axis < min(b for b in [*own, table.width] if b > k) for axis in axes)]
        if shared and not leading:
            return []
        starts = sorted([*leading[:1], *own])
    else:
        starts = alike
    found = []
    for start, stop in pairwise([*starts, table.width]):
        name = own.get(start) or names[start]
        if any(start < axis < stop for axis in axes):
            found.append(Block(start, name, range(start, stop)))
    if not found:
        return []
    if len(found) == 1 and not own:
        return []
    before = [axis for axis in axes if axis < found[0].time]
    if len(starts) > 1 and (before or (len(found) < len(starts) and not _same(table, starts))):
        raise _two_clocks(table, starts, "does not say which sensor each is of; expected each before the axes of its")
    if len(found) > 1 and options.rate_hz is not None:
        raise _two_clocks(table, starts, f"which {options.rate_hz:g} Hz cannot be both; expected a rate for each")
    if len(found) > 1 and options.columns:
        raise _two_clocks(table, starts, "and columns does not say which one is meant; expected one for the columns")
    return found


def _stem(table: Table, column: int) -> str:
    """A name without what tells copies of it apart, as pandas writes ``time.1``."""
    return re.sub(r"[._ ]\d+$", "", table.names[column].strip().lower())


def _same(table: Table, columns: list[int]) -> bool:
    return all(row[column] == row[columns[0]] for row in table.example for column in columns)


def _two_clocks(table: Table, columns: list[int], why: str) -> ReaderError:
    both = " and ".join(f"{table.label(column)!r} (column {column + 1})" for column in columns)
    return ReaderError(
        f"{table.where} has several columns of time, {both}, {why} sensor. Name one and the axes on it: "
        'columns={"time": …, "acc_x": …, "acc_y": …, "acc_z": …}, by number from 1'
    )
