"""The MPNN gives numbers a graph: unions one by one, whatever the order of atoms and bonds."""

import pytest
import torch
from torch import nn

from edgewise.errors import ConfigError
from edgewise.graph import Graph, batch
from edgewise.models import MPNN, GraphRegressor
from edgewise.nn import AttentionReadout, MessagePassing, PairMessage, SumReadout
from edgewise.relation import Complete

NODE, EDGE, DIM = 3, 2, 5


def random(*size, seed=0):
    return torch.randn(*size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def molecule(n, bonds, seed=0):
    senders, receivers = torch.tensor(bonds, dtype=torch.int64).reshape(-1, 2).T
    return Graph.from_edges(
        senders,
        receivers,
        nodes=random(n, NODE, seed=seed),
        edges=random(len(bonds), EDGE, seed=seed + 1),
    )


MOLECULES = [
    molecule(4, [(0, 1), (1, 0), (1, 2), (2, 1), (2, 3), (3, 2)]),
    molecule(1, [], seed=2),
    molecule(3, [(0, 2), (2, 0), (0, 2)], seed=4),
    molecule(2, [], seed=6),
]


def mpnn(**given):
    torch.manual_seed(0)
    settings = {"dim": DIM, "out_dim": 2, "edge_hidden": 4, **given}
    return MPNN(NODE, EDGE, **settings).double()


def regressor():
    torch.manual_seed(0)
    passing = MessagePassing(PairMessage(DIM, EDGE, DIM, 4), DIM, 2)
    return GraphRegressor(nn.Linear(NODE, DIM), passing, AttentionReadout(DIM, 4), nn.Linear(4, 2)).double()


every_model = pytest.mark.parametrize("make", [mpnn, regressor])


def test_it_equals_its_parts_one_after_the_other():
    model, graph = mpnn(steps=2, readout_steps=2), MOLECULES[0]
    state = (graph.nodes @ model.embed[0].weight.T + model.embed[0].bias).relu()
    for _ in range(2):
        state = model.passing.update(model.passing.message(graph.relation, state, graph.edges), state)
    vector = model.readout(graph.relation.graphs, state)
    first, last = (layer for layer in model.head if isinstance(layer, nn.Linear))
    torch.testing.assert_close(model(graph), last(first(vector).relu()), rtol=1e-12, atol=1e-13)


@every_model
def test_a_union_is_its_graphs_one_by_one_forward_and_backward(make):
    model = make()
    together = model(batch(MOLECULES))
    alone = torch.cat([model(graph) for graph in MOLECULES])
    assert together.shape == (4, 2)
    torch.testing.assert_close(together, alone, rtol=1e-12, atol=1e-13)
    wanted = list(model.parameters())
    for left, right in zip(
        torch.autograd.grad(together.square().sum(), wanted),
        torch.autograd.grad(alone.square().sum(), wanted),
        strict=True,
    ):
        torch.testing.assert_close(left, right, rtol=1e-11, atol=1e-12)


@every_model
def test_the_order_of_atoms_and_of_bonds_does_not_matter(make):
    model, graph = make(), MOLECULES[0]
    place, order = torch.tensor([2, 0, 3, 1]), torch.tensor([5, 1, 0, 4, 2, 3])
    nodes = torch.empty_like(graph.nodes)
    nodes[place] = graph.nodes
    moved = Graph.from_edges(
        place[graph.relation.senders][order],
        place[graph.relation.receivers][order],
        nodes=nodes,
        edges=graph.edges[order],
    )
    torch.testing.assert_close(model(moved), model(graph), rtol=1e-12, atol=1e-13)


@every_model
def test_leading_dimensions_on_a_complete_relation(make):
    model, relation = make(), Complete(4, loops=False)
    nodes, edges = random(3, 4, NODE), random(3, *relation.layout, EDGE, seed=1)
    expected = torch.stack([model(Graph(relation, *one)) for one in zip(nodes, edges, strict=True)])
    torch.testing.assert_close(model(Graph(relation, nodes, edges)), expected, rtol=1e-12, atol=1e-13)


@every_model
def test_gradients_of_a_union_are_exact(make):
    model, graph = make(), batch(MOLECULES)

    def function(nodes, edges):
        return model(graph.replace(nodes=nodes, edges=edges))

    inputs = graph.nodes.clone().requires_grad_(), graph.edges.clone().requires_grad_()
    assert torch.autograd.gradcheck(function, inputs)


def test_dropout_of_the_head_acts_in_training_only():
    model, graph = mpnn(dropout=0.5), MOLECULES[0]
    torch.manual_seed(1)
    model.train()
    assert not torch.equal(model(graph), model(graph))
    plain = mpnn()
    plain.load_state_dict(model.eval().state_dict())
    assert torch.equal(model(graph), plain(graph))


def test_steps_share_their_parameters():
    def count(model):
        return sum(parameter.numel() for parameter in model.parameters())

    assert count(mpnn(steps=1, readout_steps=1)) == count(mpnn(steps=6, readout_steps=5))


def test_nodes_without_attributes_are_refused():
    for model in (mpnn(), regressor()):
        with pytest.raises(ConfigError) as error:
            model(MOLECULES[0].replace(nodes=None))
        assert f"{type(model).__name__} was given nodes without attributes" in str(error.value)
        assert "expected: nodes [n_nodes, node_dim]" in str(error.value)


def test_attributes_of_another_width_are_refused():
    model, graph = mpnn(), MOLECULES[0]
    with pytest.raises(ConfigError) as error:
        model(graph.replace(edges=random(6, 7)))
    assert "was given edges with 7 features" in str(error.value)
    assert "expected: 2 features an edge" in str(error.value)
    with pytest.raises(ConfigError, match="was given no edge attributes"):
        model(graph.replace(edges=None))
    with pytest.raises(ConfigError, match=r"nodes with 9 features\n  expected: 3"):
        model(graph.replace(nodes=random(4, 9)))


def test_a_readout_by_anything_else_is_refused():
    with pytest.raises(ConfigError) as error:
        SumReadout("median")
    assert "a readout by 'median'" in str(error.value)
    assert "expected: sum, mean or max" in str(error.value)
