"""Seq2Seq is two LSTMs of torch's, the first of which reads each sentence from its end."""

import pytest
import torch
from torch import nn

from edgewise.errors import ConfigError
from edgewise.models.seq2seq import Seq2Seq, Seq2SeqSettings

from .sentences import LENGTHS, N_SOURCE, N_TARGET, SOURCE, TARGET_IN, close, drawn


@pytest.mark.parametrize("layers", [1, 3])
def test_it_is_two_lstms_with_the_source_reversed(layers):
    model = drawn(Seq2Seq(N_SOURCE, N_TARGET, Seq2SeqSettings(3, 4, layers)))
    reader, writer = (nn.LSTM(3, 4, layers).double() for _ in range(2))
    reader.load_state_dict(model.encoder.lstm.state_dict())
    writer.load_state_dict(model.decoder.lstm.state_dict())
    logits = model(SOURCE, TARGET_IN)
    for row, length in enumerate(LENGTHS):
        _, state = reader(model.source.weight[SOURCE[row, :length].flip(0)])
        hidden, _ = writer(model.words.embedding.weight[TARGET_IN[row]], state)
        close(logits[row], hidden @ model.words.weight.T + model.words.bias)


def test_the_order_of_the_source_matters():
    model = drawn(Seq2Seq(N_SOURCE, N_TARGET, Seq2SeqSettings(3, 4, 1)))
    swapped = SOURCE[:, [1, 0, 2, 3, 4, 5, 6]][:1]
    assert (model(swapped, TARGET_IN[:1]) - model(SOURCE[:1], TARGET_IN[:1])).abs().max() > 1e-3


def test_it_has_no_attention():
    model = Seq2Seq(N_SOURCE, N_TARGET, Seq2SeqSettings(3, 4, 1))
    with pytest.raises(ConfigError) as error:
        model.attention(SOURCE, TARGET_IN)
    assert "Seq2Seq has no attention" in str(error.value)
    assert "train a RNNsearch, Luong or Transformer" in str(error.value)


def test_it_starts_as_the_paper_has_it():
    torch.manual_seed(0)
    model = Seq2Seq(50, 60, Seq2SeqSettings(20, 20, 2))
    for name, parameter in model.named_parameters():
        assert parameter.abs().max() <= 0.08, name
        assert parameter.abs().max() > 0.07, name
