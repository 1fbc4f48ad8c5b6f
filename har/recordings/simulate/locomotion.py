"""Going on foot: walking, running, stairs, marching, with arms, trunk and pelvis, turns and pauses."""

from dataclasses import dataclass

import numpy as np

from har.recordings.simulate.anthropometry import Person
from har.recordings.simulate.clips import FRAME_HZ, Clip, Key, gate, keyframes, minimum_jerk, smooth_noise, still_clip
from har.recordings.simulate.gait import (
    GaitCycle,
    cadence_hz,
    fit_cycle,
    fourier_basis,
    fourier_slope,
    running_cadence_hz,
)
from har.recordings.simulate.postures import limb_channels, standing_pose
from har.recordings.simulate.rotations import frame_blocks
from har.recordings.simulate.skeleton import (
    CHANNEL,
    SIDES,
    chained,
    closure,
    foot_points,
    local_rotation,
    point_on,
    pose_vector,
)

RISER_M, TREAD_M = 0.17, 0.29  # of stairs in buildings, with deviations below
PREFERRED_M_S = {"walk": 1.25, "run": 2.6}
HALF_TRACK_STATURES = 0.035  # of the ball of the foot from the line of progress
STRIDE_VARIATION = 0.02  # of stride times; 2 to 3 % in healthy adults (Hausdorff, J. NeuroEngineering Rehab. 2005)
IMPACT_G = {"walk": 2.1, "run": 3.8, "upstairs": 2.2, "downstairs": 3.2, "march": 1.0, "shuffle": 0.4}
ARMS = ("swing", "pockets", "phone", "load", "free", "still")


# Amplitudes of the trunk's rocking by harmonic of the stride.
_SWAY_DEG = {
    "pitch": {2: 0.5, 4: 0.2},
    "trunk_flex": {2: 0.7, 4: 0.3},
    "trunk_side": {1: 0.9, 3: 0.45, 5: 0.15},
    "trunk_turn": {3: 0.5},
}


@dataclass(frozen=True)
class Going:
    """How to go.

    kind: of gait. pace: relative to the person's own. arms: one of ARMS. turns_per_minute: half turns, as in a
    corridor. curving_rad_s: deviation of the heading's rate. in_place: without progress. stops: whether it pauses now
    and then. arm_gain: size of the swing of the arms.
    """

    kind: str = "walk"
    pace: float = 1.0
    arms: str = "swing"
    turns_per_minute: float = 1.0
    curving_rad_s: float = 0.06
    in_place: bool = False
    stops: bool = False
    arm_gain: float = 1.0


def gait_clip(
    person: Person, going: Going, frames: int, rng: np.random.Generator, moving: np.ndarray | None = None
) -> Clip:
    """The person goes for that many frames.

    moving (frames,): between 1 (going) and 0 (standing), where that is not for ``going`` to decide. Raises
    ``ValueError`` for an unknown kind or way to hold the arms.
    """
    if going.arms not in ARMS:
        raise ValueError(f"arms {going.arms!r}; expected one of {', '.join(ARMS)}")
    cycle, steps_hz = _cycle_of(person, going, rng)
    if moving is None:
        moving = gate(rng, frames, (2.0, 12.0), (1.0, 6.0)) if going.stops else np.ones(frames)
    wander = 1 + STRIDE_VARIATION * smooth_noise(rng, frames, 0.8)[:, 0] + 0.02 * smooth_noise(rng, frames, 0.05)[:, 0]
    rate = 0.5 * steps_hz * wander * moving
    phase = rng.uniform() + np.cumsum(rate) / FRAME_HZ
    size = moving * (1 + 0.03 * smooth_noise(rng, frames, 0.5)[:, 0])
    clip = still_clip(standing_pose(person, rng), frames)
    _trunk(clip, cycle, phase, size, person, going)
    _sway(clip, cycle, phase, size * (1.2 if going.kind in ("run", "upstairs", "downstairs") else 1.0), rng)
    _legs(clip, cycle, phase, size, person)
    _arms(clip, phase, size, person, going, rng)
    clip.velocity[:] = _velocity(cycle, phase, rate, size, person, going)
    clip.angles[:, CHANNEL["heading"]] += _heading(going, frames, rng) if not going.in_place else 0.0
    strength = IMPACT_G[going.kind] * (steps_hz / (2.7 if going.kind == "run" else 1.8)) ** 1.5 * person.impact
    if going.kind == "walk":
        strength *= (cycle.stride / 0.8) ** 0.6
    _contacts(clip, cycle, phase, strength * size, rng, person)
    clip.angles += np.deg2rad(0.7) * person.restlessness * smooth_noise(rng, frames, 1.0, clip.angles.shape[1])
    # Standing still between the steps rests on both feet.
    clip.support[:] = 0.5 * (1 - moving)[:, None]
    return clip


def _cycle_of(person: Person, going: Going, rng: np.random.Generator) -> tuple[GaitCycle, float]:
    """The fitted cycle and the steps a second of this bout."""
    height, kind = person.height_m, going.kind
    pace = going.pace * person.speed * np.exp(0.04 * rng.standard_normal())
    rise = 0.0
    if kind == "walk":
        speed = np.clip(PREFERRED_M_S["walk"] * pace, 0.45, 2.3)
        steps_hz = cadence_hz(speed) * person.cadence * np.sqrt(1.7 / height)
        step = speed / steps_hz / height
    elif kind == "run":
        speed = np.clip(PREFERRED_M_S["run"] * pace, 1.6, 3.6)
        steps_hz = running_cadence_hz(speed) * person.cadence * np.sqrt(1.7 / height)
        step = speed / steps_hz / height
    elif kind in ("upstairs", "downstairs"):
        steps_hz = (1.55 if kind == "upstairs" else 1.75) * pace**0.7 * person.cadence
        step = (TREAD_M + 0.015 * np.clip(rng.standard_normal(), -2, 2)) / height
        rise = (RISER_M + 0.012 * np.clip(rng.standard_normal(), -2, 2)) / height
        rise = rise if kind == "upstairs" else -rise
    elif kind == "march":
        steps_hz, step = 1.75 * pace**0.6 * person.tempo, 0.0
    else:
        steps_hz, step = 1.6 * pace**0.5 * person.tempo, 0.13 * pace**0.5
    if going.in_place and kind == "run":
        step = 0.36
    style = person.gait_style + np.deg2rad(0.8) * rng.standard_normal(person.gait_style.shape)
    return fit_cycle(kind, float(step), float(rise), float(steps_hz), height, style), float(steps_hz)


def _legs(clip: Clip, cycle: GaitCycle, phase: np.ndarray, size: np.ndarray, person: Person) -> None:
    """Hip, knee and ankle of both legs, scaled towards standing where ``size`` is below 1."""
    pelvis_turn = _pelvis_turn(cycle, 2 * np.pi * phase, size)
    # The cycle is fitted with its mean tilt; what the pelvis rocks beyond it is not the legs' business.
    rocking = clip.angles[:, CHANNEL["pitch"]] - size * np.deg2rad(cycle.kind.pelvis_tilt_deg)
    for side, lag in (("r", 0.0), ("l", 0.5 + 0.25 * person.asymmetry)):
        sagittal = fourier_basis(phase + lag) @ cycle.angles.T
        gain = size * (1 + (0.5 if side == "l" else -0.5) * person.asymmetry)
        for number, name in enumerate(("hip_flex", "knee_flex", "ankle_dorsi")):
            column = CHANNEL[f"{side}_{name}"]
            clip.angles[:, column] += gain * (sagittal[:, number] - clip.angles[:, column])
        clip.angles[:, CHANNEL[f"{side}_hip_flex"]] += rocking
        # The leg's plane keeps its direction while the pelvis turns above it; the toes point outwards already.
        clip.angles[:, CHANNEL[f"{side}_hip_rot"]] += SIDES[side] * pelvis_turn
    _track(clip, cycle, phase, size, person)


def _track(clip: Clip, cycle: GaitCycle, phase: np.ndarray, size: np.ndarray, person: Person) -> None:
    """Abduct the hips so that each foot keeps its track beside the line of progress while the pelvis sways over it."""
    ball = foot_points(person.height_m)["ball"]
    shift = _lateral_shift(cycle, 2 * np.pi * phase, size)
    for rows in frame_blocks(len(clip)):
        angles = clip.angles[rows]
        local = {segment: local_rotation(segment, angles) for segment in closure(f"{side}_foot" for side in SIDES)}
        for newton in range(2):
            if newton:  # only the hips have moved
                local |= {f"{side}_thigh": local_rotation(f"{side}_thigh", angles) for side in SIDES}
            pose = chained(local, person.height_m)
            for side, sign in SIDES.items():
                foot, hip = point_on(pose, f"{side}_foot", ball), pose.origin[f"{side}_thigh"]
                away = person.height_m * (sign * HALF_TRACK_STATURES - shift[rows]) - foot[:, 1]
                angles[:, CHANNEL[f"{side}_hip_abd"]] += sign * away / (hip[:, 2] - foot[:, 2])


def _pelvis_turn(cycle: GaitCycle, turn: np.ndarray, size: np.ndarray) -> np.ndarray:
    return size * np.deg2rad(cycle.kind.pelvis_turn_deg) * np.cos(turn)


def _pelvis_roll(cycle: GaitCycle, turn: np.ndarray, size: np.ndarray) -> np.ndarray:
    return -size * np.deg2rad(cycle.kind.pelvis_roll_deg) * np.sin(turn)


def _lateral_shift(cycle: GaitCycle, turn: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Sway of the pelvis to the left in statures; to the right while the right foot bears the weight."""
    amplitude = 0.006 if cycle.kind.free_fall else 0.012
    return -size * amplitude * np.sin(turn - 2 * np.pi * 0.05)


def _trunk(clip: Clip, cycle: GaitCycle, phase: np.ndarray, size: np.ndarray, person: Person, going: Going) -> None:
    turn = 2 * np.pi * phase
    angles = clip.angles
    pelvis_turn, roll = _pelvis_turn(cycle, turn, size), _pelvis_roll(cycle, turn, size)
    angles[:, CHANNEL["twist"]] += pelvis_turn
    angles[:, CHANNEL["roll"]] += roll
    tilt = np.deg2rad(cycle.kind.pelvis_tilt_deg)
    wobble = np.deg2rad(0.6) * size * np.cos(2 * turn + 1.0)
    angles[:, CHANNEL["pitch"]] += size * tilt + wobble
    lean = {"run": 6.0, "upstairs": 8.0, "downstairs": 1.0}.get(going.kind, 2.0)
    angles[:, CHANNEL["trunk_flex"]] += person.lean_rad + size * (np.deg2rad(lean) - tilt) - 0.6 * wobble
    swing = np.deg2rad(4.0 if going.arms == "swing" else 1.5) * person.arm_swing**0.5
    angles[:, CHANNEL["trunk_turn"]] -= pelvis_turn + size * swing * np.cos(turn)
    angles[:, CHANNEL["trunk_side"]] += 0.75 * roll
    angles[:, CHANNEL["head_turn"]] += size * swing * np.cos(turn)
    angles[:, CHANNEL["head_flex"]] -= 0.5 * (person.lean_rad + size * np.deg2rad(lean))
    if going.kind == "shuffle":
        angles[:, CHANNEL["trunk_flex"]] += np.deg2rad(12.0)


def _sway(clip: Clip, cycle: GaitCycle, phase: np.ndarray, size: np.ndarray, rng: np.random.Generator) -> None:
    """Rocking of the trunk in step, by harmonics of the stride that differ from bout to bout: forwards and back with
    the steps, sideways with the strides (Kavanagh & Menz, Accelerometry, Gait & Posture 2008). At the rate of the steps
    it follows from inertia, and is small: the trunk tips forwards while the body is braked, back while it is pushed,
    and the head is held still against it."""
    braked = None
    if cycle.kind.surge_g is not None:
        braked = -2 * cycle.kind.bounce_phase - 0.25 * np.sign(cycle.kind.surge_g)
    for channel, harmonics in _SWAY_DEG.items():
        for harmonic, degrees in harmonics.items():
            lag = rng.uniform()
            if harmonic == 2 and braked is not None:
                lag, degrees = braked + 0.1 * rng.standard_normal(), 0.3 * degrees
            wave = np.cos(2 * np.pi * (harmonic * phase + lag))
            clip.angles[:, CHANNEL[channel]] += np.deg2rad(degrees) * np.exp(0.4 * rng.standard_normal()) * size * wave


def _arms(
    clip: Clip, phase: np.ndarray, size: np.ndarray, person: Person, going: Going, rng: np.random.Generator
) -> None:
    """Arms swing against the legs; hands in pockets, at the phone or carrying something hardly do."""
    angles, running = clip.angles, going.kind == "run"
    near = "l" if person.left_handed else "r"
    amplitude = {"run": 26.0, "upstairs": 9.0, "downstairs": 9.0, "shuffle": 5.0, "march": 14.0}.get(going.kind, 15.0)
    amplitude *= person.arm_swing * going.arm_gain * (max(going.pace, 0.3) if going.kind == "walk" else 1.0)
    for side, lag in (("r", 0.0), ("l", 0.5)):
        wave = -np.cos(2 * np.pi * (phase + lag) - 0.3)
        held = going.arms in ("pockets", "load", "still") or (going.arms == "phone" and side == near)
        gain = (0.15 if held else 1.0) * amplitude * np.exp(0.15 * rng.standard_normal())
        swing = np.deg2rad(gain) * size * wave
        # Shoulders lag a little; the elbow bends as the arm comes forwards (Murray, Sepic & Barnard 1967).
        angles[:, CHANNEL[f"{side}_shoulder_flex"]] += swing + (np.deg2rad(-8.0) if running else 0.0)
        angles[:, CHANNEL[f"{side}_elbow_flex"]] += 0.55 * swing + size * (np.deg2rad(70.0) if running else 0.0)
        angles[:, CHANNEL[f"{side}_shoulder_rot"]] += np.deg2rad(18.0) * size * running
        angles[:, CHANNEL[f"{side}_pronation"]] += 0.2 * swing
    angles += _held_arms(going.arms, near, rng)
    if going.arms == "free":
        hands = [Key(_gesture(rng), rng.uniform(0.4, 1.0), rng.uniform(0.2, 3.0)) for _ in range(2 + len(clip) // 150)]
        angles += keyframes(np.zeros(angles.shape[1]), hands, len(clip))


def _held_arms(arms: str, near: str, rng: np.random.Generator) -> np.ndarray:
    spread = 1 + 0.15 * rng.standard_normal()
    if arms == "pockets":
        return spread * pose_vector(shoulder_flex=-8, shoulder_abd=14, elbow_flex=35, shoulder_rot=10, pronation=30)
    if arms == "phone":
        return spread * pose_vector(
            **{
                f"{near}_shoulder_flex": 25,
                f"{near}_elbow_flex": 85,
                f"{near}_shoulder_rot": 25,
                f"{near}_pronation": -45,
            }
        )
    if arms == "load":
        both = rng.random() < 0.5
        return spread * (
            pose_vector(shoulder_flex=22, elbow_flex=75, shoulder_rot=15) if both else pose_vector(elbow_flex=-8)
        )
    return pose_vector()


def _gesture(rng: np.random.Generator) -> np.ndarray:
    """Both hands somewhere in front of the body, as in talking."""
    size = rng.uniform(0, 1, 2)
    return pose_vector(
        l_shoulder_flex=30 * size[0], l_elbow_flex=70 * size[0], l_shoulder_rot=20 * size[0], l_pronation=-30 * size[0],
        r_shoulder_flex=30 * size[1], r_elbow_flex=70 * size[1], r_shoulder_rot=20 * size[1], r_pronation=-30 * size[1],
    )  # fmt: skip


def _velocity(
    cycle: GaitCycle, phase: np.ndarray, rate: np.ndarray, size: np.ndarray, person: Person, going: Going
) -> np.ndarray:
    """Prescribed velocity of the pelvis (T, 3) in m/s: progress and sway of the cycle, turned into time."""
    slope = fourier_slope(phase) @ cycle.path.T
    forwards = cycle.stride + slope[:, 0]
    if going.in_place:
        forwards = slope[:, 0]
    turn = 2 * np.pi * phase
    sideways = np.gradient(_lateral_shift(cycle, turn, size)) * FRAME_HZ
    upwards = cycle.rise + slope[:, 1]
    return person.height_m * np.stack([size * rate * forwards, sideways, size * rate * upwards], axis=1)


def _contacts(
    clip: Clip, cycle: GaitCycle, phase: np.ndarray, strength: np.ndarray, rng: np.random.Generator, person: Person
) -> None:
    """Impacts where a foot comes down."""
    landing = min(cycle.kind.heel[0], cycle.kind.ball[0])
    for column, lag in ((1, 0.0), (0, 0.5 + 0.25 * person.asymmetry)):
        count = np.floor(phase + lag - landing)
        frames = np.flatnonzero(np.diff(count) > 0)
        clip.impacts[frames, column] = strength[frames] * np.exp(0.25 * rng.standard_normal(len(frames)))


def _heading(going: Going, frames: int, rng: np.random.Generator) -> np.ndarray:
    """Heading (T,) in rad: slow curves and half turns."""
    curve = np.cumsum(going.curving_rad_s * smooth_noise(rng, frames, 0.15)[:, 0]) / FRAME_HZ
    number = rng.poisson(going.turns_per_minute * frames / FRAME_HZ / 60)
    time_s = np.arange(frames) / FRAME_HZ
    for begin in rng.uniform(0, frames / FRAME_HZ, number):
        angle = rng.choice([-1, 1]) * rng.choice([np.pi / 2, np.pi], p=[0.4, 0.6])
        curve = curve + angle * minimum_jerk((time_s - begin) / rng.uniform(1.2, 2.4))
    return curve


def stepping(clip: Clip, speed_m_s: float, person: Person, rng: np.random.Generator) -> Clip:
    """Short steps now and then beneath what the upper body does."""
    steps = gait_clip(
        person, Going("walk", pace=0.42 if speed_m_s < 0.4 else 0.9, arms="still", stops=True), len(clip), rng
    )
    share = np.clip(steps.impacts.max(axis=1), 0, 1)
    # Between the steps the legs do what the movement asks.
    walking = np.convolve(share, np.hanning(120) / 6, mode="same").clip(0, 1)[: len(clip), None]
    legs = [*limb_channels("l", arm=False), *limb_channels("r", arm=False)]
    clip.angles[:, legs] += 0.7 * walking * (steps.angles[:, legs] - clip.angles[:, legs])
    clip.angles[:, CHANNEL["heading"]] += steps.angles[:, CHANNEL["heading"]]
    clip.velocity += 0.7 * steps.velocity
    clip.velocity[:, :2] += 0.3 * speed_m_s * smooth_noise(rng, len(clip), 0.5, 2)
    clip.impacts += 0.7 * steps.impacts
    return clip
