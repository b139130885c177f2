"""The relation without indices: its layout and what it refuses."""

import pytest
import torch

from edgewise.errors import ConfigError
from edgewise.relation import Complete, between
from edgewise.relation.complete import off_diagonal, with_diagonal


@pytest.mark.parametrize("n", [1, 2, 5])
def test_off_diagonal_leaves_out_the_receiver_itself(n):
    dense = torch.arange(2 * n * n * 3).reshape(2, n, n, 3)
    expected = [[dense[b, r, [s for s in range(n) if s != r]] for r in range(n)] for b in range(2)]
    expected = torch.stack([torch.stack(rows) for rows in expected])
    assert torch.equal(off_diagonal(dense), expected)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_with_diagonal_is_the_inverse_of_off_diagonal(n):
    edges = torch.arange(2 * n * (n - 1) * 3.0).reshape(2, n, n - 1, 3)
    dense = with_diagonal(edges, fill=-1.0)
    assert torch.equal(off_diagonal(dense), edges)
    assert (dense[:, range(n), range(n)] == -1).all()
    whole = torch.randn(n, n, 2)
    assert torch.equal(
        with_diagonal(off_diagonal(whole)) + torch.eye(n)[..., None] * whole,
        whole,
    )


def test_slots_name_the_senders_of_each_receiver():
    assert Complete(3, loops=False).slots().tolist() == [[1, 2], [0, 2], [0, 1]]
    assert Complete(2, 3).slots().tolist() == [[0, 1, 2], [0, 1, 2]]


def test_nodes_reach_their_edges_without_a_copy():
    nodes = torch.randn(4, 3)
    relation = Complete(4)
    for edges in (relation.from_senders(nodes), relation.from_receivers(nodes)):
        assert edges.data_ptr() == nodes.data_ptr()


@pytest.mark.parametrize(("receivers", "senders"), [(0, 0), (2, 0), (0, 2), (-3, 2)])
def test_a_relation_without_nodes_is_refused(receivers, senders):
    with pytest.raises(ConfigError) as error:
        Complete(receivers, senders)
    assert f"Complete({receivers}, {senders}) has no nodes" in str(error.value)
    assert "at least one of each" in str(error.value)


def test_two_sets_of_nodes_have_no_loops_to_leave_out():
    with pytest.raises(ConfigError) as error:
        Complete(3, 5, loops=False)
    assert "Complete without loops has 3 receivers and 5 senders" in str(error.value)
    assert "use loops=True" in str(error.value)


@pytest.mark.parametrize(
    ("receivers", "senders", "loops"), [(3, 3, False), (4, 3, True)], ids=["no loops", "fewer senders"]
)
def test_causal_receivers_are_the_last_of_the_senders_and_hear_themselves(receivers, senders, loops):
    with pytest.raises(ConfigError) as error:
        Complete(receivers, senders, loops=loops, causal=True)
    assert f"Complete({receivers}, {senders}, loops={loops}) is to be causal" in str(error.value)
    assert "loops, and at least as many senders as receivers" in str(error.value)


# ---- the fused kernel ----------------------------------------------------------------------------------------------


def random(*size, seed=0):
    return torch.randn(*size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def some(*size):
    """A mask whose first row allows nothing, and whose third allows what comes last only."""
    mask = torch.rand(*size, generator=torch.Generator().manual_seed(0)) < 0.6
    mask[..., 0, :] = False
    mask[..., 2:3, :-1] = False
    return mask


FUSED = {
    "all": Complete(4),
    "causal": Complete(4, causal=True),
    "decoding": Complete(2, 5, causal=True),
    "one step": Complete(1, 5, causal=True),
    "one step under a mask": between(
        1, torch.tensor([[True, False, True, True, False], [False] * 5]), causal=True
    ),
    "causal under a mask": Complete(4, causal=True).masked(edges=some(4, 4)),
    "causal, a mask each": Complete(4, causal=True).masked(edges=some(2, 4, 4)),
    "decoding, a mask each": Complete(3, 5, causal=True).masked(edges=some(2, 3, 5)),
    "two sets under a mask": Complete(4, 3).masked(edges=some(4, 3)),
    "nobody there": Complete(4, 3).masked(edges=torch.zeros(4, 3, dtype=torch.bool)),
}
every_fused = pytest.mark.parametrize("relation", FUSED.values(), ids=FUSED)


@every_fused
@pytest.mark.parametrize("heads", [1, 2])
@pytest.mark.parametrize("lead", [(2,), (3, 2)])
def test_fused_attention_is_that_of_the_plain_steps_and_so_are_its_gradients(relation, heads, lead):
    sizes = (relation.n_receivers, 3), (relation.n_senders, 3), (relation.n_senders, 2)
    results = []
    for attend in (relation.attend, super(Complete, relation).attend):
        parts = [
            random(*lead, n, heads * width, seed=seed).requires_grad_()
            for seed, (n, width) in enumerate(sizes)
        ]
        out = attend(*parts, heads=heads, scale=0.7)
        total = (out * random(*out.shape, seed=9)).sum()
        results.append((out, *torch.autograd.grad(total, parts)))
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-12)


@every_fused
def test_a_row_that_allows_nothing_gives_zero_and_no_nan_in_any_gradient(relation):
    empty = (relation.in_degrees == 0).expand(2, -1)
    query = random(2, relation.n_receivers, 3).requires_grad_()
    key, value = (random(2, relation.n_senders, 3, seed=seed).requires_grad_() for seed in (1, 2))
    out = relation.attend(query, key, value, scale=0.7)
    assert not out[empty].any()
    grads = torch.autograd.grad(out.square().sum(), [query, key, value])
    assert all(grad.isfinite().all() for grad in grads)
    assert not grads[0][empty].any()


@pytest.mark.parametrize("words", [None, torch.tensor([[True] * 6, [True] * 2 + [False] * 4])])
def test_a_causal_receiver_is_told_nothing_that_comes_later_by_the_fused_kernel(words):
    relation = Complete(6, causal=True) if words is None else between(6, words, causal=True)
    nodes = random(2, 6, 4).requires_grad_()
    out = relation.attend(nodes, nodes, nodes, heads=2)
    for receiver in range(6):
        (grad,) = torch.autograd.grad(out[:, receiver].sum(), nodes, retain_graph=True)
        told = grad.abs().sum(-1) > 0
        expected = (torch.arange(6) <= receiver).expand(2, -1)
        if words is not None:  # a receiver's own query counts, whether it is there or not
            expected = expected & (words | (torch.arange(6) == receiver))
        assert torch.equal(told, expected)
