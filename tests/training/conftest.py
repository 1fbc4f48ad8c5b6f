"""A training script of a few lines, with constants like any other."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from har.training.session import Session, Training

CONSTANTS = {
    "DEVICE": "cpu", "SEED": 0, "EPOCHS": 3, "STEPS_PER_EPOCH": 4, "LEAST_STEPS_PER_EPOCH": 1, "BATCH_SIZE": 2,
    "DROPOUT": 0.0, "LOADER_WORKERS": 1, "LOG_EVERY": 3, "RESUME": "", "STOP_AFTER_EPOCH": 0,
}  # fmt: skip


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Callable[..., Session]]:
    """begin(NAME=value, …) -> an entered session of that script, which writes under a folder of its own."""
    sessions = []

    def enter(**changes: object) -> Session:
        kind = Training(
            folder="lessons",
            record=changes.pop("record", "hyperparameters.json"),
            checkpoints=changes.pop("checkpoints", "epoch_*.pt"),
            holds="weights",
            choices={},
            free_to_change={"RESUME", "STOP_AFTER_EPOCH", "OUTPUT_ROOT"},
            upgraded=lambda recorded: {"DROPOUT": 0.0} | recorded,
        )
        namespace = CONSTANTS | {"OUTPUT_ROOT": str(tmp_path), "__file__": "lesson.py"} | changes
        sessions.append(Session(kind, namespace, []))
        return sessions[-1].__enter__()

    yield enter
    for session in reversed(sessions):
        session.__exit__()


class Counter:
    """A learner that counts its steps."""

    def __init__(self) -> None:
        self.weights = torch.zeros(1)
        self.first_bad = torch.tensor(-1)

    def checkpoint(self) -> dict:
        return {"weights": self.weights.clone()}

    def restore(self, state: dict) -> None:
        self.weights = state["weights"].clone()


@pytest.fixture
def counter() -> Counter:
    return Counter()
