"""Which way is up for a worn device: where gravity points while its wearer is on the move.

One window cannot tell lying from standing where nobody knows how the device is mounted. A recording can: people walk,
run and climb upright, so the mean acceleration while they move points up the body (Mizell, ISWC 2003, takes the
mean acceleration as the vertical; that walking gives a posture reference: Karantonis et al., IEEE Trans. Inf. Technol.
Biomed. 2006). No label is needed, only the recording as a whole.

One person's time with one device is a *wearing session*: all recordings of a person in a stream. If its moving pieces
agree, their direction holds for all of it, also for recordings in which the wearer only sat. If they do not, the
device was mounted anew in between, and each recording has to do with its own moving pieces, or without.

Shapes: N pieces of a recording, T samples, R recordings.
"""

from collections.abc import Callable

import numpy as np

from har.windows.batch import triads
from har.windows.index import WindowIndex

# Deviation of the acceleration's magnitude within a second, in g. The slowest walk at the chest has 0.1; a transition
# or a gesture reaches it for a second, not for every second of a piece.
_LEAST_MOVEMENT_G = 0.05
_PIECE_S = 5.0
_LEAST_SECONDS = 3  # a shorter piece is a transition as often as a walk
_LEAST_PIECES = 3
_WITHIN_RAD = np.deg2rad(35.0)  # of the median direction; the wrist swings that far
_LEAST_AGREEMENT = 0.7  # share of the moving pieces within that angle
_PIECES_AT_ONCE = 2048


def gravity_and_movement(acceleration: np.ndarray, sampling_rate_hz: float) -> tuple[np.ndarray, np.ndarray]:
    """Mean direction (N, 3), unit norm, and whether the wearer moves all the time (N,) bool, of pieces (N, T, 3) in g.

    NaN marks missing samples. A piece of which no whole second is there, or whose mean vanishes, has the direction
    zero and does not move.
    """
    acceleration = np.asarray(acceleration, dtype=np.float32)
    there = np.isfinite(acceleration).all(axis=2)
    filled = np.where(there[:, :, None], acceleration, 0.0)
    mean = filled.sum(axis=1) / np.maximum(there.sum(axis=1), 1)[:, None]
    length = np.linalg.norm(mean, axis=1, keepdims=True)
    direction = np.where(length > 0.1, mean / np.maximum(length, 0.1), 0.0)

    second = max(1, round(sampling_rate_hz))
    seconds = acceleration.shape[1] // second
    magnitude = np.linalg.norm(filled[:, : seconds * second], axis=2).reshape(len(filled), seconds, second)
    whole = there[:, : seconds * second].reshape(magnitude.shape).all(axis=2)
    lively = magnitude.std(axis=2) >= _LEAST_MOVEMENT_G
    moving = (whole.sum(axis=1) >= _LEAST_SECONDS) & (lively | ~whole).all(axis=1) & (length[:, 0] > 0.1)
    return np.where(whole.any(axis=1)[:, None], direction, 0.0).astype(np.float32), moving


def upright_direction(direction: np.ndarray, moving: np.ndarray) -> np.ndarray | None:
    """Up (3,), unit norm, in the device's axes, from ``gravity_and_movement`` of pieces that were worn alike.

    None where too few pieces move or where they disagree.
    """
    found = direction[moving]
    if len(found) < _LEAST_PIECES:
        return None
    median = np.median(found, axis=0)
    length = np.linalg.norm(median)
    if length < 0.1:
        return None
    close = found @ (median / length) >= np.cos(_WITHIN_RAD)
    if close.mean() < _LEAST_AGREEMENT:
        return None
    mean = found[close].mean(axis=0)
    return (mean / np.linalg.norm(mean)).astype(np.float32)


def upright_directions(
    index: WindowIndex, progress: Callable[[int], object] = lambda samples: None
) -> list[np.ndarray]:
    """For each stream of an index (R, 3) float32: up in each recording, zeros where it is unknown.

    A recording goes by its person's wearing session if that agrees with itself, else by itself. Streams without
    accelerometer, or with gravity removed, know nothing. Nothing depends on labels, nor on where they begin and end.
    progress: called with the number of samples just read.
    """
    found = []
    person = np.full(len(index.recordings), -1)
    person[index.recording_id] = index.subject_id
    for stream_id, stream in enumerate(index.streams):
        table = np.zeros((len(index.recordings), 3), dtype=np.float32)
        found.append(table)
        axes = dict(triads(stream.info.channels)).get("acc")
        if axes is None or stream.info.gravity != "present":
            progress(len(stream.samples))
            continue
        rate_hz = stream.info.sampling_rate_hz
        recording_id, start, stop = index.runs(stream_id)
        length = piece_length(rate_hz)
        count = -(-(stop - start) // length)
        run = np.repeat(np.arange(len(start)), count)
        first = start[run] + length * (np.arange(len(run)) - np.repeat(np.cumsum(count) - count, count))
        parts = []
        for some in np.array_split(np.arange(len(run)), -(-len(run) // _PIECES_AT_ONCE)):
            pieces = index.gather(stream_id, first[some], length, start[run[some]], stop[run[some]])
            parts.append(gravity_and_movement(pieces[:, :, axes], rate_hz))
            progress(len(some) * length)
        direction, moving = (np.concatenate(values) for values in zip(*parts, strict=True))
        recording_id = recording_id[run]
        for subject in np.unique(person[recording_id]):
            session = person[recording_id] == subject
            up = upright_direction(direction[session], moving[session])
            for recording in np.unique(recording_id[session]):
                own = recording_id == recording
                best = upright_direction(direction[own], moving[own]) if up is None else up
                if best is not None:
                    table[recording] = best
    return found


def piece_length(sampling_rate_hz: float) -> int:
    """Samples in a piece of recording that is looked at as a whole."""
    return max(1, round(_PIECE_S * sampling_rate_hz))
