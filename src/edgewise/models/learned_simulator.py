"""A learned simulator: dynamics that were fitted on scaled states, in a semi-implicit step."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from edgewise.models.objects import Objects

LEAST = 1e-30
"""What logarithms are taken of is at least this."""


@dataclass(frozen=True)
class AttributeScale:
    """How an attribute is told: less its centre and over its scale, where `log` is true as its logarithm."""

    center: float
    scale: float
    log: bool = False


@dataclass(frozen=True)
class MotionScales:
    """In which units a network is told of motions; plain numbers, in the units of the data.

    Attributes:
        center: where positions are counted from, one an axis; length, speed: of positions and velocities.
        change: the typical change of a velocity in a step; mass: the typical mass.
        time_step: between frames.
        attributes, relation: the scale of each attribute of objects and of relations.
    """

    center: tuple[float, ...]
    length: float
    speed: float
    change: float
    time_step: float
    mass: float = 1.0
    attributes: tuple[AttributeScale, ...] = ()
    relation: tuple[AttributeScale, ...] = ()

    @property
    def step(self) -> float:
        """The distance, in lengths, that speed 1 makes in a step."""
        return self.time_step * self.speed / self.length

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "MotionScales":
        """From plain values, as JSON has them."""
        scales = {
            name: tuple(AttributeScale(**each) for each in values[name])
            for name in ("attributes", "relation")
        }
        return cls(**{**values, "center": tuple(values["center"]), **scales})


class LearnedSimulator(nn.Module):
    """One step of a learned simulator, semi-implicit as the simulators are:

        v(t + dt) = v(t) + change * dynamics(scaled state),     x(t + dt) = x(t) + dt v(t + dt)

    What is fixed stays where it is. States may be of higher precision than the network.

    Args:
        dynamics: scaled `Objects` -> change of velocity [B, n, d], in units of `scales.change`.
        scales: the units.
    """

    def __init__(self, dynamics: nn.Module, scales: MotionScales) -> None:
        super().__init__()
        self.dynamics, self.scales = dynamics, scales

    def scaled(self, objects: Objects) -> Objects:
        """The objects in the units, and in the precision, of the network."""
        return in_units(objects, self.scales, next(self.dynamics.parameters()).dtype)

    def forward(self, objects: Objects) -> Tensor:
        """The change of velocity in a step, in units of `scales.change`; 0 for what is fixed: [B, n, d]."""
        return self.dynamics(self.scaled(objects)).masked_fill(objects.fixed, 0.0)

    def advance(self, objects: Objects) -> Objects:
        """The objects a step later."""
        velocity = objects.velocity + self.scales.change * self(objects).to(objects.velocity)
        position = objects.position + self.scales.time_step * velocity
        still = objects.fixed
        return objects.moved(
            torch.where(still, objects.position, position), torch.where(still, objects.velocity, velocity)
        )

    @torch.no_grad()
    def roll(self, objects: Objects) -> Iterator[Objects]:
        """The objects after one step, two steps, and so on without end, under constant external effects."""
        while True:
            objects = self.advance(objects)
            yield objects


def in_units(objects: Objects, scales: MotionScales, dtype: torch.dtype) -> Objects:
    """The objects in the units and the precision that a network is told of them in."""
    center = objects.position.new_tensor(scales.center)
    external, relation = objects.external, objects.relation_attributes

    def lengths(values: Tensor | None) -> Tensor | None:
        return None if values is None else (values / scales.length).to(dtype)

    return replace(
        objects,
        position=((objects.position - center) / scales.length).to(dtype),
        velocity=(objects.velocity / scales.speed).to(dtype),
        attributes=_standardised(objects.attributes, scales.attributes).to(dtype),
        relation_attributes=None if relation is None else _standardised(relation, scales.relation).to(dtype),
        external=None if external is None else (external * (scales.time_step / scales.change)).to(dtype),
        mass=None if objects.mass is None else (objects.mass / scales.mass).to(dtype),
        radius=lengths(objects.radius),
        half_extents=lengths(objects.half_extents),
    )


def _standardised(values: Tensor, scales: tuple[AttributeScale, ...]) -> Tensor:
    """Each of the last axis by its scale."""
    columns = [
        ((column.clamp_min(LEAST).log() if scale.log else column) - scale.center) / scale.scale
        for column, scale in zip(values.unbind(-1), scales, strict=True)
    ]
    return torch.stack(columns, -1) if columns else values
