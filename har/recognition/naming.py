"""Windows of one recording -> probabilities of the labels asked for, and how likely it is that any of them is meant.

Shapes: N windows, L labels.
"""

import numpy as np

from har.text.calibration import Calibration, tempered
from har.text.naming import among_neighbours
from har.text.recording_context import CALIBRATION, read_in_context, read_newest_in_context

# Seconds of recording at which what labels attract in it is trusted by half: minutes hold few activities, and what they
# hold must not be taken for what a label attracts too much.
_HALF_CALIBRATED_S = 240.0


def named_alone(
    probabilities: np.ndarray, margin: np.ndarray, calibration: Calibration
) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (N, L) and known (N,), each window by itself, from what ``har.text.naming.Naming`` finds."""
    return tempered(probabilities, calibration.window_sharpness), calibration.known(margin, in_context=False)


def named_in_context(
    probabilities: np.ndarray, margin: np.ndarray, start_s: np.ndarray, stride_s: float, calibration: Calibration
) -> tuple[np.ndarray, np.ndarray]:
    """The same in view of all windows of the recording, which begin at start_s (N,).

    As `LearnableLabelBank.classify_recording`, but a short recording is calibrated less: of n seconds by
    n / (n + 240) of the usual strength.
    """
    strength = _strength(len(probabilities) * stride_s)
    one = np.zeros(len(probabilities), dtype=np.int64)
    reading = read_in_context(probabilities, start_s, one, one, strength)
    sharpness = calibration.context_sharpness(reading.agreement, reading.lasting)
    known = calibration.known(among_neighbours(margin, start_s, stride_s), in_context=True)
    return tempered(reading.probabilities, sharpness), known


def newest_in_context(
    probabilities: np.ndarray,
    margin: np.ndarray,
    start_s: np.ndarray,
    attracted: np.ndarray,
    stride_s: float,
    calibration: Calibration,
) -> tuple[np.ndarray, float]:
    """What `named_in_context` says of the last window, (L,) and known: nothing comes after it.

    probabilities, margin, start_s: as there, in order of time, of as much of the past as the chain reads. attracted:
    (M, L) probabilities of these windows and of those before that only calibrate, M >= N.
    """
    reading = read_newest_in_context(
        probabilities, start_s, attracted.mean(axis=0, dtype=np.float64), _strength(len(attracted) * stride_s)
    )
    sharpness = calibration.context_sharpness(np.array([reading.agreement]), np.array([reading.lasting]))
    # Of windows that follow each other, no more are neighbours of the last one.
    near = among_neighbours(margin[-3:], start_s[-3:], stride_s)[-1:]
    known = calibration.known(near, in_context=True)
    return tempered(reading.probabilities[None], sharpness)[0], float(known[0])


def _strength(seconds: float) -> float:
    return CALIBRATION * seconds / (seconds + _HALF_CALIBRATED_S)
