"""UCI HAR (Anguita et al., ESANN 2013): six activities, a phone on the waist, windows of 2.56 s that overlap by half.

Only windows are published. Neighbours share 64 samples, so windows of one subject and activity whose halves are equal
number for number are joined into the signal they were cut from; where the halves differ a new recording starts.

The 30 people are those of ``hapt``, which holds the uncut recordings: use one of the two, not both.
"""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

from har.recordings.convert.common import ACC, GYRO, DatasetCard, Notes, Run, find_files, phrase_of, read_table
from har.recordings.format import DatasetError, StreamInfo

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
SIGNALS = tuple(f"{kind}_{axis}" for kind in ("total_acc", "body_gyro") for axis in "xyz")


def sources(raw: Path) -> list[Path]:
    """The folders ``train`` and ``test``."""
    return sorted((p.parents[1] for p in find_files(raw, "Inertial Signals/total_acc_x_*.txt")), reverse=True)


def read(split: Path, notes: Notes) -> Iterator[Run]:
    """One run for each stretch of windows that continue each other."""
    kind = split.name
    label_path = split / f"y_{kind}.txt"
    names = activity_names(split.parent / "activity_labels.txt")
    codes = numbers(label_path, 1)[:, 0].astype(int)
    subjects = numbers(split / f"subject_{kind}.txt", 1)[:, 0].astype(int)
    paths = [split / "Inertial Signals" / f"{signal}_{kind}.txt" for signal in SIGNALS]
    tables = [numbers(path, WINDOW) for path in paths]
    for path, rows in [(split / f"subject_{kind}.txt", len(subjects)), *zip(paths, map(len, tables), strict=True)]:
        if rows != len(codes):
            raise DatasetError(f"{path}: {rows} rows, but {label_path.name} has {len(codes)}; fetch the dataset again")
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
        phrase = phrase_of(PHRASES, phrase_of(names, int(codes[first]), label_path), label_path)
        recording, subject = f"{kind}_window{first + 1:05d}", f"s{subjects[first]:02d}"
        yield Run("phone", recording, subject, samples, [(phrase, 0, len(samples))])


def activity_names(path: Path) -> dict[int, str]:
    """``activity_labels.txt``, rows of "code NAME" -> {code: NAME}."""
    if not path.is_file():
        raise DatasetError(f"{path} is missing; it names the activity codes: fetch the dataset again")
    names = {}
    for row, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        parts = line.split()
        if parts and (len(parts) != 2 or not parts[0].isdigit()):
            raise DatasetError(f"{path}, row {row}: {line!r}; expected a code and a name")
        if parts:
            names[int(parts[0])] = parts[1]
    return names


def numbers(path: Path, width: int) -> np.ndarray:
    """White-space separated rows of exactly ``width`` finite numbers -> (rows, width)."""
    if not path.is_file():
        raise DatasetError(f"{path} is missing; fetch the dataset again")
    table = read_table(path, separator=r"\s+")
    if table.shape[1] != width:
        raise DatasetError(f"{path}: {table.shape[1]} columns; expected {width}")
    complete = np.isfinite(table).all(axis=1)
    if not complete.all():
        raise DatasetError(f"{path}, row {np.argmin(complete) + 1}: not {width} numbers; fetch the dataset again")
    return table
