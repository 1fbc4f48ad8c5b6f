"""Days: their order, their length, and that people can live them."""

import numpy as np
import pytest

from har.recordings.simulate import simulate_bouts
from har.recordings.simulate.activities import ACTIVITIES
from har.recordings.simulate.days import DAY, ROUTINES, SELDOM, day_of


def test_everything_in_a_day_can_be_done():
    assert set(DAY) <= set(ROUTINES) and set(SELDOM) <= set(DAY)
    for name, parts in ROUTINES.items():
        assert {activity for activity, *_ in parts} <= set(ACTIVITIES), name
        assert all(0 < least <= most and 0 < chance <= 1 for _, least, most, chance in parts)


def test_a_day_is_as_long_as_asked_and_in_its_order():
    for seed in range(20):
        day = day_of(16 * 3600.0, np.random.default_rng(seed), begin=0)
        names = [name for name, _ in day]
        total = sum(seconds for _, seconds in day)
        assert total >= 16 * 3600.0 > total - day[-1][1]
        assert names[0] == "lying" and names.index("getting up from lying") < len(names) - names[::-1].index("walking")
        bouts = {name: [seconds for other, seconds in day if other == name] for name in set(names)}
        longest = {activity: most for parts in ROUTINES.values() for activity, _, most, _ in parts}
        assert max(bouts["getting up from lying"]) <= longest["getting up from lying"]
    assert DAY.index("getting up") < DAY.index("breakfast") < DAY.index("lunch") < DAY.index("evening")


def test_a_day_in_short_and_a_day_without_time():
    short = day_of(1200.0, np.random.default_rng(1), longest_s=40.0)
    assert max(seconds for _, seconds in short) <= 80.0 and len(short) >= 15  # two parts of one name may meet
    with pytest.raises(ValueError, match=r"a day of 0\.0 seconds; expected more than 0"):
        day_of(0.0, np.random.default_rng(0))


def test_a_piece_of_a_day_can_be_recorded():
    piece = day_of(120.0, np.random.default_rng(3), longest_s=20.0, begin=DAY.index("breakfast"))
    made = simulate_bouts(piece, dataset="sim_watch", stream="left_wrist")
    found = [label for label, *_ in made.labels]
    for name, _ in piece:
        assert name in found
