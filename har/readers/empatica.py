"""Empatica E4, zip, folder or ACC.csv alone: start (s since 1970) in row 1, rate in row 2, then counts, 64 = 1 g.

The zip of an E4 holds a file a sensor, of which ACC.csv is the accelerometer of the wrist, at 32 Hz. EmbracePlus keeps
its raw samples as Avro, which the maker's script turns into CSV; that is read as any table.
"""

import re
from datetime import UTC, datetime

import numpy as np

from har.readers.counts import Counts
from har.readers.options import Options
from har.readers.recording import Device, Piece, ReaderError, Recording
from har.readers.source import Source, base_name
from har.readers.store import Store
from har.readers.table import Table
from har.signal.clocks import UniformGrid

NAME = "empatica"
_COUNTS_A_G = 64.0
_ROWS = re.compile(
    rb"^\s*(\d{9,10}(?:\.\d+)?)\s*,\s*\1\s*,\s*\1\s*\r?\n\s*(\d{1,3}(?:\.\d+)?)\s*,\s*\2\s*,\s*\2\s*\r?\n"
)


def recognises(source: Source) -> bool:
    """A file that begins with a time since 1970 three times, and a rate three times."""
    return _file(source) is not None


def _file(source: Source) -> str | None:
    names = source.names if source.single else [n for n in source.names if base_name(n).lower() == "acc.csv"]
    return next((name for name in names if _ROWS.match(source.head(name, 200))), None)


def read(source: Source, options: Options) -> Recording:
    """Raises ``ReaderError`` for an export without samples."""
    name = _file(source)
    where = source.where(name)
    match = _ROWS.match(source.head(name, 200))
    start_s, rate = float(match[1]), float(match[2])
    if options.rate_hz is not None:
        rate = options.rate_hz
    if not 1 <= rate <= 1000:
        raise ReaderError(f"{where}: the rate in row 2 is {rate:g}; expected 32. Give rate_hz")
    unit = options.units.get("acc")
    scale = 1 / _COUNTS_A_G if unit is None else unit.scale
    table = Table(source, name, "utf-8", ",", ".", (), (), (), 2, (("0", "0", "0"),))
    store, damage = Store(3), Counts()
    grid = UniformGrid(rate, 1.5 / rate, damage, on_lattice=True)
    row = 0
    for chunk in table.chunks([0, 1, 2], [], damage):
        times = (row + np.arange(len(chunk))) / rate
        row += len(chunk)
        store.take(grid.add(times, chunk.to_numpy(np.float64) * scale), rate)
    store.take(grid.close(), rate)
    runs = store.runs()
    if not runs:
        raise ReaderError(f"{where} holds no sample below its two lines of start and rate; was the export stopped?")
    notes = [
        f"Empatica E4: {rate:g} Hz, {_COUNTS_A_G:g} counts in one g" if unit is None else f"in {unit.text}, as told",
        *damage.sentences(),
    ]
    pieces = tuple(Piece(run.first / rate, run.samples) for run in runs)
    device = Device("wrist", ("acc_x", "acc_y", "acc_z"), rate, pieces)
    start_time = datetime.fromtimestamp(start_s, UTC)
    return Recording(source.name, (device,), start_time, tuple(notes), source.path)
