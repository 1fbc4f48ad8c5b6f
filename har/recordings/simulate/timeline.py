"""Steps one after the other -> one continuous movement with labelled stretches."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from har.recordings.simulate.anthropometry import Person
from har.recordings.simulate.clips import Clip, blend, frames_of
from har.recordings.simulate.skeleton import CHANNEL, SIDES
from har.recordings.simulate.transitions import Step, usual_join

_ARMS = [CHANNEL[f"{side}_shoulder_{name}"] for side in SIDES for name in ("flex", "rot")]


@dataclass(frozen=True)
class Stretch:
    """Frames from start to stop (excluded) with one label, "" for none."""

    label: str
    start: int
    stop: int


@dataclass(frozen=True)
class Movement:
    """A continuous clip and its stretches in order; together they cover it."""

    clip: Clip
    stretches: list[Stretch]


def assemble(steps: Sequence[Step], person: Person, rng: np.random.Generator) -> Movement:
    """Steps led over into each other: a join uses frames from the end of one clip and the beginning of the next."""
    joins = [after.join or usual_join(before.posture, after.posture, person, rng) for before, after in pairwise(steps)]
    lengths = [0, *(frames_of(join.seconds) for join in joins), 0]
    parts: list[Clip] = []
    stretches: list[Stretch] = []
    position, tail = 0, None
    for number, step in enumerate(steps):
        head, own, foot = lengths[number], frames_of(step.seconds), lengths[number + 1]
        clip = step.make(head + own + foot)
        if tail is not None:
            join, column = joins[number - 1], CHANNEL["heading"]
            clip.angles[:, column] += tail.angles[-1, column] - clip.angles[head, column]
            # The same arm, by angles that are next to where the last movement ended.
            turns = np.rint((tail.angles[-1] - clip.angles[head])[_ARMS] / (2 * np.pi))
            clip.angles[:, _ARMS] += 2 * np.pi * turns
            parts.append(blend(tail, clip.part(0, head), join, rng))
            stretches.append(Stretch(join.label, position, position + head))
            position += head
        parts.append(clip.part(head, head + own))
        stretches.append(Stretch(step.label, position, position + own))
        position += own
        tail = clip.part(head + own, len(clip))
    names = ("angles", "velocity", "support", "impacts")
    whole = Clip(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
    return Movement(whole, merged(stretches))


def merged(stretches: Sequence[Stretch]) -> list[Stretch]:
    """Neighbours of the same label as one stretch."""
    parts: list[Stretch] = []
    for stretch in stretches:
        if parts and parts[-1].label == stretch.label:
            parts[-1] = replace(parts[-1], stop=stretch.stop)
        else:
            parts.append(stretch)
    return parts
