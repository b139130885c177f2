"""The words of a vocabulary as vectors, on the way in and on the way out."""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from edgewise.errors import ConfigError


class Words(nn.Module):
    """Vectors of words: `forward` looks them up, `logits` scores features against every word.

        logits_w = v_w . features + b_w

    Tied (Press & Wolf 2017), v is the embedding itself, kept once.

    Args:
        n_words: size of the vocabulary; embedding_dim: of the vectors looked up; out_dim: width of the features scored.
        tied: whether both are one matrix.

    Shapes: tokens [...] int64 -> [..., embedding_dim]; logits of [..., out_dim] -> [..., n_words].

    Raises:
        ConfigError: for tied matrices of different width.
    """

    def __init__(self, n_words: int, embedding_dim: int, out_dim: int, *, tied: bool = False) -> None:
        super().__init__()
        if tied and embedding_dim != out_dim:
            raise ConfigError(
                f"tied embeddings of {embedding_dim} features and an output matrix of {out_dim}",
                expected="the same number, since they are one matrix",
                fix="make them equal, or leave the embeddings untied",
            )
        self.embedding = nn.Embedding(n_words, embedding_dim)
        self.weight = None if tied else nn.Parameter(torch.empty(n_words, out_dim))
        self.bias = nn.Parameter(torch.zeros(n_words))
        if self.weight is not None:
            nn.init.normal_(self.weight, std=out_dim**-0.5)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.embedding(tokens)

    def logits(self, features: Tensor) -> Tensor:
        """The score of every word: [..., out_dim] -> [..., n_words]."""
        return linear(features, self.embedding.weight if self.weight is None else self.weight, self.bias)
