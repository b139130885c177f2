"""LSTMN: attention to its own past only, equal to the paper's equations, and an LSTM where it looks one step back."""

import pytest
import torch
from torch import nn

from edgewise.errors import ConfigError
from edgewise.nn.attention import Alignment
from edgewise.nn.lstmn import LSTMN

BATCH, T, DIM, HIDDEN = 3, 5, 2, 3


def random(*size, seed=0):
    return torch.randn(*size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def close(found, expected):
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-13)


def layer(align=None):
    torch.manual_seed(0)
    return LSTMN(DIM, HIDDEN, align).double()


class Latest(Alignment):
    """All weight on the last sender."""

    def forward(self, relation, logits, query, *, first=0):
        last = torch.zeros_like(logits)
        last[..., -1, :] = 1
        return last


def by_loop(own, x):
    """Cheng, Dong & Lapata (2016), eq. 4-9, for one sequence: hidden states, and the weights of every step."""
    score = own.attend.score
    w_x, w_past = score.query.weight.split([DIM, HIDDEN], 1)
    w_h, v = score.key.weight, score.vector.weight[0]
    hidden, cell, weights = [], [], []
    summary = torch.zeros(HIDDEN).double()
    for t in range(len(x)):
        logits = [v @ torch.tanh(w_h @ h + w_x @ x[t] + w_past @ summary) for h in hidden]
        s = torch.stack(logits).softmax(0) if logits else torch.zeros(0).double()
        summary = sum((s[i] * hidden[i] for i in range(t)), torch.zeros(HIDDEN).double())
        memory = sum((s[i] * cell[i] for i in range(t)), torch.zeros(HIDDEN).double())
        gates = own.recurrent.weight @ summary + own.input.weight @ x[t] + own.input.bias
        i, f, g, o = gates.chunk(4)
        cell.append(f.sigmoid() * memory + i.sigmoid() * g.tanh())
        hidden.append(o.sigmoid() * cell[-1].tanh())
        weights.append(torch.cat([s, torch.zeros(len(x) - t).double()]))
    return torch.stack(hidden), torch.stack(weights)


def lstm_like(own):
    lstm = nn.LSTM(DIM, HIDDEN, batch_first=True).double()
    values = own.input.weight, own.recurrent.weight, own.input.bias, torch.zeros(4 * HIDDEN).double()
    with torch.no_grad():
        for parameter, value in zip(lstm.parameters(), values, strict=True):
            parameter.copy_(value)
    return lstm


def test_it_equals_the_papers_equations():
    own, x = layer(), random(BATCH, T, DIM)
    for found, weights, row in zip(own(x), own.attention(x), x, strict=True):
        expected, looked = by_loop(own, row)
        close(found, expected)
        close(weights, looked)


def test_it_looks_at_the_past_only():
    weights = layer().attention(random(BATCH, T, DIM))
    assert weights.shape == (BATCH, T, T)
    assert not weights.triu().any()
    assert not weights[:, 0].any()
    close(weights.sum(-1)[:, 1:], torch.ones(BATCH, T - 1).double())
    assert (weights.tril(-1) > 0).sum() == BATCH * T * (T - 1) // 2


def test_the_future_changes_nothing():
    own, x = layer(), random(BATCH, T, DIM)
    changed = x.clone()
    changed[:, 3:] = 100.0
    assert torch.equal(own(x)[:, :3], own(changed)[:, :3])
    close(own(x[:, :3]), own(x)[:, :3])


def test_while_there_is_but_one_step_to_look_at_it_is_an_lstm():
    own, x = layer(), random(BATCH, 2, DIM)
    close(own(x), lstm_like(own)(x)[0])


def test_looking_one_step_back_it_is_an_lstm_at_any_length():
    own, x = layer(Latest()), random(BATCH, T, DIM)
    close(own(x), lstm_like(own)(x)[0])


@pytest.mark.parametrize("there", [[1, 1, 1, 0, 0], [1, 0, 1, 1, 0], [0, 1, 0, 1, 1]])
@pytest.mark.parametrize("garbage", [7.0, torch.nan])
def test_an_absent_position_is_as_if_it_were_not_there(there, garbage):
    own, x, mask = layer(), random(BATCH, T, DIM), torch.tensor(there).bool()
    filled, masks = x.masked_fill(~mask[:, None], garbage), mask.expand(BATCH, T)
    found, weights = own(filled, masks), own.attention(filled, masks)
    close(found[:, mask], own(x[:, mask]))
    assert not found[:, ~mask].any()
    close(weights[:, mask][..., mask], own.attention(x[:, mask]))
    assert not weights[..., ~mask].any()
    assert not weights[:, ~mask].any()


def test_stepping_equals_running_and_the_states_rows_can_be_chosen():
    own, x = layer(), random(BATCH, T, DIM)
    state, rows = own.start(x), torch.tensor([2, 0, 2])
    for t in range(2):
        found, state = own.step(x[:, t], state)
        close(found, own(x)[:, t])
    state, x = state.select(rows), x[rows]
    for t in range(2, T):
        found, state = own.step(x[:, t], state)
        close(found, own(x)[:, t])


def test_leading_dimensions_are_a_batch():
    own, x = layer(), random(2, BATCH, T, DIM)
    close(own(x), torch.stack([own(one) for one in x]))
    close(own(x[0, 0]), own(x)[0, 0])
    close(own.attention(x[0, 0]), own.attention(x)[0, 0])


def test_gradients_are_exact():
    own, x = layer(), random(2, 4, DIM).requires_grad_()
    mask = torch.tensor([[1, 1, 1, 1], [1, 0, 1, 1]]).bool()
    names, parameters = zip(*own.named_parameters(), strict=True)

    def function(x, *values):
        return torch.func.functional_call(own, dict(zip(names, values, strict=True)), (x, mask))

    assert torch.autograd.gradcheck(function, (x, *parameters), fast_mode=True)


def test_inputs_of_another_width_are_refused():
    with pytest.raises(ConfigError, match=r"LSTMN was given nodes with 7 features\n  expected: 2"):
        layer()(random(BATCH, T, 7))
