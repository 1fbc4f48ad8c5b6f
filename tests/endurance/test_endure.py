"""The door to all trials: its table, and the status that says whether anything was lost."""

import importlib.util
from collections.abc import Iterator

import pytest

from har.endurance.bench import Bench
from har.endurance.outcome import Outcome
from har.run.folder import repository_root


@pytest.fixture(scope="module")
def door():
    path = repository_root() / "val_scripts/human_activity_recognition/endure.py"
    spec = importlib.util.spec_from_file_location("endure", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def outcomes_with(loss: str, kind: str, count: int) -> Iterator[Outcome]:
    for number in range(count):
        yield Outcome(kind, f"number {number}", loss if number == 1 else "", "ended", 0.5, 100.0)


@pytest.mark.parametrize(("loss", "status"), [("", 0), ("half a file", 1)])
def test_a_loss_is_a_status_and_a_line_with_its_trial(door, monkeypatch, tmp_path, capsys, loss, status):
    def kinds(bench: Bench) -> dict:
        return {kind: lambda count, kind=kind: outcomes_with(loss, kind, count) for kind in door.COUNTS}

    monkeypatch.setattr(Bench, "kinds", property(kinds))
    work = tmp_path / "work"
    assert door.main(["--only", "disk", "together", "--share", "0.2", f"--work={work}"]) == status
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[1:3]] == [["disk", "10"], ["together", "2"]]
    assert [line for line in lines if line.startswith("lost: ")] == (
        [f"lost: {kind}: number 1: half a file" for kind in ("disk", "together")] if loss else []
    )


def test_every_kind_has_a_count_and_trials(door, tmp_path):
    bench = Bench(
        door.MAIN, door.PRETRAIN, door.PEOPLE, door.HOURS, door.CORPUS, door.SIMULATED, door.PROTOCOL_STEPS, None,
        tmp_path, None, 0,
    )  # fmt: skip
    assert list(bench.kinds) == list(door.COUNTS)


@pytest.mark.parametrize("share", ["0", "1.5"])
def test_a_share_that_cannot_be_is_refused(door, tmp_path, capsys, share):
    assert door.main(["--share", share, f"--work={tmp_path / 'work'}"]) == 2
    assert f"error: --share {float(share)}; expected more than 0" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
