"""Known strengths in a data set: checked, put in order, kept by files, and no feature."""

import numpy as np
import pytest
import xarray as xr

from edgewise.data import features, fingerprint, from_arrays, load, save, validate
from edgewise.errors import DataError

PAIR = ("sequence", "receiver", "sender")
STRENGTH = np.array([[[0.0, 0.5, 0.0], [-1.5, 0.0, np.nan], [0.0, 2.0, 0.0]]])


def small(strength=STRENGTH, dims=PAIR, **coords) -> xr.Dataset:
    ds = from_arrays({"x": np.arange(12.0).reshape(1, 4, 3)}, entity=["a", "b", "c"])
    return ds.assign(strength=xr.DataArray(strength, dims=dims, coords=coords))


def test_strengths_are_no_feature_and_say_who_acts():
    ds = validate(small())
    assert features(ds) == ["x"]
    assert ds["edges"].to_numpy().tolist() == [[[0, 1, 0], [1, 0, -1], [0, 1, 0]]]
    assert validate(ds).identical(ds)


def test_known_edges_are_not_overruled():
    edges = np.zeros((1, 3, 3), dtype=np.int64)
    ds = validate(small().assign(edges=(PAIR, edges)))
    np.testing.assert_array_equal(ds["edges"], edges)


def test_strengths_of_all_sequences_follow_the_order_of_the_entities():
    order = [2, 0, 1]
    names = np.array(["a", "b", "c"])[order]
    turned = STRENGTH[0][np.ix_(order, order)]
    ds = validate(small(turned, PAIR[1:], receiver=names, sender=names))
    np.testing.assert_array_equal(ds["strength"], STRENGTH)


def test_a_feature_may_be_called_strength():
    ds = validate(from_arrays({"strength": np.ones((1, 3, 2))}))
    assert features(ds) == ["strength"]
    assert "edges" not in ds


@pytest.mark.parametrize("suffix", [".nc", ".zarr", ".npz"])
def test_files_keep_strengths(suffix, tmp_path):
    ds = validate(small())
    save(ds, tmp_path / f"data{suffix}")
    again = load(tmp_path / f"data{suffix}")
    np.testing.assert_array_equal(again["strength"], ds["strength"])
    assert fingerprint(again) == fingerprint(ds)
    other = ds.assign(strength=ds["strength"] * 2)
    assert fingerprint(other) != fingerprint(ds)


@pytest.mark.parametrize(
    ("strength", "dims", "message"),
    [
        (np.zeros((4, 3, 3)), ("time", *PAIR[1:]), "dimensions (time, receiver, sender)"),
        (np.zeros((2, 3)), PAIR[1:], "2 receivers and the data set 3 entities"),
        (np.full((1, 3, 3), "much"), PAIR, "of type <U4"),
    ],
)
def test_strengths_that_are_none_are_refused(strength, dims, message):
    with pytest.raises(DataError) as caught:
        validate(small(strength, dims))
    assert message in caught.value.found
