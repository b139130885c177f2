"""Graph attention is the equations of Velickovic et al. (2018) and of Brody et al. (2022), node by node."""

import pytest
import torch
from torch.nn.functional import leaky_relu

from edgewise.errors import ConfigError
from edgewise.nn import GraphAttention, GraphAttentionV2
from edgewise.nn.dropout import QuickDropout
from edgewise.nn.graph import AdditiveAttention
from edgewise.relation import Band, Complete, Sparse, fused

HEADS, WIDTH, IN = 3, 2, 4
RELATIONS = {
    "sparse": Sparse(torch.tensor([2, 0, 1, 0, 1]), torch.tensor([3, 1, 3, 3, 1]), 5),
    "complete": Complete(5),
    "no loops": Complete(5, loops=False),
    "band": Band(5, 1, 2),
    "masked": Complete(5).masked(nodes=torch.tensor([True, True, False, True, True])),
}
every_relation = pytest.mark.parametrize("relation", RELATIONS.values(), ids=RELATIONS)
SPARSE = RELATIONS["sparse"]


def random(*size, seed=0):
    return torch.randn(*size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def made(kind, **options):
    torch.manual_seed(0)
    layer = kind(IN, WIDTH, HEADS, **options).double()
    with torch.no_grad():
        for parameter in layer.parameters():  # biases that are not 0
            parameter.add_(0.3 * torch.randn_like(parameter))
    return layer


@pytest.fixture(params=["plain", "fused"])
def loops(request, monkeypatch):
    """Torch's operations, and Numba's loops also for small cases."""
    if request.param == "fused":
        pytest.importorskip("numba")
        monkeypatch.setattr(fused, "LEAST_EDGES", 1)


def heads_of(values):
    return values.unflatten(-1, (HEADS, WIDTH))


def logit_v1(layer, nodes, receiver, sender, head):
    projected = heads_of(nodes @ layer.linear.weight.T)
    ends = torch.cat([projected[receiver, head], projected[sender, head]])  # [W h_i || W h_j]
    vector = torch.cat([layer.core.receiver[head], layer.core.sender[head]])
    return leaky_relu(vector @ ends, 0.2)


def logit_v2(layer, nodes, receiver, sender, head):
    received, sent = (heads_of(part(nodes)) for part in (layer.receiver, layer.sender))
    return layer.vector[head] @ leaky_relu(received[receiver, head] + sent[sender, head], 0.2)


def by_the_paper(relation, layer, nodes):
    """Each head's weights [receiver, sender, heads] and sums [receiver, heads, width], one number after the other."""
    v1 = isinstance(layer, GraphAttention)
    values = heads_of(nodes @ layer.linear.weight.T if v1 else layer.sender(nodes))
    logit = logit_v1 if v1 else logit_v2
    sparse = relation.to_sparse()
    weights = torch.zeros(len(nodes), len(nodes), HEADS, dtype=torch.float64)
    for r in range(len(nodes)):
        senders = sparse.senders[sparse.receivers == r].tolist()
        for h in range(HEADS):
            if senders:
                logits = torch.stack([logit(layer, nodes, r, s, h) for s in senders])
                weights[r, senders, h] = logits.exp() / logits.exp().sum()
    return weights, torch.einsum("rsh,shd->rhd", weights, values)


KINDS = {"v1": GraphAttention, "v2": GraphAttentionV2}
every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


def assert_same(found, expected):
    torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-12)


@pytest.mark.usefixtures("loops")
@every_kind
@every_relation
def test_it_is_the_papers_equations(kind, relation):
    layer, nodes = made(kind), random(5, IN)
    with torch.no_grad():
        weights, sums = by_the_paper(relation, layer, nodes)
        assert_same(relation.to_dense(layer.attention(relation, nodes)), weights)
        assert_same(layer(relation, nodes), sums.flatten(-2) + layer.bias)


@every_relation
def test_averaged_heads_are_equation_6(relation):
    layer, nodes = made(GraphAttention, average=True), random(5, IN)
    _, sums = by_the_paper(relation, layer, nodes)
    assert_same(layer(relation, nodes), sums.mean(-2) + layer.bias)


@pytest.mark.usefixtures("loops")
@every_kind
@every_relation
def test_the_result_is_made_of_the_attention(kind, relation):
    layer, nodes = made(kind), random(2, 5, IN)
    values = layer.linear(nodes) if kind is GraphAttention else layer.sender(nodes)
    expected = relation.sum_senders(values, layer.attention(relation, nodes)) + layer.bias
    assert_same(layer(relation, nodes), expected)


def test_the_layer_scores_and_weighs_projected_nodes_as_its_core_does():
    layer, nodes = made(GraphAttention), random(5, IN)
    projected = layer.linear(nodes)
    assert_same(layer.core.attention(SPARSE, projected), layer.attention(SPARSE, nodes))
    assert_same(layer.core(SPARSE, projected) + layer.bias, layer(SPARSE, nodes))


@every_kind
def test_without_a_bias_a_node_without_in_edges_gets_0(kind):
    layer = made(kind, bias=False)
    out = layer(SPARSE, random(5, IN))
    assert not out[[0, 2, 4]].any()
    assert out[[1, 3]].all()


@every_kind
@every_relation
def test_attention_sums_to_1_over_the_in_edges_of_each_receiver(kind, relation):
    weights = made(kind).attention(relation, random(2, 5, IN))
    hears = (relation.in_degrees > 0).double()
    assert (weights >= 0).all()
    assert_same(relation.sum(weights), hears[:, None].expand(2, 5, HEADS))


def test_receivers_of_v1_rank_the_senders_alike_and_those_of_v2_do_not():
    """Static and dynamic attention (Brody et al. 2022, section 3), on a table in which each node seeks another."""
    nodes = random(6, IN)
    orders = {
        kind: made(kind).attention(Complete(6), nodes).argsort(1)  # [receiver, rank, heads]
        for kind in KINDS.values()
    }
    static, dynamic = orders[GraphAttention], orders[GraphAttentionV2]
    assert torch.equal(static, static[:1].expand_as(static))
    assert not torch.equal(dynamic, dynamic[:1].expand_as(dynamic))


@every_kind
def test_dropout_acts_in_training_only(kind):
    layer, nodes = made(kind, dropout=0.5), random(5, IN)
    once, again = layer(Complete(5), nodes), layer(Complete(5), nodes)
    assert not torch.equal(once, again)
    calm = made(kind)(Complete(5), nodes)
    layer.eval()
    assert_same(layer(Complete(5), nodes), calm)


@every_kind
def test_attention_is_free_of_dropout_also_in_training(kind):
    layer, calm = made(kind, dropout=0.5), made(kind)
    assert torch.equal(layer.attention(SPARSE, random(5, IN)), calm.attention(SPARSE, random(5, IN)))


def test_dropped_features_are_summed_but_not_scored():
    core, projected = AdditiveAttention(WIDTH, HEADS, dropout=0.5).double(), random(5, HEADS * WIDTH)
    core.weight_dropout.p = 0.0
    torch.manual_seed(1)
    out = core(SPARSE, projected)
    torch.manual_seed(1)
    kept = torch.nn.functional.dropout(projected, 0.5)
    assert (kept == 0).any()
    assert_same(out, SPARSE.sum_senders(kept, core.attention(SPARSE, projected)))


def test_with_dropout_the_result_is_right_in_the_mean():
    core = AdditiveAttention(WIDTH, HEADS, dropout=0.3).double()
    projected, relation = random(5, HEADS * WIDTH), Complete(5)
    torch.manual_seed(0)
    draws = core(relation, projected.expand(20_000, -1, -1))  # one draw a leading entry
    error = draws.std(0) / 20_000**0.5
    core.eval()
    assert ((draws.mean(0) - core(relation, projected)).abs() < 5 * error).all()


def test_dropped_weights_do_not_make_the_others_sum_to_1():
    core, projected = AdditiveAttention(WIDTH, HEADS, dropout=0.5).double(), random(5, HEADS * WIDTH)
    core.feature_dropout.p = 0.0
    relation = Complete(5)
    torch.manual_seed(1)
    out = core(relation, projected)
    torch.manual_seed(1)
    kept = QuickDropout(0.5)(core.attention(relation, projected))
    assert (kept == 0).any()
    assert_same(out, relation.sum_senders(projected, kept))


@every_relation
def test_the_fused_path_equals_the_composed_one(relation):
    """In training, dropout on the weights takes the composed path; so close to 0 that nothing is dropped."""
    core, projected = AdditiveAttention(WIDTH, HEADS).double(), random(2, 5, HEADS * WIDTH)
    fused = core(relation, projected)
    core.weight_dropout.p = 1e-15
    torch.manual_seed(0)
    assert_same(core(relation, projected), fused)


@every_kind
def test_each_head_starts_as_glorot_has_it(kind):
    torch.manual_seed(0)
    layer = kind(400, 50, 4)
    vectors = [layer.core.receiver, layer.core.sender] if kind is GraphAttention else [layer.vector]
    for vector in vectors:
        bound = (6 / 51) ** 0.5
        assert 0.9 * bound < float(vector.detach().abs().max()) <= bound
    if kind is GraphAttention:
        bound = (6 / 450) ** 0.5
        for part in layer.linear.weight.detach().split(50):
            assert 0.99 * bound < float(part.abs().max()) <= bound


@every_kind
@pytest.mark.parametrize("call", ["forward", "attention"])
def test_nodes_of_another_width_are_refused(kind, call):
    with pytest.raises(ConfigError) as error:
        getattr(made(kind), call)(SPARSE, random(5, IN + 1))
    assert f"{kind.__name__} was given nodes with 5 features" in str(error.value)
    assert "expected: 4, as it was made for" in str(error.value)
