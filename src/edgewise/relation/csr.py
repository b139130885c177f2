"""Kernels on lists of edges in compressed sparse rows, as torch custom operators.

A list of edges is kept twice: row by row of its receivers and row by row of its senders. So every operation and every
gradient reads whole rows; nothing is scattered. Each operator's gradient is made of the same operators:

    spread(nodes)            nodes -> edges                          gradient: collect
    collect(edges)           edges -> nodes, a sum a row             gradient: spread
    product(nodes, weights)  sum over a row of w_e v_neighbour       gradients: product the other way round, dot
    dot(rows, neighbours)    v_row . v_neighbour of every edge       gradients: product, both ways
    edge_softmax, edge_max   over a row                              gradients: spread and collect

so that gradients of gradients exist, `torch.compile` sees no graph break and `torch.export` keeps them as they are.
Where Numba is installed (extra `fast`) large cases run as fused loops (`edgewise.relation.fused`), else as torch's
sparse products.
"""

import warnings
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.library import custom_op

from edgewise.relation import fused


@dataclass(frozen=True)
class Rows:
    """The edges of each node, row by row.

    Args:
        pointers: [n_nodes + 1] int64; row i holds the places pointers[i] to pointers[i + 1].
        neighbours: [n_edges] int64, the other end of the edge at each place.
        edges: [n_edges] int64, which edge of the layout is at each place; None where place and edge are the same.
    """

    pointers: Tensor
    neighbours: Tensor
    edges: Tensor | None = None

    @property
    def parts(self) -> tuple[Tensor, Tensor, Tensor | None]:
        return self.pointers, self.neighbours, self.edges


with warnings.catch_warnings():  # torch says once a process that CSR tensors are in beta
    warnings.simplefilter("ignore")
    torch.sparse_csr_tensor(
        torch.zeros(2, dtype=torch.int64), torch.zeros(0, dtype=torch.int64), torch.zeros(0), (1, 1)
    )


def _matrix(pointers: Tensor, columns: Tensor, values: Tensor, n_columns: int) -> Tensor:
    size = (len(pointers) - 1, n_columns)
    return torch.sparse_csr_tensor(pointers, columns, values, size, check_invariants=False)


def _times(matrix: Tensor, dense: Tensor) -> Tensor:
    """A sparse matrix times [..., n, d], any leading dimensions."""
    if dense.dim() == 2:
        return matrix @ dense
    lead, (n, d) = dense.shape[:-2], dense.shape[-2:]
    if dense.numel() == 0:
        return dense.new_zeros(*lead, matrix.shape[0], d)
    flat = dense.reshape(-1, n, d).transpose(0, 1).reshape(n, -1)
    return (matrix @ flat).unflatten(-1, (-1, d)).transpose(0, 1).reshape(*lead, -1, d)


MATRIX_TYPES = (torch.float32, torch.float64)
"""What torch's sparse products take on a CPU."""


def row_index(pointers: Tensor) -> Tensor:
    """The row of every place: [n_edges] int64."""
    return torch.arange(len(pointers) - 1, device=pointers.device).repeat_interleave(pointers.diff())


# ---- nodes <-> edges -----------------------------------------------------------------------------------------------


@custom_op("edgewise::spread", mutates_args=())
def spread(nodes: Tensor, index: Tensor, pointers: Tensor, edges: Tensor | None) -> Tensor:
    """nodes[..., index, :]. `pointers` and `edges` (see `Rows`) say where each node went."""
    return nodes.index_select(-2, index)


@custom_op("edgewise::collect", mutates_args=())
def collect(values: Tensor, index: Tensor, pointers: Tensor, edges: Tensor | None) -> Tensor:
    """The sum of each node's edges: [..., n_edges, d] -> [..., n_nodes, d], the reverse of `spread`."""
    n_nodes = len(pointers) - 1
    if values.dtype not in MATRIX_TYPES or values.device.type != "cpu":
        total = values.new_zeros(*values.shape[:-2], n_nodes, values.shape[-1])
        return total.index_add(-2, index, values)
    if fused.serves(values, values.shape[-2]):
        return fused.collect(values, pointers, edges)
    places = torch.arange(values.shape[-2]) if edges is None else edges
    ones = torch.ones((), dtype=values.dtype).expand(len(places))
    return _times(_matrix(pointers, places, ones, values.shape[-2]), values)


@spread.register_fake
def _(nodes: Tensor, index: Tensor, pointers: Tensor, edges: Tensor | None) -> Tensor:
    return nodes.new_empty(*nodes.shape[:-2], index.shape[0], nodes.shape[-1])


@collect.register_fake
def _(values: Tensor, index: Tensor, pointers: Tensor, edges: Tensor | None) -> Tensor:
    return values.new_empty(*values.shape[:-2], pointers.shape[0] - 1, values.shape[-1])


def _keep_rows(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    ctx.save_for_backward(*inputs[1:])


spread.register_autograd(
    lambda ctx, grad: (collect(grad.contiguous(), *ctx.saved_tensors), None, None, None),
    setup_context=_keep_rows,
)
collect.register_autograd(
    lambda ctx, grad: (spread(grad.contiguous(), *ctx.saved_tensors), None, None, None),
    setup_context=_keep_rows,
)


# ---- sparse products and their reverse -----------------------------------------------------------------------------


@custom_op("edgewise::product", mutates_args=())
def _product(
    nodes: Tensor,
    weights: Tensor | None,
    pointers: Tensor,
    neighbours: Tensor,
    edges: Tensor | None,
    back_pointers: Tensor,
    back_neighbours: Tensor,
    back_edges: Tensor | None,
) -> Tensor:
    if nodes.dtype not in MATRIX_TYPES or nodes.device.type != "cpu":
        return _product_plain(nodes, weights, pointers, neighbours, edges)
    if fused.serves(nodes, len(neighbours)):
        return fused.product(nodes, weights, pointers, neighbours, edges)
    return _product_by_matrix(nodes, weights, pointers, neighbours, edges)


def _product_plain(
    nodes: Tensor, weights: Tensor | None, pointers: Tensor, neighbours: Tensor, edges: Tensor | None
) -> Tensor:
    sent = nodes.index_select(-2, neighbours)
    if weights is not None:
        own = weights if edges is None else weights.index_select(-2, edges)
        sent = (sent.unflatten(-1, (own.shape[-1], -1)) * own[..., None]).flatten(-2)
    total = nodes.new_zeros(*sent.shape[:-2], len(pointers) - 1, nodes.shape[-1])
    return total.index_add(-2, row_index(pointers), sent)


def _product_by_matrix(
    nodes: Tensor, weights: Tensor | None, pointers: Tensor, neighbours: Tensor, edges: Tensor | None
) -> Tensor:
    """One torch sparse product, or one a head and graph where each has weights of its own."""
    n_senders = nodes.shape[-2]
    if weights is None:
        ones = torch.ones((), dtype=nodes.dtype).expand(len(neighbours))
        return _times(_matrix(pointers, neighbours, ones, n_senders), nodes)
    own = weights if edges is None else weights.index_select(-2, edges)
    heads = own.shape[-1]
    if own.dim() == 2:
        columns = own.t().contiguous()
        parts = nodes.unflatten(-1, (heads, -1))
        outs = [
            _times(_matrix(pointers, neighbours, columns[h], n_senders), parts[..., h, :].contiguous())
            for h in range(heads)
        ]
        return torch.stack(outs, -2).flatten(-2)
    lead = torch.broadcast_shapes(own.shape[:-2], nodes.shape[:-2])
    pairs = zip(
        own.expand(*lead, -1, -1).flatten(0, -3), nodes.expand(*lead, -1, -1).flatten(0, -3), strict=True
    )
    outs = [_product_by_matrix(v, w, pointers, neighbours, None) for w, v in pairs]
    if not outs:
        return nodes.new_zeros(*lead, len(pointers) - 1, nodes.shape[-1])
    return torch.stack(outs).unflatten(0, lead)


@custom_op("edgewise::scaled_product", mutates_args=())
def _scaled_product(
    nodes: Tensor,
    row_scale: Tensor,
    neighbour_scale: Tensor,
    pointers: Tensor,
    neighbours: Tensor,
    back_pointers: Tensor,
    back_neighbours: Tensor,
) -> Tensor:
    if nodes.device.type == "cpu" and nodes.dtype in MATRIX_TYPES and fused.serves(nodes, len(neighbours)):
        return fused.scaled_product(nodes, row_scale, neighbour_scale, pointers, neighbours)
    scaled = nodes * neighbour_scale[:, None]
    if nodes.device.type == "cpu" and nodes.dtype in MATRIX_TYPES:
        return _product_by_matrix(scaled, None, pointers, neighbours, None) * row_scale[:, None]
    return _product_plain(scaled, None, pointers, neighbours, None) * row_scale[:, None]


@_scaled_product.register_fake
def _(
    nodes: Tensor, row_scale: Tensor, neighbour_scale: Tensor, pointers: Tensor, *rest: Tensor | None
) -> Tensor:
    return nodes.new_empty(*nodes.shape[:-2], pointers.shape[0] - 1, nodes.shape[-1])


def scaled_product(
    nodes: Tensor, row_scale: Tensor, neighbour_scale: Tensor, rows: Rows, back: Rows
) -> Tensor:
    """Sums over the neighbours in each row with a constant factor for either end: out_i = a_i sum over j of b_j v_j.

    Args:
        nodes: v [..., n_neighbours, d]; row_scale: a [n_rows]; neighbour_scale: b [n_neighbours]. No gradient goes to
            the factors.
        rows: the rows of the result's nodes; back: the rows of the neighbours.
    """
    places = rows.pointers, rows.neighbours, back.pointers, back.neighbours
    return _scaled_product(nodes.contiguous(), row_scale.detach(), neighbour_scale.detach(), *places)


def _keep_scaled(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    ctx.save_for_backward(*inputs[1:])


def _scaled_backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
    row_scale, neighbour_scale, pointers, neighbours, back_pointers, back_neighbours = ctx.saved_tensors
    rows, back = Rows(pointers, neighbours), Rows(back_pointers, back_neighbours)
    return scaled_product(grad, neighbour_scale, row_scale, back, rows), *[None] * 6


_scaled_product.register_autograd(_scaled_backward, setup_context=_keep_scaled)


@custom_op("edgewise::dot", mutates_args=())
def _dot(
    rows: Tensor,
    others: Tensor,
    heads: int,
    pointers: Tensor,
    neighbours: Tensor,
    edges: Tensor | None,
    back_pointers: Tensor,
    back_neighbours: Tensor,
    back_edges: Tensor | None,
) -> Tensor:
    if rows.device.type == "cpu" and rows.dtype in MATRIX_TYPES and fused.serves(rows, len(neighbours)):
        return fused.dot(rows, others, heads, pointers, neighbours, edges)
    left = rows.index_select(-2, row_index(pointers))
    found = (left * others.index_select(-2, neighbours)).unflatten(-1, (heads, -1)).sum(-1)
    return found if edges is None else torch.empty_like(found).index_copy(-2, edges, found)


@_product.register_fake
def _(nodes: Tensor, weights: Tensor | None, pointers: Tensor, *rows: Tensor | None) -> Tensor:
    lead = (
        nodes.shape[:-2] if weights is None else torch.broadcast_shapes(nodes.shape[:-2], weights.shape[:-2])
    )
    return nodes.new_empty(*lead, pointers.shape[0] - 1, nodes.shape[-1])


@_dot.register_fake
def _(
    rows: Tensor, others: Tensor, heads: int, pointers: Tensor, neighbours: Tensor, *rest: Tensor | None
) -> Tensor:
    lead = torch.broadcast_shapes(rows.shape[:-2], others.shape[:-2])
    return rows.new_empty(*lead, neighbours.shape[0], heads)


def product(nodes: Tensor, weights: Tensor | None, rows: Rows, back: Rows) -> Tensor:
    """Weighted sums over the neighbours in each row, a head:

        out_i[h] = sum over e = (i, j) of w_e[h] v_j[h]

    Args:
        nodes: v [..., n_neighbours, heads * width].
        weights: w [..., n_edges, heads], by edge of the layout; None for 1.
        rows: the rows of the result's nodes; back: the rows of the neighbours.

    Returns: [..., n_rows, heads * width].
    """
    return _product(nodes.contiguous(), weights, *rows.parts, *back.parts)


def dot(here: Tensor, there: Tensor, heads: int, rows: Rows, back: Rows) -> Tensor:
    """The dot product of both ends of each edge, a head: x_e[h] = u_i[h] . v_j[h] for e = (i, j).

    Args:
        here: u [..., n_rows, heads * width]; there: v [..., n_neighbours, heads * width].
        rows: the rows of `here`; back: the rows of `there`.

    Returns: [..., n_edges, heads], by edge of the layout.
    """
    return _dot(here.contiguous(), there.contiguous(), heads, *rows.parts, *back.parts)


def _both_ways(parts: tuple[Any, ...]) -> tuple[Rows, Rows]:
    return Rows(*parts[:3]), Rows(*parts[3:])


def _keep_product(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    ctx.save_for_backward(*inputs)


def _product_backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
    nodes, weights, *parts = ctx.saved_tensors
    rows, back = _both_ways(tuple(parts))
    needs_nodes, needs_weights = ctx.needs_input_grad[:2]
    to_nodes = _like(product(grad, weights, back, rows), nodes) if needs_nodes else None
    to_weights = None
    if needs_weights:
        to_weights = _like(dot(grad, nodes, weights.shape[-1], rows, back), weights)
    return to_nodes, to_weights, *[None] * 6


def _keep_dot(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    here, there, ctx.heads, *parts = inputs
    ctx.save_for_backward(here, there, *parts)


def _dot_backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
    here, there, *parts = ctx.saved_tensors
    rows, back = _both_ways(tuple(parts))
    grad = grad.contiguous()
    to_here = _like(product(there, grad, rows, back), here) if ctx.needs_input_grad[0] else None
    to_there = _like(product(here, grad, back, rows), there) if ctx.needs_input_grad[1] else None
    return to_here, to_there, *[None] * 7


def _like(grad: Tensor, given: Tensor) -> Tensor:
    """A gradient summed over the leading dimensions along which its tensor was broadcast."""
    return grad if grad.shape == given.shape else grad.sum_to_size(given.shape)


_product.register_autograd(_product_backward, setup_context=_keep_product)
_dot.register_autograd(_dot_backward, setup_context=_keep_dot)


# ---- over the edges of a row ---------------------------------------------------------------------------------------


def _row_maxima(values: Tensor, pointers: Tensor) -> Tensor:
    """[..., n_edges, d] sorted by row -> [..., n_rows, d]; -inf for an empty row."""
    lead, (n, d) = values.shape[:-2], values.shape[-2:]
    if values.numel() == 0:
        return values.new_full((*lead, len(pointers) - 1, d), -torch.inf)
    flat = values.movedim(-2, 0).reshape(n, -1)
    out = torch.segment_reduce(flat, "max", offsets=pointers, initial=-torch.inf, unsafe=True)
    return out.reshape(-1, *lead, d).movedim(0, -2).contiguous()


@custom_op("edgewise::edge_max", mutates_args=())
def edge_max(values: Tensor, index: Tensor, pointers: Tensor) -> Tensor:
    """The maximum of each row's edges, sorted by row; -inf for an empty row. Ties share the gradient."""
    if fused.serves(values, values.shape[-2]) and values.dtype in MATRIX_TYPES:
        return fused.row_maxima(values, pointers)
    return _row_maxima(values, pointers)


@custom_op("edgewise::edge_softmax", mutates_args=())
def edge_softmax(logits: Tensor, index: Tensor, pointers: Tensor) -> Tensor:
    """Normalise over each row's edges, sorted by row: [..., n_edges, heads]."""
    if fused.serves(logits, logits.shape[-2]) and logits.dtype in MATRIX_TYPES:
        return fused.softmax(logits, pointers)
    weights = (logits - _row_maxima(logits, pointers).index_select(-2, index)).exp()
    return weights / collect(weights, index, pointers, None).index_select(-2, index)


@edge_max.register_fake
def _(values: Tensor, index: Tensor, pointers: Tensor) -> Tensor:
    return values.new_empty(*values.shape[:-2], pointers.shape[0] - 1, values.shape[-1])


@edge_softmax.register_fake
def _(logits: Tensor, index: Tensor, pointers: Tensor) -> Tensor:
    return torch.empty_like(logits)


def _keep_result(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    ctx.save_for_backward(*inputs, output)


def _edge_max_backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
    values, index, pointers, out = ctx.saved_tensors
    best = (values == out.index_select(-2, index)).to(values.dtype)
    ties = collect(best, index, pointers, None).clamp_min(1)
    return spread((grad / ties).contiguous(), index, pointers, None) * best, None, None


def _edge_softmax_backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
    _, index, pointers, weights = ctx.saved_tensors
    weighed = weights * grad
    return (
        weighed - weights * spread(collect(weighed, index, pointers, None), index, pointers, None),
        None,
        None,
    )


edge_max.register_autograd(_edge_max_backward, setup_context=_keep_result)
edge_softmax.register_autograd(_edge_softmax_backward, setup_context=_keep_result)
