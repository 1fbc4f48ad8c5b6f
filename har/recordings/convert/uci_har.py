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
    within,
)
from har.recordings.format import RANGE_TOLERANCE, DatasetError, StreamInfo
from har.signal.plausibility import LARGEST

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
RATE_HZ, RANGE_G = 50.0, 2.0
STREAMS = (StreamInfo("phone", "Samsung Galaxy S II", "waist", ACC + GYRO, RATE_HZ, accelerometer_range_g=RANGE_G),)
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
    forms = [(label_path, ("activity",), ()), (subject_path, ("subject",), (within(["subject"], 1e6, 0),))]
    for signal in SIGNALS:
        rule = within(WINDOW_COLUMNS, RANGE_TOLERANCE * RANGE_G if signal.startswith("total_acc") else LARGEST["gyro"])
        forms.append((split / "Inertial Signals" / f"{signal}_{kind}.txt", WINDOW_COLUMNS, (rule,)))
    tables = [
        read_rows(path, columns, separator=WHITE_SPACE, rules=rules, notes=notes) for path, columns, rules in forms
    ]
    count = tables[0].attrs["rows"]
    for (path, *_), table in zip(forms, tables, strict=True):
        if table.attrs["rows"] != count:
            raise DatasetError(
                f"{path}: {table.attrs['rows']} rows, but {label_path.name} has {count}; fetch the dataset again"
            )
    rows = tables[0].index
    for table in tables[1:]:
        rows = rows.intersection(table.index)
    notes.add("windows of which one of the files holds a damaged row, left out", count - len(rows))
    codes, subjects, *signals = (table.loc[rows] for table in tables)
    phrases = phrases_of(phrases_by_code(split.parent, PHRASES), codes["activity"], label_path, notes=notes)
    codes, subjects = codes["activity"].to_numpy(), subjects["subject"].to_numpy().astype(int)
    windows = np.stack([signal.to_numpy() for signal in signals], axis=-1)
    same = (codes[1:] == codes[:-1]) & (subjects[1:] == subjects[:-1]) & (np.diff(rows) == 1)
    continues = same & (windows[1:, : WINDOW // 2] == windows[:-1, WINDOW // 2 :]).all(axis=(1, 2))
    notes.add(
        "neighbouring windows of one subject and activity that do not overlap, between which a new recording starts",
        int((same & ~continues).sum()),
    )
    notes.add("windows joined to the one before over their common half", int(continues.sum()))
    borders = [0, *(np.flatnonzero(~continues) + 1).tolist(), len(codes)]
    for first, last in pairwise(borders):
        samples = np.concatenate([windows[first], *windows[first + 1 : last, WINDOW // 2 :]])
        recording, subject = f"{kind}_window{rows[first] + 1:05d}", f"s{subjects[first]:02d}"
        yield Run("phone", recording, subject, samples, [(phrases[first], 0, len(samples))])


def phrases_by_code(folder: Path, phrases: dict[str, str]) -> dict[int, str]:
    """Code -> phrase, by way of the names in ``activity_labels.txt``, rows of "code NAME"."""
    path = folder / "activity_labels.txt"
    table = read_rows(path, ("code", "name"), separator=WHITE_SPACE, text=("name",))
    return {int(code): phrase_of(phrases, name, path) for code, name in table.itertuples(index=False)}
