"""gesture_logs: counts to g by the board's own clock, a stream a rate, one's own gestures unlabelled."""

import csv

import numpy as np
import pytest

from har.endurance.published import gesture_counts, write_gesture_logs
from har.recordings.convert import gesture_logs
from har.recordings.convert.common import convert_dataset
from har.recordings.format import DatasetError, read_dataset, rest_magnitude_g


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gesture_logs")
    write_gesture_logs(folder / "raw")
    notes = convert_dataset(gesture_logs, folder / "raw", folder / "out")
    return read_dataset(folder / "out"), notes


def test_counts_are_g_on_the_clock_of_the_board(converted):
    dataset, _ = converted
    for stream, subject, step_s, seed in (("hand_91hz", "p01", 0.011, 1), ("hand_33hz", "p09", 0.03, 4)):
        part = dataset.streams[stream]
        (found,) = [s for s in part.segments if (s.subject, s.label) == (subject, "shaking an object in the hand")]
        samples = part.samples[found.start : found.stop]
        # The computer's clock, in bursts of 50 ms, would bend the sine by up to 0.15 g.
        truth = gesture_counts(np.arange(len(samples)) * step_s, seed) / 8192
        np.testing.assert_allclose(samples, truth, atol=1e-3)


def test_gestures_of_ones_own_and_a_logger_left_on_are_unlabelled_and_copies_left_out(converted):
    dataset, notes = converted
    assert dataset.labels == ["drawing a circle counter-clockwise in the air", "shaking an object in the hand"]
    assert dataset.subjects == ["p01", "p09", "p22"]
    unlabelled = {s.recording.split("_")[0] for p in dataset.streams.values() for s in p.segments if not s.label}
    assert unlabelled == {"Custom", "Star", "Forehand Tennis"}
    assert notes == [
        "recordings left out because their samples are published twice: 1",
        "recordings longer than 15 s, with a gesture somewhere, left unlabelled: 1",
        "recordings of a gesture of the person's own, left unlabelled: 2",
    ]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda t: np.where(np.arange(len(t)) < 90, t, t - 900), "row 92: the clock of the board starts anew"),
        (lambda t: 5 * t, "sampled at 18.2 Hz; expected about 91 or 33 Hz"),
    ],
)
def test_a_clock_that_tells_no_time_is_refused(tmp_path, damage, message):
    write_gesture_logs(tmp_path / "raw")
    (path,) = (tmp_path / "raw").rglob("p01/Shake*.csv")
    head, *lines = path.read_text().splitlines()
    rows = [line.split(", ") for line in lines]
    clock = damage(np.array([int(row[1]) for row in rows]))
    path.write_text(
        "\n".join([head, *(", ".join([r[0], str(t), *r[2:]]) for r, t in zip(rows, clock, strict=True))]) + "\n"
    )
    with pytest.raises(DatasetError, match=message):
        convert_dataset(gesture_logs, tmp_path / "raw", tmp_path / "out")


def test_a_gap_splits_a_gesture(tmp_path):
    write_gesture_logs(tmp_path / "raw")
    (path,) = (tmp_path / "raw").rglob("p01/Shake*.csv")
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:101] + lines[116:]))
    notes = convert_dataset(gesture_logs, tmp_path / "raw", tmp_path / "out")
    found = [
        s
        for s in read_dataset(tmp_path / "out").streams["hand_91hz"].segments
        if s.label == "shaking an object in the hand"
    ]
    assert "gaps longer than 0.1 s at which a recording is split: 1" in notes
    assert [s.start_time_s for s in found[:2]] == pytest.approx([0.0, 115 * 0.011], abs=1e-3)


def test_original_files(original_files, convert_twice):
    """Against a naive reading of every file: at these boards the grid of the stream is that of the samples."""
    raw = original_files("gesture_logs")
    dataset = read_dataset(convert_twice("gesture_logs", raw))
    part = dataset.streams["hand_91hz"]
    assert dataset.subjects == ["p01"]
    assert dataset.labels == [
        "holding still", "shaking an object in the hand", "swinging a tennis racket backhand",
        "swinging a tennis racket forehand",
    ]  # fmt: skip
    files = sorted(raw.rglob("*.csv"))
    assert len(part.segments) == len(files)
    for path in files:
        with path.open() as file:
            rows = [[float(cell) for cell in row] for row in list(csv.reader(file))[1:]]
        (found,) = [s for s in part.segments if s.recording == path.stem]
        table = np.array(rows)
        seconds = (table[:, 1] - table[0, 1]) / 1000
        at = np.arange(found.stop - found.start) * 0.011
        assert 0 <= seconds[-1] - at[-1] < 0.011 + 1e-9
        truth = np.stack([np.interp(at, seconds, table[:, 2 + axis] / 8192) for axis in range(3)], 1)
        np.testing.assert_allclose(part.samples[found.start : found.stop], truth, atol=1e-5)
    assert rest_magnitude_g(part) == pytest.approx(1, abs=0.1)
