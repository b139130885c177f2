"""One contract for every layer: numbers depend on the edges that are there, not on what holds them."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import nn

from edgewise.graph import Graph, batch, unbatch
from edgewise.nn import (
    Dims,
    EdgeBlock,
    EdgeNetwork,
    GlobalBlock,
    GraphAttention,
    GraphAttentionV2,
    GraphConvolution,
    GraphNetwork,
    MessagePassing,
    NodeBlock,
    PairMessage,
    TypedMessage,
)
from edgewise.nn import blocks as gn
from edgewise.nn.attention import (
    AdditiveScore,
    Attention,
    ConcatScore,
    DotScore,
    EmbeddedGaussianScore,
    GaussianScore,
    GeneralScore,
    HardSample,
    LocalMonotonic,
    LocalPredictive,
    LocationScore,
    Mean,
    MultiHeadAttention,
    RelativePositions,
    RenormalisedLocalPredictive,
    ScaledDotScore,
    Softmax,
    StraightThroughGumbel,
)
from edgewise.nn.graph.interaction import InteractionNetwork
from edgewise.nn.non_local import RectifiedConcatScore, ScaledSoftmax
from edgewise.relation import Band, Complete, Sparse, fused

NODE, EDGE, GLOBAL = 3, 2, 2
DIMS, OUT = Dims(NODE, EDGE, GLOBAL), Dims(3, 2, 2)
PARTS = ("nodes", "edges", "globals_")


def random(*size, seed=0):
    return torch.randn(*size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def boolean(*size, seed=0):
    return torch.rand(*size, generator=torch.Generator().manual_seed(seed)) < 0.6


@dataclass(frozen=True)
class Layer:
    """A module, and how it takes a graph to a graph that holds what it wrote.

    Args:
        by_place: whether the number of a node means its place in a sentence.
    """

    make: Callable[[], nn.Module]
    run: Callable[[nn.Module, Graph], Graph]
    by_place: bool = False


def only_nodes(graph, nodes):
    return Graph(graph.relation, nodes)


def on_nodes(make):
    return Layer(make, lambda m, g: only_nodes(g, m(g.relation, g.nodes)))


def on_edges(make):
    return Layer(make, lambda m, g: only_nodes(g, m(g.relation, g.nodes, g.edges)))


def on_graph(make):
    return Layer(make, lambda m, g: m(g))


def score(make, by_place=False):
    return Layer(make, lambda m, g: Graph(g.relation, edges=m(g.relation, g.nodes, g.nodes)), by_place)


def attention(align, by_place=False):
    """An alignment, in evaluation: a draw is then the likeliest."""
    return Layer(
        lambda: Attention(AdditiveScore(NODE, NODE, 2), align()).eval(),
        lambda m, g: Graph(
            g.relation,
            m(g.relation, g.nodes, m.keys(g.nodes), g.nodes.square()),
            m.attention(g.relation, g.nodes, m.keys(g.nodes)),
        ),
        by_place,
    )


def multi_head(make, by_place=False):
    return Layer(
        make,
        lambda m, g: Graph(g.relation, m(g.relation, g.nodes), m.attention(g.relation, g.nodes)),
        by_place,
    )


LAYERS = {
    "GraphConvolution": on_nodes(lambda: GraphConvolution(NODE, 4, bias=True)),
    "GraphConvolution, narrower": on_nodes(lambda: GraphConvolution(NODE, 2)),
    "GraphConvolution, weighted": Layer(
        lambda: GraphConvolution(NODE, 4),
        lambda m, g: only_nodes(g, m(g.relation, g.nodes, g.edges[..., :1].square() + 0.5)),
    ),
    "GraphAttention": on_nodes(lambda: GraphAttention(NODE, 2, 2)),
    "GraphAttention, averaged": on_nodes(lambda: GraphAttention(NODE, 2, 2, average=True)),
    "GraphAttentionV2": on_nodes(lambda: GraphAttentionV2(NODE, 2, 2)),
    "EdgeNetwork": on_edges(lambda: EdgeNetwork(EDGE, NODE, 2, hidden=3)),
    "EdgeNetwork, linear": on_edges(lambda: EdgeNetwork(EDGE, NODE, 2, hidden=0)),
    "TypedMessage": on_edges(lambda: TypedMessage(EDGE, NODE, 4)),
    "PairMessage": on_edges(lambda: PairMessage(NODE, EDGE, 2, hidden=3)),
    "PairMessage without edges": Layer(
        lambda: PairMessage(NODE, 0, 2, hidden=3),
        lambda m, g: only_nodes(g, m(g.relation, g.nodes, None)),
    ),
    "MessagePassing": on_edges(lambda: MessagePassing(EdgeNetwork(EDGE, NODE, 2, 3), NODE, 2, message_dim=2)),
    "InteractionNetwork": Layer(
        lambda: InteractionNetwork(
            NODE, EDGE, external_dim=NODE, effect_dim=2, relation_hidden=(3,), object_hidden=()
        ),
        lambda m, g: only_nodes(g, m(g, g.nodes.square())),
    ),
    "InteractionNetwork without attributes of relations": Layer(
        lambda: InteractionNetwork(NODE, effect_dim=2, relation_hidden=(3,), object_hidden=(3,)),
        lambda m, g: only_nodes(g, m(g)),
    ),
    "edge block": on_graph(lambda: EdgeBlock(DIMS, (3, 2))),
    "edge block of globals": on_graph(lambda: EdgeBlock(DIMS, (3, 2), (gn.globals_,))),
    "node block": on_graph(lambda: NodeBlock(DIMS, (3, 2))),
    "node block of globals": on_graph(lambda: NodeBlock(DIMS, (3, 2), (gn.globals_,))),
    "node block, outgoing and maximum": on_graph(
        lambda: NodeBlock(DIMS, (3, 2), (gn.outgoing_edges("mean"), gn.incoming_edges("max"), gn.nodes))
    ),
    "global block": on_graph(lambda: GlobalBlock(DIMS, (3, 2))),
    "global block, mean and maximum": on_graph(
        lambda: GlobalBlock(DIMS, (3, 2), (gn.all_edges("max"), gn.all_nodes("mean"), gn.globals_))
    ),
    "global block, maximum and mean": on_graph(
        lambda: GlobalBlock(DIMS, (3, 2), (gn.all_edges("mean"), gn.all_nodes("max")))
    ),
    "full block": on_graph(lambda: gn.full_block(DIMS, OUT, (3,))),
    "independent block": on_graph(lambda: gn.independent_block(DIMS, OUT, (3,))),
    "interaction network": on_graph(lambda: gn.interaction_network(DIMS, OUT, (3,))),
    "message passing block": on_graph(lambda: gn.message_passing_block(DIMS, OUT, (3,))),
    "relation network": on_graph(lambda: gn.relation_network(DIMS, OUT, (3,))),
    "deep sets": on_graph(lambda: gn.deep_sets(DIMS, OUT, (3,))),
    "two full blocks": on_graph(
        lambda: GraphNetwork(gn.full_block(DIMS, OUT, (3,)), gn.full_block(OUT, OUT, (3,)))
    ),
    "score, dot": score(DotScore),
    "score, scaled dot": score(ScaledDotScore),
    "score, general": score(lambda: GeneralScore(NODE, NODE)),
    "score, additive": score(lambda: AdditiveScore(NODE, NODE, 2)),
    "score, concat": score(lambda: ConcatScore(NODE, NODE, 2)),
    "score, location": score(lambda: LocationScore(NODE, 12), by_place=True),
    "score, gaussian": score(GaussianScore),
    "score, embedded gaussian": score(lambda: EmbeddedGaussianScore(NODE, NODE, 2)),
    "score, rectified concat": score(lambda: RectifiedConcatScore(NODE, NODE, 2)),
    "attention, softmax": attention(Softmax),
    "attention, scaled softmax": attention(lambda: ScaledSoftmax(2)),
    "attention, mean": attention(Mean),
    "attention, monotonic": attention(lambda: LocalMonotonic(1), by_place=True),
    "attention, predictive": attention(lambda: LocalPredictive(NODE, 2, 2), by_place=True),
    "attention, predictive and renormalised": attention(
        lambda: RenormalisedLocalPredictive(NODE, 2, 2), by_place=True
    ),
    "attention, hard": attention(HardSample),
    "attention, straight through": attention(StraightThroughGumbel),
    "multi-head attention": multi_head(lambda: MultiHeadAttention(NODE, NODE)),
    "multi-head attention, relative": multi_head(
        lambda: MultiHeadAttention(NODE, 1, relative=RelativePositions(NODE, 1)), by_place=True
    ),
    "multi-head attention, relative a head": multi_head(
        lambda: MultiHeadAttention(NODE, NODE, relative=RelativePositions(1, 2, NODE)), by_place=True
    ),
    "multi-head attention, relative keys": multi_head(
        lambda: MultiHeadAttention(NODE, NODE, relative=RelativePositions(1, 2, values=False)), by_place=True
    ),
}
every_layer = pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
WITHOUT_PLACES = {name: layer for name, layer in LAYERS.items() if not layer.by_place}
every_layer_without_places = pytest.mark.parametrize("layer", WITHOUT_PLACES.values(), ids=WITHOUT_PLACES)
EXACT = {name: layer for name, layer in LAYERS.items() if name != "attention, straight through"}
"""Layers whose gradient is the derivative of what they compute, and not on purpose another."""
every_exact_layer = pytest.mark.parametrize("layer", EXACT.values(), ids=EXACT)

SLOTTED = {
    "complete": Complete(4),
    "no loops": Complete(4, loops=False),
    "causal": Complete(4, causal=True),
    "band": Band(5, 1, 2),
    "band without loops": Band(4, 2, 0, loops=False),
    "complete, edges left out": Complete(4).masked(edges=boolean(4, 4)),
    "complete, a mask each": Complete(4).masked(edges=boolean(2, 4, 4, seed=1)),
    "band, a mask each": Band(4, 1, 1).masked(edges=boolean(2, 4, 3, seed=2)),
    "complete, nodes left out": Complete(4, loops=False).masked(
        nodes=torch.tensor([True, False, True, True])
    ),
}
every_slotted = pytest.mark.parametrize("relation", SLOTTED.values(), ids=SLOTTED)


def made(layer):
    torch.manual_seed(0)
    module = layer.make().double()
    with torch.no_grad():
        for parameter in module.parameters():  # biases that are not 0
            parameter.add_(0.1 * torch.randn_like(parameter))
    return module


def graph_on(relation, lead=(), seed=0):
    return Graph(
        relation,
        random(*lead, relation.n_receivers, NODE, seed=seed),
        random(*lead, *relation.layout, EDGE, seed=seed + 1),
        random(*lead, relation.n_graphs, GLOBAL, seed=seed + 2),
    )


def sparse_of(graph):
    relation = graph.relation
    edges = None if graph.edges is None else relation.edges_to_sparse(graph.edges)
    return Graph(relation.to_sparse(), graph.nodes, edges, graph.globals_)


def parts_of(graph):
    return {part: value for part in PARTS if (value := getattr(graph, part)) is not None}


def assert_same(found, expected):
    assert parts_of(found).keys() == parts_of(expected).keys()
    for part, value in parts_of(expected).items():
        torch.testing.assert_close(
            getattr(found, part), value, rtol=1e-11, atol=1e-12, msg=lambda m, p=part: f"{p}: {m}"
        )


def outcome(graph):
    """A number that every entry that is there moves in its own way."""
    return sum(
        (value.sin() * (1 + random(*value.shape[-2:], seed=9))).sum() for value in parts_of(graph).values()
    )


def leaf(graph):
    return graph.replace(**{part: value.clone().requires_grad_() for part, value in parts_of(graph).items()})


@every_layer
@every_slotted
def test_numbers_and_gradients_do_not_depend_on_the_layout(layer, relation):
    module = made(layer)
    graph = leaf(graph_on(relation, (2,)))
    twin = leaf(sparse_of(graph_on(relation, (2,))))
    out, other = sparse_of(layer.run(module, graph)), layer.run(module, twin)
    assert_same(out, other)

    ours, theirs = (
        torch.autograd.grad(
            outcome(result), [*parts_of(given).values(), *module.parameters()], allow_unused=True
        )
        for result, given in ((out, graph), (other, twin))
    )
    edges = list(parts_of(graph)).index("edges")
    ours = list(ours)
    if ours[edges] is not None:
        ours[edges] = relation.edges_to_sparse(ours[edges])
    for left, right in zip(ours, theirs, strict=True):
        assert (left is None) == (right is None)
        if left is not None and right is not None:
            torch.testing.assert_close(left, right, rtol=1e-10, atol=1e-11)


@every_layer
@every_slotted
def test_leading_dimensions_are_graphs_one_by_one(layer, relation):
    module, together = made(layer), graph_on(relation, (2,))
    out = layer.run(module, together)
    for at in range(2):
        present = relation.present
        if present is not None and present.dim() > len(relation.layout):
            present = present[at]
        alone = type(relation)(**{**vars(relation), "present": present})
        one = Graph(alone, together.nodes[at], together.edges[at], together.globals_[at])
        expected = layer.run(module, one)
        assert_same(out.replace(relation=alone, **{p: v[at] for p, v in parts_of(out).items()}), expected)


SENDERS, RECEIVERS = torch.tensor([2, 0, 1, 0, 3, 1, 1]), torch.tensor([3, 1, 3, 3, 3, 0, 0])
SPARSE = {
    "isolated, parallel, loop": Sparse(SENDERS, RECEIVERS, 5),
    "no edges": Sparse(SENDERS[:0], RECEIVERS[:0], 3),
    "one node": Sparse(SENDERS[:0], RECEIVERS[:0], 1),
    "no nodes": Sparse(SENDERS[:0], RECEIVERS[:0], 0),
    "everything left out": Sparse(SENDERS, RECEIVERS, 5).masked(edges=torch.zeros(7, dtype=torch.bool)),
    "nobody there": Sparse(SENDERS, RECEIVERS, 5).masked(nodes=torch.zeros(5, dtype=torch.bool)),
    "one node without a loop": Complete(1, loops=False),
}
every_sparse = pytest.mark.parametrize("relation", SPARSE.values(), ids=SPARSE)


@every_layer
@every_sparse
def test_isolated_nodes_and_missing_edges_give_finite_numbers_and_gradients(layer, relation):
    module, graph = made(layer), leaf(graph_on(relation))
    out = layer.run(module, graph)
    assert all(value.isfinite().all() for value in parts_of(out).values())
    shapes = {"nodes": (relation.n_receivers,), "edges": relation.layout, "globals_": (1,)}
    assert all(value.shape[:-1] == shapes[part] for part, value in parts_of(out).items())
    wanted = [*parts_of(graph).values(), *module.parameters()]
    total = outcome(out)
    if total.requires_grad:  # a sum of typed messages over no edges is a constant
        for grad in torch.autograd.grad(total, wanted, allow_unused=True):
            assert grad is None or grad.isfinite().all()


@every_layer_without_places
def test_permuting_nodes_permutes_output(layer):
    module, graph = made(layer), graph_on(SPARSE["isolated, parallel, loop"])
    place = torch.tensor([3, 0, 4, 1, 2])  # node i goes to place[i]
    relation = Sparse(place[graph.relation.senders], place[graph.relation.receivers], 5)
    moved = Graph(relation, torch.empty_like(graph.nodes), graph.edges[relation.order], graph.globals_)
    moved.nodes[place] = graph.nodes
    out, expected = layer.run(module, moved), layer.run(module, graph)
    back = {
        "nodes": lambda values: values[place],
        "edges": lambda values: values[relation.order.argsort()],
        "globals_": lambda values: values,
    }
    assert_same(
        expected.replace(**{part: back[part](value) for part, value in parts_of(out).items()}), expected
    )


@every_layer_without_places
def test_a_disjoint_union_is_its_graphs_one_by_one(layer):
    module = made(layer)
    relations = [
        SPARSE["isolated, parallel, loop"],
        SPARSE["no nodes"],
        SPARSE["no edges"],
        Sparse(torch.tensor([0, 0]), torch.tensor([0, 1]), 2),
        SPARSE["one node"],
    ]
    graphs = [graph_on(relation, seed=10 * at) for at, relation in enumerate(relations)]
    parts = unbatch(layer.run(module, batch(graphs)))
    for found, graph in zip(parts, graphs, strict=True):
        assert_same(found, layer.run(module, graph))


NODES_THERE = torch.tensor([True, False, True, True, False])
WITH_ABSENT = {
    "complete": Complete(5),
    "no loops": Complete(5, loops=False),
    "causal": Complete(5, causal=True),
    "band": Band(5, 1, 2),
    "sparse": Sparse(SENDERS, RECEIVERS, 5),
}


@every_layer_without_places
@pytest.mark.parametrize("relation", WITH_ABSENT.values(), ids=WITH_ABSENT)
def test_whatever_stands_in_absent_nodes_changes_nothing_for_those_that_are_there(layer, relation):
    module = made(layer)
    graph = graph_on(relation.masked(nodes=NODES_THERE))
    whole = sparse_of(graph_on(relation)).relation
    kept = NODES_THERE[whole.senders] & NODES_THERE[whole.receivers]
    number = NODES_THERE.cumsum(0) - 1
    left = Sparse(number[whole.senders[kept]], number[whole.receivers[kept]], 3)
    few = Graph(left, graph.nodes[NODES_THERE], relation.edges_to_sparse(graph.edges)[kept], graph.globals_)
    expected = layer.run(module, few)

    there = graph.relation.mask
    for garbage in (1e6, -1e6):
        filled = graph.replace(
            nodes=graph.nodes.masked_fill(~NODES_THERE[:, None], garbage),
            edges=graph.edges.masked_fill(~there[..., None], garbage),
        )
        out = layer.run(module, filled)
        seen = {part: value for part, value in parts_of(out).items() if part == "globals_"}
        if out.nodes is not None:
            seen["nodes"] = out.nodes[NODES_THERE]
        if out.edges is not None:
            seen["edges"] = out.edges[there.expand(out.edges.shape[:-1])]
        assert_same(expected.replace(**seen), expected)


@pytest.fixture
def fused_loops(monkeypatch):
    """Numba's loops also for small cases."""
    pytest.importorskip("numba")
    monkeypatch.setattr(fused, "LEAST_EDGES", 1)


TINY = Sparse(
    torch.tensor([2, 0, 1, 0]), torch.tensor([0, 1, 0, 0]), 3
)  # node 2 hears nobody, 0 -> 0 is a loop


def as_function(layer, module, graph):
    """A layer as a function of its parameters and of the graph's attributes, with what to call it with."""
    named = dict(module.named_parameters())

    def function(*values):
        given = dict(zip(named, values, strict=False))
        changed = graph.replace(**dict(zip(PARTS, values[len(named) :], strict=True)))
        run = Bound(module, layer)
        out = torch.func.functional_call(run, {f"module.{name}": v for name, v in given.items()}, (changed,))
        return tuple(parts_of(out).values())

    values = [*named.values(), *parts_of(graph).values()]
    return function, [value.detach().clone().requires_grad_() for value in values]


class Bound(nn.Module):
    """A layer's module with the way to run it as its forward."""

    def __init__(self, module, layer):
        super().__init__()
        self.module, self.layer = module, layer

    def forward(self, graph):
        return self.layer.run(self.module, graph)


@every_exact_layer
@pytest.mark.parametrize("relation", [TINY, Complete(3, loops=False)], ids=["sparse", "complete"])
def test_gradients_are_exact(layer, relation):
    function, values = as_function(layer, made(layer), graph_on(relation))
    assert torch.autograd.gradcheck(function, values)


@every_exact_layer
@pytest.mark.usefixtures("fused_loops")
def test_gradients_of_fused_loops_are_exact(layer):
    function, values = as_function(layer, made(layer), graph_on(TINY))
    assert torch.autograd.gradcheck(function, values)


SMOOTH = [
    name
    for name in EXACT
    if any(part in name for part in ("Graph", "Message", "EdgeNetwork", "score", "attention"))
]


@pytest.mark.parametrize("name", SMOOTH)
def test_gradients_of_gradients_are_exact(name):
    function, values = as_function(LAYERS[name], made(LAYERS[name]), graph_on(TINY))
    assert torch.autograd.gradgradcheck(function, values, fast_mode=True)


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.usefixtures("fused_loops")
def test_gradients_of_gradients_of_fused_loops_are_exact(name):
    function, values = as_function(LAYERS[name], made(LAYERS[name]), graph_on(TINY))
    assert torch.autograd.gradgradcheck(function, values, fast_mode=True)


@every_layer
@every_sparse
@pytest.mark.usefixtures("fused_loops")
def test_fused_loops_give_the_same_numbers(layer, relation, monkeypatch):
    module, graph = made(layer), graph_on(relation, (2,))
    found = layer.run(module, graph)
    monkeypatch.setattr(fused, "LEAST_EDGES", 10**9)
    assert_same(found, layer.run(module, graph))
