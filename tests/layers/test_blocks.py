"""Blocks against PyTorch's own layers with the same weights (masks and empty rows of the pooling: tests/text)."""

import pytest
import torch

from har.layers.blocks import AttentionPooling, TransformerBlock


def padded_tokens(width: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randn(4, 7, width, dtype=torch.float64, generator=generator)
    mask = torch.rand(4, 7, generator=generator) < 0.6
    mask[0], mask[1, 0] = True, True
    assert mask.any(dim=1).all()
    assert not mask.all()
    return tokens, mask


def matching_layers(width: int, heads: int, ratio: float) -> tuple[TransformerBlock, torch.nn.TransformerEncoderLayer]:
    torch.manual_seed(1)
    block = TransformerBlock(width, heads, ratio, dropout=0.0).double()
    for parameter in block.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    layer = torch.nn.TransformerEncoderLayer(
        width, heads, round(width * ratio), dropout=0.0, activation="gelu", batch_first=True, norm_first=True
    ).double()
    pairs = {
        "norm1": block.attention_norm, "norm2": block.mlp_norm, "self_attn.out_proj": block.output,
        "linear1": block.mlp[0], "linear2": block.mlp[2],
    }  # fmt: skip
    state = {f"{name}.{key}": value for name, module in pairs.items() for key, value in module.state_dict().items()}
    state["self_attn.in_proj_weight"] = block.query_key_value.weight.detach()
    state["self_attn.in_proj_bias"] = block.query_key_value.bias.detach()
    layer.load_state_dict(state)
    return block, layer


@pytest.mark.parametrize(("width", "heads", "ratio"), [(12, 3, 2.0), (8, 1, 1.5)])
def test_transformer_block_is_the_pre_norm_layer_of_pytorch(width, heads, ratio):
    block, layer = matching_layers(width, heads, ratio)
    tokens, mask = padded_tokens(width)
    found, expected = block(tokens, mask), layer(tokens, src_key_padding_mask=~mask)
    torch.testing.assert_close(found, expected)
    weights = torch.randn(found.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    (found * weights).sum().backward()
    (expected * weights).sum().backward()
    torch.testing.assert_close(block.query_key_value.weight.grad, layer.self_attn.in_proj_weight.grad)
    torch.testing.assert_close(block.mlp[0].weight.grad, layer.linear1.weight.grad)


def test_transformer_block_attends_to_everything_where_all_is_masked():
    block, layer = matching_layers(12, 3, 2.0)
    tokens, mask = padded_tokens(12)
    mask[2] = False
    found = block(tokens, mask)
    torch.testing.assert_close(found[2], layer(tokens)[2])
    torch.testing.assert_close(found[:2], layer(tokens, src_key_padding_mask=~mask)[:2])


def test_dropout_acts_on_both_branches_and_only_in_training():
    block, layer = matching_layers(12, 3, 2.0)
    tokens, mask = padded_tokens(12)
    block.dropout.p = 1.0  # everything that the branches add is dropped
    torch.testing.assert_close(block.train()(tokens, mask), tokens)
    torch.testing.assert_close(block.eval()(tokens, mask), layer(tokens, src_key_padding_mask=~mask))


def test_attention_pooling_is_pytorchs_attention_from_the_learned_queries():
    width, heads, queries = 12, 3, 2
    pooling = AttentionPooling(width, queries, heads, generator=torch.Generator().manual_seed(3)).double()
    torch.nn.init.normal_(pooling.key_value.bias, generator=torch.Generator().manual_seed(4))
    attention = torch.nn.MultiheadAttention(width, heads, batch_first=True).double()
    key_value = pooling.key_value.state_dict()
    attention.load_state_dict(
        {
            "in_proj_weight": torch.cat([torch.eye(width, dtype=torch.float64), key_value["weight"]]),
            "in_proj_bias": torch.cat([torch.zeros(width, dtype=torch.float64), key_value["bias"]]),
            "out_proj.weight": pooling.output.weight.detach(),
            "out_proj.bias": pooling.output.bias.detach(),
        }
    )
    tokens, mask = padded_tokens(width)
    expected, _ = attention(pooling.queries.expand(len(tokens), -1, -1), tokens, tokens, key_padding_mask=~mask)
    torch.testing.assert_close(pooling(tokens, mask), expected)
