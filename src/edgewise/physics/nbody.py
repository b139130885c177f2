"""Bodies that attract each other, on orbits around a heavy one (Battaglia et al. 2016, section 4).

The force that body i exerts on body j, attractive since it points from j to i:

    F_ij = G m_i m_j (x_i - x_j) / |x_i - x_j|^3

With a softening s, |x_i - x_j|^2 + s^2 stands for |x_i - x_j|^2. Body j accelerates by sum_i F_ij / m_j; a heavy body
that is fixed stays where it is.

G, dt, the mass of the heavy body and the distances 10 to 100 are those of reimplementations of the paper, which prints
none of its own. Lighter planets (0.02 to 0.2 in place of 0.02 to 9) and the spacing of their orbits are ours: planets
of theirs soon meet, and one step of this size through an encounter changes the energy manyfold.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgewise.errors import ConfigError
from edgewise.physics.batch import Floats, simulate_blocks
from edgewise.physics.inverse_square import inverse_square_force
from edgewise.physics.objects import check_above_zero, check_apart, named_axes, roll
from edgewise.physics.options import check_ordered
from edgewise.physics.record import Recording


@dataclass(frozen=True)
class Orbits:
    """Options of bodies that attract each other; all quantities are dimensionless."""

    gravitation: float = 1e5
    """The constant G."""
    heavy: float = 100.0
    """Mass of the heavy body."""
    lightest: float = 0.02
    """Masses of the others are drawn uniformly from here"""
    heaviest: float = 0.2
    """to here."""
    nearest: float = 10.0
    """Distances from the heavy body are drawn from here"""
    farthest: float = 100.0
    """to here, uniformly on a logarithmic scale,"""
    spacing: float = 1.4
    """each at least so many times the one before. Planets that do not fit so reach farther out."""
    circular: bool = True
    """Start with the velocity of a circular orbit, all in one sense of rotation; otherwise with its speed in a random
    direction, which brings close encounters."""
    fixed: bool = True
    """The heavy body stays at the centre; otherwise it moves, and the total momentum is 0."""
    softening: float = 0.0
    """A length below which the force stops growing."""
    dt: float = 0.001
    """Time of one integration step."""
    steps_per_frame: int = 1
    """Integration steps from one recorded frame to the next; the first frame is the start."""

    def __post_init__(self) -> None:
        check_ordered(self, "lightest", "heaviest")
        check_ordered(self, "nearest", "farthest")
        if self.spacing < 1:
            raise ConfigError(f"spacing = {self.spacing!r}", expected="1 or more: orbits are drawn outwards")


DEFAULTS = Orbits()
ROOM = 0.9
"""The part of the range of distances, on a logarithmic scale, that the spacing of the planets may take."""


def names_of_bodies(entities: int) -> list[str]:
    """star, planet 1, planet 2, ..."""
    return ["star", *(f"planet {k}" for k in range(1, entities))]


def draw_distances(rng: np.random.Generator, planets: int, orbits: Orbits) -> Floats:
    """Distances of the planets from the star, outwards, `[planet]`.

    Their logarithms are uniform on what is left of the range when the least ratios are taken out. Where more than
    `ROOM` of the range would be taken out, it grows outwards until it is not.
    """
    taken = (planets - 1) * math.log(orbits.spacing)
    room = max(math.log(orbits.farthest / orbits.nearest), taken / ROOM) - taken
    steps = np.arange(planets) * math.log(orbits.spacing)
    return orbits.nearest * np.exp(np.sort(rng.uniform(0.0, room, planets)) + steps)


def draw_orbits(rng: np.random.Generator, entities: int, orbits: Orbits) -> tuple[Floats, Floats, Floats]:
    """Masses `[body]`, positions and velocities `[body, 2]` of one system, the star first, at the origin.

    A circular orbit around the star alone has the speed sqrt(G M / r), with M the mass of the star, and that of the
    planet added where the star moves.
    """
    planets = entities - 1
    masses = np.concatenate([[orbits.heavy], rng.uniform(orbits.lightest, orbits.heaviest, planets)])
    distance, angle = draw_distances(rng, planets, orbits), rng.uniform(0.0, 2 * np.pi, planets)
    outwards = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    if orbits.circular:
        heading = rng.choice([-1.0, 1.0]) * np.stack([-outwards[:, 1], outwards[:, 0]], axis=-1)
    else:
        turn = rng.uniform(0.0, 2 * np.pi, planets)
        heading = np.stack([np.cos(turn), np.sin(turn)], axis=-1)
    pulling = orbits.heavy if orbits.fixed else orbits.heavy + masses[1:]
    speed = np.sqrt(orbits.gravitation * pulling / distance)
    positions = np.concatenate([np.zeros((1, 2)), distance[:, None] * outwards])
    velocities = np.concatenate([np.zeros((1, 2)), speed[:, None] * heading])
    if not orbits.fixed:
        positions -= masses @ positions / masses.sum()
        velocities -= masses @ velocities / masses.sum()
    return masses, positions, velocities


def simulate_nbody(
    masses: Floats, positions: Floats, velocities: Floats, steps: int, orbits: Orbits = DEFAULTS
) -> tuple[Floats, Floats]:
    """Move bodies that attract each other.

    Args:
        masses: `[system, body]`; where the heavy body is fixed, it is the first.
        positions, velocities: at the start, `[system, body, 2]`.
        steps: frames to record, the start among them.
        orbits: the options; of these gravitation, softening, fixed, dt and steps_per_frame.

    Returns:
        Positions and velocities, `[system, frame, body, 2]`, computed in float64.

    Raises:
        DataError: a mass is not above 0, or two bodies are at one place and nothing softens their force.
    """
    names = names_of_bodies(masses.shape[1])
    check_above_zero("mass", masses, names)
    if not orbits.softening:
        check_apart(positions, 0.0, names, "bodies at places of their own, or a softening above 0")

    def simulate(masses: Floats, positions: Floats, velocities: Floats) -> tuple[Floats, Floats]:
        pulls = -orbits.gravitation * orbits.dt * masses * (1.0 - np.eye(len(masses)))[..., None]
        force = inverse_square_force(pulls, orbits.softening)  # [receiver, sender, system]

        def kick(positions: Floats, velocities: Floats, out: Floats) -> None:
            force(positions, out)
            if orbits.fixed:
                out[:, 0] = 0.0

        return roll(kick, positions, velocities, steps, dt=orbits.dt, steps_per_frame=orbits.steps_per_frame)

    if orbits.fixed:
        velocities = np.concatenate([np.zeros_like(velocities[:, :1]), velocities[:, 1:]], axis=1)
    positions, velocities = simulate_blocks(simulate, masses, positions, velocities)
    return positions.swapaxes(2, 3), velocities.swapaxes(2, 3)


def record_nbody(rngs: Sequence[np.random.Generator], entities: int, steps: int, orbits: Orbits) -> Recording:
    """Draw a system from each generator (masses, distances, angles, headings: in this order) and simulate all."""
    drawn = [draw_orbits(rng, entities, orbits) for rng in rngs]
    masses, positions, velocities = (np.stack(arrays) for arrays in zip(*drawn, strict=True))
    moved = simulate_nbody(masses, positions, velocities, steps, orbits)
    edges = np.broadcast_to(1 - np.eye(entities, dtype=np.int64), (len(rngs), entities, entities)).copy()
    if orbits.fixed:
        edges[:, 0] = 0
    fixed = np.zeros_like(masses)
    fixed[:, 0] = orbits.fixed
    return Recording(
        named_axes(*moved),
        edges,
        np.arange(steps, dtype=np.float64) * orbits.dt * orbits.steps_per_frame,
        attributes={"mass": masses, "fixed": fixed},
        entities=names_of_bodies(entities),
    )
