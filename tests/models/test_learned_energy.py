"""Learned potential energies: their invariances, that objects without relations add up, and their units."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from edgewise.models.interaction import InteractionEnergy
from edgewise.models.learned_energy import EnergyScale, LearnedEnergy
from edgewise.models.learned_simulator import AttributeScale, MotionScales
from edgewise.models.objects import ObjectDims, Objects
from edgewise.relation import Complete, Sparse

DIMS = ObjectDims(space=2, attributes=2, relation=1, external=True)
SIZES = {"effect_dim": 4, "relation_hidden": (8,), "object_hidden": (8,), "features": 3}


def random(*size, seed=0):
    return torch.randn(*size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def objects(n=4, batch=3, seed=0, relation=None, **changed):
    relation = relation or Complete(n, loops=False)
    made = Objects(
        position=random(batch, n, 2, seed=seed + 1),
        velocity=random(batch, n, 2, seed=seed + 2),
        attributes=random(batch, n, 2, seed=seed + 3),
        relation=relation,
        fixed=torch.zeros(batch, n, 1, dtype=torch.bool),
        relation_attributes=torch.ones(batch, *relation.layout, 1, dtype=torch.float64),
        external=random(batch, n, 2, seed=seed + 4),
    )
    return replace(made, **changed)


def energy(dims=DIMS, **choices):
    torch.manual_seed(0)
    return InteractionEnergy(dims, **(SIZES | choices)).double()


@pytest.mark.parametrize("translation", [True, False])
def test_an_energy_is_one_number_a_system_however_its_objects_are_ordered(translation):
    law, state, order = energy(translation=translation), objects(), torch.tensor([2, 0, 3, 1])
    names = ("position", "velocity", "attributes", "external", "fixed")
    permuted = replace(state, **{name: getattr(state, name)[:, order] for name in names})
    assert law(state).shape == (3,)
    torch.testing.assert_close(law(permuted), law(state))


@pytest.mark.parametrize("translation", [True, False])
def test_places_matter_only_if_they_are_to(translation):
    law, state = energy(translation=translation), objects()
    moved = replace(state, position=state.position + 7)
    assert torch.allclose(law(moved), law(state)) == translation


def test_an_energy_without_outer_fields_is_the_same_when_the_system_is_turned():
    law, state = energy(replace(DIMS, external=False)), objects(external=None)
    c, s = math.cos(1.1), math.sin(1.1)
    by = torch.tensor([[c, -s], [s, c]], dtype=torch.float64)
    torch.testing.assert_close(law(replace(state, position=state.position @ by.T)), law(state))
    assert not torch.allclose(law(replace(state, position=1.1 * state.position)), law(state))


@pytest.mark.parametrize("translation", [True, False])
def test_velocities_have_no_potential_energy(translation):
    law, state = energy(translation=translation), objects()
    torch.testing.assert_close(law(replace(state, velocity=-2 * state.velocity)), law(state))


def test_a_batch_is_its_systems_one_by_one():
    law, state = energy(), objects()
    names = ("position", "velocity", "attributes", "fixed", "relation_attributes", "external")
    for k in range(3):
        one = replace(state, **{name: getattr(state, name)[k : k + 1] for name in names})
        torch.testing.assert_close(law(one), law(state)[k : k + 1])


def test_a_list_of_relations_is_as_good_as_all_pairs():
    law = energy()
    listed = objects(relation=Complete(4, loops=False).to_sparse())
    torch.testing.assert_close(law(listed), law(objects()))


def test_groups_without_relations_between_them_add_up():
    """What is summed is additive; f_A alone decides how an energy follows from the sum."""
    law, pairs = energy(), Complete(3, loops=False).to_sparse()
    one, two = (objects(3, relation=pairs, seed=seed) for seed in (0, 10))
    both = Sparse(
        torch.cat([pairs.senders, pairs.senders + 3]), torch.cat([pairs.receivers, pairs.receivers + 3]), 6
    )
    names = ("position", "velocity", "attributes", "fixed", "external")
    joined = {name: torch.cat([getattr(one, name), getattr(two, name)], 1) for name in names}
    union = objects(6, relation=both, **joined)
    summed = law.parts(one).sum(1) + law.parts(two).sum(1)
    torch.testing.assert_close(law.parts(union).sum(1), summed)
    read = law.abstraction.abstraction
    torch.testing.assert_close(
        law(union), read.layers(summed @ torch.cat(list(read.weights), 1).T + read.bias)[:, 0]
    )


def test_who_acts_on_whom_matters():
    law, pair = energy(), Sparse(torch.tensor([0]), torch.tensor([1]), 2)
    apart = Sparse(torch.zeros(0, dtype=torch.int64), torch.zeros(0, dtype=torch.int64), 2)
    assert not torch.allclose(law(objects(2, relation=pair)), law(objects(2, relation=apart)))


def test_objects_with_a_shape_are_seen_from_surface_to_surface():
    law = energy(replace(DIMS, shaped=True))
    small, large = (
        objects(radius=torch.full((3, 4, 1), radius, dtype=torch.float64)) for radius in (0.1, 0.4)
    )
    assert not torch.allclose(law(small), law(large))


class Height(nn.Module):
    """The second coordinate of the first object, as it is told."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones((), dtype=torch.float32))

    def forward(self, state):
        return self.weight * state.position[:, 0, 1]


def test_energies_are_in_the_units_of_the_data():
    scales = MotionScales(
        (1.0, -1.0),
        2.0,
        4.0,
        0.5,
        0.1,
        attributes=(AttributeScale(0, 1),) * 2,
        relation=(AttributeScale(0, 1),),
    )
    state = objects()
    model = LearnedEnergy(Height(), scales, EnergyScale(mean=-50.0, sd=3.0))
    told = (state.position[:, 0, 1] + 1) / 2
    assert model(state).dtype == torch.float32
    torch.testing.assert_close(model(state), told.float())
    torch.testing.assert_close(model.energies(state), -50 + 3 * told.float().double())
