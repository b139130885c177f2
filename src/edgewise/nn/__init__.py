"""Weights on relations."""

from edgewise.nn.bag import Bag, BagLinear
from edgewise.nn.blocks import Dims, EdgeBlock, EncodeProcessDecode, GlobalBlock, GraphNetwork, NodeBlock
from edgewise.nn.graph import (
    AbstractionModel,
    EdgeNetwork,
    GraphAttention,
    GraphAttentionV2,
    GraphConvolution,
    InteractionNetwork,
    MessagePassing,
    PairMessage,
    TypedMessage,
)
from edgewise.nn.linear import PairLinear, PairMLP
from edgewise.nn.non_local import NonLocalBlock
from edgewise.nn.readout import AttentionReadout, GatedReadout, Set2Set, SumReadout

__all__ = [
    "AbstractionModel",
    "AttentionReadout",
    "Bag",
    "BagLinear",
    "Dims",
    "EdgeBlock",
    "EdgeNetwork",
    "EncodeProcessDecode",
    "GatedReadout",
    "GlobalBlock",
    "GraphAttention",
    "GraphAttentionV2",
    "GraphConvolution",
    "GraphNetwork",
    "InteractionNetwork",
    "MessagePassing",
    "NodeBlock",
    "NonLocalBlock",
    "PairLinear",
    "PairMLP",
    "PairMessage",
    "Set2Set",
    "SumReadout",
    "TypedMessage",
]
