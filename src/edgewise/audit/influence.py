"""Who can influence whom: the block pattern of the Jacobian over entities, steps and positions, as a relation."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edgewise.audit.axes import TIME, Layout
from edgewise.audit.subject import Given, Subject
from edgewise.relation import Sparse

NEGLIGIBLE = {torch.float64: 1e-12, torch.float32: 1e-6}
"""Blocks smaller than this share of the largest one are rounding."""
NEGLIGIBLE_OTHER = 1e-3
INPUTS = 8
"""Random inputs whose patterns are joined."""
PASSES = 1024
"""Backward passes at most: an answer of more numbers is read in random combinations, one or several a place."""
ALL_PLACES = 1024
"""With more places of the answer than this, so many are looked at, evenly spread."""
LISTED = 50
"""Causality violations that are listed."""


@dataclass(frozen=True, eq=False)
class Influence:
    """Which places of the input reach which places of the answer.

    Attributes:
        strength: [places of the answer, places of the input], the root mean square over inputs of the norm of the block
            of the Jacobian; 0 for an influence that has no gradient.
        there: bool of the same shape, whether there is any influence: a block that is not 0, or an answer that changes
            when the place is given other values (influence through what has no gradient counts too).
        receivers, senders: sizes of the axes that number the places of the answer and of the input.
        looked_at: the places of the answer that are rows, in order.
        without_gradient: pairs that influence each other by a path without gradient.
    """

    strength: np.ndarray
    there: np.ndarray
    receivers: dict[str, tuple[int, ...]]
    senders: dict[str, tuple[int, ...]]
    looked_at: np.ndarray
    without_gradient: int

    @property
    def relation(self) -> Sparse:
        """The pattern as a relation: sender (place of the input) -> receiver (place of the answer)."""
        receivers, senders = (torch.from_numpy(axis.astype(np.int64)) for axis in self.there.nonzero())
        rows = torch.from_numpy(self.looked_at)
        n = math.prod(math.prod(sizes) for sizes in self.receivers.values())
        return Sparse(senders, rows[receivers], n, self.there.shape[1])

    @property
    def density(self) -> float:
        """Share of the pairs that are there."""
        return float(self.there.mean())

    def pattern(self, axis: str) -> np.ndarray:
        """Between the values of one axis, whatever the others are: bool [of the answer, of the input].

        An answer without the axis is one receiver.
        """
        return self.between(self.there, axis) > 0

    def between(self, values: np.ndarray, axis: str) -> np.ndarray:
        """The largest of the values between two places of one axis: [of the answer, of the input]."""
        n_out = math.prod(self.receivers.get(axis, (1,)))
        n_in = math.prod(self.senders[axis])
        out = np.zeros((n_out, n_in))
        rows, columns = self.numbers(axis)
        np.maximum.at(out, (rows[:, None], columns[None, :]), values.astype(float))
        return out

    def numbers(self, axis: str) -> tuple[np.ndarray, np.ndarray]:
        """Which value of an axis each place of the answer (row) and of the input (column) has."""
        rows = _numbers(self.receivers, axis)[self.looked_at]
        return rows, _numbers(self.senders, axis)

    @property
    def violations(self) -> list[dict[str, Any]] | None:
        """Answers at a step that depend on later input, the strongest first; None where the answer has no steps."""
        if TIME not in self.receivers:
            return None
        strength, there = self.between(self.strength, TIME), self.pattern(TIME)
        outputs, inputs = np.triu(there, 1).nonzero()
        found = [
            {"output": int(t), "input": int(s), "strength": float(strength[t, s])}
            for t, s in zip(outputs, inputs, strict=True)
        ]
        return sorted(found, key=lambda each: (-each["strength"], each["output"], each["input"]))


def _numbers(sizes: dict[str, tuple[int, ...]], axis: str) -> np.ndarray:
    """The number along one axis of each place, places counted with the last axis fastest."""
    counts = {name: math.prod(own) for name, own in sizes.items()}
    if axis not in counts:
        return np.zeros(math.prod(counts.values()), int)
    grid = np.indices(tuple(counts.values())).reshape(len(counts), -1)
    return grid[list(counts).index(axis)]


def influence(subject: Subject, given: Given, layout: Layout) -> Influence:
    """Measure the pattern at `INPUTS` random inputs, and join what was found.

    Each block is read from gradients of the module's numbers; where there are more of them than `PASSES`, from
    gradients of random normal combinations u of the features of a place, since E |u^T J|^2 = |J|^2 and u^T J is 0 only
    if J is. Then each place of the input is given other values, and what changes is added to the pattern.
    """
    some = given[0:INPUTS]
    n_out = math.prod(math.prod(sizes) for sizes in layout.place_sizes.values())
    rows = np.unique(np.linspace(0, n_out - 1, min(n_out, ALL_PLACES)).round().astype(np.int64))
    strength = _jacobian(subject, some, layout, rows)
    largest = float(strength.max(initial=0.0))
    by_gradient = strength > NEGLIGIBLE.get(subject.precision, NEGLIGIBLE_OTHER) * largest
    by_change = _changes(subject, some, layout)[rows]
    return Influence(
        strength=np.where(by_gradient, strength, 0.0),
        there=by_gradient | by_change,
        receivers=layout.place_sizes,
        senders=subject.axes.sizes,
        looked_at=rows,
        without_gradient=int((by_change & ~by_gradient).sum()),
    )


def _jacobian(subject: Subject, given: Given, layout: Layout, rows: np.ndarray) -> np.ndarray:
    """Root mean squares over inputs of the norms of the blocks: [rows, places of the input]."""
    x = given.x.to(subject.dtype).requires_grad_()
    out = layout.places_first(subject.answer(Given(x, given.relation, given.edges)))
    if not out.requires_grad:
        return np.zeros((len(rows), subject.axes.n_places))
    directions = _directions(out, len(rows), subject.seed)
    blocks = []
    for row in rows.tolist():
        squares = torch.zeros(len(x), subject.axes.n_places, dtype=torch.float64)
        for direction in directions:
            (gradient,) = torch.autograd.grad(
                (out[:, row] @ direction).sum(), x, retain_graph=True, allow_unused=True
            )
            if gradient is not None:
                squares += _place_squares(gradient.double(), subject)
        blocks.append(squares.mean(0).sqrt())
    return torch.stack(blocks).numpy()


def _directions(out: Tensor, n_rows: int, seed: int) -> Tensor:
    """Combinations of the features of a place: all of them one by one, or random ones: [combinations, features]."""
    n_features = out.shape[-1]
    most = max(1, PASSES // n_rows)
    if n_features <= most:
        return torch.eye(n_features, dtype=out.dtype)
    most = min(most, 4)
    drawn = torch.randn(most, n_features, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return (drawn / math.sqrt(most)).to(out.dtype)


def _place_squares(gradient: Tensor, subject: Subject) -> Tensor:
    """Sums over the features of a place: [batch, ...] -> [batch, place]."""
    return gradient.square().sum(subject.axes.feature_dim).flatten(1)


@torch.no_grad()
def _changes(subject: Subject, given: Given, layout: Layout) -> np.ndarray:
    """Which places of the answer change when a place of the input does: bool [places of the answer, of the input]."""
    axes = subject.axes
    fresh = axes.sample(len(given.x), torch.Generator().manual_seed(subject.seed + 1))
    before = layout.places_first(subject(given))
    least = NEGLIGIBLE.get(subject.precision, NEGLIGIBLE_OTHER) * float(before.abs().max())
    columns = []
    for place in range(axes.n_places):
        mask = torch.zeros(axes.n_places, dtype=torch.bool)
        mask[place] = True
        here = mask.reshape([size for k, size in enumerate(axes.shape) if k + 1 != axes.feature_dim])
        x = torch.where(here.unsqueeze(axes.feature_dim - 1), fresh, given.x)
        after = layout.places_first(subject(Given(x, given.relation, given.edges)))
        columns.append(((after - before).abs() > least).any(-1).any(0))
    return torch.stack(columns, -1).numpy()
