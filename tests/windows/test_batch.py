"""Batches against a slow oracle that cuts, pads and resamples one window at a time from the arrays on disk."""

import math
from dataclasses import fields

import numpy as np
import pytest
import torch

from har.recordings.format import SENSOR_KINDS, Dataset
from har.signal.channels import triads
from har.signal.cutting import to_triads
from har.windows.batch import BatchMaker, SensorWindows, empty_windows, resident_device
from har.windows.index import WindowIndex
from har.windows.resample import resample

RATE_HZ, WINDOW_S = 25.0, 2.0
PLACEMENT_ROW = {"left wrist": 3, "chest": 1, "trouser pocket": 2}  # the thigh's is unknown


@pytest.fixture
def index(corpus: list[Dataset]) -> WindowIndex:
    return WindowIndex(corpus, WINDOW_S, 0.7, 1.1)


def cut(index: WindowIndex, stream_id: int, first: int, lowest: int, stop: int) -> np.ndarray:
    """(T, C) of one stream, NaN outside its segment."""
    stream = index.streams[stream_id]
    window = np.full((round(WINDOW_S * stream.info.sampling_rate_hz), len(stream.info.channels)), np.nan)
    for t in range(len(window)):
        if lowest <= first + t < stop:
            window[t] = stream.samples[first + t]
    return window


def slow_sensors(index: WindowIndex, row: int, start: int, sensors: tuple[str, ...], joint: bool) -> list[tuple]:
    """[(stream id, location, kind, signal (3, T), valid (T,)), ...] of one window, one triad after the other."""
    own = int(index.stream_id[row])
    pieces = [(own, cut(index, own, start, index.segment_start[row], index.segment_stop[row]))]
    if joint:
        rate = index.streams[own].info.sampling_rate_hz
        moment_s = index.start_time_s[row] + (start - index.start[row]) / rate
        for other, stream in enumerate(index.streams):
            nearest = 0.5 / stream.info.sampling_rate_hz
            for segment, recording in enumerate(stream.recording_id):
                count = stream.stop[segment] - stream.start[segment]
                away = np.abs(stream.start_time_s[segment] + np.arange(count) / stream.info.sampling_rate_hz - moment_s)
                if other != own and recording == index.recording_id[row] and away.min() < nearest:
                    first = stream.start[segment] + int(away.argmin())
                    pieces.append((other, cut(index, other, first, stream.start[segment], stream.stop[segment])))
    found = []
    for location, (stream_id, window) in enumerate(pieces):
        info = index.streams[stream_id].info
        for kind in SENSOR_KINDS:
            if kind in sensors and f"{kind}_x" in info.channels:
                triad = np.stack([window[:, info.channels.index(f"{kind}_{axis}")] for axis in "xyz"])
                valid = torch.from_numpy(np.isfinite(triad).all(axis=0))
                signal = torch.from_numpy(np.nan_to_num(triad)).float()
                found.append((stream_id, location, kind, *resample(signal, valid, info.sampling_rate_hz, RATE_HZ, 50)))
    return found


def as_dict(windows: SensorWindows) -> dict[str, torch.Tensor]:
    return {field.name: getattr(windows, field.name) for field in fields(windows)}


@pytest.mark.parametrize("joint", [False, True])
@pytest.mark.parametrize("shifted", [False, True])
@pytest.mark.parametrize("share", [slice(0, 24), slice(24, 47), slice(46, 47), slice(None)])
def test_a_share_of_a_batch_is_that_part_of_the_whole(index, shifted, joint, share):
    """With as many sensors: whichever windows are elsewhere, the network is fed the same.

    Resampled to the rounding: some CPUs sum a product of a few rows in another order than one of many.
    """
    random = np.random.default_rng(3)
    rows = random.integers(0, len(index), 47)
    start = index.shifted_starts(rows, random) if shifted else None
    axes = [random.normal(size=(len(index.recordings), 2, 3)).astype(np.float32) for _ in index.streams]
    maker = BatchMaker(index, RATE_HZ, ("acc", "gyro"), PLACEMENT_ROW, axes)
    whole, part = maker(rows, start, joint), maker(rows, start, joint, share)
    for name, expected in as_dict(whole[share]).items():
        tolerance = 1e-6 if name == "signal" else 0.0
        torch.testing.assert_close(as_dict(part)[name], expected, rtol=tolerance, atol=tolerance, msg=name)


def test_a_share_without_the_widest_window_has_room_for_it_all_the_same(index):
    """Sizes that depend on the share would be other shapes in every process."""
    maker = BatchMaker(index, RATE_HZ, ("acc", "gyro"), PLACEMENT_ROW)
    sensors = [maker(np.array([row])).signal.shape[1] for row in range(len(index))]
    rows = np.array([int(np.argmin(sensors)), int(np.argmax(sensors))])
    assert min(sensors) < max(sensors)
    assert maker(rows, share=slice(0, 1)).signal.shape[:2] == (1, max(sensors))


@pytest.mark.parametrize("joint", [False, True])
@pytest.mark.parametrize("shifted", [False, True])
@pytest.mark.parametrize("sensors", [("acc",), ("acc", "gyro"), ("mag", "acc", "gyro")])
def test_a_batch_is_what_the_slow_oracle_makes(index, sensors, shifted, joint):
    random = np.random.default_rng(0)
    rows = random.permutation(np.repeat(np.arange(len(index)), 2))[:70]  # any mixture, some windows twice
    start = index.shifted_starts(rows, random) if shifted else None
    batch = BatchMaker(index, RATE_HZ, sensors, PLACEMENT_ROW)(rows, start, joint)
    expected = [
        slow_sensors(index, row, int(index.start[row] if start is None else start[i]), sensors, joint)
        for i, row in enumerate(rows)
    ]
    slots = max(map(len, expected))
    assert len({len(e) for e in expected}) > 1 or sensors == ("acc",)  # some windows lack sensors
    assert batch.signal.shape == (70, slots, 3, 50) and batch.valid.shape == (70, slots, 50) and len(batch) == 70
    for i, of_window in enumerate(expected):
        for slot, (stream_id, location, kind, signal, valid) in enumerate(of_window):
            info = index.streams[stream_id].info
            assert torch.equal(batch.valid[i, slot], valid)
            torch.testing.assert_close(batch.signal[i, slot], signal, atol=2e-3, rtol=1e-5)  # acc_y counts to 1000
            assert SENSOR_KINDS[batch.kind[i, slot]] == kind and batch.location[i, slot] == location
            assert batch.placement[i, slot] == PLACEMENT_ROW.get(info.placement, 0)
            assert batch.rate_hz[i, slot] == info.sampling_rate_hz
        for slot in range(len(of_window), slots):
            assert not batch.valid[i, slot].any() and not batch.signal[i, slot].any()
    assert (batch.signal.movedim(2, -1)[~batch.valid] == 0).all()


def test_partners_join_at_other_locations_and_show_the_same_motion(index):
    """acc_z is a sine of the recording's clock: devices of any rate and start agree on it, up to half a sample each."""
    rows = np.flatnonzero(index.stream_id <= 2)
    maker = BatchMaker(index, RATE_HZ, ("acc", "gyro"), {})
    alone, joint = maker(rows), maker(rows, joint=True)
    assert alone.location.max() == 0 and set(joint.location.unique().tolist()) == {0, 1, 2}
    inner = slice(16, -16)
    compared = 0
    for i in range(len(rows)):
        used = joint.valid[i].any(dim=1)
        pairs = list(zip(joint.location[i, used].tolist(), joint.kind[i, used].tolist(), strict=True))
        assert len(set(pairs)) == len(pairs)
        acc = [s for s in range(len(used)) if used[s] and joint.kind[i, s] == 0]
        own = joint.signal[i, acc[0], 2]
        for other in acc[1:]:
            both = joint.valid[i, acc[0], inner] & joint.valid[i, other, inner]
            if both.all():
                slowest = float(joint.rate_hz[i, [acc[0], other]].min())
                most = 2 * math.pi * 0.8 * 0.5 / slowest + 0.005
                torch.testing.assert_close(joint.signal[i, other, 2, inner], own[inner], atol=most, rtol=0)
                compared += 1
    assert compared > 20


def test_the_windows_own_sensors_come_first_and_do_not_change_when_others_join(index):
    rows = np.arange(len(index))
    maker = BatchMaker(index, RATE_HZ, ("acc", "gyro", "mag"), PLACEMENT_ROW)
    alone, joint = maker(rows), maker(rows, joint=True)
    used = alone.valid.any(dim=2)
    slots = alone.signal.shape[1]
    torch.testing.assert_close(joint.signal[:, :slots][used], alone.signal[used], atol=1e-3, rtol=1e-5)
    for name in ("valid", "kind", "location", "placement", "rate_hz"):
        assert torch.equal(getattr(joint, name)[:, :slots][used], getattr(alone, name)[used]), name


def test_the_order_of_rows_is_the_order_of_windows(index):
    maker = BatchMaker(index, RATE_HZ, ("acc", "gyro"), PLACEMENT_ROW)
    rows = np.arange(0, len(index), 3)
    order = np.random.default_rng(3).permutation(len(rows))
    one, other = maker(rows, joint=True)[torch.from_numpy(order)], maker(rows[order], joint=True)
    assert torch.equal(one.valid, other.valid) and torch.equal(one.kind, other.kind)
    torch.testing.assert_close(one.signal, other.signal, atol=2e-3, rtol=1e-5)


def test_each_sensor_has_the_body_axes_of_its_stream_and_recording(index):
    """Of partners too, and zeros (unknown) where the window lacks the sensor or no axes were given."""
    random = np.random.default_rng(2)
    tables = [random.standard_normal((len(index.recordings), 2, 3)).astype(np.float32) for _ in index.streams]
    rows = random.permutation(len(index))
    batch = BatchMaker(index, RATE_HZ, ("acc", "gyro"), {}, tables)(rows, joint=True)
    seen = 0
    for i, row in enumerate(rows):
        expected = slow_sensors(index, row, int(index.start[row]), ("acc", "gyro"), True)
        for slot in range(batch.kind.shape[1]):
            if slot < len(expected):
                axes = tables[expected[slot][0]][index.recording_id[row]]
                np.testing.assert_array_equal(batch.body[i, slot].numpy(), axes)
                seen += slot > 0
            else:
                assert not batch.body[i, slot].any()
    assert seen > 10
    assert not BatchMaker(index, RATE_HZ, ("acc", "gyro"), {})(rows).body.any()


def test_sensors_that_nothing_has_are_refused(index):
    with pytest.raises(ValueError, match=r"alpha/chest has channels .*; none of \['gyro'\]"):
        BatchMaker(index, RATE_HZ, ("gyro",), {})
    with pytest.raises(ValueError, match=r"sensors \['acc', 'pressure'\]; expected some of"):
        BatchMaker(index, RATE_HZ, ("acc", "pressure"), {})
    with pytest.raises(ValueError, match="expected some of"):
        BatchMaker(index, RATE_HZ, (), {})


def test_triads_are_found_by_name_in_any_column_order():
    names = ["gyro_z", "acc_y", "mag_x", "acc_x", "gyro_x", "acc_z", "gyro_y", "mag_y"]
    assert triads(names) == [("acc", [3, 1, 5]), ("gyro", [4, 6, 0])]  # a magnetometer without z is none


def test_a_sample_that_lacks_one_axis_is_missing():
    samples = np.arange(24, dtype=np.float64).reshape(1, 6, 4)
    samples[0, 1, 2] = np.nan
    samples[0, 4, 0] = np.inf
    samples[0, 3, 1] = np.nan  # a column that is not used
    signal, valid = to_triads(samples, [3, 0, 2])
    assert signal.shape == (1, 3, 6) and signal.dtype == torch.float32
    assert valid.tolist() == [[True, False, True, True, False, True]]
    assert signal[0, :, 5].tolist() == [23.0, 20.0, 22.0]


def test_windows_are_taken_replaced_and_moved_as_one():
    windows = SensorWindows(
        signal=torch.arange(24.0).reshape(2, 2, 3, 2),
        valid=torch.tensor([[[True, False], [True, True]]] * 2),
        kind=torch.tensor([[0, 1], [0, 2]]),
        location=torch.tensor([[0, 0], [0, 1]]),
        placement=torch.tensor([[1, 1], [2, 3]]),
        rate_hz=torch.tensor([[50.0, 50.0], [20.0, 32.0]]),
    )
    second = windows[1:]
    assert len(second) == 1 and torch.equal(second.signal, windows.signal[1:]) and second.kind.tolist() == [[0, 2]]
    assert second.placement.tolist() == [[2, 3]] and second.rate_hz.tolist() == [[20.0, 32.0]]
    other = windows.replace(placement=torch.zeros(2, 2, dtype=torch.long))
    assert other.placement.sum() == 0 and windows.placement.sum() == 7 and other.signal is windows.signal
    moved = windows.to("cpu")
    assert moved is not windows
    assert torch.equal(moved.signal, windows.signal) and torch.equal(moved.valid, windows.valid)


def test_empty_windows_have_no_valid_sample():
    windows = empty_windows(3, 2, 7)
    assert len(windows) == 3 and windows.valid.shape == (3, 2, 7) and not windows.valid.any()
    assert windows.signal.shape == (3, 2, 3, 7) and not windows.signal.any() and (windows.placement == 0).all()


@pytest.mark.parametrize("joint", [False, True])
def test_samples_that_lie_on_a_device_give_the_same_batches(index, joint):
    """The path of a GPU, on the CPU: gathered by tensors in place of arrays."""
    makers = [
        BatchMaker(index, RATE_HZ, ("acc", "gyro"), PLACEMENT_ROW, resident=resident)
        for resident in (None, torch.device("cpu"))
    ]
    rows = np.arange(len(index))
    start = index.shifted_starts(rows, np.random.default_rng(0))
    ours, others = (make(rows, start, joint) for make in makers)
    assert not others.valid.all() and others.valid.any()
    for field in fields(ours):
        # Streams of one rate are resampled in one product, which may round otherwise.
        torch.testing.assert_close(getattr(ours, field.name), getattr(others, field.name), atol=1e-3, rtol=1e-5)


def test_samples_lie_on_a_gpu_only_where_asked_for(index):
    cpu = torch.device("cpu")
    assert resident_device(index, cpu, "auto") is None and resident_device(index, cpu, "off") is None
    assert resident_device(index, cpu, "on") == cpu
    with pytest.raises(ValueError, match="expected auto, on or off"):
        resident_device(index, cpu, "yes")
