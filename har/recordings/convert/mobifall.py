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
    read_rows,
    resample_uniform,
)
from har.recordings.format import STANDARD_GRAVITY, DatasetError, StreamInfo

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
GYRO_RATE_HZ = 200.0
# The sensor starts slowly, at 5 Hz for up to 1.8 s, before it delivers its full rate: such gaps are not bridged.
MAX_GAP_S = 0.1
SHORTEST_RUN_S = 1.0
STREAMS = (StreamInfo("phone", "Samsung Galaxy S3", "trouser pocket", ACC + GYRO, RATE_HZ, accelerometer_range_g=2.0),)
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
    phrase = phrase_of(PHRASES, code, source)
    acc_time, acc = _read_sensor(source)
    gyro_time, gyro = _read_sensor(source.with_name(f"{code}_gyro_{subject}_{trial}.txt"))
    origin = min(acc_time[0], gyro_time[0])
    gaps = np.diff(acc_time, prepend=-np.inf, append=np.inf) > MAX_GAP_S
    lone = int((gaps[1:] & gaps[:-1]).sum())
    notes.add(f"accelerometer samples more than {MAX_GAP_S:g} s from both neighbours left out", lone)
    acc_runs = resample_uniform(acc_time - origin, acc / STANDARD_GRAVITY, RATE_HZ, MAX_GAP_S, notes)
    gyro_runs = [
        (start, resample_poly(x, 1, round(GYRO_RATE_HZ / RATE_HZ), axis=0, padtype="line").astype(np.float32))
        for start, x in resample_uniform(gyro_time - origin, gyro, GYRO_RATE_HZ, MAX_GAP_S, notes)
    ]
    merged = align_streams([acc_runs, gyro_runs], RATE_HZ)
    runs = [(start, x) for start, x in merged if len(x) >= SHORTEST_RUN_S * RATE_HZ]
    notes.add(f"pieces between gaps shorter than {SHORTEST_RUN_S:g} s left out", len(merged) - len(runs))
    if not runs:
        raise DatasetError(f"{source}: no gap-free {SHORTEST_RUN_S:g} s of both sensors; fetch or remove the trial")
    impact = int(np.argmax([np.linalg.norm(x[:, :3], axis=1).max() for _, x in runs]))
    result = []
    for number, (start, x) in enumerate(runs):
        first, last = (0, len(x)) if code not in FALLS else around_peak(x, RATE_HZ)
        labels = [] if code in FALLS and number != impact else [(phrase, first, last)]
        result.append(Run("phone", f"{code}_{subject}_{trial}", f"s{int(subject):02d}", x, labels, start))
    return result


def _read_sensor(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Seconds (n,) and values (n, 3) below the line @DATA."""
    if not path.is_file():
        raise DatasetError(f"{path} is missing; each trial needs its accelerometer and its gyroscope file")
    with path.open(encoding="utf-8", errors="replace") as file:
        data_line = next((number for number, line in enumerate(file, start=1) if line.strip() == "@DATA"), None)
    if data_line is None:
        raise DatasetError(f"{path}: no line @DATA; is this a MobiFall v2 file?")
    table = read_rows(path, ("timestamp", "x", "y", "z"), skiprows=data_line).to_numpy()
    return table[:, 0] / 1e9, table[:, 1:]
