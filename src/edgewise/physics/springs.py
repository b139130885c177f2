"""Bodies of which some pairs are joined by springs of length zero (Kipf et al. 2018, section 5.1).

F_i = -strength sum_j e_ij (x_i - x_j),    e_ij = e_ji in {0, 1}, or e_ij w_ij with constants w_ij of each spring's own
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from edgewise.errors import ConfigError
from edgewise.physics.batch import Floats
from edgewise.physics.box import Bodies, Force, draw_bodies, record_bodies, simulate_bodies
from edgewise.physics.record import Recording


@dataclass(frozen=True)
class SpringBodies(Bodies):
    """Options of springs."""

    strength_spread: float = 0.0
    """The constant of each spring is drawn between 1 - spread and 1 + spread times `strength`; 0: all alike."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.strength_spread > 1:
            raise ConfigError(
                f"strength_spread = {self.strength_spread!r}",
                expected="0 to 1: a spring that pushes would not hold its bodies in the box",
            )


DEFAULTS = SpringBodies(strength=0.1, position_std=0.5)
MANY = 128
"""Entities from which on springs are visited one by one: near neighbours are then few among all pairs."""


def draw_springs(rng: np.random.Generator, entities: int, edge_probability: float) -> Floats:
    """A symmetric graph `[receiver, sender]` of 0 and 1: each pair is joined with `edge_probability`."""
    springs = np.zeros((entities, entities))
    first, second = np.triu_indices(entities, 1)
    springs[first, second] = rng.random(len(first)) < edge_probability
    return springs + springs.T


def spring_force(springs: Floats, strength: float) -> Force:
    """The force of springs `[receiver, sender, system]`.

    It is linear in the positions, F_i = sum_j A_ij x_j with A_ij = strength e_ij and A_ii = -sum_j A_ij:
    one product a pair, without the differences. From `MANY` entities on, only pairs with a spring are visited.
    """
    weights = strength * springs
    entity = np.arange(len(weights))
    weights[entity, entity] = -weights.sum(axis=1)
    if len(weights) >= MANY:
        return _sparse_force(weights)
    pulls = np.empty((2, *weights.shape))

    def force(positions: Floats, out: Floats) -> None:
        np.multiply(weights, positions[:, None], out=pulls)
        np.add.reduce(pulls, axis=2, out=out)

    return force


def _sparse_force(weights: Floats) -> Force:
    """The same by one sparse product; row and column i n_systems + s are entity i of system s."""
    n_entities, _, n_systems = weights.shape
    receiver, sender, system = weights.nonzero()
    ends = receiver * n_systems + system, sender * n_systems + system
    size = n_entities * n_systems
    pulls = sp.csr_array((weights[receiver, sender, system], ends), shape=(size, size))

    def force(positions: Floats, out: Floats) -> None:
        out[...] = np.asarray(pulls @ positions.reshape(2, size).T).T.reshape(out.shape)

    return force


def simulate_springs(
    springs: Floats, positions: Floats, velocities: Floats, steps: int, bodies: Bodies = DEFAULTS
) -> tuple[Floats, Floats]:
    """Move bodies on springs: springs `[system, receiver, sender]`, start `[system, entity, 2]`.

    Returns positions and velocities, `[system, time, entity, 2]`.
    """
    return simulate_bodies(spring_force, springs, positions, velocities, steps, bodies)


def draw_constants(rng: np.random.Generator, springs: Floats, spread: float) -> Floats:
    """Each spring of a symmetric graph `[receiver, sender]` with a constant from U(1 - spread, 1 + spread)."""
    constants = np.triu(rng.uniform(1 - spread, 1 + spread, springs.shape), 1)
    return springs * (constants + constants.T)


def record_springs(
    rngs: Sequence[np.random.Generator],
    entities: int,
    steps: int,
    edge_probability: float,
    bodies: SpringBodies,
) -> Recording:
    """Draw a system from each generator (springs, positions, velocities, constants: in this order) and simulate all.

    The constants come last, so that the graphs and starts of a seed are the same with and without a spread.
    """
    drawn = [
        (draw_springs(rng, entities, edge_probability), *draw_bodies(rng, entities, bodies)) for rng in rngs
    ]
    springs, positions, velocities = (np.stack(arrays) for arrays in zip(*drawn, strict=True))
    if not bodies.strength_spread:
        return record_bodies(simulate_springs(springs, positions, velocities, steps, bodies), springs, bodies)
    pairs = zip(rngs, springs, strict=True)
    constants = np.stack([draw_constants(rng, graph, bodies.strength_spread) for rng, graph in pairs])
    moved = simulate_springs(constants, positions, velocities, steps, bodies)
    return replace(record_bodies(moved, springs, bodies), strength=bodies.strength * constants)
