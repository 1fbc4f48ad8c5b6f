"""One checkpoint scored on datasets that it has never seen, with a few labelled windows of each."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from har.evaluation.few_shot import Draws, FewShotProtocol, FewShotResult, score_few_shot
from har.evaluation.few_shot_draws import (
    PLACEMENT,
    PROTOCOLS,
    SHARED,
    WEARER,
    CannotDraw,
    by_wearer,
    check_gap,
    draw_placements,
    draw_windows,
    halves,
)
from har.evaluation.few_shot_report import PROTOCOL_TITLES, render_few_shot_report
from har.evaluation.report import REPORT_NAME
from har.network.alignment import AlignmentModel
from har.network.loading import load_label_bank, load_model
from har.plots.few_shot import plot_few_shot, plot_few_shot_protocols
from har.protocol.request import Console, EvaluationError, EvaluationRequest, open_datasets
from har.protocol.scoring import ScoredWindows, choose_windows
from har.run.device import compute_device
from har.run.folder import write_atomically, write_json
from har.text.label_bank import LearnableLabelBank, prototype_similarity
from har.text.recording_context import calibrated, in_context

RECORD_NAME = "few_shot.json"
WINDOW_SETTINGS = ("window_s", "stride_s", "min_window_s")
# Where the record keeps the results of each protocol.
_SECTIONS = {SHARED: "datasets", PLACEMENT: "datasets_by_placement", WEARER: "datasets_by_wearer"}


@dataclass(frozen=True, kw_only=True)
class FewShotRequest(EvaluationRequest):
    """What a few-shot evaluation is asked for besides.

    context: name windows in view of all unlabelled recordings of the person and device, not on their own. protocols:
    of `PROTOCOLS`, in the order of the report. gap_s: seconds between the halves of a wearer's own recordings.
    Raises ``ValueError`` for a gap that is negative or not finite.
    """

    context: bool = False
    protocols: Sequence[str] = PROTOCOLS
    gap_s: float = 5.0

    def __post_init__(self) -> None:
        check_gap(self.gap_s)


def evaluate_few_shot(asked: FewShotRequest, protocol: FewShotProtocol, console: Console) -> None:
    """Load, embed, score and write to ``asked.out``; tells a line a dataset and protocol and where everything is.

    A protocol that a dataset does not allow (other people where there is one person alone, say) is told of and written
    down. Raises ``EvaluationError`` for what cannot be scored, a dataset that allows no protocol, and as `load_model`.
    """
    device = compute_device(asked.device, "--device")
    model, checkpoint, hyperparams_path = load_model(asked.checkpoint, device)
    datasets = open_datasets(asked.datasets, asked.data, checkpoint["datasets"])
    label_bank = load_label_bank(checkpoint, device, hyperparams_path)
    lengths = {name: window_setting(checkpoint, name, asked.checkpoint) for name in WINDOW_SETTINGS}

    chosen = [choose_windows(dataset, *lengths.values(), asked.falls) for dataset in datasets]
    results: dict[str, dict[str, FewShotResult]] = {}
    not_scored: dict[str, dict[str, str]] = {}
    figures = {}
    for windows in chosen:
        own, refused = score_dataset(windows, model, label_bank, asked, protocol, console)
        for name, reason in refused.items():
            console.complain(f"{windows.dataset}, {PROTOCOL_TITLES[name].lower()}: not scored, {reason}")
        if not own:
            raise EvaluationError(
                f"{windows.dataset}: none of the protocols {', '.join(asked.protocols)} can be scored"
            )
        results[windows.dataset] = own
        not_scored |= {windows.dataset: refused} if refused else {}
        figures[windows.dataset] = [path.relative_to(asked.out).as_posix() for path in _plots(own, asked.out / "plots")]
        console.tell("\n".join(map(summary_line, own.values())))
    settings = settings_of(asked, checkpoint["datasets"], lengths, protocol)
    record = {"settings": settings} | {
        _SECTIONS[name]: {dataset: own[name].to_dict() for dataset, own in results.items() if name in own}
        for name in asked.protocols
    }
    write_json(asked.out / RECORD_NAME, record | {"not_scored": not_scored})
    listed = [result for own in results.values() for result in own.values()]
    write_atomically(asked.out / REPORT_NAME, render_few_shot_report(listed, settings, figures, not_scored))
    console.tell(f"Report, results and plots: {asked.out.resolve()} (start with {REPORT_NAME})")


def _plots(own: dict[str, FewShotResult], folder: Path) -> list[Path]:
    """Draw a dataset's protocols side by side, and all classifiers of one: the one that shares windows, if scored."""
    folder.mkdir(parents=True, exist_ok=True)
    result = own.get(SHARED) or next(iter(own.values()))
    title = f"{result.dataset}: {PROTOCOL_TITLES[result.protocol].lower()}"
    records = {PROTOCOL_TITLES[name].lower(): one.to_dict() for name, one in own.items()}
    return [
        plot_few_shot_protocols(records, folder / f"few_shot_protocols_{result.dataset}.png", result.dataset),
        plot_few_shot(result.to_dict(), folder / f"few_shot_{result.dataset}.png", title),
    ]


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
        "protocols": list(asked.protocols),
        "gap_s": asked.gap_s,
        "shots": list(protocol.shots),
        "draws": protocol.draws,
        "text_windows": protocol.text_windows,
        "ridge_penalty": protocol.ridge_penalty,
        "kernel_width": protocol.kernel_width,
        "noise": protocol.noise,
        "noise_of_others": protocol.noise_of_others,
        "prior_windows": protocol.prior_windows,
        "seed": protocol.seed,
    }


def score_dataset(
    windows: ScoredWindows,
    model: AlignmentModel,
    label_bank: LearnableLabelBank,
    asked: FewShotRequest,
    protocol: FewShotProtocol,
    console: Console,
) -> tuple[dict[str, FewShotResult], dict[str, str]]:
    """Embed the windows of a dataset, and score them in all draws of each protocol.

    Returns protocol -> result, and why a protocol has none.
    """
    index, rows, candidates = windows.index, windows.rows, windows.candidates
    embed = model.embed_rows_in_context if asked.context else model.embed_rows
    with console.progress(total=2 * len(rows), desc=windows.dataset, unit="windows", disable=None) as bar:
        embeddings = embed(index, rows, bar.update)
        features = embed(index, rows, bar.update, layer="features").cpu().numpy()
    with torch.no_grad():
        prototypes = label_bank.encode(candidates).reshape(len(candidates), -1, embeddings.shape[1])
        scale = label_bank.logit_scale
        text_logits = (scale * prototype_similarity(embeddings, prototypes, scale)).cpu().numpy()
    # A window is where it begins in which stream.
    streams = [index.streams[i].info.name for i in index.stream_id[rows]]
    ids = [f"{stream}/{start}" for stream, start in zip(streams, index.start[rows], strict=True)]
    wearer_id = index.wearer_id[rows]

    def in_recordings(query: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
        own = rows[query]
        return in_context(probabilities, index.start_time_s[own], index.recording_id[own], index.wearer_id[own])

    results, refused = {}, {}
    for name in asked.protocols:
        other = results.get({PLACEMENT: SHARED, SHARED: PLACEMENT}.get(name, ""))
        if other is not None and len(set(windows.placements)) == 1:
            results[name] = replace(other, protocol=name)
            continue
        title = f"{windows.dataset}, {PROTOCOL_TITLES[name].lower()}"
        with console.progress(total=protocol.draws, desc=title, unit="draws", disable=None, leave=False) as bar:
            try:
                draws, notes = protocol_draws(name, windows, streams, ids, asked.gap_s, protocol.seed)
                results[name] = score_few_shot(
                    windows.dataset,
                    features,
                    text_logits,
                    float(scale),
                    windows.true,
                    windows.subjects,
                    ids,
                    labels=candidates,
                    protocol=protocol,
                    left_out=windows.left_out,
                    notes=notes,
                    progress=bar.update,
                    in_context=in_recordings if asked.context else None,
                    calibrated=(lambda text: calibrated(text, wearer_id)) if asked.context else None,
                    draws=draws,
                    name=name,
                )
            except CannotDraw as error:
                refused[name] = str(error)
    return results, refused


def protocol_draws(
    name: str, windows: ScoredWindows, streams: Sequence[str], ids: Sequence[str], gap_s: float, seed: int
) -> tuple[Draws, list[str]]:
    """The draws of a protocol, and what is to be said of them. streams: (N,) names, which device of a person it is."""
    true, subjects = windows.true, windows.subjects
    if name == SHARED:
        return lambda number: {"": draw_windows(true, subjects, ids, number, seed)}, []
    if name == PLACEMENT:
        return lambda number: draw_placements(true, subjects, windows.placements, ids, number, seed), []
    index, rows = windows.index, windows.rows
    wearers = [f"{subject} ({stream})" for subject, stream in zip(subjects, streams, strict=True)]
    recordings = [index.recordings[i] for i in index.recording_id[rows]]
    parts = halves(true, wearers, recordings, index.start_time_s[rows], index.window_s, gap_s)
    notes = [f"{parts.named.sum()} windows of the second halves are named, out of {parts.teaches.sum()} of the first."]
    if parts.left_out:
        notes.append(
            f"Left out, because fewer than two activities have both halves: {len(parts.left_out)} of "
            f"{len(set(wearers))} wearers: {'; '.join(parts.left_out)}."
        )
    if parts.without_half:
        listed = "; ".join(parts.without_half)
        notes.append(f"Too short for two halves with the gap: {len(parts.without_half)} activities: {listed}.")
    return lambda number: by_wearer(true, wearers, parts, ids, number, seed), notes


def summary_line(result: FewShotResult) -> str:
    """Macro-F1 at every k of the first classifier with text, the first row of the table."""
    first = [row for row in result.rows if row["classifier"] == result.rows[0]["classifier"] and row["text"]]
    values = ", ".join(f"{row['macro_f1']['mean']:.3f} (k = {row['shots']})" for row in first)
    return (
        f"{result.dataset}, {PROTOCOL_TITLES[result.protocol].lower()}: macro-F1 "
        f"{result.zero_shot['macro_f1']['mean']:.3f} (k = 0), {first[0]['classifier']} with text {values} "
        f"({result.windows} windows, {result.people} people)"
    )
