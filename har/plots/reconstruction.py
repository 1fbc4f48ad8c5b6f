"""Hidden patches of windows: what a decoder drew over what was there."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from har.plots.recordings import UNITS
from har.plots.style import FONT, GRID, INK, SMALL_SIZE, color_of, new_figure, plain_axes, save_figure

COLUMNS = 3
MOST_DRAWN = 15
TITLE_WIDTH = 52


@dataclass(frozen=True)
class HiddenPatches:
    """A sensor of one window. true, predicted: (P, L, 3) patches in the kind's unit; measured, hidden: (P,) bool."""

    title: str
    kind: str
    sampling_rate_hz: float
    true: np.ndarray
    predicted: np.ndarray
    measured: np.ndarray
    hidden: np.ndarray


def plot_reconstructions(examples: Sequence[HiddenPatches], out_path: str | Path, title: str = "") -> Path:
    """Draw the true signal thin, and in the shaded hidden patches the reconstruction bold; one colour an axis.

    At most ``MOST_DRAWN`` are drawn. Raises ``ValueError`` when there is none.
    """
    if not examples:
        raise ValueError("no reconstructions to draw; expected at least one sensor of one window")
    examples = examples[:MOST_DRAWN]
    columns = min(COLUMNS, len(examples))
    rows = -(-len(examples) // columns)
    figure = new_figure(4.2 * columns, 2.1 * rows + 0.4, title or "Hidden patches (shaded): true thin, predicted bold")
    for number, example in enumerate(examples):
        unit = UNITS[example.kind]
        last_row = number + columns >= len(examples)
        axes = plain_axes(figure.add_subplot(rows, columns, number + 1), "", "s" if last_row else "", unit)
        axes.set_title(
            "\n".join(textwrap.wrap(example.title, TITLE_WIDTH)[:3]),
            fontsize=SMALL_SIZE, fontfamily=FONT, color=INK, loc="left",
        )  # fmt: skip
        patches, length, _ = example.true.shape
        time = np.arange(patches * length).reshape(patches, length) / example.sampling_rate_hz
        for p in range(patches):
            if example.hidden[p] and example.measured[p]:
                axes.axvspan(time[p, 0], time[p, -1], color=GRID, linewidth=0)
        for axis in range(3):
            true = np.where(example.measured[:, None], example.true[..., axis], np.nan)
            shown = np.where((example.measured & example.hidden)[:, None], example.predicted[..., axis], np.nan)
            axes.plot(time.ravel(), true.ravel(), color=color_of(axis), linewidth=0.7, alpha=0.75)
            for p in range(patches):
                axes.plot(time[p], shown[p], color=color_of(axis), linewidth=1.8)
        axes.set_xlim(0, time[-1, -1])
    return save_figure(figure, out_path)
