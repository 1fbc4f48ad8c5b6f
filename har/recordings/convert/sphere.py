"""SPHERE challenge: wrist accelerometer of people following a script in a house, labelled by two or three annotators.

``train/<id>/acceleration.csv`` (``t,x,y,z,...`` in s and g) and ``train/<id>/targets.csv``: per second the share of
each activity, averaged over the annotators. A second carries a label where one activity has more than half of it: then
there is exactly one such activity. Annotators disagree mostly on borders, so the seconds left out are borders too.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from har.recordings.convert.common import ACC, DatasetCard, Notes, Run, find_files, phrase_of, resample_uniform
from har.recordings.format import DatasetError, StreamInfo, segments_of

CARD = DatasetCard(
    title="SPHERE challenge: activity recognition with multimodal sensor data (wrist accelerometer)",
    citation="Twomey et al.: The SPHERE challenge: activity recognition with multimodal sensor data, "
    "arXiv:1603.00797, 2016",
    licence="see publisher (SPHERE challenge terms)",
    source_url="https://www.drivendata.org/competitions/sphere",
    people=10,
    placements=("wrist",),
    rate="20 Hz",
    activities=20,
    verified="original files",
)

RATE_HZ = 20.0
MAX_GAP_S = 0.25
MAJORITY = 0.5

STREAMS = (
    StreamInfo(
        name="wrist",
        device="SPHERE wearable",
        placement="wrist",
        channels=ACC,
        sampling_rate_hz=RATE_HZ,
        accelerometer_range_g=4.096,
    ),
)

PHRASES = {
    "a_ascend": "walking upstairs",
    "a_descend": "walking downstairs",
    "a_jump": "jumping",
    "a_loadwalk": "walking while carrying something",
    "a_walk": "walking",
    "p_bent": "standing bent forward",
    "p_kneel": "kneeling",
    "p_lie": "lying",
    "p_sit": "sitting",
    "p_squat": "squatting",
    "p_stand": "standing",
    "t_bend": "bending down",
    "t_kneel_stand": "standing up from kneeling",
    "t_lie_sit": "sitting up from lying",
    "t_sit_lie": "lying down from sitting",
    "t_sit_stand": "standing up from a chair",
    "t_stand_kneel": "kneeling down",
    "t_stand_sit": "sitting down on a chair",
    "t_straighten": "straightening up",
    "t_turn": "turning around",
}


def sources(raw: Path) -> list[Path]:
    return [path.parent for path in find_files(raw, "train/*/acceleration.csv")]


def read(source: Path, notes: Notes) -> Iterator[Run]:
    recording = _read_columns(source / "acceleration.csv", ("t", "x", "y", "z"))
    targets = _read_columns(source / "targets.csv", ("start", "end"))
    phrases = [phrase_of(PHRASES, name, source / "targets.csv") for name in targets.columns[2:]]
    shares = targets.iloc[:, 2:].to_numpy(dtype=np.float64)
    annotated = np.isfinite(shares).all(axis=1)
    winner = np.where(annotated[:, None], shares, 0.0)
    decided = winner.max(axis=1) > MAJORITY
    notes.add("seconds without annotation left unlabelled", int((~annotated).sum()))
    notes.add("annotated seconds without a majority left unlabelled", int((annotated & ~decided).sum()))
    seconds = [phrases[column] if sure else "" for column, sure in zip(winner.argmax(axis=1), decided, strict=True)]
    start_s = targets["start"].to_numpy(dtype=np.float64)
    time_s, samples = recording["t"].to_numpy(), recording[["x", "y", "z"]].to_numpy()
    subject = f"s{source.name}"
    for start, uniform in resample_uniform(time_s, samples, RATE_HZ, MAX_GAP_S, notes):
        second = np.searchsorted(start_s, start + np.arange(len(uniform)) / RATE_HZ, side="right") - 1
        labels = segments_of([seconds[row] if row >= 0 else "" for row in second.tolist()])
        yield Run("wrist", subject, subject, uniform, labels, start)


def _read_columns(path: Path, expected: tuple[str, ...]) -> pd.DataFrame:
    """A table with a header; ``DatasetError`` when it is absent, empty, lacks columns or holds words for numbers."""
    if not path.is_file():
        raise DatasetError(f"{path} is missing; each recording needs acceleration.csv and targets.csv")
    try:
        table = pd.read_csv(path)
    except ValueError as error:
        raise DatasetError(f"{path}: expected a table with columns {', '.join(expected)} ({error})") from error
    missing = [name for name in expected if name not in table.columns]
    if missing or not len(table):
        raise DatasetError(f"{path}: no column {missing} or no rows; expected {', '.join(expected)}")
    words = [name for name in table.columns if not pd.api.types.is_numeric_dtype(table[name])]
    if words:
        raise DatasetError(f"{path}: column {words[0]!r} holds more than numbers; fetch the file again")
    return table
