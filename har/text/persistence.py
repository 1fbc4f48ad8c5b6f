"""What people do lasts: probabilities of a window's labels, given those of the windows before and after it.

Shapes: N windows, L labels, G durations, R recordings that reach the present step.
"""

import numpy as np

# Seconds that an activity may last on average. From minutes on, windows a few seconds apart are bound no closer.
DURATIONS_S = tuple(2.0**power for power in range(1, 10))
# Floors, so that windows which contradict each other leave something to normalise.
_SMALLEST = 1e-30
_SHORTEST_S = 0.01


def over_time(
    probabilities: np.ndarray, time_s: np.ndarray, recording: np.ndarray, durations_s: tuple[float, ...] = DURATIONS_S
) -> tuple[np.ndarray, float]:
    """Probabilities (N, L) of the labels given all windows of a recording, and the seconds that an activity lasts.

    probabilities: (N, L), of each window by itself, positive; each row in proportion to the likelihood of what the
    window shows, in any unit. time_s: (N,) when it begins. recording: (N,) which one it belongs to; windows come in any
    order, and those of one recording and device alone are neighbours.

    A hidden Markov chain (Rabiner, Proc. IEEE 1989) in continuous time, whose hidden state is what is being done. With
    D the mean duration and d the seconds between two windows, the next state is

        P(j | i) = (1 - k) / L + k [i = j],    k = exp(-(d / D) L / (L - 1))                                  (1)

    (every change equally likely: Jukes & Cantor 1969, with L states), so that windows far apart do not know of each
    other. D is the one of ``durations_s`` under which the recordings together are most likely, the shortest of equals;
    what comes back are the posteriors of the forward-backward algorithm under it, each row with the sum 1.
    """
    count, labels = probabilities.shape
    if count == 0 or labels == 1:
        return np.ones_like(probabilities), float(durations_s[0])
    order = np.lexsort((time_s, recording))
    own = probabilities[order].astype(np.float64)
    own = np.maximum(own / own.sum(axis=1, keepdims=True), _SMALLEST)
    steps, before_s = _steps(np.asarray(time_s, dtype=np.float64)[order], np.asarray(recording)[order])

    def kept(duration_s: np.ndarray) -> list[np.ndarray]:
        """k of equation (1) at each step but the first, (R, G, 1)."""
        rate = labels / (labels - 1) / duration_s
        return [np.exp(-seconds[:, None] * rate)[..., None] for seconds in before_s]

    fit = _log_likelihood(own, steps, kept(np.array(durations_s)), len(durations_s))
    duration_s = float(durations_s[int(fit.argmax())])
    posterior = np.empty_like(own)
    posterior[order] = _posterior(own, steps, [k[:, 0] for k in kept(np.array([duration_s]))])
    return posterior, duration_s


def _steps(time_s: np.ndarray, recording: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Rows of the first, second, ... windows of all recordings that have one, and seconds (R,) since the ones before.

    Rows are sorted by recording and time. The longest recordings come first, so that those of a step are the first
    ones of the step before.
    """
    first = np.flatnonzero(np.append(True, recording[1:] != recording[:-1]))
    length = np.diff(np.append(first, len(recording)))
    longest = np.argsort(-length, kind="stable")
    first, length = first[longest], length[longest]
    reach = np.searchsorted(-length, -np.arange(length[0]), side="left")  # recordings with more than i windows
    steps = [first[:count] + i for i, count in enumerate(reach)]
    return steps, [np.maximum(time_s[rows] - time_s[rows - 1], _SHORTEST_S) for rows in steps[1:]]


def _log_likelihood(own: np.ndarray, steps: list[np.ndarray], kept: list[np.ndarray], durations: int) -> np.ndarray:
    """(G,): logarithm of the likelihood of all windows under each duration, but for a constant."""
    state = np.repeat(own[steps[0]][:, None], durations, axis=1)  # (R, G, L)
    total = np.zeros(durations)
    for rows, k in zip(steps[1:], kept, strict=True):
        state = state[: len(rows)] / state[: len(rows)].sum(axis=-1, keepdims=True)
        state = ((1 - k) / own.shape[1] + k * state) * own[rows][:, None]
        total += np.log(state.sum(axis=-1)).sum(axis=0)
    return total


def _posterior(own: np.ndarray, steps: list[np.ndarray], kept: list[np.ndarray]) -> np.ndarray:
    """(N, L) under one duration; kept holds k (R, 1) at each step but the first."""
    forward = np.empty_like(own)
    forward[steps[0]] = own[steps[0]]
    for rows, k in zip(steps[1:], kept, strict=True):
        previous = forward[rows - 1] / forward[rows - 1].sum(axis=-1, keepdims=True)
        forward[rows] = ((1 - k) / own.shape[1] + k * previous) * own[rows]
    backward = np.ones_like(own)
    for rows, k in zip(steps[:0:-1], kept[::-1], strict=True):
        following = backward[rows] * own[rows]
        following /= following.sum(axis=-1, keepdims=True)
        backward[rows - 1] = (1 - k) / own.shape[1] + k * following
    posterior = forward * backward
    return posterior / posterior.sum(axis=-1, keepdims=True)
