"""PDIoT 2023: a Respeck on the chest and a Nordic Thingy in the trouser pocket, each activity 30 s."""

from pathlib import Path

import numpy as np

from har.recordings.convert.common import ACC, GYRO, DatasetCard, Notes, Run, find_files, phrase_of
from har.recordings.convert.raw_checks import published_twice, read_rows
from har.recordings.format import DatasetError, StreamInfo

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
STREAMS = (
    StreamInfo("chest", "Respeck", "chest", ACC + GYRO, RATE_HZ, accelerometer_range_g=2.0),
    StreamInfo("trouser_pocket", "Nordic Thingy:52", "trouser pocket", ACC + GYRO, RATE_HZ, accelerometer_range_g=2.0),
)
# Lying people turn by 0.02 rad/s at the median; two recordings with swapped labels by 3 and 6.
LYING_TURNS_RAD_PER_S = 1.0
STREAM_OF_DEVICE = {"respeck": "chest", "thingy": "trouser_pocket"}
COLUMNS = ("timestamp", "accel_x", "accel_y", "accel_z", "gyro_x", "gyro_y", "gyro_z")
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


def read(source: tuple[Path, bool], notes: Notes) -> list[Run]:
    """The published time stamps are exact multiples of 40 ms that start alike for all activities of a person: they are
    no clock, and chest and pocket cannot be aligned by them. So each file is a recording of its own.
    """
    path, is_copy = source
    subject, device, activity, _ = path.stem.split("_")
    phrase = phrase_of(PHRASES, activity, path)
    if device not in STREAM_OF_DEVICE:
        raise DatasetError(f"{path}: device {device!r}; expected one of {sorted(STREAM_OF_DEVICE)}")
    if is_copy:
        notes.add("recordings left out because their samples are published twice, under different labels or people")
        return []
    table = read_rows(path, COLUMNS, header=True).to_numpy()
    steps = np.diff(table[:, 0])
    if (steps != 1000 / RATE_HZ).any():
        row = int(np.argmax(steps != 1000 / RATE_HZ))
        raise DatasetError(f"{path}, row {row + 3}: {steps[row]:g} ms after the row above; expected {1000 / RATE_HZ:g}")
    samples = np.hstack([table[:, 1:4], np.deg2rad(table[:, 4:7])])
    if phrase.startswith("lying") and np.median(np.linalg.norm(samples[:, 3:], axis=1)) > LYING_TURNS_RAD_PER_S:
        notes.add("recordings left out because they are labelled lying and move throughout")
        return []
    return [Run(STREAM_OF_DEVICE[device], path.stem, subject, samples, [(phrase, 0, len(samples))])]
