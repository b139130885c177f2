"""Sums with rectified weights are those of all pairs, in digits, gradients and memory."""

import pytest
import torch

from edgewise.nn.non_local.rectified import rectified_sums


def random(*size, seed=0):
    return torch.randn(*size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def all_pairs(receivers, senders, values):
    return values @ (receivers[..., :, None] + senders[..., None, :]).relu().mT


def inputs(n, m, shift=0.0, batch=(2,)):
    parts = random(*batch, n) + shift, random(*batch, m, seed=1), random(*batch, 3, m, seed=2)
    return [part.requires_grad_() for part in parts]


CASES = {
    "square": (9, 9, 0.0),
    "pooled": (9, 4, 0.0),
    "everybody": (5, 6, 50.0),
    "nobody": (5, 6, -50.0),
    "one of each": (1, 1, 0.0),
    "leads": (4, 6, 0.0, (2, 3)),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_it_is_the_sum_over_all_pairs_with_its_gradients(case):
    parts = inputs(*case)
    outs = [form(*parts) for form in (rectified_sums, all_pairs)]
    torch.testing.assert_close(*outs, rtol=1e-11, atol=1e-11)
    grad = random(*outs[0].shape, seed=5)
    for left, right in zip(*(torch.autograd.grad(out, parts, grad) for out in outs), strict=True):
        torch.testing.assert_close(left, right, rtol=1e-11, atol=1e-11)


def test_first_and_second_gradients_are_exact():
    parts = inputs(4, 5)
    assert torch.autograd.gradcheck(rectified_sums, parts)
    assert torch.autograd.gradgradcheck(rectified_sums, parts)


def test_equal_thresholds_and_a_sum_of_exactly_zero():
    """At a_i + b_j = 0 the weight is 0, and so is ReLU's gradient there."""
    receivers = torch.tensor([1.0, -1.0, 0.0, 1.0], dtype=torch.float64, requires_grad=True)
    senders = torch.tensor([-1.0, 1.0, 1.0, 0.0, -1.0], dtype=torch.float64, requires_grad=True)
    parts = receivers, senders, random(2, 5, seed=2).requires_grad_()
    outs = [form(*parts) for form in (rectified_sums, all_pairs)]
    torch.testing.assert_close(*outs)
    grads = (torch.autograd.grad(out.square().sum(), parts) for out in outs)
    for left, right in zip(*grads, strict=True):
        torch.testing.assert_close(left, right)


@pytest.mark.parametrize("far", [1.0, 1e3])
def test_float32_keeps_its_digits_over_many_senders(far):
    """Far thresholds make the two prefix sums large and their difference small."""
    n = 3000
    parts = random(n) + far, random(n, seed=1) - far, random(2, n, seed=2)
    single = [part.float() for part in parts]
    exact = all_pairs(*(part.double() for part in single))
    scale = exact.abs().max()
    assert (rectified_sums(*single).double() - exact).abs().max() < 2e-7 * scale
    assert rectified_sums(*single).dtype == torch.float32


def test_permuting_senders_changes_nothing():
    receivers, senders, values = inputs(7, 8)
    order = torch.randperm(8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(
        rectified_sums(receivers, senders[:, order], values[..., order]),
        rectified_sums(receivers, senders, values),
    )


def test_nothing_grows_with_the_number_of_pairs():
    """The largest tensor that autograd keeps or makes is linear in the positions."""
    n, sizes = 500, []

    def seen(tensor):
        sizes.append(tensor.numel())
        return tensor

    parts = inputs(n, n, batch=())
    with torch.autograd.graph.saved_tensors_hooks(seen, lambda tensor: tensor):
        rectified_sums(*parts).sum().backward()
    assert max(sizes) <= 2 * 3 * (n + 1)
