"""What every relation offers, and the rules that hold for all of them: masks, means, pooling, attention."""

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, Self

import torch
from torch import Tensor

from edgewise.errors import ConfigError

if TYPE_CHECKING:
    from edgewise.relation.sparse import Sparse

Aggregation = Literal["sum", "mean", "max"]


class Relation(ABC):
    """A set of directed edges sender -> receiver, in a layout of its own.

    A layer is written once, on these operations, and runs on `Complete`, `Band` and `Sparse`:

        from_senders(nodes)    [..., n_senders, d]   -> [..., *layout, d]
        from_receivers(nodes)  [..., n_receivers, d] -> [..., *layout, d]
        sum / mean / max       [..., *layout, d]     -> [..., n_receivers, d]
        softmax(logits)        over each receiver's in-edges

    An edge is absent where `mask` is False: it adds nothing, is no part of a mean or a maximum, and has weight 0 in a
    softmax, whatever finite or infinite value stands there. A receiver without in-edges gets 0 and no NaN.

    Leading dimensions are a batch of graphs with the same edges (and, if the mask has leading dimensions, a mask each).
    """

    n_receivers: int
    n_senders: int
    present: Tensor | None
    """Which edges the user left in: bool `[..., *layout]`, or None for all."""
    node_mask: Tensor | None
    """Which nodes are there: bool `[..., n_nodes]`, or None for all."""

    @property
    @abstractmethod
    def n_edges(self) -> int:
        """Edges of the layout, those that are masked included."""

    @property
    @abstractmethod
    def layout(self) -> tuple[int, ...]:
        """The shape of one number an edge."""

    @property
    def mask(self) -> Tensor | None:
        """Which edges of the layout exist: bool, broadcastable to `[..., *layout]`, or None for all of them."""
        return self.present

    @abstractmethod
    def from_senders(self, nodes: Tensor) -> Tensor:
        """What each edge's sender has: [..., n_senders, d] -> [..., *layout, d]."""

    @abstractmethod
    def from_receivers(self, nodes: Tensor) -> Tensor:
        """What each edge's receiver has: [..., n_receivers, d] -> [..., *layout, d]."""

    @abstractmethod
    def _sum(self, edges: Tensor) -> Tensor: ...

    @abstractmethod
    def _max(self, edges: Tensor) -> Tensor: ...

    @abstractmethod
    def _softmax(self, logits: Tensor) -> Tensor: ...

    @abstractmethod
    def to_sparse(self) -> "Sparse":
        """The same edges as a list; edges that no mask of the batch leaves in are left out."""

    @abstractmethod
    def edges_to_sparse(self, edges: Tensor) -> Tensor:
        """Edge features in the layout of `to_sparse()`: [..., *layout, d] -> [..., n_edges of it, d]."""

    @abstractmethod
    def reverse(self) -> "Relation":
        """Every edge turned round: its sender becomes its receiver."""

    @abstractmethod
    def reverse_edges(self, edges: Tensor) -> Tensor:
        """Edge features in the layout of `reverse()`: [..., *layout, d] -> [..., *its layout, d]."""

    @abstractmethod
    def to_dense(self, edges: Tensor, fill: float = 0.0) -> Tensor:
        """[..., *layout, d] -> [..., receiver, sender, d]; pairs without an edge get `fill`."""

    # ---- masks -----------------------------------------------------------------------------------------------------

    def masked(self, edges: Tensor | None = None, nodes: Tensor | None = None) -> Self:
        """The relation with fewer edges: True keeps.

        Args:
            edges: bool [..., *layout].
            nodes: bool [..., n_nodes]; an absent node neither sends nor receives, and is no part of its graph.

        Raises:
            ConfigError: for a mask that is not bool or does not fit.
        """
        parts = [
            part
            for part in (self.present, self._checked_mask("edges", edges, self.layout))
            if part is not None
        ]
        node_mask = self.node_mask
        if nodes is not None:
            if self.n_senders != self.n_receivers:
                raise ConfigError(
                    f"a mask of nodes for {self.n_senders} senders and {self.n_receivers} receivers",
                    expected="one set of nodes",
                    fix="mask the edges",
                )
            nodes = self._checked_mask("nodes", nodes, (self.n_receivers,))
            assert nodes is not None  # for the type checker
            column = nodes[..., None]
            parts.append((self.from_senders(column) & self.from_receivers(column))[..., 0])
            node_mask = nodes if node_mask is None else node_mask & nodes
        present = None
        for part in parts:
            present = part if present is None else present & part
        return replace(self, present=present, node_mask=node_mask)  # pyright: ignore[reportArgumentType, reportCallIssue]

    def _checked_mask(self, name: str, mask: Tensor | None, shape: tuple[int, ...]) -> Tensor | None:
        if mask is None:
            return None
        fits = mask.dim() >= len(shape) and mask.shape[mask.dim() - len(shape) :] == shape
        if mask.dtype != torch.bool or not fits:
            raise ConfigError(
                f"the mask of {name} is {mask.dtype} of shape {list(mask.shape)}",
                expected=f"torch.bool of shape [..., {', '.join(map(str, shape))}]",
            )
        return mask

    def _filled(self, edges: Tensor, fill: float) -> Tensor:
        """The edges with a value in the place of those that are not there."""
        mask = self.mask
        return edges if mask is None else edges.masked_fill(~mask[..., None].to(edges.device), fill)

    def without_absent(self, edges: Tensor) -> Tensor:
        """The edges with 0 in the place of those that are not there: [..., *layout, d]."""
        return self._filled(edges, 0.0)

    # ---- aggregations ----------------------------------------------------------------------------------------------

    @property
    @abstractmethod
    def in_degrees(self) -> Tensor:
        """Number of in-edges that exist: [..., n_receivers] int64."""

    @property
    def out_degrees(self) -> Tensor:
        """Number of out-edges that exist: [..., n_senders] int64."""
        return self.reverse().in_degrees

    def sum(self, edges: Tensor) -> Tensor:
        """Add up each receiver's in-edges: [..., *layout, d] -> [..., n_receivers, d]."""
        return self._sum(self._filled(edges, 0.0))

    def mean(self, edges: Tensor) -> Tensor:
        """The mean of each receiver's in-edges: [..., *layout, d] -> [..., n_receivers, d]; 0 without any."""
        return self.sum(edges) / self.in_degrees.clamp_min(1)[..., None].to(edges)

    def max(self, edges: Tensor) -> Tensor:
        """The maximum of each receiver's in-edges: [..., *layout, d] -> [..., n_receivers, d]; 0 without any."""
        none = (self.in_degrees == 0)[..., None]
        return self._max(self._filled(edges, torch.finfo(edges.dtype).min)).masked_fill(
            none.to(edges.device), 0.0
        )

    def softmax(self, logits: Tensor) -> Tensor:
        """Normalise over each receiver's in-edges, a head: the shape stays [..., *layout, heads]."""
        lowest = torch.finfo(
            logits.dtype
        ).min  # finite, so that a receiver whose in-edges are all absent gives no NaN
        return self._filled(self._softmax(self._filled(logits, lowest)), 0.0)

    def sum_senders(self, nodes: Tensor, weights: Tensor | None = None) -> Tensor:
        """Add up what the senders have, weighed edge by edge: sum(weights * from_senders(nodes)).

            out_r[h] = sum over s -> r of w_rs[h] v_s[h]

        Args:
            nodes: [..., n_senders, heads * width].
            weights: [..., *layout, heads], or None for 1.

        Returns: [..., n_receivers, heads * width].
        """
        sent = self.from_senders(nodes)
        return self.sum(sent if weights is None else scaled(sent, weights))

    def propagate(self, nodes: Tensor, receiver_scale: Tensor, sender_scale: Tensor) -> Tensor:
        """Sums over the senders with a constant factor for either end: out_r = a_r sum over s -> r of b_s v_s.

        Args:
            nodes: v [..., n_senders, d].
            receiver_scale: a [..., n_receivers]; sender_scale: b [..., n_senders]; no gradient goes to them.

        Returns: [..., n_receivers, d].
        """
        return receiver_scale.detach()[..., None] * self.sum_senders(sender_scale.detach()[..., None] * nodes)

    # ---- attention -------------------------------------------------------------------------------------------------

    def dot(self, receivers: Tensor, senders: Tensor, heads: int = 1) -> Tensor:
        """The dot product of both ends of every edge, a head: [..., *layout, heads].

        Args:
            receivers: [..., n_receivers, heads * width]; senders: [..., n_senders, heads * width].
        """
        products = self.from_receivers(receivers) * self.from_senders(senders)
        return products.unflatten(-1, (heads, -1)).sum(-1)

    def attend(
        self, query: Tensor, key: Tensor, value: Tensor, *, heads: int = 1, scale: float = 1.0
    ) -> Tensor:
        """Dot-product attention: sum_senders(value, softmax(scale * dot(query, key))).

        Args:
            query: [..., n_receivers, heads * width]; key: [..., n_senders, heads * width].
            value: [..., n_senders, heads * value_width].

        Returns: [..., n_receivers, heads * value_width]; 0 for a receiver without in-edges.
        """
        return self.sum_senders(value, self.softmax(scale * self.dot(query, key, heads)))

    def additive_attention(
        self, receiver_logits: Tensor, sender_logits: Tensor, value: Tensor, slope: float = 0.2
    ) -> Tensor:
        """Additive attention (Velickovic et al. 2018, eq. 3): sum_senders(value, softmax(LeakyReLU(a_r + a_s))).

        Args:
            receiver_logits: a_r [..., n_receivers, heads]; sender_logits: a_s [..., n_senders, heads].
            value: [..., n_senders, heads * width].
            slope: of the LeakyReLU below 0.

        Returns: [..., n_receivers, heads * width].
        """
        logits = self.from_receivers(receiver_logits) + self.from_senders(sender_logits)
        return self.sum_senders(value, self.softmax(torch.nn.functional.leaky_relu(logits, slope)))

    @abstractmethod
    def mix_senders(self, edges: Tensor, nodes: Tensor, matrices: Tensor) -> Tensor:
        """Sums of what the senders have, each through its edge's mix of matrices, without one matrix an edge:

            out_r = sum over s -> r of sum_k e_rs[k] h_s B_k

        The outer products e_rs h_s^T are summed first, then multiplied with all B_k at once.

        Shapes: edges [..., *layout, k], nodes [..., n_senders, d], matrices [k, d, out] -> [..., n_receivers, out].
        """

    # ---- graphs of a disjoint union --------------------------------------------------------------------------------

    @property
    def n_graphs(self) -> int:
        return 1

    @property
    def graphs(self) -> "Sparse":
        """Which graph each node belongs to, itself a relation node -> graph; its layout is the nodes in order."""
        from edgewise.relation.sparse import segments

        return replace(segments(torch.tensor([self.n_receivers]), self.n_receivers), present=self.node_mask)

    def from_graphs(self, globals_: Tensor) -> Tensor:
        """What each edge's graph has: [..., n_graphs, d], broadcastable to [..., *layout, d]."""
        return globals_.unflatten(-2, (1,) * len(self.layout))

    def pool(self, edges: Tensor, by: Aggregation = "sum") -> Tensor:
        """Aggregate all edges of each graph: [..., *layout, d] -> [..., n_graphs, d]; 0 for a graph without edges."""
        if by == "max":
            return self.graphs.masked(edges=self.in_degrees > 0).max(self.max(edges))
        total = self.graphs.sum(self.sum(edges))
        if by == "sum":
            return total
        counts = self.graphs.sum(self.in_degrees[..., None].to(edges.dtype))
        return total / counts.clamp_min(1)


def scaled(values: Tensor, weights: Tensor) -> Tensor:
    """Every head times its weight: values [..., heads * width], weights [..., heads] -> [..., heads * width]."""
    heads = weights.shape[-1]
    if heads == 1:
        return values * weights
    return (values.unflatten(-1, (heads, -1)) * weights[..., None]).flatten(-2)
