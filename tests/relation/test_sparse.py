"""The list of edges: order does not matter, isolated receivers are 0, and what is refused."""

import pytest
import torch

from edgewise.errors import ConfigError
from edgewise.relation import Sparse

SENDERS, RECEIVERS = torch.tensor([2, 0, 1, 3, 0]), torch.tensor([3, 1, 3, 0, 3])
OPERATIONS = ("sum", "mean", "max")


def test_edges_are_kept_by_receiver_in_the_order_given():
    relation = Sparse(SENDERS, RECEIVERS, 5)
    assert relation.receivers.tolist() == [0, 1, 3, 3, 3]
    assert relation.senders.tolist() == [3, 0, 2, 1, 0]
    assert relation.in_degrees.tolist() == [1, 1, 0, 3, 0]
    assert torch.equal(SENDERS[relation.order], relation.senders)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_permuting_the_edges_changes_nothing(operation):
    nodes = torch.randn(5, 3, dtype=torch.float64)
    values = torch.randn(5, 3, dtype=torch.float64)  # one an edge, as given
    results = []
    for order in ([0, 1, 2, 3, 4], [4, 2, 0, 3, 1]):
        relation = Sparse(SENDERS[order], RECEIVERS[order], 5)
        edges = relation.from_senders(nodes) * values[order][relation.order]
        weights = relation.softmax(edges)
        results.append(
            (getattr(relation, operation)(edges), relation.sum(weights * edges), relation.to_dense(edges))
        )
    for left, right in zip(*results, strict=True):
        torch.testing.assert_close(left, right, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_isolated_receiver_gets_zero_and_no_nan(operation):
    relation = Sparse(SENDERS, RECEIVERS, 5)
    # all below zero: a maximum that starts from 0 would show
    edges = (-torch.rand(relation.n_edges, 2) - 1).requires_grad_()
    out = getattr(relation, operation)(edges)
    assert (out[[2, 4]] == 0).all()
    assert (out[[0, 1, 3]] < 0).all()
    out.sum().backward()
    assert edges.grad is not None
    assert edges.grad.isfinite().all()


def test_softmax_beside_an_isolated_receiver_is_finite_forward_and_backward():
    relation = Sparse(SENDERS, RECEIVERS, 5)
    logits = torch.randn(relation.n_edges, 1, requires_grad=True)
    weights = relation.softmax(logits)
    assert relation.sum(weights)[:, 0].tolist() == pytest.approx([1, 1, 0, 1, 0], abs=1e-6)
    weights.square().sum().backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_parallel_edges_add_up_and_the_last_one_is_shown():
    relation = Sparse(torch.tensor([1, 1]), torch.tensor([0, 0]), 2)
    edges = torch.tensor([[1.0], [5.0]])
    assert relation.sum(edges).tolist() == [[6.0], [0.0]]
    assert relation.to_dense(edges)[0, 1].tolist() == [5.0]


def test_index_tensors_of_another_kind_are_refused():
    with pytest.raises(ConfigError) as error:
        Sparse(torch.tensor([0.0, 1.0]), torch.tensor([0, 1]), 2)
    assert "senders is a 1-d tensor of torch.float32" in str(error.value)
    with pytest.raises(ConfigError) as error:
        Sparse(torch.tensor([0, 1]), torch.tensor([[0, 1]]), 2)
    assert "receivers is a 2-d tensor of torch.int64" in str(error.value)
    assert "a 1-d tensor of torch.int64" in str(error.value)


def test_nodes_that_do_not_exist_are_refused():
    with pytest.raises(ConfigError) as error:
        Sparse(torch.tensor([0, 7, 1]), torch.tensor([0, 1, 1]), 2, 3)
    assert "senders[1] is 7" in str(error.value)
    assert "a node number from 0 to 2" in str(error.value)
    with pytest.raises(ConfigError) as error:
        Sparse(torch.tensor([0, 1, 1]), torch.tensor([0, 1, -4]), 2)
    assert "receivers[2] is -4" in str(error.value)
    assert "from 0 to 1" in str(error.value)


def test_ends_of_different_number_are_refused():
    with pytest.raises(ConfigError) as error:
        Sparse(torch.tensor([0, 1, 1]), torch.tensor([0, 1]), 2)
    assert "3 senders and 2 receivers" in str(error.value)
