"""What the README tells a newcomer is what continuous integration runs, and what its notebook cell shows works."""

import importlib
import re
import shlex
import tomllib

import numpy as np
import pytest

from har.run.folder import repository_root

SET_UP = "python3 -m venv .venv && .venv/bin/pip install -r requirements.txt && "


@pytest.fixture(scope="module")
def readme() -> str:
    return (repository_root() / "README.md").read_text(encoding="utf-8")


def test_the_two_quick_start_commands_do_all_their_set_up(readme):
    script = "training_scripts/human_activity_recognition/semantic_alignment_train.py"
    assert f"\n{SET_UP}.venv/bin/python {script}\n" in readme
    assert f"\n{SET_UP}.venv/bin/pytest tests/ -v\n" in readme
    assert (repository_root() / script).is_file()


def test_the_first_command_names_a_recording(readme, run_script, tmp_path):
    """With a phone at rest for a minute, in m/s^2 and ms, in place of walk.csv."""
    command = f"{SET_UP.removesuffix(' && ')}\n.venv/bin/python "
    (line,) = [part.partition("\n")[0] for part in readme.split(command)[1:]]
    script, name, *options = shlex.split(line)
    assert (name, options[0]) == ("walk.csv", "--labels")
    rows = np.random.default_rng(0).normal(0, 0.05, (3000, 3)) + np.array([0.0, 0.0, 9.81])
    lines = [f"{20 * i},{x:.4f},{y:.4f},{z:.4f}" for i, (x, y, z) in enumerate(rows)]
    (tmp_path / name).write_text("\n".join(["time (ms),acc x (m/s^2),acc y (m/s^2),acc z (m/s^2)", *lines]))
    done = run_script(script, name, *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    bouts = (tmp_path / "walk.timeline.csv").read_text().splitlines()
    assert len(bouts) == 2 and ("sitting" in bouts[1] or "standing" in bouts[1])
    assert (tmp_path / "walk.html").is_file() and "walk.html" in done.stdout.splitlines()[-1]


def test_continuous_integration_runs_the_test_command(readme):
    lines = (repository_root() / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert "pytest tests/ -v" in lines and "pip install -r requirements.txt" in lines


@pytest.mark.parametrize("released", [True, False])
def test_the_notebook_cells_work_on_the_released_model_and_on_a_trained_one(readme, whole_run, released):
    window, recording = re.findall(r"```python\n(.*?)```", readme, flags=re.DOTALL)
    assert '("default", "cpu")' in window
    names: dict = {}
    exec(window if released else window.replace('"default"', repr(str(whole_run[0] / "best.pt"))), names)
    assert names["embeddings"].shape[0] == 1 and abs(float(names["embeddings"].norm()) - 1) < 1e-5
    assert names["labels"][0] in ["walking", "standing still", "riding a bicycle"]
    assert float(names["probabilities"].sum()) == pytest.approx(1.0, abs=1e-5)
    exec(recording, names)
    assert len(names["labels"]) == len(names["found"].start_s) == 47  # two minutes, a window every 2.5 seconds
    assert set(names["labels"]) <= {"walking", "standing still", "sitting"}
    assert not names["found"].body["trouser pocket"].any()  # nobody walks in it


def test_the_installed_command_is_the_script(tmp_path, capsys):
    scripts = tomllib.loads((repository_root() / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    module, _, function = scripts["har-predict"].partition(":")
    command = getattr(importlib.import_module(module), function)
    assert command([str(tmp_path / "nowhere.csv")]) == 2
    assert "nowhere.csv" in capsys.readouterr().err
