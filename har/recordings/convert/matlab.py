"""Arrays of numbers in MATLAB files."""

from pathlib import Path
from struct import error as StructError
from typing import TYPE_CHECKING
from zlib import error as ZlibError

import numpy as np
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from har.recordings.format import RANGE_TOLERANCE
from har.recordings.segments import DatasetError
from har.signal.plausibility import LARGEST

if TYPE_CHECKING:
    from har.recordings.convert.common import Notes

# What scipy raises for an empty, cut off, foreign or version 7.3 file.
UNREADABLE = (LookupError, ValueError, TypeError, EOFError, OSError, RuntimeError, MatReadError, StructError, ZlibError)


def read_mat(path: Path, name: str) -> dict[str, np.ndarray]:
    """The variables of a MATLAB file, ``name`` among them. Raises ``DatasetError`` for any other file."""
    try:
        variables = loadmat(path)
        variables[name]
    except UNREADABLE as error:
        raise DatasetError(f"{path}: expected a MATLAB file with the array {name} ({error!r}); fetch it") from error
    return variables


def inertial_rows(
    path: Path, name: str, array: np.ndarray, range_g: float, notes: "Notes"
) -> tuple[np.ndarray, np.ndarray]:
    """Acceleration in g and rotation in deg/s (n, 6) -> (samples (m, 6) in g and rad/s, their rows in the file (m,)).

    Rows that no device of this range can have reported are left out and told to ``notes``. Raises ``DatasetError`` for
    an array of another shape.
    """
    if array.ndim != 2 or array.shape[1] != 6 or not len(array) or array.dtype.kind not in "iuf":
        raise DatasetError(f"{path}: {name} of shape {array.shape}; expected (n, 6): acc in g, gyro in deg/s")
    samples = np.hstack([array[:, :3], np.deg2rad(array[:, 3:].astype(np.float64))])
    good = (np.abs(samples[:, :3]) <= RANGE_TOLERANCE * range_g).all(axis=1)
    good &= (np.abs(samples[:, 3:]) <= LARGEST["gyro"]).all(axis=1)
    expected = f"numbers up to {RANGE_TOLERANCE * range_g:g} g and {LARGEST['gyro']:g} rad/s"
    damaged = [(row + 1, f"{samples[row].tolist()}; expected {expected}") for row in np.flatnonzero(~good).tolist()]
    notes.rows(path, len(samples), damaged)
    return samples[good], np.flatnonzero(good)
