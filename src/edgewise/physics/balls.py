"""Balls of different sizes in a square box, as in Battaglia et al. 2016 (Interaction Networks, section 4).

Walls are objects: fixed boxes, see `edgewise.physics.contacts` for the law of collisions. One step, with external
acceleration a (gravity, if there is any):

    v <- v + sum J n / m + dt a,    x <- x + dt v

The ranges of radius, mass and restitution, the box, the speeds and dt are ours; the paper does not print its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgewise.errors import ConfigError, DataError
from edgewise.physics.batch import Floats, simulate_blocks
from edgewise.physics.contacts import Contacts, Shapes
from edgewise.physics.objects import check_above_zero, check_apart, named_axes, roll
from edgewise.physics.options import check_ordered
from edgewise.physics.record import Recording

WALLS = ("wall left", "wall right", "wall bottom", "wall top")
HALF_THICKNESS = 0.5
"""Of the walls."""
PLACES = 2000
"""How many places are tried for a ball before the box is called full."""


@dataclass(frozen=True)
class BouncingBalls:
    """Options of balls in a box; all quantities are dimensionless."""

    half_width: float = 1.5
    """The inner sides of the walls stand at plus and minus this coordinate."""
    least_radius: float = 0.1
    """Radii are drawn uniformly from here"""
    most_radius: float = 0.3
    """to here."""
    least_mass: float = 0.75
    """Masses are drawn uniformly from here"""
    most_mass: float = 1.25
    """to here."""
    least_restitution: float = 0.4
    """Restitutions are drawn uniformly from here"""
    most_restitution: float = 1.0
    """to here; that of a collision is the product of both, and walls have 1."""
    least_speed: float = 0.0
    """Speeds at the start are drawn uniformly from here"""
    most_speed: float = 4.0
    """to here, in random directions."""
    gravity: float = 0.0
    """Acceleration downwards."""
    push_out: float = 0.0
    """The share of an overlap that vanishes in a step at least; with gravity above 0, or balls at rest sink."""
    dt: float = 0.01
    """Time of one integration step."""
    steps_per_frame: int = 1
    """Integration steps from one recorded frame to the next; the first frame is the start."""

    def __post_init__(self) -> None:
        for quantity in ("radius", "mass", "restitution", "speed"):
            check_ordered(self, f"least_{quantity}", f"most_{quantity}")
        if self.most_restitution > 1 or self.push_out > 1:
            raise ConfigError(
                f"most_restitution = {self.most_restitution!r}, push_out = {self.push_out!r}",
                expected="0 to 1 for both: balls that part faster than they met gain energy at each collision",
            )
        if self.gravity and not self.push_out:
            raise ConfigError(
                f"gravity = {self.gravity!r} with push_out = 0: balls at rest would sink into the floor",
                expected="a push_out above 0",
                fix="push_out = 0.1",
            )


DEFAULTS = BouncingBalls()


@dataclass(frozen=True)
class Balls:
    """The balls of many systems, each array `[system, ball]`."""

    mass: Floats
    radius: Floats
    restitution: Floats


def walls(half_width: float) -> tuple[Floats, Floats]:
    """Centres and half extents of the four walls, `[wall, 2]`; they overlap in the corners."""
    centre, length = half_width + HALF_THICKNESS, half_width + 2 * HALF_THICKNESS
    centres = np.array([[-centre, 0.0], [centre, 0.0], [0.0, -centre], [0.0, centre]])
    upright, lying = (HALF_THICKNESS, length), (length, HALF_THICKNESS)
    return centres, np.array([upright, upright, lying, lying])


def draw_places(rng: np.random.Generator, radius: Floats, half_width: float) -> Floats:
    """Places `[ball, 2]` at which balls of these radii `[ball]` overlap neither each other nor the walls.

    Raises:
        ConfigError: none was found: the box is too small for them.
    """
    places = np.empty((len(radius), 2))
    for ball, own in enumerate(radius):
        room = half_width - own
        for _ in range(PLACES):
            places[ball] = room * rng.uniform(-1.0, 1.0, 2)
            apart = np.linalg.norm(places[:ball] - places[ball], axis=-1) > radius[:ball] + own
            if room > 0 and apart.all():
                break
        else:
            raise ConfigError(
                f"no place was found for ball {ball} of {len(radius)}, of radius {own:.3g}",
                expected="balls that fit into the box",
                fix="raise half_width, lower most_radius, or take fewer balls",
            )
    return places


def simulate_balls(
    balls: Balls, positions: Floats, velocities: Floats, steps: int, options: BouncingBalls = DEFAULTS
) -> tuple[Floats, Floats]:
    """Move balls in a box.

    Args:
        balls: mass, radius, restitution.
        positions, velocities: at the start, `[system, ball, 2]`.
        steps: frames to record, the start among them.
        options: of these half_width, gravity, push_out, dt and steps_per_frame.

    Returns:
        Positions and velocities of the balls, `[system, frame, ball, 2]`, computed in float64.

    Raises:
        DataError: a mass or radius is not above 0, or balls overlap each other or a wall at the start.
    """
    _check_start(balls, positions, options.half_width)
    centres, half = walls(options.half_width)
    n_balls = positions.shape[1]
    first, second = np.triu_indices(n_balls, 1, n_balls + 4)  # of each ball, the later balls and the walls
    pull = options.dt * options.gravity

    def simulate(
        positions: Floats, velocities: Floats, mass: Floats, radius: Floats, restitution: Floats
    ) -> tuple[Floats, Floats]:
        shapes = _with_walls(mass, radius, restitution, half)
        rules = {"dt": options.dt, "push_out": options.push_out}
        contacts = Contacts(first, second, shapes, **rules)

        def kick(positions: Floats, velocities: Floats, out: Floats) -> None:
            out[...] = 0.0
            out[1, :n_balls] -= pull
            contacts.add(positions, velocities, out)

        still = np.broadcast_to(centres[..., None], (4, 2, positions.shape[-1]))
        start = np.concatenate([positions, still]), np.concatenate([velocities, 0.0 * still])
        clock = {"dt": options.dt, "steps_per_frame": options.steps_per_frame}
        return roll(kick, *start, steps, **clock, recorded=n_balls)

    moved = simulate_blocks(simulate, positions, velocities, balls.mass, balls.radius, balls.restitution)
    return moved[0].swapaxes(2, 3), moved[1].swapaxes(2, 3)


def record_balls(
    rngs: Sequence[np.random.Generator], entities: int, steps: int, options: BouncingBalls
) -> Recording:
    """Draw a system from each generator (radii, masses, restitutions, places, speeds, headings) and simulate all.

    `entities` counts the balls; the four walls follow them.
    """
    drawn = [draw_balls(rng, entities, options) for rng in rngs]
    radius, mass, restitution, positions, velocities = (np.stack(a) for a in zip(*drawn, strict=True))
    moved = simulate_balls(Balls(mass, radius, restitution), positions, velocities, steps, options)
    centres, half = walls(options.half_width)
    still = np.broadcast_to(centres, (len(rngs), steps, 4, 2))
    features = named_axes(
        np.concatenate([moved[0], still], axis=2), np.concatenate([moved[1], 0.0 * still], axis=2)
    )
    attributes = {
        "mass": _beside(mass, 1.0),
        "radius": _beside(radius, 0.0),
        "restitution": _beside(restitution, 1.0),
        "half_width": _beside(0.0 * radius, half[:, 0]),
        "half_height": _beside(0.0 * radius, half[:, 1]),
        "fixed": _beside(0.0 * radius, 1.0),
    }
    if options.gravity:
        attributes |= {"ax": 0.0 * attributes["mass"], "ay": _beside(0.0 * radius - options.gravity, 0.0)}
    return Recording(
        features,
        np.broadcast_to(_edges(entities), (len(rngs), entities + 4, entities + 4)).copy(),
        np.arange(steps, dtype=np.float64) * options.dt * options.steps_per_frame,
        attributes=attributes,
        entities=[*names_of_balls(entities), *WALLS],
    )


def names_of_balls(entities: int) -> list[str]:
    """ball 0, ball 1, ..."""
    return [f"ball {k}" for k in range(entities)]


def draw_balls(rng: np.random.Generator, entities: int, options: BouncingBalls) -> tuple[Floats, ...]:
    """Radii, masses, restitutions `[ball]`, places and velocities `[ball, 2]` of one system."""
    radius = rng.uniform(options.least_radius, options.most_radius, entities)
    mass = rng.uniform(options.least_mass, options.most_mass, entities)
    restitution = rng.uniform(options.least_restitution, options.most_restitution, entities)
    places = draw_places(rng, radius, options.half_width)
    speed = rng.uniform(options.least_speed, options.most_speed, entities)
    angle = rng.uniform(0.0, 2 * np.pi, entities)
    heading = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    return radius, mass, restitution, places, speed[:, None] * heading


def _edges(n_balls: int) -> np.ndarray:
    """1 ball to ball, 2 wall to ball, `[receiver, sender]`."""
    edges = np.zeros((n_balls + 4, n_balls + 4), dtype=np.int64)
    edges[:n_balls, :n_balls] = 1 - np.eye(n_balls, dtype=np.int64)
    edges[:n_balls, n_balls:] = 2
    return edges


def _beside(of_balls: Floats, of_walls: Floats | float) -> Floats:
    """`[system, ball]` and one number, or `[wall]`, as `[system, object]`."""
    return np.concatenate([of_balls, np.broadcast_to(of_walls, (len(of_balls), 4))], axis=1)


def _with_walls(mass: Floats, radius: Floats, restitution: Floats, half: Floats) -> Shapes:
    """The shapes of balls `[ball, system]` and walls."""
    n_balls, n_systems = mass.shape
    zeros, ones = np.zeros((4, n_systems)), np.ones((4, n_systems))
    half_extent = np.zeros((2, n_balls + 4, n_systems))
    half_extent[:, n_balls:] = half.T[..., None]
    return Shapes(
        np.concatenate([radius, zeros]),
        np.concatenate([restitution, ones]),
        np.concatenate([1 / mass, zeros]),
        half_extent,
    )


def _check_start(balls: Balls, positions: Floats, half_width: float) -> None:
    names = names_of_balls(positions.shape[1])
    check_above_zero("mass", balls.mass, names)
    check_above_zero("radius", balls.radius, names)
    check_apart(
        positions,
        balls.radius[:, :, None] + balls.radius[:, None],
        names,
        "balls that do not overlap at the start",
    )
    beyond = np.argwhere(np.abs(positions).max(axis=-1) + balls.radius > half_width)
    if len(beyond):
        system, ball = beyond[0]
        raise DataError(
            f"'{names[ball]}' of system {system}, of radius {balls.radius[system, ball]:g}, is at"
            f" {positions[system, ball].tolist()}, not inside the walls at plus and minus {half_width:g}",
            expected="balls that are inside the box at the start",
        )
