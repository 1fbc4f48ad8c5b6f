"""What every zero-shot evaluation shares: the windows that are scored, and the table of what was predicted for them."""

import csv
import io
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from har.labels.groups import is_fall
from har.protocol.request import EvaluationError
from har.recordings.format import Dataset
from har.windows.index import WindowIndex

# Columns that say which window it is and what was done in it; those of the predictions follow.
WINDOW_COLUMNS = ("stream", "recording", "subject", "placement", "start_time_s", "label")
CLOSED_SET, OPEN_SET = "closed_set", "open_set"
CLOSED_SET_CONTEXT, OPEN_SET_CONTEXT = "closed_set_context", "open_set_context"
# By itself and in context: the largest probability of the closed set, and that any of its labels is meant.
CONFIDENCE, KNOWN = ("confidence", "confidence_context"), ("known", "known_context")


@dataclass(frozen=True)
class ScoredWindows:
    """The labelled windows of one dataset that are scored, ``rows`` (N,) of its ``index``.

    candidates: labels of the closed set. true, subjects, placements: (N,) names. left_out: label ("" = unlabelled) ->
    windows that are not scored.
    """

    dataset: str
    index: WindowIndex
    rows: np.ndarray
    candidates: list[str]
    true: list[str]
    subjects: list[str]
    placements: list[str]
    left_out: dict[str, int]


def choose_windows(
    dataset: Dataset,
    window_s: float,
    stride_s: float,
    min_window_s: float,
    with_falls: bool = False,
    of_people: Callable[[WindowIndex], np.ndarray] | None = None,
) -> ScoredWindows:
    """The windows of a dataset that have a label to score.

    with_falls: falls as well. of_people: index -> (n,) bool, windows of the people that are scored; None for all.
    Raises ``EvaluationError`` when there is none, or one activity alone.
    """
    index = WindowIndex([dataset], window_s, stride_s, min_window_s)
    candidates = [label for label in dataset.labels if with_falls or not is_fall(label)]
    rows = index.labelled_rows(candidates.__contains__)
    if of_people is not None:
        rows = rows[of_people(index)[rows]]
    if not len(rows):
        raise EvaluationError(
            f"{dataset.name}: none of its {len(index)} windows has a label to score "
            f"({', '.join(candidates) or 'no label left'}){' among the people held out' if of_people else ''}; falls "
            "are scored with --falls"
        )
    if len(candidates) < 2:
        raise EvaluationError(
            f"{dataset.name}: {candidates[0]!r} is its only activity, and right by default where nothing else can be "
            "chosen; score a dataset of several"
        )
    labels_n = np.array([*index.labels, ""], dtype=object)[index.label_id]  # UNLABELLED is -1, the last one
    return ScoredWindows(
        dataset.name,
        index,
        rows,
        candidates,
        labels_n[rows].tolist(),
        [index.subjects[i].split("/", 1)[1] for i in index.subject_id[rows]],
        [index.streams[i].info.placement for i in index.stream_id[rows]],
        dict(sorted(Counter(np.delete(labels_n, rows)).items())),
    )


def predictions_name(dataset: str) -> str:
    """Name of the file that `predictions_table` is written to."""
    return f"predictions_{dataset}.csv"


def predictions_table(windows: ScoredWindows, predictions: Mapping[str, Sequence[str]]) -> str:
    """The text of a CSV file: one row a window, `WINDOW_COLUMNS` and then the columns of ``predictions`` (N,)."""
    index, rows = windows.index, windows.rows
    streams = [index.streams[i].info.name for i in index.stream_id[rows]]
    recordings = [index.recordings[i].split("/", 1)[1] for i in index.recording_id[rows]]
    times_s = np.round(index.start_time_s[rows], 3).tolist()
    where = (streams, recordings, windows.subjects, windows.placements, times_s, windows.true)
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow([*WINDOW_COLUMNS, *predictions])
    table.writerows(zip(*where, *predictions.values(), strict=True))
    return text.getvalue()


def read_predictions(path: Path) -> dict[str, list[str]]:
    """Column -> its texts (N,). Raises ``EvaluationError`` for a file without rows or without `WINDOW_COLUMNS`."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.reader(file)
            head = next(reader, [])
            rows = list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise EvaluationError(f"{path} is no table of predictions ({error}). Evaluate again") from error
    if not rows or tuple(head[: len(WINDOW_COLUMNS)]) != WINDOW_COLUMNS or {len(row) for row in rows} != {len(head)}:
        raise EvaluationError(
            f"{path} is no table of predictions (columns {', '.join(head) or 'none'}, {len(rows)} rows); expected "
            f"{', '.join(WINDOW_COLUMNS)} and predictions. Evaluate again"
        )
    return {name: list(column) for name, column in zip(head, zip(*rows, strict=True), strict=True)}
