"""Velocities from positions, and where anything was observed."""

import numpy as np
import pytest

from edgewise.data import from_arrays, observed, with_velocity
from edgewise.errors import DataError


def test_constant_acceleration_is_differentiated_exactly_on_an_irregular_clock():
    stamps = np.array([[0.0, 0.5, 2.0, 2.25, 4.0], [0, 1, 2, 3, np.nan]])
    t = stamps[..., None] * np.ones(2)
    ds = from_arrays({"x": t**2, "y": 3 - t}, position="x,y", time=stamps, units={"x": "m", "time": "s"})
    out = with_velocity(ds)
    assert out.attrs["velocity"] == ["vx", "vy"]
    np.testing.assert_allclose(out["vx"][0, 1:-1], 2 * t[0, 1:-1], rtol=1e-12)
    np.testing.assert_allclose(out["vy"][1, 1:3], -1, rtol=1e-12)
    assert np.isnan(out["vx"].to_numpy()[:, [0, -1]]).all()
    assert np.isnan(out["vx"].to_numpy()[1, 3]).all()
    assert out["vx"].attrs["units"] == "m/s"
    assert "vx" not in ds


def test_a_gap_leaves_a_gap_only_around_itself():
    x = np.arange(6.0)[None, :, None] * np.ones(2)
    x[0, 3, 0] = np.nan
    speed = with_velocity(from_arrays({"x": x}, position="x"))["vx"].to_numpy()[0]
    np.testing.assert_array_equal(np.isnan(speed[:, 0]), [True, False, True, True, True, True])
    np.testing.assert_array_equal(np.isnan(speed[:, 1]), [True, False, False, False, False, True])


def test_what_is_there_is_not_replaced():
    x = np.ones((1, 4, 2))
    for ds, message in [
        (from_arrays({"x": x}), "no position"),
        (from_arrays({"x": x, "u": x}, position="x", velocity="u"), "already: u"),
        (from_arrays({"x": x, "vx": x}, position="x"), "already: vx"),
    ]:
        with pytest.raises(DataError, match=message):
            with_velocity(ds)


def test_observed_means_every_feature():
    x, y = np.ones((2, 1, 3, 2))
    x[0, 1, 0] = np.nan
    y[0, 2, 1] = np.nan
    seen = observed(from_arrays({"x": x, "y": y}))
    assert seen.dims == ("sequence", "time", "entity")
    assert seen.to_numpy().tolist() == [[[True, True], [False, True], [True, False]]]
