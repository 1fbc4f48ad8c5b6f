"""Few-shot scores as a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from har.evaluation.few_shot_classifiers import CLASSIFIERS
from har.evaluation.few_shot_draws import PLACEMENT, SHARED, WEARER

if TYPE_CHECKING:
    from har.evaluation.few_shot import FewShotResult

HOW_TO_READ = """\
Percentages, mean ± standard deviation over {draws} draws. Every column of a table is scored on the same windows, named
out of the dataset's own labels; *k* = 0 is the zero-shot prediction. *With text*: the label text is the prior of the
Gaussian process, where it counts as {prior_windows:g} labelled windows a class, and is blended with the other
classifiers, where it counts as {text_windows:g}. The deviation is that of choosing other people and windows of the same
dataset; draws share people, so it is no confidence interval of the mean."""

PROTOCOL_TITLES = {
    PLACEMENT: "Each placement with its own windows",
    SHARED: "Windows shared over placements",
    WEARER: "The wearer's own windows",
}
PROTOCOL_TEXTS = {
    PLACEMENT: "Each draw divides the people into two halves: at each placement, *k* windows a class of the one half "
    "are labelled, and all windows of the other half there are named by these.",
    SHARED: "Each draw divides the people into two halves: *k* windows a class of the one half, whatever their "
    "placement, are labelled, and all windows of the other half are named by these.",
    WEARER: "Of each person with one device and each activity, *k* windows of the first half of the time are labelled, "
    "and those of the second half, after a gap of {gap_s:g} s, are named by these. Each draw chooses other windows.",
}

TABLES = {
    "macro_f1": "Macro-F1",
    "accuracy": "Accuracy",
    "gain": "Gain in macro-F1 over k = 0 in the same draw",
}


def render_few_shot_report(
    results: Sequence[FewShotResult],
    settings: Mapping,
    figures: Mapping[str, Sequence[str]] | None = None,
    not_scored: Mapping[str, Mapping[str, str]] | None = None,
) -> str:
    """The text of ``report.md``: settings, then each dataset's protocols with their notes, tables and figures.

    ``results`` hold one entry a dataset and protocol, those of a dataset one after the other. ``settings`` holds plain
    values, what was evaluated and how (``shots``, ``draws``, ``text_windows``, ``prior_windows``, ``gap_s``, ...); all
    are written down, a key that ends in ``_s`` as seconds. ``figures`` maps a dataset to image paths relative to the
    report, ``not_scored`` a dataset to the protocols that it does not allow, each with the reason.
    Raises ``ValueError`` when there are no results.
    """
    if not results:
        raise ValueError("no results to report; score at least one dataset")
    parts = ["# A few labelled windows", "\n".join(f"- {_setting(*item)}" for item in settings.items())]
    parts.append(HOW_TO_READ.format_map(settings))
    for dataset in dict.fromkeys(result.dataset for result in results):
        own = [result for result in results if result.dataset == dataset]
        parts += [f"## {dataset}", _overview(own, settings["shots"])]
        # Angle brackets keep a path with spaces one path.
        parts += [f"![few-shot curves](<{path}>)" for path in (figures or {}).get(dataset, ())]
        for result in own:
            parts += [
                f"### {dataset}: {PROTOCOL_TITLES[result.protocol].lower()}",
                PROTOCOL_TEXTS[result.protocol].format_map(settings),
                "\n".join(f"- {remark}" for remark in _remarks(result)),
            ]
            for name, title in TABLES.items():
                parts += [f"#### {title}", _score_table(result, settings["shots"], name)]
        for protocol, reason in (not_scored or {}).get(dataset, {}).items():
            parts += [f"### {dataset}: {PROTOCOL_TITLES[protocol].lower()}", f"Not scored: {reason}."]
    return "\n\n".join(parts) + "\n"


def _overview(results: Sequence[FewShotResult], shots: Sequence[int]) -> str:
    """Macro-F1 of the first classifier with text, a row a protocol."""
    lines = [["labelled windows, macro-F1", "*k* = 0", *(f"*k* = {k}" for k in shots)], ["---"] * (len(shots) + 2)]
    for result in results:
        found = {
            row["shots"]: row["macro_f1"] for row in result.rows if row["text"] and row["classifier"] == CLASSIFIERS[0]
        }
        cells = [_mean_and_sd(summary) for summary in (result.zero_shot["macro_f1"], *(found[k] for k in shots))]
        lines.append([PROTOCOL_TITLES[result.protocol].lower(), *cells])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _setting(key: str, value: object) -> str:
    if isinstance(value, list | tuple):
        value = ", ".join(map(str, value)) or "none"
    return f"{key.removesuffix('_s').replace('_', ' ')}: {value}{' s' if key.endswith('_s') else ''}"


def _remarks(result: FewShotResult) -> list[str]:
    labels = "; ".join(result.labels)
    remarks = [f"{result.windows} windows of {result.people} people; {len(result.labels)} labels: {labels}."]
    remarks += result.notes
    if result.left_out:
        listed = "; ".join(f"{label or 'unlabelled'} ({n})" for label, n in result.left_out.items())
        remarks.append(f"Left out, {sum(result.left_out.values())} windows: {listed}.")
    whole = result.protocol == SHARED  # one support a draw
    for shots in sorted({entry["shots"] for entry in result.fewer}):
        listed = "; ".join(
            f"{entry['label']} (down to {entry['fewest']}, {entry['draws']} {'draws' if whole else 'supports'})"
            for entry in result.fewer
            if entry["shots"] == shots
        )
        remarks.append(f"Fewer than {shots} windows in a support, all were taken: {listed}.")
    return remarks


def _score_table(result: FewShotResult, shots: Sequence[int], name: str) -> str:
    """One row a classifier with and without text, one column a number of shots; k = 0 has no gain over itself."""
    found = {(row["classifier"], row["text"], row["shots"]): row[name] for row in result.rows}
    zero = [result.zero_shot[name]] if name in result.zero_shot else []
    head = ["classifier", *["*k* = 0" for _ in zero], *[f"*k* = {k}" for k in shots]]
    lines = [head, ["---"] * len(head)]
    for classifier in CLASSIFIERS:
        for text in (True, False):
            start = [_mean_and_sd(summary) if text else "-" for summary in zero]
            cells = [_mean_and_sd(found[classifier, text, k]) for k in shots]
            lines.append([f"{classifier}, with text" if text else classifier, *start, *cells])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _mean_and_sd(summary: Mapping) -> str:
    sd = "" if summary["sd"] is None else f" ± {100 * summary['sd']:.1f}"
    return f"{100 * summary['mean']:.1f}{sd}"
