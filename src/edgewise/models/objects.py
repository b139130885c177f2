"""Physical objects and their relations as tensors, and what each relation's receiver sees of its sender."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from edgewise.nn.geometry import between_surfaces, pair_geometry
from edgewise.relation import Relation

CONTACT = 3.0
"""Gaps are also told in steps of motion, up to so many: whether two objects touch is decided within a step."""


@dataclass(frozen=True, eq=False)
class Objects:
    """A batch of systems at one moment: B systems of n objects in d dimensions, on one relation.

    Attributes:
        position, velocity: [B, n, d].
        attributes: [B, n, k], constants such as mass and restitution; k may be 0.
        relation: who acts on whom; where systems differ, by a mask.
        relation_attributes: [B or 1, *layout, p], or None.
        external: acceleration from outside, [B, n, d], or None.
        mass: [B, n, 1], or None where none is known.
        fixed: bool [B, n, 1], True for what does not move.
        radius, half_extents: the shape, a box of half extents [B, n, d] rounded by a radius [B, n, 1]; None for points.
    """

    position: Tensor
    velocity: Tensor
    attributes: Tensor
    relation: Relation
    fixed: Tensor
    relation_attributes: Tensor | None = None
    external: Tensor | None = None
    mass: Tensor | None = None
    radius: Tensor | None = None
    half_extents: Tensor | None = None

    def moved(self, position: Tensor, velocity: Tensor) -> "Objects":
        """The same objects elsewhere."""
        return replace(self, position=position, velocity=velocity)


@dataclass(frozen=True)
class ObjectDims:
    """How many numbers describe an object and a relation, for a network that is to read them.

    Attributes:
        space: dimensions of space; attributes: constants of an object; relation: attributes of a relation.
        external: whether something acts from outside; mass: whether masses are known.
        shaped: whether objects have a radius or half extents.
    """

    space: int
    attributes: int = 0
    relation: int = 0
    external: bool = False
    mass: bool = False
    shaped: bool = False


def difference(relation: Relation, nodes: Tensor) -> Tensor:
    """Sender minus receiver: [..., n, d] -> [..., *layout, d]."""
    return relation.from_senders(nodes) - relation.from_receivers(nodes)


def total(relation: Relation, nodes: Tensor) -> Tensor:
    """Sender plus receiver: [..., n, d] -> [..., *layout, d]."""
    return relation.from_senders(nodes) + relation.from_receivers(nodes)


def seen(objects: Objects, step: float) -> dict[str, Tensor]:
    """What the receiver of each relation sees of its sender, surface to surface (`edgewise.nn.geometry`).

    Of objects with a shape also the gap between the surfaces, |r'| less both radii: `gap`; `contact`, the gap in
    distances that are travelled in a step, within -3 and 3; `touching`, 1 where it is below 0.

    Args:
        objects: in scales of length and speed of their own; step: the distance that speed 1 makes in a step.
    """
    relation = objects.relation
    r, w = difference(relation, objects.position), difference(relation, objects.velocity)
    if objects.half_extents is not None:
        r = between_surfaces(r, total(relation, objects.half_extents))
    pair = pair_geometry(r, w)
    if objects.radius is None and objects.half_extents is None:
        return pair
    gap = pair["distance"]
    if objects.radius is not None:
        gap = gap - total(relation, objects.radius)
    return pair | {
        "gap": gap,
        "contact": (gap / step).clamp(-CONTACT, CONTACT),
        "touching": (gap < 0).to(gap),
    }


SHAPE = ("gap", "contact", "touching")


def side_by_side(pair: dict[str, Tensor], names: tuple[str, ...], objects: Objects) -> Tensor:
    """Some of what is seen, with the relations' own attributes: [B, *layout, features]."""
    parts = [pair[name] for name in names]
    if objects.relation_attributes is not None:
        given = objects.relation_attributes
        parts.append(given.expand(*parts[0].shape[:-1], given.shape[-1]))
    return torch.cat(parts, -1)


def pair_dim(names: tuple[str, ...], dims: ObjectDims) -> int:
    """Features of `side_by_side`."""
    vectors = {"displacement", "direction", "relative_velocity"}
    return dims.relation + sum(dims.space if name in vectors else 1 for name in names)
