"""Fit how far a checkpoint's probabilities are to be believed, and when it says "unknown".

    python val_scripts/human_activity_recognition/fit_calibration.py \\
        --checkpoint training_output/semantic_alignment/20250131_120000/best.pt --store --out calibration \\
        --datasets mobifall pdiot selfback sisfall forth_trace sphere utd_mhad

The datasets must not have been trained on. Their windows are named out of their own labels, out of shorter lists of
these, and with each activity left out in turn. Written to the folder of --out: calibration.json and calibration.md, the
numbers and what they are worth on each dataset when fitted to the others. With --store they go into the checkpoint,
which release_model.py takes them over from; its weights stay. A released model, whose card vouches for its file, can be
fitted by its name and takes no --store.
"""

import argparse
import sys
from collections.abc import Sequence
from functools import partial

from tqdm import tqdm

from har.protocol.calibration import Fit, fit_calibration
from har.protocol.request import Console, EvaluationRequest, evaluation_parser
from har.run.ending import exit_status

FIT = Fit(
    lists=6,  # of a dataset's labels: users ask about few and about many
    most_windows=3000,  # of a list: what the time of the fit is in proportion to
    known_lost=0.05,  # share of the known windows that "unknown" may cost
    penalty=0.003,  # on squared coefficients, in nats
    seed=0,
)

CONSOLE = Console(print, partial(print, file=sys.stderr), tqdm)


def main(argv: Sequence[str] | None = None) -> int:
    """Fit as the command line says; returns the exit status."""
    parser = evaluation_parser(__doc__)
    parser.add_argument("--store", action="store_true", help="store the calibration in the checkpoint")
    return exit_status(partial(calibrate, parser.parse_args(argv)), CONSOLE.tell, CONSOLE.complain)


def calibrate(arguments: argparse.Namespace) -> None:
    asked = {name: value for name, value in vars(arguments).items() if name != "store"}
    fit_calibration(EvaluationRequest(**asked), FIT, arguments.store, CONSOLE)


if __name__ == "__main__":
    sys.exit(main())
