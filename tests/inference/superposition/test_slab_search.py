"""Sets of acting senders by sampling, against the sum over all of them."""

import itertools

import pytest
import torch

from edgewise.inference.superposition.slab import enumerated_strengths, slab_moments
from edgewise.inference.superposition.slab_search import SetChains, SetSampler, sampled_slab, swept_on

from .forms import LEVEL, problem

LOG_PRIOR = torch.tensor([0.6, 0.4], dtype=torch.float64).log()


def one_window(case):
    return case.form.map(lambda part: part[:, 0])


def sampler_of(case, seed=0):
    return SetSampler(one_window(case), LEVEL, LOG_PRIOR, torch.Generator().manual_seed(seed))


def test_swept_matrices_hold_the_conditionals_of_every_slot():
    sampler = sampler_of(problem(4, 2))
    sets = torch.tensor(list(itertools.product((False, True), repeat=4)))
    chains = SetChains(sets.expand(2, 16, 4), swept_on(sampler.augmented, sets.expand(2, 16, 4)))
    pivot, right = chains.conditionals()
    for receiver, number, slot in itertools.product(range(2), range(16), range(4)):
        whole = sampler.augmented[receiver]
        others = [k for k in range(4) if sets[number, k] and k != slot]
        inverse = torch.linalg.inv(whole[others][:, others]) if others else torch.zeros(0, 0).double()
        across = whole[slot, others] @ inverse
        expected = whole[slot, slot] - across @ whole[others, slot]
        torch.testing.assert_close(pivot[receiver, number, slot], expected, rtol=1e-9, atol=1e-10)
        expected = whole[slot, 4] - across @ whole[others, 4]
        torch.testing.assert_close(right[receiver, number, slot], expected, rtol=1e-9, atol=1e-10)


def test_a_step_of_a_chain_sweeps_to_the_matrix_of_its_set():
    sampler = sampler_of(problem(5, 2, seed=2))
    chains = sampler.start()
    temperature = torch.full((4,), 50.0, dtype=torch.float64)  # hot: most slots change
    moved = torch.zeros((), dtype=torch.int64)
    for _ in range(5):
        before = chains.acting.clone()
        sampler.sweep(chains, temperature)
        moved += (before != chains.acting).sum()
    assert moved > 20
    torch.testing.assert_close(chains.swept, swept_on(sampler.augmented, chains.acting), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("seed", [0, 1])
def test_sampling_agrees_with_the_sum_over_all_sets(seed):
    case = problem(6, 2, receivers=8, strength=0.5, seed=seed)
    case.messages[:, :, 1] = (
        case.messages[:, :, 0] + 0.2 * case.messages[:, :, 1]
    )  # two that are hard to tell apart
    form = one_window(case)
    exact, strengths = slab_moments(form, LEVEL, LOG_PRIOR), enumerated_strengths(form, LEVEL, LOG_PRIOR)
    moments, sampled = sampled_slab(form, LEVEL, LOG_PRIOR, seed=3)
    # averages of 96 dependent sweeps, each a conditional: a few per cent
    assert (sampled.probability - strengths.probability).abs().max() < 0.08
    assert (sampled.probability - strengths.probability).abs().mean() < 0.015
    assert (sampled.mean - strengths.mean).abs().mean() < 0.02
    assert (sampled.high - strengths.high).abs().mean() < 0.05
    assert (moments.square - exact.square).abs().max() < 0.1 * exact.square.mean()
    assert moments.log_evidence.isnan().all()


def test_the_same_seed_gives_the_same_strengths():
    form = one_window(problem(4, 2))
    one, two = (sampled_slab(form, LEVEL, LOG_PRIOR, seed=7)[1] for _ in range(2))
    assert torch.equal(one.mean, two.mean)
    assert torch.equal(one.low, two.low)
