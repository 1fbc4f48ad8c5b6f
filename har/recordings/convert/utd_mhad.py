"""UTD-MHAD: 27 short actions in front of a camera, one inertial sensor: right wrist (1-21) or right thigh (22-27)."""

from collections.abc import Iterator
from pathlib import Path

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
from har.recordings.format import DatasetError, StreamInfo

CARD = DatasetCard(
    title="UTD-MHAD (inertial sensor)",
    citation="Chen, Jafari, Kehtarnavaz: UTD-MHAD: a multimodal dataset for human action recognition utilizing a depth "
    "camera and a wearable inertial sensor, ICIP 2015",
    licence="free for research with citation",
    source_url="https://personal.utdallas.edu/~kehtar/UTD-MHAD.html",
    people=8,
    placements=("right wrist", "right thigh"),
    rate="50 Hz",
    activities=27,
    verified="original files",
)

RATE_HZ, RANGE_G = 50.0, 8.0
LAST_WRIST_ACTION = 21

STREAMS = tuple(
    StreamInfo(
        placement.replace(" ", "_"),
        "UTD wearable inertial sensor",
        placement,
        ACC + GYRO,
        RATE_HZ,
        accelerometer_range_g=RANGE_G,
    )
    for placement in CARD.placements
)

PHRASES = {
    1: "swiping left with the arm",
    2: "swiping right with the arm",
    3: "waving the hand",
    4: "clapping the hands",
    5: "throwing",
    6: "crossing the arms in front of the chest",
    7: "shooting a basketball",
    8: "drawing an x in the air",
    9: "drawing a circle clockwise in the air",
    10: "drawing a circle counter-clockwise in the air",
    11: "drawing a triangle in the air",
    12: "bowling",
    13: "boxing",
    14: "swinging a baseball bat",
    15: "swinging a tennis racket",
    16: "curling the arms",
    17: "serving in tennis",
    18: "pushing with both hands",
    19: "knocking on a door",
    20: "catching an object",
    21: "picking up an object and throwing it",
    22: "jogging in place",
    23: "walking in place",
    24: "standing up from a chair",
    25: "sitting down on a chair",
    26: "lunging forward",
    27: "squatting down and standing up",
}


def sources(raw: Path) -> list[Path]:
    return sorted(find_files(raw, "a*_s*_t*_inertial.mat"), key=_subject_trial_action)


def read(source: Path, notes: Notes) -> Iterator[Run]:
    """One clip is one recording; clips have no clock."""
    action, subject, trial = _numbers(source)
    phrase = phrase_of(PHRASES, action, source, notes)
    array = read_mat(source, "d_iner")["d_iner"]
    samples, rows = inertial_rows(source, "d_iner", array, RANGE_G, notes)
    stream = STREAMS[0 if action <= LAST_WRIST_ACTION else 1].name
    run = Run(stream, f"s{subject}_a{action:02d}_t{trial}", f"s{subject}", samples, [(phrase, 0, len(samples))])
    yield from split_at_lost_rows(run, rows, RATE_HZ)


def _subject_trial_action(path: Path) -> list[int]:
    try:
        action, subject, trial = _numbers(path)
    except DatasetError:  # told when it is read
        return []
    return [subject, trial, action]


def _numbers(path: Path) -> list[int]:
    """Action, subject and trial."""
    parts = name_parts(path, r"a(\d+)_s(\d+)_t(\d+)_inertial\.mat", "a12_s3_t2_inertial.mat")
    return [int(part) for part in parts]
