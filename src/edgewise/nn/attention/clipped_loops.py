"""The two walks over a block of scores (`edgewise.nn.attention.clipped`) as compiled loops, where Numba is installed.

A row is read once: its first columns all have the label 0, its last ones the label 2 k, and those within k of the
diagonal have labels of their own.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from edgewise.relation import fused

LEAST = 1 << 15
"""Scores below which the call costs more than it saves."""


def serve(edges: Tensor) -> bool:
    """Whether they take these scores: many, float32 or float64, on a CPU, each row in one piece."""
    floats = edges.dtype in (torch.float32, torch.float64) and edges.device.type == "cpu"
    return fused.INSTALLED and floats and edges.numel() >= LEAST and edges.stride(-1) == 1


def add_positions(edges: Tensor, near: Tensor, first: int) -> None:
    """edges[r, s] += near[r, clip(s - p_r, -k, k) + k] in place, p_r = first + r; [n, heads, rows, *]."""
    _over_sentences(_adding(), edges, near, first)


def add_up(edges: Tensor, n_labels: int, first: int) -> Tensor:
    """The sum of the edges of each label: [n, heads, rows, columns] -> [n, heads, rows, 2 k + 1]."""
    bins = edges.new_empty(*edges.shape[:-1], n_labels)
    _over_sentences(_summing(), edges, bins, first)
    return bins


def _over_sentences(kernel: Callable[..., None], edges: Tensor, labels: Tensor, first: int) -> None:
    """Each thread takes some rows of every sentence and head."""
    n_rows = edges.shape[-2]
    pointers = np.arange(n_rows + 1) * edges.shape[-1]  # rows are alike
    fused.over_rows(kernel, pointers, edges.detach().numpy(), labels.detach().numpy(), first)


@lru_cache(maxsize=1)
def _adding() -> Callable[..., None]:
    def loop(first_row, last_row, pointers, edges, near, first):
        n_columns, last = edges.shape[3], near.shape[3] - 1
        reach = last // 2
        for g in range(edges.shape[0]):
            for h in range(edges.shape[1]):
                for r in range(first_row, last_row):
                    row, own = edges[g, h, r], near[g, h, r]
                    # Read once, since the compiler cannot know that both rows lie apart.
                    lowest, highest = own[0], own[last]
                    start = min(max(first + r - reach + 1, 0), n_columns)
                    stop = min(max(first + r + reach, 0), n_columns)
                    before, between, behind = row[:start], row[start:stop], row[stop:]
                    own = own[start - first - r + reach :]
                    for s in range(len(before)):
                        before[s] += lowest
                    for s in range(len(between)):
                        between[s] += own[s]
                    for s in range(len(behind)):
                        behind[s] += highest

    return fused.compiled(loop)


@lru_cache(maxsize=1)
def _summing() -> Callable[..., None]:
    def loop(first_row, last_row, pointers, edges, bins, first):
        n_columns, last = edges.shape[3], bins.shape[3] - 1
        reach = last // 2
        for g in range(edges.shape[0]):
            for h in range(edges.shape[1]):
                for r in range(first_row, last_row):
                    row, own = edges[g, h, r], bins[g, h, r]
                    start = min(max(first + r - reach + 1, 0), n_columns)
                    stop = min(max(first + r + reach, 0), n_columns)
                    before, between, behind = row[:start], row[start:stop], row[stop:]
                    lowest, highest = edges.dtype.type(0), edges.dtype.type(0)
                    for s in range(len(before)):
                        lowest += before[s]
                    for s in range(len(behind)):
                        highest += behind[s]
                    own[:] = 0
                    near = own[start - first - r + reach :]
                    for s in range(len(between)):
                        near[s] = between[s]
                    own[0] += lowest
                    own[last] += highest

    return fused.compiled(loop)
