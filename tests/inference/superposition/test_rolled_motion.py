"""The mean motion over several steps."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from edgewise.errors import ConfigError
from edgewise.inference import infer
from edgewise.inference.config import InferenceConfig, TrainingConfig
from edgewise.inference.encoding import fit_encoding
from edgewise.inference.forecast import roll_out
from edgewise.inference.superposition.mean_motion import (
    GivenGraphs,
    at_frames,
    expected_increment,
    refit_mean,
)
from edgewise.inference.superposition.rolled_motion import NEAR, Kinematics, RolledGraphs
from edgewise.physics import simulate
from edgewise.training import Deadline

from ..worlds import planted, springs, untrained, without_velocity
from .test_influence import beliefs

HORIZON = 4


def rolled(ds, kind="squared", **settings):
    model, data, encoding, _ = untrained(ds, **settings)
    belief = beliefs(ds.sizes["sequence"], ds.sizes["entity"], 2)
    given = GivenGraphs.of(data, belief)
    return model, encoding, belief, RolledGraphs.over(given, Kinematics.of(encoding), HORIZON, kind)


@pytest.mark.parametrize("null", [True, False])
@pytest.mark.parametrize("measured", [True, False])
@torch.no_grad()
def test_the_motion_is_that_of_a_forecast(measured, null):
    """Rolling in the units of the law, and rolling a data set in its own units, are written apart."""
    ds = springs() if measured else without_velocity(springs())
    model, encoding, belief, held = rolled(ds)
    model.null.fill_(null)
    start = encoding.first_frame + 3
    ahead = roll_out(model, encoding, ds.isel(time=slice(0, start + 1)), belief.numpy(), steps=HORIZON)
    ranges = [float(held.units[0]) * encoding.length, float(held.units[1]) * encoding.speed]
    total = 0.0
    for name, unit in zip(("x", "y", "vx", "vy"), (ranges[0], ranges[0], ranges[1], ranges[1]), strict=True):
        if name not in ds:
            continue
        true = ds[name].to_numpy()[:, start + 1 : start + 1 + HORIZON]
        total = total + ((ahead[name].to_numpy() - true) / unit) ** 2
    if not measured:  # the law's velocity is the last displacement a unit of time
        for name in ("x", "y"):
            path = ds[name].to_numpy()[:, start : start + 1 + HORIZON]
            own = torch.cat([torch.tensor(path[:, :1]), torch.tensor(ahead[name].to_numpy())], 1)
            missed = (own.diff(dim=1) - torch.tensor(path).diff(dim=1)).numpy() / encoding.step
            total = total + (missed / ranges[1]) ** 2
    expected = (total.mean(2) / 4 / np.array(held.still)).mean(1)
    index = torch.arange(ds.sizes["sequence"])
    found = held.squared_errors(model, index, torch.full_like(index, 3))
    torch.testing.assert_close(found.double(), torch.tensor(expected), rtol=2e-3, atol=1e-7)


@torch.no_grad()
def test_the_units_put_the_data_between_minus_one_and_one_and_errors_are_shares_of_nothing_moving():
    _, _, _, held = rolled(springs())
    data = held.data
    for values, unit in zip((data.position, data.velocity), held.units[:2], strict=True):
        assert float(values.max() - values.min()) / unit == pytest.approx(2.0)
    stretch, frame = held.moments()
    for k in range(1, HORIZON + 1):
        errors = []
        for s, f in zip(stretch.tolist(), frame.tolist(), strict=True):
            where = (data.position[s, f] - data.position[s, f + k]) / held.units[0]
            speed = (data.velocity[s, f] - data.velocity[s, f + k]) / held.units[1]
            errors.append(float(torch.cat([where, speed]).square().mean()))
        assert held.still[k - 1] == pytest.approx(sum(errors) / len(errors), rel=1e-4)


def with_temperature(ds):
    """A feature beside positions that changes, and one that does not."""
    shape = tuple(ds.sizes[dim] for dim in ("sequence", "time", "entity"))
    rng = np.random.default_rng(5)
    ds = ds.copy()
    ds["warmth"] = (("sequence", "time", "entity"), 3.0 + rng.normal(size=shape).cumsum(1))
    ds["mass"] = (("sequence", "time", "entity"), np.ones(shape) * rng.uniform(1, 2, shape[2]))
    return ds


WORLDS = {
    "positions and lags": (without_velocity(springs()), 2),
    "velocities and lags": (springs(), 1),
    "features and lags": (with_temperature(springs()), 2),
    "no positions": (planted()[0], 3),
    "features at one frame": (planted()[0], 0),
}


@pytest.mark.parametrize("kind", ["squared", "distance"])
@pytest.mark.parametrize("name", WORLDS)
@torch.no_grad()
def test_earlier_frames_and_other_features_move_on_as_in_a_forecast(name, kind):
    ds, lags = WORLDS[name]
    model, encoding, belief, held = rolled(ds, kind, lags=lags)
    start = encoding.first_frame + 1
    ahead = roll_out(model, encoding, ds.isel(time=slice(0, start + 1)), belief.numpy(), steps=HORIZON)
    index = torch.arange(ds.sizes["sequence"])
    now = at_frames(held.data, index, torch.full_like(index, 1))
    for k in range(1, HORIZON + 1):
        increment = expected_increment(model, now, held.weight)[:, None]
        now = held.kinematics.following(now, *held.kinematics.moved(now, increment))
        for axis, feature in enumerate(encoding.position):
            found = now.position[:, 0, :, axis] * encoding.length + encoding.center[axis]
            np.testing.assert_allclose(found, ahead[feature][:, k - 1], rtol=1e-3, atol=2e-3)
        for column, feature in enumerate(encoding.others):
            found = now.context[:, 0, :, column] * encoding.other_scale[column]
            found = found + encoding.other_center[column]
            np.testing.assert_allclose(found, ahead[feature][:, k - 1], rtol=1e-3, atol=2e-3)
        truth = at_frames(held.data, index, torch.full_like(index, 1 + k))
        assert now.context.shape == truth.context.shape
    assert torch.isfinite(held.squared_errors(model, index, torch.full_like(index, 1))).all()


@torch.no_grad()
def test_the_distance_error_is_the_mean_distance_of_positions_as_a_share_of_nothing_moving():
    ds = without_velocity(springs())
    model, encoding, belief, held = rolled(ds, "distance", lags=1)
    start = encoding.first_frame + 2
    ahead = roll_out(model, encoding, ds.isel(time=slice(0, start + 1)), belief.numpy(), steps=HORIZON)
    way = [
        ((ahead[name].to_numpy() - ds[name].to_numpy()[:, start + 1 : start + 1 + HORIZON]) ** 2)
        for name in ("x", "y")
    ]
    unit = float(held.units[0]) * encoding.length
    expected = (np.sqrt(sum(way) / unit**2 + NEAR**2).mean(2) / np.array(held.still)).mean(1)
    index = torch.arange(ds.sizes["sequence"])
    found = held.squared_errors(model, index, torch.full_like(index, 2))
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-2)


def test_moments_have_all_of_the_way_before_them_and_somebody_observed_on_it():
    _, _, _, held = rolled(springs())
    length = held.data.target.shape[1]
    held.data.weight[1, 6] = 0.0  # everybody
    stretch, frame = held.moments()
    assert int(frame.max()) == length - HORIZON - 1
    assert set(frame[stretch == 1].tolist()) == {0, 1, 2, *range(7, length - HORIZON)}


@torch.no_grad()
def test_an_entity_counts_only_while_it_is_observed_and_there():
    model, _, _, held = rolled(springs())
    index = torch.tensor([1])
    held.data.weight[1, 5, 2, 0] = 0.0
    held.data.present[1, 7:, 3] = 0.0
    known = held._known(index, torch.tensor([4]))[0]
    assert known[:, 0].tolist() == [1, 1, 1, 1]
    assert known[:, 2].tolist() == [1, 0, 0, 0]  # the increment from frame 5 is not known
    assert known[:, 3].tolist() == [1, 1, 0, 0]  # gone from frame 7 on
    before = held.squared_errors(model, index, torch.tensor([4]))
    held.data.position[1, 8, 3] += 100.0  # where it would be tells nothing
    held.data.velocity[1, 6:, 2] += 100.0
    torch.testing.assert_close(held.squared_errors(model, index, torch.tensor([4])), before)


def test_a_refit_over_several_steps_foretells_several_steps_better():
    model, _, _, held = rolled(springs(sequences=6))
    found = refit_mean(
        model, held, None, TrainingConfig(refit_steps=120, learning_rate=1e-2), deadline=Deadline()
    )
    assert found is not None
    assert found.error_after < 0.5 * found.error_before


def test_an_inference_with_a_horizon_keeps_graphs_and_says_what_it_gained():
    ds = simulate("charged", entities=3, sequences=24, steps=20, seed=0)
    result = infer(ds, max_steps=40, hidden=16, refit_steps=60, refit_horizon=3)
    assert result.about["settings"]["refit_horizon"] == 3
    assert set(result.about["refit"]) == {"error_before", "error_after"}


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"irregular": True}, "unequal time steps"),
        ({"rates": ("w",)}, "rates"),
        ({"angles": ("s",)}, "angles"),
    ],
)
def test_states_that_do_not_follow_from_increments_are_refused(changed, what):
    encoding = fit_encoding(planted()[0], lags=0, bridge=3, angles=())
    with pytest.raises(ConfigError, match=f"refit over several steps .* {what}"):
        Kinematics.of(replace(encoding, **changed))


def test_a_refit_of_distances_lessens_them_and_passes_over_means_of_one_step():
    model, _, _, held = rolled(springs(sequences=6), "distance")
    ((stage, steps, share),) = held.stages(50)
    assert stage is held
    assert (steps, share) == (50, 1.0)
    settings = TrainingConfig(refit_steps=120, refit_error="distance", learning_rate=1e-2)
    found = refit_mean(model, held, None, settings, deadline=Deadline())
    assert found is not None
    assert found.error_after < 0.7 * found.error_before
    with pytest.raises(ConfigError, match="refit_error = distance without refit_steps"):
        InferenceConfig.from_dict({"refit_error": "distance"})


def test_a_horizon_longer_than_a_recording_or_without_steps_is_refused():
    _, _, _, held = rolled(springs(steps=6))
    with pytest.raises(ConfigError, match="at most 4"):
        RolledGraphs.over(held, held.kinematics, 5)
    held.data.weight[:, ::2] = 0.0
    with pytest.raises(ConfigError, match="nobody is observed in so many frames"):
        RolledGraphs.over(held, held.kinematics, 2)
    with pytest.raises(ConfigError, match="without refit_steps"):
        InferenceConfig.from_dict({"refit_horizon": 4})
