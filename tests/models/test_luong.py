"""Luong's models equal the equations of the paper, for every score and alignment, with and without input feeding."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from edgewise.errors import ConfigError
from edgewise.models.luong import ALIGNMENTS, SCORES, Luong, LuongSettings, luong_attention

from .sentences import LENGTHS, N_SOURCE, N_TARGET, SOURCE, TARGET_IN, close, drawn

EMBEDDING, HIDDEN, REACH = 3, 4, 2
SIZES = LuongSettings(EMBEDDING, HIDDEN, layers=2, dropout=0.0)


def make(score="general", align="global", **changes):
    attend = luong_attention(HIDDEN, score, align, reach=REACH, longest=7)
    return drawn(Luong(N_SOURCE, N_TARGET, attend, replace(SIZES, **changes)))


def score_of(model, name, h, keys):
    """Section 3.1, and eq. 8: logits of all source states."""
    score = model.attend.score
    if name == "dot":
        return torch.stack([h @ k for k in keys])
    if name == "general":
        return torch.stack([h @ score.weight.weight @ k for k in keys])
    if name == "concat":
        w = torch.cat([score.query.weight, score.key.weight], 1)
        return torch.stack([score.vector.weight[0] @ torch.tanh(w @ torch.cat([h, k])) for k in keys])
    return (score.weight.weight @ h)[: len(keys)]


def aligned(model, name, h, logits, t):
    """Sections 3.1 and 3.2: weights of all source positions."""
    n = len(logits)
    if name == "global":
        return logits.softmax(0)
    if name == "local-m":
        centre = torch.tensor(float(t)).double()
    else:
        align = model.attend.align
        centre = n * torch.sigmoid(align.vector.weight[0] @ torch.tanh(align.hidden.weight @ h))
    middle = int(centre)
    window = [s for s in range(middle - REACH, middle + REACH + 1) if 0 <= s < n]
    weights = torch.zeros(n).double()
    if not window:
        return weights
    weights[window] = logits[window].softmax(0)
    if name == "local-m":
        return weights
    places = torch.arange(n).double()
    weights = weights * torch.exp(-((places - centre) ** 2) / (2 * (REACH / 2) ** 2))
    return weights / weights.sum() if name == "local-p-renormalised" else weights


def lstm_of(model, fed):
    """The decoder as one LSTM of torch's, whose input is [word; h~]."""
    lstm = nn.LSTM(EMBEDDING + (HIDDEN if fed else 0), HIDDEN, 2).double()
    weights = dict(model.decoder.lstm.state_dict())
    if fed:
        weights["weight_ih_l0"] = torch.cat([weights["weight_ih_l0"], model.decoder.fed.weight.detach()], 1)
    lstm.load_state_dict(weights)
    return lstm


@torch.no_grad()
def by_loop(model, score, align, fed, source, target_in):
    """Logits and weights of one sentence, word by word."""
    reader, writer = nn.LSTM(EMBEDDING, HIDDEN, 2).double(), lstm_of(model, fed)
    reader.load_state_dict(model.encoder.state_dict())
    keys, state = reader(model.source.weight[source])
    attentional, logits, looked = torch.zeros(HIDDEN).double(), [], []
    for t, word in enumerate(target_in):
        y = model.words.embedding.weight[word]
        out, state = writer((torch.cat([y, attentional]) if fed else y)[None], state)
        weights = aligned(model, align, out[0], score_of(model, score, out[0], keys), t)
        context = sum(w * k for w, k in zip(weights, keys, strict=True))
        attentional = torch.tanh(model.combine.weight @ torch.cat([context, out[0]]))
        logits.append(model.words.weight @ attentional + model.words.bias)
        looked.append(weights)
    return torch.stack(logits), torch.stack(looked)


@pytest.mark.parametrize("fed", [True, False], ids=["fed", "at once"])
@pytest.mark.parametrize("align", ALIGNMENTS)
@pytest.mark.parametrize("score", SCORES)
def test_it_equals_the_papers_equations(score, align, fed):
    model = make(score, align, input_feeding=fed)
    logits, weights = model(SOURCE, TARGET_IN), model.attention(SOURCE, TARGET_IN)
    for row, length in enumerate(LENGTHS):
        expected, looked = by_loop(model, score, align, fed, SOURCE[row, :length], TARGET_IN[row])
        close(logits[row], expected)
        close(weights[row, :, :length], looked)


def test_fed_with_nothing_the_steps_equal_all_at_once():
    fed, at_once = make(), make(input_feeding=False)
    nn.init.zeros_(fed.decoder.fed.weight)
    at_once.load_state_dict({k: v for k, v in fed.state_dict().items() if k != "decoder.fed.weight"})
    close(fed(SOURCE, TARGET_IN), at_once(SOURCE, TARGET_IN))


def test_a_reversed_source_is_read_from_its_end_and_its_states_stand_at_their_words():
    forward, backward = make("location"), make("location", reverse_source=True)
    backward.load_state_dict(forward.state_dict())
    for row, length in enumerate(LENGTHS):
        words = SOURCE[row : row + 1, :length]
        there, back = forward.encode(words.flip(1)), backward.encode(words)
        close(back.annotations, there.annotations.flip(1))
        for layer, own in zip(back.last, there.last, strict=True):
            close(layer, own)


def test_both_directions_are_half_as_wide_and_hand_both_last_states_on():
    model = make(bidirectional=True)
    reader = nn.LSTM(EMBEDDING, HIDDEN // 2, 2, bidirectional=True).double()
    reader.load_state_dict(model.encoder.state_dict())
    memory = model.encode(SOURCE)
    for row, length in enumerate(LENGTHS):
        annotations, (hidden, cell) = reader(model.source.weight[SOURCE[row, :length]])
        close(memory.annotations[row, :length], annotations)
        for layer, (own_hidden, own_cell) in enumerate(memory.last):
            close(own_hidden[row], hidden[2 * layer : 2 * layer + 2].flatten())
            close(own_cell[row], cell[2 * layer : 2 * layer + 2].flatten())


def test_a_window_that_lies_behind_the_source_gives_no_weight_and_no_nan():
    model = make("general", "local-m")
    target = torch.full((1, 8), 5)
    weights = model.attention(SOURCE[2:, :2], target)
    assert not weights[0, 4:].any()  # from position 4 on, t - 2 is behind the last of two words
    close(weights[0, :4].sum(-1), torch.ones(4).double())
    assert model(SOURCE[2:, :2], target).isfinite().all()


def test_a_source_longer_than_a_score_by_location_allows_is_refused():
    model = make("location")
    with pytest.raises(ConfigError, match="LocationScore was given 8 positions\n  expected: at most 7"):
        model.encode(torch.full((1, 8), 5))


def test_it_starts_as_the_paper_has_it():
    torch.manual_seed(0)
    attend = luong_attention(20, "concat", "local-p")
    model = Luong(50, 60, attend, LuongSettings(20, 20, 2))
    for name, parameter in model.named_parameters():
        assert parameter.abs().max() <= 0.1, name
        assert parameter.abs().max() > 0.08, name
