"""The arm as a chain of shoulder, elbow, forearm and wrist: where the hand shall be -> the joints that take it there.

A hand in space leaves one freedom of the arm: the elbow turns about the line from shoulder to hand. It is told by a
direction that the elbow prefers, as in the analytic solution of Tolani, Goswami & Badler, Real-time inverse kinematics
techniques for anthropomorphic limbs, Graphical Models 2000. How long a hand takes follows Fitts, The information
capacity of the human motor system, J. Experimental Psychology 1954.

Frame: the trunk's, with its origin in the shoulder and y outwards, so that both arms share the formulas. The hand is a
point on the line of the forearm, ``lower_m`` from the elbow: the wrist, the middle of a grip or the finger tips.
"""

from dataclasses import dataclass

import numpy as np

from har.recordings.simulate import anthropometry as lengths
from har.recordings.simulate.rotations import turn, yxz_rotation
from har.recordings.simulate.skeleton import CHANNEL, SIDES, Pose, attachment, chained, local_rotation

HANDS = ("r", "l")  # the better one first
ARM_JOINTS = ("shoulder_flex", "shoulder_abd", "shoulder_rot", "elbow_flex", "pronation", "wrist_flex", "wrist_dev")
STRAIGHTEST_RAD, MOST_BENT_RAD = np.deg2rad(10.0), np.deg2rad(148.0)  # of the elbow of a hand that aims at something
PRONATION_RAD = (np.deg2rad(-80.0), np.deg2rad(85.0))  # limits of turning the forearm, from the thumb up
DEVIATION_RAD = np.deg2rad(22.0)  # limit of the wrist towards thumb and little finger
MINIMUM_JERK_PEAK = 10 / np.sqrt(3)  # acceleration of 10 s^3 - 15 s^4 + 6 s^5, of a unit way in a unit of time
FITTS_S = (0.16, 0.13)  # seconds a movement takes at least, and for each bit of its difficulty
_PREFERRED = 0.3  # pull towards the neutral forearm where the direction of the thumb says little


@dataclass(frozen=True)
class ArmState:
    """hand (..., 3) in m; elbow (..., 3): direction that it points to, across the line to the hand, of length 1;
    wrist (..., 3): pronation, flexion and deviation in rad."""

    hand: np.ndarray
    elbow: np.ndarray
    wrist: np.ndarray


def movement_time(distance_m: float, width_m: float) -> float:
    """Seconds of an unhurried reach over a distance to a target of that width, by Fitts' law."""
    bits = np.log2(max(2.0 * distance_m / width_m, 1.0))
    return float(FITTS_S[0] + FITTS_S[1] * bits)


def shortest_time(distance_m: float, hardest_m_s2: float) -> float:
    """Seconds below which a minimum-jerk movement over a distance would need more than that acceleration."""
    return float(np.sqrt(MINIMUM_JERK_PEAK * distance_m / hardest_m_s2))


def distance_at(elbow_rad: float, upper_m: float, lower_m: float) -> float:
    """From shoulder to hand in m where the elbow is bent by so much."""
    return float(np.sqrt(upper_m**2 + lower_m**2 + 2 * upper_m * lower_m * np.cos(elbow_rad)))


def within_reach(hand: np.ndarray, upper_m: float, lower_m: float, furthest_m: np.ndarray) -> np.ndarray:
    """Targets (..., 3) of which those further than furthest_m (...,), and those nearer than the elbow bends, are moved
    along the line to the shoulder."""
    distance = np.linalg.norm(hand, axis=-1)
    within = np.clip(distance, 1.2 * distance_at(MOST_BENT_RAD, upper_m, lower_m), furthest_m)
    return hand * (within / np.maximum(distance, 1e-6))[..., None]


def across(direction: np.ndarray, line: np.ndarray) -> np.ndarray:
    """The part of a direction (..., 3) that is perpendicular to a line (..., 3), of length 1."""
    unit = line / np.maximum(np.linalg.norm(line, axis=-1, keepdims=True), 1e-9)
    part = direction - (direction * unit).sum(axis=-1, keepdims=True) * unit
    return part / np.maximum(np.linalg.norm(part, axis=-1, keepdims=True), 1e-9)


def carried(elbow: np.ndarray, line: np.ndarray, onto: np.ndarray) -> np.ndarray:
    """Directions (..., 3) perpendicular to a line, turned with it the shortest way onto another; both of length 1."""
    along = (elbow * onto).sum(axis=-1, keepdims=True)
    # Opposite lines have no shortest way.
    return elbow - along / np.maximum(1.0 + (line * onto).sum(axis=-1, keepdims=True), 0.02) * (line + onto)


def angle_about(line: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Signed angle (...,) in rad about a line of length 1 from one perpendicular direction (..., 3) to another."""
    return np.arctan2((line * np.cross(first, second)).sum(axis=-1), (first * second).sum(axis=-1))


def arm_joints(state: ArmState, upper_m: float, lower_m: float) -> np.ndarray:
    """Joint angles (7, ...) in rad, in the order of ``ARM_JOINTS``; the inverse of ``arm_state``.

    elbow need not be perpendicular to the line to the hand. A hand out of reach is taken as far as the arm goes.
    """
    x, y, z = np.moveaxis(state.hand, -1, 0)
    distance = np.sqrt(x * x + y * y + z * z)
    # As near as the elbow bends, slowing down on the way: the path keeps a speed.
    near = distance_at(MOST_BENT_RAD, upper_m, lower_m)
    slowing = np.clip(distance / near, 0.8, 1.2)
    held = np.where(distance < 1.2 * near, near * (1.0 + (slowing - 0.8) ** 2 / 0.8), distance)
    bend = np.arccos(np.clip((held**2 - upper_m**2 - lower_m**2) / (2 * upper_m * lower_m), -1.0, 1.0))
    scale = 1.0 / np.maximum(distance, 1e-6)
    nx, ny, nz = x * scale, y * scale, z * scale
    hx, hy, hz = np.moveaxis(state.elbow, -1, 0)
    along = hx * nx + hy * ny + hz * nz
    hx, hy, hz = hx - along * nx, hy - along * ny, hz - along * nz
    scale = 1.0 / np.maximum(np.sqrt(hx * hx + hy * hy + hz * hz), 1e-9)
    hx, hy, hz = hx * scale, hy * scale, hz * scale
    # Angle at the shoulder between the line to the hand and the upper arm.
    at_shoulder = np.arctan2(lower_m * np.sin(bend), upper_m + lower_m * np.cos(bend))
    cosine, sine = np.cos(at_shoulder), np.sin(at_shoulder)
    ux, uy, uz = cosine * nx + sine * hx, cosine * ny + sine * hy, cosine * nz + sine * hz
    wx, wy, wz = sine * nx - cosine * hx, sine * ny - cosine * hy, sine * nz - cosine * hz
    flexion = np.arctan2(ux, -uz)
    flexion = np.where(flexion < np.deg2rad(-100.0), flexion + 2 * np.pi, flexion)
    abduction = np.arcsin(np.clip(uy, -1.0, 1.0))
    rotation = -np.arctan2(wy, ux * wz - uz * wx)
    return np.stack([flexion, abduction, rotation, bend, *np.moveaxis(state.wrist, -1, 0)])


def arm_state(joints: np.ndarray, upper_m: float, lower_m: float) -> ArmState:
    """Where joint angles (7, ...) in the order of ``ARM_JOINTS`` have taken hand and elbow."""
    flexion, abduction, rotation, bend = joints[:4]
    axes = yxz_rotation(-flexion, abduction, -rotation)
    upper, front = -axes[..., :, 2], axes[..., :, 0]
    cosine, sine = np.cos(bend)[..., None], np.sin(bend)[..., None]
    hand = upper_m * upper + lower_m * (cosine * upper + sine * front)
    at_shoulder = np.arctan2(lower_m * sine, upper_m + lower_m * cosine)
    elbow = np.sin(at_shoulder) * upper - np.cos(at_shoulder) * front
    return ArmState(hand, elbow, np.stack(list(joints[4:]), axis=-1))


def wrist_for(
    hand: np.ndarray, elbow: np.ndarray, thumb: np.ndarray, upper_m: float, lower_m: float
) -> tuple[np.ndarray, np.ndarray]:
    """Pronation and deviation (...,) in rad that turn the thumb's side of the hand to ``thumb`` (..., 3), within the
    limits of forearm and wrist. What the hand holds upright, as a cup, points there."""
    state = ArmState(hand, elbow, np.zeros_like(hand))
    flexion, abduction, rotation, bend = arm_joints(state, upper_m, lower_m)[:4]
    axes = yxz_rotation(-flexion, abduction, -rotation)
    upper, front, side = -axes[..., :, 2], axes[..., :, 0], axes[..., :, 1]
    cosine, sine = np.cos(bend)[..., None], np.sin(bend)[..., None]
    forearm, thumb_up = cosine * upper + sine * front, cosine * front - sine * upper
    part = [(thumb * axis).sum(axis=-1) for axis in (thumb_up, side, -forearm)]
    pronation = np.clip(np.arctan2(-part[1], part[0] + _PREFERRED), *PRONATION_RAD)
    deviation = np.arctan2(part[2], np.hypot(part[0], part[1]) + _PREFERRED)
    return pronation, np.clip(deviation, -DEVIATION_RAD, DEVIATION_RAD)


class Arms:
    """Both arms of a body in a posture (channels,): where they rest, and where its segments are."""

    def __init__(self, pose: np.ndarray, height_m: float, grip: float) -> None:
        self.pose, self.height_m = pose, height_m
        self.upper_m, self.lower_m = height_m * lengths.UPPER_ARM, height_m * (lengths.FOREARM + grip)
        self.trunk_m = height_m * (lengths.SHOULDER_HEIGHT - lengths.HIP_HEIGHT - lengths.LUMBAR)
        self.columns = {hand: [CHANNEL[f"{hand}_{name}"] for name in ARM_JOINTS] for hand in HANDS}
        self.rest = [arm_state(pose[self.columns[hand]], self.upper_m, self.lower_m) for hand in HANDS]
        self.body = self.segments(pose[None])
        # Where the resting hands are in space, (2, 3): forwards, outwards and upwards from the hips.
        trunk = self.body.rotation["trunk"][0]
        self.home = np.stack(
            [
                outwards(self.shoulder(self.body, hand)[0] + trunk @ outwards(self.rest[number].hand, hand), hand)
                for number, hand in enumerate(HANDS)
            ]
        )

    def segments(self, angles: np.ndarray) -> Pose:
        """Pelvis, trunk and head at joint angles (K, channels)."""
        return chained({name: local_rotation(name, angles) for name in ("pelvis", "trunk", "head")}, self.height_m)

    def shoulder(self, body: Pose, hand: str) -> np.ndarray:
        """(K, 3) in m from the hips."""
        return body.origin["trunk"] + turn(body.rotation["trunk"], attachment(f"{hand}_upper_arm", self.height_m))

    def in_space(self, body: Pose, frame: str, point: np.ndarray, hand: str) -> np.ndarray:
        """Points (K, 3) of one frame, outwards as y -> from the hips along the axes of space, (K, 3)."""
        plain = outwards(point, hand)
        return plain if frame == "place" else body.origin[frame] + turn(body.rotation[frame], plain)


def outwards(vector: np.ndarray, hand: str) -> np.ndarray:
    """Vectors (..., 3) with y to the left <-> with y away from the body on the hand's side."""
    return vector * np.array([1.0, SIDES[hand], 1.0])
