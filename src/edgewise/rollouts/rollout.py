"""A rollout: what a learned simulator says of the frames after a start, and where it ceases to be believed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import xarray as xr

from edgewise.data.roles import positions, velocities
from edgewise.errors import ConfigError, DataError

Start = int | Literal["first", "last"]
"""The frame that a rollout starts from, counted from 0."""
FAR = 100.0
"""How many times as far from the centre as the data reach an object may go before the rollout is stopped."""


@dataclass(frozen=True)
class Divergence:
    """Where a rollout was stopped.

    Attributes:
        step: the step that gave no usable frame, counted from 1.
        sequence, entity: the names of the system and of its object that was found first.
        reason: what is wrong with it, in words.
    """

    step: int
    sequence: str
    entity: str
    reason: str

    def sentence(self) -> str:
        """For a message: where the rollout was stopped, and why."""
        return f"the rollout diverged at step {self.step}: {self.entity!r} of recording {self.sequence!r} {self.reason}"


@dataclass(frozen=True)
class Rollout:
    """The frames of a learned simulator.

    Attributes:
        frames: a data set of the schema; frame 0 is the start, then one frame a step, fewer where it diverged.
        truth: the recording from the start on, in the same order of sequences and entities, as far as the data go and
            at most as many frames; None where nothing was recorded after the start.
        diverged: where it was stopped; None where it was not.
        notes: what a reader must know, a sentence each.
        velocity: displacement a unit of time at the start, [sequence, entity, d], for the errors of "constant
            velocity"; None: the velocities of frame 0.
    """

    frames: xr.Dataset
    truth: xr.Dataset | None = None
    diverged: Divergence | None = None
    notes: list[str] = field(default_factory=list)
    velocity: np.ndarray | None = None

    @property
    def steps(self) -> int:
        """How many steps were computed."""
        return self.frames.sizes["time"] - 1


def check_asked(steps: int, systems: int, limit: float | None) -> None:
    """Refuse numbers of steps and systems, and a limit, that ask for nothing.

    Raises:
        ConfigError: naming the first.
    """
    for name, value in (("steps", steps), ("systems", systems)):
        if value < 1:
            raise ConfigError(f"{name}={value}", expected="1 or more")
    if limit is not None and not limit > 0:
        raise ConfigError(f"limit={limit:g}", expected="a distance above 0")


def frame_of(start: Start, n_frames: int, *, last: int | None = None) -> int:
    """The number of the frame to start from.

    Args:
        n_frames: of a recording; last: what "last" means, if not the last of them.

    Raises:
        DataError: for a frame that is not there.
    """
    named = {"first": 0, "last": n_frames - 1 if last is None else last}
    at = named.get(start) if isinstance(start, str) else start
    if at is None or not 0 <= at < n_frames:
        raise DataError(
            f"start={start}: there is no such frame",
            expected=f"a frame from 0 to {n_frames - 1}, `first` or `last`",
        )
    return at


def stamped(ds: xr.Dataset, times: np.ndarray, attrs: Mapping[str, Any]) -> xr.Dataset:
    """A data set with the stamps of its frames, a clock for each recording where they differ.

    Args:
        times: [sequence, time]; attrs: of the stamps, such as their unit.
    """
    if not np.ptp(times, axis=0).any():
        return ds.assign_coords(time=("time", times[0], attrs))
    return ds.assign_coords(time=np.arange(times.shape[1]), clock=(("sequence", "time"), times, attrs))


def places(ds: xr.Dataset) -> np.ndarray:
    """Positions of a data set with that role: [sequence, time, entity, d].

    Raises:
        DataError: without positions.
    """
    names = positions(ds)
    if not names:
        raise DataError(
            "the data have no positions",
            expected="features in the role position: a rollout moves objects",
            fix="name them with --position, or use `edgewise forecast` for series without places",
        )
    return np.stack([ds[name].transpose("sequence", "time", "entity").to_numpy() for name in names], -1)


def reach(ds: xr.Dataset, times: float = FAR) -> tuple[np.ndarray, float]:
    """The centre of all positions [d], and the distance from it, `times` the farthest of the data, that is too far.

    A data set in which nothing is anywhere but at its centre reaches 1 unit.

    Raises:
        DataError: without positions, or where none was observed.
    """
    found = places(ds).reshape(-1, len(positions(ds))).astype(np.float64)
    found = found[np.isfinite(found).all(-1)]
    if not len(found):
        raise DataError("no position was observed", expected="at least one frame with positions")
    centre = (found.min(0) + found.max(0)) / 2
    return centre, times * (float(np.linalg.norm(found - centre, axis=-1).max()) or 1.0)


def diverging(
    position: np.ndarray,
    velocity: np.ndarray | None,
    limit: float,
    *,
    centre: np.ndarray | float = 0.0,
    present: np.ndarray | None = None,
) -> tuple[int, int, str] | None:
    """The first object of one frame that is not finite or farther than `limit` from the centre.

    Args:
        position: [system, entity, d].
        velocity: [system, entity, d] or None; looked at for numbers that are not finite.
        limit: in the unit of the positions; centre: [d] or one number, see `reach`.
        present: [system, entity] bool, the objects that are there at all (all of them without it); the others are
            not looked at.

    Returns:
        Position of the system, position of the entity and the reason; None where all is well.
    """
    finite = np.logical_and.reduce(np.isfinite(position), axis=-1)
    if velocity is not None and velocity.size:
        finite &= np.logical_and.reduce(np.isfinite(velocity), axis=-1)
    with np.errstate(over="ignore", invalid="ignore"):
        distance = np.linalg.norm(position - centre, axis=-1)
    wrong = ~(finite & (distance <= limit))
    if present is not None:
        wrong &= present
    if not wrong.any():
        return None
    system, entity = (int(index) for index in np.argwhere(wrong)[0])
    if not finite[system, entity]:
        return system, entity, "is no longer at a finite place or speed"
    return (
        system,
        entity,
        f"is {distance[system, entity]:.4g} from the centre, beyond the limit of {limit:.4g}",
    )


def stopped(
    frames: xr.Dataset, limit: float, *, centre: np.ndarray | float = 0.0, present: np.ndarray | None = None
) -> tuple[xr.Dataset, Divergence | None]:
    """The frames before the first in which an object diverges; arguments as for `diverging`.

    Raises:
        DataError: if that is the first frame after the start, so that nothing was computed.
    """
    position, names = places(frames), velocities(frames)
    velocity = np.stack([frames[name].to_numpy() for name in names], -1) if names else None
    for step in range(1, position.shape[1]):
        now = None if velocity is None else velocity[:, step]
        found = diverging(position[:, step], now, limit, centre=centre, present=present)
        if found is None:
            continue
        system, entity, reason = found
        names_of = frames["sequence"].to_numpy(), frames["entity"].to_numpy()
        divergence = Divergence(step, str(names_of[0][system]), str(names_of[1][entity]), reason)
        if step == 1:
            raise DataError(
                divergence.sentence(),
                expected="at least one frame after the start",
                fix="start from another frame (--start), or allow more with --limit",
            )
        return frames.isel(time=slice(0, step)), divergence
    return frames, None
