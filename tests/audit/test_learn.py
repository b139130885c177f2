"""Sample efficiency: data without a preferred place, matched networks, and what a training measures."""

import json
import math
from dataclasses import replace

import pytest
import torch

from edgewise.audit import learn as learning
from edgewise.audit.learn import ENOUGH, TRAINING, Curve, learn
from edgewise.audit.learn_data import LAW, draw_systems
from edgewise.audit.learn_picture import draw_learning
from edgewise.audit.learners import LEARNERS, PARAMETERS, SetDynamics, symmetries_kept
from edgewise.audit.sharing import n_parameters
from edgewise.errors import ConfigError
from edgewise.folders import to_json
from edgewise.models.objects import ObjectDims
from edgewise.models.pair_forces import PairForces

DIMS = ObjectDims(space=2, attributes=1, mass=True)
QUICK = replace(TRAINING, epochs=2, steps_an_epoch=3)


def matched(name):
    torch.manual_seed(0)
    return next(each for each in LEARNERS if each.name == name).matched(DIMS, 0.1, 5)


# ---- data --------------------------------------------------------------------


def test_bodies_attract_each_other_by_the_law():
    found = draw_systems(3, 0, bodies=4, frames=2)
    x, v = found.position[:, 0], found.velocity[:, 0]
    mass = found.mass
    assert mass is not None
    for _ in range(LAW.steps_per_frame):  # plain loops over the pairs
        pull = torch.zeros_like(x)
        for i in range(4):
            for j in range(4):
                r = x[:, j] - x[:, i]
                pull[:, i] += mass[:, j] * r / (r.square().sum(-1, keepdim=True) + LAW.softening**2) ** 1.5
        v = v + LAW.dt * LAW.gravitation * pull
        x = x + LAW.dt * v
    assert torch.allclose(found.velocity[:, 1], v, atol=1e-6)
    assert torch.allclose(found.position[:, 1], x, atol=1e-6)


def test_larger_data_contain_the_smaller():
    few, many = draw_systems(2, 7), draw_systems(5, 7)
    assert torch.equal(few.position, many.position[:2])
    assert not torch.equal(draw_systems(2, 8).position, few.position)


# ---- networks ----------------------------------------------------------------


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda each: each.name)
def test_networks_have_one_size(learner):
    assert n_parameters(learner.matched(DIMS, 0.1, 5)) == pytest.approx(PARAMETERS, rel=0.05)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("MLP on the row", set()),
        ("deep set", {"permutation"}),
        ("interaction network", {"permutation"}),
        ("interaction network, relative", {"permutation", "translation"}),
        ("pair forces", {"permutation", "translation", "rotation"}),
        ("pair forces, symmetric", {"permutation", "translation", "rotation"}),
        ("pair forces, central", {"permutation", "translation", "rotation", "reflection"}),
    ],
)
def test_a_network_keeps_the_symmetries_that_it_assumes(name, kept):
    errors = symmetries_kept(matched(name), DIMS, 5)
    assert {each for each, error in errors.items() if error < 1e-6} == kept
    assert all(error > 0.1 for each, error in errors.items() if each not in kept)


def test_symmetric_forces_conserve_momentum():
    found = draw_systems(4, 0)
    objects = found.at(torch.arange(4), torch.zeros(4, dtype=torch.int64))
    gained = {}
    for name in ("pair forces", "pair forces, symmetric"):
        network = matched(name).double()
        assert isinstance(network, PairForces)
        assert objects.mass is not None
        with torch.no_grad():
            gained[name] = float((objects.mass * network(objects)).sum(1).abs().max())
    assert gained["pair forces, symmetric"] < 1e-12 < 1e-3 < gained["pair forces"]


def test_a_deep_set_is_its_formula():
    torch.manual_seed(0)
    network = SetDynamics(DIMS, 8).double()
    objects = draw_systems(2, 0).at(torch.arange(2), torch.zeros(2, dtype=torch.int64))
    nodes = torch.cat([objects.attributes, objects.velocity, objects.position], -1)
    told = sum(network.element(nodes[:, j]) for j in range(5)) / 5
    wanted = torch.stack([network.object(torch.cat([nodes[:, i], told], -1)) for i in range(5)], 1)
    assert torch.allclose(network(objects), wanted)


# ---- the measurement ---------------------------------------------------------


@pytest.fixture(scope="module", autouse=True)
def few_test_systems():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learning, "TEST_SYSTEMS", 40)
        yield


@pytest.fixture(scope="module")
def measured():
    told = []
    picked = [each for each in LEARNERS if each.name in ("deep set", "pair forces, central")]
    found = learn(systems=(8, 16), seeds=(0, 1), learners=picked, training=QUICK, on_trained=told.append)
    return found, told


def test_every_training_is_told_and_kept(measured):
    found, told = measured
    assert [(each.seed, each.systems, each.model) for each in told] == [
        (seed, n, name) for seed in (0, 1) for n in (8, 16) for name in ("deep set", "pair forces, central")
    ]
    for curve in found.curves:
        for n, errors in curve.errors.items():
            assert errors == [each.error for each in told if (each.systems, each.model) == (n, curve.model)]
            assert all(0 < error < 10 for error in errors)


def test_a_training_of_a_seed_is_the_same_again(measured):
    found, _ = measured
    picked = [each for each in LEARNERS if each.name == "deep set"]
    again = learn(systems=(8,), seeds=(1,), learners=picked, training=QUICK)
    assert again.curves[0].errors[8] == [found.curves[0].errors[8][1]]


def test_a_bias_pays_with_few_systems():
    picked = [each for each in LEARNERS if each.name in ("MLP on the row", "pair forces, central")]
    training = replace(TRAINING, epochs=4, steps_an_epoch=25)
    weak, strong = learn(systems=(16,), seeds=(0,), learners=picked, training=training).curves
    assert strong.mean(16) < 0.6 < weak.mean(16)


def test_record_and_picture(measured, tmp_path):
    found, _ = measured
    plain = json.loads(to_json(found.record()))
    assert plain["systems"] == [8, 16]
    assert plain["seeds"] == [0, 1]
    assert plain["training"]["steps"] == 6
    model = plain["models"][1]
    errors = model["errors"]["8"]
    assert errors["low"] <= errors["mean"] <= errors["high"]
    assert errors["mean"] == pytest.approx(sum(errors["seeds"]) / 2)
    assert set(model["symmetries"]) == {"permutation", "translation", "rotation", "reflection"}
    draw_learning(found, tmp_path / "learn.png")
    assert (tmp_path / "learn.png").read_bytes().startswith(b"\x89PNG")


def test_the_first_number_of_systems_that_is_enough():
    errors = {8: [0.9, 0.7], 40: [ENOUGH, ENOUGH], 200: [0.1, 0.1]}
    curve = Curve("a", "b", 1, {}, errors)
    assert curve.enough == 40
    assert replace(curve, errors={8: [0.9, 0.7]}).enough is None
    assert math.isclose(curve.mean(8), 0.8)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"systems": (2, 8)}, r"\[2, 8\] systems"),
        ({"systems": ()}, "systems to train on"),
        ({"seeds": (1_000_000,)}, r"seeds \[1000000\]"),
        ({"seeds": ()}, r"seeds \[\]"),
    ],
)
def test_what_cannot_be_learnt_from_is_refused(asked, said):
    with pytest.raises(ConfigError, match=said):
        learn(**asked)
