"""forth_trace: units, labels, and the clock behind rounded, wrapped stamps."""

import numpy as np
import pytest

from har.endurance.published import FORTH_RATE_HZ, five_digits, write_forth_file
from har.recordings.convert import forth_trace
from har.recordings.convert.common import Notes, convert_dataset
from har.recordings.format import DatasetError, read_dataset, rest_magnitude_g


def test_units_labels_and_streams(tmp_path):
    ticks, codes = np.arange(400), np.repeat([1, 8, 2, 16], 100)
    write_forth_file(tmp_path / "raw", 1, 2, ticks, codes)
    write_forth_file(tmp_path / "raw", 1, 3, ticks, codes, start_ms=3000)
    convert_dataset(forth_trace, tmp_path / "raw", tmp_path / "forth_trace")
    dataset = read_dataset(tmp_path / "forth_trace")
    assert list(dataset.streams) == ["right_wrist", "torso"] and dataset.subjects == ["s01"]
    assert any("left_wrist, right_thigh, left_ankle" in note for note in dataset.notes)
    for name, start in (("right_wrist", 1.0), ("torso", 3.0)):
        stream = dataset.streams[name]
        assert len(stream.samples) == 400
        assert stream.samples[0, 1] == pytest.approx((9.80665 + 0.5 * np.sin(np.pi * start)) / 9.80665, abs=1e-4)
        np.testing.assert_allclose(stream.samples[:, 3:], np.tile([np.pi, 0, -np.pi / 2], (400, 1)), atol=1e-5)
        assert [(s.label, s.start, s.stop) for s in stream.segments] == [
            ("standing", 0, 100),
            ("sitting down on a chair", 100, 200),
            ("sitting", 200, 300),
            ("leaving the stairs and walking on", 300, 400),
        ]
        assert stream.segments[0].recording == f"s01_{name}"
        assert stream.segments[0].start_time_s == pytest.approx(start, abs=0.02)


@pytest.mark.parametrize(("start_s", "tolerance_s"), [(1.0, 0.0005), (200.0, 0.006), (990.0, 0.051)])
def test_lost_samples_and_rounded_stamps_give_the_true_times(start_s, tolerance_s):
    rng = np.random.default_rng(0)
    ticks = np.flatnonzero(rng.random(1500) > 0.1)
    ticks = ticks[np.concatenate([[True], np.diff(ticks) <= 3])]
    truth = start_s + ticks / FORTH_RATE_HZ
    stamps = np.array([float(five_digits(1000 * t)) for t in truth])
    time_s, keep = forth_trace.sample_times(stamps, Notes())
    assert keep.all()
    assert np.abs(time_s - truth).max() < tolerance_s
    assert (np.diff(time_s) > 0).all()


def test_a_wrap_that_was_none_is_undone():
    ticks = np.arange(600)
    truth = 1000 * (20 + ticks / FORTH_RATE_HZ)
    stamps = truth.copy()
    stamps[300] = truth[298] + 2000  # ran back by two periods, so 2 s were added, there and ever after
    stamps[301:] += 2000
    stamps = np.array([float(five_digits(t)) for t in stamps])
    notes = Notes()
    time_s, keep = forth_trace.sample_times(stamps, notes)
    assert np.flatnonzero(~keep).tolist() == [300] and np.isnan(time_s[300])
    np.testing.assert_allclose(time_s[keep], truth[keep] / 1000, atol=0.001)
    assert any("2 s wrap" in line and line.endswith(": 1") for line in notes.lines())


def test_a_real_gap_splits(tmp_path):
    ticks = np.concatenate([np.arange(200), np.arange(250, 400)])
    path = write_forth_file(tmp_path, 7, 2, ticks, np.full(350, 4))
    notes = Notes()
    runs = list(forth_trace.read(path, notes))
    assert [len(run.samples) for run in runs] == [200, 150]
    assert [run.start_time_s for run in runs] == pytest.approx([1.0, 1.0 + 250 / FORTH_RATE_HZ], abs=0.001)
    # The sine written at the true times is what comes out at the reconstructed ones.
    for run in runs:
        grid = run.start_time_s + np.arange(len(run.samples)) / FORTH_RATE_HZ
        np.testing.assert_allclose(run.samples[:, 1] * 9.80665 - 9.80665, 0.5 * np.sin(np.pi * grid), atol=0.003)


def test_broken_files_are_named(tmp_path):
    good = write_forth_file(tmp_path, 1, 2, np.arange(60), np.full(60, 1)).read_text()
    path = tmp_path / "part1" / "part1dev2.csv"
    for text, expected in (
        ("", "expected rows of device, acc_x"),
        (good.replace(",1\n", ",17\n"), "row 1: unknown label 17"),
        (good.replace(",1\n", ",\n", 1), "row 1: label is ''"),
        (good.replace("\n2,", "\n3,", 1), "row 2: .*; expected device 2, as the file name says"),
        (good.replace(",1\n", "\n"), "11 columns"),
    ):
        path.write_text(text)
        with pytest.raises(DatasetError, match=expected) as caught:
            convert_dataset(forth_trace, tmp_path, tmp_path / "out")
        assert "part1dev2.csv" in str(caught.value)


def test_original_file(original_files):
    (source,) = forth_trace.sources(original_files("forth_trace"))
    rows = [[float(v) for v in line.split(",")] for line in source.read_text().split()]
    notes = Notes()
    runs = list(forth_trace.read(source, notes))
    assert {run.stream for run in runs} == {"right_wrist"} and {run.subject for run in runs} == {"s08"}
    np.testing.assert_allclose(runs[0].samples[0, :3], np.array(rows[0][1:4]) / 9.80665, atol=1e-5)
    np.testing.assert_allclose(runs[0].samples[0, 3:], np.array(rows[0][4:7]) * np.pi / 180, atol=1e-5)
    assert runs[0].start_time_s == pytest.approx(rows[0][10] / 1000, abs=0.001)
    assert runs[0].labels[0][0] == "standing"
    # The clock's one false wrap of 2 s aside, the runs last as long as the stamps say.
    end = runs[-1].start_time_s + (len(runs[-1].samples) - 1) / FORTH_RATE_HZ
    assert end == pytest.approx(rows[-1][10] / 1000 - 2, abs=0.12)
    still = np.concatenate([run.samples for run in runs])[:800, :3]
    assert np.linalg.norm(still, axis=1).mean() == pytest.approx(1, abs=0.05)


def test_converting_twice_gives_identical_bytes(tmp_path, convert_twice):
    for device in (2, 3):
        write_forth_file(tmp_path / "raw", 3, device, np.arange(150), np.full(150, 3))
    dataset = read_dataset(convert_twice("forth_trace", tmp_path / "raw"))
    assert rest_magnitude_g(dataset.streams["torso"]) == pytest.approx(1, abs=0.06)
