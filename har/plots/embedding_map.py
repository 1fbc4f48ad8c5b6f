"""Windows and label texts in one plane."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from har.plots.style import (
    FONT,
    INK,
    MUTED,
    SMALL_SIZE,
    color_of,
    marker_of,
    new_figure,
    plain_axes,
    save_figure,
    shorten_distinctly,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.transforms import Bbox

MOST_WINDOWS = 2000  # t-SNE of more takes minutes and shows no more than a dense cloud
METHODS = ("tsne", "pca")


def plot_embedding_map(
    window_embeddings: np.ndarray,
    window_labels: Sequence[str],
    text_embeddings: np.ndarray,
    text_labels: Sequence[str],
    out_path: str | Path,
    title: str = "",
    method: str = "tsne",
    seed: int = 0,
) -> Path:
    """Draw windows (N, D) as dots and label texts (L, D) as named diamonds; a label's dots and diamond share colour.

    Without texts (0, D) each label is named at the middle of its windows.

    Of more than `MOST_WINDOWS` windows a seeded choice without replacement is drawn. ``method`` "tsne" (van der Maaten
    & Hinton, 2008; cosine distance, started from the principal components, so deterministic) shows neighbourhoods;
    "pca" shows true directions, with the share of variance on the axes. The figure says which it is.

    Raises ``ValueError`` for shapes that do not fit, non-finite embeddings, or an unknown method.
    """
    windows_ND = np.asarray(window_embeddings, dtype=np.float64)
    texts_LD = np.asarray(text_embeddings, dtype=np.float64)
    _check(windows_ND, window_labels, "window", least=1)
    _check(texts_LD, text_labels, "text", least=0)
    if windows_ND.shape[1] != texts_LD.shape[1]:
        raise ValueError(
            f"window embeddings are {windows_ND.shape[1]} wide, text embeddings {texts_LD.shape[1]}; expected the same"
        )
    if len(windows_ND) + len(texts_LD) < 3:
        raise ValueError(f"{len(windows_ND)} windows and {len(texts_LD)} texts span no plane; give at least 3 points")
    if len(windows_ND) > MOST_WINDOWS:
        chosen = np.sort(np.random.default_rng(seed).choice(len(windows_ND), MOST_WINDOWS, replace=False))
    else:
        chosen = np.arange(len(windows_ND))
    labels = [window_labels[i] for i in chosen]
    plane, how = project(np.concatenate([windows_ND[chosen], texts_LD]), method, seed)
    windows_N2, texts_L2 = plane[: len(chosen)], plane[len(chosen) :]
    count = f"{len(chosen)} of {len(windows_ND)} windows" if len(chosen) < len(windows_ND) else f"{len(chosen)} windows"

    figure = new_figure(7.2, 6.0, title)
    diamonds = f", {len(texts_L2)} label texts (diamonds)" if len(texts_L2) else ""
    caption = f"{how['name']}; {count} (dots){diamonds}"
    axes = plain_axes(figure.add_subplot(), caption, grid=False)
    axes.set_xlabel(how["x"], fontsize=SMALL_SIZE, fontfamily=FONT, color=MUTED)
    axes.set_ylabel(how["y"], fontsize=SMALL_SIZE, fontfamily=FONT, color=MUTED)
    axes.set_xticks([])
    axes.set_yticks([])
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(method == "pca")  # the axes of t-SNE mean nothing
    names = [*text_labels, *sorted(set(labels) - set(text_labels))]
    for i, name in enumerate(names):
        rows = [k for k, label in enumerate(labels) if label == name]
        if rows:
            axes.scatter(*windows_N2[rows].T, s=9, color=color_of(i), marker=marker_of(i), alpha=0.45, linewidths=0)
    colors = [color_of(i) for i in range(len(texts_L2))]
    axes.scatter(*texts_L2.T, s=58, marker="D", c=colors, edgecolors=INK, linewidths=1.1, zorder=4)
    axes.margins(0.09)
    axes.autoscale_view()
    if not len(texts_L2):
        texts_L2 = np.array([np.median(windows_N2[[label == name for label in labels]], axis=0) for name in names])
    _name_points(figure, axes, texts_L2, shorten_distinctly(names[: len(texts_L2)], 34))
    return save_figure(figure, out_path)


def project(points_PD: np.ndarray, method: str, seed: int) -> tuple[np.ndarray, dict[str, str]]:
    """Points (P, D) in a plane (P, 2), and how to caption it: "name", "x", "y"."""
    if method == "pca":
        from sklearn.decomposition import PCA

        pca = PCA(2, svd_solver="full")
        plane = pca.fit_transform(points_PD)
        first, second = (f"{100 * share:.0f} % of the variance" for share in pca.explained_variance_ratio_)
        return plane, {"name": "PCA", "x": first, "y": second}
    if method == "tsne":
        from sklearn.manifold import TSNE

        perplexity = min(30.0, (len(points_PD) - 1) / 3)
        tsne = TSNE(2, perplexity=perplexity, metric="cosine", init="pca", learning_rate="auto", random_state=seed)
        plane = tsne.fit_transform(points_PD.astype(np.float32))
        return plane, {"name": f"t-SNE, perplexity {perplexity:.0f}, cosine", "x": "", "y": ""}
    raise ValueError(f"method {method!r} is unknown; expected one of {', '.join(METHODS)}")


def _check(embeddings: np.ndarray, labels: Sequence[str], kind: str, least: int) -> None:
    if embeddings.ndim != 2 or len(embeddings) != len(labels) or len(labels) < least:
        raise ValueError(
            f"{kind} embeddings of shape {embeddings.shape}; expected ({len(labels)}, D), one row for each of the "
            f"{len(labels)} {kind} labels, at least {least}"
        )
    if not np.isfinite(embeddings).all():
        raise ValueError(f"{kind} embedding {int(np.argwhere(~np.isfinite(embeddings))[0, 0])} is not finite")


def _name_points(figure: Figure, axes: Axes, points_L2: np.ndarray, names: Sequence[str]) -> None:
    """Write each name near its point, where it covers the fewest other names and points; a line leads to far ones."""
    from matplotlib.patheffects import withStroke

    figure.draw_without_rendering()  # settles the layout, so that data can be turned into pixels
    figure.set_layout_engine("none")
    renderer = figure.canvas.get_renderer()
    pixels_L2 = axes.transData.transform(points_L2)
    frame = axes.get_window_extent(renderer)
    placed: list[Bbox] = []
    # Points in the crowd first: they have the least freedom.
    crowd = np.linalg.norm(pixels_L2[:, None] - pixels_L2[None], axis=-1)
    for i in np.argsort(np.sort(crowd, axis=1)[:, 1 : 1 + min(3, len(names) - 1)].sum(axis=1), kind="stable"):
        text = axes.text(
            *points_L2[i],
            names[i],
            fontsize=SMALL_SIZE,
            fontfamily=FONT,
            color=INK,
            zorder=5,
            ha="center",
            va="center",
            path_effects=[withStroke(linewidth=2, foreground="white")],
        )
        box = text.get_window_extent(renderer)
        centre = _best_place(pixels_L2[i], box.width, box.height, placed, pixels_L2, frame)
        placed.append(_box_at(centre, box.width, box.height))
        text.set_position(axes.transData.inverted().transform(centre))
        edge = np.clip(pixels_L2[i], placed[-1].min, placed[-1].max)
        if np.linalg.norm(edge - pixels_L2[i]) > 24:
            ends = axes.transData.inverted().transform([pixels_L2[i], edge])
            axes.plot(*ends.T, color=MUTED, linewidth=0.6, zorder=3)


def _best_place(
    point: np.ndarray, width: float, height: float, placed: Sequence[Bbox], points_L2: np.ndarray, frame: Bbox
) -> np.ndarray:
    """Centre (2,) in pixels for a box near ``point``: least overlap first, then least distance."""
    best, lowest = point, np.inf
    for reach in (14, 22, 34, 52, 74, 100):
        for angle in np.linspace(0, 2 * np.pi, 16, endpoint=False):
            direction = np.array([np.cos(angle), np.sin(angle)])
            centre = point + direction * (reach + np.array([width, height]) / 2)
            box = _box_at(centre, width, height)
            overlap = sum(_overlap(box, other) for other in placed)
            # A diamond reaches 12 pixels to each side.
            hidden = ((np.abs(points_L2 - centre) - np.array([width, height]) / 2) < 12).all(axis=1).sum()
            outside = width * height - _overlap(box, frame)
            cost = overlap + 200.0 * hidden + 3 * outside + 1.5 * reach
            if cost < lowest:
                best, lowest = centre, cost
    return best


def _box_at(centre: np.ndarray, width: float, height: float) -> Bbox:
    from matplotlib.transforms import Bbox

    return Bbox.from_bounds(centre[0] - width / 2, centre[1] - height / 2, width, height)


def _overlap(a: Bbox, b: Bbox) -> float:
    """Common area of two boxes in square pixels."""
    from matplotlib.transforms import Bbox

    shared = Bbox.intersection(a, b)
    return 0.0 if shared is None else shared.width * shared.height
