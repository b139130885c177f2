"""Beyond enumeration: the chains keep their books, and agree with the exact answer where there is one."""

import pytest
import torch

from edgewise.inference.superposition.configurations import enumerate_configurations, one_hot, posterior_over
from edgewise.inference.superposition.model import QuadraticForm
from edgewise.inference.superposition.phases import ridge_types
from edgewise.inference.superposition.search import LADDER, Sampler, likely_table, sampled_posterior

from .forms import LEVEL, PRIORS, problem

every_number_of_types = pytest.mark.parametrize("n_types", [2, 3])
RECEIVERS, SLOTS = 4, 6


def case_of(n_types, strength=0.5, seed=0):
    return problem(SLOTS, n_types, receivers=RECEIVERS, prior=PRIORS[n_types], strength=strength, seed=seed)


def sampler_of(case, seed=0):
    form = case.form.map(lambda part: part[:, 0])
    return Sampler(form, LEVEL, case.log_prior, torch.Generator().manual_seed(seed))


def exact(case):
    table = enumerate_configurations(SLOTS, case.n_types)
    return posterior_over(case.form, table, LEVEL, case.log_prior)


@every_number_of_types
def test_the_weight_of_a_state_is_its_joint_probability(n_types):
    case = case_of(n_types)
    sampler = sampler_of(case)
    types = torch.tensor([[list(listed) for listed in case.configurations()[::50]]]).expand(RECEIVERS, -1, -1)
    chains = sampler.start(types)
    weight = chains.log_weight(sampler.linear, n_types)
    for receiver in range(RECEIVERS):
        joint = torch.stack(
            [
                case.log_likelihood(receiver, 0, tuple(state)) + case.log_prior_of(tuple(state))
                for state in types[receiver].tolist()
            ]
        )
        torch.testing.assert_close(
            weight[receiver] - weight[receiver, 0], joint - joint[0], rtol=1e-10, atol=1e-11
        )


@every_number_of_types
def test_the_field_is_right_after_sweeps_and_swaps(n_types):
    sampler = sampler_of(case_of(n_types))
    ladder = torch.tensor(LADDER, dtype=torch.float64)
    chains = sampler.start(sampler.random_start(2 * len(ladder)))
    before = chains.types.clone()
    for step in range(5):
        sampler.sweep(chains, ladder.repeat_interleave(2))
        sampler.swap(chains, ladder, step % 2)
    assert not torch.equal(chains.types, before)
    torch.testing.assert_close(chains.field, sampler.start(chains.types).field, rtol=1e-9, atol=1e-10)


@every_number_of_types
def test_a_swap_exchanges_whole_states_of_one_replica(n_types):
    sampler = sampler_of(case_of(n_types))
    ladder = torch.tensor(LADDER, dtype=torch.float64)
    chains = sampler.start(sampler.random_start(3 * len(ladder)))
    before = chains.types.clone().unflatten(1, (len(ladder), 3))
    sampler.swap(chains, ladder, 0)
    after = chains.types.unflatten(1, (len(ladder), 3))
    for rung in range(0, len(ladder), 2):
        pair = slice(rung, rung + 2)
        kept = (after[:, pair] == before[:, pair]).all(-1).all(1)
        exchanged = (after[:, pair] == before[:, pair].flip(1)).all(-1).all(1)
        assert (kept | exchanged).all()
    assert not torch.equal(after, before)


@every_number_of_types
def test_conditionals_are_those_of_the_joint(n_types):
    """Of the first slot swept, whose neighbours are still where they were."""
    case = case_of(n_types)
    sampler = sampler_of(case)
    start = sampler.random_start(3)
    temperature = torch.tensor([1.0, 2.0, 5.0], dtype=torch.float64)
    conditionals = sampler.sweep(sampler.start(start), temperature).softmax(-1)
    for receiver in range(RECEIVERS):
        for chain in range(3):
            rest = start[receiver, chain, 1:].tolist()
            joint = torch.stack(
                [
                    case.log_likelihood(receiver, 0, (k, *rest)) + case.log_prior_of((k, *rest))
                    for k in range(n_types)
                ]
            )
            expected = (joint / temperature[chain]).softmax(0)
            torch.testing.assert_close(conditionals[receiver, chain, 0], expected, rtol=1e-9, atol=1e-12)


@every_number_of_types
def test_parallel_tempering_agrees_with_the_exact_posterior(n_types):
    """1600 draws of each slot's conditional: a standard error of at most 0.01."""
    case = case_of(n_types, strength=0.35, seed=3)
    expected = exact(case).probability[:, 0]
    assert ((expected > 0.1) & (expected < 0.9)).any()  # a problem with doubts
    found = sampled_posterior(sampler_of(case), sweeps=200, burn_in=30, replicas=8)
    torch.testing.assert_close(found.sum(-1), torch.ones(RECEIVERS, SLOTS, dtype=torch.float64))
    assert (found - expected).abs().max() < 0.03


def test_the_same_generator_gives_the_same_walk():
    case = case_of(2)
    first, again = (sampled_posterior(sampler_of(case), sweeps=5, burn_in=2) for _ in range(2))
    other = sampled_posterior(sampler_of(case, seed=1), sweeps=5, burn_in=2)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@every_number_of_types
def test_the_likely_table_holds_the_best_configuration_and_each_row_once(n_types):
    case = case_of(n_types, strength=0.8)
    table, repeated = likely_table(sampler_of(case))
    everything = enumerate_configurations(SLOTS, n_types)
    for receiver in range(RECEIVERS):
        kept = [tuple(row) for row in table[receiver][~repeated[receiver]].tolist()]
        assert len(set(kept)) == len(kept)
        assert set(kept) == {tuple(row) for row in table[receiver].tolist()}
        best = everything[case.joint(receiver).argmax()]
        assert tuple(best.tolist()) in kept
    bound = posterior_over(case.form, table[:, None], LEVEL, case.log_prior, absent=repeated)
    gap = exact(case).log_evidence - bound.log_evidence
    assert (gap >= -1e-9).all()
    assert gap.max() < 2.0


def test_a_start_that_is_given_is_walked_from():
    """No random chain finds a far-off mode at once; the one that starts there keeps it."""
    case = problem(20, 2, receivers=1, strength=3.0, seed=1)
    sampler = sampler_of(case)
    form = case.form.map(lambda part: part[:, 0])
    start = ridge_types(form, LEVEL, 2)
    table, repeated = likely_table(sampler, start=start)
    kept = posterior_over(case.form, table[:, None], LEVEL, case.log_prior, absent=repeated)
    alone = one_hot(start, 2)[:, None, None]
    assert (kept.log_evidence >= posterior_over(case.form, alone, LEVEL, case.log_prior).log_evidence).all()


@every_number_of_types
def test_ridge_rounds_to_the_graph_that_made_clear_data(n_types):
    case = problem(3, n_types, receivers=RECEIVERS, strength=6.0)
    types = ridge_types(case.form.map(lambda part: part[:, 0]), LEVEL, n_types)
    for receiver in range(RECEIVERS):
        assert tuple(types[receiver].tolist()) == case.configurations()[int(case.joint(receiver).argmax())]


def test_of_two_sharp_modes_the_likelier_counts():
    """Six nearly collinear senders: every configuration with one edge is a mode; the fourth sender is the true one."""
    generator = torch.Generator().manual_seed(0)
    shared = torch.randn(400, generator=generator, dtype=torch.float64)
    own = torch.randn(6, 400, generator=generator, dtype=torch.float64)
    columns = 100 * (shared + 0.1 * own)
    residual = columns[3]
    form = QuadraticForm(
        gram=(columns @ columns.T)[None],
        cross=(columns @ residual)[None],
        square=(residual @ residual)[None],
        log_scale=torch.zeros(1, dtype=torch.float64),
        count=torch.full((1,), 400.0, dtype=torch.float64),
    )
    level, log_prior = (
        torch.ones((), dtype=torch.float64),
        torch.tensor([0.5, 0.5], dtype=torch.float64).log(),
    )
    sampler = Sampler(form, level, log_prior, torch.Generator().manual_seed(1))
    wrong = torch.tensor([[[1, 0, 0, 0, 0, 0]]])
    found = sampled_posterior(sampler, sweeps=20, burn_in=20, replicas=4, start=wrong)[0, :, 1]
    assert found.tolist() == pytest.approx([0, 0, 0, 1, 0, 0], abs=1e-6)
