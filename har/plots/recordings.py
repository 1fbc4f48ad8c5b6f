"""One window of each activity and stream of a dataset: to see at a glance that axes, units and labels are right."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from har.plots.style import FONT, INK, LABEL_SIZE, MUTED, SMALL_SIZE, color_of, new_figure, plain_axes, save_figure

if TYPE_CHECKING:
    from matplotlib.figure import SubFigure

COLUMNS = 4
CELL_WIDTH_IN, TRIAD_HEIGHT_IN, TITLE_HEIGHT_IN, HEADER_HEIGHT_IN = 3.2, 1.1, 0.55, 0.4
TITLE_WIDTH = 38
UNITS = {"acc": "g", "gyro": "rad/s", "mag": "µT"}
# Rest must look like rest: an axis never spans less than this.
SMALLEST_SPAN = {"acc": 1.25, "gyro": 1.0, "mag": 60.0}


@dataclass(frozen=True)
class ExampleWindow:
    """A window of one stream. triads: sensor kind ("acc", "gyro", "mag") -> samples (T, 3) in g, rad/s or uT."""

    stream: str
    label: str
    caption: str
    sampling_rate_hz: float
    triads: dict[str, np.ndarray]


def plot_example_windows(windows: Sequence[ExampleWindow], out_path: str | Path, title: str = "") -> Path:
    """Draw the windows in a grid, stream by stream in the given order; x, y, z in one colour each.

    Raises ``ValueError`` when there is no window, or one without samples of shape (T, 3).
    """
    if not windows:
        raise ValueError("no windows to draw; expected one per activity and stream")
    for window in windows:
        for kind, samples in window.triads.items():
            if kind not in UNITS or np.ndim(samples) != 2 or np.shape(samples)[1] != 3 or not len(samples):
                shape = np.shape(samples)
                raise ValueError(
                    f"{window.stream}, {window.label!r}: {kind} of shape {shape}; expected (T, 3) of {list(UNITS)}"
                )
    groups = [[w for w in windows if w.stream == name] for name in dict.fromkeys(w.stream for w in windows)]
    columns = min(COLUMNS, max(len(group) for group in groups))
    heights = [_rows(group, columns) * _cell_height(group) + HEADER_HEIGHT_IN for group in groups]
    figure = new_figure(columns * CELL_WIDTH_IN, sum(heights) + 0.4, title)
    parts = figure.subfigures(len(groups), 1, height_ratios=heights, squeeze=False)[:, 0]
    for part, group in zip(parts, groups, strict=True):
        _draw_stream(part, group, columns)
    return save_figure(figure, out_path)


def _rows(group: list[ExampleWindow], columns: int) -> int:
    return -(-len(group) // columns)


def _cell_height(group: list[ExampleWindow]) -> float:
    return max(len(window.triads) for window in group) * TRIAD_HEIGHT_IN + TITLE_HEIGHT_IN


def _draw_stream(part: SubFigure, group: list[ExampleWindow], columns: int) -> None:
    kinds = [kind for kind in UNITS if any(kind in window.triads for window in group)]
    rows = _rows(group, columns)
    font = {"fontfamily": FONT, "color": INK}
    part.suptitle(group[0].stream, fontsize=LABEL_SIZE + 1, fontweight="bold", x=0.01, ha="left", **font)
    grid = part.subplots(rows * len(kinds), columns, squeeze=False)
    for place in range(rows * columns):
        row, column = divmod(place, columns)
        for line, kind in enumerate(kinds):
            axes = grid[row * len(kinds) + line, column]
            if place >= len(group) or kind not in group[place].triads:
                axes.set_axis_off()
                continue
            window = group[place]
            samples = np.asarray(window.triads[kind], dtype=np.float64)
            heading = textwrap.fill(window.label, TITLE_WIDTH) if line == 0 else ""
            plain_axes(axes, heading, "", f"{kind} ({UNITS[kind]})" if column == 0 else "")
            for axis, name in enumerate("xyz"):
                time_s = np.arange(len(samples)) / window.sampling_rate_hz
                axes.plot(time_s, samples[:, axis], color=color_of(axis), linewidth=0.9, label=name)
            span = 1.08 * max(SMALLEST_SPAN[kind], float(np.abs(samples).max()))
            axes.set_ylim(-span, span)
            if line == 0:
                place_y = "bottom" if "\n" not in heading else "top"
                small = {"fontsize": SMALL_SIZE - 1, "fontfamily": FONT, "color": MUTED}
                axes.text(1, 1, window.caption, transform=axes.transAxes, ha="right", va=place_y, **small)
            if line < len(kinds) - 1:
                axes.tick_params(labelbottom=False)
            elif place + columns >= len(group):
                axes.set_xlabel("time (s)", fontsize=LABEL_SIZE - 1, **font)
    handles, names = grid[0, 0].get_legend_handles_labels()
    part.legend(handles, names, loc="upper right", ncols=3, fontsize=SMALL_SIZE + 1, frameon=False)
