"""What peers are given to read, and how what they say of columns becomes a score of entities."""

import numpy as np
import pytest

from edgewise.data import from_arrays
from edgewise.inference.peers.recordings import groups

RNG = np.random.default_rng(0)


def two_features(sequences=3, frames=12, n=4):
    return from_arrays(
        {"a": RNG.normal(size=(sequences, frames, n)), "b": RNG.normal(size=(sequences, frames, n))}
    )


def test_a_recording_is_a_matrix_of_standardised_columns_entity_by_entity():
    ds = two_features()
    found = groups(ds, "per-sequence", "levels")
    assert len(found) == 3
    (recording,) = found[1].recordings
    raw = np.stack([ds["a"], ds["b"]], -1)[1].reshape(12, 8)
    np.testing.assert_allclose(recording, (raw - raw.mean(0)) / raw.std(0), atol=1e-12)
    assert found[1].entity.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


def test_a_shared_graph_has_all_recordings():
    (group,) = groups(two_features(), "shared", "levels")
    assert [recording.shape for recording in group.recordings] == [(12, 8)] * 3
    assert group.joined.shape == (36, 8)


def test_increments_are_the_differences_of_frames():
    ds = two_features()
    levels = groups(ds, "per-sequence", "levels")[0].joined
    steps = np.diff(levels, axis=0)
    found = groups(ds, "per-sequence", "increments")[0].joined
    np.testing.assert_allclose(found, (steps - steps.mean(0)) / steps.std(0), atol=1e-12)


def test_what_never_changes_is_left_out():
    ds = two_features()
    ds["a"][:, :, 2] = 7.0
    ds["b"][:, :, 2] = 7.0
    ds["a"][:, :, 0] = 3.0
    group = groups(ds, "per-sequence", "levels")[0]
    assert group.entity.tolist() == [0, 1, 1, 3, 3]
    score = group.pairs(np.ones((5, 5)))
    assert (score[2] == 0).all()
    assert (score[:, 2] == 0).all()
    assert score[0, 1] == 1


def test_gaps_are_bridged_and_frames_without_anything_left_out():
    ds = two_features()
    ds["a"][0, 5, 1] = np.nan
    for name in ("a", "b"):
        ds[name][0, 9:] = np.nan
    recording = groups(ds, "per-sequence", "levels")[0].joined
    assert recording.shape == (9, 8)
    assert np.isfinite(recording).all()


def test_the_strongest_pair_of_columns_counts():
    group = groups(two_features(), "shared", "levels")[0]
    score = RNG.normal(size=(8, 8))
    wanted = np.zeros((4, 4))
    for receiver in range(4):
        for sender in range(4):
            if receiver != sender:
                block = score[2 * receiver : 2 * receiver + 2, 2 * sender : 2 * sender + 2]
                wanted[receiver, sender] = np.abs(block).max()
    np.testing.assert_array_equal(group.pairs(score), wanted)


@pytest.mark.parametrize("series", ["levels", "increments"])
def test_nothing_that_moves_gives_no_columns(series):
    still = from_arrays({"a": np.ones((1, 6, 3))})
    (group,) = groups(still, "per-sequence", series)
    assert group.entity.size == 0
    assert (group.pairs(np.zeros((0, 0))) == 0).all()
