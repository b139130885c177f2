"""Other roles, or fewer features, for a data set that declares its own."""

from __future__ import annotations

from collections.abc import Sequence

import xarray as xr

from edgewise.data.roles import ROLES, holds_strengths, pairs, role
from edgewise.data.roles import features as names_in
from edgewise.data.wording import asked, did_you_mean, listing
from edgewise.errors import DataError


def chosen(
    ds: xr.Dataset,
    where: str,
    *,
    position: str | Sequence[str] | None = None,
    velocity: str | Sequence[str] | None = None,
    features: str | Sequence[str] | None = None,
) -> xr.Dataset:
    """The data set with the roles and features that were asked for; None leaves them as they are.

    Args:
        ds: a data set, validated or not.
        where: its name, for messages.
        position, velocity: the features of the role, replacing those that are declared.
        features: the features to keep beside these.

    Raises:
        DataError: a feature to keep is not there.
    """
    ds = ds.copy()
    for name, names in (("position", position), ("velocity", velocity)):
        if names is not None:
            ds.attrs[name] = list(asked(names) or ())
    wanted = asked(features)
    if wanted is None:
        return ds
    known = names_in(ds)
    kept = dict.fromkeys((*(asked(position) or ()), *(asked(velocity) or ()), *wanted))
    for name in kept:
        if name not in known:
            raise DataError(
                f"{where}: there is no feature '{name}'; the features are {listing(known)}",
                expected="features that exist",
                fix=did_you_mean(name, known) or "name features that the data have",
            )
    beside = ("edges", "clock", *pairs(ds), *(["strength"] if holds_strengths(ds) else []))
    ds = ds[[*kept, *(name for name in beside if name in ds.variables)]]
    for name in ROLES:
        ds.attrs[name] = [own for own in role(ds, name) if own in kept]
    return ds
