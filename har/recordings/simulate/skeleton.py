"""The body as a kinematic tree: joint angles over time -> orientation and position of every segment.

Frames: x forwards, y to the left, z up; every segment's frame coincides with the world's when the body stands upright
with the arms hanging and the palms towards the thighs. Limbs point along -z of their frames. Angles are in rad and
named after the anatomical movement; flexion, abduction, internal rotation, pronation and dorsiflexion are positive on
both sides. Pelvis: R = Rz(heading) Ry(pitch) Rx(roll) Rz(twist), so that lying on the back is a pitch of -90 degrees
and the twist then rolls the body onto its side.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from har.recordings.simulate import anthropometry as lengths
from har.recordings.simulate.rotations import axis_rotation, frame_blocks, turn, yxz_rotation

SIDES = {"l": 1.0, "r": -1.0}  # sign of the lateral axis
_CENTRAL = (
    "heading", "pitch", "roll", "twist",
    "trunk_flex", "trunk_side", "trunk_turn", "head_flex", "head_side", "head_turn",
)  # fmt: skip
_PAIRED = (
    "shoulder_flex", "shoulder_abd", "shoulder_rot", "elbow_flex", "pronation", "wrist_flex", "wrist_dev",
    "hip_flex", "hip_abd", "hip_rot", "knee_flex", "ankle_dorsi",
)  # fmt: skip
CHANNELS = (*_CENTRAL, *(f"{side}_{name}" for side in SIDES for name in _PAIRED))
CHANNEL = {name: number for number, name in enumerate(CHANNELS)}
# Movements to the left turn into ones to the right.
_MIRRORED_SIGN = {"heading", "roll", "twist", "trunk_side", "trunk_turn", "head_side", "head_turn"}

PARENT = {"pelvis": "", "trunk": "pelvis", "head": "trunk"}
for _side in SIDES:
    PARENT |= {
        f"{_side}_upper_arm": "trunk", f"{_side}_forearm": f"{_side}_upper_arm", f"{_side}_hand": f"{_side}_forearm",
        f"{_side}_thigh": "pelvis", f"{_side}_shank": f"{_side}_thigh", f"{_side}_foot": f"{_side}_shank",
    }  # fmt: skip
SEGMENTS = tuple(PARENT)


@dataclass(frozen=True)
class Pose:
    """Segments over time. rotation: name -> (..., T, 3, 3); origin: name of a segment -> its proximal joint (..., T, 3)
    in m, from the pelvis' origin (midway between the hip joints) along the axes of the world."""

    rotation: dict[str, np.ndarray]
    origin: dict[str, np.ndarray]


def attachment(segment: str, height_m: float) -> np.ndarray:
    """Where a segment is joined to its parent, (3,) in m in the parent's frame."""
    side, _, name = segment.partition("_")
    sign = SIDES.get(side, 0.0)
    trunk = lengths.SHOULDER_HEIGHT - lengths.HIP_HEIGHT - lengths.LUMBAR
    at = {
        "pelvis": (0, 0, 0),
        "trunk": (0, 0, lengths.LUMBAR),
        "head": (0, 0, trunk),
        "upper_arm": (0, sign * lengths.HALF_SHOULDER_WIDTH, trunk),
        "forearm": (0, 0, -lengths.UPPER_ARM),
        "hand": (0, 0, -lengths.FOREARM),
        "thigh": (0, sign * lengths.HALF_HIP_WIDTH, 0),
        "shank": (0, 0, -lengths.THIGH),
        "foot": (0, 0, -lengths.SHANK),
    }
    return height_m * np.array(at[name if sign else segment], dtype=np.float64)


def local_rotation(segment: str, angles: np.ndarray) -> np.ndarray:
    """Orientation of a segment in its parent's frame: angles (..., T, channels) -> (..., T, 3, 3)."""

    def angle(name: str) -> np.ndarray:
        return angles[..., CHANNEL[name]]

    if segment == "pelvis":
        upright = yxz_rotation(angle("pitch"), angle("roll"), angle("twist"))
        return axis_rotation("z", angle("heading")) @ upright
    if segment in ("trunk", "head"):
        return yxz_rotation(angle(f"{segment}_flex"), -angle(f"{segment}_side"), angle(f"{segment}_turn"))
    side, name = segment.split("_", 1)
    sign = SIDES[side]
    if name in ("upper_arm", "thigh"):
        joint = f"{side}_shoulder" if name == "upper_arm" else f"{side}_hip"
        return yxz_rotation(-angle(f"{joint}_flex"), sign * angle(f"{joint}_abd"), -sign * angle(f"{joint}_rot"))
    if name == "forearm":
        return yxz_rotation(-angle(f"{side}_elbow_flex"), 0.0, -sign * angle(f"{side}_pronation"))
    if name == "hand":
        return yxz_rotation(-angle(f"{side}_wrist_dev"), -sign * angle(f"{side}_wrist_flex"), 0.0)
    if name == "shank":
        return axis_rotation("y", angle(f"{side}_knee_flex"))
    return axis_rotation("y", -angle(f"{side}_ankle_dorsi"))


def closure(segments: Iterable[str]) -> list[str]:
    """The segments and all their parents, parents first."""
    wanted = set()
    for segment in segments:
        while segment:
            wanted.add(segment)
            segment = PARENT[segment]
    return [segment for segment in SEGMENTS if segment in wanted]


def forward_kinematics(angles: np.ndarray, height_m: float, segments: Sequence[str] = SEGMENTS) -> Pose:
    """Joint angles (..., T, channels) of a body of that stature -> pose of the segments and of their parents."""
    chain, shape = closure(segments), angles.shape[:-1]
    rotation = {segment: np.empty((*shape, 3, 3)) for segment in chain}
    origin = {segment: np.empty((*shape, 3)) for segment in chain}
    for rows in frame_blocks(shape[-1]):
        some = angles[..., rows, :]
        block = chained({segment: local_rotation(segment, some) for segment in chain}, height_m)
        for segment in chain:
            rotation[segment][..., rows, :, :] = block.rotation[segment]
            origin[segment][..., rows, :] = block.origin[segment]
    return Pose(rotation, origin)


def chained(local: Mapping[str, np.ndarray], height_m: float) -> Pose:
    """Orientations (..., T, 3, 3) of segments in their parents' frames, parents first -> pose of these segments."""
    rotation: dict[str, np.ndarray] = {}
    origin: dict[str, np.ndarray] = {}
    for segment, own in local.items():
        parent = PARENT[segment]
        if parent:
            rotation[segment] = rotation[parent] @ own
            origin[segment] = origin[parent] + turn(rotation[parent], attachment(segment, height_m))
        else:
            rotation[segment] = own
            origin[segment] = np.zeros(own.shape[:-1])
    return Pose(rotation, origin)


def point_on(pose: Pose, segment: str, offset_m: np.ndarray) -> np.ndarray:
    """A point fixed to a segment, offset (3,) or (..., T, 3) in its frame -> (..., T, 3) from the pelvis' origin."""
    return pose.origin[segment] + turn(pose.rotation[segment], offset_m)


def foot_points(height_m: float) -> dict[str, np.ndarray]:
    """Heel, ball and tip of the foot in its frame, (3,) in m."""
    sole = -lengths.ANKLE_HEIGHT
    tip = lengths.FOOT - lengths.HEEL_BEHIND_ANKLE
    points = {"heel": -lengths.HEEL_BEHIND_ANKLE, "ball": lengths.BALL_BEFORE_ANKLE, "tip": tip}
    return {name: height_m * np.array([forwards, 0.0, sole]) for name, forwards in points.items()}


def root_path(
    pose: Pose,
    heading: np.ndarray,
    velocity: np.ndarray,
    support: np.ndarray,
    height_m: float,
    rate_hz: float,
    angles: np.ndarray | None = None,
) -> np.ndarray:
    """Path of the pelvis' origin in the world, (..., T, 3) in m, beginning at zero.

    velocity (..., T, 3): what the movement itself prescribes, m/s, x along the heading (rad, (..., T)). support
    (..., T, 2): shares of the body's weight on the left and right foot while these stay where they are; the pelvis then
    moves against the foot's motion in the body. Shares below 1 leave the rest to the seat or the floor. angles
    (..., T, channels): of the joints, for a pose without feet: legs are then worked out while they bear weight, which
    is a third of the time.
    """
    cosine, sine = np.cos(heading), np.sin(heading)
    along = np.stack(
        [
            cosine * velocity[..., 0] - sine * velocity[..., 1],
            sine * velocity[..., 0] + cosine * velocity[..., 1],
            velocity[..., 2],
        ],
        axis=-1,
    )
    step = np.zeros_like(along)
    step[..., 1:, :] = 0.5 * (along[..., 1:, :] + along[..., :-1, :]) / rate_hz
    ball = foot_points(height_m)["ball"] * np.array([0.4, 1.0, 1.0])
    for number, side in enumerate(SIDES):
        share = support[..., number]
        middle = 0.5 * (share[..., 1:] + share[..., :-1])
        for between in _stretches(middle.any(axis=tuple(range(middle.ndim - 1)))):
            frames = slice(between.start, between.stop + 1)
            leg = _part(pose, frames, ["pelvis"] if angles is not None else [f"{side}_foot"])
            if angles is not None:
                below, some = closure([f"{side}_foot"])[1:], angles[..., frames, :]
                local = {segment: local_rotation(segment, some) for segment in below}
                leg = chained({"pelvis": leg.rotation["pelvis"]} | local, height_m)
            foot = point_on(leg, f"{side}_foot", ball)
            step[..., 1:, :][..., between, :] -= middle[..., between, None] * np.diff(foot, axis=-2)
    return np.cumsum(step, axis=-2)


def _stretches(where: np.ndarray) -> Iterator[slice]:
    """Slices, each no longer than a block of frames, that cover just where (T,) is True."""
    borders = np.flatnonzero(np.diff(where, prepend=False, append=False))
    for begin, end in zip(borders[::2], borders[1::2], strict=True):
        yield from (slice(begin + rows.start, begin + rows.stop) for rows in frame_blocks(end - begin))


def _part(pose: Pose, frames: slice, segments: Sequence[str]) -> Pose:
    return Pose(
        {segment: pose.rotation[segment][..., frames, :, :] for segment in segments},
        {segment: pose.origin[segment][..., frames, :] for segment in segments},
    )


def pose_vector(**degrees: float) -> np.ndarray:
    """Angles (channels,) in rad from degrees; a name without a side ("knee_flex") sets both sides.

    Raises ``KeyError`` for a name that is no channel.
    """
    vector = np.zeros(len(CHANNELS))
    for name, value in degrees.items():
        for channel in (name,) if name in CHANNEL else (f"l_{name}", f"r_{name}"):
            vector[CHANNEL[channel]] = np.deg2rad(value)
    return vector


def _mirror_order() -> tuple[np.ndarray, np.ndarray]:
    swapped = {"l": "r", "r": "l"}
    order = [CHANNEL[f"{swapped[c[0]]}{c[1:]}"] if c[:2] in ("l_", "r_") else CHANNEL[c] for c in CHANNELS]
    return np.array(order), np.array([-1.0 if c in _MIRRORED_SIGN else 1.0 for c in CHANNELS])


def mirrored(angles: np.ndarray) -> np.ndarray:
    """The same movement with left and right exchanged."""
    order, sign = _mirror_order()
    return angles[..., order] * sign
