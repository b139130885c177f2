"""Translation, rotation, reflection and scaling: of coordinates among the features, or of a grid."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from torch import Tensor

from edgewise.audit.axes import GRID, Axes, Layout
from edgewise.audit.estimate import Estimate
from edgewise.audit.subject import Given, Subject
from edgewise.audit.symmetry import ELEMENTS, Element, Kind, Symmetry, measured


@dataclass(frozen=True, eq=False)
class Affine:
    """x -> x A^T + b on points; on vectors without b. matrix: A [d, d]; offset: b [d]."""

    matrix: Tensor
    offset: Tensor

    def on_groups(self, values: Tensor, points: tuple[int, ...], vectors: tuple[int, ...]) -> Tensor:
        """Transform features: [..., feature], `points` the components of points, `vectors` those of vectors."""
        out, d = values.clone(), len(self.offset)
        for at in range(0, len(points), d):
            group = list(points[at : at + d])
            out[..., group] = values[..., group] @ self.matrix.mT + self.offset
        for at in range(0, len(vectors), d):
            group = list(vectors[at : at + d])
            out[..., group] = values[..., group] @ self.matrix.mT
        return out


T = TypeVar("T")
Draw = Callable[[int, torch.Generator], Affine]


def translated(d: int, generator: torch.Generator) -> Affine:
    """A step of any direction, of length sqrt(d) on average: coordinates are drawn with variance 1."""
    return Affine(torch.eye(d, dtype=torch.float64), torch.randn(d, generator=generator, dtype=torch.float64))


def _orthogonal(d: int, generator: torch.Generator, sign: float) -> Affine:
    """A uniform orthogonal matrix of determinant `sign` (QR of a normal matrix; Mezzadri 2007)."""
    q, r = torch.linalg.qr(torch.randn(d, d, generator=generator, dtype=torch.float64))
    q = q * r.diagonal().sign()
    if float(torch.linalg.det(q)) * sign < 0:
        q[:, 0] = -q[:, 0]
    return Affine(q, torch.zeros(d, dtype=torch.float64))


def rotated(d: int, generator: torch.Generator) -> Affine:
    """About the origin."""
    return _orthogonal(d, generator, 1.0)


def reflected(d: int, generator: torch.Generator) -> Affine:
    """At a plane through the origin, and turned."""
    return _orthogonal(d, generator, -1.0)


def scaled(d: int, generator: torch.Generator) -> Affine:
    """By a factor from 1/2 to 2, about the origin."""
    factor = 2.0 ** (2.0 * float(torch.rand((), generator=generator)) - 1.0)
    return Affine(factor * torch.eye(d, dtype=torch.float64), torch.zeros(d, dtype=torch.float64))


DRAWN: dict[str, Draw] = {
    "translation": translated,
    "rotation": rotated,
    "reflection": reflected,
    "scaling": scaled,
}


def coordinate_symmetries(
    subject: Subject, given: Given, layout: Layout, generator: torch.Generator
) -> dict[str, Symmetry]:
    """Each of `DRAWN` on the coordinates; a rotation needs two of them."""
    d = len(subject.axes.spatial)
    names = [name for name in DRAWN if d > 1 or name != "rotation"]
    return {
        name: _best(subject, given, layout, [DRAWN[name](d, generator) for _ in range(ELEMENTS)])
        for name in names
    }


def _best(subject: Subject, given: Given, layout: Layout, drawn: list[Affine]) -> Symmetry:
    """The smallest error among the ways in which an answer may follow; see `_ways`."""
    tried: list[tuple[Estimate, Kind, str]] = []
    for kind, of, points, vectors in _ways(subject.axes, layout):
        elements = [_acting(subject.axes, one, points, vectors) for one in drawn]
        tried.append((measured(subject, given, elements).estimate(subject), kind, of))
    best, kind, of = min(tried, key=lambda one: one[0].error)
    others = [f"error if it {each[2]}: {each[0].error:.3g}" for each in tried if each[2] != of]
    return Symmetry(kind, best, "coordinates", note="; ".join([f"the answer {of}", *others]))


def _ways(axes: Axes, layout: Layout) -> list[tuple[Kind, str, tuple[int, ...], tuple[int, ...]]]:
    """How an answer may follow: it stays, is made of vectors, of points, or has the features of the input.

    An answer of other numbers of features than these can only stay.
    """
    d, n = len(axes.spatial), layout.shape[-1]
    ways: list[tuple[Kind, str, tuple[int, ...], tuple[int, ...]]] = [("invariance", "stays", (), ())]
    if n % d == 0:
        every = tuple(range(n))
        ways += [
            ("equivariance", "follows as vectors", (), every),
            ("equivariance", "follows as points", every, ()),
        ]
    if n == axes.features and n != d:
        ways.append(("equivariance", "follows with the features of the input", axes.spatial, axes.vectors))
    return ways


def _acting(axes: Axes, affine: Affine, points: tuple[int, ...], vectors: tuple[int, ...]) -> Element:
    def on_input(given: Given) -> Given:
        return replace(given, x=affine.on_groups(given.x, axes.spatial, axes.vectors))

    return Element(on_input, lambda answer: affine.on_groups(answer, points, vectors))


# ---- on a grid -----------------------------------------------------------------------------------


def grid_symmetries(
    subject: Subject, given: Given, layout: Layout, generator: torch.Generator
) -> dict[str, Symmetry]:
    """Quarter turns of axes of one size, and mirror images, of the whole grid: they map its places onto each other."""
    dims, kept = subject.axes.dims[GRID], layout.dims.get(GRID, ())
    sizes = subject.axes.sizes[GRID]
    turns = [(i, j) for j in range(len(sizes)) for i in range(j) if sizes[i] == sizes[j]]
    out = {}
    if turns:
        drawn = [_picked(turns, generator) for _ in range(ELEMENTS)]
        counts = [1 + int(torch.randint(3, (), generator=generator)) for _ in range(ELEMENTS)]
        elements = [_turning(dims, kept, plane, k) for plane, k in zip(drawn, counts, strict=True)]
        out["rotation"] = _of_grid(subject, given, layout, elements, "quarter turns of the grid")
    axes = [_picked(list(range(len(sizes))), generator) for _ in range(ELEMENTS)]
    mirrored = [_mirroring(dims, kept, axis) for axis in axes]
    out["reflection"] = _of_grid(subject, given, layout, mirrored, "mirror images of the grid")
    return out


def _picked(of: Sequence[T], generator: torch.Generator) -> T:
    return of[int(torch.randint(len(of), (), generator=generator))]


def _of_grid(subject: Subject, given: Given, layout: Layout, elements: list[Element], of: str) -> Symmetry:
    kind: Kind = "equivariance" if layout.has(GRID) else "invariance"
    return Symmetry(kind, measured(subject, given, elements).estimate(subject), of)


def _turning(dims: tuple[int, ...], kept: tuple[int, ...], plane: tuple[int, int], count: int) -> Element:
    def turned(values: Tensor, places: tuple[int, ...]) -> Tensor:
        return values.rot90(count, [places[plane[0]], places[plane[1]]]) if places else values

    return Element(lambda given: replace(given, x=turned(given.x, dims)), lambda answer: turned(answer, kept))


def _mirroring(dims: tuple[int, ...], kept: tuple[int, ...], axis: int) -> Element:
    def flipped(values: Tensor, places: tuple[int, ...]) -> Tensor:
        return values.flip(places[axis]) if places else values

    return Element(
        lambda given: replace(given, x=flipped(given.x, dims)), lambda answer: flipped(answer, kept)
    )
