"""The one trajectory schema: what every loader gives and every method takes.

An `xarray.Dataset` over the dims `sequence, time, entity`:

- one float variable a feature, [sequence, time, entity], its unit in `attrs["units"]`; NaN = not observed;
- coordinates `sequence` and `entity`: names; `time`: the stamps of the frames, shared by all sequences;
- where sequences have clocks of their own, `time` counts the frames 0..T-1 and the coordinate
  `clock(sequence, time)` holds the stamps, NaN after the last frame of a sequence;
- roles in the attributes of the data set: `position`, `velocity`, `rate` (lists of features);
- optional truth `edges(sequence, receiver, sender)`, or `(sequence, time, receiver, sender)`: the kind of
  interaction that the sender has on the receiver, 0 none, -1 unknown; the diagonal means nothing. Training
  never sees it;
- optional truth `strength(sequence, receiver, sender)`: how strongly the sender acts, a number, 0 not at all, NaN
  unknown. Training never sees it either;
- optional pair variables, named in the role `pair`: `name(sequence, receiver, sender)`, what is known of the relation
  of a pair, such as the constant of a spring, finite, 0 where there is none. They are no truth: a simulator is
  learned with them. The methods of inference do not look at them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from edgewise.data.describe import fingerprint, summary
from edgewise.data.gate import validate
from edgewise.data.roles import DIMS, clock, features, positions, velocities
from edgewise.data.truth_graphs import edges_of_graphs, holds_graphs
from edgewise.data.wording import asked, listing
from edgewise.errors import DataError

if TYPE_CHECKING:
    import networkx as nx

__all__ = [
    "DIMS",
    "clock",
    "features",
    "fingerprint",
    "from_arrays",
    "positions",
    "summary",
    "validate",
    "velocities",
]


def from_arrays(
    features: Mapping[str, ArrayLike],
    *,
    position: str | Sequence[str] = (),
    velocity: str | Sequence[str] = (),
    rate: str | Sequence[str] = (),
    time: ArrayLike | None = None,
    entity: ArrayLike | None = None,
    sequence: ArrayLike | None = None,
    edges: ArrayLike | nx.Graph | Sequence[nx.Graph] | None = None,
    pair: Mapping[str, ArrayLike] | None = None,
    units: Mapping[str, str] | None = None,
) -> xr.Dataset:
    """A validated trajectory data set from arrays.

    Args:
        features: name -> [sequence, time, entity]; NaN where nothing was observed.
        position: the features that are the position, one an axis.
        velocity: the features that are the velocity, in the order of `position`.
        rate: the features that are rates of change themselves.
        time: stamps [time], or [sequence, time] where sequences have their own (NaN = padding); default 0, 1,
            2, ...
        entity: names [entity]; default "0", "1", ...
        sequence: names [sequence]; default "0", "1", ...
        edges: known interactions, int [sequence, receiver, sender], [receiver, sender] for all sequences, or
            [sequence, time, receiver, sender]; or a NetworkX graph over the entities (source acts on target), or
            one for each sequence.
        pair: name -> what is known of the relation of each pair, numbers [sequence, receiver, sender], or
            [receiver, sender] for all sequences.
        units: name -> unit, for features, pair variables and for "time".

    Returns:
        The data set, as `validate` gives it.

    Raises:
        DataError: shapes do not fit each other, or the data set does not follow the schema.
    """
    arrays = {name: np.asarray(values) for name, values in features.items()}
    shape = _common_shape(arrays)
    ds = xr.Dataset({name: (DIMS, values) for name, values in arrays.items()})
    for dim, names in (("sequence", sequence), ("entity", entity)):
        if names is not None:
            ds = ds.assign_coords({dim: _sized(dim, np.asarray(names), (shape[DIMS.index(dim)],))})
    if time is not None:
        ds = _with_time(ds, np.asarray(time), shape)
    if edges is not None:
        names = ds["entity"].to_numpy() if "entity" in ds.coords else range(shape[2])
        labels = edges_of_graphs(edges, list(map(str, names))) if holds_graphs(edges) else edges
        ds["edges"] = _edges(np.asarray(labels), shape)
    for name, values in (pair or {}).items():
        ds[name] = _edges(np.asarray(values), shape, name)
    ds.attrs = {
        role: list(asked(names) or ())
        for role, names in (("position", position), ("velocity", velocity), ("rate", rate))
    }
    ds.attrs["pair"] = list(pair or ())
    return validate(_with_units(ds, units or {}))


def _common_shape(arrays: Mapping[str, np.ndarray]) -> tuple[int, ...]:
    shapes = {name: values.shape for name, values in arrays.items()}
    if not shapes:
        raise DataError("no feature was given", expected="at least one array [sequence, time, entity]")
    if len(set(shapes.values())) > 1 or any(len(shape) != 3 for shape in shapes.values()):
        raise DataError(
            f"the features have the shapes {listing(f'{name} {shape}' for name, shape in shapes.items())}",
            expected="one shape [sequence, time, entity] for all features",
        )
    return next(iter(shapes.values()))


def _sized(what: str, values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    if values.shape != shape:
        raise DataError(
            f"'{what}' has the shape {values.shape}", expected=f"the shape {shape} of the features"
        )
    return values


def _with_time(ds: xr.Dataset, stamps: np.ndarray, shape: tuple[int, ...]) -> xr.Dataset:
    if stamps.ndim < 2:
        return ds.assign_coords(time=_sized("time", stamps, shape[1:2]))
    stamps = _sized("time", stamps, shape[:2])
    # NaN differs from itself, so padded clocks stay clocks
    if (stamps == stamps[:1]).all():
        return ds.assign_coords(time=stamps[0])
    return ds.assign_coords(clock=(("sequence", "time"), stamps))


def _edges(
    labels: np.ndarray, shape: tuple[int, ...], name: str = "edges"
) -> tuple[tuple[str, ...], np.ndarray]:
    n_sequences, n_frames, n = shape
    known = {
        (n, n): ("receiver", "sender"),
        (n_sequences, n, n): ("sequence", "receiver", "sender"),
        (n_sequences, n_frames, n, n): ("sequence", "time", "receiver", "sender"),
    }
    if labels.shape not in known:
        raise DataError(
            f"'{name}' has the shape {labels.shape}", expected=f"one of the shapes {listing(known)}"
        )
    return known[labels.shape], labels


def _with_units(ds: xr.Dataset, units: Mapping[str, str]) -> xr.Dataset:
    for name, unit in units.items():
        if name == "time":
            axis = "clock" if "clock" in ds.coords else "time"
            if axis not in ds.coords:
                ds = ds.assign_coords(time=np.arange(ds.sizes["time"]))
            ds[axis].attrs["units"] = unit
        elif name in ds.data_vars:
            ds[name].attrs["units"] = unit
        else:
            raise DataError(
                f"a unit is given for '{name}', which is no feature", expected=listing(ds.data_vars)
            )
    return ds
