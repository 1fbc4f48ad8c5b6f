"""Score a trained model on datasets that it has never seen, by the words of their labels alone.

    python val_scripts/human_activity_recognition/evaluate_zero_shot.py \\
        --checkpoint training_output/semantic_alignment/20250131_120000/best.pt --datasets mobifall --out evaluation

Every window is embedded on its own and named twice: out of the dataset's own labels (closed set), and out of all
training labels (open set, scored through synonym groups). Written to the folder of --out:

    report.md                    scores with intervals over people, per placement, per activity, largest confusions
    results.json                 the same and more, for programs
    predictions_<dataset>.csv    one row a window
    plots/                       confusion matrices, closed and open set

Falls are left out unless --falls is given, so that the headline is daily activities. A dataset that was trained on is
refused unless --allow-training-dataset is given. Errors end with one line and exit status 2.
"""

import argparse
import csv
import io
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from har.evaluation.report import REPORT_NAME, write_report
from har.evaluation.zero_shot import ZeroShotResult, score_zero_shot
from har.labels.groups import is_fall
from har.plots.confusion import plot_confusion
from har.recordings.format import Dataset
from har.run.folder import write_atomically
from har.windows.index import WindowIndex
from val_scripts.human_activity_recognition.model_loading import load_label_bank, load_model
from val_scripts.human_activity_recognition.scored_data import (
    EvaluationError,
    choose_device,
    evaluation_parser,
    exit_status,
    open_datasets,
)

# --- Uncertainty ---------------------------------------------------------------------------------------------------
DRAWS = 1000  # of the bootstrap over people: the bounds vary by less than a point from seed to seed
LEVEL = 0.95
SEED = 0

# --- Figures -------------------------------------------------------------------------------------------------------
ANSWERS_DRAWN = 20  # columns of the open-set figure; the rarer answers share one more
OTHER_ANSWERS = "(other answers)"


@dataclass(frozen=True)
class Protocol:
    """How windows are cut and which are scored."""

    window_s: float
    stride_s: float
    min_window_s: float
    with_falls: bool


def main(argv: Sequence[str] | None = None) -> int:
    """Evaluate as the command line says; returns the exit status."""
    return exit_status(evaluate, parse_arguments(argv))


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = evaluation_parser(__doc__)
    parser.add_argument("--window-s", type=float, help="window in seconds (default: that of training)")
    parser.add_argument("--stride-s", type=float, help="seconds from window to window (default: that of training)")
    parser.add_argument("--min-window-s", type=float, help="shortest segment scored (default: that of training)")
    parser.add_argument(
        "--allow-training-dataset", action="store_true", help="score datasets that were trained on; the report says so"
    )
    return parser.parse_args(argv)


def evaluate(arguments: argparse.Namespace) -> None:
    """Load, embed, score and write; prints the closing lines."""
    device = choose_device(arguments.device)
    model, checkpoint, hyperparams_path = load_model(arguments.checkpoint, device)
    trained_on, training_labels = training_facts(checkpoint, arguments.checkpoint)
    refused = [] if arguments.allow_training_dataset else trained_on
    datasets = open_datasets(arguments.datasets, arguments.data, refused, ", or --allow-training-dataset")
    protocol = choose_protocol(arguments, checkpoint)
    label_bank = load_label_bank(checkpoint, device, hyperparams_path)

    results, figures = [], {}
    figures_folder = arguments.out / "plots"
    for dataset in datasets:
        notes = ["**Trained on this dataset: these scores are not zero-shot.**"] if dataset.name in trained_on else []
        result, table = score_dataset(dataset, model, label_bank, training_labels, protocol, notes)
        figures_folder.mkdir(parents=True, exist_ok=True)
        write_atomically(arguments.out / f"predictions_{dataset.name}.csv", table)
        drawn = draw_figures(result, figures_folder)
        figures[dataset.name] = [path.relative_to(arguments.out).as_posix() for path in drawn]
        results.append(result)

    settings = {
        "checkpoint": str(arguments.checkpoint),
        "trained_on": trained_on,
        "window_s": protocol.window_s,
        "stride_s": protocol.stride_s,
        "shortest_window_s": protocol.min_window_s,
        "falls": "scored" if protocol.with_falls else "left out",
        "draws": DRAWS,
        "level": LEVEL,
        "seed": SEED,
        "training_labels": training_labels,
    }
    write_report(arguments.out, results, settings, figures)
    for result in results:
        scores = result.closed_set
        print(
            f"{result.dataset}: closed-set macro-F1 {scores['macro_f1']:.3f}, accuracy {scores['accuracy']:.3f}; "
            f"open-set accuracy {result.open_set['accuracy']:.3f} ({result.windows} windows, {result.people} people)"
        )
    print(f"Report, results, predictions and plots: {arguments.out.resolve()} (start with {REPORT_NAME})")


# --- What to evaluate, and how ---------------------------------------------------------------------------------------


def training_facts(checkpoint: dict, path: Path) -> tuple[list[str], list[str]]:
    """Names of the training datasets, and the training labels, as the checkpoint remembers them."""
    for key in ("datasets", "labels"):
        if not checkpoint.get(key):
            raise EvaluationError(
                f"{path}: the checkpoint names no training {key}; give one written by semantic_alignment_train.py"
            )
    return list(checkpoint["datasets"]), list(checkpoint["labels"])


def choose_protocol(arguments: argparse.Namespace, checkpoint: dict) -> Protocol:
    """Window lengths from the command line or else as in training, which the checkpoint remembers."""
    seconds = []
    for name in ("window_s", "stride_s", "min_window_s"):
        given = getattr(arguments, name)
        value = checkpoint.get(name) if given is None else given
        if value is None:
            option = "--" + name.replace("_", "-")
            raise EvaluationError(f"{arguments.checkpoint}: the checkpoint remembers no {name}; give {option}")
        seconds.append(float(value))
    window_s, stride_s, min_window_s = seconds
    return Protocol(window_s, stride_s, min_window_s, arguments.falls)


# --- One dataset -----------------------------------------------------------------------------------------------------


def score_dataset(
    dataset: Dataset, model, label_bank, training_labels: Sequence[str], protocol: Protocol, notes: Sequence[str]
) -> tuple[ZeroShotResult, str]:
    """Scores of a dataset, and its predictions as the text of a CSV file."""
    index = WindowIndex([dataset], protocol.window_s, protocol.stride_s, protocol.min_window_s)
    scored = [label for label in dataset.labels if protocol.with_falls or not is_fall(label)]
    names = np.array([*index.labels, ""], dtype=object)  # UNLABELLED is -1, the last one
    labels_n = names[index.label_id]
    rows = index.labelled_rows(scored.__contains__)
    if not len(rows):
        raise EvaluationError(
            f"{dataset.name}: none of its {len(index)} windows has a label to score "
            f"({', '.join(scored) or 'no label left'}); falls are scored with --falls"
        )
    left_out = dict(sorted(Counter(np.delete(labels_n, rows)).items()))
    with tqdm(total=len(rows), desc=dataset.name, unit="windows", disable=None) as bar:
        embeddings = model.embed_rows(index, rows, bar.update)
    closed_set, _ = label_bank.classify(embeddings, scored)
    open_set, _ = label_bank.classify(embeddings, list(training_labels))
    true = labels_n[rows].tolist()
    subjects = [index.subjects[i].split("/", 1)[1] for i in index.subject_id[rows]]
    streams = [index.streams[i] for i in index.stream_id[rows]]
    result = score_zero_shot(
        dataset.name,
        true,
        closed_set,
        open_set,
        subjects,
        [s.info.placement for s in streams],
        labels=scored,
        training_labels=training_labels,
        left_out=left_out,
        notes=notes,
        draws=DRAWS,
        level=LEVEL,
        seed=SEED,
    )
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["stream", "recording", "subject", "placement", "start_time_s", "label", "closed_set", "open_set"])
    recordings = [index.recordings[i].split("/", 1)[1] for i in index.recording_id[rows]]
    times_s = np.round(index.start_time_s[rows], 3).tolist()
    for i, stream in enumerate(streams):
        where = [stream.info.name, recordings[i], subjects[i], stream.info.placement, times_s[i]]
        table.writerow([*where, true[i], closed_set[i], open_set[i]])
    return result, text.getvalue()


# --- Figures ---------------------------------------------------------------------------------------------------------


def draw_figures(result: ZeroShotResult, folder: Path) -> list[Path]:
    """Confusion matrices of the closed set and, with the answers as columns, of the open set."""
    name, labels = result.dataset, result.labels
    closed, answers = folder / f"confusion_{name}.png", folder / f"answers_{name}.png"
    plot_confusion(result.closed_set["confusion"], labels, closed, f"{name}, closed set")
    counts, columns = open_set_table(result)
    plot_confusion(counts, labels, answers, f"{name}, open set", column_labels=columns)
    return [closed, answers]


def open_set_table(result: ZeroShotResult) -> tuple[np.ndarray, list[str]]:
    """Counts (labels, answers) of the commonest answers, each near the label that it is given to most often."""
    answers = result.open_set["answers"]
    total = Counter()
    for given in answers.values():
        total.update(given)
    common = sorted(total, key=lambda answer: (-total[answer], answer))[:ANSWERS_DRAWN]
    counts = np.array([[answers[label].get(answer, 0) for answer in common] for label in result.labels])
    rest = np.array([sum(answers[label].values()) for label in result.labels]) - counts.sum(axis=1)
    order = np.lexsort((-counts.sum(axis=0), counts.argmax(axis=0)))
    counts, columns = counts[:, order], [common[i] for i in order]
    if rest.any():
        counts, columns = np.column_stack([counts, rest]), [*columns, OTHER_ANSWERS]
    return counts, columns


if __name__ == "__main__":
    sys.exit(main())
