"""A list of edges, kept sorted by receiver."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from edgewise.errors import ConfigError


def _checked_index(name: str, index: Tensor, n_nodes: int) -> None:
    if index.dtype != torch.int64 or index.dim() != 1:
        raise ConfigError(
            f"{name} is a {index.dim()}-d tensor of {index.dtype}", expected="a 1-d tensor of torch.int64"
        )
    wrong = (index < 0) | (index >= n_nodes)
    if wrong.any():
        at = int(wrong.nonzero()[0])
        raise ConfigError(
            f"{name}[{at}] is {int(index[at])}", expected=f"a node number from 0 to {n_nodes - 1}"
        )


@dataclass(frozen=True, eq=False)
class Sparse:
    """A relation given by its edges; the layout is `[edge]`, sorted by receiver (then by the order given).

    Args:
        senders: [n_edges] int64, the node that acts.
        receivers: [n_edges] int64, the node that is acted upon.
        n_receivers: number of receiving nodes.
        n_senders: number of sending nodes; the same as `n_receivers` if -1.

    `order` is the permutation from the edges as given to the edges as kept: `given[order]` is in this layout.

    Raises:
        ConfigError: for indices that are not int64, not 1-d, of different length, or out of range.
    """

    senders: Tensor
    receivers: Tensor
    n_receivers: int
    n_senders: int = -1
    order: Tensor = field(init=False, repr=False)
    in_degrees: Tensor = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.n_senders == -1:
            object.__setattr__(self, "n_senders", self.n_receivers)
        _checked_index("senders", self.senders, self.n_senders)
        _checked_index("receivers", self.receivers, self.n_receivers)
        if len(self.senders) != len(self.receivers):
            raise ConfigError(
                f"{len(self.senders)} senders and {len(self.receivers)} receivers",
                expected="one of each for every edge",
            )
        order = self.receivers.argsort(dim=0, stable=True)
        object.__setattr__(self, "order", order)
        object.__setattr__(self, "senders", self.senders[order])
        object.__setattr__(self, "receivers", self.receivers[order])
        object.__setattr__(self, "in_degrees", torch.bincount(self.receivers, minlength=self.n_receivers))

    @property
    def n_edges(self) -> int:
        return len(self.senders)

    def from_senders(self, nodes: Tensor) -> Tensor:
        """[..., n_senders, d] -> [..., n_edges, d]."""
        return nodes.index_select(-2, self.senders)

    def from_receivers(self, nodes: Tensor) -> Tensor:
        """[..., n_receivers, d] -> [..., n_edges, d]."""
        return nodes.index_select(-2, self.receivers)

    def sum(self, edges: Tensor) -> Tensor:
        """[..., n_edges, d] -> [..., n_receivers, d]; 0 for a receiver without in-edges."""
        total = edges.new_zeros(*edges.shape[:-2], self.n_receivers, edges.shape[-1])
        return total.index_add(-2, self.receivers, edges)

    def mean(self, edges: Tensor) -> Tensor:
        """[..., n_edges, d] -> [..., n_receivers, d]; 0 for a receiver without in-edges."""
        return self.sum(edges) / self.in_degrees.clamp_min(1)[:, None]

    def max(self, edges: Tensor) -> Tensor:
        """[..., n_edges, d] -> [..., n_receivers, d]; 0 for a receiver without in-edges."""
        index = self.receivers[:, None].expand_as(edges)
        start = edges.new_zeros(*edges.shape[:-2], self.n_receivers, edges.shape[-1])
        return start.scatter_reduce(-2, index, edges, reduce="amax", include_self=False)

    def softmax(self, logits: Tensor) -> Tensor:
        """Normalise over each receiver's in-edges; the shape stays [..., n_edges, d]."""
        weights = (logits - self.from_receivers(self.max(logits.detach()))).exp()
        return weights / self.from_receivers(self.sum(weights))

    def to_dense(self, edges: Tensor, fill: float = 0.0) -> Tensor:
        """[..., n_edges, d] -> [..., receiver, sender, d]; absent pairs get `fill`, parallel edges the last one."""
        lead, d = edges.shape[:-2], edges.shape[-1]
        dense = edges.new_full((*lead, self.n_receivers * self.n_senders, d), fill)
        dense[..., self.receivers * self.n_senders + self.senders, :] = edges
        return dense.reshape(*lead, self.n_receivers, self.n_senders, d)
