"""Rates and angles: what is explained, what is read, and a forecast that a true law makes nearly exact."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from edgewise.errors import ConfigError, DataError
from edgewise.inference.belief import belief_of
from edgewise.inference.candidates import CandidateRelation
from edgewise.inference.config import InferenceConfig
from edgewise.inference.encoding import fit_encoding, read_tracks
from edgewise.inference.forecast import roll_out
from edgewise.inference.infer import infer
from edgewise.inference.rates import RateForecast
from edgewise.physics import simulate

from .worlds import QUICK


def oscillators(sequences=6, steps=69, seed=0, **options):
    ds = simulate("kuramoto", sequences=sequences, entities=4, steps=steps, seed=seed, **options)
    return ds.drop_vars("phase")


@pytest.fixture(scope="module")
def encoding():
    return fit_encoding(oscillators(), lags=0, bridge=3, angles=("sin_phi",))


def test_a_rate_is_the_target_and_no_input(encoding):
    assert encoding.targets == ("dphi",)
    assert encoding.states == ("sin_phi", "omega", "cosine of sin_phi")
    ds = oscillators()
    tracks = read_tracks(ds, encoding)
    rate = ds["dphi"].transpose("sequence", "time", "entity").to_numpy()
    np.testing.assert_array_equal(tracks.increments[..., 0], rate[:, :-1])
    np.testing.assert_array_equal(tracks.rates[..., 0], rate)


def test_the_cosine_is_that_of_the_phase(encoding):
    whole = simulate("kuramoto", sequences=6, entities=4, steps=69, seed=0)
    phase = whole["phase"].transpose("sequence", "time", "entity").to_numpy()
    wrong = np.abs(read_tracks(oscillators(), encoding).others[..., 2] - np.cos(phase)) > 0.1
    assert wrong.mean() < 0.01


def test_without_rates_the_increments_are_explained():
    ds = oscillators()
    ds.attrs["rate"] = []
    assert fit_encoding(ds, lags=0, bridge=3).targets == ("dphi", "sin_phi")


@pytest.mark.parametrize(
    ("change", "angles", "said"),
    [
        ({}, ("omega",), "omega is declared the sine of an angle and reaches"),
        ({}, ("dphi",), "angles names 'dphi'"),
        ({"position": ["sin_phi"]}, (), "rates (dphi) beside positions (sin_phi)"),
    ],
)
def test_roles_that_do_not_fit_are_refused(change, angles, said):
    ds = oscillators().assign_attrs(change)
    with pytest.raises((DataError, ConfigError)) as error:
        fit_encoding(ds, lags=0, bridge=3, angles=angles)
    assert said in str(error.value)


def test_a_gain_is_for_one_target():
    ds = oscillators()
    ds.attrs["rate"] = []
    with pytest.raises(ConfigError, match="gain = profiled with 2 targets"):
        infer(ds, gain="profiled", **QUICK)


def test_angles_and_lags_exclude_each_other():
    with pytest.raises(ConfigError, match="angles together with lags"):
        InferenceConfig.from_dict({"angles": ["sin_phi"], "lags": 1})


def true_law(encoding, gain):
    """sin(phi_s - phi_r) for type 1, the natural frequency as own motion, as a model says it."""

    def terms(batch):
        states = batch.context.double() * torch.tensor(encoding.other_scale) + torch.tensor(
            encoding.other_center
        )
        pairs = CandidateRelation(batch.slots)
        sine, omega, cosine = (states[..., k : k + 1] for k in range(3))
        effect = pairs.senders(sine) * pairs.receivers(cosine) - pairs.senders(cosine) * pairs.receivers(sine)
        messages = torch.stack([torch.zeros_like(effect), effect], -2)
        return omega, messages.float(), torch.full_like(omega, -20.0)

    idle = torch.tensor(True)
    return SimpleNamespace(terms=terms, level=torch.ones(()), null=idle, gain=gain, strengths=False)


def truth(ds):
    edges = ds["edges"].to_numpy()
    return np.stack([1 - edges, edges], -1)


def test_the_true_law_forecasts_oscillators_of_unknown_gain(encoding):
    ds = oscillators(sequences=12)
    past, future = ds.isel(time=slice(0, 49)), ds.isel(time=slice(49, 69))
    ahead = roll_out(true_law(encoding, gain=True), encoding, past, truth(ds), steps=20)
    driven = ds["edges"].to_numpy().sum(-1) > 0
    for name, most in (("sin_phi", 0.05), ("dphi", 0.08)):
        error = (ahead[name] - future[name].to_numpy()).to_numpy()
        assert np.sqrt((error[:, 0] ** 2).mean()) < most / 5
        assert np.sqrt((error**2).mean()) < most
    np.testing.assert_allclose(ahead["dphi"].to_numpy().swapaxes(1, 2)[~driven], 0, atol=1e-6)
    np.testing.assert_allclose(ahead["omega"], future["omega"].to_numpy())


def test_where_the_gain_is_known_the_law_is_in_the_targets_scale():
    ds = oscillators(sequences=8, scaled=False)
    encoding = fit_encoding(ds, lags=0, bridge=3, angles=("sin_phi",))
    model = true_law(encoding, gain=False)
    plain = model.terms

    def scaled(batch):
        own, messages, log_sigma = plain(batch)
        return own / encoding.target_scale[0], messages / encoding.target_scale[0], log_sigma

    model.terms = scaled
    ahead = roll_out(model, encoding, ds.isel(time=slice(0, 49)), truth(ds), steps=10)
    error = (ahead["dphi"] - ds["dphi"].isel(time=slice(49, 59)).to_numpy()).to_numpy()
    assert np.sqrt((error**2).mean()) < 0.15


def test_drawn_futures_differ_and_a_seed_repeats_them(encoding):
    ds = oscillators(sequences=2)
    belief = np.full((2, 4, 4, 2), 0.5)
    model = true_law(encoding, gain=True)
    one, again, other = (
        roll_out(model, encoding, ds, belief, steps=4, samples=2, seed=seed)["sin_phi"].to_numpy()
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - other).max() > 1e-3
    assert np.abs(one[0] - one[1]).max() > 1e-3


def test_a_shorter_recording_is_forecast_from_its_own_end(encoding):
    ds = oscillators(sequences=2)
    short = ds.copy(deep=True)
    for name in ("dphi", "sin_phi", "omega"):
        short[name].loc[{"sequence": ds["sequence"][0], "time": ds["time"][49:]}] = np.nan
    model, belief = true_law(encoding, gain=True), belief_of(truth(ds))
    cut = RateForecast(model, encoding, ds.isel(sequence=[0], time=slice(0, 49))).roll(
        belief.part(slice(0, 1)), 3, None
    )
    padded = RateForecast(model, encoding, short).roll(belief, 3, None)
    np.testing.assert_allclose(padded[:1], cut, atol=0.02)


def test_lags_have_no_forecast_of_rates():
    ds = oscillators()
    encoding = fit_encoding(ds, lags=1, bridge=3)
    with pytest.raises(ConfigError, match="law with lags"):
        RateForecast(true_law(encoding, gain=True), encoding, ds)


def test_the_whole_job_runs_on_rates(tmp_path):
    ds = oscillators(sequences=4, steps=30)
    result = infer(ds, angles=["sin_phi"], gain="profiled", separable=4, **QUICK)
    again = type(result).load(result.save(tmp_path / "run"))
    assert again.config.law.angles == ("sin_phi",)
    np.testing.assert_array_equal(again.forecast(3)["dphi"], result.forecast(3)["dphi"])
    np.testing.assert_allclose(again.apply(ds).probability, result.probability, atol=1e-6)
    assert result.influence is not None
    assert np.isfinite(result.influence).all()
    assert list(result.law(1).columns) == ["sin_phi", "omega", "cosine of sin_phi"]
