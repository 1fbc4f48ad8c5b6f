"""A day as people live it: what follows what, and for how long.

A day is a sequence of routines - getting up, the bathroom, a meal, the way to work - and a routine a sequence of
activities, of which some stay out. Order and durations are general knowledge; no recording shaped them.
"""

from collections.abc import Sequence

import numpy as np

# activity, seconds it takes at least and at most, chance that it happens
Part = tuple[str, float, float, float]

ROUTINES: dict[str, tuple[Part, ...]] = {
    "in bed": (
        ("lying", 60, 1800, 1.0), ("turning over while lying", 6, 20, 0.7), ("lying", 60, 1800, 0.7),
    ),
    "getting up": (("lying", 20, 120, 1.0), ("getting up from lying", 8, 20, 1.0), ("walking", 8, 30, 1.0)),
    "bathroom": (
        ("washing hands", 10, 40, 0.7), ("brushing teeth", 60, 180, 0.8), ("washing the face", 15, 60, 0.5),
        ("shaving", 60, 240, 0.2), ("combing hair", 20, 120, 0.6), ("standing", 5, 40, 0.6), ("walking", 6, 25, 1.0),
    ),
    "dressing": (
        ("standing", 5, 30, 0.6), ("putting on a jacket", 8, 25, 0.6), ("putting on shoes", 20, 60, 0.8),
        ("picking up an object", 6, 15, 0.5), ("opening a door", 6, 12, 0.8),
    ),
    "breakfast": (
        ("standing", 5, 30, 0.7), ("pouring water", 8, 30, 0.8), ("stirring", 8, 60, 0.4), ("walking", 5, 15, 0.7),
        ("eating a sandwich", 60, 400, 0.6), ("drinking", 20, 200, 0.9), ("texting on a phone", 20, 300, 0.4),
        ("eating with a spoon", 60, 400, 0.4), ("drinking", 10, 60, 0.7), ("washing dishes", 20, 180, 0.4),
    ),
    "way": (
        ("opening a door", 6, 12, 0.8), ("walking downstairs", 10, 40, 0.6), ("walking", 60, 900, 1.0),
        ("using a telephone", 30, 300, 0.2), ("walking fast", 20, 200, 0.4), ("driving a car", 120, 1800, 0.4),
        ("walking upstairs", 10, 40, 0.6), ("opening a door", 6, 12, 0.8),
    ),
    "desk": (
        ("typing", 60, 900, 0.8), ("using a computer mouse", 60, 600, 0.6), ("drinking", 10, 40, 0.6),
        ("working at a computer", 120, 1800, 0.9), ("writing", 30, 400, 0.5), ("using a telephone", 40, 600, 0.5),
        ("reading", 60, 900, 0.4), ("standing", 10, 120, 0.5), ("walking", 15, 120, 0.7), ("sitting", 20, 300, 0.6),
        ("sitting and talking", 30, 600, 0.4),
    ),
    "lunch": (
        ("walking", 20, 200, 1.0), ("standing", 10, 120, 0.7), ("eating with knife and fork", 120, 900, 0.6),
        ("eating pasta", 120, 600, 0.4), ("drinking", 15, 90, 0.8), ("sitting and talking", 30, 600, 0.6),
        ("walking", 20, 300, 1.0),
    ),
    "housework": (
        ("vacuum cleaning", 60, 900, 0.5), ("sweeping", 30, 300, 0.4), ("mopping", 60, 500, 0.3),
        ("wiping a table", 15, 120, 0.6), ("wiping a window", 30, 300, 0.3), ("folding clothes", 60, 600, 0.5),
        ("ironing", 60, 900, 0.3), ("picking up an object", 6, 20, 0.6), ("walking", 6, 40, 0.9),
        ("washing hands", 10, 40, 0.5),
    ),
    "sport": (
        ("walking fast", 60, 600, 0.6), ("jogging", 120, 1800, 0.6), ("cycling", 120, 1800, 0.4),
        ("running", 60, 600, 0.3), ("walking slowly", 60, 400, 0.7), ("standing", 20, 120, 0.6),
        ("drinking", 10, 40, 0.6),
    ),
    "cooking": (
        ("washing hands", 10, 40, 0.6), ("peeling", 30, 300, 0.6), ("chopping", 30, 400, 0.8),
        ("opening a jar", 6, 20, 0.4), ("stirring", 20, 300, 0.9), ("pouring water", 8, 30, 0.6),
        ("standing", 10, 120, 0.7), ("walking", 5, 20, 0.8), ("stirring", 20, 200, 0.5),
    ),
    "dinner": (
        ("eating with knife and fork", 120, 900, 0.6), ("eating pasta", 120, 600, 0.3), ("pouring water", 8, 20, 0.5),
        ("drinking", 15, 90, 0.9), ("sitting and talking", 30, 900, 0.6), ("washing dishes", 60, 600, 0.7),
        ("wiping a table", 15, 60, 0.5),
    ),
    "evening": (
        ("watching tv", 300, 3600, 0.8), ("eating chips", 60, 600, 0.4), ("texting on a phone", 30, 600, 0.5),
        ("drinking", 15, 200, 0.5), ("using a telephone", 60, 900, 0.4), ("reading", 120, 1800, 0.4),
        ("sitting", 60, 900, 0.6), ("walking", 6, 30, 0.7),
    ),
    "coming home": (
        ("walking upstairs", 10, 40, 0.6), ("opening a door", 6, 12, 0.9), ("taking off a jacket", 6, 20, 0.7),
        ("sitting down", 6, 12, 0.5), ("standing up", 6, 12, 0.5), ("washing hands", 10, 40, 0.6),
    ),
    "to bed": (("lying down", 8, 20, 1.0), ("lying", 30, 400, 1.0)),
}  # fmt: skip
DAY = (
    "in bed", "getting up", "bathroom", "breakfast", "dressing", "way", "desk", "desk", "lunch", "desk", "way",
    "coming home", "sport", "housework", "cooking", "dinner", "evening", "bathroom", "to bed",
)  # fmt: skip
SELDOM = {"sport": 0.4, "housework": 0.6, "cooking": 0.7}  # routines that not every day has, and how often one does


def day_of(
    seconds: float, rng: np.random.Generator, longest_s: float = np.inf, begin: int | None = None
) -> list[tuple[str, float]]:
    """Activities and their seconds, in the order of a day that goes on for ``seconds``; a night follows an evening.

    longest_s: of one activity, for a day in short. begin: number of the routine in ``DAY`` that comes first, any where
    None. What comes out can be given to ``simulate_bouts``. Raises ``ValueError`` for no time.
    """
    if not 0 < seconds < np.inf:
        raise ValueError(f"a day of {seconds} seconds; expected more than 0")
    number = int(rng.integers(len(DAY))) if begin is None else begin
    bouts: list[tuple[str, float]] = []
    left = seconds
    while left > 0:
        routine = DAY[number % len(DAY)]
        number += 1
        if rng.random() >= SELDOM.get(routine, 1.0):
            continue
        for name, length in _gone_through(ROUTINES[routine], rng, longest_s):
            if left > 0:
                bouts.append((name, length))
                left -= length
    return bouts


def _gone_through(parts: Sequence[Part], rng: np.random.Generator, longest_s: float) -> list[tuple[str, float]]:
    """What happens of a routine, each part for a time with equal chance for each factor; the same again is one."""
    bouts: list[tuple[str, float]] = []
    for name, least, most, chance in parts:
        if rng.random() < chance:
            length = min(float(np.exp(rng.uniform(np.log(least), np.log(most)))), longest_s)
            if bouts and bouts[-1][0] == name:
                length += bouts.pop()[1]
            bouts.append((name, length))
    return bouts
