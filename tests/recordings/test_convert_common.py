"""What the converters share: clocks, archives, tables, the driver."""

import io
import tarfile
import types
import zipfile
from pathlib import Path

import numpy as np
import pytest

from har.recordings.convert import NAMES, converter
from har.recordings.convert.common import (
    ACC,
    DatasetCard,
    Notes,
    Run,
    align_streams,
    around_peak,
    convert_dataset,
    find_files,
    group_by,
    lose_spikes,
    phrase_of,
    raw_folder,
    read_table,
    resample_uniform,
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


def test_group_by_keeps_the_order():
    assert group_by(["b1", "a1", "b2", "c1", "a2"], lambda s: s[0]) == [["b1", "b2"], ["a1", "a2"], ["c1"]]


def test_read_table(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("1;2;3\n4;5;6\n")
    assert read_table(path, separator=";", columns=[0, 2]).tolist() == [[1, 3], [4, 6]]
    for text in ("", "1;2;3\n4;5;6;7;8\n", "1;two;3\n"):
        path.write_text(text)
        with pytest.raises(DatasetError, match=r"a.txt: expected rows of numbers separated by ';'"):
            read_table(path, separator=";")


def test_phrase_of_names_file_and_table():
    assert phrase_of({"WAL": "walking"}, "WAL", Path("a.csv")) == "walking"
    with pytest.raises(DatasetError, match=r"a.csv: unknown label 'JOG'; .* \['WAL'\]"):
        phrase_of({"WAL": "walking"}, "JOG", Path("a.csv"))


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
    assert card.verified == ("original files" if NAMES.index(name) < 11 else "published layout")
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
