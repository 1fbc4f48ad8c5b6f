"""What changes of devices and of wearing cost: the change of the score and the windows moved, from ``results.json``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from har.plots.style import (
    FONT,
    MUTED,
    SMALL_SIZE,
    TICK_SIZE,
    color_of,
    new_figure,
    plain_axes,
    save_figure,
    text_length_in,
)

ROWS = {"one_window": "one window", "recording_context": "recording context"}
LOSSLESS_LIMIT = 1.0  # percent of the windows that a change without loss may move


def plot_robustness(record: Mapping, out_path: str | Path) -> Path:
    """Draw one line a change: left the change of macro-F1 with its interval, right the share of windows moved.

    record: `evaluate_robustness`'s results. Dots are means over datasets, small ones the datasets. Raises
    ``ValueError`` when no change was measured.
    """
    changes = [change for change in record["settings"]["changes"] if change["name"] in record["mean"]]
    if not changes:
        raise ValueError("no change was measured; nothing to draw")
    titles = [change["title"] for change in changes]
    names_in = text_length_in(titles, TICK_SIZE)
    figure = new_figure(names_in + 6.4, 0.28 * len(changes) + 1.3)
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
    plain_axes(left, "change of macro-F1, points", "")
    plain_axes(right, "windows whose answer moved, %", "")
    left.axvline(0, color=MUTED, linewidth=1.0)
    right.axvline(LOSSLESS_LIMIT, color=MUTED, linewidth=1.0, linestyle=(0, (1, 2)))
    place = np.arange(len(changes))[::-1]
    for series, (row, title) in enumerate(ROWS.items()):
        at = place + (0.17 if series == 0 else -0.17)
        color = color_of(series)
        for y, change in zip(at, changes, strict=True):
            mean = record["mean"][change["name"]][row]
            each = [record["signals"][dataset][change["name"]][row] for dataset in mean["datasets"]]
            for axes, key in ((left, "difference"), (right, "moved")):
                own = [100 * score[key] for score in each]
                axes.plot(own, [y] * len(own), ".", color=color, alpha=0.35, markersize=3, markeredgewidth=0)
                axes.plot([100 * mean[key]], [y], "o", color=color, markersize=4.5, label=title, zorder=3)
            if mean["interval"]:
                left.plot([100 * bound for bound in mean["interval"]], [y, y], color=color, linewidth=1.6)
    left.set_yticks(place, titles)
    left.set_ylim(-0.7, len(changes) - 0.3)
    right.set_xlim(left=-1)
    handles, names = left.get_legend_handles_labels()
    first = dict(zip(names, handles, strict=True))
    figure.legend(
        first.values(),
        first.keys(),
        loc="outside lower center",
        ncols=2,
        frameon=False,
        prop={"family": FONT, "size": SMALL_SIZE},
    )
    return save_figure(figure, out_path)
