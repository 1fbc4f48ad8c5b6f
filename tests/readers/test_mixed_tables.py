"""Tables that hold more than one device, person or clock: told apart, or refused in words; never mixed."""

from pathlib import Path

import numpy as np
import pytest

from har.readers import ReaderError, read_recording

RATE, N = 50.0, 1500


@pytest.fixture(scope="module")
def walk() -> tuple[np.ndarray, np.ndarray]:
    """Time (n,) s, and acceleration (n, 3) g of ten seconds at rest and twenty of walking."""
    time_s = np.arange(N) / RATE
    acc = np.stack([0.3 * np.sin(12 * time_s), 0.2 * np.cos(12 * time_s), 1 + 0.3 * np.sin(25 * time_s)], 1)
    acc[:500] = [0.0, 0.0, 1.0]
    return time_s, acc


def table(path: Path, header: str, rows) -> Path:
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows), ""]))
    return path


@pytest.mark.parametrize("column", ["device", "sensor", "placement", "sensor_id", "Körperstelle"])
@pytest.mark.parametrize("late_s", [0.0, 0.01])
def test_a_column_of_places_tells_devices_apart(column, late_s, walk, tmp_path: Path):
    time_s, acc = walk
    turned = acc[:, [2, 0, 1]]
    rows = []
    for t, one, two in zip(time_s, acc, turned, strict=True):
        rows += [(f"{t:.3f}", "left wrist", *one), (f"{t + late_s:.3f}", "right ankle", *two)]
    recording = read_recording(table(tmp_path / "walk.csv", f"time,{column},x,y,z", rows))
    assert [device.placement for device in recording.devices] == ["left wrist", "right ankle"]
    for device, expected, start in zip(recording.devices, (acc, turned), (0.0, late_s), strict=True):
        (piece,) = device.pieces
        assert device.sampling_rate_hz == 50 and piece.start_s == pytest.approx(start, abs=0.011)
        if start == 0:
            np.testing.assert_allclose(piece.samples, expected, atol=1e-5)
        assert abs(len(piece.samples) - N) <= 1


def test_a_rate_does_not_stamp_rows_of_several_devices(walk, tmp_path: Path):
    _, acc = walk
    rows = [(place, *a) for a in acc for place in ("left wrist", "right ankle")]
    with pytest.raises(ReaderError, match=r"rows are of several sensors or devices, .* leave rate_hz out"):
        read_recording(table(tmp_path / "walk.csv", "device,acc_x,acc_y,acc_z", rows), rate_hz=50)


@pytest.mark.parametrize(
    ("column", "values", "says"),
    [
        ("device", ("A1", "B2"), "'device' names 2 devices ('A1', 'B2')"),
        ("id", ("1", "2"), "'id' names 2 devices ('1', '2')"),
        ("subject", ("left hand", "B"), "'subject' names 2 people"),
        ("participant_id", ("7", "8"), "'participant_id' names 2 people ('7', '8')"),
    ],
)
def test_devices_without_places_and_several_people_are_refused(column, values, says, walk, tmp_path: Path):
    time_s, acc = walk
    rows = [(v, f"{t + k * 200:.3f}", *a) for k, v in enumerate(values) for t, a in zip(time_s, acc, strict=True)]
    path = table(tmp_path / "walk.csv", f"{column},time,acc_x,acc_y,acc_z", rows)
    with pytest.raises(ReaderError) as refusal:
        read_recording(path)
    assert says in str(refusal.value) and "file for each" in str(refusal.value)


def test_a_column_of_one_value_or_of_a_count_is_no_choice(walk, tmp_path: Path):
    time_s, acc = walk
    rows = [("A", k, f"{t:.3f}", *a) for k, (t, a) in enumerate(zip(time_s, acc, strict=True))]
    recording = read_recording(table(tmp_path / "walk.csv", "device,id,time,acc_x,acc_y,acc_z", rows))
    (device,) = recording.devices
    np.testing.assert_allclose(device.pieces[0].samples, acc, atol=1e-5)


@pytest.fixture(scope="module")
def clocks(walk) -> tuple[list[list[str]], np.ndarray, np.ndarray]:
    """Rows of an accelerometer at 50 Hz beside a gyroscope at 100 Hz, which is the longer one; and what they hold."""
    time_s, acc = walk
    fast_s = np.arange(2 * N) / 100
    gyro = np.stack([np.sin(2 * fast_s), np.cos(3 * fast_s), 0.2 * np.sin(fast_s)], 1)
    rows = []
    for k, (t, g) in enumerate(zip(fast_s, gyro, strict=True)):
        left = [f"{time_s[k]:.3f}", *(f"{x:.6f}" for x in acc[k])] if k < N else [""] * 4
        rows.append([*left, f"{t:.3f}", *(f"{x:.6f}" for x in g)])
    return rows, acc, gyro


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("Time (s)", "Time (s)"), ("Time", "Gyro Time"), ("timestamp", "timestamp.1"), ("t_acc", "t_gyro"),
        ("Acc Time (s)", "Gyro Time (s)"), ("time_acc", "time_gyro"), ("acc_time", "gyro_time"),
        ("accelerometerTimestamp", "gyroscopeTimestamp"),
    ],
)  # fmt: skip
def test_each_sensor_is_read_on_its_own_clock(one, two, clocks, tmp_path: Path):
    rows, acc, gyro = clocks
    header = f"{one},acc_x (g),acc_y (g),acc_z (g),{two},gyro_x (rad/s),gyro_y (rad/s),gyro_z (rad/s)"
    recording = read_recording(table(tmp_path / "walk.csv", header, rows))
    ((piece,),) = (device.pieces for device in recording.devices)
    assert recording.devices[0].sampling_rate_hz == 50 and len(piece.samples) == N
    np.testing.assert_allclose(piece.samples[:, :3], acc, atol=1e-5)
    np.testing.assert_allclose(piece.samples[:, 3:], gyro[::2], atol=1e-5)
    assert any("own clock" in note for note in recording.notes)


def test_clocks_whose_sensor_cannot_be_told_are_refused(clocks, tmp_path: Path):
    rows, *_ = clocks
    rows = [[row[0], row[4], *row[1:4], *row[5:]] for row in rows]
    header = "acc_time,gyro_time,acc_x (g),acc_y (g),acc_z (g),gyro_x (rad/s),gyro_y (rad/s),gyro_z (rad/s)"
    path = table(tmp_path / "walk.csv", header, rows)
    with pytest.raises(ReaderError, match=r"'acc_time' \(column 1\) and 'gyro_time' \(column 2\)"):
        read_recording(path)
    with pytest.raises(ReaderError, match="which 50 Hz cannot be both"):
        header = "acc_time,acc_x (g),acc_y (g),acc_z (g),gyro_time,gyro_x (rad/s),gyro_y (rad/s),gyro_z (rad/s)"
        read_recording(table(tmp_path / "walk.csv", header, clocks[0]), rate_hz=50)
