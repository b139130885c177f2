"""The gate that every trajectory data set passes before anything else sees it."""

from __future__ import annotations

from collections import Counter

import numpy as np
import xarray as xr

from edgewise.data.pair_check import check_pair_names, with_checked_pairs
from edgewise.data.roles import DIMS, RESERVED, ROLES, clock, features, holds_strengths, pairs, role
from edgewise.data.stamps import as_numbers
from edgewise.data.strength_check import with_checked_strengths
from edgewise.data.truth_check import with_checked_truth
from edgewise.data.wording import did_you_mean, listing
from edgewise.errors import DataError


def validate(ds: xr.Dataset) -> xr.Dataset:
    """Check a trajectory data set against the schema and bring it to its one form.

    What is only a matter of form is put right: the order of the dims, integers and booleans (to float64),
    names that are not strings, dates (to seconds since the first), coordinates that are missing (numbered
    from 0), roles that are not lists. Everything else is refused. The argument is not changed.

    Args:
        ds: a data set over `sequence`, `time`, `entity`; see `edgewise.data.schema`.

    Returns:
        A data set with features [sequence, time, entity], string names, roles as lists, numeric times.

    Raises:
        DataError: the first thing that is wrong, where it is, and what to do.
    """
    if not isinstance(ds, xr.Dataset):
        raise DataError(f"a {type(ds).__name__} is not a trajectory data set", expected="an xarray.Dataset")
    ds = ds.copy()
    if "clock" in ds.data_vars:
        ds = ds.set_coords("clock")
    check_pair_names(ds)
    _check_variables(ds)
    _check_sizes(ds)
    for dim in ("sequence", "entity"):
        ds = ds.assign_coords({dim: _unique_names(ds, dim)})
    ds = _with_times(ds)
    for name in features(ds):
        ds[name] = _as_float(ds[name])
    _check_roles(ds)
    for name in ROLES:
        ds.attrs[name] = role(ds, name)
    _check_clock(ds)
    _check_values(ds)
    ds = with_checked_strengths(with_checked_pairs(ds))
    return with_checked_truth(ds) if "edges" in ds else ds


def _check_variables(ds: xr.Dataset) -> None:
    missing = [dim for dim in DIMS if dim not in ds.dims]
    if missing:
        raise DataError(
            f"the data set has no dimension {listing(missing)}; it has {listing(ds.sizes)}",
            expected="features over the dimensions sequence, time and entity",
            fix="rename the dimensions, or build the data set with edgewise.data.from_arrays",
        )
    of_pairs = {"edges", *pairs(ds), *(["strength"] if holds_strengths(ds) else [])}
    for name, variable in ds.data_vars.items():
        if name not in of_pairs and set(variable.dims) != set(DIMS):
            raise DataError(
                f"the variable '{name}' has the dimensions ({listing(variable.dims)})",
                expected="every feature to have the dimensions sequence, time and entity",
                fix=f"drop '{name}', make it a coordinate, or name the features that you want; an attribute of pairs"
                " is named in the role pair",
            )
    known = features(ds)
    if not known:
        raise DataError(
            "the data set has no feature", expected="at least one variable over sequence, time, entity"
        )
    for name in known:
        if not name.strip() or "/" in name or name in RESERVED:
            raise DataError(
                f"'{name}' cannot be the name of a feature",
                expected=f"a name that is not empty, holds no '/', and is none of "
                f"{listing(sorted(RESERVED))}",
                fix="rename the feature",
            )


def _check_sizes(ds: xr.Dataset) -> None:
    if ds.sizes["sequence"] < 1:
        raise DataError("the data set has no sequence", expected="at least one sequence")
    for dim, word, plural in (("entity", "entity", "entities"), ("time", "frame", "frames")):
        if ds.sizes[dim] < 2:
            count = "one" if ds.sizes[dim] else "no"
            raise DataError(
                f"the data set has {count} {word}",
                expected=f"at least two {plural}",
                fix=f"check which column or axis holds the {dim}",
            )


def _unique_names(ds: xr.Dataset, dim: str) -> np.ndarray:
    values = ds[dim].to_numpy() if dim in ds.coords else np.arange(ds.sizes[dim])
    names = [(value.decode() if isinstance(value, bytes) else str(value)).strip() for value in values]
    if "" in names:
        raise DataError(f"{dim} number {names.index('') + 1} has no name", expected=f"a name for every {dim}")
    name, count = Counter(names).most_common(1)[0]
    if count > 1:
        raise DataError(
            f"the {dim} name '{name}' occurs {count} times",
            expected=f"a name of its own for every {dim}",
            fix=f"rename the {dim}",
        )
    return np.array(names, dtype=np.str_)


def _with_times(ds: xr.Dataset) -> xr.Dataset:
    if "clock" in ds.coords:
        if set(ds["clock"].dims) != {"sequence", "time"}:
            raise DataError(
                f"the coordinate 'clock' has the dimensions ({listing(ds['clock'].dims)})",
                expected="the dimensions sequence and time",
            )
        stamps = _numeric(ds["clock"].transpose("sequence", "time"))
        return ds.assign_coords(time=np.arange(ds.sizes["time"]), clock=stamps.astype(np.float64))
    if "time" not in ds.coords:
        return ds.assign_coords(time=np.arange(ds.sizes["time"]))
    return ds.assign_coords(time=_numeric(ds["time"]))


def _numeric(stamps: xr.DataArray) -> xr.DataArray:
    try:
        numbers, units = as_numbers(stamps.to_numpy())
    except TypeError as error:
        raise DataError(
            f"the coordinate '{stamps.name}' holds {error}", expected="numbers, dates or durations"
        ) from error
    attrs = dict(stamps.attrs) if units is None else {**stamps.attrs, "units": units}
    return xr.DataArray(numbers, dims=stamps.dims, attrs=attrs)


def _as_float(feature: xr.DataArray) -> xr.DataArray:
    feature = feature.transpose(*DIMS)
    if feature.dtype in (np.float32, np.float64):
        return feature
    if feature.dtype.kind in "iubf":
        return feature.astype(np.float32 if feature.dtype == np.float16 else np.float64)
    raise DataError(
        f"the feature '{feature.name}' is of type {feature.dtype}",
        expected="real numbers",
        fix="turn it into numbers, or leave it out",
    )


def _check_roles(ds: xr.Dataset) -> None:
    known = features(ds)
    for name in ROLES:
        members = role(ds, name)
        for member in members:
            if member not in known:
                raise DataError(
                    f"the {name} names '{member}', which is not a feature; the features are {listing(known)}",
                    expected=f"the {name} to name features that exist",
                    fix=did_you_mean(member, known) or "name features that the data have",
                )
        if len(set(members)) < len(members):
            raise DataError(
                f"the {name} names a feature twice: {listing(members)}", expected="each feature once"
            )
    position, velocity = role(ds, "position"), role(ds, "velocity")
    if position and velocity and len(position) != len(velocity):
        raise DataError(
            f"the position has {len(position)} features ({listing(position)}) and the velocity "
            f"{len(velocity)} "
            f"({listing(velocity)})",
            expected="one velocity feature for each position feature, in the same order",
        )


def _check_clock(ds: xr.Dataset) -> None:
    stamps = clock(ds)  # [sequence, time]
    for name, own in zip(ds["sequence"].to_numpy(), stamps, strict=True):
        n_frames = int(np.isfinite(own).sum())
        if not np.isfinite(own[:n_frames]).all() or np.isinf(own).any():
            frame = int(np.flatnonzero(~np.isfinite(own))[0])
            raise DataError(
                f"sequence '{name}': the time stamp of frame {frame} is {own[frame]}",
                expected="a finite stamp for each frame; NaN only as padding after the last frame of a "
                "sequence",
            )
        steps = np.diff(own[:n_frames])
        if (steps <= 0).any():
            frame = int(np.flatnonzero(steps <= 0)[0])
            raise DataError(
                f"sequence '{name}': time does not increase from frame {frame} ({own[frame]:g}) "
                f"to frame {frame + 1} ({own[frame + 1]:g})",
                expected="strictly increasing time stamps within each sequence",
                fix="sort the frames, or split the recording into sequences",
            )


def _check_values(ds: xr.Dataset) -> None:
    stamps = clock(ds)
    for name in features(ds):
        values = ds[name].to_numpy()  # [sequence, time, entity]
        infinite = np.isinf(values)
        if infinite.any():
            where = tuple(np.argwhere(infinite)[0])
            raise DataError(
                f"the feature '{name}' is {values[where]} at {_place(ds, where)}",
                expected="finite numbers, or NaN where nothing was observed",
                fix="replace it by NaN",
            )
        seen = ~np.isnan(values)
        if not seen.any():
            raise DataError(
                f"the feature '{name}' has no value at all: every one is NaN",
                expected="at least one observed value for each feature",
                fix=f"leave '{name}' out",
            )
        beyond = seen & np.isnan(stamps)[..., None]
        if beyond.any():
            raise DataError(
                f"the feature '{name}' has a value at {_place(ds, tuple(np.argwhere(beyond)[0]))}, "
                "a frame without a time stamp",
                expected="a stamp in 'clock' for every frame with values",
            )


def _place(ds: xr.Dataset, where: tuple[int, ...]) -> str:
    sequence, frame, entity = where
    return (
        f"sequence '{ds['sequence'].to_numpy()[sequence]}', time {clock(ds)[sequence, frame]:g} (frame "
        f"{frame}), "
        f"entity '{ds['entity'].to_numpy()[entity]}'"
    )
