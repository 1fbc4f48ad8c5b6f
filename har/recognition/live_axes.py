"""How a device lies against the body as far as its wearer has moved by now: a filter over pieces of five seconds.

The same as ``har.windows.body_axes.session_axes`` of all pieces so far, as long as the device stays where it is and no
more pieces move than are kept. Pieces in which the wearer does not move tell nothing there, and are not kept here.
"""

from collections import deque
from typing import NamedTuple

import numpy as np

from har.windows.body_axes import (
    WITHIN_RAD,
    ahead_direction,
    gravity_and_movement,
    upright_direction,
    walking_leads,
)

# That move: ten minutes of movement. What is older is forgotten.
_MOST_PIECES = 120
# So many in a row that agree with each other, and not with what was known, are of a device that was mounted anew: a
# quarter of a minute of movement. Fewer are too few to tell how it lies.
_MOUNTED_ANEW = 3
# Axes that turn by less are not told to the network, which would have to look at all of the past again.
TURN_RAD = np.deg2rad(5.0)


class _Piece(NamedTuple):
    direction: np.ndarray
    samples: np.ndarray
    rate_hz: float


class LiveAxes:
    """Body axes (2, 3) in the device's axes, up and ahead, zeros where unknown; ``used`` follows ``found`` in steps."""

    def __init__(self) -> None:
        self.found = np.zeros((2, 3), dtype=np.float32)
        self.used = self.found
        self._pieces: deque[_Piece] = deque(maxlen=_MOST_PIECES)

    def add(self, samples: np.ndarray, rate_hz: float) -> bool:
        """Look at one more piece (T, 3) in g, NaN = missing; returns whether ``used`` changed."""
        direction, moving = gravity_and_movement(samples[None], rate_hz)
        if not moving[0]:
            return False
        self._pieces.append(_Piece(direction[0], samples, rate_hz))
        if self._mounted_anew():
            for _ in range(len(self._pieces) - _MOUNTED_ANEW):
                self._pieces.popleft()
        self.found = self._axes()
        if not _turned(self.used, self.found):
            return False
        self.used = self.found
        return True

    def _directions(self) -> np.ndarray:
        return np.stack([piece.direction for piece in self._pieces])

    def _mounted_anew(self) -> bool:
        """Whether the newest pieces agree with each other, and each of them points elsewhere than what is known."""
        directions = self._directions()
        newest = directions[-_MOUNTED_ANEW:]
        if len(directions) < 2 * _MOUNTED_ANEW or not self.found[0].any():
            return False
        recent = upright_direction(newest, np.ones(len(newest), dtype=bool))
        return recent is not None and bool((newest @ self.found[0] < np.cos(WITHIN_RAD)).all())

    def _axes(self) -> np.ndarray:
        axes = np.zeros((2, 3), dtype=np.float32)
        directions = self._directions()
        up = upright_direction(directions, np.ones(len(directions), dtype=bool))
        if up is None:
            return axes
        axes[0] = up
        leads = []
        for rate_hz in dict.fromkeys(piece.rate_hz for piece in self._pieces):
            own = [piece for piece in self._pieces if piece.rate_hz == rate_hz]
            pieces, direction = (
                np.stack(column) for column in zip(*((p.samples, p.direction) for p in own), strict=True)
            )
            leads.append(walking_leads(pieces, direction, up, rate_hz))
        ahead = ahead_direction(*(np.concatenate(column) for column in zip(*leads, strict=True)), up)
        if ahead is not None:
            axes[1] = ahead
        return axes


def _turned(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether a direction of axes (2, 3) became known or unknown, or turned by enough to matter."""
    known = one.any(axis=1), other.any(axis=1)
    if (known[0] != known[1]).any():
        return True
    cosines = (one * other).sum(axis=1)[known[0]]
    return bool((cosines < np.cos(TURN_RAD)).any())
