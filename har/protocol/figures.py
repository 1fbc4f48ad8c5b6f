"""The figures of a leave-one-dataset-out protocol: all scores at a glance, and windows that were confused."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from har.evaluation.confusions import confusion_examples, largest_confusions
from har.evaluation.leave_one_out import (
    CEILING,
    CEILING_CONTEXT,
    CONTEXT,
    FOREST,
    FROZEN,
    MAJORITY,
    ONE_WINDOW,
    ROWS,
    Answers,
)
from har.evaluation.leave_one_out_report import ROW_TITLES
from har.plots.confused_windows import ConfusedWindows, plot_confused_windows
from har.plots.overview import Method, Score, plot_overview
from har.plots.recordings import ExampleWindow
from har.protocol.plan import Plan
from har.protocol.request import EvaluationError
from har.protocol.scoring import ScoredWindows, choose_windows
from har.recordings.format import read_dataset
from har.signal.channels import triads

CONFUSIONS_DRAWN = 3
# A ceiling has the marker of what it is the ceiling of.
MARKERS = {
    ONE_WINDOW: "o", CONTEXT: "^", FOREST: "s", FROZEN: "D", MAJORITY: "v", CEILING: "o", CEILING_CONTEXT: "^",
}  # fmt: skip
MEAN = "mean"


class DrawnConfusions(NamedTuple):
    """The largest confusions as plain values, and the figure's path relative to the protocol's folder."""

    confusions: list[dict]
    figure: str | None


def draw_overview(record: Mapping, out: Path) -> str:
    """Closed-set macro-F1 of every dataset and row; returns the path relative to ``out``."""

    def points(entries: Mapping[str, Mapping]) -> dict[str, Score]:
        found = {}
        for row, entry in entries.items():
            value = entry["closed_set"]["macro_f1"]
            found[ROW_TITLES[row]] = Score(value["mean"], value["interval"] and tuple(value["interval"]))
        return found

    groups = {dataset: points(entry["rows"]) for dataset, entry in record["datasets"].items()}
    groups[MEAN] = points(record["mean"])
    present = {row for entry in record["datasets"].values() for row in entry["rows"]}
    references = (MAJORITY, CEILING, CEILING_CONTEXT)
    methods = [Method(ROW_TITLES[row], MARKERS[row], row in references) for row in ROWS if row in present]
    path = "plots/overview.png"
    plot_overview(groups, methods, out / path, "Datasets that were left out", "macro-F1, closed set (%)", MEAN)
    return path


def draw_confusions(part: Answers, plan: Plan, out: Path) -> DrawnConfusions:
    """The largest confusions of one dataset, one window at a time, of the first seed, and windows that show them."""
    predicted = part.closed_set[ONE_WINDOW][min(part.closed_set[ONE_WINDOW])]
    confusions = largest_confusions(part.true, predicted, CONFUSIONS_DRAWN)
    if not confusions:
        return DrawnConfusions([], None)
    windows = choose_windows(read_dataset(Path(plan.data) / part.dataset), *plan.window)
    if windows.true != list(part.true):
        raise EvaluationError(
            f"{part.dataset}: the windows under {plan.data} are not those that were scored; the data changed in "
            "between. Remove the dataset's cells and run again"
        )
    shown = []
    for confusion in confusions:
        examples = confusion_examples(part.true, predicted, confusion)
        shown.append(
            ConfusedWindows(
                confusion.true, confusion.predicted, confusion.share, *(example(windows, i) for i in examples)
            )
        )
    path = f"plots/confused_{part.dataset}.png"
    plot_confused_windows(shown, out / path, f"{part.dataset}: what was taken for what")
    return DrawnConfusions([confusion._asdict() for confusion in confusions], path)


def example(windows: ScoredWindows, place: int | None) -> ExampleWindow | None:
    """The window at a place among those that were scored; None without one, or without an accelerometer in it."""
    if place is None:
        return None
    row = windows.rows[place]
    info = windows.index.streams[windows.index.stream_id[row]].info
    samples = windows.index.read(windows.rows[[place]])[0]
    found = {kind: samples[:, columns] for kind, columns in triads(info.channels)}
    if "acc" not in found or not np.isfinite(found["acc"]).all(axis=1).any():
        return None
    caption = f"{windows.subjects[place]}, {info.placement}"
    return ExampleWindow(info.name, windows.true[place], caption, info.sampling_rate_hz, found)
