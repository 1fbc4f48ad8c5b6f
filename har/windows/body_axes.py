"""How a worn device lies against the body: which way is up for it, and which way is ahead.

One window cannot tell lying from standing where nobody knows how the device is mounted. A recording can. People walk,
run and climb upright, so the mean acceleration while they move points *up* the body (Mizell, ISWC 2003, takes the mean
acceleration as the vertical; that walking gives a posture reference: Karantonis et al., IEEE Trans. Inf. Technol.
Biomed. 2006). And walking is an inverted pendulum: the body is pushed ahead before the vertical acceleration peaks in
each step and braked after it (Cavagna, Heglund & Taylor, Am. J. Physiol. 1977), so *ahead* is where the horizontal
acceleration at the rate of the steps leads the vertical one by a quarter of a step. No label is needed, only the
recording as a whole.

One person's time with one device is a *wearing session*: all recordings of a person in a stream. If its moving pieces
agree, their direction holds for all of it, also for recordings in which the wearer only sat. If they do not, the
device was mounted anew in between, and each recording has to do with its own moving pieces, or without. Within a long
recording ``mountings`` finds when that was, from stretches of walking that point elsewhere than those before.

Body axes (2, 3) are up and ahead in the device's axes, orthonormal; a direction that is unknown is zero, and without up
there is no ahead. Shapes: N pieces of a recording, T samples, R recordings.
"""

import warnings
from collections.abc import Callable, Iterable, Sequence

import numpy as np

import har.labels
import har.recordings
import har.signal
import har.windows
from har.recordings.memory import source_digest
from har.signal.channels import triads
from har.windows.index import Excerpts, WindowIndex

_FINDING = "body_axes"

# Deviation of the acceleration's magnitude within a second, in g. The slowest walk at the chest has 0.1; a transition
# or a gesture reaches it for a second, not for every second of a piece.
_LEAST_MOVEMENT_G = 0.05
_PIECE_S = 5.0
_LEAST_THERE = 0.5  # share of a second's samples
_LEAST_SECONDS = 3  # a shorter piece is a transition as often as a walk
_LEAST_PIECES = 3
WITHIN_RAD = np.deg2rad(35.0)  # of the median direction; the wrist swings that far
_LEAST_AGREEMENT = 0.7  # share of the moving pieces within that angle

_STEPS_HZ = (1.3, 2.5)  # of walking, on the flat and up stairs; running is faster and bounces the other way round
_WALKING_G = (0.05, 0.4)  # deviation of the vertical acceleration; running has more
_LONGEST_GAP_S = 0.1  # that is bridged in a piece whose spectrum is looked at: a fraction of a step
_LEAST_STEP_SHARE = 0.35  # of the power between half a hertz and eight that lies at the rate of the steps
_LEAST_LEAD = 0.2  # coherence of the two accelerations, a quarter of a step apart; 0 is chance, 1 is a pure wave
_LEAST_SAME_SIDE = 0.65  # share of the pieces that point to the same side

# Of walking, half a minute: more pieces have to point elsewhere before a device counts as mounted anew.
_LEAST_WALKING = 6
_UPRIGHT_RAD = np.deg2rad(20.0)  # of up, who stands
_PAUSE_RAD = np.deg2rad(45.0)  # by which more a wearer may tilt where the device was put on
_CANDIDATES = 400  # walking pieces, spread over the recording, whose directions are compared with all others


def gravity_and_movement(acceleration: np.ndarray, sampling_rate_hz: float) -> tuple[np.ndarray, np.ndarray]:
    """Mean direction (N, 3), unit norm, and whether the wearer moves all the time (N,) bool, of pieces (N, T, 3) in g.

    NaN marks missing samples; a second counts where most of it is there. A piece of which no second counts, or whose
    mean vanishes, has the direction zero and does not move.
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
    known = there[:, : seconds * second].reshape(magnitude.shape)
    lively, counts = _deviation(magnitude, known) >= _LEAST_MOVEMENT_G, known.mean(axis=2) > _LEAST_THERE
    moving = (counts.sum(axis=1) >= _LEAST_SECONDS) & (lively | ~counts).all(axis=1) & (length[:, 0] > 0.1)
    return np.where(counts.any(axis=1)[:, None], direction, 0.0).astype(np.float32), moving


def _deviation(values: np.ndarray, there: np.ndarray) -> np.ndarray:
    """Standard deviation along the last axis of what is there."""
    deviation = values.std(axis=-1)
    gappy = ~there.all(axis=-1)
    if gappy.any():
        known = there[gappy]
        some, count = np.where(known, values[gappy], 0.0), np.maximum(known.sum(axis=-1, keepdims=True), 1)
        mean = some.sum(axis=-1, keepdims=True) / count
        deviation[gappy] = np.sqrt((np.where(known, some - mean, 0.0) ** 2).sum(axis=-1) / count[..., 0])
    return deviation


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
    close = found @ (median / length) >= np.cos(WITHIN_RAD)
    if close.mean() < _LEAST_AGREEMENT:
        return None
    mean = found[close].mean(axis=0)
    return (mean / np.linalg.norm(mean)).astype(np.float32)


def lead_of_walking(pieces: np.ndarray, up: np.ndarray, sampling_rate_hz: float) -> tuple[np.ndarray, np.ndarray]:
    """Where the horizontal acceleration leads, (N, 3), and whether the wearer walks in a piece, (N,) bool.

    pieces: (N, T, 3) in g, NaN = missing; up: (3,), or (N, 3) where each has its own. The lead is the quadrature of the
    cross-spectrum with the vertical acceleration at the rate of the steps, divided by the root of both powers: its
    length is at most 1.
    """
    pieces, whole = _bridged(np.asarray(pieces, dtype=np.float64), round(_LONGEST_GAP_S * sampling_rate_hz))
    if up.ndim == 1:
        vertical = pieces @ up
        across = pieces - vertical[:, :, None] * up
    else:
        vertical = np.einsum("ntc,nc->nt", pieces, up)
        across = pieces - vertical[:, :, None] * up[:, None]
    vertical, across = (values - values.mean(axis=1, keepdims=True) for values in (vertical, across))
    deviation = vertical.std(axis=1)
    taper = np.hanning(pieces.shape[1])
    vertical_f = np.fft.rfft(vertical * taper, axis=1)
    across_f = np.fft.rfft(across * taper[:, None], axis=1)
    frequency = np.fft.rfftfreq(pieces.shape[1], 1 / sampling_rate_hz)
    power = np.abs(vertical_f) ** 2
    steps = (frequency >= _STEPS_HZ[0]) & (frequency <= _STEPS_HZ[1])
    peak = np.where(steps, power, -1.0).argmax(axis=1)
    near = np.abs(np.arange(len(frequency)) - peak[:, None]) <= 1  # what the taper makes of one frequency
    movement = (power * ((frequency > 0.5) & (frequency < 8.0))).sum(axis=1)
    step_power = (power * near).sum(axis=1)
    cross = (across_f * np.conj(vertical_f)[:, :, None] * near[:, :, None]).sum(axis=1)
    across_power = ((np.abs(across_f) ** 2).sum(axis=2) * near).sum(axis=1)
    lead = cross.imag / np.sqrt(across_power * step_power + 1e-12)[:, None]
    walks = whole & (step_power > _LEAST_STEP_SHARE * movement) & steps.any()
    return lead, walks & (deviation > _WALKING_G[0]) & (deviation < _WALKING_G[1])


def walking_leads(
    pieces: np.ndarray, direction: np.ndarray, up: np.ndarray, sampling_rate_hz: float
) -> tuple[np.ndarray, np.ndarray]:
    """``lead_of_walking`` of moving pieces (N, T, 3) that point in ``direction`` (N, 3); upright ones alone walk."""
    lead, walks = lead_of_walking(pieces, up, sampling_rate_hz)
    return lead, walks & (direction @ up > np.cos(WITHIN_RAD))


def walks_alone(pieces: np.ndarray, direction: np.ndarray, moving: np.ndarray, sampling_rate_hz: float) -> np.ndarray:
    """(N,) bool: whether the wearer walks in a piece (N, T, 3) in g, told from that piece alone, whose own mean
    direction stands for up. direction, moving: what ``gravity_and_movement`` makes of the pieces."""
    walks = np.zeros(len(pieces), dtype=bool)
    walks[moving] = lead_of_walking(pieces[moving], direction[moving], sampling_rate_hz)[1]
    return walks


def _bridged(pieces: np.ndarray, longest: int) -> tuple[np.ndarray, np.ndarray]:
    """Pieces (N, T, 3) with linear interpolation across up to ``longest`` missing samples, zero and False (N,) where
    more are missing at a time."""
    there = np.isfinite(pieces).all(axis=2)
    whole = there.all(axis=1)
    bridged = np.where(whole[:, None, None], pieces, 0.0)
    time = np.arange(pieces.shape[1])
    for number in np.flatnonzero(~whole):
        known = np.flatnonzero(there[number])
        if np.diff(known, prepend=-1, append=len(time)).max() - 1 <= longest:
            whole[number] = True
            bridged[number] = np.stack([np.interp(time, known, axis[known]) for axis in pieces[number].T], axis=1)
    return bridged, whole


def ahead_direction(lead: np.ndarray, walks: np.ndarray, up: np.ndarray) -> np.ndarray | None:
    """Ahead (3,), unit norm, across ``up``, from ``lead_of_walking`` of pieces that were worn alike.

    None where too few pieces walk, or where they do not agree on a side.
    """
    found = lead[walks]
    if len(found) < _LEAST_PIECES:
        return None
    mean = found.mean(axis=0)
    length = np.linalg.norm(mean)
    if length < _LEAST_LEAD or (found @ mean > 0).mean() < _LEAST_SAME_SIDE:
        return None
    mean = mean - (mean @ up) * up
    return (mean / np.linalg.norm(mean)).astype(np.float32)


def session_axes(pieces: np.ndarray, sampling_rate_hz: float) -> np.ndarray:
    """Body axes (2, 3) float32 of a device that was worn alike during all pieces (N, T, 3) in g, NaN = missing."""
    return session_axes_of_parts([pieces], sampling_rate_hz)


def session_axes_of_parts(parts: Iterable[np.ndarray], sampling_rate_hz: float) -> np.ndarray:
    """The same of pieces that come in parts (N, T, 3), one in memory at a time: gone through twice."""
    axes = np.zeros((2, 3), dtype=np.float32)
    found = [gravity_and_movement(pieces, sampling_rate_hz) for pieces in parts]
    if not found:
        return axes
    up = upright_direction(*(np.concatenate(column) for column in zip(*found, strict=True)))
    if up is None:
        return axes
    axes[0] = up
    leads = []
    for pieces, (direction, moving) in zip(parts, found, strict=True):
        leads.append(walking_leads(pieces[moving], direction[moving], up, sampling_rate_hz))
    ahead = ahead_direction(*(np.concatenate(column) for column in zip(*leads, strict=True)), up)
    if ahead is not None:
        axes[1] = ahead
    return axes


def mountings(direction: np.ndarray, moving: np.ndarray, walks: np.ndarray, put_on: np.ndarray) -> np.ndarray:
    """(k,) int, rising: from which on the device was mounted anew, of the pieces (N) of one recording in order of time.

    direction, moving: as ``gravity_and_movement`` finds them. walks: (N,) bool, as ``walks_alone`` does. put_on: (N,)
    bool, before which pieces the device was off or did not record. Who walks is upright, so walking that points
    elsewhere is a device that was turned. A mounting is the path of least cost through the directions around which
    most walking lies: a piece costs one where it points more than 35 degrees away, and a change costs half a minute
    of walking. It happened between two pieces that walk, so that the wearer tilts least in all, rather where the
    device was put on. Rowing or cycling may look like walking: a change is none if, once that is over, the wearer
    rests where up was, and not twice as long where it would be now. A turn about the vertical is not seen, nor one
    that nobody walked after.
    """
    at = np.flatnonzero(walks)
    found = direction[at].astype(np.float64)
    middles = _directions(found)
    if len(middles) < 2:
        return np.zeros(0, dtype=np.int64)
    state = _least_changes(found @ middles.T < np.cos(WITHIN_RAD), _LEAST_WALKING)
    last = np.flatnonzero(state[1:] != state[:-1])
    begins = []
    for number in last:
        between = slice(at[number], at[number + 1] + 1)
        begins.append(at[number] + _change(direction[between], middles[state[number : number + 2]], put_on[between]))
    still = direction.any(axis=1) & ~moving
    now, ends, walked, anew = state[0], [*begins, len(direction)][1:], at[[*last, len(at) - 1]][1:], []
    for begin, end, until, new in zip(begins, ends, walked, state[last + 1], strict=True):
        resting = direction[until:end][still[until:end]]
        before, after = (resting @ middles[[now, new]].T >= np.cos(_UPRIGHT_RAD)).sum(axis=0)
        if new != now and after >= 2 * before:
            anew.append(begin)
            now = new
    return np.array(anew, dtype=np.int64)


def _directions(found: np.ndarray) -> np.ndarray:
    """(k, 3): the directions around which most of the pieces (n, 3) lie, one after the other, as long as enough do."""
    chosen: list[np.ndarray] = []
    left = found
    while len(left) >= _LEAST_WALKING:
        candidates = left[np.unique(np.linspace(0, len(left) - 1, _CANDIDATES).astype(int))]
        near = left @ candidates.T >= np.cos(WITHIN_RAD)
        best = near[:, near.sum(axis=0).argmax()]
        if best.sum() < _LEAST_WALKING:
            break
        mean = left[best].mean(axis=0)
        chosen.append(mean / np.linalg.norm(mean))
        left = left[~best & (left @ chosen[-1] < np.cos(WITHIN_RAD))]
    return np.array(chosen).reshape(-1, 3)


def _least_changes(cost: np.ndarray, change: float) -> np.ndarray:
    """(n,) int: the path of least cost through (n, k), each change of column costing ``change`` (Viterbi, 1967)."""
    count, columns = cost.shape
    total, before = cost[0].astype(np.float64), np.zeros((count, columns), dtype=np.int64)
    for row in range(1, count):
        cheapest = total.argmin()
        stays = total <= total[cheapest] + change
        before[row] = np.where(stays, np.arange(columns), cheapest)
        total = np.where(stays, total, total[cheapest] + change) + cost[row]
    path = np.empty(count, dtype=np.int64)
    path[-1] = total.argmin()
    for row in range(count - 1, 0, -1):
        path[row - 1] = before[row, path[row]]
    return path


def _change(direction: np.ndarray, up: np.ndarray, put_on: np.ndarray) -> int:
    """From which of the pieces (n, 3) on, 1 to n - 1, the device is mounted as at the last of them: where its wearer's
    trunk or limb tilts least in all, rather where it was put on. up: (2, 3), that of the first piece and of the last;
    put_on: (n,)."""
    known = direction.any(axis=1)
    known[[0, -1]] = True
    tilt = np.arccos(np.clip(direction.astype(np.float64) @ up.T, -1.0, 1.0))
    tilt = tilt[np.maximum.accumulate(np.where(known, np.arange(len(known)), 0))]  # who knows no better is still
    before, after = np.abs(np.diff(tilt, axis=0)).T
    tilted = np.concatenate([[0.0], np.cumsum(before)[:-1]]) + np.abs(tilt[1:, 1] - tilt[:-1, 0])
    tilted += np.cumsum(after[::-1])[::-1] - after
    return int((tilted - _PAUSE_RAD * put_on[1:]).argmin()) + 1


def body_axes(index: WindowIndex, progress: Callable[[int], object] = lambda samples: None) -> list[np.ndarray]:
    """For each stream of an index the body axes in each recording, (R, 2, 3) float32, zeros where unknown.

    A recording goes by its person's wearing session if that agrees with itself, else by itself. Streams without
    accelerometer, or with gravity removed, know nothing. Nothing depends on labels, on where they begin and end, or on
    windows: the axes are a function of a dataset's files, and are remembered beside them (har/recordings/memory.py).
    Warns once where they cannot be, because then every start reads all samples again.
    progress: called with the number of samples just read, or whose axes were remembered.
    """
    # All that this package may import (tests/test_imports.py), so nothing that the axes depend on can be forgotten.
    code = source_digest(har.windows, har.recordings, har.signal, har.labels)
    found = [np.zeros((len(index.recordings), 2, 3), dtype=np.float32) for _ in index.streams]
    unwritable = None
    for dataset in index.datasets:
        own = [number for number, stream in enumerate(index.streams) if stream.dataset == dataset]
        memory = index.streams[own[0]].memory
        axes = memory.recall(_FINDING, code)
        if axes is None:
            axes = _dataset_axes(index, own, progress)
            unwritable = memory.remember(_FINDING, code, axes) or unwritable
        else:
            progress(sum(len(index.streams[number].samples) for number in own))
        for number in own:
            stream = index.streams[number]
            found[number][np.unique(stream.recording_id)] = axes[stream.info.name]
    if unwritable is not None:
        warnings.warn(
            f"how devices lie against the body could not be remembered ({unwritable}); it is found out again at the "
            "next start, unless the folder is made writable",
            stacklevel=2,
        )
    return found


def _dataset_axes(index: WindowIndex, own: Sequence[int], progress: Callable[[int], object]) -> dict[str, np.ndarray]:
    """Name of each stream of a dataset (numbers ``own``) -> axes (r, 2, 3) in its r recordings, sorted by name."""
    person = np.zeros(len(index.recordings), dtype=np.int64)
    for number in own:
        person[index.streams[number].recording_id] = index.streams[number].subject_id
    axes = {}
    for number in own:
        stream = index.streams[number]
        columns = dict(triads(stream.info.channels)).get("acc")
        if columns is None or stream.info.gravity != "present":
            axes[stream.info.name] = np.zeros((len(np.unique(stream.recording_id)), 2, 3), dtype=np.float32)
            progress(len(stream.samples))
        else:
            axes[stream.info.name] = _stream_axes(index, number, columns, person, progress)
    return axes


def _stream_axes(
    index: WindowIndex, stream_id: int, columns: list[int], person: np.ndarray, progress: Callable[[int], object]
) -> np.ndarray:
    """``_dataset_axes`` of one stream with an accelerometer; person: (R,) whose each recording is."""
    rate_hz = index.streams[stream_id].info.sampling_rate_hz
    length = piece_length(rate_hz)
    recording_id, start, stop = index.runs(stream_id)
    recordings = np.unique(recording_id)
    axes = np.zeros((len(recordings), 2, 3), dtype=np.float32)
    for subject in np.unique(person[recording_id]):
        runs = np.flatnonzero(person[recording_id] == subject)
        count = -(-(stop - start)[runs] // length)
        run = np.repeat(runs, count)
        first = start[run] + length * (np.arange(len(run)) - np.repeat(np.cumsum(count) - count, count))
        excerpts = Excerpts(stream_id, np.arange(len(first)), first, start[run], stop[run], length)
        pieces = index.gather(excerpts)[:, :, columns]
        for recording, own in axes_of_recordings(pieces, recording_id[run], rate_hz).items():
            axes[np.searchsorted(recordings, recording)] = own
        progress(int((stop - start)[runs].sum()))
    return axes


def axes_of_recordings(pieces: np.ndarray, recording: np.ndarray, sampling_rate_hz: float) -> dict[int, np.ndarray]:
    """Recording -> body axes (2, 3) of one wearing session: pieces (N, T, 3) in g, recording (N,) of each.

    All recordings go by the session if it agrees with itself, else each by itself.
    """
    session = session_axes(pieces, sampling_rate_hz)
    return {
        number: session if session[0].any() else session_axes(pieces[recording == number], sampling_rate_hz)
        for number in np.unique(recording).tolist()
    }


def cut_pieces(acceleration: np.ndarray, sampling_rate_hz: float) -> np.ndarray:
    """A recording (T, 3) as pieces (N, length, 3), the last one filled up with NaN."""
    length = piece_length(sampling_rate_hz)
    missing = np.full((-len(acceleration) % length, 3), np.nan, dtype=acceleration.dtype)
    return np.concatenate([acceleration, missing]).reshape(-1, length, 3)


def piece_length(sampling_rate_hz: float) -> int:
    """Samples in a piece of recording that is looked at as a whole."""
    return max(1, round(_PIECE_S * sampling_rate_hz))
