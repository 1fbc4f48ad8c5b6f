"""A corpus of two small dataset folders whose samples say where they lie, so that an oracle can recognise each."""

import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from har.recordings.format import Dataset, DatasetWriter, StreamInfo, read_dataset
from har.signal.plausibility import SignalWarning

ACC = ("acc_x", "acc_y", "acc_z")
GYRO = ("gyro_x", "gyro_y", "gyro_z")
MAG = ("mag_x", "mag_y", "mag_z")
CARD = {"title": "Rulers", "citation": "Nobody 2020", "licence": "CC0", "source_url": "https://example.org"}

# (stream, recording, subject, first moment on the recording's clock in s, seconds, [(label, from s, to s), ...])
ALPHA = [
    # Files are not sorted by recording. The thigh is not worn by bob, and cem wears nothing else.
    ("wrist", "r2", "bob", 3.003, 9.0, [("jumping", 0.0, 4.0), ("standing", 4.0, 5.1)]),
    ("chest", "r2", "bob", 0.0, 14.0, [("jumping", 3.0, 7.0)]),
    ("thigh", "r3", "cem", 0.0, 6.0, [("jumping", 0.0, 6.0)]),
    # Three devices of one recording, started at different moments: no two samples of one are equally near to another.
    ("wrist", "r1", "ann", 100.0, 16.0, [("walking", 1.0, 7.0), ("standing", 7.0, 8.6), ("walking", 9.0, 16.0)]),
    ("chest", "r1", "ann", 98.3671, 17.0, [("walking", 2.6, 8.65), ("standing", 8.65, 10.25), ("walking", 10.65, 17)]),
    ("thigh", "r1", "ann", 105.012, 8.0, [("walking", 0.0, 2.0), ("walking", 4.0, 8.0)]),
]
BETA = [
    ("pocket", "r1", "ann", 0.0, 5.0, [("cycling", 0.0, 5.0)]),
    ("pocket", "r2", "dea", 7.0, 6.0, [("walking", 0.0, 1.1), ("bending", 1.1, 2.1), ("walking", 2.1, 6.0)]),
]
STREAMS = {
    "alpha": [
        StreamInfo("wrist", "watch", "left wrist", ACC + GYRO, 50.0, gravity="removed", accelerometer_range_g=1e6),
        StreamInfo("chest", "strap", "chest", ACC, 20.0, gravity="removed", accelerometer_range_g=1e6),
        StreamInfo("thigh", "phone", "right thigh", GYRO + ACC, 32.0, gravity="removed", accelerometer_range_g=1e6),
    ],
    "beta": [
        StreamInfo("pocket", "phone", "trouser pocket", ACC + MAG, 25.0, gravity="removed", accelerometer_range_g=1e6)
    ],
}


def ruler(info: StreamInfo, first_row: int, start_time_s: float, rows: int) -> np.ndarray:
    """Every triad holds (clock of the recording in s, row of the file, a slow sine) times a gain of its sensor kind."""
    row = first_row + np.arange(rows)
    time_s = start_time_s + np.arange(rows) / info.sampling_rate_hz
    axes = {"x": time_s, "y": row, "z": np.sin(2 * np.pi * 0.8 * time_s)}
    gain = {"acc": 1.0, "gyro": -1.0, "mag": 2.0}
    return np.stack([gain[c[:-2]] * axes[c[-1]] for c in info.channels], axis=1)


@pytest.fixture(scope="session")
def corpus_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("corpus")
    for name, runs in (("alpha", ALPHA), ("beta", BETA)):
        with DatasetWriter(root / name, **CARD) as writer:
            infos = {info.name: info for info in STREAMS[name]}
            rows = dict.fromkeys(infos, 0)
            for info in infos.values():
                writer.add_stream(info)
            for stream, recording, subject, start_s, seconds, labels in runs:
                rate, count = infos[stream].sampling_rate_hz, round(seconds * infos[stream].sampling_rate_hz)
                writer.append(
                    stream,
                    recording=recording,
                    subject=subject,
                    samples=ruler(infos[stream], rows[stream], start_s, count),
                    labels=[(label, round(a * rate), round(b * rate)) for label, a, b in labels],
                    start_time_s=start_s,
                )
                rows[stream] += count
    return root


@pytest.fixture
def corpus(corpus_folder: Path) -> list[Dataset]:
    """alpha (wrist 50 Hz acc gyro, chest 20 Hz acc, thigh 32 Hz gyro acc) and beta (pocket 25 Hz acc mag)."""
    return [read_dataset(corpus_folder / name) for name in ("alpha", "beta")]


@pytest.fixture(autouse=True)
def plain_numbers() -> Iterator[None]:
    """What is said of numbers that make a test readable, and are no movement, matters to those alone who expect it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SignalWarning)
        yield
