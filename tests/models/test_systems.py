"""What holds for every whole system: no numbers from where nothing is, and the same whatever holds the graph."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from edgewise.errors import ConfigError
from edgewise.graph import Graph, batch
from edgewise.models import GAT, GCN, MPNN, GraphRegressor, dense_input
from edgewise.nn import AttentionReadout, MessagePassing, SumReadout, TypedMessage
from edgewise.relation import Complete, Sparse

NODE, EDGE, DIM, OUT = 3, 2, 4, 2


def random(*size, seed=0):
    return torch.randn(*size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@dataclass(frozen=True)
class System:
    """A model, how it reads a graph, and whether its result has a row a node (or else a row a graph)."""

    make: Callable[[], nn.Module]
    run: Callable[[nn.Module, Graph], Tensor]
    per_node: bool


def on_nodes(make):
    return System(make, lambda model, graph: model(graph.relation, graph.nodes), True)


def on_graph(make):
    return System(make, lambda model, graph: model(graph), False)


def ggnn(readout, width):
    """A gated graph network (Li et al. 2016) of parts."""
    passing = MessagePassing(TypedMessage(EDGE, DIM, DIM), DIM, 2)
    return GraphRegressor(nn.Linear(NODE, DIM), passing, readout, nn.Linear(width, OUT))


SYSTEMS = {
    "GCN": on_nodes(lambda: GCN(dense_input(NODE, DIM), DIM, OUT)),
    "GAT": on_nodes(lambda: GAT(dense_input(NODE, DIM, heads=2), DIM, 2, OUT, output_heads=2)),
    "MPNN": on_graph(lambda: MPNN(NODE, EDGE, dim=DIM, out_dim=OUT, steps=2, edge_hidden=3)),
    "GGNN, attention": on_graph(lambda: ggnn(AttentionReadout(DIM, 5), 5)),
    "GGNN, maximum": on_graph(lambda: ggnn(SumReadout("max"), DIM)),
}
every_system = pytest.mark.parametrize("system", SYSTEMS.values(), ids=SYSTEMS)


def made(system):
    torch.manual_seed(0)
    model = system.make().double().eval()
    with torch.no_grad():
        for parameter in model.parameters():  # biases that are not 0
            parameter.add_(0.2 * torch.randn_like(parameter))
    return model


def graph_of(n_nodes, pairs=(), seed=0):
    senders, receivers = torch.tensor(pairs, dtype=torch.int64).reshape(-1, 2).T
    nodes, edges = random(n_nodes, NODE, seed=seed), random(len(pairs), EDGE, seed=seed + 1)
    return Graph.from_edges(senders, receivers, nodes=nodes, edges=edges)


RING = graph_of(4, [(0, 0), (0, 1), (1, 0), (1, 2), (2, 1), (2, 3), (3, 0), (1, 2)])
NOBODY = graph_of(0)


def assert_same(found, expected):
    torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-12)


@every_system
def test_a_union_with_empty_graphs_and_lone_nodes_is_its_graphs_one_by_one(system):
    model, graphs = made(system), [NOBODY, RING, graph_of(1, seed=3), NOBODY, graph_of(2, seed=5)]
    together = system.run(model, batch(graphs))
    assert together.isfinite().all()
    assert_same(together, torch.cat([system.run(model, graph) for graph in graphs]))


@every_system
def test_an_empty_graph_has_finite_gradients(system):
    model = made(system)
    out = system.run(model, NOBODY)
    assert out.shape == ((0 if system.per_node else 1), OUT)
    for grad in torch.autograd.grad(out.sum(), list(model.parameters()), allow_unused=True):
        assert grad is None or grad.isfinite().all()


@every_system
def test_the_order_of_nodes_and_edges_does_not_matter(system):
    model, place = made(system), torch.tensor([2, 0, 3, 1])  # node i goes to place[i]
    order, nodes = torch.tensor([3, 1, 6, 0, 2, 7, 5, 4]), torch.empty_like(RING.nodes)
    nodes[place] = RING.nodes
    senders, receivers = place[RING.relation.senders][order], place[RING.relation.receivers][order]
    moved = Graph.from_edges(senders, receivers, nodes=nodes, edges=RING.edges[order])
    out = system.run(model, moved)
    assert_same(out[place] if system.per_node else out, system.run(model, RING))


@every_system
@pytest.mark.parametrize("loops", [True, False])
def test_a_batch_on_a_complete_relation_is_its_edge_lists(system, loops):
    model, relation = made(system), Complete(4, loops=loops)
    graph = Graph(relation, random(3, 4, NODE), random(3, *relation.layout, EDGE, seed=1))
    out = system.run(model, graph)
    for at in range(3):
        edges = relation.edges_to_sparse(graph.edges[at])
        listed = Graph(relation.to_sparse(), graph.nodes[at], edges)
        assert_same(out[at], system.run(model, listed))


@every_system
def test_absent_nodes_are_as_if_they_had_never_been(system):
    model, there = made(system), torch.tensor([True, True, False, True])
    relation, number = RING.relation, there.cumsum(0) - 1
    kept = there[relation.senders] & there[relation.receivers]
    left = Sparse(number[relation.senders[kept]], number[relation.receivers[kept]], 3)
    expected = system.run(model, Graph(left, RING.nodes[there], RING.edges[kept]))
    nodes = RING.nodes.masked_fill(~there[:, None], 1e3)
    out = system.run(model, RING.replace(relation=relation.masked(nodes=there), nodes=nodes))
    assert_same(out[there] if system.per_node else out, expected)


@pytest.mark.parametrize("name", ["GCN", "GAT", "MPNN"])
def test_nodes_of_another_width_are_refused(name):
    with pytest.raises(ConfigError) as error:
        SYSTEMS[name].run(made(SYSTEMS[name]), RING.replace(nodes=random(4, 5)))
    assert "the network was given nodes with 5 features" in str(error.value)
    assert "expected: 3, as it was made for" in str(error.value)
