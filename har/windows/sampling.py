"""How training batches are drawn, and how they are made while the network works.

Drawing is tempered at two levels. A dataset with n windows is drawn with probability proportional to n^a, a label group
with m windows inside it proportional to m^b, a window inside a group uniformly. Exponents of 1 keep the data as it is,
0 makes all equal; values between trade large datasets against rare activities (as for languages: Conneau & Lample,
NeurIPS 2019, section 3.1; and for rare classes: Mahajan et al., ECCV 2018, square-root sampling).
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import torch

from har.windows.search import GuideTable

Batch = TypeVar("Batch")


def evenly_spaced(rows: np.ndarray, most: int) -> np.ndarray:
    """At most ``most`` of the rows (n,), evenly spaced from the first to the last."""
    return rows if len(rows) <= most else rows[np.linspace(0, len(rows) - 1, most).round().astype(int)]


class BalancedSampler:
    """Draws windows with tempered probabilities.

    candidates: (n,) rows of the index that may be drawn. dataset_id, group_id: (n,) of those rows.
    Raises ``ValueError`` without candidates.

    Windows of one segment follow each other and share their probability, so what is kept is one entry for each *run*
    of consecutive rows of one dataset and group: where its share of the unit interval ends, its first row, and how many
    candidates there are up to its end. A number drawn from the unit interval finds its run by a guide table and its
    place in the run by proportion.
    """

    def __init__(
        self,
        candidates: np.ndarray,
        dataset_id: np.ndarray,
        group_id: np.ndarray,
        dataset_exponent: float,
        group_exponent: float,
    ) -> None:
        if not len(candidates):
            raise ValueError("no windows to draw from; are all subjects held out, or all segments unlabelled?")
        rows, dataset_id, group_id = (np.asarray(values) for values in (candidates, dataset_id, group_id))
        begins = rows[1:] != rows[:-1] + 1
        begins |= dataset_id[1:] != dataset_id[:-1]
        begins |= group_id[1:] != group_id[:-1]
        first = np.concatenate([[0], np.flatnonzero(begins) + 1])
        stop = np.append(first[1:], len(rows))
        narrow = np.int32 if max(int(rows.max()), len(rows)) < 2**31 else np.int64
        self._row, self._stop = rows[first].astype(narrow), stop.astype(narrow)
        size = stop - first
        weight = size * _tempered(dataset_id[first], group_id[first], size, dataset_exponent, group_exponent)
        cumulative = np.cumsum(weight)
        cumulative /= cumulative[-1]
        self._runs = GuideTable(cumulative)

    @property
    def nbytes(self) -> int:
        return self._row.nbytes + self._stop.nbytes + self._runs.nbytes

    def _sizes(self) -> np.ndarray:
        return np.diff(self._stop, prepend=0)

    @property
    def candidates(self) -> np.ndarray:
        """(n,) rows of the index that may be drawn."""
        return np.repeat(self._row - (self._stop - self._sizes()), self._sizes()) + np.arange(self._stop[-1])

    @property
    def probability(self) -> np.ndarray:
        """(n,) of each candidate."""
        return np.repeat(np.diff(self._runs.borders, prepend=0.0) / self._sizes(), self._sizes())

    def draw(self, count: int, generator: np.random.Generator) -> np.ndarray:
        """(count,) rows of the index, with replacement."""
        number = generator.random(count)
        run = self._runs.find(number)
        lower, size = _before(self._runs.borders, run), self._stop[run] - _before(self._stop, run)
        share = (number - lower) / (self._runs.borders[run] - lower)
        # A share just below 1 times the size may round to the size.
        return self._row[run] + np.minimum((share * size).astype(np.int64), size - 1)


def _before(ends: np.ndarray, which: np.ndarray) -> np.ndarray:
    """End of the interval before each, 0 before the first."""
    return np.where(which > 0, ends[which - 1], 0)


def _tempered(
    dataset_id: np.ndarray, group_id: np.ndarray, size: np.ndarray, dataset_exponent: float, group_exponent: float
) -> np.ndarray:
    """(m,) probability of one window of each run, from the dataset, group and number of windows of each run."""
    dataset = np.unique(dataset_id, return_inverse=True)[1]
    groups, group = np.unique(group_id, return_inverse=True)
    cells, cell = np.unique(dataset * len(groups) + group, return_inverse=True)
    cell_size = np.bincount(cell, weights=size)
    dataset_of_cell = cells // len(groups)
    dataset_size = np.bincount(dataset_of_cell, weights=cell_size)
    dataset_share = dataset_size**dataset_exponent / (dataset_size**dataset_exponent).sum()
    tempered = cell_size**group_exponent
    group_share = tempered / np.bincount(dataset_of_cell, weights=tempered)[dataset_of_cell]
    return (dataset_share[dataset_of_cell] * group_share / cell_size)[cell]


class BatchLoader:
    """Makes the batches of given steps on background threads and hands them out in order.

    ``make_batch(step)`` must depend on the step alone (it derives its generators from it), so a run that is resumed at
    any step sees the batches that it would have seen. Threads suffice: gathering and tensor operations release the
    interpreter.
    """

    def __init__(self, make_batch: Callable[[int], Batch], steps: Sequence[int], workers: int, prefetch: int) -> None:
        self._make_batch, self._steps, self._workers, self._prefetch = make_batch, steps, workers, max(1, prefetch)

    def __iter__(self) -> Iterator[Batch]:
        # One core a worker: a second team of threads would fight the network's own for the same cores, and both lose.
        with ThreadPoolExecutor(self._workers, "batch", initializer=torch.set_num_threads, initargs=(1,)) as pool:
            pending: deque = deque()
            steps = iter(self._steps)
            try:
                for step in steps:
                    pending.append(pool.submit(self._make_batch, step))
                    if len(pending) >= self._prefetch:
                        break
                while pending:
                    batch = pending.popleft().result()
                    step = next(steps, None)
                    if step is not None:
                        pending.append(pool.submit(self._make_batch, step))
                    yield batch
            finally:
                for future in pending:
                    future.cancel()
