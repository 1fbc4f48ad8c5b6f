"""smartfallmm: places worn together, clocks that run slow or are rounded, files that are not what their names say."""

import csv
from pathlib import Path

import numpy as np
import pytest

from har.endurance.published import smartfall_acc, smartfall_lines, write_lines, write_smartfallmm
from har.labels.groups import is_fall
from har.recordings.convert import smartfallmm
from har.recordings.convert.common import Notes, convert_dataset
from har.recordings.format import DatasetError, read_dataset


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("smartfallmm")
    write_smartfallmm(folder / "raw")
    notes = convert_dataset(smartfallmm, folder / "raw", folder / "out")
    return read_dataset(folder / "out"), notes


def segments(dataset, stream: str, recording: str) -> list:
    return [s for s in dataset.streams[stream].segments if s.recording == recording]


def times_of(dataset, stream: str, found) -> tuple[np.ndarray, np.ndarray]:
    part = dataset.streams[stream]
    rows = np.arange(found.stop - found.start)
    return part.samples[found.start : found.stop], found.start_time_s + rows / part.info.sampling_rate_hz


def test_wrist_and_hip_share_a_clock_and_the_slow_gyroscope_is_set_right(converted):
    dataset, notes = converted
    for stream, seed in (("wrist_gyro_25hz", 1), ("hip_gyro_25hz", 2)):
        (found,) = segments(dataset, stream, "S29A08T01")
        assert (found.label, found.subject, found.start_time_s) == ("walking", "S29", 0.0)
        x, t = times_of(dataset, stream, found)
        elapsed = 10 + t
        np.testing.assert_allclose(x[:, :3], smartfall_acc(elapsed, seed)[: len(x)], atol=1e-5)
        # Stamps of a clock that runs slow would put the sine at 0.645 of its rate, seconds away. The gyroscope's
        # session begins with the accelerometer's; filtering leaves the borders aside.
        np.testing.assert_allclose(x[5:-5, 3], np.deg2rad(30 * np.sin(np.pi * elapsed[5:-5])), atol=0.01)
        np.testing.assert_allclose(x[5:-5, 5], np.deg2rad(5), atol=0.002)
    assert "gyroscopes whose clock of 31 ms a row is set to 20 ms: 2" in notes


def test_a_fall_is_labelled_around_its_impact_and_is_known_as_one(converted):
    dataset, _ = converted
    found = segments(dataset, "wrist_gyro_50hz", "S43A12T02_wrist")
    assert [s.label for s in found] == ["", "falling to the left side", ""]
    assert (found[1].start_time_s, found[1].stop - found[1].start) == (2.5, 250)
    falls = {phrase for code, phrase in smartfallmm.PHRASES.items() if is_fall(phrase or "none")}
    assert falls == {smartfallmm.PHRASES[code] for code in smartfallmm.FALLS}


def test_a_rounded_epoch_gives_way_to_the_iso_time_and_a_header_is_none(converted):
    dataset, notes = converted
    (hip,) = segments(dataset, "hip_50hz", "S03A08T01")
    (wrist,) = segments(dataset, "wrist_50hz", "S03A08T01")
    assert (hip.label, hip.stop - hip.start) == ("doing a timed up and go test", 400)
    assert (hip.start_time_s, wrist.start_time_s) == (0.0, pytest.approx(0.5, abs=1e-3))
    assert not any("damaged" in line for line in notes)


def test_what_an_activity_without_a_name_and_devices_at_other_times_become(converted):
    dataset, notes = converted
    for stream, place in (("hip_50hz", "hip"), ("wrist_50hz", "wrist")):
        (found,) = segments(dataset, stream, f"S03A09T01_{place}")
        assert (found.label, found.start_time_s) == ("", 0.0)
    assert "trials whose wrist and hip were not on at one time by their clocks, two recordings each: 1" in notes
    assert any(line.startswith("trials of an activity that the publisher does not name") for line in notes)


def test_rows_that_another_trial_left_are_cut_off_and_keep_their_own(converted):
    dataset, notes = converted
    (whole,) = segments(dataset, "hip_50hz", "S14A01T01_hip")
    (cut,) = segments(dataset, "hip_50hz", "S14A02T01_hip")
    assert (whole.stop - whole.start, cut.stop - cut.start) == (400, 150)
    samples = dataset.streams["hip_50hz"].samples
    np.testing.assert_allclose(
        samples[cut.start : cut.stop], smartfall_acc(np.arange(10, 18, 0.02), 9)[:150], atol=1e-4
    )
    assert "rows that another trial left in the file of a shorter one, left out: 250" in notes


def test_what_is_no_trial_of_its_own_is_left_out_and_told(converted):
    dataset, notes = converted
    assert dataset.subjects == ["S03", "S14", "S22", "S29", "S43"]
    for sentence in (
        "accelerometer files left out because of readings beyond the range of 2 g: 1",
        "accelerometer files of fewer than 20 rows left out: 1",
        "files of S23 left out, who is S22 once more: 1",
        "trials of a sensor left out because their samples are published twice, both where labels differ: 2",
        "trials of a hip sensor that lies still while its wearer walks and falls, left out: 1",
    ):
        assert sentence in notes


@pytest.mark.parametrize("jump", ["back", "ahead", "epoch alone"])
def test_own_rows_end_where_a_clock_jumps(jump):
    elapsed = np.arange(0, 10, 0.02)
    epoch = 1.6592e12 + 7 + 1000 * elapsed
    assert smartfallmm._own_rows(epoch, elapsed) == 500
    moved_s, moved_ms = {"back": (-3, -3000), "ahead": (11, 11000), "epoch alone": (0, 3600e3)}[jump]
    elapsed[200:] += moved_s
    epoch[200:] += moved_ms
    assert smartfallmm._own_rows(epoch, elapsed) == 200
    rounded = np.full(500, 1.6592e12)
    assert smartfallmm._own_rows(rounded, elapsed) == (500 if jump == "epoch alone" else 200)


def test_another_rate_is_refused_by_name(tmp_path: Path):
    t = np.arange(0, 8, 0.1)
    path = tmp_path / "old/accelerometer/meta_hip/S03A01T01.csv"
    write_lines(path, smartfall_lines(t, smartfall_acc(t, 1)))
    with pytest.raises(DatasetError, match=r"S03A01T01.csv: sampled at 10.0 Hz; expected about 25 or 50 Hz"):
        list(smartfallmm.read([(path, False)], Notes()))


def test_original_files(original_files, convert_twice):
    """Against a naive reading: float of every cell, times from the elapsed column alone."""
    raw = original_files("smartfallmm")
    dataset = read_dataset(convert_twice("smartfallmm", raw))
    assert dataset.subjects == ["S01", "S02", "S03", "S04", "S29"]
    assert dataset.labels == ["doing a timed up and go test", "walking"]
    for stream, name, tolerance in (
        ("hip_50hz", "old/accelerometer/meta_hip/S01A08T01", 1e-4),
        ("wrist_50hz", "old/accelerometer/meta_wrist/S03A08T01", 1e-4),
        ("wrist_gyro_25hz", "young/accelerometer/meta_wrist/S29A08T01", 1e-3),
    ):
        with (raw / f"{name}.csv").open() as file:
            rows = [[float(cell) for cell in row[2:]] for row in csv.reader(file)]
        found = [s for s in dataset.streams[stream].segments if s.subject == name[-9:-6]]
        part = dataset.streams[stream]
        kept = sum(s.stop - s.start for s in found)
        # Lost rows are bridged, longer gaps are not, and a gyroscope may start later.
        span = (rows[-1][0] - rows[0][0]) * part.info.sampling_rate_hz
        assert 0.9 * span <= kept <= span + 1.001
        first = part.samples[found[0].start : found[0].start + 20, :3]
        table = np.array(rows)
        # Where in the file the run begins is what a gyroscope decides that starts later.
        at = min(range(60), key=lambda row: np.abs(table[row : row + 20, 1:] - first).max())
        np.testing.assert_allclose(first, table[at : at + 20, 1:], atol=0.05 if "gyro" in stream else tolerance)
        assert np.median(np.linalg.norm(part.samples[:, :3], axis=1)) == pytest.approx(1, abs=0.1)
