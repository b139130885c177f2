"""Equivariance and invariance: what a transformed input does to the answer, measured on random group elements."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor

from edgewise.audit.axes import ENTITY, GRID, TIME, Layout, layout_of
from edgewise.audit.estimate import Estimate, relative_error, variation
from edgewise.audit.subject import Given, Subject, everybody
from edgewise.relation import Relation, Sparse
from edgewise.relation.complete import off_diagonal

Kind = Literal["equivariance", "invariance"]
ELEMENTS = 8
"""Group elements that are drawn, each for its share of the samples."""


@dataclass(frozen=True)
class Symmetry:
    """How far a module keeps a symmetry.

    Attributes:
        kind: whether the answer follows ("equivariance") or stays ("invariance"); which of them is measured is decided
            by the axes of the output, for coordinates by the smaller error.
        overall: the error of all places; None for a module that is random.
        of: what is transformed, in words.
        interior, border: the same for places farther from the border than the module sees, and for the others; None
            where there is no border, or no place of the kind.
        note: how interior and border were told apart, or why something was not measured.
    """

    kind: Kind
    overall: Estimate | None
    of: str
    interior: Estimate | None = None
    border: Estimate | None = None
    note: str = ""

    @property
    def verdict(self) -> str:
        return "random" if self.overall is None else self.overall.verdict

    def record(self) -> dict[str, Any]:
        """For JSON: {"kind", "of", "error", "low", "high", "verdict", "interior", "border", "note"}."""
        blank: dict[str, Any] = {"error": None, "low": None, "high": None, "verdict": self.verdict}
        parts = {"interior": self.interior, "border": self.border}
        return {
            "kind": self.kind,
            "of": self.of,
            **(blank if self.overall is None else self.overall.record()),
            **{name: None if part is None else part.record() for name, part in parts.items()},
            "note": self.note,
        }


@dataclass(frozen=True)
class Element:
    """A group element: what it does to inputs and to answers."""

    on_input: Callable[[Given], Given]
    on_output: Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Measured:
    """Differences and variation, number by number: f(g x) - g f(x) and (f(x) - mean)^2, in the shape of the output."""

    difference: Tensor
    variation: Tensor

    def estimate(self, subject: Subject, keep: Tensor | None = None) -> Estimate:
        """The relative error; `keep`: which numbers count, in the shape of the output."""
        return estimate([self], subject, keep)


def estimate(parts: Sequence[Measured], subject: Subject, keep: Tensor | None = None) -> Estimate:
    """The relative error of several measurements of the same samples together."""
    difference = sum(_total(part.difference.square(), keep) for part in parts)
    varied = sum(_total(part.variation, keep) for part in parts)
    assert isinstance(difference, Tensor)
    assert isinstance(varied, Tensor)
    return relative_error(difference, varied, subject.precision, subject.seed)


def _total(values: Tensor, keep: Tensor | None) -> Tensor:
    return (values if keep is None else values * keep).flatten(1).sum(1)


def measured(subject: Subject, given: Given, elements: Sequence[Element]) -> Measured:
    """Each element on its share of the samples."""
    share = math.ceil(len(given.x) / len(elements))
    answers, apart = [], []
    for k, element in enumerate(elements):
        part = given[k * share : (k + 1) * share]
        if len(part.x):
            answers.append(subject(part))
            apart.append(subject(element.on_input(part)) - element.on_output(answers[-1]))
    return Measured(torch.cat(apart), variation(torch.cat(answers)))


# ---- permutations --------------------------------------------------------------------------------


def permutation(subject: Subject, given: Given, layout: Layout, generator: torch.Generator) -> Symmetry:
    """Entities in another order: f(x_pi) against f(x)_pi, the relation and its attributes with them.

    Without entities, the steps or the positions of the grid are permuted.
    """
    axes = subject.axes
    name = next(axis for axis in (ENTITY, GRID, TIME) if axis in axes.dims)
    n = math.prod(axes.sizes[name])
    orders = [torch.randperm(n, generator=generator) for _ in range(ELEMENTS)]
    elements = [_permuting(axes.dims[name], layout, name, order) for order in orders]
    kind: Kind = "equivariance" if layout.has(name) else "invariance"
    of = {ENTITY: "entities", GRID: "positions of the grid", TIME: "steps"}[name]
    return Symmetry(kind, measured(subject, given, elements).estimate(subject), of)


def _permuting(dims: tuple[int, ...], layout: Layout, name: str, order: Tensor) -> Element:
    def on_input(given: Given) -> Given:
        relation, edges = given.relation, given.edges
        if relation is not None and relation.n_receivers == len(order):
            relation, edges = relabelled(relation, order, edges)
        return replace(given, x=_reordered(given.x, dims, order), relation=relation, edges=edges)

    def on_output(answer: Tensor) -> Tensor:
        kept = layout.dims.get(name, ())
        for part in [(k,) for k in kept] if layout.pairs else [kept]:
            answer = _reordered(answer, part, order)
        return answer

    return Element(on_input, on_output)


def _reordered(values: Tensor, dims: tuple[int, ...], order: Tensor) -> Tensor:
    """Reorder dimensions that follow each other as if they were one."""
    if not dims:
        return values
    sizes = values.shape[dims[0] : dims[-1] + 1]
    flat = values.flatten(dims[0], dims[-1]).index_select(dims[0], order)
    return flat.unflatten(dims[0], sizes)


def relabelled(relation: Relation, order: Tensor, edges: Tensor | None) -> tuple[Relation, Tensor | None]:
    """The relation with node order[i] as node i, and its attributes [batch, *layout, k] in its new layout.

    Where everybody acts on everybody the relation stays; any other becomes a list of edges.
    """
    if everybody(relation):
        return relation, None if edges is None else _both_ends(relation, edges, order)
    given = relation.to_sparse()
    attributes = None if edges is None else relation.edges_to_sparse(edges)
    place = order.argsort()
    new = Sparse(place[given.senders], place[given.receivers], given.n_receivers)
    return new, None if attributes is None else attributes.index_select(-2, new.order)


def _both_ends(relation: Relation, edges: Tensor, order: Tensor) -> Tensor:
    """Attributes of all pairs with both ends in another order."""
    dense = relation.to_dense(edges).index_select(-3, order).index_select(-2, order)
    return dense if dense.shape[-2] == relation.layout[-1] else off_diagonal(dense)


def relabelled_edges(subject: Subject, given: Given, generator: torch.Generator) -> Symmetry | None:
    """The same edges listed in another order, with their attributes.

    None for a module that takes no relation, or where everybody acts on everybody and there is no list.
    """
    if given.relation is None or (everybody(given.relation) and not subject.signature.indexed):
        return None

    def shuffled(order: Tensor) -> Element:
        def on_input(part: Given) -> Given:
            assert part.relation is not None
            if subject.signature.indexed:
                return replace(part, listed=order)
            old = part.relation.to_sparse()
            edges = None if part.edges is None else part.relation.edges_to_sparse(part.edges)
            new = Sparse(old.senders[order], old.receivers[order], old.n_receivers)
            if edges is not None:
                edges = edges.index_select(-2, order).index_select(-2, new.order)
            return replace(part, relation=new, edges=edges)

        return Element(on_input, lambda answer: answer)

    n = given.relation.to_sparse().n_edges
    elements = [shuffled(torch.randperm(n, generator=generator)) for _ in range(ELEMENTS)]
    return Symmetry("invariance", measured(subject, given, elements).estimate(subject), "the list of edges")


def output_layout(subject: Subject, given: Given) -> Layout:
    """Which axes the answer has."""
    return layout_of(subject.axes, tuple(subject(given[0:2]).shape))
