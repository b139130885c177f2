"""A block is the MLP of its inputs side by side, and depends on what its inputs say and on nothing else."""

import pytest
import torch
from torch import nn

from edgewise.errors import ConfigError
from edgewise.graph import Graph
from edgewise.nn import Dims, EdgeBlock, EncodeProcessDecode, GlobalBlock, GraphNetwork, NodeBlock, blocks
from edgewise.relation import Complete

DIMS, OUT, HIDDEN = Dims(3, 2, 4), Dims(5, 6, 7), (8,)
# parallel edges 0 -> 3, the loop 3 -> 3, node 2 hears nobody; graphs of 4, 0, 2 and 1 nodes, the last without edges
SENDERS = torch.tensor([0, 4, 3, 0, 1, 3, 2])
RECEIVERS = torch.tensor([3, 5, 3, 3, 0, 1, 1])
COUNTS = [4, 0, 2, 1]
N, E, G = sum(COUNTS), len(SENDERS), len(COUNTS)


def random(*size, seed=0):
    return torch.randn(*size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def union(dims=DIMS):
    parts = {"nodes": (N, dims.nodes), "edges": (E, dims.edges), "globals_": (G, dims.globals_)}
    given = {
        part: random(*size, seed=at).requires_grad_()
        for at, (part, size) in enumerate(parts.items())
        if size[1]
    }
    return Graph.from_edges(SENDERS, RECEIVERS, n_node=COUNTS, **given)


def leaves(graph):
    """The graph with attributes that gradients stop at."""
    there = {part: getattr(graph, part) for part in ("nodes", "edges", "globals_")}
    return graph.replace(**{p: v.detach().requires_grad_() for p, v in there.items() if v is not None})


def by_hand(block, *given):
    """The MLP of a block on inputs that are really put side by side."""
    hidden = nn.functional.linear(torch.cat(given, -1), torch.cat(list(block.weights), 1), block.bias)
    for layer in block.layers:
        hidden = layer(hidden)
    return hidden


def aggregated(values, index, size, by="sum"):
    """Rows gathered by an index, an entity at a time; 0 for an entity without any."""
    rows = []
    for i in range(size):
        own = values[index == i]
        some = {"sum": lambda v: v.sum(0), "mean": lambda v: v.mean(0), "max": lambda v: v.amax(0)}[by]
        rows.append(some(own) if len(own) else values.new_zeros(values.shape[-1]))
    return torch.stack(rows)


def membership(graph):
    node_graph = torch.arange(G).repeat_interleave(torch.tensor(COUNTS))
    return node_graph, node_graph[graph.relation.receivers]


def close(left, right):
    torch.testing.assert_close(left, right, rtol=1e-12, atol=1e-13)


def test_a_full_block_equals_its_steps_by_hand():
    network, graph = blocks.full_block(DIMS, OUT, HIDDEN).double(), union()
    phi_e, phi_v, phi_u = network.blocks
    r, s = graph.relation.receivers, graph.relation.senders
    of_node, of_edge = membership(graph)
    e, v, u = graph.edges, graph.nodes, graph.globals_
    e = by_hand(phi_e, e, v[r], v[s], u[of_edge])
    v = by_hand(phi_v, aggregated(e, r, N), v, u[of_node])
    u = by_hand(phi_u, aggregated(e, of_edge, G), aggregated(v, of_node, G), u)
    out = network(graph)
    close(out.edges, e)
    close(out.nodes, v)
    close(out.globals_, u)
    assert (out.edges.shape[-1], out.nodes.shape[-1], out.globals_.shape[-1]) == (6, 5, 7)


@pytest.mark.parametrize("by", ["sum", "mean", "max"])
@pytest.mark.parametrize("sign", [1, -1])
def test_every_aggregation_is_that_of_a_loop(by, sign):
    graph = union()
    # of one sign: the 0 of a node that hears nobody must not win a maximum
    graph = graph.replace(nodes=sign * graph.nodes.abs(), edges=sign * graph.edges.abs())
    r, s = graph.relation.receivers, graph.relation.senders
    of_node, of_edge = membership(graph)
    nodes = NodeBlock(DIMS, (8, 5), (blocks.outgoing_edges(by), blocks.incoming_edges(by))).double()
    close(
        nodes(graph).nodes,
        by_hand(nodes, aggregated(graph.edges, s, N, by), aggregated(graph.edges, r, N, by)),
    )
    whole = GlobalBlock(DIMS, (8, 5), (blocks.all_nodes(by), blocks.all_edges(by))).double()
    expected = by_hand(
        whole, aggregated(graph.nodes, of_node, G, by), aggregated(graph.edges, of_edge, G, by)
    )
    close(whole(graph).globals_, expected)


def test_an_aggregation_does_not_change_the_input_it_was_made_from():
    assert blocks.incoming_edges("max").by == "max"
    assert blocks.incoming_edges.by == "sum"


NETWORKS = {
    "full": (blocks.full_block, {"edges": "env g", "nodes": "env g", "globals_": "e n g"}),
    "independent": (blocks.independent_block, {"edges": "e", "nodes": "n", "globals_": "g"}),
    "interaction": (blocks.interaction_network, {"edges": "e n", "nodes": "e n", "globals_": "g"}),
    "message passing": (blocks.message_passing_block, {"edges": "e n", "nodes": "e n", "globals_": "e n"}),
    "relation": (blocks.relation_network, {"edges": "n", "nodes": "n", "globals_": "n"}),
    "deep sets": (blocks.deep_sets, {"edges": "e", "nodes": "n g", "globals_": "n g"}),
}
LETTERS = {"edges": "e", "nodes": "n", "globals_": "g"}


@pytest.mark.parametrize(("make", "reads"), NETWORKS.values(), ids=NETWORKS)
def test_a_network_depends_on_what_its_tuples_say_and_on_nothing_else(make, reads):
    torch.manual_seed(0)
    network, graph = make(DIMS, OUT, (32,)).double(), leaves(union())
    out = network(graph)
    given = {part: getattr(graph, part) for part in LETTERS}
    for part, letters in reads.items():
        grads = torch.autograd.grad(
            getattr(out, part).sin().sum(), list(given.values()), allow_unused=True, retain_graph=True
        )
        for read, grad in zip(given, grads, strict=True):
            moved = grad is not None and bool((grad != 0).any())
            assert moved == (LETTERS[read] in letters), f"{part} from {read}"


def test_deep_sets_without_globals_read_nodes_alone():
    network, graph = blocks.deep_sets(Dims(3, 2), OUT, HIDDEN).double(), leaves(union(Dims(3, 2)))
    (grad,) = torch.autograd.grad(network(graph).globals_.sum(), graph.edges, allow_unused=True)
    assert grad is None


def test_an_interaction_network_without_edge_attributes():
    network, graph = blocks.interaction_network(Dims(3), OUT, HIDDEN).double(), union(Dims(3))
    r, s = graph.relation.receivers, graph.relation.senders
    e = by_hand(network.blocks[0], graph.nodes[r], graph.nodes[s])
    close(network(graph).edges, e)
    close(network(graph).nodes, by_hand(network.blocks[1], aggregated(e, r, N), graph.nodes))


def test_information_stays_in_its_graph():
    network = GraphNetwork(
        blocks.full_block(DIMS, DIMS, (32,)), blocks.full_block(DIMS, DIMS, (32,))
    ).double()
    graph = leaves(union())
    out = network(graph)
    of_node, of_edge = membership(graph)
    for one in range(G):
        total = out.globals_[one].sum() + out.nodes[of_node == one].sum() + out.edges[of_edge == one].sum()
        grads = torch.autograd.grad(total, [graph.nodes, graph.edges, graph.globals_], retain_graph=True)
        for grad, index in zip(grads, (of_node, of_edge, torch.arange(G)), strict=True):
            assert (grad[index != one] == 0).all()


def test_a_node_block_hears_its_in_edges_and_outgoing_its_out_edges():
    graph = leaves(union())
    r, s = graph.relation.receivers, graph.relation.senders
    for read, ends in ((blocks.incoming_edges, r), (blocks.outgoing_edges, s)):
        block = NodeBlock(DIMS, (5,), (read,)).double()
        for node in range(N):
            (grad,) = torch.autograd.grad(block(graph).nodes[node].sum(), graph.edges)
            assert torch.equal((grad != 0).any(1), ends == node)


def test_globals_alone_are_written_to_every_entity_of_their_graph():
    graph = union()
    of_node, of_edge = membership(graph)
    on_edges = EdgeBlock(DIMS, (8, 6), (blocks.globals_,)).double()
    on_nodes = NodeBlock(DIMS, (8, 6), (blocks.globals_,)).double()
    close(on_edges(graph).edges, by_hand(on_edges, graph.globals_[of_edge]))
    close(on_nodes(graph).nodes, by_hand(on_nodes, graph.globals_[of_node]))


def test_the_first_weights_are_those_of_one_linear_layer():
    torch.manual_seed(0)
    block = EdgeBlock(DIMS, (8, 6))
    torch.manual_seed(0)
    whole = nn.Linear(2 + 3 + 3 + 4, 8)
    assert torch.equal(torch.cat(list(block.weights), 1), whole.weight)
    assert torch.equal(block.bias, whole.bias)


@pytest.mark.parametrize("activation", [nn.Tanh(), None])
def test_the_activation_stands_between_layers(activation):
    block = NodeBlock(DIMS, (8, 8, 5), (blocks.nodes,), activation).double()
    kinds = [type(layer) for layer in block.layers]
    between = nn.Tanh if activation else nn.ReLU
    assert kinds == [between, nn.Linear, between, nn.Linear]


# ---- encode, process, decode ---------------------------------------------------------------------------------------


def encode_process_decode(steps, *, shared):
    latent = Dims(4, 4, 4)
    both = Dims(8, 8, 8)
    torch.manual_seed(0)
    core = blocks.full_block(both, latent, HIDDEN)
    cores = [core] * steps if shared else [blocks.full_block(both, latent, HIDDEN) for _ in range(steps)]
    encoder, decoder = (
        blocks.independent_block(DIMS, latent, HIDDEN),
        blocks.independent_block(latent, OUT, HIDDEN),
    )
    return EncodeProcessDecode(encoder, cores, decoder).double()


@pytest.mark.parametrize("shared", [True, False])
def test_encode_process_decode_equals_its_steps(shared):
    model, graph = encode_process_decode(3, shared=shared), union()
    start = model.encoder(graph)
    latent = start
    for core in model.cores:
        parts = ("nodes", "edges", "globals_")
        both = {part: torch.cat([getattr(start, part), getattr(latent, part)], -1) for part in parts}
        latent = core(latent.replace(**both))
    expected, out = model.decoder(latent), model(graph)
    for part in ("nodes", "edges", "globals_"):
        close(getattr(out, part), getattr(expected, part))


def test_shared_cores_share_their_parameters_and_add_up_their_gradients():
    def count(model):
        return sum(parameter.numel() for parameter in model.parameters())

    one, three = (encode_process_decode(steps, shared=True) for steps in (1, 3))
    apart = encode_process_decode(3, shared=False)
    core = count(one.cores[0])
    assert count(three) == count(one)
    assert count(apart) == count(one) + 2 * core

    apart.encoder.load_state_dict(three.encoder.state_dict())
    apart.decoder.load_state_dict(three.decoder.state_dict())
    for each in apart.cores:
        each.load_state_dict(three.cores[0].state_dict())
    for model in (three, apart):
        model(union()).globals_.square().sum().backward()
    for name, parameter in three.cores[0].named_parameters():
        total = sum(dict(each.named_parameters())[name].grad for each in apart.cores)
        torch.testing.assert_close(parameter.grad, total, rtol=1e-11, atol=1e-12)


def test_encode_process_decode_without_steps_is_refused():
    with pytest.raises(ConfigError) as error:
        EncodeProcessDecode(nn.Identity(), [], nn.Identity())
    assert "EncodeProcessDecode with 0 steps" in str(error.value)
    assert "expected: at least one core" in str(error.value)


# ---- what is refused -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("block", "read", "may"),
    [
        (EdgeBlock, "incoming_edges", "edges, sender_nodes, receiver_nodes, globals_"),
        (NodeBlock, "sender_nodes", "incoming_edges, outgoing_edges, nodes, globals_"),
        (GlobalBlock, "nodes", "all_edges, all_nodes, globals_"),
    ],
)
def test_an_input_that_a_block_cannot_read_is_refused(block, read, may):
    with pytest.raises(ConfigError) as error:
        block(DIMS, (5,), (getattr(blocks, read),))
    assert f"{block.__name__} reads {read}\n" in str(error.value)
    assert f"inputs among {may} that have features" in str(error.value)


def test_an_input_without_features_is_refused():
    with pytest.raises(ConfigError) as error:
        NodeBlock(Dims(3, 0, 4), (5,))
    assert "NodeBlock reads incoming_edges, and dims has no features of edges" in str(error.value)


def test_a_block_that_reads_nothing_is_refused():
    with pytest.raises(ConfigError) as error:
        GlobalBlock(DIMS, (5,), ())
    assert "GlobalBlock reads nothing" in str(error.value)


@pytest.mark.parametrize(
    ("read", "part"), [("edges", "edges"), ("receiver_nodes", "nodes"), ("globals_", "globals_")]
)
def test_a_graph_without_what_is_read_is_refused(read, part):
    block = EdgeBlock(DIMS, (5,), (getattr(blocks, read),)).double()
    with pytest.raises(ConfigError) as error:
        block(union().replace(**{part: None}))
    assert f"a block reads {read}, and the graph has no {part}" in str(error.value)
    assert f"a graph with {part}, or a block without {read} among its inputs" in str(error.value)


def test_attributes_of_another_width_are_refused():
    block = NodeBlock(DIMS, (5,)).double()
    with pytest.raises(ConfigError) as error:
        block(union().replace(nodes=random(N, 9)))
    assert "NodeBlock was given nodes with 9 features" in str(error.value)
    assert "expected: 3, as it was made for" in str(error.value)


def test_a_complete_graph_with_globals_in_leading_dimensions():
    graph = Graph(Complete(4), random(2, 4, 3), random(2, 4, 4, 2, seed=1), random(2, 1, 4, seed=2))
    out = blocks.full_block(DIMS, OUT, HIDDEN).double()(graph)
    assert [out.nodes.shape, out.edges.shape, out.globals_.shape] == [(2, 4, 5), (2, 4, 4, 6), (2, 1, 7)]


def test_an_unknown_aggregation_is_refused():
    with pytest.raises(ConfigError) as error:
        blocks.incoming_edges("median")
    assert "incoming_edges by 'median'" in str(error.value)
    assert "one of sum, mean, max" in str(error.value)
