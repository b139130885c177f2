"""Attention: a score, an alignment, and a sum over the senders."""

from torch import Tensor, nn

from edgewise.nn.attention.align import Alignment, Softmax
from edgewise.nn.attention.score import Score
from edgewise.relation import Relation


class Attention(nn.Module):
    """Attention as an edge attribute:

        logits = score(query, key),   weights = align(logits),   context_r = sum over s -> r of weights_rs value_s

    Any score goes with any alignment on any relation.

    Args:
        score: e.g. `AdditiveScore`; align: e.g. `LocalPredictive`; `Softmax` if None.
        dropout: on the weights, in training.

    Shapes: query [..., n_receivers, query_dim], keys as `keys` gives them, value [..., n_senders, value_dim]
        -> [..., n_receivers, value_dim]; attention [..., *layout, 1].
    """

    def __init__(self, score: Score, align: Alignment | None = None, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.score, self.align = score, Softmax() if align is None else align
        self.dropout = nn.Dropout(dropout)

    def keys(self, key: Tensor) -> Tensor:
        """What the score computes from the keys alone; once a sentence."""
        return self.score.keys(key)

    def attention(self, relation: Relation, query: Tensor, keys: Tensor, *, first: int = 0) -> Tensor:
        """The weights, an edge attribute: [..., *layout, 1]. `first` is the position of the first receiver."""
        return self.align(relation, self.score.logits(relation, query, keys), query, first=first)

    def forward(
        self, relation: Relation, query: Tensor, keys: Tensor, value: Tensor, *, first: int = 0
    ) -> Tensor:
        weights = self.attention(relation, query, keys, first=first)
        return relation.sum_senders(value, self.dropout(weights))
