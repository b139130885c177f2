"""Graph networks' layers: convolution, attention, message passing, interaction networks."""

from edgewise.nn.graph.gat import AdditiveAttention, GraphAttention, GraphAttentionV2
from edgewise.nn.graph.gcn import GraphConvolution, propagate
from edgewise.nn.graph.interaction import AbstractionModel, InteractionNetwork
from edgewise.nn.graph.mpnn import EdgeNetwork, MessagePassing, PairMessage, TypedMessage

__all__ = [
    "AbstractionModel",
    "AdditiveAttention",
    "EdgeNetwork",
    "GraphAttention",
    "GraphAttentionV2",
    "GraphConvolution",
    "InteractionNetwork",
    "MessagePassing",
    "PairMessage",
    "TypedMessage",
    "propagate",
]
