"""Minutes by hour and day of the wearer's clock, also in nights when clocks are changed."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from har.recognition.clock import Clock
from har.recognition.timeline import Bout, NamedWindows, Timeline

BERLIN = ZoneInfo("Europe/Berlin")
NOTHING = NamedWindows(*(np.zeros(0) for _ in range(4)), np.zeros((0, 2)), np.zeros(0), np.zeros(0, dtype=int))


def timeline_of(bouts, start=None) -> Timeline:
    return Timeline("walk", ("a", "b"), NOTHING, bouts, Clock(start))


def drawn_bouts(seed: int, hours: float) -> list[Bout]:
    """Whole seconds, some with gaps between them."""
    random = np.random.default_rng(seed)
    bouts, at = [], float(random.integers(0, 100))
    while at < hours * 3600:
        stop = at + float(random.integers(1, 3000))
        name = ["a", "b", "unknown", "not worn"][random.integers(4)]
        bouts.append(Bout(at, stop, name, 0.5 if name in "ab" else None))
        at = stop + float(random.choice([0, 0, 500]))
    return bouts


@pytest.mark.parametrize(
    "start",
    [
        datetime(2026, 3, 28, 21, 17, 23, tzinfo=BERLIN),  # clocks go forward
        datetime(2026, 10, 24, 22, 40, 1, 500000, tzinfo=BERLIN),  # and back
        datetime(2026, 4, 4, 20, 0, 0, tzinfo=ZoneInfo("Australia/Lord_Howe")),  # by half an hour
        datetime(2026, 1, 1, 23, 59, 59, tzinfo=timezone(timedelta(hours=5, minutes=45))),
        datetime(2026, 1, 1, 5, 30),
        None,
    ],
)
def test_minutes_by_hour_and_day_are_those_of_a_loop_over_seconds(start):
    bouts = drawn_bouts(3, 7)
    timeline, clock = timeline_of(bouts, start), Clock(start)
    expected = {"hour": defaultdict(lambda: defaultdict(float)), "day": defaultdict(lambda: defaultdict(float))}
    for bout in bouts:
        for half in np.arange(bout.start_s + 0.25, bout.stop_s, 0.5):  # whole seconds change at half ones at most
            if start is None:
                keys = str(int(half // 3600)), str(int(half // 86400))
            elif start.tzinfo is None:
                local = start + timedelta(seconds=float(half))
                keys = local.strftime("%Y-%m-%dT%H:00"), local.strftime("%Y-%m-%d")
            else:
                local = (start.astimezone(UTC) + timedelta(seconds=float(half))).astimezone(start.tzinfo)
                keys = local.replace(minute=0, second=0, microsecond=0).isoformat(timespec="minutes"), str(local.date())
            for unit, key in zip(("hour", "day"), keys, strict=True):
                expected[unit][key][bout.label] += 0.5 / 60
    for unit in ("hour", "day"):
        found = timeline.minutes_by(unit)
        assert list(found) == list(expected[unit])
        for key, minutes in expected[unit].items():
            assert found[key] == pytest.approx(dict(minutes), abs=1e-9)
    total = sum(bout.seconds for bout in bouts) / 60
    assert sum(timeline.minutes().values()) == pytest.approx(total)
    for unit in ("hour", "day"):
        assert sum(sum(one.values()) for one in timeline.minutes_by(unit).values()) == pytest.approx(total)
    assert clock.text(0) == ("" if start is None else start.isoformat(timespec="milliseconds"))


def test_a_summary_is_what_the_bouts_come_to():
    bouts = [Bout(0, 60, "a", 0.9), Bout(60, 90, "unknown", None), Bout(120, 300, "a", 0.8), Bout(300, 360, "b", 1.0)]
    summary = timeline_of(bouts, datetime(2026, 5, 1, 12, tzinfo=BERLIN)).summary()
    assert summary["minutes"] == {"a": 4.0, "b": 1.0, "unknown": 0.5}
    assert (summary["recorded_minutes"], summary["named_minutes"], summary["gap_minutes"]) == (5.5, 5.0, 0.5)
    assert summary["bouts"] == {"a": 2, "b": 1, "unknown": 1}
    longest = {"start_s": 120, "minutes": 3.0, "start": "2026-05-01T12:02:00.000+02:00"}
    assert summary["longest_bout"]["a"] == longest
    assert summary["start"] == "2026-05-01T12:00:00.000+02:00" and summary["not_worn_minutes"] == 0
    with pytest.raises(ValueError, match="expected hour or day"):
        timeline_of(bouts).minutes_by("week")


def test_times_that_people_write_down():
    clock = Clock(datetime(2026, 10, 25, 1, 0, tzinfo=BERLIN))
    assert clock.seconds("12.5") == 12.5
    assert clock.seconds("2026-10-25 04:00:00") == 4 * 3600  # one hour came twice
    assert clock.seconds("2026-10-25T00:00:00+00:00") == 3600
    assert Clock(datetime(2026, 1, 1)).seconds("2026-01-01T00:01") == 60
    with pytest.raises(ValueError, match="tells none; give seconds"):
        Clock(None).seconds("2026-01-01T00:01")
    with pytest.raises(ValueError, match="leave the zone out"):
        Clock(datetime(2026, 1, 1)).seconds("2026-01-01T00:01+01:00")
    with pytest.raises(ValueError, match="neither a number of seconds"):
        clock.seconds("noon")
