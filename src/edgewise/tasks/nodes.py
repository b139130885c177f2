"""One graph whose nodes are classified: as it is trained on, and a new one without classes."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from edgewise.data.citations import NodeClassification, load_graphml, load_planetoid
from edgewise.data.graphs import from_networkx, numeric_columns
from edgewise.errors import DataError
from edgewise.nn.bag import Bag
from edgewise.relation import Sparse
from edgewise.tasks.recipe import CitationData
from edgewise.tasks.tables import GraphFileData

if TYPE_CHECKING:
    import networkx as nx


@dataclass(frozen=True, eq=False)
class Nodes:
    """What a network sees of a graph.

    Args:
        relation: its edges, a loop at every node; features: of its nodes; names: a name a node.
    """

    relation: Sparse
    features: Bag
    names: tuple[str, ...]

    @property
    def n_features(self) -> int:
        return self.features.words.n_senders


def nodes_of(data: NodeClassification, settings: CitationData) -> Nodes:
    """What a network sees of a data set, as the recipe's [data] wants it."""
    return _nodes(data.relation, Bag(data.words, data.values), data.nodes, settings)


def _nodes(relation: Sparse, bag: Bag, names: tuple[str, ...], settings: CitationData) -> Nodes:
    return Nodes(relation.with_loops(), normalised(bag) if settings.normalise_rows else bag, names)


def normalised(bag: Bag) -> Bag:
    """Each node's features divided by their sum, as the authors of GCN and GAT do; where they add up to 0 they stay."""
    sums = bag.words.sum(bag.values)
    sums = torch.where(sums == 0, torch.ones_like(sums), sums)
    return Bag(bag.words, bag.values / bag.words.from_receivers(sums))


def read_classification(settings: CitationData) -> NodeClassification:
    """The data of a recipe.

    Raises:
        DataError: see `load_planetoid` and `load_graphml`.
    """
    if isinstance(settings, GraphFileData):
        return load_graphml(settings.path, label=settings.label, split=settings.split)
    return load_planetoid(settings.path, settings.name)


def feature_names(settings: CitationData) -> list[str]:
    """The node attributes that are the features of a graph file, in order; those of Planetoid have no names."""
    if not isinstance(settings, GraphFileData):
        return []
    import networkx as nx

    graph = nx.read_graphml(settings.path)
    records = [(str(node), values) for node, values in graph.nodes(data=True)]
    return list(numeric_columns("node", records, None, leave=(settings.label, settings.split))[0])


def read_nodes(path: Path, settings: CitationData, features: list[str]) -> Nodes:
    """The nodes of a graph that may have no classes, with the features that a network was trained on.

    Args:
        path: a file or folder of the recipe's format; settings: the recipe's [data].
        features: the names of the node attributes, for a graph file.

    Raises:
        DataError: if it cannot be read, or a node lacks a feature.
    """
    if not isinstance(settings, GraphFileData):
        return nodes_of(load_planetoid(path, settings.name), settings)
    graph = _simple_graph(path)
    found = from_networkx(graph, node_attributes=features, edge_attributes=[])
    values = found.nodes
    assert values is not None  # a network has at least one feature
    rows, columns = values.nonzero(as_tuple=True)
    words = Sparse(columns, rows, found.n_nodes, len(features))
    bag = Bag(words, values[rows, columns][words.order, None])
    return _nodes(found.relation.to_sparse(), bag, tuple(str(node) for node in graph), settings)


def _simple_graph(path: Path) -> "nx.Graph":
    """A graph without loops and parallel edges, as in training."""
    import networkx as nx

    if not path.is_file():
        raise DataError(f"{path} does not exist", expected="a GraphML file", fix="check the path")
    try:
        graph = nx.read_graphml(path)
    except Exception as error:  # the reader of XML and that of GraphML fail in many ways
        raise DataError(
            f"{path} cannot be read: {type(error).__name__}: {error}", expected="a GraphML file"
        ) from error
    simple = nx.DiGraph(graph) if graph.is_directed() else nx.Graph(graph)
    simple.remove_edges_from(list(nx.selfloop_edges(simple)))
    return simple
