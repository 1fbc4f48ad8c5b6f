"""mex: millisecond stamps to 100 Hz, exercises by file name."""

from datetime import datetime

import numpy as np
import pytest

from har.endurance.published import write_mex_file
from har.recordings.convert import mex
from har.recordings.convert.common import Notes, convert_dataset
from har.recordings.format import DatasetError, read_dataset, rest_magnitude_g


def test_resampled_by_stamps(tmp_path):
    for subject in ("01", "12"):
        write_mex_file(tmp_path / "raw", subject, "03")
    notes = convert_dataset(mex, tmp_path / "raw", tmp_path / "mex")
    dataset = read_dataset(tmp_path / "mex")
    stream = dataset.streams["thigh"]
    assert notes == [] and dataset.subjects == ["s01", "s12"]
    first = stream.segments[0]
    assert (first.label, first.recording) == ("tilting the pelvis while lying on the back", "s01_03_act_1")
    # 308 periods of 1/103 s are 2.990 s: 300 samples at 100 Hz.
    assert first.stop == 300
    truth = 0.02 * np.sin(2 * np.pi * 0.5 * np.arange(300) / 100)
    np.testing.assert_allclose(stream.samples[:300, 0], truth, atol=1e-4)
    assert rest_magnitude_g(stream) == pytest.approx(1, abs=0.01)


def test_a_gap_splits_the_recording(tmp_path):
    path = write_mex_file(tmp_path, "01", "07", gap_s=0.5)
    notes = Notes()
    runs = list(mex.read(path, notes))
    assert [run.start_time_s for run in runs] == pytest.approx([0, 154 / 103 + 0.5], abs=0.001)
    assert {run.recording for run in runs} == {"s01_07_act_1"}
    assert notes.lines() == ["gaps longer than 0.1 s at which a recording is split: 1"]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("01_act_1.csv", "", "expected rows of timestamp, x, y, z"),
        ("08_act_1.csv", "2018-11-08 11:34:51.474000,0,0,1\n", "unknown label '08'"),
        ("01_act_1.csv", "2018-11-08 11:34:51.474000,0,0\n", "3 columns"),
        ("01_act_1.csv", "2018-11-08 11:34:51.474000,0,0,1\nyesterday,0,0,1\n", "row 2: timestamp is 'yesterday'"),
        ("01_act_1.csv", "2018-11-08 11:34:51.474000,0,zero,1\n", "row 1: y is 'zero'"),
    ],
)
def test_broken_files_are_named(tmp_path, name, text, expected):
    path = tmp_path / "act" / "01" / name
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(DatasetError, match=expected) as caught:
        convert_dataset(mex, tmp_path, tmp_path / "out")
    assert str(path) in str(caught.value)


def test_original_files(original_files, convert_twice):
    dataset = read_dataset(convert_twice("mex", original_files("mex")))
    stream = dataset.streams["thigh"]
    assert dataset.subjects == ["s01", "s02"]
    assert dataset.labels == ["rolling the knees from side to side while lying on the back"]
    lines = (original_files("mex") / "act" / "01" / "01_act_1.csv").read_text().split("\n")
    lines = [line.split(",") for line in lines if line]
    np.testing.assert_allclose(stream.samples[0], [float(v) for v in lines[0][1:]], atol=1e-6)
    seconds = (datetime.fromisoformat(lines[-1][0]) - datetime.fromisoformat(lines[0][0])).total_seconds()
    assert stream.segments[0].stop == int(seconds * 100 + 1e-6) + 1
    assert rest_magnitude_g(stream) == pytest.approx(1, abs=0.08)
