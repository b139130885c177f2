"""From a law to the graphs of a data set: scopes, both directions of a pair, candidates, and beyond enumeration."""

import math
from dataclasses import replace

import pytest
import torch

from edgewise.errors import ConfigError
from edgewise.inference.config import GraphConfig
from edgewise.inference.observations import observe
from edgewise.inference.superposition import graph_posterior
from edgewise.inference.superposition.configurations import enumerate_configurations, squared_cost
from edgewise.inference.superposition.fit import log_prior_of
from edgewise.inference.superposition.posterior import both_ways, variance_inflation

from ..worlds import planted, springs, untrained
from .forms import problem

EVEN = torch.tensor([0.5, 0.5], dtype=torch.float64).log()


def posterior_of(ds, model, data, config, **choices):
    return graph_posterior(model, data, config.graph, log_prior_of(config), **choices)


@torch.no_grad()
def log_likelihoods(model, data, n_types=2):
    """Of every configuration: [stretch, receiver, configuration], up to what no configuration changes."""
    form = model(data)
    table = enumerate_configurations(data.slots.shape[-1], n_types)
    return -0.5 * squared_cost(form, table)[:, 0] / model.level.double()


def types_of(n_slots, n_types=2):
    return torch.cartesian_prod(*[torch.arange(n_types)] * n_slots)


def dense_marginals(log_joint, slots, n_types=2):
    """[graph, receiver, configuration] -> [graph, receiver, sender, type]."""
    weights = log_joint.softmax(-1)
    types = types_of(slots.shape[-1], n_types)
    graphs, n = weights.shape[:2]
    out = torch.zeros(graphs, n, n, n_types, dtype=torch.float64)
    out[..., 0] = 1
    for graph in range(graphs):
        for receiver in range(n):
            for slot, sender in enumerate(slots[graph, receiver].tolist()):
                for kind in range(n_types):
                    out[graph, receiver, sender, kind] = weights[
                        graph, receiver, types[:, slot] == kind
                    ].sum()
    return out


def prior_of(log_prior, n_slots):
    return log_prior[types_of(n_slots, len(log_prior))].sum(-1)


def test_a_graph_a_sequence_is_read_from_its_own_likelihood():
    ds = springs()
    model, data, _, config = untrained(ds, prior=[0.7, 0.3])
    found = posterior_of(ds, model, data, config)
    joint = log_likelihoods(model, data) + prior_of(log_prior_of(config), 3)
    expected = dense_marginals(joint, data.slots)
    assert found.exact
    torch.testing.assert_close(found.probability[:, 0], expected, rtol=1e-9, atol=1e-12)
    assert not torch.allclose(expected, torch.full_like(expected, 0.5), atol=0.1)


def test_a_shared_graph_adds_up_the_log_likelihoods_and_counts_the_prior_once():
    ds = springs()
    model, data, _, config = untrained(ds, level=0.1, graph="shared", prior=[0.7, 0.3])
    found = posterior_of(ds, model, data, config)
    joint = log_likelihoods(model, data).sum(0, keepdim=True) + prior_of(log_prior_of(config), 3)
    assert found.probability.shape == (1, 1, 4, 4, 2)
    torch.testing.assert_close(
        found.probability[:, 0], dense_marginals(joint, data.slots), rtol=1e-9, atol=1e-12
    )


def test_stretches_of_a_recording_speak_for_one_graph():
    ds, _ = planted(sequences=2, frames=130)
    model, data, _, config = untrained(ds, level=0.1)
    assert data.sequence.tolist() == [0, 0, 0, 1, 1, 1]
    found = posterior_of(ds, model, data, config)
    likelihood = log_likelihoods(model, data).unflatten(0, (2, 3)).sum(1)
    expected = dense_marginals(likelihood + prior_of(log_prior_of(config), 3), data.slots[[0, 3]])
    torch.testing.assert_close(found.probability[:, 0], expected, rtol=1e-7, atol=1e-10)


def test_windows_of_a_long_recording_run_on_across_its_stretches(monkeypatch):
    ds, _ = planted(sequences=2, frames=131)
    choices = {"graph": "per-window", "window": 13, "level": 0.1}
    model, data, _, config = untrained(ds, **choices)
    assert len(data) == 4
    left = posterior_of(ds, model, data, config).probability
    monkeypatch.setattr("edgewise.inference.observations.STRETCH", 1000)
    _, whole, _, _ = untrained(ds, **choices)
    right = posterior_of(ds, model, whole, config).probability
    assert right.shape[1] == 10
    torch.testing.assert_close(left[:, :10], right, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("scope", ["per-sequence", "shared"])
@pytest.mark.parametrize("n_types", [2, 3])
def test_sampled_and_exact_posteriors_agree(monkeypatch, scope, n_types):
    ds = springs(sequences=1 if scope == "per-sequence" else 2)
    model, data, _, config = untrained(ds, graph=scope, edge_types=n_types, level=0.2)
    expected = posterior_of(ds, model, data, config)
    monkeypatch.setattr("edgewise.inference.superposition.posterior.EXACTLY", 1)
    monkeypatch.setattr("edgewise.inference.superposition.posterior.RECEIVERS", 3)
    found = posterior_of(ds, model, data, config, seed=1)
    assert (expected.exact, found.exact) == (True, False)
    assert math.isnan(found.evidence)  # not summed
    off = (found.probability - expected.probability).abs()
    assert off.mean() < 0.03
    assert off.max() < 0.15
    again = posterior_of(ds, model, data, config, seed=1)
    assert torch.equal(found.probability, again.probability)


def test_windows_beyond_enumeration_are_refused(monkeypatch):
    ds = springs(sequences=2, steps=20)
    model, data, _, config = untrained(ds, graph="per-window", window=5)
    monkeypatch.setattr("edgewise.inference.superposition.posterior.EXACTLY", 7)
    with pytest.raises(ConfigError) as error:
        posterior_of(ds, model, data, config)
    assert "per-window graphs of 3 candidates and 2 types have 2^3 configurations" in str(error.value)
    assert "at most 7" in str(error.value)


def test_profiling_fits_the_noise_level_to_the_data():
    ds = springs()
    model, data, _, config = untrained(ds, level=5.0)
    before = posterior_of(ds, model, data, config)
    after = posterior_of(ds, model, data, config, profile=True)
    assert before.level == 5.0
    assert after.evidence > before.evidence
    assert float(model.level) == pytest.approx(after.level)
    # a second time there is less to gain: the level rests where the evidence is highest
    assert posterior_of(ds, model, data, config, profile=True).evidence >= after.evidence


@pytest.mark.parametrize(("null", "says"), [(True, [1.0, 0.0]), (False, [0.0, 0.0])])
def test_pairs_that_are_no_candidates_do_not_interact_or_have_none_of_the_types(null, says):
    ds = springs(entities=5)
    model, data, _, config = untrained(ds, neighbours=2)
    model.null.fill_(null)
    p = posterior_of(ds, model, data, config).probability[:, 0]
    candidate = torch.zeros(3, 5, 5, dtype=torch.bool).scatter_(2, data.slots, True)
    diagonal = torch.eye(5, dtype=torch.bool).expand(3, 5, 5)
    assert (p[~candidate & ~diagonal] == torch.tensor(says)).all()
    assert (p[diagonal] == torch.tensor([1.0, 0.0])).all()
    assert (p[candidate][:, 1] > 0).all()
    torch.testing.assert_close(p[candidate].sum(-1), torch.ones(30, dtype=torch.float64))


@pytest.mark.parametrize("scope", ["per-sequence", "per-window"])
def test_an_undirected_posterior_is_symmetric(scope):
    ds = springs()
    model, data, encoding, config = untrained(ds, graph=scope, window=5, undirected=True, prior=[0.7, 0.3])
    p = posterior_of(ds, model, data, config).probability
    torch.testing.assert_close(p, p.transpose(2, 3))
    assert (p.diagonal(dim1=2, dim2=3)[..., 0, :] == 1).all()
    directed = GraphConfig(graph=scope, window=5, prior=(0.7, 0.3))
    one_way = graph_posterior(
        model, observe_again(ds, encoding, directed), directed, log_prior_of(config)
    ).probability
    assert not torch.allclose(one_way, one_way.transpose(2, 3), atol=1e-3)


def observe_again(ds, encoding, graph):
    return observe(ds, encoding, window=graph.window if graph.graph == "per-window" else 0)


def pair(to_first, to_second, prior, candidates=(True, True)):
    """The undirected probability of types for two entities, from what each direction says."""
    p = torch.zeros(2, 2, len(to_first), dtype=torch.float64)
    p[..., 0] = 1
    p[0, 1] = torch.tensor(to_first, dtype=torch.float64)
    p[1, 0] = torch.tensor(to_second, dtype=torch.float64)
    known = torch.tensor([[False, candidates[0]], [candidates[1], False]])
    return both_ways(p, torch.tensor(prior, dtype=torch.float64).log(), known)


def test_both_directions_add_their_log_odds():
    out = pair([0.2, 0.8], [0.4, 0.6], [0.5, 0.5])
    odds = (0.8 / 0.2) * (0.6 / 0.4)
    assert float(out[0, 1, 1]) == pytest.approx(odds / (1 + odds), rel=1e-12)
    torch.testing.assert_close(out[0, 1], out[1, 0])
    assert out[0, 0].tolist() == [1, 0]


def test_the_prior_of_an_undirected_pair_is_counted_once():
    prior = [0.7, 0.2, 0.1]
    assert pair(prior, prior, prior)[0, 1].tolist() == pytest.approx(prior)
    evidence = torch.tensor([1.0, 4.0, 0.5])
    one = evidence * torch.tensor(prior)
    both = evidence**2 * torch.tensor(prior)
    out = pair((one / one.sum()).tolist(), (one / one.sum()).tolist(), prior)
    assert out[0, 1].tolist() == pytest.approx((both / both.sum()).tolist(), rel=1e-6)


def test_a_direction_that_was_no_candidate_says_nothing():
    """Its certain "no interaction" only means that nobody asked."""
    one_sided = pair([0.2, 0.8], [1.0, 0.0], [0.6, 0.4], candidates=(True, False))
    assert one_sided[0, 1].tolist() == pytest.approx([0.2, 0.8])
    assert one_sided[1, 0].tolist() == pytest.approx([0.2, 0.8])
    neither = pair([1.0, 0.0], [1.0, 0.0], [0.6, 0.4], candidates=(False, False))
    assert neither[0, 1].tolist() == [1, 0]


def test_a_certain_direction_gives_no_nan():
    out = pair([0.0, 1.0], [0.5, 0.5], [0.5, 0.5])
    assert out[0, 1].tolist() == pytest.approx([0, 1])


def test_the_variance_inflation_is_what_the_other_candidates_leave():
    case = problem(4, 2, receivers=5)
    factors = []
    for columns in case.columns[:, 0]:
        for own in range(4):
            others = columns[[k for k in range(4) if k != own]].T
            explained = others @ torch.linalg.lstsq(others, columns[own]).solution
            factors.append(columns[own].square().sum() / (columns[own] - explained).square().sum())
    expected = torch.stack(factors).median()
    assert variance_inflation(case.form) == pytest.approx(float(expected), rel=1e-6)


def test_candidates_that_have_nothing_in_common_inflate_nothing():
    case = problem(4, 2, receivers=3)
    form = replace(case.form, gram=3 * torch.eye(4, dtype=torch.float64).expand(3, 1, 4, 4))
    assert variance_inflation(form) == pytest.approx(1.0, rel=1e-6)


def test_senders_that_are_not_there_inflate_nothing():
    case = problem(4, 2, receivers=3)
    gram = torch.diag(torch.tensor([2.0, 0.0, 0.0, 0.0], dtype=torch.float64)).expand(3, 1, 4, 4)
    assert variance_inflation(replace(case.form, gram=gram)) == pytest.approx(1.0, rel=1e-6)
