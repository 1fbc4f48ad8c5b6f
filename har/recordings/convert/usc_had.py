"""USC-HAD (Zhang and Sawchuk, UbiComp 2012): twelve activities, a MotionNode at the front of the right hip.

One MATLAB file a trial, ``Subject1/a1t1.mat``: activity and trial in the name, and the activity once more inside, under
``activity_number`` or, as some files spell it, ``activity_numbr``.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from har.recordings.convert.common import (
    ACC,
    GYRO,
    DatasetCard,
    Notes,
    Run,
    find_files,
    name_parts,
    phrase_of,
    split_at_lost_rows,
)
from har.recordings.convert.matlab import inertial_rows, read_mat
from har.recordings.convert.units import check_gravity, check_turning
from har.recordings.format import DatasetError, StreamInfo

CARD = DatasetCard(
    title="USC Human Activity Dataset (USC-HAD)",
    citation="Zhang and Sawchuk, USC-HAD: A Daily Activity Dataset for Ubiquitous Activity Recognition Using Wearable "
    "Sensors, UbiComp 2012 (SAGAware), doi:10.1145/2370216.2370438",
    licence="free for research, cite the paper",
    source_url="https://sipi.usc.edu/had/",
    people=14,
    placements=("right hip",),
    rate="100 Hz",
    activities=12,
    verified="published layout",
)
RATE_HZ, RANGE_G = 100.0, 6.0
STREAMS = (StreamInfo("hip", "MotionNode", "right hip", ACC + GYRO, RATE_HZ, accelerometer_range_g=RANGE_G),)
PHRASES = {
    1: "walking forward",
    2: "walking in a circle to the left",
    3: "walking in a circle to the right",
    4: "walking upstairs",
    5: "walking downstairs",
    6: "running",
    7: "jumping up and down",
    8: "sitting",
    9: "standing",
    10: "lying in bed",  # "sleeping": the person sleeps or lies down
    11: "riding up in an elevator",
    12: "riding down in an elevator",
}
NUMBER_NAMES = ("activity_number", "activity_numbr")


def sources(raw: Path) -> list[Path]:
    """One file a trial."""
    return find_files(raw, "Subject*/a*t*.mat")


def read(path: Path, notes: Notes) -> Iterator[Run]:
    """One labelled run a trial; trials have no clock."""
    subject, activity, trial = map(int, name_parts(path, r"Subject(\d+)/a(\d+)t(\d+)\.mat", "Subject1/a1t1.mat"))
    phrase = phrase_of(PHRASES, activity, path, notes)
    variables = read_mat(path, "sensor_readings")
    for said in (variables[name] for name in NUMBER_NAMES if name in variables):
        if _number(said) != activity:
            raise DatasetError(
                f"{path}: activity {activity} by its name and {_number(said)!r} by what it holds: nobody can say which "
                "is right; fetch it again or remove it"
            )
    samples, rows = inertial_rows(path, "sensor_readings", variables["sensor_readings"], RANGE_G, notes)
    check_gravity(path, samples[:, :3])
    check_turning(path, samples[:, :3], samples[:, 3:], RATE_HZ)
    person = f"s{subject:02d}"
    run = Run("hip", f"{person}_a{activity:02d}_t{trial}", person, samples, [(phrase, 0, len(samples))])
    yield from split_at_lost_rows(run, rows, RATE_HZ)


def _number(value: np.ndarray) -> int | str:
    """What a number is that was written as a text or as a number, in an array of one."""
    text = "".join(map(str, np.asarray(value).ravel().tolist())).strip()
    return int(text) if text.isdecimal() else text
