"""RNNsearch: the translation model of Bahdanau, Cho & Bengio (2015), which brought attention."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edgewise.models.sequence import Rows, SequenceModel, lengths_of
from edgewise.nn.attention import AdditiveScore, Attention
from edgewise.nn.dropout import QuickDropout
from edgewise.nn.recurrent import ContextGRUCell, orthogonal_blocks_, over_padded
from edgewise.nn.words import Words
from edgewise.relation import between
from edgewise.settings import require
from edgewise.tokens import PAD


@dataclass(frozen=True)
class RNNsearchSettings:
    """Sizes of an `RNNsearch`; the paper's by default (appendix A.2).

    Attributes:
        embedding_dim: width of the word vectors (m).
        hidden: width of the decoder's state and of the encoder's, each way (n).
        align: hidden width of the alignment model (n').
        maxout: maxout units before the output (l).
        dropout: on word vectors and maxout units; the paper has none.
        tied: whether the target's word vectors are also the output matrix (then embedding_dim = maxout).
    """

    embedding_dim: int = 620
    hidden: int = 1000
    align: int = 1000
    maxout: int = 500
    dropout: float = 0.0
    tied: bool = False

    def __post_init__(self) -> None:
        for name in ("embedding_dim", "hidden", "align", "maxout"):
            require(getattr(self, name) >= 1, name, getattr(self, name), "1 or more")
        require(0 <= self.dropout < 1, "dropout", self.dropout, "a probability from 0 to below 1")


@dataclass(frozen=True, eq=False)
class RNNsearchMemory(Rows):
    """What the decoder looks at.

    Shapes: there bool [batch, S], annotations h [batch, S, 2 hidden], keys U h [batch, S, align],
        first s_0 [batch, hidden].
    """

    there: Tensor
    annotations: Tensor
    keys: Tensor
    first: Tensor


@dataclass(frozen=True, eq=False)
class RNNsearchState(Rows):
    """The decoder's state s [batch, hidden]."""

    hidden: Tensor


class Maxout(nn.Module):
    """The larger one of each pair of neighbours (Goodfellow et al. 2013): [..., 2 l] -> [..., l]."""

    def forward(self, features: Tensor) -> Tensor:
        return torch.maximum(*features.unflatten(-1, (-1, 2)).unbind(-1))


class RNNsearch(SequenceModel):
    """A bidirectional GRU reads the source; a GRU writes the target and looks for each word where to read.

        h_j = [forward; backward]_j,   s_0 = tanh(W_s backward_1)
        e_ij = v^T tanh(W s_{i-1} + U h_j),   w_i. = softmax(e_i.),   c_i = sum_j w_ij h_j
        t_i = maxout(U_o s_{i-1} + V_o E y_{i-1} + C_o c_i),   p(y_i | ...) = softmax(W_o t_i)
        s_i = GRU(E y_{i-1}, c_i, s_{i-1}), see `ContextGRUCell`

    Bahdanau, Cho & Bengio (2015), appendix A; the query is the previous state, and U h_j is computed once a sentence.
    All maps but those of the alignment have biases (the paper leaves them out of its equations). The start is that of
    appendix B.1: recurrent matrices orthogonal, W and U normal with deviation 0.001, v and biases 0, the rest normal
    with deviation 0.01. The encoder is torch's GRU, whose reset gate acts behind the matrix; the decoder's is the
    paper's.

    Args:
        n_source, n_target: sizes of the vocabularies.
        settings: sizes and dropout.

    Shapes: as `SequenceModel` has them.

    Raises:
        ConfigError: for tied embeddings of another width than the maxout layer.
    """

    def __init__(
        self, n_source: int, n_target: int, settings: RNNsearchSettings = RNNsearchSettings()
    ) -> None:
        super().__init__()
        self.n_source, self.n_target = n_source, n_target
        dim, hidden, maxout = settings.embedding_dim, settings.hidden, settings.maxout
        self.source = nn.Embedding(n_source, dim)
        self.words = Words(n_target, dim, maxout, tied=settings.tied)
        self.encoder = nn.GRU(dim, hidden, batch_first=True, bidirectional=True)
        self.first = nn.Linear(hidden, hidden)
        self.attend = Attention(AdditiveScore(hidden, 2 * hidden, settings.align))
        self.cell = ContextGRUCell(dim, hidden, 2 * hidden)
        self.from_state = nn.Linear(hidden, 2 * maxout, bias=False)
        self.from_word = nn.Linear(dim, 2 * maxout)
        self.from_context = nn.Linear(2 * hidden, 2 * maxout, bias=False)
        self.maxout, self.dropout = Maxout(), QuickDropout(settings.dropout)
        self._initialise()

    def _initialise(self) -> None:
        """Appendix B.1."""
        score = self.attend.score
        assert isinstance(score, AdditiveScore)  # for the type checker
        for name, parameter in self.named_parameters():
            if "bias" in name:
                nn.init.zeros_(parameter)
            else:
                nn.init.normal_(parameter, std=0.01)
        for matrix in (score.query.weight, score.key.weight):
            nn.init.normal_(matrix, std=0.001)
        nn.init.zeros_(score.vector.weight)
        orthogonal_blocks_(self.cell.gates.weight, 2)
        orthogonal_blocks_(self.cell.candidate.weight, 1)
        for name, parameter in self.encoder.named_parameters():
            if "weight_hh" in name:
                orthogonal_blocks_(parameter, 3)

    def encode(self, source: Tensor) -> RNNsearchMemory:
        embedded = self.dropout(self.source(source))
        annotations, last = over_padded(self.encoder, embedded, lengths_of(source))
        first = self.first(last[1]).tanh()  # backwards, the last state is the one at the first word
        return RNNsearchMemory(source != PAD, annotations, self.attend.keys(annotations), first)

    def start(self, memory: RNNsearchMemory) -> RNNsearchState:
        return RNNsearchState(memory.first)

    def step(
        self, memory: RNNsearchMemory, state: RNNsearchState, tokens: Tensor
    ) -> tuple[Tensor, RNNsearchState]:
        embedded = self.dropout(self.words(tokens))
        relation, query = between(1, memory.there), state.hidden[:, None]
        context = self.attend(relation, query, memory.keys, memory.annotations)[:, 0]
        new = self.cell(self.cell.input(embedded), context, state.hidden)
        return self._logits(state.hidden, embedded, context), RNNsearchState(new)

    def forward(self, source: Tensor, target_in: Tensor) -> Tensor:
        embedded = self.dropout(self.words(target_in))
        states, contexts = self._run(self.encode(source), embedded)
        return self._logits(states, embedded, contexts)

    def _run(self, memory: RNNsearchMemory, embedded: Tensor) -> tuple[Tensor, Tensor]:
        """The states s_{i-1} [batch, T, hidden] that ask, and the contexts c_i [batch, T, 2 hidden] that they get."""
        relation, state = between(1, memory.there), memory.first
        states, contexts = [], []
        for projected in self.cell.input(embedded).unbind(1):
            context = self.attend(relation, state[:, None], memory.keys, memory.annotations)[:, 0]
            states.append(state)
            contexts.append(context)
            state = self.cell(projected, context, state)
        return torch.stack(states, 1), torch.stack(contexts, 1)

    def _logits(self, state: Tensor, embedded: Tensor, context: Tensor) -> Tensor:
        """The deep output, of one step or of all: s_{i-1}, E y_{i-1} and c_i [..., their dim] -> [..., n_target]."""
        both = self.from_state(state) + self.from_word(embedded) + self.from_context(context)
        return self.words.logits(self.dropout(self.maxout(both)))

    def attention(self, source: Tensor, target_in: Tensor) -> Tensor:
        memory = self.encode(source)
        states, _ = self._run(memory, self.dropout(self.words(target_in)))
        return self.attend.attention(between(target_in.shape[1], memory.there), states, memory.keys)[..., 0]
