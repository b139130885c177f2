"""Recurrences: rows of different length, stepping, and cells that equal torch's and the paper's equations."""

import pytest
import torch
from torch import nn

from edgewise.errors import ConfigError
from edgewise.nn.recurrent import (
    ContextGRUCell,
    SteppedLSTM,
    by_layer,
    lstm_cell,
    orthogonal_blocks_,
    over_padded,
    reversed_within,
    uniform_,
)

LENGTHS = torch.tensor([3, 5, 1])
BATCH, STEPS, DIM, HIDDEN = 3, 5, 2, 3


def random(*size, seed=0):
    return torch.randn(*size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def close(found, expected):
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_padded_rows_run_as_if_each_were_alone(kind, bidirectional):
    rnn = kind(DIM, HIDDEN, 2, batch_first=True, bidirectional=bidirectional).double()
    rows = random(BATCH, STEPS, DIM)
    outputs, last = over_padded(rnn, rows, LENGTHS)
    assert outputs.shape == (BATCH, STEPS, HIDDEN * (1 + bidirectional))
    for row, length in enumerate(LENGTHS.tolist()):
        alone, own = rnn(rows[row : row + 1, :length])
        close(outputs[row, :length], alone[0])
        assert not outputs[row, length:].any()
        states = zip(last, own, strict=True) if kind is nn.LSTM else [(last, own)]
        for together, single in states:
            close(together[:, row], single[:, 0])


def test_rows_of_one_length_are_not_packed_and_give_the_same():
    rnn, rows = nn.LSTM(DIM, HIDDEN, batch_first=True).double(), random(2, STEPS, DIM)
    whole, last = over_padded(rnn, rows, torch.tensor([STEPS, STEPS]))
    beside, others = over_padded(
        rnn, torch.cat([rows, random(1, STEPS, DIM)]), torch.tensor([STEPS, STEPS, 2])
    )
    close(whole, beside[:2])
    close(last[1], others[1][:, :2])


def test_reversing_turns_each_row_within_its_length_and_is_its_own_inverse():
    tokens = torch.tensor([[7, 8, 9, 0], [5, 6, 0, 0], [4, 0, 0, 0]])
    lengths = torch.tensor([3, 2, 1])
    turned = reversed_within(tokens, lengths)
    assert turned.tolist() == [[9, 8, 7, 0], [6, 5, 0, 0], [4, 0, 0, 0]]
    assert torch.equal(reversed_within(turned, lengths), tokens)
    vectors = random(3, 4, 2)
    close(reversed_within(vectors, lengths)[0, :3], vectors[0, :3].flip(0))
    close(reversed_within(reversed_within(vectors, lengths), lengths), vectors)


def test_last_states_are_taken_apart_by_layer_with_both_directions_side_by_side():
    hidden, cell = random(4, BATCH, HIDDEN), random(4, BATCH, HIDDEN, seed=1)
    layers = by_layer((hidden, cell), directions=2)
    assert len(layers) == 2
    for at, (own_hidden, own_cell) in enumerate(layers):
        assert torch.equal(own_hidden, torch.cat([hidden[2 * at], hidden[2 * at + 1]], -1))
        assert torch.equal(own_cell, torch.cat([cell[2 * at], cell[2 * at + 1]], -1))


# ---- LSTM ----------------------------------------------------------------------------------------------------------


def test_the_lstm_cell_is_torchs():
    cell = nn.LSTMCell(DIM, HIDDEN).double()
    x, hidden, memory = random(BATCH, DIM), random(BATCH, HIDDEN, seed=1), random(BATCH, HIDDEN, seed=2)
    gates = x @ cell.weight_ih.T + cell.bias_ih + hidden @ cell.weight_hh.T + cell.bias_hh
    for found, expected in zip(lstm_cell(gates, memory), cell(x, (hidden, memory)), strict=True):
        close(found, expected)


def states(layers, seed=5):
    return tuple(
        (random(BATCH, HIDDEN, seed=seed + n), random(BATCH, HIDDEN, seed=seed + 10 + n))
        for n in range(layers)
    )


def stepped(lstm, inputs, state, fed=None):
    outputs = []
    for t, gates in enumerate(lstm.gates(inputs).unbind(1)):
        state = lstm.step(gates, state, None if fed is None else fed[:, t])
        outputs.append(state[-1][0])
    return torch.stack(outputs, 1), state


@pytest.mark.parametrize("layers", [1, 3])
def test_stepping_equals_running_in_one_go_and_torchs_lstm(layers):
    lstm, inputs = SteppedLSTM(DIM, HIDDEN, layers, dropout=0.5).double().eval(), random(BATCH, STEPS, DIM)
    torchs = nn.LSTM(DIM, HIDDEN, layers, batch_first=True).double()
    torchs.load_state_dict(lstm.lstm.state_dict())
    first = states(layers)
    expected, last = torchs(inputs, tuple(torch.stack(part) for part in zip(*first, strict=True)))
    close(lstm(inputs, first), expected)
    outputs, state = stepped(lstm, inputs, first)
    close(outputs, expected)
    for found, own in zip(state, by_layer(last), strict=True):
        close(found, own)


@pytest.mark.parametrize("layers", [1, 2])
def test_what_is_fed_back_enters_as_if_it_stood_beside_the_input(layers):
    fed_dim = 4
    lstm = SteppedLSTM(DIM, HIDDEN, layers, fed_dim=fed_dim).double()
    torchs = nn.LSTM(DIM + fed_dim, HIDDEN, layers, batch_first=True).double()
    weights = dict(lstm.lstm.state_dict())
    weights["weight_ih_l0"] = torch.cat([weights["weight_ih_l0"], lstm.fed.weight.detach()], 1)
    torchs.load_state_dict(weights)
    inputs, fed, first = random(BATCH, STEPS, DIM), random(BATCH, STEPS, fed_dim, seed=1), states(layers)
    both = torch.cat([inputs, fed], -1)
    expected, _ = torchs(both, tuple(torch.stack(part) for part in zip(*first, strict=True)))
    close(stepped(lstm, inputs, first, fed)[0], expected)


def test_an_lstm_with_input_feeding_refuses_to_run_in_one_go():
    lstm = SteppedLSTM(DIM, HIDDEN, fed_dim=2).double()
    with pytest.raises(ConfigError, match="input feeding is to run in one go\n  to do: take it step by step"):
        lstm(random(BATCH, STEPS, DIM), states(1))


def test_dropout_acts_between_layers_only():
    inputs = random(BATCH, STEPS, DIM)
    for layers, same in ((1, True), (2, False)):
        lstm = SteppedLSTM(DIM, HIDDEN, layers, dropout=0.5).double()
        first = states(layers)
        torch.manual_seed(0)
        assert torch.equal(lstm(inputs, first), lstm(inputs, first)) is same
        assert torch.equal(stepped(lstm, inputs, first)[0], stepped(lstm, inputs, first)[0]) is same


# ---- GRU -----------------------------------------------------------------------------------------------------------


def context_gru_by_loop(cell, e, c, s):
    """Appendix A.2.2 of Bahdanau et al., one row, one unit at a time."""
    n = len(s)
    w, b, u, q, context = (
        part.detach()
        for part in (
            cell.input.weight,
            cell.input.bias,
            cell.gates.weight,
            cell.candidate.weight,
            cell.context.weight,
        )
    )
    outside = [sum(w[k] * e) + b[k] + sum(context[k] * c) for k in range(3 * n)]
    z = [torch.sigmoid(outside[k] + sum(u[k] * s)) for k in range(n)]
    r = torch.stack([torch.sigmoid(outside[n + k] + sum(u[n + k] * s)) for k in range(n)])
    new = [torch.tanh(outside[2 * n + k] + sum(q[k] * (r * s))) for k in range(n)]
    return torch.stack([(1 - z[k]) * s[k] + z[k] * new[k] for k in range(n)])


def test_the_context_gru_equals_the_papers_equations():
    cell = ContextGRUCell(DIM, HIDDEN, 4).double()
    e, c, s = random(BATCH, DIM), random(BATCH, 4, seed=1), random(BATCH, HIDDEN, seed=2)
    expected = torch.stack([context_gru_by_loop(cell, *row) for row in zip(e, c, s, strict=True)])
    close(cell(cell.input(e), c, s), expected)


def test_without_context_it_is_torchs_gru_where_the_reset_gate_commutes():
    """With a diagonal U, r * (U s) = U (r * s): both forms agree, once z is turned round."""
    cell, torchs = ContextGRUCell(DIM, HIDDEN, 4).double(), nn.GRUCell(DIM, HIDDEN).double()
    with torch.no_grad():
        cell.candidate.weight.copy_(random(HIDDEN, seed=3).diag())
        for own, part in ((cell.input.weight, torchs.weight_ih), (cell.input.bias, torchs.bias_ih)):
            z, r, candidate = own.chunk(3)
            part.copy_(torch.cat([r, -z, candidate]))
        z, r = cell.gates.weight.chunk(2)
        torchs.weight_hh.copy_(torch.cat([r, -z, cell.candidate.weight]))
        torchs.bias_hh.zero_()
    e, s = random(BATCH, DIM), random(BATCH, HIDDEN, seed=2)
    close(cell(cell.input(e), torch.zeros(BATCH, 4).double(), s), torchs(e, s))
    nn.init.zeros_(cell.context.weight)
    close(cell(cell.input(e), random(BATCH, 4), s), torchs(e, s))


@pytest.mark.parametrize("part", range(3), ids=["update gate", "reset gate", "candidate"])
def test_the_context_enters_the_candidate_and_both_gates(part):
    cell = ContextGRUCell(DIM, HIDDEN, 4).double()
    with torch.no_grad():
        for other in {0, 1, 2} - {part}:
            cell.context.weight.chunk(3)[other].zero_()
    e, s = cell.input(random(1, DIM)), random(1, HIDDEN)
    assert (cell(e, random(1, 4), s) - cell(e, random(1, 4, seed=1), s)).abs().max() > 1e-4


def test_gradients_of_the_cells_are_exact():
    cell = ContextGRUCell(DIM, HIDDEN, 2).double()
    inputs = [random(2, n, seed=n).requires_grad_() for n in (3 * HIDDEN, 2, HIDDEN)]
    assert torch.autograd.gradcheck(cell, inputs)
    gates, memory = random(2, 4 * HIDDEN).requires_grad_(), random(2, HIDDEN).requires_grad_()
    assert torch.autograd.gradcheck(lstm_cell, (gates, memory))


# ---- the start -----------------------------------------------------------------------------------------------------


def test_the_start_is_uniform_or_orthogonal():
    torch.manual_seed(0)
    layer = nn.LSTM(20, 20)
    uniform_(layer, 0.08)
    values = torch.cat([parameter.flatten() for parameter in layer.parameters()])
    assert 0.079 < values.abs().max() <= 0.08
    orthogonal_blocks_(layer.weight_hh_l0, 4)
    for block in layer.weight_hh_l0.detach().chunk(4):
        torch.testing.assert_close(block @ block.T, torch.eye(20), rtol=0, atol=1e-5)
