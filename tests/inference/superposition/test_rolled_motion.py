"""The mean motion over several steps."""

import numpy as np
import pytest
import torch

from edgewise.errors import ConfigError
from edgewise.inference import infer
from edgewise.inference.config import InferenceConfig, TrainingConfig
from edgewise.inference.encoding import fit_encoding
from edgewise.inference.forecast import roll_out
from edgewise.inference.superposition.mean_motion import GivenGraphs, refit_mean
from edgewise.inference.superposition.rolled_motion import Kinematics, RolledGraphs
from edgewise.physics import simulate
from edgewise.training import Deadline

from ..worlds import planted, springs, untrained, without_velocity
from .test_influence import beliefs

HORIZON = 4


def rolled(ds, **settings):
    model, data, encoding, _ = untrained(ds, **settings)
    belief = beliefs(ds.sizes["sequence"], ds.sizes["entity"], 2)
    given = GivenGraphs.of(data, belief)
    return model, encoding, belief, RolledGraphs.over(given, Kinematics.of(encoding), HORIZON)


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
    ranges = [held.units[0] * encoding.length, held.units[1] * encoding.speed]
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
    for values, unit in zip((data.position, data.velocity), held.units, strict=True):
        assert float(values.max() - values.min()) / unit == pytest.approx(2.0)
    stretch, frame = held.moments()
    for k in range(1, HORIZON + 1):
        errors = []
        for s, f in zip(stretch.tolist(), frame.tolist(), strict=True):
            where = (data.position[s, f] - data.position[s, f + k]) / held.units[0]
            speed = (data.velocity[s, f] - data.velocity[s, f + k]) / held.units[1]
            errors.append(float(torch.cat([where, speed]).square().mean()))
        assert held.still[k - 1] == pytest.approx(sum(errors) / len(errors), rel=1e-4)


def test_moments_have_all_of_the_way_before_them_and_nothing_missing_on_it():
    _, _, _, held = rolled(springs())
    held.data.weight[1, 6, 2, 0] = 0.0
    stretch, frame = held.moments()
    length = held.data.target.shape[1]
    assert int(frame.max()) == length - HORIZON - 1
    assert set(frame[stretch == 1].tolist()) == {0, 1, *range(7, length - HORIZON)}
    held.data.present[1, :, 2] = 0.0  # who is not there misses nothing
    stretch, frame = held.moments()
    assert 5 in frame[stretch == 1].tolist()


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
    ("ds", "settings"),
    [(planted()[0], {}), (springs(), {"lags": 1})],
    ids=["other features", "lags"],
)
def test_other_states_than_positions_and_velocities_are_refused(ds, settings):
    encoding = fit_encoding(ds, lags=settings.get("lags", 0), bridge=3, angles=())
    with pytest.raises(ConfigError, match="refit_horizon"):
        Kinematics.of(encoding)


def test_a_horizon_longer_than_a_recording_or_without_steps_is_refused():
    _, _, _, held = rolled(springs(steps=6))
    with pytest.raises(ConfigError, match="at most 4"):
        RolledGraphs.over(held, held.kinematics, 5)
    held.data.weight[:, ::2] = 0.0
    with pytest.raises(ConfigError, match="nowhere so many frames"):
        RolledGraphs.over(held, held.kinematics, 2)
    with pytest.raises(ConfigError, match="without refit_steps"):
        InferenceConfig.from_dict({"refit_horizon": 4})
