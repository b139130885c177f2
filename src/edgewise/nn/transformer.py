"""The layers of a Transformer: attention and a feed-forward map, each with a residual and a layer normalisation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from edgewise.nn.attention import KeysValues, MultiHeadAttention, RelativePositions
from edgewise.nn.dropout import QuickDropout
from edgewise.relation import Relation
from edgewise.settings import one_of, require

Norm = Literal["post", "pre"]


@dataclass(frozen=True)
class LayerDims:
    """What the layers of a stack have in common; by default the base model of Vaswani et al. (2017, table 3).

    Attributes:
        dim: width of the nodes.
        heads: of every attention, a divisor of dim.
        feed_forward: width of the hidden layer of the feed-forward maps.
        norm: "post": LayerNorm(x + f(x)), as the paper prints it (section 5.4); "pre": x + f(LayerNorm(x)), as its
            released code has it.
        dropout: on the embeddings, and on each sublayer's output before it is added.
        feed_forward_dropout: on the hidden layer of the feed-forward maps.
        attention_dropout: on attention weights; with 0 the fused kernel runs.
        relative: the distance from which on relative positions are alike (k of Shaw et al. 2018), or 0 for none.
        relative_per_head: whether each head has its own vectors for the distances; the paper's share them.
        eps: of the layer normalisations; the released code has 1e-6.

    Raises:
        ConfigError: for another norm, or a number out of range.
    """

    dim: int = 512
    heads: int = 8
    feed_forward: int = 2048
    norm: Norm = "post"
    dropout: float = 0.1
    feed_forward_dropout: float = 0.0
    attention_dropout: float = 0.0
    relative: int = 0
    relative_per_head: bool = False
    eps: float = 1e-5

    def __post_init__(self) -> None:
        one_of("norm", self.norm, ("post", "pre"))
        for name in ("dim", "heads", "feed_forward"):
            require(getattr(self, name) >= 1, name, getattr(self, name), "1 or more")
        for name in ("dropout", "feed_forward_dropout", "attention_dropout"):
            require(0 <= getattr(self, name) < 1, name, getattr(self, name), "a share from 0 to below 1")
        require(self.relative >= 0, "relative", self.relative, "0 (no relative positions) or a distance")
        require(self.eps > 0, "eps", self.eps, "a number above 0")

    def attention(self, *, positions: bool) -> MultiHeadAttention:
        """Multi-head attention; `positions`: among the nodes of one sequence, so that they have distances."""
        relative = None
        if positions and self.relative:
            tables = self.heads if self.relative_per_head else None
            relative = RelativePositions(self.dim // self.heads, self.relative, tables)
        return MultiHeadAttention(self.dim, self.heads, dropout=self.attention_dropout, relative=relative)

    def residual(self) -> "Residual":
        return Residual(self.dim, self.norm, dropout=self.dropout, eps=self.eps)

    def last_norm(self) -> nn.Module:
        """What stands behind a stack: pre-norm layers leave their sum as it is."""
        return nn.LayerNorm(self.dim, self.eps) if self.norm == "pre" else nn.Identity()


class Residual(nn.Module):
    """x + dropout(f(x)) with a layer normalisation around the sum ("post") or before f ("pre").

    Vaswani et al. (2017), section 5.4.
    """

    def __init__(self, dim: int, norm: Norm, *, dropout: float, eps: float) -> None:
        super().__init__()
        self.norm, self.first = nn.LayerNorm(dim, eps), norm == "pre"
        self.dropout = QuickDropout(dropout)

    def forward(self, nodes: Tensor, sublayer: Callable[[Tensor], Tensor]) -> Tensor:
        if self.first:
            return nodes + self.dropout(sublayer(self.norm(nodes)))
        return self.norm(nodes + self.dropout(sublayer(nodes)))

    def read(self, nodes: Tensor) -> Tensor:
        """What the sublayer reads."""
        return self.norm(nodes) if self.first else nodes


class FeedForward(nn.Module):
    """max(0, x W_1 + b_1) W_2 + b_2 at every node (Vaswani et al. 2017, eq. 2).

    Shapes: [..., dim] -> [..., dim].
    """

    def __init__(self, dim: int, hidden: int, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.hidden, self.out = nn.Linear(dim, hidden), nn.Linear(hidden, dim)
        self.dropout = QuickDropout(dropout)
        for layer in (self.hidden, self.out):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, nodes: Tensor) -> Tensor:
        return self.out(self.dropout(self.hidden(nodes).relu()))


class EncoderLayer(nn.Module):
    """Self-attention, then a feed-forward map (Vaswani et al. 2017, section 3.1); causal if the relation is.

    Shapes: nodes [..., n, dim] -> [..., n, dim]; the relation has n receivers and n senders.
    """

    def __init__(self, dims: LayerDims) -> None:
        super().__init__()
        self.attention = dims.attention(positions=True)
        self.feed_forward = FeedForward(dims.dim, dims.feed_forward, dropout=dims.feed_forward_dropout)
        self.around_attention, self.around_feed_forward = dims.residual(), dims.residual()

    def forward(self, relation: Relation, nodes: Tensor, past: KeysValues | None = None) -> Tensor:
        """`past`: keys and values of all senders, the nodes included, if they are the last of a longer sequence."""
        nodes = self.around_attention(nodes, lambda x: self.attention(relation, x, past))
        return self.around_feed_forward(nodes, self.feed_forward)

    def keys_values(self, nodes: Tensor) -> KeysValues:
        """What later nodes see of these."""
        return self.attention.keys_values(self.around_attention.read(nodes))


class DecoderLayer(nn.Module):
    """Self-attention, attention to a memory, a feed-forward map (Vaswani et al. 2017, section 3.1).

    Shapes: nodes [..., n, dim], memory `memory_keys_values` of [..., m, dim] -> [..., n, dim].
    """

    def __init__(self, dims: LayerDims) -> None:
        super().__init__()
        self.attention = dims.attention(positions=True)
        self.cross_attention = dims.attention(positions=False)
        self.feed_forward = FeedForward(dims.dim, dims.feed_forward, dropout=dims.feed_forward_dropout)
        self.around_attention, self.around_cross_attention = dims.residual(), dims.residual()
        self.around_feed_forward = dims.residual()

    def memory_keys_values(self, memory: Tensor) -> KeysValues:
        """The memory as this layer reads it, projected once."""
        return self.cross_attention.keys_values(memory)

    def keys_values(self, nodes: Tensor) -> KeysValues:
        """What later nodes see of these."""
        return self.attention.keys_values(self.around_attention.read(nodes))

    def forward(
        self,
        relation: Relation,
        nodes: Tensor,
        across: Relation,
        memory: KeysValues,
        past: KeysValues | None = None,
    ) -> Tensor:
        """`relation`: among the nodes; `across`: from the memory to them; `past`: see `EncoderLayer.forward`."""
        nodes = self.hear(relation, nodes, past)
        nodes = self.around_cross_attention(nodes, lambda x: self.cross_attention(across, x, memory))
        return self.around_feed_forward(nodes, self.feed_forward)

    def hear(self, relation: Relation, nodes: Tensor, past: KeysValues | None = None) -> Tensor:
        """The nodes after self-attention."""
        return self.around_attention(nodes, lambda x: self.attention(relation, x, past))

    def memory_attention(
        self, relation: Relation, nodes: Tensor, across: Relation, memory: KeysValues
    ) -> Tensor:
        """How much each node looks at each place of the memory: [..., *layout of across, heads]."""
        heard = self.around_cross_attention.read(self.hear(relation, nodes))
        return self.cross_attention.attention(across, heard, memory)
