"""Hard attention looks at one sender; how often at which is the softmax, and learning from draws is not biased."""

import math
from itertools import product

import pytest
import torch

from edgewise.errors import ConfigError
from edgewise.nn.attention import (
    HardSample,
    MovingBaseline,
    StraightThroughGumbel,
    entropy,
    log_probability,
    reinforce_loss,
)
from edgewise.nn.attention.hard import gumbel
from edgewise.relation import Complete

from .plain import RECEIVERS, RELATIONS, SENDERS, assert_same, in_edges, random

every_relation = pytest.mark.parametrize("relation", RELATIONS.values(), ids=RELATIONS)
every_kind = pytest.mark.parametrize("kind", [HardSample, StraightThroughGumbel])
NO_QUERY = torch.empty(RECEIVERS, 0)


# ---- draws ---------------------------------------------------------------------------------------------------------


@every_kind
@every_relation
@pytest.mark.parametrize("training", [True, False])
def test_every_receiver_that_hears_somebody_looks_at_exactly_one(kind, relation, training):
    torch.manual_seed(0)
    align = kind().train(training)
    logits = random(20, *relation.layout, 3).float()
    weights = align(relation, logits, NO_QUERY)
    assert ((weights == 0) | (weights == 1)).all()
    assert torch.equal(relation.without_absent(weights), weights)
    heard = (relation.in_degrees > 0)[:, None].expand(RECEIVERS, 3).to(weights)
    assert torch.equal(relation.sum(weights), heard.expand(20, -1, -1))


@every_kind
@every_relation
def test_draws_are_as_frequent_as_the_softmax_says(kind, relation):
    torch.manual_seed(1)
    n, logits = 20_000, random(*relation.layout, 2)
    drawn = kind()(relation, logits.expand(n, *logits.shape), NO_QUERY)
    expected = relation.softmax(logits)
    deviation = (expected * (1 - expected) / n).sqrt()  # of a binomial
    assert ((drawn.mean(0) - expected).abs() <= 4.5 * deviation + 1e-12).all()


@every_kind
def test_heads_and_receivers_draw_by_themselves(kind):
    torch.manual_seed(2)
    n, relation = 20_000, Complete(2, 2)
    drawn = kind()(relation, torch.zeros(n, 2, 2, 2), NO_QUERY)[..., 0, :]  # who looks at sender 0
    drawn = drawn.flatten(1)  # four fair coins
    together = drawn.T @ drawn / n
    deviation = (3 / 16 / n) ** 0.5  # of a pair that has both with probability 1 / 4
    assert ((together - 0.25).abs()[~torch.eye(4, dtype=torch.bool)] <= 4.5 * deviation).all()


@every_kind
@every_relation
def test_evaluation_looks_at_the_likeliest_and_at_the_first_of_equals(kind, relation):
    align = kind().eval()
    logits = random(*relation.layout, 1).mul(2).round()  # with many equals
    listed = relation.edges_to_sparse(align(relation, logits, NO_QUERY))[:, 0].tolist()
    likely = relation.edges_to_sparse(logits)[:, 0].tolist()
    for _, edges in in_edges(relation):
        places = [at for at, _ in edges]
        expected = max(places, key=lambda at: likely[at], default=None)
        assert [at for at in places if listed[at] == 1] == ([] if expected is None else [expected])


@pytest.mark.parametrize("garbage", [1e6, torch.inf])
@every_kind
def test_what_stands_in_the_place_of_absent_edges_changes_nothing(kind, garbage):
    relation = RELATIONS["complete, a row without edges"]
    logits = random(RECEIVERS, SENDERS, 1)
    filled = logits.masked_fill(~relation.present[..., None], garbage)
    found = []
    for given in (logits, filled):
        torch.manual_seed(3)
        found.append(kind()(relation, given, NO_QUERY))
    assert torch.equal(*found)


def test_a_draw_has_no_gradient():
    logits = random(RECEIVERS, SENDERS, 1).requires_grad_()
    assert not HardSample()(RELATIONS["complete"], logits, NO_QUERY).requires_grad


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("training", [True, False])
@every_relation
def test_the_straight_through_gradient_is_that_of_the_softmax(relation, training, temperature):
    logits, upstream = random(2, *relation.layout, 2), random(2, *relation.layout, 2, seed=1)
    align = StraightThroughGumbel(temperature).train(training)
    torch.manual_seed(4)
    noise = gumbel(logits) if training else torch.zeros_like(logits)
    ours, theirs = (logits.clone().requires_grad_() for _ in range(2))
    torch.manual_seed(4)
    weights = align(relation, ours, NO_QUERY)
    soft = relation.softmax((theirs + noise) / temperature)
    assert torch.equal(weights.detach(), align.eval()(relation, logits + noise, NO_QUERY))
    found, expected = (
        torch.autograd.grad((out * upstream).sum(), given)[0]
        for out, given in ((weights, ours), (soft, theirs))
    )
    assert torch.equal(found, expected)
    assert found.isfinite().all()


@pytest.mark.parametrize("temperature", [0.0, -1.5])
def test_a_temperature_that_is_not_above_zero_is_refused(temperature):
    with pytest.raises(ConfigError) as error:
        StraightThroughGumbel(temperature)
    assert f"a temperature of {temperature}" in str(error.value)
    assert "a number above 0" in str(error.value)


# ---- probabilities -------------------------------------------------------------------------------------------------


@every_relation
def test_the_probability_of_a_draw_is_the_product_of_its_weights(relation):
    logits = 3 * random(*relation.layout, 2)
    torch.manual_seed(5)
    drawn = HardSample()(relation, logits, NO_QUERY)
    listed, taken = relation.edges_to_sparse(relation.softmax(logits)), relation.edges_to_sparse(drawn)
    found = log_probability(relation, logits, drawn)
    for receiver, edges in in_edges(relation):
        for head in range(2):
            chances = [float(listed[at, head]) for at, _ in edges if taken[at, head]]
            expected = math.log(chances[0]) if chances else 0.0
            assert float(found[receiver, head]) == pytest.approx(expected, rel=1e-12, abs=1e-12)


@every_relation
def test_the_entropy_is_that_of_the_softmax(relation):
    logits = 3 * random(*relation.layout, 2)
    listed, found = relation.edges_to_sparse(relation.softmax(logits)), entropy(relation, logits)
    for receiver, edges in in_edges(relation):
        for head in range(2):
            chances = [float(listed[at, head]) for at, _ in edges]
            expected = -sum(chance * math.log(chance) for chance in chances)
            assert float(found[receiver, head]) == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_entropies_that_are_known():
    relation = Complete(2, 4).masked(edges=torch.tensor([[1, 1, 1, 1], [0, 1, 0, 0]], dtype=torch.bool))
    found = entropy(relation, torch.zeros(2, 4, 1, dtype=torch.float64))[:, 0]
    assert found.tolist() == pytest.approx([math.log(4), 0.0])


@pytest.mark.parametrize("far", [1e4, -1e4, 1e30])
def test_logits_far_from_zero_do_not_overflow(far):
    relation, near = RELATIONS["complete, a row without edges"], random(RECEIVERS, SENDERS, 1).float()
    logits = (near + far).requires_grad_()
    drawn = HardSample().eval()(relation, logits, NO_QUERY)
    for number in (log_probability(relation, logits, drawn), entropy(relation, logits)):
        assert number.isfinite().all()
        assert torch.autograd.grad(number.sum(), logits)[0].isfinite().all()


@every_relation
def test_gradients_of_both_are_exact(relation):
    logits = random(*relation.layout, 2).requires_grad_()
    drawn = HardSample().eval()(relation, logits, NO_QUERY)
    assert torch.autograd.gradcheck(lambda logits: log_probability(relation, logits, drawn), logits)
    assert torch.autograd.gradcheck(lambda logits: entropy(relation, logits), logits)


# ---- learning from draws -------------------------------------------------------------------------------------------

TARGETS, SOURCES = 2, 3
PAIRS = Complete(TARGETS, SOURCES)


def alignments():
    """Every way in which the receivers may look at one sender each: [1, receiver, sender, 1]."""
    for places in product(range(SOURCES), repeat=TARGETS):
        drawn = torch.zeros(1, TARGETS, SOURCES, 1, dtype=torch.float64)
        drawn[0, range(TARGETS), places] = 1
        yield drawn


def log_likelihood(drawn, value):
    """Some log p(y | s) that is no sum over the receivers: [1]."""
    seen = PAIRS.sum_senders(value, drawn)
    return -(seen[:, 0] * seen[:, 1] + seen.sum(1)).square().sum(-1) - 0.5


def probability(drawn, logits):
    """prod over receivers of the weight that it looks at: [1]."""
    return (PAIRS.softmax(logits) * drawn).sum((-2, -1)).prod(-1)


def expected_gradient(logits, value, reward_weight, entropy_weight):
    """sum over s of p(s) [d log p(y | s) + reward_weight log p(y | s) d log p(s)] + entropy_weight d H."""
    fixed = [probability(drawn, logits).detach() for drawn in alignments()]
    likelihood = sum(
        chance * log_likelihood(drawn, value) for chance, drawn in zip(fixed, alignments(), strict=True)
    )
    bound = sum(probability(drawn, logits) * log_likelihood(drawn, value).detach() for drawn in alignments())
    weights = PAIRS.softmax(logits)
    total = likelihood + reward_weight * bound - entropy_weight * (weights * weights.log()).sum()
    return torch.autograd.grad(total.sum(), [logits, value])


@pytest.mark.parametrize("baseline", [0.0, -1.3])
@pytest.mark.parametrize(("reward_weight", "entropy_weight"), [(1.0, 0.0), (0.3, 0.0), (1.0, 0.7)])
def test_the_gradient_of_draws_is_the_gradient_of_the_bound_on_average(
    baseline, reward_weight, entropy_weight
):
    """Every draw there is, weighed by how likely it is: an expectation without noise."""
    logits = random(1, TARGETS, SOURCES, 1).requires_grad_()
    value = random(1, SOURCES, 2, seed=1).requires_grad_()
    average = [torch.zeros_like(part) for part in (logits, value)]
    for drawn in alignments():
        loss = reinforce_loss(
            log_likelihood(drawn, value),
            log_probability(PAIRS, logits, drawn).sum((-2, -1)),
            entropy(PAIRS, logits).sum((-2, -1)),
            MovingBaseline(baseline),
            reward_weight=reward_weight,
            entropy_weight=entropy_weight,
        )
        chance = probability(drawn, logits).detach()
        for total, grad in zip(average, torch.autograd.grad(loss, [logits, value]), strict=True):
            total -= chance * grad
    for found, expected in zip(
        average, expected_gradient(logits, value, reward_weight, entropy_weight), strict=True
    ):
        assert_same(found, expected)


def test_with_a_reward_of_weight_one_the_bound_is_the_expected_log_likelihood():
    """The reference of the test above against the plain derivative of sum over s of p(s) log p(y | s)."""
    logits, value = random(1, TARGETS, SOURCES, 1).requires_grad_(), random(1, SOURCES, 2).requires_grad_()
    bound = sum(probability(drawn, logits) * log_likelihood(drawn, value) for drawn in alignments())
    plain = torch.autograd.grad(bound.sum(), [logits, value])
    for found, expected in zip(expected_gradient(logits, value, 1.0, 0.0), plain, strict=True):
        assert_same(found, expected)


def test_the_loss_is_the_mean_over_the_batch_and_the_reward_is_held_constant():
    likelihood, alignment, spread = (random(3, seed=seed).requires_grad_() for seed in range(3))
    baseline = MovingBaseline(0.4)
    loss = reinforce_loss(likelihood, alignment, spread, baseline, reward_weight=2.0, entropy_weight=0.5)
    terms = [
        y + 2.0 * (y - 0.4) * s + 0.5 * h
        for y, s, h in zip(likelihood.tolist(), alignment.tolist(), spread.tolist(), strict=True)
    ]
    assert float(loss.detach()) == pytest.approx(-sum(terms) / 3)
    to_likelihood, to_alignment, to_spread = torch.autograd.grad(loss, [likelihood, alignment, spread])
    third = torch.full((3,), 1 / 3, dtype=torch.float64)
    assert_same(to_likelihood, -third)
    assert_same(to_alignment, -third * 2.0 * (likelihood.detach() - 0.4))
    assert_same(to_spread, -third * 0.5)


def test_the_baseline_moves_towards_what_is_seen():
    """Xu et al. (2015): b_k = 0.9 b_{k-1} + 0.1 log p(y | s_k)."""
    batches, baseline, by_hand = random(5, 4), MovingBaseline(), 0.0
    for batch in batches:
        before = baseline
        baseline = baseline.after(batch.clone().requires_grad_())
        assert before.value == by_hand  # a new baseline; the old one stays
        by_hand = 0.9 * by_hand + 0.1 * (sum(batch.tolist()) / 4)
        assert baseline.value == pytest.approx(by_hand, rel=1e-12)
        by_hand = baseline.value
    assert MovingBaseline(2.0, decay=0.5).after(torch.tensor([4.0])) == MovingBaseline(3.0, 0.5)
