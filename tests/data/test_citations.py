"""Graphs whose nodes are to be classified."""

import pickle
from dataclasses import replace
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix

from edgewise.data.citations import (
    NodeClassification,
    classification_from_networkx,
    load_graphml,
    load_planetoid,
)
from edgewise.errors import DataError
from edgewise.relation import Sparse

PARTS = ("train", "validation", "test")


def dense(data: NodeClassification) -> np.ndarray:
    """[n_nodes, n_features]"""
    return data.words.to_dense(data.values)[..., 0].numpy()


def edges(data: NodeClassification) -> list[tuple[int, int]]:
    return sorted(zip(data.relation.senders.tolist(), data.relation.receivers.tolist(), strict=True))


# ---- Planetoid -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "nodes", "pairs", "width", "train", "n_classes"),
    [("cora", 2708, 5278, 1433, 140, 7), ("pubmed", 19717, 44324, 500, 60, 3)],
)
def test_planetoid_has_its_published_sizes(shared, name, nodes, pairs, width, train, n_classes):
    data = load_planetoid(shared / "data" / "planetoid", name)
    assert (data.relation.n_receivers, data.relation.n_edges) == (nodes, 2 * pairs)
    assert (data.words.n_senders, data.words.n_receivers) == (width, nodes)
    assert data.train.tolist() == list(range(train))
    assert data.validation.tolist() == list(range(train, train + 500))
    assert sorted(data.test.tolist()) == list(range(nodes - 1000, nodes))
    assert data.labels[data.train].bincount().tolist() == [20] * n_classes
    assert (data.name, len(data.classes), len(data.nodes)) == (name, n_classes, nodes)
    assert (data.relation.senders != data.relation.receivers).all()
    there = nodes * data.relation.senders + data.relation.receivers
    assert len(there.unique()) == 2 * pairs
    back = nodes * data.relation.receivers + data.relation.senders
    assert torch.equal(there.sort().values, back.sort().values)


def test_rows_of_tx_belong_to_the_nodes_of_test_index(shared):
    from edgewise.data.unpickle import read_pickle

    folder = shared / "data" / "planetoid"
    data, tx = load_planetoid(folder, "cora"), read_pickle(folder / "ind.cora.tx")
    node = int((folder / "ind.cora.test.index").read_text().split()[0])
    assert node == 2692
    np.testing.assert_array_equal(dense(data)[node], tx[[0]].toarray()[0])
    assert int(data.labels[node]) == int(read_pickle(folder / "ind.cora.ty")[0].argmax())


ROWS = 503  # of allx in the toy: 2 for training, 500 for validation, 1 for nothing


def toy(folder: Path, **changed: object) -> Path:
    """Test nodes 505 and 503; 504 is left out, as 15 nodes of Citeseer are."""
    one_hot = np.eye(2, dtype=np.int32)
    features = csr_matrix((np.arange(2 * ROWS).reshape(ROWS, 2) % 3).astype(np.float32))
    labels = one_hot[np.arange(ROWS) % 2]
    parts = {
        "x": features[:2],
        "y": labels[:2],
        "allx": features,
        "ally": labels,
        "tx": csr_matrix(np.array([[5, 0], [0, 6]], dtype=np.float32)),
        "ty": one_hot[[1, 0]],
        "graph": {0: [1, 1, 0], 1: [0], 2: [505]} | {k: [] for k in range(3, 506)},
    } | changed
    for part, content in parts.items():
        if part != "index":
            (folder / f"ind.toy.{part}").write_bytes(pickle.dumps(content, protocol=3))
    (folder / "ind.toy.test.index").write_text(str(changed.get("index", "505\n503\n")))
    return folder


def test_a_node_that_test_index_leaves_out_has_neither_features_nor_class_nor_part(tmp_path):
    data = load_planetoid(toy(tmp_path), "toy")
    np.testing.assert_array_equal(dense(data)[503:], [[0, 6], [0, 0], [5, 0]])
    assert data.labels[503:].tolist() == [0, -1, 1]
    assert data.test.tolist() == [505, 503]


def test_citations_count_once_in_both_directions_without_loops(tmp_path):
    assert edges(load_planetoid(toy(tmp_path), "toy")) == [(0, 1), (1, 0), (2, 505), (505, 2)]


def test_a_zero_that_is_stored_is_no_feature(tmp_path):
    tx = csr_matrix(np.array([[5, 1], [0, 6]], dtype=np.float32))
    tx.data[1] = 0
    data = load_planetoid(toy(tmp_path, tx=tx), "toy")
    assert (data.words.receivers == 505).sum() == 1


@pytest.mark.parametrize(
    ("changed", "message", "expected"),
    [
        ({"graph": [1]}, "ind.toy.graph holds a list", "a dict of a list of nodes for each node"),
        ({"graph": dict.fromkeys(range(506), 0)}, "ind.toy.graph holds a dict", "a dict of a list of nodes"),
        ({"graph": {k: [506] for k in range(506)}}, "graph: node 0 cites 506", "node numbers from 0 to 505"),
        ({"graph": {k: [1.5] for k in range(506)}}, "graph: node 0 cites 1.5", "node numbers from 0 to 505"),
        ({"x": np.ones((2, 2))}, "ind.toy.x holds a ndarray of shape [2, 2]", "a sparse matrix"),
        ({"y": np.ones(2)}, "ind.toy.y holds a ndarray of shape [2]", "an array with two axes"),
        (
            {"tx": csr_matrix((2, 3))},
            "ind.toy.tx has shape [2, 3]",
            "[2, 2]: a row for each of tx, a column for",
        ),
        (
            {"ty": np.eye(3)[:, :2]},
            "ind.toy.ty has shape [3, 2]",
            "[2, 2]: a row for each of tx, a column for",
        ),
        (
            {"ty": np.ones((2, 2))},
            "ind.toy.ty: row 0 is [1.0, 1.0]",
            "a single 1 at the node's class, or zeros",
        ),
        ({"index": "505\n502\n"}, "test.index: line 2 is '502'", "a node number from 503 to 505"),
        ({"index": "505\n506\n"}, "test.index: line 2 is '506'", "a node number from 503 to 505"),
        ({"index": "505\nfive\n"}, "test.index: line 2 is 'five'", "a node number from 503 to 505"),
        ({"index": "505\n505\n"}, "test.index has 2 numbers, 1 of them different", "2 different ones"),
        ({"index": ""}, "test.index has 0 numbers, 0 of them different", "2 different ones"),
        (
            {"allx": csr_matrix((9, 2)), "ally": np.eye(2)[[0] * 9]},
            "ind.toy.allx has 9 rows, and 2 are training nodes",
            "500 more for validation",
        ),
    ],
)
def test_files_that_do_not_fit_together_are_named(tmp_path, changed, message, expected):
    with pytest.raises(DataError) as error:
        load_planetoid(toy(tmp_path, **changed), "toy")
    assert message in error.value.found
    assert str(tmp_path) in error.value.found
    assert expected in error.value.expected


def test_a_missing_file_is_named(tmp_path):
    toy(tmp_path)
    (tmp_path / "ind.toy.ty").unlink()
    with pytest.raises(DataError) as error:
        load_planetoid(tmp_path, "toy")
    assert str(error.value) == (
        f"{tmp_path} lacks ind.toy.ty of the data set 'toy'\n"
        "  expected: ind.toy. with x, y, tx, ty, allx, ally, graph, test.index behind it, each perhaps with .gz"
    )


def test_the_nearest_data_set_is_offered(tmp_path):
    with pytest.raises(DataError) as error:
        load_planetoid(toy(tmp_path), "toys")
    assert error.value.found == f"{tmp_path} has no data set 'toys'; it has toy"
    assert error.value.fix == "did you mean 'toy'?"
    with pytest.raises(DataError, match="absent is not a folder"):
        load_planetoid(tmp_path / "absent", "toy")


# ---- the record ----------------------------------------------------------------------------------------------------


def small() -> NodeClassification:
    """Nodes a to d; node i has feature i of value i + 1."""
    index = torch.arange(4)
    return NodeClassification(
        relation=Sparse(torch.tensor([0, 1]), torch.tensor([1, 0]), 4),
        words=Sparse(index, index, 4),
        values=torch.arange(1.0, 5.0)[:, None],
        labels=torch.tensor([0, 1, 0, -1]),
        train=torch.tensor([0]),
        validation=torch.tensor([1]),
        test=torch.tensor([2]),
        classes=("red", "blue"),
        name="small",
        nodes=("a", "b", "c", "d"),
    )


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"labels": torch.tensor([0, 2, 0, -1])},
            "small: the label of node 'b' is 2\n  expected: a class from 0 to 1",
        ),
        (
            {"labels": torch.tensor([0, 1, 0])},
            "small: labels for 3 nodes\n  expected: 4, as the relation has",
        ),
        ({"nodes": ("a", "b")}, "small: node names for 2 nodes\n  expected: 4"),
        ({"values": torch.ones(4)}, "small: values have shape [4]\n  expected: [4, 1]"),
        ({"values": torch.tensor([[1.0], [1], [torch.nan], [1]])}, "small: feature 2 of node 'c' is nan"),
        ({"values": torch.tensor([[1.0], [torch.inf], [1], [1]])}, "small: feature 1 of node 'b' is inf"),
        ({"test": torch.tensor([4])}, "small: test holds node number 4\n  expected: 0 to 3"),
        ({"test": torch.tensor([2, 0])}, "small: node 'a' is in the part train and again in test"),
        ({"train": torch.tensor([0, 0])}, "small: node 'a' is in the part train and again in train"),
        ({"test": torch.tensor([3])}, "small: node 'd' is in the part test and has no label"),
        ({"validation": torch.tensor([], dtype=torch.int64)}, "small: no node is in the part validation"),
    ],
)
def test_a_record_that_contradicts_itself_is_refused(changed, message):
    with pytest.raises(DataError) as error:
        replace(small(), **changed)
    assert str(error.value).startswith(message)


# ---- graphs of one's own -------------------------------------------------------------------------------------------


def own(kind: type[nx.Graph] = nx.Graph) -> nx.Graph:
    graph = kind()
    graph.add_node("ada", label="red", split="train", age=3, tall=True, note="first")
    graph.add_node("bea", label="blue", split="validation", age=0.5, tall=False)
    graph.add_node("cem", label="blue", split="test", age=1, tall=True)
    graph.add_node("dia", age=0, tall=False)
    graph.add_edges_from([("ada", "bea"), ("cem", "bea"), ("dia", "dia")])
    return graph


def test_attributes_become_features_classes_and_parts():
    data = classification_from_networkx(own())
    np.testing.assert_array_equal(dense(data), [[3, 1], [0.5, 0], [1, 1], [0, 0]])
    assert (data.classes, data.nodes) == (("blue", "red"), ("ada", "bea", "cem", "dia"))
    assert data.labels.tolist() == [1, 0, 0, -1]
    assert [getattr(data, part).tolist() for part in PARTS] == [[0], [1], [2]]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (nx.Graph, [(0, 1), (1, 0), (1, 2), (2, 1)]),
        (nx.MultiGraph, [(0, 1), (1, 0), (1, 2), (2, 1)]),
        (nx.DiGraph, [(0, 1), (2, 1)]),
        (nx.MultiDiGraph, [(0, 1), (2, 1)]),
    ],
)
def test_edges_keep_their_direction_once_without_loops(kind, expected):
    graph = own(kind)
    graph.add_edge("ada", "bea")
    assert edges(classification_from_networkx(graph)) == expected


def test_features_come_in_the_order_asked():
    data = classification_from_networkx(own(), features=("tall", "age"))
    np.testing.assert_array_equal(dense(data)[0], [1, 3])


def test_classes_that_are_numbers_come_by_size():
    graph = own()
    for node, value in {"ada": 10, "bea": 9, "cem": 9}.items():
        graph.nodes[node]["label"] = value
    assert classification_from_networkx(graph).classes == ("9", "10")


@pytest.mark.parametrize("blank", [None, "", float("nan")])
def test_a_blank_class_or_part_is_none(blank):
    graph = own()
    graph.nodes["dia"].update(label=blank, split=blank)
    assert classification_from_networkx(graph).labels[3] == -1


@pytest.mark.parametrize(
    ("node", "changed", "message"),
    [
        ("bea", {"age": float("nan")}, "node 'bea', attribute 'age' is nan\n  expected: a finite number"),
        ("bea", {"age": "old"}, "node 'bea', attribute 'age' is 'old'\n  expected: a finite number"),
        ("bea", {"age": None}, "node 'bea', attribute 'age' is None\n  expected: a finite number"),
        ("dia", {"rank": 1}, "node 'ada' has no attribute 'rank'; it has label, split, age, tall, note\n"),
        (
            "cem",
            {"split": "tests"},
            "graph: node 'cem', attribute 'split' is 'tests'\n"
            "  expected: train, validation, test, or nothing for a node in no part\n  to do: did you mean 'test'?",
        ),
        ("cem", {"label": ""}, "graph: node 'cem' is in the part test and has no label\n"),
        ("cem", {"split": ""}, "graph: no node is in the part test\n"),
    ],
)
def test_a_node_with_a_wrong_attribute_is_named(node, changed, message):
    graph = own()
    graph.nodes[node].update(changed)
    with pytest.raises(DataError) as error:
        classification_from_networkx(graph)
    assert str(error.value).startswith(message)


def test_an_attribute_that_no_node_has_is_named():
    with pytest.raises(DataError) as error:
        classification_from_networkx(own(), label="labels")
    assert str(error.value) == (
        "graph: no node has the attribute 'labels'; the attributes are label, split, age, tall, note\n"
        "  expected: the label of the nodes\n  to do: did you mean 'label'?"
    )
    with pytest.raises(DataError, match="'ada' has no attribute 'ages'"):
        classification_from_networkx(own(), features=["ages"])
    with pytest.raises(DataError, match="no node attribute beside 'label' and 'split' holds numbers"):
        classification_from_networkx(own(), features=[])


def test_a_graphml_file_says_what_its_graph_says(tmp_path):
    nx.write_graphml(own(), tmp_path / "friends.graphml")
    data, like = load_graphml(tmp_path / "friends.graphml"), classification_from_networkx(own())
    assert (data.name, data.classes, data.nodes) == ("friends", like.classes, like.nodes)
    assert edges(data) == edges(like)
    np.testing.assert_array_equal(dense(data), dense(like))


def test_a_file_that_is_no_graphml_is_one_error(tmp_path):
    path = tmp_path / "a.graphml"
    with pytest.raises(DataError) as error:
        load_graphml(path)
    assert error.value.found == f"{path} does not exist"
    path.write_text("<graphml><graph>")
    with pytest.raises(DataError) as error:
        load_graphml(path)
    assert error.value.found.startswith(f"{path} cannot be read: ParseError: ")
    path.write_text("<graphml></graphml>")
    with pytest.raises(DataError, match="cannot be read: NetworkXError"):
        load_graphml(path)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"labels": torch.tensor([0.0, 1, 0, -1])}, "small: labels are torch.float32 with 1 axes"),
        ({"train": torch.tensor([0.0])}, "small: train is torch.float32 with 1 axes"),
        ({"test": torch.tensor([[2]])}, "small: test is torch.int64 with 2 axes"),
        ({"classes": ("red", "red")}, "small: two classes are called 'red'"),
    ],
)
def test_indices_are_whole_numbers_and_classes_have_names_of_their_own(changed, message):
    with pytest.raises(DataError) as error:
        replace(small(), **changed)
    assert str(error.value).startswith(message)


def test_a_class_that_is_no_name_is_refused():
    graph = own()
    graph.nodes["bea"]["label"] = ["blue"]
    with pytest.raises(DataError) as error:
        classification_from_networkx(graph)
    assert error.value.found == "graph: node 'bea', attribute 'label' is ['blue']"


def test_a_feature_beyond_float32_is_refused():
    graph = own()
    graph.nodes["bea"]["age"] = 1e300
    with pytest.raises(DataError, match="feature 0 of node 'bea' is inf"):
        classification_from_networkx(graph)


def test_a_nan_of_numpy_is_a_blank_class():
    graph = own()
    graph.nodes["dia"]["label"] = np.float32("nan")
    assert classification_from_networkx(graph).labels[3] == -1


def test_classes_that_are_numbers_of_numpy_come_by_size():
    graph = own()
    for node, value in {"ada": np.int64(10), "bea": np.int64(9), "cem": np.int64(9)}.items():
        graph.nodes[node]["label"] = value
    assert classification_from_networkx(graph).classes == ("9", "10")
