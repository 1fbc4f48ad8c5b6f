"""Bodies that move, as stick figures above the signals of what they wear; simulated beside real windows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from har.plots.recordings import UNITS, ExampleWindow
from har.plots.style import FONT, INK, MUTED, SMALL_SIZE, color_of, new_figure, plain_axes, save_figure, shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = 4
CELL_WIDTH_IN, FIGURES_HEIGHT_IN, SIGNAL_HEIGHT_IN = 3.3, 1.15, 0.95
AZIMUTH_RAD, ELEVATION_RAD = 0.5, 0.15  # the viewer stands at the left, a little ahead, a little above
FIGURE_SPACING_M = 0.95
LEFT, RIGHT, MIDDLE = color_of(0), color_of(1), INK
HEADING_LENGTH = 58
SMALLEST_SPAN_G = 0.6  # of the axis of accelerations: rest must look like rest


@dataclass(frozen=True)
class FilmedMovement:
    """A movement to draw. joints: name -> path (T, 3) in m, x forwards, y to the left, z up. bones: pairs of names;
    names that begin with "l_" or "r_" are drawn in the colour of their side. acceleration: placement -> (T, 3) in g.
    grounded: put the lowest point of each figure on the ground."""

    label: str
    rate_hz: float
    joints: Mapping[str, np.ndarray]
    bones: Sequence[tuple[str, str]]
    acceleration: Mapping[str, np.ndarray]
    grounded: bool = True


def plot_bodies(
    movements: Sequence[FilmedMovement], out_path: str | Path, title: str = "", phases: int = 6, columns: int = COLUMNS
) -> Path:
    """Each movement in ``phases`` figures from its beginning to its end, above the magnitude of its accelerations.

    Raises ``ValueError`` when there is nothing to draw, a path is not (T, 3), or a bone has no end.
    """
    if not movements or phases < 1:
        raise ValueError(f"{len(movements)} movements in {phases} phases; expected at least one of each")
    for movement in movements:
        _check(movement)
    columns = min(columns, len(movements))
    rows = -(-len(movements) // columns)
    figure = new_figure(
        columns * CELL_WIDTH_IN, rows * (FIGURES_HEIGHT_IN + SIGNAL_HEIGHT_IN) + 0.5 * bool(title) + 0.25, title
    )
    grid = figure.subplots(
        2 * rows, columns, squeeze=False, gridspec_kw={"height_ratios": [FIGURES_HEIGHT_IN, SIGNAL_HEIGHT_IN] * rows}
    )
    for place in range(rows * columns):
        row, column = divmod(place, columns)
        upper, lower = grid[2 * row, column], grid[2 * row + 1, column]
        if place < len(movements):
            _draw_figures(upper, movements[place], phases)
            _draw_signals(lower, movements[place], phases, labelled=column == 0)
        else:
            upper.set_axis_off()
            lower.set_axis_off()
    handles, names = grid[1, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=len(names), fontsize=SMALL_SIZE + 1, frameon=False)
    return save_figure(figure, out_path)


def _check(movement: FilmedMovement) -> None:
    lengths = {np.shape(path) for path in (*movement.joints.values(), *movement.acceleration.values())}
    if len(lengths) != 1 or len(next(iter(lengths))) != 2 or next(iter(lengths))[1] != 3 or next(iter(lengths))[0] < 2:
        raise ValueError(f"{movement.label!r}: paths of shapes {sorted(lengths)}; expected one (T, 3) for all")
    missing = {end for bone in movement.bones for end in bone} - set(movement.joints)
    if missing or not movement.bones:
        raise ValueError(f"{movement.label!r}: bones end in {sorted(missing)}; expected names of joints")


def _shown_frames(movement: FilmedMovement, phases: int) -> np.ndarray:
    """Frames of the figures: the middles of equal parts."""
    frames = len(next(iter(movement.joints.values())))
    return ((np.arange(phases) + 0.5) * frames / phases).astype(int)


def project(points: np.ndarray) -> np.ndarray:
    """Where a viewer at the left sees points (..., 3): (..., 2), across and up, in m."""
    x, y, z = np.moveaxis(np.asarray(points, dtype=np.float64), -1, 0)
    across = x * np.cos(AZIMUTH_RAD) - y * np.sin(AZIMUTH_RAD)
    depth = x * np.sin(AZIMUTH_RAD) + y * np.cos(AZIMUTH_RAD)
    return np.stack([across, z * np.cos(ELEVATION_RAD) - depth * np.sin(ELEVATION_RAD)], axis=-1)


def _draw_figures(axes: Axes, movement: FilmedMovement, phases: int) -> None:
    from matplotlib.collections import LineCollection

    frames = _shown_frames(movement, phases)
    joints = {name: np.asarray(path)[frames] for name, path in movement.joints.items()}
    heights = np.stack([path[:, 2] for path in joints.values()])
    lowest = heights.min(axis=0) if movement.grounded else np.full(phases, heights.min())
    ends = {}
    for name, path in joints.items():
        flat = project(path - np.stack([0 * lowest, 0 * lowest, lowest], axis=1))
        ends[name] = flat + np.stack([np.arange(phases) * FIGURE_SPACING_M, 0 * lowest], axis=1)
    # What is farther from the viewer, the right side, is drawn first.
    for prefix, color in (("r_", RIGHT), ("", MIDDLE), ("l_", LEFT)):
        bones = [bone for bone in movement.bones if _side(bone) == prefix]
        lines = [np.stack([ends[a][k], ends[b][k]]) for a, b in bones for k in range(phases)]
        axes.add_collection(LineCollection(lines, colors=color, linewidths=1.3, capstyle="round"))
    span = max(2.0, float(heights.max() - lowest.min()))
    axes.axhline(0, color=MUTED, linewidth=0.6)
    axes.set_xlim(-0.9, (phases - 1) * FIGURE_SPACING_M + 0.9)
    axes.set_ylim(-0.15, span)
    axes.set_aspect("equal", adjustable="box", anchor="SW")
    axes.set_axis_off()
    axes.set_title(movement.label, fontsize=SMALL_SIZE + 2, fontfamily=FONT, color=INK, loc="left", pad=2)


def _side(bone: tuple[str, str]) -> str:
    first, second = (end[:2] if end[:2] in ("l_", "r_") else "" for end in bone)
    return first if first == second else ""


def _draw_signals(axes: Axes, movement: FilmedMovement, phases: int, labelled: bool) -> None:
    plain_axes(axes, "", "", "acc (g)" if labelled else "")
    spread = SMALLEST_SPAN_G
    for number, (placement, samples) in enumerate(movement.acceleration.items()):
        magnitude = np.linalg.norm(np.asarray(samples, dtype=np.float64), axis=1)
        time_s = np.arange(len(magnitude)) / movement.rate_hz
        axes.plot(time_s, magnitude, color=color_of(number + 2), linewidth=0.8, label=placement)
        spread = max(spread, float(np.abs(magnitude - 1).max()))
    for frame in _shown_frames(movement, phases):
        axes.axvline(frame / movement.rate_hz, color=MUTED, linewidth=0.5, linestyle=":")
    axes.set_ylim(max(0.0, 1 - 1.1 * spread), 1 + 1.1 * spread)
    axes.tick_params(labelsize=SMALL_SIZE - 1)


def plot_side_by_side(
    pairs: Sequence[tuple[ExampleWindow, ExampleWindow]], out_path: str | Path, title: str = ""
) -> Path:
    """Simulated windows at the left, real ones of the same activity and placement at the right, on one scale a row.

    Raises ``ValueError`` when there is no pair or the two windows of one have no sensor in common.
    """
    if not pairs:
        raise ValueError("no pairs of windows; expected a simulated and a real one each")
    kinds = [[kind for kind in UNITS if kind in a.triads and kind in b.triads] for a, b in pairs]
    for (simulated, real), common in zip(pairs, kinds, strict=True):
        if not common:
            raise ValueError(
                f"{simulated.label!r}: simulated {sorted(simulated.triads)}, real {sorted(real.triads)}; expected a "
                "sensor in common"
            )
    rows = sum(map(len, kinds))
    figure = new_figure(9.0, 1.25 * rows + 0.6, title)
    grid = figure.subplots(rows, 2, squeeze=False, sharey="row")
    row = 0
    for pair, common in zip(pairs, kinds, strict=True):
        for kind in common:
            for column, window in enumerate(pair):
                axes = grid[row, column]
                heading = shorten(f"{window.label} | {window.stream}", HEADING_LENGTH) if kind == common[0] else ""
                plain_axes(axes, heading, "", f"{kind} ({UNITS[kind]})" if column == 0 else "")
                axes.title.set_fontsize(SMALL_SIZE + 1)
                samples = np.asarray(window.triads[kind], dtype=np.float64)
                time_s = np.arange(len(samples)) / window.sampling_rate_hz
                for axis, name in enumerate("xyz"):
                    axes.plot(time_s, samples[:, axis], color=color_of(axis), linewidth=0.8, label=name)
            row += 1
    for axes in grid[-1]:
        axes.set_xlabel("time (s)", fontsize=SMALL_SIZE + 1, fontfamily=FONT, color=INK)
    handles, names = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper right", ncols=3, fontsize=SMALL_SIZE, frameon=False)
    return save_figure(figure, out_path)
