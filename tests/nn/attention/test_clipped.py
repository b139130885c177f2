"""The blockwise kernel is the plain equation on whole matrices, however it cuts them, and keeps none of them."""

import pytest
import torch

from edgewise.nn.attention import clipped, clipped_blocks, clipped_loops

N, HEADS, WIDTH = 3, 2, 3


def random(*size, seed=0):
    return torch.randn(*size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def inputs(receivers, senders, reach, tables=1, values=True):
    query = random(N, HEADS, receivers, WIDTH)
    key, value = (random(N, HEADS, senders, width, seed=width) for width in (WIDTH, WIDTH))
    value_table = random(tables, 2 * reach + 1, WIDTH, seed=5) if values else None
    return query, key, value + 1, random(tables, 2 * reach + 1, WIDTH, seed=4), value_table


def some(receivers, senders):
    """A mask for each sentence; the second hears nobody, and some rows of the third do not."""
    mask = torch.rand(N, receivers, senders, generator=torch.Generator().manual_seed(0)) < 0.6
    mask[0, :, 0] = True
    mask[1] = False
    mask[2, ::2] = False
    return mask


def plainly(query, key, value, key_table, value_table, mask, causal):
    """softmax(q . (k + a^K)) (v + a^V), every vector of every pair written out."""
    receivers, senders, reach = query.shape[2], key.shape[2], key_table.shape[1] // 2
    places = torch.arange(receivers) + senders - receivers
    away = torch.arange(senders) - places[:, None]
    labels = away.clamp(-reach, reach) + reach
    scores = torch.einsum("nhrd,nhrsd->nhrs", query, key[:, :, None] + key_table[:, labels])
    allowed = torch.ones(N, 1, receivers, senders, dtype=torch.bool)
    if causal:
        allowed = allowed & (away <= 0)
    if mask is not None:
        allowed = allowed & mask[:, None]
    weights = scores.masked_fill(~allowed, -1e300).softmax(-1).masked_fill(~allowed, 0.0)
    there = value[:, :, None].expand(-1, -1, receivers, -1, -1)
    if value_table is not None:
        there = there + value_table[:, labels]
    return torch.einsum("nhrs,nhrsd->nhrd", weights, there)


def gradients(function, parts, mask, causal):
    leaves = [part if part is None else part.clone().requires_grad_() for part in parts]
    out = function(*leaves, mask, causal)
    wanted = [leaf for leaf in leaves if leaf is not None]
    return out, *torch.autograd.grad((out * random(*out.shape, seed=9)).sum(), wanted)


SIZES = {"square": (7, 7), "decoding": (3, 8), "one receiver": (1, 6), "one of each": (1, 1)}
every_size = pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
every_mask = pytest.mark.parametrize("masked", [False, True], ids=["all", "masked"])
every_order = pytest.mark.parametrize("causal", [False, True], ids=["both ways", "causal"])


MANY = 1 << 24


@pytest.fixture(
    params=[(1 << 19, 128, 0, 1), (1, 3, MANY, MANY), (60, 2, 0, MANY), (200, 1, MANY, 1)], ids=str
)
def cut(request, monkeypatch):
    """How many scores at once, of how many rows at most; up to how many weights are kept; from when on loops run."""
    at_once, rows, kept, least = request.param
    monkeypatch.setattr(clipped_blocks, "BLOCK", at_once)
    monkeypatch.setattr(clipped_blocks, "MOST_ROWS", rows)
    monkeypatch.setattr(clipped, "KEPT", kept)
    monkeypatch.setattr(clipped_loops, "LEAST", least)


@pytest.mark.usefixtures("cut")
@every_order
@every_mask
@every_size
@pytest.mark.parametrize(("reach", "tables", "values"), [(2, 1, True), (1, HEADS, True), (9, 1, False)])
def test_it_is_the_plain_equation_however_it_is_cut(size, masked, causal, reach, tables, values):
    parts, mask = inputs(*size, reach, tables, values), some(*size) if masked else None
    found, expected = (gradients(one, parts, mask, causal) for one in (clipped.attention, plainly))
    for left, right in zip(found, expected, strict=True):
        torch.testing.assert_close(left, right, rtol=1e-10, atol=1e-11)


@pytest.mark.usefixtures("cut")
@every_mask
@pytest.mark.parametrize("size", [(6, 2), (5, 4)], ids=str)
def test_more_receivers_than_senders(size, masked):
    parts, mask = inputs(*size, 2), some(*size) if masked else None
    found, expected = (gradients(one, parts, mask, False) for one in (clipped.attention, plainly))
    for left, right in zip(found, expected, strict=True):
        torch.testing.assert_close(left, right, rtol=1e-10, atol=1e-11)


@every_order
def test_a_fully_masked_row_gives_zero_and_no_nan_in_any_gradient(causal):
    found = gradients(clipped.attention, inputs(5, 5, 2), some(5, 5), causal)
    assert all(part.isfinite().all() for part in found)
    assert not found[0][1].any()
    assert not found[0][2, :, ::2].any()
    to_query, to_key, to_value = found[1:4]
    assert not any(part[1].any() for part in (to_query, to_key, to_value))
    assert not to_query[2, :, ::2].any()


def test_a_row_that_only_hears_what_comes_later_hears_nothing_when_causal():
    mask = torch.ones(5, 5).triu(1).bool().expand(N, -1, -1)
    found = gradients(clipped.attention, inputs(5, 5, 2), mask, True)
    assert not any(part.any() for part in found)


@every_order
@every_mask
@pytest.mark.parametrize("values", [True, False])
def test_gradients_are_exact(masked, causal, values, monkeypatch):
    monkeypatch.setattr(clipped_blocks, "MOST_ROWS", 2)
    mask = some(3, 4) if masked else None
    parts = [part for part in inputs(3, 4, 1, values=values) if part is not None]

    def function(query, key, value, key_table, value_table=None):
        return clipped.attention(query, key, value, key_table, value_table, mask, causal)

    assert torch.autograd.gradcheck(function, [part.requires_grad_() for part in parts])


def test_views_of_one_projection_give_the_same_as_copies():
    packed = random(N, 6, 3 * HEADS * WIDTH)
    views = [part.unflatten(-1, (HEADS, WIDTH)).transpose(1, 2) for part in packed.chunk(3, -1)]
    tables = inputs(6, 6, 2)[3:]
    found = clipped.attention(*views, *tables, None, True)
    assert torch.equal(found, clipped.attention(*(view.clone() for view in views), *tables, None, True))
    assert found.transpose(1, 2).is_contiguous()  # joining the heads is a view


def test_single_precision_is_as_good_as_it_can_be():
    parts, mask = inputs(40, 40, 3), some(40, 40)
    single = clipped.attention(*(part.float() for part in parts), mask, True)
    torch.testing.assert_close(single.double(), plainly(*parts, mask, True), rtol=2e-5, atol=2e-5)


@every_mask
def test_nothing_of_the_size_of_the_scores_is_kept_where_they_are_many(masked, monkeypatch):
    n, kept = 50, []
    monkeypatch.setattr(clipped, "KEPT", N * HEADS * n * n - 1)
    parts = [part.requires_grad_() for part in inputs(n, n, 2)]
    mask = some(n, n) if masked else None
    with torch.autograd.graph.saved_tensors_hooks(
        lambda saved: kept.append(saved) or saved, lambda saved: saved
    ):
        clipped.attention(*parts, mask, True)
    scores = N * HEADS * n * n
    assert kept
    assert all(
        saved.numel() < scores / 8 for saved in kept if saved is not mask and saved.dtype != torch.bool
    )


@every_order
@pytest.mark.parametrize("keep", [True, False], ids=["kept", "made again"])
@pytest.mark.parametrize("values", [True, False])
def test_it_is_a_well_behaved_operator_of_torch(causal, values, keep):
    parts = [part if part is None else part.requires_grad_() for part in inputs(3, 4, 1, values=values)]
    torch.library.opcheck(clipped._attention, (*parts, some(3, 4), causal, keep))
    torch.library.opcheck(clipped._attention, (*parts, None, causal, keep))


def test_under_autocast_it_stays_in_single_precision():
    parts = [part.detach().float().requires_grad_() for part in inputs(5, 5, 2)]
    with torch.autocast("cpu", torch.bfloat16):
        found = clipped.attention(*(part.bfloat16() for part in parts[:3]), *parts[3:], None, False)
    found.sum().backward()
    assert found.dtype == torch.float32
    assert all(part.grad is not None and part.grad.isfinite().all() for part in parts)


@pytest.fixture
def threads():
    """Sets the number of torch's threads until the test is over."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.mark.usefixtures("cut")
def test_the_number_of_threads_changes_nothing(threads):
    parts, mask, found = inputs(7, 7, 2), some(7, 7), []
    for n_threads in (1, 2, 3):
        threads(n_threads)
        found.append(gradients(clipped.attention, parts, mask, True))
    for more in found[1:]:
        assert all(torch.equal(left, right) for left, right in zip(more, found[0], strict=True))


def test_no_sentences_give_no_rows():
    query, key, value, *tables = inputs(4, 5, 2)
    found = gradients(clipped.attention, (query[:0], key[:0], value[:0], *tables), None, False)
    assert found[0].shape == (0, HEADS, 4, WIDTH)
    assert not found[4].any()
    assert not found[5].any()
