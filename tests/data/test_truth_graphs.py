"""Known interactions as NetworkX graphs."""

import networkx as nx
import numpy as np
import pytest

from edgewise.data import from_arrays
from edgewise.errors import DataError

VALUES = np.random.default_rng(0).normal(size=(2, 5, 3))
NAMES = ["a", "b", "c"]


def test_a_directed_edge_acts_on_its_target():
    ds = from_arrays({"x": VALUES}, entity=NAMES, edges=nx.DiGraph([("a", "b")]))
    assert np.argwhere(ds["edges"].to_numpy()).tolist() == [
        [0, 1, 0],
        [1, 1, 0],
    ]  # sequence, receiver, sender


def test_an_undirected_edge_acts_both_ways_with_its_type():
    graph = nx.Graph()
    graph.add_edge("a", "c", type=2)
    (labels,) = from_arrays({"x": VALUES[:1]}, entity=NAMES, edges=graph)["edges"].to_numpy()
    assert labels.tolist() == [[0, 0, 2], [0, 0, 0], [2, 0, 0]]


def test_one_graph_for_each_sequence_and_entities_without_names():
    graphs = [nx.DiGraph([(0, 1)]), nx.DiGraph([(2, 0)])]
    labels = from_arrays({"x": VALUES}, edges=graphs)["edges"].to_numpy()
    assert np.argwhere(labels).tolist() == [[0, 1, 0], [1, 0, 2]]


def test_unknown_nodes_and_wrong_types_are_named():
    with pytest.raises(DataError, match="no entities: bb") as error:
        from_arrays({"x": VALUES}, entity=["aa", "bbb", "cc"], edges=nx.Graph([("aa", "bb")]))
    assert "did you mean 'bbb'?" in str(error.value)
    graph = nx.DiGraph()
    graph.add_edge("a", "b", type=0.5)
    with pytest.raises(DataError, match=r"a -> b has type 0\.5"):
        from_arrays({"x": VALUES}, entity=NAMES, edges=graph)
