"""A session: constants that hold for one call, and processes."""

import sys
import threading
from types import ModuleType

import pytest
import torch

from har.run.constants import ConstantError
from har.training.session import Session, Training

TRAINING = Training(
    folder="lessons",
    record="hyperparameters.json",
    checkpoints="epoch_*.pt",
    holds="weights",
    choices={"DEVICE": ("auto", "cpu", "cuda")},
    free_to_change={"RESUME"},
    upgraded=lambda recorded: recorded,
)


ONES = {"EPOCHS": 1, "LOADER_WORKERS": 1, "LOG_EVERY": 1}


@pytest.fixture
def script() -> dict:
    """The globals of a script."""
    namespace = ModuleType("lesson").__dict__
    return namespace | {
        "__file__": "/somewhere/lesson.py",
        "DEVICE": "cpu",
        "SEED": 3,
        "BATCH_SIZE": 8,
        "RATES": (1.0, 2.0),
        **ONES,
    }


def test_overrides_hold_inside_and_are_gone_after(script):
    with Session(TRAINING, script, ["--seed", "5", "--RATES=3,4"]) as session:
        assert (script["SEED"], script["RATES"]) == (5, (3.0, 4.0))
        assert session.constants == {"DEVICE": "cpu", "SEED": 5, "BATCH_SIZE": 8, "RATES": [3.0, 4.0], **ONES}
        assert session.argv == ["--SEED=5", "--RATES=3,4"]
        assert session.script == "lesson.py" and session.device == torch.device("cpu")
    assert (script["SEED"], script["RATES"]) == (3, (1.0, 2.0))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--SEED=5", "--DEVICE=gpu"], "DEVICE is 'gpu'; expected one of auto, cpu, cuda"),
        (["--SEED=5", "--SEEDS=1"], "did you mean SEED"),
        (["--SEED=x"], "SEED is of type int"),
        (["--BATCH_SIZE=0"], "BATCH_SIZE is 0; expected 1 at least"),
    ],
)
def test_what_is_refused_leaves_the_constants_alone(script, arguments, words):
    with pytest.raises(ConstantError, match=words), Session(TRAINING, script, arguments):
        pytest.fail("the block is not entered")
    assert script["SEED"] == 3 and script["DEVICE"] == "cpu"


@pytest.mark.parametrize("name", ["DATA_ROOT", "OUTPUT_ROOT", "TEXT_CACHE"])
def test_a_folder_without_a_name_is_refused_before_anything_is_done(script, name):
    places = {"DATA_ROOT": "data", "OUTPUT_ROOT": "training_output", "TEXT_CACHE": "cache"}
    with (
        pytest.raises(ConstantError, match=f"{name} is an empty text"),
        Session(TRAINING, script | places, [f"--{name}="]),
    ):
        pytest.fail("the block is not entered")


def test_an_error_inside_undoes_in_reverse_order_and_goes_on(script):
    interval, undone = sys.getswitchinterval(), []
    with pytest.raises(ZeroDivisionError), Session(TRAINING, script, ["--SEED=5"]) as session:
        session.closing.callback(undone.append, "first")
        session.closing.callback(undone.append, "second")
        assert sys.getswitchinterval() < interval
        raise ZeroDivisionError
    assert undone == ["second", "first"]
    assert script["SEED"] == 3 and sys.getswitchinterval() == interval


def test_more_processes_than_windows_are_refused(script, monkeypatch):
    """One process pretends to be one of nine."""
    monkeypatch.setattr("har.run.distributed.dist", FakeGroup())
    given = {"WORLD_SIZE": "9", "RANK": "0", "MASTER_ADDR": "localhost", "MASTER_PORT": "1"}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with (
        pytest.raises(ConstantError, match="BATCH_SIZE is 8; expected a window for each of 9 processes"),
        Session(TRAINING, script, []),
    ):
        pytest.fail("the block is not entered")
    assert FakeGroup.left


class FakeGroup:
    left = False

    def rendezvous(self, *_, **__):
        return iter([(None, 0, 9)])

    def PrefixStore(self, *_):
        return None

    def init_process_group(self, *_, **__):
        return None

    def is_initialized(self):
        return True

    def destroy_process_group(self):
        FakeGroup.left = True


def test_a_second_thread_is_refused_while_the_first_trains_and_welcome_after(script):
    def elsewhere() -> list:
        found = []

        def work() -> None:
            try:
                with Session(TRAINING, script, ["--SEED=9"]):
                    found.append(script["SEED"])
            except ConstantError as error:
                found.append(str(error))

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        return found

    with Session(TRAINING, script, ["--SEED=5"]):
        assert "lesson.py is training in another thread" in elsewhere()[0]
        assert script["SEED"] == 5
    assert elsewhere() == [9] and script["SEED"] == 3


def test_the_same_seed_draws_the_same(script):
    drawn = []
    for _ in range(2):
        with Session(TRAINING, script, ["--SEED=7"]):
            drawn.append(torch.rand(3))
    assert torch.equal(*drawn)


def test_only_the_first_process_tells(script, capsys):
    with Session(TRAINING, script, []) as session:
        session.tell("said")
        session.processes.rank = 1
        session.tell("kept")
    assert capsys.readouterr().out == "said\n"
