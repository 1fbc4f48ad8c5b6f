"""Several finished protocols side by side, and a choice between them that has not seen what it is scored on."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from har.evaluation.leave_one_out import CONTEXT, ONE_WINDOW, nested_selection
from har.evaluation.leave_one_out_report import render_comparison
from har.evaluation.report import REPORT_NAME, RESULTS_NAME
from har.protocol.plan import FREE, MODEL, Plan, fixed, read_plan
from har.protocol.request import EvaluationError
from har.run.constants import difference
from har.run.folder import RecordError, read_json, write_atomically, write_json

COMPARED = (ONE_WINDOW, CONTEXT)


def compare(named: Sequence[str], out: Path, tell: Callable[[str], object]) -> None:
    """Write ``report.md`` and ``results.json`` of the protocols ``named``, ``NAME=FOLDER`` each; tells what is best."""
    folders = named_folders(named)
    plans = {name: read_plan(folder) for name, folder in folders.items()}
    check_alike(plans)
    results = {name: read_results(folder) for name, folder in folders.items()}
    scores = {row: {name: scores_of(result, row) for name, result in results.items()} for row in COMPARED}
    compared = {row: nested_selection(of) for row, of in scores.items()}
    first = next(iter(plans))
    differences = {
        name: difference(fixed(plan), fixed(plans[first]), FREE, first) for name, plan in plans.items() if name != first
    }
    settings = {
        "variants": [f"{name} ({folder})" for name, folder in folders.items()],
        "datasets": plans[first].datasets,
        "seeds": plans[first].seeds,
    }
    out.mkdir(parents=True, exist_ok=True)
    record = {"settings": settings, "differences": differences, "scores": scores, **compared}
    write_json(out / RESULTS_NAME, record, checked=True)
    write_atomically(out / REPORT_NAME, render_comparison(compared, scores, settings, differences))
    for row, nested in compared.items():
        tell(
            f"{row.replace('_', ' ')}: best {nested['best']} {nested['variants'][nested['best']]['mean']:.3f}, nested "
            f"choice {nested['nested']['mean']:.3f} macro-F1"
        )
    tell(f"Report and results: {out.resolve()} (start with {REPORT_NAME})")


def named_folders(given: Sequence[str]) -> dict[str, Path]:
    """``NAME=FOLDER`` arguments as name -> folder."""
    parts = [text.partition("=")[::2] for text in given]
    if len(parts) < 2 or not all(name and folder for name, folder in parts) or len(dict(parts)) < len(parts):
        raise EvaluationError(
            f"--compare {' '.join(given)}; expected NAME=FOLDER at least twice, with different names, such as "
            "plain=a smoothed=b"
        )
    return {name: Path(folder).resolve() for name, folder in parts}


def check_alike(plans: Mapping[str, Plan]) -> None:
    """Raise ``EvaluationError`` where a protocol left out other datasets, or has other seeds, than the first."""
    first, *others = plans
    for what in ("datasets", "seeds"):
        for name in others:
            if sorted(getattr(plans[name], what)) != sorted(getattr(plans[first], what)):
                raise EvaluationError(
                    f"{name} has the {what} {getattr(plans[name], what)}, {first} {getattr(plans[first], what)}; "
                    "compare protocols of the same ones (more can be added to either)"
                )


def read_results(folder: Path) -> dict:
    """``results.json`` of a protocol whose models are all finished."""
    try:
        results = read_json(folder / RESULTS_NAME, "make the report of that protocol again with --report-only")
    except FileNotFoundError:
        raise EvaluationError(f"{folder} holds no {RESULTS_NAME}; finish that protocol first") from None
    except RecordError as error:
        raise EvaluationError(str(error)) from None
    if not {"missing", "datasets"} <= results.keys():
        raise EvaluationError(
            f"{folder / RESULTS_NAME} is not of a protocol (it holds {', '.join(results)}); give the folder of one"
        )
    if missing := [name for name in results["missing"] if f"/{MODEL}_" in name]:
        raise EvaluationError(f"{folder} lacks {', '.join(missing)}; finish that protocol first")
    return results


def scores_of(results: Mapping, row: str) -> dict[str, list[float]]:
    """Dataset (sorted) -> closed-set macro-F1 of each seed."""
    datasets = results["datasets"]
    return {name: datasets[name]["rows"][row]["closed_set"]["macro_f1"]["values"] for name in sorted(datasets)}
