"""A band cut into blocks: each receiver finds its senders in its block, and attention is that of the plain steps."""

import pytest
import torch

from edgewise.relation import Band, Complete, blocks
from edgewise.relation.blocks import Blocks

BANDS = {
    "both sides": (7, 2, 1),
    "left only": (7, 3, 0),
    "right only": (7, 0, 2),
    "itself only": (5, 0, 0),
    "wider than the line": (3, 5, 4),
    "one receiver": (1, 1, 1),
    "more senders": (4, 1, 1, 9),
    "senders far beyond the blocks": (3, 2, 0, 40),
    "fewer senders": (9, 1, 2, 4),
    "senders end before the last block": (20, 1, 0, 3),
}
every_band = pytest.mark.parametrize("band", [Band(*sizes) for sizes in BANDS.values()], ids=BANDS)


@pytest.fixture(params=[1, 2, 5, 32])
def least(request, monkeypatch):
    """The least size of a block."""
    monkeypatch.setattr(blocks, "LEAST_SIZE", request.param)
    return request.param


def random(*size, seed=0):
    return torch.randn(*size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def coin(*size):
    return torch.rand(*size, generator=torch.Generator().manual_seed(0)) < 0.6


def forms(band):
    """The band as it is, without loops, with fewer edges (some rows without any), and with a mask each."""
    mask = coin(2, *band.layout)
    mask[:, 0] = False
    without = Band(band.n_receivers, band.left, band.right, band.n_senders, loops=False)
    return band, without, band.masked(edges=mask[0]), without.masked(edges=mask)


def parts(band, lead=(2,), heads=1, width=3, value_width=2):
    sizes = (band.n_receivers, width), (band.n_senders, width), (band.n_senders, value_width)
    return [random(*lead, n, heads * d, seed=seed) for seed, (n, d) in enumerate(sizes)]


@every_band
def test_no_reach_is_longer_than_a_block(band, least):
    cut = Blocks.of(band)
    assert cut.size >= max(least, band.left, band.right)
    assert (cut.n_blocks - 1) * cut.size < band.n_receivers <= cut.n_blocks * cut.size
    assert (cut.before, cut.after) == (int(band.left > 0), int(band.right > 0))


@pytest.mark.usefixtures("least")
@every_band
def test_every_receiver_finds_exactly_its_senders_in_its_block(band):
    senders = torch.arange(1.0, band.n_senders + 1)[:, None]  # 0 stands for what is filled up
    for form in forms(band):
        cut = Blocks.of(form)
        heard, mask = cut.senders(senders)[..., 0], cut.mask(form)
        mask = mask.expand(2, *mask.shape[-3:])
        edges = form.mask.expand(2, *form.layout)
        for batch in range(2):
            for receiver in range(band.n_receivers):
                block, row = divmod(receiver, cut.size)
                found = heard[block][mask[batch, block, row]]
                slots = form.slots()[receiver][edges[batch, receiver]]
                assert found.tolist() == (slots + 1.0).tolist()


@pytest.mark.usefixtures("least")
@every_band
@pytest.mark.parametrize("heads", [1, 2])
@pytest.mark.parametrize("lead", [(2,), (3, 2)])
def test_attention_is_that_of_the_plain_steps_and_so_are_its_gradients(band, heads, lead):
    for form in forms(band):
        results = []
        for attend in (form.attend, super(Band, form).attend):
            leaves = [part.requires_grad_() for part in parts(band, lead, heads)]
            out = attend(*leaves, heads=heads, scale=0.7)
            total = (out * random(*out.shape, seed=9)).sum()
            results.append((out, *torch.autograd.grad(total, leaves)))
        for found, expected in zip(*results, strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-12)


@pytest.mark.usefixtures("least")
@every_band
def test_sentences_of_a_batch_are_as_they_are_one_by_one(band):
    for form in forms(band):
        query, key, value = parts(band)
        together = form.attend(query, key, value)
        for at in range(2):
            present = form.present
            if present is not None and present.dim() > 2:
                present = present[at]
            one = Band(band.n_receivers, band.left, band.right, band.n_senders, form.loops, present)
            torch.testing.assert_close(
                together[at], one.attend(query[at], key[at], value[at]), rtol=1e-11, atol=1e-12
            )


@pytest.mark.usefixtures("least")
def test_a_receiver_that_hears_nobody_gets_zero_and_no_nan_in_any_gradient():
    band = Band(6, 2, 1).masked(edges=(torch.arange(6) % 3 != 1)[:, None].expand(-1, 4))
    leaves = [part.requires_grad_() for part in parts(band)]
    out = band.attend(*leaves)
    assert not out[:, 1::3].any()
    grads = torch.autograd.grad(out.square().sum(), leaves)
    assert all(grad.isfinite().all() for grad in grads)
    assert not grads[0][:, 1::3].any()


@pytest.mark.usefixtures("least")
def test_what_is_out_of_reach_changes_nothing():
    band, (query, key, value) = Band(9, 2, 0), parts(Band(9, 2, 0))
    before = band.attend(query, key, value)
    key[:, 5:] = 1e3
    value[:, 5:] = 1e3
    assert torch.equal(band.attend(query, key, value)[:, :5], before[:, :5])


@pytest.mark.usefixtures("least")
def test_a_band_is_the_complete_relation_that_leaves_out_what_is_far():
    query, key, value = parts(Band(8, 2, 1, 10), heads=2)
    away = torch.arange(10) - torch.arange(8)[:, None]
    near = Complete(8, 10).masked(edges=(away >= -2) & (away <= 1))
    torch.testing.assert_close(
        Band(8, 2, 1, 10).attend(query, key, value, heads=2),
        near.attend(query, key, value, heads=2),
        rtol=1e-11,
        atol=1e-12,
    )


def test_gradients_are_exact(monkeypatch):
    monkeypatch.setattr(blocks, "LEAST_SIZE", 2)
    band = Band(5, 1, 2, 4).masked(edges=coin(5, 4))
    leaves = [part.requires_grad_() for part in parts(band, lead=(), heads=2)]
    assert torch.autograd.gradcheck(lambda *given: band.attend(*given, heads=2), leaves)
