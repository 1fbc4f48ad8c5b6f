"""What a network of stage 1 makes of hidden patches, as pictures of a run folder."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from har.network.alignment import AlignmentModel
from har.plots.curves import plot_curves
from har.plots.embedding_map import plot_embedding_map
from har.plots.reconstruction import HiddenPatches, plot_reconstructions
from har.signal.channels import SENSOR_KINDS
from har.windows.index import WindowIndex
from har.windows.sampling import evenly_spaced

MAPPED_WINDOWS = 2000


def hidden_patches(
    titles: Sequence[str],
    rate_hz: float,
    kind: Tensor,
    true: Tensor,
    predicted: Tensor,
    measured: Tensor,
    hidden: Tensor,
) -> list[HiddenPatches]:
    """Examples for ``plot_reconstructions``: every sensor that a window has.

    titles: of N windows. kind: (N, S) of the sensors. true, predicted: (N, P, L, 3 S) samples in g, rad/s and uT.
    measured: (N, P, 3 S), which patches were. hidden: (N, S, P).
    """
    examples = []
    for i, title in enumerate(titles):
        for sensor in range(kind.shape[1]):
            axes = slice(3 * sensor, 3 * sensor + 3)
            there = measured[i, :, axes].all(1)
            if there.any():
                examples.append(
                    HiddenPatches(
                        title=title,
                        kind=SENSOR_KINDS[int(kind[i, sensor])],
                        sampling_rate_hz=rate_hz,
                        true=true[i, :, :, axes].cpu().numpy(),
                        predicted=predicted[i, :, :, axes].float().cpu().numpy(),
                        measured=there.cpu().numpy(),
                        hidden=hidden[i, sensor].cpu().numpy(),
                    )
                )
    return examples


@torch.no_grad()
def draw_pretraining(
    folder: Path, model: AlignmentModel, index: WindowIndex, rows: np.ndarray, examples: Sequence[HiddenPatches]
) -> None:
    """The plots of a run folder: curves, hidden patches with their reconstructions, a map of windows ``rows`` (n,)."""
    plots = folder / "plots"
    plot_curves(folder / "metrics.jsonl", plots / "curves.png")
    plot_reconstructions(examples, plots / "reconstructions.png")
    rows = evenly_spaced(rows, MAPPED_WINDOWS)
    embeddings = model.embed_rows(index, rows)
    labels = [index.labels[i] if i >= 0 else "unlabelled" for i in index.label_id[rows]]
    plot_embedding_map(
        embeddings.cpu().numpy(), labels, embeddings.new_zeros(0, embeddings.shape[1]).cpu().numpy(), [],
        plots / "embedding_map.png", "Windows of held-out people; colours are labels that training never saw",
    )  # fmt: skip
