"""Neighbours along a line: convolution, recurrence and local attention windows."""

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from edgewise.errors import ConfigError
from edgewise.relation.blocks import Blocks
from edgewise.relation.heads import four_dimensional, masked_attention
from edgewise.relation.slots import Slotted


@dataclass(frozen=True, eq=False)
class Band(Slotted):
    """Each receiver hears the senders from `left` places before it to `right` places after it.

    The layout is `[receiver, offset]`: slot c of receiver r is the edge from sender r + c - left. A slot that would
    reach over an end of the line is no edge. Time and memory grow with n_receivers * (left + 1 + right).

    A convolution shares one weight an offset; recurrence is left = 1, right = 0; Luong's local-m attention (2015) is a
    band of 2 D + 1 offsets between target and source positions.

    Args:
        n_receivers: receiving positions.
        left, right: how far a receiver hears, in positions.
        n_senders: sending positions; as many as receivers if -1.
        loops: whether offset 0 is an edge.
        present, node_mask: see `masked`.

    Raises:
        ConfigError: for an empty line or a negative reach.
    """

    n_receivers: int
    left: int
    right: int
    n_senders: int = -1
    loops: bool = True
    present: Tensor | None = None
    node_mask: Tensor | None = None

    def __post_init__(self) -> None:
        if self.n_senders == -1:
            object.__setattr__(self, "n_senders", self.n_receivers)
        if min(self.n_receivers, self.n_senders) < 1 or min(self.left, self.right) < 0:
            raise ConfigError(
                f"Band of {self.n_receivers} receivers and {self.n_senders} senders reaches {self.left} to the left "
                f"and {self.right} to the right",
                expected="at least one of each, and reaches of 0 or more",
            )

    @property
    def in_degree(self) -> int:
        """Number of offsets."""
        return self.left + 1 + self.right

    def slots(self) -> Tensor:
        """The place of each slot's sender, below 0 or beyond the last where there is none: [n_receivers, offset]."""
        return torch.arange(self.n_receivers)[:, None] + torch.arange(-self.left, self.right + 1)

    @property
    def mask(self) -> Tensor:
        slots = self.slots()
        there = (slots >= 0) & (slots < self.n_senders)
        if not self.loops:
            there = there & (slots != torch.arange(self.n_receivers)[:, None])
        return there if self.present is None else there & self.present

    def from_senders(self, nodes: Tensor) -> Tensor:
        """[..., n_senders, d] -> [..., n_receivers, offset, d], a view of the padded line."""
        over = self.n_receivers + self.right - self.n_senders
        kept = nodes if over >= 0 else nodes[..., : self.n_receivers + self.right, :]
        padded = torch.nn.functional.pad(kept, (0, 0, self.left, max(over, 0)))
        return padded.unfold(-2, self.in_degree, 1).transpose(-1, -2)

    def attend(
        self, query: Tensor, key: Tensor, value: Tensor, *, heads: int = 1, scale: float = 1.0
    ) -> Tensor:
        """Dot-product attention in blocks: each block of receivers hears itself and the blocks beside it.

        Time and memory grow with n_receivers * (left + right).
        """
        blocks = Blocks.of(self)
        parts = blocks.receivers(query), blocks.senders(key), blocks.senders(value)
        lead, (q, k, v) = four_dimensional(*(blocks.by_head(part, heads) for part in parts))
        mask = blocks.mask(self)
        if mask.dim() > 3:
            mask = mask[..., None, :, :, :].expand(*lead, *mask.shape[-3:]).flatten(0, -4)
        out = masked_attention(q, k, v, mask.to(query.device), scale)
        return blocks.joined(out.reshape(*lead, *out.shape[1:]), self.n_receivers)

    def reverse(self) -> Self:
        turned = self.reverse_edges(self.mask[..., None])[..., 0]
        return replace(
            self,
            n_receivers=self.n_senders,
            n_senders=self.n_receivers,
            left=self.right,
            right=self.left,
            present=turned,
        )

    def reverse_edges(self, edges: Tensor) -> Tensor:
        """Slot c of receiver r (sender s = r + c - left) goes to slot left + right - c of receiver s."""
        s = torch.arange(self.n_senders)[:, None]
        c = self.left + self.right - torch.arange(self.in_degree)
        r = s - c + self.left
        there = (r >= 0) & (r < self.n_receivers)
        turned = edges[..., r.clamp(0, self.n_receivers - 1), c.expand_as(r), :]
        return (
            turned & there[..., None]
            if edges.dtype == torch.bool
            else turned.masked_fill(~there[..., None], 0)
        )
