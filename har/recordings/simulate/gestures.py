"""Movements of the whole body that are told as keyframes: exercises, ball games, and what needs no target.

Tables of offsets from a posture in degrees, written for the right hand. Squats come about one in three seconds.
"""

from dataclasses import dataclass

import numpy as np

from har.recordings.simulate.anthropometry import Person
from har.recordings.simulate.clips import FRAME_HZ, Clip, Key, keyframes, smooth_noise
from har.recordings.simulate.exercise import cyclic
from har.recordings.simulate.locomotion import Going, gait_clip, stepping
from har.recordings.simulate.postures import sitting, standing
from har.recordings.simulate.skeleton import CHANNEL, mirrored, pose_vector


@dataclass(frozen=True)
class Gesture:
    """A movement on top of a posture.

    base: offsets (degrees) held all the while. keys: (offsets in degrees, seconds to move, seconds to hold), repeated.
    step_m_s: drift of a body that steps about.
    """

    posture: str
    base: dict[str, float]
    keys: tuple[tuple[dict[str, float], float, float], ...] = ()
    step_m_s: float = 0.0
    spread: float = 0.12


TEMPO = (0.8, 1.25)  # range of the rate, from bout to bout

_KICK_BACK = pose_vector(r_hip_flex=-24, r_knee_flex=76, pitch=4, l_shoulder_abd=34)
_KICK_THROUGH = pose_vector(r_hip_flex=58, r_knee_flex=6, r_ankle_dorsi=-20, pitch=-4, twist=14, l_shoulder_flex=30)

GESTURES = {
    # --- seated or standing -------------------------------------------------------------------------------------------
    "watching tv": Gesture("sit", {"pitch": -6, "trunk_flex": -4}),
    "raising the hands": Gesture(
        "stand", {}, keys=(({"shoulder_flex": 158, "shoulder_abd": 8}, 1.2, 1.0), ({}, 1.0, 0.6))),
    "crossing the arms": Gesture(
        "stand", {}, keys=(({"shoulder_flex": 32, "shoulder_rot": 52, "elbow_flex": 98, "pronation": 30}, 0.8, 0.8),
            ({}, 0.7, 0.3))),
    "pushing": Gesture(
        "stand", {}, keys=(({"shoulder_flex": 35, "elbow_flex": 100, "pronation": 60}, 0.6, 0.1),
            ({"shoulder_flex": 85, "elbow_flex": 5, "pronation": 60, "pitch": 5}, 0.5, 0.3), ({}, 0.8, 0.5))),
    # --- sport and exercise -------------------------------------------------------------------------------------------
    "squatting down and up": Gesture(
        "stand", {}, keys=(({"pitch": 22, "trunk_flex": 10, "hip_flex": 86, "knee_flex": 84, "ankle_dorsi": 20,
            "shoulder_flex": 60}, 1.3, 0.15), ({}, 1.25, 0.5)), spread=0.2),
    "lunging": Gesture(
        "stand", {}, keys=(
            ({"r_hip_flex": 82, "r_knee_flex": 88, "r_ankle_dorsi": 4, "l_hip_flex": -12, "l_knee_flex": 72,
                "l_ankle_dorsi": 12, "pitch": 4}, 1.1, 0.2), ({}, 1.0, 0.5),
            ({"l_hip_flex": 82, "l_knee_flex": 88, "l_ankle_dorsi": 4, "r_hip_flex": -12, "r_knee_flex": 72,
                "r_ankle_dorsi": 12, "pitch": 4}, 1.1, 0.2), ({}, 1.0, 0.5))),
    "bending down and getting up": Gesture(
        "stand", {}, spread=0.2, keys=(
            ({"pitch": 52, "trunk_flex": 38, "hip_flex": 56, "knee_flex": 14, "ankle_dorsi": -4, "shoulder_flex": 72},
                1.2, 0.5), ({}, 1.2, 1.2))),
    "stepping up and down": Gesture(
        "stand", {}, keys=(
            ({"r_hip_flex": 62, "r_knee_flex": 68, "r_ankle_dorsi": 8, "l_ankle_dorsi": -4, "pitch": 4}, 0.55, 0.0),
            ({"l_hip_flex": 58, "l_knee_flex": 74, "r_hip_flex": 4, "r_knee_flex": 6}, 0.55, 0.0), ({}, 0.5, 0.1),
            ({"r_hip_flex": -6, "r_knee_flex": 22, "l_hip_flex": 40, "l_knee_flex": 60}, 0.55, 0.0), ({}, 0.5, 0.1))),
    "boxing": Gesture(
        "stand", {"shoulder_flex": 48, "shoulder_rot": 12, "elbow_flex": 118, "knee_flex": 12, "hip_flex": 10,
            "twist": 10},
        keys=(({"r_shoulder_flex": 38, "r_elbow_flex": -108, "r_pronation": 55, "trunk_turn": 22, "twist": 10}, 0.25,
            0.02), ({}, 0.3, 0.25),
              ({"l_shoulder_flex": 38, "l_elbow_flex": -108, "l_pronation": 55, "trunk_turn": -22, "twist": -8}, 0.25,
                  0.02), ({}, 0.3, 0.35)), spread=0.2),
    "throwing": Gesture(
        "stand", {}, keys=(({"r_shoulder_abd": 88, "r_shoulder_rot": -72, "r_elbow_flex": 88, "trunk_turn": -34,
            "twist": -18, "l_shoulder_flex": 42}, 0.8, 0.15),
                           ({"r_shoulder_flex": 96, "r_shoulder_abd": 20, "r_elbow_flex": 12, "trunk_turn": 26,
                               "twist": 12, "pitch": 8}, 0.40, 0.05),
                           ({"r_shoulder_flex": 30, "r_elbow_flex": 20, "trunk_flex": 18, "trunk_turn": 20}, 0.3, 0.2),
                               ({}, 0.7, 0.4))),
    "bowling": Gesture(
        "stand", {}, keys=(({"r_shoulder_flex": -52, "trunk_flex": 24, "pitch": 22, "hip_flex": 34, "knee_flex": 36},
            0.9, 0.05),
                           ({"r_shoulder_flex": 88, "trunk_flex": 18, "pitch": 18, "l_hip_flex": 50, "knee_flex": 36},
                               0.5, 0.3), ({}, 0.9, 0.4))),
    "catching": Gesture(
        "stand", {}, keys=(({"shoulder_flex": 74, "elbow_flex": 22}, 0.45, 0.15), ({"shoulder_flex": 30,
            "elbow_flex": 88, "shoulder_rot": 16}, 0.3, 0.6), ({}, 0.6, 0.4))),
    "swinging a tennis racket": Gesture(
        "stand", {"knee_flex": 14, "hip_flex": 12}, keys=(
            ({"r_shoulder_abd": 62, "r_shoulder_flex": -16, "r_elbow_flex": 40, "trunk_turn": -42, "twist": -32}, 0.7,
                0.1),
            ({"r_shoulder_flex": 68, "r_shoulder_abd": 24, "r_elbow_flex": 30, "trunk_turn": 24, "twist": 22}, 0.36,
                0.0),
            ({"r_shoulder_flex": 92, "r_shoulder_rot": 60, "r_elbow_flex": 92, "trunk_turn": 38, "twist": 30}, 0.34,
                0.2), ({}, 0.7, 0.4))),
    "serving in tennis": Gesture(
        "stand", {}, keys=(({"l_shoulder_flex": 150, "r_shoulder_abd": 95, "r_shoulder_rot": -80, "r_elbow_flex": 95,
            "trunk_flex": -14, "trunk_turn": -24, "knee_flex": 28, "hip_flex": 20}, 1.1, 0.15),
                           ({"r_shoulder_flex": 168, "r_elbow_flex": 8, "trunk_turn": 18, "pitch": 6}, 0.38, 0.0),
                           ({"r_shoulder_flex": 30, "r_shoulder_rot": 30, "trunk_flex": 32, "pitch": 14,
                               "hip_flex": 14}, 0.3, 0.2), ({}, 0.8, 0.4))),
    "swinging a baseball bat": Gesture(
        "stand", {"shoulder_flex": 62, "elbow_flex": 82, "shoulder_rot": 30, "knee_flex": 18, "hip_flex": 16},
        keys=(({"trunk_turn": -40, "twist": -34, "r_shoulder_abd": 34}, 0.7, 0.3), ({"trunk_turn": 42, "twist": 40,
            "elbow_flex": -40}, 0.38, 0.1),
              ({"trunk_turn": 52, "twist": 50, "shoulder_flex": 22}, 0.3, 0.3), ({}, 0.9, 0.4))),
    "shooting a basketball": Gesture(
        "stand", {}, keys=(({"shoulder_flex": 60, "elbow_flex": 104, "knee_flex": 40, "hip_flex": 32,
            "ankle_dorsi": 18, "pitch": 8}, 0.7, 0.1),
                           ({"shoulder_flex": 140, "elbow_flex": 12, "r_wrist_flex": 50, "ankle_dorsi": -22}, 0.35,
                               0.35), ({}, 0.7, 0.4))),
    "curling the arms": Gesture("stand", {"pronation": -60}, keys=(({"elbow_flex": 118}, 0.65, 0.1), ({}, 0.75, 0.15))),
    "lifting weights overhead": Gesture(
        "stand", {"shoulder_abd": 62, "elbow_flex": 112, "shoulder_rot": -62}, keys=(({"shoulder_abd": 92,
            "elbow_flex": -102}, 0.9, 0.2), ({}, 1.0, 0.3))),
    "playing tennis": Gesture("stand", {"knee_flex": 16, "hip_flex": 14, "r_elbow_flex": 40}, step_m_s=0.5, keys=(
        ({"r_shoulder_abd": 62, "r_elbow_flex": 10, "trunk_turn": -40, "twist": -25}, 0.5, 0.05),
        ({"r_shoulder_flex": 72, "r_shoulder_rot": 40, "trunk_turn": 28, "twist": 22}, 0.36, 0.1), ({}, 0.6, 1.2))),
}  # fmt: skip


def gesture_clip(name: str, person: Person, frames: int, rng: np.random.Generator) -> Clip:
    """The person does what GESTURES tells under that name. Raises ``ValueError`` for an unknown one."""
    if name not in GESTURES:
        raise ValueError(f"no gesture {name!r}; known: {', '.join(GESTURES)}")
    gesture = GESTURES[name]
    pose = sitting(person, rng) if gesture.posture == "sit" else standing(person, rng, hands_free=False)
    held = pose_vector(**gesture.base) * (1 + 0.08 * rng.standard_normal(len(pose)))
    keys = [Key(pose_vector(**degrees), move, hold) for degrees, move, hold in gesture.keys]
    clip = cyclic(
        person, pose, gesture.posture, keys, frames, rng, tempo=rng.uniform(*TEMPO), spread=gesture.spread, base=held
    )
    if gesture.step_m_s:
        clip.support[:] = 0.0
        clip = stepping(clip, gesture.step_m_s, person, rng)
    return clip


def kicking(person: Person, frames: int, rng: np.random.Generator) -> Clip:
    """Kicks a ball to and fro: goes up to it or about with it, kicks out of the last step, waits for it to return."""
    pace, begin_s = rng.uniform(0.5, 1.0), rng.uniform(0.0, 6.0)
    rest_of_leg, total = 0 * _KICK_BACK, -begin_s
    go, leg = [], []
    while total < frames / FRAME_HZ:
        walk, wait, follow = rng.uniform(0.5, 4.0), rng.exponential(1.2), rng.uniform(0.5, 0.9)
        size, through = rng.uniform(0.5, 1.2), 0.32 * rng.uniform(0.75, 1.3)
        go += [Key(np.ones(1), 0.5, walk), Key(np.zeros(1), 0.5, through + follow + wait)]
        leg += [Key(rest_of_leg, 0.5, walk), Key(size * _KICK_BACK, 0.5)]
        leg += [Key(size * _KICK_THROUGH, through), Key(rest_of_leg, follow, wait)]
        total += 1.0 + walk + through + follow + wait
    skip = round(begin_s * FRAME_HZ)
    moving = keyframes(np.zeros(1), go, frames + skip)[skip:, 0]
    strokes = person.vigour**0.5 * keyframes(rest_of_leg, leg, frames + skip)[skip:]
    going = Going("walk", pace=pace, turns_per_minute=rng.uniform(1.0, 8.0), curving_rad_s=0.3)
    clip = gait_clip(person, going, frames, rng, moving)
    clip.angles += mirrored(strokes) if person.left_handed else strokes
    # Both feet bear the body while it stands, the other one alone while a leg kicks.
    kicks = np.clip(np.abs(strokes).max(axis=1, keepdims=True) / 0.3, 0, 1)
    bearing = np.array([0.0, 1.0] if person.left_handed else [1.0, 0.0])
    clip.support[:] = (1 - moving)[:, None] * (0.5 + kicks * (bearing - 0.5))
    return clip


def handling(clip: Clip, rng: np.random.Generator, size: float = 1.0) -> Clip:
    """Hands that reach for things and do something with them, on top of a posture; the trunk follows a little."""
    total, keys = 0.0, []
    while total < len(clip) / FRAME_HZ:
        reach = size * rng.uniform(0, 1, 2) * (rng.random(2) < 0.7)
        pose = pose_vector(
            l_shoulder_flex=48 * reach[0], l_elbow_flex=70 * reach[0] * rng.uniform(0.2, 1),
                l_shoulder_rot=30 * reach[0],
            r_shoulder_flex=48 * reach[1], r_elbow_flex=70 * reach[1] * rng.uniform(0.2, 1),
                r_shoulder_rot=30 * reach[1],
            l_shoulder_abd=rng.uniform(-5, 25) * reach[0], r_shoulder_abd=rng.uniform(-5, 25) * reach[1],
            l_pronation=rng.uniform(-60, 50) * reach[0], r_pronation=rng.uniform(-60, 50) * reach[1],
            trunk_turn=14 * (reach[0] - reach[1]), trunk_flex=10 * reach.max(), head_flex=8 * reach.max(),
        )  # fmt: skip
        keys.append(Key(pose, rng.uniform(0.4, 1.1), rng.exponential(1.2)))
        total += keys[-1].move_s + keys[-1].hold_s
    clip.angles += keyframes(np.zeros(clip.angles.shape[1]), keys, len(clip))
    return talking_hands(clip, rng, size)


def talking_hands(clip: Clip, rng: np.random.Generator, size: float = 1.0) -> Clip:
    """Gestures of both hands, and of the trunk a little, on top of a posture, as people speak."""
    frames = len(clip)
    trunk = [CHANNEL[name] for name in ("trunk_flex", "trunk_side", "trunk_turn", "head_turn", "head_flex")]
    clip.angles[:, trunk] += size * np.deg2rad([0.5, 0.4, 0.8, 2.0, 1.5]) * smooth_noise(rng, frames, 2.0, len(trunk))
    active = size * np.clip(smooth_noise(rng, frames, 0.2)[:, 0] + 0.2, 0, 1.5)
    slow = smooth_noise(rng, frames, 1.2, 8)
    for number, name in enumerate(("shoulder_flex", "elbow_flex", "shoulder_rot", "pronation")):
        degrees = (7, 16, 7, 14)[number]
        for side in range(2):
            clip.angles[:, CHANNEL[f"{'lr'[side]}_{name}"]] += np.deg2rad(degrees) * active * slow[:, 2 * number + side]
    return clip
