"""Weights of PyTorch Geometric's layers, renamed and reshaped for ours.

Each function takes the `state_dict()` of PyG's layer and returns what `load_state_dict` of ours takes:

    GCNConv(bias=True or False)   gcn_from_pyg      GraphConvolution
    GATConv                       gat_from_pyg      GraphAttention (average=True for concat=False)
    GATv2Conv(concat=True)        gatv2_from_pyg    GraphAttentionV2
    NNConv(root_weight=False)     nnconv_from_pyg   EdgeNetwork
    Set2Set                       set2set_from_pyg  Set2Set

PyG adds self-loops in the layer; ours take a relation that has them (`Sparse.with_loops`).
"""

import re
from collections.abc import Mapping

from torch import Tensor

from edgewise.errors import ConfigError
from edgewise.nn.foreign_weights import State, check_keys


def _renamed(state: Mapping[str, Tensor], names: Mapping[str, str]) -> State:
    return {ours: state[theirs] for theirs, ours in names.items() if theirs in state}


def gcn_from_pyg(state_dict: Mapping[str, Tensor]) -> State:
    """Of `GCNConv`, for `GraphConvolution(in_dim, out_dim, bias=...)`.

    On a directed graph the two layers differ: PyG normalises both ends by in-degrees, ours senders by out-degrees.

    Raises:
        ConfigError: for keys that are not GCNConv's.
    """
    check_keys("PyG's GCNConv", state_dict, {"lin.weight"}, {"bias"})
    return _renamed(state_dict, {"lin.weight": "linear.weight", "bias": "bias"})


def gat_from_pyg(state_dict: Mapping[str, Tensor]) -> State:
    """Of `GATConv` for one set of nodes and no edge attributes, for `GraphAttention`.

    Raises:
        ConfigError: for keys that are not GATConv's, those of edge attributes and of a residual among them.
    """
    check_keys("PyG's GATConv", state_dict, {"lin.weight", "att_src", "att_dst"}, {"bias"})
    ours = _renamed(state_dict, {"lin.weight": "linear.weight", "bias": "bias"})
    return ours | {"core.receiver": state_dict["att_dst"][0], "core.sender": state_dict["att_src"][0]}


def gatv2_from_pyg(state_dict: Mapping[str, Tensor]) -> State:
    """Of `GATv2Conv` with heads side by side and weights of their own for both ends, for `GraphAttentionV2`.

    Raises:
        ConfigError: for keys that are not GATv2Conv's, those of edge attributes and of a residual among them.
    """
    weights = {"lin_l.weight": "sender.weight", "lin_r.weight": "receiver.weight"}
    biases = {"lin_l.bias": "sender.bias", "lin_r.bias": "receiver.bias", "bias": "bias"}
    check_keys("PyG's GATv2Conv", state_dict, {"att", *weights}, biases)
    return _renamed(state_dict, weights | biases) | {"vector": state_dict["att"][0]}


def nnconv_from_pyg(state_dict: Mapping[str, Tensor], in_dim: int) -> State:
    """Of `NNConv(aggr="add", root_weight=False, bias=False)` whose network is Linear, ReLU, Linear (or one Linear),
    for `EdgeNetwork` (with `hidden=0` for one Linear).

    Args:
        state_dict: of the layer; in_dim: features of a node, which the shapes alone do not tell.

    Raises:
        ConfigError: for keys of another network, of a root weight or of a bias; for an in_dim that does not fit.
    """
    one = {"nn.weight", "nn.bias"}
    two = {"nn.0.weight", "nn.0.bias", "nn.2.weight", "nn.2.bias"}
    linear = "nn.weight" in state_dict
    check_keys("PyG's NNConv", state_dict, one if linear else two, ())
    last = "nn" if linear else "nn.2"
    weight, bias = state_dict[f"{last}.weight"], state_dict[f"{last}.bias"]
    if in_dim < 1 or len(bias) % in_dim:
        raise ConfigError(
            f"in_dim is {in_dim}, and the network of PyG's NNConv gives {len(bias)} numbers",
            expected="a divisor: the network gives in_dim * out_dim numbers an edge",
        )
    matrices = weight.new_empty(weight.shape[1] + 1, in_dim, len(bias) // in_dim)
    matrices[:-1] = weight.T.unflatten(-1, matrices.shape[1:])
    matrices[-1] = bias.unflatten(0, matrices.shape[1:])
    first = {"nn.0.weight": "network.0.weight", "nn.0.bias": "network.0.bias"}
    return _renamed(state_dict, first) | {"matrices": matrices}


def set2set_from_pyg(state_dict: Mapping[str, Tensor]) -> State:
    """Of `Set2Set`, for our `Set2Set` with as many LSTM layers: the names are the same.

    Raises:
        ConfigError: for keys that are not an LSTM's.
    """
    numbers = [int(at[1]) for key in state_dict if (at := re.fullmatch(r"lstm\.bias_hh_l(\d+)", key))]
    layers = range(max(numbers, default=0) + 1)
    kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    check_keys("PyG's Set2Set", state_dict, {f"lstm.{kind}_l{at}" for kind in kinds for at in layers}, ())
    return dict(state_dict)
