"""What a few labelled windows of a new dataset add to the words of its labels.

    python val_scripts/human_activity_recognition/evaluate_few_shot.py \\
        --checkpoint training_output/semantic_alignment/20250131_120000/best.pt --datasets mobifall --out evaluation

Some windows, k a class, are given their labels, and others are named, with and without the label text and by the text
alone (k = 0). Three protocols say whose windows are labelled (--protocols):

    placement   other people's windows at the same placement, k a class at each
    shared      other people's windows, k a class for all placements together
    wearer      the person's own, on the same device: the first half of each activity teaches, the second is named

How people and windows are drawn: har/evaluation/few_shot_draws.py; how windows are named from what the frozen network
computes of them just before its embedding: har/evaluation/few_shot_classifiers.py. Written to the folder of --out:

    report.md                                macro-F1, accuracy and gain over k = 0: mean and deviation over draws
    few_shot.json                            the same with the values of every draw
    plots/few_shot_protocols_<dataset>.png   macro-F1 against k, a curve a protocol
    plots/few_shot_<dataset>.png             the same, a panel a classifier

Windows are taken on their own, or with --context in view of all unlabelled recordings of the person and device: how it
lies against the body, and what ``classify_recording`` makes of the probabilities of the scored windows. Falls are left
out unless --falls is given. A dataset that was trained on is refused: its labels are no few ones. Errors end with one
line and exit status 2.
"""

import argparse
import sys
from collections.abc import Sequence
from functools import partial

from tqdm import tqdm

from har.evaluation.few_shot import RIDGE_PENALTY, TEXT_WINDOWS, FewShotProtocol
from har.evaluation.few_shot_draws import PROTOCOLS
from har.protocol.few_shot import FewShotRequest, evaluate_few_shot
from har.protocol.request import Console, evaluation_parser
from har.run.ending import exit_status

SHOTS = (1, 2, 4, 8, 16)
DRAWS = 20
SEED = 0
GAP_S = 5.0  # a window, so that what is named begins well after what taught

CONSOLE = Console(print, partial(print, file=sys.stderr), tqdm)


def main(argv: Sequence[str] | None = None) -> int:
    """Evaluate as the command line says; returns the exit status."""
    return exit_status(partial(evaluate, parse_arguments(argv)), CONSOLE.tell, CONSOLE.complain)


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = evaluation_parser(__doc__)
    parser.add_argument("--draws", type=int, default=DRAWS, help=f"of people and windows (default: {DRAWS})")
    shots = " ".join(map(str, SHOTS))
    parser.add_argument(
        "--shots", type=int, nargs="+", default=SHOTS, metavar="K", help=f"labelled windows a class (default: {shots})"
    )
    parser.add_argument("--context", action="store_true", help="with the recordings' context, not on their own")
    parser.add_argument(
        "--protocols", nargs="+", choices=PROTOCOLS, default=PROTOCOLS, help="whose windows are labelled (default: all)"
    )
    parser.add_argument(
        "--gap-s", type=float, default=GAP_S, help=f"between the halves of a wearer's own (default: {GAP_S:g})"
    )
    return parser.parse_args(argv)


def evaluate(arguments: argparse.Namespace) -> None:
    asked = vars(arguments)
    shots, draws = tuple(sorted(asked.pop("shots"))), asked.pop("draws")
    asked["protocols"] = tuple(name for name in PROTOCOLS if name in asked["protocols"])
    protocol = FewShotProtocol(shots, draws, TEXT_WINDOWS, RIDGE_PENALTY, SEED)
    evaluate_few_shot(FewShotRequest(**asked), protocol, CONSOLE)


if __name__ == "__main__":
    sys.exit(main())
