"""The benchmark measures what it says; its figures themselves are no business of a test."""

import json
import runpy

import pytest
import torch

from har.benchmark import training
from har.run.folder import repository_root

SCRIPT = "val_scripts/human_activity_recognition/benchmark.py"
SMALL = ("--STEPS=2", "--LOG_EVERY=1", "--RUNS=1", "--DEVICE=cpu", "--REPEATED_STEPS=1")
QUICK = ("--QUICK_BATCHES=16,", "--QUICK_STEPS=3", "--QUICK_LOG_EVERY=1")  # the table itself: tests/benchmark


@pytest.fixture
def places(arguments, tmp_path) -> list[str]:
    """Data, and texts that other tests have encoded already; a folder to write to."""
    shared = [argument for argument in arguments() if argument.startswith(("--DATA_ROOT=", "--TEXT_CACHE="))]
    return [*shared, f"--OUTPUT_ROOT={tmp_path}"]


def test_every_figure_is_measured_and_written(run_script, places, tmp_path):
    done = run_script(SCRIPT, *places, *SMALL, "--LATENCY_RUNS=3", "--SIMULATED_HOURS=0.02")
    assert done.returncode == 0, done.stderr
    figures = json.loads((tmp_path / "benchmark" / "benchmark.json").read_text())
    assert figures.pop("CPU capability") == torch.backends.cpu.get_cpu_capability()
    ratio = figures["training, windows/s"] / figures["the same step again and again on one batch, windows/s"]
    assert figures["ratio of the two, median"] == pytest.approx(ratio)  # of a single run
    shares = [figures[f"share of a step, {part}"] for part in ("data", "forward", "backward", "optimiser")]
    assert all(0 < share < 1 for share in shares) and sum(shares) <= 1
    assert figures["threads"] == torch.get_num_threads()
    assert min(figures.values()) > 0
    assert figures["parameters of the network"] <= 2_000_000
    assert str(tmp_path) in done.stdout.splitlines()[-1]


def test_an_exported_network_beside_pytorch(run_script, whole_run, tmp_path):
    pytest.importorskip("onnxruntime", reason="exporting takes the extra [export]")
    checkpoint = whole_run[0] / "best.pt"
    where = (f"--CHECKPOINT={checkpoint}", f"--OUTPUT_ROOT={tmp_path}")
    done = run_script(SCRIPT, "--onnx", *where, "--LATENCY_RUNS=3")
    assert done.returncode == 0, done.stderr
    figures = json.loads((tmp_path / "benchmark" / "onnx.json").read_text())
    assert {name.partition(",")[0] for name in figures} == {"CPU capability", "PyTorch", "ONNX"}
    assert 0 < figures["ONNX, int8, MB"] < figures["ONNX, MB"] < 1
    assert min(value for name, value in figures.items() if name.endswith("ms")) > 0


def test_answers_to_phones_while_they_measure(run_script, tmp_path):
    pytest.importorskip("uvicorn", reason="serving takes the extra [live]")
    few = ("--PHONES=2", "--PAST_S=20", "--ANSWERS=3", "--SERVED_S=6", '--NEW_WORDS=("juggling",)')
    few = (*few, f"--OUTPUT_ROOT={tmp_path}")
    done = run_script(SCRIPT, "--live", *few)
    assert done.returncode == 0, done.stderr
    figures = json.loads((tmp_path / "benchmark" / "live.json").read_text())
    assert figures.pop("CPU capability") == torch.backends.cpu.get_cpu_capability()
    assert {name.partition(",")[0] for name in figures} == {
        "one phone",
        "2 phones",
        "one phone and the server",
        "2 phones and the server",
        "other labels",
        "another placement",
    }
    assert min(figures.values()) > 0 and figures["one phone and the server, answers of those due"] < 1.5
    assert figures["2 phones, a round, longest, ms"] > figures["2 phones, an answer, longest, ms"]


# Trains three times as fast in several processes.
STAND_IN = """
import json, os, pathlib, sys
constants = dict(a[2:].partition("=")[::2] for a in sys.argv[1:])
if os.environ.get("RANK", "0") == "0":
    run = pathlib.Path(constants["OUTPUT_ROOT"]) / "semantic_alignment" / "run"
    run.mkdir(parents=True)
    (run / "hyperparameters.json").write_text('{"BATCH_SIZE": 128}')
    speed = 60.0 if "WORLD_SIZE" in os.environ else 20.0
    common = {"split": "train", "loss": 1.0, "time": 0.0, "windows_per_s": speed}
    lines = [json.dumps(common | {"step": step}) for step in range(1, int(constants["STEPS_PER_EPOCH"]) + 1)]
    (run / "metrics.jsonl").write_text(chr(10).join(lines) + chr(10))
"""


def test_several_processes_are_compared_with_one(tmp_path, monkeypatch, capsys):
    """Under torchrun, with a stand-in: that training itself runs in several processes has tests of its own."""
    (tmp_path / "stand_in.py").write_text(STAND_IN)
    monkeypatch.setattr(training, "SCRIPT", str(tmp_path / "stand_in.py"))
    main = runpy.run_path(str(repository_root() / SCRIPT))["main"]
    returned = main([f"--OUTPUT_ROOT={tmp_path}", *SMALL, "--processes", "2"])
    figures = json.loads((tmp_path / "benchmark" / "processes.json").read_text())
    several, one = figures["2 processes of one thread, windows/s"], figures["one process of 2 threads, windows/s"]
    assert (several, one) == (60.0, 20.0) and figures["ratio of the two, median"] == 3.0
    assert figures == returned and str(tmp_path) in capsys.readouterr().out.splitlines()[-1]


def test_the_quick_form_of_the_table_of_a_gpu_runs_anywhere(run_script, places, tmp_path):
    done = run_script(SCRIPT, *places, "--DEVICE=cpu", "--quick", *QUICK)
    assert done.returncode == 0, done.stderr
    written = json.loads((tmp_path / "benchmark" / "device.json").read_text())
    (row,) = written["rows"]
    assert row["batch"] == 16 and written["device"] == torch.backends.cpu.get_cpu_capability()
    assert row["windows/s, eager"] > 0 and row["windows/s, float32"] > 0 and row["step / pure compute"] > 0
    assert 0 <= row["waiting for data"] < 1
    # bfloat16 is another arithmetic: near, and not the same.
    assert 0 < abs(row["loss, bfloat16 against float32"]) < 0.1
    assert row["within 1 %"] == (abs(row["loss, bfloat16 against float32"]) <= 0.01)
    table = done.stdout.splitlines()
    assert table[0].count("|") == table[-2].count("|") and "| 16 |" in table[-2]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU is at hand")
def test_a_step_on_a_gpu_never_makes_the_host_wait(small_corpus, tmp_path):
    """Twice as many steps between two logs synchronise no more often."""
    import subprocess
    import sys

    script = repository_root() / "training_scripts/human_activity_recognition/semantic_alignment_train.py"
    start = (
        "import runpy, sys, torch; torch.cuda.set_sync_debug_mode('warn'); "
        "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    counts = []
    for steps in (30, 60):
        arguments = {
            "DATA_ROOT": small_corpus, "OUTPUT_ROOT": tmp_path / str(steps), "EPOCHS": 2, "STOP_AFTER_EPOCH": 1,
            "STEPS_PER_EPOCH": steps, "LOG_EVERY": steps, "JOINT_SHARE": 0.3, "COMPILE": "off", "QUEUE_SIZE": 256,
            "HELD_OUT_DATASETS": "sim_belt", "SIMULATED_BESIDE": False, "CORPUS_ON_GPU": "on",
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-W", "always", "-c", start, str(script), *(f"--{n}={v}" for n, v in arguments.items())],
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        counts.append(done.stderr.count("called a synchronizing CUDA operation"))
    # Validation and logging read values, once each.
    assert counts[0] > 0
    assert counts[1] == counts[0], done.stderr[-5000:]
