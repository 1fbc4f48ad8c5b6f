"""When a recording has samples, and its windows: stretches of time without a gap, windows in them, samples of windows.

Times are seconds on the clock of the recording. Shapes: N windows, T samples of a window, C channels.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from har.readers.recording import Device, Recording

Span = tuple[float, float]  # start and stop

# Samples missing for no longer than this are missing samples of a window; more is a gap, which ends what is done.
BRIDGED_S = 1.0


def joined(spans: Sequence[Span], bridged_s: float = 0.0) -> list[Span]:
    """The spans in order of time, those that overlap or are no further apart than ``bridged_s`` as one."""
    whole: list[Span] = []
    for start, stop in sorted(spans):
        if whole and start <= whole[-1][1] + bridged_s:
            whole[-1] = whole[-1][0], max(whole[-1][1], stop)
        else:
            whole.append((start, stop))
    return whole


def inside(time_s: np.ndarray, spans: Sequence[Span]) -> np.ndarray:
    """(N,) bool: moments that lie in one of the spans, which are in order of time and apart."""
    edges = np.array(spans, dtype=np.float64).reshape(-1)
    return np.searchsorted(edges, time_s, side="right") % 2 == 1


def stretches(recording: Recording) -> list[Span]:
    """When any device has samples, but for gaps too short to matter."""
    spans = [
        (piece.start_s, piece.start_s + len(piece.samples) / device.sampling_rate_hz)
        for device in recording.devices
        for piece in device.pieces
        if len(piece.samples)
    ]
    return joined(spans, BRIDGED_S)


def windows_of(stretch: Span, window_s: float, stride_s: float) -> tuple[np.ndarray, np.ndarray]:
    """When the windows of a stretch begin (n,), and the borders (n + 1,) of what each stands for.

    Windows are ``stride_s`` apart and the last one ends with the stretch; a stretch shorter than a window has one,
    which reaches beyond it. Each stands for the time nearer to its middle than to that of another, so the borders part
    the stretch without a hole.
    """
    start, stop = stretch
    last = max(start, stop - window_s)
    begins = np.append(np.arange(start, last - 1e-6, stride_s), last)
    middle = begins + window_s / 2
    return begins, np.concatenate([[start], (middle[1:] + middle[:-1]) / 2, [stop]])


def share_there(samples: np.ndarray, sensors: Iterable[Sequence[int]]) -> np.ndarray:
    """(N,): of the samples of windows (N, T, C), those at which all channels of any of the sensors are there.

    sensors: the channels of each.
    """
    whole = [np.isfinite(samples[..., list(columns)]).all(axis=2) for columns in sensors]
    return np.any(whole, axis=0).mean(axis=1)


def samples_of(device: Device, start_s: np.ndarray, length: int) -> np.ndarray:
    """Samples (N, length, C) float32 of a device from the moments (N,) on, NaN where there is none."""
    out = np.full((len(start_s), length, len(device.channels)), np.nan, dtype=np.float32)
    if not len(start_s):
        return out
    span_s = length / device.sampling_rate_hz
    earliest, latest = start_s.min(), start_s.max() + span_s
    for piece in device.pieces:
        count = len(piece.samples)
        if piece.start_s >= latest or piece.start_s + count / device.sampling_rate_hz <= earliest:
            continue
        samples = np.asarray(piece.samples)
        first = np.rint((start_s - piece.start_s) * device.sampling_rate_hz).astype(np.int64)
        whole = (first >= 0) & (first + length <= count)
        if whole.any():
            every = np.lib.stride_tricks.sliding_window_view(samples, length, axis=0)
            out[whole] = every[first[whole]].transpose(0, 2, 1)
        for row in np.flatnonzero(~whole & (first < count) & (first + length > 0)):
            begin, end = max(0, first[row]), min(count, first[row] + length)
            out[row, begin - first[row] : end - first[row]] = samples[begin:end]
    return out


def chunks(device: Device, length: int) -> Iterator[tuple[float, np.ndarray]]:
    """All samples of a device in order, at most ``length`` at a time: when the first was taken, and (n, C) float32."""
    for piece in device.pieces:
        for first in range(0, len(piece.samples), length):
            part = np.asarray(piece.samples[first : first + length], dtype=np.float32)
            yield piece.start_s + first / device.sampling_rate_hz, part
