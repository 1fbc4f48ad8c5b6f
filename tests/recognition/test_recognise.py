"""From a recording to a timeline, with a model whose answers are known by construction."""

from dataclasses import replace
from datetime import datetime
from itertools import pairwise

import numpy as np
import pytest

from har.readers.recording import Device, Piece, Recording
from har.recognition import recognise
from har.recognition.timeline import NamedWindows, bouts_of
from har.text.recording_context import CALIBRATION, in_context

from .conftest import CHANNELS, LABELS, RATE_HZ

SCHEDULE = (("walking", 60), ("sitting", 90), ("running", 45), ("lying", 120))


def parts_of(timeline) -> float:
    return sum(bout.seconds for bout in timeline.bouts)


def test_what_was_acted_is_what_is_named(model, bank, acted, recorded):
    timeline = recognise(recorded(acted(*SCHEDULE)), LABELS, model, bank)
    assert [bout.label for bout in timeline.bouts] == [name for name, _ in SCHEDULE]
    borders = np.cumsum([seconds for _, seconds in SCHEDULE])
    np.testing.assert_allclose([bout.stop_s for bout in timeline.bouts], borders, atol=2.5)
    assert timeline.bouts[-1].stop_s == borders[-1] and timeline.bouts[0].start_s == 0
    assert all(bout.confidence > 0.9 for bout in timeline.bouts)
    # The same twice, to the bit.
    again = recognise(recorded(acted(*SCHEDULE)), LABELS, model, bank)
    assert again.bouts == timeline.bouts
    np.testing.assert_array_equal(again.windows.probabilities, timeline.windows.probabilities)


@pytest.mark.parametrize("seed", range(5))
def test_bouts_part_what_was_recorded(model, bank, acted, recorded, seed):
    """Pieces and activities of any length: no overlap, no hole but gaps, and the sum of all is the recorded time."""
    random = np.random.default_rng(seed)
    start_s, pieces, expected = 3.7, [], []
    for number in range(6):
        names = random.choice(["walking", "sitting", "running", "lying"], 3)
        samples = acted(*[(name, float(random.uniform(0.9, 30))) for name in names], seed=number)
        pieces.append((start_s, samples))
        expected.append((start_s, start_s + len(samples) / RATE_HZ))
        start_s = expected[-1][1] + float(random.uniform(1.2, 200))
    timeline = recognise(recorded(*pieces), LABELS, model, bank)
    for before, after in pairwise(timeline.bouts):
        assert before.stop_s <= after.start_s + 1e-9
        assert before.label != after.label or after.start_s > before.stop_s + 1
    assert parts_of(timeline) == pytest.approx(sum(stop - start for start, stop in expected), abs=1e-6)
    gaps = [(before[1], after[0]) for before, after in pairwise(expected)]
    np.testing.assert_allclose(timeline.gaps, gaps, atol=1e-6)


def test_a_device_that_is_turned_on_the_way_is_followed_and_told(model, bank, acted, recorded):
    """As walking before and after tells; not where windows are named by themselves."""
    up, turned = acted(("walking", 90)), acted(("walking", 90), seed=1)[:, [2, 0, 1]]
    still = recorded(np.concatenate([up, up]), placement="trouser pocket")
    recording = recorded(np.concatenate([up, turned]), placement="trouser pocket")

    def told(recording: Recording, **how) -> list[str]:
        return [note for note in recognise(recording, LABELS, model, bank, **how).notes if "put on anew" in note]

    (note,) = told(recording)
    assert "at trouser pocket" in note and "about 90 s:" in note
    assert model.body[-1].shape == (71, 2, 3)
    np.testing.assert_allclose(model.body[-1][[0, -1], 0], [[0, 0, 1], [1, 0, 0]], atol=0.01)
    assert not told(still) and not told(recording, context=False)
    (note,) = told(replace(recording, start_time=datetime(2026, 3, 1, 23, 59)))
    assert "about 2026-03-02 00:00:" in note
    often = recorded(*[(200.0 * number, up if number % 2 else turned) for number in range(9)])
    (note,) = told(often)
    assert "200 s, 400 s, 600 s, 800 s, 1000 s and 3 times more:" in note


def test_bouts_are_runs_of_windows():
    """Against a loop over windows."""
    random = np.random.default_rng(1)
    name = np.repeat(random.integers(0, 4, 60), random.integers(1, 4, 60))
    count = len(name)
    borders = np.cumsum(random.uniform(1, 3, count + 1))
    from_s, to_s = borders[:-1].copy(), borders[1:].copy()
    from_s[[20, 70]] += 0.5
    probabilities = random.dirichlet(np.ones(2), count)
    windows = NamedWindows(from_s, to_s, from_s, to_s, probabilities, np.ones(count), name)
    expected = []
    for i in range(count):
        label = ["a", "b", "unknown", "not worn"][name[i]]
        own = probabilities[i, name[i]] if name[i] < 2 else None
        if i and name[i] == name[i - 1] and i not in (20, 70):
            expected[-1][1] = to_s[i]
            expected[-1][3].append(own)
        else:
            expected.append([from_s[i], to_s[i], label, [own]])
    found = bouts_of(windows, ["a", "b"])
    assert [(bout.start_s, bout.stop_s, bout.label) for bout in found] == [tuple(one[:3]) for one in expected]
    for bout, (*_, own) in zip(found, expected, strict=True):
        assert bout.confidence == (None if own[0] is None else pytest.approx(sum(own) / len(own)))


def test_a_device_on_the_table_is_not_worn_and_does_not_count(model, bank, acted, recorded):
    """An hour and a half of it: named by nothing, and all else is named as without it."""
    before, after = acted(("walking", 300), ("sitting", 300)), acted(("running", 300), ("lying", 300), seed=1)
    table = acted(("on the table", 5400), seed=2)
    timeline = recognise(recorded(np.concatenate([before, table, after])), LABELS, model, bank)
    off = [bout for bout in timeline.bouts if bout.label == "not worn"]
    assert len(off) == 1 and off[0].confidence is None
    assert abs(off[0].start_s - 600) <= 61 and abs(off[0].stop_s - 6000) <= 61
    worn = timeline.windows.name < len(LABELS) + 1
    assert np.isnan(timeline.windows.probabilities[~worn]).all()
    alone = in_context(
        recognise_alone(model, bank, recorded(np.concatenate([before, table, after])), worn),
        timeline.windows.start_s[worn],
        np.zeros(worn.sum()),
        np.zeros(worn.sum()),
        CALIBRATION * worn.sum() * 2.5 / (worn.sum() * 2.5 + 240),
    )
    np.testing.assert_allclose(timeline.windows.probabilities[worn], alone, atol=1e-6)
    # Shorter than an hour, it may be somebody who sleeps.
    short = recognise(recorded(np.concatenate([before, table[: 50 * 60 * 20], after])), LABELS, model, bank)
    assert "not worn" not in short.minutes()


def recognise_alone(model, bank, recording, rows) -> np.ndarray:
    return recognise(recording, LABELS, model, bank, context=False).windows.probabilities[rows].astype(np.float64)


def test_movement_that_is_none_of_the_labels_is_unknown(model, bank, acted, recorded):
    recording = recorded(acted(("walking", 60), ("shaking", 60), ("sitting", 60)))
    timeline = recognise(recording, LABELS, model, bank)
    assert [bout.label for bout in timeline.bouts] == ["walking", "unknown", "sitting"]
    assert timeline.bouts[1].confidence is None
    everything = recognise(recording, LABELS, model, bank, unknown_below=0)
    assert "unknown" not in everything.minutes()
    named = recognise(recording, [*LABELS, "cycling"], model, bank)
    assert named.bouts[1].label == "cycling"


def test_devices_with_rates_and_hours_of_their_own(model, bank, acted, recorded):
    """The second one records for a while, at another rate; where only it records there is a name too."""
    first, second = acted(("walking", 60), ("sitting", 60)), acted(("walking", 100))
    devices = (
        Device("left wrist", CHANNELS, RATE_HZ, (Piece(10.0, first),)),
        Device("waist", CHANNELS, 2 * RATE_HZ, (Piece(100.0, np.repeat(second, 2, axis=0)),)),
    )
    timeline = recognise(Recording("two", devices), LABELS, model, bank)
    assert timeline.start_s == 10 and timeline.stop_s == 200 and parts_of(timeline) == pytest.approx(190)
    assert timeline.bouts[0].label == "walking" and timeline.bouts[1].label == "sitting"


def test_recordings_that_hold_little(model, bank, acted, recorded):
    short = recognise(recorded(acted(("walking", 3))), LABELS, model, bank)
    assert [(bout.label, bout.stop_s) for bout in short.bouts] == [("walking", 3.0)]
    samples = acted(("walking", 60), ("sitting", 60), ("running", 60))
    samples[1100:1900] = np.nan
    timeline = recognise(recorded(samples), LABELS, model, bank)
    ((start_s, stop_s),) = timeline.gaps
    assert 55 <= start_s <= 59 and 91 <= stop_s <= 96
    with pytest.raises(ValueError, match="no sample of its acc that is not missing"):
        recognise(recorded(np.full_like(samples, np.nan)), LABELS, model, bank)
    with pytest.raises(ValueError, match="no device has any sample"):
        recognise(recorded(), LABELS, model, bank)


def test_gravity_and_sensors_that_are_not_there(model, bank, acted, recorded):
    whole = recorded(acted(*SCHEDULE))
    removed = replace(whole, devices=(replace(whole.devices[0], gravity="removed"),))
    assert any("without gravity" in note for note in recognise(removed, LABELS, model, bank).notes)
    assert not np.concatenate([body.reshape(-1) for body in model.body]).any()
    turning = Device(None, ("gyro_x", "gyro_y", "gyro_z"), RATE_HZ, whole.devices[0].pieces)
    notes = recognise(Recording("turns", (turning,)), LABELS, model, bank).notes
    assert any("no accelerometer" in note for note in notes) and any("where the device was worn" in n for n in notes)
    magnetic = Device(None, ("mag_x", "mag_y", "mag_z"), RATE_HZ, whole.devices[0].pieces)
    with pytest.raises(ValueError, match="none of the sensors acc, gyro"):
        recognise(Recording("field", (magnetic,)), LABELS, model, bank)
    metres = recorded(9.81 * acted(*SCHEDULE))
    with pytest.raises(ValueError, match=r"Divide m/s\^2 by 9\.80665"):
        recognise(metres, LABELS, model, bank)


@pytest.mark.parametrize(
    ("labels", "problem"),
    [
        ([], "no labels"),
        (["walking", "Walking"], "must differ"),
        (["walking", "unknown"], "what a timeline itself says"),
        (["NOT_WORN"], "what a timeline itself says"),
        (["walking", "None"], "says that there is no label"),
        (["walking", "sitting\nat home"], "as one line of text"),
        (["walking", "sitting\x01"], "as one line of text"),
    ],
)
def test_labels_that_make_no_sense(model, bank, acted, recorded, labels, problem):
    with pytest.raises(ValueError, match=problem):
        recognise(recorded(acted(("walking", 20))), labels, model, bank)


def test_one_label_is_a_question_of_yes_and_no(model, bank, acted, recorded):
    timeline = recognise(recorded(acted(("walking", 60), ("sitting", 60))), ["walking"], model, bank)
    assert [bout.label for bout in timeline.bouts] == ["walking", "unknown"]
    for labels, problem in (("walking", "single string"), ({"walking", "sitting"}, "has no order")):
        with pytest.raises(TypeError, match=problem):
            recognise(recorded(acted(("walking", 60))), labels, model, bank)
    with pytest.raises(ValueError, match="expected at least 0"):
        recognise(recorded(acted(("walking", 60))), ["walking"], model, bank, unknown_below=1.0)
    for wrong in ({"unknown_below": "0.5"}, {"unknown_below": True}, {"stride_s": "2"}):
        with pytest.raises(TypeError, match=rf"{next(iter(wrong))} is .* of type (str|bool); expected"):
            recognise(recorded(acted(("walking", 60))), ["walking"], model, bank, **wrong)
    with pytest.raises(ValueError, match="both a model and its label bank"):
        recognise(recorded(acted(("walking", 60))), ["walking"], model)


def test_one_window_at_a_time_knows_nothing_of_the_others(model, bank, acted, recorded):
    recording = recorded(acted(*SCHEDULE))
    first = recognise(recording, LABELS, model, bank, context=False)
    part = replace(recording.devices[0], pieces=(Piece(0.0, recording.devices[0].pieces[0].samples[:2000]),))
    alone = recognise(replace(recording, devices=(part,)), LABELS, model, bank, context=False)
    np.testing.assert_array_equal(first.windows.probabilities[:39], alone.windows.probabilities)


def test_a_device_that_is_put_aside_does_not_speak_for_its_wearer(model, bank, acted):
    """Two devices, of which the first one lies on the table for an hour and a half while the second one is worn."""
    table, walk = acted(("on the table", 5400), ("walking", 300)), acted(("walking", 5700))
    worn = {"trouser pocket": table, "wrist": walk}
    devices = tuple(Device(place, CHANNELS, RATE_HZ, (Piece(0.0, samples),)) for place, samples in worn.items())
    timeline = recognise(Recording("two", devices), LABELS, model, bank)
    assert timeline.minutes() == {"walking": 95.0}


def test_a_path_is_no_recording(model, bank):
    with pytest.raises(TypeError, match=r"'walk\.csv' is no Recording; .*read_recording"):
        recognise("walk.csv", LABELS, model, bank)
