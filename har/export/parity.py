"""Whether an exported graph says what the network says, over windows of every layout that the network takes."""

import statistics
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from har.export.graph import INPUTS
from har.network.alignment import AlignmentModel
from har.signal.channels import SENSOR_KINDS, parse_devices, triads
from har.text.label_bank import LearnableLabelBank

RATES_HZ = (10.0, 20.0, 25.0, 31.25, 50.0, 100.0, 128.0)


class Window(NamedTuple):
    """A window (T, C) as ``AlignmentModel.embed`` takes it."""

    signal: np.ndarray
    sampling_rate_hz: float
    channels: list[str]


class Parity(NamedTuple):
    """Of a number of windows: the largest distance 1 - cosine of two embeddings, its median, and the share of windows
    that get the same label.
    """

    windows: int
    largest: float
    median: float
    same_label: float


def windows_of_all_layouts(count: int, model: AlignmentModel, seed: int = 0) -> Iterator[Window]:
    """Made-up movement of one to three devices at known or unknown places, with and without gyroscope, of any rate and
    length, whole or with gaps and lost samples.
    """
    rng = np.random.default_rng(seed)
    kinds = [kind for kind in SENSOR_KINDS if kind in model.config.sensors]
    for _ in range(count):
        rate = float(rng.choice(RATES_HZ))
        length = round(rng.uniform(0.5, 1.0) * model.config.window_s * rate)
        places = rng.choice(model.placements, rng.integers(1, 4), replace=False).tolist()
        if len(places) == 1 and rng.random() < 0.3:
            places = [""]
        channels, columns = [], []
        for place in places:
            worn = [kind for kind in kinds if kind == "acc" or rng.random() < 0.6] or kinds
            for kind in worn:
                channels += [f"{place}/{kind}_{axis}".lstrip("/") for axis in "xyz"]
                columns.append(_movement(kind, length, rate, rng))
        signal = np.concatenate(columns, axis=1)
        if rng.random() < 0.4:
            signal[rng.random(length) < 0.1] = np.nan
        if rng.random() < 0.2:
            begin = rng.integers(length // 2)
            signal[begin : begin + length // 4, :3] = np.nan
        yield Window(signal.astype(np.float32), rate, channels)


def _movement(kind: str, length: int, rate_hz: float, rng: np.random.Generator) -> np.ndarray:
    """(T, 3): a sum of sines below 8 Hz, noise, and gravity or the Earth's field."""
    time_s = np.arange(length)[:, None] / rate_hz
    strength = {"acc": 0.5, "gyro": 1.5, "mag": 5.0}[kind] * rng.uniform(0.02, 1.0)
    signal = 0.02 * strength * rng.normal(size=(length, 3))
    for _ in range(4):
        hz, phase = rng.uniform(0.2, min(8.0, 0.4 * rate_hz)), rng.uniform(0, 2 * np.pi, 3)
        signal += strength * rng.normal(size=3) * np.sin(2 * np.pi * hz * time_s + phase)
    steady = {"acc": 1.0, "gyro": 0.0, "mag": 45.0}[kind] * rng.normal(size=3)
    return signal + (steady if kind == "gyro" else steady / np.linalg.norm(steady) * {"acc": 1.0, "mag": 45.0}[kind])


def feed(window: Window, model: AlignmentModel) -> dict[str, np.ndarray]:
    """What the graph is fed for a window."""
    devices = parse_devices(window.channels, None)
    placed = [
        (text, number, SENSOR_KINDS.index(kind), [list(columns.values())[i] for i in axes])
        for number, (text, columns) in enumerate(devices)
        for kind, axes in triads(list(columns))
        if kind in model.config.sensors
    ]
    row = model.placement_row
    texts = torch.stack([model.placement_table[row[text] if text else 0] for text, *_ in placed]).cpu().numpy()
    values = (
        np.stack([window.signal[:, axes].T for *_, axes in placed])[None],
        np.array([window.sampling_rate_hz], dtype=np.float32),
        np.array([[kind for _, _, kind, _ in placed]]),
        np.array([[number for _, number, *_ in placed]]),
        texts[None],
        np.zeros((1, len(placed), 2, 3), dtype=np.float32),
    )
    return dict(zip(INPUTS, map(np.ascontiguousarray, values), strict=True))


def session_of(graph: Path, threads: int = 1):
    """An onnxruntime session on the CPU. Raises ``ImportError`` that says what to install."""
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError("comparing takes onnxruntime: pip install 'har-language[export]'") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def compare(
    graph: Path, model: AlignmentModel, bank: LearnableLabelBank, labels: list[str], windows: Iterable[Window]
) -> Parity:
    """The graph's embeddings beside those of ``model.embed``, window by window."""
    session = session_of(graph)
    own, other = [], []
    for window in windows:
        own.append(model.embed(window.signal, window.sampling_rate_hz, window.channels).cpu())
        other.append(torch.from_numpy(session.run(None, feed(window, model))[0]))
    own, other = torch.cat(own), torch.cat(other)
    distance = (1 - (own.double() * other.double()).sum(1)).clamp_min(0)  # rounding
    same = [a == b for a, b in zip(bank.classify(own, labels)[0], bank.classify(other, labels)[0], strict=True)]
    return Parity(len(own), float(distance.max()), float(distance.median()), statistics.mean(same))


def latency_ms(graph: Path, model: AlignmentModel, window: Window, runs: int) -> float:
    """Median time of one window on one core."""
    session, fed = session_of(graph), feed(window, model)
    seconds = []
    for _ in range(runs):
        began = time.perf_counter()
        session.run(None, fed)
        seconds.append(time.perf_counter() - began)
    return 1000 * statistics.median(seconds)
