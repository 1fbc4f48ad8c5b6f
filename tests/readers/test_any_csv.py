"""A known signal written in many layouts comes back; what could be read in two ways is refused in words."""

import datetime as dt
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from har.readers import ReaderError, Recording, read_recording

G = 9.80665
BASE = dt.datetime(2024, 5, 31, 23, 59, 50)  # midnight passes
START = BASE.replace(tzinfo=dt.UTC)

# How stamps are written: seconds since the start -> text, and the start that the result should tell.
STAMPS = {
    "s": (lambda t: f"{t:.4f}", None),
    "ms": (lambda t: f"{1000 * t:.1f}", None),
    "us": (lambda t: f"{1e6 * t:.0f}", None),
    "boot ns": (lambda t: f"{123_456_789_000_000 + round(1e9 * t)}", None),
    "epoch s": (lambda t: f"{START.timestamp() + t:.4f}", START),
    "epoch ms": (lambda t: f"{round(1e3 * (START.timestamp() + t))}", START),
    "epoch us": (lambda t: f"{round(1e6 * (START.timestamp() + t))}", START),
    "epoch ns": (lambda t: f"{round(START.timestamp()) * 10**9 + round(1e9 * t)}", START),
    "iso": (lambda t: (BASE + dt.timedelta(seconds=t)).isoformat(timespec="milliseconds"), BASE),
    "iso Z": (lambda t: (BASE + dt.timedelta(seconds=t)).isoformat(" ", "microseconds") + "Z", START),
    "iso zone": (
        lambda t: (BASE + dt.timedelta(seconds=t)).isoformat(timespec="milliseconds") + "+02:00",
        BASE.replace(tzinfo=dt.timezone(dt.timedelta(hours=2))),
    ),
    "german": (lambda t: (BASE + dt.timedelta(seconds=t)).strftime("%d.%m.%Y %H:%M:%S.%f")[:-3], BASE),
    "american": (lambda t: (BASE + dt.timedelta(seconds=t)).strftime("%m/%d/%Y %I:%M:%S.%f %p"), BASE),
    "colons": (lambda t: (BASE + dt.timedelta(seconds=t)).strftime("%Y-%m-%d %H:%M:%S:%f")[:-3], BASE),
    "of day": (lambda t: (BASE + dt.timedelta(seconds=t)).strftime("%H:%M:%S.%f")[:-3], None),
    "sheet": (lambda t: f"{45443 + (86390 + t) / 86400:.10f}", BASE),
}
ACC_UNITS = {"g": 1.0, "m/s^2": G, "m/s²": G, "mg": 1000.0, "ms-2": G}
GYRO_UNITS = {"rad/s": 1.0, "deg/s": 180 / np.pi, "°/s": 180 / np.pi}
STYLES = (
    "acc_{a} ({u})", "Accelerometer {A} [{u}]", "Acceleration {a} ({u})", "accelerometer{A} ({u})", "Acc_{A} in {u}",
)  # fmt: skip
GYRO_STYLES = ("gyro_{a} ({u})", "Gyroscope {A} [{u}]", "rotationRate{A} ({u})", "Gyr_{A} ({u})", "w{a} [{u}]")


def write(path: Path, names: list[str], columns: list[list[str]], separator=",", encoding="utf-8", above=()) -> Path:
    quoted = [f'"{n}"' if separator in n else n for n in names]
    rows = [separator.join(row) for row in zip(*columns, strict=True)]
    path.write_bytes("\n".join([*above, *([separator.join(quoted)] if names else []), *rows, ""]).encode(encoding))
    return path


def numbers(values, decimal=".", digits=6) -> list[str]:
    return [f"{x:.{digits}f}".replace(".", decimal) for x in values]


def only(recording: Recording) -> np.ndarray:
    (device,) = recording.devices
    (piece,) = device.pieces
    assert piece.start_s == pytest.approx(0, abs=1e-6)
    return piece.samples


@pytest.mark.parametrize("seed", range(32))
def test_a_signal_in_a_random_layout_comes_back(seed: int, movement, tmp_path: Path):
    """Separators, encodings, units, stamps, orders and lines above: drawn at random, each of them often."""
    draw = np.random.default_rng(seed)
    time_s, acc, gyro = movement
    separator, decimal = [(",", "."), (";", "."), ("\t", "."), (";", ","), ("\t", ","), ("|", ".")][draw.integers(6)]
    encoding = ["utf-8", "utf-8-sig", "utf-16", "latin-1"][draw.integers(4)]
    form = list(STAMPS)[seed % len(STAMPS)]
    stamp, start = STAMPS[form]
    acc_unit, gyro_unit = draw.choice(list(ACC_UNITS)), draw.choice(list(GYRO_UNITS))
    style, gyro_style = draw.choice(STYLES), draw.choice(GYRO_STYLES)
    stamps = [stamp(t) for t in time_s]
    if form in ("s", "ms", "us", "epoch s", "sheet"):
        stamps = [text.replace(".", decimal) for text in stamps]
    columns = {"time": stamps, "battery": numbers(time_s * 0 + 80, decimal)}
    for k, axis in enumerate("xyz"):
        scaled = acc[:, k] * ACC_UNITS[acc_unit]
        columns[style.format(a=axis, A=axis.upper(), u=acc_unit)] = numbers(scaled, decimal)
        scaled = gyro[:, k] * GYRO_UNITS[gyro_unit]
        columns[gyro_style.format(a=axis, A=axis.upper(), u=gyro_unit)] = numbers(scaled, decimal)
    names = list(columns)
    draw.shuffle(names)
    above = ["Exported by an app", "Participant: 7"][: draw.integers(3)]
    path = write(tmp_path / "x.csv", names, [columns[n] for n in names], separator, encoding, above)
    recording = read_recording(path)
    samples = only(recording)
    assert recording.devices[0].channels == ("acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z")
    assert recording.devices[0].sampling_rate_hz == 50 and len(samples) == 1500
    # Stamps of a millisecond, or of 9 us in a spreadsheet, are part of what is read.
    np.testing.assert_allclose(samples[:, :3], acc, atol=2e-4)
    np.testing.assert_allclose(samples[:, 3:], gyro, atol=2e-4)
    if start is None:
        assert recording.start_time is None
    else:
        assert recording.start_time.tzinfo == start.tzinfo
        assert abs(recording.start_time - start) < dt.timedelta(milliseconds=1)
    assert any(text.startswith("time from") for text in recording.notes)


@pytest.mark.parametrize(("unit", "factor"), [("g", 1.0), ("m/s^2", G), ("mg", 1000.0)])
def test_a_unit_that_no_name_tells_is_told_by_gravity(unit, factor, movement, tmp_path: Path):
    time_s, acc, _ = movement
    columns = [numbers(time_s), *(numbers(x * factor) for x in acc.T)]
    recording = read_recording(write(tmp_path / "x.csv", ["t", "ax", "ay", "az"], columns))
    np.testing.assert_allclose(only(recording), acc, atol=1e-4)
    assert any(f"accelerometer in {unit}: no name tells the unit, but it reads" in text for text in recording.notes)


@pytest.mark.parametrize(("unit", "factor"), [("rad/s", 1.0), ("deg/s", 180 / np.pi)])
def test_a_gyroscope_without_unit_is_told_by_how_gravity_turns(unit, factor, movement, tmp_path: Path):
    time_s, acc, gyro = movement
    columns = [numbers(time_s), *map(numbers, acc.T), *(numbers(x * factor) for x in gyro.T)]
    names = ["t", "ax", "ay", "az", "gx", "gy", "gz"]
    recording = read_recording(write(tmp_path / "x.csv", names, columns))
    np.testing.assert_allclose(only(recording)[:, 3:], gyro, atol=1e-4)
    assert any(f"gyroscope in {unit}: no name tells the unit, but" in text for text in recording.notes)
    still = [column[:300] for column in columns]
    with pytest.raises(ReaderError, match=r"unit of the gyroscope is in no name.*unit='rad/s' or unit='deg/s'"):
        read_recording(write(tmp_path / "y.csv", names, still))


@pytest.mark.parametrize(("cell", "found"), [("0", "reads exactly 0"), ("", "has no sample")])
def test_a_gyroscope_that_is_off_is_left_out_on_demand(cell, found, movement, tmp_path: Path):
    time_s, acc, _ = movement
    path = write(tmp_path / "off.csv", ["time", "ax", "ay", "az", "gx", "gy", "gz"],
                 [numbers(time_s), *map(numbers, acc.T), *[[cell] * len(time_s)] * 3])  # fmt: skip
    with pytest.raises(ReaderError, match=f"the gyroscope {found} in the first .* rows.*Leave it out, by columns="):
        read_recording(path)
    recording = read_recording(path, columns="time=time,acc_x=ax,acc_y=ay,acc_z=az")
    assert recording.devices[0].channels == ("acc_x", "acc_y", "acc_z")
    np.testing.assert_allclose(only(recording), acc, atol=1e-4)


def test_overrides(movement, tmp_path: Path):
    _, acc, gyro = movement
    columns = [*(numbers(x * 512) for x in acc.T), *(numbers(np.degrees(x)) for x in gyro.T)]
    path = write(tmp_path / "x.csv", ["a", "b", "c", "d", "e", "f"], columns)
    names = {f"{kind}_{axis}": name for (kind, axis), name in zip(
        [(k, a) for k in ("acc", "gyro") for a in "xyz"], "abcdef", strict=True)}  # fmt: skip
    recording = read_recording(path, "left wrist", "csv", names, "512/g,deg/s", 50)
    np.testing.assert_allclose(only(recording), np.hstack([acc, gyro]), atol=1e-4)
    assert recording.devices[0].placement == "left wrist"
    as_text = read_recording(path, columns="acc_x=1,acc_y=2,acc_z=3", unit="-512/g", rate_hz=25.0)
    np.testing.assert_allclose(only(as_text), -acc, atol=1e-4)
    assert as_text.devices[0].sampling_rate_hz == 25


def test_sensors_with_clocks_of_their_own_meet_on_one_grid(movement, tmp_path: Path):
    """A gyroscope at 80 Hz and an accelerometer at 50 Hz in files of their own, one of which begins later."""
    time_s, acc, _ = movement
    gyro_s = 0.013 + np.arange(2400) / 80
    waves = np.sin(2 * np.pi * np.array([0.3, 0.5, 0.7]) * gyro_s[:, None])
    epoch = START.timestamp()
    (tmp_path / "walk").mkdir()
    write(tmp_path / "walk" / "accelerometer.csv", ["epoch (s)", "x (g)", "y (g)", "z (g)"],
          [numbers(epoch + time_s), *map(numbers, acc.T)])  # fmt: skip
    write(tmp_path / "walk" / "gyroscope.csv", ["epoch (s)", "x (rad/s)", "y (rad/s)", "z (rad/s)"],
          [numbers(epoch + gyro_s), *map(numbers, waves.T)])  # fmt: skip
    recording = read_recording(tmp_path / "walk")
    samples = only(recording)
    expected = np.sin(2 * np.pi * np.array([0.3, 0.5, 0.7]) * time_s[:, None])
    assert np.isnan(samples[0, 3:]).all()  # the gyroscope was not on yet
    np.testing.assert_allclose(samples[1:1499, 3:], expected[1:1499], atol=2e-3)
    np.testing.assert_allclose(samples[:, :3], acc, atol=1e-4)
    assert recording.start_time == START


@pytest.mark.parametrize("layout", ["row a sensor", "sensor after sensor", "row an axis"])
def test_long_tables(layout: str, movement, tmp_path: Path):
    time_s, acc, gyro = movement
    t = numbers(time_s)
    if layout == "row an axis":
        names = ["time", "channel", "value"]
        both = np.hstack([acc, gyro])
        channels = [f"{kind}_{axis}{unit}" for kind, unit in (("acc", "_g"), ("gyro", "_rads")) for axis in "xyz"]
        columns = [list(np.repeat(t, 6)), channels * len(t), numbers(both.reshape(-1))]
    else:
        names = ["time", "sensor", "x", "y", "z"]
        parts = np.stack([acc * G, gyro], 1) if layout == "row a sensor" else np.stack([acc * G, gyro], 0)
        sensors = np.tile(["Accelerometer", "Gyroscope"], len(t)) if layout == "row a sensor" else np.repeat(
            ["Accelerometer", "Gyroscope"], len(t))  # fmt: skip
        stamps = np.repeat(t, 2) if layout == "row a sensor" else np.tile(t, 2)
        columns = [list(stamps), list(sensors), *(numbers(parts[..., k].reshape(-1)) for k in range(3))]
    samples = only(read_recording(write(tmp_path / "x.csv", names, columns)))
    np.testing.assert_allclose(samples, np.hstack([acc, gyro]), atol=1e-4)


def test_several_devices_of_one_table_stay_apart(movement, tmp_path: Path):
    time_s, acc, _ = movement
    names = ["time", *(f"{place}/acc_{axis}" for place in ("left wrist", "thigh") for axis in "xyz")]
    recording = read_recording(write(tmp_path / "x.csv", names, [numbers(time_s), *map(numbers, [*acc.T, *-acc.T])]))
    assert [device.placement for device in recording.devices] == ["left wrist", "thigh"]
    np.testing.assert_allclose(recording.devices[1].pieces[0].samples, -acc, atol=1e-4)


def test_two_recordings_in_a_folder_are_no_two_devices(movement, tmp_path: Path):
    time_s, acc, _ = movement
    columns = [numbers(time_s), *map(numbers, acc.T)]
    for names in (("walk1", "walk2"), ("left_wrist_acc", "right_ankle_acc")):
        folder = tmp_path / names[0]
        folder.mkdir()
        for name in names:
            write(folder / f"{name}.csv", ["time", "acc_x", "acc_y", "acc_z"], columns)
    with pytest.raises(ReaderError, match=r"walk1.csv and .*walk2.csv hold the same sensor"):
        read_recording(tmp_path / "walk1")
    recording = read_recording(tmp_path / "left_wrist_acc")
    assert [device.placement for device in recording.devices] == ["left wrist", "right ankle"]


def test_the_clock_of_the_samples_is_taken_and_the_date_of_the_other(movement, tmp_path: Path):
    """Polar: rows are dated when the phone got them, twenty at a time; the sensor's own stamps count from elsewhere."""
    time_s, acc, _ = movement
    phone = [STAMPS["iso"][0](np.ceil(t / 0.4) * 0.4 + 1e-3 * (k % 20)) for k, t in enumerate(time_s)]
    sensor = [str(599_616_000_000_000_000 + round(t * 1e9)) for t in time_s]
    names = ["Phone timestamp", "sensor timestamp [ns]", "X [mg]", "Y [mg]", "Z [mg]"]
    path = write(tmp_path / "x.txt", names, [phone, sensor, *(numbers(x * 1000) for x in acc.T)], ";")
    recording = read_recording(path)
    np.testing.assert_allclose(only(recording), acc, atol=1e-4)
    assert recording.start_time == BASE


def test_gaps_repeated_and_late_rows_and_words(movement, tmp_path: Path):
    time_s, acc, _ = movement
    stamps = time_s + np.where(np.arange(1500) >= 700, 20.0, 0.0)
    columns = [numbers(stamps), *map(numbers, acc.T)]
    columns[1][100], columns[2][200], columns[3][300] = "NaN", "null", "oops"
    columns[1][400], columns[2][400], columns[3][400] = ("-9999",) * 3
    for column in columns:
        column[1000:1000] = column[1000:1001]  # written twice
        column[50], column[51] = column[51], column[50]
    recording = read_recording(write(tmp_path / "x.csv", ["time", "acc_x", "acc_y", "acc_z"], columns))
    (device,) = recording.devices
    assert [(p.start_s, len(p.samples)) for p in device.pieces] == [(0.0, 700), (pytest.approx(34.0), 800)]
    lost = [100, 200, 300, 400]
    kept = np.setdiff1d(np.arange(700), lost)
    np.testing.assert_allclose(device.pieces[0].samples[kept], acc[kept], atol=1e-4)
    np.testing.assert_allclose(device.pieces[0].samples[lost], (acc[99:400:100] + acc[101:402:100]) / 2, atol=1e-4)
    for sentence in ("1 gaps longer", "1 samples with a repeated", "1 samples whose time stamps run backwards",
                     "1 cells of x.csv that are no number", "1 samples of the accelerometer beyond"):  # fmt: skip
        assert any(text.startswith(sentence) for text in recording.notes), (sentence, recording.notes)


def test_a_drifting_clock_is_followed(tmp_path: Path):
    """Stamps of a device that slows down by 0.4 % within the recording: a wave comes out at its own frequency."""
    true_s = np.cumsum(np.linspace(0.02, 0.02008, 6000))
    true_s -= true_s[0]
    wave = 0.2 * np.sin(2 * np.pi * 0.8 * true_s)
    columns = [numbers(true_s), numbers(wave), numbers(wave * 0), numbers(wave * 0 + 1)]
    recording = read_recording(write(tmp_path / "x.csv", ["time", "acc_x", "acc_y", "acc_z"], columns))
    samples, rate = only(recording), recording.devices[0].sampling_rate_hz
    grid = np.arange(len(samples)) / rate
    np.testing.assert_allclose(samples[:, 0], 0.2 * np.sin(2 * np.pi * 0.8 * grid), atol=4e-4)
    assert recording.duration_s == pytest.approx(true_s[-1], abs=0.03)


def test_stamps_of_whole_seconds_are_spread(movement, tmp_path: Path):
    time_s, acc, _ = movement
    stamps = [(BASE + dt.timedelta(seconds=float(t))).strftime("%H:%M:%S") for t in time_s]
    recording = read_recording(
        write(tmp_path / "x.csv", ["time", "acc_x", "acc_y", "acc_z"], [stamps, *map(numbers, acc.T)])
    )
    np.testing.assert_allclose(only(recording), acc, atol=1e-4)
    assert any("coarser than the samples" in text for text in recording.notes)


def test_the_end_of_summer_time_is_made_good(movement, tmp_path: Path):
    _, acc, _ = movement
    begin = dt.datetime(2024, 10, 27, 2, 59, 50)
    times = [begin + dt.timedelta(seconds=k / 50 - 3600 * (k >= 500)) for k in range(1500)]
    stamps = [time.isoformat(timespec="milliseconds") for time in times]
    recording = read_recording(
        write(tmp_path / "x.csv", ["time", "acc_x", "acc_y", "acc_z"], [stamps, *map(numbers, acc.T)])
    )
    np.testing.assert_allclose(only(recording), acc, atol=1e-4)
    assert any("summer time" in text for text in recording.notes)


def test_more_rows_than_a_chunk(monkeypatch, movement, tmp_path: Path):
    """Parts of a file are read one after the other: the result is that of the whole."""
    time_s, acc, gyro = movement
    names = ["time", "acc_x", "acc_y", "acc_z", "gx (deg/s)", "gy (deg/s)", "gz (deg/s)"]
    columns = [[STAMPS["of day"][0](t) for t in time_s], *map(numbers, acc.T), *map(numbers, np.degrees(gyro).T)]
    path = write(tmp_path / "x.csv", names, columns)
    whole = only(read_recording(path))
    monkeypatch.setattr("har.readers.table.ROWS_A_CHUNK", 211)
    monkeypatch.setattr("har.readers.store._MOST_IN_MEMORY", 3000)
    monkeypatch.setattr("har.readers.store._ROWS_AT_A_TIME", 101)
    parted = only(read_recording(path))
    assert isinstance(parted, np.memmap) and np.array_equal(parted, whole)


def test_gravity_is_missed(movement, tmp_path: Path):
    time_s, acc, _ = movement
    names = ["time", *(f"Linear Acceleration {axis} (m/s^2)" for axis in "xyz")]
    linear = (acc - acc.mean(0)) * 0.2
    recording = read_recording(write(tmp_path / "x.csv", names, [numbers(time_s), *(numbers(x * G) for x in linear.T)]))
    assert recording.devices[0].gravity == "removed"
    assert any("without gravity: its mean over a second is" in text for text in recording.notes)
    np.testing.assert_allclose(only(recording), linear, atol=1e-4)


def table(names: str, rows: int = 200, make=lambda k: f"{k / 50},0.1,0.2,0.97") -> str:
    return names + "\n" + "\n".join(make(k) for k in range(rows)) + "\n"


REFUSED = {
    "empty": ("", r"is empty \(0 bytes\)"),
    "blanks": ("\n \n\n", "nothing but blanks"),
    "a header only": ("time,acc_x,acc_y,acc_z\n", "no table; expected a header and rows"),
    "prose": ("Es war einmal ein König,\nder hatt einen großen Floh,\n" * 9, "no table of numbers"),
    "one column": ("v\n" + "1.5\n" * 99, "no table of numbers"),
    "no accelerometer": (table("time,heart,steps,cadence"), r"no accelerometer among the columns.*'heart'.*columns="),
    "a column twice": (
        table("time,acc_x,acc_x,acc_y,acc_z", make=lambda k: f"{k / 50},0.1,0.1,0.2,0.97"),
        "both 'acc_x' and 'acc_x' may be acc_x",
    ),
    "no unit": (
        table("time,acc_x,acc_y,acc_z", make=lambda k: f"{k / 50},13,{3 * (k % 2)},270"),
        r"unit of the accelerometer is in no name, and it reads 27.*unit='g'",
    ),
    "contradiction": (table("time,acc_x (mg),acc_y (mg),acc_z (mg)"), r"said to be in mg, but it reads 0.9.*unit='g'"),
    "no time": (table("acc_x,acc_y,acc_z", make=lambda k: "0.1,0.2,0.97"), r"no column of time.*Give rate_hz"),
    "an index": (table("time,acc_x,acc_y,acc_z", make=lambda k: f"{k},0.1,0.2,0.97"), "counts rows by ones"),
    "two recordings": (
        table("time,acc_x,acc_y,acc_z", make=lambda k: f"{k % 100 / 50},0.1,0.2,0.97"),
        "runs back by 1.98 s around row 101",
    ),
    "json": ('[{"sensor": "Accelerometer", "x": 1}]', "is JSON. Export the recording as CSV"),
    "html": ("<!DOCTYPE html><html></html>", "is XML or HTML"),
}


@pytest.mark.parametrize("name", list(REFUSED))
def test_refused_in_one_sentence(name: str, tmp_path: Path):
    text, expected = REFUSED[name]
    path = tmp_path / "x.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ReaderError, match=expected) as caught:
        read_recording(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ({"columns": "acc_x=a"}, "columns lacks acc_y, acc_z"),
        ({"columns": {"acc_q": "a"}}, "columns names 'acc_q'; expected some of time, acc_x"),
        ({"columns": "acc_x=nope,acc_y=2,acc_z=3"}, r"column 'nope' is not there; its columns are 'time', 'acc_x'"),
        ({"columns": {"acc_x": 9, "acc_y": 2, "acc_z": 3}}, "there is no column 9"),
        ({"unit": "furlongs"}, r"unit is 'furlongs'; expected g, mg"),
        ({"rate_hz": 0.01}, "rate_hz is 0.01"),
        ({"rate_hz": "fast"}, "rate_hz is 'fast'"),
        ({"reader": "xls"}, "reader is 'xls'; expected one of axivity"),
        ({"reader": "empatica"}, "is no recording of the reader 'empatica'"),
        ({"placement": " "}, "placement is ' '"),
    ],
)
def test_overrides_that_are_none(overrides, expected, tmp_path: Path):
    path = tmp_path / "x.csv"
    path.write_text(table("time,acc_x,acc_y,acc_z"))
    with pytest.raises(ReaderError, match=expected):
        read_recording(path, **overrides)


def test_archives_and_folders(movement, tmp_path: Path):
    time_s, acc, _ = movement
    inside = write(tmp_path / "x.csv", ["time", "acc_x", "acc_y", "acc_z"], [numbers(time_s), *map(numbers, acc.T)])
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(inside, "export/walk.csv")
        archive.writestr("__MACOSX/export/._walk.csv", b"\x00\x05\x16\x07")
        archive.writestr("export/.DS_Store", b"\x00")
        archive.writestr("export/notes.txt", "a walk in the park")
    recording = read_recording(tmp_path / "a.zip")
    np.testing.assert_allclose(only(recording), acc, atol=1e-4)
    assert any("left aside, as no sensor of movement: notes.txt" in text for text in recording.notes)


def test_archives_that_hold_nothing_or_are_traps(monkeypatch, tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "none.zip", "w") as archive:
        archive.writestr("picture.jpg", b"\xff\xd8\xff")
    with pytest.raises(ReaderError, match=r"holds no text table \(but picture.jpg\)"):
        read_recording(tmp_path / "none.zip")
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", b"0" * (1 << 24))
    monkeypatch.setattr("har.readers.source._LARGE_BYTES", 1 << 20)
    (tmp_path / "bomb.zip").write_bytes(bomb.getvalue())
    with pytest.raises(ReaderError, match=r"a.csv would unpack to 0.0 GB from"):
        read_recording(tmp_path / "bomb.zip")
    (tmp_path / "cut.zip").write_bytes(bomb.getvalue()[:1000])
    with pytest.raises(ReaderError, match="the archive is damaged"):
        read_recording(tmp_path / "cut.zip")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ReaderError, match="the folder holds no file"):
        read_recording(tmp_path / "empty")
    with pytest.raises(ReaderError, match="there is no such file"):
        read_recording(tmp_path / "nowhere.csv")


def test_rows_that_were_written_many_at_a_time_are_refused(movement, tmp_path: Path):
    """With no other clock, nothing says when samples of a batch were taken; the rate mends it."""
    time_s, acc, _ = movement
    stamps = np.ceil(time_s / 0.4) * 0.4 + 1e-3 * (np.arange(1500) % 20)
    path = write(tmp_path / "x.csv", ["time", "acc_x", "acc_y", "acc_z"], [numbers(stamps), *map(numbers, acc.T)])
    with pytest.raises(ReaderError, match=r"bundles of about 20, .* Give rate_hz"):
        read_recording(path, unit="g")
    np.testing.assert_allclose(only(read_recording(path, rate_hz=50)), acc, atol=1e-4)
