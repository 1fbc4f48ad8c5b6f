"""Gesture recordings of the Makeability Lab: an accelerometer held in the hand; rest, swings, throws, signs in the air.

One file a gesture, ``<gesture>_<epoch ms>_<rows>.csv``, recorded by each person at home with a board of their own, at
83 to 91 Hz, of four people at 31 to 33 Hz. The eleventh gesture was everybody's own. Most files call it `Custom`, six
people gave it a name; either way it is one person's, so it stays unlabelled and serves as a recording of that person.

p12 and p22 are said to be perhaps one person. No three rows in sequence of theirs are the same, and their gestures are
no more alike than those of others (5th and 7th nearest of 26 people), so they are two people here.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from har.recordings.convert.common import (
    ACC,
    DatasetCard,
    Notes,
    Run,
    find_files,
    name_parts,
    phrase_of,
    published_twice,
    read_rows,
    resample_uniform,
    within,
)
from har.recordings.format import RANGE_TOLERANCE, DatasetError, StreamInfo

CARD = DatasetCard(
    title="Makeability Lab gesture recordings",
    citation="Froehlich, Makeability Lab, University of Washington: signals, gesture recognition recordings, 2020",
    licence="MIT",
    source_url="https://github.com/makeabilitylab/signals",
    people=27,
    placements=("hand",),
    rate="91, 83 or 31-33 Hz by person",
    activities=10,
    verified="original files",
)
COUNTS_PER_G = 8192
RANGE_G = 4.0
# The boards count whole milliseconds: 11 or 12 of them a sample, or 29 to 33.
RATES_HZ = (1000 / 11, 1000 / 30)
RATE_TOLERANCE = 0.12
# Two samples of the slow boards; more of a swing is not guessed.
MAX_GAP_S = 0.1
# Gestures take up to 10 s. One file of 208 s holds a gesture somewhere: the logger was left on.
LONGEST_GESTURE_S = 15.0
LARGEST_MS = 1e8  # a day since the board was switched on
DEVICE = "board with LIS3DH accelerometer"
STREAMS = tuple(
    StreamInfo(f"hand_{round(rate)}hz", DEVICE, "hand", ACC, rate, accelerometer_range_g=RANGE_G) for rate in RATES_HZ
)
COLUMNS = ("Processing Timestamp (ms)", "Arduino Timestamp (ms)", "X", "Y", "Z")
RULES = (within("XYZ", RANGE_TOLERANCE * RANGE_G * COUNTS_PER_G), within(COLUMNS[1:2], LARGEST_MS, 0))
PHRASES = {
    "At Rest": "holding still",
    "Backhand Tennis": "swinging a tennis racket backhand",
    "Forehand Tennis": "swinging a tennis racket forehand",
    "Underhand Bowling": "bowling a ball underhand",
    "Baseball Throw": "throwing a baseball",
    "Midair Clockwise _O_": "drawing a circle clockwise in the air",
    "Midair Counter-clockwise _O_": "drawing a circle counter-clockwise in the air",
    "Midair _S_": "drawing the letter s in the air",
    "Midair Zorro _Z_": "drawing the letter z in the air",
    "Shake": "shaking an object in the hand",
    # Of one person each.
    **dict.fromkeys(("Custom", "Drinking Coffee", "Heart", "Jump", "Jumping Jack", "Star", "Thrust"), ""),
}


def sources(raw: Path) -> list[tuple[Path, bool]]:
    """Each gesture, and whether it is left out as a copy."""
    paths = find_files(raw, "p??/*_*_*.csv")
    copies = published_twice(
        paths,
        label_of=lambda path: path.stem.rsplit("_", 2)[0],
        # Board's clock and axes; the clock of the computer differs between copies.
        samples_of=lambda line: line.rstrip().split(b",", 1)[-1],
    )
    return [(path, path in copies) for path in paths]


def read(source: tuple[Path, bool], notes: Notes) -> Iterator[Run]:
    """One gesture, on the clock of the board that starts with its first sample."""
    path, is_copy = source
    subject, gesture = name_parts(path, r"(p\d+)/([^/]+)_\d+_\d+\.csv", "p01/At Rest_1589594049994_192.csv")
    phrase = phrase_of(PHRASES, gesture, path, notes)
    if is_copy:
        notes.add("recordings left out because their samples are published twice")
        return
    table = read_rows(path, COLUMNS, header=True, rules=RULES, notes=notes)
    time_s = table[COLUMNS[1]].to_numpy() / 1e3
    back = np.flatnonzero(np.diff(time_s) < 0)
    if len(back):
        row = int(table.index[back[0] + 1]) + 2
        raise DatasetError(f"{path}, row {row}: the clock of the board starts anew; expected times that go on")
    if time_s[-1] - time_s[0] > LONGEST_GESTURE_S:
        notes.add(f"recordings longer than {LONGEST_GESTURE_S:g} s, with a gesture somewhere, left unlabelled")
        phrase = ""
    elif not phrase:
        notes.add("recordings of a gesture of the person's own, left unlabelled", gesture in PHRASES)
    stream = _stream(time_s, path)
    acc = table[list(COLUMNS[2:])].to_numpy() / COUNTS_PER_G
    for start, x in resample_uniform(time_s - time_s[0], acc, stream.sampling_rate_hz, MAX_GAP_S, notes):
        yield Run(stream.name, path.stem, subject, x, [(phrase, 0, len(x))], start)


def _stream(time_s: np.ndarray, path: Path) -> StreamInfo:
    if len(time_s) < 2:
        raise DatasetError(f"{path}: {len(time_s)} samples; expected a gesture of a second or more")
    own = 1 / max(float(np.median(np.diff(time_s))), 1e-6)
    stream = min(STREAMS, key=lambda info: abs(info.sampling_rate_hz - own))
    if abs(stream.sampling_rate_hz - own) > RATE_TOLERANCE * stream.sampling_rate_hz:
        raise DatasetError(f"{path}: sampled at {own:.1f} Hz; expected about 91 or 33 Hz")
    return stream
