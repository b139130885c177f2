"""The coverage penalty counts how often each sender is looked at."""

import pytest
import torch

from edgewise.nn.attention import coverage_penalty
from edgewise.relation import Band, Complete, between

from .plain import RECEIVERS, RELATIONS, SENDERS, assert_same, in_edges, random

FORMS = RELATIONS | {"no loops": Complete(4, loops=False), "band, fewer senders": Band(6, 1, 0, 3)}
every_relation = pytest.mark.parametrize("relation", FORMS.values(), ids=FORMS)


def weights_on(relation, *lead):
    return relation.softmax(random(*lead, *relation.layout, 2))


@every_relation
def test_it_is_the_sum_over_the_senders_of_the_squared_lack(relation):
    weights = weights_on(relation, 3)
    listed, found = relation.edges_to_sparse(weights), coverage_penalty(relation, weights)
    assert found.shape == (3, 2)
    given = torch.zeros(3, relation.n_senders, 2, dtype=torch.float64)
    asked = set()
    for _, edges in in_edges(relation):
        for at, sender in edges:
            given[:, sender] += listed[:, at]
            asked.add(sender)
    expected = sum((1 - given[:, sender]) ** 2 for sender in asked)
    assert_same(found, expected)


@every_relation
def test_gradients_are_exact(relation):
    weights = weights_on(relation).requires_grad_()
    assert torch.autograd.gradcheck(lambda weights: coverage_penalty(relation, weights), weights)


def test_padding_costs_nothing():
    lengths = (2, 5)
    there = torch.arange(SENDERS) < torch.tensor(lengths)[:, None]
    relation = between(RECEIVERS, there)
    weights = weights_on(relation, 2)
    found = coverage_penalty(relation, weights)
    for at, n in enumerate(lengths):
        assert_same(found[at], coverage_penalty(Complete(RECEIVERS, n), weights[at, :, :n]))


def test_what_stands_in_the_place_of_absent_edges_changes_nothing():
    relation = RELATIONS["complete, a row without edges"]
    weights = weights_on(relation)
    filled = weights.masked_fill(~relation.present[..., None], 1e6)
    assert_same(coverage_penalty(relation, filled), coverage_penalty(relation, weights))


def test_each_sender_looked_at_once_in_all_costs_nothing():
    assert not coverage_penalty(Complete(4), torch.eye(4)[..., None]).any()
    assert not coverage_penalty(Complete(2, 4), torch.full((2, 4, 1), 0.5)).any()
    assert coverage_penalty(Complete(2, 4), torch.full((2, 4, 1), 0.25)).item() == 4 * 0.5**2
