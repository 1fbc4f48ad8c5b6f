"""What trials compare and look for: each loss is noticed, and nothing else is taken for one."""

import itertools
import shutil
import threading
from pathlib import Path

import pytest
import torch

from har.endurance.attempts import outcomes
from har.endurance.losses import LossError, check_nothing_left, check_same_run, check_whole, first_difference
from har.endurance.outcome import Outcome
from har.endurance.table import table
from har.endurance.tasks import check_intact, write_raw_files
from har.files.whole import temporary_path
from har.recordings.convert import converter
from har.recordings.convert.common import convert_dataset
from har.recordings.format import read_dataset
from har.run.checkpoint import save_checkpoint
from har.run.folder import write_json
from har.run.log import MetricsLog


def write_run(folder: Path, weight: float = 1.0, loss: float = 0.5, place: str = "/a", seconds: float = 1.0) -> Path:
    folder.mkdir(parents=True)
    write_json(folder / "run.json", {"started": place})
    constants = {"SEED": 0, "DATA_ROOT": place}
    save_checkpoint(folder / "best.pt", {"model": {"w": torch.tensor([0.0, weight])}, "constants": constants})
    with MetricsLog(folder / "metrics.jsonl") as log:
        log.log({"step": 1, "loss": loss, "time": seconds, "waiting_share": seconds})
    return folder


def test_runs_that_differ_in_places_and_clocks_alone_are_the_same(tmp_path):
    check_same_run(write_run(tmp_path / "a"), write_run(tmp_path / "b", place="/b", seconds=2.0))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"weight": 1.0 + 2**-23}, r"best.pt differs .* in value\['model'\]\['w'\]"),
        ({"loss": 0.5 + 2**-53}, r"metrics.jsonl differs .* in value\[0\]\['loss'\]"),
    ],
)
def test_a_bit_is_noticed(tmp_path, changes, words):
    with pytest.raises(LossError, match=words):
        check_same_run(write_run(tmp_path / "a", **changes), write_run(tmp_path / "b"))


def test_a_file_that_is_missing_or_too_many_is_noticed(tmp_path):
    first, second = write_run(tmp_path / "a"), write_run(tmp_path / "b")
    (first / "plots").mkdir()
    (first / "plots" / "curves.png").touch()
    for pair in ((first, second), (second, first)):
        with pytest.raises(LossError, match=r"curves.png"):
            check_same_run(*pair)


def test_values_are_compared_by_bits_types_and_order():
    zero, other = torch.tensor(0.0), torch.tensor(-0.0)
    nan = torch.tensor(float("nan"))
    assert first_difference({"a": [nan, (1, None)]}, {"a": [nan.clone(), (1, None)]}) == ""
    pairs = [(zero, other), (1, 1.0), (1, True), ([1], (1,)), ([1], [1, 1]), ({"a": 1}, {"b": 1})]
    pairs += [({"a": 1, "b": 2}, {"b": 2, "a": 1}), (zero, zero.double()), (zero, torch.zeros(1))]
    assert [first_difference(a, b) for a, b in pairs].count("") == 0


@pytest.mark.parametrize("name", ["best.pt", "run.json", "metrics.jsonl"])
def test_a_file_without_its_end_is_noticed_unless_it_was_never_given_its_name(tmp_path, name):
    run = write_run(tmp_path / "a")
    check_whole(tmp_path)
    path = run / name
    half = path.read_bytes()[:-8] + (b"\n" if name.endswith("l") else b"")
    hidden = temporary_path(path, path.suffix)
    hidden.write_bytes(half)
    check_whole(tmp_path)
    with pytest.raises(LossError, match="left behind: "):
        check_nothing_left(tmp_path)
    hidden.rename(path)
    check_nothing_left(tmp_path)
    with pytest.raises(LossError, match=f"{name} cannot be read"):
        check_whole(tmp_path)


def test_a_dataset_must_be_the_old_or_the_new_one(tmp_path):
    for seed, name in ((0, "before"), (1, "after")):
        write_raw_files(tmp_path / f"raw_{seed}", seed)
        convert_dataset(converter("wharf"), tmp_path / f"raw_{seed}", tmp_path / name / "data" / "wharf")
    folders = {name: tmp_path / name for name in ("before", "after", "found")}
    assert read_dataset(folders["before"] / "data" / "wharf", scan=True).labels == ["drinking from a glass", "walking"]
    for name in ("before", "after"):
        shutil.copytree(folders[name], folders["found"], dirs_exist_ok=True)
        check_intact(folders["found"], folders["before"], folders["after"])
    samples = folders["found"] / "data" / "wharf" / "wrist.npy"
    samples.write_bytes(samples.read_bytes()[:-1] + b"!")
    with pytest.raises(LossError, match="neither what it was nor what it should become"):
        check_intact(folders["found"], folders["before"], folders["after"])
    shutil.rmtree(folders["found"] / "data")
    with pytest.raises(LossError, match="neither"):
        check_intact(folders["found"], folders["before"], folders["after"])


def test_two_trials_at_once_come_out_in_their_order_and_losses_keep_their_files(tmp_path):
    meeting = threading.Barrier(2, timeout=30)
    ends = itertools.count()

    def attempt(account, trial: str) -> str:
        (account.folder / "file").write_text(trial)
        meeting.wait()  # fails unless two are at it
        if trial == "b":
            raise LossError("it is gone")
        return f"right {next(ends)}"

    found = list(outcomes("kind", [(f"trial {name}", name) for name in "abcd"], attempt, None, tmp_path))
    assert [(outcome.trial, outcome.loss) for outcome in found] == [
        ("trial a", ""), ("trial b", "it is gone"), ("trial c", ""), ("trial d", ""),
    ]  # fmt: skip
    assert [path.read_text() for path in tmp_path.rglob("file")] == ["b"]


def test_the_table_counts_by_kind_and_repeats_losses():
    rows = [
        Outcome("main script killed", "number 0", "", "went on", 1.0, 300.0),
        Outcome("disk full", "number 0", "half a file", "lost", 9.0, 10.0),
        Outcome("main script killed", "number 1", "", "went on", 2.5, 200.0),
        Outcome("main script killed", "number 2", "", "began anew", 2.0, 200.0),
    ]
    lines = table(rows).splitlines()
    assert " ".join(lines[1].split()) == "main script killed 3 0 2.5 s 300 MB 2 went on, 1 began anew"
    assert " ".join(lines[2].split()) == "disk full 1 1 9.0 s 10 MB 1 lost"
    assert lines[3] == "lost: disk full: number 0: half a file"
