"""Windows of recordings in which entities come and go: each with a place for those only who are there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from edgewise.data.gate import validate
from edgewise.data.roles import ROLES, clock, features, role, time_units
from edgewise.data.schema import from_arrays
from edgewise.errors import ConfigError, DataError

NOBODY = ""
"""The name at a place that nobody takes."""


@dataclass(frozen=True)
class _Scene:
    """values [time, member, feature]; names of the members; stamps [time]; name."""

    values: np.ndarray
    names: np.ndarray
    stamps: np.ndarray
    name: str


def scenes(
    recordings: xr.Dataset | Sequence[xr.Dataset],
    length: int,
    stride: int | None = None,
    *,
    known: int | None = None,
) -> xr.Dataset:
    """Cut recordings into windows whose entities are those who are there at the start.

    A recording of a street holds hundreds of people, of whom a few are there at once. In a window only they have a
    place, so that memory is proportional to the largest crowd and not to everybody who ever came by. Windows in which
    nobody is there are left out. Known edges are not carried over.

    Args:
        recordings: a validated data set, or several with the same features and roles.
        length: frames a window.
        stride: frames from the start of one window to the next; default `length`.
        known: frames at the start of a window at which an entity must be observed to have a place; default all. What
            is observed of it later is kept, until it leaves.

    Returns:
        A data set with a sequence a window, called "recording/first frame", and the entities "0", "1", ...: places
        that other entities take in each window. The coordinate `who(sequence, entity)` has their names.

    Raises:
        ConfigError: `length` below 2, `stride` below 1, or `known` not between 1 and `length`.
        DataError: features or roles differ, or in no window is anybody there.
    """
    stride = length if stride is None else stride
    known = length if known is None else known
    if length < 2 or stride < 1 or not 1 <= known <= length:
        raise ConfigError(
            f"length={length}, stride={stride}, known={known}",
            expected="a length of 2 or more, a stride of 1 or more, and known from 1 to length",
        )
    given = [validate(ds) for ds in ([recordings] if isinstance(recordings, xr.Dataset) else recordings)]
    _check_alike(given)
    found = [scene for ds in given for scene in _scenes_of(ds, length, stride, known)]
    if not found:
        raise DataError(
            f"nobody is observed in {known} frames in a row from the start of a window of {length} frames",
            expected="at least one entity in one window",
            fix="take shorter windows, or known=... for those who leave earlier",
        )
    most = max(2, *(len(scene.names) for scene in found))  # the schema asks for two entities
    names = features(given[0])
    values = np.full((len(found), length, most, len(names)), np.nan)
    who = np.full((len(found), most), NOBODY, dtype=object)
    for k, scene in enumerate(found):
        values[k, :, : len(scene.names)] = scene.values
        who[k, : len(scene.names)] = scene.names
    units = {name: str(given[0][name].attrs["units"]) for name in names if "units" in given[0][name].attrs}
    if (of_time := time_units(given[0])) is not None:
        units["time"] = of_time
    out = from_arrays(
        {name: values[..., k] for k, name in enumerate(names)},
        position=role(given[0], "position"),
        velocity=role(given[0], "velocity"),
        rate=role(given[0], "rate"),
        time=np.stack([scene.stamps for scene in found]),
        sequence=np.array([scene.name for scene in found]),
        units=units,
    )
    return out.assign_coords(who=(("sequence", "entity"), who.astype(str)))


def _scenes_of(ds: xr.Dataset, length: int, stride: int, known: int) -> list[_Scene]:
    values = np.stack([ds[name].to_numpy() for name in features(ds)], axis=-1).astype(np.float64)
    stamps, names = clock(ds), ds["entity"].to_numpy().astype(str)
    found = []
    for s, recording in enumerate(ds["sequence"].to_numpy()):
        seen = np.isfinite(values[s]).all(-1)  # [time, entity]
        for start in range(0, int(np.isfinite(stamps[s]).sum()) - length + 1, stride):
            frames = slice(start, start + length)
            there = seen[start : start + known].all(0)
            if there.any():
                part = values[s, frames][:, there]
                stayed = np.logical_and.accumulate(
                    seen[frames][:, there], axis=0
                )  # who comes back has a new place
                part = np.where(stayed[..., None], part, np.nan)
                found.append(_Scene(part, names[there], stamps[s, frames], f"{recording}/{start}"))
    return found


def _check_alike(given: list[xr.Dataset]) -> None:
    """Refuse recordings of different features or roles, and two of one name."""
    if not given:
        raise ConfigError("no recording was given", expected="at least one")
    for ds in given[1:]:
        for what, of in [("features", features), *((f"{r} role", lambda d, r=r: role(d, r)) for r in ROLES)]:
            if of(ds) != of(given[0]):
                raise DataError(
                    f"recordings of different {what}: {', '.join(of(given[0]))}, and {', '.join(of(ds))}",
                    expected="the same features and roles in all",
                    fix="rename the columns, or select the features that all have",
                )
    names = [str(name) for ds in given for name in ds["sequence"].to_numpy()]
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        raise DataError(
            f"two recordings are called {doubled[0]!r}",
            expected="names that tell them apart",
            fix="name them, such as ds.assign_coords(sequence=['street'])",
        )
