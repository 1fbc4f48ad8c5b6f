"""Channel names and cutting, against loops and the words that people read."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from har.signal.channels import parse_devices, triads
from har.signal.cutting import cut, overlapping, to_triads

ACC, GYRO = ["acc_x", "acc_y", "acc_z"], ["gyro_x", "gyro_y", "gyro_z"]


def test_devices_are_found_in_any_order_of_columns():
    names = ["left wrist/acc_z", "chest/acc_x", "left wrist/acc_x", "chest/acc_z", "left wrist/acc_y", "chest/acc_y"]
    devices = parse_devices(names, None)
    assert [place for place, _ in devices] == ["left wrist", "chest"]
    for place, columns in devices:
        assert {f"{place}/{plain}": column for plain, column in columns.items()} == {
            name: i for i, name in enumerate(names) if name.startswith(place)
        }
    assert parse_devices(ACC, "thigh") == [("thigh", {"acc_x": 0, "acc_y": 1, "acc_z": 2})]


@pytest.mark.parametrize(
    ("channels", "placement", "words"),
    [
        ("acc_x", None, "expected a list of names"),
        ([], None, "expected a list of names"),
        (["chest/acc_x"], "chest", "names its placement, and placement='chest' too"),
        (["acceleration"], None, "expected acc_x ... acc_z"),
        (["acc_w"], None, "expected acc_x ... acc_z"),
        ([*ACC, "acc_x"], None, "is given twice"),
        ([*ACC, "gyro_x"], None, r"\['gyro_x'\] of the device lack an axis"),
    ],
)
def test_wrong_names_are_refused_in_words(channels, placement, words):
    with pytest.raises(ValueError, match=words):
        parse_devices(channels, placement)


def test_triads_need_all_of_their_axes():
    assert triads([*reversed(ACC), "gyro_x", "mag_x", "mag_y", "mag_z"]) == [("acc", [2, 1, 0]), ("mag", [4, 5, 6])]


@pytest.mark.parametrize("samples", [1, 4, 5, 12, 13])
def test_pieces_follow_each_other_and_the_last_is_filled_up(samples):
    signal = torch.arange(2 * samples * 3, dtype=torch.float32).view(2, samples, 3)
    pieces = cut(signal, 4)
    assert pieces.shape == (2 * -(-samples // 4), 4, 3)
    for window, own in zip(signal, pieces.view(2, -1, 3), strict=True):
        assert torch.equal(own[:samples], window)
        assert own[samples:].isnan().all()


@pytest.mark.parametrize(("samples", "stride"), [(30, 3.0), (30, 2.5), (31, 7.0), (10, 4.0), (6, 4.0), (1, 1.0)])
def test_overlapping_windows_are_a_stride_apart_and_end_with_the_recording(samples, stride):
    signal, length = torch.arange(2.0 * samples).view(samples, 2), 10
    every, start = overlapping(signal, length, stride)
    last = max(0, samples - length)
    expected = {round(k * stride) for k in range(samples) if k * stride <= last + 1e-6} | {last}
    assert start.tolist() == sorted(expected)
    for first in start.tolist():
        whole = signal[first : first + length]
        assert torch.equal(every[first][: len(whole)], whole)
        assert every[first][len(whole) :].isnan().all()


def test_a_sample_without_one_axis_is_missing():
    samples = np.arange(24, dtype=np.float32).reshape(1, 6, 4)
    samples[0, 2, 3] = np.nan
    signal, valid = to_triads(samples, [3, 0, 1])
    assert valid.tolist() == [[True, True, False, True, True, True]]
    assert torch.equal(signal[0, 1], torch.from_numpy(samples[0, :, 0]))


def test_names_of_channels_need_no_torch():
    """Converters and simulation import them in every one of their processes."""
    code = "import sys, har.recordings.format; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
