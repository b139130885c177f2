"""The quadratic form costs what the residual of a graph does; what is unknown or absent does not enter."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from edgewise.inference.superposition.configurations import one_hot, squared_cost
from edgewise.inference.superposition.posterior import whole_form

from ..worlds import planted, springs, untrained, with_values


def random_types(data, n_types, seed=0):
    size = (len(data), data.n_entities, data.slots.shape[-1])
    return torch.randint(0, n_types, size, generator=torch.Generator().manual_seed(seed))


def residual_of(model, data, types):
    """Whitened residual of a graph by adding up messages: [stretch, time, entity, target]."""
    own, messages, log_sigma = model.terms(data)
    left = data.target - own
    for kind in range(model.n_types):
        if kind == 0 and bool(model.null):
            continue
        active = (types == kind)[:, None, :, :, None]
        left = left - (messages[..., kind, :] * active).sum(3)
    return left * data.weight / log_sigma.exp()


@pytest.mark.parametrize("null", [True, False])
@pytest.mark.parametrize("n_types", [2, 3])
@pytest.mark.parametrize("noise", ["learnt", "profiled"])
def test_the_form_costs_what_the_residual_of_a_graph_does(null, n_types, noise):
    model, data, _, _ = untrained(springs(), edge_types=n_types, noise=noise)
    model.null.fill_(null)
    if model.noise is not None:
        torch.nn.init.normal_(model.noise.network[-1].weight, std=0.3)
    types = random_types(data, n_types)
    with torch.no_grad():
        form = model(data)
        expected = residual_of(model, data, types).double().square().sum((1, 3))
    found = squared_cost(form, one_hot(types, n_types)[:, None, :, None, :])[:, 0, :, 0]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert form.gram.shape == (3, 1, 4, 3 * (n_types - 1), 3 * (n_types - 1))


@torch.no_grad()
def test_windows_add_up_to_the_whole():
    model, data, _, _ = untrained(springs(steps=26), graph="per-window", window=5)
    windows, whole = model(data, 5), model(data)
    assert windows.square.shape == (3, 5, 4)
    for name in ("gram", "cross", "square", "log_scale", "count"):
        torch.testing.assert_close(
            getattr(windows, name).sum(1), getattr(whole, name)[:, 0], rtol=1e-9, atol=1e-9
        )


@torch.no_grad()
def test_what_has_weight_0_does_not_matter():
    ds = springs()
    lost = with_values(ds, lambda name, x: np.where(np.arange(14)[:, None] == 6, np.nan, x))
    model, data, _, _ = untrained(lost, fill_gaps=0)
    assert (data.weight[:, 5:7] == 0).all()
    form = model(data)
    generator = torch.Generator().manual_seed(0)
    wild = 100 * torch.randn(data.target.shape, generator=generator)
    other = replace(data, target=torch.where(data.weight > 0, data.target, wild))
    kept = [t for t in range(13) if t not in (5, 6)]
    cut = {
        name: getattr(data, name)[:, kept]
        for name in ("position", "velocity", "context", "target", "weight", "present")
    }
    for again in (model(other), model(replace(data, **cut))):
        for name in ("gram", "cross", "square", "log_scale", "count"):
            torch.testing.assert_close(getattr(again, name), getattr(form, name), rtol=1e-9, atol=1e-9)


@torch.no_grad()
def test_an_absent_entity_sends_nothing():
    ds = springs()
    gone = with_values(ds, lambda name, x: np.where(np.arange(4) == 2, np.nan, x))
    model, data, _, _ = untrained(gone)
    _, messages, _ = model.terms(data)
    sent = messages[torch.arange(3)[:, None, None], :, torch.arange(4)[:, None], torch.arange(3)]
    by_sender = sent.norm(dim=(-1, -2)).sum(-1)  # [stretch, receiver, slot]
    assert torch.equal(by_sender == 0, data.slots == 2)
    form = model(data)
    assert (form.count[:, 0, 2] == 0).all()
    assert (form.gram[:, 0, 2] == 0).all()
    assert (form.count[:, 0, [0, 1, 3]] == 13 * 2).all()


@torch.no_grad()
def test_permuting_entities_permutes_receivers_and_their_evidence():
    ds = springs()
    model, data, encoding, _ = untrained(ds)
    order = [2, 0, 3, 1]
    left = model(data)
    from edgewise.inference.observations import observe

    right = model(observe(ds.isel(entity=order, receiver=order, sender=order), encoding))
    for name in ("square", "log_scale", "count"):
        torch.testing.assert_close(
            getattr(right, name), getattr(left, name)[:, :, order], rtol=1e-4, atol=1e-4
        )


def test_identities_join_the_context():
    model, data, encoding, _ = untrained(springs(), identity=2)
    context = model.context(data)
    assert context.shape[-1] == encoding.context_dim + 2
    assert model.identity is not None
    assert torch.equal(context[1, 5, :, -2:], model.identity.weight)


@torch.no_grad()
def test_stretches_of_one_recording_add_up(monkeypatch):
    ds, _ = planted(sequences=2, frames=130)
    model, pieces, _, config = untrained(ds)
    assert len(pieces) == 6
    monkeypatch.setattr("edgewise.inference.observations.STRETCH", 1000)
    _, whole, _, _ = untrained(ds)
    assert len(whole) == 2
    left, n_graphs = whole_form(model, pieces, config.graph)
    right, _ = whole_form(model, whole, config.graph)
    assert n_graphs == 2
    for name in ("gram", "cross", "square", "log_scale", "count"):
        torch.testing.assert_close(getattr(left, name), getattr(right, name), rtol=1e-6, atol=1e-6)
