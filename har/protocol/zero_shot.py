"""One checkpoint scored on datasets that it has never seen, by the words of their labels alone."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from har.evaluation.calibration import calibration_scores
from har.evaluation.events import score_events
from har.evaluation.leave_one_out import Bootstrap
from har.evaluation.rejection import activities_to_leave_out, known_auroc
from har.evaluation.report import ALONE, IN_CONTEXT, REPORT_NAME, write_report
from har.evaluation.zero_shot import ZeroShotResult, score_zero_shot
from har.network.alignment import AlignmentModel
from har.network.loading import load_label_bank, load_model
from har.plots.confusion import plot_confusion
from har.plots.trust import plot_trust
from har.protocol.evidence import EmbeddedWindows, embed_windows, known_margins
from har.protocol.request import Console, EvaluationError, EvaluationRequest, open_datasets
from har.protocol.scoring import (
    CLOSED_SET,
    CLOSED_SET_CONTEXT,
    CONFIDENCE,
    KNOWN,
    OPEN_SET,
    OPEN_SET_CONTEXT,
    ScoredWindows,
    choose_windows,
    predictions_name,
    predictions_table,
)
from har.run.device import compute_device
from har.run.folder import write_atomically
from har.text.label_bank import LearnableLabelBank
from har.windows.index import WindowIndex

TRAINED_ON = "**Trained on this dataset: these scores are not zero-shot.**"
HELD_OUT_PEOPLE = "Only the people are scored whom training held out for validation."
OTHER_ANSWERS = "(other answers)"


@dataclass(frozen=True, kw_only=True)
class ZeroShotRequest(EvaluationRequest):
    """What a zero-shot evaluation is asked for besides.

    window_s, stride_s, min_window_s: seconds of a window, from one to the next, and of the shortest; None as in
    training. allow_training_dataset: score datasets that were trained on. held_out_people: score only those whom
    training held out for validation.
    """

    window_s: float | None = None
    stride_s: float | None = None
    min_window_s: float | None = None
    allow_training_dataset: bool = False
    held_out_people: bool = False


def evaluate_zero_shot(asked: ZeroShotRequest, bootstrap: Bootstrap, answers_drawn: int, console: Console) -> None:
    """Load, embed, score and write to ``asked.out``; tells the closing lines.

    bootstrap: over people, of all intervals. answers_drawn: columns of the open-set figure, where rarer answers share
    one more. Raises ``EvaluationError`` for what cannot be scored, and as `load_model`.
    """
    device = compute_device(asked.device, "--device")
    model, checkpoint, hyperparams_path = load_model(asked.checkpoint, device)
    trained_on, training_labels = training_facts(checkpoint, asked.checkpoint)
    refused = [] if asked.allow_training_dataset or asked.held_out_people else trained_on
    datasets = open_datasets(asked.datasets, asked.data, refused, ", or --allow-training-dataset")
    window = window_lengths(asked, checkpoint)
    label_bank = load_label_bank(checkpoint, device, hyperparams_path)
    of_people = held_out_people(checkpoint, asked.checkpoint) if asked.held_out_people else None
    chosen = [choose_windows(dataset, *window, asked.falls, of_people) for dataset in datasets]

    results, figures = [], {}
    figures_folder = asked.out / "plots"
    for windows in chosen:
        notes = [TRAINED_ON] if windows.dataset in trained_on else []
        notes += [HELD_OUT_PEOPLE] if asked.held_out_people else []
        result, table = score_dataset(windows, model, label_bank, training_labels, notes, bootstrap, console)
        figures_folder.mkdir(parents=True, exist_ok=True)
        write_atomically(asked.out / predictions_name(windows.dataset), table)
        drawn = draw_figures(result, figures_folder, answers_drawn)
        figures[windows.dataset] = [path.relative_to(asked.out).as_posix() for path in drawn]
        results.append(result)

    settings = settings_of(asked, window, trained_on, training_labels, bootstrap)
    write_report(asked.out, results, settings, figures)
    for result in results:
        console.tell(summary_line(result))
    console.tell(f"Report, results, predictions and plots: {asked.out.resolve()} (start with {REPORT_NAME})")


# --- What to evaluate, and how ---------------------------------------------------------------------------------------


def training_facts(checkpoint: dict, path: Path) -> tuple[list[str], list[str]]:
    """Names of the training datasets, and the training labels, as the checkpoint remembers them."""
    for key in ("datasets", "labels"):
        if not checkpoint.get(key):
            raise EvaluationError(
                f"{path}: the checkpoint names no training {key}; give one written by semantic_alignment_train.py"
            )
    return list(checkpoint["datasets"]), list(checkpoint["labels"])


def window_lengths(asked: ZeroShotRequest, checkpoint: dict) -> tuple[float, float, float]:
    """Seconds of a window, of its stride and of the shortest, as asked for or else as in training."""
    seconds = []
    for name in ("window_s", "stride_s", "min_window_s"):
        given = getattr(asked, name)
        value = checkpoint.get(name) if given is None else given
        if value is None:
            option = "--" + name.replace("_", "-")
            raise EvaluationError(f"{asked.checkpoint}: the checkpoint remembers no {name}; give {option}")
        seconds.append(float(value))
    return tuple(seconds)


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


def settings_of(
    asked: ZeroShotRequest,
    window: tuple[float, float, float],
    trained_on: list[str],
    training_labels: list[str],
    bootstrap: Bootstrap,
) -> dict:
    """What the report says about how its numbers came about."""
    window_s, stride_s, min_window_s = window
    return {
        "checkpoint": str(asked.checkpoint),
        "trained_on": trained_on,
        "window_s": window_s,
        "stride_s": stride_s,
        "shortest_window_s": min_window_s,
        "falls": "scored" if asked.falls else "left out",
        "people": "those held out in training" if asked.held_out_people else "all",
        "draws": bootstrap.draws,
        "level": bootstrap.level,
        "seed": bootstrap.seed,
        "training_labels": training_labels,
    }


def summary_line(result: ZeroShotResult) -> str:
    """The scores of a dataset in one line."""
    scores, context = result.closed_set, result.context["closed_set"]
    return (
        f"{result.dataset}: closed-set macro-F1 {scores['macro_f1']:.3f}, accuracy {scores['accuracy']:.3f} "
        f"({IN_CONTEXT} {context['macro_f1']:.3f}, {context['accuracy']:.3f}); "
        f"open-set accuracy {result.open_set['accuracy']:.3f} ({result.windows} windows, {result.people} people)"
    )


# --- One dataset -----------------------------------------------------------------------------------------------------


def score_dataset(
    windows: ScoredWindows,
    model: AlignmentModel,
    label_bank: LearnableLabelBank,
    training_labels: Sequence[str],
    notes: Sequence[str],
    bootstrap: Bootstrap,
    console: Console,
) -> tuple[ZeroShotResult, str]:
    """Scores of a dataset, and its predictions as the text of a CSV file."""
    embedded = embed_windows(windows, model, console, IN_CONTEXT)
    one_window, scored = embedded.one_window, embedded.scored

    def named_in_context(labels: Sequence[str]) -> list[str]:
        answers, _ = label_bank.classify_recording(embedded.in_context, labels, *embedded.where)
        return [answers[i] for i in scored]

    trust, columns = trust_of(embedded, label_bank)
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
        events={
            ALONE: events_of(windows, predictions[CLOSED_SET]),
            IN_CONTEXT: events_of(windows, predictions[CLOSED_SET_CONTEXT]),
        },
        trust=trust,
        draws=bootstrap.draws,
        level=bootstrap.level,
        seed=bootstrap.seed,
    )
    return result, predictions_table(windows, predictions | columns)


def trust_of(embedded: EmbeddedWindows, bank: LearnableLabelBank) -> tuple[dict[str, dict], dict[str, list[str]]]:
    """``trust`` of `ZeroShotResult`, and columns of the table of predictions: the largest probability of each window
    and that any label is meant, by itself and in context."""
    windows, scored = embedded.windows, embedded.scored
    truth = [windows.candidates.index(label) for label in windows.true]
    named = {
        ALONE: bank.classify(embedded.one_window, windows.candidates)[1],
        IN_CONTEXT: bank.classify_recording(embedded.in_context, windows.candidates, *embedded.where)[1][scored],
    }
    margins = known_margins(embedded, bank, windows.candidates)
    told = [{}, {}]
    for activity, labels in activities_to_leave_out(windows.true, windows.candidates):
        known = [label != activity for label in windows.true]
        for found, margin in zip(told, known_margins(embedded, bank, labels), strict=True):
            found[activity] = known_auroc(known, margin)
    trust, columns = {}, {}
    for number, (how, probabilities) in enumerate(named.items()):
        p = probabilities.double().cpu().numpy()
        auroc = float(np.mean(list(told[number].values()))) if told[number] else None
        trust[how] = calibration_scores(p, truth) | {"unknown": {"auroc": auroc, "activities": told[number]}}
        known = bank.calibration.known(margins[number], in_context=how == IN_CONTEXT)
        columns |= {CONFIDENCE[number]: _digits(p.max(axis=1)), KNOWN[number]: _digits(known)}
    return trust, columns


def _digits(probabilities: np.ndarray) -> list[str]:
    return [f"{value:.4f}" for value in probabilities]


def events_of(windows: ScoredWindows, named: Sequence[str]) -> dict:
    """What became of the events of a dataset."""
    index, rows = windows.index, windows.rows
    recording = index.stream_id[rows] * len(index.recordings) + index.recording_id[rows]
    longest_step_s = index.window_s + index.stride_s  # windows end with the segment that they lie in
    return score_events(
        windows.true, named, index.start_time_s[rows], recording, index.stride_s, longest_step_s
    ).to_dict()


# --- Figures ---------------------------------------------------------------------------------------------------------


def draw_figures(result: ZeroShotResult, folder: Path, answers_drawn: int) -> list[Path]:
    """Confusion matrices of the closed set and, with the answers as columns, of the open set; and how far to trust."""
    name, labels = result.dataset, result.labels
    closed, answers = folder / f"confusion_{name}.png", folder / f"answers_{name}.png"
    plot_confusion(result.closed_set["confusion"], labels, closed, f"{name}, closed set")
    counts, columns = open_set_table(result, answers_drawn)
    plot_confusion(counts, labels, answers, f"{name}, open set", column_labels=columns)
    return [closed, answers, plot_trust(result.trust, folder / f"trust_{name}.png", f"{name}, closed set")]


def open_set_table(result: ZeroShotResult, answers_drawn: int) -> tuple[np.ndarray, list[str]]:
    """Counts (labels, answers) of the commonest answers, each near the label that it is given to most often."""
    answers = result.open_set["answers"]
    total = Counter()
    for given in answers.values():
        total.update(given)
    common = sorted(total, key=lambda answer: (-total[answer], answer))[:answers_drawn]
    counts = np.array([[answers[label].get(answer, 0) for answer in common] for label in result.labels])
    rest = np.array([sum(answers[label].values()) for label in result.labels]) - counts.sum(axis=1)
    order = np.lexsort((-counts.sum(axis=0), counts.argmax(axis=0)))
    counts, columns = counts[:, order], [common[i] for i in order]
    if rest.any():
        counts, columns = np.column_stack([counts, rest]), [*columns, OTHER_ANSWERS]
    return counts, columns
