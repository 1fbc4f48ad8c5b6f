"""What `pip install .` puts elsewhere works without the repository: the command, the released model, the readers."""

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from har.recordings.simulate import simulate_bouts
from har.run.folder import repository_root

PACKED = ("har", "training_scripts", "val_scripts", "data_scripts", "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """A folder into which the project alone was installed; what it depends on is there already."""
    source, folder = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("installed")
    for name in PACKED:
        origin = repository_root() / name
        if origin.is_dir():
            shutil.copytree(origin, source / name, ignore=shutil.ignore_patterns("__pycache__", "training_output"))
        else:
            shutil.copy(origin, source / name)
    # Neither an index nor an environment of its own: nothing is fetched.
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--target")
    command = [sys.executable, "-m", "pip", "install", *options, str(folder), str(source)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_the_command_names_a_recording_without_the_repository(installed, tmp_path):
    simulated = simulate_bouts([("walking", 60), ("sitting", 60)], seed=1)
    rows = [
        [f"{i / simulated.sampling_rate_hz:.4f}", *(f"{value:.5f}" for value in row[:3])]
        for i, row in enumerate(simulated.samples)
    ]
    with (tmp_path / "walk.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["time_s", "acc_x_g", "acc_y_g", "acc_z_g"], *rows])

    command = [installed / "bin" / "har-predict", "walk.csv", "--labels", "walking", "sitting", "--unknown", "0"]
    # The folder comes before the checkout that this environment may know.
    environment = os.environ | {"PYTHONPATH": str(installed), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    bouts = list(csv.DictReader((tmp_path / "walk.timeline.csv").open()))
    assert [bout["label"] for bout in bouts] == ["walking", "sitting"]
    assert (tmp_path / "walk.html").is_file() and (tmp_path / "walk.timeline.png").is_file()


AWAY = """
import sys, numpy as np, har
from har.live.server import page_files
from har.weights.released import released_names
from val_scripts.human_activity_recognition.model_loading import load_label_bank, load_model
model, checkpoint, record = load_model(sys.argv[1], "cpu")
bank = load_label_bank(checkpoint, "cpu", record)
signal = np.random.default_rng(0).normal(0, 0.01, (1, 250, 3)) + [0.0, 0.0, 1.0]
print(har.__file__, released_names(), sorted(page_files()))
print(bank.classify(model.embed(signal, 50.0, ["acc_x", "acc_y", "acc_z"]), checkpoint["labels"][:3])[0][0])
"""


def test_a_notebook_loads_a_run_without_the_repository(installed, whole_run, tmp_path):
    best = whole_run[0] / "best.pt"
    environment = os.environ | {"PYTHONPATH": str(installed), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    command = [sys.executable, "-c", AWAY, str(best)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told, answer = done.stdout.splitlines()
    assert told.split()[0] == str(installed / "har" / "__init__.py") and "default" in told
    page = [path.name for path in (repository_root() / "har" / "live" / "page").iterdir() if path.is_file()]
    assert all(name in told for name in page) and len(page) > 10
    assert answer in torch.load(best, weights_only=True)["labels"][:3]
