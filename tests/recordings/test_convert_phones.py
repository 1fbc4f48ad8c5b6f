"""Converters of MobiFall, SisFall, SelfBACK, PDIoT, WISDM (phone) and sp-sw-har: on the published layout in miniature,
and on original files where HAR_RAW_SAMPLES names a folder that has them."""

from pathlib import Path

import numpy as np
import pytest

from har.endurance.published import GRAVITY, WRITERS, pdiot_samples, sisfall_counts, write_lines, write_spsw_har
from har.recordings.convert import converter
from har.recordings.convert.common import Notes, convert_dataset
from har.recordings.format import DatasetError, read_dataset

NAMES = ("mobifall", "sisfall", "selfback", "pdiot", "wisdm_phone", "spsw_har")


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    """name -> (dataset, notes) of the miniature; made once, read only."""
    result = {}
    for name in NAMES:
        folder = tmp_path_factory.mktemp(name)
        WRITERS[name](folder / "raw")
        notes = convert_dataset(converter(name), folder / "raw", folder / "out" / name)
        result[name] = (read_dataset(folder / "out" / name), notes)
    return result


def segment(dataset, stream: str, recording: str, label: str):
    """The only segment of that recording and label, and the time (s) of each of its samples."""
    part = dataset.streams[stream]
    (found,) = [s for s in part.segments if (s.recording, s.label) == (recording, label)]
    times = found.start_time_s + np.arange(found.stop - found.start) / part.info.sampling_rate_hz
    return found, part.samples[found.start : found.stop], times


# --- values, labels, subjects, clocks ---------------------------------------------------------------------------------


def test_mobifall_merges_two_clocks_and_keeps_aliases_out(converted):
    dataset, notes = converted["mobifall"]
    found, x, t = segment(dataset, "phone", "WAL_2_1", "walking")
    assert found.subject == "s02"
    t = t - 0.1  # The gyroscope started 0.1 s before the accelerometer, which is time 0 of the fixture.
    assert t[0] == pytest.approx(0.6, abs=1e-6)
    np.testing.assert_allclose(x[:, 0], np.sin(np.pi * t) / GRAVITY, atol=1e-4)
    np.testing.assert_allclose(x[:, 2], 1.0, atol=1e-6)
    inner = slice(20, -20)
    np.testing.assert_allclose(x[inner, 3], np.sin(2 * np.pi * 3 * t[inner]), atol=0.02)
    np.testing.assert_allclose(x[inner, 5], 0.5, atol=1e-3)
    assert "single samples between two gaps left out: 6" in notes


def test_mobifall_labels_only_the_fall(converted):
    dataset, _ = converted["mobifall"]
    _, x, t = segment(dataset, "phone", "FOL_2_1", "falling forward")
    assert (t[0] - 0.1, t[-1] - 0.1) == pytest.approx((2.5, 7.49), abs=0.02)
    assert np.argmax(x[:, 2]) == 250
    labels = [s.label for s in dataset.streams["phone"].segments if s.recording == "FOL_2_1"]
    assert labels == ["", "falling forward", ""]


def test_sisfall_counts_to_units_and_folder_to_subject(converted):
    dataset, notes = converted["sisfall"]
    found, x, _ = segment(dataset, "waist", "D17_SA15_R01", "getting into and out of a car")
    assert found.subject == "SA15"
    counts = sisfall_counts(2)
    np.testing.assert_allclose(x[:, :3], counts[:, :3] / 256, atol=1e-6)
    np.testing.assert_allclose(x[:, 3:], counts[:, 3:6] * 4000 / 65536 * np.pi / 180, rtol=1e-6)
    found, x, t = segment(dataset, "waist", "F01_SA01_R02", "slipping and falling forward")
    assert (t[0], len(x)) == (5.0, 1000)
    assert x[500, 1] == pytest.approx(-3000 / 256)
    assert "SA02" not in dataset.subjects
    assert notes == ["trials left out because their samples are published twice, under different labels or people: 2"]


def test_selfback_streams_share_the_recordings_clock(converted):
    dataset, _ = converted["selfback"]
    assert dataset.subjects == ["s007", "s026"]
    for stream, start_s, last_s in (("wrist", 0.007, 599 / 102.5 + 0.007), ("thigh", 0.0, 599 / 97.1)):
        found, x, t = segment(dataset, stream, "026_walk_mod", "walking at a moderate pace")
        assert found.start_time_s == pytest.approx(start_s, abs=1e-5)
        np.testing.assert_allclose(x[:, 0], t / 8, atol=1e-5)
        assert 0 <= last_s - t[-1] < 0.011


def test_pdiot_units_streams_and_copies(converted):
    dataset, notes = converted["pdiot"]
    found, x, _ = segment(dataset, "chest", "s1_respeck_lyingBack_breathingNormal", "lying on the back")
    raw = pdiot_samples(1)
    assert (found.subject, len(x)) == ("s1", 100)
    np.testing.assert_allclose(x, np.hstack([raw[:, :3], raw[:, 3:] * np.pi / 180]), rtol=1e-6)
    pocket = [(s.subject, s.label) for s in dataset.streams["trouser_pocket"].segments]
    assert pocket == [("s1", "walking upstairs"), ("s2", "sitting")]
    assert notes == [
        "recordings left out because their samples are published twice, under different labels or people: 3",
        "recordings left out because they are labelled lying and move throughout: 1",
    ]


@pytest.mark.parametrize(("subject", "rate"), [("1600", 20), ("1601", 25), ("1608", 50)])
def test_wisdm_stream_follows_the_phones_rate(converted, subject, rate):
    dataset, notes = converted["wisdm_phone"]
    stream = f"phone_{rate}hz"
    assert {s.subject for s in dataset.streams[stream].segments} == {f"s{subject}"}
    for letter, label in (("A", "walking"), ("C", "walking on stairs")):
        _, x, t = segment(dataset, stream, f"{subject}_{letter}", label)
        assert t[0] == pytest.approx(0.1, abs=1 / rate)
        np.testing.assert_allclose(x[:, 0], 0.3 * np.sin(np.pi * t), atol=2e-3)
        np.testing.assert_allclose(x[:, 3], 0.3 * np.sin(np.pi * t), atol=2e-3)
        np.testing.assert_allclose(x[:, 2], 1.0, atol=1e-6)
    assert "activities whose slower gyroscope is interpolated to the accelerometer's rate: 2" in notes
    assert any("repeated time stamp" in line for line in notes)


def test_spsw_restores_the_clock_and_cleans_jitter(converted):
    dataset, notes = converted["spsw_har"]
    assert dataset.subjects == ["s01"]
    starts = {}
    for stream in ("phone", "watch"):
        part = dataset.streams[stream]
        assert [s.label for s in part.segments] == [
            "sitting", "standing up from a chair", "walking", "turning around", "sitting down on a chair", "sitting",
        ]  # fmt: skip
        starts[stream] = part.segments[0].start_time_s
        t = starts[stream] + np.arange(len(part.samples)) / 100
        # The fitted clock runs late by the mean delay of a burst, 1.5 samples: one constant for the whole recording.
        late = np.arange(0, 0.03, 0.001)[:, None]
        error = np.abs(part.samples[:, 0] - 0.3 * np.sin(np.pi * (t - late))).max(axis=1)
        assert error.min() < 2e-3
    assert starts["phone"] - starts["watch"] == pytest.approx(0.05, abs=2e-3)
    turning = dataset.streams["phone"].segments[3]
    # 101 samples (the jitter sample joins the turn) at 102.4 Hz.
    assert turning.stop - turning.start == pytest.approx(101 * 100 / 102.4, abs=1)
    assert "label stretches shorter than 10 samples given the neighbour's label: 2" in notes


# --- all six: repeatable, and loud about damage -----------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_converting_again_from_elsewhere_gives_identical_bytes(name, converted, convert_twice, tmp_path):
    WRITERS[name](tmp_path / "raw" / name)
    again = convert_twice(name, tmp_path / "raw")
    first = converted[name][0].folder
    assert {p.name: p.read_bytes() for p in first.iterdir()} == {p.name: p.read_bytes() for p in again.iterdir()}


@pytest.mark.parametrize("name", NAMES)
def test_a_row_that_the_files_end_cuts_is_left_out_and_counted(name, converted, tmp_path):
    WRITERS[name](tmp_path)
    path = tmp_path / FIRST_FILE[name][0]
    lines = path.read_text().splitlines()
    lines[-1] = lines[-1].rsplit(",", 2)[0]
    path.write_text("\n".join(lines))
    notes = convert_dataset(converter(name), tmp_path, tmp_path / "out" / name)
    assert "last rows of files that end within a line, which may be cut off, left out: 1" in notes
    cut = sum(len(s.samples) for s in read_dataset(tmp_path / "out" / name).streams.values())
    assert 0 <= sum(len(s.samples) for s in converted[name][0].streams.values()) - cut <= 2


@pytest.mark.parametrize("name", NAMES)
def test_phrases_are_the_labels_of_the_card(name, converted):
    module = converter(name)
    assert set(converted[name][0].labels) <= set(module.PHRASES.values())
    assert module.CARD.activities == len(module.PHRASES)
    assert all(phrase == phrase.lower().strip() for phrase in module.PHRASES.values())


FIRST_FILE = {
    "mobifall": ("sub2/ADL/WAL/WAL_acc_2_1.txt", 60),
    "sisfall": ("SA01/D01_SA01_R01.txt", 20),
    "selfback": ("raw/9_class/wrist50/walk_mod/026.csv", 20),
    "pdiot": ("updated_anonymized_dataset_2023/Thingy/s1/s1_thingy_ascending_breathingNormal.csv", 20),
    "wisdm_phone": ("raw/phone/accel/data_1600_accel_phone.txt", 20),
    "spsw_har": ("DATA/s01/s01_02_sp.csv", 20),
}


@pytest.mark.parametrize("name", NAMES)
def test_a_damaged_number_is_left_out_and_told_with_file_and_row(name, tmp_path):
    WRITERS[name](tmp_path)
    path, row = tmp_path / FIRST_FILE[name][0], FIRST_FILE[name][1]
    lines = path.read_text().splitlines()
    cells = lines[row - 1].split(",")
    cells[3] = "?"
    lines[row - 1] = ",".join(cells)
    write_lines(path, lines)
    notes = convert_dataset(converter(name), tmp_path, tmp_path / "out" / name)
    assert "damaged rows, left out: 1" in notes
    assert any(line.startswith(f"{FIRST_FILE[name][0]}, row {row}: ") and "'?'" in line for line in notes)
    assert read_dataset(tmp_path / "out" / name).notes == notes


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_file_is_an_error(name, tmp_path):
    WRITERS[name](tmp_path)
    path = tmp_path / FIRST_FILE[name][0]
    path.write_text("")
    with pytest.raises(DatasetError, match=path.name):
        convert_dataset(converter(name), tmp_path, tmp_path / "out" / name)


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_label_is_an_error(name, tmp_path):
    WRITERS[name](tmp_path)
    path = tmp_path / FIRST_FILE[name][0]
    if name in ("wisdm_phone", "spsw_har"):
        for other in path.parent.iterdir():
            text = other.read_text()
            other.write_text(text.replace(",A,", ",X,").replace("TURNING", "X"))
    elif name == "selfback":
        path.parent.rename(path.parent.with_name("X"))
    else:
        known = {"mobifall": "WAL", "sisfall": "D01", "pdiot": "ascending"}[name]
        for other in list(path.parent.glob(f"*{known}*")):
            other.rename(other.with_name(other.name.replace(known, "D99")))
    with pytest.raises(DatasetError, match="unknown label"):
        convert_dataset(converter(name), tmp_path, tmp_path / "out" / name)


@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_folder_is_an_error(name, tmp_path):
    (tmp_path / "raw").mkdir()
    with pytest.raises(DatasetError, match="no file matches"):
        convert_dataset(converter(name), tmp_path / "raw", tmp_path / "out" / name)


@pytest.mark.parametrize(
    ("name", "new", "expected"),
    [
        ("mobifall", "WAL_acc_two_1.txt", "a name like WAL_acc_2_1.txt"),
        ("pdiot", "s1_watch_ascending_breathingNormal.csv", "a name like s1_respeck_sitting_breathingNormal.csv"),
        ("wisdm_phone", "data_me_accel_phone.txt", "a name like data_1600_accel_phone.txt"),
    ],
)
def test_a_foreign_name_is_an_error(name, new, expected, tmp_path):
    WRITERS[name](tmp_path)
    path = tmp_path / FIRST_FILE[name][0]
    path.rename(path.with_name(new))
    with pytest.raises(DatasetError, match=rf"{new}: expected {expected}"):
        convert_dataset(converter(name), tmp_path, tmp_path / "out" / name)


@pytest.mark.parametrize(("name", "pattern"), [("mobifall", "WAL_gyro_*"), ("wisdm_phone", "data_1600_gyro*")])
def test_a_missing_gyroscope_file_is_an_error(name, pattern, tmp_path):
    WRITERS[name](tmp_path)
    next(tmp_path.rglob(pattern)).unlink()
    with pytest.raises(DatasetError, match=r"gyro.* is missing"):
        convert_dataset(converter(name), tmp_path, tmp_path / "out" / name)


def test_spsw_lost_samples_are_an_error(tmp_path):
    write_spsw_har(tmp_path)
    path = tmp_path / "DATA/s01/s01_02_sp.csv"
    lines = path.read_text().splitlines()
    write_lines(path, lines[:200] + lines[300:])
    with pytest.raises(DatasetError, match="samples were lost"):
        convert_dataset(converter("spsw_har"), tmp_path, tmp_path / "out")


# --- original files ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "people", "labels"),
    [
        ("mobifall", ["s10"], 8),
        ("sisfall", ["SA01", "SA15", "SE06"], 5),
        ("selfback", ["s026"], 4),
        ("pdiot", ["s1", "s2"], 12),
        ("spsw_har", ["s01", "s02"], 5),
    ],
)
def test_original_samples_convert(name, people, labels, original_files, tmp_path):
    convert_dataset(converter(name), original_files(name), tmp_path / name)
    dataset = read_dataset(tmp_path / name, scan=True)
    assert dataset.subjects == people
    assert len(dataset.labels) == labels


def test_original_first_rows_by_hand(original_files):
    """First lines of the original files, converted here with a pocket calculator's formulas."""
    root = original_files("")
    (run,) = converter("sisfall").read((root / "sisfall/SA01/D01_SA01_R01.txt", False), Notes())
    np.testing.assert_allclose(run.samples[0, :3], [17 / 256, -179 / 256, -99 / 256], rtol=1e-6)
    np.testing.assert_allclose(run.samples[0, 3], -18 * 0.06103515625 * 0.017453292519943295, rtol=1e-6)
    assert len(run.samples) == sum(1 for line in (root / "sisfall/SA01/D01_SA01_R01.txt").open() if line.strip())
    path = next((root / "pdiot").rglob("s1_respeck_ascending_*.csv"))
    (run,) = converter("pdiot").read((path, False), Notes())
    by_hand = [0.011962891, -0.8557739, -0.029846191, -9.625 / 57.29578, -0.859375 / 57.29578, -5.65625 / 57.29578]
    np.testing.assert_allclose(run.samples[0], by_hand, atol=1e-6)
    wrist, thigh = converter("selfback").read(
        [root / f"selfback/raw/9_class/{place}/walk_mod/026.csv" for place in ("wrist50", "thigh34")], Notes()
    )
    for run, place in ((wrist, "wrist50"), (thigh, "thigh34")):
        first = (root / f"selfback/raw/9_class/{place}/walk_mod/026.csv").read_text().splitlines()[1].split(",")
        np.testing.assert_allclose(run.samples[0], [float(v) for v in first[1:4]], atol=1e-6)
    runs = converter("wisdm_phone").read(root / "wisdm_phone/raw/phone/accel/data_1600_accel_phone.txt", Notes())
    assert [(r.stream, r.recording, r.labels[0][0]) for r in runs] == [
        ("phone_20hz", "1600_A", "walking"),
        ("phone_20hz", "1600_B", "jogging"),
        ("phone_20hz", "1600_C", "walking on stairs"),
        ("phone_20hz", "1600_M", "kicking a ball"),
    ]
    # The gyroscope starts 0.2519 s after the accelerometer: five whole periods of 50 ms are skipped and one begun.
    assert runs[0].start_time_s == pytest.approx(0.30)
    assert runs[0].samples[:, :3].mean(0) * GRAVITY == pytest.approx(_mean_of_letter(root, "A"), abs=0.05)


def _mean_of_letter(root: Path, letter: str) -> np.ndarray:
    lines = (root / "wisdm_phone/raw/phone/accel/data_1600_accel_phone.txt").read_text().split(";")
    cells = [line.strip().split(",") for line in lines if line.strip()]
    return np.mean([[float(v) for v in c[3:]] for c in cells if c[1] == letter], axis=0)
