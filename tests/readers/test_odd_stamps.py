"""Stamps that count from elsewhere, in other units or unevenly: read as what they are, or refused in words."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from har.readers import ReaderError, Recording, read_recording

N, RATE = 6000, 50
START = dt.datetime(2024, 3, 5, 10)
UNIX = int(START.replace(tzinfo=dt.UTC).timestamp())


def read(folder: Path, stamps: list, name: str = "time") -> Recording:
    """Two minutes whose first axis counts the samples, in units of 1e-6 g."""
    path = folder / "walk.csv"
    rows = (f"{stamp},{k * 1e-6:.6f},0.1,0.99" for k, stamp in enumerate(stamps))
    path.write_text("\n".join([f"{name},acc_x (g),acc_y (g),acc_z (g)", *rows, ""]))
    return read_recording(path)


def written(text: Callable[[dt.datetime], str], start: dt.datetime = START) -> list[str]:
    return [text(start + dt.timedelta(milliseconds=20 * k)) for k in range(N)]


def check(recording: Recording, start: dt.datetime | None, rate: float = RATE) -> None:
    """All samples in one piece, in their order and at the right rate."""
    (device,) = recording.devices
    (piece,) = device.pieces
    assert device.sampling_rate_hz == rate and recording.start_time == start
    np.testing.assert_allclose(piece.samples[:, 0], np.arange(N) * 1e-6, atol=2e-7)


@pytest.mark.parametrize(
    ("unit_s", "since", "zone"),
    [
        (1e-7, dt.datetime(1, 1, 1), None),
        (1e-7, dt.datetime(1601, 1, 1), dt.UTC),
        (1e-7, dt.datetime(1970, 1, 1), dt.UTC),
        (1e-4, dt.datetime(1970, 1, 1), dt.UTC),
    ],
)
def test_ticks_and_file_times(unit_s, since, zone, tmp_path: Path):
    first = int((START - since).total_seconds()) * round(1 / unit_s)
    stamps = [first + k * round(0.02 / unit_s) for k in range(N)]
    check(read(tmp_path, stamps), START.replace(tzinfo=zone))


def test_compact_dates(tmp_path: Path):
    start = START + dt.timedelta(hours=13, minutes=59, seconds=30)  # midnight passes
    check(read(tmp_path, written(lambda t: t.strftime("%Y%m%d%H%M%S%f")[:-3], start)), start)
    check(read(tmp_path, written(lambda t: t.strftime("%Y%m%d%H%M%S"), start)), start)
    check(read(tmp_path, written(lambda t: t.strftime("%Y%m%dT%H%M%S.%f")[:-3], start)), start)
    zoned = written(lambda t: t.strftime("%Y%m%dT%H%M%S.%f")[:-3] + "+0200", start)
    check(read(tmp_path, zoned), start.replace(tzinfo=dt.timezone(dt.timedelta(hours=2))))
    with pytest.raises(ReaderError, match="dates with a fraction"):
        read(tmp_path, written(lambda t: t.strftime("%Y%m%d%H%M%S.%f")[:-3], start))


@pytest.mark.parametrize("hour", [11, 12, 23])
def test_a_clock_of_twelve_hours_goes_on(hour, tmp_path: Path):
    start = dt.datetime(2024, 3, 5, hour, 59)
    recording = read(tmp_path, written(lambda t: t.strftime("%I:%M:%S.%f")[:-3], start))
    check(recording, None)
    assert any("12 hours" in note for note in recording.notes) == (hour == 12)


@pytest.mark.parametrize("first_s", [1, 20, 40, 59])
def test_minutes_are_spread_at_the_pace_of_a_whole_one(first_s, tmp_path: Path):
    """Of three minutes the first and the last are there in part."""
    start = START + dt.timedelta(seconds=first_s)
    check(read(tmp_path, written(lambda t: t.strftime("%Y-%m-%d %H:%M"), start)), start)


def test_bundles_are_refused(tmp_path: Path):
    stamps = [UNIX * 1000 + k // 10 * 200 + k % 10 for k in range(N)]
    with pytest.raises(ReaderError, match=r"bundles of about 10, .* Give rate_hz"):
        read(tmp_path, stamps)


def test_a_step_that_two_units_share_is_refused(tmp_path: Path):
    with pytest.raises(ReaderError, match=r"2 Hz in s and 2,000 Hz in ms"):
        read(tmp_path, [f"{0.5 * k:.1f}" for k in range(N)])
    check(read(tmp_path, [f"{0.5 * k:.1f}" for k in range(N)], "time (ms)"), None, 2000)
    check(read(tmp_path, [f"{0.0005 * k:.4f}" for k in range(N)]), None, 2000)


def test_a_first_stamp_of_zero_is_no_start(tmp_path: Path):
    recording = read(tmp_path, ["0.00", *(f"{UNIX + 0.02 * k:.2f}" for k in range(1, N))])
    ((piece,),) = (device.pieces for device in recording.devices)
    assert recording.start_time == dt.datetime.fromtimestamp(UNIX + 0.02, dt.UTC) and piece.start_s == 0
    np.testing.assert_allclose(piece.samples[:, 0], np.arange(1, N) * 1e-6, atol=2e-7)


@pytest.mark.parametrize("stray", ["0.00", "1000000.0", "-5.0"])
def test_a_stray_stamp_is_left_out(stray, tmp_path: Path):
    recording = read(tmp_path, [stray if k == 1000 else f"{0.02 * k:.2f}" for k in range(N)])
    check(recording, None)
    assert any(note.startswith("1 rows left out") for note in recording.notes)


def test_rows_in_no_order_have_no_strays(tmp_path: Path):
    order = np.random.default_rng(0).permutation(N)
    path = tmp_path / "walk.csv"
    rows = (f"{k * 0.02:.2f},{k * 1e-6:.6f},0.1,0.99" for k in order)
    path.write_text("\n".join(["time,acc_x (g),acc_y (g),acc_z (g)", *rows, ""]))
    check(read_recording(path), None)


def test_stamps_that_are_all_alike_are_refused(tmp_path: Path):
    with pytest.raises(ReaderError, match=r"all alike \('1.70963E\+12'\).*rate_hz"):
        read(tmp_path, ["1.70963E+12"] * N)


def test_a_number_of_centuries_is_no_time(tmp_path: Path):
    with pytest.raises(ReaderError, match="years since a start"):
        read(tmp_path, [9_000_000_000_000 + 20 * k for k in range(N)])


def test_a_start_above_the_table_is_said_not_to_be_read(tmp_path: Path):
    path = tmp_path / "walk.csv"
    rows = (f"{0.02 * k:.2f},{k * 1e-6:.6f},0.1,0.99" for k in range(N))
    path.write_text("\n".join(["Start: 2024-03-05 10:00:00", "time,acc_x (g),acc_y (g),acc_z (g)", *rows, ""]))
    recording = read_recording(path)
    check(recording, None)
    assert any("'Start: 2024-03-05 10:00:00' above the table is not read" in note for note in recording.notes)


def test_cells_that_are_no_numbers_are_named(tmp_path: Path):
    path = tmp_path / "walk.csv"
    path.write_text("\n".join(["time;acc_x;acc_y;acc_z", *(f"{20 * k};0,5;-0,5;1.002,6" for k in range(N)), ""]))
    with pytest.raises(ReaderError, match=r"column 'acc_z' holds '1\.002,6', with a separator of thousands"):
        read_recording(path)
    path.write_text("\n".join(["time,label,a,b,c", *(f"{0.02 * k:.2f},walking,0.1,0.1,0.99" for k in range(N)), ""]))
    with pytest.raises(ReaderError, match=r"walk.csv: the column 'label' holds no numbers \('walking'\)"):
        read_recording(path, columns={"time": "time", "acc_x": "label", "acc_y": "b", "acc_z": "c"})
