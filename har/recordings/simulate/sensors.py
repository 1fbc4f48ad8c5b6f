"""Virtual accelerometers and gyroscopes: where they sit, what an ideal one measures, and what devices make of it.

Physics. With R the orientation of the device in the world, p its position and g = (0, 0, -9.81 m/s^2):

    specific force   f = R^T (p'' - g)          what an accelerometer measures, 1 g upwards at rest
    angular rate     R' = R [w]x                what a gyroscope measures, along the axes of the device

Impacts. At each contact of a foot every sensor is shaken by a damped oscillation of soft tissue, a displacement of a
few millimetres along the world's vertical and the direction of progress. Its frequency (8 to 20 Hz) and its share of
the acceleration at the foot depend on the segment: the shock of a step is damped on its way from the shank to the head
(Lafortune, Lake & Hennig, Differential shock transmission response of the human body, Journal of Biomechanics 1996;
Menz, Lord & Fitzpatrick, Acceleration patterns of the head and pelvis, Gait & Posture 2003).

Movements are never as smooth as their plan: motor noise grows with the movement (Harris & Wolpert, Signal-dependent
noise determines motor planning, Nature 1998). Every sensor trembles by a little at rest and by UNSTEADY_G for each
rad/s that its segment turns.

Loose devices, as a phone in a pocket, move against the body as a damped oscillator driven by the specific force, and
turn as they move.
"""

import functools
from dataclasses import dataclass

import numpy as np

from har.recordings.format import STANDARD_GRAVITY
from har.recordings.simulate.clips import FRAME_HZ, smooth_noise
from har.recordings.simulate.rotations import (
    frame_blocks,
    rotation_of,
    times_constant,
    turn,
    turn_back,
    uniform_rotation,
    vector_of,
)
from har.recordings.simulate.skeleton import Pose, point_on

GRAVITY = np.array([0.0, 0.0, -STANDARD_GRAVITY])
PULSE_FRAMES = 3  # over which a contact is spread: 30 ms
TREMOR_HZ, TREMOR_DECAY = 6.0, 0.8  # of muscles (Elble & Koller, Tremor, 1990); decay of the resonance a frame
UNSTEADY_G = 0.03  # standard deviation of what muscles add for each rad/s of a segment's turning
TREMOR_LEVER_M = 0.12  # by which a displacement becomes a rotation


@dataclass(frozen=True)
class Placement:
    """A place on the body. Offsets are in statures in the segment's frame.

    axes (3, 3): columns are the directions of a typical device (x right, y up, z out of the body) in the segment's
    frame, for a hanging limb. impact: share of the acceleration at the foot of the same side, of the other side.
    tissue_hz, damping: of the oscillation after an impact. tremor_g: of muscles, standard deviation of an axis.
    """

    segment: str
    offset: tuple[float, float, float]
    axes: np.ndarray
    impact: tuple[float, float]
    tissue_hz: float
    damping: float = 0.25
    tremor_g: float = 0.002


def facing(outwards: str) -> np.ndarray:
    """Device axes of a device whose back touches the body's front, back, left or right side and whose top is up."""
    z = {"front": (1.0, 0, 0), "back": (-1.0, 0, 0), "left": (0, 1.0, 0), "right": (0, -1.0, 0)}[outwards]
    y = np.array([0, 0, 1.0])
    return np.stack([np.cross(y, z), y, z], axis=1)


def _sided() -> dict[str, Placement]:
    """Places of which there are two; offsets towards the outer side are positive."""
    table = {}
    for side, sign, name in (("l", 1, "left"), ("r", -1, "right")):
        front, outer, watch = facing("front"), facing(name), _watch(name)
        rows = {
            "wrist": ("forearm", (0.0, 0.014, -0.128), watch, (0.055, 0.035), 11, 0.3, 0.002),
            "hand": ("hand", (0.01, -0.012, -0.05), watch, (0.05, 0.04), 10, 0.4, 0.004),
            "upper arm": ("upper_arm", (0.0, 0.03, -0.09), outer, (0.07, 0.06), 10, 0.35),
            "front pocket": ("thigh", (0.045, 0.02, -0.06), front, (0.20, 0.08), 12),
            "back pocket": ("pelvis", (-0.06, 0.04, -0.01), facing("back"), (0.16, 0.10), 11),
            "thigh": ("thigh", (0.045, 0.01, -0.13), front, (0.24, 0.07), 13),
            "outer thigh": ("thigh", (0.0, 0.045, -0.12), outer, (0.24, 0.07), 13),
            "shank": ("shank", (0.02, 0.01, -0.12), front, (0.50, 0.07), 16),
            "ankle": ("shank", (0.0, 0.025, -0.21), outer, (0.70, 0.08), 18, 0.3),
            "hip": ("pelvis", (0.0, 0.085, 0.03), outer, (0.16, 0.10), 11),
            "jacket pocket": ("trunk", (0.05, 0.07, 0.0), front, (0.13, 0.10), 9, 0.3),
        }
        for place, (segment, (forwards, outwards, up), *rest) in rows.items():
            whole = segment if segment in ("pelvis", "trunk") else f"{side}_{segment}"
            table[f"{name} {place}"] = Placement(whole, (forwards, sign * outwards, up), *rest)
    return table


def _watch(side: str) -> np.ndarray:
    """Display out of the back of the hand, three o'clock towards the left hand's fingers and the right hand's elbow."""
    z = np.array([0, 1.0 if side == "left" else -1.0, 0])
    x = np.array([0, 0, -1.0 if side == "left" else 1.0])
    return np.stack([x, np.cross(z, x), z], axis=1)


PLACEMENTS = {
    "waist": Placement("pelvis", (0.055, 0.0, 0.05), facing("front"), (0.155, 0.155), 10),
    "lower back": Placement("pelvis", (-0.06, 0.0, 0.05), facing("back"), (0.165, 0.165), 12),
    "chest": Placement("trunk", (0.06, 0.0, 0.16), facing("front"), (0.12, 0.12), 10, 0.3, 0.003),
    "shirt pocket": Placement("trunk", (0.06, 0.04, 0.18), facing("front"), (0.12, 0.12), 8, 0.25),
    "head": Placement("head", (0.0, 0.04, 0.10), facing("left"), (0.05, 0.05), 8, 0.4),
} | _sided()


@dataclass(frozen=True)
class Looseness:
    """How freely a device moves where it is kept.

    hertz, damping: of its motion against the body. room_m: how far it can move. turn_rad_m: by how much it turns as it
    moves. slide_rad: how far it slowly turns by itself.
    """

    hertz: float = 7.0
    damping: float = 0.35
    room_m: float = 0.0
    turn_rad_m: float = 0.0
    slide_rad: float = 0.0


def specific_force(position: np.ndarray, rotation: np.ndarray, rate_hz: float) -> np.ndarray:
    """f = R^T (p'' - g) in m/s^2: position (..., T, 3) in m, rotation (..., T, 3, 3) -> (..., T, 3).

    p'' by the second central difference; the two ends repeat their neighbours.
    """
    acceleration = np.empty_like(position)
    inner = acceleration[..., 1:-1, :]
    np.subtract(position[..., 2:, :], 2 * position[..., 1:-1, :], out=inner)
    inner += position[..., :-2, :]
    inner *= rate_hz**2
    acceleration[..., 0, :], acceleration[..., -1, :] = acceleration[..., 1, :], acceleration[..., -2, :]
    acceleration[..., 2] -= GRAVITY[2]  # the only axis that has any
    return turn_back(rotation, acceleration)


def angular_rate(rotation: np.ndarray, rate_hz: float) -> np.ndarray:
    """w of R' = R [w]x in rad/s: rotation (..., T, 3, 3) -> (..., T, 3).

    The rotation vector from one frame to the next is w at half way between them; a frame takes the mean of its two
    sides, the ends the one side that they have.
    """
    before, after = rotation[..., :-1, :, :], rotation[..., 1:, :, :]
    between = np.empty(before.shape[:-1])
    for rows in frame_blocks(before.shape[-3]):
        between[..., rows, :] = vector_of(np.swapaxes(before[..., rows, :, :], -1, -2) @ after[..., rows, :, :])
    between *= rate_hz
    rate = np.empty(rotation.shape[:-1])
    rate[..., 0, :], rate[..., -1, :] = between[..., 0, :], between[..., -1, :]
    rate[..., 1:-1, :] = 0.5 * (between[..., 1:, :] + between[..., :-1, :])
    return rate


def impact_displacement(impacts: np.ndarray, placement: Placement) -> np.ndarray:
    """Shaking of soft tissue (T,) in m after contacts (T, 2) of the left and right foot in g at the foot.

    A damped oscillator after a pulse of PULSE_FRAMES, scaled so that its peak acceleration is the placement's share of
    the contact's.
    """
    near, far = placement.impact
    left, right = (near, far) if placement.segment.startswith("l_") else (far, near)
    if placement.segment in ("pelvis", "trunk", "head") and placement.offset[1] > 0:
        left, right = near, far
    drive = left * impacts[:, 0] + right * impacts[:, 1]
    if not drive.any():
        return np.zeros(len(impacts))
    response = _impact_response(placement.tissue_hz, placement.damping)
    return STANDARD_GRAVITY * np.convolve(drive, response)[: len(drive)]


@functools.cache
def _impact_response(hertz: float, damping: float) -> np.ndarray:
    """Displacement (frames,) in s^2 after a pulse, with a peak acceleration of 1 as second differences see it."""
    frames = np.arange(round(FRAME_HZ))
    omega = 2 * np.pi * hertz
    ringing = np.exp(-damping * omega * frames / FRAME_HZ) * np.sin(omega * np.sqrt(1 - damping**2) * frames / FRAME_HZ)
    response = np.convolve(ringing, np.hanning(PULSE_FRAMES + 2)[1:-1])
    return response / (np.abs(np.diff(response, 2, prepend=[0, 0])).max() * FRAME_HZ**2)


def loose_motion(force: np.ndarray, looseness: Looseness, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Displacement (T, 3) in m and rotation vector (T, 3) of a loose device in the body's segment.

    force (T, 3): specific force at the place in the segment's frame, m/s^2. x'' + 2 zeta omega x' + omega^2 x =
    -(f - mean f), limited to the room by tanh; the mean is what the pocket carries.
    """
    if not looseness.room_m:
        return np.zeros_like(force), np.zeros_like(force)
    from scipy.ndimage import uniform_filter1d
    from scipy.signal import lfilter

    omega = 2 * np.pi * looseness.hertz
    drive = force - uniform_filter1d(force, round(1.5 * FRAME_HZ), axis=0, mode="nearest")
    step = omega / FRAME_HZ
    # Implicit differences: stable whatever the frequency.
    a0 = 1 + 2 * looseness.damping * step + step**2
    displacement = lfilter([-1 / FRAME_HZ**2], [a0, -2 - 2 * looseness.damping * step, 1.0], drive, axis=0)
    displacement = looseness.room_m * np.tanh(displacement / looseness.room_m)
    lever = uniform_rotation(rng) * np.array([1.0, 0.6, 0.6])
    turning = looseness.turn_rad_m * displacement @ lever
    slide = looseness.slide_rad * smooth_noise(rng, len(force), 0.02, 3)
    return displacement, turning + slide


def ideal_signals(
    pose: Pose,
    root: np.ndarray,
    impacts: np.ndarray,
    placement: Placement,
    mount: np.ndarray,
    looseness: Looseness,
    height_m: float,
    rng: np.random.Generator,
    gyroscope: bool = True,
) -> tuple[np.ndarray, np.ndarray | None]:
    """What an ideal device measures at the placement: specific force (T, 3) in m/s^2 and angular rate (T, 3) in rad/s.

    root (T, 3): path of the pelvis. mount (3, 3): axes of the device in the segment's frame, as columns. gyroscope:
    False gives None for the angular rate.
    """
    position, rotation = device_motion(pose, root, impacts, placement, mount, looseness, height_m, rng)
    force = specific_force(position, rotation, FRAME_HZ)
    return force, angular_rate(rotation, FRAME_HZ) if gyroscope else None


def device_motion(
    pose: Pose,
    root: np.ndarray,
    impacts: np.ndarray,
    placement: Placement,
    mount: np.ndarray,
    looseness: Looseness,
    height_m: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Path (T, 3) in m and orientation (T, 3, 3) of a device; the arguments are those of ``ideal_signals``."""
    segment = pose.rotation[placement.segment]
    offset = height_m * np.array(placement.offset)
    position = root + point_on(pose, placement.segment, offset)
    shake = impact_displacement(impacts, placement)
    direction = rng.standard_normal(2) * np.array([0.6, 0.45])
    for axis, share in enumerate((*direction, 1.0)):
        position[:, axis] += shake * share
    shaking = tremor(rng, segment, placement.tremor_g)
    position += shaking
    turning = turn_back(segment, shaking)[:, [1, 2, 0]] / TREMOR_LEVER_M
    if looseness.room_m or looseness.slide_rad:
        force = specific_force(position, segment, FRAME_HZ)
        displacement, loose = loose_motion(force, looseness, rng)
        position += turn(segment, displacement)
        turning += loose
    rotation = np.empty_like(segment)
    for rows in frame_blocks(len(segment)):
        rotation[rows] = times_constant(segment[rows] @ rotation_of(turning[rows]), mount)
    return position, rotation


def tremor(rng: np.random.Generator, rotation: np.ndarray, rest_g: float) -> np.ndarray:
    """Displacement (T, 3) in m of muscles that tremble: white noise, twice through a resonance.

    rotation (T, 3, 3): of the segment. rest_g: deviation of an axis' acceleration at rest; movement adds to it.
    """
    from scipy.ndimage import uniform_filter1d
    from scipy.signal import lfilter

    poles = _tremor_poles()
    noise = rng.standard_normal(rotation.shape[:-1])
    noise = lfilter([1.0], poles, lfilter([1.0], poles, noise, axis=0), axis=0)
    speed = np.linalg.norm(angular_rate(rotation, FRAME_HZ), axis=-1)
    rest_g = rest_g * np.exp(0.4 * rng.standard_normal())
    size_g = rest_g + UNSTEADY_G * uniform_filter1d(speed, round(0.3 * FRAME_HZ), mode="nearest")
    size_m = STANDARD_GRAVITY / FRAME_HZ**2 / _tremor_deviation() * size_g
    for axis in range(3):
        noise[:, axis] *= size_m
    return noise


def _tremor_poles() -> list[float]:
    return [1.0, -2 * TREMOR_DECAY * np.cos(2 * np.pi * TREMOR_HZ / FRAME_HZ), TREMOR_DECAY**2]


@functools.cache
def _tremor_deviation() -> float:
    """Standard deviation of the second differences of white noise that went twice through the resonance."""
    angle = np.pi * (np.arange(4096) + 0.5) / 4096
    back = np.exp(-1j * angle)
    first, second, third = _tremor_poles()
    gain = np.abs(1 - back) ** 2 / np.abs(first + second * back + third * back**2) ** 2
    return float(np.sqrt(np.mean(gain**2)))
