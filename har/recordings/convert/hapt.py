"""HAPT (Reyes-Ortiz et al., Neurocomputing 2016): the uncut recordings behind UCI HAR, with postural transitions.

``uci_har`` holds windows cut out of these recordings: use one of the two, not both.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from har.recordings.convert import uci_har
from har.recordings.convert.common import (
    ACC,
    GYRO,
    WHITE_SPACE,
    DatasetCard,
    Notes,
    Run,
    find_files,
    name_parts,
    phrases_of,
    read_rows,
)
from har.recordings.format import DatasetError, StreamInfo

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
STREAMS = (StreamInfo("phone", "Samsung Galaxy S II", "waist", ACC + GYRO, 50.0, accelerometer_range_g=2.0),)
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


def sources(raw: Path) -> list[Path]:
    """The accelerometer files, one an experiment; the gyroscope's lie beside them."""
    return find_files(raw, "acc_exp*_user*.txt")


def read(acc_path: Path, notes: Notes) -> Iterator[Run]:
    """One run an experiment; ``labels.txt`` counts rows from 1 and includes the last one."""
    experiment, user = map(int, name_parts(acc_path, r"acc_exp(\d+)_user(\d+)\.txt", "acc_exp01_user01.txt"))
    gyro_path = acc_path.with_name(acc_path.name.replace("acc_", "gyro_", 1))
    acc, gyro = (read_rows(path, tuple("xyz"), separator=WHITE_SPACE).to_numpy() for path in (acc_path, gyro_path))
    if len(acc) != len(gyro):
        raise DatasetError(f"{gyro_path}: {len(gyro)} rows, but {acc_path.name} has {len(acc)}; fetch both again")
    labels = _labels(acc_path.with_name("labels.txt"), experiment, user, len(acc), notes)
    yield Run("phone", f"exp{experiment:02d}", f"s{user:02d}", np.hstack([acc, gyro]), labels)


def _labels(path: Path, experiment: int, user: int, length: int, notes: Notes) -> list[tuple[str, int, int]]:
    table = read_rows(path, LABEL_COLUMNS, separator=WHITE_SPACE).to_numpy().astype(int)
    phrases = phrases_of(uci_har.phrases_by_code(path.parents[1], PHRASES), table[:, 2], path)
    mine = np.flatnonzero(table[:, 0] == experiment)
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
