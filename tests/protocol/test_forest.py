"""What the forest of the protocol learns from: what the networks do, and nothing of the left-out dataset."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from har.labels.wording import phrasings
from har.protocol.forest import text_embeddings, training_datasets, training_rows
from har.protocol.plan import Plan, ProtocolRequest, make_plan
from har.text.encoder import SentenceEncoder
from har.windows.index import WindowIndex, split_of


@pytest.fixture
def plan_of(small_corpus: Path, tmp_path: Path) -> Callable[..., Plan]:
    """plan_of("--NAME=value", …): a plan of the small corpus with these training constants."""

    def make(*overrides: str) -> Plan:
        datasets = ("sim_belt", "sim_watch")
        return make_plan(ProtocolRequest(out=tmp_path, data=small_corpus, datasets=datasets, train=overrides))

    return make


def silent(line: str) -> None:
    """Nobody listens."""


def test_all_other_datasets_or_those_that_are_named(plan_of):
    assert [d.name for d in training_datasets(plan_of(), "sim_belt", silent)] == ["sim_phone", "sim_watch"]
    only = plan_of("--DATASETS=sim_phone,")
    assert [d.name for d in training_datasets(only, "sim_belt", silent)] == ["sim_phone"]


def test_windows_are_labelled_and_of_the_people_that_networks_learn_from(plan_of):
    plan = plan_of("--VALIDATION_SHARE=0.4")
    index = WindowIndex(training_datasets(plan, "sim_belt", silent), *plan.window)
    rows, labels = training_rows(index, plan.constants, seed=0)
    people = {index.subjects[i] for i in index.subject_id[rows]}
    learned_from = {name for name in index.subjects if split_of(*name.split("/", 1), "har", 0.4) == "train"}
    assert people == learned_from and learned_from < set(index.subjects)
    assert (index.label_id[rows] >= 0).all() and len(np.unique(rows)) == len(rows)
    assert {index.labels[i] for i in index.label_id[rows]} <= set(labels) and labels == sorted(labels)
    again, _ = training_rows(index, plan.constants, seed=0)
    other, _ = training_rows(index, plan.constants, seed=1)
    assert np.array_equal(rows, again) and not np.array_equal(rows, other)


def test_the_text_of_a_label_is_the_mean_of_its_phrasings(tmp_path):
    encoder = SentenceEncoder(cache_folder=tmp_path)
    labels = ["walking", "standing still"]
    found = text_embeddings(encoder, labels)
    for label, vector in zip(labels, found, strict=True):
        mean = np.mean([encoder.encode([text]).pooled[0].numpy() for text in phrasings(label)], axis=0)
        assert vector == pytest.approx(mean / np.linalg.norm(mean), abs=1e-5)
