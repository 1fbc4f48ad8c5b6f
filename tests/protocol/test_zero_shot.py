"""What a zero-shot evaluation takes from a checkpoint, and the table of its open set by hand."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from har.protocol.request import EvaluationError
from har.protocol.zero_shot import (
    OTHER_ANSWERS,
    ZeroShotRequest,
    held_out_people,
    open_set_table,
    training_facts,
    window_lengths,
)
from har.recordings.format import read_dataset
from har.windows.index import WindowIndex, split_of

PATH = Path("best.pt")


def asked(**changes: object) -> ZeroShotRequest:
    return ZeroShotRequest(checkpoint=PATH, datasets=["x"], out=Path("out"), **changes)


def test_window_lengths_are_those_asked_for_or_else_of_training():
    remembered = {"window_s": 5, "stride_s": 2.5, "min_window_s": 1.0}
    assert window_lengths(asked(), remembered) == (5.0, 2.5, 1.0)
    assert window_lengths(asked(stride_s=5.0), remembered) == (5.0, 5.0, 1.0)
    assert window_lengths(asked(min_window_s=0.0), {"window_s": 5.0, "stride_s": 2.5}) == (5.0, 2.5, 0.0)
    with pytest.raises(EvaluationError, match="the checkpoint remembers no min_window_s; give --min-window-s"):
        window_lengths(asked(), {"window_s": 5.0, "stride_s": 2.5})


@pytest.mark.parametrize("key", ["datasets", "labels"])
def test_a_checkpoint_must_say_what_it_has_learned(key):
    checkpoint = {"datasets": ["mex"], "labels": ["walking"]}
    assert training_facts(checkpoint, PATH) == (["mex"], ["walking"])
    with pytest.raises(EvaluationError, match=f"names no training {key}"):
        training_facts(checkpoint | {key: []}, PATH)


def test_people_are_held_out_as_in_training(small_corpus):
    index = WindowIndex([read_dataset(small_corpus / "sim_belt")], 5.0, 2.5, 1.0)
    constants = {"SPLIT_SALT": "har", "VALIDATION_SHARE": 0.4, "VALIDATION_FROM": 0.3}
    found = held_out_people({"constants": constants}, PATH)(index)
    sides = [split_of(*name.split("/", 1), "har", 0.4, 0.3) for name in index.subjects]
    assert np.array_equal(found, np.array([side == "validation" for side in sides])[index.subject_id])
    assert found.any() and not found.all()
    del constants["VALIDATION_FROM"]
    with pytest.raises(EvaluationError, match="remembers no VALIDATION_FROM, so nobody knows whom"):
        held_out_people({"constants": constants}, PATH)


def test_the_commonest_answers_are_drawn_and_the_others_share_a_column():
    answers = {"sitting": {"sitting": 3, "standing": 5, "lying": 1}, "walking": {"walking": 6, "jogging": 2}}
    result = SimpleNamespace(labels=["sitting", "walking"], open_set={"answers": answers})
    counts, columns = open_set_table(result, 3)
    # Near the label that each is given to most often, the commonest first.
    assert columns == ["standing", "sitting", "walking", OTHER_ANSWERS]
    assert counts.tolist() == [[5, 3, 0, 1], [0, 0, 6, 2]]
    counts, columns = open_set_table(result, 20)
    assert columns == ["standing", "sitting", "lying", "walking", "jogging"]
    assert counts.tolist() == [[5, 3, 1, 0, 0], [0, 0, 0, 6, 2]]
