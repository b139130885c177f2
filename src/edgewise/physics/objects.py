"""Objects that move in steps of the semi-implicit Euler scheme: what bodies in orbit, balls and strings share.

    v <- v + kick(x, v),    x <- x + dt v

The kick is a function of the state at the beginning of the step. Frame 0 is the start; with one step a frame, each
frame is a function of the frame before, which a learner of one step can find exactly.
"""

from collections.abc import Callable

import numpy as np

from edgewise.errors import DataError
from edgewise.physics.batch import Floats

Kick = Callable[[Floats, Floats, Floats], None]
"""Writes by how much velocities change in one step: (positions, velocities, out), each `[2, object, system]`."""


def roll(
    kick: Kick,
    positions: Floats,
    velocities: Floats,
    steps: int,
    *,
    dt: float,
    steps_per_frame: int,
    recorded: int | None = None,
) -> tuple[Floats, Floats]:
    """Move one block of systems.

    Args:
        kick: the law.
        positions, velocities: at the start, `[object, 2, system]`.
        steps: frames to record, the start among them.
        dt: time of one step.
        steps_per_frame: steps from one frame to the next.
        recorded: so many objects, the first ones, are recorded; all if not given.

    Returns:
        Positions and velocities `[frame, 2, object, system]`.
    """
    positions, velocities = (np.ascontiguousarray(start.swapaxes(0, 1)) for start in (positions, velocities))
    seen = slice(len(positions[0]) if recorded is None else recorded)
    frames = np.empty((2, steps, *positions[:, seen].shape))
    change = np.empty_like(positions)
    frames[:, 0] = positions[:, seen], velocities[:, seen]
    for frame in range(1, steps):
        for _ in range(steps_per_frame):
            kick(positions, velocities, change)
            velocities += change
            np.multiply(velocities, dt, out=change)
            positions += change
        frames[0, frame] = positions[:, seen]
        frames[1, frame] = velocities[:, seen]
    return frames[0], frames[1]


def named_axes(positions: Floats, velocities: Floats) -> dict[str, Floats]:
    """Positions and velocities `[system, frame, object, 2]` as the features x, y, vx, vy."""
    return {
        "x": positions[..., 0],
        "y": positions[..., 1],
        "vx": velocities[..., 0],
        "vy": velocities[..., 1],
    }


def check_above_zero(what: str, values: Floats, names: list[str]) -> None:
    """Refuse masses, radii and the like that are not finite numbers above 0.

    Args:
        what: the singular of the quantity.
        values: `[system, object]`.
        names: of the objects.

    Raises:
        DataError: with the object, the system and the value.
    """
    wrong = np.argwhere(~(np.isfinite(values) & (values > 0)))
    if len(wrong):
        system, one = wrong[0]
        raise DataError(
            f"the {what} of '{names[one]}' in system {system} is {values[system, one]:g}",
            expected=f"a finite {what} above 0",
        )


def check_apart(positions: Floats, reach: Floats | float, names: list[str], expected: str) -> None:
    """Refuse objects that are no farther from each other than `reach`.

    Args:
        positions: `[system, object, 2]`.
        reach: the distance that is too near, `[system, object, object]` or one number.
        names: of the objects.
        expected: what would be right.

    Raises:
        DataError: with both objects, the system and their distance.
    """
    distance = np.linalg.norm(positions[:, :, None] - positions[:, None], axis=-1)
    near = np.argwhere(np.triu(distance <= reach, 1))
    if len(near):
        system, one, other = near[0]
        raise DataError(
            f"'{names[one]}' and '{names[other]}' of system {system} are {distance[system, one, other]:g} apart"
            " at the start",
            expected=expected,
            fix="move one of them",
        )
