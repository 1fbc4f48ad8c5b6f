"""Score a trained model on datasets that it has never seen, by the words of their labels alone.

    python val_scripts/human_activity_recognition/evaluate_zero_shot.py \\
        --checkpoint training_output/semantic_alignment/20250131_120000/best.pt --datasets mobifall --out evaluation

Every window is named out of the dataset's own labels (closed set) and out of all training labels (open set, scored
through synonym groups), and both twice: embedded on its own (one window), and with what the whole unlabelled recording
tells (recording context). Written to the folder of --out:

    report.md                    scores with intervals over people, per placement, per activity, largest confusions
    results.json                 the same and more, for programs
    predictions_<dataset>.csv    one row a window
    plots/                       confusion matrices, closed and open set

Falls are left out unless --falls is given, so that the headline is daily activities. A dataset that was trained on is
refused unless --allow-training-dataset is given, or --held-out-people, which scores only the people whom training held
out for validation. Errors end with one line and exit status 2.

How well models recognise datasets that they have never seen, over several datasets, seeds and references, is measured
by the protocol of docs/evaluation.md; --protocol leave-one-dataset-out --help prints its options:

    python val_scripts/human_activity_recognition/evaluate_zero_shot.py --protocol leave-one-dataset-out --out FOLDER
"""

import argparse
import sys
from collections.abc import Sequence
from functools import partial

from tqdm import tqdm

from har.evaluation.leave_one_out import Bootstrap
from har.files.home import given_path
from har.protocol import forest, run
from har.protocol.cells import FOREST_PROTOCOL
from har.protocol.comparison import compare
from har.protocol.plan import (
    CEILING_STEPS,
    LEFT_OUT,
    PLAN_NAME,
    REFERENCES,
    SEEDS,
    STANDARD_STEPS,
    ProtocolRequest,
    read_plan,
)
from har.protocol.request import Console, evaluation_parser
from har.protocol.zero_shot import ZeroShotRequest, evaluate_zero_shot
from har.run.ending import exit_status

DRAWS = 1000  # of the bootstrap over people: the bounds vary by less than a point from seed to seed
LEVEL = 0.95  # of the intervals
SEED = 0  # of the draws
ANSWERS_DRAWN = 20  # columns of the open-set figure; the rarer answers share one more

BOOTSTRAP = Bootstrap(DRAWS, LEVEL, SEED)
CONSOLE = Console(print, partial(print, file=sys.stderr), tqdm)


def main(argv: Sequence[str] | None = None) -> int:
    """Evaluate as the command line says; returns the exit status."""
    argv = sys.argv[1:] if argv is None else argv
    chosen = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    chosen.add_argument("--protocol")
    protocol = chosen.parse_known_args(argv)[0].protocol
    own = {None: (zero_shot_parser, zero_shot), FOREST_PROTOCOL: (forest_parser, forest_cell)}
    parser, evaluate = own.get(protocol, (protocol_parser, leave_one_out))
    return exit_status(partial(evaluate, parser().parse_args(argv)), CONSOLE.tell, CONSOLE.complain)


# --- One checkpoint --------------------------------------------------------------------------------------------------


def zero_shot_parser() -> argparse.ArgumentParser:
    parser = evaluation_parser(__doc__)
    parser.add_argument("--window-s", type=float, help="window in seconds (default: that of training)")
    parser.add_argument("--stride-s", type=float, help="seconds from window to window (default: that of training)")
    parser.add_argument("--min-window-s", type=float, help="shortest segment scored (default: that of training)")
    parser.add_argument(
        "--allow-training-dataset", action="store_true", help="score datasets that were trained on; the report says so"
    )
    parser.add_argument(
        "--held-out-people", action="store_true", help="score only the people that training held out for validation"
    )
    return parser


def zero_shot(arguments: argparse.Namespace) -> None:
    evaluate_zero_shot(ZeroShotRequest(**vars(arguments)), BOOTSTRAP, ANSWERS_DRAWN, CONSOLE)


# --- The protocol ----------------------------------------------------------------------------------------------------


def protocol_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=run.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--protocol", required=True, choices=[run.PROTOCOL])
    parser.add_argument("--out", required=True, type=given_path, help="folder to write into, or to go on in")
    parser.add_argument("--data", type=given_path, help="folder of the prepared datasets (data/ of the repository)")
    parser.add_argument("--datasets", nargs="+", metavar="NAME", help=f"left out in turn ({' '.join(LEFT_OUT)})")
    seeds = " ".join(map(str, SEEDS))
    parser.add_argument("--seeds", nargs="+", type=int, metavar="N", help=f"of training (default: {seeds})")
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


def leave_one_out(arguments: argparse.Namespace) -> None:
    if arguments.compare:
        compare(arguments.compare, arguments.out, CONSOLE.tell)
        return
    asked = {name: value for name, value in vars(arguments).items() if name not in ("protocol", "compare")}
    run.run_protocol(ProtocolRequest(**asked), BOOTSTRAP, CONSOLE)


def forest_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=forest.__doc__)
    parser.add_argument("--protocol", required=True, choices=[FOREST_PROTOCOL])
    parser.add_argument("--plan", required=True, type=given_path, help=f"{PLAN_NAME} of the protocol")
    parser.add_argument("--datasets", required=True, nargs=1, help="the dataset left out")
    parser.add_argument("--seed", required=True, type=int)
    parser.add_argument("--out", required=True, type=given_path)
    return parser


def forest_cell(arguments: argparse.Namespace) -> None:
    plan = read_plan(arguments.plan.parent)
    forest.score_forest(plan, arguments.datasets[0], arguments.seed, arguments.out, CONSOLE)


if __name__ == "__main__":
    sys.exit(main())
