"""A task as one person does it at one place: its phases with everything drawn."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from har.recordings.simulate import anthropometry as lengths
from har.recordings.simulate.anthropometry import Person
from har.recordings.simulate.phases import SPOTS, Again, Move, Phase, Stroke, Task
from har.recordings.simulate.reaching import HANDS, Arms, movement_time, outwards, shortest_time
from har.recordings.simulate.skeleton import CHANNELS, pose_vector

SEAT_TO_HIPS_M = 0.09  # hip joints above the seat
UNHURRIED = 1.25  # of the time that Fitts' law gives to who is told to be quick
# Peak acceleration of hands in things of daily life and of hands that were told how long to take; mean speed of the
# other joints.
HARDEST_M_S2, TOLD_HARDEST_M_S2, FASTEST_RAD_S = 13.0, 35.0, 1.2
SHORTEST_S = 0.12  # of a movement
# Directions by name: forwards, outwards (away from the other hand), upwards.
DIRECTIONS = {
    "up": (0, 0, 1), "down": (0, 0, -1), "in": (0, -1, 0), "out": (0, 1, 0), "front": (1, 0, 0), "back": (-1, 0, 0),
}  # fmt: skip


@dataclass
class Plan:
    """Phases with everything drawn, one row each; hands are numbered as in HANDS.

    frame: "place", "head", "trunk" or "home", (K, 2). point (K, 2, 3): forwards, outwards, upwards in m, in the frame.
    thumb (K, 2, 3): forwards, outwards, upwards. elbow (K, 2) in rad, extension (K, 2) in rad, body (K, channels),
    move_s (K,), hold_s (K,). hardest_m_s2 (K,): peak acceleration of the hands on their way. lift_m (K, 2). strokes:
    row -> what goes on while it is held.
    """

    frame: list[list[str]] = field(default_factory=list)
    point: list[np.ndarray] = field(default_factory=list)
    thumb: list[np.ndarray] = field(default_factory=list)
    elbow: list[np.ndarray] = field(default_factory=list)
    extension: list[np.ndarray] = field(default_factory=list)
    body: list[np.ndarray] = field(default_factory=list)
    move_s: list[float] = field(default_factory=list)
    hold_s: list[float] = field(default_factory=list)
    hardest_m_s2: list[float] = field(default_factory=list)
    lift_m: list[np.ndarray] = field(default_factory=list)
    strokes: dict[int, Stroke] = field(default_factory=dict)


def planned(task: Task, posture: str, arms: Arms, person: Person, seconds: float, rng: np.random.Generator) -> Plan:
    """Phases of the task that fill so many seconds; the first row is where the hands are at the beginning."""
    return _Planner(task, posture, arms, person, rng).phases(seconds)


class _Planner:
    """Draws the phases of a task for one person and one place."""

    def __init__(self, task: Task, posture: str, arms: Arms, person: Person, rng: np.random.Generator) -> None:
        self.task, self.arms, self.person, self.rng = task, arms, person, rng
        self.pace = person.tempo * rng.uniform(*task.tempo)
        self.elbow_bias = 9.0 * rng.standard_normal()
        self.level = rng.uniform(0.2, 1.0)
        hips_m = (
            person.height_m * lengths.HIP_HEIGHT if posture == "stand" else rng.uniform(0.41, 0.48) + SEAT_TO_HIPS_M
        )
        self.ground_m = -hips_m
        self.surface_m = rng.uniform(*task.surface_m[posture]) - hips_m
        self.places: dict[tuple[str, str], tuple[str, np.ndarray]] = {}
        self.now = self.arms.home.copy()
        self.rows = Plan()

    def phases(self, seconds: float) -> Plan:
        weights = np.array([weight for weight, _ in self.task.ways])
        way = self.task.ways[self.rng.choice(len(weights), p=weights / weights.sum())][1]
        weights = np.array([weight for weight, _ in self.task.other])
        other = self.task.other[self.rng.choice(len(weights), p=weights / weights.sum())][1]
        self._add(Phase(left=other, hold_s=(0.02, 1.0)))
        total = 0.0
        while total < seconds:
            before = total
            for phase in self._unrolled(way):
                total += self._add(phase)
                if total >= seconds:
                    break
            total = max(total, before + 0.1)  # a way whose phases all stayed out is gone through again
        return self.rows

    def _unrolled(self, phases: Sequence[Phase | Again]) -> Iterator[Phase]:
        for phase in phases:
            if self.rng.random() >= phase.chance:
                continue
            if isinstance(phase, Again):
                for _ in range(int(self.rng.integers(phase.times[0], phase.times[1] + 1))):
                    yield from self._unrolled(phase.phases)
            else:
                yield phase

    def _add(self, phase: Phase) -> float:
        """One row; returns its seconds."""
        rng, rows = self.rng, self.rows
        if rows.frame:
            frame, point = list(rows.frame[-1]), rows.point[-1].copy()
            thumb, elbow, extension = rows.thumb[-1].copy(), rows.elbow[-1].copy(), rows.extension[-1].copy()
        else:
            frame, point, thumb = ["home", "home"], np.zeros((2, 3)), np.tile([0.0, 0.0, 1.0], (2, 1))
            elbow, extension = np.zeros(2), np.zeros(2)
        moves = (phase.right or phase.both, phase.left or phase.both)
        goal = self.now.copy()
        for number, move in enumerate(moves):
            if move is None:
                continue
            frame[number], point[number] = self._place(move, HANDS[number])
            thumb[number] = self._thumb(move)
            elbow[number] = np.deg2rad(rng.uniform(*move.elbow) + self.elbow_bias + 4.0 * rng.standard_normal())
            extension[number] = np.deg2rad(rng.uniform(*move.extension))
            goal[number] = self._in_space(frame[number], point[number], number)
        distance = float(np.linalg.norm(goal - self.now, axis=1).max())
        if phase.seconds is not None:
            move_s, hardest = rng.uniform(*phase.seconds) / self.pace, TOLD_HARDEST_M_S2
        else:
            move_s, hardest = UNHURRIED * movement_time(distance, phase.width_m) / self.pace, HARDEST_M_S2
            move_s *= np.exp(0.18 * rng.standard_normal())
        hold_s = float(np.exp(rng.uniform(*np.log(np.maximum(phase.hold_s, 0.01)))))
        body = pose_vector(**phase.body) * (1 + 0.15 * rng.standard_normal(len(CHANNELS)))
        bent = float(np.abs(body - rows.body[-1]).max()) if rows.body else 0.0
        move_s = max(move_s, shortest_time(distance, hardest), bent / FASTEST_RAD_S, SHORTEST_S)
        if phase.stroke is not None:
            rows.strokes[len(rows.frame)] = phase.stroke
        rows.frame.append(frame)
        rows.point.append(point)
        rows.thumb.append(thumb)
        rows.elbow.append(elbow)
        rows.extension.append(extension)
        rows.body.append(body)
        rows.move_s.append(move_s)
        rows.hardest_m_s2.append(hardest)
        rows.hold_s.append(hold_s)
        rows.lift_m.append(rng.uniform(*phase.lift_m) * (np.linalg.norm(goal - self.now, axis=1) > 0.03))
        self.now = goal
        return move_s + hold_s

    def _place(self, move: Move, hand: str) -> tuple[str, np.ndarray]:
        """Frame and point of a move, its spot being drawn at the first visit."""
        if move.at == "home":
            return "home", np.zeros(3)
        if (move.at, hand) not in self.places:
            spot = self.task.spots.get(move.at) or SPOTS[move.at]
            point = np.array([self.rng.uniform(*r) for r in (spot.forwards, spot.inwards, spot.upwards)])
            if spot.frame in ("head", "trunk"):
                point *= self.person.height_m
            else:
                point[2] += self.surface_m if spot.frame == "place" else self.ground_m
            point[1] *= -1.0  # outwards
            frame = spot.frame if spot.frame in ("head", "trunk") else "place"
            self.places[move.at, hand] = frame, point
        frame, point = self.places[move.at, hand]
        return frame, point + move.spread_m * np.clip(self.rng.standard_normal(3), -2, 2)

    def _in_space(self, frame: str, point: np.ndarray, number: int) -> np.ndarray:
        """Where that is while the body keeps its posture: forwards, outwards and upwards from the hips, (3,)."""
        if frame == "home":
            return self.arms.home[number]
        if frame == "place":
            return point
        hand = HANDS[number]
        return outwards(self.arms.in_space(self.arms.body, frame, point[None], hand)[0], hand)

    def _thumb(self, move: Move) -> np.ndarray:
        low, high = move.tilt
        if move.pours is None:
            degrees = self.rng.uniform(low, high)
        else:
            degrees = low + (high - low) * (1.0 - self.level) + 6.0 * self.rng.standard_normal()
            self.level -= self.rng.uniform(*move.pours)
            if self.level < 0.05:  # filled again, as another glass or another bottle
                self.level = self.rng.uniform(0.6, 1.0)
        angle, direction = np.deg2rad(degrees), np.array(DIRECTIONS[move.towards], dtype=np.float64)
        thumb = np.cos(angle) * np.array([0.0, 0.0, 1.0]) + np.sin(angle) * direction
        return thumb + 0.08 * self.rng.standard_normal(3)
