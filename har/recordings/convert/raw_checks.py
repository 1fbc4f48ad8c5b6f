"""Checks on raw text files that several converters share: complete rows, and recordings published twice."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from zlib import crc32

import numpy as np
import pandas as pd

from har.recordings.format import DatasetError

# One row in four is compared; which one depends on its bytes alone, so copies are found at any offset.
ROWS_PER_COMPARED_ROW = 4


def read_rows(
    path: Path, columns: Sequence[str], *, text: Sequence[str] = (), header: bool = False, **options: object
) -> pd.DataFrame:
    """Read a comma-separated file with exactly ``columns``, all of them numbers (float64) except those in ``text``.

    header: the first row holds the names, which may stand in any order and among others; otherwise there must be as
    many columns as names. options: passed to ``pandas.read_csv``. Raises ``DatasetError`` that names the file, and
    the row of a missing or unreadable value.
    """
    try:
        frame = pd.read_csv(path, header=0 if header else None, skipinitialspace=True, low_memory=False, **options)
    except (ValueError, pd.errors.EmptyDataError) as error:
        raise DatasetError(f"{path}: expected columns {', '.join(columns)} ({error}); fetch the file again") from error
    if header:
        missing = [name for name in columns if name not in frame.columns]
        if missing:
            found = list(frame.columns)
            raise DatasetError(f"{path}, row 1: no column {missing} in {found}; is this the published file?")
        frame = frame[list(columns)]
    elif frame.shape[1] != len(columns):
        raise DatasetError(f"{path}: {frame.shape[1]} columns; expected {len(columns)}: {', '.join(columns)}")
    else:
        frame.columns = list(columns)
    if frame.empty:
        raise DatasetError(f"{path}: no samples; fetch the file again or remove it")
    first_row = int(options.get("skiprows", 0)) + (2 if header else 1)
    for name in columns:
        values = frame[name].astype(str).str.strip() if name in text else pd.to_numeric(frame[name], errors="coerce")
        bad = frame[name].isna() if name in text else ~np.isfinite(values.to_numpy(dtype=np.float64))
        if bad.any():
            row = int(np.argmax(bad))
            raise DatasetError(
                f"{path}, row {first_row + row}: {name} is {frame[name].iloc[row]!r}; expected "
                f"{'a text' if name in text else 'a number'}: fetch the file again or remove the row"
            )
        frame = frame.assign(**{name: values if name in text else values.astype(np.float64)})
    return frame


def published_twice(
    paths: Sequence[Path], label_of: Callable[[Path], object], samples_of: Callable[[bytes], bytes] = bytes.strip
) -> set[Path]:
    """Files to leave out because their samples are published a second time, under another label or subject.

    Two files are copies when at least half of the rows of the shorter one occur in the other. Of copies with equal
    labels the first stays; with different labels nobody can say which one is right, and both are left out.
    samples_of: a line of the file -> its part that holds the samples.
    """
    seen: dict[bytes, list[int]] = {}
    counts, shared = [], Counter()
    for number, path in enumerate(paths):
        rows = {samples_of(line) for line in path.read_bytes().splitlines()}
        rows = {row for row in rows if crc32(row) % ROWS_PER_COMPARED_ROW == 0}
        counts.append(len(rows))
        for row in rows:
            others = seen.setdefault(row, [])
            shared.update((other, number) for other in others)
            others.append(number)
    left_out = set()
    for (first, second), count in shared.items():
        if 2 * count >= min(counts[first], counts[second]):
            left_out.add(paths[second])
            if label_of(paths[first]) != label_of(paths[second]):
                left_out.add(paths[first])
    return left_out
