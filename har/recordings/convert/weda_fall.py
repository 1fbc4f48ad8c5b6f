"""WEDA-FALL (Marques and Moreno, Sensors 2023): eight falls and eleven daily activities, a watch on the wrist.

One table a sensor and trial, ``50Hz/F01/U01_R01_accel.csv``; the folders of lower rates are made from these. The watch
hands its samples over in bursts, some within milliseconds every tenth of a second, and the stamps are those of the
arrival: a constant rate is fitted to them. It is 50 Hz, and 40 Hz in other files of the same folder.
``fall_timestamps.csv`` says when a fall begins and ends; what is around it is unlabelled.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

from har.recordings.convert.common import (
    ACC,
    GYRO,
    DatasetCard,
    Notes,
    Run,
    align_streams,
    find_files,
    name_parts,
    phrase_of,
    read_rows,
    resample_uniform,
    steady_clock,
    within,
)
from har.recordings.convert.units import check_gravity, check_turning
from har.recordings.format import STANDARD_GRAVITY, DatasetError, StreamInfo
from har.signal.plausibility import LARGEST

CARD = DatasetCard(
    title="Wrist Elderly Daily Activity and Fall Dataset (WEDA-FALL)",
    citation="Marques and Moreno, Online Fall Detection Using Wrist Devices, Sensors 23(3):1146, 2023, "
    "doi:10.3390/s23031146",
    licence="none stated, cite the paper",
    source_url="https://github.com/joaojtmarques/WEDA-FALL",
    people=25,
    placements=("wrist",),
    rate="40 or 50 Hz -> 50 Hz",
    activities=19,
    verified="published layout",
)
RATE_HZ = 50.0
OWN_RATES_HZ = (35.0, 55.0)  # of files; beyond, it is one of the folders of lower rates, or samples are lost
# Bursts come up to a fifth of a second late. After a pause of more, samples may have been lost.
MAX_DELAY_S = 0.2
LONGEST_PAUSE_S = 0.3
SHORTEST_ROWS = 50  # of which a rate can be told
LARGEST_S = 1e5
STREAMS = (StreamInfo("watch", "Fitbit Sense", "wrist", ACC + GYRO, RATE_HZ),)
PHRASES = {
    "F01": "falling forward while walking caused by a slip",
    "F02": "falling sideways while walking caused by a slip",
    "F03": "falling backward while walking caused by a slip",
    "F04": "falling forward while walking caused by a trip",
    "F05": "falling backward when trying to sit down",
    "F06": "falling forward while sitting, caused by fainting or falling asleep",
    "F07": "falling backward while sitting, caused by fainting or falling asleep",
    "F08": "falling sideways while sitting, caused by fainting or falling asleep",
    "D01": "walking",
    "D02": "jogging",
    "D03": "walking up and down the stairs",
    "D04": "sitting down on a chair, waiting and getting up",
    "D05": "trying to get up from a chair and collapsing back into it",
    "D06": "crouching, tying the shoes and getting up",
    "D07": "stumbling while walking",
    "D08": "gently jumping without falling to reach a high object",
    "D09": "hitting a table with the hand",
    "D10": "clapping hands",
    "D11": "opening and closing a door",
}
FALL_TIMES = "fall_timestamps.csv"
_TRIAL = re.compile(r"U\d+_R\d+_accel\.csv")
SENSORS = {"accel": LARGEST["acc"] * STANDARD_GRAVITY, "gyro": LARGEST["gyro"]}  # largest reading in m/s^2 and rad/s


def sources(raw: Path) -> list[Path]:
    """The accelerometer files, one a trial; the gyroscope's lie beside them, and so do two more of each, not read."""
    return [path for path in find_files(raw, "50Hz/*/U*_accel.csv") if _TRIAL.fullmatch(path.name)]


def read(path: Path, notes: Notes) -> Iterator[Run]:
    """The gap-free runs of a trial; its clock starts with the first stamp."""
    activity, person, trial = name_parts(
        path, r"50Hz/([A-Z]\d+)/U(\d+)_R(\d+)_accel\.csv", "50Hz/D01/U01_R01_accel.csv"
    )
    phrase, subject = phrase_of(PHRASES, activity, path, notes), f"s{int(person):02d}"
    first_s, last_s = -np.inf, np.inf
    if activity.startswith("F"):
        first_s, last_s = _fall_times(path.parents[2] / FALL_TIMES, f"{activity}/U{person}_R{trial}", notes)
    gyro_path = path.with_name(path.name.replace("accel", "gyro"))
    acc, gyro = (_read_sensor(file, sensor, notes) for file, sensor in ((path, "accel"), (gyro_path, "gyro")))
    for start_s, samples in align_streams([acc, gyro], RATE_HZ, notes):
        samples[:, :3] /= STANDARD_GRAVITY
        check_gravity(path, samples[:, :3])
        check_turning(gyro_path, samples[:, :3], samples[:, 3:], RATE_HZ)
        rows = np.ceil((np.array([first_s, last_s]) - start_s) * RATE_HZ - 1e-6)
        start, stop = np.clip(rows, 0, len(samples)).astype(int).tolist()
        labels = [(phrase, start, stop)] if stop > start else []
        yield Run("watch", f"{activity}_U{person}_R{trial}", subject, samples, labels, start_s)


def _fall_times(path: Path, trial: str, notes: Notes) -> tuple[float, float]:
    """Begin and end in s of the fall of a trial."""
    columns = ("filename", "start_time", "end_time")
    table = read_rows(path, columns, text=columns[:1], header=True, rules=(within(columns[1:], LARGEST_S, 0),))
    rows = table[table["filename"] == trial]
    if len(rows) > 1 or (rows["start_time"] >= rows["end_time"]).any():
        found = rows[list(columns[1:])].to_numpy().tolist()
        raise DatasetError(f"{path}: {trial} is at {found}; expected one begin and end in s, fetch the file again")
    notes.add(f"falls that {FALL_TIMES} does not know, left unlabelled", len(rows) == 0)
    return (rows["start_time"].iloc[0], rows["end_time"].iloc[0]) if len(rows) else (0.0, 0.0)


def _read_sensor(path: Path, sensor: str, notes: Notes) -> list[tuple[float, np.ndarray]]:
    """One sensor of a trial on uniform runs, in the units of the file."""
    names = [f"{sensor}_{name}_list" for name in ("time", *"xyz")]
    rules = (within(names[1:], SENSORS[sensor]), within(names[:1], LARGEST_S, 0))
    table = read_rows(path, names, header=True, rules=rules, notes=notes)
    number, rows = table.index.to_numpy(), table.to_numpy()
    borders = [0, *(np.flatnonzero(np.abs(np.diff(rows[:, 0])) > LONGEST_PAUSE_S) + 1).tolist(), len(rows)]
    time_s, keep = np.full(len(rows), np.nan), np.zeros(len(rows), dtype=bool)
    for first, last in pairwise(borders):
        if last - first < SHORTEST_ROWS:
            notes.add(
                "samples between two pauses of the watch that are too few to tell its rate, left out", last - first
            )
            continue
        stamps, own = rows[first:last, 0], number[first:last] - number[first]
        start_s, rate_hz = steady_clock(stamps, own, MAX_DELAY_S, path, first_row=number[first] + 2)
        if not OWN_RATES_HZ[0] <= rate_hz <= OWN_RATES_HZ[1]:
            low, high = OWN_RATES_HZ
            raise DatasetError(f"{path}: sampled at {rate_hz:.1f} Hz; expected {low:g} to {high:g} Hz")
        time_s[first:last], keep[first:last] = stamps[0] + start_s + own / rate_hz, True
    notes.add("files whose time stamps of arrival are replaced by a constant rate fitted to them")
    return resample_uniform(time_s[keep], rows[keep, 1:], RATE_HZ, LONGEST_PAUSE_S / 2, notes)
