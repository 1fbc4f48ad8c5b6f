"""A batch of windows as whole tensors: any mixture of streams, rates, placements and sensor triads.

Shape letters: B batch, S sensor (one triad of one stream), T sample at the network's rate.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor

from har.signal.channels import SENSOR_KINDS, triads
from har.windows.index import Excerpts, WindowIndex
from har.windows.resample import resample

_ROWS_COPIED = 1 << 20  # samples in host memory at once on their way to a device


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
        return SensorWindows(**{f.name: to_device(getattr(self, f.name), device) for f in fields(self)})

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


class BatchMaker:
    """Gathers rows of a ``WindowIndex`` into ``SensorWindows``.

    sensors: which of the kinds to use. placement_row: placement text -> row of the placement table (absent = unknown).
    body: what ``body_axes`` found in the index; None leaves it unknown. resident: a device that all samples are
    copied to, and that makes the batches (see ``resident_device``); None makes them on the CPU from the files.
    Raises ``ValueError`` when a stream has none of the sensors.
    """

    def __init__(
        self,
        index: WindowIndex,
        rate_hz: float,
        sensors: Sequence[str],
        placement_row: dict[str, int],
        body: Sequence[np.ndarray] | None = None,
        resident: torch.device | None = None,
    ) -> None:
        unknown = set(sensors) - set(SENSOR_KINDS)
        if unknown or not sensors:
            raise ValueError(f"sensors {list(sensors)}; expected some of {list(SENSOR_KINDS)}")
        self.index, self.rate_hz, self.device = index, rate_hz, resident or torch.device("cpu")
        self.length = max(1, round(index.window_s * rate_hz))
        self._triads = [[t for t in triads(s.info.channels) if t[0] in sensors] for s in index.streams]
        # Tables by stream: what a batch says of its sensors is looked up for all of them at once.
        most = max(len(found) for found in self._triads)
        kinds = [[SENSOR_KINDS.index(kind) for kind, _ in found] for found in self._triads]
        self._kinds = np.array([own + [-1] * (most - len(own)) for own in kinds])
        self._placement = np.array([placement_row.get(s.info.placement, 0) for s in index.streams])
        self._rates = np.array([s.info.sampling_rate_hz for s in index.streams], dtype=np.float32)
        self._body = None if body is None else np.concatenate(body)
        self._first_table = len(index.recordings) * np.arange(len(index.streams))
        for stream, found in zip(index.streams, self._triads, strict=True):
            if not found:
                raise ValueError(
                    f"{stream.dataset}/{stream.info.name} has channels {list(stream.info.channels)}; none of "
                    f"{list(sensors)}"
                )
        self._columns = [[column for _, axes in kinds for column in axes] for kinds in self._triads]
        self.is_resident = resident is not None
        # Streams of one rate and layout lie in one tensor there: a dozen operations for all of them, not for each.
        layouts = [
            (s.info.sampling_rate_hz, s.window_length, tuple(k for k, _ in t))
            for s, t in zip(index.streams, self._triads, strict=True)
        ]
        self._group = [layouts.index(layout) for layout in layouts]
        self._offset = np.zeros(len(layouts), dtype=np.int64)
        self._resident: dict[int, Tensor] = {}
        for group in sorted(set(self._group)) if self.is_resident else ():
            members = [number for number, own in enumerate(self._group) if own == group]
            sizes = [len(index.streams[number].samples) for number in members]
            self._offset[members] = np.cumsum(sizes) - sizes
            self._resident[group] = torch.cat(
                [_copied(index.streams[number].samples, self._columns[number], self.device) for number in members]
            )

    def __call__(
        self, rows: np.ndarray, start: np.ndarray | None = None, joint: bool = False, share: slice = slice(None)
    ) -> SensorWindows:
        """Windows of ``rows``, from other first samples if given; ``joint`` adds the wearer's other devices.

        share: only these of ``rows`` are read and returned, with as many sensors as all of them would have.
        """
        slot, location = np.zeros((2, len(rows)), dtype=np.int64)
        held = np.zeros(len(rows), dtype=bool)
        held[share] = True
        place = np.cumsum(held) - 1
        parts = []
        for excerpts in self._excerpts(rows, start, joint):
            at = excerpts.at
            # Samples on disk are finite: what is missing lies at the ends. Whole windows need no mask.
            whole = (excerpts.start >= excerpts.lowest) & (excerpts.start + excerpts.length <= excerpts.stop)
            for is_whole in (True, False):
                if (chosen := held[at] & (whole == is_whole)).any():
                    mine = excerpts[chosen]
                    parts.append(_Part(mine, place[mine.at], slot[mine.at], location[mine.at], is_whole))
            slot[at] += len(self._triads[excerpts.stream_id])
            location[at] += 1
        batch = self._described(rows, parts, int(held.sum()), int(slot.max()))
        if self.is_resident:
            parts = self._joined(parts)
        for part, numbers in zip(parts, self._uploaded(parts), strict=True):
            place_, slot_, *bounds = numbers
            signal = self._read(part.excerpts, bounds, part.is_whole)
            valid = None if part.is_whole else torch.isfinite(signal).all(dim=2)
            rate = self.index.streams[part.excerpts.stream_id].info.sampling_rate_hz
            to = (place_[:, None], slot_[:, None] + torch.arange(signal.shape[1], device=self.device))
            batch.signal[to], batch.valid[to] = resample(signal, valid, rate, self.rate_hz, self.length)
        return batch

    def _excerpts(self, rows: np.ndarray, start: np.ndarray | None, joint: bool) -> Iterator[Excerpts]:
        """The windows' own streams, each before the partners of its windows."""
        for own in self.index.own(rows, start):
            yield own
            if joint:
                for partner in self.index.partners(rows[own.at], own.start):
                    yield replace(partner, at=own.at[partner.at])

    def _described(self, rows: np.ndarray, parts: list["_Part"], batch: int, sensors: int) -> SensorWindows:
        """Windows on the device whose sensors are described, without their samples."""
        windows = empty_windows(batch, sensors, 0)
        place, slot, location = (
            np.concatenate([getattr(part, name) for part in parts]) for name in ("place", "slot", "location")
        )
        stream = np.repeat([part.excerpts.stream_id for part in parts], [len(part.place) for part in parts])
        at = np.concatenate([part.excerpts.at for part in parts])
        told = {"placement": self._placement[stream], "rate_hz": self._rates[stream], "location": location}
        if self._body is not None:
            told["body"] = self._body[self._first_table[stream] + self.index.recording_id[rows[at]]]
        for number in range(self._kinds.shape[1]):
            has = self._kinds[stream, number] >= 0
            to = tuple(torch.from_numpy(values[has]) for values in (place, slot + number))
            windows.kind[to] = torch.from_numpy(self._kinds[stream[has], number])
            for name, values in told.items():
                getattr(windows, name)[to] = torch.from_numpy(values[has])
        windows = windows.to(self.device)
        return windows.replace(
            signal=torch.zeros(batch, sensors, 3, self.length, device=self.device),
            valid=torch.zeros(batch, sensors, self.length, dtype=torch.bool, device=self.device),
        )

    def _joined(self, parts: list["_Part"]) -> list["_Part"]:
        """One part for all streams of a layout, under the number of the first; rows are those of the common tensor.

        Whole windows and others together: a mask that was not needed costs a GPU less than a dozen operations more.
        """
        groups: dict[int, list[_Part]] = {}
        for part in parts:
            groups.setdefault(self._group[part.excerpts.stream_id], []).append(part)
        joined = []
        for group, members in groups.items():
            offset = [self._offset[p.excerpts.stream_id] for p in members]
            columns = {
                name: np.concatenate([getattr(p.excerpts, name) + o for p, o in zip(members, offset, strict=True)])
                for name in ("start", "lowest", "stop")
            }
            place, slot, location = (
                np.concatenate([getattr(p, name) for p in members]) for name in ("place", "slot", "location")
            )
            excerpts = Excerpts(group, place, **columns, length=members[0].excerpts.length)
            joined.append(_Part(excerpts, place, slot, location, False))
        return joined

    def _uploaded(self, parts: list["_Part"]) -> Iterator[tuple[Tensor, ...]]:
        """Of each part: place in the batch, slot, and start, lowest and stop of its excerpts, (m,) each, in one go."""
        table = np.stack(
            [
                np.concatenate(column)
                for column in zip(
                    *((p.place, p.slot, p.excerpts.start, p.excerpts.lowest, p.excerpts.stop) for p in parts),
                    strict=True,
                )
            ]
        )
        on_device = to_device(torch.from_numpy(table), self.device)
        return zip(*(row.split([len(p.place) for p in parts]) for row in on_device), strict=True)

    def _read(self, excerpts: Excerpts, bounds: Sequence[Tensor], is_whole: bool) -> Tensor:
        """(m, K, 3, T): the K triads of excerpts at their own rate, NaN where missing; bounds: on the device."""
        columns = self._columns[excerpts.stream_id]
        if not self.is_resident:
            samples = torch.from_numpy(self.index.gather(excerpts))
            if columns != list(range(samples.shape[2])):
                samples = samples[..., columns]
        else:
            start, lowest, stop = (bound[:, None] for bound in bounds)
            rows = start + torch.arange(excerpts.length, device=self.device)
            inside = rows.clamp(lowest, stop - 1)
            samples = self._resident[excerpts.stream_id][inside]
            if not is_whole:
                samples = samples.masked_fill((rows != inside).unsqueeze(2), torch.nan)
        return samples.transpose(1, 2).contiguous().unflatten(1, (len(columns) // 3, 3))


@dataclass
class _Part:
    """Excerpts of one stream with their place in the batch, first slot and location (m,); all whole or none."""

    excerpts: Excerpts
    place: np.ndarray
    slot: np.ndarray
    location: np.ndarray
    is_whole: bool


def resident_device(index: WindowIndex, device: torch.device, wish: str) -> torch.device | None:
    """``device`` where all samples of an index are to lie beside a network that is there; None leaves them in files.

    wish: "on", "off", or "auto": on a GPU, if they take less than half of its free memory.
    Raises ``ValueError`` for another wish.
    """
    if wish not in ("auto", "on", "off"):
        raise ValueError(f"{wish!r}; expected auto, on or off")
    if wish == "auto" and device.type == "cuda":
        needed = sum(4 * stream.samples.size for stream in index.streams)  # float32
        wish = "on" if needed < torch.cuda.mem_get_info(device)[0] / 2 else "off"
    return device if wish == "on" else None


def to_device(tensor: Tensor, device: torch.device | str) -> Tensor:
    """A copy on ``device`` that the host does not wait for; the tensor itself where it lies there already."""
    if torch.device(device).type == "cuda" and tensor.device.type == "cpu":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def _copied(samples: np.ndarray, columns: list[int], device: torch.device) -> Tensor:
    """Columns of a stream's samples (rows, channels) on a device, (rows, columns) float32, a part at a time."""
    copy = torch.empty(len(samples), len(columns), device=device)
    for first in range(0, len(samples), _ROWS_COPIED):
        part = np.ascontiguousarray(samples[first : first + _ROWS_COPIED][:, columns], dtype=np.float32)
        copy[first : first + len(part)] = torch.from_numpy(part)
    return copy
