"""What the README tells a newcomer is what continuous integration runs, and what its notebook cell shows works."""

import re
from pathlib import Path

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


def test_continuous_integration_runs_the_test_command(readme):
    lines = (repository_root() / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert "pytest tests/ -v" in lines and "pip install -r requirements.txt" in lines


def test_the_notebook_cells_work_on_a_real_checkpoint(readme, whole_run: tuple[Path, str]):
    window, recording = re.findall(r"```python\n(.*?)```", readme, flags=re.DOTALL)
    names: dict = {}
    exec(window.replace("path/to/best.pt", str(whole_run[0] / "best.pt")), names)
    assert names["embeddings"].shape[0] == 1 and abs(float(names["embeddings"].norm()) - 1) < 1e-5
    assert names["labels"][0] in ["walking", "standing still", "riding a bicycle"]
    assert float(names["probabilities"].sum()) == pytest.approx(1.0, abs=1e-5)
    exec(recording, names)
    assert len(names["labels"]) == len(names["found"].start_s) == 47  # two minutes, a window every 2.5 seconds
    assert set(names["labels"]) <= {"walking", "standing still", "sitting"}
    assert not names["found"].body["trouser pocket"].any()  # nobody walks in it
