"""Damaged files: a sample of all trials finds no loss, and each kind of loss is one where there is one."""

import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

if sys.platform != "linux":
    pytest.skip("trials are forked and looked after by means of Linux", allow_module_level=True)

from har.endurance import damage, damaged_tables, small_model, trials
from har.endurance import damaged_checkpoints as damaged_checkpoints_module
from har.endurance.damaged import damaged_checkpoints, damaged_datasets, damaged_raw_files, damaged_records
from har.endurance.outcome import Outcome
from har.endurance.trials import RIGHT, SilentChangeError, Trial, outcomes
from har.recordings.format import DatasetError

SAMPLES = {
    "checkpoints": (damaged_checkpoints, 21),
    "datasets": (damaged_datasets, 36),
    "records": (damaged_records, 24),
    "raw files": (lambda count, seed, work: damaged_raw_files(count, seed, work, None), 25),
}


@pytest.fixture(autouse=True)
def of_no_body():
    """Signals of the miniatures are sines and noise, of which the examination rightly doubts."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize("kind", SAMPLES)
def test_a_sample_of_damaged_files_loses_nothing(kind: str, tmp_path: Path) -> None:
    of, count = SAMPLES[kind]
    found = list(of(count, 5, tmp_path))
    assert [outcome for outcome in found if outcome.loss] == []
    assert [outcome.trial.partition(":")[0] for outcome in found] == [str(number) for number in range(count)]
    assert {"refused", "right data"} <= {outcome.ended for outcome in found}
    assert not any(path.name[0].isdigit() for path in tmp_path.iterdir())  # of a trial nothing stays


@pytest.mark.parametrize("of", [damaged_checkpoints, damaged_datasets, damaged_records])
def test_trials_are_the_same_for_the_same_seed(of: Callable, tmp_path: Path) -> None:
    def told(seed: int, folder: str) -> list[tuple]:
        found = of(6, seed, tmp_path / folder)
        return [(outcome.kind, outcome.trial, outcome.ended) for outcome in found]

    assert told(1, "a") == told(1, "b") != told(2, "c")


# --- a loader that takes everything -----------------------------------------------------------------------------------


def losses(found: list[Outcome]) -> list[str]:
    return [outcome.loss for outcome in found if outcome.loss]


class EqualToAll(str):
    """A digest that every other one equals."""

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = str.__hash__


def test_a_checkpoint_that_is_not_compared_is_a_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_model.write_run(tmp_path / "run")
    monkeypatch.setattr(damaged_checkpoints_module, "write_run", lambda folder: None)
    monkeypatch.setattr("har.run.checkpoint.content_sha256", lambda content: EqualToAll())

    def negated(files: dict, rng: np.random.Generator, marker: Path) -> damage.Damage:
        def change(state: dict) -> None:
            next(x for x in state["model"].values() if x.is_floating_point() and x.numel() > 40).neg_()

        return damaged_checkpoints_module.resaved(files, "a tensor of the model negated", change)

    monkeypatch.setattr(damaged_checkpoints_module, "DAMAGES", (negated,))
    found = losses(list(damaged_checkpoints(2, 0, tmp_path)))
    assert found == ["silent change: another model, label bank or checkpoint than was saved"] * 2


def test_code_in_a_checkpoint_that_is_run_is_a_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load = torch.load
    careless = lambda *given, **options: load(*given, **options | {"weights_only": False})  # noqa: E731
    monkeypatch.setattr("har.run.checkpoint.torch.load", careless)
    monkeypatch.setattr(damaged_checkpoints_module, "DAMAGES", (damaged_checkpoints_module.foreign_pickle,))
    found = losses(list(damaged_checkpoints(6, 1, tmp_path)))
    assert "silent change: code in the file was executed" in found


def test_a_dataset_that_is_not_compared_is_a_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("har.recordings.checksums.Checksums._altered", lambda self, name: "")
    found = losses(list(damaged_datasets(18, 0, tmp_path)))
    assert any(loss.startswith("silent change: ") and "of the dataset changed" in loss for loss in found)


def test_a_record_that_is_not_compared_is_a_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def taken(record: dict, where: str, remedy: str) -> dict:
        return {key: value for key, value in record.items() if key != "checksum"}

    for module in ("folder", "log"):
        monkeypatch.setattr(f"har.run.{module}.without_checksum", taken)
    assert any("silent change: found" in loss for loss in losses(list(damaged_records(12, 0, tmp_path))))


def test_raw_files_without_notes_are_a_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("har.recordings.convert.common.Notes.lines", lambda self, root=None: [])
    found = losses(list(damaged_raw_files(10, 0, tmp_path, None)))
    assert any("of the dataset changed, the notes did not" in loss for loss in found)


def test_an_error_of_python_is_a_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(*_: object) -> None:
        raise KeyError("streams")

    monkeypatch.setattr("har.recordings.format.read_header", read)
    with pytest.raises(KeyError):
        list(damaged_datasets(1, 0, tmp_path))
    (outcome,) = outcomes([Trial("k", "one", read)])
    assert outcome.ended == "traceback" and outcome.loss.startswith("traceback: KeyError: 'streams' (test_damaged.py:")


# --- one trial --------------------------------------------------------------------------------------------------------


def refuse() -> str:
    raise DatasetError("a.csv is damaged")


def change() -> str:
    raise SilentChangeError("1 became 2")


def fill() -> str:
    return str(np.ones(60 << 17).sum() and RIGHT)  # 60 MB


def missing() -> str:
    return Path("/nowhere/a.csv").read_text()


def end() -> str:
    sys.stdout.flush()
    trials.os._exit(3)


TRIALS = {  # -> loss and end
    "right": (lambda: RIGHT, "", "right data"),
    "refused": (refuse, "", "refused"),
    "changed": (change, "silent change: 1 became 2", "silent change"),
    "an error of the system": (missing, "traceback: FileNotFoundError: ", "traceback"),
    "too long": (lambda: time.sleep(60), "took more than 0.7 s", "killed"),
    "too large": (fill, "MB, more than 40", "right data"),
    "ended": (end, "the process ended with status 3", "killed"),
}


def test_what_a_trial_comes_to() -> None:
    given = [Trial("k", name, act, "a.csv") for name, (act, _, _) in TRIALS.items()]
    found = list(outcomes(given, limit_s=0.7, limit_mb=40))
    assert [outcome.trial for outcome in found] == list(TRIALS)
    for outcome, (_, loss, ended) in zip(found, TRIALS.values(), strict=True):
        assert loss in outcome.loss and bool(loss) == bool(outcome.loss) and outcome.ended == ended, outcome
    assert 55 < found[list(TRIALS).index("too large")].peak_mb < 75


def test_words_that_do_not_name_the_file_are_a_loss() -> None:
    (outcome,) = outcomes([Trial("k", "other", refuse, "b.csv")])
    assert outcome.loss == "traceback: the words do not name b.csv: a.csv is damaged"


def test_trials_that_nobody_waits_for_are_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    forked, fork = [], trials._fork

    def counted(number: int, trial: Trial) -> trials._Running:
        forked.append(fork(number, trial))
        return forked[-1]

    monkeypatch.setattr(trials, "_fork", counted)
    begun = outcomes([Trial("k", "right", lambda: RIGHT), Trial("k", "long", lambda: time.sleep(60))])
    assert next(begun).ended == "right data"
    begun.close()
    assert len(forked) == 2
    for one in forked:
        with pytest.raises(ProcessLookupError):
            trials.os.kill(one.process, 0)


# --- what is done to files --------------------------------------------------------------------------------------------

TABLE = b"time,x,y,label\n" + b"".join(b"%d,0.%03d,1.5,walk\n" % (1000 + i, i) for i in range(100))


@pytest.mark.parametrize("change", sorted({*damage.ANY_BYTES, *damaged_tables.CHANGES}, key=lambda f: f.__name__))
def test_a_change_changes_and_can_be_done_again(change: Callable) -> None:
    for seed in range(20):
        content, words = change(TABLE, np.random.default_rng(seed))
        assert content != TABLE and words
        assert change(TABLE, np.random.default_rng(seed)) == (content, words)


def test_a_file_is_cut_off_within_a_row() -> None:
    for seed in range(200):
        content, _ = damaged_tables.cut_off(TABLE, np.random.default_rng(seed))
        last = content.rpartition(b"\n")[2]
        assert last and content + b"\n" not in TABLE


def test_only_columns_that_differ_are_swapped() -> None:
    swapped = {damaged_tables.columns_swapped(TABLE, np.random.default_rng(seed))[1] for seed in range(100)}
    assert swapped == {f"columns {i} and 4 swapped" for i in (1, 2, 3)}  # the numbers differ by less than ten thousand
    assert damaged_tables.columns_swapped(b"1,2,3\n4,5,6\n" * 9, np.random.default_rng(0)) is None
    assert damaged_tables.row_twice(b"1,2,3\n" * 9, np.random.default_rng(0)) is None
    assert damaged_tables.only_names(b"1,2,3\n" * 9, np.random.default_rng(0)) is None


def test_links_are_replaced_and_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    (tmp_path / "whole" / "a").write_text("right")
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "a").hardlink_to(tmp_path / "whole" / "a")
    damage.Damage("", {"a": b"wrong", "b/c": b"new"}).inflict(tmp_path / "copy")
    assert (tmp_path / "whole" / "a").read_text() == "right" and (tmp_path / "copy" / "a").read_text() == "wrong"
