"""HAPT (Reyes-Ortiz et al., Neurocomputing 2016): the uncut recordings behind UCI HAR, with postural transitions.

``uci_har`` holds windows cut out of these recordings: use one of the two, not both.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from har.recordings.convert import uci_har
from har.recordings.convert.common import (
    ACC,
    GYRO,
    WHITE_SPACE,
    DatasetCard,
    Notes,
    Rule,
    Run,
    find_files,
    name_parts,
    phrases_of,
    read_rows,
    split_at_lost_rows,
    within,
)
from har.recordings.format import RANGE_TOLERANCE, DatasetError, StreamInfo
from har.signal.plausibility import LARGEST

CARD = DatasetCard(
    title="Smartphone-Based Recognition of Human Activities and Postural Transitions (HAPT)",
    citation="Reyes-Ortiz, Oneto, Sama, Parra and Anguita, Transition-Aware Human Activity Recognition Using "
    "Smartphones, Neurocomputing 171, 2016",
    licence="CC BY 4.0",
    source_url="https://archive.ics.uci.edu/dataset/341/"
    "smartphone+based+recognition+of+human+activities+and+postural+transitions",
    people=30,
    placements=("waist",),
    rate="50 Hz",
    activities=12,
    verified="published layout",
    note=uci_har.SAME_PEOPLE,
)
RATE_HZ, RANGE_G = 50.0, 2.0
STREAMS = (StreamInfo("phone", "Samsung Galaxy S II", "waist", ACC + GYRO, RATE_HZ, accelerometer_range_g=RANGE_G),)
PHRASES = {
    **uci_har.PHRASES,
    "STAND_TO_SIT": "sitting down on a chair",
    "SIT_TO_STAND": "standing up from a chair",
    "SIT_TO_LIE": "lying down from sitting",
    "LIE_TO_SIT": "sitting up from lying",
    "STAND_TO_LIE": "lying down from standing",
    "LIE_TO_STAND": "getting up from lying",
}
LABEL_COLUMNS = ("experiment", "user", "activity", "start", "end")
LABEL_RULES = (
    within(LABEL_COLUMNS[:3], 999, 0),
    within(LABEL_COLUMNS[3:], 1e9, 0),
    Rule("whole numbers", lambda rows: (rows == np.floor(rows)).all(axis=1)),
)


def sources(raw: Path) -> list[Path]:
    """The accelerometer files, one an experiment; the gyroscope's lie beside them."""
    return find_files(raw, "acc_exp*_user*.txt")


def read(acc_path: Path, notes: Notes) -> Iterator[Run]:
    """One run an experiment; ``labels.txt`` counts rows from 1 and includes the last one."""
    experiment, user = map(int, name_parts(acc_path, r"acc_exp(\d+)_user(\d+)\.txt", "acc_exp01_user01.txt"))
    gyro_path = acc_path.with_name(acc_path.name.replace("acc_", "gyro_", 1))
    acc, gyro = (
        read_rows(path, tuple("xyz"), separator=WHITE_SPACE, rules=(within("xyz", largest),), notes=notes)
        for path, largest in ((acc_path, RANGE_TOLERANCE * RANGE_G), (gyro_path, LARGEST["gyro"]))
    )
    length = acc.attrs["rows"]
    if length != gyro.attrs["rows"]:
        found = gyro.attrs["rows"]
        raise DatasetError(f"{gyro_path}: {found} rows, but {acc_path.name} has {length}; fetch both again")
    rows = acc.index.intersection(gyro.index)
    notes.add("rows of one sensor whose partner is damaged, left out", len(acc) + len(gyro) - 2 * len(rows))
    labels = [
        (phrase, *np.searchsorted(rows, (start, stop)).tolist())
        for phrase, start, stop in _labels(acc_path.with_name("labels.txt"), experiment, user, length, notes)
    ]
    samples = np.hstack([acc.loc[rows], gyro.loc[rows]])
    run = Run("phone", f"exp{experiment:02d}", f"s{user:02d}", samples, labels)
    yield from split_at_lost_rows(run, rows, RATE_HZ)


def _labels(path: Path, experiment: int, user: int, length: int, notes: Notes) -> list[tuple[str, int, int]]:
    # Strict: to which experiment a damaged row belongs is not known, so none of them would be right without it.
    table = read_rows(path, LABEL_COLUMNS, separator=WHITE_SPACE, rules=LABEL_RULES).to_numpy().astype(int)
    mine = np.flatnonzero(table[:, 0] == experiment)
    phrases = dict(zip(mine.tolist(), _phrases(path, table, mine, notes), strict=True))
    labels, position = [], 0
    for row in mine[np.argsort(table[mine, 3], kind="stable")].tolist():
        _, owner, _, first, last = table[row].tolist()
        if owner != user or not 1 <= first <= last <= length:
            raise DatasetError(
                f"{path}, row {row + 1}: user {owner}, samples {first} to {last}; expected user {user} and samples "
                f"within 1 to {length}, the rows of experiment {experiment}"
            )
        start = max(first - 1, position)
        notes.add("samples under two labels, given to the earlier one", min(start, last) - (first - 1))
        if last > start:
            labels.append((phrases[row], start, last))
            position = last
    return labels


def _phrases(path: Path, table: np.ndarray, mine: np.ndarray, notes: Notes) -> list[str]:
    by_code = uci_har.phrases_by_code(path.parents[1], PHRASES)
    return phrases_of(by_code, pd.Series(table[mine, 2], index=mine), path, notes=notes).tolist() if len(mine) else []
