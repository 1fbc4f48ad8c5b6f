"""Rotation matrices (..., 3, 3) and rotation vectors (..., 3), vectorised over all leading axes.

A matrix turns vectors of the local frame into the parent's: v_parent = R v_local. Angles are in rad.
"""

from collections.abc import Iterator

import numpy as np

AXES = {"x": 0, "y": 1, "z": 2}
_AT_ONCE = 2048  # frames of which a few matrices each stay in a core's cache


def frame_blocks(frames: int) -> Iterator[slice]:
    """Consecutive slices that cover the frames, each as long as is worked on fastest."""
    return (slice(begin, min(begin + _AT_ONCE, frames)) for begin in range(0, frames, _AT_ONCE))


def axis_rotation(axis: str, angle: np.ndarray) -> np.ndarray:
    """Right-handed rotation about one coordinate axis: (...,) -> (..., 3, 3)."""
    angle = np.asarray(angle, dtype=np.float64)
    first = AXES[axis]
    second, third = (first + 1) % 3, (first + 2) % 3
    matrix = np.zeros((*angle.shape, 3, 3))
    cosine, sine = np.cos(angle), np.sin(angle)
    matrix[..., first, first] = 1.0
    matrix[..., second, second] = matrix[..., third, third] = cosine
    matrix[..., second, third] = -sine
    matrix[..., third, second] = sine
    return matrix


def yxz_rotation(about_y: np.ndarray, about_x: np.ndarray, about_z: np.ndarray) -> np.ndarray:
    """Ry(about_y) Rx(about_x) Rz(about_z), written out: three times faster than multiplying.

    Angles (...,) or single ones: (..., 3, 3).
    """
    cy, sy, cx, sx = np.cos(about_y), np.sin(about_y), np.cos(about_x), np.sin(about_x)
    cz, sz = np.cos(about_z), np.sin(about_z)
    matrix = np.empty((*np.broadcast_shapes(np.shape(cy), np.shape(cx), np.shape(cz)), 3, 3))
    both, across = sy * sx, cy * sx
    matrix[..., 0, 0] = cy * cz + both * sz
    matrix[..., 0, 1] = both * cz - cy * sz
    matrix[..., 0, 2] = sy * cx
    matrix[..., 1, 0] = cx * sz
    matrix[..., 1, 1] = cx * cz
    matrix[..., 1, 2] = -sx
    matrix[..., 2, 0] = across * sz - sy * cz
    matrix[..., 2, 1] = sy * sz + across * cz
    matrix[..., 2, 2] = cy * cx
    return matrix


def times_constant(matrix: np.ndarray, constant: np.ndarray) -> np.ndarray:
    """R v or R S with the same vector or matrix everywhere: (..., 3, 3) and (3,) or (3, 3) -> (..., 3) or (..., 3, 3).

    A single product of all rows: several times faster than one a frame.
    """
    return (matrix.reshape(-1, 3) @ constant).reshape(*matrix.shape[:-1], *constant.shape[1:])


def turn(matrix: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """R v: (..., 3, 3) and (..., 3) or (3,) -> (..., 3)."""
    if np.ndim(vector) == 1:
        return times_constant(matrix, vector)
    return np.matmul(matrix, np.broadcast_to(vector, matrix.shape[:-1])[..., None])[..., 0]


def turn_back(matrix: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """R^T v: a vector of the parent's frame as the local frame sees it."""
    return np.matmul(np.broadcast_to(vector, matrix.shape[:-1])[..., None, :], matrix)[..., 0, :]


def rotation_of(vector: np.ndarray) -> np.ndarray:
    """Rotation by |v| about v (Rodrigues): (..., 3) -> (..., 3, 3)."""
    x, y, z = np.array(np.moveaxis(np.asarray(vector, dtype=np.float64), -1, 0), order="C")
    angle = np.sqrt(x * x + y * y + z * z)
    cross = np.zeros((*angle.shape, 3, 3))
    cross[..., 2, 1], cross[..., 0, 2], cross[..., 1, 0] = x, y, z
    cross[..., 1, 2], cross[..., 2, 0], cross[..., 0, 1] = -x, -y, -z
    # sin(a)/a and (1 - cos(a))/a^2 without a division by zero.
    first, second = np.sinc(angle / np.pi), 0.5 * np.sinc(angle / (2 * np.pi)) ** 2
    matrix = cross @ cross
    matrix *= second[..., None, None]
    cross *= first[..., None, None]
    matrix += cross
    for axis in range(3):
        matrix[..., axis, axis] += 1.0
    return matrix


def vector_of(matrix: np.ndarray) -> np.ndarray:
    """Rotation vector of a rotation by less than pi, the inverse of ``rotation_of``: (..., 3, 3) -> (..., 3)."""
    x = matrix[..., 2, 1] - matrix[..., 1, 2]
    y = matrix[..., 0, 2] - matrix[..., 2, 0]
    z = matrix[..., 1, 0] - matrix[..., 0, 1]
    sine = 0.5 * np.sqrt(x * x + y * y + z * z)
    cosine = 0.5 * (matrix[..., 0, 0] + matrix[..., 1, 1] + matrix[..., 2, 2] - 1.0)
    shrunk = np.sinc(np.arctan2(sine, cosine) / np.pi)
    vector = np.empty(matrix.shape[:-1])
    for axis, component in enumerate((x, y, z)):
        vector[..., axis] = component * 0.5 / shrunk
    return vector


def uniform_rotation(rng: np.random.Generator) -> np.ndarray:
    """A rotation drawn uniformly from SO(3): Gaussian quaternion (Shoemake, Graphics Gems III, 1992)."""
    w, *vector = rng.standard_normal(4)
    length = float(np.linalg.norm(vector))
    return rotation_of(2.0 * np.arctan2(length, w) * np.array(vector) / length)
