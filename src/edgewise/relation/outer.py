"""Sums of outer products over each receiver's in-edges, as dense products over receivers of like degree."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from edgewise.relation import csr

if TYPE_CHECKING:
    from edgewise.relation.sparse import Sparse


@dataclass(frozen=True)
class Buckets:
    """Receivers sorted by degree into tables of slots, as wide as the next power of two: at most half is empty.

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


def buckets(pointers: Tensor) -> Buckets:
    """The tables for rows given by their pointers: [n_receivers + 1] int64."""
    degrees = pointers.diff()
    places, slots, shapes, rows = [], torch.empty(int(pointers[-1]), dtype=torch.int64), [], []
    width, done = 1, 0
    while width < 2 * max(int(degrees.max()), 1) if len(degrees) else False:
        chosen = ((degrees <= width) & (degrees > width // 2)).nonzero()[:, 0]
        if len(chosen):
            offsets = torch.arange(width)
            there = offsets < degrees[chosen][:, None]
            table = torch.where(there, pointers[chosen][:, None] + offsets, -1).flatten()
            real = table >= 0
            slots[table[real]] = real.nonzero()[:, 0] + done
            done += len(table)
            places.append(table)
            shapes.append((len(chosen), width))
            rows.append(chosen)
        width *= 2
    rows.append((degrees == 0).nonzero()[:, 0])
    rank = torch.cat(rows).argsort()
    flat = torch.cat(places) if places else torch.empty(0, dtype=torch.int64)
    return Buckets(flat.clamp_min(0), (flat >= 0)[:, None], slots, tuple(shapes), rank)


def outer_sum(edges: Tensor, nodes: Tensor, relation: "Sparse") -> Tensor:
    """Sum over s -> r of e_rs h_s^T: edges [..., n_edges, k], nodes [..., n_senders, d] -> [..., n_receivers, k, d]."""
    table = buckets(relation.pointers)
    one_each = torch.arange(relation.n_edges + 1)
    left = csr.spread(edges, table.places, one_each, table.slots) * table.filled
    senders = relation.senders[table.places]
    right = csr.spread(nodes, senders, relation.sender_pointers, table.slots[relation.sender_order])
    sums, at = [], 0
    for count, width in table.shapes:
        stretch = slice(at, at + count * width)
        block = left[..., stretch, :].unflatten(-2, (count, width)).transpose(-1, -2)
        sums.append(block @ right[..., stretch, :].unflatten(-2, (count, width)))
        at += count * width
    lead = torch.broadcast_shapes(edges.shape[:-2], nodes.shape[:-2])
    empty = relation.n_receivers - sum(count for count, _ in table.shapes)
    sums.append(nodes.new_zeros(*lead, empty, edges.shape[-1], nodes.shape[-1]))
    return torch.cat(sums, -3).index_select(-3, table.rank)
