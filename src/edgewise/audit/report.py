"""The record of an audit as plain values: an object a symmetry, and what was found of influence, sharing and chance."""

from typing import Any

from edgewise import __version__
from edgewise.audit.audit import Audit
from edgewise.audit.axes import ENTITY, GRID, TIME
from edgewise.audit.hops import hops
from edgewise.audit.influence import LISTED, Influence
from edgewise.audit.verdict import verdict
from edgewise.relation import Sparse

FORMAT = 1
NAMES = {ENTITY: "entities", TIME: "steps", GRID: "positions"}
MOST_ROWS = 128
"""Patterns of more places than this are not written out: their size and density are."""


def record(found: Audit) -> dict[str, Any]:
    """Everything for `audit.json`: the symmetries by name, then

    influence  who can influence whom, the receptive field, causality violations
    sharing    parameters, connections, growth
    random     whether the module is random; randomness: by how much
    verdict    entities, relations, hops, bias, invariance, as Battaglia et al. (2018) name them; None if random
    module, axes, samples, seed, dtype, output, notes, edgewise, format
    """
    said = verdict(found)
    return {
        **{name: symmetry.record() for name, symmetry in found.symmetries.items()},
        "influence": influence_record(found),
        "sharing": found.sharing.record(),
        "random": found.randomness.random,
        "randomness": found.randomness.record(),
        "verdict": None if said is None else said.record(),
        "module": found.name,
        "symmetries": list(found.symmetries),
        "axes": _axes_record(found),
        "output": {"shape": ["batch", *found.layout.shape[1:]], "axes": list(found.layout.dims)},
        "dtype": str(found.dtype).removeprefix("torch."),
        "samples": found.samples,
        "seed": found.seed,
        "notes": list(found.notes),
        "edgewise": __version__,
        "format": FORMAT,
    }


def _axes_record(found: Audit) -> dict[str, Any]:
    axes = found.axes
    return {
        "entities": axes.entities,
        "features": axes.features,
        "steps": axes.steps,
        "grid": None if axes.grid is None else list(axes.grid),
        "spatial": list(axes.spatial),
        "vectors": list(axes.vectors),
        "edge_features": axes.edge_features,
    }


def influence_record(found: Audit) -> dict[str, Any]:
    """Patterns as rows of 0 and 1, [place of the answer][place of the input], an axis each."""
    about = found.influence
    violations = about.violations
    return {
        "edges": int(about.there.sum()),
        "density": about.density,
        "patterns": {NAMES[axis]: _rows(about, axis) for axis in about.senders},
        "densities": {NAMES[axis]: float(about.pattern(axis).mean()) for axis in about.senders},
        "receptive_field": [
            {
                "axis": extent.axis,
                "back": extent.back,
                "ahead": extent.ahead,
                "width": extent.width,
                "size": extent.size,
                "wraps": extent.wraps,
            }
            for extent in found.extents
        ],
        "causal": None if violations is None else not violations,
        "causality_violations": None if violations is None else violations[:LISTED],
        "n_causality_violations": None if violations is None else len(violations),
        "without_gradient": about.without_gradient,
        "given": None if found.relation is None else given_record(about, found.relation),
    }


def _rows(about: Influence, axis: str) -> list[list[int]] | None:
    pattern = about.pattern(axis)
    return pattern.astype(int).tolist() if max(pattern.shape) <= MOST_ROWS else None


def given_record(about: Influence, relation: Sparse) -> dict[str, Any]:
    """The pattern beside the relation that the module was told: how many hops of it explain all influence.

    "hops" is the smallest k such that everybody who influences a node is at most k edges of the relation before it (a
    node reaches itself in none); None where no number of hops does, or the answer is not about the nodes.
    """
    axis = next(iter(about.senders)) if len(about.senders) == 1 else ENTITY
    pattern = about.pattern(axis)
    given = {
        "edges": relation.n_edges,
        "senders": relation.senders.tolist(),
        "receivers": relation.receivers.tolist(),
    }
    return given | {"hops": hops(pattern, relation)}
