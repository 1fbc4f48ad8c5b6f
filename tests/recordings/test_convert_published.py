"""Converters of datasets whose original files are not at hand, on fixtures in exactly the published layout.

Every fixture holds two people, one device at rest somewhere (1 g), and one trap of its dataset.
"""

import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from har.recordings.convert import NAMES, converter
from har.recordings.convert.common import convert_dataset
from har.recordings.format import Dataset, DatasetError, read_dataset, rest_magnitude_g

PUBLISHED = ("uci_har", "hapt", "motionsense", "pamap2", "wharf", "umafall")
GRAVITY = 9.80665


def still(rng: np.random.Generator, rows: int, direction: tuple[float, float, float] = (0.0, 1.0, 0.0)) -> np.ndarray:
    """Acceleration in g of a device at rest with a little noise, (rows, 3)."""
    unit = np.asarray(direction) / np.linalg.norm(direction)
    return unit + 0.005 * rng.standard_normal((rows, 3))


def moving(rng: np.random.Generator, rows: int, rate_hz: float) -> np.ndarray:
    """Acceleration in g of a walk at two steps a second, (rows, 3)."""
    swing = 0.3 * np.sin(2 * math.pi * 2.0 * np.arange(rows) / rate_hz)
    return still(rng, rows) + swing[:, None] * np.array([0.2, 1.0, 0.4])


def write_rows(path: Path, rows: np.ndarray, separator: str = " ", form: str = "%.6f") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savetxt(path, rows, fmt=form, delimiter=separator)


# --- fixtures in the published layouts -------------------------------------------------------------------------------

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
    base = raw / "UCI HAR Dataset"
    for split, signals in uci_signals().items():
        stretches = UCI_STRETCHES[split]
        windows = np.concatenate(
            [[x[64 * i : 64 * i + 128] for i in range(n)] for x, (_, _, n) in zip(signals, stretches, strict=True)]
        )
        for channel in range(6):
            name = f"{('total_acc', 'body_gyro')[channel // 3]}_{'xyz'[channel % 3]}_{split}.txt"
            write_rows(base / split / "Inertial Signals" / name, windows[:, :, channel], form="%16.7e")
        subjects, codes, counts = zip(*stretches, strict=True)
        write_rows(base / split / f"subject_{split}.txt", np.repeat(subjects, counts), form="%d")
        write_rows(base / split / f"y_{split}.txt", np.repeat(codes, counts), form="%d")
    (base / "activity_labels.txt").write_text(UCI_LABELS)


HAPT_LABELS = ["1 1 5 11 210", "1 1 7 211 300", "1 1 4 320 600", "2 2 1 1 500"]


def write_hapt(raw: Path) -> None:
    rng = np.random.default_rng(2)
    for experiment, rows in ((1, 600), (2, 500)):
        acc = still(rng, rows) if experiment == 1 else moving(rng, rows, 50.0)
        name = f"exp{experiment:02d}_user{experiment:02d}.txt"
        write_rows(raw / "HAPT" / "RawData" / f"acc_{name}", acc)
        write_rows(raw / "HAPT" / "RawData" / f"gyro_{name}", 0.01 * rng.standard_normal((rows, 3)))
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
    write_rows(raw / "B_Accelerometer_data" / "std_6" / "sub_1.csv", user, ",")


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
    rng = np.random.default_rng(5)
    data = raw / "Data"
    for folder, subject in (("Walk", "f1"), ("Getup_bed", "m2"), ("Walk_MODEL", "f1")):
        activity = folder.lower().removesuffix("_model")
        acc = still(np.random.default_rng(6), 160) if activity == "walk" else moving(rng, 160, 32.0)
        codes = np.round((acc + 1.5) / 3 * 63).clip(0, 63)
        write_rows(data / folder / f"Accelerometer-2011-03-24-10-24-39-{activity}-{subject}.txt", codes, form="%d")


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


WRITERS: dict[str, Callable[[Path], None]] = {
    "uci_har": write_uci_har,
    "hapt": write_hapt,
    "motionsense": write_motionsense,
    "pamap2": write_pamap2,
    "wharf": write_wharf,
    "umafall": write_umafall,
}


@pytest.fixture(scope="module")
def raw_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All fixtures, one folder a dataset; tests that damage a file work on a copy of their own."""
    root = tmp_path_factory.mktemp("raw")
    for name, write in WRITERS.items():
        write(root / name)
    return root


@pytest.fixture(scope="module")
def converted(raw_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Dataset, list[str]]]:
    """Name -> (dataset, notes), each converted once."""
    done: dict[str, tuple[Dataset, list[str]]] = {}
    out = tmp_path_factory.mktemp("data")

    def convert(name: str) -> tuple[Dataset, list[str]]:
        if name not in done:
            notes = convert_dataset(converter(name), raw_root / name, out / name)
            done[name] = (read_dataset(out / name, scan=True), notes)
        return done[name]

    return convert


def segment_rows(dataset: Dataset, stream: str) -> list[tuple[str, str, str, int]]:
    return [(s.recording, s.subject, s.label, s.stop - s.start) for s in dataset.streams[stream].segments]


# --- what holds for all of them --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PUBLISHED)
def test_card_agrees_with_streams_and_phrases(name: str) -> None:
    module = converter(name)
    assert module.CARD.verified == "published layout"
    assert {info.placement for info in module.STREAMS} == set(module.CARD.placements)
    phrases = set(module.PHRASES.values()) - {""}
    assert len(phrases) == module.CARD.activities
    assert all(phrase == phrase.lower().strip() for phrase in phrases)


def test_the_cards_of_the_same_people_say_so() -> None:
    notes = {name: converter(name).CARD.note for name in NAMES}
    assert {name for name, note in notes.items() if "uci_har and hapt are the same 30 people" in note} == {
        "uci_har",
        "hapt",
    }


@pytest.mark.parametrize("name", PUBLISHED)
def test_rest_reads_one_g_and_two_people_are_found(name: str, converted: Callable) -> None:
    dataset, _ = converted(name)
    assert len(dataset.subjects) == 2
    for stream in dataset.streams.values():
        assert rest_magnitude_g(stream) == pytest.approx(1.0, abs=0.03), stream.info.name


@pytest.mark.parametrize("name", PUBLISHED)
def test_same_bytes_from_the_folder_itself(name: str, raw_root: Path, converted: Callable, tmp_path: Path) -> None:
    first, _ = converted(name)
    inner = min(p for p in (raw_root / name).iterdir() if p.is_dir())
    convert_dataset(converter(name), inner, tmp_path / name)
    for path in sorted(first.folder.iterdir()):
        assert path.read_bytes() == (tmp_path / name / path.name).read_bytes(), path.name


@pytest.mark.parametrize("name", PUBLISHED)
def test_foreign_folder_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "readme.md").write_text("nothing here")
    with pytest.raises(DatasetError, match="no file matches"):
        convert_dataset(converter(name), tmp_path / "raw", tmp_path / "out")
    assert not (tmp_path / "out").exists()


CORRUPTIONS = [  # dataset, file, what is done to its lines, expected in the message
    ("uci_har", "train/Inertial Signals/body_gyro_z_train.txt", lambda x: x[:-1], r"body_gyro_z_train.txt: 8 rows"),
    ("uci_har", "train/Inertial Signals/total_acc_x_train.txt", lambda x: [*x[:3], "1.0 2.0", *x[4:]], "row 4"),
    ("uci_har", "activity_labels.txt", lambda x: [*x[:5], "6"], "activity_labels.txt, row 6: name is ''"),
    ("uci_har", "activity_labels.txt", lambda x: [*x[:5], "6 X"], "activity_labels.txt: unknown label 'X'"),
    ("hapt", "RawData/labels.txt", lambda x: ["1 1 5 11 601", *x[1:]], "labels.txt, row 1"),
    ("hapt", "RawData/gyro_exp01_user01.txt", lambda x: x[1:], "gyro_exp01_user01.txt: 599 rows"),
    ("hapt", "RawData/acc_exp02_user02.txt", lambda x: [], "acc_exp02_user02.txt"),
    ("motionsense", "dws_1/sub_2.csv", lambda x: [x[0].replace("gravity.x", "g.x"), *x[1:]], "sub_2.csv, row 1"),
    ("motionsense", "dws_1/sub_2.csv", lambda x: x[:1], "sub_2.csv"),
    ("pamap2", "Protocol/subject101.dat", lambda x: [line.rsplit(" ", 1)[0] for line in x], "53 columns"),
    ("pamap2", "Protocol/subject101.dat", lambda x: [x[1], x[0], *x[2:]], "row 2"),
    ("wharf", "Walk/*-f1.txt", lambda x: [], "f1.txt"),
    ("wharf", "Walk/*-f1.txt", lambda x: [*x[:2], *["12 64 3"] * 4, *x[6:]], r"row 3: .* three codes 0 to 63"),
    ("umafall", "*Subject_01*.csv", lambda x: [line for line in x if "; 3; " not in line], "expected sensor ids"),
    ("umafall", "*Subject_01*.csv", lambda x: [line for line in x if "C4:" not in line[:4]][8:], "no header line"),
    ("umafall", "*Subject_01*.csv", lambda x: [line.replace("WAIST", "CHEST") for line in x], "two sensors at one"),
]


@pytest.mark.parametrize(("name", "pattern", "damage", "message"), CORRUPTIONS)
def test_corrupt_file_is_named(name: str, pattern: str, damage: Callable, message: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / "raw")
    (path,) = (tmp_path / "raw").rglob(pattern)
    path.write_text("\n".join(damage(path.read_text().splitlines())) + "\n")
    with pytest.raises(DatasetError, match=message):
        convert_dataset(converter(name), tmp_path / "raw", tmp_path / "out")
    assert not (tmp_path / "out").exists()


LEFT_OUT = [  # dataset, file, what is done to its lines, expected in a note
    ("uci_har", "train/y_train.txt", lambda x: [*x[:1], "7", *x[2:]], "y_train.txt, row 2: unknown label 7"),
    ("motionsense", "dws_1/sub_2.csv", lambda x: [*x[:5], x[5].rsplit(",", 1)[0] + ",", *x[6:]], "sub_2.csv, row 6"),
    ("pamap2", "Protocol/subject101.dat", lambda x: [*x[:9], x[9].replace(" 0 ", " 8 ", 1), *x[10:]], "row 10: .* 8;"),
    ("pamap2", "Protocol/subject101.dat", lambda x: [*x[:-1], x[-1].rsplit(" ", 1)[0]], "row 500: .* 3 is ''"),
    ("pamap2", "Protocol/subject101.dat", lambda x: ["NaN" + x[0][4:], *x[1:]], "row 1: time is 'NaN'"),
    ("wharf", "Walk/*-f1.txt", lambda x: [*x[:2], "12 64 3", *x[3:]], "f1.txt, row 3: '12 64 3'; expected three codes"),
    ("wharf", "Walk/*-f1.txt", lambda x: [*x[:2], "12 3", *x[3:]], "f1.txt, row 3: z is ''"),
    ("umafall", "*Subject_01*.csv", lambda x: [*x[:50], "nonsense", *x[51:]], "row 51: time in ms is 'nonsense'"),
    ("umafall", "*Subject_01*.csv", lambda x: [*x[:50], x[50].rsplit(";", 1)[0], *x[51:]], "row 51: sensor id is ''"),
]


@pytest.mark.parametrize(("name", "pattern", "damage", "message"), LEFT_OUT)
def test_a_damaged_row_is_told(name: str, pattern: str, damage: Callable, message: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / "raw")
    (path,) = (tmp_path / "raw").rglob(pattern)
    path.write_text("\n".join(damage(path.read_text().splitlines())) + "\n")
    notes = convert_dataset(converter(name), tmp_path / "raw", tmp_path / "out")
    assert any(re.search(message, line) for line in notes), notes
    assert not any(str(tmp_path) in line for line in notes)


UNKNOWN = [
    ("motionsense", "dws_1", "swim_1", "unknown label 'swim'"),
    ("wharf", "Data/Getup_bed", "Data/Dance", "unknown label 'dance'"),
    ("umafall", "*Subject_01*", "UMAFall_Subject_01_ADL_Dancing_1_2016-06-13_20-25-30.csv", "unknown label 'Dancing'"),
]


@pytest.mark.parametrize(("name", "old", "new", "message"), UNKNOWN)
def test_unknown_activity_name(name: str, old: str, new: str, message: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / "raw")
    (path,) = (tmp_path / "raw").rglob(old)
    path.rename(path.with_name(new.split("/")[-1]))
    with pytest.raises(DatasetError, match=message):
        convert_dataset(converter(name), tmp_path / "raw", tmp_path / "out")


# --- one by one ------------------------------------------------------------------------------------------------------


def test_uci_har_windows_are_stitched_to_the_signal_they_were_cut_from(converted: Callable) -> None:
    dataset, notes = converted("uci_har")
    signals = uci_signals()
    np.testing.assert_array_equal(
        dataset.streams["phone"].samples, np.concatenate(signals["train"] + signals["test"]).astype(np.float32)
    )
    assert segment_rows(dataset, "phone") == [
        ("train_window00001", "s01", "standing", 5 * 64),
        ("train_window00005", "s01", "walking", 4 * 64),
        ("train_window00008", "s01", "walking", 3 * 64),
        ("test_window00001", "s02", "lying", 4 * 64),
    ]
    assert any("do not overlap" in line and line.endswith(": 1") for line in notes)
    assert any("joined" in line and line.endswith(": 8") for line in notes)


def test_uci_har_one_different_number_breaks_the_overlap(tmp_path: Path) -> None:
    write_uci_har(tmp_path / "raw")
    (path,) = (tmp_path / "raw").rglob("body_gyro_y_train.txt")
    lines = path.read_text().splitlines()
    lines[2] = " ".join(["9.0000000e+00", *lines[2].split()[1:]])  # first number of the third window
    path.write_text("\n".join(lines) + "\n")
    convert_dataset(converter("uci_har"), tmp_path / "raw", tmp_path / "out")
    rows = segment_rows(read_dataset(tmp_path / "out"), "phone")
    assert rows[:2] == [("train_window00001", "s01", "standing", 192), ("train_window00003", "s01", "standing", 192)]


def test_hapt_label_rows_count_from_one_and_include_the_last(raw_root: Path, converted: Callable) -> None:
    dataset, _ = converted("hapt")
    assert segment_rows(dataset, "phone") == [
        ("exp01", "s01", "", 10),
        ("exp01", "s01", "standing", 200),
        ("exp01", "s01", "sitting down on a chair", 90),
        ("exp01", "s01", "", 19),
        ("exp01", "s01", "sitting", 281),
        ("exp02", "s02", "walking", 500),
    ]
    folder = raw_root / "hapt" / "HAPT" / "RawData"
    line = (folder / "acc_exp01_user01.txt").read_text().splitlines()[10]
    line += " " + (folder / "gyro_exp01_user01.txt").read_text().splitlines()[10]
    standing = dataset.streams["phone"].segments[1]
    assert standing.start == 10
    np.testing.assert_array_equal(
        dataset.streams["phone"].samples[standing.start], np.array(line.split(), dtype=np.float32)
    )


def test_hapt_shared_samples_go_to_the_earlier_label(tmp_path: Path) -> None:
    write_hapt(tmp_path / "raw")
    (path,) = (tmp_path / "raw").rglob("labels.txt")
    path.write_text("\n".join(["1 1 7 209 300", "1 1 5 11 210", "2 2 1 1 500"]) + "\n")
    notes = convert_dataset(converter("hapt"), tmp_path / "raw", tmp_path / "out")
    rows = segment_rows(read_dataset(tmp_path / "out"), "phone")
    lengths = [10, 200, 90, 300, 500]
    labels = ["", "standing", "sitting down on a chair", "", "walking"]
    assert [r[2:] for r in rows] == list(zip(labels, lengths, strict=True))
    assert any("two labels" in line and line.endswith(": 2") for line in notes)


def test_motionsense_specific_force_is_minus_gravity_minus_user(raw_root: Path, converted: Callable) -> None:
    dataset, notes = converted("motionsense")
    stream = dataset.streams["phone"]
    (jog,) = (s for s in stream.segments if s.label == "jogging")
    assert (jog.recording, jog.subject, jog.stop - jog.start) == ("jog_9_s01", "s01", 200)
    lines = (raw_root / "motionsense" / "A_DeviceMotion_data" / "jog_9" / "sub_1.csv").read_text().splitlines()
    row = dict(zip(lines[0].split(","), map(float, lines[8].split(",")), strict=True))
    acc = [-(row[f"gravity.{a}"] + row[f"userAcceleration.{a}"]) for a in "xyz"]
    gyro = [row[f"rotationRate.{a}"] for a in "xyz"]
    np.testing.assert_allclose(stream.samples[jog.start + 7], acc + gyro, rtol=1e-6)
    assert any("specific force" in line and line.endswith(": 4") for line in notes)


def test_pamap2_lost_packets_are_bridged_or_split(raw_root: Path, converted: Callable) -> None:
    dataset, _ = converted("pamap2")
    hand = [s for s in dataset.streams["hand"].segments if s.recording == "protocol_s101"]
    assert [(s.label, s.stop - s.start) for s in hand] == [("", 100), ("lying", 300), ("jumping rope", 100)]
    ankle = [s for s in dataset.streams["ankle"].segments if s.recording == "protocol_s101"]
    assert [(s.label, s.stop - s.start, round(s.start_time_s, 3)) for s in ankle] == [
        ("", 100, 8.38),
        ("lying", 100, 9.38),
        ("lying", 150, 8.38 + 2.5),
        ("jumping rope", 100, 8.38 + 4.0),
    ]
    lines = (raw_root / "pamap2" / "PAMAP2_Dataset" / "Protocol" / "subject101.dat").read_text().splitlines()
    numbers = [float(x) for x in lines[250].split()]
    # Ankle: columns 38 to 54 counted from 1, temperature first; acc of 16 g behind it.
    expected = [x / 9.80665 for x in numbers[38:41]] + numbers[44:50]
    np.testing.assert_allclose(dataset.streams["ankle"].samples[ankle[2].start], expected, rtol=1e-5)
    before, lost, after = dataset.streams["hand"].samples[hand[0].start :][149:152]
    np.testing.assert_allclose(lost, (before + after) / 2, rtol=1e-4, atol=1e-5)


def test_pamap2_protocol_and_optional_are_recordings_of_one_person(converted: Callable) -> None:
    dataset, _ = converted("pamap2")
    recordings = {(s.recording, s.subject) for s in dataset.streams["chest"].segments}
    assert recordings == {("protocol_s101", "s101"), ("protocol_s102", "s102"), ("optional_s102", "s102")}
    assert "playing soccer" in dataset.labels


def test_wharf_codes_become_g_and_copies_are_left_out(raw_root: Path, converted: Callable) -> None:
    dataset, notes = converted("wharf")
    assert [r[1:] for r in segment_rows(dataset, "wrist")] == [
        ("m2", "getting up from a bed", 160),
        ("f1", "walking", 160),
    ]
    (path,) = (raw_root / "wharf").rglob("Walk/*.txt")
    codes = [int(x) for x in path.read_text().splitlines()[0].split()]
    np.testing.assert_allclose(dataset.streams["wrist"].samples[160], [3 * c / 63 - 1.5 for c in codes], atol=1e-6)
    assert any("copies" in line and line.endswith(": 1") for line in notes)


def test_umafall_positions_come_from_the_header(raw_root: Path, converted: Callable) -> None:
    dataset, _ = converted("umafall")
    for name, places in UMA_TRIALS.items():
        lines = (raw_root / "umafall" / "UMAFall_Dataset" / f"{name}.csv").read_text().splitlines()
        for sensor, place in enumerate(("phone", *places)):
            stream = dataset.streams[place.lower()]
            segment = next(s for s in stream.segments if name.endswith(s.recording))
            row = next(line for line in lines if line.endswith(f";0;{sensor}")).split(";")
            factor = 4 if place == "CHEST" and "Subject_01" in name else 1
            first = stream.samples[segment.start]
            np.testing.assert_allclose(first[:3], [factor * float(v) for v in row[2:5]], rtol=1e-5)
            if sensor:
                row = next(line for line in lines if line.endswith(f";1;{sensor}")).split(";")
                expected = [float(v) * math.pi / 180 for v in row[2:5]]
                np.testing.assert_allclose(first[3:6], expected, rtol=1e-5)


def test_umafall_rows_may_end_with_a_separator(raw_root: Path, converted: Callable, tmp_path: Path) -> None:
    write_umafall(tmp_path / "raw")
    for path in (tmp_path / "raw").rglob("*.csv"):
        lines = path.read_text().splitlines()
        path.write_text("".join(line + ("\n" if line.startswith("%") else ";\n") for line in lines))
    convert_dataset(converter("umafall"), tmp_path / "raw", tmp_path / "umafall")
    first, _ = converted("umafall")
    for path in first.folder.iterdir():
        assert path.read_bytes() == (tmp_path / "umafall" / path.name).read_bytes(), path.name


def test_umafall_quarter_scale_and_spikes_are_told(converted: Callable) -> None:
    _, notes = converted("umafall")
    assert any("quarter" in line and line.endswith(": 1") for line in notes)
    assert any("beyond the device's range of 16 g" in line and line.endswith(": 1") for line in notes)


def test_umafall_only_the_seconds_around_the_impact_are_a_fall(converted: Callable) -> None:
    dataset, _ = converted("umafall")
    for name, stream in dataset.streams.items():
        rate = stream.info.sampling_rate_hz
        fall = [s for s in stream.segments if s.subject == "s02"]
        assert [s.label for s in fall] == ["", "falling backward", ""], name
        assert fall[1].start_time_s == pytest.approx(UMA_IMPACT_S - 2.5, abs=1 / 20)
        assert (fall[1].stop - fall[1].start) / rate == pytest.approx(5.0, abs=1 / 20)
        (lying,) = (s for s in stream.segments if s.subject == "s01")
        assert lying.label == "lying down on a bed"
        assert (lying.stop - lying.start) == UMA_SECONDS * rate


def test_umafall_phone_at_the_waist_is_left_out_and_told(tmp_path: Path) -> None:
    write_umafall(tmp_path / "raw")
    (path,) = (tmp_path / "raw").rglob("*Subject_01*.csv")
    swapped = path.read_text().replace("WAIST", "BELT").replace("RIGHTPOCKET", "WAIST")
    path.write_text(swapped)
    notes = convert_dataset(converter("umafall"), tmp_path / "raw", tmp_path / "out")
    dataset = read_dataset(tmp_path / "out")
    assert {s.subject for s in dataset.streams["waist"].segments} == {"s02"}
    assert {s.subject for s in dataset.streams["phone"].segments} == {"s02"}
    assert any("a phone at WAIST" in line for line in notes)
    assert any("a tag at BELT" in line for line in notes)
