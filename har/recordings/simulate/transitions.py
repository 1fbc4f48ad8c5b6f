"""Going from one posture to another: sitting down, lying down, bending, kneeling, and falling.

Between two postures the joints follow a minimum-jerk path, with the trunk bending forwards on the way from and to a
seat (Schenkman et al., Whole-body movements during rising to standing from sitting, Physical Therapy 1990). A fall is a
body that tips ever faster until the ground stops it within a few hundredths of a second.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from har.recordings.simulate.anthropometry import Person
from har.recordings.simulate.clips import Clip, Join, frames_of
from har.recordings.simulate.locomotion import Going, gait_clip
from har.recordings.simulate.postures import bent_over, kneeling, lying, rest, sitting, squat, standing, standing_pose
from har.recordings.simulate.reaching import ARM_JOINTS
from har.recordings.simulate.skeleton import CHANNEL, SIDES, mirrored, pose_vector

PAUSE_S = 0.6  # least time for which a posture is held between two movements


@dataclass(frozen=True)
class Step:
    """A stretch of a recording, made when its length is known.

    make(frames) -> clip. posture: one of postures.POSTURES. seconds: how long it lasts without the joins to its
    neighbours, which are cut out of longer clips. label: "" for nothing. join: how it is reached from what was before
    (None: as usual between the postures).
    """

    make: Callable[[int], Clip]
    posture: str
    seconds: float
    label: str = ""
    join: Join | None = None


# (from, to) -> label, shortest and longest duration in s, what is added at half way in degrees
_USUAL: dict[tuple[str, str], tuple[str, float, float, dict[str, float]]] = {
    ("stand", "sit"): ("sitting down", 1.1, 2.6, {"trunk_flex": 22, "pitch": 16, "shoulder_flex": 14}),
    ("sit", "stand"): ("standing up", 1.0, 2.4, {"trunk_flex": 24, "pitch": 20, "shoulder_flex": 16, "hip_flex": 12}),
    ("sit", "lie"): ("lying down from sitting", 1.6, 4.0, {"trunk_side": 16, "elbow_flex": 20, "hip_flex": 14}),
    ("lie", "sit"): ("sitting up from lying", 1.4, 4.0, {"trunk_flex": 20, "trunk_side": 16, "elbow_flex": 25}),
    ("stand", "lie"): ("lying down from standing", 2.4, 5.5, {"knee_flex": 70, "hip_flex": 62, "shoulder_flex": 35}),
    ("lie", "stand"): ("standing up from lying", 2.4, 5.5, {"knee_flex": 70, "hip_flex": 66, "shoulder_flex": 35}),
    ("lie", "lie"): ("turning over while lying", 1.4, 3.5, {"knee_flex": 25, "hip_flex": 20, "shoulder_flex": 20}),
    ("stand", "bend"): ("bending down", 0.9, 2.2, {"knee_flex": 8}),
    ("bend", "stand"): ("straightening up", 0.9, 2.2, {"knee_flex": 8}),
    ("stand", "kneel"): ("kneeling down", 1.5, 3.2, {"trunk_flex": 18, "hip_flex": 40, "knee_flex": 20}),
    ("kneel", "stand"): ("standing up from kneeling", 1.4, 3.2, {"trunk_flex": 22, "hip_flex": 45, "knee_flex": 20}),
    ("stand", "squat"): ("", 0.9, 1.8, {"shoulder_flex": 10}),
    ("squat", "stand"): ("", 0.8, 1.7, {"shoulder_flex": 10}),
    ("sit", "sit"): ("", 0.8, 1.8, {}),
    ("stand", "stand"): ("", 0.7, 1.4, {}),
}


# What arms do meanwhile from and to a seat: swing forwards, push on the thighs or on arm rests, one of them alone.
_HELPING_ARMS = (
    {},
    {"shoulder_flex": 34, "elbow_flex": -14},
    {"shoulder_flex": 12, "elbow_flex": 8, "pronation": 24, "shoulder_rot": 8},
    {"shoulder_flex": -26, "shoulder_abd": 14, "elbow_flex": 26, "pronation": 20},
    {"shoulder_flex": 6, "r_shoulder_flex": -22, "r_shoulder_abd": 12, "r_elbow_flex": 24},
    {"shoulder_flex": 6, "l_shoulder_flex": -22, "l_shoulder_abd": 12, "l_elbow_flex": 24},
)


def usual_join(before: str, after: str, person: Person, rng: np.random.Generator, pace: float = 1.0) -> Join:
    """How a person goes from one posture to another; unusual pairs take two to four seconds and bear no name."""
    label, least, most, bump = _USUAL.get((before, after), ("", 2.0, 4.0, {"knee_flex": 30, "hip_flex": 30}))
    seconds = rng.uniform(least, most) / (person.tempo * pace)
    size = rng.uniform(0.5, 1.3)
    if {before, after} == {"sit", "stand"}:
        bump = bump | _HELPING_ARMS[rng.integers(len(_HELPING_ARMS))]
    support = (0.0, 0.0) if "lie" in (before, after) else (0.5, 0.5)
    impact_g = rng.uniform(0, 3) / seconds if after in ("sit", "lie", "kneel") and before != after else 0.0
    return Join(seconds, label, size * pose_vector(**bump), support=support, spread=0.22, impact_g=impact_g)


def change_of_posture(
    names: tuple[str, str], person: Person, seconds: float, rng: np.random.Generator, pace: float = 1.0
) -> list[Step]:
    """There and back for about that long: ("stand", "sit") sits down, stands up, sits down ..., with rests between.

    pace: of the movement itself, relative. The rests bear the names of the postures.
    """
    names_of_rest = {"stand": "standing", "sit": "sitting", "bend": "being bent over", "kneel": "kneeling"}
    steps: list[Step] = []
    total = 0.0
    while total < seconds or len(steps) < 2:
        posture = names[len(steps) % 2]
        hold = rng.uniform(PAUSE_S, 4.0)
        join = usual_join(names[(len(steps) + 1) % 2], posture, person, rng, pace) if steps else None
        label = names_of_rest.get(posture, "") if hold > 1.5 else ""
        steps.append(Step(_still(posture, person, rng), posture, hold, label, join))
        total += hold + (join.seconds if join else 0.0)
    return steps


def under_one_name(steps: Sequence[Step], label: str, person: Person, rng: np.random.Generator) -> list[Step]:
    """The steps and what joins them as one activity, as people label what they see as one: "sitting down and standing
    up again" with the time on the chair."""
    named: list[Step] = []
    for step in steps:
        join = None
        if named:
            join = step.join or usual_join(named[-1].posture, step.posture, person, rng)
            join = replace(join, label=label)
        named.append(replace(step, label=label, join=join))
    return named


def collapse_into_chair(person: Person, seconds: float, rng: np.random.Generator) -> list[Step]:
    """Seated, half up and back onto the seat with a thud, and the same again after a rest."""
    total, steps = 0.0, []
    lean = pose_vector(pitch=12, trunk_flex=14)
    while total < seconds or not steps:
        seat = pose_in("sit", person, rng)
        half_up = seat + rng.uniform(0.25, 0.6) * (standing_pose(person, rng) - seat) + lean
        rise = Join(rng.uniform(0.6, 1.3) / person.tempo, support=(0.5, 0.5), spread=0.15)
        drop = Join(rng.uniform(0.6, 1.1), falls=True, support=(0.4, 0.4), impact_g=rng.uniform(0.5, 3.0))
        steps.append(Step(_still("sit", person, rng, seat), "sit", rng.uniform(0.8, 3.0)))
        steps.append(Step(_still("sit", person, rng, half_up), "sit", rng.uniform(0.05, 0.4), "", rise))
        steps.append(Step(_still("sit", person, rng, seat), "sit", rng.uniform(0.8, 3.0), "", drop))
        total += rise.seconds + drop.seconds + sum(step.seconds for step in steps[-3:])
    return under_one_name(steps, "collapsing into a chair", person, rng)


def _still(
    posture: str, person: Person, rng: np.random.Generator, pose: np.ndarray | None = None, liveliness: float = 1.0
) -> Callable[[int], Clip]:
    """Makes clips of a posture held, in the given pose or one of the usual ones."""

    def make(frames: int) -> Clip:
        return rest(person, pose_in(posture, person, rng) if pose is None else pose, posture, frames, rng, liveliness)

    return make


def standing_moment(person: Person, rng: np.random.Generator, seconds: float | None = None) -> Step:
    """A stand between two movements, a short one where no time is given."""
    return Step(_still("stand", person, rng), "stand", rng.uniform(PAUSE_S, 2.0) if seconds is None else seconds)


def pose_in(posture: str, person: Person, rng: np.random.Generator) -> np.ndarray:
    """One of the ways to be in a posture, (channels,)."""
    if posture == "stand":
        return standing(person, rng)
    if posture == "sit":
        return sitting(person, rng)
    if posture == "lie":
        return lying(person, rng)
    if posture == "kneel":
        return kneeling(person, rng)
    return bent_over(person, rng) if posture == "bend" else squat(person, rng)


_FALLEN = {
    "forward": ({"pitch": 88, "shoulder_flex": 105, "elbow_flex": 70, "knee_flex": 12, "head_turn": 40},
        "falling forward"),
    "backward": ({"pitch": -88, "shoulder_abd": 40, "elbow_flex": 30, "knee_flex": 25, "hip_flex": 20},
        "falling backward"),
    "sideways": ({"roll": 86, "shoulder_flex": 60, "elbow_flex": 60, "knee_flex": 40, "hip_flex": 35},
        "falling sideways"),
    "collapse": ({"roll": 70, "pitch": 30, "twist": 25, "knee_flex": 75, "hip_flex": 55, "elbow_flex": 40},
        "falling vertically"),
}  # fmt: skip


def fall(direction: str, person: Person, seconds: float, rng: np.random.Generator) -> list[Step]:
    """Standing, walking or sitting, then a fall, then lying there. Raises ``ValueError`` for an unknown direction."""
    if direction not in _FALLEN:
        raise ValueError(f"a fall {direction!r}; expected one of {', '.join(_FALLEN)}")
    degrees, label = _FALLEN[direction]
    before_s = rng.uniform(1.5, 4.0)
    start = rng.random()
    if start < 0.4 and direction != "collapse":
        going = Going("walk", pace=rng.uniform(0.6, 1.1), turns_per_minute=0.0)
        first = Step(lambda frames: gait_clip(person, going, frames, rng), "stand", before_s)
    elif start < 0.55 and direction != "collapse":
        first = Step(_still("sit", person, rng), "sit", before_s)
    else:
        first = Step(_still("stand", person, rng), "stand", before_s)
    pose = standing_pose(person, rng) + pose_vector(**degrees) * rng.uniform(0.8, 1.15)
    if direction == "sideways" and rng.random() < 0.5:
        pose = pose - 2 * pose_vector(roll=86)
    quick = rng.uniform(0.75, 1.5)
    join = Join(quick, label, falls=True, support=(0.4, 0.4), impact_g=rng.uniform(2, 8) / quick)
    after_s = max(seconds - before_s - quick, 2.0)
    return [first, Step(_still("lie", person, rng, pose, 0.4), "lie", after_s, "", join)]


def _pushing_up(rng: np.random.Generator) -> np.ndarray:
    """Half way between lying and sitting: turned to one side, propped on that arm, legs on their way over the edge."""
    lean = pose_vector(
        pitch=-52, twist=42, trunk_flex=22, trunk_side=-14, head_flex=12, hip_flex=48, knee_flex=55,
        l_shoulder_abd=38, l_shoulder_flex=-18, l_elbow_flex=62, l_pronation=55,
        r_shoulder_flex=48, r_shoulder_rot=42, r_elbow_flex=48, r_pronation=45,
    )  # fmt: skip
    pose = lean * (1 + 0.25 * rng.standard_normal(len(lean)))
    return pose if rng.random() < 0.5 else mirrored(pose)


def _sitting_straight_up(rng: np.random.Generator) -> np.ndarray:
    """Half way between lying and sitting without a turn: legs still stretched, arms in front or behind as props."""
    arms = pose_vector(shoulder_flex=45, elbow_flex=15)
    if rng.random() < 0.5:
        arms = pose_vector(shoulder_flex=-32, shoulder_abd=14, elbow_flex=22, pronation=40)
    pose = pose_vector(pitch=-28, trunk_flex=34, head_flex=14, hip_flex=66, knee_flex=14, hip_abd=6)
    return (pose + arms) * (1 + 0.2 * rng.standard_normal(len(pose)))


def _edge_of_bed(person: Person, rng: np.random.Generator) -> np.ndarray:
    """Seated on the edge of a bed, hands on the mattress, on the thighs or in the lap."""
    arms = (
        pose_vector(shoulder_flex=-14, shoulder_abd=16, elbow_flex=22, pronation=62),
        pose_vector(shoulder_flex=26, shoulder_rot=4, elbow_flex=40, pronation=68),
        pose_vector(shoulder_flex=14, shoulder_rot=22, elbow_flex=62, pronation=55),
    )[rng.choice(3, p=[0.5, 0.3, 0.2])]
    pose = sitting(person, rng, table=True)
    for side in SIDES:
        pose[[CHANNEL[f"{side}_{name}"] for name in ARM_JOINTS]] = 0.0
    return pose + arms * (1 + 0.15 * rng.standard_normal(len(pose)))


def bed(first: str, person: Person, seconds: float, rng: np.random.Generator) -> list[Step]:
    """Out of a bed and into it again for about that long: lying, over the edge, standing, and back the same way.
    first: "up" or "down".

    Most people roll to the side and push themselves up with that arm, some sit straight up; many stay seated on the
    edge for a moment, and push off with the hands again to stand (Ford-Smith & VanSant, Age differences in movement
    patterns used to rise from a bed, Physical Therapy 1993).
    """
    steps: list[Step] = []
    up, total = first == "up", 0.0
    while total < seconds or not steps:
        label = "getting up from lying" if up else "lying down"
        way = [(_still("lie", person, rng), "lie", rng.uniform(0.8, 4.0))]
        half = _pushing_up if rng.random() < 0.7 else _sitting_straight_up
        way.append((_still("sit", person, rng, half(rng)), "sit", rng.uniform(0.02, 0.3)))
        stay = rng.uniform(0.5, 4.0) if rng.random() < 0.5 else rng.uniform(0.02, 0.4)
        way.append((_still("sit", person, rng, _edge_of_bed(person, rng)), "sit", stay))
        way.append((_still("stand", person, rng), "stand", rng.uniform(0.8, 3.0)))
        if not up:
            way.reverse()
        size = rng.uniform(0.4, 1.2)
        lean = size * pose_vector(trunk_flex=22, pitch=16, shoulder_flex=rng.uniform(-20, 25), elbow_flex=14)
        for make, posture, hold in way[1 if steps else 0 :]:
            join = None
            if steps:
                stands = "stand" in (posture, steps[-1].posture)
                quick = rng.uniform(1.1, 2.4) / person.tempo if stands else rng.uniform(0.8, 2.0) / person.tempo
                drop = rng.uniform(0.0, 2.0) / quick if not up and posture != "stand" else 0.0
                support = (0.5, 0.5) if stands else (0.0, 0.0)
                join = Join(quick, label, lean if stands else None, support=support, spread=0.25, impact_g=drop)
            resting = posture in ("lie", "stand") and hold > 1.5
            named = {"lie": "lying", "stand": "standing"}[posture] if resting else label
            steps.append(Step(make, posture, hold, named, join))
            total += hold + (join.seconds if join else 0.0)
        up = not up
    return steps


def stumble(person: Person, frames: int, rng: np.random.Generator) -> Clip:
    """Walking with a trip now and then: a step cut short, the trunk thrown forwards, arms up, hard catching steps."""
    clip = gait_clip(person, Going("walk", pace=rng.uniform(0.7, 1.1)), frames, rng)
    for begin in np.arange(rng.uniform(1.0, 3.0), frames / 100 - 1.5, rng.uniform(3.0, 6.0)):
        first, length = frames_of(begin), frames_of(rng.uniform(0.7, 1.2))
        progress = np.linspace(0, 1, length)
        shape = (progress**2 * (1 - progress) ** 3 * 29.0)[:, None]
        rows = slice(first, first + length)
        size = rng.uniform(0.6, 1.5)
        throw = pose_vector(pitch=20, trunk_flex=22, shoulder_flex=45, shoulder_abd=25, elbow_flex=25, r_knee_flex=25)
        many = len(clip.angles[rows])
        clip.angles[rows] += size * shape[:many] * throw
        clip.velocity[rows, 2] -= size * 0.35 * np.sin(2 * np.pi * progress[:many])
        clip.velocity[rows, 0] += size * 0.6 * np.sin(np.pi * progress[:many])
        clip.impacts[min(first + length // 2, frames - 1)] += 2.5 * size
    return clip


def into_car(person: Person, seconds: float, rng: np.random.Generator, out: bool) -> list[Step]:
    """From beside a car onto its low seat, one leg after the other, head ducked; or out of it."""
    seat = sitting(person, rng) + pose_vector(pitch=-8, knee_flex=-25, hip_flex=8)
    standing_s = rng.uniform(0.8, 2.5)
    sitting_s = max(seconds - standing_s - 3.0, standing_s)
    bump = rng.uniform(0.7, 1.3) * pose_vector(
        trunk_flex=34,
        trunk_side=18,
        head_flex=22,
        twist=35,
        r_hip_flex=35,
        r_hip_abd=18,
        r_shoulder_flex=45,
        l_knee_flex=15,
    )
    label = "getting out of a car" if out else "getting into a car"
    join = Join(rng.uniform(1.8, 3.6) / person.tempo, label, bump, spread=0.3)
    outside, inside = _still("stand", person, rng), _still("sit", person, rng, seat)
    if out:
        return [Step(inside, "sit", sitting_s), Step(outside, "stand", standing_s, "", join)]
    return [Step(outside, "stand", standing_s), Step(inside, "sit", sitting_s, "", join)]
