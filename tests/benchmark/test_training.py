"""Figures of trainings, by hand from what a stand-in for the training script logs."""

import json
from pathlib import Path

import pytest

from har.benchmark import training
from har.benchmark.training import device_rows, markdown_table, process_figures, train, training_figures

# Logs what it was asked for: its speed grows with the batch, and its loss is off by a share of it in bfloat16.
STAND_IN = """
import json, os, pathlib, sys
constants = dict(a[2:].partition("=")[::2] for a in sys.argv[1:])
if os.environ.get("RANK", "0") != "0":
    sys.exit()
batch, steps, every = (int(constants[name]) for name in ("BATCH_SIZE", "STEPS_PER_EPOCH", "LOG_EVERY"))
run = pathlib.Path(constants["OUTPUT_ROOT"]) / "semantic_alignment" / "run"
run.mkdir(parents=True)
(run / "hyperparameters.json").write_text(json.dumps({"BATCH_SIZE": batch}))
half = constants.get("PRECISION") == "bfloat16"
world, threads = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("OMP_NUM_THREADS", 0))
records = [
    {
        "split": "train", "step": step, "time": 1000.0 + step, "loss": (1 + float(constants["OFF"]) * half) / step,
        # The first two are slow: they warm up.
        "windows_per_s": batch * (1.0 if step <= 2 * every else 10.0 + 10 * half) * (3.0 if world > 1 else 1.0),
        "waiting_share": 0.01 * step, "forward_share": 0.4, "backward_share": 0.3, "optimiser_share": 0.1,
        "memory_mb": 100.0 + step, "threads": threads, "world": world,
    }
    for step in range(every, steps + 1, every)
]
if int(constants.get("REPEATED_STEPS", 0)):
    records.append({"split": "repeated", "step": steps, "step_s": 0.025, "times": int(constants["REPEATED_STEPS"])})
(run / "metrics.jsonl").write_text("".join(json.dumps(record) + chr(10) for record in records))
"""
COMMON = {"LOG_EVERY": 2, "OFF": 0.02}


@pytest.fixture(autouse=True)
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "stand_in.py"
    path.write_text(STAND_IN)
    monkeypatch.setattr(training, "SCRIPT", str(path))


def test_figures_of_a_machine_are_medians_after_the_warm_up(tmp_path):
    overrides = COMMON | {"BATCH_SIZE": 8, "STEPS_PER_EPOCH": 10, "REPEATED_STEPS": 3}
    run = train(tmp_path / "run", overrides)
    assert [record["step"] for record in run.intervals] == [4, 6, 8, 10] and len(run.losses) == 5
    assert run.folder == tmp_path / "run" / "semantic_alignment" / "run"
    assert (run.windows_per_s, run.step_s, run.repeated_s) == (80.0, 0.1, 0.025)  # 8, 80, 80, 80 windows/s
    figures = training_figures([run])
    assert figures["training, windows/s"] == 80.0
    assert figures["the same step again and again on one batch, windows/s"] == 8 / 0.025
    assert figures["ratio of the two, median"] == figures["ratio of the two, lowest"] == pytest.approx(0.25)
    assert figures["share of a step, data"] == pytest.approx(0.07)
    assert figures["own memory of a training process, MB"] == 110.0


def test_a_row_a_batch_with_the_loss_of_bfloat16_against_float32(tmp_path):
    rows = device_rows(tmp_path, COMMON, (8, 16), 10, with_compiler=False, progress=iter)
    assert [row["batch"] for row in rows] == [8, 16]
    for row in rows:
        assert row["windows/s, eager"] == 20 * row["batch"] and row["windows/s, float32"] == 10 * row["batch"]
        assert row["step / pure compute"] == pytest.approx(0.05 / 0.025)
        assert row["waiting for data"] == pytest.approx(0.08)
        assert row["loss, bfloat16 against float32"] == pytest.approx(0.02) and row["within 1 %"] is False
    (near,) = device_rows(tmp_path / "near", COMMON | {"OFF": 0.005}, (8,), 10, with_compiler=True, progress=iter)
    assert near["within 1 %"] is True and near["windows/s, compiled"] == 160
    assert markdown_table(rows).splitlines()[2].split(" | ")[:3] == ["| 8", "160", "80"]


def test_processes_of_one_thread_take_turns_with_one_of_as_many(tmp_path):
    overrides = COMMON | {"BATCH_SIZE": 8, "STEPS_PER_EPOCH": 6}
    figures = process_figures(tmp_path, overrides, 2, pairs=1, progress=iter)
    assert figures["one process of 2 threads, windows/s"] == 44.0  # 8 and 80: one interval warms up
    assert figures["2 processes of one thread, windows/s"] == 132.0
    assert figures["ratio of the two, median"] == pytest.approx(3.0)
    started = [json.loads(path.read_text().splitlines()[0]) for path in sorted(tmp_path.glob("*/*/run/metrics.jsonl"))]
    assert [(record["world"], record["threads"]) for record in started] == [(1, 2), (2, 1)]


def test_a_training_that_fails_says_why(tmp_path):
    with pytest.raises(SystemExit, match=r"training failed with status 1:(?s:.*)KeyError: 'BATCH_SIZE'"):
        train(tmp_path / "run", {})
