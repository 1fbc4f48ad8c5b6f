"""From features to the space that windows share with text."""

from torch import Tensor, nn


class EmbeddingHead(nn.Module):
    """One hidden layer, as contrastive learning wants it (Chen et al., SimCLR, ICML 2020). Not normalised."""

    def __init__(self, width: int, embedding_width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, embedding_width))

    def forward(self, features: Tensor) -> Tensor:
        """(..., width) -> (..., embedding width)."""
        return self.layers(features)
