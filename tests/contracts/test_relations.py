"""One contract for every relation: the same edges give the same numbers, whatever holds them."""

import pytest
import torch

from edgewise.relation import Complete, Sparse

OPERATIONS = ("sum", "mean", "max")


def random(*size, seed=0):
    return torch.randn(*size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def pairs_of(relation):
    """The (receiver, sender) of every edge, in the order of the layout."""
    if isinstance(relation, Sparse):
        return list(zip(relation.receivers.tolist(), relation.senders.tolist(), strict=True))
    return [(r, s) for r, senders in enumerate(relation.slots().tolist()) for s in senders]


def flat(relation, edges):
    """[..., *layout, d] -> [..., n_edges, d]."""
    return edges if isinstance(relation, Sparse) else edges.flatten(-3, -2)


def layout(relation, flat_edges):
    """[..., n_edges, d] -> [..., *layout, d]."""
    if isinstance(relation, Sparse):
        return flat_edges
    return flat_edges.unflatten(-2, (relation.n_receivers, relation.in_degree))


def same_edges(complete):
    """A `Sparse` with the edges of a `Complete`, given in disorder."""
    pairs = torch.tensor(pairs_of(complete))
    pairs = pairs[torch.randperm(len(pairs), generator=torch.Generator().manual_seed(1))]
    return Sparse(pairs[:, 1], pairs[:, 0], complete.n_receivers, complete.n_senders)


COMPLETE = {
    "loops": Complete(4),
    "no loops": Complete(4, loops=False),
    "two sets": Complete(3, 5),
    "one node": Complete(1),
    "alone": Complete(1, loops=False),
}
RELATIONS = (
    COMPLETE
    | {f"sparse {name}": same_edges(relation) for name, relation in COMPLETE.items() if relation.n_edges}
    | {
        "with isolated receivers": Sparse(torch.tensor([2, 0, 1, 0]), torch.tensor([3, 1, 3, 3]), 5),
        "no edges": Sparse(torch.tensor([], dtype=torch.int64), torch.tensor([], dtype=torch.int64), 3),
    }
)
every_relation = pytest.mark.parametrize("relation", RELATIONS.values(), ids=RELATIONS)
every_relation_with_edges = pytest.mark.parametrize(
    "relation",
    [relation for relation in RELATIONS.values() if relation.n_edges],
    ids=[name for name, relation in RELATIONS.items() if relation.n_edges],
)
every_pair = pytest.mark.parametrize(
    "complete", [relation for relation in COMPLETE.values() if relation.n_edges]
)


def in_edges(relation, edges, receiver):
    """[..., n_edges, d] -> the edges of one receiver, as a list of [..., d]."""
    return [edges[..., k, :] for k, (r, _) in enumerate(pairs_of(relation)) if r == receiver]


def by_loop(relation, edges, operation):
    """An aggregation, one receiver at a time: [..., n_edges, d] -> [..., n_receivers, d]."""
    rows = []
    for receiver in range(relation.n_receivers):
        own = in_edges(relation, edges, receiver)
        if not own:
            rows.append(torch.zeros(*edges.shape[:-2], edges.shape[-1], dtype=edges.dtype))
            continue
        stacked = torch.stack(own)
        rows.append({"sum": stacked.sum(0), "mean": stacked.mean(0), "max": stacked.max(0).values}[operation])
    return torch.stack(rows, -2)


@every_relation
def test_it_counts_its_edges(relation):
    assert relation.n_edges == len(pairs_of(relation))


@every_relation
@pytest.mark.parametrize("lead", [(), (2, 3)])
def test_every_edge_sees_its_sender_and_its_receiver(relation, lead):
    senders, receivers = random(*lead, relation.n_senders, 2), random(*lead, relation.n_receivers, 2, seed=1)
    sent = flat(relation, relation.from_senders(senders))
    received = flat(relation, relation.from_receivers(receivers))
    assert sent.shape == received.shape == (*lead, relation.n_edges, 2)
    for k, (r, s) in enumerate(pairs_of(relation)):
        assert torch.equal(sent[..., k, :], senders[..., s, :])
        assert torch.equal(received[..., k, :], receivers[..., r, :])


@every_relation
@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("lead", [(), (2, 3)])
def test_aggregations_equal_a_plain_loop(relation, operation, lead):
    edges = random(*lead, relation.n_edges, 2)
    found = getattr(relation, operation)(layout(relation, edges))
    torch.testing.assert_close(found, by_loop(relation, edges, operation), rtol=1e-14, atol=1e-14)


@every_relation
@pytest.mark.parametrize("lead", [(), (2, 3)])
def test_softmax_normalises_each_receivers_in_edges(relation, lead):
    logits = 300 * random(*lead, relation.n_edges, 2)  # exp would overflow without the maximum taken off
    weights = flat(relation, relation.softmax(layout(relation, logits)))
    assert weights.shape == logits.shape
    for receiver in range(relation.n_receivers):
        own = in_edges(relation, logits, receiver)
        if own:
            expected = torch.stack(own).softmax(0)
            found = torch.stack(in_edges(relation, weights, receiver))
            torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-300)


@every_relation
@pytest.mark.parametrize("lead", [(), (2,)])
def test_to_dense_puts_every_edge_at_its_receiver_and_sender(relation, lead):
    edges = random(*lead, relation.n_edges, 2)
    expected = torch.full((*lead, relation.n_receivers, relation.n_senders, 2), -7.0, dtype=torch.float64)
    for k, (r, s) in enumerate(pairs_of(relation)):
        expected[..., r, s, :] = edges[..., k, :]
    assert torch.equal(relation.to_dense(layout(relation, edges), fill=-7.0), expected)


@every_relation_with_edges
@pytest.mark.parametrize("operation", [*OPERATIONS, "softmax", "to_dense"])
def test_gradients_of_edge_operations_are_exact(relation, operation):
    edges = layout(relation, random(relation.n_edges, 2)).requires_grad_()
    assert torch.autograd.gradcheck(getattr(relation, operation), edges)


@every_relation_with_edges
def test_gradients_of_node_operations_are_exact(relation):
    senders = random(2, relation.n_senders, 2).requires_grad_()
    receivers = random(2, relation.n_receivers, 2, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(relation.from_senders, senders)
    assert torch.autograd.gradcheck(relation.from_receivers, receivers)


def attention(relation, senders, receivers):
    """A whole layer made of the operations: dot-product attention, its maximum and its mean."""
    sent, received = relation.from_senders(senders), relation.from_receivers(receivers)
    weights = relation.softmax((sent * received).sum(-1, keepdim=True))
    return torch.cat(
        [relation.sum(weights * sent), relation.max(sent * received), relation.mean(sent.square())], -1
    )


@every_pair
def test_complete_and_sparse_give_the_same_layer_and_gradient(complete):
    senders, receivers = random(2, complete.n_senders, 3), random(2, complete.n_receivers, 3, seed=1)
    results = []
    for relation in (complete, same_edges(complete)):
        inputs = senders.clone().requires_grad_(), receivers.clone().requires_grad_()
        out = attention(relation, *inputs)
        results.append((out.detach(), *torch.autograd.grad((out * out.detach().cos()).sum(), inputs)))
    for left, right in zip(*results, strict=True):
        torch.testing.assert_close(left, right, rtol=1e-12, atol=1e-13)


@every_relation_with_edges
def test_leading_dimensions_are_a_batch(relation):
    senders, receivers = random(4, relation.n_senders, 3), random(4, relation.n_receivers, 3, seed=1)
    together = attention(relation, senders, receivers)
    one_by_one = torch.stack([attention(relation, *pair) for pair in zip(senders, receivers, strict=True)])
    torch.testing.assert_close(together, one_by_one, rtol=1e-13, atol=1e-14)
