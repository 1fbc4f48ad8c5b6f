"""Few-shot curves: a score against the number of labelled windows a class, from the record of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from har.plots.style import FONT, INK, MUTED, SMALL_SIZE, color_of, new_figure, plain_axes, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLES = {"macro_f1": "macro-F1", "accuracy": "accuracy"}
BAND = 0.18  # opacity


def plot_few_shot(result: Mapping, out_path: str | Path, title: str = "", score: str = "macro_f1") -> Path:
    """Draw one panel a classifier: the score at each k with and without the label text, against the zero-shot score.

    result: the entry of a dataset in ``few_shot.json``. Lines are means, bands one standard deviation over draws
    either way; a single draw has no band. The horizontal axis is logarithmic beyond k = 1, and k = 0 stands one step
    before it; the curve with text starts there.

    Raises ``ValueError`` for an unknown score and for a result without rows.
    """
    if score not in TITLES:
        raise ValueError(f"score {score!r} is unknown; expected one of {', '.join(TITLES)}")
    classifiers = list(dict.fromkeys(row["classifier"] for row in result["rows"]))
    if not classifiers:
        raise ValueError("the result has no rows; nothing to draw")
    shots = sorted({row["shots"] for row in result["rows"]})
    figure = new_figure(2.9 * len(classifiers) + 0.5, 3.4, title)
    panels = figure.subplots(1, len(classifiers), sharey=True, squeeze=False)[0]
    for axes, classifier in zip(panels, classifiers, strict=True):
        plain_axes(axes, classifier, "labelled windows a class", TITLES[score] if axes is panels[0] else "")
        zero = result["zero_shot"][score]
        axes.axhline(zero["mean"], color=MUTED, linewidth=1.0, linestyle=(0, (1, 2)), label="zero-shot")
        for series, (text, name) in enumerate(((True, "with label text"), (False, "labelled windows alone"))):
            rows = sorted(
                (row for row in result["rows"] if row["classifier"] == classifier and row["text"] is text),
                key=lambda row: row["shots"],
            )
            points = [(0, zero)] * text + [(row["shots"], row[score]) for row in rows]
            _draw_curve(axes, points, color_of(series), name)
        axes.set_xticks([shots_position(k) for k in (0, *shots)], [str(k) for k in (0, *shots)])
        axes.set_xlim(-0.2, shots_position(shots[-1]) + 0.2)
    panels[0].set_ylim(bottom=0)
    legend = figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
    for entry in legend.get_texts():
        entry.set(fontfamily=FONT, color=INK, fontsize=SMALL_SIZE)
    return save_figure(figure, out_path)


def plot_few_shot_protocols(
    results: Mapping[str, Mapping], out_path: str | Path, title: str = "", score: str = "macro_f1"
) -> Path:
    """Draw the first classifier with text of each protocol in one panel, a curve a protocol from its zero-shot score.

    results: name of a protocol -> its entry of a dataset in ``few_shot.json``. Lines, bands and axes as in
    `plot_few_shot`. Raises ``ValueError`` for an unknown score and for results without rows.
    """
    if score not in TITLES:
        raise ValueError(f"score {score!r} is unknown; expected one of {', '.join(TITLES)}")
    if not results or not all(result["rows"] for result in results.values()):
        raise ValueError("the results have no rows; nothing to draw")
    figure = new_figure(5.4, 3.4, title)
    axes = figure.subplots()
    plain_axes(axes, "", "labelled windows a class", TITLES[score])
    ticks = {0}
    for series, (name, result) in enumerate(results.items()):
        first = result["rows"][0]["classifier"]
        rows = [row for row in result["rows"] if row["classifier"] == first and row["text"]]
        points = [(0, result["zero_shot"][score]), *sorted(((row["shots"], row[score]) for row in rows), key=_shots)]
        _draw_curve(axes, points, color_of(series), name)
        ticks |= {shots for shots, _ in points}
    axes.set_xticks([shots_position(k) for k in sorted(ticks)], [str(k) for k in sorted(ticks)])
    axes.set_xlim(-0.2, shots_position(max(ticks)) + 0.2)
    axes.set_ylim(bottom=0)
    legend = axes.legend(loc="lower right", frameon=False)
    for entry in legend.get_texts():
        entry.set(fontfamily=FONT, color=INK, fontsize=SMALL_SIZE)
    return save_figure(figure, out_path)


def _shots(point: tuple[int, Mapping]) -> int:
    return point[0]


def shots_position(shots: int) -> float:
    """Place of k on the horizontal axis: 0 at 0, 1 at 1, and one further for every doubling."""
    return 0.0 if shots == 0 else 1.0 + float(np.log2(shots))


def _draw_curve(axes: Axes, points: list[tuple[int, Mapping]], color: str, name: str) -> None:
    x = [shots_position(k) for k, _ in points]
    mean = np.array([summary["mean"] for _, summary in points])
    axes.plot(x, mean, color=color, linewidth=1.4, marker="o", markersize=3.2, label=name)
    if all(summary["sd"] is not None for _, summary in points):
        sd = np.array([summary["sd"] for _, summary in points])
        axes.fill_between(x, mean - sd, mean + sd, color=color, alpha=BAND, linewidth=0)
