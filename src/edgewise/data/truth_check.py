"""The check of the known interactions that a data set may carry."""

from __future__ import annotations

import numpy as np
import xarray as xr

from edgewise.data.roles import clock
from edgewise.data.wording import listing
from edgewise.errors import DataError

PAIR = ("receiver", "sender")


def with_checked_truth(ds: xr.Dataset) -> xr.Dataset:
    """The data set with `edges` as int64 [sequence, receiver, sender] or [sequence, time, receiver, sender].

    Edges without a `sequence` dim are taken for all sequences, NaN becomes -1 (unknown), and pairs that carry
    coordinates are put in the order of `entity`. Frames that are only padding are unknown. The diagonal is
    left as it is; nothing reads it.

    Raises:
        DataError: the edges are of another shape, or hold something else than -1, 0, 1, 2, ...
    """
    edges = ds["edges"]
    if not set(PAIR) <= set(edges.dims) or not set(edges.dims) <= {"sequence", "time", *PAIR}:
        raise DataError(
            f"the truth 'edges' has the dimensions ({listing(edges.dims)})",
            expected="(sequence, receiver, sender), or (sequence, time, receiver, sender) if it changes in "
            "time",
        )
    edges = of_all_entities(edges, ds, "the truth 'edges'")
    order = [dim for dim in ("sequence", "time", *PAIR) if dim in edges.dims]
    labels = edges.transpose(*order).to_numpy()
    labels = _labels(labels, order, ds)
    if labels.ndim == 4:
        labels = np.where(np.isnan(clock(ds))[..., None, None], -1, labels)
    out = ds.drop_vars(["edges", *(dim for dim in PAIR if dim in ds.coords)])
    return out.assign(edges=(order, labels, dict(edges.attrs)))


def of_all_entities(pairs: xr.DataArray, ds: xr.Dataset, what: str) -> xr.DataArray:
    """A variable of pairs with its receivers and senders in the order of the entities, and a `sequence` dim.

    Args:
        what: names it in a message.

    Raises:
        DataError: for other numbers or names than those of the entities.
    """
    n_entities = ds.sizes["entity"]
    for dim in PAIR:
        if pairs.sizes[dim] != n_entities:
            raise DataError(
                f"{what} has {pairs.sizes[dim]} {dim}s and the data set {n_entities} entities",
                expected="a row (receiver) and a column (sender) for each entity",
            )
        if dim in pairs.coords:
            pairs = _in_entity_order(pairs, dim, ds["entity"].to_numpy())
    return pairs if "sequence" in pairs.dims else pairs.expand_dims(sequence=ds["sequence"])


def _in_entity_order(edges: xr.DataArray, dim: str, entity: np.ndarray) -> xr.DataArray:
    """Known pairs with their receivers or senders in the order of the entities."""
    names = [str(name) for name in edges[dim].to_numpy()]
    if names == list(entity):
        return edges
    if sorted(names) != sorted(entity):
        raise DataError(
            f"the {dim}s of the truth '{edges.name}' are {listing(names)}; the entities are {listing(entity)}",
            expected="the same names",
        )
    return edges.isel({dim: [names.index(name) for name in entity]})


def _labels(values: np.ndarray, order: list[str], ds: xr.Dataset) -> np.ndarray:
    if values.dtype.kind not in "iubf":
        raise DataError(f"the truth 'edges' is of type {values.dtype}", expected="whole numbers")
    numbers = np.where(np.isnan(values), -1, values) if values.dtype.kind == "f" else values
    labels = numbers.astype(np.int64) if np.isfinite(numbers).all() else np.full(numbers.shape, -2)
    wrong = (labels != numbers) | (labels < -1)
    # a diagonal that says "not a pair" in its own way is nobody's business
    wrong &= ~np.eye(values.shape[-1], dtype=bool)
    if wrong.any():
        where = tuple(np.argwhere(wrong)[0])
        place = dict(zip(order, where, strict=True))
        entity = ds["entity"].to_numpy()
        raise DataError(
            f"the truth 'edges' is {values[where]} at sequence "
            f"'{ds['sequence'].to_numpy()[place['sequence']]}', "
            f"receiver '{entity[place['receiver']]}', sender '{entity[place['sender']]}'",
            expected="whole numbers: -1 unknown, 0 no interaction, 1, 2, ... the kinds of interaction",
        )
    return labels
