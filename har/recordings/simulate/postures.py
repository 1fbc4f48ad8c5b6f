"""Holding a posture: how differently people stand, sit, lie and kneel, and that nobody ever is quite still.

At rest the body sways about the ankles (a few millimetres, below 1 Hz), breathes (0.25 Hz), shifts its weight and moves
its hands now and then. Sizes follow posturography (Winter, Human balance and posture control during standing and
walking, Gait & Posture 1995) in order of magnitude.
"""

import numpy as np

from har.recordings.simulate.anthropometry import Person
from har.recordings.simulate.clips import FRAME_HZ, Clip, fidgets, smooth_noise, still_clip
from har.recordings.simulate.skeleton import CHANNEL, CHANNELS, mirrored, pose_vector

BREATHS_HZ = 0.25
POSTURES = ("stand", "sit", "lie", "kneel", "bend", "squat")

_LEGS = ("hip_flex", "hip_abd", "hip_rot", "knee_flex", "ankle_dorsi")
_ARMS = ("shoulder_flex", "shoulder_abd", "shoulder_rot", "elbow_flex", "pronation", "wrist_flex", "wrist_dev")


def _spread(rng: np.random.Generator, **degrees: float) -> np.ndarray:
    """Random offsets: normal with these standard deviations, the two sides independent of each other."""
    return pose_vector(**degrees) * np.clip(rng.standard_normal(len(CHANNELS)), -2, 2)


def standing_pose(person: Person, rng: np.random.Generator) -> np.ndarray:
    """Upright on both feet, arms hanging."""
    pose = pose_vector(
        hip_flex=3, knee_flex=5, ankle_dorsi=3, shoulder_flex=2, shoulder_abd=7, elbow_flex=14, pronation=20,
        shoulder_rot=8, trunk_flex=1, hip_abd=3,
    )  # fmt: skip
    pose = pose + _spread(
        rng, shoulder_flex=3, shoulder_abd=2, elbow_flex=5, pronation=12, shoulder_rot=6, trunk_flex=1.5
    )
    pose[CHANNEL["l_hip_rot"]] -= person.toe_out_rad
    pose[CHANNEL["r_hip_rot"]] -= person.toe_out_rad
    return pose


def _standing_arms(rng: np.random.Generator) -> np.ndarray:
    """What people do with their arms while they stand, on top of letting them hang."""
    size = 1 + 0.12 * rng.standard_normal()
    choices = (
        (0.50, pose_vector()),
        (0.08, pose_vector(shoulder_flex=-8, shoulder_abd=14, elbow_flex=35, shoulder_rot=10, pronation=30)),  # pockets
        (0.08, pose_vector(shoulder_flex=22, shoulder_rot=45, elbow_flex=92, pronation=40)),  # crossed
        (
            0.06,
            pose_vector(shoulder_abd=33, shoulder_flex=-16, shoulder_rot=35, elbow_flex=85, pronation=40),
        ),  # on hips
        (0.08, pose_vector(shoulder_flex=12, shoulder_rot=38, elbow_flex=52, pronation=25)),  # hands in front
        (0.06, pose_vector(shoulder_flex=-22, shoulder_rot=25, elbow_flex=35, pronation=50)),  # behind the back
        (0.14, pose_vector(r_shoulder_flex=25, r_elbow_flex=85, r_shoulder_rot=25, r_pronation=-45)),  # at a phone
    )
    weights = np.array([weight for weight, _ in choices])
    return size * choices[rng.choice(len(choices), p=weights / weights.sum())][1]


def standing(person: Person, rng: np.random.Generator, hands_free: bool = True) -> np.ndarray:
    """A stance: weight on both legs or one, arms as people keep them."""
    pose = standing_pose(person, rng) + (_standing_arms(rng) if hands_free else 0.0)
    if rng.random() < 0.35:  # the weight on one leg drops the other side of the pelvis and bends that knee
        slack = pose_vector(roll=-4, trunk_side=-4, l_knee_flex=14, l_hip_flex=8, l_ankle_dorsi=6, l_hip_abd=5)
        pose = pose + rng.uniform(0.4, 1.2) * (slack if rng.random() < 0.5 else mirrored(slack))
    return pose + _spread(rng, trunk_flex=2, head_flex=8, head_turn=8, trunk_turn=3)


def sitting(person: Person, rng: np.random.Generator, table: bool = False) -> np.ndarray:
    """Seated: upright, leaning back or forwards, feet under the knees, stretched out or crossed."""
    lean = rng.choice([-24.0, -8.0, 2.0, 14.0], p=[0.25, 0.35, 0.25, 0.15]) if not table else rng.uniform(-3, 14)
    tilt = -14.0 + 0.35 * lean + 5 * rng.standard_normal()
    thigh = 84 + 8 * rng.standard_normal()  # above the vertical: chairs are higher or lower than knees
    pose = pose_vector(
        pitch=tilt, trunk_flex=lean - tilt + 4, head_flex=-0.4 * lean + 6, hip_flex=thigh + tilt, hip_abd=9,
        knee_flex=thigh + 2, ankle_dorsi=2, shoulder_abd=10,
    )  # fmt: skip
    pose = pose + _spread(rng, hip_abd=6, hip_rot=8, hip_flex=3, knee_flex=9, trunk_side=3, trunk_turn=4, roll=2)
    pose = pose + _seated_legs(rng)
    if table:
        arms = pose_vector(shoulder_flex=38, shoulder_abd=14, shoulder_rot=28, elbow_flex=72, pronation=62)
    else:
        arms = (
            pose_vector(shoulder_flex=14, shoulder_rot=22, elbow_flex=62, pronation=55),  # in the lap
            pose_vector(shoulder_flex=30, shoulder_rot=4, elbow_flex=42, pronation=68),  # on the thighs
            pose_vector(shoulder_flex=22, shoulder_abd=16, elbow_flex=74, pronation=62),  # on arm rests
            pose_vector(shoulder_flex=22, shoulder_rot=45, elbow_flex=95, pronation=40),  # crossed
            pose_vector(r_shoulder_flex=28, r_elbow_flex=92, r_shoulder_rot=25, r_pronation=-45, l_elbow_flex=60,
                        l_shoulder_flex=14, l_shoulder_rot=22, l_pronation=50),  # at a phone
        )[rng.integers(5)]  # fmt: skip
    return pose + arms + _spread(rng, shoulder_flex=6, shoulder_abd=4, shoulder_rot=8, elbow_flex=9, pronation=16)


def _seated_legs(rng: np.random.Generator) -> np.ndarray:
    style = rng.random()
    if style < 0.5:
        return pose_vector()
    side = 1 if rng.random() < 0.5 else -1
    if style < 0.68:  # stretched out
        pose = rng.uniform(0.4, 1.0) * pose_vector(knee_flex=-60, hip_flex=-6, ankle_dorsi=-15)
    elif style < 0.80:  # drawn under the chair
        pose = pose_vector(knee_flex=25, hip_flex=-4, ankle_dorsi=-18)
    elif style < 0.92:  # one knee over the other
        pose = pose_vector(r_hip_flex=18, r_hip_abd=-22, r_hip_rot=-8, r_knee_flex=-8, r_ankle_dorsi=-20)
    else:  # an ankle on the other knee
        pose = pose_vector(r_hip_flex=8, r_hip_abd=22, r_hip_rot=-60, r_knee_flex=18)
    return pose if side > 0 else mirrored(pose)


def lying(person: Person, rng: np.random.Generator, side: str = "back") -> np.ndarray:
    """Lying on the "back", "stomach", "left" or "right", legs and arms as they come; ``ValueError`` otherwise."""
    twist = {"back": 0.0, "left": 90.0, "stomach": 180.0, "right": -90.0}.get(side)
    if twist is None:
        raise ValueError(f"lying on the {side!r}; expected back, stomach, left or right")
    sign = -1.0 if side == "stomach" and rng.random() < 0.5 else 1.0
    twist = sign * twist + (7 if side in ("back", "stomach") else 14) * np.clip(rng.standard_normal(), -1.8, 1.8)
    raised = rng.uniform(0, 25) if side == "back" and rng.random() < 0.3 else 2 * rng.standard_normal()
    pose = pose_vector(
        pitch=-90, twist=twist, trunk_flex=raised, head_flex=rng.uniform(0, 20), hip_flex=3, hip_abd=8, knee_flex=5,
        ankle_dorsi=-25, hip_rot=-15,
    )  # fmt: skip
    if side in ("left", "right"):
        bend = rng.uniform(0.1, 1.0, 2)
        pose = pose + pose_vector(
            l_hip_flex=65 * bend[0], l_knee_flex=80 * bend[0], r_hip_flex=65 * bend[1], r_knee_flex=80 * bend[1],
            trunk_flex=10, hip_abd=-6, hip_rot=15, shoulder_flex=45, elbow_flex=60,
        )  # fmt: skip
        pose = pose + _spread(rng, shoulder_flex=25, elbow_flex=30, shoulder_abd=8, pronation=40)
    elif side == "back":
        if rng.random() < 0.3:  # one or both knees up
            up = (
                pose_vector(hip_flex=42, knee_flex=85, ankle_dorsi=20)
                if rng.random() < 0.5
                else pose_vector(r_hip_flex=42, r_knee_flex=85, r_ankle_dorsi=20)
            )
            pose = pose + rng.uniform(0.5, 1.1) * up
        arms = (
            pose_vector(shoulder_abd=14, elbow_flex=15, pronation=50),  # beside the body
            pose_vector(shoulder_flex=12, shoulder_rot=45, elbow_flex=75, pronation=40),  # on the belly
            pose_vector(shoulder_abd=130, shoulder_rot=-60, elbow_flex=120),  # under the head
            pose_vector(r_shoulder_flex=55, r_elbow_flex=80, r_pronation=-30, l_shoulder_abd=14, l_elbow_flex=15),
        )[rng.choice(4, p=[0.4, 0.35, 0.1, 0.15])]
        pose = pose + arms + _spread(rng, shoulder_abd=6, elbow_flex=12, pronation=25)
    else:
        pose = pose + pose_vector(shoulder_abd=60, elbow_flex=80, shoulder_rot=-40, head_turn=50)
        pose = pose + _spread(rng, shoulder_abd=30, elbow_flex=25, pronation=30)
    return pose + _spread(rng, trunk_side=4, roll=3, hip_abd=5, hip_flex=3, knee_flex=4, hip_rot=8)


def kneeling(person: Person, rng: np.random.Generator) -> np.ndarray:
    """On both knees, upright or sitting on the heels."""
    low = rng.choice([0.0, 1.0], p=[0.6, 0.4])
    pose = pose_vector(
        hip_flex=10 + 65 * low, knee_flex=92 + 48 * low, ankle_dorsi=-35, hip_abd=8, trunk_flex=5, shoulder_flex=10,
        shoulder_abd=8, elbow_flex=25 + 20 * low, pronation=30,
    )  # fmt: skip
    # Upright thighs need a level pelvis; on the heels the thighs lie on the shanks.
    pose[CHANNEL["pitch"]] = np.deg2rad(5 + 5 * low)
    return pose + _spread(rng, trunk_flex=8, shoulder_flex=12, elbow_flex=14, pronation=15, hip_abd=4, trunk_turn=6)


def bent_over(person: Person, rng: np.random.Generator) -> np.ndarray:
    """Standing bent forwards, hands low."""
    depth = rng.uniform(0.6, 1.15)
    pose = standing_pose(person, rng) + depth * pose_vector(
        pitch=48, trunk_flex=30, hip_flex=52, knee_flex=8, ankle_dorsi=-3, shoulder_flex=68, elbow_flex=5, head_flex=-10
    )
    return pose + _spread(rng, shoulder_flex=12, elbow_flex=14, pronation=20, knee_flex=6, trunk_side=4)


def squat(person: Person, rng: np.random.Generator) -> np.ndarray:
    """Crouching on both feet."""
    depth = rng.uniform(0.75, 1.1)
    pose = standing_pose(person, rng) + depth * pose_vector(
        pitch=22,
        trunk_flex=12,
        hip_flex=108,
        knee_flex=112,
        ankle_dorsi=24,
        hip_abd=12,
        shoulder_flex=40,
        elbow_flex=30,
    )
    return pose + _spread(rng, shoulder_flex=14, elbow_flex=16, pronation=20, trunk_turn=4)


def _rest_deviation(posture: str) -> tuple[np.ndarray, np.ndarray, float]:
    """Size in degrees of the sway and of the fidgets of each channel in a posture, and fidgets a minute."""
    if posture in ("stand", "bend", "squat"):
        sway = pose_vector(
            pitch=0.5,
            roll=0.35,
            trunk_flex=0.5,
            trunk_side=0.3,
            trunk_turn=0.6,
            head_turn=1.5,
            shoulder_flex=0.7,
            elbow_flex=0.7,
            pronation=0.9,
            twist=0.4,
            hip_flex=0.35,
            ankle_dorsi=0.3,
        )
        move = pose_vector(
            roll=2.5,
            trunk_side=2,
            trunk_turn=6,
            head_turn=18,
            head_flex=8,
            shoulder_flex=8,
            elbow_flex=18,
            shoulder_rot=10,
            pronation=20,
            twist=3,
            knee_flex=4,
            hip_abd=1.5,
            trunk_flex=2,
        )
        return sway, move, 9.0
    if posture == "lie":
        sway = pose_vector(trunk_flex=0.15, elbow_flex=0.15, shoulder_flex=0.15)
        move = pose_vector(
            shoulder_flex=8,
            shoulder_abd=6,
            elbow_flex=16,
            pronation=20,
            head_turn=14,
            knee_flex=6,
            hip_flex=3,
            hip_rot=6,
            twist=3,
        )
        return sway, move, 2.0
    sway = pose_vector(
        pitch=0.12,
        roll=0.1,
        trunk_flex=0.5,
        trunk_side=0.3,
        trunk_turn=0.5,
        head_turn=1.5,
        shoulder_flex=0.4,
        elbow_flex=0.5,
        pronation=0.6,
        hip_flex=0.1,
        hip_rot=0.15,
    )
    move = pose_vector(
        pitch=1.5,
        trunk_flex=4,
        trunk_turn=6,
        head_turn=18,
        head_flex=8,
        shoulder_flex=10,
        elbow_flex=18,
        shoulder_rot=10,
        pronation=22,
        hip_rot=3,
        hip_abd=3,
        knee_flex=8,
        hip_flex=1.5,
    )
    return sway, move, 6.0  # fmt: skip


def rest(
    person: Person, pose: np.ndarray, posture: str, frames: int, rng: np.random.Generator, liveliness: float = 1.0
) -> Clip:
    """A pose (channels,) held as people hold one. posture: one of POSTURES; liveliness: scales what moves."""
    if posture not in POSTURES:
        raise ValueError(f"posture {posture!r}; expected one of {', '.join(POSTURES)}")
    support = (0.5, 0.5) if posture in ("stand", "bend", "squat") else (0.0, 0.0)
    clip = still_clip(pose, frames, support)
    sway, move, per_minute = _rest_deviation(posture)
    life = person.restlessness * liveliness * np.exp(0.7 * np.clip(rng.standard_normal(), -2, 2))
    swaying = np.flatnonzero(sway)
    slow, quick = (smooth_noise(rng, frames, hertz, len(CHANNELS), swaying) for hertz in (0.3, 1.5))
    clip.angles[:, swaying] += life * sway[swaying] * (slow + 0.25 * quick)
    clip.angles += fidgets(rng, frames, per_minute * life, move)
    rate = BREATHS_HZ * np.exp(0.15 * rng.standard_normal()) * (1 + 0.1 * smooth_noise(rng, frames, 0.1)[:, 0])
    breath = np.sin(2 * np.pi * np.cumsum(rate) / FRAME_HZ)
    depth = np.deg2rad(0.35) * np.exp(0.3 * rng.standard_normal())
    clip.angles[:, CHANNEL["trunk_flex"]] -= depth * breath
    for side in "lr":
        clip.angles[:, CHANNEL[f"{side}_shoulder_abd"]] += 0.5 * depth * breath
    return clip


def limb_channels(side: str, arm: bool = True) -> tuple[int, ...]:
    """Columns of an arm or a leg; side "l" or "r"."""
    return tuple(CHANNEL[f"{side}_{name}"] for name in (_ARMS if arm else _LEGS))
