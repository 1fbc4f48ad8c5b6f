"""Damaged files of every format: a recording, or one sentence that names the file; never another exception."""

import io
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from har.readers import ReaderError, read_recording

MUTATIONS = 40  # of each file
_MOST_BYTES = 60_000  # of a real text, so that the tests stay short


def mutated(data: bytes, generator: np.random.Generator) -> bytes:
    """Bytes changed, cut, doubled, moved, or lost."""
    raw = bytearray(data)
    for _ in range(int(generator.integers(1, 4))):
        at = int(generator.integers(0, max(1, len(raw))))
        length = int(2 ** generator.uniform(0, 12))
        match int(generator.integers(0, 7)):
            case 0:
                raw[at : at + length] = generator.integers(0, 256, length, dtype=np.uint8).tobytes()
            case 1:
                del raw[at : at + length]
            case 2:
                del raw[at:]
            case 3:
                raw[at:at] = raw[at : at + length]
            case 4:
                raw[at : at + 1] = generator.choice([b"\x00", b'"', b",", b"\n", b";", b"-", b"e", b"\xff"])
            case 5:
                other = int(generator.integers(0, max(1, len(raw))))
                raw[at : at + length], raw[other : other + length] = raw[other : other + length], raw[at : at + length]
            case 6:
                head = int(generator.integers(0, min(400, len(raw)) + 1))
                raw[head : head + 1] = generator.integers(0, 256, 1, dtype=np.uint8).tobytes()
    return bytes(raw)


def read_or_refuse(path: Path, most_s: float) -> bool:
    """Whether it was read; whatever is read is a recording."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            recording = read_recording(path)
    except ReaderError as error:
        assert str(path) in str(error) and "\n" not in str(error) and len(str(error)) < 700
        return False
    for device in recording.devices:
        assert device.channels[:3] == ("acc_x", "acc_y", "acc_z") and device.pieces
        assert all(len(piece.samples) and piece.samples.dtype == np.float32 for piece in device.pieces)
        starts = [piece.start_s for piece in device.pieces]
        assert starts == sorted(starts)
        # Nothing is made up over a gap: samples are as many as rows were.
        assert sum(len(piece.samples) for piece in device.pieces) / device.sampling_rate_hz < most_s
    return True


def csv_of(movement, header: str, separator: str = ",", decimal: str = ".") -> bytes:
    time_s, acc, gyro = movement
    rows = np.column_stack([time_s, acc, gyro])[:600]
    lines = [separator.join(f"{x:.5f}".replace(".", decimal) for x in row) for row in rows]
    return "\n".join([header, *lines, ""]).encode()


def written(movement) -> dict[str, bytes]:
    time_s, acc, gyro = movement
    plain = csv_of(movement, "time,acc_x,acc_y,acc_z,gyro_x (rad/s),gyro_y (rad/s),gyro_z (rad/s)")
    german = csv_of(movement, "Zeit;ax [g];ay [g];az [g];wx [rad/s];wy [rad/s];wz [rad/s]", ";", ",")
    counts = "".join(f"{x},{y},{z}\n" for x, y, z in np.round(acc * 64).astype(int))
    empatica = ("1680686620.0, 1680686620.0, 1680686620.0\n32.0, 32.0, 32.0\n" + counts).encode()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        stamps = [f"{1_700_000_000_000_000_000 + round(t * 1e9)},{t:.3f}" for t in time_s]
        for name, values in (("Accelerometer", acc - [0, 0, 1]), ("Gravity", acc * 0 + [0, 0, 1]), ("Gyroscope", gyro)):
            rows = [f"{s},{z:.5f},{y:.5f},{x:.5f}" for s, (x, y, z) in zip(stamps, values * 9.80665, strict=True)]
            file.writestr(f"{name}.csv", "\n".join(["time,seconds_elapsed,z,y,x", *rows, ""]))
    return {"plain.csv": plain, "german.csv": german, "ACC.csv": empatica, "export.zip": archive.getvalue()}


@pytest.mark.parametrize("name", ["plain.csv", "german.csv", "ACC.csv", "export.zip"])
def test_mutations_of_text(name: str, movement, tmp_path: Path):
    generator = np.random.default_rng(len(name))
    data = written(movement)[name]
    folder = tmp_path / "files"
    folder.mkdir()
    whole = folder / name
    whole.write_bytes(data)
    assert read_or_refuse(whole, 100)
    outcomes = []
    for _ in range(MUTATIONS):
        whole.write_bytes(mutated(data, generator))
        outcomes.append(read_or_refuse(whole, 400))
    # An archive tells by its checksums that anything was changed.
    assert (any(outcomes) or name == "export.zip") and not all(outcomes)


@pytest.mark.parametrize(
    "name",
    [
        "axivity/ax3_testfile.cwa", "axivity/ax6_testfile.cwa", "geneactiv/GENEActiv_testfile.bin",
        "actigraph/neo.gt3x", "actigraph/ISM_Enabled.gt3x", "apple_watch/WristMotion.csv", "empatica/ACC.csv",
    ],
)  # fmt: skip
def test_mutations_of_real_exports(name: str, user_file: Callable[[str], Path], tmp_path: Path):
    if name.endswith((".cwa", ".bin")):
        pytest.importorskip("actfast")
    data = user_file(name).read_bytes()
    data = data[:_MOST_BYTES] if name.endswith(".csv") else data
    generator = np.random.default_rng(len(name))
    path = tmp_path / Path(name).name
    outcomes = []
    for _ in range(MUTATIONS):
        path.write_bytes(mutated(data, generator))
        outcomes.append(read_or_refuse(path, 2000))
    assert not all(outcomes)
