"""Ask a trained model about the same windows again: other devices, other ways to wear them, other words.

    python val_scripts/human_activity_recognition/evaluate_robustness.py \\
        --checkpoint default --datasets mobifall pdiot selfback --out robustness

Signals: every recording is changed as another device or another way to wear it would change it (rate, mounting, losses,
range, noise, placement ...), the same windows of the same people are named again, and scores are compared pair by pair,
one window at a time and in recording context. Words: the unchanged windows are named out of the labels in other words,
which training has not read, in words of more detail, and among activities that nobody in the dataset does. Written to
the folder of --out:

    report.md          what each change costs, with intervals over people, and how many windows it moves
    results.json       the same, by dataset, for programs
    plots/             robustness.png: all changes of the signal at a glance

Datasets that the model was trained on are refused. Errors end with one line and exit status 2. Duration: about 50 ms a
window for all changes on one CPU core; --people bounds it.
"""

import argparse
import sys
from collections.abc import Sequence
from functools import partial

from tqdm import tqdm

from har.evaluation.leave_one_out import Bootstrap
from har.protocol.perturbations import (
    Perturbation,
    at_rate,
    biased,
    clipped,
    gap,
    lost,
    lost_in_bursts,
    mirrored,
    noisy,
    placed,
    quantised,
    turned,
    without,
    wrongly_placed,
)
from har.protocol.request import Console, evaluation_parser
from har.protocol.robustness import PARTS, RobustnessRequest, evaluate_robustness
from har.protocol.words import WordsAsked
from har.run.ending import exit_status

DRAWS = 1000  # of the bootstrap over people
LEVEL = 0.95  # of the intervals
SEED = 0  # of the draws, and of all that a change draws

# The network's own rate is 25 Hz: from 50 Hz on nothing that it could see is lost.
RATES_HZ = {10.0: False, 20.0: False, 50.0: True, 100.0: True}
LOST_SHARE = 0.3  # of the samples
BURST_S = 0.5  # of a radio link that fails, on average
RANGES_G = (2.0, 4.0)  # the smallest of common accelerometers
STEP_G = 1 / 64  # eight bits for 2 g either way: the coarsest of the public datasets
NOISE = {"acc": 0.05, "gyro": 0.1}  # g and rad/s; a cheap sensor has a few thousandths
GAIN, OFFSET_G = 0.05, 0.05  # of an uncalibrated accelerometer
SHIFT_S = 0.5  # half a patch
GAP_S = 60.0
# What a device is said to be worn at; one that shares no word with the truth is drawn for each person.
WRONG_PLACEMENTS = ("ankle", "chest", "head", "lower back", "trouser pocket", "wrist")

WORDING_DRAWS = 20  # four times each of five wordings
DISTRACTORS, DISTRACTOR_DRAWS = 10, 5

PERTURBATIONS = (
    *(Perturbation(f"rate_{hz:g}", f"{hz:g} Hz", at_rate(hz), lossless=whole) for hz, whole in RATES_HZ.items()),
    Perturbation("turned_person", "mounted otherwise, a person", turned("device")),
    Perturbation("turned_recording", "mounted otherwise, each recording", turned("recording")),
    Perturbation("turned_window", "turned in each window", windows_turned=True),
    Perturbation("mirrored", "the other wrist", mirrored),
    Perturbation("placement_unsaid", "placement unsaid", placed(None)),
    Perturbation("placement_wrong", "placement wrong", wrongly_placed(WRONG_PLACEMENTS)),
    Perturbation("no_gyroscope", "without gyroscope", without("gyro")),
    *(Perturbation(f"clipped_{g:g}g", f"clipped at {g:g} g", clipped(g)) for g in RANGES_G),
    Perturbation("quantised", "steps of 1/64 g", quantised(STEP_G)),
    Perturbation("noise", f"noise of {NOISE['acc']:g} g, {NOISE['gyro']:g} rad/s", noisy(NOISE)),
    Perturbation("bias", f"bias of {100 * GAIN:g} %, {OFFSET_G:g} g", biased(GAIN, OFFSET_G)),
    Perturbation("lost", f"{100 * LOST_SHARE:g} % lost, one by one", lost(LOST_SHARE)),
    Perturbation("lost_bursts", f"{100 * LOST_SHARE:g} % lost, in bursts", lost_in_bursts(LOST_SHARE, BURST_S)),
    Perturbation("gap", "a minute's gap", gap(GAP_S)),
    Perturbation("shifted", f"windows {SHIFT_S:g} s later", shift_s=SHIFT_S),
)  # fmt: skip

BOOTSTRAP = Bootstrap(DRAWS, LEVEL, SEED)
WORDS = WordsAsked(WORDING_DRAWS, DISTRACTORS, DISTRACTOR_DRAWS, SEED)
CONSOLE = Console(print, partial(print, file=sys.stderr), tqdm)


def main(argv: Sequence[str] | None = None) -> int:
    """Evaluate as the command line says; returns the exit status."""
    arguments = robustness_parser().parse_args(argv)
    return exit_status(partial(robustness, arguments), CONSOLE.tell, CONSOLE.complain)


def robustness_parser() -> argparse.ArgumentParser:
    parser = evaluation_parser(__doc__)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), help=f"default: {' '.join(PARTS)}")
    parser.add_argument("--people", type=int, help="of each dataset at most so many, drawn by seed (default: all)")
    return parser


def robustness(arguments: argparse.Namespace) -> None:
    evaluate_robustness(RobustnessRequest(**vars(arguments)), PERTURBATIONS, WORDS, BOOTSTRAP, SEED, CONSOLE)


if __name__ == "__main__":
    sys.exit(main())
