"""Messages equal loops that build each edge's matrix; message passing ties one update over its steps."""

import pytest
import torch

from edgewise.errors import ConfigError
from edgewise.nn import EdgeNetwork, MessagePassing, PairMessage, TypedMessage
from edgewise.relation import Band, Complete, Sparse, mix

N, D, E, OUT = 5, 3, 2, 4
RELATIONS = {
    "sparse": Sparse(torch.tensor([2, 0, 1, 0, 3, 1, 1]), torch.tensor([3, 1, 3, 3, 3, 0, 0]), N),
    "complete": Complete(N, loops=False),
    "band": Band(N, 1, 0),
    "masked": Complete(N).masked(nodes=torch.tensor([True, True, False, True, True])),
}
every_relation = pytest.mark.parametrize("relation", RELATIONS.values(), ids=RELATIONS)


def random(*size, seed=0):
    return torch.randn(*size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def inputs_of(relation):
    return random(N, D), random(*relation.layout, E, seed=1)


def by_loop(relation, nodes, edges, message):
    """sum over s -> r of message(h_r, h_s, e), an edge at a time."""
    sparse, listed = relation.to_sparse(), relation.edges_to_sparse(edges)
    out = [torch.zeros(OUT, dtype=torch.float64) for _ in range(N)]
    for r, s, e in zip(sparse.receivers.tolist(), sparse.senders.tolist(), listed, strict=True):
        out[r] = out[r] + message(nodes[r], nodes[s], e)
    return torch.stack(out)


@every_relation
@pytest.mark.parametrize("hidden", [0, 6])
@pytest.mark.parametrize("at_once", [1, mix.AT_ONCE], ids=["in stretches", "at once"])
def test_an_edge_network_equals_a_loop_that_builds_each_edges_matrix(relation, hidden, at_once, monkeypatch):
    monkeypatch.setattr(mix, "AT_ONCE", at_once)
    layer, (nodes, edges) = EdgeNetwork(E, D, OUT, hidden).double(), inputs_of(relation)

    def matrix(e):
        z = layer.network[0](e).relu() if hidden else e
        z = torch.cat([z, torch.ones(1, dtype=torch.float64)])
        return sum(z[k] * layer.matrices[k] for k in range(len(z)))

    expected = by_loop(relation, nodes, edges, lambda _, sender, e: sender @ matrix(e))
    torch.testing.assert_close(layer(relation, nodes, edges), expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("degree", [1, 2, 3, 4, 5, 17])
def test_receivers_of_every_degree_get_all_of_their_messages(degree):
    senders = torch.arange(degree + 1).repeat(40)[: 40 * degree] % 40
    relation = Sparse(senders, torch.arange(40).repeat_interleave(degree), 41)
    nodes, edges = random(41, D), random(relation.n_edges, E, seed=1)
    layer = TypedMessage(E, D, OUT).double()
    dense = torch.zeros(41, OUT, dtype=torch.float64)
    each = torch.einsum("ek,ed,kdo->eo", edges, nodes[relation.senders], layer.matrices)
    expected = dense.index_add(0, relation.receivers, each)
    torch.testing.assert_close(layer(relation, nodes, edges), expected, rtol=1e-12, atol=1e-13)


def test_the_matrices_of_an_edge_network_start_with_glorots_variance():
    torch.manual_seed(0)
    layer = EdgeNetwork(8, 20, 30, hidden=0)
    e = torch.randn(400, 8).sign()  # nine terms of mean square 1
    variance = torch.einsum("ek,kdo->edo", torch.cat([e, torch.ones(400, 1)], 1), layer.matrices).var()
    assert variance.item() == pytest.approx(2 / (20 + 30), rel=0.05)


@every_relation
def test_one_hot_edges_choose_a_matrix(relation):
    layer, nodes = TypedMessage(3, D, OUT).double(), random(N, D)
    kinds = torch.randint(3, relation.layout, generator=torch.Generator().manual_seed(0))
    edges = torch.nn.functional.one_hot(kinds, 3).double()
    expected = by_loop(relation, nodes, edges, lambda _, sender, e: sender @ layer.matrices[e.argmax()])
    torch.testing.assert_close(layer(relation, nodes, edges), expected, rtol=1e-12, atol=1e-13)


@every_relation
def test_a_pair_message_equals_a_loop_over_concatenated_ends(relation):
    layer, (nodes, edges) = PairMessage(D, E, OUT, hidden=6).double(), inputs_of(relation)
    pair = layer.mlp.pair
    weight = torch.cat([pair.receiver, pair.sender, pair.edge], 1)

    def message(receiver, sender, e):
        hidden = weight @ torch.cat([receiver, sender, e]) + pair.bias
        return layer.mlp.layers[1](torch.nn.functional.hardswish(hidden))

    expected = by_loop(relation, nodes, edges, message)
    torch.testing.assert_close(layer(relation, nodes, edges), expected, rtol=1e-12, atol=1e-13)


def test_message_passing_is_one_gru_and_one_message_again_and_again():
    relation = RELATIONS["sparse"]
    nodes, edges = inputs_of(relation)
    layer = MessagePassing(PairMessage(D, E, OUT, 6), D, 3, message_dim=OUT).double()
    gru = torch.nn.GRUCell(OUT, D).double()
    gru.load_state_dict(layer.update.state_dict())
    state = nodes
    for _ in range(3):
        state = gru(layer.message(relation, state, edges), state)
    torch.testing.assert_close(layer(relation, nodes, edges), state, rtol=1e-12, atol=1e-13)
    assert sum(p.numel() for p in layer.update.parameters()) == 3 * D * (
        OUT + D + 2
    )  # one GRU, whatever the steps


def test_more_steps_hear_from_further_away():
    chain = Sparse(torch.arange(4), torch.arange(1, 5), 5)
    ones = torch.ones(4, 1, dtype=torch.float64)
    for steps in range(1, 5):
        layer = MessagePassing(TypedMessage(1, D, D), D, steps).double()
        nodes = random(5, D).requires_grad_()
        (grad,) = torch.autograd.grad(layer(chain, nodes, ones)[4].sum(), nodes)
        assert (grad != 0).any(1).tolist() == [i >= 4 - steps for i in range(5)]


def test_edges_of_another_width_or_none_are_refused():
    nodes = torch.zeros(3, D)
    for name, layer in {
        "TypedMessage": TypedMessage(2, D, OUT),
        "EdgeNetwork": EdgeNetwork(2, D, OUT),
        "PairMessage": PairMessage(D, 2, OUT),
    }.items():
        with pytest.raises(ConfigError) as error:
            layer(Complete(3), nodes, torch.zeros(3, 3, 7))
        assert f"{name} was given edges with 7 features" in str(error.value)
        assert "expected: 2 features an edge" in str(error.value)
        with pytest.raises(ConfigError, match=f"{name} was given no edge attributes"):
            layer(Complete(3), nodes, None)


def test_no_steps_are_refused():
    with pytest.raises(ConfigError) as error:
        MessagePassing(TypedMessage(1, D, D), D, 0)
    assert "0 steps of message passing" in str(error.value)
    assert "expected: at least 1" in str(error.value)
