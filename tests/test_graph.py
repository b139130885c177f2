"""A graph keeps attributes with their edges, joins with others and comes apart again, and refuses what does not fit."""

from contextlib import contextmanager

import pytest
import torch

from edgewise.errors import ConfigError
from edgewise.graph import Graph, batch, check_finite, unbatch
from edgewise.relation import Complete, Sparse

SENDERS, RECEIVERS = torch.tensor([2, 0, 1, 3, 0]), torch.tensor([3, 1, 3, 0, 3])
NONE = torch.tensor([], dtype=torch.int64)


def random(*size, seed=0):
    return torch.randn(*size, generator=torch.Generator().manual_seed(seed))


def edge_set(graph):
    """Every edge with its attributes, in no order."""
    rows = zip(
        graph.relation.senders.tolist(), graph.relation.receivers.tolist(), graph.edges.tolist(), strict=True
    )
    return sorted((s, r, tuple(e)) for s, r, e in rows)


@contextmanager
def refused(*parts):
    """Expects a ConfigError whose message has all these parts."""
    with pytest.raises(ConfigError) as error:
        yield
    for part in parts:
        assert part in str(error.value)


# ---- from lists of edges -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4], [4, 2, 0, 3, 1]])
def test_attributes_go_with_their_edges(order):
    edges = random(5, 2)
    graph = Graph.from_edges(SENDERS[order], RECEIVERS[order], nodes=random(4, 3), edges=edges[order])
    given = zip(SENDERS.tolist(), RECEIVERS.tolist(), edges.tolist(), strict=True)
    assert edge_set(graph) == sorted((s, r, tuple(e)) for s, r, e in given)
    assert (graph.relation.receivers.diff() >= 0).all()


def test_attributes_with_leading_dimensions_go_with_their_edges():
    edges = random(6, 5, 2)
    graph = Graph.from_edges(SENDERS, RECEIVERS, nodes=random(6, 4, 3), edges=edges)
    for at in range(6):
        alone = Graph.from_edges(SENDERS, RECEIVERS, nodes=graph.nodes[at], edges=edges[at])
        assert torch.equal(graph.edges[at], alone.edges)


def test_gradients_reach_edges_as_they_were_given():
    edges = random(5, 2).requires_grad_()
    graph = Graph.from_edges(SENDERS, RECEIVERS, nodes=random(4, 3), edges=edges)
    k = int((graph.relation.senders == 3).nonzero()[0])
    (grad,) = torch.autograd.grad(graph.edges[k].sum(), edges)
    assert (grad != 0).any(1).tolist() == [False, False, False, True, False]


def test_sizes():
    graph = Graph.from_edges(SENDERS, RECEIVERS, n_node=[4, 0, 2])
    assert (graph.n_nodes, graph.n_edges, graph.n_graphs) == (6, 5, 3)
    assert graph.nodes is graph.edges is graph.globals_ is None
    graph = Graph(Complete(3, loops=False), random(2, 3, 5))
    assert (graph.n_nodes, graph.n_edges, graph.n_graphs) == (3, 6, 1)


def test_replace_makes_another_graph():
    graph = Graph(Complete(3), random(3, 2))
    other = graph.replace(globals_=random(1, 4))
    assert graph.globals_ is None
    assert other.nodes is graph.nodes
    with refused("nodes have shape [4, 2]", "expected: [..., 3, features]"):
        graph.replace(nodes=random(4, 2))


# ---- joined and taken apart ----------------------------------------------------------------------------------------


def three_graphs():
    return [
        Graph.from_edges(SENDERS, RECEIVERS, nodes=random(4, 3), edges=random(5, 2), globals_=random(1, 4)),
        Graph.from_edges(NONE, NONE, nodes=random(0, 3), edges=random(0, 2), globals_=random(1, 4, seed=1)),
        Graph.from_edges(
            torch.tensor([1, 1, 0]),
            torch.tensor([0, 1, 0]),
            nodes=random(2, 3, seed=2),
            edges=random(3, 2, seed=3),
            globals_=random(1, 4, seed=4),
        ),
    ]


def assert_same_graph(left, right):
    assert left.n_nodes == right.n_nodes
    for name in ("senders", "receivers"):
        assert torch.equal(getattr(left.relation, name), getattr(right.relation, name))
    for part in ("nodes", "edges", "globals_"):
        mine, theirs = getattr(left, part), getattr(right, part)
        assert (mine is None) == (theirs is None)
        assert mine is None or torch.equal(mine, theirs)


def test_a_batch_comes_apart_into_what_it_was_made_of():
    graphs = three_graphs()
    union = batch(graphs)
    assert (union.n_graphs, union.n_nodes, union.n_edges) == (3, 6, 8)
    parts = unbatch(union)
    assert len(parts) == 3
    for found, given in zip(parts, graphs, strict=True):
        assert_same_graph(found, given)


def test_a_batch_of_what_came_apart_is_the_batch():
    union = batch(three_graphs())
    assert_same_graph(batch(unbatch(union)), union)


def test_a_batch_equals_a_union_from_lists():
    graphs = three_graphs()
    union = batch(graphs)
    shift = [0, 4, 4]
    listed = Graph.from_edges(
        torch.cat([g.relation.senders + at for g, at in zip(graphs, shift, strict=True)]),
        torch.cat([g.relation.receivers + at for g, at in zip(graphs, shift, strict=True)]),
        nodes=union.nodes,
        edges=torch.cat([g.edges for g in graphs]),
        globals_=union.globals_,
        n_node=[4, 0, 2],
    )
    assert_same_graph(union, listed)
    assert union.relation.node_counts.tolist() == listed.relation.node_counts.tolist()


def test_batches_of_batches_are_flat():
    one, two, three = three_graphs()
    assert_same_graph(batch([batch([one, two]), three]), batch([one, two, three]))
    assert batch([batch([one, two]), three]).n_graphs == 3


def test_one_graph_is_a_batch():
    (one, *_) = three_graphs()
    (back,) = unbatch(batch([one]))
    assert_same_graph(back, one)
    assert unbatch(one) == [one]


def test_graphs_without_attributes_round_trip():
    graphs = [Graph.from_edges(SENDERS, RECEIVERS, n_node=[4]), Graph.from_edges(NONE, NONE, n_node=[2])]
    for found, given in zip(unbatch(batch(graphs)), graphs, strict=True):
        assert_same_graph(found, given)


def test_masks_round_trip():
    graphs = three_graphs()
    there = torch.tensor([True, False, True, True])
    graphs[0] = graphs[0].replace(relation=graphs[0].relation.masked(nodes=there))
    parts = unbatch(batch(graphs))
    assert torch.equal(parts[0].relation.node_mask, there)
    assert torch.equal(parts[0].relation.present, graphs[0].relation.present)
    assert parts[2].relation.present.all()


# ---- what is refused -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("senders", "receivers", "parts"),
    [
        ([0, 4], [1, 1], ("senders[1] is 4", "a node number from 0 to 3")),
        ([0, 1], [-1, 1], ("receivers[0] is -1", "a node number from 0 to 3")),
        ([0, 1, 2], [1, 1], ("3 senders and 2 receivers", "one of each for every edge")),
        ([[0, 1]], [1, 1], ("senders is a 2-d tensor of torch.int64", "a 1-d tensor of torch.int64")),
        ([0.0, 1.0], [1, 1], ("senders is a 1-d tensor of torch.float32", "a 1-d tensor of torch.int64")),
    ],
)
def test_indices_that_are_wrong_are_named(senders, receivers, parts):
    with refused(*parts):
        Graph.from_edges(torch.tensor(senders), torch.tensor(receivers), nodes=random(4, 2))


def test_edges_among_no_nodes_are_refused():
    with refused("senders[0] is 0", "no edge: there are no nodes"):
        Graph.from_edges(torch.tensor([0]), torch.tensor([0]), nodes=random(0, 2))


@pytest.mark.parametrize("counts", [[2, 1], [5], [5, -1]])
def test_counts_that_do_not_fit_are_refused(counts):
    with refused(f"n_node {counts} adds up to {sum(counts)}", "one count a graph, together the 4 nodes"):
        Graph.from_edges(SENDERS, RECEIVERS, nodes=random(4, 2), n_node=counts)


def test_an_edge_across_graphs_is_refused():
    with refused(
        "an edge joins node 0 of graph 0 to node 3 of graph 1", "edges within a graph", "check n_node"
    ):
        Graph.from_edges(torch.tensor([1, 0]), torch.tensor([0, 3]), nodes=random(4, 2), n_node=[2, 2])


def test_neither_nodes_nor_counts_are_refused():
    with refused("a graph without nodes and without n_node", "one of the two: how many nodes"):
        Graph.from_edges(SENDERS, RECEIVERS)


@pytest.mark.parametrize("wrong", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize(("part", "size"), [("nodes", (4, 2)), ("edges", (5, 2)), ("globals_", (1, 2))])
def test_features_that_are_not_finite_are_refused(part, size, wrong):
    given = {"nodes": random(4, 2), part: random(*size)}
    given[part][size[0] - 1, 1] = wrong
    with refused(f"{part}[{size[0] - 1}, 1] is {wrong}", "finite numbers", "relation.masked"):
        Graph.from_edges(SENDERS, RECEIVERS, **given)


def test_whole_numbers_are_finite():
    check_finite("nodes", torch.tensor([[1, 2]]))
    check_finite("nodes", None)


@pytest.mark.parametrize(
    ("part", "size", "expected"),
    [
        ("edges", (4, 2), "[..., 5, features]"),
        ("edges", (5,), "[..., 5, features]"),
        ("globals_", (2, 3), "[..., 1, features]"),
    ],
)
def test_attributes_of_another_length_are_refused(part, size, expected):
    with refused(f"{part} have shape {list(size)}", f"expected: {expected}"):
        Graph.from_edges(SENDERS, RECEIVERS, **{"nodes": random(4, 2), part: random(*size)})


@pytest.mark.parametrize(
    ("part", "size", "expected"),
    [
        ("nodes", (2, 2), "[..., 3, features]"),
        ("edges", (3, 3, 1), "[..., 3, 2, features]"),
        ("globals_", (3, 2), "[..., 1, features]"),
    ],
)
def test_attributes_that_do_not_fit_a_relation_are_refused(part, size, expected):
    with refused(f"{part} have shape {list(size)}", f"expected: {expected}"):
        Graph(Complete(3, loops=False), **{part: random(*size)})


def test_globals_are_one_row_a_graph():
    with refused("globals_ have shape [1, 2]", "expected: [..., 2, features]"):
        Graph.from_edges(NONE, NONE, n_node=[1, 2], globals_=random(1, 2))


def test_a_batch_of_other_relations_is_refused():
    with refused(
        "graph 1 of the batch is on a Complete relation",
        "expected: Sparse relations",
        "convert them with to_sparse()",
    ):
        batch([three_graphs()[0], Graph(Complete(3), random(3, 3))])


def test_a_batch_of_nothing_is_refused():
    with refused("a batch of no relations", "at least one"):
        batch([])


@pytest.mark.parametrize("part", ["nodes", "edges", "globals_"])
def test_attributes_that_only_some_graphs_have_are_refused(part):
    one, two, three = three_graphs()
    width = getattr(one, part).shape[-1]
    with refused(
        f"2 of 3 graphs have {part}, of widths [{width}]", f"{part} of one width in all of them, or in none"
    ):
        batch([one, two.replace(**{part: None}), three])


def test_attributes_of_several_widths_are_refused():
    one, _, three = three_graphs()
    with refused("2 of 2 graphs have nodes, of widths [3, 7]"):
        batch([one, three.replace(nodes=random(2, 7))])


def test_a_graph_on_two_sets_of_nodes_in_a_batch_is_refused():
    two_sets = Graph(Sparse(torch.tensor([2]), torch.tensor([0]), 1, 3))
    with refused("relation 0 of the batch has 3 senders and 1 receivers", "one set of nodes each"):
        batch([two_sets])


def test_nodes_need_an_axis_of_features():
    with pytest.raises(ConfigError) as error:
        Graph.from_edges(torch.tensor([0]), torch.tensor([1]), nodes=torch.ones(4))
    assert "nodes have shape [4]" in str(error.value)
    assert "[..., n_nodes, features]" in str(error.value)
