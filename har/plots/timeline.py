"""What was done when: coloured spans of a recording, over its signal or day below day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from har.plots.style import FONT, INK, MUTED, SMALL_SIZE, TICK_SIZE, new_figure, plain_axes, save_figure, shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH_IN, SIGNAL_HEIGHT_IN, DAY_HEIGHT_IN, LEGEND_LINE_IN = 11.0, 2.2, 0.42, 0.24
LEGEND_COLUMNS, NAME_LENGTH = 6, 26
AXIS_COLORS = (INK, "#8c1d40", "#1d3c8c")  # x, y, z; apart from the colours behind them


@dataclass(frozen=True)
class Row:
    """One line of the picture.

    title: what it is of. spans: (start, stop, name) in the unit of the time axis. envelope: times (B,), lowest and
    highest (B, 3) of a signal, in the unit of ``y_label``; None draws the spans alone.
    """

    title: str
    spans: Sequence[tuple[float, float, str]]
    envelope: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None
    y_label: str = ""


def plot_timeline(
    rows: Sequence[Row],
    colors: Mapping[str, str],
    extent: tuple[float, float],
    out_path: str | Path,
    title: str = "",
    x_label: str = "",
    tick_labels: Mapping[float, str] | None = None,
) -> Path:
    """Draw rows below each other on one time axis, and a key of the names that occur, in the order of ``colors``.

    colors: a colour for every name. extent: of the time axis. tick_labels: where its ticks stand and what they say, by
    default numbers. Raises ``ValueError`` when there is no row.
    """
    if not rows:
        raise ValueError("no rows to draw; expected one a device or a day")
    occurring = {name for row in rows for _, _, name in row.spans}
    names = [name for name in colors if name in occurring]
    heights = [DAY_HEIGHT_IN if row.envelope is None else SIGNAL_HEIGHT_IN for row in rows]
    key_in = LEGEND_LINE_IN * -(-len(names) // LEGEND_COLUMNS)
    figure = new_figure(WIDTH_IN, sum(heights) + key_in + 1.1, _literal(title))
    grid = figure.subplots(len(rows), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": heights})[:, 0]
    for axes, row in zip(grid, rows, strict=True):
        _draw_row(axes, row, colors)
    last = grid[-1]
    last.set_xlim(*extent)
    if tick_labels is not None:
        last.set_xticks(list(tick_labels), list(tick_labels.values()), fontfamily=FONT)
    last.set_xlabel(x_label, fontsize=TICK_SIZE, fontfamily=FONT, color=INK)
    from matplotlib.patches import Patch

    handles = [Patch(facecolor=colors[name], edgecolor=MUTED, linewidth=0.4) for name in names]
    figure.legend(
        handles,
        [_literal(shorten(name, NAME_LENGTH)) for name in names],
        loc="outside lower left",
        ncols=min(LEGEND_COLUMNS, max(1, len(names))),
        frameon=False,
        prop={"family": FONT, "size": TICK_SIZE},
    )
    return save_figure(figure, out_path)


def _draw_row(axes: Axes, row: Row, colors: Mapping[str, str]) -> None:
    plain_axes(axes, "", "", row.y_label, grid=row.envelope is not None)
    by_name: dict[str, list[tuple[float, float]]] = {}
    for start, stop, name in row.spans:
        by_name.setdefault(name, []).append((start, stop - start))
    if row.envelope is None:
        low, high, alpha = 0.0, 1.0, 1.0
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
    else:
        time, lowest, highest = row.envelope
        low, high, alpha = float(np.nanmin(lowest)), float(np.nanmax(highest)), 0.4
        margin = 0.05 * max(high - low, 0.1)
        low, high = low - margin, high + margin
        for axis, color in enumerate(AXIS_COLORS):
            # Up and down within each bin, so that nothing short is lost.
            values = np.stack([lowest[:, axis], highest[:, axis]], axis=1).reshape(-1)
            axes.plot(np.repeat(time, 2), values, color=color, linewidth=0.6, label="xyz"[axis], zorder=3)
        axes.legend(loc="upper right", ncols=3, frameon=False, prop={"family": FONT, "size": SMALL_SIZE})
    for name, spans in by_name.items():
        axes.broken_barh(spans, (low, high - low), facecolors=colors[name], alpha=alpha, linewidth=0, zorder=1)
    axes.set_ylim(low, high)
    side = _literal(row.title) if row.envelope is None else row.y_label
    axes.set_ylabel(side, fontsize=TICK_SIZE, fontfamily=FONT, color=INK)
    if row.envelope is None:
        axes.yaxis.label.set(rotation=0, ha="right", va="center")
    elif row.title:
        axes.set_title(_literal(row.title), fontsize=TICK_SIZE, fontfamily=FONT, color=INK, loc="left")


def _literal(text: str) -> str:
    """What people wrote is no formula, whatever dollars are in it."""
    return text.replace("$", r"\$")
