"""The network as one graph from samples to embeddings, for runtimes that know nothing of this repository.

Shape letters: B windows, S sensors (triads), T samples at the device's rate, D embedding width.
"""

import copy
import math
import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from har.network.alignment import AlignmentModel
from har.network.patches import PatchTokens
from har.run.folder import atomic_writer
from har.windows.batch import SensorWindows
from har.windows.resample import KAISER_BETA, PASS_SHARE, VALID_SHARE, ZERO_CROSSINGS

# What the graph is fed, in this order, and which of its axes are free.
INPUTS = ("signal", "sampling_rate_hz", "kind", "device", "placement", "body")
OUTPUTS = ("window_embedding", "coverage")  # names that no layer inside has
FEATURES = "window_features"  # one more, where it is asked for
_OPSET = 20
_BESSEL_TERMS = 18  # of the series of I0, beyond single precision up to the window's own parameter


class WindowGraph(nn.Module):
    """Raw windows -> unit-norm embeddings, as ``AlignmentModel.embed`` of windows no longer than the network's.

    ``forward`` takes

    - signal (B, S, 3, T): g, rad/s or uT, NaN where a sample is missing; T of any length, of which the network sees
      ``window_s`` seconds;
    - sampling_rate_hz (1,): of all sensors of a call;
    - kind (B, S) int64: 0 accelerometer, 1 gyroscope, 2 magnetometer;
    - device (B, S) int64: sensors of one device share a number;
    - placement (B, S, text width): sentence embedding of where the device is worn, zeros where unknown;
    - body (B, S, 2, 3): the body's up and ahead in the device's axes, zeros where unknown.

    and returns the embeddings (B, D), zero where nothing can be embedded, and the share (B,) of the window's patches
    that were measured, by which embeddings of a longer signal's windows are weighted. features: also what the
    embeddings are computed from (B, width), unit norm and zero likewise, as ``AlignmentModel.embed`` gives the layer.
    """

    def __init__(self, model: AlignmentModel, features: bool = False) -> None:
        super().__init__()
        self.encoder, self.config, self._features = model.encoder, model.config, features
        self.encoder.tokens = _Tokens(model.encoder.tokens)

    def forward(
        self, signal: Tensor, sampling_rate_hz: Tensor, kind: Tensor, device: Tensor, placement: Tensor, body: Tensor
    ) -> tuple[Tensor, ...]:
        valid = ~torch.isnan(signal).any(2)
        resampled, there = self._resampled(torch.where(valid.unsqueeze(2), signal, 0.0), valid, sampling_rate_hz)
        rates = sampling_rate_hz.expand(kind.shape)
        windows = SensorWindows(resampled, there, kind, device, kind, rates, body)
        found = self.encoder(windows, placement)
        coverage = found.patch_valid.to(signal.dtype).mean(1)
        seen = (coverage > 0).to(signal.dtype).unsqueeze(1)
        features = (F.normalize(found.features, dim=-1) * seen,) if self._features else ()
        return found.window * seen, coverage, *features

    def _resampled(self, signal: Tensor, valid: Tensor, rate_hz: Tensor) -> tuple[Tensor, Tensor]:
        """``har.windows.resample`` with the rate as a number that is not known before: the kernel is computed anew."""
        config = self.config
        target = config.sampling_rate_hz
        cutoff = 0.5 * PASS_SHARE * torch.clamp(rate_hz, max=target)
        out = torch.arange(config.window_length, dtype=signal.dtype) / target
        own = torch.arange(signal.shape[3], dtype=signal.dtype) / rate_hz
        lag = out.unsqueeze(0) - own.unsqueeze(1)
        reach = ZERO_CROSSINGS / (2 * cutoff)
        inside = (lag.abs() <= reach).to(signal.dtype)
        taper = _bessel_i0(KAISER_BETA**2 * (1 - (lag / reach).clamp(-1, 1) ** 2)) / _bessel_i0(
            torch.tensor(KAISER_BETA**2)
        )
        matrix = _sinc(2 * cutoff * lag) * taper * inside * (2 * cutoff / rate_hz)
        mass = valid.to(signal.dtype) @ matrix
        there = mass > VALID_SHARE
        resampled = (signal @ matrix) / mass.clamp(min=VALID_SHARE).unsqueeze(2)
        return resampled * there.to(signal.dtype).unsqueeze(2), there


class _Tokens(PatchTokens):
    """The same tokens, with the spectrum as a product of matrices: ONNX runtimes have no fast Fourier transform."""

    def __init__(self, tokens: PatchTokens) -> None:
        nn.Module.__init__(self)
        self.__dict__.update(tokens.__dict__)
        length = tokens.config.window_length
        moment = torch.arange(length, dtype=torch.float64)[:, None] / length
        turn = 2 * math.pi * moment * torch.arange(1, tokens.bins + 1)
        self.register_buffer("waves", torch.cat([turn.cos(), turn.sin()], dim=1).float())

    def _log_power(self, invariants: Tensor, valid: Tensor) -> Tensor:
        weight = valid.unsqueeze(2)
        count = weight.sum(3, keepdim=True).clamp(min=1.0)
        centred = (invariants - (invariants * weight).sum(3, keepdim=True) / count) * weight
        taper = 0.5 - 0.5 * torch.cos(2 * math.pi * (weight.cumsum(3) - 0.5) / count)
        real, imaginary = ((centred * taper) @ self.waves).split(self.bins, dim=3)
        power = (real.square() + imaginary.square()) / count
        return (torch.log(power + 1e-5) / 5 + 1).flatten(2)


def _bessel_i0(squared: Tensor) -> Tensor:
    """I0(x) of x^2 by its series, sum over k of (x^2 / 4)^k / (k!)^2 (Abramowitz & Stegun 9.6.12)."""
    total = torch.ones_like(squared)
    for k in range(_BESSEL_TERMS, 0, -1):
        total = 1 + total * squared / (4 * k * k)
    return total


def _sinc(x: Tensor) -> Tensor:
    """sin(pi x) / (pi x), 1 at 0."""
    near = x.abs() < 1e-6
    at = torch.where(near, torch.ones_like(x), math.pi * x)
    return torch.where(near, torch.ones_like(x), torch.sin(at) / at)


def export_graph(model: AlignmentModel, path: Path, features: bool = False) -> None:
    """Write a model as ONNX with free numbers of windows, sensors and samples. The model stays as it is.

    features: as of ``WindowGraph``. Raises ``ImportError`` that says what to install where ONNX is not there.
    """
    windows, sensors, samples = (torch.export.Dim(name) for name in ("windows", "sensors", "samples"))
    both = {0: windows, 1: sensors}
    graph = WindowGraph(copy.deepcopy(model), features).eval()
    outputs = (*OUTPUTS, FEATURES) if features else OUTPUTS
    shapes = (both | {3: samples}, None, both, both, both, both)
    write_onnx(graph, example_inputs(model), shapes, INPUTS, outputs, path)


def write_onnx(
    graph: nn.Module,
    example: tuple[Tensor, ...],
    shapes: tuple,
    inputs: Sequence[str],
    outputs: Sequence[str],
    path: Path,
) -> None:
    """Write a module as ONNX. shapes: of each input, which axes are free, as ``torch.onnx.export`` takes them.

    Raises ``ImportError`` that says what to install where ONNX is not there.
    """
    try:
        import onnxscript  # noqa: F401 - torch.onnx needs it, and says so less clearly
    except ImportError as error:
        raise ImportError("exporting takes onnx and onnxscript: pip install 'har-language[export]'") from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that axes share
        program = torch.onnx.export(
            graph, example, dynamo=True, verbose=False, opset_version=_OPSET, dynamic_shapes=shapes,
            input_names=inputs, output_names=outputs,
        )  # fmt: skip
    with atomic_writer(path) as temporary:
        program.save(temporary)


def example_inputs(model: AlignmentModel, batch: int = 2, sensors: int = 4, samples: int = 250) -> tuple[Tensor, ...]:
    """Inputs of that size, of two devices with accelerometer and gyroscope."""
    signal = torch.randn(batch, sensors, 3, samples) * 0.1 + 0.5
    kind = (torch.arange(sensors) % 2).expand(batch, -1).contiguous()
    device = (torch.arange(sensors) // 2).expand(batch, -1).contiguous()
    placement = F.normalize(torch.randn(batch, sensors, model.config.text_width), dim=-1)
    return signal, torch.tensor([50.0]), kind, device, placement, torch.zeros(batch, sensors, 2, 3)
