"""Bridging short gaps."""

import numpy as np

from edgewise.inference.gaps import fill_gaps


def test_short_gaps_are_bridged_by_straight_lines():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(3, 40, 4, 2))
    values[rng.random(values.shape) < 0.2] = np.nan
    values[:, [0, -1]] = 1.0
    filled = fill_gaps(values, 40)
    frames = np.arange(40)
    for sequence in range(3):
        for entity in range(4):
            for k in range(2):
                series = values[sequence, :, entity, k]
                known = np.isfinite(series)
                expected = np.interp(frames, frames[known], series[known])
                np.testing.assert_allclose(filled[sequence, :, entity, k], expected, rtol=1e-13, atol=1e-13)


def test_long_gaps_and_ends_stay_open():
    nan = np.nan
    series = np.array([nan, 1.0, nan, nan, 4.0, nan, nan, nan, 8.0, nan, 10.0, nan])
    filled = fill_gaps(series.reshape(1, -1, 1), 2)[0, :, 0]
    np.testing.assert_array_equal(filled, [nan, 1, 2, 3, 4, nan, nan, nan, 8, 9, 10, nan])


def test_nothing_is_bridged_where_none_is_allowed():
    values = np.array([0.0, np.nan, 2.0]).reshape(1, 3, 1)
    assert np.isnan(fill_gaps(values, 0)[0, 1, 0])
    whole = np.arange(3.0).reshape(1, 3, 1)
    assert fill_gaps(whole, 3) is whole


def test_a_series_never_seen_stays_so():
    values = np.full((1, 5, 1), np.nan)
    assert np.isnan(fill_gaps(values, 10)).all()


def test_sequences_do_not_lend_each_other_values():
    values = np.array([[1.0, np.nan], [np.nan, 5.0]])[..., None]
    np.testing.assert_array_equal(fill_gaps(values, 5), values)
