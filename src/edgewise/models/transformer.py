"""The Transformer of Vaswani et al. (2017), with absolute or relative positions (Shaw et al. 2018)."""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn
from torch.nn.functional import linear

from edgewise.errors import ConfigError
from edgewise.models.sequence import Rows, SequenceModel
from edgewise.nn.attention import KeysValues
from edgewise.nn.dropout import QuickDropout
from edgewise.nn.position import SinusoidalPositions
from edgewise.nn.transformer import DecoderLayer, EncoderLayer, LayerDims
from edgewise.relation import Complete, Relation, between
from edgewise.tokens import PAD

Tied = Literal["all", "target", "none"]


class TokenEmbedding(nn.Module):
    """Vectors of tokens, times sqrt(dim), plus their positions (Vaswani et al. 2017, sections 3.4 and 3.5).

    Args:
        n_tokens: size of the vocabulary; dim: of the vectors.
        positions: whether sinusoids are added (not with relative positions).
        dropout: on the sum.

    Shapes: tokens [..., n] int64 -> [..., n, dim].
    """

    def __init__(self, n_tokens: int, dim: int, *, positions: bool, dropout: float) -> None:
        super().__init__()
        self.table = nn.Embedding(n_tokens, dim)
        self.positions = SinusoidalPositions(dim) if positions else None
        self.scale, self.dropout = dim**0.5, QuickDropout(dropout)
        nn.init.normal_(self.table.weight, std=dim**-0.5)

    def forward(self, tokens: Tensor, *, first: int = 0) -> Tensor:
        """`first` is the position of the first token."""
        nodes = self.scale * self.table(tokens)
        return self.dropout(nodes if self.positions is None else self.positions(nodes, first=first))


class TransformerEncoder(nn.Module):
    """A stack of `EncoderLayer` on any relation.

    Shapes: nodes [..., n, dim] -> [..., n, dim].
    """

    def __init__(self, dims: LayerDims, n_layers: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(EncoderLayer(dims) for _ in range(n_layers))
        self.norm = dims.last_norm()

    def forward(self, relation: Relation, nodes: Tensor) -> Tensor:
        for layer in self.layers:
            nodes = layer(relation, nodes)
        return self.norm(nodes)


@dataclass(frozen=True, eq=False)
class TransformerMemory(Rows):
    """The source as the layers of the decoder read it.

    Shapes: there [batch, S] bool, keys_values [batch, S, dim] a layer.
    """

    there: Tensor
    keys_values: tuple[KeysValues, ...]


@dataclass(frozen=True, eq=False)
class TransformerState(Rows):
    """What the decoder has said so far: keys and values [batch, position, dim] a layer, and how many positions."""

    past: tuple[KeysValues, ...]
    position: int


class Transformer(SequenceModel):
    """Encoder and decoder (Vaswani et al. 2017, section 3).

    Args:
        n_source, n_target: sizes of the vocabularies.
        dims: what all layers have in common; with `relative` there are no sinusoids (Shaw et al. 2018, section 4.1).
        encoder_layers, decoder_layers: numbers of layers.
        tied: "all": one table for source, target and output (a joint vocabulary); "target": one for target and output;
            "none".

    Raises:
        ConfigError: for a joint table of vocabularies of different size.
    """

    def __init__(
        self,
        n_source: int,
        n_target: int,
        dims: LayerDims,
        *,
        encoder_layers: int = 6,
        decoder_layers: int = 6,
        tied: Tied = "all",
    ) -> None:
        super().__init__()
        if tied == "all" and n_source != n_target:
            raise ConfigError(
                f"one table for vocabularies of {n_source} and {n_target} tokens",
                expected="a joint vocabulary",
                fix='tied = "target" or "none"',
            )
        self.n_source, self.n_target, self.dims = n_source, n_target, dims
        placed = {"positions": dims.relative == 0, "dropout": dims.dropout}
        self.source = TokenEmbedding(n_source, dims.dim, **placed)
        self.target = TokenEmbedding(n_target, dims.dim, **placed)
        self.encoder = TransformerEncoder(dims, encoder_layers)
        self.decoder = nn.ModuleList(DecoderLayer(dims) for _ in range(decoder_layers))
        self.norm = dims.last_norm()
        self.out = nn.Embedding(n_target, dims.dim)
        nn.init.normal_(self.out.weight, std=dims.dim**-0.5)
        if tied == "all":
            self.source.table = self.target.table
        if tied != "none":
            self.out = self.target.table

    def encode(self, source: Tensor) -> TransformerMemory:
        there = source != PAD
        nodes = self.encoder(between(source.shape[-1], there), self.source(source))
        return TransformerMemory(there, tuple(layer.memory_keys_values(nodes) for layer in self._layers))

    @property
    def _layers(self) -> list[DecoderLayer]:
        return [layer for layer in self.decoder if isinstance(layer, DecoderLayer)]

    def logits(self, nodes: Tensor) -> Tensor:
        """[..., dim] -> [..., n_target]."""
        return linear(self.norm(nodes), self.out.weight)

    def forward(self, source: Tensor, target_in: Tensor) -> Tensor:
        return self.logits(self._decoded(self.encode(source), target_in, len(self.decoder)))

    def _decoded(self, memory: TransformerMemory, target_in: Tensor, n_layers: int) -> Tensor:
        """The target after the first layers of the decoder: [batch, T, dim]."""
        relation, across = self._relations(memory, target_in.shape[-1])
        nodes = self.target(target_in)
        for layer, keys_values in zip(self._layers[:n_layers], memory.keys_values, strict=False):
            nodes = layer(relation, nodes, across, keys_values)
        return nodes

    @staticmethod
    def _relations(memory: TransformerMemory, n: int) -> tuple[Complete, Complete]:
        """Among the target positions, and from the source to them. Padding at the end of a target is never heard."""
        return Complete(n, causal=True), between(n, memory.there)

    def attention(self, source: Tensor, target_in: Tensor) -> Tensor:
        """The last layer's attention to the source, the mean of its heads: [batch, T, S]."""
        memory = self.encode(source)
        nodes = self._decoded(memory, target_in, len(self.decoder) - 1)
        relation, across = self._relations(memory, target_in.shape[-1])
        weights = self._layers[-1].memory_attention(relation, nodes, across, memory.keys_values[-1])
        return weights.mean(-1)

    def start(self, memory: TransformerMemory) -> TransformerState:
        batch, dim = len(memory.there), self.dims.dim
        empty = memory.keys_values[0].key.new_zeros(batch, 0, dim)
        return TransformerState(tuple(KeysValues(empty, empty) for _ in self.decoder), 0)

    def step(
        self, memory: TransformerMemory, state: TransformerState, tokens: Tensor
    ) -> tuple[Tensor, TransformerState]:
        nodes = self.target(tokens[:, None], first=state.position)
        relation, across = Complete(1, state.position + 1, causal=True), between(1, memory.there)
        past = []
        for layer, before, keys_values in zip(self._layers, state.past, memory.keys_values, strict=True):
            past.append(before.extended(layer.keys_values(nodes)))
            nodes = layer(relation, nodes, across, keys_values, past[-1])
        return self.logits(nodes[:, 0]), TransformerState(tuple(past), state.position + 1)


@dataclass(frozen=True, eq=False)
class LanguageState(Rows):
    """What a language model has read: keys and values a layer [batch, position, dim], and how many positions."""

    past: tuple[KeysValues, ...]
    position: int


class TransformerDecoder(nn.Module):
    """A decoder alone: a language model, each token given those before it.

    Args:
        n_tokens: size of the vocabulary; dims: what all layers have in common; n_layers: their number. The output is
            tied to the embedding.

    Shapes: tokens [batch, T] int64 -> logits of the next ones [batch, T, n_tokens].
    """

    def __init__(self, n_tokens: int, dims: LayerDims, n_layers: int) -> None:
        super().__init__()
        self.dims = dims
        self.tokens = TokenEmbedding(n_tokens, dims.dim, positions=dims.relative == 0, dropout=dims.dropout)
        self.stack = TransformerEncoder(dims, n_layers)

    def forward(self, tokens: Tensor) -> Tensor:
        nodes = self.stack(Complete(tokens.shape[-1], causal=True), self.tokens(tokens))
        return linear(nodes, self.tokens.table.weight)

    def start(self, batch: int) -> LanguageState:
        """The state before the first token."""
        empty = self.tokens.table.weight.new_zeros(batch, 0, self.dims.dim)
        return LanguageState(tuple(KeysValues(empty, empty) for _ in self.stack.layers), 0)

    def step(self, state: LanguageState, tokens: Tensor) -> tuple[Tensor, LanguageState]:
        """The next tokens [batch] -> logits [batch, n_tokens], and the state after them."""
        nodes = self.tokens(tokens[:, None], first=state.position)
        relation = Complete(1, state.position + 1, causal=True)
        past = []
        for layer, before in zip(self.stack.layers, state.past, strict=True):
            assert isinstance(layer, EncoderLayer)
            past.append(before.extended(layer.keys_values(nodes)))
            nodes = layer(relation, nodes, past[-1])
        logits = linear(self.stack.norm(nodes[:, 0]), self.tokens.table.weight)
        return logits, LanguageState(tuple(past), state.position + 1)
