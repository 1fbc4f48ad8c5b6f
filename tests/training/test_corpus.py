"""What a script's constants say about the data that is opened."""

import warnings

import numpy as np
import pytest

from har.recordings.digest import dataset_digest
from har.recordings.format import DatasetError, DatasetWriter, StreamInfo, read_dataset
from har.recordings.simulate import SIMULATED_NAMES
from har.training.corpus import check_learnable, learned_from, open_corpus
from har.windows.index import WindowIndex

SIMULATED = {
    "SIMULATED_FOLDER": "people", "SIMULATED_HELD_OUT": ("sim_tag",), "SIMULATED_PEOPLE": 1, "SIMULATED_HOURS": 0.01,
    "SIMULATED_SEED": 3, "HELD_OUT_DATASETS": ("sim_belt", "absent"),
}  # fmt: skip


def names(datasets):
    return [dataset.name for dataset in datasets]


def test_prepared_datasets_are_split_by_who_is_held_out(small_corpus):
    told = []
    learned, held_out = open_corpus(SIMULATED | {"DATA_ROOT": str(small_corpus)}, told.append)
    assert (names(learned), names(held_out)) == (["sim_phone", "sim_watch"], ["sim_belt"])
    assert told == ["Held out but not prepared, so not scored: absent"]


def test_a_choice_of_datasets_and_people_beside_them_where_a_script_has_these_constants(small_corpus):
    chosen = SIMULATED | {"DATA_ROOT": small_corpus, "DATASETS": ("sim_watch",), "SIMULATED_BESIDE": True}
    learned, held_out = open_corpus(chosen, list().append)
    assert (names(learned), names(held_out)) == (["sim_watch"], ["sim_belt"])
    with pytest.raises(DatasetError, match="DATASETS asks for nowhere"):
        open_corpus(chosen | {"DATASETS": ("nowhere",)}, list().append)


def test_where_nothing_is_prepared_people_are_simulated_as_the_constants_say(tmp_path):
    told = []
    learned, held_out = open_corpus(SIMULATED | {"DATA_ROOT": str(tmp_path)}, told.append)
    assert names(held_out) == ["sim_tag"] and names(learned) == sorted({*SIMULATED_NAMES} - {"sim_tag"})
    assert {path.name for path in (tmp_path / "people").glob("sim_*")} == {*SIMULATED_NAMES}
    assert "No dataset is prepared" in told[0]
    assert all(len(dataset.subjects) == 1 for dataset in learned + held_out)


def index_of(folder, *, labels, people=2):
    """Half a minute of each label (label, person) by that many people."""
    info = StreamInfo("watch", "test", "left wrist", ("acc_x", "acc_y", "acc_z"), 25.0)
    with DatasetWriter(folder / "mine", title="t", citation="c", licence="l", source_url="u") as writer:
        writer.add_stream(info)
        for person in range(people):
            samples = np.random.default_rng(0).normal(0, 0.005, (750 * len(labels), 3)) + np.array([0.0, 0.0, 1.0])
            segments = [(label, 750 * i, 750 * i + 750) for i, label in enumerate(labels)]
            writer.append("watch", recording=f"r{person}", subject=f"p{person}", samples=samples, labels=segments)
    return WindowIndex([read_dataset(folder / "mine")], 5.0, 2.5, 1.0)


def of_person(index, *people):
    return np.isin(index.subject_id, people)


def test_what_can_be_learned_passes_without_a_word(tmp_path):
    index = index_of(tmp_path, labels=["walking", "standing"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_learnable(index, of_person(index, 0), of_person(index, 1), 0.5)
        check_learnable(index, of_person(index, 0, 1), of_person(index), 0.0)


def test_the_only_person_held_out_is_named(tmp_path):
    index = index_of(tmp_path, labels=["walking", "standing"], people=1)
    words = r"mine: nobody is left to learn from\. Of 1 people mine/p0 are held out .*VALIDATION_SHARE is 0\.5\)"
    with pytest.raises(DatasetError, match=words):
        check_learnable(index, of_person(index), of_person(index, 0), 0.5)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (["", ""], "mine: no window has a label"),
        (["walking", ""], "mine: 'walking' is the only activity to learn from"),
    ],
)
def test_activities_take_two_labels_and_signals_none(tmp_path, labels, words):
    index = index_of(tmp_path, labels=labels)
    everybody, nobody = of_person(index, 0, 1), of_person(index)
    with pytest.raises(DatasetError, match=words):
        check_learnable(index, everybody & (index.label_id >= 0), nobody, 0.0)
    check_learnable(index, everybody, nobody, 0.0, labels=False)


def test_who_alone_does_the_other_activities_is_named(tmp_path):
    info = StreamInfo("watch", "test", "left wrist", ("acc_x", "acc_y", "acc_z"), 25.0)
    samples = np.random.default_rng(0).normal(0, 0.005, (750, 3)) + np.array([0.0, 0.0, 1.0])
    with DatasetWriter(tmp_path / "mine", title="t", citation="c", licence="l", source_url="u") as writer:
        writer.add_stream(info)
        for person, label in (("ann", "walking"), ("bob", "standing"), ("cem", "sitting"), ("cem", "walking")):
            writer.append("watch", recording=label, subject=person, samples=samples, labels=[(label, 0, 750)])
    index = WindowIndex([read_dataset(tmp_path / "mine")], 5.0, 2.5, 1.0)
    words = (
        r"'walking' is the only activity .*, or give --VALIDATION_SHARE=0: those held out for validation "
        r"\(mine/bob, mine/cem\) alone do sitting, standing"
    )
    with pytest.raises(DatasetError, match=words):
        check_learnable(index, of_person(index, 0), of_person(index, 1, 2), 0.5)


def test_two_words_for_one_activity_are_one(tmp_path):
    index = index_of(tmp_path, labels=["sitting", "sitting still"])
    with pytest.raises(DatasetError, match=r"'sitting', 'sitting still' say the same .*several activities"):
        check_learnable(index, of_person(index, 0, 1), of_person(index), 0.0)


def test_nobody_to_validate_on_is_said(tmp_path):
    index = index_of(tmp_path, labels=["walking", "standing"])
    with pytest.warns(UserWarning, match="none of the 2 people falls among the 10% held out"):
        check_learnable(index, of_person(index, 0, 1), of_person(index), 0.1)


def test_a_resumed_run_must_share_names_and_digests(small_corpus):
    datasets = [read_dataset(small_corpus / name) for name in ("sim_phone", "sim_watch")]
    shared = learned_from(datasets)
    assert shared["datasets"] == ["sim_phone", "sim_watch"]
    assert shared["data"] == {dataset.name: dataset_digest(dataset) for dataset in datasets}
