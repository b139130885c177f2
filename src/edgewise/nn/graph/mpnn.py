"""Message passing (Gilmer et al. 2017): messages as parts to choose from, one tied update."""

from typing import Protocol

import torch
from torch import Tensor, nn

from edgewise.errors import ConfigError
from edgewise.nn.linear import PairMLP
from edgewise.nn.widths import check_edges, check_width
from edgewise.relation import Relation


class Message(Protocol):
    """What each node receives in a step: m_v = sum over w -> v of M(h_v, h_w, e_vw)."""

    def __call__(self, relation: Relation, nodes: Tensor, edges: Tensor | None) -> Tensor:
        """[..., n_nodes, d], [..., *layout, edge_dim] -> [..., n_nodes, message_dim]."""
        ...


class TypedMessage(nn.Module):
    """A matrix a type of edge (GGNN, Li et al. 2016):  m_v = sum over w -> v of sum_k z_k(e_vw) A_k h_w.

    With one-hot edges z this is A_{type} h_w; any other numbers mix the matrices. Summed as
    sum_k A_k (sum over w -> v of z_k h_w): no matrix an edge.

    Args:
        n_types: matrices, the width of an edge; in_dim, out_dim: features of a node and of the message.

    Raises:
        ConfigError: for nodes or edges of another width.
    """

    def __init__(self, n_types: int, in_dim: int, out_dim: int) -> None:
        super().__init__()
        self.matrices = nn.Parameter(torch.empty(n_types, in_dim, out_dim))
        for matrix in self.matrices.detach():
            nn.init.xavier_uniform_(matrix)

    def forward(self, relation: Relation, nodes: Tensor, edges: Tensor | None) -> Tensor:
        check_width("TypedMessage", nodes, self.matrices.shape[1])
        edges = check_edges("TypedMessage", edges, self.matrices.shape[0])
        return relation.mix_senders(edges, nodes, self.matrices)


class EdgeNetwork(nn.Module):
    """The edge network of Gilmer et al. (2017), section 5.1, with one hidden layer:

        m_v = sum over w -> v of A(e_vw) h_w,    A(e) = sum_k z_k(e) B_k,    z(e) = [ReLU(V e + c); 1]

    The last layer of the network that gives A is linear, so A is a mix of K + 1 matrices (B of the constant 1 is its
    bias) and the sum can be taken first: M_v = sum over w -> v of z(e_vw) h_w^T, then one product with all B_k
    (`Relation.mix_senders`). Memory grows with K + in_dim an edge, not with in_dim * out_dim.

    Args:
        edge_dim: features of an edge; in_dim, out_dim: features of a node and of the message.
        hidden: K, units of the hidden layer; 0 for A linear in e itself.

    Raises:
        ConfigError: for nodes or edges of another width.
    """

    def __init__(self, edge_dim: int, in_dim: int, out_dim: int, hidden: int = 64) -> None:
        super().__init__()
        self.edge_dim = edge_dim
        self.network = nn.Sequential(nn.Linear(edge_dim, hidden), nn.ReLU()) if hidden else nn.Identity()
        self.matrices = nn.Parameter(torch.empty((hidden or edge_dim) + 1, in_dim, out_dim))
        bound = (6 / ((in_dim + out_dim) * len(self.matrices))) ** 0.5  # A(e) about as large as Glorot has it
        nn.init.uniform_(self.matrices, -bound, bound)

    def forward(self, relation: Relation, nodes: Tensor, edges: Tensor | None) -> Tensor:
        check_width("EdgeNetwork", nodes, self.matrices.shape[1])
        hidden = self.network(check_edges("EdgeNetwork", edges, self.edge_dim))
        mixed = relation.mix_senders(hidden, nodes, self.matrices[:-1])
        return mixed + relation.sum_senders(nodes) @ self.matrices[-1]


class PairMessage(nn.Module):
    """The message of an interaction network (Battaglia et al. 2016):  m_v = sum over w -> v of MLP(h_v, h_w, e_vw).

    Args:
        node_dim, edge_dim: features of a node and of an edge (0 for edges without attributes).
        hidden: units of the hidden layer; out_dim: features of the message.

    Raises:
        ConfigError: for nodes or edges of another width.
    """

    def __init__(self, node_dim: int, edge_dim: int, out_dim: int, hidden: int = 64) -> None:
        super().__init__()
        self.node_dim, self.edge_dim = node_dim, edge_dim
        self.mlp = PairMLP((hidden, out_dim), receiver_dim=node_dim, sender_dim=node_dim, edge_dim=edge_dim)

    def forward(self, relation: Relation, nodes: Tensor, edges: Tensor | None) -> Tensor:
        check_width("PairMessage", nodes, self.node_dim)
        read = check_edges("PairMessage", edges, self.edge_dim) if self.edge_dim else None
        return self.mlp.summed(relation, nodes, nodes, read)


class MessagePassing(nn.Module):
    """So many steps of  h^(t+1) = GRU(m^(t+1), h^t)  with the same message function and the same GRU in each.

    Gilmer et al. (2017), eq. 1-2, with the update of Li et al. (2016).

    Args:
        message: what a node receives (a `Message`); message_dim: its features, `dim` if not given.
        dim: features of a node's state; steps: T.

    Shapes: nodes [..., n_nodes, dim] -> the same.

    Raises:
        ConfigError: for less than one step, or nodes of another width.
    """

    def __init__(self, message: nn.Module, dim: int, steps: int, message_dim: int | None = None) -> None:
        super().__init__()
        if steps < 1:
            raise ConfigError(f"{steps} steps of message passing", expected="at least 1")
        self.message, self.steps = message, steps
        self.update = nn.GRUCell(dim if message_dim is None else message_dim, dim)

    def forward(self, relation: Relation, nodes: Tensor, edges: Tensor | None = None) -> Tensor:
        dim = self.update.hidden_size
        check_width("MessagePassing", nodes, dim)
        for _ in range(self.steps):
            received = self.message(relation, nodes, edges)
            lead = received.shape[:-1]  # edges may have leading dimensions that the nodes have not
            state = self.update(received.flatten(0, -2), nodes.expand(*lead, -1).flatten(0, -2))
            nodes = state.reshape(*lead, dim)
        return nodes
