"""The check of the attributes of relations that a data set may carry: the variables of the role `pair`."""

from __future__ import annotations

import numpy as np
import xarray as xr

from edgewise.data.roles import PAIR_ROLE, RESERVED, pairs
from edgewise.data.truth_check import PAIR, of_all_entities
from edgewise.data.wording import did_you_mean, listing
from edgewise.errors import DataError


def check_pair_names(ds: xr.Dataset) -> None:
    """Refuse a role `pair` that names what is not there, or what has another meaning.

    Raises:
        DataError: with the name.
    """
    for name in pairs(ds):
        if name not in ds.data_vars:
            raise DataError(
                f"the role pair names '{name}', which the data set does not hold; it holds {listing(ds.data_vars)}",
                expected="variables over receiver and sender",
                fix=did_you_mean(name, ds.data_vars),
            )
        if name in RESERVED | {"strength"}:
            raise DataError(f"'{name}' cannot be the name of a pair variable", expected="another name")


def with_checked_pairs(ds: xr.Dataset) -> xr.Dataset:
    """The data set with each pair variable as float64 [sequence, receiver, sender], 0 on the diagonal.

    Variables without a `sequence` dim are taken for all sequences, and receivers and senders that carry coordinates are
    put in the order of `entity`. A data set without pair variables is left as it is, without the attribute.

    Raises:
        DataError: a variable is of another shape, or holds something else than finite numbers.
    """
    names = pairs(ds)
    if not names:
        ds = ds.copy()
        ds.attrs.pop(PAIR_ROLE, None)
        return ds
    checked = {name: _checked(ds, name) for name in names}
    ds = ds.drop_vars(names)
    if "edges" not in ds:
        ds = ds.drop_vars([dim for dim in PAIR if dim in ds.coords])
    return ds.assign(checked).assign_attrs({PAIR_ROLE: names})


def _checked(ds: xr.Dataset, name: str) -> tuple[tuple[str, ...], np.ndarray, dict[str, object]]:
    values = ds[name]
    if not set(PAIR) <= set(values.dims) or not set(values.dims) <= {"sequence", *PAIR}:
        raise DataError(
            f"the pair variable '{name}' has the dimensions ({listing(values.dims)})",
            expected="(sequence, receiver, sender)",
        )
    values = of_all_entities(values, ds, f"the pair variable '{name}'")
    if values.dtype.kind not in "iubf":
        raise DataError(f"the pair variable '{name}' is of type {values.dtype}", expected="numbers")
    order = ("sequence", *PAIR)
    numbers = values.transpose(*order).to_numpy().astype(np.float64)
    numbers = np.where(np.eye(ds.sizes["entity"], dtype=bool), 0.0, numbers)
    wrong = np.argwhere(~np.isfinite(numbers))
    if len(wrong):
        sequence, receiver, sender = wrong[0]
        entity = ds["entity"].to_numpy()
        raise DataError(
            f"the pair variable '{name}' is {numbers[tuple(wrong[0])]} at sequence"
            f" '{ds['sequence'].to_numpy()[sequence]}', receiver '{entity[receiver]}', sender '{entity[sender]}'",
            expected="finite numbers, 0 where there is no relation",
        )
    return order, numbers, dict(values.attrs)
