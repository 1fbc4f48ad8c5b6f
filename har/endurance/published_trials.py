"""Raw files of the datasets of single devices and short trials whose original files are not at hand, in miniature.

As in `har.endurance.published_only`: the published layout, two people, rest somewhere, and the traps of each dataset.
"""

from pathlib import Path

import numpy as np
from scipy.io import savemat

from har.endurance.published_bodies import resting, tilting, write_text
from har.endurance.published_only import GRAVITY

USC_ROWS = 600


def usc_signal(person: int, activity: int) -> tuple[np.ndarray, np.ndarray]:
    """Acceleration in g and rotation in rad/s of a trial."""
    return resting(activity, USC_ROWS) if activity > 7 else tilting(USC_ROWS, 100.0, person)


def write_usc_had(raw: Path) -> None:
    """MATLAB files with descriptions as texts, the name of one of which is misspelt in one file."""
    for person, activity, trial in ((1, 2, 1), (1, 9, 1), (13, 11, 5), (13, 10, 2)):
        acc, rotation = usc_signal(person, activity)
        name = "activity_numbr" if activity == 11 else "activity_number"
        path = raw / f"USC-HAD/Subject{person}/a{activity}t{trial}.mat"
        path.parent.mkdir(parents=True, exist_ok=True)
        savemat(
            path,
            {
                "title": "USC Human Motion Database",
                "subject": str(person),
                "sensor_location": "front-right-hip",
                name: str(activity),
                "trial": str(trial),
                "sensor_readings": np.hstack([acc, np.rad2deg(rotation)]),
            },
        )


WEDA_TRIALS = (("D01", 1, 1), ("F05", 1, 2), ("D10", 21, 1))
WEDA_FALL_S = (4.2, 7.2)
WEDA_SECONDS = 12.0


def weda_burst(activity: str) -> tuple[int, float]:
    """Samples that come together, and their rate in Hz; the watch is a little fast."""
    return (4, 40.2) if activity == "D10" else (5, 50.3)


def weda_times(activity: str, sensor: str) -> np.ndarray:
    """When samples were taken (s); the gyroscope is a little late."""
    return 0.03 * (sensor == "gyro") + np.arange(0.0, WEDA_SECONDS, 1 / weda_burst(activity)[1])


def weda_stamps(activity: str, sensor: str) -> np.ndarray:
    """When they arrived: a burst with the last of it, 2 ms apart."""
    t, (burst, _) = weda_times(activity, sensor), weda_burst(activity)
    number = np.arange(len(t))
    return t[np.minimum(number // burst * burst + burst - 1, len(t) - 1)] + 0.002 * (number % burst)


def weda_signal(activity: str, sensor: str) -> np.ndarray:
    """Readings in m/s^2 or rad/s (n, 3), one decimal as the watch has."""
    rows, rate_hz = len(weda_times(activity, sensor)), weda_burst(activity)[1]
    acc, rotation = resting(5, rows) if activity == "D10" else tilting(rows, rate_hz, 0.0)
    return np.round(GRAVITY * acc if sensor == "accel" else rotation, 1)


def write_weda_fall(raw: Path) -> None:
    """Bursts; beside the files that are read, the same at a lower rate and what was computed from them."""
    base = raw / "WEDA-FALL/dataset"
    for activity, person, trial in WEDA_TRIALS:
        for rate in ("50Hz", "5Hz"):
            for sensor in ("accel", "gyro"):
                values = weda_signal(activity, sensor)
                rows = zip(weda_stamps(activity, sensor), values, strict=True)
                head = ",".join(f"{sensor}_{name}_list" for name in ("time", *"xyz"))
                lines = [f"{t:.3f},{x},{y},{z}" for t, (x, y, z) in rows]
                name = f"{rate}/{activity}/U{person:02d}_R{trial:02d}_{sensor}.csv"
                write_text(base / name, [head, *lines[:: 1 if rate == "50Hz" else 10]])
        vertical = base / f"50Hz/{activity}/U{person:02d}_R{trial:02d}_vertical_accel.csv"
        write_text(vertical, ["vertical_accel_time_list,vertical_accel_list", "0.0,9.8"])
    begin, end = WEDA_FALL_S
    write_text(base / "fall_timestamps.csv", ["filename,start_time,end_time", f"F05/U01_R02,{begin},{end}"])
