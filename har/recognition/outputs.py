"""A timeline as tables for programs: bouts, windows, summary."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from har.recognition.timeline import Timeline
from har.recognition.vocabulary import NOT_WORN, UNKNOWN
from har.run.folder import atomic_writer, write_atomically

_PLACES = 4  # decimals of a probability
_WINDOW = ("start_s", "stop_s", "name", "known")  # columns of a window before those of the labels


def bouts_table(timeline: Timeline) -> str:
    """The text of a CSV file: one row a bout, with seconds, times of day ("" where unknown), label and confidence."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["start_s", "stop_s", "start", "stop", "label", "confidence"])
    for bout in timeline.bouts:
        times = (f"{bout.start_s:.3f}", f"{bout.stop_s:.3f}")
        clock = (timeline.clock.text(bout.start_s), timeline.clock.text(bout.stop_s))
        confidence = "" if bout.confidence is None else f"{bout.confidence:.{_PLACES}f}"
        table.writerow([*times, *clock, bout.label, confidence])
    return text.getvalue()


def windows_table(timeline: Timeline) -> bytes:
    """The bytes of a CSV file: one row a window.

    start_s and stop_s of its samples, the name that the timeline gives it, known (the probability that one
    of the labels is meant), and a column a label; empty where the device was not worn. A label that is named as another
    column is followed there by "(label)".
    """
    windows = timeline.windows
    head = io.StringIO()
    csv.writer(head, lineterminator="\n").writerow([*_WINDOW, *label_columns(timeline.labels, _WINDOW)])
    names = [_quoted(name) for name in (*timeline.labels, UNKNOWN, NOT_WORN)]
    numbers = np.column_stack([windows.known, windows.probabilities])
    # A week has millions of numbers; as digits of one array they take seconds less.
    digits = _decimals(np.nan_to_num(numbers))
    missing = "," * (numbers.shape[1] - 1) + "\n"
    worn = np.isfinite(windows.known).tolist()
    starts, stops, places = windows.start_s.tolist(), windows.stop_s.tolist(), windows.name.tolist()
    rows = [
        f"{start:.3f},{stop:.3f},{names[place]},{row.decode() if is_worn else missing}"
        for start, stop, place, row, is_worn in zip(starts, stops, places, digits, worn, strict=True)
    ]
    return (head.getvalue() + "".join(rows)).encode()


def label_columns(labels: Sequence[str], others: Sequence[str]) -> list[str]:
    """Names of the columns of labels beside others.

    Labels may bear any name, also that of another column, and what reads a table takes each name once.
    """
    taken = set(others)
    columns = []
    for label in labels:
        while label in taken:
            label = f"{label} (label)"
        taken.add(label)
        columns.append(label)
    return columns


def _quoted(text: str) -> str:
    cell = io.StringIO()
    csv.writer(cell, lineterminator="").writerow([text])
    return cell.getvalue()


def _decimals(numbers: np.ndarray) -> list[bytes]:
    """Rows of numbers (N, K) in [0, 9] as bytes: ``0.1234,0.5000\\n``."""
    scaled = np.rint(numbers.astype(np.float64) * 10**_PLACES).astype(np.int64)
    out = np.full((*numbers.shape, _PLACES + 3), ord(","), dtype=np.uint8)
    out[..., 1] = ord(".")
    for place in range(_PLACES):
        out[..., _PLACES + 1 - place] = ord("0") + scaled // 10**place % 10
    out[..., 0] = ord("0") + scaled // 10**_PLACES
    out[:, -1, -1] = ord("\n")
    return [row.tobytes() for row in out]


def save_windows(timeline: Timeline, path: Path) -> None:
    """Write the windows as ``.csv`` or ``.parquet`` (with pyarrow), whole or not at all.

    Raises ``ImportError`` where pyarrow is not installed.
    """
    if path.suffix == ".csv":
        write_atomically(path, windows_table(timeline))
        return
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise ImportError("writing parquet needs pyarrow: pip install pyarrow, or choose csv") from error
    windows = timeline.windows
    names = np.array([*timeline.labels, UNKNOWN, NOT_WORN])
    columns = [windows.start_s, windows.stop_s, names[windows.name], windows.known, *windows.probabilities.T]
    arrays = [pyarrow.array(np.ascontiguousarray(column)) for column in columns]
    table = pyarrow.Table.from_arrays(arrays, [*_WINDOW, *label_columns(timeline.labels, _WINDOW)])
    with atomic_writer(path) as temporary:
        parquet.write_table(table, temporary)
