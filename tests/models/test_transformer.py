"""The Transformer: steps with a cache equal teacher forcing, padding changes nothing, and it is what the papers say."""

import pytest
import torch
from torch import nn

from edgewise.errors import ConfigError
from edgewise.models.transformer import TokenEmbedding, Transformer, TransformerDecoder, TransformerEncoder
from edgewise.nn.attention import KeysValues
from edgewise.nn.dropout import QuickDropout
from edgewise.nn.position import sinusoids
from edgewise.nn.torch_weights import decoder_layer_from_torch, encoder_layer_from_torch
from edgewise.nn.transformer import LayerDims
from edgewise.relation import Complete, between
from edgewise.tokens import EOS, PAD

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

DIM, HEADS, HIDDEN = 6, 3, 5


def sizes(**options):
    return LayerDims(DIM, HEADS, HIDDEN, **({"dropout": 0.3} | options))


def transformer(n_source=N_SOURCE, *, tied="target", layers=2, **options):
    dims = sizes(**options)
    return Transformer(n_source, N_TARGET, dims, encoder_layers=layers, decoder_layers=layers, tied=tied)


PLACES = {
    "absolute": {},
    "relative": {"relative": 2},
    "relative, tables a head": {"relative": 2, "relative_per_head": True},
}
KINDS = {
    f"{norm}, {name}": {"norm": norm, **options}
    for norm in ("post", "pre")
    for name, options in PLACES.items()
}
MODELS = {name: (lambda options=options: transformer(**options)) for name, options in KINDS.items()} | {
    "untied": lambda: transformer(tied="none"),
    "one layer": lambda: transformer(layers=1, norm="pre"),
}
every_model = pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
every_kind = pytest.mark.parametrize("options", KINDS.values(), ids=KINDS)
every_norm = pytest.mark.parametrize("norm", ["post", "pre"])
JOINT = SOURCE.clamp(max=N_TARGET - 1)


def by_steps(model, source, target_in):
    memory = model.encode(source)
    state, logits = model.start(memory), []
    for tokens in target_in.unbind(1):
        one, state = model.step(memory, state, tokens)
        logits.append(one)
    return torch.stack(logits, 1)


# ---- invariances ---------------------------------------------------------------------------------------------------


@every_model
def test_stepping_equals_teacher_forcing(make):
    model = drawn(make())
    logits = model(SOURCE, TARGET_IN)
    assert logits.shape == (*TARGET_IN.shape, N_TARGET)
    close(by_steps(model, SOURCE, TARGET_IN), logits)


@every_norm
def test_stepping_equals_teacher_forcing_with_one_table_for_all(norm):
    model = drawn(transformer(N_TARGET, tied="all", norm=norm))
    close(by_steps(model, JOINT, TARGET_IN), model(JOINT, TARGET_IN))


@every_model
def test_a_batch_is_its_sentences_one_by_one(make):
    model = drawn(make())
    logits, weights = model(SOURCE, TARGET_IN), model.attention(SOURCE, TARGET_IN)
    for row, (n, m) in enumerate(zip(LENGTHS, TARGET_LENGTHS, strict=True)):
        one = slice(row, row + 1)
        close(logits[row, :m], model(SOURCE[one, :n], TARGET_IN[one, :m])[0])
        close(weights[row, :m, :n], model.attention(SOURCE[one, :n], TARGET_IN[one, :m])[0])


@every_model
def test_more_padding_changes_nothing(make):
    model = drawn(make())
    source = nn.functional.pad(SOURCE, (0, 3), value=PAD)[1:]
    target = nn.functional.pad(TARGET_IN, (0, 2), value=PAD)[1:]
    close(model(source, target)[:, :4], model(SOURCE[1:, :5], TARGET_IN[1:, :4]))


@every_model
def test_later_target_words_change_nothing_before_them_and_something_behind(make):
    model = drawn(make())
    logits = model(SOURCE, TARGET_IN)
    for place in range(1, TARGET_IN.shape[1]):
        changed = TARGET_IN.clone()
        changed[:, place] = 5 + (changed[:, place] == 5)
        away = (model(SOURCE, changed) - logits).abs().amax(-1)
        assert (away[:, :place] < 1e-12).all()
        assert (away[:, place] > 1e-6).all()


@every_model
def test_every_source_word_matters_to_its_own_sentence_only(make):
    model = drawn(make())
    logits = model(SOURCE, TARGET_IN)
    for place in range(LENGTHS[0] - 1):
        changed = SOURCE.clone()
        changed[0, place] = 11
        away = (model(changed, TARGET_IN) - logits).abs().amax((1, 2))
        assert away[0] > 1e-6
        assert not away[1:].any()


@every_kind
def test_only_absolute_positions_tell_where_a_source_stands(options):
    model = drawn(transformer(**options))
    later = torch.cat([torch.full((1, 3), PAD), SOURCE[:1]], 1)
    away = (model(later, TARGET_IN[:1]) - model(SOURCE[:1], TARGET_IN[:1])).abs().max()
    assert (away < 1e-12) == ("relative" in options)


@every_norm
def test_a_source_without_positions_is_a_set(norm):
    stack, place = drawn(TransformerEncoder(sizes(norm=norm), 2)), torch.tensor([3, 0, 4, 1, 2])
    nodes = torch.randn(2, 5, DIM, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    close(stack(Complete(5), nodes[:, place]), stack(Complete(5), nodes)[:, place])


@every_kind
def test_the_order_of_the_source_matters(options):
    model = drawn(transformer(**options))
    swapped = SOURCE[:1, [1, 0, 2, 3, 4, 5, 6]]
    assert (model(swapped, TARGET_IN[:1]) - model(SOURCE[:1], TARGET_IN[:1])).abs().max() > 1e-6


@every_kind
def test_a_source_of_padding_alone_gives_numbers(options):
    model = drawn(transformer(**options))
    logits = model(torch.full((3, 4), PAD), TARGET_IN)
    assert logits.isfinite().all()
    assert not model.attention(torch.full((3, 4), PAD), TARGET_IN).any()
    grads = torch.autograd.grad(logits.square().sum(), list(model.parameters()), allow_unused=True)
    assert all(grad is None or grad.isfinite().all() for grad in grads)


# ---- the cache -----------------------------------------------------------------------------------------------------


@every_model
def test_rows_of_memory_and_state_can_be_chosen_in_the_midst_of_a_sentence(make):
    model, rows = drawn(make()), torch.tensor([2, 0, 2, 1])
    logits = model(SOURCE, TARGET_IN)
    memory = model.encode(SOURCE)
    state = model.start(memory)
    for t in range(2):
        _, state = model.step(memory, state, TARGET_IN[:, t])
    memory, state = memory.select(rows), state.select(rows)
    assert state.position == 2
    for t in range(2, TARGET_IN.shape[1]):
        one, state = model.step(memory, state, TARGET_IN[rows, t])
        close(one, logits[rows, t])


def test_a_step_leaves_the_state_it_was_given_as_it_was():
    model = drawn(transformer())
    memory = model.encode(SOURCE)
    first = model.start(memory)
    _, second = model.step(memory, first, TARGET_IN[:, 0])
    once, _ = model.step(memory, second, TARGET_IN[:, 1])
    model.step(memory, second, TARGET_IN[:, 2])
    again, third = model.step(memory, second, TARGET_IN[:, 1])
    assert torch.equal(once, again)
    lengths = [state.past[0].key.shape[1] for state in (first, second, third)]
    assert lengths == [state.position for state in (first, second, third)] == [0, 1, 2]


def test_the_source_is_projected_once_a_sentence_and_each_target_word_once():
    model, projected = drawn(transformer()), []
    for layer in model.decoder:
        for name in ("attention", "cross_attention"):
            getattr(layer, name).key_value.register_forward_hook(
                lambda _, inputs, out, name=name: projected.append((name, out.shape[1]))
            )
    by_steps(model, SOURCE, TARGET_IN)
    across = [("cross_attention", SOURCE.shape[1])] * 2
    assert projected == across + [("attention", 1)] * 2 * TARGET_IN.shape[1]


# ---- attention -----------------------------------------------------------------------------------------------------


@every_model
def test_attention_is_to_the_words_of_the_source_and_sums_to_one(make):
    weights = drawn(make()).attention(SOURCE, TARGET_IN)
    assert weights.shape == (*TARGET_IN.shape, SOURCE.shape[1])
    assert (weights >= 0).all()
    assert not weights.masked_select((SOURCE == PAD)[:, None]).any()
    close(weights.sum(-1), torch.ones(TARGET_IN.shape, dtype=torch.float64))


@every_model
def test_attention_is_the_mean_of_the_last_layers_heads_in_the_very_pass(make):
    model, seen = drawn(make()), []
    last = model.decoder[-1].cross_attention
    hook = last.register_forward_pre_hook(lambda _, inputs: seen.append(inputs))
    model(SOURCE, TARGET_IN)
    hook.remove()
    assert len(seen) == 1
    close(model.attention(SOURCE, TARGET_IN), last.attention(*seen[0]).mean(-1))


# ---- equations -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"relative": 2}], ids=["sinusoids", "relative"])
def test_embeddings_are_scaled_then_placed_then_dropped(options):
    embed = drawn(TokenEmbedding(N_SOURCE, sizes(**options)))
    assert embed.dropout.p == 0.3
    dropped = []
    embed.dropout.register_forward_hook(lambda _, inputs, out: dropped.append(inputs[0]))
    found = embed(SOURCE, first=4)
    places = torch.zeros(7, DIM) if options else sinusoids(11, DIM)[4:]
    for row in range(3):
        for t in range(7):
            expected = DIM**0.5 * embed.table.weight[SOURCE[row, t]] + places[t].double()
            close(found[row, t], expected)
    assert torch.equal(dropped[0], found)


def stacks_of_torch(norm, n_layers=2):
    """torch's encoder and decoder, and ours with the same weights."""
    numbers = (DIM, HEADS, HIDDEN, 0.0)
    options = {"norm_first": norm == "pre", "batch_first": True}

    def last():
        return nn.LayerNorm(DIM) if norm == "pre" else None

    encoder = nn.TransformerEncoder(
        nn.TransformerEncoderLayer(*numbers, **options), n_layers, last(), enable_nested_tensor=False
    )
    decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(*numbers, **options), n_layers, last())
    encoder, decoder = drawn(encoder, 1).train(), drawn(decoder, 2).train()
    model = drawn(transformer(norm=norm, layers=n_layers))
    for ours, theirs in zip(model.encoder.layers, encoder.layers, strict=True):
        ours.load_state_dict(encoder_layer_from_torch(theirs.state_dict()))
    for ours, theirs in zip(model.decoder, decoder.layers, strict=True):
        ours.load_state_dict(decoder_layer_from_torch(theirs.state_dict()))
    if norm == "pre":
        model.encoder.norm.load_state_dict(encoder.norm.state_dict())
        model.norm.load_state_dict(decoder.norm.state_dict())
    return model, encoder, decoder


@every_norm
def test_it_is_torchs_stacks_between_the_embeddings_and_the_tied_table(norm):
    model, encoder, decoder = stacks_of_torch(norm)
    source, target = model.source(SOURCE), model.target(TARGET_IN)
    there, n = SOURCE != PAD, TARGET_IN.shape[1]
    memory = encoder(source, src_key_padding_mask=~there)
    nodes = decoder(target, memory, tgt_mask=~torch.ones(n, n).tril().bool(), memory_key_padding_mask=~there)
    close(model.encoder(between(7, there), source), memory)
    close(model(SOURCE, TARGET_IN), nodes @ model.target.table.weight.T)


@every_model
def test_gradients_are_exact(make):
    assert exact_gradients(drawn(make()), SOURCE[1:, :5], TARGET_IN[1:, :3])


@every_model
def test_gradients_reach_every_parameter(make):
    model = drawn(make())
    model(SOURCE, TARGET_IN).square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


# ---- parameters ----------------------------------------------------------------------------------------------------


TABLE_3 = {
    "base": ({}, 6, 65),
    "2 layers": ({}, 2, 36),
    "4 layers": ({}, 4, 50),
    "8 layers": ({}, 8, 80),
    "width 256": ({"dim": 256}, 6, 28),
    "width 1024": ({"dim": 1024}, 6, 168),
    "feed-forward 1024": ({"feed_forward": 1024}, 6, 53),
    "feed-forward 4096": ({"feed_forward": 4096}, 6, 90),
}
"""Vaswani et al. (2017), table 3: the base model and rows C, in millions of parameters."""
VOCABULARY = 41_000
"""With which all of them come out; with the 37,000 or so of section 5.1 the base model has 63 million."""


@pytest.mark.parametrize(("options", "layers", "millions"), TABLE_3.values(), ids=TABLE_3)
@every_norm
def test_models_are_as_large_as_the_papers_table_says(norm, options, layers, millions):
    with torch.device("meta"):
        model = Transformer(
            VOCABULARY,
            VOCABULARY,
            LayerDims(**options, norm=norm),
            encoder_layers=layers,
            decoder_layers=layers,
        )
    assert round(model.n_parameters / 1e6) == millions


@pytest.mark.parametrize(("relative", "per_head"), [(0, False), (16, False), (16, True)])
@every_norm
def test_the_base_model_has_the_parts_that_one_can_count(norm, relative, per_head):
    d, hidden, n, reach = 512, 2048, 37_000, 2 * 16 + 1
    attention, normalisation = 4 * (d * d + d), 2 * d
    feed_forward = d * hidden + hidden + hidden * d + d
    distances = (relative > 0) * 2 * reach * 64 * (8 if per_head else 1)
    encoder = attention + feed_forward + 2 * normalisation + distances
    decoder = 2 * attention + feed_forward + 3 * normalisation + distances
    last = 2 * normalisation if norm == "pre" else 0
    with torch.device("meta"):
        model = Transformer(n, n, LayerDims(norm=norm, relative=relative, relative_per_head=per_head))
    assert model.n_parameters == 6 * (encoder + decoder) + last + n * d


def test_tables_that_are_tied_are_one_parameter_with_one_name():
    counts = {tied: transformer(N_TARGET, tied=tied).n_parameters for tied in ("all", "target", "none")}
    table = N_TARGET * DIM
    assert counts == {
        "all": counts["all"],
        "target": counts["all"] + table,
        "none": counts["all"] + 2 * table,
    }
    for tied in counts:
        state = transformer(N_TARGET, tied=tied).state_dict()
        assert len({value.data_ptr() for value in state.values()}) == len(state)
        assert sum(value.numel() for value in state.values()) == counts[tied]


def test_tied_models_are_untied_ones_with_the_same_tables():
    apart = drawn(transformer(N_TARGET, tied="none"))
    for tied in ("all", "target"):
        model = drawn(transformer(N_TARGET, tied=tied), seed=1)
        table = model.target.table.weight
        source = table if model.source is None else model.source.table.weight
        apart.load_state_dict(model.state_dict() | {"source.table.weight": source, "out.weight": table})
        close(model(JOINT, TARGET_IN), apart(JOINT, TARGET_IN))


def test_embeddings_begin_with_variance_one_over_dim_and_an_untied_output_with_xaviers():
    torch.manual_seed(0)
    dims = LayerDims(64, 4, 32)
    model = Transformer(1000, 1000, dims, encoder_layers=1, decoder_layers=1, tied="none")
    for embed in (model.source, model.target):
        weight = embed.table.weight.detach()
        assert abs(float(weight.std()) * 8 - 1) < 4 / (2 * weight.numel()) ** 0.5  # four standard errors
        assert abs(float(weight.mean())) * 8 < 4 / weight.numel() ** 0.5
    bound = (6 / 1064) ** 0.5
    assert 0.99 * bound < float(model.out.weight.detach().abs().max()) <= bound


def test_dropout_acts_in_training_only():
    model = drawn(transformer())
    assert torch.equal(model(SOURCE, TARGET_IN), model(SOURCE, TARGET_IN))
    assert not torch.equal(model.train()(SOURCE, TARGET_IN), model(SOURCE, TARGET_IN))


def test_dropout_is_on_both_embeddings_and_every_sublayer():
    model, places = transformer(), []
    for part in model.modules():
        if isinstance(part, QuickDropout) and part.p == 0.3:
            part.register_forward_hook(lambda _, inputs, out: places.append(tuple(out.shape)))
    model(SOURCE, TARGET_IN)
    source, target = (*SOURCE.shape, DIM), (*TARGET_IN.shape, DIM)
    assert sorted(places) == sorted([source] * (1 + 2 * 2) + [target] * (1 + 2 * 3))


# ---- a decoder alone -----------------------------------------------------------------------------------------------


def language_model(**options):
    return drawn(TransformerDecoder(N_TARGET, sizes(**options), 2))


@every_kind
def test_a_language_model_step_by_step_is_the_whole_pass(options):
    model, rows = language_model(**options), torch.tensor([2, 0, 2, 1])
    logits = model(TARGET_IN)
    assert logits.shape == (*TARGET_IN.shape, N_TARGET)
    state = model.start(3)
    for t in range(2):
        one, state = model.step(state, TARGET_IN[:, t])
        close(one, logits[:, t])
    state = state.select(rows)
    for t in range(2, 5):
        one, state = model.step(state, TARGET_IN[rows, t])
        close(one, logits[rows, t])


@every_kind
def test_a_language_model_does_not_read_ahead(options):
    model = language_model(**options)
    logits = model(TARGET_IN)
    for place in range(1, 5):
        changed = TARGET_IN.clone()
        changed[:, place] = 5 + (changed[:, place] == 5)
        away = (model(changed) - logits).abs().amax(-1)
        assert (away[:, :place] < 1e-12).all()
        assert (away[:, place] > 1e-6).all()
    for row, m in enumerate(TARGET_LENGTHS):
        close(logits[row, :m], model(TARGET_IN[row : row + 1, :m])[0])


@every_kind
def test_a_language_models_gradients_are_exact_and_reach_everything(options):
    model = language_model(**options)
    names, values = zip(*model.named_parameters(), strict=True)

    def function(*given):
        return torch.func.functional_call(model, dict(zip(names, given, strict=True)), (TARGET_IN[:2, :3],))

    assert torch.autograd.gradcheck(function, values, fast_mode=True)
    model(TARGET_IN).square().sum().backward()
    assert all(parameter.grad.abs().max() > 0 for parameter in model.parameters())


def test_the_output_of_a_language_model_is_its_embedding():
    model = language_model(norm="pre")
    nodes = model.stack(Complete(5, causal=True), model.tokens(TARGET_IN))
    close(model(TARGET_IN), nodes @ model.tokens.table.weight.T)


# ---- what is refused, compiling, exporting ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: transformer(tied="all"),
            'one table for vocabularies of 12 and 9 tokens\n  expected: a joint vocabulary\n  to do: tied = "target"',
        ),
        (lambda: transformer(tied="targets"), r"unknown tied 'targets' \(did you mean 'target'\?\)"),
        (lambda: transformer(layers=0), "encoder_layers is 0\n  expected: 1 or more"),
        (
            lambda: Transformer(9, 9, sizes(), decoder_layers=-1),
            "decoder_layers is -1\n  expected: 1 or more",
        ),
        (lambda: Transformer(9, 9, LayerDims(5, 1, 4)), "sinusoids of 5 features"),
    ],
)
def test_what_cannot_be_built_is_refused(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


@pytest.mark.parametrize("options", [KINDS["post, absolute"], KINDS["pre, relative"]])
def test_compiling_leaves_no_graph_break_and_the_same_numbers(options):
    model = drawn(transformer(layers=1, **options)).float()
    torch._dynamo.reset()
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    results = []
    for run in (compiled, model):
        logits = run(SOURCE, TARGET_IN)
        results.append((logits, *torch.autograd.grad(logits.square().mean(), list(model.parameters()))))
    for left, right in zip(*results, strict=True):
        torch.testing.assert_close(left, right, rtol=1e-4, atol=1e-4)


@every_kind
def test_an_exported_model_gives_the_same_numbers(options):
    model = drawn(transformer(layers=1, **options))
    program = torch.export.export(model, (SOURCE, TARGET_IN))
    other = SOURCE.flip(0)
    other[2, 3] = EOS
    close(program.module()(other, TARGET_IN.flip(0)), model(other, TARGET_IN.flip(0)))


def test_the_empty_cache_has_the_type_of_the_memory():
    model = drawn(transformer())
    state = model.start(model.encode(SOURCE))
    for layer in state.past:
        assert isinstance(layer, KeysValues)
        assert layer.key.shape == layer.value.shape == (3, 0, DIM)
        assert layer.key.dtype == torch.float64
