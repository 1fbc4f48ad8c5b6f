"""WISDM smartphone and smartwatch activities: the phone in the trouser pocket; each activity takes 3 minutes.

``wisdm_watch`` holds the same people at the same time, with a watch.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from har.recordings.convert.common import (
    ACC,
    GYRO,
    DatasetCard,
    Notes,
    Rule,
    Run,
    align_streams,
    find_files,
    name_parts,
    read_rows,
    resample_uniform,
    within,
)
from har.recordings.convert.units import check_gravity
from har.recordings.format import STANDARD_GRAVITY, DatasetError, StreamInfo
from har.signal.plausibility import LARGEST

SAME_PEOPLE = "wisdm_phone and wisdm_watch are the same people, doing the same: keep them on one side of a split"
CARD = DatasetCard(
    title="WISDM Smartphone and Smartwatch Activity and Biometrics Dataset (phone)",
    citation="Weiss, Yoneda, Hayajneh, Smartphone and Smartwatch-Based Biometrics Using Activities of Daily Living, "
    "IEEE Access 7, 2019 (UCI 507)",
    licence="CC BY 4.0",
    source_url="https://archive.ics.uci.edu/dataset/507",
    people=36,
    placements=("trouser pocket",),
    rate="20, 25 or 50 Hz by phone",
    activities=18,
    verified="original files",
    note=SAME_PEOPLE,
)
MAX_GAP_S = 0.25
RATE_TOLERANCE = 0.1
LARGEST_NS = 2.0**63  # a time stamp is a long integer
DEVICE = "Nexus 5, Nexus 5X or Galaxy S6"
# A stream per rate, so that nothing is brought to a rate far from its own. The phones clip at 2 g, except one of those
# at 50 Hz: the range of that stream is left open.
STREAMS = (
    StreamInfo("phone_20hz", DEVICE, "trouser pocket", ACC + GYRO, 20.0, accelerometer_range_g=2.0),
    StreamInfo("phone_25hz", DEVICE, "trouser pocket", ACC + GYRO, 25.0, accelerometer_range_g=2.0),
    StreamInfo("phone_50hz", DEVICE, "trouser pocket", ACC + GYRO, 50.0),
)
COLUMNS = ("subject", "activity", "timestamp", "x", "y", "z")
# activity_key.txt says "stairs" and no direction.
PHRASES = {
    "A": "walking",
    "B": "jogging",
    "C": "walking on stairs",
    "D": "sitting",
    "E": "standing",
    "F": "typing",
    "G": "brushing teeth",
    "H": "eating soup",
    "I": "eating chips",
    "J": "eating pasta",
    "K": "drinking from a cup",
    "L": "eating a sandwich",
    "M": "kicking a ball",
    "O": "playing catch with a ball",
    "P": "dribbling a basketball",
    "Q": "writing",
    "R": "clapping the hands",
    "S": "folding clothes",
}


def sources(raw: Path) -> list[Path]:
    return find_files(raw, "data_*_accel_phone.txt")


def read(source: Path, notes: Notes) -> list[Run]:
    """Each activity has a clock of its own, which starts with its first sample."""
    return read_device(source, "phone", STREAMS, notes)


def read_device(source: Path, device: str, streams: Sequence[StreamInfo], notes: Notes) -> list[Run]:
    """The runs of one person's phone or watch; of the streams, each activity goes to the one of its rate."""
    (subject,) = name_parts(source, rf"data_(\d+)_accel_{device}\.txt", f"data_1600_accel_{device}.txt")
    gyro_path = source.parent.parent / "gyro" / source.name.replace("accel", "gyro")
    acc_table, gyro_table = (
        _read_sensor(path, int(subject), largest, notes)
        for path, largest in ((source, LARGEST["acc"] * STANDARD_GRAVITY), (gyro_path, LARGEST["gyro"]))
    )
    runs = []
    alone = ~gyro_table["activity"].isin(acc_table["activity"])
    notes.add("samples of the gyroscope in activities without accelerometer, left out", int(alone.sum()))
    for letter in acc_table["activity"].unique():
        acc_time, acc = _activity(acc_table, letter)
        gyro_time, gyro = _activity(gyro_table, letter)
        if letter not in PHRASES:
            place = f"{source}: unknown label {letter!r}; known are {sorted(PHRASES)}"
            notes.unknown_label(place, len(acc) + len(gyro))
        if len(np.unique(acc_time)) < 2:
            notes.damaged_rows(f"{source}: a single sample of activity {letter!r}; expected 3 minutes", len(acc))
            continue
        if len(np.unique(gyro_time)) < 2:
            notes.add("activities without gyroscope left out")
            notes.add("samples of the accelerometer in activities without gyroscope", len(acc))
            continue
        stream, own_rate = _stream_of(streams, acc_time, source, letter)
        if 1 / _period(gyro_time) < (1 - RATE_TOLERANCE) * own_rate:
            notes.add("activities whose slower gyroscope is interpolated to the accelerometer's rate")
        check_gravity(source, acc / STANDARD_GRAVITY, f"the accelerometer in activity {letter}")
        origin = min(acc_time.min(), gyro_time.min())
        rate = stream.sampling_rate_hz
        acc_runs = resample_uniform(acc_time - origin, acc / STANDARD_GRAVITY, rate, MAX_GAP_S, notes)
        gyro_runs = resample_uniform(gyro_time - origin, gyro, rate, MAX_GAP_S, notes)
        for start, x in align_streams([acc_runs, gyro_runs], rate, notes):
            runs.append(
                Run(stream.name, f"{subject}_{letter}", f"s{subject}", x, [(PHRASES.get(letter, ""), 0, len(x))], start)
            )
    return runs


def _read_sensor(path: Path, subject: int, largest: float, notes: Notes) -> pd.DataFrame:
    own = Rule(f"subject {subject} as in the file name", lambda rows: rows["subject"] == subject)
    rules = (own, within("xyz", largest), within(["timestamp"], LARGEST_NS))
    return read_rows(path, COLUMNS, text=("activity",), record_end=";", rules=rules, notes=notes)


def _activity(table: pd.DataFrame, letter: str) -> tuple[np.ndarray, np.ndarray]:
    rows = table[table["activity"] == letter]
    return rows["timestamp"].to_numpy() / 1e9, rows[["x", "y", "z"]].to_numpy()


def _period(time_s: np.ndarray) -> float:
    """Median step; files that hold every sample twice, one copy after the other, do not disturb it."""
    return float(np.median(np.diff(np.unique(time_s))))


def _stream_of(
    streams: Sequence[StreamInfo], acc_time: np.ndarray, path: Path, letter: str
) -> tuple[StreamInfo, float]:
    own_rate = 1 / _period(acc_time)
    stream = min(streams, key=lambda info: abs(info.sampling_rate_hz - own_rate))
    if abs(stream.sampling_rate_hz - own_rate) > RATE_TOLERANCE * stream.sampling_rate_hz:
        *others, last = (f"{info.sampling_rate_hz:g}" for info in streams)
        rates = f"{', '.join(others)} or {last}" if others else last
        raise DatasetError(f"{path}: activity {letter} is sampled at {own_rate:.1f} Hz; expected about {rates} Hz")
    return stream, own_rate
