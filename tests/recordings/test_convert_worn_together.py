"""Datasets of several devices worn together, on fixtures in the published layout, against a naive reading of the files.

realworld, mhealth, shoaib, harth, opportunity. What holds for every dataset is in test_convert_published.py.
"""

import csv
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from har.endurance.published import WRITERS
from har.endurance.published_bodies import (
    HARTH_LABELS,
    HARTH_LOST,
    MHEALTH_LABELS,
    OPPORTUNITY_DEVICES,
    REALWORLD,
    SHOAIB_LABELS,
    SHOAIB_ROWS,
    opportunity_table,
    zipped,
)
from har.recordings.convert import converter, realworld
from har.recordings.convert.common import Notes, convert_dataset
from har.recordings.format import Dataset, DatasetError, Stream, read_dataset

GRAVITY = 9.80665


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Dataset, list[str], Path]]:
    """Name -> (dataset, notes, raw folder), each converted once."""
    done: dict[str, tuple[Dataset, list[str], Path]] = {}

    def convert(name: str) -> tuple[Dataset, list[str], Path]:
        if name not in done:
            root = tmp_path_factory.mktemp(name)
            WRITERS[name](root / "raw")
            notes = convert_dataset(converter(name), root / "raw", root / "out")
            done[name] = read_dataset(root / "out"), notes, root / "raw"
        return done[name]

    return convert


def runs(stream: Stream, recording: str) -> list[tuple[str, float, np.ndarray]]:
    """(label, start in s, samples) of the segments of a recording."""
    found = [s for s in stream.segments if s.recording == recording]
    return [(s.label, s.start_time_s, np.asarray(stream.samples[s.start : s.stop])) for s in found]


# --- realworld --------------------------------------------------------------------------------------------------------


def tables_below(content: bytes) -> dict[str, np.ndarray]:
    """Name -> rows (n, 5) of the tables in an archive, and in archives in it."""
    result = {}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for name in archive.namelist():
            if name.endswith(".zip"):
                result |= tables_below(archive.read(name))
            elif name.endswith(".csv"):
                lines = archive.read(name).decode().splitlines()[1:]
                result[name] = np.array([[float(cell) for cell in line.split(",")] for line in lines])
    return result


def test_realworld_values_are_those_of_the_tables_at_their_times(converted):
    dataset, _, raw = converted("realworld")
    samples = 0
    for person, activity in REALWORLD:
        data = raw / f"realworld2016_dataset/proband{person}/data"
        tables = {}
        for short in ("acc", "gyr"):
            tables |= tables_below((data / f"{short}_{activity}_csv.zip").read_bytes())
        for stream in dataset.streams.values():
            position = stream.info.name.replace("_", "")
            acc, gyro = (
                [rows for name, rows in sorted(tables.items()) if name[:3] == kind and name.endswith(f"{position}.csv")]
                for kind in ("acc", "Gyr")
            )
            if not acc or not gyro:
                assert not runs(stream, f"s{person:02d}_{activity}")
                continue
            first_ms = min(rows[0, 1] for name, rows in tables.items() if has_both(tables, name))
            for label, start_s, x in runs(stream, f"s{person:02d}_{activity}"):
                assert label == realworld.PHRASES[activity]
                time_ms = first_ms + 1000 * (start_s + np.arange(len(x)) / 50)
                for rows, columns, scale, tolerance in ((acc, (0, 3), GRAVITY, 1e-5), (gyro, (3, 6), 1.0, 0.01)):
                    whole = np.concatenate(rows)
                    whole = whole[np.argsort(whole[:, 1])]
                    expected = np.stack([np.interp(time_ms, whole[:, 1], whole[:, 2 + c]) for c in range(3)], 1) / scale
                    np.testing.assert_allclose(x[:, slice(*columns)], expected, atol=tolerance)
                samples += len(x)
    assert samples == sum(len(stream.samples) for stream in dataset.streams.values()) > 5000


def has_both(tables: dict[str, np.ndarray], name: str) -> bool:
    """Whether a table's position has both sensors."""
    end = name.partition("_")[2]
    return f"acc_{end}" in tables and f"Gyroscope_{end}" in tables


def test_realworld_parts_are_one_recording_and_a_position_without_gyroscope_is_told(converted):
    dataset, notes, _ = converted("realworld")
    parts = runs(dataset.streams["chest"], "s02_climbingup")
    assert [(label, round(start_s, 2), len(x)) for label, start_s, x in parts] == [
        ("walking upstairs", 0.04, 598),
        ("walking upstairs", 40.04, 598),
    ]
    assert "recordings of a position without a gyroscope, left out: 1" in notes
    assert {s.recording for s in dataset.streams["upper_arm"].segments} == {"s01_standing", "s01_walking"}


def test_realworld_is_the_same_unpacked_and_as_one_archive(converted, tmp_path):
    dataset, notes, raw = converted("realworld")
    unpacked = tmp_path / "unpacked"
    for path in sorted(raw.rglob("*.zip")):
        folder = unpacked / path.relative_to(raw).with_suffix("")
        with zipfile.ZipFile(path) as archive:
            archive.extractall(folder)
    whole = tmp_path / "realworld2016_dataset.zip"
    whole.write_bytes(zipped({str(path.relative_to(raw)): path.read_bytes() for path in sorted(raw.rglob("*.zip"))}))
    for number, other in enumerate((unpacked, whole)):
        assert convert_dataset(realworld, other, tmp_path / f"out{number}") == notes
        for path in dataset.folder.iterdir():
            if path.name != "dataset.json":
                assert path.read_bytes() == (tmp_path / f"out{number}" / path.name).read_bytes(), (other, path.name)


def changed_table(content: bytes, change: Callable[[list[list[str]]], list[list[str]]]) -> bytes:
    """An archive of tables, of each of which the rows without the heading are changed."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    for name, data in members.items():
        if name.endswith(".csv"):
            head, *lines = data.decode().splitlines()
            lines = [",".join(cells) for cells in change([line.split(",") for line in lines])]
            members[name] = ("\n".join([head, *lines]) + "\n").encode()
    return zipped(members)


def times(cells: list[list[str]], columns: tuple[int, ...], factor: float, more: float = 0.0) -> list[list[str]]:
    return [
        [f"{float(cell) * factor + more:.9f}" if i in columns else cell for i, cell in enumerate(row)] for row in cells
    ]


@pytest.mark.parametrize(
    ("sensor", "change", "message"),
    [
        ("acc", lambda x: times(x, (2, 3, 4), 1 / 9.80665), r"acc_walking_2_chest.csv: .* reads 0.102 .* g taken for"),
        (
            "acc",
            lambda x: times(x, (1,), 1e-3),
            r"median step of attr_time is 0.021 ms; expected about 20 ms \(50 Hz\)",
        ),
        ("acc", lambda x: x[::2], "median step of attr_time is 39 ms"),
        ("acc", lambda x: times(x, (1,), 1, 86_400_000), "start 86400 s apart; expected at most 3600 s"),
        ("acc", lambda x: [row[:4] for row in x], "attr_z is ''"),
        ("gyr", lambda x: times(x, (2, 3, 4), 57.3), r"gyr_walking_csv.zip/Gyroscope_walking_2_chest.csv: .* in deg/s"),
    ],
)
def test_realworld_files_of_another_kind_are_refused(sensor, change, message, tmp_path):
    WRITERS["realworld"](tmp_path / "raw")
    path = tmp_path / f"raw/realworld2016_dataset/proband1/data/{sensor}_walking_csv.zip"
    path.write_bytes(changed_table(path.read_bytes(), change))
    with pytest.raises(DatasetError, match=message):
        convert_dataset(realworld, tmp_path / "raw", tmp_path / "out")


def test_realworld_names_that_are_none_of_these_are_refused(tmp_path):
    table = b"id,attr_time,attr_x,attr_y,attr_z\n1,1,0,0,9.8\n"
    path = tmp_path / "proband3/data/acc_walking_csv.zip"
    path.parent.mkdir(parents=True)
    for member, message in (
        ("acc_walking_hand.csv", "one of chest, forearm, head, shin, thigh, upperarm, waist in the name"),
        ("acc_running_chest.csv", "expected acc or Gyroscope, walking and one of"),
        ("notes.csv", "expected a name like acc_walking_chest.csv"),
        ("../acc_walking_chest.csv", "which leads out of it"),
    ):
        path.write_bytes(zipped({member: table}))
        with pytest.raises(DatasetError, match=message):
            list(realworld.read([path], Notes()))


def test_realworld_a_damaged_archive_and_a_last_line_that_is_cut_off(tmp_path):
    WRITERS["realworld"](tmp_path / "raw")
    path = tmp_path / "raw/realworld2016_dataset/proband1/data/acc_walking_csv.zip"
    content = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["acc_walking_2_chest.csv"] = members["acc_walking_2_chest.csv"][:-3]
    path.write_bytes(zipped(members))
    notes = convert_dataset(realworld, tmp_path / "raw", tmp_path / "out")
    assert "last rows of files that end within a line, which may be cut off, left out: 1" in notes
    path.write_bytes(content[:-40])
    with pytest.raises(DatasetError, match=r"acc_walking_csv.zip: the archive is damaged .*; fetch it again"):
        convert_dataset(realworld, tmp_path / "raw", tmp_path / "out")


# --- mhealth ----------------------------------------------------------------------------------------------------------


def test_mhealth_rows_are_the_samples_of_three_devices(converted):
    dataset, _, raw = converted("mhealth")
    expected = {0: "", 1: "standing still", 8: "bending the knees and getting up", 12: "jumping forward and backward"}
    for person in (1, 10):
        rows = [
            [float(x) for x in line.split("\t")]
            for line in (raw / f"MHEALTHDATASET/mHealth_subject{person}.log").read_text().splitlines()
        ]
        for name, first in (("chest", 0), ("left_ankle", 5), ("right_wrist", 14)):
            found = runs(dataset.streams[name], f"s{person:02d}")
            samples = np.concatenate([x for _, _, x in found])
            np.testing.assert_allclose(
                samples, [[v / GRAVITY for v in row[first : first + 3]] for row in rows], rtol=1e-6
            )
            labels = [label for label, _, x in found for _ in range(len(x))]
            assert labels == [expected[int(row[23])] for row in rows] == [expected[code] for code in MHEALTH_LABELS]
            assert [start for _, start, _ in found] == pytest.approx([0.0, 1.0, 5.0, 5.6, 8.6])


def test_mhealth_a_damaged_row_takes_its_time_in_all_devices(tmp_path):
    WRITERS["mhealth"](tmp_path / "raw")
    path = tmp_path / "raw/MHEALTHDATASET/mHealth_subject1.log"
    lines = path.read_text().splitlines(keepends=True)
    lines[100] = lines[100].replace(lines[100].split("\t")[15], "NaN")
    path.write_text("".join(lines))
    convert_dataset(converter("mhealth"), tmp_path / "raw", tmp_path / "out")
    for stream in read_dataset(tmp_path / "out").streams.values():
        starts = [(start, len(x)) for label, start, x in runs(stream, "s01") if label == "standing still"]
        assert starts == [(1.0, 50), (pytest.approx(2.02), 149)]


# --- shoaib -----------------------------------------------------------------------------------------------------------


def test_shoaib_blocks_are_five_phones_and_activities_are_recordings(converted):
    dataset, _, raw = converted("shoaib")
    phrases = {"standing": "standing", "upsatirs": "walking upstairs", "walking": "walking"}
    for person in (1, 2):
        with (raw / f"DataSet/Participant_{person}.csv").open(newline="") as file:
            rows = list(csv.reader(file))[2:]
        for block, stream in enumerate(dataset.streams.values()):
            for number, activity in enumerate(SHOAIB_LABELS):
                mine = rows[number * SHOAIB_ROWS : (number + 1) * SHOAIB_ROWS]
                assert {row[69] for row in mine} == {activity}
                expected = [
                    [float(row[14 * block + 1 + i]) / GRAVITY for i in range(3)]
                    + [float(row[14 * block + 7 + i]) for i in range(3)]
                    for row in mine
                ]
                recording = f"s{person:02d}_{phrases[activity].replace(' ', '_')}"
                ((label, start_s, x),) = runs(stream, recording)
                assert (label, start_s) == (phrases[activity], 0.0)
                np.testing.assert_allclose(x, expected, rtol=1e-6, atol=1e-7)
    assert [info.info.placement for info in dataset.streams.values()] == [
        "left trouser pocket", "right trouser pocket", "right wrist", "right upper arm", "belt",
    ]  # fmt: skip


def test_shoaib_an_activity_done_twice_is_two_recordings(tmp_path):
    WRITERS["shoaib"](tmp_path / "raw")
    path = tmp_path / "raw/DataSet/Participant_1.csv"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines, *lines[2 : 2 + SHOAIB_ROWS]]))
    convert_dataset(converter("shoaib"), tmp_path / "raw", tmp_path / "out")
    belt = read_dataset(tmp_path / "out").streams["belt"]
    assert [s.recording for s in belt.segments if s.subject == "s01"] == [
        "s01_standing", "s01_walking_upstairs", "s01_walking", "s01_standing_2",
    ]  # fmt: skip


# --- harth ------------------------------------------------------------------------------------------------------------


def test_harth_rows_are_the_samples_of_both_devices_and_lost_ones_split(converted):
    dataset, notes, raw = converted("harth")
    expected = {6: "standing", 8: "lying", 1: "walking", 130: "sitting on a bicycle without pedalling"}
    for person, extra in ((6, 0), (15, 1)):
        with (raw / f"harth/S{person:03d}.csv").open(newline="") as file:
            rows = list(csv.reader(file))[1:]
        seconds = np.array([float(row[extra].rpartition(":")[2]) for row in rows])
        for first, name in ((1, "back"), (4, "thigh")):
            for label, start_s, x in runs(dataset.streams[name], f"s{person:03d}"):
                at = np.searchsorted(seconds, start_s - 1e-6) + np.arange(len(x))
                np.testing.assert_allclose(seconds[at], start_s + np.arange(len(x)) / 50, atol=1e-6)
                values = [[float(cell) for cell in rows[row][extra + first : extra + first + 3]] for row in at]
                np.testing.assert_allclose(x, values, atol=1e-5)
                assert {expected[int(rows[row][-1])] for row in at} == {label}
    kept = sum(len(x) for _, _, x in runs(dataset.streams["back"], "s006"))
    lost = HARTH_LOST.stop - HARTH_LOST.start
    # Rounding of the clock may take the last point of a run.
    assert len(HARTH_LABELS) - lost - 2 <= kept <= len(HARTH_LABELS) - lost
    assert "gaps longer than 0.1 s at which a recording is split: 2" in notes


# --- opportunity ------------------------------------------------------------------------------------------------------


def opportunity_label(row: np.ndarray, stream: str) -> str:
    """The gesture where this arm acts, the posture elsewhere; columns as column_names.txt counts them."""
    side = stream.partition("_")[0]
    acts = {"left": row[246 - 1], "right": row[248 - 1]}.get(side, 0)
    gesture = {0: "", 406520: "opening a fridge", 404516: "closing a door"}[int(row[250 - 1])]
    posture = {0: "", 1: "standing", 2: "walking"}[int(row[244 - 1])]
    return gesture if acts and gesture else posture


def test_opportunity_columns_are_devices_and_missing_samples_are_lost(converted):
    dataset, notes, _ = converted("opportunity")
    assert list(dataset.streams) == list(OPPORTUNITY_DEVICES)
    for person, kind in ((1, "adl1"), (2, "drill")):
        table = opportunity_table(person)
        for name, (first, turns) in OPPORTUNITY_DEVICES.items():
            values = table[:, first - 1 : first + (5 if turns else 2)] / 1000
            good = np.isfinite(values).all(axis=1)
            time_s, covered = table[:, 0] / 1000, np.zeros(len(table), dtype=int)
            for label, start_s, x in runs(dataset.streams[name], f"s{person}_{kind}"):
                grid = start_s + np.arange(len(x)) / 30
                expected = [np.interp(grid, time_s[good], values[good, c]) for c in range(values.shape[1])]
                np.testing.assert_allclose(x, np.stack(expected, 1), atol=1e-4)
                rows = np.rint(grid * 30).astype(int)
                assert {opportunity_label(table[row], name) for row in rows} == {label}
                covered[rows] += 1
            lost = np.arange(100, 120) if name == "hip" else []
            assert (covered[np.setdiff1d(np.arange(len(table)), lost)] == 1).all() and not covered[lost].any()
    assert "samples without a number treated as lost: 42" in notes
