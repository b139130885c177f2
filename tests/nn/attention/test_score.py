"""Every score is its paper's equation, edge by edge, whatever the relation; what depends on keys alone comes first."""

import pytest
import torch

from edgewise.errors import ConfigError
from edgewise.nn.attention import (
    AdditiveScore,
    Attention,
    ConcatScore,
    DotScore,
    EmbeddedGaussianScore,
    GaussianScore,
    GeneralScore,
    LocationScore,
    ScaledDotScore,
)
from edgewise.relation import Complete

from .plain import RECEIVERS, RELATIONS, SENDERS, assert_same, edge_by_edge, made, random

QUERY, KEY, HIDDEN = 3, 2, 4


def concatenated(score, q, k):
    """v^T tanh(W [q; k])."""
    whole = torch.cat([score.query.weight, score.key.weight], 1)
    return score.vector.weight[0] @ (whole @ torch.cat([q, k])).tanh()


SCORES = {
    "dot": (lambda: DotScore(), QUERY, lambda score, q, k: sum(q * k)),
    "scaled dot": (lambda: ScaledDotScore(), QUERY, lambda score, q, k: sum(q * k) / QUERY**0.5),
    "general": (lambda: GeneralScore(QUERY, KEY), KEY, lambda score, q, k: q @ score.weight.weight @ k),
    "additive": (
        lambda: AdditiveScore(QUERY, KEY, HIDDEN),
        KEY,
        lambda score, q, k: score.vector.weight[0] @ (score.query.weight @ q + score.key.weight @ k).tanh(),
    ),
    "concat": (lambda: ConcatScore(QUERY, KEY, HIDDEN), KEY, concatenated),
    "gaussian": (lambda: GaussianScore(), QUERY, lambda score, q, k: sum(q * k)),
    "embedded gaussian": (
        lambda: EmbeddedGaussianScore(QUERY, KEY, HIDDEN),
        KEY,
        lambda score, q, k: (
            (score.theta.weight @ q + score.theta.bias) @ (score.phi.weight @ k + score.phi.bias)
        ),
    ),
}
every_score = pytest.mark.parametrize(("make", "key_dim", "by_hand"), SCORES.values(), ids=SCORES)
every_relation = pytest.mark.parametrize("relation", RELATIONS.values(), ids=RELATIONS)


def test_permuting_the_senders_permutes_the_weights_of_each_receiver():
    place = torch.tensor([3, 0, 4, 1, 2])
    relation = Complete(RECEIVERS, SENDERS)
    for make, key_dim, _ in SCORES.values():
        attend = Attention(made(make))
        query, key = random(RECEIVERS, QUERY), random(SENDERS, key_dim, seed=1)
        found = attend.attention(relation, query, attend.keys(key[place]))
        assert_same(found, attend.attention(relation, query, attend.keys(key))[:, place])


@every_score
@every_relation
def test_it_is_the_papers_equation_on_every_edge(make, key_dim, by_hand, relation):
    score, query, key = made(make), random(RECEIVERS, QUERY), random(SENDERS, key_dim, seed=1)
    logits = score(relation, query, key)
    assert logits.shape == (*relation.layout, 1)
    expected = edge_by_edge(relation, lambda r, s: by_hand(score, query[r], key[s]))
    assert_same(relation.edges_to_sparse(logits), expected)


@every_score
@every_relation
def test_gradients_are_exact(make, key_dim, by_hand, relation):
    score = made(make)
    parts = [random(RECEIVERS, QUERY), random(SENDERS, key_dim, seed=1), *score.parameters()]
    names = dict(score.named_parameters())

    def logits(query, key, *parameters):
        given = dict(zip(names, parameters, strict=True))
        return relation.without_absent(torch.func.functional_call(score, given, (relation, query, key)))

    assert torch.autograd.gradcheck(logits, [part.detach().clone().requires_grad_() for part in parts])


@every_score
def test_keys_come_once_and_sentences_one_by_one(make, key_dim, by_hand):
    score, relation = made(make), RELATIONS["complete"]
    query, key = random(3, RECEIVERS, QUERY), random(3, SENDERS, key_dim, seed=1)
    keys = score.keys(key)
    together = score.logits(relation, query, keys)
    assert keys.shape[:-1] == key.shape[:-1]
    for at in range(3):
        assert_same(together[at], score(relation, query[at], key[at]))


def test_concat_is_additive_with_the_same_weights():
    additive, concat = made(AdditiveScore, QUERY, KEY, HIDDEN), made(ConcatScore, QUERY, KEY, HIDDEN)
    concat.load_state_dict(additive.state_dict())
    query, key = random(RECEIVERS, QUERY), random(SENDERS, KEY, seed=1)
    relation = RELATIONS["complete"]
    assert torch.equal(additive(relation, query, key), concat(relation, query, key))


# ---- location ------------------------------------------------------------------------------------------------------


@every_relation
def test_location_is_the_row_of_the_senders_place(relation):
    score, query, key = made(LocationScore, QUERY, 7), random(2, RECEIVERS, QUERY), random(2, SENDERS, KEY)
    logits = relation.edges_to_sparse(score(relation, query, key))
    for at in range(2):
        expected = edge_by_edge(relation, lambda r, s, at=at: (score.weight.weight @ query[at, r])[s])
        assert_same(logits[at], expected)


def test_location_does_not_look_at_the_keys():
    score, query, relation = made(LocationScore, QUERY, 7), random(RECEIVERS, QUERY), RELATIONS["complete"]
    left, right = (score(relation, query, random(SENDERS, KEY, seed=seed)) for seed in range(2))
    assert torch.equal(left, right)


def test_keys_of_location_are_a_batch_like_any_others():
    """A decoder picks the sentences that still run out of the keys, by their first axis."""
    score, relation = made(LocationScore, QUERY, 7), RELATIONS["complete"]
    query, key = random(6, RECEIVERS, QUERY), random(6, SENDERS, KEY)
    keys, rows = score.keys(key), torch.tensor([5, 1])
    assert keys.shape[:-1] == key.shape[:-1]
    assert_same(score.logits(relation, query[rows], keys[rows]), score.logits(relation, query, keys)[rows])


def test_gradients_of_location_are_exact():
    score, relation = made(LocationScore, QUERY, SENDERS), RELATIONS["causal and masked"]
    key = random(SENDERS, KEY)

    def logits(query, weight):
        given = {"weight.weight": weight}
        return relation.without_absent(torch.func.functional_call(score, given, (relation, query, key)))

    values = [random(RECEIVERS, QUERY).requires_grad_(), score.weight.weight.detach().requires_grad_()]
    assert torch.autograd.gradcheck(logits, values)


def test_more_senders_than_places_are_refused():
    score = LocationScore(QUERY, 3)
    assert score.keys(torch.zeros(3, KEY)).shape == (3, 3)
    with pytest.raises(ConfigError, match="given 4 positions") as error:
        score.keys(torch.zeros(4, KEY))
    assert "at most 3, as it was made for" in str(error.value)


# ---- what is refused -----------------------------------------------------------------------------------------------


def embedded():
    return EmbeddedGaussianScore(3, 2, 4)


@pytest.mark.parametrize(
    ("make", "query", "key", "said", "expected"),
    [
        (DotScore, 3, 2, "the query of DotScore was given nodes with 3", 2),
        (GaussianScore, 3, 2, "the query of GaussianScore was given nodes with 3", 2),
        (ScaledDotScore, 3, 2, "the query of ScaledDotScore was given nodes with 3", 2),
        (lambda: GeneralScore(3, 2), 4, 2, "the query of GeneralScore was given nodes with 4", 3),
        (lambda: GeneralScore(3, 2), 3, 5, "the key of GeneralScore was given nodes with 5", 2),
        (lambda: AdditiveScore(3, 2, 4), 4, 2, "the query of AdditiveScore was given nodes with 4", 3),
        (lambda: AdditiveScore(3, 2, 4), 3, 5, "the key of AdditiveScore was given nodes with 5", 2),
        (lambda: ConcatScore(3, 2, 4), 4, 2, "the query of ConcatScore was given nodes with 4", 3),
        (lambda: ConcatScore(3, 2, 4), 3, 5, "the key of ConcatScore was given nodes with 5", 2),
        (embedded, 4, 2, "the query of EmbeddedGaussianScore was given nodes with 4", 3),
        (embedded, 3, 5, "the key of EmbeddedGaussianScore was given nodes with 5", 2),
        (lambda: LocationScore(3, 9), 4, 2, "the query of LocationScore was given nodes with 4", 3),
    ],
)
def test_another_width_is_refused(make, query, key, said, expected):
    with pytest.raises(ConfigError) as error:
        make()(RELATIONS["complete"], torch.zeros(RECEIVERS, query), torch.zeros(SENDERS, key))
    assert f"{said} features" in str(error.value)
    assert f"{expected}, as it was made for" in str(error.value)
