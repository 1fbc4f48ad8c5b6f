"""One checkpoint asked about the same windows again: measured by other devices, worn in other ways, in other words."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from har.evaluation.leave_one_out import Bootstrap
from har.evaluation.robustness import PairedScore, mean_of_datasets, paired_score
from har.evaluation.robustness_report import REPORT_NAME, RESULTS_NAME, render_robustness
from har.network.alignment import AlignmentModel
from har.network.loading import load_label_bank, load_model
from har.plots.robustness import plot_robustness
from har.protocol.perturbations import Perturbation
from har.protocol.request import Console, EvaluationError, EvaluationRequest, open_datasets
from har.protocol.scoring import ScoredWindows, choose_windows
from har.protocol.words import CONTEXT, ONE_WINDOW, Namer, WordsAsked, check_wordings, name_in_other_words
from har.protocol.worn_again import embed_worn_again, rows_of_wearers
from har.protocol.zero_shot import training_facts
from har.run.device import compute_device
from har.run.folder import write_atomically
from har.text.label_bank import LearnableLabelBank
from har.windows.index import WindowIndex

SIGNALS, WORDS = "signals", "words"
PARTS = (SIGNALS, WORDS)
ROWS = (ONE_WINDOW, CONTEXT)
CONTROL = Perturbation("control", "as it is")


@dataclass(frozen=True, kw_only=True)
class RobustnessRequest(EvaluationRequest):
    """What is asked for besides. parts: some of ``PARTS``. people: of each dataset at most so many, drawn by ``seed``;
    None for all. Raises ``EvaluationError`` for fewer than one."""

    parts: Sequence[str] = PARTS
    people: int | None = None

    def __post_init__(self) -> None:
        if self.people is not None and self.people < 1:
            raise EvaluationError(f"--people {self.people}; expected at least 1, or no --people for all")


def evaluate_robustness(
    asked: RobustnessRequest,
    perturbations: Sequence[Perturbation],
    words: WordsAsked,
    bootstrap: Bootstrap,
    seed: int,
    console: Console,
) -> None:
    """Load, embed, score and write to ``asked.out``; tells the closing lines.

    perturbations: one after the other, each against the unchanged windows. words: how other words are drawn. bootstrap:
    over people, of all intervals. seed: of what perturbations draw. Datasets that were trained on are refused. Raises
    ``EvaluationError`` for what cannot be scored, and as `load_model`.
    """
    device = compute_device(asked.device, "--device")
    model, checkpoint, hyperparams_path = load_model(asked.checkpoint, device)
    trained_on, training_labels = training_facts(checkpoint, asked.checkpoint)
    datasets = open_datasets(asked.datasets, asked.data, trained_on)
    bank = load_label_bank(checkpoint, device, hyperparams_path)
    lengths = [checkpoint.get(name) for name in ("stride_s", "min_window_s")]
    if None in lengths:
        raise EvaluationError(f"{asked.checkpoint}: the checkpoint remembers no stride_s or no min_window_s")

    people = None if asked.people is None else _drawn_people(asked.people, seed)
    chosen = [choose_windows(dataset, model.config.window_s, *lengths, asked.falls, people) for dataset in datasets]
    for windows in chosen if WORDS in asked.parts else ():
        check_wordings(windows)

    record = {"settings": _settings(asked, trained_on, perturbations, words, bootstrap, seed), SIGNALS: {}, WORDS: {}}
    signals: dict[str, dict[str, dict[str, PairedScore]]] = {}
    for windows in chosen:
        changes = perturbations if SIGNALS in asked.parts else ()
        signals[windows.dataset], control = _measure_again(model, bank, windows, changes, bootstrap, seed, console)
        if WORDS in asked.parts:
            found = name_in_other_words(windows, control, training_labels, words, bootstrap)
            record[WORDS][windows.dataset] = found
        record[SIGNALS][windows.dataset] = {
            name: {row: score.to_dict() for row, score in rows.items()}
            for name, rows in signals[windows.dataset].items()
        }
        record["mean"] = _means(signals, perturbations, bootstrap.level)
        _write(asked.out, record)  # so far: the next dataset may take an hour
        console.tell(f"{windows.dataset}: {len(windows.rows)} windows, {len(set(windows.subjects))} people")
    console.tell(f"Report, results and plots: {asked.out.resolve()} (start with {REPORT_NAME})")


def _measure_again(
    model: AlignmentModel,
    bank: LearnableLabelBank,
    windows: ScoredWindows,
    perturbations: Sequence[Perturbation],
    bootstrap: Bootstrap,
    seed: int,
    console: Console,
) -> tuple[dict[str, dict[str, PairedScore]], Namer]:
    """Scores of one dataset after each change that can be made to it, and who names its unchanged windows."""
    labels = {label: label for label in windows.candidates}
    scores, before, control = {}, {}, None
    total = len(rows_of_wearers(windows)) * (1 + len(perturbations))
    with console.progress(total=total, desc=windows.dataset, unit="windows", disable=None) as bar:
        for change in (CONTROL, *perturbations):
            embedded = embed_worn_again(model, windows, change, seed, bar.update)
            if not embedded.changed and control is not None:
                continue
            namer = Namer(windows, embedded, bank)
            named = {row: namer.name(labels, row) for row in ROWS}
            if control is None:
                control, before = namer, named
            elif any(answer is not None for answer in named[ONE_WINDOW]):
                scores[change.name] = {
                    row: paired_score(
                        windows.dataset, windows.true, before[row], named[row], windows.subjects, bootstrap
                    )
                    for row in ROWS
                }
    return scores, control


def _drawn_people(most: int, seed: int):
    """index -> (n,) bool, True for the windows of at most so many people, drawn among the sorted names."""

    def of_people(index: WindowIndex) -> np.ndarray:
        drawn = np.random.default_rng([seed, *"/".join(index.datasets).encode()]).permutation(len(index.subjects))
        return np.isin(index.subject_id, drawn[:most])

    return of_people


def _means(signals: dict, perturbations: Sequence[Perturbation], level: float) -> dict:
    """Name of a change -> row -> means over the datasets that it could be made to."""
    means = {}
    for change in perturbations:
        found = {dataset: changes[change.name] for dataset, changes in signals.items() if change.name in changes}
        if found:
            means[change.name] = {
                row: mean_of_datasets({dataset: rows[row] for dataset, rows in found.items()}, level) for row in ROWS
            }
    return means


def _settings(
    asked: RobustnessRequest,
    trained_on: Sequence[str],
    perturbations: Sequence[Perturbation],
    words: WordsAsked,
    bootstrap: Bootstrap,
    seed: int,
) -> dict:
    return {
        "checkpoint": str(asked.checkpoint),
        "trained_on": list(trained_on),
        "datasets": list(asked.datasets),
        "falls": "scored" if asked.falls else "left out",
        "people": "all" if asked.people is None else f"at most {asked.people} of each dataset",
        "seed": seed,
        "draws": bootstrap.draws,
        "level": bootstrap.level,
        "wording_draws": words.draws,
        "distractors": words.distractors,
        "distractor_draws": words.distractor_draws,
        "changes": [
            {"name": change.name, "title": change.title, "lossless": change.lossless} for change in perturbations
        ],
    }


def _write(folder: Path, record: dict) -> None:
    """Results, figure and report of what was measured so far."""
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / RESULTS_NAME, json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    figure = None
    if record["mean"]:
        figure = folder / "plots" / "robustness.png"
        figure.parent.mkdir(exist_ok=True)
        plot_robustness(record, figure)
    report = render_robustness(record, None if figure is None else figure.relative_to(folder).as_posix())
    write_atomically(folder / REPORT_NAME, report)
