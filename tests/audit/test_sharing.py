"""Parameters, connections, growth; and whether a module is random."""

import pytest
import torch
from torch import nn

from audit.modules import Attention, Dropped, Row, seeded
from edgewise.audit import Axes, audit
from edgewise.audit.sharing import growth_of


def measured(module, axes, **options):
    return audit(module, axes, samples=8, **options)


def test_a_convolution_shares_its_weights():
    found = measured(seeded(nn.Conv1d, 2, 3, 3, padding=1), Axes(features=2, grid=(10,))).sharing
    assert found.parameters == 3 * 2 * 3 + 3
    assert found.connections == (3 * 10 - 2) * 2 * 3
    assert found.ratio == found.connections / found.parameters
    assert (found.axis, found.sizes, found.growth, found.how) == (
        "grid",
        {10: 21, 20: 21},
        "none",
        "same module",
    )


def test_a_linear_map_without_sharing_has_a_parameter_a_connection():
    class Linear(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(12, 12, bias=False)

        def forward(self, x):
            return self.layer(x.flatten(1)).view_as(x)

    found = measured(Linear(), Axes(entities=4, features=3)).sharing
    assert (found.ratio, found.growth, found.how) == (1.0, None, "refused")
    assert "24x24" in found.message or "2x24" in found.message


@pytest.mark.parametrize(
    ("factory", "growth", "sizes"),
    [
        (lambda entities=4: Row(entities, 3, hidden=5), "linear", {4: 137, 8: 269, 16: 533}),
        (lambda n: Row(n, 3, hidden=3 * n), "quadratic", {4: 312, 8: 1200, 16: 4704}),
        (lambda entities, features: nn.Linear(features, 2), "none", {4: 8, 8: 8, 16: 8}),
    ],
)
def test_growth_is_that_of_what_the_factory_makes(factory, growth, sizes):
    module = Row(4, 3, hidden=5)
    found = measured(module, Axes(entities=4, features=3), factory=factory).sharing
    assert (found.how, found.growth, found.sizes) == ("factory", growth, sizes)


def test_an_argument_that_is_no_number_of_entities_is_not_taken_for_one():
    """`n` are layers of a network for four entities: what it makes refuses eight."""

    def factory(n=1):
        return nn.Sequential(Row(4, 3), *(nn.Identity() for _ in range(n)))

    found = measured(factory(), Axes(entities=4, features=3), factory=factory).sharing
    assert (found.how, found.growth) == ("refused", None)


@pytest.mark.parametrize(
    ("counts", "growth"),
    [
        ([5, 5, 5], "none"),
        ([3, 5, 9], "linear"),
        ([1, 4, 16], "quadratic"),
        ([10, 14, 24], "quadratic"),
        ([1, 8, 64], "other"),
        ([5, 4, 2], "other"),
        ([1, 2, 3], "other"),
    ],
)
def test_growth_of_counts(counts, growth):
    assert growth_of([4, 8, 16], counts) == growth


def test_shared_parameters_count_once():
    layer = nn.Linear(3, 3)
    found = measured(nn.Sequential(layer, nn.Tanh(), layer), Axes(entities=4, features=3)).sharing
    assert found.parameters == 12


def test_a_module_without_parameters_has_no_ratio():
    assert measured(nn.Identity(), Axes(entities=3, features=2)).sharing.ratio is None


def test_dropout_that_is_left_on_is_reported_and_not_taken_for_bias():
    found = measured(seeded(Dropped), Axes(entities=4, features=3, spatial=(0, 1)))
    assert found.randomness.random
    assert found.randomness.spread > 0.1
    assert {one.verdict for one in found.symmetries.values()} == {"random"}
    assert {one.record()["error"] for one in found.symmetries.values()} == {None}
    assert "random" in found.notes[0]
    assert found.influence.density == 0.25  # the same numbers are drawn again, so influence can still be told


def test_dropout_that_evaluation_turns_off_is_no_chance():
    module = nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.5))
    found = measured(module.train(), Axes(entities=4, features=3))
    assert (found.randomness.random, found.symmetries["permutation"].verdict) == (False, "exact")
    assert module.training  # the audit works on a copy
    assert module[0].weight.dtype == torch.float32


def test_an_audit_leaves_torchs_generator_as_it_was():
    before = torch.get_rng_state()
    measured(seeded(Dropped), Axes(entities=4, features=3))
    assert torch.equal(torch.get_rng_state(), before)


def test_normalisation_by_batches_is_noted():
    module = nn.Sequential(nn.Conv1d(2, 2, 1), nn.BatchNorm1d(2, track_running_stats=False))
    found = measured(module, Axes(features=2, grid=(6,)))
    assert found.randomness.mixes_batch
    assert "other samples of its batch" in found.notes[0]
    assert not measured(seeded(Attention), Axes(features=8, steps=4)).randomness.mixes_batch
