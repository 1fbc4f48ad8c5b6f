"""Public recordings as published, or simulated people -> dataset folders that everything else reads.

    prepare_data.py list                                        which datasets there are, and where to get them
    prepare_data.py convert mex --raw downloads/mex.zip         one archive or unpacked folder -> data/mex
    prepare_data.py convert all --raw downloads                 every dataset found there: NAME, NAME.zip, .tar.xz ...
    prepare_data.py simulate --people 40 --hours 4              simulated people, nothing to download -> data/sim_*
    prepare_data.py draw                                        what simulated people do, beside real recordings
    prepare_data.py check mex                                   counts, minutes per activity, rest magnitude, a figure

A converted dataset replaces its folder as a whole or not at all; converting twice gives identical bytes. Relative
--out folders start at the repository's root. docs/data_format.md describes the folders and how to add a dataset.
"""

import argparse
import difflib
import shutil
import sys
import textwrap
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from har.files.home import given_path
from har.labels.groups import group_of
from har.plots.bodies import FilmedMovement, plot_bodies, plot_side_by_side
from har.plots.recordings import ExampleWindow, plot_example_windows
from har.recordings.convert import NAMES, converter
from har.recordings.convert.common import convert_dataset
from har.recordings.format import (
    SENSOR_KINDS,
    Dataset,
    DatasetError,
    Stream,
    prepared_datasets,
    read_dataset,
    rest_magnitude_g,
)
from har.recordings.simulate import SIMULATED_NAMES, write_simulated_corpus
from har.recordings.simulate.activities import ACTIVITIES
from har.recordings.simulate.anthropometry import draw_person
from har.recordings.simulate.preview import BONES, preview
from har.run.ending import InterruptedRunError, exit_status
from har.run.folder import resolve_under_root

# --- where things are -------------------------------------------------------------------------------------------------
DATA_ROOT = "data"
CHECK_ROOT = "training_output/checks"
ARCHIVE_ENDINGS = (".tar.xz", ".tar.gz", ".tgz", ".tar.bz2", ".tar", ".zip")

# --- simulate ---------------------------------------------------------------------------------------------------------
SIMULATED_PEOPLE, SIMULATED_HOURS = 24, 2.0  # in each of the simulated datasets
DRAWN_PLACEMENTS = ("waist", "right wrist", "right front pocket")
DRAWN_S = 4.0
DRAWN_PAIRS = 6  # simulated and real windows beside each other, of one real dataset

# --- check ------------------------------------------------------------------------------------------------------------
EXAMPLE_WINDOW_S = 5.0  # the length of window that the networks are fed by default

# --- console ----------------------------------------------------------------------------------------------------------
WIDEST_TABLE = 120  # lines longer than this are hard to follow, however wide the terminal


def main(argv: Sequence[str] | None = None) -> int:
    arguments = parse_arguments(argv)

    def work() -> None:
        try:
            arguments.command(arguments)
        except KeyboardInterrupt:
            raise InterruptedRunError("stopped; the dataset that was being converted is as it was before") from None

    return exit_status(work, print, partial(print, file=sys.stderr))


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="prepare_data.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="{list,convert,simulate,draw,check}")

    listing = commands.add_parser("list", help="datasets that can be converted, and which are prepared")
    listing.set_defaults(command=list_datasets)

    conversion = commands.add_parser("convert", help="raw files as published -> dataset folders")
    conversion.add_argument("names", nargs="+", metavar="NAME", help="datasets as `list` names them, or: all")
    conversion.add_argument(
        "--raw", type=given_path, required=True, metavar="FOLDER_OR_ARCHIVE",
        help="raw files of the one NAME; or a folder that holds NAME or NAME.tar.xz, NAME.zip ... of each",
    )  # fmt: skip
    conversion.set_defaults(command=convert_datasets)

    simulation = commands.add_parser("simulate", help="simulated people wearing virtual sensors -> dataset folders")
    simulation.add_argument("--people", type=int, default=SIMULATED_PEOPLE, metavar="N", help="people in each dataset")
    simulation.add_argument("--hours", type=float, default=SIMULATED_HOURS, metavar="H", help="hours in each dataset")
    simulation.add_argument("--seed", type=int, default=0, metavar="S", help="another seed gives other people")
    simulation.set_defaults(command=simulate_datasets)

    drawing = commands.add_parser("draw", help="simulated people as stick figures, and beside prepared recordings")
    drawing.add_argument("activities", nargs="*", metavar="ACTIVITY", help="as in activities.py (default: all)")
    drawing.add_argument(
        "--plots", default=CHECK_ROOT, metavar="FOLDER", help=f"for the figures (default {CHECK_ROOT})"
    )
    drawing.add_argument("--seed", type=int, default=0, metavar="S", help="another seed draws another person")
    drawing.set_defaults(command=draw_simulated)

    check = commands.add_parser("check", help="read a prepared dataset through and draw one window per activity")
    check.add_argument("name", metavar="NAME")
    check.add_argument("--plots", default=CHECK_ROOT, metavar="FOLDER", help=f"for NAME.png (default {CHECK_ROOT})")
    check.set_defaults(command=check_dataset)

    for command in (listing, conversion, simulation, drawing, check):
        command.add_argument(
            "--out", default=DATA_ROOT, metavar="FOLDER", help=f"where the dataset folders are (default {DATA_ROOT})"
        )
    return parser.parse_args(argv)


# --- list -------------------------------------------------------------------------------------------------------------


def list_datasets(arguments: argparse.Namespace) -> None:
    out = resolve_under_root(arguments.out)
    prepared = prepared_datasets(out)
    cards = {name: converter(name).CARD for name in NAMES}
    rows = [
        (name, str(card.people), card.rate, str(card.activities), card.verified, "yes" if name in prepared else "no")
        for name, card in cards.items()
    ]
    header = ("dataset", "people", "rate", "activities", "verified on", "prepared")
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]
    print(_table_line(header, widths))
    print(_table_line(["-" * width for width in widths], widths))
    for row, card in zip(rows, cards.values(), strict=True):
        print(_table_line(row, widths))
        print(_indented(f"worn at: {', '.join(card.placements)}"))
        print(_indented(f"licence: {card.licence}"))
        print(_indented(f"get it: {card.source_url}"))
        if card.note:
            print(_indented(f"note: {card.note}"))
    others = [name for name in prepared if name not in NAMES]
    print()
    if others:
        print(f"Also prepared, by no converter of this repository: {', '.join(others)}")
    print(f"{len(prepared)} of {len(NAMES) + len(others)} prepared in {out}")
    print("Convert with: prepare_data.py convert NAME --raw FOLDER_OR_ARCHIVE")


def _table_line(cells: Sequence[str], widths: Sequence[int]) -> str:
    aligned = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
    for numeric in (1, 3):
        aligned[numeric] = cells[numeric].rjust(widths[numeric])
    return "  ".join(aligned).rstrip()


def _indented(text: str, indent: str = "    ") -> str:
    """Wrapped to the terminal; web addresses stay whole, so that they can be clicked."""
    width = max(40, min(shutil.get_terminal_size().columns, WIDEST_TABLE))
    wrapper = textwrap.TextWrapper(width, indent, indent + "  ", break_long_words=False, break_on_hyphens=False)
    return wrapper.fill(text)


# --- convert ----------------------------------------------------------------------------------------------------------


def convert_datasets(arguments: argparse.Namespace) -> None:
    out = resolve_under_root(arguments.out)
    everything = "all" in arguments.names
    names = list(NAMES) if everything else list(dict.fromkeys(arguments.names))
    for name in names:
        if name not in NAMES:
            raise DatasetError(f"no converter for {name!r}{_suggestion(name, NAMES)}; `list` shows them all")
    found = {name: _raw_of(name, arguments.raw, alone=len(names) == 1) for name in names}
    absent = [name for name, raw in found.items() if raw is None]
    if len(absent) == len(names) or (absent and not everything):
        raise DatasetError(
            f"{arguments.raw}: nothing there for {', '.join(absent)}; expected a folder that holds "
            f"{absent[0]} or {absent[0]}{{{','.join(ARCHIVE_ENDINGS)}}}"
        )
    done = {name: raw for name, raw in found.items() if raw is not None}
    for name, raw in done.items():
        _convert_one(name, raw, out / name)
    if absent:
        print(_indented(f"nothing in {arguments.raw} for: {', '.join(absent)}", ""))
    print(f"prepared in {out}: {', '.join(done)}")
    print(f"next: prepare_data.py check {next(iter(done))}" + ("" if arguments.out == DATA_ROOT else f" --out {out}"))


def _convert_one(name: str, raw: Path, folder: Path) -> None:
    started = time.monotonic()
    # An archive is unpacked first: say so, or nothing seems to happen.
    print(f"{name}: reading {raw}", flush=True)
    bar = partial(tqdm, desc=name, unit="file", leave=False, disable=None, file=sys.stderr)
    convert_dataset(converter(name), raw, folder, progress=bar)
    dataset = read_dataset(folder)
    hours = sum(_seconds(stream) for stream in dataset.streams.values()) / 3600
    print(
        f"{name}: {len(dataset.subjects)} people, {hours:.1f} h in {len(dataset.streams)} stream(s), "
        f"{len(dataset.labels)} activities, {time.monotonic() - started:.0f} s"
    )
    for line in dataset.notes:
        print(_indented(line))


def _raw_of(name: str, raw: Path, alone: bool) -> Path | None:
    """The raw files of one dataset at or in ``raw``, None when there are none."""
    if not raw.exists():
        raise DatasetError(f"{raw} does not exist; give the folder or the archive with the raw files")
    inside = [raw / name, *(raw / f"{name}{ending}" for ending in ARCHIVE_ENDINGS)]
    present = [path for path in inside if path.exists()]
    if present:
        return present[0]
    return raw if alone else None


def _suggestion(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


# --- simulate ---------------------------------------------------------------------------------------------------------


def simulate_datasets(arguments: argparse.Namespace) -> None:
    out = resolve_under_root(arguments.out)
    started = time.monotonic()
    bar = partial(tqdm, desc="simulating", unit="person", leave=False, disable=None, file=sys.stderr)
    try:
        names = write_simulated_corpus(
            out, people=arguments.people, hours=arguments.hours, seed=arguments.seed, progress=bar
        )
    except ValueError as error:
        raise DatasetError(str(error)) from error
    for name in names:
        dataset = read_dataset(out / name)
        hours = sum(_seconds(stream) for stream in dataset.streams.values()) / 3600
        print(
            f"{name}: {len(dataset.subjects)} people, {hours:.1f} h in {len(dataset.streams)} stream(s), "
            f"{len(dataset.labels)} activities"
        )
    print(f"simulated in {out} in {time.monotonic() - started:.0f} s: {', '.join(names)}")
    print(f"next: prepare_data.py check {names[0]}" + ("" if arguments.out == DATA_ROOT else f" --out {out}"))


def draw_simulated(arguments: argparse.Namespace) -> None:
    plots = resolve_under_root(arguments.plots)
    plots.mkdir(parents=True, exist_ok=True)
    for name in arguments.activities:
        if name not in ACTIVITIES:
            raise DatasetError(f"no activity {name!r}{_suggestion(name, ACTIVITIES)}; known: {', '.join(ACTIVITIES)}")
    movements = []
    for name in arguments.activities or ACTIVITIES:
        rng = np.random.default_rng(arguments.seed)
        shown = preview(name, draw_person(rng), DRAWN_S, DRAWN_PLACEMENTS, rng)
        movements.append(FilmedMovement(name, shown.rate_hz, shown.joints, BONES, shown.acceleration, shown.grounded))
    print(f"simulated people: {plot_bodies(movements, plots / 'simulated.png')}")
    out = resolve_under_root(arguments.out)
    prepared = {name: read_dataset(out / name) for name in prepared_datasets(out)}
    simulated = [window for name in SIMULATED_NAMES if name in prepared for window in example_windows(prepared[name])]
    for name, dataset in prepared.items():
        pairs = matching_pairs(simulated, example_windows(dataset)) if name not in SIMULATED_NAMES else []
        if pairs:
            figure = plot_side_by_side(pairs[:DRAWN_PAIRS], plots / f"simulated_and_{name}.png")
            print(f"simulated beside {name}: {figure}")


def matching_pairs(
    simulated: Sequence[ExampleWindow], real: Sequence[ExampleWindow]
) -> list[tuple[ExampleWindow, ExampleWindow]]:
    """For every real window a simulated one of the same activity and, in words, the same place."""
    pairs = []
    for window in real:
        place = window.stream.rpartition(" at ")[2]
        for other in simulated:
            same_place = place in other.stream or other.stream.rpartition(" at ")[2] in place
            if same_place and group_of(other.label) == group_of(window.label):
                pairs.append((other, window))
                break
    return pairs


# --- check ------------------------------------------------------------------------------------------------------------


def check_dataset(arguments: argparse.Namespace) -> None:
    out = resolve_under_root(arguments.out)
    name = arguments.name
    prepared = prepared_datasets(out)
    if name not in prepared:
        known = f"prepared there: {', '.join(prepared)}" if prepared else "none is prepared there"
        raise DatasetError(f"no dataset {name!r} in {out}{_suggestion(name, prepared)}; {known}")
    dataset = read_dataset(out / name, scan=True)
    print(f"{dataset.name}: {dataset.title}")
    for text in (dataset.citation, f"licence: {dataset.licence}", dataset.source_url):
        print(_indented(text))
    for stream in dataset.streams.values():
        _print_stream(stream)
    print()
    _print_minutes(dataset)
    for line in dataset.notes:
        print(_indented(f"note: {line}", ""))
    plots = resolve_under_root(arguments.plots)
    plots.mkdir(parents=True, exist_ok=True)
    windows = example_windows(dataset)
    print()
    print(f"read through without an error: {dataset.folder}")
    if windows:
        figure = plot_example_windows(windows, plots / f"{name}.png", f"{name}: one window per activity and stream")
        print(f"one window per activity and stream: {figure}")


def _print_stream(stream: Stream) -> None:
    info, segments = stream.info, stream.segments
    rest = rest_magnitude_g(stream)
    lines = [
        f"{info.device} at {info.placement}, {info.sampling_rate_hz:g} Hz, {' '.join(info.channels)}",
        f"{len({s.subject for s in segments})} people, {len({s.recording for s in segments})} recordings, "
        f"{len(segments)} segments, {_seconds(stream) / 3600:.2f} h",
        "gravity removed: no rest magnitude" if info.gravity == "removed"
        else "never still for a second: rest magnitude unknown" if rest is None
        else f"rest magnitude {rest:.3f} g",
    ]  # fmt: skip
    print()
    print(info.name)
    for line in lines:
        print(_indented(line))


def _print_minutes(dataset: Dataset) -> None:
    """Minutes per activity and stream; people in brackets, since a label of one person cannot be learnt."""
    seconds: dict[tuple[str, str], float] = defaultdict(float)
    people: dict[str, set[str]] = defaultdict(set)
    for stream in dataset.streams.values():
        for s in stream.segments:
            seconds[s.label, stream.info.name] += (s.stop - s.start) / stream.info.sampling_rate_hz
            people[s.label].add(s.subject)
    columns = {name: max(len(name), 7) for name in dataset.streams}
    labels = sorted(people, key=lambda label: (label == "", label))
    first = max(len("(unlabelled)"), *(len(label) for label in labels))
    # With long phrases and many streams the phrase yields: the numbers are what the table is for.
    room = min(shutil.get_terminal_size().columns, WIDEST_TABLE) - 8 - sum(width + 2 for width in columns.values())
    first = max(24, min(first, room))
    print("minutes".ljust(first) + "  people" + "".join(f"  {name:>{width}}" for name, width in columns.items()))
    for label in labels:
        *above, last = textwrap.wrap(label or "(unlabelled)", first, subsequent_indent="  ")
        for text in above:
            print(text)
        cells = (f"{seconds[label, name] / 60:.1f}" if (label, name) in seconds else "-" for name in columns)
        numbers = "".join(f"  {cell:>{width}}" for cell, width in zip(cells, columns.values(), strict=True))
        print(f"{last:<{first}}  {len(people[label]):>6}" + numbers)


def example_windows(dataset: Dataset) -> list[ExampleWindow]:
    """The middle of the longest segment of every activity, per stream."""
    windows = []
    for stream in dataset.streams.values():
        info = stream.info
        longest = {}
        for s in sorted(stream.segments, key=lambda s: s.stop - s.start):
            longest[s.label] = s
        longest.pop("", None)
        for label, s in sorted(longest.items()):
            length = min(s.stop - s.start, round(EXAMPLE_WINDOW_S * info.sampling_rate_hz))
            start = s.start + (s.stop - s.start - length) // 2
            triads = {}
            for kind in SENSOR_KINDS:
                axes = [i for i, channel in enumerate(info.channels) if channel.startswith(kind)]
                if axes:
                    triads[kind] = np.array(stream.samples[start : start + length, axes])
            heading = f"{info.name}: {info.device} at {info.placement}"
            windows.append(ExampleWindow(heading, label, s.subject, info.sampling_rate_hz, triads))
    return windows


def _seconds(stream: Stream) -> float:
    return sum(s.stop - s.start for s in stream.segments) / stream.info.sampling_rate_hz


if __name__ == "__main__":
    sys.exit(main())
