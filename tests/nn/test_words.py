"""Vectors of words on the way in and on the way out, one matrix or two."""

import pytest
import torch

from edgewise.errors import ConfigError
from edgewise.nn.words import Words


@pytest.mark.parametrize("tied", [False, True])
def test_logits_are_dot_products_with_every_word(tied):
    words = Words(7, 3, 3, tied=tied).double()
    torch.nn.init.normal_(words.bias)
    features = torch.randn(2, 5, 3, dtype=torch.float64)
    vectors = words.embedding.weight if tied else words.weight
    for w in range(7):
        expected = (features * vectors[w]).sum(-1) + words.bias[w]
        torch.testing.assert_close(words.logits(features)[..., w], expected, rtol=1e-12, atol=1e-13)
    assert torch.equal(words(torch.tensor([6, 0])), words.embedding.weight[[6, 0]])


def test_a_tied_matrix_is_kept_once():
    assert set(Words(7, 3, 3, tied=True).state_dict()) == {"embedding.weight", "bias"}
    assert set(Words(7, 3, 4).state_dict()) == {"embedding.weight", "weight", "bias"}


def test_tied_matrices_of_different_width_are_refused():
    with pytest.raises(ConfigError) as error:
        Words(7, 3, 4, tied=True)
    assert "tied embeddings of 3 features and an output matrix of 4" in str(error.value)
    assert "leave the embeddings untied" in str(error.value)
