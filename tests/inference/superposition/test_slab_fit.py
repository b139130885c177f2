"""The fit of one law with continuous strengths: the form about one, and what is left to convention."""

import copy

import pytest
import torch

from edgewise.inference.superposition.fit import log_prior_of
from edgewise.inference.superposition.posterior import strengths_posterior
from edgewise.inference.superposition.slab_fit import about_one, settle_prior
from edgewise.inference.superposition.strengths import strengths_of

from ..worlds import springs, untrained
from .forms import LEVEL, NUMBERS, problem

CONTINUOUS = {"strengths": "continuous", "no_interaction": "yes"}


@pytest.mark.parametrize("spread", [1.0, 0.3])
def test_strengths_about_one_have_the_density_of_the_dense_normal(spread):
    case = problem(3, 2)
    found = strengths_of(about_one(case.form, spread), LEVEL)
    for receiver in range(2):
        a, r = case.columns[receiver, 0], case.residual[receiver, 0]
        covariance = LEVEL * torch.eye(NUMBERS, dtype=torch.float64) + spread**2 * a.T @ a
        expected = torch.distributions.MultivariateNormal(a.sum(0), covariance).log_prob(r)
        expected = expected - case.log_scale[receiver, 0]
        torch.testing.assert_close(found.log_evidence[receiver, 0], expected, rtol=1e-11, atol=1e-11)


@pytest.fixture(scope="module")
def world():
    return untrained(springs(sequences=6, entities=4, steps=14), level=0.3, **CONTINUOUS)


def settled(world, factor, **changes):
    """The posterior after `settle_prior`, from a law that was multiplied by a factor beforehand."""
    model, data, _, config = world
    model = copy.deepcopy(model)
    model.law.combine_heads(torch.tensor([[1.0, 0.0], [0.0, factor]]))
    log_prior = settle_prior(model, data, config, log_prior_of(config), **changes)
    return model, log_prior, strengths_posterior(model, data, config.graph, log_prior)


@pytest.mark.parametrize("factor", [-1.0, 1.5])
def test_scale_and_sign_of_the_law_are_conventions(world, factor):
    _, prior, plain = settled(world, 1.0)
    _, changed_prior, changed = settled(world, factor)
    torch.testing.assert_close(changed_prior.exp(), prior.exp(), rtol=0, atol=0.03)
    torch.testing.assert_close(changed.strength.mean, plain.strength.mean, rtol=0.05, atol=0.05)


def test_acting_strengths_have_a_mean_square_of_one_and_are_positive_on_average(world):
    _, _, found = settled(world, 0.5)
    strength = found.strength
    power = strength.deviation**2 + strength.mean**2
    assert float(power.sum() / strength.probability.sum()) == pytest.approx(1, abs=0.05)
    assert float(strength.mean.sum()) > 0


def test_a_prior_that_was_given_stays():
    model, data, _, config = untrained(springs(), level=0.3, prior=[0.9, 0.1], **CONTINUOUS)
    log_prior = settle_prior(model, data, config, log_prior_of(config))
    torch.testing.assert_close(log_prior.exp(), torch.tensor([0.9, 0.1], dtype=torch.float64))


def test_at_a_temperature_the_noise_level_stays(world):
    model, _, _ = settled(world, 1.0, temperature=4.0)
    assert float(model.level) == pytest.approx(0.3)


def test_a_hot_posterior_is_less_sure(world):
    model, data, _, config = world
    prior = log_prior_of(config)
    cold, hot = (
        strengths_posterior(model, data, config.graph, prior, temperature=t).strength for t in (1.0, 1e6)
    )
    off = ~torch.eye(4, dtype=torch.bool)
    torch.testing.assert_close(
        hot.probability[:, off], torch.full_like(hot.probability[:, off], 0.5), atol=1e-2, rtol=0
    )
    assert not torch.allclose(cold.probability[:, off], hot.probability[:, off], atol=1e-2)


def test_a_shared_graph_adds_up_the_evidence_of_all_recordings():
    ds = springs(sequences=3, entities=4)
    model, data, _, config = untrained(ds, graph="shared", level=0.3, **CONTINUOUS)
    prior = log_prior_of(config)
    together = strengths_posterior(model, data, config.graph, prior)
    assert together.strength.mean.shape == (1, 4, 4)
    threefold = strengths_posterior(model, data[torch.zeros(3, dtype=torch.int64)], config.graph, prior)
    once = strengths_posterior(
        model, data[torch.zeros(1, dtype=torch.int64)], config.graph, prior, temperature=1 / 3
    )
    torch.testing.assert_close(threefold.strength.mean, once.strength.mean, rtol=1e-6, atol=1e-8)


def test_pairs_that_are_no_candidates_have_no_strength():
    model, data, _, config = untrained(springs(entities=5), neighbours=2, level=0.3, **CONTINUOUS)
    found = strengths_posterior(model, data, config.graph, log_prior_of(config)).strength
    assert ((found.probability > 0).sum(-1) == 2).all()
    none = found.probability == 0
    for part in (found.mean, found.low, found.high, found.deviation):
        assert (part[none] == 0).all()
