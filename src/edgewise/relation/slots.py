"""Relations whose edges lie in a table: so many slots a receiver, each for one possible sender."""

from abc import abstractmethod

import torch
from torch import Tensor

from edgewise.relation.base import Relation, scaled
from edgewise.relation.sparse import Sparse


class Slotted(Relation):
    """A relation with the layout `[receiver, slot]`: nodes reach their edges by views, sums run over an axis."""

    @property
    @abstractmethod
    def in_degree(self) -> int:
        """Number of slots of every receiver."""

    @abstractmethod
    def slots(self) -> Tensor:
        """Who sends in each slot of each receiver: [n_receivers, in_degree] int64; anything where no edge is."""

    @property
    def n_edges(self) -> int:
        return self.n_receivers * self.in_degree

    @property
    def layout(self) -> tuple[int, int]:
        return self.n_receivers, self.in_degree

    @property
    def in_degrees(self) -> Tensor:
        if self.mask is None:
            return torch.full((self.n_receivers,), self.in_degree)
        return self.mask.sum(-1)

    def from_receivers(self, nodes: Tensor) -> Tensor:
        """[..., n_receivers, d] -> [..., n_receivers, in_degree, d], without a copy."""
        lead, d = nodes.shape[:-2], nodes.shape[-1]
        return nodes.unsqueeze(-2).expand(*lead, self.n_receivers, self.in_degree, d)

    def _sum(self, edges: Tensor) -> Tensor:
        return edges.sum(-2)

    def _max(self, edges: Tensor) -> Tensor:
        return edges.amax(-2) if self.in_degree else edges.sum(-2)

    def _softmax(self, logits: Tensor) -> Tensor:
        return logits.softmax(-2)

    def sum_senders(self, nodes: Tensor, weights: Tensor | None = None) -> Tensor:
        sent = self.from_senders(nodes)
        if weights is None:
            return self.sum(sent)
        return scaled_sum(sent, self._filled(weights, 0.0))

    def mix_senders(self, edges: Tensor, nodes: Tensor, matrices: Tensor) -> Tensor:
        outer = self._filled(edges, 0.0).transpose(-1, -2) @ self.from_senders(nodes)
        return outer.flatten(-2) @ matrices.flatten(0, 1)

    def _kept(self) -> Tensor:
        """Which slots are an edge of `to_sparse()`: [n_receivers * in_degree] bool."""
        if self.mask is None:
            return torch.ones(self.n_edges, dtype=torch.bool)
        return self.mask.reshape(-1, *self.layout).any(0).flatten()

    def to_sparse(self) -> Sparse:
        kept = self._kept()
        receivers = torch.arange(self.n_receivers).repeat_interleave(self.in_degree)[kept]
        relation = Sparse(self.slots().flatten()[kept], receivers, self.n_receivers, self.n_senders)
        present = None
        if self.mask is not None and self.mask.dim() > 2:
            present = self.mask.flatten(-2)[..., kept]
        return relation.with_masks(present, self.node_mask)

    def edges_to_sparse(self, edges: Tensor) -> Tensor:
        return edges.flatten(-3, -2)[..., self._kept(), :]

    def to_dense(self, edges: Tensor, fill: float = 0.0) -> Tensor:
        return self.to_sparse().to_dense(self.edges_to_sparse(edges), fill)


def scaled_sum(sent: Tensor, weights: Tensor) -> Tensor:
    """Sums over the slots: sent [..., slot, heads * width], weights [..., slot, heads] -> [..., heads * width]."""
    if weights.shape[-1] == 1:
        return (weights.transpose(-1, -2) @ sent).squeeze(-2)
    return scaled(sent, weights).sum(-2)
