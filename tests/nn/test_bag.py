"""A linear map of bags of words is the product with the dense matrix, dropout included."""

import pytest
import torch

from edgewise.errors import ConfigError
from edgewise.nn import Bag, BagLinear
from edgewise.relation import Sparse, fused

DOCUMENTS, WORDS, OUT = 5, 7, 4


def random(*size, seed=0):
    return torch.randn(*size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def matrix_and_bag():
    """A matrix with an empty row and an empty column, and the same as a bag."""
    dense = random(DOCUMENTS, WORDS)
    dense[torch.rand(DOCUMENTS, WORDS, generator=torch.Generator().manual_seed(1)) < 0.5] = 0
    dense[2], dense[:, 4] = 0, 0
    documents, words = dense.nonzero(as_tuple=True)
    order = torch.randperm(len(words), generator=torch.Generator().manual_seed(2))
    relation = Sparse(words[order], documents[order], DOCUMENTS, WORDS)
    return dense, Bag(relation, dense[documents, words][order][relation.order, None])


@pytest.mark.parametrize("least", [1, 10**9], ids=["fused", "plain"])
@pytest.mark.parametrize("heads", [1, 3])
@pytest.mark.parametrize("bias", [True, False])
def test_it_equals_the_dense_product(heads, bias, least, monkeypatch):
    monkeypatch.setattr(fused, "LEAST_EDGES", least)
    dense, bag = matrix_and_bag()
    layer = BagLinear(WORDS, OUT, heads=heads, bias=bias, dropout=0.5).double().eval()
    expected = dense @ layer.weight
    if bias:
        torch.nn.init.normal_(layer.bias)
        expected = expected + layer.bias
    out = layer(bag)
    torch.testing.assert_close(out, expected, rtol=1e-12, atol=1e-13)
    for mine, theirs in zip(
        torch.autograd.grad(out.square().sum(), [*layer.parameters()]),
        torch.autograd.grad(expected.square().sum(), [*layer.parameters()]),
        strict=True,
    ):
        torch.testing.assert_close(mine, theirs, rtol=1e-11, atol=1e-12)


def words_heard(layer):
    """Which of 2,000 words each of 3 heads heard in one pass: the weights are ones, a document a word."""
    n = 2000
    bag = Bag(Sparse(torch.arange(n), torch.arange(n), n), torch.ones(n, 1))
    layer = layer(n, 1, heads=3)
    torch.nn.init.ones_(layer.weight)
    return layer.train()(bag).detach()


def test_dropout_scales_what_it_keeps_and_each_head_draws_its_own():
    torch.manual_seed(0)
    out = words_heard(lambda *size, heads: BagLinear(*size, heads=heads, dropout=0.6))
    assert out.unique().tolist() == pytest.approx([0, 2.5])
    kept = (out > 0).float()
    # five standard errors of a share of 2,000 draws
    for head in range(3):
        assert kept[:, head].mean().item() == pytest.approx(0.4, abs=5 * (0.4 * 0.6 / 2000) ** 0.5)
    for a, b in ((0, 1), (0, 2), (1, 2)):
        both = (kept[:, a] * kept[:, b]).mean().item()
        assert both == pytest.approx(0.16, abs=5 * (0.16 * 0.84 / 2000) ** 0.5)


def test_dropout_of_one_head_drops_whole_entries():
    torch.manual_seed(0)
    n = 50
    bag = Bag(Sparse(torch.arange(n), torch.arange(n), n), torch.ones(n, 1))
    layer = BagLinear(n, OUT, dropout=0.5).train()
    torch.nn.init.ones_(layer.weight)
    out = layer(bag)
    assert set(out.unique().tolist()) == {0.0, 2.0}
    assert (out == out[:, :1]).all()
    assert not torch.equal(layer(bag), out)
    assert torch.equal(layer.eval()(bag), torch.ones(n, OUT))


def test_each_head_starts_with_glorots_bound():
    torch.manual_seed(0)
    layer = BagLinear(100, 20, heads=4)
    bound = (6 / 120) ** 0.5
    for part in layer.weight.split(20, -1):
        assert 0.98 * bound < part.abs().max().item() <= bound


def test_a_bag_of_other_words_is_refused():
    with pytest.raises(ConfigError) as error:
        BagLinear(9, OUT)(matrix_and_bag()[1])
    assert "a bag of 7 words" in str(error.value)
    assert "expected: 9, as the layer was made for" in str(error.value)
