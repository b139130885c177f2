"""Bodies in a square box with elastic walls: what springs and charges share.

As in Kipf et al. 2018 (Neural Relational Inference, section 5.1 and the authors' code), with unit masses:

    v <- v + dt clip(F(x), -100, 100)        kick
    x <- x + dt v                            drift
    |x_c| > half_width:  x_c <- 2 half_width sign(x_c) - x_c,  v_c points inwards        reflect

Every `sample_every` steps, after the reflection, a frame is recorded. The authors call the first kick a
half step; their code makes it a whole one, so theirs is the semi-implicit Euler scheme, and so is this.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from edgewise.errors import ConfigError
from edgewise.physics.batch import Floats, simulate_blocks
from edgewise.physics.record import Recording

Force = Callable[[Floats, Floats], None]
"""Writes the force on every entity: (positions, out), both `[2, entity, system]`."""

LARGEST_FORCE = 100.0


@dataclass(frozen=True)
class Bodies:
    """Options of springs and charges; all quantities are dimensionless."""

    strength: float
    """Factor of the interaction: spring constant, or Coulomb constant."""
    position_std: float
    """Standard deviation of each coordinate at the start."""
    speed: float = 0.5
    """Speed of every body at the start, in a random direction."""
    half_width: float = 5.0
    """The walls stand at plus and minus this coordinate."""
    dt: float = 0.001
    """Time of one integration step."""
    sample_every: int = 100
    """Integration steps from one recorded frame to the next."""

    def __post_init__(self) -> None:
        longest = max(self.position_std, self.speed * self.dt, LARGEST_FORCE * self.dt**2)
        if longest > self.half_width:
            raise ConfigError(
                f"position_std = {self.position_std!r}, speed = {self.speed!r} and dt = {self.dt!r} put "
                f"bodies further out than half_width = {self.half_width!r} at the start or in one step",
                expected="a box wider than that",
                fix="lower dt, speed or position_std, or raise half_width",
            )


def draw_bodies(rng: np.random.Generator, entities: int, bodies: Bodies) -> tuple[Floats, Floats]:
    """Positions `[entity, 2]`, normal, and velocities `[entity, 2]` of equal speed in random directions."""
    positions = bodies.position_std * rng.standard_normal((entities, 2))
    directions = rng.standard_normal((entities, 2))
    return positions, bodies.speed * directions / np.linalg.norm(directions, axis=1, keepdims=True)


def simulate_bodies(
    force_between: Callable[[Floats, float], Force],
    interactions: Floats,
    positions: Floats,
    velocities: Floats,
    steps: int,
    bodies: Bodies,
) -> tuple[Floats, Floats]:
    """Move many systems of bodies through `steps` recorded frames.

    Args:
        force_between: (interactions `[receiver, sender, system]`, strength) -> the force.
        interactions: `[system, receiver, sender]`.
        positions: at the start, `[system, entity, 2]`.
        velocities: at the start, `[system, entity, 2]`.
        steps: frames to record.
        bodies: the options.

    Returns:
        Positions and velocities, `[system, time, entity, 2]`, computed in float64.
    """

    def simulate(interactions: Floats, positions: Floats, velocities: Floats) -> tuple[Floats, Floats]:
        force = force_between(interactions, bodies.strength)
        moved = _coordinates_first(positions), _coordinates_first(velocities)
        return _integrate(force, *moved, steps, bodies)

    positions, velocities = simulate_blocks(simulate, interactions, positions, velocities)
    # [system, time, 2, entity] -> [system, time, entity, 2]
    return positions.swapaxes(2, 3), velocities.swapaxes(2, 3)


def record_bodies(trajectories: tuple[Floats, Floats], edges: np.ndarray, bodies: Bodies) -> Recording:
    """Name the coordinates of positions and velocities `[sequence, time, entity, 2]`."""
    positions, velocities = trajectories
    features = {
        "x": positions[..., 0],
        "y": positions[..., 1],
        "vx": velocities[..., 0],
        "vy": velocities[..., 1],
    }
    frames = 1 + np.arange(positions.shape[1])
    return Recording(features, edges.astype(np.int64), frames * bodies.sample_every * bodies.dt)


def reflect(positions: Floats, velocities: Floats, half_width: float) -> None:
    """Mirror at the wall, in place, every coordinate beyond it, and turn its velocity inwards."""
    while positions.max() > half_width or positions.min() < -half_width:
        for side in (1.0, -1.0):
            beyond = side * positions > half_width
            np.subtract(2 * side * half_width, positions, out=positions, where=beyond)
            np.copyto(velocities, -side * np.abs(velocities), where=beyond)


def _integrate(
    force: Force, positions: Floats, velocities: Floats, steps: int, bodies: Bodies
) -> tuple[Floats, Floats]:
    """Kick, drift and reflect one block; positions and velocities `[2, entity, system]` are used up."""
    recorded_positions = np.empty((steps, *positions.shape))
    recorded_velocities = np.empty_like(recorded_positions)
    change = np.empty_like(positions)
    reflect(positions, velocities, bodies.half_width)
    for frame in range(steps):
        for _ in range(bodies.sample_every):
            force(positions, change)
            np.minimum(change, LARGEST_FORCE, out=change)
            np.maximum(change, -LARGEST_FORCE, out=change)
            change *= bodies.dt
            velocities += change
            np.multiply(velocities, bodies.dt, out=change)
            positions += change
            reflect(positions, velocities, bodies.half_width)
        recorded_positions[frame] = positions
        recorded_velocities[frame] = velocities
    return recorded_positions, recorded_velocities


def _coordinates_first(array: Floats) -> Floats:
    """`[entity, 2, system]` -> `[2, entity, system]`, contiguous."""
    return np.ascontiguousarray(array.swapaxes(0, 1))
