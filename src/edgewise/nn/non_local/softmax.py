"""Softmax attention with one narrow head on a CPU, a block of rows at a time, as a torch custom operator.

The logits of a block stay in the processor's cache, from the product that makes them to the one that sums them away. Of
weights that are few (`KEPT`) the backward pass finds what the forward pass left; else it makes those of each block
again (Dao et al. 2022). Samples need nothing of each other: a thread takes some of them from their first operation to
their last. Channels come before positions, as on grids.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.library import custom_op

from edgewise.nn.attention.in_threads import in_threads
from edgewise.nn.non_local.products import times_transposed
from edgewise.relation import Complete
from edgewise.relation.heads import full_precision

BLOCK = 1 << 19
"""Logits that are worked on at once: 2 MB in float32."""
KEPT = 1 << 24
"""Weights that are kept for the backward pass (64 MB in float32); that saves a seventh of the time of both passes."""
LEAST_PAIRS = 1 << 16
"""Pairs a sample below which torch's kernel, one call for the whole batch, is faster."""


@full_precision
def softmax_sums(query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
    """out_i = sum over j of w_ij v_j,  w_i. = softmax over j of scale q_i . k_j.

    Shapes: query [batch, d, n], key [batch, d, m], value [batch, c, m] -> [batch, c, n].
    """
    parts = query, key, value
    pairs = query.shape[-1] * key.shape[-1]
    if query.device.type != "cpu" or pairs < LEAST_PAIRS:
        relation = Complete(query.shape[-1], key.shape[-1])
        return relation.attend(query.mT, key.mT, value.mT, scale=scale).mT
    learning = torch.is_grad_enabled() and any(part.requires_grad for part in parts)
    return _sums(*parts, scale, learning and len(query) * pairs <= KEPT)[0]


def composed(query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
    """The same in steps, each with a gradient of its own."""
    return value @ (scale * query.mT @ key).softmax(-1).mT


def _blocks(n_rows: int, n_columns: int) -> Iterator[slice]:
    rows = max(BLOCK // n_columns, 16)
    return (slice(first, min(first + rows, n_rows)) for first in range(0, n_rows, rows))


def _weights(rows: Tensor, key: Tensor, out: Tensor | None = None) -> Tensor:
    """Of some scaled queries [rows, d] for the keys [d, m]: [rows, m]; `out` is where to write them."""
    logits = times_transposed(rows, key.T)
    return torch.softmax(logits, -1, out=logits if out is None else out)


def _kept(query: Tensor, key: Tensor, *, keep: bool) -> Tensor:
    """Room for the weights [batch, n, m]; no rows if they are not kept."""
    return query.new_empty(len(query), query.shape[-1] if keep else 0, key.shape[-1])


@custom_op("edgewise::softmax_sums", mutates_args=())
def _sums(query: Tensor, key: Tensor, value: Tensor, scale: float, keep: bool) -> tuple[Tensor, Tensor]:
    """The result, and the weights if they are kept."""
    out, kept = value.new_empty(*value.shape[:-1], query.shape[-1]), _kept(query, key, keep=keep)

    def work(sample: int) -> None:
        rows, own_key, own_value = scale * query[sample].T.contiguous(), key[sample], value[sample]
        context = torch.empty_like(out[sample].T, memory_format=torch.contiguous_format)
        for block in _blocks(len(rows), own_key.shape[-1]):
            weights = _weights(rows[block], own_key, kept[sample, block] if keep else None)
            context[block] = times_transposed(weights, own_value)
        out[sample] = context.T

    in_threads(work, range(len(query)))
    return out, kept


@_sums.register_fake
def _(query: Tensor, key: Tensor, value: Tensor, scale: float, keep: bool) -> tuple[Tensor, Tensor]:
    return value.new_empty(*value.shape[:-1], query.shape[-1]), _kept(query, key, keep=keep)


@custom_op("edgewise::softmax_sums_backward", mutates_args=())
def _to_inputs(
    grad: Tensor, query: Tensor, key: Tensor, value: Tensor, kept: Tensor, scale: float
) -> tuple[Tensor, Tensor, Tensor]:
    to_query, to_key, to_value = (part.new_zeros(part.shape) for part in (query, key, value))

    def work(sample: int) -> None:
        to_out, *own = (part[sample].contiguous() for part in (grad, query, key, value))
        into = to_query[sample], to_key[sample], to_value[sample]
        _sample_to_inputs(into, to_out, (own[0], own[1], own[2]), kept[sample], scale)

    in_threads(work, range(len(query)))
    return to_query, to_key, to_value


def _sample_to_inputs(
    into: tuple[Tensor, Tensor, Tensor],
    grad: Tensor,
    parts: tuple[Tensor, Tensor, Tensor],
    kept: Tensor,
    scale: float,
) -> None:
    """Add one sample's gradients of query, key and value in place; all [channels, positions], contiguous."""
    (to_query, to_key, to_value), (query, key, value) = into, parts
    query = scale * query
    rows, grad_rows = query.T.contiguous(), grad.T.contiguous()
    to_rows = torch.empty_like(rows)
    for block in _blocks(len(rows), key.shape[-1]):
        weights = kept[block] if len(kept) else _weights(rows[block], key)
        to_value += times_transposed(grad[:, block], weights.T)
        edges = times_transposed(grad_rows[block], value.T)  # to the weights, and then in place to the logits
        torch.ops.aten._softmax_backward_data.out(edges, weights, -1, weights.dtype, grad_input=edges)
        to_rows[block] = times_transposed(edges, key)
        to_key += times_transposed(query[:, block], edges.T)
    to_query += scale * to_rows.T


@_to_inputs.register_fake
def _(
    grad: Tensor, query: Tensor, key: Tensor, value: Tensor, kept: Tensor, scale: float
) -> tuple[Tensor, Tensor, Tensor]:
    to_query, to_key, to_value = (part.new_empty(part.shape) for part in (query, key, value))
    return to_query, to_key, to_value


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    # Else a gradient of zeros is made for the kept weights, as large as they are.
    ctx.set_materialize_grads(False)
    *parts, ctx.scale, _ = inputs
    ctx.save_for_backward(*parts, output[1])


def _backward(ctx: Any, grad: Tensor | None, _: Tensor | None) -> tuple[Tensor | None, ...]:
    if grad is None:
        return (None,) * 5
    query, key, value, kept = ctx.saved_tensors
    parts = query, key, value
    if torch.is_grad_enabled():  # a gradient of this gradient is asked for
        again = torch.autograd.grad(composed(query, key, value, ctx.scale), parts, grad, create_graph=True)
        return *again, None, None
    return *_to_inputs(grad, query, key, value, kept, ctx.scale), None, None


_sums.register_autograd(_backward, setup_context=_keep)
