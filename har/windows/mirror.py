"""Windows of a wearer's mirror image, who does the same the other way round.

Bodies are nearly their own mirror image, and what is done with one side others do with the other: a walk, a left-handed
stroke. A turned device cannot show that (``augment.rotate``), since no rotation makes a left hand of a right one.

Accelerations are mirrored as positions are. Rates of turn and magnetic fields are axial vectors, which change their
sign besides (Feynman, Lectures on Physics I, 20-2 and 52-5).
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from har.labels.sides import has_side, on_no_side, on_other_side
from har.windows.augment import Random, shared_random
from har.windows.batch import SensorWindows, to_device


class Mirror:
    """Turns a share of the windows of a batch into those of the wearers' mirror images.

    Activities that are another one in a mirror ("lying on the left side") are left as they are. A placement on one side
    becomes that on the other: "right wrist" of "left wrist", or else "wrist" or unknown where nobody wears one there.

    share: of the windows. labels: of the rows that a call names. placements: placement text -> row of the placement
    table. device: of the windows.
    """

    def __init__(
        self, share: float, labels: Sequence[str], placements: Mapping[str, int], device: torch.device | str
    ) -> None:
        self.share = share
        self._has_side = np.array([has_side(label) for label in labels], dtype=bool)
        other = np.zeros(max(placements.values(), default=0) + 1, dtype=np.int64)  # 0 is unknown
        for text, row in placements.items():
            names = (on_other_side(text), on_no_side(text))
            other[row] = next((placements[name] for name in names if name in placements), 0)
        self._other_side = torch.from_numpy(other).to(device)

    def __call__(self, windows: SensorWindows, label: np.ndarray, generator: Random) -> SensorWindows:
        """label: (B,) row of the label of each window. generator: as in ``augment``."""
        if self.share <= 0:
            return windows
        random = shared_random(windows, generator)
        may = to_device(torch.from_numpy(~self._has_side[label]), windows.signal.device)
        chosen = (random.uniform(1) < self.share) & may[:, None]
        normal = _across_mirror(windows, random.normal(windows.kind.shape[1], 3)) * chosen.unsqueeze(-1)
        # No mirror where the normal is zero.
        matrices = torch.eye(3, device=normal.device) - 2 * normal.unsqueeze(-1) * normal.unsqueeze(-2)
        sign = torch.where(chosen & (windows.kind != 0), -1.0, 1.0)
        return windows.replace(
            signal=sign[..., None, None] * (matrices @ windows.signal),
            body=windows.body @ matrices,
            placement=torch.where(chosen, self._other_side[windows.placement], windows.placement),
        )


def _across_mirror(windows: SensorWindows, normal: Tensor) -> Tensor:
    """(B, S, 3) unit vectors across the mirrors of the devices, in their axes; ``normal``: random numbers (B, S, 3).

    To the left for a device that knows up and ahead, which stay as they are. Level where up alone is known. Where
    nothing is, its own x axis, so that a mounting goes on telling of posture.
    """
    # Sensors of one device share what stands at the device's number, as in ``augment.rotate``.
    normal = normal.gather(1, windows.location.unsqueeze(-1).expand(-1, -1, 3))
    up, ahead = windows.body.unbind(2)
    level = F.normalize(torch.linalg.cross(up, normal.to(up)), dim=-1)
    x_axis = torch.eye(3, dtype=up.dtype, device=up.device)[0]
    knows_up, knows_ahead = (axis.any(dim=-1, keepdim=True) for axis in (up, ahead))
    return torch.where(knows_ahead, torch.linalg.cross(up, ahead), torch.where(knows_up, level, x_axis))
