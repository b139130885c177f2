"""From nodes to graphs: every readout is an aggregation over the relation node -> graph (`relation.graphs`)."""

from typing import get_args

import torch
from torch import Tensor, nn

from edgewise.errors import ConfigError
from edgewise.nn.widths import check_width
from edgewise.relation import Sparse
from edgewise.relation.base import Aggregation


class SumReadout(nn.Module):
    """The sum, mean or maximum of a graph's nodes: [..., n_nodes, d] -> [..., n_graphs, d]; 0 without nodes.

    Args:
        by: "sum", "mean" or "max".

    Raises:
        ConfigError: for another aggregation.
    """

    def __init__(self, by: Aggregation = "sum") -> None:
        super().__init__()
        if by not in get_args(Aggregation):
            raise ConfigError(f"a readout by {by!r}", expected="sum, mean or max")
        self.by = by

    def forward(self, graphs: Sparse, nodes: Tensor) -> Tensor:
        return getattr(graphs, self.by)(nodes)


class AttentionReadout(nn.Module):
    """A weighted sum whose weights are a softmax over the graph's nodes:

        out_g = sum over v in g of softmax_v(a . h_v) (W h_v + b)

    (Vinyals et al. 2015 with one step and a fixed query.)

    Shapes: nodes [..., n_nodes, dim] -> [..., n_graphs, out_dim]; 0 for a graph without nodes.

    Raises:
        ConfigError: for nodes of another width.
    """

    def __init__(self, dim: int, out_dim: int) -> None:
        super().__init__()
        self.score, self.value = nn.Linear(dim, 1), nn.Linear(dim, out_dim)

    def forward(self, graphs: Sparse, nodes: Tensor) -> Tensor:
        weights = self.attention(graphs, nodes)
        return graphs.sum_senders(self.value(nodes), weights)

    def attention(self, graphs: Sparse, nodes: Tensor) -> Tensor:
        """How much each node counts in its graph: [..., n_nodes, 1], summing to 1 over a graph's nodes."""
        check_width("AttentionReadout", nodes, self.score.in_features)
        return graphs.softmax(self.score(nodes))


class GatedReadout(nn.Module):
    """The readout of gated graph networks:  R = sum_v sigmoid(i(h_v^T, h_v^0)) * j(h_v^T).

    Gilmer et al. (2017), eq. 4 (Li et al. 2016, eq. 7), i and j with one hidden layer.

    Shapes: nodes h^T [..., n_nodes, dim], initial h^0 [..., n_nodes, initial_dim] -> [..., n_graphs, out_dim];
    0 for a graph without nodes.

    Raises:
        ConfigError: for nodes or initial nodes of another width.
    """

    def __init__(self, dim: int, initial_dim: int, out_dim: int, hidden: int = 64) -> None:
        super().__init__()
        self.dim, self.initial_dim = dim, initial_dim
        self.gate = nn.Sequential(nn.Linear(dim + initial_dim, hidden), nn.ReLU(), nn.Linear(hidden, out_dim))
        self.value = nn.Sequential(nn.Linear(dim, hidden), nn.ReLU(), nn.Linear(hidden, out_dim))

    def forward(self, graphs: Sparse, nodes: Tensor, initial: Tensor) -> Tensor:
        check_width("GatedReadout", nodes, self.dim)
        check_width("the gate of GatedReadout", initial, self.initial_dim)
        return graphs.sum(torch.sigmoid(self.gate(torch.cat([nodes, initial], -1))) * self.value(nodes))


class Set2Set(nn.Module):
    """The order-invariant readout of Vinyals et al. (2015, section 4.2, eq. 3-7); so many steps of

        q_t = LSTM(q*_{t-1}),   a_v = softmax over v in g of h_v . q_t,   r_t = sum_v a_v h_v,   q*_t = [q_t; r_t]

    Args:
        dim: features of a node; steps: processing steps; layers: of the LSTM.

    Shapes: nodes [..., n_nodes, dim] -> [..., n_graphs, 2 dim]; r is 0 for a graph without nodes.

    Raises:
        ConfigError: for nodes of another width.
    """

    def __init__(self, dim: int, steps: int, layers: int = 1) -> None:
        super().__init__()
        self.dim, self.steps = dim, steps
        self.lstm = nn.LSTM(2 * dim, dim, layers)

    def forward(self, graphs: Sparse, nodes: Tensor) -> Tensor:
        check_width("Set2Set", nodes, self.dim)
        lead, state = (*nodes.shape[:-2], graphs.n_receivers), None
        out = nodes.new_zeros(*lead, 2 * self.dim)
        for _ in range(self.steps):
            hidden, state = self.lstm(out.flatten(0, -2)[None], state)
            query = hidden.reshape(*lead, self.dim)
            attended = graphs.sum_senders(nodes, graphs.softmax(graphs.dot(query, nodes)))
            out = torch.cat([query, attended], -1)
        return out
