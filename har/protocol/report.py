"""The report of a leave-one-dataset-out protocol, from the prediction files of its finished cells alone."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from har.evaluation import leave_one_out as rows
from har.evaluation.leave_one_out import Answers, Bootstrap, score_protocol
from har.evaluation.leave_one_out_report import render_protocol_report
from har.evaluation.report import REPORT_NAME, RESULTS_NAME
from har.protocol.cells import cell_folder, do_again, is_finished, read_cell_predictions, read_cell_results, read_record
from har.protocol.figures import draw_confusions, draw_overview
from har.protocol.plan import CEILING, FIRST_LEFT_OUT, FOREST, FROZEN, MODEL, Cell, Plan
from har.protocol.request import EvaluationError
from har.protocol.scoring import (
    CLOSED_SET,
    CLOSED_SET_CONTEXT,
    OPEN_SET,
    OPEN_SET_CONTEXT,
    WINDOW_COLUMNS,
)
from har.recordings.simulate import SIMULATED_NAMES
from har.run.folder import write_atomically, write_json

# What a cell -> the rows of the report that it fills: row, column of the closed set, column of the open set. A ceiling
# has learned the labels that it is asked about: its open set would be its closed set.
FILLED = {
    MODEL: ((rows.ONE_WINDOW, CLOSED_SET, OPEN_SET), (rows.CONTEXT, CLOSED_SET_CONTEXT, OPEN_SET_CONTEXT)),
    FOREST: ((rows.FOREST, CLOSED_SET, OPEN_SET),),
    FROZEN: ((rows.FROZEN, CLOSED_SET, OPEN_SET),),
    CEILING: ((rows.CEILING, CLOSED_SET, None), (rows.CEILING_CONTEXT, CLOSED_SET_CONTEXT, None)),
}

Table = Mapping[str, Sequence[str]]  # column of a prediction file -> its texts (N,)


def write(out: Path, plan: Plan, cells: Sequence[Cell], bootstrap: Bootstrap, progress: Callable[..., Iterable]) -> str:
    """Write ``report.md``, ``results.json`` and figures of the finished cells; returns the closing lines.

    bootstrap: over people, of all intervals. progress: makes bars, called like ``tqdm``.
    """
    progress = partial(progress, unit="dataset", leave=False, delay=2)
    missing = [cell.name for cell in cells if not is_finished(out, cell)]
    answers = []
    for dataset in progress(plan.datasets, desc="reading predictions"):
        own = [cell for cell in cells if cell.dataset == dataset and is_finished(out, cell)]
        if part := collect(dataset, out, own, complete=not any(f"{dataset}/{CEILING}" in name for name in missing)):
            answers.append(part)
    if not answers:
        return f"No cell is finished yet under {out}: nothing to report"
    record = score_protocol(progress(answers, desc="scoring"), bootstrap, FIRST_LEFT_OUT)
    settings = settings_of(plan, out, [cell for cell in cells if is_finished(out, cell)], bootstrap)
    (out / "plots").mkdir(exist_ok=True)
    confusions, figures = {}, {"overview": draw_overview(record, out)}
    for part in progress(answers, desc="drawing"):
        if rows.ONE_WINDOW in part.closed_set:
            found = draw_confusions(part, plan, out)
            confusions[part.dataset] = found.confusions
            figures |= {part.dataset: found.figure} if found.figure else {}
    trust = {part.dataset: trust_of(part.dataset, out, cells) for part in answers}
    trust = {dataset: ways for dataset, ways in trust.items() if ways}
    results = {"settings": settings, "missing": missing, **record, "confusions": confusions, "trust": trust}
    write_json(out / RESULTS_NAME, results, checked=True)
    write_atomically(out / REPORT_NAME, render_protocol_report(record, settings, missing, confusions, figures, trust))
    return "\n".join([*summary_lines(record), f"Report, results and plots: {out} (start with {REPORT_NAME})"])


def settings_of(plan: Plan, out: Path, finished: Sequence[Cell], bootstrap: Bootstrap) -> dict:
    """What the report says about how its numbers came about: nothing that differs from run to run of the same."""
    commits = {commit_of(read_record(out, cell)) for cell in finished}
    return {
        "datasets": plan.datasets,
        "seeds": plan.seeds,
        "steps": plan.steps,
        "steps_of_the_ceiling": plan.ceiling_steps,
        "prepared": plan.prepared,
        "simulated_people": simulated_people(plan),
        "window_s": plan.constants["WINDOW_S"],
        "stride_s": plan.constants["STRIDE_S"],
        "shortest_window_s": plan.constants["MIN_WINDOW_S"],
        "overrides": plan.train,
        "code": sorted(commits),
        "draws": bootstrap.draws,
        "level": bootstrap.level,
    }


def simulated_people(plan: Plan) -> str:
    """Whether simulated datasets are learned from, in words."""
    if set(plan.prepared) & set(SIMULATED_NAMES):
        return "among the prepared datasets"
    added = plan.constants["SIMULATED_BESIDE"] and not plan.constants["DATASETS"]
    return "beside the prepared datasets" if added else "none"


def commit_of(record: dict) -> str:
    git = record["git"]
    return "unknown" if git is None else git["commit"][:10] + (" with changes" if git["dirty"] else "")


def summary_lines(record: Mapping) -> list[str]:
    """Closed-set scores of the means over datasets, a line a row."""
    lines = []
    for which, means in (("", record["mean"]), ("first ", record["mean_of_first"])):
        for row in (rows.ONE_WINDOW, rows.CONTEXT):
            if row in means:
                mean = means[row]
                closed = mean["closed_set"]
                names = ", ".join(f"{name} {closed[key]['mean']:.3f}" for key, name in SCORE_NAMES.items())
                lines.append(f"mean of {which}{len(mean['datasets'])} datasets, {row.replace('_', ' ')}: {names}")
    return lines


def trust_of(dataset: str, out: Path, cells: Sequence[Cell]) -> dict[str, list[dict]]:
    """How windows were named -> ``trust`` of `ZeroShotResult`, one a finished model that scored its probabilities.

    Models of a former version did not.
    """
    found: dict[str, list[dict]] = {}
    for cell in cells:
        if (cell.dataset, cell.what) == (dataset, MODEL) and is_finished(out, cell):
            for how, scores in (read_cell_results(out, cell).get("trust") or {}).items():
                found.setdefault(how, []).append(scores)
    return found


SCORE_NAMES = {"macro_f1": "macro-F1", "accuracy": "accuracy"}


# --- Predictions of the cells ----------------------------------------------------------------------------------------


def collect(dataset: str, out: Path, finished: Sequence[Cell], complete: bool) -> Answers | None:
    """What the finished cells of a dataset answered, None without one that scored all windows.

    complete: all folds of the ceiling are finished, so that it has a score. Raises ``EvaluationError`` when cells
    scored different windows.
    """
    tables = {cell: read_cell_predictions(out, cell) for cell in finished}
    for cell, table in tables.items():
        columns = {column for _, *columns in FILLED[cell.what] for column in columns if column is not None}
        if absent := sorted(columns - table.keys()):
            raise EvaluationError(f"{cell.name} has no predictions {', '.join(absent)}; {do_again(out, cell)}")
    whole = {cell: table for cell, table in tables.items() if cell.what != CEILING}
    if not whole:
        return None
    first = next(iter(whole))
    windows = windows_of(whole[first])
    for cell, table in whole.items():
        if windows_of(table) != windows:
            raise EvaluationError(
                f"{cell.name} scored {len(windows_of(table))} windows, {first.name} {len(windows)}, or others of them: "
                f"the data changed in between. Remove {cell_folder(out, cell).parent} and run again"
            )
    folds = [tables[cell] for cell in finished if cell.what == CEILING]
    if folds and complete:
        whole[Cell(dataset, CEILING, 0)] = merge_folds(dataset, whole[first], folds)
    closed_set, open_set = {}, {}
    for cell, table in whole.items():
        for row, closed, opened in FILLED[cell.what]:
            closed_set.setdefault(row, {})[cell.number] = table[closed]
            if opened is not None:
                open_set.setdefault(row, {})[cell.number] = table[opened]
    known = whole[first]
    return Answers(dataset, known["label"], known["subject"], known["placement"], closed_set, open_set)


def windows_of(table: Table) -> list[tuple[str, ...]]:
    """Which window each row is of, and what was done in it."""
    return list(zip(*(table[name] for name in WINDOW_COLUMNS), strict=True))


def merge_folds(dataset: str, whole: Table, folds: Sequence[Table]) -> dict[str, list[str]]:
    """One table of the folds of a ceiling, each of which scored other people, with rows in the order of ``whole``."""
    fold_of = {subject: fold for fold, table in enumerate(folds) for subject in table["subject"]}
    at = [0] * len(folds)
    merged = {name: [] for name in folds[0]}
    for window in windows_of(whole):
        fold = fold_of.get(window[WINDOW_COLUMNS.index("subject")], -1)
        row = at[fold] if fold >= 0 else 0
        if fold < 0 or tuple(folds[fold][name][row] for name in WINDOW_COLUMNS) != window:
            raise EvaluationError(
                f"{dataset}: the folds of the ceiling scored other windows than the models; the data changed in "
                "between. Remove the dataset's cells and run again"
            )
        at[fold] += 1
        for name, column in merged.items():
            column.append(folds[fold][name][row])
    return merged
