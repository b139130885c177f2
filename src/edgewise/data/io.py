"""`load` and `save`: every format behind one name each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from edgewise.data import grids, md, nri, resampling, tables
from edgewise.data.arrays import read_npz, write_npz
from edgewise.data.atomic import refuse_to_overwrite
from edgewise.data.chosen import chosen
from edgewise.data.gate import validate
from edgewise.data.sheets import PARQUET, TEXT, kind
from edgewise.data.truth import read_edges
from edgewise.data.wording import asked, did_you_mean, listing
from edgewise.errors import DataError

_NETCDF = (".nc", ".nc4", ".netcdf", ".h5netcdf")
FORMATS = (*TEXT, *PARQUET, ".npz", *_NETCDF, ".zarr")

Names = str | Sequence[str] | None


def load(
    source: str | Path | xr.Dataset | pd.DataFrame,
    *,
    time: str | None = None,
    entity: str | None = None,
    sequence: str | None = None,
    position: Names = None,
    velocity: Names = None,
    features: Names = None,
    rate: Names = None,
    split: str | None = None,
    truth: str | Path | None = None,
    round_time: float | None = None,
    topology: str | Path | None = None,
    select: str | None = None,
    residues: int = 0,
    align: bool = False,
    every: int = 1,
) -> xr.Dataset:
    """Trajectories from any source that edgewise knows, validated and in memory.

    Args:
        source: a `.csv`, `.tsv`, `.tab` (each also `.gz`), `.parquet`, `.npz` or `.nc` file, a `.zarr` or NRI
            folder, a data set, or a pandas data frame; a trajectory of molecular dynamics
            (`.dcd`, `.xtc`, `.pdb` ...; with a topology any file that MDAnalysis reads).
        time, entity, sequence: columns of a table or arrays of an `.npz` with the stamps and the names.
        position, velocity: the features (columns, arrays) with these roles, in the order of the axes; they
            replace roles that the source declares. A list, or one string with commas.
        features: the features to read beside position and velocity; default all.
        rate: the features that are rates of change themselves.
        split: which part of an NRI folder: "train", or "train_springs5" where it holds several data sets.
        truth: an edge table with the known interactions; it replaces those that the source holds.
        round_time: a step that time stamps are rounded to, see `edgewise.data.round_time`.
        topology, select, residues, align, every: of molecular dynamics, see `edgewise.data.md.read_md`.

    Returns:
        A validated data set; see `edgewise.data.schema`.

    Raises:
        DataError: with what was found where, what was expected, and what to do.
    """
    where = "the data set" if isinstance(source, xr.Dataset) else str(source)
    keys: dict[str, Any] = {"time": time, "entity": entity, "sequence": sequence}
    roles: dict[str, Any] = {"position": position, "velocity": velocity, "features": features}
    atoms: dict[str, Any] = {"topology": topology, "select": select, "residues": residues}
    molecular = atoms | {"align": align, "every": every}
    if isinstance(source, pd.DataFrame | xr.Dataset):
        md.refuse_choices(where, molecular)
    if isinstance(source, pd.DataFrame):
        ds, where = tables.from_frame(source, **keys, **roles), "the data frame"
    elif isinstance(source, xr.Dataset):
        ds = chosen(source, where, **roles)
    else:
        path = Path(source)
        _check_path(path)
        try:
            ds = _read(path, keys, roles, split, molecular)
        except DataError as error:
            raise _with_name(error, where) from error
    try:
        if rate is not None:
            ds = ds.assign_attrs(rate=list(asked(rate) or ()))
        ds = validate(ds)
        if round_time is not None:
            ds = resampling.round_time(ds, round_time)
    except DataError as error:
        raise _with_name(error, where) from error
    return ds if truth is None else read_edges(truth, ds)


def save(ds: xr.Dataset, path: str | Path, *, overwrite: bool = False, split: str | None = None) -> None:
    """Write a data set in the format that the suffix says. It appears whole or not at all.

    Args:
        ds: the data set.
        path: `.nc` and `.zarr` hold everything, `.npz` and `.parquet` all that the schema knows, `.csv` and
            `.tsv` no roles and units.
        overwrite: whether what is there is replaced.
        split: write `path` as an NRI folder, this split of it ("train", or "train_springs5").

    Raises:
        DataError: the suffix is unknown, something exists there, or it cannot be written.
    """
    path = Path(path)
    if split is not None:
        nri.write_nri_folder(ds, path, split=split, overwrite=overwrite)
    elif kind(path) in (*TEXT, *PARQUET):
        tables.write_table(ds, path, overwrite=overwrite)
    elif path.suffix.lower() == ".npz":
        write_npz(ds, path, overwrite=overwrite)
    elif path.suffix.lower() in _NETCDF:
        grids.write_netcdf(ds, path, overwrite=overwrite)
    elif path.suffix.lower() == ".zarr":
        grids.write_zarr(ds, path, overwrite=overwrite)
    else:
        raise _unknown_suffix(path)


def check_target(path: str | Path, *, overwrite: bool = False) -> None:
    """Refuse, before any long work, a name that `save` would refuse.

    Raises:
        DataError: the suffix is unknown, or something exists there.
    """
    path = Path(path)
    if kind(path) not in FORMATS:
        raise _unknown_suffix(path)
    refuse_to_overwrite(path, overwrite=overwrite)


def _read(
    path: Path, keys: dict[str, Any], roles: dict[str, Any], split: str | None, molecular: dict[str, Any]
) -> xr.Dataset:
    if molecular["topology"] is not None or kind(path) in md.SUFFIXES:
        _refuse_keys(path, keys)
        return chosen(md.read_md(path, **molecular), str(path), **roles)
    md.refuse_choices(str(path), molecular)
    is_zarr = path.suffix.lower() == ".zarr" or (path / "zarr.json").exists() or (path / ".zgroup").exists()
    is_nri = path.is_dir() and not is_zarr
    if split is not None and not is_nri:
        raise DataError(
            f"split='{split}' was asked for, but {path} is no NRI folder", fix="leave the split out"
        )
    if is_zarr or is_nri or path.suffix.lower() in _NETCDF:
        _refuse_keys(path, keys)
    if is_zarr:
        return chosen(grids.read_zarr(path), str(path), **roles)
    if is_nri:
        return chosen(nri.read_nri_folder(path, split), str(path), **roles)
    if kind(path) in (*TEXT, *PARQUET):
        return tables.read_table(path, **keys, **roles)
    if path.suffix.lower() == ".npz":
        return read_npz(path, **keys, **roles)
    if path.suffix.lower() in _NETCDF:
        return chosen(grids.read_netcdf(path), str(path), **roles)
    raise _unknown_suffix(path)


def _refuse_keys(path: Path, keys: dict[str, Any]) -> None:
    named = [f"{name}={column!r}" for name, column in keys.items() if column is not None]
    if named:
        raise DataError(
            f"{', '.join(named)} was asked for, but {path} is no table",
            expected="a table or an .npz, whose columns or arrays need names",
            fix="leave it out: this format says itself what is time, entity and sequence",
        )


def _check_path(path: Path) -> None:
    if path.exists():
        return
    beside = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
    raise DataError(
        f"{path} does not exist",
        expected="a file or folder",
        fix=did_you_mean(path.name, beside) or "check the path",
    )


def _unknown_suffix(path: Path) -> DataError:
    what = f"the suffix '{path.suffix}'" if path.suffix else "no suffix"
    return DataError(
        f"{path} has {what}, which is none that edgewise knows",
        expected=f"one of {listing(FORMATS)}, or a folder of NRI .npy files (with split=...)",
        fix=did_you_mean(path.suffix, FORMATS) if path.suffix else None,
    )


def _with_name(error: DataError, where: str) -> DataError:
    """The error, with the name of the source in front if it does not have it."""
    if where in error.found:
        return error
    return DataError(f"{where}: {error.found}", expected=error.expected, fix=error.fix)
