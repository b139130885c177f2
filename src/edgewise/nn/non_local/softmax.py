"""Softmax attention with narrow heads on a CPU, some rows at a time, as a torch custom operator.

The logits of a block of rows stay in the processor's cache, from the product that makes them to the one that sums them
away. Nothing of the size of all pairs is kept: the backward pass makes the weights of each block again (Dao et al.
2022). Samples need nothing of each other: a thread takes some of them from their first operation to their last.

Tensors have channels before positions, as grids have them: query [batch, d, n], key [batch, d, m], value [batch, c, m].
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

BLOCK = 1 << 18
"""Logits that are worked on at once: 1 MB in float32."""
LEAST_PAIRS = 1 << 16
"""Pairs of a sample below which torch's kernel, with one call for the whole batch, is the faster one."""


@full_precision
def softmax_sums(query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
    """out_i = sum over j of softmax over j (scale q_i . k_j) v_j.

    Shapes: query [batch, d, n], key [batch, d, m], value [batch, c, m] -> [batch, c, n].
    """
    pairs = query.shape[-1] * key.shape[-1]
    if query.device.type != "cpu" or pairs < LEAST_PAIRS:
        relation = Complete(query.shape[-1], key.shape[-1])
        return relation.attend(query.mT, key.mT, value.mT, scale=scale).mT
    return _sums(query * scale, key, value)


def composed(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """The same in steps, scale 1, each with a gradient of its own."""
    return value @ (query.mT @ key).softmax(-1).mT


def _blocks(n_rows: int, n_columns: int) -> Iterator[slice]:
    rows = max(BLOCK // n_columns, 16)
    return (slice(first, min(first + rows, n_rows)) for first in range(0, n_rows, rows))


def _weights(rows: Tensor, key: Tensor) -> Tensor:
    """Of some queries [rows, d] for key [d, m]: [rows, m]."""
    logits = times_transposed(rows, key.T)
    return torch.softmax(logits, -1, out=logits)


@custom_op("edgewise::softmax_sums", mutates_args=())
def _sums(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    out = value.new_empty(*value.shape[:-1], query.shape[-1])

    def work(sample: int) -> None:
        rows, own_value = query[sample].T.contiguous(), value[sample].contiguous()
        for block in _blocks(*_pairs(query, key)):
            out[sample][:, block] = times_transposed(own_value, _weights(rows[block], key[sample]))

    in_threads(work, range(len(query)))
    return out


@_sums.register_fake
def _(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    return value.new_empty(*value.shape[:-1], query.shape[-1])


def _pairs(query: Tensor, key: Tensor) -> tuple[int, int]:
    return query.shape[-1], key.shape[-1]


@custom_op("edgewise::softmax_sums_backward", mutates_args=())
def _to_inputs(grad: Tensor, query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    to_query, to_key, to_value = (torch.empty(p.shape, dtype=p.dtype) for p in (query, key, value))

    def work(sample: int) -> None:
        parts = (part[sample].contiguous() for part in (grad, query, key, value))
        _sample_to_inputs((to_query[sample], to_key[sample], to_value[sample]), *parts)

    in_threads(work, range(len(query)))
    return to_query, to_key, to_value


def _sample_to_inputs(
    into: tuple[Tensor, Tensor, Tensor], grad: Tensor, query: Tensor, key: Tensor, value: Tensor
) -> None:
    """Write the gradients of one sample; all parts [channels, positions], contiguous."""
    to_query, to_key, to_value = into
    to_key.zero_()
    to_value.zero_()
    rows, grad_rows = query.T.contiguous(), grad.T.contiguous()
    for block in _blocks(*_pairs(query, key)):
        weights = _weights(rows[block], key)
        to_weights = times_transposed(grad_rows[block], value.T)
        to_value += times_transposed(grad[:, block], weights.T)
        to_logits = torch.ops.aten._softmax_backward_data(to_weights, weights, -1, weights.dtype)
        to_query[:, block] = times_transposed(key, to_logits)
        to_key += times_transposed(query[:, block], to_logits.T)


@_to_inputs.register_fake
def _(grad: Tensor, query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    to_query, to_key, to_value = (part.new_empty(part.shape) for part in (query, key, value))
    return to_query, to_key, to_value


def _keep(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
    ctx.save_for_backward(*inputs)


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    parts = ctx.saved_tensors
    if torch.is_grad_enabled():  # a gradient of this gradient is asked for
        return torch.autograd.grad(composed(*parts), parts, grad, create_graph=True)
    return _to_inputs(grad, *parts)


_sums.register_autograd(_backward, setup_context=_keep)
