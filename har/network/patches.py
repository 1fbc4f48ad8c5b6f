"""Windows of triads -> one token per patch and sensor.

Shape letters: B batch, S sensor, P patch, T sample, D width.

Besides its three axes a triad shows what does not depend on how the device was mounted: its magnitude, its component
along gravity and the rest across it (gravity = mean acceleration of the device over the window; Mizell, ISWC 2003). A
gyroscope is split along the gravity that the accelerometer beside it feels. Where the recording tells how the
device lies against the body (har/windows/body_axes.py), the signal is shown along the body's axes too: gravity along
these is posture.
"""

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from har.network.config import NetworkConfig
from har.signal.channels import SENSOR_KINDS
from har.windows.batch import SensorWindows

# Typical magnitude of a moving limb in g, rad/s, uT: brings the kinds to comparable size, keeps amplitude and gravity.
_TYPICAL = (1.0, 3.0, 50.0)
_INPUTS = 11  # x, y, z, magnitude, along gravity, across gravity, valid, up, across up, ahead, left
_SPECTRA = 3  # magnitude, along, across


def time_table(patches: int, patch_s: float, width: int) -> Tensor:
    """(P, width): sines and cosines of the moment at which a patch begins (Vaswani et al., 2017, section 3.5)."""
    position = torch.arange(patches).unsqueeze(1) * patch_s
    frequency = torch.exp(torch.arange(0, width, 2) * (-math.log(100.0) / width))
    return torch.cat([torch.sin(position * frequency), torch.cos(position * frequency)], dim=1)[:, :width]


class PatchTokens(nn.Module):
    """Convolutions inside each patch, plus one token per sensor with the power spectrum of its whole window.

    The convolutions never leave their patch, so what is missing in one cannot leak into another.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        widths = (_INPUTS, *config.stem_widths)
        layers: list[nn.Module] = []
        length = config.patch_length
        for number, (before, after) in enumerate(pairwise(widths)):
            stride = 1 if number == 0 else 2
            layers += [nn.Conv1d(before, after, 5, stride=stride, padding=2), nn.GELU()]
            length = (length - 1) // stride + 1
        self.stem = nn.Sequential(*layers)
        self.to_token = nn.Linear(widths[-1] * length, config.width)
        self.bins = config.window_length // 2
        self.spectrum = nn.Sequential(
            nn.Linear(_SPECTRA * self.bins, config.width), nn.GELU(), nn.Linear(config.width, config.width)
        )
        self.kind = nn.Embedding(len(SENSOR_KINDS), config.width)
        self.rate = nn.Linear(1, config.width)
        self.placement = nn.Linear(config.text_width, config.width)
        self.spectrum_mark = nn.Parameter(torch.zeros(config.width))
        # On all tokens of a device that knows which way is up and which is ahead.
        self.up_mark, self.ahead_mark = (nn.Parameter(torch.zeros(config.width)) for _ in range(2))
        self.register_buffer("typical", torch.tensor(_TYPICAL), persistent=False)
        self.register_buffer("time", time_table(config.patches, config.patch_s, config.width), persistent=False)

    def forward(self, windows: SensorWindows, placement_text: Tensor) -> tuple[Tensor, Tensor]:
        """placement_text (B, S, text width), zero where unknown -> tokens (B, S, P + 1, D), valid (B, S, P + 1).

        The last token of a sensor is its spectrum. A patch counts as valid when half of its samples are.
        """
        config = self.config
        signal = windows.signal / self.typical[windows.kind][..., None, None]
        invariants = self._invariants(signal, windows)
        valid = windows.valid.to(signal.dtype)
        of_body, knows = self._along_body(signal, windows)
        inputs = torch.cat([signal, invariants, valid.unsqueeze(2), of_body], dim=2)
        batch, sensors = windows.kind.shape
        patches = inputs.unflatten(3, (config.patches, config.patch_length)).movedim(3, 2).flatten(0, 2)
        local = self.to_token(self._convolved(patches).flatten(1)).view(batch, sensors, config.patches, config.width)
        local = local + self.time
        spectral = self.spectrum(self._log_power(invariants, valid)) + self.spectrum_mark
        tokens = torch.cat([local, spectral.unsqueeze(2)], dim=2)
        # Rates above the network's own carry nothing more once they are resampled: they must look the same.
        rate = torch.log2(windows.rate_hz.clamp_min(1.0) / config.sampling_rate_hz).clamp(-2, 0)
        about = (
            self.kind(windows.kind) + self.placement(placement_text) + self.rate(rate.unsqueeze(-1).to(tokens.dtype))
        )
        about = about + knows[..., :1] * self.up_mark + knows[..., 1:] * self.ahead_mark
        coverage = valid.unflatten(2, (config.patches, config.patch_length)).mean(3)
        present = torch.cat([coverage >= 0.5, (coverage >= 0.5).any(2, keepdim=True)], dim=2)
        return tokens + about.unsqueeze(2), present

    def _convolved(self, patches: Tensor) -> Tensor:
        """(N, inputs, patch length) -> (N, channels, shorter) through the stem."""
        return _through_products(self.stem, patches) if patches.is_cuda else self.stem(patches)

    def _invariants(self, signal: Tensor, windows: SensorWindows) -> Tensor:
        """(B, S, 3, T): magnitude, component along gravity, magnitude across gravity."""
        valid = windows.valid.to(signal.dtype)
        mean = (signal * valid.unsqueeze(2)).sum(3) / valid.sum(2, keepdim=True).clamp_min(1.0)
        is_acc = (windows.kind == 0) & windows.valid.any(2)
        same_device = windows.location.unsqueeze(2) == windows.location.unsqueeze(1)
        from_acc = (same_device & is_acc.unsqueeze(1)).to(signal.dtype)
        # Not a matrix product: autocast and TF32 would round the direction that everything is split along.
        gravity = (from_acc.unsqueeze(3) * mean.unsqueeze(1)).sum(2)
        direction = gravity / gravity.norm(dim=-1, keepdim=True).clamp_min(0.05)
        along, across = _split(signal, direction)
        magnitude = signal.square().sum(2).add(1e-8).sqrt()
        return torch.stack([magnitude, along, across], dim=2) * windows.valid.unsqueeze(2)

    def _along_body(self, signal: Tensor, windows: SensorWindows) -> tuple[Tensor, Tensor]:
        """(B, S, 4, T): along the body's up, magnitude across it, along ahead and left; who knows up and ahead
        (B, S, 2)."""
        up, ahead = windows.body.unbind(2)
        knows = windows.body.abs().amax(3) > 0
        left = torch.linalg.cross(up, ahead)
        sideways = [(signal * direction.unsqueeze(-1)).sum(2) for direction in (ahead, left)]
        shown = (knows[:, :, :1] & windows.valid).unsqueeze(2)  # ahead and left are zero where unknown
        return torch.stack([*_split(signal, up), *sideways], dim=2) * shown, knows.to(signal.dtype)

    def _log_power(self, invariants: Tensor, valid: Tensor) -> Tensor:
        """(B, S, 3 x bins): log power of the tapered invariants without their means; float32 also under autocast."""
        with torch.autocast(invariants.device.type, enabled=False):
            invariants, weight = invariants.float(), valid.float().unsqueeze(2)
            count = weight.sum(3, keepdim=True).clamp_min(1.0)
            centred = (invariants - (invariants * weight).sum(3, keepdim=True) / count) * weight
            # A Hann taper over the samples that are there, so that a short window is not all rising edge.
            taper = 0.5 - 0.5 * torch.cos(2 * math.pi * (weight.cumsum(3) - 0.5) / count)
            power = torch.fft.rfft(centred * taper, dim=3).abs().square()[..., 1 : self.bins + 1] / count
            return (torch.log(power + 1e-5) / 5 + 1).flatten(2)


# TorchInductor takes over a minute to make this slower. Only GPUs come here, and asking the compiler takes a second.
@torch.compiler.disable if torch.cuda.is_available() else lambda function: function
def _through_products(stem: nn.Sequential, patches: Tensor) -> Tensor:
    """A stem of convolutions as products of matrices: what a GPU is fast at.

    The gradient of a convolution of so few channels over so many short patches is a case that cuDNN has no fast answer
    to: it took 19 of 45 ms of a step (docs/experiments.md).
    """
    for layer in stem:
        if isinstance(layer, nn.Conv1d):
            padded = F.pad(patches, (layer.padding[0], layer.padding[0]))
            around = padded.unfold(2, layer.kernel_size[0], layer.stride[0]).transpose(1, 2).flatten(2)
            patches = F.linear(around, layer.weight.flatten(1), layer.bias).transpose(1, 2)
        else:
            patches = layer(patches)
    return patches


def _split(signal: Tensor, direction: Tensor) -> tuple[Tensor, Tensor]:
    """Component of (B, S, 3, T) along a unit vector (B, S, 3), and the magnitude of the rest: twice (B, S, T)."""
    along = (signal * direction.unsqueeze(-1)).sum(2)
    across = (signal - along.unsqueeze(2) * direction.unsqueeze(-1)).square().sum(2).add(1e-8).sqrt()
    return along, across
