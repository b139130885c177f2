"""Samples and the bound: known distributions, sums written out, gradients."""

import math

import pytest
import torch

from edgewise.inference.nri.gumbel import gumbel_noise, relaxed_sample
from edgewise.inference.nri.objective import categorical_kl, gaussian_nll


def test_the_argmax_of_noisy_logits_has_the_categorical_distribution():
    torch.manual_seed(0)
    logits = torch.tensor([0.5, -1.0, 1.2]).expand(200_000, 3)
    hard = relaxed_sample(logits, gumbel_noise(logits), 0.5, hard=True)
    torch.testing.assert_close(hard.mean(0), logits[0].softmax(-1), atol=5e-3, rtol=0)


def test_gumbel_noise_has_its_mean_and_variance():
    torch.manual_seed(0)
    noise = gumbel_noise(torch.empty(400_000))
    assert noise.mean().item() == pytest.approx(0.5772, abs=0.01)
    assert noise.var().item() == pytest.approx(math.pi**2 / 6, rel=0.02)
    assert bool(noise.isfinite().all())


def test_a_soft_sample_is_the_tempered_softmax():
    logits, noise = torch.tensor([1.0, 0.0]).double(), torch.tensor([0.2, -0.4]).double()
    soft = relaxed_sample(logits, noise, 0.5)
    expected = math.exp(1.2 / 0.5) / (math.exp(1.2 / 0.5) + math.exp(-0.4 / 0.5))
    assert soft[0].item() == pytest.approx(expected)
    assert soft.sum().item() == pytest.approx(1.0)
    cold = relaxed_sample(logits, noise, 1e-3)
    torch.testing.assert_close(cold, torch.tensor([1.0, 0.0]).double())


def test_a_hard_sample_is_one_hot_and_has_the_gradient_of_the_soft_one():
    torch.manual_seed(0)
    logits = torch.randn(7, 3, dtype=torch.float64)
    noise, outer = gumbel_noise(logits), torch.randn(7, 3, dtype=torch.float64)
    gradients = []
    for hard in (False, True):
        leaf = logits.clone().requires_grad_()
        sample = relaxed_sample(leaf, noise, 0.7, hard=hard)
        (sample * outer).sum().backward()
        gradients.append(leaf.grad)
    assert torch.equal(gradients[0], gradients[1])
    values = sample.detach()
    torch.testing.assert_close(values.sum(-1), torch.ones(7, dtype=torch.float64))
    torch.testing.assert_close(values.max(-1).values, torch.ones(7, dtype=torch.float64))
    assert torch.equal(values.argmax(-1), (logits + noise).argmax(-1))


def test_gradients_of_a_sample():
    logits = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    noise = gumbel_noise(logits.detach())
    assert torch.autograd.gradcheck(lambda x: relaxed_sample(x, noise, 0.5), (logits,))


def test_the_likelihood_is_the_sum_over_frames_and_features_a_system_and_entity():
    torch.manual_seed(0)
    made, truth = torch.randn(2, 5, 3, 4).double(), torch.randn(2, 5, 3, 4).double()
    total = 0.0
    for b in range(2):
        for t in range(5):
            for i in range(3):
                for d in range(4):
                    total += float(truth[b, t, i, d] - made[b, t, i, d]) ** 2 / (2 * 5e-5)
    assert gaussian_nll(made, truth, 5e-5).item() == pytest.approx(total / (2 * 3))


@pytest.mark.parametrize("prior", [(0.5, 0.25, 0.25), (1 / 3, 1 / 3, 1 / 3)])
def test_the_divergence_is_its_sum(prior):
    torch.manual_seed(0)
    log_q = torch.randn(2, 4, 3, 3).double().log_softmax(-1)
    total = 0.0
    for q in log_q.exp().flatten(0, 2).tolist():
        total += sum(q[k] * math.log(q[k] / prior[k]) for k in range(3))
    found = categorical_kl(log_q, torch.tensor(prior).double().log(), 4)
    assert found.item() == pytest.approx(total / (2 * 4))


def test_a_posterior_that_is_the_prior_costs_nothing():
    log_prior = torch.tensor([0.9, 0.1]).double().log()
    assert categorical_kl(log_prior.expand(2, 4, 3, 2), log_prior, 4).item() == pytest.approx(0, abs=1e-12)
