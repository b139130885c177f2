"""Additive attention over compressed rows without anything the size of the edges.

The forward pass keeps the logarithm of each receiver's normaliser; the backward pass computes the weights again from
it, once row by row of the receivers and once row by row of the senders (as FlashAttention does for dot products, Dao et
al. 2022): memory grows with the nodes, not with the edges.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.library import custom_op

from edgewise.relation import csr, fused
from edgewise.relation.csr import Rows


def additive_attention(
    receiver_logits: Tensor, sender_logits: Tensor, value: Tensor, slope: float, rows: Rows, columns: Rows
) -> Tensor:
    """out_i = sum over s -> i of w_si v_s,  w_.i = softmax over s of LeakyReLU(a_i + b_s).

    Shapes: receiver_logits a [..., n_receivers, heads], sender_logits b [..., n_senders, heads],
    value v [..., n_senders, heads * width] -> [..., n_receivers, heads * width].
    """
    same = receiver_logits.dtype == sender_logits.dtype == value.dtype
    if not (same and value.dtype in csr.MATRIX_TYPES and fused.serves(value, len(rows.neighbours))):
        return composed(receiver_logits, sender_logits, value, slope, rows, columns)
    out, _ = _additive(
        receiver_logits.contiguous(),
        sender_logits.contiguous(),
        value.contiguous(),
        slope,
        *rows.parts,
        *columns.parts,
    )
    return out


def composed(
    receiver_logits: Tensor, sender_logits: Tensor, value: Tensor, slope: float, rows: Rows, columns: Rows
) -> Tensor:
    """The same in steps, each with a gradient of its own."""
    receivers = csr.row_index(rows.pointers)
    logits = csr.spread(receiver_logits, receivers, rows.pointers, rows.edges)
    logits = logits + csr.spread(sender_logits, rows.neighbours, columns.pointers, columns.edges)
    logits = torch.nn.functional.leaky_relu(logits, slope)
    return csr.product(value, csr.edge_softmax(logits, receivers, rows.pointers), rows, columns)


@custom_op("edgewise::additive_attention", mutates_args=())
def _additive(
    receiver_logits: Tensor,
    sender_logits: Tensor,
    value: Tensor,
    slope: float,
    pointers: Tensor,
    neighbours: Tensor,
    edges: Tensor | None,
    back_pointers: Tensor,
    back_neighbours: Tensor,
    back_edges: Tensor | None,
) -> tuple[Tensor, Tensor]:
    lead, heads = value.shape[:-2], receiver_logits.shape[-1]
    out, into = fused.result(lead, len(pointers) - 1, value.shape[-1], value)
    log_total, totals = fused.result(lead, len(pointers) - 1, heads, value)
    ends = [fused.stacked(part, lead) for part in (receiver_logits, sender_logits, value)]
    kernel = _forward_kernel(heads, value.shape[-1] // heads)
    fused.over_rows(
        kernel, pointers.numpy(), neighbours.numpy(), *ends, ends[2].dtype.type(slope), into, totals
    )
    return out, log_total


@_additive.register_fake
def _(
    receiver_logits: Tensor,
    sender_logits: Tensor,
    value: Tensor,
    slope: float,
    pointers: Tensor,
    *rest: Tensor | None,
) -> tuple[Tensor, Tensor]:
    n = pointers.shape[0] - 1
    lead = value.shape[:-2]
    return value.new_empty(*lead, n, value.shape[-1]), value.new_empty(*lead, n, receiver_logits.shape[-1])


@custom_op("edgewise::additive_attention_backward", mutates_args=())
def _additive_backward(
    grad: Tensor,
    receiver_logits: Tensor,
    sender_logits: Tensor,
    value: Tensor,
    out: Tensor,
    log_total: Tensor,
    slope: float,
    pointers: Tensor,
    neighbours: Tensor,
    back_pointers: Tensor,
    back_neighbours: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    lead, heads = value.shape[:-2], receiver_logits.shape[-1]
    shared = (
        (grad * out).unflatten(-1, (heads, -1)).sum(-1)
    )  # sum over s of w_s dL/dw_s, from the result alone
    nodes = [
        fused.stacked(part, lead) for part in (receiver_logits, sender_logits, value, grad, shared, log_total)
    ]
    slope_ = nodes[2].dtype.type(slope)
    to_receivers, into_receivers = fused.result(lead, *receiver_logits.shape[-2:], value)
    to_senders, into_senders = fused.result(lead, *sender_logits.shape[-2:], value)
    to_value, into_value = fused.result(lead, *value.shape[-2:], value)
    by_receiver, by_sender = _backward_kernels(heads, value.shape[-1] // heads)
    fused.over_rows(by_receiver, pointers.numpy(), neighbours.numpy(), *nodes, slope_, into_receivers)
    fused.over_rows(
        by_sender, back_pointers.numpy(), back_neighbours.numpy(), *nodes, slope_, into_senders, into_value
    )
    return to_receivers, to_senders, to_value


@_additive_backward.register_fake
def _(
    grad: Tensor, receiver_logits: Tensor, sender_logits: Tensor, value: Tensor, *rest: Any
) -> tuple[Tensor, Tensor, Tensor]:
    return torch.empty_like(receiver_logits), torch.empty_like(sender_logits), torch.empty_like(value)


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    *ends, ctx.slope = inputs[:4]
    ctx.save_for_backward(*ends, *inputs[4:], *output)


def _backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Any, ...]:
    *ends, pointers, neighbours, edges, back_pointers, back_neighbours, back_edges, out, log_total = (
        ctx.saved_tensors
    )
    if torch.is_grad_enabled():  # a gradient of this gradient is asked for
        rows, columns = Rows(pointers, neighbours, edges), Rows(back_pointers, back_neighbours, back_edges)
        again = composed(*ends, ctx.slope, rows, columns)
        grads = torch.autograd.grad(again, ends, grad, create_graph=True, allow_unused=True)
    else:
        rows_ = pointers, neighbours, back_pointers, back_neighbours
        grads = _additive_backward(grad.contiguous(), *ends, out, log_total, ctx.slope, *rows_)
    return *grads, *[None] * 7


_additive.register_autograd(_backward, setup_context=_keep)


# ---- the loops (see `edgewise.relation.fused`) ---------------------------------------------------------------------


@lru_cache(maxsize=64)
def _forward_kernel(heads: int, width: int) -> Callable[..., None]:
    def loop(first, last, pointers, neighbours, own, other, value, slope, out, log_total):
        kind = value.dtype
        most, total, weight = np.empty(heads, kind), np.empty(heads, kind), np.empty(heads, kind)
        mixed = np.empty(heads * width, kind)
        for g in range(value.shape[0]):
            for i in range(first, last):
                for h in range(heads):
                    most[h], total[h] = -np.inf, 0
                for c in range(heads * width):
                    mixed[c] = 0
                for k in range(pointers[i], pointers[i + 1]):
                    j = neighbours[k]
                    for h in range(heads):
                        most[h] = max(most[h], other[g, j, h])
                for h in range(heads):  # LeakyReLU rises, so the largest sender has the largest logit
                    logit = own[g, i, h] + most[h]
                    most[h] = max(logit, slope * logit)
                for k in range(pointers[i], pointers[i + 1]):
                    j = neighbours[k]
                    for h in range(heads):
                        logit = own[g, i, h] + other[g, j, h]
                        weight[h] = np.exp(max(logit, slope * logit) - most[h])
                        total[h] += weight[h]
                    for h in range(heads):
                        for c in range(width):
                            mixed[h * width + c] += weight[h] * value[g, j, h * width + c]
                for h in range(heads):
                    empty = pointers[i] == pointers[i + 1]
                    scale = kind.type(0) if empty else 1 / total[h]
                    for c in range(width):
                        out[g, i, h * width + c] = mixed[h * width + c] * scale
                    log_total[g, i, h] = 0 if empty else most[h] + np.log(total[h])

    return fused.compiled(loop)


@lru_cache(maxsize=64)
def _backward_kernels(heads: int, width: int) -> tuple[Callable[..., None], Callable[..., None]]:
    def by_receiver(
        first,
        last,
        pointers,
        neighbours,
        own,
        other,
        value,
        grad,
        shared,
        log_total,
        slope,
        to_own,
    ):
        sums = np.empty(heads, value.dtype)
        for g in range(value.shape[0]):
            for i in range(first, last):
                for h in range(heads):
                    sums[h] = 0
                for k in range(pointers[i], pointers[i + 1]):
                    j = neighbours[k]
                    for h in range(heads):
                        logit = own[g, i, h] + other[g, j, h]
                        weight = np.exp(max(logit, slope * logit) - log_total[g, i, h])
                        along = value.dtype.type(0)
                        for c in range(width):
                            along += grad[g, i, h * width + c] * value[g, j, h * width + c]
                        change = weight * (along - shared[g, i, h])
                        sums[h] += change if logit > 0 else slope * change
                for h in range(heads):
                    to_own[g, i, h] = sums[h]

    def by_sender(
        first,
        last,
        pointers,
        neighbours,
        own,
        other,
        value,
        grad,
        shared,
        log_total,
        slope,
        to_other,
        to_value,
    ):
        sums, mixed = np.empty(heads, value.dtype), np.empty(heads * width, value.dtype)
        for g in range(value.shape[0]):
            for j in range(first, last):
                for h in range(heads):
                    sums[h] = 0
                for c in range(heads * width):
                    mixed[c] = 0
                for k in range(pointers[j], pointers[j + 1]):
                    i = neighbours[k]
                    for h in range(heads):
                        logit = own[g, i, h] + other[g, j, h]
                        weight = np.exp(max(logit, slope * logit) - log_total[g, i, h])
                        along = value.dtype.type(0)
                        for c in range(width):
                            along += grad[g, i, h * width + c] * value[g, j, h * width + c]
                            mixed[h * width + c] += weight * grad[g, i, h * width + c]
                        change = weight * (along - shared[g, i, h])
                        sums[h] += change if logit > 0 else slope * change
                for h in range(heads):
                    to_other[g, j, h] = sums[h]
                for c in range(heads * width):
                    to_value[g, j, c] = mixed[c]

    return fused.compiled(by_receiver), fused.compiled(by_sender)
