"""Similarity matrix of label embeddings, neighbours side by side."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from har.plots.style import (
    FONT,
    INK,
    LABEL_SIZE,
    SMALL_SIZE,
    TICK_SIZE,
    TITLE_SIZE,
    new_figure,
    plain_axes,
    save_figure,
    shorten_distinctly,
    text_length_in,
)

# How far the two triangles may differ: float32 products of the same vectors do, a wrong matrix differs by far more.
_SYMMETRY_TOLERANCE = 1e-3


def similarity_order(matrix: np.ndarray) -> list[int]:
    """Order of the labels in which neighbours are alike: average-linkage clustering of 1 - similarity.

    matrix: (L, L), symmetric. The leaves are ordered optimally (Bar-Joseph et al., Bioinformatics 2001): among the
    orders that the tree allows, the one with the most similar neighbours.
    """
    if len(matrix) < 3:
        return list(range(len(matrix)))
    from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering
    from scipy.spatial.distance import squareform

    distance_LL = np.clip(1 - (matrix + matrix.T) / 2, 0, None)
    np.fill_diagonal(distance_LL, 0)
    condensed = squareform(distance_LL, checks=False)
    return leaves_list(optimal_leaf_ordering(linkage(condensed, "average"), condensed)).tolist()


def plot_similarity(
    matrix: np.ndarray, labels: Sequence[str], out_path: str | Path, title: str = "Similarity of the label embeddings"
) -> Path:
    """Draw cosine similarities (L, L) of labels, ordered by `similarity_order`.

    The colour scale is symmetric about 0 up to 1: blue is unlike, red is alike.

    Raises ``ValueError`` when the matrix is not (L, L), not finite, not symmetric, or leaves [-1, 1].
    """
    matrix_LL = np.asarray(matrix, dtype=np.float64)
    if matrix_LL.shape != (len(labels), len(labels)) or not len(labels):
        raise ValueError(
            f"similarities of shape {matrix_LL.shape}; expected ({len(labels)}, {len(labels)}), a row and a column for "
            "each label, at least one"
        )
    if not np.isfinite(matrix_LL).all() or np.abs(matrix_LL).max() > 1 + _SYMMETRY_TOLERANCE:
        raise ValueError("similarities are not finite or outside [-1, 1]; expected cosines of unit embeddings")
    if np.abs(matrix_LL - matrix_LL.T).max() > _SYMMETRY_TOLERANCE:
        raise ValueError("similarities are not symmetric; expected those of one set of embeddings with itself")
    order = similarity_order(matrix_LL)
    size = len(order)
    cell = 0.3 if size <= 20 else 0.17 if size <= 50 else 0.12
    names = shorten_distinctly([labels[i] for i in order], 40)
    font = TICK_SIZE if size <= 20 else SMALL_SIZE if size <= 50 else 5.5
    margin = text_length_in(names, font)
    width = max(cell * size + margin + 1.3, text_length_in([title], TITLE_SIZE))
    figure = new_figure(width, cell * size + margin + 0.5, title, layout="compressed")
    axes = plain_axes(figure.add_subplot(), grid=False)
    image = axes.imshow(matrix_LL[np.ix_(order, order)], cmap="RdBu_r", vmin=-1, vmax=1, aspect="equal")
    axes.set_xticks(range(size), names, rotation=90, fontsize=font)
    axes.set_yticks(range(size), names, fontsize=font)
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    bar = figure.colorbar(image, ax=axes, shrink=min(1.0, 2.5 / (cell * size)), pad=0.02, ticks=[-1, -0.5, 0, 0.5, 1])
    bar.set_label("cosine similarity", fontsize=LABEL_SIZE, fontfamily=FONT, color=INK)
    bar.ax.tick_params(labelsize=TICK_SIZE, labelfontfamily=FONT)
    bar.outline.set_visible(False)
    return save_figure(figure, out_path)
