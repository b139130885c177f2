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
from edgewise.settings import one_of, require
from edgewise.tokens import PAD

Tied = Literal["all", "target", "none"]


class TokenEmbedding(nn.Module):
    """Vectors of tokens, times sqrt(dim), plus their positions (Vaswani et al. 2017, sections 3.4 and 3.5).

    Args:
        n_tokens: size of the vocabulary.
        dims: width, and dropout, which is on the sum; sinusoids are added unless the layers have relative positions.

    Shapes: tokens [..., n] int64 -> [..., n, dim].
    """

    def __init__(self, n_tokens: int, dims: LayerDims) -> None:
        super().__init__()
        self.table = nn.Embedding(n_tokens, dims.dim)
        self.positions = None if dims.relative else SinusoidalPositions(dims.dim)
        self.scale, self.dropout = dims.dim**0.5, QuickDropout(dims.dropout)
        nn.init.normal_(self.table.weight, std=dims.dim**-0.5)

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
    """What has been read or said so far: keys and values [batch, position, dim] a layer, and how many positions."""

    past: tuple[KeysValues, ...]
    position: int


def nothing_yet(n_layers: int, like: Tensor) -> TransformerState:
    """The state before the first token, in the type of `like` [batch, dim]."""
    empty = like.new_zeros(len(like), 0, like.shape[-1])
    return TransformerState((KeysValues(empty, empty),) * n_layers, 0)


class Transformer(SequenceModel):
    """Encoder and decoder (Vaswani et al. 2017, section 3).

    Args:
        n_source, n_target: sizes of the vocabularies.
        dims: what all layers have in common; with `relative` there are no sinusoids (Shaw et al. 2018, section 4.1).
        encoder_layers, decoder_layers: numbers of layers.
        tied: "all": one table for source, target and output (a joint vocabulary); "target": one for target and output;
            "none". A table that serves several ends is one parameter with one name.

    Raises:
        ConfigError: for a joint table of vocabularies of different size, another `tied`, or fewer than one layer.
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
        one_of("tied", tied, ("all", "target", "none"))
        for name, n_layers in (("encoder_layers", encoder_layers), ("decoder_layers", decoder_layers)):
            require(n_layers >= 1, name, n_layers, "1 or more")
        if tied == "all" and n_source != n_target:
            raise ConfigError(
                f"one table for vocabularies of {n_source} and {n_target} tokens",
                expected="a joint vocabulary",
                fix='tied = "target" or "none"',
            )
        self.n_source, self.n_target = n_source, n_target
        self.target = TokenEmbedding(n_target, dims)
        self.source = None if tied == "all" else TokenEmbedding(n_source, dims)
        self.encoder = TransformerEncoder(dims, encoder_layers)
        self.decoder = nn.ModuleList(DecoderLayer(dims) for _ in range(decoder_layers))
        self.norm = dims.last_norm()
        self.out = nn.Linear(dims.dim, n_target, bias=False) if tied == "none" else None
        if self.out is not None:
            nn.init.xavier_uniform_(self.out.weight)

    def encode(self, source: Tensor) -> TransformerMemory:
        there = source != PAD
        embed = self.target if self.source is None else self.source
        nodes = self.encoder(between(source.shape[-1], there), embed(source))
        return TransformerMemory(there, tuple(layer.memory_keys_values(nodes) for layer in self._layers))

    @property
    def _layers(self) -> list[DecoderLayer]:
        return [layer for layer in self.decoder if isinstance(layer, DecoderLayer)]

    def logits(self, nodes: Tensor) -> Tensor:
        """[..., dim] -> [..., n_target]."""
        return linear(self.norm(nodes), (self.target.table if self.out is None else self.out).weight)

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
        return nothing_yet(len(self.decoder), memory.keys_values[0].key[:, 0])

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


class TransformerDecoder(nn.Module):
    """A decoder alone: a language model, each token given those before it.

    Args:
        n_tokens: size of the vocabulary; dims: what all layers have in common; n_layers: their number. The output is
            tied to the embedding.

    Shapes: tokens [batch, T] int64 -> logits of the next ones [batch, T, n_tokens].
    """

    def __init__(self, n_tokens: int, dims: LayerDims, n_layers: int) -> None:
        super().__init__()
        self.n_tokens = n_tokens
        self.tokens = TokenEmbedding(n_tokens, dims)
        self.stack = TransformerEncoder(dims, n_layers)

    def forward(self, tokens: Tensor) -> Tensor:
        nodes = self.stack(Complete(tokens.shape[-1], causal=True), self.tokens(tokens))
        return linear(nodes, self.tokens.table.weight)

    def start(self, batch: int) -> TransformerState:
        """The state before the first token."""
        return nothing_yet(len(self.stack.layers), self.tokens.table.weight[:1].expand(batch, -1))

    def step(self, state: TransformerState, tokens: Tensor) -> tuple[Tensor, TransformerState]:
        """The next tokens [batch] -> logits [batch, n_tokens], and the state after them."""
        nodes = self.tokens(tokens[:, None], first=state.position)
        relation = Complete(1, state.position + 1, causal=True)
        past = []
        for layer, before in zip(self.stack.layers, state.past, strict=True):
            assert isinstance(layer, EncoderLayer)
            past.append(before.extended(layer.keys_values(nodes)))
            nodes = layer(relation, nodes, past[-1])
        logits = linear(self.stack.norm(nodes[:, 0]), self.tokens.table.weight)
        return logits, TransformerState(tuple(past), state.position + 1)
