"""sp-sw-har: phone in the trouser pocket, watch on the wrist; sit, stand up, walk, turn, walk, turn, sit down."""

from pathlib import Path

import numpy as np

from har.recordings.convert.common import (
    ACC,
    GYRO,
    DatasetCard,
    Notes,
    Run,
    find_files,
    group_by,
    phrases_of,
    read_rows,
    resample_uniform,
    steady_clock,
    within,
)
from har.recordings.format import STANDARD_GRAVITY, StreamInfo, segments_of
from har.signal.plausibility import LARGEST

CARD = DatasetCard(
    title="Smartphone and smartwatch inertial measurements from heterogeneous subjects for human activity recognition",
    citation="Matey-Sanz, Casteleyn, Granell, Dataset of inertial measurements of smartphones and smartwatches for "
    "human activity recognition, Data in Brief 51:109809, 2023",
    licence="CC BY 4.0",
    source_url="https://doi.org/10.5281/zenodo.8398688",
    people=23,
    placements=("trouser pocket", "wrist"),
    rate="102-104 Hz -> 100 Hz",
    activities=5,
    verified="original files",
)
RATE_HZ = 100.0
# Samples arrive in bursts up to 0.17 s late. A larger distance from the uniform clock would mean lost samples.
MAX_DELAY_S = 0.25
# Shorter stretches of a label than 0.1 s are jitter of the annotation at the borders.
SHORTEST_LABEL_SAMPLES = 10
STREAMS = (
    StreamInfo("phone", "smartphone", "trouser pocket", ACC + GYRO, RATE_HZ),
    StreamInfo("watch", "smartwatch", "wrist", ACC + GYRO, RATE_HZ),
)
STREAM_OF_DEVICE = {"sp": "phone", "sw": "watch"}
COLUMNS = ("x_acc", "y_acc", "z_acc", "x_gyro", "y_gyro", "z_gyro", "timestamp", "label")
RULES = (within(COLUMNS[:3], LARGEST["acc"] * STANDARD_GRAVITY), within(COLUMNS[3:6], LARGEST["gyro"]))
PHRASES = {
    "SEATED": "sitting",
    "STANDING_UP": "standing up from a chair",
    "WALKING": "walking",
    "TURNING": "turning around",
    "SITTING_DOWN": "sitting down on a chair",
}


def sources(raw: Path) -> list[list[Path]]:
    """The files of one execution, one a device."""
    return group_by(find_files(raw, "s??_??_s[pw].csv"), lambda path: path.stem[:6])


def read(source: list[Path], notes: Notes) -> list[Run]:
    """The recording's clock starts with the earlier of its devices."""
    devices = {path: _read_device(path, notes) for path in source}
    origin = min(first_s for first_s, *_ in devices.values())
    runs = []
    for path, (first_s, own_rate, samples, phrases) in devices.items():
        subject, execution, device = path.stem.split("_")
        time_s = first_s - origin + np.arange(len(samples)) / own_rate
        for start, x in resample_uniform(time_s, samples, RATE_HZ, MAX_DELAY_S, notes):
            nearest = np.rint((start - time_s[0] + np.arange(len(x)) / RATE_HZ) * own_rate).astype(int)
            labels = segments_of(phrases[np.minimum(nearest, len(phrases) - 1)])
            runs.append(Run(STREAM_OF_DEVICE[device], f"{subject}_{execution}", subject, x, labels, start))
    return runs


def _read_device(path: Path, notes: Notes) -> tuple[float, float, np.ndarray, np.ndarray]:
    """Wall clock of the first sample in s, the device's own rate in Hz, samples (n, 6) in g and rad/s, phrases (n,).

    The time stamps are those of arrival, in bursts with equal stamps after a pause, while the rate is constant to
    0.1 %: a straight line through stamps over sample numbers restores the clock of the sensor.
    """
    table = read_rows(path, COLUMNS, text=("label",), header=True, rules=RULES, notes=notes)
    phrases = phrases_of(PHRASES, table["label"], path, first_row=2, notes=notes)
    stamps = table["timestamp"].to_numpy() / 1e3
    first_s, own_rate = steady_clock(stamps, table.index.to_numpy(), MAX_DELAY_S, path, first_row=2)
    notes.add("files whose time stamps of arrival are replaced by a constant rate fitted to them")
    samples = table[list(COLUMNS[:6])].to_numpy(copy=True)
    samples[:, :3] /= STANDARD_GRAVITY
    return stamps[0] + first_s, own_rate, samples, _without_jitter(phrases, notes)


def _without_jitter(phrases: np.ndarray, notes: Notes) -> np.ndarray:
    """Stretches shorter than ``SHORTEST_LABEL_SAMPLES`` take the label before them, the first one that after it."""
    result = phrases.copy()
    stretches = segments_of(phrases)
    for number, (_, start, stop) in enumerate(stretches):
        if stop - start < SHORTEST_LABEL_SAMPLES and len(stretches) > 1:
            result[start:stop] = result[start - 1] if number else stretches[1][0]
            notes.add(f"label stretches shorter than {SHORTEST_LABEL_SAMPLES} samples given the neighbour's label")
    return result
