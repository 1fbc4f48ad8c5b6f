"""What cannot be scored is said before anything is embedded: the datasets before it may have taken hours."""

from pathlib import Path

import numpy as np
import pytest

from har.evaluation.few_shot import FewShotProtocol
from har.evaluation.leave_one_out import Bootstrap
from har.protocol.few_shot import FewShotRequest, evaluate_few_shot
from har.protocol.request import Console, EvaluationError
from har.protocol.robustness import RobustnessRequest, evaluate_robustness
from har.protocol.words import WordsAsked
from har.protocol.zero_shot import ZeroShotRequest, evaluate_zero_shot
from har.recordings.format import DatasetWriter, StreamInfo

WATCH = StreamInfo(
    name="watch", device="watch", placement="left wrist", channels=("acc_x", "acc_y", "acc_z"), sampling_rate_hz=25.0
)


def _no_bar(**options: object) -> None:
    raise AssertionError("a dataset was embedded before all had been looked at")


CONSOLE = Console(lambda line: None, lambda line: None, _no_bar)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for name, labels in {
        "good": ("walking", "sitting"), "lonely": ("walking",), "wordless": ("walking", "juggling chainsaws")
    }.items():  # fmt: skip
        with DatasetWriter(tmp_path / name, title=name, citation="-", licence="-", source_url="-") as writer:
            writer.add_stream(WATCH)
            samples = np.tile(np.float32([0, 0, 1]), (250 * len(labels), 1))
            segments = [(label, 250 * i, 250 * (i + 1)) for i, label in enumerate(labels)]
            writer.append("watch", recording="one", subject="anna", samples=samples, labels=segments)
    return tmp_path


def evaluate(what: type, data: Path, last: str, **options: object) -> None:
    bootstrap, words = Bootstrap(10), WordsAsked(1, 1, 1, 0)
    asked = what(
        checkpoint=Path("default"), datasets=["good", last], data=data, out=data / "out", device="cpu", **options
    )
    if what is ZeroShotRequest:
        evaluate_zero_shot(asked, bootstrap, 5, CONSOLE)
    elif what is FewShotRequest:
        evaluate_few_shot(asked, FewShotProtocol((1,), 1, 8.0, 0.1, 0), CONSOLE)
    else:
        evaluate_robustness(asked, (), words, bootstrap, 0, CONSOLE)


@pytest.mark.parametrize("what", [ZeroShotRequest, FewShotRequest, RobustnessRequest])
def test_the_last_dataset_is_looked_at_before_the_first_is_embedded(what, data):
    with pytest.raises(EvaluationError, match="lonely: 'walking' is its only activity"):
        evaluate(what, data, "lonely")
    assert not (data / "out").exists()


def test_labels_without_wordings_are_named_before_the_first_is_embedded(data):
    with pytest.raises(EvaluationError, match=r"wordless: no other wordings of 'juggling chainsaws'.*--parts signals"):
        evaluate(RobustnessRequest, data, "wordless")
    # Signals need no other words, so that embedding begins.
    with pytest.raises(AssertionError, match="was embedded"):
        evaluate(RobustnessRequest, data, "wordless", parts=["signals"])


@pytest.mark.parametrize("gap_s", [-1.0, float("nan"), float("inf")])
def test_a_gap_that_is_none_is_refused_at_once(data, gap_s):
    with pytest.raises(ValueError, match=f"a gap of {gap_s} s between the halves; expected 0 or more"):
        evaluate(FewShotRequest, data, "good", gap_s=gap_s)
