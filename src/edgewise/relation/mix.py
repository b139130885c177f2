"""Sums through a mix of matrices an edge, as dense products over receivers of like degree."""

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.library import custom_op
from torch.utils.weak import WeakTensorKeyDictionary

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


_KEPT = WeakTensorKeyDictionary()
"""The tables of rows that were asked for before, by their pointers."""


def _tables(pointers: Tensor) -> Buckets:
    if pointers not in _KEPT:
        _KEPT[pointers] = buckets(pointers)
    return _KEPT[pointers]


def mix_senders(edges: Tensor, nodes: Tensor, matrices: Tensor, relation: "Sparse") -> Tensor:
    """See `Relation.mix_senders`. The outer products of a stretch of receivers live as long as their product does, in
    the backward pass again, so memory grows with the edges' and nodes' own features."""
    lead = torch.broadcast_shapes(edges.shape[:-2], nodes.shape[:-2])
    edges, nodes = (part.expand(*lead, *part.shape[-2:]).contiguous() for part in (edges, nodes))
    places = relation.pointers, relation.senders, relation.sender_pointers, relation.sender_order
    return _mix(edges, nodes, matrices.contiguous(), *places)


def composed(
    edges: Tensor, nodes: Tensor, matrices: Tensor, pointers: Tensor, senders: Tensor, *columns: Tensor
) -> Tensor:
    """The same in steps, each with a gradient of its own."""
    table = _tables(pointers)
    left, right = _in_slots(table, edges, nodes, pointers, senders, *columns)
    parts, stacked = _stretches(table, left, right), matrices.flatten(0, 1)
    sums = [parts.outer(at).flatten(-2) @ stacked for at in range(len(parts.widths))]
    isolated = len(pointers) - 1 - sum(count for count, _ in table.shapes)
    sums.append(nodes.new_zeros(*nodes.shape[:-2], isolated, matrices.shape[-1]))
    return torch.cat(sums, -2).index_select(-2, table.rank)


def _in_slots(
    table: Buckets,
    edges: Tensor,
    nodes: Tensor,
    pointers: Tensor,
    senders: Tensor,
    sender_pointers: Tensor,
    sender_order: Tensor,
) -> tuple[Tensor, Tensor]:
    """Edges (0 where none is) and their senders' nodes, slot by slot: [..., n_slots, k] and [..., n_slots, d]."""
    one_each = torch.arange(len(senders) + 1)
    left = csr.spread(edges, table.places, one_each, table.slots) * table.filled
    right = csr.spread(nodes, senders[table.places], sender_pointers, table.slots[sender_order])
    return left, right


@dataclass(frozen=True)
class _Stretches:
    """Edges, senders and rows of the tables, cut so that the outer products fit `AT_ONCE`."""

    left: tuple[Tensor, ...]
    right: tuple[Tensor, ...]
    rows: tuple[slice, ...]
    widths: list[int]

    def outer(self, k: int) -> Tensor:
        """[..., receiver, k, d] of the stretch."""
        e, v = self.slots(k)
        return e.transpose(-1, -2) @ v

    def slots(self, k: int) -> tuple[Tensor, Tensor]:
        """[..., receiver, slot, k] and [..., receiver, slot, d] of the stretch."""
        return tuple(part[k].unflatten(-2, (-1, self.widths[k])) for part in (self.left, self.right))  # pyright: ignore[reportReturnType]


def _stretches(table: Buckets, left: Tensor, right: Tensor) -> _Stretches:
    numbers = left.shape[-1] * right.shape[-1] * max(left.shape[:-2].numel(), 1)
    sizes, widths = table.stretches(max(AT_ONCE // numbers, 16))
    counts = [size // width for size, width in zip(sizes, widths, strict=True)]
    ends = [0, *torch.tensor(counts, dtype=torch.int64).cumsum(0).tolist()]
    rows = tuple(slice(first, last) for first, last in pairwise(ends))
    return _Stretches(left.split(sizes, -2), right.split(sizes, -2), rows, widths)


@custom_op("edgewise::mix", mutates_args=())
def _mix(
    edges: Tensor,
    nodes: Tensor,
    matrices: Tensor,
    pointers: Tensor,
    senders: Tensor,
    sender_pointers: Tensor,
    sender_order: Tensor,
) -> Tensor:
    table, stacked = _tables(pointers), matrices.flatten(0, 1)
    left, right = _in_slots(table, edges, nodes, pointers, senders, sender_pointers, sender_order)
    sums = nodes.new_zeros(*nodes.shape[:-2], len(pointers) - 1, matrices.shape[-1])
    if len(senders) == 0:
        return sums
    parts = _stretches(table, left, right)
    for at, rows in enumerate(parts.rows):
        sums[..., rows, :] = parts.outer(at).flatten(-2) @ stacked
    return sums.index_select(-2, table.rank)


@custom_op("edgewise::mix_backward", mutates_args=())
def _mix_backward(
    grad: Tensor,
    edges: Tensor,
    nodes: Tensor,
    matrices: Tensor,
    pointers: Tensor,
    senders: Tensor,
    sender_pointers: Tensor,
    sender_order: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """With M the outer products of a receiver and g its gradient: dM = g B^T, dB = M^T g, de = dM h, dh = dM^T e."""
    table, stacked = _tables(pointers), matrices.flatten(0, 1)
    to_stacked = torch.zeros_like(stacked)
    if len(senders) == 0:
        return torch.zeros_like(edges), torch.zeros_like(nodes), to_stacked.view_as(matrices)
    left, right = _in_slots(table, edges, nodes, pointers, senders, sender_pointers, sender_order)
    parts = _stretches(table, left, right)
    by_rank = torch.empty_like(grad)
    by_rank[..., table.rank, :] = grad
    to_left, to_right = [], []
    for at, rows in enumerate(parts.rows):
        e, v = parts.slots(at)
        g = by_rank[..., rows, :]
        to_stacked += parts.outer(at).flatten(-2).flatten(0, -2).t() @ g.flatten(0, -2)
        to_outer = (g @ stacked.t()).unflatten(-1, matrices.shape[:2])
        to_left.append((v @ to_outer.transpose(-1, -2)).flatten(-3, -2))
        to_right.append((e @ to_outer).flatten(-3, -2))
    to_edges = torch.cat(to_left, -2).index_select(-2, table.slots)
    sent = torch.cat(to_right, -2)
    to_nodes = csr.collect(sent, senders[table.places], sender_pointers, table.slots[sender_order])
    return to_edges, to_nodes, to_stacked.view_as(matrices)


@_mix.register_fake
def _(edges: Tensor, nodes: Tensor, matrices: Tensor, pointers: Tensor, *rest: Tensor) -> Tensor:
    return nodes.new_empty(*nodes.shape[:-2], pointers.shape[0] - 1, matrices.shape[-1])


@_mix_backward.register_fake
def _(
    grad: Tensor, edges: Tensor, nodes: Tensor, matrices: Tensor, *rest: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    return torch.empty_like(edges), torch.empty_like(nodes), torch.empty_like(matrices)


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    ctx.save_for_backward(*inputs)


def _backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
    edges, nodes, matrices, *places = ctx.saved_tensors
    ends = edges, nodes, matrices
    if torch.is_grad_enabled():  # a gradient of this gradient is asked for
        grads = torch.autograd.grad(
            composed(*ends, *places), ends, grad, create_graph=True, allow_unused=True
        )
    else:
        grads = _mix_backward(grad.contiguous(), *ends, *places)
    return *grads, *[None] * 4


_mix.register_autograd(_backward, setup_context=_keep)
