"""Bodies: lengths, the tree of segments, clips and their joins, postures, and every activity once."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from har.labels.groups import GROUPS, matches
from har.recordings.format import STANDARD_GRAVITY
from har.recordings.simulate import anthropometry as lengths
from har.recordings.simulate.activities import ACTIVITIES, MEANWHILE
from har.recordings.simulate.anthropometry import STATURE_M, draw_person
from har.recordings.simulate.chores import CHORES
from har.recordings.simulate.clips import (
    FRAME_HZ,
    Clip,
    Join,
    Key,
    Wave,
    add_waves,
    blend,
    fidgets,
    gate,
    keyframes,
    minimum_jerk,
    repeated,
    smooth_noise,
    still_clip,
)
from har.recordings.simulate.exercise import jumping
from har.recordings.simulate.gestures import GESTURES, gesture_clip, kicking
from har.recordings.simulate.postures import POSTURES, lying, rest, sitting, standing
from har.recordings.simulate.preview import BONES, preview
from har.recordings.simulate.sensors import PLACEMENTS, Looseness, ideal_signals
from har.recordings.simulate.skeleton import (
    CHANNEL,
    CHANNELS,
    PARENT,
    SEGMENTS,
    closure,
    foot_points,
    forward_kinematics,
    mirrored,
    point_on,
    pose_vector,
    root_path,
)
from har.recordings.simulate.tasks import TASKS
from har.recordings.simulate.timeline import Stretch, assemble, merged
from har.recordings.simulate.transitions import Step, collapse_into_chair, fall, usual_join

HEIGHT_M = 1.8


def pose_of(**degrees: float):
    return forward_kinematics(pose_vector(**degrees)[None], HEIGHT_M)


def tip(pose, segment: str, length: float) -> np.ndarray:
    """Where a segment ends, (3,)."""
    return point_on(pose, segment, np.array([0, 0, -length * HEIGHT_M]))[0]


# --- sizes ------------------------------------------------------------------------------------------------------------


def test_segment_lengths_add_up_to_the_landmarks():
    """Winter 2009, figure 4.1: ankle 0.039, knee 0.285, hip 0.530, shoulder 0.818 of stature above the ground."""
    assert pytest.approx(0.285) == lengths.ANKLE_HEIGHT + lengths.SHANK
    assert pytest.approx(lengths.HIP_HEIGHT) == lengths.ANKLE_HEIGHT + lengths.SHANK + lengths.THIGH
    pose = pose_of()
    hip = -tip(pose, "l_shank", lengths.SHANK)[2]
    assert hip + lengths.ANKLE_HEIGHT * HEIGHT_M == pytest.approx(lengths.HIP_HEIGHT * HEIGHT_M)
    assert pose.origin["l_upper_arm"][0, 2] == pytest.approx((lengths.SHOULDER_HEIGHT - lengths.HIP_HEIGHT) * HEIGHT_M)
    span = pose_of(shoulder_abd=90)
    reach = tip(span, "l_hand", lengths.HAND)[1] - tip(span, "r_hand", lengths.HAND)[1]
    assert reach == pytest.approx(1.139 * HEIGHT_M, rel=0.01)  # 2 x (0.129 + 0.186 + 0.146 + 0.108)
    assert foot_points(HEIGHT_M)["tip"][0] - foot_points(HEIGHT_M)["heel"][0] == pytest.approx(0.152 * HEIGHT_M)


def test_people_differ_as_people_do():
    people = [draw_person(np.random.default_rng(k)) for k in range(400)]
    for sex, (mean, deviation) in STATURE_M.items():
        heights = [p.height_m for p in people if p.sex == sex]
        assert len(heights) > 150
        assert np.mean(heights) == pytest.approx(mean, abs=0.015)
        assert np.std(heights) == pytest.approx(deviation, rel=0.2)
    assert np.std([p.speed for p in people]) == pytest.approx(0.12, rel=0.2)
    assert 0.05 < np.mean([p.left_handed for p in people]) < 0.16
    assert all(1.4 < p.height_m < 2.0 for p in people)


# --- the tree ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("degrees", "segment", "direction"),
    [
        ({"hip_flex": 90}, "l_thigh", (1, 0, 0)),
        ({"hip_flex": 90, "knee_flex": 90}, "l_shank", (0, 0, -1)),
        ({"l_hip_abd": 90}, "l_thigh", (0, 1, 0)),
        ({"r_hip_abd": 90}, "r_thigh", (0, -1, 0)),
        ({"shoulder_flex": 90}, "r_forearm", (1, 0, 0)),
        ({"elbow_flex": 90}, "l_forearm", (1, 0, 0)),
        ({"elbow_flex": 90, "l_shoulder_rot": 90}, "l_forearm", (0, -1, 0)),
        ({"elbow_flex": 90, "r_shoulder_rot": 90}, "r_forearm", (0, 1, 0)),
        ({"pitch": -90}, "trunk", (1, 0, 0)),
        ({"pitch": 90}, "trunk", (-1, 0, 0)),
        ({"trunk_flex": 90}, "trunk", (-1, 0, 0)),
        ({"trunk_side": 90}, "trunk", (0, -1, 0)),
        ({"heading": 90, "hip_flex": 90}, "r_thigh", (0, 1, 0)),
        ({"l_wrist_flex": 90}, "l_hand", (0, -1, 0)),
    ],
)
def test_angles_turn_segments_the_anatomical_way(degrees, segment, direction):
    """Direction in which a segment points from its joint; the trunk's is downwards along its own -z."""
    down = pose_of(**degrees).rotation[segment][0] @ np.array([0, 0, -1.0])
    np.testing.assert_allclose(down, direction, atol=1e-12)


def test_feet_faces_and_thumbs():
    toes = pose_of(ankle_dorsi=30).rotation["l_foot"][0] @ np.array([1.0, 0, 0])
    assert toes[2] == pytest.approx(0.5)  # dorsiflexion lifts the toes
    face_up = pose_of(pitch=-90).rotation["head"][0] @ np.array([1.0, 0, 0])
    np.testing.assert_allclose(face_up, [0, 0, 1], atol=1e-12)
    for side, twist in (("left", 90), ("right", -90)):
        # Who lies on the left side has the left hip below.
        hips = pose_of(pitch=-90, twist=twist).origin
        assert hips[f"{side[0]}_thigh"][0, 2] < -0.05
    for side, sign in (("l", -1), ("r", 1)):
        thumb = pose_of(pronation=90).rotation[f"{side}_forearm"][0] @ np.array([1.0, 0, 0])
        np.testing.assert_allclose(thumb, [0, sign, 0], atol=1e-12)  # pronation turns the thumbs inwards


def test_joints_keep_bones_together_and_rigid():
    rng = np.random.default_rng(0)
    angles = rng.uniform(-1.5, 1.5, (2, 40, len(CHANNELS)))  # leading axes are people
    pose = forward_kinematics(angles, HEIGHT_M)
    for segment in SEGMENTS:
        matrix = pose.rotation[segment]
        np.testing.assert_allclose(
            matrix @ np.swapaxes(matrix, -1, -2), np.broadcast_to(np.eye(3), matrix.shape), atol=1e-9
        )
        np.testing.assert_allclose(np.linalg.det(matrix), 1.0)
        if parent := PARENT[segment]:
            bone = np.linalg.norm(pose.origin[segment] - pose.origin[parent], axis=-1)
            np.testing.assert_allclose(bone, bone[0, 0], rtol=1e-9)
    one = forward_kinematics(angles[1], HEIGHT_M, ["r_hand"])
    np.testing.assert_allclose(one.origin["r_hand"], pose.origin["r_hand"][1])
    assert set(one.rotation) == {"pelvis", "trunk", "r_upper_arm", "r_forearm", "r_hand"}
    assert closure(["l_foot", "head"]) == ["pelvis", "trunk", "head", "l_thigh", "l_shank", "l_foot"]


def test_a_mirrored_pose_is_the_image_in_a_mirror():
    angles = np.random.default_rng(1).uniform(-1, 1, (30, len(CHANNELS)))
    pose, image = forward_kinematics(angles, HEIGHT_M), forward_kinematics(mirrored(angles), HEIGHT_M)
    flip = np.array([1, -1, 1.0])
    for left, right in (("l_hand", "r_hand"), ("r_foot", "l_foot"), ("head", "head")):
        np.testing.assert_allclose(image.origin[left], pose.origin[right] * flip, atol=1e-12)
        np.testing.assert_allclose(image.rotation[left], flip[:, None] * pose.rotation[right] * flip, atol=1e-12)
    np.testing.assert_array_equal(mirrored(mirrored(angles)), angles)


def test_pose_vectors_name_channels():
    vector = pose_vector(knee_flex=90, l_hip_abd=10)
    assert vector[CHANNEL["l_knee_flex"]] == vector[CHANNEL["r_knee_flex"]] == pytest.approx(np.pi / 2)
    assert vector[CHANNEL["l_hip_abd"]] == pytest.approx(np.deg2rad(10)) and np.count_nonzero(vector) == 3
    with pytest.raises(KeyError):
        pose_vector(tail_flex=10)


def test_the_pelvis_moves_against_planted_feet_and_along_its_heading():
    frames = 200
    angles = np.zeros((frames, len(CHANNELS)))
    bend = minimum_jerk(np.linspace(0, 1, frames))
    for side in "lr":
        for name, size in (("hip_flex", 90), ("knee_flex", 100), ("ankle_dorsi", 10)):
            angles[:, CHANNEL[f"{side}_{name}"]] = np.deg2rad(size) * bend
    pose = forward_kinematics(angles, HEIGHT_M)
    none, planted = np.zeros((frames, 2)), np.full((frames, 2), 0.5)
    root = root_path(pose, np.zeros(frames), np.zeros((frames, 3)), planted, HEIGHT_M, FRAME_HZ)
    middle = foot_points(HEIGHT_M)["ball"] * [0.4, 1, 1]
    for side in "lr":
        np.testing.assert_allclose(np.ptp(root + point_on(pose, f"{side}_foot", middle), axis=0), 0, atol=1e-9)
    assert root[-1, 2] < -0.4
    velocity = np.tile([1.0, 0.5, 0.25], (frames, 1))
    heading = np.full(frames, np.pi / 2)
    path = root_path(pose, heading, velocity, none, HEIGHT_M, FRAME_HZ)
    seconds = (frames - 1) / FRAME_HZ
    np.testing.assert_allclose(path[-1], np.array([-0.5, 1.0, 0.25]) * seconds, atol=1e-9)


# --- clips ------------------------------------------------------------------------------------------------------------


def test_minimum_jerk_starts_and_ends_at_rest():
    s = np.linspace(-0.5, 1.5, 2001)
    w = minimum_jerk(s)
    assert w[0] == 0 and w[-1] == 1 and np.all(np.diff(w) >= 0)
    slope, bend = np.gradient(w, s), np.gradient(np.gradient(w, s), s)
    assert slope.max() == pytest.approx(1.875, rel=1e-3)  # Flash & Hogan 1985
    for border in (0.0, 1.0):
        at = np.argmin(np.abs(s - border))
        assert abs(slope[at]) < 1e-3 and abs(bend[at]) < 0.1


def test_keyframes_reach_their_poses_in_time():
    keys = [Key(np.array([1.0, 2.0]), 0.5, 0.3), Key(np.array([-1.0, 0.0]), 1.0, 0.0)]
    path = keyframes(np.array([0.0, 0.0]), keys, 250)
    np.testing.assert_allclose(path[0], 0)
    np.testing.assert_allclose(path[50:80], [[1.0, 2.0]] * 30)
    np.testing.assert_allclose(path[130], [0.0, 1.0], atol=1e-12)  # half way
    np.testing.assert_allclose(path[180:], [[-1.0, 0.0]] * 70)


def test_repeated_keys_keep_their_tempo():
    rng = np.random.default_rng(0)
    keys = [Key(np.array([1.0]), 0.5, 0.0), Key(np.array([0.0]), 0.5, 0.0)]
    path = repeated(rng, keys, 6000, tempo=2.0, spread=0.05)[:, 0]
    peaks = np.count_nonzero((path[1:-1] > path[:-2]) & (path[1:-1] >= path[2:]) & (path[1:-1] > 0.5))
    assert peaks / 60 == pytest.approx(2.0, rel=0.1)
    assert path.max() < 1.3 and path.min() > -0.3


def test_smooth_noise_has_unit_variance_and_its_band():
    noise = smooth_noise(np.random.default_rng(0), 60000, 2.0, 3)
    np.testing.assert_allclose(noise.std(axis=0), 1.0, rtol=0.1)
    assert np.abs(np.corrcoef(noise.T) - np.eye(3)).max() < 0.1
    power = np.abs(np.fft.rfft(noise[:, 0])) ** 2
    frequency = np.fft.rfftfreq(60000, 1 / FRAME_HZ)
    assert power[frequency > 2.0].sum() < 0.03 * power.sum()
    assert power[(frequency > 0.5) & (frequency < 2.0)].sum() > 0.2 * power.sum()
    assert np.abs(np.diff(noise, 2, axis=0)).max() < 0.05  # two derivatives exist


def test_fidgets_come_as_often_as_told():
    deviation = np.full(len(CHANNELS), 0.1)
    paths = [fidgets(np.random.default_rng(k), 6000, 6.0, deviation) for k in range(30)]
    moving = [np.abs(np.diff(path, axis=0)).max(axis=1) > 1e-5 for path in paths]
    starts = np.mean([np.count_nonzero(np.diff(m.astype(int)) > 0) for m in moving])
    assert 4.0 < starts < 7.0  # six a minute; some merge
    assert np.max([np.abs(path).max() for path in paths]) <= 0.2 + 1e-12
    assert not fidgets(np.random.default_rng(0), 6000, 0.0, deviation).any()


def test_waves_and_gates():
    angles = np.zeros((4000, len(CHANNELS)))
    add_waves(angles, [Wave("pitch", 10.0, 1.5)], np.random.default_rng(0), 0.02)
    wave = angles[:, CHANNEL["pitch"]]
    frequency = np.fft.rfftfreq(4000, 1 / FRAME_HZ)
    assert frequency[np.abs(np.fft.rfft(wave)).argmax()] == pytest.approx(1.5, abs=0.1)
    assert np.rad2deg(wave.std() * np.sqrt(2)) == pytest.approx(10.0, rel=0.1)
    assert np.count_nonzero(angles.any(axis=0)) == 1
    switch = gate(np.random.default_rng(0), 60000, (2.0, 4.0), (1.0, 2.0))
    assert switch.min() == 0 and switch.max() == 1
    assert np.mean(switch) == pytest.approx(3.7 / 5.9, abs=0.08)


def two_clips(frames: int) -> tuple[Clip, Clip]:
    before = still_clip(np.zeros(len(CHANNELS)), frames, (0.5, 0.5))
    after = still_clip(pose_vector(knee_flex=90, hip_flex=40), frames, (0.0, 0.0))
    after.velocity[:] = [1.0, 0, 0]
    return before, after


def test_a_join_leads_from_one_clip_into_the_other():
    before, after = two_clips(150)
    joined = blend(before, after, Join(1.5, spread=0.3, impact_g=2.0), np.random.default_rng(0))
    np.testing.assert_allclose(joined.angles[0], before.angles[0], atol=1e-9)
    np.testing.assert_allclose(joined.angles[-1], after.angles[-1], atol=1e-9)
    np.testing.assert_allclose(joined.velocity[[0, -1]], [[0, 0, 0], [1, 0, 0]], atol=1e-9)
    np.testing.assert_allclose(joined.support[[0, 75, -1]], [[0.5, 0.5], [0.5, 0.5], [0, 0]], atol=1e-9)
    knee = joined.angles[:, CHANNEL["l_knee_flex"]]
    assert np.all(np.diff(knee) > -1e-9)
    assert np.abs(np.diff(knee, 2)).max() < 0.003
    (hit,) = np.flatnonzero(joined.impacts.any(axis=1))
    assert hit > 100 and joined.impacts[hit].tolist() == [2.0, 2.0]
    bumped = blend(before, after, Join(1.5, bump=pose_vector(trunk_flex=30)), np.random.default_rng(0))
    trunk = np.rad2deg(bumped.angles[:, CHANNEL["trunk_flex"]])
    assert trunk.max() == pytest.approx(30, abs=0.1) and abs(trunk[0]) + abs(trunk[-1]) < 1e-6
    assert trunk.argmax() in (74, 75)


def test_a_fall_gains_speed_and_ends_abruptly():
    before, after = two_clips(100)
    knee = blend(before, after, Join(1.0, falls=True), np.random.default_rng(0)).angles[:, CHANNEL["l_knee_flex"]]
    speed = np.diff(knee)
    assert 60 < speed.argmax() < 88
    assert speed[:30].max() < 0.2 * speed.max() and speed[95:].max() < 0.02 * speed.max()
    assert knee[-1] == pytest.approx(np.pi / 2, abs=1e-6) and abs(knee[0]) < 1e-3


def test_steps_are_assembled_without_jumps_and_labels_cover_them():
    rng = np.random.default_rng(4)
    person = draw_person(rng)
    names = ("walking", "sitting", "lying on the back", "driving a car", "boxing")
    steps = [step for name in names for step in ACTIVITIES[name].build(person, 5.0, rng)]
    movement = assemble(steps, person, rng)
    assert [s.label for s in movement.stretches] == [
        "walking", "sitting down", "sitting", "lying down from sitting", "lying on the back", "sitting up from lying",
        "driving a car", "standing up", "boxing",
    ]  # fmt: skip
    borders = [(s.start, s.stop) for s in movement.stretches]
    assert borders[0][0] == 0 and borders[-1][1] == len(movement.clip)
    assert all(a[1] == b[0] for a, b in pairwise(borders))
    assert np.abs(np.diff(movement.clip.angles, axis=0)).max() < 0.35  # rad a frame: 35 rad/s, in boxing
    own = [s for s in movement.stretches if s.label in names]
    assert [s.stop - s.start for s in own] == [500] * 5
    heading = movement.clip.angles[:, CHANNEL["heading"]]
    assert np.abs(np.diff(heading)).max() < 0.06


# --- postures ---------------------------------------------------------------------------------------------------------


def test_postures_look_as_they_are_called():
    for seed in range(40):
        rng = np.random.default_rng(seed)
        person = draw_person(rng)

        def up(pose, segment: str, axis: int, height_m: float = person.height_m) -> float:
            return forward_kinematics(pose[None], height_m).rotation[segment][0][2, axis]

        stand, sit = standing(person, rng), sitting(person, rng)
        assert up(stand, "trunk", 2) > 0.95 and up(stand, "l_thigh", 2) > 0.9
        assert up(sit, "trunk", 2) > 0.75
        assert abs(up(sit, "l_thigh", 2)) < 0.62 and abs(up(sit, "r_thigh", 2)) < 0.62
        for side, (axis, sign) in {"back": (0, 1), "stomach": (0, -1), "left": (1, -1), "right": (1, 1)}.items():
            pose = lying(person, rng, side)
            assert abs(up(pose, "pelvis", 2)) < 0.3
            assert sign * up(pose, "pelvis", axis) > 0.75
    with pytest.raises(ValueError, match="lying on the 'head'; expected back"):
        lying(person, rng, "head")


def test_rest_is_quiet_but_never_still():
    for posture, pose in (("stand", standing), ("sit", sitting), ("lie", lying)):
        for seed in range(4):
            rng = np.random.default_rng(seed)
            person = draw_person(rng)
            clip = rest(person, pose(person, rng), posture, 3000, rng)
            assert 1e-4 < clip.angles.std(axis=0).max() < 0.5
            assert clip.angles[:, CHANNEL["trunk_flex"]].std() > 1e-3  # breath
            assert not clip.impacts.any() and not clip.velocity.any()
            assert clip.support.tolist() == [[0.5, 0.5] if posture == "stand" else [0.0, 0.0]] * 3000
    with pytest.raises(ValueError, match="posture 'hang'; expected one of stand"):
        rest(person, pose(person, rng), "hang", 100, rng)


def test_joins_between_postures_have_the_names_of_the_movements():
    rng = np.random.default_rng(0)
    person = draw_person(rng)
    for before in POSTURES:
        for after in POSTURES:
            join = usual_join(before, after, person, rng)
            assert 0.3 < join.seconds < 9
            assert join.label == "" or join.label in ACTIVITIES
    assert usual_join("stand", "sit", person, rng).label == "sitting down"
    assert usual_join("lie", "sit", person, rng).label == "sitting up from lying"


# --- activities -------------------------------------------------------------------------------------------------------


def test_there_are_many_activities_and_their_phrases_belong_together():
    assert len(ACTIVITIES) >= 35
    owners: dict[str, str] = {}
    for name, activity in ACTIVITIES.items():
        for phrase in activity.phrases:
            assert matches(phrase, activity.phrases[0]), phrase
            if name in GROUPS:
                assert matches(phrase, name), phrase
        for phrase in activity.phrases:
            assert owners.setdefault(phrase, name) == name, phrase
            assert phrase == " ".join(phrase.casefold().split())
    for group in (
        "walking",
        "running",
        "walking upstairs",
        "walking downstairs",
        "sitting",
        "standing",
        "lying",
        "jumping",
    ):
        assert group in ACTIVITIES
    assert set(GESTURES) | set(TASKS) | set(CHORES) <= set(ACTIVITIES)
    for posture, names in MEANWHILE.items():
        assert all(posture in dict((TASKS | CHORES)[name].posture) for name in names), posture


@pytest.mark.parametrize("name", sorted(ACTIVITIES))
def test_every_activity_gives_signals_a_body_can_make(name: str):
    """Finite, with a mean specific force of 1 g in the world over the bout and bounded peaks."""
    rng = np.random.default_rng(7)
    person = draw_person(rng)
    movement = assemble(ACTIVITIES[name].build(person, 8.0, rng), person, rng)
    clip = movement.clip
    assert {s.label for s in movement.stretches} & {name}
    pose = forward_kinematics(clip.angles, person.height_m)
    root = root_path(pose, clip.angles[:, 0], clip.velocity, clip.support, person.height_m, FRAME_HZ)
    for place, most_g in (("waist", 20), ("right wrist", 60), ("left ankle", 30)):
        placement = PLACEMENTS[place]
        force, turning = ideal_signals(
            pose, root, clip.impacts, placement, np.eye(3), Looseness(), person.height_m, np.random.default_rng(0)
        )
        assert np.isfinite(force).all() and np.isfinite(turning).all()
        assert np.linalg.norm(force, axis=1).max() / STANDARD_GRAVITY < most_g
        assert np.linalg.norm(turning, axis=1).max() < 40
        in_world = np.einsum("tij,tj->ti", pose.rotation[placement.segment], force)
        if place == "waist":
            assert np.linalg.norm(in_world.mean(axis=0)) / STANDARD_GRAVITY == pytest.approx(1.0, abs=0.2)


def test_jumps_leave_the_ground():
    for style in ("jump", "rope", "jacks", "hop", "high"):
        rng = np.random.default_rng(2)
        person = draw_person(rng)
        clip = jumping(person, 1500, rng, style=style)
        acceleration = np.diff(clip.velocity[:, 2]) * FRAME_HZ
        falling = np.mean(np.abs(acceleration + STANDARD_GRAVITY) < 0.05 * STANDARD_GRAVITY)
        assert 0.1 < falling < 0.75, style
        assert abs(clip.velocity[:, 2].mean()) < 0.15, style
        assert np.count_nonzero(clip.impacts.any(axis=1)) >= 5
        if style == "hop":
            assert not clip.impacts[:, 0].any()
    with pytest.raises(ValueError, match="jumps 'moon'; expected one of jump"):
        jumping(person, 100, rng, style="moon")


def test_people_jump_low_and_often_or_high_and_seldom():
    """Flight and ground are all the time from jump to jump, and h = v^2 / 2g."""
    rates, heights = [], []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        clip = jumping(draw_person(rng), 2000, rng)
        landings = np.flatnonzero(clip.impacts.any(axis=1))
        rates.append(FRAME_HZ / np.diff(landings).mean())
        heights.append(clip.velocity[:, 2].max() ** 2 / (2 * STANDARD_GRAVITY))
    assert 1.0 < min(rates) < 1.6 and 1.9 < max(rates) < 3.2
    assert min(heights) < 0.1 and 0.2 < max(heights) < 0.7
    assert np.corrcoef(rates, heights)[0, 1] < -0.4


@pytest.mark.parametrize("seed", range(4))
def test_who_kicks_a_ball_walks_between_the_kicks(seed: int):
    rng = np.random.default_rng(seed)
    person = draw_person(rng)
    clip = kicking(person, 6000, rng)
    kicking_side, standing_side = "lr" if person.left_handed else "rl"
    swing = np.rad2deg(clip.angles[:, CHANNEL[f"{kicking_side}_hip_flex"]])
    kicks = np.flatnonzero((swing[1:-1] > swing[:-2]) & (swing[1:-1] >= swing[2:]) & (swing[1:-1] > 40)) + 1
    steps = np.flatnonzero(clip.impacts.any(axis=1))
    assert 5 <= len(kicks) <= 30 and len(steps) > 2 * len(kicks)
    # The foot that stays bears most of the body at every kick.
    bearing = clip.support[kicks, "lr".index(standing_side)]
    assert np.median(bearing) > 0.7
    assert np.count_nonzero(np.diff(kicks) > 200) >= len(kicks) // 3


@pytest.mark.parametrize(
    ("name", "low"),
    [("sitting down and getting up", "l_thigh"), ("lying down and sitting up", "trunk"), ("climbing stairs", "")],
)
def test_there_and_back_is_one_activity(name: str, low: str):
    """One stretch covers both movements and what lies between them; the segment goes up and down."""
    rng = np.random.default_rng(3)
    person = draw_person(rng)
    movement = assemble(ACTIVITIES[name].build(person, 30.0, rng), person, rng)
    (stretch,) = movement.stretches
    assert (stretch.label, stretch.start, stretch.stop) == (name, 0, len(movement.clip))
    if low:
        up = forward_kinematics(movement.clip.angles, person.height_m).rotation[low][:, 2, 2]
        assert np.count_nonzero(np.diff(up > 0.6)) >= 3
    else:
        clip = movement.clip
        pose = forward_kinematics(clip.angles, person.height_m)
        root = root_path(pose, clip.angles[:, 0], clip.velocity, clip.support, person.height_m, FRAME_HZ)
        assert np.abs(root[:, 2]).max() > 1.0


def test_who_collapses_into_a_chair_hits_it():
    for seed in range(5):
        rng = np.random.default_rng(seed)
        person = draw_person(rng)
        movement = assemble(collapse_into_chair(person, 12.0, rng), person, rng)
        assert {s.label for s in movement.stretches} == {"collapsing into a chair"}
        upright = forward_kinematics(movement.clip.angles, person.height_m).rotation["l_thigh"][:, 2, 2]
        assert upright.min() + 0.15 < upright.max() < 0.95  # rises, and never stands
        hits = np.flatnonzero(movement.clip.impacts.any(axis=1))
        assert len(hits) and (upright[hits] < upright.max() - 0.1).all()


@pytest.mark.parametrize(("name", "first"), [("starting to walk", 0), ("stopping walking", 1)])
def test_setting_off_holds_a_stand_and_steps(name: str, first: int):
    rng = np.random.default_rng(5)
    person = draw_person(rng)
    movement = assemble(ACTIVITIES[name].build(person, 25.0, rng), person, rng)
    stretches = [s for s in movement.stretches if s.label == name]
    assert len(stretches) >= 3
    for stretch in stretches:
        speed = movement.clip.velocity[stretch.start : stretch.stop, 0]
        halves = np.array_split(speed, 4)
        assert abs(halves[-first].mean()) < 0.2  # stands in the first quarter, or in the last
        assert halves[first - 1].mean() > 0.6


def test_neighbours_of_one_name_are_one_stretch():
    parts = [Stretch("a", 0, 3), Stretch("a", 3, 5), Stretch("", 5, 6), Stretch("a", 6, 9), Stretch("b", 9, 10)]
    assert merged(parts) == [Stretch("a", 0, 5), Stretch("", 5, 6), Stretch("a", 6, 9), Stretch("b", 9, 10)]


def test_falls_end_on_the_ground_after_a_hard_stop():
    for direction, axis, sign in (("forward", 0, -1), ("backward", 0, 1)):
        for seed in range(5):
            rng = np.random.default_rng(seed)
            person = draw_person(rng)
            movement = assemble(fall(direction, person, 8.0, rng), person, rng)
            (stretch,) = [s for s in movement.stretches if s.label]
            assert stretch.label == f"falling {direction}"
            pose = forward_kinematics(movement.clip.angles, person.height_m)
            assert sign * pose.rotation["pelvis"][-1][2, axis] > 0.7  # face down or up
            clip = movement.clip
            root = root_path(pose, clip.angles[:, 0], clip.velocity, clip.support, person.height_m, FRAME_HZ)
            placement = PLACEMENTS["waist"]
            force, _ = ideal_signals(
                pose, root, clip.impacts, placement, np.eye(3), Looseness(), person.height_m, np.random.default_rng(0)
            )
            magnitude = np.linalg.norm(force, axis=1) / STANDARD_GRAVITY
            assert magnitude[stretch.start : stretch.stop + 50].max() > 2.0
            assert magnitude[-100:].std() < 0.05
    with pytest.raises(ValueError, match="a fall 'up'; expected one of forward"):
        fall("up", person, 5.0, rng)


def test_the_left_handed_use_the_left_hand():
    used = set()
    for seed in range(60):
        rng = np.random.default_rng(seed)
        person = draw_person(rng)
        clip = gesture_clip("throwing", person, 800, rng)
        moved = {side: clip.angles[:, CHANNEL[f"{side}_shoulder_rot"]].std() for side in "lr"}
        hand = max(moved, key=moved.get)
        assert (hand == "l") == person.left_handed
        used.add(hand)
    assert used == {"l", "r"}
    with pytest.raises(ValueError, match="no gesture 'juggling'"):
        gesture_clip("juggling", person, 100, rng)


def test_a_step_is_made_as_long_as_it_takes():
    asked = []

    def make(frames: int) -> Clip:
        asked.append(frames)
        return still_clip(np.zeros(len(CHANNELS)), frames)

    rng = np.random.default_rng(0)
    steps = [Step(make, "stand", 1.0, "a"), Step(make, "stand", 2.0, "b", Join(0.5)), Step(make, "stand", 1.0)]
    movement = assemble([*steps[:2]], draw_person(rng), rng)
    assert asked == [150, 250]
    assert [(s.label, s.stop - s.start) for s in movement.stretches] == [("a", 100), ("", 50), ("b", 200)]
    assert len(movement.clip) == 350


def test_the_heading_goes_on_where_the_last_movement_left_it():
    def facing(degrees: float):
        return lambda frames: still_clip(pose_vector(heading=degrees), frames)

    rng = np.random.default_rng(0)
    steps = [Step(facing(120.0), "stand", 1.0), Step(facing(0.0), "stand", 1.0), Step(facing(-70.0), "stand", 1.0)]
    heading = assemble(steps, draw_person(rng), rng).clip.angles[:, CHANNEL["heading"]]
    np.testing.assert_allclose(np.rad2deg(heading), 120.0, atol=1e-9)


def test_rotations_of_the_pelvis_are_heading_pitch_roll_twist():
    degrees = {"heading": 40, "pitch": -30, "roll": 15, "twist": 25}
    expected = Rotation.from_euler("ZYXZ"[:1], 40, degrees=True) * Rotation.from_euler(
        "YXZ", [-30, 15, 25], degrees=True
    )
    np.testing.assert_allclose(pose_of(**degrees).rotation["pelvis"][0], expected.as_matrix(), atol=1e-12)


def test_a_preview_has_an_end_for_every_bone_and_a_signal_for_every_placement():
    person = draw_person(np.random.default_rng(0))
    shown = preview("walking upstairs", person, 3.0, ("waist", "left wrist"), np.random.default_rng(0))
    assert {end for bone in BONES for end in bone} <= set(shown.joints)
    frames = {len(path) for path in (*shown.joints.values(), *shown.acceleration.values())}
    assert frames == {300} and set(shown.acceleration) == {"waist", "left wrist"}
    tall = shown.joints["crown"][0, 2] - min(
        shown.joints[f"{side}_{end}"][0, 2] for side in "lr" for end in ("heel", "tip")
    )
    assert tall == pytest.approx(person.height_m, rel=0.08)
    assert not shown.grounded and shown.joints["pelvis"][-1, 2] - shown.joints["pelvis"][0, 2] > 0.3
    fingers = np.linalg.norm(shown.joints["l_fingers"] - shown.joints["l_hand"], axis=1)
    np.testing.assert_allclose(fingers, lengths.HAND * person.height_m)
    assert preview("sitting", person, 3.0, ("waist",), np.random.default_rng(0)).grounded
