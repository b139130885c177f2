"""Symmetries of modules for which the answer is known."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from audit.modules import Attention, Neighbours, Pull, Row, seeded
from edgewise.audit import Axes, audit
from edgewise.audit.estimate import relative_error

GRID = Axes(features=2, grid=(8, 8))
STEPS = Axes(features=8, steps=16)


def measured(module, axes, **options):
    return audit(module, axes, samples=16, **options).symmetries


def test_a_circular_convolution_is_translation_equivariant_to_rounding():
    found = measured(seeded(nn.Conv2d, 2, 3, 3, padding=1, padding_mode="circular"), GRID)["translation"]
    assert (found.kind, found.verdict, found.border) == ("equivariance", "exact", None)
    assert found.overall.error < 1e-14


def test_a_padded_convolution_is_translation_equivariant_inside_only():
    found = measured(seeded(nn.Conv2d, 2, 3, 3, padding=1), GRID)["translation"]
    assert found.verdict == "broken"
    assert (found.interior.verdict, found.border.verdict) == ("exact", "broken")
    assert found.interior.error < 1e-14 < found.overall.error < found.border.error


@pytest.mark.parametrize("grid", [(8,), (6, 6, 6)])
def test_convolutions_of_other_dimensions_are_as_equivariant(grid):
    convolution = {1: nn.Conv1d, 3: nn.Conv3d}[len(grid)]
    found = measured(seeded(convolution, 2, 2, 3, padding=1), Axes(features=2, grid=grid))
    assert found["translation"].interior.verdict == "exact"
    assert ("rotation" in found) == (len(grid) == 3)


def test_a_kernel_without_a_side_keeps_turns_and_mirror_images():
    convolution = seeded(nn.Conv2d, 1, 1, 3, padding=1)
    with torch.no_grad():
        convolution.weight.copy_(torch.tensor([[1.0, 2.0, 1.0], [2.0, 5.0, 2.0], [1.0, 2.0, 1.0]]))
    found = measured(convolution, Axes(grid=(6, 6)))
    assert found["rotation"].verdict == found["reflection"].verdict == "exact"
    assert found["permutation"].verdict == "broken"


def test_a_transformer_without_positions_is_permutation_equivariant_and_with_them_is_not():
    axes = Axes(entities=6, features=8)
    assert measured(seeded(Attention), axes)["permutation"].verdict == "exact"
    assert measured(seeded(Attention, positions=True), axes)["permutation"].verdict == "broken"


def test_relative_positions_in_a_window_are_shift_equivariant_away_from_the_ends():
    found = measured(seeded(Attention, relative=2, reach=2), STEPS)
    assert found["time_shift"].interior.verdict == "exact"
    assert found["time_shift"].border.verdict == found["permutation"].verdict == "broken"


def test_relative_positions_everywhere_are_nearly_shift_equivariant_away_from_the_ends():
    """Clipped distances beyond the reach are alike: a shift changes what comes in at the ends, and no more."""
    relative = measured(seeded(Attention, relative=2, reach=15), STEPS)["time_shift"]
    absolute = measured(seeded(Attention, positions=True), STEPS)["time_shift"]
    assert relative.interior.error < 0.12 < 4 * relative.interior.error < absolute.interior.error
    assert "middle half" in relative.note


def test_an_mlp_keeps_nothing():
    found = measured(seeded(Row), Axes(entities=5, features=4, spatial=(0, 1), vectors=(2, 3)))
    assert set(found) == {"permutation", "translation", "rotation", "reflection", "scaling"}
    assert {one.verdict for one in found.values()} == {"broken"}


def test_an_answer_without_the_axis_is_measured_for_invariance():
    class Mean(nn.Module):
        def forward(self, x):
            return x.square().mean(1)

    found = measured(Mean(), Axes(entities=5, features=3))["permutation"]
    assert (found.kind, found.verdict) == ("invariance", "exact")


def test_answers_about_pairs_are_permuted_at_both_ends():
    class Pairs(nn.Module):
        def forward(self, x):
            return x[:, :, None, :] * x[:, None, :, :].exp()

    class Wrong(Pairs):
        def forward(self, x):
            return super().forward(x) + torch.arange(5.0)[:, None]

    axes = Axes(entities=5, features=3)
    assert measured(Pairs(), axes)["permutation"].verdict == "exact"
    assert measured(Wrong(), axes)["permutation"].verdict == "broken"


def test_a_central_force_follows_what_is_done_to_space():
    found = measured(Pull(), Axes(entities=5, features=4, spatial=(0, 1), vectors=(2, 3)))
    kinds = {name: (one.kind, one.verdict) for name, one in found.items()}
    assert kinds == {
        "permutation": ("equivariance", "exact"),
        "translation": ("invariance", "exact"),
        "rotation": ("equivariance", "exact"),
        "reflection": ("equivariance", "exact"),
        "scaling": ("invariance", "broken"),
    }


def test_a_side_of_space_breaks_reflection_only():
    class Swirl(Pull):
        def forward(self, x):
            force = super().forward(x)
            return force + torch.stack([-force[..., 1], force[..., 0]], -1)

    found = measured(Swirl(), Axes(entities=5, features=4, spatial=(0, 1), vectors=(2, 3)))
    assert [name for name, one in found.items() if one.verdict == "broken"] == ["reflection", "scaling"]


def test_points_move_with_a_translation_and_velocities_do_not():
    class Step(nn.Module):
        def forward(self, x):
            return torch.cat([x[..., :2] + 0.1 * x[..., 2:], x[..., 2:].sin()], -1)

    axes = Axes(entities=3, features=4, spatial=(0, 1), vectors=(2, 3))
    found = measured(Step(), axes)
    assert (found["translation"].kind, found["translation"].verdict) == ("equivariance", "exact")
    assert found["translation"].note.startswith("the answer follows with the features of the input")
    assert found["rotation"].verdict == "broken"


def test_a_graph_network_follows_its_relation_and_does_not_see_the_order_of_edges():
    found = measured(seeded(Neighbours), Axes(entities=7, features=4))
    assert found["permutation"].verdict == found["edges"].verdict == "exact"


def test_a_module_that_reads_the_order_of_edges_is_found():
    class First(nn.Module):
        def forward(self, x, edge_index):
            senders, receivers = edge_index
            weights = torch.linspace(1, 2, len(senders), dtype=x.dtype)[:, None]
            return torch.zeros_like(x).index_add(1, receivers, x[:, senders] * weights)

    found = measured(First(), Axes(entities=7, features=2))
    assert found["edges"].verdict == "broken"


@pytest.mark.parametrize("named", ["edges", "edge_attr"])
def test_attributes_of_edges_go_with_their_edges(named):
    source = f"def forward(self, x, edge_index, {named}):\n    return total(x, edge_index, {named})"

    def total(x, edge_index, attributes):
        return torch.zeros_like(x).index_add(1, edge_index[1], x[:, edge_index[0]] * attributes)

    scope = {"total": total}
    exec(source, scope)
    module = type("Typed", (nn.Module,), {"forward": scope["forward"]})()
    found = measured(module, Axes(entities=6, features=2, edge_features=1))
    assert found["edges"].verdict == found["permutation"].verdict == "exact"


def test_a_relation_layout_is_read_as_pairs():
    class Edges(nn.Module):
        def forward(self, relation, x, edges):
            return relation.from_senders(x) - 2 * relation.from_receivers(x) + edges

    axes = Axes(entities=6, features=2, edge_features=2)
    found = audit(Edges(), axes, samples=16)
    assert found.layout.pairs
    assert found.symmetries["permutation"].verdict == found.symmetries["edges"].verdict == "exact"


def test_the_error_is_what_its_formula_says():
    difference, variation = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([8.0, 8.0, 8.0])
    found = relative_error(difference, variation, torch.float64, seed=0)
    assert found.error == pytest.approx(math.sqrt(6 / 24))
    assert math.sqrt(3 / 24) <= found.low < found.error < found.high <= math.sqrt(9 / 24)


def test_the_interval_holds_the_error_of_many_samples():
    """95 % intervals of 32 samples each, beside the error of them all: few miss it."""
    rng = np.random.default_rng(0)
    difference, variation = (torch.from_numpy(rng.exponential(size=(100, 32)) + least) for least in (0, 1))
    true = math.sqrt(1 / 2)
    found = [
        relative_error(d, v, torch.float64, seed)
        for seed, (d, v) in enumerate(zip(difference, variation, strict=True))
    ]
    assert 85 <= sum(one.low <= true <= one.high for one in found) <= 100


def test_half_a_symmetry_is_measured_as_that():
    """f = g + a h, with g equivariant and h an answer to a permuted row, has the error a |h - h'| / |f|."""

    class Mixed(nn.Module):
        def forward(self, x):
            return x + 0.05 * x.flip(1)

    found = measured(Mixed(), Axes(entities=40, features=4))["permutation"]
    assert found.verdict == "approximate"
    assert found.overall.error == pytest.approx(0.05 * math.sqrt(2) / math.sqrt(1 + 0.05**2), rel=0.05)


def test_the_same_seed_gives_the_same_numbers():
    module, axes = seeded(Row), Axes(entities=5, features=4)
    first, second, other = (measured(module, axes, seed=seed)["permutation"].record() for seed in (3, 3, 4))
    assert first == second != other
