"""Additive attention over compressed rows without anything the size of the edges.

With logits l = LeakyReLU(x), x = a_i + b_s, weights w = softmax(l) over the in-edges of i, and out_i = sum_s w_s v_s,
a gradient g of the result gives

    dL/dl_s = w_s (g_i . v_s - g_i . out_i)
    dL/da_i = sum_s LeakyReLU'(x_s) dL/dl_s = (1 - slope) (g_i . p_i - q_i g_i . out_i),
              p_i = sum over x_s > 0 of w_s v_s,  q_i = sum over x_s > 0 of w_s

(the second line because the dL/dl_s of a receiver add up to 0). So the forward pass keeps p, q and the logarithm of
each receiver's normaliser, all of the size of the nodes; the receivers' gradient needs no edges at all, and the
senders' are one walk over their out-edges that computes the weights again, as FlashAttention does (Dao et al. 2022).
"""

from types import ModuleType
from typing import Any

import torch
from torch import Tensor
from torch.library import custom_op

from edgewise.errors import ConfigError
from edgewise.relation import csr, fused
from edgewise.relation.csr import Rows


def additive_attention(
    receiver_logits: Tensor, sender_logits: Tensor, value: Tensor, slope: float, rows: Rows, columns: Rows
) -> Tensor:
    """out_i = sum over s -> i of w_si v_s,  w_.i = softmax over s of LeakyReLU(a_i + b_s).

    Shapes: receiver_logits a [..., n_receivers, heads], sender_logits b [..., n_senders, heads],
    value v [..., n_senders, heads * width] -> [..., n_receivers, heads * width].
    """
    ends = receiver_logits, sender_logits, value
    if not 0 <= slope <= 1:
        raise ConfigError(f"a LeakyReLU of slope {slope}", expected="a slope from 0 to 1")
    alike = len({(part.dtype, part.shape[:-2]) for part in ends}) == 1 and value.dtype in csr.MATRIX_TYPES
    if not (alike and fused.serves(value, len(rows.neighbours))):
        return composed(*ends, slope, rows, columns)
    return _additive(*(part.contiguous() for part in ends), slope, *rows.parts, *columns.parts)[0]


def composed(
    receiver_logits: Tensor, sender_logits: Tensor, value: Tensor, slope: float, rows: Rows, columns: Rows
) -> Tensor:
    """The same in steps, each with a gradient of its own."""
    receivers = csr.row_index(rows.pointers)
    logits = csr.spread(receiver_logits, receivers, rows.pointers, rows.edges)
    logits = logits + csr.spread(sender_logits, rows.neighbours, columns.pointers, columns.edges)
    logits = torch.nn.functional.leaky_relu(logits, slope)
    return csr.product(value, csr.edge_softmax(logits, receivers, rows.pointers), rows, columns)


def loops() -> ModuleType:
    """The compiled loops; their module imports numba."""
    from edgewise.relation import additive_loops

    return additive_loops


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
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The result, log of the normaliser, p and q."""
    lead, heads, width = value.shape[:-2], receiver_logits.shape[-1], value.shape[-1]
    n = len(pointers) - 1
    made = [fused.result(lead, n, features, value) for features in (width, heads, width, heads)]
    ends = [fused.stacked(part, lead) for part in (receiver_logits, sender_logits, value)]
    slope_ = ends[2].dtype.type(slope)
    kernel = loops().forward(heads, width // heads)
    fused.over_rows(kernel, pointers.numpy(), neighbours.numpy(), *ends, slope_, *(into for _, into in made))
    out, log_total, p, q = (tensor for tensor, _ in made)
    return out, log_total, p, q


@_additive.register_fake
def _(
    receiver_logits: Tensor,
    sender_logits: Tensor,
    value: Tensor,
    slope: float,
    pointers: Tensor,
    *rest: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    sizes = value.shape[-1], receiver_logits.shape[-1]
    parts = [value.new_empty(*value.shape[:-2], pointers.shape[0] - 1, size) for size in (*sizes, *sizes)]
    return parts[0], parts[1], parts[2], parts[3]


@custom_op("edgewise::additive_attention_to_senders", mutates_args=())
def _to_senders(
    grad: Tensor,
    receiver_logits: Tensor,
    sender_logits: Tensor,
    value: Tensor,
    shared: Tensor,
    log_total: Tensor,
    slope: float,
    back_pointers: Tensor,
    back_neighbours: Tensor,
) -> tuple[Tensor, Tensor]:
    """The gradients of the senders' logits and values; `shared` is g_i . out_i, a head."""
    lead, heads = value.shape[:-2], receiver_logits.shape[-1]
    parts = (receiver_logits, sender_logits, value, grad, shared, log_total)
    nodes = [fused.stacked(part, lead) for part in parts]
    to_logits, into_logits = fused.result(lead, sender_logits.shape[-2], heads, value)
    to_value, into_value = fused.result(lead, value.shape[-2], value.shape[-1], value)
    kernel = loops().backward(heads, value.shape[-1] // heads)
    places = back_pointers.numpy(), back_neighbours.numpy()
    fused.over_rows(kernel, *places, *nodes, nodes[2].dtype.type(slope), into_logits, into_value)
    return to_logits, to_value


@_to_senders.register_fake
def _(
    grad: Tensor, receiver_logits: Tensor, sender_logits: Tensor, value: Tensor, *rest: Any
) -> tuple[Tensor, Tensor]:
    return torch.empty_like(sender_logits), torch.empty_like(value)


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    *ends, ctx.slope = inputs[:4]
    ctx.save_for_backward(*ends, *inputs[4:], *output)


def _backward(ctx: Any, grad: Tensor, *_: Tensor) -> tuple[Any, ...]:
    own, other, value, *parts, out, log_total, p, q = ctx.saved_tensors
    ends = own, other, value
    if torch.is_grad_enabled():  # a gradient of this gradient is asked for
        again = composed(own, other, value, ctx.slope, Rows(*parts[:3]), Rows(*parts[3:]))
        grads = torch.autograd.grad(again, ends, grad, create_graph=True)
        return *grads, *[None] * 7
    heads = ends[0].shape[-1]

    def along(there: Tensor) -> Tensor:
        return (grad * there).unflatten(-1, (heads, -1)).sum(-1)

    shared = along(out)
    to_receivers = (1 - ctx.slope) * (along(p) - q * shared)
    to_senders = _to_senders(grad.contiguous(), *ends, shared, log_total, ctx.slope, *parts[3:5])
    return to_receivers, *to_senders, *[None] * 7


_additive.register_autograd(_backward, setup_context=_keep)
