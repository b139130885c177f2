"""The graph attention network of Velickovic et al. (2018)."""

import torch
from torch import Tensor, nn

from edgewise.nn.bag import Bag, BagLinear
from edgewise.nn.graph.gat import AdditiveAttention, GraphAttention
from edgewise.relation import Relation


class GAT(nn.Module):
    """Two layers (section 3.3): `heads` of `hidden` features side by side and ELU, then averaged output heads.

    Dropout acts on the input of both layers, on the features that are summed, and on the attention weights. The
    input's is drawn anew for each head, as in the authors' code, by the first layer too if it is a `BagLinear` with
    heads. Their code also adds a number a head to the logits, which the paper (eq. 3) does not have (`logit_bias`).

    Args:
        first: X W of all heads, with dropout on X: `BagLinear` or, for a matrix, `dense_input`, with as many heads.
        hidden: features a head; heads: of the first layer; output_heads: of the second.
        n_classes: of the result; dropout: in all three places; logit_bias: in both layers.

    `relation` holds the self-loops (`Sparse.with_loops`).

    Shapes: features as `first` takes them -> [..., n_nodes, n_classes].
    """

    def __init__(
        self,
        first: nn.Module,
        hidden: int,
        heads: int,
        n_classes: int,
        *,
        output_heads: int = 1,
        dropout: float = 0.6,
        logit_bias: bool = False,
    ) -> None:
        super().__init__()
        self.first = first
        self.core = AdditiveAttention(hidden, heads, dropout=dropout, logit_bias=logit_bias)
        self.bias = nn.Parameter(torch.zeros(heads * hidden))
        self.second = GraphAttention(
            heads * hidden,
            n_classes,
            output_heads,
            average=True,
            dropout=dropout,
            input_dropout=dropout,
            logit_bias=logit_bias,
        )

    def forward(self, relation: Relation, features: Tensor | Bag) -> Tensor:
        return self.second(relation, self._hidden(relation, self.first(features)))

    def _hidden(self, relation: Relation, projected: Tensor) -> Tensor:
        return nn.functional.elu(self.core(relation, projected) + self.bias)

    def attention(self, relation: Relation, features: Tensor | Bag) -> tuple[Tensor, Tensor]:
        """The attention of both layers: [..., *layout, heads] and [..., *layout, output_heads].

        In training mode the second is that of a hidden layer with dropout; call `eval()` first for the network's own.
        """
        projected = self.first(features)
        hidden = self._hidden(relation, projected)
        return self.core.attention(relation, projected), self.second.attention(relation, hidden)


def gat_on_bags(
    n_words: int,
    n_classes: int,
    *,
    hidden: int = 8,
    heads: int = 8,
    output_heads: int = 1,
    dropout: float = 0.6,
    logit_bias: bool = False,
) -> GAT:
    """The model of the citation graphs: bags of words, 8 heads of 8 features."""
    first = BagLinear(n_words, hidden, heads=heads, dropout=dropout)
    settings = {"output_heads": output_heads, "dropout": dropout, "logit_bias": logit_bias}
    return GAT(first, hidden, heads, n_classes, **settings)
