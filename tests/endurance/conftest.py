"""What the samples of trials share."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from har.endurance.attempts import TrainingScript

SHORT = {"EPOCHS": 2, "STEPS_PER_EPOCH": 2, "BATCH_SIZE": 16, "LOG_EVERY": 1}
FOLDER = "training_scripts/human_activity_recognition"


@pytest.fixture(autouse=True)
def linux() -> None:
    if sys.platform != "linux":
        pytest.skip("processes are copied, watched and looked for as Linux alone does")


@pytest.fixture(scope="session")
def alignment(arguments: Callable[..., list[str]]) -> TrainingScript:
    constants = constants_of(arguments(**SHORT))
    return TrainingScript("main script", f"{FOLDER}/semantic_alignment_train.py", "epoch_*.pt", constants)


@pytest.fixture(scope="session")
def pretraining(pretraining_arguments: Callable[..., list[str]]) -> TrainingScript:
    constants = constants_of(pretraining_arguments(**SHORT, VALIDATION_WINDOWS=30))
    return TrainingScript("pretrain.py", f"{FOLDER}/pretrain.py", "latest.pt", constants)


def constants_of(arguments: list[str]) -> dict[str, object]:
    """Those of a training of seconds; places are the trials' own."""
    return dict(argument[2:].split("=", 1) for argument in arguments) | SHORT


@pytest.fixture
def corpus(small_corpus: Path) -> Path:
    return small_corpus
