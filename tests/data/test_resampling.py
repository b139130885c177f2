"""Other clocks: even ones by interpolation, coarser ones by rounding."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewise.data import clock, fingerprint, from_arrays, from_frame, load, resample, round_time
from edgewise.errors import ConfigError, DataError


def table(rows) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["t", "id", "u"])


def drifting() -> pd.DataFrame:
    """Entity a stamped at 0, 0.1, 0.2, ..., b at 0.003, 0.104, 0.206, ...; values are the true times."""
    a = [(0.1 * k, "a", 0.1 * k) for k in range(20)]
    b = [(0.1 * k + 0.003 + 0.001 * k, "b", 0.1 * k + 0.003 + 0.001 * k) for k in range(20)]
    return table([*a, *b])


def test_rounding_brings_drifting_clocks_together():
    ds = from_frame(drifting())
    assert ds.sizes["time"] == 40
    rounded = round_time(ds, 0.1)
    assert rounded["time"].to_numpy().tolist() == [round(0.1 * k, 1) for k in range(20)]
    assert not np.isnan(rounded["u"].to_numpy()).any()
    np.testing.assert_array_equal(
        rounded["u"][0, :, 1], ds["u"].sel(entity="b").dropna("time")[0]
    )  # unchanged
    assert fingerprint(load(drifting(), round_time=0.1)) == fingerprint(rounded)


def test_rounding_an_even_clock_changes_nothing():
    ds = from_arrays({"u": np.arange(24.0).reshape(2, 4, 3)}, time=np.arange(4) / 10 + 7)
    assert fingerprint(round_time(ds, 0.1)) == fingerprint(ds)


def test_rounding_that_would_lose_a_value_is_refused():
    with pytest.raises(DataError) as caught:
        round_time(from_frame(drifting()), 0.3)
    assert caught.value.found == (
        "round_time=0.3 joins t = 0 and t = 0.1 of sequence '0', at both of which 'u' of entity 'a' was observed"
    )
    assert "such as 0.1" in str(caught.value.fix)
    with pytest.raises(ConfigError, match="round_time=0"):
        round_time(from_frame(drifting()), 0)
    with pytest.raises(ConfigError, match="leaves one frame"):
        round_time(from_frame(drifting()), 1e3)


def test_rounding_keeps_sequences_units_and_moving_truth():
    stamps = np.array([[0.0, 1.01, 2.0, 3.0], [5.0, 5.02, 6.0, np.nan]])
    values = np.ones((2, 4, 2))
    values[1, 3] = values[1, 0, 1] = values[1, 1, 0] = np.nan
    edges = np.zeros((2, 4, 2, 2), dtype=int)
    edges[0, 2:] = 1
    edges[1, 1] = 1
    ds = from_arrays({"u": values}, time=stamps, edges=edges, units={"u": "m", "time": "s"})
    out = round_time(ds, 1.0)
    np.testing.assert_array_equal(clock(out), [[0, 1, 2, 3], [5, 6, np.nan, np.nan]])
    assert out["edges"].to_numpy()[:, :, 1, 0].tolist() == [[0, 0, 1, 1], [0, 0, -1, -1]]
    assert (out["u"].attrs["units"], out["clock"].attrs["units"]) == ("m", "s")


def test_straight_lines_are_interpolated_exactly():
    rng = np.random.default_rng(0)
    stamps = np.sort(rng.uniform(0, 3, size=60))
    values = (2 * stamps[:, None] + np.arange(3.0))[None]
    out = resample(from_arrays({"u": values}, time=stamps), 0.05, fill_gaps=9)
    even = clock(out)[0]
    np.testing.assert_allclose(np.diff(even), 0.05)
    assert even[0] == pytest.approx(stamps[0])
    np.testing.assert_allclose(out["u"][0], 2 * even[:, None] + np.arange(3.0))


def test_each_entity_is_interpolated_between_its_own_frames():
    out = resample(from_frame(drifting()), 0.1)
    known = out["u"].to_numpy()[0]
    assert np.isnan(known[0, 1])  # b began later
    np.testing.assert_allclose(known[1:, 1], out["time"].to_numpy()[1:])
    np.testing.assert_allclose(known[:20, 0], 0.1 * np.arange(20))


@pytest.mark.parametrize(("fill_gaps", "filled"), [(0, []), (1, [3]), (2, [3, 6, 7])])
def test_only_gaps_up_to_the_length_that_was_asked_for_are_filled(fill_gaps, filled):
    values = np.arange(10.0)[None, :, None].repeat(2, axis=2)
    values[0, [3, 6, 7], 0] = np.nan
    out = resample(from_arrays({"u": values}), 1, fill_gaps=fill_gaps)["u"].to_numpy()[0]
    lost = [k for k in (3, 6, 7) if k not in filled]
    assert np.flatnonzero(np.isnan(out[:, 0])).tolist() == lost
    np.testing.assert_array_equal(out[filled, 0], filled)
    np.testing.assert_array_equal(out[:, 1], np.arange(10.0))


def test_stamps_that_jitter_are_no_gaps():
    stamps = np.arange(50) + np.random.default_rng(0).uniform(-0.2, 0.2, size=50)
    ds = from_arrays({"u": np.sin(stamps)[None, :, None].repeat(2, axis=2)}, time=stamps)
    assert not np.isnan(resample(ds, 0.25)["u"].to_numpy()).any()


def test_nothing_is_made_up_before_the_first_and_after_the_last_observation():
    values = np.arange(8.0)[None, :, None].repeat(2, axis=2)
    values[0, :2, 0] = values[0, 6:, 0] = np.nan
    out = resample(from_arrays({"u": values}), 0.5, fill_gaps=5)["u"].to_numpy()[0, :, 0]
    np.testing.assert_array_equal(out[4:11], np.arange(2, 5.5, 0.5))
    assert np.isnan(out[[*range(4), *range(11, 15)]]).all()


def test_sequences_keep_their_own_length_and_moving_truth_is_that_of_the_frame_before():
    stamps = np.array([[0.0, 1, 2, 3], [10, 11, np.nan, np.nan]])
    values = np.where(np.isnan(stamps), np.nan, stamps)[..., None].repeat(2, axis=2)
    edges = np.zeros((2, 4, 2, 2), dtype=int)
    edges[0, 2:] = 1
    out = resample(from_arrays({"u": values}, time=stamps, edges=edges), 0.5)
    np.testing.assert_array_equal(clock(out)[1], [10, 10.5, 11, *[np.nan] * 4])
    assert out["edges"].to_numpy()[0, :, 1, 0].tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert out["edges"].to_numpy()[1, :, 1, 0].tolist() == [0, 0, 0, -1, -1, -1, -1]


@settings(deadline=None, max_examples=40)
@given(
    start=st.floats(-1e6, 1e6),
    step=st.sampled_from([0.1, 1 / 30, 0.25, 7.0, 1e-3]),
    n=st.integers(6, 40),
)
def test_an_even_clock_resampled_to_its_own_step_is_itself(start, step, n):
    stamps = start + step * np.arange(n)
    values = np.random.default_rng(n).normal(size=(1, n, 2))
    values[0, 1, 0] = np.nan
    out = resample(from_arrays({"u": values}, time=stamps), step)
    assert out.sizes["time"] == n
    np.testing.assert_allclose(out["u"], values, atol=1e-4)


def test_steps_and_gaps_that_make_no_sense_are_refused():
    ds = from_arrays({"u": np.arange(8.0).reshape(1, 4, 2)})
    with pytest.raises(ConfigError, match="step=-1"):
        resample(ds, -1)
    with pytest.raises(ConfigError, match="step=4, but the longest sequence lasts 3"):
        resample(ds, 4)
    with pytest.raises(ConfigError, match="fill_gaps=-1"):
        resample(ds, 1, fill_gaps=-1)
