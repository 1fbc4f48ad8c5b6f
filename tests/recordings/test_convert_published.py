"""Converters of datasets whose original files are not at hand, on fixtures in exactly the published layout.

Every fixture holds two people, one device at rest somewhere (1 g), and one trap of its dataset.
"""

import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from har.endurance.published import WRITERS
from har.endurance.published_only import (
    UMA_IMPACT_S,
    UMA_SECONDS,
    UMA_TRIALS,
    uci_signals,
    write_hapt,
    write_uci_har,
    write_umafall,
)
from har.recordings.convert import NAMES, converter
from har.recordings.convert.common import convert_dataset
from har.recordings.format import Dataset, DatasetError, read_dataset, rest_magnitude_g

PUBLISHED = (
    "uci_har", "hapt", "motionsense", "pamap2", "wharf", "umafall", "realworld", "mhealth", "shoaib", "usc_had",
    "harth", "wisdm_watch", "weda_fall", "opportunity",
)  # fmt: skip


@pytest.fixture(scope="module")
def raw_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All fixtures, one folder a dataset; tests that damage a file work on a copy of their own."""
    root = tmp_path_factory.mktemp("raw")
    for name in PUBLISHED:
        WRITERS[name](root / name)
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
    ("mhealth", "*subject1.log", lambda x: [line.rsplit("\t", 1)[0] for line in x], "23 columns; expected 24 columns"),
    (
        "mhealth",
        "*subject1.log",
        lambda x: scaled(x, "\t", (5, 6, 7), 1 / 9.8),
        "left ankle reads 0.102 g .* taken for",
    ),
    ("shoaib", "*_1.csv", lambda x: [x[0].replace("Wrist", "Belt"), *x[1:]], "rows 1 and 2: found 'left_pocket, r"),
    (
        "shoaib",
        "*_1.csv",
        lambda x: [x[0], x[1].replace("Ax", "Lx", 1), *x[2:]],
        "rows 1 and 2: found .*time_stamp, lx",
    ),
    ("shoaib", "*_1.csv", lambda x: x[:2], "_1.csv: expected rows"),
    ("shoaib", "*_1.csv", lambda x: x[:1], "_1.csv, rows 1 and 2: found"),
    (
        "shoaib",
        "*_1.csv",
        lambda x: scaled(x, ",", (1, 2, 3), 9.80665, 2),
        "left trouser pocket reads 9.81 g .* m/s.2 taken for g",
    ),
    ("shoaib", "*_1.csv", lambda x: scaled(x, ",", (21, 22, 23), 57.3, 2), "right trouser pocket turns .* deg/s"),
    ("harth", "S006.csv", lambda x: [x[0].replace("thigh_x", "leg_x"), *x[1:]], r"row 1: no column \['thigh_x'\]"),
    (
        "harth",
        "S006.csv",
        lambda x: scaled(x, ",", (4, 5, 6), 9.80665, 1),
        "right thigh reads 9.81 g .* m/s.2 taken for g",
    ),
    ("harth", "S006.csv", lambda x: [*x[:9], x[5], *x[10:]], "row 10: the time goes back"),
    (
        "wisdm_watch",
        "data_1600_accel*",
        lambda x: scaled([line.rstrip(";") for line in x], ",", (3, 4, 5), 1 / 9.80665),
        "the accelerometer in activity A reads 0.10. g .* g taken for m/s.2",
    ),
    ("wisdm_watch", "data_1600_accel*", lambda x: scaled(x, ",", (2,), 4), r"sampled at 5.0 Hz; expected about 20 Hz"),
    ("weda_fall", "50Hz/D01/*R01_accel.csv", lambda x: x[::2], "sampled at 25.2 Hz; expected 35 to 55 Hz"),
    (
        "weda_fall",
        "50Hz/D01/*R01_accel.csv",
        lambda x: [*x[:9], "0.45,0,0,0", *x[10:]],
        "row 10: time stamp .* constant",
    ),
    (
        "weda_fall",
        "50Hz/D01/*R01_gyro.csv",
        lambda x: scaled(x, ",", (1, 2, 3), 57.3, 1),
        "D01/U01_R01_gyro.csv: .* deg/s",
    ),
    (
        "weda_fall",
        "50Hz/D01/*R01_accel.csv",
        lambda x: scaled(x, ",", (1, 2, 3), 1 / 9.8, 1),
        "reads 0.102 g .* g taken for m/s.2",
    ),
    ("weda_fall", "fall_timestamps.csv", lambda x: [*x, x[1]], r"F05/U01_R02 is at \[\[4.2, 7.2\], \[4.2, 7.2\]\]"),
    ("opportunity", "S1-ADL1.dat", lambda x: [line.rsplit(" ", 1)[0] for line in x], "249 columns; expected 250 col"),
    ("opportunity", "S1-ADL1.dat", lambda x: scaled(x, " ", (37, 38, 39), 9.8), "accelerometer of the back reads 9.8"),
    ("opportunity", "S1-ADL1.dat", lambda x: scaled(x, " ", (53, 54, 55), 57.3), "right upper arm turns .* in deg/s"),
    ("opportunity", "S1-ADL1.dat", lambda x: scaled(x, " ", (0,), 0.001), "median step of the time stamps is 3.3e-05"),
    ("opportunity", "S1-ADL1.dat", lambda x: [*x[:9], x[5], *x[10:]], "row 10: the time does not increase"),
]


def scaled(lines: list[str], separator: str, columns: tuple[int, ...], factor: float, head: int = 0) -> list[str]:
    """The lines with some columns (from 0) times a factor, except those of the heading."""
    result = lines[:head]
    for line in lines[head:]:
        cells = line.split(separator)
        for column in columns:
            cells[column] = f"{float(cells[column]) * factor:.9g}"
        result.append(separator.join(cells))
    return result


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
    (
        "mhealth",
        "*subject1.log",
        lambda x: [*x[:9], "NaN" + x[9][x[9].index("\t") :], *x[10:]],
        "row 10: chest acc_x is 'NaN'",
    ),
    ("mhealth", "*subject1.log", lambda x: [*x[:9], x[9][:-1] + "13", *x[10:]], "row 10: unknown label 13; .*1 rows"),
    ("shoaib", "*_1.csv", lambda x: [*x[:9], "," * 68 + ",walking", *x[10:]], "row 10: "),
    ("shoaib", "*_1.csv", lambda x: [*x[:9], x[9].replace("standing", "flying"), *x[10:]], "unknown label 'flying'"),
    ("harth", "S006.csv", lambda x: [*x[:9], x[9].replace(",6", ",20"), *x[10:]], "row 10: unknown label 20"),
    ("harth", "S015.csv", lambda x: [*x[:9], x[9].replace("2019-01", "soon"), *x[10:]], "row 10: timestamp is"),
    ("wisdm_watch", "data_1600_accel*", lambda x: [*x[:9], "1600,A,1,2", *x[10:]], "row 10: y is ''"),
    ("weda_fall", "50Hz/D01/*R01_accel.csv", lambda x: [*x[:9], x[9] + "?", *x[10:]], "row 10: accel_z_list is"),
    (
        "weda_fall",
        "fall_timestamps.csv",
        lambda x: [x[0], x[1].replace("R02", "R03")],
        "does not know, left unlabelled: 1",
    ),
    ("opportunity", "S1-ADL1.dat", lambda x: [*x[:9], x[9][:-1] + "7", *x[10:]], "row 10: unknown label 7; .*1 rows"),
    ("opportunity", "S1-ADL1.dat", lambda x: [*x[:9], "? " + x[9].split(" ", 1)[1], *x[10:]], "row 10: column 1 is"),
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
    ("weda_fall", "50Hz/D01", "D12", "unknown label 'D12'"),
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
