"""Models go through torch.compile without a graph break, and through torch.export with the graph as an input."""

import pytest
import torch

from edgewise.graph import Graph
from edgewise.models import GAT, GCN, MPNN, GraphRegressor, dense_input
from edgewise.nn import AttentionReadout, EdgeNetwork, MessagePassing
from edgewise.nn.blocks import Dims, full_block
from edgewise.relation import Sparse, fused

N = 6


def index(seed=0, n_edges=14):
    return torch.randint(N, (2, n_edges), generator=torch.Generator().manual_seed(seed))


def within(seed=0):
    """A union of two graphs of three nodes."""
    senders, receivers = index(seed)
    half = torch.arange(14) % 2 * 3
    draw = torch.Generator().manual_seed(seed)
    sizes = {"nodes": (N, 5), "edges": (14, 4), "globals_": (2, 3)}
    parts = {name: torch.randn(*size, generator=draw) for name, size in sizes.items()}
    return Graph.from_edges(senders % 3 + half, receivers % 3 + half, n_node=(3, 3), **parts)


SYSTEMS = {
    "gcn": lambda: (GCN(dense_input(5, 4), 4, 3), lambda net, g: net(g.relation, g.nodes)),
    "gat": lambda: (GAT(dense_input(5, 6), 3, 2, 3), lambda net, g: net(g.relation, g.nodes)),
    "mpnn": lambda: (MPNN(5, 4, dim=6, edge_hidden=3), lambda net, g: net(g)),
    "gn block": lambda: (
        full_block(Dims(5, 4, 3), Dims(2, 2, 2), (6,)),
        lambda net, g: torch.cat([net(g).nodes, net(g).edges, net(g).globals_]),
    ),
}
WITHOUT_LSTM = {name: make for name, make in SYSTEMS.items() if name != "mpnn"} | {
    "message passing": lambda: (
        GraphRegressor(
            torch.nn.Linear(5, 6),
            MessagePassing(EdgeNetwork(4, 6, 6, 3), 6, 2),
            AttentionReadout(6, 4),
            torch.nn.Linear(4, 1),
        ),
        lambda net, g: net(g),
    )
}
"""Dynamo does not take the LSTM of set2set."""
every_system = pytest.mark.parametrize("make", SYSTEMS.values(), ids=SYSTEMS)


@pytest.mark.parametrize("make", WITHOUT_LSTM.values(), ids=WITHOUT_LSTM)
@pytest.mark.parametrize("loops", ["torch", "numba"])
def test_compiling_leaves_no_graph_break_and_the_same_numbers(make, loops, monkeypatch):
    if loops == "numba":
        pytest.importorskip("numba")
        monkeypatch.setattr(fused, "LEAST_EDGES", 1)
    net, read = make()
    net.eval()
    g = within()
    torch._dynamo.reset()
    compiled = torch.compile(
        lambda nodes: read(net, g.replace(nodes=nodes)), fullgraph=True, backend="aot_eager"
    )
    results = []
    for run in (compiled, lambda nodes: read(net, g.replace(nodes=nodes))):
        nodes = g.nodes.clone().requires_grad_()
        out = run(nodes)
        results.append((out.detach(), *torch.autograd.grad(out.square().sum(), nodes)))
    for left, right in zip(*results, strict=True):
        torch.testing.assert_close(left, right, rtol=1e-5, atol=1e-6)


class OnEdges(torch.nn.Module):
    """A model of a graph that is fixed but for its nodes."""

    def __init__(self, net, read, like):
        super().__init__()
        self.net, self.read, self.like = net, read, like

    def forward(self, nodes):
        return self.read(self.net, self.like.replace(nodes=nodes))


@pytest.mark.filterwarnings(
    "ignore:The tensor attributes .* were assigned during export"
)  # nn.LSTM's, in set2set
@every_system
def test_an_exported_model_gives_the_same_numbers(make):
    net, read = make()
    g = within()
    model = OnEdges(net.eval(), read, g)
    program = torch.export.export(model, (g.nodes,))
    other = torch.randn(N, 5, generator=torch.Generator().manual_seed(7))
    torch.testing.assert_close(program.module()(other), model(other), rtol=1e-5, atol=1e-6)


def test_a_graph_is_an_input_of_an_exported_model():
    net = full_block(Dims(5, 4, 3), Dims(2, 2, 2), (6,)).eval()
    g = within()
    program = torch.export.export(net, (g,))
    other = within(seed=3)
    found, expected = program.module()(other), net(other)
    assert isinstance(found.relation, Sparse)
    for name in ("nodes", "edges", "globals_"):
        torch.testing.assert_close(getattr(found, name), getattr(expected, name), rtol=1e-5, atol=1e-6)
