"""The chain over time, against all paths written out with the matrix exponential of its rates, and drawn recordings."""

import itertools

import numpy as np
import pytest
from scipy.linalg import expm

from har.text import recording_context
from har.text.recording_context import (
    DURATIONS_S,
    calibrated,
    in_context,
    over_time,
    read_in_context,
    read_newest_in_context,
)


def transition(labels: int, duration_s: float, seconds: float) -> np.ndarray:
    """(L, L): activities end at the rate 1 / duration_s, and each other one is as likely to follow."""
    rates = np.full((labels, labels), 1 / duration_s / (labels - 1))
    np.fill_diagonal(rates, -1 / duration_s)
    return expm(rates * seconds)


def every_path(own: np.ndarray, time_s: np.ndarray, duration_s: float) -> tuple[np.ndarray, float]:
    """Posteriors (N, L) and likelihood of one recording in order of time, summed over all L^N paths."""
    count, labels = own.shape
    posterior = np.zeros_like(own)
    steps = [transition(labels, duration_s, d) for d in np.diff(time_s)]
    for path in itertools.product(range(labels), repeat=count):
        weight = own[0, path[0]] / labels
        for i in range(1, count):
            weight *= steps[i - 1][path[i - 1], path[i]] * own[i, path[i]]
        posterior[np.arange(count), path] += weight
    likelihood = posterior[0].sum()
    return posterior / likelihood, likelihood


def drawn(count: int, labels: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.full(labels, 0.5), count)


@pytest.mark.parametrize("seed", range(4))
def test_is_the_sum_over_all_paths(seed):
    """Three recordings of one wearer and two of another, windows at uneven times and in any order."""
    random = np.random.default_rng(seed)
    lengths, wearers, durations = (5, 2, 4, 3, 6), (7, 7, 7, 2, 2), (1.0, 6.0, 40.0)
    own = [drawn(n, 3, 10 * seed + i) for i, n in enumerate(lengths)]
    times = [np.cumsum(random.uniform(0.5, 9.0, n)) for n in lengths]
    expected, lasts_s = [], {}
    for wearer in (7, 2):
        mine = [i for i in range(5) if wearers[i] == wearer]
        likelihood = [np.prod([every_path(own[i], times[i], d)[1] for i in mine]) for d in durations]
        lasts_s[wearer] = durations[int(np.argmax(likelihood))]
        expected += [every_path(own[i], times[i], lasts_s[wearer])[0] for i in mine]

    order = random.permutation(sum(lengths))
    recording = np.repeat([4, 9, 2, 9, 4], lengths)[order]  # names of recordings may be those of another wearer
    wearer = np.repeat(wearers, lengths)[order]
    found, found_s = over_time(np.concatenate(own)[order], np.concatenate(times)[order], recording, wearer, durations)
    np.testing.assert_array_equal(found_s, [lasts_s[w] for w in wearer])
    np.testing.assert_allclose(found, np.concatenate(expected)[order], atol=1e-12)


def alone(own: np.ndarray, time_s: np.ndarray, recording: np.ndarray | None = None) -> tuple[np.ndarray, float]:
    """Of one wearer."""
    found, lasts_s = over_time(own, time_s, np.zeros(len(own)) if recording is None else recording, np.zeros(len(own)))
    assert len(set(lasts_s)) <= 1
    return found, lasts_s[0] if len(lasts_s) else None


def test_each_duration_can_be_the_likeliest():
    """The draws above would not notice a duration that is never chosen."""
    same, changing = np.array([[0.8, 0.1, 0.1]] * 6), np.tile([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1]], (3, 1))
    assert alone(same, np.arange(6) * 2.0)[1] == DURATIONS_S[-1]
    assert alone(changing, np.arange(6) * 2.0)[1] == DURATIONS_S[0]
    both = over_time(np.vstack([same, changing]), np.tile(np.arange(6) * 2.0, 2), np.zeros(12), np.repeat([1, 0], 6))
    np.testing.assert_array_equal(both[1], np.repeat([DURATIONS_S[-1], DURATIONS_S[0]], 6))


def test_the_unit_of_a_row_does_not_matter_and_rows_sum_to_one():
    own, time_s, recording = drawn(20, 4, 0), np.arange(20) * 2.5, np.arange(20) // 10
    expected, duration_s = alone(own, time_s, recording)
    found = alone(own * np.random.default_rng(1).uniform(0.1, 50, (20, 1)), time_s, recording)
    np.testing.assert_allclose(found[0], expected, atol=1e-12)
    assert found[1] == duration_s
    np.testing.assert_allclose(expected.sum(axis=1), 1, atol=1e-12)


def test_windows_far_apart_and_alone_are_themselves():
    own = drawn(6, 4, 0)
    np.testing.assert_allclose(alone(own, np.arange(6) * 1e5)[0], own, atol=1e-9)
    np.testing.assert_allclose(alone(own, np.zeros(6), np.arange(6))[0], own, atol=1e-9)


def test_no_window_and_one_label():
    assert alone(np.zeros((0, 3)), np.zeros(0))[0].shape == (0, 3)
    np.testing.assert_array_equal(alone(np.full((4, 1), 0.2), np.arange(4))[0], np.ones((4, 1)))


def test_contradictions_at_the_same_time_stay_finite():
    found, _ = alone(np.repeat(np.eye(2), 40, axis=0), np.zeros(80))
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert (found >= 0).all()


@pytest.mark.parametrize("duration_s", [8.0, 64.0])
def test_finds_how_long_activities_last_and_names_windows_better(duration_s):
    """Drawn from the model itself: 3,000 windows, 2.5 s apart, each by itself right in 64 of a hundred."""
    random, labels, count = np.random.default_rng(0), 5, 3000
    stay = transition(labels, duration_s, 2.5)[0, 0]
    truth = np.zeros(count, dtype=int)
    for i in range(1, count):
        change = random.random() > stay
        truth[i] = (truth[i - 1] + random.integers(1, labels)) % labels if change else truth[i - 1]
    seen = np.where(random.random(count) < 0.55, truth, random.integers(0, labels, count))
    right = 0.55 + 0.45 / labels
    own = np.full((count, labels), (1 - right) / (labels - 1))
    own[np.arange(count), seen] = right
    found, estimated = alone(own, np.arange(count) * 2.5)
    assert estimated == duration_s
    improved = (found.argmax(axis=1) == truth).mean() - (seen == truth).mean()
    assert improved > (0.04 if duration_s == 8 else 0.2)
    # Posteriors are calibrated: of those that say 80 to 90 %, that many are right.
    certain = (found.max(axis=1) > 0.8) & (found.max(axis=1) < 0.9)
    assert 0.78 < (found.argmax(axis=1) == truth)[certain].mean() < 0.92


@pytest.mark.parametrize("strength", [0.0, 0.4, 1.0])
def test_context_is_calibration_over_the_wearer_and_then_the_chain(strength):
    own, time_s = drawn(24, 4, 3), np.random.default_rng(3).uniform(0, 50, 24)
    recording, wearer = np.arange(24) % 3, np.arange(24) % 2
    calibrated = np.zeros_like(own)
    for i in range(24):
        for j in range(4):
            mean = sum(own[k, j] for k in range(24) if wearer[k] == wearer[i]) / 12
            calibrated[i, j] = own[i, j] / mean**strength
    found = in_context(own, time_s, recording, wearer, strength)
    np.testing.assert_allclose(found, over_time(calibrated, time_s, recording, wearer)[0], atol=1e-12)


def test_a_long_recording_is_what_it_is_as_a_whole(monkeypatch):
    """Read in parts side by side, and in one piece; another wearer's short recording beside it."""
    own = np.repeat(drawn(120, 4, 5), 25, axis=0) * np.random.default_rng(6).uniform(0.2, 1, (3000, 4))
    time_s, recording, wearer = np.arange(3000) * 2.5, np.zeros(3000), np.zeros(3000)
    recording[2900:], wearer[2900:] = 1, 1
    whole = over_time(own, time_s, recording, wearer)
    monkeypatch.setattr(recording_context, "_LONGEST", 700)
    monkeypatch.setattr(recording_context, "_MARGIN", 200)
    parts = over_time(own, time_s, recording, wearer)
    np.testing.assert_array_equal(parts[1], whole[1])
    np.testing.assert_allclose(parts[0], whole[0], atol=1e-6)
    monkeypatch.setattr(recording_context, "_MARGIN", 0)  # the margins are what makes it so
    assert np.abs(over_time(own, time_s, recording, wearer)[0] - whole[0]).max() > 1e-3


def test_margins_do_not_count_twice(monkeypatch):
    """The likelihood of a recording in parts is that of the whole, under each duration."""
    found, likelihood = [], recording_context._log_likelihood
    monkeypatch.setattr(
        recording_context, "_log_likelihood", lambda *given: found.append(likelihood(*given)) or found[-1]
    )
    own, one = np.repeat(drawn(60, 3, 7), 20, axis=0), np.zeros(1200)
    for longest in (7200, 300):
        monkeypatch.setattr(recording_context, "_LONGEST", longest)
        monkeypatch.setattr(recording_context, "_MARGIN", 150)
        over_time(own, np.arange(1200) * 2.5, one, one)
    whole, parts = found
    assert (len(whole), len(parts)) == (1, 4)
    np.testing.assert_allclose(parts.sum(axis=0), whole[0], rtol=1e-3)


def test_calibrated_by_the_windows_of_each_wearer():
    own, wearer = np.random.default_rng(0).dirichlet(np.ones(3), (12,)), np.array([0, 1] * 6)
    found = calibrated(own, wearer, 0.5)
    for i, row in enumerate(own):
        divided = row / np.sqrt(sum(own[j] for j in range(12) if wearer[j] == wearer[i]) / 6)
        np.testing.assert_allclose(found[i], divided / divided.sum())
    np.testing.assert_allclose(calibrated(own, wearer, 0.0), own)


@pytest.mark.parametrize("seed", range(12))
def test_the_newest_window_is_read_as_the_last_one_of_its_recording(seed):
    """Runs of activities under noise, with gaps, of one label up to many, from one window to hundreds."""
    random = np.random.default_rng(seed)
    count, labels = int(random.choice([1, 2, 3, 40, 300])), int(random.choice([1, 2, 5, 25]))
    state = np.repeat(random.integers(0, labels, count), random.integers(1, 30, count))[:count]
    probabilities = random.dirichlet(np.full(labels, 0.3), count) + 1e-9
    probabilities[np.arange(count), state] += random.uniform(0, 2)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    time_s = np.cumsum(random.choice([2.5, 2.5, 2.5, 0.5, 400.0], count))
    one = np.zeros(count, dtype=np.int64)
    expected = read_in_context(probabilities, time_s, one, one, 0.6)
    found = read_newest_in_context(probabilities, time_s, probabilities.mean(axis=0), 0.6)
    np.testing.assert_allclose(found.probabilities, expected.probabilities[-1], atol=1e-9)
    assert found.agreement == pytest.approx(expected.agreement[-1], abs=1e-12)
    assert found.lasting == pytest.approx(expected.lasting[-1], rel=1e-12)
