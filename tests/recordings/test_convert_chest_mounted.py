"""chest_mounted: counts -> g with a zero level per person, labels by code."""

import numpy as np
import pytest

from har.endurance.published import CHEST_RATE_HZ, write_chest_counts, write_chest_postures
from har.recordings.convert import chest_mounted
from har.recordings.convert.common import Notes, convert_dataset
from har.recordings.format import DatasetError, read_dataset, rest_magnitude_g


def moving_where(moves: np.ndarray) -> np.ndarray:
    """1 g along y; three steps a second of 0.3 g where ``moves`` (rows,) is true."""
    steps = 0.3 * np.sin(2 * np.pi * 3 * np.arange(len(moves)) / CHEST_RATE_HZ)
    return np.stack([0 * steps, 1 + steps * moves, 0 * steps], axis=1)


def test_zero_level_is_found_per_file(tmp_path):
    truths = {
        n: write_chest_postures(tmp_path / "raw", n, zero, n)
        for n, zero in ((2, (0.0, 0.33, -0.05)), (10, (-0.1, -0.2, 0.0)))
    }
    notes = convert_dataset(chest_mounted, tmp_path / "raw", tmp_path / "chest_mounted")
    dataset = read_dataset(tmp_path / "chest_mounted")
    stream = dataset.streams["chest"]
    assert dataset.subjects == ["s02"]  # one person with two devices
    for recording, truth in (("file02", truths[2]), ("file10", truths[10])):
        rows = [s for s in stream.segments if s.recording == recording]
        samples = stream.samples[rows[0].start : rows[-1].stop]
        # One count is 0.003 g; the penalty on the bias costs up to a few hundredths.
        assert np.abs(samples - truth).max() < 0.03
        assert [(s.label, s.start - rows[0].start, s.stop - rows[0].start) for s in rows] == [
            ("working at a computer", 0, 312),
            ("standing", 312, 624),
            ("", 624, 936),
            ("walking", 936, 1248),
        ]
    assert notes == [
        "files of a person who has another file too, put under one subject: 1",
        "files whose zero level was moved by more than 0.1 g on an axis: 2",
        "samples of label 0 left unlabelled: 624",
    ]


def test_someone_who_is_never_still_keeps_the_nominal_zero():
    shaking = np.tile([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], (200, 1))
    assert chest_mounted.zero_level(shaking).tolist() == [0, 0, 0]
    assert chest_mounted.zero_level(shaking[:5]).tolist() == [0, 0, 0]


def test_the_zero_level_agrees_with_a_search():
    rng = np.random.default_rng(3)
    still = np.repeat(rng.normal((0.1, 1.2, 0.1), 0.1, (6, 3)), CHEST_RATE_HZ, axis=0)
    means = still[::CHEST_RATE_HZ]

    def cost(bias: np.ndarray) -> float:
        return float(((np.linalg.norm(means - bias, axis=1) - 1) ** 2).mean() + (0.1 * np.linalg.norm(bias)) ** 2)

    found = chest_mounted.zero_level(still)
    nearby = [cost(found + step) for step in 0.002 * rng.standard_normal((200, 3))]
    assert cost(found) <= min(nearby) + 1e-12
    assert cost(found) < cost(np.zeros(3))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "expected rows of sequence, x, y, z, label"),
        ("0,2048,2420,2048,1\n" * 60 + "0,2048,2420,2048,9\n" * 60, "1.csv, row 61: unknown label 9;"),
        ("0,2048,2420,2048,1\n0,2048,2420,2048,1.5\n", "1.csv, row 2: unknown label 1.5;"),
        ("0,2048,2420,2048\n" * 60, "4 columns"),
        ("0,2048,2420,2048,1\n" * 60 + "60,2048,2420\n", "1.csv, row 61: z is ''"),
        ("0,2048,2420,2048,1\n1,2048,5000,2048,1\n", "row 2"),
        ("0,2048,2420,hello,1\n", "row 1: z is 'hello'"),
    ],
)
def test_broken_files_are_named(tmp_path, text, expected):
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "1.csv").write_text(text)
    with pytest.raises(DatasetError, match=expected) as caught:
        convert_dataset(chest_mounted, tmp_path / "raw", tmp_path / "out")
    assert "1.csv" in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_copy_of_a_file_is_no_person_of_its_own(tmp_path):
    write_chest_postures(tmp_path / "raw", 1, (0.0, 0.0, 0.0))
    (tmp_path / "raw" / "1.csv").rename(tmp_path / "raw" / "1 (copy).csv")
    with pytest.raises(DatasetError, match=r"1 \(copy\).csv: expected a name like 7.csv"):
        convert_dataset(chest_mounted, tmp_path / "raw", tmp_path / "out")


def test_original_file(original_files, convert_twice):
    folder = original_files("chest_mounted")
    lines = (folder / "1.csv").read_text().split()
    stream = read_dataset(convert_twice("chest_mounted", folder)).streams["chest"]
    assert stream.samples.shape == (len(lines), 3)
    # Steps within the file do not depend on the zero level: first against second row, 372 counts a g.
    first, second = ([int(v) for v in line.split(",")[1:4]] for line in lines[:2])
    np.testing.assert_allclose(stream.samples[1] - stream.samples[0], (np.array(second) - first) / 372, atol=1e-6)
    lag = 6 * CHEST_RATE_HZ
    borders = [(s.label, s.start) for s in stream.segments]
    assert borders[:3] == [
        ("", 0),
        ("working at a computer", lag),
        ("standing up, walking and using stairs", lag + 33677),
    ]
    assert borders[3] == ("standing", lag + 33677 + 928)
    assert rest_magnitude_g(stream) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("lag_s", [0, 1, 30, 90])
def test_labels_that_come_too_early_are_moved(tmp_path, lag_s):
    truth = np.concatenate(
        [
            [code] * (seconds * CHEST_RATE_HZ)
            for code, seconds in ((1, 100), (3, 20), (4, 60), (3, 15), (5, 30), (7, 120))
        ]
    )
    acceleration = moving_where(np.isin(truth, (4, 5)))
    early = np.concatenate([truth[lag_s * CHEST_RATE_HZ :], np.zeros(lag_s * CHEST_RATE_HZ, dtype=int)])
    assert chest_mounted.label_lag_s(acceleration, early) == lag_s
    write_chest_counts(tmp_path / "raw", 9, acceleration, early)
    (run,) = chest_mounted.read(tmp_path / "raw" / "9.csv", Notes())
    labels = dict((label, (start, stop)) for label, start, stop in run.labels)
    assert labels["walking"] == (120 * CHEST_RATE_HZ, 180 * CHEST_RATE_HZ)
    assert labels["standing while talking"] == (225 * CHEST_RATE_HZ, 345 * CHEST_RATE_HZ)
    assert run.labels[0] == ("working at a computer", lag_s * CHEST_RATE_HZ, 100 * CHEST_RATE_HZ)


def test_without_movement_the_labels_stay():
    codes = np.repeat([1, 4, 3], 40 * CHEST_RATE_HZ)
    assert chest_mounted.label_lag_s(moving_where(np.zeros(len(codes), bool)), codes) == 0
    assert chest_mounted.label_lag_s(moving_where(np.ones(len(codes), bool)), np.full(len(codes), 4)) == 0


def test_walking_and_talking_without_walking_is_left_out(tmp_path):
    codes = np.repeat([3, 4, 6, 7], 30 * CHEST_RATE_HZ)
    write_chest_counts(tmp_path / "raw", 9, moving_where(codes == 4), codes)
    notes = Notes()
    (run,) = chest_mounted.read(tmp_path / "raw" / "9.csv", notes)
    assert [label for label, _, _ in run.labels] == ["standing", "walking"]
    assert any(line.startswith("files in which nobody moves while walking and talking") for line in notes.lines())
