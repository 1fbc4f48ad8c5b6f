"""A small generated corpus: three dataset folders made of simple signal models, no download needed.

It lets training and tests run where no dataset is prepared. It is no substitute for recordings: every activity is a
periodic motion of one rigid segment of the body. With phase p(t) of the movement (one turn a step, jump, pedal turn or
squat), swing angle a(t) about a lateral axis e and upward direction u(t) in the frame of the device,

    a(t)  = A cos(r p)                                    legs and arms swing once in two steps: r = 1/2
    u(t)  = u0 cos a - (e x u0) sin a                     gravity as the turning device sees it
    f(t)  = u (1 + B sum_h s^(h-1) cos(h p)) + B (0.4 cos(p + 1) u x e + 0.25 cos(p / 2) e)
    w(t)  = a' e + Y cos(p / 2) u                         so that u' = -w x u, as for any rigid body

f is specific force in g, w the angular rate. B, s, A and Y differ by activity and placement, tempo and strength by
person and with time; each person wears the device turned a little from its typical mounting; devices have bias, white
noise and a range. Tempos and amplitudes follow trunk and limb accelerations in gait (Menz et al., Gait & Posture 2003;
Kavanagh and Menz, Gait & Posture 2008) in order of magnitude only.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from har.recordings.format import DatasetWriter, StreamInfo

ACC = ("acc_x", "acc_y", "acc_z")
GYRO = ("gyro_x", "gyro_y", "gyro_z")
SECONDS = 60.0  # of each activity and person
HARMONICS = 4  # the fastest one, of running, stays below half of the watch's 25 Hz

TEMPO_DEVIATION, TEMPO_LIMIT = 0.05, 0.10  # of people, relative
STRENGTH_DEVIATION = 0.2  # of people, of the logarithm
MOUNTING_DEVIATION_DEG = 10.0
ACC_NOISE_G, ACC_BIAS_G = 0.008, 0.01
GYRO_NOISE_RAD_S, GYRO_BIAS_RAD_S = 0.01, 0.005
SWAY_DEG = 2.0  # slow tilting, of postures too
TEMPO_WANDER_S = 0.02  # how far steps run ahead or behind
STRENGTH_WANDER = 0.1  # relative


@dataclass(frozen=True)
class Motion:
    """One activity as a periodic movement of the whole body.

    tempo_hz: steps, jumps, pedal turns or squats a second; 0 for a posture. bounce_g: amplitude of the vertical
    acceleration. sharpness: ratio of each harmonic to the one below it, near 1 for hard impacts. swing_turns: swings of
    the limbs a step. twist_rad_s: amplitude of the turning about the vertical.
    """

    tempo_hz: float = 0.0
    bounce_g: float = 0.0
    sharpness: float = 0.0
    swing_turns: float = 0.5
    twist_rad_s: float = 0.0


MOTIONS = {
    "walking": Motion(1.9, 0.28, 0.5, 0.5, 0.5),
    "running": Motion(2.7, 1.0, 0.45, 0.5, 1.1),
    "walking upstairs": Motion(1.55, 0.20, 0.3, 0.5, 0.35),
    "walking downstairs": Motion(1.8, 0.34, 0.75, 0.5, 0.4),
    "jumping": Motion(2.1, 1.5, 0.3, 1.0, 0.1),
    "cycling": Motion(1.2, 0.05, 0.6, 1.0, 0.1),
    "squatting": Motion(0.45, 0.2, 0.4, 1.0, 0.05),
    "standing": Motion(),
    "sitting": Motion(),
    "lying": Motion(),
}


@dataclass(frozen=True)
class Place:
    """A placement: how the device lies there, activity by activity.

    Device frame: x to the wearer's right, y up, z out of the body when the segment hangs (wrist: x towards the hand, z
    out of the back of the hand). lateral: the axis about which the segment swings. up: upward direction, in which an
    absent activity is as standing. swing_deg: amplitude, absent for none. share: of the bounce that arrives there.
    """

    lateral: tuple[float, float, float]
    up: dict[str, tuple[float, float, float]]
    swing_deg: dict[str, float]
    share: float


PLACES = {
    "trouser pocket": Place(
        lateral=(1, 0, 0),
        up={
            "standing": (0, 1, 0.05),
            "walking upstairs": (0, 0.94, 0.34),
            "walking downstairs": (0, 0.98, 0.17),
            "running": (0, 0.97, 0.25),
            "cycling": (0, 0.64, 0.77),
            "squatting": (0, 0.77, 0.64),
            "sitting": (0, 0.17, 0.98),  # thigh horizontal
            "lying": (0, -0.05, 1),
        },
        swing_deg={
            "walking": 22,
            "running": 35,
            "walking upstairs": 28,
            "walking downstairs": 15,
            "jumping": 8,
            "cycling": 25,
            "squatting": 38,
        },
        share=1.0,
    ),
    "right wrist": Place(
        lateral=(0, 0, 1),
        up={
            "standing": (-1, 0, 0.1),  # arm hangs
            "running": (-0.2, 0.97, 0.1),  # elbow bent, thumb up
            "cycling": (-0.3, 0.7, 0.65),
            "sitting": (0, 0.2, 0.98),  # hand in the lap, watch up
            "lying": (0.1, 0.85, 0.5),
            "squatting": (-0.1, 0.9, 0.4),  # arms held forward
        },
        swing_deg={
            "walking": 20,
            "running": 40,
            "walking upstairs": 14,
            "walking downstairs": 12,
            "jumping": 18,
            "squatting": 10,
        },
        share=0.85,
    ),
    "waist": Place(
        lateral=(1, 0, 0),
        up={
            "standing": (0, 1, 0.05),
            "running": (0, 0.98, -0.17),  # leaning forward
            "walking upstairs": (0, 0.98, -0.14),
            "cycling": (0, 0.8, -0.6),
            "squatting": (0, 0.94, -0.34),
            "sitting": (0, 0.91, 0.42),  # pelvis tilted back
            "lying": (0, 0.05, 1),
        },
        swing_deg={
            "walking": 3,
            "running": 6,
            "walking upstairs": 5,
            "walking downstairs": 4,
            "jumping": 6,
            "cycling": 3,
            "squatting": 15,
        },
        share=0.9,
    ),
}


@dataclass(frozen=True)
class GeneratedDataset:
    """Its device, and its activities with the wording that it uses for them."""

    stream: StreamInfo
    phrases: dict[str, str]


DATASETS = {
    "sim_phone": GeneratedDataset(
        StreamInfo("phone", "simulated phone", "trouser pocket", ACC + GYRO, 50.0, accelerometer_range_g=8.0),
        {
            "walking": "walking",
            "running": "running",
            "walking upstairs": "walking upstairs",
            "walking downstairs": "walking downstairs",
            "sitting": "sitting",
            "standing": "standing",
            "cycling": "cycling",
            "jumping": "jumping",
        },
    ),
    "sim_watch": GeneratedDataset(
        StreamInfo("watch", "simulated watch", "right wrist", ACC, 25.0, accelerometer_range_g=4.0),
        {
            "walking": "walking normally",
            "running": "jogging",
            "walking upstairs": "going up the stairs",
            "walking downstairs": "going down the stairs",
            "sitting": "sitting on a chair",
            "standing": "standing still",
            "lying": "lying",
            "squatting": "doing squats",
            "jumping": "jumping on the spot",
        },
    ),
    "sim_belt": GeneratedDataset(
        StreamInfo("belt", "simulated belt sensor", "waist", ACC + GYRO, 100.0, accelerometer_range_g=16.0),
        {
            "walking": "walking",
            "running": "running",
            "walking upstairs": "ascending stairs",
            "walking downstairs": "descending stairs",
            "sitting": "sitting",
            "standing": "standing",
            "lying": "lying",
            "jumping": "jumping",
            "cycling": "riding a bike",
        },
    ),
}
GENERATED_NAMES = tuple(DATASETS)


@dataclass(frozen=True)
class Person:
    """What stays the same over all activities of one person: tempo and strength relative to the table of motions, the
    rotation (3, 3) of the worn device against its typical mounting, and the biases of that device."""

    tempo: float
    strength: float
    mounting: np.ndarray
    acc_bias_g: np.ndarray
    gyro_bias_rad_s: np.ndarray

    def tempo_hz(self, activity: str) -> float:
        """Steps, jumps, pedal turns or squats a second; 0 for a posture."""
        return MOTIONS[activity].tempo_hz * self.tempo


def write_generated_corpus(
    data_root: Path, seed: int, people: int = 12, progress: Callable[[Sequence[str]], Iterable[str]] = iter
) -> list[str]:
    """Write the folders ``GENERATED_NAMES`` below ``data_root``; returns their names.

    The same seed gives identical bytes; person k of a dataset is the same whatever ``people`` is. progress: wraps the
    names, e.g. a progress bar. Raises ``ValueError`` for a negative seed or fewer than one person.
    """
    if people < 1 or seed < 0:
        raise ValueError(f"seed {seed} and {people} people; expected a seed of at least 0 and at least one person")
    for name in progress(GENERATED_NAMES):
        dataset = DATASETS[name]
        with DatasetWriter(
            Path(data_root) / name,
            title=f"Generated corpus: {dataset.stream.placement}",
            citation="generated from simple signal models, not measured (har/recordings/simulate.py)",
            licence="CC0 1.0",
            source_url="",
        ) as writer:
            writer.add_stream(dataset.stream)
            writer.note(f"generated with seed {seed}: periodic motions of rigid segments, no recordings of people")
            for number in range(people):
                rng = person_generator(seed, name, number)
                person = draw_person(rng)
                for activity, phrase in dataset.phrases.items():
                    samples = simulate_activity(dataset.stream, activity, person, rng)
                    subject = f"p{number + 1:02d}"
                    writer.append(
                        dataset.stream.name,
                        recording=f"{subject}_{activity.replace(' ', '_')}",
                        subject=subject,
                        samples=samples,
                        labels=[(phrase, 0, len(samples))],
                    )
    return list(GENERATED_NAMES)


def person_generator(seed: int, name: str, number: int) -> np.random.Generator:
    """The generator from which a person of a dataset, and then the person's signals, are drawn."""
    return np.random.default_rng([seed, GENERATED_NAMES.index(name), number])


def draw_person(rng: np.random.Generator) -> Person:
    """A person with a device: normal tempo within limits, log-normal strength, mounting turned about a random axis."""
    axis = rng.standard_normal(3)
    return Person(
        tempo=1 + float(np.clip(TEMPO_DEVIATION * rng.standard_normal(), -TEMPO_LIMIT, TEMPO_LIMIT)),
        strength=math.exp(STRENGTH_DEVIATION * rng.standard_normal()),
        mounting=_rotation(axis, math.radians(MOUNTING_DEVIATION_DEG) * rng.standard_normal()),
        acc_bias_g=ACC_BIAS_G * rng.standard_normal(3),
        gyro_bias_rad_s=GYRO_BIAS_RAD_S * rng.standard_normal(3),
    )


def simulate_activity(
    stream: StreamInfo, activity: str, person: Person, rng: np.random.Generator, seconds: float = SECONDS
) -> np.ndarray:
    """What the device of ``stream`` measures of an activity -> (seconds x rate, channels) float32 in g and rad/s."""
    time_s = np.arange(round(seconds * stream.sampling_rate_hz)) / stream.sampling_rate_hz
    force, turning = ideal_motion(stream.placement, activity, person, time_s, rng)
    acc = force @ person.mounting.T + person.acc_bias_g + ACC_NOISE_G * rng.standard_normal(force.shape)
    if stream.accelerometer_range_g is not None:
        acc = np.clip(acc, -stream.accelerometer_range_g, stream.accelerometer_range_g)
    gyro = turning @ person.mounting.T + person.gyro_bias_rad_s + GYRO_NOISE_RAD_S * rng.standard_normal(turning.shape)
    sensors = {"acc": acc, "gyro": gyro}
    return np.hstack([sensors[kind] for kind in stream.units]).astype(np.float32)


def ideal_motion(
    placement: str, activity: str, person: Person, time_s: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Specific force (T, 3) in g and angular rate (T, 3) in rad/s, without errors of sensor and mounting.

    The equations are those at the top of this file.
    """
    motion, place = MOTIONS[activity], PLACES[placement]
    tempo_hz = person.tempo_hz(activity)
    ahead_s, ahead_rate = _wander(rng, time_s, TEMPO_WANDER_S)
    phase = 2 * math.pi * (rng.uniform() + tempo_hz * (time_s + ahead_s))
    phase_rate = 2 * math.pi * tempo_hz * (1 + ahead_rate)
    swell, _ = _wander(rng, time_s, STRENGTH_WANDER)
    bounce = motion.bounce_g * place.share * person.strength * (1 + swell)

    sway, sway_rate = _wander(rng, time_s, math.radians(SWAY_DEG))
    swing = math.radians(place.swing_deg.get(activity, 0.0)) * person.strength
    angle = swing * np.cos(motion.swing_turns * phase) + sway
    angle_rate = -swing * motion.swing_turns * phase_rate * np.sin(motion.swing_turns * phase) + sway_rate

    up_0 = _unit(place.up.get(activity, place.up["standing"]))
    lateral = np.array(place.lateral, dtype=np.float64)
    lateral = _unit(lateral - (lateral @ up_0) * up_0)
    up = np.cos(angle)[:, None] * up_0 - np.sin(angle)[:, None] * np.cross(lateral, up_0)
    vertical = 1 + bounce * sum(motion.sharpness**h * np.cos((h + 1) * phase) for h in range(HARMONICS))
    forward = 0.4 * bounce * np.cos(phase + 1)
    sideways = 0.25 * bounce * np.cos(phase / 2)
    force = vertical[:, None] * up + forward[:, None] * np.cross(up, lateral) + sideways[:, None] * lateral
    twist = motion.twist_rad_s * person.strength * np.cos(phase / 2)
    return force, angle_rate[:, None] * lateral + twist[:, None] * up


def _wander(rng: np.random.Generator, time_s: np.ndarray, deviation: float) -> tuple[np.ndarray, np.ndarray]:
    """A slow random function of the given standard deviation and its derivative: five sines of 0.02 to 0.3 Hz."""
    rate = 2 * math.pi * rng.uniform(0.02, 0.3, size=(5, 1))
    phase = rate * time_s + rng.uniform(0, 2 * math.pi, size=(5, 1))
    height = deviation * math.sqrt(2 / 5)
    return height * np.sin(phase).sum(axis=0), height * (rate * np.cos(phase)).sum(axis=0)


def _unit(vector: Sequence[float] | np.ndarray) -> np.ndarray:
    vector = np.asarray(vector, dtype=np.float64)
    return vector / np.linalg.norm(vector)


def _rotation(axis: np.ndarray, angle: float) -> np.ndarray:
    """Rotation matrix (3, 3) about an axis by an angle in rad (Rodrigues)."""
    x, y, z = _unit(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross
