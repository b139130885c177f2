"""Fused loops over compressed rows, compiled by Numba where it is installed (extra `fast`).

Each row is the work of one thread, from its first edge to its last, so results do not depend on the number of threads.
Kernels are compiled at their first use and cached on disk; those with several heads are compiled for each shape of the
heads, since only loops of known length become vector instructions. `serves` says whether a case is worth it.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from torch import Tensor

INSTALLED = find_spec("numba") is not None
LEAST_EDGES = 4096
"""Below this number of edges the call costs more than the loop saves."""


def serves(values: Tensor, n_edges: int) -> bool:
    """Whether the fused loops take this case: float32 or float64 on a CPU, large enough, and Numba there."""
    large = n_edges >= LEAST_EDGES and n_edges > 0 and values.numel() > 0
    return INSTALLED and large and values.device.type == "cpu"


# ---- threads -------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _pool(n_threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(n_threads, thread_name_prefix="edgewise-rows")


os.register_at_fork(after_in_child=_pool.cache_clear)


def over_rows(kernel: Callable[..., None], pointers: np.ndarray, *arguments: Any) -> None:
    """Run kernel(first, last, pointers, ...) on stretches of rows with about as many edges each, one a thread."""
    n_threads = torch.get_num_threads()
    n_rows = len(pointers) - 1
    wanted = np.arange(1, n_threads) * (int(pointers[-1]) / n_threads)
    cuts = [0, *np.searchsorted(pointers, wanted).tolist(), n_rows]
    stretches = [(cuts[i], cuts[i + 1]) for i in range(n_threads)]
    if n_threads == 1:
        kernel(*stretches[0], pointers, *arguments)
        return
    others = [
        _pool(n_threads - 1).submit(kernel, *stretch, pointers, *arguments) for stretch in stretches[1:]
    ]
    kernel(*stretches[0], pointers, *arguments)
    for other in others:
        other.result()


def _array(tensor: Tensor | None) -> np.ndarray | None:
    return None if tensor is None else tensor.detach().contiguous().numpy()


def stacked(tensor: Tensor, lead: Sequence[int]) -> np.ndarray:
    """[..., n, d] -> [graphs, n, d] with the given leading dimensions."""
    full = tensor.detach().expand(*lead, *tensor.shape[-2:])
    return full.reshape(-1, *tensor.shape[-2:]).contiguous().numpy()


def result(lead: Sequence[int], n: int, d: int, like: Tensor) -> tuple[Tensor, np.ndarray]:
    out = torch.empty(*lead, n, d, dtype=like.dtype)
    return out, out.reshape(-1, n, d).numpy()


# ---- the operations ------------------------------------------------------------------------------------------------


def collect(values: Tensor, pointers: Tensor, edges: Tensor | None) -> Tensor:
    """See `edgewise.relation.csr.collect`."""
    places = torch.arange(values.shape[-2]) if edges is None else edges
    return product(values, None, pointers, places, None)


def product(
    nodes: Tensor, weights: Tensor | None, pointers: Tensor, neighbours: Tensor, edges: Tensor | None
) -> Tensor:
    """See `edgewise.relation.csr.product`."""
    lead = nodes.shape[:-2]
    rows, neighbours_, edges_ = pointers.numpy(), neighbours.numpy(), _array(edges)
    if weights is None:
        out, into = result(lead, len(rows) - 1, nodes.shape[-1], nodes)
        over_rows(_sum_kernel(), rows, neighbours_, stacked(nodes, lead), into)
        return out
    lead = torch.broadcast_shapes(lead, weights.shape[:-2])
    out, into = result(lead, len(rows) - 1, nodes.shape[-1], nodes)
    heads = weights.shape[-1]
    kernel = _weighted_kernel() if heads == 1 else _heads_kernel(heads, nodes.shape[-1] // heads)
    over_rows(kernel, rows, neighbours_, edges_, stacked(weights, lead), stacked(nodes, lead), into)
    return out


def scaled_product(
    nodes: Tensor, row_scale: Tensor, neighbour_scale: Tensor, pointers: Tensor, neighbours: Tensor
) -> Tensor:
    """See `edgewise.relation.csr.scaled_product`."""
    lead = nodes.shape[:-2]
    out, into = result(lead, len(pointers) - 1, nodes.shape[-1], nodes)
    scales = row_scale.numpy(), neighbour_scale.numpy()
    over_rows(_scaled_kernel(), pointers.numpy(), neighbours.numpy(), *scales, stacked(nodes, lead), into)
    return out


def dot(
    here: Tensor, there: Tensor, heads: int, pointers: Tensor, neighbours: Tensor, edges: Tensor | None
) -> Tensor:
    """See `edgewise.relation.csr.dot`."""
    lead = torch.broadcast_shapes(here.shape[:-2], there.shape[:-2])
    out, into = result(lead, len(neighbours), heads, here)
    kernel = _dot_kernel() if heads == 1 else _dot_heads_kernel(heads, here.shape[-1] // heads)
    arrays = neighbours.numpy(), _array(edges), stacked(here, lead), stacked(there, lead)
    over_rows(kernel, pointers.numpy(), *arrays, into)
    return out


def row_maxima(values: Tensor, pointers: Tensor) -> Tensor:
    """See `edgewise.relation.csr.edge_max`."""
    lead = values.shape[:-2]
    out, into = result(lead, len(pointers) - 1, values.shape[-1], values)
    over_rows(_max_kernel(), pointers.numpy(), stacked(values, lead), into)
    return out


def softmax(logits: Tensor, pointers: Tensor) -> Tensor:
    """See `edgewise.relation.csr.edge_softmax`."""
    lead = logits.shape[:-2]
    out, into = result(lead, logits.shape[-2], logits.shape[-1], logits)
    over_rows(_softmax_kernel(), pointers.numpy(), stacked(logits, lead), into)
    return out


# ---- the loops -----------------------------------------------------------------------------------------------------
# numba is imported at the first use. `first` and `last` bound the rows of a thread; k runs over places, g over graphs.


def compiled(loop: Callable[..., None]) -> Callable[..., None]:
    import numba

    # No flag that assumes finite numbers: NaN and infinity go through.
    fast = {"reassoc", "contract", "arcp", "nsz"}
    return numba.njit(loop, nogil=True, cache=True, fastmath=fast, error_model="numpy")


@lru_cache(maxsize=1)
def _sum_kernel() -> Callable[..., None]:
    def loop(first, last, pointers, neighbours, nodes, out):
        for g in range(nodes.shape[0]):
            for i in range(first, last):
                for c in range(nodes.shape[2]):
                    out[g, i, c] = 0
                for k in range(pointers[i], pointers[i + 1]):
                    j = neighbours[k]
                    for c in range(nodes.shape[2]):
                        out[g, i, c] += nodes[g, j, c]

    return compiled(loop)


@lru_cache(maxsize=1)
def _scaled_kernel() -> Callable[..., None]:
    def loop(first, last, pointers, neighbours, row_scale, neighbour_scale, nodes, out):
        for g in range(nodes.shape[0]):
            for i in range(first, last):
                for c in range(nodes.shape[2]):
                    out[g, i, c] = 0
                for k in range(pointers[i], pointers[i + 1]):
                    j = neighbours[k]
                    scale = neighbour_scale[j] * row_scale[i]
                    for c in range(nodes.shape[2]):
                        out[g, i, c] += scale * nodes[g, j, c]

    return compiled(loop)


@lru_cache(maxsize=1)
def _weighted_kernel() -> Callable[..., None]:
    def loop(first, last, pointers, neighbours, edges, weights, nodes, out):
        for g in range(nodes.shape[0]):
            for i in range(first, last):
                for c in range(nodes.shape[2]):
                    out[g, i, c] = 0
                for k in range(pointers[i], pointers[i + 1]):
                    j = neighbours[k]
                    weight = weights[g, k if edges is None else edges[k], 0]
                    for c in range(nodes.shape[2]):
                        out[g, i, c] += weight * nodes[g, j, c]

    return compiled(loop)


@lru_cache(maxsize=64)
def _heads_kernel(heads: int, width: int) -> Callable[..., None]:
    def loop(first, last, pointers, neighbours, edges, weights, nodes, out):
        for g in range(nodes.shape[0]):
            for i in range(first, last):
                for c in range(heads * width):
                    out[g, i, c] = 0
                for k in range(pointers[i], pointers[i + 1]):
                    j = neighbours[k]
                    e = k if edges is None else edges[k]
                    for h in range(heads):
                        weight = weights[g, e, h]
                        for c in range(width):
                            out[g, i, h * width + c] += weight * nodes[g, j, h * width + c]

    return compiled(loop)


@lru_cache(maxsize=1)
def _dot_kernel() -> Callable[..., None]:
    def loop(first, last, pointers, neighbours, edges, here, there, out):
        for g in range(here.shape[0]):
            for i in range(first, last):
                for k in range(pointers[i], pointers[i + 1]):
                    j = neighbours[k]
                    total = here.dtype.type(0)
                    for c in range(here.shape[2]):
                        total += here[g, i, c] * there[g, j, c]
                    out[g, k if edges is None else edges[k], 0] = total

    return compiled(loop)


@lru_cache(maxsize=64)
def _dot_heads_kernel(heads: int, width: int) -> Callable[..., None]:
    def loop(first, last, pointers, neighbours, edges, here, there, out):
        for g in range(here.shape[0]):
            for i in range(first, last):
                for k in range(pointers[i], pointers[i + 1]):
                    j = neighbours[k]
                    e = k if edges is None else edges[k]
                    for h in range(heads):
                        total = here.dtype.type(0)
                        for c in range(width):
                            total += here[g, i, h * width + c] * there[g, j, h * width + c]
                        out[g, e, h] = total

    return compiled(loop)


@lru_cache(maxsize=1)
def _max_kernel() -> Callable[..., None]:
    def loop(first, last, pointers, values, out):
        for g in range(values.shape[0]):
            for i in range(first, last):
                for c in range(values.shape[2]):
                    out[g, i, c] = -np.inf
                for k in range(pointers[i], pointers[i + 1]):
                    for c in range(values.shape[2]):
                        value = values[g, k, c]
                        if value > out[g, i, c] or value != value:
                            out[g, i, c] = value

    return compiled(loop)


@lru_cache(maxsize=1)
def _softmax_kernel() -> Callable[..., None]:
    def loop(first, last, pointers, logits, out):
        heads = logits.shape[2]
        most, total = np.empty(heads, logits.dtype), np.empty(heads, logits.dtype)
        for g in range(logits.shape[0]):
            for i in range(first, last):
                for h in range(heads):
                    most[h], total[h] = -np.inf, 0
                for k in range(pointers[i], pointers[i + 1]):
                    for h in range(heads):
                        most[h] = max(most[h], logits[g, k, h])
                for k in range(pointers[i], pointers[i + 1]):
                    for h in range(heads):
                        out[g, k, h] = np.exp(logits[g, k, h] - most[h])
                        total[h] += out[g, k, h]
                for k in range(pointers[i], pointers[i + 1]):
                    for h in range(heads):
                        out[g, k, h] /= total[h]

    return compiled(loop)
