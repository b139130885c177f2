"""NetCDF and Zarr: foreign files, and what they cannot hold."""

import numpy as np
import pytest
import xarray as xr

from edgewise.data import clock, from_arrays, load, save
from edgewise.errors import DataError


def test_a_file_without_sequences_is_one_sequence(tmp_path):
    xr.Dataset({"x": (("time", "entity"), np.zeros((3, 2)))}).to_netcdf(tmp_path / "t.nc", engine="h5netcdf")
    assert dict(load(tmp_path / "t.nc").sizes) == {"sequence": 1, "time": 3, "entity": 2}


def test_times_are_the_numbers_in_the_file(tmp_path):
    ds = xr.Dataset(
        {"x": (("sequence", "time", "entity"), np.zeros((1, 2, 2)))},
        coords={"time": ("time", [0.0, 0.5], {"units": "days since 2000-01-01"})},
    )
    ds.to_netcdf(tmp_path / "t.nc", engine="h5netcdf")
    back = load(tmp_path / "t.nc")
    assert clock(back).tolist() == [[0, 0.5]]
    assert back["time"].attrs["units"] == "days since 2000-01-01"


@pytest.mark.parametrize("one", ["t.nc", "t.zarr"])
@pytest.mark.parametrize("other", ["u.nc", "u.zarr"])
def test_coordinates_of_the_entities_travel_along(tmp_path, one, other):
    ds = from_arrays({"x": np.ones((1, 2, 2))}).assign_coords(kind=("entity", ["bird", "fish"]))
    save(ds.assign_attrs(title="test"), tmp_path / one)
    save(load(tmp_path / one), tmp_path / other)
    back = load(tmp_path / other)
    assert [str(kind) for kind in back["kind"].to_numpy()] == ["bird", "fish"]
    assert back.attrs["title"] == "test"


@pytest.mark.parametrize("name", ["t.nc", "t.zarr"])
def test_an_attribute_that_fits_nowhere_is_refused(tmp_path, name):
    ds = from_arrays({"x": np.ones((1, 2, 2))}).assign_attrs(note={1, 2})
    with pytest.raises(DataError, match=f"{name} cannot be written"):
        save(ds, tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_features_are_selected_and_the_truth_stays(tmp_path):
    ds = from_arrays({"x": np.ones((1, 2, 2)), "q": np.ones((1, 2, 2))}, position="x", edges=np.ones((2, 2)))
    save(ds, tmp_path / "t.zarr")
    back = load(tmp_path / "t.zarr", features="q")
    assert sorted(back.data_vars) == ["edges", "q"]
    assert back.attrs["position"] == []


def test_a_folder_is_never_replaced_by_a_file(tmp_path):
    (tmp_path / "t.nc").mkdir()
    with pytest.raises(DataError, match="is a folder"):
        save(from_arrays({"x": np.ones((1, 2, 2))}), tmp_path / "t.nc", overwrite=True)
    assert (tmp_path / "t.nc").is_dir()


def test_a_folder_that_is_no_zarr_group_is_named(tmp_path):
    (tmp_path / "t.zarr").mkdir()
    with pytest.raises(DataError, match=r"t\.zarr cannot be read"):
        load(tmp_path / "t.zarr")


@pytest.mark.parametrize("name", ["t.nc", "t.zarr"])
def test_column_names_for_a_format_without_columns_are_refused(tmp_path, name):
    save(from_arrays({"x": np.ones((1, 2, 2))}), tmp_path / name)
    with pytest.raises(DataError, match=r"entity='id' was asked for, but .*t\.\w+ is no table"):
        load(tmp_path / name, entity="id")
