"""Recurrences: runs over rows of different length, and cells whose input part is computed for all steps at once."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from edgewise.errors import ConfigError
from edgewise.nn.dropout import QuickDropout

LSTMState = tuple[tuple[Tensor, Tensor], ...]
"""The hidden and the cell state of each layer, [batch, hidden] each."""


def over_padded(rnn: nn.LSTM | nn.GRU, inputs: Tensor, lengths: Tensor) -> tuple[Tensor, Any]:
    """Run a recurrent network over rows that are filled up at their end; the filling changes nothing.

    Args:
        rnn: with `batch_first`.
        inputs: [batch, steps, dim]; lengths: [batch] int64, from 1 to steps.

    Returns:
        Hidden states of the top layer [batch, steps, directions * hidden], 0 behind the end of a row, and the network's
        last state: that at each row's own end (backwards: at its first step).
    """
    steps = inputs.shape[1]
    if bool((lengths == steps).all()):
        return rnn(inputs)
    packed = pack_padded_sequence(inputs, lengths.cpu(), batch_first=True, enforce_sorted=False)
    outputs, last = rnn(packed)
    return pad_packed_sequence(outputs, batch_first=True, total_length=steps)[0], last


def reversed_within(rows: Tensor, lengths: Tensor) -> Tensor:
    """Each row turned round within its own length; what fills it up stays behind it. It is its own inverse.

    Shapes: rows [batch, steps] or [batch, steps, dim], lengths [batch] int64 -> as rows.
    """
    places = torch.arange(rows.shape[1], device=rows.device)
    turned = lengths[:, None] - 1 - places
    index = torch.where(turned >= 0, turned, places)
    return rows.gather(1, index if rows.dim() == 2 else index[..., None].expand_as(rows))


def by_layer(last: tuple[Tensor, Tensor], directions: int = 1) -> LSTMState:
    """The last state of an `nn.LSTM`, layer by layer, both directions side by side."""

    def joined(part: Tensor) -> list[Tensor]:
        return [torch.cat(list(layer), -1) for layer in part.split(directions)]

    return tuple(zip(*(joined(part) for part in last), strict=True))  # pyright: ignore[reportReturnType]


def lstm_cell(gates: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    """An LSTM's new state from what enters its gates (order i, f, g, o, as torch has it).

        c' = sigmoid(f) * c + sigmoid(i) * tanh(g),   h' = sigmoid(o) * tanh(c')

    Shapes: gates [..., 4 hidden], cell [..., hidden] -> hidden and cell state, [..., hidden] each.
    """
    enter, keep, new, leave = gates.chunk(4, -1)
    cell = keep.sigmoid() * cell + enter.sigmoid() * new.tanh()
    return leave.sigmoid() * cell.tanh(), cell


class SteppedLSTM(nn.Module):
    """A stack of LSTM layers that runs in one go or a step at a time, with the same numbers.

    At a step, a part of the input may be known only then (Luong et al. 2015, section 3.3, input feeding): its matrix
    lies beside those of torch's LSTM, so that the known part is multiplied for all steps at once.

    Args:
        input_dim: width of the known input; hidden: of every layer; layers: number of them.
        fed_dim: width of the input that is fed back, 0 for none.
        dropout: between the layers.

    Shapes: inputs [batch, steps, input_dim] -> hidden states of the top layer [batch, steps, hidden].
    """

    def __init__(
        self, input_dim: int, hidden: int, layers: int = 1, *, fed_dim: int = 0, dropout: float = 0.0
    ) -> None:
        super().__init__()
        between = dropout if layers > 1 else 0.0  # torch warns of dropout that acts nowhere
        self.lstm = nn.LSTM(input_dim, hidden, layers, batch_first=True, dropout=between)
        self.fed = nn.Linear(fed_dim, 4 * hidden, bias=False) if fed_dim else None
        self.between = QuickDropout(dropout)

    def forward(self, inputs: Tensor, state: LSTMState) -> Tensor:
        """All steps at once, for a network that nothing is fed back to.

        Raises:
            ConfigError: if something is.
        """
        if self.fed is not None:
            raise ConfigError("an LSTM with input feeding is to run in one go", fix="take it step by step")
        first = torch.stack([hidden for hidden, _ in state]), torch.stack([cell for _, cell in state])
        return self.lstm(inputs, first)[0]

    def gates(self, inputs: Tensor) -> Tensor:
        """What known inputs bring to the gates of the first layer: [..., input_dim] -> [..., 4 hidden]."""
        into, _, *biases = self.lstm.all_weights[0]
        return linear(inputs, into, biases[0] + biases[1])

    def step(self, gates: Tensor, state: LSTMState, fed: Tensor | None = None) -> LSTMState:
        """One step: `gates` [batch, 4 hidden] of the input, the state, and what is fed back [batch, fed_dim]."""
        if self.fed is not None and fed is not None:
            gates = gates + self.fed(fed)
        new: list[tuple[Tensor, Tensor]] = []
        for layer, (hidden, cell) in enumerate(state):
            into, onward, *biases = self.lstm.all_weights[layer]
            if layer:
                gates = linear(self.between(new[-1][0]), into, biases[0] + biases[1])
            new.append(lstm_cell(torch.addmm(gates, hidden, onward.T), cell))
        return tuple(new)


class ContextGRUCell(nn.Module):
    """The decoder's GRU of Bahdanau, Cho & Bengio (2015, appendix A.2.2): the context enters candidate and gates.

        z = sigmoid(W_z e + U_z s + C_z c),   r = sigmoid(W_r e + U_r s + C_r c)
        s~ = tanh(W e + U (r * s) + C c),     s' = (1 - z) * s + z * s~

    each with a bias. torch's GRU differs: its reset gate acts on U s (behind the matrix), and its z is 1 - z.

    Args:
        input_dim: width of e; hidden: of s; context_dim: of c.

    Shapes: e through `input` [batch, 3 hidden], context [batch, context_dim], state [batch, hidden] -> [batch, hidden].
        Matrices are stacked in the order z, r, candidate.
    """

    def __init__(self, input_dim: int, hidden: int, context_dim: int) -> None:
        super().__init__()
        self.input = nn.Linear(input_dim, 3 * hidden)
        self.context = nn.Linear(context_dim, 3 * hidden, bias=False)
        self.gates = nn.Linear(hidden, 2 * hidden, bias=False)
        self.candidate = nn.Linear(hidden, hidden, bias=False)

    def forward(self, projected: Tensor, context: Tensor, state: Tensor) -> Tensor:
        """One step; `projected` is what `input` gives, for all steps at once."""
        hidden = state.shape[-1]
        outside = torch.addmm(projected, context, self.context.weight.T)
        into_gates, into_candidate = outside.split([2 * hidden, hidden], -1)
        update, reset = torch.addmm(into_gates, state, self.gates.weight.T).sigmoid().chunk(2, -1)
        candidate = torch.addmm(into_candidate, reset * state, self.candidate.weight.T).tanh()
        return torch.lerp(state, candidate, update)


def uniform_(module: nn.Module, reach: float) -> None:
    """Start every parameter uniformly in [-reach, reach]."""
    for parameter in module.parameters():
        nn.init.uniform_(parameter, -reach, reach)


def orthogonal_blocks_(weight: Tensor, blocks: int) -> None:
    """Start stacked square matrices [blocks * n, n] as random orthogonal ones."""
    for block in weight.detach().chunk(blocks):
        nn.init.orthogonal_(block)
