"""The protocol that measures how well models recognise datasets, placements and devices that they have never seen.

    python val_scripts/human_activity_recognition/evaluate_zero_shot.py --protocol leave-one-dataset-out --out FOLDER
    ... --protocol leave-one-dataset-out --compare plain=FOLDER smoothed=FOLDER --out F    compare several of them

Each dataset is left out in turn: models are trained on all others for a fixed number of steps, one a seed, and name
its windows. What the rows of the report mean, and what each may use, stands in docs/evaluation.md. Written to --out:

    report.md, results.json, plots/      from the finished cells, whatever is missing
    protocol.json                        what defines the numbers
    cells/<dataset>/<what>_<number>/     one model each: its log, run folder, predictions

A protocol that was stopped, or failed, goes on with the same command: finished cells stay. Seeds, datasets and
references may be added; other settings are refused. Options that are not given are those of the folder.
"""

import argparse
import contextlib
import dataclasses
import shlex
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tqdm import tqdm

from har.run.folder import write_json
from val_scripts.human_activity_recognition import forest_reference, protocol_comparison, protocol_report
from val_scripts.human_activity_recognition.protocol_cells import (
    EVALUATION_SCRIPT,
    FOREST_PROTOCOL,
    CellError,
    is_finished,
    run_cells,
)
from val_scripts.human_activity_recognition.protocol_plan import (
    CEILING_STEPS,
    LEFT_OUT,
    PLAN_NAME,
    REFERENCES,
    STANDARD_STEPS,
    Cell,
    Plan,
    expected_cells,
    make_plan,
    read_plan,
)
from val_scripts.human_activity_recognition.scored_data import EvaluationError

try:
    import fcntl
except ImportError:  # not on Windows, where nothing keeps two protocols from one folder
    fcntl = None

PROTOCOL = "leave-one-dataset-out"

INTERRUPTED = 130  # exit status after Ctrl-C, as of a shell


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--protocol", required=True, choices=[PROTOCOL])
    parser.add_argument("--out", required=True, type=Path, help="folder to write into, or to go on in")
    parser.add_argument("--data", type=Path, help="folder of the prepared datasets (default: data/ of the repository)")
    parser.add_argument("--datasets", nargs="+", metavar="NAME", help=f"left out in turn ({' '.join(LEFT_OUT)})")
    parser.add_argument("--seeds", nargs="+", type=int, metavar="N", help="of training (default: 0 1 2)")
    parser.add_argument("--steps", type=int, help=f"of training, each of a batch (default: {STANDARD_STEPS})")
    parser.add_argument("--ceiling-steps", type=int, help=f"of a ceiling's training (default: {CEILING_STEPS})")
    parser.add_argument(
        "--references", nargs="+", choices=[*REFERENCES, "none"], help=f"default: {' '.join(REFERENCES)}"
    )
    parser.add_argument(
        "--train", action="append", metavar='"--NAME=VALUE ..."', help="override constants of the training script"
    )
    parser.add_argument("--jobs", type=int, default=1, help="cells at once, each on its share of the cores (1)")
    parser.add_argument("--report-only", action="store_true", help="train nothing: a report of the finished cells")
    parser.add_argument("--compare", nargs="+", metavar="NAME=FOLDER", help="compare finished protocols")
    return parser


def asked_for(argv: Sequence[str]) -> tuple[Callable[[argparse.Namespace], None], argparse.Namespace] | None:
    """What to call with which arguments when the command line asks for a protocol, or None."""
    chosen = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    chosen.add_argument("--protocol")
    protocol = chosen.parse_known_args(argv)[0].protocol
    if protocol is None:
        return None
    if protocol == FOREST_PROTOCOL:
        return run_forest_cell, forest_parser().parse_args(argv)
    arguments = parser().parse_args(argv)
    return (protocol_comparison.compare if arguments.compare else run), arguments


def forest_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=forest_reference.__doc__)
    parser.add_argument("--protocol", required=True, choices=[FOREST_PROTOCOL])
    parser.add_argument("--plan", required=True, type=Path, help=f"{PLAN_NAME} of the protocol")
    parser.add_argument("--datasets", required=True, nargs=1, help="the dataset left out")
    parser.add_argument("--seed", required=True, type=int)
    parser.add_argument("--out", required=True, type=Path)
    return parser


def run_forest_cell(arguments: argparse.Namespace) -> None:
    forest_reference.score_forest(read_plan(arguments.plan.parent), arguments)


def run(arguments: argparse.Namespace) -> None:
    """Do the missing cells of a protocol and write its report; prints the closing lines."""
    out = arguments.out.resolve()
    if arguments.jobs < 1:
        raise EvaluationError(f"--jobs {arguments.jobs}; expected at least 1")
    if arguments.report_only:
        plan = read_plan(out)
        print(protocol_report.write(out, plan, expected_cells(plan)))
        return
    out.mkdir(parents=True, exist_ok=True)
    with alone_in(out) as lock:
        plan = make_plan(arguments, out)
        cells = expected_cells(plan)
        write_json(out / PLAN_NAME, dataclasses.asdict(plan))
        missing = [cell for cell in cells if not is_finished(out, cell)]
        do_cells(missing, cells, out, plan, arguments.jobs, lock)
        print(protocol_report.write(out, plan, cells))


def do_cells(missing: list[Cell], cells: list[Cell], out: Path, plan: Plan, jobs: int, lock: Sequence[int]) -> None:
    """Run the missing cells below a progress bar that counts training steps; says how to go on when stopped."""
    steps = {cell: plan.steps_of(cell) for cell in cells}
    total = sum(steps.values())
    done = len(cells) - len(missing)
    bar = tqdm(total=total, initial=total - sum(steps[cell] for cell in missing), unit="step", smoothing=0)
    bar.set_description_str(f"{done}/{len(cells)} cells")

    def finished(cell: Cell) -> None:
        nonlocal done
        done += 1
        bar.set_description_str(f"{done}/{len(cells)} cells", refresh=False)
        bar.update(steps[cell])
        tqdm.write(f"finished {cell.name}")

    before = signal.signal(signal.SIGTERM, signal.default_int_handler)  # ended like by Ctrl-C
    try:
        run_cells(missing, out, plan, jobs, lock, finished)
    except KeyboardInterrupt:
        bar.close()
        again = shlex.join(["python", EVALUATION_SCRIPT, "--protocol", PROTOCOL, "--out", str(out), f"--jobs={jobs}"])
        print(
            f"Stopped; {done} of {len(cells)} cells are finished. Go on with\n  {again}\n"
            "or add --report-only for a report of these.",
            file=sys.stderr,
        )
        raise SystemExit(INTERRUPTED) from None
    except CellError as error:
        bar.close()
        print(*error.log_lines, sep="\n", file=sys.stderr)
        raise
    finally:
        bar.close()
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def alone_in(out: Path) -> Iterator[Sequence[int]]:
    """Hold the lock of a protocol's folder: the file descriptors that keep it, in any process that inherits them.

    So neither a second protocol nor one that goes on beside trainings that a killed one left behind gets in between.
    Raises ``EvaluationError`` when another one holds it.
    """
    with (out / ".lock").open("w") as file:
        if fcntl is not None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise EvaluationError(
                    f"{out}: a protocol, or a training that one left behind, is still at work there; wait for it or "
                    "end it, or give another --out"
                ) from None
        yield [file.fileno()] if fcntl is not None else []
