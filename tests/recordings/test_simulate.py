"""The generated corpus: physics of the signals, determinism, format, and activities that carry over to a new place."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from har.labels.groups import GROUPS, group_of
from har.recordings import simulate
from har.recordings.format import Dataset, prepared_datasets, read_dataset, rest_magnitude_g
from har.recordings.simulate import DATASETS, GENERATED_NAMES, MOTIONS, PLACES, write_generated_corpus

SEED, PEOPLE = 3, 4
POSTURES = ("sitting", "standing", "lying")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    assert write_generated_corpus(folder, SEED, people=PEOPLE) == list(GENERATED_NAMES)
    return folder


def corpus(root: Path) -> dict[str, Dataset]:
    return {name: read_dataset(root / name, scan=False) for name in GENERATED_NAMES}


def signals(dataset: Dataset, activity: str) -> list[np.ndarray]:
    """Samples of an activity, one array a person."""
    (stream,) = dataset.streams.values()
    phrase = DATASETS[dataset.name].phrases[activity]
    return [np.asarray(stream.samples[s.start : s.stop], np.float64) for s in stream.segments if s.label == phrase]


def test_folders_are_valid_and_differ_in_rate_placement_and_channels(root: Path) -> None:
    assert prepared_datasets(root) == sorted(GENERATED_NAMES)
    layouts = set()
    for name in GENERATED_NAMES:
        dataset = read_dataset(root / name, scan=True)
        (stream,) = dataset.streams.values()
        layouts.add((stream.info.sampling_rate_hz, stream.info.placement, len(stream.info.channels)))
        assert len(dataset.subjects) == PEOPLE
        seconds = {(s.stop - s.start) / stream.info.sampling_rate_hz for s in stream.segments}
        assert seconds == {simulate.SECONDS}
        assert len(stream.segments) == PEOPLE * len(DATASETS[name].phrases)
    assert layouts == {(50.0, "trouser pocket", 6), (25.0, "right wrist", 3), (100.0, "waist", 6)}


def test_same_seed_same_bytes_another_seed_other_signals(root: Path, tmp_path: Path) -> None:
    write_generated_corpus(tmp_path / "again", SEED, people=PEOPLE)
    write_generated_corpus(tmp_path / "other", SEED + 1, people=1)
    for path in sorted(p for name in GENERATED_NAMES for p in (root / name).iterdir()):
        assert path.read_bytes() == (tmp_path / "again" / path.parent.name / path.name).read_bytes(), path
    mine, other = (signals(corpus(folder)["sim_belt"], "walking")[0] for folder in (root, tmp_path / "other"))
    assert np.abs(mine - other).mean() > 0.05


def test_a_person_does_not_depend_on_how_many_there_are(root: Path, tmp_path: Path) -> None:
    write_generated_corpus(tmp_path, SEED, people=2)
    for name, dataset in corpus(tmp_path).items():
        for activity in DATASETS[name].phrases:
            np.testing.assert_array_equal(signals(dataset, activity)[1], signals(corpus(root)[name], activity)[1])


@pytest.mark.parametrize(("seed", "people"), [(-1, 2), (0, 0)])
def test_impossible_arguments_are_refused(seed: int, people: int, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected a seed of at least 0 and at least one person"):
        write_generated_corpus(tmp_path / "data", seed, people=people)
    assert not (tmp_path / "data").exists()


def test_phrases_are_known_and_mean_the_motion_in_the_table() -> None:
    names = {"squatting": "squatting down and up"}  # the movement, where the group "squatting" is the posture
    for dataset in DATASETS.values():
        for activity, phrase in dataset.phrases.items():
            assert group_of(phrase) in GROUPS
            assert group_of(phrase) == group_of(names.get(activity, activity))
    wordings = {phrase for dataset in DATASETS.values() for phrase in dataset.phrases.values()}
    assert len(wordings) > len(MOTIONS)
    assert {activity for dataset in DATASETS.values() for activity in dataset.phrases} == set(MOTIONS)


def test_postures_read_one_g_and_do_not_turn(root: Path) -> None:
    for name, dataset in corpus(root).items():
        (stream,) = dataset.streams.values()
        assert rest_magnitude_g(stream) == pytest.approx(1.0, abs=0.03)
        for activity in set(POSTURES) & set(DATASETS[name].phrases):
            for samples in signals(dataset, activity):
                magnitude = np.linalg.norm(samples[:, :3], axis=1)
                assert magnitude.mean() == pytest.approx(1.0, abs=4 * simulate.ACC_BIAS_G)
                # Noise along the direction of gravity only changes the magnitude to first order.
                assert magnitude.std() == pytest.approx(simulate.ACC_NOISE_G, rel=0.15)
                if samples.shape[1] == 6:
                    assert np.abs(samples[:, 3:].mean(axis=0)).max() < 4 * simulate.GYRO_BIAS_RAD_S


def test_mean_specific_force_is_gravity_in_the_moving_activities(root: Path) -> None:
    """Nobody takes off for good: averaged in a frame that does not turn, f is 1 g. The waist turns by a few degrees."""
    for activity in ("walking", "running", "jumping", "cycling"):
        for samples in signals(corpus(root)["sim_belt"], activity):
            assert np.linalg.norm(samples[:, :3].mean(axis=0)) == pytest.approx(1.0, abs=0.05)


def test_step_rate_is_recovered_by_fft(root: Path) -> None:
    for name, dataset in corpus(root).items():
        (stream,) = dataset.streams.values()
        for activity in ("walking", "running", "walking upstairs", "jumping"):
            for number, samples in enumerate(signals(dataset, activity)):
                person = simulate.draw_person(simulate.person_generator(SEED, name, number))
                vertical = samples[:, :3] @ samples[:, :3].mean(axis=0)
                spectrum = np.abs(np.fft.rfft((vertical - vertical.mean()) * np.hanning(len(vertical))))
                frequency = np.fft.rfftfreq(len(vertical), 1 / stream.info.sampling_rate_hz)
                band = frequency > 0.6 * person.tempo_hz(activity)
                peak = frequency[band][np.argmax(spectrum[band])]
                assert peak == pytest.approx(person.tempo_hz(activity), abs=0.08), (name, activity, number)
                assert abs(person.tempo_hz(activity) / MOTIONS[activity].tempo_hz - 1) <= simulate.TEMPO_LIMIT


@pytest.mark.parametrize("placement", sorted(PLACES))
def test_gyroscope_and_gravity_tell_the_same_rotation(placement: str) -> None:
    """Without bounce f is the upward direction u, and a fixed direction seen from a turning frame obeys u' = -w x u."""
    rng = np.random.default_rng(0)
    person = simulate.draw_person(rng)
    time_s = np.arange(2000) / 1000
    for activity in MOTIONS:
        with pytest.MonkeyPatch.context() as patch:
            quiet = simulate.Motion(**{**vars(MOTIONS[activity]), "bounce_g": 0.0})
            patch.setitem(simulate.MOTIONS, activity, quiet)
            up, turning = simulate.ideal_motion(placement, activity, person, time_s, rng)
        np.testing.assert_allclose(np.linalg.norm(up, axis=1), 1.0, atol=1e-12)
        slope = (up[2:] - up[:-2]) * 1000 / 2
        np.testing.assert_allclose(slope, -np.cross(turning, up)[1:-1], atol=2e-3)


def test_people_differ_in_tempo_strength_and_mounting(root: Path) -> None:
    people = [simulate.draw_person(simulate.person_generator(SEED, "sim_belt", k)) for k in range(PEOPLE)]
    assert len({p.tempo for p in people}) == len({p.strength for p in people}) == PEOPLE
    for person in people:
        np.testing.assert_allclose(person.mounting @ person.mounting.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(person.mounting) == pytest.approx(1.0)
    nominal = np.array(PLACES["waist"].up["standing"])
    turned = []
    for person, samples in zip(people, signals(corpus(root)["sim_belt"], "standing"), strict=True):
        mean = samples[:, :3].mean(axis=0)
        assert _degrees_between(mean, person.mounting @ nominal) < 3.5  # what bias and the slow sway leave
        turned.append(_degrees_between(mean, nominal))
    assert max(turned) > 5


def test_the_range_of_the_device_cuts_peaks_off() -> None:
    rng = np.random.default_rng(0)
    stream = replace(DATASETS["sim_phone"].stream, accelerometer_range_g=1.25)
    samples = simulate.simulate_activity(stream, "running", simulate.draw_person(rng), rng, seconds=4.0)
    assert samples.shape == (200, 6)
    assert np.abs(samples[:, :3]).max() == np.float32(1.25)


def _degrees_between(a: np.ndarray, b: np.ndarray) -> float:
    return math.degrees(math.acos(min(1.0, a @ b / np.linalg.norm(a) / np.linalg.norm(b))))


def _features(samples: np.ndarray, rate_hz: float) -> list[float]:
    """Mean and deviations of the axes, and the spectrum of the magnitude up to 10 Hz in bands of 0.5 Hz."""
    acc = samples[:, :3]
    magnitude = np.linalg.norm(acc, axis=1)
    spectrum = np.abs(np.fft.rfft(magnitude - magnitude.mean())) / len(magnitude)
    frequency = np.fft.rfftfreq(len(magnitude), 1 / rate_hz)
    bands = [spectrum[(frequency >= f) & (frequency < f + 0.5)].sum() for f in np.arange(0, 10, 0.5)]
    return [*acc.mean(axis=0), *acc.std(axis=0), magnitude.std(), magnitude.max(), magnitude.min(), *bands]


def test_trained_on_phone_and_watch_activities_are_recognised_at_the_belt(root: Path) -> None:
    table: dict[str, tuple[list[list[float]], list[str]]] = {}
    for name, dataset in corpus(root).items():
        (stream,) = dataset.streams.values()
        rate, (rows, labels) = stream.info.sampling_rate_hz, table.setdefault(name, ([], []))
        length = round(6 * rate)
        for segment in stream.segments:
            for start in range(segment.start, segment.stop - length + 1, length):
                rows.append(_features(np.asarray(stream.samples[start : start + length]), rate))
                labels.append(group_of(segment.label))
    rows, labels = (table["sim_phone"][k] + table["sim_watch"][k] for k in (0, 1))
    forest = RandomForestClassifier(60, random_state=0, n_jobs=1).fit(rows, labels)
    accuracy = forest.score(*table["sim_belt"])
    chance = 1 / len(DATASETS["sim_belt"].phrases)
    assert accuracy > 3 * chance
