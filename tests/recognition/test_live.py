"""A live recogniser against `recognise` on the recording as far as it went, and what it does with odd signals."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import har.recognition.live as live_module
import har.recognition.live_axes as axes_module
from har.network.alignment import WornWindows
from har.readers.recording import Device, Piece, Recording
from har.recognition import recognise
from har.recognition.adapter import Adapter
from har.recognition.live import LiveAnswer, LiveRecogniser
from har.recognition.naming import named_in_context
from har.recognition.recognise import loaded
from har.recordings.convert import converter
from har.recordings.convert.common import convert_dataset
from har.recordings.format import Stream, read_dataset
from har.signal.clocks import ClockError
from har.text.naming import Naming

from .conftest import CHANNELS, LABELS, RATE_HZ

EVERYDAY = ["walking", "sitting", "standing", "lying", "running", "walking upstairs"]
STEP_S = 0.5


@pytest.fixture
def watched(model, bank) -> Callable[..., LiveRecogniser]:
    """A live recogniser with a model whose answers are known."""
    return lambda labels=LABELS, **given: LiveRecogniser(labels, model, bank, **({"channels": CHANNELS} | given))


def answers(
    live: LiveRecogniser, time_s: np.ndarray, samples: np.ndarray, borders: np.ndarray | None = None
) -> Iterator[LiveAnswer]:
    """What is answered after each part, of a quarter of a second unless borders are given."""
    if borders is None:
        borders = np.searchsorted(time_s, np.arange(time_s[0], time_s[-1], 0.25))
    for first, last in zip([0, *borders], [*borders, len(time_s)], strict=True):
        live.add(time_s[first:last], samples[first:last])
        found = live.answer()
        if found is not None:
            yield found


def stamps(samples: np.ndarray, rate_hz: float = RATE_HZ) -> np.ndarray:
    return np.arange(len(samples)) / rate_hz


# --- The oracle -------------------------------------------------------------------------------------------------------


@pytest.fixture
def renewed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every turn of the axes is told to all of the past, as offline."""
    monkeypatch.setattr(axes_module, "TURN_RAD", 0.0)
    monkeypatch.setattr(live_module, "_RENEWED", 10**6)


def compare_with_the_recording_cut_off(stream: Stream, first: int = 0) -> None:
    """Every fifth second: then no piece of five seconds is half over, which tells something offline alone."""
    rate_hz, channels = stream.info.sampling_rate_hz, stream.info.channels
    samples = np.array(stream.samples[first : first + round(120 * rate_hz) + 2], dtype=np.float32)
    model, bank = loaded("default")
    live = LiveRecogniser(EVERYDAY, placement=stream.info.placement, channels=channels)
    compared, oriented = 0, set()
    for found in answers(live, stamps(samples, rate_hz), samples):
        if found.time_s % 5 or found.time_s < 5:
            continue
        cut = Piece(0.0, samples[: round(found.time_s * rate_hz)])
        recording = Recording("cut", (Device(stream.info.placement, channels, rate_hz, (cut,)),))
        expected = recognise(recording, EVERYDAY, model, bank)
        np.testing.assert_allclose(found.probabilities, expected.windows.probabilities[-1], atol=2e-4)
        assert found.known == pytest.approx(float(expected.windows.known[-1]), abs=2e-4)
        name = expected.windows.name[-1]
        assert found.name == [*EVERYDAY, "unknown", "not worn"][name]
        compared += 1
        oriented.add(found.oriented)
    assert compared >= 22 and oriented == {False, True}


@pytest.mark.parametrize("dataset", ["sim_phone", "sim_watch"])
def test_an_answer_is_the_last_one_of_the_recording_cut_off_there(small_corpus: Path, renewed_at_once, dataset: str):
    compare_with_the_recording_cut_off(next(iter(read_dataset(small_corpus / dataset, scan=False).streams.values())))


def test_so_it_is_of_original_files(renewed_at_once, tmp_path: Path):
    root = os.environ.get("HAR_RAW_SAMPLES")
    if not root:
        pytest.skip("HAR_RAW_SAMPLES names no folder with original files")
    convert_dataset(converter("selfback"), Path(root) / "selfback", tmp_path / "selfback")
    stream = read_dataset(tmp_path / "selfback", scan=False).streams["thigh"]
    walks = next(segment for segment in stream.segments if "walking" in segment.label)
    compare_with_the_recording_cut_off(stream, walks.start)


def test_every_answer_is_that_of_windows_that_end_there(acted, watched, model, bank):
    """At each half second, by windows that are cut, embedded and named again from the start, over a gap."""
    schedule = ("walking", 31), ("sitting", 24), ("running", 15)
    samples = acted(*schedule)
    time_s = stamps(samples)
    gap = (time_s > 41.3) & (time_s < 43.9)
    naming = Naming(bank, LABELS)
    compared = 0
    for found in answers(watched(), time_s[~gap], samples[~gap]):
        own, margin, start_s = [], [], []
        for first_s, last_s in [(0.0, 41.35), (43.9, 100.0)]:
            ends = np.arange(found.time_s, first_s, -2.5)[::-1]
            ends = ends[ends <= last_s + 1e-6]
            whole = ends[ends >= first_s + 5 - 1e-6]
            for end in whole if len(whole) else ends[-1:]:
                begin = max(first_s, end - 5)
                window = np.full((1, 100, 3), np.nan, np.float32)
                part = samples[round(begin * RATE_HZ) : round(end * RATE_HZ)]
                window[0, : len(part)] = part
                embedding = model.embed_worn([WornWindows(window, RATE_HZ, CHANNELS, None, np.zeros((2, 3)))])
                if embedding.any():
                    evidence = naming(embedding)
                    own.append(evidence.logits.double().softmax(dim=1).numpy()[0])
                    margin.append(evidence.margin[0])
                    start_s.append(begin)
        expected, known = named_in_context(
            np.array(own, np.float32), np.array(margin), np.array(start_s), 2.5, bank.calibration
        )
        np.testing.assert_allclose(found.probabilities, expected[-1], atol=1e-5)
        assert found.known == pytest.approx(known[-1], abs=1e-5)
        compared += 1
    assert compared >= 125


def test_without_context_a_window_is_named_by_itself(acted, recorded, watched, model, bank):
    samples = acted(("walking", 20), ("sitting", 20))
    for found in answers(watched(context=False), stamps(samples), samples):
        if found.time_s % 2.5 == 0 and found.time_s >= 5:
            cut = samples[: round(found.time_s * RATE_HZ)]
            alone = recognise(recorded(cut, placement=None), LABELS, model, bank, context=False).windows
            np.testing.assert_allclose(found.probabilities, alone.probabilities[-1], atol=1e-6)
            assert found.known == pytest.approx(float(alone.known[-1]), abs=1e-6) and not found.oriented


def test_the_past_beyond_what_is_kept_hardly_matters(acted, watched, monkeypatch):
    """Ten minutes for the chain and fifteen for what labels attract, against all of half an hour."""
    schedule = [(name, 150 + 30 * n) for n, name in enumerate(["walking", "sitting", "lying", "running"] * 2)]
    samples = acted(*schedule)
    borders = np.arange(0, len(samples), round(10 * RATE_HZ))[1:]
    given = {"step_s": 2.5}
    monkeypatch.setattr(live_module, "_CALIBRATED_S", 900.0)
    kept = list(answers(watched(**given), stamps(samples), samples, borders))
    monkeypatch.setattr(live_module, "_CALIBRATED_S", 1e4)
    monkeypatch.setattr(live_module, "KEPT_S", 1e4)
    whole = list(answers(watched(**given), stamps(samples), samples, borders))
    assert len(kept) == len(whole) > 150
    assert [one.name for one in kept] == [one.name for one in whole]
    difference = max(np.abs(a.probabilities - b.probabilities).max() for a, b in zip(kept, whole, strict=True))
    assert 0 < difference < 0.05


# --- However it comes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_answers_do_not_depend_on_how_rows_are_parted_nor_on_the_clock(acted, watched, seed):
    random = np.random.default_rng(seed)
    samples = acted(("walking", 25), ("sitting", 20), ("running", 25), seed=seed)
    time_s = stamps(samples) + random.uniform(-0.01, 0.01, len(samples))
    keep = random.random(len(samples)) > 0.05
    keep[round(30 * RATE_HZ) : round(33 * RATE_HZ)] = False
    time_s, samples = time_s[keep], samples[keep]
    late = random.choice(len(samples) - 3, 5, replace=False)
    time_s[late], time_s[late + 2] = time_s[late + 2], time_s[late].copy()
    expected = {round(one.time_s, 3): one for one in answers(watched(), time_s, samples)}
    borders = np.sort(random.integers(0, len(samples), 12))
    shift = 2.0**30 * seed
    found = list(answers(watched(), time_s + shift, samples, borders))
    assert len(found) > 5
    for one in found:
        other = expected[round(one.time_s - shift, 3)]
        np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-4)
        assert (one.name, one.oriented) == (other.name, other.oriented)


def test_nothing_is_answered_twice_nor_before_a_second_is_there(acted, watched):
    live = watched()
    samples = acted(("walking", 10))
    assert live.answer() is None
    live.add([], np.zeros((0, 3)))
    live.add(stamps(samples)[: round(1.5 * RATE_HZ)], samples[: round(1.5 * RATE_HZ)])
    assert live.answer() is None  # the rate is not known yet
    live.add(stamps(samples)[round(1.5 * RATE_HZ) :], samples[round(1.5 * RATE_HZ) :])
    found = live.answer()
    assert found.time_s in (9.5, 10.0) and found.name == "walking" and live.answer() is None
    assert found.probabilities.sum() == pytest.approx(1) and found.confidence == found.probabilities.max()


def test_hours_without_a_sample_end_what_was_done(acted, watched):
    """The chain does not reach across, and the first answer after it comes as soon as the first of all."""
    before, after = acted(("walking", 60)), acted(("sitting", 20), seed=1)
    live = watched()
    list(answers(live, stamps(before), before))
    found = list(answers(live, stamps(after) + 8 * 3600, after))
    first = next(answers(watched(), stamps(after), after))
    assert found[0].time_s - 8 * 3600 == pytest.approx(first.time_s, abs=0.51)
    assert {one.name for one in found} == {"sitting"}


def test_a_clock_that_is_set_back_is_a_gap(acted, watched):
    samples = acted(("walking", 30), ("sitting", 30))
    half = len(samples) // 2
    time_s = np.where(np.arange(len(samples)) < half, stamps(samples) + 5000, stamps(samples))
    live = watched()
    found = list(answers(live, time_s, samples, np.arange(10, len(samples), 10)))
    last = found[-1]
    assert last.name == "sitting" and time_s[-1] - STEP_S - 0.1 <= last.time_s <= time_s[-1] + 1 / RATE_HZ
    assert any("clock was set back" in note for note in live.notes)
    assert max(one.time_s for one in found) <= time_s[half - 1] + 1 / RATE_HZ


def test_another_rate_after_a_gap(acted, watched):
    slow, fast = acted(("walking", 20)), np.repeat(acted(("sitting", 20), seed=1), 2, axis=0)
    live = watched()
    list(answers(live, stamps(slow), slow))
    found = list(answers(live, stamps(fast, 2 * RATE_HZ) + 30, fast))
    assert found[-1].name == "sitting" and found[-1].time_s == pytest.approx(49.5, abs=0.5)
    assert any(f"lastly to {2 * RATE_HZ:g} Hz" in note for note in live.notes)


def test_a_browser_that_slows_down_is_still_understood(acted, watched):
    """Without a gap the grid stays, as slow rows are further apart than those that tell its rate."""
    samples = acted(("walking", 20), ("sitting", 40))
    keep = (stamps(samples) < 30) | (np.arange(len(samples)) % 5 == 0)
    live = watched()
    found = list(answers(live, stamps(samples)[keep], samples[keep]))
    assert found[-1].time_s > 59 and {one.name for one in found if one.time_s > 30} == {"sitting"}
    assert len(live._signal.stretches) == 1


def test_a_gyroscope_that_is_off_changes_nothing(acted, watched):
    samples = acted(("walking", 20), ("lying", 20))
    off = np.hstack([samples, np.full_like(samples, np.nan)])
    alone = list(answers(watched(), stamps(samples), samples))
    both = list(answers(watched(channels=(*CHANNELS, "gyro_x", "gyro_y", "gyro_z")), stamps(samples), off))
    assert [one.name for one in alone] == [one.name for one in both]


def test_lost_samples_are_missing_and_counted(acted, watched):
    samples = acted(("walking", 30))
    samples[::7] = np.nan
    time_s = stamps(samples)
    time_s[100] = np.nan
    live = watched()
    assert list(answers(live, time_s, samples, np.arange(5, len(samples), 5)))[-1].name == "walking"
    assert any("without a time" in note for note in live.notes)


def test_what_was_measured_is_in_memory_for_minutes_only(acted, watched, monkeypatch):
    monkeypatch.setattr(live_module, "KEPT_S", 60.0)
    monkeypatch.setattr(live_module, "_CALIBRATED_S", 300.0)
    samples = acted(*[("walking", 30), ("sitting", 30)] * 30)
    live = watched(step_s=2.5)
    sizes = []
    for first in range(0, len(samples), 200):
        live.add(stamps(samples)[first : first + 200], samples[first : first + 200])
        if first % 1000 == 0:
            live.answer()
        sizes.append((live._signal.stretches[-1]._samples.nbytes, len(live._past.rows), live._past._rows.nbytes))
    assert sizes[-1] == sizes[len(sizes) // 2]
    # A day at once is looked at as it comes in.
    whole = watched(step_s=2.5)
    whole.add(stamps(samples), samples)
    live.answer()
    assert whole.answer().name == "sitting" and whole._past.rows["moment"][-1] == live._past.rows["moment"][-1]
    np.testing.assert_allclose(whole._past.own, live._past.own, atol=1e-6)


# --- What cannot be ---------------------------------------------------------------------------------------------------


def test_metres_per_second_squared_are_refused_in_the_usual_words(acted, watched):
    samples = acted(("sitting", 20))
    live = watched()
    live.add(stamps(samples), 9.80665 * samples)
    with pytest.raises(ValueError, match=r"Divide m/s\^2 by 9.80665"):
        live.answer()


def test_an_impossible_sample_is_refused_and_nothing_of_its_part_is_taken(acted, watched):
    samples = acted(("sitting", 20))
    live = watched()
    odd = samples[:40].copy()
    odd[7, 1] = 300.0
    with pytest.raises(ValueError, match="nothing worn measures that"):
        live.add(stamps(odd), odd)
    assert list(answers(live, stamps(samples), samples))[-1].name == "sitting"


@pytest.mark.parametrize(("factor", "unit"), [(1e3, "in ms"), (1e6, "in us")])
def test_stamps_in_another_unit_are_refused(acted, watched, factor, unit):
    samples = acted(("sitting", 200))
    with pytest.raises(ClockError, match=unit):
        watched().add(factor * stamps(samples), samples)


def test_arguments_that_make_no_sense(watched, acted, bank):
    for given, words in [
        ({"step_s": 0.0}, "at most half a window"),
        ({"unknown_below": 1.0}, "below 1"),
        ({"gravity": "perhaps"}, "expected one of"),
        ({"channels": ("mag_x", "mag_y", "mag_z")}, "that the network knows"),
        ({"placement": " "}, "where the device is worn"),
        ({"labels": ["walking", "Walking"]}, "must differ"),
        ({"bank": None}, None),
    ]:
        if words is None:
            with pytest.raises(ValueError, match="give both a model and its label bank"):
                LiveRecogniser(LABELS, None, bank)
            continue
        with pytest.raises(ValueError, match=words):
            watched(**given)
    with pytest.raises(ValueError, match=r"expected \(n,\) and \(n, 3\)"):
        watched().add([0.0, 0.1], np.zeros((2, 6)))


# --- Worn, and how ----------------------------------------------------------------------------------------------------


def test_after_an_hour_on_the_table_it_is_not_worn_until_it_is_taken_up(acted, watched):
    samples = acted(("walking", 120), ("on the table", 4200), ("walking", 60))
    live = watched(step_s=2.5)
    names = {one.time_s: one for one in answers(live, stamps(samples), samples, np.arange(50, len(samples), 50))}
    off = [time_s for time_s, one in names.items() if one.name == "not worn"]
    assert 3720 <= min(off) <= 3720 + 125 and 4320 - 10 <= max(off) <= 4325
    assert all(names[time_s].name == "not worn" for time_s in names if min(off) <= time_s <= max(off))
    assert np.isnan(names[max(off)].probabilities).all() and names[max(off)].confidence is None
    after = [one for time_s, one in names.items() if time_s > 4330]
    assert after and {one.name for one in after} == {"walking"}
    # However the rows are parted, and although nobody asks while it lies there.
    live = watched(step_s=2.5)
    for first in range(0, len(samples), 7000):
        live.add(stamps(samples)[first : first + 7000], samples[first : first + 7000])
    asked = live.answer()
    np.testing.assert_allclose(asked.probabilities, names[asked.time_s].probabilities, atol=1e-6)


def test_what_lies_still_for_less_than_an_hour_is_named_like_anything_that_does(acted, watched):
    samples = acted(("walking", 60), ("on the table", 3000))
    borders = np.arange(500, len(samples), 500)
    names = {one.name for one in answers(watched(step_s=2.5), stamps(samples), samples, borders) if one.time_s > 90}
    assert names == {"sitting"}


# --- Names, places, teaching ------------------------------------------------------------------------------------------


def test_new_labels_read_the_past_again(acted, watched):
    """As if they had been asked for from the start."""
    samples = acted(("walking", 30), ("sitting", 30))
    live, other = watched(["walking", "lying"]), watched(["sitting", "walking", "cycling"])
    list(answers(live, stamps(samples), samples))
    expected = list(answers(other, stamps(samples), samples))[-1]
    live.set_labels(["sitting", "walking", "cycling"])
    found = live.answer()
    assert found.time_s == expected.time_s and found.labels == ("sitting", "walking", "cycling") == live.labels
    np.testing.assert_allclose(found.probabilities, expected.probabilities, atol=1e-6)
    assert found.known == pytest.approx(expected.known, abs=1e-6)
    with pytest.raises(ValueError, match="no labels"):
        live.set_labels([])
    with pytest.raises(ValueError, match="must differ"):
        live.set_labels(["lying", "Lying"])
    assert live.labels == ("sitting", "walking", "cycling")
    live.set_labels(label for label in ("walking", "lying"))  # what can be read once
    assert live.labels == ("walking", "lying") and np.isfinite(live.answer().probabilities).all()


def test_a_new_place_is_told_of_the_past_too(small_corpus: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(live_module, "_RENEWED", 10**6)
    stream = next(iter(read_dataset(small_corpus / "sim_phone", scan=False).streams.values()))
    samples = np.array(stream.samples[: round(30 * stream.info.sampling_rate_hz)], dtype=np.float32)
    time_s = stamps(samples, stream.info.sampling_rate_hz)
    place = stream.info.placement
    live, other = (LiveRecogniser(EVERYDAY, placement=text, channels=stream.info.channels) for text in (None, place))
    first, second = slice(0, round(0.6 * len(samples))), slice(round(0.6 * len(samples)), None)
    list(answers(live, time_s[first], samples[first]))
    live.set_placement(place)
    assert live.placement == place
    found = list(answers(live, time_s[second], samples[second]))
    expected = list(answers(other, time_s, samples))
    np.testing.assert_allclose(found[-1].probabilities, expected[-1].probabilities, atol=1e-4)


def test_five_seconds_teach_a_name_at_once(acted, watched, tmp_path: Path, model, bank):
    samples = acted(("sitting", 30), ("walking", 30))
    live = watched(["sitting", "lying", "running"])
    list(answers(live, stamps(samples) + 100, samples))
    live.teach("strolling", 154.0, 159.0)
    assert live.answer().name == "strolling" and live.labels[-1] == "strolling"
    more = acted(("walking", 10), seed=5)
    assert {one.name for one in answers(live, stamps(more) + 160, more)} == {"strolling"}
    live.teach("Strolling", 155.0, 160.0)
    assert live.adapter.labels == ["strolling"] and len(live.adapter.features) == 2 * 6
    live.teach("resting", 110.0, 125.0)
    assert live.adapter.labels == ["strolling", "resting"] and np.bincount(live.adapter.classes).tolist() == [12, 16]
    kept = Adapter.load(live.adapter.save(tmp_path / "me.npz"))
    assert kept.digest() == live.adapter.digest()
    again = watched(["sitting", "lying", "running", "strolling"], adapter=kept)
    assert list(answers(again, stamps(more), more))[-1].name == "strolling"


def test_what_teaches_nothing_is_refused(acted, watched):
    samples = acted(("sitting", 30))
    live = watched()
    with pytest.raises(ValueError, match="measured and are kept"):
        live.teach("resting", 0.0, 5.0)
    list(answers(live, stamps(samples), samples))
    for label, start_s, stop_s, words in [
        ("resting", 10.0, 12.0, "too short"),
        ("unknown", 10.0, 20.0, "what a timeline itself says"),
        ("resting", 500.0, 510.0, "measured and are kept"),
    ]:
        with pytest.raises(ValueError, match=words):
            live.teach(label, start_s, stop_s)
    assert live.adapter is None and live.labels == tuple(LABELS)


def test_what_is_taught_of_a_label_that_is_asked_for_changes_all_of_the_past(watched, acted):
    samples = acted(("walking", 60), ("sitting", 60))
    live = watched()
    time_s = stamps(samples)
    for _ in answers(live, time_s[:-100], samples[:-100]):
        pass
    live.teach("sitting", 100.0, 110.0)
    for _ in answers(live, time_s[-100:], samples[-100:]):
        pass
    assert np.isfinite(live._past.features[-60:]).all()
