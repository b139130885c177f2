"""A linear map of a pair, computed before anything is sent, is the linear map of the concatenated pair."""

import pytest
import torch

from edgewise.errors import ConfigError
from edgewise.nn import PairLinear, PairMLP
from edgewise.relation import Complete, Sparse

RELATIONS = {
    "loops": Complete(4),
    "no loops": Complete(4, loops=False),
    "sparse": Sparse(torch.tensor([2, 0, 1, 0]), torch.tensor([3, 1, 3, 3]), 4),
}
every_relation = pytest.mark.parametrize("relation", RELATIONS.values(), ids=RELATIONS)
SIZES = {"receiver_dim": 3, "sender_dim": 2, "edge_dim": 5}
PARTS = [
    ("receiver_dim", "sender_dim", "edge_dim"),
    ("receiver_dim", "sender_dim"),
    ("sender_dim", "edge_dim"),
    ("receiver_dim",),
    ("sender_dim",),
    ("edge_dim",),
]


def inputs_of(relation, parts, lead=(2,)):
    """What each part reads, or None; the relation's layout is that of its own edges."""
    layout = relation.from_senders(torch.zeros(*lead, relation.n_senders, 1)).shape[:-1]
    generator = torch.Generator().manual_seed(0)
    shapes = {
        "receiver_dim": (*lead, relation.n_receivers, SIZES["receiver_dim"]),
        "sender_dim": (*lead, relation.n_senders, SIZES["sender_dim"]),
        "edge_dim": (*layout, SIZES["edge_dim"]),
    }
    return [
        torch.randn(*shape, generator=generator, dtype=torch.float64) if name in parts else None
        for name, shape in shapes.items()
    ]


def concatenated(relation, receivers, senders, edges):
    read = [
        None if receivers is None else relation.from_receivers(receivers),
        None if senders is None else relation.from_senders(senders),
        edges,
    ]
    return torch.cat([part for part in read if part is not None], -1)


def whole_weight(linear):
    parts = (linear.receiver, linear.sender, linear.edge)
    return torch.cat([part for part in parts if part is not None], 1)


@every_relation
@pytest.mark.parametrize("parts", PARTS, ids=" ".join)
def test_it_equals_the_linear_map_of_the_concatenation(relation, parts):
    linear = PairLinear(7, **{name: SIZES[name] for name in parts}).double()
    inputs = inputs_of(relation, parts)
    together = concatenated(relation, *inputs)
    expected = torch.nn.functional.linear(together, whole_weight(linear), linear.bias)
    torch.testing.assert_close(linear(relation, *inputs), expected, rtol=1e-12, atol=1e-13)


@every_relation
def test_its_gradients_are_those_of_the_concatenation(relation):
    linear = PairLinear(7, **SIZES).double()
    inputs = [part.requires_grad_() for part in inputs_of(relation, SIZES)]
    ours = torch.autograd.grad(linear(relation, *inputs).square().sum(), [*inputs, *linear.parameters()])
    out = torch.nn.functional.linear(concatenated(relation, *inputs), whole_weight(linear), linear.bias)
    theirs = torch.autograd.grad(out.square().sum(), [*inputs, *linear.parameters()])
    for left, right in zip(ours, theirs, strict=True):
        torch.testing.assert_close(left, right, rtol=1e-11, atol=1e-12)


def test_its_first_weights_are_those_of_one_linear_layer():
    torch.manual_seed(0)
    linear = PairLinear(7, **SIZES)
    torch.manual_seed(0)
    whole = torch.nn.Linear(10, 7)
    assert torch.equal(whole_weight(linear), whole.weight)
    assert torch.equal(linear.bias, whole.bias)


@every_relation
def test_an_input_left_out_is_not_read(relation):
    linear = PairLinear(7, **SIZES).double()
    receivers, senders, edges = inputs_of(relation, SIZES)
    zeros = [torch.zeros_like(part) for part in (receivers, senders, edges)]
    for at, given in enumerate((receivers, senders, edges)):
        some = [None, None, None]
        some[at] = given
        padded = list(zeros)
        padded[at] = given
        torch.testing.assert_close(linear(relation, *some), linear(relation, *padded))


@every_relation
def test_the_mlp_equals_an_mlp_of_the_concatenation(relation):
    mlp = PairMLP((8, 6, 3), **SIZES).double()
    inputs = inputs_of(relation, SIZES)
    hidden = torch.nn.functional.linear(
        concatenated(relation, *inputs), whole_weight(mlp.pair), mlp.pair.bias
    )
    for layer in mlp.layers:
        if isinstance(layer, torch.nn.Linear):
            hidden = layer(torch.nn.functional.hardswish(hidden))
    out = mlp(relation, *inputs)
    assert out.shape[-1] == 3
    torch.testing.assert_close(out, hidden, rtol=1e-12, atol=1e-13)


@every_relation
def test_an_mlp_of_senders_alone_is_computed_a_node(relation):
    """The same numbers as on the pairs, and one call of the layers on the nodes."""
    torch.manual_seed(0)
    mlp = PairMLP((6, 5, 4), sender_dim=2).double()
    senders = inputs_of(relation, ("sender_dim",))[1]
    rows = []
    mlp.layers.register_forward_hook(lambda module, given, out: rows.append(given[0].shape[-2]))
    found = mlp(relation, None, senders)
    assert rows == [relation.n_senders]
    torch.testing.assert_close(found, mlp.layers(mlp.pair(relation, None, senders)))
    assert not PairMLP((6, 4), sender_dim=2, edge_dim=5).pair.reads_senders_alone


def test_a_map_that_reads_nothing_is_refused():
    with pytest.raises(ConfigError) as error:
        PairLinear(4)
    assert "PairLinear reads nothing" in str(error.value)
    assert "a receiver_dim, sender_dim, edge_dim or global_dim above 0" in str(error.value)


def test_a_call_without_any_input_is_refused():
    linear = PairLinear(4, sender_dim=2)
    with pytest.raises(ConfigError, match="none of the inputs that it has weights for"):
        linear(Complete(3), receivers=torch.zeros(3, 2))


def test_pair_product_is_a_sum_of_products_of_both_ends():
    from edgewise.nn.linear import PairProduct

    layer = PairProduct(2, receiver_dim=3, sender_dim=4, rank=5, hidden=6).double()
    here, there = torch.randn(7, 3, dtype=torch.float64), torch.randn(7, 4, dtype=torch.float64)
    relation = Complete(7, loops=False)
    found = layer(relation, here, there)
    last = layer.layers[-1]
    for r in range(7):
        for slot, s in enumerate(s for s in range(7) if s != r):
            products = layer.receiver(here[r]) * layer.sender(there[s])
            torch.testing.assert_close(found[r, slot], last.weight @ products + last.bias)


def test_pair_product_reads_no_edges():
    from edgewise.nn.linear import PairProduct

    layer = PairProduct(1, receiver_dim=2, sender_dim=2, rank=2, hidden=4)
    with pytest.raises(ConfigError, match="was given edges"):
        layer(Complete(3), torch.randn(3, 2), torch.randn(3, 2), torch.randn(3, 3, 1))
