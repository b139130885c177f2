"""Graphs without cycles against plain loops over orders."""

import itertools

import pytest
import torch

from edgewise.inference.linear import orders
from edgewise.inference.linear.choice import all_others
from edgewise.inference.linear.orders import acyclic_inclusion


def weights(n, m, seed=0):
    return 2 * torch.randn(n, 1 << m, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def by_loops(weight, candidates):
    """The sum over orders, and over sets of senders that come before."""
    n, m = candidates.shape
    total, acting = 0.0, torch.zeros(n, m, dtype=torch.float64)
    for order in itertools.permutations(range(n)):
        place = {entity: at for at, entity in enumerate(order)}
        sums, held = [], []
        for i in range(n):
            allowed = [
                s
                for s in range(1 << m)
                if all(place[int(candidates[i, c])] < place[i] for c in range(m) if s >> c & 1)
            ]
            values = weight[i, allowed].exp()
            sums.append(float(values.sum()))
            held.append(
                [float(sum(v for s, v in zip(allowed, values, strict=True) if s >> c & 1)) for c in range(m)]
            )
        product = float(torch.tensor(sums, dtype=torch.float64).prod())
        total += product
        share = torch.tensor(held, dtype=torch.float64) / torch.tensor(sums, dtype=torch.float64)[:, None]
        acting += product * share
    return acting / total


def test_the_sum_over_orders_is_that_of_plain_loops():
    weight, candidates = weights(4, 3), all_others(4).senders
    torch.testing.assert_close(acyclic_inclusion(weight, candidates, 0), by_loops(weight, candidates))


def test_with_few_candidates_too():
    weight, candidates = weights(4, 2, 1), torch.tensor([[3, 1], [2, 0], [0, 1], [0, 2]])
    torch.testing.assert_close(acyclic_inclusion(weight, candidates, 0), by_loops(weight, candidates))


def test_drawn_orders_agree_with_the_sum(monkeypatch):
    weight, candidates = weights(5, 4, 2), all_others(5).senders
    exact = acyclic_inclusion(weight, candidates, 0)
    monkeypatch.setattr(orders, "EXACTLY", 4)
    drawn = acyclic_inclusion(weight, candidates, 0)
    torch.testing.assert_close(drawn, exact, atol=0.08, rtol=0)
    torch.testing.assert_close(acyclic_inclusion(weight, candidates, 0), drawn, atol=0, rtol=0)


def test_evidence_beyond_the_range_of_floats_is_no_matter():
    weight = 1000 * weights(4, 3, 3)
    found = acyclic_inclusion(weight, all_others(4).senders, 0)
    assert torch.isfinite(found).all()


def test_two_that_would_explain_each_other_share_one_edge():
    weight = torch.tensor([[0.0, 50.0], [0.0, 50.0]], dtype=torch.float64)
    found = acyclic_inclusion(weight, all_others(2).senders, 0)
    assert float(found.sum()) == pytest.approx(1)
