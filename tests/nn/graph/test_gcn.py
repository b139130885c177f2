"""Graph convolution is the matrix formula of Kipf & Welling (2017), eq. 2, on any relation."""

import pytest
import torch

from edgewise.errors import ConfigError
from edgewise.nn import GraphConvolution
from edgewise.nn.graph import propagate
from edgewise.relation import Complete, Sparse, fused

PAIRS = [(0, 1), (1, 2), (2, 0), (2, 3), (5, 3)]  # node 4 has no neighbour
SENDERS, RECEIVERS = torch.tensor([*PAIRS, *((b, a) for a, b in PAIRS)]).T
UNDIRECTED = Sparse(SENDERS, RECEIVERS, 6)
DIRECTED = Sparse(
    torch.tensor([2, 0, 1, 0, 3]), torch.tensor([3, 1, 3, 3, 0]), 5
)  # 2 hears nobody, 4 is alone


def random(*size, seed=0):
    return torch.randn(*size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def made(in_dim, out_dim, bias=False):
    torch.manual_seed(0)
    return GraphConvolution(in_dim, out_dim, bias=bias).double()


@pytest.fixture(params=["plain", "fused"])
def loops(request, monkeypatch):
    """Torch's operations, and Numba's loops also for small cases."""
    if request.param == "fused":
        pytest.importorskip("numba")
        monkeypatch.setattr(fused, "LEAST_EDGES", 1)


def assert_same(found, expected):
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.usefixtures("loops")
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("out_dim", [2, 3, 5], ids=["narrower", "as wide", "wider"])
def test_it_is_the_matrix_formula(out_dim, bias):
    layer, nodes = made(3, out_dim, bias), random(6, 3)
    shift = 0.0
    if bias:
        torch.nn.init.normal_(layer.bias)
        shift = layer.bias
    looped = torch.eye(6, dtype=torch.float64)  # A + I
    looped[RECEIVERS, SENDERS] = 1
    root = looped.sum(1).rsqrt().diag()
    expected = root @ looped @ root @ nodes @ layer.linear.weight.T + shift
    assert_same(layer(UNDIRECTED.with_loops(), nodes), expected)


@pytest.mark.usefixtures("loops")
def test_a_directed_edge_weighs_by_the_out_degree_of_its_sender_and_the_in_degree_of_its_receiver():
    nodes, expected = random(5, 2), torch.zeros(5, 2, dtype=torch.float64)
    senders, receivers = DIRECTED.senders.tolist(), DIRECTED.receivers.tolist()
    for s, r in zip(senders, receivers, strict=True):
        expected[r] += nodes[s] / (senders.count(s) * receivers.count(r)) ** 0.5
    assert_same(propagate(DIRECTED, nodes), expected)


@pytest.mark.usefixtures("loops")
def test_a_weighted_adjacency_has_sums_of_weights_as_degrees():
    weights, nodes = random(5, 1, seed=1).square(), random(5, 2)
    matrix = DIRECTED.to_dense(weights)[..., 0]
    received, sent = (torch.where(d > 0, d, 1).rsqrt() for d in (matrix.sum(1), matrix.sum(0)))
    assert_same(propagate(DIRECTED, nodes, weights), received.diag() @ matrix @ sent.diag() @ nodes)


def test_weights_of_1_are_no_weights():
    nodes = random(6, 3)
    ones = torch.ones(UNDIRECTED.n_edges, 1, dtype=torch.float64)
    assert_same(propagate(UNDIRECTED, nodes, ones), propagate(UNDIRECTED, nodes))


def test_scaling_a_weighted_adjacency_changes_nothing():
    nodes, weights = random(6, 3), 0.1 + random(UNDIRECTED.n_edges, 1, seed=1).square()
    assert_same(propagate(UNDIRECTED, nodes, 7 * weights), propagate(UNDIRECTED, nodes, weights))


def test_a_complete_relation_with_loops_gives_every_node_the_mean():
    nodes = random(2, 4, 3)
    assert_same(propagate(Complete(4), nodes), nodes.mean(-2, keepdim=True).expand(2, 4, 3))


def test_constant_nodes_of_a_regular_graph_stay_as_they_are():
    ring = torch.arange(5)
    relation = Sparse(torch.cat([ring, ring]), torch.cat([(ring + 1) % 5, (ring - 1) % 5]), 5).with_loops()
    constant = random(1, 3).expand(5, 3)
    assert_same(propagate(relation, constant), constant)


def test_a_node_without_in_edges_gets_the_bias_alone():
    layer = made(3, 2, bias=True)
    with torch.no_grad():
        layer.bias.copy_(torch.tensor([0.5, -2.0]))
    out = layer(DIRECTED, random(5, 3))
    assert torch.equal(out[[2, 4]], layer.bias.expand(2, 2))


@pytest.mark.parametrize("of", ["everything", "one receiver"])
def test_weights_of_0_give_0_and_gradients_without_nan(of):
    left = torch.zeros(5) if of == "everything" else (DIRECTED.receivers != 3)
    weights = (random(5, 1, seed=1).square() * left[:, None]).requires_grad_()
    nodes = random(5, 2).requires_grad_()
    out = propagate(DIRECTED, nodes, weights)
    assert not out[3].any()
    for grad in torch.autograd.grad(out.square().sum(), (nodes, weights)):
        assert grad.isfinite().all()


def test_gradients_of_edge_weights_are_exact():
    weights = (0.5 + random(5, 1, seed=1).square()).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda x, w: propagate(DIRECTED, x, w), (random(5, 2).requires_grad_(), weights)
    )


def test_the_narrower_side_is_propagated(monkeypatch):
    widths = []
    inner = Sparse.propagate

    def watched(self, nodes, *scales):
        widths.append(nodes.shape[-1])
        return inner(self, nodes, *scales)

    monkeypatch.setattr(Sparse, "propagate", watched)
    made(3, 2)(UNDIRECTED, random(6, 3))
    made(3, 5)(UNDIRECTED, random(6, 3))
    assert widths == [2, 3]


def test_weights_start_as_glorot_has_them_and_biases_at_0():
    torch.manual_seed(0)
    layer = GraphConvolution(300, 200, bias=True)
    bound = (6 / 500) ** 0.5
    largest = float(layer.linear.weight.detach().abs().max())
    assert 0.99 * bound < largest <= bound
    assert not layer.bias.any()


def test_nodes_of_another_width_are_refused():
    with pytest.raises(ConfigError) as error:
        made(3, 2)(UNDIRECTED, random(6, 4))
    assert "GraphConvolution was given nodes with 4 features" in str(error.value)
    assert "expected: 3, as it was made for" in str(error.value)
