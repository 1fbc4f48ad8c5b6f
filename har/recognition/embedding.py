"""A recording -> embeddings of its windows, a few thousand windows in memory at a time.

Devices are embedded together where they overlap, each at its own rate; how each lies against the body comes from all of
its samples. What a device measured while it was not worn is left aside.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from har.network.alignment import AlignmentModel, WornWindows
from har.readers.recording import Device, Piece, Recording
from har.recognition.non_wear import not_worn
from har.recognition.spans import Span, chunks, inside, joined, samples_of, stretches, windows_of
from har.recognition.survey import Survey, survey
from har.signal.channels import parse_devices, triads
from har.signal.plausibility import check_rate, examine
from har.windows.body_axes import (
    WITHIN_RAD,
    cut_pieces,
    gravity_and_movement,
    mountings,
    piece_length,
    session_axes_of_parts,
    walks_alone,
)

_ROWS_READ = 2048  # windows in memory at once, at the devices' own rates
_LOOKED_AT = 512  # windows in which plausibility is looked at, besides those with the extremes
_AXES_S = 600.0  # read at a time to find how a device lies against the body
_LEAST_PAUSE_S = 60.0  # a loss of samples too short to put a device on anew in


@dataclass(frozen=True)
class WindowPlan:
    """Windows of a recording, in order of time.

    start_s: (N,) when each begins. from_s, to_s: (N,) of what each stands for; they part the stretches that were
    recorded, and a hole between two is a gap. worn: (N,) bool, whether any device that was recording was worn.
    """

    start_s: np.ndarray
    from_s: np.ndarray
    to_s: np.ndarray
    worn: np.ndarray

    def __getitem__(self, rows: np.ndarray) -> "WindowPlan":
        return WindowPlan(self.start_s[rows], self.from_s[rows], self.to_s[rows], self.worn[rows])


@dataclass(frozen=True)
class SurveyedDevice:
    """A device with what one pass over its samples showed: its survey, when it was off the body, what is odd."""

    device: Device
    survey: Survey
    off: list[Span]
    findings: list[str] = field(default_factory=list)

    def cropped_to(self, span: Span) -> "SurveyedDevice":
        """The same with the samples inside a span alone."""
        whole, rate_hz, pieces = self.device.pieces, self.device.sampling_rate_hz, []
        for piece in whole[max(0, bisect_right(whole, span[0], key=lambda one: one.start_s) - 1) :]:
            if piece.start_s >= span[1]:
                break
            first = max(0, round((span[0] - piece.start_s) * rate_hz))
            samples = piece.samples[first : max(first, round((span[1] - piece.start_s) * rate_hz))]
            if len(samples):
                pieces.append(Piece(piece.start_s + first / rate_hz, samples))
        return replace(self, device=replace(self.device, pieces=tuple(pieces)))


def surveyed(device: Device, sensors: Sequence[str]) -> SurveyedDevice:
    """Go through a device's samples; raises ``ValueError`` for what cannot be measured in the units of a ``Device``.

    sensors: kinds that the network knows; a device without any is refused too.
    """
    whose = f"the device at {device.placement}" if device.placement else "the device"
    devices = parse_devices(device.channels, device.placement)
    if not any(kind in sensors for kind, _ in triads(device.channels)):
        raise ValueError(
            f"{whose} has the channels {', '.join(device.channels)} and none of the sensors "
            f"{', '.join(sensors)} that the network knows"
        )
    check_rate(device.sampling_rate_hz)
    found = survey(device)
    if not (found.share > 0).any():
        raise ValueError(f"{whose} has no sample of its {found.kind} that is not missing; there is nothing to name")
    findings = examine(_spread(device, found), devices, device.sampling_rate_hz, device.gravity)
    if certain := [finding.text for finding in findings if finding.certain]:
        raise ValueError("; besides, ".join(certain))
    return SurveyedDevice(device, found, not_worn(found), [finding.text for finding in findings])


def _spread(device: Device, found: Survey) -> np.ndarray:
    """Windows (n, T, C) of five seconds all over a recording, and those with the largest and smallest values of all."""
    length = max(1, round(5.0 * device.sampling_rate_hz))
    last = max(0.0, device.stop_s - device.start_s - length / device.sampling_rate_hz)
    starts = device.start_s + np.unique(np.linspace(0, last, _LOOKED_AT).round(3))
    seen = np.isfinite(found.highest).any(axis=0)
    highest, lowest = found.highest[:, seen], found.lowest[:, seen]
    extremes = np.concatenate([np.nanargmax(highest, axis=0), np.nanargmin(lowest, axis=0)])
    starts = np.append(starts, np.minimum(found.start_s + extremes * found.bin_s, device.start_s + last))
    shortest = min(length, max(len(piece.samples) for piece in device.pieces))
    windows = samples_of(device, starts, shortest)
    return windows[np.isfinite(windows).any(axis=(1, 2))]


def plan_windows(
    recording: Recording, devices: Sequence[SurveyedDevice], window_s: float, stride_s: float
) -> WindowPlan:
    """The windows of all stretches of a recording."""
    begins, froms, tos = [], [], []
    for stretch in stretches(recording):
        start_s, borders = windows_of(stretch, window_s, stride_s)
        begins.append(start_s)
        froms.append(borders[:-1])
        tos.append(borders[1:])
    start_s = np.concatenate(begins)
    middle_s = start_s + window_s / 2
    worn = np.zeros(len(start_s), dtype=bool)
    for one in devices:
        # Where a device has no sample it says nothing; where none has one there is no window.
        there = inside(middle_s, joined(_recorded(one.device)))
        worn |= there & ~inside(middle_s, one.off)
    nobody = np.all([~inside(middle_s, joined(_recorded(one.device))) for one in devices], axis=0)
    return WindowPlan(start_s, np.concatenate(froms), np.concatenate(tos), worn | nobody)


def _recorded(device: Device) -> list[Span]:
    rate_hz = device.sampling_rate_hz
    return [(piece.start_s, piece.start_s + len(piece.samples) / rate_hz) for piece in device.pieces]


def embed_plan(
    model: AlignmentModel,
    devices: Sequence[SurveyedDevice],
    plan: WindowPlan,
    axes: Sequence["BodyAxes | None"],
    layers: Sequence[str] = ("embedding",),
    progress: Callable[[int], object] = lambda windows: None,
) -> Iterator[tuple[np.ndarray, list[Tensor]]]:
    """Rows of the plan and their embeddings, (n, D) for each of ``layers``, part by part; windows not worn left out.

    A window of which no second is there has an embedding of zeros. axes: how each device lies against the body, None
    where that is not to be told. progress: called with the number of windows just embedded.
    """
    rows = np.flatnonzero(plan.worn)
    parts = np.array_split(rows, -(-len(rows) // _ROWS_READ)) if len(rows) else []

    def embedded(part: np.ndarray) -> tuple[np.ndarray, list[Tensor]]:
        start_s = plan.start_s[part]
        middle_s = start_s + model.config.window_s / 2
        worn = []
        for one, body in zip(devices, axes, strict=True):
            device = one.device
            samples = samples_of(device, start_s, model.window_samples(device.sampling_rate_hz))
            samples[inside(middle_s, one.off)] = np.nan
            own = np.zeros((2, 3), dtype=np.float32) if body is None else body.at(middle_s)
            worn.append(WornWindows(samples, device.sampling_rate_hz, device.channels, device.placement, own))
        return part, model.embed_worn_layers(worn, layers)

    was_training = model.training
    model.eval()  # once for all parts, which are embedded side by side
    try:
        for part, found in _side_by_side(embedded, parts, model.device.type == "cpu"):
            yield part, found
            progress(len(part))
    finally:
        model.train(was_training)


def _side_by_side(work: Callable[[np.ndarray], Any], parts: Sequence[np.ndarray], on_cpu: bool) -> Iterator[Any]:
    """What ``work`` makes of each part, in order, a part a core at a time.

    A part on one core each is as fast as all parts on all cores one after the other, and does not wait for a core that
    is busy with something else, as the threads of one operation do: for a network this small, many times longer than
    they compute.
    """
    threads = torch.get_num_threads()
    workers = min(threads, len(parts)) if on_cpu else 1
    if workers < 1:
        return
    waiting: deque[Future] = deque()
    pool = ThreadPoolExecutor(workers, initializer=torch.set_num_threads if on_cpu else None, initargs=(1,) * on_cpu)
    try:
        for part in parts:
            waiting.append(pool.submit(work, part))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)


class BodyAxes:
    """How a device lies against the body over a recording.

    The whole recording tells where it agrees with itself, and nobody walks as if the device had been turned on the way
    (``mountings``). Where it was, each time between two turns tells for itself; and where a time does not agree with
    itself, or there was a turn, each time between two at which the device was not worn, or not recording, as far as its
    own movement tells another way. anew_s: when the device was turned, as far as walking tells.
    """

    def __init__(self, one: SurveyedDevice) -> None:
        device = one.device
        self._starts = np.array([device.start_s])
        self._axes = np.zeros((1, 2, 3), dtype=np.float32)
        self.anew_s: list[float] = []
        columns = dict(triads(device.channels)).get("acc")
        if columns is None or device.gravity != "included":
            return
        self.anew_s = _mounted_anew(one, columns)
        spans = pairwise([device.start_s, *self.anew_s, device.stop_s])
        found = [part for span in spans for part in _axes_over(one.cropped_to(span), span, columns, bool(self.anew_s))]
        self._starts = np.array([start for start, _ in found])
        self._axes = np.stack([axes for _, axes in found])

    def at(self, time_s: np.ndarray) -> np.ndarray:
        """Axes (N, 2, 3) at the moments (N,)."""
        return self._axes[np.maximum(np.searchsorted(self._starts, time_s, side="right") - 1, 0)]


def _axes_over(
    one: SurveyedDevice, span: Span, columns: Sequence[int], turned: bool
) -> Iterator[tuple[float, np.ndarray]]:
    """From when on which axes hold, in a span in which no turn was found. turned: whether one was outside of it."""
    whole = _axes_in(one.device, columns)
    yield span[0], whole
    sessions = _between(_recorded(one.device), one.off)
    if len(sessions) < 2 or (whole[0].any() and not turned):
        return
    for session in sessions:
        own = _axes_in(one.cropped_to(session).device, columns)
        # Who agrees with the whole knows no better: that has more to go by.
        differs = own[0].any() and own[0] @ whole[0] < np.cos(WITHIN_RAD)
        yield session[0], own if differs else whole


def _between(recorded: Sequence[Span], off: Sequence[Span]) -> list[Span]:
    """Spans in which a device recorded and was worn, but for losses of samples too short to put it on anew in."""
    worn: list[Span] = []
    for start, stop in joined(recorded, bridged_s=_LEAST_PAUSE_S):
        for begin, end in off:
            if begin < stop and end > start:
                if begin > start:
                    worn.append((start, begin))
                start = max(start, end)
        if start < stop:
            worn.append((start, stop))
    return worn


def _axes_in(device: Device, columns: Sequence[int]) -> np.ndarray:
    class Parts:
        def __iter__(self) -> Iterator[np.ndarray]:
            for _, pieces in _cut(device, columns):
                yield pieces

    return session_axes_of_parts(Parts(), device.sampling_rate_hz)


def _mounted_anew(one: SurveyedDevice, columns: Sequence[int]) -> list[float]:
    """When a device was mounted anew, in order of time."""
    device, rate_hz = one.device, one.device.sampling_rate_hz
    piece_s = piece_length(rate_hz) / rate_hz
    started, found = [], []
    for starts, pieces in _cut(device, columns):
        direction, moving = gravity_and_movement(pieces, rate_hz)
        found.append((direction, moving, walks_alone(pieces, direction, moving, rate_hz)))
        started.append(starts)
    if not started:
        return []
    start_s = np.concatenate(started)
    taken_off = np.diff(start_s, prepend=start_s[0]) > piece_s + _LEAST_PAUSE_S
    taken_off |= inside(start_s + piece_s / 2, one.off)
    return start_s[mountings(*(np.concatenate(column) for column in zip(*found, strict=True)), taken_off)].tolist()


def _cut(device: Device, columns: Sequence[int]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """A device's acceleration as pieces (N, T, 3), some minutes at a time, and when each begins, (N,)."""
    rate_hz = device.sampling_rate_hz
    piece_s = piece_length(rate_hz) / rate_hz
    starts: list[np.ndarray] = []
    parts: list[np.ndarray] = []
    for start_s, samples in chunks(device, max(1, round(_AXES_S * rate_hz))):
        parts.append(cut_pieces(samples[:, columns], rate_hz))
        starts.append(start_s + piece_s * np.arange(len(parts[-1])))
        if sum(map(len, parts)) * piece_s >= _AXES_S:
            yield np.concatenate(starts), np.concatenate(parts)
            starts, parts = [], []
    if parts:
        yield np.concatenate(starts), np.concatenate(parts)
