"""Make the result tables of README.md and docs/ from the figures in docs/results/*.csv.

    python docs/make_tables.py             write every table anew
    python docs/make_tables.py --check     change nothing; status 1 names each table that differs from its figures
    python docs/make_tables.py --from FOLDER/results.json --name protocol
                                           first write docs/results/protocol.csv from a finished protocol

A table stands between the comments ``<!-- table: NAME -->`` and ``<!-- end -->``; docs/results/tables.toml says which
figures it shows, and how its rows and columns are called. Status 2: what is missing or does not fit, and what to do.

A CSV file holds one figure a line: some columns say of what (``row``, ``dataset``, ``score``, ...), the others are

    mean, sd     in percent, over training seeds; ``sd`` is empty for a single one
    low, high    95 % interval over people, in percent
    seeds        how many
    values       of each seed, in their order, separated by blanks

What is not known is left empty.
"""

import argparse
import csv
import io
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

RESULTS, LAYOUT = "docs/results", "tables.toml"
PAGES = ("README.md", "docs/**/*.md")

VALUES = ("mean", "sd", "low", "high", "seeds", "values")
PROTOCOL_FIELDS = ("row", "dataset", "placement", "set", "score", *VALUES)
SETS, SCORES = ("closed_set", "open_set"), ("macro_f1", "accuracy")

# What a column of a table may show of a figure, beside the keys that choose it.
SHOW = ("mean", "interval", "values")
OF_A_COLUMN, OF_A_ROW, OF_A_TABLE = ("title", "show"), ("title", "bold"), ("by", "head", "pick", "columns", "rows")

BEGIN, END = re.compile(r"<!-- table: (\S+) -->"), "<!-- end -->"

Figure = Mapping[str, str]  # a line of a CSV file


class TableError(Exception):
    """A table that cannot be made; the message says what was found, what was expected and what to do."""


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing, status 1 where a table differs")
    parser.add_argument("--from", dest="source", type=Path, metavar="FILE", help="results.json of a protocol")
    parser.add_argument("--name", help="name of the CSV file that --from writes")
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[1], help="the repository's root")
    arguments = parser.parse_args(argv)
    if (arguments.source is None) != (arguments.name is None):
        parser.error("--from and --name belong together")
    if arguments.check and arguments.source is not None:
        parser.error("--check changes nothing, so it takes no --from")
    try:
        files = {} if arguments.source is None else {arguments.name: protocol_figures(arguments.source)}
        pages, differing = make_pages(arguments.root, files)
        if arguments.source is not None:
            path = arguments.root / RESULTS / f"{arguments.name}.csv"
            write(path, csv_text(files[arguments.name]))
            print(f"{path}: figures of {arguments.source}")
        for path, text in {} if arguments.check else pages.items():
            write(path, text)
    except TableError as error:
        print(f"make_tables.py: {error}", file=sys.stderr)
        return 2
    for place in differing:
        print(f"{place} {'differs from its figures' if arguments.check else 'written'}")
    if arguments.check and differing:
        print("Run `python docs/make_tables.py`, and change figures in docs/results, not in the pages", file=sys.stderr)
        return 1
    return 0


# --- Pages -----------------------------------------------------------------------------------------------------------


def make_pages(root: Path, files: dict[str, list[Figure]]) -> tuple[dict[Path, str], list[str]]:
    """The text of each page of which a table differs from its figures, and "page: table" of these tables.

    files: figures that take the place of a CSV file, by its name; what is read is added.
    """
    layouts = read_layouts(root / RESULTS / LAYOUT)
    differing, pages, shown = [], {}, set()
    for path in sorted({path for pattern in PAGES for path in root.glob(pattern)}):
        page = path.relative_to(root).as_posix()
        made = []
        for text, name in split_page(path.read_text(encoding="utf-8"), page):
            if name is None:
                made.append(text)
                continue
            if name not in layouts:
                raise TableError(f"{page}: unknown table {name!r}; {RESULTS}/{LAYOUT} has {', '.join(layouts)}")
            shown.add(name)
            table = make_table(name, layouts[name], files, root / RESULTS)
            made.append(table)
            if table != text:
                differing.append(f"{page}: {name}")
                pages[path] = made
    if unshown := sorted(set(layouts) - shown):
        raise TableError(
            f"no page shows {', '.join(unshown)}: put <!-- table: {unshown[0]} --> and {END} where it belongs, or "
            f"remove it from {RESULTS}/{LAYOUT}"
        )
    return {path: "".join(made) for path, made in pages.items()}, differing


def split_page(text: str, page: str) -> Iterator[tuple[str, str | None]]:
    """(text, None) between tables, markers included, and (text, name) of each table, in the order of the page."""
    part, name = [], None
    for number, line in enumerate(text.splitlines(keepends=True), start=1):
        begin = BEGIN.fullmatch(line.strip())
        if begin and name is not None:
            raise TableError(f"{page}:{number}: table {begin[1]!r} begins before {name!r} ends; add {END}")
        if line.strip() == END:
            if name is None:
                raise TableError(f"{page}:{number}: {END} without a table before it; add <!-- table: NAME -->")
            yield "".join(part), name
            part, name = [], None
        part.append(line)
        if begin:
            yield "".join(part), None
            part, name = [], begin[1]
    if name is not None:
        raise TableError(f"{page}: table {name!r} does not end; add {END}")
    yield "".join(part), None


def write(path: Path, text: str) -> None:
    """Whole or not at all."""
    # Its torch takes seconds to import, and a check writes nothing.
    from har.run.folder import write_atomically

    if not path.parent.is_dir():
        raise TableError(f"cannot write {path}: there is no folder {path.parent}")
    write_atomically(path, text)


# --- One table -------------------------------------------------------------------------------------------------------


def read_layouts(path: Path) -> dict[str, dict]:
    """Table name -> its layout."""
    try:
        layouts = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise TableError(f"{path} is missing; it says what each table shows") from error
    except tomllib.TOMLDecodeError as error:
        raise TableError(f"{path}: {error}") from error
    for name, layout in layouts.items():
        unknown = sorted(set(layout) - set(OF_A_TABLE))
        if unknown or not layout.get("columns") or not layout.get("rows"):
            raise TableError(f"{path}: {name} has {sorted(layout)}; expected columns, rows and others of {OF_A_TABLE}")
        for part in (*layout["rows"], *(c for c in layout["columns"] if isinstance(c, dict))):
            if "title" not in part:
                raise TableError(f"{path}: {name} has {part} without a title")
    return layouts


def make_table(name: str, layout: Mapping, files: dict[str, list[Figure]], folder: Path) -> str:
    """The lines of a table in Markdown. files: what was read already, by the name of the CSV file."""
    columns = [column if isinstance(column, dict) else {layout["by"]: column} for column in layout["columns"]]
    titles = [column if isinstance(column, str) else column["title"] for column in layout["columns"]]
    lines = [[layout.get("head", ""), *titles], ["---"] * (1 + len(titles))]
    for row in layout["rows"]:
        cells = []
        for column in columns:
            chosen = {**layout.get("pick", {}), **_keys(row, OF_A_ROW), **_keys(column, OF_A_COLUMN)}
            file = chosen.pop("file", name)
            if file not in files:
                files[file] = read_figures(folder / f"{file}.csv")
            cells.append(cell(files[file], chosen, column.get("show", "mean"), f"table {name}, {file}.csv"))
        if not any(cells):
            raise TableError(f"table {name}: no figure in {file}.csv for the row {row}; add one or remove the row")
        marked = [f"**{text}**" if text and row.get("bold") else text for text in (row["title"], *cells)]
        lines.append(marked)
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def _keys(entry: Mapping, other: Sequence[str]) -> dict:
    return {key: value for key, value in entry.items() if key not in other}


def read_figures(path: Path) -> list[Figure]:
    """The lines of a CSV file. Each column that is none of ``VALUES`` says of what; no two lines are of the same."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise TableError(f"{path} is missing; write it, or make it from a protocol with --from") from error
    reader = csv.DictReader(io.StringIO(text), strict=True)
    figures, seen = list(reader), {}
    if "mean" not in (reader.fieldnames or ()):
        raise TableError(f"{path} has the columns {reader.fieldnames}; expected a column mean")
    for number, figure in enumerate(figures, start=2):
        if None in figure or None in figure.values():
            raise TableError(f"{path}:{number}: other than {len(reader.fieldnames)} values; one for each column")
        for field in VALUES:
            for value in figure.get(field, "").split():
                _number(value, f"{path}:{number}: {field}")
        of = tuple(value for key, value in figure.items() if key not in VALUES)
        if of in seen:
            raise TableError(f"{path}:{number}: a second figure of what line {seen[of]} is of; keep one")
        seen[of] = number
    return figures


def cell(figures: Sequence[Figure], chosen: Mapping[str, str], show: str, where: str) -> str:
    """The text of the one figure that has all ``chosen`` values, empty where there is none."""
    if unknown := sorted(set(chosen) - set(figures[0] if figures else ())):
        raise TableError(f"{where}: there is no column {', '.join(unknown)}, which the layout asks for")
    found = [figure for figure in figures if all(figure[key] == value for key, value in chosen.items())]
    if len(found) > 1:
        raise TableError(f"{where}: {len(found)} figures for {dict(chosen)}; the layout has to choose one")
    if show not in SHOW:
        raise TableError(f"{where}: cannot show {show!r}; expected one of {SHOW}")
    if not found:
        return ""
    figure = found[0]
    if show == "values":
        return ", ".join(f"{float(value):.1f}" for value in figure.get("values", "").split())
    if show == "interval":
        return f"[{float(figure['low']):.1f}, {float(figure['high']):.1f}]" if figure.get("low") else ""
    spread = f" ± {float(figure['sd']):.1f}" if figure.get("sd") else ""
    return f"{float(figure['mean']):.1f}{spread}"


def _number(text: str, where: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise TableError(f"{where}: {text!r} is no number") from error


# --- Figures of a finished protocol ----------------------------------------------------------------------------------


def protocol_figures(path: Path) -> list[Figure]:
    """The figures of a protocol's results.json (`har.evaluation.leave_one_out.score_protocol`), in its order."""
    from har.run.folder import RecordError, read_json  # brings torch along, which tables alone can do without

    try:
        record = read_json(path, "make the report of the protocol again with --report-only")
    except FileNotFoundError as error:
        raise TableError(f"{path} is missing; a finished protocol has one in its folder") from error
    except RecordError as error:
        raise TableError(str(error)) from error
    if not {"datasets", "mean", "missing"} <= record.keys():
        raise TableError(f"{path} is not of a protocol; expected what --protocol leave-one-dataset-out writes")
    if record["missing"]:
        raise TableError(f"{path}: not finished yet: {', '.join(record['missing'])}; go on with the protocol first")
    figures = []
    means = (("mean", {"rows": record["mean"]}), ("mean_of_first", {"rows": record.get("mean_of_first", {})}))
    for dataset, entry in (*record["datasets"].items(), *means):
        for placement, part in (("", entry), *entry.get("per_placement", {}).items()):
            for row, found in part["rows"].items():
                figures += _row_figures({"row": row, "dataset": dataset, "placement": placement}, found)
    return figures


def _row_figures(of: Figure, found: Mapping) -> Iterator[Figure]:
    for which in SETS:
        for score in SCORES if found[which] is not None else ():
            value = found[which][score]
            low, high = value["interval"] or (None, None)
            yield {
                **of,
                "set": which,
                "score": score,
                "mean": _percent(value["mean"]),
                "sd": _percent(value["sd"]),
                "low": _percent(low),
                "high": _percent(high),
                "seeds": str(len(found[which]["seeds"])),
                "values": " ".join(map(_percent, value["values"])),
            }


def _percent(share: float | None) -> str:
    """All digits, so that a table rounds as the protocol's own report does."""
    return "" if share is None else repr(100 * share)


def csv_text(figures: Sequence[Figure]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, PROTOCOL_FIELDS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(figures)
    return text.getvalue()


if __name__ == "__main__":
    sys.exit(main())
