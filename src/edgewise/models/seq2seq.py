"""Sequence to sequence without attention, as Sutskever, Vinyals & Le (2014) have it."""

from dataclasses import dataclass
from typing import NoReturn

from torch import Tensor, nn

from edgewise.errors import ConfigError
from edgewise.models.sequence import Rows, SequenceModel, lengths_of
from edgewise.nn.dropout import QuickDropout
from edgewise.nn.recurrent import LSTMState, SteppedLSTM, by_layer, over_padded, reversed_within, uniform_
from edgewise.nn.words import Words
from edgewise.settings import require


@dataclass(frozen=True)
class Seq2SeqSettings:
    """Sizes of a `Seq2Seq`; the paper's by default (section 3.4).

    Attributes:
        embedding_dim: width of the word vectors.
        hidden: width of every LSTM layer.
        layers: LSTM layers of the encoder, and of the decoder.
        dropout: on word vectors, between layers and on the output; the paper has none.
        tied: whether the target's word vectors are also the output matrix.
    """

    embedding_dim: int = 1000
    hidden: int = 1000
    layers: int = 4
    dropout: float = 0.0
    tied: bool = False

    def __post_init__(self) -> None:
        for name in ("embedding_dim", "hidden", "layers"):
            require(getattr(self, name) >= 1, name, getattr(self, name), "1 or more")
        require(0 <= self.dropout < 1, "dropout", self.dropout, "a probability from 0 to below 1")


@dataclass(frozen=True, eq=False)
class Seq2SeqState(Rows):
    """The state of the LSTM layers, which is all that the decoder knows of the source."""

    layers: LSTMState


class Seq2Seq(SequenceModel):
    """One LSTM reads the source from end to start, another one writes the target from the first one's last state.

        v = the state of LSTM_source(x_S, ..., x_1),   p(y_t | y_<t, v) = softmax(W h_t + b)

    Sutskever et al. (2014), sections 2 and 3.3: deep LSTMs, the source reversed (each sentence within its own length,
    so that padding changes nothing), parameters uniform in [-0.08, 0.08].

    Args:
        n_source, n_target: sizes of the vocabularies.
        settings: sizes and dropout.

    Shapes: as `SequenceModel` has them.

    Raises:
        ConfigError: for tied embeddings of another width than the LSTM, and of `attention`, which there is none of.
    """

    def __init__(self, n_source: int, n_target: int, settings: Seq2SeqSettings = Seq2SeqSettings()) -> None:
        super().__init__()
        self.n_source, self.n_target = n_source, n_target
        dim, hidden, layers = settings.embedding_dim, settings.hidden, settings.layers
        self.source = nn.Embedding(n_source, dim)
        self.words = Words(n_target, dim, hidden, tied=settings.tied)
        self.encoder = SteppedLSTM(dim, hidden, layers, dropout=settings.dropout)
        self.decoder = SteppedLSTM(dim, hidden, layers, dropout=settings.dropout)
        self.dropout = QuickDropout(settings.dropout)
        uniform_(self, 0.08)

    def encode(self, source: Tensor) -> Seq2SeqState:
        lengths = lengths_of(source)
        embedded = self.dropout(self.source(reversed_within(source, lengths)))
        return Seq2SeqState(by_layer(over_padded(self.encoder.lstm, embedded, lengths)[1]))

    def start(self, memory: Seq2SeqState) -> Seq2SeqState:
        return memory

    def step(self, memory: Seq2SeqState, state: Seq2SeqState, tokens: Tensor) -> tuple[Tensor, Seq2SeqState]:
        gates = self.decoder.gates(self.dropout(self.words(tokens)))
        new = Seq2SeqState(self.decoder.step(gates, state.layers))
        return self.words.logits(self.dropout(new.layers[-1][0])), new

    def forward(self, source: Tensor, target_in: Tensor) -> Tensor:
        embedded = self.dropout(self.words(target_in))
        hidden = self.decoder(embedded, self.start(self.encode(source)).layers)
        return self.words.logits(self.dropout(hidden))

    def attention(self, source: Tensor, target_in: Tensor) -> NoReturn:
        raise ConfigError(
            "Seq2Seq has no attention",
            expected="a model that looks at its source",
            fix="train a RNNsearch, Luong or Transformer",
        )
