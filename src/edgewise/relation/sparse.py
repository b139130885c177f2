"""A list of edges, kept sorted by receiver, with the order by sender beside it."""

from dataclasses import dataclass, field, replace
from typing import Self

import torch
from torch import Tensor

from edgewise.errors import ConfigError
from edgewise.relation import csr
from edgewise.relation.additive import additive_attention
from edgewise.relation.base import Relation
from edgewise.relation.mix import mix_senders


def checked_index(name: str, index: Tensor, n_nodes: int) -> None:
    """Refuse an index of nodes that is not int64, not 1-d, or out of range.

    Raises:
        ConfigError: naming the first wrong entry.
    """
    if index.dtype != torch.int64 or index.dim() != 1:
        raise ConfigError(
            f"{name} is a {index.dim()}-d tensor of {index.dtype}", expected="a 1-d tensor of torch.int64"
        )
    wrong = (index < 0) | (index >= n_nodes)
    if wrong.any():
        at = int(wrong.nonzero()[0])
        raise ConfigError(
            f"{name}[{at}] is {int(index[at])}",
            expected=f"a node number from 0 to {n_nodes - 1}" if n_nodes else "no edge: there are no nodes",
        )


def pointers_of(sorted_index: Tensor, n_nodes: int) -> Tensor:
    """Where each node's stretch of a sorted index begins, and where the last one ends: [n_nodes + 1] int64."""
    return torch.searchsorted(sorted_index, torch.arange(n_nodes + 1, device=sorted_index.device))


@dataclass(frozen=True, eq=False)
class Sparse(Relation):
    """A relation given by its edges; the layout is `[edge]`, sorted by receiver (then by the order given).

    Parallel edges and self-loops are edges like any other.

    Args:
        senders: [n_edges] int64, the node that acts.
        receivers: [n_edges] int64, the node that is acted upon.
        n_receivers: number of receiving nodes.
        n_senders: number of sending nodes; the same as `n_receivers` if -1.
        node_counts: [n_graphs] int64, how many nodes each graph of a disjoint union has, in order; None for one graph.

    The rest is derived (and taken as it is when given, as by `replace`):

        order            [n_edges], from the edges as given to the edges as kept: `given[order]` is in this layout
        pointers         [n_receivers + 1], the edges pointers[i] to pointers[i + 1] are those into receiver i
        sender_order     [n_edges], the edges of the layout in the order of their senders
        sender_pointers  [n_senders + 1], the same for sender_order
        sender_receivers [n_edges], the receivers in sender_order

    Raises:
        ConfigError: for indices that are not int64, not 1-d, of different length, or out of range; for node counts
            that do not add up, or an edge between two graphs.
    """

    senders: Tensor
    receivers: Tensor
    n_receivers: int
    n_senders: int = -1
    node_counts: Tensor | None = None
    present: Tensor | None = None
    node_mask: Tensor | None = None
    order: Tensor = field(default=None, repr=False)  # pyright: ignore[reportAssignmentType]
    pointers: Tensor = field(default=None, repr=False)  # pyright: ignore[reportAssignmentType]
    sender_order: Tensor = field(default=None, repr=False)  # pyright: ignore[reportAssignmentType]
    sender_pointers: Tensor = field(default=None, repr=False)  # pyright: ignore[reportAssignmentType]
    sender_receivers: Tensor = field(default=None, repr=False)  # pyright: ignore[reportAssignmentType]

    def __post_init__(self) -> None:
        if self.n_senders == -1:
            object.__setattr__(self, "n_senders", self.n_receivers)
        if self.pointers is not None:
            return
        checked_index("senders", self.senders, self.n_senders)
        checked_index("receivers", self.receivers, self.n_receivers)
        if len(self.senders) != len(self.receivers):
            raise ConfigError(
                f"{len(self.senders)} senders and {len(self.receivers)} receivers",
                expected="one of each for every edge",
            )
        order = self.receivers.argsort(dim=0, stable=True)
        senders, receivers = self.senders[order], self.receivers[order]
        sender_order = senders.argsort(dim=0, stable=True)
        derived = {
            "order": order,
            "senders": senders,
            "receivers": receivers,
            "pointers": pointers_of(receivers, self.n_receivers),
            "sender_order": sender_order,
            "sender_pointers": pointers_of(senders[sender_order], self.n_senders),
            "sender_receivers": receivers[sender_order],
        }
        for name, value in derived.items():
            object.__setattr__(self, name, value)
        self._check_union()

    def _check_union(self) -> None:
        if self.node_counts is None:
            return
        total = int(self.node_counts.sum())
        if (
            total != self.n_receivers
            or self.n_senders != self.n_receivers
            or bool((self.node_counts < 0).any())
        ):
            raise ConfigError(
                f"n_node {self.node_counts.tolist()} adds up to {total}",
                expected=f"one count a graph, together the {self.n_receivers} nodes",
            )
        graph = torch.arange(len(self.node_counts)).repeat_interleave(self.node_counts)
        across = graph[self.senders] != graph[self.receivers]
        if across.any():
            at = int(across.nonzero()[0])
            sender, receiver = int(self.senders[at]), int(self.receivers[at])
            raise ConfigError(
                f"an edge joins node {sender} of graph {int(graph[sender])} to node {receiver} of graph "
                f"{int(graph[receiver])}",
                expected="edges within a graph",
                fix="check n_node, and that node numbers count on from graph to graph",
            )

    # ---- structure -------------------------------------------------------------------------------------------------

    @property
    def n_edges(self) -> int:
        return self.senders.shape[0]

    @property
    def layout(self) -> tuple[int]:
        return (self.n_edges,)

    @property
    def rows(self) -> csr.Rows:
        """The in-edges of each receiver."""
        return csr.Rows(self.pointers, self.senders)

    @property
    def columns(self) -> csr.Rows:
        """The out-edges of each sender."""
        return csr.Rows(self.sender_pointers, self.sender_receivers, self.sender_order)

    @property
    def in_degrees(self) -> Tensor:
        if self.present is None:
            return self.pointers.diff()
        return self._sum(self.present[..., None].double())[..., 0].long()

    @property
    def out_degrees(self) -> Tensor:
        if self.present is None:
            return self.sender_pointers.diff()
        return self.reverse().in_degrees

    def with_masks(self, present: Tensor | None, node_mask: Tensor | None) -> Self:
        return replace(self, present=present, node_mask=node_mask)

    def with_loops(self) -> "Sparse":
        """An edge more from every node to itself.

        Attributes follow by `order`, for which the edges as given are the n loops, then the edges in this relation's
        layout: `torch.cat([of_loops, of_edges])[looped.order]`.

        Raises:
            ConfigError: for two sets of nodes, or a relation with a mask.
        """
        if self.n_senders != self.n_receivers or self.present is not None:
            raise ConfigError(
                f"loops for {self.n_senders} senders and {self.n_receivers} receivers"
                f"{' under a mask' if self.present is not None else ''}",
                expected="one set of nodes, and no mask",
            )
        nodes = torch.arange(self.n_receivers, device=self.senders.device)
        return Sparse(
            torch.cat([nodes, self.senders]),
            torch.cat([nodes, self.receivers]),
            self.n_receivers,
            node_counts=self.node_counts,
        )

    def to_sparse(self) -> "Sparse":
        return self

    def edges_to_sparse(self, edges: Tensor) -> Tensor:
        return edges

    def reverse(self) -> "Sparse":
        present = None if self.present is None else self.present[..., self.sender_order]
        back = self.sender_order.argsort(dim=0)  # from this layout to the places of the reverse one
        return Sparse(
            self.sender_receivers,
            self.senders[self.sender_order],
            self.n_senders,
            self.n_receivers,
            self.node_counts,
            present,
            self.node_mask,
            order=self.sender_order,
            pointers=self.sender_pointers,
            sender_order=back,
            sender_pointers=self.pointers,
            sender_receivers=self.senders,
        )

    def reverse_edges(self, edges: Tensor) -> Tensor:
        return edges[..., self.sender_order, :]

    def to_dense(self, edges: Tensor, fill: float = 0.0) -> Tensor:
        """[..., n_edges, d] -> [..., receiver, sender, d]; absent pairs get `fill`, parallel edges the last one."""
        edges = self._filled(edges, fill)
        lead, d = edges.shape[:-2], edges.shape[-1]
        dense = edges.new_full((*lead, self.n_receivers * self.n_senders, d), fill)
        dense[..., self.receivers * self.n_senders + self.senders, :] = edges
        return dense.reshape(*lead, self.n_receivers, self.n_senders, d)

    # ---- operations ------------------------------------------------------------------------------------------------

    def from_senders(self, nodes: Tensor) -> Tensor:
        """[..., n_senders, d] -> [..., n_edges, d]."""
        return csr.spread(nodes, self.senders, self.sender_pointers, self.sender_order)

    def from_receivers(self, nodes: Tensor) -> Tensor:
        """[..., n_receivers, d] -> [..., n_edges, d]."""
        return csr.spread(nodes, self.receivers, self.pointers, None)

    def _sum(self, edges: Tensor) -> Tensor:
        return csr.collect(edges, self.receivers, self.pointers, None)

    def _max(self, edges: Tensor) -> Tensor:
        return csr.edge_max(edges, self.receivers, self.pointers)

    def _softmax(self, logits: Tensor) -> Tensor:
        return csr.edge_softmax(logits, self.receivers, self.pointers)

    def sum_senders(self, nodes: Tensor, weights: Tensor | None = None) -> Tensor:
        if self.present is not None:
            weights = (
                self.present[..., None].to(nodes.dtype) if weights is None else self._filled(weights, 0.0)
            )
        return csr.product(nodes, weights, self.rows, self.columns)

    def propagate(self, nodes: Tensor, receiver_scale: Tensor, sender_scale: Tensor) -> Tensor:
        if self.present is not None or receiver_scale.dim() > 1 or sender_scale.dim() > 1:
            return super().propagate(nodes, receiver_scale, sender_scale)
        return csr.scaled_product(nodes, receiver_scale, sender_scale, self.rows, self.columns)

    def dot(self, receivers: Tensor, senders: Tensor, heads: int = 1) -> Tensor:
        return csr.dot(receivers, senders, heads, self.rows, self.columns)

    def additive_attention(
        self, receiver_logits: Tensor, sender_logits: Tensor, value: Tensor, slope: float = 0.2
    ) -> Tensor:
        if self.present is not None:
            return super().additive_attention(receiver_logits, sender_logits, value, slope)
        return additive_attention(receiver_logits, sender_logits, value, slope, self.rows, self.columns)

    def mix_senders(self, edges: Tensor, nodes: Tensor, matrices: Tensor) -> Tensor:
        return mix_senders(self._filled(edges, 0.0), nodes, matrices, self)

    # ---- graphs of a disjoint union --------------------------------------------------------------------------------

    @property
    def n_graphs(self) -> int:
        return 1 if self.node_counts is None else self.node_counts.shape[0]

    @property
    def graphs(self) -> "Sparse":
        counts = self.node_counts
        if counts is None:
            counts = torch.tensor([self.n_receivers], device=self.senders.device)
        return replace(segments(counts, self.n_receivers), present=self.node_mask)

    def from_graphs(self, globals_: Tensor) -> Tensor:
        """What each edge's graph has: [..., n_graphs, d] -> [..., n_edges, d] (or [..., 1, d] for one graph)."""
        if self.n_graphs == 1:
            return globals_
        return self.from_receivers(self.graphs.from_receivers(globals_))


def segments(counts: Tensor, total: int) -> Sparse:
    """The relation item -> group where consecutive items form groups: counts [n_groups] int64, `total` their sum."""
    items = torch.arange(total, device=counts.device)
    groups = torch.arange(counts.shape[0], device=counts.device)
    of = groups.repeat_interleave(counts, output_size=total)
    ends = counts.cumsum(0)
    return Sparse(
        items,
        of,
        counts.shape[0],
        total,
        order=items,
        pointers=torch.cat([ends.new_zeros(1), ends]),
        sender_order=items,
        sender_pointers=torch.arange(total + 1, device=counts.device),
        sender_receivers=of,
    )
