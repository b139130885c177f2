"""Graphs to and from NetworkX and PyTorch Geometric."""

import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor

from edgewise.data.wording import did_you_mean, listing
from edgewise.errors import ConfigError, DataError
from edgewise.graph import Graph
from edgewise.relation import Sparse

if TYPE_CHECKING:
    import networkx as nx
    from torch_geometric.data import Data

Records = Sequence[tuple[str, Mapping[str, Any]]]
"""Entities and their attributes: (name, {attribute: value})."""


# ---- NetworkX ------------------------------------------------------------------------------------------------------


def to_networkx(
    graph: Graph,
    *,
    node_attributes: Sequence[str] | None = None,
    edge_attributes: Sequence[str] | None = None,
) -> "nx.MultiDiGraph":
    """A graph for NetworkX: nodes 0, 1, ..., one attribute a column.

    `from_networkx` gives the same graph back (parallel edges next to one another). Globals become attributes of the
    graph, u0, u1, ...

    Args:
        graph: a single one, without leading dimensions.
        node_attributes: names of the columns of `nodes`; x0, x1, ... if None.
        edge_attributes: names of the columns of `edges`; e0, e1, ... if None.

    Raises:
        ConfigError: for a batch, a masked relation, or names of another number than columns.
    """
    import networkx as nx

    relation = _single(graph, "NetworkX")
    if relation.n_graphs > 1:
        raise ConfigError(
            f"a union of {relation.n_graphs} graphs",
            expected="one graph, as NetworkX has no unions",
            fix="convert the graphs one by one: edgewise.graph.unbatch(graph)",
        )
    found = nx.MultiDiGraph()
    names = _column_names("node", "x", graph.nodes, node_attributes)
    found.add_nodes_from(enumerate(_rows(graph.nodes, names, relation.n_receivers)))
    edges = None if graph.edges is None else graph.relation.edges_to_sparse(graph.edges)
    names = _column_names("edge", "e", edges, edge_attributes)
    rows = _rows(edges, names, relation.n_edges)
    found.add_edges_from(zip(relation.senders.tolist(), relation.receivers.tolist(), rows, strict=True))
    names = _column_names("global", "u", graph.globals_, None)
    found.graph.update(_rows(graph.globals_, names, 1)[0])
    return found


def from_networkx(
    graph: "nx.Graph",
    *,
    node_attributes: Sequence[str] | None = None,
    edge_attributes: Sequence[str] | None = None,
    global_attributes: Sequence[str] | None = None,
    dtype: torch.dtype = torch.float32,
) -> Graph:
    """A graph of NetworkX with its numeric attributes; nodes in the order of `list(graph)`.

    Directed edges keep their direction; an undirected edge becomes one in each direction (a loop stays one edge), both
    with its attributes. Parallel edges and loops are edges like any other.

    Args:
        graph: a Graph, DiGraph, MultiGraph or MultiDiGraph.
        node_attributes, edge_attributes, global_attributes: the columns, in this order; an empty list takes none. None
            takes all that hold numbers, in the order in which they first appear.
        dtype: of the attributes.

    Raises:
        DataError: naming node, edge and attribute, for one that is absent, no number or not finite.
    """
    nodes = {node: k for k, node in enumerate(graph)}
    directed = graph.is_directed()
    # in_edges: receiver by receiver, in the order in which they were added
    given = cast("nx.DiGraph", graph).in_edges(data=True) if directed else graph.edges(data=True)
    links = [(nodes[a], nodes[b], f"{a} -> {b}", values) for a, b, values in given]
    if not directed:
        links += [(b, a, name, values) for a, b, name, values in links if a != b]
    sender, receiver = (torch.tensor([link[end] for link in links], dtype=torch.int64) for end in (0, 1))
    relation = Sparse(sender, receiver, len(nodes))
    node_records = [(str(node), graph.nodes[node]) for node in nodes]
    on_nodes = _columns("node", node_records, node_attributes, dtype)
    on_edges = _columns("edge", [(name, values) for _, _, name, values in links], edge_attributes, dtype)
    on_graph = _columns("graph", [(str(graph.name), graph.graph)], global_attributes, dtype)
    return Graph(relation, on_nodes, None if on_edges is None else on_edges[relation.order], on_graph)


def numeric_columns(
    kind: str, records: Records, wanted: Sequence[str] | None, leave: Sequence[str] = ()
) -> tuple[tuple[str, ...], np.ndarray]:
    """Attributes of nodes, edges or graphs as a table of numbers.

    Args:
        kind: what the records are of, for messages.
        records: [n] name and attributes.
        wanted: the columns in order; None: all that hold a number somewhere, in the order in which they first appear.
        leave: attributes that None does not take.

    Returns:
        The names of the columns, and their values [n, columns] float64.

    Raises:
        DataError: naming the entity and the attribute, for one that is absent, no number or not finite.
    """
    if wanted is None:
        held = {
            k: None
            for _, values in records
            for k, v in values.items()
            if isinstance(v, Real) and k not in leave
        }
        wanted = tuple(held)
    table = np.empty((len(records), len(wanted)))
    for row, (name, values) in enumerate(records):
        for column, attribute in enumerate(wanted):
            value = values.get(attribute)
            if not _is_finite(value):
                raise _no_number(kind, name, attribute, values)
            table[row, column] = value
    return tuple(wanted), table


def _is_finite(value: object) -> bool:
    try:
        return isinstance(value, Real) and math.isfinite(value)
    except OverflowError:  # a whole number beyond any float
        return False


def _no_number(kind: str, name: str, attribute: str, values: Mapping[str, Any]) -> DataError:
    if attribute not in values:
        return DataError(
            f"{kind} '{name}' has no attribute '{attribute}'; it has {listing(values)}",
            expected=f"the attribute on every {kind}, or on none",
            fix=did_you_mean(attribute, values),
        )
    return DataError(
        f"{kind} '{name}', attribute '{attribute}' is {values[attribute]!r}", expected="a finite number"
    )


def _columns(kind: str, records: Records, wanted: Sequence[str] | None, dtype: torch.dtype) -> Tensor | None:
    names, table = numeric_columns(kind, records, wanted)
    values = torch.from_numpy(table).to(dtype)
    wrong = ~values.isfinite()
    if wrong.any():
        row, column = wrong.nonzero()[0].tolist()
        raise DataError(
            f"{kind} '{records[row][0]}', attribute '{names[column]}' is {table[row, column]}",
            expected=f"a number that {dtype} can hold",
            fix="dtype=torch.float64, or another unit",
        )
    return values if names else None


def _column_names(
    kind: str, letter: str, values: Tensor | None, names: Sequence[str] | None
) -> Sequence[str]:
    width = 0 if values is None else values.shape[-1]
    if names is None:
        return [f"{letter}{k}" for k in range(width)]
    if len(names) != width or len(set(names)) != width:
        raise ConfigError(
            f"{len(names)} names of {kind} attributes: {listing(names)}",
            expected=f"{width} different ones, one for each column",
        )
    return names


def _rows(values: Tensor | None, names: Sequence[str], n: int) -> list[dict[str, float]]:
    if values is None:
        return [{} for _ in range(n)]
    return [dict(zip(names, row, strict=True)) for row in values.tolist()]


def _single(graph: Graph, where: str) -> Sparse:
    """The graph's relation as a list of edges; refuses what an edge list cannot say."""
    for name, values in (("nodes", graph.nodes), ("edges", graph.edges), ("globals_", graph.globals_)):
        layout = 1 if name != "edges" else len(graph.relation.layout)
        if values is not None and values.dim() > layout + 1:
            raise ConfigError(
                f"{name} have leading dimensions: shape {list(values.shape)}",
                expected=f"one graph, as {where} has no such batches",
                fix="convert the graphs one by one",
            )
    if graph.relation.present is not None or graph.relation.node_mask is not None:
        raise ConfigError(
            "the relation has a mask",
            expected=f"a relation without one, as {where} has no masks",
            fix="leave the absent nodes and edges out",
        )
    return graph.relation.to_sparse()


# ---- PyTorch Geometric ---------------------------------------------------------------------------------------------


def to_pyg(graph: Graph) -> "Data":
    """A graph, or a disjoint union, as PyG's `Data`: x, edge_index [2, n_edges], edge_attr, u [n_graphs, global_dim].

    A union also has `batch` [n_nodes], the graph of each node, and `ptr` [n_graphs + 1], where each graph's nodes
    begin; with `ptr` graphs without nodes survive. `from_pyg` gives the same graph back.

    Raises:
        ConfigError: for leading dimensions or a mask, or without PyTorch Geometric (extra `pyg`).
    """
    try:
        from torch_geometric.data import Data
    except ImportError as error:
        raise ConfigError(
            "converting to PyG needs PyTorch Geometric, which is not installed",
            expected="the extra `pyg`",
            fix="pip install 'edgewise[pyg]'",
        ) from error
    relation = _single(graph, "PyG's Data")
    edges = None if graph.edges is None else graph.relation.edges_to_sparse(graph.edges)
    data = Data(
        x=graph.nodes, edge_index=torch.stack([relation.senders, relation.receivers]), edge_attr=edges
    )
    data.num_nodes = relation.n_receivers
    if graph.globals_ is not None:
        data.u = graph.globals_
    if relation.node_counts is not None:
        counts = relation.node_counts
        data.batch = torch.arange(len(counts), device=counts.device).repeat_interleave(counts)
        data.ptr = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
    return data


def from_pyg(data: "Data") -> Graph:
    """PyG's `Data`, or a `Batch` of them as a disjoint union; the reverse of `to_pyg`.

    Taken are x, edge_index, edge_attr, u, and `ptr` or `batch`; what else `data` holds (y, pos, masks) is left there.

    Raises:
        DataError: for edges that are no int64 or name no node, attributes of another length, not 2-d or not finite, or
            nodes of a graph that are not next to one another.
    """
    n_nodes = _count_nodes(data)
    index = _checked_index(data, n_nodes)
    counts = _node_counts(data, n_nodes)
    n_graphs = 1 if counts is None else len(counts)
    sizes = {"x": (n_nodes, "nodes"), "edge_attr": (index.shape[1], "edges"), "u": (n_graphs, "graphs")}
    x, edge_attr, u = (_checked(name, data.get(name), *size) for name, size in sizes.items())
    relation = Sparse(index[0], index[1], n_nodes, node_counts=counts)
    return Graph(relation, x, None if edge_attr is None else edge_attr[relation.order], u)


def _count_nodes(data: "Data") -> int:
    for name in ("x", "batch"):
        if data.get(name) is not None:
            return len(data[name])
    if "num_nodes" in data and data.num_nodes is not None:
        return int(data.num_nodes)
    raise DataError(
        "data has neither x nor num_nodes",
        expected="one of the two: a node without edges would be lost",
        fix="set data.num_nodes",
    )


def _checked_index(data: "Data", n_nodes: int) -> Tensor:
    index = data.get("edge_index")
    if index is None or index.dtype != torch.int64 or index.dim() != 2 or index.shape[0] != 2:
        found = "absent" if index is None else f"{index.dtype} of shape {list(index.shape)}"
        raise DataError(
            f"edge_index is {found}", expected="torch.int64 of shape [2, n_edges]: sources, targets"
        )
    wrong = (index < 0) | (index >= n_nodes)
    if wrong.any():
        row, edge = wrong.nonzero()[0].tolist()
        raise DataError(
            f"edge_index[{row}, {edge}] is {int(index[row, edge])}",
            expected=f"a node number from 0 to {n_nodes - 1}" if n_nodes else "no edge: there are no nodes",
        )
    return index


def _node_counts(data: "Data", n_nodes: int) -> Tensor | None:
    """Nodes of each graph of a union, or None for one graph."""
    pointers, batch = data.get("ptr"), data.get("batch")
    if pointers is not None:
        if (
            len(pointers) == 0
            or int(pointers[0]) != 0
            or int(pointers[-1]) != n_nodes
            or (pointers.diff() < 0).any()
        ):
            raise DataError(f"ptr is {pointers.tolist()}", expected=f"numbers that rise from 0 to {n_nodes}")
        return pointers.diff()
    if batch is None:
        return None
    if batch.dtype != torch.int64 or batch.dim() != 1:
        raise DataError(
            f"batch is {batch.dtype} of shape {list(batch.shape)}",
            expected=f"torch.int64 of shape [{n_nodes}]: the graph of each node",
        )
    if len(batch) != n_nodes:
        raise DataError(f"batch has {len(batch)} entries", expected=f"{n_nodes}, one for each node")
    if n_nodes and (int(batch.min()) < 0 or (batch.diff() < 0).any()):
        raise DataError(
            f"batch is not sorted: {listing(batch.tolist(), 10)}",
            expected="the nodes of graph 0, then those of graph 1, and so on",
        )
    known = 0 if data.get("u") is None else len(data.u)
    return torch.bincount(batch, minlength=known)


def _checked(name: str, values: Tensor | None, n: int, of: str) -> Tensor | None:
    if values is None:
        return None
    if values.dim() != 2 or len(values) != n:
        raise DataError(
            f"{name} has shape {list(values.shape)}",
            expected=f"[{n}, features]: there are {n} {of}",
            fix=f"data.{name}[:, None] for a single feature"
            if values.dim() == 1 and len(values) == n
            else None,
        )
    wrong = ~values.isfinite()
    if wrong.any():
        row, column = wrong.nonzero()[0].tolist()
        raise DataError(f"{name}[{row}, {column}] is {float(values[row, column])}", expected="finite numbers")
    return values
