"""Everyone acts on everyone: a relation without index tensors."""

from dataclasses import dataclass

import torch
from torch import Tensor

from edgewise.errors import ConfigError


def off_diagonal(dense: Tensor) -> Tensor:
    """Drop the diagonal of a square layout: [..., n, n, d] -> [..., n, n - 1, d].

    Row-major, the n entries after each diagonal element are the off-diagonal ones, so this is two slices
    and no index: the senders of each receiver stay in order, the receiver itself left out.
    """
    n, d = dense.shape[-2], dense.shape[-1]
    lead = dense.shape[:-3]
    rest = dense.reshape(*lead, n * n, d)[..., 1:, :].reshape(*lead, n - 1, n + 1, d)
    return rest[..., :-1, :].reshape(*lead, n, n - 1, d)


def with_diagonal(edges: Tensor, fill: float = 0.0) -> Tensor:
    """The inverse of `off_diagonal`: [..., n, n - 1, d] -> [..., n, n, d], the diagonal filled."""
    n, d = edges.shape[-3], edges.shape[-1]
    lead = edges.shape[:-3]
    rows = edges.reshape(*lead, n - 1, n, d)
    diagonal = rows.new_full((*lead, n - 1, 1, d), fill)
    flat = torch.cat([rows, diagonal], dim=-2).reshape(*lead, (n - 1) * (n + 1), d)
    first = rows.new_full((*lead, 1, d), fill)
    return torch.cat([first, flat], dim=-2).reshape(*lead, n, n, d)


@dataclass(frozen=True)
class Complete:
    """Every sender acts on every receiver; nodes reach their edges by broadcasting, never by indices.

    With loops the layout is `[receiver, sender]`. Without loops it is `[receiver, n - 1]`: the senders of each
    receiver in order, the receiver itself left out, so nothing is computed for pairs that do not exist.

    Args:
        n_receivers: number of receiving nodes.
        n_senders: number of sending nodes; the same as `n_receivers` if None.
        loops: whether a node acts on itself.

    Raises:
        ConfigError: for a relation without loops between node sets of different size, or an empty one.
    """

    n_receivers: int
    n_senders: int = -1
    loops: bool = True

    def __post_init__(self) -> None:
        if self.n_senders == -1:
            object.__setattr__(self, "n_senders", self.n_receivers)
        if self.n_receivers < 1 or self.n_senders < 1:
            raise ConfigError(
                f"Complete({self.n_receivers}, {self.n_senders}) has no nodes",
                expected="at least one of each",
            )
        if not self.loops and self.n_receivers != self.n_senders:
            raise ConfigError(
                f"Complete without loops has {self.n_receivers} receivers and {self.n_senders} senders",
                expected="equal numbers: a loop joins a node to itself",
                fix="use loops=True for a relation between two sets of nodes",
            )

    @property
    def in_degree(self) -> int:
        """Number of in-edges of every receiver."""
        return self.n_senders if self.loops else self.n_senders - 1

    @property
    def n_edges(self) -> int:
        return self.n_receivers * self.in_degree

    def slots(self) -> Tensor:
        """Who sends on each in-edge of each receiver: [n_receivers, in_degree] int64."""
        senders = torch.arange(self.n_senders).expand(self.n_receivers, self.n_senders)
        return senders if self.loops else off_diagonal(senders[..., None])[..., 0]

    def from_senders(self, nodes: Tensor) -> Tensor:
        """[..., n_senders, d] -> [..., n_receivers, in_degree, d]."""
        lead, d = nodes.shape[:-2], nodes.shape[-1]
        dense = nodes.unsqueeze(-3).expand(*lead, self.n_receivers, self.n_senders, d)
        return dense if self.loops else off_diagonal(dense)

    def from_receivers(self, nodes: Tensor) -> Tensor:
        """[..., n_receivers, d] -> [..., n_receivers, in_degree, d], without a copy."""
        lead, d = nodes.shape[:-2], nodes.shape[-1]
        return nodes.unsqueeze(-2).expand(*lead, self.n_receivers, self.in_degree, d)

    def sum(self, edges: Tensor) -> Tensor:
        """[..., n_receivers, in_degree, d] -> [..., n_receivers, d]."""
        return edges.sum(-2)

    def mean(self, edges: Tensor) -> Tensor:
        """[..., n_receivers, in_degree, d] -> [..., n_receivers, d]; 0 for a receiver without in-edges."""
        return edges.sum(-2) / max(self.in_degree, 1)

    def max(self, edges: Tensor) -> Tensor:
        """[..., n_receivers, in_degree, d] -> [..., n_receivers, d]; 0 for a receiver without in-edges."""
        return edges.amax(-2) if self.in_degree else edges.sum(-2)

    def softmax(self, logits: Tensor) -> Tensor:
        """Normalise over each receiver's in-edges; the shape stays [..., n_receivers, in_degree, d]."""
        return logits.softmax(-2)

    def to_dense(self, edges: Tensor, fill: float = 0.0) -> Tensor:
        """[..., n_receivers, in_degree, d] -> [..., receiver, sender, d]; absent pairs get `fill`."""
        return edges if self.loops else with_diagonal(edges, fill)
