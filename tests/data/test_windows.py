"""Fewer frames and other sequences."""

import numpy as np
import pytest

from edgewise.data import clock, from_arrays, select_frames, split_sequences, thin, window
from edgewise.errors import ConfigError


@pytest.fixture
def ds():
    x = np.arange(2 * 7 * 2.0).reshape(2, 7, 2)
    x[1, 5:] = np.nan
    stamps = np.array([[0, 1, 2, 3, 4, 5, 9.0], [0, 10, 20, 30, 40, np.nan, np.nan]])
    edges = np.arange(2 * 7 * 2 * 2).reshape(2, 7, 2, 2)
    return from_arrays(
        {"x": x}, position="x", time=stamps, sequence=["a", "b"], edges=edges, units={"time": "s"}
    )


def test_thinning_keeps_every_kth_frame_and_its_stamp(ds):
    out = thin(ds, 3)
    np.testing.assert_array_equal(clock(out), [[0, 3, 9], [0, 30, np.nan]])
    np.testing.assert_array_equal(out["x"], ds["x"][:, ::3])
    np.testing.assert_array_equal(out["edges"], ds["edges"][:, ::3])
    assert out["time"].to_numpy().tolist() == [0, 1, 2]


def test_selecting_frames_drops_sequences_that_have_ended(ds):
    out = select_frames(ds, 5, 7)
    assert out["sequence"].to_numpy().tolist() == ["a"]
    assert clock(out).tolist() == [[5, 9]]
    assert select_frames(ds, 2).sizes["time"] == 5


def test_windows_become_sequences_with_their_own_stamps_and_truth(ds):
    out = window(ds, 3, 2)
    assert out["sequence"].to_numpy().tolist() == ["a/0", "a/1", "a/2", "b/0", "b/1"]
    assert clock(out).tolist() == [[0, 1, 2], [2, 3, 4], [4, 5, 9], [0, 10, 20], [20, 30, 40]]
    np.testing.assert_array_equal(out["x"][2], ds["x"][0, 4:7])
    np.testing.assert_array_equal(out["edges"][4], ds["edges"][1, 2:5])
    assert out["clock"].attrs["units"] == "s"
    assert out.attrs["position"] == ["x"]


def test_windows_do_not_overlap_unless_asked_and_repeat_a_still_truth(ds):
    still = ds.assign(edges=ds["edges"].isel(time=0, drop=True))
    out = window(still, 2)
    assert out["sequence"].to_numpy().tolist() == ["a/0", "a/1", "a/2", "b/0", "b/1"]
    np.testing.assert_array_equal(out["edges"][3], still["edges"][1])


def test_windows_of_one_time_axis_and_windows_without_observations():
    x = np.ones((1, 6, 2))
    x[0, 2:4] = np.nan
    out = window(from_arrays({"x": x}, time=[0, 1, 2, 3, 4, 8]), 2)
    assert out["sequence"].to_numpy().tolist() == ["0/0", "0/2"]
    assert clock(out).tolist() == [[0, 1], [4, 8]]


def test_cuts_that_leave_nothing_are_refused(ds):
    for wrong, message in [
        (lambda: thin(ds, 0), "every=0"),
        (lambda: thin(ds, 7), "every=7 leaves 1 of 7 frames"),
        (lambda: select_frames(ds, 3, 4), "frames 3:4 leaves 1 of 7 frames"),
        (lambda: window(ds, 8), "length=8, but the longest sequence has 7 frames"),
        (lambda: window(ds, 1), "length=1"),
        (lambda: window(ds, 2, 0), "stride=0"),
    ]:
        with pytest.raises(ConfigError, match=message):
            wrong()


def many():
    return from_arrays({"x": np.arange(10.0)[:, None, None] * np.ones((10, 2, 2))})


def names(parts):
    return [part["sequence"].to_numpy().tolist() for part in parts]


@pytest.mark.parametrize(
    ("parts", "sizes"), [([0.7, 0.2, 0.1], [7, 2, 1]), ([3, 4], [3, 4]), ([0.33, 0.67], [3, 7])]
)
def test_a_split_deals_every_sequence_once(parts, sizes):
    dealt = names(split_sequences(many(), parts, seed=0))
    assert [len(own) for own in dealt] == sizes
    flat = [name for own in dealt for name in own]
    assert len(set(flat)) == len(flat) == sum(sizes)
    assert all(own == sorted(own) for own in dealt)


def test_the_seed_decides_the_split():
    assert names(split_sequences(many(), [5, 5], 1)) == names(split_sequences(many(), [5, 5], 1))
    assert names(split_sequences(many(), [5, 5], 1)) != names(split_sequences(many(), [5, 5], 2))


@pytest.mark.parametrize("parts", [[0.9, 0.2], [11], [0.99, 0.01], [5, 0], [-0.5, 0.5], []])
def test_splits_that_do_not_work_out_are_refused(parts):
    with pytest.raises(ConfigError, match="parts"):
        split_sequences(many(), parts, seed=0)
