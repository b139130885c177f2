"""Long tables, one row for each (sequence, time, entity): CSV, TSV, Parquet, pandas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from edgewise.data.atomic import refuse_to_overwrite, replacing
from edgewise.data.columns import Columns, choose_columns
from edgewise.data.gate import validate
from edgewise.data.pivot import to_dataset, to_frame
from edgewise.data.roles import features as feature_names
from edgewise.data.roles import role, time_units
from edgewise.data.sheets import PARQUET, TEXT, Sheet, kind, read_plain, read_sheet, write_sheet
from edgewise.data.truth import edge_table, read_edges
from edgewise.data.wording import listing
from edgewise.errors import DataError

Names = str | Sequence[str] | None


def read_table(
    path: str | Path,
    *,
    time: str | None = None,
    entity: str | None = None,
    sequence: str | None = None,
    position: Names = None,
    velocity: Names = None,
    features: Names = None,
    truth: str | Path | None = None,
) -> xr.Dataset:
    """Trajectories from a CSV, TSV (also gzipped) or Parquet table.

    The table has one row for each (sequence, time, entity).

    Columns that are not named are guessed from common names (`t`, `time`, `frame`, ...; `id`, `track_id`,
    ...; `trial`, `run`, ...). **Columns `x, y` (or `x, y, z`) are taken as the position if none is named, and
    `vx, vy, ...` as the velocity**; pass `position=()` to prevent it. Every other column of numbers becomes a
    feature, unless `features` lists the wanted ones; columns of text are ignored. Time may be numbers or ISO
    8601 dates (then it becomes seconds since the first). Entities may come and go, sequences may differ in
    length, stamps may be irregular. Parquet files that edgewise wrote hold their roles and need no names.

    Args:
        path: the file.
        time, entity, sequence: the columns of the time stamp, the entity's name and the sequence's name.
        position, velocity: the columns of these, in the same order; a list or "x,y".
        features: the columns to read beside position and velocity.
        truth: an edge table (see `read_edges`); by default the file `NAME.edges.csv` beside `NAME.csv`, if
            there is one.

    Returns:
        A validated data set.

    Raises:
        DataError: with the file, row, column and value. Rows of text files count from 1, the header included.
    """
    path = Path(path)

    def choose(found: list[str], meta: Mapping[str, Any]) -> Columns:
        if meta:
            parts = {"time": "time", "entity": "entity", "sequence": "sequence"}
            own = {**parts, "position": meta["position"], "velocity": meta["velocity"]}
        else:
            own = {}
        given = {
            "time": time,
            "entity": entity,
            "sequence": sequence,
            "position": position,
            "velocity": velocity,
        }
        chosen = {name: own.get(name) if value is None else value for name, value in given.items()}
        return choose_columns(found, str(path), **chosen, features=features)

    sheet, columns = read_sheet(path, choose)
    ds = _with_notes(to_dataset(sheet, columns), sheet.meta)
    sibling = edges_beside(path)
    edges = truth if truth is not None else sibling if sibling.is_file() else None
    return ds if edges is None else read_edges(edges, ds)


def from_frame(
    frame: pd.DataFrame,
    *,
    time: str | None = None,
    entity: str | None = None,
    sequence: str | None = None,
    position: Names = None,
    velocity: Names = None,
    features: Names = None,
    truth: str | Path | None = None,
) -> xr.Dataset:
    """The same as `read_table`, from a pandas data frame.

    Rows in messages count from 1; a named index is a column.
    """
    if frame.index.name is not None or isinstance(frame.index, pd.MultiIndex):
        frame = frame.reset_index()
    frame = frame.set_axis([str(name).strip() for name in frame.columns], axis=1)
    columns = choose_columns(
        list(frame.columns),
        "the data frame",
        time=time,
        entity=entity,
        sequence=sequence,
        position=position,
        velocity=velocity,
        features=features,
    )
    ds = to_dataset(Sheet(frame, "the data frame"), columns)
    return ds if truth is None else read_edges(truth, ds)


def write_table(ds: xr.Dataset, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a data set as a long table, and its truth as `NAME.edges.csv` beside it.

    Columns: sequence, time, entity, then the features. Rows in which nothing was observed are left out.
    Parquet keeps roles and units; CSV and TSV have no place for them.

    Raises:
        DataError: the suffix is unknown, a file exists, or an edge table lies there that would be read as the
            truth of a data set that has none.
    """
    path, ds = Path(path), validate(ds)
    if kind(path) not in (*TEXT, *PARQUET):
        raise DataError(
            f"{path} is not the name of a table", expected=f"a suffix {listing((*TEXT, *PARQUET))}"
        )
    sibling = edges_beside(path)
    if "edges" in ds:
        # tracks.parquet may share the edges of tracks.csv
        refuse_to_overwrite(sibling, overwrite=overwrite or _holds_edges_of(ds, sibling))
    elif sibling.exists():
        raise DataError(
            f"{sibling} lies beside {path.name} and would be read as its truth, but the data set has no "
            "truth",
            fix="remove it, or choose another name",
        )
    frame = to_frame(ds)
    if kind(path) in TEXT:
        # a float32 written with its own few digits would read as another float64
        frame = frame.astype(dict.fromkeys(feature_names(ds), np.float64))
    with replacing(path, overwrite=overwrite) as draft:
        write_sheet(frame, draft, path, _notes(ds))
        if "edges" in ds:
            with replacing(sibling, overwrite=True) as edges_draft:
                write_sheet(edge_table(ds), edges_draft, sibling, {})


def edges_beside(path: Path) -> Path:
    """The edge table of a table: `tracks.edges.csv` for `tracks.csv`, `tracks.csv.gz`, `tracks.parquet`."""
    stem = path.stem if path.suffix.lower() != ".gz" else Path(path.stem).stem
    return path.with_name(f"{stem}.edges.csv")


def _holds_edges_of(ds: xr.Dataset, path: Path) -> bool:
    """Whether an edge table is there and says of the data set what would be written."""
    if not path.is_file():
        return False
    try:
        there = read_plain(path).frame
    except DataError:
        return False
    ours = edge_table(ds).astype(str)
    return list(there) == list(ours) and there.to_numpy().tolist() == ours.to_numpy().tolist()


def _notes(ds: xr.Dataset) -> dict[str, Any]:
    units = {name: str(ds[name].attrs["units"]) for name in feature_names(ds) if "units" in ds[name].attrs}
    if (clock_units := time_units(ds)) is not None:
        units["time"] = clock_units
    return {**{name: role(ds, name) for name in ("position", "velocity", "rate")}, "units": units}


def _with_notes(ds: xr.Dataset, meta: Mapping[str, Any]) -> xr.Dataset:
    known = feature_names(ds)
    if meta:
        ds.attrs["rate"] = [name for name in meta["rate"] if name in known]
        for name, unit in meta["units"].items():
            if name in known:
                ds[name].attrs["units"] = unit
            elif name == "time":
                ds["clock" if "clock" in ds.coords else "time"].attrs["units"] = unit
    return ds
