"""Charged bodies: like charges repel, unlike ones attract (Kipf et al. 2018, section 5.1).

    F_i = strength sum_j q_i q_j (x_i - x_j) / |x_i - x_j|^3,    q in {-1, +1}

Every pair interacts. The edge label is 1 where the charges are alike and 0 where they differ.
The authors' code obtains |x_i - x_j|^2 as |x_i|^2 + |x_j|^2 - 2 x_i.x_j; here the differences are squared,
which loses no digits when two bodies come close.
"""

from collections.abc import Sequence

import numpy as np

from edgewise.physics.batch import Floats
from edgewise.physics.box import Bodies, Force, draw_bodies, record_bodies, simulate_bodies
from edgewise.physics.inverse_square import inverse_square_force
from edgewise.physics.record import Recording

DEFAULTS = Bodies(strength=1.0, position_std=1.0)


def draw_charges(rng: np.random.Generator, entities: int, positive_probability: float) -> Floats:
    """Charges `[entity]`, +1 with the given probability and -1 otherwise."""
    return np.where(rng.random(entities) < positive_probability, 1.0, -1.0)


def charge_products(charges: Floats) -> Floats:
    """q_i q_j, 0 on the diagonal: `[..., entity]` -> `[..., receiver, sender]`."""
    products = charges[..., :, None] * charges[..., None, :]
    return products * (1.0 - np.eye(charges.shape[-1]))


def coulomb_force(products: Floats, strength: float) -> Force:
    """The force between charges whose products are `[receiver, sender, system]`."""
    return inverse_square_force(strength * products)


def simulate_charged(
    charges: Floats, positions: Floats, velocities: Floats, steps: int, bodies: Bodies = DEFAULTS
) -> tuple[Floats, Floats]:
    """Move charged bodies: charges `[system, entity]`, start `[system, entity, 2]`.

    Returns positions and velocities, `[system, time, entity, 2]`.
    """
    return simulate_bodies(coulomb_force, charge_products(charges), positions, velocities, steps, bodies)


def record_charged(
    rngs: Sequence[np.random.Generator], entities: int, steps: int, edge_probability: float, bodies: Bodies
) -> Recording:
    """Draw a system from each generator (charges, positions, velocities: in this order) and simulate all.

    `edge_probability` is that of a positive charge: the edges follow from the charges.
    """
    drawn = [
        (draw_charges(rng, entities, edge_probability), *draw_bodies(rng, entities, bodies)) for rng in rngs
    ]
    charges, positions, velocities = (np.stack(arrays) for arrays in zip(*drawn, strict=True))
    alike = charge_products(charges) > 0
    return record_bodies(simulate_charged(charges, positions, velocities, steps, bodies), alike, bodies)
