"""The attention models of Luong, Pham & Manning (2015): any score with any alignment, and input feeding."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edgewise.models.sequence import Rows, SequenceModel, lengths_of
from edgewise.nn.attention import (
    Alignment,
    Attention,
    ConcatScore,
    DotScore,
    GeneralScore,
    LocalMonotonic,
    LocalPredictive,
    LocationScore,
    RenormalisedLocalPredictive,
    Score,
    Softmax,
)
from edgewise.nn.dropout import QuickDropout
from edgewise.nn.recurrent import LSTMState, SteppedLSTM, by_layer, over_padded, reversed_within, uniform_
from edgewise.nn.words import Words
from edgewise.relation import Complete, between
from edgewise.settings import one_of, require
from edgewise.tokens import PAD


@dataclass(frozen=True)
class LuongSettings:
    """Sizes and choices of a `Luong`; the paper's by default (section 4.1), but that the source is not reversed.

    Attributes:
        embedding_dim: width of the word vectors.
        hidden: width of every LSTM layer (of both directions together).
        layers: LSTM layers of the encoder, and of the decoder.
        dropout: on word vectors, between layers and on the output.
        input_feeding: whether the attentional vector enters the next step (section 3.3); without, steps run at once.
        bidirectional: whether the encoder also reads from end to start, half of its width each way (the paper's: no).
        reverse_source: whether the encoder reads from end to start, as the paper's does; even so its states stand at
            their words.
        tied: whether the target's word vectors are also the output matrix (then embedding_dim = hidden).
    """

    embedding_dim: int = 1000
    hidden: int = 1000
    layers: int = 4
    dropout: float = 0.2
    input_feeding: bool = True
    bidirectional: bool = False
    reverse_source: bool = False
    tied: bool = False

    def __post_init__(self) -> None:
        for name in ("embedding_dim", "hidden", "layers"):
            require(getattr(self, name) >= 1, name, getattr(self, name), "1 or more")
        require(0 <= self.dropout < 1, "dropout", self.dropout, "a probability from 0 to below 1")
        even = not self.bidirectional or self.hidden % 2 == 0
        require(even, "hidden", self.hidden, "an even number, for two directions")


@dataclass(frozen=True, eq=False)
class LuongMemory(Rows):
    """What the decoder looks at, and the state it starts from.

    Shapes: there bool [batch, S], annotations [batch, S, hidden], keys [batch, S, *].
    """

    there: Tensor
    annotations: Tensor
    keys: Tensor
    last: LSTMState


@dataclass(frozen=True, eq=False)
class LuongState(Rows):
    """The LSTM's state, the last attentional vector h~ [batch, hidden] (0 at the start), and the target position."""

    layers: LSTMState
    attentional: Tensor
    position: int


class Luong(SequenceModel):
    """Stacked LSTMs, the decoder's current state asking:

        h_t = LSTM([E y_{t-1}; h~_{t-1}], h_{t-1}),   w_t. = align(score(h_t, h_s)),   c_t = sum_s w_ts h_s
        h~_t = tanh(W_c [c_t; h_t]),   p(y_t | ...) = softmax(W_s h~_t)

    Luong, Pham & Manning (2015), section 3; without input feeding, h~ is no part of the LSTM's input. The decoder
    starts from the encoder's last state; parameters are uniform in [-0.1, 0.1]. W_s has a bias.

    Args:
        n_source, n_target: sizes of the vocabularies.
        attend: attention of queries and keys of `hidden` features, e.g. from `luong_attention`.
        settings: sizes, dropout, input feeding.

    Shapes: as `SequenceModel` has them.

    Raises:
        ConfigError: for tied embeddings of another width than the LSTM, or a source longer than a `LocationScore`.
    """

    def __init__(
        self, n_source: int, n_target: int, attend: Attention, settings: LuongSettings = LuongSettings()
    ) -> None:
        super().__init__()
        self.n_source, self.n_target = n_source, n_target
        self.input_feeding, self.reverse_source = settings.input_feeding, settings.reverse_source
        dim, hidden, layers = settings.embedding_dim, settings.hidden, settings.layers
        self.directions = 2 if settings.bidirectional else 1
        self.source = nn.Embedding(n_source, dim)
        self.words = Words(n_target, dim, hidden, tied=settings.tied)
        self.encoder = nn.LSTM(
            dim,
            hidden // self.directions,
            layers,
            batch_first=True,
            bidirectional=settings.bidirectional,
            dropout=settings.dropout if layers > 1 else 0.0,
        )
        fed_dim = hidden if settings.input_feeding else 0
        self.decoder = SteppedLSTM(dim, hidden, layers, fed_dim=fed_dim, dropout=settings.dropout)
        self.attend = attend
        self.combine = nn.Linear(2 * hidden, hidden, bias=False)
        self.dropout = QuickDropout(settings.dropout)
        uniform_(self, 0.1)

    def encode(self, source: Tensor) -> LuongMemory:
        lengths = lengths_of(source)
        read = reversed_within(source, lengths) if self.reverse_source else source
        annotations, last = over_padded(self.encoder, self.dropout(self.source(read)), lengths)
        if self.reverse_source:
            annotations = reversed_within(annotations, lengths)
        keys = self.attend.keys(annotations)
        keys = keys.expand(
            len(source), *keys.shape[-2:]
        )  # those of a `LocationScore` are the same for all sentences
        return LuongMemory(source != PAD, annotations, keys, by_layer(last, self.directions))

    def start(self, memory: LuongMemory) -> LuongState:
        return LuongState(memory.last, torch.zeros_like(memory.last[-1][0]), 0)

    def step(self, memory: LuongMemory, state: LuongState, tokens: Tensor) -> tuple[Tensor, LuongState]:
        gates = self.decoder.gates(self.dropout(self.words(tokens)))
        new = self._advance(memory, between(1, memory.there), state, gates)
        return self.words.logits(self.dropout(new.attentional)), new

    def _advance(
        self, memory: LuongMemory, relation: Complete, state: LuongState, gates: Tensor
    ) -> LuongState:
        fed = state.attentional if self.input_feeding else None
        layers = self.decoder.step(gates, state.layers, fed)
        query = layers[-1][0][:, None]
        attentional = self._attentional(memory, relation, query, state.position)[:, 0]
        return LuongState(layers, attentional, state.position + 1)

    def _attentional(self, memory: LuongMemory, relation: Complete, query: Tensor, first: int = 0) -> Tensor:
        """h~ of one step or of all: query [batch, T, hidden] -> the same."""
        context = self.attend(relation, query, memory.keys, memory.annotations, first=first)
        return self.combine(torch.cat([context, query], -1)).tanh()

    def _run(self, memory: LuongMemory, target_in: Tensor) -> tuple[Tensor, Tensor]:
        """The states h_t that ask, and the attentional vectors h~_t: [batch, T, hidden] each."""
        embedded, state = self.dropout(self.words(target_in)), self.start(memory)
        if not self.input_feeding:
            queries = self.decoder(embedded, state.layers)
            return queries, self._attentional(memory, between(target_in.shape[1], memory.there), queries)
        relation, queries, attentional = between(1, memory.there), [], []
        for gates in self.decoder.gates(embedded).unbind(1):
            state = self._advance(memory, relation, state, gates)
            queries.append(state.layers[-1][0])
            attentional.append(state.attentional)
        return torch.stack(queries, 1), torch.stack(attentional, 1)

    def forward(self, source: Tensor, target_in: Tensor) -> Tensor:
        _, attentional = self._run(self.encode(source), target_in)
        return self.words.logits(self.dropout(attentional))

    def attention(self, source: Tensor, target_in: Tensor) -> Tensor:
        memory = self.encode(source)
        queries, _ = self._run(memory, target_in)
        relation = between(target_in.shape[1], memory.there)
        return self.attend.attention(relation, queries, memory.keys)[..., 0]


SCORES: dict[str, Callable[[int, int], Score]] = {
    "dot": lambda dim, longest: DotScore(),
    "general": lambda dim, longest: GeneralScore(dim, dim),
    "concat": lambda dim, longest: ConcatScore(dim, dim, dim),
    "location": lambda dim, longest: LocationScore(dim, longest),
}
"""The scores of section 3.1, from the width of the states and the longest source."""

ALIGNMENTS: dict[str, Callable[[int, int], Alignment]] = {
    "global": lambda dim, reach: Softmax(),
    "local-m": lambda dim, reach: LocalMonotonic(reach),
    "local-p": lambda dim, reach: LocalPredictive(dim, dim, reach),
    "local-p-renormalised": lambda dim, reach: RenormalisedLocalPredictive(dim, dim, reach),
}
"""The alignments of sections 3.1 and 3.2, from the width of the states and D."""


def luong_attention(
    hidden: int, score: str = "general", align: str = "global", *, reach: int = 10, longest: int = 100
) -> Attention:
    """The attention of a `Luong`, from words and numbers.

    Args:
        hidden: width of the states of encoder and decoder.
        score: one of `SCORES`; align: one of `ALIGNMENTS`.
        reach: D of a local alignment, in positions; longest: tokens of the longest source, for the score by location.

    Raises:
        ConfigError: for an unknown word (with the nearest known one), or a reach out of range.
    """
    one_of("score", score, list(SCORES))
    one_of("alignment", align, list(ALIGNMENTS))
    return Attention(SCORES[score](hidden, longest), ALIGNMENTS[align](hidden, reach))
