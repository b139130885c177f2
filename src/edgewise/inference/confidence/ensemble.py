"""Several fits of the same data: what they agree on, and how far they are apart.

A fit ends in one of several optima, and its posterior is given one law. Fits with other seeds show what depends on
that. Their types are put in one order (`aligned_types`) and their posteriors are pooled linearly,

    p(k) = 1/M sum_m p_m(k),    spread(k) = max_m p_m(k) - min_m p_m(k)

the model average with equal weights (Hoeting et al. 1999; Lakshminarayanan, Pritzel & Blundell 2017). In a log-linear
pool, the normalised geometric mean, one member that is certain of its error overrules all others that are less so; the
linear pool says instead that the members differ.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgewise.inference.confidence.alignment import aligned_types
from edgewise.inference.superposition.model import SuperpositionModel

APART = 0.01
"""Share of the pairs on which members differ in the most probable type, above which a run says so."""


@dataclass(frozen=True)
class Member:
    """One fit of an ensemble.

    Attributes:
        model: its law; temperature: of its likelihood; order: which of its types is type k of the first fit.
    """

    model: SuperpositionModel
    temperature: float
    order: tuple[int, ...]


def pooled(probabilities: list[np.ndarray], orders: list[tuple[int, ...]]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and spread of the members' posteriors: [..., type] each.

    Args:
        probabilities: [..., type], one a member; orders: which of a member's types is type k.
    """
    stacked = np.stack([p[..., list(order)] for p, order in zip(probabilities, orders, strict=True)])
    return stacked.mean(0), stacked.max(0) - stacked.min(0)


def orders_of(
    probabilities: list[np.ndarray], nulls: list[bool], layers: Sequence[int] = ()
) -> list[tuple[int, ...]]:
    """Each member's types in the order of the first's; a type that is idle in both stays."""
    first = probabilities[0]
    return [
        aligned_types(first, p, idle=nulls[0] and null, layers=layers)
        for p, null in zip(probabilities, nulls, strict=True)
    ]


def disagreement(probabilities: list[np.ndarray], orders: list[tuple[int, ...]]) -> float:
    """The share of pairs (off the diagonal) whose most probable type is not the same for all members."""
    best = np.stack([p[..., list(o)].argmax(-1) for p, o in zip(probabilities, orders, strict=True)])
    differ = (best != best[0]).any(0)
    off = ~np.eye(differ.shape[-1], dtype=bool)
    return float(differ[..., off].mean()) if off.any() else 0.0


def ensemble_notes(
    probabilities: list[np.ndarray], orders: list[tuple[int, ...]], nulls: list[bool]
) -> list[str]:
    """What a reader must know where members disagree."""
    notes = []
    share, count = disagreement(probabilities, orders), len(probabilities)
    if share > APART:
        notes.append(
            f"The {count} fits of the ensemble name different types for {share:.0%} of the pairs: what is said of these"
            " depends on the seed. The column spread tells which they are."
        )
    if len(set(nulls)) > 1:
        notes.append(
            f"{sum(nulls)} of the {count} fits of the ensemble have a type that means 'no interaction', the others have"
            " none: the data hardly decide whether every pair interacts."
        )
    return notes
