"""OPPORTUNITY (Roggen et al., INSS 2010): a morning in a kitchen, body-worn units at 30 Hz, labels in several tracks.

A row of ``S1-ADL1.dat`` or ``S1-Drill.dat`` has 250 columns without names: milliseconds, 242 sensors, 7 labels, which
``column_names.txt`` describes. Five inertial units and three accelerometers are kept; acceleration is in milli-g. Of
the gyroscopes the unit is called unknown: it is that of rad/s times 1000, which is compared with how gravity turns.

Everybody's label is the posture (Locomotion). On an arm that acts (its own track says so) the gesture of both arms
counts, where there is one.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from har.recordings.convert.common import (
    ACC,
    GYRO,
    WHITE_SPACE,
    DatasetCard,
    Notes,
    Rule,
    Run,
    find_files,
    name_parts,
    phrases_of,
    read_rows,
    resample_uniform,
    rows_at,
    within,
)
from har.recordings.convert.units import check_gravity, check_turning
from har.recordings.format import DatasetError, StreamInfo, segments_of
from har.signal.plausibility import LARGEST

CARD = DatasetCard(
    title="OPPORTUNITY Activity Recognition",
    citation="Roggen et al., Collecting Complex Activity Datasets in Highly Rich Networked Sensor Environments, INSS "
    "2010; Chavarriaga et al., Pattern Recognition Letters 34(15), 2013, doi:10.1016/j.patrec.2012.12.014 (UCI 226)",
    licence="CC BY 4.0",
    source_url="https://archive.ics.uci.edu/dataset/226/opportunity+activity+recognition",
    people=4,
    placements=(
        "back", "right upper arm", "right forearm", "left upper arm", "left forearm",
        "hip", "right wrist", "left wrist",
    ),
    rate="30 Hz",
    activities=15,
    verified="published layout",
)  # fmt: skip
RATE_HZ = 30.0
# Lost radio packets of one or two samples are bridged.
MAX_GAP_S = 0.1
LARGEST_MS = 1e8
COUNT = 250
FIRST_COLUMN = {  # of the acceleration, counted from 1 as column_names.txt does; of the units rotation follows
    "back": 38, "right upper arm": 51, "right forearm": 64, "left upper arm": 77, "left forearm": 90,
    "hip": 5, "right wrist": 23, "left wrist": 32,
}  # fmt: skip
UNITS = CARD.placements[:5]
STREAMS = tuple(
    StreamInfo(
        place.replace(" ", "_"),
        "Xsens inertial unit" if place in UNITS else "Bluetooth accelerometer",
        place,
        ACC + GYRO if place in UNITS else ACC,
        RATE_HZ,
    )
    for place in CARD.placements
)
LOCOMOTION = {0: "", 1: "standing", 2: "walking", 4: "sitting", 5: "lying"}
GESTURES = {
    0: "",
    406516: "opening a door", 406517: "opening a door", 404516: "closing a door", 404517: "closing a door",
    406520: "opening a fridge", 404520: "closing a fridge",
    406505: "opening a dishwasher", 404505: "closing a dishwasher",
    406519: "opening a drawer", 406511: "opening a drawer", 406508: "opening a drawer",
    404519: "closing a drawer", 404511: "closing a drawer", 404508: "closing a drawer",
    408512: "cleaning a table", 407521: "drinking from a cup", 405506: "toggling a switch",
}  # fmt: skip
PHRASES = {**LOCOMOTION, **GESTURES}
LABELS = {"locomotion": 244, "left arm": 246, "right arm": 248, "gesture": 250}
COLUMNS = tuple(f"column {number}" for number in range(1, COUNT + 1))


def _columns(info: StreamInfo) -> list[str]:
    first = FIRST_COLUMN[info.placement]
    return list(COLUMNS[first - 1 : first - 1 + len(info.channels)])


SENSOR_COLUMNS = {
    "acc": [name for info in STREAMS for name in _columns(info)[:3]],
    "gyro": [name for info in STREAMS for name in _columns(info)[3:]],
}


def _plausible(rows: pd.DataFrame) -> np.ndarray:
    """No reading beyond what its sensor can give; one that is missing is none."""
    reach = [rows[names].fillna(0).abs() <= 1000 * LARGEST[kind] for kind, names in SENSOR_COLUMNS.items()]
    return np.all([part.all(axis=1) for part in reach], axis=0)


RULES = (
    within(COLUMNS[:1], LARGEST_MS, 0),
    within([COLUMNS[number - 1] for number in LABELS.values()], 1e6, 0),
    Rule("readings within the range of their sensors", _plausible),
)


def sources(raw: Path) -> list[Path]:
    """The runs of daily activities and the drills, one file each."""
    return find_files(raw, "S[0-9]*-*.dat")


def read(path: Path, notes: Notes) -> Iterator[Run]:
    """Gap-free runs of all devices; the file is one recording with one clock."""
    person, kind = name_parts(path, r"S(\d+)-(ADL\d+|Drill)\.dat", "S1-ADL1.dat")
    missing = dict.fromkeys(COLUMNS[1 : LABELS["locomotion"] - 1], "NaN")
    table = read_rows(path, COLUMNS, separator=WHITE_SPACE, missing=missing, rules=RULES, notes=notes)
    time_s = table[COLUMNS[0]].to_numpy() / 1000
    backwards = np.flatnonzero(np.diff(time_s) <= 0)
    if len(backwards):
        row = table.index[backwards[0] + 1] + 1
        raise DatasetError(f"{path}, row {row}: the time does not increase; fetch the file again")
    labels = _labels(table, path, notes)
    subject = f"s{int(person)}"
    for info in STREAMS:
        samples = table[_columns(info)].to_numpy(dtype=np.float64) / 1000
        check_gravity(path, samples[:, :3], f"the accelerometer of the {info.placement}")
        side = info.placement.partition(" ")[0]
        phrases = labels.get(side, labels[""])
        runs = resample_uniform(time_s, samples, RATE_HZ, MAX_GAP_S, notes)
        if runs and len(info.channels) > 3:
            everything = np.concatenate([uniform for _, uniform in runs])
            check_turning(path, everything[:, :3], everything[:, 3:], RATE_HZ, f" of the {info.placement}")
        for start_s, uniform in runs:
            named = segments_of(phrases[rows_at(time_s, start_s, len(uniform), RATE_HZ)])
            yield Run(info.name, f"{subject}_{kind.lower()}", subject, uniform, named, start_s)


def _labels(table: pd.DataFrame, path: Path, notes: Notes) -> dict[str, np.ndarray]:
    """Phrase of every row (rows,) for the arm of a side, and under "" for the trunk."""
    codes = {track: table[COLUMNS[number - 1]] for track, number in LABELS.items()}
    posture = phrases_of(LOCOMOTION, codes["locomotion"], path, notes=notes)
    gesture = phrases_of(GESTURES, codes["gesture"], path, notes=notes)
    labels = {"": posture}
    for side in ("left", "right"):
        acts = (codes[f"{side} arm"].to_numpy() != 0) & (gesture != "")
        labels[side] = np.where(acts, gesture, posture)
    return labels
