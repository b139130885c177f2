"""The layers are their equations with dropout where it belongs, and they know of positions what relations tell."""

import pytest
import torch
from torch import nn

from edgewise.errors import ConfigError
from edgewise.nn.transformer import DecoderLayer, EncoderLayer, FeedForward, LayerDims, Residual
from edgewise.relation import Band, Complete, between

from .attention.plain import assert_same, made, random

DIM, HEADS, HIDDEN, N, M = 6, 3, 5, 6, 4
KINDS = {
    f"{norm}, {places}": {"norm": norm, **options}
    for norm in ("post", "pre")
    for places, options in {
        "no positions": {},
        "relative": {"relative": 2},
        "relative, tables a head": {"relative": 2, "relative_per_head": True},
    }.items()
}
every_kind = pytest.mark.parametrize("options", KINDS.values(), ids=KINDS)
every_norm = pytest.mark.parametrize("norm", ["post", "pre"])


def sizes(**options):
    return LayerDims(DIM, HEADS, HIDDEN, **({"dropout": 0.0} | options))


def encoder(**options):
    return made(EncoderLayer, sizes(**options))


def decoder(**options):
    return made(DecoderLayer, sizes(**options))


class Decoding(nn.Module):
    """A decoder layer as a function of nodes and memory: the causal relation, and everything of the memory."""

    def __init__(self, layer, there=None):
        super().__init__()
        self.layer, self.there = layer, there

    def forward(self, nodes, memory):
        n, m = nodes.shape[-2], memory.shape[-2]
        across = Complete(n, m) if self.there is None else between(n, self.there)
        return self.layer(Complete(n, causal=True), nodes, across, self.layer.memory_keys_values(memory))


# ---- invariances ---------------------------------------------------------------------------------------------------


@every_norm
def test_permuting_the_nodes_permutes_the_result(norm):
    layer, nodes, place = encoder(norm=norm), random(2, N, DIM), torch.tensor([3, 5, 0, 4, 1, 2])
    assert_same(layer(Complete(N), nodes[:, place]), layer(Complete(N), nodes)[:, place])


@every_norm
def test_permuting_the_memory_changes_nothing(norm):
    layer, place = Decoding(decoder(norm=norm, relative=2)), torch.tensor([2, 0, 3, 1])
    nodes, memory = random(2, N, DIM), random(2, M, DIM, seed=1)
    assert_same(layer(nodes, memory[:, place]), layer(nodes, memory))


@every_kind
def test_padding_changes_nothing_and_a_batch_is_its_sentences_one_by_one(options):
    layer, lengths = encoder(**options), (2, 6, 3)
    there = torch.arange(N) < torch.tensor(lengths)[:, None]
    nodes = random(3, N, DIM).masked_fill(~there[..., None], 1e3)
    together = layer(between(N, there), nodes)
    for at, length in enumerate(lengths):
        assert_same(together[at, :length], layer(Complete(length), nodes[at, :length]))


@every_kind
def test_padding_of_the_memory_changes_nothing(options):
    layer, lengths = decoder(**options), (1, 4, 3)
    there = torch.arange(M) < torch.tensor(lengths)[:, None]
    nodes, memory = random(3, N, DIM), random(3, M, DIM, seed=1).masked_fill(~there[..., None], 1e3)
    together = Decoding(layer, there)(nodes, memory)
    for at, length in enumerate(lengths):
        assert_same(together[at], Decoding(layer)(nodes[at], memory[at, :length]))


@every_kind
def test_where_a_sentence_stands_does_not_matter_without_absolute_positions(options):
    layer, words = encoder(**options), random(2, 4, DIM)
    alone = layer(Complete(4), words)
    for before, behind in ((0, 3), (3, 0), (2, 5)):
        nodes = nn.functional.pad(words, (0, 0, before, behind), value=1e3)
        place = torch.arange(nodes.shape[1])
        there = ((place >= before) & (place < before + 4)).expand(2, -1)
        assert_same(layer(between(len(place), there), nodes)[:, before : before + 4], alone)


@every_kind
@pytest.mark.parametrize("make", [encoder, lambda **options: Decoding(decoder(**options))])
def test_causality_no_node_is_told_what_comes_later(make, options):
    layer, memory = make(**options), random(2, M, DIM, seed=1)
    nodes = random(2, N, DIM).requires_grad_()
    is_decoder = isinstance(layer, Decoding)
    out = layer(nodes, memory) if is_decoder else layer(Complete(N, causal=True), nodes)
    for receiver in range(N):
        total = (out[:, receiver] * random(2, DIM, seed=3)).sum()
        told = torch.autograd.grad(total, nodes, retain_graph=True)[0].abs().sum((0, 2))
        assert not told[receiver + 1 :].any()
        assert (told[: receiver + 1] > 0).all()


@every_kind
def test_nothing_to_hear_leaves_the_biases_and_no_nan(options):
    layer, nodes = decoder(**options), random(2, N, DIM).requires_grad_()
    memory = random(2, M, DIM, seed=1).requires_grad_()
    there = torch.tensor([[True, False, False, True], [False, False, False, False]])
    out = Decoding(layer, there)(nodes, memory)
    grads = torch.autograd.grad(out.square().sum(), [nodes, memory, *layer.parameters()])
    assert all(part.isfinite().all() for part in (out, *grads))
    assert not grads[1][1].any()


# ---- equations -----------------------------------------------------------------------------------------------------


class Twice(nn.Module):
    """Stands where dropout is, and can be seen in the numbers."""

    def forward(self, values):
        return 2 * values


@every_norm
def test_a_residual_is_its_equation_with_dropout_on_what_is_added(norm):
    around = made(Residual, DIM, norm, dropout=0.4, eps=0.1)
    assert around.dropout.p == 0.4
    around.dropout = Twice()
    nodes, matrix = random(N, DIM), random(DIM, DIM, seed=1)

    def normalised(x):
        away = x - x.mean(-1, keepdim=True)
        deviation = (away.square().mean(-1, keepdim=True) + 0.1).sqrt()
        return away / deviation * around.norm.weight + around.norm.bias

    expected = {
        "post": normalised(nodes + 2 * (nodes @ matrix)),
        "pre": nodes + 2 * (normalised(nodes) @ matrix),
    }
    assert_same(around(nodes, lambda x: x @ matrix), expected[norm])


def test_the_feed_forward_map_is_its_equation_with_dropout_on_the_hidden_layer():
    layer, nodes = made(FeedForward, DIM, HIDDEN, dropout=0.4), random(2, N, DIM)
    assert layer.dropout.p == 0.4
    layer.dropout = Twice()
    hidden = (nodes @ layer.hidden.weight.T + layer.hidden.bias).clamp(min=0)
    assert_same(layer(nodes), 2 * hidden @ layer.out.weight.T + layer.out.bias)


@every_kind
def test_a_decoder_layer_is_three_residuals_in_their_order(options):
    layer, nodes, memory = decoder(**options), random(2, N, DIM), random(2, M, DIM, seed=1)
    keys_values, causal, across = layer.memory_keys_values(memory), Complete(N, causal=True), Complete(N, M)
    first = layer.around_attention(nodes, lambda x: layer.attention(causal, x))
    second = layer.around_cross_attention(first, lambda x: layer.cross_attention(across, x, keys_values))
    third = layer.around_feed_forward(second, layer.feed_forward)
    assert_same(layer(causal, nodes, across, keys_values), third)
    assert layer.cross_attention.relative is None


@every_kind
@pytest.mark.parametrize("make", [EncoderLayer, DecoderLayer])
def test_gradients_are_exact(make, options):
    dims = LayerDims(4, 2, 3, dropout=0.0, **options)
    layer = made(make, dims)
    function = Decoding(layer) if make is DecoderLayer else layer
    names, values = zip(*function.named_parameters(), strict=True)
    inputs = [random(2, 3, 4), random(2, 2, 4, seed=1)][: 2 if make is DecoderLayer else 1]
    relation = [] if make is DecoderLayer else [Complete(3, causal=True)]

    def call(*given):
        parameters = dict(zip(names, given[len(inputs) :], strict=True))
        return torch.func.functional_call(function, parameters, (*relation, *given[: len(inputs)]))

    given = [value.detach().clone().requires_grad_() for value in (*inputs, *values)]
    assert torch.autograd.gradcheck(call, given, fast_mode=True)


# ---- equivalences --------------------------------------------------------------------------------------------------


@every_kind
def test_complete_band_and_sparse_give_the_same_numbers(options):
    layer, nodes, place = encoder(**options), random(2, N, DIM), torch.arange(N)
    away = place - place[:, None]
    near = Complete(N).masked(edges=(away >= -2) & (away <= 1))
    expected = layer(near, nodes)
    assert_same(layer(Band(N, 2, 1), nodes), expected)
    assert_same(layer(near.to_sparse(), nodes), expected)


@every_kind
@pytest.mark.parametrize("parts", [(1,) * N, (2, 1, 3), (N,)])
@pytest.mark.parametrize("make", [encoder, decoder])
def test_part_by_part_with_a_cache_is_the_whole_causal_pass(make, options, parts):
    layer, nodes, memory = make(**options), random(2, N, DIM), random(2, M, DIM, seed=1)
    is_decoder = isinstance(layer, DecoderLayer)

    def rest(n):
        return (Complete(n, M), layer.memory_keys_values(memory)) if is_decoder else ()

    whole = layer(Complete(N, causal=True), nodes, *rest(N))
    past, done = None, 0
    for n in parts:
        new, done = nodes[:, done : done + n], done + n
        own = layer.keys_values(new)
        past = own if past is None else past.extended(own)
        assert_same(layer(Complete(n, done, causal=True), new, *rest(n), past), whole[:, done - n : done])


# ---- parameters and dropout ----------------------------------------------------------------------------------------


def test_what_the_sizes_say_is_what_the_layers_have():
    dims = LayerDims(
        DIM,
        HEADS,
        HIDDEN,
        norm="pre",
        dropout=0.1,
        feed_forward_dropout=0.2,
        attention_dropout=0.3,
        relative=2,
        relative_per_head=True,
        eps=1e-6,
    )
    layer = DecoderLayer(dims)
    norms = [part for part in layer.modules() if isinstance(part, nn.LayerNorm)]
    assert [part.eps for part in (*norms, dims.last_norm())] == [1e-6] * 4
    around = layer.around_attention, layer.around_cross_attention, layer.around_feed_forward
    assert [part.dropout.p for part in around] == [0.1] * 3
    assert layer.feed_forward.dropout.p == 0.2
    assert layer.attention.dropout.p == layer.cross_attention.dropout.p == 0.3
    assert layer.attention.relative.key.shape == (HEADS, 5, DIM // HEADS)
    assert isinstance(LayerDims(norm="post").last_norm(), nn.Identity)


def test_the_feed_forward_map_begins_with_xaviers_uniform_numbers():
    torch.manual_seed(0)
    layer = FeedForward(64, 256)
    bound = (6 / (64 + 256)) ** 0.5
    for matrix in (layer.hidden.weight, layer.out.weight):
        assert 0.99 * bound < float(matrix.detach().abs().max()) <= bound
    assert not layer.hidden.bias.any()
    assert not layer.out.bias.any()


@pytest.mark.parametrize("place", ["dropout", "feed_forward_dropout", "attention_dropout"])
def test_dropout_acts_in_training_only(place):
    layer, nodes = encoder(**{place: 0.5}), random(2, N, DIM)
    plain = encoder()
    assert not torch.equal(layer(Complete(N), nodes), layer(Complete(N), nodes))
    assert torch.equal(layer.eval()(Complete(N), nodes), plain(Complete(N), nodes))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"norm": "psot"}, r"unknown norm 'psot' \(did you mean 'post'\?\)\n  expected: one of post, pre"),
        ({"dim": 0}, "dim is 0\n  expected: 1 or more"),
        ({"heads": 0, "relative": 2}, "heads is 0\n  expected: 1 or more"),
        ({"feed_forward": -1}, "feed_forward is -1\n  expected: 1 or more"),
        ({"dropout": 1.0}, "dropout is 1.0\n  expected: a share from 0 to below 1"),
        ({"feed_forward_dropout": -0.1}, "feed_forward_dropout is -0.1\n"),
        ({"attention_dropout": 2}, "attention_dropout is 2\n"),
        ({"relative": -1}, r"relative is -1\n  expected: 0 \(no relative positions\) or a distance"),
        ({"eps": 0.0}, "eps is 0.0\n  expected: a number above 0"),
    ],
)
def test_sizes_out_of_range_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        LayerDims(**options)


def test_heads_that_do_not_divide_the_width_are_refused():
    with pytest.raises(ConfigError, match="4 heads of 6 features in all"):
        EncoderLayer(LayerDims(6, 4, 5, relative=2))
