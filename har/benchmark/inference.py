"""How fast a trained network embeds, and how fast people are simulated."""

import statistics
import time
from pathlib import Path

import numpy as np
import torch

from har.export.graph import export_graph
from har.export.package import GRAPH, quantise
from har.export.parity import Window, latency_ms
from har.network.alignment import AlignmentModel
from har.network.loading import load_model
from har.recordings.format import read_dataset
from har.recordings.simulate import write_simulated_corpus

CHANNELS = ("acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z")


def inference_figures(
    checkpoint: Path, device: torch.device, window_s: float, sampling_rate_hz: float, runs: int
) -> dict[str, float]:
    """Latency of embedding one window of ``window_s`` seconds, median of ``runs``; parameters of the network."""
    model, _, _ = load_model(checkpoint, device)
    return {
        "embedding of one window, ms": _latency_ms(model, made_up_window(window_s, sampling_rate_hz), runs),
        "parameters of the network": float(sum(p.numel() for p in model.parameters())),
    }


def made_up_window(window_s: float, sampling_rate_hz: float) -> Window:
    """A device about to rest, accelerometer and gyroscope."""
    signal = np.random.default_rng(0).normal(0, 0.2, (round(window_s * sampling_rate_hz), 6)).astype(np.float32)
    signal[:, 2] += 1.0
    return Window(signal, sampling_rate_hz, list(CHANNELS))


def _latency_ms(model: AlignmentModel, window: Window, runs: int) -> float:
    seconds = []
    for _ in range(runs):
        began = time.perf_counter()
        model.embed(*window).cpu()
        seconds.append(time.perf_counter() - began)
    return 1000 * statistics.median(seconds)


def onnx_figures(
    checkpoint: str | Path, folder: Path, window_s: float, sampling_rate_hz: float, runs: int
) -> dict[str, float]:
    """Latency of one window on one core and size of the exported network, in single precision and with weights of eight
    bits, beside PyTorch, which looks at the signal as well. folder: what is exported goes there.
    """
    model, _, _ = load_model(checkpoint, "cpu")
    folder.mkdir(parents=True, exist_ok=True)
    export_graph(model, folder / GRAPH)
    window = made_up_window(window_s, sampling_rate_hz)
    graphs = {"ONNX": folder / GRAPH, "ONNX, int8": quantise(folder)}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        figures = {"PyTorch, one window, ms": _latency_ms(model, window, runs)}
    finally:
        torch.set_num_threads(threads)
    figures |= {f"{name}, one window, ms": latency_ms(graph, model, window, runs) for name, graph in graphs.items()}
    return figures | {f"{name}, MB": graph.stat().st_size / 1e6 for name, graph in graphs.items()}


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
