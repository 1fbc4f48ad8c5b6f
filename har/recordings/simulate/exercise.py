"""Sports and exercise: jumping, cycling, rowing, squats, ball games, as movements of the whole body."""

from collections.abc import Sequence

import numpy as np

from har.recordings.format import STANDARD_GRAVITY
from har.recordings.simulate import anthropometry as lengths
from har.recordings.simulate.anthropometry import Person
from har.recordings.simulate.clips import (
    FRAME_HZ,
    Clip,
    Key,
    Wave,
    add_waves,
    gate,
    minimum_jerk,
    repeated,
    smooth_noise,
)
from har.recordings.simulate.postures import rest, sitting, standing
from har.recordings.simulate.skeleton import CHANNEL, mirrored, pose_vector


def cyclic(
    person: Person,
    pose: np.ndarray,
    posture: str,
    keys: Sequence[Key],
    frames: int,
    rng: np.random.Generator,
    *,
    tempo: float = 1.0,
    waves: Sequence[Wave] = (),
    spread: float = 0.12,
    hand: bool = True,
    base: np.ndarray | None = None,
) -> Clip:
    """A posture with a movement repeated on top: keyframes (offsets from the pose), waves, or both.

    base: offsets held all the while. hand: written for the right hand, so mirrored for the left-handed.
    """
    clip = rest(person, pose, posture, frames, rng)
    offsets = np.zeros_like(clip.angles)
    if keys:
        offsets += repeated(rng, keys, frames, tempo * person.tempo, spread)
    add_waves(offsets, [Wave(w.channel, w.degrees, w.hertz * person.tempo * tempo, w.phase) for w in waves], rng)
    if hand and person.left_handed:
        offsets = mirrored(offsets)
    clip.angles += person.vigour**0.5 * offsets
    if base is not None:
        clip.angles += mirrored(base) if hand and person.left_handed else base
    return clip


def jumping(person: Person, frames: int, rng: np.random.Generator, *, style: str = "jump", pause: bool = False) -> Clip:
    """Jumps without end: "jump", "rope", "jacks", "hop" (on one leg) or "high" (single ones, with rests).

    "jump" is anything between a natural hopping, 2.2 a second (Farley et al., Hopping frequency in humans, J. Applied
    Physiology 1991), and jumps as high as one can keep up. In flight the pelvis falls freely; on the ground it is
    carried by a force shaped as a half sine whose mean is such that speed is kept from jump to jump. Raises
    ``ValueError`` for another style.
    """
    table = {  # jumps a second, height of flight in m, knee bend in degrees
        "jump": (1.65, 0.13, 28.0),
        "rope": (2.2, 0.06, 14.0),
        "jacks": (1.25, 0.09, 20.0),
        "hop": (1.9, 0.07, 16.0),
        "high": (0.45, 0.24, 55.0),
    }
    if style not in table:
        raise ValueError(f"jumps {style!r}; expected one of {', '.join(table)}")
    hertz, height, bend = table[style]
    height *= person.vigour**1.5 * np.exp((0.5 if style == "jump" else 0.3) * rng.standard_normal())
    flight_s = 2 * np.sqrt(2 * height / STANDARD_GRAVITY)
    if style == "jump":  # as fast as flight and time on the ground let them follow, and the deeper the higher
        hertz, bend = 1 / (flight_s + rng.uniform(0.18, 0.36)), bend * np.sqrt(height / 0.13)
    else:
        hertz = min(hertz * person.tempo**0.6, 0.85 / (flight_s + 0.12))
    clip = rest(person, standing(person, rng, hands_free=False), "stand", frames, rng)
    clip.support[:] = 0.0
    up_m_s, bent, landing, phase = _bounces(hertz, height, frames, rng, single=style == "high")
    clip.velocity[:, 2] = up_m_s
    flex = np.deg2rad(bend) * bent
    for side in "lr":
        for name, share in (("knee_flex", 1.0), ("hip_flex", 0.6), ("ankle_dorsi", 0.45)):
            clip.angles[:, CHANNEL[f"{side}_{name}"]] += share * flex - (name == "ankle_dorsi") * np.deg2rad(14) * (
                1 - bent
            )
    clip.angles[:, CHANNEL["pitch"]] += 0.15 * flex
    clip.angles[:, CHANNEL["trunk_flex"]] += 0.10 * flex
    clip.velocity[:, :2] += 0.06 * smooth_noise(rng, frames, 0.8, 2)
    _jump_arms(clip, style, phase, bent, rng, person)
    strength = 4.5 * np.sqrt(height / 0.13) * person.impact
    hits = strength * np.exp(0.2 * rng.standard_normal(len(landing)))
    if style == "hop":
        clip.impacts[landing, 1] = hits
        clip.angles[:, CHANNEL["l_knee_flex"]] += np.deg2rad(70)
        clip.angles[:, CHANNEL["l_hip_flex"]] += np.deg2rad(15)
    else:
        clip.impacts[landing] = hits[:, None]
    return clip


def _bounces(
    hertz: float, height: float, frames: int, rng: np.random.Generator, single: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Vertical velocity (T,) in m/s, bend of the legs (T,) from 0 to 1, landing frames, phase (T,) in jumps."""
    flight_s = 2 * np.sqrt(2 * height / STANDARD_GRAVITY)
    take_off = 0.5 * STANDARD_GRAVITY * flight_s
    velocity, bent, phase = np.zeros(frames), np.zeros(frames), np.zeros(frames)
    landings, begin, number = [], -rng.uniform(0, 1 / hertz), 0
    time_s = np.arange(frames) / FRAME_HZ
    while begin < frames / FRAME_HZ:
        period = np.exp(0.05 * rng.standard_normal()) / hertz
        size = np.exp(0.08 * rng.standard_normal())
        ground_s = max(period - flight_s, 0.12)
        contact_s = min(ground_s, 0.45) if single else ground_s
        t = time_s - begin
        on = (t >= 0) & (t < contact_s)
        s = t[on] / contact_s
        # From falling to rising speed with zero slope at the turn of force: half a cosine.
        velocity[on] = -size * take_off * np.cos(np.pi * s) if not single else size * take_off * _crouch(s)
        bent[on] = np.sin(np.pi * s) ** 2
        air = (t >= contact_s) & (t < contact_s + flight_s)
        velocity[air] = size * (take_off - STANDARD_GRAVITY * (t[air] - contact_s))
        if single:  # land, absorb, stand until the next
            absorb = (t >= contact_s + flight_s) & (t < contact_s + flight_s + 0.3)
            s = (t[absorb] - contact_s - flight_s) / 0.3
            velocity[absorb] = -size * take_off * (1 - s) ** 2 * np.cos(1.5 * np.pi * s)
            bent[absorb] = 0.7 * np.sin(np.pi * s) ** 2
        whole = (t >= 0) & (t < contact_s + flight_s)
        phase[whole] = number + t[whole] / (contact_s + flight_s)
        landings.append(round((begin + contact_s + flight_s) * FRAME_HZ))
        begin += max(period, contact_s + flight_s + (0.3 if single else 0.0))
        number += 1
    landed = np.array([frame for frame in landings if 0 <= frame < frames], dtype=np.int64)
    return velocity, bent, landed, phase


def _crouch(progress: np.ndarray) -> np.ndarray:
    """Velocity from rest down and up to take-off, as a share of the take-off velocity."""
    return progress**2 - 0.7 * np.sin(np.pi * progress) * (1 - progress)


def _jump_arms(
    clip: Clip, style: str, phase: np.ndarray, bent: np.ndarray, rng: np.random.Generator, person: Person
) -> None:
    angles = clip.angles
    if style == "rope":
        turn = 2 * np.pi * phase
        angles += pose_vector(shoulder_abd=16, shoulder_flex=-4, elbow_flex=58, shoulder_rot=-22, pronation=-20)
        for side in "lr":
            angles[:, CHANNEL[f"{side}_shoulder_rot"]] += np.deg2rad(9) * np.cos(turn)
            angles[:, CHANNEL[f"{side}_elbow_flex"]] += np.deg2rad(9) * np.sin(turn)
            angles[:, CHANNEL[f"{side}_wrist_dev"]] += np.deg2rad(20) * np.sin(turn)
    elif style == "jacks":
        spread = 0.5 - 0.5 * np.cos(np.pi * phase)
        for side in "lr":
            angles[:, CHANNEL[f"{side}_shoulder_abd"]] += np.deg2rad(150) * spread * person.vigour**0.3
            angles[:, CHANNEL[f"{side}_hip_abd"]] += np.deg2rad(20) * spread
    else:
        swing = rng.uniform(2, 30) if style != "high" else rng.uniform(30, 90)
        lift = np.convolve(np.pad(0.5 - bent, 12, mode="edge"), np.hanning(25) / 12, mode="valid")
        for side in "lr":
            angles[:, CHANNEL[f"{side}_shoulder_flex"]] += np.deg2rad(swing) * lift
            angles[:, CHANNEL[f"{side}_elbow_flex"]] += np.deg2rad(rng.uniform(10, 60))


def cycling(person: Person, frames: int, rng: np.random.Generator, stationary: bool = False) -> Clip:
    """Pedalling on a saddle: both ankles go round with the cranks, hip and knee follow by the law of cosines.

    Lengths are in statures. On the road the bicycle shakes and the rider coasts now and then.
    """
    clip = rest(person, sitting(person, rng), "sit", frames, rng, 1.2)
    lean = rng.uniform(12, 48)
    arms = pose_vector(shoulder_flex=52 + 0.5 * lean, shoulder_abd=10, elbow_flex=22, pronation=62, shoulder_rot=5)
    # Added up frame by frame, whatever the layout in memory.
    clip.angles -= np.ascontiguousarray(clip.angles).mean(axis=0)
    pitch = 0.55 * lean
    clip.angles += arms + pose_vector(pitch=pitch, trunk_flex=lean - pitch, head_flex=-0.7 * lean)
    moving = np.ones(frames) if stationary else gate(rng, frames, (6.0, 25.0), (1.0, 4.0))
    hertz = rng.uniform(0.85, 1.5) * person.tempo**0.5
    phase = rng.uniform() + np.cumsum(hertz * moving * (1 + 0.05 * smooth_noise(rng, frames, 0.3)[:, 0])) / FRAME_HZ
    crank, below, behind = 0.1, 0.362 + rng.uniform(-0.02, 0.008), 0.10
    for side, lag in (("r", 0.0), ("l", 0.5)):
        turn = 2 * np.pi * (phase + lag)
        x = behind + crank * np.sin(turn)
        z = -below + crank * np.cos(turn)
        reach = np.minimum(np.hypot(x, z), 0.995 * (lengths.THIGH + lengths.SHANK))
        inner = (lengths.THIGH**2 + lengths.SHANK**2 - reach**2) / (2 * lengths.THIGH * lengths.SHANK)
        knee = np.pi - np.arccos(inner)
        at_hip = (lengths.THIGH**2 + reach**2 - lengths.SHANK**2) / (2 * lengths.THIGH * reach)
        thigh = np.arctan2(x, -z) + np.arccos(np.clip(at_hip, -1, 1))
        clip.angles[:, CHANNEL[f"{side}_hip_flex"]] += thigh + np.deg2rad(pitch)
        clip.angles[:, CHANNEL[f"{side}_knee_flex"]] += knee
        clip.angles[:, CHANNEL[f"{side}_ankle_dorsi"]] += np.deg2rad(8 * np.sin(turn - 0.6)) - thigh + knee
        clip.angles[:, CHANNEL[f"{side}_hip_abd"]] += np.deg2rad(2)
    rock = np.deg2rad(rng.uniform(0.5, 2.5)) * moving * np.sin(2 * np.pi * phase)
    clip.angles[:, CHANNEL["roll"]] += rock
    clip.angles[:, CHANNEL["trunk_side"]] += 0.6 * rock
    clip.velocity[:, 1] = 0.04 * moving * np.cos(2 * np.pi * phase) * hertz
    clip.velocity[:, 2] = 0.012 * moving * np.sin(4 * np.pi * phase) * hertz
    if not stationary:
        clip.velocity[:] += road_vibration(frames, rng, rng.uniform(0.4, 1.4))
        clip.angles[:, CHANNEL["heading"]] += np.cumsum(0.10 * smooth_noise(rng, frames, 0.1)[:, 0]) / FRAME_HZ
    return clip


def road_vibration(frames: int, rng: np.random.Generator, roughness: float) -> np.ndarray:
    """Velocity (T, 3) in m/s of a vehicle that shakes: slow sway, springs at 1 to 3 Hz, wheels near 10 Hz.

    roughness 1 is about 0.1 g vertically at a bicycle's saddle.
    """
    strength = roughness * (0.6 + 0.6 * np.abs(smooth_noise(rng, frames, 0.2)))
    quick, springs = smooth_noise(rng, frames, 14.0, 3), smooth_noise(rng, frames, 3.0, 3)
    return strength * (quick * [0.008, 0.008, 0.020] + springs * [0.012, 0.015, 0.03])


def driving(person: Person, frames: int, rng: np.random.Generator) -> Clip:
    """At the wheel of a moving car: hands steer, the car turns, brakes and shakes a little."""
    pose = sitting(person, rng, table=True)
    for name in ("shoulder_flex", "elbow_flex", "pronation"):
        value = {"shoulder_flex": 58, "elbow_flex": 42, "pronation": 35}[name] + 7 * rng.standard_normal()
        for side in "lr":
            pose[CHANNEL[f"{side}_{name}"]] = np.deg2rad(value)
    pose += pose_vector(pitch=-12, trunk_flex=-4, knee_flex=-35)
    clip = rest(person, pose, "sit", frames, rng, 0.8)
    steer = 28 * np.tanh(0.3 * smooth_noise(rng, frames, 0.2)[:, 0] ** 3) + 3 * smooth_noise(rng, frames, 0.6)[:, 0]
    for side, sign in (("l", 1), ("r", -1)):
        clip.angles[:, CHANNEL[f"{side}_shoulder_flex"]] += sign * np.deg2rad(steer)
        clip.angles[:, CHANNEL[f"{side}_elbow_flex"]] -= sign * np.deg2rad(0.6 * steer)
    clip.angles[:, CHANNEL["heading"]] += np.cumsum(np.deg2rad(0.3 * steer)) / FRAME_HZ
    clip.angles[:, CHANNEL["r_ankle_dorsi"]] += np.deg2rad(6) * smooth_noise(rng, frames, 0.4)[:, 0]
    # Starts and stops at about 0.15 g, however short the drive.
    ramp_s = min(7.0, frames / FRAME_HZ / 4)
    time_s = np.arange(frames) / FRAME_HZ
    under_way = minimum_jerk(time_s / ramp_s) * minimum_jerk((time_s[-1] - time_s) / ramp_s)
    clip.velocity[:, 0] = under_way * (1.6 * ramp_s + 2 * smooth_noise(rng, frames, 0.08)[:, 0])
    clip.velocity += road_vibration(frames, rng, rng.uniform(0.08, 0.4))
    return clip


def rowing(person: Person, frames: int, rng: np.random.Generator) -> Clip:
    """Strokes on a rowing machine: the seat slides, the feet stay."""
    base = pose_vector(
        pitch=5,
        trunk_flex=25,
        hip_flex=115,
        knee_flex=115,
        ankle_dorsi=15,
        shoulder_flex=95,
        elbow_flex=8,
        pronation=80,
    )
    finish = pose_vector(
        pitch=-25,
        trunk_flex=-18,
        hip_flex=-55,
        knee_flex=-105,
        ankle_dorsi=-22,
        shoulder_flex=-85,
        elbow_flex=95,
        shoulder_abd=18,
    )
    keys = [Key(finish, 0.9, 0.05), Key(0 * finish, 1.5, 0.1)]
    clip = cyclic(person, base, "sit", keys, frames, rng, tempo=rng.uniform(0.85, 1.25), spread=0.05)
    clip.support[:] = 0.5
    return clip


def dribbling(person: Person, frames: int, rng: np.random.Generator) -> Clip:
    """Bouncing a basketball with the better hand, knees a little bent."""
    pose = standing(person, rng, hands_free=False) + pose_vector(
        pitch=10,
        trunk_flex=10,
        hip_flex=28,
        knee_flex=32,
        ankle_dorsi=14,
        r_shoulder_flex=14,
        r_elbow_flex=62,
        r_pronation=70,
    )
    hertz = rng.uniform(1.5, 2.3)
    waves = [
        Wave("r_elbow_flex", 24, hertz), Wave("r_shoulder_flex", 9, hertz, 0.05), Wave("r_wrist_flex", 24, hertz, 0.15),
        Wave("pitch", 1.5, hertz, 0.3), Wave("l_knee_flex", 3, hertz, 0.3), Wave("r_knee_flex", 3, hertz, 0.3),
    ]  # fmt: skip
    clip = cyclic(person, pose, "stand", [], frames, rng, waves=waves)
    clip.velocity[:, :2] += 0.25 * smooth_noise(rng, frames, 0.5, 2)
    return clip
