"""From nodes to graphs: every readout is an aggregation over the relation node -> graph (`relation.graphs`)."""

import torch
from torch import Tensor, nn

from edgewise.relation import Sparse


class SumReadout(nn.Module):
    """The sum, mean or maximum of a graph's nodes: [..., n_nodes, d] -> [..., n_graphs, d].

    Args:
        by: "sum", "mean" or "max".
    """

    def __init__(self, by: str = "sum") -> None:
        super().__init__()
        self.by = by

    def forward(self, graphs: Sparse, nodes: Tensor) -> Tensor:
        return getattr(graphs, self.by)(nodes)


class AttentionReadout(nn.Module):
    """A weighted sum whose weights are a softmax over the graph's nodes:

        out_g = sum over v in g of softmax_v(a . h_v) (W h_v + b)

    (Vinyals et al. 2015 with one step and a fixed query.)

    Shapes: nodes [..., n_nodes, dim] -> [..., n_graphs, out_dim]; 0 for a graph without nodes.
    """

    def __init__(self, dim: int, out_dim: int) -> None:
        super().__init__()
        self.score, self.value = nn.Linear(dim, 1), nn.Linear(dim, out_dim)

    def forward(self, graphs: Sparse, nodes: Tensor) -> Tensor:
        return graphs.sum_senders(self.value(nodes), self.attention(graphs, nodes))

    def attention(self, graphs: Sparse, nodes: Tensor) -> Tensor:
        """How much each node counts in its graph: [..., n_nodes, 1]."""
        return graphs.softmax(self.score(nodes))


class GatedReadout(nn.Module):
    """The readout of gated graph networks:  R = sum_v sigmoid(i(h_v^T, h_v^0)) * j(h_v^T).

    Gilmer et al. (2017), eq. 4 (Li et al. 2016, eq. 7), i and j with one hidden layer.

    Shapes: nodes h^T [..., n_nodes, dim], initial h^0 [..., n_nodes, initial_dim] -> [..., n_graphs, out_dim].
    """

    def __init__(self, dim: int, initial_dim: int, out_dim: int, hidden: int = 64) -> None:
        super().__init__()
        self.gate = nn.Sequential(nn.Linear(dim + initial_dim, hidden), nn.ReLU(), nn.Linear(hidden, out_dim))
        self.value = nn.Sequential(nn.Linear(dim, hidden), nn.ReLU(), nn.Linear(hidden, out_dim))

    def forward(self, graphs: Sparse, nodes: Tensor, initial: Tensor) -> Tensor:
        return graphs.sum(torch.sigmoid(self.gate(torch.cat([nodes, initial], -1))) * self.value(nodes))


class Set2Set(nn.Module):
    """The order-invariant readout of Vinyals et al. (2015), eq. 3-7; so many steps of

        q_t = LSTM(q*_{t-1}),   a_v = softmax over v in g of h_v . q_t,   r_t = sum_v a_v h_v,   q*_t = [q_t; r_t]

    Args:
        dim: features of a node; steps: processing steps; layers: of the LSTM.

    Shapes: nodes [n_nodes, dim] -> [n_graphs, 2 dim]; r is 0 for a graph without nodes.
    """

    def __init__(self, dim: int, steps: int, layers: int = 1) -> None:
        super().__init__()
        self.dim, self.steps = dim, steps
        self.lstm = nn.LSTM(2 * dim, dim, layers)

    def forward(self, graphs: Sparse, nodes: Tensor) -> Tensor:
        state = None
        out = nodes.new_zeros(graphs.n_receivers, 2 * self.dim)
        for _ in range(self.steps):
            query, state = self.lstm(out[None], state)
            attended = graphs.sum_senders(nodes, graphs.softmax(graphs.dot(query[0], nodes)))
            out = torch.cat([query[0], attended], -1)
        return out
