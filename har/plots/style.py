"""The common look of all figures, without global state: no pyplot, no rcParams, no display.

Figures are `matplotlib.figure.Figure` objects with the Agg canvas, so they can be drawn in any thread and beside any
backend that a notebook has chosen. The same data gives the same bytes (one version of matplotlib assumed).

The plots import matplotlib, scikit-learn and scipy inside the functions that draw: training scripts import the plots at
their start and draw at their end, and the first step need not wait for what only the last line uses.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from har.files.whole import atomic_writer

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 150

# Okabe & Ito (2008), Color Universal Design: distinguishable with every common colour blindness. Yellow, too faint for
# lines on white, is left out; black is kept for text.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#555555")
MARKERS = ("o", "^", "s", "D", "v", "P", "X", "<", ">", "*")
INK, MUTED, GRID = "#1a1a1a", "#6b6b6b", "#dddddd"
SEQUENTIAL = "Blues"
FONT = "DejaVu Sans"  # comes with matplotlib, so every machine draws the same letters
TITLE_SIZE, LABEL_SIZE, TICK_SIZE, SMALL_SIZE = 11, 9, 8, 7


def new_figure(width_in: float, height_in: float, title: str = "", layout: str = "constrained") -> Figure:
    """An empty figure of that size in inches with an Agg canvas; layout "compressed" suits square matrices."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, height_in), dpi=DPI, layout=layout, facecolor="white")
    FigureCanvasAgg(figure)
    if title:
        figure.suptitle(title, fontsize=TITLE_SIZE, fontfamily=FONT, color=INK)
    return figure


def plain_axes(axes: Axes, title: str = "", x_label: str = "", y_label: str = "", grid: bool = True) -> Axes:
    """Give axes the common look: no box, a faint grid, one font."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(MUTED)
    axes.tick_params(labelsize=TICK_SIZE, colors=MUTED, labelcolor=INK, labelfontfamily=FONT)
    if grid:
        axes.grid(True, color=GRID, linewidth=0.6)
        axes.set_axisbelow(True)
    axes.set_title(title, fontsize=LABEL_SIZE, fontfamily=FONT, color=INK, loc="left")
    axes.set_xlabel(x_label, fontsize=LABEL_SIZE, fontfamily=FONT, color=INK)
    axes.set_ylabel(y_label, fontsize=LABEL_SIZE, fontfamily=FONT, color=INK)
    return axes


def color_of(i: int) -> str:
    """Colour of the i-th series; repeats after `PALETTE`."""
    return PALETTE[i % len(PALETTE)]


def marker_of(i: int) -> str:
    """Marker of the i-th series: changes where the colours begin again, so that more series stay distinct."""
    return MARKERS[(i // len(PALETTE) + i) % len(MARKERS)]


def save_figure(figure: Figure, out_path: str | Path) -> Path:
    """Write a PNG without a date; it appears whole or not at all. The folder must exist.

    Raises ``ValueError`` when the name does not end in .png, ``FileNotFoundError`` when there is no such folder.
    """
    path = Path(out_path)
    if path.suffix != ".png":
        raise ValueError(f"{path}: figures are written as PNG; give a name that ends in .png")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path.parent} is no folder; make it before drawing into it")
    with atomic_writer(path, durable=False) as temporary, warnings.catch_warnings():
        # What the font has no letter for is drawn as a box, which says as much as the warning would.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font", category=UserWarning)
        figure.savefig(temporary, format="png", metadata={"Software": None, "Creation Time": None})
    return path


def text_length_in(texts: Sequence[str], font_size: float) -> float:
    """About how long the longest text is in inches: a letter is 0.58 of the font size wide on average."""
    return max((len(text) for text in texts), default=0) * 0.58 * font_size / 72


def shorten(text: str, length: int) -> str:
    """The text, cut to ``length`` characters with an ellipsis where it is longer."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "\N{HORIZONTAL ELLIPSIS}"


def shorten_distinctly(texts: Sequence[str], length: int) -> list[str]:
    """All texts cut to ``length`` characters; those that would become equal keep their end instead of their middle."""
    cut = [shorten(text, length) for text in texts]
    result = []
    for text, short in zip(texts, cut, strict=True):
        if cut.count(short) > 1 and len(text) > length:
            tail = (length - 1) // 2
            short = text[: length - 1 - tail].rstrip() + "\N{HORIZONTAL ELLIPSIS}" + text[-tail:].lstrip()
        result.append(short)
    return result
