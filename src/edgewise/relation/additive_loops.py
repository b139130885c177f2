"""The loops of additive attention (see `edgewise.relation.additive` for the equations, `fused` for the frame).

The neighbours of a large graph lie anywhere in memory: their rows are asked for some edges before they are needed.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from edgewise.relation import fused
from edgewise.relation.prefetch import prefetch

AHEAD = 4
"""Edges between asking for a row of features and reading it; by measurement, 2 to 6 are alike."""
FAR = 96
"""The same for a row of logits, which takes less time to work on."""


@lru_cache(maxsize=64)
def forward(heads: int, width: int) -> Callable[..., None]:
    """Weights and values are summed in two lots, senders with x > 0 in the second: p and q cost nothing more."""

    def loop(first, last, pointers, neighbours, own, other, value, slope, out, log_total, p, q):
        kind = value.dtype
        nothing = kind.type(0)
        line, end = 64 // value.itemsize, pointers[last]
        most, weight, lot = np.empty(heads, kind), np.empty(heads, kind), np.empty(heads, np.int64)
        total, mixed = np.empty(2 * heads, kind), np.empty(2 * heads * width, kind)
        for g in range(value.shape[0]):
            for i in range(first, last):
                for h in range(heads):
                    most[h] = -np.inf
                for h in range(2 * heads):
                    total[h] = 0
                for c in range(2 * heads * width):
                    mixed[c] = 0
                for k in range(pointers[i], pointers[i + 1]):
                    if k + FAR < end:
                        prefetch(other, g, neighbours[k + FAR], 0)
                    j = neighbours[k]
                    for h in range(heads):
                        most[h] = max(most[h], other[g, j, h])
                for h in range(heads):  # LeakyReLU rises, so the largest sender has the largest logit
                    logit = own[g, i, h] + most[h]
                    most[h] = max(logit, slope * logit)
                for k in range(pointers[i], pointers[i + 1]):
                    if k + AHEAD < end:
                        soon = neighbours[k + AHEAD]
                        for c in range(0, heads * width, line):
                            prefetch(value, g, soon, c)
                    j = neighbours[k]
                    for h in range(heads):
                        logit = own[g, i, h] + other[g, j, h]
                        weight[h] = np.exp(max(logit, slope * logit) - most[h])
                        lot[h] = h + heads if logit > 0 else h
                    for h in range(heads):
                        at = lot[h]
                        total[at] += weight[h]
                        for c in range(width):
                            mixed[at * width + c] += weight[h] * value[g, j, h * width + c]
                for h in range(heads):
                    whole = total[h] + total[h + heads]
                    scale = 1 / whole if whole > 0 else nothing
                    for c in range(width):
                        above = mixed[(h + heads) * width + c]
                        out[g, i, h * width + c] = (mixed[h * width + c] + above) * scale
                        p[g, i, h * width + c] = above * scale
                    q[g, i, h] = total[h + heads] * scale
                    log_total[g, i, h] = most[h] + np.log(whole) if whole > 0 else nothing

    return fused.compiled(loop)


@lru_cache(maxsize=64)
def backward(heads: int, width: int) -> Callable[..., None]:
    def loop(
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
        kind = value.dtype
        sums, mixed = np.empty(heads, kind), np.empty(heads * width, kind)
        line, end = 64 // value.itemsize, pointers[last]
        for g in range(value.shape[0]):
            for j in range(first, last):
                for h in range(heads):
                    sums[h] = 0
                for c in range(heads * width):
                    mixed[c] = 0
                for k in range(pointers[j], pointers[j + 1]):
                    if k + AHEAD < end:
                        soon = neighbours[k + AHEAD]
                        for c in range(0, heads * width, line):
                            prefetch(grad, g, soon, c)
                        prefetch(own, g, soon, 0)
                        prefetch(shared, g, soon, 0)
                        prefetch(log_total, g, soon, 0)
                    i = neighbours[k]
                    for h in range(heads):
                        logit = own[g, i, h] + other[g, j, h]
                        weight = np.exp(max(logit, slope * logit) - log_total[g, i, h])
                        along = kind.type(0)
                        for c in range(width):
                            along += grad[g, i, h * width + c] * value[g, j, h * width + c]
                            mixed[h * width + c] += weight * grad[g, i, h * width + c]
                        change = weight * (along - shared[g, i, h])
                        sums[h] += change if logit > 0 else slope * change
                for h in range(heads):
                    to_other[g, j, h] = sums[h]
                for c in range(heads * width):
                    to_value[g, j, c] = mixed[c]

    return fused.compiled(loop)
