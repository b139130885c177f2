"""The encoder: untrained it is expectation propagation; it sees candidates as a set; it learns where it is wrong."""

import numpy as np
import pytest
import torch

from edgewise.inference.hybrid import network as module
from edgewise.inference.hybrid.distil import DistilTask, Lessons, certain, divergence
from edgewise.inference.hybrid.dreams import Dreamer
from edgewise.inference.hybrid.fit import exact_answer
from edgewise.inference.hybrid.network import Evidence, Factors, PosteriorNetwork
from edgewise.inference.nri.fit import Split
from edgewise.training import Deadline, fit

from .evidence import PRIOR, some_evidence, summed_by_hand


def untrained(n_types=2, *, started=True):
    """A network; not `started`: with random weights in its heads too, so that they have a say."""
    torch.manual_seed(0)
    made = PosteriorNetwork(n_types, hidden=8).eval()
    if not started:
        for head in made.heads:
            torch.nn.init.normal_(head.weight)
    return made


@pytest.mark.parametrize("n_types", [2, 3])
def test_untrained_it_is_exact_where_candidates_do_not_look_alike(n_types):
    """One candidate, and candidates whose messages are orthogonal."""
    alone = some_evidence(20, 1, n_types, size=1.0)
    found = untrained(n_types).log_posterior(alone, PRIOR[n_types]).exp()
    np.testing.assert_allclose(found, summed_by_hand(alone, PRIOR[n_types]), atol=1e-9)
    many = some_evidence(5, 3, n_types, size=1.0)
    blocks = torch.eye(3, dtype=torch.float64).repeat_interleave(n_types - 1, 0)
    apart = Evidence(many.linear, many.gram * (blocks @ blocks.T))
    found = untrained(n_types).log_posterior(apart, PRIOR[n_types]).exp()
    np.testing.assert_allclose(found, summed_by_hand(apart, PRIOR[n_types]), atol=1e-9)


@pytest.mark.parametrize("n_types", [2, 3])
def test_untrained_it_is_nearly_exact_where_they_do(n_types):
    evidence = some_evidence(60, 4, n_types, size=1.5, shared=1.0)
    exact = torch.from_numpy(summed_by_hand(evidence, PRIOR[n_types]))
    found = untrained(n_types).log_posterior(evidence, PRIOR[n_types])
    own = torch.eye(4, dtype=torch.float64).repeat_interleave(n_types - 1, 0)
    blind = Evidence(evidence.linear, evidence.gram * (own @ own.T))  # what each candidate says by itself
    naive = torch.from_numpy(summed_by_hand(blind, PRIOR[n_types])).log()
    assert float(divergence(exact, found).mean()) < 0.02
    assert float(divergence(exact, naive).mean()) > 0.2


@pytest.mark.parametrize("n_types", [2, 3])
def test_what_a_candidate_sees_is_the_gaussian_without_its_own_factor(n_types):
    """Against plain matrix inverses, before and after factors were matched."""
    evidence, k, slots = some_evidence(3, 3, n_types, size=1.0), n_types - 1, 3
    factors = Factors(evidence, PRIOR[n_types])
    for _ in range(2):
        odds, _ = factors.cavity()
        precision, shift = factors.precision.numpy().copy(), factors.shift.numpy().copy()
        for r in range(3):
            for s in range(slots):
                whole, linear = evidence.gram[r].numpy().copy(), evidence.linear[r].numpy().copy()
                for other in range(slots):
                    block = slice(other * k, (other + 1) * k)
                    if other != s:
                        whole[block, block] += precision[r, other]
                        linear[block] += shift[r, other]
                # A small known factor in the place of its own, which is then taken off again.
                block = slice(s * k, (s + 1) * k)
                whole[block, block] += np.eye(k)
                sigma = np.linalg.inv(whole)
                seen = np.linalg.inv(sigma[block, block])
                certainty = seen - np.eye(k)
                heard = seen @ (sigma @ linear)[block]
                prior = (PRIOR[n_types][1:] - PRIOR[n_types][0]).numpy()
                expected = heard - np.diag(certainty) / 2 + prior
                np.testing.assert_allclose(odds[r, s], expected, rtol=1e-8, atol=1e-8)
        factors.match(torch.full((3, slots, k), 0.3, dtype=torch.float64))


def test_matched_factors_have_the_moments_they_were_given(monkeypatch):
    monkeypatch.setattr(module, "DAMPING", 1.0)
    evidence = some_evidence(4, 1, 3, size=0.1)
    factors = Factors(evidence, PRIOR[3])
    factors.cavity()
    mean = torch.tensor([0.3, 0.5]).double().expand(4, 1, 2)
    factors.match(mean)
    # With one candidate the Gaussian is what it sees times its factor: N(mean, covariance of one-hot types).
    sigma = torch.linalg.inv(evidence.gram + factors.precision[:, 0])
    found = (sigma @ (evidence.linear + factors.shift[:, 0])[..., None])[..., 0]
    np.testing.assert_allclose(found, mean[:, 0], atol=1e-8)
    expected = torch.diag(mean[0, 0]) - torch.outer(mean[0, 0], mean[0, 0])
    np.testing.assert_allclose(sigma[0], expected, atol=2e-6)


def test_permuting_candidates_permutes_the_answer():
    evidence, net = some_evidence(6, 4, 3, size=1.0), untrained(3, started=False)
    order = torch.tensor([2, 0, 3, 1])
    columns = (2 * order[:, None] + torch.arange(2)).flatten()
    turned = Evidence(evidence.linear[:, columns], evidence.gram[:, columns][:, :, columns])
    found = net.log_posterior(evidence, PRIOR[3])
    np.testing.assert_allclose(net.log_posterior(turned, PRIOR[3]), found[:, order], atol=1e-5)
    assert not np.allclose(found, found[:, order], atol=1e-2)


def test_receivers_are_read_one_by_one_as_together(monkeypatch):
    evidence, net = some_evidence(7, 3, 2, size=1.0), untrained(started=False)
    together = net.log_posterior(evidence, PRIOR[2])
    monkeypatch.setattr(module, "NUMBERS", 1)
    np.testing.assert_allclose(net.log_posterior(evidence, PRIOR[2]), together, atol=1e-5)


def test_a_candidate_that_sends_nothing_keeps_its_prior():
    evidence = some_evidence(5, 3, 3, size=2.0)
    linear, gram = evidence.linear.clone(), evidence.gram.clone()
    linear[:, 2:4], gram[:, 2:4], gram[:, :, 2:4] = 0.0, 0.0, 0.0
    found = untrained(3).log_posterior(Evidence(linear, gram), PRIOR[3])
    np.testing.assert_allclose(found[:, 1], PRIOR[3].expand(5, 3), atol=1e-9)


def test_evidence_without_end_leaves_numbers():
    sure = some_evidence(20, 5, 2, size=1e6, shared=300.0, frames=3)
    for started in (True, False):
        found = untrained(started=started).log_posterior(sure, PRIOR[2])
        assert torch.isfinite(found).all()
        np.testing.assert_allclose(found.exp().sum(-1), 1, atol=1e-9)


def test_every_weight_is_taught():
    net = untrained(started=False).train()
    loss = -net(some_evidence(6, 3, 2, size=1.0), PRIOR[2])[..., 0].mean()
    loss.backward()
    assert all(p.grad is not None and bool((p.grad != 0).any()) for p in net.parameters())


def test_it_learns_where_expectation_propagation_is_wrong():
    """Candidates that are nearly the same, so that a Gaussian is a poor picture of two one-hot types."""
    gram = some_evidence(40, 3, 2, size=3.0, shared=6.0).gram
    dreamer = Dreamer(gram, PRIOR[2])
    new = dreamer.draw(400, torch.Generator().manual_seed(9)).evidence
    exact = exact_answer(new, PRIOR[2], 0)
    net = untrained()
    before = float(divergence(exact, net.log_posterior(new, PRIOR[2])).mean())
    held = dreamer.draw(200, torch.Generator().manual_seed(1))
    lessons = Lessons(held.evidence, certain(held.types, 2), PRIOR[2])
    task = DistilTask(
        net,
        dreamer,
        lessons,
        Split(torch.arange(0), torch.arange(200)),
        dreams=1.0,
        seed=0,
        steps=60,
        learning_rate=1e-2,
    )
    fit(task, deadline=Deadline())
    task.finish()
    after = float(divergence(exact, net.log_posterior(new, PRIOR[2])).mean())
    assert after < 0.6 * before
