"""PAMAP2 (Reiss and Stricker, ISWC 2012): 18 activities, inertial units on hand, chest and ankle worn together.

Of the two accelerometers the one with 16 g is taken: the authors recommend it, the other saturates at 6 g.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from har.recordings.convert.common import (
    ACC,
    GYRO,
    MAG,
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
from har.recordings.format import RANGE_TOLERANCE, STANDARD_GRAVITY, DatasetError, StreamInfo, segments_of
from har.signal.plausibility import LARGEST

CARD = DatasetCard(
    title="PAMAP2 Physical Activity Monitoring",
    citation="Reiss and Stricker, Introducing a New Benchmarked Dataset for Activity Monitoring, ISWC 2012",
    licence="CC BY 4.0",
    source_url="https://archive.ics.uci.edu/dataset/231/pamap2+physical+activity+monitoring",
    people=9,
    placements=("wrist", "chest", "ankle"),
    rate="100 Hz",
    activities=18,
    verified="published layout",
)
RATE_HZ, RANGE_G = 100.0, 16.0
LARGEST_S = 1e6  # recordings last hours
STREAMS = tuple(
    StreamInfo(name, "Trivisio Colibri wireless", placement, ACC + GYRO + MAG, RATE_HZ, accelerometer_range_g=RANGE_G)
    for name, placement in (("hand", "wrist"), ("chest", "chest"), ("ankle", "ankle"))
)
PHRASES = {
    0: "",  # transient or unlabelled
    1: "lying",
    2: "sitting",
    3: "standing",
    4: "walking",
    5: "running",
    6: "cycling",
    7: "nordic walking",
    9: "watching television",
    10: "working on a computer",
    11: "driving a car",
    12: "walking upstairs",
    13: "walking downstairs",
    16: "vacuum cleaning",
    17: "ironing",
    18: "folding laundry",
    19: "cleaning the house",
    20: "playing soccer",
    24: "jumping rope",
}
UNIT_COLUMNS = (
    "temperature",
    *ACC,
    *(f"acc of 6 g {axis}" for axis in "xyz"),
    *GYRO,
    *MAG,
    *(f"orientation {number}" for number in range(4)),
)
COLUMNS = ("time", "activity", "heart rate", *(f"{info.name} {name}" for info in STREAMS for name in UNIT_COLUMNS))
# Lost radio packets are single samples mostly; a tenth of a second bridges them and invents no movement.
MAX_GAP_S = 0.1


def _plausible(rows: pd.DataFrame) -> np.ndarray:
    """No reading beyond what its sensor can give; one that is missing is none."""
    limits = {"acc": RANGE_TOLERANCE * RANGE_G * STANDARD_GRAVITY, "gyro": LARGEST["gyro"], "mag": LARGEST["mag"]}
    return np.all(
        [
            (rows[[f"{info.name} {axis}" for axis in axes]].fillna(0).abs() <= limits[axes[0].partition("_")[0]]).all(
                axis=1
            )
            for info in STREAMS
            for axes in (ACC, GYRO, MAG)
        ],
        axis=0,
    )


RULES = (Rule("readings within the range of their sensors", _plausible), within(["time"], LARGEST_S, 0))


def sources(raw: Path) -> list[Path]:
    """The files of ``Protocol`` and, for some people, ``Optional``."""
    return [p for p in find_files(raw, "subject*.dat") if p.parent.name in ("Protocol", "Optional")]


def read(path: Path, notes: Notes) -> Iterator[Run]:
    """Gap-free runs of the three units; the file is one recording with one clock."""
    (number,) = name_parts(path, r"subject(\d+)\.dat", "subject101.dat")
    missing = dict.fromkeys(COLUMNS[2:], "NaN")
    table = read_rows(path, COLUMNS, separator=WHITE_SPACE, missing=missing, rules=RULES, notes=notes)
    time_s = table["time"].to_numpy()
    backwards = np.flatnonzero(np.diff(time_s) <= 0)
    if len(backwards):
        raise DatasetError(
            f"{path}, row {table.index[backwards[0] + 1] + 1}: the time does not increase; fetch the file again"
        )
    phrases = phrases_of(PHRASES, table["activity"], path, notes=notes)
    recording, subject = f"{path.parent.name.lower()}_s{number}", f"s{number}"
    for info in STREAMS:
        samples = table[[f"{info.name} {channel}" for channel in info.channels]].to_numpy(copy=True)
        samples[:, :3] /= STANDARD_GRAVITY
        for start, uniform in resample_uniform(time_s, samples, RATE_HZ, MAX_GAP_S, notes):
            labels = segments_of(phrases[rows_at(time_s, start, len(uniform), RATE_HZ)])
            yield Run(info.name, recording, subject, uniform, labels, start)
