"""What a caller has in hand, an array, a table or a data set, as trajectories in the one schema."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from edgewise.data.columns import names_entity, names_time
from edgewise.data.gate import validate
from edgewise.data.roles import DIMS
from edgewise.data.schema import from_arrays
from edgewise.data.tables import from_frame
from edgewise.data.wording import listing
from edgewise.errors import DataError

FEATURE = "value"
"""Name of the one feature of arrays and wide tables, which name none."""

Trajectories = xr.Dataset | xr.DataArray | pd.DataFrame | np.ndarray | Sequence[Any]
"""What `as_dataset` understands."""


def as_dataset(data: Trajectories, *, entity: Sequence[str] | None = None) -> xr.Dataset:
    """Trajectories from what is already in memory, validated.

    | given | read as |
    |---|---|
    | xarray data set | the schema |
    | xarray array | dimensions time, entity; if there are any, sequence and feature |
    | pandas frame with columns of the time and the entity | a long table, as `edgewise.load` reads it |
    | pandas frame without | a wide table: rows are frames, their index the stamps, columns entities |
    | NumPy array | [time, entity], [sequence, time, entity] or [sequence, time, entity, feature] |
    | list of arrays or wide tables | recordings [time, entity] of the same entities; they may differ in length |

    Where a feature has no name it is called `value`; several are `value0`, `value1`, .... None of them is a position:
    say so with `edgewise.from_arrays(..., position=...)`.

    Args:
        data: see the table.
        entity: names of the entities of an array.

    Raises:
        DataError: for anything else, or what the schema refuses.
    """
    if isinstance(data, xr.Dataset):
        return validate(data)
    if isinstance(data, xr.DataArray):
        return _from_labelled(data)
    if isinstance(data, pd.DataFrame):
        return from_frame(data) if is_long(data) else _from_wide(data)
    if _are_recordings(data):
        return _from_recordings(data, entity)
    return _from_array(_numbers(data), entity)


def is_long(frame: pd.DataFrame) -> bool:
    """Whether a table has one row for each time and entity: its columns have common names for both.

    Raises:
        DataError: for a table with a column of times and none of entities, which may be either.
    """
    index = [str(name) for name in frame.index.names if name is not None]
    columns = [str(name) for name in frame.columns]
    times = [name for name in columns if names_time(name)]
    entities = [name for name in (*index, *columns) if names_entity(name)]
    if entities and (times or any(map(names_time, index))):
        return True
    if times or entities:
        part, name = ("times", times[0]) if times else ("entities", entities[0])
        raise DataError(
            f"the data frame has a column of {part}, '{name}', and none with a common name for the other of the two;"
            f" its columns are {listing(columns)}",
            expected="a long table (one row for each time and entity) or a wide one (a column for each entity)",
            fix="long: edgewise.load(frame, time=..., entity=...); wide: make the times the index, and rename a column"
            " that is an entity",
        )
    return False


def _from_labelled(array: xr.DataArray) -> xr.Dataset:
    missing = [dim for dim in ("time", "entity") if dim not in array.dims]
    foreign = [dim for dim in array.dims if dim not in (*DIMS, "feature")]
    if missing or foreign:
        raise DataError(
            f"the array has the dimensions ({listing(array.dims)})",
            expected="time and entity, and if there are any sequence and feature",
            fix="rename the dimensions, or make a data set with edgewise.from_arrays",
        )
    if "feature" in array.dims:
        ds = array.to_dataset("feature")
        names = (
            [str(name) for name in ds.data_vars]
            if "feature" in array.coords
            else _numbered(len(ds.data_vars))
        )
        ds = ds.rename(dict(zip(ds.data_vars, names, strict=True)))
    else:
        ds = array.to_dataset(name=str(array.name or FEATURE))
    return validate(ds if "sequence" in ds.dims else ds.expand_dims("sequence"))


def _from_wide(frame: pd.DataFrame) -> xr.Dataset:
    text = [str(name) for name, kind in frame.dtypes.items() if kind.kind not in "biuf"]
    if text:
        raise DataError(
            f"the wide data frame has columns that hold no numbers: {listing(text)}",
            expected="a row for each frame and a column of numbers for each entity",
            fix="drop them; for one row a time and entity, name the columns:"
            " edgewise.load(frame, time=..., entity=...)",
        )
    counted = isinstance(frame.index, pd.RangeIndex)
    return from_arrays(
        {FEATURE: frame.to_numpy(dtype=np.float64)[None]},
        time=None if counted else frame.index.to_numpy(),
        entity=[str(name) for name in frame.columns],
    )


def _are_recordings(data: object) -> bool:
    """Whether it is a list of arrays or tables, one a recording."""
    if not isinstance(data, list | tuple) or not data:
        return False
    return all(isinstance(one, np.ndarray | pd.DataFrame) and one.ndim == 2 for one in data)


def _from_recordings(data: Any, entity: Sequence[str] | None) -> xr.Dataset:
    """Recordings [time, entity], the shorter ones filled up with NaN behind their end."""
    named = [[str(name) for name in one.columns] for one in data if isinstance(one, pd.DataFrame)]
    widths = {one.shape[1] for one in data}
    if len(widths) > 1 or any(names != named[0] for names in named):
        raise DataError(
            f"recordings of {listing(sorted(widths))} entities"
            if len(widths) > 1
            else "recordings of other entities, or in another order",
            expected="the same entities in the same order in every recording",
            fix="make one data set with NaN where an entity was not there",
        )
    length = max(len(one) for one in data)
    values = np.full((len(data), length, widths.pop()), np.nan)
    stamps = np.full((len(data), length), np.nan)
    for k, one in enumerate(data):
        values[k, : len(one)] = np.asarray(one, dtype=np.float64)
        stamps[k, : len(one)] = np.arange(len(one))
    return from_arrays({FEATURE: values}, time=stamps, entity=entity or (named[0] if named else None))


def _numbers(data: object) -> np.ndarray:
    try:
        return np.asarray(data, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"a {type(data).__name__} is not trajectories: {error}",
            expected="an xarray data set, a pandas data frame, or an array of numbers [time, entity]",
            fix="edgewise.load reads files; edgewise.from_arrays takes arrays with names and roles",
        ) from error


def _from_array(values: np.ndarray, entity: Sequence[str] | None) -> xr.Dataset:
    if values.ndim not in (2, 3, 4):
        raise DataError(
            f"an array of shape {values.shape}",
            expected="[time, entity], [sequence, time, entity] or [sequence, time, entity, feature]",
            fix="reshape it, or give names and roles with edgewise.from_arrays",
        )
    values = values[None] if values.ndim == 2 else values
    columns = [values] if values.ndim == 3 else list(np.moveaxis(values, -1, 0))
    names = [FEATURE] if len(columns) == 1 else _numbered(len(columns))
    return from_arrays(dict(zip(names, columns, strict=True)), entity=entity)


def _numbered(count: int) -> list[str]:
    return [f"{FEATURE}{k}" for k in range(count)]
