"""Everything that simulated people can do, by name, with the phrases that a dataset may choose for it.

A name is the name of the synonym group in ``har.labels.groups`` where there is one. An activity gives the steps of one
bout: mostly a single clip in one posture, for changes of posture several.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from har.recordings.simulate.anthropometry import Person
from har.recordings.simulate.chores import CHORES
from har.recordings.simulate.clips import FRAME_HZ, Clip, Join, minimum_jerk, smooth_noise
from har.recordings.simulate.exercise import cycling, dribbling, driving, jumping, rowing
from har.recordings.simulate.gestures import GESTURES, gesture_clip, handling, kicking, talking_hands
from har.recordings.simulate.locomotion import Going, gait_clip, stepping
from har.recordings.simulate.manipulation import task_clip
from har.recordings.simulate.phases import Task
from har.recordings.simulate.postures import bent_over, kneeling, lying, rest, sitting, squat, standing
from har.recordings.simulate.skeleton import CHANNEL
from har.recordings.simulate.tasks import TASKS
from har.recordings.simulate.transitions import (
    Step,
    bed,
    change_of_posture,
    collapse_into_chair,
    fall,
    into_car,
    standing_moment,
    stumble,
    under_one_name,
)
from har.recordings.simulate.wordings import GESTURE_PHRASES, TASK_PHRASES

# Of the people in a posture, who handle something meanwhile; and what about half of these do where it has a name.
MEANWHILE = {
    "stand": (
        "stirring", "chopping", "washing dishes", "wiping a table", "folding clothes", "drinking", "texting on a phone",
        "using a telephone", "opening a jar", "pouring water", "ironing",
    ),
    "sit": (
        "typing", "using a computer mouse", "writing", "reading", "texting on a phone", "using a telephone", "drinking",
        "eating a sandwich", "eating chips", "peeling",
    ),
}  # fmt: skip
BUSY_SHARE = {"stand": 0.45, "sit": 0.35, "lie": 0.2, "kneel": 0.5, "bend": 0.5, "squat": 0.3}

Builder = Callable[[Person, float, np.random.Generator], list[Step]]


@dataclass(frozen=True)
class Activity:
    """phrases: wordings of one synonym group. longest_s: of a bout. build(person, seconds, rng) -> its steps."""

    phrases: tuple[str, ...]
    build: Builder
    longest_s: float = 60.0


def _clip(make: Callable[[Person, int, np.random.Generator], Clip], posture: str, label: str) -> Builder:
    def build(person: Person, seconds: float, rng: np.random.Generator) -> list[Step]:
        return [Step(lambda frames: make(person, frames, rng), posture, seconds, label)]

    return build


def _going(label: str, arms: tuple[str, ...] = ("swing",), **fixed: object) -> Builder:
    def make(person: Person, frames: int, rng: np.random.Generator) -> Clip:
        pace = fixed.get("pace", (0.9, 1.1))
        settings = {key: value for key, value in fixed.items() if key != "pace"}
        going = Going(pace=rng.uniform(*pace), arms=str(rng.choice(arms)), **settings)
        return gait_clip(person, going, frames, rng)

    return _clip(make, "stand", label)


def _resting(posture: str, label: str, talking: bool = False, **how: object) -> Builder:
    def make(person: Person, frames: int, rng: np.random.Generator) -> Clip:
        pose = {
            "stand": standing, "sit": sitting, "lie": lying, "kneel": kneeling, "bend": bent_over, "squat": squat,
        }[posture](person, rng, **how)  # fmt: skip
        clip = rest(person, pose, posture, frames, rng, 1.3 if talking else 1.0)
        if talking:
            return talking_hands(clip, rng, rng.uniform(0.3, 1.2))
        return _busied(clip, posture, person, rng)

    return _clip(make, posture, label)


def _busied(clip: Clip, posture: str, person: Person, rng: np.random.Generator) -> Clip:
    """Some people hold still; others handle something, look about, step from foot to foot meanwhile."""
    if rng.random() < BUSY_SHARE[posture]:
        if posture in MEANWHILE and rng.random() < 0.5:
            return task_clip((TASKS | CHORES)[str(rng.choice(MEANWHILE[posture]))], posture, person, len(clip), rng)
        busy = handling if rng.random() < 0.7 else talking_hands
        clip = busy(clip, rng, rng.uniform(0.2, 1.3))
        if posture == "stand" and rng.random() < 0.5:
            clip = stepping(clip, 0.05, person, rng)
    return clip


def _lying_anyhow(person: Person, seconds: float, rng: np.random.Generator) -> list[Step]:
    side = str(rng.choice(["back", "left", "right", "stomach"], p=[0.55, 0.17, 0.17, 0.11]))
    return _resting("lie", "lying", side=side)(person, seconds, rng)


def _gesture(name: str) -> Builder:
    def make(person: Person, frames: int, rng: np.random.Generator) -> Clip:
        return gesture_clip(name, person, frames, rng)

    return _clip(make, GESTURES[name].posture, name)


def _hands(task: Task, label: str) -> Builder:
    """A task in one of its postures."""

    def build(person: Person, seconds: float, rng: np.random.Generator) -> list[Step]:
        names, weights = zip(*task.posture, strict=True)
        posture = str(rng.choice(names, p=np.array(weights) / np.sum(weights)))
        return [Step(lambda frames: task_clip(task, posture, person, frames, rng), posture, seconds, label)]

    return build


def _jumps(style: str, label: str) -> Builder:
    return _clip(lambda person, frames, rng: jumping(person, frames, rng, style=style), "stand", label)


def _change(before: str, after: str, pace: float = 1.0) -> Builder:
    def build(person: Person, seconds: float, rng: np.random.Generator) -> list[Step]:
        return change_of_posture((before, after), person, seconds, rng, pace * np.exp(0.2 * rng.standard_normal()))

    return build


def _there_and_back(before: str, after: str, label: str) -> Builder:
    """A change of posture and its reverse, slowly or quickly, over and over, as one activity."""

    def build(person: Person, seconds: float, rng: np.random.Generator) -> list[Step]:
        steps = change_of_posture((before, after), person, seconds, rng, rng.uniform(0.75, 1.8))
        return under_one_name(steps, label, person, rng)

    return build


def _turning_over(person: Person, seconds: float, rng: np.random.Generator) -> list[Step]:
    """Rolling over in bed: some label the turns alone, others the time between them too."""
    how = _change if rng.random() < 0.5 else functools.partial(_there_and_back, label="turning over while lying")
    return how("lie", "lie")(person, seconds, rng)


def _in_and_out(person: Person, seconds: float, rng: np.random.Generator) -> list[Step]:
    """Into a car, a while on its seat and out again."""
    into, out = into_car(person, seconds, rng, out=False), into_car(person, seconds, rng, out=True)
    steps = [into[0], replace(into[1], seconds=rng.uniform(0.2, 0.5) * seconds), out[1]]
    return under_one_name(steps, "getting in and out of a car", person, rng)


def _walk(kind: str, seconds: float, person: Person, rng: np.random.Generator, turns_per_minute: float = 0.0) -> Step:
    going = Going(kind, rng.uniform(0.8, 1.15), str(rng.choice(_ANY_ARMS)), turns_per_minute)
    return Step(lambda frames: gait_clip(person, going, frames, rng), "stand", seconds, join=_NEXT_STEP)


def _stairs(person: Person, seconds: float, rng: np.random.Generator) -> list[Step]:
    """Flights of stairs up or down, with a few level steps and often a turn on the landings."""
    kind, steps = str(rng.choice(_STAIRS)), []
    while sum(step.seconds for step in steps) < seconds:
        steps.append(_walk(kind, rng.uniform(4.0, 10.0), person, rng))
        steps.append(_walk("walk", rng.uniform(0.8, 2.5), person, rng, turns_per_minute=30.0))
        if rng.random() < 0.4:
            kind = _STAIRS[1 - _STAIRS.index(kind)]
    return under_one_name(steps, "climbing stairs", person, rng)


def _onto_stairs(person: Person, seconds: float, rng: np.random.Generator) -> list[Step]:
    """A stand or the last steps on the level, and the first steps on the stairs."""
    steps: list[Step] = []
    while sum(step.seconds for step in steps) < seconds:
        kind, before_s = str(rng.choice(_STAIRS)), rng.uniform(0.8, 1.8)
        before = standing_moment(person, rng, before_s) if rng.random() < 0.5 else _walk("walk", before_s, person, rng)
        change = [before, _walk(kind, rng.uniform(1.0, 2.0), person, rng)]
        away = _walk(kind, rng.uniform(1.5, 4.0), person, rng)
        steps += [*under_one_name(change, "starting to climb stairs", person, rng), away]
    return steps


def _off_the_stairs(person: Person, seconds: float, rng: np.random.Generator) -> list[Step]:
    """The last steps on the stairs and the first ones on the level."""
    steps: list[Step] = []
    while sum(step.seconds for step in steps) < seconds:
        kind = str(rng.choice(_STAIRS))
        change = [_walk(k, rng.uniform(1.0, 2.0), person, rng) for k in (kind, "walk")]
        up = _walk(kind, rng.uniform(1.5, 4.0), person, rng)
        steps += [up, *under_one_name(change, "walking off the stairs", person, rng)]
    return steps


def _setting_off(label: str, stops: bool) -> Builder:
    """A stand and the first steps of a walk, or the last steps and a stand."""

    def build(person: Person, seconds: float, rng: np.random.Generator) -> list[Step]:
        steps: list[Step] = []
        while sum(step.seconds for step in steps) < seconds:
            going = Going("walk", rng.uniform(0.8, 1.15), str(rng.choice(_ANY_ARMS)), 0.0)
            make = functools.partial(_half_walked, person, going, rng, stops)
            change = Step(make, "stand", rng.uniform(2.0, 4.0), label)
            away, still = _walk("walk", rng.uniform(1.5, 4.0), person, rng), standing_moment(person, rng, 2.0)
            steps += [away, change, still] if stops else [still, change, away]
        return steps

    return build


def _half_walked(person: Person, going: Going, rng: np.random.Generator, stops: bool, frames: int) -> Clip:
    """Standing in the first half and going in the second, or the reverse."""
    begin, seconds = rng.uniform(0.35, 0.55) * frames / FRAME_HZ, rng.uniform(0.5, 0.9)
    moving = minimum_jerk((np.arange(frames) / FRAME_HZ - begin) / seconds)
    return gait_clip(person, going, frames, rng, 1 - moving if stops else moving)


def _medley(person: Person, seconds: float, rng: np.random.Generator) -> list[Step]:
    """What no other name fits: sudden turns, bending, getting up, reaching about, in short pieces and no order."""
    label, steps = "miscellaneous movement", []
    pieces = [_clip(_misc, "stand", label), _clip(_misc, "stand", label), _clip(_turning, "stand", label)]
    pieces += [_change("stand", posture, 1.3) for posture in ("bend", "sit", "squat")] + [_jumps("jump", label)]
    while sum(step.seconds for step in steps) < seconds:
        steps += pieces[rng.integers(len(pieces))](person, rng.uniform(1.5, 6.0), rng)
    return under_one_name(steps, label, person, rng)


def _turning(person: Person, frames: int, rng: np.random.Generator) -> Clip:
    """Half turns on the spot in small steps, with rests."""
    clip = gait_clip(person, Going("march", pace=1.1, in_place=True, arm_gain=0.6), frames, rng)
    time_s = np.arange(frames) / FRAME_HZ
    begin, heading = rng.uniform(0, 0.5), np.zeros(frames)
    while begin < time_s[-1]:
        seconds = rng.uniform(1.2, 2.6)
        heading += rng.choice([-1, 1]) * rng.uniform(1.3, 3.3) * minimum_jerk((time_s - begin) / seconds)
        begin += seconds + rng.uniform(0.0, 1.0)
    clip.angles[:, CHANNEL["heading"]] += heading
    for side in "lr":
        for name in ("hip_flex", "knee_flex"):
            column = CHANNEL[f"{side}_{name}"]
            middle = clip.angles[:, column].min()
            clip.angles[:, column] = middle + 0.7 * (clip.angles[:, column] - middle)
    return clip


def _elevator(person: Person, frames: int, rng: np.random.Generator) -> Clip:
    """Standing in a lift that goes to another floor every ten to twenty seconds."""
    clip = rest(person, standing(person, rng), "stand", frames, rng)
    time_s = np.arange(frames) / FRAME_HZ
    begin = rng.uniform(0.5, 3)
    while begin < time_s[-1]:
        ride, ramp, speed = rng.uniform(5, 14), rng.uniform(1.2, 2.2), rng.choice([-1, 1]) * rng.uniform(0.8, 2.0)
        up = minimum_jerk((time_s - begin) / ramp) - minimum_jerk((time_s - begin - ride) / ramp)
        clip.velocity[:, 2] += speed * up
        begin += ride + ramp + rng.uniform(2, 6)
    return clip


def _misc(person: Person, frames: int, rng: np.random.Generator) -> Clip:
    """Stepping about, turning, bending and reaching in no order."""
    clip = gait_clip(person, Going("walk", pace=0.6, arms="free", stops=True, curving_rad_s=0.5), frames, rng)
    noise = smooth_noise(rng, frames, 0.5, clip.angles.shape[1])
    size = np.deg2rad(6) * np.ones(clip.angles.shape[1])
    for name, degrees in (("trunk_flex", 14), ("trunk_turn", 12), ("pitch", 6)):
        size[CHANNEL[name]] = np.deg2rad(degrees)
    for side in "lr":
        for name, degrees in (("shoulder_flex", 18), ("elbow_flex", 25), ("pronation", 25), ("shoulder_rot", 14)):
            size[CHANNEL[f"{side}_{name}"]] = np.deg2rad(degrees)
    clip.angles += person.vigour * size * noise
    return clip


_STAIRS = ("upstairs", "downstairs")
_NEXT_STEP = Join(0.6, support=(0.0, 0.0))
_ANY_ARMS = ("swing", "swing", "swing", "swing", "swing", "pockets", "phone", "free", "free")

ACTIVITIES: dict[str, Activity] = {
    # --- on foot ------------------------------------------------------------------------------------------------------
    "walking": Activity(("walking", "walking normally", "walking at a normal pace"), _going("walking", _ANY_ARMS)),
    "walking slowly": Activity(("walking slowly", "walking at a slow pace", "strolling"), _going("walking slowly",
        _ANY_ARMS, pace=(0.55, 0.78))),
    "walking fast": Activity(("walking fast", "walking briskly", "walking quickly"), _going("walking fast", pace=(1.2,
        1.5))),
    "walking and talking": Activity(("walking while talking", "walking and talking with someone"),
        _going("walking and talking", ("free", "swing"), pace=(0.75, 1.0))),
    "walking with a load": Activity(("walking while carrying something", "walking with a load"),
        _going("walking with a load", ("load",), pace=(0.75, 1.0))),
    "nordic walking": Activity(("nordic walking", "walking with poles"), _going("nordic walking", pace=(1.05, 1.25),
        arm_gain=1.5)),
    "shuffling": Activity(("shuffling", "walking with shuffling steps"), _going("shuffling", ("swing", "still"),
        kind="shuffle", pace=(0.8, 1.2))),
    "walking in place": Activity(("walking in place", "marching in place", "walking on the spot"),
        _going("walking in place", kind="march", in_place=True)),
    "running": Activity(("running",), _going("running", kind="run", pace=(0.95, 1.3), turns_per_minute=0.6)),
    "running fast": Activity(("running fast", "jogging fast"), _going("running fast", kind="run", pace=(1.15, 1.45),
        turns_per_minute=0.6)),
    "jogging": Activity(("jogging",), _going("jogging", kind="run", pace=(0.72, 0.98), turns_per_minute=0.6)),
    "jogging slowly": Activity(("jogging slowly", "running slowly"), _going("jogging slowly", kind="run", pace=(0.62,
        0.85), turns_per_minute=0.6)),
    "running in place": Activity(("running in place", "jogging in place"), _going("running in place", kind="run",
        pace=(0.7, 0.95), in_place=True)),
    "walking upstairs": Activity(("walking upstairs", "ascending stairs", "going up the stairs"),
        _going("walking upstairs", _ANY_ARMS, kind="upstairs", pace=(0.85, 1.15), turns_per_minute=3), 30),
    "walking downstairs": Activity(("walking downstairs", "descending stairs", "going down the stairs"),
        _going("walking downstairs", _ANY_ARMS, kind="downstairs", pace=(0.85, 1.15), turns_per_minute=3), 30),
    "climbing stairs": Activity(("walking up and down stairs", "walking on stairs"), _stairs, 45),
    "turning around": Activity(("turning around", "turning on the spot"), _clip(_turning, "stand", "turning around"),
        12),
    "stumbling": Activity(("stumbling while walking", "tripping while walking"), _clip(stumble, "stand", "stumbling"),
        15),
    "miscellaneous movement": Activity(("miscellaneous movement", "moving around in various ways"), _medley),
    "starting to walk": Activity(("starting to walk", "going from standing to walking"), _setting_off(
        "starting to walk", stops=False), 30),
    "stopping walking": Activity(("stopping walking", "going from walking to standing"), _setting_off(
        "stopping walking", stops=True), 30),
    "starting to climb stairs": Activity(("starting to climb stairs",), _onto_stairs, 30),
    "walking off the stairs": Activity(("walking off the stairs", "leaving the stairs and walking on"), _off_the_stairs,
        30),
    # --- postures -----------------------------------------------------------------------------------------------------
    "standing": Activity(("standing", "standing still"), _resting("stand", "standing")),
    "standing and talking": Activity(("standing while talking", "standing and talking with someone"), _resting("stand",
        "standing and talking", True, hands_free=False)),
    "sitting": Activity(("sitting", "sitting on a chair", "sitting still"), _resting("sit", "sitting")),
    "sitting and talking": Activity(("sitting while talking", "sitting and talking with someone"), _resting("sit",
        "sitting and talking", True)),
    "lying": Activity(("lying", "lying in bed", "lying still"), _lying_anyhow),
    "lying on the back": Activity(("lying on the back", "lying face up"), _resting("lie", "lying on the back",
        side="back")),
    "lying on the stomach": Activity(("lying on the stomach", "lying face down"), _resting("lie",
        "lying on the stomach", side="stomach")),
    "lying on the left side": Activity(("lying on the left side",), _resting("lie", "lying on the left side",
        side="left")),
    "lying on the right side": Activity(("lying on the right side",), _resting("lie", "lying on the right side",
        side="right")),
    "kneeling": Activity(("kneeling", "kneeling on the floor"), _resting("kneel", "kneeling"), 25),
    "squatting": Activity(("squatting", "crouching"), _resting("squat", "squatting"), 15),
    "being bent over": Activity(("standing bent forward", "being bent over"), _resting("bend", "being bent over"), 20),
    "riding in an elevator": Activity(("riding in an elevator", "standing in an elevator"), _clip(_elevator, "stand",
        "riding in an elevator")),
    # --- changes of posture; the postures between them have names of their own ----------------------------
    "sitting down": Activity(("sitting down on a chair", "sitting down"), _change("stand", "sit"), 40),
    "standing up": Activity(("standing up from a chair", "standing up"), _change("sit", "stand"), 40),
    "lying down from sitting": Activity(("lying down from sitting", "lying down"), _change("sit", "lie"), 40),
    "sitting up from lying": Activity(("sitting up from lying", "sitting up"), _change("lie", "sit"), 40),
    "lying down": Activity(("going to lie down", "lying down on a bed", "getting into bed"),
        functools.partial(bed, "down"), 40),
    "getting up from lying": Activity(("getting up from bed", "getting out of bed"),
        functools.partial(bed, "up"), 40),
    "lying down from standing": Activity(("lying down from standing",), _change("stand", "lie"), 40),
    "standing up from lying": Activity(("standing up from lying",), _change("lie", "stand"), 40),
    "turning over while lying": Activity(("turning over while lying", "rolling over in bed"), _turning_over, 40),
    "bending down": Activity(("bending down",), _change("stand", "bend"), 30),
    "straightening up": Activity(("straightening up",), _change("bend", "stand"), 30),
    "kneeling down": Activity(("kneeling down",), _change("stand", "kneel"), 30),
    "standing up from kneeling": Activity(("standing up from kneeling",), _change("kneel", "stand"), 30),
    "sitting down and getting up": Activity(("sitting down and standing up",
        "sitting down on a chair and getting up again"), _there_and_back("stand", "sit",
            "sitting down and getting up"), 30),
    "lying down and sitting up": Activity(("lying down from sitting and sitting up",
        "lying down and sitting up again"), _there_and_back("sit", "lie", "lying down and sitting up"), 40),
    "collapsing into a chair": Activity(("collapsing into a chair", "trying to get up and collapsing into a chair"),
        collapse_into_chair, 20),
    "getting in and out of a car": Activity(("getting into a car and getting out",
        "getting into a car and out again"), _in_and_out, 20),
    "getting into a car": Activity(("getting into a car",), lambda p, s, r: into_car(p, s, r, out=False), 10),
    "getting out of a car": Activity(("getting out of a car",), lambda p, s, r: into_car(p, s, r, out=True), 10),
    "falling forward": Activity(("falling forward",), lambda p, s, r: fall("forward", p, s, r), 10),
    "falling backward": Activity(("falling backward",), lambda p, s, r: fall("backward", p, s, r), 10),
    "falling sideways": Activity(("falling sideways",), lambda p, s, r: fall("sideways", p, s, r), 10),
    "falling vertically": Activity(("fainting and falling", "collapsing to the ground"), lambda p, s,
        r: fall("collapse", p, s, r), 10),
    # --- exercise -----------------------------------------------------------------------------------------------------
    "cycling": Activity(("cycling", "riding a bike", "riding a bicycle"), _clip(cycling, "sit", "cycling")),
    "stationary cycling": Activity(("cycling on an exercise bike", "stationary cycling"), _clip(lambda p, n,
        r: cycling(p, n, r, stationary=True), "sit", "stationary cycling")),
    "driving a car": Activity(("driving a car",), _clip(driving, "sit", "driving a car")),
    "rowing": Activity(("rowing on a rowing machine", "rowing"), _clip(rowing, "sit", "rowing")),
    "jumping": Activity(("jumping", "jumping up and down"), _jumps("jump", "jumping"), 20),
    "jumping to reach something": Activity(("jumping to reach a high object",), _jumps("high",
        "jumping to reach something"), 20),
    "jumping rope": Activity(("jumping rope", "skipping rope"), _jumps("rope", "jumping rope"), 30),
    "jumping jacks": Activity(("doing jumping jacks", "jumping jacks"), _jumps("jacks", "jumping jacks"), 30),
    "hopping on one leg": Activity(("hopping on one leg",), _jumps("hop", "hopping on one leg"), 12),
    "kicking a soccer ball": Activity(("kicking a soccer ball", "kicking a ball"), _clip(kicking, "stand",
        "kicking a soccer ball")),
    "dribbling a basketball": Activity(("dribbling a basketball",), _clip(dribbling, "stand",
        "dribbling a basketball"), 30),
}  # fmt: skip

ACTIVITIES |= {name: Activity(phrases, _gesture(name), 30) for name, phrases in GESTURE_PHRASES.items()}
ACTIVITIES |= {
    name: Activity(phrases, _hands((TASKS | CHORES)[name], name), 30) for name, phrases in TASK_PHRASES.items()
}
ACTIVITIES["talking on the phone standing"] = Activity(
    ("talking on the phone while standing",),
    _hands(replace(TASKS["using a telephone"], posture=(("stand", 1.0),)), "talking on the phone standing"),
)
