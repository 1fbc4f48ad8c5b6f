"""Virtual sensors measure what physics says, and devices distort it as they are told to."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.spatial.transform import Rotation

from har.recordings.format import STANDARD_GRAVITY
from har.recordings.simulate.activities import ACTIVITIES
from har.recordings.simulate.anthropometry import draw_person
from har.recordings.simulate.clips import FRAME_HZ, still_clip
from har.recordings.simulate.devices import Device, Unit, draw_gaps, draw_unit, measure
from har.recordings.simulate.postures import lying, sitting, standing
from har.recordings.simulate.rotations import (
    axis_rotation,
    rotation_of,
    turn,
    turn_back,
    uniform_rotation,
    vector_of,
    yxz_rotation,
)
from har.recordings.simulate.sensors import (
    PLACEMENTS,
    UNSTEADY_G,
    Looseness,
    angular_rate,
    device_motion,
    ideal_signals,
    impact_displacement,
    loose_motion,
    specific_force,
    tremor,
)
from har.recordings.simulate.skeleton import CHANNEL, forward_kinematics, root_path
from har.recordings.simulate.timeline import assemble
from har.recordings.simulate.wardrobe import draw_convention

PENDULUM_M = 0.8


def movement(name: str, seconds: float = 6.0, seed: int = 0):
    """Pose, path of the pelvis, clip and person of an activity."""
    rng = np.random.default_rng(seed)
    person = draw_person(rng)
    clip = assemble(ACTIVITIES[name].build(person, seconds, rng), person, rng).clip
    pose = forward_kinematics(clip.angles, person.height_m)
    heading = clip.angles[:, CHANNEL["heading"]]
    return pose, root_path(pose, heading, clip.velocity, clip.support, person.height_m, FRAME_HZ), clip, person


def pendulum(rate_hz: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """A point mass on a rod that swings about y: time, angle and its rate, path (T, 3) and orientation (T, 3, 3)."""
    time_s = np.arange(round(4 * rate_hz)) / rate_hz
    solution = solve_ivp(
        lambda _, y: [y[1], -STANDARD_GRAVITY / PENDULUM_M * np.sin(y[0])],
        (0, time_s[-1]), [1.0, 0.0], t_eval=time_s, rtol=1e-11, atol=1e-12,
    )  # fmt: skip
    angle, rate = solution.y
    path = PENDULUM_M * np.stack([-np.sin(angle), 0 * angle, -np.cos(angle)], axis=1)
    return angle, rate, path, axis_rotation("y", angle)


# --- rotations --------------------------------------------------------------------------------------------------------


def test_rotations_agree_with_scipy():
    rng = np.random.default_rng(0)
    vectors = rng.normal(0, 1.0, (50, 3))
    vectors *= (np.linspace(0, 3.0, 50) / np.linalg.norm(vectors, axis=1))[:, None]
    matrices = Rotation.from_rotvec(vectors).as_matrix()
    np.testing.assert_allclose(rotation_of(vectors), matrices, atol=1e-12)
    np.testing.assert_allclose(vector_of(matrices), vectors, atol=1e-9)
    angles = rng.uniform(-3, 3, (50, 3))
    np.testing.assert_allclose(yxz_rotation(*angles.T), Rotation.from_euler("YXZ", angles).as_matrix(), atol=1e-12)
    for axis in "xyz":
        expected = Rotation.from_euler(axis, angles[:, :1]).as_matrix()
        np.testing.assert_allclose(axis_rotation(axis, angles[:, 0]), expected, atol=1e-12)
    np.testing.assert_allclose(turn(matrices, angles), np.einsum("nij,nj->ni", matrices, angles), atol=1e-12)
    np.testing.assert_allclose(turn_back(matrices, angles), np.einsum("nji,nj->ni", matrices, angles), atol=1e-12)


def test_uniform_rotations_prefer_no_direction():
    matrices = np.array([uniform_rotation(np.random.default_rng(k)) for k in range(2000)])
    np.testing.assert_allclose(matrices @ np.swapaxes(matrices, 1, 2), np.tile(np.eye(3), (2000, 1, 1)), atol=1e-12)
    assert np.abs(matrices.mean(axis=0)).max() < 0.06  # 4.5 standard errors of an entry, 1 / sqrt(3 * 2000)


def test_conventions_are_the_24_ways_to_hold_a_box():
    found = {tuple(draw_convention(np.random.default_rng(k)).ravel().astype(int)) for k in range(600)}
    assert len(found) == 24
    for matrix in found:
        assert np.linalg.det(np.reshape(matrix, (3, 3))) == pytest.approx(1)


# --- physics ----------------------------------------------------------------------------------------------------------


def test_pendulum_agrees_with_its_closed_form():
    """The rod of a frictionless pendulum carries g cos a + l a'^2 along itself and nothing across (Newton)."""
    angle, rate, path, rotation = pendulum(500.0)
    force, turning = specific_force(path, rotation, 500.0), angular_rate(rotation, 500.0)
    inner = slice(2, -2)
    np.testing.assert_allclose(turning[inner, 1], rate[inner], atol=2e-3)
    np.testing.assert_allclose(turning[inner][:, [0, 2]], 0, atol=1e-9)
    along = STANDARD_GRAVITY * np.cos(angle) + PENDULUM_M * rate**2
    np.testing.assert_allclose(force[inner, 2], along[inner], atol=5e-3)
    np.testing.assert_allclose(force[inner][:, :2], 0, atol=5e-3)


def test_free_fall_reads_nothing_and_a_lift_reads_more():
    time_s = np.arange(100) / 100
    up = np.zeros((100, 3))
    up[:, 2] = -0.5 * STANDARD_GRAVITY * time_s**2
    still = np.tile(np.eye(3), (100, 1, 1))
    np.testing.assert_allclose(specific_force(up, still, 100.0), 0, atol=1e-9)
    up[:, 2] = 0.5 * 2.0 * time_s**2
    np.testing.assert_allclose(specific_force(up, still, 100.0), [[0, 0, STANDARD_GRAVITY + 2.0]] * 100, atol=1e-8)


@pytest.mark.parametrize("place", sorted(PLACEMENTS))
def test_at_rest_every_placement_reads_one_g_upwards(place: str):
    rng = np.random.default_rng(1)
    person, placement = draw_person(rng), replace(PLACEMENTS[place], tremor_g=0.0)
    for pose_of in (standing, sitting, lying):
        clip = still_clip(pose_of(person, rng), 20)
        pose = forward_kinematics(clip.angles, person.height_m)
        force, turning = ideal_signals(
            pose, np.zeros((20, 3)), clip.impacts, placement, placement.axes, Looseness(), person.height_m, rng
        )
        np.testing.assert_allclose(np.linalg.norm(force, axis=1), STANDARD_GRAVITY, rtol=1e-9)
        up = pose.rotation[placement.segment] @ placement.axes
        np.testing.assert_allclose(turn(up, force), [[0, 0, STANDARD_GRAVITY]] * 20, atol=1e-8)
        np.testing.assert_allclose(turning, 0, atol=1e-8)


def test_the_top_of_a_typical_device_points_up_when_the_wearer_stands():
    rng = np.random.default_rng(0)
    person = draw_person(rng)
    pose = forward_kinematics(np.zeros((1, len(CHANNEL))), person.height_m)
    for name, placement in PLACEMENTS.items():
        axes = pose.rotation[placement.segment][0] @ placement.axes
        np.testing.assert_allclose(axes.T @ axes, np.eye(3), atol=1e-12)
        assert np.linalg.det(axes) == pytest.approx(1)
        if "wrist" in name or "hand" in name:
            # Arm hanging: the fingers point down, three o'clock to the left hand's fingers, the right one's elbow.
            assert axes[2, 0] == pytest.approx(-1 if "left" in name else 1)
            assert axes[1, 2] == pytest.approx(1 if "left" in name else -1)  # the back of the hand looks outwards
        else:
            assert axes[2, 1] == pytest.approx(1)
    assert PLACEMENTS["chest"].axes[0, 2] == 1 and PLACEMENTS["lower back"].axes[0, 2] == -1


@pytest.mark.parametrize("place", ["right wrist", "left ankle", "right front pocket"])
def test_integrating_the_gyroscope_returns_the_orientation(place: str):
    pose, root, clip, person = movement("walking")
    placement = PLACEMENTS[place]
    looseness = Looseness(6.0, 0.3, 0.02, 9.0, 0.1)
    arguments = (pose, root, clip.impacts, placement, placement.axes, looseness, person.height_m)
    _, rotation = device_motion(*arguments, np.random.default_rng(0))
    _, turning = ideal_signals(*arguments, np.random.default_rng(0))
    estimate = rotation[0]
    middle = 0.5 * (turning[1:] + turning[:-1])
    for step in rotation_of(middle / FRAME_HZ):
        estimate = estimate @ step
    error = np.linalg.norm(vector_of(estimate.T @ rotation[-1]))
    travelled = np.abs(turning).sum() / FRAME_HZ
    assert travelled > 3.0
    assert error < 0.04


def test_twice_differentiated_position_is_what_the_accelerometer_reads_in_the_world():
    pose, root, clip, person = movement("jogging")
    placement = PLACEMENTS["lower back"]
    arguments = (pose, root, clip.impacts, placement, placement.axes, Looseness(), person.height_m)
    position, rotation = device_motion(*arguments, np.random.default_rng(0))
    force, _ = ideal_signals(*arguments, np.random.default_rng(0))
    in_world = turn(rotation, force) + np.array([0, 0, -STANDARD_GRAVITY])
    velocity = np.diff(position, axis=0) * FRAME_HZ
    np.testing.assert_allclose(in_world[1:-1], np.diff(velocity, axis=0) * FRAME_HZ, atol=1e-6)
    assert np.abs(in_world).max() > STANDARD_GRAVITY
    # What goes up comes down: over whole strides the mean acceleration is nothing.
    assert np.abs(in_world.mean(axis=0)).max() < 0.6


def test_a_turned_mount_turns_both_triads_alike():
    pose, root, clip, person = movement("boxing")
    placement, turned = PLACEMENTS["right wrist"], uniform_rotation(np.random.default_rng(5))
    signals = [
        ideal_signals(
            pose, root, clip.impacts, placement, placement.axes @ mount, Looseness(9, 0.4, 0.01, 9, 0.05),
            person.height_m, np.random.default_rng(0),
        )
        for mount in (np.eye(3), turned)
    ]  # fmt: skip
    for plain, other in zip(*signals, strict=True):
        np.testing.assert_allclose(other, plain @ turned, atol=1e-7)


# --- what shakes ------------------------------------------------------------------------------------------------------


def test_an_impact_shakes_by_the_placements_share_and_dies_out():
    for place in ("left ankle", "left thigh", "waist", "head"):
        placement = PLACEMENTS[place]
        for column, share in enumerate(placement.impact):
            impacts = np.zeros((200, 2))
            impacts[50, column] = 4.0
            acceleration = np.diff(impact_displacement(impacts, placement), 2) * FRAME_HZ**2
            assert np.abs(acceleration[:48]).max() < 1e-9
            assert np.abs(acceleration).max() == pytest.approx(4.0 * share * STANDARD_GRAVITY, rel=1e-6)
            # It rings at the tissue's frequency once the pulse is over.
            signs = np.sign(acceleration[56:76])
            crossings = np.count_nonzero(np.diff(signs)) / 2 / 0.2
            assert crossings == pytest.approx(placement.tissue_hz, abs=3.5)
            assert np.abs(acceleration[150:]).max() < 0.02 * np.abs(acceleration).max()


def test_impacts_are_damped_on_their_way_to_the_head():
    shares = [
        PLACEMENTS[name].impact[0] for name in ("left ankle", "left shank", "left thigh", "waist", "chest", "head")
    ]
    assert shares == sorted(shares, reverse=True)
    near, far = PLACEMENTS["right ankle"].impact
    assert near > 4 * far
    impacts = np.zeros((100, 2))
    impacts[20, 1] = 1.0
    own, other = (np.abs(impact_displacement(impacts, PLACEMENTS[f"{s} ankle"])).max() for s in ("right", "left"))
    assert own / other == pytest.approx(near / far, rel=1e-6)


def test_tremor_has_its_size_and_grows_with_the_movement():
    rng = np.random.default_rng(0)
    still = np.tile(np.eye(3), (40000, 1, 1))
    moving = axis_rotation("x", 2.0 * np.arange(40000) / FRAME_HZ)  # 2 rad/s
    sizes = []
    for rotation in (still, moving):
        displacement = tremor(rng, rotation, 0.003)
        acceleration = np.diff(displacement, 2, axis=0) * FRAME_HZ**2 / STANDARD_GRAVITY
        power = (np.abs(np.fft.rfft(acceleration, axis=0)) ** 2).sum(axis=1)
        frequency = np.fft.rfftfreq(len(acceleration), 1 / FRAME_HZ)
        assert power[(frequency > 3) & (frequency < 14)].sum() > 0.7 * power.sum()
        sizes.append(acceleration.std())
    assert 0.003 * np.exp(-1.6) < sizes[0] < 0.003 * np.exp(1.6)
    assert sizes[1] == pytest.approx(2.0 * UNSTEADY_G, rel=0.15)


def test_a_loose_device_follows_a_damped_oscillator():
    """A step of force: the device moves to f / omega^2 away from it, until the pocket's own mean has caught up."""
    force = np.zeros((600, 3))
    force[300:, 2] = 3.0
    looseness = Looseness(hertz=6.0, damping=0.3, room_m=1.0)
    moved, turned = loose_motion(force, looseness, np.random.default_rng(0))
    assert np.abs(turned).max() == 0
    omega = 2 * np.pi * 6.0
    # Right after the step half a window of the mean is still to come.
    expected = -0.5 * 3.0 / omega**2
    assert moved[300:330, 2].mean() == pytest.approx(expected, rel=0.5)
    assert moved[300:340, 2].min() < 1.1 * expected
    narrow, _ = loose_motion(100 * force, Looseness(6.0, 0.3, 0.02), np.random.default_rng(0))
    assert 0.01 < np.abs(narrow).max() <= 0.02
    fixed = loose_motion(force, Looseness(), np.random.default_rng(0))
    assert not fixed[0].any() and not fixed[1].any()


# --- devices ----------------------------------------------------------------------------------------------------------

PERFECT = Device(
    FRAME_HZ,
    range_g=16.0,
    bits=24,
    bias_g=0,
    bias_rad_s=0,
    scale=0,
    misalignment_rad=0,
    noise_g=0,
    noise_rad_s=0,
    clock=0,
)


def slow_signal(seconds: float = 8.0) -> tuple[np.ndarray, np.ndarray]:
    time_s = np.arange(round(seconds * FRAME_HZ)) / FRAME_HZ
    phases = np.array([0.0, 1.0, 2.0])
    wave = np.sin(2 * np.pi * 0.7 * time_s[:, None] + phases)
    return STANDARD_GRAVITY * wave, 2.0 * wave[:, ::-1]


@pytest.mark.parametrize("rate_hz", [16.0, 25.0, 51.2, 100.0, 200.0])
def test_a_perfect_device_reports_the_signal_at_its_rate(rate_hz: float):
    force, rate = slow_signal()
    unit = draw_unit(replace(PERFECT, rate_hz=rate_hz), np.random.default_rng(0))
    samples = measure(unit, force, rate, np.random.default_rng(0))
    time_s = np.arange(len(samples)) / rate_hz
    assert time_s[-1] == pytest.approx((len(force) - 1) / FRAME_HZ, abs=1 / rate_hz)
    wave = np.sin(2 * np.pi * 0.7 * time_s[:, None] + np.array([0.0, 1.0, 2.0]))
    inner = slice(8, -8)
    np.testing.assert_allclose(samples[inner, :3], wave[inner], atol=0.02)
    np.testing.assert_allclose(samples[inner, 3:], 2.0 * wave[inner, ::-1], atol=0.04)
    assert measure(unit, force, None, np.random.default_rng(0)).shape == (len(samples), 3)


def test_errors_of_a_device_have_their_sizes():
    still = np.tile([0.0, 0.0, STANDARD_GRAVITY], (60000, 1))
    device = replace(PERFECT, bias_g=0.02, bias_rad_s=0.01, noise_g=0.004, noise_rad_s=0.002)
    biases, gyro_biases, noises = [], [], []
    for seed in range(60):
        unit = replace(draw_unit(device, np.random.default_rng(seed)), noise=1.0)
        samples = measure(unit, still[:1500], 0 * still[:1500], np.random.default_rng(seed))
        biases.append(samples[:, :3].mean(axis=0) - [0, 0, 1])
        gyro_biases.append(samples[:, 3:].mean(axis=0))
        noises.append(samples.std(axis=0))
    assert np.std(biases) == pytest.approx(0.02, rel=0.3)
    assert np.std(gyro_biases) == pytest.approx(0.01, rel=0.3)
    np.testing.assert_allclose(np.mean(noises, axis=0), [0.004] * 3 + [0.002] * 3, rtol=0.05)
    # White noise of a density: a filtered device of a quarter of the rate sees half the deviation.
    slow = replace(draw_unit(replace(device, rate_hz=25.0), np.random.default_rng(0)), noise=1.0)
    assert measure(slow, still, None, np.random.default_rng(0)).std(axis=0).mean() == pytest.approx(0.002, rel=0.05)


def test_scale_and_misalignment_act_on_the_signal():
    unit = draw_unit(replace(PERFECT, scale=0.02, misalignment_rad=0.03), np.random.default_rng(3))
    assert np.abs(unit.acc_matrix - unit.gyro_matrix).max() > 1e-3
    force, rate = slow_signal()
    samples = measure(unit, force, rate, np.random.default_rng(0))
    np.testing.assert_allclose(samples[:, :3] * STANDARD_GRAVITY, force @ unit.acc_matrix.T, atol=1e-4)
    np.testing.assert_allclose(samples[:, 3:], rate @ unit.gyro_matrix.T, atol=1e-4)
    gains = [
        np.linalg.svd(draw_unit(replace(PERFECT, scale=0.02), np.random.default_rng(k)).acc_matrix)[1]
        for k in range(80)
    ]
    assert np.std(gains) == pytest.approx(0.02, rel=0.25)


def test_range_and_steps_of_the_converter():
    force, rate = slow_signal()
    unit = draw_unit(replace(PERFECT, range_g=0.5, range_rad_s=1.0, bits=6), np.random.default_rng(0))
    samples = measure(unit, force, rate, np.random.default_rng(0))
    assert samples[:, :3].max() == 0.5 and samples[:, :3].min() == -0.5
    assert samples[:, 3:].max() == 1.0
    for values, step in ((samples[:, :3], 0.5 / 32), (samples[:, 3:], 1.0 / 32)):
        np.testing.assert_allclose(values / step, np.rint(values / step), atol=1e-9)
        assert len(np.unique(np.rint(values / step))) > 50


def test_a_fast_clock_sees_the_world_slowed_down():
    force, _ = slow_signal(20.0)
    unit = replace(draw_unit(PERFECT, np.random.default_rng(0)), clock=0.02)
    samples = measure(unit, force, None, np.random.default_rng(0))
    time_s = 0.98 * np.arange(len(samples)) / FRAME_HZ
    np.testing.assert_allclose(samples[:, 0], np.sin(2 * np.pi * 0.7 * time_s), atol=2e-3)


def test_lost_samples_are_interpolated_and_jitter_moves_them():
    force, _ = slow_signal()
    perfect = measure(draw_unit(PERFECT, np.random.default_rng(0)), force, None, np.random.default_rng(0))
    lossy = measure(
        draw_unit(replace(PERFECT, loss=0.3), np.random.default_rng(0)), force, None, np.random.default_rng(1)
    )
    changed = np.abs(lossy - perfect).max(axis=1) > 1e-5
    assert 0.2 < changed.mean() < 0.4
    np.testing.assert_allclose(lossy, perfect, atol=0.02)
    shaken = measure(
        draw_unit(replace(PERFECT, jitter_s=0.003), np.random.default_rng(0)), force, None, np.random.default_rng(1)
    )
    slope = np.gradient(perfect, axis=0) * FRAME_HZ
    moved_s = ((shaken - perfect) * slope).sum(axis=1) / (slope**2).sum(axis=1)
    assert moved_s.std() == pytest.approx(0.003, rel=0.15)


def test_gaps_are_rare_apart_and_inside():
    device = replace(PERFECT, gaps_per_hour=20.0)
    counts = []
    for seed in range(100):
        gaps = draw_gaps(device, 600.0, np.random.default_rng(seed))
        counts.append(len(gaps))
        edges = [edge for gap in gaps for edge in gap]
        assert edges == sorted(edges) and all(0 < edge < 600 for edge in edges)
        assert all(end - begin > 0.1 for begin, end in gaps)
    assert np.mean(counts) == pytest.approx(20 / 6, rel=0.2)
    assert draw_gaps(PERFECT, 600.0, np.random.default_rng(0)) == []


def test_units_differ():
    units = [draw_unit(Device(50.0), np.random.default_rng(k)) for k in range(3)]
    assert all(isinstance(unit, Unit) for unit in units)
    assert len({unit.clock for unit in units}) == len({unit.noise for unit in units}) == 3
