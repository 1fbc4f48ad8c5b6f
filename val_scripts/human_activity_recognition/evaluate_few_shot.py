"""What a few labelled windows of a new dataset add to the words of its labels.

    python val_scripts/human_activity_recognition/evaluate_few_shot.py \\
        --checkpoint training_output/semantic_alignment/20250131_120000/best.pt --datasets mobifall --out evaluation

In each draw half of the people give k labelled windows a class, and all windows of the other half are named, by three
classifiers on what the frozen network computes of a window just before its embedding, with and without the label text,
and by the text alone (k = 0). How people and windows are drawn and how the text is blended:
har/evaluation/few_shot.py. Written to the folder of --out:

    report.md                      macro-F1, accuracy and gain over k = 0: mean and deviation over draws
    few_shot.json                  the same with the values of every draw
    plots/few_shot_<dataset>.png   macro-F1 against k

Windows are taken on their own, or with --context in view of all unlabelled recordings of the person and device: how it
lies against the body, and what ``classify_recording`` makes of the probabilities of the scored windows. Falls are left
out unless --falls is given. A dataset that was trained on is refused: its labels are no few ones. Errors end with one
line and exit status 2.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from har.evaluation.few_shot import FewShotProtocol, FewShotResult, render_few_shot_report, score_few_shot
from har.labels.groups import is_fall
from har.network.alignment import AlignmentModel
from har.plots.few_shot import plot_few_shot
from har.recordings.format import Dataset
from har.run.folder import write_atomically, write_json
from har.text.label_bank import LearnableLabelBank, prototype_similarity
from har.text.recording_context import in_context
from har.windows.index import WindowIndex
from val_scripts.human_activity_recognition.model_loading import load_label_bank, load_model
from val_scripts.human_activity_recognition.scored_data import (
    EvaluationError,
    choose_device,
    evaluation_parser,
    exit_status,
    open_datasets,
)

# Chosen on selfback and spsw_har by models that never saw them; penalties from 0.02 to 0.1 change the mean of seven
# datasets by half a point at most.
TEXT_WINDOWS = 2.0  # m: labelled windows a class that the label text counts as
RIDGE_PENALTY = 0.05  # on unit-norm features: a direction needs a twentieth of one window's energy to count

SHOTS = (1, 2, 4, 8, 16)
DRAWS = 20
SEED = 0

REPORT_NAME, RECORD_NAME = "report.md", "few_shot.json"


def main(argv: Sequence[str] | None = None) -> int:
    """Evaluate as the command line says; returns the exit status."""
    return exit_status(evaluate, parse_arguments(argv))


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = evaluation_parser(__doc__)
    parser.add_argument("--draws", type=int, default=DRAWS, help=f"of people and windows (default: {DRAWS})")
    shots = " ".join(map(str, SHOTS))
    parser.add_argument(
        "--shots", type=int, nargs="+", default=SHOTS, metavar="K", help=f"labelled windows a class (default: {shots})"
    )
    parser.add_argument("--context", action="store_true", help="with the recordings' context, not on their own")
    return parser.parse_args(argv)


def evaluate(arguments: argparse.Namespace) -> None:
    """Load, embed, score and write; prints a line a dataset and where everything is."""
    protocol = FewShotProtocol(tuple(sorted(arguments.shots)), arguments.draws, TEXT_WINDOWS, RIDGE_PENALTY, SEED)
    device = choose_device(arguments.device)
    model, checkpoint, hyperparams_path = load_model(arguments.checkpoint, device)
    datasets = open_datasets(arguments.datasets, arguments.data, checkpoint["datasets"])
    label_bank = load_label_bank(checkpoint, device, hyperparams_path)
    window = {name: window_setting(checkpoint, name, arguments.checkpoint) for name in WINDOW_SETTINGS}

    results, figures = [], {}
    for dataset in datasets:
        index = WindowIndex([dataset], **window)
        result = score_dataset(dataset, index, model, label_bank, arguments, protocol)
        path = arguments.out / "plots" / f"few_shot_{dataset.name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        plot_few_shot(result.to_dict(), path, f"{dataset.name}, scored on other people than those labelled")
        figures[dataset.name] = [path.relative_to(arguments.out).as_posix()]
        results.append(result)
        print(summary_line(result))
    write_files(arguments, checkpoint, window, protocol, results, figures)
    print(f"Report, results and plots: {arguments.out.resolve()} (start with {REPORT_NAME})")


# --- What to evaluate ------------------------------------------------------------------------------------------------

WINDOW_SETTINGS = ("window_s", "stride_s", "min_window_s")


def window_setting(checkpoint: dict, name: str, path: Path) -> float:
    """Seconds of a window, of its stride or of the shortest one, as in training."""
    if checkpoint.get(name) is None:
        raise EvaluationError(f"{path}: the checkpoint remembers no {name}; give one of semantic_alignment_train.py")
    return float(checkpoint[name])


# --- One dataset -----------------------------------------------------------------------------------------------------


def score_dataset(
    dataset: Dataset,
    index: WindowIndex,
    model: AlignmentModel,
    label_bank: LearnableLabelBank,
    arguments: argparse.Namespace,
    protocol: FewShotProtocol,
) -> FewShotResult:
    """Embed the labelled windows of a dataset, and score them in all draws."""
    candidates = [label for label in dataset.labels if arguments.falls or not is_fall(label)]
    rows = index.labelled_rows(candidates.__contains__)
    if not len(rows):
        raise EvaluationError(
            f"{dataset.name}: none of its {len(index)} windows has a label to score "
            f"({', '.join(candidates) or 'no label left'}); falls are scored with --falls"
        )
    names = np.array([*index.labels, ""], dtype=object)[index.label_id]  # unlabelled is -1, the last one
    embed = model.embed_rows_in_context if arguments.context else model.embed_rows
    with tqdm(total=2 * len(rows), desc=dataset.name, unit="windows", disable=None) as bar:
        embeddings = embed(index, rows, bar.update)
        features = embed(index, rows, bar.update, layer="features")
    with torch.no_grad():
        prototypes = label_bank.encode(candidates).reshape(len(candidates), -1, embeddings.shape[1])
        scale = label_bank.logit_scale
        text_logits = scale * prototype_similarity(embeddings, prototypes, scale)
    streams = [index.streams[i].info.name for i in index.stream_id[rows]]

    def in_recordings(query: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
        own = rows[query]
        return in_context(probabilities, index.start_time_s[own], index.recording_id[own], index.wearer_id[own])

    with tqdm(total=protocol.draws, desc=f"{dataset.name}, draws", unit="draws", disable=None, leave=False) as bar:
        return score_few_shot(
            dataset.name,
            features.cpu().numpy(),
            text_logits.cpu().numpy(),
            float(scale),
            names[rows].tolist(),
            [index.subjects[i].split("/", 1)[1] for i in index.subject_id[rows]],
            # A window is where it begins in which stream.
            [f"{stream}/{start}" for stream, start in zip(streams, index.start[rows], strict=True)],
            labels=candidates,
            protocol=protocol,
            left_out=Counter(np.delete(names, rows).tolist()),
            progress=bar.update,
            in_context=in_recordings if arguments.context else None,
        )


# --- Files -----------------------------------------------------------------------------------------------------------


def summary_line(result: FewShotResult) -> str:
    """Macro-F1 at every k of the ridge classifier with text, the first row of the table."""
    first = [row for row in result.rows if row["classifier"] == result.rows[0]["classifier"] and row["text"]]
    values = ", ".join(f"{row['macro_f1']['mean']:.3f} (k = {row['shots']})" for row in first)
    return (
        f"{result.dataset}: macro-F1 {result.zero_shot['macro_f1']['mean']:.3f} (k = 0), "
        f"{first[0]['classifier']} with text {values} ({result.windows} windows, {result.people} people)"
    )


def write_files(
    arguments: argparse.Namespace,
    checkpoint: dict,
    window: dict[str, float],
    protocol: FewShotProtocol,
    results: Sequence[FewShotResult],
    figures: dict[str, list[str]],
) -> None:
    """``report.md`` and ``few_shot.json``."""
    settings = {
        "checkpoint": str(arguments.checkpoint),
        "trained_on": list(checkpoint["datasets"]),
        **window,
        "embedded": "in the context of the recordings" if arguments.context else "one window at a time",
        "falls": "scored" if arguments.falls else "left out",
        "shots": list(protocol.shots),
        "draws": protocol.draws,
        "text_windows": protocol.text_windows,
        "ridge_penalty": protocol.ridge_penalty,
        "seed": protocol.seed,
    }
    datasets = {result.dataset: result.to_dict() for result in results}
    write_json(arguments.out / RECORD_NAME, {"settings": settings, "datasets": datasets})
    write_atomically(arguments.out / REPORT_NAME, render_few_shot_report(results, settings, figures))


if __name__ == "__main__":
    sys.exit(main())
