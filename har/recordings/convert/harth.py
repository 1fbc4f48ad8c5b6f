"""HARTH (Logacjov et al., Sensors 2021): free living, labelled by video; Axivity AX3 on lower back and right thigh.

One table a person with named columns; some bear an index in front, with a name or without one.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from har.recordings.convert.common import (
    ACC,
    DatasetCard,
    Notes,
    Run,
    find_files,
    name_parts,
    phrases_of,
    read_rows,
    resample_uniform,
    rows_at,
    within,
)
from har.recordings.convert.units import check_gravity
from har.recordings.format import RANGE_TOLERANCE, DatasetError, StreamInfo, segments_of

CARD = DatasetCard(
    title="Human Activity Recognition Trondheim (HARTH)",
    citation="Logacjov, Bach, Kongsvold, Bardstu and Mork, HARTH: A Human Activity Recognition Dataset for Machine "
    "Learning, Sensors 21(23):7853, 2021, doi:10.3390/s21237853 (UCI 779)",
    licence="CC BY 4.0",
    source_url="https://doi.org/10.24432/C5NC90",
    people=22,
    placements=("lower back", "right thigh"),
    rate="50 Hz",
    activities=14,
    verified="published layout",
)
RATE_HZ, RANGE_G = 50.0, 8.0
MAX_GAP_S = 0.1
STREAMS = tuple(
    StreamInfo(name, "Axivity AX3", placement, ACC, RATE_HZ, accelerometer_range_g=RANGE_G)
    for name, placement in zip(("back", "thigh"), CARD.placements, strict=True)
)
PHRASES = {
    1: "walking",
    2: "running",
    3: "standing with leg movements",  # "shuffling", and what is meant by it
    4: "walking upstairs",
    5: "walking downstairs",
    6: "standing",
    7: "sitting",
    8: "lying",
    13: "cycling while sitting",
    14: "cycling while standing",
    18: "sitting in a vehicle",  # the two of transport are in the first release only
    19: "standing in a vehicle",
    130: "sitting on a bicycle without pedalling",
    140: "standing on a bicycle without pedalling",
}
READINGS = tuple(f"{info.name}_{axis}" for info in STREAMS for axis in "xyz")
RULES = (within(READINGS, RANGE_TOLERANCE * RANGE_G), within(["label"], 1e6, 0))


def sources(raw: Path) -> list[Path]:
    """One file a person."""
    return find_files(raw, "S[0-9]*.csv")


def read(path: Path, notes: Notes) -> Iterator[Run]:
    """Gap-free runs of both devices on the clock of the file, which starts with its first row."""
    (number,) = name_parts(path, r"S(\d+)\.csv", "S006.csv")
    columns = ("timestamp", *READINGS, "label")
    table = read_rows(path, columns, times=("timestamp",), header=True, rules=RULES, notes=notes)
    phrases = phrases_of(PHRASES, table["label"], path, first_row=2, notes=notes)
    time_s = (table["timestamp"] - pd.Timestamp(0)).dt.total_seconds().to_numpy()
    backwards = np.flatnonzero(np.diff(time_s) < 0)
    if len(backwards):
        row = table.index[backwards[0] + 1] + 2
        raise DatasetError(f"{path}, row {row}: the time goes back; expected one recording, fetch the file again")
    time_s, subject = time_s - time_s[0], f"s{int(number):03d}"
    for info in STREAMS:
        samples = table[[f"{info.name}_{axis}" for axis in "xyz"]].to_numpy(dtype=np.float64)
        check_gravity(path, samples, f"the accelerometer of the {info.placement}")
        for start_s, uniform in resample_uniform(time_s, samples, RATE_HZ, MAX_GAP_S, notes):
            labels = segments_of(phrases[rows_at(time_s, start_s, len(uniform), RATE_HZ)])
            yield Run(info.name, subject, subject, uniform, labels, start_s)
