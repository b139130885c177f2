"""Every alignment is its paper's equation, receiver by receiver; nobody looks at what is not there."""

import math

import pytest
import torch

from edgewise.errors import ConfigError
from edgewise.nn.attention import (
    Attention,
    DotScore,
    LocalMonotonic,
    LocalPredictive,
    Mean,
    RenormalisedLocalPredictive,
    Softmax,
)
from edgewise.relation import Band, Complete, between

from .plain import RECEIVERS, RELATIONS, SENDERS, assert_same, in_edges, made, random

QUERY, HIDDEN, REACH = 3, 4, 1


def softmax(logits):
    exponentials = [math.exp(logit) for logit in logits]
    return [one / sum(exponentials) for one in exponentials]


def window(logits, senders, centre):
    """Weights of the senders that are near enough, in turn; 0 for the others."""
    near = [at for at, sender in enumerate(senders) if abs(sender - centre) <= REACH]
    weights = [0.0] * len(senders)
    for at, weight in zip(near, softmax([logits[at] for at in near]), strict=True):
        weights[at] = weight
    return weights


def predicted(align, n, query):
    """p_t = S sigmoid(v^T tanh(W h_t))."""
    inner = float(align.vector.weight[0] @ (align.hidden.weight @ query).tanh())
    return n / (1 + math.exp(-inner))


def predictive(align, logits, senders, receiver, query):
    centre = predicted(align, len(senders), query)
    weights = window(logits, senders, math.floor(centre))
    sigma = REACH / 2
    return [
        weight * math.exp(-((sender - centre) ** 2) / (2 * sigma**2))
        for weight, sender in zip(weights, senders, strict=True)
    ]


def renormalised(align, logits, senders, receiver, query):
    weights = predictive(align, logits, senders, receiver, query)
    return [weight / sum(weights) if weight else 0.0 for weight in weights]


ALIGNMENTS = {
    "softmax": (lambda: Softmax(), lambda align, logits, senders, receiver, query: softmax(logits)),
    "mean": (
        lambda: Mean(),
        lambda align, logits, senders, receiver, query: [logit / len(logits) for logit in logits],
    ),
    "local-m": (
        lambda: LocalMonotonic(REACH),
        lambda align, logits, senders, receiver, query: window(logits, senders, receiver),
    ),
    "local-p": (lambda: LocalPredictive(QUERY, HIDDEN, REACH), predictive),
    "local-p, renormalised": (lambda: RenormalisedLocalPredictive(QUERY, HIDDEN, REACH), renormalised),
}
every_alignment = pytest.mark.parametrize(("make", "by_hand"), ALIGNMENTS.values(), ids=ALIGNMENTS)
every_relation = pytest.mark.parametrize("relation", RELATIONS.values(), ids=RELATIONS)


def by_the_paper(align, by_hand, relation, logits, query):
    """[n_edges, heads] in the order of `to_sparse`."""
    listed = relation.edges_to_sparse(logits)
    weights = torch.zeros_like(listed)
    for receiver, edges in in_edges(relation):
        places, senders = [at for at, _ in edges], [sender for _, sender in edges]
        for head in range(listed.shape[-1]) if edges else ():
            found = by_hand(align, listed[places, head].tolist(), senders, receiver, query[receiver])
            weights[places, head] = torch.tensor(found, dtype=weights.dtype)
    return weights


# ---- invariances ---------------------------------------------------------------------------------------------------


@every_alignment
def test_sentences_of_a_batch_are_as_they_are_one_by_one(make, by_hand):
    align, relation = made(make), RELATIONS["complete"]
    logits, query = random(3, RECEIVERS, SENDERS, 2), random(3, RECEIVERS, QUERY, seed=1)
    together = align(relation, logits, query)
    for at in range(3):
        assert_same(together[at], align(relation, logits[at], query[at]))


@every_alignment
def test_padding_changes_nothing(make, by_hand):
    align, lengths = made(make), (2, 5, 3)
    there = torch.arange(SENDERS) < torch.tensor(lengths)[:, None]
    logits, query = random(3, RECEIVERS, SENDERS, 1), random(3, RECEIVERS, QUERY, seed=1)
    for garbage in (1e6, -1e6, torch.inf):
        filled = logits.masked_fill(~there[:, None, :, None], garbage)
        padded = align(between(RECEIVERS, there), filled, query)
        for at, length in enumerate(lengths):
            alone = align(Complete(RECEIVERS, length), logits[at, :, :length], query[at])
            assert_same(padded[at, :, :length], alone)
            assert not padded[at, :, length:].any()


@every_alignment
def test_a_row_without_edges_gives_zeros_and_no_nan_in_any_gradient(make, by_hand):
    align, relation = made(make), RELATIONS["complete, a row without edges"]
    logits, query = random(RECEIVERS, SENDERS, 1), random(RECEIVERS, QUERY, seed=1)
    logits, query = (part.requires_grad_() for part in (logits, query))
    weights = align(relation, logits, query)
    assert not weights[2].any()
    assert not weights[~relation.present].any()
    far = 1e10 * random(*weights.shape, seed=2)  # so far that a division by almost nothing would show
    grads = torch.autograd.grad(
        (weights * far).sum(), [logits, query, *align.parameters()], allow_unused=True
    )
    assert all(grad is None or grad.isfinite().all() for grad in grads)
    assert not grads[0][2].any()


@every_alignment
def test_causality_no_receiver_looks_behind_itself(make, by_hand):
    align, n = made(make), RECEIVERS
    logits, query = random(n, n, 1), random(n, QUERY, seed=1)
    weights = align(Complete(n, causal=True), logits, query)
    assert not weights[..., 0].triu(1).any()
    changed = logits.masked_fill(torch.ones(n, n, dtype=torch.bool).triu(1)[..., None], 50.0)
    assert torch.equal(align(Complete(n, causal=True), changed, query), weights)


@pytest.mark.parametrize("name", ["softmax", "local-m"])
def test_adding_a_constant_to_the_logits_of_a_receiver_changes_nothing(name):
    align, relation = made(ALIGNMENTS[name][0]), RELATIONS["complete, a row without edges"]
    logits, query = random(RECEIVERS, SENDERS, 2), random(RECEIVERS, QUERY)
    shifted = logits + 10 * random(RECEIVERS, 1, 2, seed=1)
    assert_same(align(relation, shifted, query), align(relation, logits, query))


# ---- equations -----------------------------------------------------------------------------------------------------


@every_alignment
@every_relation
def test_it_is_the_papers_equation_receiver_by_receiver(make, by_hand, relation):
    align = made(make)
    logits, query = random(*relation.layout, 2), random(RECEIVERS, QUERY, seed=1)
    with torch.no_grad():
        expected = by_the_paper(align, by_hand, relation, logits, query)
        assert_same(relation.edges_to_sparse(align(relation, logits, query)), expected)


@every_alignment
@every_relation
def test_gradients_are_exact(make, by_hand, relation):
    align = made(make)
    names = dict(align.named_parameters())

    def weights(logits, query, *parameters):
        given = dict(zip(names, parameters, strict=True))
        return torch.func.functional_call(align, given, (relation, logits, query))

    parts = [random(*relation.layout, 1), random(RECEIVERS, QUERY, seed=1), *align.parameters()]
    assert torch.autograd.gradcheck(weights, [part.detach().clone().requires_grad_() for part in parts])


@pytest.mark.parametrize("first", range(RECEIVERS))
@pytest.mark.parametrize("name", ALIGNMENTS)
def test_a_decoder_that_takes_one_step_at_a_time_sees_the_same(name, first):
    align = made(ALIGNMENTS[name][0])
    logits, query = random(2, RECEIVERS, SENDERS, 1), random(2, RECEIVERS, QUERY, seed=1)
    whole = align(Complete(RECEIVERS, SENDERS), logits, query)
    here = slice(first, first + 1)
    step = align(Complete(1, SENDERS), logits[:, here], query[:, here], first=first)
    assert_same(step, whole[:, here])


# ---- equivalences --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reach", [0, 1, 3, 10])
def test_a_monotonic_window_is_a_softmax_on_a_band(reach):
    query, key, value = (random(2, n, QUERY, seed=at) for at, n in enumerate((RECEIVERS, SENDERS, SENDERS)))
    complete, band = Complete(RECEIVERS, SENDERS), Band(RECEIVERS, reach, reach, SENDERS)
    local, narrow = Attention(DotScore(), LocalMonotonic(reach)), Attention(DotScore())
    assert_same(local(complete, query, key, value), narrow(band, query, key, value))
    weights = local.attention(complete, query, key)
    assert_same(complete.to_dense(weights), band.to_dense(narrow.attention(band, query, key)))


def test_the_mean_with_a_dot_product_is_a_product_of_matrices():
    """Wang et al. (2018), eq. 5: y = (theta phi^T / N) g."""
    query, key, value = random(RECEIVERS, QUERY), random(SENDERS, QUERY, seed=1), random(SENDERS, 2, seed=2)
    attend = Attention(DotScore(), Mean())
    found = attend(RELATIONS["complete"], query, attend.keys(key), value)
    assert_same(found, (query @ key.T / SENDERS) @ value)


def test_the_window_of_a_prediction_is_as_wide_as_it_says_and_stays_within_the_sentence():
    align, relation = made(LocalPredictive, QUERY, HIDDEN, 2), Complete(RECEIVERS, 20)
    query = random(RECEIVERS, QUERY)
    weights = align(relation, torch.zeros(RECEIVERS, 20, 1, dtype=torch.float64), query)[..., 0]
    centre = align.centre(relation, query)
    assert ((centre > 0) & (centre < 20)).all()
    for row, p in zip(weights, centre[:, 0].tolist(), strict=True):
        near = [s for s in range(20) if abs(s - math.floor(p)) <= 2]
        assert row.nonzero()[:, 0].tolist() == near
        expected = [math.exp(-((s - p) ** 2) / 2) / len(near) for s in near]  # sigma = D / 2 = 1
        assert_same(row[near], torch.tensor(expected, dtype=row.dtype))


def test_the_prediction_counts_the_words_that_are_there():
    align, query = made(LocalPredictive, QUERY, HIDDEN, 2), random(2, RECEIVERS, QUERY)
    there = torch.arange(9) < torch.tensor([4, 9])[:, None]
    centre = align.centre(between(RECEIVERS, there), query)
    for at, length in enumerate((4, 9)):
        assert_same(centre[at], align.centre(Complete(RECEIVERS, length), query[at]))


def test_published_weights_add_up_to_less_than_one_and_renormalised_ones_to_one():
    relation = RELATIONS["complete, a row without edges"]
    published, renormal = (made(ALIGNMENTS[name][0]) for name in ("local-p", "local-p, renormalised"))
    renormal.load_state_dict(published.state_dict())
    logits, query = random(RECEIVERS, SENDERS, 1), random(RECEIVERS, QUERY, seed=1)
    raw, whole = (relation.sum(align(relation, logits, query)) for align in (published, renormal))
    some = raw > 0  # a window may hold none of the senders that are there
    assert some.any()
    assert (raw[some] < 1).all()
    assert_same(whole[some], torch.ones_like(whole[some]))
    assert not whole[~some].any()


# ---- what is refused -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "reach", "least"),
    [
        (LocalMonotonic, -1, 0),
        (lambda reach: LocalPredictive(2, 2, reach), 0, 1),
        (lambda reach: RenormalisedLocalPredictive(2, 2, reach), -3, 1),
    ],
)
def test_a_window_that_reaches_too_little_is_refused(make, reach, least):
    with pytest.raises(ConfigError) as error:
        make(reach)
    assert f"a window that reaches {reach} positions" in str(error.value)
    assert f"{least} or more" in str(error.value)


def test_a_query_of_another_width_is_refused():
    align = LocalPredictive(3, 2)
    with pytest.raises(ConfigError) as error:
        align(RELATIONS["complete"], torch.zeros(RECEIVERS, SENDERS, 1), torch.zeros(RECEIVERS, 5))
    assert "the query of LocalPredictive was given nodes with 5 features" in str(error.value)
    assert "3, as it was made for" in str(error.value)
