"""Graphs to and from NetworkX and PyG."""

import sys

import networkx as nx
import pytest
import torch

from edgewise.data.graphs import from_networkx, from_pyg, to_networkx, to_pyg
from edgewise.errors import ConfigError, DataError
from edgewise.graph import Graph, batch
from edgewise.relation import Complete, Sparse

SENDERS, RECEIVERS = torch.tensor([2, 1, 0, 3, 0]), torch.tensor([0, 0, 0, 2, 2])


def example(n_node: list[int] | None = None) -> Graph:
    """Five nodes: 4 is isolated, 0 hears itself."""
    return Graph.from_edges(
        SENDERS,
        RECEIVERS,
        nodes=torch.arange(10.0).reshape(5, 2) / 3,
        edges=torch.arange(5.0)[:, None] / 7,
        globals_=torch.tensor([[0.1, 0.2, 0.3]]),
        n_node=n_node,
    )


def assert_same(found: Graph, expected: Graph) -> None:
    assert torch.equal(found.relation.senders, expected.relation.senders)
    assert torch.equal(found.relation.receivers, expected.relation.receivers)
    assert (found.n_nodes, found.n_graphs) == (expected.n_nodes, expected.n_graphs)
    for name in ("nodes", "edges", "globals_"):
        left, right = getattr(found, name), getattr(expected, name)
        assert (left is None) == (right is None), name
        assert left is None or torch.equal(left, right), name


# ---- NetworkX ------------------------------------------------------------------------------------------------------


def test_networkx_gives_the_same_graph_back():
    assert_same(from_networkx(to_networkx(example())), example())


def test_columns_have_the_names_that_were_given():
    found = to_networkx(example(), node_attributes=("age", "mass"), edge_attributes=("weight",))
    assert found.nodes[1] == pytest.approx({"age": 2 / 3, "mass": 1})
    assert found.edges[3, 2, 0] == pytest.approx({"weight": 3 / 7})
    assert found.graph == pytest.approx({"u0": 0.1, "u1": 0.2, "u2": 0.3})
    back = from_networkx(
        found, node_attributes=("mass", "age"), edge_attributes=(), global_attributes=("u2",)
    )
    assert torch.equal(back.nodes, example().nodes.flip(1))
    assert back.edges is None
    assert torch.equal(back.globals_, example().globals_[:, 2:])


def test_a_complete_graph_becomes_its_edges():
    relation = Complete(3, loops=False)
    edges = torch.arange(6.0).reshape(3, 2, 1)
    found = from_networkx(to_networkx(Graph(relation, edges=edges)))
    assert_same(found, Graph(relation.to_sparse(), edges=relation.edges_to_sparse(edges)))


def test_an_undirected_edge_goes_both_ways_and_a_loop_once():
    graph = nx.Graph()
    graph.add_nodes_from("abc")
    graph.add_edge("b", "a", weight=2.0)
    graph.add_edge("b", "b", weight=3.0)
    found = from_networkx(graph)
    rows = zip(
        found.relation.senders.tolist(), found.relation.receivers.tolist(), found.edges[:, 0], strict=True
    )
    assert sorted((a, b, float(w)) for a, b, w in rows) == [(0, 1, 2.0), (1, 0, 2.0), (1, 1, 3.0)]
    assert (found.n_nodes, found.nodes) == (3, None)


@pytest.mark.parametrize(
    ("kind", "n_edges"), [(nx.DiGraph, 1), (nx.MultiDiGraph, 2), (nx.Graph, 2), (nx.MultiGraph, 4)]
)
def test_parallel_edges_count_where_the_graph_has_them(kind, n_edges):
    graph = kind()
    graph.add_edge("a", "b")
    graph.add_edge("a", "b")
    assert from_networkx(graph).n_edges == n_edges


@pytest.mark.parametrize("kind", [nx.Graph, nx.DiGraph, nx.MultiDiGraph])
def test_a_graph_without_nodes(kind):
    found = from_networkx(kind())
    assert (found.n_nodes, found.n_edges, found.nodes) == (0, 0, None)
    assert_same(from_networkx(to_networkx(found)), found)


def test_texts_are_no_attributes():
    graph = nx.Graph(name="friends")
    graph.add_node("a", age=3, sort="x")
    found = from_networkx(graph)
    assert found.nodes.tolist() == [[3.0]]
    assert found.globals_ is None


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            {},
            "node 'b' has no attribute 'age'; it has none\n  expected: the attribute on every node, or on none",
        ),
        ({"ages": 1}, "node 'b' has no attribute 'age'; it has ages\n"),
        ({"age": "old"}, "node 'b', attribute 'age' is 'old'\n  expected: a finite number"),
        ({"age": float("nan")}, "node 'b', attribute 'age' is nan\n  expected: a finite number"),
        (
            {"age": 1e300},
            "node 'b', attribute 'age' is 1e+300\n  expected: a number that torch.float32 can hold",
        ),
    ],
)
def test_a_node_with_a_wrong_attribute_is_named(value, message):
    graph = nx.DiGraph()
    graph.add_node("a", age=3)
    graph.add_node("b", **value)
    with pytest.raises(DataError) as error:
        from_networkx(graph, node_attributes=["age"])
    assert str(error.value).startswith(message)


def test_an_edge_without_its_attribute_is_named():
    graph = nx.DiGraph()
    graph.add_edge("a", "b", weight=1)
    graph.add_edge("b", "c")
    with pytest.raises(DataError, match="edge 'b -> c' has no attribute 'weight'"):
        from_networkx(graph)


def test_names_of_another_number_than_columns_are_refused():
    with pytest.raises(ConfigError) as error:
        to_networkx(example(), node_attributes=("age",))
    assert str(error.value).startswith("1 names of node attributes: age\n  expected: 2 different ones")


def test_what_networkx_cannot_hold_is_refused():
    with pytest.raises(ConfigError, match="a union of 2 graphs"):
        to_networkx(batch([example(), example()]))
    with pytest.raises(ConfigError, match=r"nodes have leading dimensions: shape \[7, 3, 1\]"):
        to_networkx(Graph(Complete(3), nodes=torch.zeros(7, 3, 1)))
    masked = Complete(3).masked(nodes=torch.tensor([True, True, False]))
    with pytest.raises(ConfigError, match="the relation has a mask"):
        to_networkx(Graph(masked))


# ---- PyTorch Geometric ---------------------------------------------------------------------------------------------


def test_pyg_gives_the_same_graph_back():
    pytest.importorskip("torch_geometric")
    data = to_pyg(example())
    assert data.validate()
    assert (data.num_nodes, data.num_edges) == (5, 5)
    assert "batch" not in data
    assert_same(from_pyg(data), example())


def test_unions_keep_their_graphs_even_those_without_nodes():
    pytest.importorskip("torch_geometric")
    empty = Graph.from_edges(
        SENDERS[:0],
        RECEIVERS[:0],
        nodes=torch.zeros(0, 2),
        edges=torch.zeros(0, 1),
        globals_=torch.ones(1, 3),
    )
    union = batch([example(), empty, example(), empty])
    data = to_pyg(union)
    assert data.batch.tolist() == [0] * 5 + [2] * 5
    assert data.ptr.tolist() == [0, 5, 5, 10, 10]
    found = from_pyg(data)
    assert_same(found, union)
    assert found.relation.node_counts.tolist() == [5, 0, 5, 0]
    del data.ptr
    assert from_pyg(data).relation.node_counts.tolist() == [5, 0, 5, 0]  # u says that there are four


def test_a_batch_of_pyg_is_a_union():
    geometric = pytest.importorskip("torch_geometric.data")
    data = geometric.Batch.from_data_list([to_pyg(example()), to_pyg(example())])
    assert_same(from_pyg(data), batch([example(), example()]))


def test_nodes_without_attributes_are_counted():
    geometric = pytest.importorskip("torch_geometric.data")
    graph = Graph(Sparse(SENDERS, RECEIVERS, 6))
    assert_same(from_pyg(to_pyg(graph)), graph)
    with pytest.raises(DataError) as error:
        from_pyg(geometric.Data(edge_index=torch.stack([SENDERS, RECEIVERS])))
    assert error.value.found == "data has neither x nor num_nodes"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"edge_index": torch.zeros(2, 5)},
            "edge_index is torch.float32 of shape [2, 5]\n  expected: torch.int64 of shape [2, n_edges]",
        ),
        ({"edge_index": torch.zeros(5, 2, dtype=torch.int64)}, "edge_index is torch.int64 of shape [5, 2]\n"),
        ({"edge_index": None}, "edge_index is absent\n"),
        (
            {"edge_index": torch.tensor([[0, 5], [1, 0]])},
            "edge_index[0, 1] is 5\n  expected: a node number from 0 to 4",
        ),
        (
            {"edge_index": torch.tensor([[0], [-1]])},
            "edge_index[1, 0] is -1\n  expected: a node number from 0 to 4",
        ),
        ({"x": torch.full((5, 2), torch.nan)}, "x[0, 0] is nan\n  expected: finite numbers"),
        ({"edge_attr": torch.full((5, 1), torch.inf)}, "edge_attr[0, 0] is inf\n  expected: finite numbers"),
        (
            {"edge_attr": torch.zeros(4, 1)},
            "edge_attr has shape [4, 1]\n  expected: [5, features]: there are 5 edges",
        ),
        (
            {"edge_attr": torch.zeros(5)},
            "edge_attr has shape [5]\n  expected: [5, features]: there are 5 edges\n"
            "  to do: data.edge_attr[:, None] for a single feature",
        ),
        ({"u": torch.zeros(2, 1)}, "u has shape [2, 1]\n  expected: [1, features]: there are 1 graphs"),
        (
            {"batch": torch.zeros(4, dtype=torch.int64)},
            "batch has 4 entries\n  expected: 5, one for each node",
        ),
        ({"batch": torch.tensor([0, 1, 0, 1, 1])}, "batch is not sorted: 0, 1, 0, 1, 1\n"),
        ({"ptr": torch.tensor([0, 4])}, "ptr is [0, 4]\n  expected: numbers that rise from 0 to 5"),
    ],
)
def test_data_that_contradict_themselves_are_refused(changed, message):
    pytest.importorskip("torch_geometric")
    data = to_pyg(example())
    for name, value in changed.items():
        data[name] = value
    with pytest.raises(DataError) as error:
        from_pyg(data)
    assert str(error.value).startswith(message)


def test_without_pyg_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch_geometric.data", None)
    with pytest.raises(ConfigError) as error:
        to_pyg(example())
    assert error.value.fix == "pip install 'edgewise[pyg]'"


@pytest.mark.parametrize("batch", [torch.zeros(5), torch.zeros(5, 1, dtype=torch.int64)])
def test_a_batch_vector_that_is_no_list_of_whole_numbers_is_refused(batch):
    pytest.importorskip("torch_geometric")
    data = to_pyg(example())
    data.batch = batch
    with pytest.raises(DataError) as error:
        from_pyg(data)
    assert error.value.found == f"batch is {batch.dtype} of shape {list(batch.shape)}"
