"""Attention with relative positions, block by block of its rows, as a torch custom operator.

The scores of a block of rows, of a few sentences and all heads, fit into the processor's cache: there they are made,
get their positions, are normalised, and are summed away. Of weights that are few (`KEPT`) the backward pass finds what
the forward pass left; else only queries, keys and values are kept and the weights of each block are made again, as
FlashAttention does (Dao et al. 2022).

Of a block with rows r0 to r1, every sender at or before r0 - k has the label 0 and every one from r1 - 1 + k on the
label 2 k, so that those columns need one addition; only the 2 k + r1 - r0 columns between look their labels up.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.library import custom_op
from torch.nn.functional import pad

from edgewise.nn.attention import clipped_loops
from edgewise.relation.heads import full_precision

BLOCK = 1 << 19
"""Scores that are worked on at once."""
MOST_ROWS = 128
KEPT = 1 << 24
"""Weights that are kept for the backward pass (64 MB in float32); that saves a fifth of its time."""


@full_precision
def attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    key_table: Tensor,
    value_table: Tensor | None,
    mask: Tensor | None,
    causal: bool,
) -> Tensor:
    """softmax(q . (k + a^K)) (v + a^V), with a = the table's row clip(s - r, -k, k) + k; a fully masked row gives 0.

    Shapes: query [n, heads, receivers, d], key and value [n, heads, senders, d], tables [heads or 1, 2 k + 1, d], mask
    bool [n, receivers, senders] or None -> [n, heads, receivers, d].
    """
    parts = query, key, value, key_table, value_table
    learning = torch.is_grad_enabled() and any(part is not None and part.requires_grad for part in parts)
    keep = learning and query.shape[:-1].numel() * key.shape[-2] <= KEPT
    return _attention(*parts, mask, causal, keep)[0]


@dataclass(frozen=True)
class Block:
    """Some sentences (`batch`) and rows of the scores, the columns that they look at, and what is special about those.

    Args:
        left, right: columns [0, left) have the first label in every row, [right, columns) the last one.
        labels: [rows, right - left] of the columns in between.
        first: the position of the first row.
        beyond: columns that would be in between too, before the first and behind the last one.
    """

    batch: slice
    rows: slice
    columns: int
    left: int
    right: int
    labels: Tensor
    first: int
    beyond: tuple[int, int]
    allowed: Tensor | None
    empty: Tensor | None

    @property
    def full_width(self) -> int:
        """Columns in between, those beyond included."""
        return self.right - self.left + sum(self.beyond)


def blocks(query: Tensor, key: Tensor, reach: int, mask: Tensor | None, causal: bool) -> Iterator[Block]:
    n, heads, n_rows, n_columns = *query.shape[:3], key.shape[2]
    rows = min(n_rows, MOST_ROWS, max(BLOCK // (heads * n_columns), 16))
    together = max(BLOCK // (heads * rows * n_columns), 1)
    shift = n_columns - n_rows  # the position of row 0
    for first_row in range(0, n_rows, rows):
        last_row = min(first_row + rows, n_rows)
        places = torch.arange(first_row, last_row)[:, None] + shift
        columns = last_row + shift if causal else n_columns
        first_near, last_near = first_row + shift - reach + 1, last_row - 1 + shift + reach
        left = min(max(first_near, 0), columns)
        right = min(max(last_near, left), columns)
        beyond = left - first_near, last_near - right
        labels = (torch.arange(left, right) - places).clamp(-reach, reach) + reach
        earlier = torch.arange(columns) <= places if causal else None
        for first in range(0, n, together):
            batch, among = slice(first, first + together), slice(first_row, last_row)
            allowed = None if earlier is None else earlier[None, None]
            if mask is not None:
                own = mask[batch, None, among, :columns]
                allowed = own if allowed is None else own & allowed
            empty = None if mask is None or allowed is None else ~allowed.any(-1, keepdim=True)
            yield Block(batch, among, columns, left, right, labels, first_row + shift, beyond, allowed, empty)


def add_positions(block: Block, edges: Tensor, near: Tensor) -> None:
    """Add each edge its label's number, in place: edges [n, heads, rows, columns], near [n, heads, rows, 2 k + 1]."""
    if clipped_loops.serve(edges):
        return clipped_loops.add_positions(edges, near, block.first)
    edges[..., : block.left] += near[..., :1]
    edges[..., block.right :] += near[..., -1:]
    middle = edges[..., block.left : block.right]
    middle += near.gather(-1, block.labels.expand(*near.shape[:-1], -1))


def add_up(block: Block, edges: Tensor, n_labels: int) -> Tensor:
    """The sum of the edges of each label: [n, heads, rows, columns] -> [n, heads, rows, 2 k + 1]."""
    if clipped_loops.serve(edges):
        return clipped_loops.add_up(edges, n_labels, block.first)
    middle = edges[..., block.left : block.right]
    bins = edges.new_empty(*edges.shape[:-1], n_labels)
    # Of the full width, row i has its labels 1 to 2 k - 1 in the columns from i on: a diagonal view.
    wide = (
        pad(middle, block.beyond) if middle.numel() else edges.new_zeros(*bins.shape[:-1], block.full_width)
    )
    *strides, row, column = wide.stride()
    bins[..., 1:-1] = wide.as_strided((*bins.shape[:-1], n_labels - 2), (*strides, row + column, column))
    bins[..., 0] = edges[..., : block.left].sum(-1) + (middle * (block.labels == 0)).sum(-1)
    bins[..., -1] = edges[..., block.right :].sum(-1) + (middle * (block.labels == n_labels - 1)).sum(-1)
    return bins


def weights_of(
    block: Block, query: Tensor, key: Tensor, key_table: Tensor, out: Tensor | None = None
) -> Tensor:
    """The weights of a block: [n, heads, rows, columns]; `out` is where to write them."""
    scores = query @ key.mT
    add_positions(block, scores, query @ key_table.mT)
    if block.allowed is not None:
        allowed = block.allowed if block.empty is None else block.allowed | block.empty
        scores.masked_fill_(~allowed, -torch.inf)
    weights = torch.softmax(scores, -1, out=out)
    return weights if block.empty is None else weights.masked_fill_(block.empty, 0.0)


@custom_op("edgewise::clipped_attention", mutates_args=())
def _attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    key_table: Tensor,
    value_table: Tensor | None,
    mask: Tensor | None,
    causal: bool,
    keep: bool,
) -> tuple[Tensor, Tensor]:
    """The result, and the weights, block after block, if they are kept."""
    # [n, receivers, heads, d] in memory: joining the heads is then a view
    out = query.new_empty(query.shape[0], query.shape[2], query.shape[1], value.shape[-1]).transpose(1, 2)
    kept = query.new_empty(query.shape[:-1].numel() * key.shape[-2] if keep else 0)
    end = 0
    n_labels = key_table.shape[-2]
    for block in blocks(query, key, n_labels // 2, mask, causal):
        own = query[block.batch, :, block.rows]
        others = key[block.batch, :, : block.columns], value[block.batch, :, : block.columns]
        size = (*own.shape[:-1], block.columns)
        start, end = end, end + (math.prod(size) if keep else 0)
        weights = weights_of(block, own, others[0], key_table, kept[start:end].view(size) if keep else None)
        context = weights @ others[1]
        if value_table is not None:
            context += add_up(block, weights, n_labels) @ value_table
        out[block.batch, :, block.rows] = context
    return out, kept


@_attention.register_fake
def _(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    key_table: Tensor,
    value_table: Tensor | None,
    mask: Tensor | None,
    causal: bool,
    keep: bool,
) -> tuple[Tensor, Tensor]:
    out = query.new_empty(query.shape[0], query.shape[2], query.shape[1], value.shape[-1]).transpose(1, 2)
    return out, query.new_empty(query.shape[:-1].numel() * key.shape[-2] if keep else 0)


@custom_op("edgewise::clipped_attention_backward", mutates_args=())
def _to_inputs(
    grad: Tensor,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    key_table: Tensor,
    value_table: Tensor | None,
    mask: Tensor | None,
    kept: Tensor,
    causal: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """The gradients of query, key, value and both tables (that of an absent one has no rows)."""
    to_query = torch.zeros_like(query)
    to_key, to_value = (part.new_zeros(part.mT.shape) for part in (key, value))
    to_key_table = torch.zeros_like(key_table)
    to_value_table = key_table.new_zeros(0) if value_table is None else torch.zeros_like(value_table)
    n_labels, end = key_table.shape[-2], 0
    for block in blocks(query, key, n_labels // 2, mask, causal):
        own, to_out = query[block.batch, :, block.rows], grad[block.batch, :, block.rows]
        among = block.batch, slice(None), slice(block.columns)
        if kept.numel():
            size = (*own.shape[:-1], block.columns)
            start, end = end, end + math.prod(size)
            weights = kept[start:end].view(size)
        else:
            weights = weights_of(block, own, key[among], key_table)
        to_weights = to_out @ value[among].mT
        if value_table is not None:
            add_positions(block, to_weights, to_out @ value_table.mT)
            to_value_table += _to_table(add_up(block, weights, n_labels), to_out, value_table)
        to_scores = torch.ops.aten._softmax_backward_data(to_weights, weights, -1, weights.dtype)
        bins = add_up(block, to_scores, n_labels)
        to_query[block.batch, :, block.rows] = to_scores @ key[among] + bins @ key_table
        add_to_senders(block, to_key, to_scores, own)
        add_to_senders(block, to_value, weights, to_out)
        to_key_table += _to_table(bins, own, key_table)
    return to_query, to_key.mT, to_value.mT, to_key_table, to_value_table


def add_to_senders(block: Block, total: Tensor, edges: Tensor, rows: Tensor) -> None:
    """total += rows^T edges, in place: total [n, heads, d, senders], edges [.., rows, columns], rows [.., rows, d].

    Transposed like this, the product reads its large factor along its rows and needs no addition of its own.
    """
    into = total[block.batch].flatten(0, 1)[..., : block.columns]
    into.baddbmm_(rows.flatten(0, 1).mT, edges.flatten(0, 1))


def _to_table(bins: Tensor, rows: Tensor, table: Tensor) -> Tensor:
    """bins^T rows, added up over sentences and, for a table that heads share, over heads."""
    flat_bins, flat_rows = (part.transpose(0, 1).flatten(1, 2) for part in (bins, rows))
    return (flat_bins.mT @ flat_rows).sum_to_size(table.shape)


@_to_inputs.register_fake
def _(
    grad: Tensor,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    key_table: Tensor,
    value_table: Tensor | None,
    *_: Any,
) -> tuple[Tensor, ...]:
    last = key_table.new_empty(0) if value_table is None else torch.empty_like(value_table)
    to_senders = (part.new_empty(part.mT.shape).mT for part in (key, value))
    return torch.empty_like(query), *to_senders, torch.empty_like(key_table), last


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    # Else a gradient of zeros is made for the kept weights, as large as they are.
    ctx.set_materialize_grads(False)
    *tensors, ctx.causal, _ = inputs
    ctx.save_for_backward(*tensors, output[1])


def _backward(ctx: Any, grad: Tensor | None, _: Tensor | None) -> tuple[Any, ...]:
    if grad is None:
        return (None,) * 8
    grads = _to_inputs(grad, *ctx.saved_tensors, ctx.causal)
    to_value_table = None if ctx.saved_tensors[4] is None else grads[4]
    return *grads[:4], to_value_table, None, None, None


_attention.register_autograd(_backward, setup_context=_keep)
