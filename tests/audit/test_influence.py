"""Who can influence whom: patterns, receptive fields, causality."""

import numpy as np
import pytest
import torch
from torch import nn

from audit.modules import Attention, Neighbours, Recurrent, Row, seeded
from edgewise.audit import Axes, audit
from edgewise.audit.extent import Extent, extents
from edgewise.audit.hops import hops
from edgewise.audit.influence import Influence
from edgewise.relation import Sparse

STEPS = Axes(features=3, steps=10)


def measured(module, axes, **options):
    return audit(module, axes, samples=8, **options)


def test_strengths_are_the_norms_of_the_blocks_of_the_jacobian():
    module, axes = seeded(Row, n=3, features=2), Axes(entities=3, features=2)
    found = measured(module, axes).influence
    generator = torch.Generator().manual_seed(0)
    x = axes.sample(8, generator)
    whole = torch.stack(
        [torch.autograd.functional.jacobian(module.double(), one[None])[0, :, :, 0] for one in x]
    )
    blocks = whole.square().sum((2, 4)).mean(0).sqrt()  # [sample, out, feature, in, feature] -> [out, in]
    assert found.strength == pytest.approx(blocks.numpy())
    assert found.density == 1.0


def test_random_combinations_find_the_same_pattern_and_about_the_same_strengths(monkeypatch):
    module = seeded(nn.Conv1d, 4, 32, 3, padding=1)
    axes = Axes(features=4, grid=(10,))
    exact = measured(module, axes).influence
    monkeypatch.setattr("edgewise.audit.influence.PASSES", 40)
    drawn = measured(module, axes).influence
    assert (exact.there == drawn.there).all()
    ratio = drawn.strength[drawn.there] / exact.strength[exact.there]
    assert 0.3 < ratio.min() <= ratio.max() < 3


def test_a_recurrence_is_causal():
    found = measured(seeded(Recurrent), STEPS)
    assert found.influence.violations == []
    assert (found.influence.pattern("time") == np.tri(10, dtype=bool)).all()
    assert found.extents == [Extent("time", back=9, ahead=0, wraps=False, size=10)]


@pytest.mark.parametrize("detached", [False, True])
def test_a_planted_leak_of_the_future_is_found(detached):
    found = measured(seeded(Recurrent, leak=4, detached=detached), STEPS)
    assert {(each["output"], each["input"]) for each in found.influence.violations} == {
        (t, t + 4) for t in range(6)
    }
    strengths = [each["strength"] for each in found.influence.violations]
    assert strengths == pytest.approx([0.0 if detached else 1e-3] * 6)
    assert found.influence.without_gradient == (6 if detached else 0)
    assert any("path without gradient" in note for note in found.notes) == detached


def test_attention_sees_the_future_and_says_so():
    found = measured(seeded(Attention), Axes(features=8, steps=6))
    assert len(found.influence.violations) == 15


def test_the_receptive_field_of_convolutions_is_counted():
    two = seeded(
        nn.Sequential, nn.Conv2d(1, 2, 3, padding=1), nn.Tanh(), nn.Conv2d(2, 1, (1, 5), padding=(0, 2))
    )
    found = measured(two, Axes(grid=(9, 9))).extents
    assert [(each.axis, each.back, each.ahead, each.width) for each in found] == [
        ("grid 0", 1, 1, 3),
        ("grid 1", 3, 3, 7),
    ]
    ahead = seeded(nn.Conv1d, 1, 1, 3, padding=1)
    with torch.no_grad():
        ahead.weight[..., 0] = 0.0
    assert measured(ahead, Axes(grid=(9,))).extents == [Extent("grid", 0, 1, False, 9)]


def test_a_circle_is_seen_over_the_ends():
    module = seeded(nn.Conv1d, 1, 1, 3, padding=1, padding_mode="circular")
    assert measured(module, Axes(grid=(9,))).extents == [Extent("grid", 1, 1, True, 9)]


@pytest.mark.parametrize(
    ("offsets", "expected"),
    [
        ([0], (0, 0, False)),
        ([-1, 0, 8], (1, 0, True)),
        ([0, 1, -8, 2, -7], (0, 2, True)),
        ([2, 3], (0, 3, False)),
        ([-3], (3, 0, False)),
        ([*range(-8, 9)], (8, 8, False)),
        ([*range(-8, 1)], (8, 0, False)),
    ],
)
def test_extents_of_offsets(offsets, expected):
    pattern = np.zeros((9, 9), bool)
    for offset in offsets:
        for r in range(9):
            if 0 <= r + offset < 9:
                pattern[r, r + offset] = True
    sizes = {"time": (9,)}
    found = extents(Influence(pattern * 1.0, pattern, sizes, sizes, np.arange(9), 0))[0]
    assert (found.back, found.ahead, found.wraps) == expected


def test_the_pattern_is_a_relation():
    axes = Axes(entities=7, features=4)
    given = Sparse(torch.tensor([0, 1, 2, 3]), torch.tensor([1, 2, 3, 6]), 7).with_loops()
    found = measured(seeded(Neighbours), axes, relation=given)
    one = torch.zeros(7, 7)
    one[given.receivers, given.senders] = 1
    expected = (one @ one > 0).nonzero().T
    edges = found.influence.relation
    assert sorted(zip(edges.receivers.tolist(), edges.senders.tolist(), strict=True)) == sorted(
        zip(*expected.tolist(), strict=True)
    )
    assert hops(found.influence.pattern("entity"), given) == 2


def test_hops_of_a_pattern():
    path = Sparse(torch.tensor([0, 1, 2]), torch.tensor([1, 2, 3]), 4)
    pattern = np.eye(4, dtype=bool)
    assert hops(pattern, path) == 0
    pattern[3, 0] = True
    assert hops(pattern, path) == 3
    pattern[0, 3] = True
    assert hops(pattern, path) is None
    assert hops(np.ones((1, 4), bool), path) is None


def test_axes_are_told_apart():
    """Entities that are summed up by each step of a cumulative sum: everybody, the past only."""

    class Sum(nn.Module):
        def forward(self, x):
            return x + 0.1 * x[:, :2].sum(1, keepdim=True).cumsum(2)

    found = measured(Sum(), Axes(entities=4, steps=5, features=2)).influence
    assert (found.pattern("time") == np.tri(5, dtype=bool)).all()
    expected = np.eye(4, dtype=bool)
    expected[:, :2] = True
    assert (found.pattern("entity") == expected).all()
    assert found.violations == []


def test_one_answer_for_all_is_one_receiver():
    class Last(nn.Module):
        def forward(self, x):
            return x[:, -2:].flatten(1)

    found = measured(Last(), Axes(steps=6, features=2))
    assert found.influence.pattern("time").tolist() == [[False] * 4 + [True] * 2]
    assert (found.influence.violations, found.extents) == (None, [])
    assert found.influence.relation.n_receivers == 1


def test_a_large_answer_is_looked_at_in_places(monkeypatch):
    monkeypatch.setattr("edgewise.audit.influence.ALL_PLACES", 9)
    found = measured(seeded(nn.Conv2d, 1, 1, 3, padding=1), Axes(grid=(8, 8)))
    assert len(found.influence.looked_at) == 9
    assert "measured at 9 of 64 places" in found.notes[0]
    assert [each.width for each in found.extents] == [3, 3]
    assert found.sharing.connections == pytest.approx(sum(3 - (k in (0, 7)) for k in range(8)) ** 2, rel=0.3)
