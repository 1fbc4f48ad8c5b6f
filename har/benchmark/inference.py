"""How fast a trained network embeds, and how fast people are simulated."""

import statistics
import time
from pathlib import Path

import numpy as np
import torch

from har.network.loading import load_model
from har.recordings.format import read_dataset
from har.recordings.simulate import write_simulated_corpus

CHANNELS = ("acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z")


def inference_figures(
    checkpoint: Path, device: torch.device, window_s: float, sampling_rate_hz: float, runs: int
) -> dict[str, float]:
    """Latency of embedding one window of ``window_s`` seconds, median of ``runs``; parameters of the network."""
    model, _, _ = load_model(checkpoint, device)
    signal = np.random.default_rng(0).normal(0, 0.2, (round(window_s * sampling_rate_hz), 6)).astype(np.float32)
    signal[:, 2] += 1.0
    seconds = []
    for _ in range(runs):
        began = time.perf_counter()
        model.embed(signal, sampling_rate_hz, list(CHANNELS)).cpu()
        seconds.append(time.perf_counter() - began)
    return {
        "embedding of one window, ms": 1000 * statistics.median(seconds),
        "parameters of the network": float(sum(p.numel() for p in model.parameters())),
    }


def simulation_figures(folder: Path, hours: float) -> dict[str, float]:
    """Hours of sensor signal that one core simulates and writes in an hour: every stream counts for itself.

    hours: in each of the simulated datasets, which are written to ``folder``.
    """
    began = time.perf_counter()
    names = write_simulated_corpus(folder, people=2, hours=hours, seed=0)
    seconds = time.perf_counter() - began
    streams = [stream for name in names for stream in read_dataset(folder / name, scan=False).streams.values()]
    recorded = sum(len(stream.samples) / stream.info.sampling_rate_hz for stream in streams)
    return {"simulation, times real time per sensor": recorded / seconds}
