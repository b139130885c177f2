"""The gate: what it puts right, what it refuses, and how it says so."""

import json

import numpy as np
import pytest
import xarray as xr

from edgewise.data import clock, features, fingerprint, from_arrays, positions, summary, validate, velocities
from edgewise.errors import DataError

DIMS = ("sequence", "time", "entity")


def arrays(**extra: np.ndarray) -> dict[str, np.ndarray]:
    return {"x": np.arange(12.0).reshape(2, 3, 2), "vx": np.ones((2, 3, 2)), **extra}


def small(**kwargs: object) -> xr.Dataset:
    return from_arrays(arrays(), position=["x"], velocity=["vx"], **kwargs)


def found(ds: object) -> str:
    with pytest.raises(DataError) as caught:
        validate(ds)
    return caught.value.found


def test_validating_twice_changes_nothing_more():
    ds = small(edges=np.zeros((2, 2, 2), int))
    xr.testing.assert_identical(validate(ds), ds)


def test_validate_leaves_its_argument_alone():
    raw = xr.Dataset({"x": (DIMS, np.arange(8).reshape(2, 2, 2))}, attrs={"position": "x"})
    before = raw.copy(deep=True)
    validate(raw)
    xr.testing.assert_identical(raw, before)


def test_matters_of_form_are_put_right():
    raw = xr.Dataset(
        {
            "x": (("entity", "time", "sequence"), np.arange(12).reshape(2, 3, 2)),
            "on": (DIMS, np.ones((2, 3, 2), bool)),
        },
        coords={"entity": [7, 8]},
        attrs={"position": "x", "velocity": np.array([])},  # as NetCDF gives lists back
    )
    ds = validate(raw)
    assert ds["x"].dims == DIMS
    assert (ds["x"].dtype, ds["on"].dtype) == (np.float64, np.float64)
    assert ds["x"][1, 2, 0] == 5
    assert ds["entity"].to_numpy().tolist() == ["7", "8"]
    assert ds["sequence"].to_numpy().tolist() == ["0", "1"]
    assert (positions(ds), velocities(ds)) == (["x"], [])


def test_dates_become_seconds_since_the_first():
    stamps = np.array(["2012-03-01T00:00", "2012-03-01T00:05", "2012-03-01T00:11"], dtype="datetime64[ns]")
    ds = small(time=stamps)
    assert clock(ds).tolist() == [[0, 300, 660]] * 2
    assert ds["time"].attrs["units"] == "seconds since 2012-03-01T00:00:00"
    assert clock(small(time=stamps - stamps[0])).tolist() == clock(ds).tolist()


def test_the_clock_is_the_same_in_both_forms():
    one = small(time=[0.0, 1.0, 4.0])
    other = one.assign_coords(clock=(("sequence", "time"), [[0, 1, 4], [0, 1, 4]]))
    assert clock(validate(other)).tolist() == clock(one).tolist() == [[0, 1, 4]] * 2
    assert validate(other)["time"].to_numpy().tolist() == [0, 1, 2]
    assert fingerprint(validate(other)) == fingerprint(one)


def test_what_is_not_a_data_set_is_refused():
    assert "ndarray is not a trajectory data set" in found(np.zeros((2, 2, 2)))


def test_a_missing_dimension_is_named():
    assert "no dimension sequence; it has time, entity" in found(
        xr.Dataset({"x": (DIMS[1:], np.zeros((3, 2)))})
    )


def test_a_variable_of_another_shape_is_named():
    ds = small().assign(mass=("entity", [1.0, 2.0]))
    assert "'mass' has the dimensions (entity)" in found(ds)
    assert features(validate(ds.set_coords("mass"))) == ["x", "vx"]


@pytest.mark.parametrize("name", ["m/s", " ", "roles"])
def test_a_name_that_no_file_could_hold_is_refused(name):
    assert f"'{name}' cannot be the name" in found(small().rename(x=name))


def test_no_feature_no_sequence_one_entity_one_frame():
    ds = small()
    assert "has no feature" in found(ds.drop_vars(["x", "vx"]).assign_coords(time=[0, 1, 2]))
    assert "has no sequence" in found(ds.isel(sequence=[]))
    assert "has one entity" in found(ds.isel(entity=[0]))
    assert "has one frame" in found(ds.isel(time=[0]))


def test_names_must_differ_and_not_be_blank():
    assert "entity name 'a' occurs 2 times" in found(small().assign_coords(entity=["a", " a"]))
    assert "sequence number 2 has no name" in found(small().assign_coords(sequence=["a", ""]))


def test_complex_numbers_are_not_features():
    assert "'x' is of type complex128" in found(small().assign(x=(DIMS, np.ones((2, 3, 2), complex))))


def test_time_must_increase_within_every_sequence():
    assert "sequence '0': time does not increase from frame 1 (3) to frame 2 (3)" in found(
        small().assign_coords(time=[0, 3, 3])
    )
    own = small().assign_coords(clock=(("sequence", "time"), [[0, 1, 2], [0, 5, 4]]), sequence=["a", "b"])
    assert "sequence 'b': time does not increase from frame 1 (5) to frame 2 (4)" in found(own)


def test_padding_belongs_behind_the_last_frame_and_holds_no_values():
    stamps = [[0, 1, 2], [0, np.nan, 4]]
    assert "sequence '1': the time stamp of frame 1 is nan" in found(
        small().assign_coords(clock=(("sequence", "time"), stamps))
    )
    stamps = [[0, 1, 2], [0, 4, np.nan]]
    assert "'x' has a value at sequence '1', time nan (frame 2), entity '0'" in found(
        small().assign_coords(clock=(("sequence", "time"), stamps))
    )


def test_the_first_infinite_value_is_placed():
    ds = small(time=[0.0, 0.5, 1.0], entity=["sun", "moon"])
    ds["vx"][1, 2, 1] = -np.inf
    assert found(ds) == "the feature 'vx' is -inf at sequence '1', time 1 (frame 2), entity 'moon'"


def test_roles_must_name_features_once_and_match():
    ds = small()
    assert "the position names 'X', which is not a feature; the features are x, vx" in found(
        ds.assign_attrs(position=["X"])
    )
    assert "the rate names a feature twice: x, x" in found(ds.assign_attrs(rate=["x", "x"]))
    assert "position has 2 features (x, vx) and the velocity 1 (vx)" in found(
        ds.assign_attrs(position=["x", "vx"])
    )


def test_truth_is_brought_to_integers_for_every_sequence():
    ds = small(edges=[[np.nan, 1.0], [np.nan, np.nan]])
    assert ds["edges"].dims == ("sequence", "receiver", "sender")
    assert ds["edges"].dtype == np.int64
    assert ds["edges"].to_numpy().tolist() == [[[-1, 1], [-1, -1]]] * 2


def test_truth_with_coordinates_is_put_in_the_order_of_the_entities():
    ds = small(entity=["a", "b"])
    ds["edges"] = xr.DataArray(
        [[[0, 5], [7, 0]]] * 2,  # b receives 5 from a, a receives 7 from b
        dims=("sequence", "receiver", "sender"),
        coords={"receiver": ["b", "a"], "sender": ["b", "a"]},
    )
    assert validate(ds)["edges"].to_numpy()[0].tolist() == [[0, 7], [5, 0]]
    assert "receivers of the truth 'edges' are b, c" in found(ds.assign_coords(receiver=["b", "c"]))


def test_truth_of_another_shape_or_kind_is_refused():
    ds = small(entity=["a", "b"])
    assert "'edges' has the dimensions (receiver)" in found(ds.assign(edges=("receiver", [0, 1])))
    assert "3 receivers and the data set 2 entities" in found(
        ds.assign(edges=(("sequence", "receiver", "sender"), np.zeros((2, 3, 3), int)))
    )
    half = np.zeros((2, 2, 2))
    half[1, 0, 1] = 0.5
    assert "'edges' is 0.5 at sequence '1', receiver 'a', sender 'b'" in found(
        ds.assign(edges=(("sequence", "receiver", "sender"), half))
    )
    assert "'edges' is -2" in found(
        ds.assign(edges=(("sequence", "receiver", "sender"), half.astype(int) - 2))
    )


def test_the_diagonal_of_the_truth_means_nothing():
    one, other = (np.full((2, 2, 2), fill) for fill in (1, 1))
    other[:, [0, 1], [0, 1]] = -7
    assert fingerprint(small(edges=one)) == fingerprint(small(edges=other))


def test_shapes_that_do_not_fit_are_told():
    with pytest.raises(DataError, match=r"x \(2, 3, 2\), vx \(2, 3, 2\), m \(2, 3\)"):
        from_arrays(arrays(m=np.zeros((2, 3))))
    with pytest.raises(DataError, match=r"'time' has the shape \(4,\)"):
        small(time=range(4))
    with pytest.raises(DataError, match=r"'entity' has the shape \(3,\)"):
        small(entity=["a", "b", "c"])
    with pytest.raises(DataError, match=r"'edges' has the shape \(3, 3\)"):
        small(edges=np.zeros((3, 3)))
    with pytest.raises(DataError, match="unit is given for 'y'"):
        small(units={"y": "m"})


def test_the_summary_counts_what_is_there():
    x = np.arange(12.0).reshape(2, 3, 2)
    x[0, 0, 0] = np.nan
    x[1, 2] = np.nan  # padding
    ds = from_arrays({"x": x}, position="x", time=[[0, 2, 4], [1, 3, np.nan]])
    expected = {
        "n_sequences": 2,
        "n_frames": 3,
        "n_entities": 2,
        "features": ["x"],
        "position": ["x"],
        "velocity": [],
        "missing_fraction": 0.1,
        "regular": True,
        "dt": 2.0,
        "has_truth": False,
    }
    assert json.loads(json.dumps(summary(ds))) == expected
    assert summary(small(time=[0, 1, 3]))["regular"] is False


def test_the_fingerprint_sees_content_and_nothing_else():
    ds = small(edges=np.zeros((2, 2, 2), int))
    same = ds[["vx", "x", "edges"]]
    same["x"] = same["x"].astype(np.float32).assign_attrs(units="m")
    assert fingerprint(same) == fingerprint(ds)
    changed = [
        ds.assign(x=ds["x"] + 1e-12),
        ds.assign_coords(entity=["0", "2"]),
        ds.assign_coords(time=[0, 1, 3]),
        ds.assign_attrs(velocity=[]),
        ds.assign(edges=ds["edges"] + 1),
        ds.rename(x="y").assign_attrs(position=["y"]),
    ]
    prints = {fingerprint(validate(other)) for other in changed}
    assert len(prints) == len(changed)
    assert fingerprint(ds) not in prints


def test_zero_has_one_fingerprint():
    zeros = np.zeros((1, 2, 2))
    assert fingerprint(from_arrays({"x": zeros})) == fingerprint(from_arrays({"x": -zeros}))
