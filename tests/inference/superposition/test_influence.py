"""How much each sender moves each receiver."""

import numpy as np
import pytest
import torch

from edgewise.inference.superposition import influence

from ..worlds import planted, springs, untrained, with_values


def beliefs(graphs, n, n_types, seed=0):
    generator = torch.Generator().manual_seed(seed)
    p = torch.rand(graphs, n, n, n_types, generator=generator, dtype=torch.float64)
    return p / p.sum(-1, keepdim=True)


@torch.no_grad()
def by_loop(model, data, probability):
    """rms of the expected effect over rms of the motion, one recording and pair at a time."""
    _, messages, _ = model.terms(data)
    graphs, n = probability.shape[:2]
    out = torch.zeros(graphs, n, n, dtype=torch.float64)
    for graph in range(graphs):
        own = data.sequence == graph if graphs > 1 else torch.ones(len(data), dtype=torch.bool)
        for receiver in range(n):
            weight = data.weight[own][:, :, receiver].double()
            motion = (data.target[own][:, :, receiver].double().square() * weight).sum()
            for slot in range(data.slots.shape[-1]):
                for stretch in own.nonzero()[:, 0]:
                    sender = data.slots[stretch, receiver, slot]
                    p = probability[graph, receiver, sender].clone()
                    if bool(model.null):
                        p[0] = 0
                    sent = messages[stretch, :, receiver, slot].double()  # [time, type, target]
                    expected = (p[:, None] * sent).sum(1).square()
                    seen = data.weight[stretch, :, receiver].double()
                    out[graph, receiver, sender] += (expected * seen).sum() / motion
    return out.sqrt()


@pytest.mark.parametrize("null", [True, False])
@pytest.mark.parametrize("graphs", [1, 3])
def test_it_is_the_share_of_the_motion_that_the_expected_effect_makes_up(null, graphs):
    model, data, _, _ = untrained(springs(), edge_types=3, graph="shared" if graphs == 1 else "per-sequence")
    model.null.fill_(null)
    p = beliefs(graphs, 4, 3)
    torch.testing.assert_close(influence(model, data, p), by_loop(model, data, p), rtol=1e-4, atol=1e-6)


def test_stretches_of_one_recording_are_one():
    model, data, _, _ = untrained(planted(sequences=2, frames=130)[0])
    p = beliefs(2, 4, 2)
    torch.testing.assert_close(influence(model, data, p), by_loop(model, data, p), rtol=1e-4, atol=1e-6)


def test_candidates_only_and_nobody_on_itself():
    model, data, _, _ = untrained(springs(entities=5), neighbours=2)
    size = influence(model, data, beliefs(3, 5, 2))
    candidate = torch.zeros(3, 5, 5, dtype=torch.bool).scatter_(2, data.slots, True)
    assert (size[~candidate] == 0).all()
    assert (size[candidate] > 0).all()


def test_who_does_not_move_or_is_not_there_gives_no_nan():
    ds = with_values(springs(), lambda name, x: np.where(np.arange(4) == 2, np.nan, x))
    model, data, _, _ = untrained(ds)
    size = influence(model, data, beliefs(3, 4, 2))
    assert size.isfinite().all()
    assert (size[:, 2] == 0).all()
    assert (size[:, :, 2] == 0).all()
