"""SmartFallMM: MetaMotion sensors on the right wrist and the left hip; daily activities, and falls of younger people.

One headless file a sensor of a trial, ``epoch ms, ISO time, elapsed s, x, y, z``, cut out by hand and partly saved by a
spreadsheet. Trials are left out, or parts of them, where the files show that they are not what their names say:

- the gyroscopes that count 31 ms a row sample at 50 Hz like all the others, their clocks run slow by 20 / 31: they have
  twice as many rows as the accelerometers at 25 Hz beside them, and follow these only once their clock is set right;
- a shorter trial was pasted over a longer one, whose end is left: rows from where the clock jumps are another trial's;
- files with readings beyond the 2 g at which the device clips hold a gyroscope, or columns that moved;
- S23 is S22 once more, cut a little differently; the hip sensor of S28 lies still in falls as well.

Gyroscopes clip at 125 deg/s, which the wrist reaches in most of the trials.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.signal import resample_poly

from har.recordings.convert.common import (
    ACC,
    FALL_AFTER_S,
    FALL_BEFORE_S,
    GYRO,
    DatasetCard,
    Notes,
    Run,
    align_streams,
    around_peak,
    find_files,
    group_by,
    name_parts,
    phrase_of,
    plain_text,
    published_twice,
    read_rows,
    resample_uniform,
)
from har.recordings.format import DatasetError, StreamInfo

CARD = DatasetCard(
    title="SmartFallMM (MetaMotion sensors)",
    citation="SmartFall group, Texas State University, SmartFallMM: A Multimodal Dataset Collected with Commodity "
    "Devices, 2024",
    licence="none stated: measure on it, publish nothing that was trained on it",
    source_url="https://github.com/txst-cs-smartfall/SmartFallMM-Dataset",
    people=39,
    placements=("right wrist", "left hip"),
    rate="25 or 50 Hz by file",
    activities=15,
    verified="original files",
    note="no licence is stated",
)
RANGE_G = 2.0
GYRO_RANGE_DEG_PER_S = 125.0
READING_TOLERANCE = 1.01  # readings clip at the range to three decimals; beyond, a row is damaged
GYRO_RATE_HZ = 50.0
RATES_HZ = (25.0, 50.0)
RATE_TOLERANCE = 0.1
SLOW_STEP_S, TRUE_STEP_S = 0.031, 0.020  # of a gyroscope's clock that runs slow
# Packets of half a second and more are lost; a single sample at 25 Hz is bridged.
MAX_GAP_S = 0.1
LEAST_ROWS = 20
LARGEST_SHARE_BEYOND_RANGE = 0.1
# The clock of a trial goes on; by more, it is the clock of another one whose rows were left in the file.
LONGEST_PAUSE_S = 10.0
CLOCK_TOLERANCE_S = 1.0
# Spreadsheets keep a few digits of the epoch: whole multiples of 1000 s are no times of samples.
ROUNDED_TO_MS = 1e6
AGREEING_S = 0.1  # by which a clock may differ from the elapsed time
LOCAL_TIME_S = -5 * 3600.0  # ISO times are those of Texas in summer
LEAST_SHARE_WITH_GYRO = 0.5  # of a trial; with less, its gyroscope is left out rather than the trial
SAME_AS_BEFORE = {"S23": "S22"}
NOT_WORN = {("S28", "hip")}
PLACEMENTS = {"hip": "left hip", "wrist": "right wrist"}  # the steadier one, from which a fall is read, first
STREAMS = tuple(
    StreamInfo(f"{place}{kind}_{rate:g}hz", "MetaMotion", placement, channels, rate, accelerometer_range_g=RANGE_G)
    for place, placement in PLACEMENTS.items()
    for kind, channels in (("", ACC), ("_gyro", ACC + GYRO))
    for rate in RATES_HZ
)
COLUMNS = ("epoch", "time", "elapsed", "x", "y", "z")
PHRASES = {
    "A01": "drinking water",
    "A02": "picking up an object",
    "A03": "putting on and taking off a jacket",
    "A04": "stepping up",
    "A05": "sweeping the floor",
    "A06": "washing hands",
    "A07": "waving a hand",
    "A08": "walking",
    "A08 old": "doing a timed up and go test",
    "A09": "sitting down and standing up",
    # The publisher's table names no such activity of older people, and in some of these files nobody moves.
    "A09 old": "",
    "A10": "falling backward",
    "A11": "falling forward",
    "A12": "falling to the left side",
    "A13": "falling to the right side",
    "A14": "falling while turning around",
}
FALLS = ("A10", "A11", "A12", "A13", "A14")


@dataclass
class _Sensor:
    """Samples of one file. session_s: wall clock at which its ``elapsed_s`` (n,) is zero, None where it tells none."""

    session_s: float | None
    elapsed_s: np.ndarray
    samples: np.ndarray


@dataclass
class _Device:
    """Gap-free runs [(start in s, samples)] of one place in one trial. on_wall_clock: or from its first sample on."""

    place: str
    stream: StreamInfo
    on_wall_clock: bool
    runs: list[tuple[float, np.ndarray]]

    @property
    def start_s(self) -> float:
        return self.runs[0][0]

    @property
    def stop_s(self) -> float:
        start_s, samples = self.runs[-1]
        return start_s + len(samples) / self.stream.sampling_rate_hz


def sources(raw: Path) -> list[list[tuple[Path, bool]]]:
    """The files of one trial, sensors and places, and whether each is left out as a copy."""
    paths = find_files(raw, "meta_*/S??A??T??.csv")
    compared = [path for path in paths if path.stem[:3] not in SAME_AS_BEFORE]
    copies = published_twice(
        compared,
        label_of=lambda path: path.stem[:6],
        # Epochs are rounded in some copies: elapsed time and axes.
        samples_of=lambda line: line.rstrip().split(b",", 2)[-1],
        text_of=lambda path: b"\n".join(_own_lines(plain_text(path).splitlines())),
    )
    return group_by([(path, path in copies) for path in paths], lambda pair: (pair[0].parents[2], pair[0].stem))


def read(source: list[tuple[Path, bool]], notes: Notes) -> Iterator[Run]:
    """Places whose times overlap share the recording and its clock, which starts with the earlier one; others do not.
    Of a fall only the seconds around the impact are labelled.
    """
    first = source[0][0]
    group, subject, activity = name_parts(
        first, r"(young|old)/[^/]+/meta_[^/]+/(S\d\d)(A\d\d)T\d\d\.csv", "young/accelerometer/meta_hip/S29A08T01.csv"
    )
    older = f"{activity} old"
    phrase = phrase_of(PHRASES, older if group == "old" and older in PHRASES else activity, first, notes)
    if subject in SAME_AS_BEFORE:
        notes.add(f"files of {subject} left out, who is {SAME_AS_BEFORE[subject]} once more", len(source))
        return
    if activity not in FALLS and not phrase:
        notes.add("trials of an activity that the publisher does not name for older people, left unlabelled")
    devices = [device for place in PLACEMENTS if (device := _device(source, place, subject, notes))]
    for together in _together(devices, notes):
        origin_s = min(device.start_s for device in together)
        impact_s = _impact(together[0]) if activity in FALLS else None
        recording = first.stem if len(together) > 1 else f"{first.stem}_{together[0].place}"
        for device in together:
            for start_s, samples in device.runs:
                rate = device.stream.sampling_rate_hz
                rows = [0, len(samples)]
                if impact_s is not None:
                    seconds = np.array([impact_s - FALL_BEFORE_S, impact_s + FALL_AFTER_S]) - start_s
                    rows = np.clip(np.ceil(seconds * rate - 1e-6), 0, len(samples)).astype(int).tolist()
                labels = [(phrase, *rows)] if phrase and rows[1] > rows[0] else []
                yield Run(device.stream.name, recording, subject, samples, labels, round(start_s - origin_s, 6))


def _together(devices: list[_Device], notes: Notes) -> list[list[_Device]]:
    """Devices that were on at one time together, the others alone."""
    if len(devices) < 2:
        return [devices] if devices else []
    start_s, stop_s = max(device.start_s for device in devices), min(device.stop_s for device in devices)
    if all(device.on_wall_clock for device in devices) and start_s < stop_s:
        return [devices]
    notes.add("trials whose wrist and hip were not on at one time by their clocks, two recordings each")
    return [[device] for device in devices]


def _impact(device: _Device) -> float:
    """Time of the largest acceleration in s."""
    start_s, samples = max(device.runs, key=lambda run: np.linalg.norm(run[1][:, :3], axis=1).max())
    peak, _ = around_peak(samples, device.stream.sampling_rate_hz, 0.0, 0.0)
    return start_s + peak / device.stream.sampling_rate_hz


# --- one place --------------------------------------------------------------------------------------------------------


def _device(source: list[tuple[Path, bool]], place: str, subject: str, notes: Notes) -> _Device | None:
    """Accelerometer of one place, with the gyroscope where there is one; None where nothing can be used."""
    files = {path.parent.parent.name: (path, copy) for path, copy in source if path.parent.name == f"meta_{place}"}
    if "accelerometer" not in files:
        notes.add("gyroscopes without accelerometer left out", len(files))
        return None
    path, is_copy = files["accelerometer"]
    if is_copy:
        notes.add("trials of a sensor left out because their samples are published twice, both where labels differ")
        return None
    if (subject, place) in NOT_WORN:
        notes.add(f"trials of a {place} sensor that lies still while its wearer walks and falls, left out")
        return None
    acc = _accelerometer(path, notes)
    if acc is None:
        return None
    rate = _rate(acc.elapsed_s, path)
    zero_s = acc.elapsed_s[0] if acc.session_s is None else -acc.session_s
    runs = resample_uniform(acc.elapsed_s - zero_s, acc.samples, rate, MAX_GAP_S, notes)
    kind = ""
    gyro = _gyroscope(*files["gyroscope"], notes) if "gyroscope" in files else None
    if gyro is not None and acc.session_s is not None:
        gyro_runs = resample_uniform(gyro.elapsed_s + gyro.session_s, gyro.samples, GYRO_RATE_HZ, MAX_GAP_S, notes)
        joint = align_streams([runs, [_at_rate(run, rate) for run in gyro_runs]], rate)
        if sum(len(x) for _, x in joint) >= LEAST_SHARE_WITH_GYRO * sum(len(x) for _, x in runs):
            alone = sum(len(x) for _, x in runs) - sum(len(x) for _, x in joint)
            notes.add("samples of the accelerometer while the gyroscope was off, left out", alone)
            runs, kind = joint, "_gyro"
        else:
            notes.add("gyroscopes that cover less than half of their accelerometer's trial, left out")
    name = f"{place}{kind}_{rate:g}hz"
    stream = next(info for info in STREAMS if info.name == name)
    return _Device(place, stream, acc.session_s is not None, runs) if runs else None


def _at_rate(run: tuple[float, np.ndarray], rate_hz: float) -> tuple[float, np.ndarray]:
    """A gyroscope's run without what the accelerometer's rate cannot hold."""
    start_s, samples = run
    down = round(GYRO_RATE_HZ / rate_hz)
    if down == 1:
        return run
    return start_s, resample_poly(samples, 1, down, axis=0, padtype="line").astype(np.float32)


def _rate(elapsed_s: np.ndarray, path: Path) -> float:
    own = 1 / float(np.median(np.diff(elapsed_s)))
    rate = min(RATES_HZ, key=lambda rate: abs(rate - own))
    if abs(rate - own) > RATE_TOLERANCE * rate:
        raise DatasetError(f"{path}: sampled at {own:.1f} Hz; expected about 25 or 50 Hz")
    return rate


def _accelerometer(path: Path, notes: Notes) -> _Sensor | None:
    """In g; None for what is none, or too short."""
    table = _read(path, notes)
    beyond = (np.abs(table[["x", "y", "z"]].to_numpy()) > READING_TOLERANCE * RANGE_G).any(axis=1)
    if beyond.mean() > LARGEST_SHARE_BEYOND_RANGE:
        notes.add(f"accelerometer files left out because of readings beyond the range of {RANGE_G:g} g")
        return None
    notes.damaged_rows(f"{path}: readings beyond the range of {RANGE_G:g} g", beyond.sum())
    table = table[~beyond]
    if len(table) < LEAST_ROWS:
        notes.add(f"accelerometer files of fewer than {LEAST_ROWS} rows left out")
        return None
    return _Sensor(_session(table), table["elapsed"].to_numpy(), table[["x", "y", "z"]].to_numpy())


def _gyroscope(path: Path, is_copy: bool, notes: Notes) -> _Sensor | None:
    """In rad/s, at 50 Hz on a clock that is set right; None where there is no clock to set it by."""
    table = _read(path, notes)
    beyond = (np.abs(table[["x", "y", "z"]].to_numpy()) > READING_TOLERANCE * GYRO_RANGE_DEG_PER_S).any(axis=1)
    notes.damaged_rows(f"{path}: readings beyond the range of {GYRO_RANGE_DEG_PER_S:g} deg/s", beyond.sum())
    table = table[~beyond]
    step = float(np.median(np.diff(table["elapsed"]))) if len(table) >= LEAST_ROWS else np.nan
    slow = abs(step - SLOW_STEP_S) < 1e-3
    session_s = _session(table) if slow or abs(step - TRUE_STEP_S) < RATE_TOLERANCE * TRUE_STEP_S else None
    if is_copy or session_s is None:
        notes.add("gyroscopes left out as copies, too short, or without a clock that tells their time")
        return None
    notes.add("gyroscopes whose clock of 31 ms a row is set to 20 ms", int(slow))
    elapsed_s = table["elapsed"].to_numpy() * (TRUE_STEP_S / SLOW_STEP_S if slow else 1.0)
    return _Sensor(session_s, elapsed_s, np.deg2rad(table[["x", "y", "z"]].to_numpy()))


# --- files and their clocks -------------------------------------------------------------------------------------------


def _read(path: Path, notes: Notes) -> pd.DataFrame:
    """Rows of a trial's own, without what another one left in the file."""
    headed = plain_text(path).startswith(b"epoch")
    table = read_rows(path, COLUMNS, text=("time",), skiprows=int(headed), notes=notes)
    own = _own_rows(table["epoch"].to_numpy(), table["elapsed"].to_numpy())
    notes.add("rows that another trial left in the file of a shorter one, left out", len(table) - own)
    return table.iloc[:own]


def _own_rows(epoch_ms: np.ndarray, elapsed_s: np.ndarray) -> int:
    """Rows up to where one of the clocks jumps. NaN: a row that tells no time."""
    step = np.diff(elapsed_s)
    breaks = (step < 0) | (step > LONGEST_PAUSE_S)
    if (epoch_ms % ROUNDED_TO_MS != 0).any():
        breaks |= np.abs(np.diff(epoch_ms) / 1e3 - step) > CLOCK_TOLERANCE_S
    return int(np.argmax(breaks)) + 1 if breaks.any() else len(elapsed_s)


def _own_lines(lines: list[bytes]) -> list[bytes]:
    clocks = np.array([[_number(cell) for cell in (*line.split(b",", 3), b"", b"", b"")[:3:2]] for line in lines])
    return lines[: _own_rows(*clocks.T)] if len(lines) else lines


def _number(cell: bytes) -> float:
    try:
        return float(cell)
    except ValueError:
        return np.nan


def _session(table: pd.DataFrame) -> float | None:
    """Wall clock in s at which the elapsed time was zero, by the epoch or, where that is rounded, by the ISO time."""
    elapsed_s = table["elapsed"].to_numpy()
    iso = pd.to_datetime(table["time"], format="ISO8601", errors="coerce")
    iso_s = ((iso - pd.Timestamp(0)) / pd.Timedelta(seconds=1)).to_numpy() - LOCAL_TIME_S
    for clock_s in (table["epoch"].to_numpy() / 1e3, iso_s):
        zero_s = clock_s - elapsed_s
        if np.isfinite(zero_s).all() and np.ptp(zero_s) < AGREEING_S:
            return float(np.median(zero_s))
    return None
