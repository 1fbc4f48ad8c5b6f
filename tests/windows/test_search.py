"""The guide table against bisection over all borders."""

import numpy as np
import pytest

from har.windows.search import GuideTable


def borders_of(kind: str, rng: np.random.Generator) -> np.ndarray:
    if kind == "one":
        return np.array([0.3])
    if kind == "even":
        return np.arange(1, 5001)
    if kind == "with empty intervals":
        return np.cumsum(rng.integers(0, 3, 4000) * rng.integers(0, 40, 4000)) + np.arange(4000) // 3999
    if kind == "unit interval":
        weight = rng.random(3000)
        return np.cumsum(weight / weight.sum()) / np.cumsum(weight / weight.sum())[-1]
    if kind == "nearly all in one cell":
        return np.append(np.sort(rng.random(2000)) * 1e-9, 1.0)
    if kind == "beyond 32 bits":
        return np.cumsum(rng.integers(1, 2**24, 4000))
    raise AssertionError(kind)


@pytest.mark.parametrize(
    "kind",
    ["one", "even", "with empty intervals", "unit interval", "nearly all in one cell", "beyond 32 bits"],
)
def test_the_interval_is_the_one_that_bisection_finds(kind):
    rng = np.random.default_rng(0)
    borders = borders_of(kind, rng)
    table, last = GuideTable(borders), borders[-1]
    if borders.dtype.kind == "i":
        numbers = np.concatenate([rng.integers(0, last, 20_000), borders[:-1], borders - 1, [0]])
        numbers = numbers[(numbers >= 0) & (numbers < last)]
    else:
        numbers = np.concatenate([rng.random(20_000) * last, borders[:-1], np.nextafter(borders, 0), [0.0]])
        numbers = np.concatenate([numbers, np.nextafter(borders[:-1], last)])
        numbers = numbers[numbers < last]
    found = table.find(numbers)
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, np.searchsorted(borders, numbers, side="right"))
    assert table.find(numbers[:0]).shape == (0,)


def test_the_table_is_a_few_bytes_an_interval():
    borders = np.arange(1, 10_001, dtype=np.int32)
    assert GuideTable(borders).nbytes <= (4 + 2 * 4) * len(borders) + 8
