"""The loop's bookkeeping, step by step, against a list written by hand."""

import json
import os
import signal

import numpy as np
import pytest
import torch

from har.run.log import read_metrics
from har.training.loop import Loop, NotFiniteError
from har.training.run import find_state, open_run


class Numbers:
    """The batch of a step is ten times the step."""

    class index:
        recordings = ("a/first", "a/second")
        recording_id = np.array([0, 0, 1, 1])

        @staticmethod
        def describe(row: int) -> str:
            return f"window {row}"

    def rows(self, step: int):
        return np.array([step % 4]), "start"

    def make(self, step: int) -> int:
        return 10 * step


def new_loop(session, learner, windows: int = 8) -> Loop:
    run = open_run(session, find_state(session), learner, {"datasets": []}, {})
    return Loop(run, Numbers(), windows, {"loss": "loss"})


def walk(loop: Loop, learner, at=lambda step: None) -> list[tuple]:
    """(step, batch, logging, epoch ends, epoch, saving) of every step; epochs and what is to be saved are saved."""
    seen = []
    for step, batch in loop:
        logging = loop.logging
        learner.weights += batch
        at(step)
        loop.count({"loss": torch.tensor(float(step))}, 0.5, learner.first_bad)
        seen.append((step, batch, logging, loop.epoch_ends, loop.epoch, loop.saving))
        if loop.epoch_ends:
            loop.log_scores({"validation": {"macro_f1": 0.25}})
            loop.run.save(f"epoch_{loop.epoch:03d}.pt", instead_of="epoch_*_interrupted.pt")
        elif loop.saving:
            loop.run.save(f"epoch_{loop.epoch:03d}_interrupted.pt")
    return seen


def test_every_step_once_in_order_with_what_is_due(begin, counter):
    loop = new_loop(begin(), counter)
    assert walk(loop, counter) == [
        (0, 0, False, False, 1, False), (1, 10, False, False, 1, False), (2, 20, True, False, 1, False),
        (3, 30, True, True, 1, False), (4, 40, False, False, 2, False), (5, 50, True, False, 2, False),
        (6, 60, False, False, 2, False), (7, 70, True, True, 2, False), (8, 80, True, False, 3, False),
        (9, 90, False, False, 3, False), (10, 100, False, False, 3, False), (11, 110, True, True, 3, False),
    ]  # fmt: skip
    assert loop.finish()
    records = read_metrics(loop.run.folder / "metrics.jsonl")
    assert [(r["step"], r["epoch"], r["loss"]) for r in records if r["split"] == "train"] == [
        (3, 0.75, 2.0), (4, 1.0, 3.0), (6, 1.5, 5.0), (8, 2.0, 7.0), (9, 2.25, 8.0), (12, 3.0, 11.0)
    ]  # fmt: skip
    scores = [r for r in records if r["split"] == "validation"]
    assert scores == [{"step": 4 * e, "epoch": float(e), "split": "validation", "macro_f1": 0.25} for e in (1, 2, 3)]
    assert {"learning_rate", "windows_per_s", "waiting_share", "memory_mb", "time"} <= records[0].keys()


@pytest.mark.parametrize(
    ("windows", "least", "steps"),
    [(8, 1, 4), (9, 1, 5), (9, 7, 7), (0, 2, 2)],
    ids=["even", "one more", "least", "none"],
)
def test_an_epoch_is_one_pass_but_not_too_short(begin, counter, windows, least, steps):
    session = begin(STEPS_PER_EPOCH=0, LEAST_STEPS_PER_EPOCH=least)
    assert new_loop(session, counter, windows).total_steps == 3 * steps


def test_stopped_after_an_epoch_it_says_how_to_go_on_and_ends_the_same(begin, counter, capsys):
    whole = new_loop(begin(), counter)
    walk(whole, counter)
    sum_of_all = counter.weights.clone()
    counter.weights.zero_()
    first = new_loop(begin(STOP_AFTER_EPOCH=2), counter)
    assert [entry[0] for entry in walk(first, counter)] == list(range(8))
    assert not first.finish()
    said = capsys.readouterr().out
    assert "Stopped after 8 of 12 steps" in said and f"--RESUME={first.run.folder}" in said
    counter.weights.fill_(float("nan"))
    second = new_loop(begin(RESUME=str(first.run.folder)), counter)
    assert [entry[0] for entry in walk(second, counter)] == list(range(8, 12))
    assert second.finish() and torch.equal(counter.weights, sum_of_all)
    keys = ("step", "split", "loss", "macro_f1")
    logs = [
        [{k: r.get(k) for k in keys} for r in read_metrics(x.run.folder / "metrics.jsonl")] for x in (whole, second)
    ]
    assert logs[0] == logs[1]


def test_a_signal_ends_it_after_the_step_with_everything_saved(begin, counter, capsys):
    loop = new_loop(begin(), counter)
    before = signal.getsignal(signal.SIGTERM)
    seen = walk(loop, counter, lambda step: os.kill(os.getpid(), signal.SIGTERM) if step == 5 else None)
    assert seen[-1] == (5, 50, True, False, 2, True)
    assert [path.name for path in sorted(loop.run.folder.glob("*.pt"))] == ["epoch_001.pt", "epoch_002_interrupted.pt"]
    assert signal.getsignal(signal.SIGTERM) == before
    assert not loop.finish() and "Stopped after 6 of 12 steps" in capsys.readouterr().out
    again = new_loop(begin(RESUME=str(loop.run.folder)), counter)
    assert walk(again, counter)[0][:2] == (6, 60)
    assert not list(loop.run.folder.glob("*interrupted*"))


def test_saving_every_few_steps_but_not_where_an_epoch_ends(begin, counter):
    seen = walk(new_loop(begin(SAVE_EVERY=2), counter), counter)
    assert [step + 1 for step, *_, saving in seen if saving] == [2, 6, 10]


@pytest.mark.parametrize(("bad_at", "noticed_at"), [(0, 3), (3, 4), (6, 8)])
def test_a_bad_step_is_noticed_before_its_state_is_used_and_named(begin, counter, bad_at, noticed_at):
    loop = new_loop(begin(), counter)

    def spoil(step: int) -> None:
        if step == bad_at:
            counter.first_bad = torch.tensor(step)

    with pytest.raises(
        NotFiniteError, match=f"not finite at step {bad_at}.*a/{'second' if bad_at % 4 > 1 else 'first'}"
    ):
        walk(loop, counter, spoil)
    assert loop.run.step == noticed_at
    listed = json.loads((loop.run.folder / f"bad_step_{bad_at}.json").read_text())
    assert listed == {"step": bad_at, "windows": [f"window {bad_at % 4}"]}
    assert all(r["step"] < noticed_at for r in read_metrics(loop.run.folder / "metrics.jsonl"))


def test_an_error_between_two_steps_gives_the_signals_back(begin, counter):
    before = signal.getsignal(signal.SIGINT)
    session = begin()
    with pytest.raises(ZeroDivisionError):
        for _ in new_loop(session, counter):
            raise ZeroDivisionError
    session.__exit__()
    assert signal.getsignal(signal.SIGINT) == before


def test_other_processes_neither_log_nor_tell(begin, counter, capsys):
    session = begin()
    run = open_run(session, None, counter, {}, {})
    session.processes.rank = 1
    loop = Loop(run, Numbers(), 8, {})
    walk(loop, counter)
    assert not loop.finish()
    assert not (run.folder / "metrics.jsonl").exists() and capsys.readouterr().out == ""
