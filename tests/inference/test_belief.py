"""Beliefs about graphs as a forecast uses them."""

import numpy as np
import pytest
import torch

from edgewise.inference.belief import belief_of
from edgewise.inference.forecast import roll_out

from .superposition.test_influence import beliefs
from .worlds import springs, untrained


def sparse(n_sequences=3, n=5):
    """Of each receiver one, two or no senders that may act: [sequence, receiver, sender, 2]."""
    p = np.zeros((n_sequences, n, n, 2))
    for s in range(n_sequences):
        for receiver in range(n - 1):
            for sender in range(n):
                if (sender - receiver) % n in (1, 2 + s % 2):
                    p[s, receiver, sender] = (0.25, 0.75)
    return p


def test_slots_of_those_who_never_act_are_left_out():
    whole = belief_of(sparse())
    few = whole.of_candidates()
    assert whole.slots.shape == (3, 5, 4)
    assert few.slots.shape == (3, 5, 2)
    dense = torch.zeros(3, 5, 5, 2).scatter_(2, few.slots[..., None].expand(-1, -1, -1, 2), few.weight)
    np.testing.assert_allclose(dense, sparse())
    assert torch.equal(few.slots, few.slots.sort(-1).values)


def test_where_everybody_may_act_nothing_is_left_out():
    whole = belief_of(np.full((1, 3, 3, 2), 0.5))
    assert whole.of_candidates() is whole


def test_strengths_keep_those_who_act():
    p = np.zeros((1, 4, 4, 3))
    p[0, 0, 2] = (0.5, -1.0, 0.2)
    few = belief_of(p, strengths=True).of_candidates()
    assert few.slots.shape == (1, 4, 1)
    assert few.slots[0, 0].tolist() == [2]
    assert few.weight[0, 0, 0].tolist() == pytest.approx([0.5, -0.5])
    assert few.strength[0, 0, 0].tolist() == pytest.approx([0.5, -1.0, 0.2])


def test_one_graph_stands_for_every_recording():
    one = belief_of(sparse(1)).for_each(4)
    assert one.slots.shape == (4, 5, 4)
    assert torch.equal(one.weight[3], one.weight[0])
    own = belief_of(sparse(3))
    assert own.for_each(3) is own


@torch.no_grad()
def test_a_forecast_of_few_candidates_is_that_of_a_dense_graph_with_zeros():
    ds = springs()
    model, _, encoding, _ = untrained(ds)
    p = beliefs(1, ds.sizes["entity"], 2).numpy().copy()
    p[0, :, 0] = 0.0
    p[0, 0] = 0.0
    p[0, 0, 1] = (0.3, 0.7)
    found = roll_out(model, encoding, ds, p, steps=3)
    nearly = np.where(p > 0, p, 1e-30)  # too little to matter, enough to count
    np.testing.assert_allclose(
        found["x"], roll_out(model, encoding, ds, nearly, steps=3)["x"], rtol=1e-4, atol=1e-6
    )
