"""What changes of devices, of wearing and of words cost, as ``report.md``: a pure function of ``results.json``."""

from collections.abc import Mapping, Sequence

from har.evaluation.report import REPORT_NAME as REPORT_NAME  # the files of every evaluation
from har.evaluation.report import RESULTS_NAME as RESULTS_NAME
from har.evaluation.report import markdown_table, percent, setting_line

ROW_TITLES = {"one_window": "one window", "recording_context": "recording context"}

HOW_TO_READ = """\
Macro-F1 of the closed set and shares of windows in percent. *Change*: the score after a change less that of the very
same windows before, with a {level:g} % interval of a bootstrap over people ({draws} draws) in which each draw scores
both. *Moved*: windows whose answer differs. Windows of which a change leaves nothing are in neither score (*left out*).
Means count each dataset once that a change can be made to."""

WORDS_READ = """\
*Other words*: each label in one of five wordings that training has not read, {wording_draws} draws; ± is the deviation
of their scores. *More detail*: each label told more closely than any label of training. *Distractors*: {distractors}
activities beside that nobody in the dataset does, {distractor_draws} draws."""

WORST_READ = """\
Each label alone in each of its wordings, one window, all others in the dataset's own words; the wording with the lowest
accuracy over all windows."""

WORDS_TITLES = {"wordings": "other words", "detailed": "more detail", "distractors": "distractors"}


def render_robustness(record: Mapping, figure: str | None = None) -> str:
    """The text of the report. figure: its path relative to the report."""
    settings = record["settings"]
    shown = {key: value for key, value in settings.items() if key not in ("changes", "draws", "level")}
    parts = ["# Robustness", "\n".join(f"- {setting_line(key, value)}" for key, value in shown.items())]
    parts.append(HOW_TO_READ.format(level=100 * settings["level"], draws=settings["draws"]))
    if record["mean"]:
        parts += ["## What is measured otherwise", signals_table(record)]
        if figure:
            parts.append(f"![Change of the score, and windows whose answer moved](<{figure}>)")
        parts += [f"### {title}\n\n{_datasets_table(record, row)}" for row, title in ROW_TITLES.items()]
    if record["words"]:
        parts += ["## What is asked in other words", WORDS_READ.format(**settings), words_table(record)]
        parts += ["### Worst wordings", WORST_READ, _worst_table(record)]
    return "\n\n".join(parts) + "\n"


def signals_table(record: Mapping) -> str:
    """One line a change: means over datasets, both rows side by side."""
    head = ["change", "datasets", "windows", "left out"]
    for title in ROW_TITLES.values():
        head += [f"{title}: before", "change", "moved"]
    lines = []
    for name, title in _changes(record):
        rows = record["mean"][name]
        first = rows["one_window"]
        line = [title, len(first["datasets"]), f"{first['windows']:,}", percent(1 - first["answered"])]
        for row in ROW_TITLES:
            line += [percent(rows[row]["control"]), change_text(rows[row]), percent(rows[row]["moved"])]
        lines.append(line)
    return markdown_table(head, lines)


def words_table(record: Mapping) -> str:
    """One line a dataset and row: its own words, and the changes of words."""
    kinds = list(WORDS_TITLES)
    head = ["dataset", "named", "own words", "other words", "lowest", "change", "moved"]
    for kind in kinds[1:]:
        head += [WORDS_TITLES[kind], "change", "moved"]
    lines = []
    for dataset, rows in record["words"].items():
        for row, title in ROW_TITLES.items():
            found = rows[row]
            spoken = found["wordings"]
            score = percent(spoken["score"]) + ("" if spoken["sd"] is None else f" ± {percent(spoken['sd'])}")
            line = [dataset, title, percent(spoken["control"]), score, percent(spoken["lowest"])]
            line += [change_text(spoken), percent(spoken["moved"])]
            for kind in kinds[1:]:
                line += [percent(found[kind]["score"]), change_text(found[kind]), percent(found[kind]["moved"])]
            lines.append(line)
    for row, title in ROW_TITLES.items():
        lines.append(_mean_of_words([rows[row] for rows in record["words"].values()], title))
    return markdown_table(head, lines)


def change_text(score: Mapping) -> str:
    """A difference with its interval, in points."""
    text = f"{100 * score['difference']:+.1f}"
    if score["interval"] is None:
        return text
    low, high = score["interval"]
    return f"{text} [{100 * low:+.1f}, {100 * high:+.1f}]"


def _mean_of_words(rows: Sequence[Mapping], title: str) -> list[str]:
    """The line of the means over datasets, without intervals."""

    def mean(kind: str, value: str) -> float:
        return sum(row[kind][value] for row in rows) / len(rows)

    line = ["*mean*", title, percent(mean("wordings", "control")), percent(mean("wordings", "score"))]
    line += [percent(mean("wordings", "lowest")), f"{100 * mean('wordings', 'difference'):+.1f}"]
    line.append(percent(mean("wordings", "moved")))
    for kind in list(WORDS_TITLES)[1:]:
        line += [percent(mean(kind, "score")), f"{100 * mean(kind, 'difference'):+.1f}", percent(mean(kind, "moved"))]
    return line


def _changes(record: Mapping) -> list[tuple[str, str]]:
    """Name and title of the changes that could be made to some dataset."""
    return [
        (change["name"], change["title"])
        for change in record["settings"]["changes"]
        if change["name"] in record["mean"]
    ]


def _datasets_table(record: Mapping, row: str) -> str:
    datasets = list(record["signals"])
    head = ["change", *(cell for dataset in datasets for cell in (dataset, "moved"))]
    lines = []
    for name, title in _changes(record):
        line = [title]
        for dataset in datasets:
            found = record["signals"][dataset].get(name)
            line += ["", ""] if found is None else [change_text(found[row]), percent(found[row]["moved"])]
        lines.append(line)
    return markdown_table(head, lines)


def _worst_table(record: Mapping) -> str:
    head = ["dataset", "label", "windows", "worst wording", "recall, own words", "recall", "accuracy, own words"]
    lines = []
    for dataset, rows in record["words"].items():
        for entry in sorted(rows["one_window"]["worst_wordings"], key=lambda entry: entry["accuracy"]):
            recall = entry["recall_by_wording"][entry["wording"]]
            line = [dataset, entry["label"], entry["windows"], entry["wording"], percent(entry["recall"])]
            line += [percent(recall), percent(entry["accuracy_of_own_words"]), percent(entry["accuracy"])]
            lines.append(line)
    return markdown_table([*head, "accuracy"], lines)
