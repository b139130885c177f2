"""Continuous strengths integrated out, against the dense multivariate normal."""

import pytest
import torch

from edgewise.inference.superposition.model import QuadraticForm
from edgewise.inference.superposition.strengths import strengths_of

from .forms import LEVEL, NUMBERS, SIZES, problem

every_size = pytest.mark.parametrize(("n_slots", "n_types"), SIZES)


@every_size
def test_evidence_is_the_density_of_the_dense_normal(n_slots, n_types):
    case = problem(n_slots, n_types)
    found = strengths_of(case.form, LEVEL)
    for receiver in range(2):
        a, r = case.columns[receiver, 0], case.residual[receiver, 0]
        covariance = LEVEL * torch.eye(NUMBERS, dtype=torch.float64) + a.T @ a
        dense = torch.distributions.MultivariateNormal(torch.zeros_like(r), covariance)
        expected = dense.log_prob(r) - case.log_scale[receiver, 0]
        torch.testing.assert_close(found.log_evidence[receiver, 0], expected, rtol=1e-12, atol=1e-11)


@every_size
def test_mean_and_expected_residual_are_those_of_the_posterior(n_slots, n_types):
    case = problem(n_slots, n_types)
    found = strengths_of(case.form, LEVEL)
    for receiver in range(2):
        a, r = case.columns[receiver, 0], case.residual[receiver, 0]
        dense = LEVEL * torch.eye(NUMBERS, dtype=torch.float64) + a.T @ a
        mean = a @ torch.linalg.solve(dense, r)
        spread = torch.eye(len(a), dtype=torch.float64) - a @ torch.linalg.solve(dense, a.T)
        torch.testing.assert_close(found.mean[receiver, 0], mean, rtol=1e-10, atol=1e-12)
        square = (r - a.T @ mean).square().sum() + (a.T @ spread @ a).trace()
        torch.testing.assert_close(found.square[receiver, 0], square, rtol=1e-10, atol=1e-12)


def test_its_gradient_is_exact():
    case = problem(3, 2)
    form = case.form

    def evidence(gram, cross, square, log_scale):
        symmetric = (gram + gram.transpose(-1, -2)) / 2
        return strengths_of(
            QuadraticForm(symmetric, cross, square, log_scale, form.count), LEVEL
        ).log_evidence

    inputs = [part.clone().requires_grad_() for part in (form.gram, form.cross, form.square, form.log_scale)]
    assert torch.autograd.gradcheck(evidence, inputs)
