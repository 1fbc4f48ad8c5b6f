"""Any words without PyTorch: sentence encoder and label bank as one graph, from the tokens of a phrase.

Shape letters: T tokens of one phrase, W text width, K prototypes a label, D embedding width.
"""

import copy
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from har.export.graph import write_onnx
from har.run.folder import atomic_writer
from har.text.encoder import SentenceEncoder
from har.text.label_bank import LearnableLabelBank

TOKENS = "tokens"
OUTPUTS = ("prototypes", "sentence")
_LEAST_COMPRESSED = 1 << 16  # weights of a matrix that is worth it


class TextGraph(nn.Module):
    """Tokens (1, T) int64 of one phrase, special ones included -> prototypes (K, D) and sentence embedding (W,).

    As ``LearnableLabelBank`` finds them for the phrase by itself, from what ``SentenceEncoder`` knows about it.
    """

    def __init__(self, transformer: nn.Module, bank: LearnableLabelBank) -> None:
        super().__init__()
        self.transformer, self.bank = transformer, bank

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        there = torch.ones_like(tokens)
        states = self.transformer(input_ids=tokens, attention_mask=there).last_hidden_state
        pooled = F.normalize(states.mean(dim=1), dim=-1)
        return self.bank(states, there.bool(), pooled)[0], pooled[0]


def export_text_graph(encoder: SentenceEncoder, bank: LearnableLabelBank, path: Path) -> None:
    """Write ``TextGraph`` as ONNX, its large matrices in eight bits; encoder and bank stay as they are.

    Raises ``ImportError`` that says what to install where ONNX is not there; otherwise as ``SentenceEncoder.encode``.
    """
    transformer = copy.deepcopy(encoder.loaded()[0].auto_model).cpu()
    # Its own attention chooses a kernel by what is masked, which no graph can.
    transformer.set_attn_implementation("eager")
    graph = TextGraph(transformer, _without_encoder(bank)).eval()
    example = torch.arange(100, 108)[None]
    write_onnx(graph, (example,), ({1: torch.export.Dim("length")},), (TOKENS,), OUTPUTS, path)
    _compress(path)


def _without_encoder(bank: LearnableLabelBank) -> LearnableLabelBank:
    encoder, bank.text_encoder = bank.text_encoder, None
    try:
        return copy.deepcopy(bank).cpu()
    finally:
        bank.text_encoder = encoder


def _compress(path: Path) -> None:
    """Keep the large matrices of a graph in eight bits, and activations as they are.

    Each output of a product has a scale of its own, and so has each row that is looked up: symmetric weights per
    channel (Krishnamoorthi, arXiv:1806.08342, section 3.1). The runtime brings them back before it multiplies.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load(path)
    graph = model.graph
    readers: dict[str, list] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    added: list = []
    for tensor in list(graph.initializer):
        if tensor.data_type != TensorProto.FLOAT or len(tensor.dims) != 2 or np.prod(tensor.dims) < _LEAST_COMPRESSED:
            continue
        looked_up = {node.op_type for node in readers[tensor.name]} == {"Gather"}
        values = numpy_helper.to_array(tensor)
        scale = np.maximum(np.abs(values).max(axis=1 if looked_up else 0, keepdims=True), 1e-12) / 127
        eighths = np.rint(values / scale).astype(np.int8)
        names = [f"{tensor.name}.{kind}" for kind in ("int8", "scale")]
        parts = [numpy_helper.from_array(value, name) for value, name in zip((eighths, scale), names, strict=True)]
        graph.initializer.remove(tensor)
        graph.initializer.extend(parts)
        if looked_up:
            for node in readers[tensor.name]:
                added += _looked_up(helper, node, *names)
                graph.node.remove(node)
        else:
            added += [
                helper.make_node("Cast", [names[0]], [f"{tensor.name}.float"], to=TensorProto.FLOAT),
                helper.make_node("Mul", [f"{tensor.name}.float", names[1]], [tensor.name]),
            ]
    nodes = [*added, *graph.node]
    del graph.node[:]
    graph.node.extend(_in_order(nodes, {one.name for one in (*graph.input, *graph.initializer)}))
    with atomic_writer(path) as temporary:
        onnx.save(model, temporary)


def _looked_up(helper, node, table: str, scale: str) -> list:
    """A look-up of rows of eight bits and of their scales, in place of one of rows of floats."""
    rows, scales = (f"{node.output[0]}.{kind}" for kind in ("int8", "scale"))
    attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    return [
        helper.make_node("Gather", [table, node.input[1]], [rows], **attributes),
        helper.make_node("Gather", [scale, node.input[1]], [scales], **attributes),
        helper.make_node("Cast", [rows], [f"{rows}.float"], to=1),
        helper.make_node("Mul", [f"{rows}.float", scales], [node.output[0]]),
    ]


def _in_order(nodes: list, known: set[str]) -> list:
    """Nodes each of which comes after those that it reads."""
    ordered, waiting = [], list(nodes)
    while waiting:
        ready = [node for node in waiting if all(not name or name in known for name in node.input)]
        if not ready:
            raise ValueError(f"the graph reads what nothing writes: {waiting[0].name}")
        ordered += ready
        known |= {name for node in ready for name in node.output}
        taken = set(map(id, ready))
        waiting = [node for node in waiting if id(node) not in taken]
    return ordered
