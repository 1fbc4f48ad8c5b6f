"""One checkpoint scored on datasets that it has never seen, with a few labelled windows of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from har.evaluation.few_shot import FewShotProtocol, FewShotResult, render_few_shot_report, score_few_shot
from har.evaluation.report import REPORT_NAME
from har.network.alignment import AlignmentModel
from har.network.loading import load_label_bank, load_model
from har.plots.few_shot import plot_few_shot
from har.protocol.request import Console, EvaluationError, EvaluationRequest, open_datasets
from har.protocol.scoring import ScoredWindows, choose_windows
from har.run.device import compute_device
from har.run.folder import write_atomically, write_json
from har.text.label_bank import LearnableLabelBank, prototype_similarity
from har.text.recording_context import in_context

RECORD_NAME = "few_shot.json"
WINDOW_SETTINGS = ("window_s", "stride_s", "min_window_s")


@dataclass(frozen=True, kw_only=True)
class FewShotRequest(EvaluationRequest):
    """What a few-shot evaluation is asked for besides.

    context: name windows in view of all unlabelled recordings of the person and device, not on their own.
    """

    context: bool = False


def evaluate_few_shot(asked: FewShotRequest, protocol: FewShotProtocol, console: Console) -> None:
    """Load, embed, score and write to ``asked.out``; tells a line a dataset and where everything is.

    Raises ``EvaluationError`` for what cannot be scored, and as `load_model`.
    """
    device = compute_device(asked.device, "--device")
    model, checkpoint, hyperparams_path = load_model(asked.checkpoint, device)
    datasets = open_datasets(asked.datasets, asked.data, checkpoint["datasets"])
    label_bank = load_label_bank(checkpoint, device, hyperparams_path)
    lengths = {name: window_setting(checkpoint, name, asked.checkpoint) for name in WINDOW_SETTINGS}

    results, figures = [], {}
    for dataset in datasets:
        windows = choose_windows(dataset, *lengths.values(), asked.falls)
        result = score_dataset(windows, model, label_bank, asked.context, protocol, console)
        path = asked.out / "plots" / f"few_shot_{dataset.name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        plot_few_shot(result.to_dict(), path, f"{dataset.name}, scored on other people than those labelled")
        figures[dataset.name] = [path.relative_to(asked.out).as_posix()]
        results.append(result)
        console.tell(summary_line(result))
    settings = settings_of(asked, checkpoint["datasets"], lengths, protocol)
    record = {"settings": settings, "datasets": {result.dataset: result.to_dict() for result in results}}
    write_json(asked.out / RECORD_NAME, record)
    write_atomically(asked.out / REPORT_NAME, render_few_shot_report(results, settings, figures))
    console.tell(f"Report, results and plots: {asked.out.resolve()} (start with {REPORT_NAME})")


def window_setting(checkpoint: dict, name: str, path: Path) -> float:
    """Seconds of a window, of its stride or of the shortest one, as in training."""
    if checkpoint.get(name) is None:
        raise EvaluationError(f"{path}: the checkpoint remembers no {name}; give one of semantic_alignment_train.py")
    return float(checkpoint[name])


def settings_of(
    asked: FewShotRequest, trained_on: Sequence[str], lengths: dict[str, float], protocol: FewShotProtocol
) -> dict:
    """What the report says about how its numbers came about."""
    return {
        "checkpoint": str(asked.checkpoint),
        "trained_on": list(trained_on),
        **lengths,
        "embedded": "in the context of the recordings" if asked.context else "one window at a time",
        "falls": "scored" if asked.falls else "left out",
        "shots": list(protocol.shots),
        "draws": protocol.draws,
        "text_windows": protocol.text_windows,
        "ridge_penalty": protocol.ridge_penalty,
        "seed": protocol.seed,
    }


def score_dataset(
    windows: ScoredWindows,
    model: AlignmentModel,
    label_bank: LearnableLabelBank,
    context: bool,
    protocol: FewShotProtocol,
    console: Console,
) -> FewShotResult:
    """Embed the windows of a dataset, and score them in all draws."""
    index, rows, candidates = windows.index, windows.rows, windows.candidates
    embed = model.embed_rows_in_context if context else model.embed_rows
    with console.progress(total=2 * len(rows), desc=windows.dataset, unit="windows", disable=None) as bar:
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

    title = f"{windows.dataset}, draws"
    with console.progress(total=protocol.draws, desc=title, unit="draws", disable=None, leave=False) as bar:
        return score_few_shot(
            windows.dataset,
            features.cpu().numpy(),
            text_logits.cpu().numpy(),
            float(scale),
            windows.true,
            windows.subjects,
            # A window is where it begins in which stream.
            [f"{stream}/{start}" for stream, start in zip(streams, index.start[rows], strict=True)],
            labels=candidates,
            protocol=protocol,
            left_out=windows.left_out,
            progress=bar.update,
            in_context=in_recordings if context else None,
        )


def summary_line(result: FewShotResult) -> str:
    """Macro-F1 at every k of the ridge classifier with text, the first row of the table."""
    first = [row for row in result.rows if row["classifier"] == result.rows[0]["classifier"] and row["text"]]
    values = ", ".join(f"{row['macro_f1']['mean']:.3f} (k = {row['shots']})" for row in first)
    return (
        f"{result.dataset}: macro-F1 {result.zero_shot['macro_f1']['mean']:.3f} (k = 0), "
        f"{first[0]['classifier']} with text {values} ({result.windows} windows, {result.people} people)"
    )
