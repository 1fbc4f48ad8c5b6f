"""Windows of one recording -> probabilities of the labels asked for, and how likely it is that any of them is meant.

Shapes: N windows, L labels.
"""

import numpy as np

from har.text.calibration import Calibration, tempered
from har.text.naming import among_neighbours
from har.text.recording_context import CALIBRATION, read_in_context

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
    seconds = len(probabilities) * stride_s
    strength = CALIBRATION * seconds / (seconds + _HALF_CALIBRATED_S)
    one = np.zeros(len(probabilities), dtype=np.int64)
    reading = read_in_context(probabilities, start_s, one, one, strength)
    sharpness = calibration.context_sharpness(reading.agreement, reading.lasting)
    known = calibration.known(among_neighbours(margin, start_s, stride_s), in_context=True)
    return tempered(reading.probabilities, sharpness), known
