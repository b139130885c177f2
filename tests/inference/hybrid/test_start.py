"""Where configurations cannot be summed, the encoder's likeliest graph is one of the starts of the chains."""

import numpy as np
import pytest
import torch

from edgewise.inference import infer
from edgewise.inference.hybrid import fitted as fitted_module
from edgewise.inference.hybrid.network import PosteriorNetwork
from edgewise.inference.superposition import posterior as posterior_module
from edgewise.inference.superposition.configurations import one_hot, prior_columns
from edgewise.inference.superposition.model import QuadraticForm
from edgewise.inference.superposition.phases import ridge_types
from edgewise.inference.superposition.search import Sampler, sampled_posterior

from ..worlds import QUICK, springs
from .evidence import PRIOR, some_evidence


def scores(evidence, types):
    """log p(o | y) up to a constant: [receiver]."""
    o = one_hot(types, 2)
    field = prior_columns(PRIOR[2], types.shape[1])
    return ((evidence.linear + field) * o).sum(-1) - 0.5 * (o * (evidence.gram @ o[..., None])[..., 0]).sum(
        -1
    )


def test_chains_that_begin_at_the_encoders_graph_are_there_sooner():
    """Nineteen senders that look alike, a single sweep: never worse, and better for many receivers."""
    evidence = some_evidence(60, 19, 2, size=3.0, shared=3.0, frames=60)
    nothing = torch.zeros(60, dtype=torch.float64)
    form = QuadraticForm(evidence.gram, evidence.linear, nothing, nothing, nothing)
    level = torch.ones((), dtype=torch.float64)
    torch.manual_seed(0)
    encoder = PosteriorNetwork(2, hidden=8).eval()
    guess = encoder.log_posterior(evidence, PRIOR[2]).argmax(-1)
    ridge = ridge_types(form, level, 2)

    def found(*starts):
        sampler = Sampler(form, level, PRIOR[2], torch.Generator().manual_seed(0))
        p = sampled_posterior(sampler, sweeps=1, burn_in=0, start=torch.stack(starts, 1))
        return scores(evidence, p.argmax(-1))

    without, helped = found(ridge), found(ridge, guess)
    assert float((helped - without).min()) > -1e-6
    assert int((helped > without + 1).sum()) >= 15


def test_a_second_start_leaves_the_walk_from_the_first_as_it_was():
    evidence = some_evidence(3, 6, 2, size=6.0, shared=6.0)
    nothing = torch.zeros(3, dtype=torch.float64)
    form = QuadraticForm(evidence.gram, evidence.linear, nothing, nothing, nothing)
    level, first = torch.ones((), dtype=torch.float64), torch.zeros(3, 6, dtype=torch.int64)

    def found(*starts):
        sampler = Sampler(form, level, PRIOR[2], torch.Generator().manual_seed(0))
        return sampled_posterior(sampler, sweeps=1, burn_in=0, start=torch.stack(starts, 1))

    assert torch.equal(found(first), found(first, first))
    assert not torch.equal(found(first), found(first, 1 - first))


@pytest.fixture
def searched(monkeypatch):
    """The starts that searches were given, with every posterior of 3 candidates searched for."""
    seen = []

    def spied(sampler, *, start, **lengths):
        seen.append(start)
        return sampled_posterior(sampler, start=start, sweeps=2, burn_in=1)

    for module in (posterior_module, fitted_module):
        monkeypatch.setattr(module, "EXACTLY", 3)
    monkeypatch.setattr(posterior_module, "sampled_posterior", spied)
    return seen


@pytest.mark.parametrize("choice", [{}, {"graph": "shared"}, {"neighbours": 2}], ids=str)
def test_an_exact_answer_starts_at_the_encoders(searched, choice):
    ds = springs(sequences=4)
    result = infer(ds, **(QUICK | {"method": "hybrid", "encoder_steps": 4} | choice))
    at_once = result.apply(ds).probability.to_numpy().argmax(-1)
    searched.clear()
    p = result.fitted.posterior(ds, result.config)
    assert p.shape[0] == (1 if choice.get("graph") == "shared" else 4)
    (start,) = searched
    n_slots = choice.get("neighbours", 3)
    assert start.shape == (at_once.shape[0] * 4, 2, n_slots)
    slots = fitted_module.observed(ds, result.fitted.encoding, result.config).slots[: at_once.shape[0]]
    expected = np.take_along_axis(at_once, slots.numpy(), -1).reshape(-1, n_slots)
    np.testing.assert_array_equal(start[:, 1], expected)


def test_members_of_an_ensemble_start_at_their_own_names_of_the_types(searched):
    from dataclasses import replace

    ds = springs(sequences=4)
    settings = QUICK | {"method": "hybrid", "encoder_steps": 4, "no_interaction": "no", "ensemble": 2}
    result = infer(ds, **settings)
    law = result.fitted.law
    (member,) = law.assurance.members
    turned = replace(law.assurance, members=(replace(member, order=(1, 0)),))
    searched.clear()
    graph = torch.ones(4, 4, 4, dtype=torch.int64)
    replace(law, assurance=turned).posterior(ds, result.config, start=graph)
    first, second = searched[:2]
    assert bool((first[:, 1] == 1).all())
    assert bool((second[:, 1] == 0).all())
