"""The tables of the pages are those of the figures; what does not fit is named. Real writers make the results."""

import csv
import json
import re
import runpy
import shutil
import subprocess
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from har.evaluation.leave_one_out import (
    CEILING,
    CEILING_CONTEXT,
    CONTEXT,
    FOREST,
    FROZEN,
    ONE_WINDOW,
    Answers,
    Bootstrap,
    score_protocol,
)
from har.evaluation.leave_one_out_report import ROW_TITLES, render_protocol_report
from har.run.folder import repository_root, write_json

SCRIPT = "docs/make_tables.py"
ROOT = repository_root()
SEVEN = ("mobifall", "pdiot", "selfback", "sisfall", "wisdm_phone", "spsw_har", "forth_trace")
NINE = (*SEVEN, "smartfallmm", "gesture_logs")
# Those of which a table shows placements.
PLACEMENTS = {
    "pdiot": ("chest", "trouser pocket"),
    "selfback": ("thigh", "wrist"),
    "spsw_har": ("trouser pocket", "wrist"),
    "smartfallmm": ("left hip", "right wrist"),
}


@pytest.fixture
def make(capsys: pytest.CaptureFixture) -> Callable[..., subprocess.CompletedProcess]:
    """make(argument, …) -> the script's status and outputs, from this process: most of its tests are about refusals."""
    main = runpy.run_path(str(ROOT / SCRIPT))["main"]

    def run(*arguments: object) -> subprocess.CompletedProcess:
        command = [str(argument) for argument in arguments]
        try:
            status = main(command)
        except SystemExit as end:
            status = end.code
        return subprocess.CompletedProcess(command, status, *capsys.readouterr())

    return run


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The pages and figures of the repository, to change."""
    root = tmp_path / "copy"
    shutil.copytree(ROOT / "docs", root / "docs", ignore=shutil.ignore_patterns("pictures", "*.py"))
    shutil.copy(ROOT / "README.md", root)
    return root


def contents(root: Path) -> dict[Path, str]:
    return {path: path.read_text(encoding="utf-8") for path in sorted(root.rglob("*")) if path.is_file()}


def figures(name: str) -> list[dict[str, str]]:
    with open(ROOT / "docs" / "results" / f"{name}.csv", encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_the_tables_of_the_repository_are_those_of_its_figures(run_script: Callable):
    done = run_script(SCRIPT, "--check")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_changed_figure_is_named_and_then_written(copy: Path, make: Callable):
    path = copy / "docs/results/protocol.csv"
    start = "one_window,mean,,closed_set,macro_f1,"
    (old,) = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith(start)]
    _, _, *others = old.removeprefix(start).split(",")  # its mean and deviation
    replace(path, old, start + ",".join(["12.345", "", *others]))
    before = contents(copy)
    done = make("--check", "--root", copy)
    assert done.returncode == 1
    expected = [
        f"{page}: {table} differs from its figures"
        for page, tables in (
            ("README.md", ["protocol"]),
            ("docs/evaluation.md", ["protocol", "protocol_means"]),
            ("docs/experiments/left_out.md", ["protocol", "protocol_means"]),
        )
        for table in tables
    ]
    assert done.stdout.splitlines() == expected
    assert contents(copy) == before

    done = make("--root", copy)
    assert done.returncode == 0 and done.stdout.splitlines()[0] == "README.md: protocol written"
    assert make("--check", "--root", copy).returncode == 0
    after = contents(copy)
    pairs = {path: zip(after[path].splitlines(), before[path].splitlines(), strict=True) for path in after}
    changed = {path: [new for new, was in lines if new != was] for path, lines in pairs.items()}
    assert [len(lines) for lines in changed.values() if lines] == [1, 2, 2]
    assert all("12.3" in line and "12.3 ±" not in line for lines in changed.values() for line in lines)


def remove(name: str) -> Callable[[Path], None]:
    return lambda root: (root / name).unlink()


def change(name: str, old: str, new: str) -> Callable[[Path], None]:
    return lambda root: replace(root / name, old, new)


def drop(name: str, start: str) -> Callable[[Path], None]:
    """Without the lines that begin so."""

    def spoil(root: Path) -> None:
        lines = (root / name).read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if not line.startswith(start)]
        assert len(kept) < len(lines)
        (root / name).write_text("".join(kept), encoding="utf-8")

    return spoil


CSV, LAYOUT, PAGE = "docs/results/simulated_only.csv", "docs/results/tables.toml", "docs/simulation.md"


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (change(PAGE, "table: simulated_only ", "table: simulated "), "unknown table 'simulated'"),
        (change(PAGE, "<!-- end -->\n", ""), "'simulated_only' does not end"),
        (change(PAGE, "<!-- table: simulated_only -->\n", ""), "<!-- end --> without a table before it"),
        (change(PAGE, "<!-- end -->", "<!-- table: protocol -->"), "begins before 'simulated_only' ends"),
        (
            change(LAYOUT, "[simulated_only]", "[nowhere]\ncolumns = ['a']\nrows = [{title = 'b'}]\n[simulated_only]"),
            "no page shows nowhere",
        ),
        (change(LAYOUT, "[simulated_only]\npick", "[simulated_only]\nchoose"), "expected columns, rows"),
        (change(LAYOUT, "[simulated_only]", "[simulated_only"), "tables.toml: "),
        (remove(CSV), "simulated_only.csv is missing"),
        (remove(LAYOUT), "tables.toml is missing"),
        (change(CSV, "one_window,mobifall,macro_f1,56.3", "one_window,mobifall,macro_f1,5b.3"), "'5b.3' is no number"),
        (change(CSV, "one_window,mobifall,accuracy,78.0", "one_window,mobifall,macro_f1,78.0"), "a second figure"),
        (change(CSV, "row,dataset,score,mean", "row,dataset,kind,mean"), "no column score"),
        (change(CSV, "row,dataset,score,mean,", "row,dataset,score,median,"), "expected a column mean"),
        (change(CSV, "one_window,mobifall,macro_f1,56.3,,1,", "one_window,mobifall,macro_f1"), "one for each column"),
        (drop(CSV, "recording_context,"), "no figure in simulated_only.csv"),
        (change(LAYOUT, 'placement = "chest", title =', 'placement = "chest", name ='), "without a title"),
        (
            change(LAYOUT, '[simulated_only]\npick = { score = "macro_f1" }', "[simulated_only]\npick = {}"),
            "2 figures for",
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said_and_nothing_written(spoil: Callable, said: str, copy: Path, make: Callable):
    spoil(copy)
    before = contents(copy)
    done = make("--root", copy)
    assert done.returncode == 2
    assert said in done.stderr and "Traceback" not in done.stderr
    assert contents(copy) == before


def test_arguments_that_contradict_each_other_are_refused(make: Callable):
    for arguments in (["--name", "protocol"], ["--check", "--from", "x", "--name", "protocol"]):
        assert make(*arguments).returncode == 2


# --- From a finished protocol ----------------------------------------------------------------------------------------


def answers(dataset: str) -> Answers:
    """Every row's answers for a few windows, some of them right, of four people in one or two places."""
    rng = np.random.default_rng(list(dataset.encode()))
    labels = ["sitting", "standing", "walking"]
    true = rng.choice(labels, size=90).tolist()

    def guesses(seeds: int) -> dict[int, list[str]]:
        return {seed: [t if rng.random() < 0.6 else str(rng.choice(labels)) for t in true] for seed in range(seeds)}

    open_set = {row: guesses(3) for row in (ONE_WINDOW, CONTEXT)} | {row: guesses(1) for row in (FOREST, FROZEN)}
    closed_set = {row: guesses(len(found)) for row, found in open_set.items()}
    closed_set |= {row: guesses(1) for row in (CEILING, CEILING_CONTEXT)}
    people = rng.choice(["p1", "p2", "p3", "p4"], size=len(true)).tolist()
    places = rng.choice(PLACEMENTS.get(dataset, ("hip",)), size=len(true)).tolist()
    return Answers(dataset, true, people, places, closed_set, open_set)


@pytest.fixture(scope="module")
def record() -> dict:
    return score_protocol([answers(dataset) for dataset in NINE], Bootstrap(draws=20), SEVEN)


def write_results(path: Path, record: dict, missing: tuple[str, ...] = ()) -> None:
    """As the protocol writes them."""
    write_json(path, {"settings": {"seeds": [0, 1, 2]}, "missing": list(missing), **record, "confusions": {}})


def cells_of(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]


def table_of(text: str, name: str) -> dict[str, dict[str, str]]:
    """Row -> column -> cell of a table on a page, without what makes it bold."""
    (table,) = re.findall(rf"<!-- table: {name} -->\n(.*?)<!-- end -->", text, flags=re.DOTALL)
    head, _, *rows = cells_of(table.replace("**", ""))
    return {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in rows}


def test_a_finished_protocol_becomes_the_tables(copy: Path, record: dict, tmp_path: Path, make: Callable):
    write_results(tmp_path / "results.json", record)
    command = ("--from", tmp_path / "results.json", "--name", "protocol", "--root", copy)
    done = make(*command)
    assert done.returncode == 0, done.stderr

    # The protocol's own report prints the same numbers: a row a dataset there, a row a method here.
    settings = {"draws": 20, "level": 0.95}
    report = render_protocol_report(record, settings, (), {}, {})
    head, _, *lines = cells_of(report.partition("## Macro-F1, closed set\n\n")[2].partition("\n\n")[0])
    printed = {}
    for dataset, *cells in lines:
        printed |= {(title, dataset.strip("*")): cell for title, cell in zip(head[1:], cells, strict=True)}
    readme = table_of((copy / "README.md").read_text(encoding="utf-8"), "protocol")
    shown = {"forest": "random forest with ConSE, one window", "frozen_encoder": "frozen random encoder, one window"}
    assert len(printed) == 11 * len(ROW_TITLES)
    (first,) = {dataset for _, dataset in printed} - {*NINE, "mean"}
    for row, title in ROW_TITLES.items():
        for column, dataset in (*zip(NINE, NINE, strict=True), ("mean", "mean"), ("mean of the first seven", first)):
            assert readme[shown.get(row, title)][column] == printed[title, dataset]

    for entry in figures_of(copy / "docs/results/protocol.csv"):
        value = found_in(record, entry)
        written = [float(entry[key]) for key in ("mean", "low", "high")] + [float(v) for v in entry["values"].split()]
        shares = [value["mean"], *value["interval"], *value["values"]]
        assert written == pytest.approx([100 * share for share in shares], abs=1e-9)
        assert entry["seeds"] == str(len(value["values"])) and bool(entry["sd"]) == (value["sd"] is not None)

    before = contents(copy)
    assert make(*command).returncode == 0
    assert contents(copy) == before


def test_the_mean_of_the_first_datasets_is_a_figure_of_its_own(
    copy: Path, record: dict, tmp_path: Path, make: Callable
):
    first = {
        row: entry | {"datasets": list(SEVEN[:2])} for row, entry in record["datasets"]["mobifall"]["rows"].items()
    }
    write_results(tmp_path / "results.json", record | {"mean_of_first": first})
    done = make("--from", tmp_path / "results.json", "--name", "nine", "--root", copy)
    assert done.returncode == 0, done.stderr
    with open(copy / "docs/results/nine.csv", encoding="utf-8", newline="") as lines:
        found = [entry for entry in csv.DictReader(lines) if entry["dataset"] == "mean_of_first"]
    assert len(found) == (7 + 4) * 2
    for entry in found:
        expected = first[entry["row"]][entry["set"]][entry["score"]]["mean"]
        assert float(entry["mean"]) == pytest.approx(100 * expected, abs=1e-9)


def figures_of(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as lines:
        found = list(csv.DictReader(lines))
    # 7 rows in 9 datasets, 8 placements and two means; 4 of the rows have an open set too; two scores each.
    assert len(found) == (7 + 4) * (9 + 8 + 2) * 2
    return found


def found_in(record: dict, entry: dict[str, str]) -> dict:
    """What the record says of a figure."""
    means = {"mean": {"rows": record["mean"]}, "mean_of_first": {"rows": record["mean_of_first"]}}
    of = (record["datasets"] | means)[entry["dataset"]]
    of = of["per_placement"][entry["placement"]] if entry["placement"] else of
    return of["rows"][entry["row"]][entry["set"]][entry["score"]]


def test_other_results_are_refused(copy: Path, record: dict, tmp_path: Path, make: Callable):
    before = contents(copy)
    path = tmp_path / "results.json"

    def refused() -> str:
        done = make("--from", path, "--name", "protocol", "--root", copy)
        assert done.returncode == 2 and "Traceback" not in done.stderr and contents(copy) == before
        return done.stderr

    assert "is missing" in refused()
    write_results(path, record, missing=("mobifall/model_2",))
    assert "not finished yet: mobifall/model_2" in refused()
    path.write_text("{", encoding="utf-8")
    assert "is no JSON" in refused()
    path.write_text(json.dumps({"settings": {}, "results": []}), encoding="utf-8")
    assert "is not of a protocol" in refused()
    # A protocol without some of the rows that the tables show.
    short = {**record, "datasets": {"mobifall": record["datasets"]["mobifall"]}}
    write_results(path, short)
    assert "no figure in protocol.csv" in refused()


# --- The figures that stand there ------------------------------------------------------------------------------------

LAST_DIGIT = 0.1  # all are printed with one decimal


def means_and_parts(name: str) -> list[tuple[dict[str, str], list[float]]]:
    """Every figure of a mean over datasets that has the datasets beside it, and theirs."""
    parts, means = defaultdict(dict), {}
    for figure in figures(name):
        of = tuple(figure.get(key, "") for key in ("row", "k", "placement", "set", "score"))
        if figure["dataset"] in ("mean", "mean_of_first"):
            means[figure["dataset"], of] = figure
        else:
            parts[of][figure["dataset"]] = float(figure["mean"])
    return [
        (mean, [value for dataset, value in parts[of].items() if over == "mean" or dataset in SEVEN])
        for (over, of), mean in means.items()
        if of in parts
    ]


@pytest.mark.parametrize(
    ("name", "datasets"),
    [("protocol", {9: 22, 7: 22}), ("former", {7: 8}), ("simulated_only", {5: 7})],
)
def test_means_over_datasets_are_those_of_their_figures(name: str, datasets: dict[int, int]):
    """datasets: over how many of them -> how many means."""
    found = means_and_parts(name)
    assert Counter(len(parts) for _, parts in found) == datasets
    for mean, parts in found:
        assert abs(float(mean["mean"]) - np.mean(parts)) <= LAST_DIGIT + 1e-9, mean


def test_means_and_deviations_are_those_of_the_values_of_each_seed():
    checked = 0
    for name in ("protocol", "former", "few_shot", "simulated_only", "variants"):
        for figure in figures(name):
            values = [float(value) for value in figure["values"].split()]
            if values:
                checked += 1
                assert len(values) == int(figure["seeds"]), figure
                assert abs(float(figure["mean"]) - np.mean(values)) <= LAST_DIGIT + 1e-9, figure
                if figure["sd"]:
                    assert abs(float(figure["sd"]) - np.std(values, ddof=1)) <= LAST_DIGIT + 1e-9, figure
            if figure.get("low"):
                assert float(figure["low"]) <= float(figure["mean"]) <= float(figure["high"]), figure
    assert checked


def test_the_gain_of_few_labels_is_the_difference_of_its_figures():
    of = {(f["row"], f["dataset"], f["k"], f["score"]): float(f["mean"]) for f in figures("few_shot")}
    gains = {key: value for key, value in of.items() if key[3] == "gain"}
    assert len(gains) == 12
    for (row, dataset, k, _), gain in gains.items():
        difference = of[row, dataset, k, "macro_f1"] - of[row, dataset, "0", "macro_f1"]
        assert abs(gain - difference) <= LAST_DIGIT + 1e-9, (row, dataset)
