"""Hands that do things: reach, hold, turn, stroke and put back, told as phases and carried out by an arm in a body.

A task (phases.py) says where the hands go one after the other, how they are turned there, how long they stay and what
they do meanwhile. Here a person and a place are drawn for it, and the phases become joint angles:

- The hand goes straight from place to place with the minimum-jerk profile (Flash & Hogan, The coordination of arm
  movements, Journal of Neuroscience 1985), in the time that Fitts' law gives, or as the phase says; over things it is
  lifted by an arc that starts and ends without a jump of the acceleration.
- Shoulder, elbow and forearm follow by inverse kinematics (reaching.py). The trunk leans and turns towards what the arm
  alone does not reach.
- Whatever stands upright in the hand, as a cup, is kept upright or tilted as far as told: the forearm turns, the wrist
  gives the rest.

Places are drawn anew for each bout and kept in it, give or take a centimetre or two a visit. Everything is told for the
right hand as the better one and mirrored for the others.
"""

import numpy as np

from har.recordings.simulate import anthropometry as lengths
from har.recordings.simulate.anthropometry import Person
from har.recordings.simulate.clips import FRAME_HZ, Clip, minimum_jerk, smooth_noise
from har.recordings.simulate.locomotion import stepping
from har.recordings.simulate.phases import Stroke, Task
from har.recordings.simulate.planning import Plan, planned
from har.recordings.simulate.postures import rest, sitting, standing
from har.recordings.simulate.reaching import (
    ARM_JOINTS,
    HANDS,
    STRAIGHTEST_RAD,
    Arms,
    ArmState,
    across,
    angle_about,
    arm_joints,
    carried,
    distance_at,
    outwards,
    shortest_time,
    within_reach,
    wrist_for,
)
from har.recordings.simulate.rotations import turn_back
from har.recordings.simulate.skeleton import CHANNEL, SIDES, Pose, mirrored, pose_vector

_SHARE_OF_REACH = 0.93  # what is further away than this share of the arm makes the trunk lean
_MOST_LEAN_RAD, _MOST_TURN_RAD = np.deg2rad(38.0), np.deg2rad(28.0)
_STRAIGHTEST_IN_STROKES_RAD = np.deg2rad(25.0)  # of an elbow: nearly straight ones would have to race
_ELBOW_FORWARDS = 0.8  # of who reaches above the shoulders, whose elbow cannot hang
_FIDGETS = 0.35  # of the posture's, that are left to arms which do something
_RAMP_S = 0.25  # within which strokes grow and die out
_CLEAR_OF_SHOULDER = 0.2  # statures that a hand on its way keeps away from its shoulder
_PATH = [0, 1, 2, 6, 7, 8]  # of a state: hand and wrist, which go straight from row to row
# Joints that the forearm pivots about while the upper arm stays.
_PIVOTS = [ARM_JOINTS.index(name) for name in ("shoulder_rot", "elbow_flex")]
_STROKE_BODY = ("trunk_flex", "trunk_turn")  # what the trunk does of a stroke
_HARDEST_STROKE_M_S2 = 26.0  # where strokes turn back
_SHARP = 0.2  # of a stroke's quarter: how suddenly a hand turns back from what it hits


def task_clip(task: Task, posture: str, person: Person, frames: int, rng: np.random.Generator) -> Clip:
    """The person does the task in one of its postures, from a random moment of it on or from rest."""
    pose = sitting(person, rng, table=task.seat_table) if posture == "sit" else standing(person, rng, hands_free=False)
    pose = pose + pose_vector(**task.body) * (1 + 0.12 * rng.standard_normal(len(pose)))
    clip = rest(person, pose, posture, frames, rng, 0.6)
    lead_s = rng.uniform(0.0, 12.0) if rng.random() < 0.6 else 0.0
    arms = Arms(pose, person.height_m, task.grip)
    plan = planned(task, posture, arms, person, frames / FRAME_HZ + lead_s, rng)
    _follow(clip, arms, plan, round(lead_s * FRAME_HZ), rng)
    if person.left_handed != (rng.random() < task.either_hand):
        clip.angles[:] = mirrored(clip.angles)
    if task.step_m_s and posture == "stand":
        clip.support[:] = 0.0
        clip = stepping(clip, task.step_m_s, person, rng)
    return clip


def _follow(clip: Clip, arms: Arms, plan: Plan, skip: int, rng: np.random.Generator) -> None:
    """Trunk and arms of the clip do what was planned, from frame ``skip`` of it on."""
    body = np.stack(plan.body)
    states, active = _arm_states(arms, plan, body)
    for row, way in enumerate(np.linalg.norm(np.diff(states[:, :, :3], axis=0), axis=-1).max(axis=1), start=1):
        # What the arm reaches lies elsewhere than what was planned to be reached.
        plan.move_s[row] = max(plan.move_s[row], shortest_time(way, plan.hardest_m_s2[row]))
    moved = np.flatnonzero(body.any(axis=0))
    now, weight, bulge = _progress(plan, len(clip), skip)
    columns = np.concatenate([states[:, 0, _PATH], states[:, 1, _PATH], body[:, moved]], axis=1).T
    path = np.take(columns, np.maximum(now - 1, 0), axis=1)
    path += weight * (np.take(columns, now, axis=1) - path)
    arc = np.take(_arcs(arms, plan, states), now, axis=2) * bulge
    strokes = _strokes(plan, arms, len(clip), skip, rng)
    for number, hand in enumerate(HANDS):
        if not active[number]:
            continue
        some = path[6 * number : 6 * number + 6]
        some[:3] += arc[number]
        for rows, stroke in strokes:
            some[:, rows] += stroke[hand][:6]
        reach = some[:3].T
        elbow = _elbows(reach, states[:, number], now, weight)
        joints = arm_joints(ArmState(reach, elbow, some[3:].T), arms.upper_m, arms.lower_m)
        for rows, stroke in strokes:
            joints[_PIVOTS, rows] += stroke[hand][6:]
        for name, angle, column in zip(ARM_JOINTS, joints, arms.columns[hand], strict=True):
            whole = np.unwrap(angle) if name in ("shoulder_flex", "shoulder_rot") else angle
            clip.angles[:, column] = whole + _FIDGETS * (clip.angles[:, column] - arms.pose[column])
    for column, angle in zip(moved, path[12:], strict=True):
        clip.angles[:, column] += angle
    for rows, stroke in strokes:
        for name, angle in zip(_STROKE_BODY, stroke["trunk"], strict=True):
            clip.angles[rows, CHANNEL[name]] += angle


def _arm_states(arms: Arms, plan: Plan, body: np.ndarray) -> tuple[np.ndarray, list[bool]]:
    """States (K, 2, 9) of both hands in the trunk's frame - hand, direction of the elbow, wrist - and which of them
    ever leaves its place. Adds to body (K, channels) by how much the trunk leans and turns for it."""
    frames, points = np.array(plan.frame), np.stack(plan.point)
    thumbs, raised, extended = np.stack(plan.thumb), np.stack(plan.elbow), np.stack(plan.extension)
    segments = arms.segments(arms.pose + body)
    goals = np.stack([_goals(arms, segments, frames[:, n], points[:, n], hand) for n, hand in enumerate(HANDS)], axis=1)
    if _lean(arms, segments, frames, goals, _furthest_m(arms, plan), body):
        segments = arms.segments(arms.pose + body)
    states = np.empty((len(body), 2, 9))
    for number, hand in enumerate(HANDS):
        own = arms.rest[number]
        states[:, number] = np.concatenate([own.hand, own.elbow, own.wrist])
        away = np.flatnonzero(frames[:, number] != "home")
        if not len(away):
            continue
        trunk = segments.rotation["trunk"][away]
        goal = _goals(arms, segments, frames[:, number], points[:, number], hand)[away]
        reach = outwards(turn_back(trunk, goal - arms.shoulder(segments, hand)[away]), hand)
        reach = within_reach(reach, arms.upper_m, arms.lower_m, _furthest_m(arms, plan)[away])
        lifted = raised[away, number]
        above = np.maximum(reach[:, 2] / np.linalg.norm(reach, axis=-1), 0.0)
        hanging = np.stack([_ELBOW_FORWARDS * above - 0.12, np.sin(lifted), -np.cos(lifted)], axis=-1)
        elbow = across(outwards(turn_back(trunk, outwards(hanging, hand)), hand), reach)
        thumb = outwards(turn_back(trunk, outwards(thumbs[away, number], hand)), hand)
        pronation, deviation = wrist_for(reach, elbow, thumb, arms.upper_m, arms.lower_m)
        wrist = np.stack([pronation, -extended[away, number], deviation], axis=-1)
        states[away, number] = np.concatenate([reach, elbow, wrist], axis=-1)
    return states, [bool((frames[:, number] != "home").any()) for number in range(2)]


def _furthest_m(arms: Arms, plan: Plan) -> np.ndarray:
    """How far from the shoulder a hand may be in each row, (K,) in m, so that strokes end before the arm does."""
    furthest = np.full(len(plan.frame), distance_at(STRAIGHTEST_RAD, arms.upper_m, arms.lower_m))
    bent = distance_at(_STRAIGHTEST_IN_STROKES_RAD, arms.upper_m, arms.lower_m)
    for row, stroke in plan.strokes.items():
        furthest[row] = max(bent - (1.0 - stroke.trunk[0]) * stroke.size_m[1], 0.6 * bent)
    return furthest


def _goals(arms: Arms, body: Pose, frame: np.ndarray, point: np.ndarray, hand: str) -> np.ndarray:
    """Where a hand shall be, (K, 3) from the hips in space; meaningless where it rests."""
    goals = arms.in_space(body, "place", point, hand)
    for name in ("head", "trunk"):
        rows = frame == name
        if rows.any():
            goals[rows] = arms.in_space(body, name, point, hand)[rows]
    return goals


def _lean(
    arms: Arms, segments: Pose, frames: np.ndarray, goals: np.ndarray, furthest_m: np.ndarray, body: np.ndarray
) -> bool:
    """Adds to body (K, channels) what lets the hands reach their goals (K, 2, 3); whether that was anything."""
    comfortable = _SHARE_OF_REACH * furthest_m
    lacking = np.zeros(frames.shape)
    for number, hand in enumerate(HANDS):
        far = np.linalg.norm(goals[:, number] - arms.shoulder(segments, hand), axis=-1) - comfortable
        lacking[:, number] = np.where(frames[:, number] == "place", np.maximum(far, 0.0), 0.0)
    if not lacking.any():
        return False
    lean = np.minimum(1.2 * lacking.max(axis=1) / arms.trunk_m, _MOST_LEAN_RAD)
    # The shoulder of the hand that lacks more comes forwards.
    turning = 0.5 * (lacking[:, 0] - lacking[:, 1]) / (arms.height_m * lengths.HALF_SHOULDER_WIDTH)
    body[:, CHANNEL["trunk_flex"]] += 0.6 * lean
    body[:, CHANNEL["pitch"]] += 0.4 * lean
    for side in SIDES:  # the legs stay where they are
        body[:, CHANNEL[f"{side}_hip_flex"]] += 0.4 * lean
    body[:, CHANNEL["trunk_turn"]] += np.clip(turning, -_MOST_TURN_RAD, _MOST_TURN_RAD)
    return True


def _progress(plan: Plan, frames: int, skip: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of frames from ``skip`` on: the row that goes on (T,), how far it has come from the row before with minimum jerk,
    0 to 1 (T,), and the share of its arc (T,)."""
    move_s, starts = np.array(plan.move_s), _starts(plan)
    time_s = (skip + np.arange(frames)) / FRAME_HZ
    now = np.clip(np.searchsorted(starts, time_s, side="right") - 1, 0, len(starts) - 1)
    progress = np.clip((time_s - starts[now]) / move_s[now], 0.0, 1.0)
    # An arc of the third order at both ends: no jump of the acceleration.
    return now, minimum_jerk(progress), (4.0 * progress * (1.0 - progress)) ** 3


def _arcs(arms: Arms, plan: Plan, states: np.ndarray) -> np.ndarray:
    """By how much each hand's way leaves the straight line, (2, 3, K) in m: over things, and around the shoulder."""
    arcs = np.zeros((2, 3, len(states)))
    arcs[:, 2] = np.stack(plan.lift_m).T
    for number in range(2):
        end = states[:, number, :3]
        begin = np.concatenate([end[:1], end[:-1]])
        way = end - begin
        nearest = np.clip(-(begin * way).sum(axis=1) / np.maximum((way**2).sum(axis=1), 1e-9), 0.0, 1.0)
        inside = (nearest > 0.0) & (nearest < 1.0)
        distance = np.linalg.norm(begin + nearest[:, None] * way, axis=1)
        clearance = np.maximum(_CLEAR_OF_SHOULDER * arms.height_m - distance, 0.0)
        arcs[number, 0] += np.where(inside, np.minimum(clearance, 0.5 * np.linalg.norm(way, axis=1)), 0.0)
    return arcs


def _elbows(reach: np.ndarray, states: np.ndarray, now: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Where the elbow points (T, 3), on the way from row to row of states (K, 9): carried along with the line from
    shoulder to hand, and turned about it to where it belongs in the end."""

    def unit(vector: np.ndarray) -> np.ndarray:
        return vector / np.maximum(np.linalg.norm(vector, axis=-1, keepdims=True), 1e-6)

    lines, elbows = unit(states[:, :3]), states[:, 3:6]
    first = np.maximum(np.arange(len(states)) - 1, 0)
    turned = angle_about(lines, carried(elbows[first], lines[first], lines), elbows)
    line = unit(reach)
    elbow = carried(elbows[first][now], lines[first][now], line)
    angle = (turned[now] * weight)[:, None]
    return np.cos(angle) * elbow + np.sin(angle) * np.cross(line, elbow)


def _starts(plan: Plan) -> np.ndarray:
    """When each row's movement begins, (K,) in s."""
    whole = np.array(plan.move_s) + np.array(plan.hold_s)
    return np.cumsum(whole) - whole


def _strokes(
    plan: Plan, arms: Arms, frames: int, skip: int, rng: np.random.Generator
) -> list[tuple[slice, dict[str, np.ndarray]]]:
    """What strokes add: the frames; each hand's place, wrist and pivots (8, frames); "trunk" (2, frames)."""
    made, starts = [], _starts(plan)
    for row, stroke in plan.strokes.items():
        first = round((starts[row] + plan.move_s[row]) * FRAME_HZ) - skip
        last = first + round(plan.hold_s[row] * FRAME_HZ)
        length = last - first
        if length < 4 or last <= 0 or first >= frames:
            continue
        added = _stroke(stroke, length, arms, rng)
        inside = slice(max(first, 0), min(last, frames))
        part = slice(inside.start - first, inside.stop - first)
        made.append((inside, {hand: values[:, part] for hand, values in added.items()}))
    return made


def _stroke(stroke: Stroke, frames: int, arms: Arms, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """hand -> (8, frames): hand in m, wrist and pivots in rad; "trunk" -> (2, frames) in rad; tempo and size wander."""
    wander, sizes = (1 + s * smooth_noise(rng, frames, 0.7)[:, 0] for s in (0.08, 0.15))
    hertz = rng.uniform(*stroke.hertz)
    cycles = rng.uniform(0, 1) + hertz * np.cumsum(wander) / FRAME_HZ
    seconds = np.arange(frames) / FRAME_HZ
    ramp = min(_RAMP_S, seconds[-1] / 3)
    sizes = sizes * minimum_jerk(seconds / ramp) * minimum_jerk((seconds[-1] - seconds) / ramp)
    along, second = (np.array(d or (0.0, 0.0, 0.0)) * [1.0, -1.0, 1.0] for d in (stroke.along, stroke.across))
    # Wide strokes are slow ones.
    size_m = min(rng.uniform(*stroke.size_m), _HARDEST_STROKE_M_S2 / (2 * np.pi * hertz) ** 2)
    along = along / max(np.linalg.norm(along), 1e-9) * size_m
    second = second / max(np.linalg.norm(second), 1e-9) * size_m * rng.uniform(*stroke.narrow)
    degrees = (stroke.turn, stroke.bend, stroke.swing, stroke.pivot, stroke.hinge)
    joints = np.deg2rad([rng.uniform(*some) for some in degrees])
    farthest = _HARDEST_STROKE_M_S2 / (2 * np.pi * hertz) ** 2 / arms.lower_m
    joints[3:] = np.clip(joints[3:], -farthest, farthest)
    lag = np.append(rng.uniform(-0.1, 0.1, 3), (0.0, 0.0))
    # The trunk bends and turns for its share; on both hands' strokes against each other it has none.
    share = rng.uniform(*stroke.trunk)
    swinging = share * _to_and_fro(cycles, stroke.contact)
    side = -1.0 if stroke.hands == "l" else 1.0
    added = {
        "trunk": sizes * np.stack([along[0] / arms.trunk_m * swinging, -side * along[1] / arms.upper_m * swinging])
    }
    along, second = (1.0 - share) * along, (1.0 - share) * second
    for hand in HANDS:
        values = np.zeros((8, frames))
        if stroke.hands in (hand, "both", "against"):
            turns = cycles + (0.5 if stroke.hands == "against" and hand == "l" else 0.0)
            values[:3] = along[:, None] * _to_and_fro(turns, stroke.contact)
            if second.any():
                values[:3] += second[:, None] * np.cos(2 * np.pi * turns)
            values[3:] = joints[:, None] * _to_and_fro(turns + lag[:, None], stroke.contact)
        added[hand] = sizes * values
    return added


def _to_and_fro(cycles: np.ndarray, contact: bool) -> np.ndarray:
    """-1 to 1 over a cycle: a sine, or what turns back at once where it hits."""
    if not contact:
        return np.sin(2 * np.pi * cycles)
    swing = np.cos(np.pi * cycles)
    return 1.0 - 2.0 * (np.sqrt(swing**2 + _SHARP**2) - _SHARP) / (np.sqrt(1 + _SHARP**2) - _SHARP)
