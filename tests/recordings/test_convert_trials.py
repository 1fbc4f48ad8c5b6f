"""Datasets of single devices and short trials, on fixtures in the published layout, against a naive reading of them.

usc_had, weda_fall, wisdm_watch; and what the converters share about units, clocks of arrival and archives. What holds
for every dataset is in test_convert_published.py.
"""

from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from har.endurance.published import WRITERS
from har.endurance.published_bodies import tilting, zipped
from har.endurance.published_trials import WEDA_FALL_S, WEDA_TRIALS, weda_burst, weda_signal, weda_times
from har.recordings.convert import converter, usc_had, weda_fall
from har.recordings.convert.clocks import steady_clock
from har.recordings.convert.common import Notes, convert_dataset, plain_text
from har.recordings.convert.raw_files import archived_files
from har.recordings.convert.units import check_gravity, check_turning
from har.recordings.format import DatasetError, read_dataset

GRAVITY = 9.80665


# --- usc_had ----------------------------------------------------------------------------------------------------------


def test_usc_had_trials_are_in_g_and_radians(tmp_path):
    WRITERS["usc_had"](tmp_path / "raw")
    convert_dataset(usc_had, tmp_path / "raw", tmp_path / "out")
    hip = read_dataset(tmp_path / "out").streams["hip"]
    assert [(s.recording, s.subject, s.label) for s in hip.segments] == [
        ("s01_a02_t1", "s01", "walking in a circle to the left"),
        ("s01_a09_t1", "s01", "standing"),
        ("s13_a10_t2", "s13", "lying in bed"),
        ("s13_a11_t5", "s13", "riding up in an elevator"),
    ]
    for segment, name in zip(
        hip.segments, ("Subject1/a2t1", "Subject1/a9t1", "Subject13/a10t2", "Subject13/a11t5"), strict=True
    ):
        rows = loadmat(tmp_path / f"raw/USC-HAD/{name}.mat")["sensor_readings"]
        expected = [[x, y, z, a * np.pi / 180, b * np.pi / 180, c * np.pi / 180] for x, y, z, a, b, c in rows]
        np.testing.assert_allclose(hip.samples[segment.start : segment.stop], expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"activity_number": "3"}, "activity 2 by its name and 3 by what it holds"),
        ({"activity_numbr": np.array([[12]])}, "activity 2 by its name and 12 by what it holds"),
        ({"activity_number": "walk"}, "activity 2 by its name and 'walk' by what it holds"),
        ({"factor": (9.80665, 1.0)}, "expected numbers up to 9 g"),
        ({"factor": (1 / 9.80665, 1.0)}, r"reads 0.102 g \(median magnitude\).* Is it g taken for m/s\^2"),
        (
            {"factor": (1.0, np.pi / 180)},
            "turns 5. times as fast as the gyroscope says.* in rad/s where deg/s are expected",
        ),
        ({"sensor_readings": np.zeros((9, 5))}, r"sensor_readings of shape \(9, 5\); expected \(n, 6\)"),
        ({"sensor_readings": None}, "expected a MATLAB file with the array sensor_readings"),
    ],
)
def test_usc_had_files_of_another_kind_are_refused(variables, message, tmp_path):
    path = tmp_path / "Subject1/a2t1.mat"
    path.parent.mkdir()
    acc, rotation = tilting(600, 100.0)
    factor = variables.pop("factor", (1.0, 1.0))
    content = {"sensor_readings": np.hstack([factor[0] * acc, factor[1] * np.rad2deg(rotation)]), **variables}
    savemat(path, {name: value for name, value in content.items() if value is not None})
    with pytest.raises(DatasetError, match=message):
        list(usc_had.read(path, Notes()))


def test_usc_had_an_activity_that_is_not_known_is_told(tmp_path):
    path = tmp_path / "Subject1/a14t1.mat"
    path.parent.mkdir()
    savemat(path, {"sensor_readings": np.hstack(tilting(600, 100.0)) * [1, 1, 1, 57.3, 57.3, 57.3]})
    notes = Notes()
    (run,) = usc_had.read(path, notes)
    assert run.labels == [("", 0, 600)] and "a14t1.mat: unknown label 14" in notes.lines()[1]


# --- weda_fall --------------------------------------------------------------------------------------------------------


def test_weda_fall_samples_are_those_of_the_sensor_not_of_the_bursts(tmp_path):
    WRITERS["weda_fall"](tmp_path / "raw")
    notes = convert_dataset(weda_fall, tmp_path / "raw", tmp_path / "out")
    watch = read_dataset(tmp_path / "out").streams["watch"]
    for activity, person, trial in WEDA_TRIALS:
        segments = [s for s in watch.segments if s.recording == f"{activity}_U{person:02d}_R{trial:02d}"]
        x = np.concatenate([watch.samples[s.start : s.stop] for s in segments])
        grid = segments[0].start_time_s + np.arange(len(x)) / 50
        burst, rate_hz = weda_burst(activity)
        # A burst waits for its last sample, and takes 2 ms a sample: that is how late a straight line lies.
        late_s = (burst - 1) / 2 * (1 / rate_hz + 0.002)
        for sensor, columns, scale, tolerance in (
            ("accel", slice(0, 3), GRAVITY, 0.03),
            ("gyro", slice(3, 6), 1, 0.15),
        ):
            taken, values = weda_times(activity, sensor), weda_signal(activity, sensor)
            expected = np.stack([np.interp(grid - late_s, taken, values[:, c]) for c in range(3)], axis=1) / scale
            np.testing.assert_allclose(x[:, columns], expected, atol=tolerance)
    assert "files whose time stamps of arrival are replaced by a constant rate fitted to them: 6" in notes


def test_weda_fall_labels_the_fall_and_nothing_around_it(tmp_path):
    WRITERS["weda_fall"](tmp_path / "raw")
    convert_dataset(weda_fall, tmp_path / "raw", tmp_path / "out")
    watch = read_dataset(tmp_path / "out").streams["watch"]
    labels = [(s.label, s.start_time_s, s.stop - s.start) for s in watch.segments if s.recording == "F05_U01_R02"]
    assert [label for label, _, _ in labels] == ["", "falling backward when trying to sit down", ""]
    begin, end = WEDA_FALL_S
    assert labels[1][1] == pytest.approx(begin, abs=0.02) and labels[1][2] / 50 == pytest.approx(end - begin, abs=0.02)
    assert {s.label for s in watch.segments if s.recording[0] == "D"} == {"walking", "clapping hands"}


def test_weda_fall_a_trial_without_gyroscope_and_a_pause(tmp_path):
    WRITERS["weda_fall"](tmp_path / "raw")
    trial = tmp_path / "raw/WEDA-FALL/dataset/50Hz/D01/U01_R01_accel.csv"
    lines = trial.read_text().splitlines()
    head, *rows = [line.split(",") for line in lines]
    later = [[f"{float(t) + (2.0 if i >= 300 else 0.0):.3f}", *xyz] for i, (t, *xyz) in enumerate(rows)]
    trial.write_text("".join(",".join(cells) + "\n" for cells in (head, *later)))
    runs = list(weda_fall.read(trial, Notes()))
    spans = [(run.start_time_s, run.start_time_s + len(run.samples) / 50) for run in runs]
    assert len(spans) == 2 and spans[1][0] - spans[0][1] == pytest.approx(2.0, abs=0.2)
    trial.with_name("U01_R01_gyro.csv").unlink()
    with pytest.raises(DatasetError, match=r"U01_R01_gyro\.csv is missing; fetch the dataset again"):
        list(weda_fall.read(trial, Notes()))


# --- wisdm_watch ------------------------------------------------------------------------------------------------------


def test_wisdm_watch_is_read_as_the_phone_is(tmp_path):
    WRITERS["wisdm_watch"](tmp_path / "raw")
    convert_dataset(converter("wisdm_watch"), tmp_path / "raw", tmp_path / "out")
    watch = read_dataset(tmp_path / "out").streams["watch"]
    assert watch.info.sampling_rate_hz == 20.0 and len(watch.segments) == 4
    for segment in watch.segments:
        number, letter = segment.recording.split("_")
        assert segment.label == {"A": "walking", "E": "standing"}[letter] and segment.subject == f"s{number}"
        first_ns, expected = np.inf, []
        tables = []
        for sensor in ("accel", "gyro"):
            text = (tmp_path / f"raw/raw/watch/{sensor}/data_{number}_{sensor}_watch.txt").read_text()
            rows = [line.rstrip(";").split(",") for line in text.splitlines()]
            table = np.array([[float(cell) for cell in row[2:]] for row in rows if row[1] == letter])
            first_ns = min(first_ns, table[:, 0].min())
            tables.append(table[np.argsort(table[:, 0], kind="stable")])
        x = watch.samples[segment.start : segment.stop]
        grid = first_ns + 1e9 * (segment.start_time_s + np.arange(len(x)) / 20)
        for table, scale in zip(tables, (GRAVITY, 1.0), strict=True):
            expected += [np.interp(grid, table[:, 0], table[:, 1 + c]) / scale for c in range(3)]
        np.testing.assert_allclose(x, np.stack(expected, axis=1), atol=5e-3)


# --- units, clocks, archives ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("factor", "likely"),
    [(9.80665, r"m/s\^2 taken for g"), (1 / 9.80665, r"g taken for m/s\^2"), (1000, "milli-g"), (0.2, "without grav")],
)
def test_gravity_tells_the_unit(factor, likely):
    acc, _ = tilting(500, 50.0)
    check_gravity(Path("a.csv"), acc)
    check_gravity(Path("a.csv"), np.full((3, 3), np.nan))
    with pytest.raises(DatasetError, match=rf"a.csv: the accelerometer reads .* expected about 1 g.*{likely}"):
        check_gravity(Path("a.csv"), factor * acc)


def test_turning_tells_degrees_from_radians():
    acc, rotation = tilting(1500, 50.0)
    check_turning(Path("a.csv"), acc, rotation, 50.0)
    check_turning(Path("a.csv"), acc[:100], 57.3 * rotation[:100], 50.0)  # too little to tell
    rng = np.random.default_rng(1)
    check_turning(Path("a.csv"), acc, rng.standard_normal((1500, 3)), 50.0)  # another movement tells nothing
    for factor, found in ((180 / np.pi, "in deg/s where rad/s"), (np.pi / 180, "in rad/s where deg/s")):
        with pytest.raises(DatasetError, match=f"a.csv: .* expected about once. Is the gyroscope {found}"):
            check_turning(Path("a.csv"), acc, factor * rotation, 50.0)


def test_a_steady_clock_goes_through_bursts_and_over_rows_that_are_left_out():
    number = np.delete(np.arange(500), [7, 8, 9, 300])
    true_s = 100.0 + number / 51.2
    arrival = true_s + 0.05 * np.random.default_rng(0).random(len(number))
    first_s, rate_hz = steady_clock(arrival, number, 0.1, Path("a.csv"), first_row=2)
    assert rate_hz == pytest.approx(51.2, rel=1e-3)
    assert arrival[0] + first_s == pytest.approx(100.025, abs=0.01)
    arrival[250] += 1.0
    with pytest.raises(DatasetError, match=r"a.csv, row 252: time stamp 0.9.. s from a constant rate of 51.2"):
        steady_clock(arrival, number, 0.1, Path("a.csv"), first_row=2)
    with pytest.raises(DatasetError, match="1 samples, all at one time"):
        steady_clock(arrival[:1], number[:1], 0.1, Path("a.csv"), first_row=2)


def test_files_of_archives_in_archives_are_read_by_their_paths(tmp_path):
    path = tmp_path / "a.zip"
    inner = zipped({"deep/c.csv": b"\xef\xbb\xbf1\r\n", "__MACOSX/c.csv": b"", "readMe": b"x"})
    path.write_bytes(zipped({"b.csv": b"2\n", "in.zip": inner, "folder/": b"", "._b.csv": b""}))
    found = archived_files(path)
    assert [str(p.relative_to(path)) for p in found] == ["b.csv", "in.zip/deep/c.csv", "in.zip/readMe"]
    assert [plain_text(p) for p in found] == [b"2\n", b"1\n", b"x"]
    with pytest.raises(DatasetError, match=r"a.zip/c.csv is missing; fetch .*a.zip again"):
        plain_text(path / "c.csv")
    for name in ("/etc/passwd", "../b.csv"):
        path.write_bytes(zipped({name: b""}))
        with pytest.raises(DatasetError, match="which leads out of it"):
            archived_files(path)
    path.write_bytes(zipped({"in.zip": inner[:-9]}))
    with pytest.raises(DatasetError, match=r"a.zip/in.zip: the archive is damaged"):
        archived_files(path)
