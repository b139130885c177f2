"""Attention with relative positions, block by block of its rows, as a torch custom operator.

The scores of a block of rows, of a few sentences and all heads, fit into the processor's cache: there they are made,
get their positions, are normalised, and are summed away. Of weights that are few (`KEPT`) the backward pass finds what
the forward pass left; else only queries, keys and values are kept and the weights of each block are made again, as
FlashAttention does (Dao et al. 2022).

Sentences need nothing of each other: a thread takes some of them from their first operation to their last.
"""

import math
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.library import custom_op

from edgewise.nn.attention.clipped_blocks import (
    Block,
    add_positions,
    add_to_senders,
    add_up,
    blocks,
    sentences,
    weights_of,
)
from edgewise.nn.attention.in_threads import in_threads
from edgewise.relation.heads import full_precision

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
    kept = query.new_empty(_kept_size(query, key, keep=keep))

    def work(part: slice) -> None:
        own = query[part], key[part], value[part]
        _into(out[part], kept[part].flatten(), *own, key_table, value_table, _of(mask, part), causal)

    in_threads(work, sentences(query, key))
    return out, kept


def _with_room(parts: Iterable[Block], query: Tensor, kept: Tensor) -> Iterator[tuple[Block, Tensor | None]]:
    """Each block with the place of its weights, [n, heads, rows, columns], among those that are kept, if any are."""
    end = 0
    for block in parts:
        size = (*query[:, :, block.rows].shape[:-1], block.columns)
        start, end = end, end + math.prod(size)
        yield block, kept[start:end].view(size) if len(kept) else None


def _of(mask: Tensor | None, part: slice) -> Tensor | None:
    return None if mask is None else mask[part]


def _kept_size(query: Tensor, key: Tensor, *, keep: bool) -> tuple[int, int]:
    return query.shape[0], query.shape[1:-1].numel() * key.shape[-2] if keep else 0


def _into(
    out: Tensor,
    kept: Tensor,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    key_table: Tensor,
    value_table: Tensor | None,
    mask: Tensor | None,
    causal: bool,
) -> None:
    """Write the result, and the weights, block after block, if there is room for them."""
    n_labels = key_table.shape[-2]
    for block, room in _with_room(blocks(query, key, n_labels // 2, mask, causal), query, kept):
        weights = weights_of(block, query[:, :, block.rows], key[:, :, : block.columns], key_table, room)
        context = weights @ value[:, :, : block.columns]
        if value_table is not None:
            context += add_up(block, weights, n_labels) @ value_table
        out[:, :, block.rows] = context


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
    return out, query.new_empty(_kept_size(query, key, keep=keep))


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

    def work(part: slice) -> tuple[Tensor, Tensor]:
        into = to_query[part], to_key[part], to_value[part]
        own = query[part], key[part], value[part]
        rest = _of(mask, part), kept[part].flatten(), causal
        return _part_to_inputs(into, grad[part], *own, key_table, value_table, *rest)

    to_tables = zip(*in_threads(work, sentences(query, key)), strict=True)
    to_key_table, to_value_table = (torch.stack(parts).sum(0) for parts in to_tables)
    return to_query, to_key.mT, to_value.mT, to_key_table, to_value_table


def _part_to_inputs(
    into: tuple[Tensor, ...],
    grad: Tensor,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    key_table: Tensor,
    value_table: Tensor | None,
    mask: Tensor | None,
    kept: Tensor,
    causal: bool,
) -> tuple[Tensor, Tensor]:
    """Write the gradients of query, key and value; return those of both tables."""
    to_query, to_key, to_value = into
    to_key_table = torch.zeros_like(key_table)
    to_value_table = key_table.new_zeros(0) if value_table is None else torch.zeros_like(value_table)
    n_labels = key_table.shape[-2]
    for block, weights in _with_room(blocks(query, key, n_labels // 2, mask, causal), query, kept):
        own, to_out = query[:, :, block.rows], grad[:, :, block.rows]
        others = key[:, :, : block.columns], value[:, :, : block.columns]
        if weights is None:
            weights = weights_of(block, own, others[0], key_table)
        to_weights = to_out @ others[1].mT
        if value_table is not None:
            add_positions(block, to_weights, to_out @ value_table.mT)
            to_value_table += _to_table(add_up(block, weights, n_labels), to_out, value_table)
        to_scores = torch.ops.aten._softmax_backward_data(to_weights, weights, -1, weights.dtype)
        bins = add_up(block, to_scores, n_labels)
        to_query[:, :, block.rows] = to_scores @ others[0] + bins @ key_table
        add_to_senders(block, to_key, to_scores, own)
        add_to_senders(block, to_value, weights, to_out)
        to_key_table += _to_table(bins, own, key_table)
    return to_key_table, to_value_table


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
