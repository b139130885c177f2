"""The same weights on the same graph give the same numbers and gradients as PyTorch Geometric."""

import warnings

import pytest
import torch
from torch import nn

from edgewise.errors import ConfigError
from edgewise.graph import Graph
from edgewise.nn import (
    EdgeNetwork,
    GraphAttention,
    GraphAttentionV2,
    GraphConvolution,
    MessagePassing,
    Set2Set,
    TypedMessage,
    pyg_weights,
)
from edgewise.nn.blocks import Dims, EdgeBlock, GlobalBlock, GraphNetwork, NodeBlock
from edgewise.relation import Sparse

with warnings.catch_warnings():  # its imports use what torch deprecates
    warnings.simplefilter("ignore")
    pytest.importorskip("torch_geometric")
    from torch_geometric import nn as pyg

DIRECTED = torch.tensor([[2, 0, 1, 4, 0, 3, 1], [3, 1, 3, 0, 3, 0, 4]])
PAIRS = torch.tensor([[0, 0, 1, 3], [1, 2, 2, 4]])
UNDIRECTED = torch.cat([PAIRS, PAIRS.flip(0)], 1)
N, D = 6, 3  # node 5 is isolated


def random(*size, seed=0):
    return torch.randn(*size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def relation_of(edge_index, n=N):
    return Sparse(edge_index[0], edge_index[1], n)


def shaken(module):
    """In float64, with biases that are not 0."""
    module = module.double()
    with torch.no_grad():
        for at, parameter in enumerate(module.parameters()):
            parameter.add_(0.3 * random(*parameter.shape, seed=at))
    return module


def assert_same_numbers_and_gradients(ours, theirs, inputs, parameters, convert):
    """Both functions of the same inputs; `parameters` are our module and theirs, `convert` renames theirs."""
    module, layer = parameters
    out, expected = ours(*inputs), theirs(*inputs)
    torch.testing.assert_close(out, expected, rtol=1e-11, atol=1e-12)
    weights = random(*expected.shape, seed=5)
    mine = torch.autograd.grad((out * weights).sum(), [*inputs, *module.parameters()])
    names, values = zip(*layer.named_parameters(), strict=True)
    grads = torch.autograd.grad((expected * weights).sum(), [*inputs, *values])
    for left, right in zip(mine, grads[: len(inputs)], strict=False):
        torch.testing.assert_close(left, right, rtol=1e-10, atol=1e-11)
    renamed = convert(dict(zip(names, grads[len(inputs) :], strict=True)))
    for (name, _), grad in zip(module.named_parameters(), mine[len(inputs) :], strict=True):
        torch.testing.assert_close(grad, renamed[name], rtol=1e-10, atol=1e-11)


def compare(module, layer, convert, ours, theirs, *inputs):
    module.double().load_state_dict(convert(layer.state_dict()))
    given = [value.requires_grad_() for value in inputs]
    assert_same_numbers_and_gradients(ours, theirs, given, (module, layer), convert)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("out_dim", [2, 5])
def test_gcn(bias, out_dim):
    layer, module = shaken(pyg.GCNConv(D, out_dim, bias=bias)), GraphConvolution(D, out_dim, bias=bias)
    relation = relation_of(UNDIRECTED).with_loops()
    compare(
        module,
        layer,
        pyg_weights.gcn_from_pyg,
        lambda x: module(relation, x),
        lambda x: layer(x, UNDIRECTED),
        random(N, D),
    )


def test_gcn_with_weights():
    layer, module = shaken(pyg.GCNConv(D, 2)), GraphConvolution(D, 2, bias=True)
    plain = relation_of(UNDIRECTED)
    relation = plain.with_loops()

    def with_loops(weights):
        ones = torch.ones(N, dtype=torch.float64)
        return torch.cat([ones, torch.cat([weights, weights])[plain.order]])[relation.order, None]

    compare(
        module,
        layer,
        pyg_weights.gcn_from_pyg,
        lambda x, w: module(relation, x, with_loops(w)),
        lambda x, w: layer(x, UNDIRECTED, torch.cat([w, w])),
        random(N, D),
        0.1 + random(4).square(),
    )


@pytest.mark.parametrize("average", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_gat(average, bias):
    layer = shaken(pyg.GATConv(D, 2, heads=3, concat=not average, bias=bias, negative_slope=0.3))
    module = GraphAttention(D, 2, 3, average=average, bias=bias, slope=0.3)
    relation = relation_of(DIRECTED).with_loops()
    compare(
        module,
        layer,
        pyg_weights.gat_from_pyg,
        lambda x: module(relation, x),
        lambda x: layer(x, DIRECTED),
        random(N, D),
    )
    _, (edges, weights) = layer(random(N, D), DIRECTED, return_attention_weights=True)
    dense = torch.zeros(N, N, 3, dtype=torch.float64)
    dense[edges[1], edges[0]] = weights.detach()
    torch.testing.assert_close(
        relation.to_dense(module.attention(relation, random(N, D))), dense, rtol=1e-11, atol=1e-12
    )


@pytest.mark.parametrize("bias", [True, False])
def test_gatv2(bias):
    layer = shaken(pyg.GATv2Conv(D, 2, heads=3, bias=bias))
    module = GraphAttentionV2(D, 2, 3, bias=bias)
    relation = relation_of(DIRECTED).with_loops()
    compare(
        module,
        layer,
        pyg_weights.gatv2_from_pyg,
        lambda x: module(relation, x),
        lambda x: layer(x, DIRECTED),
        random(N, D),
    )


@pytest.mark.parametrize("hidden", [0, 4])
def test_nnconv(hidden):
    network = (
        nn.Sequential(nn.Linear(2, hidden), nn.ReLU(), nn.Linear(hidden, D * 5))
        if hidden
        else nn.Linear(2, D * 5)
    )
    layer = shaken(pyg.NNConv(D, 5, network, aggr="add", root_weight=False, bias=False))
    module, relation = EdgeNetwork(2, D, 5, hidden), relation_of(DIRECTED)
    compare(
        module,
        layer,
        lambda state: pyg_weights.nnconv_from_pyg(state, D),
        lambda x, e: module(relation, x, e[relation.order]),
        lambda x, e: layer(x, DIRECTED, e),
        random(N, D),
        random(7, 2, seed=1),
    )


def test_gated_graph_convolution_is_one_typed_message_and_a_gru():
    steps = 3
    layer = shaken(pyg.GatedGraphConv(D, num_layers=steps))
    with torch.no_grad():
        layer.weight[1:] = layer.weight[0]  # theirs has a matrix a step, the paper one for all
    module, relation = MessagePassing(TypedMessage(1, D, D), D, steps).double(), relation_of(DIRECTED)

    def convert(state):  # one matrix; a tied gradient adds up over steps
        same = {
            f"update.{name.removeprefix('rnn.')}": value for name, value in state.items() if name != "weight"
        }
        return same | {"message.matrices": state["weight"][:1]}

    def as_gradients(state):
        return convert(state) | {"message.matrices": state["weight"].sum(0, keepdim=True)}

    module.load_state_dict(convert(layer.state_dict()))
    one = torch.ones(7, 1, dtype=torch.float64)
    assert_same_numbers_and_gradients(
        lambda x: module(relation, x, one),
        lambda x: layer(x, DIRECTED),
        [random(N, D).requires_grad_()],
        (module, layer),
        as_gradients,
    )


@pytest.mark.parametrize("layers", [1, 2])
def test_set2set_with_an_empty_graph(layers):
    layer, module = shaken(pyg.Set2Set(D, 3, num_layers=layers)), Set2Set(D, 3, layers)
    graphs = Sparse(torch.arange(0), torch.arange(0), N, node_counts=torch.tensor([2, 0, 4])).graphs
    index = torch.tensor([0, 0, 2, 2, 2, 2])
    compare(
        module,
        layer,
        pyg_weights.set2set_from_pyg,
        lambda x: module(graphs, x),
        lambda x: layer(x, index, dim_size=3),
        random(N, D),
    )


class Concatenated(nn.Module):
    """A model of a `MetaLayer`: an MLP on what is given side by side."""

    def __init__(self, width, gather):
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(width, 4), nn.ReLU(), nn.Linear(4, 2))
        self.gather = gather

    def forward(self, *given):
        return self.mlp(torch.cat(self.gather(*given), -1))


def test_a_full_block_equals_a_meta_layer():
    def edge_inputs(src, dst, e, u, batch):
        return [e, dst, src, u[batch]]

    def node_inputs(x, edge_index, e, u, batch):
        return [torch.zeros(N, 2, dtype=x.dtype).index_add(0, edge_index[1], e), x, u[batch]]

    def global_inputs(x, edge_index, e, u, batch):
        edges = torch.zeros(2, 2, dtype=x.dtype).index_add(0, batch[edge_index[1]], e)
        nodes = torch.zeros(2, 2, dtype=x.dtype).index_add(0, batch, x)
        return [edges, nodes, u]

    meta = pyg.MetaLayer(
        Concatenated(2 + 2 * D + 2, edge_inputs),
        Concatenated(2 + D + 2, node_inputs),
        Concatenated(2 + 2 + 2, global_inputs),
    ).double()
    block = GraphNetwork(
        EdgeBlock(Dims(D, 2, 2), (4, 2)), NodeBlock(Dims(D, 2, 2), (4, 2)), GlobalBlock(Dims(2, 2, 2), (4, 2))
    ).double()
    for ours, theirs in zip(block.blocks, (meta.edge_model, meta.node_model, meta.global_model), strict=True):
        first, _, last = theirs.mlp
        with torch.no_grad():
            for part, weight in zip(
                ours.weights, first.weight.split([w.shape[1] for w in ours.weights], 1), strict=True
            ):
                part.copy_(weight)
            ours.bias.copy_(first.bias)
            ours.layers[1].load_state_dict(last.state_dict())

    edge_index = torch.tensor([[1, 0, 2, 4, 3, 4], [0, 2, 0, 3, 5, 4]])
    batch = torch.tensor([0, 0, 0, 1, 1, 1])
    x, e, u = (random(*size, seed=at).requires_grad_() for at, size in enumerate([(N, D), (6, 2), (2, 2)]))
    out = block(Graph.from_edges(*edge_index, nodes=x, edges=e, globals_=u, n_node=[3, 3]))
    expected = meta(x, edge_index, e, u, batch)
    order = out.relation.order
    found = out.nodes, out.edges[order.argsort()], out.globals_
    for left, right in zip(found, expected, strict=True):
        torch.testing.assert_close(left, right, rtol=1e-12, atol=1e-13)
    grads = [
        torch.autograd.grad(sum((value * random(*value.shape, seed=7)).sum() for value in result), [x, e, u])
        for result in (found, expected)
    ]
    for left, right in zip(*grads, strict=True):
        torch.testing.assert_close(left, right, rtol=1e-11, atol=1e-12)


IMPORTS = {
    "GCNConv": (pyg_weights.gcn_from_pyg, lambda: pyg.GCNConv(2, 2)),
    "GATConv": (pyg_weights.gat_from_pyg, lambda: pyg.GATConv(2, 2)),
    "GATv2Conv": (pyg_weights.gatv2_from_pyg, lambda: pyg.GATv2Conv(2, 2)),
    "Set2Set": (pyg_weights.set2set_from_pyg, lambda: pyg.Set2Set(2, 1)),
}
every_import = pytest.mark.parametrize("name", IMPORTS)


@every_import
def test_keys_too_many_are_refused_by_name(name):
    convert, make = IMPORTS[name]
    with pytest.raises(ConfigError) as error:
        convert(make().state_dict() | {"lin_edge.weight": torch.zeros(1)})
    assert f"the weights of PyG's {name} have unexpected lin_edge.weight" in str(error.value)


@every_import
def test_missing_keys_are_named(name):
    convert, make = IMPORTS[name]
    state = make().state_dict()
    gone = next(key for key in state if key != "bias")
    del state[gone]
    with pytest.raises(ConfigError) as error:
        convert(state)
    assert f"the weights of PyG's {name} have no {gone}" in str(error.value)


def test_an_nnconv_with_a_root_weight_or_a_bias_is_refused():
    network = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 4))
    with pytest.raises(ConfigError, match=r"PyG's NNConv have unexpected bias, lin\.weight"):
        pyg_weights.nnconv_from_pyg(pyg.NNConv(2, 2, network).state_dict(), 2)


def test_an_nnconv_of_another_width_is_refused():
    network = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 4))
    state = pyg.NNConv(2, 2, network, root_weight=False, bias=False).state_dict()
    with pytest.raises(ConfigError, match="in_dim is 3, and the network of PyG's NNConv gives 4 numbers"):
        pyg_weights.nnconv_from_pyg(state, 3)
