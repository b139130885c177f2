"""Relations from what one has: edge lists, matrices, graphs, positions, grids."""

from collections.abc import Hashable
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from edgewise.errors import ConfigError
from edgewise.relation.band import Band
from edgewise.relation.complete import Complete
from edgewise.relation.sparse import Sparse

if TYPE_CHECKING:
    import networkx as nx
    import scipy.sparse


def from_edge_index(edge_index: Tensor, n_nodes: int) -> Sparse:
    """A relation from PyG's edge index: [2, n_edges] int64, sources above targets (senders above receivers).

    Raises:
        ConfigError: for another shape or type, or a node that does not exist.
    """
    if edge_index.dim() != 2 or edge_index.shape[0] != 2:
        raise ConfigError(
            f"edge_index has shape {list(edge_index.shape)}", expected="[2, n_edges]: senders, receivers"
        )
    return Sparse(edge_index[0], edge_index[1], n_nodes)


def between(n_receivers: int, senders: Tensor, *, causal: bool = False) -> Complete:
    """Everyone hears the senders that are there: the relation of attention to sentences of different length.

    Args:
        n_receivers: number of receivers, of every sentence.
        senders: bool [..., n_senders], True for a word, False for padding.
        causal: only senders at or before the receiver.

    Raises:
        ConfigError: for a mask that is not bool.
    """
    relation = Complete(n_receivers, senders.shape[-1], causal=causal)
    return relation.masked(edges=senders[..., None, :].expand(*senders.shape[:-1], n_receivers, -1))


def from_adjacency(adjacency: "Tensor | np.ndarray | scipy.sparse.spmatrix | scipy.sparse.sparray") -> Sparse:
    """A relation from a matrix [receiver, sender]: an edge wherever it is not 0. NumPy, SciPy sparse or torch.

    NetworkX and much of the literature write [source, target]; transpose such a matrix first.

    Raises:
        ConfigError: for a matrix that is not 2-d, or holds NaN.
    """
    import scipy.sparse

    given = adjacency.detach().cpu().numpy() if isinstance(adjacency, Tensor) else adjacency
    matrix = scipy.sparse.coo_array(given)  # pyright: ignore[reportCallIssue, reportArgumentType] - any of the three
    if matrix.ndim != 2:
        raise ConfigError(f"the adjacency has {matrix.ndim} axes", expected="a matrix [receiver, sender]")
    unknown = np.isnan(matrix.data) if np.issubdtype(matrix.dtype, np.inexact) else np.zeros(matrix.nnz, bool)
    if unknown.any():
        receiver, sender = (int(axis[unknown.argmax()]) for axis in matrix.coords)
        raise ConfigError(
            f"the adjacency is NaN at receiver {receiver}, sender {sender}",
            expected="0 where there is no edge",
        )
    receivers, senders = (torch.from_numpy(axis[matrix.data != 0].astype(np.int64)) for axis in matrix.coords)
    return Sparse(senders, receivers, *matrix.shape)


def from_networkx(graph: "nx.Graph") -> tuple[Sparse, list[Hashable]]:
    """The relation of a NetworkX graph and its nodes in order; an undirected edge becomes one in each direction."""
    nodes = list(graph)
    place = {node: i for i, node in enumerate(nodes)}
    pairs = [(place[edge[0]], place[edge[1]]) for edge in graph.edges()]
    if not graph.is_directed():
        pairs += [(target, source) for source, target in pairs if source != target]
    edge_index = torch.tensor(pairs, dtype=torch.int64).reshape(-1, 2)
    return Sparse(edge_index[:, 0], edge_index[:, 1], len(nodes)), nodes


def nearest_slots(distances: Tensor, neighbours: int) -> Tensor:
    """The senders nearest to each receiver: [..., n, n] distances -> [..., n, neighbours] int64, in node order.

    A node is never its own neighbour. A distance that is not a number counts as infinitely far.

    Raises:
        ConfigError: if there are fewer than `neighbours` other nodes, or `neighbours` < 1.
    """
    n = distances.shape[-1]
    _check_neighbours(neighbours, n)
    order = distances.nan_to_num(nan=torch.inf).argsort(dim=-1, stable=True)
    me = torch.arange(n)[:, None]
    others = order[order != me].reshape(*order.shape[:-1], n - 1)
    return others[..., :neighbours].sort(-1).values


def from_slots(slots: Tensor) -> Sparse:
    """A relation from a table of senders: [*batch, n, k] int64 -> `Sparse`.

    Leading dimensions are a batch of graphs; they become one disjoint union over batch * n nodes, whose edges lie
    in the order [*batch, receiver, slot].
    """
    n, k = slots.shape[-2:]
    graphs = slots.reshape(-1, n, k)
    offset = torch.arange(len(graphs))[:, None, None] * n
    receivers = torch.arange(n)[:, None] + offset.expand(-1, n, k)
    return Sparse((graphs + offset).flatten(), receivers.flatten(), n_receivers=len(graphs) * n)


def _check_neighbours(neighbours: int, n: int) -> None:
    if not 1 <= neighbours <= n - 1:
        raise ConfigError(
            f"{neighbours} nearest neighbours asked among {n} entities",
            expected=f"a number from 1 to {n - 1}",
        )


def _checked_positions(positions: Tensor) -> np.ndarray:
    if positions.dim() != 2:
        raise ConfigError(f"positions have shape {list(positions.shape)}", expected="[n_nodes, dimensions]")
    wrong = ~positions.isfinite().all(1)
    if wrong.any():
        at = int(wrong.nonzero()[0])
        raise ConfigError(
            f"the position of node {at} is {positions[at].tolist()}", expected="finite coordinates"
        )
    return positions.detach().cpu().double().numpy()


def nearest(positions: Tensor, neighbours: int) -> Sparse:
    """Each node hears the `neighbours` nodes nearest to it (not itself): positions [n_nodes, dimensions].

    By a k-d tree, so time grows with n log n.

    Raises:
        ConfigError: for positions that are not finite, or too few nodes.
    """
    from scipy.spatial import KDTree

    points = _checked_positions(positions)
    _check_neighbours(neighbours, len(points))
    found = np.asarray(KDTree(points).query(points, k=neighbours + 1)[1])
    others = found != np.arange(len(points))[:, None]
    others[others.all(1), -1] = (
        False  # several nodes in one place: the node itself need not be among the nearest
    )
    senders = torch.from_numpy(found[others])
    return Sparse(senders, torch.arange(len(points)).repeat_interleave(neighbours), len(points))


def radius(positions: Tensor, reach: float) -> Sparse:
    """Each node hears every other node within `reach`: positions [n_nodes, dimensions], in the unit of `reach`.

    Raises:
        ConfigError: for positions that are not finite, or a reach that is not above 0.
    """
    from scipy.spatial import KDTree

    points = _checked_positions(positions)
    if not reach > 0:
        raise ConfigError(f"radius of {reach}", expected="a number above 0")
    pairs = torch.from_numpy(KDTree(points).query_pairs(reach, output_type="ndarray").astype(np.int64))
    both = torch.cat([pairs, pairs.flip(1)])
    return Sparse(both[:, 0], both[:, 1], len(points))


def grid(*sizes: int, reach: int = 1, loops: bool = True) -> tuple[Sparse, Tensor]:
    """The relation of a convolution on a grid of 1 to 3 dimensions, nodes in row-major order.

    Args:
        sizes: nodes along each axis.
        reach: how far a receiver hears along every axis: a window of 2 reach + 1.
        loops: whether the window holds its centre.

    Returns:
        The relation, and the offset of each edge's sender in its window, [n_edges] int64 from 0 to
        (2 reach + 1)^dimensions - 1, row-major: a convolution has one weight an offset.

    Raises:
        ConfigError: for 0 or more than 3 axes, or an empty axis.
    """
    if not 1 <= len(sizes) <= 3 or min(sizes) < 1 or reach < 0:
        raise ConfigError(
            f"grid{sizes} with reach {reach}", expected="1 to 3 positive sizes, and a reach of 0 or more"
        )
    nodes = np.arange(int(np.prod(sizes))).reshape(sizes)
    senders, receivers, labels = [], [], []
    for label, offset in enumerate(product(range(-reach, reach + 1), repeat=len(sizes))):
        if not loops and not any(offset):
            continue
        here = tuple(slice(max(0, -o), n - max(0, o)) for o, n in zip(offset, sizes, strict=True))
        there = tuple(slice(max(0, o), n - max(0, -o)) for o, n in zip(offset, sizes, strict=True))
        receivers.append(nodes[here].ravel())
        senders.append(nodes[there].ravel())
        labels.append(np.full(receivers[-1].size, label))
    flat = (torch.from_numpy(np.concatenate(parts)) for parts in (senders, receivers, labels))
    sender, receiver, offsets = flat
    relation = Sparse(sender, receiver, nodes.size)
    return relation, offsets[relation.order]


def chain(n: int, *, directed: bool = False) -> Band:
    """Neighbours along a line: each node hears the one before it and, unless `directed`, the one after it."""
    return Band(n, 1, 0 if directed else 1, loops=False)
