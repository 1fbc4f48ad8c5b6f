"""Raw files of the datasets whose original files are not at hand, in miniature and in exactly the published layout.

Every one holds two people, one device at rest somewhere (1 g), and one trap of its dataset.
"""

import math
from pathlib import Path

import numpy as np

GRAVITY = 9.80665


def still(rng: np.random.Generator, rows: int, direction: tuple[float, float, float] = (0.0, 1.0, 0.0)) -> np.ndarray:
    """Acceleration in g of a device at rest with a little noise, (rows, 3)."""
    unit = np.asarray(direction) / np.linalg.norm(direction)
    return unit + 0.005 * rng.standard_normal((rows, 3))


def moving(rng: np.random.Generator, rows: int, rate_hz: float) -> np.ndarray:
    """Acceleration in g of a walk at two steps a second, (rows, 3)."""
    swing = 0.3 * np.sin(2 * math.pi * 2.0 * np.arange(rows) / rate_hz)
    return still(rng, rows) + swing[:, None] * np.array([0.2, 1.0, 0.4])


def write_table(path: Path, rows: np.ndarray, separator: str = " ", form: str = "%.6f") -> None:
    """Numbers in columns; makes the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savetxt(path, rows, fmt=form, delimiter=separator)


UCI_LABELS = "1 WALKING\n2 WALKING_UPSTAIRS\n3 WALKING_DOWNSTAIRS\n4 SITTING\n5 STANDING\n6 LAYING\n"


UCI_STRETCHES = {  # split -> (subject, activity code, windows that overlap by half)
    "train": [(1, 5, 4), (1, 1, 3), (1, 1, 2)],  # the third is a new recording of the same subject and activity
    "test": [(2, 6, 3)],
}


def uci_signals() -> dict[str, list[np.ndarray]]:
    """The uncut signals, (samples, 6), six decimals as in the files."""
    rng = np.random.default_rng(1)
    result = {}
    for split, stretches in UCI_STRETCHES.items():
        result[split] = []
        for _, code, windows in stretches:
            rows = 64 * (windows + 1)
            acc = moving(rng, rows, 50.0) if code == 1 else still(rng, rows)
            result[split].append(np.round(np.hstack([acc, 0.1 * rng.standard_normal((rows, 3))]), 6))
    return result


def write_uci_har(raw: Path) -> None:
    """Windows that overlap by half, of two people; one stretch begins anew in the middle."""
    base = raw / "UCI HAR Dataset"
    for split, signals in uci_signals().items():
        stretches = UCI_STRETCHES[split]
        windows = np.concatenate(
            [[x[64 * i : 64 * i + 128] for i in range(n)] for x, (_, _, n) in zip(signals, stretches, strict=True)]
        )
        for channel in range(6):
            name = f"{('total_acc', 'body_gyro')[channel // 3]}_{'xyz'[channel % 3]}_{split}.txt"
            write_table(base / split / "Inertial Signals" / name, windows[:, :, channel], form="%16.7e")
        subjects, codes, counts = zip(*stretches, strict=True)
        write_table(base / split / f"subject_{split}.txt", np.repeat(subjects, counts), form="%d")
        write_table(base / split / f"y_{split}.txt", np.repeat(codes, counts), form="%d")
    (base / "activity_labels.txt").write_text(UCI_LABELS)


HAPT_LABELS = ["1 1 5 11 210", "1 1 7 211 300", "1 1 4 320 600", "2 2 1 1 500"]


def write_hapt(raw: Path) -> None:
    """Two experiments whose labels stand in a file of their own."""
    rng = np.random.default_rng(2)
    for experiment, rows in ((1, 600), (2, 500)):
        acc = still(rng, rows) if experiment == 1 else moving(rng, rows, 50.0)
        name = f"exp{experiment:02d}_user{experiment:02d}.txt"
        write_table(raw / "HAPT" / "RawData" / f"acc_{name}", acc)
        write_table(raw / "HAPT" / "RawData" / f"gyro_{name}", 0.01 * rng.standard_normal((rows, 3)))
    (raw / "HAPT" / "RawData" / "labels.txt").write_text("\n".join(HAPT_LABELS) + "\n")
    transitions = ("STAND_TO_SIT", "SIT_TO_STAND", "SIT_TO_LIE", "LIE_TO_SIT", "STAND_TO_LIE", "LIE_TO_STAND")
    lines = [f"{code} {name}          " for code, name in enumerate(transitions, start=7)]
    (raw / "HAPT" / "activity_labels.txt").write_text(UCI_LABELS + "\n".join(lines) + "\n")


MOTIONSENSE_HEADER = "," + ",".join(
    [
        "attitude.roll,attitude.pitch,attitude.yaw",
        *(f"{g}.{a}" for g in ("gravity", "rotationRate", "userAcceleration") for a in "xyz"),
    ]
)


def write_motionsense(raw: Path) -> None:
    """Four trials of two people, and raw readings of one of them in a second folder."""
    rng = np.random.default_rng(3)
    for trial, person in (("std_6", 1), ("std_6", 2), ("jog_9", 1), ("dws_1", 2)):
        rows = 200
        gravity = np.tile([0.6, 0.8, 0.0], (rows, 1))  # Core Motion's sign, head of the phone down in the pocket
        user = (0.003 if trial == "std_6" else 0.4) * rng.standard_normal((rows, 3))
        table = np.hstack([0.1 * rng.standard_normal((rows, 3)), gravity, 0.2 * rng.standard_normal((rows, 3)), user])
        lines = [f"{i}," + ",".join(f"{v:.6f}" for v in row) for i, row in enumerate(table)]
        path = raw / "A_DeviceMotion_data" / trial / f"sub_{person}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join([MOTIONSENSE_HEADER, *lines]) + "\n")
    # The same trial again, as raw accelerometer readings only.
    write_table(raw / "B_Accelerometer_data" / "std_6" / "sub_1.csv", user, ",")


def write_pamap2(raw: Path) -> None:
    """Subject 101 loses one packet of the hand and half a second of the ankle; subject 102 has an optional file."""
    rng = np.random.default_rng(4)
    for folder, subject in (("Protocol", 101), ("Protocol", 102), ("Optional", 102)):
        rows = 500
        table = np.full((rows, 54), np.nan)
        table[:, 0] = 8.38 + np.arange(rows) / 100
        table[:, 1] = np.repeat([0, 1, 24 if folder == "Protocol" else 20], [100, 300, 100])
        table[::9, 2] = 100  # heart rate comes nine times more rarely
        for first in (3, 20, 37):
            acc = still(rng, rows, (1, 2, 2)) * GRAVITY
            unit = [np.full((rows, 1), 30.0), acc, acc * 1.02, 0.1 * rng.standard_normal((rows, 3))]
            table[:, first : first + 17] = np.hstack([*unit, 40 + rng.standard_normal((rows, 3)), np.zeros((rows, 4))])
            table[:, first + 13] = 1.0
        if subject == 101:
            table[150, 3:20] = np.nan
            table[200:250, 37:54] = np.nan
        lines = [" ".join("NaN" if math.isnan(v) else f"{v:.6g}" for v in row) for row in table]
        path = raw / "PAMAP2_Dataset" / folder / f"subject{subject}.dat"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n")


def write_wharf(raw: Path) -> None:
    """Two activities, and a copy of one in a folder of models."""
    rng = np.random.default_rng(5)
    data = raw / "Data"
    for folder, subject in (("Walk", "f1"), ("Getup_bed", "m2"), ("Walk_MODEL", "f1")):
        activity = folder.lower().removesuffix("_model")
        acc = still(np.random.default_rng(6), 160) if activity == "walk" else moving(rng, 160, 32.0)
        codes = np.round((acc + 1.5) / 3 * 63).clip(0, 63)
        write_table(data / folder / f"Accelerometer-2011-03-24-10-24-39-{activity}-{subject}.txt", codes, form="%d")


UMA_HEADER = """% Universidad de Malaga - ETSI de Telecomunicacion (Spain)
% Date: {date}
% ID: Subject_{subject:02d}; Age: 24; Weight(kg): 70
%MAC; Sensor_ID; Position; Device Model
{sensors}
%
% Accelerometer = 0 ; g
%TimeStamp; Sample No; X-Axis; Y-Axis; Z-Axis; Sensor Type; Sensor ID;
"""


TAG_MACS = {1: "C4:BE:84:70:64:8A", 2: "C4:BE:84:71:A5:02", 3: "C4:BE:84:70:0E:80", 4: "B0:B4:48:B8:77:03"}


UMA_TRIALS = {  # name -> position of tags 1 to 4: they move between files
    "UMAFall_Subject_01_ADL_LyingDown_OnABed_1_2016-06-13_20-25-30": ("CHEST", "WAIST", "WRIST", "ANKLE"),
    "UMAFall_Subject_02_Fall_backwardFall_2_2016-06-14_11-02-00": ("WRIST", "CHEST", "ANKLE", "WAIST"),
}


UMA_SECONDS, UMA_IMPACT_S = 15, 8.0


def write_umafall(raw: Path) -> None:
    """The chest of subject 1 is at a quarter of its scale; the ankle of subject 2 holds one value of 20 g."""
    rng = np.random.default_rng(7)
    for name, places in UMA_TRIALS.items():
        subject, date = int(name.split("_")[2]), name[-19:]
        sensors = ["%F8:95:C7:F3:BA:82; 0; RIGHTPOCKET; lge-LG-H815-5.1"]
        sensors += [f"%{TAG_MACS[i]}; {i}; {place}; SensorTag" for i, place in enumerate(places, start=1)]
        rows = []
        for sensor, place in enumerate(("RIGHTPOCKET", *places)):
            rate = 200 if sensor == 0 else 20
            count = UMA_SECONDS * rate
            acc = still(rng, count, (0, 1, 0.2))
            time_ms = 1000 * np.arange(count) // rate
            if "Fall_backward" in name:
                acc[np.argmin(np.abs(time_ms - 1000 * UMA_IMPACT_S))] += (0, 4, 0)
                if place == "ANKLE":
                    acc[40] = (0, 20, 0)
            elif place == "CHEST":
                acc /= 4
            kinds = {0: acc} if sensor == 0 else {0: acc, 1: 90 + rng.standard_normal((count, 3)), 2: 30 + 0 * acc}
            for kind, xyz in kinds.items():
                rows += [(t, i, *v, kind, sensor) for i, (t, v) in enumerate(zip(time_ms, xyz, strict=True), start=1)]
        rows.sort(key=lambda row: row[0])
        lines = [f"{t};{i};{x:.6f};{y:.6f};{z:.6f};{kind};{sensor}" for t, i, x, y, z, kind, sensor in rows]
        head = UMA_HEADER.format(date=date, subject=subject, sensors="\n".join(sensors))
        folder = raw / "UMAFall_Dataset"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.csv").write_text(head + "\n".join(lines) + "\n")
