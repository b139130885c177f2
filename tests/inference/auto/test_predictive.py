"""The predictive log-likelihood: against a plain sum over graphs, and what it prefers."""

import itertools
import math

import numpy as np
import pytest
import torch

from edgewise.inference.auto import predictive
from edgewise.inference.auto.parts import at_frames
from edgewise.inference.auto.predictive import PRIORS, Score, forms_of, likeliest_prior, score

from ..worlds import springs, untrained

LOG_PRIOR = torch.tensor([0.7, 0.3], dtype=torch.float64).log()


def halves(ds, **settings):
    model, data, encoding, config = untrained(ds, level=0.5, no_interaction="yes", **settings)
    early = np.zeros((ds.sizes["sequence"], ds.sizes["time"]), dtype=bool)
    early[:, : ds.sizes["time"] // 2] = True
    return model, at_frames(data, encoding, early), at_frames(data, encoding, ~early), config


def log_likelihood(model, data, receiver, acts, sequences):
    """log p of a receiver's increments given its senders, frame by frame."""
    with torch.no_grad():
        own, messages, log_sigma = model.terms(data)
    total = 0.0
    for stretch in range(len(data)):
        if int(data.sequence[stretch]) not in sequences:
            continue
        mean = own[stretch, :, receiver] + sum(
            messages[stretch, :, receiver, slot, 1] for slot, on in enumerate(acts) if on
        )
        variance = float(model.level) * (2 * log_sigma[stretch, :, receiver]).exp()
        squared = (data.target[stretch, :, receiver] - mean) ** 2 / variance
        terms = -0.5 * (squared + variance.log() + math.log(2 * math.pi))
        total += float((terms * data.weight[stretch, :, receiver]).double().sum())
    return total


def summed(model, parts, receiver, sequences):
    """log sum over all graphs of the likelihood of the parts, times the prior."""
    terms = []
    for acts in itertools.product((0, 1), repeat=2):
        prior = sum(float(LOG_PRIOR[on]) for on in acts)
        terms.append(prior + sum(log_likelihood(model, part, receiver, acts, sequences) for part in parts))
    return float(torch.tensor(terms, dtype=torch.float64).logsumexp(0))


@pytest.mark.parametrize("scope", ["per-sequence", "shared"])
def test_it_is_the_ratio_of_two_sums_over_all_graphs(scope):
    ds = springs(sequences=2, entities=3, steps=12)
    model, tell, decide, config = halves(ds, graph=scope)
    found = score(forms_of(model, tell, decide, config.graph), model.level, LOG_PRIOR)
    graphs = [{0, 1}] if scope == "shared" else [{0}, {1}]
    for receiver in range(3):
        expected = sum(
            summed(model, (tell, decide), receiver, these) - summed(model, (tell,), receiver, these)
            for these in graphs
        )
        assert found.nats[receiver] == pytest.approx(expected, rel=1e-4, abs=1e-3)
    assert found.count.sum() == decide.weight.sum()


def test_sampled_sums_are_near_the_exact_ones(monkeypatch):
    model, tell, decide, config = halves(springs(sequences=2, entities=6, steps=20), graph="shared")
    forms = forms_of(model, tell, decide, config.graph)
    exact = score(forms, model.level, LOG_PRIOR)
    monkeypatch.setattr(predictive, "EXACTLY", 8)
    sampled = score(forms, model.level, LOG_PRIOR)
    assert sampled.mean == pytest.approx(exact.mean, abs=0.02)


def test_the_likeliest_prior_is_that_of_the_graph():
    """Where three of thirty pairs act strongly, the sparsest prior that still allows them; where most act, none."""
    model, tell, decide, config = halves(springs(sequences=1, entities=6, steps=40), graph="shared")
    with torch.no_grad():
        own, messages, _ = model.terms(decide)
    chosen = []
    for share in (0.1, 0.7):
        acts = torch.rand(6, 5, generator=torch.Generator().manual_seed(1)) < share
        target = own + 3 * (messages[..., 1, :] * acts[..., None]).sum(3)
        model.law.combine_heads(torch.diag(torch.tensor([1.0, 3.0])))
        parts = (type(part)(**(vars(part) | {"target": target})) for part in (tell, decide))
        model.level.fill_(0.01)
        chosen.append(likeliest_prior(forms_of(model, *parts, config.graph), model.level))
        model.law.combine_heads(torch.diag(torch.tensor([1.0, 1 / 3])))
    assert chosen[0] in PRIORS[1:]
    assert chosen[1] == PRIORS[0]


def test_differences_are_of_numbers_and_their_error_is_over_receivers():
    one = Score(np.array([-10.0, -20.0, -30.0]), np.array([10.0, 10.0, 10.0]))
    two = Score(np.array([-11.0, -22.0, -33.0]), np.array([10.0, 10.0, 10.0]))
    difference, error = one.above(two)
    assert difference == pytest.approx(0.2)
    assert error == pytest.approx(np.std([0.1, 0.2, 0.3], ddof=1) / math.sqrt(3))
    assert two.above(one)[0] == pytest.approx(-0.2)
