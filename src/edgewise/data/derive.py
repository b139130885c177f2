"""What can be computed from trajectories alone: velocities, and where anything was seen."""

from __future__ import annotations

import numpy as np
import xarray as xr

from edgewise.data.gate import validate
from edgewise.data.roles import DIMS, clock, features, positions, time_units, velocities
from edgewise.errors import DataError


def with_velocity(ds: xr.Dataset) -> xr.Dataset:
    """Add a velocity to a data set that has only positions, by central differences on its clock.

    With the steps h0 = t - t_before and h1 = t_after - t,

        v(t) = (h0^2 x_after + (h1^2 - h0^2) x - h1^2 x_before) / (h0 h1 (h0 + h1)),

    which is exact for constant acceleration, also where the steps differ. For each position `x` there is a
    new feature `vx`; it is NaN in the first and the last frame and where one of the three frames was not
    observed.

    Args:
        ds: a data set with a position.

    Returns:
        A data set with the features and the role added; units follow where both are known.

    Raises:
        DataError: there is no position, there is a velocity already, or a name is taken.
    """
    ds = validate(ds)
    names = {name: f"v{name}" for name in positions(ds)}
    taken = velocities(ds) or [new for new in names.values() if new in ds.variables]
    if not names or taken:
        raise DataError(
            f"the data set has a velocity or a feature of its name already: {', '.join(taken)}"
            if names
            else "the data set declares no position to take differences of",
            expected="a position and no velocity",
            fix="declare the role instead" if names else "say position=...",
        )
    stamps = clock(ds)
    step = np.diff(stamps, axis=1)[..., None]  # [sequence, time - 1, 1]
    before, after = step[:, :-1], step[:, 1:]
    out = ds.copy()
    for name, new in names.items():
        x = ds[name].to_numpy()  # [sequence, time, entity]
        rise = before**2 * x[:, 2:] + (after**2 - before**2) * x[:, 1:-1] - after**2 * x[:, :-2]
        speed = np.full(x.shape, np.nan, dtype=x.dtype)
        speed[:, 1:-1] = rise / (before * after * (before + after))
        out[new] = (DIMS, speed, _units(ds, name))
    out.attrs["velocity"] = list(names.values())
    return validate(out)


def observed(ds: xr.Dataset) -> xr.DataArray:
    """Where every feature of an entity was observed.

    Args:
        ds: a validated data set.

    Returns:
        bool [sequence, time, entity].
    """
    seen = np.all([np.isfinite(ds[name].to_numpy()) for name in features(ds)], axis=0)
    return xr.DataArray(seen, dims=DIMS, coords={dim: ds[dim] for dim in DIMS}, name="observed")


def _units(ds: xr.Dataset, name: str) -> dict[str, str]:
    length, time = ds[name].attrs.get("units"), time_units(ds)
    return {"units": f"{length}/{time.split(' since ')[0]}"} if length and time else {}
