"""Run folders: what a new one begins with, and from what an old one goes on."""

import json

import pytest
import torch
import yaml

from har.recordings.format import DatasetError
from har.run.checkpoint import CheckpointError, load_checkpoint
from har.run.constants import ConstantError
from har.run.log import MetricsLog
from har.training.run import find_state, open_run

LEARNED_FROM = {"datasets": ["a", "b"]}


def opened(session, learner, learned_from=LEARNED_FROM, first=()):
    return open_run(session, find_state(session), learner, learned_from, {"best": None}, first)


def test_a_new_folder_appears_with_its_records_and_nothing_before(begin, counter, tmp_path):
    session = begin()
    assert find_state(session) is None
    assert list(tmp_path.iterdir()) == []
    run = opened(session, counter)
    assert run.folder.parent == tmp_path / "lessons" and (run.step, run.resumed) == (0, False)
    assert {path.name for path in run.folder.iterdir()} == {"hyperparameters.json", "run.json", "plots"}
    assert json.loads((run.folder / "hyperparameters.json").read_text()) == session.constants
    assert json.loads((run.folder / "run.json").read_text())["argv"] == ["lesson.py"]


def test_a_record_may_be_yaml_and_a_first_checkpoint_comes_with_the_folder(begin, counter):
    session = begin(record="config.yaml")
    run = opened(session, counter, first=("latest.pt",))
    assert yaml.safe_load((run.folder / "config.yaml").read_text()) == session.constants
    assert load_checkpoint(run.folder / "latest.pt")["step"] == 0


def test_what_is_saved_comes_back(begin, counter):
    run = opened(begin(), counter)
    run.step, run.progress["best"] = 5, 0.25
    counter.weights += 7
    run.save("epoch_001.pt", "best.pt")
    for name in ("epoch_001.pt", "best.pt"):
        state = load_checkpoint(run.folder / name)
        assert state == {
            "weights": torch.tensor([7.0]), "step": 5, "best": 0.25, "constants": run.session.constants, **LEARNED_FROM,
        }  # fmt: skip
    counter.weights += 1
    again = opened(begin(RESUME=str(run.folder)), counter)
    assert (again.folder, again.step, again.resumed, again.progress) == (run.folder, 5, True, {"best": 0.25})
    assert counter.weights == 7


@pytest.mark.parametrize("damage", ["empty", "gone"])
def test_a_best_checkpoint_that_is_damaged_is_made_anew(begin, counter, damage):
    """Or else the run would learn to its end and never come to it."""
    run = opened(begin(), counter)
    run.step, run.progress["best"] = 5, 0.25
    run.save("epoch_001.pt", "best.pt")
    (run.folder / "best.pt").write_bytes(b"") if damage == "empty" else (run.folder / "best.pt").unlink()
    with pytest.warns(UserWarning, match=r"best\.pt.*\. It is made anew by the best of the epochs to come"):
        again = opened(begin(RESUME=str(run.folder)), counter)
    assert (again.step, again.progress) == (5, {"best": None})


def test_files_take_the_place_of_others(begin, counter):
    run = opened(begin(), counter)
    run.save("epoch_001_interrupted.pt")
    run.save("epoch_001.pt", instead_of="epoch_*_interrupted.pt")
    assert [path.name for path in run.folder.glob("*.pt")] == ["epoch_001.pt"]


def test_the_newest_checkpoint_of_a_folder_counts_unless_one_is_named(begin, counter):
    run = opened(begin(), counter)
    for step, name in ((4, "epoch_001.pt"), (6, "epoch_002_interrupted.pt"), (9, "latest.pt")):
        run.step = step
        run.save(name)
    for resume, step in ((run.folder, 6), (run.folder / "epoch_001.pt", 4)):
        _, state = find_state(begin(RESUME=str(resume)))
        assert state["step"] == step


@pytest.mark.parametrize(("logged", "step"), [(4, 4), (8, 8), (9, 8), (12, 12)])
def test_a_restarted_run_goes_on_where_its_log_ends_and_not_behind_a_hole(begin, counter, monkeypatch, logged, step):
    """RESUME named an older checkpoint: those of a former attempt lie behind what the present one has logged."""
    run = opened(begin(LOG_EVERY=1), counter)
    for epoch in (1, 2, 3):
        run.step = 4 * epoch
        run.save(f"epoch_{epoch:03d}.pt")
    with MetricsLog(run.folder / "metrics.jsonl") as log:
        for number in range(1, logged + 1):
            log.log({"step": number})
    for name in ("epoch_001.pt", ""):
        session = begin(RESUME=str(run.folder / name), LOG_EVERY=1)
        monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "0")
        assert find_state(session)[1]["step"] == (4 if name else 12)
        monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
        assert find_state(session)[1]["step"] == (step if name else 12)


def test_an_unfinished_file_of_a_killed_process_goes(begin, counter):
    run = opened(begin(), counter)
    run.save("epoch_001.pt")
    left = run.folder / ".epoch_002.0123abcd.part.pt"
    left.write_bytes(b"half")
    find_state(begin(RESUME=str(run.folder)))
    assert left.exists(), "looking writes nothing"
    opened(begin(RESUME=str(run.folder)), counter)
    assert not left.exists()


def test_a_folder_without_checkpoint_has_nothing_to_go_on_from(begin, counter):
    run = opened(begin(), counter)
    with pytest.raises(CheckpointError, match=r"holds no epoch_\*\.pt yet"):
        find_state(begin(RESUME=str(run.folder)))


def test_nowhere_is_an_error(begin, tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        find_state(begin(RESUME=str(tmp_path / "nowhere")))


def test_a_checkpoint_of_another_script_is_refused(begin, counter):
    run = opened(begin(), counter)
    torch.save({"step": 1, "constants": run.session.constants}, run.folder / "epoch_001.pt")
    with pytest.raises(CheckpointError, match=r"no checkpoint of lesson\.py; it holds \['constants', 'step'\]"):
        find_state(begin(RESUME=str(run.folder)))


def test_constants_that_the_result_depends_on_must_agree(begin, counter):
    run = opened(begin(), counter)
    run.save("epoch_001.pt")
    with pytest.raises(ConstantError, match="EPOCHS: 4 here, 3 in the checkpoint") as caught:
        find_state(begin(RESUME=str(run.folder), EPOCHS=4, STOP_AFTER_EPOCH=1))
    assert "STOP_AFTER_EPOCH" not in str(caught.value)


def test_a_constant_that_a_former_version_did_not_have_is_brought_up(begin, counter):
    run = opened(begin(), counter)
    run.session.constants.pop("DROPOUT")
    run.save("epoch_001.pt")
    assert find_state(begin(RESUME=str(run.folder)))[1]["step"] == 0
    with pytest.raises(ConstantError, match=r"DROPOUT: 0\.1 here, 0\.0 in the checkpoint"):
        find_state(begin(RESUME=str(run.folder), DROPOUT=0.1))


def test_other_datasets_than_those_learned_from_are_refused(begin, counter):
    run = opened(begin(), counter)
    run.save("epoch_001.pt")
    session = begin(RESUME=str(run.folder))
    with pytest.raises(DatasetError, match=r"learned from the datasets \['a', 'b'\]; prepared are now \['a'\]"):
        opened(session, counter, {"datasets": ["a"]})


def test_data_that_have_changed_since_are_named_and_former_versions_did_not_look(begin, counter):
    data = {"a": "0123", "b": "4567"}
    run = opened(begin(), counter, LEARNED_FROM | {"data": data})
    run.save("epoch_001.pt")
    opened(begin(RESUME=str(run.folder)), counter, LEARNED_FROM | {"data": data})
    with pytest.raises(DatasetError, match="learned from another b than is prepared now"):
        opened(begin(RESUME=str(run.folder)), counter, LEARNED_FROM | {"data": data | {"b": "89ab"}})
    former = opened(begin(), counter)
    former.save("epoch_001.pt")
    assert opened(begin(RESUME=str(former.folder)), counter, LEARNED_FROM | {"data": data}).resumed


def test_only_the_first_process_writes(begin, counter):
    run = opened(begin(), counter)
    run.session.processes.rank = 1
    run.save("epoch_001.pt")
    assert not list(run.folder.glob("*.pt"))
