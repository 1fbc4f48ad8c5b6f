"""Files of wearable devices: against independent readers, a decoder of bits, and themselves read in parts."""

import datetime as dt
import struct
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from har.readers import ReaderError, read_recording
from har.readers.actigraph import unpack_12_bits
from har.readers.blocks_of_samples import Block, blocks, decode, evenly

TICKS_1970 = 621_355_968_000_000_000


@pytest.mark.parametrize(("name", "channels"), [("ax3", 3), ("ax6", 6)])
def test_axivity_against_an_independent_reader(name: str, channels: int, user_file: Callable[[str], Path]):
    pytest.importorskip("actfast", reason="the extra 'devices' is not installed")
    independent = pytest.importorskip("skdh.io", reason="scikit-digital-health is not installed")
    path = user_file(f"axivity/{name}_testfile.cwa")
    with pytest.warns(UserWarning, match="naive"):
        other = independent.ReadCwa().predict(file=str(path))
    found = list(blocks(decode(str(path), path.read_bytes())))
    samples = np.concatenate([block.samples for block in found])
    assert np.array_equal(samples[:, :3], other["accel"].astype(np.float32))
    if channels == 6:
        np.testing.assert_allclose(samples[:, 3:], np.radians(other["gyro"]), atol=1e-6)
    # The other one keeps hundredths of a second of each block's stamp.
    times = np.concatenate([times for times, _ in evenly(found, 100.0)]) + found[0].time_ns / 1e9
    assert np.abs(times - other["time"]).max() < 0.03
    recording = read_recording(path)
    (device,) = recording.devices
    (piece,) = device.pieces
    assert device.sampling_rate_hz == 100 and len(device.channels) == channels
    assert recording.duration_s == pytest.approx(other["time"][-1] - other["time"][0], abs=0.05)
    seconds = np.arange(len(piece.samples)) / 100
    expected = np.stack([np.interp(seconds, times - times[0], axis) for axis in samples.T], 1)
    np.testing.assert_allclose(piece.samples, expected, atol=1e-3)
    still = np.linalg.norm(piece.samples[:, :3], axis=1)
    assert 0.9 < np.median(still) < 1.1


def test_real_axivity_tells_place_and_start(user_file: Callable[[str], Path]):
    pytest.importorskip("actfast", reason="the extra 'devices' is not installed")
    recording = read_recording(user_file("axivity/ax3_testfile.cwa"))
    assert recording.devices[0].placement == "right wrist"  # of its annotation, _p=right+wrist
    # Logging was to begin at 10:55:00; the first sector is of 10:55:06.
    assert recording.start_time.replace(microsecond=0) == dt.datetime(2019, 2, 26, 10, 55, 6)


def test_real_geneactiv(user_file: Callable[[str], Path]):
    pytest.importorskip("actfast", reason="the extra 'devices' is not installed")
    path = user_file("geneactiv/GENEActiv_testfile.bin")
    recording = read_recording(path)
    (device,) = recording.devices
    text = path.read_bytes().decode("latin-1")
    pages = text.split("Recorded Data")[1:]
    # By the file's own text: 300 samples a page, 12 hexadecimal digits each, gain and offset of its calibration.
    calibration = {
        axis: [float(text.split(f"{axis} {what}:")[1].split("\n")[0]) for what in ("gain", "offset")] for axis in "xyz"
    }
    digits = pages[0].strip().splitlines()[-1].strip()
    raw = [int(digits[k : k + 12], 16) for k in range(0, 3600, 12)]
    for column, (axis, shift) in enumerate(zip("xyz", (36, 24, 12), strict=True)):
        counts = np.array([(word >> shift) & 0xFFF for word in raw])
        counts = np.where(counts > 2047, counts - 4096, counts)
        gain, offset = calibration[axis]
        expected = (counts * 100 - offset) / gain
        assert device.pieces[0].samples[0, column] == pytest.approx(expected[0], abs=1e-4)
    stamp = pages[0].split("Page Time:")[1].splitlines()[0]
    first = dt.datetime.strptime(stamp, "%Y-%m-%d %H:%M:%S:%f")
    assert recording.start_time == first.replace(tzinfo=dt.timezone(dt.timedelta(hours=1)))
    assert device.sampling_rate_hz == 85.7 and 0.95 < np.median(np.linalg.norm(device.pieces[0].samples, axis=1)) < 1.1


@pytest.mark.parametrize("name", ["axivity/ax6_testfile.cwa", "geneactiv/GENEActiv_testfile.bin"])
def test_parts_of_a_file_make_the_whole(name: str, monkeypatch, user_file: Callable[[str], Path]):
    pytest.importorskip("actfast", reason="the extra 'devices' is not installed")
    whole = read_recording(user_file(name)).devices[0].pieces
    monkeypatch.setattr(f"har.readers.{name.split('/')[0]}.PART_BYTES", 9000)
    parted = read_recording(user_file(name)).devices[0].pieces
    assert len(whole) == len(parted) and all(
        np.array_equal(a.samples, b.samples) for a, b in zip(whole, parted, strict=True)
    )


def test_a_cwa_within_an_archive(user_file: Callable[[str], Path], tmp_path: Path):
    pytest.importorskip("actfast", reason="the extra 'devices' is not installed")
    path = user_file("axivity/ax3_testfile.cwa")
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.write(path, "data/CWA-DATA.CWA")
    inside, outside = read_recording(tmp_path / "x.zip"), read_recording(path)
    assert np.array_equal(inside.devices[0].pieces[0].samples, outside.devices[0].pieces[0].samples)


def test_without_the_decoder_it_is_said_what_to_install(monkeypatch, tmp_path: Path):
    monkeypatch.setitem(sys.modules, "actfast", None)
    path = tmp_path / "x.cwa"
    path.write_bytes(b"MD\xfc\x03" + b"\x00" * 4000)
    with pytest.raises(
        ReaderError, match=r"x.cwa is read with the package actfast.*pip install 'har-language\[devices\]'"
    ):
        read_recording(path)


def test_a_header_alone(tmp_path: Path):
    (tmp_path / "x.cwa").write_bytes(b"MD\xfc\x03" + b"\x00" * 1020)
    (tmp_path / "x.bin").write_bytes(b"Device Identity\r\nDevice Type:GENEActiv\r\n")
    for name in ("x.cwa", "x.bin"):
        with pytest.raises(ReaderError, match="holds a header and no raw samples"):
            read_recording(tmp_path / name)


def test_lost_blocks_are_gaps_and_clocks_are_followed():
    """Blocks of 100 samples at 100 Hz whose clock is 1 % slow, of which one is lost."""
    rng = np.random.default_rng(0)
    starts = [k * 1.01 for k in range(10) if k != 4]
    found = [Block(round(start * 1e9), rng.normal(size=(100, 3)).astype(np.float32)) for start in starts]
    times = [times for times, _ in evenly(found, 100.0)]
    for k, (start, part) in enumerate(zip(starts, times, strict=True)):
        last = k in (3, 8)  # before what is lost, and at the end, a block lasts as its rate says
        np.testing.assert_allclose(part, start + np.arange(100) * (0.01 if last else 0.0101), atol=1e-9)


# --- ActiGraph --------------------------------------------------------------------------------------------------------


def bits_of(data: bytes) -> list[int]:
    """12-bit numbers by a loop over bits."""
    bits = "".join(f"{byte:08b}" for byte in data)
    numbers = [int(bits[k : k + 12], 2) for k in range(0, len(bits) // 36 * 36, 12)]
    return [n - 4096 if n > 2047 else n for n in numbers]


@pytest.mark.parametrize("size", [9, 18, 135, 144, 5, 14, 4])
def test_12_bit_numbers_against_bits(size: int):
    data = np.random.default_rng(size).integers(0, 256, size, dtype=np.uint8).tobytes()
    assert unpack_12_bits(data).reshape(-1).tolist() == bits_of(data)


def record(kind: int, stamp: int, payload: bytes) -> bytes:
    head = struct.pack("<BBIH", 0x1E, kind, stamp, len(payload)) + payload
    check = 0
    for byte in head:
        check ^= byte
    return head + bytes([check ^ 0xFF])


def packed(counts: np.ndarray) -> bytes:
    bits = "".join(f"{int(n) & 0xFFF:012b}" for n in counts.reshape(-1))
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[k : k + 8], 2) for k in range(0, len(bits), 8))


def gt3x(path: Path, log: bytes) -> Path:
    start = TICKS_1970 + 1_616_169_420 * 10_000_000
    lines = {"Serial Number": "TAS1E00000001", "Device Type": "Link", "Sample Rate": "30", "Start Date": str(start),
             "TimeZone": "-05:00:00", "Acceleration Scale": "256.0", "Limb": "Wrist", "Side": "Left"}  # fmt: skip
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("info.txt", "\r\n".join(f"{key}: {value}" for key, value in lines.items()))
        archive.writestr("log.bin", log)
    return path


@pytest.mark.parametrize("kind", [0, 26, 27])
def test_records_of_every_kind(kind: int, movement, tmp_path: Path):
    """Activity (y, x, z), Activity2 (16 bits), Activity3; a second of sleep is a gap, and nothing is filled in."""
    _, acc, _ = movement
    counts = np.round(acc[:1500] * 256).astype(np.int16).reshape(50, 30, 3)
    log = b""
    for second, part in enumerate(counts):
        stamp = 1_616_169_420 + second + 40 * (second >= 20)
        order = part[:, [1, 0, 2]] if kind == 0 else part
        log += record(kind, stamp, part.astype("<i2").tobytes() if kind == 26 else packed(order))
        if second == 19:
            log += record(3, stamp + 1, b"\x08")
        log += record(2, stamp, b"\x01\x10")  # battery
    recording = read_recording(gt3x(tmp_path / "x.gt3x", log))
    (device,) = recording.devices
    assert [(piece.start_s, len(piece.samples)) for piece in device.pieces] == [(0.0, 600), (60.0, 900)]
    both = np.concatenate([piece.samples for piece in device.pieces])
    np.testing.assert_allclose(both, counts.reshape(-1, 3) / 256, atol=1e-6)
    assert device.placement == "left wrist"
    zone = dt.timezone(dt.timedelta(hours=-5))
    assert recording.start_time == dt.datetime(2021, 3, 19, 15, 57, tzinfo=zone)
    if kind == 0:  # the only kind that the independent decoder knows
        other = pytest.importorskip("actfast").read(tmp_path / "x.gt3x")["timeseries"]["acceleration"]
        assert len(other["acceleration"]) == 1500


def test_no_raw_samples_is_an_error(tmp_path: Path):
    epochs = b"".join(record(9, 1_616_169_420 + 10 * k, b"\x00" * 12) for k in range(20))
    with pytest.raises(ReaderError, match=r"x.gt3x holds no raw samples.*epochs only"):
        read_recording(gt3x(tmp_path / "x.gt3x", epochs))


def test_damaged_records_are_left_out_and_counted(movement, tmp_path: Path):
    _, acc, _ = movement
    counts = np.round(acc[:1500] * 256).astype("<i2").reshape(50, 30, 3)
    records = [record(26, 1_616_169_420 + k, part.tobytes()) for k, part in enumerate(counts)]
    records[10] = records[10][:50] + bytes([records[10][50] ^ 1]) + records[10][51:]
    recording = read_recording(gt3x(tmp_path / "x.gt3x", b"".join(records)[:-20]))
    assert [(p.start_s, len(p.samples)) for p in recording.devices[0].pieces] == [(0.0, 300), (11.0, 38 * 30)]
    assert {"1 records with a wrong checksum left out", "1 records at the end are cut off"} <= set(recording.notes)


def test_real_actigraph(user_file: Callable[[str], Path]):
    """The older archive by a loop over its bits; the newer one is asleep but for 73 s."""
    path = user_file("actigraph/neo.gt3x")
    recording = read_recording(path)
    (device,) = recording.devices
    (piece,) = device.pieces
    with zipfile.ZipFile(path) as archive:
        data = archive.read("activity.bin")
    expected = np.array(bits_of(data[: 9 * 1000])).reshape(-1, 3)[:, [1, 0, 2]] / 341
    np.testing.assert_allclose(piece.samples[: len(expected)], expected, atol=1e-5)
    assert len(piece.samples) == len(data) * 8 // 36 and device.sampling_rate_hz == 30
    assert 0.95 < np.median(np.linalg.norm(piece.samples, axis=1)) < 1.05
    zone = dt.timezone(dt.timedelta(hours=-6))
    assert recording.start_time == dt.datetime(2021, 12, 20, 11, 55, tzinfo=zone)
    asleep = read_recording(user_file("actigraph/ISM_Enabled.gt3x"))
    assert [len(p.samples) for p in asleep.devices[0].pieces] == [24 * 30, 25 * 30, 24 * 30]
    assert asleep.devices[0].placement == "right wrist"
    assert 0.95 < np.median(np.linalg.norm(asleep.devices[0].pieces[0].samples, axis=1)) < 1.1
