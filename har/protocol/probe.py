"""How much a linear classifier reads from one checkpoint's embeddings, against the same network without training."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from har.evaluation.metrics import bootstrap_interval, classification_scores
from har.evaluation.probe import linear_probe
from har.labels.groups import is_fall
from har.network.alignment import AlignmentModel
from har.network.loading import load_any_model
from har.protocol.request import Console, EvaluationError, EvaluationRequest, open_datasets
from har.recordings.format import Dataset
from har.run.device import compute_device
from har.run.folder import write_json
from har.windows.index import WindowIndex
from har.windows.sampling import evenly_spaced

RECORD_NAME = "probe.json"
WAYS = {"standardised": True, "as they are": False}


@dataclass(frozen=True)
class ProbeProtocol:
    """How a probe is taken.

    folds: over people. random_seeds: of the networks without training. most_windows: of a dataset, evenly spaced.
    window_s, stride_s, min_window_s: seconds of a window, from one to the next, and of the shortest.
    """

    folds: int
    random_seeds: Sequence[int]
    most_windows: int
    window_s: float
    stride_s: float
    min_window_s: float


def evaluate_probe(asked: EvaluationRequest, protocol: ProbeProtocol, console: Console) -> None:
    """Load, embed, probe and write to ``asked.out``; tells a table a dataset and where everything is.

    Raises ``EvaluationError`` for what cannot be probed, and as `load_any_model`.
    """
    model, checkpoint, _ = load_any_model(asked.checkpoint, compute_device(asked.device, "--device"))
    datasets = open_datasets(asked.datasets, asked.data, checkpoint["datasets"])
    networks = {"trained": model} | {f"random {seed}": untrained(model, seed) for seed in protocol.random_seeds}
    results = {}
    for dataset in datasets:
        results[dataset.name] = probe_dataset(dataset, networks, asked.falls, protocol, console)
        console.tell(table(dataset.name, results[dataset.name]))
    asked.out.mkdir(parents=True, exist_ok=True)
    write_json(asked.out / RECORD_NAME, {"checkpoint": str(asked.checkpoint), "datasets": results})
    console.tell(f"Everything is in {asked.out.resolve() / RECORD_NAME}")


def probe_dataset(
    dataset: Dataset, networks: dict[str, AlignmentModel], with_falls: bool, protocol: ProbeProtocol, console: Console
) -> dict:
    """``windows``, ``people`` and ``scores``: network -> way of `WAYS` -> see `score`."""
    name, index = dataset.name, WindowIndex([dataset], protocol.window_s, protocol.stride_s, protocol.min_window_s)
    rows = index.labelled_rows(lambda label: with_falls or not is_fall(label))
    if not len(rows):
        raise EvaluationError(f"{name}: no window has a label to probe")
    rows = evenly_spaced(rows, protocol.most_windows)
    labels = [index.labels[i] for i in index.label_id[rows]]
    subjects = [index.subjects[i] for i in index.subject_id[rows]]
    people_of = {label: {s for own, s in zip(labels, subjects, strict=True) if own == label} for label in set(labels)}
    if len([label for label, people in people_of.items() if len(people) > 1]) < 2:
        raise EvaluationError(
            f"{name}: {sum(len(people) > 1 for people in people_of.values())} of its {len(people_of)} activities are "
            "done by several people, and one is told from others by people who were not learned from; expected two at "
            "least"
        )
    scores = {}
    for kind, network in networks.items():
        title = f"{name}, {kind}"
        with console.progress(total=len(rows), desc=title, unit="windows", disable=None, leave=False) as bar:
            embeddings = network.embed_rows(index, rows, bar.update).cpu().numpy()
        scores[kind] = {
            way: score(embeddings, labels, subjects, protocol.folds, standardise) for way, standardise in WAYS.items()
        }
    return {"windows": len(rows), "people": len(set(subjects)), "scores": scores}


def untrained(model: AlignmentModel, seed: int) -> AlignmentModel:
    """A network of the same architecture with fresh weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fresh = AlignmentModel(model.config, model.placements, model.placement_table[1:].cpu())
    fresh.sentence_encoder = model.sentence_encoder
    return fresh.to(model.device).eval()


def score(embeddings: np.ndarray, labels: list[str], subjects: list[str], folds: int, standardise: bool) -> dict:
    """Macro-F1 with its interval over people, and accuracy, of the out-of-fold predictions."""
    predicted = linear_probe(embeddings, labels, subjects, folds, standardise)
    scores = classification_scores(labels, predicted, sorted(set(labels)))
    interval = bootstrap_interval(labels, predicted, subjects, "macro_f1")
    return {
        "macro_f1": scores["macro_f1"],
        "accuracy": scores["accuracy"],
        "interval": None if interval is None else list(interval),
    }


def table(name: str, result: dict) -> str:
    """Macro-F1 with and without training, a line for each of `WAYS`."""
    lines = [f"{name}: {result['windows']} windows, {result['people']} people; macro-F1 of a linear probe"]
    scores = result["scores"]
    for way in WAYS:
        trained = scores["trained"][way]["macro_f1"]
        random = [s[way]["macro_f1"] for kind, s in scores.items() if kind != "trained"]
        lines.append(
            f"  {way:>13}:  trained {100 * trained:.1f}   random {100 * np.mean(random):.1f} "
            f"({', '.join(f'{100 * value:.1f}' for value in random)})   gain {100 * (trained - np.mean(random)):+.1f}"
        )
    return "\n".join(lines)
