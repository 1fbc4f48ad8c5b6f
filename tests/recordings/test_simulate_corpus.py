"""The written corpus: valid folders, the same bytes for the same seed, everybody and everything in them."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from har.labels.groups import GROUPS, group_of
from har.recordings.format import Dataset, prepared_datasets, read_dataset, rest_magnitude_g
from har.recordings.simulate import SIMULATED_NAMES, write_simulated_corpus
from har.recordings.simulate import corpus as corpus_module
from har.recordings.simulate.activities import ACTIVITIES
from har.recordings.simulate.corpus import phrase_of
from har.recordings.simulate.sensors import PLACEMENTS
from har.recordings.simulate.wardrobe import DATASETS, MOUNTS, Worn, draw_mount

SEED, PEOPLE, HOURS = 3, 3, 0.06


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    seen: list[tuple[str, int]] = []

    def progress(items):
        for item in items:
            seen.append(item)
            yield item

    names = write_simulated_corpus(folder, people=PEOPLE, hours=HOURS, seed=SEED, progress=progress)
    assert names == list(SIMULATED_NAMES)
    assert seen == [(name, number) for name in SIMULATED_NAMES for number in range(PEOPLE)]
    return folder


@pytest.fixture(scope="module")
def corpus(root: Path) -> dict[str, Dataset]:
    return {name: read_dataset(root / name, scan=True) for name in SIMULATED_NAMES}


def test_folders_hold_the_people_and_hours_asked_for(root: Path, corpus: dict[str, Dataset]):
    assert prepared_datasets(root) == sorted(SIMULATED_NAMES)
    for name, dataset in corpus.items():
        assert dataset.subjects == [f"p{k + 1:02d}" for k in range(PEOPLE)]
        moved = {
            (s.recording, round(s.start_time_s, 3)): (s.stop - s.start) / stream.info.sampling_rate_hz
            for stream in dataset.streams.values()
            for s in stream.segments
        }
        if not DATASETS[name].together:  # recordings on one clock would count once a stream
            first_walks = np.mean(corpus_module.FIRST_WALK_S) * len({recording for recording, _ in moved})
            assert sum(moved.values()) == pytest.approx(3600 * HOURS + first_walks, rel=0.35)
        assert "simulated with seed 3" in dataset.notes[0]


def test_every_recording_begins_with_a_walk_long_enough_to_tell_up_and_ahead(corpus: dict[str, Dataset]):
    for dataset in corpus.values():
        for stream in dataset.streams.values():
            first: dict[str, tuple[float, str, float]] = {}
            for s in stream.segments:
                what = group_of(s.label) if s.label else ""
                labelled = (s.start_time_s, what, (s.stop - s.start) / stream.info.sampling_rate_hz)
                first[s.recording] = min(first.get(s.recording, labelled), labelled)
            # A device that pauses cuts the walk, and labels begin late by up to 0.3 s.
            assert first and all(group == "walking" and start < 1.0 for start, group, _ in first.values())
            low, high = corpus_module.FIRST_WALK_S
            assert low - 1 < np.median([seconds for *_, seconds in first.values()]) < high + 1


def test_the_devices_span_what_real_ones_do():
    infos = [worn.info for dataset in DATASETS.values() for worn in dataset.streams]
    rates = sorted({info.sampling_rate_hz for info in infos})
    assert rates[0] == 16 and rates[-1] == 200 and len(rates) >= 8
    assert min(info.accelerometer_range_g for info in infos) == 2
    assert {len(info.channels) for info in infos} == {3, 6}
    used = {place for dataset in DATASETS.values() for worn in dataset.streams for place in worn.places}
    assert used <= set(PLACEMENTS)
    said = {info.placement for info in infos}
    assert {
        "waist",
        "chest",
        "lower back",
        "left wrist",
        "right wrist",
        "trouser pocket",
        "ankle",
        "head",
        "hand",
    } <= said
    held_out = DATASETS["sim_belt"].streams[0].info
    others = [worn.info for name, d in DATASETS.items() if name not in ("sim_belt", "sim_falls") for worn in d.streams]
    assert held_out.placement not in {info.placement for info in others}


def test_clocks_of_devices_worn_together_agree(corpus: dict[str, Dataset]):
    for name, dataset in corpus.items():
        ends: dict[str, list[float]] = {}
        for stream in dataset.streams.values():
            last = {
                s.recording: s.start_time_s + (s.stop - s.start) / stream.info.sampling_rate_hz for s in stream.segments
            }
            for recording, end in last.items():
                ends.setdefault(recording, []).append(end)
        for recording, times in ends.items():
            assert len(times) == (len(dataset.streams) if DATASETS[name].together else 1), recording
            assert max(times) - min(times) < 0.2


def test_same_seed_same_bytes_another_seed_other_signals(root: Path, tmp_path: Path):
    """``root`` was written by as many processes as there are cores."""
    write_simulated_corpus(tmp_path / "again", people=PEOPLE, hours=HOURS, seed=SEED, jobs=1)
    write_simulated_corpus(tmp_path / "other", people=1, hours=HOURS / PEOPLE, seed=SEED + 1)
    files = sorted(path for name in SIMULATED_NAMES for path in (root / name).iterdir())
    assert len(files) > 30
    for path in files:
        assert path.read_bytes() == (tmp_path / "again" / path.parent.name / path.name).read_bytes(), path
    mine, other = (np.load(folder / "sim_belt" / "belt.npy")[:500] for folder in (root, tmp_path / "other"))
    assert np.abs(mine - other).mean() > 0.03
    days = [
        [
            (x.label, x.stop - x.start)
            for x in read_dataset(folder / "sim_belt").streams["belt"].segments
            if x.subject == "p01"
        ]
        for folder in (root, tmp_path / "other")
    ]
    assert days[0] != days[1]


def test_a_gap_ends_a_run_and_the_clock_goes_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(corpus_module, "draw_gaps", lambda device, seconds, rng: [(5.0, 6.5)])
    write_simulated_corpus(tmp_path, people=1, hours=0.01, seed=0, jobs=1)  # other processes would not be patched
    for name in SIMULATED_NAMES:
        for stream in read_dataset(tmp_path / name).streams.values():
            rate = stream.info.sampling_rate_hz
            for before, after in pairwise(stream.segments):
                if before.recording == after.recording:
                    passed = after.start_time_s - before.start_time_s
                    rows = (after.start - before.start) / rate
                    missing = 1.5 if before.start_time_s < 5.0 <= after.start_time_s else 0.0
                    assert passed == pytest.approx(rows + missing, abs=2 / rate)
            assert {s.start_time_s for s in stream.segments if s.start_time_s > 4} & {
                round(round(6.5 * rate) / rate, 6)
            }


def test_a_person_does_not_depend_on_how_many_there_are(corpus: dict[str, Dataset], tmp_path: Path):
    write_simulated_corpus(tmp_path, people=1, hours=HOURS / PEOPLE, seed=SEED)
    for name in SIMULATED_NAMES:
        alone = read_dataset(tmp_path / name, scan=False)
        for key, stream in alone.streams.items():
            whole = corpus[name].streams[key]
            rows = max(s.stop for s in whole.segments if s.subject == "p01")
            np.testing.assert_array_equal(stream.samples, whole.samples[:rows])


def test_people_differ(corpus: dict[str, Dataset]):
    (stream,) = corpus["sim_belt"].streams.values()
    first = [next(s for s in stream.segments if s.subject == subject) for subject in ("p01", "p02")]
    a, b = (stream.samples[s.start : s.start + 300] for s in first)
    assert np.abs(a - b).mean() > 0.03


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"seed": -1}, "seed -1"), ({"people": 0}, "0 people"), ({"hours": 0.0}, "0.0 hours"), ({"hours": -1.0}, "-1.0")],
)
def test_impossible_arguments_are_refused(changes: dict, said: str, tmp_path: Path):
    with pytest.raises(ValueError, match="expected a seed of at least 0, at least one person") as error:
        write_simulated_corpus(tmp_path / "data", **({"people": 1, "hours": 0.1, "seed": 0} | changes))
    assert said in str(error.value)
    assert not (tmp_path / "data").exists()


def test_labels_are_the_datasets_own_wordings(corpus: dict[str, Dataset]):
    wordings = set()
    for name, dataset in corpus.items():
        known = {phrase_of(name, activity) for activity in DATASETS[name].activities}
        assert set(dataset.labels) <= known - {""}
        wordings |= known
    assert len(wordings) > len(ACTIVITIES)
    assert {activity for dataset in DATASETS.values() for activity in dataset.activities} <= set(ACTIVITIES)
    assert sum(group_of(phrase) in GROUPS for phrase in wordings) > 0.85 * len(wordings)
    assert phrase_of("sim_belt", "typing") == ""


def test_labelled_signals_are_what_the_labels_say(corpus: dict[str, Dataset]):
    """Still postures read 1 g and hardly move; jumping and running move far more than walking."""
    (stream,) = corpus["sim_belt"].streams.values()
    spread: dict[str, list[float]] = {}
    for s in stream.segments:
        magnitude = np.linalg.norm(stream.samples[s.start + 50 : s.stop - 50, :3], axis=1)
        if len(magnitude) > 300:
            spread.setdefault(group_of(s.label) if s.label else "", []).append(float(magnitude.std()))
            if group_of(s.label or "none") in ("sitting", "lying"):
                assert magnitude.mean() == pytest.approx(1.0, abs=0.08)
    typical = {group: np.median(values) for group, values in spread.items()}
    assert max(typical["sitting"], typical["lying"]) < 0.05
    assert 0.06 < typical["walking"] < 0.4
    assert min(typical["running"], typical["jumping"]) > 1.5 * typical["walking"]
    assert rest_magnitude_g(stream) == pytest.approx(1.0, abs=0.05)


def test_mounts_follow_their_convention():
    rng = np.random.default_rng(0)
    convention = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1.0]])
    worn = {w.mount: w for d in DATASETS.values() for w in d.streams}
    assert set(worn) == set(MOUNTS)
    drawn = {m: np.array([draw_mount(worn[m], convention, rng) for _ in range(300)]) for m in MOUNTS}
    for matrices in drawn.values():
        np.testing.assert_allclose(matrices @ np.swapaxes(matrices, 1, 2), np.tile(np.eye(3), (300, 1, 1)), atol=1e-9)
    angle = np.rad2deg(
        np.arccos(np.clip((np.trace(convention.T @ drawn["strapped"], axis1=1, axis2=2) - 1) / 2, -1, 1))
    )
    assert 8 < np.median(angle) < 18 and angle.max() < 50
    assert np.mean(drawn["watch"][:, 2, 2] > 0.8) > 0.95  # the display keeps looking outwards
    assert 0.05 < np.mean(drawn["watch"][:, 1, 1] < 0) < 0.2
    assert 0.4 < np.mean(drawn["pocket"][:, 2, 2] < 0) < 0.6  # screen to the thigh
    assert 0.4 < np.mean(drawn["pocket"][:, 1, 1] < 0) < 0.6  # upside down
    assert np.abs(drawn["any"].mean(axis=0)).max() < 0.15
    wrong = Worn(worn["any"].info, worn["any"].places, worn["any"].device, "glued", worn["any"].looseness)
    with pytest.raises(ValueError, match="mount 'glued' of stream"):
        draw_mount(wrong, convention, rng)
