"""The GCN is two propagations with a ReLU between them; bags and matrices of the same words give the same."""

import pytest
import torch

from edgewise.models import GCN, dense_input, gcn_on_bags
from edgewise.nn import Bag
from edgewise.relation import Complete, Sparse

N, WORDS, CLASSES = 6, 9, 3
PAIRS = torch.tensor([[0, 0, 1, 3], [1, 2, 2, 4]])  # node 5 is isolated
RELATION = Sparse(*torch.cat([PAIRS, PAIRS.flip(0)], 1), N).with_loops()


def random(*size, seed=0):
    return torch.randn(*size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def words():
    return random(N, WORDS).relu()  # about half are 0


def bag_of(dense):
    documents, columns = dense.nonzero(as_tuple=True)
    relation = Sparse(columns, documents, *dense.shape)
    return Bag(relation, dense[documents, columns][relation.order, None])


def dense_model(dropout=0.5):
    torch.manual_seed(0)
    return GCN(dense_input(WORDS, 4, dropout=dropout), 4, CLASSES, dropout=dropout).double()


def propagation():
    adjacency = torch.zeros(N, N, dtype=torch.float64)
    adjacency[RELATION.receivers, RELATION.senders] = 1
    root = adjacency.sum(1).rsqrt().diag()
    return root @ adjacency @ root


def test_it_equals_equation_9():
    model = dense_model().eval()
    a, x = propagation(), words()
    first, second = model.first[1].weight.T, model.second.linear.weight.T
    expected = a @ (a @ x @ first).relu() @ second
    torch.testing.assert_close(model(RELATION, x), expected, rtol=1e-12, atol=1e-13)


def test_a_bag_and_a_matrix_of_the_same_words_give_the_same_logits_and_gradients():
    dense, bags = dense_model().eval(), gcn_on_bags(WORDS, CLASSES, hidden=4).double().eval()
    bags.second.load_state_dict(dense.second.state_dict())
    with torch.no_grad():
        bags.first.weight.copy_(dense.first[1].weight.T)
    left, right = dense(RELATION, words()), bags(RELATION, bag_of(words()))
    torch.testing.assert_close(left, right, rtol=1e-12, atol=1e-13)
    (theirs,) = torch.autograd.grad(left.square().sum(), dense.first[1].weight)
    (ours,) = torch.autograd.grad(right.square().sum(), bags.first.weight)
    torch.testing.assert_close(ours, theirs.T, rtol=1e-11, atol=1e-12)


def test_it_has_two_weights_and_no_biases():
    shapes = {name: tuple(value.shape) for name, value in gcn_on_bags(WORDS, CLASSES).named_parameters()}
    assert shapes == {"first.weight": (WORDS, 16), "second.linear.weight": (CLASSES, 16)}


@pytest.mark.parametrize("model", [dense_model, lambda: gcn_on_bags(WORDS, CLASSES, hidden=32).double()])
def test_dropout_acts_in_training_only(model):
    model = model()
    x = words() if isinstance(model.first, torch.nn.Sequential) else bag_of(words())
    model.eval()
    assert torch.equal(model(RELATION, x), model(RELATION, x))
    model.train()
    assert not torch.equal(model(RELATION, x), model(RELATION, x))


def test_dropout_has_two_places():
    for place in ("first", "dropout"):
        model = dense_model(0.0).train()
        (model.first[0] if place == "first" else model.dropout).p = 0.5
        torch.manual_seed(1)
        drawn = torch.stack([model(RELATION, words()) for _ in range(8)])
        assert not torch.equal(drawn[0], drawn[1])


def test_a_node_hears_two_steps_away_and_no_further():
    chain = Sparse(torch.arange(4), torch.arange(1, 5), 5).with_loops()
    model, x = dense_model().eval(), random(5, WORDS).abs().requires_grad_()
    with torch.no_grad():
        model.first[1].weight.abs_()  # no ReLU is off
    (grad,) = torch.autograd.grad(model(chain, x)[4].sum(), x)
    assert (grad != 0).any(1).tolist() == [False, False, True, True, True]


def test_leading_dimensions_and_complete_relations():
    model, x = dense_model().eval(), random(2, N, WORDS)
    expected = torch.stack([model(Complete(N).to_sparse(), one) for one in x])
    torch.testing.assert_close(model(Complete(N), x), expected, rtol=1e-12, atol=1e-13)
