"""Bodies of which some pairs are joined by springs of length zero (Kipf et al. 2018, section 5.1).

F_i = -strength sum_j e_ij (x_i - x_j),    e_ij = e_ji in {0, 1}
"""

from collections.abc import Sequence

import numpy as np

from edgewise.physics.batch import Floats
from edgewise.physics.box import Bodies, Force, draw_bodies, record_bodies, simulate_bodies
from edgewise.physics.record import Recording

DEFAULTS = Bodies(strength=0.1, position_std=0.5)


def draw_springs(rng: np.random.Generator, entities: int, edge_probability: float) -> Floats:
    """A symmetric graph `[receiver, sender]` of 0 and 1: each pair is joined with `edge_probability`."""
    springs = np.zeros((entities, entities))
    first, second = np.triu_indices(entities, 1)
    springs[first, second] = rng.random(len(first)) < edge_probability
    return springs + springs.T


def spring_force(springs: Floats, strength: float) -> Force:
    """The force of springs `[receiver, sender, system]`.

    It is linear in the positions, F_i = sum_j A_ij x_j with A_ij = strength e_ij and A_ii = -sum_j A_ij:
    one product a pair, without the differences.
    """
    weights = strength * springs
    entity = np.arange(len(weights))
    weights[entity, entity] = -weights.sum(axis=1)
    pulls = np.empty((2, *weights.shape))

    def force(positions: Floats, out: Floats) -> None:
        np.multiply(weights, positions[:, None], out=pulls)
        np.add.reduce(pulls, axis=2, out=out)

    return force


def simulate_springs(
    springs: Floats, positions: Floats, velocities: Floats, steps: int, bodies: Bodies = DEFAULTS
) -> tuple[Floats, Floats]:
    """Move bodies on springs: springs `[system, receiver, sender]`, start `[system, entity, 2]`.

    Returns positions and velocities, `[system, time, entity, 2]`.
    """
    return simulate_bodies(spring_force, springs, positions, velocities, steps, bodies)


def record_springs(
    rngs: Sequence[np.random.Generator], entities: int, steps: int, edge_probability: float, bodies: Bodies
) -> Recording:
    """Draw a system from each generator (springs, positions, velocities: in this order) and simulate all."""
    drawn = [
        (draw_springs(rng, entities, edge_probability), *draw_bodies(rng, entities, bodies)) for rng in rngs
    ]
    springs, positions, velocities = (np.stack(arrays) for arrays in zip(*drawn, strict=True))
    return record_bodies(simulate_springs(springs, positions, velocities, steps, bodies), springs, bodies)
