"""The words in which it is told what hands do: spots, moves, strokes, phases and tasks.

Everything is written for the right hand as the better one; ranges are drawn from with equal chance. manipulation.py
carries it out, tasks.py and chores.py tell it.
"""

from dataclasses import dataclass, field

Range = tuple[float, float]

GRIP = 0.055  # statures from the wrist to the middle of a grip


@dataclass(frozen=True)
class Spot:
    """A place that hands go to: ranges of forwards, inwards (from the body's middle plane, negative on the hand's own
    side) and upwards.

    frame: "head" and "trunk" in statures, from the middle between the shoulders and from the lumbar joint, carried by
    the segment; "place" in m, upwards from the surface of the task, "floor" in m, upwards from the ground; both fixed
    in space, forwards from the hips.
    """

    frame: str
    forwards: Range
    inwards: Range
    upwards: Range


@dataclass(frozen=True)
class Move:
    """Where one hand goes and how it is turned there.

    at: name of a spot, or "home" for where the arm rests. tilt, towards: degrees by which the thumb's side is turned
    from straight up towards a direction: "in" (palm down), "out" (palm up), "back", "front" or "down". elbow: degrees
    by which it is raised sideways from hanging. extension: of the wrist, degrees. spread_m: how exactly a place is met.
    pours: share of what the vessel holds that leaves it: the emptier, the nearer the tilt is to its second value.
    """

    at: str
    tilt: Range = (-5.0, 25.0)
    towards: str = "in"
    elbow: Range = (8.0, 40.0)
    extension: Range = (-5.0, 25.0)
    spread_m: float = 0.012
    pours: Range | None = None


@dataclass(frozen=True)
class Stroke:
    """A movement to and fro while a hand is where it was told to be.

    hertz: strokes a second. along: (forwards, inwards, upwards), of any length; size_m: half the way to and fro.
    across: a second direction, a quarter of a stroke later, for circles; narrow: its size relative to the first. turn,
    bend, swing: degrees of forearm, wrist flexion and wrist deviation in time with it; pivot, hinge: of the upper arm's
    rotation and of the elbow, about which the forearm swings as a whole. hands: "r", "l", "both" alike or "against"
    each other. contact: the hand hits something at the end that ``along`` points to instead of swinging back softly.
    trunk: share of the way that the trunk does.
    """

    hertz: Range
    along: tuple[float, float, float] = (1.0, 0.0, 0.0)
    size_m: Range = (0.0, 0.0)
    across: tuple[float, float, float] | None = None
    narrow: Range = (0.5, 1.0)
    turn: Range = (0.0, 0.0)
    bend: Range = (0.0, 0.0)
    swing: Range = (0.0, 0.0)
    pivot: Range = (0.0, 0.0)
    hinge: Range = (0.0, 0.0)
    hands: str = "r"
    contact: bool = False
    trunk: Range = (0.0, 0.0)


@dataclass(frozen=True)
class Phase:
    """Hands go where their moves tell, and stay for a while.

    right, left: moves of the better and of the other hand; None leaves a hand where it is. both: a move of the two,
    each to its own side. hold_s: drawn with equal chance for each factor. seconds: of the way, by Fitts' law where
    None. width_m: of what is aimed at. lift_m: of the way's arc. body: degrees by which joints deviate from the posture
    meanwhile. chance: that the phase happens at all.
    """

    right: Move | None = None
    left: Move | None = None
    hold_s: Range = (0.1, 0.4)
    both: Move | None = None
    seconds: Range | None = None
    width_m: float = 0.05
    lift_m: Range = (0.0, 0.05)
    stroke: Stroke | None = None
    body: dict[str, float] = field(default_factory=dict)
    chance: float = 1.0


@dataclass(frozen=True)
class Again:
    """Phases repeated for a random number of times within ``times``, or with ``chance`` not at all."""

    times: tuple[int, int]
    phases: tuple["Phase | Again", ...]
    chance: float = 1.0


@dataclass(frozen=True)
class Task:
    """What hands do over and over in one activity.

    ways: (weight, phases); a person does it in one way at a time. posture: "sit", "stand" or how often each. surface_m:
    heights of what they work on above the ground, sitting and standing. spots: places beside those of ``SPOTS``. other:
    (weight, move) of the other hand, held from the beginning; None lets it rest. grip: statures from the wrist to what
    is put to its place. seat_table: sits at a table. body: degrees held all the while. step_m_s: of a body that steps
    about. either_hand: share of the bouts that the other hand is used for. tempo: range.
    """

    ways: tuple[tuple[float, tuple[Phase | Again, ...]], ...]
    posture: tuple[tuple[str, float], ...] = (("stand", 1.0),)
    surface_m: dict[str, Range] = field(default_factory=lambda: {"sit": (0.68, 0.80), "stand": (0.82, 0.96)})
    spots: dict[str, Spot] = field(default_factory=dict)
    other: tuple[tuple[float, Move | None], ...] = ((1.0, None),)
    grip: float = GRIP
    seat_table: bool = True
    body: dict[str, float] = field(default_factory=dict)
    step_m_s: float = 0.0
    either_hand: float = 0.1
    tempo: Range = (0.75, 1.3)


# Landmarks of the head in statures after Drillis & Contini (eyes at 0.936, chin at 0.870, shoulders at 0.818 of
# stature); where a hand is that holds something there.
SPOTS = {
    "lips": Spot("head", (0.075, 0.11), (-0.02, 0.01), (0.045, 0.075)),
    "before lips": Spot("head", (0.11, 0.16), (-0.05, 0.0), (0.045, 0.085)),
    "ear": Spot("head", (0.0, 0.025), (-0.065, -0.05), (0.085, 0.115)),
    "forehead": Spot("head", (0.05, 0.085), (-0.06, 0.0), (0.17, 0.20)),
    "crown": Spot("head", (-0.03, 0.02), (-0.06, 0.0), (0.20, 0.225)),
    "back of head": Spot("head", (-0.085, -0.055), (-0.06, -0.01), (0.13, 0.17)),
    "nape": Spot("head", (-0.085, -0.06), (-0.06, -0.01), (0.045, 0.09)),
    "temple": Spot("head", (0.01, 0.04), (-0.085, -0.06), (0.14, 0.165)),
    "side of neck": Spot("head", (-0.03, 0.02), (-0.085, -0.06), (0.03, 0.07)),
    "cheek": Spot("head", (0.05, 0.075), (-0.055, -0.03), (0.08, 0.10)),
    "far cheek": Spot("head", (0.055, 0.085), (0.02, 0.04), (0.08, 0.10)),
    "chin": Spot("head", (0.055, 0.085), (-0.03, 0.01), (0.03, 0.05)),
    "face": Spot("head", (0.06, 0.08), (-0.045, -0.03), (0.08, 0.12)),
    "before chest": Spot("trunk", (0.13, 0.20), (-0.07, -0.01), (0.10, 0.18)),
    "before face": Spot("trunk", (0.16, 0.24), (-0.07, 0.02), (0.20, 0.28)),
    "belly": Spot("trunk", (0.09, 0.13), (-0.05, -0.01), (0.01, 0.06)),
    "other shoulder": Spot("trunk", (0.07, 0.10), (0.05, 0.10), (0.19, 0.23)),
    "own shoulder": Spot("trunk", (0.07, 0.09), (-0.11, -0.08), (0.21, 0.245)),
    "pocket": Spot("trunk", (0.02, 0.07), (-0.125, -0.105), (-0.12, -0.06)),
    "near": Spot("place", (0.24, 0.34), (-0.12, 0.0), (0.03, 0.07)),
    "middle": Spot("place", (0.32, 0.48), (-0.18, 0.04), (0.04, 0.09)),
    "far": Spot("place", (0.45, 0.62), (-0.15, 0.10), (0.05, 0.12)),
    "own side": Spot("place", (0.25, 0.45), (-0.48, -0.26), (0.03, 0.10)),
    "other side": Spot("place", (0.28, 0.42), (0.10, 0.28), (0.04, 0.10)),
}
