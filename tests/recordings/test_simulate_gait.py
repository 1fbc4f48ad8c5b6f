"""Going on foot: the foot on the ground stays there, and what people do when they walk, run and climb is in range."""

from itertools import pairwise

import numpy as np
import pytest

from har.recordings.format import STANDARD_GRAVITY
from har.recordings.simulate import anthropometry as lengths
from har.recordings.simulate.anthropometry import Person, draw_person
from har.recordings.simulate.clips import FRAME_HZ, Clip
from har.recordings.simulate.gait import (
    COEFFICIENTS,
    JOINTS,
    KINDS,
    cadence_hz,
    fit_cycle,
    fourier_basis,
    fourier_slope,
    published_coefficients,
    running_cadence_hz,
)
from har.recordings.simulate.locomotion import Going, gait_clip
from har.recordings.simulate.sensors import PLACEMENTS, Looseness, ideal_signals
from har.recordings.simulate.skeleton import CHANNEL, foot_points, forward_kinematics, point_on, root_path

PEOPLE = 6
SKATE_M, WORST_SKATE_M = 0.04, 0.10  # stated tolerance of a step in walking and on stairs: typical, and the worst
STRAIGHT = {"turns_per_minute": 0.0, "curving_rad_s": 0.0}


def walk(number: int, seconds: float = 12.0, **how: object) -> tuple[Person, Clip, object, np.ndarray]:
    rng = np.random.default_rng([3, number])
    person = draw_person(rng)
    clip = gait_clip(person, Going(**(STRAIGHT | how)), round(seconds * FRAME_HZ), rng)
    pose = forward_kinematics(clip.angles, person.height_m)
    heading = clip.angles[:, CHANNEL["heading"]]
    root = root_path(pose, heading, clip.velocity, clip.support, person.height_m, FRAME_HZ)
    return person, clip, pose, root


def contacts(clip: Clip, side: str) -> np.ndarray:
    return np.flatnonzero(clip.impacts[:, "lr".index(side)])


def waist_and_ankle_g(number: int, **how: object) -> tuple[np.ndarray, np.ndarray]:
    person, clip, pose, root = walk(number, **how)
    signals = []
    for place in ("lower back", "left ankle"):
        placement = PLACEMENTS[place]
        force, _ = ideal_signals(
            pose, root, clip.impacts, placement, placement.axes, Looseness(), person.height_m, np.random.default_rng(0)
        )
        signals.append(np.linalg.norm(force, axis=1) / STANDARD_GRAVITY)
    return signals[0], signals[1]


# --- the cycle --------------------------------------------------------------------------------------------------------


def test_fourier_basis_and_slope():
    phase = np.linspace(-1, 2, 37)
    basis, step = fourier_basis(phase), 1e-6
    assert basis.shape == (37, COEFFICIENTS)
    np.testing.assert_allclose(basis[:, 0], 1)
    np.testing.assert_allclose(basis[:, 3], np.cos(4 * np.pi * phase), atol=1e-12)
    np.testing.assert_allclose(basis[:, 4], np.sin(4 * np.pi * phase), atol=1e-12)
    slope = (fourier_basis(phase + step) - fourier_basis(phase - step)) / (2 * step)
    np.testing.assert_allclose(fourier_slope(phase), slope, atol=1e-6)


def test_published_curves_are_met_by_their_series():
    for kind in KINDS.values():
        for joint in JOINTS:
            percent, degrees = np.array(getattr(kind, joint), dtype=np.float64).T
            fitted = np.rad2deg(fourier_basis(percent / 100) @ published_coefficients(getattr(kind, joint)))
            assert np.abs(fitted - degrees).max() < 9.0
            assert np.abs(fitted - degrees).mean() < 3.0


@pytest.mark.parametrize(
    ("kind", "step", "rise", "steps_hz"),
    [
        ("walk", 0.41, 0.0, 1.85),
        ("walk", 0.30, 0.0, 1.5),
        ("upstairs", 0.17, 0.1, 1.55),
        ("downstairs", 0.17, -0.1, 1.75),
    ],
)
def test_fitted_cycles_stay_near_the_published_angles_and_still_on_the_ground(kind, step, rise, steps_hz):
    cycle = fit_cycle(kind, step, rise, steps_hz)
    assert cycle.stride == pytest.approx(2 * step) and cycle.rise == pytest.approx(2 * rise)
    phase = np.arange(100) / 100
    angles = fourier_basis(phase) @ cycle.angles.T
    for number, joint in enumerate(JOINTS):
        percent, degrees = np.array(getattr(KINDS[kind], joint), dtype=np.float64).T
        published = np.interp(100 * phase, percent, degrees, period=100)
        found = np.rad2deg(angles[:, number])
        assert np.corrcoef(found, published)[0, 1] > 0.93, joint
        assert np.sqrt(np.mean((found - published) ** 2)) < 9.0, joint
    # Independent of the fit's own kinematics: a chain of complex numbers from the hip to the ball of the foot.
    forwards, up = (fourier_basis(phase) @ cycle.path.T).T
    side = lengths.HALF_HIP_WIDTH
    hip = forwards + cycle.stride * phase + 1j * (up + cycle.rise * phase)
    hip = hip + side * np.sin(np.deg2rad(KINDS[kind].pelvis_turn_deg) * np.cos(2 * np.pi * phase))
    hip = hip + 1j * side * np.deg2rad(KINDS[kind].pelvis_roll_deg) * np.sin(2 * np.pi * phase)
    thigh = angles[:, 0] - np.deg2rad(KINDS[kind].pelvis_tilt_deg)
    shank = thigh - angles[:, 1]
    foot = shank + angles[:, 2]
    ankle = hip - 1j * lengths.THIGH * np.exp(1j * thigh) - 1j * lengths.SHANK * np.exp(1j * shank)
    ball = ankle + (lengths.BALL_BEFORE_ANKLE - 1j * lengths.ANKLE_HEIGHT) * np.exp(1j * foot)
    begin, end = KINDS[kind].ball
    down = ball[(phase > begin + 0.02) & (phase < end - 0.02)]
    assert 1.7 * np.abs(down - down.mean()).max() < 0.02  # m
    swing = ball[(phase > end + 0.15) & (phase < 0.9)]
    assert np.abs(swing - down.mean()).max() > 0.9 * step


def test_running_cycles_fly():
    cycle = fit_cycle("run", 0.5, 0.0, 2.7)
    phase = np.arange(400) / 400
    up = fourier_basis(phase) @ cycle.path[1]
    acceleration = (np.roll(up, 1) + np.roll(up, -1) - 2 * up) * 400**2 * (2.7 / 2) ** 2 * 1.7
    flight = acceleration[(phase > 0.42) & (phase < 0.48)]
    np.testing.assert_allclose(flight, -STANDARD_GRAVITY, atol=0.35 * STANDARD_GRAVITY)
    assert acceleration.max() > 0.9 * STANDARD_GRAVITY


def test_an_unknown_gait_is_refused():
    with pytest.raises(ValueError, match=r"no gait 'crawl'; known: walk, run"):
        fit_cycle("crawl", 0.4)
    person = draw_person(np.random.default_rng(0))
    with pytest.raises(ValueError, match="arms 'wings'; expected one of swing"):
        gait_clip(person, Going(arms="wings"), 100, np.random.default_rng(0))


# --- walking ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["walk", "upstairs", "downstairs"])
def test_the_foot_on_the_ground_does_not_skate(kind: str):
    worst = []
    for number in range(PEOPLE):
        person, clip, pose, root = walk(number, kind=kind)
        begin, end = KINDS[kind].ball
        for side in "lr":
            ball = root + point_on(pose, f"{side}_foot", foot_points(person.height_m)["ball"])
            strikes = contacts(clip, side)
            for first, last in pairwise(strikes[1:]):
                stride = last - first
                stance = ball[first + round((begin + 0.04) * stride) : first + round((end - 0.05) * stride)]
                worst.append(np.linalg.norm(np.ptp(stance, axis=0)))
    assert len(worst) > 50
    assert np.median(worst) < SKATE_M
    assert np.max(worst) < WORST_SKATE_M


def test_progress_is_steps_times_step_length():
    for number in range(PEOPLE):
        person, clip, _, root = walk(number, seconds=20.0)
        steps = np.sort(np.concatenate([contacts(clip, side) for side in "lr"]))
        assert np.all(np.diff(steps) > 25)
        cadence = (len(steps) - 1) / (steps[-1] - steps[0]) * FRAME_HZ
        speed = np.linalg.norm(root[steps[-1]] - root[steps[0]]) / (steps[-1] - steps[0]) * FRAME_HZ
        # Bohannon, Age and Ageing 1997 and Oberg et al., J. Rehabil. Res. Dev. 1993: comfortable walking of adults.
        assert 0.8 < speed < 1.8
        assert 1.5 < cadence < 2.3
        assert 0.3 < speed / cadence / person.height_m < 0.55


def test_cadence_grows_with_speed_and_hardly_in_running():
    assert cadence_hz(1.25) == pytest.approx(1.82) and cadence_hz(0.7) < 1.5 and cadence_hz(2.0) > 2.1
    assert running_cadence_hz(4.0) / running_cadence_hz(2.0) < 1.15
    speeds = []
    for pace in (0.65, 1.0, 1.35):
        _, _, _, root = walk(0, pace=pace)
        speeds.append(np.linalg.norm(root[-1] - root[0]) / 12)
    assert speeds == sorted(speeds) and speeds[2] > 1.6 * speeds[0]


def test_stance_takes_about_three_fifths_of_the_stride():
    """58 to 65 % in comfortable walking (Perry & Burnfield 2010), from the speed of heel and tip over the ground."""
    shares = []
    for number in range(PEOPLE):
        person, clip, pose, root = walk(number)
        points = foot_points(person.height_m)
        speed = np.min(
            [
                np.linalg.norm(np.gradient(root + point_on(pose, "r_foot", points[name]), axis=0), axis=1) * FRAME_HZ
                for name in ("heel", "ball", "tip")
            ],
            axis=0,
        )
        strikes = contacts(clip, "r")
        within = slice(strikes[0], strikes[-1])
        shares.append(np.mean(speed[within] < 0.6))
    assert 0.55 < np.mean(shares) < 0.68
    assert all(0.5 < share < 0.72 for share in shares)


def test_arms_swing_against_the_legs_and_pockets_hold_them():
    _, clip, _, _ = walk(1)
    arm, leg = (clip.angles[:, CHANNEL[f"l_{joint}_flex"]] for joint in ("shoulder", "hip"))
    assert np.corrcoef(arm, leg)[0, 1] < -0.6
    held = walk(1, arms="pockets")[1].angles[:, CHANNEL["l_shoulder_flex"]]
    assert held.std() < 0.4 * arm.std()


def test_peak_accelerations_of_walking_are_those_of_people():
    """Lower trunk: rms of the vertical 0.1 to 0.35 g and peaks below 2.2 g; ankle: peaks of 2 to 7 g (Menz, Lord &
    Fitzpatrick 2003; Kavanagh & Menz 2008; Lafortune 1991 for the tibia)."""
    for number in range(PEOPLE):
        waist, ankle = waist_and_ankle_g(number)
        assert 0.08 < waist.std() < 0.40
        assert 1.2 < np.percentile(waist, 99.5) < 2.3
        assert 2.0 < np.percentile(ankle, 99.5) < 7.0
        assert np.mean(waist) == pytest.approx(1.0, abs=0.1)


def test_running_shakes_more_than_walking_and_falls_freely():
    """Peaks at the lower back of 2 to 6 g and a moment of nearly no force in each step (Novacheck 1998)."""
    for number in range(PEOPLE):
        waist, ankle = waist_and_ankle_g(number, kind="run")
        assert 2.0 < np.percentile(waist, 99) < 6.0
        assert np.percentile(waist, 3) < 0.4
        assert np.percentile(ankle, 99.5) > 4.0
        frequency = np.fft.rfftfreq(len(waist), 1 / FRAME_HZ)
        spectrum = np.abs(np.fft.rfft(waist - waist.mean()))
        assert 2.2 < frequency[spectrum.argmax()] < 3.3


@pytest.mark.parametrize(("kind", "sign"), [("walk", 1), ("run", -1), ("upstairs", 1)])
def test_the_body_is_pushed_before_the_upward_peak_in_walking_and_after_it_in_running(kind: str, sign: int):
    """Walking is an inverted pendulum, fastest while both feet are down and it is lowest; running bounces, and is
    slowest then (Cavagna, Heglund & Taylor 1977): forward and vertical acceleration are a quarter of a step apart."""
    lead = []
    for number in range(PEOPLE):
        root = walk(number, kind=kind)[3]
        forwards, up = np.gradient(np.gradient(root[:, [0, 2]], axis=0), axis=0).T * FRAME_HZ**2 / STANDARD_GRAVITY
        window = np.hanning(len(up))
        spectrum = [np.fft.rfft((a - a.mean()) * window) for a in (forwards, up)]
        frequency = np.fft.rfftfreq(len(up), 1 / FRAME_HZ)
        step = np.abs(spectrum[1]) * ((frequency > 1.0) & (frequency < 3.3))
        near = np.abs(frequency - frequency[step.argmax()]) < 0.2
        lead.append(np.angle((spectrum[0] * spectrum[1].conj())[near].sum()) / (2 * np.pi))
        amplitude = np.sqrt(2) * forwards.std()
        assert 0.03 < amplitude < 0.45, amplitude
    np.testing.assert_allclose(lead, sign * 0.25, atol=0.13)


def test_pelvis_rises_and_sinks_by_a_hands_breadth():
    """Vertical excursion of 2 to 7 cm in walking (Perry & Burnfield 2010)."""
    for number in range(PEOPLE):
        _, _, _, root = walk(number)
        up = root[:, 2] - np.convolve(np.pad(root[:, 2], 100, mode="edge"), np.ones(201) / 201, mode="valid")
        assert 0.012 < np.ptp(up[150:-150]) < 0.10


# --- stairs and places ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "sign"), [("upstairs", 1), ("downstairs", -1)])
def test_stairs_rise_and_fall_by_the_riser(kind: str, sign: int):
    for number in range(PEOPLE):
        _, clip, _, root = walk(number, kind=kind)
        steps = np.sort(np.concatenate([contacts(clip, side) for side in "lr"]))
        steps = steps[: len(steps) - 1 + len(steps) % 2]  # whole strides
        per_step = (root[steps[-1]] - root[steps[0]]) / (len(steps) - 1)
        assert sign * per_step[2] == pytest.approx(0.17, abs=0.04)
        assert np.hypot(*per_step[:2]) == pytest.approx(0.29, abs=0.05)


def test_who_goes_downstairs_lands_and_then_sinks():
    """A short push at 13 % of each cycle and a long sinking skew the vertical acceleration; upstairs nothing does."""
    phase = np.arange(400) / 400
    skewness = {}
    for kind, rise in (("upstairs", 0.1), ("downstairs", -0.1)):
        up = fourier_basis(phase) @ fit_cycle(kind, 0.17, rise, 1.7).path[1]
        acceleration = (np.roll(up, 1) + np.roll(up, -1) - 2 * up) * 400**2 * (1.7 / 2) ** 2 * 1.7 / STANDARD_GRAVITY
        away = acceleration - acceleration.mean()
        skewness[kind] = np.mean(away**3) / np.mean(away**2) ** 1.5
    assert phase[acceleration.argmax()] % 0.5 == pytest.approx(0.13, abs=0.03)
    assert acceleration.max() == pytest.approx(0.5, abs=0.1)  # of both feet together, Riener et al. 2002
    assert acceleration.min() > -0.4
    assert skewness["downstairs"] > 0.5 > 0.3 > abs(skewness["upstairs"])


def test_when_to_go_may_be_told():
    rng = np.random.default_rng(1)
    moving = np.repeat([0.0, 1.0], 500)
    clip = gait_clip(draw_person(rng), Going(**STRAIGHT), 1000, rng, moving)
    assert not clip.impacts[:500].any() and np.count_nonzero(clip.impacts[500:].any(axis=1)) >= 6
    assert clip.support[:500].tolist() == [[0.5, 0.5]] * 500 and not clip.support[500:].any()


def test_going_in_place_stays_in_place():
    for kind in ("march", "run"):
        _, _, _, root = walk(2, kind=kind, in_place=True)
        assert np.abs(root[:, :2]).max() < 0.4
        assert np.ptp(root[:, 2]) < 0.25


def test_turns_change_the_heading_by_quarters_and_halves():
    rng = np.random.default_rng(0)
    person = draw_person(rng)
    turns = []
    for _ in range(30):
        clip = gait_clip(person, Going(turns_per_minute=4.0, curving_rad_s=0.0), 1500, rng)
        heading = clip.angles[:, CHANNEL["heading"]]
        turns.append(np.ptp(heading))
    assert np.max(turns) > 1.5 and np.median(turns) > 0.7
    straight = gait_clip(person, Going(**STRAIGHT), 1500, rng).angles[:, CHANNEL["heading"]]
    assert np.ptp(straight) < 0.15  # what sway leaves


def test_who_stops_stands_on_both_feet():
    rng = np.random.default_rng(1)
    clip = gait_clip(draw_person(rng), Going(stops=True, **STRAIGHT), 4000, rng)
    stood = clip.support[:, 0] > 0.49
    assert 0.1 < stood.mean() < 0.9
    assert np.abs(clip.velocity[stood]).max() < 0.05
    assert np.abs(clip.velocity[~stood, 0]).max() > 0.5
    assert not clip.impacts[stood].any()
