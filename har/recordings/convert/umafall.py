"""UMAFall (Casilari et al., 2017): falls and daily activities, a phone and four sensor tags worn together.

One text file a trial. Header lines start with ``%``; one of them per sensor holds MAC address, sensor id and position,
and positions move between files. Rows: time in ms; sample number; x; y; z; type (0 acc in g, 1 gyro in deg/s,
2 magnetometer in uT); sensor id. Copies that a spreadsheet saved again have commas for semicolons, empty cells at the
ends of lines, and numbers that lost their decimal point, which nobody can restore.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from har.recordings.convert.common import (
    ACC,
    FALL_AFTER_S,
    FALL_BEFORE_S,
    GYRO,
    MAG,
    DatasetCard,
    Notes,
    Rule,
    Run,
    align_streams,
    around_peak,
    find_files,
    lose_spikes,
    name_parts,
    phrase_of,
    plain_text,
    read_rows,
    resample_uniform,
    within,
)
from har.recordings.format import DatasetError, StreamInfo

CARD = DatasetCard(
    title="UMAFall",
    citation="Casilari, Santoyo-Ramon and Cano-Garcia, UMAFall: A Multisensor Dataset for the Research on Automatic "
    "Fall Detection, Procedia Computer Science 110, 2017",
    licence="CC BY 4.0",
    source_url="https://doi.org/10.6084/m9.figshare.4214283",
    people=19,
    placements=("trouser pocket", "waist", "chest", "ankle", "wrist"),
    rate="200 Hz (phone), 20 Hz (tags)",
    activities=15,
    verified="published layout",
)
PHONE_HZ, TAG_HZ, RANGE_G = 200.0, 20.0, 16.0
# Steadiest place first: the impact of a fall is read off the first stream that a trial has.
STREAMS = (
    *(
        StreamInfo(name, "TI SensorTag", name, ACC + GYRO + MAG, TAG_HZ, accelerometer_range_g=RANGE_G)
        for name in ("waist", "chest")
    ),
    StreamInfo("phone", "LG G4", "trouser pocket", ACC, PHONE_HZ, accelerometer_range_g=RANGE_G),
    *(
        StreamInfo(name, "TI SensorTag", name, ACC + GYRO + MAG, TAG_HZ, accelerometer_range_g=RANGE_G)
        for name in ("ankle", "wrist")
    ),
)
PHRASES = {
    "Aplausing": "clapping hands",
    "Bending": "bending over and straightening up",
    "GoDownstairs": "walking downstairs",
    "GoUpstairs": "walking upstairs",
    "HandsUp": "raising both hands",
    "Hopping": "hopping",
    "Jogging": "jogging",
    "LyingDown_OnABed": "lying down on a bed",
    "MakingACall": "making a phone call",
    "OpeningDoor": "opening a door",
    "Sitting_GettingUpOnAChair": "sitting down on a chair and standing up",
    "Walking": "walking",
    "backwardFall": "falling backward",
    "forwardFall": "falling forward",
    "lateralFall": "falling sideways",
}
OTHER_NAMES = {"ClappingHands": "Aplausing"}  # of activities, in other releases
POCKETS = ("RIGHTPOCKET", "LEFTPOCKET", "POCKET")
# A longer silence than two samples of a tag (or ten of the phone) splits a trial.
TAG_GAP_S, PHONE_GAP_S = 0.15, 0.05
LARGEST_MS = 1e8  # a day; trials last 15 s
LARGEST_READING = 2.0**15  # counts of the sensors have 16 bits, and units are larger than a count
COLUMNS = ("time in ms", "sample number", "x", "y", "z", "sensor type", "sensor id")
RULES = (
    within(["time in ms"], LARGEST_MS, 0),
    within("xyz", LARGEST_READING),
    Rule("sensor type 0, 1 or 2", lambda rows: rows["sensor type"].isin((0, 1, 2))),
)
_NAME = r"UMAFall_Subject_(\d+)_(ADL|Fall)_([^/]+)_\d+_\d{4}-[^/]*\.csv"
_SENSOR = re.compile(r'"?%\s*[0-9A-Fa-f:.-]{12,17}\s*[;,]\s*(\d+)\s*[;,]\s*([A-Za-z ]+?)\s*(?:[;,].*)?"?')


@dataclass
class _Part:
    """A gap-free run of one stream, before it is labelled."""

    stream: str
    rate_hz: float
    start_s: float
    samples: np.ndarray


def sources(raw: Path) -> list[Path]:
    """One file a trial."""
    return find_files(raw, "UMAFall_Subject_*.csv")


def read(path: Path, notes: Notes) -> Iterator[Run]:
    """Runs of all devices of a trial on its common clock; only the seconds around the impact of a fall are labelled."""
    person, group, activity = name_parts(path, _NAME, "UMAFall_Subject_01_ADL_Walking_1_2016-06-13_20-25-30.csv")
    phrase = phrase_of(PHRASES, OTHER_NAMES.get(activity, activity), path, notes)
    positions = _positions(path)
    known = Rule(
        f"sensor ids {sorted(positions)}, which have a header line", lambda rows: rows["sensor id"].isin(positions)
    )
    table = read_rows(path, COLUMNS, separator=(";", ","), comment="%", rules=(known, *RULES), notes=notes).to_numpy()
    parts = [p for sensor in positions for p in _device(table[table[:, 6] == sensor], positions[sensor], notes)]
    order = [info.name for info in STREAMS]
    parts.sort(key=lambda part: (order.index(part.stream), part.start_s))
    first_s, last_s = (-np.inf, np.inf) if group == "ADL" else _around_impact(parts)
    recording = path.stem.removeprefix("UMAFall_")
    for part in parts:
        # The hair keeps rounding of the clock from moving a border by one row.
        rows = np.ceil((np.array([first_s, last_s]) - part.start_s) * part.rate_hz - 1e-6)
        start, stop = np.clip(rows, 0, len(part.samples)).astype(int).tolist()
        labels = [(phrase, start, stop)] if stop > start else []
        yield Run(part.stream, recording, f"s{int(person):02d}", part.samples, labels, part.start_s)


def _positions(path: Path) -> dict[int, str]:
    """Sensor id -> position, from the header."""
    positions = {}
    for line in plain_text(path).decode("utf-8", errors="replace").split("\n"):
        match = _SENSOR.fullmatch(line.strip())
        if match:
            positions[int(match[1])] = match[2].upper().replace(" ", "")
    if not positions:
        raise DatasetError(f"{path}: no header line like '% MAC; sensor id; position; ...'; fetch the file again")
    if len(set(positions.values())) < len(positions):
        raise DatasetError(f"{path}: two sensors at one position: {positions}; correct or remove the file")
    return positions


def _device(table: np.ndarray, position: str, notes: Notes) -> Iterator[_Part]:
    """Rows of one sensor -> gap-free parts; the phone is the device that samples faster than 100 Hz."""
    acc = table[table[:, 5] == 0]
    span_s = np.ptp(acc[:, 0]) / 1000 if len(acc) else 0.0
    if not span_s:
        notes.add("devices without accelerometer samples left out")
        return
    is_phone = (len(acc) - 1) / span_s > 100
    stream = "phone" if is_phone and position in POCKETS else position.lower() if not is_phone else ""
    info = next((info for info in STREAMS if info.name == stream), None)
    if info is None:
        notes.add(f"traces of a {'phone' if is_phone else 'tag'} at {position}, where no stream is kept, left out")
        return
    kinds = (0,) if is_phone else (0, 1, 2)
    missing = [kind for kind in kinds if (table[:, 5] == kind).sum() < 2]
    if missing:
        notes.add("tags without gyroscope or magnetometer samples left out")
        return
    notes.add("samples of the phone other than acceleration left out", int((~np.isin(table[:, 5], kinds)).sum()))
    sensors = []
    for kind in kinds:
        rows = table[table[:, 5] == kind]
        values = rows[:, 2:5]
        if kind == 0:
            values = lose_spikes(_full_scale(values, notes), RANGE_G, notes)
        elif kind == 1:
            values = np.radians(values)
        gap_s = PHONE_GAP_S if is_phone else TAG_GAP_S
        sensors.append(resample_uniform(rows[:, 0] / 1000, values, info.sampling_rate_hz, gap_s, notes))
    for start_s, samples in align_streams(sensors, info.sampling_rate_hz, notes):
        yield _Part(stream, info.sampling_rate_hz, start_s, samples)


def _full_scale(acceleration_g: np.ndarray, notes: Notes) -> np.ndarray:
    """A trace whose typical magnitude is about 1/4 g was stored at a quarter of its scale: give it back.

    The median over a trial of the magnitude stays within 0.7 to 1.3 g at rest and in all of the activities.
    """
    if not 0.7 < 4 * np.median(np.linalg.norm(acceleration_g, axis=1)) < 1.3:
        return acceleration_g
    notes.add("accelerometer traces at a quarter of their scale multiplied by 4")
    return 4 * acceleration_g


def _around_impact(parts: list[_Part]) -> tuple[float, float]:
    """Start and end in s of the labelled part of a fall, one for all devices of the trial."""
    if not parts:
        return 0.0, 0.0
    mine = [part for part in parts if part.stream == parts[0].stream]
    part = max(mine, key=lambda part: np.linalg.norm(part.samples[:, :3], axis=1).max())
    peak, _ = around_peak(part.samples, part.rate_hz, 0.0, 0.0)
    impact_s = part.start_s + peak / part.rate_hz
    return impact_s - FALL_BEFORE_S, impact_s + FALL_AFTER_S
