"""Classes of isomorphic graphs against known counts and networkx; splits that share no class."""

from itertools import combinations, permutations, product

import networkx as nx
import numpy as np
import pytest
from networkx.algorithms.isomorphism import categorical_edge_match

from edgewise.data.isomorphism import isomorphism_classes, split_by_isomorphism
from edgewise.errors import ConfigError, DataError


def all_graphs(n: int, *, directed: bool) -> np.ndarray:
    pairs = list(permutations(range(n), 2) if directed else combinations(range(n), 2))
    graphs = np.zeros((2 ** len(pairs), n, n), dtype=np.int64)
    for graph, labels in zip(graphs, product((0, 1), repeat=len(pairs)), strict=True):
        for (i, j), label in zip(pairs, labels, strict=True):
            graph[i, j] = label
            if not directed:
                graph[j, i] = label
    return graphs


def from_edges(n: int, edges: list[tuple[int, int]]) -> np.ndarray:
    graph = np.zeros((n, n), dtype=np.int64)
    for i, j in edges:
        graph[i, j] = graph[j, i] = 1
    return graph


@pytest.mark.parametrize(
    ("n", "directed", "count"),
    [(2, False, 2), (4, False, 11), (5, False, 34), (2, True, 3), (3, True, 16), (4, True, 218)],
)
def test_all_small_graphs_fall_into_the_known_number_of_classes(n, directed, count):
    # OEIS A000088 (undirected) and A000273 (directed)
    assert len(set(isomorphism_classes(all_graphs(n, directed=directed)).tolist())) == count


@pytest.mark.parametrize("directed", [False, True])
def test_classes_agree_with_networkx_on_random_labelled_graphs(directed):
    rng = np.random.default_rng(0)
    graphs = rng.integers(0, 3, (30, 4, 4)) * (rng.random((30, 4, 4)) < 0.4)
    if not directed:
        graphs = np.triu(graphs) + np.triu(graphs, 1).swapaxes(1, 2)
    shuffled = [graph[np.ix_(p, p)] for graph in graphs for p in [rng.permutation(4)]]
    graphs = np.concatenate([graphs, shuffled])
    classes = isomorphism_classes(graphs)
    match = categorical_edge_match("label", 0)

    def as_networkx(labels: np.ndarray) -> nx.DiGraph:
        graph = nx.DiGraph()
        graph.add_nodes_from(range(4))
        graph.add_edges_from((s, r, {"label": int(labels[r, s])}) for r, s in np.argwhere(labels))
        return graph

    theirs = [as_networkx(graph) for graph in graphs]
    for i, j in combinations(range(len(graphs)), 2):
        assert (classes[i] == classes[j]) == nx.is_isomorphic(theirs[i], theirs[j], edge_match=match), (i, j)


def test_renaming_nodes_keeps_the_class():
    rng = np.random.default_rng(1)
    graphs = (rng.random((40, 10, 10)) < 0.5).astype(int)
    renamed = np.stack([graph[np.ix_(p, p)] for graph in graphs for p in [rng.permutation(10)]])
    classes = isomorphism_classes(np.concatenate([graphs, renamed]))
    np.testing.assert_array_equal(classes[:40], classes[40:])
    np.testing.assert_array_equal(classes[:40], np.arange(40))  # random graphs of ten nodes differ


def test_graphs_that_colour_refinement_cannot_tell_apart_are_told_apart():
    hexagon = from_edges(6, [(i, (i + 1) % 6) for i in range(6)])
    triangles = from_edges(6, [(0, 1), (1, 2), (0, 2), (3, 4), (4, 5), (3, 5)])
    renamed = from_edges(6, [(0, 2), (2, 4), (0, 4), (1, 3), (3, 5), (1, 5)])
    np.testing.assert_array_equal(isomorphism_classes([hexagon, triangles, renamed]), [0, 1, 1])


def test_loops_and_directions_count():
    loop, empty = np.diag([1, 0]), np.zeros((2, 2), dtype=int)
    one_way, back = np.array([[0, 1], [0, 0]]), np.array([[0, 0], [1, 0]])
    found = isomorphism_classes([loop, empty, one_way, back, np.diag([0, 1])])
    np.testing.assert_array_equal(found, [0, 1, 2, 2, 0])


def test_no_graphs_have_no_classes():
    assert isomorphism_classes(np.zeros((0, 3, 3), dtype=int)).shape == (0,)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_parts_share_no_class_and_the_second_has_its_share(share):
    rng = np.random.default_rng(2)
    graphs = np.triu(rng.integers(0, 2, (300, 4, 4)), 1)
    graphs += graphs.swapaxes(1, 2)
    kept, aside = split_by_isomorphism(graphs, share, seed=3)
    assert sorted([*kept, *aside]) == list(range(300))
    assert len(aside) >= share * 300 or len(set(isomorphism_classes(graphs[kept]))) == 1
    assert len(kept) > 0
    for i in {graphs[k].tobytes(): k for k in kept}.values():
        for j in {graphs[k].tobytes(): k for k in aside}.values():
            assert not nx.is_isomorphic(nx.from_numpy_array(graphs[i]), nx.from_numpy_array(graphs[j]))


def test_the_seed_decides_the_split():
    graphs = all_graphs(4, directed=False)
    again, other = (split_by_isomorphism(graphs, 0.4, seed=s) for s in (0, 1))
    np.testing.assert_array_equal(split_by_isomorphism(graphs, 0.4, seed=0)[1], again[1])
    assert set(again[1]) != set(other[1])


def test_bad_input_is_refused():
    with pytest.raises(DataError, match=r"graphs of shape \(2, 3\)"):
        isomorphism_classes(np.zeros((2, 3), dtype=int))
    with pytest.raises(DataError, match="labels of type int64 from -1 on"):
        isomorphism_classes(np.full((1, 2, 2), -1))
    with pytest.raises(DataError, match="labels of type float64"):
        isomorphism_classes(np.zeros((1, 2, 2)))
    with pytest.raises(ConfigError, match="held_out is 1"):
        split_by_isomorphism(all_graphs(3, directed=False), 1, seed=0)
    with pytest.raises(ConfigError, match="5 graphs of 1 isomorphism class"):
        split_by_isomorphism(np.zeros((5, 3, 3), dtype=int), 0.5, seed=0)
