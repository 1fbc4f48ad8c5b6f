"""What the simulation does by blocks, by channels or not at all agrees with doing it frame by frame, all of it."""

import numpy as np
import pytest

from har.recordings.simulate import locomotion
from har.recordings.simulate.activities import ACTIVITIES
from har.recordings.simulate.anthropometry import draw_person
from har.recordings.simulate.clips import FRAME_HZ, Clip, Key, keyframes, minimum_jerk, smooth_noise
from har.recordings.simulate.gait import fit_cycle
from har.recordings.simulate.rotations import frame_blocks, rotation_of, times_constant, turn, uniform_rotation
from har.recordings.simulate.sensors import PLACEMENTS, Looseness, ideal_signals
from har.recordings.simulate.skeleton import (
    CHANNEL,
    CHANNELS,
    PARENT,
    SIDES,
    attachment,
    closure,
    foot_points,
    forward_kinematics,
    local_rotation,
    point_on,
    root_path,
)
from har.recordings.simulate.timeline import assemble

BLOCK = next(frame_blocks(10**6)).stop


def moving_clip(name: str, seconds: float, seed: int = 0) -> tuple[Clip, float]:
    rng = np.random.default_rng(seed)
    person = draw_person(rng)
    return assemble(ACTIVITIES[name].build(person, seconds, rng), person, rng).clip, person.height_m


@pytest.mark.parametrize("frames", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 7])
def test_blocks_cover_every_frame_once(frames: int):
    numbers = [k for rows in frame_blocks(frames) for k in range(frames)[rows]]
    assert numbers == list(range(frames))


def test_kinematics_agree_with_the_tree_walked_frame_by_frame():
    """More frames than a block, borders among those looked at."""
    frames = 2 * BLOCK + 7
    angles = 0.7 * np.random.default_rng(0).standard_normal((frames, len(CHANNELS)))
    pose = forward_kinematics(angles, 1.7)
    for frame in (0, 1, BLOCK - 1, BLOCK, 2 * BLOCK - 1, 2 * BLOCK, frames - 1):
        for segment in pose.rotation:
            rotation, origin, chain = np.eye(3), np.zeros(3), closure([segment])
            for link in chain:
                if PARENT[link]:
                    origin = origin + rotation @ attachment(link, 1.7)
                rotation = rotation @ local_rotation(link, angles[frame])
            np.testing.assert_allclose(pose.rotation[segment][frame], rotation, atol=1e-13)
            np.testing.assert_allclose(pose.origin[segment][frame], origin, atol=1e-13)


def test_the_same_vector_or_matrix_everywhere_is_a_product_a_frame():
    rng = np.random.default_rng(0)
    matrices = rotation_of(rng.standard_normal((2, 101, 3)))
    vector, other = rng.standard_normal(3), uniform_rotation(rng)
    np.testing.assert_allclose(turn(matrices, vector), np.einsum("abij,j->abi", matrices, vector), atol=1e-13)
    np.testing.assert_allclose(times_constant(matrices, other), np.einsum("abij,jk->abik", matrices, other), atol=1e-13)


@pytest.mark.parametrize(
    ("name", "seconds"),
    [("walking", 30.0), ("sitting down", 40.0), ("walking in place", 8.0), ("stopping walking", 30)],
)
def test_legs_that_bear_nothing_do_not_matter_to_the_path(name: str, seconds: float):
    clip, height_m = moving_clip(name, seconds)
    heading = clip.angles[:, CHANNEL["heading"]]
    rest = (heading, clip.velocity, clip.support, height_m, FRAME_HZ)
    whole = root_path(forward_kinematics(clip.angles, height_m), *rest)
    without = root_path(forward_kinematics(clip.angles, height_m, ["trunk"]), *rest, clip.angles)
    np.testing.assert_allclose(without, whole, atol=1e-12)
    if clip.support.any():
        still = root_path(
            forward_kinematics(clip.angles, height_m), heading, clip.velocity, 0 * clip.support, *rest[3:]
        )
        assert np.abs(still - whole).max() > 0.01


def test_shares_of_two_people_at_once_are_those_of_each():
    """Leading axes: a stretch counts where anybody bears weight."""
    clip, height_m = moving_clip("sitting down", 20.0)
    frames = len(clip)
    two = np.stack([clip.angles, clip.angles[::-1]])
    support = np.stack([clip.support, np.zeros((frames, 2))])
    velocity = np.stack([clip.velocity, clip.velocity])
    pose = forward_kinematics(two, height_m)
    both = root_path(pose, two[..., 0], velocity, support, height_m, FRAME_HZ)
    again = root_path(pose, two[..., 0], velocity, support, height_m, FRAME_HZ, two)
    for number in range(2):
        alone = forward_kinematics(two[number], height_m)
        path = root_path(alone, two[number, :, 0], velocity[number], support[number], height_m, FRAME_HZ)
        np.testing.assert_allclose(both[number], path, atol=1e-12)
        np.testing.assert_allclose(again[number], path, atol=1e-12)


def test_feet_on_their_track_agree_with_whole_bodies():
    rng = np.random.default_rng(0)
    person, frames = draw_person(rng), BLOCK + 300
    cycle, phase = fit_cycle("walk", 0.41), np.cumsum(np.full(frames, 0.95 / FRAME_HZ))
    size = 0.9 + 0.1 * np.sin(phase)
    angles = np.deg2rad(6) * rng.standard_normal((frames, len(CHANNELS)))
    clip = Clip(angles.copy(), np.zeros((frames, 3)), np.zeros((frames, 2)), np.zeros((frames, 2)))
    locomotion._track(clip, cycle, phase, size, person)
    ball = foot_points(person.height_m)["ball"]
    shift = locomotion._lateral_shift(cycle, 2 * np.pi * phase, size)
    for _ in range(2):
        pose = forward_kinematics(angles, person.height_m)
        for side, sign in SIDES.items():
            foot, hip = point_on(pose, f"{side}_foot", ball), pose.origin[f"{side}_thigh"]
            away = person.height_m * (sign * locomotion.HALF_TRACK_STATURES - shift) - foot[:, 1]
            angles[:, CHANNEL[f"{side}_hip_abd"]] += sign * away / (hip[:, 2] - foot[:, 2])
    np.testing.assert_allclose(clip.angles, angles, atol=1e-12)


@pytest.mark.parametrize(("frames", "cutoff_hz", "columns"), [(2, 1.0, 1), (777, 14.0, 3), (5000, 0.3, 34)])
def test_smooth_noise_is_the_sum_of_its_splines(frames: int, cutoff_hz: float, columns: int):
    """Each frame as the four cubic pieces say; columns that were not asked for are drawn all the same."""
    noise = smooth_noise(np.random.default_rng(1), frames, cutoff_hz, columns)
    chosen = np.arange(columns)[::-2]
    rng = np.random.default_rng(1)
    some, after = smooth_noise(rng, frames, cutoff_hz, columns, chosen), rng.random()
    np.testing.assert_array_equal(some, noise[:, chosen])
    rng = np.random.default_rng(1)
    positions = np.arange(frames) / (FRAME_HZ / (2 * cutoff_hz))
    knots = rng.standard_normal((int(positions[-1]) + 4, columns)) / np.sqrt(151 / 315)
    assert rng.random() == after
    for frame in np.unique(np.linspace(0, frames - 1, 60).astype(int)):
        first = int(positions[frame])
        u = positions[frame] - first
        pieces = ((1 - u) ** 3, 3 * u**3 - 6 * u**2 + 4, -3 * u**3 + 3 * u**2 + 3 * u + 1, u**3)
        expected = sum(piece / 6 * knots[first + k] for k, piece in enumerate(pieces))
        np.testing.assert_allclose(noise[frame], expected, atol=1e-12)


def test_keyframes_of_few_joints_are_those_of_all():
    rng = np.random.default_rng(0)
    poses = rng.standard_normal((5, 6)) * [1, 0, 0, 1, 0, 1]
    begin = np.array([0, 0.5, 0, 0, 0, 0.2])
    keys = [
        Key(pose, move, hold) for pose, move, hold in zip(poses, (0.4, 1, 0.2, 0.7, 1), (0, 1, 0.3, 0, 1), strict=True)
    ]
    path = keyframes(begin, keys, 700)
    expected = np.empty_like(path)
    for frame in range(700):
        begun, before = 0.0, begin
        for number, key in enumerate(keys):
            last = number == len(keys) - 1
            if last or frame / FRAME_HZ < begun + key.move_s + key.hold_s:
                share = minimum_jerk(np.array([(frame / FRAME_HZ - begun) / key.move_s]))[0]
                expected[frame] = before + share * (key.pose - before)
                break
            begun, before = begun + key.move_s + key.hold_s, key.pose
    np.testing.assert_allclose(path, expected, atol=1e-12)
    assert not path[:, [2, 4]].any()
    assert path[0, 1] == 0.5


def test_a_device_without_gyroscope_feels_the_same_force():
    clip, height_m = moving_clip("jogging", 5.0)
    pose = forward_kinematics(clip.angles, height_m)
    arguments = (
        pose,
        np.zeros((len(clip), 3)),
        clip.impacts,
        PLACEMENTS["left ankle"],
        np.eye(3),
        Looseness(room_m=0.01),
    )
    force, rate = ideal_signals(*arguments, height_m, np.random.default_rng(0))
    alone, none = ideal_signals(*arguments, height_m, np.random.default_rng(0), gyroscope=False)
    np.testing.assert_array_equal(alone, force)
    assert none is None
    assert rate.shape == force.shape
