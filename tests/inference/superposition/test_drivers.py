"""What two entities share beyond all candidates: found where a driver was planted, and not where there is none."""

import numpy as np
import pytest
import torch

from edgewise.data import from_arrays
from edgewise.inference import InferenceConfig
from edgewise.inference.encoding import fit_encoding
from edgewise.inference.observations import observe
from edgewise.inference.superposition import fit_superposition, graph_posterior
from edgewise.inference.superposition.drivers import shared_residuals
from edgewise.training import Deadline


def recordings(driver, n=4, frames=150, sequences=4, seed=0):
    """Independent autoregressions; a hidden series moves the first two, by `driver`."""
    rng = np.random.default_rng(seed)
    x = np.zeros((sequences, frames, n))
    hidden = rng.normal(size=(sequences, frames))
    for t in range(1, frames):
        x[:, t] = 0.6 * x[:, t - 1] + 0.3 * rng.normal(size=(sequences, n))
        x[:, t, :2] += driver * hidden[:, t, None]
    return from_arrays({"level": x})


def found(ds, **settings):
    config = InferenceConfig.from_dict({"hidden": 8, "max_steps": 120, "no_interaction": "yes"} | settings)
    encoding = fit_encoding(ds, lags=0, bridge=3)
    data = observe(ds, encoding, shared=config.graph.graph == "shared")
    fitted = fit_superposition(data, encoding, config, deadline=Deadline())
    posterior = graph_posterior(fitted.model, data, config.graph, fitted.log_prior)
    return shared_residuals(fitted.model, data, posterior.probability.mean(1))


@pytest.mark.parametrize("scope", ["per-sequence", "shared"])
def test_a_hidden_driver_is_flagged_between_the_two_that_it_moves(scope):
    shared = found(recordings(driver=0.4), graph=scope)
    assert shared.flagged[:, 0, 1].all()
    assert shared.flagged[:, 1, 0].all()
    assert int(shared.flagged.sum()) == 2 * len(shared.flagged)
    assert (shared.correlation[:, 0, 1] > 0.4).all()


def test_without_a_driver_nothing_is_flagged():
    shared = found(recordings(driver=0.0))
    assert not shared.flagged.any()
    assert float(shared.correlation.abs().max()) < 0.4
    torch.testing.assert_close(shared.correlation, shared.correlation.transpose(1, 2))
    assert not shared.correlation.diagonal(dim1=1, dim2=2).any()
