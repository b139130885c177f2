"""Graphs that change: the forward-backward pass against a sum over all paths."""

import itertools

import pytest
import torch

from edgewise.inference.superposition.configurations import enumerate_configurations, posterior_over
from edgewise.inference.superposition.windows import forward_backward, redraw, redraw_back

from .forms import LEVEL, PRIORS, marginals, problem

every_number_of_types = pytest.mark.parametrize("n_types", [2, 3])
STAY = 0.7


def transition(n_slots, prior, stay):
    """Over configurations [from, to]: a Kronecker product of one matrix an edge."""
    one = stay * torch.eye(len(prior), dtype=torch.float64) + (1 - stay) * prior
    whole = torch.ones(1, 1, dtype=torch.float64)
    for _ in range(n_slots):
        whole = torch.kron(whole, one)
    return whole


def by_paths(case, receiver, stay):
    """log evidence, and the weight of every configuration in every window, by listing all paths."""
    listed = case.configurations()
    step = transition(case.n_slots, case.log_prior.exp(), stay).log()
    windows = case.residual.shape[1]
    paths = list(itertools.product(range(len(listed)), repeat=windows))
    likelihood = torch.tensor(
        [[float(case.log_likelihood(receiver, w, types)) for types in listed] for w in range(windows)],
        dtype=torch.float64,
    )
    logs = torch.tensor([float(case.log_prior_of(listed[path[0]])) for path in paths], dtype=torch.float64)
    for number, path in enumerate(paths):
        logs[number] += sum(likelihood[w, c] for w, c in enumerate(path))
        logs[number] += sum(step[a, b] for a, b in itertools.pairwise(path))
    weights = torch.zeros(windows, len(listed), dtype=torch.float64)
    for path, weight in zip(paths, logs.softmax(0), strict=True):
        for w, c in enumerate(path):
            weights[w, c] += weight
    return logs.logsumexp(0), weights


@every_number_of_types
def test_evidence_and_posterior_equal_the_sum_over_all_paths(n_types):
    case = problem(2, n_types, receivers=2, windows=3, prior=PRIORS[n_types])
    table = enumerate_configurations(2, n_types)
    found = posterior_over(case.form, table, LEVEL, case.log_prior, stay=STAY)
    for receiver in range(2):
        evidence, weights = by_paths(case, receiver, STAY)
        torch.testing.assert_close(found.log_evidence[receiver], evidence, rtol=1e-12, atol=1e-10)
        expected = torch.stack([marginals(case, window) for window in weights])
        torch.testing.assert_close(found.probability[receiver], expected, rtol=1e-9, atol=1e-13)


@every_number_of_types
@pytest.mark.parametrize("stay", [0.2, 0.9])
def test_a_step_is_the_product_with_the_transition_matrix(n_types, stay):
    prior = torch.tensor(PRIORS[n_types], dtype=torch.float64)
    matrix = transition(3, prior, stay)
    weights = torch.rand(5, 2, n_types**3, dtype=torch.float64)
    torch.testing.assert_close(redraw(weights, stay, prior), weights @ matrix, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(redraw_back(weights, stay, prior), weights @ matrix.T, rtol=1e-12, atol=1e-14)


@every_number_of_types
def test_edges_that_never_keep_their_type_make_windows_independent(n_types):
    case = problem(2, n_types, receivers=2, windows=3, prior=PRIORS[n_types])
    table = enumerate_configurations(2, n_types)
    together = posterior_over(case.form, table, LEVEL, case.log_prior, stay=1e-12)
    total = torch.zeros(2, dtype=torch.float64)
    for window in range(3):
        one = case.form.map(lambda part, window=window: part[:, window : window + 1])
        alone = posterior_over(one, table, LEVEL, case.log_prior)
        torch.testing.assert_close(
            together.probability[:, window], alone.probability[:, 0], rtol=1e-8, atol=1e-10
        )
        total += alone.log_evidence
    torch.testing.assert_close(together.log_evidence, total, rtol=1e-9, atol=1e-8)


@every_number_of_types
def test_edges_that_always_keep_their_type_are_one_graph(n_types):
    case = problem(2, n_types, receivers=2, windows=3, prior=PRIORS[n_types])
    table = enumerate_configurations(2, n_types)
    together = posterior_over(case.form, table, LEVEL, case.log_prior, stay=1 - 1e-13)
    whole = case.form.map(lambda part: part.sum(1, keepdim=True))
    alone = posterior_over(whole, table, LEVEL, case.log_prior)
    torch.testing.assert_close(together.log_evidence, alone.log_evidence, rtol=1e-9, atol=1e-8)
    for window in range(3):
        torch.testing.assert_close(
            together.probability[:, window], alone.probability[:, 0], rtol=1e-6, atol=1e-9
        )


def test_windows_far_apart_in_likelihood_give_no_nan():
    log_joint = torch.full((1, 4, 8), -1e5, dtype=torch.float64)
    for window, best in enumerate((0, 7, 0, 3)):
        log_joint[0, window, best] = 0.0
    evidence, weights = forward_backward(log_joint, 0.9, torch.tensor([0.5, 0.5], dtype=torch.float64))
    assert evidence.isfinite().all()
    torch.testing.assert_close(weights.sum(-1), torch.ones(1, 4, dtype=torch.float64))
    assert weights[0].argmax(-1).tolist() == [0, 7, 0, 3]
