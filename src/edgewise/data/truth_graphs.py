"""Known interactions given as NetworkX graphs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from edgewise.data.wording import did_you_mean, listing
from edgewise.errors import DataError

if TYPE_CHECKING:
    import networkx as nx


def holds_graphs(edges: object) -> TypeGuard[nx.Graph | Sequence[nx.Graph]]:
    """Whether known interactions are a NetworkX graph, or a list of them."""
    if isinstance(edges, list | tuple):
        return bool(edges) and all(_is_graph(one) for one in edges)
    return _is_graph(edges)


def edges_of_graphs(graphs: nx.Graph | Sequence[nx.Graph], entities: Sequence[str]) -> np.ndarray:
    """Labels of every pair from graphs whose nodes are the entities.

    An edge u -> v says that u acts on v; an undirected one says so both ways. Its label is its attribute `type`, a
    whole number, or 1. Pairs without an edge do not interact.

    Args:
        graphs: one for all sequences, or one for each.
        entities: names, in order; nodes are compared as text.

    Returns: int64 [receiver, sender], or [sequence, receiver, sender].

    Raises:
        DataError: naming a node that is no entity, or an edge whose type is no whole number.
    """
    if not isinstance(graphs, list | tuple):
        return _labels(graphs, entities)
    return np.stack([_labels(graph, entities) for graph in graphs])


def _is_graph(value: object) -> bool:
    return all(hasattr(value, name) for name in ("nodes", "edges", "is_directed"))


def _labels(graph: Any, entities: Sequence[str]) -> np.ndarray:
    place = {str(name): k for k, name in enumerate(entities)}
    unknown = [str(node) for node in graph.nodes if str(node) not in place]
    if unknown:
        raise DataError(
            f"the graph of known interactions has nodes that are no entities: {listing(unknown, 5)}",
            expected=f"nodes among the entities: {listing(entities, 10)}",
            fix=did_you_mean(unknown[0], place) or "relabel the nodes: networkx.relabel_nodes(graph, names)",
        )
    labels = np.zeros((len(place), len(place)), dtype=np.int64)
    for source, target, attributes in graph.edges(data=True):
        kind = attributes.get("type", 1)
        if isinstance(kind, bool) or not float(kind).is_integer():
            raise DataError(
                f"the edge {source} -> {target} has type {kind!r}",
                expected="a whole number: 1, 2, ... the kinds of interaction, 0 none, -1 unknown",
            )
        sender, receiver = place[str(source)], place[str(target)]
        labels[receiver, sender] = int(kind)
        if not graph.is_directed():
            labels[sender, receiver] = int(kind)
    return labels
