"""What is already in memory becomes trajectories."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from edgewise.data import as_dataset, clock, fingerprint, from_arrays
from edgewise.data.tables import to_frame
from edgewise.errors import DataError

SERIES = np.random.default_rng(0).normal(size=(7, 3))


def test_an_array_is_time_by_entity():
    ds = as_dataset(SERIES, entity=["a", "b", "c"])
    assert dict(ds.sizes) == {"sequence": 1, "time": 7, "entity": 3}
    np.testing.assert_array_equal(ds["value"].to_numpy()[0], SERIES)
    assert list(ds["entity"].to_numpy()) == ["a", "b", "c"]


def test_arrays_with_sequences_and_features():
    whole = np.random.default_rng(1).normal(size=(2, 7, 3, 4))
    ds = as_dataset(whole)
    assert list(ds.data_vars) == ["value0", "value1", "value2", "value3"]
    np.testing.assert_array_equal(ds["value2"].to_numpy(), whole[..., 2])
    np.testing.assert_array_equal(as_dataset(whole[..., 0])["value"].to_numpy(), whole[..., 0])


def test_recordings_of_different_length():
    ds = as_dataset([SERIES, SERIES[:4]])
    np.testing.assert_array_equal(ds["value"].to_numpy()[1, :4], SERIES[:4])
    assert np.isnan(ds["value"].to_numpy()[1, 4:]).all()
    assert np.isnan(clock(ds)[1, 4:]).all()
    assert clock(ds)[0].tolist() == list(range(7))


def test_a_wide_table_names_entities_and_its_index_is_the_clock():
    frame = pd.DataFrame(SERIES, columns=["heron", "gull", "tern"], index=np.arange(7) / 4)
    ds = as_dataset(frame)
    assert list(ds["entity"].to_numpy()) == ["heron", "gull", "tern"]
    assert clock(ds)[0, :3].tolist() == [0.0, 0.25, 0.5]
    dated = frame.set_index(pd.date_range("2026-01-01", periods=7, freq="2s"))
    assert clock(as_dataset(dated))[0, :3].tolist() == [0.0, 2.0, 4.0]


def test_a_long_table_is_what_load_reads():
    ds = from_arrays({"x": SERIES[None], "y": SERIES[None] + 1}, position=["x", "y"], entity=list("abc"))
    long = to_frame(ds)
    assert fingerprint(as_dataset(long)) == fingerprint(ds)
    assert fingerprint(as_dataset(long.set_index(["sequence", "time", "entity"]))) == fingerprint(ds)


def test_labelled_arrays():
    array = xr.DataArray(SERIES.T, dims=("entity", "time"), coords={"entity": list("abc")}, name="bold")
    ds = as_dataset(array)
    np.testing.assert_array_equal(ds["bold"].to_numpy()[0], SERIES)
    both = xr.concat([array, -array], dim="feature").assign_coords(feature=["up", "down"])
    np.testing.assert_array_equal(as_dataset(both)["down"].to_numpy()[0], -SERIES)
    np.testing.assert_array_equal(as_dataset(both.drop_vars("feature"))["value1"].to_numpy()[0], -SERIES)


def test_a_data_set_passes_the_gate():
    ds = from_arrays({"x": SERIES[None]})
    assert fingerprint(as_dataset(ds)) == fingerprint(ds)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (SERIES[0], r"an array of shape \(3,\)"),
        ("tracks.csv", "a str is not trajectories"),
        ([SERIES, SERIES[:, :2]], "recordings of 2, 3 entities"),
        (pd.DataFrame({"t": [0, 1], "heron": [1.0, 2.0]}), "column of times, 't'"),
        (pd.DataFrame({"id": [0, 1], "x": [1.0, 2.0]}), "column of entities, 'id'"),
        (pd.DataFrame({"heron": [0.0, 1.0], "site": ["a", "b"]}), "hold no numbers: site"),
        (xr.DataArray(SERIES, dims=("time", "region")), r"the dimensions \(time, region\)"),
    ],
)
def test_what_is_not_clear_is_refused(data, says):
    with pytest.raises(DataError, match=says):
        as_dataset(data)


def test_recordings_of_other_entities_are_refused():
    one = pd.DataFrame(SERIES, columns=list("abc"))
    with pytest.raises(DataError, match="in another order"):
        as_dataset([one, one[["b", "a", "c"]]])
