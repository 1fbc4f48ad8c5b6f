"""What a cell runs, and how its processes end."""

import json
import sys
import threading
import time

import pytest

from har.protocol import cells
from har.protocol.cells import Children, StoppedError, last_lines
from har.protocol.plan import TRAINING_SCRIPT, Cell, ProtocolRequest, make_plan
from har.run.constants import override_constants, read_constants
from har.run.folder import repository_root

DATASETS = ("sim_watch", "sim_belt")


def test_cells_share_the_cores(begin, monkeypatch):
    monkeypatch.setattr(cells.os, "sched_getaffinity", lambda process: set(range(6)), raising=False)
    out = begin("threads", jobs=2)
    constants = json.loads(next(out.glob("cells/sim_belt/model_0/training/*/*/epoch_001.pt")).read_text())
    assert constants["threads"] == "3"
    assert (constants["HELD_OUT_DATASETS"], constants["SEED"], constants["EPOCHS"]) == ("sim_belt,", "0", "1")


@pytest.mark.parametrize("what", ["model", "frozen", "ceiling"])
def test_every_cell_sets_constants_that_the_training_script_knows(data, tmp_path, what):
    train = ["--WIDTH=16 --FREEZE_ENCODER=no"]
    plan = make_plan(ProtocolRequest(out=tmp_path, data=data, datasets=DATASETS, steps=7, train=train))
    script = repository_root() / TRAINING_SCRIPT
    constants, default = read_constants(script), read_constants(script)
    override_constants(constants, cells.training_arguments(Cell("sim_belt", what, 2), plan, tmp_path))
    changed = {name: value for name, value in constants.items() if value != default[name]}
    common = {"DATA_ROOT": str(data), "OUTPUT_ROOT": str(tmp_path / "training"), "EPOCHS": 1, "WIDTH": 16}
    held_out = {"HELD_OUT_DATASETS": ("sim_belt",), "SEED": 2, "STEPS_PER_EPOCH": 7}
    fold = {
        "DATASETS": ("sim_belt",), "HELD_OUT_DATASETS": (), "STEPS_PER_EPOCH": 400,
        "VALIDATION_SHARE": 1 / 3, "VALIDATION_FROM": 2 / 3,
    }  # fmt: skip
    own = {"model": held_out, "frozen": held_out | {"FREEZE_ENCODER": True}, "ceiling": fold}
    assert changed == common | own[what]


def test_a_process_that_does_not_end_by_itself_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(cells, "PATIENCE_S", 0.3)
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); time.sleep(60)"
    )
    children, log, raised = Children({}), tmp_path / "log.txt", []

    def run() -> None:
        try:
            children.run([sys.executable, "-c", stubborn], log)
        except StoppedError as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    began = time.monotonic()
    while "\non" not in (log.read_text() if log.exists() else "") and time.monotonic() < began + 30:
        time.sleep(0.05)
    children.stop()
    thread.join(10)
    assert not thread.is_alive() and len(raised) == 1
    with pytest.raises(StoppedError):
        children.run([sys.executable, "-c", ""], log)


def test_the_end_of_a_log_leaves_out_what_a_progress_bar_overwrote(tmp_path):
    log = tmp_path / "log.txt"
    log.write_text("begin\n 10 %\r 20 %\r 30 %\n\nerror: no\n")
    assert last_lines(log, 2) == [" 30 %", "error: no"]
    assert last_lines(tmp_path / "none.txt") == []
