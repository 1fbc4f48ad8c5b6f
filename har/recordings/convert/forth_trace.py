"""FORTH-TRACE: five Shimmer nodes; standing, sitting, walking, stairs and the transitions between them.

A row is ``device,acc xyz (m/s^2),gyro xyz (deg/s),mag xyz,timestamp (ms),label``. The magnetometer is left out: its
numbers are neither in microtesla nor on a sphere (spread 15 %), and the publisher names no unit.
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
    Rule,
    Run,
    find_files,
    name_parts,
    phrases_of,
    read_rows,
    repeated_rows,
    resample_uniform,
    rows_at,
    within,
)
from har.recordings.format import RANGE_TOLERANCE, STANDARD_GRAVITY, StreamInfo, segments_of
from har.signal.plausibility import LARGEST

CARD = DatasetCard(
    title="FORTH-TRACE",
    citation="Karagiannaki, Panousopoulou, Tsakalides: A benchmark study on feature selection for human activity "
    "recognition, UbiComp 2016",
    licence="free to use with citation",
    source_url="https://zenodo.org/record/841301",
    people=5,
    placements=("left wrist", "right wrist", "torso", "right thigh", "left ankle"),
    rate="51.2 Hz",
    activities=16,
    verified="original files",
)

RATE_HZ = 51.2
MAX_GAP_S = 0.1
CLOCK_WRAP_MS = 2000.0  # 16 bits at 32768 Hz
LARGEST_MS = 1e8  # a day; recordings last an hour
RANGE_G = 2.5  # the largest axis value of all files is 2.34 g

ROUNDED_FROM_MS = 1e6  # from there on, five digits tell 100 ms at best: several rows share a stamp

# Table 1 of the publisher's README. Seen on original files: 2 and 3.
DEVICES = dict(enumerate(CARD.placements, start=1))

STREAMS = tuple(
    StreamInfo(placement.replace(" ", "_"), "Shimmer", placement, ACC + GYRO, RATE_HZ, accelerometer_range_g=RANGE_G)
    for placement in DEVICES.values()
)
COLUMNS = ("device", *ACC, *GYRO, *MAG, "timestamp", "label")
RULES = (
    within(ACC, RANGE_TOLERANCE * RANGE_G * STANDARD_GRAVITY),
    within(GYRO, float(np.rad2deg(LARGEST["gyro"]))),
    within(["timestamp"], LARGEST_MS, 0),
)

# 10 and 11: the talking belongs to the seat, the movement is that of 8 and 9. 14 to 16 do not say up or down.
PHRASES = {
    1: "standing",
    2: "sitting",
    3: "sitting while talking",
    4: "walking",
    5: "walking while talking",
    6: "walking upstairs and downstairs",
    7: "walking upstairs and downstairs while talking",
    8: "sitting down on a chair",
    9: "standing up from a chair",
    10: "sitting down on a chair",
    11: "standing up from a chair",
    12: "starting to walk",
    13: "stopping after walking",
    14: "starting to use the stairs",
    15: "leaving the stairs and walking on",
    16: "leaving the stairs and walking on",
}


def sources(raw: Path) -> list[Path]:
    return find_files(raw, "part*dev[1-5].csv")


def read(source: Path, notes: Notes) -> Iterator[Run]:
    """One file is one recording: whether the clocks of one person's devices agree has not been seen on any files."""
    person, device = name_parts(source, r"part(\d+)dev([1-5])\.csv", "part3dev2.csv")
    own = Rule(f"device {device}, as the file name says", lambda rows: rows["device"] == int(device))
    table = read_rows(source, COLUMNS, rules=(own, *RULES), notes=notes)
    phrases = phrases_of(PHRASES, table["label"], source, notes=notes)
    table = table.to_numpy()
    twice = repeated_rows(table, table[:, 10] < ROUNDED_FROM_MS)
    notes.add("rows that repeat the stamp and all else of the row before, left out", int(twice.sum()))
    table, phrases = table[~twice], phrases[~twice]
    time_s, keep = sample_times(table[:, 10], notes)
    table, time_s, phrases = table[keep], time_s[keep], phrases[keep]
    samples = np.hstack([table[:, 1:4] / STANDARD_GRAVITY, np.deg2rad(table[:, 4:7])])
    subject, stream = f"s{person.zfill(2)}", DEVICES[int(device)].replace(" ", "_")
    for start, uniform in resample_uniform(time_s, samples, RATE_HZ, MAX_GAP_S, notes):
        labels = segments_of(phrases[rows_at(time_s, start, len(uniform), RATE_HZ)])
        yield Run(stream, f"{subject}_{stream}", subject, uniform, labels, start)


def sample_times(stamps_ms: np.ndarray, notes: Notes) -> tuple[np.ndarray, np.ndarray]:
    """Stamps in ms, published with five digits -> (time in s of each row, rows to keep).

    Up to 1000 s a step of the stamps tells the whole number of sampling periods that passed (single samples are
    lost). Beyond, stamps are rounded to 100 ms: the rows of one stamp are spread evenly over them. Where a row's stamp
    runs back by two periods the publisher took it for a wrap of the 2 s clock: that row goes, and so do the 2 s.
    """
    step = np.diff(stamps_ms)
    double = step[:-1] + step[1:]
    wrapped = np.flatnonzero((np.abs(step[:-1] - CLOCK_WRAP_MS) <= 100) & (np.abs(double - CLOCK_WRAP_MS) <= 100)) + 1
    notes.add("samples whose stamp ran back over the 2 s wrap of the device's clock, left out", len(wrapped))
    keep = np.ones(len(stamps_ms), dtype=bool)
    keep[wrapped] = False
    coarse = stamps_ms >= ROUNDED_FROM_MS
    shifted = stamps_ms.copy()
    for row in wrapped:
        shifted[row:] -= CLOCK_WRAP_MS
    time_s = np.full(len(stamps_ms), np.nan)
    rows = np.flatnonzero(keep & ~coarse)
    if len(rows):
        ticks = np.maximum(1, np.round(np.diff(shifted[rows]) * RATE_HZ / 1000))
        lost = ticks[ticks <= MAX_GAP_S * RATE_HZ] - 1
        notes.add("samples lost by the device in gaps of at most 0.1 s, interpolated", int(lost.sum()))
        time_s[rows] = shifted[rows[0]] / 1000 + np.concatenate([[0.0], np.cumsum(ticks)]) / RATE_HZ
    rows = np.flatnonzero(keep & coarse)
    if len(rows):
        notes.add("samples whose stamp is rounded to 100 ms, spread evenly", len(rows))
        _, first, inverse, count = np.unique(shifted[rows], return_index=True, return_inverse=True, return_counts=True)
        place = np.arange(len(rows)) - first[inverse]
        begin, end = shifted[rows] - 50, shifted[rows] + 50
        if (keep & ~coarse).any():
            begin = np.maximum(begin, 1000 * np.nanmax(time_s))
        time_s[rows] = (begin + (end - begin) * (place + 0.5) / count[inverse]) / 1000
    return time_s, keep
