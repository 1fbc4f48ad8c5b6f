"""mHealth (Banos et al., IWAAL 2014): twelve activities, units on chest, left ankle and right wrist worn together.

A row has 24 columns without names: chest acceleration, two ECG leads, acceleration, rotation and magnetic field of the
ankle and of the lower arm, label. Acceleration is kept. The rotation is called deg/s and the field "local", and the
rows do not bear that out (the ankle of a person who stands still turns at about one of its units): nobody can say in
what they are.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from har.recordings.convert.common import (
    ACC,
    WHITE_SPACE,
    DatasetCard,
    Notes,
    Run,
    find_files,
    name_parts,
    phrases_of,
    read_rows,
    split_at_lost_rows,
    within,
)
from har.recordings.convert.units import check_gravity
from har.recordings.format import STANDARD_GRAVITY, StreamInfo, segments_of
from har.signal.plausibility import LARGEST

CARD = DatasetCard(
    title="mHealth",
    citation="Banos, Garcia, Holgado-Terriza, Damas, Pomares, Rojas, Saez and Villalonga, mHealthDroid: A Novel "
    "Framework for Agile Development of Mobile Health Applications, IWAAL 2014 (UCI 319)",
    licence="CC BY 4.0",
    source_url="https://archive.ics.uci.edu/dataset/319/mhealth+dataset",
    people=10,
    placements=("chest", "left ankle", "right wrist"),
    rate="50 Hz",
    activities=12,
    verified="published layout",
)
RATE_HZ = 50.0
STREAMS = tuple(StreamInfo(place.replace(" ", "_"), "Shimmer2", place, ACC, RATE_HZ) for place in CARD.placements)
PHRASES = {
    0: "",  # the null class
    1: "standing still",
    2: "sitting",
    3: "lying",
    4: "walking",
    5: "climbing stairs",
    6: "bending at the waist and getting up",
    7: "raising both arms in front",
    8: "bending the knees and getting up",
    9: "cycling",
    10: "jogging",
    11: "running",
    12: "jumping forward and backward",
}
COLUMNS = (
    *(f"chest {axis}" for axis in ACC),
    "ecg 1",
    "ecg 2",
    *(
        f"{info.name} {sensor}_{axis}"
        for info in STREAMS[1:]
        for sensor in ("acc", "rotation", "field")
        for axis in "xyz"
    ),
    "label",
)
ACCELERATION = [f"{info.name} {axis}" for info in STREAMS for axis in ACC]
RULES = (within(ACCELERATION, LARGEST["acc"] * STANDARD_GRAVITY), within(["label"], 1e6, 0))


def sources(raw: Path) -> list[Path]:
    """One file a person."""
    return find_files(raw, "mHealth_subject*.log")


def read(path: Path, notes: Notes) -> Iterator[Run]:
    """The three units of a person, row by row on one clock."""
    (number,) = name_parts(path, r"mHealth_subject(\d+)\.log", "mHealth_subject1.log")
    table = read_rows(path, COLUMNS, separator=WHITE_SPACE, rules=RULES, notes=notes)
    phrases = phrases_of(PHRASES, table["label"], path, notes=notes)
    labels, subject = segments_of(phrases), f"s{int(number):02d}"
    for info in STREAMS:
        samples = table[[f"{info.name} {axis}" for axis in ACC]].to_numpy(dtype=np.float64) / STANDARD_GRAVITY
        check_gravity(path, samples, f"the accelerometer of the {info.placement}")
        yield from split_at_lost_rows(Run(info.name, subject, subject, samples, labels), table.index, RATE_HZ)
