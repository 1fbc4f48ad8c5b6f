"""Scores of several datasets at a glance: one dot a method, its interval as a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from har.plots.style import (
    FONT,
    GRID,
    INK,
    LABEL_SIZE,
    MUTED,
    SMALL_SIZE,
    color_of,
    new_figure,
    plain_axes,
    save_figure,
    text_length_in,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LINE_HEIGHT_IN = 0.13  # of one method; a dataset has one line for each, and one of space
PLOT_WIDTH_IN = 6.2
LEGEND_COLUMNS = 3


class Score(NamedTuple):
    """A share in [0, 1] and the bounds of its interval, None where there is none."""

    value: float
    interval: tuple[float, float] | None = None


class Method(NamedTuple):
    """A name and how it is drawn: matplotlib's marker; those that one compares with (``reference``) hollow and grey."""

    name: str
    marker: str = "o"
    reference: bool = False


def plot_overview(
    groups: Mapping[str, Mapping[str, Score]],
    methods: Sequence[Method],
    out_path: str | Path,
    title: str = "",
    x_label: str = "",
    summary: str | None = None,
) -> Path:
    """Draw ``groups`` (dataset -> method name -> score) below each other, the methods of each in the given order.

    A method that a group lacks leaves its line empty. summary: the group that stands for all others, set apart at the
    bottom. The axis is in percent and begins at 0.

    Raises ``ValueError`` when there is nothing to draw, or a score belongs to no method.
    """
    names = [method.name for method in methods]
    if not groups or not any(groups.values()):
        raise ValueError("no scores to draw; expected one dataset at least")
    if strangers := sorted({name for scores in groups.values() for name in scores} - set(names)):
        raise ValueError(f"scores of {strangers}, which are none of the methods {names}")
    # The summary goes last, whatever place it was given.
    order = sorted(groups, key=lambda group: group == summary)
    pitch = len(methods) + 1.5
    height = LINE_HEIGHT_IN * pitch * len(order)
    legend_rows = -(-len(methods) // LEGEND_COLUMNS)
    figure = new_figure(
        PLOT_WIDTH_IN + text_length_in(order, LABEL_SIZE) + 0.4, height + 0.2 * legend_rows + 0.9, title
    )
    axes = plain_axes(figure.add_subplot(), x_label=x_label)
    axes.grid(False, axis="y")
    for place, group in enumerate(order):
        top = place * pitch
        if place % 2 == 0 and group != summary:
            axes.axhspan(top - 0.5, top + pitch - 0.5, color=GRID, alpha=0.35, linewidth=0)
        if group == summary:
            axes.axhline(top - 0.5, color=INK, linewidth=0.8)
        for line, method in enumerate(methods):
            if method.name in groups[group]:
                _draw(axes, groups[group][method.name], top + line + 0.25, line, method)
    middle = [place * pitch + (pitch - 1) / 2 for place in range(len(order))]
    axes.set_yticks(middle, order)
    for label, group in zip(axes.get_yticklabels(), order, strict=True):
        label.set(fontsize=LABEL_SIZE, fontfamily=FONT, fontweight="bold" if group == summary else "normal")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_ylim(len(order) * pitch - 0.5, -0.5)
    highest = max(100 * max((s.value, *(s.interval or ()))) for scores in groups.values() for s in scores.values())
    axes.set_xlim(0, min(100.0, highest * 1.05) + 0.5)
    handles = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    shown = [name for name in names if name in handles]
    legend = figure.legend(
        [handles[name] for name in shown], shown, loc="outside lower center", ncols=LEGEND_COLUMNS, frameon=False
    )
    for entry in legend.get_texts():
        entry.set(fontfamily=FONT, color=INK, fontsize=SMALL_SIZE + 1)
    return save_figure(figure, out_path)


def _draw(axes: Axes, score: Score, y: float, number: int, method: Method) -> None:
    colour = MUTED if method.reference else color_of(number)
    if score.interval is not None:
        low, high = (100 * bound for bound in score.interval)
        axes.plot([low, high], [y, y], color=colour, linewidth=1.1, alpha=0.75, solid_capstyle="butt", zorder=2)
    axes.plot(
        [100 * score.value],
        [y],
        linestyle="none",
        marker=method.marker,
        markersize=4.6,
        markeredgecolor=colour,
        markerfacecolor="white" if method.reference else colour,
        label=method.name,
        zorder=3,
    )
