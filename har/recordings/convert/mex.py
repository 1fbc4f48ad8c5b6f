"""MEx: seven physiotherapy exercises on a mat, accelerometer on the thigh (the other sensors of MEx are not read)."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from har.recordings.convert.common import (
    ACC,
    DatasetCard,
    Notes,
    Run,
    find_files,
    phrase_of,
    read_rows,
    resample_uniform,
    within,
)
from har.recordings.format import RANGE_TOLERANCE, StreamInfo

CARD = DatasetCard(
    title="MEx: multi-modal exercises (thigh accelerometer)",
    citation="Wijekoon, Wiratunga, Cooper: MEx: multi-modal exercises dataset for human activity recognition, "
    "2019 (UCI 500)",
    licence="CC BY 4.0",
    source_url="https://archive.ics.uci.edu/dataset/500/",
    people=30,
    placements=("thigh",),
    rate="103 Hz -> 100 Hz",
    activities=7,
    verified="original files",
)

RATE_HZ = 100.0
RANGE_G = 8.0
MAX_GAP_S = 0.1

STREAMS = (StreamInfo("thigh", "Axivity AX3", "thigh", ACC, RATE_HZ, accelerometer_range_g=RANGE_G),)

PHRASES = {
    "01": "rolling the knees from side to side while lying on the back",
    "02": "lifting the hips into a bridge while lying on the back",
    "03": "tilting the pelvis while lying on the back",
    "04": "opening the knees like a clam while lying on the side",
    "05": "pressing the chest up while lying on the stomach",
    "06": "punching forward with alternating arms on hands and knees",
    "07": "stretching out one arm and the opposite leg on hands and knees",
}


def sources(raw: Path) -> list[Path]:
    return find_files(raw, "act/*/[0-9]*_act_*.csv")


def read(source: Path, notes: Notes) -> Iterator[Run]:
    """One labelled recording a file; its clock starts with its first sample."""
    phrase = phrase_of(PHRASES, source.stem.split("_")[0], source, notes)
    rules = (within("xyz", RANGE_TOLERANCE * RANGE_G),)
    table = read_rows(source, ("timestamp", "x", "y", "z"), times=("timestamp",), rules=rules, notes=notes)
    time_s = ((table["timestamp"] - table["timestamp"].iloc[0]) / pd.Timedelta(seconds=1)).to_numpy()
    samples = table[["x", "y", "z"]].to_numpy()
    subject = f"s{source.parent.name}"
    for start, uniform in resample_uniform(time_s, samples, RATE_HZ, MAX_GAP_S, notes):
        yield Run("thigh", f"{subject}_{source.stem}", subject, uniform, [(phrase, 0, len(uniform))], start)
