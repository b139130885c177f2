"""The same weights give the same numbers and gradients as torch's attention and Transformer layers."""

import pytest
import torch
from torch import nn

from edgewise.errors import ConfigError
from edgewise.nn import torch_weights
from edgewise.nn.attention import MultiHeadAttention
from edgewise.nn.transformer import DecoderLayer, EncoderLayer, LayerDims
from edgewise.relation import Complete, between

from .attention.plain import made, random

DIM, HEADS, HIDDEN, KEYS = 6, 3, 5, 4
N, M = 4, 5
THERE = torch.arange(N) < torch.tensor([[4], [2], [3]])
MEMORY_THERE = torch.arange(M) < torch.tensor([[1], [5], [3]])
LATER = ~torch.ones(N, N).tril().bool()

every_norm = pytest.mark.parametrize("norm", ["post", "pre"])


def sizes(norm):
    theirs = {"norm_first": norm == "pre", "dropout": 0.0, "batch_first": True}
    return LayerDims(DIM, HEADS, HIDDEN, norm=norm, dropout=0.0), (DIM, HEADS, HIDDEN), theirs


def assert_same_numbers_and_gradients(module, layer, convert, ours, theirs, *inputs):
    """Both functions of the same inputs, with the weights of torch's layer."""
    module.double().load_state_dict(convert(layer.state_dict()))
    inputs = [value.requires_grad_() for value in inputs]
    out, expected = ours(*inputs), theirs(*inputs)
    torch.testing.assert_close(out, expected, rtol=1e-11, atol=1e-12)
    weights = random(*expected.shape, seed=5)
    found = torch.autograd.grad((out * weights).sum(), [*inputs, *module.parameters()])
    names, values = zip(*layer.named_parameters(), strict=True)
    wanted = torch.autograd.grad((expected * weights).sum(), [*inputs, *values])
    given = len(inputs)
    renamed = convert(dict(zip(names, wanted[given:], strict=True)))
    wanted = [*wanted[:given], *(renamed[name] for name, _ in module.named_parameters())]
    for left, right in zip(found, wanted, strict=True):
        torch.testing.assert_close(left, right, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("key_dim", [None, KEYS])
def test_attention(bias, key_dim):
    dims = {"kdim": key_dim, "vdim": key_dim}
    layer = made(nn.MultiheadAttention, DIM, HEADS, bias=bias, batch_first=True, **dims)
    module = MultiHeadAttention(DIM, HEADS, bias=bias, key_dim=key_dim)
    relation = between(N, MEMORY_THERE)
    assert_same_numbers_and_gradients(
        module,
        layer,
        torch_weights.attention_from_torch,
        lambda x, m: module(relation, x, module.keys_values(m)),
        lambda x, m: layer(x, m, m, key_padding_mask=~MEMORY_THERE)[0],
        random(3, N, DIM),
        random(3, M, key_dim or DIM, seed=1),
    )


SELF_MASKS = {
    "none": (Complete(N), {}),
    "padding": (between(N, THERE), {"src_key_padding_mask": ~THERE}),
    "causal": (Complete(N, causal=True), {"src_mask": LATER}),
    "causal and padding": (
        between(N, THERE, causal=True),
        {"src_mask": LATER, "src_key_padding_mask": ~THERE},
    ),
}


@every_norm
@pytest.mark.parametrize(("relation", "masks"), SELF_MASKS.values(), ids=SELF_MASKS)
def test_encoder_layer(norm, relation, masks):
    dims, numbers, options = sizes(norm)
    layer, module = made(nn.TransformerEncoderLayer, *numbers, **options), EncoderLayer(dims)
    assert_same_numbers_and_gradients(
        module,
        layer,
        torch_weights.encoder_layer_from_torch,
        lambda x: module(relation, x),
        lambda x: layer(x, **masks),
        random(3, N, DIM),
    )


ACROSS = {
    "none": (lambda: Complete(N, M), {}),
    "padding": (lambda: between(N, MEMORY_THERE), {"memory_key_padding_mask": ~MEMORY_THERE}),
}


@every_norm
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize(("across", "masks"), ACROSS.values(), ids=ACROSS)
def test_decoder_layer(norm, causal, across, masks):
    dims, numbers, options = sizes(norm)
    layer, module = made(nn.TransformerDecoderLayer, *numbers, **options), DecoderLayer(dims)
    relation, own = Complete(N, causal=causal), {"tgt_mask": LATER} if causal else {}
    assert_same_numbers_and_gradients(
        module,
        layer,
        torch_weights.decoder_layer_from_torch,
        lambda x, m: module(relation, x, across(), module.memory_keys_values(m)),
        lambda x, m: layer(x, m, **own, **masks),
        random(3, N, DIM),
        random(3, M, DIM, seed=1),
    )


@every_norm
def test_the_attention_to_the_memory_is_that_of_torchs_layer(norm):
    dims, numbers, options = sizes(norm)
    layer, module = made(nn.TransformerDecoderLayer, *numbers, **options), DecoderLayer(dims).double()
    module.load_state_dict(torch_weights.decoder_layer_from_torch(layer.state_dict()))
    x, m, seen = random(3, N, DIM), random(3, M, DIM, seed=1), []
    layer.multihead_attn.register_forward_pre_hook(lambda _, inputs: seen.append(inputs))
    layer(x, m, tgt_mask=LATER)
    expected = layer.multihead_attn(*seen[0], average_attn_weights=False)[1].permute(0, 2, 3, 1)
    memory = module.memory_keys_values(m)
    found = module.memory_attention(Complete(N, causal=True), x, Complete(N, M), memory)
    torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-12)


# ---- what is refused -----------------------------------------------------------------------------------------------

IMPORTS = {
    "MultiheadAttention": (torch_weights.attention_from_torch, lambda: nn.MultiheadAttention(4, 2)),
    "TransformerEncoderLayer": (
        torch_weights.encoder_layer_from_torch,
        lambda: nn.TransformerEncoderLayer(4, 2, 3),
    ),
    "TransformerDecoderLayer": (
        torch_weights.decoder_layer_from_torch,
        lambda: nn.TransformerDecoderLayer(4, 2, 3),
    ),
}
every_import = pytest.mark.parametrize("name", IMPORTS)


@every_import
def test_keys_too_many_are_refused_by_name(name):
    convert, make = IMPORTS[name]
    with pytest.raises(ConfigError) as error:
        convert(make().state_dict() | {"bias_k": torch.zeros(1)})
    assert f"the weights of torch's {name} have unexpected bias_k" in str(error.value)


@every_import
def test_every_missing_key_is_named(name):
    convert, make = IMPORTS[name]
    for gone in make().state_dict():
        state = make().state_dict()
        del state[gone]
        with pytest.raises(ConfigError) as error:
            convert(state)
        assert f"the weights of torch's {name} have no {gone}\n" in str(error.value)
        assert f"expected: {', '.join(sorted(make().state_dict()))}" in str(error.value)


def test_keys_and_values_of_different_width_are_refused():
    state = nn.MultiheadAttention(4, 2, kdim=3, vdim=5).state_dict()
    with pytest.raises(ConfigError, match="keys of 3 features and values of 5\n  expected: the same number"):
        torch_weights.attention_from_torch(state)


def test_a_layer_without_biases_is_refused():
    state = nn.TransformerEncoderLayer(4, 2, 3, bias=False).state_dict()
    with pytest.raises(ConfigError, match=r"TransformerEncoderLayer have no linear1\.bias, linear2\.bias"):
        torch_weights.encoder_layer_from_torch(state)
