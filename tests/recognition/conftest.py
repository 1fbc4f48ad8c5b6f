"""A model that names by how much a device moves and how it lies, so that what comes out is known by construction."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from har.network.config import NetworkConfig
from har.readers.recording import Device, Piece, Recording
from har.text.calibration import UNCALIBRATED
from har.text.encoder import SentenceEncoder

LABELS = ["lying", "sitting", "walking", "running"]
KNOWN = [*LABELS, "cycling"]
RATE_HZ = 20.0
CHANNELS = ("acc_x", "acc_y", "acc_z")
SENTENCES = SentenceEncoder()  # loaded when the first text is read that training has not


class MovementModel(torch.nn.Module):
    """Embeds a window as the axis of one of `KNOWN`: by the deviation of its magnitude, by gravity where it is still.

    More than 2 g of deviation is none of them but "cycling".
    """

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(2))
        self.config = NetworkConfig(
            sensors=("acc", "gyro"), sampling_rate_hz=20.0, window_s=5.0, patch_s=1.0, stem_widths=(4,), width=8,
            depth=1, heads=1, mlp_ratio=1.0, embedding_width=8, text_width=4, dropout=0.0,
        )  # fmt: skip
        self.body: list[np.ndarray] = []

    device = torch.device("cpu")

    def window_samples(self, rate_hz: float) -> int:
        return round(5.0 * rate_hz)

    def embed_worn(self, worn, batch_size: int = 256, layer: str = "embedding") -> Tensor:
        self.body += [one.body for one in worn]
        out = np.zeros((len(worn[0].samples), 8))
        for row in range(len(out)):
            windows = [np.asarray(one.samples[row], dtype=np.float64)[:, :3] for one in worn]
            windows = [window[np.isfinite(window).all(axis=1)] for window in windows]
            there = next((window for window in windows if len(window) >= 10), None)
            if there is None:
                continue
            deviation = np.linalg.norm(there, axis=1).std()
            still = 1 if abs(there.mean(axis=0)[2]) > 0.7 else 0
            kind = still if deviation < 0.05 else 2 if deviation < 0.6 else 3 if deviation < 2 else 4
            out[row, kind] = 1.0
        return torch.from_numpy(out).float()

    def embed_worn_layers(self, worn, layers, batch_size: int = 256) -> list[Tensor]:
        return [self.embed_worn(worn, batch_size, layer) for layer in layers]


class AxisBank:
    """Label texts of `MovementModel`: each of `KNOWN` is an axis, other words lie between all."""

    num_prototypes, width = 1, 8
    logit_scale = torch.tensor(12.0)
    calibration = UNCALIBRATED
    text_encoder = SENTENCES

    def known_labels(self) -> list[str]:
        return KNOWN

    def encode(self, texts, paraphrase: bool = True) -> Tensor:
        rows = torch.full((len(texts), self.width), 8**-0.5)
        for row, text in enumerate(texts):
            if text in KNOWN:
                rows[row] = torch.eye(self.width)[KNOWN.index(text)]
        return rows


@pytest.fixture
def model() -> MovementModel:
    return MovementModel()


@pytest.fixture
def bank() -> AxisBank:
    return AxisBank()


@pytest.fixture
def acted() -> Callable[..., np.ndarray]:
    """acted(("walking", 30), ("sitting", 60), ...) -> samples (T, 3) at `RATE_HZ` in g."""

    def act(*schedule: tuple[str, float], seed: int = 0) -> np.ndarray:
        random = np.random.default_rng(seed)
        parts = []
        for name, seconds in schedule:
            time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
            swing = {"walking": 0.4, "running": 1.6, "shaking": 9.0}.get(name, 0.0)
            part = np.zeros((len(time), 3))
            part[:, 0 if name == "lying" else 2] = 1.0 + swing * np.sin(2 * np.pi * 1.9 * time)
            noise = 0.001 if name == "on the table" else 0.02
            parts.append(part + noise * random.standard_normal(part.shape))
        return np.concatenate(parts).astype(np.float32)

    return act


@pytest.fixture
def recorded() -> Callable[..., Recording]:
    """recorded(samples) or recorded((start_s, samples), ...) -> a recording of one device."""

    def record(*pieces, placement: str | None = "waist", rate_hz: float = RATE_HZ, **given) -> Recording:
        whole = [Piece(*piece) if isinstance(piece, tuple) else Piece(0.0, piece) for piece in pieces]
        device = Device(placement, CHANNELS, rate_hz, tuple(whole))
        return Recording(**({"name": "walk", "devices": (device,)} | given))

    return record
