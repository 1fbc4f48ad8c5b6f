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
_LEAST_HALVED = 1 << 16  # weights of a matrix that is worth it


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
    """Write ``TextGraph`` as ONNX, its large matrices in half precision; encoder and bank stay as they are.

    Raises ``ImportError`` that says what to install where ONNX is not there; otherwise as ``SentenceEncoder.encode``.
    """
    transformer = copy.deepcopy(encoder.loaded()[0].auto_model).cpu()
    # Its own attention chooses a kernel by what is masked, which no graph can.
    transformer.set_attn_implementation("eager")
    graph = TextGraph(transformer, _without_encoder(bank)).eval()
    example = torch.arange(100, 108)[None]
    write_onnx(graph, (example,), ({1: torch.export.Dim("length")},), (TOKENS,), OUTPUTS, path)
    _halve(path)


def _without_encoder(bank: LearnableLabelBank) -> LearnableLabelBank:
    encoder, bank.text_encoder = bank.text_encoder, None
    try:
        return copy.deepcopy(bank).cpu()
    finally:
        bank.text_encoder = encoder


def _halve(path: Path) -> None:
    """Keep the large matrices of a graph in half precision; the runtime brings them back before it computes.

    Eight bits halve them once more, but change answers under some words (docs/live.md).
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load(path)
    graph, casts = model.graph, []
    for tensor in list(graph.initializer):
        if tensor.data_type == TensorProto.FLOAT and np.prod(tensor.dims) >= _LEAST_HALVED:
            half = f"{tensor.name}.half"
            graph.initializer.remove(tensor)
            graph.initializer.append(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), half))
            casts.append(helper.make_node("Cast", [half], [tensor.name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    with atomic_writer(path) as temporary:
        onnx.save(model, temporary)
