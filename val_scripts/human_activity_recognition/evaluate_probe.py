"""How much a linear classifier reads from frozen embeddings, against the same network without training.

    python val_scripts/human_activity_recognition/evaluate_probe.py \\
        --checkpoint training_output/imu_pretraining/20250131_120000/best.pt --datasets mobifall --out evaluation

Windows are embedded one by one by the checkpoint (of pretrain.py or of semantic_alignment_train.py) and by networks of
the same architecture with random weights. A logistic regression learns from some people of the dataset and is asked
about the others, five folds over people. Two rows each: on standardised dimensions, and on the embeddings as they are.
Falls are left out unless --falls is given. Written to the folder of --out: probe.json.
"""

import argparse
import sys
from collections.abc import Sequence
from functools import partial

from tqdm import tqdm

from har.protocol.probe import ProbeProtocol, evaluate_probe
from har.protocol.request import Console, EvaluationRequest, evaluation_parser
from har.run.ending import exit_status

FOLDS = 5  # over people
RANDOM_SEEDS = (0, 1, 2)  # of the networks without training
MOST_WINDOWS = 6000  # of a dataset, evenly spaced; more change the score by less than its interval
WINDOW_S, STRIDE_S, MIN_WINDOW_S = 5.0, 2.5, 1.0

CONSOLE = Console(print, partial(print, file=sys.stderr), tqdm)


def main(argv: Sequence[str] | None = None) -> int:
    """Probe as the command line says; returns the exit status."""
    return exit_status(partial(probe, evaluation_parser(__doc__).parse_args(argv)), CONSOLE.tell, CONSOLE.complain)


def probe(arguments: argparse.Namespace) -> None:
    protocol = ProbeProtocol(FOLDS, RANDOM_SEEDS, MOST_WINDOWS, WINDOW_S, STRIDE_S, MIN_WINDOW_S)
    evaluate_probe(EvaluationRequest(**vars(arguments)), protocol, CONSOLE)


if __name__ == "__main__":
    sys.exit(main())
