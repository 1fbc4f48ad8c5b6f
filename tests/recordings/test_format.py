"""Dataset folders: what is written is read back, whole or not at all, and each defect has file, row, remedy."""

import csv
import json
import os
import re
import shutil
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from har.recordings.format import (
    CSV_COLUMNS,
    STANDARD_GRAVITY,
    DatasetError,
    DatasetWriter,
    Segment,
    Stream,
    StreamInfo,
    prepared_datasets,
    read_dataset,
    rest_magnitude_g,
    segments_of,
)
from har.recordings.segments import Segments, read_segments

ACC = ("acc_x", "acc_y", "acc_z")
GYRO = ("gyro_x", "gyro_y", "gyro_z")
HEADER = {"title": "A title", "citation": "Somebody 2020", "licence": "CC BY 4.0", "source_url": "https://example.org"}


def info(name: str = "wrist", channels: tuple[str, ...] = ACC, rate: float = 50.0, **more: object) -> StreamInfo:
    return StreamInfo(name, "tag", "right wrist", channels, rate, **more)


def still(rows: int, width: int = 3, seed: int = 0) -> np.ndarray:
    """Noise of 5 mg around 1 g along y."""
    samples = 0.005 * np.random.default_rng(seed).standard_normal((rows, width))
    samples[:, 1] += 1.0
    return samples


def write(folder: Path, samples: np.ndarray | None = None, gravity: str = "present") -> Path:
    """A dataset of two streams worn together by two people."""
    samples = still(300, 3) if samples is None else samples
    with DatasetWriter(folder, **HEADER) as writer:
        writer.add_stream(info(gravity=gravity))
        writer.add_stream(info("thigh", ACC + GYRO, 25.0, accelerometer_range_g=8.0))
        labels = [("walking", 10, 100), ("sitting", 100, 250)]
        writer.append("wrist", recording="r1", subject="s1", samples=samples, labels=labels, start_time_s=0.5)
        writer.append("wrist", recording="r2", subject="s2", samples=samples, labels=[("walking", 0, 300)])
        writer.append("thigh", recording="r1", subject="s1", samples=still(150, 6), labels=[("walking", 0, 50)])
        writer.note("rows left out: 3")
    return folder


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


# --- writing and reading ----------------------------------------------------------------------------------------------


def test_what_is_written_is_read_back(tmp_path):
    dataset = read_dataset(write(tmp_path / "mine"))
    assert (dataset.name, dataset.title, dataset.citation) == ("mine", "A title", "Somebody 2020")
    assert (dataset.licence, dataset.source_url, dataset.notes) == (*list(HEADER.values())[2:], ["rows left out: 3"])
    assert dataset.labels == ["sitting", "walking"] and dataset.subjects == ["s1", "s2"]
    assert dataset.streams["wrist"].info == info()
    assert dataset.streams["thigh"].info == info("thigh", ACC + GYRO, 25.0, accelerometer_range_g=8.0)
    assert dataset.streams["thigh"].info.units == {"acc": "g", "gyro": "rad/s"}
    stream = dataset.streams["wrist"]
    np.testing.assert_array_equal(stream.samples, np.tile(still(300), (2, 1)).astype(np.float32))
    assert stream.segments == [
        Segment("r1", "s1", "", 0, 10, 0.5),
        Segment("r1", "s1", "walking", 10, 100, 0.7),
        Segment("r1", "s1", "sitting", 100, 250, 2.5),
        Segment("r1", "s1", "", 250, 300, 5.5),
        Segment("r2", "s2", "walking", 300, 600, 0.0),
    ]


def test_samples_are_mapped_and_read_only(tmp_path):
    samples = read_dataset(write(tmp_path / "mine")).streams["wrist"].samples
    assert isinstance(samples, np.memmap) and samples.dtype == np.float32
    with pytest.raises(ValueError, match="read-only"):
        samples[0, 0] = 1.0


def test_writing_twice_gives_identical_bytes(tmp_path):
    first = bytes_of(write(tmp_path / "a" / "mine"))
    assert first == bytes_of(write(tmp_path / "b" / "mine"))
    assert first == bytes_of(write(tmp_path / "a" / "mine"))
    assert set(first) == {"dataset.json", "wrist.npy", "wrist.csv", "thigh.npy", "thigh.csv"}


def test_phrases_with_commas_quotes_and_accents_survive(tmp_path):
    phrases = ["walking, slowly", 'saying "hello"', "marcher à pied"]
    with DatasetWriter(tmp_path / "mine", **HEADER) as writer:
        writer.add_stream(info())
        labels = [(phrase, 10 * i, 10 * i + 10) for i, phrase in enumerate(phrases)]
        writer.append("wrist", recording="r", subject="s", samples=still(30), labels=labels)
    assert [s.label for s in read_dataset(tmp_path / "mine").streams["wrist"].segments] == phrases


def test_prepared_datasets(tmp_path):
    assert prepared_datasets(tmp_path / "nowhere") == []
    write(tmp_path / "b")
    write(tmp_path / "a")
    (tmp_path / "no_dataset").mkdir()
    (tmp_path / ".a.partial-xyz").mkdir()
    (tmp_path / ".a.partial-xyz" / "dataset.json").touch()
    assert prepared_datasets(tmp_path) == ["a", "b"]


# --- whole or not at all ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", ["between", "append", "finish"])
def test_a_failing_writer_leaves_the_old_folder_and_no_litter(tmp_path, stage):
    folder = write(tmp_path / "mine")
    before = bytes_of(tmp_path)

    def fail() -> None:
        with DatasetWriter(folder, **HEADER) as writer:
            writer.add_stream(info())
            if stage == "finish":  # still windows of 9.8 g are found when all is written
                writer.append("wrist", recording="r", subject="s", samples=9.80665 * still(200), labels=[])
                return
            writer.append("wrist", recording="r", subject="s", samples=still(60), labels=[])
            if stage == "between":
                raise DatasetError("the raw file is broken")
            writer.append("wrist", recording="r", subject="s", samples=np.full((5, 3), np.nan), labels=[])

    with pytest.raises(DatasetError):
        fail()
    assert bytes_of(tmp_path) == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mine"]


def test_a_new_dataset_replaces_the_whole_old_folder(tmp_path):
    folder = write(tmp_path / "mine")
    with DatasetWriter(folder, **HEADER) as writer:
        writer.add_stream(info("ankle"))
        writer.append("ankle", recording="r", subject="s", samples=still(60), labels=[])
    assert set(bytes_of(tmp_path)) == {f"mine/{name}" for name in ("dataset.json", "ankle.npy", "ankle.csv")}


@pytest.mark.parametrize(
    ("samples", "labels", "expected"),
    [
        (still(60, 6), [], r"shape \(60, 6\); expected \(n, 3\)"),
        (still(60)[:, 0], [], r"shape \(60,\)"),
        (np.where(np.arange(60)[:, None] == 7, np.inf, still(60)), [], "sample 7 is not finite; split"),
        (still(60), [("a", 0, 61)], "rows 0:61; expected whole numbers within 0:60"),
        (still(60), [("a", 0, 30), ("b", 20, 40)], "'b' covers rows 20:40; expected whole numbers within 30:60"),
        (still(60), [("a", 30, 20)], "rows 30:20"),
        (still(60), [("a", -1, 20)], "rows -1:20"),
        (still(60), [("a", 0.5, 20)], r"labels hold \('a', 0.5, 20\); expected \(label, start, stop\) with whole"),
        (still(60), [("a", None, 20)], "labels hold .*None, 20"),
        (still(60), [("a", 0, float("nan"))], "labels hold .*nan"),
        (still(60), ["walking"] * 60, "labels hold 'walking'; .*segments_of"),
        (still(60), None, "labels are 'None' of type NoneType; expected a list"),
        (still(60), {"walking": (0, 60)}, "of type dict; expected a list"),
        (still(60).astype(str), [], "expected numbers"),
        (pd.DataFrame(still(60), columns=["x", "y", "z"]), [], "columns x, y, z; expected acc_x, acc_y, acc_z"),
        (still(60), [(3, 0, 20)], "must be a string, found int 3"),
        (still(60), [("--", 0, 20)], "must hold a letter"),
        (np.ma.masked_where(np.arange(180).reshape(60, 3) == 22, still(60)), [], "sample 7 is not finite"),
    ],
)
def test_append_refuses(tmp_path, samples, labels, expected):
    with (
        pytest.raises(DatasetError, match=expected) as caught,
        DatasetWriter(tmp_path / "mine", **HEADER) as writer,
    ):
        writer.add_stream(info())
        writer.append("wrist", recording="trial 3", subject="s", samples=samples, labels=labels)
    assert "mine/wrist, recording 'trial 3'" in str(caught.value)


@pytest.mark.parametrize("name", ["subject", "recording"])
@pytest.mark.parametrize("value", [None, float("nan"), "", "  ", "nan", "None", pd.NA, pd.NaT, np.ma.masked, b"s", 0.5])
def test_a_person_or_recording_without_a_name_is_refused(tmp_path, name, value):
    names = {"recording": "r", "subject": "s"} | {name: value}
    with pytest.raises(DatasetError, match=f"{name} is "), DatasetWriter(tmp_path / "mine", **HEADER) as writer:
        writer.add_stream(info())
        writer.append("wrist", samples=still(60), labels=[], **names)


def test_numbers_of_people_and_rows_may_be_of_any_kind(tmp_path):
    with DatasetWriter(tmp_path / "mine", **HEADER) as writer:
        writer.add_stream(info(rate=np.float32(50)))
        labels = [("walking", np.int64(0), 20.0)]
        writer.append("wrist", recording=1, subject=np.int64(7), samples=still(60).tolist(), labels=labels)
    (first, _) = read_dataset(tmp_path / "mine").streams["wrist"].segments
    assert first == Segment("1", "7", "walking", 0, 20, 0.0)


def test_a_stream_without_samples_is_left_out_and_said(tmp_path):
    with DatasetWriter(tmp_path / "mine", **HEADER) as writer:
        writer.add_stream(info())
        writer.add_stream(info("ankle"))
        writer.append("wrist", recording="r", subject="s", samples=still(60), labels=[])
    dataset = read_dataset(tmp_path / "mine")
    assert list(dataset.streams) == ["wrist"] and len(dataset.notes) == 1 and dataset.notes[0].endswith(": ankle")
    assert set(bytes_of(tmp_path / "mine")) == {"dataset.json", "wrist.npy", "wrist.csv"}


def test_no_samples_at_all_or_a_stream_added_twice_is_refused(tmp_path):
    with (
        pytest.raises(DatasetError, match="no stream received samples"),
        DatasetWriter(tmp_path / "a", **HEADER) as writer,
    ):
        writer.add_stream(info())
    with pytest.raises(DatasetError, match="'wrist' is added twice"), DatasetWriter(tmp_path / "a", **HEADER) as writer:
        writer.add_stream(info())
        writer.add_stream(info())


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"name": "Right Wrist"}, "stream name 'Right Wrist'"),
        ({"placement": " "}, "has no placement"),
        ({"sampling_rate_hz": 0.0}, "sampling_rate_hz is 0.0; expected at least 1 Hz"),
        ({"sampling_rate_hz": float("nan")}, "sampling_rate_hz is nan; expected at least 1 Hz"),
        ({"sampling_rate_hz": 0.02}, r"not a period in seconds.*: a period of 0.02 s is 50 Hz"),
        ({"sampling_rate_hz": 1e6}, "at most 20,000 Hz"),
        ({"sampling_rate_hz": "50"}, "sampling_rate_hz is '50' of type str; expected a number"),
        ({"channels": ("acc_x", "acc_y")}, "a sensor is a triad"),
        ({"channels": ("acc_x", "acc_y", "acc_y")}, "expected distinct names"),
        ({"channels": ("x", "y", "z")}, "expected distinct names"),
        ({"channels": ()}, "expected distinct names"),
        ({"gravity": "maybe"}, "expected present or removed"),
    ],
)
def test_a_stream_that_no_reader_could_use_is_refused(fields, expected):
    whole = {"name": "wrist", "device": "tag", "placement": "wrist", "channels": ACC, "sampling_rate_hz": 50.0}
    with pytest.raises(DatasetError, match=expected) as caught:
        StreamInfo(**{**whole, **fields}).check("here")
    assert str(caught.value).startswith("here: ")


# --- defects in a folder ----------------------------------------------------------------------------------------------


def edit_json(change: Callable[[dict], object]) -> Callable[[Path], object]:
    def damage(folder: Path) -> None:
        header = json.loads((folder / "dataset.json").read_text())
        change(header)
        (folder / "dataset.json").write_text(json.dumps(header))

    return damage


# On purpose: the folder no longer says what was written into it.
by_hand = edit_json(lambda header: header.pop("checksums"))


def edit_row(number: int, **cells: object) -> Callable[[Path], object]:
    """Change cells of row ``number`` of wrist.csv, counted as an editor counts: the header is row 1."""

    def damage(folder: Path) -> None:
        rows = list(csv.reader((folder / "wrist.csv").open(newline="")))
        for column, value in cells.items():
            rows[number - 1][CSV_COLUMNS.index(column)] = str(value)
        with (folder / "wrist.csv").open("w", newline="") as file:
            csv.writer(file).writerows(rows)

    return damage


def edit_samples(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Path], object]:
    return lambda folder: np.save(folder / "wrist.npy", change(np.load(folder / "wrist.npy")))


def with_spike(samples: np.ndarray) -> np.ndarray:
    samples[417, 1] = -300.0
    return samples


def with_nan(samples: np.ndarray) -> np.ndarray:
    samples[417, 2] = np.nan
    return samples


def cut(name: str, length: int) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:length])


DEFECTS = {
    "no header": (lambda f: (f / "dataset.json").unlink(), "dataset.json is missing", "prepare_data.py convert"),
    "torn header": (cut("dataset.json", 120), "dataset.json, line ", "convert the dataset again"),
    "header without licence": (edit_json(lambda h: h.pop("licence")), r"dataset.json: no \['licence'\]", "data_format"),
    "other version": (edit_json(lambda h: h.update(format_version=2)), "format_version 2; this code reads 1", "again"),
    "no streams": (edit_json(lambda h: h.update(streams=[])), "no streams", "at least one"),
    "no placement": (edit_json(lambda h: h["streams"][0].pop("placement")), r"'wrist': no \['placement'\]", "docs"),
    "no units": (edit_json(lambda h: h["streams"][0].pop("units")), r"'wrist': no \['units'\]", "docs"),
    "unknown unit": (
        edit_json(lambda h: h["streams"][0]["units"].update(acc="m/s^2")),
        r"dataset.json: stream 'wrist' has unit 'm/s\^2' for acc; expected 'g'",
        "convert the samples once",
    ),
    "missing unit": (
        edit_json(lambda h: h["streams"][1]["units"].pop("gyro")),
        "unit None for gyro; expected 'rad/s'",
        "",
    ),
    "no samples file": (lambda f: (f / "wrist.npy").unlink(), "wrist.npy is missing", "convert the dataset again"),
    "no segments file": (lambda f: (f / "wrist.csv").unlink(), "wrist.csv is missing", "convert the dataset again"),
    "torn samples": (cut("wrist.npy", 500), "wrist.npy: not a readable .npy", "convert the dataset again"),
    "empty samples file": (cut("wrist.npy", 0), "wrist.npy: not a readable .npy", "convert the dataset again"),
    "too many channels": (
        edit_samples(lambda x: np.hstack([x, x])),
        r"wrist.npy: float32 of shape \(600, 6\)",
        "acc_x",
    ),
    "one dimension": (edit_samples(lambda x: x[:, 0]), r"wrist.npy: float32 of shape \(600,\)", "expected float32"),
    "double precision": (edit_samples(lambda x: x.astype(np.float64)), "wrist.npy: float64", "expected float32"),
    "too short": (
        edit_samples(lambda x: x[:599]),
        "wrist.csv, row 6: segment 300:600 .* outside the array of 599",
        "again",
    ),
    "wrong columns": (edit_row(1, label="activity"), "wrist.csv, row 1: columns .*'activity'", "start_time_s"),
    "empty csv": (cut("wrist.csv", 0), r"wrist.csv, row 1: columns \[\]", "expected"),
    "only the header": (
        cut("wrist.csv", len(",".join(CSV_COLUMNS)) + 1),
        "wrist.csv: no segments",
        "convert the dataset again",
    ),
    "a cell too few": (
        lambda f: (f / "wrist.csv").write_text((f / "wrist.csv").read_text().replace("r1,s1,sitting,", "r1,sitting,")),
        "wrist.csv, row 4",
        "expected recording, subject",
    ),
    "words for numbers": (edit_row(3, start="ten"), "wrist.csv, row 3", "expected recording, subject"),
    "no subject": (edit_row(5, subject=""), "wrist.csv, row 5: no subject", "splits by subject"),
    "outside": (
        edit_row(6, stop=601),
        "wrist.csv, row 6: segment 300:601 .* outside the array of 600",
        "convert again",
    ),
    "negative": (edit_row(2, start=-5), "wrist.csv, row 2: segment -5:10", "correct the row"),
    "empty segment": (edit_row(4, stop=100), "wrist.csv, row 4: segment 100:100 is empty", "correct the row"),
    "overlapping": (
        edit_row(4, start=99),
        "wrist.csv, row 4: segment 99:250 overlaps .* ends at 100",
        "share no sample",
    ),
    "not finite": (edit_samples(with_nan), "wrist.npy, row 417: a sample is not finite", "split the segment there"),
    "a spike": (
        edit_samples(with_spike),
        r"wrist.npy: .* -300 of the accelerometer .*row 417: 300 g is beyond the device's range",
        "lost samples",
    ),
    "metres": (
        edit_samples(lambda x: x * np.float32(9.80665)),
        r"wrist.npy: the accelerometer of right wrist has a median magnitude of 9.8\d",
        "Divide m/s^2 by 9.80665",
    ),
    "no gravity": (
        edit_samples(lambda x: x - np.float32([0, 0.99, 0])),
        "wrist.npy: still windows read 0.0",
        "gravity: removed",
    ),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_is_named_with_its_remedy(tmp_path, name):
    damage, expected, remedy = DEFECTS[name]
    folder = write(tmp_path / "mine")
    damage(folder)
    with pytest.raises(DatasetError, match=expected) as caught:
        read_dataset(folder)
    assert remedy in str(caught.value)
    assert str(folder) in str(caught.value)


# --- reading the samples through once ---------------------------------------------------------------------------------


def test_samples_are_read_through_once_until_a_file_changes(tmp_path):
    folder = write(tmp_path / "mine")
    read_dataset(folder)
    stamp = tmp_path / ".checked" / "mine.json"
    assert set(json.loads(stamp.read_text())["files"]) == {p.name for p in folder.iterdir()}
    # The same size and time: only a forced scan can find the change.
    before = (folder / "wrist.npy").stat()
    edit_samples(with_nan)(folder)
    os.utime(folder / "wrist.npy", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert len(read_dataset(folder).streams) == 2
    with pytest.raises(DatasetError, match="row 417"):
        read_dataset(folder, scan=True)
    # Another time: the stamp no longer fits.
    os.utime(folder / "wrist.npy", ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    with pytest.raises(DatasetError, match="row 417"):
        read_dataset(folder)
    assert len(read_dataset(folder, scan=False).streams) == 2


def test_segments_are_parsed_once_until_a_file_changes(tmp_path, monkeypatch):
    folder, parsed = write(tmp_path / "mine"), []

    def counted(path: Path, length: int) -> Segments:
        parsed.append(path.stem)
        return read_segments(path, length)

    monkeypatch.setattr("har.recordings.format.read_segments", counted)
    truth = {name: list(stream.segments) for name, stream in read_dataset(folder).streams.items()}
    assert sorted(parsed) == sorted(truth) and len(truth) == 2

    def read(times: int, scan: bool | None = None) -> dict[str, Segments]:
        parsed.clear()
        found = {name: stream.segments for name, stream in read_dataset(folder, scan=scan).streams.items()}
        assert len(parsed) == times * len(truth)
        return found

    assert {name: list(segments) for name, segments in read(0).items()} == truth
    read(1, scan=True)
    read(0, scan=False)
    finding = tmp_path / ".checked" / "mine.segments"
    finding.write_bytes(finding.read_bytes()[:-1] + b"?")  # damaged: as if it were not there
    read(1)
    read(0)
    # Altered on purpose: what was remembered is of another file.
    header = json.loads((folder / "dataset.json").read_text())
    del header["checksums"]
    (folder / "dataset.json").write_text(json.dumps(header))
    path = folder / "wrist.csv"
    path.write_text(path.read_text().replace("walking", "running"))
    assert {segment.label for segment in read(1)["wrist"]} >= {"running"}
    assert "running" in read_dataset(folder).labels and "walking" not in read(0)["wrist"].label.values


def test_altered_segments_are_found_although_others_are_remembered(tmp_path):
    folder = write(tmp_path / "mine")
    read_dataset(folder)
    path = folder / "wrist.csv"
    before = path.stat()
    path.write_text(path.read_text().replace("walking", "running"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # the same size and time
    with pytest.raises(DatasetError, match="was altered since it was written"):
        read_dataset(folder)


def test_gravity_removed_is_not_held_against_a_dataset(tmp_path):
    dataset = read_dataset(write(tmp_path / "mine", still(300) - [0, 1, 0], gravity="removed"))
    assert rest_magnitude_g(dataset.streams["wrist"]) is None


# --- rest magnitude ---------------------------------------------------------------------------------------------------


def stream_of(samples: np.ndarray, segments: list[tuple[int, int]], **more: object) -> Stream:
    rows = [Segment("r", "s", "", start, stop) for start, stop in segments]
    return Stream(info(rate=10.0, **more), samples.astype(np.float32), Segments.of(rows))


def test_rest_magnitude_against_a_direct_computation():
    rng = np.random.default_rng(1)
    # 400 seconds of 10 samples, quieter and louder, each with a bias of its own.
    noise = rng.uniform(0.001, 0.06, 400)
    samples = np.concatenate(
        [[0, b, 0] + n * rng.standard_normal((10, 3)) for n, b in zip(noise, rng.normal(1.03, 0.02, 400), strict=True)]
    )
    seconds = []
    for start, stop in ((0, 1995), (2003, 4000)):
        for first in range(start, stop - 9, 10):
            block = samples[first : first + 10].astype(np.float32).astype(float)
            deviation = max(float(np.sqrt(((axis - axis.mean()) ** 2).mean())) for axis in block.T)
            magnitude = float(np.sqrt((block.mean(axis=0) ** 2).sum()))
            seconds.append((deviation, magnitude))
    typical = float(np.median([m for _, m in seconds]))
    quiet = sorted(pair for pair in seconds if pair[0] < 0.03 * typical)
    expected = np.median([m for _, m in quiet[: max(10, len(quiet) // 10)]])
    assert len(quiet) > 100
    assert rest_magnitude_g(stream_of(samples, [(0, 1995), (2003, 4000)])) == pytest.approx(expected, abs=1e-7)


def test_rest_magnitude_is_unknown_without_rest():
    shaking = np.random.default_rng(2).standard_normal((400, 3))
    assert rest_magnitude_g(stream_of(shaking, [(0, 400)])) is None
    assert rest_magnitude_g(stream_of(np.zeros((400, 3)), [(0, 400)])) is None
    assert rest_magnitude_g(stream_of(still(400), [(i, i + 9) for i in range(0, 390, 10)])) is None
    assert rest_magnitude_g(stream_of(still(400), [(0, 400)], gravity="removed")) is None
    assert rest_magnitude_g(stream_of(still(400), [(0, 400)], channels=GYRO)) is None
    assert rest_magnitude_g(stream_of(STANDARD_GRAVITY * still(400), [(0, 400)])) == pytest.approx(9.80665, abs=0.02)


# --- labels -----------------------------------------------------------------------------------------------------------


def test_segments_of_against_a_loop():
    rng = np.random.default_rng(3)
    for length in (0, 1, 2, 50):
        labels = rng.choice(["", "walking", "sitting"], length, p=[0.2, 0.4, 0.4]).tolist()
        runs = segments_of(labels)
        rebuilt = [""] * length
        for label, start, stop in runs:
            assert label and stop > start
            rebuilt[start:stop] = [label] * (stop - start)
        assert rebuilt == labels
        assert all(a[2] < b[1] or a[0] != b[0] for a, b in pairwise(runs))


MISSING = [None, float("nan"), np.float32("nan"), "", "  ", "nan", pd.NA, pd.NaT, np.ma.masked]


@pytest.mark.parametrize("missing", MISSING, ids=repr)
def test_missing_labels_are_unlabelled_and_one_run(tmp_path, missing):
    labels = [missing] * 40 + ["Walking"] * 30 + ["walking "] * 30 + [missing] * 20
    assert segments_of(labels) == [("walking", 40, 100)]
    with DatasetWriter(tmp_path / "mine", **HEADER) as writer:
        writer.add_stream(info())
        runs = [(missing, 0, 40), ("Walking", 40, 70), ("walking ", 70, 100)]
        writer.append("wrist", recording="r", subject="s", samples=still(120), labels=runs)
    dataset = read_dataset(tmp_path / "mine")
    assert [s.label for s in dataset.streams["wrist"].segments] == ["", "walking", "walking", ""]
    assert dataset.labels == ["walking"]


def test_whole_numbers_and_blanks_are_the_same_name(tmp_path):
    """As a table has them, one of whose columns was read with a gap."""
    with DatasetWriter(tmp_path / "mine", **HEADER) as writer:
        writer.add_stream(info(rate=np.array(50.0)))
        for subject in (7, 7.0, np.int64(7), "7", " 7 ", np.str_("7")):
            writer.append("wrist", recording="r", subject=subject, samples=still(60), labels=[("a", 0, 60)])
    dataset = read_dataset(tmp_path / "mine")
    assert dataset.subjects == ["7"] and dataset.streams["wrist"].info.sampling_rate_hz == 50.0


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), "0", True, np.datetime64(0, "s"), pd.Timestamp(0)])
def test_a_time_that_is_no_number_of_seconds_is_refused(tmp_path, value):
    with (
        pytest.raises(DatasetError, match=r"start_time_s is .*; expected seconds on the clock"),
        DatasetWriter(tmp_path / "mine", **HEADER) as writer,
    ):
        writer.add_stream(info())
        writer.append("wrist", recording="r", subject="s", samples=still(60), labels=[], start_time_s=value)


@pytest.mark.parametrize("foreign", ["thesis.txt", "raw.csv", "b/dataset.json"])
def test_what_is_no_part_of_a_dataset_is_not_replaced(tmp_path, foreign):
    """A folder of raw files, of the user's own, or of several datasets, named by mistake."""
    folder = write(tmp_path / "data")
    (folder / foreign).parent.mkdir(exist_ok=True)
    (folder / foreign).write_text("mine")
    before = bytes_of(tmp_path)
    with pytest.raises(
        DatasetError, match=rf"data holds {foreign.partition('/')[0]}, which would be lost.*another folder"
    ):
        write(folder)
    assert bytes_of(tmp_path) == before


def test_a_damaged_dataset_and_an_empty_folder_are_replaced(tmp_path):
    folder = write(tmp_path / "mine")
    whole = bytes_of(tmp_path)
    (folder / "thigh.npy").unlink()
    (folder / "dataset.json").unlink()
    (folder / ".DS_Store").write_text("of a Mac")
    write(folder)
    assert bytes_of(tmp_path) == whole
    shutil.rmtree(folder)
    folder.mkdir()
    write(folder)
    assert bytes_of(tmp_path) == whole


def test_a_link_to_a_folder_elsewhere_stays_one_and_a_file_is_no_folder(tmp_path):
    (tmp_path / "disk" / "big").mkdir(parents=True)
    (tmp_path / "mine").symlink_to(tmp_path / "disk" / "big")
    write(tmp_path / "mine")
    assert (tmp_path / "mine").is_symlink() and (tmp_path / "disk" / "big" / "dataset.json").is_file()
    assert read_dataset(tmp_path / "mine").name == "mine"
    (tmp_path / "file").write_text("mine")
    with pytest.raises(DatasetError, match="file is a file; a dataset is a folder"):
        write(tmp_path / "file")


def test_seconds_since_1970_in_single_precision_are_added_up_in_double(tmp_path):
    with DatasetWriter(tmp_path / "mine", **HEADER) as writer:
        writer.add_stream(info())
        labels = [("walking", 0, 501), ("sitting", 501, 600)]
        start = np.float32(1.7e9)
        writer.append("wrist", recording="r", subject="s", samples=still(600), labels=labels, start_time_s=start)
    first, second = read_dataset(tmp_path / "mine").streams["wrist"].segments
    assert second.start_time_s - first.start_time_s == pytest.approx(10.02, abs=1e-5)


def test_a_stream_in_the_types_of_tables_is_kept_in_plain_ones(tmp_path):
    given = {"channels": pd.Index(ACC), "accelerometer_range_g": np.float32(8), "rate": np.int64(50)}
    with DatasetWriter(tmp_path / "mine", **HEADER) as writer:
        writer.add_stream(info(**given))
        writer.append("wrist", recording="r", subject="s", samples=still(60), labels=[])
    found = read_dataset(tmp_path / "mine").streams["wrist"].info
    assert (found.channels, found.accelerometer_range_g, found.sampling_rate_hz) == (ACC, 8.0, 50.0)


@pytest.mark.parametrize(
    "fields", [{"placement": None}, {"placement": 3}, {"name": None}, {"device": b"tag"}, {"placement": "\ud800"}]
)
def test_what_is_no_text_of_a_stream_is_refused(fields):
    given = {"name": "wrist", "device": "tag", "placement": "wrist", "channels": ACC, "sampling_rate_hz": 50.0} | fields
    with pytest.raises(DatasetError, match=rf"has {next(iter(fields))} .*; expected a string"):
        StreamInfo(**given).check("here")
    for channels in ({*ACC}, None, "acc_x", 3):
        with pytest.raises(DatasetError, match=r"has channels .*; expected"):
            StreamInfo(**{**given, "channels": channels, "name": "w", "device": "d", "placement": "p"}).check("here")


def test_a_stream_that_was_not_added_is_named(tmp_path):
    with (
        pytest.raises(DatasetError, match=r"no stream 'ankle' was added; those are"),
        DatasetWriter(tmp_path / "mine", **HEADER) as writer,
    ):
        writer.add_stream(info())
        writer.append("ankle", recording="r", subject="s", samples=still(60), labels=[])


def test_a_table_is_taken_by_its_names(tmp_path):
    samples = still(60)
    table = pd.DataFrame(samples, columns=list(ACC))[["acc_z", "acc_x", "acc_y"]]
    with DatasetWriter(tmp_path / "mine", **HEADER) as writer:
        writer.add_stream(info())
        writer.append("wrist", recording="r", subject="s", samples=table, labels=[])
    np.testing.assert_array_equal(read_dataset(tmp_path / "mine").streams["wrist"].samples, samples.astype("f4"))


def test_segments_of_a_column_of_a_table():
    frame = pd.DataFrame({"label": ["sitting", None, np.nan, "sitting", "sitting", "standing"]})
    expected = [("sitting", 0, 1), ("sitting", 3, 5), ("standing", 5, 6)]
    assert segments_of(frame["label"]) == expected
    assert segments_of(frame["label"].astype("category")) == expected
    assert segments_of(frame["label"][::-1].to_numpy()) == [("standing", 0, 1), ("sitting", 1, 3), ("sitting", 5, 6)]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([3, 3], "must be a string, found int 3"),
        *((odd, "expected a list") for odd in ("walking", {"a"}, {"a": 1}, None, 3, b"ab", pd.DataFrame())),
    ],
)
def test_what_is_no_label_is_refused(labels, expected):
    with pytest.raises(DatasetError, match=expected):
        segments_of(labels)


def test_one_label_of_two_folders_in_two_spellings_is_one(tmp_path):
    for name, label in (("a", "Walking"), ("b", "walking")):
        write(tmp_path / name)
        text = (tmp_path / name / "wrist.csv").read_text().replace(",walking,", f",{label},")
        (tmp_path / name / "wrist.csv").write_text(text)
        by_hand(tmp_path / name)
    found = {label for name in "ab" for label in read_dataset(tmp_path / name).labels}
    assert found == {"walking", "sitting"}


# --- the documentation ------------------------------------------------------------------------------------------------


def test_the_documented_writer_works(tmp_path, monkeypatch):
    text = (Path(__file__).resolve().parents[2] / "docs" / "data_format.md").read_text(encoding="utf-8")
    (snippet,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(compile(snippet, "docs/data_format.md", "exec"), {})
    dataset = read_dataset(tmp_path / "data" / "mine")
    stream = dataset.streams["watch"]
    assert dataset.labels == ["lying on the back", "sitting"] and dataset.subjects == ["anna"]
    assert [(s.label, s.start, s.stop) for s in stream.segments][1] == ("", 1000, 1500)
    assert rest_magnitude_g(stream) == pytest.approx(1, abs=0.01)
    assert np.abs(stream.samples[:, 3:]).max() < 0.2


def test_the_documented_header_has_the_fields_that_are_written(tmp_path):
    text = (Path(__file__).resolve().parents[2] / "docs" / "data_format.md").read_text(encoding="utf-8")
    (example,) = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", text, flags=re.DOTALL))
    written = json.loads((write(tmp_path / "mine") / "dataset.json").read_text())
    assert list(example) == list(written)
    assert list(example["streams"][0]) == list(written["streams"][0])
    assert ",".join(CSV_COLUMNS) in text
