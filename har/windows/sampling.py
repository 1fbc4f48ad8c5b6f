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

Batch = TypeVar("Batch")


def evenly_spaced(rows: np.ndarray, most: int) -> np.ndarray:
    """At most ``most`` of the rows (n,), evenly spaced from the first to the last."""
    return rows if len(rows) <= most else rows[np.linspace(0, len(rows) - 1, most).round().astype(int)]


class BalancedSampler:
    """Draws windows with tempered probabilities.

    candidates: (n,) rows of the index that may be drawn. dataset_id, group_id: (n,) of those rows.
    Raises ``ValueError`` without candidates.
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
        self.candidates = np.asarray(candidates)
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
        self._cumulative = np.cumsum(self.probability)
        self._cumulative[-1] = 1.0

    def draw(self, count: int, generator: np.random.Generator) -> np.ndarray:
        """(count,) rows of the index, with replacement."""
        return self.candidates[np.searchsorted(self._cumulative, generator.random(count), side="right")]


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
