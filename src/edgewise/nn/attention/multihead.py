"""Multi-head attention on any relation (Vaswani et al. 2017)."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn

from edgewise.errors import ConfigError
from edgewise.nn.attention.relative import RelativePositions
from edgewise.nn.widths import check_width
from edgewise.relation import Relation


@dataclass(frozen=True, eq=False)
class KeysValues:
    """Projected keys and values of the senders, all heads side by side: a cache that is passed and returned.

    Shapes: key, value [..., n_senders, dim].
    """

    key: Tensor
    value: Tensor

    def extended(self, new: Self) -> "KeysValues":
        """With more senders behind."""
        return KeysValues(torch.cat([self.key, new.key], -2), torch.cat([self.value, new.value], -2))

    def select(self, rows: Tensor) -> "KeysValues":
        """Those of some of the batch: rows [k] int64."""
        return KeysValues(self.key.index_select(0, rows), self.value.index_select(0, rows))


class MultiHeadAttention(nn.Module):
    """Scaled dot-product attention by several heads (Vaswani et al. 2017, section 3.2).

        w_h,rs = softmax over s of W^Q_h x_r . W^K_h m_s / sqrt(d_h)
        out_r = W^O [sum_s w_1,rs W^V_1 m_s; ...; sum_s w_H,rs W^V_H m_s]

    The fused kernel runs wherever weights need no dropout, with `RelativePositions` a blockwise one; results agree
    with the plain steps.

    Args:
        dim: of the nodes, of all heads together and of the result; heads: number of heads, a divisor of dim.
        key_dim: of the memory, if it is another; bias: in all four maps.
        dropout: on the weights, in training (the fused kernels are not used then).
        relative: vectors for the distances of senders and receivers.

    Shapes: nodes [..., n_receivers, dim], memory from `keys_values` of [..., n_senders, key_dim]
        -> [..., n_receivers, dim]; attention [..., *layout, heads].

    Raises:
        ConfigError: if heads do not divide dim, for relative positions of other heads, or for nodes of another width.
    """

    def __init__(
        self,
        dim: int,
        heads: int,
        *,
        key_dim: int | None = None,
        bias: bool = True,
        dropout: float = 0.0,
        relative: RelativePositions | None = None,
    ) -> None:
        super().__init__()
        if heads < 1 or dim % heads:
            raise ConfigError(
                f"{heads} heads of {dim} features in all", expected="heads that divide the features"
            )
        if relative is not None:
            relative.check_heads(heads, dim // heads)
        self.heads, self.scale = heads, (dim // heads) ** -0.5
        self.query = nn.Linear(dim, dim, bias=bias)
        self.key_value = nn.Linear(dim if key_dim is None else key_dim, 2 * dim, bias=bias)
        self.out = nn.Linear(dim, dim, bias=bias)
        self.dropout, self.relative = nn.Dropout(dropout), relative
        for matrix in (self.query.weight, *self.key_value.weight.chunk(2), self.out.weight):
            nn.init.xavier_uniform_(matrix.detach())
        for layer in (self.query, self.key_value, self.out):
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)

    def keys_values(self, memory: Tensor) -> KeysValues:
        """The projected memory, once however often it is asked: [..., n_senders, key_dim]."""
        check_width("the memory of MultiHeadAttention", memory, self.key_value.in_features)
        return KeysValues(*self.key_value(memory).chunk(2, -1))

    def _ends(self, nodes: Tensor, memory: KeysValues | None) -> tuple[Tensor, KeysValues]:
        check_width("MultiHeadAttention", nodes, self.query.in_features)
        return self.query(nodes), self.keys_values(nodes) if memory is None else memory

    def attention(self, relation: Relation, nodes: Tensor, memory: KeysValues | None = None) -> Tensor:
        """The weights of every head, an edge attribute: [..., *layout, heads]."""
        query, memory = self._ends(nodes, memory)
        return self._weights(relation, query, memory.key)

    def _weights(self, relation: Relation, query: Tensor, key: Tensor) -> Tensor:
        if self.relative is not None:
            return self.relative.weights(relation, query, key, heads=self.heads, scale=self.scale)
        return relation.softmax(relation.dot(query * self.scale, key, self.heads))

    def forward(self, relation: Relation, nodes: Tensor, memory: KeysValues | None = None) -> Tensor:
        """Attention to a memory, or of the nodes to each other."""
        query, memory = self._ends(nodes, memory)
        return self.out(self._context(relation, query, memory.key, memory.value))

    def _context(self, relation: Relation, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        if self.training and self.dropout.p:
            weights = self.dropout(self._weights(relation, query, key))
            if self.relative is not None:
                return self.relative.sum_senders(relation, weights, value)
            return relation.sum_senders(value, weights)
        if self.relative is not None:
            return self.relative.attend(relation, query, key, value, heads=self.heads, scale=self.scale)
        return relation.attend(query, key, value, heads=self.heads, scale=self.scale)
