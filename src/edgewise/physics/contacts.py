"""Collisions: impulses between rounded boxes that overlap and approach each other.

An object is a box of half extents h, grown by a radius r: a ball has h = 0, a wall r = 0. With d = x_i - x_j and the
componentwise maximum, the gap between two objects, the direction of the contact and the normal velocity are

    g = max(|d| - h_i - h_j, 0),    gap = |g| - r_i - r_j,    n = sign(d) g / |g|,    u = n.(v_i - v_j)

Where gap < 0, i gets the impulse J n and j the opposite one, with the reduced mass mu (a fixed object counts as of
infinite mass) and the restitutions e:

    J = mu max(0, w - u),    w = max(e_i e_j max(-u, 0), push_out (-gap) / dt)

so with push_out = 0 objects that approach part with e_i e_j times their speed, and objects that part are left alone:
Newton's law of restitution. A push_out above 0 also has them part at least so fast that this share of the overlap
vanishes in a step (Baumgarte's stabilisation, as in Catto 2005, Iterative Dynamics with Temporal Coherence): else what
is pressed on by another force would sink in. All impulses of a step follow from the state at its beginning and are
summed, so each is a function of two objects.
"""

from dataclasses import dataclass

import numpy as np

from edgewise.physics.batch import Floats


@dataclass(frozen=True)
class Shapes:
    """The objects of one block of systems, each `[object, system]`."""

    radius: Floats
    restitution: Floats
    inverse_mass: Floats
    """1 / mass, 0 where fixed."""
    half_extent: Floats | None = None
    """Of the boxes, `[2, object, system]`; None where all objects are balls."""


class Contacts:
    """The impulses between given pairs of objects.

    Args:
        first, second: the objects of each pair, `[pair]`.
        shapes: of all objects.
        dt: time of one step.
        push_out: the share of an overlap that vanishes in a step at least.
    """

    def __init__(
        self, first: np.ndarray, second: np.ndarray, shapes: Shapes, *, dt: float, push_out: float = 0.0
    ) -> None:
        self.first, self.second = first, second
        self.push = push_out / dt
        self.inverse_mass = shapes.inverse_mass
        self.reach = shapes.radius[first] + shapes.radius[second]
        self.squared_reach = self.reach**2
        self.bounce = shapes.restitution[first] * shapes.restitution[second]
        total = self.inverse_mass[first] + self.inverse_mass[second]
        self.reduced_mass = np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)
        half = shapes.half_extent
        self.half = None if half is None else half[:, first] + half[:, second]
        self.offsets = np.empty((2, *self.reach.shape))
        self.others = np.empty_like(self.offsets)

    def add(self, positions: Floats, velocities: Floats, out: Floats) -> None:
        """Add to `out` what the impulses change of the velocities; all are `[2, object, system]`."""
        pair, system = np.nonzero(self._squared_gap(positions) < self.squared_reach)
        if not len(pair):
            return
        one, other = (self.first[pair], system), (self.second[pair], system)
        offset = positions[:, *one] - positions[:, *other]  # [2, contact]
        normal, distance = self._normals(offset, pair, system)
        speed = (normal * (velocities[:, *one] - velocities[:, *other])).sum(axis=0)
        overlap = self.reach[pair, system] - distance
        parting = np.maximum(self.bounce[pair, system] * np.maximum(-speed, 0.0), self.push * overlap)
        impulse = self.reduced_mass[pair, system] * np.maximum(parting - speed, 0.0)
        for axis in range(2):
            kick = impulse * normal[axis]
            np.add.at(out[axis], one, kick * self.inverse_mass[one])
            np.subtract.at(out[axis], other, kick * self.inverse_mass[other])

    def _squared_gap(self, positions: Floats) -> Floats:
        """|g|^2 of every pair, `[pair, system]`, in memory that the next call overwrites."""
        np.take(positions, self.first, axis=1, out=self.offsets, mode="clip")
        np.take(positions, self.second, axis=1, out=self.others, mode="clip")
        gaps = np.subtract(self.offsets, self.others, out=self.offsets)
        if self.half is not None:
            np.abs(gaps, out=gaps)
            gaps -= self.half
            np.maximum(gaps, 0.0, out=gaps)
        gaps *= gaps
        return np.add(gaps[0], gaps[1], out=gaps[0])

    def _normals(self, offset: Floats, pair: np.ndarray, system: np.ndarray) -> tuple[Floats, Floats]:
        """Directions `[2, contact]` and lengths `[contact]` of g.

        Where the centre of one is inside the box of the other, g is 0 and the direction is that of the nearest side.
        Balls at one place have no direction: 0.
        """
        beyond = np.abs(offset) if self.half is None else np.abs(offset) - self.half[:, pair, system]
        gap = np.maximum(beyond, 0.0)
        length = np.sqrt((gap * gap).sum(axis=0))
        nearest = (beyond >= beyond.max(axis=0)).astype(np.float64)
        direction = np.divide(gap, length, out=nearest, where=length > 0)
        return np.sign(offset) * direction, length
