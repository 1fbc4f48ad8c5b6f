"""Name what a recording shows, with onnxruntime and NumPy alone. Copied beside every exported model.

    python recognise_with_onnx.py walk.csv 50 "trouser pocket"

walk.csv: one header line with acc_x,acc_y,acc_z (g, gravity included) and, if there is one, gyro_x,gyro_y,gyro_z
(rad/s); one row a sample, empty where one is missing. 50: samples a second. The placement may be left out.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime

HERE, KINDS = Path(__file__).resolve().parent, ("acc", "gyro", "mag")


def embed(session, about, signal, channels, rate_hz, placement=None):
    """Signal (N, T, C) of one device, NaN where a sample is missing -> unit-norm embeddings (N, D)."""
    kinds = [kind for kind in about["sensors"] if f"{kind}_x" in channels]
    columns = [[channels.index(f"{kind}_{axis}") for axis in "xyz"] for kind in kinds]
    length = round(about["window_s"] * rate_hz)  # longer signals are cut, and what is left over is filled up
    signal = np.pad(signal, ((0, 0), (0, -signal.shape[1] % length), (0, 0)), constant_values=np.nan)
    windows = signal.reshape(-1, length, signal.shape[2])[..., columns].transpose(0, 2, 3, 1)  # (n, S, 3, T)
    shape = windows.shape[:2]
    text = np.array(about["placements"].get(placement, np.zeros(about["text_width"])), dtype=np.float32)
    found, coverage = session.run(None, {
        "signal": np.ascontiguousarray(windows, dtype=np.float32),
        "sampling_rate_hz": np.array([rate_hz], dtype=np.float32),
        "kind": np.broadcast_to(np.array([KINDS.index(kind) for kind in kinds]), shape).copy(),
        "device": np.zeros(shape, dtype=np.int64),
        "placement": np.broadcast_to(text, (*shape, len(text))).copy(),
        "body": np.zeros((*shape, 2, 3), dtype=np.float32),
    })  # fmt: skip
    total = (found * coverage[:, None]).reshape(len(signal), -1, found.shape[1]).sum(1)
    return total / np.linalg.norm(total, axis=1, keepdims=True)


def classify(about, embeddings, labels):
    """Embeddings (N, D) -> probabilities (N, L) of these labels, each one of the vocabulary."""
    prototypes = np.array([about["labels"][label] for label in labels], dtype=np.float32)  # (L, K, D)
    scores = about["scale"] * np.einsum("nd,lkd->nlk", embeddings, prototypes)
    shares = np.exp(scores - scores.max((1, 2), keepdims=True)).mean(2)  # a soft maximum over the prototypes of a label
    return shares ** about["sharpness"] / (shares ** about["sharpness"]).sum(1, keepdims=True)  # no surer than right


if __name__ == "__main__":
    about = json.loads((HERE / "vocabulary.json").read_text(encoding="utf-8"))
    session = onnxruntime.InferenceSession(HERE / "model.onnx", providers=["CPUExecutionProvider"])
    try:
        path, rate_hz, placement = sys.argv[1], float(sys.argv[2]), (*sys.argv[3:], None)[0]
        table = np.atleast_1d(np.genfromtxt(path, delimiter=",", names=True))
        signal = np.stack([table[name] for name in table.dtype.names], axis=1)
        size = np.linalg.norm([table[f"acc_{axis}"] for axis in "xyz"], axis=0)
    except (IndexError, TypeError, ValueError, OSError) as error:
        sys.exit(f"give walk.csv (header acc_x,acc_y,acc_z with commas) and its Hz: {str(error).splitlines()[0]}")
    if not 0 < rate_hz < np.inf or np.nanmedian(size) > 4:
        sys.exit(f"{rate_hz:g} samples a second, median {np.nanmedian(size):.1f}: a rate of 0 or none, or not in g")
    if placement is not None and placement not in about["placements"]:
        sys.exit(f"placement {placement!r}: the model knows {', '.join(about['placements'])}; leave it out otherwise")
    length, labels = round(about["window_s"] * rate_hz), list(about["labels"])
    for start in range(0, max(1, len(signal) - length + 1), length):
        embeddings = embed(session, about, signal[None, start : start + length], table.dtype.names, rate_hz, placement)
        shares = classify(about, embeddings, labels)[0]
        print(f"{start / rate_hz:8.1f} s  {labels[shares.argmax()]}  {shares.max():.2f}")
