"""A network small enough for a test, and windows for it."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch

from har.network.config import NetworkConfig
from har.network.encoder import IMUEncoder
from har.windows.batch import SensorWindows

# Up and ahead of the devices at two locations, orthonormal.
_AXES = torch.tensor([[[0.2, 0.1, 0.9], [0.3, -0.7, 0.4]], [[-0.6, 0.5, 0.1], [1.0, 0.2, 0.3]]])
BODY_AXES = torch.linalg.qr(_AXES.mT)[0].mT
GRAVITY_DIRECTION = torch.nn.functional.normalize(torch.tensor([0.3, -0.5, 0.8]), dim=0)


@pytest.fixture
def config() -> NetworkConfig:
    """Windows of 4 patches of 25 samples."""
    return NetworkConfig(
        sensors=("acc", "gyro"), sampling_rate_hz=25.0, window_s=4.0, patch_s=1.0, stem_widths=(4, 8),
        width=16, depth=2, heads=2, mlp_ratio=2.0, embedding_width=12, text_width=6, dropout=0.0,
    )  # fmt: skip


@pytest.fixture
def scramble() -> Callable[[torch.nn.Module], torch.nn.Module]:
    """Give a module weights with which different inputs have clearly different outputs.

    Freshly initialised, the network puts all windows within a cosine of 0.999: any invariance would seem to hold.
    NumPy draws the weights, the same on every machine: torch's normal numbers depend on the processor's vector width.
    """

    def scrambled(module: torch.nn.Module, seed: int = 0) -> torch.nn.Module:
        generator = np.random.default_rng(seed)
        with torch.no_grad():
            for name, parameter in module.named_parameters():
                drawn = torch.as_tensor(generator.standard_normal(parameter.shape), dtype=parameter.dtype)
                if parameter.ndim > 1:
                    parameter.copy_(drawn * 1.5 / parameter[0].numel() ** 0.5)
                elif name.endswith("bias"):
                    parameter.copy_(0.1 * drawn)
                else:
                    parameter.add_(0.1 * drawn)  # a scale that starts at a constant
        return module.eval()

    return scrambled


@pytest.fixture
def encoder(config: NetworkConfig, scramble: Callable) -> IMUEncoder:
    return scramble(IMUEncoder(config))


@pytest.fixture
def make_windows(config: NetworkConfig) -> Callable[..., SensorWindows]:
    """Random windows without gaps: sensors of the given kinds at the given locations."""

    def make(
        kinds: Sequence[int] = (0, 1, 0, 1), locations: Sequence[int] = (0, 0, 1, 1), batch: int = 3, seed: int = 0
    ) -> SensorWindows:
        generator = torch.Generator().manual_seed(seed)
        shape = (batch, len(kinds))
        kind = torch.tensor(kinds).expand(shape).clone()
        typical = torch.tensor([0.5, 2.0, 30.0])[kind][..., None, None]
        signal = torch.randn(*shape, 3, config.window_length, generator=generator) * typical
        signal = signal + (kind == 0)[..., None, None] * GRAVITY_DIRECTION[:, None]
        return SensorWindows(
            signal=signal,
            valid=torch.ones(*shape, config.window_length, dtype=torch.bool),
            kind=kind,
            location=torch.tensor(locations).expand(shape).clone(),
            placement=torch.zeros(shape, dtype=torch.long),
            rate_hz=10 + 90 * torch.rand(shape, generator=generator),
            body=BODY_AXES[torch.tensor(locations)].expand(*shape, 2, 3).clone(),
        )

    return make


@pytest.fixture
def mask_out() -> Callable[[SensorWindows, torch.Tensor], SensorWindows]:
    """The windows without the samples at which the mask (B, S, T) is False: invalid and zero."""

    def masked(windows: SensorWindows, keep: torch.Tensor) -> SensorWindows:
        valid = windows.valid & keep
        return windows.replace(valid=valid, signal=windows.signal * valid.unsqueeze(2))

    return masked
