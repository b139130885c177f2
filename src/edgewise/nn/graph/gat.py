"""Graph attention: attention as an edge attribute, then a sum over it."""

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, linear

from edgewise.nn.dropout import QuickDropout
from edgewise.nn.widths import check_width
from edgewise.relation import Relation


def per_head(features: Tensor, vectors: Tensor) -> Tensor:
    """The dot product of each head's features with its vector: [..., heads * width], [heads, width] -> [..., heads]."""
    return (features.unflatten(-1, vectors.shape) * vectors).sum(-1)


class AdditiveAttention(nn.Module):
    """The attention of a GAT on projected nodes z = W h, a head:

        logit_rs = LeakyReLU(a_r . z_r + a_s . z_s (+ c)),   w_r. = softmax(logit_r.),   out_r = sum_s w_rs z_s

    Velickovic et al. (2018), eq. 1-4; c, a number a head, is in the authors' code only. In training, dropout acts on
    the features that are summed (not on those that are scored) and on the weights, as in that code. Without dropout on
    the weights, they are never stored.

    Args:
        out_dim: features a head; heads: number of heads.
        dropout: on summed features and on weights.
        slope: of the LeakyReLU; logit_bias: whether c is there.

    Shapes: projected [..., n_nodes, heads * out_dim] -> the same; attention [..., *layout, heads].
    """

    def __init__(
        self,
        out_dim: int,
        heads: int,
        *,
        dropout: float = 0.0,
        slope: float = 0.2,
        logit_bias: bool = False,
    ) -> None:
        super().__init__()
        self.heads, self.slope = heads, slope
        self.receiver, self.sender = (nn.Parameter(torch.empty(heads, out_dim)) for _ in range(2))
        self.bias = nn.Parameter(torch.zeros(heads)) if logit_bias else None
        self.feature_dropout, self.weight_dropout = nn.Dropout(dropout), QuickDropout(dropout)
        for vector in [*self.receiver.detach(), *self.sender.detach()]:
            nn.init.xavier_uniform_(vector[None])

    def attention(self, relation: Relation, projected: Tensor) -> Tensor:
        """The weights, an edge attribute: [..., *layout, heads]."""
        return self.weigh(relation, *self.score(projected))

    def score(self, projected: Tensor) -> tuple[Tensor, Tensor]:
        """The part of each end in the logit: two of [..., n_nodes, heads]."""
        return self.shifted(per_head(projected, self.receiver)), per_head(projected, self.sender)

    def shifted(self, received: Tensor) -> Tensor:
        return received if self.bias is None else received + self.bias

    def weigh(self, relation: Relation, received: Tensor, sent: Tensor) -> Tensor:
        logits = relation.from_receivers(received) + relation.from_senders(sent)
        return relation.softmax(leaky_relu(logits, self.slope))

    def forward(
        self, relation: Relation, projected: Tensor, scores: tuple[Tensor, Tensor] | None = None
    ) -> Tensor:
        """`scores` are those of `score`, if they are known already."""
        received, sent = self.score(projected) if scores is None else scores
        values = self.feature_dropout(projected)
        if self.training and self.weight_dropout.p:
            return relation.sum_senders(values, self.weight_dropout(self.weigh(relation, received, sent)))
        return relation.additive_attention(received, sent, values, self.slope)


def merged(heads_out: Tensor, heads: int, *, average: bool) -> Tensor:
    """Heads side by side (eq. 5), or their mean (eq. 6): [..., heads * d] -> [..., heads * d or d]."""
    return heads_out.unflatten(-1, (heads, -1)).mean(-2) if average else heads_out


class GraphAttention(nn.Module):
    """The layer of a GAT (Velickovic et al. 2018, eq. 1-6): z = W h, then `AdditiveAttention`, then (+ b).

    Args:
        in_dim: features of a node; out_dim: features a head; heads: number of heads.
        average: take the mean of the heads (eq. 6) instead of putting them side by side (eq. 5).
        dropout: on summed features and on attention weights.
        input_dropout: on h; each head draws its own, as in the authors' code.
        slope: of the LeakyReLU; bias: whether b is there; logit_bias: whether c is.

    Shapes: nodes [..., n_nodes, in_dim] -> [..., n_nodes, heads * out_dim], or [..., n_nodes, out_dim] if averaged.

    Raises:
        ConfigError: for nodes of another width.
    """

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        heads: int,
        *,
        average: bool = False,
        dropout: float = 0.0,
        input_dropout: float = 0.0,
        slope: float = 0.2,
        bias: bool = True,
        logit_bias: bool = False,
    ) -> None:
        super().__init__()
        self.average, self.input_dropout = average, QuickDropout(input_dropout)
        self.linear = nn.Linear(in_dim, heads * out_dim, bias=False)
        self.core = AdditiveAttention(out_dim, heads, dropout=dropout, slope=slope, logit_bias=logit_bias)
        self.bias = nn.Parameter(torch.zeros(out_dim if average else heads * out_dim)) if bias else None
        for part in self.linear.weight.detach().split(out_dim):
            nn.init.xavier_uniform_(part)

    def attention(self, relation: Relation, nodes: Tensor) -> Tensor:
        """How much each receiver attends to each sender: [..., *layout, heads], summing to 1 over its in-edges."""
        return self.core.weigh(relation, *self._projected(nodes)[1])

    def _projected(self, nodes: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """z of all heads, side by side, and the parts of the logits."""
        check_width("GraphAttention", nodes, self.linear.in_features)
        if not (self.training and self.input_dropout.p):
            return self.linear(nodes), self._score(nodes)
        copies = nodes[..., None, :, :].expand(*nodes.shape[:-2], self.core.heads, *nodes.shape[-2:])
        kept = self.input_dropout(copies)
        weights = self.linear.weight.unflatten(0, (self.core.heads, -1))
        projected = (kept @ weights.mT).transpose(-3, -2).flatten(-2)
        return projected, self.core.score(projected)

    def _score(self, nodes: Tensor) -> tuple[Tensor, Tensor]:
        """a . (W h) as (a W) . h: the vectors go through the weights once, not through every node."""
        weights = self.linear.weight.unflatten(0, self.core.receiver.shape)
        vectors = torch.stack([self.core.receiver, self.core.sender])
        both = torch.einsum("ehd,hdi->ehi", vectors, weights).flatten(0, 1)
        received, sent = linear(nodes, both).chunk(2, -1)
        return self.core.shifted(received), sent

    def forward(self, relation: Relation, nodes: Tensor) -> Tensor:
        out = self.core(relation, *self._projected(nodes))
        out = merged(out, self.core.heads, average=self.average)
        return out if self.bias is None else out + self.bias


class GraphAttentionV2(nn.Module):
    """Dynamic graph attention (Brody, Alon & Yahav 2022, eq. 7): the nonlinearity before the attention vector.

        logit_rs = a . LeakyReLU(W_r h_r + W_s h_s + b),   w_r. = softmax(logit_r.),   out_r = sum_s w_rs W_s h_s

    Any receiver may attend most to any sender; in `GraphAttention` all receivers rank the senders alike.

    Args:
        in_dim: features of a node; out_dim: features a head; heads: number of heads, put side by side.
        dropout: on attention weights, in training (dropout on the input is the model's).
        slope: of the LeakyReLU; bias: whether both maps and the result have one.

    Shapes: nodes [..., n_nodes, in_dim] -> [..., n_nodes, heads * out_dim].

    Raises:
        ConfigError: for nodes of another width.
    """

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        heads: int,
        *,
        dropout: float = 0.0,
        slope: float = 0.2,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.heads, self.slope = heads, slope
        self.receiver, self.sender = (nn.Linear(in_dim, heads * out_dim, bias=bias) for _ in range(2))
        self.vector = nn.Parameter(torch.empty(heads, out_dim))
        self.bias = nn.Parameter(torch.zeros(heads * out_dim)) if bias else None
        self.weight_dropout = QuickDropout(dropout)
        for vector in self.vector.detach():
            nn.init.xavier_uniform_(vector[None])

    def attention(self, relation: Relation, nodes: Tensor) -> Tensor:
        """How much each receiver attends to each sender: [..., *layout, heads], summing to 1 over its in-edges."""
        return self._weigh(relation, *self._projected(nodes))

    def _projected(self, nodes: Tensor) -> tuple[Tensor, Tensor]:
        check_width("GraphAttentionV2", nodes, self.sender.in_features)
        return self.receiver(nodes), self.sender(nodes)

    def _weigh(self, relation: Relation, received: Tensor, sent: Tensor) -> Tensor:
        both = relation.from_receivers(received) + relation.from_senders(sent)
        return relation.softmax(per_head(leaky_relu(both, self.slope), self.vector))

    def forward(self, relation: Relation, nodes: Tensor) -> Tensor:
        received, sent = self._projected(nodes)
        out = relation.sum_senders(sent, self.weight_dropout(self._weigh(relation, received, sent)))
        return out if self.bias is None else out + self.bias
