"""What hands do in a bathroom, about the house, with clothes, at doors and in the air.

Rates are general knowledge: 3 to 5 strokes of a toothbrush a second, 2.5 to 4 claps, waving at 1.5 to 2.5 Hz, a stroke
of a broom or a vacuum cleaner in one to two seconds, knocking at 3 to 5 Hz. No recording shaped them.
"""

from har.recordings.simulate.phases import Again, Move, Phase, Spot, Stroke, Task
from har.recordings.simulate.tasks import REST

_DOWN = {"tilt": (65.0, 100.0), "towards": "in"}
_SINK = {
    "basin": Spot("place", (0.32, 0.46), (-0.06, -0.02), (-0.06, 0.10)),
    "tap": Spot("place", (0.42, 0.56), (-0.10, 0.05), (0.08, 0.22)),
    "towel": Spot("place", (0.15, 0.45), (-0.6, -0.4), (0.05, 0.5)),
    "rack": Spot("place", (0.30, 0.50), (-0.58, -0.36), (0.05, 0.2)),
}
_OVER_SINK = {"trunk_flex": 10, "pitch": 6, "hip_flex": 6, "head_flex": 8}
_RUB = Stroke((1.0, 2.6), (0.8, 0.4, 0.2), (0.015, 0.05), turn=(8, 38), hands="against")
_SCRUB = Stroke((2.5, 5.0), (0.2, 1, 0.1), (0.006, 0.02), turn=(0, 6), swing=(1, 8))
_SCRUB_UP = Stroke((2.0, 4.5), (0.1, 0.3, 1), (0.004, 0.015), turn=(4, 20), swing=(1, 8))
_BRUSH = {"elbow": (25.0, 80.0), "spread_m": 0.01}


def _teeth(first: str, towards: str) -> Phase:
    return Phase(right=Move(first, tilt=(30, 100), towards=towards, **_BRUSH), hold_s=(2.0, 7.0), stroke=_SCRUB)


def _hair(begin: str, end: str, times: tuple[int, int], chance: float = 1.0) -> Again:
    """Strokes of a comb along the head and the way back through the air; each beside the last."""
    reach = {"spread_m": 0.028, "elbow": (35.0, 95.0)}
    return Again(times, (
        Phase(right=Move(begin, tilt=(10, 90), **reach), hold_s=(0.02, 0.25), width_m=0.03, lift_m=(0.03, 0.09)),
        Phase(right=Move(end, tilt=(30, 110), **reach), seconds=(0.4, 1.1), hold_s=(0.01, 0.15), lift_m=(0.02, 0.07)),
    ), chance)  # fmt: skip


_COMBING = (
    Phase(right=Move("own side", tilt=(40, 90)), hold_s=(0.1, 0.5), chance=0.5),
    _hair("forehead", "back of head", (2, 8), 0.85),
    _hair("crown", "nape", (2, 7), 0.6),
    _hair("temple", "side of neck", (2, 7), 0.7),
    Phase(left=Move("temple", tilt=(20, 90), elbow=(40, 90)), hold_s=(0.3, 1.0), chance=0.25),
    Phase(left=Move("home"), hold_s=(0.05, 0.3), chance=0.6),
    Phase(right=Move("home"), hold_s=(0.3, 3.0), chance=0.45),
)
_WIPES = tuple(
    Stroke(hertz, along, size, across, swing=(0, 8), trunk=(0.0, 0.4))
    for hertz, along, size, across in (
        ((0.6, 1.5), (0.3, 1, 0), (0.08, 0.22), None),
        ((0.6, 1.5), (1, 0.2, 0), (0.06, 0.18), None),
        ((0.6, 1.4), (0, 1, 0), (0.06, 0.16), (1, 0, 0)),
    )
)
_PANE = tuple(
    Stroke(hertz, along, size, across, trunk=(0.0, 0.3))
    for hertz, along, size, across in (
        ((0.5, 1.3), (0, 0.2, 1), (0.10, 0.28), None),
        ((0.5, 1.4), (0, 1, 0.1), (0.08, 0.24), None),
        ((0.6, 1.4), (0, 1, 0), (0.06, 0.18), (0, 0, 1)),
    )
)
_STICK = {
    "low": Spot("floor", (0.30, 0.48), (-0.20, 0.02), (0.80, 1.0)),
    "high": Spot("floor", (0.18, 0.34), (-0.12, 0.08), (1.10, 1.38)),
}
_WITH_STICK = {"pitch": 8, "trunk_flex": 12, "hip_flex": 10}
_DOOR = {
    "panel": Spot("floor", (0.38, 0.58), (-0.20, 0.05), (1.25, 1.55)),
    "handle": Spot("floor", (0.42, 0.60), (-0.20, 0.10), (0.98, 1.10)),
    "handle down": Spot("floor", (0.40, 0.58), (-0.22, 0.08), (0.90, 1.0)),
    "pulled": Spot("floor", (0.15, 0.30), (-0.45, -0.20), (0.95, 1.08)),
    "pushed": Spot("floor", (0.60, 0.75), (-0.10, 0.15), (0.95, 1.10)),
}
_GESTURE = {
    "raised": Spot("trunk", (0.10, 0.22), (-0.22, -0.12), (0.22, 0.34)),
    "ahead": Spot("trunk", (0.22, 0.33), (-0.14, -0.02), (0.14, 0.26)),
    "ahead own side": Spot("trunk", (0.14, 0.28), (-0.42, -0.27), (0.16, 0.28)),
    "ahead other side": Spot("trunk", (0.18, 0.31), (0.05, 0.18), (0.16, 0.28)),
    "pointed at": Spot("trunk", (0.28, 0.36), (-0.26, 0.08), (0.12, 0.34)),
    "ahead high": Spot("trunk", (0.22, 0.30), (-0.09, -0.04), (0.30, 0.38)),
    "ahead low own": Spot("trunk", (0.18, 0.28), (-0.28, -0.16), (0.02, 0.14)),
    "ahead low other": Spot("trunk", (0.18, 0.28), (0.02, 0.14), (0.02, 0.14)),
    "ahead high own": Spot("trunk", (0.18, 0.28), (-0.28, -0.16), (0.28, 0.40)),
    "ahead high other": Spot("trunk", (0.18, 0.28), (0.02, 0.14), (0.28, 0.40)),
}
_FIST = {"tilt": (-10.0, 50.0), "elbow": (10.0, 50.0)}
_AIR = {"tilt": (20.0, 90.0), "elbow": (20.0, 70.0), "spread_m": 0.02}
_DROP = Phase(both=Move("home"), hold_s=(0.2, 1.4), chance=0.7)
_FOOT = {
    "shoe": Spot("floor", (0.28, 0.42), (-0.14, -0.08), (0.16, 0.32)),
    "shoe nearby": Spot("floor", (0.30, 0.50), (-0.35, -0.15), (0.05, 0.2)),
}
_BENT = {"pitch": 22, "trunk_flex": 26, "hip_flex": 18, "head_flex": 8}
_CLOTHES = {
    "sleeve": Spot("trunk", (-0.12, -0.06), (-0.18, -0.12), (0.0, 0.08)),
    "collar": Spot("trunk", (0.05, 0.08), (-0.07, -0.04), (0.21, 0.25)),
    "hem": Spot("trunk", (0.08, 0.12), (-0.05, -0.02), (-0.10, -0.04)),
    "jacket": Spot("floor", (0.35, 0.55), (-0.40, -0.10), (0.80, 1.50)),
}


def _air(*spots: str, seconds: tuple[float, float] = (0.25, 0.75)) -> tuple[Phase, ...]:
    """A figure drawn in the air from spot to spot, then the arm falls."""
    first = Phase(right=Move(spots[0], **_AIR), hold_s=(0.05, 0.3), width_m=0.1)
    rest = (Phase(right=Move(spot, **_AIR), seconds=seconds, hold_s=(0.01, 0.15), lift_m=(0, 0)) for spot in spots[1:])
    return (first, *rest, _DROP)


def _circle(hertz: tuple[float, float], inwards: float) -> tuple[Phase, ...]:
    circle = Stroke(hertz, (0, inwards, 0), (0.10, 0.26), (0, 0, 1), (0.8, 1.1))
    return (Phase(right=Move("ahead", **_AIR), hold_s=(1.2, 3.0), width_m=0.1, stroke=circle), _DROP)


_BRISK = (1.0, 2.6)  # smartfallmm's people dress and undress within seconds
_PUT_ON = (
    Phase(right=Move("jacket"), hold_s=(0.2, 0.8)),
    Phase(left=Move("sleeve"), right=Move("before chest"), hold_s=(0.2, 0.8), seconds=(0.7, 1.5),
        body={"trunk_turn": -8}),
    Phase(left=Move("own shoulder"), right=Move("other shoulder"), hold_s=(0.1, 0.5), seconds=(0.5, 1.2)),
    Phase(right=Move("sleeve"), left=Move("before chest"), hold_s=(0.2, 0.8), seconds=(0.7, 1.6),
        body={"trunk_turn": 10}),
    Phase(both=Move("collar"), hold_s=(0.2, 1.0), stroke=Stroke((1.0, 2.0), (1, 0.3, 0.3), (0.01, 0.04), hands="both")),
    Phase(both=Move("hem"), hold_s=(0.4, 1.5), chance=0.6),
    Phase(right=Move("collar"), seconds=(0.6, 1.5), hold_s=(0.1, 0.4), chance=0.5),  # the zip
)  # fmt: skip
_TAKE_OFF = (
    Phase(right=Move("hem"), seconds=(0.6, 1.4), hold_s=(0.1, 0.5), chance=0.5),
    Phase(both=Move("collar"), hold_s=(0.1, 0.5)),
    Phase(both=Move("sleeve"), seconds=(0.7, 1.5), hold_s=(0.3, 1.2),
        stroke=Stroke((1.2, 2.5), (0.4, 1, 0.6), (0.02, 0.06), turn=(0, 15), hands="against")),
    Phase(right=Move("before chest"), left=Move("sleeve"), seconds=(0.5, 1.0), hold_s=(0.2, 0.8)),
    Phase(both=Move("before chest"), hold_s=(0.1, 0.6)),
    Phase(right=Move("jacket"), hold_s=(0.3, 1.0)),
)  # fmt: skip

CHORES = {
    # --- bathroom -----------------------------------------------------------------------------------------------------
    "brushing teeth": Task((
        (1.0, (
            Again((2, 5), (
                _teeth("before lips", "in"), _teeth("cheek", "back"), _teeth("far cheek", "in"),
                Phase(right=Move("before lips", tilt=(-20, 40), **_BRUSH), hold_s=(2.0, 6.0), stroke=_SCRUB_UP),
            )),
            Phase(right=Move("tap", tilt=(0, 90)), hold_s=(0.4, 1.5), body={"pitch": 12, "trunk_flex": 12}, chance=0.3),
        )),), surface_m={"stand": (0.80, 0.92)}, spots=_SINK, body={"trunk_flex": 5, "head_flex": 6}, grip=0.06,
        other=((0.55, None), (0.25, Move("near", **_DOWN)), (0.2, Move("before chest"))), either_hand=0.05),
    "combing hair": Task(((1.0, _COMBING),), (("stand", 0.8), ("sit", 0.2)), seat_table=False, either_hand=0.15,
        grip=0.07, body={"head_flex": 4}),
    "shaving": Task((
        (1.0, (
            Again((2, 6), (
                Phase(right=Move("cheek", tilt=(10, 80), elbow=(25, 80)), hold_s=(0.05, 0.3), width_m=0.02),
                Phase(right=Move("chin", tilt=(20, 90), elbow=(15, 60)), seconds=(0.5, 1.2), hold_s=(0.02, 0.3),
                    lift_m=(0, 0.01)),
                Phase(right=Move("far cheek", tilt=(20, 90), elbow=(25, 80)), hold_s=(0.05, 0.3), chance=0.4),
            )),
            Phase(right=Move("basin", **_DOWN), hold_s=(0.5, 1.5), stroke=Stroke((2.5, 5.0), (0.3, 1, 0.3), (0.01,
                0.03)), body=_OVER_SINK),
        )),), surface_m={"stand": (0.80, 0.92)}, spots=_SINK, other=((0.6, None), (0.4, Move("cheek")))),
    "washing hands": Task((
        (1.0, (
            Phase(right=Move("tap", **_DOWN), hold_s=(0.2, 0.8), chance=0.4),
            Again((1, 4), (
                Phase(both=Move("basin", tilt=(30, 100), spread_m=0.03), hold_s=(1.0, 5.0), stroke=_RUB),
                Phase(both=Move("basin", tilt=(-50, 40), spread_m=0.03), hold_s=(0.8, 4.0), stroke=_RUB),
            )),
            Phase(right=Move("tap", **_DOWN), hold_s=(0.2, 0.8), chance=0.5),
            Phase(both=Move("basin", **_DOWN), hold_s=(0.5, 2.5), chance=0.5,
                stroke=Stroke((2.2, 4.5), (0.3, 0.3, 1), (0.015, 0.06), swing=(5, 18), hands="both")),
            Phase(both=Move("belly", tilt=(10, 80)), hold_s=(1.5, 5.0), stroke=_RUB, chance=0.3),
        )),), surface_m={"stand": (0.80, 0.94)}, spots=_SINK, body=_OVER_SINK),
    "washing the face": Task((
        (1.0, (
            Phase(both=Move("basin", tilt=(20, 60), towards="out"), hold_s=(0.5, 1.5), body={"trunk_flex": 15,
                "pitch": 10}),
            Phase(both=Move("face", tilt=(40, 100), towards="back", elbow=(10, 45)), hold_s=(0.8, 3.0), width_m=0.1,
                stroke=Stroke((1.2, 2.5), (0.1, 0.2, 1), (0.015, 0.05), hands="both"),
                body={"trunk_flex": 22, "pitch": 14, "head_flex": 10}),
            Phase(both=Move("face", tilt=(40, 100), towards="back", elbow=(10, 45)), hold_s=(1.0, 3.5), chance=0.2,
                stroke=Stroke((0.7, 1.6), (0.1, 0.4, 1), (0.02, 0.06), hands="both")),
        )),), surface_m={"stand": (0.80, 0.94)}, spots=_SINK, body={"pitch": 8, "hip_flex": 8}),
    # --- house --------------------------------------------------------------------------------------------------------
    "washing dishes": Task((
        (1.0, (
            Phase(right=Move("basin", **_DOWN), left=Move("basin", tilt=(0, 70)), hold_s=(2.0, 7.0),
                stroke=Stroke((0.9, 2.2), (1, 0.3, 0), (0.02, 0.07), (0, 1, 0.2), turn=(3, 15))),
            Phase(both=Move("tap", tilt=(-20, 60)), hold_s=(0.8, 2.5), chance=0.6,
                stroke=Stroke((0.6, 1.5), (0.3, 1, 0), (0.01, 0.04), turn=(8, 30), hands="both")),
            Phase(right=Move("rack", tilt=(0, 70)), hold_s=(0.2, 0.8), chance=0.6),
            Phase(left=Move("own side"), hold_s=(0.2, 0.8), chance=0.4),
        )),), surface_m={"stand": (0.82, 0.96)}, spots=_SINK, body=_OVER_SINK),
    "wiping a table": Task((
        (1.0, tuple(
            Phase(right=Move(spot, **_DOWN), hold_s=(1.5, 6.0), stroke=stroke, body={"trunk_flex": 8, "pitch": 8},
                chance=0.5)
            for stroke in _WIPES for spot in ("middle", "far", "own side")
        )),), surface_m={"stand": (0.70, 0.95)}, body={"pitch": 10, "trunk_flex": 12, "hip_flex": 14}, step_m_s=0.06,
        other=((0.5, Move("other side", **_DOWN)), (0.5, None)), either_hand=0.15),
    "wiping a window": Task((
        (1.0, (
            *(Phase(right=Move(spot, tilt=(-10, 60), elbow=(10, 60)), hold_s=(1.5, 6.0), stroke=stroke, chance=0.5)
                for stroke in _PANE for spot in ("ahead", "ahead high", "ahead own side")),
            Phase(right=Move("home"), hold_s=(0.5, 2.0), chance=0.3),
        )),), spots=_GESTURE, step_m_s=0.06, either_hand=0.15),
    "vacuum cleaning": Task((
        (1.0, (
            Phase(right=Move("low", tilt=(-10, 60)), hold_s=(4.0, 14.0),
                stroke=Stroke((0.35, 0.9), (1, 0.15, -0.15), (0.10, 0.26), turn=(0, 8), trunk=(0.2, 0.6)),
                body={"trunk_turn": 4}),
            Phase(right=Move("low", tilt=(-10, 60)), hold_s=(1.0, 5.0), chance=0.4,
                stroke=Stroke((0.8, 1.5), (1, 0.4, 0), (0.04, 0.10), turn=(0, 8))),
            Phase(hold_s=(0.4, 1.5), chance=0.3),
        )),), spots=_STICK, body=_WITH_STICK | {"knee_flex": 6}, step_m_s=0.16,
        other=((0.7, None), (0.3, Move("high"))), either_hand=0.2),
    "sweeping": Task((
        (1.0, (
            Phase(right=Move("low", tilt=(-20, 50)), left=Move("high", tilt=(-20, 60)), hold_s=(3.0, 12.0),
                stroke=Stroke((0.5, 1.1), (0.35, 1, 0), (0.08, 0.22), turn=(3, 15), hands="both",
                    trunk=(0.1, 0.5))),
            Phase(right=Move("low", tilt=(-20, 50)), hold_s=(0.5, 2.0), chance=0.5,
                stroke=Stroke((1.2, 2.2), (0.6, 0.6, 0), (0.03, 0.09))),
        )),), spots=_STICK, body=_WITH_STICK, step_m_s=0.16, either_hand=0.4),
    "mopping": Task((
        (1.0, (
            Phase(right=Move("low", tilt=(-20, 50)), left=Move("high", tilt=(-20, 60)), hold_s=(4.0, 12.0),
                stroke=Stroke((0.35, 0.8), (1, 0.2, -0.1), (0.12, 0.28), (0, 1, 0), (0.0, 0.8), hands="both",
                    trunk=(0.2, 0.6))),
            Phase(both=Move("low"), hold_s=(1.0, 3.0), chance=0.15, body={"pitch": 18, "trunk_flex": 12},
                stroke=Stroke((0.8, 1.6), (0, 0.2, 1), (0.05, 0.12), hands="both")),  # into the bucket
        )),), spots=_STICK, body=_WITH_STICK, step_m_s=0.16, either_hand=0.4),
    "ironing": Task((
        (1.0, (
            Phase(right=Move("middle", tilt=(50, 100)), hold_s=(2.0, 8.0),
                stroke=Stroke((0.35, 1.0), (0.5, 1, 0), (0.07, 0.2), trunk=(0.1, 0.4))),
            Phase(right=Move("own side", tilt=(0, 50)), hold_s=(0.3, 1.2), lift_m=(0.03, 0.1), chance=0.6),
            Phase(both=Move("near", **_DOWN), hold_s=(0.5, 2.5), chance=0.5,
                stroke=Stroke((0.6, 1.4), (0.3, 1, 0), (0.03, 0.12), hands="both")),
        )),), surface_m={"stand": (0.76, 0.98)}, body={"trunk_flex": 8, "pitch": 4, "hip_flex": 4},
        other=((0.7, Move("near", **_DOWN)), (0.3, None))),
    "folding clothes": Task((
        (1.0, (
            Phase(both=Move("own side", **_DOWN), hold_s=(0.2, 0.8), lift_m=(0.03, 0.12)),
            Phase(both=Move("middle", tilt=(20, 90)), hold_s=(0.1, 0.5), lift_m=(0.03, 0.12)),
            Phase(right=Move("other side", tilt=(20, 90)), hold_s=(0.1, 0.4), lift_m=(0.04, 0.12)),
            Phase(both=Move("near", **_DOWN), hold_s=(0.5, 2.0), stroke=Stroke((0.7, 1.6), (0.3, 1, 0), (0.03, 0.12),
                hands="both"), chance=0.7),
            Phase(both=Move("before chest", tilt=(0, 50)), hold_s=(0.3, 1.0), chance=0.4,
                stroke=Stroke((1.5, 3.0), (0.6, 0, 1), (0.03, 0.10), hands="both")),  # shaken out
            Phase(right=Move("far"), hold_s=(0.3, 1.2), lift_m=(0.03, 0.1), body={"trunk_turn": -14}, chance=0.6),
        )),), surface_m={"stand": (0.6, 0.95), "sit": (0.5, 0.8)}, posture=(("stand", 0.85), ("sit", 0.15)),
        body={"trunk_flex": 8, "pitch": 4, "hip_flex": 4}),
    "picking up an object": Task((
        (1.0, (
            Phase(right=Move("floor", tilt=(0, 90)), seconds=(0.8, 1.8), hold_s=(0.2, 0.8), lift_m=(0, 0),
                body={"pitch": 44, "trunk_flex": 34, "hip_flex": 62, "knee_flex": 34, "ankle_dorsi": 10}),
            Phase(right=Move("before chest"), seconds=(0.7, 1.5), hold_s=(0.4, 2.5)),
            Phase(right=Move("middle"), hold_s=(0.3, 1.5), chance=0.4),
            Phase(both=Move("home"), hold_s=(0.8, 3.0)),
        )),
        (0.6, (
            Phase(both=Move("floor", tilt=(-20, 60)), seconds=(0.9, 2.0), hold_s=(0.3, 1.0), lift_m=(0, 0),
                body={"pitch": 24, "trunk_flex": 22, "hip_flex": 92, "knee_flex": 98, "ankle_dorsi": 22}),
            Phase(both=Move("belly", tilt=(-20, 60)), seconds=(0.9, 1.8), hold_s=(0.4, 2.5)),
            Phase(both=Move("home"), hold_s=(0.8, 3.0)),
        ))), spots={"floor": Spot("trunk", (0.25, 0.33), (-0.12, -0.03), (-0.04, 0.12))}, either_hand=0.15),
    # --- clothes ------------------------------------------------------------------------------------------------------
    "putting on a jacket": Task(((1.0, (*_PUT_ON, REST)),), spots=_CLOTHES, either_hand=0.4,
        tempo=_BRISK),
    "taking off a jacket": Task(((1.0, (*_TAKE_OFF, REST)),), spots=_CLOTHES, either_hand=0.4,
        tempo=_BRISK),
    "putting on and taking off a jacket": Task(((1.0, (*_PUT_ON, REST, *_TAKE_OFF, REST)),), spots=_CLOTHES,
        either_hand=0.4, tempo=_BRISK),
    "putting on shoes": Task((
        (1.0, (
            Phase(both=Move("shoe nearby"), hold_s=(0.2, 0.8), body=_BENT, seconds=(0.7, 1.6)),
            Phase(both=Move("shoe", tilt=(10, 80)), hold_s=(0.8, 2.5), body=_BENT,
                stroke=Stroke((1.0, 2.2), (0.4, 0.2, 1), (0.01, 0.04), hands="both")),
            Phase(both=Move("shoe", tilt=(10, 90)), hold_s=(2.0, 6.0), body=_BENT, chance=0.8,
                stroke=Stroke((1.2, 3.0), (0.3, 1, 0.6), (0.01, 0.05), turn=(5, 25), hands="against")),  # laces
            Phase(both=Move("home"), hold_s=(0.5, 2.5)),
        )),), (("sit", 1.0),), spots=_FOOT, seat_table=False, either_hand=0.4),
    # --- doors and gestures -------------------------------------------------------------------------------------------
    "knocking on a door": Task((
        (1.0, (
            Again((1, 3), (
                Phase(right=Move("panel", **_FIST), hold_s=(0.5, 1.6), width_m=0.1,
                    stroke=Stroke((2.0, 4.5), (1, 0, 0), (0.0, 0.02), bend=(0, 15), hinge=(-13, -4), contact=True)),
                Phase(hold_s=(0.3, 1.2)),
            )),
            _DROP,
        )),), spots=_DOOR, either_hand=0.15),
    "opening a door": Task(tuple(
        (weight, (
            Phase(right=Move("handle", tilt=(40, 95)), hold_s=(0.1, 0.4), width_m=0.04),
            Phase(right=Move("handle down", tilt=(10, 60)), seconds=(0.25, 0.6), hold_s=(0.02, 0.3), lift_m=(0, 0)),
            Phase(right=Move(where, tilt=(20, 70)), seconds=(0.7, 1.6), hold_s=(0.1, 0.6), lift_m=(0, 0),
                body={"trunk_turn": -turn, "pitch": lean}),
            _DROP,
        )) for weight, where, turn, lean in ((0.5, "pulled", 14, 0), (0.5, "pushed", -8, 6))
        ), spots=_DOOR, step_m_s=0.12, either_hand=0.3),
    "clapping": Task((
        (0.8, (
            Phase(both=Move("together", tilt=(-10, 60), elbow=(10, 50)), hold_s=(2.0, 12.0),
                stroke=Stroke((2.2, 4.2), (0, 1, 0.15), (0.02, 0.06), hands="both", contact=True)),
            _DROP,
        )),), (("stand", 0.7), ("sit", 0.3)), seat_table=False, spots={"together": Spot("trunk", (0.14, 0.24), (-0.06,
            -0.02), (0.10, 0.22))}),
    "waving": Task((
        (1.0, (
            Phase(right=Move("raised", tilt=(60, 110), towards="back", elbow=(15, 70)), hold_s=(2.0, 10.0),
                width_m=0.12, stroke=Stroke((0.8, 2.6), (0.1, 1, 0.1), (0.0, 0.08), turn=(0, 20), swing=(4, 20),
                    pivot=(14, 48), hinge=(0, 14))),
            _DROP,
        )),), (("stand", 0.8), ("sit", 0.2)), seat_table=False, spots=_GESTURE, either_hand=0.0),
    "pointing": Task((
        (1.0, (
            Phase(right=Move("pointed at", tilt=(20, 95), elbow=(10, 50), spread_m=0.08), hold_s=(0.6, 3.0),
                width_m=0.1),
            _DROP,
        )),), (("stand", 0.8), ("sit", 0.2)), seat_table=False, spots=_GESTURE, grip=0.1, either_hand=0.1),
    "swiping left": Task(((1.0, _air("ahead own side", "ahead other side")),), spots=_GESTURE, either_hand=0.0),
    "swiping right": Task(((1.0, _air("ahead other side", "ahead own side")),), spots=_GESTURE, either_hand=0.0),
    "drawing an x": Task(((1.0, _air("ahead high own", "ahead low other", "ahead high other", "ahead low own")),),
        spots=_GESTURE, either_hand=0.0),
    "drawing a triangle": Task(((1.0, _air("ahead high", "ahead low own", "ahead low other", "ahead high")),),
        spots=_GESTURE, either_hand=0.0),
    "drawing a circle": Task(((0.5, _circle((0.5, 1.1), -1.0)), (0.5, _circle((0.5, 1.1), 1.0))), spots=_GESTURE,
        either_hand=0.0),
    "drawing a circle clockwise": Task(((1.0, _circle((0.5, 1.1), -1.0)),), spots=_GESTURE, either_hand=0.0),
    "drawing a circle counter-clockwise": Task(((1.0, _circle((0.5, 1.1), 1.0)),), spots=_GESTURE, either_hand=0.0),
}  # fmt: skip
