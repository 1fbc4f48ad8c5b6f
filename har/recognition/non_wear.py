"""When a device was not worn: it lies so still, for so long, as nothing on a living body does.

The rule is that of van Hees et al. (PLoS ONE 6(7), 2011, and 8(4), 2013) as GGIR applies it: in an hour, at least two
of the three axes of the accelerometer deviate by less than 13 mg and stay within 50 mg. Breathing, a turn in bed or the
tilt of a hand breaks that within the hour also for who sleeps. Theirs looks at hours a quarter of an hour apart; here
they are a minute apart, so that a border is right to a minute. Short of an hour nothing is called not worn.
"""

import numpy as np

from har.recognition.spans import Span, joined
from har.recognition.survey import Survey

HOUR_MIN = 60
LARGEST_DEVIATION_G = 0.013
LARGEST_RANGE_G = 0.050
STILL_AXES = 2
_LEAST_SHARE = 0.5  # of a minute's samples


def not_worn(survey: Survey) -> list[Span]:
    """Spans in which the device of a survey was not worn, in order of time; none without an accelerometer.

    Minutes of which most samples are missing end a span.
    """
    minutes = survey.minutes()
    count = len(minutes.share)
    if survey.kind != "acc" or count < HOUR_MIN:
        return []

    def hours(values: np.ndarray) -> np.ndarray:
        return np.lib.stride_tricks.sliding_window_view(values, HOUR_MIN, axis=0)

    spread = hours(minutes.highest).max(axis=-1) - hours(minutes.lowest).min(axis=-1)
    # The last minute may have ended early.
    there = minutes.share >= _LEAST_SHARE
    mean, square = hours(minutes.mean).mean(axis=-1), hours(minutes.square).mean(axis=-1)
    deviation = np.sqrt(np.maximum(square - mean**2, 0))
    still = (deviation < LARGEST_DEVIATION_G) & (spread < LARGEST_RANGE_G)  # False where NaN
    found = np.flatnonzero((still.sum(axis=1) >= STILL_AXES) & hours(there).all(axis=-1))
    start_s, minute_s = minutes.start_s, minutes.bin_s
    return joined([(start_s + first * minute_s, start_s + (first + HOUR_MIN) * minute_s) for first in found])
