"""Potential energies from single frames: where they come from, how they are learnt, and what is refused."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from edgewise import simulate
from edgewise.data import save, validate
from edgewise.errors import ConfigError, DataError
from edgewise.models.learned_energy import EnergyScale
from edgewise.tasks import TrainingRun, experiment_of, predictions, read_recipe, read_trained
from edgewise.tasks.energy_data import energies
from edgewise.tasks.motions import described
from edgewise.tasks.next_velocity import sampled_frames
from edgewise.tasks.physics_tables import EnergyModel, PhysicsTraining, SimulatedData, TrajectoryData
from edgewise.tasks.recipe import Recipe
from edgewise.tasks.rollout import rolled

RECIPES = Path(__file__).parents[2] / "recipes"
DATA = SimulatedData(
    "nbody", entities=3, train=60, validation=5, test=20, steps=8, more=(4,), options=("steps_per_frame=10",)
)
TRAINING = PhysicsTraining(
    epochs=3, steps_an_epoch=50, batch_size=40, learning_rate=1e-2, noise=0.0, noisy=0.0, balance=0.0
)
SMALL = EnergyModel(effect_dim=8, relation_hidden=24, relation_layers=1, object_hidden=16, features=4)


def recipe(data=DATA, training=TRAINING, model=SMALL):
    return Recipe("small", "physics", data, model, training)


def nbody(**more):
    return validate(simulate("nbody", entities=3, **({"sequences": 4, "steps": 6, "seed": 1} | more)))


def with_energy(ds, values):
    """The energy of each frame [sequence, time] or of each entity in it, as a feature."""
    values = values if values.ndim == 3 else np.repeat(values[..., None], ds.sizes["entity"], -1)
    return validate(ds.assign(potential_energy=(ds.x.dims, values)))


@pytest.fixture(scope="module")
def experiment():
    return experiment_of(recipe())


@pytest.fixture(scope="module")
def run(experiment, tmp_path_factory):
    folder = tmp_path_factory.mktemp("energy") / "run"
    TrainingRun(experiment, folder)(["train"])
    return folder


def record(folder, name):
    return json.loads((folder / f"{name}.json").read_text("utf-8"))


# ---- energies --------------------------------------------------------------------------------------------------------


def test_the_energy_of_bodies_is_the_sum_over_their_pairs():
    ds = nbody()
    options = json.loads(ds.attrs["simulator_options"])
    x, y, m = (ds[name].to_numpy().astype(float) for name in ("x", "y", "mass"))
    expected = np.zeros(x.shape[:2])
    for i in range(3):
        for j in range(i):
            distance = np.hypot(x[..., i] - x[..., j], y[..., i] - y[..., j])
            expected -= options["gravitation"] * m[..., i] * m[..., j] / distance
    np.testing.assert_allclose(energies(ds), expected, rtol=1e-6)


def test_a_feature_of_the_data_says_what_the_energy_is():
    values = np.arange(24.0).reshape(4, 6)
    ds = with_energy(nbody(), values)
    np.testing.assert_array_equal(energies(ds), values)
    assert "potential_energy" not in described(ds).attributes


def test_data_whose_energy_nobody_knows_are_refused():
    ds = nbody()
    del ds.attrs["simulator"]
    with pytest.raises(DataError, match="the potential energy of these data is not known") as error:
        energies(ds)
    assert "a feature `potential_energy`" in str(error.value)
    assert "the same for every entity" in str(error.value)


def test_energies_that_are_always_the_same_are_refused():
    with pytest.raises(DataError, match="the potential energy is 0 in all 18 frames of a part"):
        energies(validate(simulate("balls", entities=2, sequences=3, steps=6)))


def test_an_energy_of_every_entity_alone_is_refused():
    values = np.ones((4, 6, 3))
    values[2, 5, 1] = 4
    with pytest.raises(DataError, match=r"is 1 for one entity and 4 for another in frame 5 of recording '2'"):
        energies(with_energy(nbody(), values))


def test_a_missing_energy_is_named():
    values = np.arange(24.0).reshape(4, 6)
    values[1, 3] = np.nan
    with pytest.raises(DataError, match=r"missing in frame 3 of recording '1'"):
        energies(with_energy(nbody(), values))


# ---- learning --------------------------------------------------------------------------------------------------------


def test_energies_are_learnt_far_better_than_by_simple_answers(run):
    metrics = record(run, "metrics")
    values = {row["name"]: row["value"] for row in metrics["baselines"]}
    assert list(values) == [
        "the mean of the training part",
        "linear regression on summed features of objects",
    ]
    assert values["the mean of the training part"] >= 1
    assert metrics["mean"] < 0.3 * min(values.values())
    found = metrics["runs"][0]
    assert found["energy_mse"] / found["energy_variance"] == pytest.approx(found["test"])
    assert set(found["other_numbers"]) == {"4"}
    larger = found["other_numbers"]["4"]
    assert larger["energy_mse"] / larger["energy_variance"] == pytest.approx(larger["ratio"])
    assert (metrics["unit"], metrics["higher_is_better"]) == ("ratio", False)


def test_the_mean_of_the_test_part_is_worth_one(experiment):
    known = experiment.energies[2][sampled_frames(experiment.parts.test, 20000)]
    module = experiment.network()
    module.energy = EnergyScale(float(known.mean()), 1.0)
    for weight in module.parameters():
        torch.nn.init.zeros_(weight)
    measured = experiment.measure(0, [module.eval()])
    assert measured.test == pytest.approx(1.0)
    assert measured.more["energy_variance"] == pytest.approx(float(known.numpy().var()))
    assert set(measured.predictions["predicted"]) == {float(f"{module.energy.mean:.6g}")}


def test_the_linear_answer_is_that_of_least_squares(experiment):
    parts, scales = experiment.parts, experiment.scales
    rows = {}
    for name, motions in (("train", parts.train), ("test", parts.test)):
        told = (motions.position[:, :-1].double() - torch.tensor(scales.center)) / scales.length
        masses = motions.attributes.double().numpy()  # mass, fixed
        known = [
            (np.log(masses[..., k]) if scale.log else masses[..., k]) / scale.scale
            for k, scale in enumerate(scales.attributes)
        ]
        summed = np.stack([values.sum(1) for values in known], -1)[:, None].repeat(told.shape[1], 1)
        rows[name] = np.concatenate([summed, told.sum(2), np.ones((*told.shape[:2], 1))], -1)
    truth = [values[:, :-1].numpy().ravel() for values in (experiment.energies[0], experiment.energies[2])]
    a, b = (rows[name].reshape(-1, rows[name].shape[-1]) for name in ("train", "test"))
    weights = np.linalg.lstsq(a, truth[0], rcond=None)[0]
    expected = np.square(b @ weights - truth[1]).mean() / truth[1].var()
    assert experiment.baselines()[1]["value"] == pytest.approx(expected, rel=1e-4)


def test_a_step_is_the_squared_error_in_standard_deviations_of_the_training_part(experiment):
    module = experiment.network()
    objective = experiment.learning("n", module, 0, 3).objective
    _, system, frame = objective.batch(7)
    known = experiment.energies[0]
    mean, sd = float(known.mean()), float(known.std(correction=0))
    with torch.no_grad():
        foretold = module(objective.train.at(system, frame))
        loss = objective.loss(module, 7)
        validation, ratio = objective.validate(module)
    expected = np.square(foretold.numpy() - (known[system, frame].numpy() - mean) / sd).mean()
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    held = experiment.energies[1][:, :-1]
    assert validation / ratio == pytest.approx(float(held.var(correction=0)) / sd**2)


def test_the_energy_of_a_noisy_state_is_that_of_the_true_one(experiment):
    module = experiment.network()
    given = recipe(training=replace(TRAINING, noise=0.5, noisy=1.0))
    objective = experiment_of(given).learning("n", module, 0, 0).objective
    noisy, system, frame = objective.batch(0)
    true = objective.train.at(system, frame)
    assert not torch.equal(noisy.position, true.position)
    target = (experiment.energies[0][system, frame] - module.energy.mean) / module.energy.sd
    with torch.no_grad():
        expected = (module(noisy) - target.float()).square().mean()
        torch.testing.assert_close(objective.loss(module, 0), expected)


def test_the_records_say_what_was_learnt(run, experiment):
    preview, config = record(run, "preview"), record(run, "config")
    assert (preview["kind"], preview["target"]) == ("regression", "potential energy")
    known = experiment.energies[2]
    assert preview["points"][0]["true"] == pytest.approx(float(known[0, 0]), rel=1e-5)
    assert preview["points"][0]["name"].endswith("frame 0")
    assert config["energy"]["mean"] == pytest.approx(float(experiment.energies[0].mean()))
    protocol = " ".join(record(run, "run")["protocol"])
    assert "divided by the variance of their energies" in protocol


def test_data_of_ones_own_with_energies_are_learnt(tmp_path):
    ds = nbody(sequences=8)
    del ds.attrs["simulator"]
    save(with_energy(ds, np.random.default_rng(0).normal(size=(8, 6))), tmp_path / "data.nc")
    short = replace(TRAINING, epochs=1, steps_an_epoch=3)
    given = recipe(TrajectoryData(str(tmp_path / "data.nc"), validation=0.2, test=0.2), short)
    TrainingRun(experiment_of(given), tmp_path / "run")(["train"])
    metrics = record(tmp_path / "run", "metrics")
    assert metrics["runs"][0]["other_numbers"] == {}
    assert np.isfinite(metrics["mean"])


def test_other_energies_are_other_data(experiment):
    changed = experiment_of(recipe())
    assert changed.fingerprint == experiment.fingerprint
    parts = changed.parts
    doubled = [with_energy(ds, 2 * energies(ds).numpy()) for ds in parts.recordings]
    other = type(changed)(recipe(), replace(parts, recordings=tuple(doubled)))
    assert other.fingerprint != experiment.fingerprint


def test_energies_are_read_off_other_recordings(run, experiment, tmp_path):
    save(experiment.parts.recorded.isel(sequence=slice(3, 5)), tmp_path / "new.nc")
    found = predictions(read_trained(run), tmp_path / "new.nc")
    assert list(found) == ["sequence", "time", "potential_energy"]
    assert found["time"][:3] == pytest.approx([0, 0.01, 0.02])
    rows = record(run, "preview")["points"]
    by_name = {row["name"]: row["predicted"] for row in rows}
    for k in (0, 8):  # the first frame of both systems
        name = f"system {found['sequence'][k]}, frame 0"
        assert found["potential_energy"][k] == pytest.approx(by_name[name], rel=1e-4)
    assert len(set(found["sequence"])) == 2


def test_energies_of_objects_that_are_described_otherwise_are_refused(run, tmp_path):
    save(simulate("balls", entities=3, sequences=1, steps=4), tmp_path / "balls.nc")
    with pytest.raises(DataError, match=r"these data have .*, and the network was trained with"):
        predictions(read_trained(run), tmp_path / "balls.nc")


def test_a_run_that_learns_energies_moves_nothing(run):
    with pytest.raises(ConfigError, match="holds a network that learns energies and moves nothing"):
        rolled(run, steps=2)


@pytest.mark.parametrize("system", ["nbody", "string"])
def test_the_recipes_are_read_and_learn(system):
    found = read_recipe(RECIPES / f"in-{system}-energy.toml")
    assert isinstance(found.model, EnergyModel)
    assert found.model.translation == (system == "nbody")
    few = replace(found, data=replace(found.data, train=3, validation=1, test=1, steps=4, more=()))
    experiment = experiment_of(few)
    module = experiment.network()
    objective = experiment.learning("n", module, 0, 0).objective
    objective.loss(module, 0).backward()
    assert all(weight.grad.abs().sum() > 0 for weight in module.parameters())
