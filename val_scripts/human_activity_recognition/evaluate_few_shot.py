"""What a few labelled windows of a new dataset add to the words of its labels.

    python val_scripts/human_activity_recognition/evaluate_few_shot.py \\
        --checkpoint training_output/semantic_alignment/20250131_120000/best.pt --datasets mobifall --out evaluation

In each draw half of the people give k labelled windows a class, and all windows of the other half are named, by three
classifiers on what the frozen network computes of a window just before its embedding, with and without the label text,
and by the text alone (k = 0). How people and windows are drawn and how the text is blended:
har/evaluation/few_shot.py. Written to the folder of --out:

    report.md                      macro-F1, accuracy and gain over k = 0: mean and deviation over draws
    few_shot.json                  the same with the values of every draw
    plots/few_shot_<dataset>.png   macro-F1 against k

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
from har.protocol.few_shot import FewShotRequest, evaluate_few_shot
from har.protocol.request import Console, evaluation_parser
from har.run.ending import exit_status

SHOTS = (1, 2, 4, 8, 16)
DRAWS = 20
SEED = 0

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
    return parser.parse_args(argv)


def evaluate(arguments: argparse.Namespace) -> None:
    asked = vars(arguments)
    shots, draws = tuple(sorted(asked.pop("shots"))), asked.pop("draws")
    protocol = FewShotProtocol(shots, draws, TEXT_WINDOWS, RIDGE_PENALTY, SEED)
    evaluate_few_shot(FewShotRequest(**asked), protocol, CONSOLE)


if __name__ == "__main__":
    sys.exit(main())
