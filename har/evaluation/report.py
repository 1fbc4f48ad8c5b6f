"""A zero-shot evaluation as files: ``results.json`` for programs, ``report.md`` for people.

Both are pure functions of the results and the settings: the same evaluation gives the same bytes.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from har.evaluation.events import INSERTED, TIME_KINDS, TRUE_KINDS
from har.evaluation.zero_shot import NOT_REACHABLE, ZeroShotResult
from har.files.whole import write_atomically

RESULTS_NAME, REPORT_NAME = "results.json", "report.md"

CONFUSIONS_SHOWN = 10

ALONE, IN_CONTEXT = "one window", "recording context"
OPEN_SET_SHOWN = ("accuracy", "macro_f1")
SCORE_TITLES = {"accuracy": "accuracy", "balanced_accuracy": "balanced accuracy", "macro_f1": "macro-F1"}

HOW_TO_READ = """\
Scores are percentages; brackets hold {level:g} % intervals of a bootstrap over people ({draws} draws, seed {seed}).
*Closed set*: the nearest of the dataset's own labels, right when it is the label. *Open set*: the nearest of all
{training_labels} training labels, right when it means the same, or is a coarser, finer or partial statement of it
(`har/labels/groups.py`); *same group* counts synonyms alone. Balanced accuracy and macro-F1 average over the labels
(open set: synonym groups) that occur in the truth. *Most frequent label* is the accuracy of always naming it."""

EVENTS_READ = """\
An event is an activity done, or named, without a break (closed set; Ward et al. 2011). *Correct*: one true event and
one named one belong together, whatever their ends; event F1 counts these. The columns of time are in percent of the
true events' own."""

TRUST_READ = """\
*ECE*: how far the largest probability is on average from the share of answers that are right, over 15 bins of equal
width, and of equal mass. *AURC*: mean share wrong among the surest windows, over all shares of them. *AUROC, unknown*:
each activity that means none of the others is left out of the labels in turn; how well its windows are told from the
others. Closed set."""

TWO_ROWS = """\
Each window is named twice. *One window*: embedded on its own, as if nothing else had been measured. *Recording
context*: with what all recordings of that person and device tell without any label: how the device lies against the
body, what came shortly before and after, and which labels attract too many of the windows. Figures, activities and
confusions are of one window."""


def write_report(
    folder: str | Path,
    results: Sequence[ZeroShotResult],
    settings: Mapping,
    figures: Mapping[str, Sequence[str]] | None = None,
) -> tuple[Path, Path]:
    """Write ``results.json`` and ``report.md`` into ``folder`` (made if absent); returns both paths.

    ``settings`` holds plain values: what was evaluated and how (checkpoint, window_s, draws, level, seed,
    training_labels, ...); all of it is written down. ``figures`` maps a dataset to image paths relative to ``folder``.
    Each file appears whole or not at all. Raises ``ValueError`` when there are no results.
    """
    report = render_report(results, settings, figures or {})
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    record = {"settings": dict(settings), "datasets": {r.dataset: r.to_dict() for r in results}}
    text = json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    return _write(folder / RESULTS_NAME, text), _write(folder / REPORT_NAME, report)


def render_report(
    results: Sequence[ZeroShotResult], settings: Mapping, figures: Mapping[str, Sequence[str]] | None = None
) -> str:
    """The text of ``report.md``: settings, one summary line a dataset, then each dataset in detail."""
    if not results:
        raise ValueError("no results to report; score at least one dataset")
    how = HOW_TO_READ.format(
        draws=settings["draws"],
        seed=settings["seed"],
        level=100 * settings["level"],
        training_labels=len(settings["training_labels"]),
    )
    shown = {k: v for k, v in settings.items() if k not in ("training_labels", "draws", "level", "seed")}
    parts = [
        "# Zero-shot evaluation",
        "\n".join(f"- {setting_line(key, value)}" for key, value in shown.items()),
        how,
        TWO_ROWS if any(r.context for r in results) else "",
        "## Summary",
        _summary(results),
        *_trust_section(results),
    ]
    for result in results:
        parts += _dataset_section(result, (figures or {}).get(result.dataset, ()))
    return "\n\n".join(part for part in parts if part) + "\n"


def _summary(results: Sequence[ZeroShotResult]) -> str:
    head = [
        "dataset",
        "windows",
        "people",
        "labels",
        *SCORE_TITLES.values(),
        "open-set accuracy",
        "open-set macro-F1",
        "most frequent label",
    ]
    rows = []
    for r in results:
        labels = sum(a["windows"] > 0 for a in r.per_activity)
        scores = _summary_scores(r.closed_set, r.open_set)
        rows.append([r.dataset, r.windows, r.people, labels, *scores, percent(r.majority_share)])
        if r.context:
            scores = _summary_scores(r.context["closed_set"], r.context["open_set"])
            rows.append([f"{r.dataset}, {IN_CONTEXT}", "", "", "", *scores, ""])
    if len(results) > 1:
        one = _mean_scores([(r.closed_set, r.open_set) for r in results])
        majority = percent(sum(r.majority_share for r in results) / len(results))
        rows.append(["*mean*", "", "", "", *one, majority])
        if all(r.context for r in results):
            both = _mean_scores([(r.context["closed_set"], r.context["open_set"]) for r in results])
            rows.append([f"*mean*, {IN_CONTEXT}", "", "", "", *both, ""])
    return markdown_table(head, rows)


def _trust_section(results: Sequence[ZeroShotResult]) -> list[str]:
    """Whether probabilities can be trusted, a line a dataset and way to name; nothing where they were not scored."""
    scored = [result for result in results if result.trust]
    rows = [trust_row(f"{r.dataset}, {how}", [of]) for r in scored for how, of in r.trust.items()]
    if len(scored) > 1:
        ways = [how for how in (ALONE, IN_CONTEXT) if all(how in r.trust for r in scored)]
        rows += [trust_row(f"*mean*, {how}", [r.trust[how] for r in scored]) for how in ways]
    return ["## Probabilities", TRUST_READ, markdown_table(["dataset", *TRUST_HEAD], rows)] if rows else []


TRUST_HEAD = ["mean probability", "ECE", "ECE, equal mass", "NLL", "Brier", "AURC", "AUROC, unknown", "left out"]


def trust_row(title: str, scores: Sequence[Mapping]) -> list[str]:
    """Cells below `TRUST_HEAD`, means where there are several."""

    def mean(key: str) -> float:
        return sum(of[key] for of in scores) / len(scores)

    shares = [percent(mean(key)) for key in ("confidence", "ece", "ece_equal_mass")]
    told = [of["unknown"]["auroc"] for of in scores if of["unknown"]["auroc"] is not None]
    unknown = [
        f"{sum(told) / len(told):.3f}" if told else "-",
        str(sum(len(of["unknown"]["activities"]) for of in scores)),
    ]
    return [title, *shares, f"{mean('nll'):.3f}", f"{mean('brier'):.3f}", percent(mean("aurc")), *unknown]


def _summary_scores(closed: Mapping, open_set: Mapping) -> list[str]:
    """Cells of a summary line, in the order of its head."""
    return [*(_score(closed, name) for name in SCORE_TITLES), *(_score(open_set, name) for name in OPEN_SET_SHOWN)]


def _mean_scores(scores: Sequence[tuple[Mapping, Mapping]]) -> list[str]:
    """The same of the means of several datasets (closed set, open set), without intervals."""

    def mean(values: list[float]) -> str:
        return percent(sum(values) / len(values))

    closed = [mean([part[name] for part, _ in scores]) for name in SCORE_TITLES]
    return [*closed, *(mean([part[name] for _, part in scores]) for name in OPEN_SET_SHOWN)]


def _dataset_section(result: ZeroShotResult, figures: Sequence[str]) -> list[str]:
    remarks = "\n".join(f"- {remark}" for remark in _remarks(result))
    parts = [f"## {result.dataset}", remarks, "### Scores", _scores_table(result)]
    if result.events:
        parts += ["### Events", EVENTS_READ, _events_table(result.events)]
    parts += ["### Per activity", _activity_table(result)]
    parts += ["### Largest confusions (closed set)", _confusion_table(result)]
    # Angle brackets keep a path with spaces one path.
    parts += [f"![{Path(figure).stem.replace('_', ' ')}](<{figure}>)" for figure in figures]
    return parts


def _remarks(result: ZeroShotResult) -> list[str]:
    remarks = list(result.notes)
    if result.left_out:
        listed = "; ".join(f"{label or 'unlabelled'} ({n})" for label, n in result.left_out.items())
        remarks.append(f"Left out, {sum(result.left_out.values())} windows: {listed}.")
    if empty := [a["label"] for a in result.per_activity if not a["windows"]]:
        remarks.append(f"Candidates without a window: {'; '.join(empty)}.")
    if result.not_reachable:
        remarks.append(
            f"Not reachable in the open set, no training label means them: {'; '.join(result.not_reachable)}. "
            f"{percent(result.open_set['reachable_share'])} % of the windows can be hit."
        )
    return remarks


def _scores_table(result: ZeroShotResult) -> str:
    def row(title: str, kind: str, scores: dict) -> list:
        values = [_score(scores, name) for name in SCORE_TITLES]
        return [title, kind, scores.get("windows", ""), scores.get("people", ""), *values]

    open_set = result.open_set
    strict = {**open_set["strict"], "windows": open_set["windows"], "people": open_set["people"]}
    rows = [row("all", "closed", result.closed_set), row("all", "open", open_set)]
    rows.append(row("all", "open, same group", strict))
    placed = {"all": result.context, **result.context["per_placement"]} if result.context else {}
    for place, scores in {"all": None, **result.per_placement}.items():
        if scores:
            rows += [row(place, "closed", scores["closed_set"]), row(place, "open", scores["open_set"])]
        if place in placed:
            rows.append(row(place, f"closed, {IN_CONTEXT}", placed[place]["closed_set"]))
            rows.append(row(place, f"open, {IN_CONTEXT}", placed[place]["open_set"]))
    return markdown_table(["placement", "set", "windows", "people", *SCORE_TITLES.values()], rows)


def _events_table(events: Mapping[str, Mapping]) -> str:
    head = ["named", "true events", "correct", "fragmented", "merged", "both", "deleted", "named events", "inserted"]
    head += ["event F1", *(f"{kind} time" for kind in TIME_KINDS)]
    rows = []
    for which, of in events.items():
        counts = [of["true_events"][kind] for kind in TRUE_KINDS]
        time = [percent(of["seconds"][kind] / of["true_s"]) for kind in TIME_KINDS]
        inserted = of["named_events"][INSERTED]
        rows.append([which, of["true"], *counts, of["named"], inserted, percent(of["f1"]), *time])
    return markdown_table(head, rows)


def _activity_table(result: ZeroShotResult) -> str:
    head = [
        "activity",
        "windows",
        "people",
        "precision",
        "recall",
        "F1",
        "most often taken for",
        "in training",
        "open-set recall",
        "open-set answers",
    ]
    rows = [
        [
            a["label"],
            a["windows"],
            a["people"],
            *(percent(a[name]) for name in ("precision", "recall", "f1")),
            _shares(a["confused_with"][:1]),
            "**no**" if a["in_training"] == NOT_REACHABLE else a["in_training"],
            percent(a["open_set_recall"]),
            _shares(a["open_set_answers"]),
        ]
        for a in result.per_activity
    ]
    return markdown_table(head, rows)


def _confusion_table(result: ZeroShotResult) -> str:
    labels, confusion = result.closed_set["labels"], result.closed_set["confusion"]
    wrong = [
        (n, n / sum(confusion[i]), label, labels[j])
        for i, label in enumerate(labels)
        for j, n in enumerate(confusion[i])
        if i != j and n
    ]
    if not wrong:
        return "No window was confused."
    wrong.sort(key=lambda entry: (-entry[0], entry[2], entry[3]))
    rows = [[true, predicted, n, percent(share)] for n, share, true, predicted in wrong[:CONFUSIONS_SHOWN]]
    return markdown_table(["truth", "taken for", "windows", "% of the truth"], rows)


def _score(scores: Mapping, name: str) -> str:
    interval = scores.get("intervals", {}).get(name)
    value = percent(scores[name])
    return value if interval is None else f"{value} [{percent(interval[0])}, {percent(interval[1])}]"


def percent(share: float | None) -> str:
    """A share in percent, "-" where there is none."""
    return "-" if share is None else f"{100 * share:.1f}"


def _shares(entries: Sequence[Sequence]) -> str:
    return ", ".join(f"{label} {percent(share)} %" for label, share in entries) or "-"


def setting_line(key: str, value: object) -> str:
    """One setting in words; a key that ends in ``_s`` holds seconds."""
    if isinstance(value, list | tuple):
        value = ", ".join(map(str, value)) or "none"
    seconds = key.endswith("_s")
    return f"{key.removesuffix('_s').replace('_', ' ')}: {value}{' s' if seconds else ''}"


def markdown_table(head: Sequence[str], rows: Sequence[Sequence]) -> str:
    """A table of one head and any number of rows of as many cells."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def _write(path: Path, text: str) -> Path:
    write_atomically(path, text, durable=False)
    return path
