"""MotionSense (Malekzadeh et al., IoTDI 2019): six activities, an iPhone in the front trouser pocket.

Core Motion splits the accelerometer into gravity and user acceleration; their sum is what the sensor measured, with the
opposite sign of every other dataset here (an iPhone face up reads -1 g on z). The sign is turned, so that samples are
specific force, upward at rest.
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
    plain_text,
    read_rows,
    repeated_rows,
    split_at_lost_rows,
    within,
)
from har.recordings.format import RANGE_TOLERANCE, StreamInfo
from har.signal.plausibility import LARGEST

CARD = DatasetCard(
    title="MotionSense",
    citation="Malekzadeh, Clegg, Cavallaro and Haddadi, Mobile Sensor Data Anonymization, IoTDI 2019",
    licence="ODbL 1.0",
    source_url="https://github.com/mmalekzadeh/motion-sense",
    people=24,
    placements=("front trouser pocket",),
    rate="50 Hz",
    activities=6,
    verified="published layout",
)
RATE_HZ, RANGE_G = 50.0, 8.0
STREAMS = (
    StreamInfo("phone", "Apple iPhone 6s", "front trouser pocket", ACC + GYRO, RATE_HZ, accelerometer_range_g=RANGE_G),
)
PHRASES = {
    "dws": "walking downstairs",
    "ups": "walking upstairs",
    "wlk": "walking",
    "jog": "jogging",
    "std": "standing",
    "sit": "sitting",
}
COLUMNS = tuple(f"{group}.{axis}" for group in ("gravity", "userAcceleration", "rotationRate") for axis in "xyz")
RULES = (
    within(COLUMNS[:3], 1.5),
    within(COLUMNS[3:6], RANGE_TOLERANCE * RANGE_G - 1.5),
    within(COLUMNS[6:], LARGEST["gyro"]),
)


def sources(raw: Path) -> list[Path]:
    """One file a trial and person; the folders of single sensors, published beside it, hold the same trials again."""
    single = ("B_Accelerometer_data", "C_Gyroscope_data")
    return [path for path in find_files(raw, "*_*/sub_*.csv") if path.parents[1].name not in single]


def read(path: Path, notes: Notes) -> Iterator[Run]:
    """One labelled run a file."""
    activity, trial, subject = name_parts(path, r"([a-z]+)_(\d+)/sub_(\d+)\.csv", "dws_1/sub_1.csv")
    phrase, subject = phrase_of(PHRASES, activity, path, notes), f"s{int(subject):02d}"
    number = [""] if plain_text(path).startswith(b",") else []  # of the row; its column has no name
    table = read_rows(path, (*number, *COLUMNS), header=True, rules=RULES, notes=notes)
    twice = repeated_rows(table.to_numpy(), np.full(len(table), bool(number)))
    notes.add("rows that repeat the number and all else of the row before, left out", int(twice.sum()))
    # No time passes in them.
    rows = (table.index.to_numpy() - np.cumsum(twice))[~twice]
    values = table[list(COLUMNS)].to_numpy()[~twice]
    samples = np.hstack([-(values[:, 0:3] + values[:, 3:6]), values[:, 6:9]])
    notes.add("trials whose accelerometer sign was turned from Core Motion's to specific force")
    run = Run("phone", f"{activity}_{trial}_{subject}", subject, samples, [(phrase, 0, len(samples))])
    yield from split_at_lost_rows(run, rows, RATE_HZ)
