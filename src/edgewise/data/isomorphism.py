"""Which graphs are the same but for the names of their nodes, and splits that keep such graphs together.

Random graphs of few nodes repeat: there are 34 undirected graphs of five nodes up to isomorphism, so a test set drawn
like the training set holds hardly any graph that training has not shown. A split by isomorphism class does.
"""

from __future__ import annotations

import networkx as nx
import numpy as np
from networkx.algorithms.isomorphism import categorical_edge_match
from numpy.typing import ArrayLike, NDArray

from edgewise.errors import ConfigError, DataError

Ints = NDArray[np.int64]


def isomorphism_classes(graphs: ArrayLike) -> Ints:
    """The isomorphism class of every graph: two have the same number if and only if they are isomorphic.

    Graphs i and j are isomorphic if a permutation p of the nodes has graph_i[p(r), p(s)] = graph_j[r, s] for all pairs:
    directions and labels count, names of nodes do not. Colour refinement (Weisfeiler & Leman 1968) over all graphs at
    once tells most of them apart; those that it cannot are compared exactly (VF2, Cordella et al. 2004).

    Args:
        graphs: labels of the pairs, [graph, receiver, sender], whole numbers from 0; a symmetric matrix is an
            undirected graph.

    Returns:
        [graph], numbered from 0 in the order in which classes first appear.

    Raises:
        DataError: the array has another shape or holds negative labels.
    """
    labels = np.asarray(graphs)
    if labels.ndim != 3 or labels.shape[1] != labels.shape[2]:
        raise DataError(f"graphs of shape {labels.shape}", expected="[graph, receiver, sender]")
    if labels.size and (labels.dtype.kind not in "iub" or labels.min() < 0):
        raise DataError(
            f"labels of type {labels.dtype} from {labels.min()} on", expected="whole numbers from 0 on"
        )
    if not labels.size:
        return np.zeros(len(labels), dtype=np.int64)
    n = labels.shape[1]
    distinct, place = np.unique(labels.reshape(len(labels), n * n), axis=0, return_inverse=True)
    distinct = distinct.reshape(-1, n, n).astype(np.int64)
    classes = _exact_classes(distinct, _look_alikes(distinct))
    return _by_appearance(classes[place.reshape(-1)])


def split_by_isomorphism(graphs: ArrayLike, held_out: float, seed: int) -> tuple[Ints, Ints]:
    """Deal graphs out so that no graph of the second part is isomorphic to one of the first.

    Whole classes are put aside in random order until they hold at least the share `held_out` of the graphs.

    Args:
        graphs: [graph, receiver, sender], as in `isomorphism_classes`.
        held_out: share of the graphs, above 0 and below 1, that the second part has at least.
        seed: the same seed gives the same split.

    Returns:
        Positions of the first and of the second part, each in ascending order.

    Raises:
        ConfigError: the share is out of range, or all graphs are isomorphic to each other.
        DataError: as `isomorphism_classes`.
    """
    if not 0 < held_out < 1:
        raise ConfigError(f"held_out is {held_out!r}", expected="a share above 0 and below 1")
    classes = isomorphism_classes(graphs)
    sizes = np.bincount(classes)
    if len(sizes) < 2:
        raise ConfigError(
            f"{len(classes)} graphs of {len(sizes)} isomorphism class",
            expected="graphs of at least two classes, one for each part",
            fix="draw more graphs, or split without regard to isomorphism",
        )
    order = np.random.default_rng(seed).permutation(len(sizes))
    enough = int(np.searchsorted(np.cumsum(sizes[order]), held_out * len(classes))) + 1
    aside = np.isin(classes, order[: min(enough, len(sizes) - 1)])
    return np.flatnonzero(~aside), np.flatnonzero(aside)


def _look_alikes(graphs: Ints) -> Ints:
    """A number for each graph [graph], equal where colour refinement sees no difference.

    A node's next colour is its own with the multiset of (label to, label from, colour) over all other nodes. The
    colours are shared between graphs, so two graphs look alike if they have each colour equally often.
    """
    n_graphs, n = graphs.shape[:2]
    pairs = graphs * (graphs.max() + 1) + graphs.swapaxes(1, 2)  # both directions in one label
    entity = np.arange(n)
    others = np.array([[s for s in range(n) if s != r] for r in range(n)], dtype=np.int64).reshape(n, n - 1)
    between = pairs[:, entity[:, None], others]  # [graph, node, other]
    colours, n_colours = _numbered(pairs[:, entity, entity].reshape(-1, 1))
    while True:
        own = colours.reshape(n_graphs, n)
        around = np.sort(between * n_colours + own[:, others], axis=-1)
        seen = np.concatenate([own[..., None], around], axis=-1)
        colours, refined = _numbered(seen.reshape(-1, n))
        if refined == n_colours:  # colours only ever split
            break
        n_colours = refined
    return _numbered(np.sort(colours.reshape(n_graphs, n), axis=-1))[0]


def _numbered(rows: Ints) -> tuple[Ints, int]:
    """A number for each row of a table, equal for equal rows, and how many there are."""
    distinct, number = np.unique(rows, axis=0, return_inverse=True)
    return number.reshape(-1).astype(np.int64), len(distinct)


def _exact_classes(graphs: Ints, look_alikes: Ints) -> Ints:
    """Split the groups of graphs that look alike into classes: [graph]."""
    same_label = categorical_edge_match("label", 0)
    classes = np.empty(len(graphs), dtype=np.int64)
    found = 0
    order = np.argsort(look_alikes, kind="stable")
    starts = np.flatnonzero(np.diff(look_alikes[order], prepend=-1))
    for group in np.split(order, starts[1:]):
        examples: list[tuple[int, nx.DiGraph]] = []  # one graph of every class of the group
        for k in group.tolist():
            graph = _networkx(graphs[k]) if len(group) > 1 else nx.DiGraph()
            known = (
                number
                for number, example in examples
                if nx.is_isomorphic(example, graph, edge_match=same_label)
            )
            number = next(known, found)
            if number == found:
                examples.append((found, graph))
                found += 1
            classes[k] = number
    return classes


def _networkx(labels: Ints) -> nx.DiGraph:
    graph = nx.DiGraph()
    graph.add_nodes_from(range(len(labels)))
    for r, s in np.argwhere(labels).tolist():
        graph.add_edge(s, r, label=int(labels[r, s]))
    return graph


def _by_appearance(classes: Ints) -> Ints:
    _, first, number = np.unique(classes, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[number.reshape(-1)]
