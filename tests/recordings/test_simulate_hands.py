"""Hands: the inverse kinematics against the tree walked forwards, and what tasks make of it."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from har.recordings.format import STANDARD_GRAVITY
from har.recordings.simulate import anthropometry as lengths
from har.recordings.simulate.anthropometry import draw_person
from har.recordings.simulate.chores import CHORES
from har.recordings.simulate.clips import FRAME_HZ, Join, minimum_jerk, still_clip
from har.recordings.simulate.manipulation import task_clip
from har.recordings.simulate.phases import SPOTS, Again, Move, Phase, Stroke, Task
from har.recordings.simulate.planning import DIRECTIONS, SHORTEST_S, planned
from har.recordings.simulate.postures import sitting, standing
from har.recordings.simulate.reaching import (
    ARM_JOINTS,
    HANDS,
    PRONATION_RAD,
    Arms,
    ArmState,
    across,
    angle_about,
    arm_joints,
    arm_state,
    carried,
    distance_at,
    movement_time,
    shortest_time,
    within_reach,
    wrist_for,
)
from har.recordings.simulate.rotations import rotation_of, turn
from har.recordings.simulate.sensors import angular_rate, specific_force
from har.recordings.simulate.skeleton import CHANNEL, CHANNELS, SIDES, forward_kinematics, point_on
from har.recordings.simulate.tasks import TASKS
from har.recordings.simulate.timeline import assemble
from har.recordings.simulate.transitions import Step, bed

HEIGHT_M, GRIP = 1.75, 0.06
UPPER_M, LOWER_M = HEIGHT_M * lengths.UPPER_ARM, HEIGHT_M * (lengths.FOREARM + GRIP)
ALL_TASKS = TASKS | CHORES


def some_joints(number: int, seed: int = 0) -> np.ndarray:
    """Angles (7, number) that arms take, elbows from 8 to 120 degrees."""
    rng = np.random.default_rng(seed)
    ranges = ((-0.8, 2.4), (-0.5, 1.4), (-1.3, 1.3), (0.14, 2.1), (-1.0, 1.0), (-0.4, 0.4), (-0.3, 0.3))
    return np.stack([rng.uniform(low, high, number) for low, high in ranges])


def walked(joints: np.ndarray, side: str):
    """Whole bodies (number,) with these joints of one arm."""
    angles = np.zeros((joints.shape[1], len(CHANNELS)))
    for name, values in zip(ARM_JOINTS, joints, strict=True):
        angles[:, CHANNEL[f"{side}_{name}"]] = values
    return forward_kinematics(angles, HEIGHT_M)


def hand_path(angles: np.ndarray, height_m: float, hand: str, grip: float) -> np.ndarray:
    """Where the grip of a hand with a straight wrist is, (T, 3) from the hips."""
    pose = forward_kinematics(angles, height_m, [f"{hand}_forearm"])
    return point_on(pose, f"{hand}_forearm", np.array([0, 0, -height_m * (lengths.FOREARM + grip)]))


# --- reaching ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", SIDES)
def test_the_hand_is_where_the_tree_says(side: str):
    joints = some_joints(500)
    straight = joints.copy()
    straight[5:] = 0.0
    pose = walked(straight, side)
    hand = point_on(pose, f"{side}_hand", np.array([0, 0, -GRIP * HEIGHT_M])) - pose.origin[f"{side}_upper_arm"]
    elbow = pose.origin[f"{side}_forearm"] - pose.origin[f"{side}_upper_arm"]
    state = arm_state(joints, UPPER_M, LOWER_M)
    np.testing.assert_allclose(state.hand * [1, SIDES[side], 1], hand, atol=1e-12)
    # The elbow lies off the line to the hand on the side of its direction.
    line = hand / np.linalg.norm(hand, axis=1, keepdims=True)
    off = elbow - (elbow * line).sum(axis=1, keepdims=True) * line
    np.testing.assert_allclose(
        off / np.linalg.norm(off, axis=1, keepdims=True), state.elbow * [1, SIDES[side], 1], atol=1e-9
    )


def test_inverse_kinematics_undo_forward_kinematics():
    joints = some_joints(2000, seed=1)
    state = arm_state(joints, UPPER_M, LOWER_M)
    np.testing.assert_allclose(arm_joints(state, UPPER_M, LOWER_M), joints, atol=1e-9)
    tilted = replace(state, elbow=3.0 * state.elbow + 0.4 * state.hand)  # need not be perpendicular, nor of length 1
    np.testing.assert_allclose(arm_joints(tilted, UPPER_M, LOWER_M), joints, atol=1e-9)


def test_a_hand_too_far_stretches_the_arm_and_one_too_near_bends_it():
    far = np.array([[5.0, 0.0, 0.0], [0.01, 0.0, 0.01], [0.3, 0.1, -0.2]])
    down = np.tile([0.0, 0.3, -1.0], (3, 1))
    bend = arm_joints(ArmState(far, down, np.zeros((3, 3))), UPPER_M, LOWER_M)[3]
    assert bend[0] == 0.0 and np.rad2deg(bend[1]) == pytest.approx(148, abs=0.1)
    moved = within_reach(far, UPPER_M, LOWER_M, np.full(3, 0.5))
    assert np.linalg.norm(moved[0]) == pytest.approx(0.5)
    np.testing.assert_allclose(moved[2], far[2])
    np.testing.assert_allclose(np.cross(moved[1], far[1]), 0.0, atol=1e-12)
    assert distance_at(0.0, 0.3, 0.4) == pytest.approx(0.7) and distance_at(np.pi / 2, 0.3, 0.4) == pytest.approx(0.5)


@pytest.mark.parametrize("side", SIDES)
def test_the_thumb_points_as_told_within_the_limits_of_the_forearm(side: str):
    joints = some_joints(800, seed=2)
    state = arm_state(joints, UPPER_M, LOWER_M)
    rng = np.random.default_rng(3)
    thumb = across(rng.standard_normal((800, 3)), state.hand)
    pronation, deviation = wrist_for(state.hand, state.elbow, thumb, UPPER_M, LOWER_M)
    assert pronation.min() >= PRONATION_RAD[0] and pronation.max() <= PRONATION_RAD[1]
    joints[4:] = pronation, 0 * pronation, deviation
    pose = walked(joints, side)
    reached = (pose.rotation[f"{side}_hand"][:, :, 0] * [1, SIDES[side], 1] * thumb).sum(axis=1)
    # No forearm that was turned elsewhere comes nearer, the pull towards the neutral one aside.
    best = np.full(800, -1.0)
    for turned in np.linspace(*PRONATION_RAD, 60):
        joints[4] = turned
        other = walked(joints, side).rotation[f"{side}_hand"][:, :, 0] * [1, SIDES[side], 1]
        best = np.maximum(best, (other * thumb).sum(axis=1))
    assert np.quantile(best - reached, 0.9) < 0.15 and np.median(best - reached) < 0.05


def test_a_direction_is_carried_the_shortest_way():
    rng = np.random.default_rng(0)
    line, onto = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in rng.standard_normal((2, 50, 3)))
    elbow = across(rng.standard_normal((50, 3)), line)
    axis = np.cross(line, onto)
    axis *= (np.arccos((line * onto).sum(axis=1)) / np.linalg.norm(axis, axis=1))[:, None]
    expected = np.einsum("nij,nj->ni", rotation_of(axis), elbow)
    near = (line * onto).sum(axis=1) > -0.95
    np.testing.assert_allclose(carried(elbow, line, onto)[near], expected[near], atol=1e-9)
    turn = rng.uniform(-3, 3, 50)
    second = np.einsum("nij,nj->ni", rotation_of(turn[:, None] * line), elbow)
    np.testing.assert_allclose(angle_about(line, elbow, second), turn, atol=1e-9)


def test_far_and_small_targets_take_longer():
    """Fitts: a bit more of difficulty for each doubling of the distance or halving of the width."""
    step = movement_time(0.4, 0.05) - movement_time(0.2, 0.05)
    assert movement_time(0.4, 0.025) - movement_time(0.4, 0.05) == pytest.approx(step)
    assert movement_time(0.01, 0.2) == movement_time(0.0, 0.2) < movement_time(0.3, 0.05) < 1.0


def test_the_shortest_time_is_that_of_the_peak_acceleration():
    seconds = shortest_time(0.5, 12.0)
    progress = np.linspace(0, 1, 2001)
    force = np.diff(0.5 * minimum_jerk(progress), 2) / (seconds / 2000) ** 2
    assert np.abs(force).max() == pytest.approx(12.0, rel=1e-3)


def test_resting_arms_are_where_they_rest():
    person = draw_person(np.random.default_rng(0))
    for make in (standing, sitting):
        pose = make(person, np.random.default_rng(1))
        arms = Arms(pose, person.height_m, GRIP)
        for number, hand in enumerate(HANDS):
            expected = hand_path(pose[None], person.height_m, hand, GRIP)[0] * [1, SIDES[hand], 1]
            np.testing.assert_allclose(arms.home[number], expected, atol=1e-12)


# --- tasks ------------------------------------------------------------------------------------------------------------


def only(*phases: Phase, **how) -> Task:
    return Task(((1.0, phases),), either_hand=0.0, **how)


def right_handed(seed: int = 0):
    return replace(draw_person(np.random.default_rng(seed)), left_handed=False, restlessness=0.0)


def test_every_spot_and_direction_is_known():
    def moves(phases):
        for phase in phases:
            if isinstance(phase, Again):
                assert 0 < phase.times[0] <= phase.times[1]
                yield from moves(phase.phases)
            else:
                yield from (move for move in (phase.right, phase.left, phase.both) if move is not None)

    for name, task in ALL_TASKS.items():
        told = [move for _, phases in task.ways for move in moves(phases)]
        told += [move for _, move in task.other if move is not None]
        assert told, name
        for move in told:
            assert move.at == "home" or move.at in task.spots or move.at in SPOTS, (name, move.at)
            assert move.towards in DIRECTIONS
        assert {posture for posture, _ in task.posture} <= {"sit", "stand"}


def test_a_hand_goes_straight_with_minimum_jerk_and_stays():
    spots = {
        "here": replace(SPOTS["middle"], forwards=(0.3, 0.3), inwards=(-0.3, -0.3), upwards=(0.1, 0.1)),
        "there": replace(SPOTS["middle"], forwards=(0.45, 0.45), inwards=(0.0, 0.0), upwards=(0.3, 0.3)),
    }
    exact = {"spread_m": 0.0, "extension": (0.0, 0.0)}
    phases = [Phase(right=Move(at, **exact), seconds=(1.0, 1.0), hold_s=(1.0, 1.0), lift_m=(0, 0)) for at in spots]
    task = only(*phases, spots=spots, tempo=(1.0, 1.0), surface_m={"stand": (0.9, 0.9)})
    person = replace(right_handed(), tempo=1.0)
    # Seeds that begin at rest.
    seed = next(s for s in range(40) if begins_at_rest(s, person, task))
    path = hand_path(
        task_clip(task, "stand", person, 800, np.random.default_rng(seed)).angles, person.height_m, "r", 0.055
    )
    held = np.linalg.norm(np.diff(path, axis=0), axis=1) * FRAME_HZ
    surface_m = 0.9 - person.height_m * lengths.HIP_HEIGHT
    first, second = np.array([0.3, -0.3, 0.1 + surface_m]), np.array([0.45, 0.0, 0.3 + surface_m])
    at = {name: np.linalg.norm(path - spot, axis=1) for name, spot in (("here", first), ("there", second))}
    # Breathing and sway move the trunk by a centimetre or two, and the wrist's deviation the grip.
    assert min(at["here"].min(), at["there"].min()) < 0.03
    assert (at["here"] < 0.04).sum() > 150 and (at["there"] < 0.04).sum() > 150
    distance = np.linalg.norm(second - first)
    assert np.quantile(held, 0.99) == pytest.approx(1.875 * distance, rel=0.35)  # peak speed of minimum jerk in 1 s


def begins_at_rest(seed: int, person, task: Task) -> bool:
    clip = task_clip(task, "stand", person, 100, np.random.default_rng(seed))
    return bool(np.abs(clip.angles[:5] - clip.angles[0]).max() < 0.02)


def test_a_plan_keeps_to_what_was_told():
    rng = np.random.default_rng(0)
    person = right_handed()
    for name, task in ALL_TASKS.items():
        posture = task.posture[0][0]
        arms = Arms((sitting if posture == "sit" else standing)(person, rng), person.height_m, task.grip)
        plan = planned(task, posture, arms, person, 40.0, rng)
        rows = len(plan.frame)
        assert np.sum(plan.move_s) + np.sum(plan.hold_s) >= 40.0
        assert {len(part) for part in vars(plan).values() if isinstance(part, list)} == {rows}, name
        assert set(plan.strokes) <= set(range(rows)) and min(plan.move_s) >= SHORTEST_S
        for before, after in pairwise(range(rows)):
            way = np.linalg.norm(plan.point[after] - plan.point[before], axis=1)
            same = [plan.frame[after][n] == plan.frame[before][n] for n in range(2)]
            # Peak acceleration of a minimum-jerk movement: 5.77 times the way over the square of the time.
            peak = 5.7735 * way[same] / plan.move_s[after] ** 2
            assert (peak <= 1.001 * plan.hardest_m_s2[after]).all()


def test_a_cup_is_kept_upright_on_its_way_and_tilts_the_more_the_emptier():
    person = right_handed()
    tilt, levels = {}, {"full": (15.0, 15.0), "empty": (70.0, 70.0)}
    for name, degrees in levels.items():
        task = only(
            Phase(right=Move("middle", tilt=(0, 0)), hold_s=(1.0, 1.0)),
            Phase(right=Move("lips", tilt=(0, 0), towards="back"), hold_s=(0.5, 0.5)),
            Phase(right=Move("lips", tilt=degrees, towards="back"), hold_s=(2.0, 2.0)),
        )
        steepest = []
        for seed in range(8):
            clip = task_clip(task, "sit", person, 1500, np.random.default_rng(seed))
            hand = forward_kinematics(clip.angles, person.height_m, ["r_hand"]).rotation["r_hand"]
            lean = np.rad2deg(np.arccos(np.clip(hand[:, 2, 0], -1, 1)))
            steepest.append(np.quantile(lean, 0.9))
        tilt[name] = np.median(steepest)
    assert tilt["full"] < 60 and tilt["empty"] > tilt["full"] + 15


@pytest.mark.parametrize("hands", ["r", "l", "both", "against"])
def test_strokes_have_their_tempo_size_and_hand(hands: str):
    stroke = Stroke((2.0, 2.0), (1, 0, 0), (0.05, 0.05), hands=hands)
    task = only(Phase(both=Move("middle"), hold_s=(30.0, 30.0), stroke=stroke))
    clip = task_clip(task, "sit", right_handed(), 1500, np.random.default_rng(1))
    forwards = {}
    for hand in HANDS:
        path = hand_path(clip.angles, right_handed().height_m, hand, 0.055)[500:1500, 0]
        spectrum = np.fft.rfft(path)
        spectrum[:10] = spectrum[30:] = 0.0  # 1 to 3 Hz stay
        forwards[hand] = np.fft.irfft(spectrum)
        size = np.sqrt(2) * forwards[hand].std()
        assert 0.035 < size < 0.065 if hands in (hand, "both", "against") else size < 0.005
    if hands in ("both", "against"):
        together = np.corrcoef(forwards["r"], forwards["l"])[0, 1]
        assert together > 0.7 if hands == "both" else together < -0.7


def test_a_hand_turns_back_at_once_where_it_hits():
    stroke = Stroke((2.0, 2.0), (1, 0, 0), (0.04, 0.04), contact=True)
    task = only(Phase(right=Move("middle"), hold_s=(30.0, 30.0), stroke=stroke))
    clip = task_clip(task, "sit", right_handed(), 1500, np.random.default_rng(1))
    forwards = hand_path(clip.angles, right_handed().height_m, "r", 0.055)[500:1450, 0]
    force = np.diff(forwards, 2) * FRAME_HZ**2
    assert -force.min() > 2.5 * force.max()  # stopped hard in front, drawn back and sent off again softly


def test_a_forearm_pivots_about_a_still_elbow():
    task = only(Phase(right=Move("raised"), hold_s=(30.0, 30.0), stroke=Stroke((1.5, 1.5), pivot=(30, 30))),
                spots={"raised": replace(SPOTS["before face"], inwards=(-0.2, -0.2))})  # fmt: skip
    person = right_handed()
    clip = task_clip(task, "stand", person, 1500, np.random.default_rng(1))
    pose = forward_kinematics(clip.angles, person.height_m, ["r_hand"])
    elbow, hand = (pose.origin[f"r_{name}"][500:1450] for name in ("forearm", "hand"))
    assert np.linalg.norm(np.ptp(elbow, axis=0)) < 0.1 < 0.2 < np.linalg.norm(np.ptp(hand, axis=0))


def test_what_is_out_of_reach_makes_the_trunk_lean():
    near = replace(SPOTS["middle"], forwards=(0.3, 0.3))
    leans = []
    for forwards in (0.3, 0.75):
        task = only(
            Phase(right=Move("thing"), hold_s=(20.0, 20.0)), spots={"thing": replace(near, forwards=(forwards,) * 2)}
        )
        clip = task_clip(task, "stand", right_handed(), 1000, np.random.default_rng(2))
        leans.append(np.rad2deg(clip.angles[-200:, [CHANNEL["trunk_flex"], CHANNEL["pitch"]]].sum(axis=1).mean()))
    assert leans[1] > leans[0] + 10


@pytest.mark.parametrize("name", sorted(ALL_TASKS))
def test_hands_are_quick_but_not_torn(name: str):
    """Gyroscope and accelerometer at both wrists stay within what people do."""
    for seed in (0, 1, 2):
        rng = np.random.default_rng(seed)
        person = draw_person(rng)
        clip = task_clip(ALL_TASKS[name], ALL_TASKS[name].posture[-1][0], person, 2000, rng)
        assert np.isfinite(clip.angles).all()
        pose = forward_kinematics(clip.angles, person.height_m, ["l_forearm", "r_forearm"])
        for hand in HANDS:
            rotation = pose.rotation[f"{hand}_forearm"]
            position = point_on(pose, f"{hand}_forearm", np.array([0, 0, -0.128 * person.height_m]))
            force = specific_force(position, rotation, FRAME_HZ) / STANDARD_GRAVITY
            assert np.linalg.norm(force, axis=-1).max() < 25
            assert np.linalg.norm(angular_rate(rotation, FRAME_HZ), axis=-1).max() < 40
            # Who ends about where he began was carried by gravity alone.
            np.testing.assert_allclose(turn(rotation, force).mean(axis=0), [0, 0, 1], atol=0.03)


def test_the_better_hand_acts():
    used = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        person = draw_person(rng)
        clip = task_clip(CHORES["waving"], "stand", person, 800, rng)
        moved = {side: clip.angles[:, CHANNEL[f"{side}_elbow_flex"]].std() for side in "lr"}
        assert (max(moved, key=moved.get) == "l") == person.left_handed
        used.append(person.left_handed)
    assert 0 < sum(used) < 60


def test_the_same_person_does_it_the_same_way_again():
    person = draw_person(np.random.default_rng(0))
    one, same, other = (task_clip(TASKS["drinking"], "sit", person, 500, np.random.default_rng(s)) for s in (1, 1, 2))
    assert np.array_equal(one.angles, same.angles) and not np.allclose(one.angles, other.angles, atol=0.05)


# --- whole body -------------------------------------------------------------------------------------------------------


def test_who_gets_up_from_a_bed_comes_over_its_edge():
    rng = np.random.default_rng(0)
    person = draw_person(rng)
    steps = bed("up", person, 60.0, rng)
    postures = [step.posture for step in steps]
    assert postures[:4] == ["lie", "sit", "sit", "stand"] and {s.label for s in steps} >= {"getting up from lying"}
    movement = assemble(steps, person, rng)
    trunk = forward_kinematics(movement.clip.angles, person.height_m, ["trunk"]).rotation["trunk"][:, 2, 2]
    for stretch in movement.stretches:
        upright = trunk[stretch.start], trunk[min(stretch.stop, len(trunk) - 1)]
        if stretch.label == "getting up from lying":
            assert upright[1] > 0.8
        elif stretch.label == "lying":
            assert max(upright) < 0.6
    assert {s.label for s in movement.stretches} >= {"getting up from lying", "lying down"}


def test_arms_that_were_turned_round_once_are_joined_without_another_turn():
    far, near = np.zeros(len(CHANNELS)), np.zeros(len(CHANNELS))
    far[CHANNEL["r_shoulder_flex"]] = 2 * np.pi + 0.3
    steps = [
        Step(lambda frames: still_clip(far, frames), "stand", 1.0),
        Step(lambda frames: still_clip(near, frames), "stand", 1.0, "", Join(1.0)),
    ]
    rng = np.random.default_rng(0)
    flexion = assemble(steps, draw_person(rng), rng).clip.angles[:, CHANNEL["r_shoulder_flex"]]
    assert np.ptp(flexion) == pytest.approx(0.3)
