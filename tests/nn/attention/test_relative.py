"""Relative positions are the equations of Shaw et al. (2018), edge by edge, and move with their sentence."""

import pytest
import torch

from edgewise.errors import ConfigError
from edgewise.nn.attention import MultiHeadAttention, RelativePositions
from edgewise.relation import Band, Complete, between

from .plain import RECEIVERS, RELATIONS, SENDERS, assert_same, in_edges, made, random

HEADS, WIDTH, REACH = 3, 2, 2
DIM = HEADS * WIDTH

KINDS = {
    "shared": lambda: RelativePositions(WIDTH, REACH),
    "a head": lambda: RelativePositions(WIDTH, REACH, HEADS),
    "keys only": lambda: RelativePositions(WIDTH, REACH, values=False),
    "reach 1": lambda: RelativePositions(WIDTH, 1),
    "reach beyond the sentence": lambda: RelativePositions(WIDTH, 12, HEADS),
}
every_kind = pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
FORMS = RELATIONS | {
    "no loops": Complete(4, loops=False),
    "more receivers than senders": Complete(6, 3),
    "one receiver": Complete(1, 5, causal=True),
}
every_relation = pytest.mark.parametrize("relation", FORMS.values(), ids=FORMS)


def label(relation, receiver, sender, reach):
    """clip(s - r, -k, k) + k; receivers are the last of the senders."""
    place = receiver + relation.n_senders - relation.n_receivers
    return max(-reach, min(reach, sender - place)) + reach


def vector(table, head, label):
    return table[head if len(table) > 1 else 0, label]


def by_the_paper(relative, relation, query, key, value, scale):
    """Weights [n_edges, heads] in the order of `to_sparse`, and the context [n_receivers, dim]: eq. 3-4, scaled."""
    weights = torch.zeros(relation.to_sparse().n_edges, HEADS, dtype=query.dtype)
    context = torch.zeros(relation.n_receivers, DIM, dtype=query.dtype)
    for receiver, edges in in_edges(relation):
        for head in range(HEADS) if edges else ():
            own = slice(head * WIDTH, (head + 1) * WIDTH)
            labels = [label(relation, receiver, sender, relative.reach) for _, sender in edges]
            scores = []
            for (_, sender), one in zip(edges, labels, strict=True):
                there = key[sender, own] + vector(relative.key, head, one)
                scores.append((scale * query[receiver, own] @ there).exp())
            for (at, sender), one, score in zip(edges, labels, scores, strict=True):
                weights[at, head] = score / sum(scores)
                told = value[sender, own]
                if relative.value is not None:
                    told = told + vector(relative.value, head, one)
                context[receiver, own] += score / sum(scores) * told
    return weights, context


def ends(relation, *lead):
    query = random(*lead, relation.n_receivers, DIM)
    return query, *(random(*lead, relation.n_senders, DIM, seed=seed) for seed in (1, 2))


@every_kind
def test_moving_the_window_along_the_sentence_changes_nothing(make):
    """Only distances count: the rows of the middle are those of any stretch of the same words."""
    relative = made(make)
    query, key, value = ends(Complete(9))
    whole = relative.attend(Band(9, 1, 1), query, key, value, heads=HEADS, scale=0.7)
    stretch = slice(3, 8)
    parts = (part[stretch] for part in (query, key, value))
    alone = relative.attend(Band(5, 1, 1), *parts, heads=HEADS, scale=0.7)
    assert_same(alone[1:-1], whole[stretch][1:-1])


@every_kind
@every_relation
def test_labels_are_the_clipped_distances(make, relation):
    relative, edges = made(make), relation.to_sparse()
    labels = relation.edges_to_sparse(relative.labels(relation)[..., None])[:, 0]
    pairs = zip(edges.receivers.tolist(), edges.senders.tolist(), strict=True)
    assert labels.tolist() == [label(relation, r, s, relative.reach) for r, s in pairs]


@every_kind
@every_relation
def test_it_is_the_papers_equation_edge_by_edge(make, relation):
    relative, scale = made(make), 0.7
    query, key, value = ends(relation)
    with torch.no_grad():
        weights, context = by_the_paper(relative, relation, query, key, value, scale)
        found = relative.weights(relation, query, key, heads=HEADS, scale=scale)
        assert_same(relation.edges_to_sparse(found), weights)
        assert_same(relative.sum_senders(relation, found, value), context)
        assert_same(relative.attend(relation, query, key, value, heads=HEADS, scale=scale), context)


@every_kind
@every_relation
@pytest.mark.parametrize("lead", [(2,), (2, 2)])
def test_the_blockwise_result_is_that_of_a_list_of_edges_and_so_are_its_gradients(make, relation, lead):
    relative, results = made(make), []
    for form in (relation, relation.to_sparse()):
        parts = [part.requires_grad_() for part in ends(relation, *lead)]
        out = relative.attend(form, *parts, heads=HEADS, scale=0.7)
        total = (out * random(*out.shape, seed=9)).sum()
        results.append((out, *torch.autograd.grad(total, [*parts, *relative.parameters()])))
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-11)


@every_kind
def test_each_sentence_has_its_own_padding(make):
    relative, lengths = made(make), (2, 5)
    there = torch.arange(SENDERS) < torch.tensor(lengths)[:, None]
    query, key, value = ends(Complete(SENDERS), 2)
    key, value = (part.masked_fill(~there[..., None], 1e3) for part in (key, value))
    relation = between(SENDERS, there)
    found = relative.attend(relation, query, key, value, heads=HEADS, scale=0.7)
    for at, n in enumerate(lengths):
        parts = (part[at, :n] for part in (query, key, value))
        alone = relative.attend(Complete(n), *parts, heads=HEADS, scale=0.7)
        assert_same(found[at, :n], alone)


@every_kind
@pytest.mark.parametrize("name", ["complete, a row without edges", "band", "band, a row without edges"])
def test_what_stands_in_the_place_of_absent_edges_changes_nothing(make, name):
    relative, relation = made(make), RELATIONS[name]
    weights, value = random(2, *relation.layout, HEADS), random(2, SENDERS, DIM, seed=1)
    filled = weights.masked_fill(~relation.mask[..., None], 1e6)
    found, expected = (relative.sum_senders(relation, given, value) for given in (filled, weights))
    assert_same(found, expected)


def test_tables_of_zeros_are_attention_without_positions():
    relative, relation = RelativePositions(WIDTH, REACH).double(), RELATIONS["causal and masked"]
    for table in relative.parameters():
        torch.nn.init.zeros_(table)
    parts = ends(relation, 2)
    expected = relation.attend(*parts, heads=HEADS, scale=0.7)
    assert_same(relative.attend(relation, *parts, heads=HEADS, scale=0.7), expected)


def test_a_table_a_head_with_the_same_rows_is_the_shared_one():
    shared, apart = made(KINDS["shared"]), made(KINDS["a head"])
    apart.load_state_dict({name: table.expand(HEADS, -1, -1) for name, table in shared.state_dict().items()})
    relation = Complete(RECEIVERS, SENDERS)
    parts = ends(relation)
    found, expected = (one.attend(relation, *parts, heads=HEADS, scale=0.7) for one in (apart, shared))
    assert_same(found, expected)


def test_the_tables_that_there_are():
    assert {name: tuple(table.shape) for name, table in KINDS["a head"]().named_parameters()} == {
        "key": (HEADS, 2 * REACH + 1, WIDTH),
        "value": (HEADS, 2 * REACH + 1, WIDTH),
    }
    assert [name for name, _ in KINDS["keys only"]().named_parameters()] == ["key"]
    assert len(KINDS["shared"]().key) == 1


@pytest.mark.parametrize("reach", [0, -2])
def test_a_reach_below_one_is_refused(reach):
    with pytest.raises(ConfigError) as error:
        RelativePositions(WIDTH, reach)
    assert f"relative positions up to a distance of {reach}" in str(error.value)
    assert "at least 1" in str(error.value)


@pytest.mark.parametrize(
    ("relative", "said"),
    [
        (lambda: RelativePositions(4, 1), "relative positions for heads of 4 features"),
        (lambda: RelativePositions(2, 1, 6), "relative positions for 6 heads of 2 features"),
    ],
)
def test_tables_of_other_heads_than_the_attentions_are_refused(relative, said):
    with pytest.raises(ConfigError) as error:
        MultiHeadAttention(DIM, HEADS, relative=relative())
    assert said in str(error.value)
    assert "3 heads of 2 features, as the attention has them" in str(error.value)
