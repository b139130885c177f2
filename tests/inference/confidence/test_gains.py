"""Where every series has a gain of its own: all of it works, and nothing depends on how a series was scaled."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from edgewise.inference.confidence import discovery
from edgewise.inference.confidence.bootstrap import resampled_intervals
from edgewise.inference.confidence.crossfit import q_values_of_new
from edgewise.inference.confidence.ensemble import Member
from edgewise.inference.confidence.temperature import inverse_gains, measured_products, whitened
from edgewise.inference.superposition.posterior import graph_posterior
from edgewise.physics import simulate

from ..worlds import untrained

PRIOR = torch.full((2,), 0.5, dtype=torch.float64).log()
SCOPES = [{}, {"graph": "shared"}, {"graph": "per-window", "window": 8}]


@pytest.fixture(autouse=True)
def few_decoys(monkeypatch):
    """Enough for what does not depend on how many there are."""
    monkeypatch.setattr(discovery, "DECOYS", 100)


def oscillators(**settings):
    ds = simulate("kuramoto", entities=4, sequences=3, steps=33, seed=0)
    return untrained(ds, gain="profiled", no_interaction="yes", **settings)


def scaled(data):
    """Every series multiplied by a positive factor of its own."""
    factor = torch.rand(3, 1, 4, 1, generator=torch.Generator().manual_seed(0)) + 0.5
    return replace(data, target=data.target * factor)


@pytest.mark.parametrize("settings", SCOPES)
def test_temperature_and_residuals_do_not_depend_on_the_scale_of_a_series(settings):
    model, data, _, config = oscillators(**settings)
    one = measured_products(model, data, config.graph, PRIOR)
    other = measured_products(model, scaled(data), config.graph, PRIOR)
    torch.testing.assert_close(one.residual, other.residual, rtol=1e-3, atol=1e-3)
    assert one.temperature() == pytest.approx(other.temperature(), rel=1e-3)


def test_the_gain_is_the_one_that_makes_the_residual_most_likely():
    """Against a search over gains: D log h - |h y - b|^2 / (2 level) at the expected graph, offsets projected out."""
    model, data, _, config = oscillators()
    found = graph_posterior(model, data, config.graph, PRIOR).probability
    h = inverse_gains(model, data, config.graph, found)
    assert h.shape == (3, 4, 1)
    weight = found[:, 0].gather(2, data.slots[..., None].expand(-1, -1, -1, 2))

    def likelihood(scale):
        residual, _ = whitened(model, data, weight, h[..., 0] * scale)
        count = data.weight.sum((1, 3)).double() - 1
        return count * torch.log(h[..., 0] * scale) - residual.square().sum((1, 3)) / (
            2 * model.level.double()
        )

    best = likelihood(1.0)
    for scale in (0.97, 1.03):
        assert (likelihood(scale) < best + 1e-6).all()


@pytest.mark.parametrize("settings", SCOPES)
def test_q_values_do_not_depend_on_the_scale_of_a_series(settings):
    model, data, _, config = oscillators(**settings)
    q = q_values_of_new(model, 1.0, data, config)
    assert np.isfinite(q[..., ~np.eye(4, dtype=bool)]).all()
    np.testing.assert_allclose(q, q_values_of_new(model, 1.0, scaled(data), config), atol=0.02)


@pytest.mark.parametrize("settings", SCOPES[:2])
def test_a_resample_of_everything_is_what_was_found(settings, monkeypatch):
    model, data, _, config = oscillators(**settings)
    module = "edgewise.inference.confidence.bootstrap."
    monkeypatch.setattr(module + "draw_counts", lambda n_units, per, count, rng: np.ones((count, n_units)))
    ends = resampled_intervals(
        [Member(model, 2.0, (0, 1))], data, config.graph, PRIOR, count=20, n_lags=0, seed=0
    )
    found = graph_posterior(model, data, config.graph, PRIOR, temperature=2.0).probability
    np.testing.assert_allclose(ends["low"], found.numpy(), atol=1e-6)
    assert set(ends) == {"low", "high"}  # influence is relative to what the law predicts; it has no interval
