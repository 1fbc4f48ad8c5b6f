"""SPHERE challenge: wrist accelerometer of people following a script in a house, labelled by two or three annotators.

``train/<id>/acceleration.csv`` (``t,x,y,z,...`` in s and g) and ``train/<id>/targets.csv``: per second the share of
each activity, averaged over the annotators. A second carries a label where one activity has more than half of it: then
there is exactly one such activity. Annotators disagree mostly on borders, so the seconds left out are borders too.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from har.recordings.convert.common import (
    ACC,
    DatasetCard,
    Notes,
    Rule,
    Run,
    find_files,
    read_rows,
    resample_uniform,
    within,
)
from har.recordings.format import RANGE_TOLERANCE, DatasetError, StreamInfo, segments_of

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
RANGE_G = 4.096
LARGEST_S = 1e6  # recordings last half an hour

STREAMS = (StreamInfo("wrist", "SPHERE wearable", "wrist", ACC, RATE_HZ, accelerometer_range_g=RANGE_G),)

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

TARGET_RULES = (
    Rule("start and end one second apart", lambda rows: np.abs(rows["end"] - rows["start"] - 1) < 1e-6),
    Rule("shares of 0 to 1", lambda rows: rows[list(PHRASES)].fillna(0).abs().le(1.001).all(axis=1)),
    within(["start"], LARGEST_S),
)


def sources(raw: Path) -> list[Path]:
    return [path.parent for path in find_files(raw, "train/*/acceleration.csv")]


def read(source: Path, notes: Notes) -> Iterator[Run]:
    """One person is one recording, on the clock of the annotations."""
    rules = (within("xyz", RANGE_TOLERANCE * RANGE_G), within("t", LARGEST_S))
    recording = read_rows(source / "acceleration.csv", ("t", "x", "y", "z"), header=True, rules=rules, notes=notes)
    targets = read_rows(
        source / "targets.csv",
        ("start", "end", *PHRASES),
        header=True,
        missing=dict.fromkeys(PHRASES, ""),
        rules=TARGET_RULES,
        notes=notes,
    )
    shares = targets[list(PHRASES)].to_numpy()
    annotated = np.isfinite(shares).all(axis=1)
    decided = annotated & (shares > MAJORITY).any(axis=1)
    notes.add("seconds without annotation left unlabelled", int((~annotated).sum()))
    notes.add("annotated seconds without a majority left unlabelled", int((annotated & ~decided).sum()))
    phrases = np.where(decided, np.array(list(PHRASES.values()), dtype=object)[shares.argmax(axis=1)], "")
    start_s, end_s = targets["start"].to_numpy(), targets["end"].to_numpy(copy=True)
    if (np.diff(start_s) <= 0).any():
        raise DatasetError(f"{source / 'targets.csv'}: the seconds are not in order; fetch the file again")
    lost_s = np.setdiff1d(np.arange(targets.attrs["rows"]), targets.index)
    end_s[~np.isin(targets.index + 1, lost_s)] = np.inf  # seconds follow each other, but for rows that were left out
    time_s, samples = recording["t"].to_numpy(), recording[["x", "y", "z"]].to_numpy()
    subject = f"s{source.name}"
    for start, uniform in resample_uniform(time_s, samples, RATE_HZ, MAX_GAP_S, notes):
        grid = start + np.arange(len(uniform)) / RATE_HZ
        second = np.searchsorted(start_s, grid, side="right") - 1
        labels = segments_of(np.where((second >= 0) & (grid < end_s[second]), phrases[second], ""))
        yield Run("wrist", subject, subject, uniform, labels, start)
