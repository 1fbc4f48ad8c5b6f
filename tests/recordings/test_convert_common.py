"""What the converters share: clocks, archives, tables, the driver."""

import io
import tarfile
import types
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from har.recordings.convert import NAMES, converter
from har.recordings.convert.common import (
    ACC,
    WHITE_SPACE,
    DatasetCard,
    Notes,
    Run,
    align_streams,
    around_peak,
    convert_dataset,
    find_files,
    group_by,
    lose_spikes,
    name_parts,
    phrase_of,
    phrases_of,
    published_twice,
    raw_folder,
    read_rows,
    resample_uniform,
    rows_at,
    split_at_lost_rows,
)
from har.recordings.format import DatasetError, StreamInfo, read_dataset

# --- resampling -------------------------------------------------------------------------------------------------------


def test_resample_uniform_against_interpolation_by_hand():
    rng = np.random.default_rng(0)
    time_s = 5.0 + np.cumsum(rng.uniform(0.008, 0.012, 500))
    time_s[250:] += 0.7  # a gap
    samples = rng.standard_normal((500, 2))
    notes = Notes()
    runs = resample_uniform(time_s, samples, 90.0, 0.1, notes)
    assert [start for start, _ in runs] == [time_s[0], time_s[250]]
    for (start, uniform), part in zip(runs, (slice(0, 250), slice(250, 500)), strict=True):
        t, x = time_s[part], samples[part]
        assert uniform.dtype == np.float32
        assert start + (len(uniform) - 1) / 90 <= t[-1] < start + len(uniform) / 90
        for row in range(len(uniform)):
            now = start + row / 90
            right = int(np.searchsorted(t, now, side="right"))
            left, right = max(right - 1, 0), min(right, len(t) - 1)
            weight = 0.0 if left == right else (now - t[left]) / (t[right] - t[left])
            np.testing.assert_allclose(uniform[row], (1 - weight) * x[left] + weight * x[right], atol=1e-6)
    assert notes.lines() == ["gaps longer than 0.1 s at which a recording is split: 1"]


def test_a_uniform_clock_passes_unchanged():
    samples = np.random.default_rng(1).standard_normal((301, 3)).astype(np.float32)
    ((start, uniform),) = resample_uniform(2.0 + np.arange(301) / 50, samples, 50.0, 0.1)
    assert start == 2.0
    np.testing.assert_allclose(uniform, samples, atol=1e-6)


def test_lost_repeated_and_backward_stamps_are_repaired_and_counted():
    time_s = np.arange(100) / 20
    samples = np.stack([10 * time_s, -time_s], axis=1)  # linear: interpolation restores it exactly
    time_s, samples = np.delete(time_s, [40, 41]), np.delete(samples, [40, 41], axis=0)
    time_s, samples = np.insert(time_s, 61, time_s[60]), np.insert(samples, 61, 99.0, axis=0)  # the first one stays
    samples[10, 1] = np.nan
    time_s[20] = np.nan
    time_s[[70, 71]], samples[[70, 71]] = time_s[[71, 70]], samples[[71, 70]]
    notes = Notes()
    ((_, uniform),) = resample_uniform(time_s, samples, 20.0, 0.2, notes)
    np.testing.assert_allclose(uniform, np.stack([np.arange(100) / 2, -np.arange(100) / 20], axis=1), atol=1e-5)
    assert notes.lines() == [
        "samples whose time stamps run backwards, sorted: 1",
        "samples with a repeated time stamp left out: 1",
        "samples without a number treated as lost: 2",
    ]


def test_nothing_is_invented_across_lost_samples():
    time_s, samples = np.arange(100) / 20, np.ones((100, 1))
    samples[30:36] = np.nan
    runs = resample_uniform(time_s, samples, 20.0, 0.2)
    assert [(round(20 * start), len(uniform)) for start, uniform in runs] == [(0, 30), (36, 64)]


@pytest.mark.parametrize("rows", [0, 1])
def test_too_little_to_interpolate_gives_no_run(rows):
    assert resample_uniform(np.arange(rows) / 20, np.ones((rows, 3)), 20.0, 0.2) == []


def test_datetimes_and_times_since_a_start_are_understood():
    samples = np.random.default_rng(3).standard_normal((200, 2))
    ((_, expected),) = resample_uniform(np.arange(200) / 50, samples, 50.0, 0.1)
    begin = np.datetime64("2024-03-01T10:00:00")
    steps = np.arange(200) * np.timedelta64(20, "ms")
    ((start, uniform),) = resample_uniform(begin + steps, samples, 50.0, 0.1)
    assert start == begin.astype("datetime64[s]").astype(int)
    np.testing.assert_allclose(uniform, expected, atol=1e-5)
    for stamps in (steps, pd.Series(steps), pd.Series(begin + steps).astype("datetime64[ns]") - pd.Timestamp(begin)):
        ((start, uniform),) = resample_uniform(stamps, samples, 50.0, 0.1)
        assert start == 0.0
        np.testing.assert_allclose(uniform, expected, atol=1e-6)
    zone = pd.Series(begin + steps).dt.tz_localize("UTC").dt.tz_convert("Europe/Paris")
    assert resample_uniform(zone, samples, 50.0, 0.1)[0][0] == begin.astype("datetime64[s]").astype(int)
    stamps = begin + steps
    stamps[7] = np.datetime64("NaT")
    assert len(resample_uniform(stamps, samples, 50.0, 0.1)[0][1]) == 200


@pytest.mark.parametrize(
    ("factor", "expected"),
    [
        (1e3, "they are in ms: divide by 1000"),
        (1e6, r"they are in us: divide by 1e\+06"),
        (1e9, r"they are in ns: divide by 1e\+09"),
        (1 / 60, "they are in minutes: multiply by 60"),
        (20.0, "is the rate 2.5 Hz"),
        (1 / 5, "is the rate 250 Hz"),
    ],
)
def test_stamps_that_are_no_seconds_are_refused_with_their_unit(factor, expected):
    time_s = 3.0 + np.arange(200) / 50
    with pytest.raises(DatasetError, match=f"median step of the time stamps is .* at 50 Hz: {expected}"):
        resample_uniform(factor * time_s, np.ones((200, 3)), 50.0, 0.1)


@pytest.mark.parametrize(
    ("time_s", "samples", "expected"),
    [
        (np.array(["10:00"] * 9), np.ones((9, 3)), "time stamps of shape .* expected .* numbers in seconds"),
        (np.zeros((9, 1)), np.ones((9, 3)), r"time stamps of shape \(9, 1\)"),
        (np.arange(9) / 50, np.ones(9), r"samples of shape \(9,\); expected \(9, channels\)"),
        (np.arange(9) / 50, np.ones((8, 3)), r"samples of shape \(8, 3\); expected \(9, channels\)"),
    ],
)
def test_what_is_no_column_of_times_or_table_of_samples_is_refused(time_s, samples, expected):
    with pytest.raises(DatasetError, match=expected):
        resample_uniform(time_s, samples, 50.0, 0.1)


def test_masked_samples_are_lost():
    samples = np.ma.masked_array(np.ones((100, 1)), mask=False)
    samples[30:36] = 99.0
    samples[30:36] = np.ma.masked
    runs = resample_uniform(np.arange(100) / 20, samples, 20.0, 0.2)
    assert [(round(20 * start), len(x), x.max()) for start, x in runs] == [(0, 30, 1.0), (36, 64, 1.0)]


def test_single_samples_between_gaps_are_counted():
    time_s = np.array([0.0, 0.05, 0.1, 1.0, 2.0, 2.05, 2.1, 2.15])
    notes = Notes()
    assert len(resample_uniform(time_s, np.ones((8, 1)), 20.0, 0.2, notes)) == 2
    assert "single samples between two gaps left out: 1" in notes.lines()


def test_runs_are_split_where_rows_were_lost_against_a_loop():
    rng = np.random.default_rng(4)
    rows = np.flatnonzero(rng.random(80) > 0.2)
    samples = rng.standard_normal((len(rows), 2))
    labels = [("walking", 3, 20), ("sitting", 25, 50)]
    runs = list(split_at_lost_rows(Run("w", "r", "s", samples, labels), rows, 10.0))
    text = np.array([next((t for t, a, b in labels if a <= i < b), "") for i in range(len(rows))], dtype=object)
    seen = []
    for run in runs:
        own = [""] * len(run.samples)
        for label, start, stop in run.labels:
            own[start:stop] = [label] * (stop - start)
        for i in range(len(run.samples)):
            seen.append((round(run.start_time_s * 10) + i, *run.samples[i], own[i]))
    assert seen == [(int(r), *x, t) for r, x, t in zip(rows, samples, text, strict=True)]
    assert len(runs) == 1 + int((np.diff(rows) > 1).sum())


def test_rows_at_against_a_loop():
    rng = np.random.default_rng(2)
    time_s = 3.0 + np.cumsum(rng.uniform(0.01, 0.04, 300))
    ((start, uniform),) = resample_uniform(time_s, np.ones((300, 1)), 50.0, 0.1)
    expected = []
    for row in range(len(uniform)):
        now = start + row / 50
        expected.append(next((i for i, t in enumerate(time_s) if t >= now - 0.01), 299))
    assert rows_at(time_s, start, len(uniform), 50.0).tolist() == expected


# --- aligning ---------------------------------------------------------------------------------------------------------


def sine(frequency: float, time_s: np.ndarray) -> np.ndarray:
    return np.sin(2 * np.pi * frequency * time_s)[:, None]


@pytest.mark.parametrize("offset_s", [0.137, -0.137, 0.0, 0.2])
def test_align_streams_meets_both_sines(offset_s):
    rate = 100.0
    first = [(1.0, sine(1.0, 1.0 + np.arange(500) / rate).astype(np.float32))]
    start = 1.0 + offset_s
    second = [(start, sine(0.7, start + np.arange(450) / rate).astype(np.float32))]
    ((begin, joined),) = align_streams([first, second], rate)
    grid = begin + np.arange(len(joined)) / rate
    np.testing.assert_allclose(joined[:, :1], sine(1.0, grid), atol=1e-6)
    # Linear interpolation of a sine is off by at most (2 pi f / rate)^2 / 8.
    np.testing.assert_allclose(joined[:, 1:], sine(0.7, grid), atol=(2 * np.pi * 0.7 / rate) ** 2 / 8 + 1e-6)
    assert begin >= max(1.0, start) - 1e-9 and begin - max(1.0, start) < 1 / rate
    end = min(1.0 + 499 / rate, start + 449 / rate)
    assert end - 1 / rate < grid[-1] <= end + 1e-9


def test_align_streams_keeps_only_what_all_have():
    rate = 10.0
    first = [(0.0, np.arange(100, dtype=np.float32)[:, None]), (20.0, np.arange(50, dtype=np.float32)[:, None])]
    second = [
        (-1.0, np.zeros((41, 1), np.float32)),
        (5.0, np.ones((170, 1), np.float32)),
        (90.0, np.ones((9, 1), np.float32)),
    ]
    third = [(0.0, np.full((400, 2), 7, np.float32))]
    runs = align_streams([first, second, third], rate)
    assert [(start, len(x)) for start, x in runs] == [(0.0, 31), (5.0, 50), (20.0, 20)]
    np.testing.assert_array_equal(
        runs[1][1], np.hstack([np.arange(50, 100)[:, None], np.ones((50, 1)), np.full((50, 2), 7)])
    )


# --- spikes and peaks -------------------------------------------------------------------------------------------------


def test_lose_spikes():
    samples = np.array([[0.0, 1.0, 0.0], [0.0, -8.5, 0.0], [8.0, 0.0, 0.0]])
    notes = Notes()
    result = lose_spikes(samples, 8.0, notes)
    assert np.isnan(result).all(axis=1).tolist() == [False, True, False]
    assert samples[1, 1] == -8.5  # the caller's array is not touched
    assert notes.lines() == ["accelerometer samples beyond the device's range of 8 g treated as lost: 1"]


@pytest.mark.parametrize(("peak", "expected"), [(500, (250, 750)), (100, (0, 350)), (900, (650, 1000))])
def test_around_peak(peak, expected):
    samples = np.zeros((1000, 6))
    samples[:, 1] = 1.0
    samples[peak, :3] = (2.0, -2.0, 1.0)  # 3 g, though no axis exceeds the next row's
    samples[(peak + 300) % 1000, 1] = 2.5
    samples[:, 3] = 9.0 * (np.arange(1000) == 7)  # the gyroscope does not count
    assert around_peak(samples, 100.0, 2.5, 2.5) == expected


# --- raw files --------------------------------------------------------------------------------------------------------


def make_tar(path: Path, name: str, content: bytes = b"1,2\n") -> Path:
    with tarfile.open(path, "w:xz") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return path


def make_zip(path: Path, name: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, "1,2\n")
    return path


def test_raw_folder_of_folder_tar_and_zip(tmp_path):
    (tmp_path / "plain" / "mine").mkdir(parents=True)
    (tmp_path / "plain" / "mine" / "a.csv").write_text("1,2\n")
    for raw in (
        tmp_path / "plain",
        make_tar(tmp_path / "a.tar.xz", "mine/a.csv"),
        make_zip(tmp_path / "a.zip", "mine/a.csv"),
    ):
        with raw_folder(raw) as folder:
            (found,) = find_files(folder, "*.csv")
            assert found.read_text() == "1,2\n" and found.parent.name == "mine"
        assert folder.exists() == (raw.suffix == "")


def test_no_archive_is_said(tmp_path):
    (tmp_path / "a.txt").write_text("hello")
    for name, expected in (("a.txt", "neither a folder nor a tar or zip"), ("b.zip", "does not exist")):
        with pytest.raises(DatasetError, match=expected), raw_folder(tmp_path / name):
            pass


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_a_damaged_archive_is_said(tmp_path, share):
    noise = np.random.default_rng(0).bytes(200_000)
    for path in (make_tar(tmp_path / "a.tar.xz", "a.csv", noise),):
        whole = path.read_bytes()
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(DatasetError, match=r"a.tar.xz: the archive is damaged"), raw_folder(path):
            pass


def test_a_flipped_byte_in_an_archive_is_said(tmp_path):
    noise = np.random.default_rng(0).bytes(50_000)
    path = make_tar(tmp_path / "a.tar.xz", "a.csv", noise)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", noise)
    for path in (tmp_path / "a.tar.xz", tmp_path / "a.zip"):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 255
        path.write_bytes(content)
        with pytest.raises(DatasetError, match="the archive is damaged"), raw_folder(path):
            pass


@pytest.mark.parametrize("name", ["../outside.csv", "/tmp/har_outside_of_everything.csv"])
def test_no_member_leaves_the_folder(tmp_path, name):
    raw = make_tar(tmp_path / "raw" / "a.tar.xz", name) if (tmp_path / "raw").mkdir() is None else None
    if name.startswith("/"):
        with raw_folder(raw) as folder:  # tar's data filter strips the leading slash
            assert [p.is_relative_to(folder) for p in find_files(folder, "*.csv")] == [True]
        assert not Path(name).exists()
    else:
        with pytest.raises(DatasetError, match="outside"), raw_folder(raw):
            pass
    with raw_folder(make_zip(tmp_path / "raw" / "a.zip", name)) as folder:  # zipfile does so for both
        assert [p.is_relative_to(folder) for p in find_files(folder, "*.csv")] == [True]
    assert not Path(name).is_absolute() or not Path(name).exists()


def test_find_files_is_ordered_and_says_what_it_sought(tmp_path):
    for name in ("b/2.csv", "a/10.csv", "a/x/1.csv", "c.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert [str(p.relative_to(tmp_path)) for p in find_files(tmp_path, "*.csv")] == ["a/10.csv", "a/x/1.csv", "b/2.csv"]
    with pytest.raises(DatasetError, match=r"no file matches '\*.mat'"):
        find_files(tmp_path, "*.mat")


def test_files_of_operating_systems_are_passed_over(tmp_path):
    for name in ("a/1.csv", "a/._1.csv", "__MACOSX/a/1.csv", ".Trashes/1.csv", "Thumbs.db/1.csv", "b/Desktop.ini"):
        (tmp_path / ".raw" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / ".raw" / name).touch()
    raw = tmp_path / ".raw"  # where the raw folder itself lies does not matter
    assert [str(p.relative_to(raw)) for p in find_files(raw, "*")] == ["a/1.csv"]


def test_a_zip_within_a_zip_with_files_of_a_mac(tmp_path):
    inner = make_zip(tmp_path / "inner.zip", "mine/a.csv").read_bytes()
    with zipfile.ZipFile(tmp_path / "outer.zip", "w") as archive:
        archive.writestr("data/inner.zip", inner)
        archive.writestr("__MACOSX/data/._inner.zip", b"\0\5\26\7")
    with raw_folder(tmp_path / "outer.zip") as folder:
        assert [p.name for p in find_files(folder, "*.csv")] == ["a.csv"]


def test_group_by_keeps_the_order():
    assert group_by(["b1", "a1", "b2", "c1", "a2"], lambda s: s[0]) == [["b1", "b2"], ["a1", "a2"], ["c1"]]


def test_published_twice_agrees_with_comparing_all_rows(tmp_path):
    random = np.random.default_rng(5)
    texts = [[f"{a},{b}" for a, b in random.integers(0, 10**6, (80, 2))] for _ in range(6)]
    texts[3] = texts[0][30:] + texts[3][:20]  # 50 of its 70 rows
    texts[5] = texts[2][:20] + texts[5][:60]  # 20 of its 80 rows: not a copy
    texts[4] = list(texts[1])
    paths = [tmp_path / f"{number}.txt" for number in range(6)]
    for path, lines in zip(paths, texts, strict=True):
        path.write_text("\n".join(lines) + "\n")
    label = {path: "a" for path in paths} | {paths[4]: "b"}
    expected = set()
    for i in range(6):
        for j in range(i):
            if 2 * len(set(texts[i]) & set(texts[j])) >= min(len(texts[i]), len(texts[j])):
                expected |= {paths[i]} if label[paths[i]] == label[paths[j]] else {paths[i], paths[j]}
    assert expected == {paths[1], paths[3], paths[4]}
    assert published_twice(paths, label_of=label.get) == expected


@pytest.mark.parametrize(
    ("name", "parts"),
    [("std_6/sub_12.csv", ("std", "12")), ("9std_6/sub_12.csv", None), ("std_6/sub_12.csv.bak", None), ("a.csv", None)],
)
def test_name_parts_wants_the_whole_end_of_a_path(name, parts):
    pattern = r"([a-z]+)_\d+/sub_(\d+)\.csv"
    for path in (Path(name), Path("/somewhere") / name):
        if parts:
            assert name_parts(path, pattern, "dws_1/sub_1.csv") == parts
        else:
            with pytest.raises(DatasetError, match=rf"{path}: expected a name like dws_1/sub_1.csv"):
                name_parts(path, pattern, "dws_1/sub_1.csv")


# --- rows and labels --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("separator", "joint"), [(",", ","), (",", ", "), (";", ";"), (WHITE_SPACE, "  "), (WHITE_SPACE, "\t")]
)
@pytest.mark.parametrize(("header", "names"), [(None, "xyz"), ("zyx", "xz")])
def test_read_rows_against_splitting_by_hand(tmp_path, separator, joint, header, names):
    numbers = np.random.default_rng(0).normal(0, 1e3, (50, 3)).round(6)
    lines = [joint.join(map(str, row)) for row in numbers.tolist()]
    head = [joint.join(header)] if header else []
    (tmp_path / "a.txt").write_text("\n".join(head + lines) + "\n")
    frame = read_rows(tmp_path / "a.txt", tuple(names), separator=separator, header=header is not None)
    by_hand = [dict(zip(header or names, map(float, line.split(joint)), strict=True)) for line in lines]
    np.testing.assert_allclose(frame, [[row[name] for name in names] for row in by_hand], rtol=1e-14)
    assert list(frame.columns) == list(names) and (frame.dtypes == np.float64).all()


def test_read_rows_passes_over_headers_comments_and_blank_lines(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("no\n\n% a note\n1; 2;\n\n 3;4; % aside\n")
    assert read_rows(path, ("x", "y"), separator=";", skiprows=1, comment="%").to_numpy().tolist() == [[1, 2], [3, 4]]
    path.write_text("no\n\n% a note\n1; 2;\n\n 3;4; % aside\n%\n5;?;\n")
    with pytest.raises(DatasetError, match=r"a.txt, row 8: y is '\?'; expected a number"):
        read_rows(path, ("x", "y"), separator=";", skiprows=1, comment="%")


def test_read_rows_reads_words_and_times(tmp_path):
    (tmp_path / "a.csv").write_text("n,t,w\n1,2016-04-13 10:31:57.494, NA \n2,2016-04-13 10:32:00,007\n")
    frame = read_rows(tmp_path / "a.csv", ("w", "t"), header=True, text=("w",), times=("t",))
    assert frame["w"].tolist() == ["NA", "007"]
    assert (frame["t"].iloc[1] - frame["t"].iloc[0]).total_seconds() == pytest.approx(2.506, abs=1e-9)


def test_read_rows_knows_a_missing_number_from_a_short_row(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("1 NaN 3\n4 5 NaN\n")
    frame = read_rows(path, ("x", "y", "z"), separator=WHITE_SPACE, missing={"y": "NaN", "z": "NaN"})
    np.testing.assert_array_equal(frame.to_numpy(), [[1, np.nan, 3], [4, 5, np.nan]])
    for text, expected in (("1 NaN 3\n4 5\n", "row 2: z is ''"), ("1 2 3\nNaN 2 3\n", "row 2: x is 'NaN'")):
        path.write_text(text)
        with pytest.raises(DatasetError, match=f"a.txt, {expected}"):
            read_rows(path, ("x", "y", "z"), separator=WHITE_SPACE, missing={"y": "NaN", "z": "NaN"})
    path.write_text("x,y\n1,\n2,3\n")
    frame = read_rows(path, ("x", "y"), header=True, missing={"y": ""})
    np.testing.assert_array_equal(frame.to_numpy(), [[1, np.nan], [2, 3]])


@pytest.mark.parametrize(
    ("text", "header", "expected"),
    [
        (None, False, "a.csv is missing"),
        ("", False, "expected rows of x, t, w"),
        ("1,2\n", False, "2 columns; expected x, t, w"),
        ("1,2016-04-13,a,9\n", False, "4 columns; expected x, t, w"),
        ("1,2016-04-13,a\n1,2016-04-13,a,9\n", False, "row 2: .* has 4 columns; expected 3"),
        ("1,2016-04-13,a\n1,2016-04-13\n", False, "row 2: w is ''; expected a text"),
        ("1,2016-04-13,a\n,2016-04-13,a\n", False, "row 2: x is ''; expected a number"),
        ("1,2016-04-13,a\nnan,2016-04-13,a\n", False, "row 2: x is 'nan'; expected a number"),
        ("1,2016-04-13,a\n1e999,2016-04-13,a\n", False, "row 2: x is 'inf'; expected a number"),
        ("1,2016-04-13,a\n1,2016-13-04,a\n", False, "row 2: t is '2016-13-04'; expected a date"),
        ("x,t\n1,2016-04-13\n", True, r"row 1: no column \['w'\] in \['x', 't'\]"),
        ("x,t,w\n", True, "no samples"),
        ("x,t,w\n0,1,2016-04-13,a\n", True, "longer than row 1"),
        ("x,t,w\n1,2016-04-13,a\n\n1,2016-04-13\n", True, "row 4: w is ''"),
    ],
)
def test_read_rows_names_file_and_row(tmp_path, text, header, expected):
    path = tmp_path / "a.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(DatasetError, match=expected) as caught:
        read_rows(path, ("x", "t", "w"), text=("w",), times=("t",), header=header)
    assert str(path) in str(caught.value)


def test_phrase_of_names_file_and_table():
    assert phrase_of({"WAL": "walking"}, "WAL", Path("a.csv")) == "walking"
    with pytest.raises(DatasetError, match=r"a.csv: unknown label 'JOG'; .* \['WAL'\]"):
        phrase_of({"WAL": "walking"}, "JOG", Path("a.csv"))


def test_phrases_of_looks_every_row_up_and_names_the_first_unknown():
    codes = np.random.default_rng(0).integers(0, 4, 200).astype(float)
    phrases = {0: "", 1: "walking", 2: "sitting", 3: "walking"}
    assert phrases_of(phrases, codes, Path("a.csv")).tolist() == [phrases[int(code)] for code in codes]
    codes[[70, 90]] = 9
    with pytest.raises(DatasetError, match=r"a.csv, row 72: unknown label 9; known are \['0', '1', '2', '3'\]"):
        phrases_of(phrases, codes, Path("a.csv"), first_row=2)
    with pytest.raises(DatasetError, match=r"a.csv, row 2: unknown label 'B'"):
        phrases_of({"A": "walking"}, np.array(["A", "B", "A"], dtype=object), Path("a.csv"))


# --- the driver and the catalogue -------------------------------------------------------------------------------------


def fake_module(runs: list[Run]) -> types.SimpleNamespace:
    card = DatasetCard("T", "C", "L", "https://example.org", 1, ("wrist",), "10 Hz", 1, "original files")

    def read(source: Path, notes: Notes):
        notes.add("files read")
        yield from runs

    return types.SimpleNamespace(
        CARD=card,
        STREAMS=(StreamInfo("wrist", "tag", "wrist", ACC, 10.0),),
        sources=lambda raw: find_files(raw, "*.csv"),
        read=read,
    )


def test_convert_dataset_writes_runs_and_notes_and_reports_progress(tmp_path):
    (tmp_path / "raw").mkdir()
    for name in ("a.csv", "b.csv"):
        (tmp_path / "raw" / name).touch()
    seen = []

    def progress(sources):
        for source in sources:
            seen.append(source.name)
            yield source

    samples = np.tile([0.0, 0.0, 1.0], (25, 1))
    module = fake_module([Run("wrist", "r", "s", samples, [("walking", 5, 25)], 2.0)])
    notes = convert_dataset(module, tmp_path / "raw", tmp_path / "out" / "mine", progress)
    dataset = read_dataset(tmp_path / "out" / "mine")
    assert seen == ["a.csv", "b.csv"] and notes == dataset.notes == ["files read: 2"]
    assert [(s.label, s.start, s.stop, s.start_time_s) for s in dataset.streams["wrist"].segments] == [
        ("", 0, 5, 2.0),
        ("walking", 5, 25, 2.5),
        ("", 25, 30, 2.0),
        ("walking", 30, 50, 2.5),
    ]


@pytest.mark.parametrize("name", NAMES)
def test_every_converter_is_whole(name):
    module = converter(name)
    card = module.CARD
    assert card.verified == ("original files" if NAMES.index(name) < 13 else "published layout")
    assert card.people > 0 and card.activities > 0 and card.source_url.startswith("http")
    assert {info.placement for info in module.STREAMS} and len({info.name for info in module.STREAMS}) == len(
        module.STREAMS
    )
    for info in module.STREAMS:
        info.check(name)
    phrases = list(module.PHRASES.values())
    assert all(phrase == phrase.strip().lower() and "_" not in phrase for phrase in phrases)


def test_an_unknown_dataset_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match=r"no converter for 'mexx'; known datasets: .*mex"):
        converter("mexx")
