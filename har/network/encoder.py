"""The IMU encoder: transformer over time x sensor; one embedding a window and one a patch.

Pre-norm blocks (Xiong et al., ICML 2020) on the tokens of all patches of all sensors at once, so that sensors and
moments of any number attend to each other; what is missing is masked and changes nothing.
"""

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from har.layers.blocks import AttentionPooling, TransformerBlock
from har.network.config import NetworkConfig
from har.network.heads import EmbeddingHead
from har.network.patches import PatchTokens
from har.windows.batch import SensorWindows


class Embeddings(NamedTuple):
    """window (B, D) and patch (B, P, D), unit norm; patch_valid (B, P) bool; features (B, width) before the head."""

    window: Tensor
    patch: Tensor
    patch_valid: Tensor
    features: Tensor


class IMUEncoder(nn.Module):
    """``SensorWindows`` + placement text features -> ``Embeddings``."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.tokens = PatchTokens(config)
        self.blocks = nn.ModuleList(
            TransformerBlock(config.width, config.heads, config.mlp_ratio, config.dropout) for _ in range(config.depth)
        )
        self.norm = nn.LayerNorm(config.width)
        self.pool = AttentionPooling(config.width, num_queries=1, num_heads=config.heads)
        self.head = EmbeddingHead(config.width, config.embedding_width)

    def forward(self, windows: SensorWindows, placement_text: Tensor) -> Embeddings:
        """placement_text: (B, S, text width) sentence embeddings of each sensor's placement, zero where unknown."""
        return self.summarise(*self.contextual(windows, placement_text))

    def freeze_below_head(self) -> None:
        """Leave only the pooling and the head to be trained."""
        for part in (self.tokens, self.blocks, self.norm):
            part.requires_grad_(False)

    def hidden_matrices(self) -> list[nn.Parameter]:
        """Weights of the linear layers, but for those that read what is told about a sensor: text and rate."""
        told = (self.tokens.placement, self.tokens.rate)
        return [layer.weight for layer in self.modules() if isinstance(layer, nn.Linear) and layer not in told]

    def contextual(self, windows: SensorWindows, placement_text: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens that know of each other (B, S, P + 1, width), and which of them were measured (B, S, P + 1).

        The last token of a sensor is its spectrum. What stands at tokens that were not measured means nothing.
        """
        tokens, valid = self.tokens(windows, placement_text)
        flat, mask = tokens.flatten(1, 2), valid.flatten(1, 2)
        for block in self.blocks:
            flat = block(flat, mask)
        return self.norm(flat).view_as(tokens), valid

    def summarise(self, tokens: Tensor, valid: Tensor) -> Embeddings:
        """What ``contextual`` returned -> ``Embeddings``."""
        features = self.pool(tokens.flatten(1, 2), valid.flatten(1, 2)).squeeze(1)
        # A patch's embedding is the mean over the sensors that measured it; the spectra belong to no patch.
        weight = valid[:, :, :-1].to(tokens.dtype).unsqueeze(-1)
        patch = (tokens[:, :, :-1] * weight).sum(1) / weight.sum(1).clamp_min(1.0)
        return Embeddings(
            window=F.normalize(self.head(features), dim=-1),
            patch=F.normalize(self.head(patch), dim=-1),
            patch_valid=valid[:, :, :-1].any(1),
            features=features,
        )
