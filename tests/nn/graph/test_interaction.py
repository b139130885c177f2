"""Interaction networks: the paper's equations edge by edge, and what acts on what."""

import torch

from edgewise.graph import Graph
from edgewise.nn.graph.interaction import AbstractionModel, InteractionNetwork
from edgewise.relation import Complete, Sparse

SENDERS, RECEIVERS = torch.tensor([0, 1, 2, 2]), torch.tensor([1, 2, 1, 0])
RELATION = Sparse(SENDERS, RECEIVERS, 4)


def random(*size, seed=0):
    return torch.randn(*size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def network(**choices):
    torch.manual_seed(0)
    sizes = {"external_dim": 1, "effect_dim": 4, "relation_hidden": (5, 6), "object_hidden": (7,)}
    return InteractionNetwork(3, 2, **(sizes | choices)).double()


def split(block, x):
    """A block's MLP on the concatenation of what it reads."""
    return block.layers(x @ torch.cat(list(block.weights), 1).T + block.bias)


def test_the_equations_of_the_paper_object_by_object():
    net, objects, attributes, external = network(), random(4, 3), random(4, 2, seed=1), random(4, 1, seed=2)
    effects = torch.zeros(4, 4, dtype=torch.float64)
    for k in range(RELATION.n_edges):
        s, r = int(RELATION.senders[k]), int(RELATION.receivers[k])
        effects[r] += split(net.relational, torch.cat([attributes[k], objects[r], objects[s]]))
    expected = split(net.object, torch.cat([effects, objects, external], -1))
    torch.testing.assert_close(net(Graph(RELATION, objects, attributes), external), expected)


def test_only_senders_reach_a_receiver():
    net, objects = network(), random(4, 3).requires_grad_()
    moved = net(Graph(RELATION, objects, random(4, 2, seed=1)), random(4, 1, seed=2))
    moved[1].sum().backward()
    reached = objects.grad.abs().sum(-1) > 0
    assert reached.tolist() == [True, True, True, False]  # itself, 0 and 2


def test_external_effects_are_seen_by_their_object_alone():
    net, external = network(), random(4, 1, seed=2).requires_grad_()
    net(Graph(RELATION, random(4, 3), random(4, 2, seed=1)), external)[2].sum().backward()
    assert (external.grad.abs()[:, 0] > 0).tolist() == [False, False, True, False]


def test_the_sizes_of_the_paper():
    net = InteractionNetwork(5, 1)
    shapes = [tuple(layer.weight.shape) for layer in net.relational.layers if hasattr(layer, "weight")]
    assert shapes == [(150, 150), (150, 150), (150, 150), (50, 150)]
    assert [tuple(layer.weight.shape) for layer in net.object.layers if hasattr(layer, "weight")] == [
        (2, 100)
    ]
    assert AbstractionModel(net, 2).abstraction.weights[0].shape == (25, 2)


def test_an_abstraction_is_a_sum_over_objects_then_f_a():
    net = network(out_dim=3)
    model = AbstractionModel(net, 3).double()
    graph = Graph(RELATION, random(4, 3), random(4, 2, seed=1))
    summed = net(graph, random(4, 1, seed=2)).sum(0, keepdim=True)
    found = model(graph, random(4, 1, seed=2))
    torch.testing.assert_close(found, split(model.abstraction, summed))
    assert found.shape == (1, 1)


def test_an_abstraction_does_not_depend_on_the_order_of_the_objects():
    model = AbstractionModel(network(out_dim=3, external_dim=0), 3).double()
    objects, order = random(4, 3), torch.tensor([2, 0, 3, 1])
    attributes = random(4, 3, 2, seed=1)
    relation = Complete(4, loops=False)
    dense = relation.to_dense(attributes)[order][:, order]
    moved = dense[~torch.eye(4, dtype=torch.bool)].unflatten(0, (4, 3))
    torch.testing.assert_close(
        model(Graph(relation, objects[order], moved)), model(Graph(relation, objects, attributes))
    )
