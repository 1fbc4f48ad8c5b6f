"""How bodies differ: segment lengths from stature, and what a person keeps over all activities.

Segment lengths are fractions of stature H after Drillis & Contini, Body Segment Parameters, 1966, as printed in Winter,
Biomechanics and Motor Control of Human Movement, 4th ed. 2009, figure 4.1. Statures of adults follow NCD-RisC, A
century of trends in adult human height, eLife 2016 (means of Western Europe).
"""

from dataclasses import dataclass

import numpy as np

ANKLE_HEIGHT = 0.039
SHANK = 0.246
THIGH = 0.245
HIP_HEIGHT = 0.530
SHOULDER_HEIGHT = 0.818
UPPER_ARM = 0.186
FOREARM = 0.146
HAND = 0.108
FOOT = 0.152
HALF_SHOULDER_WIDTH = 0.1295
HALF_HIP_WIDTH = 0.0955 * 0.55  # half the distance of the hip joints; the trochanters stand 0.191 H apart
LUMBAR = 0.045  # lumbar joint above the hip joints
HEEL_BEHIND_ANKLE = 0.25 * FOOT
BALL_BEFORE_ANKLE = 0.45 * FOOT

STATURE_M = {"female": (1.645, 0.065), "male": (1.775, 0.070)}  # mean, deviation
TALLEST_DEVIATIONS = 2.5


@dataclass(frozen=True)
class Person:
    """What stays the same over all activities of one person.

    height_m: stature. speed: preferred walking speed relative to that of an average adult. cadence: relative step
    rate at a given speed. vigour: size of voluntary movements. tempo: their rate. arm_swing: relative. asymmetry: of
    the two sides (-0.1 to 0.1). restlessness: size and number of small movements at rest. impact: strength of heel
    strikes. lean_rad: of the trunk, forwards. toe_out_rad: of the feet. gait_style: (3, 4) offsets and first harmonics
    by which hip, knee and ankle deviate from the published mean, in rad. left_handed: which hand acts.
    """

    sex: str
    height_m: float
    speed: float
    cadence: float
    vigour: float
    tempo: float
    arm_swing: float
    asymmetry: float
    restlessness: float
    impact: float
    lean_rad: float
    toe_out_rad: float
    gait_style: np.ndarray
    left_handed: bool


def draw_person(rng: np.random.Generator) -> Person:
    """An adult: stature by sex, everything else normal or log-normal about the average of published groups."""
    sex = "female" if rng.random() < 0.5 else "male"
    mean, deviation = STATURE_M[sex]

    def normal(limit: float = TALLEST_DEVIATIONS) -> float:
        return float(np.clip(rng.standard_normal(), -limit, limit))

    style = np.clip(rng.standard_normal((3, 4)), -2, 2) * np.array([[3.5], [3.5], [2.5]]) * [0.8, 1, 1, 0.6]
    return Person(
        sex=sex,
        height_m=mean + deviation * normal(),
        speed=float(np.exp(0.12 * normal())),
        cadence=float(np.exp(0.05 * normal())),
        vigour=float(np.exp(0.2 * normal())),
        tempo=float(np.exp(0.12 * normal())),
        arm_swing=float(np.exp(0.4 * normal())),
        asymmetry=0.04 * normal(),
        restlessness=float(np.exp(0.4 * normal())),
        impact=float(np.exp(0.3 * normal())),
        lean_rad=np.deg2rad(2 + 3 * normal()),
        toe_out_rad=np.deg2rad(6 + 4 * normal()),
        gait_style=np.deg2rad(style),
        left_handed=bool(rng.random() < 0.1),
    )
