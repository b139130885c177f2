"""Weights of torch's attention and Transformer layers, renamed and joined for ours.

Each function takes the `state_dict()` of torch's layer and returns what `load_state_dict` of ours takes:

    nn.MultiheadAttention        attention_from_torch      MultiHeadAttention (bias=, key_dim=kdim)
    nn.TransformerEncoderLayer   encoder_layer_from_torch  EncoderLayer
    nn.TransformerDecoderLayer   decoder_layer_from_torch  DecoderLayer

torch's `norm_first` is our `norm="pre"`; both begin with layer_norm_eps = eps = 1e-5 and ReLU. The layers give the same
numbers, but torch's masks are True where something is hidden, ours (`edgewise.relation.between`) where it is there.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from edgewise.errors import ConfigError
from edgewise.nn.foreign_weights import State, check_keys

PACKED = {"in_proj_weight"}
APART = {"q_proj_weight", "k_proj_weight", "v_proj_weight"}
OUTER = {"out_proj.weight"}
BIASES = {"in_proj_bias", "out_proj.bias"}


def attention_from_torch(state_dict: Mapping[str, Tensor]) -> State:
    """Of `nn.MultiheadAttention` without `add_zero_attn`, keys and values of one width, for `MultiHeadAttention`.

    Raises:
        ConfigError: for keys that are not its own, those of `add_bias_kv` among them; for keys and values of different
            widths.
    """
    apart = "q_proj_weight" in state_dict
    biased = BIASES if BIASES & set(state_dict) else set()
    check_keys("torch's MultiheadAttention", state_dict, (APART if apart else PACKED) | OUTER | biased)
    if apart:
        query, key, value = (state_dict[f"{part}_proj_weight"] for part in "qkv")
    else:
        query, key, value = state_dict["in_proj_weight"].chunk(3)
    if key.shape != value.shape:
        raise ConfigError(
            f"torch's MultiheadAttention has keys of {key.shape[1]} features and values of {value.shape[1]}",
            expected="the same number: ours come from one memory",
        )
    ours = {"query.weight": query, "key_value.weight": torch.cat([key, value])}
    if biased:
        bias = state_dict["in_proj_bias"]
        ours |= {"query.bias": bias[: len(query)], "key_value.bias": bias[len(query) :]}
    outer = {"out.weight": "out_proj.weight", "out.bias": "out_proj.bias"}
    return ours | {name: state_dict[theirs] for name, theirs in outer.items() if theirs in state_dict}


ENCODER_NAMES = {
    "self_attn": "attention",
    "linear1": "feed_forward.hidden",
    "linear2": "feed_forward.out",
    "norm1": "around_attention.norm",
    "norm2": "around_feed_forward.norm",
}
"""Parts of torch's layer, and of ours."""
DECODER_NAMES = ENCODER_NAMES | {
    "multihead_attn": "cross_attention",
    "norm2": "around_cross_attention.norm",
    "norm3": "around_feed_forward.norm",
}


def _layer(kind: str, state: Mapping[str, Tensor], names: Mapping[str, str]) -> State:
    inner = PACKED | OUTER | BIASES
    needed = {f"{part}.{key}" for part in names for key in (inner if "attn" in part else ("weight", "bias"))}
    check_keys(f"torch's {kind}", state, needed)
    ours: State = {}
    for part, own in names.items():
        values = {key.removeprefix(f"{part}."): v for key, v in state.items() if key.startswith(f"{part}.")}
        values = attention_from_torch(values) if "attn" in part else values
        ours |= {f"{own}.{key}": value for key, value in values.items()}
    return ours


def encoder_layer_from_torch(state_dict: Mapping[str, Tensor]) -> State:
    """Of `nn.TransformerEncoderLayer(activation="relu")`, for `EncoderLayer` without relative positions.

    Raises:
        ConfigError: for keys that are not its own, or a layer without biases.
    """
    return _layer("TransformerEncoderLayer", state_dict, ENCODER_NAMES)


def decoder_layer_from_torch(state_dict: Mapping[str, Tensor]) -> State:
    """Of `nn.TransformerDecoderLayer(activation="relu")`, for `DecoderLayer` without relative positions.

    Raises:
        ConfigError: for keys that are not its own, or a layer without biases.
    """
    return _layer("TransformerDecoderLayer", state_dict, DECODER_NAMES)
