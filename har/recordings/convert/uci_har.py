"""UCI HAR (Anguita et al., ESANN 2013): six activities, a phone on the waist, windows of 2.56 s that overlap by half.

Only windows are published. Neighbours share 64 samples, so windows of one subject and activity whose halves are equal
number for number are joined into the signal they were cut from; where the halves differ a new recording starts.

``hapt`` holds the uncut recordings: use one of the two, not both.
"""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

from har.recordings.convert.common import (
    ACC,
    GYRO,
    WHITE_SPACE,
    DatasetCard,
    Notes,
    Run,
    find_files,
    phrase_of,
    phrases_of,
    read_rows,
)
from har.recordings.format import DatasetError, StreamInfo

SAME_PEOPLE = "uci_har and hapt are the same 30 people, doing the same: use one of the two"
CARD = DatasetCard(
    title="Human Activity Recognition Using Smartphones (UCI HAR)",
    citation="Anguita, Ghio, Oneto, Parra and Reyes-Ortiz, A Public Domain Dataset for Human Activity Recognition "
    "Using Smartphones, ESANN 2013",
    licence="CC BY 4.0",
    source_url="https://archive.ics.uci.edu/dataset/240/human+activity+recognition+using+smartphones",
    people=30,
    placements=("waist",),
    rate="50 Hz",
    activities=6,
    verified="published layout",
    note=SAME_PEOPLE,
)
STREAMS = (StreamInfo("phone", "Samsung Galaxy S II", "waist", ACC + GYRO, 50.0, accelerometer_range_g=2.0),)
PHRASES = {
    "WALKING": "walking",
    "WALKING_UPSTAIRS": "walking upstairs",
    "WALKING_DOWNSTAIRS": "walking downstairs",
    "SITTING": "sitting",
    "STANDING": "standing",
    "LAYING": "lying",
}
WINDOW = 128
WINDOW_COLUMNS = tuple(f"sample {number}" for number in range(1, WINDOW + 1))
SIGNALS = tuple(f"{kind}_{axis}" for kind in ("total_acc", "body_gyro") for axis in "xyz")


def sources(raw: Path) -> list[Path]:
    """The folders ``train`` and ``test``."""
    return sorted((p.parents[1] for p in find_files(raw, "Inertial Signals/total_acc_x_*.txt")), reverse=True)


def read(split: Path, notes: Notes) -> Iterator[Run]:
    """One run for each stretch of windows that continue each other."""
    kind = split.name
    label_path, subject_path = split / f"y_{kind}.txt", split / f"subject_{kind}.txt"
    codes = read_rows(label_path, ("activity",), separator=WHITE_SPACE)["activity"].to_numpy()
    subjects = read_rows(subject_path, ("subject",), separator=WHITE_SPACE)["subject"].to_numpy().astype(int)
    phrases = phrases_of(phrases_by_code(split.parent, PHRASES), codes, label_path)
    paths = [split / "Inertial Signals" / f"{signal}_{kind}.txt" for signal in SIGNALS]
    tables = [read_rows(path, WINDOW_COLUMNS, separator=WHITE_SPACE).to_numpy() for path in paths]
    for path, table in zip((subject_path, *paths), (subjects, *tables), strict=True):
        if len(table) != len(codes):
            raise DatasetError(
                f"{path}: {len(table)} rows, but {label_path.name} has {len(codes)}; fetch the dataset again"
            )
    windows = np.stack(tables, axis=-1)
    same = (codes[1:] == codes[:-1]) & (subjects[1:] == subjects[:-1])
    continues = same & (windows[1:, : WINDOW // 2] == windows[:-1, WINDOW // 2 :]).all(axis=(1, 2))
    notes.add(
        "neighbouring windows of one subject and activity that do not overlap, between which a new recording starts",
        int((same & ~continues).sum()),
    )
    notes.add("windows joined to the one before over their common half", int(continues.sum()))
    borders = [0, *(np.flatnonzero(~continues) + 1).tolist(), len(codes)]
    for first, last in pairwise(borders):
        samples = np.concatenate([windows[first], *windows[first + 1 : last, WINDOW // 2 :]])
        recording, subject = f"{kind}_window{first + 1:05d}", f"s{subjects[first]:02d}"
        yield Run("phone", recording, subject, samples, [(phrases[first], 0, len(samples))])


def phrases_by_code(folder: Path, phrases: dict[str, str]) -> dict[int, str]:
    """Code -> phrase, by way of the names in ``activity_labels.txt``, rows of "code NAME"."""
    path = folder / "activity_labels.txt"
    table = read_rows(path, ("code", "name"), separator=WHITE_SPACE, text=("name",))
    return {int(code): phrase_of(phrases, name, path) for code, name in table.itertuples(index=False)}
