"""A verdict in the terms of Battaglia et al. (2018, table 1), read off what an audit measured."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from edgewise.audit.audit import Audit
from edgewise.audit.axes import ENTITY, GRID, TIME
from edgewise.audit.hops import hops

Entities = Literal["units", "nodes", "grid elements", "timesteps"]
Relations = Literal["all-to-all", "local", "sequential", "edges", "all-to-one", "none", "some pairs"]
Bias = Literal["weak", "locality", "sequentiality", "arbitrary", "no relations"]

SHIFTED = {"time_shift": "time translation", "translation": "spatial translation"}
OF_COORDINATES = {
    "translation": "translation of coordinates",
    "rotation": "rotation",
    "reflection": "reflection",
    "scaling": "scaling",
}
OF_GRID = {"rotation": "quarter turns", "reflection": "mirror images"}


@dataclass(frozen=True)
class Verdict:
    """What an architecture assumes about relations, in the survey's terms.

    Attributes:
        entities: what the module takes for the things that have relations: "nodes" whose order does not matter; "grid
            elements" or "timesteps" where order matters and one rule serves every place; "units" where every number of
            the input has weights of its own.
        relations: who can influence whom; `hops`: within how many edges of the relation that the module was told.
        bias: what is assumed about that.
        invariance: what may be done to an input without changing more in the answer than its order or its place.
    """

    entities: Entities
    relations: Relations
    hops: int | None
    bias: Bias
    invariance: tuple[str, ...]

    def record(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"invariance": list(self.invariance)}

    def words(self) -> dict[str, str]:
        """The four columns of the survey's table."""
        hopped = f", {self.hops} hop{'' if self.hops == 1 else 's'}" if self.hops is not None else ""
        return {
            "entities": self.entities,
            "relations": self.relations + hopped,
            "relational inductive bias": self.bias,
            "invariance": ", ".join(self.invariance) or "-",
        }


def verdict(found: Audit) -> Verdict | None:
    """The verdict on a module; None for one that is random at evaluation, whose symmetries cannot be told from chance.

    `docs/inductive-biases.md` has the rules in words.
    """
    if found.randomness.random:
        return None
    relations, within = relations_of(found)
    return Verdict(
        entities=entities_of(found),
        relations=relations,
        hops=within,
        bias=_bias(relations, permutable=_holds(found, "permutation")),
        invariance=invariances(found),
    )


def main_axis(found: Audit) -> str:
    """The axis whose places are related: of the entities, else of the grid, else of the steps."""
    return next(axis for axis in (ENTITY, GRID, TIME) if axis in found.axes.dims)


def _holds(found: Audit, name: str) -> bool:
    """Whether a symmetry holds to rounding, everywhere."""
    symmetry = found.symmetries.get(name)
    return symmetry is not None and symmetry.verdict == "exact"


def _bias(relations: Relations, *, permutable: bool) -> Bias:
    """Which assumption a pattern of influence is.

    All-to-all and some pairs: "arbitrary" if one rule serves every pair (the module does not tell nodes apart), so that
    what acts on what is left to the values of the nodes; "weak" if pairs are told apart and nothing is assumed.
    """
    match relations:
        case "edges":
            return "arbitrary"
        case "local":
            return "locality"
        case "sequential":
            return "sequentiality"
        case "none":
            return "no relations"
        case _:
            return "arbitrary" if permutable else "weak"


# ---- relations ----------------------------------------------------------------------------------


def relations_of(found: Audit) -> tuple[Relations, int | None]:
    """Who can influence whom along the main axis, and for "edges" within how many hops."""
    axis = main_axis(found)
    pattern = found.influence.pattern(axis)
    if not found.layout.has(axis):
        return ("all-to-one" if pattern.all() else "some pairs"), None
    if len(pattern) == pattern.shape[1] and not (pattern & ~np.eye(len(pattern), dtype=bool)).any():
        return "none", None
    if found.relation is not None:
        within = hops(pattern, found.relation)
        if within is not None and not pattern.all():
            return "edges", within
    if pattern.all():
        return "all-to-all", None
    if any(extent.width < extent.size for extent in found.extents if extent.axis.startswith(axis)):
        return "local", None
    if axis == TIME and found.influence.violations == []:
        return "sequential", None
    return "some pairs", None


# ---- entities -----------------------------------------------------------------------------------


def entities_of(found: Audit) -> Entities:
    """What the module takes for entities, by the symmetry along the main axis and the weights it shares along it."""
    axis = main_axis(found)
    ordered: dict[str, Entities] = {ENTITY: "nodes", GRID: "grid elements", TIME: "timesteps"}
    if _holds(found, "permutation"):
        return "nodes"
    shift = {GRID: "translation", TIME: "time_shift"}.get(axis)
    if shift is not None and _shift_words(found, shift) is not None:
        return ordered[axis]
    return ordered[axis] if found.sharing.growth == "none" else "units"


# ---- invariance ---------------------------------------------------------------------------------


def invariances(found: Audit) -> tuple[str, ...]:
    """The symmetries that hold, in words; those that follow from permutations of the same places are left out."""
    said: list[str | None] = []
    permuted = _holds(found, "permutation")
    if permuted:
        said.append("node permutations")
    if _holds(found, "edges"):
        said.append("edge permutations")
    axis = main_axis(found)
    if TIME in found.axes.dims and not (permuted and axis == TIME):
        said.append(_shift_words(found, "time_shift"))
    if GRID in found.axes.dims and not permuted:
        said.append(_shift_words(found, "translation"))
        said += [word for name, word in OF_GRID.items() if _holds(found, name)]
    if found.axes.spatial:
        said += [word for name, word in OF_COORDINATES.items() if _holds(found, name)]
    return tuple(word for word in said if word)


def _shift_words(found: Audit, name: str) -> str | None:
    """Where and how well a shift is kept; None if it is not."""
    symmetry, word = found.symmetries[name], SHIFTED[name]
    if symmetry.verdict in ("exact", "approximate"):
        return word if symmetry.verdict == "exact" else f"{word} (approximately)"
    inside = symmetry.interior
    if inside is None or inside.verdict not in ("exact", "approximate"):
        return None
    how = "" if inside.verdict == "exact" else "approximately, "
    return f"{word} ({how}away from the ends)"
