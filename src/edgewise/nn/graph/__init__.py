"""Graph networks' layers: convolution, attention, message passing."""

from edgewise.nn.graph.gat import AdditiveAttention, GraphAttention, GraphAttentionV2
from edgewise.nn.graph.gcn import GraphConvolution, propagate
from edgewise.nn.graph.mpnn import EdgeNetwork, MessagePassing, PairMessage, TypedMessage

__all__ = [
    "AdditiveAttention",
    "EdgeNetwork",
    "GraphAttention",
    "GraphAttentionV2",
    "GraphConvolution",
    "MessagePassing",
    "PairMessage",
    "TypedMessage",
    "propagate",
]
