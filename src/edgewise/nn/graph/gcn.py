"""Graph convolution (Kipf & Welling 2017)."""

import torch
from torch import Tensor, nn

from edgewise.nn.widths import check_width
from edgewise.relation import Relation


def propagate(relation: Relation, nodes: Tensor, weights: Tensor | None = None) -> Tensor:
    """Symmetrically normalised propagation D_r^-1/2 A D_s^-1/2 H (Kipf & Welling 2017, eq. 2, without W).

    Each end has a factor, so no normalised edge weight is ever built. A node without edges on one side has the degree
    0 there, and its factor is 0. On a directed graph a sender counts its out-edges and a receiver its in-edges.

    Args:
        relation: A, with the self-loops that it is meant to have (`Sparse.with_loops`).
        nodes: H [..., n_nodes, d].
        weights: [..., *layout, 1] of a weighted adjacency, 0 or more, whose degrees are sums of weights; None for 1.

    Returns: [..., n_nodes, d].
    """
    if weights is None:
        received, sent = _factor(relation.in_degrees, nodes), _factor(relation.out_degrees, nodes)
        return relation.propagate(nodes, received, sent)
    received = _factor(relation.sum(weights), nodes)
    sent = _factor(relation.reverse().sum(relation.reverse_edges(weights)), nodes)
    return received * relation.sum_senders(sent * nodes, weights)


def _factor(degrees: Tensor, like: Tensor) -> Tensor:
    degrees = degrees.to(like)
    there = degrees > 0
    one_for_none = torch.where(there, degrees, 1)  # the root of 0 would make gradients NaN
    return one_for_none.rsqrt() * there


class GraphConvolution(nn.Module):
    """The layer of a GCN:  H' = D^-1/2 A D^-1/2 H W (+ b).

    Kipf & Welling (2017), eq. 2. Propagation and W commute; the narrower side is propagated. Glorot uniform weights.

    Args:
        in_dim, out_dim: features of a node before and after.
        bias: the paper's code has none.

    Shapes: nodes [..., n_nodes, in_dim] -> [..., n_nodes, out_dim]; see `propagate` for relation and weights.

    Raises:
        ConfigError: for nodes of another width.
    """

    def __init__(self, in_dim: int, out_dim: int, *, bias: bool = False) -> None:
        super().__init__()
        self.linear = nn.Linear(in_dim, out_dim, bias=False)
        self.bias = nn.Parameter(torch.zeros(out_dim)) if bias else None
        nn.init.xavier_uniform_(self.linear.weight)

    def forward(self, relation: Relation, nodes: Tensor, weights: Tensor | None = None) -> Tensor:
        check_width("GraphConvolution", nodes, self.linear.in_features)
        if self.linear.out_features <= self.linear.in_features:
            out = propagate(relation, self.linear(nodes), weights)
        else:
            out = self.linear(propagate(relation, nodes, weights))
        return out if self.bias is None else out + self.bias
