"""An audit: every measurement of a module's relational inductive bias."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import nn

from edgewise.audit.axes import GRID, TIME, Axes, Layout
from edgewise.audit.border import shift
from edgewise.audit.coordinates import coordinate_symmetries, grid_symmetries
from edgewise.audit.extent import Extent, extents
from edgewise.audit.influence import Influence, influence
from edgewise.audit.randomness import Randomness, randomness
from edgewise.audit.sharing import Sharing, sharing
from edgewise.audit.subject import Given, Subject, inputs, subject_of
from edgewise.audit.symmetry import Symmetry, output_layout, permutation, relabelled_edges
from edgewise.errors import ConfigError
from edgewise.relation import Relation, Sparse

SAMPLES = 64


@dataclass(frozen=True, eq=False)
class Audit:
    """What was measured of a module.

    Attributes:
        name: of the module; axes: of its input; layout: which of them its answer has; dtype: of its answers.
        symmetries: by name: "permutation", "time_shift", "translation", "rotation", "reflection", "scaling", "edges",
            those that the axes allow. Of a random module they have no errors.
        influence: who can influence whom; extents: the receptive field along steps and grid.
        relation: who acts on whom as the module was told, for one that asks for it.
        sharing: parameters against connections; randomness: whether it answers the same to the same.
        samples, seed: of the random inputs.
        notes: what a reader should know.
    """

    name: str
    axes: Axes
    layout: Layout
    dtype: torch.dtype
    symmetries: dict[str, Symmetry]
    influence: Influence
    extents: list[Extent]
    relation: Sparse | None
    sharing: Sharing
    randomness: Randomness
    samples: int
    seed: int
    notes: tuple[str, ...] = ()


def audit(
    module: nn.Module,
    axes: Axes,
    *,
    samples: int = SAMPLES,
    seed: int = 0,
    relation: Relation | None = None,
    factory: Callable[..., nn.Module] | None = None,
) -> Audit:
    """Measure a module: which symmetries it keeps, who can influence whom in it, and which weights it shares.

    Inputs are standard normal. The module is copied, set to evaluation mode and, where it runs in that, to float64.

    Args:
        module: called with x of the shape that `axes` says, and with a relation (or an edge index) and attributes of
            edges where its forward has parameters of these names.
        samples: random inputs that errors are averaged over.
        relation: who acts on whom, for a module that asks; a random sparse graph if not given.
        factory: makes the module; if it takes the number of entities, larger ones are made to see what they cost.

    Raises:
        ConfigError: for a module that refuses such inputs, or too few samples.
    """
    if samples < 8:
        raise ConfigError(f"samples={samples}", expected="8 or more: an interval is estimated from them")
    subject = subject_of(module, axes, seed=seed, relation=relation)
    generator = torch.Generator().manual_seed(seed)
    given = inputs(subject, samples, generator, relation)
    layout = output_layout(subject, given)
    chance = randomness(subject, given)
    found = influence(subject, given, layout)
    seen = extents(found)
    symmetries = _symmetries(subject, given, layout, seen, generator)
    if chance.random:
        symmetries = {name: _unsaid(each) for name, each in symmetries.items()}
    return Audit(
        name=type(module).__name__,
        axes=axes,
        layout=layout,
        dtype=subject.precision,
        symmetries=symmetries,
        influence=found,
        extents=seen,
        relation=None if given.relation is None else given.relation.to_sparse(),
        sharing=sharing(subject, given, found, factory),
        randomness=chance,
        samples=samples,
        seed=seed,
        notes=_notes(axes, layout, found, chance),
    )


def _symmetries(
    subject: Subject, given: Given, layout: Layout, seen: list[Extent], generator: torch.Generator
) -> dict[str, Symmetry]:
    """Those that the axes allow, in the order of `Audit.symmetries`."""
    axes = subject.axes
    found = {"permutation": permutation(subject, given, layout, generator)}
    if axes.steps is not None:
        along = [extent for extent in seen if extent.axis == TIME]
        found["time_shift"] = shift(subject, given, layout, TIME, along, generator)
    if axes.grid is not None:
        along = [extent for extent in seen if extent.axis.startswith(GRID)]
        found["translation"] = shift(subject, given, layout, GRID, along, generator)
        found |= grid_symmetries(subject, given, layout, generator)
    if axes.spatial:
        found |= coordinate_symmetries(subject, given, layout, generator)
    edges = relabelled_edges(subject, given, generator)
    return found if edges is None else found | {"edges": edges}


def _unsaid(symmetry: Symmetry) -> Symmetry:
    """The symmetry of a random module: what differs may be chance."""
    note = "random at evaluation: what differs may be chance, so no error is stated"
    return replace(symmetry, overall=None, interior=None, border=None, note=note)


def _notes(axes: Axes, layout: Layout, found: Influence, chance: Randomness) -> tuple[str, ...]:
    said = []
    if chance.random:
        said.append(
            f"Two passes on the same input in evaluation mode differ (relative difference {chance.spread:.2g}): the"
            " module is random, and its symmetries cannot be told from chance. Is a dropout left on?"
        )
    if chance.mixes_batch:
        said.append(
            "An answer depends on the other samples of its batch: the module normalises by batches at evaluation, or"
            " mixes the axis of the batch with another one."
        )
    if found.without_gradient:
        said.append(
            f"{found.without_gradient} pairs influence each other by a path without gradient (detached, or rounded):"
            " they are in the pattern with strength 0."
        )
    if len(layout.shape) == 2 and layout.dims:
        said.append(
            f"The answer has the shape [batch, {layout.shape[1]}], read as one number for each"
            f" {next(iter(layout.dims))}; if it is one answer of {layout.shape[1]} numbers, audit another size."
        )
    if axes.grid is not None and GRID not in layout.dims and len(layout.shape) > 2:
        said.append(
            f"The answer {_shape(layout)} has no axes of the sizes of the grid, so it is read as one answer and"
            " measured for invariance; a stride that divides the grid is no invariance."
        )
    looked, places = len(found.looked_at), axes.n_places
    if looked < places and layout.dims and looked < found.relation.n_receivers:
        of = found.relation.n_receivers
        said.append(f"The pattern of influence was measured at {looked} of {of} places of the answer.")
    return tuple(said)


def _shape(layout: Layout) -> str:
    return f"[{', '.join(['batch', *map(str, layout.shape[1:])])}]"
