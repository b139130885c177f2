"""The GAT is two attention layers; its dropout acts in three places, in training only."""

import pytest
import torch

from edgewise.models import GAT, dense_input, gat_on_bags
from edgewise.nn import Bag, GraphAttention
from edgewise.nn.dropout import QuickDropout
from edgewise.relation import Complete, Sparse, fused

N, WORDS, CLASSES, HIDDEN, HEADS = 6, 9, 3, 4, 2
PAIRS = torch.tensor([[0, 0, 1, 3], [1, 2, 2, 4]])  # node 5 hears itself alone
RELATION = Sparse(*torch.cat([PAIRS, PAIRS.flip(0)], 1), N).with_loops()


def random(*size, seed=0):
    return torch.randn(*size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def words():
    return random(N, WORDS).relu()


def bag_of(dense):
    documents, columns = dense.nonzero(as_tuple=True)
    relation = Sparse(columns, documents, *dense.shape)
    return Bag(relation, dense[documents, columns][relation.order, None])


def dense_model(dropout=0.6, output_heads=2):
    torch.manual_seed(0)
    first = dense_input(WORDS, HIDDEN, heads=HEADS, dropout=dropout)
    model = GAT(first, HIDDEN, HEADS, CLASSES, output_heads=output_heads, dropout=dropout)
    torch.nn.init.normal_(model.bias)
    return model.double()


@pytest.mark.parametrize("output_heads", [1, 2])
def test_it_is_two_attention_layers_with_an_elu_between_them(output_heads):
    model = dense_model(output_heads=output_heads).eval()
    layer = GraphAttention(WORDS, HIDDEN, HEADS).double()
    layer.linear.weight = model.first[1].weight
    layer.bias = model.bias
    layer.core.load_state_dict(model.core.state_dict())
    hidden = torch.nn.functional.elu(layer(RELATION, words()))
    out = model(RELATION, words())
    assert out.shape == (N, CLASSES)
    torch.testing.assert_close(out, model.second(RELATION, hidden), rtol=1e-12, atol=1e-13)
    first, second = model.attention(RELATION, words())
    torch.testing.assert_close(first, layer.attention(RELATION, words()), rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(second, model.second.attention(RELATION, hidden), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("least", [1, 10**9], ids=["fused", "plain"])
def test_the_attention_of_both_layers_sums_to_one(least, monkeypatch):
    monkeypatch.setattr(fused, "LEAST_EDGES", least)
    for weights, heads in zip(dense_model().eval().attention(RELATION, words()), (HEADS, 2), strict=True):
        torch.testing.assert_close(RELATION.sum(weights), torch.ones(N, heads, dtype=torch.float64))
        assert (weights > 0).all()


@pytest.mark.parametrize("least", [1, 10**9], ids=["fused", "plain"])
def test_a_bag_and_a_matrix_of_the_same_words_give_the_same(least, monkeypatch):
    monkeypatch.setattr(fused, "LEAST_EDGES", least)
    dense = dense_model().eval()
    bags = gat_on_bags(WORDS, CLASSES, hidden=HIDDEN, heads=HEADS, output_heads=2).double().eval()
    state = dense.state_dict()
    state["first.weight"] = state.pop("first.1.weight").T
    bags.load_state_dict(state)
    torch.testing.assert_close(
        bags(RELATION, bag_of(words())), dense(RELATION, words()), rtol=1e-12, atol=1e-13
    )


def test_the_model_of_the_citation_graphs_has_the_papers_sizes():
    shapes = {name: tuple(value.shape) for name, value in gat_on_bags(1433, 7).named_parameters()}
    assert shapes == {
        "first.weight": (1433, 64),
        "core.receiver": (8, 8),
        "core.sender": (8, 8),
        "bias": (64,),
        "second.linear.weight": (7, 64),
        "second.core.receiver": (1, 7),
        "second.core.sender": (1, 7),
        "second.bias": (7,),
    }
    places = {name: m.p for name, m in gat_on_bags(9, 7).named_modules() if isinstance(m, DROPOUTS)}
    assert set(places.values()) == {0.6}
    assert len(places) == 6  # input, summed features and weights of both layers


DROPOUTS = (torch.nn.Dropout, QuickDropout)
PLACES = [
    "first.0",
    "core.feature_dropout",
    "core.weight_dropout",
    "second.input_dropout",
    "second.core.feature_dropout",
    "second.core.weight_dropout",
]


@pytest.mark.parametrize("place", PLACES)
def test_dropout_in_each_place_acts_in_training_only(place):
    model = dense_model(0.0)
    model.get_submodule(place).p = 0.5
    torch.manual_seed(1)
    model.train()
    assert not torch.equal(model(RELATION, words()), model(RELATION, words()))
    model.eval()
    expected = dense_model(0.0).eval()
    expected.load_state_dict(model.state_dict())
    assert torch.equal(model(RELATION, words()), expected(RELATION, words()))


def test_each_head_of_dense_input_starts_with_glorots_bound():
    torch.manual_seed(0)
    weight = dense_input(100, 20, heads=4)[1].weight
    bound = (6 / 120) ** 0.5
    for part in weight.split(20):
        assert 0.98 * bound < part.abs().max().item() <= bound


def test_leading_dimensions_and_complete_relations():
    model, x = dense_model().eval(), random(2, N, WORDS)
    expected = torch.stack([model(Complete(N).to_sparse(), one) for one in x])
    torch.testing.assert_close(model(Complete(N), x), expected, rtol=1e-12, atol=1e-13)
