"""The leave-one-dataset-out protocol as text: tables of `har.evaluation.leave_one_out`, for people."""

from collections.abc import Mapping, Sequence

from har.evaluation.leave_one_out import (
    CEILING,
    CEILING_CONTEXT,
    CONTEXT,
    FOREST,
    FROZEN,
    MAJORITY,
    ONE_WINDOW,
    ROWS,
)
from har.evaluation.report import (
    ALONE,
    IN_CONTEXT,
    TRUST_HEAD,
    TRUST_READ,
    markdown_table,
    percent,
    setting_line,
    trust_row,
)

ROW_TITLES = {
    ONE_WINDOW: "one window",
    CONTEXT: "recording context",
    FOREST: "random forest",
    FROZEN: "frozen random encoder",
    MAJORITY: "most frequent label",
    CEILING: "ceiling, one window",
    CEILING_CONTEXT: "ceiling, recording context",
}

HOW_TO_READ = """\
Each dataset was left out in turn: models were trained on all others for a fixed number of steps, and the last state was
scored; nothing of the left-out dataset was used, labels or signals, in training or in choosing. Percentages: mean ±
standard deviation over training seeds; brackets hold {level:g} % intervals over people ({draws} draws, all rows of a
dataset share them). Falls are left out.

*One window* was embedded on its own. *Recording context* adds what all unlabelled recordings of the person with the
device tell: how it lies against the body, what came shortly before and after, and which labels attract too many
windows. *Random forest*: hand-made features of the same training datasets, labels bridged by sentence embeddings.
*Frozen random encoder*: only what follows the encoder was trained. *Most frequent label* is that of the left-out
dataset. *Ceiling*: the same network trained on other people of the left-out dataset itself; *of ceiling* is macro-F1
and accuracy as a share of it. Closed set: out of the dataset's own labels; open set: out of all training labels, scored
through synonym groups (docs/evaluation.md)."""

HEAD = ["macro-F1", "accuracy", "open-set macro-F1", "open-set accuracy", "macro-F1 of ceiling", "accuracy of ceiling"]


def render_protocol_report(
    record: Mapping,
    settings: Mapping,
    missing: Sequence[str],
    confusions: Mapping[str, Sequence[Mapping]],
    figures: Mapping[str, str],
    trust: Mapping[str, Mapping[str, Sequence[Mapping]]] | None = None,
) -> str:
    """The text of ``report.md``.

    record: of `score_protocol`. settings: plain values, all written down; ``draws`` and ``level`` among them. missing:
    names of the cells that are not finished. confusions: dataset -> entries with ``true``, ``predicted``, ``windows``,
    ``share``. figures: "overview" or a dataset -> path relative to the report; absent ones are not mentioned.
    trust: dataset -> how windows were named -> ``trust`` of `ZeroShotResult`, one a seed.
    """
    shown = {key: value for key, value in settings.items() if key not in ("draws", "level")}
    parts = [
        "# Leave one dataset out",
        "\n".join(f"- {setting_line(key, value)}" for key, value in shown.items()),
        f"**Not finished yet, so the tables are partial: {', '.join(missing)}.**" if missing else "",
        HOW_TO_READ.format(level=100 * settings["level"], draws=settings["draws"]),
    ]
    if record["datasets"]:
        parts += ["## Mean over datasets", _row_table(record["mean"], with_datasets=True)]
        if record["mean_of_first"]:
            title = f"## Mean over {_first_datasets(record)} alone"
            parts += [title, _row_table(record["mean_of_first"], with_datasets=True)]
        parts += [_figure("overview", figures)]
        parts += ["## Macro-F1, closed set", _overview_table(record)]
        parts += _trust_section(trust or {})
    for dataset, entry in record["datasets"].items():
        parts += _dataset_section(dataset, entry, confusions.get(dataset, ()), figures)
    return "\n\n".join(part for part in parts if part) + "\n"


def _trust_section(trust: Mapping[str, Mapping[str, Sequence[Mapping]]]) -> list[str]:
    """Whether probabilities can be trusted: means over seeds of each dataset, and over datasets."""
    if not trust:
        return []
    rows = [trust_row(f"{dataset}, {how}", of) for dataset, ways in trust.items() for how, of in ways.items()]
    for how in (ALONE, IN_CONTEXT):
        having = [ways[how] for ways in trust.values() if how in ways]
        if len(having) > 1:
            # As many of each: those of more seeds would count for more.
            fewest = min(map(len, having))
            rows.append(trust_row(f"*mean*, {how}", [scores for of in having for scores in of[:fewest]]))
    return ["## Probabilities", TRUST_READ, markdown_table(["dataset", *TRUST_HEAD], rows)]


def _dataset_section(dataset: str, entry: Mapping, confusions: Sequence[Mapping], figures: Mapping[str, str]) -> list:
    one_person = " One person only: no interval over people can be given." if entry["people"] == 1 else ""
    parts = [
        f"## {dataset}",
        f"{entry['windows']} windows of {entry['people']} people, {entry['labels']} labels.{one_person}",
        _row_table(entry["rows"]),
    ]
    if entry["per_placement"]:
        parts += ["### By placement", _placement_table(entry["per_placement"])]
    if confusions:
        rows = [[c["true"], c["predicted"], c["windows"], percent(c["share"])] for c in confusions]
        parts.append("### Largest confusions, one window")
        parts.append(markdown_table(["truth", "taken for", "windows", "% of the truth"], rows))
    return [*parts, _figure(dataset, figures)]


def _row_table(rows: Mapping[str, Mapping], with_datasets: bool = False) -> str:
    head = ["", *HEAD, *(["datasets"] if with_datasets else [])]
    lines = []
    for row in ROWS:
        if row in rows:
            cells = _cells(rows[row])
            lines.append([ROW_TITLES[row], *cells, *([len(rows[row]["datasets"])] if with_datasets else [])])
    return markdown_table(head, lines)


def _cells(entry: Mapping) -> list[str]:
    """Cells of one row below `HEAD`."""
    closed, open_set, share = entry["closed_set"], entry["open_set"], entry["share_of_ceiling"]
    return [
        *(with_spread(closed[name]) for name in ("macro_f1", "accuracy")),
        *("-" if open_set is None else with_spread(open_set[name]) for name in ("macro_f1", "accuracy")),
        *("-" if share is None else percent(share[name]) for name in ("macro_f1", "accuracy")),
    ]


def _overview_table(record: Mapping) -> str:
    """Datasets below each other, rows beside each other."""
    rows = [row for row in ROWS if any(row in entry["rows"] for entry in record["datasets"].values())]
    lines = []
    means = [("*mean*", record["mean"])]
    if record["mean_of_first"]:
        means.append((f"*mean of {_first_datasets(record)}*", record["mean_of_first"]))
    for title, entries in [*((d, e["rows"]) for d, e in record["datasets"].items()), *means]:
        cells = []
        for row in rows:
            value = entries[row]["closed_set"]["macro_f1"] if row in entries else None
            cells.append("-" if value is None else _mean_sd(value))
        lines.append([title, *cells])
    return markdown_table(["dataset", *(ROW_TITLES[row] for row in rows)], lines)


def _first_datasets(record: Mapping) -> str:
    """Names of the datasets of ``mean_of_first``; a row that is not finished everywhere has fewer."""
    return ", ".join(max((entry["datasets"] for entry in record["mean_of_first"].values()), key=len))


def _placement_table(placements: Mapping[str, Mapping]) -> str:
    lines = [
        [place, entry["windows"], entry["people"], ROW_TITLES[row], *_cells(entry["rows"][row])]
        for place, entry in placements.items()
        for row in ROWS
        if row in entry["rows"]
    ]
    return markdown_table(["placement", "windows", "people", "", *HEAD], lines)


COMPARED = {ONE_WINDOW: "One window", CONTEXT: "Recording context"}

HOW_TO_COMPARE = """\
Macro-F1 in percent, closed set: mean over the left-out datasets, ± standard deviation over training seeds of that mean.
*Nested*: for every dataset the variant with the best mean over the *other* datasets is chosen and scored on that
dataset, which has no part in the choice; this is what choosing between the variants is worth on a dataset that nobody
has seen. The best variant's own mean has seen all scores, so it promises too much."""


def render_comparison(
    compared: Mapping[str, Mapping], scores: Mapping[str, Mapping], settings: Mapping, differences: Mapping
) -> str:
    """The text of a comparison's ``report.md``.

    compared: row -> what `nested_selection` returned for ``scores[row]`` (variant -> dataset -> one value a seed).
    settings: plain values, all written down. differences: variant -> lines that say how it differs from the first.
    """
    parts = ["# Variants compared", "\n".join(f"- {setting_line(*item)}" for item in settings.items())]
    parts += [f"**{variant}**: {'; '.join(lines) or 'no constant differs'}" for variant, lines in differences.items()]
    parts.append(HOW_TO_COMPARE)
    for row, nested in compared.items():
        datasets = list(nested["chosen"])
        lines = [
            [variant, *(percent(sum(of[d]) / len(of[d])) for d in datasets), _mean_sd(nested["variants"][variant])]
            for variant, of in scores[row].items()
        ]
        best = nested["best"]
        chosen = [scores[row][variant][d] for d, variant in nested["chosen"].items()]
        lines.append(["**nested**", *(percent(sum(v) / len(v)) for v in chosen), f"**{_mean_sd(nested['nested'])}**"])
        lines.append(["*chosen*", *nested["chosen"].values(), f"(best: {best})"])
        parts += [f"## {COMPARED[row]}", markdown_table(["variant", *datasets, "mean"], lines)]
    return "\n\n".join(parts) + "\n"


def with_spread(value: Mapping) -> str:
    """``mean ± sd [low, high]`` in percent; what there is of it."""
    interval = value["interval"]
    return _mean_sd(value) + ("" if interval is None else f" [{percent(interval[0])}, {percent(interval[1])}]")


def _mean_sd(value: Mapping) -> str:
    return percent(value["mean"]) + ("" if value["sd"] is None else f" ± {percent(value['sd'])}")


def _figure(name: str, figures: Mapping[str, str]) -> str:
    # Angle brackets keep a path with spaces one path.
    return f"![{name}](<{figures[name]}>)" if name in figures else ""
