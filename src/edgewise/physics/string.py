"""A string of masses and springs that falls onto a ball (Battaglia et al. 2016, section 4).

Neighbours are joined by springs of rest length L; with d = x_j - x_i, the force on mass i is

    F_i = sum_j C_s (1 - L / |d|) d

Beside it pulls gravity, an external effect, and the masses bounce off the fixed ball by the law of
`edgewise.physics.contacts`. One step: v <- v + dt (F / m + a) + sum J n / m, x <- x + dt v. The range of gravity is the
paper's; the other constants are ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgewise.errors import ConfigError, DataError
from edgewise.physics.batch import Floats, simulate_blocks
from edgewise.physics.contacts import Contacts, Shapes
from edgewise.physics.objects import Kick, check_apart, named_axes, roll
from edgewise.physics.options import check_ordered
from edgewise.physics.record import Recording


@dataclass(frozen=True)
class FallingString:
    """Options of a string that falls onto a ball; all quantities are dimensionless."""

    mass: float = 0.1
    """Of each mass of the string."""
    mass_radius: float = 0.05
    """Radius of each mass."""
    ball_radius: float = 0.5
    """Radius of the ball."""
    rest_length: float = 0.2
    """Length L at which a spring does not pull."""
    least_constant: float = 100.0
    """The constant C_s of the springs is drawn uniformly for each system from here"""
    most_constant: float = 200.0
    """to here."""
    weakest_gravity: float = 5.0
    """Gravity, downwards, is drawn uniformly for each system from here"""
    strongest_gravity: float = 30.0
    """to here."""
    drop: float = 0.3
    """The gap between string and ball at the start is drawn uniformly up to here."""
    slope: float = 0.3
    """The string starts straight, at rest, at an angle drawn uniformly up to so many radians from the level."""
    pinned: int = 1
    """How many ends of the string are fixed: 0, 1 or 2."""
    restitution: float = 0.5
    """Of a collision of a mass with the ball."""
    push_out: float = 0.1
    """The share of an overlap that vanishes in a step at least."""
    dt: float = 0.001
    """Time of one integration step."""
    steps_per_frame: int = 1
    """Integration steps from one recorded frame to the next; the first frame is the start."""

    def __post_init__(self) -> None:
        check_ordered(self, "least_constant", "most_constant")
        check_ordered(self, "weakest_gravity", "strongest_gravity")
        if self.pinned > 2:
            raise ConfigError(f"pinned = {self.pinned!r}", expected="0, 1 or 2: a string has two ends")
        if self.restitution > 1 or self.push_out > 1:
            raise ConfigError(
                f"restitution = {self.restitution!r}, push_out = {self.push_out!r}",
                expected="0 to 1 for both",
            )
        stiffest = self.most_constant * self.dt**2 / self.mass
        if stiffest >= 1:  # the fastest of the waves of a long string has omega^2 = 4 C_s / m
            raise ConfigError(
                f"most_constant = {self.most_constant!r}, mass = {self.mass!r} and dt = {self.dt!r} make"
                f" C_s dt^2 / m = {stiffest:.3g}: the integrator is unstable",
                expected="C_s dt^2 / m below 1",
                fix="lower dt or most_constant",
            )


DEFAULTS = FallingString()


@dataclass(frozen=True)
class Strings:
    """What differs from system to system, each array `[system]`."""

    constant: Floats
    """C_s of the springs."""
    gravity: Floats
    """Acceleration downwards."""


def names_of_masses(entities: int) -> list[str]:
    """mass 0, mass 1, ..., ball."""
    return [*(f"mass {k}" for k in range(entities)), "ball"]


def fixed_objects(masses: int, pinned: int) -> np.ndarray:
    """Which of the masses and the ball do not move, bool `[object]`."""
    fixed = np.zeros(masses + 1, dtype=bool)
    fixed[-1] = True
    fixed[[0, masses - 1][:pinned]] = True
    return fixed


def simulate_string(
    strings: Strings, positions: Floats, velocities: Floats, steps: int, options: FallingString = DEFAULTS
) -> tuple[Floats, Floats]:
    """Move strings.

    Args:
        strings: constants and gravity.
        positions, velocities: at the start, `[system, object, 2]`: the masses along the string, then the ball. Of fixed
            objects the velocity is taken as 0.
        steps: frames to record, the start among them.
        options: all but the ranges.

    Returns:
        Positions and velocities, `[system, frame, object, 2]`, computed in float64.

    Raises:
        DataError: a constant is not above 0, two objects are at one place, or a mass overlaps the ball at the start.
    """
    _check_start(strings, positions, options)
    masses = positions.shape[1] - 1
    fixed = fixed_objects(masses, options.pinned)

    def simulate(
        positions: Floats, velocities: Floats, constant: Floats, gravity: Floats
    ) -> tuple[Floats, Floats]:
        kick = _kick(constant, gravity, fixed, options)
        return roll(
            kick, positions, velocities, steps, dt=options.dt, steps_per_frame=options.steps_per_frame
        )

    velocities = np.where(fixed[:, None], 0.0, velocities)
    moved = simulate_blocks(
        simulate, positions, velocities, strings.constant, strings.gravity, pairs=2 * (masses + 1)
    )
    return moved[0].swapaxes(2, 3), moved[1].swapaxes(2, 3)


def record_string(
    rngs: Sequence[np.random.Generator], entities: int, steps: int, options: FallingString
) -> Recording:
    """Draw a system from each generator (constant, gravity, slope, ball: in this order) and simulate all.

    `entities` counts the masses of the string; the ball follows them.
    """
    drawn = [draw_string(rng, entities, options) for rng in rngs]
    constant, gravity, positions = (np.stack(arrays) for arrays in zip(*drawn, strict=True))
    moved = simulate_string(Strings(constant, gravity), positions, np.zeros_like(positions), steps, options)
    fixed = fixed_objects(entities, options.pinned)
    every = np.ones(positions.shape[:2])
    is_ball = np.arange(entities + 1) == entities
    joined = _joined(entities)
    edges = joined.copy()
    edges[:entities, entities] = 2
    edges[fixed] = 0
    springs = joined * np.ones((len(rngs), 1, 1))
    return Recording(
        named_axes(*moved),
        np.broadcast_to(edges, springs.shape).copy(),
        np.arange(steps, dtype=np.float64) * options.dt * options.steps_per_frame,
        attributes={
            "mass": every * np.where(is_ball, 1.0, options.mass),
            "radius": every * np.where(is_ball, options.ball_radius, options.mass_radius),
            "fixed": every * fixed,
            "ax": 0.0 * every,
            "ay": np.where(fixed, 0.0, -gravity[:, None]),
        },
        pairs={
            "spring_constant": constant[:, None, None] * springs,
            "rest_length": options.rest_length * springs,
        },
        entities=names_of_masses(entities),
    )


def draw_string(
    rng: np.random.Generator, masses: int, options: FallingString
) -> tuple[float, float, np.ndarray]:
    """Constant, gravity and the places of the masses and the ball, which is under some part of the string."""
    constant = rng.uniform(options.least_constant, options.most_constant)
    gravity = rng.uniform(options.weakest_gravity, options.strongest_gravity)
    angle = options.slope * rng.uniform(-1.0, 1.0)
    along = np.array([np.cos(angle), np.sin(angle)])
    length = options.rest_length * (masses - 1)
    chain = (options.rest_length * np.arange(masses) - length / 2)[:, None] * along
    distance = options.ball_radius + options.mass_radius + options.drop * rng.uniform(0.0, 1.0)
    place = 0.3 * length * rng.uniform(-1.0, 1.0)
    ball = place * along + distance * np.array([along[1], -along[0]])
    return constant, gravity, np.concatenate([chain, ball[None]])


def _joined(masses: int) -> np.ndarray:
    """1 between neighbours of the string, `[receiver, sender]` of masses and ball."""
    joined = np.zeros((masses + 1, masses + 1), dtype=np.int64)
    one = np.arange(masses - 1)
    joined[one, one + 1] = joined[one + 1, one] = 1
    return joined


def _kick(constant: Floats, gravity: Floats, fixed: np.ndarray, options: FallingString) -> Kick:
    """The law of one block; constant and gravity `[system]`."""
    masses, n_systems = len(fixed) - 1, len(constant)
    moves = (~fixed).astype(np.float64)[:, None]
    stiffness = options.dt / options.mass * constant
    pull = options.dt * gravity
    size = np.ones((masses + 1, n_systems))
    radius = (
        np.where(np.arange(masses + 1)[:, None] == masses, options.ball_radius, options.mass_radius) * size
    )
    shapes = Shapes(
        radius, np.sqrt(options.restitution) * size, moves / options.mass * size, np.zeros((2, *size.shape))
    )
    chain = np.arange(masses)
    contacts = Contacts(chain, 0 * chain + masses, shapes, dt=options.dt, push_out=options.push_out)
    stretch = np.empty((2, masses - 1, n_systems))
    squares = np.empty_like(stretch)

    def kick(positions: Floats, velocities: Floats, out: Floats) -> None:
        np.subtract(positions[:, 1:masses], positions[:, : masses - 1], out=stretch)
        np.multiply(stretch, stretch, out=squares)
        scale = np.add(squares[0], squares[1], out=squares[0])
        np.sqrt(scale, out=scale)
        np.divide(-options.rest_length, scale, out=scale)
        scale += 1.0
        scale *= stiffness
        np.multiply(stretch, scale, out=stretch)
        out[:, : masses - 1] = stretch
        out[:, masses - 1 :] = 0.0
        out[:, 1:masses] -= stretch
        out[1] -= pull
        for one in np.flatnonzero(fixed):
            out[:, one] = 0.0
        contacts.add(positions, velocities, out)

    return kick


def _check_start(strings: Strings, positions: Floats, options: FallingString) -> None:
    names = names_of_masses(positions.shape[1] - 1)
    weak = np.flatnonzero(~(strings.constant > 0))
    if len(weak):
        raise DataError(
            f"the spring constant of system {weak[0]} is {strings.constant[weak[0]]:g}",
            expected="a constant above 0",
        )
    reach = np.zeros((len(names), len(names)))
    reach[:, -1] = reach[-1] = options.ball_radius + options.mass_radius
    check_apart(positions, reach, names, "objects at places of their own, and none in the ball")
