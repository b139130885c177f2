"""What one object sees of another: displacement, direction, distance and relative velocity of a pair.

    r = x_s - x_r,   u = r / |r|,   w = v_s - v_r,   w . u (radial),   w . t (transverse)

Of a pair that is turned as a whole, `INVARIANT` quantities keep their values and `COVARIANT` ones turn with it. All of
them are the same after a translation.
"""

import torch
from torch import Tensor

NEAREST = 1e-3
"""Distances below this share of the length scale count as this: the unit vector stays finite."""
CLOSEST = 20.0
"""1 / |r| is cut off here."""

INVARIANT = ("distance", "log_distance", "closeness", "radial_velocity", "transverse_velocity")
COVARIANT = ("displacement", "direction", "log_distance", "closeness", "relative_velocity", "radial_velocity")


def pair_geometry(displacement: Tensor, relative_velocity: Tensor) -> dict[str, Tensor]:
    """The pair seen from its receiver, in the length and speed scales of its arguments.

    Shapes: displacement r, relative_velocity w [..., d] -> values [..., d or 1].
    """
    distance = displacement.norm(dim=-1, keepdim=True).clamp_min(NEAREST)
    direction = displacement / distance
    return {
        "displacement": displacement,
        "direction": direction,
        "distance": distance,
        "log_distance": distance.log(),
        "closeness": (1 / distance).clamp_max(CLOSEST),
        "relative_velocity": relative_velocity,
        "radial_velocity": (relative_velocity * direction).sum(-1, keepdim=True),
    }


def tangent(pair: dict[str, Tensor]) -> Tensor:
    """Across the pair's line: u turned by 90 degrees in the plane, else along the transverse velocity."""
    u = pair["direction"]
    if u.shape[-1] == 2:
        return torch.stack([-u[..., 1], u[..., 0]], dim=-1)
    across = pair["relative_velocity"] - pair["radial_velocity"] * u
    return across / across.norm(dim=-1, keepdim=True).clamp_min(NEAREST)


def transverse_velocity(pair: dict[str, Tensor]) -> Tensor:
    """w . t: how fast the sender passes the receiver by, with the sign of the turn in the plane."""
    return (pair["relative_velocity"] * tangent(pair)).sum(-1, keepdim=True)


def between_surfaces(displacement: Tensor, half_extents: Tensor) -> Tensor:
    """From the nearest point of one axis-parallel box to that of another; 0 along an axis on which they overlap.

        r'_c = sign(r_c) max(|r_c| - h_c, 0),   h: the sum of both half extents

    With it a wall is a box, a ball a point with a radius, and both are one kind of object.

    Shapes: displacement, half_extents [..., d] -> [..., d].
    """
    return displacement.sign() * (displacement.abs() - half_extents).clamp_min(0)
