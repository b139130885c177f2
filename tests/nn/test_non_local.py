"""A non-local block is attention among all positions of a grid, whichever form computes it."""

import itertools

import pytest
import torch
from torch import nn
from torch.nn.functional import max_pool1d, max_pool2d, max_pool3d, multi_head_attention_forward

from edgewise.errors import ConfigError
from edgewise.nn import NonLocalBlock
from edgewise.nn.attention import EmbeddedGaussianScore
from edgewise.nn.non_local import RectifiedConcatScore, pairwise, products, softmax
from edgewise.relation import Complete, grid

C, BATCH = 6, 2
GRIDS = {1: (11,), 2: (4, 5), 3: (3, 4, 2)}
POOLS = {1: 2, 2: (2, 2), 3: (1, 2, 2)}
KINDS = [(name, way) for name, ways in pairwise.NORMALISATIONS.items() for way in ways]
every_kind = pytest.mark.parametrize(("name", "way"), KINDS, ids=[f"{name}, {way}" for name, way in KINDS])
every_dimension = pytest.mark.parametrize("dims", [1, 2, 3])
every_pool = pytest.mark.parametrize("pooled", [False, True], ids=["all", "pooled"])


@pytest.fixture(params=["torch's kernel", "blocks"])
def kernel(request, monkeypatch):
    """Small grids go to torch's kernel; with these limits they go through several blocks."""
    if request.param == "blocks":
        monkeypatch.setattr(softmax, "LEAST_PAIRS", 0)
        monkeypatch.setattr(softmax, "BLOCK", 64)


def random(*size, seed=0):
    return torch.randn(*size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def block(name, way=None, dims=2, **options):
    """In float64, its parameters far from where they begin."""
    torch.manual_seed(0)
    module = NonLocalBlock(C, dims, pairwise=name, normalisation=way, **options).double()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.5 * torch.randn_like(parameter))
    return module


def plainly(module, x, relation=None):
    """z = W_z y + x by `Attention` on a relation between positions: no form, no fused kernel."""
    nodes = x.flatten(2).mT
    keys, values = module.attend.keys(nodes), module.value(nodes)
    if set(module.window) != {1}:
        pool = {1: max_pool1d, 2: max_pool2d, 3: max_pool3d}[module.dims]
        keys, values = (
            pool(part.mT.unflatten(-1, x.shape[2:]), module.window).flatten(2).mT for part in (keys, values)
        )
    relation = Complete(nodes.shape[1], keys.shape[1]) if relation is None else relation
    context = module.attend(relation, nodes, keys, values)
    return x + module.norm(module.out(context).mT).reshape(x.shape)


def assert_same(found, expected):
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-10)


def with_gradients(run, module, x):
    x = x.clone().requires_grad_()
    out = run(x)
    wanted = [x, *module.parameters()]
    grads = torch.autograd.grad((out * random(*out.shape, seed=5)).sum(), wanted, allow_unused=True)
    return [out, *(torch.zeros_like(w) if g is None else g for w, g in zip(wanted, grads, strict=True))]


# ---- one core ------------------------------------------------------------------------------------------------------


@every_kind
@every_dimension
@every_pool
def test_it_is_attention_on_the_complete_relation_with_the_same_gradients(name, way, dims, pooled, kernel):
    module = block(name, way, dims, pool=POOLS[dims] if pooled else None)
    x = random(BATCH, C, *GRIDS[dims], seed=1)
    found, expected = (
        with_gradients(run, module, x) for run in (module, lambda values: plainly(module, values))
    )
    for left, right in zip(found, expected, strict=True):
        assert_same(left, right)


@every_kind
def test_a_grid_relation_that_reaches_everywhere_gives_the_same(name, way):
    module, x = block(name, way), random(BATCH, C, 3, 4, seed=1)
    everywhere, _ = grid(3, 4, reach=3)
    assert_same(module(x), plainly(module, x, everywhere))


def test_the_embedded_gaussian_is_torchs_self_attention_with_one_head(kernel):
    module, x = block("embedded_gaussian", "scaled_softmax", inner=C, batch_norm=False), random(2, C, 3, 5)
    score, nodes = module.attend.score, x.flatten(2).permute(2, 0, 1)  # [position, batch, C]
    assert isinstance(score, EmbeddedGaussianScore)
    maps = score.theta, score.phi, module.value
    theirs, _ = multi_head_attention_forward(
        *(nodes,) * 3,
        C,
        1,
        torch.cat([m.weight for m in maps]),
        torch.cat([m.bias for m in maps]),
        bias_k=None,
        bias_v=None,
        add_zero_attn=False,
        dropout_p=0.0,
        out_proj_weight=module.out.weight,
        out_proj_bias=module.out.bias,
    )
    assert_same(module(x) - x, theirs.permute(1, 2, 0).reshape(x.shape))


def test_each_pairwise_function_is_the_papers_equation_pair_by_pair():
    x = random(1, C, 2, 3, seed=1)
    nodes = x.flatten(2)[0].T
    for name in pairwise.NORMALISATIONS:
        module = block(name)
        score = module.attend.score

        def f(i, j, name=name, score=score):
            if name == "gaussian":
                return (nodes[i] @ nodes[j]).exp()
            theta, phi = score.theta(nodes[i]), score.phi(nodes[j])
            if name == "concatenation":
                return (score.vector.weight[0] @ torch.cat([theta, phi])).relu()
            return (theta @ phi).exp() if name == "embedded_gaussian" else theta @ phi

        values = torch.stack([torch.stack([f(i, j) for j in range(6)]) for i in range(6)])
        total = values.sum(-1, keepdim=True) if "gaussian" in name else 6
        assert_same(module.weights(x)[0], values / total)


def test_a_dot_product_with_a_softmax_is_the_embedded_gaussian():
    dot, embedded = block("dot", "softmax"), block("embedded_gaussian", "softmax")
    x = random(BATCH, C, 4, 5)
    assert_same(dot(x), embedded(x))


def test_scaling_divides_the_logits_by_the_root_of_their_width():
    plain, scaled = block("embedded_gaussian", "softmax"), block("embedded_gaussian", "scaled_softmax")
    with torch.no_grad():
        for part in (scaled.attend.score.theta.weight, scaled.attend.score.theta.bias):
            part.mul_((C // 2) ** 0.5)
    x = random(BATCH, C, 4, 5)
    assert_same(plain(x), scaled(x))


# ---- invariances ---------------------------------------------------------------------------------------------------


@every_kind
@every_dimension
def test_it_starts_as_the_identity_in_training_and_evaluation(name, way, dims):
    x = random(BATCH, C, *GRIDS[dims])
    for batch_norm in (True, False):
        module = NonLocalBlock(C, dims, pairwise=name, normalisation=way, batch_norm=batch_norm).double()
        for mode in (True, False):
            assert torch.equal(module.train(mode)(x), x)


def test_what_starts_at_zero_gets_a_gradient():
    x = random(BATCH, C, 4, 5)
    for batch_norm in (True, False):
        module = NonLocalBlock(C, batch_norm=batch_norm).double()
        (module(x) * random(*x.shape, seed=1)).sum().backward()
        start = module.norm.weight if batch_norm else module.out.weight
        assert start.grad.abs().min() > 0


@every_kind
def test_permuting_positions_permutes_the_result(name, way, kernel):
    module, x = block(name, way, dims=1), random(BATCH, C, 11)
    order = torch.randperm(11, generator=torch.Generator().manual_seed(0))
    assert_same(module(x[..., order]), module(x)[..., order])


@every_kind
def test_samples_of_a_batch_are_as_they_are_one_by_one(name, way, kernel):
    module, x = block(name, way).eval(), random(3, C, 4, 5)
    together = module(x)
    for at in range(3):
        assert_same(together[at : at + 1], module(x[at : at + 1]))


def test_channels_last_in_memory_changes_nothing():
    module, x = block("embedded_gaussian"), random(BATCH, C, 4, 5)
    assert_same(module(x.contiguous(memory_format=torch.channels_last)), module(x))


# ---- kernels -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kept", [0, 1 << 24], ids=["made again", "kept"])
def test_blocks_of_rows_are_the_whole_matrix_whatever_is_kept(kept, monkeypatch):
    monkeypatch.setattr(softmax, "KEPT", kept)
    monkeypatch.setattr(softmax, "BLOCK", 1000)  # 300 x 230 weights, 16 rows a block, the last one of 12
    parts = [random(BATCH, d, n, seed=d).requires_grad_() for d, n in ((3, 300), (3, 230), (4, 230))]
    found, expected = softmax.softmax_sums(*parts, 0.7), softmax.composed(*parts, 0.7)
    assert_same(found, expected)
    grad = random(*found.shape, seed=9)
    for left, right in zip(
        *(torch.autograd.grad(out, parts, grad) for out in (found, expected)), strict=True
    ):
        assert_same(left, right)


def test_float32_blocks_agree_with_float64_to_float32s_precision():
    parts = [random(BATCH, d, n, seed=d) for d, n in ((8, 300), (8, 260), (5, 260))]
    single = [part.float().requires_grad_() for part in parts]
    double = [part.detach().double().requires_grad_() for part in single]
    found, expected = softmax.softmax_sums(*single, 0.5), softmax.composed(*double, 0.5)
    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-5)
    grad = random(*found.shape, seed=9)
    grads = torch.autograd.grad(found, single, grad.float()), torch.autograd.grad(expected, double, grad)
    for left, right in zip(*grads, strict=True):
        torch.testing.assert_close(left.double(), right, rtol=1e-4, atol=1e-4)


def layouts(matrix):
    """The same matrix, as rows, as columns, and as part of a wider one either way."""
    wide, tall = (torch.zeros(*(side + 3 for side in shape)) for shape in (matrix.shape, matrix.T.shape))
    wide[1:-2, 2:-1], tall[1:-2, 2:-1] = matrix, matrix.T
    return matrix, matrix.T.contiguous().T, wide[1:-2, 2:-1], tall[1:-2, 2:-1].T


def test_products_do_not_depend_on_how_their_factors_lie_in_memory():
    left, right = random(9, 7).float(), random(33, 7, seed=1).float()
    for one, other in itertools.product(layouts(left), layouts(right)):
        torch.testing.assert_close(
            products.times_transposed(one, other), left @ right.T, rtol=1e-5, atol=1e-5
        )


def test_autocast_keeps_attention_in_float32(kernel):
    parts = [random(BATCH, 3, n, seed=n).bfloat16() for n in (20, 15, 15)]
    with torch.autocast("cpu"):
        found = softmax.softmax_sums(*parts, 0.7)
    expected = softmax.composed(*(part.float() for part in parts), 0.7)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    with torch.autocast("cpu"):
        assert block("embedded_gaussian").float()(random(BATCH, C, 4, 5).float()).isfinite().all()


@every_kind
def test_gradients_are_exact(name, way, kernel):
    module = block(name, way, pool=2)
    names = dict(module.named_parameters())

    def run(x, *parameters):
        return torch.func.functional_call(module, dict(zip(names, parameters, strict=True)), (x,))

    parts = [random(1, C, 2, 4, seed=3).requires_grad_(), *module.parameters()]
    assert torch.autograd.gradcheck(run, parts, fast_mode=True)


@every_kind
def test_gradients_of_gradients_are_exact(name, way, monkeypatch):
    monkeypatch.setattr(softmax, "LEAST_PAIRS", 0)
    module = block(name, way).eval()
    assert torch.autograd.gradgradcheck(module, random(1, C, 2, 3).requires_grad_(), fast_mode=True)


@pytest.mark.parametrize("name", ["embedded_gaussian", "dot", "concatenation"])
def test_compiling_leaves_no_graph_break_and_exporting_keeps_the_numbers(name, monkeypatch):
    monkeypatch.setattr(softmax, "LEAST_PAIRS", 0)
    module = block(name).eval()
    x, other = random(BATCH, C, 3, 4), random(BATCH, C, 3, 4, seed=1)
    torch._dynamo.reset()
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    for left, right in zip(*(with_gradients(run, module, x) for run in (compiled, module)), strict=True):
        assert_same(left, right)
    assert_same(torch.export.export(module, (x,)).module()(other), module(other))


# ---- inspection ----------------------------------------------------------------------------------------------------


@every_kind
@every_pool
def test_weights_make_the_result(name, way, pooled):
    module, x = block(name, way, pool=2 if pooled else None), random(BATCH, C, 4, 6)
    weights, values = module.weights(x), module.value(x.flatten(2).mT)
    if pooled:
        values = max_pool2d(values.mT.unflatten(-1, (4, 6)), 2).flatten(2).mT
    assert weights.shape == (BATCH, 24, 6 if pooled else 24)
    assert_same(x + module.norm(module.out(weights @ values).mT).reshape(x.shape), module(x))


@every_kind
def test_the_strongest_are_the_largest_weights_of_a_position(name, way):
    module, x, position = block(name, way, dims=3), random(BATCH, C, *GRIDS[3]), (1, 3, 0)
    row = module.weights(x)[:, 1 * 8 + 3 * 2 + 0]
    found = module.strongest(x, position, count=4)
    assert found.positions.shape == (BATCH, 4, 3)
    for sample in range(BATCH):
        by_size = sorted(range(24), key=lambda at: -row[sample, at].abs())[:4]
        assert found.positions[sample].tolist() == [[at // 8, at // 2 % 4, at % 2] for at in by_size]
        assert_same(found.weights[sample], row[sample, by_size])


def test_a_planted_twin_is_the_strongest():
    module = NonLocalBlock(C, 3, pairwise="gaussian").double()
    x = 0.1 * random(1, C, 4, 5, 5)
    x[0, :, 0, 1, 1] = x[0, :, 3, 4, 2] = 5.0
    found = module.strongest(x, (0, 1, 1), count=2)
    assert sorted(found.positions[0].tolist()) == [[0, 1, 1], [3, 4, 2]]


def test_strongest_of_pooled_positions_are_the_corners_of_their_windows():
    module, x = block("dot", pool=(2, 3)), random(1, C, 5, 7)
    found = module.strongest(x, (4, 6), count=100)
    assert sorted(found.positions[0].tolist()) == [[row, column] for row in (0, 2) for column in (0, 3)]


# ---- what is refused -----------------------------------------------------------------------------------------------


def test_names_and_sizes_that_do_not_exist_are_refused():
    with pytest.raises(ConfigError, match="'cosine' does not exist"):
        NonLocalBlock(C, pairwise="cosine")
    with pytest.raises(ConfigError, match=r"'gaussian' with the normalisation 'mean'.*(?s:.)*pairwise='dot'"):
        NonLocalBlock(C, pairwise="gaussian", normalisation="mean")
    with pytest.raises(ConfigError, match="'concatenation' with the normalisation 'scaled_softmax'"):
        NonLocalBlock(C, pairwise="concatenation", normalisation="scaled_softmax")
    for wrong in ({"dims": 4}, {"channels": 0}, {"inner": 0}):
        with pytest.raises(ConfigError, match="at least one channel, and 1 to 3 dimensions"):
            NonLocalBlock(**{"channels": C} | wrong)
    for pool in (0, (2,), (1, 2, 2), (2, -1)):
        with pytest.raises(ConfigError, match=r"the pool .* on a grid of 2 dimensions"):
            NonLocalBlock(C, pool=pool)


def test_inputs_of_another_shape_are_refused():
    module = NonLocalBlock(C, 2, pool=(2, 4))
    for size in ((C, 4, 4), (1, C, 4), (1, C + 1, 4, 4), (1, C, 2, 4, 4)):
        with pytest.raises(ConfigError, match=rf"shape \[{', '.join(map(str, size))}\]"):
            module(torch.zeros(size))
    with pytest.raises(ConfigError, match=r"the pool \(2, 4\) was given a grid of \[4, 3\]"):
        module(torch.zeros(1, C, 4, 3))
    for position in ((4, 0), (-1, 0), (1,), (0, 0, 0)):
        with pytest.raises(ConfigError, match="a place on the grid"):
            module.strongest(torch.zeros(1, C, 4, 4), position)


def test_a_score_refuses_other_widths():
    score = RectifiedConcatScore(3, 4, 2)
    with pytest.raises(ConfigError, match="the key of RectifiedConcatScore was given nodes with 3 features"):
        score.keys(torch.zeros(2, 3))
    with pytest.raises(
        ConfigError, match="the query of RectifiedConcatScore was given nodes with 4 features"
    ):
        score(Complete(2), torch.zeros(2, 4), torch.zeros(2, 4))


def test_the_maps_are_torchs_linear_layers_half_as_wide():
    module = NonLocalBlock(7)
    maps = module.attend.score.theta, module.attend.score.phi, module.value
    assert [m.out_features for m in maps] == [3, 3, 3]
    assert all(isinstance(m, nn.Linear) for m in maps)
    assert NonLocalBlock(1).value.out_features == 1
