"""Attention is its score, its alignment and a sum, in any combination and on any relation."""

import pytest
import torch

from edgewise.nn.attention import (
    AdditiveScore,
    Attention,
    DotScore,
    GeneralScore,
    HardSample,
    LocalMonotonic,
    LocalPredictive,
    LocationScore,
    Mean,
    Softmax,
)
from edgewise.relation import Complete, between

from .plain import RECEIVERS, RELATIONS, SENDERS, assert_same, in_edges, made, random

QUERY, KEY, VALUE = 3, 2, 4
COMBINATIONS = {
    "additive": lambda: Attention(AdditiveScore(QUERY, KEY, 4)),
    "additive, predictive": lambda: Attention(AdditiveScore(QUERY, KEY, 4), LocalPredictive(QUERY, 4, 2)),
    "general, monotonic": lambda: Attention(GeneralScore(QUERY, KEY), LocalMonotonic(1)),
    "general, mean": lambda: Attention(GeneralScore(QUERY, KEY), Mean()),
    "location": lambda: Attention(LocationScore(QUERY, SENDERS)),
    "general, hard": lambda: Attention(GeneralScore(QUERY, KEY), HardSample()).eval(),
}
every_combination = pytest.mark.parametrize("make", COMBINATIONS.values(), ids=COMBINATIONS)
every_relation = pytest.mark.parametrize("relation", RELATIONS.values(), ids=RELATIONS)


def sentences(*lead):
    query, key = random(*lead, RECEIVERS, QUERY), random(*lead, SENDERS, KEY, seed=1)
    return query, key, random(*lead, SENDERS, VALUE, seed=2)


@every_combination
def test_sentences_of_a_batch_are_as_they_are_one_by_one_and_padding_changes_nothing(make):
    attend, lengths = made(make), (3, 5, 1)
    query, key, value = sentences(3)
    there = torch.arange(SENDERS) < torch.tensor(lengths)[:, None]
    key, value = (part.masked_fill(~there[..., None], 1e3) for part in (key, value))
    together = attend(between(RECEIVERS, there), query, attend.keys(key), value)
    for at, n in enumerate(lengths):
        keys = attend.keys(key[at, :n])
        assert_same(together[at], attend(Complete(RECEIVERS, n), query[at], keys, value[at, :n]))


@every_combination
def test_a_row_without_edges_gives_zeros_and_no_nan_in_any_gradient(make):
    attend, relation = made(make), RELATIONS["complete, a row without edges"]
    query, key, value = (part.requires_grad_() for part in sentences())
    context = attend(relation, query, attend.keys(key), value)
    assert not context[2].any()
    total = (context * random(*context.shape, seed=3)).sum()
    grads = torch.autograd.grad(total, [query, key, value, *attend.parameters()], allow_unused=True)
    assert all(grad is None or grad.isfinite().all() for grad in grads)
    assert grads[2].any()
    assert grads[0] is None or not grads[0][2].any()


@every_combination
def test_causality_no_receiver_is_told_what_comes_later(make):
    attend, relation = made(make), Complete(SENDERS, causal=True)
    query, key, value = random(SENDERS, QUERY), *sentences()[1:]
    before = attend(relation, query, attend.keys(key), value)
    key[3:] += 1
    value[3:] += 1
    after = attend(relation, query, attend.keys(key), value)
    assert torch.equal(before[:3], after[:3])
    assert (before[3:] != after[3:]).any()


@every_combination
@every_relation
def test_the_context_is_the_weighed_sum_of_the_values(make, relation):
    attend = made(make)
    query, key, value = sentences()
    keys = attend.keys(key)
    weights = attend.attention(relation, query, keys)
    assert weights.shape == (*relation.layout, 1)
    assert_same(weights, attend.align(relation, attend.score(relation, query, key), query))
    listed, context = relation.edges_to_sparse(weights), attend(relation, query, keys, value)
    for receiver, edges in in_edges(relation):
        expected = torch.zeros(VALUE, dtype=torch.float64)
        for at, sender in edges:
            expected += listed[at, 0] * value[sender]
        assert_same(context[receiver], expected)


def test_the_alignment_is_a_softmax_unless_another_is_given():
    assert isinstance(Attention(DotScore()).align, Softmax)
    align = Mean()
    assert Attention(DotScore(), align).align is align


@pytest.mark.parametrize("make", [COMBINATIONS["general, monotonic"], COMBINATIONS["additive, predictive"]])
def test_a_decoder_that_takes_one_step_at_a_time_gets_the_same(make):
    attend = made(make)
    query, key, value = sentences(2)
    keys = attend.keys(key)
    whole = attend(Complete(RECEIVERS, SENDERS), query, keys, value)
    for at in range(RECEIVERS):
        step = attend(Complete(1, SENDERS), query[:, at : at + 1], keys, value, first=at)
        assert_same(step[:, 0], whole[:, at])


def test_dropout_takes_whole_weights_in_training_only():
    attend = made(lambda: Attention(DotScore(), dropout=0.5))
    relation, query, key = RELATIONS["complete"], random(200, RECEIVERS, QUERY), random(200, SENDERS, QUERY)
    value = torch.eye(SENDERS, dtype=torch.float64).expand(200, -1, -1)  # shows the weights themselves
    weights = attend.attention(relation, query, key)[..., 0]
    seen = attend(relation, query, key, value)
    kept = seen != 0
    assert_same(seen[kept], 2 * weights[kept])
    n = kept.numel()
    assert abs(int(kept.sum()) - n / 2) < 5 * (n / 4) ** 0.5  # five deviations of the binomial
    assert_same(attend.eval()(relation, query, key, value), weights)
