"""A folder with everything that recognising takes without PyTorch: graph, vocabulary, an example to start from."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import torch

from har.export.graph import export_graph
from har.network.alignment import AlignmentModel
from har.run.folder import atomic_writer, write_atomically
from har.text.label_bank import LearnableLabelBank

GRAPH, INT8_GRAPH, VOCABULARY = "model.onnx", "model.int8.onnx", "vocabulary.json"
_DIGITS = 7  # of a number in single precision


def export_package(
    model: AlignmentModel, bank: LearnableLabelBank, labels: Sequence[str], folder: Path, example: Path
) -> None:
    """Write ``model.onnx``, ``vocabulary.json`` with the embeddings of ``labels``, and the example into a folder.

    example: a program that recognises with these, which is copied.

    The vocabulary holds, beside these: window_s, sensors, text_width, scale (by which cosines are multiplied before the
    softmax), sharpness (the power of the bank's calibration for windows by themselves, har/text/calibration.py), and
    the sentence embeddings of the placements of training. Raises as ``export_graph`` and
    ``LearnableLabelBank.encode``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    export_graph(model, folder / GRAPH)
    prototypes = bank.encode(labels).reshape(len(labels), bank.num_prototypes, bank.width)
    vocabulary = {
        "window_s": model.config.window_s,
        "sensors": list(model.config.sensors),
        "text_width": model.config.text_width,
        "scale": float(bank.logit_scale),
        "sharpness": bank.calibration.window_sharpness,
        "labels": dict(zip(labels, _rounded(prototypes), strict=True)),
        "placements": dict(zip(model.placements, _rounded(model.placement_table[1:]), strict=True)),
    }
    # Indented, every number would have a line of its own.
    write_atomically(folder / VOCABULARY, json.dumps(vocabulary, ensure_ascii=False))
    shutil.copyfile(example, folder / example.name)


def _rounded(table: torch.Tensor) -> list:
    """Nested lists of numbers with as many digits as single precision has."""
    if table.ndim > 1:
        return [_rounded(row) for row in table]
    return [float(f"{value:.{_DIGITS}g}") for value in table.detach().cpu().tolist()]


def quantise(folder: Path) -> Path:
    """Write ``model.int8.onnx`` beside ``model.onnx``: weights of products in eight bits, activations as they come.

    Dynamic quantisation of onnxruntime. What it costs is measured by ``har.export.parity``.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization.shape_inference import quant_pre_process

    path = folder / INT8_GRAPH
    with atomic_writer(path) as temporary:
        quant_pre_process(folder / GRAPH, temporary, skip_symbolic_shape=True)
        quantize_dynamic(temporary, temporary, weight_type=QuantType.QInt8, op_types_to_quantize=["MatMul", "Gemm"])
    return path
