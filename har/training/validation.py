"""What an aligned network makes of held-out people and datasets: scores while it learns, and pictures at the end."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from har.evaluation.metrics import classification_scores
from har.network.alignment import AlignmentModel
from har.plots.confusion import plot_confusion
from har.plots.curves import plot_curves
from har.plots.embedding_map import plot_embedding_map
from har.plots.similarity import plot_similarity
from har.run.checkpoint import load_checkpoint
from har.run.log import read_metrics
from har.text.label_bank import LearnableLabelBank
from har.windows.index import WindowIndex

SCORES = ("macro_f1", "accuracy")


def closed_set(index: WindowIndex, rows: np.ndarray, embeddings: Tensor, bank: LearnableLabelBank) -> dict[str, dict]:
    """Dataset -> ``classification_scores`` of its windows among the labels that they have.

    rows: (n,) of the index. embeddings: (n, D) of those windows.
    """
    results = {}
    for dataset_id in np.unique(index.dataset_id[rows]):
        mine = np.flatnonzero(index.dataset_id[rows] == dataset_id)
        truth = [index.labels[i] for i in index.label_id[rows[mine]]]
        labels = sorted(set(truth))
        predicted, _ = bank.classify(embeddings[torch.from_numpy(mine).to(embeddings.device)], labels)
        results[index.datasets[dataset_id]] = classification_scores(truth, predicted, labels)
    return results


def validate(
    model: AlignmentModel, bank: LearnableLabelBank, parts: Mapping[str, tuple[WindowIndex | None, np.ndarray]]
) -> dict[str, dict[str, Any]]:
    """Name of each part that has windows -> closed-set scores: means over its datasets, and those of each.

    parts: name -> index and rows (n,) of it.
    """
    scores: dict[str, dict[str, Any]] = {}
    for name, (index, rows) in parts.items():
        if index is not None and len(rows):
            results = closed_set(index, rows, model.embed_rows(index, rows), bank)
            scores[name] = {score: float(np.mean([r[score] for r in results.values()])) for score in SCORES}
            scores[name]["datasets"] = {d: {score: r[score] for score in SCORES} for d, r in results.items()}
    return scores


def draw_alignment(
    folder: Path,
    model: AlignmentModel,
    bank: LearnableLabelBank,
    labels: Sequence[str],
    index: WindowIndex,
    rows: np.ndarray,
    title: str,
) -> None:
    """The plots of a run folder: curves, how alike labels are, and confusions and a map of windows with their texts.

    rows: (n,) of the index, may be none. title: of the map.
    """
    plots = folder / "plots"
    plot_curves(folder / "metrics.jsonl", plots / "curves.png")
    if len(rows):
        embeddings = model.embed_rows(index, rows)
        for name, result in closed_set(index, rows, embeddings, bank).items():
            caption = f"{name}: macro-F1 {result['macro_f1']:.3f}, accuracy {result['accuracy']:.3f}"
            plot_confusion(result["confusion"], result["labels"], plots / f"confusion_{name}.png", caption)
        truth = [index.labels[i] for i in index.label_id[rows]]
        shown = sorted(set(truth))
        texts = _mean_texts(bank, shown).cpu().numpy()
        plot_embedding_map(embeddings.cpu().numpy(), truth, texts, shown, plots / "embedding_map.png", title)
    texts = _mean_texts(bank, labels)
    plot_similarity((texts @ texts.T).clamp(-1, 1).cpu().numpy(), labels, plots / "label_similarity.png")


@torch.no_grad()
def _mean_texts(bank: LearnableLabelBank, labels: Sequence[str]) -> Tensor:
    """(L, D) unit-norm means over the prototypes of each label."""
    prototypes = bank.encode(labels)
    return nn.functional.normalize(prototypes.reshape(len(labels), -1, prototypes.shape[-1]).mean(1), dim=-1)


def closing_line(folder: Path) -> str:
    """What best.pt of a run reaches, and where everything is."""
    best_step = load_checkpoint(folder / "best.pt")["step"]
    parts = []
    for record in read_metrics(folder / "metrics.jsonl"):
        if record["step"] == best_step and record["split"] in ("validation", "held_out"):
            seen = record["split"] == "validation"
            who = "held-out people" if seen else "never seen " + ", ".join(record["datasets"])
            parts.append(f"{who}: macro-F1 {record['macro_f1']:.3f}, accuracy {record['accuracy']:.3f}")
    return f"best.pt is of step {best_step}" + "".join(f";  {part}" for part in parts) + f"\nEverything is in {folder}"
