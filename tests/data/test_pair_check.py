"""Attributes of relations in a data set: checked, put in order, kept by files, no feature and no truth."""

import numpy as np
import pytest
import xarray as xr

from edgewise.data import features, fingerprint, from_arrays, load, save, select_frames, validate, window
from edgewise.data.roles import pairs
from edgewise.errors import DataError

PAIR = ("sequence", "receiver", "sender")
STIFFNESS = np.array([[[9.0, 0.5, 0.0], [0.5, 9.0, 2.0], [0.0, 2.0, np.nan]]])
"""What stands on the diagonal means nothing."""


def small(stiffness=STIFFNESS, dims=PAIR, name="stiffness", **coords) -> xr.Dataset:
    ds = from_arrays({"x": np.arange(12.0).reshape(1, 4, 3)}, entity=["a", "b", "c"])
    return ds.assign({name: xr.DataArray(stiffness, dims=dims, coords=coords)}).assign_attrs(pair=[name])


def test_pair_variables_are_neither_features_nor_truth():
    ds = validate(small())
    assert features(ds) == ["x"]
    assert pairs(ds) == ["stiffness"]
    assert "edges" not in ds
    assert ds["stiffness"].values.tolist() == [[[0, 0.5, 0], [0.5, 0, 2], [0, 2, 0]]]
    assert validate(ds).identical(ds)


def test_data_without_them_have_no_such_role():
    ds = from_arrays({"x": np.zeros((1, 3, 2))})
    assert pairs(ds) == []
    assert "pair" not in ds.attrs


def test_those_of_all_sequences_follow_the_order_of_the_entities():
    order = [2, 0, 1]
    names = np.array(["a", "b", "c"])[order]
    ds = validate(small(STIFFNESS[0][np.ix_(order, order)], PAIR[1:], receiver=names, sender=names))
    np.testing.assert_array_equal(ds["stiffness"], validate(small())["stiffness"])


def test_from_arrays_takes_them():
    arrays = {"x": np.zeros((2, 3, 2))}
    one = np.array([[0.0, 4.0], [5.0, 0.0]])
    ds = from_arrays(arrays, pair={"weight": one, "length": np.stack([one, 2 * one])}, units={"weight": "kg"})
    np.testing.assert_array_equal(ds["weight"], np.stack([one, one]))
    np.testing.assert_array_equal(ds["length"][1], 2 * one)
    assert ds["weight"].attrs["units"] == "kg"
    with pytest.raises(DataError, match=r"'weight' has the shape \(3, 3\)"):
        from_arrays(arrays, pair={"weight": np.zeros((3, 3))})


@pytest.mark.parametrize("suffix", [".nc", ".zarr", ".npz"])
@pytest.mark.parametrize("names", [["stiffness"], ["stiffness", "length"]])
def test_files_keep_them(suffix, names, tmp_path):
    ds = small()
    ds = validate(ds.assign(dict.fromkeys(names, ds["stiffness"])).assign_attrs(pair=names))
    ds["stiffness"].attrs["units"] = "N/m"
    save(ds, tmp_path / f"data{suffix}")
    again = load(tmp_path / f"data{suffix}")
    xr.testing.assert_identical(again[names], ds[names].assign_attrs(again.attrs))
    assert pairs(again) == names
    assert fingerprint(again) == fingerprint(ds)
    assert fingerprint(ds.assign(stiffness=ds["stiffness"] * 2)) != fingerprint(ds)
    assert fingerprint(ds.drop_vars("stiffness").assign_attrs(pair=names[1:])) != fingerprint(ds)


def test_tables_have_no_place_for_them(tmp_path):
    save(validate(small()), tmp_path / "data.csv")
    assert pairs(load(tmp_path / "data.csv")) == []


def test_they_follow_their_sequences():
    two = validate(small()).isel(sequence=[0, 0]).assign_coords(sequence=["one", "two"])
    two["stiffness"][1] *= 3
    cut = window(two, 2)
    assert list(cut["sequence"].values) == ["one/0", "one/1", "two/0", "two/1"]
    np.testing.assert_array_equal(cut["stiffness"][:, 0, 1], [0.5, 0.5, 1.5, 1.5])
    np.testing.assert_array_equal(select_frames(two, 1)["stiffness"], two["stiffness"])
    np.testing.assert_array_equal(load(two, features="x")["stiffness"], two["stiffness"])


@pytest.mark.parametrize(
    ("stiffness", "dims", "message"),
    [
        (np.zeros((4, 3, 3)), ("time", *PAIR[1:]), "has the dimensions (time, receiver, sender)"),
        (np.zeros((1, 4, 3)), ("sequence", "time", "entity"), "has the dimensions (sequence, time, entity)"),
        (np.zeros((2, 3)), PAIR[1:], "has 2 receivers and the data set 3 entities"),
        (np.full((1, 3, 3), "much"), PAIR, "is of type <U4"),
        (np.full((1, 3, 3), np.inf), PAIR, "is inf at sequence '0', receiver 'a', sender 'b'"),
    ],
)
def test_what_is_none_is_refused(stiffness, dims, message):
    with pytest.raises(DataError) as caught:
        validate(small(stiffness, dims))
    assert f"the pair variable 'stiffness' {message}" in caught.value.found


def test_a_name_that_is_not_there_or_is_taken_is_refused():
    with pytest.raises(
        DataError, match=r"names 'stifness', which .*; it holds x, stiffness\n.*\n.*'stiffness'\?"
    ):
        validate(small().assign_attrs(pair=["stifness"]))
    for name in ("strength", "edges"):
        with pytest.raises(DataError, match=f"'{name}' cannot be the name of a pair variable"):
            validate(small(name=name))
    with pytest.raises(DataError, match="the variable 'stiffness' has the dimensions") as caught:
        validate(small().drop_attrs())
    assert "named in the role pair" in str(caught.value)
