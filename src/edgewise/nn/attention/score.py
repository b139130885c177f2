"""How well a query fits a key: logits on the edges of a relation, one class a score.

Every score has two stages, so that what depends on the keys alone is computed once, however often it is asked:

    keys(key)                          [..., n_senders, key_dim] -> [..., n_senders, *]
    logits(relation, query, keys)      [..., n_receivers, query_dim], keys of the first stage -> [..., *layout, 1]

`score(relation, query, key)` is both.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from edgewise.errors import ConfigError
from edgewise.nn.widths import check_width
from edgewise.relation import Relation


class Score(nn.Module, ABC):
    """A score: an edge attribute of query (at the receiver) and key (at the sender).

    Shapes: query [..., n_receivers, query_dim], key [..., n_senders, key_dim] -> logits [..., *layout, 1].
    """

    def keys(self, key: Tensor) -> Tensor:
        """What is computed from the keys alone; here the keys themselves."""
        return key

    @abstractmethod
    def logits(self, relation: Relation, query: Tensor, keys: Tensor) -> Tensor:
        """The score of every edge, from what `keys` gave."""

    def forward(self, relation: Relation, query: Tensor, key: Tensor) -> Tensor:
        return self.logits(relation, query, self.keys(key))


def _alike(what: str, query: Tensor, keys: Tensor) -> None:
    check_width(f"the query of {what}", query, keys.shape[-1])


class DotScore(Score):
    """q . k (Luong, Pham & Manning 2015, section 3.1, "dot"). Query and key have the same width."""

    def logits(self, relation: Relation, query: Tensor, keys: Tensor) -> Tensor:
        _alike(type(self).__name__, query, keys)
        return relation.dot(query, keys)


class ScaledDotScore(Score):
    """q . k / sqrt(d) (Vaswani et al. 2017, eq. 1). Query and key have the same width d."""

    def logits(self, relation: Relation, query: Tensor, keys: Tensor) -> Tensor:
        _alike("ScaledDotScore", query, keys)
        return relation.dot(query * keys.shape[-1] ** -0.5, keys)


class GaussianScore(DotScore):
    """x_i . x_j: with a softmax, the Gaussian f = exp(x_i . x_j) over its sum (Wang et al. 2018, eq. 2)."""


class EmbeddedGaussianScore(Score):
    """theta(x_i) . phi(x_j): with a softmax, the embedded Gaussian (Wang et al. 2018, eq. 3).

    Args:
        query_dim, key_dim: widths; hidden: width of both embeddings, which are linear (with biases, as 1 x 1
            convolutions have them).
    """

    def __init__(self, query_dim: int, key_dim: int, hidden: int) -> None:
        super().__init__()
        self.theta, self.phi = nn.Linear(query_dim, hidden), nn.Linear(key_dim, hidden)

    def keys(self, key: Tensor) -> Tensor:
        check_width("the key of EmbeddedGaussianScore", key, self.phi.in_features)
        return self.phi(key)

    def logits(self, relation: Relation, query: Tensor, keys: Tensor) -> Tensor:
        check_width("the query of EmbeddedGaussianScore", query, self.theta.in_features)
        return relation.dot(self.theta(query), keys)


class GeneralScore(Score):
    """q^T W k (Luong, Pham & Manning 2015, section 3.1, "general")."""

    def __init__(self, query_dim: int, key_dim: int) -> None:
        super().__init__()
        self.weight = nn.Linear(key_dim, query_dim, bias=False)

    def keys(self, key: Tensor) -> Tensor:
        check_width("the key of GeneralScore", key, self.weight.in_features)
        return self.weight(key)

    def logits(self, relation: Relation, query: Tensor, keys: Tensor) -> Tensor:
        _alike("GeneralScore", query, keys)
        return relation.dot(query, keys)


class AdditiveScore(Score):
    """v^T tanh(W q + U k) (Bahdanau, Cho & Bengio 2015, appendix A.1.2).

    Args:
        query_dim, key_dim: widths; hidden: of W and U, which have no biases.
    """

    def __init__(self, query_dim: int, key_dim: int, hidden: int) -> None:
        super().__init__()
        self.query = nn.Linear(query_dim, hidden, bias=False)
        self.key = nn.Linear(key_dim, hidden, bias=False)
        self.vector = nn.Linear(hidden, 1, bias=False)

    def keys(self, key: Tensor) -> Tensor:
        check_width(f"the key of {type(self).__name__}", key, self.key.in_features)
        return self.key(key)

    def logits(self, relation: Relation, query: Tensor, keys: Tensor) -> Tensor:
        check_width(f"the query of {type(self).__name__}", query, self.query.in_features)
        both = relation.from_receivers(self.query(query)) + relation.from_senders(keys)
        return self.vector(both.tanh())


class ConcatScore(AdditiveScore):
    """v^T tanh(W [q; k]) (Luong, Pham & Manning 2015, section 3.1, "concat").

    W is kept as its two halves, so the concatenation is never built; the function is that of `AdditiveScore`, and the
    papers differ in which state asks: the previous one (Bahdanau) or the current one (Luong).
    """


class LocationScore(Score):
    """(W q)_s: a score of the position alone (Luong, Pham & Manning 2015, eq. 8, "location").

    Args:
        query_dim: width of the query; n_positions: most senders that there may be.

    Raises:
        ConfigError: for more senders than positions.
    """

    def __init__(self, query_dim: int, n_positions: int) -> None:
        super().__init__()
        self.weight = nn.Linear(query_dim, n_positions, bias=False)

    def keys(self, key: Tensor) -> Tensor:
        """Which position each sender has, as a unit vector: [..., n_senders, n_senders]."""
        if key.shape[-2] > self.weight.out_features:
            raise ConfigError(
                f"LocationScore was given {key.shape[-2]} positions",
                expected=f"at most {self.weight.out_features}, as it was made for",
            )
        places = torch.eye(key.shape[-2], dtype=key.dtype, device=key.device)
        return places.expand(*key.shape[:-1], -1)

    def logits(self, relation: Relation, query: Tensor, keys: Tensor) -> Tensor:
        check_width("the query of LocationScore", query, self.weight.in_features)
        return relation.dot(self.weight(query)[..., : keys.shape[-1]], keys)
