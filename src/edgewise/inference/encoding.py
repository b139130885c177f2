"""What the learner sees of a data set: which numbers are state, which are explained, and their scales."""

from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import xarray as xr

from edgewise.data.roles import clock, features, positions, velocities
from edgewise.errors import DataError
from edgewise.inference.gaps import fill_gaps

Array = np.ndarray


@dataclass(frozen=True)
class Encoding:
    """Roles and scales, fixed when the law is fitted and used unchanged on new data.

    A target is what a law explains: the increment from one frame to the next, a unit of the median time step,
    divided by a robust scale (1.5 times the median absolute increment: heavy tails do not move it). Positions
    themselves are never a target: they follow from the velocity,

        x(t+1) = x(t) + kinematic * dt * (v(t) + v(t+1)) / 2      (given velocities)
        x(t+1) = x(t) + dt * v(t+1)                               (velocities derived from positions)

    Attributes:
        position, velocity, others: feature names by role; `velocity` is empty where it is derived.
        kinematic: measured displacement a unit of velocity and time (0: velocities are derived).
        moving: which of `others` ever change; only these are targets.
        center, length, speed: affine scale of positions, and scale of velocities.
        other_center, other_scale: affine scale of the other features.
        target_scale: one scale a target.
        step: median time between frames; `irregular`: whether dt varies and becomes an input.
        lags: earlier frames that belong to the state.
        bridge: longest gap in frames that is filled where a value is only an input.
    """

    position: tuple[str, ...]
    velocity: tuple[str, ...]
    others: tuple[str, ...]
    kinematic: float
    moving: tuple[bool, ...]
    center: tuple[float, ...]
    length: float
    speed: float
    other_center: tuple[float, ...]
    other_scale: tuple[float, ...]
    target_scale: tuple[float, ...]
    step: float
    irregular: bool
    lags: int
    bridge: int

    @property
    def space_dim(self) -> int:
        return len(self.position)

    @property
    def context_dim(self) -> int:
        """Numbers a node has beside its present position and velocity (see `node_context`)."""
        per_frame = len(self.others)
        return per_frame + self.lags * (per_frame + 2 * self.space_dim) + int(self.irregular)

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of what is explained, in order: increments of velocities, then of the other moving features."""
        first = self.velocity or tuple(f"d{name}/dt" for name in self.position)
        return first + tuple(name for name, moves in zip(self.others, self.moving, strict=True) if moves)

    @property
    def first_frame(self) -> int:
        """The earliest frame whose state is complete."""
        return self.lags + (1 if self.position and not self.kinematic else 0)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Self:
        return cls(**_with_tuples(plain))


def _with_tuples(plain: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in plain.items()}


@dataclass(frozen=True)
class Tracks:
    """A data set as arrays in data units, gaps bridged: the raw state at every frame.

    position, velocity: [sequence, time, entity, space_dim]; others: [sequence, time, entity, n_others];
    increments: [sequence, time - 1, entity, target], NaN where not measured (a bridged value is never a target);
    present: [sequence, time, entity], False before an entity appears and after it has left;
    dt: [sequence, time - 1].
    """

    position: Array
    velocity: Array
    others: Array
    increments: Array
    present: Array
    dt: Array


def _stack(ds: xr.Dataset, names: tuple[str, ...] | list[str]) -> Array:
    if not names:
        sizes = (ds.sizes["sequence"], ds.sizes["time"], ds.sizes["entity"], 0)
        return np.zeros(sizes)
    return np.stack([ds[name].to_numpy().astype(np.float64) for name in names], axis=-1)


def _present(seen: Array) -> Array:
    """From the first to the last frame at which anything of an entity was seen: [sequence, time, entity]."""
    after_first = np.maximum.accumulate(seen, axis=1)
    before_last = np.maximum.accumulate(seen[:, ::-1], axis=1)[:, ::-1]
    return after_first & before_last


def _time_steps(ds: xr.Dataset) -> Array:
    steps = np.diff(clock(ds).astype(np.float64), axis=1)
    return np.where(np.isfinite(steps), steps, np.nanmedian(steps))


def _derived_velocity(position: Array, dt: Array) -> Array:
    """Backward difference; the first frame has none."""
    velocity = np.full_like(position, np.nan)
    velocity[:, 1:] = np.diff(position, axis=1) / dt[:, :, None, None]
    return velocity


def read_tracks(ds: xr.Dataset, encoding: Encoding) -> Tracks:
    """Arrays of the features that the encoding names.

    Raises:
        DataError: for a feature that the data do not have, or too few frames for the lags.
    """
    missing = [name for name in (*encoding.position, *encoding.velocity, *encoding.others) if name not in ds]
    if missing:
        raise DataError(
            f"the data have no feature {', '.join(missing)}",
            expected=f"the features that the law was fitted on; found {', '.join(features(ds))}",
            fix="rename the columns, or fit anew on these data",
        )
    if ds.sizes["time"] < encoding.first_frame + 2:
        raise DataError(
            f"recordings of {ds.sizes['time']} frames",
            expected=f"at least {encoding.first_frame + 2} frames for {encoding.lags} lags"
            + (
                ""
                if encoding.kinematic or not encoding.position
                else " and velocities derived from positions"
            ),
            fix="use fewer lags, or longer recordings",
        )
    dt = _time_steps(ds)
    rate = (encoding.step / dt)[:, :, None, None]
    raw_position, raw_others = _stack(ds, encoding.position), _stack(ds, encoding.others)
    position, others = fill_gaps(raw_position, encoding.bridge), fill_gaps(raw_others, encoding.bridge)
    if encoding.velocity:
        raw_velocity = _stack(ds, encoding.velocity)
        velocity = fill_gaps(raw_velocity, encoding.bridge)
    else:
        raw_velocity = _derived_velocity(raw_position, dt)
        velocity = _derived_velocity(position, dt)
    raw = np.concatenate([raw_position, raw_velocity, raw_others], axis=-1)
    seen = np.logical_or.reduce(np.isfinite(raw), axis=-1)
    moving = np.asarray(encoding.moving, dtype=bool)
    increments = [np.diff(raw_velocity, axis=1) * rate, np.diff(raw_others[..., moving], axis=1) * rate]
    return Tracks(position, velocity, others, np.concatenate(increments, axis=-1), _present(seen), dt)


def node_context(tracks: Tracks, encoding: Encoding, frames: Array) -> Array:
    """What a node knows beside its present position and velocity, at the given frames.

    Other features now; for every lag l the displacement x(t-l) - x(t), the velocity and the other features then;
    log(dt / step) where sampling is irregular.

    Shapes: frames [m] -> [sequence, m, entity, context_dim], dimensionless.
    """
    others = (tracks.others - np.asarray(encoding.other_center)) / np.asarray(encoding.other_scale)
    parts = [others[:, frames]]
    for lag in range(1, encoding.lags + 1):
        parts += [
            (tracks.position[:, frames - lag] - tracks.position[:, frames]) / encoding.length,
            tracks.velocity[:, frames - lag] / encoding.speed,
            others[:, frames - lag],
        ]
    if encoding.irregular:
        log_dt = np.log(tracks.dt[:, np.minimum(frames, tracks.dt.shape[1] - 1)] / encoding.step)
        parts.append(np.broadcast_to(log_dt[:, :, None, None], (*parts[0].shape[:3], 1)))
    return np.concatenate(parts, axis=-1)


def _robust_scale(increments: Array) -> float:
    """1.5 median |increment|, or the standard deviation where half of them are zero; 0 if nothing moves."""
    size = np.abs(increments[np.isfinite(increments)])
    if size.size == 0:
        return 0.0
    return float(1.5 * np.median(size)) or float(np.sqrt(np.mean(size**2)))


def _spread(values: Array) -> float:
    return float(np.nanstd(values)) or 1.0


def _kinematic(position: Array, velocity: Array, dt: Array) -> float:
    """Displacement a unit of mean velocity and time, or 0 where the two do not belong together.

    The slope of x(t+1) - x(t) on dt (v(t) + v(t+1)) / 2: 1 in consistent units, 0.1 where frames are counted and
    0.1 time units apart. A correlation below 0.5 means that the "velocity" is not the motion's.
    """
    moved = np.diff(position, axis=1)
    expected = dt[:, :, None, None] * (velocity[:, 1:] + velocity[:, :-1]) / 2
    both = np.isfinite(moved) & np.isfinite(expected)
    moved, expected = moved[both], expected[both]
    norms = float(np.sqrt((moved**2).sum() * (expected**2).sum()))
    agreement = float((moved * expected).sum()) / norms if norms else 0.0
    if agreement < 0.5:
        return 0.0
    slope = float((moved * expected).sum() / (expected**2).sum())
    return 1.0 if abs(slope - 1) < 0.02 else slope


def fit_encoding(ds: xr.Dataset, *, lags: int, bridge: int) -> Encoding:
    """Choose roles and scales from data (no truth is read).

    Raises:
        DataError: for too few frames, or when no feature changes at all.
    """
    position, velocity = tuple(positions(ds)), tuple(velocities(ds))
    dt = _time_steps(ds)
    kinematic = 0.0
    if position and velocity:
        kinematic = _kinematic(_stack(ds, position), _stack(ds, velocity), dt)
    others = tuple(
        name for name in features(ds) if name not in position and (name not in velocity or not kinematic)
    )
    if not kinematic:
        velocity = ()
    step = float(np.median(dt))
    values = _stack(ds, others)
    moving = tuple(bool(_robust_scale(np.diff(values[..., k], axis=1))) for k in range(len(others)))
    where = _stack(ds, position)
    center = tuple(float(c) for c in np.nanmean(where, axis=(0, 1, 2))) if position else ()
    draft = Encoding(
        position=position,
        velocity=velocity,
        others=others,
        kinematic=kinematic,
        moving=moving,
        center=center,
        length=_spread(where - np.asarray(center)) if position else 1.0,
        speed=1.0,
        other_center=tuple(float(np.nanmean(values[..., k])) for k in range(len(others))),
        other_scale=tuple(_spread(values[..., k]) for k in range(len(others))),
        target_scale=(),
        step=step,
        irregular=bool(np.any(np.abs(dt / step - 1) > 1e-3)),
        lags=lags,
        bridge=bridge,
    )
    return _with_scales(draft, read_tracks(ds, draft))


def _with_scales(draft: Encoding, tracks: Tracks) -> Encoding:
    d = draft.space_dim
    speed = _spread(tracks.velocity) if d else 1.0
    scales = [_robust_scale(tracks.increments[..., :d])] * d
    scales += [_robust_scale(tracks.increments[..., k]) for k in range(d, tracks.increments.shape[-1])]
    if not scales or not all(scales):
        raise DataError(
            "nothing moves: every feature keeps its value from frame to frame",
            expected="trajectories in which something changes",
            fix="check the units, the time column and whether the frames are distinct",
        )
    plain = draft.to_dict() | {"speed": speed, "target_scale": tuple(scales)}
    return Encoding.from_dict(plain)
