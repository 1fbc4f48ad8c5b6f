"""Drawing against its closed form; the loader against a plain loop."""

import itertools
import threading
from collections import Counter

import numpy as np
import pytest

from har.windows.sampling import BalancedSampler, BatchLoader, evenly_spaced

# Three datasets; groups of very different sizes; ids with holes, in no order.
GROUPS = {(4, 0): 40, (4, 7): 2, (1, 7): 9, (1, 3): 1, (1, 0): 6, (0, 5): 5}
WAIT_S = 20.0  # of events that come at once unless something is broken


def population() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(candidates, dataset ids, group ids), shuffled; candidates are rows of a larger index."""
    pairs = np.array([pair for pair, size in GROUPS.items() for _ in range(size)])
    pairs = np.random.default_rng(0).permutation(pairs)
    return 1000 + 3 * np.arange(len(pairs)), pairs[:, 0], pairs[:, 1]


def closed_form(dataset: int, group: int, a: float, b: float) -> float:
    """n^a / sum n^a  x  m^b / sum m^b of that dataset  x  1 / m."""
    size = Counter()
    for (d, _), m in GROUPS.items():
        size[d] += m
    m = GROUPS[dataset, group]
    share = size[dataset] ** a / sum(n**a for n in size.values())
    return share * m**b / sum(k**b for (d, _), k in GROUPS.items() if d == dataset) / m


@pytest.mark.parametrize(("a", "b"), [(1.0, 1.0), (0.0, 0.0), (0.5, 0.5), (0.3, 1.0), (1, 0)])
def test_probabilities_are_the_closed_form(a, b):
    candidates, dataset_id, group_id = population()
    sampler = BalancedSampler(candidates, dataset_id, group_id, a, b)
    expected = [closed_form(d, g, a, b) for d, g in zip(dataset_id, group_id, strict=True)]
    np.testing.assert_allclose(sampler.probability, expected, rtol=1e-12)
    assert sampler.probability.sum() == pytest.approx(1.0, abs=1e-12)
    if a == b == 1:
        np.testing.assert_allclose(sampler.probability, 1 / len(candidates), rtol=1e-12)


def test_windows_are_drawn_as_often_as_their_probability_says():
    candidates, dataset_id, group_id = population()
    sampler = BalancedSampler(candidates, dataset_id, group_id, 0.5, 0.25)
    count = 200_000
    drawn = sampler.draw(count, np.random.default_rng(1))
    assert drawn.shape == (count,) and set(drawn) <= set(candidates)
    found = np.array([(drawn == c).sum() for c in candidates])
    expected = count * np.array([closed_form(d, g, 0.5, 0.25) for d, g in zip(dataset_id, group_id, strict=True)])
    chi_square = ((found - expected) ** 2 / expected).sum()
    degrees = len(candidates) - 1
    assert abs(chi_square - degrees) < 5 * np.sqrt(2 * degrees)


def test_the_generator_alone_decides_what_is_drawn():
    sampler = BalancedSampler(*population(), 0.5, 0.5)
    one = sampler.draw(100, np.random.default_rng(5))
    np.testing.assert_array_equal(one, sampler.draw(100, np.random.default_rng(5)))
    assert (one != sampler.draw(100, np.random.default_rng(6))).any()


class DrawsFromAllWindows:
    """A cumulative probability with one entry a window: what runs of windows must come to."""

    def __init__(self, candidates, dataset_id, group_id, dataset_exponent, group_exponent):
        self.candidates = candidates
        weight = np.zeros(len(candidates))
        datasets, dataset_size = np.unique(dataset_id, return_counts=True)
        dataset_share = dataset_size**dataset_exponent / (dataset_size**dataset_exponent).sum()
        for dataset, share in zip(datasets, dataset_share, strict=True):
            of_dataset = dataset_id == dataset
            groups, group_size = np.unique(group_id[of_dataset], return_counts=True)
            group_share = group_size**group_exponent / (group_size**group_exponent).sum()
            for group, part, size in zip(groups, group_share, group_size, strict=True):
                weight[of_dataset & (group_id == group)] = share * part / size
        self.probability = weight / weight.sum()
        self.cumulative = np.cumsum(self.probability)
        self.cumulative[-1] = 1.0

    def draw(self, count, generator):
        return self.candidates[np.searchsorted(self.cumulative, generator.random(count), side="right")]


def segmented_population(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of an index with segments of one to forty windows, some of them left out, groups from common to rare."""
    size = rng.integers(1, 41, 3000)
    group = rng.choice(12, 3000, p=0.5 ** np.arange(1, 13) / (0.5 ** np.arange(1, 13)).sum())
    dataset = np.sort(rng.choice(5, 3000, p=[0.5, 0.3, 0.1, 0.08, 0.02]))
    rows = np.flatnonzero(np.repeat(rng.random(3000) < 0.8, size))
    return rows, np.repeat(dataset, size)[rows], np.repeat(group, size)[rows]


@pytest.mark.parametrize(("a", "b"), [(1.0, 1.0), (0.0, 0.0), (0.5, 0.5), (0.3, 0.7)])
def test_the_rows_drawn_are_those_of_one_entry_a_window(a, b):
    """The same numbers give the same rows, but where a number lies within rounding of the border of two windows."""
    for population_of in (segmented_population, lambda rng: population()):
        rows, dataset_id, group_id = population_of(np.random.default_rng(1))
        sampler = BalancedSampler(rows, dataset_id, group_id, a, b)
        oracle = DrawsFromAllWindows(rows, dataset_id, group_id, a, b)
        np.testing.assert_array_equal(sampler.candidates, rows)
        np.testing.assert_allclose(sampler.probability, oracle.probability, rtol=1e-9)
        count = 1_000_000
        found, expected = sampler.draw(count, np.random.default_rng(2)), oracle.draw(count, np.random.default_rng(2))
        numbers = np.random.default_rng(2).random(count)
        different = np.flatnonzero(found != expected)
        to_border = [np.abs(oracle.cumulative - numbers[i]).min() for i in different]
        assert len(different) <= 2 and all(distance < 1e-12 for distance in to_border)


def test_the_sampler_is_small_and_does_not_keep_what_it_was_made_from():
    rows, dataset_id, group_id = segmented_population(np.random.default_rng(1))
    sampler = BalancedSampler(rows, dataset_id, group_id, 0.5, 0.5)
    assert sampler.nbytes <= 1.5 * len(rows)
    expected = sampler.draw(50, np.random.default_rng(0))
    for array in (rows, dataset_id, group_id):
        array[:] = 0
    np.testing.assert_array_equal(sampler.draw(50, np.random.default_rng(0)), expected)


class Dictated:
    """A generator that "draws" given numbers."""

    def __init__(self, *numbers: float) -> None:
        self.numbers = numbers

    def random(self, count: int) -> np.ndarray:
        assert count == len(self.numbers)
        return np.array(self.numbers)


def test_each_number_of_the_unit_interval_belongs_to_one_window():
    one = np.zeros(4, dtype=int)
    borders = Dictated(0.0, 0.2, 0.25, 0.5, 0.7, 0.75)
    assert BalancedSampler(np.arange(4), one, one, 1.0, 1.0).draw(6, borders).tolist() == [0, 0, 1, 2, 2, 3]
    for size in range(2, 60):  # the sum of ten times 0.1 is less than the largest number that can be drawn
        zeros = np.zeros(size, dtype=int)
        sampler = BalancedSampler(np.arange(size), zeros, zeros, 0.5, 0.5)
        assert sampler.draw(2, Dictated(0.0, np.nextafter(1.0, 0.0))).tolist() == [0, size - 1]


def test_nothing_to_draw_from_is_an_error():
    with pytest.raises(ValueError, match="no windows to draw from"):
        BalancedSampler(np.zeros(0, int), np.zeros(0, int), np.zeros(0, int), 1.0, 1.0)


# --- BatchLoader ------------------------------------------------------------------------------------------------------


def loader_threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("batch")]


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("prefetch", [0, 1, 4, 50])
def test_batches_come_in_the_order_of_the_steps(workers, prefetch):
    steps = [5, 3, 8, 8, 0, 13, 2]
    found = list(BatchLoader(lambda step: ("batch", step), steps, workers, prefetch))
    assert found == [("batch", step) for step in steps]
    assert list(BatchLoader(str, [], workers, prefetch)) == []
    assert not loader_threads()


def test_a_slow_batch_holds_its_place():
    later_ones_done = threading.Event()

    def make(step: int) -> int:
        if step == 0:
            assert later_ones_done.wait(WAIT_S)
        if step == 3:
            later_ones_done.set()
        return step

    assert list(BatchLoader(make, range(6), workers=2, prefetch=4)) == [0, 1, 2, 3, 4, 5]


def test_no_more_is_made_than_prefetched():
    taken = []
    steps = (taken.append(step) or step for step in itertools.count())
    loader = iter(BatchLoader(str, steps, workers=2, prefetch=3))
    assert not taken  # nothing happens before the first batch is asked for
    for expected in range(5):
        assert next(loader) == str(expected)
        assert len(taken) == expected + 1 + 3
    loader.close()
    assert len(taken) == 5 + 3


def test_batches_are_made_while_the_network_works():
    """The batch after the one in use is complete although nobody has asked for it."""
    done = [threading.Event() for _ in range(3)]
    loader = iter(BatchLoader(lambda step: done[step].set() or step, range(3), workers=1, prefetch=1))
    assert next(loader) == 0
    assert done[1].wait(WAIT_S)
    loader.close()


def test_an_error_while_making_a_batch_surfaces_at_its_place():
    def make(step: int) -> int:
        if step == 2:
            raise KeyError("recording r7 is gone")
        return step

    loader = iter(BatchLoader(make, itertools.count(), workers=2, prefetch=4))
    assert [next(loader), next(loader)] == [0, 1]
    with pytest.raises(KeyError, match="recording r7 is gone"):
        next(loader)
    assert not loader_threads()


def test_leaving_early_ends_the_threads():
    started = []
    loader = iter(BatchLoader(lambda step: started.append(step) or step, range(1000), workers=2, prefetch=6))
    next(loader)
    assert loader_threads()
    loader.close()
    assert not loader_threads()
    count = len(started)
    assert count <= 1 + 6
    assert list(itertools.islice(BatchLoader(str, range(1000), 2, 6), 2)) == ["0", "1"]  # dropped, not closed
    assert not loader_threads() and len(started) == count


def test_leaving_early_cancels_what_has_not_begun():
    started, leaving, go_on = [], threading.Event(), threading.Event()

    def make(step: int) -> int:
        started.append(step)
        assert step == 0 or go_on.wait(WAIT_S)
        return step

    def release() -> None:
        leaving.wait(WAIT_S)
        go_on.wait(0.5)  # time to cancel the others while one is being made
        go_on.set()

    helper = threading.Thread(target=release)
    helper.start()
    loader = iter(BatchLoader(make, range(100), workers=1, prefetch=6))
    assert next(loader) == 0
    leaving.set()
    loader.close()
    helper.join()
    assert started in ([0], [0, 1])


def test_a_run_that_starts_at_any_step_sees_the_same_batches():
    candidates, dataset_id, group_id = population()
    sampler = BalancedSampler(candidates, dataset_id, group_id, 0.5, 0.5)

    def make(step: int) -> np.ndarray:
        return sampler.draw(16, np.random.default_rng([3, step]))

    whole = list(BatchLoader(make, range(12), workers=3, prefetch=5))
    for first in (0, 1, 7, 11):
        rest = list(BatchLoader(make, range(first, 12), workers=2, prefetch=2))
        np.testing.assert_array_equal(rest, whole[first:])
    assert len({batch.tobytes() for batch in whole}) == 12


def test_evenly_spaced_rows_are_few_enough_distinct_and_reach_both_ends():
    rows = np.arange(100, 1100)
    for most in (1, 2, 7, 999):
        chosen = evenly_spaced(rows, most)
        assert len(chosen) == most and chosen[0] == rows[0] and set(chosen) <= set(rows)
        assert most == 1 or (chosen[-1] == rows[-1] and np.ptp(np.diff(chosen)) <= 1)
    assert evenly_spaced(rows, 1000) is rows and len(evenly_spaced(rows[:0], 5)) == 0
