"""Learned simulators: their invariances, the semi-implicit step, and laws that are known."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from edgewise.errors import ConfigError
from edgewise.models.interaction import DynamicsOnly, FlatMLP, InteractionDynamics
from edgewise.models.learned_simulator import AttributeScale, LearnedSimulator, MotionScales
from edgewise.models.objects import ObjectDims, Objects, seen
from edgewise.models.pair_forces import PairForces
from edgewise.relation import Complete, Sparse

DIMS = ObjectDims(space=2, attributes=2, relation=1, external=True, mass=True)
STEP = 0.05


def random(*size, seed=0):
    return torch.randn(*size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def objects(n=4, batch=3, d=2, relation=None, **changed):
    relation = relation or Complete(n, loops=False)
    mass = 0.5 + random(batch, n, 1, seed=5).abs()
    made = Objects(
        position=random(batch, n, d, seed=1),
        velocity=random(batch, n, d, seed=2),
        attributes=torch.cat([mass.log(), random(batch, n, 1, seed=3)], -1),
        relation=relation,
        fixed=torch.zeros(batch, n, 1, dtype=torch.bool),
        relation_attributes=torch.ones(batch, *relation.layout, 1, dtype=torch.float64),
        external=random(batch, n, d, seed=4),
        mass=mass,
    )
    return replace(made, **changed)


def turned(state, angle, mirror=False):
    c, s = math.cos(angle), math.sin(angle)
    by = torch.tensor([[c, -s], [s, c]], dtype=torch.float64)
    by = by @ torch.diag(torch.tensor([1.0, -1.0], dtype=torch.float64)) if mirror else by
    return replace(
        state, **{name: getattr(state, name) @ by.T for name in ("position", "velocity", "external")}
    ), by


def made(kind, **choices):
    torch.manual_seed(0)
    dims = choices.pop("dims", DIMS)
    return kind(dims, STEP, **choices).double()


FORCES = {
    "symmetric": {"symmetric": True},
    "central": {"central": True},
    "free": {"symmetric": False},
    "central, free": {"symmetric": False, "central": True},
}
every_force = pytest.mark.parametrize("choices", FORCES.values(), ids=FORCES)


@every_force
def test_pair_forces_turn_with_the_system(choices):
    law, state = made(PairForces, **choices), objects()
    around, by = turned(state, 1.1)
    torch.testing.assert_close(law(around), law(state) @ by.T)


@every_force
def test_pair_forces_do_not_know_where_they_are(choices):
    law, state = made(PairForces, **choices), objects()
    torch.testing.assert_close(law(replace(state, position=state.position + 7)), law(state))


def test_central_forces_have_mirror_images():
    law, state = made(PairForces, central=True), objects()
    mirrored, by = turned(state, 0.4, mirror=True)
    torch.testing.assert_close(law(mirrored), law(state) @ by.T)


@pytest.mark.parametrize("central", [False, True])
def test_symmetric_forces_are_equal_and_opposite(central):
    law, state = made(PairForces, central=central), objects()
    forces = state.relation.to_dense(law.forces(state))
    torch.testing.assert_close(forces, -forces.transpose(1, 2))
    assert forces.abs().max() > 1e-3


def test_symmetric_forces_conserve_momentum_through_steps():
    simulator = LearnedSimulator(made(PairForces, dims=replace(DIMS, external=False)), SCALES)
    state = objects(external=None)
    begun = (state.mass * state.velocity).sum(1)
    for _ in range(20):
        state = simulator.advance(state)
    scale = (state.mass * state.velocity.norm(dim=-1, keepdim=True)).sum(1)
    assert ((state.mass * state.velocity).sum(1) - begun).abs().max() < 1e-12 * scale.max()


def test_drag_and_what_acts_from_outside_are_each_their_own():
    state = objects()
    law, free = made(PairForces, drag=True), made(PairForces)
    still = state.moved(state.position, torch.zeros_like(state.velocity))
    assert (law.own_bias.numel(), free.own_bias.numel()) == (2, 1)
    with torch.no_grad():
        for layer in (law.own[-1], free.own[-1]):
            layer.weight.zero_()
            layer.bias.zero_()
        law.own_bias.copy_(torch.tensor([2.0, -3.0]))
        free.own_bias.fill_(2.0)
    pulls = [
        made_.relation.sum(law_.forces(made_)) / made_.mass for law_, made_ in ((law, state), (free, still))
    ]
    torch.testing.assert_close(law(state) - pulls[0], 2 * state.external - 3 * state.velocity)
    torch.testing.assert_close(free(still) - pulls[1], 2 * state.external)


def test_free_forces_need_not_be_opposite():
    law, state = made(PairForces, symmetric=False), objects()
    forces = state.relation.to_dense(law.forces(state))
    assert (forces + forces.transpose(1, 2)).abs().max() > 1e-3


def test_central_forces_are_central():
    law, state = made(PairForces, central=True), objects()
    forces, pair = law.forces(state), seen(state, STEP)
    across = forces - (forces * pair["direction"]).sum(-1, keepdim=True) * pair["direction"]
    assert across.abs().max() < 1e-12
    torch.testing.assert_close(law.forces(replace(state, velocity=-state.velocity)), forces)


@pytest.mark.parametrize("translation", [True, False])
def test_interaction_dynamics_know_places_only_if_they_are_to(translation):
    law, state = made(InteractionDynamics, translation=translation, relation_hidden=(8,)), objects()
    same = torch.allclose(law(replace(state, position=state.position + 7)), law(state))
    assert same == translation


KINDS = {
    "interaction": lambda: made(InteractionDynamics, relation_hidden=(8,)),
    "interaction with places": lambda: made(InteractionDynamics, relation_hidden=(8,), translation=False),
    "forces": lambda: made(PairForces),
    "forces, free": lambda: made(PairForces, symmetric=False),
    "alone": lambda: DynamicsOnly(DIMS).double(),
}


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_permuting_objects_permutes_what_becomes_of_them(make):
    law, state, order = make(), objects(), torch.tensor([2, 0, 3, 1])
    names = ("position", "velocity", "attributes", "external", "mass", "fixed")
    permuted = replace(state, **{name: getattr(state, name)[:, order] for name in names})
    torch.testing.assert_close(law(permuted), law(state)[:, order])


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_a_list_of_relations_is_as_good_as_all_pairs(make):
    law, whole = make(), objects()
    relation = Complete(4, loops=False).to_sparse()
    listed = objects(relation=relation)
    torch.testing.assert_close(law(listed), law(whole))


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_systems_of_a_batch_do_not_see_each_other(make):
    law, state = make(), objects()
    alone = objects(batch=3)
    one = replace(
        alone,
        **{
            name: getattr(alone, name)[1:2]
            for name in (
                "position",
                "velocity",
                "attributes",
                "fixed",
                "relation_attributes",
                "external",
                "mass",
            )
        },
    )
    torch.testing.assert_close(law(one), law(state)[1:2])


def test_an_mlp_on_a_row_depends_on_the_order():
    law, state, order = FlatMLP(DIMS, 4, (8,)).double(), objects(), torch.tensor([2, 0, 3, 1])
    names = ("position", "velocity", "attributes", "external")
    permuted = replace(state, **{name: getattr(state, name)[:, order] for name in names})
    assert not torch.allclose(law(permuted), law(state)[:, order])


def test_pair_forces_need_a_plane():
    with pytest.raises(ConfigError, match="pair forces in 1 dimension of space"):
        PairForces(ObjectDims(space=1), STEP)


def test_gaps_between_a_ball_and_a_wall():
    state = Objects(
        position=torch.tensor([[[0.0, 0.3], [1.5, 0.0]]]),
        velocity=torch.tensor([[[2.0, 0.0], [0.0, 0.0]]]),
        attributes=torch.zeros(1, 2, 0),
        relation=Sparse(torch.tensor([1]), torch.tensor([0]), 2),
        fixed=torch.tensor([[[False], [True]]]),
        radius=torch.tensor([[[0.25], [0.0]]]),
        half_extents=torch.tensor([[[0.0, 0.0], [0.5, 2.0]]]),
    )
    pair = seen(state, 0.5)
    assert pair["gap"].flatten().tolist() == [0.75]
    assert pair["contact"].flatten().tolist() == [1.5]
    assert pair["touching"].flatten().tolist() == [0.0]
    assert pair["direction"].flatten().tolist() == [1.0, 0.0]
    assert pair["radial_velocity"].flatten().tolist() == [-2.0]
    near = seen(state.moved(state.position + torch.tensor([[[0.8, 0.0], [0.0, 0.0]]]), state.velocity), 0.5)
    assert near["touching"].flatten().tolist() == [1.0]


# ---- the step --------------------------------------------------------------------------------------------------------

SCALES = MotionScales(
    center=(1.0, -1.0),
    length=2.0,
    speed=4.0,
    change=0.5,
    time_step=0.1,
    mass=3.0,
    attributes=(AttributeScale(0.0, 1.0), AttributeScale(0.5, 2.0)),
    relation=(AttributeScale(1.0, 1.0),),
)


class Pull(nn.Module):
    """Towards the origin of what it is told."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones((), dtype=torch.float64))

    def forward(self, state):
        return -self.weight * state.position


def test_a_step_is_semi_implicit_in_the_units_of_the_data():
    state = objects()
    later = LearnedSimulator(Pull(), SCALES).advance(state)
    center = torch.tensor(SCALES.center, dtype=torch.float64)
    velocity = state.velocity - 0.5 * (state.position - center) / 2.0
    torch.testing.assert_close(later.velocity, velocity)
    torch.testing.assert_close(later.position, state.position + 0.1 * velocity)


def test_what_is_fixed_stays():
    fixed = torch.zeros(3, 4, 1, dtype=torch.bool)
    fixed[:, 2] = True
    state = objects(fixed=fixed)
    later = LearnedSimulator(Pull(), SCALES).advance(state)
    assert (later.position == state.position)[:, 2].all()
    assert (later.velocity == state.velocity)[:, 2].all()
    assert (later.position != state.position)[:, 1].all()


def test_the_network_is_told_scaled_numbers_in_its_own_precision():
    state = objects(attributes=torch.full((3, 4, 2), 2.5, dtype=torch.float64))
    simulator = LearnedSimulator(Pull().float(), SCALES)
    told = simulator.scaled(state)
    assert told.position.dtype == told.attributes.dtype == torch.float32
    torch.testing.assert_close(told.velocity, (state.velocity / 4).float())
    torch.testing.assert_close(told.external, (state.external * 0.1 / 0.5).float())
    torch.testing.assert_close(told.mass, (state.mass / 3).float())
    torch.testing.assert_close(told.attributes[..., 0], torch.full((3, 4), 2.5))
    torch.testing.assert_close(told.attributes[..., 1], torch.full((3, 4), 1.0))
    assert (told.relation_attributes == 0).all()


def test_wide_attributes_are_told_as_logarithms():
    scales = replace(
        SCALES, attributes=(AttributeScale(0.0, math.log(10), log=True), AttributeScale(0.0, 1.0))
    )
    state = objects(
        attributes=torch.tensor([[[0.1, 0.1], [10.0, 10.0]]], dtype=torch.float64).repeat(3, 2, 1)
    )
    told = LearnedSimulator(Pull(), scales).scaled(state)
    torch.testing.assert_close(told.attributes[0, :2, 0], torch.tensor([-1.0, 1.0], dtype=torch.float64))
    torch.testing.assert_close(told.attributes[0, :2, 1], torch.tensor([0.1, 10.0], dtype=torch.float64))


def test_scales_survive_json():
    import json
    from dataclasses import asdict

    assert MotionScales.from_dict(json.loads(json.dumps(asdict(SCALES)))) == SCALES


def test_a_rollout_is_one_step_after_the_other():
    simulator, state = LearnedSimulator(Pull(), SCALES), objects()
    rolled = simulator.roll(state)
    first, second = next(rolled), next(rolled)
    torch.testing.assert_close(second.position, simulator.advance(first).position)
    assert not second.position.requires_grad
