"""Many graphs as one: disjoint unions of edge lists."""

from collections.abc import Sequence

import torch
from torch import Tensor

from edgewise.errors import ConfigError
from edgewise.relation.sparse import Sparse


def batch(relations: Sequence[Sparse]) -> Sparse:
    """The disjoint union: nodes are numbered on from graph to graph, edges lie graph after graph.

    Members that are unions themselves are taken apart, so `n_graphs` adds up. Nothing is sorted anew.

    Raises:
        ConfigError: for an empty list, or relations between two sets of nodes.
    """
    if not relations:
        raise ConfigError("a batch of no relations", expected="at least one")
    for at, relation in enumerate(relations):
        if relation.n_senders != relation.n_receivers:
            raise ConfigError(
                f"relation {at} of the batch has {relation.n_senders} senders and {relation.n_receivers} receivers",
                expected="relations on one set of nodes each",
            )
    node_counts = torch.tensor([relation.n_receivers for relation in relations])
    edge_counts = torch.tensor([relation.n_edges for relation in relations])
    first_node = (node_counts.cumsum(0) - node_counts).tolist()
    first_edge = (edge_counts.cumsum(0) - edge_counts).tolist()

    def joined(name: str, offsets: list[int]) -> Tensor:
        return torch.cat([getattr(r, name) + offset for r, offset in zip(relations, offsets, strict=True)])

    def row_starts(name: str) -> Tensor:
        parts = [getattr(r, name)[:-1] + offset for r, offset in zip(relations, first_edge, strict=True)]
        return torch.cat([*parts, edge_counts.sum()[None]])

    counts = [torch.tensor([r.n_receivers]) if r.node_counts is None else r.node_counts for r in relations]
    total = int(node_counts.sum())
    return Sparse(
        joined("senders", first_node),
        joined("receivers", first_node),
        total,
        total,
        torch.cat(counts),
        _joined_masks([r.present for r in relations], edge_counts),
        _joined_masks([r.node_mask for r in relations], node_counts),
        order=joined("order", first_edge),
        pointers=row_starts("pointers"),
        sender_order=joined("sender_order", first_edge),
        sender_pointers=row_starts("sender_pointers"),
        sender_receivers=joined("sender_receivers", first_node),
    )


def _joined_masks(masks: Sequence[Tensor | None], counts: Tensor) -> Tensor | None:
    if all(mask is None for mask in masks):
        return None
    whole = [
        torch.ones(n, dtype=torch.bool) if m is None else m
        for m, n in zip(masks, counts.tolist(), strict=True)
    ]
    return torch.cat(whole, -1)


def unbatch(relation: Sparse) -> list[Sparse]:
    """The graphs of a disjoint union, one relation each; the reverse of `batch`."""
    if relation.node_counts is None:
        return [relation]
    nodes = relation.node_counts.tolist()
    edges = edges_of(relation).tolist()
    found, node, edge = [], 0, 0
    for n, e in zip(nodes, edges, strict=True):
        own = slice(edge, edge + e)
        one = Sparse(relation.senders[own] - node, relation.receivers[own] - node, n)
        present = None if relation.present is None else relation.present[..., own]
        mask = None if relation.node_mask is None else relation.node_mask[..., node : node + n]
        found.append(one.with_masks(present, mask))
        node, edge = node + n, edge + e
    return found


def edges_of(relation: Sparse) -> Tensor:
    """Number of edges of each graph of a union: [n_graphs] int64."""
    if relation.node_counts is None:
        return torch.tensor([relation.n_edges])
    ends = torch.cat([relation.node_counts.new_zeros(1), relation.node_counts.cumsum(0)])
    return relation.pointers[ends].diff()
