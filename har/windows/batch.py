"""A batch of windows as whole tensors: any mixture of streams, rates, placements and sensor triads.

Shape letters: B batch, S sensor (one triad of one stream), T sample at the network's rate.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor

from har.recordings.format import SENSOR_KINDS
from har.windows.index import WindowIndex
from har.windows.resample import resample


@dataclass
class SensorWindows:
    """What the network is fed.

    signal (B, S, 3, T): g, rad/s or uT at the network's rate, 0 where invalid. valid (B, S, T): False where a sample
    is missing; a sensor that a window lacks is invalid throughout. kind (B, S): position in ``SENSOR_KINDS``. location
    (B, S): sensors of one device share a number, 0 the first. placement (B, S): row of a table of placement texts, 0 is
    unknown.
    rate_hz (B, S): the device's own rate. body (B, S, 2, 3): the body's up and ahead in the device's axes
    (har/windows/body_axes.py), zeros where unknown; None stands for zeros throughout.
    """

    signal: Tensor
    valid: Tensor
    kind: Tensor
    location: Tensor
    placement: Tensor
    rate_hz: Tensor
    body: Tensor | None = None

    def __post_init__(self) -> None:
        if self.body is None:
            self.body = self.signal.new_zeros(*self.kind.shape, 2, 3)

    def to(self, device: torch.device | str) -> "SensorWindows":
        moved = {f.name: getattr(self, f.name) for f in fields(self)}
        if torch.device(device).type == "cuda":
            moved = {name: value.pin_memory() if value.device.type == "cpu" else value for name, value in moved.items()}
        return SensorWindows(**{name: value.to(device, non_blocking=True) for name, value in moved.items()})

    def __len__(self) -> int:
        return len(self.signal)

    def __getitem__(self, rows: slice | Tensor) -> "SensorWindows":
        return SensorWindows(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    def replace(self, **changes: Tensor) -> "SensorWindows":
        return replace(self, **changes)


def empty_windows(batch: int, sensors: int, length: int) -> SensorWindows:
    """Windows in which every sensor is missing."""
    return SensorWindows(
        signal=torch.zeros(batch, sensors, 3, length),
        valid=torch.zeros(batch, sensors, length, dtype=torch.bool),
        kind=torch.zeros(batch, sensors, dtype=torch.long),
        location=torch.zeros(batch, sensors, dtype=torch.long),
        placement=torch.zeros(batch, sensors, dtype=torch.long),
        rate_hz=torch.ones(batch, sensors),
    )


def triads(channels: Sequence[str]) -> list[tuple[str, list[int]]]:
    """Channel names -> [(sensor kind, columns of x, y, z), ...], in the order of ``SENSOR_KINDS``."""
    names = list(channels)
    return [
        (kind, [names.index(f"{kind}_{axis}") for axis in "xyz"])
        for kind in SENSOR_KINDS
        if all(f"{kind}_{axis}" in names for axis in "xyz")
    ]


def to_triads(samples: np.ndarray | Tensor, columns: Sequence[int]) -> tuple[Tensor, Tensor]:
    """(N, T, C), NaN = missing -> signal (N, 3, T) float32, valid (N, T); a sample without one axis is missing."""
    signal = torch.as_tensor(samples)[..., list(columns)].movedim(-1, -2).to(torch.float32).contiguous()
    valid = torch.isfinite(signal).all(dim=-2)
    return signal, valid


class BatchMaker:
    """Gathers rows of a ``WindowIndex`` into ``SensorWindows``.

    sensors: which of the kinds to use. placement_row: placement text -> row of the placement table (absent = unknown).
    body: what ``body_axes`` found in the index; None leaves it unknown.
    Raises ``ValueError`` when a stream has none of the sensors.
    """

    def __init__(
        self,
        index: WindowIndex,
        rate_hz: float,
        sensors: Sequence[str],
        placement_row: dict[str, int],
        body: Sequence[np.ndarray] | None = None,
    ) -> None:
        unknown = set(sensors) - set(SENSOR_KINDS)
        if unknown or not sensors:
            raise ValueError(f"sensors {list(sensors)}; expected some of {list(SENSOR_KINDS)}")
        self.index, self.rate_hz = index, rate_hz
        self.length = max(1, round(index.window_s * rate_hz))
        self._triads = [[t for t in triads(s.info.channels) if t[0] in sensors] for s in index.streams]
        self._body = None if body is None else [torch.from_numpy(table) for table in body]
        self._placement = [placement_row.get(s.info.placement, 0) for s in index.streams]
        for stream, found in zip(index.streams, self._triads, strict=True):
            if not found:
                raise ValueError(
                    f"{stream.dataset}/{stream.info.name} has channels {list(stream.info.channels)}; none of "
                    f"{list(sensors)}"
                )

    def __call__(self, rows: np.ndarray, start: np.ndarray | None = None, joint: bool = False) -> SensorWindows:
        """Windows of ``rows``, from other first samples if given; ``joint`` adds the wearer's other devices."""
        slot, location = np.zeros(len(rows), dtype=np.int64), np.zeros(len(rows), dtype=np.int64)
        recording_of, parts = self.index.recording_id[rows], []
        for stream_id, at, samples in self._read(rows, start, joint):
            # Samples on disk are finite: what is missing lies at the ends. Whole windows need no mask.
            whole = np.isfinite(samples[:, [0, -1], 0]).all(axis=1)
            for part, is_whole in ((np.flatnonzero(whole), True), (np.flatnonzero(~whole), False)):
                if len(part):
                    chosen = samples if len(part) == len(at) else samples[part]
                    to = at[part]
                    parts.append((stream_id, to, slot[to], location[to], recording_of[to], chosen, is_whole))
            slot[at] += len(self._triads[stream_id])
            location[at] += 1
        batch = empty_windows(len(rows), int(slot.max()), self.length)
        for part in parts:
            self._place(batch, *part)
        return batch

    def _place(
        self,
        batch: SensorWindows,
        stream_id: int,
        at: np.ndarray,
        slot: np.ndarray,
        location: np.ndarray,
        recording: np.ndarray,
        samples: np.ndarray,
        is_whole: bool,
    ) -> None:
        """Resample m windows of one stream, all their triads at once, into their slots of the batch."""
        rate, kinds = self.index.streams[stream_id].info.sampling_rate_hz, self._triads[stream_id]
        columns = [column for _, axes in kinds for column in axes]
        signal = torch.from_numpy(samples)
        if columns != list(range(samples.shape[2])):
            signal = signal[..., columns]
        signal = signal.transpose(1, 2).contiguous().unflatten(1, (len(kinds), 3))
        valid = None if is_whole else torch.isfinite(signal).all(dim=2)
        to = (torch.from_numpy(at)[:, None], torch.from_numpy(slot)[:, None] + torch.arange(len(kinds)))
        batch.signal[to], batch.valid[to] = resample(signal, valid, rate, self.rate_hz, self.length)
        batch.kind[to] = torch.tensor([SENSOR_KINDS.index(kind) for kind, _ in kinds])
        batch.location[to] = torch.from_numpy(location)[:, None]
        batch.placement[to] = self._placement[stream_id]
        batch.rate_hz[to] = rate
        if self._body is not None:
            batch.body[to] = self._body[stream_id][torch.from_numpy(recording)][:, None]

    def _read(
        self, rows: np.ndarray, start: np.ndarray | None, joint: bool
    ) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """(stream, positions into ``rows``, samples): the windows' own stream before their partners."""
        stream_of = self.index.stream_id[rows]
        for stream_id in np.unique(stream_of):
            at = np.flatnonzero(stream_of == stream_id)
            first = None if start is None else start[at]
            yield int(stream_id), at, self.index.read(rows[at], first)
            if joint:
                for other, take, samples in self.index.read_partners(rows[at], first):
                    yield other, at[take], samples
