"""What the recordings of a person tell of each window's label: how much labels attract, and that what people do lasts.

Shapes: N windows, L labels, W wearers, R recordings (those that reach the present step), G durations.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

# How far labels are calibrated; chosen on development datasets, with an eye on recordings that hold few of the named
# activities (docs/experiments.md).
CALIBRATION = 0.75
# Seconds that an activity may last on average: from no longer than a window, where neighbours tell nothing, to minutes,
# from which on windows a few seconds apart are bound no closer.
DURATIONS_S = tuple(2.0**power for power in range(-1, 10))
# A recording of more windows is read in parts side by side, each of which begins and ends that many windows outside
# what is kept of it: an hour of windows 2.5 s apart. What the ends of a part do not know is forgotten by then.
_LONGEST, _MARGIN = 7200, 1440
# Floors, so that windows which contradict each other leave something to normalise.
_SMALLEST = 1e-30
_SHORTEST_S = 0.01


class Reading(NamedTuple):
    """What windows show in view of each other: probabilities (N, L), and how far they bear each other out.

    agreement: (N,) share of the wearer's windows that have the same answer by themselves, once calibrated. lasting:
    (N,) how long the wearer's activities last on average, in steps from window to window.
    """

    probabilities: np.ndarray
    agreement: np.ndarray
    lasting: np.ndarray


def in_context(
    probabilities: np.ndarray,
    time_s: np.ndarray,
    recording: np.ndarray,
    wearer: np.ndarray,
    calibration: float = CALIBRATION,
) -> np.ndarray:
    """Probabilities (N, L) of the labels in view of all windows of the wearer: ``calibrated``, then ``over_time``.

    probabilities: (N, L), of each window by itself. time_s, recording, wearer: (N,) as in ``over_time``.
    """
    return over_time(_divided(probabilities, wearer, calibration), time_s, recording, wearer)[0]


def calibrated(probabilities: np.ndarray, wearer: np.ndarray, calibration: float = CALIBRATION) -> np.ndarray:
    """Probabilities (N, L) of each window by itself, calibrated by all windows of its wearer (N,); rows sum to 1.

    Some labels attract windows of a new device more than they should, a whole posture at a time. What they attract on
    average tells: the probabilities are divided by their mean over the wearer's windows to the power of
    ``calibration``. That is batch calibration (Zhou et al., ICLR 2024, section 3.2), weakened, because people need not
    do all that is asked about.
    """
    divided = _divided(probabilities, wearer, calibration)
    return divided / divided.sum(axis=1, keepdims=True)


def _divided(probabilities: np.ndarray, wearer: np.ndarray, calibration: float) -> np.ndarray:
    divided = np.empty(probabilities.shape)
    for one in np.unique(wearer):
        own = wearer == one
        attracted = probabilities[own].mean(axis=0).clip(_SMALLEST)
        divided[own] = probabilities[own] / attracted**calibration
    return divided


def read_in_context(
    probabilities: np.ndarray,
    time_s: np.ndarray,
    recording: np.ndarray,
    wearer: np.ndarray,
    calibration: float = CALIBRATION,
) -> Reading:
    """`in_context`, with what tells how far it is to be believed."""
    divided, agreement = _divided(probabilities, wearer, calibration), np.empty(len(probabilities))
    posterior, lasting = over_time(divided, time_s, recording, wearer)
    same = divided.argmax(axis=1) == posterior.argmax(axis=1)
    for own in (wearer == one for one in np.unique(wearer)):
        agreement[own] = same[own].mean()
        lasting[own] /= usual_step(time_s[own], recording[own], wearer[own])
    return Reading(posterior, agreement, lasting)


def usual_step(time_s: np.ndarray, recording: np.ndarray, wearer: np.ndarray) -> float:
    """Median seconds between neighbours of one recording; 1 where there are none."""
    order = np.lexsort((time_s, recording, wearer))
    steps = np.diff(time_s[order])
    same = (np.diff(recording[order]) == 0) & (np.diff(wearer[order]) == 0) & (steps > 0)
    return float(np.median(steps[same])) if same.any() else 1.0


class NewestReading(NamedTuple):
    """`Reading` of the newest window: probabilities (L,), and the agreement and lasting of the wearer's windows."""

    probabilities: np.ndarray
    agreement: float
    lasting: float


def read_newest_in_context(
    probabilities: np.ndarray, time_s: np.ndarray, attracted: np.ndarray, calibration: float = CALIBRATION
) -> NewestReading:
    """What `read_in_context` tells of the last window of one recording, for who asks again with each new one.

    probabilities: (N, L) of each window by itself, in order of time_s (N,). attracted: (L,) mean probabilities by which
    they are calibrated, of these windows or of more of the wearer's. The filter of the chain under all durations at
    once is the likelihood of each and the posterior of the last window; smoothing, under the likeliest alone, tells how
    many windows it bears out. Equal to `read_in_context` but for rounding.
    """
    divided = probabilities / attracted.clip(_SMALLEST) ** calibration
    count, labels = divided.shape
    steps = np.diff(time_s)
    step_s = float(np.median(steps[steps > 0])) if (steps > 0).any() else 1.0
    if labels == 1:
        return NewestReading(np.ones(1), 1.0, DURATIONS_S[0] / step_s)
    own = np.maximum(divided / divided.sum(axis=1, keepdims=True), _SMALLEST).astype(np.float64)
    rate = labels / (labels - 1) / np.array(DURATIONS_S)
    k = np.exp(-np.maximum(steps, _SHORTEST_S)[:, None] * rate)[..., None]  # (N - 1, G, 1)
    change = (1 - k) / labels
    forward = np.empty((count, len(DURATIONS_S), labels))  # each row normalised
    scale = np.ones((count, len(DURATIONS_S), 1))
    forward[0] = own[0] / own[0].sum()
    for i in range(1, count):
        state = forward[i]
        np.multiply(forward[i - 1], k[i - 1], out=state)
        state += change[i - 1]
        state *= own[i]
        np.add.reduce(state, axis=1, keepdims=True, out=scale[i])
        state /= scale[i]
    likeliest = int(np.log(scale[..., 0]).sum(axis=0).argmax())
    backward = np.ones((count, labels))
    k, change = k[:, likeliest, 0].tolist(), change[:, likeliest, 0].tolist()
    for i in range(count - 1, 0, -1):
        following = backward[i] * own[i]
        following *= k[i - 1] / np.add.reduce(following)
        np.add(following, change[i - 1], out=backward[i - 1])
    smoothed = forward[:, likeliest] * backward
    agreement = float((divided.argmax(axis=1) == smoothed.argmax(axis=1)).mean())
    return NewestReading(forward[-1, likeliest], agreement, DURATIONS_S[likeliest] / step_s)


def over_time(
    probabilities: np.ndarray,
    time_s: np.ndarray,
    recording: np.ndarray,
    wearer: np.ndarray,
    durations_s: tuple[float, ...] = DURATIONS_S,
) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (N, L) of the labels given all windows of a recording, and the seconds (N,) that activities last.

    probabilities: (N, L), of each window by itself, positive; each row in proportion to the likelihood of what the
    window shows, in any unit. time_s: (N,) when it begins. recording: (N,) which of the wearer's it belongs to; windows
    come in any order, and those of one recording alone are neighbours. wearer: (N,) who wears which device.

    A hidden Markov chain (Rabiner, Proc. IEEE 1989) in continuous time, whose hidden state is what is being done. With
    D the mean duration and d the seconds between two windows, the next state is

        P(j | i) = (1 - k) / L + k [i = j],    k = exp(-(d / D) L / (L - 1))                                  (1)

    (every change equally likely: Jukes & Cantor 1969, with L states), so that windows far apart do not know of each
    other. D is the one of ``durations_s`` under which all recordings of the wearer are most likely, the shortest of
    equals; what comes back are the posteriors of the forward-backward algorithm under it, each row with the sum 1.
    """
    count, labels = probabilities.shape
    if count == 0 or labels == 1:
        return np.ones(probabilities.shape), np.full(count, durations_s[0])
    order = np.lexsort((time_s, recording, wearer))
    own = probabilities[order].astype(np.float64)
    own = np.maximum(own / own.sum(axis=1, keepdims=True), _SMALLEST)
    wearer_of, recording_of = np.asarray(wearer)[order], np.asarray(recording)[order]
    changes = np.append(True, (wearer_of[1:] != wearer_of[:-1]) | (recording_of[1:] != recording_of[:-1]))
    parts = _parts(np.flatnonzero(changes), count)
    rows_read = np.concatenate([np.arange(begin, end) for begin, end, _, _ in parts])
    first = np.cumsum([0, *(end - begin for begin, end, _, _ in parts[:-1])])
    kept = np.concatenate([np.arange(begin, end) >= start for begin, end, start, _ in parts])
    kept &= np.concatenate([np.arange(begin, end) < stop for begin, end, _, stop in parts])
    steps = _steps(first, len(rows_read))
    read, time_s = own[rows_read], np.asarray(time_s, dtype=np.float64)[order][rows_read]
    before_s = [np.maximum(time_s[rows] - time_s[rows - 1], _SHORTEST_S)[:, None] for rows in steps[1:]]

    def stays(duration_s: np.ndarray) -> list[np.ndarray]:
        """k of equation (1) at each step but the first, (R, G, 1), from durations (R or 1, G)."""
        rate = labels / (labels - 1) / duration_s
        return [np.exp(-seconds * rate[: len(seconds)])[..., None] for seconds in before_s]

    # Each wearer has the duration that explains all recordings best.
    _, who = np.unique(wearer_of[rows_read], return_inverse=True)
    fit = np.zeros((who.max() + 1, len(durations_s)))
    likelihood = _log_likelihood(read, steps, stays(np.array([durations_s])), kept, len(durations_s))
    np.add.at(fit, who[steps[0]], likelihood)
    duration_s = np.array(durations_s)[fit.argmax(axis=1)][who]
    posterior, lasts_s = np.empty_like(own), np.empty(count)
    found = _posterior(read, steps, [k[:, 0] for k in stays(duration_s[steps[0], None])])
    posterior[order[rows_read[kept]]] = found[kept]
    lasts_s[order[rows_read[kept]]] = duration_s[kept]
    return posterior, lasts_s


def _parts(first: np.ndarray, count: int) -> list[tuple[int, int, int, int]]:
    """Parts in which recordings are read, from the rows that these begin with: rows from begin to end, of which those
    from start to stop are kept. Of a recording that is not too long there is one, and all is kept."""
    parts = []
    for begin, end in zip(first.tolist(), [*first[1:].tolist(), count], strict=True):
        borders = np.linspace(begin, end, -(-(end - begin) // _LONGEST) + 1).round().astype(int).tolist()
        for start, stop in pairwise(borders):
            parts.append((max(begin, start - _MARGIN), min(end, stop + _MARGIN), start, stop))
    return parts


def _steps(first: np.ndarray, count: int) -> list[np.ndarray]:
    """Rows of the first, second, ... windows of all recordings that have one, from the rows that these begin with.

    The longest recordings come first, so that those of a step are the first ones of the step before.
    """
    length = np.diff(np.append(first, count))
    longest = np.argsort(-length, kind="stable")
    first, length = first[longest], length[longest]
    reach = np.searchsorted(-length, -np.arange(length[0]), side="left")  # recordings with more than i windows
    return [first[:many] + i for i, many in enumerate(reach)]


def _log_likelihood(
    own: np.ndarray, steps: list[np.ndarray], stays: list[np.ndarray], kept: np.ndarray, durations: int
) -> np.ndarray:
    """(R, G): logarithm of the likelihood of what is kept of each recording under each duration, but for a constant."""
    state = np.repeat(own[steps[0]][:, None], durations, axis=1)  # (R, G, L)
    total = np.zeros(state.shape[:2])
    for rows, k in zip(steps[1:], stays, strict=True):
        state = state[: len(rows)] / state[: len(rows)].sum(axis=-1, keepdims=True)
        state = ((1 - k) / own.shape[1] + k * state) * own[rows][:, None]
        total[: len(rows)] += np.log(state.sum(axis=-1)) * kept[rows, None]
    return total


def _posterior(own: np.ndarray, steps: list[np.ndarray], stays: list[np.ndarray]) -> np.ndarray:
    """(N, L), each recording under its duration; stays holds k (R, 1) at each step but the first."""
    forward = np.empty_like(own)
    forward[steps[0]] = own[steps[0]]
    for rows, k in zip(steps[1:], stays, strict=True):
        previous = forward[rows - 1] / forward[rows - 1].sum(axis=-1, keepdims=True)
        forward[rows] = ((1 - k) / own.shape[1] + k * previous) * own[rows]
    backward = np.ones_like(own)
    for rows, k in zip(steps[:0:-1], stays[::-1], strict=True):
        following = backward[rows] * own[rows]
        following /= following.sum(axis=-1, keepdims=True)
        backward[rows - 1] = (1 - k) / own.shape[1] + k * following
    posterior = forward * backward
    return posterior / posterior.sum(axis=-1, keepdims=True)
