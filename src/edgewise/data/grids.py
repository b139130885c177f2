"""NetCDF files and Zarr folders: the formats that hold a data set whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import xarray as xr

from edgewise.data.atomic import replacing
from edgewise.data.gate import validate
from edgewise.data.roles import PAIR_ROLE, ROLES, role
from edgewise.errors import DataError


def read_netcdf(path: str | Path) -> xr.Dataset:
    """The data set of a NetCDF-4 file, in memory, not yet validated (`edgewise.data.load` does both).

    Without a `sequence` dimension it is one sequence. Times are taken as the numbers that they are stored as.

    Raises:
        DataError: the file is cut off or is not NetCDF-4.
    """
    return _read(
        Path(path), "NetCDF-4 file", lambda: xr.open_dataset(path, engine="h5netcdf", decode_times=False)
    )


def read_zarr(path: str | Path) -> xr.Dataset:
    """The data set of a Zarr folder, in memory, not yet validated. A chunk that is missing reads as not
    observed.

    Raises:
        DataError: the folder is no Zarr group, or a chunk is damaged.
    """
    return _read(
        Path(path), "Zarr folder", lambda: xr.open_zarr(path, consolidated=False, decode_times=False)
    )


def write_netcdf(ds: xr.Dataset, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a data set as NetCDF-4.

    Raises:
        DataError: the file exists and `overwrite` is False, or something in it has no place in NetCDF.
    """
    _write_netcdf(validate(ds), Path(path), overwrite=overwrite)


def write_grid(ds: xr.Dataset, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a data set that need not follow the schema (drawn forecasts have one more dimension).

    It becomes a Zarr folder if the name ends in .zarr, else a NetCDF-4 file.

    Raises:
        DataError: see `write_netcdf`.
    """
    write = _write_zarr if Path(path).suffix.lower() == ".zarr" else _write_netcdf
    write(ds, Path(path), overwrite=overwrite)


def _write_netcdf(ds: xr.Dataset, path: Path, *, overwrite: bool) -> None:
    ds = _with_object_texts(ds.drop_encoding(), "T")
    with replacing(path, overwrite=overwrite) as draft:
        _write(path, lambda: ds.to_netcdf(draft, engine="h5netcdf"))


def write_zarr(ds: xr.Dataset, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a data set as a Zarr folder.

    Raises:
        DataError: the folder exists and `overwrite` is False, or something in it has no place in Zarr.
    """
    _write_zarr(validate(ds), Path(path), overwrite=overwrite)


def _write_zarr(ds: xr.Dataset, path: Path, *, overwrite: bool) -> None:
    ds = _with_object_texts(ds.drop_encoding(), "UT")  # Zarr 3 specifies text of variable length only
    with replacing(path, overwrite=overwrite) as draft:
        _write(path, lambda: ds.to_zarr(draft, consolidated=False))


def _read(path: Path, what: str, open_it: Callable[[], xr.Dataset]) -> xr.Dataset:
    try:
        with open_it() as opened:
            ds = opened.load().drop_encoding()
    except Exception as error:  # h5py, zarr, numcodecs and xarray report damage in a dozen ways
        raise DataError(
            f"{path} cannot be read: {error}",
            expected=f"a complete {what}",
            fix="check that it is of this format and was copied in full",
        ) from error
    for name in (*ROLES, PAIR_ROLE):
        ds.attrs[name] = role(ds, name)
    if "sequence" not in ds.dims and {"time", "entity"} <= set(ds.dims):
        ds = ds.expand_dims("sequence") if "sequence" in ds.coords else ds.expand_dims(sequence=["0"])
    return ds


def _with_object_texts(ds: xr.Dataset, kinds: str) -> xr.Dataset:
    """The data set with the text coordinates of these numpy kinds as Python strings."""
    texts = {str(name): own.astype(object) for name, own in ds.coords.items() if own.dtype.kind in kinds}
    return ds.assign_coords(texts)


def _write(path: Path, write: Callable[[], object]) -> None:
    try:
        write()
    except (TypeError, ValueError, NotImplementedError) as error:
        raise DataError(
            f"{path} cannot be written: {error}",
            expected="attributes that are numbers, text or lists of these",
            fix="remove the attribute or coordinate that the message names",
        ) from error
