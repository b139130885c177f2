"""Profiled gains: against a numerical search over offset and gain, and what must not change."""

import itertools
import math

import pytest
import torch
from scipy.optimize import minimize_scalar

from edgewise.inference.superposition.configurations import enumerate_configurations, posterior_over
from edgewise.inference.superposition.gain import SILENT, at_gain, inverse_gain, without_offset
from edgewise.inference.superposition.model import QuadraticForm
from edgewise.inference.superposition.strengths import strengths_of, strengths_of_scaled

RECEIVERS, SLOTS, FRAMES = 3, 3, 12
LEVEL = torch.tensor(0.3, dtype=torch.float64)
PRIOR = torch.tensor([0.7, 0.3], dtype=torch.float64)


def random(*size, seed):
    return torch.randn(*size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def series(windows=1):
    """y [receiver, window, frame], what is always on, and the messages [.., slot, frame]."""
    messages = random(RECEIVERS, windows, SLOTS, FRAMES, seed=1)
    always = 0.3 * random(RECEIVERS, windows, FRAMES, seed=2)
    signal = always + messages[:, :, 0] + 0.5 * random(RECEIVERS, windows, FRAMES, seed=3)
    return 4.0 + 2.5 * signal, always, messages


def raw_form(y, always, messages):
    columns = torch.cat([torch.ones_like(y)[:, :, None], always[:, :, None], messages], 2)
    count = torch.full(y.shape[:2], float(y.shape[-1]), dtype=torch.float64)
    return QuadraticForm(
        columns @ columns.transpose(-1, -2),
        (columns @ y[..., None])[..., 0],
        y.square().sum(-1),
        torch.zeros_like(count),
        count,
    )


def best_log_likelihood(y, always, messages, chosen):
    """max over h of (n - 1) (log h - log(2 pi level) / 2) - |h y - x|^2 / (2 level), everything about its mean."""
    x = always + sum((messages[s] for s in range(SLOTS) if chosen[s]), torch.zeros_like(y))
    y, x = y - y.mean(), x - x.mean()
    n = len(y) - 1

    def loss(log_h):
        h = math.exp(log_h)
        return -(n * log_h - float((h * y - x).square().sum() / (2 * LEVEL)))

    found = minimize_scalar(loss, bounds=(-12, 6), method="bounded", options={"xatol": 1e-10})
    return -found.fun - 0.5 * n * math.log(2 * math.pi * LEVEL), math.exp(found.x)


def every_joint(y, always, messages, receiver, window):
    own = [part[receiver, window] for part in (y, always, messages)]
    rows = [best_log_likelihood(*own, chosen)[0] for chosen in itertools.product([0, 1], repeat=SLOTS)]
    return torch.tensor(rows, dtype=torch.float64)


def prior_of_each():
    configurations = itertools.product([0, 1], repeat=SLOTS)
    return torch.tensor([sum(math.log(PRIOR[k]) for k in c) for c in configurations], dtype=torch.float64)


def found_over(form, **choices):
    table = enumerate_configurations(SLOTS, 2)
    return posterior_over(form, table, LEVEL, PRIOR.log(), gain=True, **choices)


def test_evidence_and_posterior_are_those_of_the_best_offset_and_gain():
    data = series()
    found = found_over(without_offset(raw_form(*data)))
    table = enumerate_configurations(SLOTS, 2)
    for receiver in range(RECEIVERS):
        joint = every_joint(*data, receiver, 0) + prior_of_each()
        torch.testing.assert_close(found.log_evidence[receiver], joint.logsumexp(0), rtol=1e-7, atol=1e-6)
        torch.testing.assert_close(
            found.probability[receiver, 0, :, 1], joint.softmax(0) @ table, rtol=1e-5, atol=1e-8
        )


def test_windows_of_one_graph_add_up_each_with_its_own_gain():
    data = series(windows=2)
    found = found_over(without_offset(raw_form(*data)), pooled=True)
    assert found.probability.shape[1] == 1
    joint = sum(every_joint(*data, 0, window) for window in range(2)) + prior_of_each()
    torch.testing.assert_close(found.log_evidence[0], joint.logsumexp(0), rtol=1e-7, atol=1e-6)


@pytest.mark.parametrize("pooled", [False, True])
def test_gradients_are_exact(pooled):
    form = without_offset(raw_form(*series(windows=2 if pooled else 1)))

    def evidence(gram, cross, square):
        parts = QuadraticForm((gram + gram.transpose(-1, -2)) / 2, cross, square, form.log_scale, form.count)
        return found_over(parts, pooled=pooled).log_evidence

    inputs = [part.clone().requires_grad_() for part in (form.gram, form.cross, form.square)]
    assert torch.autograd.gradcheck(evidence, inputs)


def test_a_series_says_the_same_on_any_scale():
    y, always, messages = series()
    one = found_over(without_offset(raw_form(y, always, messages)))
    other = found_over(without_offset(raw_form(-7 + 30 * y, always, messages)))
    torch.testing.assert_close(one.probability, other.probability, rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(one.square, other.square, rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(one.inverse_gain, 30 * other.inverse_gain, rtol=1e-6, atol=1e-9)


def test_a_gain_is_positive():
    y, always, messages = series()
    turned = found_over(without_offset(raw_form(-y, 0 * always, messages)))
    assert (turned.inverse_gain > 0).all()
    plain = found_over(without_offset(raw_form(y, 0 * always, messages)))
    assert (plain.probability[:, 0, 0, 1] > turned.probability[:, 0, 0, 1]).all()


def test_a_series_that_never_changes_hears_nobody():
    y, always, messages = series()
    found = found_over(without_offset(raw_form(torch.full_like(y, 3.0), 0 * always, messages)))
    assert (found.probability[..., 1] < 0.2).all()
    assert found.log_evidence.isfinite().all()


def test_offsets_of_messages_and_target_count_for_nothing():
    y, always, messages = series()
    shifted = raw_form(y, always + 5, messages - 2 * torch.arange(1.0, 4.0, dtype=torch.float64)[:, None])
    one, other = without_offset(raw_form(y, always, messages)), without_offset(shifted)
    for name in ("gram", "cross", "square", "count"):
        torch.testing.assert_close(getattr(one, name), getattr(other, name), rtol=1e-8, atol=1e-8)
    expected = (y - y.mean(-1, keepdim=True)).square().sum(-1) + SILENT * FRAMES
    torch.testing.assert_close(one.square, expected)


def test_the_inverse_gain_solves_its_equation_for_either_sign():
    form = without_offset(raw_form(*series()))
    linear = torch.linspace(-20, 20, 9, dtype=torch.float64).expand(RECEIVERS, 1, 9)
    h = inverse_gain(form, linear, LEVEL)
    slope = form.count[..., None] / h - (h * form.square[..., None] - linear) / LEVEL
    torch.testing.assert_close(slope * h, torch.zeros_like(h), atol=1e-8, rtol=0)


def test_strengths_of_a_scaled_series_are_the_regression_at_the_best_gain():
    y, always, messages = (part[0, 0] for part in series())
    form = without_offset(raw_form(*series())).map(lambda part: part[:1, 0])
    found, h = strengths_of_scaled(form, LEVEL)
    centred = messages - messages.mean(-1, keepdim=True)
    spread = centred.T @ centred + LEVEL * torch.eye(FRAMES)
    spread = spread.double()

    def loss(log_h):
        left = math.exp(log_h) * (y - y.mean()) - (always - always.mean())
        return -((FRAMES - 1) * log_h - 0.5 * float(left @ torch.linalg.solve(spread, left)))

    best = minimize_scalar(loss, bounds=(-12, 6), method="bounded", options={"xatol": 1e-10})
    assert float(h[0]) == pytest.approx(math.exp(best.x), rel=1e-5)
    constant = -0.5 * (torch.linalg.slogdet(spread)[1] - LEVEL.log()) - 0.5 * (FRAMES - 1) * math.log(
        2 * math.pi
    )
    assert float(found.log_evidence[0]) == pytest.approx(float(constant) - best.fun, rel=1e-6)
    plain = strengths_of(at_gain(form, h), LEVEL)
    torch.testing.assert_close(found.mean, plain.mean)
