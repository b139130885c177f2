"""Collisions: impulses between rounded boxes that overlap and approach each other.

An object is a box of half extents h, grown by a radius r: a ball has h = 0, a wall r = 0. With d = x_i - x_j and the
componentwise maximum, the gap between two objects, the direction of the contact and the normal velocity are

    g = max(|d| - h_i - h_j, 0),    gap = |g| - r_i - r_j,    n = sign(d) g / |g|,    u = n.(v_i - v_j)

Where gap < 0, i gets the impulse J n and j the opposite one, with the reduced mass mu (a fixed object counts as of
infinite mass) and the restitutions e:

    J = mu max(0, w - u),    w = max(-e_i e_j u, push_out (-gap) / dt)

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
    half_extent: Floats
    """Of the boxes, `[2, object, system]`; 0 of balls."""


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
        self.strips = _strips(first, second)
        self.push = push_out / dt
        inverse_mass = shapes.inverse_mass
        systems = np.arange(inverse_mass.shape[-1])
        # [pair * system], as what follows: where objects stand in [object, system], which is then flat as well
        self.one = (first[:, None] * len(systems) + systems).ravel()
        self.other = (second[:, None] * len(systems) + systems).ravel()
        reach = shapes.radius[first] + shapes.radius[second]
        self.reach = reach.ravel()
        self.bounce = (shapes.restitution[first] * shapes.restitution[second]).ravel()
        self.inverse_mass = inverse_mass.ravel()
        total = self.inverse_mass[self.one] + self.inverse_mass[self.other]
        self.reduced_mass = np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)
        extent = shapes.half_extent[:, first] + shapes.half_extent[:, second]
        self.half = extent.reshape(2, -1)
        self.near = extent + reach  # per axis: only what is nearer than this can touch
        self.offsets = np.empty_like(extent)

    def add(self, positions: Floats, velocities: Floats, out: Floats) -> None:
        """Add to `out` what the impulses change of the velocities; all are `[2, object, system]`."""
        pair = self._near(positions)
        if not len(pair):
            return
        one, other = self.one.take(pair), self.other.take(pair)
        x, v = positions.reshape(2, -1), velocities.reshape(2, -1)
        normal, distance = self._normals(x.take(one, axis=1) - x.take(other, axis=1), pair)
        speed = (normal * (v.take(one, axis=1) - v.take(other, axis=1))).sum(axis=0)
        overlap = self.reach.take(pair) - distance
        parting = np.maximum(-self.bounce.take(pair) * speed, self.push * overlap)
        impulse = self.reduced_mass.take(pair) * np.maximum(parting - speed, 0.0) * (overlap > 0)
        kick_one, kick_other = impulse * self.inverse_mass.take(one), impulse * self.inverse_mass.take(other)
        for axis in range(2):
            changes = out[axis].reshape(-1)
            np.add.at(changes, one, kick_one * normal[axis])
            np.subtract.at(changes, other, kick_other * normal[axis])

    def _near(self, positions: Floats) -> np.ndarray:
        """The pairs, of `[pair * system]`, that overlap along both axes."""
        for axis in range(2):  # NumPy subtracts rows of two axes much faster than of three
            places, offsets = positions[axis], self.offsets[axis]
            for rows, first, second in self.strips:
                np.subtract(places[first], places[second], out=offsets[rows])
        np.abs(self.offsets, out=self.offsets)
        close = self.offsets < self.near
        return np.flatnonzero(close[0] & close[1])

    def _normals(self, offset: Floats, pair: np.ndarray) -> tuple[Floats, Floats]:
        """Directions `[2, contact]` and lengths `[contact]` of g.

        Where the centre of one is inside the box of the other, g is 0 and the direction is that of the nearest side.
        Balls at one place have no direction: 0.
        """
        beyond = np.abs(offset) - self.half.take(pair, axis=1)
        gap = np.maximum(beyond, 0.0)
        length = np.sqrt((gap * gap).sum(axis=0))
        nearest = (beyond >= beyond.max(axis=0)).astype(np.float64)
        direction = np.divide(gap, length, out=nearest, where=length > 0)
        return np.sign(offset) * direction, length


def _strips(first: np.ndarray, second: np.ndarray) -> list[tuple[slice, slice, slice]]:
    """Pairs cut where they stop to be one object and consecutive others: (pairs, first, second) as slices.

    A strip's offsets are one subtraction without copies of the positions.
    """
    found, start = [], 0
    for end in range(1, len(first) + 1):
        ones, others = first[start : end + 1], second[start : end + 1]
        one_to_many = (ones == ones[0]).all() and (np.diff(others) == 1).all()
        many_to_one = (others == others[0]).all() and (np.diff(ones) == 1).all()
        if end == len(first) or not (one_to_many or many_to_one):
            last = end - 1
            pairs = (
                slice(int(first[start]), int(first[last]) + 1),
                slice(int(second[start]), int(second[last]) + 1),
            )
            found.append((slice(start, end), *pairs))
            start = end
    return found
