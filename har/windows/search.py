"""Which of many intervals a number lies in, in a time that does not grow with how many there are."""

import numpy as np

_CELLS_PER_INTERVAL = 2
_STEPS = 8  # intervals that are passed one by one; what lies further is found by bisection


class GuideTable:
    """The intervals between ascending borders, found by indexed search.

    The range of the borders is cut into equal cells, and a table says at which interval each cell begins: a number
    drawn evenly from the range is then a step or two from its interval (Chen & Asau, AIIE Transactions 6(2), 1974;
    Devroye, Non-Uniform Random Variate Generation, 1986, section III.2.4). Where many borders share one cell,
    bisection bounds the search.

    borders: (m,) ascending upper ends, not negative, the last positive; interval i holds the numbers from border
    i - 1 (0 for the first) up to but without border i, and is empty where these are equal.
    """

    def __init__(self, borders: np.ndarray) -> None:
        self.borders = borders
        cells = _CELLS_PER_INTERVAL * len(borders)
        self._per_unit = cells / float(borders[-1])
        # The same rounding for borders and numbers keeps the order: what lies in an earlier cell is smaller.
        in_cell = np.bincount(self._cell(borders[:-1]), minlength=cells)
        begins = np.zeros(len(in_cell) + 1, dtype=np.int32 if len(borders) < 2**31 else np.int64)
        np.cumsum(in_cell, out=begins[1:])
        self._begins = begins[:-1]

    @property
    def nbytes(self) -> int:
        return self.borders.nbytes + self._begins.nbytes

    def _cell(self, numbers: np.ndarray) -> np.ndarray:
        return (numbers * self._per_unit).astype(np.int64)

    def find(self, numbers: np.ndarray) -> np.ndarray:
        """(n,) interval of each number (n,), int64; as ``np.searchsorted(borders, numbers, side="right")``.

        Numbers must lie from 0 up to but without the last border.
        """
        # A number just below the last border may round up to a cell past the table.
        cell = np.minimum(self._cell(numbers), len(self._begins) - 1)
        found = self._begins[cell].astype(np.int64)
        for _ in range(_STEPS):
            behind = self.borders[found] <= numbers
            if not behind.any():
                return found
            found += behind
        far = np.flatnonzero(self.borders[found] <= numbers)
        found[far] = np.searchsorted(self.borders, numbers[far], side="right")
        return found
