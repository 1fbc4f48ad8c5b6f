"""Confusion matrix of a classification."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from har.plots.style import (
    FONT,
    INK,
    LABEL_SIZE,
    MUTED,
    SEQUENTIAL,
    TICK_SIZE,
    TITLE_SIZE,
    new_figure,
    plain_axes,
    save_figure,
    shorten_distinctly,
    text_length_in,
)

# From this many labels on, cells are too small for counts and small shares.
COUNTS_UP_TO = 16
SHARES_UP_TO = 40


def plot_confusion(
    matrix: np.ndarray | Sequence[Sequence[int]],
    labels: Sequence[str],
    out_path: str | Path,
    title: str = "",
    column_labels: Sequence[str] | None = None,
) -> Path:
    """Draw counts (L, L) as shares of each row: rows are the truth, columns the prediction.

    Each cell shows its share in percent and, where there is room, the count; the number of windows stands beside each
    label. A row without windows is hatched. ``column_labels`` gives an (L, M) matrix other columns than rows.

    Raises ``ValueError`` when the shape does not fit the labels, or a count is negative or not finite.
    """
    matrix_LL = np.asarray(matrix, dtype=np.float64)
    columns = list(labels if column_labels is None else column_labels)
    if matrix_LL.shape != (len(labels), len(columns)) or not matrix_LL.size:
        raise ValueError(
            f"confusion matrix of shape {matrix_LL.shape}; expected ({len(labels)}, {len(columns)}), "
            "a row for each true and a column for each predicted label, at least one"
        )
    if not np.isfinite(matrix_LL).all() or (matrix_LL < 0).any():
        raise ValueError("confusion matrix holds negative or non-finite values; expected counts of windows")
    support_L = matrix_LL.sum(axis=1)
    share_LL = matrix_LL / np.maximum(support_L, 1)[:, None]

    rows = len(labels)
    size = max(rows, len(columns))
    cell = 0.52 if size <= COUNTS_UP_TO else 0.33 if size <= SHARES_UP_TO else 0.22
    row_names, column_names = shorten_distinctly(labels, 34), shorten_distinctly(columns, 34)
    # The names beside and (slanted) below the cells, then room for axis titles, colour bar and title.
    width = max(cell * len(columns) + text_length_in(row_names, TICK_SIZE) + 2.0, text_length_in([title], TITLE_SIZE))
    height = cell * rows + 0.71 * text_length_in(column_names, TICK_SIZE) + 0.9
    figure = new_figure(width, height, title, layout="compressed")
    axes = plain_axes(figure.add_subplot(), x_label="predicted", y_label="truth (windows)", grid=False)
    image = axes.imshow(share_LL, cmap=SEQUENTIAL, vmin=0, vmax=1, aspect="equal")
    axes.set_xticks(range(len(columns)), column_names, rotation=45, ha="right", rotation_mode="anchor")
    counted = [f"{name} ({int(n)})" for name, n in zip(row_names, support_L, strict=True)]
    axes.set_yticks(range(rows), counted)
    axes.tick_params(length=0)
    # White lines between the cells instead of a frame around them.
    axes.set_xticks(np.arange(len(columns) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(rows + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1)
    axes.tick_params(which="minor", length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    for i in np.flatnonzero(support_L == 0):
        axes.axhspan(i - 0.5, i + 0.5, facecolor="none", edgecolor=MUTED, hatch="////", linewidth=0)
    _write_cells(axes, matrix_LL, share_LL)
    bar = figure.colorbar(image, ax=axes, shrink=min(1.0, 2.2 / (cell * rows)), pad=0.02, ticks=[0, 0.5, 1])
    bar.ax.set_yticklabels(["0 %", "50 %", "100 %"], fontsize=TICK_SIZE, fontfamily=FONT, color=INK)
    bar.set_label("share of the truth", fontsize=LABEL_SIZE, fontfamily=FONT, color=INK)
    bar.outline.set_visible(False)
    return save_figure(figure, out_path)


def _write_cells(axes, matrix_LL: np.ndarray, share_LL: np.ndarray) -> None:
    """Percent in each cell, the count below it in small matrices; nothing where nothing was predicted."""
    from matplotlib import colormaps

    size = max(share_LL.shape)
    if size > SHARES_UP_TO:
        return
    palette = colormaps[SEQUENTIAL]
    for i, j in np.argwhere(matrix_LL > 0):
        percent = 100 * share_LL[i, j]
        text = f"{percent:.0f}" if percent >= 1 else "<1"
        red, green, blue, _ = palette(share_LL[i, j])
        dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.55
        colour = "white" if dark else INK
        counts = size <= COUNTS_UP_TO
        axes.text(
            j,
            i - (0.14 if counts else 0),
            text,
            ha="center",
            va="center",
            fontsize=8 if counts else 6.5,
            color=colour,
            fontfamily=FONT,
        )
        if counts:
            axes.text(
                j,
                i + 0.24,
                f"{int(matrix_LL[i, j])}",
                ha="center",
                va="center",
                fontsize=5.5,
                color=colour,
                fontfamily=FONT,
                alpha=0.85,
            )
