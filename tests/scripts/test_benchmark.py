"""The benchmark measures what it says; its figures themselves are no business of a test."""

import json

import torch

SCRIPT = "val_scripts/human_activity_recognition/benchmark.py"


def test_every_figure_is_measured_and_written(run_script, small_corpus, tmp_path):
    done = run_script(
        SCRIPT, f"--DATA_ROOT={small_corpus}", f"--OUTPUT_ROOT={tmp_path}", "--STEPS=4", "--LOG_EVERY=2", "--PAIRS=1",
        "--LATENCY_RUNS=3", "--DEVICE=cpu", "--SIMULATED_HOURS=0.02",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    figures = json.loads((tmp_path / "benchmark" / "benchmark.json").read_text())
    ratio = figures["training, windows/s"] / figures["training from one fixed batch, windows/s"]
    assert abs(figures["ratio of the two, median"] - ratio) < 1e-6  # of a single pair
    assert 0 <= figures["share of time waiting for data"] < 1
    assert figures["threads"] == torch.get_num_threads()
    assert min(v for name, v in figures.items() if name != "share of time waiting for data") > 0
    assert figures["parameters of the network"] <= 2_000_000
    assert str(tmp_path) in done.stdout.splitlines()[-1]
