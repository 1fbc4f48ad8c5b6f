"""What evaluations are asked for, and what cannot be evaluated."""

from pathlib import Path

import pytest

from har.protocol.request import (
    EvaluationError,
    evaluation_parser,
    open_datasets,
)


def test_datasets_are_opened_in_the_order_in_which_they_are_named(small_corpus):
    found = open_datasets(["sim_watch", "sim_belt"], small_corpus, ["sim_phone"])
    assert [dataset.name for dataset in found] == ["sim_watch", "sim_belt"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["sim_belt", "sim_belt"], "names a dataset twice"),
        (["sim_belt", "nowhere"], "nowhere: not prepared under .*which holds sim_belt, sim_phone, sim_watch"),
        (["sim_belt", "sim_phone"], r"trained on sim_phone, so .*checkpoint that held it out, or else"),
    ],
)
def test_datasets_that_cannot_be_scored_are_refused(small_corpus, names, message):
    with pytest.raises(EvaluationError, match=message):
        open_datasets(names, small_corpus, ["sim_phone"], ", or else")


def test_every_evaluation_is_asked_for_the_same(small_corpus):
    given = ["--checkpoint", "a.pt", "--datasets", "x", "y", "--out", "o", "--data", str(small_corpus), "--falls"]
    assert vars(evaluation_parser(None).parse_args(given)) == {
        "checkpoint": Path("a.pt"), "datasets": ["x", "y"], "out": Path("o"), "data": small_corpus, "device": "auto",
        "falls": True,
    }  # fmt: skip
