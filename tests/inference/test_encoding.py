"""What is state, what is explained, and in which units: read off the data, never off the truth."""

import dataclasses
import json

import numpy as np
import pytest

from edgewise.data import from_arrays
from edgewise.errors import DataError
from edgewise.inference.encoding import Encoding, fit_encoding, node_context, read_tracks


def moving(rng, sequences=3, frames=30, n=4, dt=0.1, stamps=None, **more):
    """Smooth random motion with its exact velocity; more features by name."""
    time = np.arange(frames) * dt if stamps is None else np.asarray(stamps)
    size = (sequences, 1, n)
    amplitude, phase, rate = rng.normal(size=(2, *size)), rng.normal(size=(2, *size)), 0.5 + rng.random(size)
    t = time[None, :, None]
    x, y = amplitude * np.sin(rate * t + phase)
    vx, vy = amplitude * rate * np.cos(rate * t + phase)
    return from_arrays(
        {"x": x, "y": y, "vx": vx, "vy": vy} | more,
        position=["x", "y"],
        velocity=["vx", "vy"],
        time=time,
    )


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def encode(ds, lags=0, bridge=3):
    return fit_encoding(ds, lags=lags, bridge=bridge)


def test_velocities_are_explained_and_positions_follow(rng):
    encoding = encode(moving(rng))
    assert encoding.position == ("x", "y")
    assert encoding.velocity == encoding.targets == ("vx", "vy")
    assert encoding.others == ()
    assert encoding.kinematic == 1.0
    assert encoding.step == pytest.approx(0.1)
    assert not encoding.irregular
    assert encoding.first_frame == 0


def test_frames_counted_instead_of_time_are_found_out(rng):
    ds = moving(rng)
    counted = ds.assign_coords(time=np.arange(ds.sizes["time"]))
    encoding = encode(counted)
    assert encoding.kinematic == pytest.approx(0.1, rel=2e-3)  # the trapezoid's error: (rate dt)^2 / 12
    assert encoding.step == 1.0


def test_a_velocity_that_is_not_the_motions_is_another_feature(rng):
    ds = moving(rng)
    for name in ("vx", "vy"):
        ds[name] = (ds[name].dims, rng.normal(size=ds[name].shape))
    encoding = encode(ds)
    assert encoding.kinematic == 0.0
    assert encoding.velocity == ()
    assert encoding.others == ("vx", "vy")
    assert encoding.targets == ("dx/dt", "dy/dt", "vx", "vy")


def test_velocities_that_are_not_given_are_derived(rng):
    ds = moving(rng).drop_vars(["vx", "vy"])
    ds.attrs["velocity"] = []
    encoding = encode(ds)
    assert encoding.targets == ("dx/dt", "dy/dt")
    assert encoding.first_frame == 1
    tracks = read_tracks(ds, encoding)
    x = ds["x"].to_numpy()
    v = np.diff(x, axis=1) / 0.1
    np.testing.assert_allclose(tracks.velocity[:, 1:, :, 0], v, rtol=1e-12)
    assert np.isnan(tracks.velocity[:, 0]).all()
    np.testing.assert_allclose(tracks.increments[:, 1:, :, 0], np.diff(v, axis=1), rtol=1e-9, atol=1e-12)


def test_targets_without_positions_are_the_features(rng):
    ds = from_arrays({"a": rng.normal(size=(2, 20, 3)), "b": rng.normal(size=(2, 20, 3))})
    encoding = encode(ds)
    assert encoding.targets == ("a", "b")
    assert encoding.space_dim == 0
    assert (encoding.first_frame, encoding.context_dim) == (0, 2)


def test_a_feature_that_never_changes_is_state_but_no_target(rng):
    mass = np.broadcast_to(rng.random((3, 1, 4)), (3, 30, 4))
    heat = rng.normal(size=(3, 30, 4))
    encoding = encode(moving(rng, mass=mass, heat=heat))
    assert encoding.others == ("mass", "heat")
    assert encoding.moving == (False, True)
    assert encoding.targets == ("vx", "vy", "heat")
    assert encoding.context_dim == 2
    assert len(encoding.target_scale) == 3


def test_scales_are_robust_against_a_few_wild_increments(rng):
    steps = rng.normal(size=(4, 400, 5))
    calm = from_arrays({"a": steps.cumsum(1)})
    steps[rng.random(steps.shape) < 0.01] *= 1e4
    wild = from_arrays({"a": steps.cumsum(1)})
    (expected,), (found,) = encode(calm).target_scale, encode(wild).target_scale
    assert expected == pytest.approx(1.5 * np.median(np.abs(np.diff(calm["a"], axis=1))), rel=1e-12)
    assert found == pytest.approx(expected, rel=0.05)


def test_a_feature_that_rarely_moves_is_scaled_by_the_moves(rng):
    jumps = np.where(rng.random((2, 300, 3)) < 0.1, 2.0, 0.0)
    encoding = encode(from_arrays({"a": jumps.cumsum(1)}))
    increments = jumps[:, 1:]
    assert encoding.target_scale == (pytest.approx(np.sqrt((increments**2).mean())),)


def test_a_steady_sampling_of_other_units_changes_no_scaled_increment(rng):
    ds = moving(rng)
    for factor in (1e-3, 60.0):
        other = ds.assign_coords(time=ds["time"] * factor)
        for name in ("vx", "vy"):
            other[name] = (ds[name].dims, ds[name].to_numpy() / factor)
        left, right = encode(ds), encode(other)
        assert right.kinematic == 1.0
        np.testing.assert_allclose(
            read_tracks(ds, left).increments / left.target_scale,
            read_tracks(other, right).increments / right.target_scale,
            rtol=1e-6,
            atol=1e-9,
        )


def test_irregular_sampling_makes_the_step_an_input_and_targets_rates(rng):
    stamps = np.cumsum(rng.choice([0.05, 0.1, 0.2], size=40))
    ds = moving(rng, stamps=stamps)
    encoding = encode(ds)
    dt = np.diff(stamps)
    assert encoding.irregular
    assert encoding.step == pytest.approx(np.median(dt))
    assert encoding.context_dim == 1
    tracks = read_tracks(ds, encoding)
    expected = np.diff(ds["vx"].to_numpy(), axis=1) * (encoding.step / dt)[None, :, None]
    np.testing.assert_allclose(tracks.increments[..., 0], expected, rtol=1e-12)
    frames = np.array([0, 3, 38])
    context = node_context(tracks, encoding, frames)
    assert context.shape == (3, 3, 4, 1)
    expected = np.log(dt[frames] / encoding.step)[None, :, None]
    np.testing.assert_allclose(context[..., 0], np.broadcast_to(expected, (3, 3, 4)), rtol=1e-12)


def test_lags_bring_the_past_relative_to_now(rng):
    heat = rng.normal(size=(3, 30, 4))
    ds = moving(rng, heat=heat)
    encoding = encode(ds, lags=2)
    assert encoding.first_frame == 2
    assert encoding.context_dim == 1 + 2 * (1 + 4)
    context = node_context(read_tracks(ds, encoding), encoding, np.array([7]))[:, 0]
    z = (heat - encoding.other_center[0]) / encoding.other_scale[0]
    np.testing.assert_allclose(context[..., 0], z[:, 7])
    for lag in (1, 2):
        part = context[..., 1 + (lag - 1) * 5 : 1 + lag * 5]
        for k, name in enumerate(("x", "y")):
            x = ds[name].to_numpy()
            np.testing.assert_allclose(part[..., k], (x[:, 7 - lag] - x[:, 7]) / encoding.length)
        for k, name in enumerate(("vx", "vy")):
            np.testing.assert_allclose(part[..., 2 + k], ds[name].to_numpy()[:, 7 - lag] / encoding.speed)
        np.testing.assert_allclose(part[..., 4], z[:, 7 - lag])


def test_positions_are_scaled_by_one_length_whatever_their_origin(rng):
    ds = moving(rng)
    left = encode(ds)
    right = encode(ds.assign(x=ds["x"] + 1000, y=ds["y"] - 5))
    assert right.length == pytest.approx(left.length, rel=1e-9)
    assert np.asarray(right.center) - np.asarray(left.center) == pytest.approx([1000, -5])


def test_it_is_written_as_plain_values_and_read_back(rng):
    mass = np.broadcast_to(rng.random((3, 1, 4)), (3, 30, 4))
    encoding = encode(moving(rng, mass=mass), lags=1)
    assert Encoding.from_dict(json.loads(json.dumps(encoding.to_dict()))) == encoding


def test_the_truth_is_not_read(rng):
    ds = moving(rng)
    with_truth = ds.assign(edges=(("sequence", "receiver", "sender"), np.ones((3, 4, 4), dtype=int)))
    assert encode(with_truth) == encode(ds)


def test_an_entity_is_present_from_its_first_to_its_last_observation(rng):
    ds = moving(rng)
    away = {name: ds[name].to_numpy().copy() for name in ("x", "y", "vx", "vy")}
    for values in away.values():
        values[0, :5, 1] = values[0, 20:, 1] = np.nan  # comes late, leaves early
        values[0, 10, 1] = np.nan  # out of sight for a frame, but there
    away["x"][1, 0, 2] = np.nan  # one feature alone
    gone = ds.assign({name: (ds[name].dims, values) for name, values in away.items()})
    present = read_tracks(gone, encode(gone)).present
    assert present[0, :, 1].nonzero()[0].tolist() == list(range(5, 20))
    assert present[1, :, 2].all()


def test_a_bridged_value_is_never_a_target(rng):
    ds = moving(rng)
    lost = ds["vx"].to_numpy().copy()
    lost[0, 10, 1] = np.nan
    gap = ds.assign(vx=(ds["vx"].dims, lost))
    tracks = read_tracks(gap, encode(gap))
    assert np.isfinite(tracks.velocity[0, :, 1]).all()
    assert np.isnan(tracks.increments[0, :, 1, 0]).nonzero()[0].tolist() == [9, 10]
    assert np.isfinite(tracks.increments[0, :, 1, 1]).all()


def test_too_few_frames_for_the_lags_are_refused(rng):
    ds = moving(rng, frames=4)
    with pytest.raises(DataError) as error:
        encode(ds, lags=3)
    assert "recordings of 4 frames" in str(error.value)
    assert "at least 5 frames for 3 lags\n" in str(error.value)
    alone = ds.drop_vars(["vx", "vy"])
    alone.attrs["velocity"] = []
    with pytest.raises(DataError, match="at least 5 frames for 2 lags and velocities derived from positions"):
        encode(alone, lags=2)


def test_data_in_which_nothing_moves_are_refused():
    still = np.broadcast_to(np.arange(3.0), (2, 10, 3))
    for ds in (from_arrays({"a": still}), from_arrays({"x": still, "y": still}, position=["x", "y"])):
        with pytest.raises(DataError, match="nothing moves: every feature keeps its value"):
            encode(ds)


def test_features_that_are_not_there_are_named(rng):
    ds = moving(rng, heat=rng.normal(size=(3, 30, 4)))
    encoding = encode(ds)
    with pytest.raises(DataError) as error:
        read_tracks(ds.drop_vars(["heat"]), encoding)
    assert "the data have no feature heat" in str(error.value)
    assert "found x, y, vx, vy" in str(error.value)


def test_it_cannot_be_changed_behind_ones_back(rng):
    with pytest.raises(dataclasses.FrozenInstanceError):
        encode(moving(rng)).lags = 3  # ty: ignore
