"""Bouts of activities one after the other -> what one device records of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from har.recordings.simulate.activities import ACTIVITIES
from har.recordings.simulate.anthropometry import Person, draw_person
from har.recordings.simulate.clips import FRAME_HZ, Clip
from har.recordings.simulate.devices import draw_unit, measure
from har.recordings.simulate.sensors import PLACEMENTS, ideal_signals
from har.recordings.simulate.skeleton import CHANNEL, Pose, forward_kinematics, root_path
from har.recordings.simulate.timeline import Movement, assemble
from har.recordings.simulate.transitions import Step, standing_moment
from har.recordings.simulate.wardrobe import DATASETS, Worn, draw_convention, draw_mount


@dataclass(frozen=True)
class Motion:
    """A movement of one body in space: segments of its pose, and the path (T, 3) in m of its root."""

    clip: Clip
    pose: Pose
    root: np.ndarray
    height_m: float


@dataclass(frozen=True)
class SimulatedRecording:
    """What one device recorded without a gap.

    samples: (T, C) float32, accelerometer in g with gravity, gyroscope in rad/s. labels: activity, start and stop in s,
    in the order of time; changes of posture between two bouts bear names of their own, or none.
    """

    samples: np.ndarray
    channels: tuple[str, ...]
    sampling_rate_hz: float
    placement: str
    labels: list[tuple[str, float, float]]


def simulate_bouts(
    bouts: Sequence[tuple[str, float]],
    *,
    dataset: str = "sim_phone",
    stream: str = "pocket",
    person: int = 0,
    seed: int = 0,
) -> SimulatedRecording:
    """One person does these activities, for these seconds, and wears one device of a simulated dataset.

    bouts: names of ``ACTIVITIES``, each with its seconds; what takes people from one to the next is added. dataset,
    stream: a device of wardrobe.py, by default a phone in a trouser pocket. person: who it is; the same body and habits
    whatever the seed, which draws all that differs from day to day. The same arguments give identical samples.

    Raises ``ValueError`` for no bouts, for an unknown activity, dataset or stream, for a bout that takes no time, and
    for negative numbers.
    """
    if unknown := [name for name, _ in bouts if name not in ACTIVITIES]:
        raise ValueError(
            f"nobody simulates {', '.join(map(repr, unknown))}; the activities are {', '.join(ACTIVITIES)}"
        )
    if not bouts or not all(0 < seconds < np.inf for _, seconds in bouts) or person < 0 or seed < 0:
        raise ValueError(
            f"person {person}, seed {seed}, bouts {list(bouts)}; expected numbers of at least 0, and one bout or more "
            "that each take some seconds"
        )
    worn = _worn(dataset, stream)
    # What a generator is for stands first: zeros at the end of a seed change nothing.
    who, convention = (
        draw_person(np.random.default_rng([1, person])),
        draw_convention(np.random.default_rng([2, person])),
    )
    rng = np.random.default_rng([3, person, seed])
    movement = assemble(steps_of(bouts, who, rng), who, rng)
    place = str(rng.choice(worn.places))
    samples = measured(motion_of(movement, who, [place]), worn, place, convention, rng)
    return SimulatedRecording(
        samples.astype(np.float32, order="C"),
        worn.info.channels,
        worn.info.sampling_rate_hz,
        worn.info.placement,
        [(one.label, one.start / FRAME_HZ, one.stop / FRAME_HZ) for one in movement.stretches if one.label],
    )


def _worn(dataset: str, stream: str) -> Worn:
    if dataset not in DATASETS:
        raise ValueError(f"no simulated dataset {dataset!r}; there are {', '.join(DATASETS)}")
    streams = {worn.info.name: worn for worn in DATASETS[dataset].streams}
    if stream not in streams:
        raise ValueError(f"{dataset} has no stream {stream!r}; its streams are {', '.join(streams)}")
    return streams[stream]


def steps_of(bouts: Sequence[tuple[str, float]], person: Person, rng: np.random.Generator) -> list[Step]:
    """Steps of all bouts; who changes posture first stops, who has got up stands a moment before going on."""
    steps: list[Step] = []
    for name, seconds in bouts:
        following = ACTIVITIES[name].build(person, seconds, rng)
        if steps and (steps[-1].posture == "stand") != (following[0].posture == "stand"):
            steps.append(standing_moment(person, rng))
        steps += following
    return steps


def motion_of(movement: Movement, person: Person, places: Sequence[str]) -> Motion:
    """The movement in space, with the segments on which devices are worn at these of ``PLACEMENTS``."""
    clip, segments = movement.clip, sorted({PLACEMENTS[place].segment for place in places})
    pose = forward_kinematics(clip.angles, person.height_m, segments)
    heading = clip.angles[:, CHANNEL["heading"]]
    root = root_path(pose, heading, clip.velocity, clip.support, person.height_m, FRAME_HZ, clip.angles)
    return Motion(clip, pose, root, person.height_m)


def measured(motion: Motion, worn: Worn, place: str, convention: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Samples (T, 3) in g, or (T, 6) with rad/s, of one unit of the device. convention: see `draw_mount`."""
    unit, placement = draw_unit(worn.device, rng), PLACEMENTS[place]
    mount = placement.axes @ draw_mount(worn, convention, rng)
    looseness = worn.looseness[rng.integers(len(worn.looseness))]
    force, rate = ideal_signals(
        motion.pose,
        motion.root,
        motion.clip.impacts,
        placement,
        mount,
        looseness,
        motion.height_m,
        rng,
        gyroscope="gyro_x" in worn.info.channels,
    )
    return measure(unit, force, rate, rng)
