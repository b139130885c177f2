"""One contract for every format: what is saved is what is loaded, and bad input gives one clear DataError."""

import itertools
from pathlib import Path

import h5netcdf
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from edgewise.data import clock, features, fingerprint, from_arrays, load, save
from edgewise.errors import DataError

HOLDS_ALL = ["tracks.nc", "tracks.zarr", "tracks.npz", "tracks.parquet"]
TABLES = ["tracks.csv", "tracks.tsv", "tracks.csv.gz"]


@pytest.fixture
def ds() -> xr.Dataset:
    """Three sequences of different lengths and clocks, gaps, odd names, roles, units, truth with unknowns."""
    rng = np.random.default_rng(0)
    x, y, w = rng.normal(size=(3, 3, 6, 4))
    x[0, 2, 1] = y[0, 2, 1] = w[0, 2, 1] = np.nan  # one entity is away for a frame
    w[1, 3] = np.nan  # one feature is missing in a frame
    x[2, 2] = y[2, 2] = w[2, 2] = np.nan  # a frame that nobody saw
    x[0, 0, 0] = y[0, 0, 0] = w[0, 0, 0] = np.nan  # the first entity comes late
    stamps = np.array([[0, 0.5, 1.5, 2, 3, 4], [0, 1, 2, 3, 4, np.nan], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]])
    x[1, 5] = y[1, 5] = w[1, 5] = np.nan
    edges = rng.integers(-1, 3, size=(3, 4, 4))
    edges[1] = 0
    return from_arrays(
        {"x": x, "y": y.astype(np.float32), "dphi": w},
        position=["x", "y"],
        rate=["dphi"],
        time=stamps,
        entity=["é", "b", "c, 1", "10"],
        sequence=["a", "b/2", "NA"],
        edges=edges,
        units={"x": "m", "time": "s"},
    )


def off_diagonal(ds: xr.Dataset) -> np.ndarray:
    labels = ds["edges"].to_numpy()
    return labels[..., ~np.eye(labels.shape[-1], dtype=bool)]


def assert_same_values(one: xr.Dataset, other: xr.Dataset) -> None:
    assert list(one["sequence"].to_numpy()) == list(other["sequence"].to_numpy())
    assert list(one["entity"].to_numpy()) == list(other["entity"].to_numpy())
    np.testing.assert_array_equal(clock(one), clock(other))
    assert sorted(features(one)) == sorted(features(other))
    for name in features(one):
        np.testing.assert_array_equal(one[name], other[name])
    np.testing.assert_array_equal(off_diagonal(one), off_diagonal(other))


@pytest.mark.parametrize("name", HOLDS_ALL)
def test_what_was_saved_is_loaded_with_roles_and_units(ds, tmp_path, name):
    save(ds, tmp_path / name)
    back = load(tmp_path / name)
    assert_same_values(ds, back)
    assert (back.attrs["position"], back.attrs["velocity"], back.attrs["rate"]) == (["x", "y"], [], ["dphi"])
    assert back["x"].attrs["units"] == "m"
    assert back["clock"].attrs["units"] == "s"
    assert back["y"].dtype == np.float32
    assert fingerprint(back) == fingerprint(ds)


@pytest.mark.parametrize("name", TABLES)
def test_text_tables_hold_the_values_and_need_the_roles(ds, tmp_path, name):
    save(ds, tmp_path / name)
    assert_same_values(ds, load(tmp_path / name))
    assert fingerprint(load(tmp_path / name, position="x,y", rate="dphi")) == fingerprint(ds)


def test_nri_folders_hold_values_and_truth_but_no_names_and_stamps(ds, tmp_path):
    known = ds[["x", "y", "edges"]].assign_attrs(rate=[])
    known["edges"] = abs(known["edges"])
    save(known, tmp_path / "particles", split="train_three")
    back = load(tmp_path / "particles")
    np.testing.assert_array_equal(back["x"], ds["x"])
    np.testing.assert_array_equal(back["y"], ds["y"])
    np.testing.assert_array_equal(off_diagonal(back), off_diagonal(known))
    assert back.attrs["position"] == ["x", "y"]


@pytest.mark.parametrize(("one", "other"), list(itertools.permutations(HOLDS_ALL, 2)))
def test_converting_between_formats_changes_nothing(ds, tmp_path, one, other):
    save(ds, tmp_path / "first" / one)
    save(load(tmp_path / "first" / one), tmp_path / "second" / other)
    assert fingerprint(load(tmp_path / "second" / other)) == fingerprint(ds)


@pytest.mark.parametrize("name", HOLDS_ALL + TABLES)
def test_one_shared_clock_stays_one_time_axis(tmp_path, name):
    shared = from_arrays({"x": np.arange(12.0).reshape(2, 3, 2)}, time=[0, 1, 5])
    save(shared, tmp_path / name)
    back = load(tmp_path / name)
    assert "clock" not in back.coords
    assert back["time"].to_numpy().tolist() == [0, 1, 5]
    assert fingerprint(back) == fingerprint(shared)


@pytest.mark.parametrize("name", HOLDS_ALL + TABLES)
def test_truth_that_changes_in_time_survives(tmp_path, name):
    edges = np.random.default_rng(1).integers(0, 2, size=(2, 3, 3, 3))
    edges[1, 1] = 0
    values, stamps = np.arange(18.0).reshape(2, 3, 3), [[0.1, 0.2, 0.7], [0.1, 0.3, np.nan]]
    values[1, 2] = np.nan
    moving = from_arrays({"v": values}, time=stamps, edges=edges)
    assert (moving["edges"].to_numpy()[1, 2] == -1).all()  # a frame after the end knows nothing
    save(moving, tmp_path / name)
    back = load(tmp_path / name)
    assert back["edges"].dims == ("sequence", "time", "receiver", "sender")
    assert fingerprint(back) == fingerprint(moving)


@pytest.mark.parametrize("name", HOLDS_ALL + TABLES)
def test_saving_never_replaces_unasked_and_leaves_nothing_behind(ds, tmp_path, name):
    path = tmp_path / name
    save(ds, path)
    with pytest.raises(DataError, match="exists already"):
        save(ds, path)
    other = ds.assign(x=ds["x"] + 1)
    save(other, path, overwrite=True)
    np.testing.assert_array_equal(load(path)["x"], other["x"])
    assert {file.name for file in tmp_path.iterdir()} <= {name, "tracks.edges.csv"}


@pytest.mark.parametrize("name", HOLDS_ALL + TABLES)
def test_a_failing_write_leaves_the_old_file_whole(ds, tmp_path, name, monkeypatch):
    path = tmp_path / name
    save(ds, path)
    before = sorted(file.name for file in tmp_path.iterdir())

    def break_off(*_, **__):
        raise OSError("disk full")

    for owner, function in [
        (xr.Dataset, "to_netcdf"),
        (xr.Dataset, "to_zarr"),
        (pd.DataFrame, "to_csv"),
        (np.lib.format, "write_array"),
    ]:
        monkeypatch.setattr(owner, function, break_off)
    monkeypatch.setattr("pyarrow.parquet.write_table", break_off)
    with pytest.raises(DataError, match="disk full"):
        save(ds.assign(x=ds["x"] + 1), path, overwrite=True)
    monkeypatch.undo()
    assert sorted(file.name for file in tmp_path.iterdir()) == before
    assert fingerprint(load(path, position="x,y", rate="dphi")) == fingerprint(ds)


GOOD = pd.DataFrame(
    {"t": [0, 0, 1, 1], "id": ["a", "b", "a", "b"], "x": [0.0, 1.0, 2.0, 3.0], "y": [0.5, 1.5, 2.5, 3.5]}
)


def table(path: Path, **columns: object) -> Path:
    GOOD.assign(**columns).to_csv(path, index=False)
    return path


def refusal(*args: object, **kwargs: object) -> DataError:
    with pytest.raises(DataError) as caught:
        load(*args, **kwargs)
    return caught.value


def test_the_good_table_is_good(tmp_path):
    assert load(table(tmp_path / "good.csv")).sizes["entity"] == 2


def test_a_missing_column_is_named_beside_those_that_exist(tmp_path):
    error = refusal(table(tmp_path / "t.csv"), position="x,yy")
    assert str(tmp_path / "t.csv") in str(error)
    assert "no column 'yy'" in error.found
    assert "t, id, x, y" in error.found
    assert error.fix == "did you mean 'y'?"


def test_text_in_a_number_column_is_named_by_row_column_and_value(tmp_path):
    error = refusal(table(tmp_path / "t.csv", x=[0.0, 1.0, "2.O", 3.0]))
    assert error.found == f"{tmp_path / 't.csv'}: row 4, column 'x' holds '2.O'"


def test_two_rows_about_the_same_are_named(tmp_path):
    error = refusal(table(tmp_path / "t.csv", id=["a", "b", "b", "b"]))
    assert "rows 4 and 5 are both about t 1, id b" in error.found


def test_an_empty_table_is_said_to_be_empty(tmp_path):
    GOOD.iloc[:0].to_csv(tmp_path / "header.csv", index=False)
    assert "header.csv has no rows" in refusal(tmp_path / "header.csv").found
    (tmp_path / "nothing.csv").touch()
    assert "nothing.csv is empty" in refusal(tmp_path / "nothing.csv").found


def test_one_entity_and_one_frame_are_too_few(tmp_path):
    error = refusal(table(tmp_path / "t.csv", id="a", t=[0, 1, 2, 3]))
    assert "t.csv: the data set has one entity" in error.found
    error = refusal(table(tmp_path / "u.csv", t=0, id=list("abcd")))
    assert "u.csv: the data set has one frame" in error.found


def test_an_infinite_value_is_named_by_its_place(tmp_path):
    error = refusal(table(tmp_path / "t.csv", y=[0.5, -np.inf, 2.5, 3.5]))
    assert "t.csv: row 3, column 'y' holds '-inf'" in error.found
    ds = load(GOOD)
    ds["y"][0, 1, 0] = np.inf
    ds.to_netcdf(tmp_path / "t.nc", engine="h5netcdf")
    error = refusal(tmp_path / "t.nc")
    assert "t.nc: the feature 'y' is inf at sequence '0', time 1 (frame 1), entity 'a'" in error.found


def test_a_feature_without_any_value_is_named(tmp_path):
    error = refusal(table(tmp_path / "t.csv", y=np.nan))
    assert "t.csv: the feature 'y' has no value at all" in error.found


@pytest.mark.parametrize("name", HOLDS_ALL)
def test_an_unknown_feature_in_a_role_is_named_beside_those_that_exist(tmp_path, name):
    save(load(GOOD), tmp_path / name)
    error = refusal(tmp_path / name, position=["x", "Y"])
    assert str(tmp_path / name) in error.found
    assert "'Y'" in error.found
    assert error.fix == "did you mean 'y'?"


@pytest.mark.parametrize("name", ["tracks.nc", "tracks.npz", "tracks.parquet", "tracks.csv.gz"])
def test_a_file_that_was_cut_off_is_named(ds, tmp_path, name):
    save(ds, tmp_path / name)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    assert f"{tmp_path / name} cannot be read" in refusal(tmp_path / name).found


@pytest.mark.parametrize("name", ["tracks.nc", "tracks.npz", "tracks.parquet", "tracks.zarr", "tracks.csv"])
def test_a_file_of_another_kind_is_named(tmp_path, name):
    (tmp_path / name).write_bytes(b"\x80\x04\x95nonsense\xff")
    assert f"{tmp_path / name} cannot be read" in refusal(tmp_path / name).found


def test_a_damaged_zarr_chunk_is_an_error_not_missing_data(ds, tmp_path):
    save(ds, tmp_path / "t.zarr")
    chunk = next(file for file in (tmp_path / "t.zarr" / "x" / "c").rglob("*") if file.is_file())
    chunk.write_bytes(chunk.read_bytes()[:10])
    assert "t.zarr cannot be read" in refusal(tmp_path / "t.zarr").found


def test_an_npz_that_holds_objects_is_not_unpickled(tmp_path):
    np.savez(tmp_path / "t.npz", tracks=np.array([{"x": 1}, None], dtype=object))
    error = refusal(tmp_path / "t.npz")
    assert f"{tmp_path / 't.npz'}: the array 'tracks' holds Python objects" in error.found


def test_a_path_that_is_not_there_and_a_suffix_that_is_not_known(tmp_path):
    table(tmp_path / "tracks.csv")
    error = refusal(tmp_path / "track.csv")
    assert "track.csv does not exist" in error.found
    assert error.fix == "did you mean 'tracks.csv'?"
    (tmp_path / "tracks.xlsx").touch()
    error = refusal(tmp_path / "tracks.xlsx")
    assert "the suffix '.xlsx'" in error.found
    assert ".parquet" in str(error.expected)
    with pytest.raises(DataError, match=r"'\.xlsx'"):
        save(load(GOOD), tmp_path / "out.xlsx")


def test_files_are_closed_after_reading(ds, tmp_path):
    save(ds, tmp_path / "t.nc")
    load(tmp_path / "t.nc")
    with h5netcdf.File(tmp_path / "t.nc", "a") as file:  # HDF5 refuses to write to a file that is open
        file.attrs["note"] = "written"


def test_a_data_set_and_a_frame_are_sources_too():
    ds = load(GOOD)
    assert fingerprint(load(ds)) == fingerprint(ds)
    assert load(ds, position="y").attrs["position"] == ["y"]
    assert ds.attrs["position"] == ["x", "y"]
    assert features(load(ds, position=(), features="y")) == ["y"]
