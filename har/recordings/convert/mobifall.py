"""MobiFall v2: a phone in the trouser pocket, in any orientation; daily activities and falls."""

from pathlib import Path

import numpy as np
from scipy.signal import resample_poly

from har.recordings.convert.common import (
    ACC,
    GYRO,
    DatasetCard,
    Notes,
    Run,
    align_streams,
    around_peak,
    find_files,
    name_parts,
    phrase_of,
    plain_text,
    read_rows,
    resample_uniform,
    within,
)
from har.recordings.format import RANGE_TOLERANCE, STANDARD_GRAVITY, DatasetError, StreamInfo
from har.signal.plausibility import LARGEST

CARD = DatasetCard(
    title="MobiFall dataset v2.0",
    citation="Vavoulas et al., The MobiFall Dataset: Fall Detection and Classification with a Smartphone, IJMSTR 2014",
    licence="research use, on request from the authors",
    source_url="https://bmi.hmu.gr/the-mobifall-and-mobiact-datasets-2/",
    people=9,
    placements=("trouser pocket",),
    rate="acc 87-95 Hz, gyro 200 Hz -> 100 Hz",
    activities=13,
    verified="original files",
)
RATE_HZ = 100.0
RANGE_G = 2.0
GYRO_RATE_HZ = 200.0
# The sensor starts slowly, at 5 Hz for up to 1.8 s, before it delivers its full rate: such gaps are not bridged.
MAX_GAP_S = 0.1
LARGEST_NS = 2.0**63  # a time stamp is a long integer
SHORTEST_RUN_S = 1.0
STREAMS = (
    StreamInfo("phone", "Samsung Galaxy S3", "trouser pocket", ACC + GYRO, RATE_HZ, accelerometer_range_g=RANGE_G),
)
PHRASES = {
    "STD": "standing",
    "WAL": "walking",
    "JOG": "jogging",
    "JUM": "jumping",
    "STU": "walking upstairs",
    "STN": "walking downstairs",
    "SCH": "sitting down on a chair",
    "CSI": "getting into a car",
    "CSO": "getting out of a car",
    "FOL": "falling forward",
    "FKL": "falling forward onto the knees",
    "BSC": "falling backward while sitting down",
    "SDL": "falling sideways",
}
FALLS = ("FOL", "FKL", "BSC", "SDL")


def sources(raw: Path) -> list[Path]:
    return find_files(raw, "*_acc_*_*.txt")


def read(source: Path, notes: Notes) -> list[Run]:
    """Accelerometer and gyroscope of one trial, on the clock that starts with the earlier of them."""
    code, subject, trial = name_parts(source, r"([^/_]+)_acc_(\d+)_(\d+)\.txt", "WAL_acc_2_1.txt")
    phrase = phrase_of(PHRASES, code, source, notes)
    acc_time, acc = _read_sensor(source, RANGE_TOLERANCE * RANGE_G * STANDARD_GRAVITY, notes)
    gyro_path = source.with_name(f"{code}_gyro_{subject}_{trial}.txt")
    gyro_time, gyro = _read_sensor(gyro_path, LARGEST["gyro"], notes)
    origin = min(acc_time.min(), gyro_time.min())
    acc_runs = resample_uniform(acc_time - origin, acc / STANDARD_GRAVITY, RATE_HZ, MAX_GAP_S, notes)
    gyro_runs = [
        (start, resample_poly(x, 1, round(GYRO_RATE_HZ / RATE_HZ), axis=0, padtype="line").astype(np.float32))
        for start, x in resample_uniform(gyro_time - origin, gyro, GYRO_RATE_HZ, MAX_GAP_S, notes)
    ]
    merged = align_streams([acc_runs, gyro_runs], RATE_HZ, notes)
    runs = [(start, x) for start, x in merged if len(x) >= SHORTEST_RUN_S * RATE_HZ]
    notes.add(f"pieces between gaps shorter than {SHORTEST_RUN_S:g} s left out", len(merged) - len(runs))
    short = sum(len(x) for _, x in merged) - sum(len(x) for _, x in runs)
    notes.add(f"samples in pieces between gaps shorter than {SHORTEST_RUN_S:g} s left out", short)
    if not runs:
        raise DatasetError(f"{source}: no gap-free {SHORTEST_RUN_S:g} s of both sensors; fetch or remove the trial")
    impact = int(np.argmax([np.linalg.norm(x[:, :3], axis=1).max() for _, x in runs]))
    result = []
    for number, (start, x) in enumerate(runs):
        first, last = (0, len(x)) if code not in FALLS else around_peak(x, RATE_HZ)
        labels = [] if code in FALLS and number != impact else [(phrase, first, last)]
        result.append(Run("phone", f"{code}_{subject}_{trial}", f"s{int(subject):02d}", x, labels, start))
    return result


def _read_sensor(path: Path, largest: float, notes: Notes) -> tuple[np.ndarray, np.ndarray]:
    """Seconds (n,) and values (n, 3) below the line @DATA."""
    if not path.is_file():
        raise DatasetError(f"{path} is missing; each trial needs its accelerometer and its gyroscope file")
    lines = enumerate(plain_text(path).split(b"\n"), start=1)
    data_line = next((number for number, line in lines if line.strip() == b"@DATA"), None)
    if data_line is None:
        raise DatasetError(f"{path}: no line @DATA; is this a MobiFall v2 file?")
    rules = (within("xyz", largest), within(["timestamp"], LARGEST_NS, 0))
    columns = ("timestamp", "x", "y", "z")
    table = read_rows(path, columns, skiprows=data_line, rules=rules, notes=notes).to_numpy()
    return table[:, 0] / 1e9, table[:, 1:]
