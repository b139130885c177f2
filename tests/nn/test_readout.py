"""Readouts equal loops over graphs; an empty graph gets finite numbers, an absent node counts for nothing."""

import pytest
import torch

from edgewise.errors import ConfigError
from edgewise.nn import AttentionReadout, GatedReadout, Set2Set, SumReadout
from edgewise.relation import Complete, Sparse, fused

COUNTS = [2, 0, 3, 1]
N, D, OUT = sum(COUNTS), 3, 2
NONE = torch.arange(0)
GRAPHS = Sparse(NONE, NONE, N, node_counts=torch.tensor(COUNTS)).graphs


def random(*size, seed=0):
    return torch.randn(*size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def members(values):
    return values.split(COUNTS, -2)


def set2set_by_loop(layer, nodes):
    state, out = None, torch.zeros(1, 2 * D, dtype=torch.float64)
    for _ in range(layer.steps):
        query, state = layer.lstm(out[None], state)
        weights = (nodes @ query[0, 0]).softmax(0)
        out = torch.cat([query[0], (weights @ nodes)[None]], -1)
    return out[0]


READOUTS = {
    "sum": (lambda: SumReadout(), lambda m, h: h.sum(0)),
    "mean": (lambda: SumReadout("mean"), lambda m, h: h.mean(0) if len(h) else torch.zeros(D).double()),
    "max": (lambda: SumReadout("max"), lambda m, h: h.amax(0) if len(h) else torch.zeros(D).double()),
    "attention": (
        lambda: AttentionReadout(D, OUT),
        lambda m, h: (m.score(h).softmax(0) * m.value(h)).sum(0),
    ),
    "set2set": (lambda: Set2Set(D, 3), set2set_by_loop),
    "set2set, two layers": (lambda: Set2Set(D, 2, layers=2), set2set_by_loop),
}
every_readout = pytest.mark.parametrize(("make", "loop"), READOUTS.values(), ids=READOUTS)


@every_readout
@pytest.mark.parametrize("least", [1, 10**9], ids=["fused", "plain"])
def test_it_equals_a_loop_over_graphs(make, loop, least, monkeypatch):
    monkeypatch.setattr(fused, "LEAST_EDGES", least)
    readout, nodes = make().double(), random(N, D)
    expected = torch.stack([loop(readout, own) for own in members(nodes)])
    torch.testing.assert_close(readout(GRAPHS, nodes), expected, rtol=1e-12, atol=1e-13)


def test_a_gated_readout_equals_a_loop_over_graphs():
    readout, nodes, initial = GatedReadout(D, 2, OUT, 4).double(), random(N, D), random(N, 2, seed=1)
    expected = []
    for own, first in zip(members(nodes), members(initial), strict=True):
        total = torch.zeros(OUT, dtype=torch.float64)
        for h, h0 in zip(own, first, strict=True):
            total = total + readout.gate(torch.cat([h, h0])).sigmoid() * readout.value(h)
        expected.append(total)
    torch.testing.assert_close(readout(GRAPHS, nodes, initial), torch.stack(expected), rtol=1e-12, atol=1e-13)


@every_readout
def test_the_order_of_nodes_does_not_matter(make, loop):
    readout, nodes = make().double(), random(N, D)
    order = torch.tensor([1, 0, 4, 2, 3, 5])  # within each graph
    torch.testing.assert_close(readout(GRAPHS, nodes[order]), readout(GRAPHS, nodes), rtol=1e-12, atol=1e-13)


@every_readout
def test_absent_nodes_count_for_nothing(make, loop):
    readout, nodes = make().double(), random(4, D)
    there = torch.tensor([True, False, True, True])
    for relation in (Complete(4), Sparse(NONE, NONE, 4)):
        masked = relation.masked(nodes=there).graphs
        expected = loop(readout, nodes[there])[None]
        for garbage in (1e5, -1e5):
            filled = nodes.masked_fill(~there[:, None], garbage)
            torch.testing.assert_close(readout(masked, filled), expected, rtol=1e-12, atol=1e-13)


@every_readout
def test_gradients_are_exact_beside_an_empty_graph(make, loop):
    readout, nodes = make().double(), random(N, D).requires_grad_()
    names, parameters = (
        zip(*readout.named_parameters(), strict=True) if list(readout.parameters()) else ((), ())
    )

    def function(nodes, *values):
        return torch.func.functional_call(readout, dict(zip(names, values, strict=True)), (GRAPHS, nodes))

    assert torch.autograd.gradcheck(function, (nodes, *parameters), fast_mode=True)


@every_readout
def test_leading_dimensions_are_a_batch(make, loop):
    readout, nodes = make().double(), random(2, N, D)
    expected = torch.stack([readout(GRAPHS, one) for one in nodes])
    torch.testing.assert_close(readout(GRAPHS, nodes), expected, rtol=1e-12, atol=1e-13)


def test_the_attention_of_a_readout_sums_to_one_in_each_graph_and_is_what_it_uses():
    readout, nodes = AttentionReadout(D, OUT).double(), random(N, D)
    weights = readout.attention(GRAPHS, nodes)
    torch.testing.assert_close(GRAPHS.sum(weights)[:, 0], torch.tensor([1, 0, 1, 1]).double())
    expected = GRAPHS.sum(weights * readout.value(nodes))
    torch.testing.assert_close(readout(GRAPHS, nodes), expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(
    ("name", "make"),
    [("AttentionReadout", lambda: AttentionReadout(D, OUT)), ("Set2Set", lambda: Set2Set(D, 2))],
)
def test_nodes_of_another_width_are_refused(name, make):
    with pytest.raises(ConfigError) as error:
        make()(GRAPHS, torch.zeros(N, 7))
    assert f"{name} was given nodes with 7 features" in str(error.value)
    assert f"expected: {D}, as it was made for" in str(error.value)


def test_a_gated_readout_refuses_both_of_another_width():
    readout = GatedReadout(D, 2, OUT)
    with pytest.raises(ConfigError, match=r"GatedReadout was given nodes with 7 features\n  expected: 3"):
        readout(GRAPHS, torch.zeros(N, 7), torch.zeros(N, 2))
    with pytest.raises(
        ConfigError, match=r"gate of GatedReadout was given nodes with 7 features\n  expected: 2"
    ):
        readout(GRAPHS, torch.zeros(N, D), torch.zeros(N, 7))
