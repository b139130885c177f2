"""Making sense of a bag of named arrays that someone else saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from edgewise.data.roles import usual_position, usual_velocity
from edgewise.data.schema import from_arrays
from edgewise.data.wording import did_you_mean, listing
from edgewise.errors import DataError

Arrays = Mapping[str, np.ndarray]

_POSITION = ("positions", "position", "pos", "loc", "x", "coords")
_VELOCITY = ("velocities", "velocity", "vel", "v")
_TIME = ("time", "times", "t", "timestamps", "clock")
_ENTITY = ("entity", "entities", "joint_names", "entity_names", "names")
_SEQUENCE = ("sequence", "sequences", "sequence_names", "trials")
_RATE = ("frame_rate", "fps")
_STEP = ("dt", "time_step")
_AXES = ("x", "y", "z")


def interpret(
    arrays: Arrays,
    where: str,
    *,
    time: str | None = None,
    entity: str | None = None,
    sequence: str | None = None,
    position: Sequence[str] | None = None,
    velocity: Sequence[str] | None = None,
    features: Sequence[str] | None = None,
) -> xr.Dataset:
    """A data set from named arrays.

    - Position: the array that `position` names, or one called positions, position, pos, loc, x or coords, of
      shape [sequence, time, entity, axis] with 1 to 3 axes; it becomes the features x, y, z. A named array
      with three dims whose last has size 2 or 3 is taken for [time, entity, axis], one sequence; with another
      size for one axis [sequence, time, entity]. Velocities likewise: vx, vy, vz.
    - Features: the arrays that `features` names, or all other float arrays [sequence, time, entity] of that
      size. Named ones may also be [time, entity]: one sequence.
    - Without an array of positions, features called x, y (and z) are the position, and vx, vy, ... the
      velocity.
    - Names: joint_names, names, entity or entities (text or numbers, one each); sequence or sequences.
    - Time: time, times or t, [time] or [sequence, time]; or a single number frame_rate, fps or dt.
    - Truth: edges [receiver, sender], [sequence, receiver, sender] or [sequence, time, receiver, sender].

    Args:
        arrays: the arrays by name.
        where: the name of the file, for messages.
        time, entity, sequence, position, velocity, features: names of arrays; None = as above.

    Raises:
        DataError: an array that was asked for is not there or has the wrong shape, or it is not clear what
            is what.
    """
    for name in (time, entity, sequence, *(position or ()), *(velocity or ()), *(features or ())):
        if name is not None and name not in arrays:
            raise DataError(
                f"{where}: there is no array '{name}'; there are {_shapes(arrays)}",
                expected="the arrays that were asked for",
                fix=did_you_mean(name, arrays),
            )
    found, axes, rates = _collect(arrays, where, position, velocity, features)
    n_sequences, n_frames, n_entities = next(iter(found.values())).shape
    stamps, units = _stamps(arrays, time, (n_sequences, n_frames))
    return from_arrays(
        found,
        position=axes,
        velocity=rates,
        time=stamps,
        entity=_names(arrays, entity, _ENTITY, n_entities, where),
        sequence=_names(arrays, sequence, _SEQUENCE, n_sequences, where),
        edges=arrays.get("edges"),
        units={} if units is None else {"time": units},
    )


def _collect(
    arrays: Arrays,
    where: str,
    position: Sequence[str] | None,
    velocity: Sequence[str] | None,
    features: Sequence[str] | None,
) -> tuple[dict[str, np.ndarray], list[str], list[str]]:
    """The features [sequence, time, entity] by name, and which of them are position and velocity."""
    if position is None:
        position_from = _recognised(arrays, _POSITION, "position", where, skip=features or ())
    else:
        position_from = list(position)
    found = _split(arrays, position_from, "position", "", where)
    axes = list(found)
    shape = next(iter(found.values())).shape if found else None
    if velocity is None:
        velocity_from = _recognised(arrays, _VELOCITY, "velocity", where, skip=features or (), shape=shape)
    else:
        velocity_from = list(velocity)
    found |= (rates := _split(arrays, velocity_from, "velocity", "v", where))
    used = {*position_from, *velocity_from}
    found |= _others(arrays, where, features, used, next((own.shape for own in found.values()), None))
    if not found:
        raise _unclear(arrays, where)
    if position is None and not axes:
        axes = usual_position(found)
    return found, axes, list(rates) if rates or velocity is not None else usual_velocity(axes, found)


def _others(
    arrays: Arrays, where: str, asked: Sequence[str] | None, used: set[str], shape: tuple[int, ...] | None
) -> dict[str, np.ndarray]:
    """The features beside position and velocity: those asked for, or all plain arrays of one shape."""
    if asked is not None:
        return {name: _one_feature(arrays[name], name, where) for name in asked if name not in used}
    plain = {name: own for name, own in arrays.items() if name not in used and _is_plain(own, name)}
    if shape is None and len({own.shape for own in plain.values()}) > 1:
        raise _unclear(arrays, where)
    return {name: own for name, own in plain.items() if shape in (None, own.shape)}


def _recognised(
    arrays: Arrays,
    common: Sequence[str],
    role: str,
    where: str,
    *,
    skip: Sequence[str],
    shape: tuple[int, ...] | None = None,
) -> list[str]:
    """The one array [sequence, time, entity, axis] with a common name for the role, or none."""
    known = [name for name in common if name in arrays and name not in skip and _is_real(arrays[name])]
    matches = [name for name in known if arrays[name].ndim == 4 and shape in (None, arrays[name].shape[:3])]
    # [time, entity, axis] looks like [sequence, time, entity]: never guess between the two
    could_be_flat = [name for name in known if len(name) > 1 and _looks_flat(arrays[name])]
    if len(matches) > 1 or (could_be_flat and not matches and shape is None):
        raise _unclear(arrays, where, role)
    return matches


def _looks_flat(values: np.ndarray) -> bool:
    return values.ndim == 3 and values.shape[-1] in (2, 3) and _is_real(values)


def _split(arrays: Arrays, names: Sequence[str], role: str, prefix: str, where: str) -> dict[str, np.ndarray]:
    """The axes of one array with an axis dimension, or the arrays themselves where each holds one axis."""
    if len(names) != 1 or (arrays[names[0]].ndim == 3 and not _looks_flat(arrays[names[0]])):
        return {name: _one_feature(arrays[name], name, where) for name in names}
    values = arrays[names[0]]
    if not _is_real(values) or values.ndim not in (3, 4) or not 1 <= values.shape[-1] <= 3:
        raise DataError(
            f"{where}: the array '{names[0]}' {values.shape} of type {values.dtype} cannot be the {role}",
            expected="numbers [sequence, time, entity, axis] with 1 to 3 axes, or [time, entity, axis] with "
            "2 or 3 for one sequence",
        )
    values = values[None] if values.ndim == 3 else values
    return {f"{prefix}{axis}": values[..., k] for k, axis in enumerate(_AXES[: values.shape[-1]])}


def _one_feature(values: np.ndarray, name: str, where: str) -> np.ndarray:
    if values.ndim in (2, 3) and values.dtype.kind in "iubf":
        return values[None] if values.ndim == 2 else values
    raise DataError(
        f"{where}: the array '{name}' {values.shape} of type {values.dtype} cannot be a feature",
        expected="numbers [sequence, time, entity], or [time, entity] for one sequence",
    )


def _is_real(values: np.ndarray) -> bool:
    return values.dtype.kind in "iuf"


def _is_plain(values: np.ndarray, name: str) -> bool:
    return values.ndim == 3 and values.dtype.kind == "f" and name not in ("edges", *_TIME)


def _stamps(
    arrays: Arrays, asked: str | None, shape: tuple[int, int]
) -> tuple[np.ndarray | None, str | None]:
    if asked is not None:
        return arrays[asked], None
    for name in _TIME:
        if name in arrays and arrays[name].shape in (shape, shape[1:]) and arrays[name].dtype.kind in "iufMm":
            return arrays[name], None
    for names, power in ((_RATE, -1.0), (_STEP, 1.0)):
        for name in names:
            if (
                name in arrays
                and arrays[name].size == 1
                and _is_real(arrays[name])
                and float(arrays[name].item()) > 0
            ):
                value = float(arrays[name].item())
                frames = np.arange(shape[1], dtype=np.float64)
                return (frames / value, "s") if power < 0 else (frames * value, None)
    return None, None


def _names(arrays: Arrays, asked: str | None, common: Sequence[str], n: int, where: str) -> np.ndarray | None:
    if asked is not None:
        if arrays[asked].shape != (n,):
            raise DataError(
                f"{where}: the array '{asked}' {arrays[asked].shape} cannot hold the names",
                expected=f"the shape ({n},)",
            )
        return arrays[asked]
    fits = (
        name
        for name in common
        if name in arrays and arrays[name].shape == (n,) and arrays[name].dtype.kind in "USiu"
    )
    name = next(fits, None)
    return None if name is None else arrays[name]


def _shapes(arrays: Arrays) -> str:
    kinds = {name: "" if _is_real(values) else f" of {values.dtype}" for name, values in arrays.items()}
    return listing(f"{name} {values.shape}{kinds[name]}" for name, values in arrays.items())


def _unclear(arrays: Arrays, where: str, role: str | None = None) -> DataError:
    return DataError(
        f"{where}: it is not clear which arrays are the {role or 'features'}; there are {_shapes(arrays)}",
        expected="one array of positions [sequence, time, entity, axis], or float arrays [sequence, time, "
        "entity] of one shape",
        fix="name them: position=['NAME'] (also for [time, entity, axis]), velocity=['NAME'], "
        "features=['NAME', ...]",
    )
