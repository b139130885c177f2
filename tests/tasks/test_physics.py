"""Learned simulators from a recipe: they learn, are measured, and are rolled on."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from edgewise import simulate
from edgewise.data import save, validate
from edgewise.errors import ConfigError, DataError
from edgewise.rollouts import places, reach
from edgewise.tasks import TrainingRun, experiment_of, read_recipe
from edgewise.tasks.physics_data import read_parts
from edgewise.tasks.physics_tables import (
    DynamicsOnlyModel,
    FlatModel,
    InteractionModel,
    PairForcesModel,
    PhysicsTraining,
    SimulatedData,
    TrajectoryData,
)
from edgewise.tasks.recipe import Recipe
from edgewise.tasks.rollout import rolled

RECIPES = Path(__file__).parents[2] / "recipes"
DATA = SimulatedData("nbody", entities=3, train=8, validation=2, test=2, steps=30, more=(4,))
TRAINING = PhysicsTraining(epochs=2, steps_an_epoch=30, batch_size=20, learning_rate=3e-3)
SMALL = InteractionModel(effect_dim=8, relation_hidden=16, relation_layers=2, object_hidden=16)


def recipe(model=SMALL, data=DATA, training=TRAINING):
    return Recipe("small", "physics", data, model, training)


def trained(folder, given):
    return TrainingRun(experiment_of(given), folder)(["train"])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("physics") / "run"
    training = replace(TRAINING, epochs=3, steps_an_epoch=80, learning_rate=1e-2)
    trained(folder, recipe(PairForcesModel(hidden=16, central=True), training=training))
    return folder


def test_the_error_falls_below_that_of_constant_velocity(run):
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["mean"] < 0.1
    assert metrics["baselines"] == [{"name": "constant velocity", "value": 1.0}]
    found = metrics["runs"][0]
    assert found["velocity_mse"] / found["constant_velocity_mse"] == pytest.approx(found["test"])
    assert set(found["rollout"]) == {"1", "10"}
    assert set(found["other_numbers"]) == {"4"}


@pytest.mark.parametrize(
    "model", [SMALL, FlatModel(hidden=8, layers=1), DynamicsOnlyModel(hidden=8, layers=1)]
)
def test_every_model_is_trained_and_rolled_on(model, tmp_path):
    trained(tmp_path / "run", recipe(model, training=replace(TRAINING, epochs=1, steps_an_epoch=5)))
    found = rolled(tmp_path / "run", steps=3)
    assert found.steps == 3
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert ("other_numbers" in metrics["runs"][0]) == (not isinstance(model, FlatModel))


def test_the_same_seed_gives_the_same_network(tmp_path):
    short = recipe(training=replace(TRAINING, epochs=1, steps_an_epoch=5))
    for name in ("a", "b"):
        trained(tmp_path / name, short)
    one, two = ((tmp_path / name / "models" / "seed-0.safetensors").read_bytes() for name in ("a", "b"))
    assert one == two


def test_the_error_of_constant_velocity_is_that_of_the_data():
    parts = read_parts(DATA)
    experiment = experiment_of(recipe())
    module = experiment.network()
    for weight in module.parameters():
        torch.nn.init.zeros_(weight)
    with torch.no_grad():
        measured = experiment.measure(0, [module.eval()])
    v = parts.test.velocity.double().numpy()
    moving = ~parts.test.fixed[0, :, 0].numpy()
    assert measured.test == pytest.approx(1.0)
    assert measured.more["velocity_mse"] == pytest.approx(
        np.square(np.diff(v, axis=1)[:, :, moving]).mean(), rel=1e-5
    )


def test_batches_hold_collisions_where_these_are_rare():
    given = SimulatedData("balls", entities=2, train=4, validation=1, test=1, steps=60)
    task = experiment_of(recipe(data=given)).learning("n", torch.nn.Identity(), 0, 0)
    objective = task.objective
    events = set(objective._events.tolist())
    assert 0 < len(events) < 0.3 * 4 * 59
    system, frame = objective._drawn(np.random.default_rng(0))
    flat = (system * 59 + frame).tolist()
    assert sum(k in events for k in flat) >= 0.5 * len(flat)


def test_noise_ends_after_an_eighth_of_the_training():
    objective = experiment_of(recipe()).learning("n", torch.nn.Identity(), 0, 0).objective
    objects = objective.train.at(torch.arange(4), torch.zeros(4, dtype=torch.int64))
    rng = np.random.default_rng(0)
    early, late = (objective._disturbed(objects, step, rng) for step in (0, objective.n_steps // 8 + 1))
    changed = (early.position != objects.position).any(-1)
    assert 0 < changed.float().mean() < 0.6
    assert not (changed & objects.fixed[..., 0]).any()
    assert late is objects


# ---- rollouts --------------------------------------------------------------------------------------------------------


def test_a_rollout_starts_at_the_recording_and_goes_on_beyond_it(run):
    found = rolled(run, steps=40, start=5, systems=1)
    recorded = read_parts(DATA).recorded
    assert found.frames.sizes["time"] == 41
    np.testing.assert_allclose(found.frames.x[0, 0], recorded.x[0, 5])
    assert found.truth.sizes["time"] == 25
    np.testing.assert_array_equal(found.truth.x, recorded.x[:1, 5:])
    np.testing.assert_allclose(np.diff(found.frames.time), 0.001)
    assert found.frames.attrs["simulator"] == "nbody"


def test_a_rollout_from_the_last_frame_has_nothing_beside_it(run):
    assert rolled(run, steps=2, start="last").truth is None


def test_a_rollout_takes_more_objects_than_the_training(run):
    data = validate(simulate("nbody", entities=5, sequences=3, steps=4, seed=9))
    found = rolled(run, steps=2, data=data, systems=2)
    assert dict(found.frames.sizes) == {"sequence": 2, "time": 3, "entity": 5, "receiver": 5, "sender": 5}


def test_positions_follow_velocities(run):
    frames = rolled(run, steps=5).frames
    moved = np.diff(frames.x.to_numpy(), axis=1) / 0.001
    moving = frames.fixed.to_numpy()[0, 0] == 0
    np.testing.assert_allclose(moved[..., moving], frames.vx.to_numpy()[:, 1:, moving], rtol=1e-6, atol=1e-6)


def test_a_diverging_rollout_is_cut_where_it_leaves(run):
    whole = places(rolled(run, steps=60).frames)
    centre, _ = reach(read_parts(DATA).recorded)
    far = np.linalg.norm(whole - centre, axis=-1).max((0, 2))
    assert far.max() > far[:10].max()
    found = rolled(run, steps=60, limit=float(far[:10].max()) * 1.0001)
    assert found.diverged is not None
    assert 10 <= found.diverged.step == found.frames.sizes["time"]
    assert "planet" in found.diverged.entity


def test_a_frame_that_is_not_there_is_refused(run):
    with pytest.raises(DataError, match=r"start=30: there is no such frame"):
        rolled(run, steps=2, start=30)


def test_a_control_of_so_many_objects_takes_no_others(tmp_path):
    trained(tmp_path / "run", recipe(FlatModel(hidden=8, layers=1), training=replace(TRAINING, epochs=1)))
    more = validate(simulate("nbody", entities=4, sequences=1, steps=4))
    with pytest.raises(DataError, match="4 objects for an MLP of the states of 3"):
        rolled(tmp_path / "run", steps=2, data=more)


def test_data_of_another_kind_are_refused(run):
    balls = validate(simulate("balls", entities=2, sequences=1, steps=4))
    with pytest.raises(
        DataError, match=r"these data have (attributes|relation|shaped) = .* was trained with"
    ):
        rolled(run, steps=2, data=balls)


# ---- data ------------------------------------------------------------------------------------------------------------


def test_parts_of_simulated_data_are_different_systems():
    parts = read_parts(DATA)
    assert [part.n_systems for part in (parts.train, parts.validation, parts.test)] == [8, 2, 2]
    starts = torch.cat([part.position[:, 0] for part in (parts.train, parts.validation, parts.test)])
    assert len(torch.unique(starts.flatten(1), dim=0)) == 12
    np.testing.assert_array_equal(parts.recorded.x.to_numpy()[:, 0], parts.test.position[:, 0, :, 0])
    assert parts.more[4].sizes["entity"] == 4


@pytest.mark.parametrize(("systems", "cut"), [(10, (7, 1, 2)), (1, (28, 4, 8))])
def test_recordings_of_ones_own_are_cut_by_recordings_or_by_frames(systems, cut, tmp_path):
    save(simulate("nbody", entities=3, sequences=systems, steps=40), tmp_path / "data.nc")
    parts = read_parts(TrajectoryData(str(tmp_path / "data.nc")))
    counts = [p.n_systems if systems > 1 else p.n_frames for p in (parts.train, parts.validation, parts.test)]
    assert tuple(counts) == cut


def test_too_few_recordings_are_refused(tmp_path):
    save(simulate("nbody", entities=3, sequences=1, steps=6), tmp_path / "data.nc")
    with pytest.raises(DataError, match="1 recordings of 6 frames"):
        read_parts(TrajectoryData(str(tmp_path / "data.nc")))


def test_simulated_data_have_no_file():
    with pytest.raises(ConfigError, match=r"path is 'mine\.nc'"):
        recipe().with_data(Path("mine.nc"))


@pytest.mark.parametrize(
    "name", [f"{kind}-{system}" for kind in ("in", "forces") for system in ("nbody", "balls", "string")]
)
def test_the_recipes_are_read(name):
    found = read_recipe(RECIPES / f"{name}.toml")
    assert found.task == "physics"
    few = replace(found.data, train=1, validation=1, test=1, steps=4, more=())
    parts = read_parts(few)
    assert parts.train.n_frames == 4
