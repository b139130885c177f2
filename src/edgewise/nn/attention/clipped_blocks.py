"""The blocks in which relative attention (`edgewise.nn.attention.clipped`) works on its scores.

Of a block with rows r0 to r1, every sender at or before r0 - k has the label 0 and every one from r1 - 1 + k on the
label 2 k, so that those columns need one addition; only the 2 k + r1 - r0 columns between look their labels up.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from edgewise.nn.attention import clipped_loops

BLOCK = 1 << 19
"""Scores that are worked on at once."""
MOST_ROWS = 128


@dataclass(frozen=True)
class Block:
    """Some rows of the scores, the columns that they look at, and what is special about those.

    Args:
        left, right: columns [0, left) have the first label in every row, [right, columns) the last one.
        labels: [rows, right - left] of the columns in between.
        first: the position of the first row.
        beyond: columns that would be in between too, before the first and behind the last one.
    """

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


def rows_at_once(query: Tensor, key: Tensor) -> int:
    """Rows of a block: so many that one sentence's scores in them are at most `BLOCK`, but at least 16."""
    return min(query.shape[2], MOST_ROWS, max(BLOCK // (query.shape[1] * key.shape[2]), 16))


def sentences(query: Tensor, key: Tensor) -> list[slice]:
    """Sentences that are worked on at once: as many as a block has room for."""
    together = max(BLOCK // (query.shape[1] * rows_at_once(query, key) * key.shape[2]), 1)
    return [slice(first, first + together) for first in range(0, max(len(query), 1), together)]


def blocks(query: Tensor, key: Tensor, reach: int, mask: Tensor | None, causal: bool) -> Iterator[Block]:
    n_rows, n_columns = query.shape[2], key.shape[2]
    rows = rows_at_once(query, key)
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
        allowed = (torch.arange(columns) <= places)[None, None] if causal else None
        if mask is not None:
            own = mask[:, None, first_row:last_row, :columns]
            allowed = own if allowed is None else own & allowed
        empty = None if mask is None or allowed is None else ~allowed.any(-1, keepdim=True)
        among = slice(first_row, last_row)
        yield Block(among, columns, left, right, labels, first_row + shift, beyond, allowed, empty)


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


def add_to_senders(block: Block, total: Tensor, edges: Tensor, rows: Tensor) -> None:
    """total += rows^T edges, in place: total [n, heads, d, senders], edges [.., rows, columns], rows [.., rows, d].

    Transposed like this, the product reads its large factor along its rows and needs no addition of its own.
    """
    into = total.flatten(0, 1)[..., : block.columns]
    into.baddbmm_(rows.flatten(0, 1).mT, edges.flatten(0, 1))
