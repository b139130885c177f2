"""A band cut into blocks, so that attention within it is a few dense products."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import torch
from torch import Tensor
from torch.nn.functional import pad

from edgewise.relation.heads import split_heads

if TYPE_CHECKING:
    from edgewise.relation.band import Band

LEAST_SIZE = 32
"""Blocks below this size cost more in calls than they save in products."""


@dataclass(frozen=True)
class Blocks:
    """Receivers in blocks of one size; each block hears itself, `before` blocks before it and `after` behind it.

    Args:
        n_blocks, size: number of blocks and receivers a block; the last one may be filled up.
        before, after: 0 or 1, since no reach is longer than a block.
    """

    n_blocks: int
    size: int
    before: int
    after: int

    @classmethod
    def of(cls, band: "Band") -> Self:
        size = max(band.left, band.right, LEAST_SIZE)
        return cls(-(-band.n_receivers // size), size, int(band.left > 0), int(band.right > 0))

    @property
    def width(self) -> int:
        """Senders that a block hears, those out of reach included."""
        return (self.before + 1 + self.after) * self.size

    def receivers(self, nodes: Tensor) -> Tensor:
        """[..., n_receivers, d] -> [..., block, size, d], filled up with 0."""
        return pad(nodes, (0, 0, 0, self.n_blocks * self.size - nodes.shape[-2])).unflatten(
            -2, (-1, self.size)
        )

    def senders(self, nodes: Tensor) -> Tensor:
        """What each block may hear: [..., n_senders, d] -> [..., block, width, d]."""
        heard = nodes[..., : (self.n_blocks + self.after) * self.size, :]
        over = (self.n_blocks + self.after) * self.size - heard.shape[-2]
        blocks = pad(heard, (0, 0, self.before * self.size, over)).unflatten(-2, (-1, self.size))
        shifts = range(self.before + 1 + self.after)
        return torch.cat([blocks[..., k : k + self.n_blocks, :, :] for k in shifts], -2)

    def mask(self, band: "Band") -> Tensor:
        """Which of them each receiver hears: bool [..., block, size, width]."""
        receiver = torch.arange(self.size)[:, None]
        offset = torch.arange(self.width) - self.before * self.size - receiver
        sender = torch.arange(self.n_blocks)[:, None, None] * self.size + receiver + offset
        there = (offset >= -band.left) & (offset <= band.right) & (sender >= 0) & (sender < band.n_senders)
        if not band.loops:
            there = there & (offset != 0)
        if band.present is None:
            return there
        present = self.receivers(band.present.to(torch.uint8)).bool()
        slot = (offset + band.left).clamp(0, band.in_degree - 1)
        return there & present.gather(-1, slot.expand(*present.shape[:-1], self.width))

    def by_head(self, blocks: Tensor, heads: int) -> Tensor:
        """[..., block, n, heads * width] -> [..., heads, block, n, width]."""
        return split_heads(blocks, heads).transpose(-3, -4)

    def joined(self, parts: Tensor, n_receivers: int) -> Tensor:
        """[..., heads, block, size, width] -> [..., n_receivers, heads * width]."""
        return parts.flatten(-3, -2)[..., :n_receivers, :].transpose(-2, -3).flatten(-2)
