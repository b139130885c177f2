"""Multi-head attention is the equation of Vaswani et al. (2017), torch's own module, and itself step by step."""

import pytest
import torch
from torch import nn

from edgewise.errors import ConfigError
from edgewise.nn.attention import KeysValues, MultiHeadAttention, RelativePositions
from edgewise.relation import Band, Complete, between, fused

from .plain import RECEIVERS, RELATIONS, SENDERS, assert_same, in_edges, made, random

DIM, HEADS, MEMORY = 6, 3, 4
WIDTH = DIM // HEADS

MODULES = {
    "plain": lambda: MultiHeadAttention(DIM, HEADS),
    "without bias": lambda: MultiHeadAttention(DIM, HEADS, bias=False),
    "one head": lambda: MultiHeadAttention(DIM, 1),
    "relative": lambda: MultiHeadAttention(DIM, HEADS, relative=RelativePositions(WIDTH, 2)),
    "relative, tables a head": lambda: MultiHeadAttention(
        DIM, HEADS, relative=RelativePositions(WIDTH, 2, HEADS)
    ),
    "relative, keys only": lambda: MultiHeadAttention(
        DIM, HEADS, relative=RelativePositions(WIDTH, 2, values=False)
    ),
}
every_module = pytest.mark.parametrize("make", MODULES.values(), ids=MODULES)
WITHOUT_PLACES = {name: MODULES[name] for name in ("plain", "without bias", "one head")}
every_relation = pytest.mark.parametrize("relation", RELATIONS.values(), ids=RELATIONS)


def gradients(parameters, inputs, outputs):
    """Of a number that every entry of the outputs moves in its own way."""
    total = sum((out * random(*out.shape, seed=9).to(out)).sum() for out in outputs)
    return torch.autograd.grad(total, [*inputs, *parameters], retain_graph=True)


# ---- invariances ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", WITHOUT_PLACES.values(), ids=WITHOUT_PLACES)
def test_permuting_the_senders_permutes_weights_and_changes_no_result(make):
    attend, place = made(make), torch.tensor([3, 0, 4, 1, 2])
    relation, nodes, memory = RELATIONS["complete"], random(RECEIVERS, DIM), random(SENDERS, DIM, seed=1)
    own, moved = attend.keys_values(memory), attend.keys_values(memory[place])
    assert_same(attend.attention(relation, nodes, moved), attend.attention(relation, nodes, own)[:, place])
    assert_same(attend(relation, nodes, moved), attend(relation, nodes, own))


@every_module
@pytest.mark.parametrize("lead", [(3,), (3, 2)])
def test_sentences_of_a_batch_are_as_they_are_one_by_one(make, lead):
    attend, relation = made(make), RELATIONS["complete, a row without edges"]
    nodes, memory = random(*lead, RECEIVERS, DIM), random(*lead, SENDERS, DIM, seed=1)
    together = attend(relation, nodes, attend.keys_values(memory))
    for at in torch.cartesian_prod(*map(torch.arange, lead)).reshape(-1, len(lead)).tolist():
        one = tuple(at)
        assert_same(together[one], attend(relation, nodes[one], attend.keys_values(memory[one])))


@every_module
@pytest.mark.parametrize("causal", [False, True])
def test_padding_changes_nothing(make, causal):
    attend, lengths, n = made(make), (2, 5, 3), 5
    there = torch.arange(n) < torch.tensor(lengths)[:, None]
    nodes = random(3, n, DIM).masked_fill(~there[..., None], 1e3)
    together = attend(between(n, there, causal=causal), nodes)
    for at, length in enumerate(lengths):
        alone = attend(Complete(length, causal=causal), nodes[at, :length])
        assert_same(together[at, :length], alone)


@every_module
@every_relation
def test_a_row_without_edges_gives_the_bias_and_no_nan_in_any_gradient(make, relation):
    attend = made(make)
    empty = relation.in_degrees == 0
    nodes, memory = random(2, RECEIVERS, DIM), random(2, SENDERS, DIM, seed=1)
    nodes, memory = nodes.requires_grad_(), memory.requires_grad_()
    out = attend(relation, nodes, attend.keys_values(memory))
    nothing = 0.0 if attend.out.bias is None else attend.out.bias
    assert torch.equal(out[:, empty], torch.zeros_like(out[:, empty]) + nothing)
    grads = gradients(attend.parameters(), [nodes, memory], [out])
    assert all(grad.isfinite().all() for grad in grads)
    assert not grads[0][:, empty].any()


@every_module
def test_nothing_at_all_to_hear_gives_zero_weights_and_no_nan(make):
    attend, nodes = made(make), random(2, 4, DIM).requires_grad_()
    relation = between(4, torch.zeros(2, 4, dtype=torch.bool))
    out, weights = attend(relation, nodes), attend.attention(relation, nodes)
    assert not weights.any()
    assert all(grad.isfinite().all() for grad in gradients(attend.parameters(), [nodes], [out, weights]))


@every_module
def test_causality_no_receiver_is_told_what_comes_later(make):
    attend, relation = made(make), Complete(6, causal=True)
    nodes = random(2, 6, DIM).requires_grad_()
    out = attend(relation, nodes)
    for receiver in range(6):
        told = torch.autograd.grad(out[:, receiver].sum(), nodes, retain_graph=True)[0].abs().sum((0, 2))
        assert not told[receiver + 1 :].any()
        assert (told[: receiver + 1] > 0).all()


# ---- equations -----------------------------------------------------------------------------------------------------


def by_the_paper(attend, relation, nodes, memory):
    """Weights [n_edges, heads] in the order of `to_sparse`, and the result [n_receivers, dim]."""
    heads, dim = attend.heads, nodes.shape[-1]
    d = dim // heads
    to_key, to_value = attend.key_value.weight.chunk(2)
    key_bias, value_bias = attend.key_value.bias.chunk(2)
    weights = torch.zeros(relation.to_sparse().n_edges, heads, dtype=nodes.dtype)
    contexts = torch.zeros(len(nodes), dim, dtype=nodes.dtype)
    for receiver, edges in in_edges(relation):
        for head in range(heads) if edges else ():
            own = slice(head * d, (head + 1) * d)
            query = attend.query.weight[own] @ nodes[receiver] + attend.query.bias[own]
            keys = [to_key[own] @ memory[sender] + key_bias[own] for _, sender in edges]
            values = [to_value[own] @ memory[sender] + value_bias[own] for _, sender in edges]
            scores = torch.stack([(query @ key / d**0.5).exp() for key in keys])
            for (at, _), score, value in zip(edges, scores, values, strict=True):
                weights[at, head] = score / scores.sum()
                contexts[receiver, own] += score / scores.sum() * value
    return weights, contexts @ attend.out.weight.T + attend.out.bias


@every_relation
def test_it_is_the_papers_equation_head_by_head(relation):
    attend = made(lambda: MultiHeadAttention(DIM, HEADS, key_dim=MEMORY))
    nodes, memory = random(RECEIVERS, DIM), random(SENDERS, MEMORY, seed=1)
    with torch.no_grad():
        weights, result = by_the_paper(attend, relation, nodes, memory)
        projected = attend.keys_values(memory)
        assert_same(relation.edges_to_sparse(attend.attention(relation, nodes, projected)), weights)
        assert_same(attend(relation, nodes, projected), result)


GRADIENTS = {name: RELATIONS[name] for name in ("causal", "causal and masked", "band", "sparse")}


@pytest.mark.parametrize("name", ["plain", "relative", "relative, tables a head", "relative, keys only"])
@pytest.mark.parametrize("relation", GRADIENTS.values(), ids=GRADIENTS)
def test_gradients_are_exact(name, relation):
    attend = made(MODULES[name])
    names = dict(attend.named_parameters())

    class Cross(nn.Module):
        def __init__(self):
            super().__init__()
            self.attend = attend

        def forward(self, nodes, memory):
            memory = self.attend.keys_values(memory)
            return self.attend(relation, nodes, memory)

    cross = Cross()

    def function(nodes, memory, *parameters):
        given = {f"attend.{name}": value for name, value in zip(names, parameters, strict=True)}
        return torch.func.functional_call(cross, given, (nodes, memory))

    values = [random(RECEIVERS, DIM), random(SENDERS, DIM, seed=1), *attend.parameters()]
    values = [value.detach().clone().requires_grad_() for value in values]
    assert torch.autograd.gradcheck(function, values, fast_mode=True)


# ---- equivalences --------------------------------------------------------------------------------------------------


@every_module
@every_relation
def test_the_fused_result_is_made_of_the_attention(make, relation):
    attend = made(make)
    nodes, memory = random(2, RECEIVERS, DIM).requires_grad_(), random(2, SENDERS, DIM, seed=1)
    projected = attend.keys_values(memory)
    weights = attend.attention(relation, nodes, projected)
    if attend.relative is None:
        context = relation.sum_senders(projected.value, weights)
    else:
        context = attend.relative.sum_senders(relation, weights, projected.value)
    plain, out = attend.out(context), attend(relation, nodes, projected)
    assert_same(out, plain)
    for found, expected in zip(
        *(gradients(attend.parameters(), [nodes], [one]) for one in (out, plain)), strict=True
    ):
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-11)


@every_module
@every_relation
def test_the_same_edges_as_a_list_give_the_same_numbers_and_gradients(make, relation):
    attend, listed = made(make), relation.to_sparse()
    results = []
    for form in (relation, listed):
        nodes, memory = random(2, RECEIVERS, DIM).requires_grad_(), random(2, SENDERS, DIM).requires_grad_()
        projected = attend.keys_values(memory)
        weights = form.edges_to_sparse(attend.attention(form, nodes, projected))
        out = attend(form, nodes, projected)
        results.append((weights, out, *gradients(attend.parameters(), [nodes, memory], [weights, out])))
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-11)


@every_module
@pytest.mark.parametrize("size", [1, 3, 100])
def test_a_band_is_the_complete_relation_that_leaves_out_what_is_far(make, size, monkeypatch):
    monkeypatch.setattr("edgewise.relation.blocks.LEAST_SIZE", size)
    attend, nodes = made(make), random(2, 9, DIM)
    away = torch.arange(9) - torch.arange(9)[:, None]
    for left, right in ((1, 2), (0, 3), (4, 0), (20, 20)):
        near = Complete(9).masked(edges=(away >= -left) & (away <= right))
        assert_same(attend(Band(9, left, right), nodes), attend(near, nodes))


@every_module
def test_fused_loops_on_a_list_give_the_same_numbers(make, monkeypatch):
    pytest.importorskip("numba")
    attend, relation = made(make), RELATIONS["sparse"]
    nodes, memory = random(2, RECEIVERS, DIM), attend.keys_values(random(2, SENDERS, DIM, seed=1))
    found = []
    for least in (1, 10**9):
        monkeypatch.setattr(fused, "LEAST_EDGES", least)
        found.append(attend(relation, nodes, memory))
    assert_same(*found)


def torch_module(attend, key_dim=None):
    """torch's module with the same weights."""
    bias = attend.query.bias is not None
    dims = {} if key_dim is None else {"kdim": key_dim, "vdim": key_dim}
    theirs = nn.MultiheadAttention(
        attend.query.in_features, attend.heads, bias=bias, batch_first=True, **dims
    ).double()
    ours = attend.query.weight, *attend.key_value.weight.chunk(2)
    with torch.no_grad():
        if key_dim is None:
            theirs.in_proj_weight.copy_(torch.cat(ours))
        else:
            apart = theirs.q_proj_weight, theirs.k_proj_weight, theirs.v_proj_weight
            for left, right in zip(apart, ours, strict=True):
                left.copy_(right)
        if bias:
            theirs.in_proj_bias.copy_(torch.cat([attend.query.bias, attend.key_value.bias]))
        theirs.out_proj.load_state_dict(attend.out.state_dict())
    return theirs


def in_torchs_order(theirs, grads):
    """Gradients of our parameters by name -> those of torch's parameters in turn."""
    packed = {
        "in_proj_weight": [grads["query.weight"], grads["key_value.weight"]],
        "q_proj_weight": [grads["query.weight"]],
        "k_proj_weight": [grads["key_value.weight"].chunk(2)[0]],
        "v_proj_weight": [grads["key_value.weight"].chunk(2)[1]],
        "in_proj_bias": [grads.get("query.bias"), grads.get("key_value.bias")],
        "out_proj.weight": [grads["out.weight"]],
        "out_proj.bias": [grads.get("out.bias")],
    }
    return [torch.cat(packed[name]) for name, _ in theirs.named_parameters()]


THERE = torch.arange(SENDERS) < torch.tensor([[5], [2], [4]])
MASKS = {
    "none": (lambda: Complete(RECEIVERS, SENDERS), {}),
    "padding": (lambda: between(RECEIVERS, THERE), {"key_padding_mask": ~THERE}),
    "edges": (
        lambda: Complete(RECEIVERS, SENDERS).masked(edges=torch.ones(RECEIVERS, SENDERS).tril(1).bool()),
        {"attn_mask": ~torch.ones(RECEIVERS, SENDERS).tril(1).bool()},
    ),
    "causal and padding": (
        lambda: between(RECEIVERS, THERE, causal=True),
        {
            "attn_mask": ~torch.ones(RECEIVERS, SENDERS).tril(1).bool(),
            "key_padding_mask": ~THERE,
        },
    ),
}


@pytest.mark.parametrize("key_dim", [None, MEMORY])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("relation", "masks"), MASKS.values(), ids=MASKS)
def test_it_is_torchs_module_with_the_same_weights(key_dim, bias, relation, masks):
    attend = made(lambda: MultiHeadAttention(DIM, HEADS, key_dim=key_dim, bias=bias))
    theirs = torch_module(attend, key_dim)
    inputs = random(3, RECEIVERS, DIM), random(3, SENDERS, key_dim or DIM, seed=1)
    nodes, memory = (part.requires_grad_() for part in inputs)
    projected = attend.keys_values(memory)
    ours = attend(relation(), nodes, projected), attend.attention(relation(), nodes, projected)
    expected, weights = theirs(nodes, memory, memory, average_attn_weights=False, **masks)
    assert_same(ours[0], expected)
    assert_same(ours[1], weights.permute(0, 2, 3, 1))

    names = dict(attend.named_parameters())
    found = gradients(names.values(), [nodes, memory], ours[:1])
    wanted = gradients(theirs.parameters(), [nodes, memory], [expected])
    grads = in_torchs_order(theirs, dict(zip(names, found[2:], strict=True)))
    for left, right in zip([*found[:2], *grads], wanted, strict=True):
        torch.testing.assert_close(left, right, rtol=1e-10, atol=1e-11)


def test_self_attention_is_attention_to_the_nodes_themselves():
    attend, nodes = made(MODULES["plain"]), random(2, 5, DIM)
    relation = Complete(5, causal=True)
    expected, _ = torch_module(attend)(nodes, nodes, nodes, attn_mask=~torch.ones(5, 5).tril().bool())
    assert_same(attend(relation, nodes), expected)
    assert_same(attend(relation, nodes, attend.keys_values(nodes)), expected)


# ---- caches --------------------------------------------------------------------------------------------------------


@every_module
@pytest.mark.parametrize("sizes", [(1,) * 7, (3, 1, 2, 1), (7,)])
def test_step_by_step_with_a_cache_is_the_whole_causal_pass(make, sizes):
    attend, nodes = made(make), random(2, 7, DIM)
    whole = attend(Complete(7, causal=True), nodes)
    weights = attend.attention(Complete(7, causal=True), nodes)
    cache, done = None, 0
    for size in sizes:
        new = nodes[:, done : done + size]
        kept = attend.keys_values(new)
        cache, done = kept if cache is None else cache.extended(kept), done + size
        relation = Complete(size, done, causal=True)
        assert_same(attend(relation, new, cache), whole[:, done - size : done])
        assert_same(attend.attention(relation, new, cache), weights[:, done - size : done, :done])
        if size == 1:
            assert_same(attend(Complete(1, done), new, cache), whole[:, done - 1 : done])


def test_a_cache_is_extended_into_a_new_one_and_its_rows_are_picked():
    first, second = (KeysValues(random(3, n, DIM), random(3, n, DIM, seed=n)) for n in (2, 1))
    both = first.extended(second)
    assert torch.equal(both.key, torch.cat([first.key, second.key], 1))
    assert torch.equal(both.value, torch.cat([first.value, second.value], 1))
    assert first.key.shape == (3, 2, DIM)
    rows = torch.tensor([2, 2, 0])
    picked = both.select(rows)
    assert torch.equal(picked.key, both.key[rows])
    assert torch.equal(picked.value, both.value[rows])


# ---- parameters ----------------------------------------------------------------------------------------------------


def test_each_of_the_four_maps_begins_as_one_of_its_own_shape():
    torch.manual_seed(0)
    attend = MultiHeadAttention(64, 4, key_dim=32)
    maps = attend.query.weight, *attend.key_value.weight.chunk(2), attend.out.weight
    for matrix in maps:
        bound = (6 / sum(matrix.shape)) ** 0.5  # Xavier's
        assert 0.98 * bound < float(matrix.detach().abs().max()) <= bound
    assert not any(layer.bias.any() for layer in (attend.query, attend.key_value, attend.out))


@pytest.mark.parametrize("name", ["plain", "relative"])
def test_dropout_is_on_the_weights_in_training_only(name):
    attend, relation = made(MODULES[name]), RELATIONS["causal and masked"]
    attend.dropout.p = 0.5
    nodes, memory = random(2, RECEIVERS, DIM), attend.keys_values(random(2, SENDERS, DIM, seed=1))
    weights = attend.attention(relation, nodes, memory)
    torch.manual_seed(3)
    dropped = attend.dropout(weights)
    assert (dropped != weights).any()
    torch.manual_seed(3)
    found = attend(relation, nodes, memory)
    if attend.relative is None:
        assert_same(found, attend.out(relation.sum_senders(memory.value, dropped)))
    else:
        assert_same(found, attend.out(attend.relative.sum_senders(relation, dropped, memory.value)))
    attend.eval()
    torch.manual_seed(3)
    assert torch.equal(attend(relation, nodes, memory), attend(relation, nodes, memory))


@pytest.mark.parametrize(("dim", "heads"), [(6, 4), (6, 0), (6, -1)])
def test_heads_have_to_divide_the_features(dim, heads):
    with pytest.raises(ConfigError) as error:
        MultiHeadAttention(dim, heads)
    assert f"{heads} heads of {dim} features in all" in str(error.value)
    assert "heads that divide the features" in str(error.value)


def test_another_width_is_refused():
    attend = MultiHeadAttention(DIM, HEADS, key_dim=MEMORY)
    with pytest.raises(ConfigError) as error:
        attend.keys_values(torch.zeros(SENDERS, 5))
    assert "the memory of MultiHeadAttention was given nodes with 5 features" in str(error.value)
    assert f"{MEMORY}, as it was made for" in str(error.value)
    memory = attend.keys_values(torch.zeros(SENDERS, MEMORY))
    for ask in (attend, attend.attention):
        with pytest.raises(ConfigError) as error:
            ask(RELATIONS["complete"], torch.zeros(RECEIVERS, 7), memory)
        assert "MultiHeadAttention was given nodes with 7 features" in str(error.value)
        assert f"{DIM}, as it was made for" in str(error.value)


# ---- compiling and exporting ---------------------------------------------------------------------------------------


class Layer(nn.Module):
    """Attention with the mask of the words as an input."""

    def __init__(self, attend, kind):
        super().__init__()
        self.attend, self.kind = attend, kind

    def forward(self, nodes, there):
        n = nodes.shape[-2]
        relation = {
            "causal": Complete(n, causal=True),
            "padded": between(n, there),
            "causal and padded": between(n, there, causal=True),
            "band": Band(n, 1, 2),
        }[self.kind]
        return self.attend(relation, nodes)


KINDS = ("causal", "padded", "causal and padded", "band")
WORDS = torch.arange(5) < torch.tensor([[3], [5]])


def layer(name, kind):
    return Layer(made(MODULES[name]).float().eval(), kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["plain", "relative", "relative, keys only"])
def test_compiling_leaves_no_graph_break_and_the_same_numbers(name, kind):
    model = layer(name, kind)
    torch._dynamo.reset()
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    results = []
    for run in (compiled, model):
        nodes = random(2, 5, DIM).float().requires_grad_()
        out = run(nodes, WORDS)
        results.append((out.detach(), *gradients(model.parameters(), [nodes], [out])))
    for left, right in zip(*results, strict=True):
        torch.testing.assert_close(left, right, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["plain", "relative", "relative, keys only"])
def test_an_exported_layer_gives_the_same_numbers(name, kind):
    model = layer(name, kind)
    program = torch.export.export(model, (random(2, 5, DIM).float(), WORDS))
    other, there = random(2, 5, DIM, seed=7).float(), WORDS.flip(0)
    torch.testing.assert_close(program.module()(other, there), model(other, there), rtol=1e-5, atol=1e-6)
