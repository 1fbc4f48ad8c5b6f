"""PAMAP2 (Reiss and Stricker, ISWC 2012): 18 activities, inertial units on hand, chest and ankle worn together.

Of the two accelerometers the one with 16 g is taken: the authors recommend it, the other saturates at 6 g.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from har.recordings.convert.common import (
    ACC,
    GYRO,
    MAG,
    DatasetCard,
    Notes,
    Run,
    find_files,
    phrase_of,
    read_table,
    resample_uniform,
)
from har.recordings.format import STANDARD_GRAVITY, DatasetError, StreamInfo, segments_of

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
RATE_HZ = 100.0
STREAMS = tuple(
    StreamInfo(name, "Trivisio Colibri wireless", placement, ACC + GYRO + MAG, RATE_HZ, accelerometer_range_g=16.0)
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
FILE_COLUMNS = 54
FIRST_COLUMN = {"hand": 3, "chest": 20, "ankle": 37}  # temperature of each unit, counted from 0
# Lost radio packets are single samples mostly; a tenth of a second bridges them and invents no movement.
MAX_GAP_S = 0.1


def sources(raw: Path) -> list[Path]:
    """The files of ``Protocol`` and, for some people, ``Optional``."""
    return [p for p in find_files(raw, "subject*.dat") if p.parent.name in ("Protocol", "Optional")]


def read(path: Path, notes: Notes) -> Iterator[Run]:
    """Gap-free runs of the three units; the file is one recording with one clock."""
    table = read_table(path, separator=" ")
    if table.shape[1] != FILE_COLUMNS:
        raise DatasetError(f"{path}: {table.shape[1]} columns; expected {FILE_COLUMNS}")
    time_s, codes = table[:, 0], table[:, 1]
    bad = ~(np.isfinite(time_s) & np.isfinite(codes))
    bad[1:] |= ~(np.diff(time_s) > 0)
    if bad.any():
        row = int(np.argmax(bad)) + 1
        raise DatasetError(f"{path}, row {row}: no increasing time stamp or no activity; fetch the file again")
    known, inverse = np.unique(codes.astype(int), return_inverse=True)
    phrases = np.array([phrase_of(PHRASES, code, path) for code in known.tolist()], dtype=object)[inverse]
    subject = path.stem.replace("subject", "s")
    for name, first in FIRST_COLUMN.items():
        # Behind the temperature: acc 16 g, acc 6 g, gyroscope, magnetometer.
        samples = table[:, first + 1 : first + 13][:, [0, 1, 2, 6, 7, 8, 9, 10, 11]]
        samples[:, :3] /= STANDARD_GRAVITY
        for start_s, run in resample_uniform(time_s, samples, RATE_HZ, MAX_GAP_S, notes):
            nearest = np.searchsorted(time_s, start_s + (np.arange(len(run)) - 0.5) / RATE_HZ)
            yield Run(
                name,
                f"{path.parent.name.lower()}_{subject}",
                subject,
                run,
                segments_of(phrases[np.minimum(nearest, len(phrases) - 1)]),
                start_s,
            )
