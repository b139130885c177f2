"""Continuous strengths: sets of acting senders summed out, against a loop over them with dense normal densities."""

import itertools

import pytest
import torch
from scipy.optimize import brentq
from scipy.stats import norm

from edgewise.inference.superposition.model import QuadraticForm
from edgewise.inference.superposition.slab import (
    Mixture,
    enumerated_strengths,
    reported,
    slab_moments,
)

from .forms import LEVEL, NUMBERS, problem

LOG_PRIOR = torch.tensor([0.7, 0.3], dtype=torch.float64).log()
SLOTS = 4


def one_window(case):
    return case.form.map(lambda part: part[:, 0])


def by_the_book(case, receiver):
    """For every set: its log joint, and the mean and covariance of the strengths of all slots (0 outside the set)."""
    a, r = case.columns[receiver, 0], case.residual[receiver, 0]
    rows = []
    for members in itertools.product((False, True), repeat=len(a)):
        inside = torch.tensor(members)
        some = a[inside]
        dense = LEVEL * torch.eye(NUMBERS, dtype=torch.float64) + some.T @ some
        density = torch.distributions.MultivariateNormal(torch.zeros_like(r), dense).log_prob(r)
        prior = LOG_PRIOR[inside.long()].sum()
        mean, covariance = torch.zeros(len(a)).double(), torch.zeros(len(a), len(a)).double()
        mean[inside] = some @ torch.linalg.solve(dense, r)
        spread = torch.eye(len(some), dtype=torch.float64) - some @ torch.linalg.solve(dense, some.T)
        covariance[inside.nonzero(), inside.nonzero().T] = spread
        rows.append((inside, density + prior - case.log_scale[receiver, 0], mean, covariance))
    inside, joint, mean, covariance = (torch.stack(part) for part in zip(*rows, strict=True))
    return inside, joint, mean, covariance


@pytest.mark.parametrize("seed", [0, 1])
def test_evidence_and_moments_are_those_of_a_loop_over_sets(seed):
    case = problem(SLOTS, 2, seed=seed)
    found = slab_moments(one_window(case), LEVEL, LOG_PRIOR)
    for receiver in range(2):
        inside, joint, mean, covariance = by_the_book(case, receiver)
        weight = joint.softmax(0)
        second = torch.einsum("s,sij->ij", weight, covariance + mean[:, :, None] * mean[:, None])
        a, r = case.columns[receiver, 0], case.residual[receiver, 0]
        expected_mean = weight @ mean
        square = r @ r - 2 * (a @ r) @ expected_mean + (second * (a @ a.T)).sum()
        expected = {
            "log_evidence": joint.logsumexp(0),
            "probability": weight @ inside.double(),
            "mean": expected_mean,
            "power": second.diagonal(),
            "square": square,
        }
        for name, value in expected.items():
            torch.testing.assert_close(getattr(found, name)[receiver], value, rtol=1e-9, atol=1e-10)


def test_the_gradient_of_the_evidence_is_exact():
    case = problem(3, 2)
    form = one_window(case)

    def evidence(gram, cross, square):
        whole = QuadraticForm((gram + gram.transpose(-1, -2)) / 2, cross, square, form.log_scale, form.count)
        return slab_moments(whole, LEVEL, LOG_PRIOR).log_evidence

    inputs = [part.clone().requires_grad_() for part in (form.gram, form.cross, form.square)]
    assert torch.autograd.gradcheck(evidence, inputs)


def test_an_interval_is_that_of_the_mixture_over_sets():
    case = problem(SLOTS, 2, seed=3)
    found = enumerated_strengths(one_window(case), LEVEL, LOG_PRIOR)
    for receiver, slot in itertools.product(range(2), range(SLOTS)):
        inside, joint, mean, covariance = by_the_book(case, receiver)
        weight = joint.softmax(0)

        def below(x, slot=slot, inside=inside, weight=weight, mean=mean, covariance=covariance):
            deviation = covariance[:, slot, slot].clamp_min(1e-30).sqrt()
            within = torch.from_numpy(norm.cdf(x, mean[:, slot].numpy(), deviation.numpy()))
            return float((weight * torch.where(inside[:, slot], within, float(x >= 0))).sum())

        for share, end in ((0.025, found.low), (0.975, found.high)):
            if below(-1e-12) < share <= below(0.0):
                assert end[receiver, slot] == 0
            else:
                expected = brentq(lambda x, share=share, below=below: below(x) - share, -20, 20)
                assert float(end[receiver, slot]) == pytest.approx(expected, abs=1e-5)
        second = weight @ (covariance[:, slot, slot] + mean[:, slot] ** 2)
        deviation = (second - (weight @ mean[:, slot]) ** 2).sqrt()
        torch.testing.assert_close(found.deviation[receiver, slot], deviation, rtol=1e-8, atol=1e-10)


def test_moments_of_both_ways_of_summing_agree():
    case = problem(SLOTS, 2, seed=4)
    summed = slab_moments(one_window(case), LEVEL, LOG_PRIOR)
    slot_by_slot = enumerated_strengths(one_window(case), LEVEL, LOG_PRIOR)
    torch.testing.assert_close(summed.probability, slot_by_slot.probability, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(summed.mean, slot_by_slot.mean, rtol=1e-10, atol=1e-12)


def test_permuting_the_senders_permutes_the_strengths():
    form = one_window(problem(SLOTS, 2, seed=5))
    order = torch.tensor([2, 0, 3, 1])
    turned = QuadraticForm(
        form.gram[:, order][:, :, order], form.cross[:, order], form.square, form.log_scale, form.count
    )
    before = enumerated_strengths(form, LEVEL, LOG_PRIOR)
    after = enumerated_strengths(turned, LEVEL, LOG_PRIOR)
    for name in ("probability", "mean", "deviation", "low", "high"):
        torch.testing.assert_close(
            getattr(after, name), getattr(before, name)[:, order], rtol=1e-9, atol=1e-6
        )


def test_a_sender_that_is_not_there_keeps_its_prior():
    form = one_window(problem(3, 2))
    form.gram[:, 1], form.gram[:, :, 1], form.cross[:, 1] = 0.0, 0.0, 0.0
    found = enumerated_strengths(form, LEVEL, LOG_PRIOR)
    torch.testing.assert_close(found.probability[:, 1], LOG_PRIOR.exp()[1].expand(2))
    torch.testing.assert_close(found.mean[:, 1], torch.zeros(2).double())


def test_the_point_mass_is_part_of_the_interval():
    one = torch.ones((), dtype=torch.float64)
    unsure = reported(Mixture(0.9 * one[None], 2.0 * one[None], 0.01 * one[None]))
    assert float(unsure.low) == 0  # a tenth says that nothing acts
    assert float(unsure.high) == pytest.approx(2 + 0.1 * norm.ppf(1 - 0.025 / 0.9), abs=1e-6)
    sure = reported(Mixture(0.99 * one[None], 2.0 * one[None], 0.01 * one[None]))
    assert float(sure.low) == pytest.approx(2 + 0.1 * norm.ppf((0.025 - 0.01) / 0.99), abs=1e-6)


def test_intervals_hold_the_strengths_of_data_that_the_model_draws():
    generator = torch.Generator().manual_seed(1)

    def normal(*size):
        return torch.randn(*size, generator=generator, dtype=torch.float64)

    n, numbers = 500, 30
    messages = 0.5 * normal(n, SLOTS, numbers)
    acts = torch.rand(n, SLOTS, generator=generator, dtype=torch.float64) < LOG_PRIOR.exp()[1]
    strength = acts * normal(n, SLOTS)
    residual = (strength[..., None] * messages).sum(1) + LEVEL.sqrt() * normal(n, numbers)
    form = QuadraticForm(
        gram=messages @ messages.transpose(-1, -2),
        cross=(messages @ residual[..., None])[..., 0],
        square=residual.square().sum(-1),
        log_scale=torch.zeros(n).double(),
        count=torch.full((n,), float(numbers)).double(),
    )
    found = enumerated_strengths(form, LEVEL, LOG_PRIOR)
    certain = (found.low < found.high) | (found.low != 0)  # an interval of 0 alone holds more than it says
    held = ((found.low <= strength) & (strength <= found.high))[certain]
    # 95 % with a tail that the point mass may hold whole: at least that, and not everything
    error = 3 * (0.05 * 0.95 / len(held)) ** 0.5
    assert 0.95 - error < float(held.double().mean()) < 0.99
    for low, high in ((0.0, 0.3), (0.3, 0.7), (0.7, 1.01)):
        some = (found.probability >= low) & (found.probability < high)
        gap = float((acts[some].double() - found.probability[some]).mean())
        assert abs(gap) < 3 * (0.25 / int(some.sum())) ** 0.5
