"""The protocol with stand-ins for training and scoring that take no time."""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
from tqdm import tqdm

from har.evaluation.leave_one_out import Bootstrap
from har.protocol import cells
from har.protocol.plan import ProtocolRequest
from har.protocol.request import Console
from har.protocol.run import run_protocol
from har.protocol.scoring import choose_windows, predictions_table
from har.recordings.format import read_dataset

DATASETS = ("sim_watch", "sim_belt")

# Writes what it was asked for as its checkpoint; fails, or ends the protocol, where a file says so.
STAND_IN_TRAINING = """
import json, os, pathlib, signal, sys, time
constants = dict(a[2:].partition("=")[::2] for a in sys.argv[1:])
print("training", *sys.argv[1:])
root = pathlib.Path(constants["OUTPUT_ROOT"])
if (pathlib.Path(constants["DATA_ROOT"]) / "fail").is_file():
    fail = (pathlib.Path(constants["DATA_ROOT"]) / "fail").read_text()
    if fail in str(root):
        sys.exit("the stand-in fails as it was told")
if (pathlib.Path(constants["DATA_ROOT"]) / "end").is_file():
    if (pathlib.Path(constants["DATA_ROOT"]) / "end").read_text() in str(root):
        os.kill(os.getppid(), signal.SIGTERM)
        time.sleep(60)
run = root / "semantic_alignment" / "run"
run.mkdir(parents=True)
constants["threads"] = os.environ["OMP_NUM_THREADS"]
for name in ("epoch_001.pt", "best.pt"):
    (run / name).write_text(json.dumps(constants))
"""

# Names the windows that it finds in windows_<dataset>.csv; what it answers depends on the model alone.
STAND_IN_SCORING = """
import argparse, csv, hashlib, json, pathlib
parser = argparse.ArgumentParser()
for name in ("protocol", "plan", "seed", "checkpoint", "datasets", "data", "device", "out"):
    parser.add_argument(f"--{name}")
parser.add_argument("--held-out-people", action="store_true")
given = parser.parse_args()
plan = json.loads(pathlib.Path(given.plan).read_text()) if given.plan else {}
constants = json.loads(pathlib.Path(given.checkpoint).read_text()) if given.checkpoint else {"SEED": given.seed}
skill = float(constants.get("LEARNING_RATE", 0.5))
with open(f"{given.data or plan['data']}/windows_{given.datasets}.csv", newline="") as file:
    rows = list(csv.DictReader(file))
labels = sorted({row["label"] for row in rows})
if given.held_out_people:
    start, share = float(constants["VALIDATION_FROM"]), float(constants["VALIDATION_SHARE"])
    def place(row):
        digest = hashlib.sha256(f"har/{given.datasets}/{row['subject']}".encode()).digest()
        return int.from_bytes(digest[:8], "big") / 2**64
    rows = [row for row in rows if start <= place(row) < start + share]
columns = ["closed_set", "open_set"] + ([] if given.plan else ["closed_set_context", "open_set_context"])
for number, row in enumerate(rows):
    for column in columns:
        dice = hashlib.sha256(f"{constants['SEED']} {number} {column} {constants.get('DATASETS')}".encode()).digest()
        row[column] = row["label"] if dice[0] < 256 * skill else labels[dice[1] % len(labels)]
out = pathlib.Path(given.out)
out.mkdir(parents=True, exist_ok=True)
with open(out / f"predictions_{given.datasets}.csv", "w", newline="") as file:
    writer = csv.DictWriter(file, list(rows[0]), lineterminator="\\n")
    writer.writeheader()
    writer.writerows(rows)
"""


class Heard(NamedTuple):
    """What a room said to the console that it was given."""

    told: list[str]
    complaints: list[str]

    @property
    def console(self) -> Console:
        return Console(self.told.append, self.complaints.append, partial(tqdm, disable=True))


@pytest.fixture
def heard() -> Heard:
    return Heard([], [])


@pytest.fixture(scope="session")
def data(small_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small corpus with the windows of each dataset beside it, for the stand-ins."""
    root = tmp_path_factory.mktemp("corpus") / "data"
    shutil.copytree(small_corpus, root)
    for name in DATASETS:
        windows = choose_windows(read_dataset(root / name), 5.0, 2.5, 1.0)
        (root / f"windows_{name}.csv").write_text(predictions_table(windows, {}))
    return root


@pytest.fixture
def stand_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, source in (("TRAINING_SCRIPT", STAND_IN_TRAINING), ("EVALUATION_SCRIPT", STAND_IN_SCORING)):
        path = tmp_path / f"{name.lower()}.py"
        path.write_text(source)
        monkeypatch.setattr(cells, name, str(path))


@pytest.fixture
def protocol(stand_ins: None, heard: Heard) -> Callable[..., None]:
    """protocol(folder, option=value, …): begin or go on with the protocol of a folder."""

    def run(out: Path, **options: object) -> None:
        run_protocol(ProtocolRequest(out=out, **options), Bootstrap(draws=100), heard.console)

    return run


@pytest.fixture
def begin(data: Path, protocol: Callable[..., None], tmp_path: Path) -> Callable[..., Path]:
    """begin(name, option=value, …) -> the folder of a finished protocol of two datasets without references."""

    def run(name: str, **options: object) -> Path:
        given = {"data": data, "datasets": DATASETS, "seeds": [0], "references": ["none"]}
        protocol(tmp_path / name, **given | options)
        return tmp_path / name

    return run
