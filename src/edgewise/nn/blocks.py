"""Graph network blocks (Battaglia et al. 2018): what a block reads is data, not a flag.

    e'_k = phi_e(e_k, v_rk, v_sk, u)         EdgeBlock(inputs=(edges, receiver_nodes, sender_nodes, globals_))
    v'_i = phi_v(sum of e' into i, v_i, u)   NodeBlock(inputs=(incoming_edges, nodes, globals_))
    u'   = phi_u(sum e', sum v', u)          GlobalBlock(inputs=(all_edges, all_nodes, globals_))

A full GN block, an interaction network, a relation network, deep sets, message passing and independent blocks differ in
these tuples alone (`full_block` and the functions below it). Every phi is an MLP whose first layer is split over its
inputs: each input is projected where it lives (a node's features once a node) and then sent, so no concatenation and
nothing of the width of all inputs is built on edges.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import get_args

import torch
from torch import Tensor, nn

from edgewise.errors import ConfigError
from edgewise.graph import Graph
from edgewise.nn.linear import hidden_layers
from edgewise.relation.base import Aggregation


@dataclass(frozen=True)
class Dims:
    """Features of each part of a graph; 0 for a part without attributes."""

    nodes: int = 0
    edges: int = 0
    globals_: int = 0


@dataclass(frozen=True)
class Input:
    """Something that a block reads.

    Attributes:
        name: which one; part: "nodes", "edges" or "globals_", the attributes that it is made of.
        by: how many are made one, where they are.
    """

    name: str
    part: str
    by: Aggregation = "sum"

    def __call__(self, by: Aggregation) -> "Input":
        """The same input with another aggregation: `incoming_edges("mean")`.

        Raises:
            ConfigError: for one that does not exist.
        """
        if by not in get_args(Aggregation):
            raise ConfigError(f"{self.name} by {by!r}", expected=f"one of {', '.join(get_args(Aggregation))}")
        return replace(self, by=by)


edges = Input("edges", "edges")
sender_nodes = Input("sender_nodes", "nodes")
receiver_nodes = Input("receiver_nodes", "nodes")
nodes = Input("nodes", "nodes")
globals_ = Input("globals_", "globals_")
incoming_edges = Input("incoming_edges", "edges")
outgoing_edges = Input("outgoing_edges", "edges")
all_edges = Input("all_edges", "edges")
all_nodes = Input("all_nodes", "nodes")

READ_BY = {
    "edges": ("edges", "sender_nodes", "receiver_nodes", "globals_"),
    "nodes": ("incoming_edges", "outgoing_edges", "nodes", "globals_"),
    "globals_": ("all_edges", "all_nodes", "globals_"),
}
"""Which inputs make sense for the attributes that a block writes."""


def gathered(graph: Graph, read: Input) -> Tensor:
    """An input as far as it can be taken before it is projected: aggregated, not yet sent."""
    features = getattr(graph, read.part)
    if features is None:
        raise ConfigError(
            f"a block reads {read.name}, and the graph has no {read.part}",
            expected=f"a graph with {read.part}, or a block without {read.name} among its inputs",
        )
    relation = graph.relation
    match read.name:
        case "incoming_edges":
            return getattr(relation, read.by)(features)
        case "outgoing_edges":
            return getattr(relation.reverse(), read.by)(relation.reverse_edges(features))
        case "all_edges":
            return relation.pool(features, read.by)
        case "all_nodes":
            return getattr(relation.graphs, read.by)(features)
        case _:
            return features


def sent(graph: Graph, read: Input, projected: Tensor, part: str) -> Tensor:
    """A projected input at the entities that the block writes."""
    relation = graph.relation
    match read.name:
        case "sender_nodes":
            return relation.from_senders(projected)
        case "receiver_nodes":
            return relation.from_receivers(projected)
        case "globals_" if part == "edges":
            return relation.from_graphs(projected)
        case "globals_" if part == "nodes":
            return projected if graph.n_graphs == 1 else relation.graphs.from_receivers(projected)
        case _:
            return projected


class Block(nn.Module):
    """One update phi of a GN block: an MLP on some inputs, written to one part of the graph.

        part' = MLP(sum_i W_i input_i + b)

    Args:
        dims: features of the graph that is read.
        layers: features after each layer of the MLP, the result's last.
        inputs: what is read; each must be one of `READ_BY` for the part.
        activation: between layers; ReLU if not given.

    Raises:
        ConfigError: for an input that the part cannot read, or one without features.
    """

    part: str

    def __init__(
        self, dims: Dims, layers: Sequence[int], inputs: Sequence[Input], activation: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.inputs, self.out_dim = tuple(inputs), layers[-1]
        widths = [getattr(dims, read.part) for read in self.inputs]
        for read, width in zip(self.inputs, widths, strict=True):
            if read.name not in READ_BY[self.part] or width == 0:
                raise ConfigError(
                    f"{type(self).__name__} reads {read.name}"
                    f"{'' if width else f', and dims has no features of {read.part}'}",
                    expected=f"inputs among {', '.join(READ_BY[self.part])} that have features",
                )
        if not self.inputs:
            raise ConfigError(f"{type(self).__name__} reads nothing", expected="at least one input")
        whole = nn.Linear(
            sum(widths), layers[0]
        )  # split, so that the initial weights are those of the concatenation
        self.bias = nn.Parameter(whole.bias.detach().clone())
        parts = whole.weight.detach().split(widths, 1)
        self.weights = nn.ParameterList([nn.Parameter(part.clone()) for part in parts])
        self.layers = hidden_layers(layers, activation or nn.ReLU())

    def forward(self, graph: Graph) -> Graph:
        total = None
        for read, weight in zip(self.inputs, self.weights, strict=True):
            features = gathered(graph, read)
            if features.shape[-1] != weight.shape[1]:
                raise ConfigError(
                    f"{type(self).__name__} was given {read.part} with {features.shape[-1]} features",
                    expected=f"{weight.shape[1]}, as it was made for",
                )
            bias = self.bias if total is None else None
            projected = sent(graph, read, nn.functional.linear(features, weight, bias), self.part)
            total = projected if total is None else total + projected
        assert total is not None  # there is an input
        return graph.replace(**{self.part: self.layers(self._everywhere(graph, total))})

    def _everywhere(self, graph: Graph, total: Tensor) -> Tensor:
        """Globals alone are one row a graph: repeat it for every entity that is written."""
        if self.part == "globals_":
            return total
        shape = graph.relation.layout if self.part == "edges" else (graph.n_nodes,)
        lead = total.shape[: total.dim() - 1 - len(shape)]
        return total.expand(*lead, *shape, total.shape[-1])


class EdgeBlock(Block):
    """phi_e, once an edge; see `Block`."""

    part = "edges"

    def __init__(
        self,
        dims: Dims,
        layers: Sequence[int],
        inputs: Sequence[Input] = (edges, receiver_nodes, sender_nodes, globals_),
        activation: nn.Module | None = None,
    ) -> None:
        super().__init__(dims, layers, inputs, activation)


class NodeBlock(Block):
    """phi_v, once a node; see `Block`."""

    part = "nodes"

    def __init__(
        self,
        dims: Dims,
        layers: Sequence[int],
        inputs: Sequence[Input] = (incoming_edges, nodes, globals_),
        activation: nn.Module | None = None,
    ) -> None:
        super().__init__(dims, layers, inputs, activation)


class GlobalBlock(Block):
    """phi_u, once a graph; see `Block`."""

    part = "globals_"

    def __init__(
        self,
        dims: Dims,
        layers: Sequence[int],
        inputs: Sequence[Input] = (all_edges, all_nodes, globals_),
        activation: nn.Module | None = None,
    ) -> None:
        super().__init__(dims, layers, inputs, activation)


class GraphNetwork(nn.Module):
    """Blocks one after the other, Graph -> Graph (Battaglia et al. 2018, algorithm 1: edges, nodes, globals).

    A part that no block writes goes through unchanged.
    """

    def __init__(self, *blocks: nn.Module) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)

    def forward(self, graph: Graph) -> Graph:
        for block in self.blocks:
            graph = block(graph)
        return graph


def full_block(dims: Dims, out: Dims, hidden: Sequence[int] = (64,)) -> GraphNetwork:
    """The full GN block (figure 4a): edges, nodes and globals, each from all that it may read."""
    after_edges = replace(dims, edges=out.edges)
    after_nodes = replace(after_edges, nodes=out.nodes)
    return GraphNetwork(
        EdgeBlock(dims, (*hidden, out.edges)),
        NodeBlock(after_edges, (*hidden, out.nodes)),
        GlobalBlock(after_nodes, (*hidden, out.globals_)),
    )


def independent_block(dims: Dims, out: Dims, hidden: Sequence[int] = (64,)) -> GraphNetwork:
    """Each part from itself alone (figure 4b): no relation is used. Parts of 0 features are left out."""
    blocks: list[nn.Module] = []
    if dims.edges:
        blocks.append(EdgeBlock(dims, (*hidden, out.edges), (edges,)))
    if dims.nodes:
        blocks.append(NodeBlock(dims, (*hidden, out.nodes), (nodes,)))
    if dims.globals_:
        blocks.append(GlobalBlock(dims, (*hidden, out.globals_), (globals_,)))
    return GraphNetwork(*blocks)


def interaction_network(dims: Dims, out: Dims, hidden: Sequence[int] = (64,)) -> GraphNetwork:
    """Interaction network (Battaglia et al. 2016): edges from both ends, nodes from their in-edges; no globals."""
    read = (edges, receiver_nodes, sender_nodes) if dims.edges else (receiver_nodes, sender_nodes)
    return GraphNetwork(
        EdgeBlock(dims, (*hidden, out.edges), read),
        NodeBlock(replace(dims, edges=out.edges), (*hidden, out.nodes), (incoming_edges, nodes)),
    )


def message_passing_block(dims: Dims, out: Dims, hidden: Sequence[int] = (64,)) -> GraphNetwork:
    """Message passing (Gilmer et al. 2017; figure 4c): interaction network, then a readout of the nodes."""
    return GraphNetwork(
        *interaction_network(dims, out, hidden).blocks,
        GlobalBlock(replace(dims, nodes=out.nodes), (*hidden, out.globals_), (all_nodes,)),
    )


def relation_network(dims: Dims, out: Dims, hidden: Sequence[int] = (64,)) -> GraphNetwork:
    """Relation network (Santoro et al. 2017; figure 4e): the answer is phi_u of the sum of phi_e over pairs."""
    return GraphNetwork(
        EdgeBlock(dims, (*hidden, out.edges), (receiver_nodes, sender_nodes)),
        GlobalBlock(replace(dims, edges=out.edges), (*hidden, out.globals_), (all_edges,)),
    )


def deep_sets(dims: Dims, out: Dims, hidden: Sequence[int] = (64,)) -> GraphNetwork:
    """Deep sets (Zaheer et al. 2017; figure 4f): nodes one by one, then their sum; edges are not read."""
    read = (nodes, globals_) if dims.globals_ else (nodes,)
    return GraphNetwork(
        NodeBlock(dims, (*hidden, out.nodes), read),
        GlobalBlock(replace(dims, nodes=out.nodes), (*hidden, out.globals_), (all_nodes,)),
    )


def joined(first: Graph, second: Graph) -> Graph:
    """Two graphs on one relation, their attributes side by side."""

    def both(part: str) -> Tensor | None:
        parts = [getattr(graph, part) for graph in (first, second)]
        there = [part for part in parts if part is not None]
        return torch.cat(there, -1) if there else None

    return first.replace(nodes=both("nodes"), edges=both("edges"), globals_=both("globals_"))


class EncodeProcessDecode(nn.Module):
    """Encode, process, decode (Battaglia et al. 2018, section 4.3; figure 6c):

        g_0 = encoder(g),   g_t = core_t([g_0; g_{t-1}]),   result = decoder(g_T)

    Args:
        encoder, decoder: Graph -> Graph.
        cores: one network for every step: the same module as often as wished for shared weights, or one each.
    """

    def __init__(self, encoder: nn.Module, cores: Sequence[nn.Module], decoder: nn.Module) -> None:
        super().__init__()
        if not cores:
            raise ConfigError("EncodeProcessDecode with 0 steps", expected="at least one core")
        self.encoder, self.cores, self.decoder = encoder, nn.ModuleList(cores), decoder

    def forward(self, graph: Graph) -> Graph:
        start = latent = self.encoder(graph)
        for core in self.cores:
            latent = core(joined(start, latent))
        return self.decoder(latent)
