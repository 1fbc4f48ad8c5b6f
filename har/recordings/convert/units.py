"""Whether the numbers of a file are in the units that its publisher names."""

from pathlib import Path

import numpy as np

from har.recordings.segments import DatasetError
from har.signal.plausibility import STANDARD_GRAVITY, turn_slope

# Median magnitude of a recording of a worn accelerometer in g: 0.34 (jumping) to 2.1 (running, a wrist) in the 5,893 of
# the eleven datasets of which there are original files. m/s^2 in place of g read 9.8, g in place of m/s^2 0.1.
LEAST_MEDIAN_G, LARGEST_MEDIAN_G = 0.25, 3.0
# Degrees in place of radians make the accelerometer's turn 57 times slower than the gyroscope's. In none of the 5,233
# recordings with a gyroscope is it far from once, where it can be told.
MOST_TURN_RATIO = 20.0
_WINDOW_S, _MOST_WINDOWS = 5.0, 1000


def check_gravity(path: Path, acceleration_g: np.ndarray, what: str = "the accelerometer") -> None:
    """Refuse acceleration (n, 3) that cannot be g with gravity; rows with NaN are passed over, and no rows are fine.

    Raises ``DatasetError`` that names the file, what was found, and the unit that it may be.
    """
    magnitude = np.linalg.norm(acceleration_g, axis=1)
    magnitude = magnitude[np.isfinite(magnitude)]
    if not len(magnitude):
        return
    median = float(np.median(magnitude))
    if LEAST_MEDIAN_G <= median <= LARGEST_MEDIAN_G:
        return
    units = {"m/s^2 taken for g": STANDARD_GRAVITY, "g taken for m/s^2": 1 / STANDARD_GRAVITY, "milli-g": 1000.0}
    likely = [unit for unit, reads in units.items() if 0.7 <= median / reads <= 1.5]
    raise DatasetError(
        f"{path}: {what} reads {median:.3g} g (median magnitude); expected about 1 g, gravity included. "
        f"{f'Is it {likely[0]}?' if likely else 'Is it without gravity, or in another unit?'} Fetch the published file"
    )


def check_turning(
    path: Path, acceleration_g: np.ndarray, turn_rate: np.ndarray, rate_hz: float, what: str = ""
) -> None:
    """Refuse a gyroscope (n, 3) whose turns are not those that the direction of gravity (n, 3) makes, by their scale.

    Both are of one device on one uniform grid, without gaps that matter. Files in which nothing tells are passed.
    Raises ``DatasetError`` that names the file and the unit that it may be.
    """
    length = round(_WINDOW_S * rate_hz)
    count = len(acceleration_g) // length
    if not count:
        return
    chosen = np.linspace(0, count - 1, min(count, _MOST_WINDOWS)).astype(int)
    acc, gyro = (x[: count * length].reshape(count, length, 3)[chosen] for x in (acceleration_g, turn_rate))
    slope, correlation = turn_slope(acc, gyro, rate_hz)
    if not correlation or 1 / MOST_TURN_RATIO < slope < MOST_TURN_RATIO:
        return
    likely = "in deg/s where rad/s are expected" if slope < 1 else "in rad/s where deg/s are expected"
    raise DatasetError(
        f"{path}: the accelerometer{what} turns {slope:.2g} times as fast as the gyroscope says; expected about once. "
        f"Is the gyroscope {likely}? Fetch the published file"
    )
