"""Places and velocities of bodies at equal distances in time, and accelerations from them."""

from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from edgewise.data.roles import clock, features, positions, velocities
from edgewise.data.schema import from_arrays
from edgewise.errors import DataError

STENCIL = np.array([4 / 5, -1 / 5, 4 / 105, -1 / 280])
"""Weights of the central difference of eighth order (Fornberg 1988, table 1)."""
MARGIN = len(STENCIL)
AXES = ("x", "y", "z")


@dataclass(frozen=True)
class Recording:
    """Places and velocities at equal distances in time.

    Attributes:
        entities, sequences: names; fixed: [entity] bool, bodies that do not move.
        time: [time] stamps; step: between two of them.
        position, velocity: [sequence, time, entity, d].
    """

    entities: tuple[str, ...]
    sequences: tuple[str, ...]
    fixed: np.ndarray
    time: np.ndarray
    step: float
    position: np.ndarray
    velocity: np.ndarray

    def part(self, start: float, stop: float) -> "Recording":
        """The frames with start <= time < stop."""
        inside = (self.time >= start) & (self.time < stop)
        return replace(
            self, time=self.time[inside], position=self.position[:, inside], velocity=self.velocity[:, inside]
        )

    def some(self, sequences: int) -> "Recording":
        """The first so many recordings."""
        return replace(
            self,
            sequences=self.sequences[:sequences],
            position=self.position[:sequences],
            velocity=self.velocity[:sequences],
        )

    def accelerations(self, what: str, most: int) -> tuple[np.ndarray, np.ndarray]:
        """Places and accelerations of at most `most` frames, evenly spaced: both [frame, entity, d].

        Accelerations are differences of the recorded velocities,

            a(t) = sum over k = 1..4 of c_k (v(t + k h) - v(t - k h)) / h + O(h^8)

        so the first and last four frames have none.

        Raises:
            DataError: for fewer than 20 frames; `what` names the part in the message.
        """
        n = len(self.time)
        if n < 20:
            raise DataError(
                f"the {what} part has {n} frames",
                expected=f"at least 20: accelerations need {MARGIN} frames before and after",
                fix="choose longer parts, or record more often",
            )
        ahead = [self.velocity[:, MARGIN + k : n - MARGIN + k] for k in range(1, MARGIN + 1)]
        behind = [self.velocity[:, MARGIN - k : n - MARGIN - k] for k in range(1, MARGIN + 1)]
        acceleration = sum(c * (a - b) for c, a, b in zip(STENCIL, ahead, behind, strict=True)) / self.step
        position = self.position[:, MARGIN : n - MARGIN]
        flat = (-1, *position.shape[2:])
        every = -(-position.shape[0] * position.shape[1] // most)
        return position.reshape(flat)[::every], np.reshape(acceleration, flat)[::every]


def recording(ds: xr.Dataset, source: str) -> Recording:
    """A data set of the schema as places and velocities, complete and at equal distances in time.

    Raises:
        DataError: if positions or velocities are not named, a value is missing, or the stamps are irregular.
    """
    places, speeds = positions(ds), velocities(ds)
    if not places or len(places) != len(speeds):
        raise DataError(
            f"{source} has {len(places)} positions and {len(speeds)} velocities",
            expected="a velocity an axis: accelerations are differences of velocities",
            fix="name them in the roles position and velocity; `edgewise convert` writes a file that says so",
        )
    names = tuple(map(str, ds["entity"].to_numpy()))
    position, velocity = (_stacked(ds, axes, source) for axes in (places, speeds))
    time, step = _regular(clock(ds), source)
    fixed = np.zeros(len(names), bool)
    if "fixed" in features(ds):
        fixed = (ds["fixed"].transpose("sequence", "time", "entity").to_numpy() == 1).all((0, 1))
    return Recording(names, tuple(map(str, ds["sequence"].to_numpy())), fixed, time, step, position, velocity)


def _stacked(ds: xr.Dataset, axes: list[str], source: str) -> np.ndarray:
    stacked = [ds[axis].transpose("sequence", "time", "entity").to_numpy() for axis in axes]
    values = np.stack(stacked, -1).astype(np.float64)
    absent = np.argwhere(~np.isfinite(values))
    if len(absent):
        sequence, frame, entity, axis = absent[0]
        raise DataError(
            f"{source}: {axes[axis]} of {ds['entity'].to_numpy()[entity]} is missing in frame {frame}"
            f" of recording {ds['sequence'].to_numpy()[sequence]}",
            expected="every place and velocity of every body in every frame",
            fix="cut the recording to complete frames, or leave the body out",
        )
    return values


def _regular(clocks: np.ndarray, source: str) -> tuple[np.ndarray, float]:
    """The stamps that all recordings share (counted from each start where they differ), and their distance."""
    time = clocks[0] if len(clocks) == 1 else clocks[0] - clocks[0, 0]
    if len(clocks) > 1 and not np.allclose(clocks - clocks[:, :1], time, atol=1e-9 * max(1.0, abs(time[-1]))):
        raise DataError(
            f"{source}: recordings have different clocks", expected="the same distances in time in all"
        )
    apart = np.diff(time)
    if not len(apart):
        raise DataError(f"{source} has one frame", expected="a recording over time")
    step = float(np.median(apart))
    wrong = np.flatnonzero(~(np.abs(apart - step) <= 1e-6 * abs(step)))
    if step <= 0 or len(wrong):
        at = int(wrong[0]) if len(wrong) else 0
        raise DataError(
            f"{source}: frames {at} and {at + 1} are {apart[at]:g} apart, most are {step:g}",
            expected="frames at equal distances in time, which differences of high order need",
            fix="resample it: `edgewise convert DATA OUT --resample STEP`",
        )
    return time, step


def dataset_of(found: Recording, *, length: str, time: str, speed: str) -> xr.Dataset:
    """A recording as a data set of the schema; units are left out unless both `length` and `time` are known."""
    axes = AXES[: found.position.shape[-1]]
    moved = {axis: found.position[..., k] for k, axis in enumerate(axes)}
    moved |= {f"v{axis}": found.velocity[..., k] for k, axis in enumerate(axes)}
    if found.fixed.any():
        moved["fixed"] = np.broadcast_to(found.fixed.astype(float), found.position.shape[:-1])
    units = {name: speed if name.startswith("v") else length for name in moved if name != "fixed"}
    return from_arrays(
        moved,
        position=axes,
        velocity=[f"v{axis}" for axis in axes],
        time=found.time,
        entity=list(found.entities),
        sequence=list(found.sequences),
        units=units | {"time": time} if length and time else None,
    )
