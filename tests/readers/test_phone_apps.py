"""Exports of apps as they write them, from a known movement; and real ones, whose files tell what must come out."""

import datetime as dt
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from har.readers import Device, ReaderError, read_recording

G = 9.80665
EPOCH_NS = 1_700_000_000_000_000_000
START = dt.datetime.fromtimestamp(EPOCH_NS / 1e9, dt.UTC)
DOWN = np.array([0.1, 0.2, 0.97])


def samples_of(device: Device) -> np.ndarray:
    (piece,) = device.pieces
    return piece.samples


def text(header: str, *columns, separator=",", decimal=".", digits=5) -> str:
    def cell(x) -> str:
        return x if isinstance(x, str) else f"{x:.{digits}f}".replace(".", decimal)

    rows = [separator.join(cell(x) for x in row) for row in zip(*columns, strict=True)]
    return "\n".join([*([header] if header else []), *rows, ""])


def put(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def stamps_of(time_s) -> list[str]:
    return [str(EPOCH_NS + round(t * 1e9)) for t in time_s]


def sensor_logger(folder: Path, movement, sign: float, metadata: str | None, watch: float = G, total=False) -> Path:
    """A phone and a watch: linear acceleration and gravity apart, z before y before x; watch: of one g."""
    time_s, acc, gyro = movement
    stamps, gravity = stamps_of(time_s), np.tile(DOWN, (len(acc), 1))
    header = "time,seconds_elapsed,z,y,x"
    tables = {"Accelerometer": acc - gravity, "Gravity": gravity}
    tables |= {"TotalAcceleration": acc} if total else {}
    for name, values in tables.items():
        put(folder / f"{name}.csv", text(header, stamps, time_s, *(values * sign * G).T[::-1]))
    put(folder / "Gyroscope.csv", text(header, stamps, time_s, *gyro.T[::-1]))
    put(folder / "Barometer.csv", text("time,seconds_elapsed,relativeAltitude", stamps, time_s, time_s))
    names = [f"{name}{axis}" for name in ("rotationRate", "gravity", "acceleration") for axis in "XYZ"]
    values = np.hstack([gyro, sign * watch * gravity, sign * watch * (acc - gravity)])
    put(folder / "WristMotion.csv", text("time,seconds_elapsed," + ",".join(names), stamps, time_s, *values.T))
    if metadata is not None:
        put(folder / "Metadata.csv", metadata)
    return folder


@pytest.mark.parametrize(
    ("sign", "watch", "metadata"),
    [
        (-1.0, 1.0, "version,device name,platform,standardisation\n3,phone,ios,false\n"),
        (-1.0, 1.0, "version,device name,platform\n3,phone,iOS\n"),
        (1.0, G, "version,device name,platform,standardisation\n3,phone,ios,true\n"),
        (1.0, G, "version,device name,platform\n3,phone,android\n"),
    ],
)
def test_sensor_logger_of_a_phone_and_a_watch(sign, watch, metadata, movement, tmp_path: Path):
    _, acc, gyro = movement
    folder = sensor_logger(tmp_path / "walk", movement, sign, metadata, watch)
    archive = tmp_path / "walk.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in folder.iterdir():
            file.write(path, f"2023-11-14_22-13-20/{path.name}")
    for source in (folder, archive):
        recording = read_recording(source, placement="trouser pocket")
        phone, wrist = recording.devices
        assert (phone.placement, wrist.placement) == ("trouser pocket", "wrist")
        for device in recording.devices:
            assert device.gravity == "included" and device.sampling_rate_hz == 50
            np.testing.assert_allclose(samples_of(device), np.hstack([acc, gyro]), atol=1e-4)
        assert recording.start_time == START
        assert sum("turned round" in note for note in recording.notes) == (2 if sign < 0 else 0)


def test_sensor_logger_without_metadata(movement, tmp_path: Path):
    """Total acceleration is Android's; without it nothing tells the sign, and that is said."""
    _, acc, _ = movement
    folder = sensor_logger(tmp_path / "total", movement, 1.0, None, total=True)
    recording = read_recording(folder)
    np.testing.assert_allclose(samples_of(recording.devices[0])[:, :3], acc, atol=1e-4)
    assert "acceleration of the phone counts gravity upwards (Android)" in recording.notes
    folder = sensor_logger(tmp_path / "apart", movement, -1.0, None, watch=1.0)
    recording = read_recording(folder)
    assert any("no Metadata.csv tells iOS from Android" in note for note in recording.notes)
    np.testing.assert_allclose(samples_of(recording.devices[0])[:, :3], -acc, atol=1e-4)
    np.testing.assert_allclose(samples_of(recording.devices[1])[:, :3], acc, atol=1e-4)


def test_sensor_logger_without_an_accelerometer(movement, tmp_path: Path):
    folder = sensor_logger(tmp_path / "walk", movement, 1.0, None)
    for name in ("Accelerometer", "WristMotion"):
        (folder / f"{name}.csv").unlink()
    with pytest.raises(ReaderError, match=r"recorded gravity, gyro, and no accelerometer; expected Accelerometer.csv"):
        read_recording(folder)


@pytest.mark.parametrize("language", ["en", "de"])
def test_phyphox(language: str, movement, tmp_path: Path):
    """Folder and zip; both sensors with clocks of their own, which begin a little after the experiment."""
    time_s, acc, gyro = movement
    tables = {
        "en": (
            "Accelerometer",
            "Gyroscope",
            '"Time (s)","Acceleration {} (m/s^2)"',
            '"Time (s)","Gyroscope {} (rad/s)"',
        ),
        "de": (
            "Beschleunigung",
            "Gyroskop",
            '"Zeit (s)";"Beschleunigung {} (m/s^2)"',
            '"Zeit (s)";"Gyroskop {} (rad/s)"',
        ),
    }[language]
    separator, decimal = (",", ".") if language == "en" else (";", ",")
    folder = tmp_path / "phyphox 2024"
    for name, header, values in zip(tables[:2], tables[2:], (acc * G, gyro), strict=True):
        first, axis = header.split(separator)
        names = separator.join([first, *(axis.format(a) for a in "xyz")])
        put(
            folder / f"{name}.csv", text(names, time_s + 0.5, *values.T, separator=separator, decimal=decimal, digits=7)
        )
    put(
        folder / "meta" / "time.csv",
        '"event","experiment time","system time","system time text"\n'
        '"START",0.0E0,1.7E9,"2023-11-14 23:13:20.000 UTC+01:00"\n"PAUSE",3.1E1,1.700000031E9,"…"\n',
    )
    put(folder / "meta" / "device.csv", '"property","value"\n"deviceModel","iPhone15,2"\n')
    with zipfile.ZipFile(tmp_path / "phyphox.zip", "w") as file:
        for path in folder.rglob("*.csv"):
            file.write(path, path.relative_to(folder).as_posix())
    for source in (folder, tmp_path / "phyphox.zip"):
        recording = read_recording(source)
        (device,) = recording.devices
        np.testing.assert_allclose(samples_of(device), np.hstack([acc, gyro]), atol=1e-4)
        assert recording.start_time == START + dt.timedelta(seconds=0.5)
        assert recording.start_time.utcoffset() == dt.timedelta(hours=1)
        assert any("on Android and iOS alike" in note for note in recording.notes)


def layouts(movement) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Files of apps and sensors by their makers' headers -> (text, sensors that must come out)."""
    t, acc, gyro = movement
    x, y, z = acc.T
    w = gyro.T
    degrees = np.degrees(gyro).T
    date = dt.datetime(2024, 5, 31, 12)
    iso = [(date + dt.timedelta(seconds=float(s))).isoformat(" ", "milliseconds") for s in t]
    zeros = t * 0
    shimmer = [f"Shimmer_B663_{name}_CAL" for name in (
        "Timestamp_Unix", *(f"{s}_{a}" for s in ("Accel_LN", "Accel_WR", "Gyro") for a in "XYZ"))]  # fmt: skip
    units = ["ms", *["m/(s^2)"] * 6, *["deg/s"] * 3]
    actigraph = (
        "------------ Data File Created By ActiGraph GT3X+ ActiLife v6.13.4 Firmware v2.5.0 date format M/d/yyyy at "
        "50 Hz  Filter Normal -----------\nSerial Number: NEO1D05110072\nStart Time 12:00:00\nStart Date 5/31/2024\n"
        "Epoch Period (hh:mm:ss) 00:00:00\nDownload Time 17:00:00\nDownload Date 6/13/2024\nCurrent Memory Address: 0\n"
        "Current Battery Voltage: 4.02     Mode = 12\n--------------------------------------------------\n"
    )
    gene = "\n".join(["Device Type,GENEActiv", "Measurement Frequency,50.0 Hz", *[""] * 40, "Units,g", *[""] * 57, ""])
    android = ["ACCELEROMETER {} (m/s²)", "LINEAR ACCELERATION {} (m/s²)", "GYROSCOPE {} (rad/s)"]
    return {
        "Physics Toolbox, g-force": (text("time,gFx,gFy,gFz,TgF", iso and [s[11:] for s in iso], x, y, z, z), ("acc",)),
        "Physics Toolbox, several": (
            text("time, gFx, gFy, gFz, ax, ay, az, wx, wy, wz", t, x, y, z, *(acc * G - [0, 0, G]).T, *w),
            ("acc", "gyro"),
        ),
        "Physics Toolbox, semicolons": (
            text("time;ax;ay;az", t, *(acc * G).T, separator=";", decimal=","), ("acc",),
        ),
        "AndroSensor": (
            "sep=;\n" + text(
                ";".join([*(n.format(a) for n in android for a in "XYZ"), "LIGHT (lux)", "Time since start in ms",
                          "YYYY-MO-DD HH-MI-SS_SSS"]),
                *(acc * G).T, *(acc * G - [0, 0, G]).T, *w, zeros, t * 1000, [s.replace(".", ":") for s in iso],
                separator=";"),
            ("acc", "gyro"),
        ),
        "Shimmer": (
            '"sep=\t"\n' + text("\t".join(shimmer) + "\t\n" + "\t".join(units) + "\t", 1.7e12 + t * 1000, *(acc * G).T,
                               *(acc * G).T, *degrees, [""] * len(t), separator="\t"),
            ("acc", "gyro"),
        ),
        "Xsens DOT": (
            "sep=,\nDeviceTag:,Xsens DOT\nOutputRate:,50Hz\n" + text(
                "PacketCounter,SampleTimeFine,Euler_X,Euler_Y,Euler_Z,FreeAcc_X,FreeAcc_Y,FreeAcc_Z,Acc_X,Acc_Y,Acc_Z,"
                "Gyr_X,Gyr_Y,Gyr_Z", np.arange(len(t)), 5e8 + t * 1e6, *np.zeros((6, len(t))), *(acc * G).T, *degrees),
            ("acc", "gyro"),
        ),
        "Core Motion": (
            text("timestamp," + ",".join(f"{n}.{a}" for n in ("attitude", "gravity", "rotationRate", "userAcceleration")
                                         for a in "xyz").replace("attitude.x", "attitude.roll"),
                 t, zeros, zeros, zeros, *-np.tile(DOWN, (len(t), 1)).T, *w, *(DOWN - acc).T),
            ("acc", "gyro"),
        ),
        "SensorLog": (
            text("loggingTime(txt),loggingSample(N)," + ",".join(
                     f"{n}{a}({u})"
                     for n, u in (("accelerometerAcceleration", "G"), ("motionUserAcceleration", "G"),
                                  ("motionGravity", "G"), ("motionRotationRate", "rad/s"))
                     for a in "XYZ"),
                 [f"{s} +0200" for s in iso], np.arange(len(t)), *-acc.T, *(DOWN - acc).T,
                 *-np.tile(DOWN, (len(t), 1)).T, *w),
            ("acc", "gyro"),
        ),
        "WitMotion": (
            text("Time(s),ax(g),ay(g),az(g),wx(deg/s),wy(deg/s),wz(deg/s),AngleX(deg),AngleY(deg),AngleZ(deg)", t,
                 x, y, z, *degrees, zeros, zeros, zeros),
            ("acc", "gyro"),
        ),
        "ActiGraph": (actigraph + text("Accelerometer X,Accelerometer Y,Accelerometer Z", x, y, z), ("acc",)),
        "ActiGraph with stamps": (
            actigraph + text("Timestamp,Accelerometer X,Accelerometer Y,Accelerometer Z",
                             [f"5/31/2024 {s[11:]}" for s in iso], x, y, z),
            ("acc",),
        ),
        "GENEActiv": (gene + text("", [s[:19] + ":" + s[20:] for s in iso], x, y, z, zeros, zeros, zeros), ("acc",)),
        "OmGui": (text("", iso, x, y, z), ("acc",)),
        "data frame": (text(",timestamp,accelX,accelY,accelZ", np.arange(len(t)), 1.7e9 + t, *(acc * G).T), ("acc",)),
    }  # fmt: skip


@pytest.mark.parametrize("name", [
    "Physics Toolbox, g-force", "Physics Toolbox, several", "Physics Toolbox, semicolons", "AndroSensor", "Shimmer",
    "Xsens DOT", "Core Motion", "SensorLog", "WitMotion", "ActiGraph", "ActiGraph with stamps", "GENEActiv", "OmGui",
    "data frame",
])  # fmt: skip
def test_headers_of_apps_and_sensors(name: str, movement, tmp_path: Path):
    _, acc, gyro = movement
    content, sensors = layouts(movement)[name]
    recording = read_recording(put(tmp_path / "export.csv", content))
    (device,) = recording.devices
    assert device.channels == tuple(f"{sensor}_{axis}" for sensor in sensors for axis in "xyz")
    np.testing.assert_allclose(samples_of(device), np.hstack([acc, gyro])[:, : len(device.channels)], atol=1e-3)
    assert device.sampling_rate_hz == 50 and device.gravity == "included"
    known = {"ActiGraph", "ActiGraph with stamps", "GENEActiv", "OmGui", "AndroSensor"}
    assert recording.start_time == (dt.datetime(2024, 5, 31, 12) if name in known else recording.start_time)


def test_actigraph_counts_are_no_samples(tmp_path: Path):
    head = (
        "------------ Data Table File Created By ActiGraph GT3X+ ActiLife v6.13.4 date format M/d/yyyy Filter Normal "
        "-----\nEpoch Period (hh:mm:ss) 00:00:10\n"
    )
    with pytest.raises(ReaderError, match=r"counts for each epoch of 00:00:10 and no raw samples.*gt3x"):
        read_recording(put(tmp_path / "x.csv", head + "Axis1,Axis2,Axis3\n" + "0,0,0\n" * 50))


def test_empatica_zip(movement, tmp_path: Path):
    _, acc, _ = movement
    counts = np.clip(np.round(acc * 64), -128, 127).astype(int)
    with zipfile.ZipFile(tmp_path / "1680686620_A0.zip", "w") as file:
        rows = "".join(f"{x},{y},{z}\n" for x, y, z in counts)
        file.writestr("ACC.csv", "1680686620.0, 1680686620.0, 1680686620.0\n32.0, 32.0, 32.0\n" + rows)
        file.writestr("BVP.csv", "1680686620.0\n64.0\n" + "1.0\n" * 99)
        file.writestr("tags.csv", "")
        file.writestr("__MACOSX/._ACC.csv", b"\x00\x01")
    recording = read_recording(tmp_path / "1680686620_A0.zip")
    (device,) = recording.devices
    assert (device.placement, device.sampling_rate_hz) == ("wrist", 32)
    assert np.array_equal(samples_of(device), (counts / 64).astype(np.float32))
    assert recording.start_time == dt.datetime(2023, 4, 5, 9, 23, 40, tzinfo=dt.UTC)


# --- Real exports: what must come out stands in the files -------------------------------------------------------------


def median_weight(device: Device) -> float:
    return float(np.median(np.linalg.norm(np.concatenate([p.samples for p in device.pieces])[:, :3], axis=1)))


def test_real_phyphox(user_file: Callable[[str], Path]):
    recording = read_recording(user_file("phyphox"))
    (device,) = recording.devices
    assert device.gravity == "removed" and device.sampling_rate_hz == pytest.approx(100, rel=0.01)
    # The start is 19:25:34.172 UTC+02:00, the first stamp 8.126 ms, the last one 29.79602212 s.
    zone = dt.timezone(dt.timedelta(hours=2))
    expected = dt.datetime(2025, 2, 12, 19, 25, 34, 180598, tzinfo=zone)
    assert abs(recording.start_time - expected) < dt.timedelta(milliseconds=1)
    assert recording.duration_s == pytest.approx(29.79602212 - 0.008126, abs=0.02)
    first = np.array([6.531436363e-1, -8.617252207e-1, -6.373785927e-1]) / G
    np.testing.assert_allclose(samples_of(device)[0], first, atol=1e-6)


def test_real_sensor_logger(user_file: Callable[[str], Path]):
    recording = read_recording(user_file("sensor_logger/TotalAcceleration.csv"))
    (device,) = recording.devices
    assert device.gravity == "included" and 0.9 < median_weight(device) < 1.2
    assert recording.duration_s == pytest.approx(38.37745654296875 - 0.0504501953125, abs=0.02)
    # z, y, x in the file.
    first = np.array([-2.9730656147, 3.8273198604, 12.3158578872]) / G
    np.testing.assert_allclose(samples_of(device)[0], first, atol=1e-4)
    linear = read_recording(user_file("sensor_logger/Accelerometer.csv"))
    assert linear.devices[0].gravity == "removed"
    expected = dt.datetime.fromtimestamp(1667508272.8849428, dt.UTC)
    assert abs(linear.start_time - expected) < dt.timedelta(milliseconds=1)
    with pytest.raises(ReaderError, match=r"recorded gyro, and no accelerometer.*Give the whole export"):
        read_recording(user_file("sensor_logger/Gyroscope.csv"))
    # Files of two years in one folder are no recording.
    with pytest.raises(ReaderError, match="begins 715 days after another file"):
        read_recording(user_file("sensor_logger"))


def test_real_apple_watch(user_file: Callable[[str], Path]):
    recording = read_recording(user_file("apple_watch/WristMotion.csv"))
    (device,) = recording.devices
    assert device.placement == "wrist" and 0.9 < np.linalg.norm(device.pieces[0].samples[:, :3].mean(0)) < 1.1
    acc = np.array([-0.18771232664585114 - 0.04818853735923767, -0.49000799655914307 + 0.05490368604660034,
                    -0.851267397403717 - 0.007420897483825684])  # fmt: skip
    gyro = np.array([0.262128084897995, 0.5849967002868652, 1.0596886396408081])
    np.testing.assert_allclose(device.pieces[0].samples[0], [*-acc, *gyro], atol=1e-6)
    assert len(device.pieces) == 2  # the watch was away for 12 s


def test_real_empatica(user_file: Callable[[str], Path]):
    recording = read_recording(user_file("empatica/ACC.csv"))
    (device,) = recording.devices
    assert (len(samples_of(device)), device.sampling_rate_hz) == (8000, 32)
    assert recording.start_time == dt.datetime.fromtimestamp(1680686620, dt.UTC)
    np.testing.assert_array_equal(samples_of(device)[0] * 64, [-34, -23, 45])
    assert 0.9 < median_weight(device) < 1.1
