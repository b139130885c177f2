"""Everyone acts on everyone: a relation without index tensors."""

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from edgewise.errors import ConfigError
from edgewise.relation.heads import (
    causal_attention,
    four_dimensional,
    join_heads,
    masked_attention,
    split_heads,
)
from edgewise.relation.slots import Slotted


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


@dataclass(frozen=True, eq=False)
class Complete(Slotted):
    """Every sender acts on every receiver; nodes reach their edges by broadcasting, never by indices.

    With loops the layout is `[receiver, sender]`. Without loops it is `[receiver, n - 1]`: the senders of each
    receiver in order, the receiver itself left out, so nothing is computed for pairs that do not exist.

    Args:
        n_receivers: number of receiving nodes.
        n_senders: number of sending nodes; the same as `n_receivers` if -1.
        loops: whether a node acts on itself.
        causal: only senders at or before the receiver act; with fewer receivers than senders, the receivers are the
            last ones (decoding with a cache). Needs loops.
        present, node_mask: see `masked`.

    Raises:
        ConfigError: for a relation without loops between node sets of different size, or an empty one.
    """

    n_receivers: int
    n_senders: int = -1
    loops: bool = True
    causal: bool = False
    present: Tensor | None = None
    node_mask: Tensor | None = None

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
        if self.causal and (not self.loops or self.n_receivers > self.n_senders):
            raise ConfigError(
                f"Complete({self.n_receivers}, {self.n_senders}, loops={self.loops}) is to be causal",
                expected="loops, and at least as many senders as receivers: receivers are the last of the senders",
            )

    @property
    def in_degree(self) -> int:
        """Number of in-edges of every receiver, those that are masked included."""
        return self.n_senders if self.loops else self.n_senders - 1

    @property
    def mask(self) -> Tensor | None:
        if not self.causal:
            return self.present
        earlier = torch.ones(self.layout, dtype=torch.bool).tril(self.n_senders - self.n_receivers)
        return earlier if self.present is None else earlier & self.present

    def slots(self) -> Tensor:
        """Who sends on each in-edge of each receiver: [n_receivers, in_degree] int64."""
        senders = torch.arange(self.n_senders).expand(self.n_receivers, self.n_senders)
        return senders if self.loops else off_diagonal(senders[..., None])[..., 0]

    def from_senders(self, nodes: Tensor) -> Tensor:
        """[..., n_senders, d] -> [..., n_receivers, in_degree, d]."""
        lead, d = nodes.shape[:-2], nodes.shape[-1]
        dense = nodes.unsqueeze(-3).expand(*lead, self.n_receivers, self.n_senders, d)
        return dense if self.loops else off_diagonal(dense)

    def sum_senders(self, nodes: Tensor, weights: Tensor | None = None) -> Tensor:
        if weights is None and self.mask is None:
            total = nodes.sum(-2, keepdim=True)
            return total.expand(*nodes.shape[:-2], self.n_receivers, -1) if self.loops else total - nodes
        if weights is None:
            mask = self.mask
            assert mask is not None  # for the type checker
            weights = mask[..., None].to(nodes.dtype)
        dense = self._square(self._filled(weights, 0.0)).movedim(-1, -3)  # [..., heads, receiver, sender]
        values = nodes.unflatten(-1, (dense.shape[-3], -1)).transpose(-2, -3)  # [..., heads, sender, width]
        return (dense @ values).transpose(-2, -3).flatten(-2)

    def dot(self, receivers: Tensor, senders: Tensor, heads: int = 1) -> Tensor:
        products = (split_heads(receivers, heads) @ split_heads(senders, heads).mT).movedim(-3, -1)
        return products if self.loops else off_diagonal(products)

    def attend(
        self, query: Tensor, key: Tensor, value: Tensor, *, heads: int = 1, scale: float = 1.0
    ) -> Tensor:
        """Dot-product attention by the fused kernel; without loops in plain steps."""
        if not self.loops:
            return super().attend(query, key, value, heads=heads, scale=scale)
        lead, (q, k, v) = four_dimensional(*(split_heads(part, heads) for part in (query, key, value)))
        if self.present is None and self.causal and self.n_receivers == self.n_senders:
            out = causal_attention(q, k, v, scale)
        else:
            out = masked_attention(q, k, v, self._mask_of(lead), scale)
        return join_heads(out.reshape(*lead, *out.shape[1:]))

    def _mask_of(self, lead: torch.Size) -> Tensor | None:
        """The mask for [lead, heads, receiver, sender]. A single receiver is the last sender, so it hears all."""
        mask = self.present if self.n_receivers == 1 else self.mask
        if mask is None or mask.dim() == 2:
            return mask
        return mask.expand(*lead, *mask.shape[-2:]).flatten(0, -3)[:, None]

    def _square(self, edges: Tensor, fill: float = 0.0) -> Tensor:
        return edges if self.loops else with_diagonal(edges, fill)

    def to_dense(self, edges: Tensor, fill: float = 0.0) -> Tensor:
        """[..., n_receivers, in_degree, d] -> [..., receiver, sender, d]; absent pairs get `fill`."""
        return self._square(self._filled(edges, fill), fill)

    def reverse(self) -> Self:
        mask = self.mask
        turned = None if mask is None else self.reverse_edges(mask[..., None])[..., 0]
        return replace(
            self, n_receivers=self.n_senders, n_senders=self.n_receivers, causal=False, present=turned
        )

    def reverse_edges(self, edges: Tensor) -> Tensor:
        turned = self._square(edges).transpose(-2, -3)
        return turned if self.loops else off_diagonal(turned)
