"""One activity of one person, to look at: where the joints are, and what ideal sensors on the body read."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from har.recordings.format import STANDARD_GRAVITY
from har.recordings.simulate.activities import ACTIVITIES
from har.recordings.simulate.anthropometry import HAND, SHOULDER_HEIGHT, Person
from har.recordings.simulate.clips import FRAME_HZ
from har.recordings.simulate.sensors import PLACEMENTS, Looseness, ideal_signals
from har.recordings.simulate.skeleton import SIDES, Pose, foot_points, forward_kinematics, point_on, root_path
from har.recordings.simulate.timeline import assemble

# Bones to draw, by the names of their two ends; a name without a bone of its own is the joint where a segment begins.
BONES = (
    ("pelvis", "head"), ("head", "crown"), ("l_thigh", "r_thigh"), ("l_upper_arm", "r_upper_arm"),
    *(
        (f"{side}_{a}", f"{side}_{b}")
        for side in SIDES
        for a, b in (
            ("upper_arm", "forearm"), ("forearm", "hand"), ("hand", "fingers"), ("thigh", "shank"), ("shank", "foot"),
            ("foot", "heel"), ("foot", "tip"), ("heel", "tip"),
        )
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Preview:
    """joints: name -> path (T, 3) in m with the heading's turns taken out. acceleration: placement -> specific force
    (T, 3) in g. grounded: nothing leaves the ground, so each figure may be drawn with its lowest point on it."""

    label: str
    rate_hz: float
    joints: dict[str, np.ndarray]
    acceleration: dict[str, np.ndarray]
    grounded: bool


def preview(
    activity: str, person: Person, seconds: float, placements: Sequence[str], rng: np.random.Generator
) -> Preview:
    """The person does one of ``ACTIVITIES``, wearing ideal sensors. Raises ``KeyError`` for an unknown name."""
    movement = assemble(ACTIVITIES[activity].build(person, seconds, rng), person, rng)
    clip, height = movement.clip, person.height_m
    pose = forward_kinematics(clip.angles, height)
    root = root_path(pose, clip.angles[:, 0], clip.velocity, clip.support, height, FRAME_HZ)
    acceleration = {}
    for name in placements:
        placement = PLACEMENTS[name]
        force, _ = ideal_signals(pose, root, clip.impacts, placement, placement.axes, Looseness(), height, rng)
        acceleration[name] = force / STANDARD_GRAVITY
    straight = clip.angles.copy()
    straight[:, 0] = 0.0
    upright = forward_kinematics(straight, height)
    lifted = root * [0, 0, 1]
    joints = {name: path + lifted for name, path in joint_paths(upright, height).items()}
    return Preview(activity, FRAME_HZ, joints, acceleration, not clip.velocity[:, 2].any())


def joint_paths(pose: Pose, height_m: float) -> dict[str, np.ndarray]:
    """Every end of a bone in BONES, (T, 3) in m from the pelvis' origin."""
    paths = dict(pose.origin)
    crown = (1.0 - SHOULDER_HEIGHT) * height_m
    paths["crown"] = point_on(pose, "head", np.array([0, 0, crown]))
    for side in SIDES:
        paths[f"{side}_fingers"] = point_on(pose, f"{side}_hand", np.array([0, 0, -HAND * height_m]))
        for name in ("heel", "tip"):
            paths[f"{side}_{name}"] = point_on(pose, f"{side}_foot", foot_points(height_m)[name])
    return paths
