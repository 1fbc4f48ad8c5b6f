"""Building blocks of the networks."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class AttentionPooling(nn.Module):
    """A set of vectors of any size -> `num_queries` vectors, by cross-attention from learned queries.

    Pooling by multi-head attention (Lee et al., Set Transformer, ICML 2019, eq. 11) without its feed-forward part.
    The queries are free parameters and hence need no projection of their own.

    Args:
        width: width W of the vectors in and out.
        num_queries: number Q of learned queries.
        num_heads: attention heads; must divide `width`.
        generator: source of the initial values; None takes torch's global one.

    Raises:
        ValueError: a number below 1, or a width that the heads do not divide.
    """

    def __init__(
        self, width: int, num_queries: int = 1, num_heads: int = 4, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        if min(width, num_queries, num_heads) < 1 or width % num_heads:
            raise ValueError(
                f"attention pooling needs width, num_queries and num_heads >= 1 and a width that num_heads divides, "
                f"found width {width}, num_queries {num_queries}, num_heads {num_heads}"
            )
        self.num_heads = num_heads
        self.queries = nn.Parameter(torch.empty(num_queries, width))
        self.key_value = nn.Linear(width, 2 * width)
        self.output = nn.Linear(width, width)
        # Unit-variance queries: the first attention is spread but differs from query to query, which breaks the
        # symmetry between them.
        nn.init.normal_(self.queries, generator=generator)
        for linear in (self.key_value, self.output):
            nn.init.xavier_uniform_(linear.weight, generator=generator)
            nn.init.zeros_(linear.bias)

    def forward(self, tokens: Tensor, mask: Tensor | None = None) -> Tensor:
        """Pool (B, T, W) to (B, Q, W).

        Args:
            tokens: (B, T, W). What stands at masked positions has no influence, NaN included.
            mask: (B, T) bool, True where a token is valid; None means all are. A row without a valid token gives
                zeros, and zero gradients, rather than the NaN of an empty softmax.
        """
        batch, length, width = tokens.shape
        if mask is not None:
            tokens = tokens.masked_fill(~mask.unsqueeze(-1), 0.0)
            has_any = mask.any(dim=1, keepdim=True)
            attention_mask = (mask | ~has_any)[:, None, None, :]
        else:
            attention_mask = None
        heads = (self.num_heads, width // self.num_heads)
        key, value = self.key_value(tokens).view(batch, length, 2, *heads).permute(2, 0, 3, 1, 4).unbind(0)
        query = self.queries.to(key.dtype).view(1, -1, *heads).transpose(1, 2).expand(batch, -1, -1, -1)
        pooled = F.scaled_dot_product_attention(query, key, value, attn_mask=attention_mask)
        pooled = self.output(pooled.transpose(1, 2).reshape(batch, -1, width))
        if mask is not None:
            pooled = pooled.masked_fill(~has_any.unsqueeze(-1), 0.0)
        return pooled


class TransformerBlock(nn.Module):
    """Pre-norm self-attention and feed-forward over a set of tokens (Vaswani et al., 2017; pre-norm: Xiong et al.,
    ICML 2020).

    Dropout acts on both residual branches.
    """

    def __init__(self, width: int, num_heads: int, mlp_ratio: float, dropout: float) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.attention_norm = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)
        self.mlp_norm = nn.LayerNorm(width)
        hidden = round(width * mlp_ratio)
        self.mlp = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """(B, N, W) -> (B, N, W). mask (B, N) bool: tokens where it is False are attended to by none.

        Where a whole row is masked, its tokens attend to each other, which keeps them finite; nobody reads them.
        """
        batch, length, width = tokens.shape
        heads = (self.num_heads, width // self.num_heads)
        visible = (mask | ~mask.any(dim=1, keepdim=True))[:, None, None, :]
        qkv = self.query_key_value(self.attention_norm(tokens)).view(batch, length, 3, *heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=visible)
        tokens = tokens + self.dropout(self.output(mixed.transpose(1, 2).reshape(batch, length, width)))
        return tokens + self.dropout(self.mlp(self.mlp_norm(tokens)))
