"""The index of windows against a slow enumeration of the CSV files; every sample of the corpus says where it lies."""

import csv
import math
import pickle
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from har.recordings.format import Dataset, Segment, Stream, StreamInfo, read_dataset
from har.recordings.memory import DatasetMemory
from har.recordings.segments import Segments
from har.windows.index import UNLABELLED, WindowIndex, split_of

WINDOW_S, STRIDE_S, SHORTEST_S = 2.0, 0.7, 1.1
TIME, ROW = 0, 1  # what acc_x and acc_y hold


class Row(NamedTuple):
    """A row of a CSV file, and where it was found."""

    dataset: str
    stream: str
    recording: str
    subject: str
    label: str
    start: int
    stop: int
    start_time_s: float


def csv_rows(folder: Path, dataset: str, stream: str) -> list[Row]:
    with (folder / dataset / f"{stream}.csv").open(newline="") as file:
        return [
            Row(
                dataset,
                stream,
                **{key: line[key] for key in ("recording", "subject", "label")},
                **{key: int(line[key]) for key in ("start", "stop")},
                start_time_s=float(line["start_time_s"]),
            )
            for line in csv.DictReader(file)
        ]


def enumerate_windows(folder: Path, datasets: list[Dataset], *lengths_s: float) -> list[tuple[Row, Fraction]]:
    """(segment, exact first row of the window), counted in fractions; a window is a whole number of samples long."""
    window, stride, shortest = (Fraction(str(s)) for s in lengths_s)
    found = []
    for dataset in datasets:
        for name, stream in dataset.streams.items():
            rate = Fraction(str(stream.info.sampling_rate_hz))
            length = round(window * rate)
            for row in csv_rows(folder, dataset.name, name):
                rows = row.stop - row.start
                if shortest * rate <= rows < length:
                    found.append((row, Fraction(row.start)))
                number = 0
                while number * stride * rate + length <= rows:
                    found.append((row, row.start + number * stride * rate))
                    number += 1
    return found


def acc(index: WindowIndex, stream_id: int) -> list[int]:
    channels = index.streams[stream_id].info.channels
    return [channels.index(f"acc_{axis}") for axis in "xyz"]


@pytest.fixture
def index(corpus: list[Dataset]) -> WindowIndex:
    return WindowIndex(corpus, WINDOW_S, STRIDE_S, SHORTEST_S)


# --- which windows there are ------------------------------------------------------------------------------------------


# 1.1 * 50 = 55.00000000000001: the segment of 55 rows must not be lost, nor a last window that ends with its segment.
@pytest.mark.parametrize("lengths_s", [(WINDOW_S, STRIDE_S, SHORTEST_S), (1.6, 1.1, 1.1), (3.2, 3.2, 0.5)])
def test_windows_are_those_of_a_slow_enumeration(corpus, corpus_folder, lengths_s):
    index, expected = WindowIndex(corpus, *lengths_s), enumerate_windows(corpus_folder, corpus, *lengths_s)
    assert any(row.stream == "wrist" and row.stop - row.start == 55 for row, _ in expected)
    assert len(index) == len(expected) > 20
    origin = {}
    for dataset in corpus:
        for name in dataset.streams:
            for row in csv_rows(corpus_folder, dataset.name, name):
                key = (row.dataset, row.recording)
                origin[key] = min(origin.get(key, math.inf), row.start_time_s)
    for i, (row, start) in enumerate(expected):
        stream = index.streams[index.stream_id[i]]
        assert (stream.dataset, stream.info.name) == (row.dataset, row.stream)
        assert index.datasets[index.dataset_id[i]] == row.dataset
        assert index.recordings[index.recording_id[i]] == f"{row.dataset}/{row.recording}"
        assert index.subjects[index.subject_id[i]] == f"{row.dataset}/{row.subject}"
        label = index.labels[index.label_id[i]] if index.label_id[i] >= 0 else ""
        assert label == row.label and (row.label != "" or index.label_id[i] == UNLABELLED)
        assert (index.segment_start[i], index.segment_stop[i]) == (row.start, row.stop)
        assert abs(int(index.start[i]) - start) <= Fraction(1, 2)  # the nearest sample
        at_s = row.start_time_s + (index.start[i] - row.start) / stream.info.sampling_rate_hz
        assert index.start_time_s[i] == pytest.approx(at_s - origin[row.dataset, row.recording], abs=1e-9)


def test_every_sample_read_lies_in_the_windows_segment(index):
    """Rows are recognised by the row number that acc_y holds; what a short segment lacks is NaN in every channel."""
    short = 0
    for i in range(len(index)):
        stream = index.streams[index.stream_id[i]]
        (window,) = index.read(np.array([i]))
        shape = (round(WINDOW_S * stream.info.sampling_rate_hz), len(stream.info.channels))
        assert window.dtype == np.float32 and window.shape == shape
        available = min(len(window), index.segment_stop[i] - index.start[i])
        numbers = window[:, acc(index, index.stream_id[i])[ROW]]
        np.testing.assert_array_equal(numbers[:available], index.start[i] + np.arange(available))
        assert np.isnan(window[available:]).all() and np.isfinite(window[:available]).all()
        short += available < len(window)
    assert short >= 3


def test_labels_keep_their_names_whichever_ids_they_get(corpus, corpus_folder):
    """Ids are positions among the labels of all datasets: the first label of a dataset is rarely number 0."""
    both, beta = WindowIndex(corpus, 2.0, 1.0, 0.5), WindowIndex(corpus[1:], 2.0, 1.0, 0.5)
    assert both.labels == ["bending", "cycling", "jumping", "standing", "walking"]
    assert beta.labels == ["bending", "cycling", "walking"]
    for index in (both, beta):
        of_beta = [i for i in range(len(index)) if index.datasets[index.dataset_id[i]] == "beta"]
        named = Counter(index.labels[index.label_id[i]] for i in of_beta)
        assert named == {"cycling": 4, "walking": 1 + 2, "bending": 1}
    assert set(both.label_id[both.dataset_id == 0]) == {UNLABELLED, 2, 3, 4}


def test_a_wearer_is_a_subject_with_a_stream(index):
    pairs = list(zip(index.subject_id.tolist(), index.stream_id.tolist(), strict=True))
    assert len(set(zip(pairs, index.wearer_id.tolist(), strict=True))) == len(set(pairs)) == len(set(index.wearer_id))
    assert len(set(pairs)) > max(len(index.streams), len(set(index.subject_id)))


def columns_of_arrays(datasets: list[Dataset], window_s: float, stride_s: float, shortest_s: float) -> dict:
    """Every column of an index with one entry a window, from the segments as objects."""
    labels = sorted({s.label for d in datasets for stream in d.streams.values() for s in stream.segments} - {""})
    subjects = sorted({f"{d.name}/{s.subject}" for d in datasets for t in d.streams.values() for s in t.segments})
    recordings = sorted({f"{d.name}/{s.recording}" for d in datasets for t in d.streams.values() for s in t.segments})
    origin_s = dict.fromkeys(recordings, math.inf)
    for dataset in datasets:
        for stream in dataset.streams.values():
            for s in stream.segments:
                name = f"{dataset.name}/{s.recording}"
                origin_s[name] = min(origin_s[name], s.start_time_s)
    rows, stream_count = [], sum(len(d.streams) for d in datasets)
    stream_id = -1
    for dataset_id, dataset in enumerate(datasets):
        for stream in dataset.streams.values():
            stream_id += 1
            rate = stream.info.sampling_rate_hz
            length, stride, shortest = max(1, round(window_s * rate)), stride_s * rate, shortest_s * rate
            for s in stream.segments:
                duration, name = s.stop - s.start, f"{dataset.name}/{s.recording}"
                whole = math.floor((duration - length) / stride + 1e-9) + 1
                for number in range(whole if duration >= length else int(duration >= shortest - 1e-9)):
                    start, subject_id = s.start + round(number * stride), subjects.index(f"{dataset.name}/{s.subject}")
                    rows.append(
                        {
                            "label_id": labels.index(s.label) if s.label else -1,
                            "subject_id": subject_id,
                            "recording_id": recordings.index(name),
                            "stream_id": stream_id,
                            "dataset_id": dataset_id,
                            "segment_start": s.start,
                            "segment_stop": s.stop,
                            "start": start,
                            "start_time_s": s.start_time_s - origin_s[name] + (start - s.start) / rate,
                            "wearer_id": subject_id * stream_count + stream_id,
                        }
                    )
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def generated_datasets(rng: np.random.Generator) -> list[Dataset]:
    """Five streams of odd rates with segments of no window, one, or many, in no order of people or recordings."""
    datasets = []
    for name, rates in (("one", (51.2, 20.0, 100.0 / 3.0)), ("two", (25.0, 98.7))):
        dataset = Dataset(name, Path(name), "", "", "", "", {}, DatasetMemory(Path(name), name, ""))
        for number, rate in enumerate(rates):
            rows, segments = 0, []
            for _ in range(120):
                rows += int(rng.integers(0, 3))
                stop = rows + int(rng.choice([0.5, 1.1, 2.0, 9.0, 60.0]) * rate) + int(rng.integers(1, 4))
                who, label = f"s{rng.integers(7)}", rng.choice(["", "walking", "sitting", f"only in {name}"])
                time_s = float(np.round(rng.uniform(-5, 1e5), 6))
                segments.append(Segment(f"r{rng.integers(9)}", who, str(label), rows, stop, time_s))
                rows = stop
            info = StreamInfo(f"t{number}", "tag", "wrist", ("acc_x", "acc_y", "acc_z"), rate)
            dataset.streams[info.name] = Stream(info, np.zeros((rows, 3), np.float32), Segments.of(segments))
        datasets.append(dataset)
    return datasets


@pytest.mark.parametrize("lengths_s", [(2.0, 0.7, 1.1), (5.0, 2.5, 1.0), (1.0, 0.3, 0.3)])
def test_columns_are_equal_to_the_bit_to_arrays_with_one_entry_a_window(corpus, lengths_s):
    for datasets in (corpus, generated_datasets(np.random.default_rng(3))):
        index, expected = WindowIndex(datasets, *lengths_s), columns_of_arrays(datasets, *lengths_s)
        assert len(index) == len(expected["start"])
        rows = np.random.default_rng(4).permutation(len(index))
        for name, array in expected.items():
            column = getattr(index, name)
            np.testing.assert_array_equal(column, array, err_msg=name, strict=False)
            assert np.asarray(column).dtype == array.dtype == column[rows].dtype
            np.testing.assert_array_equal(column[rows], array[rows], err_msg=name)
        np.testing.assert_array_equal(index.labelled_rows(), np.flatnonzero(expected["label_id"] >= 0))
        held_out = np.array([split_of(*name.split("/"), "x", 0.5) == "validation" for name in index.subjects])
        np.testing.assert_array_equal(index.split("x", 0.5), held_out[expected["subject_id"]])


def test_a_column_is_asked_as_an_array_is(index, monkeypatch):
    monkeypatch.setattr("har.windows.columns._ROWS_AT_ONCE", 7)
    array, column = np.asarray(index.start), index.start
    n = len(array)
    keys = (3, -1, np.int64(5), slice(None), slice(2, None, 3), [1, 1, -n], np.arange(6).reshape(2, 3), array % 2 == 0)
    for key in (*keys, np.zeros(0, dtype=int), np.array(4), np.uint8([3])):
        found, expected = column[key], array[key]
        np.testing.assert_array_equal(found, expected)
        assert type(found) is type(expected) and found.dtype == expected.dtype and np.shape(found) == expected.shape
    for key in (n, -n - 1, [0, n], [1.5], np.ones(n - 1, dtype=bool)):
        with pytest.raises(IndexError):
            column[key]
    np.testing.assert_array_equal(column >= 60, array >= 60)
    np.testing.assert_array_equal(60 - column * 2, 60 - array * 2)
    np.testing.assert_array_equal(
        np.flatnonzero(column == index.segment_start), np.flatnonzero(array == np.asarray(index.segment_start))
    )
    np.testing.assert_array_equal(np.arange(array.max() + 1)[column], array)
    assert list(column) == column.tolist() == array.tolist() and column.shape == array.shape
    with pytest.raises(TypeError):
        column[0] = 1


def test_the_index_keeps_nothing_a_window(corpus):
    """Ten times as many windows of the same segments take no byte more."""
    few, many = WindowIndex(corpus, 2.0, 2.0, 1.0), WindowIndex(corpus, 2.0, 0.05, 1.0)
    assert len(many) > 10 * len(few)
    assert many.segments.nbytes == few.segments.nbytes <= 42 * len(few.segments) + 500


@pytest.mark.parametrize(
    "lengths", [(2.0, 0.0, 1.0), (2.0, -1.0, 1.0), (2.0, 1.0, 2.5), (2.0, 1.0, 0.0), (math.nan, 1.0, 1.0)]
)
def test_lengths_that_make_no_sense_are_refused(corpus, lengths):
    with pytest.raises(ValueError, match="expected a positive stride"):
        WindowIndex(corpus, *lengths)


def test_no_window_at_all_is_an_error(corpus):
    with pytest.raises(ValueError, match=r"\['alpha', 'beta'\].*60"):
        WindowIndex(corpus, 60.0, 1.0, 60.0)
    with pytest.raises(ValueError, match="no segment"):
        WindowIndex([], 2.0, 1.0, 1.0)


# --- split ------------------------------------------------------------------------------------------------------------


def test_the_split_never_changes():
    """Pinned: a released model's held-out people must stay held out in every later version."""
    sides = "".join(split_of("mhealth", f"subject{i}", "v1", 0.5)[0] for i in range(24))
    assert sides == "vvvvvvtvvvvvtvttvvtttvtt"


def test_the_split_has_the_asked_share_and_depends_on_salt_and_dataset():
    people = [f"s{i}" for i in range(4000)]
    sides = {
        (dataset, salt): np.array([split_of(dataset, s, salt, 0.2) == "validation" for s in people])
        for dataset in ("a", "b")
        for salt in ("x", "y")
    }
    deviation = math.sqrt(0.2 * 0.8 / 4000)
    for held_out in sides.values():
        assert held_out.mean() == pytest.approx(0.2, abs=4 * deviation)
    for one, other in ((("a", "x"), ("a", "y")), (("a", "x"), ("b", "x"))):
        both = (sides[one] & sides[other]).mean()  # independent: 0.2 x 0.2
        assert both == pytest.approx(0.04, abs=4 * math.sqrt(0.04 * 0.96 / 4000))
    folds = np.array([[split_of("a", s, "x", 0.25, i / 4) == "validation" for s in people] for i in range(4)])
    assert (folds.sum(axis=0) == 1).all() and folds.any(axis=1).all()  # everybody in exactly one
    assert {split_of("a", s, "x", 0.0) for s in people} == {"train"}
    assert {split_of("a", s, "x", 1.0) for s in people} == {"validation"}
    larger = np.array([split_of("a", s, "x", 0.3) == "validation" for s in people])
    assert (larger >= sides["a", "x"]).all()  # a larger share only adds people


def test_the_split_is_the_same_for_any_order_subset_and_cache(corpus, corpus_folder):
    def sides(datasets: list[Dataset]) -> dict[tuple[str, str, int], tuple[bool, str]]:
        """(dataset, stream, first row) -> (held out, subject)."""
        index = WindowIndex(datasets, WINDOW_S, STRIDE_S, SHORTEST_S)
        found = {}
        for i, held_out in enumerate(index.split("salt-3", 0.5)):
            stream = index.streams[index.stream_id[i]]
            key = (stream.dataset, stream.info.name, int(index.start[i]))
            found[key] = (bool(held_out), index.subjects[index.subject_id[i]])
        return found

    everything = sides(corpus)
    for held_out, name in everything.values():
        assert held_out == (split_of(*name.split("/"), "salt-3", 0.5) == "validation")
    assert {held_out for held_out, _ in everything.values()} == {True, False}
    assert sides(corpus[::-1]) == everything
    assert sides(corpus[1:]) == {key: side for key, side in everything.items() if key[0] == "beta"}
    again = [read_dataset(corpus_folder / d.name) for d in corpus]
    assert sides(again) == everything
    cold = [read_dataset(corpus_folder / d.name, scan=True) for d in corpus]
    assert sides(cold) == everything


# --- reading ----------------------------------------------------------------------------------------------------------


class Untouchable:
    """Stands for samples on disk; any use of them is an error."""

    def _refuse(self, *_: object, **__: object) -> None:
        raise AssertionError("samples were read")

    __getitem__ = __array__ = __len__ = __iter__ = __getattr__ = _refuse


def test_building_an_index_reads_no_sample(corpus):
    expected = WindowIndex(corpus, WINDOW_S, STRIDE_S, SHORTEST_S)
    for dataset in corpus:
        for stream in dataset.streams.values():
            assert isinstance(stream.samples, np.memmap)
            stream.samples = Untouchable()
    index = WindowIndex(corpus, WINDOW_S, STRIDE_S, SHORTEST_S)
    np.testing.assert_array_equal(index.start, expected.start)
    np.testing.assert_array_equal(index.split("x", 0.5), expected.split("x", 0.5))
    assert index.describe(0) == expected.describe(0)
    with pytest.raises(AssertionError, match="samples were read"):
        index.read(np.array([0]))


def test_samples_stay_memory_mapped_and_are_not_written(index):
    for stream in index.streams:
        assert isinstance(stream.samples, np.memmap) and not stream.samples.flags.writeable
    window = index.read(np.array([0]))
    assert not isinstance(window, np.memmap) and window.flags.writeable
    before = window.copy()
    window[:] = 7.0
    np.testing.assert_array_equal(index.read(np.array([0])), before)


def test_windows_of_several_streams_are_not_read_at_once(index):
    rows = np.array([np.flatnonzero(index.stream_id == s)[0] for s in (0, 1)])
    with pytest.raises(ValueError, match="windows of 2 streams"):
        index.read(rows)
    with pytest.raises(ValueError, match="windows of 2 streams"):
        index.read_partners(rows)


def test_shifted_starts_stay_in_the_segment_and_reach_half_a_stride(index):
    rows = np.tile(np.arange(len(index)), 60)
    starts = index.shifted_starts(rows, np.random.default_rng(0))
    rate = np.array([s.info.sampling_rate_hz for s in index.streams])[index.stream_id[rows]]
    length = np.array([s.window_length for s in index.streams])[index.stream_id[rows]]
    long_enough = index.segment_stop[rows] - index.segment_start[rows] >= length
    assert (starts >= index.segment_start[rows]).all()
    assert (starts + length <= index.segment_stop[rows])[long_enough].all()
    np.testing.assert_array_equal(starts[~long_enough], index.start[rows][~long_enough])
    shift_s = (starts - index.start[rows]) / rate
    assert np.abs(shift_s).max() <= STRIDE_S / 2 + 0.5 / 20
    assert shift_s.min() < -0.9 * STRIDE_S / 2 and shift_s.max() > 0.9 * STRIDE_S / 2
    np.testing.assert_array_equal(starts, index.shifted_starts(rows, np.random.default_rng(0)))
    assert (starts != index.shifted_starts(rows, np.random.default_rng(1))).any()
    for stream_id in range(len(index.streams)):
        mine = np.flatnonzero(index.stream_id[rows] == stream_id)[:40]
        windows = index.read(rows[mine], starts[mine])
        np.testing.assert_array_equal(windows[:, 0, acc(index, stream_id)[ROW]], starts[mine])


def test_a_start_before_the_segment_reads_nan_not_the_neighbour(index):
    row = int(np.flatnonzero((index.segment_start > 5) & (index.start == index.segment_start))[0])
    (window,) = index.read(np.array([row]), index.start[[row]] - 5)
    assert np.isnan(window[:5]).all()
    assert window[5, acc(index, index.stream_id[row])[ROW]] == index.segment_start[row]


# --- partners ---------------------------------------------------------------------------------------------------------


def slow_partners(index: WindowIndex, folder: Path, row: int, moment_s: float) -> dict[int, tuple[int, int, int]]:
    """{stream id: (row, first row of its segment, end of its segment)} of the samples nearest to a moment, by loops."""
    dataset, recording = index.recordings[index.recording_id[row]].split("/", 1)
    found = {}
    for stream_id, stream in enumerate(index.streams):
        if stream_id == index.stream_id[row] or stream.dataset != dataset:
            continue
        rate, best = stream.info.sampling_rate_hz, 0.5 / stream.info.sampling_rate_hz + 1e-9
        for segment in csv_rows(folder, dataset, stream.info.name):
            for number in range(segment.start, segment.stop):
                away = abs(segment.start_time_s + (number - segment.start) / rate - moment_s)
                if segment.recording == recording and away < best:
                    best, found[stream_id] = away, (number, segment.start, segment.stop)
    return found


@pytest.mark.parametrize("shift_s", [0.0, 0.26])
def test_partners_are_what_a_slow_search_finds(index, corpus_folder, shift_s):
    met, none = Counter(), 0
    for stream_id, stream in enumerate(index.streams):
        rows = np.flatnonzero(index.stream_id == stream_id)[::2]
        start = index.start[rows] + round(shift_s * stream.info.sampling_rate_hz)
        own = index.read(rows, start)[:, 0, acc(index, stream_id)[TIME]].astype(np.float64)
        partners = {
            (other, int(at)): window
            for other, take, windows in index.read_partners(rows, start)
            for at, window in zip(take, windows, strict=True)
        }
        expected = {
            (other, at): place
            for at, row in enumerate(rows)
            for other, place in slow_partners(index, corpus_folder, row, own[at]).items()
        }
        assert partners.keys() == expected.keys()
        none += len(rows) - len({at for _, at in partners})
        for (other, at), (first, lowest, stop) in expected.items():
            window, rate = partners[other, at], index.streams[other].info.sampling_rate_hz
            numbers = np.arange(first, first + round(WINDOW_S * rate), dtype=float)
            numbers[numbers >= stop] = np.nan
            assert lowest <= first
            np.testing.assert_array_equal(window[:, acc(index, other)[ROW]], numbers)
            # The same physical moment, to half a sample of the partner.
            moments = own[at] + np.arange(len(window)) / rate
            away = np.abs(window[:, acc(index, other)[TIME]] - moments)
            assert np.nanmax(away) <= 0.5 / rate + 1e-4
            met[stream.info.name, index.streams[other].info.name] += 1
    assert min(met[a, b] for a in ("wrist", "chest", "thigh") for b in ("wrist", "chest", "thigh") if a != b) > 0
    assert none > 5  # beta's only stream, and moments at which nobody else measured


def test_a_first_sample_just_after_the_moment_is_found(index, corpus_folder):
    """Labels cut streams of different rates at slightly different moments; no first window may lose its partner."""
    wrist = [i for i in range(len(index)) if index.stream_id[i] == 0 and index.start[i] == index.segment_start[i]]
    late = 0
    for row in wrist:
        moment_s = float(index.read(np.array([row]))[0, 0, acc(index, 0)[TIME]])
        for other, (first, lowest, _) in slow_partners(index, corpus_folder, row, moment_s).items():
            (window,) = (w[0] for stream, _, w in index.read_partners(np.array([row])) if stream == other)
            assert window[0, acc(index, other)[ROW]] == first
            late += first == lowest and window[0, acc(index, other)[TIME]] > moment_s + 1e-3
    assert late > 0


def test_a_stream_worn_alone_has_no_partners(index):
    rows = np.flatnonzero(index.stream_id == 3)
    assert index.streams[3].info.name == "pocket" and index.read_partners(rows) == []


# --- naming a window --------------------------------------------------------------------------------------------------


def test_describe_finds_a_window_again(index):
    for row in (0, 5, len(index) - 1):
        stream = index.streams[index.stream_id[row]]
        text = index.describe(row)
        dataset, recording = index.recordings[index.recording_id[row]].split("/")
        label = index.labels[index.label_id[row]] if index.label_id[row] >= 0 else "unlabelled"
        subject = index.subjects[index.subject_id[row]].split("/")[1]
        assert text == (
            f"{dataset}/{recording}, stream {stream.info.name}, subject {subject}, {label}, "
            f"at {index.start_time_s[row]:.2f} s (row {index.start[row]} of {stream.info.name}.npy)"
        )
    assert any("unlabelled" in index.describe(i) for i in range(len(index)))


def test_a_column_is_an_array_to_its_users_and_to_other_processes(corpus):
    index = WindowIndex(corpus, 2.0, 0.7, 1.1)
    again = pickle.loads(pickle.dumps(index))
    for name in ("label_id", "subject_id", "recording_id", "stream_id", "dataset_id", "segment_start", "segment_stop",
                 "start", "start_time_s", "wearer_id"):  # fmt: skip
        column = getattr(index, name)
        array = np.asarray(column)
        assert np.array_equal(column[...], array) and np.array_equal(column[()], array)
        assert column.max() == array.max() and column.ndim == 1 and column.size == len(array)
        assert column.astype(str).tolist() == array.astype(str).tolist()
        assert np.array_equal(np.asarray(getattr(again, name)), array)
    assert not hasattr(index.label_id, "no_such_thing")
