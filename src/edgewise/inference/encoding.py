"""What the learner sees of a data set: which numbers are state, which are explained, and their scales."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import xarray as xr

from edgewise.data.roles import clock, features, positions, role, velocities
from edgewise.errors import ConfigError, DataError
from edgewise.inference.angles import BEYOND, follow_angle
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

    A feature that is declared a rate of change is itself what is explained, at the frame at which it is recorded, and
    no input; the other features are then state and no targets. Of a feature that is declared the sine of an angle, the
    cosine is state too (`edgewise.inference.angles`); its turn from frame to frame is not, being what rates tell.

    Attributes:
        position, velocity, others: feature names by role; `velocity` is empty where it is derived.
        kinematic: measured displacement a unit of velocity and time (0: velocities are derived).
        moving: which of `others` ever change; only these are targets.
        center, length, speed: affine scale of positions, and scale of velocities.
        other_center, other_scale: affine scale of the other features and of what is derived from them (`states`).
        target_scale: one scale a target.
        step: median time between frames; `irregular`: whether dt varies and becomes an input.
        lags: earlier frames that belong to the state.
        bridge: longest gap in frames that is filled where a value is only an input.
        rates: features that are rates of change; angles: which of `others` are sines of angles.
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
    rates: tuple[str, ...] = ()
    angles: tuple[str, ...] = ()

    @property
    def space_dim(self) -> int:
        return len(self.position)

    @property
    def context_dim(self) -> int:
        """Numbers a node has beside its present position and velocity (see `node_context`)."""
        per_frame = len(self.states)
        return per_frame + self.lags * (per_frame + 2 * self.space_dim) + int(self.irregular)

    @property
    def states(self) -> tuple[str, ...]:
        """Names of the columns of `Tracks.others`: the other features, then the cosine of every angle."""
        return self.others + tuple(f"cosine of {angle}" for angle in self.angles)

    @property
    def after_dim(self) -> int:
        """Numbers that `state_at` gives."""
        return self.space_dim + len(self.states)

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of what is explained, in order: increments of velocities, rates, increments of what else moves."""
        first = self.velocity or tuple(f"d{name}/dt" for name in self.position)
        return (
            first
            + self.rates
            + tuple(name for name, moves in zip(self.others, self.moving, strict=True) if moves)
        )

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

    position, velocity: [sequence, time, entity, space_dim]; others: [sequence, time, entity, state], see
        `Encoding.states`; rates: [sequence, time, entity, n_rates].
    increments: [sequence, time - 1, entity, target], NaN where not measured (a bridged value is never a target);
    present: [sequence, time, entity], False before an entity appears and after it has left;
    dt: [sequence, time - 1].
    """

    position: Array
    velocity: Array
    others: Array
    rates: Array
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
    named = (*encoding.position, *encoding.velocity, *encoding.others, *encoding.rates)
    missing = [name for name in named if name not in ds]
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
    rates = _stack(ds, encoding.rates)
    if encoding.velocity:
        raw_velocity = _stack(ds, encoding.velocity)
        velocity = fill_gaps(raw_velocity, encoding.bridge)
    else:
        raw_velocity = _derived_velocity(raw_position, dt)
        velocity = _derived_velocity(position, dt)
    raw = np.concatenate([raw_position, raw_velocity, raw_others, rates], axis=-1)
    seen = np.logical_or.reduce(np.isfinite(raw), axis=-1)
    moving = np.asarray(encoding.moving, dtype=bool)
    increments = [
        np.diff(raw_velocity, axis=1) * rate,
        rates[:, :-1],
        np.diff(raw_others[..., moving], axis=1) * rate,
    ]
    states = with_angles(others, rates, encoding)
    return Tracks(position, velocity, states, rates, np.concatenate(increments, axis=-1), _present(seen), dt)


def with_angles(others: Array, rates: Array, encoding: Encoding) -> Array:
    """The cosine of every angle joined to the other features: [sequence, time, entity, *] -> `Encoding.states`.

    The first rate is that of the first angle, and so on: it tells which way the angle turns.
    """
    parts = [others]
    for k, name in enumerate(encoding.angles):
        rate = rates[..., k] if k < rates.shape[-1] else None
        angle = _by_series(follow_angle, others[..., encoding.others.index(name)], rate)
        parts.append(np.cos(angle)[..., None])
    return np.concatenate(parts, axis=-1)


def _by_series(function: Callable[..., Array], *arrays: Array | None) -> Array:
    """Apply a function of [series, time] to arrays [sequence, time, entity]."""
    shape = next(array.shape for array in arrays if array is not None)
    flat = [None if a is None else a.swapaxes(1, 2).reshape(-1, shape[1]) for a in arrays]
    return function(*flat).reshape(shape[0], shape[2], shape[1]).swapaxes(1, 2)


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


def state_at(tracks: Tracks, encoding: Encoding, frames: Array) -> Array:
    """Velocity and other features at the given frames, what a sender does within a frame: [sequence, m, entity, *]."""
    others = (tracks.others - np.asarray(encoding.other_center)) / np.asarray(encoding.other_scale)
    return np.concatenate([tracks.velocity[:, frames] / encoding.speed, others[:, frames]], axis=-1)


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


def _check_roles(
    ds: xr.Dataset,
    position: tuple[str, ...],
    rates: tuple[str, ...],
    angles: tuple[str, ...],
    others: tuple[str, ...],
) -> None:
    if rates and position:
        raise DataError(
            f"rates ({', '.join(rates)}) beside positions ({', '.join(position)})",
            expected="rates of the state, or positions whose velocities change",
            fix="drop the role of one of the two",
        )
    for name in angles:
        if name not in others:
            raise ConfigError(
                f"angles names {name!r}",
                expected=f"a feature that is neither position, velocity nor rate: {', '.join(others)}",
            )
        most = float(np.nanmax(np.abs(ds[name].to_numpy())))
        if most > BEYOND:
            raise DataError(
                f"{name} is declared the sine of an angle and reaches {most:.4g}",
                expected="values from -1 to 1",
                fix="name the column that holds the sine, or drop it from angles",
            )


def fit_encoding(ds: xr.Dataset, *, lags: int, bridge: int, angles: tuple[str, ...] = ()) -> Encoding:
    """Choose roles and scales from data (no truth is read).

    Args:
        angles: features that are the sine of an angle.

    Raises:
        DataError: for too few frames, when no feature changes at all, for an angle's sine beyond 1, or for rates beside
            positions.
        ConfigError: for an angle that is no feature of the state.
    """
    position, velocity, rates = tuple(positions(ds)), tuple(velocities(ds)), tuple(role(ds, "rate"))
    dt = _time_steps(ds)
    kinematic = 0.0
    if position and velocity:
        kinematic = _kinematic(_stack(ds, position), _stack(ds, velocity), dt)
    others = tuple(
        name
        for name in features(ds)
        if name not in position and name not in rates and (name not in velocity or not kinematic)
    )
    _check_roles(ds, position, rates, angles, others)
    if not kinematic:
        velocity = ()
    step = float(np.median(dt))
    values = _stack(ds, others)
    changes = (bool(_robust_scale(np.diff(values[..., k], axis=1))) for k in range(len(others)))
    moving = tuple(change and not rates for change in changes)
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
        other_center=(),
        other_scale=(),
        target_scale=(),
        step=step,
        irregular=bool(np.any(np.abs(dt / step - 1) > 1e-3)),
        lags=lags,
        bridge=bridge,
        rates=rates,
        angles=angles,
    )
    return _with_scales(draft, read_tracks(ds, draft))


def _with_scales(draft: Encoding, tracks: Tracks) -> Encoding:
    d = draft.space_dim
    speed = _spread(tracks.velocity) if d else 1.0
    scales = [_robust_scale(tracks.increments[..., :d])] * d
    for k, name in enumerate(draft.targets[d:], d):
        values = tracks.increments[..., k]
        scales.append(_robust_scale(values - np.nanmedian(values) if name in draft.rates else values))
    if not scales or not all(scales):
        raise DataError(
            "nothing moves: every feature keeps its value from frame to frame",
            expected="trajectories in which something changes",
            fix="check the units, the time column and whether the frames are distinct",
        )
    columns = range(tracks.others.shape[-1])
    plain = draft.to_dict() | {
        "speed": speed,
        "target_scale": tuple(scales),
        "other_center": tuple(float(np.nanmean(tracks.others[..., k])) for k in columns),
        "other_scale": tuple(_spread(tracks.others[..., k]) for k in columns),
    }
    return Encoding.from_dict(plain)
