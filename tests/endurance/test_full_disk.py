"""A sample of full disks and of two at once; and that the trials notice what they are there to notice."""

import pytest

from har.endurance.attempts import Account, outcomes
from har.endurance.full_disk import Full, FullDisk, check_ending
from har.endurance.losses import LossError
from har.endurance.scripts import Ended, Watch
from har.endurance.tasks import check_datasets, converting_task, training_task
from har.endurance.together import Pair, Together
from har.run.folder import repository_root


@pytest.fixture
def empty(tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    return folder


@pytest.fixture
def former(tmp_path, empty, scripts):
    """A dataset that was converted before."""
    task, folder = converting_task(0, empty), tmp_path / "former"
    folder.mkdir()
    task.prepare(folder)
    Account(scripts, folder).succeed(task.script, *task.arguments(folder))
    return folder / "data"


def test_a_full_disk_ends_in_one_line_and_nothing_is_lost(scripts, corpus, former, pretraining, tmp_path):
    tasks = [converting_task(1, former), training_task(pretraining, corpus)]
    found = list(FullDisk(tasks, scripts, tmp_path / "work").outcomes(3, seed=0))
    assert [outcome.loss for outcome in found] == [""] * 3
    assert "one line" in {outcome.ended for outcome in found}


# As the script itself, but a dataset is written where it will stay, instead of beside.
IN_PLACE = """
import contextlib, runpy
from har.recordings import format

@contextlib.contextmanager
def in_place(path):
    path.mkdir(parents=True, exist_ok=True)
    yield path

format.hidden_folder, format.replace_folder = in_place, lambda new, path: None
runpy.run_path({script!r}, run_name="__main__")
"""


def test_a_writer_in_place_is_noticed(scripts, former, tmp_path):
    task = converting_task(1, former)
    broken = tmp_path / "broken.py"
    broken.write_text(IN_PLACE.format(script=str(repository_root() / task.script)))
    disks = FullDisk([task._replace(script=str(broken))], scripts, tmp_path / "work")
    full = Full(disks.tasks[0], "limit", disks.changes[task.name] // 2, 0)
    (found,) = outcomes("in place", [("half of it", full)], disks.attempt, scripts, tmp_path / "trial")
    assert "neither what it was nor what it should become" in found.loss or "cannot be read" in found.loss


def test_two_at_once_end_right(scripts, empty, tmp_path):
    task = converting_task(0, empty)
    pair = Pair(task, task, lambda found, first, second: check_datasets(found, first))
    found = list(Together([pair], scripts, tmp_path / "work").outcomes(2, seed=0))
    assert [(outcome.loss, outcome.ended) for outcome in found] == [("", "both right")] * 2


ROOM = "error: /data/best.pt: the disk is full: it takes 2.0 MB, 17 bytes are free. What stood there before is as it "
ROOM += "was; make room or name another place, then start again"


def test_what_a_script_without_room_may_say():
    assert check_ending(Ended(2, "", f"10%|# | 1/9\rUserWarning: x\n{ROOM}\n", 1.0)) == "one line"
    assert check_ending(Ended(0, "", "UserWarning: could not be cached\n", 1.0)) == "did without"
    assert check_ending(Ended(0, "", "", 1.0)) == "had room"


@pytest.mark.parametrize(
    ("status", "stderr"),
    [
        (1, ROOM), (2, ""), (2, f"{ROOM}\n{ROOM}"), (-6, ROOM),
        (2, "error: [Errno 28] No space left on device"),
        (2, "error: /data/best.pt: the disk is full; make room"),
    ],
)  # fmt: skip
def test_what_it_may_not(status, stderr):
    with pytest.raises(LossError):
        check_ending(Ended(status, "", stderr, 1.0))


def test_a_script_is_watched_below_its_folder_alone(scripts, tmp_path):
    script, inside = tmp_path / "script.py", tmp_path / "inside"
    inside.mkdir()
    script.write_text(
        "from pathlib import Path\n"
        "Path('../outside').write_text('x')\n"  # not below
        "Path('one').write_text('x')\nPath('one').read_text()\nPath('two').mkdir()\nPath('one').rename('three')\n"
        "print('came to its end')\n"
    )
    counted = tmp_path / "count"
    ended = scripts.run(script, cwd=inside, timeout=60, watch=Watch(str(inside), counted=str(counted)))
    assert (ended.status, ended.stdout, counted.read_text()) == (0, "came to its end\n", "3")
    for number, left in ((1, []), (2, ["one"]), (3, ["one", "two"])):
        for path in sorted(inside.iterdir()):
            path.rmdir() if path.is_dir() else path.unlink()
        assert scripts.run(script, cwd=inside, timeout=60, watch=Watch(str(inside), number)).status == -9
        assert sorted(path.name for path in inside.iterdir()) == left


def test_files_are_limited_from_a_change_on_and_outputs_are_not(scripts, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from pathlib import Path\n"
        "Path('one').write_text('x' * 100)\nprint('y' * 100)\nPath('two').write_text('x' * 100)"
    )
    watch = Watch(str(tmp_path), 2, "limit", room=10)
    ended = scripts.run(script, cwd=tmp_path, timeout=60, watch=watch, piped=True)
    assert ended.status == 1 and "File too large" in ended.stderr and ended.stdout == "y" * 100 + "\n"
    assert ((tmp_path / "one").stat().st_size, (tmp_path / "two").stat().st_size) == (100, 10)
