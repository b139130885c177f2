"""The tensors a law is fitted on: each transition once, and only what is known."""

import numpy as np
import pytest
import torch

from edgewise.data import from_arrays
from edgewise.inference.encoding import fit_encoding, read_tracks
from edgewise.inference.observations import STRETCH, candidate_slots, observe


def walks(rng, sequences=2, frames=30, n=4, **values):
    """Independent random walks of two features; no positions."""
    a, b = rng.normal(size=(2, sequences, frames, n)).cumsum(2)
    return from_arrays({"a": a, "b": b} | values)


def bodies(rng, sequences=2, frames=20, n=5):
    v = rng.normal(size=(2, sequences, frames, n)).cumsum(2)
    x = np.concatenate([np.zeros((2, sequences, 1, n)), (v[:, :, 1:] + v[:, :, :-1]).cumsum(2) / 2], 2)
    x += 20 * rng.normal(size=(2, sequences, 1, n))
    return from_arrays(
        {"x": x[0], "y": x[1], "vx": v[0], "vy": v[1]}, position=["x", "y"], velocity=["vx", "vy"]
    )


def without(ds, *places):
    """Every feature lost at the given (sequence, frames, entity)."""
    changed = {}
    for name in ds.data_vars:
        values = ds[name].to_numpy().copy()
        for place in places:
            values[place] = np.nan
        changed[name] = (ds[name].dims, values)
    return ds.assign(changed)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def observed(ds, *, lags=0, bridge=3, **choices):
    return observe(ds, fit_encoding(ds, lags=lags, bridge=bridge), **choices)


def test_state_and_increment_of_every_transition(rng):
    ds = bodies(rng)
    encoding = fit_encoding(ds, lags=0, bridge=3)
    data = observe(ds, encoding)
    assert len(data) == 2
    assert data.n_entities == 5
    assert data.position.shape == (2, 19, 5, 2)
    x, v = ds["y"].to_numpy(), ds["vy"].to_numpy()
    expected = (x[:, :-1] - encoding.center[1]) / encoding.length
    np.testing.assert_allclose(data.position[..., 1], expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(data.velocity[..., 1], v[:, :-1] / encoding.speed, rtol=1e-5)
    np.testing.assert_allclose(
        data.target[..., 1], np.diff(v, axis=1) / encoding.target_scale[1], rtol=1e-4, atol=1e-6
    )
    assert (data.weight == 1).all()
    assert (data.present == 1).all()


def test_a_value_beyond_bridging_drops_the_frames_that_it_would_enter(rng):
    """Its own increments, and those of the others at the frames where its effect on them is not known."""
    ds = without(walks(rng), (0, slice(10, 12), 1))
    data = observed(ds, bridge=0)
    lost = data.weight[0, :, :, 0] == 0
    assert lost[:, 1].nonzero()[:, 0].tolist() == [9, 10, 11]
    for other in (0, 2, 3):
        assert lost[:, other].nonzero()[:, 0].tolist() == [10, 11]
    assert (data.weight[1] == 1).all()
    assert (data.target[0][lost] == 0).all()


def test_a_bridged_value_drops_only_the_increments_it_touches(rng):
    ds = walks(rng)
    values = ds["a"].to_numpy().copy()
    values[0, 10, 1] = np.nan
    data = observed(ds.assign(a=(ds["a"].dims, values)))
    expected = torch.ones_like(data.weight)
    expected[0, [9, 10], 1, 0] = 0
    assert torch.equal(data.weight, expected)


def test_a_missing_position_drops_three_derived_increments(rng):
    ds = bodies(rng).drop_vars(["vx", "vy"])
    ds.attrs["velocity"] = []
    x = ds["x"].to_numpy().copy()
    x[0, 10, 1] = np.nan
    data = observed(ds.assign(x=(ds["x"].dims, x)))
    lost = (data.weight[0, :, 1, 0] == 0).nonzero()[:, 0] + 1  # the first transition starts at frame 1
    assert lost.tolist() == [9, 10, 11]
    assert (data.weight[0, :, 1, 1] == 1).all()
    assert data.weight.sum() == data.weight.numel() - 3


def test_an_absent_entity_is_no_sender_and_no_receiver_and_disturbs_nobody(rng):
    whole = walks(rng)
    ds = without(whole, (0, slice(0, 8), 1), (0, slice(20, None), 1), (1, slice(None), 3))
    encoding = fit_encoding(whole, lags=0, bridge=3)
    data, before = observe(ds, encoding), observe(whole, encoding)
    assert data.present[0, :, 1].nonzero()[:, 0].tolist() == list(range(8, 20))
    assert (data.present[1, :, 3] == 0).all()
    assert data.weight[0, :, 1, 0].nonzero()[:, 0].tolist() == list(range(8, 19))
    assert (data.weight[1, :, 3] == 0).all()
    others = [0, 2, 3]
    assert torch.equal(data.weight[0][:, others], before.weight[0][:, others])
    assert torch.equal(data.target[0][:, others], before.target[0][:, others])
    assert data.target.isfinite().all()
    assert data.context.isfinite().all()


def test_lags_of_an_entity_that_has_just_come_are_not_known(rng):
    ds = without(walks(rng), (0, slice(0, 8), 1))
    data = observed(ds, lags=2)
    own = data.weight[0, :, 1, 0].nonzero()[:, 0] + 2  # transitions start at frame 2
    assert own.tolist() == list(range(10, 29))
    other = (data.weight[0, :, 0, 0] == 0).nonzero()[:, 0] + 2
    assert other.tolist() == [8, 9]  # it is there, but its state is not known


@pytest.mark.parametrize("frames", [2, 30, 97, 98, 200])
def test_stretches_of_a_recording_cover_every_transition_once(rng, frames):
    ds = walks(rng, sequences=3, frames=frames)
    encoding = fit_encoding(ds, lags=0, bridge=3)
    data = observe(ds, encoding)
    length = data.target.shape[1]
    assert length == frames - 1 if frames - 1 <= 1.5 * STRETCH else length == STRETCH
    increments = read_tracks(ds, encoding).increments / np.asarray(encoding.target_scale)
    for sequence in range(3):
        own = (data.sequence == sequence).nonzero()[:, 0]
        assert data.start[own].tolist() == [k * length for k in range(len(own))]
        target = data.target[own].flatten(0, 1)
        weight = data.weight[own].flatten(0, 1)
        np.testing.assert_allclose(target[: frames - 1], increments[sequence], rtol=1e-5, atol=1e-6)
        assert (weight[: frames - 1] == 1).all()
        assert (weight[frames - 1 :] == 0).all()
        assert (data.present[own].flatten(0, 1)[frames - 1 :] == 0).all()


@pytest.mark.parametrize("frames", [25, 130])
def test_stretches_hold_whole_windows(rng, frames):
    data = observed(walks(rng, frames=frames), window=10)
    assert data.target.shape[1] % 10 == 0
    assert data.weight[..., 0].sum() == 2 * (frames - 1) * 4


def test_a_part_of_the_observations_is_taken_by_stretch(rng):
    data = observed(walks(rng, sequences=4))
    part = data[torch.tensor([2, 0])]
    assert part.sequence.tolist() == [2, 0]
    assert torch.equal(part.target, data.target[[2, 0]])
    assert torch.equal(part.slots, data.slots[[2, 0]])


def test_everybody_is_a_candidate_unless_neighbours_are_asked_for(rng):
    data = observed(bodies(rng))
    assert data.slots.shape == (2, 5, 4)
    assert data.slots[1].tolist() == [[j for j in range(5) if j != i] for i in range(5)]
    assert torch.equal(observed(bodies(rng), neighbours=4).slots, data.slots)


def test_candidates_are_the_nearest_on_average_over_time(rng):
    ds = without(bodies(rng, n=6), (0, slice(3, 9), 2))
    tracks = read_tracks(ds, fit_encoding(ds, lags=0, bridge=0))
    slots = candidate_slots(tracks, 2, shared=False)
    where = np.stack([ds["x"], ds["y"]], -1)
    pair = np.linalg.norm(where[:, :, :, None] - where[:, :, None], axis=-1)
    mean = np.nanmean(pair, axis=1)
    for sequence in range(2):
        for me in range(6):
            others = sorted((j for j in range(6) if j != me), key=lambda j: mean[sequence, me, j])
            assert slots[sequence, me].tolist() == sorted(others[:2])
    both = candidate_slots(tracks, 2, shared=True)
    assert torch.equal(both[0], both[1])
    for me in range(6):
        others = sorted((j for j in range(6) if j != me), key=lambda j: mean.mean(0)[me, j])
        assert both[0, me].tolist() == sorted(others[:2])


def test_an_unknown_entity_outside_the_candidates_disturbs_nobody(rng):
    """Only the effect of a candidate has to be known."""
    ds = bodies(rng, sequences=1, n=6)
    encoding = fit_encoding(ds, lags=0, bridge=0)
    lost = without(ds, (0, slice(5, 8), 2))
    data = observe(lost, encoding, neighbours=2)
    for me in range(6):
        dropped = (data.weight[0, :, me, 0] == 0).any()
        assert dropped == (me == 2 or 2 in data.slots[0, me].tolist())
