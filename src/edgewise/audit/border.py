"""Shifts along steps and grid, with what the ends do to an answer told apart from the rest."""

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from edgewise.audit.axes import GRID, Layout
from edgewise.audit.extent import Extent
from edgewise.audit.subject import Given, Subject
from edgewise.audit.symmetry import ELEMENTS, Element, Kind, Measured, Symmetry, estimate, measured


def shift(
    subject: Subject,
    given: Given,
    layout: Layout,
    axis: str,
    seen: Sequence[Extent],
    generator: torch.Generator,
) -> Symmetry:
    """Circular shifts by up to an eighth of an axis, of the steps or of the grid.

    On a circle a shift has no ends. A module that pads, or begins somewhere, differs at the ends; so the error is also
    told for the interior: places which, before and after the shift, are farther from every end than the module was seen
    to look (`extents`). A module that looks everywhere has no such place; then the interior is the middle half.

    Args:
        seen: the receptive field along each dimension of the axis.
        axis: "time" or "grid".
    """
    sizes = subject.axes.sizes[axis]
    shifts = [_drawn(sizes, generator) for _ in range(ELEMENTS)]
    of = "positions of the grid" if axis == GRID else "steps"
    elements = [_shifting(subject.axes.dims[axis], layout.dims.get(axis, ()), each) for each in shifts]
    if not layout.has(axis):
        return Symmetry("invariance", measured(subject, given, elements).estimate(subject), of)
    kind: Kind = "equivariance"
    found = measured(subject, given, elements)
    overall = found.estimate(subject)
    if any(extent.wraps for extent in seen):
        return Symmetry(kind, overall, of, note="the module sees over the ends: there is no border")
    reach, note = _reach(sizes, seen)
    inside = _interior(found, layout.dims[axis], shifts, reach)
    interior = estimate([found], subject, inside) if inside.any() else None
    border = estimate([found], subject, 1 - inside)
    return Symmetry(kind, overall, of, interior, border, note)


def _drawn(sizes: tuple[int, ...], generator: torch.Generator) -> tuple[int, ...]:
    """A shift that moves something: up to an eighth of each axis, at least 1, either way."""
    while True:
        most = [max(1, size // 8) for size in sizes]
        each = tuple(int(torch.randint(-m, m + 1, (), generator=generator)) for m in most)
        if any(each):
            return each


def _shifting(dims: tuple[int, ...], kept: tuple[int, ...], by: tuple[int, ...]) -> Element:
    def on_input(given: Given) -> Given:
        return replace(given, x=given.x.roll(by, dims))

    def on_output(answer: Tensor) -> Tensor:
        return answer.roll(by, kept) if kept else answer

    return Element(on_input, on_output)


def _reach(sizes: tuple[int, ...], seen: Sequence[Extent]) -> tuple[list[tuple[int, int]], str]:
    """How far from the two ends of each dimension the interior begins, and how that was decided."""
    reach = [(extent.back, extent.ahead) for extent in seen]
    if all(size - back - ahead >= 2 for size, (back, ahead) in zip(sizes, reach, strict=True)):
        return reach, "interior: farther from the ends than the module sees"
    middle = [(size // 4, size // 4) for size in sizes]
    return middle, "interior: the middle half, since the module sees (nearly) everything"


def _interior(
    found: Measured,
    dims: tuple[int, ...],
    shifts: Sequence[tuple[int, ...]],
    reach: Sequence[tuple[int, int]],
) -> Tensor:
    """1 for numbers whose place is in the interior before and after the shift of their sample, else 0."""
    like = found.difference
    share = math.ceil(len(like) / len(shifts))
    parts = []
    for k, by in enumerate(shifts):
        keep = like.new_ones((1,) * like.dim())
        for dim, step, (before, after) in zip(dims, by, reach, strict=True):
            size = like.shape[dim]
            now = torch.arange(size)
            earlier = (now - step) % size
            inside = [(place >= before) & (place < size - after) for place in (now, earlier)]
            shape = [1] * like.dim()
            shape[dim] = size
            keep = keep * (inside[0] & inside[1]).reshape(shape)
        parts.append(keep.expand(len(like[k * share : (k + 1) * share]), *like.shape[1:]))
    return torch.cat(parts)
