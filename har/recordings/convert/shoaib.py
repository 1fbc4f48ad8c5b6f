"""Shoaib et al. (Sensors 2014): seven activities, five phones worn together, side by side in one row.

Two lines of heading name the positions and the columns, 13 a position and an empty one between two of them; the label
ends a row. Ax is acceleration with gravity, Lx without, both in m/s^2, Gx rotation in rad/s, Mx magnetic field. Stamps
went through a spreadsheet and differ between the positions: rows count the time, 50 a second. Activities were recorded
one after the other, each on its own.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from har.recordings.convert.common import (
    ACC,
    GYRO,
    DatasetCard,
    Notes,
    Run,
    find_files,
    name_parts,
    phrases_of,
    plain_text,
    read_rows,
    split_at_lost_rows,
    within,
)
from har.recordings.convert.units import check_gravity, check_turning
from har.recordings.format import STANDARD_GRAVITY, DatasetError, StreamInfo, segments_of
from har.signal.plausibility import LARGEST

CARD = DatasetCard(
    title="Sensors Activity Recognition Dataset (Shoaib)",
    citation="Shoaib, Bosch, Incel, Scholten and Havinga, Fusion of Smartphone Motion Sensors for Physical Activity "
    "Recognition, Sensors 14(6), 2014, doi:10.3390/s140610146",
    licence="free for research, cite the paper",
    source_url="https://www.utwente.nl/en/eemcs/ps/dataset-folder/sensors-activity-recognition-dataset-shoaib.rar",
    people=10,
    placements=("left trouser pocket", "right trouser pocket", "right wrist", "right upper arm", "belt"),
    rate="50 Hz",
    activities=7,
    verified="published layout",
    note="published as a rar archive: unpack it, and give the folder",
)
RATE_HZ = 50.0
STREAMS = tuple(
    StreamInfo(place.replace(" ", "_"), "Samsung Galaxy S II", place, ACC + GYRO, RATE_HZ) for place in CARD.placements
)
PHRASES = {
    "walking": "walking",
    "standing": "standing",
    "jogging": "jogging",
    "sitting": "sitting",
    "biking": "cycling",
    "upstairs": "walking upstairs",
    "upsatirs": "walking upstairs",  # as published
    "downstairs": "walking downstairs",
}
POSITIONS = ("left", "right", "wrist", "arm", "belt")  # words of the first line, in the order of STREAMS
BLOCK = ("time_stamp", *(f"{sensor}{axis}" for sensor in "ALGM" for axis in "xyz"))
COLUMNS = tuple(
    column
    for number, info in enumerate(STREAMS)
    for column in (*(f"{info.name} {name}" for name in BLOCK), "label" if info is STREAMS[-1] else f"gap {number}")
)
STAMPS = tuple(column for column in COLUMNS if column.endswith("time_stamp"))
GAPS = {column: "" for column in COLUMNS if column.startswith("gap ")}
RULES = (
    within([f"{info.name} A{axis}" for info in STREAMS for axis in "xyz"], LARGEST["acc"] * STANDARD_GRAVITY),
    within([f"{info.name} G{axis}" for info in STREAMS for axis in "xyz"], LARGEST["gyro"]),
)


def sources(raw: Path) -> list[Path]:
    """One file a person."""
    return find_files(raw, "Participant_*.csv")


def read(path: Path, notes: Notes) -> Iterator[Run]:
    """One recording an activity, the five phones of each on one clock."""
    (person,) = name_parts(path, r"Participant_(\d+)\.csv", "Participant_1.csv")
    _check_heading(path)
    table = read_rows(path, COLUMNS, text=("label", *STAMPS), missing=GAPS, skiprows=2, rules=RULES, notes=notes)
    phrases = phrases_of(PHRASES, table["label"].str.lower(), path, first_row=3, notes=notes)
    subject, rows = f"s{int(person):02d}", table.index.to_numpy()
    # A label that is not known is a stretch of its own, without a label.
    known = np.where(phrases == "", "unknown", phrases)
    stretches, seen = segments_of(known), dict[str, int]()
    for phrase, first, last in stretches:
        seen[phrase] = seen.get(phrase, 0) + 1
        recording = f"{subject}_{phrase.replace(' ', '_')}{'' if seen[phrase] == 1 else f'_{seen[phrase]}'}"
        labels = [(phrase, 0, last - first)] if phrase in PHRASES.values() else []
        for info in STREAMS:
            values = table[[f"{info.name} {s}{a}" for s in "AG" for a in "xyz"]].to_numpy(dtype=np.float64)[first:last]
            samples = np.hstack([values[:, :3] / STANDARD_GRAVITY, values[:, 3:]])
            check_gravity(path, samples[:, :3], f"the accelerometer of the {info.placement}")
            check_turning(path, samples[:, :3], samples[:, 3:], RATE_HZ, f" of the {info.placement}")
            run = Run(info.name, recording, subject, samples, labels)
            yield from split_at_lost_rows(run, rows[first:last] - rows[first], RATE_HZ)


def _check_heading(path: Path) -> None:
    """Refuse a file whose first two lines are not those of the published ones."""
    lines = [*plain_text(path).split(b"\n", 2), b""][:2]
    first, second = ([cell.strip().lower() for cell in line.decode("utf-8", "replace").split(",")] for line in lines)
    positions = [cell for cell in first if cell]
    expected = [name.lower() for name in BLOCK] * len(STREAMS)
    # What stands above the labels is not the same in all copies.
    names = [cell for cell in second[: len(COLUMNS) - 1] if cell]
    named = len(positions) >= len(POSITIONS) and all(w in p for w, p in zip(POSITIONS, positions, strict=False))
    if not named or names != expected:
        raise DatasetError(
            f"{path}, rows 1 and 2: found {', '.join(positions)[:80]!r} and {', '.join(names)[:80]!r}; expected the "
            f"positions left pocket, right pocket, wrist, upper arm, belt, and for each {', '.join(BLOCK)}; fetch the "
            "published file"
        )
