"""Reliability and risk against coverage, from the record of a zero-shot evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from har.plots.style import FONT, INK, MUTED, SMALL_SIZE, color_of, new_figure, plain_axes, save_figure

_LARGEST, _SMALLEST = 60.0, 4.0  # area in points of the mark of a bin: of all windows, and at least


def plot_trust(trust: Mapping[str, Mapping], out_path: str | Path, title: str = "") -> Path:
    """Draw two panels: how often answers are right by how sure they are, and what is wrong among the surest.

    trust: how windows were named -> `calibration_scores`. A mark's area is its bin's share of the windows; on the
    dotted line probabilities are true. Raises ``ValueError`` for nothing to draw.
    """
    if not trust:
        raise ValueError("no probabilities were scored; nothing to draw")
    figure = new_figure(6.6, 3.4, title)
    reliability, risk = figure.subplots(1, 2)
    plain_axes(reliability, "", "largest probability", "share right")
    plain_axes(risk, "", "share of windows answered, surest first", "share wrong")
    reliability.plot([0, 1], [0, 1], color=MUTED, linewidth=1.0, linestyle=(0, (1, 2)))
    for series, (how, scores) in enumerate(trust.items()):
        color, curve, wrong = color_of(series), scores["reliability"], scores["risk_coverage"]
        share = [count / sum(curve["windows"]) for count in curve["windows"]]
        name = f"{how} (ECE {100 * scores['ece']:.1f} %)"
        reliability.plot(curve["confidence"], curve["accuracy"], color=color, linewidth=1.2, label=name)
        areas = [_SMALLEST + _LARGEST * part for part in share]
        reliability.scatter(curve["confidence"], curve["accuracy"], s=areas, color=color, linewidths=0)
        risk.plot(wrong["coverage"], wrong["risk"], color=color, linewidth=1.4)
    for axes in (reliability, risk):
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
    legend = figure.legend(*reliability.get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    for entry in legend.get_texts():
        entry.set(fontfamily=FONT, color=INK, fontsize=SMALL_SIZE)
    return save_figure(figure, out_path)
