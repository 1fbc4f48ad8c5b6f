"""What was taken for what: windows of a confusion beside windows that were recognised."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from har.plots.recordings import SMALLEST_SPAN, UNITS, ExampleWindow
from har.plots.style import (
    FONT,
    INK,
    LABEL_SIZE,
    MUTED,
    SMALL_SIZE,
    color_of,
    new_figure,
    plain_axes,
    save_figure,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMN_WIDTH_IN, ROW_HEIGHT_IN = 3.5, 2.05
TITLE_WIDTH = 48
MAGNITUDE = "magnitude"
LABEL = {"fontsize": LABEL_SIZE, "fontfamily": FONT, "color": INK}


@dataclass(frozen=True)
class ConfusedWindows:
    """One confusion: a ``share`` of the windows of ``true`` was taken for ``predicted``.

    recognised, confused: windows of ``true`` that were recognised and taken for the other label. other: a window of
    ``predicted`` that was recognised. None where there is none of the kind. Each needs the triad "acc", (T, 3) in g,
    NaN where a sample is missing; captions are drawn, such as whose window it is.
    """

    true: str
    predicted: str
    share: float
    recognised: ExampleWindow | None
    confused: ExampleWindow | None
    other: ExampleWindow | None

    def panels(self) -> list[tuple[str, ExampleWindow | None]]:
        """Title and window of each of the three panels, from left to right."""
        percent = f"{100 * self.share:.0f} %" if self.share >= 0.01 else "less than 1 %"
        return [
            (f"{self.true}, recognised", self.recognised),
            (f"{self.true}, taken for {self.predicted} ({percent} of its windows)", self.confused),
            (f"{self.predicted}, recognised", self.other),
        ]


def plot_confused_windows(examples: Sequence[ConfusedWindows], out_path: str | Path, title: str = "") -> Path:
    """Draw one row a confusion: recognised, confused, and what it was confused with, with one y-range a row.

    x, y and z have one colour each; the magnitude is the thin grey line, which no mounting changes. All panels span the
    longest window, so that a short one shows what it lacks. Raises ``ValueError`` when there is no confusion, and for a
    window whose accelerometer is not (T, 3) or was not there at all.
    """
    if not examples:
        raise ValueError("no confusions to draw; where everything is recognised there is no such figure")
    windows = [window for example in examples for _, window in example.panels() if window is not None]
    for window in windows:
        acceleration = np.asarray(window.triads.get("acc", ()), dtype=np.float64)
        if acceleration.ndim != 2 or acceleration.shape[1] != 3 or not np.isfinite(acceleration).all(axis=1).any():
            raise ValueError(
                f"{window.stream}, {window.label!r}: acc of shape {acceleration.shape}; expected (T, 3), not all "
                "missing"
            )
    longest_s = max((len(w.triads["acc"]) / w.sampling_rate_hz for w in windows), default=1.0)
    figure = new_figure(3 * COLUMN_WIDTH_IN, ROW_HEIGHT_IN * len(examples) + 0.5, title)
    grid = figure.subplots(len(examples), 3, squeeze=False, sharey="row")
    handles = {}
    for row, (example, line) in enumerate(zip(examples, grid, strict=True)):
        panels = example.panels()
        present = [column for column, (_, window) in enumerate(panels) if window is not None]
        line[0].set_ylim(*_range([panels[column][1] for column in present]))
        for column, (axes, (heading, window)) in enumerate(zip(line, panels, strict=True)):
            plain_axes(axes, _wrap(heading))
            axes.set_xlim(0, longest_s)
            if window is None:
                _say_that_there_is_none(axes)
                continue
            _draw_window(axes, window)
            handles |= {curve.get_label(): curve for curve in axes.lines}
            # The first panel with an axis names it for its row, the last row for all above.
            axes.tick_params(labelleft=column == present[0])
            if column == present[0]:
                axes.set_ylabel(f"acc ({UNITS['acc']})", **LABEL)
            if row == len(examples) - 1:
                axes.set_xlabel("time (s)", **LABEL)
    if handles:
        legend = figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=4, frameon=False)
        for entry in legend.get_texts():
            entry.set(fontfamily=FONT, color=INK, fontsize=SMALL_SIZE + 1)
    return save_figure(figure, out_path)


def _wrap(heading: str) -> str:
    """Lines of a panel's width; what stands in brackets stays together."""
    tied = re.sub(r"\([^)]*\)", lambda found: found[0].replace(" ", "\N{NO-BREAK SPACE}"), heading)
    return textwrap.fill(tied, TITLE_WIDTH).replace("\N{NO-BREAK SPACE}", " ")


def _draw_window(axes: Axes, window: ExampleWindow) -> None:
    acceleration = np.asarray(window.triads["acc"], dtype=np.float64)
    time_s = np.arange(len(acceleration)) / window.sampling_rate_hz
    for axis, name in enumerate("xyz"):
        axes.plot(time_s, acceleration[:, axis], color=color_of(axis), linewidth=1.1, label=name)
    magnitude = np.linalg.norm(acceleration, axis=1)
    axes.plot(time_s, magnitude, color=MUTED, linewidth=0.6, label=MAGNITUDE, zorder=1.5)
    small = {"fontsize": SMALL_SIZE - 1, "fontfamily": FONT, "color": MUTED}
    axes.text(0.99, 0.02, window.caption, transform=axes.transAxes, ha="right", va="bottom", **small)


def _say_that_there_is_none(axes: Axes) -> None:
    """An empty panel that does not look like a signal of nothing."""
    axes.grid(False)
    axes.tick_params(left=False, bottom=False, labelleft=False, labelbottom=False)
    for side in axes.spines.values():
        side.set_visible(False)
    text = LABEL | {"color": MUTED}
    axes.text(0.5, 0.5, "no such window", transform=axes.transAxes, ha="center", va="center", **text)


def _range(windows: Sequence[ExampleWindow]) -> tuple[float, float]:
    """All that the row shows, and at least what makes rest look like rest."""
    low, high = -SMALLEST_SPAN["acc"], SMALLEST_SPAN["acc"]
    for window in windows:
        acceleration = np.asarray(window.triads["acc"], dtype=np.float64)
        low = min(low, np.nanmin(acceleration))
        high = max(high, np.nanmax(np.linalg.norm(acceleration, axis=1)))
    margin = 0.04 * (high - low)
    return low - margin, high + margin
