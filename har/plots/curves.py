"""Curves of a training run, drawn from its ``metrics.jsonl``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from har.plots.style import FONT, INK, MUTED, SMALL_SIZE, color_of, new_figure, plain_axes, save_figure
from har.run.log import read_metrics

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LOG_NAME = "metrics.jsonl"

# From this many points on a curve is drawn faintly as logged and boldly as a running mean over about 1/40 of it.
SMOOTHED_FROM = 40
SMOOTHED_SHARE = 1 / 40

MOST_EPOCHS_MARKED = 60  # more lines would be a wall

SPLITS = {"train": "training", "validation": "validation (held-out people)", "held_out": "held-out dataset"}


@dataclass(frozen=True)
class Panel:
    """One set of axes: which keys of a record it shows, as which series."""

    title: str
    y_label: str
    series: tuple[tuple[str, str], ...]  # (key, name in the legend; "" when the split alone names it)
    from_zero: bool = False


PANELS = (
    Panel("Loss", "", (("loss", ""),)),
    Panel("Reconstruction", "mean squared error", (("mae_loss", ""),), from_zero=True),
    Panel("Contrast of patches", "InfoNCE", (("contrastive_loss", ""),)),
    Panel("Patches that find themselves", "share", (("patch_accuracy", ""),), from_zero=True),
    Panel("Similarity", "cosine", (("positive_similarity", "positive"), ("negative_similarity", "negative"))),
    Panel("Similarity gap", "positive - negative", (("similarity_gap", ""),)),
    Panel("Macro-F1", "", (("macro_f1", ""),), from_zero=True),
    Panel("Accuracy", "", (("accuracy", ""),), from_zero=True),
    Panel("Learning rate", "", (("learning_rate", ""),), from_zero=True),
    Panel("Gradient norm", "norm before clipping", (("gradient_norm", ""),), from_zero=True),
    Panel("Throughput", "windows/s", (("windows_per_s", ""),), from_zero=True),
    Panel("Waiting for data", "share of the time", (("waiting_share", ""),), from_zero=True),
)


def plot_curves(log: str | Path, out_path: str | Path, title: str = "") -> Path:
    """Draw every panel of `PANELS` for which the log has values, over the optimiser steps.

    log: a ``metrics.jsonl`` or the run folder that holds one. A record belongs to the split that it names ("train"
    when it names none); the splits of one key share a panel. Dotted lines mark where other splits than "train" were
    scored, which is where epochs end.

    Raises ``FileNotFoundError`` when there is no log, ``ValueError`` when it has nothing to draw.
    """
    from matplotlib.ticker import EngFormatter, MaxNLocator

    path = Path(log)
    path = path / LOG_NAME if path.is_dir() else path
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such log; give a metrics.jsonl or the run folder that holds one")
    records = read_metrics(path)
    drawn = [panel for panel in PANELS if any(_points(records, key) for key, _ in panel.series)]
    if not drawn:
        keys = sorted({key for panel in PANELS for key, _ in panel.series})
        raise ValueError(f"{path}: {len(records)} records without any of {', '.join(keys)}; nothing to draw")
    columns = min(3, len(drawn))
    rows = math.ceil(len(drawn) / columns)
    figure = new_figure(3.6 * columns, 2.5 * rows + 0.4 * bool(title), title)
    last = max(r["step"] for r in records)
    ends = sorted({r["step"] for r in records if r.get("split", "train") != "train"} - {last})
    for i, panel in enumerate(drawn):
        axes = plain_axes(figure.add_subplot(rows, columns, i + 1), panel.title, "step", panel.y_label)
        for step in ends if len(ends) <= MOST_EPOCHS_MARKED else ():
            axes.axvline(step, color=MUTED, linewidth=0.6, linestyle=(0, (1, 3)), zorder=1)
        _draw_panel(axes, panel, records)
        axes.set_xlim(0, 1.02 * max(last, 1))
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        if panel.from_zero:
            axes.set_ylim(bottom=0)
        if panel.title == "Throughput":
            axes.yaxis.set_major_formatter(EngFormatter(sep=""))
    return save_figure(figure, out_path)


def running_mean(values: Sequence[float], width: int) -> np.ndarray:
    """Mean over ``width`` (odd) values centred on each value, fewer at both ends; as long as ``values``."""
    if width < 1 or width % 2 == 0:
        raise ValueError(f"width {width}; expected an odd number of at least 1, so that the mean is centred")
    total = np.concatenate([[0.0], np.cumsum(np.asarray(values, dtype=np.float64))])
    centre = np.arange(len(values))
    first = np.maximum(centre - width // 2, 0)
    stop = np.minimum(centre + width // 2 + 1, len(values))
    return (total[stop] - total[first]) / (stop - first)


def _points(records: Sequence[dict], key: str) -> dict[str, tuple[list[int], list[float]]]:
    """Split -> (steps, values) of the records that hold a finite number under ``key``."""
    points: dict[str, tuple[list[int], list[float]]] = {}
    for record in records:
        value = record.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            steps, values = points.setdefault(record.get("split", "train"), ([], []))
            steps.append(record["step"])
            values.append(value)
    return points


def _draw_panel(axes: Axes, panel: Panel, records: Sequence[dict]) -> None:
    named = 0
    split_order = list(SPLITS)
    for s, (key, name) in enumerate(panel.series):
        points = _points(records, key)
        for split in sorted(points, key=lambda n: (split_order.index(n) if n in SPLITS else len(SPLITS), n)):
            steps, values = points[split]
            place = split_order.index(split) if split in SPLITS else len(SPLITS)
            style = {"color": color_of(place if len(panel.series) == 1 else s), "linewidth": 1.4}
            if len(panel.series) > 1 and split != "train":
                style["linestyle"] = "--" if split == "validation" else ":"
            title = SPLITS.get(split, split)
            text = title if not name else f"{name}, {title.split(' (')[0]}"
            if len(values) >= SMOOTHED_FROM:
                width = max(3, int(len(values) * SMOOTHED_SHARE) // 2 * 2 + 1)
                axes.plot(steps, values, color=style["color"], linewidth=0.6, alpha=0.25)
                axes.plot(steps, running_mean(values, width), label=text, **style)
            else:
                axes.plot(steps, values, label=text, marker="o", markersize=3.2, **style)
            named += 1
    if named > 1:
        legend = axes.legend(frameon=True, framealpha=0.8, edgecolor="none", fontsize=SMALL_SIZE, handlelength=1.8)
        for entry in legend.get_texts():
            entry.set(fontfamily=FONT, color=INK, fontsize=SMALL_SIZE)
