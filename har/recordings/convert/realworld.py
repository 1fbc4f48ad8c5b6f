"""RealWorld 2016 (Sztyler and Stuckenschmidt, PerCom 2016): eight activities, seven devices worn together.

Published as zip archives in an archive, one a person, activity and sensor: ``proband1/data/acc_walking_csv.zip`` with a
file a position (``acc_walking_chest.csv``; ``Gyroscope_walking_chest.csv`` in ``gyr_walking_csv.zip``). Recordings that
were interrupted lie in archives once more inside (``acc_climbingup_1_csv.zip``, but ``gyr_climbingup_csv.zip``), and
others bear a number for a first attempt that is not there (``acc_walking_2_chest.csv``). Numbers of parts are no
guide: the stamps, in ms since 1970, say what belongs together.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from har.recordings.convert.common import (
    ACC,
    GYRO,
    DatasetCard,
    Notes,
    Run,
    align_streams,
    files_below,
    find_files,
    group_by,
    name_parts,
    phrase_of,
    read_rows,
    resample_uniform,
    within,
)
from har.recordings.convert.raw_files import archived_files
from har.recordings.convert.units import check_gravity, check_turning
from har.recordings.format import STANDARD_GRAVITY, DatasetError, StreamInfo
from har.signal.plausibility import LARGEST

CARD = DatasetCard(
    title="RealWorld (HAR) 2016",
    citation="Sztyler and Stuckenschmidt, On-body Localization of Wearable Devices: An Investigation of "
    "Position-Aware Activity Recognition, PerCom 2016, doi:10.1109/PERCOM.2016.7456521",
    licence="free for research, cite the paper",
    source_url="https://www.uni-mannheim.de/dws/research/projects/activity-recognition/dataset/dataset-realworld/",
    people=15,
    placements=("chest", "forearm", "head", "shin", "thigh", "upper arm", "waist"),
    rate="50 Hz",
    activities=8,
    verified="published layout",
)
RATE_HZ = 50.0
RATE_TOLERANCE = 0.3  # phones sample as fast as they like, and are interpolated; beyond, it is another rate
MAX_GAP_S = 0.2
# Devices of one recording are started by hand. Clocks further apart were not set to the same time.
MOST_APART_S = 3600.0
LARGEST_MS = 1e14
STREAMS = tuple(
    StreamInfo(place.replace(" ", "_"), "Samsung Galaxy S4 or LG G Watch R", place, ACC + GYRO, RATE_HZ)
    for place in CARD.placements
)
STREAM_OF_POSITION = {info.name.replace("_", ""): info.name for info in STREAMS}
PHRASES = {
    "climbingdown": "walking downstairs",
    "climbingup": "walking upstairs",
    "jumping": "jumping",
    "lying": "lying",
    "running": "running",
    "sitting": "sitting",
    "standing": "standing",
    "walking": "walking",
}
COLUMNS = ("attr_time", "attr_x", "attr_y", "attr_z")
SENSORS = {"acc": "acc", "Gyroscope": "gyro"}  # file name -> sensor
LARGEST_READING = {"acc": LARGEST["acc"] * STANDARD_GRAVITY, "gyro": LARGEST["gyro"]}
_TABLE = r"([A-Za-z]+)_([a-z]+)(?:_\d+)?_([a-z]+)\.csv"
_OUTER = re.compile(r"(?:acc|gyr)_([a-z]+)(?:_\d+)?_csv\.zip|(?:acc|Gyroscope)_([a-z]+)(?:_\d+)?_[a-z]+\.csv")


def sources(raw: Path) -> list[list[Path]]:
    """The archives (or the files unpacked from them) of one activity of one person."""
    zips = [path for path in files_below(raw, "*.zip") if not path.with_suffix("").is_dir()]
    paths = [path for path in sorted([*zips, *files_below(raw, "*.csv")]) if _OUTER.fullmatch(path.name)]
    if not paths:
        find_files(raw, "acc_*_csv.zip")
    return group_by(paths, lambda path: (_folder(path), _activity(path)))


def _folder(path: Path) -> Path:
    """The folder of a person, of whom there might be several in different places."""
    return next((parent for parent in path.parents if parent.name.startswith("proband")), path.parent)


def _activity(path: Path) -> str:
    match = _OUTER.fullmatch(path.name)
    return match[1] or match[2]


def read(source: list[Path], notes: Notes) -> Iterator[Run]:
    """Runs of all positions on the clock of the recording, which starts with the earliest device."""
    folder, activity = _folder(source[0]), _activity(source[0])
    (person,) = name_parts(folder, r"proband(\d+)", "proband1/data/acc_walking_csv.zip")
    phrase, subject = phrase_of(PHRASES, activity, source[0], notes), f"s{int(person):02d}"
    files: dict[tuple[str, str], list[Path]] = {}
    for path in (file for outer in source for file in _tables(outer)):
        sensor, said, position = name_parts(path, _TABLE, "acc_walking_chest.csv")
        if sensor not in SENSORS or said != activity or position not in STREAM_OF_POSITION:
            raise DatasetError(
                f"{path}: expected {' or '.join(SENSORS)}, {activity} and one of {', '.join(STREAM_OF_POSITION)} in "
                "the name; is this a published file?"
            )
        files.setdefault((STREAM_OF_POSITION[position], SENSORS[sensor]), []).append(path)
    devices = {}
    for info in STREAMS:
        acc, gyro = files.get((info.name, "acc"), []), files.get((info.name, "gyro"), [])
        if acc and gyro:
            devices[info.name] = [_read_sensor(paths, kind, notes) for paths, kind in ((acc, "acc"), (gyro, "gyro"))]
        else:
            missing = "a gyroscope" if acc else "an accelerometer" if gyro else "files"
            notes.add(f"recordings of a position without {missing}, left out")
    yield from _on_one_clock(source[0], devices, f"{subject}_{activity}", subject, phrase, notes)


def _tables(outer: Path) -> list[Path]:
    if outer.suffix != ".zip":
        return [outer]
    return [path for path in archived_files(outer) if path.suffix.lower() == ".csv"]


def _read_sensor(paths: list[Path], kind: str, notes: Notes) -> tuple[Path, np.ndarray, np.ndarray]:
    """The first file, seconds since 1970 (n,) and readings in m/s^2 or rad/s (n, 3) of all parts, by time."""
    rules = (within(COLUMNS[1:], LARGEST_READING[kind]), within(COLUMNS[:1], LARGEST_MS, 0))
    parts = [read_rows(path, COLUMNS, header=True, rules=rules, notes=notes).to_numpy() for path in paths]
    parts.sort(key=lambda part: part[0, 0])
    rows = np.concatenate(parts)
    _check_rate(paths[0], rows[:, 0] / 1000)
    return paths[0], rows[:, 0] / 1000, rows[:, 1:]


def _on_one_clock(first: Path, devices: dict, recording: str, subject: str, phrase: str, notes: Notes) -> Iterator[Run]:
    starts = [time_s[0] for sensors in devices.values() for _, time_s, _ in sensors]
    if starts and max(starts) - min(starts) > MOST_APART_S:
        raise DatasetError(
            f"{first}: devices of one recording start {max(starts) - min(starts):.0f} s apart; expected at most "
            f"{MOST_APART_S:g} s: their clocks differ, remove the files of the one that is wrong"
        )
    for stream, sensors in devices.items():
        parts = []
        for (_, time_s, values), scale in zip(sensors, (STANDARD_GRAVITY, 1.0), strict=True):
            parts.append(resample_uniform(time_s - min(starts), values / scale, RATE_HZ, MAX_GAP_S, notes))
        check_gravity(sensors[0][0], sensors[0][2] / STANDARD_GRAVITY)
        runs = align_streams(parts, RATE_HZ, notes)
        if runs:
            everything = np.concatenate([samples for _, samples in runs])
            check_turning(sensors[1][0], everything[:, :3], everything[:, 3:], RATE_HZ)
        for start_s, samples in runs:
            yield Run(stream, recording, subject, samples, [(phrase, 0, len(samples))], start_s)


def _check_rate(path: Path, time_s: np.ndarray) -> None:
    steps = np.diff(np.unique(time_s))
    if len(steps) and not 1 / (1 + RATE_TOLERANCE) <= np.median(steps) * RATE_HZ <= 1 / (1 - RATE_TOLERANCE):
        raise DatasetError(
            f"{path}: the median step of attr_time is {1000 * np.median(steps):.4g} ms; expected about "
            f"{1000 / RATE_HZ:g} ms ({RATE_HZ:g} Hz): is it in another unit, or of another release?"
        )
