"""What messages and message passing take, refuse and keep in memory."""

import pytest
import torch

from edgewise.errors import ConfigError
from edgewise.nn import EdgeNetwork, MessagePassing, PairMessage, TypedMessage
from edgewise.relation import Complete

DIM, EDGE = 3, 2
MESSAGES = {
    "EdgeNetwork": lambda dim: EdgeNetwork(EDGE, dim, dim, hidden=4),
    "TypedMessage": lambda dim: TypedMessage(EDGE, dim, dim),
    "PairMessage": lambda dim: PairMessage(dim, EDGE, dim, hidden=4),
}
every_message = pytest.mark.parametrize("name", MESSAGES)


def random(*size, seed=0):
    return torch.randn(*size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@every_message
def test_nodes_of_another_width_are_refused(name):
    message, relation = MESSAGES[name](DIM).double(), Complete(4)
    for layer, said in ((message, name), (MessagePassing(message, DIM, 1).double(), "MessagePassing")):
        with pytest.raises(ConfigError) as error:
            layer(relation, random(4, 5), random(4, 4, EDGE))
        assert f"{said} was given nodes with 5 features" in str(error.value)
        assert "expected: 3, as it was made for" in str(error.value)


@every_message
@pytest.mark.parametrize("relation", [Complete(4), Complete(4).to_sparse()], ids=["complete", "sparse"])
def test_nodes_that_are_the_same_in_a_batch_of_edges_need_no_copies(name, relation):
    layer = MessagePassing(MESSAGES[name](DIM), DIM, 2).double()
    nodes, edges = random(4, DIM), random(3, *relation.layout, EDGE, seed=1)
    expected = torch.stack([layer(relation, nodes, own) for own in edges])
    torch.testing.assert_close(layer(relation, nodes, edges), expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", ["EdgeNetwork", "TypedMessage"])
def test_no_matrix_an_edge_is_kept_for_the_gradient(name):
    dim, relation = 32, Complete(60).to_sparse()
    layer, sizes = MESSAGES[name](dim).double(), []

    def keep(tensor):
        sizes.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        nodes = random(60, dim).requires_grad_()
        layer(relation, nodes, random(relation.n_edges, EDGE)).sum().backward()
    assert max(sizes) <= 2 * relation.n_edges * dim  # at most a node's features an edge, in tables half empty
