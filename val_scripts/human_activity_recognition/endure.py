"""Whether anything is lost, or silently wrong, when processes are killed, disks are full and files are damaged.

    python endure.py                            all kinds of trials, about a quarter of an hour on two cores
    python endure.py --only disk --share 0.1    one kind, a tenth of its trials
    python endure.py --only killed-main --seed 3     other moments

Every trial compares what it leaves with work that nothing happened to. A table of all kinds is printed at the end, and
each loss with the words that name its trial, which comes about again with the same seed and share; its files are kept
in the folder of --work. Exit status 1 where anything was lost. On Linux alone.
"""

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tqdm import tqdm

from har.endurance.attempts import TrainingScript
from har.endurance.bench import Bench
from har.endurance.outcome import Outcome
from har.endurance.scripts import ForkedScripts
from har.endurance.table import table
from har.files.home import given_path
from har.run.ending import exit_status

# Trials of each kind.
COUNTS = {
    "raw-files": 1000, "checkpoints": 300, "datasets": 300, "records": 300,
    "killed-main": 100, "killed-pretrain": 100, "disk": 50, "together": 11,
}  # fmt: skip

# Networks and corpora that take seconds; every other constant is the scripts' own.
PEOPLE, HOURS = 4, 0.08  # in each dataset of the corpus
CORPUS = ("sim_phone", "sim_watch", "sim_belt")
SIMULATED = (2, 0.03)  # people and hours of what trials simulate
NETWORK = {
    "WIDTH": 16, "DEPTH": 1, "HEADS": 2, "STEM_WIDTHS": "8,8", "EMBEDDING_WIDTH": 16, "DROPOUT": 0.1, "DEVICE": "cpu",
    "EPOCHS": 3, "BATCH_SIZE": 16, "LOG_EVERY": 1, "HELD_OUT_DATASETS": CORPUS[-1], "VALIDATION_SHARE": 0.4,
    "SIMULATED_PEOPLE": SIMULATED[0], "SIMULATED_HOURS": SIMULATED[1],
}  # fmt: skip
MAIN = TrainingScript(
    "main script",
    "training_scripts/human_activity_recognition/semantic_alignment_train.py",
    "epoch_*.pt",
    NETWORK | {"STEPS_PER_EPOCH": 2, "QUEUE_SIZE": 32, "BANK_HEADS": 2, "SIMULATED_BESIDE": False},
)
PRETRAIN = TrainingScript(
    "pretrain.py",
    "training_scripts/human_activity_recognition/pretrain.py",
    "latest.pt",
    NETWORK | {"STEPS_PER_EPOCH": 4, "SAVE_EVERY": 2, "DECODER_WIDTH": 8, "VALIDATION_WINDOWS": 50},
)
PROTOCOL_STEPS = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Make the trials that the command line asks for; 1 where anything was lost, else as ``exit_status`` says."""
    lost: list[Outcome] = []
    arguments = parse_arguments(argv)
    status = exit_status(lambda: lost.extend(endure(arguments)), print, partial(print, file=sys.stderr))
    return status or int(bool(lost))


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(COUNTS), default=list(COUNTS), help="kinds of trials (all)")
    parser.add_argument("--share", type=float, default=1.0, help="of the trials of each kind (1)")
    parser.add_argument("--seed", type=int, default=0, help="of all that is drawn (0)")
    raw = os.environ.get("HAR_RAW_SAMPLES") or None
    parser.add_argument("--raw", type=given_path, default=raw, help="folder of real raw files (HAR_RAW_SAMPLES)")
    parser.add_argument("--work", type=given_path, help="new folder for all files (default: a temporary one)")
    return parser.parse_args(argv)


def endure(asked: argparse.Namespace) -> list[Outcome]:
    """Make the trials and print their table; returns those that lost something."""
    if not 0 < asked.share <= 1:
        raise ValueError(f"--share {asked.share}; expected more than 0 and at most 1")
    if sys.platform != "linux":
        raise ValueError("processes are copied, watched and limited here in ways that Linux alone has")
    work = asked.work or Path(tempfile.mkdtemp(prefix="har-endurance-"))
    (work / "outputs").mkdir(parents=True)
    counts = {kind: max(1, round(asked.share * COUNTS[kind])) for kind in asked.only}
    found: list[Outcome] = []
    bar = tqdm(total=sum(counts.values()), unit="trial", smoothing=0)
    with ForkedScripts(work / "outputs") as scripts, bar:
        kinds = Bench(
            MAIN, PRETRAIN, PEOPLE, HOURS, CORPUS, SIMULATED, PROTOCOL_STEPS, scripts, work.resolve(), asked.raw,
            asked.seed,
        ).kinds  # fmt: skip
        for kind, count in counts.items():
            bar.set_description(kind)
            for outcome in kinds[kind](count):
                found.append(outcome)
                bar.update()
                if outcome.loss:
                    bar.write(f"lost: {outcome.kind}: {outcome.trial}: {outcome.loss}", file=sys.stderr)
    print(table(found))
    lost = [outcome for outcome in found if outcome.loss]
    if asked.work or lost:
        print(f"Files: {work}")
    else:
        shutil.rmtree(work)
    return lost


if __name__ == "__main__":
    sys.exit(main())
