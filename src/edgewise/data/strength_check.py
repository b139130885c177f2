"""The check of the known strengths of interaction that a data set may carry."""

from __future__ import annotations

import numpy as np
import xarray as xr

from edgewise.data.roles import holds_strengths
from edgewise.data.truth_check import PAIR, of_all_entities
from edgewise.data.wording import listing
from edgewise.errors import DataError


def with_checked_strengths(ds: xr.Dataset) -> xr.Dataset:
    """The data set with `strength` as float64 [sequence, receiver, sender]; 0 where nothing acts, NaN unknown.

    Strengths without a `sequence` dim are taken for all sequences. Without `edges` there are then these, too: 1 where a
    strength is not 0. A data set without strengths is left as it is.

    Raises:
        DataError: the strengths are of another shape or no numbers.
    """
    if not holds_strengths(ds):
        return ds
    strength = ds["strength"]
    if not set(strength.dims) <= {"sequence", *PAIR}:
        raise DataError(
            f"the truth 'strength' has the dimensions ({listing(strength.dims)})",
            expected="(sequence, receiver, sender)",
        )
    strength = of_all_entities(strength, ds, "the truth 'strength'")
    if strength.dtype.kind not in "iubf":
        raise DataError(f"the truth 'strength' is of type {strength.dtype}", expected="numbers")
    order = ("sequence", *PAIR)
    values = strength.transpose(*order).to_numpy().astype(np.float64)
    ds = ds.drop_vars("strength")
    if "edges" not in ds:
        ds = ds.drop_vars([dim for dim in PAIR if dim in ds.coords])
        ds = ds.assign(edges=(order, np.where(np.isnan(values), -1, values != 0).astype(np.int64)))
    return ds.assign(strength=(order, values, dict(strength.attrs)))
