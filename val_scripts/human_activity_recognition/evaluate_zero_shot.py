"""Score a trained model on datasets that it has never seen, by the words of their labels alone.

    python val_scripts/human_activity_recognition/evaluate_zero_shot.py \\
        --checkpoint training_output/semantic_alignment/20250131_120000/best.pt --datasets mobifall --out evaluation

Every window is named out of the dataset's own labels (closed set) and out of all training labels (open set, scored
through synonym groups), and both twice: embedded on its own (one window), and with what the whole unlabelled recording
tells (recording context). Written to the folder of --out:

    report.md                    scores with intervals over people, per placement, per activity, largest confusions
    results.json                 the same and more, for programs
    predictions_<dataset>.csv    one row a window
    plots/                       confusion matrices, closed and open set

Falls are left out unless --falls is given, so that the headline is daily activities. A dataset that was trained on is
refused unless --allow-training-dataset is given, or --held-out-people, which scores only the people whom training held
out for validation. Errors end with one line and exit status 2.

How well models recognise datasets that they have never seen, over several datasets, seeds and references, is measured
by the protocol of docs/evaluation.md; --protocol leave-one-dataset-out --help prints its options:

    python val_scripts/human_activity_recognition/evaluate_zero_shot.py --protocol leave-one-dataset-out --out FOLDER
"""

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from har.evaluation.report import IN_CONTEXT, REPORT_NAME, write_report
from har.evaluation.zero_shot import ZeroShotResult, score_zero_shot
from har.plots.confusion import plot_confusion
from har.run.folder import write_atomically
from har.windows.index import WindowIndex
from val_scripts.human_activity_recognition import leave_one_out
from val_scripts.human_activity_recognition.model_loading import load_label_bank, load_model
from val_scripts.human_activity_recognition.scored_data import (
    EvaluationError,
    choose_device,
    evaluation_parser,
    exit_status,
    open_datasets,
)
from val_scripts.human_activity_recognition.zero_shot_scoring import (
    CLOSED_SET,
    CLOSED_SET_CONTEXT,
    OPEN_SET,
    OPEN_SET_CONTEXT,
    ScoredWindows,
    choose_windows,
    predictions_name,
    predictions_table,
)

# --- Uncertainty ---------------------------------------------------------------------------------------------------
DRAWS = 1000  # of the bootstrap over people: the bounds vary by less than a point from seed to seed
LEVEL = 0.95
SEED = 0

# --- Figures -------------------------------------------------------------------------------------------------------
ANSWERS_DRAWN = 20  # columns of the open-set figure; the rarer answers share one more
OTHER_ANSWERS = "(other answers)"

# --- Remarks of the report -----------------------------------------------------------------------------------------
TRAINED_ON = "**Trained on this dataset: these scores are not zero-shot.**"
HELD_OUT_PEOPLE = "Only the people are scored whom training held out for validation."


@dataclass(frozen=True)
class Protocol:
    """How windows are cut and which are scored."""

    window_s: float
    stride_s: float
    min_window_s: float
    with_falls: bool


def main(argv: Sequence[str] | None = None) -> int:
    """Evaluate as the command line says; returns the exit status."""
    argv = sys.argv[1:] if argv is None else argv
    if protocol := leave_one_out.asked_for(argv):
        return exit_status(*protocol)
    return exit_status(evaluate, parse_arguments(argv))


def parse_arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = evaluation_parser(__doc__)
    parser.add_argument("--window-s", type=float, help="window in seconds (default: that of training)")
    parser.add_argument("--stride-s", type=float, help="seconds from window to window (default: that of training)")
    parser.add_argument("--min-window-s", type=float, help="shortest segment scored (default: that of training)")
    parser.add_argument(
        "--allow-training-dataset", action="store_true", help="score datasets that were trained on; the report says so"
    )
    parser.add_argument(
        "--held-out-people", action="store_true", help="score only the people that training held out for validation"
    )
    return parser.parse_args(argv)


def evaluate(arguments: argparse.Namespace) -> None:
    """Load, embed, score and write; prints the closing lines."""
    device = choose_device(arguments.device)
    model, checkpoint, hyperparams_path = load_model(arguments.checkpoint, device)
    trained_on, training_labels = training_facts(checkpoint, arguments.checkpoint)
    refused = [] if arguments.allow_training_dataset or arguments.held_out_people else trained_on
    datasets = open_datasets(arguments.datasets, arguments.data, refused, ", or --allow-training-dataset")
    protocol = choose_protocol(arguments, checkpoint)
    label_bank = load_label_bank(checkpoint, device, hyperparams_path)

    of_people = held_out_people(checkpoint, arguments.checkpoint) if arguments.held_out_people else None

    results, figures = [], {}
    figures_folder = arguments.out / "plots"
    for dataset in datasets:
        notes = [TRAINED_ON] if dataset.name in trained_on else []
        notes += [HELD_OUT_PEOPLE] if arguments.held_out_people else []
        windows = choose_windows(
            dataset, protocol.window_s, protocol.stride_s, protocol.min_window_s, protocol.with_falls, of_people
        )
        result, table = score_dataset(windows, model, label_bank, training_labels, notes)
        figures_folder.mkdir(parents=True, exist_ok=True)
        write_atomically(arguments.out / predictions_name(dataset.name), table)
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
        "people": "those held out in training" if arguments.held_out_people else "all",
        "draws": DRAWS,
        "level": LEVEL,
        "seed": SEED,
        "training_labels": training_labels,
    }
    write_report(arguments.out, results, settings, figures)
    for result in results:
        scores = result.closed_set
        print(
            f"{result.dataset}: closed-set macro-F1 {scores['macro_f1']:.3f}, accuracy {scores['accuracy']:.3f} "
            f"({IN_CONTEXT} {result.context['closed_set']['macro_f1']:.3f}, "
            f"{result.context['closed_set']['accuracy']:.3f}); "
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


def held_out_people(checkpoint: dict, path: Path) -> Callable[[WindowIndex], np.ndarray]:
    """index -> (n,) bool, True where training held the window's person out; the checkpoint remembers how."""
    constants = checkpoint.get("constants", {})
    names = ("SPLIT_SALT", "VALIDATION_SHARE", "VALIDATION_FROM")
    if absent := [name for name in names if name not in constants]:
        raise EvaluationError(
            f"{path}: the checkpoint remembers no {', '.join(absent)}, so nobody knows whom training held out; give "
            "one of semantic_alignment_train.py"
        )
    return lambda index: index.split(*(constants[name] for name in names))


# --- One dataset -----------------------------------------------------------------------------------------------------


def score_dataset(
    windows: ScoredWindows, model, label_bank, training_labels: Sequence[str], notes: Sequence[str]
) -> tuple[ZeroShotResult, str]:
    """Scores of a dataset, and its predictions as the text of a CSV file."""
    index, rows = windows.index, windows.rows
    with tqdm(total=len(rows), desc=windows.dataset, unit="windows", disable=None) as bar:
        one_window = model.embed_rows(index, rows, bar.update)
    # What is not scored is embedded too: it belongs to what its wearer did.
    wearer = index.wearer_id
    needed = np.flatnonzero(np.isin(wearer, wearer[rows]))
    with tqdm(total=len(needed), desc=f"{windows.dataset}, {IN_CONTEXT}", unit="windows", disable=None) as bar:
        in_context = model.embed_rows_in_context(index, needed, bar.update)
    scored = np.searchsorted(needed, rows)

    def named_in_context(labels: Sequence[str]) -> list[str]:
        which = (index.start_time_s[needed], index.recording_id[needed], wearer[needed])
        answers, _ = label_bank.classify_recording(in_context, labels, *which)
        return [answers[i] for i in scored]

    predictions = {
        CLOSED_SET: label_bank.classify(one_window, windows.candidates)[0],
        OPEN_SET: label_bank.classify(one_window, list(training_labels))[0],
        CLOSED_SET_CONTEXT: named_in_context(windows.candidates),
        OPEN_SET_CONTEXT: named_in_context(list(training_labels)),
    }
    result = score_zero_shot(
        windows.dataset,
        windows.true,
        predictions[CLOSED_SET],
        predictions[OPEN_SET],
        windows.subjects,
        windows.placements,
        labels=windows.candidates,
        training_labels=training_labels,
        context=(predictions[CLOSED_SET_CONTEXT], predictions[OPEN_SET_CONTEXT]),
        left_out=windows.left_out,
        notes=notes,
        draws=DRAWS,
        level=LEVEL,
        seed=SEED,
    )
    return result, predictions_table(windows, predictions)


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
