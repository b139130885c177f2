"""The enumerated posterior is exact: against a loop over all configurations with Gaussian densities by the book."""

import math

import pytest
import torch

from edgewise.inference.superposition import configurations
from edgewise.inference.superposition.configurations import enumerate_configurations, one_hot, posterior_over
from edgewise.inference.superposition.model import QuadraticForm

from .forms import LEVEL, PRIORS, SIZES, marginals, problem

every_size = pytest.mark.parametrize(("n_slots", "n_types"), SIZES)


def exact(case, **choices):
    table = enumerate_configurations(case.n_slots, case.n_types)
    return posterior_over(case.form, table, LEVEL, case.log_prior, **choices)


def case_of(n_slots, n_types, **choices):
    return problem(n_slots, n_types, prior=PRIORS[n_types], **choices)


def test_configurations_are_listed_with_the_last_slot_fastest():
    table = enumerate_configurations(2, 3)
    assert table.dtype == torch.float64
    assert table.tolist()[:4] == [[0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [1, 0, 0, 0]]
    assert len({tuple(row) for row in table.tolist()}) == 9


def test_type_0_is_all_zeros_and_the_others_one_hot():
    assert one_hot(torch.tensor([[0, 2], [1, 0]]), 3).tolist() == [[0, 0, 0, 1], [1, 0, 0, 0]]


@every_size
def test_evidence_and_posterior_equal_the_sum_over_all_configurations(n_slots, n_types):
    case = case_of(n_slots, n_types)
    found = exact(case)
    for receiver in range(2):
        joint = case.joint(receiver)
        torch.testing.assert_close(found.log_evidence[receiver], joint.logsumexp(0), rtol=1e-12, atol=1e-10)
        expected = marginals(case, joint.softmax(0))
        torch.testing.assert_close(found.probability[receiver, 0], expected, rtol=1e-9, atol=1e-14)


@every_size
def test_the_expected_residual_is_that_of_the_posterior(n_slots, n_types):
    case = case_of(n_slots, n_types)
    square = exact(case).square
    for receiver in range(2):
        weights = case.joint(receiver).softmax(0)
        left = torch.stack(
            [case.left_over(receiver, 0, types).square().sum() for types in case.configurations()]
        )
        torch.testing.assert_close(square[receiver], (weights * left).sum(), rtol=1e-11, atol=1e-12)


@every_size
@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_tempering_flattens_the_sum_and_its_weights(n_slots, n_types, temperature):
    case = case_of(n_slots, n_types)
    found = exact(case, temperature=temperature)
    form = case.form
    # the constants of the density are not tempered
    constant = 0.5 * form.count[:, 0] * math.log(2 * math.pi * float(LEVEL)) + form.log_scale[:, 0]
    for receiver in range(2):
        joint = case.joint(receiver) + constant[receiver]
        expected = temperature * (joint / temperature).logsumexp(0) - constant[receiver]
        torch.testing.assert_close(found.log_evidence[receiver], expected, rtol=1e-12, atol=1e-10)
        weights = (joint / temperature).softmax(0)
        torch.testing.assert_close(
            found.probability[receiver, 0], marginals(case, weights), rtol=1e-9, atol=1e-14
        )


@every_size
@pytest.mark.parametrize(("windows", "temperature"), [(1, 1.0), (1, 2.5), (3, 1.0), (3, 2.5)])
def test_the_gradient_of_the_evidence_is_exact(n_slots, n_types, windows, temperature):
    case = case_of(n_slots, n_types, windows=windows, receivers=1)
    table, form = enumerate_configurations(n_slots, n_types), case.form

    def evidence(gram, cross, square, log_scale):
        symmetric = (gram + gram.transpose(-1, -2)) / 2
        varied = QuadraticForm(symmetric, cross, square, log_scale, form.count)
        return posterior_over(
            varied, table, LEVEL, case.log_prior, temperature=temperature, stay=0.8
        ).log_evidence

    inputs = [part.clone().requires_grad_() for part in (form.gram, form.cross, form.square, form.log_scale)]
    assert torch.autograd.gradcheck(evidence, inputs)


def test_the_gradient_over_a_table_of_each_receiver_is_exact():
    case = case_of(4, 2, receivers=3)
    types = torch.randint(0, 2, (3, 7, 4), generator=torch.Generator().manual_seed(0))
    table = one_hot(types, 2)[:, None]
    absent = torch.zeros(3, 7, dtype=torch.bool)
    absent[:, 2] = True

    def evidence(gram, cross, square):
        varied = QuadraticForm(
            (gram + gram.transpose(-1, -2)) / 2, cross, square, case.form.log_scale, case.form.count
        )
        return posterior_over(varied, table, LEVEL, case.log_prior, absent=absent).log_evidence

    inputs = [part.clone().requires_grad_() for part in (case.form.gram, case.form.cross, case.form.square)]
    assert torch.autograd.gradcheck(evidence, inputs)


@every_size
def test_a_table_of_each_receiver_gives_what_a_common_one_does(n_slots, n_types):
    case = case_of(n_slots, n_types)
    table = enumerate_configurations(n_slots, n_types)
    own = posterior_over(
        case.form, table.expand(2, 1, *table.shape).contiguous(), LEVEL, case.log_prior, temperature=1.5
    )
    common = exact(case, temperature=1.5)
    for name in ("log_evidence", "probability", "square"):
        torch.testing.assert_close(getattr(own, name), getattr(common, name), rtol=1e-12, atol=1e-13)


def test_rows_marked_as_absent_do_not_count():
    case = case_of(4, 2)
    table = enumerate_configurations(4, 2)
    repeated = torch.cat([table, table[3:7], table[:1]])
    absent = torch.zeros(2, len(repeated), dtype=torch.bool)
    absent[:, len(table) :] = True
    found = posterior_over(
        case.form, repeated.expand(2, 1, -1, -1).contiguous(), LEVEL, case.log_prior, absent=absent
    )
    expected = exact(case)
    torch.testing.assert_close(found.log_evidence, expected.log_evidence, rtol=1e-13, atol=1e-12)
    torch.testing.assert_close(found.probability, expected.probability, rtol=1e-12, atol=1e-14)


@every_size
def test_a_truncated_table_is_a_lower_bound_and_the_posterior_of_its_graphs(n_slots, n_types):
    case = case_of(n_slots, n_types)
    table = enumerate_configurations(n_slots, n_types)
    kept = list(range(0, len(table), 2))
    found = posterior_over(case.form, table[kept], LEVEL, case.log_prior)
    assert (found.log_evidence < exact(case).log_evidence).all()
    for receiver in range(2):
        joint = case.joint(receiver)
        weights = torch.zeros_like(joint)
        weights[kept] = joint[kept].softmax(0)
        torch.testing.assert_close(
            found.probability[receiver, 0], marginals(case, weights), rtol=1e-9, atol=1e-14
        )


def test_no_probability_is_lost_below_rounding():
    """Type 0 is certain to 1e-30 and more: its complement would be rounded to zero."""
    case = problem(2, 2, receivers=1)
    form = QuadraticForm(
        case.form.gram, case.form.cross + 200, case.form.square + 1e4, case.form.log_scale, case.form.count
    )
    probability = posterior_over(form, enumerate_configurations(2, 2), LEVEL, case.log_prior).probability
    assert 0 < float(probability[..., 0].max()) < 1e-30


def test_receivers_are_scored_in_parts_of_bounded_size(monkeypatch):
    case = case_of(4, 2, receivers=7, windows=2)
    whole = exact(case, stay=0.7)
    monkeypatch.setattr(configurations, "CHUNK", 3 * 16 * 2)
    for name in ("log_evidence", "probability", "square"):
        torch.testing.assert_close(
            getattr(exact(case, stay=0.7), name), getattr(whole, name), rtol=1e-12, atol=1e-14
        )
