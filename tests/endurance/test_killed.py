"""A sample of killed trainings; and that the trials notice what they are there to notice."""

import os
import signal
import subprocess
import sys
import time

import pytest

from har.endurance.attempts import outcomes
from har.endurance.killed import Killed, KilledTraining, Moment, Start
from har.endurance.losses import LossError, check_nobody_left
from har.run.folder import repository_root

STOPPED = (Start("unknown", whole=False),)  # without plots, which take most of the time

# As the script itself, but its checkpoints are written in place, half of each first.
IN_PLACE = """
import contextlib, runpy, sys
from har.run import checkpoint

@contextlib.contextmanager
def in_place(path, **_):
    path.write_bytes(b"half of the n")
    yield path

checkpoint.atomic_writer = in_place
runpy.run_path({script!r}, run_name="__main__")
"""


@pytest.mark.parametrize("name", ["alignment", "pretraining"])
def test_killed_at_any_moment_nothing_is_lost(name, request, scripts, corpus, tmp_path):
    trials = KilledTraining(request.getfixturevalue(name), scripts, corpus, tmp_path, STOPPED)
    found = list(trials.outcomes(2, seed=1))
    assert [outcome.loss for outcome in found] == ["", ""]
    assert {outcome.ended for outcome in found} <= {"went on", "began anew", "had ended before"}
    assert all(outcome.peak_mb > 100 and outcome.trial.startswith("seed ") for outcome in found)


def test_moments_are_those_of_the_seed(pretraining, scripts, corpus, tmp_path):
    trials = KilledTraining(pretraining, scripts, corpus, tmp_path, STOPPED)
    drawn = [[outcome.trial for outcome in _without_trying(trials, seed)] for seed in (3, 3, 4)]
    assert drawn[0] == drawn[1] != drawn[2]
    # A training that writes in place loses its newest checkpoint at the last change that it makes.
    broken = tmp_path / "broken.py"
    broken.write_text(IN_PLACE.format(script=str(repository_root() / pretraining.script)))
    in_place = KilledTraining(pretraining._replace(script=str(broken)), scripts, corpus, tmp_path / "broken", STOPPED)
    last = in_place.references[STOPPED[0]].changes
    killed = Killed(STOPPED[0], [Moment(last, 0.0)])
    (found,) = outcomes("in place", [("last change", killed)], in_place.attempt, scripts, tmp_path / "trial")
    assert "latest.pt cannot be read" in found.loss and found.ended == "lost"


def _without_trying(trials: KilledTraining, seed: int) -> list:
    trials.attempt = lambda account, trial: "not tried"
    return list(trials.outcomes(8, seed))


SIMULATE = """
import sys
from har.recordings.simulate import write_simulated_corpus
write_simulated_corpus(sys.argv[1], people=6, hours=0.3, names=("sim_phone",), jobs=2)
"""


def test_workers_end_with_the_process_that_they_compute_for(tmp_path):
    """Each person is more than a pipe holds, so that they are found writing to a process that is dead."""
    process = subprocess.Popen([sys.executable, "-c", SIMULATE, str(tmp_path / "data")], cwd=tmp_path)
    deadline = time.monotonic() + 60
    while not any(path.stat().st_size for path in tmp_path.rglob("*.raw")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    check_nobody_left(tmp_path)


def test_a_process_that_stays_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr("har.endurance.losses.LONGEST_FAREWELL_S", 0.2)
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], cwd=tmp_path)
    try:
        with pytest.raises(LossError, match=f"1 processes are left behind: {process.pid}"):
            check_nobody_left(tmp_path)
    finally:
        process.kill()
        process.wait()
    check_nobody_left(tmp_path)
