"""A graph: attributes of nodes, edges and the whole, on a relation."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from edgewise.errors import ConfigError
from edgewise.relation import Relation, Sparse
from edgewise.relation import batch as batch_relations
from edgewise.relation import unbatch as unbatch_relations
from edgewise.relation.union import edges_of


@dataclass(frozen=True, eq=False)
class Graph:
    """A directed, attributed multigraph (Battaglia et al. 2018, section 3.2), or a batch of them.

    A batch is either leading dimensions (graphs with the same edges) or a disjoint union (`batch`, `n_graphs`).

    Args:
        relation: who acts on whom, within one set of nodes.
        nodes: [..., n_nodes, node_dim], or None for nodes without attributes.
        edges: [..., *layout, edge_dim] in the relation's layout, or None.
        globals_: [..., n_graphs, global_dim], or None.

    Raises:
        ConfigError: for attributes that do not fit the relation. (Whether they are finite is looked at once, where a
            graph is made from data: `from_edges` and the loaders.)
    """

    relation: Relation
    nodes: Tensor | None = None
    edges: Tensor | None = None
    globals_: Tensor | None = None

    def __post_init__(self) -> None:
        _check_shape("nodes", self.nodes, (self.n_nodes,))
        _check_shape("edges", self.edges, self.relation.layout)
        _check_shape("globals_", self.globals_, (self.n_graphs,))

    @classmethod
    def from_edges(
        cls,
        senders: Tensor,
        receivers: Tensor,
        *,
        nodes: Tensor | None = None,
        edges: Tensor | None = None,
        globals_: Tensor | None = None,
        n_node: Sequence[int] | None = None,
    ) -> "Graph":
        """A graph, or a disjoint union of graphs, from lists of edges; edge attributes in the order of the lists.

        Args:
            senders, receivers: [n_edges] int64.
            nodes: [..., n_nodes, node_dim]; edges: [..., n_edges, edge_dim]; globals_: [..., n_graphs, global_dim].
            n_node: nodes of each graph of a union; needed without `nodes`.

        Raises:
            ConfigError: for indices out of range, attributes of other length or not finite, counts that do not add up.
        """
        if nodes is None and n_node is None:
            raise ConfigError(
                "a graph without nodes and without n_node", expected="one of the two: how many nodes"
            )
        if nodes is not None and nodes.dim() < 2:
            raise ConfigError(f"nodes have shape {list(nodes.shape)}", expected="[..., n_nodes, features]")
        n_nodes = nodes.shape[-2] if nodes is not None else sum(n_node or ())
        counts = None if n_node is None else torch.tensor(n_node, dtype=torch.int64)
        relation = Sparse(senders, receivers, n_nodes, node_counts=counts)
        _check_shape("edges", edges, relation.layout)
        for name, values in {"nodes": nodes, "edges": edges, "globals_": globals_}.items():
            check_finite(name, values)
        kept = None if edges is None else edges.index_select(-2, relation.order)
        return cls(relation, nodes, kept, globals_)

    @property
    def n_nodes(self) -> int:
        return self.relation.n_receivers

    @property
    def n_edges(self) -> int:
        return self.relation.n_edges

    @property
    def n_graphs(self) -> int:
        return self.relation.n_graphs

    def replace(self, **changed: Tensor | Relation | None) -> "Graph":
        """The graph with other attributes."""
        return replace(self, **changed)


torch.export.register_dataclass(Graph, serialized_type_name="edgewise.Graph")


def _check_shape(name: str, values: Tensor | None, shape: tuple[int, ...]) -> None:
    if values is None or not all(isinstance(size, int) for size in shape):
        return  # while torch.export looks on, stand-ins take the place of sizes
    found = tuple(values.shape[:-1])
    fits = values.dim() > len(shape) and found[len(found) - len(shape) :] == shape
    if not fits:
        raise ConfigError(
            f"{name} have shape {list(values.shape)}",
            expected=f"[..., {', '.join(map(str, shape))}, features]",
        )


def check_finite(name: str, values: Tensor | None) -> None:
    """Refuse attributes that hold NaN or infinity.

    Raises:
        ConfigError: naming the first entry.
    """
    if values is None or not values.is_floating_point():
        return
    wrong = ~values.isfinite()
    if wrong.any():
        at = wrong.nonzero()[0].tolist()
        raise ConfigError(
            f"{name}{at} is {float(values[tuple(at)])}",
            expected="finite numbers",
            fix="leave absent nodes and edges out by a mask (relation.masked), or fill them in",
        )


def batch(graphs: Sequence[Graph]) -> Graph:
    """The disjoint union of graphs on `Sparse` relations.

    Raises:
        ConfigError: for an empty list, another relation, or attributes that only some graphs have.
    """
    relations = []
    for at, graph in enumerate(graphs):
        if not isinstance(graph.relation, Sparse):
            raise ConfigError(
                f"graph {at} of the batch is on a {type(graph.relation).__name__} relation",
                expected="Sparse relations",
                fix="batch such graphs by leading dimensions, or convert them with to_sparse()",
            )
        relations.append(graph.relation)

    def joined(name: str) -> Tensor | None:
        parts = [getattr(graph, name) for graph in graphs]
        given = [part for part in parts if part is not None]
        widths = {part.shape[-1] for part in given}
        if given and (len(given) < len(parts) or len(widths) > 1):
            raise ConfigError(
                f"{len(given)} of {len(parts)} graphs have {name}, of widths {sorted(widths)}",
                expected=f"{name} of one width in all of them, or in none",
            )
        return torch.cat(given, -2) if given else None

    union = batch_relations(relations)
    return Graph(union, joined("nodes"), joined("edges"), joined("globals_"))


def unbatch(graph: Graph) -> list[Graph]:
    """The graphs of a disjoint union; the reverse of `batch`."""
    if not isinstance(graph.relation, Sparse) or graph.n_graphs == 1:
        return [graph]
    relation = graph.relation
    counts = relation.node_counts
    assert counts is not None  # for the type checker

    def parts(values: Tensor | None, sizes: list[int]) -> Sequence[Tensor | None]:
        return [None] * len(sizes) if values is None else values.split(sizes, -2)

    members = zip(
        unbatch_relations(relation),
        parts(graph.nodes, counts.tolist()),
        parts(graph.edges, edges_of(relation).tolist()),
        parts(graph.globals_, [1] * len(counts)),
        strict=True,
    )
    return [Graph(*member) for member in members]


__all__ = ["Graph", "batch", "check_finite", "unbatch"]
