"""The generated corpora against what they are said to be, and the figures against direct counts."""

import math
from pathlib import Path

import numpy as np
import pytest

from har.benchmark import scaling
from har.benchmark.scaling import (
    DATASETS,
    DEVICES,
    LEAST_PEOPLE,
    SHORTEST_S,
    STRIDE_S,
    WINDOW_S,
    measure,
    scaling_figures,
    scaling_table,
    write_sparse_corpus,
)
from har.recordings.format import prepared_datasets, read_dataset
from har.windows.index import WindowIndex

TABLES = ("segment_bytes", "row_bytes", "sampler_bytes")

# The samples of a generated corpus are holes in a file, which read as zeros.
pytestmark = pytest.mark.filterwarnings("ignore::har.signal.plausibility.SignalWarning")


def index_of(root: Path) -> WindowIndex:
    datasets = [read_dataset(root / name, scan=True) for name in prepared_datasets(root)]
    return WindowIndex(datasets, WINDOW_S, STRIDE_S, SHORTEST_S)


@pytest.mark.parametrize("windows", [1000, 2345, 10_000])
def test_a_corpus_passes_all_checks_and_has_exactly_so_many_windows(tmp_path, windows):
    write_sparse_corpus(tmp_path, windows)
    index = index_of(tmp_path)
    assert len(index) == windows
    assert len(index.datasets) == DATASETS and len(index.streams) == DATASETS * len(DEVICES)
    people = {name: sum(s.startswith(f"{name}/") for s in index.subjects) for name in index.datasets}
    assert all(LEAST_PEOPLE // 2 <= count <= LEAST_PEOPLE for count in people.values())
    assert windows < 10_000 or 15 < windows / len(index.segments) < 25
    rows = np.flatnonzero(index.stream_id == 0)
    (partners,) = index.read_partners(rows)
    assert len(partners[1]) > 0.9 * len(rows)  # the devices are worn together


def test_samples_take_no_room_on_disk(tmp_path):
    write_sparse_corpus(tmp_path, 10_000)
    samples = list(tmp_path.rglob("*.npy"))
    assert sum(f.stat().st_size for f in samples) > 15e6
    assert sum(f.stat().st_blocks * 512 for f in samples) < 1e6


def test_a_day_belongs_to_one_person(tmp_path, monkeypatch):
    monkeypatch.setattr(scaling, "DAY_S", 300.0)
    write_sparse_corpus(tmp_path, 20_000)
    for name in prepared_datasets(tmp_path):
        for stream in read_dataset(tmp_path / name, scan=False).streams.values():
            seconds: dict[str, float] = {}
            for s in stream.segments:
                assert s.start_time_s == pytest.approx(seconds.get(s.subject, 0.0), abs=0.5)
                seconds[s.subject] = s.start_time_s + (s.stop - s.start) / stream.info.sampling_rate_hz
            assert len(seconds) > LEAST_PEOPLE and max(seconds.values()) < 300.0 + 29 * STRIDE_S + WINDOW_S


def test_too_few_windows_are_refused(tmp_path):
    with pytest.raises(ValueError, match="1000 at least"):
        write_sparse_corpus(tmp_path, 999)


def test_figures_are_of_the_corpus_asked_for_and_come_from_a_fresh_process(tmp_path):
    asked = []
    figures = scaling_figures((1000, 2000), tmp_path, lambda sizes: asked.append(sizes) or sizes)
    assert asked == [(1000, 2000)] and [f["windows"] for f in figures] == [1000, 2000]
    for f in figures:
        index = index_of(tmp_path / str(f["windows"]))
        assert f["segment_bytes"] == index.nbytes and f["segments"] == len(index.segments)
        assert f["row_bytes"] == 8 * f["train_windows"] and 0.6 * len(index) < f["train_windows"] < len(index)
        assert f["sample_bytes"] == sum(s.samples.nbytes for s in index.streams)
        assert sum(f[name] for name in TABLES) <= 16 * f["windows"]
        assert all(math.isfinite(f[name]) and (f[name] >= 0 or name in ("held_bytes", "peak_bytes")) for name in f)
        # The kernel counts pages in each thread and adds them up late: growths of so little may come out below none.
        assert f["base_bytes"] > 10e6 and f["peak_bytes"] > f["held_bytes"] - 1e6
        assert f["draw_us"] > 0 and f["gather_us"] > f["draw_us"]


def test_samples_beyond_the_limit_are_not_read_through(tmp_path, monkeypatch):
    write_sparse_corpus(tmp_path, 1000)
    monkeypatch.setattr(scaling, "_MOST_SCANNED", 1000)
    monkeypatch.setattr(scaling, "_BATCHES_DRAWN", 3)
    monkeypatch.setattr("torch.set_num_threads", lambda count: None)  # this process goes on with other tests
    assert measure(tmp_path)["scan_s"] is None


def test_the_table_has_a_column_a_corpus_and_adds_up():
    one = {
        "windows": 1000, "train_windows": 900, "segments": 50, "people": 40, "sample_bytes": 2.5e9,
        "segment_bytes": 2100, "row_bytes": 7200, "sampler_bytes": 1000,
        "held_bytes": 20_000, "peak_bytes": 4e6, "base_bytes": 1e8,
        "read_s": 1.0, "index_s": 0.25, "sampler_s": 0.5, "draw_us": 17.4, "start_us": 22.0, "gather_us": 2471.0,
        "scan_s": 3.0,
    }  # fmt: skip
    lines = scaling_table([one, one | {"windows": 2000, "scan_s": None}]).split("\n")
    cells = {line.split("|")[1].strip(): [c.strip() for c in line.split("|")[2:-1]] for line in lines}
    assert lines[1] == "|---|---:|---:|" and len({line.count("|") for line in lines}) == 1
    assert cells["windows"] == ["1,000", "2,000"]
    assert cells["**kept in memory, bytes a window**"] == ["**10.3**", "**5.2**"]  # 10300 bytes
    assert cells["**to open, s**"] == ["**1.75**", "**1.75**"]
    assert cells["**to draw a batch of 128, µs**"] == ["**17**", "**17**"]
    assert cells["first opening: all samples read through, s"] == ["3.0", ""]
