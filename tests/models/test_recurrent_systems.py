"""What holds for every recurrent sequence model: stepping equals teacher forcing, and padding changes nothing."""

from dataclasses import replace

import pytest
import torch

from edgewise.errors import ConfigError, DataError
from edgewise.models.luong import ALIGNMENTS, SCORES, Luong, LuongSettings, luong_attention
from edgewise.models.rnnsearch import RNNsearch, RNNsearchSettings
from edgewise.models.seq2seq import Seq2Seq, Seq2SeqSettings
from edgewise.nn.dropout import QuickDropout
from edgewise.tokens import PAD

from .sentences import (
    LENGTHS,
    N_SOURCE,
    N_TARGET,
    SOURCE,
    TARGET_IN,
    TARGET_LENGTHS,
    close,
    drawn,
    exact_gradients,
)

SIZES = LuongSettings(embedding_dim=3, hidden=4, layers=2, dropout=0.3)


def luong(score="general", align="global", **changes):
    attend = luong_attention(4, score, align, reach=2, longest=10)
    return Luong(N_SOURCE, N_TARGET, attend, replace(SIZES, **changes))


MODELS = {
    "seq2seq": lambda: Seq2Seq(N_SOURCE, N_TARGET, Seq2SeqSettings(3, 4, 2, dropout=0.3)),
    "seq2seq, one layer": lambda: Seq2Seq(N_SOURCE, N_TARGET, Seq2SeqSettings(3, 4, 1)),
    "rnnsearch": lambda: RNNsearch(N_SOURCE, N_TARGET, RNNsearchSettings(3, 4, 5, 2, dropout=0.3)),
    "luong, reversed": lambda: luong(reverse_source=True),
    "luong, both directions": lambda: luong(bidirectional=True),
    "luong, at once, both directions, reversed": lambda: luong(
        bidirectional=True, reverse_source=True, input_feeding=False
    ),
    "luong, one layer": lambda: luong(layers=1),
} | {
    f"luong, {score}, {align}, {'fed' if fed else 'at once'}": (
        lambda score=score, align=align, fed=fed: luong(score, align, input_feeding=fed)
    )
    for score in SCORES
    for align in ALIGNMENTS
    for fed in (True, False)
}


def models_of(kind=lambda name: True):
    chosen = {name: make for name, make in MODELS.items() if kind(name)}
    return pytest.mark.parametrize("make", chosen.values(), ids=chosen)


every_model = models_of()


def by_steps(model, source, target_in):
    memory = model.encode(source)
    state, logits = model.start(memory), []
    for tokens in target_in.unbind(1):
        one, state = model.step(memory, state, tokens)
        logits.append(one)
    return torch.stack(logits, 1)


@every_model
def test_stepping_equals_teacher_forcing(make):
    model = drawn(make())
    logits = model(SOURCE, TARGET_IN)
    assert logits.shape == (*TARGET_IN.shape, N_TARGET)
    close(by_steps(model, SOURCE, TARGET_IN), logits)


@every_model
def test_a_batch_is_its_sentences_one_by_one(make):
    model = drawn(make())
    logits = model(SOURCE, TARGET_IN)
    for row, (n, m) in enumerate(zip(LENGTHS, TARGET_LENGTHS, strict=True)):
        one = slice(row, row + 1)
        close(logits[row, :m], model(SOURCE[one, :n], TARGET_IN[one, :m])[0])


@every_model
def test_more_padding_changes_nothing(make):
    model = drawn(make())
    source = torch.nn.functional.pad(SOURCE, (0, 3), value=PAD)[1:]
    target = torch.nn.functional.pad(TARGET_IN, (0, 2), value=PAD)[1:]
    close(model(source, target)[:, :4], model(SOURCE[1:, :5], TARGET_IN[1:, :4]))


@every_model
def test_later_target_words_change_nothing_before_them(make):
    model = drawn(make())
    changed = TARGET_IN.clone()
    changed[:, 3:] = 5
    assert torch.equal(model(SOURCE, changed)[:, :3], model(SOURCE, TARGET_IN)[:, :3])


@models_of(lambda name: "local" not in name)
def test_every_source_word_matters_to_a_model_that_sees_all_and_to_its_own_sentence_only(make):
    model = drawn(make())
    logits = model(SOURCE, TARGET_IN)
    for place in range(LENGTHS[0] - 1):
        changed = SOURCE.clone()
        changed[0, place] = 11
        away = (model(changed, TARGET_IN) - logits).abs().amax((1, 2))
        assert away[0] > 1e-6
        assert not away[1:].any()


@every_model
def test_rows_of_memory_and_state_can_be_chosen_in_the_midst_of_a_sentence(make):
    model, rows = drawn(make()), torch.tensor([2, 0, 2, 1])
    logits = model(SOURCE, TARGET_IN)
    memory = model.encode(SOURCE)
    state = model.start(memory)
    for t in range(2):
        _, state = model.step(memory, state, TARGET_IN[:, t])
    memory, state = memory.select(rows), state.select(rows)
    for t in range(2, TARGET_IN.shape[1]):
        one, state = model.step(memory, state, TARGET_IN[rows, t])
        close(one, logits[rows, t])


@models_of(lambda name: "seq2seq" not in name)
def test_attention_is_to_the_words_of_the_source(make):
    model = drawn(make())
    weights = model.attention(SOURCE, TARGET_IN)
    assert weights.shape == (*TARGET_IN.shape, SOURCE.shape[1])
    assert (weights >= 0).all()
    assert not weights.masked_select((SOURCE == PAD)[:, None]).any()
    assert (weights.sum(-1) < 1 + 1e-12).all()


@models_of(lambda name: "seq2seq" not in name and "local" not in name)
def test_global_attention_sums_to_one(make):
    total = drawn(make()).attention(SOURCE, TARGET_IN).sum(-1)
    close(total, torch.ones_like(total))


@models_of(lambda name: "seq2seq" not in name)
def test_attention_of_a_batch_is_that_of_its_sentences_one_by_one(make):
    model = drawn(make())
    weights = model.attention(SOURCE, TARGET_IN)
    for row, (n, m) in enumerate(zip(LENGTHS, TARGET_LENGTHS, strict=True)):
        one = slice(row, row + 1)
        close(weights[row, :m, :n], model.attention(SOURCE[one, :n], TARGET_IN[one, :m])[0])


@every_model
def test_gradients_are_exact(make):
    assert exact_gradients(drawn(make()), SOURCE[1:, :5], TARGET_IN[1:, :3])


@every_model
def test_dropout_acts_in_training_only(make):
    model = drawn(make())
    assert torch.equal(model(SOURCE, TARGET_IN), model(SOURCE, TARGET_IN))
    places = [part for part in model.modules() if isinstance(part, QuickDropout)]
    acts = any(part.p for part in places)
    assert torch.equal(model.train()(SOURCE, TARGET_IN), model(SOURCE, TARGET_IN)) is not acts


@every_model
def test_gradients_reach_every_parameter(make):
    model = drawn(make())
    model(SOURCE, TARGET_IN).square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize("name", ["seq2seq", "rnnsearch", "luong, one layer"])
def test_a_source_without_tokens_is_refused(name):
    with pytest.raises(DataError, match="sentence 0 of the batch has no tokens"):
        MODELS[name]()(torch.zeros(1, 3, dtype=torch.int64), TARGET_IN[:1])


@pytest.mark.parametrize(
    "make",
    [
        lambda tied: Seq2Seq(N_SOURCE, N_TARGET, Seq2SeqSettings(4, 4, 1, tied=tied)),
        lambda tied: RNNsearch(N_SOURCE, N_TARGET, RNNsearchSettings(4, 3, 3, 4, tied=tied)),
        lambda tied: luong(embedding_dim=4, tied=tied),
    ],
    ids=["seq2seq", "rnnsearch", "luong"],
)
def test_tied_embeddings_are_one_matrix_that_counts_once(make):
    apart, tied = make(False), make(True)
    assert apart.n_parameters - tied.n_parameters == 4 * N_TARGET
    tied, apart = drawn(tied), drawn(apart)
    apart.load_state_dict(tied.state_dict() | {"words.weight": tied.words.embedding.weight})
    close(tied(SOURCE, TARGET_IN), apart(SOURCE, TARGET_IN))
    close(by_steps(tied, SOURCE, TARGET_IN), apart(SOURCE, TARGET_IN))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Seq2SeqSettings(layers=0), "layers is 0\n  expected: 1 or more"),
        (lambda: RNNsearchSettings(maxout=0), "maxout is 0\n  expected: 1 or more"),
        (lambda: LuongSettings(dropout=1.0), "dropout is 1.0\n  expected: a probability from 0 to below 1"),
        (lambda: LuongSettings(hidden=5, bidirectional=True), "hidden is 5\n  expected: an even number"),
        (lambda: luong(tied=True), "tied embeddings of 3 features and an output matrix of 4"),
        (lambda: luong_attention(4, "genral"), r"unknown score 'genral' \(did you mean 'general'\?\)"),
        (lambda: luong_attention(4, align="local"), r"unknown alignment 'local' \(did you mean"),
        (lambda: luong_attention(4, align="local-p", reach=0), "a window that reaches 0 positions"),
    ],
)
def test_settings_out_of_range_are_refused(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


@pytest.mark.parametrize(
    "name", ["seq2seq", "rnnsearch", "luong, reversed", "luong, general, global, at once"]
)
def test_dropout_acts_on_the_words_of_both_sides_and_on_what_is_scored(name, monkeypatch):
    model, places, scored = drawn(MODELS[name]()), [], []
    model.dropout.register_forward_hook(lambda _, inputs, out: places.append(out))
    logits = model.words.logits
    monkeypatch.setattr(model.words, "logits", lambda features: scored.append(features) or logits(features))
    model(SOURCE, TARGET_IN)
    *words, last = places
    shapes = sorted(tuple(part.shape) for part in words)
    assert shapes == sorted([(*SOURCE.shape, 3), (*TARGET_IN.shape, 3)])
    assert scored[0] is last
