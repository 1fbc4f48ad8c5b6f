"""What a script's constants say about the data that is opened."""

import pytest

from har.recordings.format import DatasetError
from har.recordings.simulate import SIMULATED_NAMES
from har.training.corpus import open_corpus

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
