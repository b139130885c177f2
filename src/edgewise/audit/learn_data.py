"""Systems for the question of sample efficiency: bodies that attract each other, somewhere and in any direction."""

import numpy as np
import torch

from edgewise.physics.nbody import Orbits, simulate_nbody
from edgewise.relation import Complete
from edgewise.tasks.motions import Motions

BODIES = 5
FRAMES = 6
"""Frames of a system; the velocities of all but the first are foretold."""
LAW = Orbits(gravitation=1.0, softening=0.4, fixed=False, dt=0.01, steps_per_frame=10)
LIGHTEST, HEAVIEST = 0.5, 2.0
ROOM = 1.5
"""The middle of a system is drawn uniformly from a square of this half width."""
DRIFT = 1.0
"""Standard deviation of the velocity of a system as a whole."""


def draw_systems(n_systems: int, seed: int, *, bodies: int = BODIES, frames: int = FRAMES) -> Motions:
    """Systems of bodies with attraction, whose law is the same wherever they are, however turned and however fast.

        dv_i / dt = G sum over j of m_j (x_j - x_i) / (|x_j - x_i|^2 + s^2)^(3/2)

    Places and velocities within a system are standard normal, masses uniform. A system depends on the seed and its
    number alone, so that larger data contain the smaller ones.

    Args:
        n_systems: how many; seed: of the draws; bodies: of a system; frames: of a recording.
    """
    starts = [_drawn(np.random.default_rng([seed, k]), bodies) for k in range(n_systems)]
    masses, positions, velocities = (np.stack(parts) for parts in zip(*starts, strict=True))
    moved = [torch.from_numpy(part) for part in simulate_nbody(masses, positions, velocities, frames, LAW)]
    mass = torch.from_numpy(masses)[..., None]
    return Motions(
        position=moved[0],
        velocity=moved[1],
        attributes=mass,
        fixed=torch.zeros(n_systems, bodies, 1, dtype=torch.bool),
        relation=Complete(bodies, loops=False),
        time_step=LAW.dt * LAW.steps_per_frame,
        mass=mass,
    )


def _drawn(rng: np.random.Generator, bodies: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Masses [body], positions and velocities [body, 2]."""
    masses = rng.uniform(LIGHTEST, HEAVIEST, bodies)
    middle, drift = rng.uniform(-ROOM, ROOM, 2), DRIFT * rng.standard_normal(2)
    return masses, middle + rng.standard_normal((bodies, 2)), drift + rng.standard_normal((bodies, 2))
