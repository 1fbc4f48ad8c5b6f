"""Casale et al.: one accelerometer on the chest, published as 15 people, uncalibrated counts.

A row is ``sequence,x,y,z,label``. Four things are not as they seem:

- The counts are those of a 12-bit converter around 2048 at about 372 a g; at rest the files read between 0.77 and
  1.33 g. Walking is equally strong in all of them, so it is the zero level that differs, not the sensitivity: the zero
  level is calibrated per file.
- Labels come up to two minutes before the movement they name, by a constant per file on which the beginnings and ends
  of walking and of stairs agree within seconds. They are moved to where the movement is, which also brings code 6
  (not used to find the lag) to movement, from a third of its seconds to four fifths.
- In four files nobody moves while "walking and talking", and somebody walks while "talking while standing": there
  codes 6 and 7 are left out.
- Files 2, 6, 8 and 10 are one person with four devices: their steps coincide at one constant lag per pair (correlation
  up to 0.9 over 20 s, 0.2 for any other pair). They get one subject id, or the same steps would be learnt and tested.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.optimize import least_squares

from har.recordings.convert.common import (
    ACC,
    DatasetCard,
    Notes,
    Run,
    find_files,
    name_parts,
    phrases_of,
    read_rows,
    repeated_rows,
    split_at_lost_rows,
    within,
)
from har.recordings.format import STILL_DEVIATION_G, StreamInfo, segments_of

CARD = DatasetCard(
    title="Activity Recognition from a Single Chest-Mounted Accelerometer",
    citation="Casale, Pujol, Radeva: Human activity recognition from accelerometer data using a wearable device, "
    "IbPRIA 2011, 289-296 (UCI 287)",
    licence="CC BY 4.0",
    source_url="https://archive.ics.uci.edu/dataset/287/",
    people=12,
    placements=("chest",),
    rate="52 Hz",
    activities=7,
    verified="original files",
)

RATE_HZ = 52.0
ZERO_COUNT = 2048.0
COUNTS_PER_G = 372.0
COUNTS = 4096
# A bias of 0.1 g costs as much as still seconds 0.01 g off: enough to keep axes put that gravity hardly reaches.
BIAS_PENALTY = 0.1
MOVED_G = 0.1

# Seconds whose magnitude deviates more than this are movement; a label is searched for this far around its place.
MOVING_DEVIATION_G = 0.1
LONGEST_LABEL_LAG_S = 150
MOVING_CODES = (4, 5)
STILL_CODES = (1, 3, 7)

WALK_AND_TALK, STAND_AND_TALK = 6, 7
LEAST_WALKING = 0.1  # of the seconds of code 6; the files have at most 0.01 or at least 0.5

SAME_PERSON = {"6": "2", "8": "2", "10": "2"}

FIRST_ROUNDED = 100_000  # numbers of rows are printed with five digits

STREAMS = (
    StreamInfo(
        "chest", "chest-mounted accelerometer", "chest", ACC, RATE_HZ, accelerometer_range_g=ZERO_COUNT / COUNTS_PER_G
    ),
)
COLUMNS = ("sequence", "x", "y", "z", "label")
RULES = (within("xyz", COUNTS - 1, 0),)
PHRASES = {
    0: "",
    1: "working at a computer",
    2: "standing up, walking and using stairs",
    3: "standing",
    4: "walking",
    5: "walking upstairs and downstairs",
    6: "walking while talking",
    7: "standing while talking",
}


def sources(raw: Path) -> list[Path]:
    paths = find_files(raw, "[0-9]*.csv")
    return sorted(paths, key=lambda path: int(path.stem) if path.stem.isdecimal() else len(paths))


def read(source: Path, notes: Notes) -> Iterator[Run]:
    """One file is one recording."""
    table = read_rows(source, COLUMNS, rules=RULES, notes=notes)
    counts, codes = table[["x", "y", "z"]].to_numpy(), table["label"].to_numpy()
    phrases = phrases_of(PHRASES, table["label"], source, notes=notes)
    twice = repeated_rows(table.to_numpy(), table["sequence"].to_numpy() < FIRST_ROUNDED)
    rows = table.index.to_numpy()
    if twice.any():
        notes.add("rows that repeat the number and all else of the row before, left out", int(twice.sum()))
        # No time passes in them.
        rows = (rows - np.cumsum(twice))[~twice]
        counts, codes, phrases = counts[~twice], codes[~twice], phrases[~twice]
    notes.add("samples of label 0 left unlabelled", int((codes == 0).sum()))
    acceleration = (counts - ZERO_COUNT) / COUNTS_PER_G
    bias = zero_level(acceleration)
    notes.add(f"files whose zero level was moved by more than {MOVED_G:g} g on an axis", np.abs(bias).max() > MOVED_G)
    lag_s = label_lag_s(acceleration, codes)
    notes.add("files whose labels were moved to the movement they name, by more than 5 s", lag_s > 5)
    notes.add("seconds at the start of a file left unlabelled by moving its labels", lag_s)
    lag = round(RATE_HZ) * lag_s
    codes = np.concatenate([np.zeros(lag), codes])[: len(codes)]
    phrases = np.concatenate([np.full(lag, "", dtype=object), phrases])[: len(codes)]
    moves, code = _seconds(acceleration, codes)
    if WALK_AND_TALK in code and moves[code == WALK_AND_TALK].mean() < LEAST_WALKING:
        phrases[np.isin(codes, (WALK_AND_TALK, STAND_AND_TALK))] = ""
        notes.add("files in which nobody moves while walking and talking: codes 6 and 7 left unlabelled")
    number = _number(source)
    notes.add("files of a person who has another file too, put under one subject", number in SAME_PERSON)
    subject = f"s{SAME_PERSON.get(number, number).zfill(2)}"
    run = Run("chest", f"file{number.zfill(2)}", subject, acceleration - bias, segments_of(phrases))
    yield from split_at_lost_rows(run, rows, RATE_HZ)


def _number(path: Path) -> str:
    return name_parts(path, r"(\d+)\.csv", "7.csv")[0]


def label_lag_s(acceleration_g: np.ndarray, codes: np.ndarray) -> int:
    """Whole seconds by which the labels come before the movement they name, 0 when movement does not tell.

    The lag is the one at which seconds labelled as walking or stairs move most often while those labelled as sitting or
    standing move least often (difference of the two shares: Youden, Cancer 1950); of equal ones the smallest.
    """
    moves, code = _seconds(acceleration_g, codes)
    best, best_lag = 0.0, 0
    for lag in range(min(LONGEST_LABEL_LAG_S + 1, len(code))):
        walking = np.isin(code[: len(code) - lag], MOVING_CODES)
        resting = np.isin(code[: len(code) - lag], STILL_CODES)
        if walking.any() and resting.any():
            score = moves[lag:][walking].mean() - moves[lag:][resting].mean()
            if score > best + 1e-12:
                best, best_lag = float(score), lag
    return best_lag


def zero_level(acceleration_g: np.ndarray) -> np.ndarray:
    """Bias (3,) in g that puts the still seconds of one person on a sphere of 1 g.

    Least squares over the means of all still seconds with a penalty on the bias, because upright people turn the
    sensor too little to tell all three axes (Frosio et al., IEEE Trans. Instrum. Meas. 2009, with fixed sensitivity).
    """
    length = round(RATE_HZ)
    windows = acceleration_g[: len(acceleration_g) // length * length].reshape(-1, length, 3)
    still = windows.mean(axis=1)[windows.std(axis=1).max(axis=1) < STILL_DEVIATION_G] if len(windows) else windows
    if not len(still):
        return np.zeros(3)

    def residuals(bias: np.ndarray) -> np.ndarray:
        off = (np.linalg.norm(still - bias, axis=1) - 1.0) / np.sqrt(len(still))
        return np.concatenate([off, BIAS_PENALTY * bias])

    return least_squares(residuals, np.zeros(3)).x


def _seconds(acceleration_g: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each whole second: whether it moves, (seconds,) bool, and the code it begins with, (seconds,)."""
    length = round(RATE_HZ)
    end = len(codes) // length * length
    magnitude = np.linalg.norm(acceleration_g[:end], axis=1)
    return magnitude.reshape(-1, length).std(axis=1) > MOVING_DEVIATION_G, codes[:end:length]
