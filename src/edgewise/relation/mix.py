"""Sums through a mix of matrices an edge, as dense products over receivers of like degree."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from edgewise.relation import csr

if TYPE_CHECKING:
    from edgewise.relation.sparse import Sparse

AT_ONCE = 1 << 21
"""Numbers in the outer products that are held at once (8 MB): small enough for a cache, large enough for a product."""


@dataclass(frozen=True)
class Buckets:
    """Receivers sorted by degree into tables of slots, as wide as the next of 1, 2, 3, 4, 6, 8, 12 ...:
    a third is empty at most.

    Args:
        places: [n_slots] int64, the edge of the layout in each slot (0 where none is); table after table.
        filled: [n_slots, 1] bool.
        slots: [n_edges] int64, the slot of each edge.
        shapes: (receivers, width) of each table.
        rank: [n_receivers] int64, the row of each receiver in the tables, those of degree 0 last.
    """

    places: Tensor
    filled: Tensor
    slots: Tensor
    shapes: tuple[tuple[int, int], ...]
    rank: Tensor

    def stretches(self, most: int) -> tuple[list[int], list[int]]:
        """Pieces of the tables with at most so many receivers each: how many slots they have, and how wide they are."""
        sizes, widths = [], []
        for count, width in self.shapes:
            for first in range(0, count, most):
                sizes.append(min(most, count - first) * width)
                widths.append(width)
        return sizes, widths


def table_widths(most: int) -> list[int]:
    """1, 2, 3, 4, 6, 8, 12, 16, ... up to the first that holds `most`."""
    widths = [1, 2]
    while widths[-1] < most:
        widths.append(widths[-1] * 3 // 2 if len(widths) % 2 == 0 else widths[-2] * 2)
    return widths


def buckets(pointers: Tensor) -> Buckets:
    """The tables for rows given by their pointers: [n_receivers + 1] int64."""
    degrees = pointers.diff()
    most = int(degrees.max()) if len(degrees) else 0
    slots, tables, shapes, rows = torch.empty(int(pointers[-1]), dtype=torch.int64), [], [], []
    done, narrower = 0, 0
    for width in table_widths(most):
        chosen = ((degrees <= width) & (degrees > narrower)).nonzero()[:, 0]
        narrower = width
        if len(chosen) == 0:
            continue
        offsets = torch.arange(width)
        table = pointers[chosen][:, None] + offsets
        table = table.masked_fill(offsets >= degrees[chosen][:, None], -1).flatten()
        there = table >= 0
        slots[table[there]] = there.nonzero()[:, 0] + done
        done += len(table)
        tables.append(table)
        shapes.append((len(chosen), width))
        rows.append(chosen)
    rows.append((degrees == 0).nonzero()[:, 0])
    flat = torch.cat(tables) if tables else torch.empty(0, dtype=torch.int64)
    return Buckets(flat.clamp_min(0), (flat >= 0)[:, None], slots, tuple(shapes), torch.cat(rows).argsort())


def _mixed(edges: Tensor, nodes: Tensor, matrices: Tensor) -> Tensor:
    """edges [..., receiver, slot, k], nodes [..., receiver, slot, d], matrices [k * d, out] -> [..., receiver, out]."""
    return (edges.transpose(-1, -2) @ nodes).flatten(-2) @ matrices


def mix_senders(edges: Tensor, nodes: Tensor, matrices: Tensor, relation: "Sparse") -> Tensor:
    """See `Relation.mix_senders`; the outer products of a stretch of receivers live as long as their product does.

    Where they are too many to be held at once, they are computed again for the gradient, so memory grows with the
    edges' and nodes' own features.
    """
    table = relation.buckets
    one_each = torch.arange(relation.n_edges + 1)
    left = csr.spread(edges, table.places, one_each, table.slots) * table.filled
    senders = relation.senders[table.places]
    right = csr.spread(nodes, senders, relation.sender_pointers, table.slots[relation.sender_order])
    lead = torch.broadcast_shapes(edges.shape[:-2], nodes.shape[:-2])
    stacked = matrices.flatten(0, 1)
    sizes, widths = table.stretches(max(AT_ONCE // (len(stacked) * max(lead.numel(), 1)), 16))
    again = len(sizes) > len(table.shapes) and torch.is_grad_enabled() and not torch.compiler.is_compiling()
    sums = []
    for e, v, width in zip(left.split(sizes, -2), right.split(sizes, -2), widths, strict=True):
        e, v = e.unflatten(-2, (-1, width)), v.unflatten(-2, (-1, width))
        if again:
            sums.append(checkpoint(_mixed, e, v, stacked, use_reentrant=False, preserve_rng_state=False))
        else:
            sums.append(_mixed(e, v, stacked))
    isolated = relation.n_receivers - sum(count for count, _ in table.shapes)
    sums.append(nodes.new_zeros(*lead, isolated, matrices.shape[-1]))
    return torch.cat(sums, -2).index_select(-2, table.rank)
