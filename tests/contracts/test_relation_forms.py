"""Every operation on every form of relation: equal to a plain loop, and to the same edges as a list, both ways."""

import pytest
import torch
from forms import FORMS, MASKED_BATCH, PLAIN, coin, edge_features, edges_of, flat, random

from edgewise.relation import Complete, Sparse, fused

HEADS, WIDTH = 2, 3
every_form = pytest.mark.parametrize("relation", FORMS.values(), ids=FORMS)
with_edges = pytest.mark.parametrize(
    "relation", [r for r in FORMS.values() if edges_of(r)], ids=[n for n, r in FORMS.items() if edges_of(r)]
)


@pytest.fixture(params=["as it is", "torch", "numba"])
def kernels(request, monkeypatch):
    """The kernels of lists of edges: torch's sparse products, or the fused loops also for the smallest case."""
    if request.param == "torch":
        monkeypatch.setattr(fused, "INSTALLED", False)
    if request.param == "numba":
        pytest.importorskip("numba")
        monkeypatch.setattr(fused, "LEAST_EDGES", 0)


def leaky(x, slope=0.2):
    return torch.nn.functional.leaky_relu(x, slope)


# ---- plain loops, one receiver at a time: inputs of one graph -> [n_receivers, ...] --------------------------------


def rows(relation, own):
    """own(receiver, [(sender, place)]) for each receiver, stacked."""
    edges = edges_of(relation)
    receivers = range(relation.n_receivers)
    return torch.stack([own(i, [(s, k) for r, s, k in edges if r == i]) for i in receivers])


def loop_sum_senders(relation, nodes, weights):
    zero = torch.zeros(HEADS, WIDTH, dtype=nodes.dtype)
    parts = nodes.unflatten(-1, (HEADS, WIDTH))
    return rows(
        relation, lambda r, ins: sum((weights[k][:, None] * parts[s] for s, k in ins), zero).flatten()
    )


def loop_propagate(relation, nodes, received, sent):
    zero = torch.zeros(nodes.shape[-1], dtype=nodes.dtype)
    return rows(relation, lambda r, ins: sum((received[r] * sent[s] * nodes[s] for s, _ in ins), zero))


def loop_attention(relation, score, value):
    """score(receiver, sender) -> [heads]."""
    parts = value.unflatten(-1, (HEADS, WIDTH))

    def own(receiver, ins):
        if not ins:
            return torch.zeros(HEADS * WIDTH, dtype=value.dtype)
        weights = torch.stack([score(receiver, s) for s, _ in ins]).softmax(0)
        return sum(w[:, None] * parts[s] for w, (s, _) in zip(weights, ins, strict=True)).flatten()

    return rows(relation, own)


def loop_mix(relation, edges, nodes, matrices):
    zero = torch.zeros(matrices.shape[-1], dtype=nodes.dtype)
    return rows(
        relation,
        lambda r, ins: sum((torch.einsum("k,d,kdo->o", edges[k], nodes[s], matrices) for s, k in ins), zero),
    )


# ---- the operations, with their inputs: (function, inputs that get gradients) --------------------------------------


def operations(relation, *lead):
    """name -> (operation, inputs, plain loop); edge inputs in the layout, `flat` for the loop."""
    senders = random(*lead, relation.n_senders, HEADS * WIDTH)
    receivers = random(*lead, relation.n_receivers, HEADS * WIDTH, seed=1)
    edges, weights = (
        edge_features(relation, *lead, d=4, seed=2),
        edge_features(relation, *lead, d=HEADS, seed=3),
    )
    matrices = random(4, HEADS * WIDTH, 5, seed=4)
    a, b = (
        random(*lead, relation.n_receivers, HEADS, seed=5),
        random(*lead, relation.n_senders, HEADS, seed=6),
    )
    received, sent = random(relation.n_receivers, seed=7), random(relation.n_senders, seed=8)

    def dots(q, k):
        q, k = q.unflatten(-1, (HEADS, WIDTH)), k.unflatten(-1, (HEADS, WIDTH))
        return lambda r, s: (q[r] * k[s]).sum(-1)

    return {
        "sum_senders": (
            relation.sum_senders,
            (senders, weights),
            lambda v, w: loop_sum_senders(relation, v, w),
        ),
        "propagate": (
            lambda v: relation.propagate(v, received, sent),
            (senders,),
            lambda v: loop_propagate(relation, v, received, sent),
        ),
        "attend": (
            lambda q, k, v: relation.attend(q, k, v, heads=HEADS, scale=0.5),
            (receivers, senders, senders.flip(-1)),
            lambda q, k, v: loop_attention(relation, lambda r, s: 0.5 * dots(q, k)(r, s), v),
        ),
        "additive_attention": (
            relation.additive_attention,
            (a, b, senders),
            lambda a, b, v: loop_attention(relation, lambda r, s: leaky(a[r] + b[s]), v),
        ),
        "mix_senders": (
            relation.mix_senders,
            (edges, senders, matrices),
            lambda e, v, m: loop_mix(relation, e, v, m),
        ),
    }


NAMES = list(operations(Complete(2)))


def for_loop(relation, inputs):
    """Edge inputs flattened to [n_edges, d] for the plain loop."""
    return [flat(relation, x) if _on_edges(relation, x) else x for x in inputs]


def _on_edges(relation, x):
    n = len(relation.layout)
    return x.dim() > n and x.shape[-n - 1 : -1] == relation.layout and x.shape[-1] in (HEADS, 4)


def on_list(relation, inputs):
    return [relation.edges_to_sparse(x) if _on_edges(relation, x) else x for x in inputs]


@every_form
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("kernels")
def test_an_operation_equals_a_plain_loop(relation, name):
    operation, inputs, loop = operations(relation)[name]
    torch.testing.assert_close(operation(*inputs), loop(*for_loop(relation, inputs)), rtol=1e-11, atol=1e-12)


@every_form
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("kernels")
def test_the_same_edges_as_a_list_give_the_same_numbers_and_gradients(relation, name):
    if relation.n_edges == 0:
        pytest.skip("nothing to compare")
    results = []
    for form, convert in ((relation, lambda r, x: x), (relation.to_sparse(), on_list)):
        operation, inputs, _ = operations(relation)[name]
        leaves = [x.clone().requires_grad_() for x in inputs]
        if form is not relation:
            operation = operations(form)[name][0]
            if name == "propagate":  # its factors are drawn by number of nodes, the same in both forms
                assert form.n_senders == relation.n_senders
        out = operation(*convert(relation, leaves))
        results.append((out.detach(), *torch.autograd.grad((out * out.detach().cos()).sum(), leaves)))
    for left, right in zip(*results, strict=True):
        torch.testing.assert_close(left, right, rtol=1e-10, atol=1e-11)


@with_edges
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("kernels")
def test_gradients_are_exact(relation, name):
    operation, inputs, _ = operations(relation)[name]
    assert torch.autograd.gradcheck(operation, [x.requires_grad_() for x in inputs])


@pytest.mark.parametrize("relation", [FORMS["sparse"], FORMS["complete, no loops"], FORMS["band"]], ids=str)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("kernels")
def test_gradients_of_gradients_are_exact(relation, name):
    operation, inputs, _ = operations(relation)[name]
    assert torch.autograd.gradgradcheck(operation, [x.requires_grad_() for x in inputs])


@with_edges
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("kernels")
def test_leading_dimensions_are_a_batch(relation, name):
    operation, inputs, _ = operations(relation, 3)[name]
    batched = {id(x) for x in inputs if x.shape[0] == 3 and not (name == "mix_senders" and x is inputs[2])}
    together = operation(*inputs)
    for graph in range(3):
        one = operation(*(x[graph] if id(x) in batched else x for x in inputs))
        torch.testing.assert_close(together[graph], one, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("relation", MASKED_BATCH.values(), ids=MASKED_BATCH)
@pytest.mark.parametrize("name", NAMES)
def test_each_graph_of_a_batch_has_its_own_mask(relation, name):
    operation, inputs, _ = operations(relation, 2)[name]
    together = operation(*inputs)
    for graph in range(2):
        own = type(relation).masked(unmasked(relation), edges=relation.mask[graph])
        one = operations(own)[name][0](
            *(x if name == "mix_senders" and x is inputs[2] else x[graph] for x in inputs)
        )
        torch.testing.assert_close(together[graph], one, rtol=1e-12, atol=1e-13)


def unmasked(relation):
    import dataclasses

    return dataclasses.replace(relation, present=None, node_mask=None)


@every_form
@pytest.mark.parametrize("rubbish", [1e30, float("inf"), float("nan")])
def test_what_stands_in_the_place_of_absent_edges_changes_nothing(relation, rubbish):
    if relation.mask is None:
        pytest.skip("every edge is there")
    clean, dirty = (edge_features(relation, absent=fill) for fill in (0.0, rubbish))
    for operation in (
        relation.sum,
        relation.mean,
        relation.max,
        relation.softmax,
        relation.pool,
        relation.to_dense,
    ):
        torch.testing.assert_close(operation(dirty), operation(clean), rtol=0, atol=0)
    nodes = random(relation.n_senders, 4)
    torch.testing.assert_close(relation.sum_senders(nodes, dirty), relation.sum_senders(nodes, clean))


@every_form
@pytest.mark.usefixtures("kernels")
def test_aggregations_skip_absent_edges(relation):
    edges = edge_features(relation, absent=-7.0)
    listed = flat(relation, edges)
    zero = torch.zeros(2, dtype=edges.dtype)
    own = {
        "sum": lambda x: x.sum(0),
        "mean": lambda x: x.mean(0),
        "max": lambda x: x.amax(0),
    }
    for name, plain in own.items():
        expected = rows(
            relation, lambda r, ins, plain=plain: plain(listed[[k for _, k in ins]]) if ins else zero
        )
        torch.testing.assert_close(getattr(relation, name)(edges), expected, rtol=1e-13, atol=1e-13)
    weights = flat(relation, relation.softmax(edges))
    for receiver in range(relation.n_receivers):
        places = [k for r, _, k in edges_of(relation) if r == receiver]
        torch.testing.assert_close(weights[places], listed[places].softmax(0), rtol=1e-12, atol=1e-14)
    absent = sorted(set(range(relation.n_edges)) - {k for *_, k in edges_of(relation)})
    assert (weights[absent] == 0).all()


@every_form
def test_degrees_count_the_edges_that_exist(relation):
    edges = edges_of(relation)
    assert relation.in_degrees.tolist() == [
        sum(r == i for r, *_ in edges) for i in range(relation.n_receivers)
    ]
    assert relation.out_degrees.tolist() == [
        sum(s == i for _, s, _ in edges) for i in range(relation.n_senders)
    ]


@every_form
@pytest.mark.usefixtures("kernels")
def test_reversing_turns_every_edge_round(relation):
    if relation.n_edges == 0:
        pytest.skip("nothing to turn")
    edges = edge_features(relation)
    turned, features = relation.reverse(), relation.reverse_edges(edges)
    listed, back = flat(relation, edges), flat(turned, features)
    before = sorted((r, s, *listed[k].tolist()) for r, s, k in edges_of(relation))
    after = sorted((s, r, *back[k].tolist()) for r, s, k in edges_of(turned))
    assert before == after
    nodes = random(relation.n_receivers, 3)
    expected = torch.zeros(relation.n_senders, 3, dtype=torch.float64)
    for r, s, _ in edges_of(relation):
        expected[s] += nodes[r]
    torch.testing.assert_close(turned.sum_senders(nodes), expected, rtol=1e-13, atol=1e-13)


@every_form
def test_turning_round_twice_changes_nothing(relation):
    if relation.n_edges == 0:
        pytest.skip("nothing to turn")
    edges = edge_features(relation)
    twice = relation.reverse().reverse_edges(relation.reverse_edges(edges))
    again = relation.reverse().reverse()
    torch.testing.assert_close(again.to_dense(twice), relation.to_dense(edges))
    assert again.in_degrees.tolist() == relation.in_degrees.tolist()


@every_form
def test_to_sparse_has_just_the_edges_that_exist(relation):
    listed = relation.to_sparse()
    pairs = sorted((r, s) for r, s, _ in edges_of(relation))
    assert sorted((r, s) for r, s, _ in edges_of(listed)) == pairs
    edges = edge_features(relation)
    torch.testing.assert_close(
        listed.to_dense(relation.edges_to_sparse(edges), -1.0), relation.to_dense(edges, -1.0)
    )


@every_form
@pytest.mark.parametrize("by", ["sum", "mean", "max"])
def test_pooling_is_over_all_edges_of_the_graph(relation, by):
    if relation.n_senders != relation.n_receivers:
        pytest.skip("a graph has one set of nodes")
    edges = edge_features(relation, absent=-9.0)
    own = flat(relation, edges)[[k for *_, k in edges_of(relation)]]
    plain = {"sum": own.sum(0), "mean": own.mean(0), "max": own.amax(0) if len(own) else own.sum(0)}[by]
    expected = plain if len(own) else torch.zeros(2, dtype=torch.float64)
    torch.testing.assert_close(relation.pool(edges, by), expected[None], rtol=1e-13, atol=1e-13)


def test_a_causal_receiver_does_not_hear_later_senders():
    relation = Complete(4, causal=True)
    nodes = random(4, 6).requires_grad_()
    out = relation.attend(nodes, nodes, nodes, heads=2)
    (grad,) = torch.autograd.grad(out[1].sum(), nodes)
    assert (grad[2:] == 0).all()
    assert (grad[:2] != 0).any()


def test_a_receiver_that_hears_nobody_gets_zero_from_attention_and_no_nan():
    relation = Complete(3).masked(edges=torch.tensor([[True, True, False], [False] * 3, [True] * 3]))
    nodes = random(3, 4).requires_grad_()
    out = relation.attend(nodes, nodes, nodes)
    assert (out[1] == 0).all()
    out.sum().backward()
    assert nodes.grad.isfinite().all()


def test_results_do_not_depend_on_the_number_of_threads(monkeypatch):
    pytest.importorskip("numba")
    monkeypatch.setattr(fused, "LEAST_EDGES", 0)
    index = torch.randint(50, (2, 900), generator=torch.Generator().manual_seed(0))
    relation, found = Sparse(index[0], index[1], 50), []
    before = torch.get_num_threads()
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            a, b, v = (random(50, d, seed=d).requires_grad_() for d in (2, 2, 6))
            out = relation.additive_attention(a, b, v)
            found.append((out, *torch.autograd.grad(out.square().sum(), (a, b, v))))
    finally:
        torch.set_num_threads(before)
    for other in found[1:]:
        assert all(torch.equal(x, y) for x, y in zip(found[0], other, strict=True))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"edges": torch.ones(4, 4)}, "the mask of edges is torch.float32 of shape [4, 4]"),
        ({"edges": coin(4, 3)}, "the mask of edges is torch.bool of shape [4, 3]"),
        ({"nodes": coin(5)}, "the mask of nodes is torch.bool of shape [5]"),
    ],
)
def test_masks_that_do_not_fit_are_refused(given, said):
    from edgewise.errors import ConfigError

    with pytest.raises(ConfigError) as error:
        Complete(4).masked(**given)
    assert said in str(error.value)
    assert "expected: torch.bool of shape [..., 4" in str(error.value)


def test_a_mask_of_nodes_needs_one_set_of_nodes():
    from edgewise.errors import ConfigError

    with pytest.raises(ConfigError, match="a mask of nodes for 5 senders and 3 receivers"):
        Complete(3, 5).masked(nodes=coin(5))


@pytest.mark.parametrize("slope", [-0.1, 1.5])
def test_a_slope_that_does_not_rise_or_bends_up_is_refused(slope):
    from edgewise.errors import ConfigError

    with pytest.raises(ConfigError, match=f"a LeakyReLU of slope {slope}"):
        PLAIN.additive_attention(random(5, 2), random(5, 2), random(5, 6), slope)


def test_masks_add_up():
    both = PLAIN.masked(edges=coin(6)).masked(edges=coin(6, seed=1))
    assert torch.equal(both.mask, coin(6) & coin(6, seed=1))
