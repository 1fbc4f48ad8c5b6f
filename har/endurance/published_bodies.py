"""Raw files of the datasets of several devices worn together whose original files are not at hand, in miniature.

As in `har.endurance.published_only`: the published layout, two people, rest somewhere, and the traps of each dataset.
"""

import math
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile, ZipInfo

import numpy as np

from har.endurance.published_only import GRAVITY, still

ZIPPED = (2016, 1, 1, 0, 0, 0)


def write_text(path: Path, lines: Sequence[str]) -> None:
    """Lines of a text file; makes the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def tilting(rows: int, rate_hz: float, phase: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Acceleration in g and rotation in rad/s, (rows, 3) each, of a device that tilts about its x axis to and fro.

    Weight that stays where it is turns in the device's axes as -w x a.
    """
    angle_rate, t = 2 * math.pi * 0.3, np.arange(rows) / rate_hz
    angle = 0.8 * np.sin(angle_rate * t + phase)
    acc = np.stack([0 * t, np.cos(angle), np.sin(angle)], axis=1)
    rotation = np.stack([-0.8 * angle_rate * np.cos(angle_rate * t + phase), 0 * t, 0 * t], axis=1)
    return acc, rotation


def resting(seed: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """The same of a device at rest."""
    rng = np.random.default_rng(seed)
    return still(rng, rows, (1, 2, 2)), 0.01 * rng.standard_normal((rows, 3))


def zipped(members: Mapping[str, bytes]) -> bytes:
    """A zip archive, the same bytes every time."""
    content = BytesIO()
    with ZipFile(content, "w") as archive:
        for name, data in members.items():
            archive.writestr(ZipInfo(name, ZIPPED), data)
    return content.getvalue()


# person, activity -> parts of the recording: (number in the names, s after the begin, positions with accelerometer,
# positions with gyroscope)
REALWORLD = {
    (1, "standing"): (("", 0.0, ("chest", "upperarm", "waist"), ("chest", "upperarm", "waist")),),
    (1, "walking"): (("_2", 0.0, ("chest", "upperarm", "waist"), ("chest", "upperarm", "waist")),),
    (2, "sitting"): (("", 0.0, ("chest", "upperarm", "waist"), ("chest", "waist")),),
    (2, "climbingup"): (("", 0.0, ("chest",), ("chest",)), ("_2", 40.0, ("chest",), ("chest",))),
}
REALWORLD_BEGIN_MS, REALWORLD_ROWS = 1_435_988_000_000, 600


def realworld_signal(position: str, activity: str, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Acceleration in g and rotation in rad/s of a part of a recording."""
    seed = sum(map(ord, position + activity + part))
    return resting(seed, REALWORLD_ROWS) if activity[0] == "s" else tilting(REALWORLD_ROWS, 50.0, seed)


def realworld_times_ms(sensor: str, after_s: float) -> np.ndarray:
    """Stamps with jitter; the gyroscope starts 40 ms later."""
    begin = REALWORLD_BEGIN_MS + round(1000 * after_s) + 40 * (sensor == "Gyroscope")
    return begin + 20 * np.arange(REALWORLD_ROWS) + np.arange(REALWORLD_ROWS) * 7 % 3


def write_realworld(raw: Path) -> None:
    """Archives: one recording with a number for no reason, one in two parts whose archives are named unequally, a
    position without a gyroscope.
    """
    for (person, activity), parts in REALWORLD.items():
        for column, (short, sensor) in enumerate((("acc", "acc"), ("gyr", "Gyroscope"))):
            archives = []
            for number, after_s, *positions in parts:
                members = {"readMe": b"> sensor\n"}
                for position in positions[column]:
                    values = realworld_signal(position, activity, number)[column] * (GRAVITY if column == 0 else 1)
                    rows = zip(realworld_times_ms(sensor, after_s), values, strict=True)
                    lines = [f"{i},{t},{x:.6f},{y:.6f},{z:.6f}" for i, (t, (x, y, z)) in enumerate(rows, start=1)]
                    table = "\n".join(["id,attr_time,attr_x,attr_y,attr_z", *lines, ""])
                    members[f"{sensor}_{activity}{number}_{position}.csv"] = table.encode()
                inner = number or ("_1" if short == "acc" else "")
                archives.append((f"{short}_{activity}{inner}_csv.zip", zipped(members)))
            content = archives[0][1] if len(archives) == 1 else zipped(dict(archives))
            path = raw / f"realworld2016_dataset/proband{person}/data/{short}_{activity}_csv.zip"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


MHEALTH_LABELS = np.repeat([0, 1, 0, 8, 12], [50, 200, 30, 150, 120])


def write_mhealth(raw: Path) -> None:
    """Two people; ECG and magnetic field are there, and rotation in an unknown unit."""
    rows = len(MHEALTH_LABELS)
    for person in (1, 10):
        rng = np.random.default_rng(person)
        table = rng.standard_normal((rows, 24))
        for device, first in enumerate((0, 5, 14)):
            acc = still(np.random.default_rng(10 * person + device), rows, (-1, 0.1 * device, 0.2))
            acc[300:] = tilting(rows - 300, 50.0, device)[0]
            table[:, first : first + 3] = GRAVITY * acc
        lines = ["\t".join(f"{v:.5g}" for v in row) for row in table]
        lines = [f"{line.rpartition(chr(9))[0]}\t{label}" for line, label in zip(lines, MHEALTH_LABELS, strict=True)]
        write_text(raw / f"MHEALTHDATASET/mHealth_subject{person}.log", lines)


SHOAIB_BLOCK = ("time_stamp", *(f"{sensor}{axis}" for sensor in "ALGM" for axis in "xyz"))
SHOAIB_POSITIONS = ("Left_pocket", "Right_pocket", "Wrist", "Upper_arm", "Belt")
SHOAIB_LABELS = ("standing", "upsatirs", "walking")
SHOAIB_ROWS = 300


def shoaib_signal(person: int, position: int, activity: str) -> tuple[np.ndarray, np.ndarray]:
    """Acceleration in g and rotation in rad/s of a phone in an activity."""
    seed = 100 * person + 10 * position + len(activity)
    return resting(seed, SHOAIB_ROWS) if activity == "standing" else tilting(SHOAIB_ROWS, 50.0, seed)


def write_shoaib(raw: Path) -> None:
    """Blocks side by side with an empty column between them, stamps that a spreadsheet rounded, a slip in a label."""
    first = ",".join(f"{name}{',' * 13}" for name in SHOAIB_POSITIONS[:-1]) + f",{SHOAIB_POSITIONS[-1]}" + "," * 13
    second = ",,".join([",".join(SHOAIB_BLOCK)] * len(SHOAIB_POSITIONS)) + ",Activity"
    for person in (1, 2):
        lines = [first, second]
        for label in SHOAIB_LABELS:
            signals = [shoaib_signal(person, position, label) for position in range(len(SHOAIB_POSITIONS))]
            for row in range(SHOAIB_ROWS):
                blocks = []
                for acc, rotation in signals:
                    values = [*GRAVITY * acc[row], 0, 0, 0, *rotation[row], -12.3, 20.1, -30]
                    blocks.append("1.39E+12," + ",".join(f"{v:.6f}" for v in values))
                lines.append(",,".join(blocks) + f",{label}")
        write_text(raw / f"DataSet/Participant_{person}.csv", lines)


HARTH_LABELS = np.repeat([6, 8, 1, 130], [150, 300, 200, 100])
HARTH_LOST = slice(400, 420)


def write_harth(raw: Path) -> None:
    """One file with an index without a name, and stamps with nine digits; rows are lost in the other one."""
    for person in (6, 15):
        rows = len(HARTH_LABELS)
        signals = [still(np.random.default_rng(person + i), rows, (-1, 0, 0.1 * i)) for i in range(2)]
        digits = "000000" if person == 15 else ""
        head = "timestamp,back_x,back_y,back_z,thigh_x,thigh_y,thigh_z,label"
        lines = []
        for row in range(rows):
            seconds, ms = divmod(20 * row, 1000)
            values = ",".join(f"{v:.6f}" for acc in signals for v in acc[row])
            lines.append(f"2019-01-12 00:01:{seconds:02d}.{ms:03d}{digits},{values},{HARTH_LABELS[row]}")
        if person == 15:
            head, lines = f",{head}", [f"{i},{line}" for i, line in enumerate(lines)]
        else:
            del lines[HARTH_LOST]
        write_text(raw / f"harth/S{person:03d}.csv", [head, *lines])


OPPORTUNITY_ROWS = 900
# column of the acceleration, counted from 1, and whether rotation follows
OPPORTUNITY_DEVICES = {
    "back": (38, True), "right_upper_arm": (51, True), "right_forearm": (64, True), "left_upper_arm": (77, True),
    "left_forearm": (90, True), "hip": (5, False), "right_wrist": (23, False), "left_wrist": (32, False),
}  # fmt: skip


def opportunity_table(person: int) -> np.ndarray:
    """(rows, 250), NaN where samples are missing. The right arm opens a fridge for a while; the hip loses 20 rows."""
    table = np.full((OPPORTUNITY_ROWS, 250), np.nan)
    table[:, 0] = np.rint(np.arange(OPPORTUNITY_ROWS) * 1000 / 30)
    for number, (first, turns) in enumerate(OPPORTUNITY_DEVICES.values()):
        acc, rotation = resting(10 * person + number, OPPORTUNITY_ROWS)
        acc[450:], rotation[450:] = tilting(OPPORTUNITY_ROWS - 450, 30.0, number)
        table[:, first - 1 : first + 2] = np.rint(1000 * acc)
        if turns:
            table[:, first + 2 : first + 5] = np.rint(1000 * rotation)
    table[100:120, 4:7] = np.nan
    table[200, 22:25] = np.nan
    table[:, 243:] = 0
    table[50:400, 243], table[450:800, 243] = 1, 2
    table[150:210, 249], table[160:200, 247] = 406520, 406
    table[600:630, 249], table[600:630, 245] = 404516, 404
    return table


def write_opportunity(raw: Path) -> None:
    """A run of daily activities and a drill, of two people."""
    for person, kind in ((1, "ADL1"), (2, "Drill")):
        rows = opportunity_table(person)
        lines = [" ".join("NaN" if math.isnan(v) else f"{v:.0f}" for v in row) for row in rows]
        write_text(raw / f"OpportunityUCIDataset/dataset/S{person}-{kind}.dat", lines)
