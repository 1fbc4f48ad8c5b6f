"""How fast training and inference are on this machine, each figure as measured in this run.

    python benchmark.py                     on what is prepared under data/, or simulated people
    python benchmark.py --STEPS=200         any constant below can be overridden
    python benchmark.py --scaling           how the cost of a corpus grows with it (docs/scaling.md), instead

Training runs as users run it, in a process of its own, in turns with the same training fed from one fixed batch in
memory: their ratio is the share of the network's speed that survives reading, resampling and augmenting.
"""

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from har.benchmark.scaling import SIZES, scaling_figures, scaling_table
from har.recordings.format import read_dataset
from har.recordings.simulate import write_simulated_corpus
from har.run.constants import override_constants
from har.run.folder import repository_root, resolve_under_root, write_json
from har.run.log import read_metrics
from val_scripts.human_activity_recognition.model_loading import load_model

DATA_ROOT = "data"
OUTPUT_ROOT = "training_output"  # benchmark.json goes to OUTPUT_ROOT/benchmark
DEVICE = "auto"
STEPS = 120  # per process
LOG_EVERY = 20  # steps; the first interval warms up and does not count
PAIRS = 3  # of processes, live and fixed in turns: a machine's speed drifts
LATENCY_RUNS = 100
SIMULATED_HOURS = 0.25  # in each simulated dataset
WINDOW_S, WINDOW_HZ = 5.0, 50.0  # of the window whose latency is measured, accelerometer and gyroscope


def main(argv: list[str] | None = None) -> dict:
    """Run the benchmark, print its table and write it to a file; returns the figures."""
    argv = sys.argv[1:] if argv is None else argv
    if "--scaling" in argv:
        with tempfile.TemporaryDirectory(prefix="har-scaling-") as scratch:
            figures = scaling_figures(SIZES, Path(scratch), partial(tqdm, desc="corpora", unit="corpus"))
        print(scaling_table(figures))
        return {"scaling": figures}
    override_constants(globals(), argv)
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory(prefix="har-benchmark-") as scratch:
        runs: dict[bool, list[dict]] = {False: [], True: []}
        for number in tqdm(range(2 * PAIRS), desc="training", unit="process"):
            fixed = bool(number % 2)
            runs[fixed].append(train(Path(scratch) / str(number), fixed))
        checkpoint = next(Path(scratch).rglob("best.pt"))
        figures = summarise(runs) | inference(checkpoint) | simulation(Path(scratch) / "simulated")
    path = resolve_under_root(OUTPUT_ROOT) / "benchmark" / "benchmark.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, figures)
    width = max(map(len, figures))
    print("\n".join(f"{name:<{width}}  {value:,.4g}" for name, value in figures.items()))
    print(f"Written to {path}")
    return figures


def train(output_root: Path, fixed_batch: bool) -> dict:
    """One short training in a process of its own -> its intervals after the first, and when it began to learn."""
    script = repository_root() / "training_scripts" / "human_activity_recognition" / "semantic_alignment_train.py"
    overrides = {
        "DATA_ROOT": resolve_under_root(DATA_ROOT), "OUTPUT_ROOT": output_root, "DEVICE": DEVICE, "EPOCHS": 1,
        "STEPS_PER_EPOCH": STEPS, "LOG_EVERY": LOG_EVERY, "FIXED_BATCH": fixed_batch, "VALIDATION_WINDOWS": 200,
        # Windows of one device: every batch then has the shape of the fixed one, and the network the same work.
        "JOINT_SHARE": 0.0,
    }  # fmt: skip
    began = time.time()
    done = subprocess.run(
        [sys.executable, str(script), *(f"--{name}={value}" for name, value in overrides.items())],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"training failed with status {done.returncode}:\n{done.stderr[-2000:]}")
    run = next(output_root.rglob("metrics.jsonl")).parent
    records = [r for r in read_metrics(run / "metrics.jsonl") if r["split"] == "train"]
    batch = json.loads((run / "hyperparameters.json").read_text(encoding="utf-8"))["BATCH_SIZE"]
    first_interval_s = LOG_EVERY * batch / records[0]["windows_per_s"]
    return {"startup_s": records[0]["time"] - first_interval_s - began, "intervals": records[1:]}


def summarise(runs: dict[bool, list[dict]]) -> dict:
    """Medians over intervals; the ratio pair by pair, so that drift of the machine cancels."""

    def speed(run: dict) -> float:
        return statistics.median(r["windows_per_s"] for r in run["intervals"])

    live, fixed = runs[False], runs[True]
    ratios = [speed(a) / speed(b) for a, b in zip(live, fixed, strict=True)]
    figures = {
        "training, windows/s": statistics.median(map(speed, live)),
        "training from one fixed batch, windows/s": statistics.median(map(speed, fixed)),
        "ratio of the two, median": statistics.median(ratios),
        "ratio of the two, lowest": min(ratios),
        "ratio of the two, highest": max(ratios),
        "share of time waiting for data": statistics.median(
            r["waiting_share"] for run in live for r in run["intervals"]
        ),
        "start-up, s": statistics.median(run["startup_s"] for run in live),
        # Kilobytes on Linux; the largest of the processes, memory-mapped pages included.
        "peak memory of a training process, MB": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
    }
    gpu = [r["gpu_memory_mb"] for run in live for r in run["intervals"] if "gpu_memory_mb" in r]
    return figures | ({"peak GPU memory, MB": max(gpu)} if gpu else {}) | {"threads": float(torch.get_num_threads())}


def inference(checkpoint: Path) -> dict:
    """Latency of embedding one window, median; parameters of the network."""
    device = ("cuda" if torch.cuda.is_available() else "cpu") if DEVICE == "auto" else DEVICE
    model, _, _ = load_model(checkpoint, device)
    signal = np.random.default_rng(0).normal(0, 0.2, (round(WINDOW_S * WINDOW_HZ), 6)).astype(np.float32)
    signal[:, 2] += 1.0
    channels = ["acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z"]
    seconds = []
    for _ in range(LATENCY_RUNS):
        began = time.perf_counter()
        model.embed(signal, WINDOW_HZ, channels).cpu()
        seconds.append(time.perf_counter() - began)
    return {
        "embedding of one window, ms": 1000 * statistics.median(seconds),
        "parameters of the network": float(sum(p.numel() for p in model.parameters())),
    }


def simulation(folder: Path) -> dict:
    """Hours of sensor signal that one core simulates and writes in an hour: every stream counts for itself."""
    began = time.perf_counter()
    names = write_simulated_corpus(folder, people=2, hours=SIMULATED_HOURS, seed=0)
    seconds = time.perf_counter() - began
    streams = [stream for name in names for stream in read_dataset(folder / name, scan=False).streams.values()]
    recorded = sum(len(stream.samples) / stream.info.sampling_rate_hz for stream in streams)
    return {"simulation, times real time per sensor": recorded / seconds}


if __name__ == "__main__":
    main()
