"""Raw files of every public dataset in miniature, in exactly the published layout, traps of the dataset included.

`WRITERS` makes them: converters are tested on these, and on what becomes of them when they are damaged. All numbers are
the same every time.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from scipy.io import savemat

from har.endurance.published_bodies import (
    write_harth,
    write_mhealth,
    write_opportunity,
    write_realworld,
    write_shoaib,
)
from har.endurance.published_only import (
    GRAVITY,
    write_hapt,
    write_motionsense,
    write_pamap2,
    write_uci_har,
    write_umafall,
    write_wharf,
)
from har.endurance.published_trials import write_usc_had, write_weda_fall
from har.recordings.convert import sphere

CHEST_RATE_HZ, FORTH_RATE_HZ = 52, 51.2


def write_lines(path: Path, lines: list[str]) -> None:
    """Text in UTF-8; makes the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def comma_rows(*columns: np.ndarray | list) -> list[str]:
    """Columns as lines of values with commas between them."""
    return [",".join(map(str, row)) for row in zip(*(np.asarray(c).tolist() for c in columns), strict=True)]


def write_mobifall(raw: Path) -> None:
    """A walk and a fall: two sensors with clocks of their own, a gap, one spike of impact."""
    header = ["#Acceleration force along the x y z axes (including gravity).", "#Subject ID: 2", "", "@DATA"]
    for code, group, seconds in (("WAL", "ADL", 6.0), ("FOL", "FALLS", 9.0)):
        acc_s = np.concatenate([[0, 0.2, 0.4], np.arange(0.6, seconds, 1 / 93)])
        gyro_s = np.arange(-0.1, seconds, 1 / 200)
        z = np.full(len(acc_s), GRAVITY)
        if code == "FOL":
            z[np.argmin(np.abs(acc_s - 5.0))] = 19.0
        acc = [np.sin(np.pi * acc_s), 0 * z, z]
        # 130 Hz would turn up as 30 Hz if every second sample were simply dropped.
        gyro = [np.sin(2 * np.pi * 3 * gyro_s) + np.sin(2 * np.pi * 130 * gyro_s), 0 * gyro_s, 0.5 + 0 * gyro_s]
        for sensor, t, xyz in (("acc", acc_s, acc), ("gyro", gyro_s, gyro)):
            stamps = np.rint((t + 3000) * 1e9).astype(np.int64)
            write_lines(raw / f"sub2/{group}/{code}/{code}_{sensor}_2_1.txt", header + comma_rows(stamps, *xyz))


def sisfall_counts(seed: int) -> np.ndarray:
    """Counts (2400, 9) of a waist that lies still, as the three sensors report them."""
    counts = np.random.default_rng(seed).integers(-4, 5, (2400, 9))
    counts[:, 1] -= 256
    counts[:, 3] += 1000
    counts[:, 7] -= 1024
    return counts


def write_sisfall(raw: Path) -> None:
    """Two people and a copy of a trial under another label; lines end with and without a semicolon."""
    fall = sisfall_counts(3)
    fall[1500, 1] = -3000
    for path, counts, end in (
        ("SA01/D01_SA01_R01.txt", sisfall_counts(1), ""),
        ("SA15/D17_SE15_R01.txt", sisfall_counts(2), ";"),
        ("SA01/F01_SA01_R02.txt", fall, ";"),
        ("SA02/D03_SA02_R01.txt", sisfall_counts(4), ";"),
        ("SA02/D04_SA02_R01.txt", sisfall_counts(4), ";"),
    ):
        write_lines(raw / path, [" " + line.replace(",", ", ") + end for line in comma_rows(*counts.T)])


def write_selfback(raw: Path) -> None:
    """Three files of two people: devices with rates and starts of their own, one with a column of labels."""
    devices = (("wrist50", "026", 0.007, 102.5), ("thigh34", "026", 0, 97.1), ("wrist50", "007", 0, 99))
    for place, subject, offset_s, own_rate in devices:
        t = np.arange(600) / own_rate + offset_s
        times = np.datetime64("2016-04-13T10:31:57.000") + np.rint(t * 1e3).astype("timedelta64[ms]")
        stamps = [str(time).replace("T", " ") for time in times]
        # A ramp in time: linear interpolation must return it exactly, wherever the samples were.
        columns, names = [stamps, np.round(t, 3) / 8, 0 * t, 1 + 0 * t], "time,x,y,z"
        if place == "thigh34":
            columns, names = [*columns, ["walk_mod"] * 600], names + ",class"
        write_lines(raw / f"raw/9_class/{place}/walk_mod/{subject}.csv", [names, *comma_rows(*columns)])


def pdiot_samples(seed: int) -> np.ndarray:
    """(100, 6) in g and deg/s of a device at rest; seed 5 turns all the time."""
    samples = np.random.default_rng(seed).normal(0, 0.004, (100, 6)).round(6)
    turning = 50 if seed == 5 else 1
    return samples + np.array([0.6, -0.8, 0, turning, 0, -2 * turning])


def write_pdiot(raw: Path) -> None:
    """Two devices; copies under other labels and people, and one that moves while its label says lying."""
    base = raw / "updated_anonymized_dataset_2023"
    head = ",timestamp,accel_x,accel_y,accel_z,gyro_x,gyro_y,gyro_z"
    for device, subject, activity, samples in (
        ("respeck", "s1", "lyingBack", pdiot_samples(1)),
        ("thingy", "s1", "ascending", pdiot_samples(2)),
        ("thingy", "s2", "sitting", pdiot_samples(3)),
        ("thingy", "s3", "sitting", pdiot_samples(3)[20:]),
        ("thingy", "s4", "running", pdiot_samples(4)),
        ("thingy", "s4", "standing", pdiot_samples(4)),
        ("thingy", "s5", "lyingLeft", pdiot_samples(5)),
    ):
        stamps = 1697605965 + 40 * np.arange(len(samples))
        folder = {"respeck": "Respeck", "thingy": "Thingy"}[device]
        write_lines(
            base / f"{folder}/{subject}/{subject}_{device}_{activity}_breathingNormal.csv",
            [head, *comma_rows(np.arange(len(samples)), stamps, *samples.T)],
        )


def write_wisdm_phone(raw: Path) -> None:
    """Three phones of different rates, a gyroscope slower than its accelerometer, rows that come twice."""
    people = ((1600, 19.859, 19.859), (1601, 25.06, 25.06), (1608, 49.648, 19.859))
    write_wisdm(raw, "phone", people, (("A", 900.0, 0.3), ("C", 50.0, 0.3)))


def write_wisdm_watch(raw: Path) -> None:
    """Two watches of one rate, which lie still while their people stand; rows that come twice."""
    write_wisdm(raw, "watch", ((1600, 20.02, 20.02), (1650, 19.97, 19.97)), (("A", 900.0, 0.3), ("E", 50.0, 0.0)))


def write_wisdm(
    raw: Path, device: str, people: Sequence[tuple[int, float, float]], activities: Sequence[tuple[str, float, float]]
) -> None:
    """people: number, rates of accelerometer and gyroscope in Hz. activities: letter, s at which its clock begins,
    strength of the movement; of the last one all rows come twice.
    """
    for subject, acc_rate, gyro_rate in people:
        for sensor, rate, scale in (("accel", acc_rate, GRAVITY), ("gyro", gyro_rate, 1.0)):
            lines = []
            for letter, epoch_s, strength in activities:
                t = np.arange(0.1 if sensor == "gyro" else 0.0, 12, 1 / rate)
                stamps = np.rint((t + epoch_s) * 1e9).astype(np.int64)
                xyz = [scale * strength * np.sin(np.pi * t), 0 * t, scale + 0 * t]
                part = [f"{subject},{letter},{line};" for line in comma_rows(stamps, *xyz)]
                lines += part * (2 if letter == activities[-1][0] else 1)
            write_lines(raw / f"raw/{device}/{sensor}/data_{subject}_{sensor}_{device}.txt", lines)


def spsw_labels() -> list[str]:
    """The label of every sample, with one of a single sample in between."""
    labels = ("SEATED", "STANDING_UP", "WALKING", "TURNING", "WALKING", "SITTING_DOWN", "SEATED")
    return [label for label, n in zip(labels, (100, 120, 200, 100, 1, 120, 60), strict=True) for _ in range(n)]


def write_spsw_har(raw: Path) -> None:
    """A phone and a watch worn together, samples arriving in bursts of four."""
    labels = spsw_labels()
    for device, rate, start_s in (("sp", 102.4, 0.05), ("sw", 104.27, 0.0)):
        t = start_s + np.arange(len(labels)) / rate
        # Arrival in bursts: four samples in a row come with the last of them.
        arrival = t[np.minimum(np.arange(len(t)) // 4 * 4 + 3, len(t) - 1)]
        stamps = 1657533977000 + np.rint(arrival * 1e3).astype(np.int64)
        xyz = [GRAVITY * 0.3 * np.sin(np.pi * t), 0 * t, GRAVITY + 0 * t, 0.2 * np.sin(np.pi * t), 0 * t, 0 * t]
        write_lines(
            raw / f"DATA/s01/s01_02_{device}.csv",
            ["x_acc,y_acc,z_acc,x_gyro,y_gyro,z_gyro,timestamp,label", *comma_rows(*xyz, stamps, labels)],
        )


def write_mex_file(folder: Path, subject: str, exercise: str, seconds: float = 3.0, gap_s: float = 0.0) -> Path:
    """103 Hz with stamps rounded to a millisecond; x is a slow sine of the true time, z is 1 g."""
    path = folder / "act" / subject / f"{exercise}_act_1.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    begin = datetime(2018, 11, 8, 11, 34, 51, 474000)
    lines = []
    for i in range(round(seconds * 103)):
        t = i / 103 + (gap_s if i >= 154 else 0)
        stamp = (begin + timedelta(milliseconds=round(1000 * t))).strftime("%Y-%m-%d %H:%M:%S.%f")
        lines.append(f"{stamp},{0.02 * np.sin(2 * np.pi * 0.5 * t):.6f},0.000000,1.000000")
    path.write_text("\n".join(lines) + "\n")
    return path


def write_sphere_recording(folder: Path, name: str = "00001", lost: slice = slice(0, 0)) -> Path:
    """Six seconds at 20 Hz, 1 g along x; seconds: none, stand, stand, tie, sit (two thirds), none."""
    path = folder / "train" / name
    path.mkdir(parents=True)
    rows = [f"{0.01 + i / 20:.6f},1.0,{0.001 * i:.3f},0.0,-93.0,\n" for i in range(120)]
    del rows[lost]
    (path / "acceleration.csv").write_text("t,x,y,z,Kitchen_AP,Study_AP\n" + "".join(rows))
    shares = [
        {},
        {"p_stand": 1.0},
        {"p_stand": 0.6, "a_walk": 0.4},
        {"p_stand": 0.5, "p_sit": 0.5},
        {"p_sit": 0.667, "t_turn": 0.333},
        {},
    ]
    classes = list(sphere.PHRASES)
    lines = ["start,end," + ",".join(classes)]
    for second, share in enumerate(shares):
        cells = [str(share.get(name, 0.0)) if share else "" for name in classes]
        lines.append(f"{second}.0,{second + 1}.0," + ",".join(cells))
    (path / "targets.csv").write_text("\n".join(lines) + "\n")
    return path


def write_utd_clip(folder: Path, action: int, subject: int, trial: int, rows: int = 120) -> np.ndarray:
    """One clip in MATLAB's format; returns its samples (rows, 6) in g and deg/s."""
    rng = np.random.default_rng(100 * action + 10 * subject + trial)
    clip = np.hstack([[0.0, -1.0, 0.0] + 0.002 * rng.standard_normal((rows, 3)), 50 * rng.standard_normal((rows, 3))])
    folder.mkdir(parents=True, exist_ok=True)
    savemat(folder / f"a{action}_s{subject}_t{trial}_inertial.mat", {"d_iner": clip})
    return clip


def write_chest_postures(folder: Path, subject: int, zero: tuple[float, float, float], seed: int = 0) -> np.ndarray:
    """Twelve still postures of two seconds each with a known zero level; returns the true acceleration in g."""
    rng = np.random.default_rng(seed)
    directions = rng.standard_normal((12, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    truth = np.repeat(directions, 2 * CHEST_RATE_HZ, axis=0)
    write_chest_counts(folder, subject, truth + np.array(zero), np.repeat([1, 3, 0, 4], 6 * CHEST_RATE_HZ))
    return truth


def write_chest_counts(folder: Path, number: int, acceleration: np.ndarray, codes: np.ndarray) -> None:
    """One file of rows: sequence, counts of the acceleration (rows, 3) in g, label code (rows,)."""
    folder.mkdir(parents=True, exist_ok=True)
    counts = np.round(acceleration * 372 + 2048).astype(int)
    rows = zip(range(len(counts)), *counts.T, codes, strict=True)
    (folder / f"{number}.csv").write_text("".join(",".join(map(str, row)) + "\n" for row in rows))


def five_digits(value: float) -> str:
    """As the publisher prints numbers."""
    return f"{value:.5g}"


def write_forth_file(
    folder: Path, person: int, device: int, ticks: np.ndarray, codes: np.ndarray, start_ms: float = 1000.0
) -> Path:
    """Stamps as the publisher prints them; acceleration y is 1 g plus a sine of the true time."""
    time_s = start_ms / 1000 + ticks / FORTH_RATE_HZ
    rows = []
    for t, code in zip(time_s, codes, strict=True):
        acc = (0.0, 9.80665 + 0.5 * np.sin(2 * np.pi * 0.5 * t), 0.0)
        values = (*acc, 180.0, 0.0, -90.0, 0.5, 0.6, 1.0)
        rows.append(",".join([str(device), *map(five_digits, values), five_digits(1000 * t), str(code)]))
    path = folder / f"part{person}" / f"part{person}dev{device}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(rows) + "\n")
    return path


SMARTFALL_EPOCH_MS = 1659201800000  # where the elapsed time of a session is zero


def smartfall_acc(time_s: np.ndarray, seed: int) -> np.ndarray:
    """(n, 3) in g at the elapsed times of a session: a sine of 0.5 Hz along x, gravity along z, noise."""
    noise = np.random.default_rng(seed).normal(0, 0.004, (len(time_s), 3))
    return (noise + np.stack([0.3 * np.sin(np.pi * time_s), 0 * time_s, 1 + 0 * time_s], 1)).round(3)


def smartfall_lines(elapsed_s: np.ndarray, xyz: np.ndarray, rounded: bool = False) -> list[str]:
    """Rows of a trial; rounded: as a spreadsheet writes the epoch."""
    epoch_ms = SMARTFALL_EPOCH_MS + np.rint(1000 * elapsed_s).astype(np.int64)
    iso = (epoch_ms - 5 * 3_600_000).astype("datetime64[ms]")
    epochs = [f"{float(ms):.5E}" for ms in epoch_ms] if rounded else epoch_ms
    return comma_rows(epochs, [str(time) for time in iso], elapsed_s.round(3), *xyz.T)


def write_smartfallmm(raw: Path) -> None:
    """Places worn together, a gyroscope whose clock runs slow, a rounded epoch, a header, an end of another trial, a
    gyroscope in an accelerometer's place, too few rows, people and falls twice, and a sensor that nobody wears.
    """

    def write(path: str, lines: list[str]) -> None:
        sensor, place, name = path.rsplit("/", 2)
        write_lines(raw / f"{sensor}/meta_{place}/{name}.csv", lines)

    slow, fast = np.arange(10, 18, 0.04), np.arange(10, 18, 0.02)
    true = np.arange(9.8, 18.2, 0.02)

    def gyro(seed: int) -> np.ndarray:
        noise = np.random.default_rng(seed).normal(0, 0.02, (len(true), 3))
        return (noise + np.stack([30 * np.sin(np.pi * true), 0 * true, 5 + 0 * true], 1)).round(3)

    for place, seed in (("wrist", 1), ("hip", 2)):
        write(f"young/accelerometer/{place}/S29A08T01", smartfall_lines(slow, smartfall_acc(slow, seed)))
        # Every row takes 31 ms by a clock on which 20 ms have passed.
        write(f"young/gyroscope/{place}/S29A08T01", smartfall_lines(true * 1.55, gyro(seed + 20)))
    fall = smartfall_acc(fast, 3)
    fall[250] = 2.0
    write("young/accelerometer/wrist/S43A12T02", smartfall_lines(fast, fall))
    write("young/gyroscope/wrist/S43A12T02", smartfall_lines(true, gyro(23)))
    head = "epoch (ms),time (-11:00),elapsed (s),x-axis (g),y-axis (g),z-axis (g)"
    write("old/accelerometer/hip/S03A08T01", [head, *smartfall_lines(fast, smartfall_acc(fast, 4))])
    later = fast + 0.5
    write("old/accelerometer/wrist/S03A08T01", smartfall_lines(later, smartfall_acc(later, 5), rounded=True))
    write("old/accelerometer/hip/S03A09T01", smartfall_lines(fast + 40, smartfall_acc(fast, 6)))
    write("old/accelerometer/wrist/S03A09T01", smartfall_lines(fast + 80, smartfall_acc(fast, 7)))
    long = smartfall_lines(fast + 100, smartfall_acc(fast, 8))
    write("old/accelerometer/hip/S14A01T01", long)
    write("old/accelerometer/hip/S14A02T01", smartfall_lines(fast + 150, smartfall_acc(fast, 9))[:150] + long[150:])
    write("old/accelerometer/wrist/S06A06T01", smartfall_lines(true, gyro(24)))
    write("old/accelerometer/hip/S05A02T01", smartfall_lines(fast, smartfall_acc(fast, 10))[:10])
    for name in ("old/accelerometer/hip/S22A01T01", "old/accelerometer/hip/S23A01T01"):
        write(name, smartfall_lines(fast + 20, smartfall_acc(fast, 11)))
    for name in ("young/accelerometer/wrist/S34A11T01", "young/accelerometer/wrist/S34A13T01"):
        write(name, smartfall_lines(slow + 20, smartfall_acc(slow, 12)))
    write("young/accelerometer/hip/S28A08T01", smartfall_lines(slow, 0 * smartfall_acc(slow, 13) + [0, 0.4, 0.9]))


def gesture_counts(time_s: np.ndarray, seed: int) -> np.ndarray:
    """(n, 3) counts of a hand that swings along x at 1 Hz."""
    acc = np.stack([0.5 * np.sin(2 * np.pi * time_s), 0 * time_s, 1 + 0 * time_s], 1)
    noise = np.random.default_rng(seed).normal(0, 30, acc.shape)
    return np.rint(8192 * acc + noise).astype(int)


def write_gesture_logs(raw: Path) -> None:
    """Boards of two rates, a computer that takes samples in bursts; gestures of one's own, a copy, a logger left on."""
    head = "Processing Timestamp (ms), Arduino Timestamp (ms), X, Y, Z"
    for number, (subject, gesture, step_ms, seconds, seed) in enumerate((
        ("p01", "Shake", 11, 2.5, 1),
        ("p01", "Custom", 11, 2.5, 2),
        ("p01", "Midair Counter-clockwise _O_", 11, 2.5, 3),
        ("p09", "Shake", 30, 2.4, 4),
        ("p09", "Star", 30, 2.4, 5),
        ("p22", "Forehand Tennis", 11, 18.0, 6),
        ("p23", "Shake", 11, 2.5, 1),
    )):  # fmt: skip
        own_ms = np.arange(0, 1000 * seconds, step_ms).astype(np.int64)
        counts = gesture_counts(own_ms / 1e3, seed)
        epoch_ms = 1589594000000 + 10_000 * number + own_ms // 50 * 50  # in bursts, as they arrive
        name = f"{gesture}_{epoch_ms[-1]}_{len(own_ms)}.csv"
        lines = [line.replace(",", ", ") for line in comma_rows(epoch_ms, own_ms + 5000, *counts.T)]
        write_lines(raw / subject / name, [head, *lines])


def write_mex(raw: Path) -> None:
    """One exercise of two people."""
    for subject in ("01", "12"):
        write_mex_file(raw, subject, "03")


def write_sphere(raw: Path) -> None:
    """Two recordings."""
    for name in ("00001", "00002"):
        write_sphere_recording(raw, name)


def write_utd_mhad(raw: Path) -> None:
    """Three clips of two people, at the wrist and at the thigh."""
    for key in ((21, 1, 1), (22, 1, 1), (9, 2, 3)):
        write_utd_clip(raw / "Inertial", *key)


def write_chest_mounted(raw: Path) -> None:
    """Two files of one person with different zero levels."""
    for number in (2, 10):
        write_chest_postures(raw, number, (0.0, 0.1, 0.0), number)


def write_forth_trace(raw: Path) -> None:
    """Two devices of one person."""
    for device in (2, 3):
        write_forth_file(raw, 1, device, np.arange(400), np.repeat([1, 8, 2, 16], 100))


WRITERS: dict[str, Callable[[Path], None]] = {
    "chest_mounted": write_chest_mounted,
    "forth_trace": write_forth_trace,
    "mex": write_mex,
    "mobifall": write_mobifall,
    "pdiot": write_pdiot,
    "selfback": write_selfback,
    "sisfall": write_sisfall,
    "sphere": write_sphere,
    "spsw_har": write_spsw_har,
    "utd_mhad": write_utd_mhad,
    "wisdm_phone": write_wisdm_phone,
    "smartfallmm": write_smartfallmm,
    "gesture_logs": write_gesture_logs,
    "hapt": write_hapt,
    "motionsense": write_motionsense,
    "pamap2": write_pamap2,
    "uci_har": write_uci_har,
    "umafall": write_umafall,
    "wharf": write_wharf,
    "realworld": write_realworld,
    "mhealth": write_mhealth,
    "shoaib": write_shoaib,
    "usc_had": write_usc_had,
    "harth": write_harth,
    "wisdm_watch": write_wisdm_watch,
    "weda_fall": write_weda_fall,
    "opportunity": write_opportunity,
}
