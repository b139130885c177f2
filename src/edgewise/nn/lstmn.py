"""Memory networks of LSTMs: attention over the network's own past (Cheng, Dong & Lapata 2016)."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from edgewise.nn.attention import AdditiveScore, Alignment, Attention
from edgewise.nn.recurrent import lstm_cell
from edgewise.nn.widths import check_width
from edgewise.relation import Complete, between


@dataclass(frozen=True, eq=False)
class LSTMNState:
    """What an LSTMN has read: its tapes, which of their places count, and the last summary.

    Shapes: hidden, cell, keys [..., steps so far, hidden], there bool [..., steps so far], summary [..., hidden].
    """

    hidden: Tensor
    cell: Tensor
    keys: Tensor
    there: Tensor
    summary: Tensor

    def extended(self, hidden: Tensor, cell: Tensor, keys: Tensor, there: Tensor) -> "LSTMNState":
        """With one more place on every tape: [..., 1, hidden] each, there [..., 1]."""
        return replace(
            self,
            hidden=torch.cat([self.hidden, hidden], -2),
            cell=torch.cat([self.cell, cell], -2),
            keys=torch.cat([self.keys, keys], -2),
            there=torch.cat([self.there, there], -1),
        )

    def select(self, rows: Tensor) -> "LSTMNState":
        """That of some of the batch: rows [k] int64."""
        parts = self.hidden, self.cell, self.keys, self.there, self.summary
        return LSTMNState(*(part.index_select(0, rows) for part in parts))


class LSTMN(nn.Module):
    """An LSTM whose state is a sum over all it has read (Cheng, Dong & Lapata 2016, eq. 4-9), step by step:

        a_i = v^T tanh(W_h h_i + W_x x_t + W_h~ h~_{t-1}),   s = softmax over i = 1 .. t - 1
        [h~_t; c~_t] = sum_i s_i [h_i; c_i]
        i, f, o, g = sigmoid, sigmoid, sigmoid, tanh of W [h~_t; x_t] + b
        c_t = f * c~_t + i * g,   h_t = o * tanh(c_t)

    Attention is an edge attribute on the relation earlier position -> position. Nothing precedes the first position, so
    h~ and c~ are 0 there. An absent position is skipped: what comes after it is as if it had not been there.

    Args:
        in_dim: width of x; hidden: of h, c and the attention.
        align: e.g. `Softmax`, the paper's and the one if None.

    Shapes: x [..., T, in_dim], mask bool [..., T] (True for a position that is there) -> [..., T, hidden], 0 for an
        absent position.

    Raises:
        ConfigError: for inputs of another width.
    """

    def __init__(self, in_dim: int, hidden: int, align: Alignment | None = None) -> None:
        super().__init__()
        self.in_dim, self.hidden = in_dim, hidden
        self.attend = Attention(AdditiveScore(in_dim + hidden, hidden, hidden), align)
        self.input = nn.Linear(in_dim, 4 * hidden)
        self.recurrent = nn.Linear(hidden, 4 * hidden, bias=False)

    def start(self, x: Tensor) -> LSTMNState:
        """The state before the first position of x [..., T, in_dim] (of which only the batch counts)."""
        tape = x.new_zeros(*x.shape[:-2], 0, self.hidden)
        there = torch.zeros(tape.shape[:-1], dtype=torch.bool, device=x.device)
        return LSTMNState(tape, tape, tape, there, x.new_zeros(*x.shape[:-2], self.hidden))

    def step(self, x: Tensor, state: LSTMNState, there: Tensor | None = None) -> tuple[Tensor, LSTMNState]:
        """One position: x [..., in_dim], there bool [...] -> its hidden state [..., hidden], and the new state."""
        check_width("LSTMN", x, self.in_dim)
        if there is None:
            there = torch.ones(x.shape[:-1], dtype=torch.bool, device=x.device)
        summary, memory = self._recalled(x, state)
        hidden, cell = lstm_cell(self.input(x) + self.recurrent(summary), memory)
        hidden, cell = (part.masked_fill(~there[..., None], 0.0) for part in (hidden, cell))
        new = hidden[..., None, :], cell[..., None, :], self.attend.keys(hidden)[..., None, :]
        state = replace(state, summary=torch.where(there[..., None], summary, state.summary))
        return hidden, state.extended(*new, there[..., None])

    def _recalled(self, x: Tensor, state: LSTMNState) -> tuple[Tensor, Tensor]:
        """h~_t and c~_t: [..., hidden] each."""
        first = state.hidden.shape[-2]
        if not first:
            return state.summary, torch.zeros_like(state.summary)
        query = torch.cat([x, state.summary], -1)[..., None, :]
        tapes = torch.cat([state.hidden, state.cell], -1)
        sums = self.attend(between(1, state.there), query, state.keys, tapes, first=first)[..., 0, :]
        summary, memory = sums.chunk(2, -1)
        return summary, memory

    def _run(self, x: Tensor, mask: Tensor | None) -> tuple[LSTMNState, list[Tensor]]:
        """The last state, and h~_{t-1} of every position."""
        state, before = self.start(x), []
        for t in range(x.shape[-2]):
            before.append(state.summary)
            _, state = self.step(x[..., t, :], state, None if mask is None else mask[..., t])
        return state, before

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        return self._run(x, mask)[0].hidden

    def attention(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """How much each position looks at each earlier one: [..., T, T]; the first row is 0."""
        state, before = self._run(x, mask)
        query = torch.cat([x, torch.stack(before, -2)], -1)
        n = x.shape[-2]
        earlier = torch.ones(n, n, dtype=torch.bool, device=x.device).tril(-1)
        relation = Complete(n).masked(edges=earlier, nodes=state.there)
        return self.attend.attention(relation, query, state.keys)[..., 0]
