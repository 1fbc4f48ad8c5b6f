"""What hands do at a table, in a kitchen and at a desk: eating, drinking, cooking, writing, telephoning.

Rates and durations are general knowledge of these tasks; where there are publications they agree with them in order of
magnitude: sips of 1 to 2 s (Weiss et al., Drinking motions, 2017), 3 to 6 key strokes a second, 4 to 6 strokes of a pen
a second (Teulings & Maarse 1984), bites every 5 to 15 s. No recording shaped them.
"""

from har.recordings.simulate.phases import Again, Move, Phase, Spot, Stroke, Task

REST = Phase(both=Move("home"), hold_s=(0.4, 4.0), chance=0.6)
_DOWN = {"tilt": (65.0, 100.0), "towards": "in", "elbow": (10.0, 35.0)}  # palms on what lies below
_SEATED = (("sit", 1.0),)
_MOSTLY_SEATED = (("sit", 0.75), ("stand", 0.25))
_MOSTLY_STANDING = (("sit", 0.15), ("stand", 0.85))

# The other hand of who has something to do for one: rests, lies on the table, holds what is worked on.
_IDLE = ((0.5, None), (0.25, Move("own side", **_DOWN)), (0.25, Move("near", **_DOWN)))
_HOLDS = ((0.75, Move("near", tilt=(0, 70))), (0.25, None))


def _sips(vessel: str, empty: float, pours: tuple[float, float]) -> tuple[Phase | Again, ...]:
    """Taken up, a few sips, put down or kept in the hand; the emptier the steeper."""
    full = 0.25 * empty
    tilted = Move("lips", tilt=(full, empty), towards="back", elbow=(15, 65), pours=pours)
    return (
        Phase(right=Move(vessel), hold_s=(0.1, 0.5), width_m=0.06, lift_m=(0.0, 0.08)),
        Again((1, 3), (
            Phase(right=Move("lips", tilt=(0, 15), towards="back", elbow=(15, 55)), hold_s=(0.02, 0.2), width_m=0.02),
            Phase(right=tilted, seconds=(0.35, 1.1), hold_s=(0.7, 4.0), body={"head_flex": -10}),
            Phase(right=Move("lips", tilt=(0, 20), towards="back", elbow=(15, 50)), seconds=(0.3, 0.8),
                hold_s=(0.02, 0.3)),
            Phase(right=Move("before chest", elbow=(5, 35)), hold_s=(0.8, 6.0), chance=0.4),
        )),
        Phase(right=Move(vessel), hold_s=(0.2, 3.0), width_m=0.06, lift_m=(0.0, 0.05)),
        Phase(right=Move("home"), hold_s=(0.5, 5.0), chance=0.6),
    )  # fmt: skip


def _bites(tool: Phase, lips: Move, between_s: tuple[float, float]) -> tuple[Phase | Again, ...]:
    """What is done at the plate, then to the mouth and back, with a wait while chewing."""
    return (
        tool,
        Phase(right=lips, hold_s=(0.25, 0.9), width_m=0.02, lift_m=(0.0, 0.06), body={"head_flex": 6}),
        Phase(right=Move("near", **_DOWN), hold_s=between_s, lift_m=(0.0, 0.04)),
    )


_SPOON_UP = Move("before lips", tilt=(-30, 30), towards="in", elbow=(15, 60))
_FORK_UP = Move("before lips", tilt=(-10, 60), towards="in", elbow=(15, 60))
_SCOOP = Phase(right=Move("near", tilt=(20, 80), elbow=(15, 45)), hold_s=(0.3, 1.5),
    stroke=Stroke((0.8, 1.8), (1, 0.4, 0), (0.01, 0.04), turn=(5, 25)))  # fmt: skip
_CUT = Stroke((1.2, 3.0), (1, 0.1, 0.1), (0.015, 0.045), hands="r")
_POURS = (0.05, 0.3)
_AT_EAR = {"at": "ear", "tilt": (60.0, 110.0), "towards": "back", "elbow": (0.0, 55.0)}
_ON_THE_PHONE = Stroke((0.3, 1.0), (0.4, 0.3, 1), (0.002, 0.012), turn=(0, 5))
_KEYS = Stroke((1.5, 3.5), (0.3, 1, 0.4), (0.003, 0.014), turn=(0.5, 3), bend=(1.5, 4), hands="against")
_MOUSE = Stroke((0.4, 1.2), (1, 0.4, 0), (0.005, 0.03), across=(0, 1, 0), turn=(0, 3), swing=(1, 6))
_KEYBOARD = {
    "keys": Spot("place", (0.28, 0.44), (-0.14, -0.05), (0.01, 0.03)),
    "mouse": Spot("place", (0.28, 0.48), (-0.36, -0.2), (0.01, 0.03)),
    "line": Spot("place", (0.24, 0.36), (-0.05, 0.08), (0.0, 0.02)),
    "end of line": Spot("place", (0.24, 0.36), (-0.22, -0.10), (0.0, 0.02)),
}
_TYPES = Phase(both=Move("keys", extension=(5, 30), **_DOWN), hold_s=(2.0, 9.0), stroke=_KEYS)
_PEN = {"tilt": (25.0, 65.0), "elbow": (10.0, 35.0), "extension": (10.0, 35.0)}
_SCRIBBLES = Stroke((3.0, 5.5), (0.8, 0.2, 0.1), (0.001, 0.004), across=(0, 1, 0), bend=(1, 4), swing=(1, 4))
_STIRS = Stroke((0.7, 2.0), (1, 0, 0), (0.02, 0.07), across=(0, 1, 0), narrow=(0.6, 1.0), turn=(0, 12), swing=(0, 10))
_THUMBS = Stroke((1.5, 3.5), (1, 0.5, 0.3), (0.001, 0.004), turn=(0.5, 2.5), hands="both")
_HELD_PHONE = {"tilt": (20.0, 75.0), "towards": "out", "elbow": (0.0, 25.0)}

TASKS = {
    # --- eating and drinking ------------------------------------------------------------------------------------------
    "drinking": Task((
            (0.45, _sips("middle", 75, _POURS)),
            (0.25, _sips("own side", 60, _POURS)),
            (0.15, _sips("far", 110, (0.03, 0.15))),  # from a bottle
            (0.15, (Again((2, 8), (
                Phase(right=Move("before chest", elbow=(5, 30)), hold_s=(1.0, 5.0)),
                *_sips("before chest", 75, _POURS)[1:2])),)),
        ), _MOSTLY_SEATED, other=_IDLE, either_hand=0.2),
    "pouring water": Task(tuple(
        (weight, (
            Phase(right=Move("middle"), hold_s=(0.15, 0.6), width_m=0.07),
            Phase(left=Move("near"), hold_s=(0.1, 0.5), width_m=0.07, chance=helped),
            Phase(right=Move("middle", tilt=(0, 40)), hold_s=(0.8, 2.5), chance=0.25,
                stroke=Stroke((0.7, 1.4), turn=(15, 40))),  # a cap is unscrewed
            Again(again, (
                Phase(right=Move("over glass", tilt=(-5, 15), elbow=(15, 45)), hold_s=(0.05, 0.4), lift_m=(0.02, 0.1)),
                Phase(right=Move("over glass", tilt=(45, 112), elbow=(25, 75), pours=pours), seconds=(0.5, 2.0),
                    hold_s=(0.8, 5.0)),
                Phase(right=Move("over glass", tilt=(-5, 15), elbow=(15, 45)), seconds=(0.35, 1.1), hold_s=(0.02, 0.4)),
            )),
            Phase(right=Move("middle"), hold_s=(0.1, 0.6), width_m=0.07),
            REST,
        )) for weight, helped, again, pours in ((0.6, 0.25, (1, 1), (0.08, 0.35)), (0.4, 0.9, (1, 4), (0.05, 0.2)))
        ), (("sit", 0.45), ("stand", 0.55)), other=_IDLE, either_hand=0.15,
        spots={"over glass": Spot("place", (0.28, 0.45), (-0.12, 0.10), (0.17, 0.30))}),
    "eating with a spoon": Task((
            (0.7, _bites(_SCOOP, _SPOON_UP, (0.2, 2.5))), (0.3, _bites(_SCOOP, _SPOON_UP, (1.0, 6.0))),
        ), _SEATED, other=_IDLE, body={"trunk_flex": 8}, grip=0.07),
    "eating pasta": Task((
        (1.0, _bites(
            Phase(right=Move("near", tilt=(10, 70), elbow=(15, 50)), hold_s=(1.0, 3.5),
                stroke=Stroke((1.0, 2.2), (1, 0, 0), (0.005, 0.02), turn=(20, 50))),
            _FORK_UP, (0.5, 5.0))),), _SEATED, other=_IDLE, body={"trunk_flex": 10}, grip=0.07),
    "eating with knife and fork": Task((
            (0.6, (  # the fork in the other hand
                Phase(both=Move("near", **_DOWN), hold_s=(1.0, 4.5), stroke=_CUT),
                Phase(left=_FORK_UP, hold_s=(0.3, 0.8), width_m=0.02, lift_m=(0.0, 0.05)),
                Phase(left=Move("near", **_DOWN), hold_s=(0.5, 6.0)),
            )),
            (0.4, (  # the fork changes hands, or cuts by itself
                Phase(both=Move("near", **_DOWN), hold_s=(1.0, 4.0), stroke=_CUT, chance=0.5),
                *_bites(Phase(right=Move("near", tilt=(30, 80)), hold_s=(0.2, 1.0)), _FORK_UP, (0.5, 5.0)),
            )),
        ), _SEATED, other=((1.0, Move("near", **_DOWN)),), body={"trunk_flex": 8}, grip=0.07),
    "eating a sandwich": Task((
            (0.6, (
                Phase(both=Move("lips", tilt=(-10, 50), towards="in", elbow=(5, 40)), hold_s=(0.4, 1.2), width_m=0.03,
                    stroke=Stroke((1.0, 2.0), (1, 0, -0.5), (0.002, 0.012), hands="both"), body={"head_flex": 5}),
                Phase(both=Move("before chest", tilt=(0, 60)), hold_s=(2.0, 9.0), width_m=0.1),
            )),
            (0.4, (
                Phase(right=Move("lips", tilt=(-10, 60), towards="in", elbow=(5, 45)), hold_s=(0.4, 1.2), width_m=0.03),
                Phase(right=Move("near", **_DOWN), hold_s=(2.0, 9.0)),
            )),
        ), _MOSTLY_SEATED, other=_IDLE, either_hand=0.2),
    "eating chips": Task((
        (1.0, (
            Phase(right=Move("middle", tilt=(40, 95)), hold_s=(0.3, 1.2), stroke=Stroke((1.5, 3.0), (1, 1, 1), (0.004,
                0.015))),
            Phase(right=Move("lips", tilt=(20, 80), towards="in", elbow=(5, 45)), hold_s=(0.15, 0.7), width_m=0.03),
            Phase(right=Move("home"), hold_s=(0.5, 5.0), chance=0.4),
        )),), _MOSTLY_SEATED, other=_IDLE, either_hand=0.3, grip=0.09),
    # --- kitchen ------------------------------------------------------------------------------------------------------
    "stirring": Task((
        (1.0, (
            Phase(right=Move("over pan", tilt=(20, 90), elbow=(15, 50)), hold_s=(4.0, 15.0), stroke=_STIRS),
            Phase(right=Move("lips", tilt=(0, 40), elbow=(15, 50)), hold_s=(0.3, 1.0), chance=0.1),
            Phase(right=Move("own side", **_DOWN), hold_s=(0.3, 2.0), chance=0.25),
        )),), _MOSTLY_STANDING, other=_HOLDS, body={"trunk_flex": 6},
        spots={"over pan": Spot("place", (0.28, 0.48), (-0.2, 0.05), (0.10, 0.24))}),
    "chopping": Task((
        (1.0, (
            Phase(right=Move("near", **_DOWN), left=Move("near", **_DOWN), hold_s=(2.0, 9.0),
                stroke=Stroke((1.8, 4.5), (0.3, 0, -1), (0.012, 0.035), contact=True)),
            Phase(right=Move("middle", tilt=(30, 80)), hold_s=(0.4, 1.5), chance=0.4,
                stroke=Stroke((1.0, 2.0), (0.2, 1, 0), (0.03, 0.08))),
            Phase(left=Move("other side", **_DOWN), hold_s=(0.3, 1.2), chance=0.4),
        )),), _MOSTLY_STANDING, body={"trunk_flex": 10, "head_flex": 15}),
    "peeling": Task((
        (1.0, (
            Phase(right=Move("before chest", tilt=(20, 80)), left=Move("before chest", tilt=(30, 90)),
                hold_s=(4.0, 14.0), stroke=Stroke((0.8, 2.0), (0.7, 0.6, 0.2), (0.02, 0.06), turn=(3, 15))),
            Phase(left=Move("before chest", tilt=(-20, 60)), hold_s=(0.2, 0.8)),
            REST,
        )),), (("sit", 0.5), ("stand", 0.5)), body={"head_flex": 15}),
    "opening a jar": Task((
        (1.0, (
            Phase(right=Move("middle", tilt=(30, 90)), left=Move("middle"), hold_s=(0.2, 0.8)),
            Phase(right=Move("before chest", tilt=(50, 100), elbow=(20, 60)), left=Move("belly"), hold_s=(0.3, 1.0)),
            Again((1, 5), (
                Phase(right=Move("before chest", tilt=(-10, 30), elbow=(10, 45)), seconds=(0.5, 1.3),
                    hold_s=(0.05, 0.5), stroke=Stroke((5.0, 8.0), turn=(0.5, 2))),  # strains
                Phase(right=Move("before chest", tilt=(60, 100), elbow=(20, 60)), seconds=(0.35, 0.8),
                    hold_s=(0.1, 0.4)),
            )),
            Phase(right=Move("own side", **_DOWN), left=Move("middle"), hold_s=(0.3, 1.2)),
            REST,
        )),), (("sit", 0.3), ("stand", 0.7))),
    # --- desk ---------------------------------------------------------------------------------------------------------
    "typing": Task((
        (1.0, (_TYPES, Phase(hold_s=(0.3, 2.5)), Phase(right=Move("home"), hold_s=(0.5, 2.5), chance=0.2))),
        ), _SEATED, spots=_KEYBOARD),
    "working at a computer": Task((
        (1.0, (
            Again((1, 2), (_TYPES,), 0.7),
            Phase(right=Move("mouse", extension=(5, 30), **_DOWN), hold_s=(2.0, 9.0), stroke=_MOUSE, chance=0.7),
            Phase(hold_s=(1.0, 6.0), chance=0.4),
            Phase(right=Move("chin", tilt=(0, 60), elbow=(0, 20)), hold_s=(2.0, 8.0), chance=0.12),
            Phase(both=Move("home"), hold_s=(1.0, 5.0), chance=0.15),
        )),), _SEATED, spots=_KEYBOARD),
    "using a computer mouse": Task((
        (1.0, (
            Phase(right=Move("mouse", extension=(5, 30), **_DOWN), hold_s=(1.5, 8.0), stroke=_MOUSE),
            Phase(hold_s=(0.5, 4.0), chance=0.6),
        )),), _SEATED, spots=_KEYBOARD, other=_IDLE),
    "writing": Task((
        (1.0, (
            Again((1, 4), (
                Phase(right=Move("line", **_PEN), hold_s=(0.1, 0.4)),
                Phase(right=Move("end of line", spread_m=0.03, **_PEN), seconds=(4.0, 9.0), hold_s=(0.05, 0.3)),
                Phase(right=Move("line", **_PEN), hold_s=(2.0, 6.0), stroke=_SCRIBBLES),
            )),
            Phase(hold_s=(0.5, 3.0), chance=0.4),
            Phase(left=Move("near", **_DOWN), hold_s=(0.2, 1.0), chance=0.2),
        )),), _SEATED, spots=_KEYBOARD, other=_HOLDS, body={"head_flex": 14, "trunk_flex": 6}, either_hand=0.0),
    "reading": Task((
            (0.5, (  # what lies on the table
                Phase(both=Move("near", tilt=(30, 90)), hold_s=(4.0, 20.0)),
                Phase(right=Move("other side", tilt=(30, 90)), hold_s=(0.2, 0.8), lift_m=(0.03, 0.1)),
            )),
            (0.5, (  # what is held
                Phase(both=Move("before chest", tilt=(10, 60), towards="out"), hold_s=(4.0, 20.0)),
                Phase(right=Move("belly", tilt=(20, 60)), hold_s=(0.2, 0.6), lift_m=(0.02, 0.06)),
            )),
        ), (("sit", 0.85), ("stand", 0.15)), body={"head_flex": 14}),
    # --- telephone ----------------------------------------------------------------------------------------------------
    "using a telephone": Task(tuple(
        (weight, (
            Phase(right=Move(taken, tilt=(40, 100)), hold_s=(0.1, 0.5), width_m=0.06),
            Phase(right=Move("before chest", **_HELD_PHONE), hold_s=(0.8, 4.0), chance=looked,
                stroke=Stroke((1.5, 3.5), turn=(0.5, 3), hands="r")),
            Again((1, 4), (
                Phase(right=Move(**_AT_EAR), hold_s=(4.0, 15.0), width_m=0.03, stroke=_ON_THE_PHONE,
                    body={"head_side": -6}),
                Phase(left=Move("before chest", tilt=(-20, 60), towards="out"), hold_s=(0.4, 2.0), chance=0.3),
                Phase(left=Move("home"), hold_s=(0.2, 1.0), chance=0.5),
            )),
            Phase(right=Move(taken, tilt=(40, 100)), hold_s=(0.2, 0.8), width_m=0.08),
            REST,
        )) for weight, taken, looked in ((0.4, "middle", 0.3), (0.3, "pocket", 0.6), (0.3, "own side", 0.2))
        ), (("sit", 0.7), ("stand", 0.3)), other=_IDLE, either_hand=0.4),
    "texting on a phone": Task((
            (0.5, (Phase(both=Move("before chest", **_HELD_PHONE), hold_s=(4.0, 15.0), stroke=_THUMBS),
                Phase(hold_s=(1.0, 5.0)))),
            (0.5, (
                Phase(left=Move("before chest", **_HELD_PHONE), right=Move("before chest", tilt=(30, 80)),
                    hold_s=(1.0, 6.0), stroke=Stroke((0.8, 2.5), (0.6, 0.5, 0.6), (0.004, 0.03), bend=(0, 6))),
                Phase(hold_s=(1.0, 6.0)))),
        ), (("sit", 0.6), ("stand", 0.4)), seat_table=False, body={"head_flex": 22}, either_hand=0.3),
}  # fmt: skip
