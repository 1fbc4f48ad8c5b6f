"""How much a linear classifier reads from frozen embeddings, against the same network without training.

    python val_scripts/human_activity_recognition/evaluate_probe.py \\
        --checkpoint training_output/imu_pretraining/20250131_120000/best.pt --datasets mobifall --out evaluation

Windows are embedded one by one by the checkpoint (of pretrain.py or of semantic_alignment_train.py) and by networks of
the same architecture with random weights. A logistic regression learns from some people of the dataset and is asked
about the others, five folds over people. Two rows each: on standardised dimensions, and on the embeddings as they are.
Falls are left out unless --falls is given. Written to the folder of --out: probe.json.
"""

import argparse
import sys
from collections.abc import Sequence

import numpy as np
import torch
from tqdm import tqdm

from har.evaluation.metrics import bootstrap_interval, classification_scores
from har.evaluation.probe import linear_probe
from har.labels.groups import is_fall
from har.network.alignment import AlignmentModel
from har.run.folder import write_json
from har.windows.index import WindowIndex
from har.windows.sampling import evenly_spaced
from val_scripts.human_activity_recognition.model_loading import load_any_model
from val_scripts.human_activity_recognition.scored_data import (
    EvaluationError,
    choose_device,
    evaluation_parser,
    exit_status,
    open_datasets,
)

FOLDS = 5  # over people
RANDOM_SEEDS = (0, 1, 2)  # of the networks without training
MOST_WINDOWS = 6000  # of a dataset, evenly spaced; more change the score by less than its interval
WINDOW_S, STRIDE_S, MIN_WINDOW_S = 5.0, 2.5, 1.0
WAYS = {"standardised": True, "as they are": False}


def main(argv: Sequence[str] | None = None) -> int:
    """Probe as the command line says; returns the exit status."""
    return exit_status(probe, evaluation_parser(__doc__).parse_args(argv))


def probe(arguments: argparse.Namespace) -> None:
    """Load, embed, probe and write; prints a table."""
    model, checkpoint, _ = load_any_model(arguments.checkpoint, choose_device(arguments.device))
    datasets = open_datasets(arguments.datasets, arguments.data, checkpoint["datasets"])
    networks = {"trained": model} | {f"random {seed}": untrained(model, seed) for seed in RANDOM_SEEDS}

    results: dict[str, dict] = {}
    for dataset in datasets:
        name, index = dataset.name, WindowIndex([dataset], WINDOW_S, STRIDE_S, MIN_WINDOW_S)
        rows = index.labelled_rows(lambda label: arguments.falls or not is_fall(label))
        if not len(rows):
            raise EvaluationError(f"{name}: no window has a label to probe")
        rows = evenly_spaced(rows, MOST_WINDOWS)
        labels = [index.labels[i] for i in index.label_id[rows]]
        subjects = [index.subjects[i] for i in index.subject_id[rows]]
        results[name] = {"windows": len(rows), "people": len(set(subjects)), "scores": {}}
        for kind, network in networks.items():
            with tqdm(total=len(rows), desc=f"{name}, {kind}", unit="windows", disable=None, leave=False) as bar:
                embeddings = network.embed_rows(index, rows, bar.update).cpu().numpy()
            results[name]["scores"][kind] = {
                way: score(embeddings, labels, subjects, standardise) for way, standardise in WAYS.items()
            }
        print_table(name, results[name])
    arguments.out.mkdir(parents=True, exist_ok=True)
    write_json(arguments.out / "probe.json", {"checkpoint": str(arguments.checkpoint), "datasets": results})
    print(f"Everything is in {arguments.out.resolve() / 'probe.json'}")


def untrained(model: AlignmentModel, seed: int) -> AlignmentModel:
    """A network of the same architecture with fresh weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fresh = AlignmentModel(model.config, model.placements, model.placement_table[1:].cpu())
    fresh.sentence_encoder = model.sentence_encoder
    return fresh.to(model.device).eval()


def score(embeddings: np.ndarray, labels: list[str], subjects: list[str], standardise: bool) -> dict:
    """Macro-F1 with its interval over people, and accuracy, of the out-of-fold predictions."""
    predicted = linear_probe(embeddings, labels, subjects, FOLDS, standardise)
    scores = classification_scores(labels, predicted, sorted(set(labels)))
    interval = bootstrap_interval(labels, predicted, subjects, "macro_f1")
    return {
        "macro_f1": scores["macro_f1"],
        "accuracy": scores["accuracy"],
        "interval": None if interval is None else list(interval),
    }


def print_table(name: str, result: dict) -> None:
    print(f"{name}: {result['windows']} windows, {result['people']} people; macro-F1 of a linear probe")
    scores = result["scores"]
    for way in WAYS:
        trained = scores["trained"][way]["macro_f1"]
        random = [s[way]["macro_f1"] for kind, s in scores.items() if kind != "trained"]
        print(
            f"  {way:>13}:  trained {100 * trained:.1f}   random {100 * np.mean(random):.1f} "
            f"({', '.join(f'{100 * value:.1f}' for value in random)})   gain {100 * (trained - np.mean(random)):+.1f}"
        )


if __name__ == "__main__":
    sys.exit(main())
