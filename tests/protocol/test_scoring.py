"""Which windows of a dataset can be scored at all."""

from pathlib import Path

import numpy as np
import pytest

from har.protocol.request import EvaluationError
from har.protocol.scoring import choose_windows
from har.recordings.format import Dataset, DatasetWriter, StreamInfo, read_dataset


def of_labels(folder: Path, *labels: str) -> Dataset:
    """A person at rest, ten seconds for each label."""
    samples = np.random.default_rng(0).normal(0, 0.005, (250, 3)) + np.array([0.0, 0.0, 1.0])
    with DatasetWriter(folder / "mine", title="t", citation="c", licence="l", source_url="u") as writer:
        writer.add_stream(StreamInfo("watch", "test", "wrist", ("acc_x", "acc_y", "acc_z"), 25.0))
        for label in labels:
            writer.append("watch", recording=label or "r", subject="p", samples=samples, labels=[(label, 0, 250)])
    return read_dataset(folder / "mine")


def test_activities_are_told_from_others(tmp_path):
    found = choose_windows(of_labels(tmp_path, "standing", "lying", "falling forward", ""), 5.0, 5.0, 5.0)
    assert found.candidates == ["lying", "standing"]
    assert sorted(found.true) == ["lying"] * 2 + ["standing"] * 2
    assert found.left_out == {"": 2, "falling forward": 2}


@pytest.mark.parametrize("labels", [("standing",), ("standing", "falling forward", "")])
def test_one_activity_would_be_right_by_default(tmp_path, labels):
    with pytest.raises(EvaluationError, match="mine: 'standing' is its only activity, and right by default"):
        choose_windows(of_labels(tmp_path, *labels), 5.0, 5.0, 5.0)


@pytest.mark.parametrize("labels", [("",), ("falling forward",)])
def test_no_activity_is_nothing_to_score(tmp_path, labels):
    with pytest.raises(EvaluationError, match="mine: none of its 2 windows has a label to score"):
        choose_windows(of_labels(tmp_path, *labels), 5.0, 5.0, 5.0)
