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

import contextlib
import dataclasses
import shlex
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

from har.evaluation.leave_one_out import Bootstrap
from har.protocol.cells import EVALUATION_SCRIPT, CellError, is_finished, run_cells
from har.protocol.plan import PLAN_NAME, Cell, Plan, ProtocolRequest, expected_cells, make_plan, read_plan
from har.protocol.report import write
from har.protocol.request import Console, EvaluationError
from har.run.ending import InterruptedRunError
from har.run.folder import write_json

try:
    import fcntl
except ImportError:  # not on Windows, where nothing keeps two protocols from one folder
    fcntl = None

PROTOCOL = "leave-one-dataset-out"


def run_protocol(asked: ProtocolRequest, bootstrap: Bootstrap, console: Console) -> None:
    """Do the missing cells of a protocol and write its report; tells the closing lines.

    bootstrap: over people, of all intervals. Raises ``EvaluationError`` for what makes no sense or is not what was
    begun in the folder, ``CellError`` for a cell that failed, ``InterruptedRunError`` after Ctrl-C or SIGTERM.
    """
    out = asked.out.resolve()
    if asked.jobs < 1:
        raise EvaluationError(f"--jobs {asked.jobs}; expected at least 1")
    if asked.report_only:
        plan = read_plan(out)
        console.tell(write(out, plan, expected_cells(plan), bootstrap, console.progress))
        return
    out.mkdir(parents=True, exist_ok=True)
    with alone_in(out) as lock:
        plan = make_plan(asked)
        cells = expected_cells(plan)
        write_json(out / PLAN_NAME, dataclasses.asdict(plan), checked=True)
        do_cells(cells, out, plan, asked.jobs, lock, console)
        console.tell(write(out, plan, cells, bootstrap, console.progress))


def do_cells(cells: list[Cell], out: Path, plan: Plan, jobs: int, lock: Sequence[int], console: Console) -> None:
    """Run those that are not finished, below a progress bar that counts training steps."""
    missing = [cell for cell in cells if not is_finished(out, cell)]
    steps = {cell: plan.steps_of(cell) for cell in cells}
    total = sum(steps.values())
    done = len(cells) - len(missing)
    bar = console.progress(total=total, initial=total - sum(steps[cell] for cell in missing), unit="step", smoothing=0)
    bar.set_description_str(f"{done}/{len(cells)} cells")

    def finished(cell: Cell) -> None:
        nonlocal done
        done += 1
        bar.set_description_str(f"{done}/{len(cells)} cells", refresh=False)
        bar.update(steps[cell])
        bar.write(f"finished {cell.name}")

    before = signal.signal(signal.SIGTERM, signal.default_int_handler)  # ended like by Ctrl-C
    try:
        run_cells(missing, out, plan, jobs, lock, finished)
    except KeyboardInterrupt:
        again = shlex.join(["python", EVALUATION_SCRIPT, "--protocol", PROTOCOL, "--out", str(out), f"--jobs={jobs}"])
        done = sum(is_finished(out, cell) for cell in cells)  # also those of which nobody has been told yet
        raise InterruptedRunError(
            f"Stopped; {done} of {len(cells)} cells are finished. Go on with\n  {again}\n"
            "or add --report-only for a report of these."
        ) from None
    except CellError as error:
        bar.close()
        console.complain("\n".join(error.log_lines))
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
