"""SelfBACK: Axivity AX3 on the wrist and, for most people, on the thigh at the same time; no gyroscope."""

from pathlib import Path

import numpy as np
import pandas as pd

from har.recordings.convert.common import (
    ACC,
    DatasetCard,
    Notes,
    Run,
    files_below,
    find_files,
    group_by,
    phrase_of,
    read_rows,
    resample_uniform,
    within,
)
from har.recordings.format import RANGE_TOLERANCE, StreamInfo

CARD = DatasetCard(
    title="SelfBACK activity recognition dataset",
    citation="Sani, Massie, Wiratunga, Cooper, Learning Deep and Shallow Features for Human Activity Recognition, "
    "KSEM 2017",
    licence="free for research, cite the papers",
    source_url="https://github.com/rgu-selfback/Datasets",
    people=26,
    placements=("wrist", "thigh"),
    rate="97-103 Hz -> 100 Hz",
    activities=9,
    verified="original files",
)
RATE_HZ = 100.0
MAX_GAP_S = 0.1
RANGE_G = 8.0
STREAMS = tuple(
    StreamInfo(place, "Axivity AX3", place, ACC, RATE_HZ, accelerometer_range_g=RANGE_G) for place in ("wrist", "thigh")
)
# The folders bear the placement and the number of people of the whole study: wrist50, thigh34.
FOLDER_OF_STREAM = {"wrist": "wrist50", "thigh": "thigh34"}
PHRASES = {
    "walk_slow": "walking slowly",
    "walk_mod": "walking at a moderate pace",
    "walk_fast": "walking fast",
    "jogging": "jogging",
    "upstairs": "walking upstairs",
    "downstairs": "walking downstairs",
    "sitting": "sitting",
    "standing": "standing",
    "lying": "lying",
}


def sources(raw: Path) -> list[list[Path]]:
    """The files of one activity of one person, one file a placement."""
    paths = [path for folder in FOLDER_OF_STREAM.values() for path in files_below(raw, f"{folder}/*/*.csv")]
    if not paths:
        find_files(raw, "wrist50/*/*.csv")
    return group_by(paths, lambda path: (path.parent.name, path.stem))


def read(source: list[Path], notes: Notes) -> list[Run]:
    """The recording's clock starts with the earlier of its devices."""
    activity, subject = source[0].parent.name, source[0].stem
    phrase = phrase_of(PHRASES, activity, source[0], notes)
    tables = {path: _read_device(path, notes) for path in source}
    origin = min(time_s[0] for time_s, _ in tables.values())
    runs = []
    for path, (time_s, acc) in tables.items():
        stream = next(name for name, folder in FOLDER_OF_STREAM.items() if folder == path.parent.parent.name)
        for start, x in resample_uniform(time_s - origin, acc, RATE_HZ, MAX_GAP_S, notes):
            runs.append(Run(stream, f"{subject}_{activity}", f"s{subject}", x, [(phrase, 0, len(x))], start))
    return runs


def _read_device(path: Path, notes: Notes) -> tuple[np.ndarray, np.ndarray]:
    """Seconds of the wall clock (n,) and acceleration in g (n, 3)."""
    rules = (within("xyz", RANGE_TOLERANCE * RANGE_G),)
    table = read_rows(path, ("time", "x", "y", "z"), times=("time",), header=True, rules=rules, notes=notes)
    time_s = (table["time"] - pd.Timestamp(0)).dt.total_seconds().to_numpy()
    return time_s, table[["x", "y", "z"]].to_numpy()
