"""Graph convolution (Kipf & Welling 2017)."""

import torch
from torch import Tensor, nn

from edgewise.errors import ConfigError
from edgewise.relation import Relation


def check_width(layer: str, nodes: Tensor, expected: int) -> None:
    """Refuse nodes of another width than a layer was made for.

    Raises:
        ConfigError: naming both widths.
    """
    if nodes.shape[-1] != expected:
        raise ConfigError(
            f"{layer} was given nodes with {nodes.shape[-1]} features",
            expected=f"{expected}, as it was made for",
        )


def propagate(relation: Relation, nodes: Tensor, weights: Tensor | None = None) -> Tensor:
    """Symmetrically normalised propagation D_r^-1/2 A D_s^-1/2 H (Kipf & Welling 2017, eq. 2, without W).

    The nodes are scaled before and after they are summed, so no normalised edge weight is ever built. A node without
    edges on one side has the degree 0 there, and its factor is 0.

    Args:
        relation: A, with the self-loops that it is meant to have (`Sparse.with_loops`).
        nodes: H [..., n_nodes, d].
        weights: [..., *layout, 1] of a weighted adjacency, whose degrees are sums of weights; None for 1.

    Returns: [..., n_nodes, d].
    """
    if weights is None:
        received, sent = relation.in_degrees[..., None], relation.out_degrees[..., None]
    else:
        received = relation.sum(weights)
        sent = relation.reverse().sum(relation.reverse_edges(weights))
    return _factor(received, nodes) * relation.sum_senders(_factor(sent, nodes) * nodes, weights)


def _factor(degrees: Tensor, like: Tensor) -> Tensor:
    degrees = degrees.to(like)
    return torch.where(degrees > 0, degrees, 1).rsqrt() * (degrees > 0)


class GraphConvolution(nn.Module):
    """The layer of a GCN:  H' = D^-1/2 A D^-1/2 H W (+ b).

    Kipf & Welling (2017), eq. 2. Propagation and W commute; the narrower side is propagated. Glorot uniform weights.

    Args:
        in_dim, out_dim: features of a node before and after.
        bias: the paper's code has none.

    Shapes: nodes [..., n_nodes, in_dim] -> [..., n_nodes, out_dim]; see `propagate` for relation and weights.
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
