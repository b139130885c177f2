"""Dreams are draws of the model: their moments, their graphs, and that the exact posterior of them is calibrated."""

import numpy as np
import pytest
import torch

from edgewise.inference.hybrid.distil import Lessons, certain, divergence
from edgewise.inference.hybrid.dreams import LEAST_SHARE, MOST_SHARE, Dreamer
from edgewise.inference.hybrid.fit import _added_up, exact_answer
from edgewise.inference.superposition.configurations import one_hot

from .evidence import PRIOR, some_evidence, summed_by_hand


def drawn(n_types=3, count=20_000, receivers=1, seed=0):
    gram = some_evidence(receivers, 2, n_types, size=1.5).gram
    return gram, Dreamer(gram, PRIOR[n_types]).draw(count, torch.Generator().manual_seed(seed))


def test_the_evidence_of_a_drawn_graph_is_gaussian_about_what_it_would_leave():
    gram, dreams = drawn()
    share = dreams.evidence.gram[:, 0, 0] / gram[0, 0, 0]
    torch.testing.assert_close(dreams.evidence.gram, share[:, None, None] * gram)
    expected = share[:, None] * (one_hot(dreams.types, 3) @ gram[0])
    left = (dreams.evidence.linear - expected) / share.sqrt()[:, None]
    error = 5 / len(left) ** 0.5
    np.testing.assert_allclose(left.mean(0) / gram[0].diagonal().sqrt(), 0, atol=error)
    scale = gram[0].diagonal().sqrt()
    np.testing.assert_allclose(
        torch.cov(left.T) / torch.outer(scale, scale), gram[0] / torch.outer(scale, scale), atol=2 * error
    )


def test_graphs_come_from_the_prior_and_half_of_the_recordings_as_they_are():
    gram, dreams = drawn()
    counts = torch.bincount(dreams.types.flatten(), minlength=3) / dreams.types.numel()
    np.testing.assert_allclose(counts, PRIOR[3].exp(), atol=0.02)
    share = (dreams.evidence.gram[:, 0, 0] / gram[0, 0, 0]).numpy()
    assert np.isclose(share, 1).mean() == pytest.approx(0.5, abs=0.02)
    assert LEAST_SHARE <= share.min() < 0.1
    assert 1.5 < share.max() <= MOST_SHARE


def test_the_exact_posterior_of_dreams_comes_true_as_often_as_it_says():
    _, dreams = drawn(n_types=2, count=8000, receivers=30)
    p = exact_answer(dreams.evidence, PRIOR[2], 0)[..., 1].flatten()
    truth = (dreams.types == 1).flatten().double()
    for low in np.arange(0, 1, 0.1):
        inside = (p >= low) & (p < low + 0.1)
        count = int(inside.sum())
        if count > 50:
            said, came = float(p[inside].mean()), float(truth[inside].mean())
            assert abs(said - came) < 4 * (0.25 / count) ** 0.5


@pytest.mark.parametrize(("n_types", "slots"), [(2, 4), (3, 3)])
def test_the_exact_answer_is_the_sum_over_configurations(n_types, slots):
    evidence = some_evidence(5, slots, n_types, size=1.0)
    found = exact_answer(evidence, PRIOR[n_types], 0)
    np.testing.assert_allclose(found, summed_by_hand(evidence, PRIOR[n_types]), atol=1e-10)


def test_many_candidates_are_searched(monkeypatch):
    from edgewise.inference.hybrid import fit

    evidence = some_evidence(4, 5, 2, size=2.0)
    summed = exact_answer(evidence, PRIOR[2], 0)
    monkeypatch.setattr(fit, "EXACTLY", 8)
    searched = exact_answer(evidence, PRIOR[2], 0)
    assert not torch.equal(searched, summed)
    np.testing.assert_allclose(searched, summed, atol=0.05)


def test_the_same_generator_dreams_the_same():
    _, one = drawn(count=10)
    _, again = drawn(count=10)
    _, other = drawn(count=10, seed=1)
    assert torch.equal(one.evidence.linear, again.evidence.linear)
    assert not torch.equal(one.evidence.linear, other.evidence.linear)


def test_recordings_of_a_shared_graph_are_added_up():
    gram = some_evidence(12, 2, 2, size=1.0).gram.unflatten(0, (6, 2))
    sums = _added_up(gram, 0)
    # Every sum is one of the 63 over a set of recordings, and sets of all sizes occur.
    sets = [[q for q in range(6) if code >> q & 1] for code in range(1, 64)]
    known = torch.stack([gram[s].sum(0) for s in sets]).flatten(1)
    gap, which = torch.cdist(sums.flatten(1), known).min(1)
    assert float(gap.max()) < 1e-5
    assert {len(sets[k]) for k in which.tolist()} == {1, 2, 3, 4, 5, 6}


def test_the_loss_is_the_divergence_from_what_is_to_be_answered():
    p = torch.tensor([[0.2, 0.8], [1.0, 0.0]], dtype=torch.float64)
    q = torch.tensor([[0.5, 0.5], [0.25, 0.75]], dtype=torch.float64)
    found = divergence(p, q.log())
    expected = [0.2 * np.log(0.4) + 0.8 * np.log(1.6), np.log(4)]
    np.testing.assert_allclose(found, expected, rtol=1e-12)

    class Says(torch.nn.Module):
        def forward(self, evidence, log_prior):
            return q.log().expand(2, len(evidence), 1, 2, 2).flatten(1, 2)

    evidence = some_evidence(3, 2, 2, size=1.0)
    lessons = Lessons(evidence, p.expand(3, 2, 2), PRIOR[2])
    assert float(lessons.loss(Says(), torch.arange(2))) == pytest.approx(np.mean(expected))
    assert certain(torch.tensor([[1, 0]]), 2).tolist() == [[[0, 1], [1, 0]]]
