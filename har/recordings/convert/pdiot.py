"""PDIoT 2023: a Respeck on the chest and a Nordic Thingy in the trouser pocket, each activity 30 s."""

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
    published_twice,
    read_rows,
    split_at_lost_rows,
    within,
)
from har.recordings.format import RANGE_TOLERANCE, DatasetError, StreamInfo
from har.signal.plausibility import LARGEST

CARD = DatasetCard(
    title="PDIoT course dataset 2023",
    citation="Specknet, Principles and Design of IoT Systems (PDIoT) course data 2023, University of Edinburgh",
    licence="shared for research and teaching, cite the source",
    source_url="https://github.com/specknet/pdiot-data",
    people=102,
    placements=("chest", "trouser pocket"),
    rate="25 Hz",
    activities=12,
    verified="original files",
)
RATE_HZ = 25.0
PERIOD_MS = 1000 / RATE_HZ
STREAMS = (
    StreamInfo("chest", "Respeck", "chest", ACC + GYRO, RATE_HZ, accelerometer_range_g=2.0),
    StreamInfo("trouser_pocket", "Nordic Thingy:52", "trouser pocket", ACC + GYRO, RATE_HZ, accelerometer_range_g=2.0),
)
# Lying people turn by 0.02 rad/s at the median; two recordings with swapped labels by 3 and 6.
LYING_TURNS_RAD_PER_S = 1.0
STREAM_OF_DEVICE = {"respeck": "chest", "thingy": "trouser_pocket"}
COLUMNS = ("timestamp", "accel_x", "accel_y", "accel_z", "gyro_x", "gyro_y", "gyro_z")
RULES = (
    within(COLUMNS[1:4], RANGE_TOLERANCE * 2.0),
    within(COLUMNS[4:], float(np.rad2deg(LARGEST["gyro"]))),
)
PHRASES = {
    "sitting": "sitting",
    "standing": "standing",
    "lyingBack": "lying on the back",
    "lyingLeft": "lying on the left side",
    "lyingRight": "lying on the right side",
    "lyingStomach": "lying on the stomach",
    "normalWalking": "walking",
    "running": "running",
    "ascending": "walking upstairs",
    "descending": "walking downstairs",
    "shuffleWalking": "shuffling",
    "miscMovement": "making miscellaneous movements",
}


def sources(raw: Path) -> list[tuple[Path, bool]]:
    """Each recording, and whether it is left out as a copy."""
    paths = find_files(raw, "s*_*_*_*.csv")
    # A line: index,timestamp,accel_x..z,gyro_x..z. Index and time differ between copies.
    copies = published_twice(
        paths,
        label_of=lambda path: path.stem.split("_")[1:3],
        samples_of=lambda line: line.rstrip().split(b",", 2)[-1],
    )
    return [(path, path in copies) for path in paths]


def read(source: tuple[Path, bool], notes: Notes) -> Iterator[Run]:
    """The published time stamps are exact multiples of 40 ms that start alike for all activities of a person: they are
    no clock, and chest and pocket cannot be aligned by them. So each file is a recording of its own.
    """
    path, is_copy = source
    name = r"(s\d+)_(respeck|thingy)_([^/_]+)_[^/_]+\.csv"
    subject, device, activity = name_parts(path, name, "s1_respeck_sitting_breathingNormal.csv")
    phrase = phrase_of(PHRASES, activity, path, notes)
    if is_copy:
        notes.add("recordings left out because their samples are published twice, under different labels or people")
        return
    rows = read_rows(path, COLUMNS, header=True, rules=RULES, notes=notes)
    table = rows.to_numpy()
    steps = np.diff(table[:, 0])
    uneven = np.flatnonzero(steps != PERIOD_MS * np.diff(rows.index))
    if len(uneven):
        row = uneven[0]
        raise DatasetError(
            f"{path}, row {rows.index[row + 1] + 2}: {steps[row]:g} ms after the row above; expected {PERIOD_MS:g}"
        )
    samples = np.hstack([table[:, 1:4], np.deg2rad(table[:, 4:7])])
    if phrase.startswith("lying") and np.median(np.linalg.norm(samples[:, 3:], axis=1)) > LYING_TURNS_RAD_PER_S:
        notes.add("recordings left out because they are labelled lying and move throughout")
        return
    run = Run(STREAM_OF_DEVICE[device], path.stem, subject, samples, [(phrase, 0, len(samples))])
    yield from split_at_lost_rows(run, rows.index, RATE_HZ)
