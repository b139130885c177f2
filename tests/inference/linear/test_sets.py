"""The evidence of sets of senders against the plain formula, and sums over the lattice of sets."""

import numpy as np
import pytest
import torch

from edgewise.inference.linear.rows import Series, Terms, receiver_rows, regressions, rows_of
from edgewise.inference.linear.sets import inclusion, log_evidence, over_subsets, over_supersets, with_prior

TERMS = Terms(lags=1, instantaneous=True)


def series(n=4, frames=40, n_features=2, seed=0):
    raw = np.random.default_rng(seed).normal(size=(frames, n, n_features)).cumsum(0)
    return Series.of(raw, 0)


def plain_log_evidence(one, receiver, senders, variance):
    """y ~ t: -1/2 log|V| - D/2 log(y^T V^-1 y), V = I + A T A^T on what own terms leave."""
    rows = receiver_rows(rows_of(one, TERMS), one, receiver)
    q = len(variance)
    columns = [c for j in senders for c in range(j * q, (j + 1) * q)]
    basis = np.linalg.svd(rows.own, full_matrices=True)[0][:, rows.own.shape[1] :]
    y, a = basis.T @ rows.target, basis.T @ rows.sent[:, columns]
    v = np.eye(len(y)) + a @ np.diag(np.tile(variance, len(senders))) @ a.T
    fit = np.einsum("tf,tu,uf->f", y, np.linalg.inv(v), y)
    return sum(-0.5 * np.linalg.slogdet(v)[1] - len(y) / 2 * np.log(one) for one in fit)


def test_the_evidence_of_every_set_is_that_of_the_plain_formula():
    one, variance = series(), torch.tensor([0.5, 0.5, 0.1, 0.1, 0.1, 0.1], dtype=torch.float64)
    candidates = torch.tensor([[3, 1], [0, 2], [1, 3], [2, 0]])
    found = log_evidence(regressions(one, TERMS), candidates, variance)
    for receiver in range(4):
        sets = [[], [0], [1], [0, 1]]
        plain = [
            plain_log_evidence(
                one, receiver, [int(candidates[receiver, c]) for c in chosen], variance.numpy()
            )
            for chosen in sets
        ]
        np.testing.assert_allclose(
            found[receiver] - found[receiver, 0], np.array(plain) - plain[0], atol=1e-8
        )


@pytest.mark.parametrize("m", [1, 3, 5])
def test_sums_over_subsets_and_supersets_are_those_of_plain_loops(m):
    values = torch.randn(2, 1 << m, generator=torch.Generator().manual_seed(m), dtype=torch.float64)
    below, above = over_subsets(values), over_supersets(values)
    for s in range(1 << m):
        subsets = [t for t in range(1 << m) if t & s == t]
        supersets = [t for t in range(1 << m) if t & s == s]
        torch.testing.assert_close(below[:, s], values[:, subsets].logsumexp(-1))
        torch.testing.assert_close(above[:, s], values[:, supersets].logsumexp(-1))


def test_inclusion_is_the_weight_of_the_sets_that_hold_a_candidate():
    weight = torch.randn(3, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    p = weight.softmax(-1)
    for bit in range(4):
        held = [s for s in range(16) if s >> bit & 1]
        torch.testing.assert_close(inclusion(weight)[:, bit], p[:, held].sum(-1))


def test_the_prior_of_all_sets_is_one():
    total = with_prior(torch.zeros(1, 32, dtype=torch.float64), 0.2).logsumexp(-1)
    assert float(total) == pytest.approx(0, abs=1e-12)


def test_a_receiver_that_never_changes_says_nothing():
    raw = np.random.default_rng(1).normal(size=(30, 3, 1))
    raw[:, 1] = 4.0
    found = regressions(Series.of(raw, 0), Terms(0, False))
    others = torch.tensor([[1, 2], [0, 2], [0, 1]])
    assert (log_evidence(found, others, torch.ones(1, dtype=torch.float64))[1] == 0).all()
    assert not found.heard[0, 1]
    assert found.heard[0, 2]


def test_rows_that_are_not_known_do_not_count():
    raw = np.random.default_rng(2).normal(size=(30, 3, 1))
    raw[10, 0] = np.nan
    rows = rows_of(Series.of(raw, 0), Terms(0, False))
    lost = {10, 9}  # as a target of entity 0 (row 9), and as a sender of all (row 10)
    for entity, gone in ((0, lost), (1, {10}), (2, {10})):
        assert set(np.flatnonzero(~rows.usable[:, entity, 0])) == gone


def test_a_guest_sends_nothing_before_it_has_come():
    raw = np.random.default_rng(3).normal(size=(30, 3, 1))
    raw[:12, 2] = np.nan
    rows = rows_of(Series.of(raw, 0), Terms(1, False))
    assert (rows.sent[:12, 2] == 0).all()
    assert rows.usable[:, 0].all()
    assert rows.usable[:, 2, 0].sum() == 30 - 14  # two frames of its own come first
